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

/* The submitting half, in a section. It says what the other half waits for. */
static int usher_enter_submit(struct usher_ring *ring,
			      const struct usher_enter *arg,
			      struct usher_entries *entries,
			      struct usher_waiter *w)
{
	struct usher_qpair *qp = ring->qp;
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
	else if (!list_empty(&qp->clients.waiters) && READ_ONCE(qp->nr_free))
		/* Sooner than the work item, when processors are busy */
		usher_qpair_run_turns(qp);
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
