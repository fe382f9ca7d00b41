// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: which memory a device may use.
 *
 * A struct usher_raw_mem is mapped for the device for as long as it is in one of two
 * lists: raw.mems has what the owner allocated or registered, raw.quarantine has what
 * former owners left when the device could not be reset. The lists together hold one
 * reference, which is put when the memory was unmapped.
 */
#include <linux/dma-mapping.h>
#include <linux/idr.h>
#include <linux/kmemleak.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/linux/usher_raw.h>

#include "core/pin.h"
#include "raw/dma.h"
#include "raw/master.h"
#include "raw/mem.h"
#include "raw/offsets.h"
#include "raw/pages.h"
#include "raw/raw.h"

/* Ids of memory are below this; each takes a page of offsets for mmap(). */
#define USHER_RAW_MAX_MEMS	65536

/* ---- limits of the device ---- */

/**
 * usher_raw_dma_init - lift the limits of a function's DMA
 * @raw: the function, being bound
 *
 * Nothing is known of the device. The process says later what it can.
 *
 * Return: 0, or -EIO when this machine cannot serve 64 bits of addresses.
 */
int usher_raw_dma_init(struct usher_raw *raw)
{
	struct device *dev = &raw->pdev->dev;
	int ret;

	raw->limits = (struct usher_raw_dma_limits) {
		.mask		= dma_get_mask(dev),
		.coherent_mask	= dev->coherent_dma_mask,
		.segment_bytes	= dma_get_max_seg_size(dev),
		.boundary	= dma_get_seg_boundary(dev),
	};
	/* So that memory is one range of addresses, where possible */
	dma_set_max_seg_size(dev, UINT_MAX);
	dma_set_seg_boundary(dev, ULONG_MAX);
	ret = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64));
	if (ret)
		usher_raw_dma_exit(raw);
	return ret;
}

/* The next driver finds the limits as they were, and may rely on them. */
void usher_raw_dma_exit(struct usher_raw *raw)
{
	struct device *dev = &raw->pdev->dev;

	dma_set_mask(dev, raw->limits.mask);
	dma_set_coherent_mask(dev, raw->limits.coherent_mask);
	dma_set_max_seg_size(dev, raw->limits.segment_bytes);
	dma_set_seg_boundary(dev, raw->limits.boundary);
}

/* ---- taking memory from the device ---- */

static void usher_raw_mems_unmap(struct usher_raw *raw, struct list_head *mems)
{
	struct device *dev = &raw->pdev->dev;
	struct usher_raw_mem *mem;

	list_for_each_entry(mem, mems, node)
		usher_raw_mem_unmap(dev, mem);
	usher_raw_mem_flush(dev);
}

/* Takes the ids from the memory of the owner, which goes into another list. */
static void usher_raw_mems_move(struct usher_raw *raw, struct list_head *to)
{
	struct usher_raw_mem *mem;

	lockdep_assert_held(&raw->lock);
	list_for_each_entry(mem, &raw->mems, node)
		idr_remove(&raw->ids, mem->id);
	list_splice_tail_init(&raw->mems, to);
}

/**
 * usher_raw_mems_remove - take all memory of the owner from a device
 * @raw: the function; its lock is held
 * @removed: gets the memory, to be released
 *
 * The device was stopped, or an IOMMU keeps it from the memory.
 */
void usher_raw_mems_remove(struct usher_raw *raw, struct list_head *removed)
{
	usher_raw_mems_unmap(raw, &raw->mems);
	usher_raw_mems_move(raw, removed);
}

/**
 * usher_raw_quarantine - keep memory of the owner for a device that was not reset
 * @raw: the function; its lock is held
 *
 * The device may access the memory until it is reset or unbound.
 */
void usher_raw_quarantine(struct usher_raw *raw)
{
	struct usher_raw_mem *mem;
	u64 pages = 0;

	list_for_each_entry(mem, &raw->mems, node)
		pages += mem->pin.nr_pages;
	if (!pages)
		return;
	if (!raw->quarantined)
		dev_warn(&raw->pdev->dev, "it was not reset and may still access %llu pages of its last owner: they stay pinned until it is unbound, or a reset works\n",
			 pages);
	raw->quarantined += pages;
	usher_raw_mems_move(raw, &raw->quarantine);
}

/**
 * usher_raw_unquarantine - take memory of former owners from a device
 * @raw: the function; its lock is held
 * @removed: gets the memory, to be released
 *
 * The device was stopped, or an IOMMU keeps it from the memory.
 */
void usher_raw_unquarantine(struct usher_raw *raw, struct list_head *removed)
{
	lockdep_assert_held(&raw->lock);
	usher_raw_mems_unmap(raw, &raw->quarantine);
	list_splice_tail_init(&raw->quarantine, removed);
	raw->quarantined = 0;
}

/**
 * usher_raw_mems_lose - never free what a device may access for ever
 * @raw: the function; its lock is held
 *
 * Nobody knows the memory afterwards; it stays mapped for the device.
 */
void usher_raw_mems_lose(struct usher_raw *raw)
{
	struct usher_raw_mem *mem, *next;
	LIST_HEAD(mems);

	usher_raw_mems_move(raw, &mems);
	list_splice_tail_init(&raw->quarantine, &mems);
	if (list_empty(&mems))
		return;
	dev_err(&raw->pdev->dev, "nothing proves that it no longer accesses memory, so what processes gave it is lost until the next boot\n");
	list_for_each_entry_safe(mem, next, &mems, node) {
		list_del(&mem->node);
		kmemleak_not_leak(mem);
	}
}

/**
 * usher_raw_mems_release - release memory that was taken from a device
 * @removed: the memory
 *
 * May wait for a file system, so no lock is held.
 */
void usher_raw_mems_release(struct list_head *removed)
{
	struct usher_raw_mem *mem, *next;

	list_for_each_entry_safe(mem, next, removed, node) {
		list_del(&mem->node);
		usher_raw_mem_put(mem);
	}
}

/*
 * The same, for a caller that must not wait. It takes one work item for each user: a file
 * system that one of them mapped delays neither the memory of another one nor, as many work
 * items would, the rest of the queue.
 */
void usher_raw_mems_release_later(struct list_head *removed)
{
	struct usher_raw_mem *first, *mem, *next;

	while (!list_empty(removed)) {
		first = list_first_entry(removed, struct usher_raw_mem, node);
		list_del(&first->node);
		list_for_each_entry_safe(mem, next, removed, node)
			if (mem->pin.user == first->pin.user)
				list_move_tail(&mem->node, &first->others);
		usher_raw_mem_put_later(first);
	}
}

/* ---- calls ---- */

/**
 * usher_raw_dma_set_bits - USHER_RAW_IOC_DMA_BITS
 * @raw: the function
 * @bits: how many address bits the device has
 *
 * Return: 0, or as struct usher_raw_dma_bits says.
 */
int usher_raw_dma_set_bits(struct usher_raw *raw, u32 bits)
{
	int ret;

	if (!bits || bits > 64)
		return -EINVAL;
	ret = usher_raw_lock(raw);
	if (ret)
		return ret;
	if (!list_empty(&raw->mems))
		ret = -EBUSY;
	else if (dma_set_mask(&raw->pdev->dev, DMA_BIT_MASK(bits)))
		ret = -EOPNOTSUPP;
	mutex_unlock(&raw->lock);
	return ret;
}

static int usher_raw_check_dma(const struct usher_raw_dma *arg,
			       enum usher_raw_source source)
{
	u64 first = 0, end;
	u32 known = USHER_RAW_DMA_RDONLY;

	if (source == USHER_RAW_ALLOCATED) {
		known |= USHER_RAW_DMA_CONTIGUOUS;
		if (arg->addr || !PAGE_ALIGNED(arg->length))
			return -EINVAL;
	} else {
		first = offset_in_page(arg->addr);
	}
	if (arg->flags & ~known || arg->id || arg->offset ||
	    !arg->length || arg->length > USHER_MAX_BUF_BYTES)
		return -EINVAL;
	if (arg->nr_bus != DIV_ROUND_UP_ULL(first + arg->length, PAGE_SIZE))
		return -EINVAL;
	if (check_add_overflow(arg->addr, arg->length, &end) || end > ULONG_MAX)
		return -EFAULT;
	return 0;
}

/* Where pages must be for the device to reach them; with an IOMMU they may be anywhere. */
static int usher_raw_find_want(struct usher_raw *raw,
			       const struct usher_raw_dma *arg,
			       struct usher_raw_want *want)
{
	struct device *dev = &raw->pdev->dev;
	int ret = usher_raw_lock(raw);

	if (ret)
		return ret;
	want->node = dev_to_node(dev);
	if (usher_raw_mem_translated(dev)) {
		want->mask = U64_MAX;
		want->contiguous = false;
	} else {
		want->mask = dma_get_mask(dev);
		want->contiguous = arg->flags & USHER_RAW_DMA_CONTIGUOUS;
	}
	mutex_unlock(&raw->lock);
	return 0;
}

/*
 * Maps the memory, and fills in @arg->id and the bus address of each page. Once the lock
 * is released, another thread may free the memory.
 */
static int usher_raw_publish(struct usher_raw *raw, struct usher_raw_mem *mem,
			     struct usher_raw_dma *arg, u64 *bus)
{
	int id, ret;

	ret = usher_raw_lock(raw);
	if (ret)
		return ret;
	id = idr_alloc_cyclic(&raw->ids, mem, 1, USHER_RAW_MAX_MEMS,
			      GFP_KERNEL_ACCOUNT);
	if (id < 0) {
		ret = id == -ENOSPC ? -EBUSY : id;
		goto unlock;
	}
	ret = usher_raw_mem_map(&raw->pdev->dev, mem);
	if (ret) {
		idr_remove(&raw->ids, id);
		goto unlock;
	}
	mem->id = id;
	arg->id = id;
	usher_raw_mem_bus(mem, bus);
	list_add_tail(&mem->node, &raw->mems);
	usher_raw_update_master(raw);
unlock:
	mutex_unlock(&raw->lock);
	return ret;
}

static int usher_raw_dma_add(struct usher_raw *raw, struct usher_raw_dma *arg,
			     enum usher_raw_source source)
{
	struct usher_raw_want want;
	struct usher_raw_mem *mem;
	u64 *bus;
	int ret;

	ret = usher_raw_check_dma(arg, source);
	if (!ret)
		ret = usher_raw_find_want(raw, arg, &want);
	if (ret)
		return ret;
	bus = kvmalloc_array(arg->nr_bus, sizeof(*bus), GFP_KERNEL_ACCOUNT);
	if (!bus)
		return -ENOMEM;
	mem = usher_raw_mem_alloc(arg, source, &want);
	if (IS_ERR(mem)) {
		ret = PTR_ERR(mem);
		goto free_bus;
	}
	ret = usher_raw_publish(raw, mem, arg, bus);
	if (ret) {
		usher_raw_mem_put(mem);
		goto free_bus;
	}
	if (copy_to_user(u64_to_user_ptr(arg->bus), bus,
			 array_size(arg->nr_bus, sizeof(*bus)))) {
		usher_raw_dma_free(raw, arg->id);
		ret = -EFAULT;
	}
free_bus:
	kvfree(bus);
	return ret;
}

/**
 * usher_raw_dma_alloc - USHER_RAW_IOC_DMA_ALLOC
 * @raw: the function
 * @arg: how much; @arg->id and @arg->offset are filled in
 *
 * Return: 0, or as struct usher_raw_dma says.
 */
int usher_raw_dma_alloc(struct usher_raw *raw, struct usher_raw_dma *arg)
{
	int ret = usher_raw_dma_add(raw, arg, USHER_RAW_ALLOCATED);

	if (!ret)
		arg->offset = USHER_RAW_MEM_OFFSET + ((u64)arg->id << PAGE_SHIFT);
	return ret;
}

/**
 * usher_raw_dma_register - USHER_RAW_IOC_DMA_REGISTER
 * @raw: the function
 * @arg: which memory of the process; @arg->id is filled in
 *
 * Return: 0, or as struct usher_raw_dma says.
 */
int usher_raw_dma_register(struct usher_raw *raw, struct usher_raw_dma *arg)
{
	return usher_raw_dma_add(raw, arg, USHER_RAW_PINNED);
}

/**
 * usher_raw_dma_free - USHER_RAW_IOC_DMA_FREE
 * @raw: the function
 * @id: which memory
 *
 * Return: 0, or as struct usher_raw_dma_free says.
 */
int usher_raw_dma_free(struct usher_raw *raw, u32 id)
{
	struct device *dev = &raw->pdev->dev;
	struct usher_raw_mem *mem;
	int ret = usher_raw_lock(raw);

	if (ret)
		return ret;
	mem = idr_remove(&raw->ids, id);
	if (mem) {
		list_del(&mem->node);
		usher_raw_update_master(raw);
		usher_raw_mem_unmap(dev, mem);
		usher_raw_mem_flush(dev);
	}
	mutex_unlock(&raw->lock);
	if (!mem)
		return -ENOENT;
	usher_raw_mem_put(mem);
	return 0;
}

/**
 * usher_raw_dma_mmap - mmap() of allocated memory
 * @raw: the function
 * @vma: the mapping, at an offset that usher_raw_dma_alloc() told
 *
 * Return: 0, -EINVAL, -EINTR, -ENODEV or -ENOMEM.
 */
int usher_raw_dma_mmap(struct usher_raw *raw, struct vm_area_struct *vma)
{
	unsigned long id = vma->vm_pgoff - (USHER_RAW_MEM_OFFSET >> PAGE_SHIFT);
	struct usher_raw_mem *mem;
	int ret;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	/*
	 * Not by usher_raw_lock(), which may wait for a reset by somebody else: that
	 * takes up to a minute, and mmap_lock keeps others waiting.
	 */
	if (mutex_lock_killable(&raw->lock))
		return -EINTR;
	mem = idr_find(&raw->ids, id);
	if (usher_raw_is_gone(raw))
		ret = -ENODEV;
	else
		ret = mem ? usher_raw_mem_mmap(mem, vma) : -EINVAL;
	mutex_unlock(&raw->lock);
	return ret;
}
