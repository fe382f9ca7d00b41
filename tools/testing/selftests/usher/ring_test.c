// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rings: what ENTER takes and waits for, how completions announce themselves,
 * what happens to a process that breaks the rules, and who may map what.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "helper.h"

FIXTURE(ring) {
	struct worker w;
};

FIXTURE_VARIANT(ring) {
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(ring, interrupt) { .flags = 0 };
FIXTURE_VARIANT_ADD(ring, polled) { .flags = USHER_RING_POLLED };

FIXTURE_SETUP(ring)
{
	ASSERT_EQ(0, worker_open(&self->w, disk_open(PLAIN, O_RDWR), 8, 16 * PAGE,
				 variant->flags));
}

FIXTURE_TEARDOWN(ring)
{
	worker_close(&self->w);
}

/* Take @count completions off the ring; false when there are fewer. */
static bool pop_all(struct ring *ring, uint32_t count)
{
	struct usher_cqe cqe;

	while (count--)
		if (!ring_pop(ring, &cqe) || cqe.status)
			return false;
	return true;
}

/* ---- taking and waiting ---- */

TEST_F(ring, every_tag_comes_back_once)
{
	uint32_t laps = is_debug_kernel() ? 60 : 400, lap, batch, i;
	struct ring *ring = &self->w.ring;
	struct usher_sqe sqe;
	struct usher_cqe cqe;
	uint16_t tag = 0xff00, seen;

	for (lap = 0; lap < laps; lap++) {
		batch = 1 + lap % ring->sq_entries;
		for (i = 0; i < batch; i++) {
			sqe = worker_cmd(&self->w, OP_READ, i, 1, i * 512);
			sqe.cid = htole16(tag + i);
			ring_push(ring, &sqe);
		}
		ASSERT_EQ(batch, ring_enter(ring, batch, batch));
		for (i = 0, seen = 0; i < batch; i++) {
			ASSERT_TRUE(ring_pop(ring, &cqe));
			ASSERT_EQ(0, cqe.status);
			seen |= 1 << (uint16_t)(le16toh(cqe.cid) - tag);
		}
		ASSERT_EQ((1 << batch) - 1, seen);
		ASSERT_EQ(0, ring_ready(ring));
		tag += batch;
	}
}

TEST_F(ring, takes_what_is_asked_for)
{
	struct ring *ring = &self->w.ring;

	EXPECT_EQ(0, ring_enter(ring, 0, 0));
	EXPECT_EQ(0, ring_enter(ring, 8, 0));
	worker_push(&self->w, 8, 0);
	EXPECT_EQ(0, ring_room(ring));
	EXPECT_EQ(3, ring_enter(ring, 3, 3));
	EXPECT_EQ(3, ring_room(ring));
	EXPECT_EQ(3, ring_ready(ring));
	EXPECT_EQ(0, ring_enter(ring, 0, 3));
	EXPECT_EQ(5, ring_enter(ring, 1000, 8));
	EXPECT_EQ(8, ring_room(ring));
	EXPECT_TRUE(pop_all(ring, 8));
	EXPECT_EQ(0, ring_enter(ring, 1, 0));
}

TEST_F(ring, waits_until_the_deadline)
{
	struct ring *ring = &self->w.ring;
	uint64_t start = now_ns();

	EXPECT_EQ(-ETIME, ring_enter_until(ring, 0, 1, start + 50000000));
	EXPECT_LE(start + 50000000, now_ns());
	EXPECT_EQ(-ETIME, ring_enter_until(ring, 0, 1, 0));
	EXPECT_EQ(-ETIME, ring_enter_until(ring, 0, 1, 1));
	/* Entries that were taken count more than the deadline. */
	worker_push(&self->w, 2, 0);
	EXPECT_EQ(2, ring_enter_until(ring, 2, 3, now_ns() + 50000000));
	EXPECT_EQ(0, ring_enter_until(ring, 0, 2, ~0ULL));
	EXPECT_TRUE(pop_all(ring, 2));
	/* A call that waits for nothing has no use for its deadline. */
	EXPECT_EQ(0, ring_enter_until(ring, 0, 0, 1));
}

TEST_F(ring, unread_completions_count)
{
	struct ring *ring = &self->w.ring;

	worker_push(&self->w, 2, 0);
	ASSERT_EQ(2, ring_enter(ring, 2, 2));
	EXPECT_EQ(0, ring_enter(ring, 0, 2));
	EXPECT_EQ(-ETIME, ring_enter_until(ring, 0, 3, now_ns() + 1000000));
	EXPECT_TRUE(pop_all(ring, 1));
	EXPECT_EQ(-ETIME, ring_enter_until(ring, 0, 2, now_ns() + 1000000));
	EXPECT_TRUE(pop_all(ring, 1));
}

TEST_F(ring, nonblocking)
{
	struct ring *ring = &self->w.ring;

	ASSERT_EQ(0, fcntl(ring->fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, ring_enter(ring, 0, 1));
	EXPECT_EQ(0, ring_enter(ring, 0, 0));
	worker_push(&self->w, 1, 0);
	EXPECT_EQ(1, ring_enter(ring, 1, 1));
	EXPECT_TRUE(wait_until(!ring_enter(ring, 0, 1)));
	EXPECT_TRUE(pop_all(ring, 1));
}

TEST_F(ring, completion_ring_full)
{
	struct usher_ring_create arg = {
		.size = sizeof(arg), .flags = variant->flags,
		.sq_entries = 4, .cq_entries = 4,
	};
	struct worker w = self->w;
	int fd;

	fd = call(self->w.grant, USHER_IOC_RING_CREATE, &arg);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ring_map(&w.ring, fd));
	worker_push(&w, 4, 0);
	ASSERT_EQ(4, ring_enter(&w.ring, 4, 4));
	worker_push(&w, 3, 0);
	EXPECT_EQ(-EAGAIN, ring_enter(&w.ring, 3, 0));
	EXPECT_EQ(4, ring_ready(&w.ring));
	/* There is room for one command at a time; the order is kept. */
	EXPECT_TRUE(pop_all(&w.ring, 1));
	EXPECT_EQ(1, ring_enter(&w.ring, 3, 4));
	EXPECT_EQ(4, ring_ready(&w.ring));
	EXPECT_TRUE(pop_all(&w.ring, 4));
	EXPECT_EQ(2, ring_enter(&w.ring, 3, 2));
	EXPECT_TRUE(pop_all(&w.ring, 2));
	ring_close(&w.ring);
}

/* A call that asks for nothing waits for nothing, whatever is left to take. */
TEST_F(ring, nothing_asked_for_after_a_full_ring)
{
	struct usher_ring_create arg = {
		.size = sizeof(arg), .flags = variant->flags,
		.sq_entries = 4, .cq_entries = 4,
	};
	struct worker w = self->w;
	uint32_t done = 4;
	int fd;

	fd = call(self->w.grant, USHER_IOC_RING_CREATE, &arg);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ring_map(&w.ring, fd));
	worker_push(&w, 4, 0);
	ASSERT_EQ(4, ring_enter(&w.ring, 4, 4));
	worker_push(&w, 4, 0);
	EXPECT_EQ(-EAGAIN, ring_enter(&w.ring, 4, 0));
	EXPECT_TRUE(pop_all(&w.ring, 4));
	alarm(5);
	EXPECT_LE(0, ring_enter(&w.ring, 0, 0));
	alarm(0);
	/* The others were taken already, or a later call takes them. */
	while (done < 8) {
		ASSERT_LE(0, ring_enter_until(&w.ring, 4, 1,
					      now_ns() + SOON_MS * 1000000ULL));
		ASSERT_TRUE(pop_all(&w.ring, 1));
		done++;
	}
	ring_close(&w.ring);
}

/* ---- signals ---- */

static int signals;

static int signals_seen(void)
{
	return __atomic_load_n(&signals, __ATOMIC_RELAXED);
}

static void count_signal(int number)
{
	__atomic_add_fetch(&signals, 1, __ATOMIC_RELAXED);
}

/* Handle it, and let it come in 20 ms, with or without restarting calls. */
static void signal_soon(int flags)
{
	struct sigaction action = { .sa_handler = count_signal, .sa_flags = flags };
	struct itimerval timer = { .it_value.tv_usec = 20000 };

	__atomic_store_n(&signals, 0, __ATOMIC_RELAXED);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

static int enter_masked(struct ring *ring, const sigset_t *mask, uint64_t deadline)
{
	struct usher_enter arg = {
		.size = sizeof(arg),
		.flags = deadline ? USHER_ENTER_DEADLINE : 0,
		.min_complete = 1,
		.deadline_ns = deadline,
		.sigmask = (uintptr_t)mask,
		.sigsetsize = 8,
	};

	return call(ring->fd, USHER_IOC_ENTER, &arg);
}

TEST_F(ring, interrupted_by_a_signal)
{
	uint64_t deadline;

	signal_soon(0);
	EXPECT_EQ(-EINTR, ring_enter(&self->w.ring, 0, 1));
	EXPECT_EQ(1, signals_seen());
	/* After a handler with SA_RESTART the wait goes on, to the same deadline. */
	deadline = now_ns() + 100000000;
	signal_soon(SA_RESTART);
	EXPECT_EQ(-ETIME, ring_enter_until(&self->w.ring, 0, 1, deadline));
	EXPECT_LE(deadline, now_ns());
	EXPECT_EQ(1, signals_seen());
}

/* Waits in a child process, and says what came of it. */
static int wait_in_child(struct ring *ring, const sigset_t *mask, uint64_t deadline)
{
	int pid = fork();

	if (pid)
		return pid;
	_exit(-(mask ? enter_masked(ring, mask, deadline) :
		ring_enter_until(ring, 0, 1, deadline)));
}

/* In a wait, and not in what comes before */
static bool sleeps(int pid)
{
	char path[32], state;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (fscanf(file, "%*d %*s %c", &state) != 1)
		state = 0;
	fclose(file);
	return state == 'S';
}

/* A stop, and a debugger, run no handler: the wait does not show them. */
TEST_F(ring, stopped_and_continued)
{
	sigset_t none;
	int pid, status, masked, i;
	uint64_t deadline;

	if (variant->flags & USHER_RING_POLLED)
		SKIP(return, "who polls is never asleep, which the test waits for");
	sigemptyset(&none);
	for (masked = 0; masked < 2; masked++) {
		deadline = now_ns() + SOON_MS / 10 * 1000000ULL;
		pid = wait_in_child(&self->w.ring, masked ? &none : NULL, deadline);
		ASSERT_LT(0, pid);
		for (i = 0; i < 3; i++) {
			EXPECT_TRUE(wait_until(sleeps(pid)));
			kill(pid, SIGSTOP);
			ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
			EXPECT_TRUE(WIFSTOPPED(status));
			kill(pid, SIGCONT);
		}
		EXPECT_TRUE(wait_until(sleeps(pid)));
		ASSERT_EQ(0, ptrace(PTRACE_SEIZE, pid, NULL, NULL));
		ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, pid, NULL, NULL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSTOPPED(status));
		ASSERT_EQ(0, ptrace(PTRACE_DETACH, pid, NULL, NULL));
		/* It would exit with EINTR at once. */
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFEXITED(status));
		EXPECT_EQ(ETIME, WEXITSTATUS(status));
		EXPECT_LE(deadline, now_ns());
	}
}

TEST_F(ring, signal_mask)
{
	sigset_t none, alarm, now;

	sigemptyset(&none);
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);

	/* Blocked while waiting: the handler runs afterwards. */
	signal_soon(0);
	EXPECT_EQ(-ETIME, enter_masked(&self->w.ring, &alarm, now_ns() + 100000000));
	EXPECT_EQ(1, signals_seen());
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, NULL, &now));
	EXPECT_FALSE(sigismember(&now, SIGALRM));

	/* Blocked but for the wait */
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &alarm, NULL));
	signal_soon(0);
	EXPECT_EQ(-EINTR, enter_masked(&self->w.ring, &none, 0));
	EXPECT_EQ(1, signals_seen());
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, NULL, &now));
	EXPECT_TRUE(sigismember(&now, SIGALRM));

	/* One that came before is not missed. */
	__atomic_store_n(&signals, 0, __ATOMIC_RELAXED);
	raise(SIGALRM);
	EXPECT_EQ(0, signals_seen());
	EXPECT_EQ(-EINTR, enter_masked(&self->w.ring, &none, 0));
	EXPECT_EQ(1, signals_seen());
	ASSERT_EQ(0, sigprocmask(SIG_UNBLOCK, &alarm, NULL));
}

/* ---- the process breaks the rules ---- */

static void tail_too_far(struct ring *ring)
{
	ring->ctl->sq_tail = ring->ctl->sq_head + ring->sq_entries + 1;
}

static void tail_behind_head(struct ring *ring)
{
	ring->ctl->sq_tail = ring->ctl->sq_head - 1;
}

static void tail_wild(struct ring *ring)
{
	ring->ctl->sq_tail = ring->ctl->sq_head + 0x80000000;
}

static void head_past_tail(struct ring *ring)
{
	ring->ctl->cq_head = ring->ctl->cq_tail + 1;
}

static void head_back(struct ring *ring)
{
	ring->ctl->cq_head--;
}

static void head_wild(struct ring *ring)
{
	ring->ctl->cq_head += 0x80000000;
}

TEST_F(ring, broken_indices)
{
	static void (* const breaks[])(struct ring *ring) = {
		tail_too_far, tail_behind_head, tail_wild, head_past_tail,
		head_back, head_wild,
	};
	struct usher_ring_info info;
	struct pollfd pollfd;
	struct worker w;
	int i;

	for (i = 0; i < 6; i++) {
		struct usher_ring_ctl good;

		w = self->w;
		ASSERT_EQ(0, ring_open(&w.ring, w.grant, 8, variant->flags));
		worker_push(&w, 3, 0);
		ASSERT_EQ(3, ring_enter(&w.ring, 3, 3));
		ASSERT_TRUE(pop_all(&w.ring, 2));
		/* The kernel looks at the index when it takes entries. */
		worker_push(&w, 1, 0);
		ASSERT_EQ(1, ring_enter(&w.ring, 1, 2));
		good = *w.ring.ctl;
		breaks[i](&w.ring);
		EXPECT_EQ(-EBADFD, ring_enter(&w.ring, 1, 0)) TH_LOG("break %d", i);
		/* The ring stays broken, even if the index is put right. */
		w.ring.ctl->sq_tail = good.sq_tail;
		w.ring.ctl->cq_head = good.cq_head;
		EXPECT_EQ(-EBADFD, ring_enter(&w.ring, 0, 0));
		EXPECT_EQ(-EBADFD, ring_enter(&w.ring, 0, 1));
		EXPECT_EQ(USHER_RING_F_BROKEN, w.ring.ctl->flags);
		ASSERT_EQ(0, ring_info(w.ring.fd, &info));
		EXPECT_EQ(USHER_RING_F_BROKEN, info.state);
		pollfd = (struct pollfd) { .fd = w.ring.fd, .events = POLLIN };
		EXPECT_EQ(1, poll(&pollfd, 1, 0));
		EXPECT_EQ(POLLIN | POLLERR, pollfd.revents);
		ring_close(&w.ring);
		/* The others on the queue do not notice. */
		EXPECT_EQ(0, worker_move(&self->w, OP_READ, 0, 1, 0));
	}
}

TEST_F(ring, tail_only_broken_is_seen_without_submitting)
{
	tail_too_far(&self->w.ring);
	EXPECT_EQ(-EBADFD, ring_enter(&self->w.ring, 0, 0));
}

/* The kernel does not read the fields that it writes. */
TEST_F(ring, scribbled_over_the_kernels_part)
{
	struct ring *ring = &self->w.ring;
	struct usher_cqe cqe;

	ASSERT_EQ(0, worker_move(&self->w, OP_READ, 0, 1, 0));
	ring->ctl->sq_head = 0x12345678;
	ring->ctl->cq_tail = 0x87654321;
	ring->ctl->flags = ~0;
	memset(ring->ctl->pad0, 0xff, sizeof(ring->ctl->pad0));
	memset(ring->ctl->pad2, 0xff, sizeof(ring->ctl->pad2));
	memset(ring->cq, 0xff, ring->cq_entries * sizeof(*ring->cq));
	worker_push(&self->w, 1, 0);
	EXPECT_EQ(1, ring_enter(ring, 1, 1));
	EXPECT_EQ(2, ring->ctl->sq_head);
	EXPECT_EQ(2, ring->ctl->cq_tail);
	EXPECT_TRUE(ring_pop(ring, &cqe));
	EXPECT_EQ(0, cqe.status);
}

struct breaker {
	struct ring *ring;
	int result;
};

static void *wait_for_one(void *data)
{
	struct breaker *b = data;

	b->result = ring_enter(b->ring, 0, 1);
	return NULL;
}

/* A thread waits in ENTER; there is no other way to see it than to look. */
static bool someone_sleeps(pid_t pid)
{
	char path[64], text[512];
	bool sleeps = true;
	int tid;

	/* The thread made last has the highest number. */
	for (tid = pid + 1; tid < pid + 64; tid++) {
		snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
		if (read_text(path, text, sizeof(text)))
			continue;
		sleeps = strstr(text, ") S ");
	}
	return sleeps;
}

TEST_F(ring, breaking_wakes_who_waits)
{
	struct breaker b = { .ring = &self->w.ring, .result = 1 };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_one, &b));
	if (!variant->flags)
		EXPECT_TRUE(wait_until(someone_sleeps(getpid())));
	tail_too_far(&self->w.ring);
	EXPECT_EQ(-EBADFD, ring_enter(&self->w.ring, 1, 0));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-EBADFD, b.result);
}

TEST_F(ring, others_completions_wake_who_waits)
{
	struct breaker b = { .ring = &self->w.ring, .result = 1 };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_one, &b));
	if (!variant->flags)
		EXPECT_TRUE(wait_until(someone_sleeps(getpid())));
	worker_push(&self->w, 1, 0);
	EXPECT_EQ(1, ring_enter(&self->w.ring, 1, 0));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, b.result);
	EXPECT_TRUE(pop_all(&self->w.ring, 1));
}

/* ---- poll, epoll, eventfd ---- */

static short poll_now(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN | POLLOUT };

	return poll(&pollfd, 1, 0) < 0 ? -1 : pollfd.revents;
}

TEST_F(ring, poll)
{
	struct ring *ring = &self->w.ring;
	struct pollfd pollfd = { .fd = ring->fd, .events = POLLIN };
	struct usher_sqe sqe;

	EXPECT_EQ(POLLOUT, poll_now(ring->fd));
	worker_push(&self->w, 8, 0);
	EXPECT_EQ(0, poll_now(ring->fd));
	ASSERT_EQ(8, ring_enter(ring, 8, 0));
	if (variant->flags) {
		/* There are no interrupts: each poll() looks at the hardware queue. */
		EXPECT_TRUE(wait_until(poll_now(ring->fd) & POLLIN));
	} else {
		EXPECT_EQ(1, poll(&pollfd, 1, SOON_MS));
		EXPECT_EQ(POLLIN, pollfd.revents);
	}
	ASSERT_EQ(0, ring_enter(ring, 0, 8));
	EXPECT_TRUE(pop_all(ring, 7));
	EXPECT_EQ(POLLIN | POLLOUT, poll_now(ring->fd));
	EXPECT_TRUE(pop_all(ring, 1));
	EXPECT_EQ(POLLOUT, poll_now(ring->fd));
	/* A refusal is a completion, too. */
	sqe = cmd_bare(0xff, 1);
	ring_push(ring, &sqe);
	ASSERT_EQ(1, ring_enter(ring, 1, 0));
	EXPECT_EQ(POLLIN | POLLOUT, poll_now(ring->fd));
}

TEST_F(ring, epoll)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	struct ring *ring = &self->w.ring;
	int epoll, i;

	if (variant->flags)
		SKIP(return, "a polled ring does not announce itself");
	epoll = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_LE(0, epoll);
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, ring->fd, &event));
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	for (i = 0; i < 20; i++) {
		worker_push(&self->w, 1, 0);
		ASSERT_EQ(1, ring_enter(ring, 1, 0));
		ASSERT_EQ(1, epoll_wait(epoll, &event, 1, SOON_MS));
		EXPECT_EQ(EPOLLIN, event.events);
		/* Once for each */
		EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
		EXPECT_TRUE(pop_all(ring, 1));
	}
	close(epoll);
}

static uint64_t eventfd_wait(int fd, int timeout)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	uint64_t count = 0;

	if (poll(&pollfd, 1, timeout) == 1 && read(fd, &count, 8) != 8)
		count = 0;
	return count;
}

TEST_F(ring, eventfd)
{
	struct usher_eventfd arg = { .size = sizeof(arg) };
	int first = eventfd(0, EFD_CLOEXEC), second = eventfd(0, EFD_CLOEXEC);
	struct ring *ring = &self->w.ring;
	struct usher_sqe sqe;

	if (variant->flags)
		SKIP(return, "a polled ring does not announce itself");
	arg.fd = first;
	ASSERT_EQ(0, call(ring->fd, USHER_IOC_EVENTFD, &arg));
	worker_push(&self->w, 1, 0);
	ASSERT_EQ(1, ring_enter(ring, 1, 0));
	EXPECT_LE(1, eventfd_wait(first, SOON_MS));
	EXPECT_TRUE(pop_all(ring, 1));
	/* Refusals, too */
	sqe = cmd_bare(0xff, 1);
	ring_push(ring, &sqe);
	ASSERT_EQ(1, ring_enter(ring, 1, 0));
	EXPECT_LE(1, eventfd_wait(first, SOON_MS));
	EXPECT_EQ(0, ring->cq[1].status & htole16(1));
	ring->ctl->cq_head++;

	/* A new one replaces the old, whose fd may be closed any time. */
	arg.fd = second;
	ASSERT_EQ(0, call(ring->fd, USHER_IOC_EVENTFD, &arg));
	worker_push(&self->w, 1, 0);
	ASSERT_EQ(1, ring_enter(ring, 1, 1));
	EXPECT_LE(1, eventfd_wait(second, SOON_MS));
	EXPECT_EQ(0, eventfd_wait(first, 0));
	EXPECT_TRUE(pop_all(ring, 1));
	close(second);
	worker_push(&self->w, 1, 0);
	ASSERT_EQ(1, ring_enter(ring, 1, 1));
	EXPECT_TRUE(pop_all(ring, 1));

	arg.fd = first;
	ASSERT_EQ(0, call(ring->fd, USHER_IOC_EVENTFD, &arg));
	arg.fd = -1;
	ASSERT_EQ(0, call(ring->fd, USHER_IOC_EVENTFD, &arg));
	worker_push(&self->w, 1, 0);
	ASSERT_EQ(1, ring_enter(ring, 1, 1));
	EXPECT_EQ(0, eventfd_wait(first, 0));
	EXPECT_TRUE(pop_all(ring, 1));
	close(first);
}

/* ---- mmap ---- */

static int try_mmap(int fd, size_t bytes, int prot, int flags, off_t offset)
{
	void *map = mmap(NULL, bytes, prot, flags, fd, offset);

	if (map == MAP_FAILED)
		return -errno;
	munmap(map, bytes);
	return 0;
}

TEST_F(ring, mmap)
{
	size_t bytes = self->w.ring.bytes;
	int fd = self->w.ring.fd;
	const int both = PROT_READ | PROT_WRITE;
	struct usher_ring_ctl *ctl = self->w.ring.ctl;
	void *map;

	EXPECT_EQ(0, try_mmap(fd, bytes, both, MAP_SHARED, 0));
	EXPECT_EQ(0, try_mmap(fd, bytes, PROT_READ, MAP_SHARED, 0));
	EXPECT_EQ(-EINVAL, try_mmap(fd, bytes + PAGE, both, MAP_SHARED, 0));
	EXPECT_EQ(-EINVAL, try_mmap(fd, 16 * bytes, both, MAP_SHARED, 0));
	EXPECT_EQ(-EINVAL, try_mmap(fd, bytes, both, MAP_SHARED, PAGE));
	EXPECT_EQ(-EINVAL, try_mmap(fd, bytes, both, MAP_PRIVATE, 0));
	EXPECT_EQ(-EINVAL, try_mmap(fd, bytes, PROT_READ, MAP_PRIVATE, 0));
	if (bytes > PAGE)
		EXPECT_EQ(-EINVAL, try_mmap(fd, bytes - PAGE, both, MAP_SHARED, 0));

	/* It cannot grow, and outlives the fd. */
	map = mmap(NULL, bytes, both, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(MAP_FAILED, mremap(map, bytes, 2 * bytes, MREMAP_MAYMOVE));
	munmap(map, bytes);
	EXPECT_EQ(0, worker_move(&self->w, OP_READ, 0, 1, 0));
	close(fd);
	EXPECT_EQ(1, __atomic_load_n(&ctl->sq_head, __ATOMIC_ACQUIRE));
	__atomic_store_n(&ctl->sq_tail, 7, __ATOMIC_RELEASE);
	EXPECT_EQ(1, __atomic_load_n(&ctl->sq_head, __ATOMIC_ACQUIRE));
}

TEST_F(ring, large_ring)
{
	struct worker w = self->w;
	int i;

	ASSERT_EQ(0, ring_open(&w.ring, w.grant, 4096, variant->flags));
	for (i = 0; i < 4; i++) {
		worker_push(&w, 100, 0);
		ASSERT_EQ(100, ring_enter(&w.ring, 100, 100));
		ASSERT_TRUE(pop_all(&w.ring, 100));
	}
	ring_close(&w.ring);
}

/* More entries than the hardware queue has slots: the kernel goes on by itself. */
TEST_F(ring, more_than_the_queue_takes)
{
	struct worker w = self->w;
	struct usher_sqe sqe;
	int i, taken;

	ASSERT_EQ(0, ring_open(&w.ring, w.grant, 1024, variant->flags));
	for (i = 0; i < 1000; i++) {
		sqe = worker_cmd(&w, OP_READ, i, 1, 0);
		ring_push(&w.ring, &sqe);
	}
	taken = ring_enter(&w.ring, 1000, 0);
	EXPECT_LT(0, taken);
	EXPECT_LE(0, ring_enter(&w.ring, 0, 1000));
	EXPECT_TRUE(pop_all(&w.ring, 1000));
	EXPECT_EQ(1000, w.ring.ctl->sq_head);
	ring_close(&w.ring);
}

/* ---- many threads ---- */

#define THREADS		8

struct crowd {
	struct worker *w;
	pthread_mutex_t lock;
	uint32_t pushed;
	uint32_t popped;
	uint32_t rounds;
	bool failed;
};

static void *one_of_many(void *data)
{
	struct crowd *c = data;
	struct usher_cqe cqe;
	int ret;

	for (;;) {
		pthread_mutex_lock(&c->lock);
		while (ring_pop(&c->w->ring, &cqe)) {
			c->popped++;
			c->failed |= cqe.status;
		}
		if (c->pushed < c->rounds && ring_room(&c->w->ring)) {
			worker_push(c->w, 1, c->pushed % 100);
			c->pushed++;
		}
		if (c->popped == c->rounds || c->failed) {
			pthread_mutex_unlock(&c->lock);
			return NULL;
		}
		pthread_mutex_unlock(&c->lock);
		ret = ring_enter_until(&c->w->ring, 2, 1, now_ns() + 1000000);
		if (ret < 0 && ret != -ETIME && ret != -EAGAIN) {
			printf("# ENTER: %d\n", ret);
			c->failed = true;
		}
	}
}

TEST_F(ring, many_threads)
{
	struct crowd c = {
		.w = &self->w,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.rounds = is_debug_kernel() ? 200 : 1000,
	};
	pthread_t threads[THREADS];
	int i;

	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, one_of_many, &c));
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	EXPECT_FALSE(c.failed);
	EXPECT_EQ(c.rounds, c.popped);
}

/* Both kinds at the same time, on queues of their own */
TEST(polled_beside_interrupts)
{
	struct usher_ring_info a, b;
	struct worker w[2];
	int i, k;

	for (k = 0; k < 2; k++)
		ASSERT_EQ(0, worker_open(&w[k], disk_open(PLAIN, O_RDWR), 8, 16 * PAGE,
					 k ? USHER_RING_POLLED : 0));
	ASSERT_EQ(0, ring_info(w[0].ring.fd, &a));
	ASSERT_EQ(0, ring_info(w[1].ring.fd, &b));
	EXPECT_NE(a.qid, b.qid);
	EXPECT_EQ(0, a.flags);
	EXPECT_EQ(USHER_RING_POLLED, b.flags);
	for (i = 0; i < 50; i++) {
		for (k = 0; k < 2; k++) {
			worker_push(&w[k], 8, 0);
			ASSERT_EQ(8, ring_enter(&w[k].ring, 8, 0));
		}
		for (k = 1; k >= 0; k--) {
			ASSERT_EQ(0, ring_enter(&w[k].ring, 0, 8));
			ASSERT_TRUE(pop_all(&w[k].ring, 8));
		}
	}
	worker_close(&w[0]);
	worker_close(&w[1]);
}

/* A supervisor takes a tag that is not listed for completed. */
TEST_F(ring, info_is_of_one_moment)
{
	struct ring *ring = &self->w.ring;
	uint16_t tags[8];
	int round, i;

	for (round = 0; round < 200; round++) {
		worker_push(&self->w, 8, 0);
		ASSERT_EQ(8, ring_enter(ring, 8, 0));
		for (i = 0; i < 4; i++) {
			struct usher_ring_info info = {
				.size = sizeof(info), .nr_tags = 8,
				.tags = (uintptr_t)tags,
			};

			ASSERT_EQ(0, call(ring->fd, USHER_IOC_RING_INFO, &info));
			ASSERT_EQ(info.inflight, info.nr_tags);
			ASSERT_EQ(info.submitted, info.inflight + info.completed);
		}
		ASSERT_EQ(0, ring_enter(ring, 0, 8));
		ASSERT_TRUE(pop_all(ring, 8));
	}
}

#define SECOND		1000000000ULL

struct entering {
	struct ring *ring;
	bool over;
};

static void *enter_again_and_again(void *data)
{
	struct entering *other = data;

	while (!__atomic_load_n(&other->over, __ATOMIC_RELAXED))
		ring_enter(other->ring, 0, 0);
	return NULL;
}

static void push_deallocate(struct worker *w, uint64_t offset)
{
	struct usher_sqe sqe = {
		.opcode = OP_DSM,
		.nsid = htole32(w->info.nsid),
		.dptr = { htole64(offset), htole32(16), htole32(w->buf) },
		.cdw11 = htole32(4),
	};

	ring_push(&w->ring, &sqe);
}

/*
 * The queue has room for the ranges of two commands. A third waits, and who
 * handed it over sleeps until it is taken: by whichever thread comes first.
 */
TEST_F(ring, taken_by_another_thread)
{
	__le64 *memory = (__le64 *)self->w.memory;
	struct ring *ring = &self->w.ring;
	struct entering other = { .ring = ring };
	struct usher_cqe cqe;
	pthread_t thread;
	int round, ret;

	memory[0] = htole64(8ULL << 32);
	memory[1] = htole64(8);
	/* Blocks that are not there: refused when its turn has come */
	memory[PAGE / 8] = htole64(8ULL << 32);
	memory[PAGE / 8 + 1] = htole64(1ULL << 40);
	ASSERT_EQ(0, pthread_create(&thread, NULL, enter_again_and_again, &other));
	for (round = 0; round < 300; round++) {
		push_deallocate(&self->w, 0);
		push_deallocate(&self->w, 0);
		push_deallocate(&self->w, PAGE);
		ring_enter(ring, 2, 0);
		ret = ring_enter_until(ring, 1, 0, now_ns() + 5 * SECOND);
		if (ret == -ETIME ||
		    ring_enter_until(ring, 0, 3, now_ns() + 5 * SECOND) < 0)
			break;
		/* The two, and the refusal, in whatever order */
		if (!ring_pop(ring, &cqe) || !ring_pop(ring, &cqe) || !ring_pop(ring, &cqe))
			break;
	}
	EXPECT_EQ(300, round);
	__atomic_store_n(&other.over, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

/* ---- commands in flight: on a disk that does one a second ---- */

FIXTURE(flight) {
	struct worker w;
};

FIXTURE_SETUP(flight)
{
	ASSERT_EQ(0, worker_open(&self->w, disk_open(SLOW, O_RDWR), 16, 16 * PAGE, 0));
	ASSERT_EQ(0, disk_slow(1));
}

FIXTURE_TEARDOWN(flight)
{
	disk_slow(0);
	worker_close(&self->w);
}

TEST_F(flight, ring_info_tells_tags)
{
	uint16_t tags[16], seen = 0;
	struct usher_ring_info info = {
		.size = sizeof(info), .tags = (uintptr_t)tags, .nr_tags = 16,
	};
	struct ring *ring = &self->w.ring;
	int i;

	worker_push(&self->w, 8, 0);
	ASSERT_EQ(8, ring_enter(ring, 8, 0));
	ASSERT_EQ(0, call(ring->fd, USHER_IOC_RING_INFO, &info));
	EXPECT_EQ(8, info.submitted);
	/* The first may be done. */
	EXPECT_LE(6, info.inflight);
	EXPECT_EQ(info.inflight, info.nr_tags);
	EXPECT_EQ(8, info.inflight + info.completed);
	for (i = 0; i < info.nr_tags; i++) {
		ASSERT_GT(8, le16toh(tags[i]));
		seen |= 1 << le16toh(tags[i]);
	}
	EXPECT_EQ(info.nr_tags, __builtin_popcount(seen));
	/* An array that is too short, and a bad address */
	memset(tags, 0xff, sizeof(tags));
	info = (struct usher_ring_info) {
		.size = sizeof(info), .tags = (uintptr_t)tags, .nr_tags = 2,
	};
	ASSERT_EQ(0, call(ring->fd, USHER_IOC_RING_INFO, &info));
	EXPECT_EQ(2, info.nr_tags);
	EXPECT_EQ(0xffff, tags[2]);
	info = (struct usher_ring_info) {
		.size = sizeof(info), .tags = -PAGE, .nr_tags = 16,
	};
	EXPECT_EQ(-EFAULT, call(ring->fd, USHER_IOC_RING_INFO, &info));

	ASSERT_EQ(0, disk_slow(0));
	EXPECT_EQ(0, ring_enter(ring, 0, 8));
	EXPECT_TRUE(pop_all(ring, 8));
	ASSERT_EQ(0, ring_info(ring->fd, &info));
	EXPECT_EQ(0, info.inflight);
	EXPECT_EQ(8, info.completed);
}

TEST_F(flight, unregistered_memory_stays_until_commands_are_done)
{
	struct ring *ring = &self->w.ring;
	struct usher_grant_info info;
	struct usher_sqe sqe;
	struct usher_cqe cqe;
	long pinned = pinned_pages();
	int i, refused = 0;

	worker_push(&self->w, 4, 0);
	ASSERT_EQ(4, ring_enter(ring, 4, 0));
	EXPECT_EQ(0, buf_unregister(self->w.grant, self->w.buf));
	EXPECT_EQ(-ENOENT, buf_unregister(self->w.grant, self->w.buf));
	/* New commands are refused, those in flight go on. */
	sqe = worker_cmd(&self->w, OP_READ, 0, 1, 0);
	ring_push(ring, &sqe);
	ASSERT_EQ(1, ring_enter(ring, 1, 0));
	ASSERT_EQ(0, grant_info(self->w.grant, &info));
	EXPECT_EQ(16 * PAGE, info.used.pinned_bytes);
	EXPECT_EQ(pinned, pinned_pages());
	ASSERT_EQ(0, disk_slow(0));
	ASSERT_EQ(0, ring_enter(ring, 0, 5));
	for (i = 0; i < 5; i++) {
		ASSERT_TRUE(ring_pop(ring, &cqe));
		if (le16toh(cqe.flags) & USHER_CQE_REFUSED) {
			EXPECT_EQ(SC_INVALID_FIELD, ring_status(&cqe));
			refused++;
		} else {
			EXPECT_EQ(0, cqe.status);
		}
	}
	EXPECT_EQ(1, refused);
	EXPECT_TRUE(wait_until(!grant_info(self->w.grant, &info) &&
			       !info.used.pinned_bytes));
	EXPECT_EQ(pinned - 16, pinned_pages());
}

/*
 * A worker dies with commands in flight; its supervisor maps the same ring,
 * sees from the tags what it had asked for, and reaps it.
 */
TEST_F(flight, supervisor_reaps_for_a_dead_worker)
{
	struct usher_ring_info info;
	struct usher_cqe cqe;
	struct ring ring;
	uint32_t seen = 0;
	int memory, fd, i, buf, status;
	char *map;
	pid_t pid;

	memory = memfd_create("usher", MFD_CLOEXEC);
	ASSERT_LE(0, memory);
	ASSERT_EQ(0, ftruncate(memory, 16 * PAGE));
	map = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	ASSERT_NE(MAP_FAILED, map);
	pattern_fill(map, 0, 8, 512, 42);
	buf = buf_register(self->w.grant, map, 16 * PAGE, 0);
	ASSERT_LT(0, buf);
	fd = ring_create(self->w.grant, 16, 0);
	ASSERT_LE(0, fd);

	pid = fork();
	if (!pid) {
		struct worker w = self->w;

		w.buf = buf;
		if (ring_map(&w.ring, fd))
			_exit(1);
		for (i = 0; i < 8; i++) {
			struct usher_sqe sqe = worker_cmd(&w, OP_WRITE, i, 1, i * 512);

			sqe.cid = htole16(0x100 + i);
			ring_push(&w.ring, &sqe);
		}
		if (ring_enter(&w.ring, 8, 0) != 8)
			_exit(2);
		kill(getpid(), SIGKILL);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));

	ASSERT_EQ(0, ring_map(&ring, fd));
	ASSERT_EQ(0, ring_info(fd, &info));
	EXPECT_LT(0, info.inflight);
	EXPECT_EQ(8, info.submitted);
	ASSERT_EQ(0, disk_slow(0));
	ASSERT_EQ(0, ring_enter(&ring, 0, 8));
	while (ring_pop(&ring, &cqe)) {
		EXPECT_EQ(0, cqe.status);
		seen |= 1 << (le16toh(cqe.cid) - 0x100);
	}
	EXPECT_EQ(0xff, seen);
	/* And goes on with it. */
	memset(map, 0, 8 * 512);
	for (i = 0; i < 8; i++) {
		struct usher_sqe sqe = cmd_data(OP_READ, 1, i, 1, buf, i * 512, 512);

		ASSERT_EQ(0, ring_do(&ring, &sqe));
	}
	EXPECT_TRUE(pattern_is(map, 0, 8, 512, 42));
	ring_close(&ring);
	munmap(map, 16 * PAGE);
	close(memory);
}

TEST_HARNESS_MAIN
