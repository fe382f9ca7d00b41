// SPDX-License-Identifier: GPL-2.0-only
/*
 * A controller that cannot be stopped: memory that it may still reach is given to nobody
 * else, even if that means that it is lost.
 */
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "softctrl.h"

/* FIXTURE_DATA(leak), in a form that checkpatch reads */
#define _test_data_leak	softctrl

FIXTURE(leak);

FIXTURE_SETUP(leak)
{
	ASSERT_EQ(0, softctrl_setup(self));
}

FIXTURE_TEARDOWN(leak)
{
	EXPECT_EQ(0, softctrl_teardown(self));
}

/* The kernel's checker of DMA mappings reports a leak on purpose, too: let it show 0 errors. */
static void hush_dma_debug(bool hush)
{
	write_text("/sys/kernel/debug/dma-api/num_errors", hush ? "0" : "1");
}

/* ---- unbinding a controller that cannot be stopped ---- */

/* Unbind a controller that holds a read and ignores CC.EN; bus mastering stays on. */
static void unbind_unstoppable(struct __test_metadata *_metadata, struct softctrl *self)
{
	struct usher_cqe cqe;
	uint64_t begin;

	ASSERT_EQ(0, fault("ignore_disable", "1"));
	ASSERT_EQ(0, fault("ignore_shutdown", "1"));
	ASSERT_EQ(0, fault("sticky_master", "1"));
	memset(self->mem, 0xee, BUF_BYTES);
	ASSERT_EQ(0, hold_read(self, 20));
	hush_dma_debug(true);
	begin = now_ms();
	ASSERT_EQ(0, write_text(DRIVER "unbind", self->address));
	EXPECT_GT(SOON_MS, now_ms() - begin);
	hush_dma_debug(false);
	ASSERT_TRUE(ring_pop(&self->ring, &cqe));
	EXPECT_EQ(20, le16toh(cqe.cid));
	EXPECT_EQ(USHER_CQE_DRIVER, le16toh(cqe.flags));
	EXPECT_FALSE(ring_pop(&self->ring, &cqe));
	EXPECT_TRUE(is_gone(self));
}

/* Memory that the device may still reach stays pinned, for ever. */
static void expect_leak(struct __test_metadata *_metadata, struct softctrl *self)
{
	char text[64];

	snprintf(text, sizeof(text), "%zu pages of processes are lost", BUF_BYTES / PAGE);
	EXPECT_EQ(1, stat_of("bus_master"));
	EXPECT_EQ(1, stat_of("ready"));
	EXPECT_EQ(1, logged(self, text));
	EXPECT_EQ(self->pins + BUF_BYTES / PAGE, pinned_pages());

	/* It is needed: the device does write there, to memory of this process. */
	ASSERT_EQ(0xee, self->mem[20 * 4096]);
	ASSERT_EQ(0, fault("release", "fifo"));
	EXPECT_EQ(0, self->mem[20 * 4096]);
	EXPECT_EQ(0, stat_of("dma_errors"));

	close_all(self);
	EXPECT_TRUE(quiet());
	EXPECT_EQ(self->pins + BUF_BYTES / PAGE, pinned_pages());
}

TEST_F_TIMEOUT(leak, pages_of_an_unstoppable_device_are_lost, 120)
{
	ASSERT_EQ(0, start(self, "to=1 flr=0"));
	unbind_unstoppable(_metadata, self);
	expect_leak(_metadata, self);
}

TEST_F_TIMEOUT(leak, a_reset_that_does_nothing_proves_nothing, 120)
{
	ASSERT_EQ(0, start(self, "to=1"));
	ASSERT_EQ(0, fault("flr_broken", "1"));
	unbind_unstoppable(_metadata, self);
	expect_leak(_metadata, self);
}

TEST_F_TIMEOUT(leak, a_function_level_reset_saves_the_pages, 120)
{
	ASSERT_EQ(0, start(self, "to=1"));
	unbind_unstoppable(_metadata, self);
	EXPECT_EQ(1, stat_of("flrs"));
	EXPECT_EQ(0, logged(self, "pages of processes are lost"));
	EXPECT_TRUE(wait_pins(self->pins));
}

TEST_F_TIMEOUT(leak, without_bus_mastering_the_pages_are_safe, 120)
{
	struct usher_cqe cqe;

	ASSERT_EQ(0, start(self, "to=1 flr=0"));
	ASSERT_EQ(0, fault("ignore_disable", "1"));
	ASSERT_EQ(0, hold_read(self, 21));
	ASSERT_EQ(0, write_text(DRIVER "unbind", self->address));
	EXPECT_EQ(1, stat_of("ready"));
	EXPECT_EQ(0, stat_of("bus_master"));
	ASSERT_TRUE(ring_pop(&self->ring, &cqe));
	EXPECT_EQ(0, logged(self, "pages of processes are lost"));
	EXPECT_TRUE(wait_pins(self->pins));
}

/* ---- resetting one ---- */

/* The attribute leaked_pages, or -1 */
static long pages_leaked(const struct softctrl *self)
{
	const char *name = self->node + strlen("/dev/");
	char path[256], text[32];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/class/usher/%.*s/leaked_pages",
		 (int)(strrchr(name, 'n') - name), name);
	file = fopen(path, "r");
	if (!file || !fgets(text, sizeof(text), file))
		text[0] = '\0';
	if (file)
		fclose(file);
	return text[0] ? strtol(text, NULL, 10) : -1;
}

/* A reset fails to stop the device, which still has a command: @tag. */
static void lose_unstoppable(struct __test_metadata *_metadata, struct softctrl *self,
			     uint16_t tag)
{
	struct usher_cqe cqe;

	ASSERT_EQ(0, start_unstoppable(self, "to=1 flr=0"));
	ASSERT_EQ(0, fault("sticky_master", "1"));
	memset(self->mem, 0xee, BUF_BYTES);
	ASSERT_EQ(0, hold_read(self, tag));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(tag, le16toh(cqe.cid));
	EXPECT_EQ(USHER_CQE_DRIVER, le16toh(cqe.flags));
	EXPECT_EQ(-ENODEV, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_TRUE(is_gone(self));
}

/* The reset did not prove that the device had stopped; unbinding does. */
static void prove_late(struct __test_metadata *_metadata, struct softctrl *self,
		       bool closed)
{
	lose_unstoppable(_metadata, self, 20);
	if (closed)
		close_all(self);
	EXPECT_TRUE(quiet());
	/* The buffer is kept even after it was closed, and the device does write to it. */
	EXPECT_EQ(self->pins + BUF_BYTES / PAGE, pinned_pages());
	ASSERT_EQ(0xee, self->mem[20 * 4096]);
	ASSERT_EQ(0, fault("release", "fifo"));
	EXPECT_EQ(0, self->mem[20 * 4096]);
	EXPECT_EQ(0, stat_of("dma_errors"));

	ASSERT_EQ(0, fault("ignore_disable", "0"));
	ASSERT_EQ(0, write_text(DRIVER "unbind", self->address));
	EXPECT_EQ(0, stat_of("ready"));
	EXPECT_EQ(0, logged(self, "pages of processes are lost"));
	EXPECT_TRUE(wait_pins(self->pins));
	close_all(self);
}

TEST_F_TIMEOUT(leak, late_proof_frees_what_is_in_use, 120)
{
	prove_late(_metadata, self, false);
}

TEST_F_TIMEOUT(leak, late_proof_frees_what_was_closed, 120)
{
	prove_late(_metadata, self, true);
}

/* Unbinding does not prove it either: the pages are lost, which is logged once. */
TEST_F_TIMEOUT(leak, pages_are_lost_once, 120)
{
	lose_unstoppable(_metadata, self, 20);
	EXPECT_EQ(0, logged(self, "pages of processes are lost"));
	/* The driver is bound still, and so has its attributes. */
	EXPECT_EQ(BUF_BYTES / PAGE, pages_leaked(self));
	hush_dma_debug(true);
	ASSERT_EQ(0, write_text(DRIVER "unbind", self->address));
	hush_dma_debug(false);
	expect_leak(_metadata, self);
	EXPECT_EQ(0, logged(self, "pages of processes are lost"));
}

/*
 * Only the missing bus mastering stopped it, so its command was completed and its memory
 * let go: the reset must not let it on the bus again while it runs.
 */
TEST_F_TIMEOUT(leak, a_running_controller_stays_off_the_bus, 240)
{
	struct usher_cqe cqe;
	long errors, master;

	/* Each wait for CSTS.RDY takes five seconds. */
	ASSERT_EQ(0, start_unstoppable(self, "to=9 flr=0"));
	ASSERT_EQ(0, hold_read(self, 20));
	ASSERT_EQ(0, reap(&self->ring, &cqe, 3 * SOON_MS));
	EXPECT_EQ(USHER_CQE_DRIVER, le16toh(cqe.flags));
	ASSERT_EQ(0, buf_unregister(self->grant, self->buf));
	ASSERT_TRUE(wait_pins(self->pins));
	memset(self->mem, 0xee, BUF_BYTES);

	/* The start of the controller begins with a second wait, which this is in. */
	errors = stat_of("dma_errors");
	ASSERT_EQ(0, fault("release", "fifo"));
	EXPECT_LT(errors, stat_of("dma_errors"));
	EXPECT_EQ(0xee, self->mem[20 * 4096]);
	EXPECT_TRUE(wait_until((master = stat_of("bus_master")) ||
			       __atomic_load_n(&self->ring.ctl->flags, __ATOMIC_RELAXED) &
			       USHER_RING_F_GONE));
	EXPECT_EQ(0, master);
	EXPECT_TRUE(is_gone(self));
}

/* Nor does the driver that comes next let on the bus what the last one left running. */
TEST_F_TIMEOUT(leak, a_running_controller_is_not_bound, 120)
{
	ASSERT_EQ(0, start(self, "to=1 flr=0"));
	ASSERT_EQ(0, fault("ignore_disable", "1"));
	ASSERT_EQ(0, hold_read(self, 21));
	ASSERT_EQ(0, write_text(DRIVER "unbind", self->address));
	close_all(self);
	EXPECT_TRUE(wait_pins(self->pins));
	EXPECT_NE(0, write_text(DRIVER "bind", self->address));
	EXPECT_EQ(0, stat_of("bus_master"));
	ASSERT_EQ(0, fault("ignore_disable", "0"));
	ASSERT_EQ(0, write_text(DRIVER "bind", self->address));
	ASSERT_EQ(0, open_node(self));
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 1));
}

int main(int argc, char **argv)
{
	softctrl_require();
	return test_harness_run(argc, argv);
}
