/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A node: a grant published as a character device.
 */
#ifndef _USHER_GRANT_NODE_H
#define _USHER_GRANT_NODE_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/list.h>
#include <linux/types.h>
#include <linux/uidgid.h>

#include "compat.h"

struct usher_device;
struct usher_grant;

/*
 * struct usher_node_owner - who may open a node, as for any file
 */
struct usher_node_owner {
	kuid_t		uid;
	kgid_t		gid;
	umode_t		mode;	/* permission bits */
};

/*
 * struct usher_node - a character device
 *
 * Freed by the release of @dev, which an open file may put off.
 */
struct usher_node {
	struct device			dev;
	struct cdev			cdev;
	struct usher_device		*ud;	/* holds a reference */
	struct usher_grant		*grant;	/* the widest one can get; referenced */
	struct usher_node_owner		owner;
	u32				id;	/* number of a slice in its namespace */
	struct list_head		slices;	/* in usher_ns.slices; namespaces' lock */
};

void usher_nodes_init(const struct file_operations *fops);
struct usher_node *usher_node_add(struct usher_device *ud,
				  struct usher_grant *grant,
				  const struct device_type *type,
				  const struct usher_node_owner *owner,
				  const char *name);
void usher_node_remove(struct usher_node *node);
char *usher_devnode(usher_devnode_const struct device *dev,
		    umode_t *mode, kuid_t *uid, kgid_t *gid);

static inline struct usher_node *to_usher_node(struct device *dev)
{
	return container_of(dev, struct usher_node, dev);
}

#endif /* _USHER_GRANT_NODE_H */
