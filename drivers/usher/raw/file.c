// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: files on the node of a function: open, mmap, poll, ioctls.
 *
 * A file has no data of its own: its private_data is the struct usher_raw, which the open
 * inode of the node keeps. Only one file is open at a time, so it stands for the owner.
 */
#include <linux/cdev.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/mutex.h>
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

static int usher_raw_ioctl_info(void *object, void *data, void __user *argp)
{
	struct usher_raw *raw = object;
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

static int usher_raw_ioctl_region(void *object, void *data, void __user *argp)
{
	return usher_raw_bar_describe(object, data);
}

static int usher_raw_ioctl_read(void *object, void *data, void __user *argp)
{
	return usher_raw_read(object, data);
}

static int usher_raw_ioctl_write(void *object, void *data, void __user *argp)
{
	return usher_raw_write(object, data);
}

static int usher_raw_ioctl_config_read(void *object, void *data, void __user *argp)
{
	return usher_raw_config_read(object, data);
}

static int usher_raw_ioctl_config_write(void *object, void *data, void __user *argp)
{
	return usher_raw_config_write(object, data);
}

static int usher_raw_ioctl_dma_bits(void *object, void *data, void __user *argp)
{
	const struct usher_raw_dma_bits *arg = data;

	return usher_raw_dma_set_bits(object, arg->bits);
}

static int usher_raw_ioctl_dma_alloc(void *object, void *data, void __user *argp)
{
	return usher_raw_dma_alloc(object, data);
}

static int usher_raw_ioctl_dma_register(void *object, void *data, void __user *argp)
{
	return usher_raw_dma_register(object, data);
}

static int usher_raw_ioctl_dma_free(void *object, void *data, void __user *argp)
{
	const struct usher_raw_dma_free *arg = data;

	return usher_raw_dma_free(object, arg->id);
}

static int usher_raw_ioctl_irq_enable(void *object, void *data, void __user *argp)
{
	return usher_raw_irq_enable(object, data);
}

static int usher_raw_ioctl_irq_disable(void *object, void *data, void __user *argp)
{
	return usher_raw_irq_disable(object, data);
}

static int usher_raw_ioctl_irq_mask(void *object, void *data, void __user *argp)
{
	return usher_raw_irq_mask(object, data);
}

static int usher_raw_ioctl_reset(void *object, void *data, void __user *argp)
{
	const struct usher_raw_reset *arg = data;

	return arg->flags ? -EINVAL : usher_raw_reset_by_owner(object);
}

static void usher_raw_undo_dma(void *object, void *data)
{
	const struct usher_raw_dma *arg = data;

	usher_raw_dma_free(object, arg->id);
}

#define USHER_RAW_IOCTL(code, fn, type, last, ...)			\
	USHER_IOCTL(USHER_RAW_IOC_INFO, code, fn, type, last, ##__VA_ARGS__)

static const struct usher_ioctl usher_raw_ioctls[] = {
	USHER_RAW_IOCTL(USHER_RAW_IOC_INFO, usher_raw_ioctl_info,
			struct usher_raw_info, flags, .answers = true),
	USHER_RAW_IOCTL(USHER_RAW_IOC_REGION, usher_raw_ioctl_region,
			struct usher_raw_region, index, .answers = true),
	USHER_RAW_IOCTL(USHER_RAW_IOC_CONFIG_READ, usher_raw_ioctl_config_read,
			struct usher_raw_config, value, .answers = true),
	USHER_RAW_IOCTL(USHER_RAW_IOC_CONFIG_WRITE, usher_raw_ioctl_config_write,
			struct usher_raw_config, value),
	USHER_RAW_IOCTL(USHER_RAW_IOC_DMA_BITS, usher_raw_ioctl_dma_bits,
			struct usher_raw_dma_bits, bits),
	USHER_RAW_IOCTL(USHER_RAW_IOC_DMA_ALLOC, usher_raw_ioctl_dma_alloc,
			struct usher_raw_dma, offset, .answers = true,
			.undo = usher_raw_undo_dma),
	USHER_RAW_IOCTL(USHER_RAW_IOC_DMA_REGISTER, usher_raw_ioctl_dma_register,
			struct usher_raw_dma, id, .answers = true,
			.undo = usher_raw_undo_dma),
	USHER_RAW_IOCTL(USHER_RAW_IOC_DMA_FREE, usher_raw_ioctl_dma_free,
			struct usher_raw_dma_free, id),
	USHER_RAW_IOCTL(USHER_RAW_IOC_IRQ_ENABLE, usher_raw_ioctl_irq_enable,
			struct usher_raw_irq_enable, eventfds),
	USHER_RAW_IOCTL(USHER_RAW_IOC_IRQ_DISABLE, usher_raw_ioctl_irq_disable,
			struct usher_raw_irq_disable, flags),
	USHER_RAW_IOCTL(USHER_RAW_IOC_IRQ_MASK, usher_raw_ioctl_irq_mask,
			struct usher_raw_irq_mask, mask),
	USHER_RAW_IOCTL(USHER_RAW_IOC_RESET, usher_raw_ioctl_reset,
			struct usher_raw_reset, flags),
	USHER_RAW_IOCTL(USHER_RAW_IOC_READ, usher_raw_ioctl_read,
			struct usher_raw_access, value, .answers = true),
	USHER_RAW_IOCTL(USHER_RAW_IOC_WRITE, usher_raw_ioctl_write,
			struct usher_raw_access, value),
};

static const struct usher_ioctl_table usher_raw_ioctl_table = {
	.ioctls	= usher_raw_ioctls,
	.first	= _IOC_NR(USHER_RAW_IOC_INFO),
	.nr	= ARRAY_SIZE(usher_raw_ioctls),
	.type	= USHER_RAW_IOC_TYPE,
};

static long usher_raw_ioctl(struct file *file, unsigned int cmd,
			    unsigned long arg)
{
	struct usher_raw *raw = file->private_data;

	return usher_ioctl(&usher_raw_ioctl_table, raw, usher_raw_is_gone(raw), cmd,
			   (void __user *)arg);
}

/* ---- mmap and poll ---- */

static int usher_raw_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct usher_raw *raw = file->private_data;

	if (usher_raw_is_gone(raw))
		return -ENODEV;
	if (vma->vm_pgoff >= USHER_RAW_MEM_OFFSET >> PAGE_SHIFT)
		return usher_raw_dma_mmap(raw, vma);
	return usher_raw_map(raw, vma);
}

static __poll_t usher_raw_poll(struct file *file, poll_table *wait)
{
	struct usher_raw *raw = file->private_data;

	poll_wait(file, &raw->wait, wait);
	return usher_raw_is_gone(raw) ? EPOLLIN | EPOLLHUP | EPOLLERR : 0;
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
