/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Commands that are late, as the watchdog asks for them.
 */
#ifndef _USHER_NVME_EXPIRE_H
#define _USHER_NVME_EXPIRE_H

#include <linux/types.h>

struct usher_qpair;

/**
 * enum usher_late - what the watchdog is to do about a queue
 * @USHER_LATE_NONE: nothing
 * @USHER_LATE_ABORT: abort the command
 * @USHER_LATE_RESET: aborting did not help, or is not possible
 */
enum usher_late {
	USHER_LATE_NONE,
	USHER_LATE_ABORT,
	USHER_LATE_RESET,
};

enum usher_late usher_qpair_expire(struct usher_qpair *qp, unsigned long timeout,
				   u16 *cid);
void usher_qpair_aborted(struct usher_qpair *qp, u16 cid, unsigned long timeout);

#endif /* _USHER_NVME_EXPIRE_H */
