// SPDX-License-Identifier: GPL-2.0-only
/*
 * Grants: what an open file may do. Node, slice and narrowed grant fds share
 * one set of file operations; only how they come to be differs.
 */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "usher.h"

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
	INIT_LIST_HEAD(&grant->sibling);
	usher_bufs_init(&grant->bufs);
	grant->scope = *scope;
	usher_guard_prepare(&grant->scope);
	grant->limits = *limits;
	kref_get(&ud->ref);
	grant->ud = ud;
	if (parent) {
		grant->parent = usher_grant_get(parent);
		grant->depth = parent->depth + 1;
		mutex_lock(&ud->grant_lock);
		list_add_tail(&grant->sibling, &parent->children);
		/* A dead parent has no live children. */
		grant->dead = parent->dead;
		mutex_unlock(&ud->grant_lock);
	}
	return grant;
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
	usher_bufs_destroy(&grant->bufs);
	kfree(grant);
	if (parent)
		usher_grant_put(parent);
	usher_device_put(ud);
}

void usher_grant_put(struct usher_grant *grant)
{
	kref_put(&grant->ref, usher_grant_release);
}

/* A file or a ring that may use the registered buffers */
void usher_grant_use(struct usher_grant *grant)
{
	refcount_inc(&grant->users);
	usher_grant_get(grant);
}

void usher_grant_unuse(struct usher_grant *grant)
{
	if (refcount_dec_and_test(&grant->users))
		usher_buffers_drop(grant);
	usher_grant_put(grant);
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

static void usher_grant_kill_below(struct usher_grant *root, int why)
{
	struct usher_grant *grant = root;

	lockdep_assert_held(&root->ud->grant_lock);
	while ((grant = usher_grant_next(root, grant)))
		if (!grant->dead)
			WRITE_ONCE(grant->dead, why);
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
	synchronize_srcu_expedited(&ud->srcu);
	usher_device_wake(ud);
}

static void usher_grant_revoke(struct usher_grant *grant)
{
	struct usher_device *ud = grant->ud;

	mutex_lock(&ud->grant_lock);
	usher_grant_kill_below(grant, -EACCES);
	mutex_unlock(&ud->grant_lock);
	synchronize_srcu_expedited(&ud->srcu);
	usher_device_wake(ud);
}

/* ---- ioctls ---- */

static int usher_ioctl_info(void *object, void *data, void __user *argp)
{
	struct usher_grant *grant = object;
	struct usher_grant_info *info = data;
	const struct usher_scope *scope = &grant->scope;
	struct usher_device *ud = grant->ud;
	u32 size = info->size;
	int dead = READ_ONCE(grant->dead);

	if (info->flags)
		return -EINVAL;
	*info = (struct usher_grant_info) {
		.size		= size,
		.state		= dead == -EACCES ? USHER_GRANT_REVOKED :
				  dead ? USHER_GRANT_STALE : USHER_GRANT_LIVE,
		.nsid		= scope->nsid,
		.rights		= scope->rights,
		.csi		= scope->fmt.csi,
		.lba_shift	= scope->fmt.lba_shift,
		.lba_bytes	= scope->lba_bytes,
		.metadata_bytes	= scope->fmt.metadata,
		.max_transfer	= scope->max_bytes,
		.slba		= scope->slba,
		.nlb		= scope->nlb,
		.ns_blocks	= scope->ns_blocks,
		.zone_blocks	= scope->fmt.zone_blocks,
		.limits		= grant->limits,
		.max_entries	= grant->limits.ring_depth,
		.queue_pairs	= ud->nr_queues,
		.max_dsm_ranges	= scope->max_ranges,
		.vwc		= ud->vwc,
	};
	mutex_lock(&ud->grant_lock);
	info->used = grant->used;
	mutex_unlock(&ud->grant_lock);
	return 0;
}

static int usher_ioctl_narrow(void *object, void *data, void __user *argp)
{
	struct usher_grant *grant = object;
	struct usher_limits limits;
	struct usher_scope scope;
	struct usher_grant *child;
	int ret;

	ret = READ_ONCE(grant->dead);
	if (ret)
		return ret;
	ret = usher_grant_narrow(grant, data, &scope, &limits);
	if (ret)
		return ret;
	child = usher_grant_alloc(grant->ud, grant, &scope, &limits);
	if (IS_ERR(child))
		return PTR_ERR(child);
	ret = anon_inode_getfd("[usher-grant]", &usher_node_fops, child,
			       O_RDWR | O_CLOEXEC);
	if (ret < 0)
		usher_grant_unuse(child);
	return ret;
}

static int usher_ioctl_revoke(void *object, void *data, void __user *argp)
{
	struct usher_grant *grant = object;
	const struct usher_revoke *arg = data;

	if (arg->flags)
		return -EINVAL;
	usher_grant_revoke(grant);
	return 0;
}

static int usher_check_slice(const struct usher_grant *grant,
			     const struct usher_slice *arg)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (!grant->scope.nsid)
		return -EOPNOTSUPP;
	if (arg->flags)
		return -EINVAL;
	return 0;
}

static int usher_ioctl_slice_add(void *object, void *data, void __user *argp)
{
	struct usher_grant *grant = object;
	struct usher_slice *arg = data;
	int ret;

	ret = usher_check_slice(grant, arg);
	if (ret)
		return ret;
	/* devtmpfs takes a mode of 0 for "as usual". */
	if (arg->id || !arg->mode || arg->mode & ~0666 ||
	    !uid_valid(make_kuid(current_user_ns(), arg->uid)) ||
	    !gid_valid(make_kgid(current_user_ns(), arg->gid)))
		return -EINVAL;
	return usher_slice_add(grant, arg);
}

static int usher_ioctl_slice_remove(void *object, void *data, void __user *argp)
{
	struct usher_grant *grant = object;
	const struct usher_slice *arg = data;
	int ret;

	ret = usher_check_slice(grant, arg);
	if (ret)
		return ret;
	if (arg->uid || arg->gid || arg->mode)
		return -EINVAL;
	return usher_slice_remove(grant, arg->id);
}

static int usher_ioctl_buf_register(void *object, void *data, void __user *argp)
{
	struct usher_grant *grant = object;
	struct usher_buf_register *arg = data;

	if (arg->flags & ~USHER_BUF_RDONLY || arg->pad || arg->id)
		return -EINVAL;
	return usher_buffer_register(grant, arg);
}

static int usher_ioctl_buf_unregister(void *object, void *data, void __user *argp)
{
	struct usher_grant *grant = object;
	const struct usher_buf_unregister *arg = data;

	return usher_buffer_unregister(grant, arg->id);
}

static int usher_ioctl_ring_create(void *object, void *data, void __user *argp)
{
	struct usher_grant *grant = object;
	return usher_ring_create_fd(grant, data, argp);
}

static int usher_ioctl_admin(void *object, void *data, void __user *argp)
{
	struct usher_grant *grant = object;
	struct usher_admin *arg = data;
	void *page;
	int ret;

	if (arg->flags || arg->pad || arg->status || arg->result)
		return -EINVAL;
	page = kzalloc(NVME_IDENTIFY_DATA_SIZE, GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	ret = usher_nvme_query(grant, arg, page);
	if (ret > 0 && copy_to_user(u64_to_user_ptr(arg->data), page, ret))
		ret = -EFAULT;
	kfree(page);
	return min(ret, 0);
}

static void usher_undo_slice_add(void *object, void *data)
{
	const struct usher_slice *arg = data;

	usher_slice_remove(object, arg->id);
}

static void usher_undo_buf_register(void *object, void *data)
{
	const struct usher_buf_register *arg = data;

	usher_buffer_unregister(object, arg->id);
}

#define USHER_GRANT_IOCTL(code, fn, type, last, ...)			\
	USHER_IOCTL(USHER_IOC_GRANT_INFO, code, fn, type, last, ##__VA_ARGS__)

static const struct usher_ioctl usher_grant_ioctls[] = {
	USHER_GRANT_IOCTL(USHER_IOC_GRANT_INFO, usher_ioctl_info,
			  struct usher_grant_info, state, .answers = true),
	USHER_GRANT_IOCTL(USHER_IOC_NARROW, usher_ioctl_narrow,
			  struct usher_narrow, rights),
	USHER_GRANT_IOCTL(USHER_IOC_REVOKE, usher_ioctl_revoke,
			  struct usher_revoke, flags),
	USHER_GRANT_IOCTL(USHER_IOC_SLICE_ADD, usher_ioctl_slice_add,
			  struct usher_slice, mode, .answers = true,
			  .undo = usher_undo_slice_add),
	USHER_GRANT_IOCTL(USHER_IOC_SLICE_REMOVE, usher_ioctl_slice_remove,
			  struct usher_slice, id),
	USHER_GRANT_IOCTL(USHER_IOC_BUF_REGISTER, usher_ioctl_buf_register,
			  struct usher_buf_register, id, .answers = true,
			  .undo = usher_undo_buf_register),
	USHER_GRANT_IOCTL(USHER_IOC_BUF_UNREGISTER, usher_ioctl_buf_unregister,
			  struct usher_buf_unregister, id),
	USHER_GRANT_IOCTL(USHER_IOC_RING_CREATE, usher_ioctl_ring_create,
			  struct usher_ring_create, sq_entries),
	USHER_GRANT_IOCTL(USHER_IOC_ADMIN, usher_ioctl_admin,
			  struct usher_admin, data, .answers = true),
};

static const struct usher_ioctl_table usher_grant_ioctl_table = {
	.ioctls	= usher_grant_ioctls,
	.first	= _IOC_NR(USHER_IOC_GRANT_INFO),
	.nr	= ARRAY_SIZE(usher_grant_ioctls),
	.type	= USHER_IOC_TYPE,
};

static long usher_grant_ioctl(struct file *file, unsigned int cmd,
			      unsigned long arg)
{
	struct usher_grant *grant = file->private_data;

	return usher_ioctl(&usher_grant_ioctl_table, grant,
			   usher_state(grant->ud) == USHER_GONE, cmd,
			   (void __user *)arg);
}

/* ---- files ---- */

static u32 usher_rights_of_mode(fmode_t mode)
{
	u32 rights = USHER_RIGHT_ADMIN;

	if (mode & FMODE_READ)
		rights |= USHER_RIGHT_READ;
	if (mode & FMODE_WRITE)
		rights |= USHER_RIGHT_WRITE | USHER_RIGHT_FLUSH;
	return rights;
}

static int usher_node_open(struct inode *inode, struct file *file)
{
	struct usher_node *node =
		container_of(inode->i_cdev, struct usher_node, cdev);
	struct usher_scope scope = node->grant->scope;
	struct usher_grant *grant;

	if (usher_state(node->ud) == USHER_GONE)
		return -ENODEV;
	scope.rights &= usher_rights_of_mode(file->f_mode);
	grant = usher_grant_alloc(node->ud, node->grant, &scope,
				  &node->grant->limits);
	if (IS_ERR(grant))
		return PTR_ERR(grant);
	file->private_data = grant;
	return nonseekable_open(inode, file);
}

static int usher_grant_close(struct inode *inode, struct file *file)
{
	usher_grant_unuse(file->private_data);
	return 0;
}

const struct file_operations usher_node_fops = {
	.owner		= THIS_MODULE,
	.open		= usher_node_open,
	.release	= usher_grant_close,
	.unlocked_ioctl	= usher_grant_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};
