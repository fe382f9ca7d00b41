// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands by io_uring that the device keeps, while their process is killed, their
 * io_uring is closed, their grant is revoked, the controller is reset or taken away.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "softctrl.h"
#include "uring.h"

#define READS	8

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

/* Linux 6.7 and later take commands back from who has them. */
static bool can_cancel(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname name;

	if (uname(&name) || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return false;
	return major > 6 || (major == 6 && minor >= 7);
}

/* One block each, one after the other in memory */
static int submit_reads(struct io_uring *uring, int fd, uint32_t nsid, char *data)
{
	int i;

	for (i = 0; i < READS; i++) {
		struct nvme_uring_cmd cmd = {
			.opcode = OP_READ, .nsid = nsid, .addr = (uintptr_t)data + i * BLOCK,
			.data_len = BLOCK, .cdw10 = i,
		};

		if (!uring_add(uring, fd, NVME_URING_CMD_IO, &cmd, i))
			return -EBUSY;
	}
	return uring_submit(uring, READS);
}

/* Reads that the controller keeps */
static int hold_reads(struct io_uring *uring, int fd, uint32_t nsid, char *data)
{
	long held = stat_of("held");
	int ret;

	memset(data, 0xee, READS * BLOCK);
	ret = uring_open(uring, 64, URING_WIDE);
	ret = ret ? ret : fault("hold", "on op=2");
	ret = ret ? ret : submit_reads(uring, fd, nsid, data);
	if (ret)
		return ret;
	return wait_stat("held", held + READS) ? fault("hold", "off") : -ETIME;
}

/* How many of @count completions are @res */
static int reap_count(struct __test_metadata *_metadata, struct io_uring *uring, int count,
		      int res)
{
	struct uring_result result;
	int i, n = 0;

	for (i = 0; i < count; i++) {
		ASSERT_EQ(0, uring_reap(uring, &result));
		n += result.res == res;
	}
	return n;
}

static bool untouched(const char *data)
{
	return data[0] == (char)0xee && !memcmp(data, data + 1, READS * BLOCK - 1);
}

static void release_all(struct __test_metadata *_metadata, struct softctrl *self)
{
	ASSERT_EQ(0, fault("release", "fifo"));
	ring_close(&self->ring);
	self->ring.ctl = NULL;
	ASSERT_EQ(0, buf_unregister(self->grant, self->buf));
	EXPECT_TRUE(wait_until(nothing_is_charged(self->grant)));
}

TEST_F_TIMEOUT(held, each_completes_once, 120)
{
	struct uring_result result;
	struct io_uring uring;
	char data[READS * BLOCK];
	uint32_t seen = 0;
	int i;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, hold_reads(&uring, self->grant, self->nsid, data));
	EXPECT_TRUE(quiet());
	EXPECT_TRUE(untouched(data));
	ASSERT_EQ(0, fault("release", "fifo"));
	for (i = 0; i < READS; i++) {
		ASSERT_EQ(0, uring_reap(&uring, &result));
		EXPECT_EQ(0, result.res);
		seen |= 1U << result.data;
	}
	EXPECT_EQ((1U << READS) - 1, seen);
	io_uring_queue_exit(&uring);
}

/* Neither the process nor its io_uring waits for the device. */
TEST_F_TIMEOUT(held, the_killed_leave_their_commands, 120)
{
	struct io_uring uring;
	char data[READS * BLOCK];
	int status, fd;
	long held;
	pid_t pid;

	if (!can_cancel())
		SKIP(return, "before Linux 6.7 io_uring waits for its commands");
	ASSERT_EQ(0, start(self, ""));
	fd = grant_narrow(self->grant, 0, 64, USHER_RIGHTS_ALL);
	ASSERT_LE(0, fd);
	held = stat_of("held");
	ASSERT_EQ(0, fault("hold", "on op=2"));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (uring_open(&uring, 64, URING_WIDE) ||
		    submit_reads(&uring, fd, self->nsid, data))
			_exit(1);
		pause();
	}
	ASSERT_TRUE(wait_stat("held", held + READS));
	ASSERT_EQ(0, fault("hold", "off"));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));

	/* The device has them yet: their memory is kept. KASAN looks on. */
	close(fd);
	EXPECT_TRUE(quiet());
	EXPECT_FALSE(nothing_is_charged(self->grant));
	release_all(_metadata, self);
}

TEST_F_TIMEOUT(held, closing_takes_them_back, 120)
{
	struct io_uring uring;
	char data[READS * BLOCK];
	int fd;

	if (!can_cancel())
		SKIP(return, "before Linux 6.7 io_uring waits for its commands");
	ASSERT_EQ(0, start(self, ""));
	fd = grant_narrow(self->grant, 0, 64, USHER_RIGHTS_ALL);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, hold_reads(&uring, fd, self->nsid, data));
	io_uring_queue_exit(&uring);
	/* The file is free, and works. */
	ASSERT_EQ(0, uring_open(&uring, 64, URING_WIDE));
	ASSERT_EQ(0, submit_reads(&uring, fd, self->nsid, data));
	io_uring_queue_exit(&uring);
	close(fd);
	EXPECT_TRUE(quiet());
	release_all(_metadata, self);
}

/* What the device has finishes; nothing comes after it. */
TEST_F_TIMEOUT(held, revoked_commands_finish, 120)
{
	struct uring_result result;
	struct io_uring uring;
	char data[READS * BLOCK];
	int fd;

	ASSERT_EQ(0, start(self, ""));
	fd = grant_narrow(self->grant, 0, 64, USHER_RIGHTS_ALL);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, hold_reads(&uring, fd, self->nsid, data));
	ASSERT_EQ(0, grant_revoke(self->grant));
	EXPECT_TRUE(quiet());
	EXPECT_TRUE(untouched(data));
	ASSERT_EQ(0, fault("release", "fifo"));
	EXPECT_EQ(READS, reap_count(_metadata, &uring, READS, 0));
	ASSERT_EQ(0, submit_reads(&uring, fd, self->nsid, data));
	ASSERT_EQ(0, uring_reap(&uring, &result));
	EXPECT_EQ(-EACCES, result.res);
	io_uring_queue_exit(&uring);
	close(fd);
}

/* The queue has three slots: what found none is never taken. */
TEST_F_TIMEOUT(held, revoked_before_they_are_taken, 120)
{
	enum { SLOTS = 3 };
	struct io_uring uring;
	char data[READS * BLOCK];
	int fd;
	long held;

	ASSERT_EQ(0, plug(self, "mqes=3"));
	ASSERT_EQ(0, open_grant(self));
	fd = grant_narrow(self->grant, 0, 64, USHER_RIGHTS_ALL);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, uring_open(&uring, 64, URING_WIDE));
	held = stat_of("held");
	ASSERT_EQ(0, fault("hold", "on op=2"));
	ASSERT_EQ(0, submit_reads(&uring, fd, self->nsid, data));
	ASSERT_TRUE(wait_stat("held", held + SLOTS));
	ASSERT_EQ(0, grant_revoke(self->grant));
	EXPECT_EQ(READS - SLOTS, reap_count(_metadata, &uring, READS - SLOTS, -EACCES));
	ASSERT_EQ(0, fault("hold", "off"));
	ASSERT_EQ(0, fault("release", "fifo"));
	EXPECT_EQ(SLOTS, reap_count(_metadata, &uring, SLOTS, 0));
	io_uring_queue_exit(&uring);
	close(fd);
}

TEST_F_TIMEOUT(held, a_reset_has_a_status, 120)
{
	struct uring_result result;
	struct io_uring uring;
	char data[READS * BLOCK];
	int i;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, hold_reads(&uring, self->grant, self->nsid, data));
	ASSERT_EQ(0, fault("csts_fatal", "1"));
	for (i = 0; i < READS; i++) {
		ASSERT_EQ(0, uring_reap(&uring, &result));
		EXPECT_EQ(SC_HOST_ABORTED, result.res & SC_MASK);
	}
	EXPECT_TRUE(untouched(data));
	ASSERT_EQ(0, submit_reads(&uring, self->grant, self->nsid, data));
	EXPECT_EQ(READS, reap_count(_metadata, &uring, READS, 0));
	io_uring_queue_exit(&uring);
}

struct resets {
	int ctrl;
	bool stop;
	int ret;
};

static void *resets_thread(void *data)
{
	struct resets *r = data;

	while (!r->ret && !__atomic_load_n(&r->stop, __ATOMIC_RELAXED))
		r->ret = ioctl(r->ctrl, NVME_IOCTL_RESET) ? -errno : 0;
	return NULL;
}

static int open_controller(const struct softctrl *self)
{
	char path[sizeof(self->node)];

	snprintf(path, sizeof(path), "%.*s", (int)strcspn(self->node, "n"), self->node);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* In a reset commands wait for its end, or were in flight and say so; no signal came. */
TEST_F_TIMEOUT(held, resets_meanwhile, 120)
{
	enum { ROUNDS = 100 };
	char data[READS * BLOCK];
	struct resets r = {};
	struct uring_result result;
	struct io_uring uring;
	pthread_t thread;
	int round, i;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, uring_open(&uring, 64, URING_WIDE));
	r.ctrl = open_controller(self);
	ASSERT_LE(0, r.ctrl);
	ASSERT_EQ(0, pthread_create(&thread, NULL, resets_thread, &r));
	for (round = 0; round < ROUNDS; round++) {
		ASSERT_EQ(0, submit_reads(&uring, self->grant, self->nsid, data));
		for (i = 0; i < READS; i++) {
			ASSERT_EQ(0, uring_reap(&uring, &result));
			EXPECT_TRUE(!result.res || (result.res & SC_MASK) == SC_HOST_ABORTED)
				TH_LOG("%d", result.res);
		}
	}
	__atomic_store_n(&r.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, r.ret);
	close(r.ctrl);
	io_uring_queue_exit(&uring);
}

TEST_F_TIMEOUT(held, removal_ends_them, 120)
{
	struct uring_result result;
	struct io_uring uring;
	char data[READS * BLOCK];
	int i;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, hold_reads(&uring, self->grant, self->nsid, data));
	ASSERT_EQ(0, fault("surprise", "remove"));
	for (i = 0; i < READS; i++) {
		ASSERT_EQ(0, uring_reap(&uring, &result));
		EXPECT_TRUE(result.res == -ENODEV || (result.res & SC_MASK) == SC_HOST_ABORTED)
			TH_LOG("%d", result.res);
	}
	EXPECT_TRUE(untouched(data));
	ASSERT_EQ(0, submit_reads(&uring, self->grant, self->nsid, data));
	ASSERT_EQ(0, uring_reap(&uring, &result));
	EXPECT_EQ(-ENODEV, result.res);
	io_uring_queue_exit(&uring);
}

/* Memory that is gone by then is not written to, and the command says so. */
TEST_F_TIMEOUT(held, memory_that_is_unmapped, 120)
{
	char *data = mmap(NULL, READS * BLOCK, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct io_uring uring;

	ASSERT_NE(MAP_FAILED, data);
	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, hold_reads(&uring, self->grant, self->nsid, data));
	ASSERT_EQ(0, munmap(data, READS * BLOCK));
	ASSERT_EQ(0, fault("release", "fifo"));
	EXPECT_EQ(READS, reap_count(_metadata, &uring, READS, -EFAULT));
	io_uring_queue_exit(&uring);
}

int main(int argc, char **argv)
{
	softctrl_require();
	return test_harness_run(argc, argv);
}
