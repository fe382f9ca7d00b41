// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocks in flight of a tenant: see budget.h for the rules. All calls are made with
 * the lock of the client's queue pair held, or of that whose commands completed.
 */
#include <linux/workqueue.h>

#include "core/wq.h"
#include "nvme/budget.h"
#include "nvme/client.h"

void usher_budget_init(struct usher_budget *budget)
{
	spin_lock_init(&budget->lock);
	INIT_LIST_HEAD(&budget->waiters);
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

/* The command is done. Who waits may be on another queue, so a work item sees to it. */
void usher_budget_put(struct usher_budget *budget, u32 blocks)
{
	struct usher_client *client, *next;

	spin_lock(&budget->lock);
	budget->used -= blocks;
	if (budget->used <= USHER_BUDGET_BLOCKS / 2) {
		list_for_each_entry_safe(client, next, &budget->waiters, short_of) {
			list_del_init(&client->short_of);
			queue_work(usher_wq, client->turns);
		}
	}
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
