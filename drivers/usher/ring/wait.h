/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A thread in ENTER that waits for completions, or for an entry to be taken.
 */
#ifndef _USHER_RING_WAIT_H
#define _USHER_RING_WAIT_H

#include <linux/ktime.h>
#include <linux/wait.h>

struct usher_enter;
struct usher_ring;

/* How often to look at a queue in one section of a thread that spins */
#define USHER_SPINS		32

/**
 * enum usher_wait_for - what a waiter is woken for
 * @USHER_WAIT_COMPLETIONS: enough completions were published
 * @USHER_WAIT_TAKEN: an entry was taken from the submission ring
 */
enum usher_wait_for {
	USHER_WAIT_COMPLETIONS,
	USHER_WAIT_TAKEN,
};

/*
 * struct usher_waiter - a thread that waits in ENTER; on its stack
 */
struct usher_waiter {
	struct wait_queue_entry	entry;	/* in ring.wait */
	struct usher_ring	*ring;
	enum usher_wait_for	wait_for;
	u32			cq_target; /* published completions to wait for */
	u32			sq_head; /* what ring.sq_head was, for _TAKEN */
};

bool usher_waiter_done(const struct usher_waiter *w);
int usher_waiter_result(const struct usher_waiter *w);
int usher_wait_interrupt(struct usher_waiter *w, const struct usher_enter *arg);
int usher_wait_polled(struct usher_waiter *w, const struct usher_enter *arg);

bool usher_wait_interrupted(int ret);
ktime_t usher_deadline(const struct usher_enter *arg);
int usher_set_sigmask(const struct usher_enter *arg);
void usher_restore_sigmask(const struct usher_enter *arg, int ret);

#endif /* _USHER_RING_WAIT_H */
