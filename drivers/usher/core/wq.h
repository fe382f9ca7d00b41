/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Workqueues of the module.
 */
#ifndef _USHER_CORE_WQ_H
#define _USHER_CORE_WQ_H

struct workqueue_struct;

/* Resets, the watchdog, the end of rings: nothing here waits for a process. */
extern struct workqueue_struct *usher_wq;

/*
 * Unpinning may wait for a file system, a new hardware queue for the device. They
 * have a queue of their own, so that nothing on usher_wq waits for them.
 */
extern struct workqueue_struct *usher_slow_wq;

int usher_wq_init(void);
void usher_wq_exit(void);

#endif /* _USHER_CORE_WQ_H */
