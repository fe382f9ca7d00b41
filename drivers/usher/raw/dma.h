/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Raw mode: memory that a device may use, and what is known of its DMA.
 *
 * Memory that is taken from the device is handed over in a list: its pages may be busy,
 * and are released by usher_raw_mems_release() after the lock of the function.
 */
#ifndef _USHER_RAW_DMA_H
#define _USHER_RAW_DMA_H

#include <linux/types.h>

struct usher_raw;
struct usher_raw_dma;
struct vm_area_struct;

/**
 * struct usher_raw_dma_limits - what struct device says of a function's DMA
 * @mask: the highest address that it reaches
 * @coherent_mask: the same for coherent memory
 * @segment_bytes: longest range of addresses, in bytes
 * @boundary: no range crosses a multiple of this plus one
 */
struct usher_raw_dma_limits {
	u64		mask;
	u64		coherent_mask;
	unsigned int	segment_bytes;
	unsigned long	boundary;
};

int usher_raw_dma_init(struct usher_raw *raw);
void usher_raw_dma_exit(struct usher_raw *raw);

int usher_raw_dma_set_bits(struct usher_raw *raw, u32 bits);
int usher_raw_dma_alloc(struct usher_raw *raw, struct usher_raw_dma *arg);
int usher_raw_dma_register(struct usher_raw *raw, struct usher_raw_dma *arg);
int usher_raw_dma_free(struct usher_raw *raw, u32 id);
int usher_raw_dma_mmap(struct usher_raw *raw, struct vm_area_struct *vma);

void usher_raw_mems_remove(struct usher_raw *raw, struct list_head *removed);
void usher_raw_mems_lose(struct usher_raw *raw);
void usher_raw_quarantine(struct usher_raw *raw);
void usher_raw_unquarantine(struct usher_raw *raw, struct list_head *removed);
void usher_raw_mems_release(struct list_head *removed);
void usher_raw_mems_release_later(struct list_head *removed);

#endif /* _USHER_RAW_DMA_H */
