/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The turns of rings that wait for slots, and what a queue pair calls rings for.
 */
#ifndef _USHER_RING_TURN_H
#define _USHER_RING_TURN_H

#include <linux/compiler.h>
#include <linux/mutex.h>
#include <asm/barrier.h>

#include "ring/ring.h"

struct usher_qpair_ops;
struct work_struct;

extern const struct usher_qpair_ops usher_ring_ops;

void usher_ring_work(struct work_struct *work);
void usher_ring_reap(struct usher_ring *ring);
int usher_ring_poll_queue(struct usher_ring *ring);
void usher_ring_resume_turn(struct usher_ring *ring);
void usher_ring_queue_turn(struct usher_ring *ring);

/*
 * Whoever runs the turns of a queue waits for no ring's lock: it may be held by a
 * thread that gets no processor. So who gives a lock up looks whether the ring's turn
 * came meanwhile.
 */
static inline void usher_ring_unlock(struct usher_ring *ring)
{
	mutex_unlock(&ring->lock);
	/* Pairs with the one in usher_ring_miss_turn(): one sees what the other did. */
	smp_mb();
	if (unlikely(READ_ONCE(ring->client.state) == USHER_CLIENT_MISSED))
		usher_ring_resume_turn(ring);
}

#endif /* _USHER_RING_TURN_H */
