// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: bus mastering, on which all DMA of a function depends.
 *
 * It is on only while the owner has memory for DMA, which is struct usher_raw.mems, or
 * interrupts by message, which is struct usher_raw.messages. Its bit is in the command
 * register, where the handler of INTx changes another one: hence the lock.
 */
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/pci.h>
#include <linux/spinlock.h>

#include "raw/master.h"
#include "raw/raw.h"

/* True also when the function does not answer, as that does not prove that it is off. */
static bool usher_raw_is_master(struct pci_dev *pdev)
{
	u16 command;

	pci_read_config_word(pdev, PCI_COMMAND, &command);
	return command & PCI_COMMAND_MASTER;
}

/**
 * usher_raw_stop_dma - switch bus mastering off, and wait for what is on its way
 * @raw: the function; its lock is held
 *
 * Return: true if the function no longer accesses memory; false if it may go on, or
 * what it began may still be on its way.
 */
bool usher_raw_stop_dma(struct usher_raw *raw)
{
	struct pci_dev *pdev = raw->pdev;

	lockdep_assert_held(&raw->lock);
	spin_lock_irq(&raw->command_lock);
	pci_clear_master(pdev);
	spin_unlock_irq(&raw->command_lock);
	return !usher_raw_is_master(pdev) &&
	       pci_wait_for_pending_transaction(pdev);
}

/**
 * usher_raw_update_master - switch bus mastering on or off, as the owner needs it
 * @raw: the function; its lock is held
 *
 * To be called before memory that was taken from the owner is unmapped: when this was
 * the last, no access to it is on its way afterwards.
 */
void usher_raw_update_master(struct usher_raw *raw)
{
	lockdep_assert_held(&raw->lock);
	if (list_empty(&raw->mems) && !raw->messages) {
		usher_raw_stop_dma(raw);
		return;
	}
	spin_lock_irq(&raw->command_lock);
	if (!raw->lost)
		pci_set_master(raw->pdev);
	spin_unlock_irq(&raw->command_lock);
}
