// SPDX-License-Identifier: GPL-2.0-only
/*
 * Brings about, as a process without privilege, the states in which the module could
 * have interrupts off for long, each between two markers, for the counter (section.c).
 * What makes a state is a process of its own, so that its end is part of it.
 *
 * Where many answers are to come in one pass over a queue, the disk is slow (LATENCY of
 * irqoff.py), and the doorbell of the last command is held until all are there.
 */
#define _GNU_SOURCE	/* gettid() */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <liburing.h>
#include <usher.h>

#include <linux/nvme_ioctl.h>

#include "marker.h"

#define NOBODY		65534U
#define MAX_FILES	16384U		/* of a process, as administrators allow */
#define MAX_NUMBER	4096U
#define ENTRIES		256U		/* of a ring */
#define BATCH		32U		/* that the kernel takes under one lock */
#define READ_BYTES	4096U
#define BLOCK_BYTES	512U
#define PAGE_BYTES	4096U
#define LIST_BYTES	0x200000U	/* a read whose PRP list is its own */
#define TRIES		20U		/* for answers to come together */
#define IN_FLIGHT	3U		/* on each ring of a process that ends */
#define QUERIES		5U		/* of each thread */

/**
 * struct state - what is brought about
 * @name: on the command line
 * @make: with so many of what it is about
 */
struct state {
	const char *name;
	void (*make)(unsigned int number);
};

/**
 * struct sleeper - a thread that sleeps until something completes
 * @thread: the thread
 * @ring: what it waits for
 * @sleep: how
 * @tid: its number, once nothing but @sleep is left to do
 * @awake: it has slept, and was woken before anybody saw it asleep, perhaps
 */
struct sleeper {
	pthread_t thread;
	struct usher_ring *ring;
	void (*sleep)(struct usher_ring *ring);
	pid_t tid;
	bool awake;
};

static const char *node;
static __u32 ring_flags;	/* USHER_RING_POLLED, or nothing */
static int grant;
static char data[LIST_BYTES] __attribute__((aligned(LIST_BYTES)));
static __u32 buffer;
static struct usher_ring rings[MAX_NUMBER];
static struct sleeper sleepers[MAX_NUMBER];
static pthread_barrier_t starting;
static __u32 grant_nsid, grant_block;	/* of the node: namespace, bytes of a block */

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "irqoff: ");
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\n");
	exit(1);
}

/* What libusher answers */
static int check(int ret, const char *what)
{
	if (ret < 0)
		die("%s: %s", what, strerror(-ret));
	return ret;
}

/* What the C library answers */
static int check_libc(int ret, const char *what)
{
	return check(ret < 0 ? -errno : ret, what);
}

/* ---- rings and commands ---- */

static void open_ring(struct usher_ring *ring, int of)
{
	check(usher_ring_init(ring, of, ENTRIES, ring_flags), "usher_ring_init");
}

static struct usher_sqe *get_sqe(struct usher_ring *ring)
{
	struct usher_sqe *sqe = usher_ring_get_sqe(ring);

	if (!sqe)
		die("a ring has fewer entries than %u", ENTRIES);
	return sqe;
}

static void prep_read(struct usher_ring *ring)
{
	__u64 slba = (__u64)(random() % 65536) * (READ_BYTES / BLOCK_BYTES);

	usher_prep_read(get_sqe(ring), slba, READ_BYTES / BLOCK_BYTES, buffer, 0, READ_BYTES);
}

static void submit(struct usher_ring *ring)
{
	check(usher_ring_submit(ring), "usher_ring_submit");
}

static void finish(struct usher_ring *ring, unsigned int number)
{
	check(usher_ring_submit_and_wait(ring, number), "usher_ring_submit_and_wait");
}

static void take(struct usher_ring *ring, unsigned int number)
{
	if (usher_ring_cq_ready(ring) < number)
		die("%u completions and not %u", usher_ring_cq_ready(ring), number);
	usher_ring_cq_advance(ring, number);
}

/*
 * One completion on the first ring, rings[0], which stays there. Nobody looks for those
 * of a polled one but who waits for another ring's, on the same queue.
 */
static void complete_first(void)
{
	struct usher_ring *last = &rings[ring_flags & USHER_RING_POLLED ? 1 : 0];

	prep_read(&rings[0]);
	if (last != &rings[0]) {
		submit(&rings[0]);
		prep_read(last);
	}
	marker_hold();
	finish(last, 1);
	if (!usher_ring_cq_ready(&rings[0]))
		die("no completion");
}

static void open_first(void)
{
	open_ring(&rings[0], grant);
	open_ring(&rings[1], grant);
}

/* ---- threads that sleep ---- */

static void sleep_own(struct usher_ring *ring)
{
	finish(ring, 1);
}

/* Any number of threads on a ring, and whatever ends the wait */
static void sleep_shared(struct usher_ring *ring)
{
	struct usher_enter enter = { .size = sizeof(enter), .min_complete = 1 };

	usher_ring_enter(ring->fd, &enter);
}

static void sleep_poll(struct usher_ring *ring)
{
	struct pollfd pollfd = { .fd = ring->fd, .events = POLLIN };

	check_libc(poll(&pollfd, 1, -1), "poll");
}

static void *sleeper_thread(void *argument)
{
	struct sleeper *sleeper = argument;

	pthread_barrier_wait(&starting);
	__atomic_store_n(&sleeper->tid, gettid(), __ATOMIC_RELEASE);
	sleeper->sleep(sleeper->ring);
	__atomic_store_n(&sleeper->awake, true, __ATOMIC_RELEASE);
	return NULL;
}

static bool is_asleep(pid_t tid)
{
	char path[64], text[256], *end;
	ssize_t bytes;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return false;
	bytes = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[bytes < 0 ? 0 : bytes] = '\0';
	end = strrchr(text, ')');
	return end && end[1] && end[2] == 'S';
}

static void await_asleep(const struct sleeper *sleeper)
{
	pid_t tid;

	do {
		sched_yield();
		tid = __atomic_load_n(&sleeper->tid, __ATOMIC_ACQUIRE);
	} while (!__atomic_load_n(&sleeper->awake, __ATOMIC_ACQUIRE) &&
		 (!tid || !is_asleep(tid)));
}

/* Threads on rings from the first on, or all on that one; all have slept on return. */
static void start_sleepers(unsigned int number, void (*how)(struct usher_ring *ring),
			   bool own_rings)
{
	unsigned int i;

	pthread_barrier_init(&starting, NULL, number + 1);
	for (i = 0; i < number; i++) {
		sleepers[i].ring = &rings[own_rings ? i : 0];
		sleepers[i].sleep = how;
		sleepers[i].tid = 0;
		sleepers[i].awake = false;
		check(-pthread_create(&sleepers[i].thread, NULL, sleeper_thread,
				      &sleepers[i]), "pthread_create");
	}
	pthread_barrier_wait(&starting);
	for (i = 0; i < number; i++)
		await_asleep(&sleepers[i]);
}

static void join_sleepers(unsigned int number)
{
	unsigned int i;

	for (i = 0; i < number; i++)
		pthread_join(sleepers[i].thread, NULL);
	pthread_barrier_destroy(&starting);
}

static void watch(int fd, unsigned int number)
{
	struct epoll_event event = { .events = EPOLLIN };
	unsigned int i;

	for (i = 0; i < number; i++)
		check_libc(epoll_ctl(check_libc(epoll_create1(EPOLL_CLOEXEC), "epoll_create1"),
				     EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

/* ---- states of one ring ---- */

/* Once with all answers in one pass, and once as they come */
static void make_reads(unsigned int number)
{
	unsigned int round, i;

	open_ring(&rings[0], grant);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < number; i++)
			prep_read(&rings[0]);
		if (!round)
			marker_hold();
		finish(&rings[0], number);
		take(&rings[0], number);
	}
}

/* Entries that the guard refuses, as usher_ring_get_sqe() makes them */
static void make_refused(unsigned int number)
{
	unsigned int i;

	open_ring(&rings[0], grant);
	start_sleepers(1, sleep_poll, false);
	for (i = 0; i < number; i++)
		get_sqe(&rings[0]);
	finish(&rings[0], number);
	/* Before they are taken: poll looks again once it runs. */
	join_sleepers(1);
	take(&rings[0], number);
}

/* One Dataset Management, the last in a batch of the kernel */
static void make_ranges(unsigned int number)
{
	struct usher_dsm_range *ranges = (struct usher_dsm_range *)data;
	unsigned int i;

	open_ring(&rings[0], grant);
	for (i = 0; i < number; i++)
		usher_dsm_range_set(&ranges[i], (__u64)i * 8, 8);
	for (i = 0; i < BATCH - 1; i++)
		prep_read(&rings[0]);
	check(usher_prep_deallocate(get_sqe(&rings[0]), number, buffer, 0),
	      "usher_prep_deallocate");
	finish(&rings[0], BATCH);
	take(&rings[0], BATCH);
}

/* The first table page of a buffer has one entry less than these have pages. */
static void make_lists(unsigned int number)
{
	unsigned int i;

	open_ring(&rings[0], grant);
	for (i = 0; i < number; i++)
		usher_prep_read(get_sqe(&rings[0]), 0, LIST_BYTES / BLOCK_BYTES, buffer, 0,
				LIST_BYTES);
	finish(&rings[0], number);
	take(&rings[0], number);
}

static void make_epolls(unsigned int number)
{
	open_first();
	watch(rings[0].fd, number);
	complete_first();
}

static void make_sleepers(unsigned int number)
{
	open_first();
	start_sleepers(number, ring_flags & USHER_RING_POLLED ? sleep_poll : sleep_shared,
		       false);
	complete_first();
	join_sleepers(number);
}

static void make_eventfd(unsigned int number)
{
	int fd = check_libc(eventfd(0, EFD_CLOEXEC), "eventfd");

	open_ring(&rings[0], grant);
	check(usher_ring_eventfd(&rings[0], fd), "usher_ring_eventfd");
	watch(fd, number);
	complete_first();
}

/* ---- states of many rings on one queue ---- */

static void open_rings(unsigned int number, int of)
{
	unsigned int i;

	for (i = 0; i < number; i++)
		open_ring(&rings[i], of);
}

static unsigned int nr_ready(unsigned int number)
{
	unsigned int i, ready = 0;

	for (i = 0; i < number; i++)
		ready += usher_ring_cq_ready(&rings[i]);
	return ready;
}

/* Whether all answers came while the last doorbell was held */
static bool complete_last(unsigned int number)
{
	unsigned int before = nr_ready(number);

	marker_hold();
	finish(&rings[number - 1], 1);
	return !before && nr_ready(number) == number;
}

static bool complete_enters(unsigned int number)
{
	unsigned int i;

	for (i = 0; i < number; i++)
		prep_read(&rings[i]);
	start_sleepers(number - 1, sleep_own, true);
	return complete_last(number);
}

static bool complete_polls(unsigned int number)
{
	unsigned int i;

	start_sleepers(number - 1, sleep_poll, true);
	for (i = 0; i < number; i++)
		prep_read(&rings[i]);
	for (i = 0; i < number - 1; i++)
		submit(&rings[i]);
	return complete_last(number);
}

/* The host may be slow, so that answers come before the last command is there. */
static void complete_together(unsigned int number, bool (*complete)(unsigned int number))
{
	unsigned int tries, i;
	bool together;

	open_rings(number, grant);
	for (tries = 0; tries < TRIES; tries++) {
		together = complete(number);
		join_sleepers(number - 1);
		for (i = 0; i < number; i++)
			take(&rings[i], 1);
		if (together)
			return;
	}
	die("the answers for %u rings did not come together, %u times", number, TRIES);
}

static void make_rings_enter(unsigned int number)
{
	complete_together(number, complete_enters);
}

static void make_rings_poll(unsigned int number)
{
	complete_together(number, complete_polls);
}

static void __attribute__((noreturn)) use_and_sleep(unsigned int number, int ready)
{
	unsigned int i, n;

	open_rings(number, grant);
	for (i = 0; i < number; i++) {
		for (n = 0; n < IN_FLIGHT; n++)
			prep_read(&rings[i]);
		submit(&rings[i]);
	}
	check_libc(write(ready, "", 1), "write");
	for (;;)
		pause();
}

/* A process that is killed with commands in flight, until its rings are gone */
static void make_killed(unsigned int number)
{
	struct usher_grant_info info;
	int ready[2];
	pid_t child;
	char byte;

	check_libc(pipe(ready), "pipe");
	child = check_libc(fork(), "fork");
	if (!child)
		use_and_sleep(number, ready[1]);
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		die("the process did not come so far");
	check_libc(kill(child, SIGKILL), "kill");
	check_libc(waitpid(child, NULL, 0), "waitpid");
	do {
		sched_yield();
		check(usher_grant_info(grant, &info), "usher_grant_info");
	} while (info.used.rings);
}

/* ---- states of grants ---- */

static void *query_thread(void *unused)
{
	char answer[4096];
	unsigned int i;

	pthread_barrier_wait(&starting);
	for (i = 0; i < QUERIES; i++)
		check(usher_identify_ctrl(grant, answer), "usher_identify_ctrl");
	return unused;
}

/* Threads that begin together */
static void run_together(unsigned int number, void *(*thread)(void *))
{
	unsigned int i;

	pthread_barrier_init(&starting, NULL, number);
	for (i = 0; i < number; i++)
		check(-pthread_create(&sleepers[i].thread, NULL, thread, NULL),
		      "pthread_create");
	join_sleepers(number);
}

static void make_queries(unsigned int number)
{
	run_together(number, query_thread);
}

/* As a program for the stock driver reads */
static void *ioctl_thread(void *unused)
{
	char block[PAGE_BYTES];
	struct nvme_passthru_cmd command = {
		.opcode = 0x02, .nsid = grant_nsid,
		.addr = (uintptr_t)block, .data_len = grant_block,
	};
	unsigned int i;

	pthread_barrier_wait(&starting);
	for (i = 0; i < QUERIES; i++)
		check_libc(ioctl(grant, NVME_IOCTL_IO_CMD, &command), "NVME_IOCTL_IO_CMD");
	return unused;
}

static void learn_namespace(void)
{
	struct usher_grant_info info;

	check(usher_grant_info(grant, &info), "usher_grant_info");
	grant_nsid = info.nsid;
	grant_block = info.lba_bytes;
}

static void make_ioctls(unsigned int number)
{
	learn_namespace();
	run_together(number, ioctl_thread);
}

/* ---- commands by io_uring ---- */

static void uring_open(struct io_uring *uring, unsigned int entries)
{
	check(io_uring_queue_init(entries, uring, IORING_SETUP_SQE128 | IORING_SETUP_CQE32),
	      "io_uring_queue_init");
}

static void uring_prep(struct io_uring *uring, unsigned int block, void *to)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(uring);
	struct nvme_uring_cmd cmd = {
		.opcode = USHER_OP_READ, .nsid = grant_nsid, .addr = (__u64)(uintptr_t)to,
		.data_len = grant_block, .cdw10 = block,
	};

	if (!sqe)
		die("an io_uring has no entry left");
	memset(sqe, 0, 2 * sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = grant;
	sqe->cmd_op = NVME_URING_CMD_IO;
	memcpy(sqe->cmd, &cmd, sizeof(cmd));
}

static void uring_finish(struct io_uring *uring, unsigned int number)
{
	struct io_uring_cqe *cqe;

	check(io_uring_submit_and_wait(uring, number), "io_uring_submit_and_wait");
	while (number--) {
		check(io_uring_wait_cqe(uring, &cqe), "io_uring_wait_cqe");
		check(-cqe->res, "a read by io_uring");
		io_uring_cqe_seen(uring, cqe);
	}
}

/* At first one, which makes the file's ring; then all at once */
static void make_uring(unsigned int number)
{
	struct io_uring uring;
	unsigned int i;

	learn_namespace();
	uring_open(&uring, number);
	uring_prep(&uring, 0, data);
	uring_finish(&uring, 1);
	for (i = 0; i < number; i++)
		uring_prep(&uring, i, data);
	marker_hold();
	uring_finish(&uring, number);
	io_uring_queue_exit(&uring);
}

static void *uring_thread(void *unused)
{
	struct io_uring uring;
	char block[PAGE_BYTES];
	unsigned int i;

	uring_open(&uring, 1);
	pthread_barrier_wait(&starting);
	for (i = 0; i < QUERIES; i++) {
		uring_prep(&uring, i, block);
		uring_finish(&uring, 1);
	}
	io_uring_queue_exit(&uring);
	return unused;
}

/* Each completion is another thread's. */
static void make_urings(unsigned int number)
{
	learn_namespace();
	run_together(number, uring_thread);
}

/* Memory in pages of the smallest size, registered and given back */
static void make_pages(unsigned int number)
{
	size_t bytes = (size_t)number * PAGE_BYTES;
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	__u32 id;

	if (memory == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	check_libc(madvise(memory, bytes, MADV_NOHUGEPAGE), "madvise");
	memset(memory, 1, bytes);
	check(usher_buf_register(grant, memory, bytes, 0, &id), "usher_buf_register");
	check(usher_buf_unregister(grant, id), "usher_buf_unregister");
}

static int narrow(void)
{
	struct usher_grant_info info;

	check(usher_grant_info(grant, &info), "usher_grant_info");
	return check(usher_narrow(grant, info.slba, info.nlb, info.rights, NULL),
		     "usher_narrow");
}

static void make_revoked_rings(unsigned int number)
{
	open_rings(number, narrow());
	start_sleepers(number, sleep_shared, true);
	check(usher_revoke(grant), "usher_revoke");
	join_sleepers(number);
}

static void make_revoked_epolls(unsigned int number)
{
	watch(narrow(), number);
	check(usher_revoke(grant), "usher_revoke");
}

/* ---- the program ---- */

static const struct state states[] = {
	{ "reads", make_reads },
	{ "refused", make_refused },
	{ "ranges", make_ranges },
	{ "lists", make_lists },
	{ "epolls", make_epolls },
	{ "sleepers", make_sleepers },
	{ "eventfd", make_eventfd },
	{ "rings-enter", make_rings_enter },
	{ "rings-poll", make_rings_poll },
	{ "killed", make_killed },
	{ "pages", make_pages },
	{ "queries", make_queries },
	{ "ioctls", make_ioctls },
	{ "uring", make_uring },
	{ "urings", make_urings },
	{ "revoked-rings", make_revoked_rings },
	{ "revoked-epolls", make_revoked_epolls },
	{ NULL, NULL }
};

static void __attribute__((noreturn)) usage(void)
{
	const struct state *state;

	fprintf(stderr, "usage: irqoff [--polled] STATE NUMBER NODE\nstates:");
	for (state = states; state->name; state++)
		fprintf(stderr, " %s", state->name);
	fprintf(stderr, "\n");
	exit(2);
}

static const struct state *find_state(const char *name)
{
	const struct state *state;

	for (state = states; state->name; state++)
		if (!strcmp(state->name, name))
			return state;
	usage();
}

/* The node is handed over by who may open it. */
static void give_up_privilege(void)
{
	struct rlimit limit = { MAX_FILES, MAX_FILES };

	check_libc(setrlimit(RLIMIT_NOFILE, &limit), "RLIMIT_NOFILE");
	check_libc(setgroups(0, NULL), "setgroups");
	check_libc(setgid(NOBODY), "setgid");
	check_libc(setuid(NOBODY), "setuid");
}

static void __attribute__((noreturn)) be(const struct state *state, unsigned int number)
{
	grant = check(usher_open(node, O_RDWR), node);
	give_up_privilege();
	memset(data, 0, sizeof(data));
	check(usher_buf_register(grant, data, sizeof(data), 0, &buffer),
	      "usher_buf_register");
	state->make(number);
	exit(0);
}

int main(int argc, char **argv)
{
	const struct state *state;
	unsigned int number;
	int status;
	pid_t child;

	if (argc > 1 && !strcmp(argv[1], "--polled")) {
		ring_flags = USHER_RING_POLLED;
		argv++;
		argc--;
	}
	if (argc != 4)
		usage();
	state = find_state(argv[1]);
	number = strtoul(argv[2], NULL, 10);
	if (!number || number > MAX_NUMBER)
		die("%s: 1 to %u is possible", argv[2], MAX_NUMBER);
	node = argv[3];

	marker_begin();
	child = check_libc(fork(), "fork");
	if (!child)
		be(state, number);
	check_libc(waitpid(child, &status, 0), "waitpid");
	marker_end();
	if (status)
		die("%s %u: status %#x", state->name, number, status);
	printf("{\"state\": \"%s%s %u\"}\n", ring_flags ? "polled " : "", state->name, number);
	return 0;
}
