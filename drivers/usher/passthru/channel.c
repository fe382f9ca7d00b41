// SPDX-License-Identifier: GPL-2.0-only
/*
 * Channels: commands that a thread waits for, on a ring of the kernel's own.
 *
 * A thread takes a tag, hands its entry over and sleeps on the ring's list of waiters.
 * Whoever is woken there first reads all new completions: it gives each to the thread
 * that waits for it, and the tag back. Then it wakes its thread if that has what it
 * waits for.
 *
 * A thread that is killed leaves its command behind: the tag stays in use, and the
 * device has the buffer, until the completion comes. Other signals wait.
 */
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "core/device.h"
#include "core/wake.h"
#include "grant/buffer.h"
#include "grant/grant.h"
#include "passthru/channel.h"
#include "ring/enter.h"
#include "ring/indices.h"
#include "ring/ring.h"

/* A buffer that is kept for the next command is not longer. */
#define USHER_KEPT_BYTES	SZ_128K

/* ---- life ---- */

/**
 * usher_channel_alloc - make a channel
 * @parent: grant of the file, of a namespace
 *
 * Return: the channel, or an ERR_PTR: EDQUOT no ring left in a limit; EMLINK; EBUSY,
 * EINTR, ENODEV or ENOMEM as for any ring.
 */
struct usher_channel *usher_channel_alloc(struct usher_grant *parent)
{
	struct usher_channel *channel;
	struct usher_grant *grant;
	int ret = -ENOMEM;

	channel = kzalloc(sizeof(*channel), GFP_KERNEL_ACCOUNT);
	if (!channel)
		return ERR_PTR(-ENOMEM);
	kref_init(&channel->ref);
	spin_lock_init(&channel->lock);
	channel->entries = rounddown_pow_of_two(min_t(u32, parent->limits.ring_depth,
						      USHER_CHANNEL_ENTRIES));
	grant = usher_grant_alloc(parent->ud, parent, &parent->scope, &parent->limits);
	if (IS_ERR(grant)) {
		ret = PTR_ERR(grant);
		goto free_channel;
	}
	channel->grant = grant;
	ret = usher_grant_charge(grant, 0, 1);
	if (ret)
		goto unuse;
	ret = -ENOMEM;
	channel->ring = usher_ring_alloc(grant, 0, channel->entries, channel->entries);
	if (!channel->ring)
		goto uncharge;
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

/* Commands in flight finish by themselves, as those of any closed ring. */
static void usher_channel_release(struct kref *ref)
{
	struct usher_channel *channel = container_of(ref, struct usher_channel, ref);

	usher_ring_close(channel->ring);
	usher_grant_unuse(channel->grant);
	kfree(channel);
}

void usher_channel_put(struct usher_channel *channel)
{
	kref_put(&channel->ref, usher_channel_release);
}

/* ---- completions ---- */

static void usher_channel_complete(struct usher_channel *channel,
				   const struct usher_cqe *cqe)
{
	u32 tag = le16_to_cpu(cqe->cid);
	struct usher_call *call = channel->calls[tag];

	channel->calls[tag] = NULL;
	__clear_bit(tag, channel->busy);
	if (!call)
		return;
	call->result = le32_to_cpu(cqe->dw0) | (u64)le32_to_cpu(cqe->dw1) << 32;
	call->status = le16_to_cpu(cqe->status) >> 1;
	call->flags = le16_to_cpu(cqe->flags);
	call->done = true;
}

/* Read all that was published; channel->lock held. */
static void usher_channel_reap(struct usher_channel *channel)
{
	struct usher_ring *ring = channel->ring;
	u32 tail = usher_ring_published(ring);

	lockdep_assert_held(&channel->lock);
	if (channel->cq_head == tail)
		return;
	while (channel->cq_head != tail)
		usher_channel_complete(channel,
				       &ring->cq[channel->cq_head++ &
						 (channel->entries - 1)]);
	/* Pairs with the acquire in usher_ring_read_indices(). */
	smp_store_release(&ring->ctl->cq_head, channel->cq_head);
}

static bool usher_call_take_tag(struct usher_call *call)
{
	struct usher_channel *channel = call->channel;
	u32 tag = find_first_zero_bit(channel->busy, channel->entries);

	if (tag == channel->entries)
		return false;
	__set_bit(tag, channel->busy);
	channel->calls[tag] = call;
	call->tag = tag;
	return true;
}

/* Has it what it waits for: a tag, or the completion of its command? */
static bool usher_call_ready(struct usher_call *call)
{
	struct usher_channel *channel = call->channel;
	unsigned long flags;
	bool ready;

	spin_lock_irqsave(&channel->lock, flags);
	usher_channel_reap(channel);
	ready = call->done || (!call->pushed && (call->tag >= 0 || usher_call_take_tag(call)));
	spin_unlock_irqrestore(&channel->lock, flags);
	return ready;
}

/* ---- waiting ---- */

/* Why waiting is in vain, or 0. A command that the device has outlives its grant. */
static int usher_call_ended(const struct usher_call *call)
{
	/* Removal ends the grants, too: first look at them, then at the device. */
	int dead = READ_ONCE(call->channel->grant->dead);

	if (usher_dev_gone(call->channel->ring->ud))
		return -ENODEV;
	return call->taken ? 0 : dead;
}

static int usher_call_wake(struct wait_queue_entry *entry, unsigned int mode,
			   int sync, void *key)
{
	struct usher_call *call = container_of(entry, struct usher_call, entry);

	if (!usher_call_ready(call) && !usher_call_ended(call))
		return 0;
	return autoremove_wake_function(entry, mode, sync, key);
}

/* Until it is ready, killed or ended */
static void usher_call_sleep(struct usher_call *call)
{
	struct wait_queue_head *wait = &call->channel->ring->wait;

	init_wait(&call->entry);
	call->entry.func = usher_call_wake;
	for (;;) {
		prepare_to_wait(wait, &call->entry, TASK_KILLABLE);
		if (usher_call_ready(call) || usher_call_ended(call) ||
		    fatal_signal_pending(current))
			break;
		schedule();
	}
	finish_wait(wait, &call->entry);
}

/* Returns 0 when it is ready, or a negative errno. */
static int usher_call_wait(struct usher_call *call)
{
	int ret;

	for (;;) {
		usher_call_sleep(call);
		if (usher_call_ready(call))
			return 0;
		if (fatal_signal_pending(current))
			return -EINTR;
		ret = usher_call_ended(call);
		if (ret == -ENODEV || !call->pushed ||
		    !usher_ring_took(call->channel->ring, call->index))
			return ret;
		call->taken = true;
	}
}

/* ---- commands ---- */

/* The thread goes. A command that was handed over keeps its tag. */
static void usher_call_end(struct usher_call *call)
{
	struct usher_channel *channel = call->channel;
	bool unused = false;

	spin_lock_irq(&channel->lock);
	if (!call->done && call->tag >= 0) {
		channel->calls[call->tag] = NULL;
		unused = !call->pushed;
		if (unused)
			__clear_bit(call->tag, channel->busy);
	}
	spin_unlock_irq(&channel->lock);
	/* There is no completion that would wake who waits for a tag. */
	if (unused)
		usher_ring_wake(channel->ring, EPOLLIN, USHER_WAKES);
}

/**
 * usher_channel_do - do a command and wait for it
 * @channel: the channel, held by the caller
 * @sqe: the command; its tag is chosen here
 * @call: filled in: with status and result, if this succeeds
 *
 * Return: 0 when there is a completion; -EINTR when the process was killed, which leaves
 * the command to its completion; what the grant died of, -ENODEV or -ERESTARTSYS.
 */
int usher_channel_do(struct usher_channel *channel, struct usher_sqe *sqe,
		     struct usher_call *call)
{
	int ret;

	*call = (struct usher_call) { .channel = channel, .tag = -1 };
	ret = usher_call_wait(call);
	if (ret)
		goto end;
	sqe->cid = cpu_to_le16(call->tag);
	ret = usher_ring_push(channel->ring, sqe, &call->index);
	if (ret)
		goto end;
	call->pushed = true;
	ret = usher_call_wait(call);
end:
	usher_call_end(call);
	return ret;
}

/* ---- memory ---- */

/**
 * usher_channel_get_buffer - memory for one command
 * @channel: the channel, held by the caller
 * @bytes: at least so many; what is in it is not for processes
 *
 * Return: the buffer or an ERR_PTR, as usher_buffer_create().
 */
struct usher_buffer *usher_channel_get_buffer(struct usher_channel *channel, u32 bytes)
{
	struct usher_buffer *buf = xchg(&channel->kept, NULL);

	if (buf && buf->length >= bytes)
		return buf;
	if (buf)
		usher_channel_put_buffer(channel, buf, false);
	return usher_buffer_create(channel->grant, PAGE_ALIGN(bytes));
}

/**
 * usher_channel_put_buffer - the command is done, or left behind
 * @channel: the channel, held by the caller
 * @buf: from usher_channel_get_buffer()
 * @reuse: the device has completed the command, and so lets go of the memory
 */
void usher_channel_put_buffer(struct usher_channel *channel,
			      struct usher_buffer *buf, bool reuse)
{
	if (reuse && buf->length <= USHER_KEPT_BYTES)
		buf = xchg(&channel->kept, buf);
	if (buf)
		usher_buffer_unregister(channel->grant, buf->id);
}
