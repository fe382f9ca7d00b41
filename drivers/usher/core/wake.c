// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waking those who wait, where processes decide how many these are.
 *
 * wake_up() and its like walk the whole list with interrupts off. A list that is
 * walked here is not walked by those: a mark may be in it.
 */
#include <linux/kernel.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/wait.h>

#include "core/wake.h"

/* Does the list have no more than @most waiters? wq->lock held */
static bool usher_wake_fit(struct wait_queue_head *wq, u32 most)
{
	struct wait_queue_entry *entry;

	list_for_each_entry(entry, &wq->head, entry)
		if (!most--)
			return false;
	return true;
}

/**
 * usher_wake_few - wake those who wait, if they are few
 * @wq: where they wait
 * @events: what there is to see, as wake_up_poll()
 * @most: how many are few
 *
 * Context: any.
 *
 * Return: false when there are more; then nobody was woken.
 */
bool usher_wake_few(struct wait_queue_head *wq, __poll_t events, u32 most)
{
	unsigned long flags;
	bool fit;

	spin_lock_irqsave(&wq->lock, flags);
	fit = usher_wake_fit(wq, most);
	if (fit)
		wake_up_locked_poll(wq, events);
	spin_unlock_irqrestore(&wq->lock, flags);
	return fit;
}

/* The same as wake_up(); any context */
void usher_wake_one(struct wait_queue_head *wq)
{
	unsigned long flags;

	spin_lock_irqsave(&wq->lock, flags);
	wake_up_locked(wq);
	spin_unlock_irqrestore(&wq->lock, flags);
}

/* A mark in the list: nobody waits there. */
static int usher_wake_nobody(struct wait_queue_entry *entry, unsigned int mode,
			     int sync, void *key)
{
	return 0;
}

/*
 * From @entry on, USHER_WAKES at most; @exclusive of those who wait exclusively, and
 * less one for each that was woken. Returns where to go on, or NULL at the end.
 */
static struct wait_queue_entry *
usher_wake_some(struct wait_queue_head *wq, struct wait_queue_entry *entry,
		void *key, int *exclusive)
{
	struct wait_queue_entry *next;
	u32 left = USHER_WAKES;

	list_for_each_entry_safe_from(entry, next, &wq->head, entry) {
		/* Its owner may leave as soon as it is woken. */
		unsigned int flags = entry->flags;
		int ret;

		if (!left--)
			return entry;
		ret = entry->func(entry, TASK_NORMAL, 0, key);
		if (ret < 0 ||
		    (ret && (flags & WQ_FLAG_EXCLUSIVE) && !--*exclusive))
			return NULL;
	}
	return NULL;
}

static void usher_wake_walk(struct wait_queue_head *wq, void *key, int exclusive)
{
	struct wait_queue_entry *entry, mark;

	might_sleep();
	init_waitqueue_func_entry(&mark, usher_wake_nobody);
	spin_lock_irq(&wq->lock);
	entry = list_first_entry(&wq->head, struct wait_queue_entry, entry);
	while ((entry = usher_wake_some(wq, entry, key, &exclusive))) {
		list_add_tail(&mark.entry, &entry->entry);
		spin_unlock_irq(&wq->lock);
		cond_resched();
		spin_lock_irq(&wq->lock);
		entry = list_next_entry(&mark, entry);
		list_del(&mark.entry);
	}
	spin_unlock_irq(&wq->lock);
}

/**
 * usher_wake_poll - wake those who wait, however many they are
 * @wq: where they wait
 * @events: what there is to see
 *
 * As wake_up_poll(), in sections of USHER_WAKES each. Who comes meanwhile looks
 * before it sleeps, and is not woken.
 *
 * Context: may sleep.
 */
void usher_wake_poll(struct wait_queue_head *wq, __poll_t events)
{
	usher_wake_walk(wq, poll_to_key(events), 1);
}

/* The same as wake_up_all() */
void usher_wake_all(struct wait_queue_head *wq)
{
	usher_wake_walk(wq, NULL, 0);
}
