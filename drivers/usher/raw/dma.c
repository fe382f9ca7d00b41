// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: memory that a device may use.
 *
 * A struct usher_raw_mem is mapped for the device for as long as it is in one of two
 * lists: raw.mems has what the owner allocated or registered, raw.quarantine has what
 * former owners left when the device could not be reset. The lists hold a reference
 * together, and so does each mapping of a process. The last one that is put frees the
 * struct, its pages and their charge. So what a process has mapped outlives the owner,
 * and even the function.
 */
#include <linux/dma-mapping.h>
#include <linux/idr.h>
#include <linux/iommu.h>
#include <linux/kmemleak.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>
#include <uapi/linux/usher_raw.h>

#include "compat.h"
#include "core/pin.h"
#include "core/wq.h"
#include "raw/dma.h"
#include "raw/master.h"
#include "raw/offsets.h"
#include "raw/pages.h"
#include "raw/raw.h"

/* Ids of memory are below this; each takes a page of offsets for mmap(). */
#define USHER_RAW_MAX_MEMS	65536

/**
 * enum usher_raw_source - where the pages of memory come from
 * @USHER_RAW_ALLOCATED: from the kernel
 * @USHER_RAW_PINNED: from a process
 */
enum usher_raw_source {
	USHER_RAW_ALLOCATED,
	USHER_RAW_PINNED,
};

/**
 * struct usher_raw_mem - memory that the device may use
 * @kref: one for the device, and one for each mapping of a process
 * @source: where its pages come from
 * @contiguous: it must be one range of bus addresses
 * @pin: its pages
 * @sgt: their DMA mapping
 * @work: puts the reference of the device, for a caller that must not wait
 *
 * @node: in raw.mems or raw.quarantine; this and @id are guarded by raw.lock
 * @id: in raw.ids
 */
struct usher_raw_mem {
	struct kref		kref;
	enum usher_raw_source	source;
	bool			contiguous;
	struct usher_pin	pin;
	struct sg_table		sgt;
	struct work_struct	work;

	struct list_head	node;
	int			id;
};

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

static bool usher_raw_translated(struct usher_raw *raw)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(&raw->pdev->dev);

	return domain && domain->type & __IOMMU_DOMAIN_PAGING;
}

/* ---- pages ---- */

/* Charges the pages before they are there, as no process has them until then. */
static int usher_raw_charge_and_alloc(struct usher_pin *pin,
				      const struct usher_raw_want *want)
{
	int ret = usher_charge_pages(pin, pin->nr_pages);

	if (ret)
		return ret;
	ret = usher_raw_pages_alloc(pin, want);
	if (ret)
		usher_uncharge_user(pin);
	return ret;
}

static int usher_raw_pin_and_charge(struct usher_pin *pin, u64 addr)
{
	int ret = usher_pin(pin, addr);

	if (ret)
		return ret;
	ret = usher_charge_user(pin);
	if (ret)
		usher_unpin(pin);
	return ret;
}

static void usher_raw_mem_put_pages(struct usher_raw_mem *mem)
{
	if (mem->source == USHER_RAW_ALLOCATED)
		usher_raw_pages_free(&mem->pin);
	else
		usher_unpin(&mem->pin);
	usher_uncharge_user(&mem->pin);
}

/* ---- life ---- */

static void usher_raw_mem_release(struct kref *kref)
{
	struct usher_raw_mem *mem = container_of(kref, struct usher_raw_mem, kref);

	sg_free_table(&mem->sgt);
	usher_raw_mem_put_pages(mem);
	kvfree(mem->pin.pages);
	kfree(mem);
}

/* May wait for a file system that keeps a page of a process locked. */
static void usher_raw_mem_put(struct usher_raw_mem *mem)
{
	kref_put(&mem->kref, usher_raw_mem_release);
}

static void usher_raw_mem_work(struct work_struct *work)
{
	usher_raw_mem_put(container_of(work, struct usher_raw_mem, work));
}

static struct usher_raw_mem *usher_raw_mem_alloc(const struct usher_raw_dma *arg,
						 enum usher_raw_source source,
						 const struct usher_raw_want *want)
{
	struct usher_raw_mem *mem;
	int ret = -ENOMEM;

	mem = kzalloc(sizeof(*mem), GFP_KERNEL_ACCOUNT);
	if (!mem)
		return ERR_PTR(ret);
	kref_init(&mem->kref);
	INIT_WORK(&mem->work, usher_raw_mem_work);
	mem->source = source;
	mem->contiguous = arg->flags & USHER_RAW_DMA_CONTIGUOUS;
	mem->pin.rdonly = arg->flags & USHER_RAW_DMA_RDONLY;
	mem->pin.nr_pages = arg->nr_bus;
	mem->pin.pages = kvmalloc_array(arg->nr_bus, sizeof(*mem->pin.pages),
					GFP_KERNEL_ACCOUNT);
	if (!mem->pin.pages)
		goto free_mem;
	ret = source == USHER_RAW_ALLOCATED ?
	      usher_raw_charge_and_alloc(&mem->pin, want) :
	      usher_raw_pin_and_charge(&mem->pin, arg->addr);
	if (ret)
		goto free_array;
	ret = sg_alloc_table_from_pages(&mem->sgt, mem->pin.pages,
					mem->pin.nr_pages, 0,
					mem->pin.nr_pages << PAGE_SHIFT,
					GFP_KERNEL_ACCOUNT);
	if (ret)
		goto put_pages;
	return mem;

put_pages:
	usher_raw_mem_put_pages(mem);
free_array:
	kvfree(mem->pin.pages);
free_mem:
	kfree(mem);
	return ERR_PTR(ret);
}

/* ---- mapping for the device ---- */

static void usher_raw_mem_unmap(struct usher_raw *raw, struct usher_raw_mem *mem)
{
	usher_pin_unmap(&raw->pdev->dev, &mem->pin, &mem->sgt);
}

/*
 * In a lazy domain, what was unmapped stays in reach until a flush, and its pages must not
 * go before that. It does not help to look at the type of the domain: an administrator may
 * make it lazy at any time, and then unmapping is lazy before the type says so.
 */
static void usher_raw_flush(struct usher_raw *raw)
{
	if (usher_raw_translated(raw))
		iommu_flush_iotlb_all(iommu_get_domain_for_dev(&raw->pdev->dev));
}

/*
 * The DMA layer keeps bus addresses for reuse, and after the mask was made smaller it may
 * give one that is above it.
 */
static bool usher_raw_mem_fits(struct usher_raw_mem *mem, u64 mask)
{
	struct scatterlist *sg;
	u32 i;

	for_each_sgtable_dma_sg(&mem->sgt, sg, i)
		if (sg_dma_address(sg) + sg_dma_len(sg) - 1 > mask)
			return false;
	return true;
}

static int usher_raw_mem_map(struct usher_raw *raw, struct usher_raw_mem *mem)
{
	struct device *dev = &raw->pdev->dev;
	bool translated = usher_raw_translated(raw);
	unsigned long i;
	int ret;

	/* Without translation, what is out of reach would be bounced. */
	for (i = 0; i < mem->pin.nr_pages && !translated; i++)
		if (!usher_raw_pages_reached(mem->pin.pages[i], 1,
					     dma_get_mask(dev)))
			return -ENOSPC;
	ret = usher_pin_map(dev, &mem->pin, &mem->sgt);
	/* An IOMMU says -ENOMEM also when it has no addresses left. */
	if (ret)
		return ret == -ENOMEM && translated ? -ENOSPC : ret;
	if (!usher_raw_mem_fits(mem, dma_get_mask(dev)))
		ret = -ENOSPC;
	else if (mem->contiguous && mem->sgt.nents > 1)
		ret = -ENOMEM;
	if (ret)
		usher_raw_mem_unmap(raw, mem);
	return ret;
}

static void usher_raw_mem_bus(struct usher_raw_mem *mem, u64 *bus)
{
	struct sg_dma_page_iter iter;
	unsigned long n = 0;

	for_each_sgtable_dma_page(&mem->sgt, &iter, 0)
		bus[n++] = sg_page_iter_dma_address(&iter);
}

static void usher_raw_mems_unmap(struct usher_raw *raw, struct list_head *mems)
{
	struct usher_raw_mem *mem;

	list_for_each_entry(mem, mems, node)
		usher_raw_mem_unmap(raw, mem);
	usher_raw_flush(raw);
}

/* ---- taking memory from the device ---- */

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
		dev_warn(&raw->pdev->dev, "not reset: %llu pages stay pinned until it is unbound\n",
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
	dev_err(&raw->pdev->dev, "nothing proves that the device no longer reaches memory: what processes gave it is lost\n");
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

/* The same, for a caller that must not wait */
void usher_raw_mems_release_later(struct list_head *removed)
{
	struct usher_raw_mem *mem, *next;

	list_for_each_entry_safe(mem, next, removed, node) {
		list_del(&mem->node);
		queue_work(usher_slow_wq, &mem->work);
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
	if (usher_raw_translated(raw)) {
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
	ret = usher_raw_mem_map(raw, mem);
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
	struct usher_raw_mem *mem;
	int ret = usher_raw_lock(raw);

	if (ret)
		return ret;
	mem = idr_remove(&raw->ids, id);
	if (mem) {
		list_del(&mem->node);
		usher_raw_update_master(raw);
		usher_raw_mem_unmap(raw, mem);
		usher_raw_flush(raw);
	}
	mutex_unlock(&raw->lock);
	if (!mem)
		return -ENOENT;
	usher_raw_mem_put(mem);
	return 0;
}

/* ---- mappings of processes ---- */

/* A mapping was copied for a child, split, or moved: it holds a reference of its own. */
static void usher_raw_mem_open(struct vm_area_struct *vma)
{
	struct usher_raw_mem *mem = vma->vm_private_data;

	kref_get(&mem->kref);
}

static void usher_raw_mem_close(struct vm_area_struct *vma)
{
	usher_raw_mem_put(vma->vm_private_data);
}

static const struct vm_operations_struct usher_raw_mem_ops = {
	.open	= usher_raw_mem_open,
	.close	= usher_raw_mem_close,
};

/* To be called when nothing can fail any more, as a mapping that failed is not closed. */
static void usher_raw_mem_attach(struct usher_raw_mem *mem,
				 struct vm_area_struct *vma)
{
	vma->vm_private_data = mem;
	vma->vm_ops = &usher_raw_mem_ops;
	usher_raw_mem_open(vma);
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
	unsigned long n;
	int ret = -EINVAL;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	/*
	 * Not by usher_raw_lock(), which may wait for a reset by somebody else: that
	 * takes up to a minute, and mmap_lock keeps others waiting.
	 */
	if (mutex_lock_killable(&raw->lock))
		return -EINTR;
	mem = idr_find(&raw->ids, id);
	if (raw->gone) {
		ret = -ENODEV;
	} else if (mem && mem->source == USHER_RAW_ALLOCATED &&
		   vma_pages(vma) == mem->pin.nr_pages) {
		vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
		n = mem->pin.nr_pages;
		ret = vm_insert_pages(vma, vma->vm_start, mem->pin.pages, &n);
		if (!ret)
			usher_raw_mem_attach(mem, vma);
	}
	mutex_unlock(&raw->lock);
	return ret;
}
