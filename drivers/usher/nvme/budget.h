/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Blocks in flight of a tenant.
 *
 * Commands that move no data cost the device time by the blocks that they name. A
 * tenant, which may have many rings on many queues, has so many in flight, and what
 * is above that waits in its ring. So what others wait for in the device is bounded,
 * however many rings a tenant opens.
 *
 * A command that is larger than the budget is alone in it. Who found too little left
 * bars others of the same tenant, so that small commands do not keep a large one out
 * for ever; all that wait are let go when half of the budget is free, by a work item,
 * since they may be many, and on other queues.
 */
#ifndef _USHER_NVME_BUDGET_H
#define _USHER_NVME_BUDGET_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct usher_client;

/* As many as one command can name by NLB: a second or so of a slow device */
#define USHER_BUDGET_BLOCKS	65536

/*
 * struct usher_budget - blocks in flight of a tenant
 */
struct usher_budget {
	struct work_struct	wake_work;	/* lets go who waits */
	spinlock_t		lock; /* all that follows; irq-safe, within qpair.lock */
	u32			used;		/* blocks in flight */
	struct list_head	waiters;	/* usher_client.short_of */
};

void usher_budget_init(struct usher_budget *budget);
void usher_budget_destroy(struct usher_budget *budget);
bool usher_budget_take(struct usher_budget *budget, struct usher_client *client,
		       u32 blocks);
void usher_budget_put(struct usher_budget *budget, u32 blocks);
void usher_budget_forget(struct usher_client *client);

#endif /* _USHER_NVME_BUDGET_H */
