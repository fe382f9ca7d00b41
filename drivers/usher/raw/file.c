// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: files on the node of a function: open, mmap, poll, ioctls.
 *
 * A file has no data of its own: its private_data is the struct usher_raw, which the open
 * inode of the node keeps. Only one file is open at a time, so it stands for the owner.
 */
#include <linux/cdev.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/pci.h>
#include <linux/poll.h>
#include <uapi/linux/usher_raw.h>

#include "core/ioctl.h"
#include "core/pin.h"
#include "raw/access.h"
#include "raw/bar.h"
#include "raw/config.h"
#include "raw/contain.h"
#include "raw/dma.h"
#include "raw/file.h"
#include "raw/irq.h"
#include "raw/map.h"
#include "raw/offsets.h"
#include "raw/owner.h"
#include "raw/raw.h"

/* The interface: a struct may grow at its end, and nothing else may change. */
static_assert(sizeof(struct usher_raw_info) == 48);
static_assert(sizeof(struct usher_raw_region) == 64);
static_assert(sizeof(struct usher_raw_access) == 32);
static_assert(sizeof(struct usher_raw_config) == 16);
static_assert(sizeof(struct usher_raw_dma_bits) == 8);
static_assert(sizeof(struct usher_raw_dma) == 48);
static_assert(sizeof(struct usher_raw_dma_free) == 8);
static_assert(sizeof(struct usher_raw_irq_enable) == 24);
static_assert(sizeof(struct usher_raw_irq_disable) == 8);
static_assert(sizeof(struct usher_raw_irq_mask) == 16);
static_assert(sizeof(struct usher_raw_reset) == 8);

/* ---- opening and closing ---- */

static int usher_raw_open(struct inode *inode, struct file *file)
{
	struct usher_raw *raw = container_of(inode->i_cdev, struct usher_raw,
					     cdev);
	int ret;

	/* An owner reads and writes: there is nothing to do for one that may not. */
	if ((file->f_mode & (FMODE_READ | FMODE_WRITE)) !=
	    (FMODE_READ | FMODE_WRITE))
		return -EACCES;
	ret = usher_raw_take(raw);
	if (ret)
		return ret;
	file->private_data = raw;
	file->f_mapping = raw->inode->i_mapping;
	return nonseekable_open(inode, file);
}

static int usher_raw_close(struct inode *inode, struct file *file)
{
	usher_raw_give_back(file->private_data);
	return 0;
}

/* ---- ioctls ---- */

static int usher_raw_ioctl_info(struct usher_raw *raw, void *data)
{
	struct usher_raw_info *info = data;
	int ret;

	if (info->flags || info->pad)
		return -EINVAL;
	ret = usher_raw_lock(raw);
	if (ret)
		return ret;
	*info = (struct usher_raw_info) {
		.size		= info->size,
		.flags		= usher_raw_flags(raw),
		.msix		= raw->msix,
		.msi		= raw->msi,
		.intx		= raw->intx,
		.page_bytes	= PAGE_SIZE,
		.config_bytes	= raw->pdev->cfg_size,
		.max_dma_bytes	= USHER_MAX_BUF_BYTES,
		.quarantined	= raw->quarantined,
	};
	mutex_unlock(&raw->lock);
	return 0;
}

static int usher_raw_ioctl_region(struct usher_raw *raw, void *data)
{
	return usher_raw_bar_describe(raw, data);
}

static int usher_raw_ioctl_read(struct usher_raw *raw, void *data)
{
	return usher_raw_read(raw, data);
}

static int usher_raw_ioctl_write(struct usher_raw *raw, void *data)
{
	return usher_raw_write(raw, data);
}

static int usher_raw_ioctl_config_read(struct usher_raw *raw, void *data)
{
	return usher_raw_config_read(raw, data);
}

static int usher_raw_ioctl_config_write(struct usher_raw *raw, void *data)
{
	return usher_raw_config_write(raw, data);
}

static int usher_raw_ioctl_dma_bits(struct usher_raw *raw, void *data)
{
	const struct usher_raw_dma_bits *arg = data;

	return usher_raw_dma_set_bits(raw, arg->bits);
}

static int usher_raw_ioctl_dma_alloc(struct usher_raw *raw, void *data)
{
	return usher_raw_dma_alloc(raw, data);
}

static int usher_raw_ioctl_dma_register(struct usher_raw *raw, void *data)
{
	return usher_raw_dma_register(raw, data);
}

static int usher_raw_ioctl_dma_free(struct usher_raw *raw, void *data)
{
	const struct usher_raw_dma_free *arg = data;

	return usher_raw_dma_free(raw, arg->id);
}

static int usher_raw_ioctl_irq_enable(struct usher_raw *raw, void *data)
{
	return usher_raw_irq_enable(raw, data);
}

static int usher_raw_ioctl_irq_disable(struct usher_raw *raw, void *data)
{
	return usher_raw_irq_disable(raw, data);
}

static int usher_raw_ioctl_irq_mask(struct usher_raw *raw, void *data)
{
	return usher_raw_irq_mask(raw, data);
}

static int usher_raw_ioctl_reset(struct usher_raw *raw, void *data)
{
	const struct usher_raw_reset *arg = data;

	return arg->flags ? -EINVAL : usher_raw_reset_by_owner(raw);
}

union usher_raw_args {
	struct usher_raw_info		info;
	struct usher_raw_region		region;
	struct usher_raw_access		access;
	struct usher_raw_config		config;
	struct usher_raw_dma_bits	dma_bits;
	struct usher_raw_dma		dma;
	struct usher_raw_dma_free	dma_free;
	struct usher_raw_irq_enable	irq_enable;
	struct usher_raw_irq_disable	irq_disable;
	struct usher_raw_irq_mask	irq_mask;
	struct usher_raw_reset		reset;
};

/**
 * struct usher_raw_ioctl - an entry of the table of ioctls
 * @call: does it; the argument was copied
 * @undo: when the answer could not be copied back; or NULL
 * @size: of the struct in this kernel, and in the first version
 * @answers: the struct goes back to the caller
 */
struct usher_raw_ioctl {
	int (*call)(struct usher_raw *raw, void *data);
	int (*undo)(struct usher_raw *raw, void *data);
	size_t size;
	bool answers;
};

static int usher_raw_undo_dma(struct usher_raw *raw, void *data)
{
	const struct usher_raw_dma *arg = data;

	return usher_raw_dma_free(raw, arg->id);
}

#define USHER_RAW_FIRST		_IOC_NR(USHER_RAW_IOC_INFO)
#define USHER_RAW_IOCTL(nr, fn, type, ...)				\
	[_IOC_NR(nr) - USHER_RAW_FIRST] = { .call = fn,			\
					    .size = sizeof(type), ##__VA_ARGS__ }

static const struct usher_raw_ioctl usher_raw_ioctls[] = {
	USHER_RAW_IOCTL(USHER_RAW_IOC_INFO, usher_raw_ioctl_info,
			struct usher_raw_info, .answers = true),
	USHER_RAW_IOCTL(USHER_RAW_IOC_REGION, usher_raw_ioctl_region,
			struct usher_raw_region, .answers = true),
	USHER_RAW_IOCTL(USHER_RAW_IOC_CONFIG_READ, usher_raw_ioctl_config_read,
			struct usher_raw_config, .answers = true),
	USHER_RAW_IOCTL(USHER_RAW_IOC_CONFIG_WRITE, usher_raw_ioctl_config_write,
			struct usher_raw_config),
	USHER_RAW_IOCTL(USHER_RAW_IOC_DMA_BITS, usher_raw_ioctl_dma_bits,
			struct usher_raw_dma_bits),
	USHER_RAW_IOCTL(USHER_RAW_IOC_DMA_ALLOC, usher_raw_ioctl_dma_alloc,
			struct usher_raw_dma, .answers = true,
			.undo = usher_raw_undo_dma),
	USHER_RAW_IOCTL(USHER_RAW_IOC_DMA_REGISTER, usher_raw_ioctl_dma_register,
			struct usher_raw_dma, .answers = true,
			.undo = usher_raw_undo_dma),
	USHER_RAW_IOCTL(USHER_RAW_IOC_DMA_FREE, usher_raw_ioctl_dma_free,
			struct usher_raw_dma_free),
	USHER_RAW_IOCTL(USHER_RAW_IOC_IRQ_ENABLE, usher_raw_ioctl_irq_enable,
			struct usher_raw_irq_enable),
	USHER_RAW_IOCTL(USHER_RAW_IOC_IRQ_DISABLE, usher_raw_ioctl_irq_disable,
			struct usher_raw_irq_disable),
	USHER_RAW_IOCTL(USHER_RAW_IOC_IRQ_MASK, usher_raw_ioctl_irq_mask,
			struct usher_raw_irq_mask),
	USHER_RAW_IOCTL(USHER_RAW_IOC_RESET, usher_raw_ioctl_reset,
			struct usher_raw_reset),
	USHER_RAW_IOCTL(USHER_RAW_IOC_READ, usher_raw_ioctl_read,
			struct usher_raw_access, .answers = true),
	USHER_RAW_IOCTL(USHER_RAW_IOC_WRITE, usher_raw_ioctl_write,
			struct usher_raw_access),
};

static long usher_raw_ioctl(struct file *file, unsigned int cmd,
			    unsigned long arg)
{
	struct usher_raw *raw = file->private_data;
	unsigned int nr = _IOC_NR(cmd) - USHER_RAW_FIRST;
	void __user *argp = (void __user *)arg;
	const struct usher_raw_ioctl *ioctl;
	union usher_raw_args args;
	u32 size;
	int ret;

	if (cmd != _IO(USHER_RAW_IOC_TYPE, _IOC_NR(cmd)) ||
	    nr >= ARRAY_SIZE(usher_raw_ioctls))
		return -ENOTTY;
	ioctl = &usher_raw_ioctls[array_index_nospec(nr, ARRAY_SIZE(usher_raw_ioctls))];
	if (READ_ONCE(raw->gone))
		return -ENODEV;
	ret = usher_copy_args(&args, ioctl->size, ioctl->size, argp);
	if (ret)
		return ret;
	size = args.info.size;
	ret = ioctl->call(raw, &args);
	if (ret || !ioctl->answers)
		return ret;
	ret = usher_put_args(argp, &args, ioctl->size, size);
	if (ret && ioctl->undo)
		ioctl->undo(raw, &args);
	return ret;
}

/* ---- mmap and poll ---- */

static int usher_raw_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct usher_raw *raw = file->private_data;

	if (READ_ONCE(raw->gone))
		return -ENODEV;
	if (vma->vm_pgoff >= USHER_RAW_MEM_OFFSET >> PAGE_SHIFT)
		return usher_raw_dma_mmap(raw, vma);
	return usher_raw_map(raw, vma);
}

static __poll_t usher_raw_poll(struct file *file, poll_table *wait)
{
	struct usher_raw *raw = file->private_data;

	poll_wait(file, &raw->wait, wait);
	return READ_ONCE(raw->gone) ? EPOLLIN | EPOLLHUP | EPOLLERR : 0;
}

const struct file_operations usher_raw_fops = {
	.owner		= THIS_MODULE,
	.open		= usher_raw_open,
	.release	= usher_raw_close,
	.unlocked_ioctl	= usher_raw_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.mmap		= usher_raw_mmap,
	.poll		= usher_raw_poll,
};
