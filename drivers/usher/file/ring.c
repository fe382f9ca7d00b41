// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ring fds: creation, mmap, poll and ioctls. The file holds one reference to its
 * ring, which its last close gives up.
 */
#include <linux/anon_inodes.h>
#include <linux/compat.h>
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "core/device.h"
#include "core/ioctl.h"
#include "file/ring.h"
#include "grant/grant.h"
#include "nvme/qpair.h"
#include "ring/complete.h"
#include "ring/enter.h"
#include "ring/indices.h"
#include "ring/ring.h"
#include "ring/turn.h"

/* ---- ioctls ---- */

static bool usher_sigsetsize_valid(const struct usher_enter *arg)
{
	if (!arg->sigmask)
		return !arg->sigsetsize;
	return arg->sigsetsize == (in_compat_syscall() ?
				   sizeof(compat_sigset_t) : sizeof(sigset_t));
}

static bool usher_enter_valid(const struct usher_ring *ring,
			      const struct usher_enter *arg)
{
	if (arg->flags & ~(USHER_ENTER_DEADLINE | USHER_ENTER_SQPOLL))
		return false;
	if (!(arg->flags & USHER_ENTER_DEADLINE) && arg->deadline_ns)
		return false;
	if (arg->flags & USHER_ENTER_SQPOLL) {
		if (arg->to_submit || arg->min_complete)
			return false;
	} else if (arg->idle_us) {
		return false;
	}
	return arg->min_complete <= ring->cq_entries &&
	       usher_sigsetsize_valid(arg);
}

/* What a caller of ENTER must give; see core/ioctl.h */
#define USHER_ENTER_MIN_BYTES	offsetofend(struct usher_enter, min_complete)

/*
 * Not in the table, whose argument of USHER_IOCTL_MAX_BYTES and indirect call would
 * cost each call some 50 instructions: all others are rare.
 */
static long usher_ioctl_enter(struct file *file, void __user *argp)
{
	struct usher_ring *ring = file->private_data;
	struct usher_enter arg;
	int ret;

	ret = usher_copy_args(&arg, sizeof(arg), USHER_ENTER_MIN_BYTES, argp);
	if (ret)
		return ret;
	if (!usher_enter_valid(ring, &arg))
		return -EINVAL;
	if (!(arg.flags & USHER_ENTER_SQPOLL))
		return usher_ring_enter(ring, &arg, file->f_flags & O_NONBLOCK);
	if (!(ring->flags & USHER_RING_POLLED))
		return -EOPNOTSUPP;
	return usher_ring_enter_sqpoll(ring, &arg);
}

/* Tags of the commands that the device has; qpair.lock held. */
static u32 usher_ring_tags(struct usher_ring *ring, __le16 *tags, u32 room)
{
	struct usher_qpair *qp = ring->qp;
	u32 i, n = 0;

	lockdep_assert_held(&qp->lock);
	for (i = 0; i < qp->depth - 1 && n < room; i++)
		if (qp->slots[i].busy && qp->slots[i].client == &ring->client)
			tags[n++] = qp->slots[i].tag;
	return n;
}

/*
 * Counters and tags are of one moment: a supervisor takes a tag that is not
 * among them for completed.
 */
static void usher_ring_fill_info(struct usher_ring *ring,
				 struct usher_ring_info *info, __le16 *tags,
				 u32 room)
{
	struct usher_qpair *qp = ring->qp;

	info->flags = ring->flags;
	info->sq_entries = ring->sq_entries;
	info->cq_entries = ring->cq_entries;
	info->mmap_bytes = ring->nr_pages << PAGE_SHIFT;
	info->sq_offset = ring->sq_offset;
	info->cq_offset = ring->cq_offset;
	info->sqe_shift = ilog2(sizeof(struct usher_sqe));
	info->cqe_shift = ilog2(sizeof(struct usher_cqe));
	info->nsid = ring->grant->scope.nsid;
	info->qid = qp->qid;

	mutex_lock(&ring->lock);
	info->submitted = ring->accepted;
	info->refused = ring->refused;
	info->state = usher_ring_state_flags(ring);
	spin_lock_irq(&qp->lock);
	info->completed = ring->cq_tail;
	info->driver_completed = ring->driver_completed;
	info->shared = qp->clients.nr > 1;
	info->inflight = ring->client.held;
	info->nr_tags = usher_ring_tags(ring, tags, room);
	spin_unlock_irq(&qp->lock);
	usher_ring_unlock(ring);
}

static int usher_ioctl_ring_info(void *object, void *data, void __user *argp)
{
	struct usher_ring *ring = object;
	struct usher_ring_info *info = data;
	__le16 *tags = NULL;
	u32 room = 0;
	int ret = 0;

	if (info->flags || info->pad)
		return -EINVAL;
	if (info->tags)
		room = min_t(u32, info->nr_tags, ring->qp->depth - 1);
	if (room) {
		tags = kmalloc_array(room, sizeof(*tags), GFP_KERNEL);
		if (!tags)
			return -ENOMEM;
	}
	usher_ring_fill_info(ring, info, tags, room);
	if (copy_to_user(u64_to_user_ptr(info->tags), tags,
			 info->nr_tags * sizeof(*tags)))
		ret = -EFAULT;
	kfree(tags);
	return ret;
}

static int usher_ioctl_eventfd(void *object, void *data, void __user *argp)
{
	const struct usher_eventfd *arg = data;
	struct usher_ring *ring = object;
	struct eventfd_ctx *ctx = NULL;

	if (arg->fd < -1)
		return -EBADF;
	if (ring->flags & USHER_RING_POLLED)
		return -EOPNOTSUPP;
	if (arg->fd >= 0) {
		ctx = eventfd_ctx_fdget(arg->fd);
		if (IS_ERR(ctx))
			return PTR_ERR(ctx);
	}
	ctx = usher_ring_set_eventfd(ring, ctx);
	if (ctx)
		eventfd_ctx_put(ctx);
	return 0;
}

#define USHER_RING_IOCTL(code, fn, type, last, ...)			\
	USHER_IOCTL(USHER_IOC_RING_INFO, code, fn, type, last, ##__VA_ARGS__)

static const struct usher_ioctl usher_ring_ioctls[] = {
	USHER_RING_IOCTL(USHER_IOC_RING_INFO, usher_ioctl_ring_info,
			 struct usher_ring_info, cqe_shift, .answers = true),
	USHER_RING_IOCTL(USHER_IOC_EVENTFD, usher_ioctl_eventfd,
			 struct usher_eventfd, fd),
};

static const struct usher_ioctl_table usher_ring_ioctl_table = {
	.ioctls	= usher_ring_ioctls,
	.first	= _IOC_NR(USHER_IOC_RING_INFO),
	.nr	= ARRAY_SIZE(usher_ring_ioctls),
	.type	= USHER_IOC_TYPE,
};

static long usher_ring_ioctl(struct file *file, unsigned int cmd,
			     unsigned long arg)
{
	struct usher_ring *ring = file->private_data;
	void __user *argp = (void __user *)arg;

	/* It says itself when the device is gone: completions that are there count. */
	if (cmd == USHER_IOC_ENTER)
		return usher_ioctl_enter(file, argp);
	return usher_ioctl(&usher_ring_ioctl_table, ring,
			   usher_dev_gone(ring->ud), cmd, argp);
}

/* ---- the file ---- */

static __poll_t usher_ring_poll(struct file *file, poll_table *wait)
{
	struct usher_ring *ring = file->private_data;
	__poll_t mask = 0;

	poll_wait(file, &ring->wait, wait);
	/*
	 * First in the queue, then the look; pairs with the barrier of
	 * wq_has_sleeper(). poll_wait() has one of its own in newer kernels only.
	 */
	smp_mb();
	if (usher_dev_gone(ring->ud))
		return EPOLLIN | EPOLLRDNORM | EPOLLHUP | EPOLLERR;
	if (READ_ONCE(ring->broken))
		return EPOLLIN | EPOLLRDNORM | EPOLLERR;
	/* As in usher_waiter_error(): what is in flight finishes. */
	if (READ_ONCE(ring->grant->dead) && usher_ring_drained(ring))
		return EPOLLIN | EPOLLRDNORM | EPOLLERR;
	if (ring->flags & USHER_RING_POLLED)
		usher_ring_poll_queue(ring);
	if (READ_ONCE(ring->ctl->cq_head) != usher_ring_published(ring))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(ring->ctl->sq_tail) - READ_ONCE(ring->sq_head) <
	    ring->sq_entries)
		mask |= EPOLLOUT | EPOLLWRNORM;
	return mask;
}

/* The mapping holds its own references on the pages: it outlives the ring. */
static int usher_ring_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct usher_ring *ring = file->private_data;
	unsigned long n = ring->nr_pages;

	if (usher_dev_gone(ring->ud))
		return -ENODEV;
	if (vma->vm_pgoff || vma_pages(vma) != n ||
	    !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	return vm_insert_pages(vma, vma->vm_start, ring->pages, &n);
}

static int usher_ring_release_file(struct inode *inode, struct file *file)
{
	usher_ring_close(file->private_data);
	return 0;
}

static const struct file_operations usher_ring_fops = {
	.owner		= THIS_MODULE,
	.release	= usher_ring_release_file,
	.mmap		= usher_ring_mmap,
	.poll		= usher_ring_poll,
	.unlocked_ioctl	= usher_ring_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

/* ---- creation ---- */

static int usher_check_create(const struct usher_grant *grant,
			      struct usher_ring_create *arg)
{
	if (arg->flags & ~USHER_RING_POLLED || arg->pad || arg->mmap_bytes ||
	    arg->sq_offset || arg->cq_offset || arg->sqe_shift ||
	    arg->cqe_shift)
		return -EINVAL;
	if (!grant->scope.nsid)
		return -EACCES;
	if (!is_power_of_2(arg->sq_entries) ||
	    arg->sq_entries > USHER_MAX_RING_ENTRIES)
		return -EINVAL;
	if (!arg->cq_entries)
		arg->cq_entries = 2 * arg->sq_entries;
	if (!is_power_of_2(arg->cq_entries) ||
	    arg->cq_entries < arg->sq_entries ||
	    arg->cq_entries > 2 * USHER_MAX_RING_ENTRIES)
		return -EINVAL;
	if (arg->sq_entries > grant->limits.ring_depth)
		return -EDQUOT;
	return READ_ONCE(grant->dead);
}

static void usher_ring_answer(const struct usher_ring *ring,
			      struct usher_ring_create *arg)
{
	arg->mmap_bytes = ring->nr_pages << PAGE_SHIFT;
	arg->sq_offset = ring->sq_offset;
	arg->cq_offset = ring->cq_offset;
	arg->sqe_shift = ilog2(sizeof(struct usher_sqe));
	arg->cqe_shift = ilog2(sizeof(struct usher_cqe));
}

/* The file owns the ring from here on, whatever comes. */
static int usher_ring_install(struct usher_ring *ring,
			      struct usher_ring_create *arg, void __user *argp)
{
	u32 size = min_t(u32, arg->size, sizeof(*arg));
	struct file *file;
	int fd;

	file = anon_inode_getfile("[usher-ring]", &usher_ring_fops, ring,
				  O_RDWR);
	if (IS_ERR(file)) {
		usher_ring_put(ring);
		return PTR_ERR(file);
	}
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		goto put_file;
	usher_ring_answer(ring, arg);
	if (copy_to_user(argp, arg, size)) {
		put_unused_fd(fd);
		fd = -EFAULT;
		goto put_file;
	}
	fd_install(fd, file);
	return fd;

put_file:
	fput(file);
	return fd;
}

/**
 * usher_ring_create_fd - USHER_IOC_RING_CREATE
 * @grant: what the ring may do
 * @arg: what is asked for; the answers are filled in
 * @argp: where the answers go
 *
 * Return: the fd or a negative errno.
 */
int usher_ring_create_fd(struct usher_grant *grant,
			 struct usher_ring_create *arg, void __user *argp)
{
	struct usher_ring *ring;
	int ret;

	ret = usher_check_create(grant, arg);
	if (ret)
		return ret;
	ret = usher_grant_charge(grant, 0, 1);
	if (ret)
		return ret;
	ret = -ENOMEM;
	ring = usher_ring_alloc(grant, arg->flags, arg->sq_entries,
				arg->cq_entries);
	if (!ring)
		goto uncharge;
	ret = usher_ring_attach(ring);
	if (ret)
		goto free_ring;
	return usher_ring_install(ring, arg, argp);

free_ring:
	usher_ring_free_unattached(ring);
uncharge:
	usher_grant_uncharge(grant, 0, 1);
	return ret;
}
