// SPDX-License-Identifier: GPL-2.0-only
/*
 * Starting a controller: the kinds of interrupts, doorbells and page sizes that there
 * are, and starts that fail, after which nothing is left.
 */
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "softctrl.h"

/* FIXTURE_DATA(bringup), in a form that checkpatch reads */
#define _test_data_bringup	softctrl

FIXTURE(bringup);

FIXTURE_SETUP(bringup)
{
	ASSERT_EQ(0, softctrl_setup(self));
}

FIXTURE_TEARDOWN(bringup)
{
	EXPECT_EQ(0, softctrl_teardown(self));
}

/* ---- interrupts ---- */

TEST_F_TIMEOUT(bringup, msi_instead_of_msix, 120)
{
	ASSERT_EQ(0, start(self, "intr=msi"));
	EXPECT_EQ(0, do_io(self, OP_READ, 0, 1));
}

TEST_F_TIMEOUT(bringup, one_vector_for_all, 120)
{
	ASSERT_EQ(0, start(self, "vectors=1"));
	EXPECT_EQ(0, do_io(self, OP_READ, 0, 1));
}

TEST_F_TIMEOUT(bringup, no_interrupts_is_refused, 120)
{
	ASSERT_EQ(0, plug(self, "intr=none"));
	EXPECT_EQ(-ENOENT, find_node(self));
	EXPECT_LE(1, logged(self, "neither MSI-X nor MSI"));
}

/* ---- limits on commands whose data MDTS does not bound ---- */

/* @most blocks reach the controller, one more is refused. */
static bool bounded(struct softctrl *self, uint8_t opcode, uint32_t most)
{
	struct usher_sqe sqe = cmd_blocks(opcode, self->nsid, 0, most);
	struct usher_cqe cqe;

	if (ring_do(&self->ring, &sqe))
		return false;
	sqe = cmd_blocks(opcode, self->nsid, 0, most + 1);
	ring_push(&self->ring, &sqe);
	return enter(&self->ring, 1, 1, SOON_MS) == 1 && ring_pop(&self->ring, &cqe) &&
	       le16toh(cqe.flags) == USHER_CQE_REFUSED &&
	       ring_status(&cqe) == SC_INVALID_FIELD;
}

/* The status of a Dataset Management of @nr ranges, of @nlb blocks each */
static unsigned int deallocate(struct softctrl *self, uint32_t nr, uint32_t nlb)
{
	struct usher_sqe sqe = cmd_data(OP_DSM, self->nsid, 0, 1, self->buf, 0, nr * 16);
	uint32_t *range = (uint32_t *)self->mem, i;

	memset(range, 0, nr * 16);
	for (i = 0; i < nr; i++)
		range[4 * i + 1] = htole32(nlb);
	sqe.cdw10 = htole32(nr - 1);
	sqe.cdw11 = htole32(4);
	sqe.cdw12 = 0;
	return ring_do(&self->ring, &sqe);
}

TEST_F_TIMEOUT(bringup, limits_that_are_told, 120)
{
	struct usher_grant_info info;

	ASSERT_EQ(0, start(self, "vsl=3 wzsl=4 wusl=6 dmrl=2 dmrsl=100 dmsl=150"));
	ASSERT_EQ(0, grant_info(self->grant, &info));
	EXPECT_EQ(64, info.max_verify_blocks);
	EXPECT_EQ(128, info.max_zeroes_blocks);
	EXPECT_EQ(512, info.max_uncorrectable_blocks);
	EXPECT_EQ(2, info.max_dsm_ranges);
	EXPECT_EQ(100, info.max_dsm_range_blocks);
	EXPECT_EQ(150, info.max_dsm_blocks);
	EXPECT_EQ(0, info.max_copy_ranges);
	EXPECT_EQ(0, info.max_copy_range_blocks);
	EXPECT_EQ(0, info.max_copy_blocks);
	EXPECT_TRUE(bounded(self, OP_VERIFY, 64));
	EXPECT_TRUE(bounded(self, OP_ZEROES, 128));
	EXPECT_TRUE(bounded(self, OP_UNCOR, 512));
	EXPECT_EQ(0, deallocate(self, 1, 100));
	EXPECT_EQ(SC_SIZE_LIMIT, deallocate(self, 1, 101));
	EXPECT_EQ(0, deallocate(self, 2, 75));
	EXPECT_EQ(SC_SIZE_LIMIT, deallocate(self, 2, 76));
	EXPECT_EQ(SC_SIZE_LIMIT, deallocate(self, 3, 1));
}

/* Where none is told, those of data: MDTS, or what the driver takes at most. */
static void untold_limits(struct __test_metadata *_metadata, struct softctrl *self,
			  const char *params, uint32_t blocks)
{
	struct usher_grant_info info;

	ASSERT_EQ(0, start(self, params));
	ASSERT_EQ(0, grant_info(self->grant, &info));
	EXPECT_EQ(blocks * BLOCK, info.max_transfer);
	EXPECT_EQ(blocks, info.max_verify_blocks);
	EXPECT_EQ(blocks, info.max_zeroes_blocks);
	EXPECT_EQ(blocks, info.max_uncorrectable_blocks);
	EXPECT_EQ(256, info.max_dsm_ranges);
	EXPECT_EQ(UINT32_MAX, info.max_dsm_range_blocks);
	EXPECT_EQ(UINT64_MAX, info.max_dsm_blocks);
	EXPECT_TRUE(bounded(self, OP_ZEROES, blocks));
	EXPECT_EQ(0, deallocate(self, 256, 10000));
}

TEST_F_TIMEOUT(bringup, limits_that_are_not_told, 120)
{
	untold_limits(_metadata, self, "mdts=4", 128);
}

TEST_F_TIMEOUT(bringup, limits_that_cannot_be_told, 120)
{
	untold_limits(_metadata, self, "limits=0 vsl=1", 256);
}

TEST_F_TIMEOUT(bringup, no_limit_on_data_either, 120)
{
	untold_limits(_metadata, self, "mdts=0", 4096);
}

/* ---- registers ---- */

TEST_F_TIMEOUT(bringup, doorbell_stride, 120)
{
	ASSERT_EQ(0, start(self, "dstrd=3"));
	EXPECT_EQ(0, do_io(self, OP_READ, 0, 1));
}

TEST_F_TIMEOUT(bringup, large_controller_page_is_refused, 120)
{
	ASSERT_EQ(0, plug(self, "mpsmin=1"));
	EXPECT_EQ(-ENOENT, find_node(self));
}

/* ---- shadow doorbells ---- */

TEST_F_TIMEOUT(bringup, shadow_doorbells, 120)
{
	unsigned int i;

	ASSERT_EQ(0, start(self, "dbbuf=1"));
	for (i = 0; i < 300; i++)	/* more than a queue's depth */
		ASSERT_EQ(0, do_io(self, OP_READ, i, i));
	EXPECT_EQ(0, stat_of("bad_doorbells"));
}

/* The device loses its state; the next command waits until it is ready again. */
static int reset_by_fatal_status(void)
{
	long enables = stat_of("enables");
	int ret = fault("csts_fatal", "1");

	return ret ?: wait_stat("enables", enables + 1) ? 0 : -ETIME;
}

/* With this stride a page of shadow doorbells has room for 63 I/O queues. */
#define SHADOW_PARAMS	"dbbuf=1 dstrd=3 queues=64 vectors=65"

/* After a reset there are more queues than the shadow doorbells have room for. */
TEST_F_TIMEOUT(bringup, shadow_doorbells_of_more_queues_after_a_reset, 240)
{
	static struct ring rings[63];
	struct usher_ring_info info;
	struct usher_sqe sqe;
	unsigned int i;

	ASSERT_EQ(0, plug(self, SHADOW_PARAMS));
	ASSERT_EQ(0, fault("surprise", "orderly"));
	ASSERT_EQ(0, fault("grant_queues", "8"));
	ASSERT_EQ(0, fault("rescan", "1"));
	ASSERT_EQ(0, open_node(self));
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 1));
	EXPECT_EQ(1, stat_of("shadow"));

	ASSERT_EQ(0, fault("grant_queues", "0"));
	ASSERT_EQ(0, reset_by_fatal_status());
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 2));
	EXPECT_EQ(0, stat_of("shadow"));
	sqe = cmd_data(OP_READ, self->nsid, 0, 1, self->buf, 0, BLOCK);
	for (i = 0; i < ARRAY_SIZE(rings); i++) {
		ASSERT_EQ(0, ring_open(&rings[i], self->grant, 4, 0));
		EXPECT_EQ(0, ring_do(&rings[i], &sqe));
	}
	/* The shadow doorbell of the last queue would lie behind the page. */
	ASSERT_EQ(0, ring_info(rings[62].fd, &info));
	EXPECT_EQ(64, info.qid);
	EXPECT_EQ(0, stat_of("bad_doorbells"));
	for (i = 0; i < ARRAY_SIZE(rings); i++)
		ring_close(&rings[i]);
}

TEST_F_TIMEOUT(bringup, shadow_doorbells_of_fewer_queues_after_a_reset, 120)
{
	unsigned int i;

	ASSERT_EQ(0, start(self, SHADOW_PARAMS));
	EXPECT_EQ(0, stat_of("shadow"));
	ASSERT_EQ(0, fault("grant_queues", "63"));
	ASSERT_EQ(0, reset_by_fatal_status());
	for (i = 0; i < 300; i++)
		ASSERT_EQ(0, do_io(self, OP_READ, i, i));
	EXPECT_EQ(1, stat_of("shadow"));
	EXPECT_EQ(0, stat_of("bad_doorbells"));
}

/* ---- starts that fail ---- */

TEST_F_TIMEOUT(bringup, a_controller_that_is_never_ready_is_refused, 120)
{
	uint64_t begin;

	ASSERT_EQ(0, plug(self, "to=1"));
	ASSERT_EQ(0, fault("surprise", "orderly"));
	ASSERT_EQ(0, fault("ignore_enable", "1"));
	begin = now_ms();
	ASSERT_EQ(0, fault("rescan", "1"));
	EXPECT_GT(PROMPT_MS, now_ms() - begin);
	EXPECT_EQ(-ENOENT, find_node(self));
}

static void *rescan(void *ret)
{
	*(int *)ret = fault("rescan", "1");
	return NULL;
}

/* Longer than CAP.TO can say, or says wrongly */
TEST_F_TIMEOUT(bringup, a_controller_may_take_as_long_as_crto_says, 120)
{
	pthread_t thread;
	uint64_t end;
	int ret = -1;

	ASSERT_EQ(0, plug(self, "to=1 crwmt=120"));
	ASSERT_EQ(0, fault("surprise", "orderly"));
	ASSERT_EQ(0, fault("ignore_enable", "1"));
	ASSERT_EQ(0, pthread_create(&thread, NULL, rescan, &ret));
	for (end = now_ms() + 3000; now_ms() < end;)
		usleep(10000);
	ASSERT_EQ(0, fault("ignore_enable", "0"));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, ret);
	ASSERT_EQ(0, open_node(self));
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 1));
}

/* Whichever command of the start fails, nothing is left behind. */
TEST_F_TIMEOUT(bringup, a_failing_start_leaves_nothing_behind, 240)
{
	static const unsigned char opcodes[] = { 0x06, 0x09, 0x02 };
	unsigned int i;

	ASSERT_EQ(0, plug(self, ""));
	for (i = 0; i < ARRAY_SIZE(opcodes); i++) {
		ASSERT_EQ(0, fault("surprise", "orderly"));
		ASSERT_EQ(0, fault("fail", "admin %#x 0x4006 1000", opcodes[i]));
		ASSERT_EQ(0, fault("rescan", "1"));
		if (opcodes[i] != 0x02)
			EXPECT_EQ(-ENOENT, find_node(self));
	}
	ASSERT_EQ(0, fault("surprise", "orderly"));
	ASSERT_EQ(0, fault("clear", "1"));
	ASSERT_EQ(0, fault("rescan", "1"));
	ASSERT_EQ(0, open_node(self));
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 1));
}

/* ---- errors that pass ---- */

/* Each command of a start, by opcode, and how many of its kind come before it */
static const struct {
	unsigned char opcode;
	unsigned int skip;
} start_commands[] = {
	{ 0x06, 0 },	/* Identify Controller */
	{ 0x09, 0 },	/* Number of Queues */
	{ 0x7c, 0 },	/* Doorbell Buffer Config */
	{ 0x09, 1 },	/* Asynchronous Event Configuration */
	{ 0x0c, 0 },	/* Asynchronous Event Request */
	{ 0x05, 0 },	/* Create I/O Completion Queue */
	{ 0x01, 0 },	/* Create I/O Submission Queue */
	{ 0x06, 1 },	/* the active namespaces */
	{ 0x06, 2 },	/* a namespace's descriptors */
	{ 0x06, 3 },	/* the namespace */
};

/* Namespace Not Ready, Internal Error, Command Abort Requested */
static const unsigned int passing[] = { 0x082, 0x006, 0x007 };

/* So long that the watchdog sees that the device works: resets in a row are limited. */
#define WATCHDOG_MS	1500

static int keep_reading(struct softctrl *self)
{
	uint64_t end = now_ms() + WATCHDOG_MS;
	int ret;

	do {
		ret = do_io(self, OP_READ, 1, 1);
	} while (!ret && now_ms() < end);
	return ret;
}

TEST_F_TIMEOUT(bringup, a_passing_error_fails_no_reset, 600)
{
	struct usher_grant_info info;
	unsigned int i, k;

	ASSERT_EQ(0, start(self, "dbbuf=1"));
	for (i = 0; i < ARRAY_SIZE(start_commands); i++) {
		for (k = 0; k < ARRAY_SIZE(passing); k++) {
			ASSERT_EQ(0, fault("fail", "admin %#x %#x 1 %u", start_commands[i].opcode,
					   passing[k], start_commands[i].skip));
			ASSERT_EQ(0, reset_by_fatal_status());
			ASSERT_EQ(0, keep_reading(self));
			EXPECT_EQ(1, stat_of("shadow"));
			EXPECT_TRUE(wait_stat("aers", 1));
			ASSERT_EQ(0, grant_info(self->grant, &info));
			EXPECT_EQ(USHER_GRANT_LIVE, info.state);
		}
	}
}

TEST_F_TIMEOUT(bringup, a_passing_error_fails_no_probe, 600)
{
	unsigned int i, k;

	ASSERT_EQ(0, plug(self, "dbbuf=1"));
	for (i = 0; i < ARRAY_SIZE(start_commands); i++) {
		for (k = 0; k < ARRAY_SIZE(passing); k++) {
			ASSERT_EQ(0, fault("surprise", "orderly"));
			ASSERT_EQ(0, fault("fail", "admin %#x %#x 1 %u", start_commands[i].opcode,
					   passing[k], start_commands[i].skip));
			ASSERT_EQ(0, fault("rescan", "1"));
			ASSERT_EQ(0, open_node(self));
			EXPECT_EQ(0, do_io(self, OP_READ, 1, 1));
			close_all(self);
		}
	}
}

int main(int argc, char **argv)
{
	softctrl_require();
	return test_harness_run(argc, argv);
}
