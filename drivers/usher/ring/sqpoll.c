// SPDX-License-Identifier: GPL-2.0-only
/*
 * The polling thread: a thread of the process that stays in ENTER, takes entries
 * as they are written and publishes completions as they come, so that the others
 * need no call. It runs on the process's account, and a signal ends it.
 */
#include <linux/ktime.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>

#include "core/device.h"
#include "grant/grant.h"
#include "nvme/qpair.h"
#include "ring/enter.h"
#include "ring/indices.h"
#include "ring/ring.h"
#include "ring/submit.h"
#include "ring/turn.h"
#include "ring/wait.h"

/* One thread at a time; what it says of itself the process sees. */
static int usher_sqpoll_begin(struct usher_ring *ring)
{
	int ret = 0;

	spin_lock_irq(&ring->qp->lock);
	if (ring->sqpoll)
		ret = -EBUSY;
	ring->sqpoll = true;
	spin_unlock_irq(&ring->qp->lock);
	return ret;
}

static void usher_sqpoll_set_awake(struct usher_ring *ring, bool awake)
{
	spin_lock_irq(&ring->qp->lock);
	WRITE_ONCE(ring->sqpoll_awake, awake);
	usher_ring_publish_flags(ring);
	spin_unlock_irq(&ring->qp->lock);
}

static void usher_sqpoll_end(struct usher_ring *ring)
{
	spin_lock_irq(&ring->qp->lock);
	ring->sqpoll = false;
	spin_unlock_irq(&ring->qp->lock);
}

/* Entries that nobody handed over yet. A hint: sq_submitted is another's. */
static bool usher_sqpoll_wanted(const struct usher_ring *ring)
{
	return READ_ONCE(ring->ctl->sq_tail) != READ_ONCE(ring->sq_submitted);
}

/*
 * In a section, as what follows. Inline: as a function of its own it costs each batch
 * some 10 instructions.
 */
static __always_inline void usher_sqpoll_take(struct usher_ring *ring)
{
	mutex_lock(&ring->lock);
	if (!ring->broken && !READ_ONCE(ring->grant->dead) &&
	    !usher_ring_read_indices(ring, U32_MAX))
		usher_ring_submit(ring, U32_MAX, USHER_OUT_OF_TURN);
	usher_ring_unlock(ring);
}

/* Take what the process wrote, reap what the device wrote. */
static inline void usher_sqpoll_once(struct usher_ring *ring)
{
	if (usher_sqpoll_wanted(ring))
		usher_sqpoll_take(ring);
	if (usher_qpair_pending(ring->qp))
		usher_ring_reap(ring);
}

/* Why there is no use in going on, or 0. What is in flight is reaped first. */
static int usher_sqpoll_over(const struct usher_ring *ring)
{
	if (READ_ONCE(ring->broken))
		return -EBADFD;
	return READ_ONCE(ring->client.held) ? 0 : READ_ONCE(ring->grant->dead);
}

/*
 * A section is as short as one of usher_ring_spin() when there is no work.
 * Entries that were handed over and found no room are tried once in it.
 */
static int usher_sqpoll_pass(struct usher_ring *ring, ktime_t deadline)
{
	u32 spins = USHER_SPINS;
	int idx, ret;

	ret = usher_dev_enter_until(ring->ud, &idx, deadline);
	if (ret)
		return ret;
	if (READ_ONCE(ring->sq_submitted) != READ_ONCE(ring->sq_head))
		usher_sqpoll_take(ring);
	do {
		usher_sqpoll_once(ring);
		cpu_relax();
	} while (--spins);
	usher_dev_exit(ring->ud, idx);
	/* RCU tasks wait for each task to block, which this one may not do for long. */
	cond_resched_tasks_rcu_qs();
	return usher_sqpoll_over(ring);
}

/* Changes with each entry taken and each completion published */
static u64 usher_sqpoll_work(const struct usher_ring *ring)
{
	return READ_ONCE(ring->accepted) + usher_ring_published(ring);
}

/*
 * Nothing to do for a while: tell the process that it has to call, and sleep
 * until somebody's ENTER has taken an entry.
 */
static int usher_sqpoll_sleep(struct usher_ring *ring,
			      const struct usher_enter *arg)
{
	struct usher_waiter w = {
		.ring = ring,
		.wait_for = USHER_WAIT_TAKEN,
		.sq_head = READ_ONCE(ring->sq_head),
	};
	int ret = 0;

	usher_sqpoll_set_awake(ring, false);
	/*
	 * The flag before the last look at sq_tail; pairs with the barrier in
	 * the process between its sq_tail and its look at the flag: one of the
	 * two sees what the other wrote.
	 */
	smp_mb();
	/*
	 * What an ENTER took before sq_head was read is in @held, which the
	 * queue's lock brought up to date; what one takes later wakes.
	 */
	if (!usher_sqpoll_wanted(ring) && !READ_ONCE(ring->client.held)) {
		ret = usher_wait_interrupt(&w, arg);
		ret = ret ?: usher_waiter_result(&w);
	}
	if (!ret)
		usher_sqpoll_set_awake(ring, true);
	return ret;
}

/* Nothing came for long enough, and nothing is in the device's hands. */
static bool usher_sqpoll_idle(const struct usher_ring *ring, ktime_t quiet,
			      const struct usher_enter *arg)
{
	return !READ_ONCE(ring->client.held) &&
	       quiet >= arg->idle_us * (s64)NSEC_PER_USEC;
}

static int usher_sqpoll_loop(struct usher_ring *ring,
			     const struct usher_enter *arg)
{
	ktime_t deadline = usher_deadline(arg);
	ktime_t since = ktime_get(), now;
	u64 work, done = 0;
	int ret;

	for (;;) {
		ret = usher_sqpoll_pass(ring, deadline);
		if (ret)
			return ret;
		if (signal_pending(current))
			return -ERESTARTNOHAND;
		now = ktime_get();
		if (now >= deadline)
			return -ETIME;
		work = usher_sqpoll_work(ring);
		if (work != done) {
			done = work;
			since = now;
		}
		if (!usher_sqpoll_idle(ring, ktime_sub(now, since), arg))
			continue;
		ret = usher_sqpoll_sleep(ring, arg);
		if (ret)
			return ret;
	}
}

/*
 * Whoever wrote entries while the flag was set is not left alone: they count as
 * handed over, so that any ENTER takes them, and are taken now if that is possible.
 */
static void usher_sqpoll_last(struct usher_ring *ring)
{
	int idx;

	usher_sqpoll_set_awake(ring, false);
	/* As in usher_sqpoll_sleep() */
	smp_mb();
	mutex_lock(&ring->lock);
	if (!ring->broken)
		usher_ring_read_indices(ring, U32_MAX);
	usher_ring_unlock(ring);
	if (!usher_dev_enter(ring->ud, &idx)) {
		usher_sqpoll_take(ring);
		usher_ring_reap(ring);
		usher_dev_exit(ring->ud, idx);
	}
}

/**
 * usher_ring_enter_sqpoll - USHER_IOC_ENTER with USHER_ENTER_SQPOLL
 * @ring: a polled ring
 * @arg: checked arguments
 *
 * Return: why it ended: -EBUSY, -ETIME, -ERESTARTNOHAND, -EBADFD, -ENODEV, or what
 * the grant died of.
 */
int usher_ring_enter_sqpoll(struct usher_ring *ring, const struct usher_enter *arg)
{
	int ret;

	ret = usher_sqpoll_begin(ring);
	if (ret)
		return ret;
	ret = usher_set_sigmask(arg);
	if (ret)
		goto end;
	usher_sqpoll_set_awake(ring, true);
	ret = usher_sqpoll_loop(ring, arg);
	usher_sqpoll_last(ring);
	/* A handler ends it, also one with SA_RESTART; a stop does not. */
	if (usher_wait_interrupted(ret))
		ret = -ERESTARTNOHAND;
	usher_restore_sigmask(arg, ret);
end:
	usher_sqpoll_end(ring);
	return ret;
}
