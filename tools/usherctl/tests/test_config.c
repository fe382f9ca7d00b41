// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration space of all kinds, of devices that lie, too.
 */
#include <string.h>

#include "config.h"
#include "tap.h"

static struct capability caps[MAX_STANDARD + MAX_EXTENDED];
static struct config config;
static struct vectors vectors;

static void put(unsigned int at, unsigned int bytes, __u32 value)
{
	for (; bytes--; value >>= 8)
		config.bytes[at++] = value;
}

/* A device with MSI-X and MSI, and two extended capabilities */
static void make(unsigned int readable)
{
	memset(&config, 0, sizeof(config));
	config.readable = readable;
	put(0x00, 4, 0x00101b36);
	put(0x06, 2, 0x10);
	put(0x34, 1, 0x40);
	put(0x3d, 1, 2);
	put(0x40, 4, 0x00408011);	/* MSI-X, 65 vectors */
	put(0x44, 4, 0x00002000);	/* in region 0 */
	put(0x48, 4, 0x00003004);	/* pending bits in region 4 */
	put(0x80, 4, 0x00860005);	/* MSI, 8 vectors */
	put(0x100, 4, 0x15010001);	/* error reporting */
	put(0x150, 4, 0x00010019);
}

static void all_of_it(void)
{
	make(4096);
	EXPECT(config_answers(&config));
	EXPECT_EQ(config_capabilities(&config, caps), 4);
	EXPECT_EQ(caps[0].offset, 0x40);
	EXPECT(!strcmp(capability_name(&caps[0]), "MSI-X"));
	EXPECT(!strcmp(capability_name(&caps[1]), "MSI"));
	EXPECT(!strcmp(capability_name(&caps[2]), "Advanced Error Reporting"));
	EXPECT_EQ(caps[3].offset, 0x150);
	EXPECT(caps[3].extended);
	EXPECT(!strcmp(capability_name(&caps[3]), "Secondary PCI Express"));

	config_vectors(&config, &vectors);
	EXPECT_EQ(vectors.msix, 65);
	EXPECT_EQ(vectors.msi, 8);
	EXPECT_EQ(vectors.pin, 2);
	EXPECT_EQ(vectors.table_region, 0);
	EXPECT_EQ(vectors.table_offset, 0x2000);
	EXPECT_EQ(vectors.pba_region, 4);
	EXPECT_EQ(vectors.pba_offset, 0x3000);
}

static void without_extended(void)
{
	make(256);
	EXPECT_EQ(config_capabilities(&config, caps), 2);
	make(4096);
	put(0x100, 4, 0);
	EXPECT_EQ(config_capabilities(&config, caps), 2);
	put(0x100, 4, 0xffffffff);
	EXPECT_EQ(config_capabilities(&config, caps), 2);
}

static void without_privilege(void)
{
	make(64);
	EXPECT_EQ(config_capabilities(&config, caps), 0);
	config_vectors(&config, &vectors);
	EXPECT_EQ(vectors.msix, 0);
	EXPECT_EQ(vectors.pin, 2);

	/* not even that */
	make(0);
	EXPECT(config_answers(&config));
	EXPECT_EQ(config_capabilities(&config, caps), 0);
}

static void gone(void)
{
	make(4096);
	memset(config.bytes, 0xff, sizeof(config.bytes));
	EXPECT(!config_answers(&config));
	EXPECT_EQ(config_capabilities(&config, caps), 0);
	config_vectors(&config, &vectors);
	EXPECT_EQ(vectors.pin, 0);
}

/* Lists that go round, or nowhere, end. */
static void lists_without_end(void)
{
	make(4096);
	put(0x81, 1, 0x40);
	EXPECT_EQ(config_capabilities(&config, caps), MAX_STANDARD + 2);
	put(0x150, 4, 0x10010019);
	EXPECT_EQ(config_capabilities(&config, caps),
		  MAX_STANDARD + MAX_EXTENDED);
	put(0x34, 1, 0x04);	/* into the header */
	put(0x100, 4, 0xfff10001);
	EXPECT_EQ(config_capabilities(&config, caps), 1);
	put(0x06, 2, 0);	/* none at all */
	put(0x34, 1, 0x40);
	EXPECT_EQ(config_capabilities(&config, caps), 1);
}

static void unknown_names(void)
{
	struct capability cap = { .id = 0x7f };

	EXPECT(!strcmp(capability_name(&cap), "unknown"));
	cap = (struct capability) { .id = 0xffff, .extended = true };
	EXPECT(!strcmp(capability_name(&cap), "unknown"));
	cap.id = 0;
	EXPECT(!strcmp(capability_name(&cap), "unknown"));
}

static const struct tap_test tests[] = {
	TAP_TEST(all_of_it),
	TAP_TEST(without_extended),
	TAP_TEST(without_privilege),
	TAP_TEST(gone),
	TAP_TEST(lists_without_end),
	TAP_TEST(unknown_names),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
