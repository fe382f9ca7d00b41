// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hardware queues: slots, doorbells, completions, and who gets a slot next.
 *
 * Nothing here knows what a ring or an admin command is: a slot's owner is
 * reached through usher_qpair.ops.
 */
#include <linux/dmapool.h>
#include <linux/interrupt.h>
#include <linux/nospec.h>
#include <linux/slab.h>

#include "trace.h"
#include "usher.h"

/* Commands that one ring may submit before the next waiting one has its turn */
#define USHER_SERVE_BUDGET	8

/* Impossible completions in a row after which the controller is reset */
#define USHER_MAX_BOGUS		8

/* ---- slots ---- */

/* The CID comes from the device: any value is possible. */
struct usher_slot *usher_slot_lookup(struct usher_qpair *qp, u16 cid)
{
	u32 index = cid & USHER_SLOT_MASK;
	struct usher_slot *slot;

	if (index >= qp->depth - 1)
		return NULL;
	slot = &qp->slots[array_index_nospec(index, qp->depth - 1)];
	if (!slot->busy || slot->cid != cid)
		return NULL;
	return slot;
}

static void usher_share_hold(struct usher_qpair *qp, struct usher_share *share,
			     u32 n)
{
	if (n && !share->held)
		qp->nr_idle--;
	WRITE_ONCE(share->held, share->held + n);
}

static inline void usher_share_release(struct usher_qpair *qp,
				       struct usher_share *share, u32 n)
{
	WRITE_ONCE(share->held, share->held - n);
	if (!n || share->held)
		return;
	qp->nr_idle++;
	if (unlikely(share->closed))
		qp->ops->idle(share);
}

/**
 * struct usher_puts - references to one buffer that are put together
 * @buf: the buffer, or NULL
 * @n: how many
 *
 * Commands on the same memory mostly complete one after the other.
 */
struct usher_puts {
	struct usher_buffer	*buf;
	u32			n;
};

static noinline void usher_puts_flush(struct usher_buffer *buf, u32 n)
{
	if (buf)
		percpu_ref_put_many(&buf->ref, n);
}

static inline void usher_puts_add(struct usher_puts *puts,
				  struct usher_buffer *buf)
{
	if (puts->buf != buf) {
		if (puts->n)
			usher_puts_flush(puts->buf, puts->n);
		puts->n = 0;
		puts->buf = buf;
	}
	puts->n++;
}

static inline void usher_slot_free(struct usher_qpair *qp,
				   struct usher_slot *slot,
				   struct usher_puts *puts)
{
	struct usher_share *share = slot->share;

	usher_puts_add(puts, slot->buf);
	if (unlikely(slot->aux >= 0))
		__set_bit(slot->aux, qp->aux_free);
	slot->busy = false;
	qp->free[qp->nr_free++] = slot->cid & USHER_SLOT_MASK;
	slot->cid += BIT(USHER_SLOT_BITS);
	if (share)
		usher_share_release(qp, share, 1);
}

/* ---- sharing ---- */

void usher_share_init(struct usher_share *share)
{
	INIT_LIST_HEAD(&share->rings);
	INIT_LIST_HEAD(&share->waiting);
}

int usher_share_join(struct usher_qpair *qp, struct usher_share *share)
{
	int ret = 0;

	spin_lock_irq(&qp->lock);
	if (qp->nr_shares < qp->depth - 1) {
		qp->nr_shares++;
		qp->nr_idle++;
		list_add_tail(&share->rings, &qp->shares);
	} else {
		ret = -EBUSY;
	}
	spin_unlock_irq(&qp->lock);
	return ret;
}

/* The share holds no slot any more. */
void usher_share_leave(struct usher_qpair *qp, struct usher_share *share)
{
	spin_lock_irq(&qp->lock);
	list_del_init(&share->rings);
	qp->nr_shares--;
	qp->nr_idle--;
	spin_unlock_irq(&qp->lock);
}

/*
 * No more commands will come. True when nothing is in flight; otherwise the
 * last completion calls ops->idle().
 */
bool usher_share_close(struct usher_qpair *qp, struct usher_share *share)
{
	bool idle;

	spin_lock_irq(&qp->lock);
	share->closed = true;
	list_del_init(&share->waiting);
	idle = !share->held;
	spin_unlock_irq(&qp->lock);
	return idle;
}

/*
 * Several rings on one queue: each may hold twice its even part, so that slots
 * do not lie idle while few of them are busy. Those that hold nothing count as
 * one: whichever of them comes next finds room, and a thousand that never come
 * cost no more than one.
 */
static u32 usher_share_cap(const struct usher_qpair *qp,
			   const struct usher_share *share)
{
	u32 idle = qp->nr_idle - !share->held;
	u32 parts = qp->nr_shares - idle + !!idle;
	u32 slots = qp->depth - 1;

	if (parts <= 1)
		return slots;
	return max(1U, slots * 2 / (parts + 1));
}

static void usher_share_wait(struct usher_qpair *qp, struct usher_share *share)
{
	if (share->closed || !list_empty(&share->waiting))
		return;
	share->turn = 0;
	list_add_tail(&share->waiting, &qp->waiters);
}

/*
 * A turn for which no slot was left. It goes on at the head of the list when
 * there are some: where slots come back a few at a time, always the same ring
 * might get the rest of them otherwise, and call it a turn.
 */
static void usher_share_wait_on(struct usher_qpair *qp,
				struct usher_share *share)
{
	u32 left = share->turn;

	if (share->closed || !list_empty(&share->waiting))
		return;
	usher_share_wait(qp, share);
	if (left && share->held < usher_share_cap(qp, share)) {
		share->turn = left;
		list_move(&share->waiting, &qp->waiters);
	}
}

/* What may be had of a queue that several rings share */
static u32 usher_share_part(const struct usher_qpair *qp,
			    const struct usher_share *share, bool turn)
{
	u32 cap = usher_share_cap(qp, share);
	u32 avail = qp->nr_free;
	u32 others = qp->nr_idle - !share->held;
	u32 n;

	if (share->held >= cap)
		return 0;
	/* Do not pass others who wait, unless for the one slot that is owed. */
	if (!turn && !list_empty(&qp->waiters) &&
	    !(list_is_singular(&qp->waiters) && !list_empty(&share->waiting)))
		return !share->held && avail;
	n = avail > others ? avail - others : 0;
	if (!n && !share->held && avail)
		n = 1;
	return min(n, cap - share->held);
}

static u32 usher_share_allowance(const struct usher_qpair *qp,
				 const struct usher_share *share, bool turn)
{
	if (qp->stopped || share->closed)
		return 0;
	/* Most rings are alone. */
	if (qp->nr_shares == 1)
		return qp->nr_free;
	return usher_share_part(qp, share, turn);
}

/**
 * usher_qpair_reserve - slots for a batch of a share
 * @qp: queue pair, its lock held until the batch is submitted
 * @share: who wants them
 * @want: how many, not zero
 * @turn: the share was first among the waiters
 *
 * Return: how many it may take. With 0 the share waits in the queue's list.
 */
u32 usher_qpair_reserve(struct usher_qpair *qp, struct usher_share *share,
			u32 want, bool turn)
{
	u32 n;

	lockdep_assert_held(&qp->lock);
	n = min(want, usher_share_allowance(qp, share, turn));
	usher_share_hold(qp, share, n);
	if (turn)
		share->turn -= min(n, share->turn);
	if (!n && turn)
		usher_share_wait_on(qp, share);
	else if (!n)
		usher_share_wait(qp, share);
	return n;
}

/* Give back what the batch did not use; qpair.lock held. */
void usher_qpair_unreserve(struct usher_qpair *qp, struct usher_share *share,
			   u32 n)
{
	lockdep_assert_held(&qp->lock);
	usher_share_release(qp, share, n);
}

/* The share has more to submit, in its turn. */
void usher_qpair_wait(struct usher_qpair *qp, struct usher_share *share)
{
	spin_lock_irq(&qp->lock);
	usher_share_wait(qp, share);
	spin_unlock_irq(&qp->lock);
}

/* An auxiliary page, or -1: then the share waits for one. qpair.lock held. */
int usher_qpair_get_aux(struct usher_qpair *qp, struct usher_share *share)
{
	int aux;

	lockdep_assert_held(&qp->lock);
	aux = find_first_bit(qp->aux_free, qp->nr_aux);
	if (aux == qp->nr_aux) {
		usher_share_wait(qp, share);
		return -1;
	}
	__clear_bit(aux, qp->aux_free);
	return aux;
}

void usher_qpair_put_aux(struct usher_qpair *qp, int aux)
{
	spin_lock_irq(&qp->lock);
	__set_bit(aux, qp->aux_free);
	spin_unlock_irq(&qp->lock);
}

/* The first that can have slots: one that has its part already bars no other. */
static struct usher_share *usher_qpair_first_waiter(struct usher_qpair *qp)
{
	struct usher_share *share;

	if (!qp->nr_free)
		return NULL;
	list_for_each_entry(share, &qp->waiters, waiting)
		if (usher_share_allowance(qp, share, true))
			return share;
	return NULL;
}

static struct usher_share *usher_qpair_next_waiter(struct usher_qpair *qp,
						   u32 *budget)
{
	struct usher_share *share;

	spin_lock_irq(&qp->lock);
	share = usher_qpair_first_waiter(qp);
	if (share) {
		if (!share->turn)
			share->turn = USHER_SERVE_BUDGET;
		*budget = share->turn;
		list_del_init(&share->waiting);
		qp->ops->get(share);
	}
	spin_unlock_irq(&qp->lock);
	return share;
}

/* Each waiting share has a turn. Returns how many entries were taken. */
static u32 usher_qpair_serve_round(struct usher_qpair *qp)
{
	u32 left = READ_ONCE(qp->nr_shares), taken = 0;
	struct usher_share *share;
	u32 budget;

	while (left--) {
		share = usher_qpair_next_waiter(qp, &budget);
		if (!share)
			break;
		taken += qp->ops->serve(share, budget);
	}
	return taken;
}

/**
 * usher_qpair_serve - let waiting shares submit, each in its turn
 * @qp: queue pair
 *
 * Called in a section, without any ring's mutex. A share that is still not
 * satisfied goes to the end of the list; it is over when a round brought
 * nothing. Whoever calls does it for others, so after a queue's depth of
 * entries a work item goes on.
 */
void usher_qpair_serve(struct usher_qpair *qp)
{
	u32 taken = 0, n;

	do {
		n = usher_qpair_serve_round(qp);
		taken += n;
	} while (n && taken < qp->depth);
	if (n)
		queue_work(usher_wq, &qp->serve_work);
}

static void usher_qpair_serve_work(struct work_struct *work)
{
	struct usher_qpair *qp = container_of(work, struct usher_qpair,
					      serve_work);
	int idx;

	if (usher_enter(qp->ud, &idx))
		return;
	usher_qpair_serve(qp);
	usher_leave(qp->ud, idx);
}

/* ---- doorbells ---- */

/*
 * NVMe Base Specification, "Doorbell Buffer Config": the device asks for the
 * register write by the event index that it last stored.
 */
static bool usher_db_needs_event(u16 event, u16 value, u16 old)
{
	return (u16)(value - event - 1) < (u16)(value - old);
}

static void usher_db_ring(void __iomem *db, __le32 *shadow,
			  const __le32 *event, u16 value, u16 old)
{
	if (shadow) {
		/* The device must see the entries before the shadow's value. */
		dma_wmb();
		WRITE_ONCE(*shadow, cpu_to_le32(value));
		/*
		 * Store the shadow before loading the event index; pairs with
		 * the device, which stores the index before it looks at the
		 * shadow for the last time.
		 */
		mb();
		if (!usher_db_needs_event(le32_to_cpu(READ_ONCE(*event)),
					  value, old))
			return;
	}
	writel(value, db);
}

/* Tell the device of all commands since the last time; qpair.lock held. */
void usher_qpair_doorbell(struct usher_qpair *qp)
{
	lockdep_assert_held(&qp->lock);

	if (qp->sq_tail == qp->db_tail || qp->stopped)
		return;
	usher_db_ring(qp->sq_db, qp->db.sq, qp->db.sq_event, qp->sq_tail,
		      qp->db_tail);
	qp->db_tail = qp->sq_tail;
}

/* ---- completions ---- */

/* Show and announce what was posted in this pass; qpair.lock held. */
void usher_qpair_flush(struct usher_qpair *qp)
{
	struct usher_share *share;

	while ((share = qp->dirty)) {
		qp->dirty = share->next_dirty;
		share->dirty = false;
		qp->ops->flush(share);
	}
}

static noinline void usher_qpair_bogus(struct usher_qpair *qp)
{
	if (++qp->bogus == USHER_MAX_BOGUS)
		usher_device_fault(qp->ud, "impossible completions");
}

/* One entry whose phase said that it is new. False when it is impossible. */
static inline bool usher_qpair_complete(struct usher_qpair *qp,
					const struct nvme_completion *hw,
					u16 status, struct usher_puts *puts)
{
	__le16 without_phase = cpu_to_le16(status & ~1);
	struct usher_slot *slot;
	__le64 result;

	/* Pairs with the device, which writes the phase last. */
	dma_rmb();
	result = READ_ONCE(hw->result.u64);
	slot = usher_slot_lookup(qp, READ_ONCE(hw->command_id));
	if (unlikely(!slot)) {
		usher_qpair_bogus(qp);
		return false;
	}
	qp->bogus = 0;
	trace_usher_complete(qp, slot, without_phase, 0);
	qp->ops->complete(qp, slot, result, without_phase, 0);
	usher_slot_free(qp, slot, puts);
	return true;
}

/**
 * usher_qpair_reap - take new completions, at most a queue's depth
 * @qp: queue pair, its lock held
 *
 * Return: how many entries the device had written.
 */
u32 usher_qpair_reap(struct usher_qpair *qp)
{
	u32 n = 0, done = 0, head = qp->cq_head, depth = qp->depth;
	struct usher_puts puts = {};
	u8 phase = qp->phase;

	lockdep_assert_held(&qp->lock);

	if (qp->stopped)
		return 0;
	while (n < depth) {
		const struct nvme_completion *hw = &qp->cq[head];
		u16 status = le16_to_cpu(READ_ONCE(hw->status));

		if ((status & 1) != phase)
			break;
		done += usher_qpair_complete(qp, hw, status, &puts);
		n++;
		if (++head == depth) {
			head = 0;
			phase ^= 1;
		}
	}
	if (n) {
		usher_puts_flush(puts.buf, puts.n);
		WRITE_ONCE(qp->completed, qp->completed + done);
		/* usher_qpair_pending() looks without the lock. */
		WRITE_ONCE(qp->phase, phase);
		WRITE_ONCE(qp->cq_head, head);
		usher_db_ring(qp->cq_db, qp->db.cq, qp->db.cq_event,
			      qp->cq_head, qp->db_head);
		qp->db_head = qp->cq_head;
		qp->reaped = true;
		usher_qpair_flush(qp);
	}
	return n;
}

/**
 * usher_qpair_stop - take what the device completed, then fail the rest
 * @qp: queue pair; the device was told to stop, no section submits to it
 * @leak: there is no proof that the device no longer reaches memory: what is
 *	in flight keeps its pages for ever (promise 3)
 */
void usher_qpair_stop(struct usher_qpair *qp, bool leak)
{
	const __le16 status = cpu_to_le16(NVME_SC_HOST_ABORTED_CMD << 1);
	struct usher_puts puts = {};
	u32 i;

	spin_lock_irq(&qp->lock);
	usher_qpair_reap(qp);
	qp->stopped = true;
	for (i = 0; i < qp->depth - 1; i++) {
		struct usher_slot *slot = &qp->slots[i];

		if (!slot->busy)
			continue;
		if (slot->buf && leak)
			WRITE_ONCE(slot->buf->leaked, true);
		trace_usher_complete(qp, slot, status, USHER_CQE_DRIVER);
		qp->ops->complete(qp, slot, 0, status, USHER_CQE_DRIVER);
		usher_slot_free(qp, slot, &puts);
	}
	usher_puts_flush(puts.buf, puts.n);
	usher_qpair_flush(qp);
	spin_unlock_irq(&qp->lock);
}

/* ---- watchdog ---- */

static struct usher_slot *usher_qpair_late(struct usher_qpair *qp)
{
	u32 i;

	for (i = 0; i < qp->depth - 1; i++) {
		struct usher_slot *slot = &qp->slots[i];

		if (slot->busy && slot->deadline &&
		    time_after(jiffies, slot->deadline))
			return slot;
	}
	return NULL;
}

/**
 * usher_qpair_expire - abort what is late
 * @qp: queue pair
 * @timeout: what an aborted command has left, in jiffies
 *
 * Return: true when aborting did not help, or is not possible.
 */
bool usher_qpair_expire(struct usher_qpair *qp, unsigned long timeout)
{
	struct usher_slot *slot;
	u16 cid;

	for (;;) {
		spin_lock_irq(&qp->lock);
		/* Perhaps only the interrupt, or the poller, is missing. */
		usher_qpair_reap(qp);
		slot = qp->stopped ? NULL : usher_qpair_late(qp);
		if (!slot || !qp->qid || slot->aborted)
			break;
		slot->aborted = true;
		slot->deadline = jiffies + timeout;
		cid = slot->cid;
		spin_unlock_irq(&qp->lock);
		usher_nvme_abort(qp, cid);
	}
	spin_unlock_irq(&qp->lock);
	return slot;
}

/* ---- interrupts ---- */

static irqreturn_t usher_qpair_irq(int irq, void *data)
{
	struct usher_qpair *qp = data;
	bool wanted, ours;

	spin_lock(&qp->lock);
	wanted = usher_qpair_reap(qp) && !list_empty(&qp->waiters);
	/* Also when somebody else was there first */
	ours = qp->reaped;
	qp->reaped = false;
	spin_unlock(&qp->lock);

	if (wanted)
		queue_work(usher_wq, &qp->serve_work);
	return ours ? IRQ_HANDLED : IRQ_NONE;
}

int usher_qpair_request_irq(struct usher_qpair *qp)
{
	struct usher_device *ud = qp->ud;
	u32 io_vectors = ud->nr_vectors - 1;
	unsigned long flags = 0;
	int ret;

	/* Vector 0 is the admin queue's, unless it is the only one. */
	if (qp->qid && io_vectors)
		qp->vector = 1 + (qp->qid - 1) % io_vectors;
	else
		qp->vector = 0;
	if (!io_vectors || (qp->qid && io_vectors < ud->nr_queues))
		flags = IRQF_SHARED;
	qp->irq = pci_irq_vector(ud->pdev, qp->vector);
	snprintf(qp->name, sizeof(qp->name), "usher%dq%u", ud->id, qp->qid);
	ret = request_irq(qp->irq, usher_qpair_irq, flags, qp->name, qp);
	if (ret)
		return ret;
	qp->has_irq = true;
	return 0;
}

void usher_qpair_free_irq(struct usher_qpair *qp)
{
	if (!qp->has_irq)
		return;
	irq_set_affinity_hint(qp->irq, NULL);
	free_irq(qp->irq, qp);
	qp->has_irq = false;
}

/* ---- life ---- */

static void usher_qpair_free_aux(struct usher_qpair *qp)
{
	u32 i;

	for (i = 0; i < qp->nr_aux && qp->aux[i].virt; i++)
		dma_pool_free(qp->ud->prp_pool, qp->aux[i].virt,
			      qp->aux[i].dma);
	bitmap_free(qp->aux_free);
	kfree(qp->aux);
}

static int usher_qpair_alloc_aux(struct usher_qpair *qp)
{
	u32 i;

	if (!qp->nr_aux)
		return 0;
	qp->aux = kcalloc(qp->nr_aux, sizeof(*qp->aux), GFP_KERNEL);
	qp->aux_free = bitmap_alloc(qp->nr_aux, GFP_KERNEL);
	if (!qp->aux || !qp->aux_free)
		goto err;
	for (i = 0; i < qp->nr_aux; i++) {
		qp->aux[i].virt = dma_pool_alloc(qp->ud->prp_pool, GFP_KERNEL,
						 &qp->aux[i].dma);
		if (!qp->aux[i].virt)
			goto err;
	}
	bitmap_fill(qp->aux_free, qp->nr_aux);
	return 0;
err:
	if (qp->aux)
		usher_qpair_free_aux(qp);
	else
		bitmap_free(qp->aux_free);
	return -ENOMEM;
}

static int usher_qpair_alloc_slots(struct usher_qpair *qp)
{
	u32 i;

	qp->slots = kvcalloc(qp->depth - 1, sizeof(*qp->slots), GFP_KERNEL);
	qp->free = kcalloc(qp->depth - 1, sizeof(*qp->free), GFP_KERNEL);
	if (!qp->slots || !qp->free) {
		kvfree(qp->slots);
		kfree(qp->free);
		return -ENOMEM;
	}
	/* The lowest index lies on top. */
	for (i = 0; i < qp->depth - 1; i++) {
		qp->slots[i].cid = i;
		qp->free[i] = qp->depth - 2 - i;
	}
	qp->nr_free = qp->depth - 1;
	return 0;
}

static void usher_qpair_set_doorbells(struct usher_qpair *qp)
{
	struct usher_device *ud = qp->ud;
	u32 sq = 2 * qp->qid * ud->db_stride;
	u32 cq = (2 * qp->qid + 1) * ud->db_stride;

	qp->sq_db = ud->bar + NVME_REG_DBS + sq;
	qp->cq_db = ud->bar + NVME_REG_DBS + cq;
	/* The admin queue's doorbells have no shadow. */
	if (qp->qid && ud->dbbuf_on) {
		qp->db.sq = (void *)ud->dbbuf_dbs + sq;
		qp->db.cq = (void *)ud->dbbuf_dbs + cq;
		qp->db.sq_event = (void *)ud->dbbuf_eis + sq;
		qp->db.cq_event = (void *)ud->dbbuf_eis + cq;
	} else {
		memset(&qp->db, 0, sizeof(qp->db));
	}
}

/**
 * usher_qpair_reset - back to how a new queue starts
 * @qp: queue pair without a command in flight, unknown to the device
 */
void usher_qpair_reset(struct usher_qpair *qp)
{
	spin_lock_irq(&qp->lock);
	memset(qp->cq, 0, qp->depth * sizeof(*qp->cq));
	qp->sq_tail = 0;
	qp->db_tail = 0;
	qp->cq_head = 0;
	qp->db_head = 0;
	qp->phase = 1;
	qp->bogus = 0;
	usher_qpair_set_doorbells(qp);
	if (qp->db.sq) {
		*qp->db.sq = 0;
		*qp->db.cq = 0;
		*qp->db.sq_event = 0;
		*qp->db.cq_event = 0;
	}
	spin_unlock_irq(&qp->lock);
}

struct usher_qpair *usher_qpair_alloc(struct usher_device *ud, u16 qid,
				      u16 depth, u32 nr_aux,
				      const struct usher_qpair_ops *ops)
{
	struct usher_qpair *qp;

	qp = kzalloc(sizeof(*qp), GFP_KERNEL);
	if (!qp)
		return NULL;
	spin_lock_init(&qp->lock);
	INIT_LIST_HEAD(&qp->shares);
	INIT_LIST_HEAD(&qp->waiters);
	INIT_WORK(&qp->serve_work, usher_qpair_serve_work);
	qp->ud = ud;
	qp->ops = ops;
	qp->qid = qid;
	qp->depth = depth;
	qp->nr_aux = nr_aux;
	qp->stopped = true;

	if (usher_qpair_alloc_slots(qp))
		goto free_qp;
	if (usher_qpair_alloc_aux(qp))
		goto free_slots;
	qp->sq = dma_alloc_coherent(&ud->pdev->dev, depth * sizeof(*qp->sq),
				    &qp->sq_dma, GFP_KERNEL);
	if (!qp->sq)
		goto free_aux;
	qp->cq = dma_alloc_coherent(&ud->pdev->dev, depth * sizeof(*qp->cq),
				    &qp->cq_dma, GFP_KERNEL);
	if (!qp->cq)
		goto free_sq;
	usher_qpair_reset(qp);
	return qp;

free_sq:
	dma_free_coherent(&ud->pdev->dev, depth * sizeof(*qp->sq), qp->sq,
			  qp->sq_dma);
free_aux:
	usher_qpair_free_aux(qp);
free_slots:
	kvfree(qp->slots);
	kfree(qp->free);
free_qp:
	kfree(qp);
	return NULL;
}

/**
 * usher_qpair_free_dma - free what the device reached
 * @qp: queue pair that is stopped
 *
 * Before remove() returns, while rings may still hold on to @qp.
 */
void usher_qpair_free_dma(struct usher_qpair *qp)
{
	struct device *dev = &qp->ud->pdev->dev;

	dma_free_coherent(dev, qp->depth * sizeof(*qp->cq), qp->cq, qp->cq_dma);
	dma_free_coherent(dev, qp->depth * sizeof(*qp->sq), qp->sq, qp->sq_dma);
	usher_qpair_free_aux(qp);
}

/* The last ring let go of it. */
void usher_qpair_free(struct usher_qpair *qp)
{
	kvfree(qp->slots);
	kfree(qp->free);
	kfree(qp);
}
