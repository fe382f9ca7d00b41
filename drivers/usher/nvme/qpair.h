/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A hardware submission and completion queue: slots, doorbells, completions.
 *
 * It knows neither rings nor admin commands nor the device's states. A slot's
 * owner is reached through usher_qpair_ops; what a pass over the queue finds
 * that others must act on is returned.
 */
#ifndef _USHER_NVME_QPAIR_H
#define _USHER_NVME_QPAIR_H

#include <linux/atomic.h>
#include <linux/nvme.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "nvme/client.h"
#include "nvme/ctrl.h"
#include "nvme/slot.h"

struct usher_qpair_ops;

/* Command pages of an I/O queue: lists of their own are rare */
#define USHER_CMD_PAGES		2

/*
 * struct usher_qpair - a hardware submission and completion queue
 *
 * Made and freed by the pool, or by the admin queue; rings point to it. Its DMA
 * memory goes before remove() returns, the rest with the device's last reference.
 */
struct usher_qpair {
	/* Constant */
	struct usher_ctrl		*ctrl;
	const struct usher_qpair_ops	*ops;
	u16				qid;	/* 0: the admin queue */
	u16				depth;	/* entries of each queue */
	u32				nr_cmd_pages;
	struct nvme_command		*sq;	/* coherent memory */
	struct nvme_completion		*cq;	/* coherent memory */
	struct usher_cmd_page		*cmd_pages;
	void __iomem			*sq_db;	/* tail doorbell */
	void __iomem			*cq_db;	/* head doorbell */
	dma_addr_t			sq_dma;	/* bus addresses */
	dma_addr_t			cq_dma;
	/* Shadow doorbells and their event indices, or NULL */
	struct usher_shadow {
		__le32	*sq;
		__le32	*sq_event;
		__le32	*cq;
		__le32	*cq_event;
	}				db;
	u32				pass;	/* completions taken in one hold of @lock */
	/* Does what an interrupt leaves: more completions, who is to be told, turns */
	struct work_struct		work;

	spinlock_t			lock; /* all that follows; irq-safe */

	/* Submission */
	struct usher_slot		*slots;		/* depth - 1 of them */
	u16				*free;		/* stack of free indices */
	u32				nr_free;	/* height of @free */
	/* By slot: what its command holds of its tenant's budget */
	u32				*blocks;
	u16				sq_tail;	/* where the next command goes */
	u16				db_tail;	/* what the device was told of it */
	bool				stopped;	/* takes no command */
	struct usher_clients		clients;
	unsigned long			*cmd_pages_free; /* bit map */

	/* Completion */
	u16				cq_head;	/* where the next one is */
	u16				db_head;	/* what the device was told of it */
	u8				phase;		/* phase bit it will have */
	/* Some were taken without their interrupt, which is to come */
	bool				reaped;
	/* Of this pass: with each client that has some, there is one less */
	u32				pass_left;
	u32				bogus;	/* impossible ones since the last good one */
	u64				completed;	/* by the device, ever */
	struct usher_client		*publish; /* list of this pass, else empty */
	struct list_head		to_tell; /* clients, referenced; usher_client.telling */

	/* What the watchdog saw at its last look; times in jiffies */
	u64			seen;		/* of @completed */
	unsigned long		progress;	/* when a command had completed */
	unsigned long		oldest;		/* deadline of the oldest commands */
	u32			nr_oldest;	/* how many these are */
	unsigned long		oldest_progress; /* when one of the oldest had */

	/* The pool's lock */
	bool				polled;		/* interrupts off */
	bool				created;	/* the device has the queues */
	bool				failed;		/* creating did, until a reset */
	bool				has_irq;	/* @irq is requested */
	int				irq;		/* Linux interrupt number */
	u16				vector;		/* MSI-X or MSI index */
	const struct cpumask		*affinity;	/* of @irq, as set last; NULL before */
	char				name[24];	/* of the interrupt */
	/* Rings that use it: more only with the pool's lock, fewer at any time */
	atomic_t			nr_rings;
};

struct usher_qpair *usher_qpair_alloc(struct usher_ctrl *ctrl, u16 qid,
				      u16 depth, u32 nr_cmd_pages,
				      const struct usher_qpair_ops *ops,
				      work_func_t work);
void usher_qpair_free_dma(struct usher_qpair *qp);
void usher_qpair_free(struct usher_qpair *qp);
void usher_qpair_reset(struct usher_qpair *qp);
void usher_qpair_allow(struct usher_qpair *qp);
void usher_qpair_forbid(struct usher_qpair *qp);

int usher_qpair_join(struct usher_qpair *qp, struct usher_client *client);
void usher_qpair_leave(struct usher_qpair *qp, struct usher_client *client);
bool usher_qpair_close(struct usher_qpair *qp, struct usher_client *client);
u32 usher_qpair_reserve(struct usher_qpair *qp, struct usher_client *client,
			u32 want, enum usher_claim claim);
void usher_qpair_unreserve(struct usher_qpair *qp, struct usher_client *client, u32 n);
int usher_qpair_get_cmd_page(struct usher_qpair *qp, struct usher_client *client);
void usher_qpair_put_cmd_page(struct usher_qpair *qp, int index);
bool usher_qpair_take_blocks(struct usher_qpair *qp, struct usher_client *client,
			     u32 blocks);
void usher_qpair_run_turns(struct usher_qpair *qp);

bool usher_slot_lookup(struct usher_qpair *qp, u16 cid, struct usher_slot **slot);
void usher_qpair_doorbell(struct usher_qpair *qp);
u32 usher_qpair_reap(struct usher_qpair *qp);
bool usher_qpair_poll(struct usher_qpair *qp);
void usher_qpair_publish(struct usher_qpair *qp);
void usher_qpair_to_tell(struct usher_qpair *qp, struct usher_client *client);
void usher_qpair_tell_all(struct usher_qpair *qp);
struct usher_client *usher_qpair_next_to_tell(struct usher_qpair *qp);
void usher_qpair_stop(struct usher_qpair *qp, enum usher_dma_proof dma);
void usher_qpair_cancel_work(struct usher_qpair *qp);

/* Is there something to reap? In a section; a hint, without the lock. */
static inline bool usher_qpair_pending(const struct usher_qpair *qp)
{
	const struct nvme_completion *hw = &qp->cq[READ_ONCE(qp->cq_head)];

	return (le16_to_cpu(READ_ONCE(hw->status)) & 1) == READ_ONCE(qp->phase);
}

/* Did a pass that took @n completions end before it found that there is no more? */
static inline bool usher_qpair_cut_short(const struct usher_qpair *qp, u32 n)
{
	return n && n >= READ_ONCE(qp->pass_left);
}

/**
 * usher_qpair_tell - wake who waits for completions that were published
 * @qp: queue pair, its lock not held, nor any lock that others than the caller's
 *	process wait for
 *
 * Whoever adds one to the list calls it, so that a look without the lock will do.
 */
static inline void usher_qpair_tell(struct usher_qpair *qp)
{
	if (!list_empty(&qp->to_tell))
		usher_qpair_tell_all(qp);
}

#endif /* _USHER_NVME_QPAIR_H */
