/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The active namespaces of a device, each with a node and slices.
 */
#ifndef _USHER_GRANT_NAMESPACE_H
#define _USHER_GRANT_NAMESPACE_H

#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/xarray.h>

struct usher_device;
struct usher_grant;
struct usher_node_owner;

/*
 * struct usher_namespaces - the active namespaces of a device
 *
 * Embedded in what device/ allocates.
 */
struct usher_namespaces {
	struct mutex	lock; /* @active, and slices */
	struct xarray	active;	/* struct usher_ns by NSID */
};

void usher_namespaces_init(struct usher_namespaces *namespaces,
			   struct usher_device *ud);
void usher_namespaces_destroy(struct usher_namespaces *namespaces);
int usher_ns_scan(struct usher_device *ud);
void usher_ns_remove_all(struct usher_device *ud);

int usher_slice_add(struct usher_grant *grant,
		    const struct usher_node_owner *owner, u32 *new_id);
int usher_slice_remove(struct usher_grant *grant, u32 id);

#endif /* _USHER_GRANT_NAMESPACE_H */
