/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Raw mode: base address registers: what a function has, and what of it a process may
 * touch. They are found at probe and do not change, so they have no lock.
 */
#ifndef _USHER_RAW_BAR_H
#define _USHER_RAW_BAR_H

#include <linux/compiler_types.h>
#include <linux/types.h>

struct usher_raw;
struct usher_raw_access;
struct usher_raw_region;

/**
 * struct usher_raw_bar - a base address register
 * @bytes: its size, 0 where there is none
 * @mappable: it is in memory space, and processes may map it
 * @ports: it is in I/O space
 * @registers: mapping of the kernel, for calls to what is not @mappable; or NULL
 * @table_offset: where the parts begin that processes must not touch, in bytes: the
 *	MSI-X table, and its pending bits
 * @table_bytes: sizes of these parts, 0 for none
 */
struct usher_raw_bar {
	u64		bytes;
	bool		mappable;
	bool		ports;
	void __iomem	*registers;
	u64		table_offset[2];
	u64		table_bytes[2];
};

void usher_raw_bars_init(struct usher_raw *raw);
void usher_raw_bars_exit(struct usher_raw *raw);
void usher_raw_bar_hole(const struct usher_raw_bar *bar, u32 which, u32 page_bytes,
			u64 *offset, u64 *bytes);
bool usher_raw_bar_in_hole(const struct usher_raw_bar *bar, u64 offset, u32 page_bytes);
bool usher_raw_bar_is_mappable(const struct usher_raw_bar *bar, u64 start, u32 page_bytes);
int usher_raw_bar_check(const struct usher_raw_bar *bar,
			const struct usher_raw_access *arg);
int usher_raw_bar_describe(const struct usher_raw *raw,
			   struct usher_raw_region *region);

#endif /* _USHER_RAW_BAR_H */
