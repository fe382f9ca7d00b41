// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: pages from the kernel, where a device reaches them.
 *
 * The pages are in the array of a struct usher_pin, whose owner frees them. They are
 * taken in ranges as long as can be had, and then split, so that each page is freed by
 * itself.
 */
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include "core/pin.h"
#include "raw/pages.h"

/* The longest range that is taken at a time: 4 MiB */
#define USHER_RAW_MAX_ORDER	get_order(SZ_4M)

/**
 * usher_raw_pages_reached - does a device reach pages by their physical addresses
 * @page: the first page
 * @nr: number of pages, which follow each other
 * @mask: the highest address that it reaches
 *
 * Return: whether it reaches all of them.
 */
bool usher_raw_pages_reached(struct page *page, unsigned long nr, u64 mask)
{
	return page_to_phys(page) + nr * PAGE_SIZE - 1 <= mask;
}

/*
 * Takes pages that follow each other from the highest zone which has some that the device
 * reaches. The flags see to it that nobody else loses memory for it, and that a failure
 * does not fill the log.
 */
static struct page *usher_raw_alloc_range(const struct usher_raw_want *want,
					  u32 order)
{
	static const gfp_t zones[] = { 0, __GFP_DMA32, __GFP_DMA };
	gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN;
	struct page *page;
	u32 i;

	/* A shorter range will do, unless there must be only one. */
	gfp |= order && !want->contiguous ? __GFP_NORETRY : __GFP_RETRY_MAYFAIL;
	for (i = want->mask <= DMA_BIT_MASK(32); i < ARRAY_SIZE(zones); i++) {
		page = alloc_pages_node(want->node, gfp | zones[i], order);
		if (!page)
			return ERR_PTR(i && !order ? -ENOSPC : -ENOMEM);
		if (usher_raw_pages_reached(page, BIT(order), want->mask)) {
			split_page(page, order);
			return page;
		}
		__free_pages(page, order);
	}
	return ERR_PTR(-ENOSPC);
}

/**
 * usher_raw_alloc_some - take one range, as long as can be had
 * @pin: the pages are added to it
 * @left: number of pages that are still wanted
 * @want: where they are to be
 * @order: the longest range that is tried; what was longer than what could be had is not
 *	tried again
 *
 * Return: 0, -ENOMEM or -ENOSPC.
 */
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

/* Takes one range, and gives back the pages at its end that are too many. */
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

/**
 * usher_raw_pages_alloc - take zeroed pages
 * @pin: its array has room for the number of pages it says
 * @want: where they are to be
 *
 * Return: 0; -ENOMEM; -ENOSPC when the device reaches none that are free; -EINTR when
 * the process is killed.
 */
int usher_raw_pages_alloc(struct usher_pin *pin,
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
		usher_raw_pages_free(pin);
	return ret;
}

void usher_raw_pages_free(struct usher_pin *pin)
{
	while (pin->nr_pages)
		__free_page(pin->pages[--pin->nr_pages]);
}
