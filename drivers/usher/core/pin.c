// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that a device may reach: pinning those of a process and charging them to its
 * user, or taking them from the kernel; mapping them without bounce buffers.
 */
#include <linux/backing-dev.h>
#include <linux/capability.h>
#include <linux/dma-map-ops.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>

#include "compat.h"
#include "core/pin.h"

/*
 * Pages worked on at a time: in between a killed process is seen, and others run. To look
 * them up the kernel keeps interrupts off, for some 270 instructions each.
 */
#define USHER_PIN_BATCH		32

/* ---- pinning ---- */

static void usher_unpin_pages(struct usher_pin *pin, bool dirty)
{
	unsigned long i, n;

	for (i = 0; i < pin->nr_pages; i += n) {
		n = min_t(unsigned long, pin->nr_pages - i, USHER_PIN_BATCH);
		if (dirty)
			unpin_user_pages_dirty_lock(pin->pages + i, n, true);
		else
			unpin_user_pages(pin->pages + i, n);
		cond_resched();
	}
}

static long usher_pin_some(u64 addr, unsigned long n, bool rdonly,
			   struct page **pages)
{
	long got;

	if (!rdonly)
		return pin_user_pages_fast(addr, n, FOLL_WRITE | FOLL_LONGTERM,
					   pages);
	/*
	 * A forced write fault gives a private page its own copy; what is
	 * shared and read-only refuses it, and is right as it is. It would not
	 * mind that the process may not read the page, so look at that first.
	 */
	if (USHER_PIN_PRIVATE_BY_WRITE) {
		got = pin_user_pages_fast(addr, n, FOLL_LONGTERM, pages);
		if (got <= 0)
			return got;
		unpin_user_pages(pages, got);
		got = pin_user_pages_fast(addr, got, FOLL_WRITE | FOLL_FORCE |
					  FOLL_LONGTERM, pages);
		if (got != -EFAULT)
			return got;
		n = 1;
	}
	return pin_user_pages_fast(addr, n, FOLL_LONGTERM, pages);
}

static bool usher_pages_of_file(struct page **pages, long n)
{
	while (n)
		if (usher_page_of_file(pages[--n]))
			return true;
	return false;
}

/* Does the file system want to know of each write, or write back what was written? */
static bool usher_vma_of_file(const struct vm_area_struct *vma)
{
	const struct vm_operations_struct *ops = vma->vm_ops;

	if (~vma->vm_flags & (VM_SHARED | VM_WRITE) || vma->vm_flags & VM_PFNMAP)
		return false;
	if (ops && (ops->page_mkwrite || ops->pfn_mkwrite))
		return true;
	return vma->vm_file && vma->vm_file->f_mapping &&
	       mapping_can_writeback(vma->vm_file->f_mapping);
}

/*
 * Why a page cannot be pinned for writing: it was refused, so it does no harm if something
 * else is mapped there by now.
 */
static int usher_pin_refused(u64 addr)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	int ret = -EFAULT;

	if (mmap_read_lock_killable(mm))
		return -EINTR;
	vma = vma_lookup(mm, untagged_addr((unsigned long)addr));
	if (vma && usher_vma_of_file(vma))
		ret = -EOPNOTSUPP;
	mmap_read_unlock(mm);
	return ret;
}

/* At most a batch. Return: how many were pinned, or a negative errno. */
static long usher_pin_batch(u64 addr, unsigned long n, bool rdonly,
			    struct page **pages)
{
	long got;

	/* Not a wait: a signal with a handler has it run afterwards. */
	if (fatal_signal_pending(current))
		return -EINTR;
	got = usher_pin_some(addr, min_t(unsigned long, n, USHER_PIN_BATCH),
			     rdonly, pages);
	if (!got)
		got = -EFAULT;
	if (rdonly)
		return got;
	if (got == -EFAULT)
		return usher_pin_refused(addr);
	if (got > 0 && usher_pages_of_file(pages, got)) {
		unpin_user_pages(pages, got);
		return -EOPNOTSUPP;
	}
	return got;
}

/* On failure there are none. */
static int usher_pin_pages(struct usher_pin *pin, u64 addr)
{
	unsigned long want = pin->nr_pages;
	long got;

	addr &= PAGE_MASK;
	pin->nr_pages = 0;
	while (pin->nr_pages < want) {
		got = usher_pin_batch(addr + pin->nr_pages * PAGE_SIZE,
				      want - pin->nr_pages, pin->rdonly,
				      pin->pages + pin->nr_pages);
		if (got < 0) {
			/* The device did not write them. */
			usher_unpin_pages(pin, false);
			pin->nr_pages = 0;
			return got;
		}
		pin->nr_pages += got;
		cond_resched();
	}
	return 0;
}

/* ---- accounting ---- */

/* A pin keeps all of a compound page, so all of it counts, once. */
static unsigned long usher_pages_to_charge(const struct usher_pin *pin)
{
	struct page *last = NULL;
	unsigned long i, n = 0;

	for (i = 0; i < pin->nr_pages; i++) {
		struct page *head = compound_head(pin->pages[i]);

		if (head != last)
			n += compound_nr(head);
		last = head;
		if (i % USHER_PIN_BATCH == 0)
			cond_resched();
	}
	return n;
}

static int usher_charge(struct user_struct *user, unsigned long n)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	long old = atomic_long_read(&user->locked_vm), new;

	do {
		new = old + n;
		if (new > limit)
			return -ENOMEM;
	} while (!atomic_long_try_cmpxchg(&user->locked_vm, &old, new));
	return 0;
}

/**
 * usher_charge_pages - count pages against RLIMIT_MEMLOCK
 * @pin: whom they are charged to is kept here
 * @n: how many
 *
 * The user is charged, not the mm: pins of a hung command outlive an mm, but
 * not the reference held here.
 *
 * Return: 0, or -ENOMEM.
 */
int usher_charge_pages(struct usher_pin *pin, unsigned long n)
{
	struct user_struct *user;

	if (capable(CAP_IPC_LOCK))
		return 0;
	user = get_uid(current_user());
	if (usher_charge(user, n)) {
		free_uid(user);
		return -ENOMEM;
	}
	pin->user = user;
	pin->charged = n;
	return 0;
}

void usher_uncharge_user(struct usher_pin *pin)
{
	if (!pin->user)
		return;
	atomic_long_sub(pin->charged, &pin->user->locked_vm);
	free_uid(pin->user);
	pin->user = NULL;
}

/* What is pinned may be more than was asked for, or, where pages repeat, less. */
static int usher_charge_pinned(struct usher_pin *pin)
{
	unsigned long n;

	if (!pin->user)
		return 0;
	n = usher_pages_to_charge(pin);
	if (n > pin->charged) {
		if (usher_charge(pin->user, n - pin->charged))
			return -ENOMEM;
	} else {
		atomic_long_sub(pin->charged - n, &pin->user->locked_vm);
	}
	pin->charged = n;
	return 0;
}

/**
 * usher_pin - charge and pin pages of the calling process
 * @pin: @pages has room for @nr_pages, which are wanted
 * @addr: somewhere in the first page
 *
 * What the user may not lock is not touched; the rest of huge pages is known and charged
 * after they are pinned. May wait for ever on a page fault, but not when the process is
 * killed.
 *
 * Return: 0; -EOPNOTSUPP for a shared mapping of a file that the device would write
 * behind the back of its file system; -EFAULT, -EINTR or -ENOMEM.
 */
int usher_pin(struct usher_pin *pin, u64 addr)
{
	int ret = usher_charge_pages(pin, pin->nr_pages);

	if (ret)
		return ret;
	ret = usher_pin_pages(pin, addr);
	if (ret)
		goto uncharge;
	ret = usher_charge_pinned(pin);
	if (ret)
		goto unpin;
	return 0;

unpin:
	/* The device did not write them. */
	usher_unpin_pages(pin, false);
uncharge:
	usher_uncharge_user(pin);
	return ret;
}

static void usher_free_own(struct usher_pin *pin)
{
	unsigned long i;

	for (i = 0; i < pin->nr_pages; i++)
		__free_page(pin->pages[i]);
}

/**
 * usher_pin_own - take zeroed pages from the kernel
 * @pin: says that it is @own; @pages has room for @nr_pages, which are wanted
 *
 * No process has them locked: they are charged to its memory cgroup, not to
 * RLIMIT_MEMLOCK.
 *
 * Return: 0, or -ENOMEM.
 */
int usher_pin_own(struct usher_pin *pin)
{
	unsigned long want = pin->nr_pages;

	for (pin->nr_pages = 0; pin->nr_pages < want; pin->nr_pages++) {
		struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);

		if (!page) {
			usher_free_own(pin);
			return -ENOMEM;
		}
		pin->pages[pin->nr_pages] = page;
	}
	return 0;
}

/*
 * Undoes usher_pin() and usher_pin_own(), when the device does not reach the pages any
 * more.
 */
void usher_unpin(struct usher_pin *pin)
{
	if (pin->own) {
		usher_free_own(pin);
		return;
	}
	usher_unpin_pages(pin, !pin->rdonly);
	usher_uncharge_user(pin);
}

/* ---- mapping ---- */

static bool usher_sg_bounced(struct device *dev, struct iommu_domain *domain,
			     struct scatterlist *sg)
{
	if (domain && domain->type & __IOMMU_DOMAIN_PAGING)
		return false;
	return dma_need_sync(dev, sg_dma_address(sg));
}

/*
 * A bounced mapping would need copies at each command; behind an IOMMU a
 * bounced page is one whose IOVA leads elsewhere.
 */
static bool usher_pin_bounced(struct device *dev, const struct usher_pin *pin,
			      struct sg_table *sgt)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);
	struct sg_dma_page_iter iter;
	struct scatterlist *sg;
	unsigned long n = 0;
	u32 i;

	for_each_sgtable_dma_sg(sgt, sg, i)
		if (usher_sg_bounced(dev, domain, sg))
			return true;
	if (!domain || !(domain->type & __IOMMU_DOMAIN_PAGING))
		return false;
	for_each_sgtable_dma_page(sgt, &iter, 0) {
		dma_addr_t iova = sg_page_iter_dma_address(&iter);

		if (iommu_iova_to_phys(domain, iova) !=
		    page_to_phys(pin->pages[n++]))
			return true;
		if (n % USHER_PIN_BATCH == 0)
			cond_resched();
	}
	return false;
}

static enum dma_data_direction usher_pin_dir(const struct usher_pin *pin)
{
	return pin->rdonly ? DMA_TO_DEVICE : DMA_BIDIRECTIONAL;
}

/**
 * usher_pin_map - let a device reach pages
 * @dev: the device
 * @pin: the pages
 * @sgt: made of them; mapped
 *
 * Return: 0; -EOPNOTSUPP when they would have to be bounced, or the device sees
 * memory otherwise than the processor; -ENOMEM.
 */
int usher_pin_map(struct device *dev, const struct usher_pin *pin,
		  struct sg_table *sgt)
{
	int ret;

	if (!dev_is_dma_coherent(dev))
		return -EOPNOTSUPP;
	ret = dma_map_sgtable(dev, sgt, usher_pin_dir(pin),
			      DMA_ATTR_SKIP_CPU_SYNC);
	/* EIO: it would have to be bounced, and is too large for that. */
	if (ret)
		return ret == -EIO ? -EOPNOTSUPP : ret;
	if (usher_pin_bounced(dev, pin, sgt)) {
		usher_pin_unmap(dev, pin, sgt);
		return -EOPNOTSUPP;
	}
	return 0;
}

void usher_pin_unmap(struct device *dev, const struct usher_pin *pin,
		     struct sg_table *sgt)
{
	dma_unmap_sgtable(dev, sgt, usher_pin_dir(pin), DMA_ATTR_SKIP_CPU_SYNC);
}
