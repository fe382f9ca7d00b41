// SPDX-License-Identifier: GPL-2.0-only
/*
 * A PCI function from probe to remove. Open files outlive remove(): what they use
 * is in struct usher_function, which goes with its last reference; what the device
 * reached goes before remove() returns, unless nothing proves that it has stopped.
 */
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/nvme.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>

#include "device/life.h"
#include "device/pci.h"
#include "device/sysfs.h"
#include "grant/grant.h"
#include "grant/node.h"
#include "nvme/admin.h"
#include "nvme/irq.h"
#include "nvme/qpair.h"

/* Devices that may reach memory for ever: kept, with that memory, and with us */
static LIST_HEAD(usher_lost);
static DEFINE_SPINLOCK(usher_lost_lock);

/* ---- the function ---- */

static int usher_pci_vectors(struct usher_ctrl *ctrl)
{
	int n = pci_alloc_irq_vectors(to_pci_dev(ctrl->dev), 1,
				      USHER_MAX_QPAIRS + 1,
				      PCI_IRQ_MSIX | PCI_IRQ_MSI);

	if (n < 0) {
		dev_err(ctrl->dev, "the function has neither MSI-X nor MSI that works: %d\n",
			n);
		return n;
	}
	ctrl->nr_vectors = n;
	return 0;
}

static int usher_pci_map(struct usher_ctrl *ctrl)
{
	struct pci_dev *pdev = to_pci_dev(ctrl->dev);

	ctrl->bar_bytes = min_t(u64, pci_resource_len(pdev, 0), SZ_16M);
	if (!(pci_resource_flags(pdev, 0) & IORESOURCE_MEM) ||
	    ctrl->bar_bytes < NVME_REG_DBS + SZ_4K) {
		dev_err(ctrl->dev, "BAR 0 does not hold NVMe registers\n");
		return -ENODEV;
	}
	ctrl->bar = ioremap(pci_resource_start(pdev, 0), ctrl->bar_bytes);
	return ctrl->bar ? 0 : -ENOMEM;
}

static int usher_pci_enable(struct usher_ctrl *ctrl)
{
	struct pci_dev *pdev = to_pci_dev(ctrl->dev);
	int ret;

	ret = pci_enable_device_mem(pdev);
	if (ret)
		return ret;
	ret = pci_request_mem_regions(pdev, "usher");
	if (ret)
		goto disable;
	ret = usher_pci_map(ctrl);
	if (ret)
		goto release_regions;
	ret = dma_set_mask_and_coherent(ctrl->dev, DMA_BIT_MASK(64));
	if (ret)
		goto unmap;
	/* A buffer's segments become pages again: any size, anywhere. */
	dma_set_max_seg_size(ctrl->dev, UINT_MAX);
	dma_set_seg_boundary(ctrl->dev, ULONG_MAX);
	ret = usher_pci_vectors(ctrl);
	if (ret)
		goto unmap;
	return 0;

unmap:
	iounmap(ctrl->bar);
release_regions:
	pci_release_mem_regions(pdev);
disable:
	pci_disable_device(pdev);
	return ret;
}

static void usher_pci_disable(struct usher_ctrl *ctrl)
{
	struct pci_dev *pdev = to_pci_dev(ctrl->dev);

	pci_free_irq_vectors(pdev);
	iounmap(ctrl->bar);
	pci_release_mem_regions(pdev);
	pci_disable_device(pdev);
}

/* ---- probe and remove ---- */

static void usher_free_irqs(struct usher_function *fn)
{
	usher_pool_free_irqs(&fn->pool);
	usher_irq_free(usher_admin_qpair(&fn->ctrl));
}

/* Namespaces and the controller's node: from here on it can be opened. */
static int usher_function_publish(struct usher_function *fn)
{
	static const struct usher_limits none = {};
	struct usher_scope scope = { .rights = USHER_RIGHT_ADMIN };
	struct usher_device *ud = &fn->ud;
	struct usher_grant *grant;
	char name[16];
	int ret;

	grant = usher_grant_alloc(ud, NULL, &scope, &none);
	if (IS_ERR(grant))
		return PTR_ERR(grant);
	snprintf(name, sizeof(name), "usher%d", ud->id);
	fn->node = usher_node_add(ud, grant, &usher_ctrl_type, NULL, name);
	usher_grant_put(grant);
	if (IS_ERR(fn->node))
		return PTR_ERR(fn->node);
	ret = usher_ns_scan(ud);
	if (ret)
		dev_err(ud->dev, "the namespaces cannot be read: %d\n", ret);
	return ret;
}

/* What the device reached is freed only with proof that it has stopped. */
static void usher_function_free_dma(struct usher_function *fn)
{
	struct usher_device *ud = &fn->ud;

	usher_buffers_unmap(&fn->buffers, fn->ctrl.dma);
	if (usher_ctrl_dma_stopped(&fn->ctrl)) {
		usher_pool_free_dma(&fn->pool);
		usher_ctrl_free_dma(&fn->ctrl);
		return;
	}
	dev_err(ud->dev, "nothing proves that the device no longer reaches memory: its queues and %llu pages of processes are lost\n",
		usher_buffers_leaked(&fn->buffers));
	usher_dev_get(ud);
	__module_get(THIS_MODULE);
	spin_lock(&usher_lost_lock);
	list_add(&fn->lost, &usher_lost);
	spin_unlock(&usher_lost_lock);
}

static int usher_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct usher_function *fn;
	struct usher_ctrl *ctrl;
	int ret;

	if (pdev->class != PCI_CLASS_STORAGE_EXPRESS) {
		dev_err(&pdev->dev, "not an NVMe controller (class %#08x)\n",
			pdev->class);
		return -ENODEV;
	}
	fn = usher_function_alloc(pdev);
	if (!fn)
		return -ENOMEM;
	ctrl = &fn->ctrl;
	ret = usher_pci_enable(ctrl);
	if (ret)
		goto put_device;
	ret = usher_ctrl_alloc(ctrl, &fn->event_work);
	if (ret)
		goto disable;
	ret = usher_irq_request(usher_admin_qpair(ctrl));
	if (ret)
		goto free_dma;
	ret = usher_function_start(fn);
	if (ret)
		goto stop;
	pci_set_drvdata(pdev, fn);
	usher_dev_set_state(&fn->ud, USHER_LIVE);
	ret = usher_function_publish(fn);
	if (ret)
		goto unpublish;
	usher_watchdog_start(fn);
	dev_info(&pdev->dev, "usher%d: %s, %u queue pairs, %u vectors%s\n",
		 fn->ud.id, ctrl->model, ctrl->nr_queues, ctrl->nr_vectors,
		 ctrl->dbbuf.on ? ", shadow doorbells" : "");
	return 0;

unpublish:
	/* First, so that no event or reset brings namespaces back. */
	usher_function_end(fn, USHER_STOP_NOW);
	usher_ns_remove_all(&fn->ud);
	if (!IS_ERR_OR_NULL(fn->node))
		usher_node_remove(fn->node);
stop:
	usher_function_end(fn, USHER_STOP_NOW);
	usher_free_irqs(fn);
free_dma:
	usher_function_free_dma(fn);
disable:
	usher_pci_disable(ctrl);
put_device:
	usher_dev_put(&fn->ud);
	return ret;
}

/*
 * Open files stay; every call on them answers ENODEV. Waits for sections and
 * for the device, never for users.
 */
static void usher_remove(struct pci_dev *pdev)
{
	struct usher_function *fn = pci_get_drvdata(pdev);

	usher_function_end(fn, USHER_STOP_SHUTDOWN);
	usher_ns_remove_all(&fn->ud);
	usher_node_remove(fn->node);
	usher_free_irqs(fn);
	usher_function_free_dma(fn);
	usher_pci_disable(&fn->ctrl);
	usher_dev_put(&fn->ud);
}

/* Reboot or kexec: the next kernel must find a device that does no DMA. */
static void usher_shutdown(struct pci_dev *pdev)
{
	usher_function_end(pci_get_drvdata(pdev), USHER_STOP_SHUTDOWN);
}

struct pci_driver usher_driver = {
	.name		= "usher",
	.probe		= usher_probe,
	.remove		= usher_remove,
	.shutdown	= usher_shutdown,
	/* As of nvme: virtual functions can be removed after the driver has changed. */
	.sriov_configure = pci_sriov_configure_simple,
	/* No IDs: binding goes through driver_override alone. */
};
