// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nodes: the character devices /dev/usher0, /dev/usher0n1, /dev/usher0n1s1. What
 * kind a node is, and its attributes in sysfs, is its maker's device_type.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "core/chrdev.h"
#include "core/device.h"
#include "grant/grant.h"
#include "grant/node.h"

/* Opening a node makes a grant and gives it to a process: file/ does that. */
static const struct file_operations *usher_node_fops;

void usher_nodes_init(const struct file_operations *fops)
{
	usher_node_fops = fops;
}

/* device_type.devnode of all nodes; on removal only the name is asked for. */
char *usher_devnode(usher_devnode_const struct device *dev,
		    umode_t *mode, kuid_t *uid, kgid_t *gid)
{
	const struct usher_node *node =
		container_of_const(dev, struct usher_node, dev);

	if (mode)
		*mode = node->owner.mode;
	if (uid)
		*uid = node->owner.uid;
	if (gid)
		*gid = node->owner.gid;
	return NULL;
}

/* The last reference: an open file's inode may have held it until now. */
static void usher_node_release(struct device *dev)
{
	struct usher_node *node = to_usher_node(dev);

	usher_chrdev_put_minor(dev);
	usher_grant_put(node->grant);
	usher_dev_put(node->ud);
	kfree(node);
}

/**
 * usher_node_add - create a node and announce it
 * @ud: the device
 * @grant: what opening it gives, at most; the node takes a reference
 * @type: controller, namespace or slice
 * @owner: who may open it; NULL: root, 0600
 * @name: in /dev and in sysfs
 *
 * Return: the node, or an ERR_PTR.
 */
struct usher_node *usher_node_add(struct usher_device *ud,
				  struct usher_grant *grant,
				  const struct device_type *type,
				  const struct usher_node_owner *owner,
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
	node->owner.mode = 0600;
	if (owner)
		node->owner = *owner;
	node->ud = usher_dev_get(ud);
	node->grant = usher_grant_get(grant);

	/* From here on, put_device() frees it all. */
	device_initialize(&node->dev);
	node->dev.type = type;
	node->dev.parent = ud->dev;
	node->dev.release = usher_node_release;
	cdev_init(&node->cdev, usher_node_fops);
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
