// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: whether the hardware contains a function, which then can harm nobody but its
 * owner: whether it reaches only the memory and the interrupts that it was given, alone,
 * and can be reset.
 *
 * Nothing is kept here. Each call asks the IOMMU again, as an administrator may change
 * the type of a domain at any time.
 */
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <uapi/linux/usher_raw.h>

#include "compat.h"
#include "raw/contain.h"
#include "raw/raw.h"

static int usher_raw_count(struct device *dev, void *count)
{
	++*(unsigned int *)count;
	return 0;
}

/*
 * Firmware may ask for memory that the device reaches whatever the kernel says. Some of
 * these requests are to hold only until a driver comes (relaxable), but the IOMMU core
 * maps that memory in the domain of drivers, too.
 */
static bool usher_raw_has_direct(struct iommu_group *group)
{
	struct iommu_resv_region *region, *next;
	bool direct = false;
	LIST_HEAD(regions);

	if (iommu_get_group_resv_regions(group, &regions))
		direct = true;
	list_for_each_entry_safe(region, next, &regions, list) {
		if (region->type == IOMMU_RESV_DIRECT ||
		    region->type == IOMMU_RESV_DIRECT_RELAXABLE)
			direct = true;
		list_del(&region->list);
		kfree(region);
	}
	return direct;
}

/*
 * A virtio device goes past the IOMMU if it was not offered VIRTIO_F_ACCESS_PLATFORM, or
 * its driver does not accept that (Virtual I/O Device 1.2, 6.1). Here the driver is a
 * process, which would not accept it.
 */
static bool usher_raw_is_virtio(struct pci_dev *pdev)
{
	return pdev->vendor == PCI_VENDOR_ID_REDHAT_QUMRANET &&
	       pdev->device >= 0x1000 && pdev->device <= 0x107f;
}

static u32 usher_raw_group_flags(struct device *dev)
{
	struct iommu_group *group = iommu_group_get(dev);
	unsigned int devices = 0;
	u32 flags = 0;

	if (!group)
		return 0;
	iommu_group_for_each_dev(group, &devices, usher_raw_count);
	if (devices == 1) {
		flags |= USHER_RAW_ALONE;
		if (usher_isolated_msi(dev, group))
			flags |= USHER_RAW_ISOLATED_MSI;
	}
	if (!usher_raw_has_direct(group))
		flags |= USHER_RAW_IOMMU;
	iommu_group_put(group);
	return flags;
}

/**
 * usher_raw_flags - what the hardware does to contain a function
 * @raw: the function; it must not be removed meanwhile, so its lock is held, or it is a
 *	call from sysfs
 *
 * Return: USHER_RAW_IOMMU and the like.
 */
u32 usher_raw_flags(const struct usher_raw *raw)
{
	struct device *dev = &raw->pdev->dev;
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);
	u32 flags = usher_raw_group_flags(dev);

	/* Not a lazy domain either: what is unmapped must be out of reach at once. */
	if (!domain || domain->type != IOMMU_DOMAIN_DMA ||
	    usher_raw_is_virtio(raw->pdev))
		flags &= ~USHER_RAW_IOMMU;
	if (domain && domain->type & __IOMMU_DOMAIN_PAGING)
		flags |= USHER_RAW_CONTIGUOUS;
	if (raw->reset != USHER_RAW_RESET_NONE)
		flags |= USHER_RAW_RESET;
	return flags;
}

/**
 * usher_raw_is_contained - is that enough for owners without privileges
 * @flags: from usher_raw_flags()
 *
 * Return: whether it is.
 */
bool usher_raw_is_contained(u32 flags)
{
	return (flags & USHER_RAW_CONTAINED) == USHER_RAW_CONTAINED;
}
