// SPDX-License-Identifier: GPL-2.0-only
/*
 * ENTER: hands a ring's entries to ring.c, waits for completions, and lends the
 * ring a thread that does both without further calls.
 */
#include <linux/compat.h>
#include <linux/hrtimer.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "usher.h"

static unsigned int usher_spin_us = 20;
module_param_named(spin_us, usher_spin_us, uint, 0644);
MODULE_PARM_DESC(spin_us, "wait awake for completions that came within so many microseconds of late, 0 for never, at most 1000 (20)");

/* More is not soon on any device, and sections would become long. */
#define USHER_MAX_SPIN_US	1000U

/* ---- waiting ---- */

/**
 * struct usher_waiter - a thread that waits in ENTER
 * @entry: in ring.wait
 * @ring: the ring
 * @target: wake when this many completions were posted
 * @sq_target: and, for one that waits to have an entry taken, when sq_head
 *	has left this
 * @takes: waits to have an entry taken
 */
struct usher_waiter {
	struct wait_queue_entry	entry;
	struct usher_ring	*ring;
	u32			target;
	u32			sq_target;
	bool			takes;
};

static bool usher_waiter_satisfied(const struct usher_waiter *w)
{
	const struct usher_ring *ring = w->ring;

	if (w->takes)
		return READ_ONCE(ring->sq_head) != w->sq_target;
	return (s32)(usher_ring_shown(ring) - w->target) >= 0;
}

/* Why waiting is in vain, or 0 */
static int usher_waiter_error(const struct usher_waiter *w)
{
	const struct usher_ring *ring = w->ring;

	if (READ_ONCE(ring->broken))
		return -EBADFD;
	if (usher_state(ring->ud) == USHER_GONE)
		return -ENODEV;
	/* What is in flight finishes; nothing comes after it. */
	if (w->takes ||
	    (s32)((u32)READ_ONCE(ring->accepted) - usher_ring_shown(ring)) <= 0)
		return READ_ONCE(ring->grant->dead);
	return 0;
}

static bool usher_waiter_done(const struct usher_waiter *w)
{
	return usher_waiter_satisfied(w) || usher_waiter_error(w);
}

/* Enough completions count, whatever else happened. */
static int usher_waiter_result(const struct usher_waiter *w)
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

static ktime_t usher_deadline(const struct usher_enter *arg)
{
	if (!(arg->flags & USHER_ENTER_DEADLINE))
		return KTIME_MAX;
	return ns_to_ktime(min_t(u64, arg->deadline_ns, KTIME_MAX));
}

static int usher_waiter_sleep(const struct usher_enter *arg)
{
	ktime_t deadline = usher_deadline(arg);

	if (signal_pending(current))
		return -EINTR;
	if (deadline == KTIME_MAX) {
		schedule();
		return 0;
	}
	return schedule_hrtimeout_range(&deadline, current->timer_slack_ns,
					HRTIMER_MODE_ABS) ? 0 : -ETIME;
}

/*
 * Reap the queue, and let those submit who waited for its slots. In a section,
 * without any ring's mutex.
 */
static void usher_ring_reap(struct usher_ring *ring)
{
	struct usher_qpair *qp = ring->qp;
	bool wanted;

	spin_lock_irq(&qp->lock);
	wanted = usher_qpair_reap(qp) && !list_empty(&qp->waiters);
	spin_unlock_irq(&qp->lock);
	if (wanted)
		usher_qpair_serve(qp);
}

/* How often to look at the queue in one section */
#define USHER_LOOKS		32

/* Between two looks: much shorter than any device takes. A loop would cost more. */
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
 * Look out for completions for a moment, which is so short that whoever waits
 * for sections to end does not notice.
 */
static int usher_ring_look_out(struct usher_ring *ring)
{
	u32 looks = USHER_LOOKS;
	int idx, ret;

	ret = usher_enter(ring->ud, &idx);
	if (ret)
		return ret;
	while (!usher_qpair_pending(ring->qp) && --looks)
		usher_relax();
	if (looks)
		usher_ring_reap(ring);
	usher_leave(ring->ud, idx);
	return 0;
}

/*
 * Going to sleep and being woken costs more than a fast device takes. Stay awake
 * when the last waits of this ring were short, for as long as a short one may
 * be; slow devices are slept for at once.
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
		if (usher_ring_look_out(w->ring))
			break;
}

/* How long waits last: an average in which the last eight count most */
static void usher_wait_learn(struct usher_ring *ring, u64 ns)
{
	u32 old = READ_ONCE(ring->wait_ns);
	u32 last = min_t(u64, ns, NSEC_PER_SEC);

	WRITE_ONCE(ring->wait_ns, old - old / 8 + last / 8);
}

static int usher_wait_interrupt(struct usher_waiter *w,
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

int usher_ring_poll_queue(struct usher_ring *ring)
{
	int idx, ret;

	ret = usher_enter(ring->ud, &idx);
	if (ret)
		return ret == -EAGAIN ? 0 : ret;
	usher_ring_reap(ring);
	usher_leave(ring->ud, idx);
	return 0;
}

static int usher_wait_polled(struct usher_waiter *w,
			     const struct usher_enter *arg)
{
	int ret;

	for (;;) {
		ret = usher_ring_poll_queue(w->ring);
		if (usher_waiter_done(w))
			return 0;
		if (ret)
			return ret;
		if (signal_pending(current))
			return -EINTR;
		if (arg->flags & USHER_ENTER_DEADLINE &&
		    ktime_get_ns() >= arg->deadline_ns)
			return -ETIME;
		/* As in usher_serve_pass() */
		cond_resched_tasks_rcu_qs();
		cpu_relax();
	}
}

/*
 * The mask counts until the process is back in user mode when a signal ends
 * the wait, so that its handler runs, see ppoll(2).
 */
static int usher_set_sigmask(const struct usher_enter *arg)
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

static void usher_restore_sigmask(const struct usher_enter *arg, int ret)
{
	if (!arg->sigmask || ret == -EINTR)
		return;
	if (test_and_clear_restore_sigmask())
		sigprocmask(SIG_SETMASK, &current->saved_sigmask, NULL);
}

static int usher_ring_wait(struct usher_ring *ring, struct usher_waiter *w,
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
 * struct usher_handed - what ENTER handed over
 * @from: first of the entries
 * @to: end of the entries
 */
struct usher_handed {
	u32 from;
	u32 to;
};

/* How many of the entries were taken by now, by whomever */
static u32 usher_handed_taken(const struct usher_ring *ring,
			      const struct usher_handed *handed)
{
	return min(READ_ONCE(ring->sq_head) - handed->from,
		   handed->to - handed->from);
}

/* ring.lock held: the indices, then as many entries as can be taken */
static inline int usher_ring_take(struct usher_ring *ring, u32 to_submit)
{
	int ret;

	if (ring->broken)
		return -EBADFD;
	if (to_submit && READ_ONCE(ring->grant->dead))
		return READ_ONCE(ring->grant->dead);
	ret = usher_ring_look(ring, to_submit);
	if (ret)
		return ret;
	/* Also what an earlier call handed over, when there was no room. */
	if (ring->sq_want != ring->sq_head && !READ_ONCE(ring->grant->dead))
		usher_ring_submit(ring, U32_MAX, false);
	return 0;
}

/* The submitting half of ENTER, in a section */
static int usher_ring_enter_submit(struct usher_ring *ring,
				   const struct usher_enter *arg,
				   struct usher_handed *handed,
				   struct usher_waiter *w)
{
	struct usher_qpair *qp = ring->qp;
	int ret;

	mutex_lock(&ring->lock);
	handed->from = ring->sq_head;
	ret = usher_ring_take(ring, arg->to_submit);
	handed->to = ring->sq_want;
	w->target = ring->cq_head + arg->min_complete;
	w->sq_target = ring->sq_head;
	w->takes = arg->to_submit && !arg->min_complete &&
		   handed->to != handed->from &&
		   ring->sq_head == handed->from && usher_ring_cq_space(ring);
	mutex_unlock(&ring->lock);

	if (ring->flags & USHER_RING_POLLED)
		usher_ring_reap(ring);
	else if (!list_empty(&qp->waiters) && READ_ONCE(qp->nr_free))
		/* Sooner than the work item, when processors are busy */
		usher_qpair_serve(qp);
	return ret;
}

/**
 * usher_ring_enter - USHER_IOC_ENTER
 * @ring: the ring
 * @arg: checked arguments
 * @nonblock: the file is O_NONBLOCK
 */
int usher_ring_enter(struct usher_ring *ring, const struct usher_enter *arg,
		     bool nonblock)
{
	ktime_t deadline = usher_deadline(arg);
	struct usher_waiter w = { .ring = ring };
	struct usher_handed handed = {};
	int idx, ret;
	u32 taken;

	ret = nonblock ? usher_enter(ring->ud, &idx) :
			 usher_enter_until(ring->ud, &idx, deadline);
	if (ret)
		return ret;
	ret = usher_ring_enter_submit(ring, arg, &handed, &w);
	usher_leave(ring->ud, idx);
	if (ret)
		return ret;

	/* Nothing was taken, and waiting would not change that. */
	if (arg->to_submit && !arg->min_complete && !w.takes &&
	    handed.to != handed.from &&
	    !usher_handed_taken(ring, &handed))
		return -EAGAIN;
	if (arg->min_complete || w.takes) {
		if (usher_waiter_done(&w))
			ret = usher_waiter_result(&w);
		else
			ret = nonblock ? -EAGAIN : usher_ring_wait(ring, &w, arg);
	}

	taken = usher_handed_taken(ring, &handed);
	return taken ?: ret;
}

/* ---- a thread of the process that serves the ring ---- */

/* One thread at a time; what it says of itself the process sees. */
static int usher_serve_begin(struct usher_ring *ring)
{
	int ret = 0;

	spin_lock_irq(&ring->qp->lock);
	if (ring->server)
		ret = -EBUSY;
	ring->server = true;
	spin_unlock_irq(&ring->qp->lock);
	return ret;
}

static void usher_serve_show(struct usher_ring *ring, bool served)
{
	spin_lock_irq(&ring->qp->lock);
	WRITE_ONCE(ring->served, served);
	usher_ring_show_state(ring);
	spin_unlock_irq(&ring->qp->lock);
}

static void usher_serve_end(struct usher_ring *ring)
{
	spin_lock_irq(&ring->qp->lock);
	ring->server = false;
	spin_unlock_irq(&ring->qp->lock);
}

/* Entries that nobody handed over yet. A hint: sq_want is another's. */
static bool usher_serve_wanted(const struct usher_ring *ring)
{
	return READ_ONCE(ring->ctl->sq_tail) != READ_ONCE(ring->sq_want);
}

/* In a section, as what follows */
static void usher_serve_take(struct usher_ring *ring)
{
	mutex_lock(&ring->lock);
	usher_ring_take(ring, U32_MAX);
	mutex_unlock(&ring->lock);
}

/* Take what the process wrote, reap what the device wrote. */
static inline void usher_serve_look(struct usher_ring *ring)
{
	if (usher_serve_wanted(ring))
		usher_serve_take(ring);
	if (usher_qpair_pending(ring->qp))
		usher_ring_reap(ring);
}

/* Why there is no use in going on, or 0. What is in flight is reaped first. */
static int usher_serve_over(const struct usher_ring *ring)
{
	if (READ_ONCE(ring->broken))
		return -EBADFD;
	return READ_ONCE(ring->share.held) ? 0 : READ_ONCE(ring->grant->dead);
}

/*
 * A section is as short as one of usher_ring_look_out() when there is no work.
 * Entries that were handed over and found no room are tried once in it.
 */
static int usher_serve_pass(struct usher_ring *ring, ktime_t deadline)
{
	u32 looks = USHER_LOOKS;
	int idx, ret;

	ret = usher_enter_until(ring->ud, &idx, deadline);
	if (ret)
		return ret;
	if (READ_ONCE(ring->sq_want) != READ_ONCE(ring->sq_head))
		usher_serve_take(ring);
	do {
		usher_serve_look(ring);
		cpu_relax();
	} while (--looks);
	usher_leave(ring->ud, idx);
	/* RCU tasks wait for each task to block, which this one may not do for long. */
	cond_resched_tasks_rcu_qs();
	return usher_serve_over(ring);
}

/* Changes with each entry taken and each completion shown */
static u64 usher_serve_work(const struct usher_ring *ring)
{
	return READ_ONCE(ring->accepted) + usher_ring_shown(ring);
}

/*
 * Nothing to do for a while: tell the process that it has to call, and sleep
 * until somebody's ENTER has taken an entry.
 */
static int usher_serve_sleep(struct usher_ring *ring,
			     const struct usher_enter *arg)
{
	struct usher_waiter w = {
		.ring = ring,
		.takes = true,
		.sq_target = READ_ONCE(ring->sq_head),
	};
	int ret = 0;

	usher_serve_show(ring, false);
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
	if (!usher_serve_wanted(ring) && !READ_ONCE(ring->share.held)) {
		ret = usher_wait_interrupt(&w, arg);
		ret = ret ?: usher_waiter_result(&w);
	}
	if (!ret)
		usher_serve_show(ring, true);
	return ret;
}

/* Nothing came for long enough, and nothing is in the device's hands. */
static bool usher_serve_idle(const struct usher_ring *ring, ktime_t quiet,
			     const struct usher_enter *arg)
{
	return !READ_ONCE(ring->share.held) &&
	       quiet >= arg->idle_us * (s64)NSEC_PER_USEC;
}

static int usher_serve_loop(struct usher_ring *ring,
			    const struct usher_enter *arg)
{
	ktime_t deadline = usher_deadline(arg);
	ktime_t since = ktime_get(), now;
	u64 work, done = 0;
	int ret;

	for (;;) {
		ret = usher_serve_pass(ring, deadline);
		if (ret)
			return ret;
		if (signal_pending(current))
			return -EINTR;
		now = ktime_get();
		if (now >= deadline)
			return -ETIME;
		work = usher_serve_work(ring);
		if (work != done) {
			done = work;
			since = now;
		}
		if (!usher_serve_idle(ring, ktime_sub(now, since), arg))
			continue;
		ret = usher_serve_sleep(ring, arg);
		if (ret)
			return ret;
	}
}

/*
 * Whoever wrote entries while the flag was set is not left alone: they count as
 * handed over, so that any ENTER takes them, and are taken now if that is possible.
 */
static void usher_serve_last(struct usher_ring *ring)
{
	int idx;

	usher_serve_show(ring, false);
	/* As in usher_serve_sleep() */
	smp_mb();
	mutex_lock(&ring->lock);
	if (!ring->broken)
		usher_ring_look(ring, U32_MAX);
	mutex_unlock(&ring->lock);
	if (!usher_enter(ring->ud, &idx)) {
		usher_serve_take(ring);
		usher_ring_reap(ring);
		usher_leave(ring->ud, idx);
	}
}

/**
 * usher_ring_enter_serve - USHER_IOC_ENTER with USHER_ENTER_SQPOLL
 * @ring: a polled ring
 * @arg: checked arguments
 *
 * Return: why it ended: -EBUSY, -ETIME, -EINTR, -EBADFD, -ENODEV, or what the
 * grant died of.
 */
int usher_ring_enter_serve(struct usher_ring *ring, const struct usher_enter *arg)
{
	int ret;

	ret = usher_serve_begin(ring);
	if (ret)
		return ret;
	ret = usher_set_sigmask(arg);
	if (ret)
		goto end;
	usher_serve_show(ring, true);
	ret = usher_serve_loop(ring, arg);
	usher_serve_last(ring);
	usher_restore_sigmask(arg, ret);
end:
	usher_serve_end(ring);
	return ret;
}
