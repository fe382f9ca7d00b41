// SPDX-License-Identifier: GPL-2.0-only
/* usher's rings, by libusher. */
#define _GNU_SOURCE	/* CPU_SET */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <usher.h>

#include "bench.h"

#define RING_ENTRIES	64	/* at least, as programs have them */
#define IDLE_ENTRIES	128	/* of a ring that is only open */
#define IDLE_BYTES	4096	/* of a buffer that is only registered */
#define SQPOLL_IDLE_US	10000000	/* longer than between two runs */
#define SPIN_FILE	"/sys/module/usher/parameters/spin_us"
#define SPIN_AWAKE	"1000"	/* longer than the emulated device takes */

/**
 * struct worker - one ring, and what uses it
 * @ring: the ring
 * @buffer: the registered buffer with all places
 * @job: what to do; the first worker's is the caller's
 * @thread: who does it
 * @done: transfers of the last run
 */
struct worker {
	struct usher_ring ring;
	__u32 buffer;
	struct job *job;
	pthread_t thread;
	unsigned int done;
};

static struct worker workers[MAX_RINGS];
static struct job jobs[MAX_RINGS];
static pthread_barrier_t starting, finished;
static char spin_before[16];	/* what SPIN_FILE held */
static int left;	/* transfers that nobody has begun, of all workers */

static int open_grant(const char *node)
{
	int grant = usher_open(node, O_RDWR);

	if (grant < 0)
		die("%s: %s", node, strerror(-grant));
	return grant;
}

static void open_ring(struct worker *worker, int grant, __u32 flags)
{
	struct job *job = worker->job;
	int ret;

	ret = usher_buf_register(grant, job->data, (size_t)job->stride * job->qd, 0,
				 &worker->buffer);
	if (ret)
		die("usher_buf_register: %s", strerror(-ret));
	ret = usher_ring_init(&worker->ring, grant, job->qd < RING_ENTRIES ? RING_ENTRIES :
			      job->qd, flags);
	if (ret)
		die("usher_ring_init: %s", strerror(-ret));
}

/* What is open beside the ring that works; the process's end closes it. */
static void open_idle(struct job *job, int grant)
{
	static char data[IDLE_BYTES] __attribute__((aligned(IDLE_BYTES)));
	struct rlimit limit = { 1 << 20, 1 << 20 };
	struct usher_ring ring;
	unsigned int i;
	__u32 buffer;
	int ret;

	if (setrlimit(RLIMIT_NOFILE, &limit))
		die("RLIMIT_NOFILE: %s", strerror(errno));
	for (i = 0; i < job->idle_rings; i++) {
		ret = usher_ring_init(&ring, grant, IDLE_ENTRIES, 0);
		if (ret)
			die("usher_ring_init of ring %u: %s", i, strerror(-ret));
	}
	for (i = 0; i < job->idle_buffers; i++) {
		ret = usher_buf_register(grant, data, sizeof(data), 0, &buffer);
		if (ret)
			die("usher_buf_register of buffer %u: %s", i, strerror(-ret));
	}
}

static void setup(struct job *job, __u32 flags)
{
	int grant = open_grant(job->node);

	workers[0].job = job;
	if (job->idle_rings || job->idle_buffers)
		open_idle(job, grant);
	open_ring(&workers[0], grant, flags);
}

void usher_setup(struct job *job)
{
	setup(job, 0);
}

static bool write_spin(const char *text)
{
	int fd = open(SPIN_FILE, O_WRONLY);
	bool written = fd >= 0 && write(fd, text, strlen(text)) > 0;

	if (!written)
		perror("bench: " SPIN_FILE);
	close(fd);
	return written;
}

/* Others are measured after us. */
static void restore_spin(void)
{
	if (!write_spin(spin_before))
		_exit(1);
}

/* Waits look at the queue and do not sleep, unless they last unusually long. */
void usher_awake_setup(struct job *job)
{
	int fd = open(SPIN_FILE, O_RDONLY);

	if (fd < 0 || read(fd, spin_before, sizeof(spin_before) - 1) <= 0)
		die(SPIN_FILE ": %s", strerror(errno));
	close(fd);
	if (atexit(restore_spin) || !write_spin(SPIN_AWAKE))
		die("spin_us cannot be set");
	setup(job, 0);
}

void usher_poll_setup(struct job *job)
{
	setup(job, USHER_RING_POLLED);
}

static void pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("processor %u: %s", cpu, strerror(errno));
}

static void *poller(void *data)
{
	const struct worker *worker = data;

	pin(1);
	die("usher_ring_sqpoll: %s",
	    strerror(-usher_ring_sqpoll(&worker->ring, SQPOLL_IDLE_US, 0, NULL)));
	return NULL;
}

/* A thread on another processor polls the ring: no system calls in the run. */
void usher_sqpoll_setup(struct job *job)
{
	int ret;

	pin(0);
	setup(job, USHER_RING_POLLED);
	ret = pthread_create(&workers[0].thread, NULL, poller, &workers[0]);
	if (ret)
		die("pthread_create: %s", strerror(ret));
	while (!(__atomic_load_n(&workers[0].ring.ctl->flags, __ATOMIC_RELAXED) &
		 USHER_RING_F_SQPOLL))
		sched_yield();
}

static inline __attribute__((always_inline))
void prep(struct worker *worker, struct job *job, unsigned int place)
{
	struct usher_sqe *sqe = usher_ring_get_sqe(&worker->ring);
	__u64 offset = (__u64)place * job->stride;
	__u64 lba;

	/* Before anything else: then the compiler knows what usher_prep_*() will set */
	if (!sqe)
		die("the ring has fewer entries than --qd");
	lba = next_lba(job);
	if (job->write)
		usher_prep_write(sqe, lba, job->blocks, worker->buffer, offset, job->bytes);
	else
		usher_prep_read(sqe, lba, job->blocks, worker->buffer, offset, job->bytes);
	usher_sqe_set_tag(sqe, place);
}

static inline __attribute__((always_inline))
unsigned int reap(struct worker *worker, struct job *job)
{
	unsigned int i, count, got = 0;
	struct usher_cqe *cqes;

	/* Twice where they go on at the beginning of the ring */
	do {
		count = usher_ring_peek_array(&worker->ring, &cqes);
		for (i = 0; i < count; i++) {
			if (usher_cqe_status(&cqes[i]))
				die("%s: transfer: %s", job->node,
				    usher_strstatus(usher_cqe_status(&cqes[i])));
			job->free[job->nr_free++] = usher_cqe_tag(&cqes[i]);
		}
		usher_ring_cq_advance(&worker->ring, count);
		got += count;
	} while (usher_ring_cq_ready(&worker->ring));
	return got;
}

static void submit(struct worker *worker, struct job *job, unsigned int to_finish)
{
	int ret;

	ret = usher_ring_submit_and_wait(&worker->ring, to_finish < job->batch ?
					 to_finish : job->batch);
	if (ret < 0)
		die("usher_ring_submit_and_wait: %s", strerror(-ret));
}

void usher_run(struct job *job, unsigned int count)
{
	unsigned int to_start = count, to_finish = count;

	while (to_finish) {
		for (; to_start && job->nr_free; to_start--)
			prep(&workers[0], job, job->free[--job->nr_free]);
		submit(&workers[0], job, to_finish);
		to_finish -= reap(&workers[0], job);
	}
}

/* Takes its transfers from what is left for all, a queue's depth at a time. */
static void work(struct worker *worker)
{
	struct job *job = worker->job;
	unsigned int busy;

	worker->done = 0;
	for (;;) {
		while (job->nr_free && __atomic_sub_fetch(&left, 1, __ATOMIC_RELAXED) >= 0)
			prep(worker, job, job->free[--job->nr_free]);
		busy = job->qd - job->nr_free;
		if (!busy)
			return;
		submit(worker, job, busy);
		worker->done += reap(worker, job);
	}
}

static void *worker_thread(void *data)
{
	for (;;) {
		pthread_barrier_wait(&starting);
		work(data);
		pthread_barrier_wait(&finished);
	}
	return NULL;
}

void many_setup(struct job *job)
{
	int grant = open_grant(job->node);
	unsigned int i;
	int ret;

	pthread_barrier_init(&starting, NULL, job->rings + 1);
	pthread_barrier_init(&finished, NULL, job->rings + 1);
	for (i = 0; i < job->rings; i++) {
		jobs[i] = *job;
		fill_job(&jobs[i]);
		workers[i].job = &jobs[i];
		open_ring(&workers[i], grant, 0);
		ret = pthread_create(&workers[i].thread, NULL, worker_thread,
				     &workers[i]);
		if (ret)
			die("pthread_create: %s", strerror(ret));
	}
}

void many_run(struct job *job, unsigned int count)
{
	(void)job;
	left = count;
	pthread_barrier_wait(&starting);
	pthread_barrier_wait(&finished);
}

void many_result(const struct job *job)
{
	unsigned int i;

	for (i = 0; i < job->rings; i++)
		printf("%s%u", i ? ", " : ", \"done\": [", workers[i].done);
	printf("]");
}
