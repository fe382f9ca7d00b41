/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the hardware queue back to the ring: completions, and who is told of them.
 */
#ifndef _USHER_RING_COMPLETE_H
#define _USHER_RING_COMPLETE_H

#include <linux/types.h>

struct eventfd_ctx;
struct usher_client;
struct usher_qpair;
struct usher_ring;
struct usher_slot;

/* Members of usher_qpair_ops; see there */
void usher_ring_complete(struct usher_qpair *qp, struct usher_slot *slot,
			 __le64 result, __le16 status, u16 flags);
bool usher_ring_publish(struct usher_client *client);
void usher_ring_tell(struct usher_client *client, u32 most);

void usher_ring_refuse(struct usher_ring *ring, __le16 tag, u16 status);
void usher_rings_tell_gone(struct usher_qpair *qp);
struct eventfd_ctx *usher_ring_set_eventfd(struct usher_ring *ring,
					   struct eventfd_ctx *eventfd);

#endif /* _USHER_RING_COMPLETE_H */
