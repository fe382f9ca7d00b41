// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: files. One owner at a time, from open to the last close.
 */
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/nospec.h>
#include <linux/panic.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/security.h>
#include <linux/string_helpers.h>

#include "raw/raw.h"

/* ---- opening and closing ---- */

/* Where the hardware does not contain the device, only for those who may anyway */
static int usher_raw_may_open(struct usher_raw *raw)
{
	u32 flags = usher_raw_flags(raw);
	int ret;

	if ((flags & USHER_RAW_CONTAINED) == USHER_RAW_CONTAINED)
		return 0;
	ret = security_locked_down(LOCKDOWN_PCI_ACCESS);
	if (ret)
		return ret;
	if (!capable(CAP_SYS_RAWIO))
		return -EPERM;
	if (!raw->warned)
		dev_warn(&raw->pdev->dev, "%s[%d] drives it, and it may harm the system: strict IOMMU %s, group of its own %s, isolated MSI %s, reset %s\n",
			 current->comm, task_pid_nr(current),
			 str_yes_no(flags & USHER_RAW_IOMMU),
			 str_yes_no(flags & USHER_RAW_ALONE),
			 str_yes_no(flags & USHER_RAW_ISOLATED_MSI),
			 str_yes_no(flags & USHER_RAW_RESET));
	raw->warned = true;
	add_taint(TAINT_USER, LOCKDEP_STILL_OK);
	return 0;
}

/* What former owners left behind is put in @mems when the device was reset. */
static int usher_raw_take(struct usher_raw *raw, struct list_head *mems)
{
	int ret;

	if (raw->gone)
		return -ENODEV;
	if (raw->open)
		return -EBUSY;
	ret = usher_raw_may_open(raw);
	if (ret)
		return ret;
	if (!raw->fresh) {
		ret = usher_raw_reset(raw, false);
		if (!ret)
			usher_raw_unquarantine(raw, mems);
		else if (ret != -EOPNOTSUPP)
			return ret;
	}
	/* It did not recover from an error, and nothing else helps. */
	if (raw->resetting)
		return -EIO;
	raw->fresh = false;
	raw->open = true;
	return 0;
}

/* The device stops before memory goes; see usher_raw_end() for the other order. */
static void usher_raw_give_back(struct usher_raw *raw, struct list_head *mems)
{
	struct pci_dev *pdev = raw->pdev;

	/* First, so that it is idle when its interrupts go. */
	usher_raw_stop_dma(raw);
	usher_raw_irq_disable(raw);
	raw->fresh = !usher_raw_reset(raw, false);
	if (raw->fresh) {
		usher_raw_mems_take(raw, mems);
		usher_raw_mems_unmap(raw, mems);
	} else {
		pci_load_saved_state(pdev, raw->saved);
		pci_restore_state(pdev);
		usher_raw_quarantine(raw);
	}
	dma_set_mask(&pdev->dev, DMA_BIT_MASK(64));
}

static int usher_raw_open(struct inode *inode, struct file *file)
{
	struct usher_raw *raw = container_of(inode->i_cdev, struct usher_raw,
					     cdev);
	LIST_HEAD(mems);
	int ret;

	/* There is nothing in between: whoever drives it writes. */
	if ((file->f_mode & (FMODE_READ | FMODE_WRITE)) !=
	    (FMODE_READ | FMODE_WRITE))
		return -EACCES;
	pci_dev_lock(raw->pdev);
	mutex_lock(&raw->lock);
	ret = usher_raw_take(raw, &mems);
	mutex_unlock(&raw->lock);
	pci_dev_unlock(raw->pdev);
	usher_raw_mems_release(&mems, true);
	if (ret)
		return ret;
	file->private_data = raw;
	file->f_mapping = raw->inode->i_mapping;
	return nonseekable_open(inode, file);
}

static int usher_raw_close(struct inode *inode, struct file *file)
{
	struct usher_raw *raw = file->private_data;
	LIST_HEAD(mems);

	/* It may be another driver's by now: do not wait for that. */
	if (READ_ONCE(raw->gone))
		return 0;
	pci_dev_lock(raw->pdev);
	mutex_lock(&raw->lock);
	if (!raw->gone)
		usher_raw_give_back(raw, &mems);
	raw->open = false;
	mutex_unlock(&raw->lock);
	pci_dev_unlock(raw->pdev);
	usher_raw_mems_release(&mems, false);
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

static u32 usher_raw_region_flags(const struct usher_raw_bar *bar)
{
	return (bar->mappable ? USHER_RAW_REGION_MMAP : 0) |
	       (bar->registers ? USHER_RAW_REGION_CALLS : 0) |
	       (bar->ports ? USHER_RAW_REGION_PORTS : 0);
}

static int usher_raw_ioctl_region(struct usher_raw *raw, void *data)
{
	struct usher_raw_region *region = data;
	const struct usher_raw_bar *bar;
	u32 index = region->index;

	if (region->flags || region->pad || index >= USHER_RAW_REGIONS)
		return -EINVAL;
	bar = &raw->bars[array_index_nospec(index, USHER_RAW_REGIONS)];
	*region = (struct usher_raw_region) {
		.size		= region->size,
		.index		= index,
		.flags		= usher_raw_region_flags(bar),
		.bytes		= bar->bytes,
		.offset		= (u64)index << USHER_RAW_REGION_SHIFT,
		.hole_offset	= { bar->hole_offset[0], bar->hole_offset[1] },
		.hole_bytes	= { bar->hole_bytes[0], bar->hole_bytes[1] },
	};
	return 0;
}

static int usher_raw_ioctl_read(struct usher_raw *raw, void *data)
{
	struct usher_raw_access *arg = data;

	return arg->value ? -EINVAL : usher_raw_access(raw, arg, false);
}

static int usher_raw_ioctl_write(struct usher_raw *raw, void *data)
{
	return usher_raw_access(raw, data, true);
}

static int usher_raw_ioctl_config_read(struct usher_raw *raw, void *data)
{
	struct usher_raw_config *arg = data;

	return arg->value ? -EINVAL : usher_raw_config(raw, arg, false);
}

static int usher_raw_ioctl_config_write(struct usher_raw *raw, void *data)
{
	return usher_raw_config(raw, data, true);
}

static int usher_raw_ioctl_dma_bits(struct usher_raw *raw, void *data)
{
	const struct usher_raw_dma_bits *arg = data;

	return usher_raw_dma_bits(raw, arg->bits);
}

static int usher_raw_ioctl_dma_alloc(struct usher_raw *raw, void *data)
{
	return usher_raw_dma_add(raw, data, true);
}

static int usher_raw_ioctl_dma_register(struct usher_raw *raw, void *data)
{
	return usher_raw_dma_add(raw, data, false);
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
	const struct usher_raw_irq_disable *arg = data;
	int ret;

	if (arg->flags)
		return -EINVAL;
	ret = usher_raw_lock(raw);
	if (ret)
		return ret;
	usher_raw_irq_disable(raw);
	usher_raw_update_master(raw);
	mutex_unlock(&raw->lock);
	return 0;
}

static int usher_raw_ioctl_irq_mask(struct usher_raw *raw, void *data)
{
	return usher_raw_irq_mask(raw, data);
}

static int usher_raw_ioctl_reset(struct usher_raw *raw, void *data)
{
	const struct usher_raw_reset *arg = data;
	int ret = -ENODEV;

	if (arg->flags)
		return -EINVAL;
	if (!pci_dev_trylock(raw->pdev))
		return -EAGAIN;
	mutex_lock(&raw->lock);
	if (!raw->gone)
		ret = usher_raw_reset(raw, true);
	mutex_unlock(&raw->lock);
	pci_dev_unlock(raw->pdev);
	return ret;
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

/* ---- the rest ---- */

static int usher_raw_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct usher_raw *raw = file->private_data;

	if (READ_ONCE(raw->gone))
		return -ENODEV;
	if (vma->vm_pgoff >= USHER_RAW_MEM_OFFSET >> PAGE_SHIFT)
		return usher_raw_mmap_mem(raw, vma);
	return usher_raw_mmap_bar(raw, vma);
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
