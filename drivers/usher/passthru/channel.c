// SPDX-License-Identifier: GPL-2.0-only
/*
 * Channels: commands of the NVMe ioctls, on a ring of the kernel's own.
 *
 * The channel waits on its ring, as a thread in ENTER does. When it is woken, it reads
 * new completions, and tells whose they are. In an interrupt it reads a few, which are cheap
 * to tell; the rest is done by a work item, as are calls that wait in vain, since their
 * grant has ended or the device is gone.
 */
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "core/device.h"
#include "core/wake.h"
#include "core/wq.h"
#include "grant/buffer.h"
#include "grant/grant.h"
#include "passthru/channel.h"
#include "ring/enter.h"
#include "ring/indices.h"
#include "ring/ring.h"
#include "ring/turn.h"

/* Memory that a channel keeps for further commands */
#define USHER_KEPT_BYTES	SZ_2M

/*
 * Completions that are read in one section. They are of one thread, which is woken once:
 * with that they are less than USHER_IRQOFF_MAX.
 */
#define USHER_READS		8

/* ---- completions ---- */

/* Why nothing can be done on a channel any more, or 0 */
static int usher_channel_ended(const struct usher_channel *channel)
{
	/* Removal ends the grants, too: first look at them, then at the device. */
	int dead = READ_ONCE(channel->grant->dead);

	return usher_dev_gone(channel->ring->ud) ? -ENODEV : dead;
}

/* channel->lock held, as in the next ones */
static void usher_channel_free_tag(struct usher_channel *channel, u32 tag)
{
	if (channel->bufs[tag])
		channel->kept += channel->bufs[tag]->length;
	__clear_bit(tag, channel->busy);
}

/* The owner may free the call as soon as it is told. */
static void usher_call_over(struct usher_call *call, int error)
{
	call->channel->calls[call->tag] = NULL;
	call->error = error;
	call->over = true;
	if (call->armed)
		call->done(call);
}

static void usher_channel_complete(struct usher_channel *channel,
				   const struct usher_cqe *cqe)
{
	u32 tag = le16_to_cpu(cqe->cid);
	struct usher_call *call = channel->calls[tag];
	u16 flags = le16_to_cpu(cqe->flags);

	if (!call) {
		/* It was abandoned. */
		channel->stale[tag] = flags & USHER_CQE_DRIVER;
		usher_channel_free_tag(channel, tag);
		usher_wake_one(&channel->tag_wait);
		return;
	}
	call->result = le32_to_cpu(cqe->dw0) | (u64)le32_to_cpu(cqe->dw1) << 32;
	call->status = le16_to_cpu(cqe->status) >> 1;
	call->flags = flags;
	usher_call_over(call, 0);
}

/* Read new completions, of one thread. Returns whether some are left. */
static bool usher_channel_read(struct usher_channel *channel)
{
	struct usher_ring *ring = channel->ring;
	u32 tail = usher_ring_published(ring), head = channel->cq_head;
	const struct task_struct *task = NULL;
	u32 n;

	lockdep_assert_held(&channel->lock);
	if (head == tail)
		return false;
	for (n = 0; n < USHER_READS && head != tail; n++, head++) {
		struct usher_cqe *cqe = &ring->cq[head & (channel->entries - 1)];
		struct usher_call *call = channel->calls[le16_to_cpu(cqe->cid)];

		if (n && (!call || call->task != task))
			break;
		task = call ? call->task : NULL;
		usher_channel_complete(channel, cqe);
	}
	channel->cq_head = head;
	/* Pairs with the acquire in usher_ring_read_indices(). */
	smp_store_release(&ring->ctl->cq_head, head);
	return head != tail;
}

/* So many came together that the section is long enough without telling anybody. */
static bool usher_channel_many(const struct usher_channel *channel)
{
	return usher_ring_published(channel->ring) - channel->cq_head > USHER_READS;
}

/* channel.reader is woken: in any context, with the lock of the ring's list held. */
static int usher_channel_wake(struct wait_queue_entry *entry, unsigned int mode,
			      int sync, void *key)
{
	struct usher_channel *channel = container_of(entry, struct usher_channel, reader);
	unsigned long flags;
	bool more;

	spin_lock_irqsave(&channel->lock, flags);
	more = usher_channel_many(channel) || usher_channel_read(channel);
	spin_unlock_irqrestore(&channel->lock, flags);
	if (more || usher_channel_ended(channel))
		queue_work(usher_wake_wq, &channel->work);
	return 0;
}

/* The call of a tag, if it was armed, and then the index of its entry */
static struct usher_call *usher_channel_armed(struct usher_channel *channel, u32 tag,
					      u32 *index)
{
	struct usher_call *call;

	spin_lock_irq(&channel->lock);
	call = channel->calls[tag];
	if (call && !call->armed)
		call = NULL;
	if (call)
		*index = call->index;
	spin_unlock_irq(&channel->lock);
	return call;
}

/*
 * The channel has ended. What the device has completes, unless that is gone; entries
 * that were not taken are in vain. No call begins any more: a tag has the same call, or
 * none.
 */
static void usher_channel_end_tag(struct usher_channel *channel, u32 tag, int error)
{
	struct usher_call *call;
	u32 index;

	call = usher_channel_armed(channel, tag, &index);
	if (!call || (error != -ENODEV && usher_ring_took(channel->ring, index)))
		return;
	spin_lock_irq(&channel->lock);
	if (channel->calls[tag] == call)
		usher_call_over(call, error);
	spin_unlock_irq(&channel->lock);
}

static void usher_channel_end_calls(struct usher_channel *channel, int error)
{
	u32 tag;

	for (tag = 0; tag < channel->entries; tag++) {
		usher_channel_end_tag(channel, tag, error);
		cond_resched();
	}
	usher_wake_all(&channel->tag_wait);
}

static void usher_channel_work(struct work_struct *work)
{
	struct usher_channel *channel = container_of(work, struct usher_channel, work);
	bool more;
	int error;

	do {
		spin_lock_irq(&channel->lock);
		more = usher_channel_read(channel);
		spin_unlock_irq(&channel->lock);
		cond_resched();
	} while (more);
	error = usher_channel_ended(channel);
	if (error)
		usher_channel_end_calls(channel, error);
}

/* ---- life ---- */

/* Commands in flight finish by themselves, as those of any closed ring. */
static void usher_channel_free_work(struct work_struct *work)
{
	struct usher_channel *channel =
		container_of(work, struct usher_channel, free_work);

	remove_wait_queue(&channel->ring->wait, &channel->reader);
	cancel_work_sync(&channel->work);
	/* Who has told the last owner in usher_call_arm() has the lock yet. */
	spin_lock_irq(&channel->lock);
	spin_unlock_irq(&channel->lock);
	usher_ring_close(channel->ring);
	usher_grant_unuse(channel->grant);
	kfree(channel);
}

static void usher_channel_release(struct kref *ref)
{
	queue_work(usher_wake_wq, &container_of(ref, struct usher_channel, ref)->free_work);
}

/* Context: any */
void usher_channel_put(struct usher_channel *channel)
{
	kref_put(&channel->ref, usher_channel_release);
}

/**
 * usher_channel_kick - have entries taken that were pushed for later
 * @channel: the channel; calls of one that has ended are ended by its work item
 * @atomic: this must not sleep
 */
void usher_channel_kick(struct usher_channel *channel, bool atomic)
{
	usher_ring_kick(channel->ring, atomic);
}

static struct usher_channel *usher_channel_new(struct usher_grant *parent)
{
	struct usher_channel *channel = kzalloc(sizeof(*channel), GFP_KERNEL_ACCOUNT);

	if (!channel)
		return NULL;
	kref_init(&channel->ref);
	spin_lock_init(&channel->lock);
	init_waitqueue_head(&channel->tag_wait);
	init_waitqueue_func_entry(&channel->reader, usher_channel_wake);
	INIT_WORK(&channel->work, usher_channel_work);
	INIT_WORK(&channel->free_work, usher_channel_free_work);
	channel->entries = rounddown_pow_of_two(min_t(u32, parent->limits.ring_depth,
						      USHER_CHANNEL_ENTRIES));
	return channel;
}

/**
 * usher_channel_alloc - make a channel
 * @parent: grant of the file, of a namespace
 * @scope: of the channel: that of @parent, but for rights of calls that may use them
 * @flags: of its ring, USHER_RING_*
 *
 * Return: the channel, or an ERR_PTR: EDQUOT no ring left in a limit; EMLINK; EBUSY,
 * EINTR, ENODEV or ENOMEM as for any ring.
 */
struct usher_channel *usher_channel_alloc(struct usher_grant *parent,
					  const struct usher_scope *scope, u32 flags)
{
	struct usher_channel *channel;
	struct usher_grant *grant;
	int ret;

	channel = usher_channel_new(parent);
	if (!channel)
		return ERR_PTR(-ENOMEM);
	grant = usher_grant_alloc(parent->ud, parent, scope, &parent->limits);
	if (IS_ERR(grant)) {
		ret = PTR_ERR(grant);
		goto free_channel;
	}
	channel->grant = grant;
	ret = usher_grant_charge(grant, 0, 1);
	if (ret)
		goto unuse;
	ret = -ENOMEM;
	channel->ring = usher_ring_alloc(grant, flags, channel->entries, channel->entries);
	if (!channel->ring)
		goto uncharge;
	add_wait_queue(&channel->ring->wait, &channel->reader);
	ret = usher_ring_attach(channel->ring);
	if (ret)
		goto free_ring;
	return channel;

free_ring:
	usher_ring_free_unattached(channel->ring);
uncharge:
	usher_grant_uncharge(grant, 0, 1);
unuse:
	usher_grant_unuse(grant);
free_channel:
	kfree(channel);
	return ERR_PTR(ret);
}

/**
 * usher_channel_poll - look for completions of a polled channel, and tell whose they are
 * @channel: the channel, held by the caller
 */
void usher_channel_poll(struct usher_channel *channel)
{
	usher_ring_poll_queue(channel->ring);
}

/* ---- calls ---- */

static bool usher_call_take_tag(struct usher_call *call)
{
	struct usher_channel *channel = call->channel;
	u32 tag;

	spin_lock_irq(&channel->lock);
	tag = find_first_zero_bit(channel->busy, channel->entries);
	if (tag < channel->entries) {
		__set_bit(tag, channel->busy);
		if (channel->bufs[tag])
			channel->kept -= channel->bufs[tag]->length;
	}
	spin_unlock_irq(&channel->lock);
	call->tag = tag;
	return tag < channel->entries;
}

static int usher_call_wait_for_tag(struct usher_call *call)
{
	struct usher_channel *channel = call->channel;
	bool taken = false;
	int ret;

	ret = wait_event_interruptible_exclusive(channel->tag_wait,
						 usher_channel_ended(channel) ||
						 (taken = usher_call_take_tag(call)));
	if (!ret && !taken)
		ret = usher_channel_ended(channel);
	return ret;
}

/* @done tells the owner; what else there is in a call is filled in when it is so far. */
void usher_call_init(struct usher_call *call, void (*done)(struct usher_call *call))
{
	call->done = done;
	call->pushed = false;
	call->armed = false;
	call->over = false;
	call->error = 0;
	call->flags = 0;
	call->result = 0;
}

/**
 * usher_call_begin - take a tag
 * @call: from usher_call_init()
 * @channel: the channel; the caller's reference is the call's, if this succeeds
 * @nowait: do not wait for one
 *
 * Return: 0, and usher_call_end() has to follow; -EAGAIN there is none; -ERESTARTSYS;
 * what the grant died of; -ENODEV.
 */
int usher_call_begin(struct usher_call *call, struct usher_channel *channel, bool nowait)
{
	call->channel = channel;
	call->task = current;
	if (usher_call_take_tag(call))
		return 0;
	return nowait ? -EAGAIN : usher_call_wait_for_tag(call);
}

static void usher_call_drop_buffer(struct usher_call *call)
{
	struct usher_channel *channel = call->channel;
	struct usher_buffer *buf = channel->bufs[call->tag];

	channel->bufs[call->tag] = NULL;
	if (buf)
		usher_buffer_unregister(channel->grant, buf->id);
}

/**
 * usher_call_buffer - memory for a call that has begun
 * @call: the call
 * @bytes: at least so many; what is in it is not for processes
 *
 * Return: the buffer, which stays the channel's; or an ERR_PTR, as
 * usher_buffer_create().
 */
struct usher_buffer *usher_call_buffer(struct usher_call *call, u32 bytes)
{
	struct usher_channel *channel = call->channel;
	struct usher_buffer *buf = channel->bufs[call->tag];

	if (buf && buf->length >= bytes && !channel->stale[call->tag])
		return buf;
	usher_call_drop_buffer(call);
	channel->stale[call->tag] = false;
	buf = usher_buffer_create(channel->grant, PAGE_ALIGN(bytes));
	if (!IS_ERR(buf))
		channel->bufs[call->tag] = buf;
	return buf;
}

static void usher_call_set(struct usher_call *call, struct usher_call *value)
{
	struct usher_channel *channel = call->channel;

	spin_lock_irq(&channel->lock);
	channel->calls[call->tag] = value;
	spin_unlock_irq(&channel->lock);
}

static int usher_call_hand_over(struct usher_call *call, const struct usher_sqe *sqe,
				enum usher_push when)
{
	struct usher_ring *ring = call->channel->ring;

	if (when == USHER_PUSH_LATER)
		return usher_ring_append(ring, sqe, &call->index);
	return usher_ring_push(ring, sqe, when == USHER_PUSH_NOWAIT, &call->index);
}

/**
 * usher_call_push - hand the command over
 * @call: the call, which has begun
 * @sqe: the command; its tag is filled in
 * @when: when it is to be taken
 *
 * Return: 0, and the command is under way, for usher_call_arm(); or what
 * usher_ring_append() or usher_ring_push() returns, and it is not.
 */
int usher_call_push(struct usher_call *call, struct usher_sqe *sqe, enum usher_push when)
{
	int ret;

	sqe->cid = cpu_to_le16(call->tag);
	usher_call_set(call, call);
	ret = usher_call_hand_over(call, sqe, when);
	if (ret)
		usher_call_set(call, NULL);
	else
		call->pushed = true;
	return ret;
}

/**
 * usher_call_arm - from here on the owner may be told, and is
 * @call: the call, which was pushed
 *
 * It may be told before this returns. Then the call is the owner's in @done, and not
 * the caller's any more.
 */
void usher_call_arm(struct usher_call *call)
{
	struct usher_channel *channel = call->channel;
	unsigned long flags;

	spin_lock_irqsave(&channel->lock, flags);
	call->armed = true;
	/* What ended the channel before saw no armed call. */
	if (!call->over && usher_channel_ended(channel))
		queue_work(usher_wake_wq, &channel->work);
	if (call->over)
		call->done(call);
	spin_unlock_irqrestore(&channel->lock, flags);
}

/**
 * usher_call_abandon - leave an armed call to its completion
 * @call: the call; the caller keeps it from being freed
 *
 * Return: true if the owner was not told and will not be; usher_call_end() is to follow.
 */
bool usher_call_abandon(struct usher_call *call)
{
	struct usher_channel *channel = call->channel;
	bool abandoned;

	spin_lock_irq(&channel->lock);
	abandoned = call->armed && channel->calls[call->tag] == call;
	if (abandoned)
		channel->calls[call->tag] = NULL;
	spin_unlock_irq(&channel->lock);
	return abandoned;
}

/**
 * usher_call_end - a call that has begun ends
 * @call: the call: not pushed, over, or abandoned
 *
 * Where the device may still have the command, tag and memory are left to its
 * completion, which never comes on a channel that has ended.
 */
void usher_call_end(struct usher_call *call)
{
	struct usher_channel *channel = call->channel;
	struct usher_buffer *buf = channel->bufs[call->tag];

	if (!call->pushed || (call->over && !call->error)) {
		if (buf && (call->flags & USHER_CQE_DRIVER ||
			    READ_ONCE(channel->kept) + buf->length > USHER_KEPT_BYTES))
			usher_call_drop_buffer(call);
		spin_lock_irq(&channel->lock);
		usher_channel_free_tag(channel, call->tag);
		spin_unlock_irq(&channel->lock);
		/* Pairs with the barrier of set_current_state() in a waiter. */
		if (wq_has_sleeper(&channel->tag_wait))
			usher_wake_one(&channel->tag_wait);
	}
	usher_channel_put(channel);
}
