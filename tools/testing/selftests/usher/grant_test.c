// SPDX-License-Identifier: GPL-2.0-only
/*
 * Grants: narrowed, charged, revoked, handed on, and published as slices.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "helper.h"

#define UID		4711
#define OTHER_UID	4712
#define GID		4713

/* Runs @expression in a child without privileges; true when it holds there */
#define holds_for(uid, expression) ({					\
	int child_status;						\
	pid_t child = fork();						\
									\
	if (!child)							\
		_exit(become(uid) || !(expression));			\
	waitpid(child, &child_status, 0);				\
	WIFEXITED(child_status) && !WEXITSTATUS(child_status);		\
})

/* ---- after exec: what a worker does with the fd it was given ---- */

static void __attribute__((constructor)) worker_after_exec(void)
{
	const char *fd = getenv("USHER_GRANT_FD");
	struct worker w;

	if (!fd)
		return;
	if (worker_open(&w, atoi(fd), 8, PAGE, 0))
		_exit(1);
	if (worker_move(&w, OP_READ, 16, 1, 0) ||
	    worker_move(&w, OP_READ, 15, 1, 0) != SC_LBA_RANGE ||
	    worker_move(&w, OP_WRITE, 16, 1, 0) != SC_ACCESS_DENIED)
		_exit(2);
	_exit(0);
}

FIXTURE(grants) {
	int grant;
	struct usher_grant_info info;
};

FIXTURE_SETUP(grants)
{
	self->grant = disk_open(PLAIN, O_RDWR);
	ASSERT_LE(0, self->grant);
	ASSERT_EQ(0, grant_info(self->grant, &self->info));
}

FIXTURE_TEARDOWN(grants)
{
	close(self->grant);
}

/* ---- narrowing ---- */

TEST_F(grants, narrow_ranges)
{
	uint64_t nlb = self->info.nlb;
	const struct {
		uint64_t slba;
		uint64_t nlb;
		int error;
	} tries[] = {
		{ 0, nlb, 0 }, { 0, 1, 0 }, { nlb - 1, 1, 0 }, { 5, nlb - 5, 0 },
		{ 0, 0, ERANGE }, { 5, 0, ERANGE }, { 0, nlb + 1, ERANGE },
		{ nlb, 1, ERANGE }, { 5, nlb - 4, ERANGE }, { 0, ~0ULL, ERANGE },
		{ ~0ULL, 1, ERANGE }, { ~0ULL, 2, ERANGE }, { 1, ~0ULL, ERANGE },
		{ nlb - 1, 2, ERANGE }, { ~0ULL, ~0ULL, ERANGE },
	};
	struct usher_grant_info info;
	int fd, i;

	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		fd = grant_narrow(self->grant, tries[i].slba, tries[i].nlb,
				  USHER_RIGHTS_ALL);
		if (tries[i].error) {
			EXPECT_EQ(-tries[i].error, fd) TH_LOG("case %d", i);
			continue;
		}
		ASSERT_LE(0, fd) TH_LOG("case %d", i);
		ASSERT_EQ(0, grant_info(fd, &info));
		EXPECT_EQ(tries[i].slba, info.slba);
		EXPECT_EQ(tries[i].nlb, info.nlb);
		EXPECT_EQ(nlb, info.ns_blocks);
		close(fd);
	}
}

TEST_F(grants, narrow_never_widens)
{
	uint32_t rights;
	int child, fd;

	child = grant_narrow(self->grant, 100, 100, USHER_RIGHT_READ);
	ASSERT_LE(0, child);
	EXPECT_EQ(-ERANGE, grant_narrow(child, 99, 2, USHER_RIGHT_READ));
	EXPECT_EQ(-ERANGE, grant_narrow(child, 199, 2, USHER_RIGHT_READ));
	EXPECT_EQ(-ERANGE, grant_narrow(child, 0, self->info.nlb,
					USHER_RIGHT_READ));
	for (rights = 0; rights <= USHER_RIGHTS_ALL; rights++) {
		fd = grant_narrow(child, 150, 50, rights);
		if (rights & ~USHER_RIGHT_READ) {
			EXPECT_EQ(-EACCES, fd) TH_LOG("rights %#x", rights);
		} else {
			EXPECT_LE(0, fd);
			close(fd);
		}
	}
	EXPECT_EQ(-EINVAL, grant_narrow(child, 150, 50, 0x10));
	EXPECT_EQ(-EINVAL, grant_narrow(child, 150, 50, 0x80000000));
	close(child);
	/* The mode of open() limits the rights as well. */
	fd = disk_open(PLAIN, O_RDONLY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EACCES, grant_narrow(fd, 0, 1, USHER_RIGHT_WRITE));
	EXPECT_EQ(-EACCES, grant_narrow(fd, 0, 1, USHER_RIGHT_FLUSH));
	close(fd);
}

TEST_F(grants, narrow_limits)
{
	struct usher_limits limits = {
		.pinned_bytes = 4 * PAGE, .rings = 2, .ring_depth = 16,
	};
	struct usher_limits more;
	struct usher_grant_info info;
	int child, fd;

	child = grant_limit(self->grant, &limits);
	ASSERT_LE(0, child);
	ASSERT_EQ(0, grant_info(child, &info));
	EXPECT_EQ(0, memcmp(&limits, &info.limits, sizeof(limits)));
	EXPECT_EQ(16, info.max_entries);

	/* A limit of 0 means the parent's. */
	more = (struct usher_limits) { .rings = 1 };
	fd = grant_limit(child, &more);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, grant_info(fd, &info));
	EXPECT_EQ(4 * PAGE, info.limits.pinned_bytes);
	EXPECT_EQ(1, info.limits.rings);
	EXPECT_EQ(16, info.limits.ring_depth);
	close(fd);

	more = (struct usher_limits) { .pinned_bytes = 4 * PAGE + 1 };
	EXPECT_EQ(-EDQUOT, grant_limit(child, &more));
	more = (struct usher_limits) { .rings = 3 };
	EXPECT_EQ(-EDQUOT, grant_limit(child, &more));
	more = (struct usher_limits) { .ring_depth = 17 };
	EXPECT_EQ(-EDQUOT, grant_limit(child, &more));
	EXPECT_EQ(-EDQUOT, ring_create(child, 32, 0));
	close(child);
}

TEST_F(grants, narrow_zones)
{
	struct usher_grant_info info;
	uint64_t zone;
	int grant, fd;

	grant = disk_open(ZONED, O_RDWR);
	ASSERT_LE(0, grant);
	ASSERT_EQ(0, grant_info(grant, &info));
	zone = info.zone_blocks;
	EXPECT_EQ(-EINVAL, grant_narrow(grant, 1, zone, USHER_RIGHT_READ));
	EXPECT_EQ(-EINVAL, grant_narrow(grant, zone, zone - 1, USHER_RIGHT_READ));
	EXPECT_EQ(-EINVAL, grant_narrow(grant, zone, zone + 1, USHER_RIGHT_READ));
	EXPECT_EQ(-ERANGE, grant_narrow(grant, info.nlb, zone, USHER_RIGHT_READ));
	fd = grant_narrow(grant, zone, 2 * zone, USHER_RIGHT_READ);
	EXPECT_LE(0, fd);
	close(fd);
	close(grant);
}

TEST_F(grants, narrow_32_times)
{
	int fds[64], depth, fd = self->grant;

	for (depth = 0; depth < 64; depth++) {
		fd = grant_narrow(fd, 0, 64 - depth, USHER_RIGHT_READ);
		if (fd < 0)
			break;
		fds[depth] = fd;
	}
	EXPECT_EQ(-EMLINK, fd);
	/* The grant of the opened node counts as a level as well. */
	EXPECT_LE(28, depth);
	EXPECT_GE(32, depth);
	/* The first go first: each keeps its ancestors. */
	for (fd = 0; fd < depth; fd++)
		close(fds[fd]);
	fd = grant_narrow(self->grant, 0, 8, USHER_RIGHT_READ);
	EXPECT_LE(0, fd);
	close(fd);
}

TEST_F(grants, the_guard_knows_the_range)
{
	struct worker w;
	int fd;

	fd = grant_narrow(self->grant, 1000, 10, USHER_RIGHTS_ALL);
	ASSERT_EQ(0, worker_open(&w, fd, 8, 16 * PAGE, 0));
	EXPECT_EQ(0, worker_move(&w, OP_READ, 1000, 10, 0));
	EXPECT_EQ(SC_LBA_RANGE, worker_move(&w, OP_READ, 999, 1, 0));
	EXPECT_EQ(SC_LBA_RANGE, worker_move(&w, OP_READ, 999, 2, 0));
	EXPECT_EQ(SC_LBA_RANGE, worker_move(&w, OP_READ, 1000, 11, 0));
	EXPECT_EQ(SC_LBA_RANGE, worker_move(&w, OP_WRITE, 1010, 1, 0));
	EXPECT_EQ(SC_LBA_RANGE, worker_move(&w, OP_READ, 0, 1, 0));
	worker_close(&w);
}

/* ---- charging ---- */

TEST_F(grants, ancestors_are_charged)
{
	struct usher_limits limits = { .pinned_bytes = 8 * PAGE, .rings = 3 };
	int top, left, right, below, rings[3], id, i;
	struct usher_grant_info info;
	char *memory;

	memory = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, memory);
	top = grant_limit(self->grant, &limits);
	ASSERT_LE(0, top);
	left = grant_narrow(top, 0, 8, USHER_RIGHT_READ);
	right = grant_narrow(top, 8, 8, USHER_RIGHT_READ);
	below = grant_narrow(left, 0, 4, USHER_RIGHT_READ);
	ASSERT_LE(0, left);
	ASSERT_LE(0, right);
	ASSERT_LE(0, below);

	id = buf_register(below, memory, 5 * PAGE, 0);
	ASSERT_LT(0, id);
	ASSERT_EQ(0, grant_info(top, &info));
	EXPECT_EQ(5 * PAGE, info.used.pinned_bytes);
	ASSERT_EQ(0, grant_info(left, &info));
	EXPECT_EQ(5 * PAGE, info.used.pinned_bytes);
	ASSERT_EQ(0, grant_info(right, &info));
	EXPECT_EQ(0, info.used.pinned_bytes);
	/* Grants that are narrowed once more share the limits of those above them. */
	EXPECT_EQ(-EDQUOT, buf_register(right, memory, 4 * PAGE, 0));
	EXPECT_EQ(-EDQUOT, buf_register(left, memory + 4, 3 * PAGE, 0));
	EXPECT_LT(0, buf_register(right, memory, 3 * PAGE, 0));
	EXPECT_EQ(-EDQUOT, buf_register(below, memory, 4, 0));
	EXPECT_EQ(0, buf_unregister(below, id));
	EXPECT_TRUE(wait_until(!grant_info(top, &info) &&
			       info.used.pinned_bytes == 3 * PAGE));

	rings[0] = ring_create(below, 8, 0);
	rings[1] = ring_create(right, 8, 0);
	rings[2] = ring_create(left, 8, 0);
	for (i = 0; i < 3; i++)
		EXPECT_LE(0, rings[i]);
	EXPECT_EQ(-EDQUOT, ring_create(below, 8, 0));
	EXPECT_EQ(-EDQUOT, ring_create(top, 8, 0));
	ASSERT_EQ(0, grant_info(left, &info));
	EXPECT_EQ(2, info.used.rings);
	close(rings[1]);
	EXPECT_TRUE(wait_until(!grant_info(top, &info) && info.used.rings == 2));
	rings[1] = ring_create(below, 8, 0);
	EXPECT_LE(0, rings[1]);

	/* A ring keeps its grant's buffers and charges when the fd goes. */
	close(right);
	close(below);
	close(left);
	for (i = 0; i < 3; i++)
		close(rings[i]);
	EXPECT_TRUE(wait_until(!grant_info(top, &info) &&
			       !info.used.pinned_bytes && !info.used.rings));
	close(top);
	munmap(memory, 16 * PAGE);
}

TEST_F(grants, buffers_live_as_long_as_grant_and_rings)
{
	struct usher_grant_info info;
	struct worker w;
	int top, fd;

	top = grant_narrow(self->grant, 0, 64, USHER_RIGHTS_ALL);
	ASSERT_LE(0, top);
	fd = grant_narrow(top, 0, 32, USHER_RIGHTS_ALL);
	ASSERT_EQ(0, worker_open(&w, fd, 8, 4 * PAGE, 0));
	close(w.grant);
	EXPECT_EQ(0, worker_move(&w, OP_READ, 0, 8, 0));
	ASSERT_EQ(0, grant_info(top, &info));
	EXPECT_EQ(4 * PAGE, info.used.pinned_bytes);
	EXPECT_EQ(1, info.used.rings);
	ring_close(&w.ring);
	EXPECT_TRUE(wait_until(!grant_info(top, &info) &&
			       !info.used.pinned_bytes && !info.used.rings));
	munmap(w.memory, w.bytes);
	close(top);
}

/* ---- revoking ---- */

TEST_F(grants, revoke)
{
	struct usher_admin admin = {
		.size = sizeof(admin), .opcode = 0x0a, .cdw10 = 7,
	};
	struct usher_grant_info info;
	struct worker w;
	int top, child;
	char *page;

	top = grant_narrow(self->grant, 0, 64, USHER_RIGHTS_ALL);
	child = grant_narrow(top, 0, 32, USHER_RIGHTS_ALL);
	ASSERT_LE(0, child);
	ASSERT_EQ(0, worker_open(&w, grant_narrow(child, 0, 16, USHER_RIGHTS_ALL),
				 8, 4 * PAGE, 0));
	page = w.memory;
	EXPECT_EQ(0, worker_move(&w, OP_READ, 0, 1, 0));

	ASSERT_EQ(0, grant_revoke(top));
	EXPECT_EQ(-EACCES, worker_move(&w, OP_READ, 0, 1, 0));
	ASSERT_EQ(0, grant_info(w.grant, &info));
	EXPECT_EQ(USHER_GRANT_REVOKED, info.state);
	ASSERT_EQ(0, grant_info(child, &info));
	EXPECT_EQ(USHER_GRANT_REVOKED, info.state);
	EXPECT_EQ(-EACCES, buf_register(child, page, PAGE, 0));
	EXPECT_EQ(-EACCES, ring_create(child, 8, 0));
	EXPECT_EQ(-EACCES, grant_narrow(child, 0, 1, 0));
	EXPECT_EQ(-EACCES, call(child, USHER_IOC_ADMIN, &admin));
	EXPECT_EQ(-EACCES, slice_add(child, 0, 0, 0600));
	EXPECT_EQ(0, buf_unregister(w.grant, w.buf));

	/* The one it was called on lives, and can be narrowed again. */
	ASSERT_EQ(0, grant_info(top, &info));
	EXPECT_EQ(USHER_GRANT_LIVE, info.state);
	worker_close(&w);
	close(child);
	ASSERT_EQ(0, worker_open(&w, grant_narrow(top, 0, 16, USHER_RIGHTS_ALL),
				 8, 4 * PAGE, 0));
	EXPECT_EQ(0, worker_move(&w, OP_READ, 0, 1, 0));
	worker_close(&w);
	close(top);
}

/* Events of a file, as they come: each wake-up of its waiters is one. */
static int watch(int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		return -1;
	return epoll;
}

/* The next events within @ms, or 0 */
static uint32_t watched(int epoll, int ms)
{
	struct epoll_event event = {};

	return epoll_wait(epoll, &event, 1, ms) == 1 ? event.events : 0;
}

TEST_F(grants, poll_tells_of_the_end)
{
	int top = grant_narrow(self->grant, 0, 64, USHER_RIGHTS_ALL);
	int child = grant_narrow(top, 0, 32, USHER_RIGHTS_ALL);
	int of_top = watch(top), of_child = watch(child);

	ASSERT_LE(0, of_top);
	ASSERT_LE(0, of_child);
	EXPECT_EQ(0, watched(of_child, 0));
	ASSERT_EQ(0, grant_revoke(top));
	EXPECT_EQ(EPOLLIN | EPOLLERR, watched(of_child, SOON_MS));
	/* It lives, and has nothing to say. */
	EXPECT_EQ(0, watched(of_top, 0));
	close(of_top);
	close(of_child);
	close(child);
	close(top);
}

/* Of a ring, too: whoever sleeps in poll() would wait for what cannot come. */
TEST_F(grants, poll_on_a_ring_tells_of_the_end)
{
	static const uint32_t flags[] = { 0, USHER_RING_POLLED };
	struct worker w;
	int top, of_ring, i;

	for (i = 0; i < 2; i++) {
		top = grant_narrow(self->grant, 0, 64, USHER_RIGHTS_ALL);
		ASSERT_LE(0, top);
		ASSERT_EQ(0, worker_open(&w, grant_narrow(top, 0, 16, USHER_RIGHTS_ALL),
					 8, 4 * PAGE, flags[i]));
		of_ring = watch(w.ring.fd);
		ASSERT_LE(0, of_ring);
		EXPECT_EQ(0, watched(of_ring, 0));
		ASSERT_EQ(0, grant_revoke(top));
		EXPECT_EQ(EPOLLIN | EPOLLERR, watched(of_ring, SOON_MS));
		close(of_ring);
		worker_close(&w);
		close(top);
	}
}

/* What others revoke, or do not even have, wakes nobody else. */
TEST_F(grants, revoke_leaves_others_alone)
{
	int top = grant_narrow(self->grant, 0, 64, USHER_RIGHTS_ALL), of_ring, i, child;
	struct worker w;

	ASSERT_LE(0, top);
	ASSERT_EQ(0, worker_open(&w, grant_narrow(self->grant, 0, 16, USHER_RIGHTS_ALL),
				 8, 4 * PAGE, 0));
	/* A completion that nobody takes: with each wake-up there is an event again. */
	worker_push(&w, 1, 0);
	ASSERT_EQ(1, ring_enter(&w.ring, 1, 1));
	of_ring = watch(w.ring.fd);
	ASSERT_LE(0, of_ring);
	EXPECT_EQ(EPOLLIN, watched(of_ring, SOON_MS));
	EXPECT_EQ(0, watched(of_ring, 0));

	EXPECT_EQ(0, grant_revoke(top));
	EXPECT_EQ(0, watched(of_ring, 0));
	for (i = 0; i < 100; i++) {
		child = grant_narrow(top, 0, 32, USHER_RIGHTS_ALL);
		ASSERT_LE(0, child);
		EXPECT_EQ(0, grant_revoke(top));
		close(child);
	}
	EXPECT_EQ(0, watched(of_ring, 0));

	/* Its own does wake it. */
	ASSERT_EQ(0, grant_revoke(self->grant));
	EXPECT_EQ(EPOLLIN | EPOLLERR, watched(of_ring, SOON_MS));
	close(of_ring);
	worker_close(&w);
	close(top);
}

TEST_F(grants, revoke_lets_what_is_in_flight_finish)
{
	struct usher_ring_info info;
	struct usher_cqe cqe;
	struct worker w;
	int top, n;

	top = disk_open(SLOW, O_RDWR);
	ASSERT_LE(0, top);
	ASSERT_EQ(0, worker_open(&w, grant_narrow(top, 0, 64, USHER_RIGHTS_ALL),
				 16, 4 * PAGE, 0));
	ASSERT_EQ(0, disk_slow(1));
	worker_push(&w, 8, 0);
	ASSERT_EQ(8, ring_enter(&w.ring, 8, 0));
	ASSERT_EQ(0, grant_revoke(top));
	ASSERT_EQ(0, ring_info(w.ring.fd, &info));
	EXPECT_LT(0, info.inflight);
	worker_push(&w, 1, 8);
	EXPECT_EQ(-EACCES, ring_enter(&w.ring, 1, 0));
	ASSERT_EQ(0, disk_slow(0));
	EXPECT_EQ(0, ring_enter(&w.ring, 0, 8));
	for (n = 0; ring_pop(&w.ring, &cqe); n++)
		EXPECT_EQ(0, cqe.status);
	EXPECT_EQ(8, n);
	ASSERT_EQ(0, ring_info(w.ring.fd, &info));
	EXPECT_EQ(8, info.submitted);
	worker_close(&w);
	close(top);
}

struct sleeper {
	struct ring *ring;
	uint32_t count;
	int result;
};

static void *wait_for_all(void *data)
{
	struct sleeper *s = data;

	s->result = ring_enter(s->ring, 0, s->count);
	return NULL;
}

/*
 * There are more commands than the queue has slots. Those that were not taken never will
 * be, so whoever waits for them gets an error.
 */
TEST_F(grants, revoke_ends_waiting_for_what_was_not_taken)
{
	struct sleeper s = { .count = 300 };
	struct usher_ring_info info;
	struct usher_sqe sqe;
	struct worker w;
	pthread_t thread;
	int top, i;

	top = disk_open(SLOW, O_RDWR);
	ASSERT_LE(0, top);
	ASSERT_EQ(0, worker_open(&w, grant_narrow(top, 0, 1024, USHER_RIGHTS_ALL),
				 512, 4 * PAGE, 0));
	ASSERT_EQ(0, disk_slow(1));
	for (i = 0; i < s.count; i++) {
		sqe = worker_cmd(&w, OP_READ, i, 1, 0);
		ring_push(&w.ring, &sqe);
	}
	ASSERT_LT(0, ring_enter(&w.ring, s.count, 0));
	s.ring = &w.ring;
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_all, &s));
	ASSERT_EQ(0, grant_revoke(top));
	ASSERT_EQ(0, disk_slow(0));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	/* Or how many were taken while it waited */
	EXPECT_TRUE(s.result == -EACCES || s.result > 0)
		TH_LOG("result %d", s.result);
	ASSERT_EQ(0, ring_info(w.ring.fd, &info));
	EXPECT_EQ(info.submitted, info.completed);
	EXPECT_GT(s.count, info.submitted);
	worker_close(&w);
	close(top);
}

/* ---- handing on ---- */

static bool worker_is_limited(int fd)
{
	struct worker w;
	bool ok;

	if (worker_open(&w, fd, 8, PAGE, 0))
		return false;
	ok = !worker_move(&w, OP_READ, 16, 1, 0) &&
	     worker_move(&w, OP_READ, 15, 1, 0) == SC_LBA_RANGE &&
	     worker_move(&w, OP_WRITE, 16, 1, 0) == SC_ACCESS_DENIED;
	worker_close(&w);
	return ok;
}

TEST_F(grants, passed_over_a_socket)
{
	int pair[2], fd;

	fd = grant_narrow(self->grant, 16, 8, USHER_RIGHT_READ);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	ASSERT_EQ(0, send_fd(pair[0], fd));
	/* Only the message holds the grant now. */
	close(fd);
	close(self->grant);
	EXPECT_TRUE(holds_for(UID, worker_is_limited(receive_fd(pair[1]))));
	self->grant = disk_open(PLAIN, O_RDWR);
	close(pair[0]);
	close(pair[1]);
}

TEST_F(grants, inherited_by_a_fork)
{
	int fd = grant_narrow(self->grant, 16, 8, USHER_RIGHT_READ);

	ASSERT_LE(0, fd);
	EXPECT_TRUE(holds_for(UID, worker_is_limited(fd)));
	EXPECT_TRUE(worker_is_limited(fd));
}

/* Rings are shared with a child: both sides see the same indices. */
TEST_F(grants, rings_are_shared_by_a_fork)
{
	struct usher_sqe sqe;
	struct worker w;

	ASSERT_EQ(0, worker_open(&w, grant_narrow(self->grant, 0, 64,
						  USHER_RIGHTS_ALL),
				 8, PAGE, 0));
	sqe = worker_cmd(&w, OP_READ, 0, 1, 0);
	sqe.cid = 77;
	ring_push(&w.ring, &sqe);
	EXPECT_TRUE(holds_for(UID, ring_enter(&w.ring, 1, 1) == 1));
	EXPECT_EQ(1, ring_ready(&w.ring));
	EXPECT_EQ(77, w.ring.cq[0].cid);
	worker_close(&w);
}

static void exec_worker(int fd, uid_t uid)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", fd);
	if (become(uid) || setenv("USHER_GRANT_FD", number, 1))
		_exit(99);
	execl("/proc/self/exe", "worker", NULL);
	_exit(98);
}

TEST_F(grants, kept_over_exec)
{
	int fd, status;
	pid_t pid;

	fd = grant_narrow(self->grant, 16, 8, USHER_RIGHT_READ);
	ASSERT_LE(0, fd);
	/* O_CLOEXEC takes it away; without it, it is as good as before. */
	pid = fork();
	if (!pid)
		exec_worker(fd, UID);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(1, WEXITSTATUS(status));
	ASSERT_EQ(0, fcntl(fd, F_SETFD, 0));
	pid = fork();
	if (!pid)
		exec_worker(fd, UID);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	close(fd);
}

/* ---- slices ---- */

static void slice_path(int id, char *path, size_t size)
{
	char suffix[32];

	snprintf(suffix, sizeof(suffix), "n1s%d", id);
	disk_node(PLAIN, suffix, path, size);
}

static bool opens(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	close(fd);
	return fd >= 0;
}

/* As an unprivileged user: opens it, and gets no more than the slice */
static bool slice_is_limited(const char *path)
{
	struct worker w;
	bool ok;

	if (worker_open(&w, open(path, O_RDWR | O_CLOEXEC), 8, PAGE, 0))
		return false;
	ok = w.info.slba == 64 && w.info.nlb == 32 &&
	     w.info.rights == (USHER_RIGHT_READ | USHER_RIGHT_WRITE) &&
	     !worker_move(&w, OP_WRITE, 64, 1, 0) &&
	     !worker_move(&w, OP_READ, 95, 1, 0) &&
	     worker_move(&w, OP_READ, 96, 1, 0) == SC_LBA_RANGE &&
	     worker_move(&w, OP_WRITE, 63, 1, 0) == SC_LBA_RANGE;
	worker_close(&w);
	return ok;
}

TEST_F(grants, slice)
{
	struct usher_grant_info info;
	char path[64], text[32], attribute[128];
	struct stat st;
	int grant, id, fd;

	grant = grant_narrow(self->grant, 64, 32,
			     USHER_RIGHT_READ | USHER_RIGHT_WRITE);
	ASSERT_LE(0, grant);
	id = slice_add(grant, UID, GID, 0640);
	ASSERT_LT(0, id);
	slice_path(id, path, sizeof(path));
	ASSERT_EQ(0, stat(path, &st));
	EXPECT_EQ(S_IFCHR | 0640, st.st_mode);
	EXPECT_EQ(UID, st.st_uid);
	EXPECT_EQ(GID, st.st_gid);
	snprintf(attribute, sizeof(attribute), "/sys/class/usher/%s/slba", path + 5);
	ASSERT_EQ(0, read_text(attribute, text, sizeof(text)));
	EXPECT_STREQ("64", text);
	snprintf(attribute, sizeof(attribute), "/sys/class/usher/%s/nlb", path + 5);
	ASSERT_EQ(0, read_text(attribute, text, sizeof(text)));
	EXPECT_STREQ("32", text);

	/* It outlives the fd it was made with. */
	close(grant);
	EXPECT_TRUE(holds_for(UID, slice_is_limited(path)));
	EXPECT_TRUE(holds_for(OTHER_UID, !opens(path, O_RDONLY)));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, grant_info(fd, &info));
	EXPECT_EQ(USHER_RIGHT_READ, info.rights);

	/* Removing it ends what was opened through it. */
	EXPECT_EQ(0, slice_remove(self->grant, id));
	EXPECT_EQ(-1, stat(path, &st));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(-EACCES, ring_create(fd, 8, 0));
	ASSERT_EQ(0, grant_info(fd, &info));
	EXPECT_EQ(USHER_GRANT_REVOKED, info.state);
	EXPECT_EQ(-ENOENT, slice_remove(self->grant, id));
	close(fd);
}

TEST_F(grants, slice_ends_with_the_grant_it_is_of)
{
	struct usher_grant_info info;
	int top, child, id, fd;
	char path[64];

	top = grant_narrow(self->grant, 0, 64, USHER_RIGHTS_ALL);
	child = grant_narrow(top, 0, 32, USHER_RIGHTS_ALL);
	ASSERT_LE(0, child);
	id = slice_add(child, 0, 0, 0600);
	ASSERT_LT(0, id);
	slice_path(id, path, sizeof(path));
	fd = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, grant_revoke(top));
	ASSERT_EQ(0, grant_info(fd, &info));
	EXPECT_EQ(USHER_GRANT_REVOKED, info.state);
	close(fd);
	/* A later open gets a dead grant. */
	fd = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EACCES, ring_create(fd, 8, 0));
	close(fd);
	EXPECT_EQ(0, slice_remove(self->grant, id));
	close(child);
	close(top);
}

static bool refused_without_privilege(int grant, int id)
{
	return slice_add(grant, UID, UID, 0600) == -EPERM &&
	       slice_remove(grant, id) == -EPERM;
}

TEST_F(grants, slice_errors)
{
	char path[64];
	int id, fd;

	EXPECT_EQ(-EINVAL, slice_add(self->grant, 0, 0, 0700));
	EXPECT_EQ(-EINVAL, slice_add(self->grant, 0, 0, 04600));
	EXPECT_EQ(-EINVAL, slice_add(self->grant, 0, 0, S_IFCHR | 0600));
	EXPECT_EQ(-EINVAL, slice_add(self->grant, -1, 0, 0600));
	EXPECT_EQ(-EINVAL, slice_add(self->grant, 0, -1, 0600));
	EXPECT_EQ(-ENOENT, slice_remove(self->grant, 0));
	EXPECT_EQ(-ENOENT, slice_remove(self->grant, ~0U));

	id = slice_add(self->grant, UID, UID, 0666);
	ASSERT_LT(0, id);
	EXPECT_TRUE(holds_for(UID, refused_without_privilege(self->grant, id)));
	slice_path(id, path, sizeof(path));
	EXPECT_EQ(0, access(path, F_OK));
	/* A grant on one namespace cannot remove a slice of another one. */
	fd = disk_open(LARGE, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-ENOENT, slice_remove(fd, id));
	close(fd);
	EXPECT_EQ(0, slice_remove(self->grant, id));
}

/* Capabilities in a user namespace of one's own give no rights here. */
TEST_F(grants, slice_from_a_user_namespace)
{
	int error, status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		if (become(UID))
			_exit(1);
		if (unshare(CLONE_NEWUSER))
			_exit(errno == EPERM ? 77 : 1);
		_exit(!refused_without_privilege(self->grant, 1));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	error = WEXITSTATUS(status);
	if (error == 77)
		SKIP(return, "no user namespaces here (they are refused after a chroot)");
	EXPECT_EQ(0, error);
}

#define MANY	64

static int compare_numbers(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Each node has a minor number of its own, whatever kind it is. */
TEST_F(grants, slices_many_and_again)
{
	char devices[256][32], path[PATH_MAX];
	struct dirent *entry;
	int ids[MANY], round, i, n = 0;
	DIR *dir;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < MANY; i++) {
			ids[i] = slice_add(self->grant, UID, UID, 0600);
			ASSERT_LT(0, ids[i]);
		}
		for (i = 0; i < MANY && !round; i++)
			ASSERT_EQ(0, slice_remove(self->grant, ids[i]));
	}
	dir = opendir("/sys/class/usher");
	ASSERT_NE(NULL, dir);
	while (n < 256 && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/sys/class/usher/%s/dev", entry->d_name);
		n += !read_text(path, devices[n], sizeof(devices[n]));
	}
	closedir(dir);
	EXPECT_LE(MANY + 2, n);
	qsort(devices, n, sizeof(devices[0]), compare_numbers);
	for (i = 1; i < n; i++)
		EXPECT_STRNE(devices[i - 1], devices[i]);
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(0, slice_remove(self->grant, ids[i]));
}

TEST_HARNESS_MAIN
