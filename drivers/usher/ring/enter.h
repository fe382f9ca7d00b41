/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What USHER_IOC_ENTER does: enter.c, and sqpoll.c with USHER_ENTER_SQPOLL.
 */
#ifndef _USHER_RING_ENTER_H
#define _USHER_RING_ENTER_H

#include <linux/types.h>

struct usher_enter;
struct usher_ring;

int usher_ring_enter(struct usher_ring *ring, const struct usher_enter *arg,
		     bool nonblock);
int usher_ring_enter_sqpoll(struct usher_ring *ring, const struct usher_enter *arg);

#endif /* _USHER_RING_ENTER_H */
