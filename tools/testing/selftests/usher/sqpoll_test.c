// SPDX-License-Identifier: GPL-2.0-only
/*
 * A thread in ENTER that polls a ring: no other call is needed while it is awake, no entry
 * is lost when it goes to sleep or ends, and it ends with everything else.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "helper.h"

#define ENTRIES		16
#define NEVER_US	60000000
#define SHORT_US	50
#define MS		1000000ULL

/* FIXTURE_DATA(sqpoll), in a form that checkpatch reads */
#define sqpoll_data	_test_data_sqpoll

FIXTURE(sqpoll) {
	int parent;
	struct worker w;
	struct sqpoll_thread poller;
};

static void on_signal(int number)
{
	(void)number;
}

FIXTURE_SETUP(sqpoll)
{
	struct sigaction action = { .sa_handler = on_signal };

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	self->parent = disk_open(PLAIN, O_RDWR);
	ASSERT_LE(0, self->parent);
	ASSERT_EQ(0, worker_open(&self->w, grant_narrow(self->parent, 0, 4096,
							USHER_RIGHTS_ALL),
				 ENTRIES, ENTRIES * PAGE, USHER_RING_POLLED));
}

FIXTURE_TEARDOWN(sqpoll)
{
	worker_close(&self->w);
	close(self->parent);
}

static int start(struct sqpoll_data *self, uint32_t idle_us)
{
	return sqpoll_start(&self->poller, self->w.ring.fd, idle_us, 0);
}

static bool awake(struct sqpoll_data *self)
{
	return wait_until(sqpoll_awake(&self->w.ring));
}

static bool asleep(struct sqpoll_data *self)
{
	return wait_until(!sqpoll_awake(&self->w.ring) && sqpoll_sleeps(&self->poller));
}

static int stop(struct sqpoll_data *self)
{
	pthread_kill(self->poller.thread, SIGUSR1);
	return sqpoll_join(&self->poller);
}

/* Takes a completion without any call. Returns its status. */
static int take(struct sqpoll_data *self, uint16_t tag)
{
	struct usher_cqe cqe;

	if (!wait_until(ring_pop(&self->w.ring, &cqe)))
		return -ETIME;
	return le16toh(cqe.cid) == tag ? ring_status(&cqe) : -EBADMSG;
}

static struct usher_sqe command(struct sqpoll_data *self, uint8_t opcode, uint64_t slba,
				uint64_t offset, uint16_t tag)
{
	struct usher_sqe sqe = worker_cmd(&self->w, opcode, slba, 1, offset);

	sqe.cid = htole16(tag);
	return sqe;
}

/* ---- awake ---- */

TEST_F(sqpoll, no_call_is_needed)
{
	uint32_t bytes = self->w.info.lba_bytes, i;
	struct usher_sqe sqe;

	ASSERT_EQ(0, start(self, NEVER_US));
	ASSERT_TRUE(awake(self));
	for (i = 0; i < 200; i++) {
		pattern_fill(self->w.memory, i, 1, bytes, i);
		sqe = command(self, OP_WRITE, i, 0, i);
		ring_push(&self->w.ring, &sqe);
		ASSERT_EQ(0, take(self, i));
		sqe = command(self, OP_READ, i, PAGE, i);
		ring_push(&self->w.ring, &sqe);
		ASSERT_EQ(0, take(self, i));
		ASSERT_TRUE(pattern_is(self->w.memory + PAGE, i, 1, bytes, i));
	}
	EXPECT_EQ(-EINTR, stop(self));
}

TEST_F(sqpoll, a_full_ring_and_refusals)
{
	struct usher_ring_info info;
	struct usher_sqe sqe;
	uint32_t round, i;
	struct usher_cqe cqe;

	ASSERT_EQ(0, start(self, NEVER_US));
	ASSERT_TRUE(awake(self));
	for (round = 0; round < 50; round++) {
		ASSERT_TRUE(wait_until(ring_room(&self->w.ring) == ENTRIES));
		for (i = 0; i < ENTRIES; i++) {
			/* Every fourth is outside the grant. */
			sqe = command(self, OP_READ, i % 4 ? i : 4096, i * PAGE, i);
			ring_push(&self->w.ring, &sqe);
		}
		for (i = 0; i < ENTRIES; i++) {
			ASSERT_TRUE(wait_until(ring_pop(&self->w.ring, &cqe)));
			ASSERT_EQ(le16toh(cqe.cid) % 4 ? SC_SUCCESS : SC_LBA_RANGE,
				  ring_status(&cqe));
		}
	}
	ASSERT_EQ(0, ring_info(self->w.ring.fd, &info));
	EXPECT_EQ(50 * ENTRIES, info.completed);
	EXPECT_EQ(50 * ENTRIES / 4, info.refused);
	EXPECT_EQ(USHER_RING_F_SQPOLL, info.state);
	EXPECT_EQ(-EINTR, stop(self));
	ASSERT_EQ(0, ring_info(self->w.ring.fd, &info));
	EXPECT_EQ(0, info.state);
}

/* ENTER works beside a poller, too. */
TEST_F(sqpoll, others_may_enter)
{
	int ret = 0, i;

	ASSERT_EQ(0, start(self, NEVER_US));
	ASSERT_TRUE(awake(self));
	for (i = 0; i < 200; i++)
		ret |= worker_move(&self->w, OP_READ, i, 1, 0);
	EXPECT_EQ(0, ret);
	EXPECT_EQ(-EINTR, stop(self));
	EXPECT_EQ(0, worker_move(&self->w, OP_READ, i, 1, 0));
}

/* ---- asleep ---- */

TEST_F(sqpoll, sleeps_and_is_woken)
{
	struct usher_sqe sqe = command(self, OP_READ, 0, 0, 1);
	int i;

	ASSERT_EQ(0, start(self, 1000));
	for (i = 0; i < 5; i++) {
		ASSERT_TRUE(asleep(self));
		ring_push(&self->w.ring, &sqe);
		ASSERT_EQ(1, ring_enter(&self->w.ring, 1, 0));
		/* It is the polling thread that finds the completion. */
		ASSERT_EQ(0, take(self, 1));
	}
	EXPECT_TRUE(asleep(self));
	EXPECT_EQ(-EINTR, stop(self));
}

/*
 * The thread goes to sleep shortly after each command, and the next command comes at that
 * moment: either the thread sees the entry, or the process sees that it must call.
 */
TEST_F_TIMEOUT(sqpoll, no_entry_is_lost_when_it_sleeps, 120)
{
	int rounds = is_debug_kernel() ? 3000 : 20000, calls = 0, i;
	struct usher_cqe cqe;
	struct usher_sqe sqe;
	uint64_t end;

	ASSERT_EQ(0, start(self, SHORT_US));
	for (i = 0; i < rounds; i++) {
		sqe = command(self, OP_READ, i % 64, 0, i);
		calls += ring_hand_over(&self->w.ring, &sqe);
		for (end = now_ns() + SOON_MS * MS; !ring_pop(&self->w.ring, &cqe);) {
			ASSERT_GT(end, now_ns()) {
				TH_LOG("round %d", i);
			}
		}
		ASSERT_EQ(SC_SUCCESS, ring_status(&cqe));
		/* So long that it falls asleep in some rounds and in others not */
		for (end = now_ns() + i % 64 * SHORT_US * 1000 / 32; now_ns() < end;)
			;
	}
	TH_LOG("%d of %d needed a call", calls, rounds);
	EXPECT_EQ(-EINTR, stop(self));
}

/*
 * Polling threads come and go, and entries are written while the flag still says that
 * one is there: an ENTER that asks for nothing must be enough for them.
 */
TEST_F_TIMEOUT(sqpoll, no_entry_is_lost_when_it_ends, 120)
{
	int rounds = is_debug_kernel() ? 100 : 400, done = 0, i;
	struct usher_cqe cqe;
	struct usher_sqe sqe;
	uint64_t late;

	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, sqpoll_start(&self->poller, self->w.ring.fd, NEVER_US,
					  now_ns() + 3 * MS));
		do {
			sqe = command(self, OP_READ, done % 64, 0, done);
			ASSERT_LE(0, ring_hand_over(&self->w.ring, &sqe));
			late = now_ns() + 20000 * MS;
			while (!ring_pop(&self->w.ring, &cqe)) {
				if (sqpoll_awake(&self->w.ring))
					continue;
				ASSERT_LE(0, ring_enter_until(&self->w.ring, 0, 1, late));
			}
			ASSERT_EQ(SC_SUCCESS, ring_status(&cqe));
			done++;
		} while (sqpoll_awake(&self->w.ring));
		ASSERT_EQ(-ETIME, sqpoll_join(&self->poller));
	}
	TH_LOG("%d commands, %d polling threads", done, rounds);
}

/*
 * What found no room among the completions is taken when there is room and
 * somebody enters, though the polling thread sleeps by then.
 */
TEST_F(sqpoll, sleeps_although_completions_have_no_room)
{
	struct usher_sqe sqe;
	struct usher_cqe cqe;
	uint32_t i, got = 0;

	ASSERT_EQ(0, start(self, 100000));
	ASSERT_TRUE(awake(self));
	/* Twice as many places for completions as for entries */
	for (i = 0; i < 3 * ENTRIES; i++) {
		ASSERT_TRUE(wait_until(ring_room(&self->w.ring)));
		sqe = command(self, OP_READ, i, 0, i);
		ring_push(&self->w.ring, &sqe);
	}
	ASSERT_TRUE(wait_until(ring_ready(&self->w.ring) == 2 * ENTRIES));
	ASSERT_TRUE(asleep(self));
	while (ring_pop(&self->w.ring, &cqe))
		got++;
	EXPECT_EQ(2 * ENTRIES, got);
	EXPECT_EQ(ENTRIES, ring_enter(&self->w.ring, 0, 0));
	EXPECT_TRUE(wait_until(ring_ready(&self->w.ring) == ENTRIES));
	EXPECT_EQ(-EINTR, stop(self));
}

/*
 * Each command is taken by an ENTER, at any time in the life of the poller, which
 * must not sleep while one is in flight: nobody would look for its completion.
 */
TEST_F_TIMEOUT(sqpoll, enter_beside_a_polling_thread, 120)
{
	int rounds = is_debug_kernel() ? 1500 : 8000, i;
	struct usher_ring_info info;
	struct usher_cqe cqe;
	struct usher_sqe sqe;
	uint64_t end;
	bool slept;

	ASSERT_EQ(0, start(self, SHORT_US));
	for (i = 0; i < rounds; i++) {
		sqe = command(self, OP_READ, i % 64, 0, i);
		ring_push(&self->w.ring, &sqe);
		ASSERT_LE(0, ring_enter(&self->w.ring, 1, 0));
		while (!ring_pop(&self->w.ring, &cqe)) {
			if (sqpoll_awake(&self->w.ring))
				continue;
			slept = sqpoll_sleeps(&self->poller);
			/* Only this thread could have woken it since. */
			ASSERT_EQ(0, ring_info(self->w.ring.fd, &info));
			ASSERT_FALSE(slept && info.inflight) {
				TH_LOG("asleep in round %d", i);
			}
		}
		for (end = now_ns() + i % 64 * SHORT_US * 1000 / 32; now_ns() < end;)
			;
	}
	EXPECT_EQ(-EINTR, stop(self));
}

/* ---- refusals, and the end ---- */

TEST_F(sqpoll, arguments)
{
	struct usher_enter good = {
		.size = sizeof(good),
		.flags = USHER_ENTER_SQPOLL | USHER_ENTER_DEADLINE,
		.deadline_ns = 1,
	};
	struct usher_enter arg = good;
	struct ring ring;

	EXPECT_EQ(-ETIME, call(self->w.ring.fd, USHER_IOC_ENTER, &arg));
	arg.to_submit = 1;
	EXPECT_EQ(-EINVAL, call(self->w.ring.fd, USHER_IOC_ENTER, &arg));
	arg = good;
	arg.min_complete = 1;
	EXPECT_EQ(-EINVAL, call(self->w.ring.fd, USHER_IOC_ENTER, &arg));
	arg = good;
	arg.flags = USHER_ENTER_SQPOLL;
	EXPECT_EQ(-EINVAL, call(self->w.ring.fd, USHER_IOC_ENTER, &arg));
	arg = good;
	arg.sigmask = 8;
	arg.sigsetsize = 8;
	EXPECT_EQ(-EFAULT, call(self->w.ring.fd, USHER_IOC_ENTER, &arg));
	arg.sigsetsize = 4;
	EXPECT_EQ(-EINVAL, call(self->w.ring.fd, USHER_IOC_ENTER, &arg));
	/* After a refusal nobody polls. */
	EXPECT_FALSE(sqpoll_awake(&self->w.ring));
	arg = good;
	EXPECT_EQ(-ETIME, call(self->w.ring.fd, USHER_IOC_ENTER, &arg));

	/* idle_us means nothing without the flag. */
	arg = (struct usher_enter) { .size = sizeof(arg), .idle_us = 1 };
	EXPECT_EQ(-EINVAL, call(self->w.ring.fd, USHER_IOC_ENTER, &arg));

	ASSERT_EQ(0, ring_open(&ring, self->w.grant, ENTRIES, 0));
	EXPECT_EQ(-EOPNOTSUPP, ring_sqpoll(ring.fd, 0, 0));
	ring_close(&ring);
}

TEST_F(sqpoll, one_at_a_time)
{
	ASSERT_EQ(0, start(self, NEVER_US));
	ASSERT_TRUE(awake(self));
	EXPECT_EQ(-EBUSY, ring_sqpoll(self->w.ring.fd, 0, 0));
	EXPECT_TRUE(sqpoll_awake(&self->w.ring));
	EXPECT_EQ(-EINTR, stop(self));
	EXPECT_FALSE(sqpoll_awake(&self->w.ring));

	/* A sleeping thread still is the ring's polling thread. */
	ASSERT_EQ(0, start(self, 0));
	ASSERT_EQ(0, worker_move(&self->w, OP_READ, 0, 1, 0));
	ASSERT_TRUE(asleep(self));
	EXPECT_EQ(-EBUSY, ring_sqpoll(self->w.ring.fd, 0, 0));
	EXPECT_EQ(-EINTR, stop(self));
}

TEST_F(sqpoll, deadline)
{
	uint64_t begin = now_ns();

	EXPECT_EQ(-ETIME, ring_sqpoll(self->w.ring.fd, NEVER_US, begin + 30 * MS));
	EXPECT_LE(begin + 30 * MS, now_ns());
	begin = now_ns();
	EXPECT_EQ(-ETIME, ring_sqpoll(self->w.ring.fd, 0, begin + 30 * MS));
	EXPECT_LE(begin + 30 * MS, now_ns());
	EXPECT_FALSE(sqpoll_awake(&self->w.ring));
}

TEST_F(sqpoll, a_broken_ring)
{
	ASSERT_EQ(0, start(self, NEVER_US));
	ASSERT_TRUE(awake(self));
	__atomic_store_n(&self->w.ring.ctl->sq_tail, 1000, __ATOMIC_RELEASE);
	EXPECT_EQ(-EBADFD, sqpoll_join(&self->poller));
	EXPECT_EQ(USHER_RING_F_BROKEN, self->w.ring.ctl->flags);
}

/* Broken by another thread, without any new entry */
TEST_F(sqpoll, a_ring_that_another_broke)
{
	ASSERT_EQ(0, start(self, NEVER_US));
	ASSERT_TRUE(awake(self));
	__atomic_store_n(&self->w.ring.ctl->cq_head, 1000, __ATOMIC_RELEASE);
	EXPECT_EQ(-EBADFD, ring_enter(&self->w.ring, 0, 0));
	EXPECT_EQ(-EBADFD, sqpoll_join(&self->poller));
	EXPECT_EQ(USHER_RING_F_BROKEN, self->w.ring.ctl->flags);
}

TEST_F(sqpoll, revoked_while_awake)
{
	struct usher_sqe sqe = command(self, OP_READ, 0, 0, 1);

	ASSERT_EQ(0, start(self, NEVER_US));
	ASSERT_TRUE(awake(self));
	ASSERT_EQ(0, grant_revoke(self->parent));
	ring_push(&self->w.ring, &sqe);
	EXPECT_EQ(-EACCES, sqpoll_join(&self->poller));
	EXPECT_FALSE(sqpoll_awake(&self->w.ring));
	EXPECT_FALSE(ring_ready(&self->w.ring));
}

TEST_F(sqpoll, revoked_while_asleep)
{
	ASSERT_EQ(0, start(self, 0));
	ASSERT_EQ(0, worker_move(&self->w, OP_READ, 0, 1, 0));
	ASSERT_TRUE(asleep(self));
	ASSERT_EQ(0, grant_revoke(self->parent));
	EXPECT_EQ(-EACCES, sqpoll_join(&self->poller));
}

TEST_F(sqpoll, revoked_and_nothing_comes)
{
	ASSERT_EQ(0, start(self, NEVER_US));
	ASSERT_TRUE(awake(self));
	ASSERT_EQ(0, grant_revoke(self->parent));
	EXPECT_EQ(-EACCES, sqpoll_join(&self->poller));
	EXPECT_EQ(-EACCES, ring_sqpoll(self->w.ring.fd, NEVER_US, 0));
}

/* A process is killed while its polling thread works: nothing of it stays. */
TEST_F(sqpoll, killed)
{
	struct usher_sqe sqe = command(self, OP_READ, 0, 0, 1);
	int i, status, fds[2];
	pid_t pid;
	char c;

	/* The pages of this test; those of the last one are released late. */
	ASSERT_TRUE(wait_until(pinned_pages() == ENTRIES));
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, pipe(fds));
		pid = fork();
		if (!pid) {
			struct usher_cqe cqe;
			struct sqpoll_thread poller;
			struct worker w;

			if (worker_open(&w, disk_open(PLAIN, O_RDWR), ENTRIES, PAGE,
					USHER_RING_POLLED) ||
			    sqpoll_start(&poller, w.ring.fd, i & 1 ? 0 : NEVER_US, 0) ||
			    write(fds[1], "", 1) != 1)
				_exit(1);
			sqe = worker_cmd(&w, OP_READ, 0, 1, 0);
			for (;;) {
				while (ring_room(&w.ring))
					ring_hand_over(&w.ring, &sqe);
				while (ring_pop(&w.ring, &cqe))
					;
			}
		}
		ASSERT_EQ(1, read(fds[0], &c, 1));
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
		close(fds[0]);
		close(fds[1]);
		EXPECT_EQ(0, worker_move(&self->w, OP_READ, 0, 1, 0));
	}
	EXPECT_TRUE(wait_until(pinned_pages() == ENTRIES));
}

/* ---- the device goes ---- */

static void device_goes(struct __test_metadata *_metadata, struct sqpoll_data *self,
			uint32_t idle_us)
{
	char pci[32], path[PATH_MAX];
	uint64_t begin;

	ASSERT_EQ(0, disk_pci(PLAIN, pci, sizeof(pci)));
	ASSERT_EQ(0, start(self, idle_us));
	ASSERT_EQ(0, worker_move(&self->w, OP_READ, 0, 1, 0));
	ASSERT_TRUE(idle_us ? awake(self) : asleep(self));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver/unbind", pci);
	begin = now_ms();
	ASSERT_EQ(0, write_text(path, pci));
	EXPECT_EQ(-ENODEV, sqpoll_join(&self->poller));
	EXPECT_GT(begin + PROMPT_MS, now_ms());
	EXPECT_EQ(USHER_RING_F_GONE, self->w.ring.ctl->flags);
	EXPECT_EQ(-ENODEV, ring_sqpoll(self->w.ring.fd, 0, 0));
	ASSERT_EQ(0, write_text("/sys/bus/pci/drivers_probe", pci));
	ASSERT_TRUE(wait_until(disk_is_ready(PLAIN)));
}

TEST_F(sqpoll, the_device_goes_while_it_is_awake)
{
	device_goes(_metadata, self, NEVER_US);
}

TEST_F(sqpoll, the_device_goes_while_it_sleeps)
{
	device_goes(_metadata, self, 0);
}

TEST_HARNESS_MAIN
