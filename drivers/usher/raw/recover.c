// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: what the PCI core says when somebody else resets a function, through sysfs
 * for example, or when it resets the link to recover from an error.
 *
 * From the beginning of such a reset until its end struct usher_raw.resetting is set:
 * calls of processes wait, and touching a base address register is SIGBUS. When recovery
 * fails, calls wait until the process resets the function, or is killed. Until it has
 * failed or is given up, struct usher_raw.recovering keeps other resets out: after them,
 * the function would be used while its link is reset.
 */
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/pci.h>

#include "raw/irq.h"
#include "raw/map.h"
#include "raw/master.h"
#include "raw/raw.h"
#include "raw/recover.h"
#include "raw/reset.h"

/*
 * How long a recovery from an error may take. A link that does not come back is waited for
 * a minute, and there may be two in a row.
 */
#define USHER_RAW_RECOVERY_TIME	(150 * HZ)

/* Nobody but the PCI core touches the function from here on. Its lock is held. */
static void usher_raw_begin(struct usher_raw *raw)
{
	raw->fresh = false;
	WRITE_ONCE(raw->resetting, true);
	usher_raw_irq_freeze(raw);
	usher_raw_map_disable(raw);
	usher_raw_stop_dma(raw);
}

static void usher_raw_finish(struct usher_raw *raw)
{
	usher_raw_irq_thaw(raw);
	usher_raw_update_master(raw);
	usher_raw_reset_finish(raw);
}

/* The PCI core holds the lock of the PCI device, here and below. */
static void usher_raw_reset_prepare(struct pci_dev *pdev)
{
	struct usher_raw *raw = pci_get_drvdata(pdev);

	mutex_lock(&raw->lock);
	usher_raw_begin(raw);
	mutex_unlock(&raw->lock);
}

static void usher_raw_reset_done(struct pci_dev *pdev)
{
	struct usher_raw *raw = pci_get_drvdata(pdev);

	mutex_lock(&raw->lock);
	/* In the middle of a recovery the link is reset after this. */
	if (!usher_raw_is_recovering(raw))
		usher_raw_finish(raw);
	mutex_unlock(&raw->lock);
}

/*
 * An error that is not fatal leaves the link as it is, so nothing changes then. Without
 * the lock of the PCI device from here to usher_raw_resume(), other resets must be kept
 * out. Newer kernels say by a permanent failure that a recovery failed.
 */
static pci_ers_result_t usher_raw_error_detected(struct pci_dev *pdev,
						 pci_channel_state_t state)
{
	struct usher_raw *raw = pci_get_drvdata(pdev);

	if (state == pci_channel_io_normal)
		return PCI_ERS_RESULT_CAN_RECOVER;
	mutex_lock(&raw->lock);
	usher_raw_begin(raw);
	raw->recovering = state == pci_channel_io_frozen;
	raw->recovery_end = jiffies + USHER_RAW_RECOVERY_TIME;
	mutex_unlock(&raw->lock);
	return state == pci_channel_io_frozen ? PCI_ERS_RESULT_NEED_RESET :
						PCI_ERS_RESULT_DISCONNECT;
}

static pci_ers_result_t usher_raw_slot_reset(struct pci_dev *pdev)
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

static void usher_raw_resume(struct pci_dev *pdev)
{
	struct usher_raw *raw = pci_get_drvdata(pdev);

	mutex_lock(&raw->lock);
	usher_raw_finish(raw);
	mutex_unlock(&raw->lock);
}

const struct pci_error_handlers usher_raw_error_handlers = {
	.error_detected	= usher_raw_error_detected,
	.slot_reset	= usher_raw_slot_reset,
	.resume		= usher_raw_resume,
	.reset_prepare	= usher_raw_reset_prepare,
	.reset_done	= usher_raw_reset_done,
};
