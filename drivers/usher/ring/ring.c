// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ring as an object: its memory, its place on a queue pair, its indices and its
 * end.
 */
#include <linux/eventfd.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "core/device.h"
#include "core/wake.h"
#include "core/wq.h"
#include "grant/buffer.h"
#include "grant/grant.h"
#include "nvme/pool.h"
#include "nvme/qpair.h"
#include "ring/ring.h"

/* ---- memory ---- */

static void usher_ring_free_memory(struct usher_ring *ring)
{
	u32 i;

	vunmap(ring->ctl);
	for (i = 0; i < ring->nr_pages; i++)
		__free_page(ring->pages[i]);
	kvfree(ring->pages);
}

static int usher_ring_alloc_memory(struct usher_ring *ring)
{
	size_t bytes;

	ring->sq_offset = ALIGN(sizeof(*ring->ctl), SMP_CACHE_BYTES);
	ring->cq_offset = ring->sq_offset +
			  ring->sq_entries * sizeof(*ring->sq);
	bytes = ring->cq_offset + ring->cq_entries * sizeof(*ring->cq);

	ring->pages = kvcalloc(DIV_ROUND_UP(bytes, PAGE_SIZE),
			       sizeof(*ring->pages), GFP_KERNEL_ACCOUNT);
	if (!ring->pages)
		return -ENOMEM;
	for (; ring->nr_pages < DIV_ROUND_UP(bytes, PAGE_SIZE);
	     ring->nr_pages++) {
		struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);

		if (!page)
			goto free_memory;
		ring->pages[ring->nr_pages] = page;
	}
	ring->ctl = vmap(ring->pages, ring->nr_pages, VM_MAP, PAGE_KERNEL);
	if (!ring->ctl)
		goto free_memory;
	ring->sq = (void *)ring->ctl + ring->sq_offset;
	ring->cq = (void *)ring->ctl + ring->cq_offset;
	return 0;

free_memory:
	usher_ring_free_memory(ring);
	return -ENOMEM;
}

/* ---- life ---- */

static void usher_ring_free_work(struct work_struct *work)
{
	struct usher_ring *ring = container_of(work, struct usher_ring,
					       free_work);
	struct eventfd_ctx *eventfd = rcu_dereference_protected(ring->eventfd, true);

	usher_grant_unwatch(ring->grant, &ring->watch);
	usher_qpair_leave(ring->qp, &ring->client);
	usher_pool_put(ring->qp);
	cancel_work_sync(&ring->wake_work);
	if (eventfd)
		eventfd_ctx_put(eventfd);
	usher_ring_free_memory(ring);
	usher_grant_uncharge(ring->grant, 0, 1);
	usher_grant_unuse(ring->grant);
	kfree(ring);
}

/* ---- who waits ---- */

static void usher_ring_wake_work(struct work_struct *work)
{
	struct usher_ring *ring = container_of(work, struct usher_ring, wake_work);

	usher_wake_poll(&ring->wait, EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM |
			EPOLLERR | EPOLLHUP);
}

/**
 * usher_ring_wake - wake those who wait in ENTER or poll
 * @ring: the ring, held by the caller
 * @events: what there is to see
 * @most: how many may be woken at once; when there are more, a work item wakes them,
 *	so that no other process waits for it
 *
 * Context: any, without the queue's lock.
 */
void usher_ring_wake(struct usher_ring *ring, __poll_t events, u32 most)
{
	if (!usher_wake_few(&ring->wait, events, most))
		queue_work(usher_wake_wq, &ring->wake_work);
}

/* Waits for what will not come any more are in vain. */
static void usher_ring_grant_ended(struct usher_grant_watch *watch)
{
	usher_ring_wake(container_of(watch, struct usher_ring, watch),
			EPOLLIN | EPOLLOUT | EPOLLERR, USHER_WAKES);
}

/* ---- the object ---- */

/**
 * usher_ring_alloc - a ring that is not on a queue pair yet
 * @grant: what it may do; charged for it by the caller
 * @flags: USHER_RING_*
 * @sq_entries: submission entries, a power of two
 * @cq_entries: completion entries, a power of two
 *
 * Return: the ring, for usher_ring_attach(), or NULL without memory.
 */
struct usher_ring *usher_ring_alloc(struct usher_grant *grant, u32 flags,
				    u32 sq_entries, u32 cq_entries)
{
	struct usher_ring *ring;

	ring = kzalloc(sizeof(*ring), GFP_KERNEL_ACCOUNT);
	if (!ring)
		return NULL;
	kref_init(&ring->ref);
	usher_client_init(&ring->client);
	mutex_init(&ring->lock);
	init_waitqueue_head(&ring->wait);
	INIT_WORK(&ring->wake_work, usher_ring_wake_work);
	INIT_WORK(&ring->free_work, usher_ring_free_work);
	ring->client.budget = &grant->tenant->budget;
	ring->ud = grant->ud;
	ring->grant = grant;
	ring->watch.ended = usher_ring_grant_ended;
	ring->flags = flags;
	ring->sq_entries = sq_entries;
	ring->cq_entries = cq_entries;
	if (usher_ring_alloc_memory(ring)) {
		kfree(ring);
		return NULL;
	}
	return ring;
}

/* Instead of usher_ring_put(), before usher_ring_attach() succeeded */
void usher_ring_free_unattached(struct usher_ring *ring)
{
	usher_ring_free_memory(ring);
	kfree(ring);
}

/**
 * usher_ring_attach - give a new ring a queue pair, and a part of it
 * @ring: just allocated
 *
 * From here on the ring uses its grant, whose charge goes with its last reference.
 *
 * Return: 0; -EBUSY, -EINTR, -ENODEV or -ENOMEM, as usher_pool_get().
 */
int usher_ring_attach(struct usher_ring *ring)
{
	struct usher_pool *pool = ring->ud->pool;
	struct usher_qpair *qp;
	int ret;

	qp = usher_pool_get(pool, ring->flags & USHER_RING_POLLED);
	if (IS_ERR(qp))
		return PTR_ERR(qp);
	ring->qp = qp;
	ret = usher_qpair_join(qp, &ring->client);
	if (ret) {
		usher_pool_put(qp);
		return ret;
	}
	usher_grant_use(ring->grant);
	usher_grant_watch(ring->grant, &ring->watch);
	return 0;
}

void usher_ring_get(struct usher_ring *ring)
{
	kref_get(&ring->ref);
}

/* One that its last reference has left may still be on its queue pair. */
bool usher_ring_tryget(struct usher_ring *ring)
{
	return kref_get_unless_zero(&ring->ref);
}

/* The last reference may go in an interrupt. */
static void usher_ring_release(struct kref *ref)
{
	struct usher_ring *ring = container_of(ref, struct usher_ring, ref);

	queue_work(usher_free_wq, &ring->free_work);
}

void usher_ring_put(struct usher_ring *ring)
{
	kref_put(&ring->ref, usher_ring_release);
}

/* The file is closed. Does not wait: commands in flight finish by themselves. */
void usher_ring_close(struct usher_ring *ring)
{
	if (usher_qpair_close(ring->qp, &ring->client))
		usher_ring_put(ring);
}

/* ---- what the process is told, and tells ---- */

/* USHER_RING_F_* of a ring */
u32 usher_ring_state_flags(const struct usher_ring *ring)
{
	u32 flags = 0;

	if (READ_ONCE(ring->broken))
		flags |= USHER_RING_F_BROKEN;
	if (usher_dev_gone(ring->ud))
		flags |= USHER_RING_F_GONE;
	if (READ_ONCE(ring->sqpoll_awake))
		flags |= USHER_RING_F_SQPOLL;
	return flags;
}

/* In the control page; the queue's lock keeps changes in order. */
void usher_ring_publish_flags(struct usher_ring *ring)
{
	lockdep_assert_held(&ring->qp->lock);
	WRITE_ONCE(ring->ctl->flags, usher_ring_state_flags(ring));
}

/* An index broke the rules: the end of this ring */
void usher_ring_break(struct usher_ring *ring)
{
	spin_lock_irq(&ring->qp->lock);
	WRITE_ONCE(ring->broken, true);
	usher_ring_publish_flags(ring);
	spin_unlock_irq(&ring->qp->lock);
	usher_ring_wake(ring, EPOLLERR | EPOLLIN, USHER_WAKES);
}
