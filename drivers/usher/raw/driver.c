// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: a function from probe to remove, its node, and what contains it.
 */
#include <linux/iommu.h>
#include <linux/kmemleak.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "compat.h"
#include "raw/raw.h"

/* ---- what contains it ---- */

static int usher_raw_count(struct device *dev, void *count)
{
	++*(unsigned int *)count;
	return 0;
}

/*
 * Firmware may ask for memory that the device reaches whatever the kernel says. Of
 * what it asks for only until a driver comes, the domain of drivers has all the same.
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
 * A virtio device that was not offered VIRTIO_F_ACCESS_PLATFORM, or whose driver does
 * not accept it, goes past the IOMMU (Virtual I/O Device 1.2, 6.1); the driver is a
 * process here.
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

/* With raw.lock held, or before the node is published; the function is there. */
u32 usher_raw_flags(struct usher_raw *raw)
{
	struct device *dev = &raw->pdev->dev;
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);
	u32 flags = usher_raw_group_flags(dev);

	/* Not lazily: what is unmapped must be out of reach at once. */
	if (!domain || domain->type != IOMMU_DOMAIN_DMA ||
	    usher_raw_is_virtio(raw->pdev))
		flags &= ~USHER_RAW_IOMMU;
	if (domain && domain->type & __IOMMU_DOMAIN_PAGING)
		flags |= USHER_RAW_CONTIGUOUS;
	if (raw->reset != USHER_RAW_RESET_NONE)
		flags |= USHER_RAW_RESET;
	return flags;
}

/*
 * Messages are writes to memory as well. When it is switched off, nothing is on its
 * way any more: memory goes next. With raw.lock held.
 */
void usher_raw_update_master(struct usher_raw *raw)
{
	lockdep_assert_held(&raw->lock);
	if (!list_empty(&raw->mems) || usher_raw_has_messages(raw))
		usher_raw_set_master(raw, true);
	else
		usher_raw_stop_dma(raw);
}

/**
 * usher_raw_lock - take raw.lock for a call that touches the function
 * @raw: the function
 *
 * Waits until nobody else resets it, unless the process is killed.
 *
 * Return: 0 with the lock; -ENODEV; -EINTR.
 */
int usher_raw_lock(struct usher_raw *raw)
{
	for (;;) {
		if (mutex_lock_killable(&raw->lock))
			return -EINTR;
		if (!raw->gone && !raw->resetting)
			return 0;
		mutex_unlock(&raw->lock);
		if (READ_ONCE(raw->gone))
			return -ENODEV;
		if (wait_event_killable(raw->wait,
					!READ_ONCE(raw->resetting) ||
					READ_ONCE(raw->gone)))
			return -EINTR;
	}
}

/* ---- attributes ---- */

static struct usher_raw *to_usher_raw(struct device *dev)
{
	return container_of(dev, struct usher_raw, dev);
}

static ssize_t contained_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	u32 flags = usher_raw_flags(to_usher_raw(dev));

	return sysfs_emit(buf, "%d\n",
			  (flags & USHER_RAW_CONTAINED) == USHER_RAW_CONTAINED);
}
static DEVICE_ATTR_RO(contained);

static ssize_t reset_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	static const char * const names[] = {
		[USHER_RAW_RESET_NONE]	= "none",
		[USHER_RAW_RESET_FLR]	= "function",
		[USHER_RAW_RESET_BUS]	= "bus",
	};

	return sysfs_emit(buf, "%s\n", names[to_usher_raw(dev)->reset]);
}
static DEVICE_ATTR_RO(reset);

static ssize_t quarantined_pages_show(struct device *dev,
				      struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n",
			  READ_ONCE(to_usher_raw(dev)->quarantined));
}
static DEVICE_ATTR_RO(quarantined_pages);

static struct attribute *usher_raw_attrs[] = {
	&dev_attr_contained.attr,
	&dev_attr_reset.attr,
	&dev_attr_quarantined_pages.attr,
	NULL
};
ATTRIBUTE_GROUPS(usher_raw);

static char *usher_raw_devnode(usher_devnode_const struct device *dev,
			       umode_t *mode, kuid_t *uid, kgid_t *gid)
{
	if (mode)
		*mode = 0600;
	return kasprintf(GFP_KERNEL, "usher-raw/%s", pci_name(to_pci_dev(dev->parent)));
}

static const struct device_type usher_raw_type = {
	.name		= "raw",
	.groups		= usher_raw_groups,
	.devnode	= usher_raw_devnode,
};

/* ---- life ---- */

/* The last reference: an open file may have held it until now. */
static void usher_raw_release(struct device *dev)
{
	struct usher_raw *raw = to_usher_raw(dev);

	usher_chrdev_put_minor(dev);
	iput(raw->inode);
	idr_destroy(&raw->ids);
	kfree(raw->saved);
	pci_dev_put(raw->pdev);
	kfree(raw);
}

static struct usher_raw *usher_raw_alloc(struct pci_dev *pdev)
{
	struct usher_raw *raw;
	int ret = -ENOMEM;

	raw = kzalloc(sizeof(*raw), GFP_KERNEL);
	if (!raw)
		return ERR_PTR(-ENOMEM);
	raw->inode = usher_raw_inode();
	if (IS_ERR(raw->inode)) {
		ret = PTR_ERR(raw->inode);
		goto free_raw;
	}
	ret = usher_chrdev_get_minor(&raw->dev);
	if (ret)
		goto put_inode;
	raw->pdev = pci_dev_get(pdev);
	mutex_init(&raw->lock);
	init_rwsem(&raw->region_lock);
	init_waitqueue_head(&raw->wait);
	INIT_LIST_HEAD(&raw->mems);
	INIT_LIST_HEAD(&raw->quarantine);
	idr_init(&raw->ids);

	/* From here on, put_device() frees it all. */
	device_initialize(&raw->dev);
	raw->dev.type = &usher_raw_type;
	raw->dev.parent = &pdev->dev;
	raw->dev.release = usher_raw_release;
	cdev_init(&raw->cdev, &usher_raw_fops);
	raw->cdev.owner = THIS_MODULE;
	ret = dev_set_name(&raw->dev, "usher-raw-%s", pci_name(pdev));
	if (ret) {
		put_device(&raw->dev);
		return ERR_PTR(ret);
	}
	return raw;

put_inode:
	iput(raw->inode);
free_raw:
	kfree(raw);
	return ERR_PTR(ret);
}

/* Of a device of which nothing is known: the process says what it can. */
static int usher_raw_widen_dma(struct usher_raw *raw)
{
	struct device *dev = &raw->pdev->dev;

	raw->limits = (struct usher_raw_dma_limits) {
		.mask		= dma_get_mask(dev),
		.coherent_mask	= dev->coherent_dma_mask,
		.segment_bytes	= dma_get_max_seg_size(dev),
		.boundary	= dma_get_seg_boundary(dev),
	};
	/* One range of addresses for each piece of memory, where possible */
	dma_set_max_seg_size(dev, UINT_MAX);
	dma_set_seg_boundary(dev, ULONG_MAX);
	return dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64));
}

/* The next driver may rely on what it finds, and its device reach no further. */
static void usher_raw_restore_dma(struct usher_raw *raw)
{
	struct device *dev = &raw->pdev->dev;

	dma_set_mask(dev, raw->limits.mask);
	dma_set_coherent_mask(dev, raw->limits.coherent_mask);
	dma_set_max_seg_size(dev, raw->limits.segment_bytes);
	dma_set_seg_boundary(dev, raw->limits.boundary);
}

static int usher_raw_enable(struct usher_raw *raw)
{
	struct pci_dev *pdev = raw->pdev;
	int ret;

	ret = pci_enable_device(pdev);
	if (ret)
		return ret;
	/* Enabling it switches the pin on, which nobody serves. */
	pci_intx(pdev, 0);
	pci_clear_master(pdev);
	ret = pci_request_regions(pdev, "usher-raw");
	if (ret)
		goto disable;
	ret = usher_raw_widen_dma(raw);
	if (ret)
		goto restore_dma;
	pci_save_state(pdev);
	raw->saved = pci_store_saved_state(pdev);
	ret = -ENOMEM;
	if (!raw->saved)
		goto restore_dma;
	raw->reset = usher_raw_reset_probe(pdev);
	usher_raw_init_bars(raw);
	usher_raw_init_irqs(raw);
	return 0;

restore_dma:
	usher_raw_restore_dma(raw);
	pci_release_regions(pdev);
disable:
	pci_disable_device(pdev);
	return ret;
}

static void usher_raw_disable(struct usher_raw *raw)
{
	usher_raw_exit_irqs(raw);
	usher_raw_exit_bars(raw);
	usher_raw_restore_dma(raw);
	pci_release_regions(raw->pdev);
	pci_disable_device(raw->pdev);
}

static int usher_raw_check(struct pci_dev *pdev)
{
	if (pdev->hdr_type != PCI_HEADER_TYPE_NORMAL) {
		dev_err(&pdev->dev, "bridges are not for processes\n");
		return -EINVAL;
	}
	if (pci_num_vf(pdev)) {
		dev_err(&pdev->dev, "it has virtual functions: remove them first (sriov_numvfs)\n");
		return -EBUSY;
	}
	return 0;
}

static int usher_raw_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct usher_raw *raw;
	int ret;

	ret = usher_raw_check(pdev);
	if (ret)
		return ret;
	raw = usher_raw_alloc(pdev);
	if (IS_ERR(raw))
		return PTR_ERR(raw);
	ret = usher_raw_enable(raw);
	if (ret)
		goto put_device;
	raw->regions_on = true;
	pci_set_drvdata(pdev, raw);
	ret = cdev_device_add(&raw->cdev, &raw->dev);
	if (ret)
		goto disable;
	return 0;

disable:
	usher_raw_disable(raw);
put_device:
	put_device(&raw->dev);
	return ret;
}

/* With raw.lock held. Returns false if the device may still reach memory. */
static bool usher_raw_end(struct usher_raw *raw)
{
	bool stopped;

	WRITE_ONCE(raw->gone, true);
	down_write(&raw->region_lock);
	raw->regions_on = false;
	usher_raw_zap(raw);
	up_write(&raw->region_lock);
	/* First, so that it is idle when its interrupts go. */
	stopped = usher_raw_stop_dma(raw) || !pci_device_is_present(raw->pdev);
	usher_raw_irq_disable(raw);
	/* What nobody has was reset when it was closed, if it can be. */
	if (raw->open) {
		pci_cfg_access_lock(raw->pdev);
		stopped = !usher_raw_reset(raw, false) || stopped;
		pci_cfg_access_unlock(raw->pdev);
	}
	wake_up_all(&raw->wait);
	return stopped;
}

/* What is lost is lost on purpose: never freed, as the device may reach it for ever. */
static void usher_raw_lose(struct usher_raw *raw, struct list_head *mems)
{
	struct usher_raw_mem *mem, *next;

	dev_err(&raw->pdev->dev, "nothing proves that the device no longer reaches memory: what processes gave it is lost\n");
	list_for_each_entry_safe(mem, next, mems, node) {
		list_del(&mem->node);
		kmemleak_not_leak(mem);
	}
}

/*
 * Open files stay; every call on them answers ENODEV. Waits for the device, never
 * for users.
 */
static void usher_raw_remove(struct pci_dev *pdev)
{
	struct usher_raw *raw = pci_get_drvdata(pdev);
	LIST_HEAD(mems);
	bool stopped;

	cdev_device_del(&raw->cdev, &raw->dev);
	mutex_lock(&raw->lock);
	stopped = usher_raw_end(raw) || usher_raw_flags(raw) & USHER_RAW_IOMMU;
	usher_raw_mems_take(raw, &mems);
	list_splice_tail_init(&raw->quarantine, &mems);
	if (stopped)
		usher_raw_mems_unmap(raw, &mems);
	else if (!list_empty(&mems))
		usher_raw_lose(raw, &mems);
	mutex_unlock(&raw->lock);
	usher_raw_mems_release(&mems, true);
	usher_raw_disable(raw);
	put_device(&raw->dev);
}

/* Reboot or kexec: the next kernel must find a device that does no DMA. */
static void usher_raw_shutdown(struct pci_dev *pdev)
{
	struct usher_raw *raw = pci_get_drvdata(pdev);

	mutex_lock(&raw->lock);
	usher_raw_end(raw);
	mutex_unlock(&raw->lock);
}

static const struct pci_error_handlers usher_raw_errors = {
	.error_detected	= usher_raw_error_detected,
	.slot_reset	= usher_raw_slot_reset,
	.resume		= usher_raw_reset_done,
	.reset_prepare	= usher_raw_reset_prepare,
	.reset_done	= usher_raw_reset_done,
};

struct pci_driver usher_raw_driver = {
	.name		= "usher-raw",
	.probe		= usher_raw_probe,
	.remove		= usher_raw_remove,
	.shutdown	= usher_raw_shutdown,
	.err_handler	= &usher_raw_errors,
	/* No IDs: binding goes through driver_override alone. */
};
