// SPDX-License-Identifier: GPL-2.0-only
/*
 * The turns of rings that wait for slots. Whoever gave slots back lets those
 * submit who wait for them: at once in a call, by a work item after an interrupt.
 * nvme/client.c says whose turn it is.
 */
#include "core/device.h"
#include "core/wq.h"
#include "grant/buffer.h"
#include "grant/grant.h"
#include "nvme/qpair.h"
#include "nvme/qpair_ops.h"
#include "ring/complete.h"
#include "ring/indices.h"
#include "ring/ring.h"
#include "ring/submit.h"
#include "ring/turn.h"

/* The ring that missed its turn is free: it has it now, by the work item. */
void usher_ring_resume_turn(struct usher_ring *ring)
{
	struct usher_qpair *qp = ring->qp;
	bool resumed;

	spin_lock_irq(&qp->lock);
	resumed = usher_client_resume(&qp->clients, &ring->client);
	spin_unlock_irq(&qp->lock);
	if (resumed)
		queue_work(usher_wq, &qp->work);
}

/* Somebody holds the ring, perhaps for long. */
static void usher_ring_miss_turn(struct usher_ring *ring)
{
	spin_lock_irq(&ring->qp->lock);
	usher_client_miss_turn(&ring->client);
	spin_unlock_irq(&ring->qp->lock);
	/* Pairs with the one in usher_ring_unlock(). */
	smp_mb();
	if (!mutex_is_locked(&ring->lock))
		usher_ring_resume_turn(ring);
}

/**
 * usher_ring_queue_turn - a ring has entries that were handed over: it waits for its turn
 * @ring: the ring
 *
 * Who ends a reset runs the turns of all queues, the work item those of a live device.
 *
 * Context: any.
 */
void usher_ring_queue_turn(struct usher_ring *ring)
{
	struct usher_qpair *qp = ring->qp;
	unsigned long flags;

	spin_lock_irqsave(&qp->lock, flags);
	usher_client_wait(&qp->clients, &ring->client);
	spin_unlock_irqrestore(&qp->lock, flags);
	queue_work(usher_wq, &qp->work);
}

/* The ring's turn, its lock held */
static u32 usher_ring_run_turn(struct usher_ring *ring, u32 budget)
{
	struct usher_qpair *qp = ring->qp;
	bool wants_more = false;
	u32 taken = 0;

	if (!ring->broken && !READ_ONCE(ring->grant->dead) &&
	    !usher_ring_read_indices(ring, 0)) {
		taken = usher_ring_submit(ring, budget, USHER_IN_TURN);
		wants_more = taken == budget && ring->sq_submitted != ring->sq_head;
	}
	spin_lock_irq(&qp->lock);
	usher_client_end_turn(&qp->clients, &ring->client, wants_more);
	spin_unlock_irq(&qp->lock);
	return taken;
}

/* Our turn among the rings that wait for slots: usher_qpair_run_turns() */
static u32 usher_ring_take_turn(struct usher_client *client, u32 budget)
{
	struct usher_ring *ring = to_usher_ring(client);
	u32 taken = 0;

	if (mutex_trylock(&ring->lock)) {
		taken = usher_ring_run_turn(ring, budget);
		usher_ring_unlock(ring);
	} else {
		usher_ring_miss_turn(ring);
	}
	usher_ring_put(ring);
	return taken;
}

static void usher_ring_get_client(struct usher_client *client)
{
	usher_ring_get(to_usher_ring(client));
}

static void usher_ring_put_client(struct usher_client *client)
{
	usher_ring_put(to_usher_ring(client));
}

static void usher_ring_fault(struct usher_qpair *qp, const char *why)
{
	usher_dev_fault(qp->ctrl->ud, why);
}

static void usher_ring_lost(struct usher_slot *slot)
{
	usher_buffer_lose(container_of(slot->mem, struct usher_buffer, ref));
}

const struct usher_qpair_ops usher_ring_ops = {
	.complete	= usher_ring_complete,
	.publish	= usher_ring_publish,
	.tell		= usher_ring_tell,
	.fault		= usher_ring_fault,
	.lost		= usher_ring_lost,
	.get		= usher_ring_get_client,
	.put		= usher_ring_put_client,
	.take_turn	= usher_ring_take_turn,
};

/* usher_qpair.work: an interrupt gave slots back, or there was too much for it. */
void usher_ring_work(struct work_struct *work)
{
	struct usher_qpair *qp = container_of(work, struct usher_qpair, work);
	struct usher_device *ud = qp->ctrl->ud;
	int idx;

	/* Also of a device that takes no command now */
	usher_qpair_tell(qp);
	if (usher_dev_enter(ud, &idx))
		return;
	usher_qpair_poll(qp);
	usher_qpair_run_turns(qp);
	usher_dev_exit(ud, idx);
}

/**
 * usher_ring_reap - reap a ring's queue, and let those submit who waited
 * @ring: the ring; in a section, without any ring's lock
 */
void usher_ring_reap(struct usher_ring *ring)
{
	if (usher_qpair_poll(ring->qp))
		usher_qpair_run_turns(ring->qp);
}

/* The same, in a section of its own: 0, also during a reset, or -ENODEV */
int usher_ring_poll_queue(struct usher_ring *ring)
{
	int idx, ret;

	ret = usher_dev_enter(ring->ud, &idx);
	if (ret)
		return ret == -EAGAIN ? 0 : ret;
	usher_ring_reap(ring);
	usher_dev_exit(ring->ud, idx);
	return 0;
}
