/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A ring with chunks of a transfer in flight. Failures are reported.
 */
#ifndef USHERCTL_PIPELINE_H
#define USHERCTL_PIPELINE_H

#include <stdbool.h>
#include <linux/types.h>

struct pipeline;
struct progress;
struct stream;
struct transfer;

/**
 * struct moved - what a pipeline has moved
 * @bytes: of the stream
 * @end: the block behind the last one
 * @padding: zeros in the last block, behind the end of the input
 * @input_ended: the input is known to be at its end
 */
struct moved {
	__u64 bytes;
	__u64 end;
	__u32 padding;
	bool input_ended;
};

/**
 * pipeline_new() - make a ring, and register memory
 * @transfer: what is to be moved; it must stay what it is
 *
 * Return: the pipeline, to be freed by pipeline_free(); or NULL
 */
struct pipeline *pipeline_new(const struct transfer *transfer);

/**
 * pipeline_free() - give ring and memory back
 * @pipeline: which
 */
void pipeline_free(struct pipeline *pipeline);

/**
 * pipeline_move() - move everything, or as much as the input has
 * @pipeline: which
 * @stream: input or output
 * @progress: has begun; it must stay what it is
 * @moved: result
 *
 * Return: 0, STATUS_FAILED, or STATUS_DIFFERS
 */
int pipeline_move(struct pipeline *pipeline, const struct stream *stream,
		  struct progress *progress, struct moved *moved);

/**
 * pipeline_flush() - make durable what pipeline_move() wrote
 * @pipeline: which
 *
 * Says so where the grant does not have the right.
 *
 * Return: 0, or STATUS_FAILED
 */
int pipeline_flush(struct pipeline *pipeline);

#endif /* USHERCTL_PIPELINE_H */
