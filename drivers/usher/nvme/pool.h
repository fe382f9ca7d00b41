/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The I/O queue pairs of a controller, and which of them a ring gets: one to
 * itself while there are any, after that a part of the least loaded one.
 */
#ifndef _USHER_NVME_POOL_H
#define _USHER_NVME_POOL_H

#include <linux/mutex.h>
#include <linux/workqueue.h>

#include "nvme/ctrl.h"

struct usher_device;
struct usher_qpair;
struct usher_qpair_ops;

/*
 * struct usher_pool - the I/O queue pairs of a device
 *
 * Embedded in what device/ allocates. A queue pair once made stays until the last
 * reference to the device is gone; its DMA memory goes before remove() returns.
 */
struct usher_pool {
	struct usher_device		*ud;
	const struct usher_qpair_ops	*ops;	/* of all its queue pairs */
	work_func_t			work;	/* see usher_qpair_alloc() */

	spinlock_t			requests_lock;	/* @requests */
	struct list_head		requests;	/* for queue pairs */
	struct work_struct		requests_work;	/* answers them in turn */

	struct mutex			lock; /* @qpairs, and who uses which */
	/* By qid - 1; read without the lock by usher_pool_next() */
	struct usher_qpair		*qpairs[USHER_MAX_QPAIRS];
};

void usher_pool_init(struct usher_pool *pool, struct usher_device *ud,
		     const struct usher_qpair_ops *ops, work_func_t work);
void usher_pool_free_irqs(struct usher_pool *pool);
void usher_pool_free_dma(struct usher_pool *pool);
void usher_pool_free(struct usher_pool *pool);

struct usher_qpair *usher_pool_get(struct usher_pool *pool, bool polled);
void usher_pool_put(struct usher_qpair *qp);
struct usher_qpair *usher_pool_next(struct usher_pool *pool, u32 *i);
int usher_pool_restart(struct usher_pool *pool);
void usher_pool_stop(struct usher_pool *pool, enum usher_dma_proof dma);
void usher_pool_cancel_work(struct usher_pool *pool);

#endif /* _USHER_NVME_POOL_H */
