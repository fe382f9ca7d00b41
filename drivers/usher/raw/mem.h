/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Raw mode: one piece of memory that a device may use, or a process has mapped. It knows
 * the struct device, but not the function's object.
 */
#ifndef _USHER_RAW_MEM_H
#define _USHER_RAW_MEM_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/scatterlist.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "core/pin.h"

struct device;
struct usher_raw_dma;
struct usher_raw_want;
struct vm_area_struct;

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
 * @work: puts the references of the device to this and to @others, for a caller that must
 *	not wait
 * @others: memory of the same user
 *
 * @node: in raw.mems or raw.quarantine; this and @id are guarded by raw.lock. Later in
 *	@others.
 * @id: in raw.ids
 */
struct usher_raw_mem {
	struct kref		kref;
	enum usher_raw_source	source;
	bool			contiguous;
	struct usher_pin	pin;
	struct sg_table		sgt;
	struct work_struct	work;
	struct list_head	others;

	struct list_head	node;
	int			id;
};

struct usher_raw_mem *usher_raw_mem_alloc(const struct usher_raw_dma *arg,
					  enum usher_raw_source source,
					  const struct usher_raw_want *want);
void usher_raw_mem_put(struct usher_raw_mem *mem);
void usher_raw_mem_put_later(struct usher_raw_mem *mem);

bool usher_raw_mem_translated(struct device *dev);
int usher_raw_mem_map(struct device *dev, struct usher_raw_mem *mem);
void usher_raw_mem_unmap(struct device *dev, struct usher_raw_mem *mem);
void usher_raw_mem_flush(struct device *dev);
void usher_raw_mem_bus(struct usher_raw_mem *mem, u64 *bus);
int usher_raw_mem_mmap(struct usher_raw_mem *mem, struct vm_area_struct *vma);

#endif /* _USHER_RAW_MEM_H */
