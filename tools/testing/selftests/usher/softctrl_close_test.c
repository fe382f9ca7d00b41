// SPDX-License-Identifier: GPL-2.0-only
/*
 * A process closes its files, unregisters a buffer or is killed while the device still
 * has its command: nobody waits, and the pages stay until the device has finished.
 */
#include <endian.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "softctrl.h"

/* FIXTURE_DATA(closing), in a form that checkpatch reads */
#define _test_data_closing	softctrl

FIXTURE(closing);

FIXTURE_SETUP(closing)
{
	ASSERT_EQ(0, softctrl_setup(self));
}

FIXTURE_TEARDOWN(closing)
{
	EXPECT_EQ(0, softctrl_teardown(self));
}

TEST_F_TIMEOUT(closing, close_does_not_wait_and_keeps_the_pages, 120)
{
	uint64_t begin;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, hold_read(self, 11));
	begin = now_ms();
	close_all(self);
	munmap(self->mem, BUF_BYTES);
	self->mem = MAP_FAILED;
	EXPECT_GT(PROMPT_MS, now_ms() - begin);

	/* The device may write there still. KASAN sees it if the pages are free. */
	EXPECT_TRUE(quiet());
	EXPECT_LT(self->pins, pinned_pages());
	ASSERT_EQ(0, fault("release", "fifo"));
	EXPECT_TRUE(wait_pins(self->pins));
	EXPECT_EQ(1, stat_of("enables"));
}

TEST_F_TIMEOUT(closing, unregistering_waits_for_the_command, 120)
{
	struct usher_cqe cqe;
	uint64_t begin;

	ASSERT_EQ(0, start(self, ""));
	memset(self->mem, 0xee, BUF_BYTES);
	ASSERT_EQ(0, hold_read(self, 12));
	begin = now_ms();
	ASSERT_EQ(0, buf_unregister(self->grant, self->buf));
	EXPECT_GT(PROMPT_MS, now_ms() - begin);
	EXPECT_TRUE(quiet());
	EXPECT_LT(self->pins, pinned_pages());

	ASSERT_EQ(0, fault("release", "fifo"));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(0, ring_status(&cqe));
	EXPECT_EQ(0, self->mem[12 * 4096]);
	EXPECT_TRUE(wait_pins(self->pins));
}

TEST_F_TIMEOUT(closing, the_killed_leave_nothing_behind, 120)
{
	struct usher_cqe cqe;
	int status, pipefd[2];
	char ready;
	pid_t pid;

	ASSERT_EQ(0, pipe(pipefd));
	ASSERT_EQ(0, plug(self, ""));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		ready = !open_node(self) && !hold_read(self, 13);
		if (write(pipefd[1], &ready, 1) == 1)
			reap(&self->ring, &cqe, 100000);
		_exit(1);
	}
	ASSERT_EQ(1, read(pipefd[0], &ready, 1));
	EXPECT_EQ(1, ready);
	EXPECT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));

	/* Other processes are not disturbed. When the command has finished, all is free. */
	ASSERT_EQ(0, open_node(self));
	EXPECT_EQ(0, do_io(self, OP_READ, 3, 1));
	close_all(self);
	ASSERT_EQ(0, fault("release", "fifo"));
	EXPECT_TRUE(wait_pins(self->pins));
}

/* ---- what was closed before the device had finished ---- */

/* The watchdog also looks after commands whose ring is closed. */
TEST_F_TIMEOUT(closing, orphans_are_aborted, 120)
{
	ASSERT_EQ(0, write_text(IO_TIMEOUT, "1"));
	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, hold_read(self, 11));
	close_all(self);
	EXPECT_TRUE(wait_pins(self->pins));
	EXPECT_EQ(1, stat_of("aborts"));
	EXPECT_EQ(1, stat_of("enables"));
}

TEST_F_TIMEOUT(closing, a_reset_frees_orphans, 120)
{
	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, hold_read(self, 11));
	close_all(self);
	ASSERT_EQ(0, fault("csts_fatal", "1"));
	EXPECT_TRUE(wait_pins(self->pins));
	ASSERT_EQ(0, open_node(self));
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 1));
}

TEST_F_TIMEOUT(closing, removal_frees_orphans, 120)
{
	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, hold_read(self, 11));
	close_all(self);
	ASSERT_EQ(0, fault("surprise", "remove"));
	EXPECT_TRUE(wait_pins(self->pins));
}

int main(int argc, char **argv)
{
	softctrl_require();
	return test_harness_run(argc, argv);
}
