// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands that take longer than the module parameter io_timeout: usher aborts them, and
 * resets the controller where that does not help.
 */
#include <endian.h>
#include <errno.h>

#include "kselftest_harness.h"

#include "softctrl.h"

/* FIXTURE_DATA(watchdog), in a form that checkpatch reads */
#define _test_data_watchdog	softctrl

FIXTURE(watchdog);

FIXTURE_SETUP(watchdog)
{
	ASSERT_EQ(0, softctrl_setup(self));
}

FIXTURE_TEARDOWN(watchdog)
{
	EXPECT_EQ(0, softctrl_teardown(self));
}

/* Within io_timeout, which is 30 s here, the driver does nothing about a command. */
TEST_F_TIMEOUT(watchdog, a_slow_command_is_left_alone, 120)
{
	struct usher_cqe cqe;

	ASSERT_EQ(0, write_text(IO_TIMEOUT, "30"));
	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, hold_read(self, 4));
	EXPECT_TRUE(quiet());
	EXPECT_EQ(1, stat_of("held"));
	EXPECT_EQ(0, stat_of("aborts"));
	EXPECT_EQ(1, stat_of("enables"));
	ASSERT_EQ(0, fault("release", "fifo"));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(4, le16toh(cqe.cid));
	EXPECT_EQ(0, ring_status(&cqe));
	EXPECT_TRUE(settled(self));
}

TEST_F_TIMEOUT(watchdog, a_late_command_is_aborted, 120)
{
	struct usher_cqe cqe;

	ASSERT_EQ(0, write_text(IO_TIMEOUT, "1"));
	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, hold_read(self, 5));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(5, le16toh(cqe.cid));
	EXPECT_EQ(SC_ABORT_REQ, ring_status(&cqe));
	EXPECT_EQ(0, le16toh(cqe.flags));
	EXPECT_EQ(1, stat_of("aborts"));
	EXPECT_EQ(1, stat_of("enables"));
	EXPECT_TRUE(settled(self));
}

/*
 * A controller that takes one Abort at a time, and eight commands that are late at
 * once: they are aborted one after the other, and nothing is reset.
 */
TEST_F_TIMEOUT(watchdog, late_commands_wait_for_their_abort, 120)
{
	struct usher_cqe cqe;
	unsigned int i;

	ASSERT_EQ(0, write_text(IO_TIMEOUT, "1"));
	ASSERT_EQ(0, start(self, "acl=0"));
	ASSERT_EQ(0, fault("hold", "on op=2"));
	for (i = 0; i < 8; i++)
		push_io(self, OP_READ, i, 1, i);
	ASSERT_EQ(8, enter(&self->ring, 8, 0, SOON_MS));
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
		EXPECT_EQ(SC_ABORT_REQ, ring_status(&cqe));
		EXPECT_EQ(0, le16toh(cqe.flags));
	}
	EXPECT_EQ(8, stat_of("aborts"));
	EXPECT_EQ(1, stat_of("enables"));
	ASSERT_EQ(0, fault("hold", "off"));
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 9));
	EXPECT_TRUE(settled(self));
}

/* Where Abort does not help, a reset does, and the ring can be used further. */
static void late_until_reset(struct __test_metadata *_metadata, struct softctrl *self,
			     const char *abort)
{
	struct usher_ring_info info;
	struct usher_cqe cqe;

	ASSERT_EQ(0, write_text(IO_TIMEOUT, "1"));
	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, fault("abort", "%s", abort));
	ASSERT_EQ(0, hold_read(self, 6));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(6, le16toh(cqe.cid));
	EXPECT_EQ(SC_HOST_ABORTED, ring_status(&cqe));
	EXPECT_EQ(USHER_CQE_DRIVER, le16toh(cqe.flags));
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 7));
	EXPECT_EQ(2, stat_of("enables"));
	EXPECT_TRUE(settled(self));
	ASSERT_EQ(0, ring_info(self->ring.fd, &info));
	EXPECT_EQ(1, info.driver_completed);
}

TEST_F_TIMEOUT(watchdog, a_refused_abort_leads_to_a_reset, 120)
{
	late_until_reset(_metadata, self, "ignore");
}

TEST_F_TIMEOUT(watchdog, an_unanswered_abort_leads_to_a_reset, 120)
{
	late_until_reset(_metadata, self, "silent");
}

/* Eight commands are late at once: one reset, in which each completes. */
TEST_F_TIMEOUT(watchdog, what_hangs_together_is_one_reset, 120)
{
	unsigned int i, seen[8] = {};
	struct usher_cqe cqe;

	ASSERT_EQ(0, write_text(IO_TIMEOUT, "1"));
	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, fault("abort", "ignore"));
	ASSERT_EQ(0, fault("hold", "on op=2"));
	for (i = 0; i < 8; i++)
		push_io(self, OP_READ, i, 1, i);
	ASSERT_EQ(8, enter(&self->ring, 8, 0, SOON_MS));
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
		ASSERT_GT(8, le16toh(cqe.cid));
		seen[le16toh(cqe.cid)]++;
		EXPECT_EQ(USHER_CQE_DRIVER, le16toh(cqe.flags));
	}
	for (i = 0; i < 8; i++)
		EXPECT_EQ(1, seen[i]);
	ASSERT_EQ(0, fault("hold", "off"));
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 9));
	EXPECT_TRUE(settled(self));
	EXPECT_EQ(2, stat_of("enables"));
	EXPECT_EQ(1, logged(self, "the controller was reset"));
}

/* After three resets in a row, none of which helped, the device is given up. */
TEST_F_TIMEOUT(watchdog, resets_that_do_not_help_are_counted, 120)
{
	struct usher_cqe cqe;
	unsigned int i;

	ASSERT_EQ(0, write_text(IO_TIMEOUT, "1"));
	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, fault("abort", "ignore"));
	ASSERT_EQ(0, fault("hold", "on op=2"));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(1, submit_io(self, OP_READ, 1, i));
		ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
		EXPECT_EQ(i, le16toh(cqe.cid));
		EXPECT_EQ(USHER_CQE_DRIVER, le16toh(cqe.flags));
	}
	ASSERT_EQ(1, submit_io(self, OP_READ, 1, i));
	EXPECT_EQ(-ENODEV, enter(&self->ring, 0, 1, SOON_MS));
	ASSERT_TRUE(wait_until(ring_pop(&self->ring, &cqe)));
	EXPECT_EQ(i, le16toh(cqe.cid));
	EXPECT_EQ(USHER_CQE_DRIVER, le16toh(cqe.flags));
	EXPECT_EQ(4, stat_of("enables"));
	EXPECT_EQ(3, logged(self, "the controller was reset"));
}

/*
 * A device whose time goes by the blocks, one command after the other, and a tenant
 * who gives it work for 10 s, while commands have 2 s and Abort does not help. Another
 * reads meanwhile: what it waits for is what the first may have in flight.
 */
#define FLOOD		32
#define FLOOD_BLOCKS	16384
#define FLOOD_BLOCK_NS	20000

static void flooded(struct __test_metadata *_metadata, struct softctrl *self,
		    const char *params, uint8_t opcode)
{
	unsigned int done = 0, reads = 0;
	struct softctrl reader = *self;
	struct usher_sqe sqe;
	struct usher_cqe cqe;

	ASSERT_EQ(0, write_text(IO_TIMEOUT, "2"));
	ASSERT_EQ(0, start(self, params));
	reader = *self;
	ASSERT_EQ(0, ring_open(&reader.ring, self->grant, ENTRIES, 0));
	ASSERT_EQ(0, fault("abort", "ignore"));
	ASSERT_EQ(0, fault("block_ns", "%u", FLOOD_BLOCK_NS));
	for (done = 0; done < FLOOD; done++) {
		sqe = cmd_blocks(opcode, self->nsid, 0, FLOOD_BLOCKS);
		ring_push(&self->ring, &sqe);
	}
	EXPECT_LE(1, enter(&self->ring, FLOOD, 0, SOON_MS));
	for (done = 0; done < FLOOD; reads++) {
		ASSERT_EQ(0, do_io(&reader, OP_READ, reads % 64, reads));
		while (ring_pop(&self->ring, &cqe)) {
			EXPECT_EQ(0, ring_status(&cqe));
			done++;
		}
	}
	EXPECT_LE(4, reads);
	EXPECT_EQ(0, stat_of("aborts"));
	EXPECT_EQ(1, stat_of("enables"));
	ASSERT_EQ(0, fault("block_ns", "0"));
	ring_close(&reader.ring);
	EXPECT_TRUE(settled(self));
}

TEST_F_TIMEOUT(watchdog, a_flood_of_zeroes_on_another_queue, 120)
{
	flooded(_metadata, self, "wzsl=13", OP_ZEROES);
}

TEST_F_TIMEOUT(watchdog, a_flood_of_verifies_on_the_same_queue, 120)
{
	flooded(_metadata, self, "vsl=13 queues=1", OP_VERIFY);
}

int main(int argc, char **argv)
{
	softctrl_require();
	return test_harness_run(argc, argv);
}
