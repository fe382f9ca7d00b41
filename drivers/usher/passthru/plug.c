// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands that are handed over together.
 *
 * io_uring holds a plug of the block layer while it submits many entries, so that drivers
 * see them one by one and tell the device once. Ours are appended to the channel's ring
 * and taken when the plug is finished.
 */
#include <linux/blkdev.h>
#include <linux/slab.h>

#include "passthru/channel.h"
#include "passthru/plug.h"

/*
 * struct usher_plug - what a plug has of ours; the block layer's memory
 */
struct usher_plug {
	struct blk_plug_cb	cb;	/* @cb.data is the channel */
	bool			held;	/* with a reference, as once it is complete */
};

/* The plug is finished, or its task goes to sleep and must not do so here. */
static void usher_unplug(struct blk_plug_cb *cb, bool from_schedule)
{
	struct usher_channel *channel = cb->data;

	usher_channel_kick(channel, from_schedule);
	usher_channel_put(channel);
	kfree(container_of(cb, struct usher_plug, cb));
}

/**
 * usher_plug - will a channel be kicked when what is handed over now is complete?
 * @channel: the channel, held by the caller
 */
bool usher_plug(struct usher_channel *channel)
{
	struct blk_plug_cb *cb;
	struct usher_plug *plug;

	cb = blk_check_plugged(usher_unplug, channel, sizeof(*plug));
	if (!cb)
		return false;
	plug = container_of(cb, struct usher_plug, cb);
	if (!plug->held)
		kref_get(&channel->ref);
	plug->held = true;
	return true;
}
