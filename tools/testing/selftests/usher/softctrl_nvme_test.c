// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands of the NVMe ioctls that the device keeps, while their process is killed or
 * gets a signal, their grant is revoked, the controller is reset or taken away.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/nvme_ioctl.h>

#include "kselftest_harness.h"

#include "softctrl.h"

/* FIXTURE_DATA(held), in a form that checkpatch reads */
#define _test_data_held	softctrl

FIXTURE(held);

FIXTURE_SETUP(held)
{
	ASSERT_EQ(0, softctrl_setup(self));
}

FIXTURE_TEARDOWN(held)
{
	EXPECT_EQ(0, softctrl_teardown(self));
}

/* 0, a positive NVMe status or a negative errno */
static int read_block(int fd, uint32_t nsid, void *data)
{
	struct nvme_passthru_cmd cmd = {
		.opcode = OP_READ, .nsid = nsid, .addr = (uintptr_t)data,
		.data_len = BLOCK, .cdw10 = 1,
	};
	int ret = ioctl(fd, NVME_IOCTL_IO_CMD, &cmd);

	return ret < 0 ? -errno : ret;
}

struct reader {
	int fd;
	uint32_t nsid;
	char data[BLOCK];
	pthread_t thread;
	int ret;
};

static void *reader_thread(void *data)
{
	struct reader *r = data;

	r->ret = read_block(r->fd, r->nsid, r->data);
	return NULL;
}

/* A thread with a read that the controller keeps */
static int hold(struct reader *r, int fd, uint32_t nsid)
{
	long held = stat_of("held");
	int ret = fault("hold", "on op=2");

	*r = (struct reader) { .fd = fd, .nsid = nsid };
	memset(r->data, 0xee, sizeof(r->data));
	ret = ret ?: -pthread_create(&r->thread, NULL, reader_thread, r);
	if (ret)
		return ret;
	return wait_stat("held", held + 1) ? fault("hold", "off") : -ETIME;
}

static bool untouched(const struct reader *r)
{
	return r->data[0] == (char)0xee && !memcmp(r->data, r->data + 1, BLOCK - 1);
}

/* A node's grant is above those of its files, and is charged what they take. */
TEST_F_TIMEOUT(held, the_killed_leave_their_command, 120)
{
	long held, reads;
	int status, fd;
	char data[BLOCK];
	pid_t pid;

	ASSERT_EQ(0, start(self, ""));
	fd = grant_narrow(self->grant, 0, 64, USHER_RIGHTS_ALL);
	ASSERT_LE(0, fd);
	held = stat_of("held");
	ASSERT_EQ(0, fault("hold", "on op=2"));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(read_block(fd, self->nsid, data) ? 1 : 0);
	ASSERT_TRUE(wait_stat("held", held + 1));
	ASSERT_EQ(0, fault("hold", "off"));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));

	/* The file lives on, and works; the command's memory is kept. KASAN looks on. */
	for (reads = 0; reads < 100; reads++)
		ASSERT_EQ(0, read_block(fd, self->nsid, data));
	close(fd);
	EXPECT_TRUE(quiet());
	EXPECT_FALSE(nothing_is_charged(self->grant));
	ASSERT_EQ(0, fault("release", "fifo"));
	ring_close(&self->ring);
	self->ring.ctl = NULL;
	ASSERT_EQ(0, buf_unregister(self->grant, self->buf));
	EXPECT_TRUE(wait_until(nothing_is_charged(self->grant)));
}

/* All tags are left behind: a thread waits for one, and gets it with a completion. */
TEST_F_TIMEOUT(held, tags_come_back_with_completions, 200)
{
	enum { TAGS = 128 };
	long held;
	int status, i;
	pid_t pid;
	char data[BLOCK];
	struct reader *readers;
	struct reader last;

	ASSERT_EQ(0, plug(self, ""));
	ASSERT_EQ(0, open_grant(self));
	held = stat_of("held");
	ASSERT_EQ(0, fault("hold", "on op=2"));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		readers = calloc(TAGS, sizeof(*readers));
		for (i = 0; i < TAGS; i++) {
			readers[i] = (struct reader) { .fd = self->grant, .nsid = self->nsid };
			pthread_create(&readers[i].thread, NULL, reader_thread, &readers[i]);
		}
		pause();
	}
	ASSERT_TRUE(wait_stat("held", held + TAGS));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));

	ASSERT_EQ(0, fault("hold", "off"));
	last = (struct reader) { .fd = self->grant, .nsid = self->nsid, .ret = 1 };
	ASSERT_EQ(0, pthread_create(&last.thread, NULL, reader_thread, &last));
	EXPECT_TRUE(quiet());
	EXPECT_EQ(1, last.ret);
	ASSERT_EQ(0, fault("release", "fifo"));
	pthread_join(last.thread, NULL);
	EXPECT_EQ(0, last.ret);
	EXPECT_EQ(0, read_block(self->grant, self->nsid, data));
}

/* The queue has three slots: what waits for one in the ring is taken when it comes. */
TEST_F_TIMEOUT(held, more_threads_than_slots, 120)
{
	enum { SLOTS = 3, THREADS = 12 };
	struct reader readers[THREADS];
	long held;
	int i;

	ASSERT_EQ(0, plug(self, "mqes=3"));
	ASSERT_EQ(0, open_grant(self));
	held = stat_of("held");
	ASSERT_EQ(0, fault("hold", "on op=2"));
	for (i = 0; i < THREADS; i++) {
		readers[i] = (struct reader) {
			.fd = self->grant, .nsid = self->nsid, .ret = 1,
		};
		ASSERT_EQ(0, pthread_create(&readers[i].thread, NULL, reader_thread,
					    &readers[i]));
	}
	ASSERT_TRUE(wait_stat("held", held + SLOTS));
	EXPECT_TRUE(quiet());
	ASSERT_EQ(0, fault("hold", "off"));
	ASSERT_EQ(0, fault("release", "fifo"));
	for (i = 0; i < THREADS; i++) {
		pthread_join(readers[i].thread, NULL);
		EXPECT_EQ(0, readers[i].ret);
	}
}

static void on_signal(int signal)
{
}

/* The command could not be taken back, so the handler waits. */
TEST_F_TIMEOUT(held, signals_do_not_end_the_wait, 120)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct reader r;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, hold(&r, self->grant, self->nsid));
	ASSERT_EQ(0, pthread_kill(r.thread, SIGUSR1));
	EXPECT_TRUE(quiet());
	EXPECT_EQ(0, r.ret);
	EXPECT_TRUE(untouched(&r));
	ASSERT_EQ(0, fault("release", "fifo"));
	pthread_join(r.thread, NULL);
	EXPECT_EQ(0, r.ret);
	EXPECT_FALSE(untouched(&r));
}

/* Commands in flight finish, and nothing comes after them. */
TEST_F_TIMEOUT(held, revoked_commands_finish, 120)
{
	struct reader r;
	int fd;

	ASSERT_EQ(0, start(self, ""));
	fd = grant_narrow(self->grant, 0, 64, USHER_RIGHTS_ALL);
	ASSERT_EQ(0, hold(&r, fd, self->nsid));
	ASSERT_EQ(0, grant_revoke(self->grant));
	EXPECT_EQ(-EACCES, read_block(fd, self->nsid, r.data));
	EXPECT_TRUE(untouched(&r));
	ASSERT_EQ(0, fault("release", "fifo"));
	pthread_join(r.thread, NULL);
	EXPECT_EQ(0, r.ret);
	EXPECT_FALSE(untouched(&r));
	close(fd);
}

TEST_F_TIMEOUT(held, a_reset_has_a_status, 120)
{
	struct reader r;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, hold(&r, self->grant, self->nsid));
	ASSERT_EQ(0, fault("csts_fatal", "1"));
	pthread_join(r.thread, NULL);
	EXPECT_EQ(SC_HOST_ABORTED, r.ret & SC_MASK);
	EXPECT_TRUE(untouched(&r));
	EXPECT_EQ(0, read_block(self->grant, self->nsid, r.data));
}

TEST_F_TIMEOUT(held, removal_ends_the_wait, 120)
{
	struct reader r;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, hold(&r, self->grant, self->nsid));
	ASSERT_EQ(0, fault("surprise", "remove"));
	pthread_join(r.thread, NULL);
	EXPECT_TRUE(r.ret == -ENODEV || (r.ret & SC_MASK) == SC_HOST_ABORTED)
		TH_LOG("%d", r.ret);
	EXPECT_TRUE(untouched(&r));
	EXPECT_EQ(-ENODEV, read_block(self->grant, self->nsid, r.data));
	EXPECT_EQ(-1, ioctl(self->grant, NVME_IOCTL_ID));
	EXPECT_EQ(ENODEV, errno);
}

int main(int argc, char **argv)
{
	softctrl_require();
	return test_harness_run(argc, argv);
}
