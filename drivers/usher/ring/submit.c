// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way of a command, from the shared memory to the hardware queue.
 *
 * usher_submit_entry() is all of it, from top to bottom: the entry is read once,
 * the guard checks the copy, its memory is found, and the device's command is built
 * on the hardware queue. usher_ring_submit() does that for what was handed over, in
 * batches, each under one hold of the queue's lock, and rings the doorbell.
 *
 * A command that is on the queue holds a slot, a place in the completion ring, a
 * reference to its buffer and perhaps a command page; one that is refused, or must
 * wait, holds nothing.
 */
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/percpu-refcount.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "core/wake.h"
#include "grant/buffer.h"
#include "grant/grant.h"
#include "guard/guard.h"
#include "nvme/budget.h"
#include "nvme/inflight.h"
#include "nvme/prp.h"
#include "nvme/qpair.h"
#include "ring/complete.h"
#include "ring/indices.h"
#include "ring/ring.h"
#include "ring/submit.h"
#include "trace.h"

static unsigned int usher_io_timeout_s = 30;
module_param_named(io_timeout, usher_io_timeout_s, uint, 0644);
MODULE_PARM_DESC(io_timeout, "seconds after which a command is aborted (30)");

/* Commands taken in one hold of a queue's lock */
#define USHER_BATCH		32

/* What a command has before the watchdog acts, in jiffies */
unsigned long usher_io_timeout(void)
{
	return (unsigned long)max(READ_ONCE(usher_io_timeout_s), 1U) * HZ;
}

/* What became of an entry */
enum usher_outcome {
	USHER_ISSUED,	/* it is on the hardware queue */
	USHER_REFUSED,	/* its refusal is in the completion ring */
	USHER_MUST_WAIT, /* it holds nothing, and will be read again */
};

/*
 * struct usher_batch - what the entries of one hold of the queue's lock share
 */
struct usher_batch {
	unsigned long		deadline; /* when the watchdog acts, in jiffies */
	/*
	 * The buffer of the last command with data, or NULL. The first command on
	 * it in this batch took a reference, which cannot go before the lock is
	 * given up; what the others lack is counted in @buf_gets. That saves 20
	 * instructions for each command.
	 */
	struct usher_buffer	*buf;
	u32			buf_id;
	u32			buf_gets;
	bool			first;	/* of its entries; set before a command page */
	bool			over;	/* no further entry in this batch */
	bool			full;	/* the ring waits: for slots, a command page, blocks */
};

/*
 * struct usher_memory - where the data of a command are, as the device is told
 */
struct usher_memory {
	dma_addr_t	prp1;		/* PRP entry 1 */
	dma_addr_t	prp2;		/* PRP entry 2 */
	int		cmd_page;	/* as in struct usher_slot */
};

/* ---- the buffer ---- */

/* Give the commands on the last buffer the references that they lack. */
static inline void usher_batch_settle(struct usher_batch *batch)
{
	if (batch->buf_gets)
		percpu_ref_get_many(&batch->buf->ref, batch->buf_gets);
	batch->buf_gets = 0;
}

/* The reference of a command that is not issued. Perhaps it was the first. */
static noinline void usher_batch_put(struct usher_batch *batch)
{
	usher_batch_settle(batch);
	percpu_ref_put(&batch->buf->ref);
	batch->buf = NULL;
}

/* A reference to the buffer @id for one command, or NULL. In an RCU section. */
static inline struct usher_buffer *
usher_batch_get(struct usher_ring *ring, struct usher_batch *batch, u32 id)
{
	if (batch->buf && batch->buf_id == id) {
		batch->buf_gets++;
		return batch->buf;
	}
	usher_batch_settle(batch);
	batch->buf = usher_buffer_get(&ring->grant->bufs, id);
	batch->buf_id = id;
	return batch->buf;
}

/* Does the buffer hold what a checked command moves? 0, or the refusal */
static inline u16 usher_check_buffer(const struct usher_sqe *sqe,
				     const struct usher_verdict *v,
				     const struct usher_buffer *buf)
{
	u64 offset = le64_to_cpu(sqe->dptr.offset);

	if (v->data == USHER_DATA_WRITES && buf->pin.rdonly)
		return NVME_SC_ACCESS_DENIED | USHER_DNR;
	if (v->bytes > buf->length || offset > buf->length - v->bytes)
		return NVME_SC_DATA_XFER_ERROR | USHER_DNR;
	if ((buf->first + offset) & 3)
		return NVME_SC_PRP_INVALID_OFFSET | USHER_DNR;
	return 0;
}

/* ---- memory that needs more than PRP entry 1 ---- */

/*
 * A command page. To fill it takes long, so that its entry is alone in its batch:
 * interrupts are let through before it, and after it.
 */
static struct usher_cmd_page *usher_take_cmd_page(struct usher_ring *ring,
						  struct usher_batch *batch,
						  struct usher_memory *mem)
{
	batch->over = true;
	if (!batch->first)
		return NULL;
	mem->cmd_page = usher_qpair_get_cmd_page(ring->qp, &ring->client);
	if (mem->cmd_page >= 0)
		return &ring->qp->cmd_pages[mem->cmd_page];
	batch->full = true;
	return NULL;
}

/*
 * Blocks for a command that costs the device time by them. False when its tenant has
 * too many in flight.
 */
static bool usher_take_blocks(struct usher_ring *ring, struct usher_batch *batch,
			      const struct usher_verdict *v)
{
	u32 blocks = min_t(u64, v->blocks, USHER_BUDGET_BLOCKS);

	if (usher_qpair_take_blocks(ring->qp, &ring->client, blocks))
		return true;
	batch->full = true;
	return false;
}

/* Ranges are copied, checked in the copy, and the device reads the copy. */
static int usher_map_ranges(struct usher_ring *ring, struct usher_batch *batch,
			    const struct usher_sqe *sqe,
			    struct usher_verdict *v,
			    struct usher_memory *mem)
{
	struct usher_cmd_page *page = usher_take_cmd_page(ring, batch, mem);
	int status;

	if (!page)
		return -EAGAIN;
	usher_buffer_snapshot(batch->buf, le64_to_cpu(sqe->dptr.offset),
			      page->virt, v->bytes);
	status = usher_guard_ranges(&ring->grant->scope, sqe, page->virt, v);
	if (!status && !usher_take_blocks(ring, batch, v))
		status = -EAGAIN;
	if (status) {
		__set_bit(mem->cmd_page, ring->qp->cmd_pages_free);
		return status;
	}
	mem->prp1 = page->dma;
	return 0;
}

/* Data on several pages: two PRPs, or a list in the table or of its own */
static int usher_map_pages(struct usher_ring *ring, struct usher_batch *batch,
			   u64 from, u32 bytes, struct usher_memory *mem)
{
	const struct usher_prps *prps = &batch->buf->prps;
	struct usher_cmd_page *page;

	if (usher_prps_map(prps, from, bytes, &mem->prp1, &mem->prp2))
		return 0;
	page = usher_take_cmd_page(ring, batch, mem);
	if (!page)
		return -EAGAIN;
	usher_prps_list(prps, from, bytes, page->virt);
	mem->prp2 = page->dma;
	return 0;
}

/*
 * The memory of a checked command on batch->buf. Out of line, so that commands
 * whose data are in one page find what they need in registers.
 *
 * Returns 0, the status of a refusal, or -EAGAIN when it must wait.
 */
static noinline int usher_map_long(struct usher_ring *ring,
				   struct usher_batch *batch,
				   const struct usher_sqe *sqe,
				   struct usher_verdict *v, u64 from,
				   struct usher_memory *mem)
{
	*mem = (struct usher_memory) { .cmd_page = USHER_CMD_PAGE_NONE };
	if (v->data == USHER_DATA_SNAPSHOT)
		return usher_map_ranges(ring, batch, sqe, v, mem);
	return usher_map_pages(ring, batch, from, v->bytes, mem);
}

/* ---- the way of a command ---- */

/*
 * Read an entry once: the process may change it at any time. Written out: a loop
 * costs 33 instructions more for each command.
 */
static inline void usher_read_entry(struct usher_sqe *to, const struct usher_sqe *from)
{
	const u64 *src = (const u64 *)from;
	u64 *dst = (u64 *)to;

	BUILD_BUG_ON(sizeof(*to) != 8 * sizeof(*dst));
	dst[0] = READ_ONCE(src[0]);
	dst[1] = READ_ONCE(src[1]);
	dst[2] = READ_ONCE(src[2]);
	dst[3] = READ_ONCE(src[3]);
	dst[4] = READ_ONCE(src[4]);
	dst[5] = READ_ONCE(src[5]);
	dst[6] = READ_ONCE(src[6]);
	dst[7] = READ_ONCE(src[7]);
}

/*
 * One entry, with the queue's lock held. The guard runs under it: that is short,
 * and one pass over an entry costs less than two.
 */
static __always_inline enum usher_outcome
usher_submit_entry(struct usher_ring *ring, u32 index, struct usher_batch *batch)
{
	struct usher_qpair *qp = ring->qp;
	struct usher_verdict *v = &ring->verdict;
	struct usher_sqe *sqe = &ring->sqe;
	struct usher_buffer *buf = NULL;
	dma_addr_t prp1 = 0, prp2 = 0;
	struct usher_slot *slot;
	int cmd_page = USHER_CMD_PAGE_NONE;
	int status;

	/* Read it, and then look at the copy only. */
	usher_read_entry(sqe, &ring->sq[index & (ring->sq_entries - 1)]);

	/* Check it. */
	status = usher_guard_check(&ring->grant->scope, sqe, v);
	if (unlikely(status))
		goto refuse;

	/* Find its memory. */
	if (likely(v->data != USHER_DATA_NONE)) {
		u64 from;

		status = NVME_SC_INVALID_FIELD | USHER_DNR;
		buf = usher_batch_get(ring, batch, le32_to_cpu(sqe->dptr.buf));
		if (unlikely(!buf))
			goto refuse;
		status = usher_check_buffer(sqe, v, buf);
		if (unlikely(status))
			goto put_buffer;
		from = buf->first + le64_to_cpu(sqe->dptr.offset);
		if (likely(v->data != USHER_DATA_SNAPSHOT &&
			   usher_prps_in_one(&buf->prps, from, v->bytes))) {
			prp1 = usher_prps_bus(&buf->prps, from);
		} else {
			struct usher_memory mem;

			batch->first = index == ring->sq_head;
			status = usher_map_long(ring, batch, sqe, v, from, &mem);
			if (unlikely(status))
				goto put_buffer;
			prp1 = mem.prp1;
			prp2 = mem.prp2;
			cmd_page = mem.cmd_page;
		}
	} else if (v->blocks) {
		if (!usher_take_blocks(ring, batch, v))
			return USHER_MUST_WAIT;
		cmd_page = USHER_CMD_PAGE_BLOCKS;
	}

	/* Build the device's command; the doorbell comes after the batch. */
	slot = usher_slot_take(qp);
	slot->client = &ring->client;
	slot->mem = buf ? &buf->ref : NULL;
	slot->cmd_page = cmd_page;
	slot->tag = sqe->cid;
	slot->deadline = batch->deadline;
	usher_guard_build(sqe, slot->cid, prp1, prp2, usher_slot_command(qp));
	trace_usher_submit(qp, slot, usher_slot_command(qp));
	usher_slot_submit(qp);
	return USHER_ISSUED;

put_buffer:
	usher_batch_put(batch);
	if (status < 0)
		return USHER_MUST_WAIT;
refuse:
	usher_ring_refuse(ring, sqe->cid, status);
	return USHER_REFUSED;
}

/* ---- batches ---- */

/*
 * Up to @want entries, with the queue's lock held. Returns how many were taken;
 * @full when the ring now waits for its turn.
 */
static __always_inline u32 usher_submit_batch(struct usher_ring *ring, u32 want,
					      enum usher_claim claim, bool *full)
{
	struct usher_qpair *qp = ring->qp;
	u32 slots = usher_qpair_reserve(qp, &ring->client, want, claim);
	struct usher_batch batch = {
		.deadline = (jiffies + usher_io_timeout()) | 1,
		.full = !slots,
	};
	u32 n = 0, issued = 0;

	/* For usher_buffer_get() */
	rcu_read_lock();
	while (n < slots && !batch.over) {
		enum usher_outcome outcome =
			usher_submit_entry(ring, ring->sq_head + n, &batch);

		if (unlikely(outcome == USHER_MUST_WAIT))
			break;
		issued += outcome == USHER_ISSUED;
		n++;
	}
	usher_batch_settle(&batch);
	rcu_read_unlock();
	if (slots != issued)
		usher_qpair_unreserve(qp, &ring->client, slots - issued);
	*full = batch.full;
	return n;
}

/**
 * usher_ring_submit - take what was handed over
 * @ring: the ring, its lock held; in a section
 * @most: entries to take, at most; slots and places for completions limit it, too
 * @claim: whether it is the ring's turn
 *
 * Return: how many entries were taken.
 */
u32 usher_ring_submit(struct usher_ring *ring, u32 most, enum usher_claim claim)
{
	struct usher_qpair *qp = ring->qp;
	u32 n, taken = 0;
	bool full, last;

	lockdep_assert_held(&ring->lock);
	most = min3(most, ring->sq_submitted - ring->sq_head,
		    usher_ring_cq_space(ring));
	while (taken < most) {
		spin_lock_irq(&qp->lock);
		n = usher_submit_batch(ring, min(most - taken, (u32)USHER_BATCH),
				       claim, &full);
		last = full || n == most - taken;
		if (last)
			usher_qpair_doorbell(qp);
		/* Before their completions are published, and waiters woken for them */
		WRITE_ONCE(ring->accepted, ring->accepted + n);
		WRITE_ONCE(ring->sq_head, ring->sq_head + n);
		/* Pairs with the process's acquire: the entries may be reused. */
		smp_store_release(&ring->ctl->sq_head, ring->sq_head);
		if (qp->publish)
			usher_qpair_publish(qp);
		spin_unlock_irq(&qp->lock);
		usher_qpair_tell(qp);

		taken += n;
		if (last)
			break;
		cond_resched();
	}
	/* Those who wait for entries to be taken, by whomever */
	if (taken && wq_has_sleeper(&ring->wait))
		usher_ring_wake(ring, EPOLLOUT | EPOLLWRNORM, USHER_WAKES);
	return taken;
}
