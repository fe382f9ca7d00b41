// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: base address registers: what a function has, and what of it a process may
 * touch.
 *
 * A struct usher_raw_bar is part of struct usher_raw. What is not mappable and small
 * has a mapping of the kernel, from usher_raw_bars_init() to usher_raw_bars_exit().
 *
 * A process that wrote the MSI-X table would choose which messages the device sends. So
 * calls leave out the table and its pending bits, and a mapping has holes: all pages of
 * the processor with a part of them. Where those pages are larger than devices expect, a
 * hole may be over registers, too, and then the region is accessed by calls.
 */
#include <linux/align.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <uapi/linux/usher_raw.h>

#include "raw/bar.h"
#include "raw/offsets.h"
#include "raw/raw.h"

/* The largest region that the kernel maps for calls */
#define USHER_RAW_CALLS_BYTES	SZ_1M

/* Devices keep registers out of these pages of the table: PCI Express Base 6.0, 7.7.2 */
#define USHER_RAW_TABLE_PAGE	SZ_4K

/**
 * usher_raw_init_table - keep processes from what an MSI-X register points to
 * @raw: the function
 * @where: value of the register: a base address register and an offset in it
 * @bytes: size of what is there
 * @which: index in the arrays of struct usher_raw_bar
 */
static void usher_raw_init_table(struct usher_raw *raw, u32 where, u64 bytes,
				 u32 which)
{
	u32 index = where & PCI_MSIX_TABLE_BIR;

	/* The register may hold anything, 6 and 7 are reserved. */
	if (index >= USHER_RAW_REGIONS)
		return;
	raw->bars[index].table_offset[which] = where & PCI_MSIX_TABLE_OFFSET;
	raw->bars[index].table_bytes[which] = bytes;
}

static void usher_raw_init_tables(struct usher_raw *raw)
{
	struct pci_dev *pdev = raw->pdev;
	int n = pci_msix_vec_count(pdev);
	u32 table, pba;

	if (n <= 0)
		return;
	pci_read_config_dword(pdev, pdev->msix_cap + PCI_MSIX_TABLE, &table);
	pci_read_config_dword(pdev, pdev->msix_cap + PCI_MSIX_PBA, &pba);
	usher_raw_init_table(raw, table, n * PCI_MSIX_ENTRY_SIZE, 0);
	usher_raw_init_table(raw, pba, DIV_ROUND_UP(n, 64) * sizeof(u64), 1);
}

/**
 * usher_raw_bars_init - find the base address registers of a function
 * @raw: the function, being bound
 */
void usher_raw_bars_init(struct usher_raw *raw)
{
	struct pci_dev *pdev = raw->pdev;
	u32 i;

	usher_raw_init_tables(raw);
	for (i = 0; i < USHER_RAW_REGIONS; i++) {
		struct usher_raw_bar *bar = &raw->bars[i];

		bar->bytes = pci_resource_len(pdev, i);
		bar->ports = pci_resource_flags(pdev, i) & IORESOURCE_IO;
		bar->mappable = pci_resource_flags(pdev, i) & IORESOURCE_MEM &&
				usher_raw_bar_is_mappable(bar, pci_resource_start(pdev, i),
							  PAGE_SIZE);
		if (bar->bytes && bar->bytes <= USHER_RAW_CALLS_BYTES &&
		    !bar->mappable)
			bar->registers = pci_iomap(pdev, i, 0);
	}
}

void usher_raw_bars_exit(struct usher_raw *raw)
{
	u32 i;

	for (i = 0; i < USHER_RAW_REGIONS; i++)
		if (raw->bars[i].registers)
			pci_iounmap(raw->pdev, raw->bars[i].registers);
}

/**
 * usher_raw_bar_hole - what of a region has no mapping
 * @bar: the region
 * @which: index in its arrays
 * @page_bytes: size of a page
 * @offset: where it begins is stored here
 * @bytes: its size is stored here, 0 for none
 */
void usher_raw_bar_hole(const struct usher_raw_bar *bar, u32 which, u32 page_bytes,
			u64 *offset, u64 *bytes)
{
	u64 first = bar->table_offset[which];

	*offset = round_down(first, page_bytes);
	*bytes = bar->table_bytes[which] ?
		 round_up(first + bar->table_bytes[which], page_bytes) - *offset : 0;
}

/**
 * usher_raw_bar_in_hole - is something in a hole
 * @bar: the region
 * @offset: where it is
 * @page_bytes: size of a page, or 1 for the parts that are not for calls
 *
 * Return: whether it is.
 */
bool usher_raw_bar_in_hole(const struct usher_raw_bar *bar, u64 offset, u32 page_bytes)
{
	u64 first, bytes;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(bar->table_bytes); i++) {
		usher_raw_bar_hole(bar, i, page_bytes, &first, &bytes);
		if (offset - first < bytes)
			return true;
	}
	return false;
}

/* Whether a hole hides what may be registers */
static bool usher_raw_bar_is_hidden(const struct usher_raw_bar *bar, u32 page_bytes)
{
	u64 offset, bytes, least_offset, least_bytes;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(bar->table_bytes); i++) {
		usher_raw_bar_hole(bar, i, page_bytes, &offset, &bytes);
		usher_raw_bar_hole(bar, i, USHER_RAW_TABLE_PAGE, &least_offset,
				   &least_bytes);
		if (bytes > least_bytes)
			return true;
	}
	return false;
}

/**
 * usher_raw_bar_is_mappable - may a region in memory space be mapped
 * @bar: the region, with its size and tables
 * @start: its physical address
 * @page_bytes: size of a page
 *
 * Return: whether it consists of whole pages, and calls would not reach more of it.
 */
bool usher_raw_bar_is_mappable(const struct usher_raw_bar *bar, u64 start, u32 page_bytes)
{
	if (!bar->bytes || bar->bytes > BIT_ULL(USHER_RAW_REGION_SHIFT) ||
	    !IS_ALIGNED(start, page_bytes) || !IS_ALIGNED(bar->bytes, page_bytes))
		return false;
	return bar->bytes > USHER_RAW_CALLS_BYTES ||
	       !usher_raw_bar_is_hidden(bar, page_bytes);
}

/**
 * usher_raw_bar_check - may a register be accessed by a call
 * @bar: the region
 * @arg: where, and what is written; 0 when it is read
 *
 * Return: 0, or as struct usher_raw_access says.
 */
int usher_raw_bar_check(const struct usher_raw_bar *bar,
			const struct usher_raw_access *arg)
{
	if (arg->flags || !is_power_of_2(arg->bytes) || arg->bytes > 8 ||
	    arg->offset % arg->bytes || arg->offset >= bar->bytes ||
	    arg->bytes > bar->bytes - arg->offset)
		return -EINVAL;
	if (arg->bytes < 8 && arg->value >> (8 * arg->bytes))
		return -EINVAL;
	if (!bar->registers)
		return -EOPNOTSUPP;
	if (bar->ports && arg->bytes == 8)
		return -EINVAL;
	return usher_raw_bar_in_hole(bar, arg->offset, 1) ? -EACCES : 0;
}

static u32 usher_raw_region_flags(const struct usher_raw_bar *bar)
{
	return (bar->mappable ? USHER_RAW_REGION_MMAP : 0) |
	       (bar->registers ? USHER_RAW_REGION_CALLS : 0) |
	       (bar->ports ? USHER_RAW_REGION_PORTS : 0);
}

/**
 * usher_raw_bar_describe - USHER_RAW_IOC_REGION
 * @raw: the function
 * @region: its index says which one; the rest is filled in
 *
 * Return: 0, or as struct usher_raw_region says.
 */
int usher_raw_bar_describe(const struct usher_raw *raw,
			   struct usher_raw_region *region)
{
	const struct usher_raw_bar *bar;
	u32 index = region->index, i;

	if (region->flags || region->pad || index >= USHER_RAW_REGIONS)
		return -EINVAL;
	bar = &raw->bars[array_index_nospec(index, USHER_RAW_REGIONS)];
	*region = (struct usher_raw_region) {
		.size		= region->size,
		.index		= index,
		.flags		= usher_raw_region_flags(bar),
		.bytes		= bar->bytes,
		.offset		= (u64)index << USHER_RAW_REGION_SHIFT,
	};
	for (i = 0; i < ARRAY_SIZE(bar->table_bytes); i++)
		usher_raw_bar_hole(bar, i, bar->mappable ? PAGE_SIZE : 1,
				   &region->hole_offset[i], &region->hole_bytes[i]);
	return 0;
}
