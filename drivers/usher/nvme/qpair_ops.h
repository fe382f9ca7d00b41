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
 * struct usher_qpair_ops - what the users of a queue pair do; all but @take_turn
 *	with qpair.lock held
 * @complete: a slot is done, from the device or, with USHER_CQE_DRIVER in @flags,
 *	by the driver; the caller frees it
 * @publish: the pass is over: let the process see a client's completions, wake
 *	who waits
 * @fault: impossible completions came in a row
 * @lost: nothing proves that the device no longer reaches the memory of this slot
 * @closed: the last slot of a closed client came back
 * @get: hold a client for @take_turn
 * @take_turn: submit up to the @budget of a client, say how many were taken, and
 *	let go of it; in a section of the data path; waits for nobody else's lock
 */
struct usher_qpair_ops {
	void (*complete)(struct usher_qpair *qp, struct usher_slot *slot,
			 __le64 result, __le16 status, u16 flags);
	void (*publish)(struct usher_client *client);
	void (*fault)(struct usher_qpair *qp, const char *why);
	void (*lost)(struct usher_slot *slot);
	void (*closed)(struct usher_client *client);
	void (*get)(struct usher_client *client);
	u32 (*take_turn)(struct usher_client *client, u32 budget);
};

#endif /* _USHER_NVME_QPAIR_OPS_H */
