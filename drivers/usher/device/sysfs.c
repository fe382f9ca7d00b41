// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes of a controller's node; Documentation/ABI/testing/sysfs-class-usher
 * says what they mean.
 */
#include <linux/device.h>
#include <linux/sysfs.h>

#include "core/device.h"
#include "device/sysfs.h"
#include "grant/buffer.h"
#include "grant/node.h"
#include "nvme/ctrl.h"

static const struct usher_ctrl *to_ctrl(struct device *dev)
{
	return to_usher_node(dev)->ud->ctrl;
}

static ssize_t model_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%s\n", to_ctrl(dev)->model);
}
static DEVICE_ATTR_RO(model);

static ssize_t serial_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%s\n", to_ctrl(dev)->serial);
}
static DEVICE_ATTR_RO(serial);

static ssize_t firmware_rev_show(struct device *dev,
				 struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", to_ctrl(dev)->firmware);
}
static DEVICE_ATTR_RO(firmware_rev);

static ssize_t state_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	static const char * const names[] = {
		[USHER_NEW]		= "new",
		[USHER_LIVE]		= "live",
		[USHER_RESETTING]	= "resetting",
		[USHER_GONE]		= "gone",
	};

	return sysfs_emit(buf, "%s\n",
			  names[usher_dev_state(to_usher_node(dev)->ud)]);
}
static DEVICE_ATTR_RO(state);

static ssize_t queue_pairs_show(struct device *dev,
				struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", to_ctrl(dev)->nr_queues);
}
static DEVICE_ATTR_RO(queue_pairs);

static ssize_t leaked_pages_show(struct device *dev,
				 struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n",
			  usher_buffers_leaked(to_usher_node(dev)->ud->buffers));
}
static DEVICE_ATTR_RO(leaked_pages);

static struct attribute *usher_ctrl_attrs[] = {
	&dev_attr_model.attr,
	&dev_attr_serial.attr,
	&dev_attr_firmware_rev.attr,
	&dev_attr_state.attr,
	&dev_attr_queue_pairs.attr,
	&dev_attr_leaked_pages.attr,
	NULL
};
ATTRIBUTE_GROUPS(usher_ctrl);

const struct device_type usher_ctrl_type = {
	.name		= "controller",
	.groups		= usher_ctrl_groups,
	.devnode	= usher_devnode,
};
