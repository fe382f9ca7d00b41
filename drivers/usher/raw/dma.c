// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: memory that the device may use. It is mapped for as long as it is in
 * one of the lists. Pages and their charge go only after it is unmapped, and after
 * the last process unmapped it, too.
 */
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "raw/raw.h"

static bool usher_raw_translated(struct usher_raw *raw)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(&raw->pdev->dev);

	return domain && domain->type & __IOMMU_DOMAIN_PAGING;
}

/* The most that is allocated at a time: 4 MiB */
#define USHER_RAW_MAX_ORDER	get_order(SZ_4M)

/**
 * struct usher_raw_want - where allocated pages are to be
 * @mask: the device reaches no further
 * @node: near the device
 * @contiguous: one after the other
 */
struct usher_raw_want {
	u64	mask;
	int	node;
	bool	contiguous;
};

/* ---- pages ---- */

static bool usher_raw_reaches(struct page *page, unsigned long nr, u64 mask)
{
	return page_to_phys(page) + nr * PAGE_SIZE - 1 <= mask;
}

/*
 * Pages that follow each other, below @mask, from the highest zone that has such,
 * each to be freed by itself. Nobody else loses memory for it, and the log does not
 * fill.
 */
static struct page *usher_raw_alloc_range(const struct usher_raw_want *want,
					  u32 order)
{
	static const gfp_t zones[] = { 0, __GFP_DMA32, __GFP_DMA };
	gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN;
	struct page *page;
	u32 i;

	/* Fewer will do, unless they must be one range. */
	gfp |= order && !want->contiguous ? __GFP_NORETRY : __GFP_RETRY_MAYFAIL;
	for (i = want->mask <= DMA_BIT_MASK(32); i < ARRAY_SIZE(zones); i++) {
		page = alloc_pages_node(want->node, gfp | zones[i], order);
		if (!page)
			return ERR_PTR(i && !order ? -ENOSPC : -ENOMEM);
		if (usher_raw_reaches(page, BIT(order), want->mask)) {
			split_page(page, order);
			return page;
		}
		__free_pages(page, order);
	}
	return ERR_PTR(-ENOSPC);
}

static void usher_raw_free_pages(struct usher_pin *pin)
{
	while (pin->nr_pages)
		__free_page(pin->pages[--pin->nr_pages]);
}

/* As many as may be, but no more than @left, and a power of two */
static int usher_raw_alloc_some(struct usher_pin *pin, unsigned long left,
				const struct usher_raw_want *want, u32 *order)
{
	struct page *page;
	u32 i;

	*order = min_t(u32, *order, ilog2(left));
	for (;;) {
		page = usher_raw_alloc_range(want, *order);
		if (!IS_ERR(page))
			break;
		if (!*order)
			return PTR_ERR(page);
		--*order;
	}
	for (i = 0; i < BIT(*order); i++)
		pin->pages[pin->nr_pages++] = page + i;
	return 0;
}

/* One range, of which what is too much goes back */
static int usher_raw_alloc_contiguous(struct usher_pin *pin, unsigned long nr,
				      const struct usher_raw_want *want)
{
	u32 order = get_order(nr << PAGE_SHIFT), i;
	struct page *page = ERR_PTR(-ENOMEM);

	if (order <= USHER_RAW_MAX_ORDER)
		page = usher_raw_alloc_range(want, order);
	if (IS_ERR(page))
		return PTR_ERR(page);
	for (i = 0; i < nr; i++)
		pin->pages[pin->nr_pages++] = page + i;
	for (; i < BIT(order); i++)
		__free_page(page + i);
	return 0;
}

static int usher_raw_alloc_pages(struct usher_pin *pin,
				 const struct usher_raw_want *want)
{
	unsigned long nr = pin->nr_pages;
	u32 order = USHER_RAW_MAX_ORDER;
	int ret = 0;

	pin->nr_pages = 0;
	if (want->contiguous)
		return usher_raw_alloc_contiguous(pin, nr, want);
	while (pin->nr_pages < nr && !ret) {
		ret = fatal_signal_pending(current) ? -EINTR :
			usher_raw_alloc_some(pin, nr - pin->nr_pages, want,
					     &order);
		cond_resched();
	}
	if (ret)
		usher_raw_free_pages(pin);
	return ret;
}

/* Charged before they are there, since no process has them until then */
static int usher_raw_charge_and_alloc(struct usher_pin *pin,
				      const struct usher_raw_want *want)
{
	int ret = usher_charge_pages(pin, pin->nr_pages);

	if (ret)
		return ret;
	ret = usher_raw_alloc_pages(pin, want);
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
	if (mem->allocated)
		usher_raw_free_pages(&mem->pin);
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

/*
 * Without the last reference, the pages go. May wait for a file system that keeps
 * one locked, but not those that were allocated.
 */
static void usher_raw_mem_put(struct usher_raw_mem *mem)
{
	kref_put(&mem->kref, usher_raw_mem_release);
}

static void usher_raw_mem_work(struct work_struct *work)
{
	usher_raw_mem_put(container_of(work, struct usher_raw_mem, work));
}

/**
 * usher_raw_mems_release - let go of memory that the device does not reach
 * @mems: unmapped
 * @later: the caller may not wait
 */
void usher_raw_mems_release(struct list_head *mems, bool later)
{
	struct usher_raw_mem *mem, *next;

	list_for_each_entry_safe(mem, next, mems, node) {
		list_del(&mem->node);
		if (later)
			queue_work(usher_slow_wq, &mem->work);
		else
			usher_raw_mem_put(mem);
	}
}

/* Where pages must be, so that the device reaches them. An IOMMU does the rest. */
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

static struct usher_raw_mem *usher_raw_mem_alloc(const struct usher_raw_dma *arg,
						 bool allocate,
						 const struct usher_raw_want *want)
{
	struct usher_raw_mem *mem;
	int ret = -ENOMEM;

	mem = kzalloc(sizeof(*mem), GFP_KERNEL_ACCOUNT);
	if (!mem)
		return ERR_PTR(ret);
	kref_init(&mem->kref);
	INIT_WORK(&mem->work, usher_raw_mem_work);
	mem->allocated = allocate;
	mem->contiguous = arg->flags & USHER_RAW_DMA_CONTIGUOUS;
	mem->pin.rdonly = arg->flags & USHER_RAW_DMA_RDONLY;
	mem->pin.nr_pages = arg->nr_bus;
	mem->pin.pages = kvmalloc_array(arg->nr_bus, sizeof(*mem->pin.pages),
					GFP_KERNEL_ACCOUNT);
	if (!mem->pin.pages)
		goto free_mem;
	ret = allocate ? usher_raw_charge_and_alloc(&mem->pin, want) :
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

/* ---- mapping ---- */

static void usher_raw_mem_unmap(struct usher_raw *raw, struct usher_raw_mem *mem)
{
	usher_pin_unmap(&raw->pdev->dev, &mem->pin, &mem->sgt);
}

/*
 * What was unmapped lazily is in reach until then, and pages go at once. Whether it
 * was does not show: an administrator may make a domain lazy at any time, which
 * queues what is unmapped before the domain's type says so.
 */
static void usher_raw_flush(struct usher_raw *raw)
{
	if (usher_raw_translated(raw))
		iommu_flush_iotlb_all(iommu_get_domain_for_dev(&raw->pdev->dev));
}

/* The caches of bus addresses do not mind a mask of few pages. */
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

	/* What is out of reach would be bounced. */
	for (i = 0; i < mem->pin.nr_pages && !translated; i++)
		if (!usher_raw_reaches(mem->pin.pages[i], 1, dma_get_mask(dev)))
			return -ENOSPC;
	ret = usher_pin_map(dev, &mem->pin, &mem->sgt);
	/* The IOMMU has no other word for it. */
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

/* With raw.lock held; the function is there. */
void usher_raw_mems_unmap(struct usher_raw *raw, struct list_head *mems)
{
	struct usher_raw_mem *mem;

	list_for_each_entry(mem, mems, node)
		usher_raw_mem_unmap(raw, mem);
	usher_raw_flush(raw);
}

/* All memory of the owner, with raw.lock held */
void usher_raw_mems_take(struct usher_raw *raw, struct list_head *mems)
{
	struct usher_raw_mem *mem;

	lockdep_assert_held(&raw->lock);
	list_for_each_entry(mem, &raw->mems, node)
		idr_remove(&raw->ids, mem->id);
	list_splice_tail_init(&raw->mems, mems);
}

/* The device may reach the memory until the function is unbound. */
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
	usher_raw_mems_take(raw, &raw->quarantine);
}

/* With raw.lock held: the device was stopped, and reaches nothing of it any more. */
void usher_raw_unquarantine(struct usher_raw *raw, struct list_head *mems)
{
	list_splice_tail_init(&raw->quarantine, mems);
	usher_raw_mems_unmap(raw, mems);
	raw->quarantined = 0;
}

/* ---- ioctls ---- */

int usher_raw_dma_bits(struct usher_raw *raw, u32 bits)
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

static int usher_raw_check_dma(const struct usher_raw_dma *arg, bool allocate)
{
	u64 first = allocate ? 0 : offset_in_page(arg->addr);
	u32 known = USHER_RAW_DMA_RDONLY |
		    (allocate ? USHER_RAW_DMA_CONTIGUOUS : 0);
	u64 end;

	if (arg->flags & ~known || arg->id || arg->offset ||
	    !arg->length || arg->length > USHER_MAX_BUF_BYTES)
		return -EINVAL;
	if (allocate && (arg->addr || !PAGE_ALIGNED(arg->length)))
		return -EINVAL;
	if (arg->nr_bus != DIV_ROUND_UP_ULL(first + arg->length, PAGE_SIZE))
		return -EINVAL;
	if (check_add_overflow(arg->addr, arg->length, &end) || end > ULONG_MAX)
		return -EFAULT;
	return 0;
}

/* Fills in @arg->id and @bus. From here on another thread may free it. */
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

/**
 * usher_raw_dma_add - USHER_RAW_IOC_DMA_ALLOC and _REGISTER
 * @raw: the function
 * @arg: @arg->id and @arg->offset are filled in
 * @allocate: our memory, not that of the process
 *
 * Return: 0, or as struct usher_raw_dma says.
 */
int usher_raw_dma_add(struct usher_raw *raw, struct usher_raw_dma *arg,
		      bool allocate)
{
	struct usher_raw_want want;
	struct usher_raw_mem *mem;
	u64 *bus;
	int ret;

	ret = usher_raw_check_dma(arg, allocate);
	if (!ret)
		ret = usher_raw_find_want(raw, arg, &want);
	if (ret)
		return ret;
	bus = kvmalloc_array(arg->nr_bus, sizeof(*bus), GFP_KERNEL_ACCOUNT);
	if (!bus)
		return -ENOMEM;
	mem = usher_raw_mem_alloc(arg, allocate, &want);
	if (IS_ERR(mem)) {
		ret = PTR_ERR(mem);
		goto free_bus;
	}
	ret = usher_raw_publish(raw, mem, arg, bus);
	if (ret) {
		usher_raw_mem_put(mem);
		goto free_bus;
	}
	if (allocate)
		arg->offset = USHER_RAW_MEM_OFFSET +
			      ((u64)arg->id << PAGE_SHIFT);
	if (copy_to_user(u64_to_user_ptr(arg->bus), bus,
			 array_size(arg->nr_bus, sizeof(*bus)))) {
		usher_raw_dma_free(raw, arg->id);
		ret = -EFAULT;
	}
free_bus:
	kvfree(bus);
	return ret;
}

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

/* ---- mappings: they hold the pages and their charge, and outlive all else ---- */

/* For a child, or a part that is mapped elsewhere or remains */
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

/* Last of all: a mapping that fails is not closed. */
static void usher_raw_mem_attach(struct usher_raw_mem *mem,
				 struct vm_area_struct *vma)
{
	vma->vm_private_data = mem;
	vma->vm_ops = &usher_raw_mem_ops;
	usher_raw_mem_open(vma);
}

int usher_raw_mmap_mem(struct usher_raw *raw, struct vm_area_struct *vma)
{
	unsigned long id = vma->vm_pgoff - (USHER_RAW_MEM_OFFSET >> PAGE_SHIFT);
	struct usher_raw_mem *mem;
	unsigned long n;
	int ret = -EINVAL;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	/* A reset may take a minute, and mmap_lock keeps others waiting. */
	if (mutex_lock_killable(&raw->lock))
		return -EINTR;
	mem = idr_find(&raw->ids, id);
	if (raw->gone) {
		ret = -ENODEV;
	} else if (mem && mem->allocated && vma_pages(vma) == mem->pin.nr_pages) {
		vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
		n = mem->pin.nr_pages;
		ret = vm_insert_pages(vma, vma->vm_start, mem->pin.pages, &n);
		if (!ret)
			usher_raw_mem_attach(mem, vma);
	}
	mutex_unlock(&raw->lock);
	return ret;
}
