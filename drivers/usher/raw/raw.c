// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: how calls of processes lock a function.
 *
 * Everything that touches the function runs with its lock held. A call must not touch
 * it after removal, and not while the kernel resets it on behalf of somebody else.
 */
#include <linux/mutex.h>
#include <linux/wait.h>

#include "raw/raw.h"

/**
 * usher_raw_lock - take the lock of a function for a call that touches it
 * @raw: the function
 *
 * Waits for the end of a reset by somebody else, unless the process is killed.
 *
 * Return: 0 with the lock held; -ENODEV when the function is gone; -EINTR.
 */
int usher_raw_lock(struct usher_raw *raw)
{
	for (;;) {
		if (mutex_lock_killable(&raw->lock))
			return -EINTR;
		if (!usher_raw_is_gone(raw) && !raw->resetting)
			return 0;
		mutex_unlock(&raw->lock);
		if (usher_raw_is_gone(raw))
			return -ENODEV;
		if (wait_event_killable(raw->wait,
					!READ_ONCE(raw->resetting) ||
					usher_raw_is_gone(raw)))
			return -EINTR;
	}
}
