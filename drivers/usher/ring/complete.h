/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the hardware queue back to the ring: completions, and who is told of them.
 */
#ifndef _USHER_RING_COMPLETE_H
#define _USHER_RING_COMPLETE_H

#include <linux/types.h>

struct usher_client;
struct usher_qpair;
struct usher_ring;
struct usher_slot;

/**
 * enum usher_wake - why everyone on a queue pair's rings is woken
 * @USHER_WAKE_LOOK: something changed that may end a wait
 * @USHER_WAKE_GONE: the device is gone: poll() reports a hang-up
 */
enum usher_wake {
	USHER_WAKE_LOOK,
	USHER_WAKE_GONE,
};

/* Members of usher_qpair_ops; see there */
void usher_ring_complete(struct usher_qpair *qp, struct usher_slot *slot,
			 __le64 result, __le16 status, u16 flags);
void usher_ring_publish(struct usher_client *client);

void usher_ring_refuse(struct usher_ring *ring, __le16 tag, u16 status);
void usher_rings_wake(struct usher_qpair *qp, enum usher_wake why);

#endif /* _USHER_RING_COMPLETE_H */
