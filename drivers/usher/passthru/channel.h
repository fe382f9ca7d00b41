/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A channel: how the commands of a file's NVMe ioctls reach the device. It is a grant
 * below that of the file, with a ring which no process maps: the guard, limits and
 * revocation are those of all rings, and the process can neither see nor name what the
 * kernel has registered there.
 *
 * A command of it is a call. A call takes a tag, and with the tag the memory that was
 * used with it last; is pushed, armed, and later done; and ends, which gives the tag
 * back. One that is abandoned while the device has its command leaves tag and memory to
 * the completion.
 */
#ifndef _USHER_PASSTHRU_CHANNEL_H
#define _USHER_PASSTHRU_CHANNEL_H

#include <linux/bitmap.h>
#include <linux/kref.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct task_struct;
struct usher_buffer;
struct usher_grant;
struct usher_ring;
struct usher_scope;
struct usher_sqe;

/* Commands of one channel at a time; who comes later waits */
#define USHER_CHANNEL_ENTRIES	128

/*
 * struct usher_channel - a grant and a ring of the kernel's own
 */
struct usher_channel {
	struct kref		ref;	/* the file, and calls */
	struct usher_grant	*grant;	/* below the file's; counts as a user */
	struct usher_ring	*ring;
	u32			entries; /* of @ring, both ways */
	struct wait_queue_entry	reader;	/* in ring.wait: reads completions */
	struct work_struct	work;	/* reads what @reader left; ends calls */
	struct work_struct	free_work;
	struct wait_queue_head	tag_wait; /* who waits for a tag, exclusively */

	spinlock_t		lock; /* inside of ring->wait.lock; irq-safe */
	u32			cq_head; /* next completion to read */
	u64			kept;	/* bytes of @bufs whose tags are free */
	/* Tags in use: of calls, and of commands that were abandoned */
	DECLARE_BITMAP(busy, USHER_CHANNEL_ENTRIES);
	/* Whom to tell of a tag's completion, or NULL */
	struct usher_call	*calls[USHER_CHANNEL_ENTRIES];

	/* The owner's of the tag */
	bool			stale[USHER_CHANNEL_ENTRIES]; /* device may use @bufs yet */
	struct usher_buffer	*bufs[USHER_CHANNEL_ENTRIES]; /* memory, or NULL */
};

/*
 * struct usher_call - a command on a channel; in what its owner allocates
 */
struct usher_call {
	struct usher_channel	*channel; /* holds a reference */
	/*
	 * Tells the owner, with channel->lock held, in any context. The call may be gone
	 * when it returns.
	 */
	void			(*done)(struct usher_call *call);
	u32			tag;
	bool			pushed;	/* the entry was handed over */
	u32			index;	/* of the entry, if so */
	/* Who has pushed it. Calls of one are cheap to tell together; never followed */
	const struct task_struct *task;

	/* channel->lock; the owner's when it is done */
	bool			armed;	/* may be told */
	bool			over;	/* the rest is valid */
	int			error;	/* why there is no completion, or 0 */
	u16			status;	/* NVMe status, without the phase bit */
	u16			flags;	/* USHER_CQE_* */
	u64			result;
};

/**
 * enum usher_push - when an entry is to be taken, and what may be waited for
 * @USHER_PUSH_WAIT: now, after a reset that is under way
 * @USHER_PUSH_NOWAIT: now, or not at all
 * @USHER_PUSH_LATER: when the channel is kicked
 */
enum usher_push {
	USHER_PUSH_WAIT,
	USHER_PUSH_NOWAIT,
	USHER_PUSH_LATER,
};

struct usher_channel *usher_channel_alloc(struct usher_grant *parent,
					  const struct usher_scope *scope, u32 flags);
void usher_channel_put(struct usher_channel *channel);
void usher_channel_poll(struct usher_channel *channel);
void usher_channel_kick(struct usher_channel *channel, bool atomic);

void usher_call_init(struct usher_call *call, void (*done)(struct usher_call *call));
int usher_call_begin(struct usher_call *call, struct usher_channel *channel, bool nowait);
struct usher_buffer *usher_call_buffer(struct usher_call *call, u32 bytes);
int usher_call_push(struct usher_call *call, struct usher_sqe *sqe, enum usher_push when);
void usher_call_arm(struct usher_call *call);
bool usher_call_abandon(struct usher_call *call);
void usher_call_end(struct usher_call *call);

#endif /* _USHER_PASSTHRU_CHANNEL_H */
