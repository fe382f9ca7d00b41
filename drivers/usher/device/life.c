// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device while it is bound: its start and stop, the watchdog, and the reset.
 *
 * usher_function_start() and usher_function_stop() are the ways in and out of the
 * device's access to memory, for probe, reset, removal and shutdown alike. The stop
 * leaves in usher_ctrl.dma what proves that it has ended.
 *
 * A reset: the state says RESETTING, sections end, the device is stopped and what
 * was in flight completed by the driver; then it is started again, and the rings
 * that waited have their turns. Rings and buffers do not notice but for the status
 * of those completions.
 */
#include <linux/delay.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "core/wq.h"
#include "device/event.h"
#include "device/life.h"
#include "grant/grant.h"
#include "nvme/admin.h"
#include "nvme/alone.h"
#include "nvme/expire.h"
#include "nvme/qpair.h"
#include "ring/complete.h"
#include "ring/submit.h"
#include "ring/turn.h"

/* How often the watchdog looks */
#define USHER_WATCHDOG_PERIOD	(HZ / 2)

/* What commands in flight have before an orderly stop */
#define USHER_FINISH_TIMEOUT	(HZ / 2)

/* Resets in a row, without a watchdog period without fault in between */
#define USHER_MAX_RESETS	3

/* Everyone who waits on a ring or for a grant learns that the device is GONE. */
static void usher_function_tell_gone(struct usher_device *ud)
{
	struct usher_qpair *qp;
	u32 i;

	for (i = 0; (qp = usher_pool_next(ud->pool, &i)); )
		usher_rings_tell_gone(qp);
	usher_grants_wake(ud);
}

/* Nobody waits for an admin command of a state that is past. */
static bool usher_function_set_state(struct usher_function *fn, enum usher_state to)
{
	if (!usher_dev_set_state(&fn->ud, to))
		return false;
	usher_admin_wake_all(&fn->ctrl);
	return true;
}

/* ---- stopping ---- */

/* Reap all I/O queues; answers whether commands are in flight. */
static bool usher_function_busy(struct usher_function *fn)
{
	struct usher_qpair *qp;
	bool busy = false;
	u32 i;

	for (i = 0; (qp = usher_pool_next(&fn->pool, &i)); ) {
		usher_qpair_poll(qp);
		spin_lock_irq(&qp->lock);
		busy |= !qp->stopped && qp->nr_free < qp->depth - 1;
		spin_unlock_irq(&qp->lock);
	}
	return busy;
}

/*
 * Let a controller that works finish what it has before it is stopped for good
 * (Base Specification 2.0, 3.6.1). What takes longer is given up.
 */
static void usher_function_finish(struct usher_function *fn)
{
	unsigned long end = jiffies + USHER_FINISH_TIMEOUT;

	if (usher_ctrl_fatal(&fn->ctrl))
		return;
	while (usher_function_busy(fn) && time_before(jiffies, end))
		usleep_range(500, 1000);
}

/**
 * usher_function_stop - stop the device, then complete what is left
 * @fn: the device; no section submits any more
 * @stop: what for
 *
 * Afterwards fn->ctrl.dma says what proves that it reaches no memory; without proof
 * the memory of what was in flight is lost. Called again, it looks for proof if
 * there was none.
 */
static void usher_function_stop(struct usher_function *fn, enum usher_stop stop)
{
	struct usher_ctrl *ctrl = &fn->ctrl;

	if (!usher_ctrl_dma_stopped(ctrl) && stop == USHER_STOP_SHUTDOWN)
		usher_function_finish(fn);
	if (!usher_ctrl_dma_stopped(ctrl))
		ctrl->dma = usher_ctrl_stop(ctrl, stop);
	usher_pool_stop(&fn->pool, ctrl->dma);
	usher_qpair_stop(usher_admin_qpair(ctrl), ctrl->dma);
}

/* The end of all I/O, seen by the reset: the function is still bound. */
static void usher_function_give_up(struct usher_function *fn)
{
	struct usher_device *ud = &fn->ud;

	usher_function_set_state(fn, USHER_GONE);
	usher_function_tell_gone(ud);
	usher_dev_drain(ud);
	usher_function_stop(fn, USHER_STOP_NOW);
	usher_function_tell_gone(ud);
}

/**
 * usher_function_end - the end of all I/O, for good
 * @fn: the device
 * @stop: what for
 *
 * Afterwards nothing of ours runs for it any more, and every call answers ENODEV.
 * Waits for sections and for the device, never for users.
 */
void usher_function_end(struct usher_function *fn, enum usher_stop stop)
{
	struct usher_device *ud = &fn->ud;

	usher_function_set_state(fn, USHER_GONE);
	usher_function_tell_gone(ud);
	usher_dev_drain(ud);
	/* Their waits end with the change of state. */
	cancel_delayed_work_sync(&fn->watchdog);
	cancel_work_sync(&fn->reset_work);
	usher_function_stop(fn, stop);
	usher_function_tell_gone(ud);
	/* Until the queues were stopped, their interrupts could queue work. */
	cancel_work_sync(&fn->reset_work);
	cancel_work_sync(&fn->event_work);
	usher_pool_cancel_work(&fn->pool);
	usher_qpair_cancel_work(usher_admin_qpair(&fn->ctrl));
}

/* ---- starting ---- */

/**
 * usher_function_start - bring the device up, with the queues that it had
 * @fn: the device, stopped or never started; its function is enabled
 *
 * Return: 0 or a negative errno.
 */
int usher_function_start(struct usher_function *fn)
{
	int ret;

	ret = usher_ctrl_start(&fn->ctrl);
	if (!ret)
		ret = usher_pool_restart(&fn->pool);
	return ret;
}

/* ---- reset ---- */

/* Also for the second time in a reset */
static int usher_function_restart(struct usher_function *fn)
{
	struct pci_dev *pdev = to_pci_dev(fn->ud.dev);
	int ret;

	usher_function_stop(fn, USHER_STOP_NOW);
	if (!usher_ctrl_dma_stopped(&fn->ctrl) || !pci_device_is_present(pdev))
		return -EIO;
	ret = usher_function_start(fn);
	/* Before commands are taken again: the formats may be others now. */
	if (!ret)
		ret = usher_ns_scan(&fn->ud);
	return ret;
}

/* With the commands that are to be alone, after which the controller may be another. */
static int usher_function_reset(struct usher_function *fn)
{
	int ret;

	if (usher_alone_waiting(&fn->ctrl))
		usher_function_finish(fn);
	ret = usher_function_restart(fn);
	if (!ret && usher_alone_run(&fn->ctrl))
		ret = usher_function_restart(fn);
	return ret;
}

/* Rings that wait for slots try again. */
static void usher_function_run_turns(struct usher_function *fn)
{
	struct usher_qpair *qp;
	int idx;
	u32 i;

	if (usher_dev_enter(&fn->ud, &idx))
		return;
	for (i = 0; (qp = usher_pool_next(&fn->pool, &i)); )
		usher_qpair_run_turns(qp);
	usher_dev_exit(&fn->ud, idx);
}

static void usher_reset_work(struct work_struct *work)
{
	struct usher_function *fn =
		container_of(work, struct usher_function, reset_work);
	struct usher_device *ud = &fn->ud;
	int ret = -EIO;

	/* Before the state, so that who sees RESETTING sees it. */
	WRITE_ONCE(ud->resetter, current);
	if (!usher_function_set_state(fn, USHER_RESETTING))
		return;
	cancel_work_sync(&fn->event_work);
	usher_dev_drain(ud);
	if (xchg(&ud->reset_asked, false))
		fn->resets = 0;
	if (++fn->resets <= USHER_MAX_RESETS)
		ret = usher_function_reset(fn);
	if (ret || !usher_function_set_state(fn, USHER_LIVE)) {
		dev_err(ud->dev, "the controller cannot be reset, giving it up: %d\n",
			ret);
		usher_function_give_up(fn);
		return;
	}
	dev_notice(ud->dev, "the controller was reset\n");
	usher_function_run_turns(fn);
	/* One came too late for this reset. Pairs with usher_dev_ask_reset(). */
	if (usher_alone_waiting(&fn->ctrl))
		usher_dev_ask_reset(ud, "an admin command is to be alone");
}

/* ---- watchdog ---- */

/* Did a command complete since the last look? */
static bool usher_watchdog_progressed(struct usher_function *fn)
{
	struct usher_qpair *qp;
	u64 completed = 0;
	bool progressed;
	u32 i;

	for (i = 0; (qp = usher_pool_next(&fn->pool, &i)); )
		completed += READ_ONCE(qp->completed);
	progressed = completed != fn->completed;
	fn->completed = completed;
	return progressed;
}

/*
 * Abort what is late on an I/O queue; true when that did not help. What no Abort is
 * left for is still late when the watchdog looks again.
 */
static bool usher_watchdog_expire(struct usher_function *fn, struct usher_qpair *qp)
{
	unsigned long timeout = usher_io_timeout();
	enum usher_late late;
	u16 cid;

	while ((late = usher_qpair_expire(qp, timeout, &cid)) == USHER_LATE_ABORT &&
	       usher_admin_abort(&fn->ctrl, qp->qid, cid))
		usher_qpair_aborted(qp, cid, timeout);
	return late == USHER_LATE_RESET;
}

static bool usher_watchdog_stuck(struct usher_function *fn)
{
	struct usher_qpair *qp;
	bool stuck;
	u16 cid;
	u32 i;

	/* There is no Abort for admin commands of ours. */
	stuck = usher_qpair_expire(usher_admin_qpair(&fn->ctrl), 0, &cid) ==
		USHER_LATE_RESET;
	for (i = 0; (qp = usher_pool_next(&fn->pool, &i)); )
		stuck |= usher_watchdog_expire(fn, qp);
	return stuck;
}

static void usher_watchdog(struct work_struct *work)
{
	struct usher_function *fn =
		container_of(to_delayed_work(work), struct usher_function, watchdog);
	struct usher_device *ud = &fn->ud;

	if (usher_dev_gone(ud))
		return;
	if (usher_dev_state(ud) == USHER_LIVE) {
		if (usher_watchdog_stuck(fn))
			usher_dev_fault(ud, "a command did not return");
		else if (usher_ctrl_fatal(&fn->ctrl))
			usher_dev_fault(ud, "controller fatal status");
		else if (usher_watchdog_progressed(fn))
			fn->resets = 0;
		/* What it reaped may be what rings wait for. */
		usher_function_run_turns(fn);
	}
	usher_watchdog_start(fn);
}

/* From LIVE on, until usher_function_end() */
void usher_watchdog_start(struct usher_function *fn)
{
	queue_delayed_work(usher_wq, &fn->watchdog, USHER_WATCHDOG_PERIOD);
}

/* ---- life ---- */

static void usher_event_work(struct work_struct *work)
{
	struct usher_function *fn =
		container_of(work, struct usher_function, event_work);

	usher_device_event(&fn->ud);
}

static void usher_function_release(struct usher_device *ud)
{
	struct usher_function *fn = to_usher_function(ud);

	usher_pool_free(&fn->pool);
	usher_admin_free(&fn->ctrl);
	usher_namespaces_destroy(&fn->namespaces);
	usher_dev_destroy(ud);
	kfree(fn);
}

static const struct usher_device_ops usher_function_ops = {
	.release	= usher_function_release,
};

/**
 * usher_function_alloc - a device for a PCI function
 * @pdev: the function
 *
 * Return: the device, NEW, with one reference; NULL without memory.
 */
struct usher_function *usher_function_alloc(struct pci_dev *pdev)
{
	struct usher_function *fn;

	fn = kzalloc(sizeof(*fn), GFP_KERNEL);
	if (!fn)
		return NULL;
	if (usher_dev_init(&fn->ud, &pdev->dev, &usher_function_ops,
			   &fn->reset_work)) {
		kfree(fn);
		return NULL;
	}
	usher_ctrl_init(&fn->ctrl, &fn->ud);
	usher_pool_init(&fn->pool, &fn->ud, &usher_ring_ops, usher_ring_work);
	usher_buffers_init(&fn->buffers, &fn->ud);
	usher_namespaces_init(&fn->namespaces, &fn->ud);
	INIT_WORK(&fn->reset_work, usher_reset_work);
	INIT_DELAYED_WORK(&fn->watchdog, usher_watchdog);
	INIT_WORK(&fn->event_work, usher_event_work);
	return fn;
}
