/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a queue pair asks of those who submit to it: the rings, or the admin queue.
 */
#ifndef _USHER_NVME_QPAIR_OPS_H
#define _USHER_NVME_QPAIR_OPS_H

#include <linux/types.h>

struct usher_client;
struct usher_qpair;
struct usher_slot;

/**
 * struct usher_qpair_ops - what the users of a queue pair do; with qpair.lock held
 *	and interrupts off, but for @tell and @take_turn
 * @complete: a slot is done, from the device or, with USHER_CQE_DRIVER in @flags,
 *	by the driver; the caller frees it
 * @publish: the pass is over: let the process see a client's completions; says
 *	whether somebody is to be told of them
 * @tell: wake who waits for a client's completions, not more than @most at once, and
 *	let go of it; any context, no lock
 * @fault: impossible completions came in a row
 * @lost: nothing proves that the device no longer reaches the memory of this slot
 * @get: hold a client, for @tell or @take_turn
 * @put: let go of a client that somebody else holds, too
 * @take_turn: submit up to the @budget of a client, say how many were taken, and
 *	let go of it; in a section of the data path; waits for nobody else's lock
 *
 * With the last slot of a closed client goes the reference that its commands in flight
 * are: to @tell, which finds nobody to wake.
 */
struct usher_qpair_ops {
	void (*complete)(struct usher_qpair *qp, struct usher_slot *slot,
			 __le64 result, __le16 status, u16 flags);
	bool (*publish)(struct usher_client *client);
	void (*tell)(struct usher_client *client, u32 most);
	void (*fault)(struct usher_qpair *qp, const char *why);
	void (*lost)(struct usher_slot *slot);
	void (*get)(struct usher_client *client);
	void (*put)(struct usher_client *client);
	u32 (*take_turn)(struct usher_client *client, u32 budget);
};

#endif /* _USHER_NVME_QPAIR_OPS_H */
