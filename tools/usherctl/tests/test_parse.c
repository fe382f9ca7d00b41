// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arguments: what is understood, and that everything else is refused.
 */
#include <stdlib.h>
#include <string.h>

#include <usher.h>

#include "node.h"
#include "parse.h"
#include "tap.h"

static void numbers(void)
{
	static const char * const wrong[] = {
		"", " 1", "1 ", "-1", "+1", "x", "0x", "1.5", "18446744073709551616",
	};
	unsigned int i;
	__u64 n;

	EXPECT(!parse_number("0", &n));
	EXPECT_EQ(n, 0);
	EXPECT(!parse_number("0x1F", &n));
	EXPECT_EQ(n, 31);
	EXPECT(!parse_number("010", &n));
	EXPECT_EQ(n, 10);
	EXPECT(!parse_number("18446744073709551615", &n));
	EXPECT_EQ(n, -1LL);
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		EXPECT(parse_number(wrong[i], &n));
}

static void sizes(void)
{
	static const struct {
		const char *text;
		long long bytes;
	} right[] = {
		{ "1", 1 }, { "512", 512 }, { "4k", 4096 }, { "4K", 4096 },
		{ "4KiB", 4096 }, { "4kB", 4000 }, { "64M", 64 << 20 },
		{ "2G", 2LL << 30 }, { "1T", 1LL << 40 }, { "1MB", 1000000 },
		{ "0x10K", 16384 },
	};
	static const char * const wrong[] = {
		"", "K", "4X", "4KB4", "4Ki", "4 K", "4KiBs", "-4K", "1E",
		"17000000T", "18446744073709551615K",
	};
	unsigned int i;
	__u64 bytes;

	for (i = 0; i < ARRAY_SIZE(right); i++) {
		EXPECT(!parse_size(right[i].text, &bytes));
		EXPECT_EQ(bytes, right[i].bytes);
	}
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		EXPECT(parse_size(wrong[i], &bytes));
}

static void ranges(void)
{
	static const struct {
		const char *text;
		__u64 slba, nlb;
	} right[] = {
		{ "0-0", 0, 1 },
		{ "0-1023", 0, 1024 },
		{ "5+3", 5, 3 },
		{ "0x10-0x1f", 16, 16 },
		{ "1-18446744073709551615", 1, -1 },
		{ "18446744073709551615+1", -1, 1 },
		{ "0+18446744073709551615", 0, -1 },
	};
	static const char * const wrong[] = {
		"", "5", "5-", "-5", "5+", "+5", "a-b", "5-6-7", "5 - 6",
		"5--6", "5+-6", "5-6K", "6-5", "5+0", "5,6",
		"0-18446744073709551615", "18446744073709551615+2",
		"0-18446744073709551616", "18446744073709551616+1",
	};
	struct range range;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(right); i++) {
		EXPECT(!parse_range(right[i].text, &range));
		EXPECT_EQ(range.slba, right[i].slba);
		EXPECT_EQ(range.nlb, right[i].nlb);
	}
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		EXPECT(parse_range(wrong[i], &range));
	EXPECT(!strcmp(parse_range("6-5", &range), "ends before it begins"));
	EXPECT(!strcmp(parse_range("6+0", &range), "is empty"));
}

static void rights(void)
{
	static const char * const wrong[] = {
		"", ",", "r,", ",r", "x", "rw", "r,,w", "reads", "r w",
	};
	unsigned int i;
	__u32 bits;
	char text[16];

	EXPECT(!parse_rights("r", &bits));
	EXPECT_EQ(bits, USHER_RIGHT_READ);
	EXPECT(!parse_rights("w,r", &bits));
	EXPECT_EQ(bits, USHER_RIGHT_READ | USHER_RIGHT_WRITE);
	EXPECT(!parse_rights("read,write,flush,admin", &bits));
	EXPECT_EQ(bits, USHER_RIGHTS_ALL);
	EXPECT(!parse_rights("f,a", &bits));
	EXPECT_EQ(bits, USHER_RIGHT_FLUSH | USHER_RIGHT_ADMIN);
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		EXPECT(parse_rights(wrong[i], &bits));

	EXPECT(!strcmp(format_rights(USHER_RIGHTS_ALL, text), "r,w,f,a"));
	EXPECT(!strcmp(format_rights(USHER_RIGHT_FLUSH, text), "f"));
	EXPECT(!strcmp(format_rights(0, text), ""));
}

static void modes(void)
{
	static const char * const wrong[] = {
		"", "rw", "8", "0777", "1666", "-6", "0x1b6", "666 ",
	};
	unsigned int i;
	mode_t mode;

	EXPECT(!parse_mode("0660", &mode));
	EXPECT_EQ(mode, 0660);
	EXPECT(!parse_mode("666", &mode));
	EXPECT_EQ(mode, 0666);
	EXPECT(!parse_mode("0", &mode));
	EXPECT_EQ(mode, 0);
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		EXPECT(parse_mode(wrong[i], &mode));
}

static void users(void)
{
	static const char * const wrong[] = {
		"", ":", "no-such-user", "root:", "root:no-such-group",
		"no-such-user:root", "3999999999", "4294967295:0",
		"0:4294967295", "-1:0",
	};
	struct identity who;
	unsigned int i;

	EXPECT(!parse_user("root", &who));
	EXPECT_EQ(who.uid, 0);
	EXPECT_EQ(who.gid, 0);
	EXPECT(who.name && !strcmp(who.name, "root"));
	free(who.name);

	EXPECT(!parse_user("0:17", &who));
	EXPECT_EQ(who.uid, 0);
	EXPECT_EQ(who.gid, 17);
	EXPECT(who.name && !strcmp(who.name, "root"));
	free(who.name);

	EXPECT(!parse_user("3999999999:3999999998", &who));
	EXPECT_EQ(who.uid, 3999999999);
	EXPECT_EQ(who.gid, 3999999998);
	EXPECT(!who.name);

	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		EXPECT(parse_user(wrong[i], &who));
}

static void groups(void)
{
	gid_t gid = 7;

	EXPECT(!parse_group("root", &gid));
	EXPECT_EQ(gid, 0);
	EXPECT(!parse_group("12345", &gid));
	EXPECT_EQ(gid, 12345);
	EXPECT(parse_group("no-such-group", &gid));
	EXPECT(parse_group("", &gid));
}

static void nodes(void)
{
	static const char * const wrong[] = {
		"", "usher", "usher0n", "usher0n0", "usher0n1s", "usher0n1s0",
		"usher0s1", "usher01", "usher0n1x", "xusher0", "usher-1",
		"nvme0n1", "/dev/usher0", "/srv/usher1n1", "usher0/",
	};
	struct node node;
	unsigned int i;

	EXPECT(parse_node("usher0", &node));
	EXPECT_EQ(node.device, 0);
	EXPECT_EQ(node.ns, 0);
	EXPECT(parse_node("usher12n3", &node));
	EXPECT_EQ(node.device, 12);
	EXPECT_EQ(node.ns, 3);
	EXPECT_EQ(node.slice, 0);
	EXPECT(parse_node("usher1n2s3", &node));
	EXPECT_EQ(node.slice, 3);
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		EXPECT(!parse_node(wrong[i], &node));
}

static void size_texts(void)
{
	static const struct {
		__u64 bytes;
		const char *text;
	} right[] = {
		{ 0, "0 B" }, { 1023, "1023 B" }, { 1024, "1.00 KiB" },
		{ 1536, "1.50 KiB" }, { 64 << 20, "64.0 MiB" },
		{ 100 << 20, "100 MiB" }, { 1000ULL << 20, "0.98 GiB" },
		{ 2ULL << 40, "2.00 TiB" }, { -1, "16.0 EiB" },
	};
	unsigned int i;
	char text[16];

	for (i = 0; i < ARRAY_SIZE(right); i++) {
		format_size(right[i].bytes, text);
		EXPECT(!strcmp(text, right[i].text));
	}
}

static const struct tap_test tests[] = {
	TAP_TEST(numbers),
	TAP_TEST(sizes),
	TAP_TEST(ranges),
	TAP_TEST(rights),
	TAP_TEST(modes),
	TAP_TEST(users),
	TAP_TEST(groups),
	TAP_TEST(nodes),
	TAP_TEST(size_texts),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
