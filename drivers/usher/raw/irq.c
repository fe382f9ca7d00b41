// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: interrupts, each to an eventfd.
 */
#include <linux/eventfd.h>
#include <linux/interrupt.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "raw/raw.h"

/* ---- when they come ---- */

static irqreturn_t usher_raw_message(int irq, void *data)
{
	struct usher_raw_vector *vector = data;

	usher_eventfd_signal(vector->eventfd);
	return IRQ_HANDLED;
}

static bool usher_raw_intx_is_off(struct pci_dev *pdev)
{
	u16 command;

	pci_read_config_word(pdev, PCI_COMMAND, &command);
	return command & PCI_COMMAND_INTX_DISABLE;
}

/*
 * The line stays as long as the device was not served: by the process, later. One
 * that comes although it is masked was switched on by somebody who wrote back what
 * the command register had held before.
 */
static irqreturn_t usher_raw_intx(int irq, void *data)
{
	struct usher_raw_vector *vector = data;
	struct usher_raw_irqs *irqs = vector->irqs;
	bool ours = false, masked;
	unsigned long flags;

	spin_lock_irqsave(&irqs->lock, flags);
	masked = vector->masked;
	if (!irqs->frozen && !(masked && usher_raw_intx_is_off(irqs->pdev)))
		ours = pci_check_and_mask_intx(irqs->pdev);
	if (ours)
		vector->masked = true;
	spin_unlock_irqrestore(&irqs->lock, flags);
	if (!ours)
		return IRQ_NONE;
	if (!masked)
		usher_eventfd_signal(vector->eventfd);
	return IRQ_HANDLED;
}

/* ---- masking ---- */

static void usher_raw_mask_intx(struct usher_raw_vector *vector, bool mask)
{
	struct usher_raw_irqs *irqs = vector->irqs;
	bool pending = false;

	spin_lock_irq(&irqs->lock);
	if (mask)
		pci_intx(irqs->pdev, 0);
	/* What is pending stays masked, and is there again. */
	if (!mask && vector->masked)
		pending = !pci_check_and_unmask_intx(irqs->pdev);
	vector->masked = mask || pending;
	spin_unlock_irq(&irqs->lock);
	if (pending)
		usher_eventfd_signal(vector->eventfd);
}

/* The interrupt core keeps one that comes meanwhile. */
static void usher_raw_mask_message(struct usher_raw_vector *vector, bool mask)
{
	struct usher_raw_irqs *irqs = vector->irqs;
	int irq = pci_irq_vector(irqs->pdev, vector - irqs->vectors);

	if (vector->masked == mask)
		return;
	vector->masked = mask;
	if (mask)
		disable_irq(irq);
	else
		enable_irq(irq);
}

int usher_raw_irq_mask(struct usher_raw *raw,
		       const struct usher_raw_irq_mask *arg)
{
	struct usher_raw_irqs *irqs;
	int ret;

	if (arg->flags || arg->mask > 1)
		return -EINVAL;
	ret = usher_raw_lock(raw);
	if (ret)
		return ret;
	irqs = raw->irqs;
	if (!irqs || arg->vector >= irqs->count)
		ret = -EINVAL;
	else if (irqs->kind == USHER_RAW_IRQ_INTX)
		usher_raw_mask_intx(irqs->vectors, arg->mask);
	else
		usher_raw_mask_message(irqs->vectors +
				       array_index_nospec(arg->vector, irqs->count),
				       arg->mask);
	mutex_unlock(&raw->lock);
	return ret;
}

/*
 * During a reset the status register says nothing about the pin. It is off, since
 * nobody would serve it.
 */
void usher_raw_irq_freeze(struct usher_raw *raw, bool freeze)
{
	struct usher_raw_irqs *irqs = raw->irqs;

	if (!irqs)
		return;
	spin_lock_irq(&irqs->lock);
	irqs->frozen = freeze;
	if (irqs->kind == USHER_RAW_IRQ_INTX && !irqs->vectors[0].masked)
		pci_intx(irqs->pdev, !freeze);
	spin_unlock_irq(&irqs->lock);
}

static void usher_raw_write_master(struct pci_dev *pdev, bool on)
{
	if (on)
		pci_set_master(pdev);
	else
		pci_clear_master(pdev);
}

/**
 * usher_raw_set_master - switch bus mastering on or off
 * @raw: the function; its lock is held
 * @on: on
 *
 * The handler of INTx changes the same register.
 */
void usher_raw_set_master(struct usher_raw *raw, bool on)
{
	struct usher_raw_irqs *irqs = raw->irqs;

	lockdep_assert_held(&raw->lock);
	if (!irqs) {
		usher_raw_write_master(raw->pdev, on);
		return;
	}
	spin_lock_irq(&irqs->lock);
	usher_raw_write_master(raw->pdev, on);
	spin_unlock_irq(&irqs->lock);
}

/* ---- on and off ---- */

/*
 * Switched off for all (pci=nomsi), or by a quirk of it or of what is above it; or
 * it needs the pin on for messages, and the pin is off.
 */
static bool usher_raw_may_use_msi(struct pci_dev *pdev)
{
	struct pci_bus *bus;

	for (bus = pdev->bus; bus; bus = bus->parent)
		if (bus->bus_flags & PCI_BUS_FLAGS_NO_MSI)
			return false;
	return pci_msi_enabled() && !pdev->no_msi &&
	       !(pdev->dev_flags & PCI_DEV_FLAGS_MSI_INTX_DISABLE_BUG);
}

/**
 * usher_raw_init_irqs - count interrupts, and take the pin
 * @raw: the function, being bound
 *
 * The PCI core switches the pin on when messages end, and nobody serves it then:
 * the line that it may share would be dead. The flag of devices whose pin it must
 * not touch keeps it from doing so.
 */
void usher_raw_init_irqs(struct usher_raw *raw)
{
	struct pci_dev *pdev = raw->pdev;
	u8 pin = 0;

	if (usher_raw_may_use_msi(pdev)) {
		raw->msix = max(pci_msix_vec_count(pdev), 0);
		raw->msi = max(pci_msi_vec_count(pdev), 0);
	}
	pci_read_config_byte(pdev, PCI_INTERRUPT_PIN, &pin);
	raw->intx = pin && pdev->irq && pdev->irq != IRQ_NOTCONNECTED &&
		    pci_intx_mask_supported(pdev);
	raw->had_flag = pdev->dev_flags & PCI_DEV_FLAGS_MSI_INTX_DISABLE_BUG;
	pdev->dev_flags |= PCI_DEV_FLAGS_MSI_INTX_DISABLE_BUG;
}

/* The next driver finds the flag as it was. */
void usher_raw_exit_irqs(struct usher_raw *raw)
{
	if (!raw->had_flag)
		raw->pdev->dev_flags &= ~PCI_DEV_FLAGS_MSI_INTX_DISABLE_BUG;
}

bool usher_raw_has_messages(const struct usher_raw *raw)
{
	return raw->irqs && raw->irqs->kind != USHER_RAW_IRQ_INTX;
}

static void usher_raw_irqs_free(struct usher_raw_irqs *irqs)
{
	u32 i;

	for (i = 0; i < irqs->count && irqs->vectors[i].eventfd; i++)
		eventfd_ctx_put(irqs->vectors[i].eventfd);
	kvfree(irqs);
}

/* Copies and looks up: before the lock is taken. */
static struct usher_raw_irqs *usher_raw_irqs_alloc(struct usher_raw *raw,
						   const struct usher_raw_irq_enable *arg)
{
	const s32 __user *fds = u64_to_user_ptr(arg->eventfds);
	struct usher_raw_irqs *irqs;
	struct eventfd_ctx *ctx;
	u32 i;
	s32 fd;

	irqs = kvzalloc(struct_size(irqs, vectors, arg->count),
			GFP_KERNEL_ACCOUNT);
	if (!irqs)
		return ERR_PTR(-ENOMEM);
	irqs->pdev = raw->pdev;
	irqs->kind = arg->kind;
	irqs->count = arg->count;
	spin_lock_init(&irqs->lock);
	for (i = 0; i < irqs->count; i++) {
		ctx = ERR_PTR(-EFAULT);
		if (!get_user(fd, fds + i))
			ctx = eventfd_ctx_fdget(fd);
		if (IS_ERR(ctx)) {
			usher_raw_irqs_free(irqs);
			return ERR_CAST(ctx);
		}
		irqs->vectors[i].irqs = irqs;
		irqs->vectors[i].eventfd = ctx;
	}
	return irqs;
}

/*
 * A vector that is freed leaves the address 0 behind: to be switched off before, for
 * a device that goes on sending. MSI-X masks each vector instead.
 */
static void usher_raw_msi_off(struct pci_dev *pdev)
{
	u16 flags;

	pci_read_config_word(pdev, pdev->msi_cap + PCI_MSI_FLAGS, &flags);
	pci_write_config_word(pdev, pdev->msi_cap + PCI_MSI_FLAGS,
			      flags & ~PCI_MSI_FLAGS_ENABLE);
}

static void usher_raw_messages_stop(struct usher_raw_irqs *irqs, u32 count)
{
	if (irqs->kind == USHER_RAW_IRQ_MSI)
		usher_raw_msi_off(irqs->pdev);
	while (count--)
		pci_free_irq(irqs->pdev, count, &irqs->vectors[count]);
	pci_free_irq_vectors(irqs->pdev);
}

static int usher_raw_messages_start(struct usher_raw_irqs *irqs)
{
	unsigned int type = irqs->kind == USHER_RAW_IRQ_MSI ? PCI_IRQ_MSI :
							      PCI_IRQ_MSIX;
	struct pci_dev *pdev = irqs->pdev;
	int ret;
	u32 i;

	ret = pci_alloc_irq_vectors(pdev, irqs->count, irqs->count, type);
	if (ret < 0)
		return ret;
	for (i = 0; i < irqs->count; i++) {
		ret = pci_request_irq(pdev, i, usher_raw_message, NULL,
				      &irqs->vectors[i], "usher-raw %s %u",
				      pci_name(pdev), i);
		if (ret) {
			usher_raw_messages_stop(irqs, i);
			return ret;
		}
	}
	return 0;
}

static void usher_raw_intx_stop(struct usher_raw_irqs *irqs)
{
	usher_raw_mask_intx(irqs->vectors, true);
	kfree(free_irq(irqs->pdev->irq, irqs->vectors));
}

/* Not by pci_alloc_irq_vectors(): that switches the pin on before it has a handler. */
static int usher_raw_intx_start(struct usher_raw_irqs *irqs)
{
	struct pci_dev *pdev = irqs->pdev;
	char *name;
	int ret;

	name = kasprintf(GFP_KERNEL, "usher-raw %s 0", pci_name(pdev));
	if (!name)
		return -ENOMEM;
	irqs->vectors[0].masked = true;
	ret = request_irq(pdev->irq, usher_raw_intx, IRQF_SHARED, name,
			  irqs->vectors);
	if (ret) {
		kfree(name);
		return ret;
	}
	usher_raw_mask_intx(irqs->vectors, false);
	return 0;
}

static int usher_raw_irqs_start(struct usher_raw_irqs *irqs)
{
	return irqs->kind == USHER_RAW_IRQ_INTX ? usher_raw_intx_start(irqs) :
						  usher_raw_messages_start(irqs);
}

static void usher_raw_irqs_stop(struct usher_raw_irqs *irqs)
{
	if (irqs->kind == USHER_RAW_IRQ_INTX)
		usher_raw_intx_stop(irqs);
	else
		usher_raw_messages_stop(irqs, irqs->count);
}

static int usher_raw_check_irq(const struct usher_raw *raw,
			       const struct usher_raw_irq_enable *arg)
{
	u32 count;

	switch (arg->kind) {
	case USHER_RAW_IRQ_INTX:
		count = raw->intx;
		break;
	case USHER_RAW_IRQ_MSI:
		count = raw->msi;
		break;
	case USHER_RAW_IRQ_MSIX:
		count = raw->msix;
		break;
	default:
		return -EINVAL;
	}
	if (arg->flags || !arg->count)
		return -EINVAL;
	if (!count)
		return -EOPNOTSUPP;
	return arg->count > count ? -EINVAL : 0;
}

int usher_raw_irq_enable(struct usher_raw *raw,
			 const struct usher_raw_irq_enable *arg)
{
	struct usher_raw_irqs *irqs;
	int ret;

	ret = usher_raw_check_irq(raw, arg);
	if (ret)
		return ret;
	irqs = usher_raw_irqs_alloc(raw, arg);
	if (IS_ERR(irqs))
		return PTR_ERR(irqs);
	ret = usher_raw_lock(raw);
	if (ret)
		goto free_irqs;
	ret = raw->irqs ? -EBUSY : usher_raw_irqs_start(irqs);
	if (!ret) {
		raw->irqs = irqs;
		usher_raw_update_master(raw);
	}
	mutex_unlock(&raw->lock);
free_irqs:
	if (ret)
		usher_raw_irqs_free(irqs);
	return ret;
}

/* With raw.lock held; the function is there. */
void usher_raw_irq_disable(struct usher_raw *raw)
{
	struct usher_raw_irqs *irqs = raw->irqs;

	lockdep_assert_held(&raw->lock);
	if (!irqs)
		return;
	usher_raw_irqs_stop(irqs);
	raw->irqs = NULL;
	usher_raw_irqs_free(irqs);
}
