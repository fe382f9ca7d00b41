/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A progress line on a terminal.
 */
#ifndef USHERCTL_PROGRESS_H
#define USHERCTL_PROGRESS_H

#include <stdbool.h>
#include <linux/types.h>

/**
 * struct progress - how far it is, and since when
 * @on: standard error is a terminal, and not --quiet
 * @total: bytes, or 0 where that is not known
 * @done: bytes
 * @begin: CLOCK_MONOTONIC, nanoseconds
 * @shown: when the line was written last
 */
struct progress {
	bool on;
	__u64 total;
	__u64 done;
	__u64 begin;
	__u64 shown;
};

/**
 * progress_begin() - start the clock
 * @progress: what to begin
 * @total: bytes, or 0 where that is not known
 * @quiet: show no line
 */
void progress_begin(struct progress *progress, __u64 total, bool quiet);

/**
 * progress_add() - count bytes, and update the line now and then
 * @progress: what was begun
 * @bytes: how many more are done
 */
void progress_add(struct progress *progress, __u64 bytes);

/**
 * progress_end() - remove the line; to be called before a message, too
 * @progress: what was begun
 */
void progress_end(struct progress *progress);

/**
 * progress_seconds() - the time since progress_begin()
 * @progress: what was begun
 *
 * Return: seconds, more than 0
 */
double progress_seconds(const struct progress *progress);

#endif /* USHERCTL_PROGRESS_H */
