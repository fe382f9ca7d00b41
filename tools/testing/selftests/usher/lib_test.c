// SPDX-License-Identifier: GPL-2.0-only
/*
 * libusher on the module, in what it does beyond the calls: 64 bits of data for each
 * command, and waiting for several rings.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <usher.h>

#include "kselftest_harness.h"
#include "helper.h"

#define MS		1000000ULL
#define SOON		usher_deadline(SOON_MS * MS)
#define BLOCK		512

/* A grant, memory and a ring of the library's */
struct user {
	int grant;
	struct usher_grant_info info;
	char *memory;
	__u32 buf;
	struct usher_ring ring;
};

static int user_open(struct user *u, int grant, __u32 sq_entries, __u32 cq_entries,
		     __u32 flags)
{
	struct usher_ring_create create = {
		.flags = flags, .sq_entries = sq_entries, .cq_entries = cq_entries,
	};
	int ret;

	u->grant = grant;
	ret = grant < 0 ? grant : usher_grant_info(grant, &u->info);
	if (ret)
		return ret;
	u->memory = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (u->memory == MAP_FAILED)
		return -errno;
	ret = usher_buf_register(grant, u->memory, 16 * PAGE, 0, &u->buf);
	return ret ? ret : usher_ring_init_params(&u->ring, grant, &create);
}

static void user_close(struct user *u)
{
	usher_ring_exit(&u->ring);
	close(u->grant);
	munmap(u->memory, 16 * PAGE);
}

/* Reads the first block. */
static bool push(struct user *u)
{
	struct usher_sqe *sqe = usher_ring_get_sqe(&u->ring);

	return sqe && !usher_prep_read(sqe, 0, 1, u->buf, 0, BLOCK);
}

static int start(struct user *u)
{
	return push(u) ? usher_ring_submit(&u->ring) : -ENOSPC;
}

/* Take the completion that is there. */
static int finish(struct user *u)
{
	struct usher_cqe *cqe;
	int ret = usher_ring_peek_cqe(&u->ring, &cqe);

	if (ret)
		return ret;
	ret = usher_cqe_status(cqe);
	usher_cqe_seen(&u->ring, cqe);
	return ret;
}

/* ---- data ---- */

#define DEPTH		32

FIXTURE(data) {
	struct user u;
};

FIXTURE_VARIANT(data) {
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(data, interrupt) { .flags = 0 };
FIXTURE_VARIANT_ADD(data, polled) { .flags = USHER_RING_POLLED };

FIXTURE_SETUP(data)
{
	ASSERT_EQ(0, user_open(&self->u, disk_open(PLAIN, O_RDWR), DEPTH, 0,
			       variant->flags | USHER_RING_DATA64));
}

FIXTURE_TEARDOWN(data)
{
	user_close(&self->u);
}

struct request {
	uint32_t number;	/* of the command */
	bool refused;
	bool busy;
};

/*
 * Commands of any size, every fifth of which is refused and overtakes the others, as
 * many as the ring has entries, in laps that are taken at any time.
 */
TEST_F(data, each_value_once)
{
	uint32_t most = is_debug_kernel() ? 2000 : 20000, begun = 0, done = 0, last = 0;
	uint32_t seed = random_seed(), overtaken = 0, i, count;
	struct usher_ring *ring = &self->u.ring;
	struct request requests[2 * DEPTH] = {};
	struct usher_cqe *cqes;

	while (done < most) {
		for (i = 0; i < 2 * DEPTH && begun < most; i++) {
			struct request *r = &requests[i];
			uint32_t blocks = 1 + next_random(&seed) % 64;
			struct usher_sqe *sqe;

			if (r->busy)
				continue;
			sqe = usher_ring_get_sqe(ring);
			if (!sqe)
				break;
			*r = (struct request) { begun++, next_random(&seed) % 5 == 0, true };
			ASSERT_EQ(0, usher_sqe_set_data(ring, sqe, r));
			usher_prep_read(sqe, r->refused ? 1ULL << 50 : next_random(&seed) % 1024,
					blocks, self->u.buf, 0, blocks * BLOCK);
		}
		ASSERT_LE(0, usher_ring_submit_and_wait(ring, next_random(&seed) % 4 &&
							begun - done ? 1 : 0));
		count = usher_ring_peek_array(ring, &cqes);
		for (i = 0; i < count; i++) {
			struct request *r = usher_cqe_get_data(ring, &cqes[i]);

			ASSERT_LE(&requests[0], r);
			ASSERT_GT(&requests[2 * DEPTH], r);
			ASSERT_EQ((uintptr_t)r, usher_cqe_get_data64(ring, &cqes[i]));
			ASSERT_TRUE(r->busy);
			ASSERT_EQ(r->refused ? USHER_SC_LBA_RANGE : 0,
				  usher_cqe_status(&cqes[i]));
			overtaken += r->number < last;
			last = r->number;
			r->busy = false;
		}
		usher_ring_cq_advance(ring, count);
		done += count;
	}
	EXPECT_EQ(most, done);
	EXPECT_EQ(0, usher_ring_cq_ready(ring));
	EXPECT_LT(0, overtaken);
	TH_LOG("%u of %u overtaken", overtaken, most);
}

struct taker {
	struct usher_ring *ring;
	uint32_t count;		/* to take */
	bool *seen;
	bool wrong;
};

static void *take_all(void *arg)
{
	struct taker *t = arg;
	struct usher_cqe *cqe;

	while (t->count && !usher_ring_wait_cqe(t->ring, &cqe)) {
		uint64_t data = usher_cqe_get_data64(t->ring, cqe);
		uint32_t number = data;

		if (data >> 32 != ~number || t->seen[number])
			t->wrong = true;
		t->seen[number] = true;
		usher_cqe_seen(t->ring, cqe);
		t->count--;
	}
	return NULL;
}

/* One thread submits, another takes. */
TEST_F(data, a_thread_for_each_side)
{
	uint32_t most = is_debug_kernel() ? 1000 : 10000, i;
	struct taker taker = {
		.ring = &self->u.ring, .count = most, .seen = calloc(most, sizeof(bool)),
	};
	struct usher_sqe *sqe;
	pthread_t thread;

	ASSERT_NE(NULL, taker.seen);
	ASSERT_EQ(0, pthread_create(&thread, NULL, take_all, &taker));
	for (i = 0; i < most; i++) {
		while (!(sqe = usher_ring_get_sqe(&self->u.ring)))
			usher_ring_submit(&self->u.ring);
		usher_prep_read(sqe, i % 1000, 1, self->u.buf, 0, BLOCK);
		ASSERT_EQ(0, usher_sqe_set_data64(&self->u.ring, sqe, (uint64_t)~i << 32 | i));
		if (i % 7 == 0)
			usher_ring_submit(&self->u.ring);
	}
	while (usher_ring_sq_ready(&self->u.ring))
		usher_ring_submit(&self->u.ring);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, taker.count);
	EXPECT_FALSE(taker.wrong);
	for (i = 0; i < most; i++)
		ASSERT_TRUE(taker.seen[i]);
	free(taker.seen);
}

TEST_F(data, own_tags_are_refused)
{
	struct usher_ring *ring = &self->u.ring;
	struct usher_sqe *sqe = usher_ring_get_sqe(ring);
	struct usher_cqe *cqe;
	struct user plain;

	usher_prep_read(sqe, 0, 1, self->u.buf, 0, BLOCK);
	usher_sqe_set_tag(sqe, 4711);
	EXPECT_EQ(-EINVAL, usher_ring_submit(ring));
	EXPECT_EQ(1, usher_ring_sq_ready(ring));
	ASSERT_EQ(0, usher_sqe_set_data64(ring, sqe, 1));
	ASSERT_EQ(1, usher_ring_submit_and_wait(ring, 1));
	ASSERT_EQ(0, usher_ring_peek_cqe(ring, &cqe));
	EXPECT_EQ(1, usher_cqe_get_data64(ring, cqe));
	usher_cqe_seen(ring, cqe);

	ASSERT_EQ(0, user_open(&plain, disk_open(PLAIN, O_RDWR), 8, 0, variant->flags));
	EXPECT_EQ(variant->flags, plain.ring.flags);
	ASSERT_TRUE(push(&plain));
	EXPECT_EQ(-EOPNOTSUPP, usher_sqe_set_data64(&plain.ring, usher_ring_get_sqe(&plain.ring),
						    1));
	user_close(&plain);
}

/* On a disk that does one command a second */
TEST(tags_run_out)
{
	struct user u;
	int i;

	ASSERT_EQ(0, user_open(&u, disk_open(SLOW, O_RDWR), 8, 8, USHER_RING_DATA64));
	ASSERT_EQ(0, disk_slow(1));
	for (i = 0; i < 8; i++)
		ASSERT_TRUE(push(&u));
	ASSERT_EQ(8, usher_ring_submit(&u.ring));
	/* All entries are free, no tag is. */
	EXPECT_EQ(8, usher_ring_sq_space_left(&u.ring));
	EXPECT_EQ(NULL, usher_ring_get_sqe(&u.ring));
	ASSERT_EQ(0, disk_slow(0));
	ASSERT_LE(0, usher_ring_submit_and_wait(&u.ring, 8));
	EXPECT_EQ(NULL, usher_ring_get_sqe(&u.ring));
	EXPECT_EQ(0, finish(&u));
	EXPECT_EQ(0, finish(&u));
	EXPECT_TRUE(push(&u));
	EXPECT_TRUE(push(&u));
	EXPECT_EQ(NULL, usher_ring_get_sqe(&u.ring));
	user_close(&u);
}

/* Who takes a ring over cannot know what the tags in flight stand for. */
TEST(taken_over_with_commands_in_flight)
{
	struct usher_ring heir;
	struct usher_cqe *cqe;
	struct user u;
	int i;

	ASSERT_EQ(0, user_open(&u, disk_open(SLOW, O_RDWR), 8, 0, USHER_RING_DATA64));
	ASSERT_EQ(0, disk_slow(1));
	ASSERT_TRUE(push(&u));
	ASSERT_TRUE(push(&u));
	ASSERT_EQ(2, usher_ring_submit(&u.ring));
	ASSERT_EQ(0, usher_ring_attach(&heir, dup(u.ring.fd)));
	EXPECT_EQ(0, heir.flags);
	EXPECT_EQ(-EBUSY, usher_ring_enable_data64(&heir));
	ASSERT_EQ(0, disk_slow(0));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, usher_ring_wait_cqe(&heir, &cqe));
		EXPECT_EQ(-EBUSY, usher_ring_enable_data64(&heir));
		usher_cqe_seen(&heir, cqe);
	}
	ASSERT_EQ(0, usher_ring_enable_data64(&heir));
	for (i = 0; i < 20; i++) {
		struct usher_sqe *sqe = usher_ring_get_sqe(&heir);

		ASSERT_NE(NULL, sqe);
		usher_prep_read(sqe, 0, 1, u.buf, 0, BLOCK);
		ASSERT_EQ(0, usher_sqe_set_data64(&heir, sqe, i));
		ASSERT_EQ(1, usher_ring_submit_and_wait(&heir, 1));
		ASSERT_EQ(0, usher_ring_peek_cqe(&heir, &cqe));
		EXPECT_EQ(i, usher_cqe_get_data64(&heir, cqe));
		usher_cqe_seen(&heir, cqe);
	}
	usher_ring_exit(&heir);
	user_close(&u);
}

/* ---- several rings ---- */

#define RINGS		3
#define ON_SLOW		2	/* whose disk goes */

FIXTURE(rings) {
	struct user u[RINGS];
	struct usher_ring_wait waits[RINGS];
	int top;		/* which the first one's grant is narrowed from */
};

FIXTURE_VARIANT(rings) {
	uint32_t flags[RINGS];
};

FIXTURE_VARIANT_ADD(rings, interrupt) { .flags = {} };
FIXTURE_VARIANT_ADD(rings, one_polled) { .flags = { 0, USHER_RING_POLLED, 0 } };
FIXTURE_VARIANT_ADD(rings, polled) {
	.flags = { USHER_RING_POLLED, USHER_RING_POLLED, USHER_RING_POLLED }
};

FIXTURE_SETUP(rings)
{
	int i, grant;

	self->top = disk_open(PLAIN, O_RDWR);
	ASSERT_LE(0, self->top);
	for (i = 0; i < RINGS; i++) {
		grant = i ? disk_open(i == ON_SLOW ? SLOW : PLAIN, O_RDWR) :
			    usher_narrow(self->top, 0, 64, USHER_RIGHTS_ALL, NULL);
		ASSERT_EQ(0, user_open(&self->u[i], grant, 8, 0, variant->flags[i]));
		self->waits[i].ring = &self->u[i].ring;
	}
}

FIXTURE_TEARDOWN(rings)
{
	int i;

	for (i = 0; i < RINGS; i++)
		user_close(&self->u[i]);
	close(self->top);
}

/* Submitted before, or by another thread while this one waits */
struct later {
	pthread_t thread;
	int (*act)(struct later *later);
	struct user *user;
	int grant;
	pthread_t waiter;
	const char *pci;
	int ret;
};

static void *act_later(void *arg)
{
	struct later *later = arg;

	usleep(20000);
	later->ret = later->act(later);
	return NULL;
}

static int do_later(struct later *later)
{
	return pthread_create(&later->thread, NULL, act_later, later);
}

static int done_later(struct later *later)
{
	int ret = pthread_join(later->thread, NULL);

	return ret ? -ret : later->ret;
}

static int start_one(struct later *later)
{
	return start(later->user);
}

static int revoke_it(struct later *later)
{
	return usher_revoke(later->grant);
}

static int send_signal(struct later *later)
{
	return pthread_kill(later->waiter, SIGUSR1);
}

static int take_away(struct later *later)
{
	return write_text("/sys/bus/pci/drivers/usher/unbind", later->pci);
}

TEST_F(rings, one_completes)
{
	struct later later = { .act = start_one };
	int i, k;

	for (i = 0; i < RINGS; i++) {
		later.user = &self->u[i];
		ASSERT_EQ(0, do_later(&later));
		ASSERT_EQ(1, usher_wait_rings(self->waits, RINGS, i ? SOON : UINT64_MAX));
		for (k = 0; k < RINGS; k++)
			EXPECT_EQ(k == i, self->waits[k].result);
		EXPECT_EQ(1, done_later(&later));
		/* It is ready until it was taken. */
		EXPECT_EQ(1, usher_wait_rings(self->waits, RINGS, 0));
		EXPECT_EQ(0, finish(&self->u[i]));
		EXPECT_EQ(-ETIME, usher_wait_rings(self->waits, RINGS, 0));
	}
}

TEST_F(rings, all_complete)
{
	int i, ready;

	for (i = 0; i < RINGS; i++)
		ASSERT_EQ(1, start(&self->u[i]));
	EXPECT_TRUE(wait_until((ready = usher_wait_rings(self->waits, RINGS, SOON)) == RINGS));
	EXPECT_EQ(RINGS, ready);
	for (i = 0; i < RINGS; i++) {
		EXPECT_EQ(1, self->waits[i].result);
		EXPECT_EQ(0, finish(&self->u[i]));
	}
	EXPECT_EQ(-ETIME, usher_wait_rings(self->waits, RINGS, 0));
}

/* A completion may come at any moment of the wait, and before it. */
TEST_F(rings, no_wakeup_is_lost)
{
	uint32_t laps = is_debug_kernel() ? 300 : 5000, seed = random_seed(), lap, i;

	for (lap = 0; lap < laps; lap++) {
		i = next_random(&seed) % RINGS;
		ASSERT_EQ(1, start(&self->u[i]));
		ASSERT_EQ(1, usher_wait_rings(self->waits, RINGS, SOON)) TH_LOG("lap %u", lap);
		ASSERT_EQ(1, self->waits[i].result);
		ASSERT_EQ(0, finish(&self->u[i]));
	}
}

TEST_F(rings, waits_until_the_deadline)
{
	uint64_t deadline = usher_deadline(50 * MS);

	EXPECT_EQ(-ETIME, usher_wait_rings(self->waits, RINGS, deadline));
	EXPECT_LE(deadline, now_ns());
	EXPECT_EQ(-ETIME, usher_wait_rings(self->waits, RINGS, 0));
	EXPECT_EQ(-ETIME, usher_wait_rings(self->waits, RINGS, deadline));
	EXPECT_EQ(-EINVAL, usher_wait_rings(self->waits, 0, UINT64_MAX));
}

static int signals;

static void count_signal(int number)
{
	__atomic_add_fetch(&signals, 1, __ATOMIC_RELAXED);
}

static void handle(int flags)
{
	struct sigaction action = { .sa_handler = count_signal, .sa_flags = flags };

	__atomic_store_n(&signals, 0, __ATOMIC_RELAXED);
	sigaction(SIGUSR1, &action, NULL);
}

TEST_F(rings, signals)
{
	struct later later = { .act = send_signal, .waiter = pthread_self() };
	sigset_t none, one, now;

	sigemptyset(&none);
	sigemptyset(&one);
	sigaddset(&one, SIGUSR1);
	handle(0);
	ASSERT_EQ(0, do_later(&later));
	EXPECT_EQ(-EINTR, usher_wait_rings(self->waits, RINGS, UINT64_MAX));
	EXPECT_EQ(0, done_later(&later));
	EXPECT_EQ(1, signals);
	/* As for poll(2), whatever the handler's flags are */
	handle(SA_RESTART);
	ASSERT_EQ(0, do_later(&later));
	EXPECT_EQ(-EINTR, usher_wait_rings(self->waits, RINGS, UINT64_MAX));
	EXPECT_EQ(0, done_later(&later));
	EXPECT_EQ(1, signals);

	/* Blocked but for the wait: one that came before is not missed. */
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &one, NULL));
	raise(SIGUSR1);
	EXPECT_EQ(1, signals);
	EXPECT_EQ(-EINTR, usher_wait_rings_sigmask(self->waits, RINGS, UINT64_MAX, &none));
	EXPECT_EQ(2, signals);
	raise(SIGUSR1);
	EXPECT_EQ(-ETIME, usher_wait_rings(self->waits, RINGS, usher_deadline(30 * MS)));
	EXPECT_EQ(2, signals);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, NULL, &now));
	EXPECT_TRUE(sigismember(&now, SIGUSR1));
	EXPECT_FALSE(sigismember(&now, SIGUSR2));
	ASSERT_EQ(0, sigprocmask(SIG_UNBLOCK, &one, NULL));
	EXPECT_EQ(3, signals);

	/* Blocked for the wait alone: the handler runs afterwards. */
	ASSERT_EQ(0, do_later(&later));
	EXPECT_EQ(-ETIME, usher_wait_rings_sigmask(self->waits, RINGS,
						   usher_deadline(100 * MS), &one));
	EXPECT_EQ(0, done_later(&later));
	EXPECT_EQ(4, signals);
}

/* A stop runs no handler: the wait does not show it. */
TEST_F(rings, stopped_and_continued)
{
	uint64_t deadline = usher_deadline(SOON_MS / 20 * MS);
	int pid = fork(), status, i;

	if (!pid)
		_exit(-usher_wait_rings(self->waits, RINGS, deadline));
	ASSERT_LT(0, pid);
	for (i = 0; i < 3; i++) {
		usleep(20000);
		kill(pid, SIGSTOP);
		ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
		EXPECT_TRUE(WIFSTOPPED(status));
		kill(pid, SIGCONT);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(ETIME, WEXITSTATUS(status));
	EXPECT_LE(deadline, now_ns());
}

TEST_F(rings, a_grant_is_revoked)
{
	struct later later = { .act = revoke_it, .grant = self->top };

	ASSERT_EQ(0, do_later(&later));
	ASSERT_EQ(1, usher_wait_rings(self->waits, RINGS, SOON));
	EXPECT_EQ(-EACCES, self->waits[0].result);
	EXPECT_EQ(0, done_later(&later));
	/* The other rings go on. */
	ASSERT_EQ(1, start(&self->u[1]));
	EXPECT_TRUE(wait_until(usher_wait_rings(self->waits, RINGS, SOON) >= 1 &&
			       self->waits[1].result == 1));
	EXPECT_EQ(0, finish(&self->u[1]));
	/* And who waits afterwards is told, too. */
	EXPECT_EQ(1, usher_wait_rings(self->waits, RINGS, SOON));
	EXPECT_EQ(-EACCES, self->waits[0].result);
	EXPECT_EQ(-EACCES, start(&self->u[0]));
	self->waits[0].ring = NULL;
	EXPECT_EQ(-ETIME, usher_wait_rings(self->waits, RINGS, 0));
}

TEST_F(rings, a_device_goes)
{
	struct later later = { .act = take_away };
	char pci[32];

	ASSERT_EQ(0, disk_pci(SLOW, pci, sizeof(pci)));
	later.pci = pci;
	ASSERT_EQ(0, do_later(&later));
	EXPECT_EQ(1, usher_wait_rings(self->waits, RINGS, SOON));
	EXPECT_EQ(-ENODEV, self->waits[ON_SLOW].result);
	EXPECT_EQ(0, done_later(&later));
	ASSERT_EQ(1, start(&self->u[1]));
	EXPECT_TRUE(wait_until(usher_wait_rings(self->waits, RINGS, SOON) == 2));
	EXPECT_EQ(-ENODEV, self->waits[ON_SLOW].result);
	EXPECT_EQ(1, self->waits[1].result);
	EXPECT_EQ(0, write_text("/sys/bus/pci/drivers_probe", pci));
	EXPECT_TRUE(wait_until(disk_is_ready(SLOW)));
}

TEST_HARNESS_MAIN
