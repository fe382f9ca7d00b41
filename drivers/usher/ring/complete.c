// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the hardware queue back to the ring.
 *
 * In a pass over a queue, usher_ring_complete() posts an entry for each command; at
 * the end of the pass usher_ring_publish() publishes them, once for each ring. When the
 * queue's lock is given up, usher_ring_tell() wakes who waits. A completion always has
 * a place: no command is taken without.
 */
#include <linux/eventfd.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>

#include "compat.h"
#include "core/device.h"
#include "core/wake.h"
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

bool usher_ring_publish(struct usher_client *client)
{
	struct usher_ring *ring = to_usher_ring(client);

	/* Pairs with the process's acquire of cq_tail: entries come first. */
	smp_store_release(&ring->ctl->cq_tail, (u32)ring->cq_tail);
	/* Pairs with usher_ring_published(): the process can see what it says. */
	smp_store_release(&ring->cq_published, (u32)ring->cq_tail);
	/* Pairs with the barrier of set_current_state() in a waiter. */
	return wq_has_sleeper(&ring->wait) || rcu_access_pointer(ring->eventfd);
}

/* What there is to see for those who wait */
static __poll_t usher_ring_events(const struct usher_ring *ring)
{
	__poll_t events = EPOLLIN | EPOLLRDNORM;

	if (usher_dev_gone(ring->ud))
		events |= EPOLLOUT | EPOLLERR | EPOLLHUP;
	return events;
}

/* With the ring's eventfd one more is woken, which counts. */
static void usher_ring_notify(struct usher_ring *ring, u32 most)
{
	struct eventfd_ctx *eventfd;

	/* Pairs with synchronize_rcu() in usher_ring_set_eventfd(). */
	rcu_read_lock();
	eventfd = rcu_dereference(ring->eventfd);
	if (eventfd) {
		usher_eventfd_signal(eventfd);
		most--;
	}
	rcu_read_unlock();
	usher_ring_wake(ring, usher_ring_events(ring), most);
}

void usher_ring_tell(struct usher_client *client, u32 most)
{
	struct usher_ring *ring = to_usher_ring(client);

	/* Nobody has a file of a closed ring, to wait with. */
	if (READ_ONCE(client->state) != USHER_CLIENT_CLOSED)
		usher_ring_notify(ring, most);
	usher_ring_put(ring);
}

/**
 * usher_rings_tell_gone - everyone on a queue pair's rings learns that the device is
 *	gone
 * @qp: the queue pair
 */
void usher_rings_tell_gone(struct usher_qpair *qp)
{
	struct usher_client *client;

	spin_lock_irq(&qp->lock);
	list_for_each_entry(client, &qp->clients.all, node) {
		struct usher_ring *ring = to_usher_ring(client);

		if (!usher_ring_tryget(ring))
			continue;
		usher_ring_publish_flags(ring);
		usher_qpair_to_tell(qp, client);
		usher_ring_put(ring);
	}
	spin_unlock_irq(&qp->lock);
	usher_qpair_tell(qp);
}

/**
 * usher_ring_set_eventfd - whom to signal on completions
 * @ring: the ring
 * @eventfd: the new one, or NULL
 *
 * Return: the old one, which nobody signals any more, or NULL.
 */
struct eventfd_ctx *usher_ring_set_eventfd(struct usher_ring *ring,
					   struct eventfd_ctx *eventfd)
{
	struct eventfd_ctx *old;

	spin_lock_irq(&ring->qp->lock);
	old = rcu_replace_pointer(ring->eventfd, eventfd,
				  lockdep_is_held(&ring->qp->lock));
	spin_unlock_irq(&ring->qp->lock);
	if (old)
		synchronize_rcu();
	return old;
}
