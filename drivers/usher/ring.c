// SPDX-License-Identifier: GPL-2.0-only
/*
 * The data path of a ring.
 *
 * The way of a command: usher_ring_enter() -> usher_ring_submit() reads an
 * entry once, has the guard check it (guard.c), finds its memory (buffer.c) and
 * puts it on the hardware queue (qpair.c); its completion comes back through
 * usher_ring_complete().
 */
#include <linux/compat.h>
#include <linux/eventfd.h>
#include <linux/hrtimer.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

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
	return max(READ_ONCE(usher_io_timeout), 1U) * HZ;
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

/* ---- indices: whatever the process wrote ---- */

bool usher_ring_sq_valid(u32 head, u32 tail, u32 entries)
{
	return tail - head <= entries;
}

/* @head must lie within [last, tail]. */
bool usher_ring_cq_valid(u32 last, u32 head, u32 tail)
{
	return head - last <= tail - last;
}

/* ---- completion: from qpair.c, with the queue's lock held ---- */

static void usher_ring_post(struct usher_ring *ring, __le64 result, __le16 tag,
			    __le16 status, u16 flags)
{
	struct usher_cqe *cqe =
		&ring->cq[(u32)ring->cq_tail & (ring->cq_entries - 1)];

	*cqe = (struct usher_cqe) {
		.dw0	= cpu_to_le32(le64_to_cpu(result)),
		.dw1	= cpu_to_le32(le64_to_cpu(result) >> 32),
		.flags	= cpu_to_le16(flags),
		.cid	= tag,
		.status	= status,
	};
	WRITE_ONCE(ring->cq_tail, ring->cq_tail + 1);
}

static void usher_ring_complete(struct usher_qpair *qp, struct usher_slot *slot,
				const struct nvme_completion *cqe, u16 flags)
{
	struct usher_ring *ring = to_ring(slot->share);

	if (slot->share->closed)
		return;
	usher_ring_post(ring, cqe->result.u64, slot->tag, cqe->status, flags);
	if (flags & USHER_CQE_DRIVER)
		ring->driver_completed++;
	if (list_empty(&slot->share->dirty))
		list_add_tail(&slot->share->dirty, &qp->dirty);
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
	return state;
}

/* What the process sees in the control page */
static void usher_ring_show_state(struct usher_ring *ring)
{
	WRITE_ONCE(ring->ctl->flags, usher_ring_state(ring));
}

static void usher_ring_break(struct usher_ring *ring)
{
	WRITE_ONCE(ring->broken, true);
	usher_ring_show_state(ring);
	wake_up_poll(&ring->wait, EPOLLERR | EPOLLIN);
}

/* Take over what the process says of its indices, if it can be true. */
static int usher_ring_look(struct usher_ring *ring, u32 to_submit)
{
	/* Pairs with the process's release: its entries come first. */
	u32 sq_tail = smp_load_acquire(&ring->ctl->sq_tail);
	/* Pairs with the process's release: it has read the completions. */
	u32 cq_head = smp_load_acquire(&ring->ctl->cq_head);
	u32 want;

	lockdep_assert_held(&ring->lock);
	if (!usher_ring_sq_valid(ring->sq_head, sq_tail, ring->sq_entries) ||
	    !usher_ring_cq_valid(ring->cq_head, cq_head,
				 (u32)READ_ONCE(ring->cq_tail))) {
		usher_ring_break(ring);
		return -EBADFD;
	}
	ring->cq_head = cq_head;
	want = min(to_submit, sq_tail - ring->sq_head);
	if (want > ring->sq_want - ring->sq_head)
		ring->sq_want = ring->sq_head + want;
	return 0;
}

/* How many completions have a place */
static u32 usher_ring_cq_space(const struct usher_ring *ring)
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
	u32 i;

	for (i = 0; i < sizeof(*sqe) / sizeof(u64); i++)
		to[i] = READ_ONCE(from[i]);
}

/* The command's PRPs; true, or false when an auxiliary page must be waited for */
static bool usher_stage_prps(struct usher_ring *ring, struct usher_staged *st)
{
	struct usher_prps *prps = &st->buf->prps;
	u64 from = st->buf->first + st->v.offset;
	u32 last = (from + st->v.bytes - 1) >> prps->shift;
	bool listed = last - (u32)(from >> prps->shift) > 1;
	dma_addr_t prp1, prp2;

	if (!usher_prps_map(prps, from, st->v.bytes, &prp1, &prp2) ||
	    (usher_own_lists && listed)) {
		st->aux = usher_qpair_get_aux(ring->qp, &ring->share);
		if (st->aux < 0)
			return false;
		usher_prps_list(prps, from, st->v.bytes,
				ring->qp->aux[st->aux].virt);
		prp2 = ring->qp->aux[st->aux].dma;
	}
	st->v.cmd.common.dptr.prp1 = cpu_to_le64(prp1);
	st->v.cmd.common.dptr.prp2 = cpu_to_le64(prp2);
	return true;
}

/* Ranges are copied, checked in the copy, and the device reads the copy. */
static bool usher_stage_snapshot(struct usher_ring *ring,
				 struct usher_staged *st)
{
	struct usher_aux *aux;

	st->aux = usher_qpair_get_aux(ring->qp, &ring->share);
	if (st->aux < 0)
		return false;
	aux = &ring->qp->aux[st->aux];
	usher_buffer_snapshot(st->buf, st->v.offset, aux->virt, st->v.bytes);
	st->status = usher_guard_ranges(&ring->grant->scope, &st->v, aux->virt);
	st->v.cmd.common.dptr.prp1 = cpu_to_le64(aux->dma);
	return true;
}

static u16 usher_stage_check_buffer(const struct usher_staged *st)
{
	const struct usher_buffer *buf = st->buf;

	if (!buf)
		return NVME_SC_INVALID_FIELD | USHER_DNR;
	if (st->v.data == USHER_DATA_WRITES && buf->rdonly)
		return NVME_SC_ACCESS_DENIED | USHER_DNR;
	if (st->v.bytes > buf->length ||
	    st->v.offset > buf->length - st->v.bytes)
		return NVME_SC_DATA_XFER_ERROR | USHER_DNR;
	if ((buf->first + st->v.offset) & 3)
		return NVME_SC_PRP_INVALID_OFFSET | USHER_DNR;
	return 0;
}

/*
 * Bring one entry as far as it comes without the queue: checked, or refused
 * (@st->status). False when it must wait; then nothing is held.
 */
static bool usher_ring_stage(struct usher_ring *ring, u32 index,
			     struct usher_staged *st)
{
	struct usher_sqe sqe;
	bool ready;

	usher_ring_read(ring, index, &sqe);
	st->buf = NULL;
	st->aux = -1;
	st->tag = sqe.cid;
	st->status = usher_guard_check(&ring->grant->scope, &sqe, &st->v);
	if (st->status || st->v.data == USHER_DATA_NONE)
		return true;

	st->buf = usher_buffer_get(ring->grant, st->v.buf);
	st->status = usher_stage_check_buffer(st);
	if (st->status)
		return true;
	if (st->v.data == USHER_DATA_SNAPSHOT)
		ready = usher_stage_snapshot(ring, st);
	else
		ready = usher_stage_prps(ring, st);
	if (!ready)
		percpu_ref_put(&st->buf->ref);
	return ready;
}

static void usher_ring_refuse(struct usher_ring *ring, struct usher_staged *st)
{
	struct usher_qpair *qp = ring->qp;

	trace_usher_refuse(qp, st);
	if (st->buf)
		percpu_ref_put(&st->buf->ref);
	if (st->aux >= 0)
		__set_bit(st->aux, qp->aux_free);
	usher_ring_post(ring, 0, st->tag, cpu_to_le16(st->status << 1),
			USHER_CQE_REFUSED);
	ring->refused++;
	if (list_empty(&ring->share.dirty))
		list_add_tail(&ring->share.dirty, &qp->dirty);
}

static void usher_ring_issue(struct usher_ring *ring, struct usher_staged *st,
			     unsigned long deadline)
{
	struct usher_slot *slot = usher_slot_take(ring->qp, &ring->share);

	slot->buf = st->buf;
	slot->aux = st->aux;
	slot->tag = st->tag;
	slot->deadline = deadline;
	usher_slot_submit(ring->qp, slot, &st->v.cmd);
}

/*
 * Put staged entries on the queue, or their refusals in the completion ring.
 * @reserved: slots promised, at least @n; the rest goes back.
 */
static void usher_ring_commit(struct usher_ring *ring, u32 n, u32 reserved,
			      bool last)
{
	struct usher_qpair *qp = ring->qp;
	unsigned long deadline = (jiffies + usher_timeout()) | 1;
	u32 i, issued = 0;

	spin_lock_irq(&qp->lock);
	for (i = 0; i < n; i++) {
		struct usher_staged *st = &ring->stage[i];

		if (st->status) {
			usher_ring_refuse(ring, st);
		} else {
			usher_ring_issue(ring, st, deadline);
			issued++;
		}
	}
	usher_qpair_unreserve(qp, &ring->share, reserved - issued);
	if (last)
		usher_qpair_doorbell(qp);
	usher_qpair_flush(qp);
	spin_unlock_irq(&qp->lock);

	WRITE_ONCE(ring->accepted, ring->accepted + n);
	WRITE_ONCE(ring->sq_head, ring->sq_head + n);
	/* Pairs with the process's acquire: the entries may be reused. */
	smp_store_release(&ring->ctl->sq_head, ring->sq_head);
}

/* Up to USHER_STAGE entries. Returns how many were taken. */
static u32 usher_ring_submit_some(struct usher_ring *ring, u32 most, bool turn,
				  bool *more)
{
	u32 want = min(ring->sq_want - ring->sq_head, usher_ring_cq_space(ring));
	u32 reserved, n;

	*more = false;
	want = min3(want, most, (u32)USHER_STAGE);
	if (!want)
		return 0;
	reserved = usher_qpair_reserve(ring->qp, &ring->share, want, turn);
	if (!reserved)
		return 0;
	for (n = 0; n < reserved; n++)
		if (!usher_ring_stage(ring, ring->sq_head + n, &ring->stage[n]))
			break;
	*more = n == reserved && n < most &&
		ring->sq_want - ring->sq_head > n;
	usher_ring_commit(ring, n, reserved, !*more);
	return n;
}

/*
 * Take what was handed over, as far as slots and places for completions go.
 * In a section, ring.lock held. Returns how many entries were taken.
 */
static u32 usher_ring_submit(struct usher_ring *ring, u32 most, bool turn)
{
	struct usher_qpair *qp = ring->qp;
	u32 taken = 0, n;
	bool more;

	lockdep_assert_held(&ring->lock);
	do {
		n = usher_ring_submit_some(ring, most - taken, turn, &more);
		taken += n;
	} while (more);

	/* The batch was to go on, but no slot was left. */
	if (!n && taken) {
		spin_lock_irq(&qp->lock);
		usher_qpair_doorbell(qp);
		spin_unlock_irq(&qp->lock);
	}
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
	/* Those who wait for entries to be taken */
	if (taken && wq_has_sleeper(&ring->wait))
		wake_up_poll(&ring->wait, EPOLLOUT);
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

/* ---- ENTER ---- */

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

/*
 * Completions that the process can see. Whoever is told of more than these
 * finds nothing: in a pass over a queue they are posted first, then shown.
 */
u32 usher_ring_shown(const struct usher_ring *ring)
{
	/* Pairs with the release in usher_ring_flush(). */
	return smp_load_acquire(&ring->cq_shown);
}

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

static int usher_wait_interrupt(struct usher_waiter *w,
				const struct usher_enter *arg)
{
	int ret = 0;

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
	return ret;
}

/* Reap a polled queue, and let those submit who waited for its slots. */
int usher_ring_poll_queue(struct usher_ring *ring)
{
	struct usher_qpair *qp = ring->qp;
	bool wanted;
	int idx, ret;

	ret = usher_enter(ring->ud, &idx);
	if (ret)
		return ret == -EAGAIN ? 0 : ret;
	spin_lock_irq(&qp->lock);
	wanted = usher_qpair_reap(qp) && !list_empty(&qp->waiters);
	spin_unlock_irq(&qp->lock);
	if (wanted)
		usher_qpair_serve(qp);
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
		cond_resched();
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
static int usher_ring_take(struct usher_ring *ring, u32 to_submit,
			   struct usher_handed *handed)
{
	int ret;

	if (ring->broken)
		return -EBADFD;
	if (to_submit && READ_ONCE(ring->grant->dead))
		return READ_ONCE(ring->grant->dead);
	ret = usher_ring_look(ring, to_submit);
	if (ret)
		return ret;
	handed->from = ring->sq_head;
	handed->to = ring->sq_want;
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
	bool wanted;
	int ret;

	mutex_lock(&ring->lock);
	ret = usher_ring_take(ring, arg->to_submit, handed);
	w->target = ring->cq_head + arg->min_complete;
	w->sq_target = ring->sq_head;
	w->takes = arg->to_submit && !arg->min_complete &&
		   handed->to != handed->from &&
		   ring->sq_head == handed->from && usher_ring_cq_space(ring);
	mutex_unlock(&ring->lock);

	/* What we were promised and gave back is for those who wait. */
	spin_lock_irq(&qp->lock);
	if (ring->flags & USHER_RING_POLLED)
		usher_qpair_reap(qp);
	wanted = !list_empty(&qp->waiters) && qp->nr_free > qp->reserved;
	spin_unlock_irq(&qp->lock);
	if (wanted)
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
