// SPDX-License-Identifier: GPL-2.0-only
/*
 * Admin commands that fail or get no answer, for those who wait for them and for those
 * who come later.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "softctrl.h"

/* FIXTURE_DATA(admin), in a form that checkpatch reads */
#define _test_data_admin	softctrl

FIXTURE(admin);

FIXTURE_SETUP(admin)
{
	ASSERT_EQ(0, softctrl_setup(self));
}

FIXTURE_TEARDOWN(admin)
{
	EXPECT_EQ(0, softctrl_teardown(self));
}

static int create_another_ring(const struct softctrl *self)
{
	struct ring ring;
	int ret = ring_open(&ring, self->grant, ENTRIES, 0);

	if (!ret)
		ring_close(&ring);
	return ret;
}

/* A child that waits for an answer to Create I/O Completion Queue */
static pid_t wait_for_dead_admin(struct softctrl *self)
{
	long fetched = stat_of("fetched");
	pid_t pid;

	if (fault("dead_admin", "1"))
		return -1;
	pid = fork();
	if (!pid)
		_exit(-create_another_ring(self));
	return wait_stat("fetched", fetched + 1) ? pid : -1;
}

TEST_F_TIMEOUT(admin, who_waits_for_a_dead_admin_queue_can_be_killed, 120)
{
	uint64_t begin;
	int status;
	pid_t pid;

	ASSERT_EQ(0, start(self, ""));
	pid = wait_for_dead_admin(self);
	ASSERT_LT(0, pid);
	begin = now_ms();
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_GT(PROMPT_MS, now_ms() - begin);
	EXPECT_TRUE(WIFSIGNALED(status));
	/* The I/O queues do not need the admin queue. */
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 1));
}

TEST_F_TIMEOUT(admin, removal_wakes_who_waits_for_the_admin_queue, 120)
{
	uint64_t begin;
	int status;
	pid_t pid;

	ASSERT_EQ(0, start(self, ""));
	pid = wait_for_dead_admin(self);
	ASSERT_LT(0, pid);
	begin = now_ms();
	ASSERT_EQ(0, write_text(DRIVER "unbind", self->address));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_GT(PROMPT_MS, now_ms() - begin);
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(ENODEV, WEXITSTATUS(status));
}

TEST_F_TIMEOUT(admin, a_queue_that_cannot_be_made_is_shared, 120)
{
	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, fault("fail", "admin 0x05 0x4101 1000"));
	EXPECT_EQ(0, create_another_ring(self));
	ASSERT_EQ(0, fault("fail", "admin 0x05 0 0"));
	ASSERT_EQ(0, fault("fail", "admin 0x01 0x4101 1000"));
	EXPECT_EQ(0, create_another_ring(self));
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 1));
}

/*
 * A process is killed between the admin commands that make a queue. There is only
 * this queue, so whoever comes later needs it.
 */
TEST_F_TIMEOUT(admin, a_queue_outlives_who_was_killed_making_it, 120)
{
	static const unsigned char opcodes[] = { 0x05, 0x01 };
	unsigned int i;
	int status;
	pid_t pid;

	for (i = 0; i < ARRAY_SIZE(opcodes); i++) {
		ASSERT_EQ(0, plug(self, "queues=1 vectors=2"));
		ASSERT_EQ(0, open_grant(self));
		ASSERT_EQ(0, fault("hold", "on qid=0 op=%u", opcodes[i]));
		pid = fork();
		if (!pid)
			_exit(-create_another_ring(self));
		ASSERT_LT(0, pid);
		ASSERT_TRUE(wait_stat("held", 1));
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
		ASSERT_EQ(0, fault("hold", "off"));
		ASSERT_EQ(0, fault("release", "fifo"));

		ASSERT_EQ(0, ring_open(&self->ring, self->grant, ENTRIES, 0));
		EXPECT_EQ(0, do_io(self, OP_READ, 1, 1));
		close_all(self);
		ASSERT_EQ(0, unplug(self));
	}
}

int main(int argc, char **argv)
{
	softctrl_require();
	return test_harness_run(argc, argv);
}
