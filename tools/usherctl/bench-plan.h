/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * usherctl bench: what is measured.
 */
#ifndef USHERCTL_BENCH_PLAN_H
#define USHERCTL_BENCH_PLAN_H

#include <stdbool.h>
#include <linux/types.h>

#include <usher.h>

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
 * find_workload() - look a workload up
 * @name: as on the command line
 *
 * Return: the workload, or NULL
 */
const struct workload *find_workload(const char *name);

/**
 * bench_settle() - find out from the grant what the arguments leave open
 * @plan: its grant is open
 *
 * Return: 0, or STATUS_FAILED after a message
 */
int bench_settle(struct bench_plan *plan);

/**
 * bench_place() - the first block of an I/O
 * @plan: after bench_settle()
 * @place: number of the place, less than @plan->places
 *
 * Return: a logical block address
 */
__u64 bench_place(const struct bench_plan *plan, __u64 place);

/**
 * bench_random() - a pseudorandom number
 * @state: of the generator, never 0
 * @below: limit
 *
 * Return: a number from 0 to @below - 1
 */
__u64 bench_random(__u64 *state, __u64 below);

#endif /* USHERCTL_BENCH_PLAN_H */
