// SPDX-License-Identifier: GPL-2.0-only
/*
 * The controller: from reset to ready, its I/O queues, and to a stop again.
 * Section numbers are those of the NVM Express Base Specification 2.0.
 */
#include <linux/delay.h>
#include <linux/dmapool.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/slab.h>

#include "usher.h"

/* A register that reads all ones is a lost link. */
#define USHER_ALL_ONES		(~0U)

/* Polling interval while waiting for CSTS, in microseconds */
#define USHER_CSTS_POLL_US	1000

/* Where Identify Controller says nothing of the time a shutdown takes */
#define USHER_SHUTDOWN_TIMEOUT	(5 * HZ)

/*
 * Wait until the bits of @mask in CSTS are @want. CAP.TO bounds the time
 * (3.1.3.1), or the shutdown latency that the controller told.
 */
static int usher_csts_wait(struct usher_device *ud, u32 mask, u32 want,
			   unsigned long timeout, bool until_gone)
{
	unsigned long end = jiffies + timeout;
	u32 csts;

	for (;;) {
		csts = readl(ud->bar + NVME_REG_CSTS);
		if (csts == USHER_ALL_ONES)
			return -ENODEV;
		if ((csts & mask) == want)
			return 0;
		if (until_gone && usher_state(ud) == USHER_GONE)
			return -ENODEV;
		if (time_after(jiffies, end))
			return -ETIMEDOUT;
		usleep_range(USHER_CSTS_POLL_US / 2, USHER_CSTS_POLL_US);
	}
}

static unsigned long usher_ready_timeout(const struct usher_device *ud)
{
	return (NVME_CAP_TIMEOUT(ud->cap) + 1) * HZ / 2;
}

/* ---- stopping ---- */

static bool usher_stop_by_cc(struct usher_device *ud)
{
	u32 cc = readl(ud->bar + NVME_REG_CC);

	if (cc == USHER_ALL_ONES)
		return false;
	writel(cc & ~(NVME_CC_ENABLE | NVME_CC_SHN_MASK),
	       ud->bar + NVME_REG_CC);
	return !usher_csts_wait(ud, NVME_CSTS_RDY, 0, usher_ready_timeout(ud),
				false);
}

static bool usher_stop_by_bus_master(struct usher_device *ud)
{
	u16 command;

	pci_clear_master(ud->pdev);
	pci_read_config_word(ud->pdev, PCI_COMMAND, &command);
	if (command & PCI_COMMAND_MASTER)
		return false;
	return pci_wait_for_pending_transaction(ud->pdev);
}

/*
 * Only the capability promises the reset, and only a reset clears Bus Master
 * Enable: a function that still has it was not reset.
 */
static bool usher_stop_by_flr(struct usher_device *ud)
{
	struct pci_dev *pdev = ud->pdev;
	u16 command;

	pci_save_state(pdev);
	if (pcie_reset_flr(pdev, PCI_RESET_DO_RESET))
		return false;
	pci_read_config_word(pdev, PCI_COMMAND, &command);
	/* Registers and vectors are needed again, by us or by the next driver. */
	pci_restore_state(pdev);
	pci_clear_master(pdev);
	return !(command & PCI_COMMAND_MASTER);
}

/* 3.6.1: an orderly shutdown, before the power may go */
static void usher_shutdown_notify(struct usher_device *ud)
{
	u32 cc = readl(ud->bar + NVME_REG_CC);

	if (cc == USHER_ALL_ONES || !(cc & NVME_CC_ENABLE))
		return;
	cc = (cc & ~NVME_CC_SHN_MASK) | NVME_CC_SHN_NORMAL;
	writel(cc, ud->bar + NVME_REG_CC);
	if (usher_csts_wait(ud, NVME_CSTS_SHST_MASK, NVME_CSTS_SHST_CMPLT,
			    ud->shutdown_timeout, false))
		dev_warn(&ud->pdev->dev, "the controller did not complete its shutdown\n");
}

/**
 * usher_nvme_stop - end the device's access to memory
 * @ud: the device; no section submits any more
 * @shutdown: tell the controller that power may go
 *
 * Return: true with proof that it ended (promise 3): the function is absent,
 * or the controller is disabled, or it is no bus master, or it was reset.
 */
bool usher_nvme_stop(struct usher_device *ud, bool shutdown)
{
	if (!pci_device_is_present(ud->pdev))
		return true;
	if (shutdown)
		usher_shutdown_notify(ud);
	if (usher_stop_by_cc(ud))
		return true;
	dev_warn(&ud->pdev->dev, "the controller does not stop, taking it off the bus\n");
	if (usher_stop_by_bus_master(ud))
		return true;
	return usher_stop_by_flr(ud) || !pci_device_is_present(ud->pdev);
}

/* ---- starting ---- */

static int usher_map_cap(struct usher_device *ud)
{
	u32 min;

	ud->cap = lo_hi_readq(ud->bar + NVME_REG_CAP);
	if (ud->cap == U64_MAX)
		return -ENODEV;

	min = NVME_CAP_MPSMIN(ud->cap) + 12;
	if (min > PAGE_SHIFT) {
		dev_err(&ud->pdev->dev, "the controller's smallest page, %u KiB, is above the host's\n",
			1U << (min - 10));
		return -EOPNOTSUPP;
	}
	ud->page_shift = min;
	ud->db_stride = 4U << NVME_CAP_STRIDE(ud->cap);
	/* Doorbells past the end of the register region are not there. */
	ud->max_queues = (ud->bar_bytes - NVME_REG_DBS) / (2 * ud->db_stride);
	if (ud->max_queues < 2) {
		dev_err(&ud->pdev->dev, "BAR 0 has no room for the doorbells of an I/O queue\n");
		return -EOPNOTSUPP;
	}
	ud->q_depth = min_t(u32, NVME_CAP_MQES(ud->cap) + 1, USHER_QUEUE_DEPTH);
	if (ud->q_depth < 2) {
		dev_err(&ud->pdev->dev, "the controller's queues have one entry\n");
		return -EOPNOTSUPP;
	}
	if (!(NVME_CAP_CSS(ud->cap) & (NVME_CAP_CSS_NVM | NVME_CAP_CSS_CSI))) {
		dev_err(&ud->pdev->dev, "the controller has no I/O command set of ours\n");
		return -EOPNOTSUPP;
	}
	ud->csi_all = NVME_CAP_CSS(ud->cap) & NVME_CAP_CSS_CSI;
	return 0;
}

/* 3.5.1: the steps from reset to ready */
static int usher_enable(struct usher_device *ud)
{
	struct usher_qpair *qp = ud->admin;
	u32 aqa = qp->depth - 1;
	u32 cc;
	int ret;

	if (!usher_stop_by_cc(ud))
		return -EIO;
	usher_qpair_reset(qp);

	writel(aqa << 16 | aqa, ud->bar + NVME_REG_AQA);
	lo_hi_writeq(qp->sq_dma, ud->bar + NVME_REG_ASQ);
	lo_hi_writeq(qp->cq_dma, ud->bar + NVME_REG_ACQ);

	cc = ud->csi_all ? NVME_CC_CSS_CSI : NVME_CC_CSS_NVM;
	cc |= (ud->page_shift - 12) << NVME_CC_MPS_SHIFT;
	cc |= NVME_CC_AMS_RR | NVME_CC_SHN_NONE;
	cc |= NVME_CC_IOSQES | NVME_CC_IOCQES;
	writel(cc, ud->bar + NVME_REG_CC);
	writel(cc | NVME_CC_ENABLE, ud->bar + NVME_REG_CC);

	ret = usher_csts_wait(ud, NVME_CSTS_RDY, NVME_CSTS_RDY,
			      usher_ready_timeout(ud), true);
	if (ret)
		return ret;
	spin_lock_irq(&qp->lock);
	qp->stopped = false;
	spin_unlock_irq(&qp->lock);
	return 0;
}

static void usher_copy_text(char *to, const char *from, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		to[i] = from[i] >= ' ' && from[i] < 0x7f ? from[i] : ' ';
	to[len] = '\0';
	strim(to);
}

static u32 usher_xfer_bytes(const struct usher_device *ud, u8 pages_shift)
{
	u32 most = USHER_MAX_XFER_PAGES << ud->page_shift;

	/* 5.17.2.1: a power of two of the smallest page; 0 is no limit */
	if (!pages_shift || pages_shift >= 20)
		return most;
	return min_t(u64, most,
		     1ULL << (pages_shift + 12 + NVME_CAP_MPSMIN(ud->cap)));
}

static int usher_identify_ctrl(struct usher_device *ud)
{
	struct nvme_id_ctrl *id;
	u32 rtd3e;
	int ret;

	id = kmalloc(sizeof(*id), GFP_KERNEL);
	if (!id)
		return -ENOMEM;
	ret = usher_identify(ud, 0, NVME_ID_CNS_CTRL, 0, id);
	if (ret)
		goto out;

	usher_copy_text(ud->model, id->mn, sizeof(id->mn));
	usher_copy_text(ud->serial, id->sn, sizeof(id->sn));
	usher_copy_text(ud->firmware, id->fr, sizeof(id->fr));
	ud->oncs = le16_to_cpu(id->oncs);
	ud->oacs = le16_to_cpu(id->oacs);
	ud->oaes = le32_to_cpu(id->oaes);
	ud->vwc = id->vwc & NVME_CTRL_VWC_PRESENT;
	ud->mdts_bytes = usher_xfer_bytes(ud, id->mdts);
	ud->append_bytes = ud->mdts_bytes;
	/* OCFS, which older headers count as reserved */
	ud->ocfs = le16_to_cpup((__le16 *)((u8 *)id + 534));
	/* Each outstanding Abort takes an admin slot of ours. */
	atomic_set(&ud->aborts, min_t(int, id->acl + 1, USHER_MAX_ABORTS));
	rtd3e = le32_to_cpu(id->rtd3e);
	ud->shutdown_timeout = rtd3e ?
		usecs_to_jiffies(min_t(u32, rtd3e, 60 * USEC_PER_SEC)) + HZ :
		USHER_SHUTDOWN_TIMEOUT;
out:
	kfree(id);
	return ret;
}

/* ZNS 1.1, 4.1.5.1: ZASL limits Zone Append like MDTS; 0 means MDTS */
static void usher_identify_zns(struct usher_device *ud)
{
	struct nvme_id_ctrl_zns *id;

	if (!ud->csi_all)
		return;
	id = kmalloc(sizeof(*id), GFP_KERNEL);
	if (!id)
		return;
	if (!usher_identify(ud, 0, NVME_ID_CNS_CS_CTRL, NVME_CSI_ZNS, id) &&
	    id->zasl)
		ud->append_bytes = min(ud->mdts_bytes,
				       usher_xfer_bytes(ud, id->zasl));
	kfree(id);
}

/* 5.27.1.5: how many I/O queue pairs the controller gives us */
static int usher_set_queue_count(struct usher_device *ud)
{
	u32 want = USHER_MAX_QPAIRS - 1;
	u32 got;
	int ret;

	ret = usher_set_feature(ud, NVME_FEAT_NUM_QUEUES, want << 16 | want,
				&got);
	if (ret) {
		dev_err(&ud->pdev->dev, "the controller gives no I/O queue: status %#x\n",
			ret);
		return ret < 0 ? ret : -EIO;
	}
	ud->nr_queues = min3(min(got & 0xffff, got >> 16) + 1,
			     ud->max_queues - 1, (u32)USHER_MAX_QPAIRS);
	return 0;
}

/*
 * The buffers are one controller page each. Asked at each start: a device may
 * tell other figures after a reset.
 */
static bool usher_shadow_doorbells_fit(const struct usher_device *ud)
{
	return ud->oacs & NVME_CTRL_OACS_DBBUF_SUPP &&
	       (ud->nr_queues + 1) * 2 * ud->db_stride <= BIT(ud->page_shift);
}

/* 5.8: optional; without it every doorbell is a register write */
static void usher_set_shadow_doorbells(struct usher_device *ud)
{
	struct nvme_command cmd = {
		.dbbuf.opcode	= nvme_admin_dbbuf,
		.dbbuf.prp1	= cpu_to_le64(ud->dbbuf_dbs_dma),
		.dbbuf.prp2	= cpu_to_le64(ud->dbbuf_eis_dma),
	};

	if (!ud->dbbuf_dbs || !usher_shadow_doorbells_fit(ud))
		return;
	memset(ud->dbbuf_dbs, 0, PAGE_SIZE);
	memset(ud->dbbuf_eis, 0, PAGE_SIZE);
	ud->dbbuf_on = !usher_admin(ud, &cmd, NULL);
	if (!ud->dbbuf_on)
		dev_info(&ud->pdev->dev, "the controller refused shadow doorbells\n");
}

static void usher_alloc_shadow_doorbells(struct usher_device *ud)
{
	struct device *dev = &ud->pdev->dev;

	if (ud->dbbuf_dbs || !usher_shadow_doorbells_fit(ud))
		return;
	ud->dbbuf_dbs = dma_alloc_coherent(dev, PAGE_SIZE, &ud->dbbuf_dbs_dma,
					   GFP_KERNEL);
	if (!ud->dbbuf_dbs)
		return;
	ud->dbbuf_eis = dma_alloc_coherent(dev, PAGE_SIZE, &ud->dbbuf_eis_dma,
					   GFP_KERNEL);
	if (ud->dbbuf_eis)
		return;
	dma_free_coherent(dev, PAGE_SIZE, ud->dbbuf_dbs, ud->dbbuf_dbs_dma);
	ud->dbbuf_dbs = NULL;
}

/* 5.27.1.8: which events we want to hear of */
static void usher_enable_events(struct usher_device *ud)
{
	u32 want = ud->oaes & NVME_AEN_CFG_NS_ATTR;

	if (want && usher_set_feature(ud, NVME_FEAT_ASYNC_EVENT, want, NULL))
		dev_warn(&ud->pdev->dev, "changes of namespaces will not be seen\n");
	usher_nvme_arm_events(ud);
}

/**
 * usher_nvme_alloc - what the controller needs before its first start
 * @ud: the device, its registers mapped
 */
int usher_nvme_alloc(struct usher_device *ud)
{
	int ret;

	ret = usher_map_cap(ud);
	if (ret)
		return ret;
	ud->prp_pool = dma_pool_create("usher-prp", &ud->pdev->dev,
				       BIT(ud->page_shift),
				       BIT(ud->page_shift), 0);
	if (!ud->prp_pool)
		return -ENOMEM;
	ud->admin = usher_qpair_alloc(ud, 0, USHER_ADMIN_DEPTH,
				      USHER_ADMIN_DEPTH - 1, &usher_admin_ops);
	if (!ud->admin)
		goto destroy_pool;
	return 0;

destroy_pool:
	dma_pool_destroy(ud->prp_pool);
	ud->prp_pool = NULL;
	return -ENOMEM;
}

/* The device no longer reaches memory. */
void usher_nvme_free_dma(struct usher_device *ud)
{
	struct device *dev = &ud->pdev->dev;
	u32 i;

	for (i = 0; i < USHER_MAX_QPAIRS; i++)
		if (ud->qpairs[i])
			usher_qpair_free_dma(ud->qpairs[i]);
	if (ud->admin)
		usher_qpair_free_dma(ud->admin);
	if (ud->dbbuf_dbs) {
		dma_free_coherent(dev, PAGE_SIZE, ud->dbbuf_eis,
				  ud->dbbuf_eis_dma);
		dma_free_coherent(dev, PAGE_SIZE, ud->dbbuf_dbs,
				  ud->dbbuf_dbs_dma);
	}
	dma_pool_destroy(ud->prp_pool);
}

/**
 * usher_nvme_start - bring the controller up
 * @ud: the device, stopped
 *
 * From probe, and after a reset; the admin queue's interrupt is requested.
 * I/O queues that exist are the caller's to create again.
 *
 * Return: 0 or a negative errno.
 */
int usher_nvme_start(struct usher_device *ud)
{
	int ret;

	ud->dbbuf_on = false;
	ud->dma_stopped = false;
	ret = usher_enable(ud);
	if (ret) {
		dev_err(&ud->pdev->dev, "the controller does not become ready: %d\n",
			ret);
		return ret;
	}
	ret = usher_identify_ctrl(ud);
	if (!ret) {
		usher_identify_zns(ud);
		ret = usher_set_queue_count(ud);
	}
	if (ret)
		return ret < 0 ? ret : -EIO;
	usher_alloc_shadow_doorbells(ud);
	usher_set_shadow_doorbells(ud);
	usher_enable_events(ud);
	return 0;
}

/* CSTS tells of a failure that only a reset mends, or that the link is lost. */
bool usher_nvme_fatal(struct usher_device *ud)
{
	u32 csts = readl(ud->bar + NVME_REG_CSTS);

	return csts == USHER_ALL_ONES || csts & NVME_CSTS_CFS;
}

/* ---- I/O queues ---- */

static int usher_create_cq(struct usher_qpair *qp)
{
	u16 flags = NVME_QUEUE_PHYS_CONTIG;
	struct nvme_command cmd = {
		.create_cq.opcode	= nvme_admin_create_cq,
		.create_cq.prp1		= cpu_to_le64(qp->cq_dma),
		.create_cq.cqid		= cpu_to_le16(qp->qid),
		.create_cq.qsize	= cpu_to_le16(qp->depth - 1),
	};

	if (!qp->polled) {
		flags |= NVME_CQ_IRQ_ENABLED;
		cmd.create_cq.irq_vector = cpu_to_le16(qp->vector);
	}
	cmd.create_cq.cq_flags = cpu_to_le16(flags);
	return usher_admin(qp->ud, &cmd, NULL);
}

static int usher_create_sq(struct usher_qpair *qp)
{
	struct nvme_command cmd = {
		.create_sq.opcode	= nvme_admin_create_sq,
		.create_sq.prp1		= cpu_to_le64(qp->sq_dma),
		.create_sq.sqid		= cpu_to_le16(qp->qid),
		.create_sq.qsize	= cpu_to_le16(qp->depth - 1),
		.create_sq.sq_flags	= cpu_to_le16(NVME_QUEUE_PHYS_CONTIG),
		.create_sq.cqid		= cpu_to_le16(qp->qid),
	};

	return usher_admin(qp->ud, &cmd, NULL);
}

static int usher_delete_queue(struct usher_qpair *qp, u8 opcode)
{
	struct nvme_command cmd = {
		.delete_queue.opcode	= opcode,
		.delete_queue.qid	= cpu_to_le16(qp->qid),
	};

	return usher_admin(qp->ud, &cmd, NULL);
}

/**
 * usher_nvme_create_queues - make a queue pair known to the device
 * @qp: queue pair, just reset
 *
 * Return: 0, or a negative errno or NVMe status; then the queue pair can only
 * be used again after a reset of the controller: it may still come to know it.
 */
int usher_nvme_create_queues(struct usher_qpair *qp)
{
	int ret;

	ret = usher_create_cq(qp);
	if (!ret)
		ret = usher_create_sq(qp);
	if (ret)
		return ret;
	spin_lock_irq(&qp->lock);
	qp->stopped = false;
	spin_unlock_irq(&qp->lock);
	return 0;
}

/* The queues are empty and nobody uses them. */
int usher_nvme_delete_queues(struct usher_qpair *qp)
{
	int ret;

	spin_lock_irq(&qp->lock);
	qp->stopped = true;
	spin_unlock_irq(&qp->lock);
	ret = usher_delete_queue(qp, nvme_admin_delete_sq);
	if (!ret)
		ret = usher_delete_queue(qp, nvme_admin_delete_cq);
	return ret;
}
