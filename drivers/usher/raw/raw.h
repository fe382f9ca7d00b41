/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Raw mode: internal types. A field without a lock is set before the node is
 * published and constant from then on.
 *
 * Lock order, outermost first:
 *
 *	mmap_lock of a process, or the lock of the PCI device
 *	  usher_raw.lock
 *	    usher_raw.region_lock
 *	      usher_raw_irqs.lock (irq-safe)
 *
 * With usher_raw.lock held there is no access to user memory, no pinning and no
 * wait for a process: remove() takes it.
 */
#ifndef _USHER_RAW_RAW_H
#define _USHER_RAW_RAW_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/idr.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/rwsem.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <uapi/linux/usher_raw.h>

#include "usher.h"

/*
 * Offsets for mmap(): a base address register each, then memory, a page for each
 * id whatever its length, so that processes of 32 bits reach all.
 */
#define USHER_RAW_REGION_SHIFT	40
#define USHER_RAW_MEM_OFFSET	(8ULL << USHER_RAW_REGION_SHIFT)
#define USHER_RAW_MAX_MEMS	65536

/* How the function is reset */
enum usher_raw_reset_kind {
	USHER_RAW_RESET_NONE,
	USHER_RAW_RESET_FLR,
	USHER_RAW_RESET_BUS,
};

/**
 * struct usher_raw_bar - a base address register
 * @bytes: its size, 0 where there is none
 * @mappable: whole pages of memory
 * @ports: in I/O space
 * @registers: where the kernel sees what is not mappable, or NULL
 * @hole_offset: where what cannot be reached begins; whole pages
 * @hole_bytes: size of that, or 0
 */
struct usher_raw_bar {
	u64	bytes;
	bool	mappable;
	bool	ports;
	void __iomem *registers;
	u64	hole_offset[2];
	u64	hole_bytes[2];
};

/**
 * struct usher_raw_mem - memory that the device may use
 * @kref: one for the device, and one for each mapping of a process
 * @node: in raw.mems or raw.quarantine; raw.lock
 * @id: in raw.ids
 * @allocated: our pages, not those of a process
 * @contiguous: one range of bus addresses, or it is refused
 * @pin: the pages
 * @sgt: their DMA mapping
 * @work: releases the pages, where the caller may not wait
 */
struct usher_raw_mem {
	struct kref		kref;
	struct list_head	node;
	int			id;
	bool			allocated;
	bool			contiguous;
	struct usher_pin	pin;
	struct sg_table		sgt;
	struct work_struct	work;
};

/**
 * struct usher_raw_vector - an interrupt vector that is on
 * @irqs: all of them
 * @eventfd: signalled when it comes
 * @masked: by the process, or INTx that came; INTx: irqs.lock, else raw.lock
 */
struct usher_raw_vector {
	struct usher_raw_irqs	*irqs;
	struct eventfd_ctx	*eventfd;
	bool			masked;
};

/**
 * struct usher_raw_irqs - interrupts that are on
 * @pdev: the function
 * @kind: USHER_RAW_IRQ_*
 * @count: number of @vectors
 * @lock: guards INTx
 * @frozen: the function is being reset: INTx is not ours; @lock
 * @vectors: one for each interrupt
 */
struct usher_raw_irqs {
	struct pci_dev		*pdev;
	u32			kind;
	u32			count;
	spinlock_t		lock; /* INTx, irq-safe */
	bool			frozen;
	struct usher_raw_vector	vectors[];
};

/**
 * struct usher_raw_dma_limits - what struct device says of a function's DMA
 * @mask: addresses it reaches
 * @coherent_mask: the same for coherent memory
 * @segment_bytes: longest range of addresses
 * @boundary: no range crosses a multiple of this plus one
 */
struct usher_raw_dma_limits {
	u64		mask;
	u64		coherent_mask;
	unsigned int	segment_bytes;
	unsigned long	boundary;
};

/**
 * struct usher_raw - a function in raw mode
 * @dev: the class device; its release frees all this
 * @cdev: the character device
 * @pdev: the function; holds a reference
 * @inode: mappings of all files hang on it
 * @reset: how it can be reset
 * @saved: configuration space as it is between owners
 * @limits: of DMA, as they were before us
 * @msix: vectors by MSI-X
 * @msi: vectors by MSI
 * @intx: has a pin that can be masked
 * @had_flag: it had PCI_DEV_FLAGS_MSI_INTX_DISABLE_BUG before us
 * @bars: base address registers
 *
 * @lock: guards what follows, and the function's configuration
 * @gone: remove() was here: @pdev is not to be touched
 * @resetting: somebody else resets the function, or recovers it from an error, and
 *	wakes @wait afterwards
 * @open: somebody has it
 * @fresh: it was reset, and nobody had it since
 * @warned: it was said that it is not contained
 * @mems: memory of the owner
 * @ids: of @mems
 * @quarantine: memory of former owners that the device may reach: it was not reset
 * @quarantined: pages in @quarantine
 * @irqs: interrupts that are on, or NULL
 *
 * @region_lock: guards @regions_on; held by faults, and while they must wait
 * @regions_on: base address registers may be touched
 *
 * @wait: those who poll, or want @lock while @resetting
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
	bool				open;
	bool				fresh;
	bool				warned;
	struct list_head		mems;
	struct idr			ids;
	struct list_head		quarantine;
	u64				quarantined;
	struct usher_raw_irqs		*irqs;

	struct rw_semaphore		region_lock; /* faults against resets */
	bool				regions_on;

	wait_queue_head_t		wait;
};

/* ---- driver.c: the function and its node ---- */

extern struct pci_driver usher_raw_driver;

int usher_raw_lock(struct usher_raw *raw);
u32 usher_raw_flags(struct usher_raw *raw);
void usher_raw_update_master(struct usher_raw *raw);

/* ---- file.c: files ---- */

extern const struct file_operations usher_raw_fops;

/* ---- reset.c: to a known state ---- */

enum usher_raw_reset_kind usher_raw_reset_probe(struct pci_dev *pdev);
bool usher_raw_stop_dma(struct usher_raw *raw);
int usher_raw_reset(struct usher_raw *raw, bool keep);
void usher_raw_reset_prepare(struct pci_dev *pdev);
void usher_raw_reset_done(struct pci_dev *pdev);
pci_ers_result_t usher_raw_error_detected(struct pci_dev *pdev,
					  pci_channel_state_t state);
pci_ers_result_t usher_raw_slot_reset(struct pci_dev *pdev);

/* ---- bar.c: base address registers in processes ---- */

int usher_raw_init_inodes(void);
void usher_raw_exit_inodes(void);
struct inode *usher_raw_inode(void);
void usher_raw_init_bars(struct usher_raw *raw);
void usher_raw_exit_bars(struct usher_raw *raw);
void usher_raw_zap(struct usher_raw *raw);
int usher_raw_mmap_bar(struct usher_raw *raw, struct vm_area_struct *vma);
int usher_raw_check_access(const struct usher_raw_bar *bar,
			   const struct usher_raw_access *arg);
int usher_raw_access(struct usher_raw *raw, struct usher_raw_access *arg,
		     bool write);

/* ---- dma.c: memory ---- */

int usher_raw_dma_bits(struct usher_raw *raw, u32 bits);
int usher_raw_dma_add(struct usher_raw *raw, struct usher_raw_dma *arg,
		      bool allocate);
int usher_raw_dma_free(struct usher_raw *raw, u32 id);
int usher_raw_mmap_mem(struct usher_raw *raw, struct vm_area_struct *vma);
void usher_raw_mems_take(struct usher_raw *raw, struct list_head *mems);
void usher_raw_mems_unmap(struct usher_raw *raw, struct list_head *mems);
void usher_raw_mems_release(struct list_head *mems, bool later);
void usher_raw_quarantine(struct usher_raw *raw);
void usher_raw_unquarantine(struct usher_raw *raw, struct list_head *mems);

/* ---- irq.c: interrupts ---- */

void usher_raw_init_irqs(struct usher_raw *raw);
void usher_raw_exit_irqs(struct usher_raw *raw);
int usher_raw_irq_enable(struct usher_raw *raw,
			 const struct usher_raw_irq_enable *arg);
void usher_raw_irq_disable(struct usher_raw *raw);
int usher_raw_irq_mask(struct usher_raw *raw,
		       const struct usher_raw_irq_mask *arg);
void usher_raw_irq_freeze(struct usher_raw *raw, bool freeze);
void usher_raw_set_master(struct usher_raw *raw, bool on);
bool usher_raw_has_messages(const struct usher_raw *raw);

/* ---- config.c: configuration space ---- */

bool usher_raw_config_writable(u32 offset, u32 bytes);
int usher_raw_config(struct usher_raw *raw, struct usher_raw_config *arg,
		     bool write);

#endif /* _USHER_RAW_RAW_H */
