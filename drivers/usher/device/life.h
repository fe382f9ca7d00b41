/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device while it is bound: start, stop, watchdog and reset.
 */
#ifndef _USHER_DEVICE_LIFE_H
#define _USHER_DEVICE_LIFE_H

#include <linux/list.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "core/device.h"
#include "grant/buffer.h"
#include "grant/namespace.h"
#include "nvme/bringup.h"
#include "nvme/ctrl.h"
#include "nvme/pool.h"

struct pci_dev;
struct usher_node;

/*
 * struct usher_function - a device and all its parts, one allocation
 *
 * Freed with the last reference to @ud, which may be long after remove().
 */
struct usher_function {
	struct usher_device	ud;
	struct usher_ctrl	ctrl;
	struct usher_pool	pool;
	struct usher_buffers	buffers;
	struct usher_namespaces	namespaces;

	struct usher_node	*node;		/* the controller's */
	struct work_struct	reset_work;
	struct delayed_work	watchdog;	/* looks for commands that are late */
	struct work_struct	event_work;	/* reads an asynchronous event */
	/* Resets since a command completed: reset_work counts, watchdog clears */
	u32			resets;
	u64			completed;	/* what the watchdog saw last */
	struct list_head	lost;		/* of devices that did not stop */
};

static inline struct usher_function *to_usher_function(struct usher_device *ud)
{
	return container_of(ud, struct usher_function, ud);
}

struct usher_function *usher_function_alloc(struct pci_dev *pdev);
int usher_function_start(struct usher_function *fn);
void usher_function_end(struct usher_function *fn, enum usher_stop stop);
void usher_watchdog_start(struct usher_function *fn);

#endif /* _USHER_DEVICE_LIFE_H */
