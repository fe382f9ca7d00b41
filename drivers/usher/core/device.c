// SPDX-License-Identifier: GPL-2.0-only
/*
 * The states of a device, and the read sections that keep it in one.
 *
 *	NEW -> LIVE -> (RESETTING -> LIVE)* -> GONE
 *	NEW -> GONE, RESETTING -> GONE
 *
 * A change of state comes first, then the wait for the sections that saw the old
 * one (usher_dev_drain()), and only then is anything touched that they used.
 */
#include <linux/device.h>
#include <linux/hrtimer.h>
#include <linux/idr.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "core/device.h"
#include "core/wake.h"
#include "core/wq.h"
#include "trace.h"

static DEFINE_IDA(usher_ids);

/* ---- life ---- */

/**
 * usher_dev_init - a device that is NEW, with one reference
 * @ud: the device, zeroed
 * @dev: its function; a reference is taken
 * @ops: what the rooms below may ask
 * @reset_work: resets it
 *
 * Return: 0, -ENOMEM, or -ENOSPC with all numbers in use.
 */
int usher_dev_init(struct usher_device *ud, struct device *dev,
		   const struct usher_device_ops *ops,
		   struct work_struct *reset_work)
{
	int ret;

	ret = ida_alloc(&usher_ids, GFP_KERNEL);
	if (ret < 0)
		return ret;
	ud->id = ret;
	ret = init_srcu_struct(&ud->srcu);
	if (ret)
		goto free_id;
	ret = init_srcu_struct(&ud->slow);
	if (ret)
		goto cleanup_srcu;
	kref_init(&ud->ref);
	ud->ops = ops;
	ud->reset_work = reset_work;
	ud->dev = get_device(dev);
	spin_lock_init(&ud->state_lock);
	init_waitqueue_head(&ud->wait);
	mutex_init(&ud->grant_lock);
	INIT_LIST_HEAD(&ud->grants);
	return 0;

cleanup_srcu:
	cleanup_srcu_struct(&ud->srcu);
free_id:
	ida_free(&usher_ids, ud->id);
	return ret;
}

/* The end of what usher_dev_init() made; no reference is left. */
void usher_dev_destroy(struct usher_device *ud)
{
	cleanup_srcu_struct(&ud->slow);
	cleanup_srcu_struct(&ud->srcu);
	ida_free(&usher_ids, ud->id);
	put_device(ud->dev);
}

struct usher_device *usher_dev_get(struct usher_device *ud)
{
	kref_get(&ud->ref);
	return ud;
}

static void usher_dev_release(struct kref *ref)
{
	struct usher_device *ud = container_of(ref, struct usher_device, ref);

	ud->ops->release(ud);
}

void usher_dev_put(struct usher_device *ud)
{
	kref_put(&ud->ref, usher_dev_release);
}

/* ---- states ---- */

VISIBLE_IF_KUNIT bool usher_state_legal(enum usher_state from, enum usher_state to)
{
	switch (to) {
	case USHER_LIVE:
		return from == USHER_NEW || from == USHER_RESETTING;
	case USHER_RESETTING:
		return from == USHER_LIVE;
	case USHER_GONE:
		return from != USHER_GONE;
	default:
		return false;
	}
}

/**
 * usher_dev_set_state - the only place that changes the state
 * @ud: the device
 * @to: the new state
 *
 * Return: false, and nothing changed, when the transition is not legal.
 */
bool usher_dev_set_state(struct usher_device *ud, enum usher_state to)
{
	unsigned long flags;
	bool legal;

	spin_lock_irqsave(&ud->state_lock, flags);
	legal = usher_state_legal(ud->state, to);
	if (legal)
		WRITE_ONCE(ud->state, to);
	spin_unlock_irqrestore(&ud->state_lock, flags);
	if (legal) {
		trace_usher_state(ud, to);
		usher_wake_all(&ud->wait);
	}
	return legal;
}

/**
 * usher_dev_drain - wait until all sections that saw the old state have ended
 * @ud: the device, whose state was changed
 */
void usher_dev_drain(struct usher_device *ud)
{
	synchronize_srcu(&ud->srcu);
	synchronize_srcu(&ud->slow);
}

/**
 * usher_dev_fault - the device misbehaves: reset it
 * @ud: the device; only one that is LIVE is reset
 * @why: what was seen
 *
 * Faults that come together are one reset.
 *
 * Context: any.
 */
void usher_dev_fault(struct usher_device *ud, const char *why)
{
	bool queued = false;
	unsigned long flags;

	/* With the lock: nothing is queued any more for a device that is GONE. */
	spin_lock_irqsave(&ud->state_lock, flags);
	if (ud->state == USHER_LIVE)
		queued = queue_work(usher_wq, ud->reset_work);
	spin_unlock_irqrestore(&ud->state_lock, flags);
	if (queued)
		dev_warn_ratelimited(ud->dev, "%s: resetting the controller\n", why);
}

/**
 * usher_dev_ask_reset - the device works, and is to be reset nevertheless
 * @ud: the device; only one that is LIVE is reset
 * @why: for whom
 *
 * It does not count as one of the resets after which a device is given up.
 */
void usher_dev_ask_reset(struct usher_device *ud, const char *why)
{
	WRITE_ONCE(ud->reset_asked, true);
	/* What the reset is for was written before: it sees that, or we see it LIVE again. */
	smp_mb();
	usher_dev_fault(ud, why);
}

/**
 * usher_dev_reset - reset the device for somebody who asks for it
 * @ud: the device
 *
 * Return: 0 when a reset has ended; -ENODEV when the device is gone.
 */
int usher_dev_reset(struct usher_device *ud)
{
	usher_dev_ask_reset(ud, "an administrator asks for it");
	flush_work(ud->reset_work);
	return usher_dev_gone(ud) ? -ENODEV : 0;
}

/* ---- sections ---- */

static int usher_dev_enter_srcu(struct usher_device *ud,
				struct srcu_struct *srcu, int *idx)
{
	enum usher_state state;

	*idx = srcu_read_lock(srcu);
	state = usher_dev_state(ud);
	if (likely(state == USHER_LIVE)) {
		/* For sparse: the caller holds it until it leaves. */
		__release(srcu);
		return 0;
	}
	srcu_read_unlock(srcu, *idx);
	return state == USHER_GONE ? -ENODEV : -EAGAIN;
}

/**
 * usher_dev_enter - begin a section in which the device stays as it is
 * @ud: the device
 * @idx: for usher_dev_exit()
 *
 * Teardown, reset and revocation wait for the sections to end: no access to
 * user memory, no pinning and no wait in them.
 *
 * Return: 0; -EAGAIN during a reset; -ENODEV when the device is gone.
 */
int usher_dev_enter(struct usher_device *ud, int *idx)
{
	return usher_dev_enter_srcu(ud, &ud->srcu, idx);
}

/* Returns 0 when no reset is under way, -ERESTARTSYS or -ETIME. */
static int usher_dev_await_reset(struct usher_device *ud, ktime_t deadline)
{
	/* A relative time below zero would be taken for one without end. */
	ktime_t left = deadline == KTIME_MAX ? KTIME_MAX :
		       max_t(ktime_t, ktime_sub(deadline, ktime_get()), 0);

	return wait_event_interruptible_hrtimeout(ud->wait,
						  usher_dev_state(ud) != USHER_RESETTING,
						  left);
}

/**
 * usher_dev_enter_until - begin a section, after a reset that is under way
 * @ud: the device
 * @idx: for usher_dev_exit()
 * @deadline: on CLOCK_MONOTONIC
 *
 * Return: 0, -ENODEV, -ERESTARTSYS or -ETIME.
 */
int usher_dev_enter_until(struct usher_device *ud, int *idx, ktime_t deadline)
{
	int ret;

	while ((ret = usher_dev_enter(ud, idx)) == -EAGAIN) {
		ret = usher_dev_await_reset(ud, deadline);
		if (ret)
			return ret;
	}
	return ret;
}

void usher_dev_exit(struct usher_device *ud, int idx)
{
	/* For sparse: usher_dev_enter() took it. */
	__acquire(&ud->srcu);
	srcu_read_unlock(&ud->srcu, idx);
}

/**
 * usher_dev_enter_slow - begin a section that may wait for an admin command
 * @ud: the device
 * @idx: for usher_dev_exit_slow()
 *
 * Only teardown and reset wait for these, and the change of state that comes
 * first ends the wait for the command. No command of a ring is submitted in
 * them. Waits for a reset that is under way.
 *
 * Return: 0, -ENODEV or -ERESTARTSYS.
 */
int usher_dev_enter_slow(struct usher_device *ud, int *idx)
{
	int ret;

	while ((ret = usher_dev_enter_srcu(ud, &ud->slow, idx)) == -EAGAIN) {
		ret = usher_dev_await_reset(ud, KTIME_MAX);
		if (ret)
			return ret;
	}
	return ret;
}

void usher_dev_exit_slow(struct usher_device *ud, int idx)
{
	/* For sparse: usher_dev_enter_slow() took it. */
	__acquire(&ud->slow);
	srcu_read_unlock(&ud->slow, idx);
}
