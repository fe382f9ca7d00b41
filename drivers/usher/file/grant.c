// SPDX-License-Identifier: GPL-2.0-only
/*
 * Grant fds: of nodes, of slices and of narrowed grants. They share one set of file
 * operations; only how they come to be differs.
 */
#include <linux/anon_inodes.h>
#include <linux/capability.h>
#include <linux/compat.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/nvme.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uidgid.h>

#include "compat.h"
#include "core/device.h"
#include "core/ioctl.h"
#include "file/grant.h"
#include "file/ring.h"
#include "grant/buffer.h"
#include "grant/grant.h"
#include "grant/namespace.h"
#include "grant/node.h"
#include "grant/query.h"
#include "nvme/ctrl.h"
#include "passthru/io.h"
#include "passthru/passthru.h"
#include "passthru/uring.h"

/*
 * struct usher_grant_file - an open file of a grant
 */
struct usher_grant_file {
	struct usher_grant	*grant;
	struct usher_passthru	passthru; /* ioctls of the stock driver */
};

/*
 * Takes over the reference. Returns NULL without memory; then it is gone, too. @rights
 * are those that administrators have.
 */
static struct usher_grant_file *usher_grant_file_alloc(struct usher_grant *grant,
						       u32 rights)
{
	struct usher_grant_file *gf = kzalloc(sizeof(*gf), GFP_KERNEL_ACCOUNT);

	if (!gf) {
		usher_grant_unuse(grant);
		return NULL;
	}
	gf->grant = grant;
	usher_passthru_init(&gf->passthru, grant, rights);
	return gf;
}

static void usher_grant_file_free(struct usher_grant_file *gf)
{
	usher_passthru_destroy(&gf->passthru);
	usher_grant_unuse(gf->grant);
	kfree(gf);
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
		.queue_pairs	= ud->ctrl->nr_queues,
		.max_dsm_ranges	= scope->max_ranges,
		.vwc		= ud->ctrl->vwc,
		.max_verify_blocks = scope->verify_blocks,
		.max_zeroes_blocks = scope->zeroes_blocks,
		.max_uncorrectable_blocks = scope->uncor_blocks,
		.max_dsm_range_blocks = scope->range_blocks,
		.max_dsm_blocks	= scope->dsm_blocks,
		.max_copy_ranges = scope->copy_ranges,
		.max_copy_range_blocks = scope->copy_range_blocks,
		.max_copy_blocks = scope->copy_blocks,
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
	struct usher_grant_file *gf;
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
	gf = usher_grant_file_alloc(child, child->scope.rights);
	if (!gf)
		return -ENOMEM;
	ret = anon_inode_getfd("[usher-grant]", &usher_grant_fops, gf,
			       O_RDWR | O_CLOEXEC);
	if (ret < 0)
		usher_grant_file_free(gf);
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
	struct usher_node_owner owner = {
		.uid	= make_kuid(current_user_ns(), arg->uid),
		.gid	= make_kgid(current_user_ns(), arg->gid),
		.mode	= arg->mode,
	};
	int ret;

	ret = usher_check_slice(grant, arg);
	if (ret)
		return ret;
	/* devtmpfs takes a mode of 0 for "as usual". */
	if (arg->id || !arg->mode || arg->mode & ~0666 ||
	    !uid_valid(owner.uid) || !gid_valid(owner.gid))
		return -EINVAL;
	return usher_slice_add(grant, &owner, &arg->id);
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
	return usher_ring_create_fd(object, data, argp);
}

static int usher_ioctl_admin(void *object, void *data, void __user *argp)
{
	struct usher_grant *grant = object;
	struct usher_admin *arg = data;
	int ret;

	if (arg->flags || arg->pad || arg->status || arg->result)
		return -EINVAL;
	ret = usher_grant_query(grant, arg, &arg->result);
	if (ret < 0)
		return ret;
	arg->status = ret;
	return 0;
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
	struct usher_grant_file *gf = file->private_data;
	void __user *argp = (void __user *)arg;

	if (_IOC_TYPE(cmd) == USHER_NVME_IOC_TYPE)
		return usher_passthru_ioctl(&gf->passthru, cmd, argp);
	return usher_ioctl(&usher_grant_ioctl_table, gf->grant,
			   usher_dev_gone(gf->grant->ud), cmd, argp);
}

static int usher_grant_uring_cmd(struct io_uring_cmd *ioucmd, unsigned int issue_flags)
{
	struct usher_grant_file *gf = ioucmd->file->private_data;

	return usher_passthru_uring(&gf->passthru, ioucmd, issue_flags);
}

static int usher_grant_uring_iopoll(struct io_uring_cmd *ioucmd,
				    struct io_comp_batch *batch, unsigned int flags)
{
	struct usher_grant_file *gf = ioucmd->file->private_data;

	usher_passthru_uring_poll(&gf->passthru, ioucmd);
	return 0;
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
	struct usher_grant_file *gf;
	struct usher_grant *grant;

	if (usher_dev_gone(node->ud))
		return -ENODEV;
	scope.rights &= usher_rights_of_mode(file->f_mode);
	grant = usher_grant_alloc(node->ud, node->grant, &scope,
				  &node->grant->limits);
	if (IS_ERR(grant))
		return PTR_ERR(grant);
	gf = usher_grant_file_alloc(grant, node->grant->scope.rights);
	if (!gf)
		return -ENOMEM;
	file->private_data = gf;
	/* What programs mean by O_DIRECT is so on every file. */
	file->f_mode |= FMODE_CAN_ODIRECT;
	return nonseekable_open(inode, file);
}

/* It says that the grant has ended: there is nothing else to wait for. */
static __poll_t usher_grant_poll(struct file *file, poll_table *wait)
{
	struct usher_grant_file *gf = file->private_data;
	struct usher_grant *grant = gf->grant;

	poll_wait(file, &grant->wait, wait);
	if (usher_dev_gone(grant->ud))
		return EPOLLIN | EPOLLERR | EPOLLHUP;
	return READ_ONCE(grant->dead) ? EPOLLIN | EPOLLERR : 0;
}

static int usher_grant_close(struct inode *inode, struct file *file)
{
	usher_grant_file_free(file->private_data);
	return 0;
}

const struct file_operations usher_grant_fops = {
	.owner		= THIS_MODULE,
	.open		= usher_node_open,
	.release	= usher_grant_close,
	.poll		= usher_grant_poll,
	.unlocked_ioctl	= usher_grant_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.uring_cmd	= usher_grant_uring_cmd,
	.uring_cmd_iopoll = usher_grant_uring_iopoll,
};
