// SPDX-License-Identifier: GPL-2.0-only
/*
 * The system calls as far as they can be seen without the module: what is no
 * grant is refused by name.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "usher.h"
#include "tap.h"

static void open_refuses_strangers(void)
{
	EXPECT_EQ(usher_open("/nonexistent/usher0", O_RDWR), -ENOENT);
	EXPECT_EQ(usher_open("/dev/null", O_RDWR), -ENOTTY);
}

static void grant_from_env(void)
{
	static const char * const words[] = { "", "x", "3x", "-1", "4294967296" };
	unsigned int i;
	char number[16];
	int fd;

	unsetenv(USHER_GRANT_ENV);
	EXPECT_EQ(usher_grant_from_env(), -ENOENT);
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		setenv(USHER_GRANT_ENV, words[i], 1);
		EXPECT_EQ(usher_grant_from_env(), -EINVAL);
	}

	fd = open("/dev/null", O_RDWR);
	snprintf(number, sizeof(number), "%d", fd);
	setenv(USHER_GRANT_ENV, number, 1);
	EXPECT_EQ(usher_grant_from_env(), -ENOTTY);
	close(fd);
	EXPECT_EQ(usher_grant_from_env(), -EBADF);
}

static void calls_on_strangers(void)
{
	struct usher_ring_create create = { .sq_entries = 4 };
	struct usher_ring_info info;
	struct usher_ring ring = {};
	char data[4096];
	__u32 id;

	EXPECT_EQ(usher_narrow(-1, 0, 1, USHER_RIGHT_READ, NULL), -EBADF);
	EXPECT_EQ(usher_revoke(-1), -EBADF);
	EXPECT_EQ(usher_slice_add(-1, 0, 0, 0600, &id), -EBADF);
	EXPECT_EQ(usher_slice_remove(-1, 1), -EBADF);
	EXPECT_EQ(usher_buf_register(-1, data, sizeof(data), 0, &id), -EBADF);
	EXPECT_EQ(usher_buf_unregister(-1, 1), -EBADF);
	EXPECT_EQ(usher_ring_create(-1, &create), -EBADF);
	EXPECT_EQ(usher_ring_init(&ring, -1, 4, 0), -EBADF);
	EXPECT_EQ(usher_ring_attach(&ring, -1), -EBADF);
	ring.fd = -1;
	EXPECT_EQ(usher_ring_info(&ring, &info, NULL, 0), -EBADF);
	EXPECT_EQ(usher_ring_eventfd(&ring, -1), -EBADF);
	EXPECT_EQ(usher_identify_ctrl(-1, data), -EBADF);
	EXPECT_EQ(usher_identify_ns(-1, data), -EBADF);
	EXPECT_EQ(usher_get_features(-1, 7, 0, &id), -EBADF);
}

static void log_lengths(void)
{
	char data[4096];

	EXPECT_EQ(usher_get_log(-1, 2, 0, data, 0), -EINVAL);
	EXPECT_EQ(usher_get_log(-1, 2, 0, data, 4100), -EINVAL);
	EXPECT_EQ(usher_get_log(-1, 2, 0, data, 10), -EINVAL);
	EXPECT_EQ(usher_get_log(-1, 2, 2, data, 512), -EINVAL);
	EXPECT_EQ(usher_get_log(-1, 2, 0, data, 512), -EBADF);
}

static void deadlines(void)
{
	struct timespec now;
	__u64 before, deadline;

	clock_gettime(CLOCK_MONOTONIC, &now);
	before = now.tv_sec * 1000000000ULL + now.tv_nsec;
	deadline = usher_deadline(5000000000);
	EXPECT(deadline >= before + 5000000000);
	EXPECT(deadline < before + 65000000000);
	EXPECT_EQ(usher_deadline(UINT64_MAX), INT64_MAX);
}

static const struct tap_test tests[] = {
	TAP_TEST(open_refuses_strangers),
	TAP_TEST(grant_from_env),
	TAP_TEST(calls_on_strangers),
	TAP_TEST(log_lengths),
	TAP_TEST(deadlines),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
