/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of usherctl bench share.
 */
#ifndef USHERCTL_BENCH_H
#define USHERCTL_BENCH_H

#include <pthread.h>
#include <sys/resource.h>

#include <usher.h>

#include "histogram.h"
#include "parse.h"

#define BENCH_MAX_THREADS	256U
#define BENCH_MAX_DEPTH		65536U	/* tags have 16 bits */

/**
 * struct workload - which blocks, and what is done with them
 * @name: on the command line
 * @label: in words
 * @write: Write, else Read
 * @random: anywhere in the range, else one after the other
 */
struct workload {
	const char *name;
	const char *label;
	bool write;
	bool random;
};

/**
 * struct bench_plan - what is measured
 * @workload: kind of I/O
 * @node: on the command line, NULL for the inherited grant
 * @name: the grant, in messages
 * @grant: file descriptor
 * @info: what the grant allows
 * @range: blocks used
 * @have_range: --range was given
 * @block_size: bytes of data of one I/O; 0: 4 KiB, or a block where that is more
 * @blocks: blocks of one I/O
 * @bytes: bytes of one I/O in memory
 * @places: where an I/O may begin: this many, one behind the other
 * @zone_places: of these, in one zone; all where there are no zones
 * @zone_blocks: blocks from zone to zone; all where there are no zones
 * @depth: I/Os in flight, for each thread
 * @batch: completions that a call waits for
 * @threads: threads, each with a ring
 * @polled: rings are polled
 * @overwrite: the user said that data may be destroyed
 * @seconds: how long, or 0
 * @count: how many I/Os in all, or 0
 * @json: print JSON
 * @quiet: no progress line, no warning
 */
struct bench_plan {
	const struct workload *workload;
	const char *node;
	const char *name;
	int grant;
	struct usher_grant_info info;
	struct range range;
	bool have_range;
	__u64 block_size;
	__u32 blocks;
	__u32 bytes;
	__u64 places;
	__u64 zone_places;
	__u64 zone_blocks;
	__u32 depth;
	__u32 batch;
	__u32 threads;
	bool polled;
	bool overwrite;
	__u64 seconds;
	__u64 count;
	bool json;
	bool quiet;
};

/**
 * struct bench_slot - an I/O in flight
 * @begun: CLOCK_MONOTONIC, nanoseconds: just before the call that handed it over
 * @slba: first block
 */
struct bench_slot {
	__u64 begun;
	__u64 slba;
};

/**
 * struct bench_thread - one thread with its ring
 * @bench: the whole
 * @id: thread
 * @ring: ring
 * @memory: where data go, @stride bytes for each slot
 * @memory_bytes: all of it
 * @stride: bytes from slot to slot
 * @buf: its name in commands
 * @slots: I/Os, by their tags
 * @idle: tags that are not in flight, a stack of @nr_idle
 * @nr_idle: how many are not in flight
 * @left: I/Os to begin
 * @next: next place, of a sequential workload
 * @random: state of the random numbers
 * @latency: from handing over to seeing the completion, in nanoseconds
 * @done: I/Os that completed well; read by the thread that shows progress
 * @failed: I/Os that completed with an error
 * @enters: system calls
 * @end: when the last I/O had completed
 * @usage: processor time and context switches, from the first I/O to the last
 * @info: what the kernel says of the ring in the end
 */
struct bench_thread {
	struct bench *bench;
	pthread_t id;
	struct usher_ring ring;
	char *memory;
	size_t memory_bytes;
	size_t stride;
	__u32 buf;
	struct bench_slot *slots;
	__u16 *idle;
	__u32 nr_idle;
	__u64 left;
	__u64 next;
	__u64 random;
	struct histogram *latency;
	__u64 done;
	__u64 failed;
	__u64 enters;
	__u64 end;
	struct rusage usage;
	struct usher_ring_info info;
};

/**
 * struct bench - a run
 * @plan: what is measured
 * @threads: as many as the plan says
 * @nr_threads: those that were started
 * @lock: of @nr_ready and @open, and of setting up
 * @changed: @nr_ready or @open changed
 * @nr_ready: threads that are set up, or that failed in it
 * @open: threads may begin, or end when @stop is set
 * @stop: begin no more I/Os
 * @status: of the command: 0, or that of what failed first
 * @done_fd: eventfd that counts threads that have ended
 * @begin: CLOCK_MONOTONIC, nanoseconds: when threads began
 * @deadline: when they begin no more I/Os
 * @interrupted: a signal ended it
 * @clock_ns: what reading the clock takes
 */
struct bench {
	struct bench_plan plan;
	struct bench_thread *threads;
	__u32 nr_threads;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	__u32 nr_ready;
	bool open;
	bool stop;
	int status;
	int done_fd;
	__u64 begin;
	__u64 deadline;
	bool interrupted;
	double clock_ns;
};

/* bench-plan.c: which blocks */
const struct workload *find_workload(const char *name);
int bench_settle(struct bench_plan *plan);
__u64 bench_place(const struct bench_plan *plan, __u64 place);
__u64 bench_random(__u64 *state, __u64 below);

/* bench-thread.c: one thread */
void *bench_thread(void *thread);
void bench_stop(struct bench *bench);

/* bench-run.c: all threads, from start to end */
int bench_run(struct bench *bench);
void bench_free(struct bench *bench);

/* bench-report.c: what came out */
int bench_report(const struct bench *bench);

#endif /* USHERCTL_BENCH_H */
