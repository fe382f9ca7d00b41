// SPDX-License-Identifier: GPL-2.0-only
/*
 * ENTER: hand over entries, have them taken, and wait.
 */
#include <linux/ktime.h>

#include "core/device.h"
#include "nvme/qpair.h"
#include "ring/enter.h"
#include "ring/indices.h"
#include "ring/ring.h"
#include "ring/submit.h"
#include "ring/turn.h"
#include "ring/wait.h"

/*
 * struct usher_entries - the entries that a call handed over, and earlier ones
 */
struct usher_entries {
	u32 from;	/* index of the first */
	u32 to;		/* and after the last */
};

/* How many of the entries were taken by now, by whomever */
static u32 usher_entries_taken(const struct usher_ring *ring,
			       const struct usher_entries *entries)
{
	return min(READ_ONCE(ring->sq_head) - entries->from,
		   entries->to - entries->from);
}

/* Sooner than the work item, when processors are busy */
static void usher_enter_run_turns(struct usher_qpair *qp)
{
	if (!list_empty(&qp->clients.waiters) && READ_ONCE(qp->nr_free))
		usher_qpair_run_turns(qp);
}

/* The submitting half, in a section. It says what the other half waits for. */
static int usher_enter_submit(struct usher_ring *ring,
			      const struct usher_enter *arg,
			      struct usher_entries *entries,
			      struct usher_waiter *w)
{
	int ret;

	mutex_lock(&ring->lock);
	entries->from = ring->sq_head;
	ret = usher_ring_submit_new(ring, arg->to_submit);
	entries->to = ring->sq_submitted;
	w->cq_target = ring->cq_head + arg->min_complete;
	w->sq_head = ring->sq_head;
	if (arg->to_submit && !arg->min_complete &&
	    entries->to != entries->from &&
	    ring->sq_head == entries->from && usher_ring_cq_space(ring))
		w->wait_for = USHER_WAIT_TAKEN;
	usher_ring_unlock(ring);

	if (ring->flags & USHER_RING_POLLED)
		usher_ring_reap(ring);
	else
		usher_enter_run_turns(ring->qp);
	return ret;
}

static int usher_enter_wait(struct usher_ring *ring, struct usher_waiter *w,
			    const struct usher_enter *arg)
{
	int ret;

	ret = usher_set_sigmask(arg);
	if (ret)
		return ret;
	if (ring->flags & USHER_RING_POLLED)
		ret = usher_wait_polled(w, arg);
	else
		ret = usher_wait_interrupt(w, arg);
	usher_restore_sigmask(arg, ret);
	return ret ?: usher_waiter_result(w);
}

/**
 * usher_ring_enter - USHER_IOC_ENTER
 * @ring: the ring
 * @arg: checked arguments
 * @nonblock: the file is O_NONBLOCK
 *
 * Return: how many entries were taken, or a negative errno, as struct usher_enter
 * says.
 */
int usher_ring_enter(struct usher_ring *ring, const struct usher_enter *arg,
		     bool nonblock)
{
	ktime_t deadline = usher_deadline(arg);
	struct usher_waiter w = { .ring = ring };
	struct usher_entries entries = {};
	int idx, ret;
	u32 taken;

	ret = nonblock ? usher_dev_enter(ring->ud, &idx) :
			 usher_dev_enter_until(ring->ud, &idx, deadline);
	if (ret)
		return ret;
	ret = usher_enter_submit(ring, arg, &entries, &w);
	usher_dev_exit(ring->ud, idx);
	if (ret)
		return ret;

	/* Nothing was taken, and waiting would not change that. */
	if (arg->to_submit && !arg->min_complete &&
	    w.wait_for != USHER_WAIT_TAKEN && entries.to != entries.from &&
	    !usher_entries_taken(ring, &entries))
		return -EAGAIN;
	if (arg->min_complete || w.wait_for == USHER_WAIT_TAKEN) {
		if (usher_waiter_done(&w))
			ret = usher_waiter_result(&w);
		else
			ret = nonblock ? -EAGAIN : usher_enter_wait(ring, &w, arg);
	}

	taken = usher_entries_taken(ring, &entries);
	return taken ?: ret;
}

/* ---- entries of the kernel's own ---- */

/* The ring's lock held */
static int usher_ring_add(struct usher_ring *ring, const struct usher_sqe *sqe,
			  u32 *index)
{
	u32 tail = ring->ctl->sq_tail;
	int dead = READ_ONCE(ring->grant->dead);

	lockdep_assert_held(&ring->lock);
	if (dead)
		return dead;
	ring->sq[tail & (ring->sq_entries - 1)] = *sqe;
	*index = tail;
	WRITE_ONCE(ring->ctl->sq_tail, tail + 1);
	WRITE_ONCE(ring->sq_submitted, tail + 1);
	return 0;
}

/**
 * usher_ring_append - hand over an entry of the kernel's own, and more of them soon
 * @ring: not mapped to a process, and with room for the entry
 * @sqe: the entry
 * @index: the entry's in the submission ring, for usher_ring_took()
 *
 * Return: 0 when the next usher_ring_kick() or usher_ring_push() is to have the entry
 * taken; what the grant died of.
 */
int usher_ring_append(struct usher_ring *ring, const struct usher_sqe *sqe, u32 *index)
{
	int ret;

	mutex_lock(&ring->lock);
	ret = usher_ring_add(ring, sqe, index);
	usher_ring_unlock(ring);
	return ret;
}

/**
 * usher_ring_kick - have those taken that were appended
 * @ring: the ring
 * @atomic: this must not sleep
 *
 * Unless the grant ends before, they will be: now, when it is the ring's turn, or when a
 * reset that is under way has ended.
 */
void usher_ring_kick(struct usher_ring *ring, bool atomic)
{
	int idx, ret;

	ret = atomic ? -EAGAIN : usher_dev_enter(ring->ud, &idx);
	if (ret == -EAGAIN)
		usher_ring_queue_turn(ring);
	if (ret)
		return;
	mutex_lock(&ring->lock);
	usher_ring_submit_new(ring, 0);
	usher_ring_unlock(ring);
	usher_enter_run_turns(ring->qp);
	usher_dev_exit(ring->ud, idx);
}

/**
 * usher_ring_push - hand over an entry of the kernel's own
 * @ring: as for usher_ring_append()
 * @sqe: the entry
 * @nowait: do not wait for a reset that is under way
 * @index: the entry's in the submission ring, for usher_ring_took()
 *
 * Does not wait for a slot.
 *
 * Return: 0 when the entry will be taken, unless the grant ends before; what the grant
 * died of, -ENODEV, -ERESTARTSYS or, with @nowait, -EAGAIN, and it is not there.
 */
int usher_ring_push(struct usher_ring *ring, const struct usher_sqe *sqe, bool nowait,
		    u32 *index)
{
	int idx, ret;

	ret = nowait ? usher_dev_enter(ring->ud, &idx) :
		       usher_dev_enter_until(ring->ud, &idx, KTIME_MAX);
	if (ret)
		return ret;
	mutex_lock(&ring->lock);
	ret = usher_ring_add(ring, sqe, index);
	/* And those before it, also which found no slot: it is after them. */
	if (!ret)
		usher_ring_submit_new(ring, 0);
	usher_ring_unlock(ring);
	usher_enter_run_turns(ring->qp);
	usher_dev_exit(ring->ud, idx);
	return ret;
}

/**
 * usher_ring_took - was an entry taken?
 * @ring: the ring, whose grant has ended, as the caller saw
 * @index: from usher_ring_push()
 *
 * Return: whether it was; if not, it will not be.
 */
bool usher_ring_took(struct usher_ring *ring, u32 index)
{
	bool took;

	/* Who takes entries looks at the grant with the lock held. */
	mutex_lock(&ring->lock);
	took = (s32)(ring->sq_head - index) > 0;
	usher_ring_unlock(ring);
	return took;
}
