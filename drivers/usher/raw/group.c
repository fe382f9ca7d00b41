// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: other functions that come into the IOMMU group of a function.
 *
 * Functions of a group share the addresses that their IOMMU translates. A function that
 * is plugged in may get into the group of one whose owner has no privilege, and whose
 * device could then write the memory of the newcomer's driver. So before that driver is
 * bound, bus mastering of the first goes off, and its owner loses it: calls fail as if it
 * were gone, until it is closed.
 *
 * The functions are in a list from probe to remove, for the notifier of the PCI bus.
 */
#include <linux/device.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "core/wake.h"
#include "core/wq.h"
#include "raw/group.h"
#include "raw/map.h"
#include "raw/raw.h"

static LIST_HEAD(usher_raw_functions);
/* Guards the list. The notifier holds it, so nothing in it waits for a function. */
static DEFINE_MUTEX(usher_raw_functions_lock);

/* Registers cannot be taken away by the notifier, which must not wait for a reset. */
static void usher_raw_group_work(struct work_struct *work)
{
	struct usher_raw *raw = container_of(work, struct usher_raw, group_work);

	mutex_lock(&raw->lock);
	if (READ_ONCE(raw->lost) && !raw->gone)
		usher_raw_map_disable(raw);
	mutex_unlock(&raw->lock);
}

/* Another function is in the group: DMA ends here, the rest soon. */
static void usher_raw_lose(struct usher_raw *raw, struct device *other)
{
	bool lost = false;

	spin_lock_irq(&raw->command_lock);
	if (raw->watched && !raw->lost) {
		pci_clear_master(raw->pdev);
		WRITE_ONCE(raw->lost, true);
		lost = true;
	}
	spin_unlock_irq(&raw->command_lock);
	if (!lost)
		return;
	dev_warn(&raw->pdev->dev, "%s came into its IOMMU group, so its owner loses it\n",
		 dev_name(other));
	queue_work(usher_slow_wq, &raw->group_work);
	usher_wake_all(&raw->wait);
}

static bool usher_raw_share_group(struct device *a, struct device *b)
{
	struct iommu_group *group_a = iommu_group_get(a);
	struct iommu_group *group_b = iommu_group_get(b);
	bool share = group_a && group_a == group_b;

	iommu_group_put(group_a);
	iommu_group_put(group_b);
	return share;
}

/*
 * A function gets its group when it is added or, on some machines, when a driver is about
 * to be bound to it. The IOMMU core has seen to that before this is called.
 */
static int usher_raw_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	struct device *other = data;
	struct usher_raw *raw;

	if (action != BUS_NOTIFY_ADD_DEVICE && action != BUS_NOTIFY_BIND_DRIVER)
		return NOTIFY_DONE;
	mutex_lock(&usher_raw_functions_lock);
	list_for_each_entry(raw, &usher_raw_functions, function)
		if (&raw->pdev->dev != other &&
		    usher_raw_share_group(&raw->pdev->dev, other))
			usher_raw_lose(raw, other);
	mutex_unlock(&usher_raw_functions_lock);
	return NOTIFY_DONE;
}

static struct notifier_block usher_raw_notifier = {
	.notifier_call	= usher_raw_notify,
};

int __init usher_raw_group_init(void)
{
	return bus_register_notifier(&pci_bus_type, &usher_raw_notifier);
}

void usher_raw_group_exit(void)
{
	bus_unregister_notifier(&pci_bus_type, &usher_raw_notifier);
}

/**
 * usher_raw_group_add - watch the group of a function whenever that is asked for
 * @raw: the function, being bound
 */
void usher_raw_group_add(struct usher_raw *raw)
{
	INIT_WORK(&raw->group_work, usher_raw_group_work);
	mutex_lock(&usher_raw_functions_lock);
	list_add_tail(&raw->function, &usher_raw_functions);
	mutex_unlock(&usher_raw_functions_lock);
}

/**
 * usher_raw_group_del - do so no longer
 * @raw: the function, being removed; its lock is not held
 */
void usher_raw_group_del(struct usher_raw *raw)
{
	mutex_lock(&usher_raw_functions_lock);
	list_del(&raw->function);
	mutex_unlock(&usher_raw_functions_lock);
	cancel_work_sync(&raw->group_work);
}

/**
 * usher_raw_group_watch - say whether the owner depends on being alone in the group
 * @raw: the function; its lock is held
 * @watched: whether it does
 *
 * To be called before the group is looked at: then whoever comes is either seen there, or
 * sees that the function is watched.
 */
void usher_raw_group_watch(struct usher_raw *raw, bool watched)
{
	spin_lock_irq(&raw->command_lock);
	raw->watched = watched;
	WRITE_ONCE(raw->lost, false);
	spin_unlock_irq(&raw->command_lock);
}
