// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: the class device of a function: its node, its attributes, and the life of
 * struct usher_raw.
 *
 * The class device is part of struct usher_raw and counts the references to it: one from
 * probe to remove, and one for each open inode of the node. Its release frees the struct
 * and what it points to.
 */
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "compat.h"
#include "core/chrdev.h"
#include "raw/contain.h"
#include "raw/device.h"
#include "raw/file.h"
#include "raw/map.h"
#include "raw/raw.h"

/* ---- attributes ---- */

static struct usher_raw *to_usher_raw(struct device *dev)
{
	return container_of(dev, struct usher_raw, dev);
}

static ssize_t contained_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	u32 flags = usher_raw_flags(to_usher_raw(dev));

	return sysfs_emit(buf, "%d\n", usher_raw_is_contained(flags));
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

/* Not before the last file is closed */
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

/**
 * usher_raw_device_alloc - make the object for a function
 * @pdev: the function
 *
 * Return: the object, which put_device() of its class device frees; or -ENOMEM, -ENOSPC.
 */
struct usher_raw *usher_raw_device_alloc(struct pci_dev *pdev)
{
	struct usher_raw *raw;
	int ret = -ENOMEM;

	raw = kzalloc(sizeof(*raw), GFP_KERNEL);
	if (!raw)
		return ERR_PTR(-ENOMEM);
	raw->inode = usher_raw_inode_alloc();
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
	spin_lock_init(&raw->command_lock);
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
