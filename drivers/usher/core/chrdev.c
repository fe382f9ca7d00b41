// SPDX-License-Identifier: GPL-2.0-only
/*
 * The class "usher" and its minor numbers. One IDA hands out the minors of all
 * kinds of nodes, so they never collide.
 */
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/kdev_t.h>

#include "compat.h"
#include "core/chrdev.h"

#define USHER_MINORS	65536

static dev_t usher_devt;
static DEFINE_IDA(usher_minors);
static struct class *usher_class;

/**
 * usher_chrdev_get_minor - put a device into our class, with a number
 * @dev: a device that was not added yet; its @class and @devt are filled in
 *
 * Return: 0, -ENOSPC with all numbers in use, -ENOMEM.
 */
int usher_chrdev_get_minor(struct device *dev)
{
	int minor = ida_alloc_max(&usher_minors, USHER_MINORS - 1, GFP_KERNEL);

	if (minor < 0)
		return minor;
	dev->class = usher_class;
	dev->devt = MKDEV(MAJOR(usher_devt), minor);
	return 0;
}

/* From the device's release: until then an open file may hold its inode. */
void usher_chrdev_put_minor(struct device *dev)
{
	ida_free(&usher_minors, MINOR(dev->devt));
}

int usher_chrdev_init(void)
{
	int ret;

	ret = alloc_chrdev_region(&usher_devt, 0, USHER_MINORS, "usher");
	if (ret)
		return ret;
	usher_class = usher_class_create("usher");
	if (IS_ERR(usher_class)) {
		unregister_chrdev_region(usher_devt, USHER_MINORS);
		return PTR_ERR(usher_class);
	}
	return 0;
}

void usher_chrdev_exit(void)
{
	class_destroy(usher_class);
	unregister_chrdev_region(usher_devt, USHER_MINORS);
	ida_destroy(&usher_minors);
}
