// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration space: what may be written, and that reading it always finds the
 * function in order, also while somebody else resets it.
 */
#include <errno.h>
#include <pthread.h>

#include "harness.h"
#include "anybody.h"

#define INTERRUPT_LINE		0x3c

/* Nothing can be written but the fields on a list. */
TEST_F(anybody, configuration_by_list)
{
	uint32_t offset, value, before;
	int fd = open_node(NIC);

	EXPECT_EQ(0, config_read(fd, 0, 4, &value));
	EXPECT_EQ(0x10d38086, value);
	EXPECT_EQ(-EINVAL, config_read(fd, 1, 2, &value));
	EXPECT_EQ(-EINVAL, config_read(fd, 0, 3, &value));
	EXPECT_EQ(-EINVAL, config_read(fd, 0, 8, &value));
	EXPECT_EQ(-EINVAL, config_read(fd, info_of(fd).config_bytes, 1, &value));
	EXPECT_EQ(-EINVAL, config_read(fd, UINT32_MAX - 3, 4, &value));

	for (offset = 0; offset < info_of(fd).config_bytes; offset += 4) {
		EXPECT_EQ(0, config_read(fd, offset, 4, &before));
		EXPECT_EQ(-EACCES, config_write(fd, offset, 4, ~before));
		EXPECT_EQ(0, config_read(fd, offset, 4, &value));
		EXPECT_EQ(before, value);
	}
	EXPECT_EQ(-EACCES, config_write(fd, COMMAND, 2, COMMAND_MASTER));
	EXPECT_EQ(-EACCES, config_write(fd, BAR0, 4, 0));
	EXPECT_EQ(0, config_write(fd, STATUS, 2, 0xf900));
	/* Some chipsets route interrupts by it. */
	EXPECT_EQ(-EACCES, config_write(fd, INTERRUPT_LINE, 1, 0x55));
	EXPECT_EQ(0, config_read(fd, CACHE_LINE_SIZE, 1, &before));
	EXPECT_EQ(-EINVAL, config_write(fd, CACHE_LINE_SIZE, 1, 0x155));
	EXPECT_EQ(-EINVAL, config_write(fd, STATUS, 2, 0x10000));
	EXPECT_EQ(0, config_write(fd, CACHE_LINE_SIZE, 1, 0x55));
	EXPECT_EQ(0, config_read(fd, CACHE_LINE_SIZE, 1, &value));
	EXPECT_EQ(0x55, value);
	close(fd);

	/* The next owner finds the value from before. */
	fd = open_node(NIC);
	EXPECT_EQ(0, config_read(fd, CACHE_LINE_SIZE, 1, &value));
	EXPECT_EQ(before, value);
	close(fd);
}

/**
 * struct reader - a thread that reads configuration space
 * @fd: function
 * @value: what it should find
 * @others: how often it found something else
 * @end: stop
 */
struct reader {
	int fd;
	uint32_t value;
	uint32_t others;
	bool end;
};

static void *read_all_the_time(void *data)
{
	struct reader *reader = data;
	uint32_t value;

	while (!__atomic_load_n(&reader->end, __ATOMIC_ACQUIRE))
		if (config_read(reader->fd, BAR0, 4, &value) ||
		    value != reader->value)
			reader->others++;
	return NULL;
}

/* A call waits until the function is there again. */
TEST(calls_wait_for_resets_by_others)
{
	struct reader reader = { .fd = open_node(EDU) };
	pthread_t thread;
	int i;

	EXPECT_EQ(0, config_read(reader.fd, BAR0, 4, &reader.value));
	EXPECT_NE(0, reader.value);
	EXPECT_EQ(0, pthread_create(&thread, NULL, read_all_the_time, &reader));
	for (i = 0; i < 3; i++)
		EXPECT_TRUE(reset_by_sysfs(EDU));
	__atomic_store_n(&reader.end, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, reader.others);
	close(reader.fd);
}

TEST_HARNESS_MAIN
