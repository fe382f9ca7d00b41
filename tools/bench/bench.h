/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the contenders share: a job says what to do, an engine does it through
 * one interface. All engines follow the same pattern, so that what differs is
 * the interface: fill the queue, submit it in one call, which waits for some
 * completions where the interface can, take all that are there, fill again.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "marker.h"

#define MAX_QD		256
#define MAX_RINGS	64
#define OFFSETS		4096	/* random offsets, used again and again */

/**
 * struct job - the work, the same for each engine
 * @node: device node
 * @write: write, not read
 * @qd: commands in flight
 * @batch: completions to wait for at a time
 * @bytes: of one transfer
 * @stride: from one place in @data to the next, whole pages
 * @blocks: of one transfer
 * @lba_shift: log2 of the bytes of a block
 * @data: memory, @stride for each of the @qd places
 * @rings: rings that work, each with a thread and @qd places of its own
 * @idle_rings: rings that are open and do nothing
 * @idle_buffers: buffers that are registered and not used
 * @lbas: OFFSETS random block numbers
 * @next: index of the next one
 * @free: places that no command uses
 * @nr_free: their number
 */
struct job {
	const char *node;
	bool write;
	unsigned int qd;
	unsigned int batch;
	uint32_t bytes;
	uint32_t stride;
	uint32_t blocks;
	unsigned int lba_shift;
	unsigned int rings;
	unsigned int idle_rings;
	unsigned int idle_buffers;
	char *data;
	uint64_t *lbas;
	unsigned int next;
	uint16_t free[MAX_QD];
	unsigned int nr_free;
};

/**
 * struct engine - one interface
 * @name: what the command line calls it
 * @setup: opens and prepares all that is not measured
 * @run: does so many transfers
 * @result: prints more members of the line of JSON, or NULL
 */
struct engine {
	const char *name;
	void (*setup)(struct job *job);
	void (*run)(struct job *job, unsigned int count);
	void (*result)(const struct job *job);
};

extern const struct engine engines[];

static inline uint64_t next_lba(struct job *job)
{
	return job->lbas[job->next++ % OFFSETS];
}

void fill_job(struct job *job);
void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...);

void pread_setup(struct job *job);
void pread_run(struct job *job, unsigned int count);
void uring_setup(struct job *job);
void uring_poll_setup(struct job *job);
void uring_run(struct job *job, unsigned int count);
void passthru_setup(struct job *job);
void passthru_poll_setup(struct job *job);
void passthru_run(struct job *job, unsigned int count);
void usher_setup(struct job *job);
void usher_awake_setup(struct job *job);
void usher_poll_setup(struct job *job);
void usher_sqpoll_setup(struct job *job);
void usher_run(struct job *job, unsigned int count);
void many_setup(struct job *job);
void many_run(struct job *job, unsigned int count);
void many_result(const struct job *job);
void vfio_setup(struct job *job);
void vfio_run(struct job *job, unsigned int count);

#endif /* BENCH_H */
