/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way of a command: from the shared memory to the hardware queue.
 */
#ifndef _USHER_RING_SUBMIT_H
#define _USHER_RING_SUBMIT_H

#include <linux/types.h>

#include "grant/grant.h"
#include "nvme/client.h"
#include "ring/indices.h"
#include "ring/ring.h"

unsigned long usher_io_timeout(void);
u32 usher_ring_submit(struct usher_ring *ring, u32 most, enum usher_claim claim);

/**
 * usher_ring_submit_new - read the indices, then take as much as can be taken
 * @ring: the ring, its lock held; in a section
 * @to_submit: entries that are handed over now, at most
 *
 * Inline: as a function of its own it costs each batch some 15 instructions.
 *
 * Return: 0; -EBADFD for a broken ring; or what the grant died of.
 */
static inline int usher_ring_submit_new(struct usher_ring *ring, u32 to_submit)
{
	int ret;

	if (ring->broken)
		return -EBADFD;
	if (to_submit && READ_ONCE(ring->grant->dead))
		return READ_ONCE(ring->grant->dead);
	ret = usher_ring_read_indices(ring, to_submit);
	if (ret)
		return ret;
	/* Also what an earlier call handed over, when there was no room. */
	if (ring->sq_submitted != ring->sq_head && !READ_ONCE(ring->grant->dead))
		usher_ring_submit(ring, U32_MAX, USHER_OUT_OF_TURN);
	return 0;
}

#endif /* _USHER_RING_SUBMIT_H */
