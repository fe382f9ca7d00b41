/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A grant: what an open file may do. Grants form a tree, from that of a node down
 * by NARROW; what one takes is charged to all its ancestors, and revoking one ends
 * all its descendants.
 */
#ifndef _USHER_GRANT_GRANT_H
#define _USHER_GRANT_GRANT_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <uapi/linux/usher.h>

#include "grant/buf_table.h"
#include "guard/guard.h"
#include "nvme/budget.h"

struct usher_device;

#define USHER_MAX_GRANT_DEPTH	32
#define USHER_MAX_RINGS		65536	/* of one grant */
#define USHER_MAX_RING_ENTRIES	4096	/* of a submission ring */

/**
 * struct usher_grant_watch - who is to be told that a grant was revoked or is stale
 * @node: in usher_grant.watches, or empty; usher_device.grant_lock
 * @ended: tells; grant_lock held, after the last section that did not know
 */
struct usher_grant_watch {
	struct list_head	node;
	void (*ended)(struct usher_grant_watch *watch);
};

/*
 * struct usher_grant - what an open file may do
 */
struct usher_grant {
	struct kref		ref;	/* files, rings, buffers, children, nodes */
	/* The file and the rings: buffers stay registered while there are any. */
	refcount_t		users;
	struct usher_device	*ud;	/* holds a reference */
	struct usher_grant	*parent; /* it was narrowed from, or NULL; referenced */
	u32			depth;	/* number of ancestors */
	struct usher_scope	scope;	/* what the guard checks against */
	struct usher_limits	limits;	/* what may be taken */
	struct usher_buf_table	bufs;	/* registered memory */
	/* Whose budget its commands take from: itself, or an ancestor */
	struct usher_grant	*tenant;
	struct usher_budget	budget;	/* blocks in flight, of a tenant */
	wait_queue_head_t	wait;	/* in poll, until it ends */
	struct work_struct	wake_work;	/* wakes those in @wait if they are many */

	/* ud->grant_lock */
	struct list_head	children; /* narrowed from it */
	/* In the parent's @children, or usher_device.grants */
	struct list_head	sibling;
	struct list_head	watches; /* the rings', struct usher_grant_watch */
	struct usher_limits	used;	/* what is taken */
	/* 0, -EACCES (revoked) or -ESTALE; read in sections without the lock */
	int			dead;
};

struct usher_grant *usher_grant_alloc(struct usher_device *ud,
				      struct usher_grant *parent,
				      const struct usher_scope *scope,
				      const struct usher_limits *limits);
void usher_grant_set_tenant(struct usher_grant *grant);
struct usher_grant *usher_grant_get(struct usher_grant *grant);
void usher_grant_put(struct usher_grant *grant);

int usher_grant_narrow(const struct usher_grant *parent,
		       const struct usher_narrow *arg,
		       struct usher_scope *scope, struct usher_limits *limits);
void usher_grant_kill(struct usher_grant *grant, int why);
void usher_grant_revoke(struct usher_grant *grant);
void usher_grants_wake(struct usher_device *ud);
void usher_grant_watch(struct usher_grant *grant, struct usher_grant_watch *watch);
void usher_grant_unwatch(struct usher_grant *grant, struct usher_grant_watch *watch);
int usher_grant_charge(struct usher_grant *grant, u64 pinned, u32 rings);
void usher_grant_uncharge(struct usher_grant *grant, u64 pinned, u32 rings);

#endif /* _USHER_GRANT_GRANT_H */
