// SPDX-License-Identifier: GPL-2.0-only
/*
 * The data path of a ring.
 *
 * The way of a command: usher_ring_enter() (enter.c) -> usher_ring_submit()
 * reads an entry once, has the guard check it (guard.c), finds its memory
 * (buffer.c) and puts it on the hardware queue (qpair.c); its completion comes
 * back through usher_ring_complete().
 */
#include <linux/eventfd.h>
#include <linux/module.h>
#include <linux/poll.h>

#include "compat.h"
#include "trace.h"
#include "usher.h"

static unsigned int usher_io_timeout = 30;
module_param_named(io_timeout, usher_io_timeout, uint, 0644);
MODULE_PARM_DESC(io_timeout, "seconds after which a command is aborted (30)");

static bool usher_own_lists;
module_param_named(own_prp_lists, usher_own_lists, bool, 0444);
MODULE_PARM_DESC(own_prp_lists, "build a PRP list for each command, for firmware that dislikes lists starting in mid page (N)");

/* What a command has before the watchdog acts, in jiffies */
unsigned long usher_timeout(void)
{
	return (unsigned long)max(READ_ONCE(usher_io_timeout), 1U) * HZ;
}

/* Auxiliary pages of a queue: with lists of their own every command wants one */
u32 usher_ring_aux(u16 depth)
{
	return usher_own_lists ? depth - 1 : USHER_NR_AUX;
}

static struct usher_ring *to_ring(struct usher_share *share)
{
	return container_of(share, struct usher_ring, share);
}

/* ---- completion: from qpair.c, with the queue's lock held ---- */

static void usher_ring_post(struct usher_ring *ring, __le64 result, __le16 tag,
			    __le16 status, u16 flags)
{
	struct usher_cqe *cqe =
		&ring->cq[(u32)ring->cq_tail & (ring->cq_entries - 1)];

	cqe->dw0 = cpu_to_le32(le64_to_cpu(result));
	cqe->dw1 = cpu_to_le32(le64_to_cpu(result) >> 32);
	cqe->sqhd = 0;
	cqe->flags = cpu_to_le16(flags);
	cqe->cid = tag;
	cqe->status = status;
	WRITE_ONCE(ring->cq_tail, ring->cq_tail + 1);
}

static void usher_ring_complete(struct usher_qpair *qp, struct usher_slot *slot,
				__le64 result, __le16 status, u16 flags)
{
	struct usher_ring *ring = to_ring(slot->share);

	if (slot->share->closed)
		return;
	usher_ring_post(ring, result, slot->tag, status, flags);
	if (flags & USHER_CQE_DRIVER)
		ring->driver_completed++;
	usher_share_mark(qp, slot->share);
}

/* Let the process see what was posted, and wake whoever waits for it. */
static void usher_ring_flush(struct usher_share *share)
{
	struct usher_ring *ring = to_ring(share);

	/* Pairs with the process's acquire of cq_tail: entries come first. */
	smp_store_release(&ring->ctl->cq_tail, (u32)ring->cq_tail);
	/* Pairs with usher_ring_shown(): the process can see what it says. */
	smp_store_release(&ring->cq_shown, (u32)ring->cq_tail);
	/* Pairs with the barrier of set_current_state() in a waiter. */
	if (wq_has_sleeper(&ring->wait))
		wake_up_poll(&ring->wait, EPOLLIN | EPOLLRDNORM);
	if (ring->eventfd)
		usher_eventfd_signal(ring->eventfd);
}

/*
 * Completions that the process can see. Whoever is told of more than these
 * finds nothing: in a pass over a queue they are posted first, then shown.
 */
u32 usher_ring_shown(const struct usher_ring *ring)
{
	/* Pairs with the release in usher_ring_flush(). */
	return smp_load_acquire(&ring->cq_shown);
}

static void usher_ring_idle(struct usher_share *share)
{
	usher_ring_put(to_ring(share));
}

static void usher_ring_get(struct usher_share *share)
{
	kref_get(&to_ring(share)->ref);
}

/* ---- submission ---- */

/* USHER_RING_F_* of a ring */
u32 usher_ring_state(const struct usher_ring *ring)
{
	u32 state = 0;

	if (READ_ONCE(ring->broken))
		state |= USHER_RING_F_BROKEN;
	if (usher_state(ring->ud) == USHER_GONE)
		state |= USHER_RING_F_GONE;
	if (READ_ONCE(ring->served))
		state |= USHER_RING_F_SQPOLL;
	return state;
}

/* What the process sees in the control page; the lock keeps it in order. */
void usher_ring_show_state(struct usher_ring *ring)
{
	lockdep_assert_held(&ring->qp->lock);
	WRITE_ONCE(ring->ctl->flags, usher_ring_state(ring));
}

/* An index broke the rules: the end of this ring */
void usher_ring_break(struct usher_ring *ring)
{
	spin_lock_irq(&ring->qp->lock);
	WRITE_ONCE(ring->broken, true);
	usher_ring_show_state(ring);
	spin_unlock_irq(&ring->qp->lock);
	wake_up_poll(&ring->wait, EPOLLERR | EPOLLIN);
}

/* How many completions have a place */
u32 usher_ring_cq_space(const struct usher_ring *ring)
{
	return ring->cq_entries - ((u32)ring->accepted - ring->cq_head);
}

/* Read an entry once: the process may change it at any time. */
static void usher_ring_read(const struct usher_ring *ring, u32 index,
			    struct usher_sqe *sqe)
{
	const u64 *from =
		(const u64 *)&ring->sq[index & (ring->sq_entries - 1)];
	u64 *to = (u64 *)sqe;

	BUILD_BUG_ON(sizeof(*sqe) != 8 * sizeof(*to));
	to[0] = READ_ONCE(from[0]);
	to[1] = READ_ONCE(from[1]);
	to[2] = READ_ONCE(from[2]);
	to[3] = READ_ONCE(from[3]);
	to[4] = READ_ONCE(from[4]);
	to[5] = READ_ONCE(from[5]);
	to[6] = READ_ONCE(from[6]);
	to[7] = READ_ONCE(from[7]);
}

/* Give the commands on the last buffer the references that they lack. */
static inline void usher_batch_get(struct usher_batch *batch)
{
	if (batch->buf_gets)
		percpu_ref_get_many(&batch->buf->ref, batch->buf_gets);
	batch->buf_gets = 0;
}

/* The reference of a command that is not issued. Perhaps it was the first. */
static noinline void usher_batch_put(struct usher_batch *batch)
{
	usher_batch_get(batch);
	percpu_ref_put(&batch->buf->ref);
	batch->buf = NULL;
}

/* A reference to the buffer @id for one command, or NULL. In an RCU section. */
static inline struct usher_buffer *
usher_batch_buffer(struct usher_ring *ring, struct usher_batch *batch, u32 id)
{
	if (batch->buf && batch->buf_id == id) {
		batch->buf_gets++;
		return batch->buf;
	}
	usher_batch_get(batch);
	batch->buf = usher_bufs_get(&ring->grant->bufs, id);
	batch->buf_id = id;
	return batch->buf;
}

/* Whether PRP entry 2 is a list */
static bool usher_prps_listed(const struct usher_prps *prps, u64 from,
			      u32 bytes)
{
	return ((from + bytes - 1) >> prps->shift) - (from >> prps->shift) > 1;
}

/*
 * An auxiliary page for the command. To fill it takes long, so that the batch
 * is over in any case: interrupts are let through before the next entry.
 */
static struct usher_aux *usher_command_aux(struct usher_ring *ring,
					   struct usher_batch *batch,
					   struct usher_command *c)
{
	batch->over = true;
	c->mem.aux = usher_qpair_get_aux(ring->qp, &ring->share);
	if (c->mem.aux >= 0)
		return &ring->qp->aux[c->mem.aux];
	batch->full = true;
	return NULL;
}

/* Ranges are copied, checked in the copy, and the device reads the copy. */
static int usher_command_snapshot(struct usher_ring *ring,
				  struct usher_batch *batch,
				  struct usher_command *c)
{
	struct usher_aux *aux = usher_command_aux(ring, batch, c);

	if (!aux)
		return -EAGAIN;
	usher_buffer_snapshot(c->mem.buf, le64_to_cpu(c->sqe.dptr.offset),
			      aux->virt, c->v.bytes);
	c->mem.prp1 = aux->dma;
	c->mem.prp2 = 0;
	return usher_guard_ranges(&ring->grant->scope, &c->sqe, aux->virt);
}

/* Data on several pages: two PRPs, or a list in the table or of its own */
static int usher_command_pages(struct usher_ring *ring,
			       struct usher_batch *batch,
			       struct usher_command *c, u64 from)
{
	struct usher_prps *prps = &c->mem.buf->prps;
	struct usher_aux *aux;

	if (usher_prps_map(prps, from, c->v.bytes, &c->mem.prp1, &c->mem.prp2) &&
	    !(usher_own_lists && usher_prps_listed(prps, from, c->v.bytes)))
		return 0;
	aux = usher_command_aux(ring, batch, c);
	if (!aux)
		return -EAGAIN;
	usher_prps_list(prps, from, c->v.bytes, aux->virt);
	c->mem.prp2 = aux->dma;
	return 0;
}

/* Does the buffer hold what a checked command moves? 0, or the refusal */
static u16 usher_command_check_buffer(const struct usher_command *c,
				      const struct usher_buffer *buf)
{
	u64 offset = le64_to_cpu(c->sqe.dptr.offset);

	if (c->v.data == USHER_DATA_WRITES && buf->pin.rdonly)
		return NVME_SC_ACCESS_DENIED | USHER_DNR;
	if (c->v.bytes > buf->length ||
	    offset > buf->length - c->v.bytes)
		return NVME_SC_DATA_XFER_ERROR | USHER_DNR;
	if ((buf->first + offset) & 3)
		return NVME_SC_PRP_INVALID_OFFSET | USHER_DNR;
	return 0;
}

static noinline void usher_ring_refuse(struct usher_ring *ring, __le16 tag,
				       u16 status)
{
	struct usher_qpair *qp = ring->qp;

	trace_usher_refuse(qp, tag, status);
	usher_ring_post(ring, 0, tag, cpu_to_le16(status << 1),
			USHER_CQE_REFUSED);
	ring->refused++;
	usher_share_mark(qp, &ring->share);
}

static __always_inline void usher_ring_issue(struct usher_ring *ring,
					     const struct usher_sqe *sqe,
					     const struct usher_memory *mem,
					     unsigned long deadline)
{
	struct usher_qpair *qp = ring->qp;
	struct usher_slot *slot = usher_slot_take(qp);

	slot->share = &ring->share;
	slot->buf = mem->buf;
	slot->aux = mem->aux;
	slot->tag = sqe->cid;
	slot->deadline = deadline;
	usher_guard_build(sqe, slot->cid, mem->prp1, mem->prp2,
			  usher_slot_command(qp));
	trace_usher_submit(qp, slot, usher_slot_command(qp));
	usher_slot_submit(qp);
}

/* All of its data are in one page of the controller's. */
static __always_inline void usher_ring_issue_one(struct usher_ring *ring,
						 struct usher_batch *batch,
						 struct usher_buffer *buf,
						 u64 from)
{
	const struct usher_memory mem = {
		.buf = buf,
		.prp1 = usher_prps_bus(&buf->prps, from),
		.aux = -1,
	};

	usher_ring_issue(ring, &ring->command.sqe, &mem, batch->deadline);
}

/*
 * A checked command whose memory takes more than PRP entry 1, or that has none:
 * out of line, so that the others find what they need in registers.
 */
static noinline int usher_ring_take_long(struct usher_ring *ring,
					 struct usher_batch *batch,
					 struct usher_buffer *buf, u64 from)
{
	struct usher_command *c = &ring->command;
	int ret = 0;

	c->mem = (struct usher_memory) { .buf = buf, .aux = -1 };
	if (c->v.data == USHER_DATA_SNAPSHOT)
		ret = usher_command_snapshot(ring, batch, c);
	else if (c->v.data != USHER_DATA_NONE)
		ret = usher_command_pages(ring, batch, c, from);
	if (!ret)
		usher_ring_issue(ring, &c->sqe, &c->mem, batch->deadline);
	else if (c->mem.aux >= 0)
		__set_bit(c->mem.aux, ring->qp->aux_free);
	return ret;
}

/*
 * The memory of a checked command, and then the command to the queue. Returns 0,
 * the status of a refusal, or -EAGAIN when it must wait; in both of these it holds
 * nothing.
 */
static inline int usher_ring_take_data(struct usher_ring *ring,
				       struct usher_batch *batch)
{
	struct usher_command *c = &ring->command;
	struct usher_buffer *buf;
	u64 from;
	int ret;

	buf = usher_batch_buffer(ring, batch, le32_to_cpu(c->sqe.dptr.buf));
	if (!buf)
		return NVME_SC_INVALID_FIELD | USHER_DNR;
	ret = usher_command_check_buffer(c, buf);
	if (unlikely(ret))
		goto put;
	from = buf->first + le64_to_cpu(c->sqe.dptr.offset);
	if (unlikely(c->v.data == USHER_DATA_SNAPSHOT ||
		     !usher_prps_in_one(&buf->prps, from, c->v.bytes))) {
		ret = usher_ring_take_long(ring, batch, buf, from);
		if (unlikely(ret))
			goto put;
		return 0;
	}
	usher_ring_issue_one(ring, batch, buf, from);
	return 0;

put:
	usher_batch_put(batch);
	return ret;
}

/*
 * One entry: to the queue (1), or its refusal to the completion ring (0).
 * -EAGAIN when it must wait; then it holds nothing.
 */
static inline int usher_ring_take_one(struct usher_ring *ring, u32 index,
				      struct usher_batch *batch)
{
	struct usher_command *c = &ring->command;
	int ret;

	usher_ring_read(ring, index, &c->sqe);
	ret = usher_guard_check(&ring->grant->scope, &c->sqe, &c->v);
	if (unlikely(ret))
		goto refuse;
	if (likely(c->v.data != USHER_DATA_NONE))
		ret = usher_ring_take_data(ring, batch);
	else
		ret = usher_ring_take_long(ring, batch, NULL, 0);
	if (unlikely(ret < 0))
		return ret;
	if (unlikely(ret))
		goto refuse;
	return 1;

refuse:
	usher_ring_refuse(ring, c->sqe.cid, ret);
	return 0;
}

/*
 * Up to @want entries, with the queue's lock held. The guard runs under it:
 * that is short, and one pass over an entry costs less than two.
 */
static void usher_ring_take_batch(struct usher_ring *ring, u32 want, bool turn,
				  struct usher_batch *batch)
{
	struct usher_qpair *qp = ring->qp;
	u32 slots = usher_qpair_reserve(qp, &ring->share, want, turn);
	u32 first = ring->sq_head, n = 0, issued = 0;
	int ret;

	*batch = (struct usher_batch) {
		.deadline = (jiffies + usher_timeout()) | 1,
		.full = !slots,
	};
	/* For usher_bufs_get() */
	rcu_read_lock();
	while (n < slots && !batch->over) {
		ret = usher_ring_take_one(ring, first + n, batch);
		if (unlikely(ret < 0))
			break;
		issued += ret;
		n++;
	}
	usher_batch_get(batch);
	rcu_read_unlock();
	batch->taken = n;
	if (slots != issued)
		usher_qpair_unreserve(qp, &ring->share, slots - issued);
}

/*
 * Take what was handed over, as far as slots and places for completions go.
 * In a section, ring.lock held. Returns how many entries were taken.
 */
u32 usher_ring_submit(struct usher_ring *ring, u32 most, bool turn)
{
	struct usher_qpair *qp = ring->qp;
	struct usher_batch *batch = &ring->batch;
	u32 want, taken = 0;
	bool last;

	lockdep_assert_held(&ring->lock);
	most = min3(most, ring->sq_want - ring->sq_head,
		    usher_ring_cq_space(ring));
	while (taken < most) {
		want = min(most - taken, (u32)USHER_BATCH);
		spin_lock_irq(&qp->lock);
		usher_ring_take_batch(ring, want, turn, batch);
		last = batch->full || batch->taken == most - taken;
		if (last)
			usher_qpair_doorbell(qp);
		/* Before their completions are shown, and waiters woken for them */
		WRITE_ONCE(ring->accepted, ring->accepted + batch->taken);
		WRITE_ONCE(ring->sq_head, ring->sq_head + batch->taken);
		/* Pairs with the process's acquire: the entries may be reused. */
		smp_store_release(&ring->ctl->sq_head, ring->sq_head);
		if (qp->dirty)
			usher_qpair_flush(qp);
		spin_unlock_irq(&qp->lock);

		taken += batch->taken;
		if (last)
			break;
		cond_resched();
	}
	/* Those who wait for entries to be taken, by whomever */
	if (taken && wq_has_sleeper(&ring->wait))
		wake_up_poll(&ring->wait, EPOLLOUT | EPOLLWRNORM);
	return taken;
}

/* Our turn among the rings that wait for slots; called by usher_qpair_serve() */
static u32 usher_ring_serve(struct usher_share *share, u32 budget)
{
	struct usher_ring *ring = to_ring(share);
	u32 taken = 0;

	mutex_lock(&ring->lock);
	if (!ring->broken && !READ_ONCE(ring->grant->dead) &&
	    !usher_ring_look(ring, 0)) {
		taken = usher_ring_submit(ring, budget, true);
		if (taken == budget && ring->sq_want != ring->sq_head)
			usher_qpair_wait(ring->qp, share);
	}
	mutex_unlock(&ring->lock);
	usher_ring_put(ring);
	return taken;
}

const struct usher_qpair_ops usher_ring_ops = {
	.complete	= usher_ring_complete,
	.flush		= usher_ring_flush,
	.serve		= usher_ring_serve,
	.idle		= usher_ring_idle,
	.get		= usher_ring_get,
};

/* Wake everyone on a queue pair's rings: the device's state changed. */
void usher_rings_wake(struct usher_qpair *qp, bool gone)
{
	struct usher_share *share;

	spin_lock_irq(&qp->lock);
	list_for_each_entry(share, &qp->shares, rings) {
		struct usher_ring *ring = to_ring(share);

		usher_ring_show_state(ring);
		wake_up_poll(&ring->wait, EPOLLIN | EPOLLOUT | EPOLLERR |
			     (gone ? EPOLLHUP : 0));
		if (gone && ring->eventfd)
			usher_eventfd_signal(ring->eventfd);
	}
	spin_unlock_irq(&qp->lock);
}
