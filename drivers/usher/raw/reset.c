// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: bringing a function to a known state. A power management reset does
 * not count: many functions go on afterwards where they were.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci_hotplug.h>

#include "raw/raw.h"

/* Tries to lock the bridge, 20 ms apart */
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

static bool usher_raw_alone_on_bus(struct pci_dev *pdev)
{
	struct pci_dev *other;

	if (pci_is_root_bus(pdev->bus) || !pdev->bus->self ||
	    pdev->dev_flags & PCI_DEV_FLAGS_NO_BUS_RESET)
		return false;
	list_for_each_entry(other, &pdev->bus->devices, bus_list)
		if (other != pdev)
			return false;
	return true;
}

/**
 * usher_raw_reset_probe - look how a function can be reset
 * @pdev: the function
 *
 * Return: how.
 */
enum usher_raw_reset_kind usher_raw_reset_probe(struct pci_dev *pdev)
{
	/* The methods of the kernel begin with it, if it is not broken. */
	if (usher_raw_has_flr(pdev) && pdev->reset_methods[0])
		return USHER_RAW_RESET_FLR;
	if (usher_raw_alone_on_bus(pdev))
		return USHER_RAW_RESET_BUS;
	return USHER_RAW_RESET_NONE;
}

/* A slot for hotplug must not take the reset for a removal. */
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
	/* The bridge's lock comes before ours elsewhere: do not insist. */
	while (!pci_cfg_access_trylock(bridge)) {
		if (!--tries)
			return -EAGAIN;
		msleep(20);
	}
	ret = usher_raw_reset_bus(pdev);
	pci_cfg_access_unlock(bridge);
	return ret;
}

/* True also when it does not answer: that is no proof of anything. */
static bool usher_raw_is_master(struct pci_dev *pdev)
{
	u16 command;

	pci_read_config_word(pdev, PCI_COMMAND, &command);
	return command & PCI_COMMAND_MASTER;
}

/**
 * usher_raw_stop_dma - no access to memory from here on
 * @raw: the function
 *
 * Return: false when it goes on, or what it began may still be on its way.
 */
bool usher_raw_stop_dma(struct usher_raw *raw)
{
	usher_raw_set_master(raw, false);
	return !usher_raw_is_master(raw->pdev) &&
	       pci_wait_for_pending_transaction(raw->pdev);
}

/*
 * Lets the function answer as it did until a reset ends that: nobody has its regions
 * just now. Returns what can tell afterwards whether it did; of a virtual function
 * nothing.
 */
static u16 usher_raw_leave_mark(struct pci_dev *pdev)
{
	u16 command;

	pci_read_config_word(pdev, PCI_COMMAND, &command);
	command &= PCI_COMMAND_IO | PCI_COMMAND_MEMORY;
	pci_write_config_word(pdev, PCI_COMMAND, command | PCI_COMMAND_INTX_DISABLE);
	return command;
}

/* A reset that leaves any of this on was none, whatever it says. */
static bool usher_raw_was_reset(struct pci_dev *pdev, u16 marks)
{
	u16 command;

	pci_read_config_word(pdev, PCI_COMMAND, &command);
	return !(command & (marks | PCI_COMMAND_MASTER));
}

/* With raw.lock held: it is there again. */
static void usher_raw_usable(struct usher_raw *raw)
{
	down_write(&raw->region_lock);
	raw->regions_on = !raw->gone;
	up_write(&raw->region_lock);
	WRITE_ONCE(raw->resetting, false);
	wake_up_all(&raw->wait);
}

/**
 * usher_raw_reset - reset a function
 * @raw: the function; its lock, the PCI device's and that of its configuration
 *	are held
 * @keep: keep its configuration, bus mastering included, rather than go back to
 *	that of no owner
 *
 * Return: 0; -EOPNOTSUPP; -EAGAIN when the bridge is busy; -EIO when it did not come back.
 */
int usher_raw_reset(struct usher_raw *raw, bool keep)
{
	struct pci_dev *pdev = raw->pdev;
	u16 marks;
	int ret;

	lockdep_assert_held(&raw->lock);
	if (raw->reset == USHER_RAW_RESET_NONE)
		return -EOPNOTSUPP;
	if (!pci_device_is_present(pdev))
		return -EIO;
	usher_raw_irq_freeze(raw, true);
	/* Who touches a region waits until it is there again. */
	down_write(&raw->region_lock);
	usher_raw_zap(raw);
	usher_raw_stop_dma(raw);
	pci_save_state(pdev);
	marks = usher_raw_leave_mark(pdev);
	ret = raw->reset == USHER_RAW_RESET_FLR ?
	      __pci_reset_function_locked(pdev) : usher_raw_reset_alone(pdev);
	if (!ret && !usher_raw_was_reset(pdev, marks))
		ret = -EIO;
	/* Of one that did not recover from an error nothing is left to keep. */
	if (!keep || raw->resetting)
		pci_load_saved_state(pdev, raw->saved);
	pci_restore_state(pdev);
	up_write(&raw->region_lock);
	usher_raw_irq_freeze(raw, false);
	if (keep)
		usher_raw_update_master(raw);
	if (!ret)
		usher_raw_usable(raw);
	return ret && ret != -EAGAIN ? -EIO : ret;
}

/* Somebody else resets the function, and holds the PCI device's lock. */
void usher_raw_reset_prepare(struct pci_dev *pdev)
{
	struct usher_raw *raw = pci_get_drvdata(pdev);

	mutex_lock(&raw->lock);
	raw->fresh = false;
	WRITE_ONCE(raw->resetting, true);
	usher_raw_irq_freeze(raw, true);
	down_write(&raw->region_lock);
	raw->regions_on = false;
	usher_raw_zap(raw);
	up_write(&raw->region_lock);
	usher_raw_stop_dma(raw);
	mutex_unlock(&raw->lock);
}

void usher_raw_reset_done(struct pci_dev *pdev)
{
	struct usher_raw *raw = pci_get_drvdata(pdev);

	mutex_lock(&raw->lock);
	usher_raw_irq_freeze(raw, false);
	usher_raw_update_master(raw);
	usher_raw_usable(raw);
	mutex_unlock(&raw->lock);
}

/* ---- recovery from errors of the link, by resetting it ---- */

/*
 * What is not fatal changes nothing. When recovery fails nobody says so: calls wait
 * until the process resets the function, or is killed.
 */
pci_ers_result_t usher_raw_error_detected(struct pci_dev *pdev,
					  pci_channel_state_t state)
{
	if (state == pci_channel_io_normal)
		return PCI_ERS_RESULT_CAN_RECOVER;
	usher_raw_reset_prepare(pdev);
	return state == pci_channel_io_frozen ? PCI_ERS_RESULT_NEED_RESET :
						PCI_ERS_RESULT_DISCONNECT;
}

pci_ers_result_t usher_raw_slot_reset(struct pci_dev *pdev)
{
	struct usher_raw *raw = pci_get_drvdata(pdev);

	mutex_lock(&raw->lock);
	/* After an error of a neighbour that was not fatal, nothing was reset. */
	if (raw->resetting) {
		pci_load_saved_state(pdev, raw->saved);
		pci_restore_state(pdev);
	}
	mutex_unlock(&raw->lock);
	return PCI_ERS_RESULT_RECOVERED;
}
