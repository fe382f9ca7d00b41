/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every command goes through on its way to the hardware queue and back, inline:
 * a slot, the entry of the queue that it is written to, the tail; the list of those
 * who have completions. The doorbell comes after the batch, usher_qpair_doorbell().
 * All with qpair.lock held.
 */
#ifndef _USHER_NVME_INFLIGHT_H
#define _USHER_NVME_INFLIGHT_H

#include <linux/lockdep.h>
#include <linux/nvme.h>

#include "nvme/client.h"
#include "nvme/qpair.h"
#include "nvme/slot.h"

/* A free slot, of which the caller knows that there is one, and fills it in. */
static inline struct usher_slot *usher_slot_take(struct usher_qpair *qp)
{
	struct usher_slot *slot;

	lockdep_assert_held(&qp->lock);

	slot = &qp->slots[qp->free[--qp->nr_free]];
	slot->aborted = false;
	slot->busy = true;
	return slot;
}

/*
 * Where the next command is to be written. There is always room: a slot is one
 * of depth - 1.
 */
static inline struct nvme_command *usher_slot_command(struct usher_qpair *qp)
{
	return &qp->sq[qp->sq_tail];
}

/* It is written. */
static inline void usher_slot_submit(struct usher_qpair *qp)
{
	lockdep_assert_held(&qp->lock);

	if (++qp->sq_tail == qp->depth)
		qp->sq_tail = 0;
}

/* A client has new completions; usher_qpair_publish() comes after the pass. */
static inline void usher_qpair_completed(struct usher_qpair *qp,
					 struct usher_client *client)
{
	lockdep_assert_held(&qp->lock);

	if (client->publish)
		return;
	client->publish = true;
	client->next_publish = qp->publish;
	qp->publish = client;
	/* To publish it, and to tell who waits, takes as much as a completion. */
	qp->pass_left--;
}

#endif /* _USHER_NVME_INFLIGHT_H */
