// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nodes: the character devices /dev/usher0, /dev/usher0n1, /dev/usher0n1s1,
 * and their sysfs attributes.
 */
#include <linux/fs.h>
#include <linux/slab.h>

#include "compat.h"
#include "usher.h"

static struct usher_node *to_usher_node(struct device *dev)
{
	return container_of(dev, struct usher_node, dev);
}

static const struct usher_scope *to_scope(struct device *dev)
{
	return &to_usher_node(dev)->grant->scope;
}

/* ---- attributes ---- */

static ssize_t model_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%s\n", to_usher_node(dev)->ud->model);
}
static DEVICE_ATTR_RO(model);

static ssize_t serial_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%s\n", to_usher_node(dev)->ud->serial);
}
static DEVICE_ATTR_RO(serial);

static ssize_t firmware_rev_show(struct device *dev,
				 struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", to_usher_node(dev)->ud->firmware);
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
			  names[usher_state(to_usher_node(dev)->ud)]);
}
static DEVICE_ATTR_RO(state);

static ssize_t queue_pairs_show(struct device *dev,
				struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", to_usher_node(dev)->ud->nr_queues);
}
static DEVICE_ATTR_RO(queue_pairs);

static ssize_t leaked_pages_show(struct device *dev,
				 struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n",
			  usher_buffers_leaked(to_usher_node(dev)->ud));
}
static DEVICE_ATTR_RO(leaked_pages);

static ssize_t nsid_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%u\n", to_scope(dev)->nsid);
}
static DEVICE_ATTR_RO(nsid);

static ssize_t lba_bytes_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	return sysfs_emit(buf, "%lu\n", BIT(to_scope(dev)->fmt.lba_shift));
}
static DEVICE_ATTR_RO(lba_bytes);

static ssize_t metadata_bytes_show(struct device *dev,
				   struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", to_scope(dev)->fmt.metadata);
}
static DEVICE_ATTR_RO(metadata_bytes);

static ssize_t csi_show(struct device *dev, struct device_attribute *attr,
			char *buf)
{
	return sysfs_emit(buf, "%u\n", to_scope(dev)->fmt.csi);
}
static DEVICE_ATTR_RO(csi);

static ssize_t blocks_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%llu\n", to_scope(dev)->nlb);
}
static DEVICE_ATTR_RO(blocks);

static ssize_t slba_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%llu\n", to_scope(dev)->slba);
}
static DEVICE_ATTR_RO(slba);

static ssize_t nlb_show(struct device *dev, struct device_attribute *attr,
			char *buf)
{
	return sysfs_emit(buf, "%llu\n", to_scope(dev)->nlb);
}
static DEVICE_ATTR_RO(nlb);

static ssize_t rights_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%#x\n", to_scope(dev)->rights);
}
static DEVICE_ATTR_RO(rights);

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

static struct attribute *usher_ns_attrs[] = {
	&dev_attr_nsid.attr,
	&dev_attr_lba_bytes.attr,
	&dev_attr_metadata_bytes.attr,
	&dev_attr_csi.attr,
	&dev_attr_blocks.attr,
	NULL
};
ATTRIBUTE_GROUPS(usher_ns);

static struct attribute *usher_slice_attrs[] = {
	&dev_attr_nsid.attr,
	&dev_attr_slba.attr,
	&dev_attr_nlb.attr,
	&dev_attr_rights.attr,
	NULL
};
ATTRIBUTE_GROUPS(usher_slice);

/* ---- types ---- */

static char *usher_devnode(usher_devnode_const struct device *dev,
			   umode_t *mode, kuid_t *uid, kgid_t *gid)
{
	const struct usher_node *node =
		container_of_const(dev, struct usher_node, dev);

	/* On removal only the name is asked for. */
	if (mode)
		*mode = node->mode;
	if (uid)
		*uid = node->uid;
	if (gid)
		*gid = node->gid;
	return NULL;
}

static const struct device_type usher_node_types[] = {
	[USHER_NODE_CTRL] = {
		.name		= "controller",
		.groups		= usher_ctrl_groups,
		.devnode	= usher_devnode,
	},
	[USHER_NODE_NS] = {
		.name		= "namespace",
		.groups		= usher_ns_groups,
		.devnode	= usher_devnode,
	},
	[USHER_NODE_SLICE] = {
		.name		= "slice",
		.groups		= usher_slice_groups,
		.devnode	= usher_devnode,
	},
};

/* The last reference: an open file's inode may have held it until now. */
static void usher_node_release(struct device *dev)
{
	struct usher_node *node = to_usher_node(dev);

	usher_chrdev_put_minor(dev);
	usher_grant_put(node->grant);
	usher_device_put(node->ud);
	kfree(node);
}

/**
 * usher_node_add - create a node and announce it
 * @ud: the device
 * @kind: controller, namespace or slice
 * @grant: what opening it gives, at most; the node takes a reference
 * @slice: owner and mode of a slice, else NULL: root's, 0600
 * @name: in /dev and in sysfs
 *
 * Return: the node, or an ERR_PTR.
 */
struct usher_node *usher_node_add(struct usher_device *ud,
				  enum usher_node_kind kind,
				  struct usher_grant *grant,
				  const struct usher_slice *slice,
				  const char *name)
{
	struct usher_node *node;
	int ret;

	node = kzalloc(sizeof(*node), GFP_KERNEL);
	if (!node)
		return ERR_PTR(-ENOMEM);
	ret = usher_chrdev_get_minor(&node->dev);
	if (ret) {
		kfree(node);
		return ERR_PTR(ret);
	}
	node->kind = kind;
	node->mode = 0600;
	if (slice) {
		node->id = slice->id;
		node->mode = slice->mode;
		node->uid = make_kuid(current_user_ns(), slice->uid);
		node->gid = make_kgid(current_user_ns(), slice->gid);
	}
	kref_get(&ud->ref);
	node->ud = ud;
	node->grant = usher_grant_get(grant);

	/* From here on, put_device() frees it all. */
	device_initialize(&node->dev);
	node->dev.type = &usher_node_types[kind];
	node->dev.parent = &ud->pdev->dev;
	node->dev.release = usher_node_release;
	cdev_init(&node->cdev, &usher_node_fops);
	node->cdev.owner = THIS_MODULE;
	ret = dev_set_name(&node->dev, "%s", name);
	if (!ret)
		ret = cdev_device_add(&node->cdev, &node->dev);
	if (ret) {
		put_device(&node->dev);
		return ERR_PTR(ret);
	}
	return node;
}

/* New opens fail from here on; open files hold on to what they need. */
void usher_node_remove(struct usher_node *node)
{
	cdev_device_del(&node->cdev, &node->dev);
	put_device(&node->dev);
}
