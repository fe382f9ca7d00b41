// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of the device: it is pulled out, or its driver is unbound.
 */
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "softctrl.h"

/* FIXTURE_DATA(removal), in a form that checkpatch reads */
#define _test_data_removal	softctrl

FIXTURE(removal);

FIXTURE_SETUP(removal)
{
	ASSERT_EQ(0, softctrl_setup(self));
}

FIXTURE_TEARDOWN(removal)
{
	EXPECT_EQ(0, softctrl_teardown(self));
}

/* ---- pulled out ---- */

struct waiter {
	struct ring *ring;
	int ret;
	uint64_t ended;
};

static void *wait_for_all(void *arg)
{
	struct waiter *w = arg;

	w->ret = enter(w->ring, 0, 16, 100000);
	w->ended = now_ms();
	return NULL;
}

TEST_F_TIMEOUT(removal, surprise_removal_in_flight, 120)
{
	struct waiter w = { .ring = &self->ring };
	unsigned int i, seen[8] = {};
	struct usher_cqe cqe;
	pthread_t thread;
	uint64_t begin;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, fault("hold", "on op=2"));
	for (i = 0; i < 8; i++)
		push_io(self, OP_READ, i, 1, i);
	ASSERT_EQ(8, enter(&self->ring, 8, 0, SOON_MS));
	ASSERT_TRUE(wait_stat("held", 8));
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_all, &w));

	begin = now_ms();
	ASSERT_EQ(0, fault("surprise", "remove"));
	EXPECT_GT(PROMPT_MS, now_ms() - begin);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-ENODEV, w.ret);
	EXPECT_GT(PROMPT_MS, w.ended - begin);

	while (ring_pop(&self->ring, &cqe)) {
		ASSERT_GT(8, le16toh(cqe.cid));
		seen[le16toh(cqe.cid)]++;
		EXPECT_EQ(USHER_CQE_DRIVER, le16toh(cqe.flags));
	}
	for (i = 0; i < 8; i++)
		EXPECT_EQ(1, seen[i]);
	EXPECT_TRUE(is_gone(self));
	EXPECT_NE(0, access(self->node, F_OK));
	/* The device is gone, and with it the pins; the files are still open. */
	EXPECT_TRUE(wait_pins(self->pins));

	/* When it comes back it is a new device for usher. */
	begin = now_ms();
	close_all(self);
	EXPECT_GT(PROMPT_MS, now_ms() - begin);
	ASSERT_EQ(0, fault("clear", "1"));
	ASSERT_EQ(0, fault("rescan", "1"));
	ASSERT_EQ(0, open_node(self));
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 1));
}

/* The PCI core is not told that the device is gone; usher sees it in the registers. */
TEST_F_TIMEOUT(removal, silent_removal_is_noticed, 120)
{
	struct usher_cqe cqe;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, hold_read(self, 19));
	ASSERT_EQ(0, fault("surprise", "1"));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(19, le16toh(cqe.cid));
	EXPECT_EQ(USHER_CQE_DRIVER, le16toh(cqe.flags));
	EXPECT_EQ(-ENODEV, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_TRUE(is_gone(self));
	ASSERT_EQ(0, fault("surprise", "remove"));
	EXPECT_TRUE(wait_pins(self->pins));
}

/* ---- unbound ---- */

TEST_F_TIMEOUT(removal, unbinding_shuts_the_controller_down, 120)
{
	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, write_text(DRIVER "unbind", self->address));
	EXPECT_EQ(1, stat_of("shutdowns"));
	EXPECT_EQ(0, stat_of("ready"));
	EXPECT_TRUE(is_gone(self));
}

TEST_F_TIMEOUT(removal, a_shutdown_that_never_completes_is_bounded, 120)
{
	uint64_t begin;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, fault("ignore_shutdown", "1"));
	begin = now_ms();
	ASSERT_EQ(0, write_text(DRIVER "unbind", self->address));
	EXPECT_GT(SOON_MS, now_ms() - begin);
	EXPECT_EQ(0, stat_of("ready"));
	EXPECT_TRUE(is_gone(self));
}

int main(int argc, char **argv)
{
	softctrl_require();
	return test_harness_run(argc, argv);
}
