// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: the PCI driver usher-raw, from probe to remove.
 *
 * Probe makes a struct usher_raw, enables the function and publishes its node. Remove
 * undoes that in reverse; files that are open keep the struct, but not the function.
 */
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/init.h>
#include <linux/pci.h>

#include "raw/bar.h"
#include "raw/device.h"
#include "raw/dma.h"
#include "raw/driver.h"
#include "raw/group.h"
#include "raw/irq.h"
#include "raw/map.h"
#include "raw/owner.h"
#include "raw/raw.h"
#include "raw/recover.h"
#include "raw/reset.h"

static int usher_raw_check(struct pci_dev *pdev)
{
	if (pdev->hdr_type != PCI_HEADER_TYPE_NORMAL) {
		dev_err(&pdev->dev, "it is a bridge, which cannot be given to a process: leave it to its own driver\n");
		return -EINVAL;
	}
	if (pci_num_vf(pdev)) {
		dev_err(&pdev->dev, "it has virtual functions, which would lose it: remove them first, by writing 0 to sriov_numvfs\n");
		return -EBUSY;
	}
	return 0;
}

static int usher_raw_enable(struct usher_raw *raw)
{
	struct pci_dev *pdev = raw->pdev;
	int ret;

	ret = pci_enable_device(pdev);
	if (ret)
		return ret;
	/* Enabling the function switches its pin on, which nobody serves. */
	pci_intx(pdev, 0);
	pci_clear_master(pdev);
	ret = pci_request_regions(pdev, "usher-raw");
	if (ret)
		goto disable_device;
	ret = usher_raw_dma_init(raw);
	if (ret)
		goto release_regions;
	pci_save_state(pdev);
	raw->saved = pci_store_saved_state(pdev);
	ret = -ENOMEM;
	if (!raw->saved)
		goto exit_dma;
	raw->reset = usher_raw_reset_probe(pdev);
	usher_raw_bars_init(raw);
	usher_raw_irqs_init(raw);
	usher_raw_map_enable(raw);
	return 0;

exit_dma:
	usher_raw_dma_exit(raw);
release_regions:
	pci_release_regions(pdev);
disable_device:
	pci_disable_device(pdev);
	return ret;
}

static void usher_raw_disable(struct usher_raw *raw)
{
	usher_raw_irqs_exit(raw);
	usher_raw_bars_exit(raw);
	usher_raw_dma_exit(raw);
	pci_release_regions(raw->pdev);
	pci_disable_device(raw->pdev);
}

static int usher_raw_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct usher_raw *raw;
	int ret;

	ret = usher_raw_check(pdev);
	if (ret)
		return ret;
	raw = usher_raw_device_alloc(pdev);
	if (IS_ERR(raw))
		return PTR_ERR(raw);
	ret = usher_raw_enable(raw);
	if (ret)
		goto put_device;
	pci_set_drvdata(pdev, raw);
	usher_raw_group_add(raw);
	ret = cdev_device_add(&raw->cdev, &raw->dev);
	if (ret)
		goto del_group;
	return 0;

del_group:
	usher_raw_group_del(raw);
	usher_raw_disable(raw);
put_device:
	put_device(&raw->dev);
	return ret;
}

static void usher_raw_driver_remove(struct pci_dev *pdev)
{
	struct usher_raw *raw = pci_get_drvdata(pdev);

	cdev_device_del(&raw->cdev, &raw->dev);
	usher_raw_remove(raw);
	usher_raw_group_del(raw);
	usher_raw_disable(raw);
	put_device(&raw->dev);
}

static void usher_raw_driver_shutdown(struct pci_dev *pdev)
{
	usher_raw_shutdown(pci_get_drvdata(pdev));
}

static struct pci_driver usher_raw_driver = {
	.name		= "usher-raw",
	.probe		= usher_raw_probe,
	.remove		= usher_raw_driver_remove,
	.shutdown	= usher_raw_driver_shutdown,
	.err_handler	= &usher_raw_error_handlers,
	/* No IDs: a function is bound through driver_override alone. */
};

int __init usher_raw_init(void)
{
	int ret;

	ret = usher_raw_inodes_init();
	if (ret)
		return ret;
	ret = usher_raw_group_init();
	if (ret)
		goto exit_inodes;
	ret = pci_register_driver(&usher_raw_driver);
	if (ret)
		goto exit_group;
	return 0;

exit_group:
	usher_raw_group_exit();
exit_inodes:
	usher_raw_inodes_exit();
	return ret;
}

void __exit usher_raw_exit(void)
{
	pci_unregister_driver(&usher_raw_driver);
	usher_raw_group_exit();
	usher_raw_inodes_exit();
}
