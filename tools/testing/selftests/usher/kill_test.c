// SPDX-License-Identifier: GPL-2.0-only
/*
 * A process is killed at any moment: what it had is released, and nobody else
 * notices.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "helper.h"

#define UID		4711
#define COMMANDS	8
#define QUEUES		4	/* of the plain disk */
#define BUF_PAGES	16UL

/* FIXTURE_DATA(victim), in a form that checkpatch reads */
#define victim_data	_test_data_victim

FIXTURE(victim) {
	int grant;		/* what the victims get */
	int pipes[2];
	long users;		/* of the module, before there are victims */
};

FIXTURE_SETUP(victim)
{
	ASSERT_TRUE(wait_until(!pinned_pages()));
	ASSERT_EQ(0, pipe(self->pipes));
	self->grant = -1;
}

FIXTURE_TEARDOWN(victim)
{
	disk_slow(0);
	close(self->grant);
	close(self->pipes[0]);
	close(self->pipes[1]);
}

static int open_disk(struct victim_data *self, const char *disk)
{
	self->grant = disk_open(disk, O_RDWR);
	if (self->grant < 0)
		return self->grant;
	return read_number("/sys/module/usher/refcnt", &self->users);
}

/* Nothing is taken through the victims' grant, and nothing is pinned. */
static bool all_is_back(struct victim_data *self)
{
	struct usher_grant_info info;
	long users;

	return !grant_info(self->grant, &info) && !info.used.rings &&
	       !info.used.pinned_bytes && !pinned_pages() &&
	       !read_number("/sys/module/usher/refcnt", &users) &&
	       users == self->users;
}

/* A user with a limit of its own can take exactly what the victims had. */
static bool limit_is_back(int grant)
{
	struct rlimit limit = { BUF_PAGES * PAGE, BUF_PAGES * PAGE };
	struct worker w;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(become(UID) || setrlimit(RLIMIT_MEMLOCK, &limit) ||
		      worker_open(&w, grant_narrow(grant, 0, 64, 0), 16, BUF_PAGES * PAGE, 0));
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       !WEXITSTATUS(status);
}

static void say(int pipe)
{
	if (write(pipe, "x", 1) != 1)
		_exit(9);
}

static bool hear(int pipe)
{
	char byte;

	return read(pipe, &byte, 1) == 1;
}

/* ---- in mid flight ---- */

static void victim_with_commands(int grant, int started)
{
	struct rlimit limit = { BUF_PAGES * PAGE, BUF_PAGES * PAGE };
	struct worker w;

	/* A grant of its own: buffers live as long as a grant's files. */
	grant = grant_narrow(grant, 0, 64, USHER_RIGHTS_ALL);
	if (become(UID) || setrlimit(RLIMIT_MEMLOCK, &limit) ||
	    worker_open(&w, grant, 16, BUF_PAGES * PAGE, 0))
		_exit(1);
	worker_push(&w, COMMANDS, 0);
	if (ring_enter(&w.ring, COMMANDS, 0) != COMMANDS)
		_exit(2);
	say(started);
	ring_enter(&w.ring, 0, COMMANDS);
	_exit(3);
}

TEST_F(victim, in_mid_flight)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, open_disk(self, SLOW));
	ASSERT_EQ(0, disk_slow(1));
	pid = fork();
	if (!pid)
		victim_with_commands(self->grant, self->pipes[1]);
	ASSERT_TRUE(hear(self->pipes[0]));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	/* The device still writes to its memory, which so stays pinned. */
	EXPECT_EQ(BUF_PAGES, pinned_pages());
	EXPECT_FALSE(limit_is_back(self->grant));
	ASSERT_EQ(0, disk_slow(0));
	EXPECT_TRUE(wait_until(all_is_back(self)));
	EXPECT_TRUE(limit_is_back(self->grant));
}

/* An exit is bounded, though the device does not answer. */
TEST_F(victim, close_does_not_wait)
{
	uint64_t start, idle;
	struct worker w;

	ASSERT_EQ(0, disk_slow(1));
	ASSERT_EQ(0, open_disk(self, SLOW));
	/* as a reference: without commands */
	ASSERT_EQ(0, worker_open(&w, grant_narrow(self->grant, 0, 64, USHER_RIGHTS_ALL),
				 16, BUF_PAGES * PAGE, 0));
	start = now_ms();
	worker_close(&w);
	idle = now_ms() - start;
	ASSERT_EQ(0, worker_open(&w, grant_narrow(self->grant, 0, 64, USHER_RIGHTS_ALL),
				 16, BUF_PAGES * PAGE, 0));
	worker_push(&w, COMMANDS, 0);
	ASSERT_EQ(COMMANDS, ring_enter(&w.ring, COMMANDS, 0));
	start = now_ms();
	worker_close(&w);
	EXPECT_GT(start + 1000 + 4 * idle, now_ms());
	ASSERT_EQ(0, disk_slow(0));
	EXPECT_TRUE(wait_until(all_is_back(self)));
}

/* ---- and the others ---- */

/* Writes and reads its part of the disk; every block must be its own. */
static void bystander(int grant, int started, int enough)
{
	struct worker w;
	uint64_t slba;
	uint32_t seed;
	char byte;

	if (worker_open(&w, grant, 16, 2 * BUF_PAGES * PAGE, 0))
		_exit(1);
	slba = w.info.slba;
	fcntl(enough, F_SETFL, O_NONBLOCK);
	for (seed = 0; seed < 4 || read(enough, &byte, 1) != 1; seed++) {
		pattern_fill(w.memory, slba, 64, 512, seed);
		if (worker_move(&w, OP_WRITE, slba, 64, 0) ||
		    worker_move(&w, OP_READ, slba, 64, BUF_PAGES * PAGE) ||
		    !pattern_is(w.memory + BUF_PAGES * PAGE, slba, 64, 512, seed))
			_exit(2);
		if (seed == 2)
			say(started);
	}
	_exit(0);
}

/* Writes as fast as it can, until it is killed. */
static void writer(int grant, int started)
{
	struct usher_cqe cqe;
	struct usher_sqe sqe;
	struct worker w;
	uint32_t i;

	if (become(UID) || worker_open(&w, grant, 32, BUF_PAGES * PAGE, 0))
		_exit(1);
	memset(w.memory, 0xdd, w.bytes);
	for (i = 0;; i++) {
		while (ring_room(&w.ring)) {
			sqe = worker_cmd(&w, OP_WRITE, w.info.slba + i % 64, 64, 0);
			ring_push(&w.ring, &sqe);
		}
		ring_enter(&w.ring, 32, 1);
		while (ring_pop(&w.ring, &cqe))
			if (cqe.status)
				_exit(2);
		if (i == 3)
			say(started);
	}
}

TEST_F(victim, others_go_on)
{
	struct rlimit limit = { 1 << 20, 1 << 20 };
	int rounds = is_debug_kernel() ? 4 : 15, enough[2], started[2], i, status;
	pid_t stander, pid;
	int theirs;

	ASSERT_EQ(0, open_disk(self, PLAIN));
	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &limit));
	ASSERT_EQ(0, pipe(enough));
	ASSERT_EQ(0, pipe(started));
	stander = fork();
	if (!stander)
		bystander(grant_narrow(self->grant, 1024, 64, USHER_RIGHTS_ALL),
			  started[1], enough[0]);
	ASSERT_TRUE(hear(started[0]));
	theirs = grant_narrow(self->grant, 4096, 1024, USHER_RIGHTS_ALL);
	ASSERT_LE(0, theirs);
	for (i = 0; i < rounds; i++) {
		pid = fork();
		if (!pid)
			writer(theirs, self->pipes[1]);
		ASSERT_TRUE(hear(self->pipes[0]));
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
	}
	close(theirs);
	say(enough[1]);
	ASSERT_EQ(stander, waitpid(stander, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_TRUE(wait_until(all_is_back(self)));
}

/* ---- at any moment ---- */

/* Goes through a whole life again and again. */
static void lives(int grant)
{
	struct usher_cqe cqe;
	struct worker w;
	int ret, i;

	for (i = 0;; i++) {
		int fd = grant_narrow(grant, 0, 1024, USHER_RIGHTS_ALL);

		ret = worker_open(&w, fd, 8, BUF_PAGES * PAGE,
				  i & 1 ? USHER_RING_POLLED : 0);
		if (ret)
			_exit(1);
		worker_push(&w, 8, 0);
		ring_enter(&w.ring, 8, i % 3);
		while (ring_pop(&w.ring, &cqe))
			;
		buf_unregister(w.grant, w.buf);
		worker_close(&w);
	}
}

TEST_F(victim, at_any_moment)
{
	int rounds = is_debug_kernel() ? 15 : 60, rings[QUEUES], i, status;
	struct usher_ring_info info;
	uint32_t random = random_seed();
	pid_t pid;

	ASSERT_EQ(0, open_disk(self, PLAIN));
	for (i = 0; i < rounds; i++) {
		struct timespec moment = {
			.tv_nsec = next_random(&random) % 30000000,
		};

		pid = fork();
		if (!pid)
			lives(self->grant);
		/* No event is awaited: the test kills at a random moment. */
		nanosleep(&moment, NULL);
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status)) TH_LOG("status %#x", status);
	}
	EXPECT_TRUE(wait_until(all_is_back(self)));
	/* A queue that was being made, or changed in its kind, is not lost either. */
	for (i = 0; i < QUEUES; i++) {
		rings[i] = ring_create(self->grant, 8, i & 1 ? USHER_RING_POLLED : 0);
		ASSERT_LE(0, rings[i]);
		ASSERT_EQ(0, ring_info(rings[i], &info));
		EXPECT_EQ(0, info.shared);
	}
	for (i = 0; i < QUEUES; i++)
		close(rings[i]);
}

/* ---- threads that wait ---- */

static void *wait_for_ever(void *data)
{
	struct worker *w = data;

	ring_enter(&w->ring, 0, 1);
	return NULL;
}

TEST_F(victim, threads_wait)
{
	struct worker w, polled;
	pthread_t thread;
	int status, i;
	pid_t pid;

	ASSERT_EQ(0, open_disk(self, PLAIN));
	pid = fork();
	if (!pid) {
		if (worker_open(&w, dup(self->grant), 8, PAGE, 0) ||
		    worker_open(&polled, dup(self->grant), 8, PAGE, USHER_RING_POLLED))
			_exit(1);
		for (i = 0; i < 4; i++)
			pthread_create(&thread, NULL, wait_for_ever,
				       i & 1 ? &w : &polled);
		say(self->pipes[1]);
		pause();
	}
	ASSERT_TRUE(hear(self->pipes[0]));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	/* This process has the grant open too, which keeps the victim's buffers. */
	close(self->grant);
	self->grant = disk_open(PLAIN, O_RDWR);
	EXPECT_TRUE(wait_until(all_is_back(self)));
}

TEST_HARNESS_MAIN
