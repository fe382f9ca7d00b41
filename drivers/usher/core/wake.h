/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is done with interrupts off is bounded, whatever processes do: no section takes
 * much longer than USHER_IRQOFF_MAX completions of commands do, or as many wake-ups as
 * cost the same. Processes decide how many commands complete together, and how many
 * threads and epoll instances wait in one list.
 */
#ifndef _USHER_CORE_WAKE_H
#define _USHER_CORE_WAKE_H

#include <linux/types.h>

struct wait_queue_head;

/* Some 10,000 instructions: a completion takes up to 100, a wake-up up to 3,000. */
#define USHER_IRQOFF_MAX	96
/* What it costs to wake somebody, or to queue work, in completions */
#define USHER_WAKE_COST		32

/* Waiters that are woken in one section that does nothing else */
#define USHER_WAKES		(USHER_IRQOFF_MAX / USHER_WAKE_COST)

bool usher_wake_few(struct wait_queue_head *wq, __poll_t events, u32 most);
void usher_wake_one(struct wait_queue_head *wq);
void usher_wake_poll(struct wait_queue_head *wq, __poll_t events);
void usher_wake_all(struct wait_queue_head *wq);

#endif /* _USHER_CORE_WAKE_H */
