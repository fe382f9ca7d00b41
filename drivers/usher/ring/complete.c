// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the hardware queue back to the ring.
 *
 * In a pass over a queue, usher_ring_complete() posts an entry for each command;
 * at the end of the pass usher_ring_publish() publishes them, once for each ring, and
 * wakes who waits. A completion always has a place: no command is taken without.
 */
#include <linux/eventfd.h>
#include <linux/poll.h>

#include "compat.h"
#include "core/device.h"
#include "nvme/inflight.h"
#include "nvme/qpair.h"
#include "nvme/qpair_ops.h"
#include "ring/complete.h"
#include "ring/indices.h"
#include "ring/ring.h"
#include "trace.h"

/* qp->lock held, as in all that follows */
static void usher_ring_post(struct usher_ring *ring, __le64 result, __le16 tag,
			    __le16 status, u16 flags)
{
	struct usher_cqe *cqe =
		&ring->cq[(u32)ring->cq_tail & (ring->cq_entries - 1)];

	cqe->dw0 = cpu_to_le32(le64_to_cpu(result));
	cqe->dw1 = cpu_to_le32(le64_to_cpu(result) >> 32);
	cqe->sqhd = 0;
	cqe->flags = cpu_to_le16(flags);
	cqe->cid = tag;
	cqe->status = status;
	WRITE_ONCE(ring->cq_tail, ring->cq_tail + 1);
}

void usher_ring_complete(struct usher_qpair *qp, struct usher_slot *slot,
			 __le64 result, __le16 status, u16 flags)
{
	struct usher_client *client = slot->client;
	struct usher_ring *ring = to_usher_ring(client);

	if (client->state == USHER_CLIENT_CLOSED)
		return;
	usher_ring_post(ring, result, slot->tag, status, flags);
	if (flags & USHER_CQE_DRIVER)
		ring->driver_completed++;
	usher_qpair_completed(qp, client);
}

/* The guard's refusal of an entry, in place of a command */
void usher_ring_refuse(struct usher_ring *ring, __le16 tag, u16 status)
{
	struct usher_qpair *qp = ring->qp;

	trace_usher_refuse(qp, tag, status);
	usher_ring_post(ring, 0, tag, cpu_to_le16(status << 1),
			USHER_CQE_REFUSED);
	ring->refused++;
	usher_qpair_completed(qp, &ring->client);
}

void usher_ring_publish(struct usher_client *client)
{
	struct usher_ring *ring = to_usher_ring(client);

	/* Pairs with the process's acquire of cq_tail: entries come first. */
	smp_store_release(&ring->ctl->cq_tail, (u32)ring->cq_tail);
	/* Pairs with usher_ring_published(): the process can see what it says. */
	smp_store_release(&ring->cq_published, (u32)ring->cq_tail);
	/* Pairs with the barrier of set_current_state() in a waiter. */
	if (wq_has_sleeper(&ring->wait))
		wake_up_poll(&ring->wait, EPOLLIN | EPOLLRDNORM);
	if (ring->eventfd)
		usher_eventfd_signal(ring->eventfd);
}

/**
 * usher_rings_wake - wake everyone on a queue pair's rings
 * @qp: the queue pair
 * @why: what they will find
 */
void usher_rings_wake(struct usher_qpair *qp, enum usher_wake why)
{
	struct usher_client *client;

	spin_lock_irq(&qp->lock);
	list_for_each_entry(client, &qp->clients.all, node) {
		struct usher_ring *ring = to_usher_ring(client);

		usher_ring_publish_flags(ring);
		wake_up_poll(&ring->wait, EPOLLIN | EPOLLOUT | EPOLLERR |
			     (why == USHER_WAKE_GONE ? EPOLLHUP : 0));
		if (why == USHER_WAKE_GONE && ring->eventfd)
			usher_eventfd_signal(ring->eventfd);
	}
	spin_unlock_irq(&qp->lock);
}
