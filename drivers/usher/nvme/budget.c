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

static bool usher_budget_may_go_on(const struct usher_budget *budget)
{
	return budget->used <= USHER_BUDGET_BLOCKS / 2 && !list_empty(&budget->waiters);
}

/* A few of those who wait; true when there are more. */
static bool usher_budget_let_some(struct usher_budget *budget)
{
	u32 left = USHER_WAKES;
	bool more;

	spin_lock_irq(&budget->lock);
	while ((more = usher_budget_may_go_on(budget)) && left--) {
		struct usher_client *client =
			list_first_entry(&budget->waiters, struct usher_client, short_of);

		list_del_init(&client->short_of);
		queue_work(usher_wq, client->turns);
	}
	spin_unlock_irq(&budget->lock);
	return more;
}

/* Who waits may be many, and on other queues than what completed. */
static void usher_budget_work(struct work_struct *work)
{
	struct usher_budget *budget = container_of(work, struct usher_budget, work);

	while (usher_budget_let_some(budget))
		cond_resched();
}

void usher_budget_init(struct usher_budget *budget)
{
	spin_lock_init(&budget->lock);
	INIT_LIST_HEAD(&budget->waiters);
	INIT_WORK(&budget->work, usher_budget_work);
}

/* No client has it any more. */
void usher_budget_destroy(struct usher_budget *budget)
{
	cancel_work_sync(&budget->work);
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
	bool more;

	spin_lock(&budget->lock);
	budget->used -= blocks;
	more = usher_budget_may_go_on(budget);
	spin_unlock(&budget->lock);
	if (more)
		queue_work(usher_wq, &budget->work);
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
