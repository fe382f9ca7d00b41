/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A ring: a submission and a completion ring in memory shared with a process.
 *
 * Indices are free-running. The kernel keeps copies of its own of every index; of
 * those in the shared memory only sq_tail and cq_head are believed, after a test.
 *
 * It is referenced by its file, by its commands in flight as one, and by whoever
 * runs its turn; the last reference, which may go in an interrupt, queues the work
 * that frees it.
 */
#ifndef _USHER_RING_RING_H
#define _USHER_RING_RING_H

#include <linux/kref.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <uapi/linux/usher.h>

#include "grant/grant.h"
#include "guard/guard.h"
#include "nvme/client.h"

struct eventfd_ctx;
struct page;
struct usher_device;
struct usher_qpair;

/*
 * struct usher_ring - a submission and a completion ring shared with a process
 */
struct usher_ring {
	/* Constant */
	struct kref		ref;
	struct usher_grant	*grant;	/* what it may do; counts as a user */
	struct usher_grant_watch watch;	/* of @grant */
	struct usher_device	*ud;	/* kept by @grant */
	struct usher_qpair	*qp;	/* where its commands go */
	u32			flags;	/* USHER_RING_* */
	u32			sq_entries;
	u32			cq_entries;
	struct usher_ring_ctl	*ctl;	/* control page, in the shared memory */
	struct usher_sqe	*sq;	/* submission entries, likewise */
	struct usher_cqe	*cq;	/* completion entries, likewise */
	struct page		**pages; /* the shared memory */
	u32			nr_pages;
	u32			sq_offset; /* bytes from the start of the memory */
	u32			cq_offset;

	/* Never held while sleeping on anything else; see core/device.h */
	struct mutex		lock; /* submission */
	u32			sq_head;	/* next entry to read */
	/*
	 * Entries before it were handed over by ENTER; a polling thread reads it
	 * without the lock.
	 */
	u32			sq_submitted;
	u32			cq_head;	/* last one that the process told */
	u64			accepted;	/* commands taken, also refused ones */
	u64			refused;	/* of these, refused */
	/*
	 * The copy of the entry that is being taken, and the verdict on it. The
	 * kernel zeroes locals (INIT_STACK_ALL_ZERO): as such they would cost 13
	 * instructions for each command, or some 10 for each batch.
	 */
	struct usher_sqe	sqe;
	struct usher_verdict	verdict;

	/* qp->lock */
	struct usher_client	client;		/* its part of @qp */
	u64			cq_tail;	/* completions posted */
	/* Of these, published to the process, modulo 2^32; waiters read it */
	u32			cq_published;
	u64			driver_completed; /* of @cq_tail, made by the driver */
	bool			sqpoll;		/* a thread is in ENTER to poll it */
	bool			sqpoll_awake;	/* and it is awake; read without */
	bool			broken;		/* an index broke the rules, for good */
	/* Signalled on completions, or NULL; read under RCU */
	struct eventfd_ctx __rcu *eventfd;

	wait_queue_head_t	wait;		/* in ENTER or poll */
	u32			wait_ns;	/* how long waits last; a hint, no lock */
	struct work_struct	wake_work;	/* wakes those in @wait if they are many */
	struct work_struct	free_work;
};

struct usher_ring *usher_ring_alloc(struct usher_grant *grant, u32 flags,
				    u32 sq_entries, u32 cq_entries);
int usher_ring_attach(struct usher_ring *ring);
void usher_ring_free_unattached(struct usher_ring *ring);
void usher_ring_get(struct usher_ring *ring);
bool usher_ring_tryget(struct usher_ring *ring);
void usher_ring_put(struct usher_ring *ring);
void usher_ring_close(struct usher_ring *ring);
void usher_ring_wake(struct usher_ring *ring, __poll_t events, u32 most);

u32 usher_ring_state_flags(const struct usher_ring *ring);
void usher_ring_publish_flags(struct usher_ring *ring);
void usher_ring_break(struct usher_ring *ring);

static inline struct usher_ring *to_usher_ring(struct usher_client *client)
{
	return container_of(client, struct usher_ring, client);
}

#endif /* _USHER_RING_RING_H */
