// SPDX-License-Identifier: GPL-2.0-only
/*
 * A software NVMe controller on a PCI root bus of its own.
 *
 * Test only. It makes the faults that an emulator does not make: commands
 * that hang, completions that nobody asked for, a controller that cannot be
 * stopped, surprise removal. softctrl-debugfs.c lists them.
 *
 * The controller is a thread. Its BAR is memory that the guest's command line
 * has set aside, its DMA is memcpy() by physical address (so KASAN sees each
 * access to a page that was freed too early), and its interrupts are raised
 * from a hard irq_work. Use it without an IOMMU:
 *
 *	linux ... memmap=16M$0x30000000
 *	insmod usher-softctrl.ko bar_base=0x30000000 driver=usher
 *
 * The device appears as 5c00:00:00.0, or in the next free domain; the file
 * "address" in debugfs says where. To bring it back after a removal write to
 * the file "rescan" in debugfs: the rescan of the PCI core itself would try to
 * place the BAR anew and refuses the reserved range.
 */
#include <linux/delay.h>
#include <linux/highmem.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/irq.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/msi.h>
#include <linux/slab.h>

#include "softctrl.h"

#define SC_DOMAIN	0x5c00
#define SC_MSI_ADDRESS	0xfee5c000
#define SC_PIN_LINE	5	/* whatever firmware would have set up */

struct sc_params sc_param = {
	.driver		= "usher",
	.intr		= "msix",
	.serial		= "SOFTCTRL0001",
	.model		= "usher software controller",
	.queues		= 8,
	.vectors	= 9,
	.mqes		= 255,
	.to		= 4,
	.mdts		= 5,
	.acl		= 3,
	.limits		= true,
	.oncs		= NVME_CTRL_ONCS_COMPARE | NVME_CTRL_ONCS_WRITE_UNCORRECTABLE |
			  NVME_CTRL_ONCS_DSM | NVME_CTRL_ONCS_WRITE_ZEROES | 1 << 7,
	.vwc		= true,
	.flr		= true,
	.namespaces	= 1,
	.ns_mib		= 16,
	.lba_size	= 512,
	.metadata	= 0,
};

module_param_named(bar_base, sc_param.bar_base, ulong, 0444);
MODULE_PARM_DESC(bar_base, "address of reserved memory for BAR 0, 32 KiB aligned (required)");
module_param_named(driver, sc_param.driver, charp, 0444);
MODULE_PARM_DESC(driver, "driver_override of the device, empty for none (usher)");
module_param_named(intr, sc_param.intr, charp, 0444);
MODULE_PARM_DESC(intr, "interrupts offered: msix, msi, none, pin: one that cannot be masked, and never comes (msix)");
module_param_named(serial, sc_param.serial, charp, 0444);
MODULE_PARM_DESC(serial, "serial number");
module_param_named(model, sc_param.model, charp, 0444);
MODULE_PARM_DESC(model, "model number");
module_param_named(queues, sc_param.queues, uint, 0444);
MODULE_PARM_DESC(queues, "I/O queue pairs, 1 to 64 (8)");
module_param_named(vectors, sc_param.vectors, uint, 0444);
MODULE_PARM_DESC(vectors, "MSI-X vectors, 1 to 65 (9); MSI rounds down to a power of two");
module_param_named(mqes, sc_param.mqes, uint, 0444);
MODULE_PARM_DESC(mqes, "CAP.MQES, entries per queue less one (255)");
module_param_named(to, sc_param.to, uint, 0444);
MODULE_PARM_DESC(to, "CAP.TO in units of 500 ms (4)");
module_param_named(crwmt, sc_param.crwmt, uint, 0444);
MODULE_PARM_DESC(crwmt, "CRTO.CRWMT in units of 500 ms, 0 for no CRTO (0)");
module_param_named(mpsmin, sc_param.mpsmin, uint, 0444);
MODULE_PARM_DESC(mpsmin, "CAP.MPSMIN, 0 to 8 (0)");
module_param_named(dstrd, sc_param.dstrd, uint, 0444);
MODULE_PARM_DESC(dstrd, "CAP.DSTRD, 0 to 4 (0)");
module_param_named(mdts, sc_param.mdts, uint, 0444);
MODULE_PARM_DESC(mdts, "MDTS, 0 to 20, 0 for no limit (5)");
module_param_named(vsl, sc_param.vsl, uint, 0444);
MODULE_PARM_DESC(vsl, "VSL, 0 for no limit told (0)");
module_param_named(wzsl, sc_param.wzsl, uint, 0444);
MODULE_PARM_DESC(wzsl, "WZSL, 0 for no limit told (0)");
module_param_named(wusl, sc_param.wusl, uint, 0444);
MODULE_PARM_DESC(wusl, "WUSL, 0 for no limit told (0)");
module_param_named(dmrl, sc_param.dmrl, uint, 0444);
MODULE_PARM_DESC(dmrl, "DMRL, 0 for no limit told (0)");
module_param_named(dmrsl, sc_param.dmrsl, uint, 0444);
MODULE_PARM_DESC(dmrsl, "DMRSL, 0 for no limit told (0)");
module_param_named(dmsl, sc_param.dmsl, ulong, 0444);
MODULE_PARM_DESC(dmsl, "DMSL, 0 for no limit told (0)");
module_param_named(limits, sc_param.limits, bool, 0444);
MODULE_PARM_DESC(limits, "Identify CNS 06h, which tells these limits, is supported (Y)");
module_param_named(acl, sc_param.acl, uint, 0444);
MODULE_PARM_DESC(acl, "ACL, Aborts at a time less one (3)");
module_param_named(oncs, sc_param.oncs, uint, 0444);
MODULE_PARM_DESC(oncs, "ONCS (0x8f)");
module_param_named(vwc, sc_param.vwc, bool, 0444);
MODULE_PARM_DESC(vwc, "there is a volatile write cache (Y)");
module_param_named(dbbuf, sc_param.dbbuf, bool, 0444);
MODULE_PARM_DESC(dbbuf, "Doorbell Buffer Config is supported (N)");
module_param_named(flr, sc_param.flr, bool, 0444);
MODULE_PARM_DESC(flr, "function level reset is supported (Y)");
module_param_named(namespaces, sc_param.namespaces, uint, 0444);
MODULE_PARM_DESC(namespaces, "namespaces, 1 to 4 (1)");
module_param_named(ns_mib, sc_param.ns_mib, uint, 0444);
MODULE_PARM_DESC(ns_mib, "size of each namespace in MiB (16)");
module_param_named(lba_size, sc_param.lba_size, uint, 0444);
MODULE_PARM_DESC(lba_size, "data bytes of a block, 512 or 4096 (512)");
module_param_named(metadata, sc_param.metadata, uint, 0444);
MODULE_PARM_DESC(metadata, "metadata bytes of a block, 0 or 8 (0)");
module_param_named(extended, sc_param.extended, bool, 0444);
MODULE_PARM_DESC(extended, "metadata follows the data of each block (N)");

static struct sc_dev *sc_device;

/* Configuration space */

static u16 sc_cfg_word(const struct sc_dev *sc, int where)
{
	return sc->cfg[where] | sc->cfg[where + 1] << 8;
}

static void sc_cfg_init(struct sc_dev *sc, int where, int size, u32 val, u32 writable)
{
	int i;

	for (i = 0; i < size; i++) {
		sc->cfg[where + i] = val >> (8 * i);
		sc->cfg_wmask[where + i] = writable >> (8 * i);
	}
}

static void sc_cfg_init_msi(struct sc_dev *sc, int where)
{
	u16 order = ilog2(min(sc_param.vectors, 32U));

	sc->msi_cap = where;
	if (sc->intr == SC_INTR_MSIX) {
		sc_cfg_init(sc, where, 1, PCI_CAP_ID_MSIX, 0);
		sc_cfg_init(sc, where + PCI_MSIX_FLAGS, 2, sc_param.vectors - 1,
			    PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
		sc_cfg_init(sc, where + PCI_MSIX_TABLE, 4, SC_MSIX_TABLE, 0);
		sc_cfg_init(sc, where + PCI_MSIX_PBA, 4, SC_MSIX_PBA, 0);
	} else {
		sc_cfg_init(sc, where, 1, PCI_CAP_ID_MSI, 0);
		sc_cfg_init(sc, where + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_64BIT | order << 1,
			    PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE);
		sc_cfg_init(sc, where + PCI_MSI_ADDRESS_LO, 4, 0, ~3);
		sc_cfg_init(sc, where + PCI_MSI_ADDRESS_HI, 4, 0, ~0);
		sc_cfg_init(sc, where + PCI_MSI_DATA_64, 2, 0, 0xffff);
	}
}

static bool sc_has_messages(const struct sc_dev *sc)
{
	return sc->intr == SC_INTR_MSI || sc->intr == SC_INTR_MSIX;
}

/* What configuration space holds after power-on or a function level reset. */
static void sc_cfg_reset(struct sc_dev *sc)
{
	const int pm = 0x40, pcie = 0x50, msi = 0x90;
	u64 bar = sc_param.bar_base;

	memset(sc->cfg, 0, sizeof(sc->cfg));
	memset(sc->cfg_wmask, 0, sizeof(sc->cfg_wmask));

	sc_cfg_init(sc, PCI_VENDOR_ID, 4, 0x5c011234, 0);
	sc_cfg_init(sc, PCI_COMMAND, 2, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
		    (sc->intr == SC_INTR_PIN ? 0 : PCI_COMMAND_INTX_DISABLE));
	sc_cfg_init(sc, PCI_STATUS, 2, PCI_STATUS_CAP_LIST, 0);
	sc_cfg_init(sc, PCI_CLASS_REVISION, 4, PCI_CLASS_STORAGE_EXPRESS << 8 | 1, 0);
	sc_cfg_init(sc, PCI_CACHE_LINE_SIZE, 1, 0, 0xff);
	sc_cfg_init(sc, PCI_BASE_ADDRESS_0, 4,
		    lower_32_bits(bar) | PCI_BASE_ADDRESS_MEM_TYPE_64, ~(SC_BAR_SIZE - 1));
	sc_cfg_init(sc, PCI_BASE_ADDRESS_1, 4, upper_32_bits(bar), ~0);
	sc_cfg_init(sc, PCI_SUBSYSTEM_VENDOR_ID, 4, 0x5c011234, 0);
	sc_cfg_init(sc, PCI_CAPABILITY_LIST, 1, pm, 0);
	sc_cfg_init(sc, PCI_INTERRUPT_LINE, 1, SC_PIN_LINE, 0xff);
	sc_cfg_init(sc, PCI_INTERRUPT_PIN, 1, sc->intr == SC_INTR_PIN, 0);

	sc_cfg_init(sc, pm, 2, PCI_CAP_ID_PM | pcie << 8, 0);
	sc_cfg_init(sc, pm + PCI_PM_PMC, 2, 3, 0);
	sc_cfg_init(sc, pm + PCI_PM_CTRL, 2, PCI_PM_CTRL_NO_SOFT_RESET,
		    PCI_PM_CTRL_STATE_MASK);

	sc->pcie_cap = pcie;
	sc_cfg_init(sc, pcie, 2,
		    PCI_CAP_ID_EXP | (sc_has_messages(sc) ? msi << 8 : 0), 0);
	sc_cfg_init(sc, pcie + PCI_EXP_FLAGS, 2, 2 | PCI_EXP_TYPE_RC_END << 4, 0);
	sc_cfg_init(sc, pcie + PCI_EXP_DEVCAP, 4,
		    PCI_EXP_DEVCAP_RBER | (sc_param.flr ? PCI_EXP_DEVCAP_FLR : 0), 0);
	sc_cfg_init(sc, pcie + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_RELAX_EN,
		    0xffff ^ PCI_EXP_DEVCTL_BCR_FLR);

	if (sc_has_messages(sc))
		sc_cfg_init_msi(sc, msi);
}

static int sc_cfg_read(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 *val)
{
	struct sc_dev *sc = container_of(bus->sysdata, struct sc_dev, sysdata);
	unsigned long flags;
	int i;

	if (devfn)
		return PCIBIOS_DEVICE_NOT_FOUND;

	if (READ_ONCE(sc->fault.cfg_error)) {
		PCI_SET_ERROR_RESPONSE(val);
		return PCIBIOS_DEVICE_NOT_FOUND;
	}
	*val = 0;
	raw_spin_lock_irqsave(&sc->cfg_lock, flags);
	if (sc->removed)
		PCI_SET_ERROR_RESPONSE(val);
	else
		for (i = 0; i < size && where + i < PCI_CFG_SPACE_SIZE; i++)
			*val |= sc->cfg[where + i] << (8 * i);
	raw_spin_unlock_irqrestore(&sc->cfg_lock, flags);

	return PCIBIOS_SUCCESSFUL;
}

static void sc_cfg_flr(struct sc_dev *sc)
{
	if (!sc_param.flr || READ_ONCE(sc->fault.flr_broken))
		return;
	sc_cfg_reset(sc);
	sc->flr_pending = true;
}

static int sc_cfg_write(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 val)
{
	struct sc_dev *sc = container_of(bus->sysdata, struct sc_dev, sysdata);
	int i, flr_byte = sc->pcie_cap + PCI_EXP_DEVCTL + 1;
	bool master, flr = false;
	unsigned long flags;
	u8 mask, byte;

	if (devfn)
		return PCIBIOS_DEVICE_NOT_FOUND;
	if (READ_ONCE(sc->fault.cfg_error))
		return PCIBIOS_DEVICE_NOT_FOUND;

	raw_spin_lock_irqsave(&sc->cfg_lock, flags);
	master = sc->cfg[PCI_COMMAND] & PCI_COMMAND_MASTER;
	for (i = 0; i < size && where + i < PCI_CFG_SPACE_SIZE && !sc->removed; i++) {
		byte = val >> (8 * i);
		mask = sc->cfg_wmask[where + i];
		sc->cfg[where + i] = (sc->cfg[where + i] & ~mask) | (byte & mask);
		if (where + i == flr_byte && byte & (PCI_EXP_DEVCTL_BCR_FLR >> 8))
			flr = true;
	}
	if (master && READ_ONCE(sc->fault.sticky_master))
		sc->cfg[PCI_COMMAND] |= PCI_COMMAND_MASTER;
	if (flr)
		sc_cfg_flr(sc);
	raw_spin_unlock_irqrestore(&sc->cfg_lock, flags);

	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops sc_pci_ops = {
	.read	= sc_cfg_read,
	.write	= sc_cfg_write,
};

/**
 * sc_bus_master - may the device access memory
 * @sc:	the device
 */
bool sc_bus_master(struct sc_dev *sc)
{
	unsigned long flags;
	bool master;

	raw_spin_lock_irqsave(&sc->cfg_lock, flags);
	master = !sc->removed && sc->cfg[PCI_COMMAND] & PCI_COMMAND_MASTER;
	raw_spin_unlock_irqrestore(&sc->cfg_lock, flags);

	return master;
}

/**
 * sc_take_flr - was a function level reset requested since the last call
 * @sc:	the device
 */
bool sc_take_flr(struct sc_dev *sc)
{
	unsigned long flags;
	bool flr;

	raw_spin_lock_irqsave(&sc->cfg_lock, flags);
	flr = sc->flr_pending;
	sc->flr_pending = false;
	raw_spin_unlock_irqrestore(&sc->cfg_lock, flags);

	return flr;
}

/* DMA */

static int sc_dma_piece(struct sc_dev *sc, u64 addr, void *buf, size_t len, enum sc_dir dir)
{
	unsigned long flags;
	int ret = 0;
	void *va;

	if (!pfn_valid(PHYS_PFN(addr)) || !page_is_ram(PHYS_PFN(addr)))
		return -EFAULT;

	va = kmap_local_page(pfn_to_page(PHYS_PFN(addr))) + offset_in_page(addr);
	raw_spin_lock_irqsave(&sc->cfg_lock, flags);
	if (sc->removed || !(sc->cfg[PCI_COMMAND] & PCI_COMMAND_MASTER))
		ret = -EIO;
	else if (dir == SC_TO_HOST)
		memcpy(va, buf, len);
	else if (dir == SC_FROM_HOST)
		memcpy(buf, va, len);
	else if (memcmp(buf, va, len))
		ret = -EILSEQ;
	raw_spin_unlock_irqrestore(&sc->cfg_lock, flags);
	kunmap_local(va);

	return ret;
}

/**
 * sc_dma - access memory of the host
 * @sc:		the device
 * @addr:	bus address, which is the physical address
 * @buf:	the controller's side
 * @len:	bytes
 * @dir:	which way
 *
 * Return: 0, -EFAULT where there is no RAM, -EIO where the device may not
 * master the bus, -EILSEQ where a comparison failed.
 */
int sc_dma(struct sc_dev *sc, u64 addr, void *buf, size_t len, enum sc_dir dir)
{
	size_t n;
	int ret;

	for (; len; addr += n, buf += n, len -= n) {
		n = min_t(size_t, len, PAGE_SIZE - offset_in_page(addr));
		ret = sc_dma_piece(sc, addr, buf, n, dir);
		if (ret) {
			sc->stats.dma_errors += ret != -EILSEQ;
			return ret;
		}
	}
	return 0;
}

/**
 * sc_dma_cqe - write a completion queue entry
 * @sc:		the device
 * @addr:	where, 16-byte aligned
 * @cqe:	the entry
 *
 * The dword with the phase tag becomes visible last.
 *
 * Return: as sc_dma().
 */
int sc_dma_cqe(struct sc_dev *sc, u64 addr, const struct nvme_completion *cqe)
{
	const size_t last = offsetof(struct nvme_completion, command_id);
	struct nvme_completion copy = *cqe;
	int ret;

	ret = sc_dma(sc, addr, &copy, last, SC_TO_HOST);
	smp_wmb();	/* the phase tag comes after what it announces */
	if (!ret)
		ret = sc_dma(sc, addr + last, &copy.command_id, sizeof(*cqe) - last, SC_TO_HOST);

	return ret;
}

/* Interrupts */

/* The message of @nr now, or 0 where the vector is disabled or masked. */
static unsigned int sc_msi_virq(struct sc_dev *sc, u16 nr)
{
	void __iomem *entry = sc->bar + SC_MSIX_TABLE + nr * PCI_MSIX_ENTRY_SIZE;
	unsigned int virq = 0;
	unsigned long flags;
	u16 ctrl;

	if (!sc_has_messages(sc))
		return 0;

	raw_spin_lock_irqsave(&sc->cfg_lock, flags);
	ctrl = sc_cfg_word(sc, sc->msi_cap + PCI_MSI_FLAGS);
	if (sc->removed || !(sc->cfg[PCI_COMMAND] & PCI_COMMAND_MASTER))
		goto unlock;
	if (sc->intr == SC_INTR_MSI) {
		if (ctrl & PCI_MSI_FLAGS_ENABLE &&
		    nr < 1 << ((ctrl & PCI_MSI_FLAGS_QSIZE) >> 4))
			virq = sc_cfg_word(sc, sc->msi_cap + PCI_MSI_DATA_64) + nr;
		goto unlock;
	}
	if (!(ctrl & PCI_MSIX_FLAGS_ENABLE) || ctrl & PCI_MSIX_FLAGS_MASKALL)
		goto unlock;
	if (readl(entry + PCI_MSIX_ENTRY_VECTOR_CTRL) & PCI_MSIX_ENTRY_CTRL_MASKBIT)
		goto unlock;
	if (readl(entry + PCI_MSIX_ENTRY_LOWER_ADDR) == SC_MSI_ADDRESS)
		virq = readl(entry + PCI_MSIX_ENTRY_DATA);
unlock:
	raw_spin_unlock_irqrestore(&sc->cfg_lock, flags);

	return virq;
}

static void sc_vector_work(struct irq_work *work)
{
	struct sc_vector *vector = container_of(work, struct sc_vector, work);
	struct sc_dev *sc = vector->sc;
	unsigned int virq = sc_msi_virq(sc, vector->nr);

	if (virq)
		generic_handle_irq(virq);
	else
		set_bit(vector->nr, sc->irq_pending);
}

/**
 * sc_raise_irq - raise an interrupt, now or when its vector is unmasked
 * @sc:		the device
 * @vector:	which
 */
void sc_raise_irq(struct sc_dev *sc, u16 vector)
{
	if (vector < SC_MAX_VECTORS)
		set_bit(vector, sc->irq_pending);
}

static void sc_deliver_irqs(struct sc_dev *sc)
{
	unsigned int nr;

	for_each_set_bit(nr, sc->irq_pending, SC_MAX_VECTORS) {
		if (!sc_msi_virq(sc, nr))
			continue;
		clear_bit(nr, sc->irq_pending);
		sc->stats.interrupts++;
		irq_work_queue(&sc->vectors[nr].work);
	}
}

static void sc_irq_ack(struct irq_data *data)
{
}

static void sc_irq_compose_msg(struct irq_data *data, struct msi_msg *msg)
{
	msg->address_hi = 0;
	msg->address_lo = SC_MSI_ADDRESS;
	msg->data = data->irq;
}

/* The vectors run on whichever CPU the thread is on; only remember the wish. */
static int sc_irq_set_affinity(struct irq_data *data, const struct cpumask *mask, bool force)
{
	unsigned int cpu = cpumask_any_and(mask, cpu_online_mask);

	if (cpu >= nr_cpu_ids)
		return -EINVAL;
	irq_data_update_effective_affinity(data, cpumask_of(cpu));

	return IRQ_SET_MASK_OK_DONE;
}

static struct irq_chip sc_irq_chip = {
	.name			= "softctrl",
	.irq_ack		= sc_irq_ack,
	.irq_compose_msi_msg	= sc_irq_compose_msg,
	.irq_set_affinity	= sc_irq_set_affinity,
};

static struct msi_domain_info sc_msi_info = {
	.flags		= MSI_FLAG_USE_DEF_DOM_OPS | MSI_FLAG_USE_DEF_CHIP_OPS |
			  MSI_FLAG_MULTI_PCI_MSI | MSI_FLAG_PCI_MSIX,
	.chip		= &sc_irq_chip,
	.handler	= handle_edge_irq,
	.handler_name	= "edge",
};

static int sc_irq_init(struct sc_dev *sc)
{
	int i;

	for (i = 0; i < SC_MAX_VECTORS; i++) {
		sc->vectors[i].sc = sc;
		sc->vectors[i].nr = i;
		sc->vectors[i].work = IRQ_WORK_INIT_HARD(sc_vector_work);
	}

	sc->fwnode = irq_domain_alloc_named_fwnode("softctrl");
	if (!sc->fwnode)
		return -ENOMEM;

	sc->irq_domain = pci_msi_create_irq_domain(sc->fwnode, &sc_msi_info, NULL);
	if (!sc->irq_domain) {
		irq_domain_free_fwnode(sc->fwnode);
		return -ENOMEM;
	}
	/* It serves this bus only: nobody may find it as the default. */
	irq_domain_update_bus_token(sc->irq_domain, DOMAIN_BUS_VMD_MSI);

	return 0;
}

static void sc_irq_exit(struct sc_dev *sc)
{
	int i;

	for (i = 0; i < SC_MAX_VECTORS; i++)
		irq_work_sync(&sc->vectors[i].work);
	irq_domain_remove(sc->irq_domain);
	irq_domain_free_fwnode(sc->fwnode);
}

/* The thread */

static int sc_thread(void *arg)
{
	struct sc_dev *sc = arg;
	unsigned int idle = 0;
	bool busy, flr;

	while (!kthread_should_stop()) {
		mutex_lock(&sc->lock);
		sc->stats.rounds++;
		flr = sc_take_flr(sc);
		if (flr) {
			sc->stats.flrs++;
			sc_power_on(sc);
		}
		busy = sc_poll(sc);
		sc_deliver_irqs(sc);
		mutex_unlock(&sc->lock);

		idle = busy ? 0 : min(idle + 1, 1000U);
		if (idle < 100)
			usleep_range_state(20, 50, TASK_IDLE);
		else
			usleep_range_state(500, 1000, TASK_IDLE);
	}
	return 0;
}

/* The bus */

/**
 * sc_surprise - pull the device out
 * @sc:	the device
 *
 * From now on configuration space and BAR read all ones.
 */
void sc_surprise(struct sc_dev *sc)
{
	unsigned long flags;

	lockdep_assert_held(&sc->lock);

	raw_spin_lock_irqsave(&sc->cfg_lock, flags);
	sc->removed = true;
	raw_spin_unlock_irqrestore(&sc->cfg_lock, flags);

	sc_drop_commands(sc);
	memset_io(sc->bar, 0xff, SC_BAR_SIZE);
}

/**
 * sc_remove_device - let the PCI core forget the device
 * @sc:	the device
 */
void sc_remove_device(struct sc_dev *sc)
{
	struct pci_dev *pdev = pci_get_slot(sc->bus, 0);

	if (!pdev)
		return;
	pci_stop_and_remove_bus_device_locked(pdev);
	pci_dev_put(pdev);
}

static void sc_cfg_power_on(struct sc_dev *sc)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&sc->cfg_lock, flags);
	sc->removed = false;
	sc->flr_pending = false;
	sc_cfg_reset(sc);
	raw_spin_unlock_irqrestore(&sc->cfg_lock, flags);
}

/**
 * sc_add_device - let the PCI core find the device, fresh from power-on
 * @sc:	the device
 *
 * Return: 0, -EEXIST where it is there already, or another error.
 */
int sc_add_device(struct sc_dev *sc)
{
	struct pci_dev *pdev;
	int ret = 0;

	pci_lock_rescan_remove();
	pdev = pci_get_slot(sc->bus, 0);
	if (pdev) {
		ret = -EEXIST;
		goto put;
	}

	mutex_lock(&sc->lock);
	sc_cfg_power_on(sc);
	sc_power_on(sc);
	mutex_unlock(&sc->lock);

	pci_scan_child_bus(sc->bus);
	pdev = pci_get_slot(sc->bus, 0);
	if (!pdev) {
		ret = -ENODEV;
		goto unlock;
	}
	ret = device_set_driver_override(&pdev->dev, sc_param.driver);
	if (ret)
		goto put;
	pci_bus_claim_resources(sc->bus);
	pci_bus_add_devices(sc->bus);
put:
	pci_dev_put(pdev);
unlock:
	pci_unlock_rescan_remove();

	return ret;
}

static int sc_bus_init(struct sc_dev *sc)
{
	LIST_HEAD(resources);

	sc->window = DEFINE_RES_MEM_NAMED(sc_param.bar_base, SC_BAR_SIZE, "softctrl");
	sc->sysdata.node = NUMA_NO_NODE;
	sc->sysdata.domain = SC_DOMAIN;
	while (pci_find_bus(sc->sysdata.domain, 0))
		sc->sysdata.domain++;

	pci_lock_rescan_remove();
	pci_add_resource(&resources, &sc->window);
	sc->bus = pci_create_root_bus(NULL, 0, &sc_pci_ops, &sc->sysdata, &resources);
	if (sc->bus)
		dev_set_msi_domain(&sc->bus->dev, sc->irq_domain);
	else
		pci_free_resource_list(&resources);
	pci_unlock_rescan_remove();

	return sc->bus ? 0 : -ENOMEM;
}

static void sc_bus_exit(struct sc_dev *sc)
{
	struct pci_host_bridge *bridge = to_pci_host_bridge(sc->bus->bridge);

	pci_lock_rescan_remove();
	pci_stop_root_bus(sc->bus);
	pci_remove_root_bus(sc->bus);
	pci_unlock_rescan_remove();
	pci_free_host_bridge(bridge);	/* drops the reference of its creation */
}

/* Load and unload */

static int sc_check_params(struct sc_dev *sc)
{
	static const char * const intr[] = {
		[SC_INTR_NONE] = "none", [SC_INTR_PIN] = "pin", [SC_INTR_MSI] = "msi",
		[SC_INTR_MSIX] = "msix",
	};
	int i = match_string(intr, ARRAY_SIZE(intr), sc_param.intr);

	if (i < 0) {
		pr_err("intr=%s: give msix, msi, pin or none\n", sc_param.intr);
		return -EINVAL;
	}
	sc->intr = i;

	if (!sc_param.bar_base || !IS_ALIGNED(sc_param.bar_base, SC_BAR_SIZE) ||
	    region_intersects(sc_param.bar_base, SC_BAR_SIZE, IORESOURCE_SYSTEM_RAM,
			      IORES_DESC_NONE) != REGION_DISJOINT) {
		pr_err("bar_base=%#lx is not reserved memory: boot with memmap=16M$0x30000000 and give bar_base=0x30000000\n",
		       sc_param.bar_base);
		return -EINVAL;
	}
	if (!sc_param.queues || sc_param.queues >= SC_MAX_QUEUES || !sc_param.vectors ||
	    sc_param.vectors > SC_MAX_VECTORS || !sc_param.mqes || sc_param.mqes > 0xffff ||
	    sc_param.to > 0xff || sc_param.crwmt > 0xffff ||
	    sc_param.mpsmin > 8 || sc_param.dstrd > 4 ||
	    sc_param.mdts > 20 || !sc_param.namespaces || sc_param.namespaces > SC_MAX_NS ||
	    !sc_param.ns_mib || sc_param.ns_mib > 1024) {
		pr_err("a parameter is out of range, see modinfo\n");
		return -EINVAL;
	}
	return 0;
}

static int __init sc_init(void)
{
	struct sc_dev *sc;
	int ret;

	sc = kzalloc(sizeof(*sc), GFP_KERNEL);
	if (!sc)
		return -ENOMEM;
	raw_spin_lock_init(&sc->cfg_lock);
	mutex_init(&sc->lock);

	ret = sc_check_params(sc);
	if (ret)
		goto free_sc;

	ret = -ENOMEM;
	sc->bar = ioremap(sc_param.bar_base, SC_BAR_SIZE);
	if (!sc->bar)
		goto free_sc;

	ret = sc_nvme_init(sc);
	if (ret)
		goto unmap;

	ret = sc_irq_init(sc);
	if (ret)
		goto exit_nvme;

	sc->thread = kthread_run(sc_thread, sc, "softctrl");
	if (IS_ERR(sc->thread)) {
		ret = PTR_ERR(sc->thread);
		goto exit_irq;
	}

	ret = sc_bus_init(sc);
	if (ret)
		goto stop_thread;

	sc_device = sc;
	sc_debugfs_init(sc);
	ret = sc_add_device(sc);
	if (ret)
		goto exit_debugfs;

	return 0;

exit_debugfs:
	sc_debugfs_exit();
	sc_bus_exit(sc);
stop_thread:
	kthread_stop(sc->thread);
exit_irq:
	sc_irq_exit(sc);
exit_nvme:
	sc_nvme_exit(sc);
unmap:
	iounmap(sc->bar);
free_sc:
	kfree(sc);

	return ret;
}

static void __exit sc_exit(void)
{
	struct sc_dev *sc = sc_device;

	sc_debugfs_exit();
	sc_bus_exit(sc);	/* while the thread still answers the driver */
	kthread_stop(sc->thread);
	sc_irq_exit(sc);
	sc_nvme_exit(sc);
	iounmap(sc->bar);
	kfree(sc);
}

module_init(sc_init);
module_exit(sc_exit);

MODULE_DESCRIPTION("Software NVMe controller for tests of usher");
MODULE_LICENSE("GPL");
