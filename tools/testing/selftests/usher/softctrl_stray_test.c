// SPDX-License-Identifier: GPL-2.0-only
/*
 * Completions that nobody asked for: they complete nothing, or lead to a reset.
 */
#include <endian.h>
#include <errno.h>
#include <stdbool.h>

#include "kselftest_harness.h"

#include "softctrl.h"

/* FIXTURE_DATA(stray), in a form that checkpatch reads */
#define _test_data_stray	softctrl

FIXTURE(stray);

FIXTURE_SETUP(stray)
{
	ASSERT_EQ(0, softctrl_setup(self));
}

FIXTURE_TEARDOWN(stray)
{
	EXPECT_EQ(0, softctrl_teardown(self));
}

TEST_F_TIMEOUT(stray, an_unknown_cid_completes_nothing, 120)
{
	unsigned int qid;
	struct usher_cqe cqe;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, hold_read(self, 14));
	qid = qid_of(self);
	ASSERT_EQ(0, fault("inject", "%u %u 0x3ff 0", qid, qid));
	ASSERT_EQ(0, fault("inject", "%u %u 0xffff 0", qid, qid));
	ASSERT_EQ(0, fault("inject", "%u 0xffff 0x00f0 0", qid));
	ASSERT_TRUE(wait_until(cq_is_empty(qid)));
	EXPECT_FALSE(ring_pop(&self->ring, &cqe));

	ASSERT_EQ(0, fault("release", "fifo"));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(14, le16toh(cqe.cid));
	EXPECT_EQ(0, ring_status(&cqe));
	EXPECT_TRUE(settled(self));
	EXPECT_EQ(1, stat_of("enables"));
}

TEST_F_TIMEOUT(stray, a_stale_generation_completes_nothing, 120)
{
	unsigned long old, cid;
	struct usher_cqe cqe;
	unsigned int qid;

	ASSERT_EQ(0, start(self, ""));
	qid = qid_of(self);
	ASSERT_EQ(0, do_io(self, OP_READ, 1, 15));
	old = last_command("cid");
	ASSERT_EQ(0, hold_read(self, 16));
	cid = last_command("cid");
	/* The test needs the same slot, in its next generation. */
	ASSERT_EQ(old & 0x3ff, cid & 0x3ff);
	ASSERT_NE(old, cid);

	ASSERT_EQ(0, fault("inject", "%u %u %#lx 0", qid, qid, old));
	ASSERT_TRUE(wait_until(cq_is_empty(qid)));
	EXPECT_FALSE(ring_pop(&self->ring, &cqe));
	ASSERT_EQ(0, fault("release", "fifo"));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(16, le16toh(cqe.cid));
	EXPECT_TRUE(settled(self));
}

TEST_F_TIMEOUT(stray, duplicates_complete_once, 120)
{
	unsigned int i, seen[ENTRIES] = {};
	struct usher_cqe cqe;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, fault("dup", "1"));
	for (i = 0; i < ENTRIES; i++)
		push_io(self, OP_READ, i, 1, i);
	ASSERT_EQ(ENTRIES, enter(&self->ring, ENTRIES, 0, SOON_MS));
	for (i = 0; i < ENTRIES; i++) {
		ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
		ASSERT_GT(ENTRIES, le16toh(cqe.cid));
		seen[le16toh(cqe.cid)]++;
		EXPECT_EQ(0, ring_status(&cqe));
	}
	for (i = 0; i < ENTRIES; i++)
		EXPECT_EQ(1, seen[i]);
	EXPECT_TRUE(settled(self));
	EXPECT_EQ(1, stat_of("enables"));
}

TEST_F_TIMEOUT(stray, a_run_of_bogus_completions_leads_to_a_reset, 120)
{
	unsigned int qid, i;
	struct usher_cqe cqe;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, hold_read(self, 17));
	qid = qid_of(self);
	for (i = 0; i < 32 && stat_of("enables") < 2; i++)
		fault("inject", "%u %u %#x 0", qid, qid, 0x100 + i);
	ASSERT_TRUE(wait_stat("enables", 2));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(17, le16toh(cqe.cid));
	EXPECT_EQ(USHER_CQE_DRIVER, le16toh(cqe.flags));
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 18));
	EXPECT_TRUE(settled(self));
}

/* Random bytes in completion queues: each command completes once, and in time. */
TEST_F_TIMEOUT(stray, random_completion_queues_harm_nobody, 120)
{
	struct usher_ring_info info;
	struct usher_cqe cqe;
	uint32_t seed = random_seed();
	unsigned int qid, round;
	int ret = 0, done;

	ASSERT_EQ(0, write_text(IO_TIMEOUT, "1"));
	ASSERT_EQ(0, start(self, ""));
	for (round = 0; round < 8 && !ret; round++) {
		ret = submit_io(self, OP_READ, round, round);
		if (ret < 0)
			break;
		qid = qid_of(self);
		fault("garbage", "%u 200 %u", qid, next_random(&seed));
		fault("garbage", "0 32 %u", next_random(&seed));
		done = 0;
		ret = reap(&self->ring, &cqe, SOON_MS);
		if (ret)
			break;
		do {
			EXPECT_EQ(round, le16toh(cqe.cid));
			done++;
		} while (ring_pop(&self->ring, &cqe));
		EXPECT_EQ(1, done);
	}
	/* The device still works, or was given up as a whole. */
	EXPECT_TRUE(!ret || ret == -ENODEV);
	if (!ret)
		ASSERT_EQ(0, ring_info(self->ring.fd, &info));
	if (!ret)
		EXPECT_EQ(info.submitted, info.completed);
}

int main(int argc, char **argv)
{
	softctrl_require();
	return test_harness_run(argc, argv);
}
