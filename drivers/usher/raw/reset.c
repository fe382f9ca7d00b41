// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: bringing a function to a known state, by a function level reset or a reset
 * of the bus on which it is alone. A power management reset does not count, as many
 * functions go on afterwards where they were.
 *
 * How a function can be reset is found at probe (struct usher_raw.reset). During a reset
 * the base address registers, INTx and bus mastering are off.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci_hotplug.h>
#include <linux/rwsem.h>
#include <linux/wait.h>

#include "core/wake.h"
#include "raw/irq.h"
#include "raw/map.h"
#include "raw/master.h"
#include "raw/raw.h"
#include "raw/reset.h"

/* How often to try to lock the bridge, 20 ms apart */
#define USHER_RAW_BRIDGE_TRIES	50

static bool usher_raw_has_flr(struct pci_dev *pdev)
{
	const u8 both = PCI_AF_CAP_TP | PCI_AF_CAP_FLR;
	int pos = pci_find_capability(pdev, PCI_CAP_ID_AF);
	u8 cap = 0;

	if (!pcie_reset_flr(pdev, PCI_RESET_PROBE))
		return true;
	if (!pos || pdev->dev_flags & PCI_DEV_FLAGS_NO_FLR_RESET)
		return false;
	pci_read_config_byte(pdev, pos + PCI_AF_CAP, &cap);
	return (cap & both) == both;
}

/* Clears the pointer to a function when there is another one, and ends the walk. */
static int usher_raw_find_other(struct pci_dev *other, void *data)
{
	struct pci_dev **alone = data;

	if (other == *alone)
		return 0;
	*alone = NULL;
	return 1;
}

static bool usher_raw_alone_on_bus(struct pci_dev *pdev)
{
	struct pci_dev *alone = pdev;

	if (pci_is_root_bus(pdev->bus) || !pdev->bus->self ||
	    pdev->dev_flags & PCI_DEV_FLAGS_NO_BUS_RESET)
		return false;
	pci_walk_bus(pdev->bus, usher_raw_find_other, &alone);
	return alone;
}

/**
 * usher_raw_reset_probe - look how a function can be reset
 * @pdev: the function
 *
 * Return: how.
 */
enum usher_raw_reset_kind usher_raw_reset_probe(struct pci_dev *pdev)
{
	/* The kernel tries this method first, unless it knows that it is broken. */
	if (usher_raw_has_flr(pdev) && pdev->reset_methods[0])
		return USHER_RAW_RESET_FLR;
	if (usher_raw_alone_on_bus(pdev))
		return USHER_RAW_RESET_BUS;
	return USHER_RAW_RESET_NONE;
}

/* A hotplug slot does the reset itself, so that it does not take it for a removal. */
static int usher_raw_reset_bus(struct pci_dev *pdev)
{
	struct hotplug_slot *slot = pdev->slot ? pdev->slot->hotplug : NULL;
	int ret;

	if (!slot || !slot->ops->reset_slot)
		return pci_bridge_secondary_bus_reset(pdev->bus->self);
	if (!try_module_get(slot->owner))
		return -ENOTTY;
	ret = slot->ops->reset_slot(slot, PCI_RESET_DO_RESET);
	module_put(slot->owner);
	return ret;
}

static int usher_raw_reset_alone(struct pci_dev *pdev)
{
	struct pci_dev *bridge = pdev->bus->self;
	u32 tries = USHER_RAW_BRIDGE_TRIES;
	int ret;

	if (!usher_raw_alone_on_bus(pdev))
		return -ENOTTY;
	/* Elsewhere the bridge is locked before the function: to wait could deadlock. */
	while (!pci_cfg_access_trylock(bridge)) {
		if (!--tries)
			return -EAGAIN;
		msleep(20);
	}
	ret = usher_raw_reset_bus(pdev);
	pci_cfg_access_unlock(bridge);
	return ret;
}

/*
 * A reset clears the command register. This leaves on what can tell afterwards whether
 * there was a reset, which are the bits for regions: the function may answer meanwhile,
 * as nobody has its regions. Of a virtual function, which has no such bits, nothing can
 * be told. Returns the bits.
 */
static u16 usher_raw_leave_mark(struct pci_dev *pdev)
{
	u16 command;

	pci_read_config_word(pdev, PCI_COMMAND, &command);
	command &= PCI_COMMAND_IO | PCI_COMMAND_MEMORY;
	pci_write_config_word(pdev, PCI_COMMAND, command | PCI_COMMAND_INTX_DISABLE);
	return command;
}

/* There was no reset, whatever it returned, if a bit of the mark is left. */
static bool usher_raw_was_reset(struct pci_dev *pdev, u16 mark)
{
	u16 command;

	pci_read_config_word(pdev, PCI_COMMAND, &command);
	return !(command & (mark | PCI_COMMAND_MASTER));
}

/**
 * usher_raw_is_recovering - does the kernel recover a function from an error
 * @raw: the function; its lock is held
 *
 * Return: whether its link will be reset, and its configuration be lost, once more.
 */
bool usher_raw_is_recovering(const struct usher_raw *raw)
{
	lockdep_assert_held(&raw->lock);
	return raw->recovering && time_before(jiffies, raw->recovery_end);
}

/**
 * usher_raw_reset_finish - let processes use a function again after a reset
 * @raw: the function; its lock is held
 */
void usher_raw_reset_finish(struct usher_raw *raw)
{
	usher_raw_map_enable(raw);
	raw->recovering = false;
	WRITE_ONCE(raw->resetting, false);
	usher_wake_all(&raw->wait);
}

/**
 * usher_raw_reset - reset a function
 * @raw: the function; its lock is held, and so are the PCI device's lock and that of
 *	its configuration
 * @config: which configuration it has afterwards
 *
 * Return: 0; -EOPNOTSUPP; -EAGAIN when the bridge is busy, or the kernel recovers the
 * function from an error; -EIO when it did not come back.
 */
int usher_raw_reset(struct usher_raw *raw, enum usher_raw_reset_config config)
{
	struct pci_dev *pdev = raw->pdev;
	u16 mark;
	int ret;

	lockdep_assert_held(&raw->lock);
	if (raw->reset == USHER_RAW_RESET_NONE)
		return -EOPNOTSUPP;
	if (usher_raw_is_recovering(raw))
		return -EAGAIN;
	if (!pci_device_is_present(pdev))
		return -EIO;
	usher_raw_irq_freeze(raw);
	/* Whoever touches a region waits until it is there again. */
	down_write(&raw->region_lock);
	usher_raw_map_zap(raw);
	usher_raw_stop_dma(raw);
	pci_save_state(pdev);
	mark = usher_raw_leave_mark(pdev);
	ret = raw->reset == USHER_RAW_RESET_FLR ?
	      __pci_reset_function_locked(pdev) : usher_raw_reset_alone(pdev);
	if (!ret && !usher_raw_was_reset(pdev, mark))
		ret = -EIO;
	/* A function that did not recover from an error has no configuration to keep. */
	if (config == USHER_RAW_INITIAL_CONFIG || raw->resetting)
		pci_load_saved_state(pdev, raw->saved);
	pci_restore_state(pdev);
	up_write(&raw->region_lock);
	usher_raw_irq_thaw(raw);
	if (config == USHER_RAW_KEEP_CONFIG)
		usher_raw_update_master(raw);
	if (!ret)
		usher_raw_reset_finish(raw);
	return ret && ret != -EAGAIN ? -EIO : ret;
}
