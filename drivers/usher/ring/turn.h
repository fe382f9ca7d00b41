/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The turns of rings that wait for slots, and what a queue pair calls rings for.
 */
#ifndef _USHER_RING_TURN_H
#define _USHER_RING_TURN_H

struct usher_qpair_ops;
struct usher_ring;
struct work_struct;

extern const struct usher_qpair_ops usher_ring_ops;

void usher_ring_turns_work(struct work_struct *work);
void usher_ring_reap(struct usher_ring *ring);
int usher_ring_poll_queue(struct usher_ring *ring);

#endif /* _USHER_RING_TURN_H */
