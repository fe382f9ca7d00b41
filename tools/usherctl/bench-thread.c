// SPDX-License-Identifier: GPL-2.0-only
/*
 * usherctl bench: one thread, which keeps a ring full of I/Os.
 *
 * The clock is read twice for each system call, not twice for each I/O: before the
 * call that submits a batch, and when the completions are seen after it. So the time
 * of an I/O includes the call, and the wait for other I/Os of its batch.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/time.h>
#include <unistd.h>

#include "bench-plan.h"
#include "bench-thread.h"
#include "bench.h"
#include "histogram.h"
#include "message.h"
#include "status.h"

/**
 * struct bench_slot - an I/O in flight
 * @begun: CLOCK_MONOTONIC, nanoseconds: just before the call that handed it over
 * @slba: first block
 */
struct bench_slot {
	__u64 begun;
	__u64 slba;
};

void bench_stop(struct bench *bench)
{
	__atomic_store_n(&bench->stop, true, __ATOMIC_RELAXED);
}

/*
 * True for the first thread that fails: it reports the error. The others fail for the
 * same reason.
 */
static bool first_failure(struct bench *bench)
{
	bench_stop(bench);
	return !__atomic_exchange_n(&bench->status, STATUS_FAILED,
				    __ATOMIC_RELAXED);
}

/*
 * Setting up
 */

static void fill_random(struct bench_thread *t)
{
	__u64 *word = (__u64 *)t->memory;
	size_t i;

	for (i = 0; i < t->memory_bytes / sizeof(*word); i++)
		word[i] = bench_random(&t->random, UINT64_MAX);
}

static int set_up_memory(struct bench_thread *t)
{
	const struct bench_plan *plan = &t->bench->plan;
	__u32 i;

	t->slots = calloc(plan->depth, sizeof(*t->slots));
	t->idle = calloc(plan->depth, sizeof(*t->idle));
	t->latency = histogram_new();
	if (!t->slots || !t->idle || !t->latency)
		return -ENOMEM;
	for (i = 0; i < plan->depth; i++)
		t->idle[t->nr_idle++] = (__u16)i;

	t->stride = ((size_t)plan->bytes + 4095) & ~(size_t)4095;
	t->memory_bytes = t->stride * plan->depth;
	t->memory = mmap(NULL, t->memory_bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (t->memory == MAP_FAILED) {
		t->memory = NULL;
		return -errno;
	}
	/* Where a part of a huge page is registered, all of it counts as pinned. */
	madvise(t->memory, t->memory_bytes, MADV_NOHUGEPAGE);
	/* Random data, as some disks do not store zeros */
	if (plan->workload->write)
		fill_random(t);
	return usher_buf_register(plan->grant, t->memory, t->memory_bytes,
				  plan->workload->write ? USHER_BUF_RDONLY : 0,
				  &t->buf);
}

static int set_up_ring(struct bench_thread *t)
{
	const struct bench_plan *plan = &t->bench->plan;
	__u32 entries = 1;

	while (entries < plan->depth)
		entries *= 2;
	return usher_ring_init(&t->ring, plan->grant, entries,
			       plan->polled ? USHER_RING_POLLED : 0);
}

/* Runs in the thread itself: its ring gets an interrupt near the processor it is on. */
static void set_up(struct bench_thread *t)
{
	const struct bench_plan *plan = &t->bench->plan;
	int ret;

	if (getrandom(&t->random, sizeof(t->random), 0) < 0)
		t->random = usher_deadline(0);
	t->random |= 1;

	ret = set_up_ring(t);
	if (ret < 0) {
		t->ring.ctl = NULL;
		if (first_failure(t->bench))
			fail_at(ACT_RING, ret, "%s: no ring for a thread",
				plan->name);
		return;
	}
	ret = set_up_memory(t);
	if (ret < 0 && first_failure(t->bench))
		fail_at(ACT_REGISTER, ret, "%s: %zu bytes of memory for a thread",
			plan->name, t->memory_bytes);
}

/*
 * I/Os
 */

static __u64 next_place(struct bench_thread *t)
{
	const struct bench_plan *plan = &t->bench->plan;
	__u64 place = t->next;

	if (plan->workload->random)
		return bench_random(&t->random, plan->places);
	t->next = place + 1 < plan->places ? place + 1 : 0;
	return place;
}

static void issue(struct bench_thread *t, __u16 tag)
{
	const struct bench_plan *plan = &t->bench->plan;
	/* never NULL: the ring has an entry for each tag */
	struct usher_sqe *sqe = usher_ring_get_sqe(&t->ring);
	struct bench_slot *slot = &t->slots[tag];

	slot->slba = bench_place(plan, next_place(t));
	if (plan->workload->write)
		usher_prep_write(sqe, slot->slba, plan->blocks, t->buf,
				 tag * t->stride, plan->bytes);
	else
		usher_prep_read(sqe, slot->slba, plan->blocks, t->buf,
				tag * t->stride, plan->bytes);
	usher_sqe_set_tag(sqe, tag);
}

/* Begin as many I/Os as may be in flight. Return: how many were begun */
static __u32 issue_batch(struct bench_thread *t)
{
	__u32 idle = t->nr_idle, i;
	__u64 now;

	if (__atomic_load_n(&t->bench->stop, __ATOMIC_RELAXED))
		t->left = 0;
	for (; t->nr_idle && t->left; t->left--)
		issue(t, t->idle[--t->nr_idle]);

	/* The tags that were taken are still in the array, above the top of the stack. */
	now = usher_deadline(0);
	for (i = t->nr_idle; i < idle; i++)
		t->slots[t->idle[i]].begun = now;
	return idle - t->nr_idle;
}

static __u32 in_flight(const struct bench_thread *t)
{
	return t->bench->plan.depth - t->nr_idle;
}

/*
 * Make one system call, unless all completions are there that it would wait for. With
 * entries to submit, the library makes a system call in any case: so the count is
 * exact.
 */
static int enter(struct bench_thread *t, __u32 issued)
{
	struct usher_enter wait = {
		.min_complete = t->bench->plan.batch,
	};
	int ret;

	if (wait.min_complete > in_flight(t))
		wait.min_complete = in_flight(t);
	if (!issued && usher_ring_cq_ready(&t->ring) >= wait.min_complete)
		return 0;
	do {
		t->enters++;
		ret = issued ? usher_ring_submit_and_wait(&t->ring,
							  wait.min_complete) :
			       usher_ring_enter(t->ring.fd, &wait);
	} while (ret == -EINTR);

	if (ret < 0 && first_failure(t->bench))
		fail_at(ACT_SUBMIT, ret, "%s", t->bench->plan.name);
	return ret;
}

static void complete(struct bench_thread *t, const struct usher_cqe *cqe,
		     __u64 now)
{
	const struct bench_plan *plan = &t->bench->plan;
	__u16 tag = usher_cqe_tag(cqe);
	const struct bench_slot *slot = &t->slots[tag];

	t->idle[t->nr_idle++] = tag;
	if (!usher_cqe_status(cqe)) {
		histogram_add(t->latency, now - slot->begun);
		return;
	}
	t->failed++;
	if (first_failure(t->bench))
		fail_command(cqe, "%s: blocks %llu to %llu", plan->name,
			     slot->slba, slot->slba + plan->blocks - 1);
}

static void reap(struct bench_thread *t)
{
	__u32 ready = usher_ring_cq_ready(&t->ring);
	__u64 now = usher_deadline(0);
	struct usher_cqe *cqe;

	while (ready-- && !usher_ring_peek_cqe(&t->ring, &cqe)) {
		complete(t, cqe, now);
		usher_cqe_seen(&t->ring, cqe);
	}
	__atomic_store_n(&t->done, t->latency->count, __ATOMIC_RELAXED);
	if (now >= t->bench->deadline)
		t->left = 0;
}

static void keep_busy(struct bench_thread *t)
{
	__u32 issued;

	for (;;) {
		issued = issue_batch(t);
		if (!in_flight(t) || enter(t, issued) < 0)
			return;
		reap(t);
	}
}

static void subtract(struct timeval *from, const struct timeval *what)
{
	struct timeval difference;

	timersub(from, what, &difference);
	*from = difference;
}

/* Measure from the first I/O to the last. Setting up and freeing are not included. */
static void measure(struct bench_thread *t)
{
	struct rusage before;

	getrusage(RUSAGE_THREAD, &before);
	keep_busy(t);
	t->end = usher_deadline(0);
	getrusage(RUSAGE_THREAD, &t->usage);
	subtract(&t->usage.ru_utime, &before.ru_utime);
	subtract(&t->usage.ru_stime, &before.ru_stime);
	t->usage.ru_nvcsw -= before.ru_nvcsw;
	t->usage.ru_nivcsw -= before.ru_nivcsw;
	usher_ring_info(&t->ring, &t->info, NULL, 0);
}

/* Wait until all threads are set up. */
static void pass_gate(struct bench *bench)
{
	pthread_mutex_lock(&bench->lock);
	bench->nr_ready++;
	pthread_cond_broadcast(&bench->changed);
	while (!bench->open)
		pthread_cond_wait(&bench->changed, &bench->lock);
	pthread_mutex_unlock(&bench->lock);
}

void *bench_thread(void *thread)
{
	struct bench_thread *t = thread;
	__u64 one = 1;

	set_up(t);
	pass_gate(t->bench);
	if (!__atomic_load_n(&t->bench->status, __ATOMIC_RELAXED))
		measure(t);
	if (write(t->bench->done_fd, &one, sizeof(one)) < 0)
		abort();	/* an eventfd takes it, or the program is wrong */
	return NULL;
}

void bench_thread_free(struct bench_thread *t)
{
	if (t->ring.ctl)
		usher_ring_exit(&t->ring);
	if (t->memory)
		munmap(t->memory, t->memory_bytes);
	free(t->slots);
	free(t->idle);
	free(t->latency);
}
