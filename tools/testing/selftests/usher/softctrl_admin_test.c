// SPDX-License-Identifier: GPL-2.0-only
/*
 * Admin commands that fail or get no answer, for those who wait for them and for those
 * who come later.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
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

/* A stop runs no handler: the query is sent again, and nobody hears of it. */
TEST_F_TIMEOUT(admin, a_query_outlives_a_stop, 120)
{
	struct usher_admin admin = {
		.size = sizeof(admin), .opcode = 0x0a, .cdw10 = 7,
	};
	long fetched;
	int status;
	pid_t pid;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, fault("dead_admin", "1"));
	fetched = stat_of("fetched");
	pid = fork();
	if (!pid)
		_exit(-call(self->grant, USHER_IOC_ADMIN, &admin));
	ASSERT_LT(0, pid);
	ASSERT_TRUE(wait_stat("fetched", fetched + 1));
	kill(pid, SIGSTOP);
	ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
	EXPECT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(0, fault("dead_admin", "0"));
	kill(pid, SIGCONT);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

/* More than a workqueue has workers, by far */
#define MANY	600

static void *create_ring_thread(void *arg)
{
	struct softctrl *self = arg;

	ring_create(self->grant, ENTRIES, 0);
	return NULL;
}

/* Threads of a child that wait where only a fatal signal wakes them */
static int waiting_threads(pid_t pid)
{
	char pattern[64], line[512], state;
	unsigned int i, n = 0;
	glob_t tasks;
	FILE *file;

	snprintf(pattern, sizeof(pattern), "/proc/%d/task/*/stat", pid);
	if (glob(pattern, 0, NULL, &tasks))
		return 0;
	for (i = 0; i < tasks.gl_pathc; i++) {
		file = fopen(tasks.gl_pathv[i], "r");
		if (!file)
			continue;
		if (fgets(line, sizeof(line), file) &&
		    sscanf(strrchr(line, ')') ?: "", ") %c", &state) == 1 && state == 'D')
			n++;
		fclose(file);
	}
	globfree(&tasks);
	return n;
}

/* A device that hangs, and as many as like to wait for it, hold up no other device. */
TEST_F_TIMEOUT(admin, waiting_for_one_device_delays_no_other, 180)
{
	int status, other, ring, i;
	pthread_t thread;
	uint64_t begin;
	pid_t pid;

	ASSERT_EQ(0, start(self, ""));
	other = disk_open(PLAIN, O_RDWR);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, fault("dead_admin", "1"));
	pid = fork();
	if (!pid) {
		for (i = 0; i < MANY; i++)
			if (pthread_create(&thread, NULL, create_ring_thread, self))
				_exit(1);
		pause();
		_exit(0);
	}
	ASSERT_LT(0, pid);
	ASSERT_TRUE(wait_until(waiting_threads(pid) == MANY));

	begin = now_ms();
	ring = ring_create(other, ENTRIES, 0);
	EXPECT_LE(0, ring);
	EXPECT_GT(PROMPT_MS, now_ms() - begin);
	close(ring);
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 1));
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	close(other);
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
