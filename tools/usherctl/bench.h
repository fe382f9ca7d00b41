/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * usherctl bench: a run, as all of its threads see it.
 */
#ifndef USHERCTL_BENCH_H
#define USHERCTL_BENCH_H

#include <pthread.h>
#include <stdbool.h>
#include <linux/types.h>

#include "bench-plan.h"

struct bench_thread;

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

#endif /* USHERCTL_BENCH_H */
