/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What USHER_IOC_ENTER does: enter.c, and sqpoll.c with USHER_ENTER_SQPOLL; and the
 * same for entries of the kernel's own.
 */
#ifndef _USHER_RING_ENTER_H
#define _USHER_RING_ENTER_H

#include <linux/types.h>

struct usher_enter;
struct usher_ring;
struct usher_sqe;

int usher_ring_enter(struct usher_ring *ring, const struct usher_enter *arg,
		     bool nonblock);
int usher_ring_enter_sqpoll(struct usher_ring *ring, const struct usher_enter *arg);

int usher_ring_append(struct usher_ring *ring, const struct usher_sqe *sqe, u32 *index);
void usher_ring_kick(struct usher_ring *ring, bool atomic);
int usher_ring_push(struct usher_ring *ring, const struct usher_sqe *sqe, bool nowait,
		    u32 *index);
bool usher_ring_took(struct usher_ring *ring, u32 index);

#endif /* _USHER_RING_ENTER_H */
