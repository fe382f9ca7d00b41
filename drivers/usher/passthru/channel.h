/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A channel: how the commands of a file's NVMe ioctls reach the device. It is a grant
 * below that of the file, with a ring which no process maps: the guard, limits and
 * revocation are those of all rings, and the process can neither see nor name what the
 * kernel has registered there.
 */
#ifndef _USHER_PASSTHRU_CHANNEL_H
#define _USHER_PASSTHRU_CHANNEL_H

#include <linux/bitmap.h>
#include <linux/kref.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

struct usher_buffer;
struct usher_grant;
struct usher_ring;
struct usher_sqe;

/* Commands of one channel at a time; who comes later waits */
#define USHER_CHANNEL_ENTRIES	64

/*
 * struct usher_channel - a grant and a ring of the kernel's own
 */
struct usher_channel {
	struct kref		ref;	/* the file, and calls */
	struct usher_grant	*grant;	/* below the file's; counts as a user */
	struct usher_ring	*ring;
	u32			entries; /* of @ring, both ways */
	struct usher_buffer	*kept;	/* for the next command, or NULL; by xchg() */

	spinlock_t		lock; /* inside of ring->wait.lock; irq-safe */
	u32			cq_head; /* next completion to read */
	/* Tags in use, until their completions were read */
	DECLARE_BITMAP(busy, USHER_CHANNEL_ENTRIES);
	/* Who waits for a tag's completion; NULL when nobody does any more */
	struct usher_call	*calls[USHER_CHANNEL_ENTRIES];
};

/*
 * struct usher_call - a thread with a command on a channel; on its stack
 */
struct usher_call {
	struct wait_queue_entry	entry;	/* in ring.wait */
	struct usher_channel	*channel;
	bool			pushed;	/* the entry was handed over */
	u32			index;	/* of the entry, if so */
	bool			taken;	/* known to be taken, though its grant ended */

	/* channel->lock */
	int			tag;	/* its own, or -1 while it waits for one */
	bool			done;	/* the rest is valid */
	u16			status;	/* NVMe status, without the phase bit */
	u16			flags;	/* USHER_CQE_* */
	u64			result;
};

struct usher_channel *usher_channel_alloc(struct usher_grant *parent);
void usher_channel_put(struct usher_channel *channel);
int usher_channel_do(struct usher_channel *channel, struct usher_sqe *sqe,
		     struct usher_call *call);
struct usher_buffer *usher_channel_get_buffer(struct usher_channel *channel, u32 bytes);
void usher_channel_put_buffer(struct usher_channel *channel,
			      struct usher_buffer *buf, bool reuse);

#endif /* _USHER_PASSTHRU_CHANNEL_H */
