// SPDX-License-Identifier: GPL-2.0-only
/*
 * Grants: their tree, what is charged to them, narrowing and revoking.
 *
 * A child holds a reference to its parent, so the tree goes from its leaves up.
 * A grant that died stays in the tree until its last reference is gone.
 */
#include <linux/math64.h>
#include <linux/overflow.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/srcu.h>

#include "core/device.h"
#include "core/wake.h"
#include "core/wq.h"
#include "grant/grant.h"

/* ---- who waits ---- */

static void usher_grant_wake_work(struct work_struct *work)
{
	struct usher_grant *grant = container_of(work, struct usher_grant, wake_work);

	usher_wake_poll(&grant->wait, EPOLLIN | EPOLLERR | EPOLLHUP);
}

/*
 * Who waits in poll; when there are many, by a work item, since others wait for
 * grant_lock.
 */
static void usher_grant_wake(struct usher_grant *grant, __poll_t events)
{
	lockdep_assert_held(&grant->ud->grant_lock);
	if (!usher_wake_few(&grant->wait, events, USHER_WAKES))
		queue_work(usher_wake_wq, &grant->wake_work);
}

/* ---- life ---- */

/**
 * usher_grant_alloc - a grant for a node or a file
 * @ud: the device
 * @parent: where it is narrowed from, or NULL
 * @scope: what the guard is to check against
 * @limits: what may be taken
 *
 * Return: the grant, with one user; or an ERR_PTR: ENOMEM, EMLINK.
 */
struct usher_grant *usher_grant_alloc(struct usher_device *ud,
				      struct usher_grant *parent,
				      const struct usher_scope *scope,
				      const struct usher_limits *limits)
{
	struct usher_grant *grant;

	/* Releasing recurses to the ancestors, charging walks them. */
	if (parent && parent->depth >= USHER_MAX_GRANT_DEPTH)
		return ERR_PTR(-EMLINK);
	grant = kzalloc(sizeof(*grant), GFP_KERNEL_ACCOUNT);
	if (!grant)
		return ERR_PTR(-ENOMEM);
	kref_init(&grant->ref);
	refcount_set(&grant->users, 1);
	INIT_LIST_HEAD(&grant->children);
	INIT_LIST_HEAD(&grant->watches);
	init_waitqueue_head(&grant->wait);
	INIT_WORK(&grant->wake_work, usher_grant_wake_work);
	usher_buf_table_init(&grant->bufs);
	usher_budget_init(&grant->budget);
	grant->tenant = parent ? parent->tenant : grant;
	grant->scope = *scope;
	usher_guard_prepare(&grant->scope);
	grant->limits = *limits;
	grant->ud = usher_dev_get(ud);
	mutex_lock(&ud->grant_lock);
	if (parent) {
		grant->parent = usher_grant_get(parent);
		grant->depth = parent->depth + 1;
		/* A dead parent has no live children. */
		grant->dead = parent->dead;
	}
	list_add_tail(&grant->sibling, parent ? &parent->children : &ud->grants);
	mutex_unlock(&ud->grant_lock);
	return grant;
}

/*
 * Its users are a tenant of their own. Nodes have such grants, since who may open a
 * node is decided by the administrator, but how often it is opened is not.
 */
void usher_grant_set_tenant(struct usher_grant *grant)
{
	grant->tenant = grant;
}

struct usher_grant *usher_grant_get(struct usher_grant *grant)
{
	kref_get(&grant->ref);
	return grant;
}

static void usher_grant_release(struct kref *ref)
{
	struct usher_grant *grant = container_of(ref, struct usher_grant, ref);
	struct usher_device *ud = grant->ud;
	struct usher_grant *parent = grant->parent;

	mutex_lock(&ud->grant_lock);
	list_del(&grant->sibling);
	mutex_unlock(&ud->grant_lock);
	/* It is out of the tree, where those who would queue it find it. */
	cancel_work_sync(&grant->wake_work);
	usher_budget_destroy(&grant->budget);
	usher_buf_table_destroy(&grant->bufs);
	kfree(grant);
	if (parent)
		usher_grant_put(parent);
	usher_dev_put(ud);
}

void usher_grant_put(struct usher_grant *grant)
{
	kref_put(&grant->ref, usher_grant_release);
}

/* ---- charging ---- */

static bool usher_grant_fits(const struct usher_grant *grant, u64 pinned,
			     u32 rings)
{
	return pinned <= grant->limits.pinned_bytes - grant->used.pinned_bytes &&
	       rings <= grant->limits.rings - grant->used.rings;
}

/**
 * usher_grant_charge - take from a grant and all its ancestors
 * @grant: where to begin
 * @pinned: bytes of registered memory
 * @rings: rings
 *
 * Return: 0, or -EDQUOT when one of them has not enough left; then nothing was
 * taken from any.
 */
int usher_grant_charge(struct usher_grant *grant, u64 pinned, u32 rings)
{
	struct usher_device *ud = grant->ud;
	struct usher_grant *g;
	int ret = 0;

	mutex_lock(&ud->grant_lock);
	for (g = grant; g; g = g->parent)
		if (!usher_grant_fits(g, pinned, rings))
			ret = -EDQUOT;
	for (g = grant; g && !ret; g = g->parent) {
		g->used.pinned_bytes += pinned;
		g->used.rings += rings;
	}
	mutex_unlock(&ud->grant_lock);
	return ret;
}

void usher_grant_uncharge(struct usher_grant *grant, u64 pinned, u32 rings)
{
	struct usher_device *ud = grant->ud;
	struct usher_grant *g;

	mutex_lock(&ud->grant_lock);
	for (g = grant; g; g = g->parent) {
		g->used.pinned_bytes -= pinned;
		g->used.rings -= rings;
	}
	mutex_unlock(&ud->grant_lock);
}

/* ---- narrowing and revoking ---- */

static int usher_narrow_range(const struct usher_scope *parent, u64 slba,
			      u64 nlb, struct usher_scope *scope)
{
	u64 zone = parent->fmt.zone_blocks;
	u64 skip, rest;

	/* The controller node has no range to narrow. */
	if (!parent->nsid)
		return slba || nlb ? -EOPNOTSUPP : 0;
	if (!nlb || slba < parent->slba)
		return -ERANGE;
	skip = slba - parent->slba;
	if (skip > parent->nlb || nlb > parent->nlb - skip)
		return -ERANGE;
	if (zone) {
		div64_u64_rem(slba, zone, &rest);
		if (rest)
			return -EINVAL;
		div64_u64_rem(nlb, zone, &rest);
		if (rest)
			return -EINVAL;
	}
	scope->slba = slba;
	scope->nlb = nlb;
	scope->whole_ns = parent->whole_ns && nlb == parent->nlb;
	return 0;
}

static int usher_narrow_limits(const struct usher_limits *parent,
			       const struct usher_limits *want,
			       struct usher_limits *limits)
{
	*limits = *want;
	if (!limits->pinned_bytes)
		limits->pinned_bytes = parent->pinned_bytes;
	if (!limits->rings)
		limits->rings = parent->rings;
	if (!limits->ring_depth)
		limits->ring_depth = parent->ring_depth;
	if (limits->pinned_bytes > parent->pinned_bytes ||
	    limits->rings > parent->rings ||
	    limits->ring_depth > parent->ring_depth)
		return -EDQUOT;
	return 0;
}

/**
 * usher_grant_narrow - what a narrowed grant would be
 * @parent: the grant to narrow
 * @arg: what is asked for
 * @scope: filled in
 * @limits: filled in
 *
 * Return: 0, or why it is refused (struct usher_narrow).
 */
int usher_grant_narrow(const struct usher_grant *parent,
		       const struct usher_narrow *arg,
		       struct usher_scope *scope, struct usher_limits *limits)
{
	int ret;

	if (arg->flags || arg->pad || arg->rights & ~USHER_RIGHTS_ALL)
		return -EINVAL;
	if (arg->rights & ~parent->scope.rights)
		return -EACCES;
	*scope = parent->scope;
	scope->rights = arg->rights;
	ret = usher_narrow_range(&parent->scope, arg->slba, arg->nlb, scope);
	if (ret)
		return ret;
	return usher_narrow_limits(&parent->limits, &arg->limits, limits);
}

/* The next grant below @root in the order of a walk, or NULL at its end */
static struct usher_grant *usher_grant_next(struct usher_grant *root,
					    struct usher_grant *grant)
{
	if (!list_empty(&grant->children))
		return list_first_entry(&grant->children, struct usher_grant,
					sibling);
	while (grant != root) {
		if (!list_is_last(&grant->sibling, &grant->parent->children))
			return list_next_entry(grant, sibling);
		grant = grant->parent;
	}
	return NULL;
}

/* True when one of them was alive */
static bool usher_grant_kill_below(struct usher_grant *root, int why)
{
	struct usher_grant *grant = root;
	bool killed = false;

	lockdep_assert_held(&root->ud->grant_lock);
	while ((grant = usher_grant_next(root, grant))) {
		if (grant->dead)
			continue;
		WRITE_ONCE(grant->dead, why);
		killed = true;
	}
	return killed;
}

/* Tell who uses a grant that it has ended; of others nobody notices anything. */
static void usher_grant_tell(struct usher_grant *grant)
{
	struct usher_grant_watch *watch;

	usher_grant_wake(grant, EPOLLIN | EPOLLERR);
	list_for_each_entry(watch, &grant->watches, node)
		watch->ended(watch);
}

/* All sections end that may still submit with what was killed; then tell. */
static void usher_grant_end(struct usher_grant *root)
{
	struct usher_device *ud = root->ud;
	struct usher_grant *grant = root;

	synchronize_srcu_expedited(&ud->srcu);
	mutex_lock(&ud->grant_lock);
	do {
		if (grant->dead)
			usher_grant_tell(grant);
	} while ((grant = usher_grant_next(root, grant)));
	mutex_unlock(&ud->grant_lock);
}

/**
 * usher_grant_kill - end a grant and all its descendants
 * @grant: the grant
 * @why: what its users get: -EACCES or -ESTALE
 *
 * After this no section submits a command with one of them any more.
 */
void usher_grant_kill(struct usher_grant *grant, int why)
{
	struct usher_device *ud = grant->ud;

	mutex_lock(&ud->grant_lock);
	if (!grant->dead)
		WRITE_ONCE(grant->dead, why);
	usher_grant_kill_below(grant, why);
	mutex_unlock(&ud->grant_lock);
	usher_grant_end(grant);
}

/* End all descendants of a grant, which itself lives on; as usher_grant_kill(). */
void usher_grant_revoke(struct usher_grant *grant)
{
	struct usher_device *ud = grant->ud;
	bool killed, any;

	mutex_lock(&ud->grant_lock);
	any = !list_empty(&grant->children);
	killed = usher_grant_kill_below(grant, -EACCES);
	mutex_unlock(&ud->grant_lock);
	if (killed)
		usher_grant_end(grant);
	else if (any)
		/* Another call killed them, and perhaps still waits. */
		synchronize_srcu_expedited(&ud->srcu);
}

/* ---- who is told ---- */

/* Let everyone look again who waits in poll for a grant: the device is gone. */
void usher_grants_wake(struct usher_device *ud)
{
	struct usher_grant *root, *grant;

	mutex_lock(&ud->grant_lock);
	list_for_each_entry(root, &ud->grants, sibling)
		for (grant = root; grant; grant = usher_grant_next(root, grant))
			usher_grant_wake(grant, EPOLLIN | EPOLLERR | EPOLLHUP);
	mutex_unlock(&ud->grant_lock);
}

/* From here on @watch is told; of a grant that has ended already it finds out itself. */
void usher_grant_watch(struct usher_grant *grant, struct usher_grant_watch *watch)
{
	mutex_lock(&grant->ud->grant_lock);
	list_add(&watch->node, &grant->watches);
	mutex_unlock(&grant->ud->grant_lock);
}

void usher_grant_unwatch(struct usher_grant *grant, struct usher_grant_watch *watch)
{
	mutex_lock(&grant->ud->grant_lock);
	list_del(&watch->node);
	mutex_unlock(&grant->ud->grant_lock);
}
