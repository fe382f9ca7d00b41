/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registered memory: pinned, mapped for DMA, and found by the commands that name
 * it.
 */
#ifndef _USHER_GRANT_BUFFER_H
#define _USHER_GRANT_BUFFER_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/percpu-refcount.h>
#include <linux/scatterlist.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "core/pin.h"
#include "grant/buf_table.h"
#include "nvme/ctrl.h"
#include "nvme/prp.h"

struct iov_iter;
struct usher_buf_register;
struct usher_device;
struct usher_grant;

/*
 * struct usher_buffers - all registered buffers of a device
 *
 * Embedded in what device/ allocates.
 */
struct usher_buffers {
	struct mutex		lock; /* @list, and where said so below */
	struct list_head	list;
};

/*
 * struct usher_buffer - memory registered with a grant, of a process or ours
 *
 * Freed by @work when @ref is gone. One that a device may reach for ever stays in
 * the list of its device, where kmemleak finds it.
 */
struct usher_buffer {
	struct percpu_ref	ref;	/* commands in flight; one until unregistered */
	struct usher_grant	*grant;	/* charged for the pages; holds a reference */
	struct usher_device	*ud;	/* kept by @grant */
	u32			id;	/* in the grant's table */
	u32			first;	/* offset of the first byte in its page */
	u64			length;	/* bytes */
	struct usher_pin	pin;	/* host pages, pinned and charged */
	struct sg_table		sgt;	/* DMA mapping of @pin */
	struct usher_prps	prps;	/* bus addresses */
	bool			leaked;	/* for ever in reach; set while it is stopped */
	atomic_t		pinned;	/* @pin is, and charged; who clears it releases that */
	struct llist_node	released; /* @ref is gone, and @work not queued yet */
	struct work_struct	work;	/* releases the buffer; may sleep */
	struct work_struct	unpin_work; /* releases pages after removal */

	/* usher_buffers.lock */
	struct list_head	node;	/* in usher_buffers.list */
	bool			mapped;	/* @sgt and @prps are valid */
	bool			unused;	/* @ref is gone, only the leak keeps it */
};

void usher_buffers_init(struct usher_buffers *buffers, struct usher_device *ud);
void usher_buffers_unmap(struct usher_buffers *buffers, enum usher_dma_proof dma);
u64 usher_buffers_leaked(struct usher_buffers *buffers);

int usher_buffer_register(struct usher_grant *grant,
			  struct usher_buf_register *arg);
int usher_buffer_unregister(struct usher_grant *grant, u32 id);
void usher_grant_use(struct usher_grant *grant);
void usher_grant_unuse(struct usher_grant *grant);
void usher_buffer_snapshot(const struct usher_buffer *buf, u64 offset,
			   void *to, u32 bytes);

struct usher_buffer *usher_buffer_create(struct usher_grant *grant, u64 length);
void usher_buffer_clear(struct usher_buffer *buf, u32 bytes);
int usher_buffer_from_iter(struct usher_buffer *buf, struct iov_iter *from, u32 bytes);
int usher_buffer_to_iter(const struct usher_buffer *buf, struct iov_iter *to, u32 bytes);

/* Nothing proves that the device will ever let go of it; it is stopped. */
static inline void usher_buffer_lose(struct usher_buffer *buf)
{
	WRITE_ONCE(buf->leaked, true);
}

/*
 * A reference for one command, or NULL when there is no such buffer. In an RCU
 * section, inline: every command comes here.
 */
static inline struct usher_buffer *
usher_buffer_get(struct usher_buf_table *table, u32 id)
{
	struct usher_buffer *buf = usher_buf_table_find(table, id);

	return buf && percpu_ref_tryget_live_rcu(&buf->ref) ? buf : NULL;
}

#endif /* _USHER_GRANT_BUFFER_H */
