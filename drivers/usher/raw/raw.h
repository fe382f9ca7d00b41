/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Raw mode hands a whole PCI function to one process at a time, the owner. This is
 * the object that stands for the function, from probe to the last close.
 *
 * Lock order, outermost first:
 *
 *	mmap_lock of a process, or the lock of the PCI device
 *	  usher_raw_functions_lock, or usher_raw.lock
 *	    usher_raw.region_lock
 *	      usher_raw.command_lock (irq-safe)
 *
 * With usher_raw.lock held there is no access to user memory, no pinning and no
 * wait for a process, because remove() takes this lock.
 */
#ifndef _USHER_RAW_RAW_H
#define _USHER_RAW_RAW_H

#include <linux/cdev.h>
#include <linux/compiler.h>
#include <linux/device.h>
#include <linux/idr.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <uapi/linux/usher_raw.h>

#include "raw/bar.h"
#include "raw/dma.h"
#include "raw/reset.h"

struct inode;
struct pci_dev;
struct pci_saved_state;
struct usher_raw_irqs;

/**
 * struct usher_raw - a function in raw mode
 *
 * @dev: the class device; its release frees all this. This member and those up to
 *	@bars are set before the node is published and constant from then on.
 * @cdev: the character device
 * @pdev: the function; holds a reference
 * @inode: the mappings of base address registers by all files hang on it
 * @reset: how the function can be reset
 * @saved: configuration space as it is while the function has no owner
 * @limits: what @pdev said of its DMA before it was bound
 * @msix: number of MSI-X vectors, 0 without MSI-X
 * @msi: number of MSI vectors, 0 without MSI
 * @intx: 1 if it has an interrupt pin that can be masked, else 0
 * @had_flag: @pdev had PCI_DEV_FLAGS_MSI_INTX_DISABLE_BUG before it was bound
 * @bars: the base address registers
 *
 * @lock: guards the members up to @messages, and the function's configuration
 * @gone: remove() was called: nobody may touch @pdev any more
 * @resetting: the kernel resets the function on behalf of somebody else, or recovers
 *	it from an error; whoever clears this wakes @wait
 * @recovering: the kernel recovers the function from an error, and resets its link
 *	meanwhile
 * @recovery_end: when that is given up, in jiffies: not every kernel tells when it failed
 * @open: the function has an owner
 * @fresh: the function was reset and had no owner since then
 * @warned: the log says already that the function is not contained
 * @mems: memory of the owner that the device may use, struct usher_raw_mem
 * @ids: the same memory by number
 * @quarantine: memory of former owners that the device may still access, since it was
 *	not reset after them
 * @quarantined: number of pages in @quarantine
 * @irqs: the interrupts that are on, or NULL
 * @messages: interrupts by message, MSI or MSI-X, are on
 *
 * @region_lock: guards @regions_on; readers are those who touch a base address
 *	register through a mapping, a writer makes them wait
 * @regions_on: the base address registers may be touched
 *
 * @command_lock: serialises changes of the command register with the handler of
 *	INTx; guards the state of INTx in @irqs, @watched and @lost
 * @watched: the owner has the function because it is alone in its IOMMU group
 * @lost: it is not any more, so it must not be a bus master, and the owner has nothing
 *
 * @function: in the list of all functions, see raw/group.c
 * @group_work: takes the registers from an owner who has nothing any more
 * @wait: those who poll(), and those who want @lock and wait for the end of @resetting
 */
struct usher_raw {
	struct device			dev;
	struct cdev			cdev;
	struct pci_dev			*pdev;
	struct inode			*inode;
	enum usher_raw_reset_kind	reset;
	struct pci_saved_state		*saved;
	struct usher_raw_dma_limits	limits;
	u32				msix;
	u32				msi;
	u32				intx;
	bool				had_flag;
	struct usher_raw_bar		bars[USHER_RAW_REGIONS];

	struct mutex			lock; /* owner, memory, interrupts */
	bool				gone;
	bool				resetting;
	bool				recovering;
	unsigned long			recovery_end;
	bool				open;
	bool				fresh;
	bool				warned;
	struct list_head		mems;
	struct idr			ids;
	struct list_head		quarantine;
	u64				quarantined;
	struct usher_raw_irqs		*irqs;
	bool				messages;

	struct rw_semaphore		region_lock; /* faults against resets */
	bool				regions_on;

	spinlock_t			command_lock; /* command register, irq-safe */
	bool				watched;
	bool				lost;

	struct list_head		function;
	struct work_struct		group_work;
	wait_queue_head_t		wait;
};

/* Whether the owner, if there is one, has nothing any more: its calls fail with -ENODEV. */
static inline bool usher_raw_is_gone(const struct usher_raw *raw)
{
	return READ_ONCE(raw->gone) || READ_ONCE(raw->lost);
}

int usher_raw_lock(struct usher_raw *raw);

#endif /* _USHER_RAW_RAW_H */
