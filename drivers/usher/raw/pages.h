/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Raw mode: pages from the kernel, where a device reaches them.
 */
#ifndef _USHER_RAW_PAGES_H
#define _USHER_RAW_PAGES_H

#include <linux/types.h>

struct page;
struct usher_pin;

/**
 * struct usher_raw_want - where pages are to be
 * @mask: the highest physical address that the device reaches
 * @node: NUMA node near the device
 * @contiguous: one after the other, or not at all
 */
struct usher_raw_want {
	u64	mask;
	int	node;
	bool	contiguous;
};

int usher_raw_pages_alloc(struct usher_pin *pin,
			  const struct usher_raw_want *want);
void usher_raw_pages_free(struct usher_pin *pin);
bool usher_raw_pages_reached(struct page *page, unsigned long nr, u64 mask);

#endif /* _USHER_RAW_PAGES_H */
