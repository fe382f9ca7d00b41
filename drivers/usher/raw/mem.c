// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: one piece of memory that a device may use, or a process has mapped.
 *
 * The device holds one reference to a struct usher_raw_mem, and each mapping of a process
 * another one. The last one that is put frees the struct, its pages and their charge. So
 * what a process has mapped outlives the owner of the function, and even the function.
 */
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <uapi/linux/usher_raw.h>

#include "compat.h"
#include "core/pin.h"
#include "core/wq.h"
#include "raw/mem.h"
#include "raw/pages.h"

/* ---- pages ---- */

/* Charges the pages before they are there. */
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

static void usher_raw_mem_put_pages(struct usher_raw_mem *mem)
{
	if (mem->source == USHER_RAW_ALLOCATED) {
		usher_raw_pages_free(&mem->pin);
		usher_uncharge_user(&mem->pin);
	} else {
		usher_unpin(&mem->pin);
	}
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
void usher_raw_mem_put(struct usher_raw_mem *mem)
{
	kref_put(&mem->kref, usher_raw_mem_release);
}

static void usher_raw_mem_work(struct work_struct *work)
{
	struct usher_raw_mem *mem = container_of(work, struct usher_raw_mem, work);
	struct usher_raw_mem *other, *next;

	list_for_each_entry_safe(other, next, &mem->others, node) {
		list_del(&other->node);
		usher_raw_mem_put(other);
	}
	usher_raw_mem_put(mem);
}

/* The same, for a caller that must not wait, and for what is in the list of others */
void usher_raw_mem_put_later(struct usher_raw_mem *mem)
{
	queue_work(usher_free_wq, &mem->work);
}

/**
 * usher_raw_mem_alloc - make memory that is not mapped yet
 * @arg: how much, and which of the process; it was checked
 * @source: where its pages come from
 * @want: where pages that are allocated are to be
 *
 * Return: the memory, with a reference for the device; -EFAULT, -EINTR, -ENOMEM, -ENOSPC,
 * -EOPNOTSUPP.
 */
struct usher_raw_mem *usher_raw_mem_alloc(const struct usher_raw_dma *arg,
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
	INIT_LIST_HEAD(&mem->others);
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
	      usher_pin(&mem->pin, arg->addr);
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

/* Whether an IOMMU translates the bus addresses of a device */
bool usher_raw_mem_translated(struct device *dev)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	return domain && domain->type & __IOMMU_DOMAIN_PAGING;
}

void usher_raw_mem_unmap(struct device *dev, struct usher_raw_mem *mem)
{
	usher_pin_unmap(dev, &mem->pin, &mem->sgt);
}

/*
 * In a lazy domain, what was unmapped stays in reach until a flush, and its pages must not
 * go before that. It does not help to look at the type of the domain: an administrator may
 * make it lazy at any time, and then unmapping is lazy before the type says so.
 */
void usher_raw_mem_flush(struct device *dev)
{
	if (usher_raw_mem_translated(dev))
		iommu_flush_iotlb_all(iommu_get_domain_for_dev(dev));
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

/**
 * usher_raw_mem_map - let a device reach memory
 * @dev: the device
 * @mem: the memory
 *
 * Return: 0, -EOPNOTSUPP, -ENOMEM or -ENOSPC: see struct usher_raw_dma.
 */
int usher_raw_mem_map(struct device *dev, struct usher_raw_mem *mem)
{
	bool translated = usher_raw_mem_translated(dev);
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
		usher_raw_mem_unmap(dev, mem);
	return ret;
}

/* Fills in the bus address of each page. */
void usher_raw_mem_bus(struct usher_raw_mem *mem, u64 *bus)
{
	struct sg_dma_page_iter iter;
	unsigned long n = 0;

	for_each_sgtable_dma_page(&mem->sgt, &iter, 0)
		bus[n++] = sg_page_iter_dma_address(&iter);
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

/**
 * usher_raw_mem_mmap - map memory that was allocated into a process
 * @mem: the memory
 * @vma: the mapping, which must be of all of it
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int usher_raw_mem_mmap(struct usher_raw_mem *mem, struct vm_area_struct *vma)
{
	unsigned long n = mem->pin.nr_pages;
	int ret;

	if (mem->source != USHER_RAW_ALLOCATED || vma_pages(vma) != n)
		return -EINVAL;
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	ret = vm_insert_pages(vma, vma->vm_start, mem->pin.pages, &n);
	if (ret)
		return ret;
	/* Not before, as a mapping that failed is not closed */
	vma->vm_private_data = mem;
	vma->vm_ops = &usher_raw_mem_ops;
	usher_raw_mem_open(vma);
	return 0;
}
