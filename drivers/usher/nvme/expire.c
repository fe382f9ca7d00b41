// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands that are late: which one the watchdog is to have aborted, and when that did
 * not help.
 */
#include <linux/jiffies.h>

#include "nvme/expire.h"
#include "nvme/qpair.h"

/* Times its own that a command gets at most, while others are before it */
#define USHER_MAX_PATIENCE	4

/* The oldest commands, which have a deadline in common, and how many they are */
static u32 usher_qpair_find_oldest(const struct usher_qpair *qp, unsigned long *oldest)
{
	u32 i, nr = 0;

	*oldest = 0;
	for (i = 0; i < qp->depth - 1; i++) {
		const struct usher_slot *slot = &qp->slots[i];

		if (!slot->busy || !slot->deadline || slot->aborted)
			continue;
		if (!nr || time_before(slot->deadline, *oldest)) {
			*oldest = slot->deadline;
			nr = 0;
		}
		nr += slot->deadline == *oldest;
	}
	return nr;
}

/*
 * What the device has done since the watchdog looked last. That is found out here
 * and not with each completion, which would cost the data path; it is at most a
 * period of the watchdog late.
 */
static void usher_qpair_look(struct usher_qpair *qp)
{
	unsigned long oldest;
	u32 nr = usher_qpair_find_oldest(qp, &oldest);

	if (qp->completed > qp->seen) {
		qp->seen = qp->completed;
		qp->progress = jiffies;
		if (oldest != qp->oldest || nr != qp->nr_oldest)
			qp->oldest_progress = jiffies;
	}
	qp->oldest = oldest;
	qp->nr_oldest = nr;
}

/*
 * Time that the device spent on others does not count: a command is not late as
 * long as others on its queue complete, unless it is one of the oldest, where these
 * must be before it. One that the device has lost would be waited for as long as
 * others are there; so there is an end to it.
 */
static bool usher_slot_late(const struct usher_qpair *qp, const struct usher_slot *slot,
			    unsigned long timeout)
{
	unsigned long progress;

	if (!slot->busy || !slot->deadline || !time_after(jiffies, slot->deadline))
		return false;
	/* Admin commands of ours do not wait for one another. */
	if (slot->aborted || !qp->qid)
		return true;
	progress = slot->deadline == qp->oldest ? qp->oldest_progress : qp->progress;
	return time_after(jiffies, progress + timeout) ||
	       time_after(jiffies, slot->deadline + (USHER_MAX_PATIENCE - 1) * timeout);
}

/* A late command, one that was aborted first */
static struct usher_slot *usher_qpair_late(struct usher_qpair *qp, unsigned long timeout)
{
	struct usher_slot *late = NULL;
	u32 i;

	for (i = 0; i < qp->depth - 1; i++) {
		struct usher_slot *slot = &qp->slots[i];

		if (!usher_slot_late(qp, slot, timeout))
			continue;
		if (slot->aborted)
			return slot;
		if (!late)
			late = slot;
	}
	return late;
}

/**
 * usher_qpair_expire - look for a command that is late
 * @qp: queue pair
 * @timeout: what a command has, in jiffies
 * @cid: the command to abort, with USHER_LATE_ABORT
 *
 * No command changes by that: who sent an Abort says so by usher_qpair_aborted().
 *
 * Return: what is to be done.
 */
enum usher_late usher_qpair_expire(struct usher_qpair *qp, unsigned long timeout,
				   u16 *cid)
{
	enum usher_late late = USHER_LATE_NONE;
	struct usher_slot *slot;

	/* Perhaps only the interrupt, or the poller, is missing. */
	usher_qpair_poll(qp);
	spin_lock_irq(&qp->lock);
	usher_qpair_look(qp);
	slot = qp->stopped ? NULL : usher_qpair_late(qp, timeout);
	if (slot && (!qp->qid || slot->aborted)) {
		late = USHER_LATE_RESET;
	} else if (slot) {
		*cid = slot->cid;
		late = USHER_LATE_ABORT;
	}
	spin_unlock_irq(&qp->lock);
	return late;
}

/**
 * usher_qpair_aborted - an Abort was sent for a command
 * @qp: queue pair
 * @cid: of usher_qpair_expire(); nothing happens when it has completed since
 * @timeout: what the command has left, in jiffies
 */
void usher_qpair_aborted(struct usher_qpair *qp, u16 cid, unsigned long timeout)
{
	struct usher_slot *slot;

	spin_lock_irq(&qp->lock);
	if (usher_slot_lookup(qp, cid, &slot)) {
		slot->aborted = true;
		slot->deadline = (jiffies + timeout) | 1;
		/* Its completion will be none that others had to wait for. */
		qp->seen++;
	}
	spin_unlock_irq(&qp->lock);
}
