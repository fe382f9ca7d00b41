// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ring with chunks of a transfer in flight.
 *
 * The blocks are moved in chunks. Each chunk has a slot: memory, and a command in
 * flight. Slots are used in turn: @tail counts the chunks begun, @head those finished.
 * Commands complete in any order, and chunks are finished in theirs, so that a pipe
 * gets its bytes in order. With --verify a chunk is read once more, into memory of its
 * own, and compared.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <usher.h>

#include "alloc.h"
#include "message.h"
#include "pipeline.h"
#include "progress.h"
#include "status.h"
#include "stream.h"
#include "transfer.h"

/* Memory is at most 4 MiB: half of 8 MiB, which is the usual RLIMIT_MEMLOCK. */
#define CHUNK_BYTES	(128 * 1024U)
#define MAX_DEPTH	32U

enum stage {
	STAGE_MOVE,	/* the command that moves the chunk is in flight */
	STAGE_CHECK,	/* --verify: the second read is in flight */
	STAGE_DONE,	/* nothing is in flight */
};

struct slot {
	enum stage stage;
	__u64 slba;
	__u32 blocks;
	__u32 bytes;		/* of the stream; at its end, fewer than the blocks have */
	char *data;
	char *check;		/* NULL without --verify */
};

struct pipeline {
	const struct transfer *transfer;
	const struct stream *stream;
	struct progress *progress;

	struct usher_ring ring;
	__u32 buf;		/* name of the memory in commands */
	char *memory;
	size_t memory_bytes;	/* all of it */
	size_t stride;		/* bytes from slot to slot in memory */
	__u32 chunk;		/* blocks */
	__u32 depth;		/* slots, a power of two */
	struct slot slots[MAX_DEPTH];

	__u64 head, tail;	/* chunks finished and begun */
	__u64 next;		/* first block of the next chunk */
	__u64 left;		/* bytes of the stream not begun */
	__u64 moved;		/* bytes of the stream finished */
	__u32 padding;		/* zeros behind the end of the input */
	bool input_ended;
	bool stop;		/* begin no more chunks */
	int status;		/* of what failed first, or 0 */
};

/* The slot of the chunk with this number */
static struct slot *slot_of(struct pipeline *p, __u64 chunk)
{
	return &p->slots[chunk & (p->depth - 1)];
}

/* Begin no more chunks; the first status that is set stays. */
static void stop(struct pipeline *p, int status)
{
	p->stop = true;
	if (!p->status)
		p->status = status;
}

/*
 * Ring and memory
 */

static __u32 power_of_two_below(__u32 n)
{
	return n ? 1U << (31 - __builtin_clz(n)) : 1;
}

static __u32 smaller(__u32 a, __u32 b)
{
	return a < b ? a : b;
}

/* The slots begin at pages, but for those of which several are in a page. */
static void set_stride(struct pipeline *p)
{
	size_t page = sysconf(_SC_PAGESIZE);
	size_t bytes = (size_t)p->chunk * p->transfer->info.lba_bytes;
	size_t unit = bytes < page ? 512 : page;

	p->stride = (bytes + unit - 1) & ~(unit - 1);
}

/* Choose the blocks of a chunk and the number of slots. */
static int set_up_sizes(struct pipeline *p)
{
	const struct usher_grant_info *info = &p->transfer->info;

	p->chunk = smaller(CHUNK_BYTES, info->max_transfer) / info->lba_bytes;
	if (!p->chunk)
		return fail("%s: a block of %u bytes is more than one command may move (%u)",
			    p->transfer->name, info->lba_bytes, info->max_transfer);
	set_stride(p);
	p->depth = p->transfer->verify ? MAX_DEPTH / 2 : MAX_DEPTH;
	p->depth = smaller(p->depth, info->max_entries);
	p->depth = power_of_two_below(smaller(p->depth, info->limits.ring_depth));
	/* A zone must be written in order. */
	if (p->transfer->writing && info->zone_blocks)
		p->depth = 1;
	return 0;
}

static int set_up_ring(struct pipeline *p)
{
	int ret = usher_ring_init(&p->ring, p->transfer->grant, p->depth, 0);

	if (ret >= 0)
		return 0;
	p->ring.ctl = NULL;	/* there is none to be given back */
	return fail_at(ACT_RING, ret, "%s: no ring", p->transfer->name);
}

static size_t slots_bytes(const struct pipeline *p)
{
	return p->stride * p->depth * (p->transfer->verify ? 2 : 1);
}

/* Half of the slots, or half of the only one; false where it has one block */
static bool use_less(struct pipeline *p)
{
	if (p->depth > 1)
		p->depth /= 2;
	else if (p->chunk > 1)
		p->chunk /= 2;
	else
		return false;
	set_stride(p);
	return true;
}

/* Register memory for all slots, or for less where a limit allows no more. */
static int register_memory(struct pipeline *p)
{
	const struct transfer *transfer = p->transfer;
	__u32 flags = transfer->writing && !transfer->verify ? USHER_BUF_RDONLY : 0;
	int ret;

	do {
		ret = usher_buf_register(transfer->grant, p->memory, slots_bytes(p),
					 flags, &p->buf);
	} while ((ret == -ENOMEM || ret == -EDQUOT) && use_less(p));
	return ret;
}

static int map_memory(struct pipeline *p)
{
	void *memory;

	p->memory_bytes = slots_bytes(p);
	memory = mmap(NULL, p->memory_bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return -errno;
	p->memory = memory;
	/* Where a part of a huge page is registered, all of it counts as pinned. */
	madvise(p->memory, p->memory_bytes, MADV_NOHUGEPAGE);
	return 0;
}

static int set_up_memory(struct pipeline *p)
{
	bool verify = p->transfer->verify;
	int ret = map_memory(p);
	__u32 i;

	if (!ret)
		ret = register_memory(p);
	if (ret < 0)
		return fail_at(ACT_REGISTER, ret, "%s: %zu bytes of memory",
			       p->transfer->name, slots_bytes(p));
	for (i = 0; i < p->depth; i++) {
		p->slots[i].data = p->memory + i * p->stride;
		p->slots[i].check = verify ? p->slots[i].data + p->depth * p->stride : NULL;
	}
	return 0;
}

struct pipeline *pipeline_new(const struct transfer *transfer)
{
	struct pipeline *p = alloc_array(1, sizeof(*p), "the chunks in flight");

	p->transfer = transfer;
	p->next = transfer->range.slba;
	p->left = transfer->bytes;
	if (!set_up_sizes(p) && !set_up_ring(p) && !set_up_memory(p))
		return p;
	pipeline_free(p);
	return NULL;
}

void pipeline_free(struct pipeline *p)
{
	if (p->ring.ctl)
		usher_ring_exit(&p->ring);
	if (p->memory)
		munmap(p->memory, p->memory_bytes);
	free(p);
}

/*
 * Chunks
 */

/* Prepare the command of a slot; @data is in its memory. */
static void issue(struct pipeline *p, struct slot *slot, bool write,
		  const char *data)
{
	/* never NULL: the ring has an entry for each slot, which has one command at a time */
	struct usher_sqe *sqe = usher_ring_get_sqe(&p->ring);
	__u64 offset = data - p->memory;
	__u32 length = slot->blocks * p->transfer->info.lba_bytes;

	if (write)
		usher_prep_write(sqe, slot->slba, slot->blocks, p->buf, offset,
				 length);
	else
		usher_prep_read(sqe, slot->slba, slot->blocks, p->buf, offset,
				length);
	usher_sqe_set_tag(sqe, (__u16)(slot - p->slots));
}

/* The block behind the last one */
static __u64 range_end(const struct transfer *transfer)
{
	return transfer->range.slba + transfer->range.nlb;
}

/* How many blocks from p->next on one command may move; it may not leave a zone. */
static __u32 next_blocks(const struct pipeline *p)
{
	__u64 blocks = range_end(p->transfer) - p->next;
	__u64 zone = p->transfer->info.zone_blocks;

	if (zone && blocks > zone - p->next % zone)
		blocks = zone - p->next % zone;
	return blocks < p->chunk ? (__u32)blocks : p->chunk;
}

/* Fill a slot from the input. Return: bytes of the input in it, 0 where there are none */
static __u32 fill_slot(struct pipeline *p, struct slot *slot)
{
	__u32 lba_bytes = p->transfer->info.lba_bytes;
	ssize_t got = stream_read(p->stream, slot->data, slot->bytes);

	if (got < 0) {
		stop(p, STATUS_FAILED);
		return 0;
	}
	p->input_ended = (size_t)got < slot->bytes;
	slot->blocks = ((__u32)got + lba_bytes - 1) / lba_bytes;
	p->padding = slot->blocks * lba_bytes - (__u32)got;
	memset(slot->data + got, 0, p->padding);
	return (__u32)got;
}

/* Begin one more chunk; false where there is none. */
static bool begin_chunk(struct pipeline *p)
{
	const struct transfer *transfer = p->transfer;
	__u32 lba_bytes = transfer->info.lba_bytes;
	struct slot *slot = slot_of(p, p->tail);

	if (p->stop || p->input_ended || !p->left || p->next == range_end(transfer))
		return false;

	slot->stage = STAGE_MOVE;
	slot->slba = p->next;
	slot->blocks = next_blocks(p);
	slot->bytes = slot->blocks * lba_bytes;
	if (p->left < slot->bytes)
		slot->bytes = (__u32)p->left;
	if (transfer->writing)
		slot->bytes = fill_slot(p, slot);
	else
		slot->blocks = (slot->bytes - 1) / lba_bytes + 1;
	if (!slot->bytes)
		return false;

	issue(p, slot, transfer->writing, slot->data);
	p->next += slot->blocks;
	p->left -= slot->bytes;
	p->tail++;
	return true;
}

static void command_failed(struct pipeline *p, const struct slot *slot,
			   const struct usher_cqe *cqe)
{
	/* The commands that follow it fail for the same reason: say it once. */
	if (!p->status) {
		progress_end(p->progress);
		fail_command(cqe, "%s: blocks %llu to %llu", p->transfer->name, slot->slba,
			     slot->slba + slot->blocks - 1);
	}
	stop(p, STATUS_FAILED);
}

/* Compare what was moved with what the second read returned. */
static void check_slot(struct pipeline *p, const struct slot *slot)
{
	__u32 lba_bytes = p->transfer->info.lba_bytes, block;

	for (block = 0; block < slot->blocks; block++) {
		size_t at = (size_t)block * lba_bytes;

		if (!memcmp(slot->data + at, slot->check + at, lba_bytes))
			continue;
		if (!p->status) {
			progress_end(p->progress);
			fail("%s: block %llu reads differently from what was %s",
			     p->transfer->name, slot->slba + block,
			     p->transfer->writing ? "written" : "read before");
		}
		stop(p, STATUS_DIFFERS);
		return;
	}
}

/* What follows the completion of a slot's command */
static void advance_slot(struct pipeline *p, struct slot *slot,
			 const struct usher_cqe *cqe)
{
	enum stage stage = slot->stage;

	slot->stage = STAGE_DONE;
	if (usher_cqe_status(cqe)) {
		command_failed(p, slot, cqe);
	} else if (stage == STAGE_MOVE && slot->check) {
		slot->stage = STAGE_CHECK;
		issue(p, slot, false, slot->check);
	} else if (stage == STAGE_CHECK) {
		check_slot(p, slot);
	}
}

static void reap(struct pipeline *p)
{
	struct usher_cqe *cqe;

	while (!usher_ring_peek_cqe(&p->ring, &cqe)) {
		advance_slot(p, &p->slots[usher_cqe_tag(cqe)], cqe);
		usher_cqe_seen(&p->ring, cqe);
	}
}

/* Finish the oldest chunks, in order, as far as they are done. */
static void retire(struct pipeline *p)
{
	while (p->head < p->tail && slot_of(p, p->head)->stage == STAGE_DONE) {
		struct slot *slot = slot_of(p, p->head++);

		/* The output must not have data from behind the chunk that failed. */
		if (p->status)
			continue;
		if (!p->transfer->writing &&
		    stream_write(p->stream, slot->data, slot->bytes)) {
			stop(p, STATUS_FAILED);
			continue;
		}
		p->moved += slot->bytes;
		progress_add(p->progress, slot->bytes);
	}
}

/* Submit what was prepared, and wait for a completion. */
static int wait_ring(struct pipeline *p)
{
	int ret;

	do {
		ret = usher_ring_submit_and_wait(&p->ring, 1);
	} while (ret == -EINTR);

	if (ret < 0) {
		progress_end(p->progress);
		fail_at(ACT_SUBMIT, ret, "%s", p->transfer->name);
	}
	return ret;
}

static int move_chunks(struct pipeline *p)
{
	for (;;) {
		while (p->tail - p->head < p->depth && begin_chunk(p))
			;
		if (p->head == p->tail)
			return p->status;
		if (wait_ring(p) < 0)
			return STATUS_FAILED;
		reap(p);
		retire(p);
	}
}

int pipeline_move(struct pipeline *p, const struct stream *stream,
		  struct progress *progress, struct moved *moved)
{
	int status;

	p->stream = stream;
	p->progress = progress;
	status = move_chunks(p);
	*moved = (struct moved) {
		.bytes = p->moved,
		.end = p->next,
		.padding = p->padding,
		.input_ended = p->input_ended,
	};
	return status;
}

int pipeline_flush(struct pipeline *p)
{
	struct usher_cqe *cqe;
	__u16 status;

	if (!p->transfer->info.vwc)
		return 0;
	if (!(p->transfer->info.rights & USHER_RIGHT_FLUSH)) {
		note("%s: not flushed, for want of that right: the data may be in a volatile cache",
		     p->transfer->name);
		return 0;
	}

	usher_prep_flush(usher_ring_get_sqe(&p->ring));
	do {
		if (wait_ring(p) < 0)
			return STATUS_FAILED;
	} while (usher_ring_peek_cqe(&p->ring, &cqe));
	status = usher_cqe_status(cqe);
	usher_cqe_seen(&p->ring, cqe);
	return status ? fail("%s: flush: %s (status %03xh)", p->transfer->name,
			     usher_strstatus(status), status) : 0;
}
