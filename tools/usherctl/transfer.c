// SPDX-License-Identifier: GPL-2.0-only
/*
 * usherctl read and usherctl write: between blocks and a file or pipe.
 */
#include <stdint.h>
#include <unistd.h>

#include "commands.h"
#include "grant.h"
#include "message.h"
#include "parse.h"
#include "pipeline.h"
#include "progress.h"
#include "status.h"
#include "stream.h"
#include "transfer-args.h"
#include "transfer.h"

/*
 * Check the size of the input, where it is known, before anything is written. @total
 * answers how many bytes will be moved, or 0 where that is not known.
 */
static int check_input(const struct transfer *transfer,
		       const struct stream *stream, __u64 *total)
{
	const struct range *range = &transfer->range;
	__u64 most = range->nlb * transfer->info.lba_bytes;
	__u64 size = stream_size(stream);
	bool to_end = transfer->bytes == UINT64_MAX;

	if (size && to_end && size > most)
		return fail("%s: %llu bytes do not fit into the %llu of blocks %llu to %llu",
			    stream->name, size, most, range->slba,
			    range->slba + range->nlb - 1);
	if (size && !to_end && size < transfer->bytes)
		return fail("%s: it has %llu bytes, not %llu; nothing was written",
			    stream->name, size, transfer->bytes);
	*total = size < transfer->bytes ? size : transfer->bytes;
	return 0;
}

/* A block device does not grow: look before anything in it is overwritten. */
static int check_output(const struct transfer *transfer, const struct stream *stream)
{
	__u64 size = stream_size(stream);

	if (!stream_is_block_device(stream) || size >= transfer->bytes)
		return 0;
	return fail("%s: it has room for %llu bytes, not %llu; nothing was written",
		    stream->name, size, transfer->bytes);
}

/* Check that the input had as many bytes as it should, and no more than fit. */
static int check_input_end(const struct transfer *transfer,
			   const struct stream *stream, const struct moved *moved)
{
	const struct range *range = &transfer->range;
	char byte;

	if (moved->bytes == transfer->bytes)
		return 0;
	if (transfer->bytes != UINT64_MAX)
		return fail("%s: it ended after %llu of %llu bytes; they were written",
			    stream->name, moved->bytes, transfer->bytes);
	if (moved->input_ended || stream_read(stream, &byte, 1) <= 0)
		return 0;
	return fail("%s: longer than the %llu bytes of blocks %llu to %llu, which were written",
		    stream->name, moved->bytes, range->slba,
		    range->slba + range->nlb - 1);
}

static void print_summary(const struct transfer *transfer,
			  const struct stream *stream,
			  const struct moved *moved, double seconds, bool quiet)
{
	char size[16], rate[16];

	if (moved->padding)
		note("the input ended inside block %llu: its last %u bytes were filled with zeros",
		     moved->end - 1, moved->padding);
	if (!moved->bytes)
		note("%s: it is empty, nothing was written", stream->name);
	if (quiet || !moved->bytes)
		return;
	note("%llu bytes (%s), blocks %llu to %llu, in %.1f s, %s/s%s",
	     moved->bytes, format_size(moved->bytes, size), transfer->range.slba,
	     moved->end - 1, seconds,
	     format_size((__u64)((double)moved->bytes / seconds), rate),
	     transfer->verify ? ", verified" : "");
}

static int move(const struct transfer *transfer, struct pipeline *pipeline,
		const struct stream *stream, __u64 total, bool quiet)
{
	struct progress progress;
	struct moved moved;
	int status;

	progress_begin(&progress, total, quiet);
	status = pipeline_move(pipeline, stream, &progress, &moved);
	if (!status && transfer->writing)
		status = pipeline_flush(pipeline);
	progress_end(&progress);
	if (!status && transfer->writing)
		status = check_input_end(transfer, stream, &moved);
	if (!status)
		print_summary(transfer, stream, &moved,
			      progress_seconds(&progress), quiet);
	return status;
}

/* The output is opened last: that truncates it, so everything else must be there. */
static int run(const struct transfer *transfer, const char *path, bool quiet)
{
	struct pipeline *pipeline;
	__u64 total = transfer->bytes;
	struct stream stream;
	int status = 0;

	if (transfer->writing && (stream_open_input(&stream, path) ||
				  check_input(transfer, &stream, &total)))
		return STATUS_FAILED;
	pipeline = pipeline_new(transfer);
	if (!pipeline)
		return STATUS_FAILED;
	if (!transfer->writing)
		status = stream_open_output(&stream, path);
	if (!status && !transfer->writing)
		status = check_output(transfer, &stream);
	if (!status)
		status = move(transfer, pipeline, &stream, total, quiet);
	if (!status)
		status = stream_close(&stream);
	pipeline_free(pipeline);
	return status;
}

static int open_transfer(struct transfer *transfer, const char *node)
{
	__u32 rights = 0;

	if (transfer->writing)
		rights |= USHER_RIGHT_WRITE;
	if (!transfer->writing || transfer->verify)
		rights |= USHER_RIGHT_READ;
	transfer->grant = open_blocks(node, rights, &transfer->name,
				      &transfer->info);
	return transfer->grant;
}

static int move_blocks(bool writing, int argc, char **argv)
{
	struct transfer_args args = { .writing = writing };
	struct transfer transfer = { .writing = writing };
	int status = transfer_parse(&args, argc, argv);

	if (status)
		return status;
	transfer.verify = args.verify;
	if (open_transfer(&transfer, args.node) < 0)
		return STATUS_FAILED;
	status = transfer_settle(&transfer, &args);
	if (!status)
		status = run(&transfer, args.path, args.quiet);
	close(transfer.grant);
	return status;
}

int cmd_read(int argc, char **argv)
{
	return move_blocks(false, argc, argv);
}

int cmd_write(int argc, char **argv)
{
	return move_blocks(true, argc, argv);
}
