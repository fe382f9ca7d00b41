// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: the owner of a function: who may become one, and what is left when it ends.
 *
 * A function has one owner at a time, from open() to the last close or until it is
 * removed. The owner has memory and interrupts, all in struct usher_raw. Between owners
 * the function is reset. Where that is not possible, memory is kept in quarantine, since
 * the device may still access it, until a reset works or the function is removed.
 */
#include <linux/capability.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/panic.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/security.h>
#include <linux/string_helpers.h>
#include <linux/wait.h>
#include <uapi/linux/usher_raw.h>

#include "core/wake.h"
#include "raw/contain.h"
#include "raw/dma.h"
#include "raw/group.h"
#include "raw/irq.h"
#include "raw/map.h"
#include "raw/master.h"
#include "raw/owner.h"
#include "raw/raw.h"
#include "raw/reset.h"

/* ---- from open() to close() ---- */

/*
 * A function that the hardware does not contain can do whatever the kernel can, so only
 * those may drive it who may do that anyway.
 */
static int usher_raw_may_take(struct usher_raw *raw)
{
	u32 flags;
	int ret;

	usher_raw_group_watch(raw, true);
	flags = usher_raw_flags(raw);
	if (usher_raw_is_contained(flags))
		return 0;
	usher_raw_group_watch(raw, false);
	ret = security_locked_down(LOCKDOWN_PCI_ACCESS);
	if (ret)
		return ret;
	if (!capable(CAP_SYS_RAWIO))
		return -EPERM;
	if (!raw->warned)
		dev_warn(&raw->pdev->dev, "the hardware does not contain it, so %s[%d] can harm the system; what says \"no\" is missing: strict IOMMU %s, IOMMU group of its own %s, isolated MSI %s, reset %s\n",
			 current->comm, task_pid_nr(current),
			 str_yes_no(flags & USHER_RAW_IOMMU),
			 str_yes_no(flags & USHER_RAW_ALONE),
			 str_yes_no(flags & USHER_RAW_ISOLATED_MSI),
			 str_yes_no(flags & USHER_RAW_RESET));
	raw->warned = true;
	add_taint(TAINT_USER, LOCKDEP_STILL_OK);
	return 0;
}

/* How often a process looks whether the configuration of its function is free, in ms */
#define USHER_RAW_CONFIG_MS	20

/*
 * As pci_dev_lock(), but a process that is killed does not wait: somebody else may hold
 * these locks for as long as a reset takes.
 */
static int usher_raw_lock_pdev(struct pci_dev *pdev)
{
	if (mutex_lock_killable(&pdev->dev.mutex))
		return -EINTR;
	while (!pci_cfg_access_trylock(pdev)) {
		schedule_timeout_killable(msecs_to_jiffies(USHER_RAW_CONFIG_MS));
		if (fatal_signal_pending(current)) {
			device_unlock(&pdev->dev);
			return -EINTR;
		}
	}
	return 0;
}

static int usher_raw_take_locked(struct usher_raw *raw, struct list_head *removed)
{
	int ret;

	if (raw->gone)
		return -ENODEV;
	if (raw->open)
		return -EBUSY;
	ret = usher_raw_may_take(raw);
	if (ret)
		return ret;
	if (usher_raw_is_recovering(raw))
		return -EAGAIN;
	if (!raw->fresh) {
		ret = usher_raw_reset(raw, USHER_RAW_INITIAL_CONFIG);
		if (!ret)
			usher_raw_unquarantine(raw, removed);
		else if (ret != -EOPNOTSUPP)
			return ret;
	}
	/* Recovery from an error failed, and there is no reset that would help. */
	if (raw->resetting)
		return -EIO;
	raw->fresh = false;
	raw->open = true;
	return 0;
}

/**
 * usher_raw_take - make the calling process the owner of a function
 * @raw: the function
 *
 * Return: 0, or as open() does: see linux/usher_raw.h.
 */
int usher_raw_take(struct usher_raw *raw)
{
	LIST_HEAD(removed);
	int ret;

	ret = usher_raw_lock_pdev(raw->pdev);
	if (ret)
		return ret;
	mutex_lock(&raw->lock);
	ret = usher_raw_take_locked(raw, &removed);
	if (ret && !raw->open)
		usher_raw_group_watch(raw, false);
	mutex_unlock(&raw->lock);
	pci_dev_unlock(raw->pdev);
	/* A file system that former owners mapped must not delay this one. */
	usher_raw_mems_release_later(&removed);
	return ret;
}

/* The device is reset before memory is unmapped, even where an IOMMU contains it. */
static void usher_raw_give_back_locked(struct usher_raw *raw,
				       struct list_head *removed)
{
	struct pci_dev *pdev = raw->pdev;

	/* DMA stops first, so that the device is idle when its interrupts go. */
	usher_raw_stop_dma(raw);
	usher_raw_group_watch(raw, false);
	usher_raw_irq_off(raw);
	raw->fresh = !usher_raw_reset(raw, USHER_RAW_INITIAL_CONFIG);
	if (raw->fresh) {
		usher_raw_mems_remove(raw, removed);
	} else {
		pci_load_saved_state(pdev, raw->saved);
		pci_restore_state(pdev);
		usher_raw_quarantine(raw);
	}
	/* The next owner may drive it otherwise. */
	dma_set_mask(&pdev->dev, DMA_BIT_MASK(64));
}

/**
 * usher_raw_give_back - the owner ends
 * @raw: the function
 */
void usher_raw_give_back(struct usher_raw *raw)
{
	LIST_HEAD(removed);

	/* It may belong to another driver by now, whose lock this must not wait for. */
	if (READ_ONCE(raw->gone))
		return;
	pci_dev_lock(raw->pdev);
	mutex_lock(&raw->lock);
	if (!raw->gone)
		usher_raw_give_back_locked(raw, &removed);
	raw->open = false;
	mutex_unlock(&raw->lock);
	pci_dev_unlock(raw->pdev);
	usher_raw_mems_release(&removed);
}

/**
 * usher_raw_reset_by_owner - USHER_RAW_IOC_RESET
 * @raw: the function
 *
 * Return: 0, or as struct usher_raw_reset says.
 */
int usher_raw_reset_by_owner(struct usher_raw *raw)
{
	int ret = -ENODEV;

	if (!pci_dev_trylock(raw->pdev))
		return -EAGAIN;
	mutex_lock(&raw->lock);
	if (!usher_raw_is_gone(raw))
		ret = usher_raw_reset(raw, USHER_RAW_KEEP_CONFIG);
	mutex_unlock(&raw->lock);
	pci_dev_unlock(raw->pdev);
	return ret;
}

/* ---- the function goes ---- */

/* Returns false if the device may still access memory. */
static bool usher_raw_end_locked(struct usher_raw *raw)
{
	bool stopped;

	WRITE_ONCE(raw->gone, true);
	/* Nobody tells how it ended when there is no driver any more. */
	raw->recovering = false;
	usher_raw_map_disable(raw);
	/* DMA stops first, so that the device is idle when its interrupts go. */
	stopped = usher_raw_stop_dma(raw) || !pci_device_is_present(raw->pdev);
	usher_raw_irq_off(raw);
	/* Otherwise it was reset after its last owner, if it can be. */
	if (raw->open || !list_empty(&raw->quarantine)) {
		pci_cfg_access_lock(raw->pdev);
		stopped = !usher_raw_reset(raw, USHER_RAW_INITIAL_CONFIG) || stopped;
		pci_cfg_access_unlock(raw->pdev);
	}
	usher_wake_all(&raw->wait);
	return stopped;
}

/**
 * usher_raw_remove - the function goes, and with it what the owner had
 * @raw: the function; the lock of the PCI device is held
 *
 * Waits for the device, but never for processes. The owner's files stay, but every call
 * on them fails from now on.
 */
void usher_raw_remove(struct usher_raw *raw)
{
	LIST_HEAD(removed);
	bool stopped;

	mutex_lock(&raw->lock);
	stopped = usher_raw_end_locked(raw);
	if (stopped || usher_raw_flags(raw) & USHER_RAW_IOMMU) {
		usher_raw_mems_remove(raw, &removed);
		usher_raw_unquarantine(raw, &removed);
	} else {
		usher_raw_mems_lose(raw);
	}
	mutex_unlock(&raw->lock);
	usher_raw_mems_release_later(&removed);
}

/**
 * usher_raw_shutdown - the system goes
 * @raw: the function; the lock of the PCI device is held
 *
 * After a reboot or kexec, the next kernel must find a device that does no DMA. Memory is
 * left alone, as the device may be one that does not stop.
 */
void usher_raw_shutdown(struct usher_raw *raw)
{
	mutex_lock(&raw->lock);
	usher_raw_end_locked(raw);
	mutex_unlock(&raw->lock);
}
