/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Workqueues of the module.
 */
#ifndef _USHER_CORE_WQ_H
#define _USHER_CORE_WQ_H

struct workqueue_struct;

/*
 * Resets, the watchdog, turns: a few for each device. Nothing here waits for a process,
 * and nothing that processes can make many of comes here.
 */
extern struct workqueue_struct *usher_wq;

/* What waits for a device, one for each: new hardware queues */
extern struct workqueue_struct *usher_slow_wq;

/*
 * Rings and buffers that are let go: as many as processes make, and unpinning may wait
 * for a file system. Nobody waits for these but who wants the memory back.
 */
extern struct workqueue_struct *usher_free_wq;

/*
 * Those who wait in lists that are long: as many as processes make, and each takes
 * time, but none waits.
 */
extern struct workqueue_struct *usher_wake_wq;

int usher_wq_init(void);
void usher_wq_exit(void);

#endif /* _USHER_CORE_WQ_H */
