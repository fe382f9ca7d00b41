// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocks in flight of a tenant: see budget.h for the rules. All calls are made with
 * the lock of the client's queue pair held, or of that whose commands completed.
 */
#include <linux/sched.h>

#include "core/wake.h"
#include "core/wq.h"
#include "nvme/budget.h"
#include "nvme/client.h"

/* Some of those in @waiters, the lock held; true when there are more. */
static bool usher_budget_wake_some(struct list_head *waiters)
{
	struct usher_client *client;
	u32 left = USHER_WAKES;

	while (left-- && !list_empty(waiters)) {
		client = list_first_entry(waiters, struct usher_client, short_of);
		list_del_init(&client->short_of);
		queue_work(usher_wq, client->turns);
	}
	return !list_empty(waiters);
}

/* Those who wait now: who comes back for want of blocks has its time later. */
static void usher_budget_wake(struct work_struct *work)
{
	struct usher_budget *budget = container_of(work, struct usher_budget, wake_work);
	LIST_HEAD(waiters);
	bool more;

	spin_lock_irq(&budget->lock);
	list_splice_init(&budget->waiters, &waiters);
	spin_unlock_irq(&budget->lock);
	do {
		spin_lock_irq(&budget->lock);
		more = usher_budget_wake_some(&waiters);
		spin_unlock_irq(&budget->lock);
		cond_resched();
	} while (more);
}

void usher_budget_init(struct usher_budget *budget)
{
	INIT_WORK(&budget->wake_work, usher_budget_wake);
	spin_lock_init(&budget->lock);
	INIT_LIST_HEAD(&budget->waiters);
}

/* Nobody uses it any more. */
void usher_budget_destroy(struct usher_budget *budget)
{
	cancel_work_sync(&budget->wake_work);
}

/**
 * usher_budget_take - blocks for a command
 * @budget: of the tenant
 * @client: who wants them
 * @blocks: how many, at most USHER_BUDGET_BLOCKS
 *
 * Return: true; or false: then the turns of the client's queue are run when it may
 * try again.
 */
bool usher_budget_take(struct usher_budget *budget, struct usher_client *client,
		       u32 blocks)
{
	bool fits;

	spin_lock(&budget->lock);
	fits = !budget->used ||
	       (list_empty(&budget->waiters) &&
		blocks <= USHER_BUDGET_BLOCKS - budget->used);
	if (fits)
		budget->used += blocks;
	else if (list_empty(&client->short_of))
		list_add_tail(&client->short_of, &budget->waiters);
	spin_unlock(&budget->lock);
	return fits;
}

/* The command is done. */
void usher_budget_put(struct usher_budget *budget, u32 blocks)
{
	spin_lock(&budget->lock);
	budget->used -= blocks;
	if (budget->used <= USHER_BUDGET_BLOCKS / 2 && !list_empty(&budget->waiters))
		queue_work(usher_wq, &budget->wake_work);
	spin_unlock(&budget->lock);
}

/* The client waits no more; it is closed. */
void usher_budget_forget(struct usher_client *client)
{
	if (list_empty_careful(&client->short_of))
		return;
	spin_lock(&client->budget->lock);
	list_del_init(&client->short_of);
	spin_unlock(&client->budget->lock);
}
