// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting in ENTER: awake for a short time, asleep until a completion wakes, or
 * polling where the queue has no interrupt.
 *
 * A waiter is on the stack of its thread and on ring.wait while it sleeps. It is
 * woken only when it has what it waits for, or when waiting is in vain.
 */
#include <linux/compat.h>
#include <linux/hrtimer.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "core/device.h"
#include "grant/grant.h"
#include "nvme/qpair.h"
#include "ring/indices.h"
#include "ring/ring.h"
#include "ring/turn.h"
#include "ring/wait.h"

static unsigned int usher_spin_us = 20;
module_param_named(spin_us, usher_spin_us, uint, 0644);
MODULE_PARM_DESC(spin_us, "wait awake for completions that came within so many microseconds of late, 0 for never, at most 1000 (20)");

/* More is not soon on any device, and sections would become long. */
#define USHER_MAX_SPIN_US	1000U

static bool usher_waiter_satisfied(const struct usher_waiter *w)
{
	const struct usher_ring *ring = w->ring;

	if (w->wait_for == USHER_WAIT_TAKEN)
		return READ_ONCE(ring->sq_head) != w->sq_head;
	return (s32)(usher_ring_published(ring) - w->cq_target) >= 0;
}

/* Why waiting is in vain, or 0 */
static int usher_waiter_error(const struct usher_waiter *w)
{
	const struct usher_ring *ring = w->ring;

	if (READ_ONCE(ring->broken))
		return -EBADFD;
	if (usher_dev_gone(ring->ud))
		return -ENODEV;
	/* What is in flight finishes; nothing comes after it. */
	if (w->wait_for == USHER_WAIT_TAKEN || usher_ring_drained(ring))
		return READ_ONCE(ring->grant->dead);
	return 0;
}

bool usher_waiter_done(const struct usher_waiter *w)
{
	return usher_waiter_satisfied(w) || usher_waiter_error(w);
}

/* Enough completions count, whatever else happened. */
int usher_waiter_result(const struct usher_waiter *w)
{
	return usher_waiter_satisfied(w) ? 0 : usher_waiter_error(w);
}

/* Wake only who has what it waits for. */
static int usher_waiter_wake(struct wait_queue_entry *entry, unsigned int mode,
			     int sync, void *key)
{
	struct usher_waiter *w = container_of(entry, struct usher_waiter, entry);

	if (!usher_waiter_done(w))
		return 0;
	return autoremove_wake_function(entry, mode, sync, key);
}

/* When waiting ends, on CLOCK_MONOTONIC */
ktime_t usher_deadline(const struct usher_enter *arg)
{
	if (!(arg->flags & USHER_ENTER_DEADLINE))
		return KTIME_MAX;
	return ns_to_ktime(min_t(u64, arg->deadline_ns, KTIME_MAX));
}

/*
 * A signal came. The process sees EINTR only when a handler runs for it: as the
 * deadline is absolute, the call can begin anew after a stop or a look by a debugger,
 * and after a handler with SA_RESTART. One that is waited for with a mask of its own
 * is to be seen, as in ppoll(2).
 */
static int usher_wait_signal(const struct usher_enter *arg)
{
	return arg->sigmask ? -ERESTARTNOHAND : -ERESTARTSYS;
}

/* Is it that a signal came, which has yet to be delivered? */
bool usher_wait_interrupted(int ret)
{
	return ret == -ERESTARTSYS || ret == -ERESTARTNOHAND;
}

static int usher_waiter_sleep(const struct usher_enter *arg)
{
	ktime_t deadline = usher_deadline(arg);

	if (signal_pending(current))
		return usher_wait_signal(arg);
	if (deadline == KTIME_MAX) {
		schedule();
		return 0;
	}
	return schedule_hrtimeout_range(&deadline, current->timer_slack_ns,
					HRTIMER_MODE_ABS) ? 0 : -ETIME;
}

/*
 * Between two looks: much shorter than any device takes. Written out: a loop costs a
 * ring that spins 84 instructions more for each read, at queue depth 128.
 */
static inline void usher_relax(void)
{
	cpu_relax();
	cpu_relax();
	cpu_relax();
	cpu_relax();
	cpu_relax();
	cpu_relax();
	cpu_relax();
	cpu_relax();
}

/*
 * Spin for completions, USHER_SPINS times, and reap them: a section that is so
 * short that it does not delay who waits for sections to end.
 */
static int usher_ring_spin(struct usher_ring *ring)
{
	u32 spins = USHER_SPINS;
	int idx, ret;

	ret = usher_dev_enter(ring->ud, &idx);
	if (ret)
		return ret;
	while (!usher_qpair_pending(ring->qp) && --spins)
		usher_relax();
	if (spins)
		usher_ring_reap(ring);
	usher_dev_exit(ring->ud, idx);
	return 0;
}

/*
 * Going to sleep and being woken costs more than a fast device takes. Stay awake
 * when the last waits of this ring were short, for as long as a short one may
 * be; for a slow device the thread sleeps at once.
 */
static void usher_wait_awake(struct usher_waiter *w,
			     const struct usher_enter *arg, u64 start)
{
	u64 limit = min(READ_ONCE(usher_spin_us), USHER_MAX_SPIN_US) *
		    NSEC_PER_USEC;
	u64 end = start + limit;

	if (READ_ONCE(w->ring->wait_ns) > limit)
		return;
	if (arg->flags & USHER_ENTER_DEADLINE)
		end = min_t(u64, end, arg->deadline_ns);
	while (!usher_waiter_done(w) && !need_resched() &&
	       !signal_pending(current) && ktime_get_ns() < end)
		if (usher_ring_spin(w->ring))
			break;
}

/* How long waits last: an average in which the last eight count most */
static void usher_wait_learn(struct usher_ring *ring, u64 ns)
{
	u32 old = READ_ONCE(ring->wait_ns);
	u32 last = min_t(u64, ns, NSEC_PER_SEC);

	WRITE_ONCE(ring->wait_ns, old - old / 8 + last / 8);
}

int usher_wait_interrupt(struct usher_waiter *w,
			 const struct usher_enter *arg)
{
	u64 start = ktime_get_ns();
	int ret = 0;

	usher_wait_awake(w, arg, start);
	init_wait(&w->entry);
	w->entry.func = usher_waiter_wake;
	for (;;) {
		prepare_to_wait(&w->ring->wait, &w->entry, TASK_INTERRUPTIBLE);
		if (usher_waiter_done(w)) {
			ret = 0;
			break;
		}
		if (ret)
			break;
		ret = usher_waiter_sleep(arg);
	}
	finish_wait(&w->ring->wait, &w->entry);
	/* A wait that was cut short says nothing of the device. */
	if (!ret)
		usher_wait_learn(w->ring, ktime_get_ns() - start);
	return ret;
}

/*
 * A reset may take minutes, in which there is nothing to look at: sleep until it is over,
 * or until what it completed is enough.
 */
static int usher_wait_reset(struct usher_waiter *w, const struct usher_enter *arg)
{
	struct usher_device *ud = w->ring->ud;
	DEFINE_WAIT(state);
	int ret = 0;

	init_wait(&w->entry);
	w->entry.func = usher_waiter_wake;
	for (;;) {
		prepare_to_wait(&w->ring->wait, &w->entry, TASK_INTERRUPTIBLE);
		prepare_to_wait(&ud->wait, &state, TASK_INTERRUPTIBLE);
		if (usher_waiter_done(w) || usher_dev_state(ud) != USHER_RESETTING) {
			ret = 0;
			break;
		}
		if (ret)
			break;
		ret = usher_waiter_sleep(arg);
	}
	finish_wait(&ud->wait, &state);
	finish_wait(&w->ring->wait, &w->entry);
	return ret;
}

int usher_wait_polled(struct usher_waiter *w,
		      const struct usher_enter *arg)
{
	int ret;

	for (;;) {
		ret = usher_ring_poll_queue(w->ring);
		if (usher_waiter_done(w))
			return 0;
		if (!ret && usher_dev_state(w->ring->ud) == USHER_RESETTING)
			ret = usher_wait_reset(w, arg);
		if (ret)
			return ret;
		if (signal_pending(current))
			return usher_wait_signal(arg);
		if (arg->flags & USHER_ENTER_DEADLINE &&
		    ktime_get_ns() >= arg->deadline_ns)
			return -ETIME;
		/* As in usher_sqpoll_pass() */
		cond_resched_tasks_rcu_qs();
		cpu_relax();
	}
}

/*
 * The mask counts until the process is back in user mode when a signal ends
 * the wait, so that its handler runs, see ppoll(2).
 */
int usher_set_sigmask(const struct usher_enter *arg)
{
	const void __user *from = u64_to_user_ptr(arg->sigmask);
	sigset_t mask;

	if (!arg->sigmask)
		return 0;
	if (in_compat_syscall()) {
		if (get_compat_sigset(&mask, from))
			return -EFAULT;
	} else if (copy_from_user(&mask, from, sizeof(mask))) {
		return -EFAULT;
	}
	sigdelsetmask(&mask, sigmask(SIGKILL) | sigmask(SIGSTOP));
	set_restore_sigmask();
	current->saved_sigmask = current->blocked;
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return 0;
}

void usher_restore_sigmask(const struct usher_enter *arg, int ret)
{
	if (!arg->sigmask || usher_wait_interrupted(ret))
		return;
	if (test_and_clear_restore_sigmask())
		sigprocmask(SIG_SETMASK, &current->saved_sigmask, NULL);
}
