/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The indices of a ring: what the process says of its own is believed after a test,
 * what the kernel says is its copy. Inline, as every batch reads them.
 */
#ifndef _USHER_RING_INDICES_H
#define _USHER_RING_INDICES_H

#include <linux/errno.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <asm/barrier.h>

#include "ring/ring.h"

/* How many completions have a place; @lock */
static inline u32 usher_ring_cq_space(const struct usher_ring *ring)
{
	return ring->cq_entries - ((u32)ring->accepted - ring->cq_head);
}

/*
 * Completions that the process can see. Whoever is told of more than these
 * finds nothing: in a pass over a queue they are posted first, then published.
 */
static inline u32 usher_ring_published(const struct usher_ring *ring)
{
	/* Pairs with the release in usher_ring_publish(). */
	return smp_load_acquire(&ring->cq_published);
}

/* Whether all that was taken has completed, as the process can see */
static inline bool usher_ring_drained(const struct usher_ring *ring)
{
	return (s32)((u32)READ_ONCE(ring->accepted) - usher_ring_published(ring)) <= 0;
}

static inline bool usher_ring_sq_valid(u32 head, u32 tail, u32 entries)
{
	return tail - head <= entries;
}

/* @head must lie within [last, tail]. */
static inline bool usher_ring_cq_valid(u32 last, u32 head, u32 tail)
{
	return head - last <= tail - last;
}

/**
 * usher_ring_read_indices - take over what the process says of its indices
 * @ring: the ring, its lock held
 * @to_submit: how many of the entries it hands over, at most
 *
 * Inline: as a function of its own it would cost each batch some 20 instructions.
 *
 * Return: 0, or -EBADFD when it cannot be true: then the ring is broken.
 */
static inline int usher_ring_read_indices(struct usher_ring *ring, u32 to_submit)
{
	/* Pairs with the process's release: its entries come first. */
	u32 sq_tail = smp_load_acquire(&ring->ctl->sq_tail);
	/* Pairs with the process's release: it has read the completions. */
	u32 cq_head = smp_load_acquire(&ring->ctl->cq_head);
	u32 count;

	lockdep_assert_held(&ring->lock);
	if (!usher_ring_sq_valid(ring->sq_head, sq_tail, ring->sq_entries) ||
	    !usher_ring_cq_valid(ring->cq_head, cq_head,
				 (u32)READ_ONCE(ring->cq_tail))) {
		usher_ring_break(ring);
		return -EBADFD;
	}
	ring->cq_head = cq_head;
	count = min(to_submit, sq_tail - ring->sq_head);
	if (count > ring->sq_submitted - ring->sq_head)
		WRITE_ONCE(ring->sq_submitted, ring->sq_head + count);
	return 0;
}

#endif /* _USHER_RING_INDICES_H */
