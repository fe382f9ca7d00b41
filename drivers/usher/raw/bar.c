// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: base address registers: what a function has, and what of it a process may
 * touch.
 *
 * A struct usher_raw_bar is part of struct usher_raw. What is not mappable and small
 * has a mapping of the kernel, from usher_raw_bars_init() to usher_raw_bars_exit(). The
 * pages with the MSI-X table and its pending bits are holes: a process that wrote the
 * table would choose which messages the device sends.
 */
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <uapi/linux/usher_raw.h>

#include "raw/bar.h"
#include "raw/offsets.h"
#include "raw/raw.h"

/* The largest region that the kernel maps for calls: I/O ports, or part of a page */
#define USHER_RAW_CALLS_BYTES	SZ_64K

/**
 * usher_raw_init_hole - keep processes from what an MSI-X register points to
 * @raw: the function
 * @where: value of the register: a base address register and an offset in it
 * @bytes: size of what is there
 * @which: index of the hole
 */
static void usher_raw_init_hole(struct usher_raw *raw, u32 where, u64 bytes,
				u32 which)
{
	u32 index = where & PCI_MSIX_TABLE_BIR;
	u64 offset = where & PCI_MSIX_TABLE_OFFSET;
	u64 end = PAGE_ALIGN(offset + bytes);

	/* The register may hold anything, 6 and 7 are reserved. */
	if (index >= USHER_RAW_REGIONS)
		return;
	offset &= PAGE_MASK;
	raw->bars[index].hole_offset[which] = offset;
	raw->bars[index].hole_bytes[which] = end - offset;
}

/**
 * usher_raw_bars_init - find the base address registers of a function
 * @raw: the function, being bound
 */
void usher_raw_bars_init(struct usher_raw *raw)
{
	struct pci_dev *pdev = raw->pdev;
	u32 i, table, pba;
	int n;

	for (i = 0; i < USHER_RAW_REGIONS; i++) {
		struct usher_raw_bar *bar = &raw->bars[i];

		bar->bytes = pci_resource_len(pdev, i);
		bar->mappable = pci_resource_flags(pdev, i) & IORESOURCE_MEM &&
				bar->bytes &&
				bar->bytes <= BIT_ULL(USHER_RAW_REGION_SHIFT) &&
				PAGE_ALIGNED(pci_resource_start(pdev, i)) &&
				PAGE_ALIGNED(bar->bytes);
		bar->ports = pci_resource_flags(pdev, i) & IORESOURCE_IO;
		if (bar->bytes && bar->bytes <= USHER_RAW_CALLS_BYTES &&
		    !bar->mappable)
			bar->registers = pci_iomap(pdev, i, 0);
	}
	n = pci_msix_vec_count(pdev);
	if (n <= 0)
		return;
	pci_read_config_dword(pdev, pdev->msix_cap + PCI_MSIX_TABLE, &table);
	pci_read_config_dword(pdev, pdev->msix_cap + PCI_MSIX_PBA, &pba);
	usher_raw_init_hole(raw, table, n * PCI_MSIX_ENTRY_SIZE, 0);
	usher_raw_init_hole(raw, pba, DIV_ROUND_UP(n, 64) * sizeof(u64), 1);
}

void usher_raw_bars_exit(struct usher_raw *raw)
{
	u32 i;

	for (i = 0; i < USHER_RAW_REGIONS; i++)
		if (raw->bars[i].registers)
			pci_iounmap(raw->pdev, raw->bars[i].registers);
}

bool usher_raw_bar_in_hole(const struct usher_raw_bar *bar, u64 offset)
{
	return offset - bar->hole_offset[0] < bar->hole_bytes[0] ||
	       offset - bar->hole_offset[1] < bar->hole_bytes[1];
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
	return usher_raw_bar_in_hole(bar, arg->offset) ? -EACCES : 0;
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
	u32 index = region->index;

	if (region->flags || region->pad || index >= USHER_RAW_REGIONS)
		return -EINVAL;
	bar = &raw->bars[array_index_nospec(index, USHER_RAW_REGIONS)];
	*region = (struct usher_raw_region) {
		.size		= region->size,
		.index		= index,
		.flags		= usher_raw_region_flags(bar),
		.bytes		= bar->bytes,
		.offset		= (u64)index << USHER_RAW_REGION_SHIFT,
		.hole_offset	= { bar->hole_offset[0], bar->hole_offset[1] },
		.hole_bytes	= { bar->hole_bytes[0], bar->hole_bytes[1] },
	};
	return 0;
}
