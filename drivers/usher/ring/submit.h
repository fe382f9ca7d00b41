/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way of a command: from the shared memory to the hardware queue.
 */
#ifndef _USHER_RING_SUBMIT_H
#define _USHER_RING_SUBMIT_H

#include <linux/types.h>

#include "nvme/client.h"

struct usher_ring;

unsigned long usher_io_timeout(void);
u32 usher_ring_submit(struct usher_ring *ring, u32 most, enum usher_claim claim);
int usher_ring_submit_new(struct usher_ring *ring, u32 to_submit);

#endif /* _USHER_RING_SUBMIT_H */
