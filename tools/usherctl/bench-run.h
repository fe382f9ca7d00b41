/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * usherctl bench: all threads, from start to end.
 */
#ifndef USHERCTL_BENCH_RUN_H
#define USHERCTL_BENCH_RUN_H

#include <linux/types.h>

struct bench;

/**
 * bench_run() - start the threads, and wait for them
 * @bench: its plan is settled, all else is zero
 *
 * Return: 0, or STATUS_FAILED after a message
 */
int bench_run(struct bench *bench);

/**
 * bench_done() - how many I/Os completed without an error
 * @bench: while it runs, or afterwards
 *
 * Return: their number, of all threads
 */
__u64 bench_done(const struct bench *bench);

/**
 * bench_free() - free the threads
 * @bench: after bench_run()
 */
void bench_free(struct bench *bench);

#endif /* USHERCTL_BENCH_RUN_H */
