// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: interrupts, each of which signals an eventfd.
 *
 * All interrupts are switched on at once, which makes a struct usher_raw_irqs with one
 * vector for each, and off at once, which frees it. It holds a reference to each eventfd.
 * Interrupts by message, MSI and MSI-X, are masked by the interrupt core. INTx is masked
 * in the command register of the function, as the line may be shared.
 */
#include <linux/eventfd.h>
#include <linux/interrupt.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <uapi/linux/usher_raw.h>

#include "compat.h"
#include "raw/irq.h"
#include "raw/master.h"
#include "raw/raw.h"

/**
 * struct usher_raw_vector - an interrupt that is on
 * @irqs: all of them
 * @eventfd: signalled when the interrupt comes
 * @masked: masked by the process, or by the handler of INTx when it came; guarded by
 *	raw.command_lock for INTx, by raw.lock for messages
 */
struct usher_raw_vector {
	struct usher_raw_irqs	*irqs;
	struct eventfd_ctx	*eventfd;
	bool			masked;
};

/**
 * struct usher_raw_irqs - the interrupts that are on
 * @raw: the function
 * @kind: USHER_RAW_IRQ_*
 * @count: number of @vectors
 * @frozen: the function is being reset, so INTx is not ours; guarded by raw.command_lock
 * @vectors: one for each interrupt
 */
struct usher_raw_irqs {
	struct usher_raw	*raw;
	u32			kind;
	u32			count;
	bool			frozen;
	struct usher_raw_vector	vectors[];
};

/* ---- handlers ---- */

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
 * The line stays active until the process has served the device, so it is masked here.
 * An interrupt that comes although it is masked was switched on by somebody who wrote an
 * old value of the command register back; then it is masked again.
 */
static irqreturn_t usher_raw_intx(int irq, void *data)
{
	struct usher_raw_vector *vector = data;
	struct usher_raw_irqs *irqs = vector->irqs;
	struct usher_raw *raw = irqs->raw;
	bool ours = false, masked;
	unsigned long flags;

	spin_lock_irqsave(&raw->command_lock, flags);
	masked = vector->masked;
	if (!irqs->frozen && !(masked && usher_raw_intx_is_off(raw->pdev)))
		ours = pci_check_and_mask_intx(raw->pdev);
	if (ours)
		vector->masked = true;
	spin_unlock_irqrestore(&raw->command_lock, flags);
	if (!ours)
		return IRQ_NONE;
	if (!masked)
		usher_eventfd_signal(vector->eventfd);
	return IRQ_HANDLED;
}

/* ---- masking ---- */

static void usher_raw_intx_mask(struct usher_raw_irqs *irqs)
{
	struct usher_raw *raw = irqs->raw;

	spin_lock_irq(&raw->command_lock);
	pci_intx(raw->pdev, 0);
	irqs->vectors[0].masked = true;
	spin_unlock_irq(&raw->command_lock);
}

/* An interrupt that is pending stays masked, and is signalled at once. */
static void usher_raw_intx_unmask(struct usher_raw_irqs *irqs)
{
	struct usher_raw_vector *vector = &irqs->vectors[0];
	struct usher_raw *raw = irqs->raw;
	bool pending = false;

	spin_lock_irq(&raw->command_lock);
	if (vector->masked)
		pending = !pci_check_and_unmask_intx(raw->pdev);
	vector->masked = pending;
	spin_unlock_irq(&raw->command_lock);
	if (pending)
		usher_eventfd_signal(vector->eventfd);
}

/* The interrupt core keeps a message that comes while it is masked. */
static void usher_raw_message_set_mask(struct usher_raw_irqs *irqs, u32 index,
				       bool masked)
{
	struct usher_raw_vector *vector =
		&irqs->vectors[array_index_nospec(index, irqs->count)];
	int irq = pci_irq_vector(irqs->raw->pdev, vector - irqs->vectors);

	if (vector->masked == masked)
		return;
	vector->masked = masked;
	if (masked)
		disable_irq(irq);
	else
		enable_irq(irq);
}

/**
 * usher_raw_irq_mask - USHER_RAW_IOC_IRQ_MASK
 * @raw: the function
 * @arg: which vector, and whether to mask or to unmask it
 *
 * Return: 0, or as struct usher_raw_irq_mask says.
 */
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
	else if (irqs->kind != USHER_RAW_IRQ_INTX)
		usher_raw_message_set_mask(irqs, arg->vector, arg->mask);
	else if (arg->mask)
		usher_raw_intx_mask(irqs);
	else
		usher_raw_intx_unmask(irqs);
	mutex_unlock(&raw->lock);
	return ret;
}

/**
 * usher_raw_irq_freeze - keep hands off the pin for a reset
 * @raw: the function; its lock is held
 *
 * During a reset the status register says nothing about the pin. It is switched off,
 * since nobody would serve it.
 */
void usher_raw_irq_freeze(struct usher_raw *raw)
{
	struct usher_raw_irqs *irqs = raw->irqs;

	lockdep_assert_held(&raw->lock);
	if (!irqs)
		return;
	spin_lock_irq(&raw->command_lock);
	irqs->frozen = true;
	if (irqs->kind == USHER_RAW_IRQ_INTX && !irqs->vectors[0].masked)
		pci_intx(raw->pdev, 0);
	spin_unlock_irq(&raw->command_lock);
}

/* After the reset, with the lock of the function held */
void usher_raw_irq_thaw(struct usher_raw *raw)
{
	struct usher_raw_irqs *irqs = raw->irqs;

	lockdep_assert_held(&raw->lock);
	if (!irqs)
		return;
	spin_lock_irq(&raw->command_lock);
	irqs->frozen = false;
	if (irqs->kind == USHER_RAW_IRQ_INTX && !irqs->vectors[0].masked)
		pci_intx(raw->pdev, 1);
	spin_unlock_irq(&raw->command_lock);
}

/* ---- on and off ---- */

/*
 * Messages may be off for all functions (pci=nomsi), or by a quirk of this one or of a
 * bus above it. There are also functions that send messages only with their pin on, which
 * is off in raw mode.
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
 * usher_raw_irqs_init - count interrupts, and take the pin
 * @raw: the function, being bound
 *
 * The PCI core switches the pin on when messages end. Nobody serves it then, and the
 * line, which may be shared, would be dead. So the function gets the flag of those whose
 * pin the PCI core must not touch.
 */
void usher_raw_irqs_init(struct usher_raw *raw)
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
void usher_raw_irqs_exit(struct usher_raw *raw)
{
	if (!raw->had_flag)
		raw->pdev->dev_flags &= ~PCI_DEV_FLAGS_MSI_INTX_DISABLE_BUG;
}

static void usher_raw_irqs_free(struct usher_raw_irqs *irqs)
{
	u32 i;

	for (i = 0; i < irqs->count && irqs->vectors[i].eventfd; i++)
		eventfd_ctx_put(irqs->vectors[i].eventfd);
	kvfree(irqs);
}

/* Without the lock of the function, as it reads memory of the process */
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
	irqs->raw = raw;
	irqs->kind = arg->kind;
	irqs->count = arg->count;
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
 * Freeing a vector leaves the address 0 in the function, which may go on sending, so MSI
 * is switched off before. With MSI-X it is not needed, as each vector is masked.
 */
static void usher_raw_msi_off(struct pci_dev *pdev)
{
	u16 flags;

	pci_read_config_word(pdev, pdev->msi_cap + PCI_MSI_FLAGS, &flags);
	pci_write_config_word(pdev, pdev->msi_cap + PCI_MSI_FLAGS,
			      flags & ~PCI_MSI_FLAGS_ENABLE);
}

/* @count: of how many vectors the handlers are installed */
static void usher_raw_messages_stop(struct usher_raw_irqs *irqs, u32 count)
{
	struct pci_dev *pdev = irqs->raw->pdev;

	if (irqs->kind == USHER_RAW_IRQ_MSI)
		usher_raw_msi_off(pdev);
	while (count--)
		pci_free_irq(pdev, count, &irqs->vectors[count]);
	pci_free_irq_vectors(pdev);
}

static int usher_raw_messages_start(struct usher_raw_irqs *irqs)
{
	unsigned int type = irqs->kind == USHER_RAW_IRQ_MSI ? PCI_IRQ_MSI :
							      PCI_IRQ_MSIX;
	struct pci_dev *pdev = irqs->raw->pdev;
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
	usher_raw_intx_mask(irqs);
	kfree(free_irq(irqs->raw->pdev->irq, irqs->vectors));
}

/* pci_alloc_irq_vectors() would switch the pin on before it has a handler. */
static int usher_raw_intx_start(struct usher_raw_irqs *irqs)
{
	struct pci_dev *pdev = irqs->raw->pdev;
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
	usher_raw_intx_unmask(irqs);
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

/**
 * usher_raw_irq_enable - USHER_RAW_IOC_IRQ_ENABLE
 * @raw: the function
 * @arg: which interrupts, and their eventfds
 *
 * Return: 0, or as struct usher_raw_irq_enable says.
 */
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
	if (ret)
		goto unlock;
	raw->irqs = irqs;
	raw->messages = irqs->kind != USHER_RAW_IRQ_INTX;
	usher_raw_update_master(raw);
	mutex_unlock(&raw->lock);
	return 0;

unlock:
	mutex_unlock(&raw->lock);
free_irqs:
	usher_raw_irqs_free(irqs);
	return ret;
}

/**
 * usher_raw_irq_disable - USHER_RAW_IOC_IRQ_DISABLE
 * @raw: the function
 * @arg: no flags
 *
 * Return: 0, or as struct usher_raw_irq_disable says.
 */
int usher_raw_irq_disable(struct usher_raw *raw,
			  const struct usher_raw_irq_disable *arg)
{
	int ret;

	if (arg->flags)
		return -EINVAL;
	ret = usher_raw_lock(raw);
	if (ret)
		return ret;
	usher_raw_irq_off(raw);
	usher_raw_update_master(raw);
	mutex_unlock(&raw->lock);
	return 0;
}

/**
 * usher_raw_irq_off - switch interrupts off, if they are on
 * @raw: the function; its lock is held
 *
 * Leaves bus mastering as it is.
 */
void usher_raw_irq_off(struct usher_raw *raw)
{
	struct usher_raw_irqs *irqs = raw->irqs;

	lockdep_assert_held(&raw->lock);
	if (!irqs)
		return;
	usher_raw_irqs_stop(irqs);
	raw->irqs = NULL;
	raw->messages = false;
	usher_raw_irqs_free(irqs);
}
