// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bringing a controller up, and stopping it.
 *
 * Start and stop are the only ways in and out of its access to memory, and a stop
 * says what proves that this has ended (enum usher_dma_proof): without proof
 * nothing that the device reached may be freed.
 */
#include <linux/delay.h>
#include <linux/dmapool.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "core/device.h"
#include "nvme/admin.h"
#include "nvme/bringup.h"
#include "nvme/prp.h"
#include "nvme/qpair.h"

#define USHER_QUEUE_DEPTH	256	/* so that many rings can share it */

/* Polling interval while waiting for CSTS, in microseconds */
#define USHER_CSTS_POLL_US	1000

/* Ranges of one Dataset Management, 0's based in 8 bits */
#define USHER_MAX_DSM_RANGES	256

/* Where Identify Controller says nothing of the time a shutdown takes */
#define USHER_SHUTDOWN_TIMEOUT	(5 * HZ)

/* Whether a wait for CSTS ends early */
enum usher_csts_wait {
	USHER_CSTS_WAIT,	/* no: it is for a stop, which must not be cut short */
	USHER_CSTS_UNLESS_GONE,	/* when the device is to be given up */
};

/*
 * Wait until the bits of @mask in CSTS are @want. CAP.TO bounds the time
 * (3.1.3.1), or the shutdown latency that the controller told.
 */
static int usher_csts_wait(struct usher_ctrl *ctrl, u32 mask, u32 want,
			   unsigned long timeout, enum usher_csts_wait wait)
{
	unsigned long end = jiffies + timeout;
	u32 csts;

	for (;;) {
		csts = readl(ctrl->bar + NVME_REG_CSTS);
		if (csts == USHER_ALL_ONES)
			return -ENODEV;
		if ((csts & mask) == want)
			return 0;
		if (wait == USHER_CSTS_UNLESS_GONE && usher_dev_gone(ctrl->ud))
			return -ENODEV;
		if (time_after(jiffies, end))
			return -ETIMEDOUT;
		usleep_range(USHER_CSTS_POLL_US / 2, USHER_CSTS_POLL_US);
	}
}

static unsigned long usher_ready_timeout(const struct usher_ctrl *ctrl)
{
	return (NVME_CAP_TIMEOUT(ctrl->cap) + 1) * HZ / 2;
}

/*
 * How long it may take until the media are ready, too: what CAP.TO cannot tell, since its
 * 127 seconds are the most, is in CRTO (3.1.3.22). Some controllers tell less there.
 */
static unsigned long usher_enable_timeout(const struct usher_ctrl *ctrl)
{
	unsigned long timeout = usher_ready_timeout(ctrl);
	u32 crto;

	if (!(ctrl->cap & NVME_CAP_CRMS_CRWMS))
		return timeout;
	crto = readl(ctrl->bar + NVME_REG_CRTO);
	return max(timeout, (NVME_CRTO_CRWMT(crto) + 1UL) * HZ / 2);
}

/* ---- stopping ---- */

static bool usher_stop_by_cc(struct usher_ctrl *ctrl)
{
	u32 cc = readl(ctrl->bar + NVME_REG_CC);

	if (cc == USHER_ALL_ONES)
		return false;
	writel(cc & ~(NVME_CC_ENABLE | NVME_CC_SHN_MASK),
	       ctrl->bar + NVME_REG_CC);
	return !usher_csts_wait(ctrl, NVME_CSTS_RDY, 0, usher_ready_timeout(ctrl),
				USHER_CSTS_WAIT);
}

static bool usher_stop_by_bus_master(struct usher_ctrl *ctrl)
{
	u16 command;

	pci_clear_master(to_pci_dev(ctrl->dev));
	pci_read_config_word(to_pci_dev(ctrl->dev), PCI_COMMAND, &command);
	if (command & PCI_COMMAND_MASTER)
		return false;
	return pci_wait_for_pending_transaction(to_pci_dev(ctrl->dev));
}

/*
 * Only the capability promises the reset, and only a reset clears Bus Master
 * Enable: a function that still has it was not reset.
 */
static bool usher_reset_function(struct pci_dev *pdev)
{
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

/* Nobody else resets the function, or accesses its configuration, meanwhile. */
static bool usher_stop_by_flr(struct usher_ctrl *ctrl)
{
	struct pci_dev *pdev = to_pci_dev(ctrl->dev);
	bool reset;

	pci_cfg_access_lock(pdev);
	reset = usher_reset_function(pdev);
	pci_cfg_access_unlock(pdev);
	return reset;
}

/* 3.6.1: an orderly shutdown, before the power may go */
static void usher_shutdown_notify(struct usher_ctrl *ctrl)
{
	u32 cc = readl(ctrl->bar + NVME_REG_CC);

	if (cc == USHER_ALL_ONES || !(cc & NVME_CC_ENABLE))
		return;
	cc = (cc & ~NVME_CC_SHN_MASK) | NVME_CC_SHN_NORMAL;
	writel(cc, ctrl->bar + NVME_REG_CC);
	if (usher_csts_wait(ctrl, NVME_CSTS_SHST_MASK, NVME_CSTS_SHST_CMPLT,
			    ctrl->shutdown_timeout, USHER_CSTS_WAIT))
		dev_warn(ctrl->dev, "the controller did not complete its shutdown\n");
}

/**
 * usher_ctrl_stop - end the controller's access to memory
 * @ctrl: the controller; no section submits any more
 * @stop: what for
 *
 * Return: the proof that it has ended, or USHER_DMA_RUNNING without any.
 */
enum usher_dma_proof usher_ctrl_stop(struct usher_ctrl *ctrl, enum usher_stop stop)
{
	struct pci_dev *pdev = to_pci_dev(ctrl->dev);

	if (!pci_device_is_present(pdev))
		return USHER_DMA_ABSENT;
	if (stop == USHER_STOP_SHUTDOWN)
		usher_shutdown_notify(ctrl);
	if (usher_stop_by_cc(ctrl))
		return USHER_DMA_DISABLED;
	dev_warn(ctrl->dev, "the controller does not stop, taking it off the bus\n");
	if (usher_stop_by_bus_master(ctrl))
		return USHER_DMA_NO_MASTER;
	if (usher_stop_by_flr(ctrl))
		return USHER_DMA_RESET;
	return pci_device_is_present(pdev) ? USHER_DMA_RUNNING : USHER_DMA_ABSENT;
}

/*
 * Commands from before it was taken off the bus were completed, and their memory is
 * others' by now: only a controller that says itself that it has stopped may be a
 * bus master again. Whether a reset was one shows in CSTS, too, since bus mastering
 * is off already.
 */
static bool usher_stop_before_start(struct usher_ctrl *ctrl)
{
	return usher_stop_by_cc(ctrl) ||
	       (usher_stop_by_flr(ctrl) && usher_stop_by_cc(ctrl));
}

/* ---- starting ---- */

static int usher_map_cap(struct usher_ctrl *ctrl)
{
	u32 min;

	ctrl->cap = lo_hi_readq(ctrl->bar + NVME_REG_CAP);
	if (ctrl->cap == U64_MAX)
		return -ENODEV;
	ctrl->version = readl(ctrl->bar + NVME_REG_VS);

	min = NVME_CAP_MPSMIN(ctrl->cap) + 12;
	if (min > PAGE_SHIFT) {
		dev_err(ctrl->dev, "the controller's smallest page, %u KiB, is above the host's\n",
			1U << (min - 10));
		return -EOPNOTSUPP;
	}
	ctrl->page_shift = min;
	ctrl->db_stride = 4U << NVME_CAP_STRIDE(ctrl->cap);
	/* Doorbells past the end of the register region are not there. */
	ctrl->max_queues = (ctrl->bar_bytes - NVME_REG_DBS) / (2 * ctrl->db_stride);
	if (ctrl->max_queues < 2) {
		dev_err(ctrl->dev, "BAR 0 has no room for the doorbells of an I/O queue\n");
		return -EOPNOTSUPP;
	}
	ctrl->q_depth = min_t(u32, NVME_CAP_MQES(ctrl->cap) + 1, USHER_QUEUE_DEPTH);
	if (ctrl->q_depth < 2) {
		dev_err(ctrl->dev, "the controller's queues have one entry\n");
		return -EOPNOTSUPP;
	}
	if (!(NVME_CAP_CSS(ctrl->cap) & (NVME_CAP_CSS_NVM | NVME_CAP_CSS_CSI))) {
		dev_err(ctrl->dev, "the controller has no I/O command set of ours\n");
		return -EOPNOTSUPP;
	}
	ctrl->csi_all = NVME_CAP_CSS(ctrl->cap) & NVME_CAP_CSS_CSI;
	return 0;
}

/* 3.5.1: the steps from reset to ready */
static int usher_enable(struct usher_ctrl *ctrl)
{
	struct usher_qpair *qp = usher_admin_qpair(ctrl);
	u32 aqa = qp->depth - 1;
	u32 cc;
	int ret;

	if (!usher_stop_before_start(ctrl))
		return -EIO;
	usher_qpair_reset(qp);
	ctrl->dma = USHER_DMA_RUNNING;
	pci_set_master(to_pci_dev(ctrl->dev));

	writel(aqa << 16 | aqa, ctrl->bar + NVME_REG_AQA);
	lo_hi_writeq(qp->sq_dma, ctrl->bar + NVME_REG_ASQ);
	lo_hi_writeq(qp->cq_dma, ctrl->bar + NVME_REG_ACQ);

	cc = ctrl->csi_all ? NVME_CC_CSS_CSI : NVME_CC_CSS_NVM;
	cc |= (ctrl->page_shift - 12) << NVME_CC_MPS_SHIFT;
	cc |= NVME_CC_AMS_RR | NVME_CC_SHN_NONE;
	cc |= NVME_CC_IOSQES | NVME_CC_IOCQES;
	writel(cc, ctrl->bar + NVME_REG_CC);
	writel(cc | NVME_CC_ENABLE, ctrl->bar + NVME_REG_CC);

	ret = usher_csts_wait(ctrl, NVME_CSTS_RDY, NVME_CSTS_RDY,
			      usher_enable_timeout(ctrl), USHER_CSTS_UNLESS_GONE);
	if (ret)
		return ret;
	usher_qpair_allow(qp);
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

/* 5.17.2.1: a power of two of the smallest page, up to what no command names */
static u64 usher_size_limit(const struct usher_ctrl *ctrl, u8 pages_shift)
{
	return 1ULL << (min_t(u8, pages_shift, 32) + 12 + NVME_CAP_MPSMIN(ctrl->cap));
}

/* 0 is no limit */
static u32 usher_xfer_bytes(const struct usher_ctrl *ctrl, u8 pages_shift)
{
	u32 most = USHER_MAX_XFER_PAGES << ctrl->page_shift;

	return pages_shift ? min_t(u64, most, usher_size_limit(ctrl, pages_shift)) : most;
}

static int usher_identify_ctrl(struct usher_ctrl *ctrl)
{
	struct nvme_id_ctrl *id;
	u32 rtd3e;
	int ret;

	id = kmalloc(sizeof(*id), GFP_KERNEL);
	if (!id)
		return -ENOMEM;
	ret = usher_identify(ctrl, 0, NVME_ID_CNS_CTRL, 0, id);
	if (ret)
		goto out;

	ctrl->vid = le16_to_cpu(id->vid);
	usher_copy_text(ctrl->model, id->mn, sizeof(id->mn));
	usher_copy_text(ctrl->serial, id->sn, sizeof(id->sn));
	usher_copy_text(ctrl->firmware, id->fr, sizeof(id->fr));
	ctrl->oncs = le16_to_cpu(id->oncs);
	ctrl->oacs = le16_to_cpu(id->oacs);
	ctrl->lpa = id->lpa;
	ctrl->avscc = id->avscc & BIT(0);
	ctrl->oaes = le32_to_cpu(id->oaes);
	ctrl->vwc = id->vwc & NVME_CTRL_VWC_PRESENT;
	ctrl->mdts_bytes = usher_xfer_bytes(ctrl, id->mdts);
	ctrl->append_bytes = ctrl->mdts_bytes;
	/* OCFS, which older headers count as reserved */
	ctrl->ocfs = le16_to_cpup((__le16 *)((u8 *)id + 534));
	usher_admin_allow_aborts(ctrl, id->acl + 1);
	rtd3e = le32_to_cpu(id->rtd3e);
	ctrl->shutdown_timeout = rtd3e ?
		usecs_to_jiffies(min_t(u32, rtd3e, 60 * USEC_PER_SEC)) + HZ :
		USHER_SHUTDOWN_TIMEOUT;
out:
	kfree(id);
	return ret;
}

/*
 * Limits of what MDTS does not bound (Identify, CNS 06h). What the controller does
 * not tell is bounded like data; but for Dataset Management, which would take
 * longer in so small pieces.
 */
static void usher_set_nvm_limits(struct usher_ctrl *ctrl, const struct nvme_id_ctrl_nvm *id)
{
	u64 untold = ctrl->mdts_bytes;

	ctrl->verify_bytes = id->vsl ? usher_size_limit(ctrl, id->vsl) : untold;
	ctrl->zeroes_bytes = id->wzsl ? usher_size_limit(ctrl, id->wzsl) : untold;
	ctrl->uncor_bytes = id->wusl ? usher_size_limit(ctrl, id->wusl) : untold;
	ctrl->dsm_ranges = id->dmrl ?: USHER_MAX_DSM_RANGES;
	ctrl->dsm_range_blocks = le32_to_cpu(id->dmrsl) ?: U32_MAX;
	ctrl->dsm_blocks = le64_to_cpu(id->dmsl) ?: U64_MAX;
}

/* From version 1.4 on; who does not know it refuses, and has told nothing. */
static int usher_identify_nvm(struct usher_ctrl *ctrl)
{
	struct nvme_id_ctrl_nvm *id;
	int ret = 0;

	id = kzalloc(sizeof(*id), GFP_KERNEL);
	if (!id)
		return -ENOMEM;
	if (ctrl->version >= NVME_VS(1, 4, 0))
		ret = usher_identify(ctrl, 0, NVME_ID_CNS_CS_CTRL, NVME_CSI_NVM, id);
	if (ret > 0)
		memset(id, 0, sizeof(*id));
	if (ret >= 0)
		usher_set_nvm_limits(ctrl, id);
	kfree(id);
	return min(ret, 0);
}

/* ZNS 1.1, 4.1.5.1: ZASL limits Zone Append like MDTS; 0 means MDTS */
static void usher_identify_zns(struct usher_ctrl *ctrl)
{
	struct nvme_id_ctrl_zns *id;

	if (!ctrl->csi_all)
		return;
	id = kmalloc(sizeof(*id), GFP_KERNEL);
	if (!id)
		return;
	if (!usher_identify(ctrl, 0, NVME_ID_CNS_CS_CTRL, NVME_CSI_ZNS, id) &&
	    id->zasl)
		ctrl->append_bytes = min(ctrl->mdts_bytes,
					 usher_xfer_bytes(ctrl, id->zasl));
	kfree(id);
}

/* 5.27.1.5: how many I/O queue pairs the controller gives us */
static int usher_set_queue_count(struct usher_ctrl *ctrl)
{
	u32 want = USHER_MAX_QPAIRS - 1;
	u32 got;
	int ret;

	ret = usher_set_feature(ctrl, NVME_FEAT_NUM_QUEUES, want << 16 | want,
				&got);
	if (ret) {
		dev_err(ctrl->dev, "the controller gives no I/O queue: status %#x\n",
			ret);
		return ret < 0 ? ret : -EIO;
	}
	ctrl->nr_queues = min3(min(got & 0xffff, got >> 16) + 1,
			       ctrl->max_queues - 1, (u32)USHER_MAX_QPAIRS);
	return 0;
}

/*
 * The buffers are one controller page each. Asked at each start: a device may
 * tell other figures after a reset.
 */
static bool usher_shadow_doorbells_fit(const struct usher_ctrl *ctrl)
{
	return ctrl->oacs & NVME_CTRL_OACS_DBBUF_SUPP &&
	       (ctrl->nr_queues + 1) * 2 * ctrl->db_stride <= BIT(ctrl->page_shift);
}

/* 5.8: optional; without it every doorbell is a register write */
static void usher_set_shadow_doorbells(struct usher_ctrl *ctrl)
{
	struct nvme_command cmd = {
		.dbbuf.opcode	= nvme_admin_dbbuf,
		.dbbuf.prp1	= cpu_to_le64(ctrl->dbbuf.dbs_dma),
		.dbbuf.prp2	= cpu_to_le64(ctrl->dbbuf.eis_dma),
	};

	if (!ctrl->dbbuf.dbs || !usher_shadow_doorbells_fit(ctrl))
		return;
	memset(ctrl->dbbuf.dbs, 0, PAGE_SIZE);
	memset(ctrl->dbbuf.eis, 0, PAGE_SIZE);
	ctrl->dbbuf.on = !usher_admin(ctrl, &cmd, NULL);
	if (!ctrl->dbbuf.on)
		dev_info(ctrl->dev, "the controller refused shadow doorbells\n");
}

static void usher_alloc_shadow_doorbells(struct usher_ctrl *ctrl)
{
	struct device *dev = ctrl->dev;

	if (ctrl->dbbuf.dbs || !usher_shadow_doorbells_fit(ctrl))
		return;
	ctrl->dbbuf.dbs = dma_alloc_coherent(dev, PAGE_SIZE, &ctrl->dbbuf.dbs_dma,
					     GFP_KERNEL);
	if (!ctrl->dbbuf.dbs)
		return;
	ctrl->dbbuf.eis = dma_alloc_coherent(dev, PAGE_SIZE, &ctrl->dbbuf.eis_dma,
					     GFP_KERNEL);
	if (ctrl->dbbuf.eis)
		return;
	dma_free_coherent(dev, PAGE_SIZE, ctrl->dbbuf.dbs, ctrl->dbbuf.dbs_dma);
	ctrl->dbbuf.dbs = NULL;
}

/* 5.27.1.8: which events we want to hear of */
static void usher_enable_events(struct usher_ctrl *ctrl)
{
	u32 want = ctrl->oaes & NVME_AEN_CFG_NS_ATTR;

	if (want && usher_set_feature(ctrl, NVME_FEAT_ASYNC_EVENT, want, NULL))
		dev_warn(ctrl->dev, "changes of namespaces will not be seen\n");
	usher_admin_start_events(ctrl);
}

/**
 * usher_ctrl_init - a controller that was never started
 * @ctrl: zeroed
 * @ud: its device
 */
void usher_ctrl_init(struct usher_ctrl *ctrl, struct usher_device *ud)
{
	ctrl->ud = ud;
	ctrl->dev = ud->dev;
	ctrl->dma = USHER_DMA_NEVER_STARTED;
	usher_alone_init(&ctrl->alone);
	ud->ctrl = ctrl;
}

/**
 * usher_ctrl_alloc - what the controller needs before its first start
 * @ctrl: the controller, its registers mapped
 * @event_work: queued when it announced an event
 *
 * Return: 0; -ENODEV when it is gone; -EOPNOTSUPP when it is not for us, which the
 * log explains; -ENOMEM.
 */
int usher_ctrl_alloc(struct usher_ctrl *ctrl, struct work_struct *event_work)
{
	int ret;

	ret = usher_map_cap(ctrl);
	if (ret)
		return ret;
	ctrl->prp_pool = dma_pool_create("usher-prp", ctrl->dev,
					 BIT(ctrl->page_shift),
					 BIT(ctrl->page_shift), 0);
	if (!ctrl->prp_pool)
		return -ENOMEM;
	ret = usher_admin_alloc(ctrl, event_work);
	if (ret) {
		dma_pool_destroy(ctrl->prp_pool);
		ctrl->prp_pool = NULL;
	}
	return ret;
}

/* The device no longer reaches memory, and the I/O queues have no pages left. */
void usher_ctrl_free_dma(struct usher_ctrl *ctrl)
{
	struct usher_dbbuf *db = &ctrl->dbbuf;

	usher_admin_free_dma(ctrl);
	if (db->dbs) {
		dma_free_coherent(ctrl->dev, PAGE_SIZE, db->eis, db->eis_dma);
		dma_free_coherent(ctrl->dev, PAGE_SIZE, db->dbs, db->dbs_dma);
	}
	dma_pool_destroy(ctrl->prp_pool);
}

/**
 * usher_ctrl_start - bring the controller up
 * @ctrl: the controller, stopped
 *
 * From probe, and after a reset; the admin queue's interrupt is requested. The
 * function becomes a bus master here, and not before the controller has stopped.
 * I/O queues that exist are the caller's to create again.
 *
 * Return: 0 or a negative errno.
 */
int usher_ctrl_start(struct usher_ctrl *ctrl)
{
	int ret;

	ctrl->dbbuf.on = false;
	ret = usher_enable(ctrl);
	if (ret) {
		dev_err(ctrl->dev, "the controller does not become ready: %d\n",
			ret);
		return ret;
	}
	ret = usher_identify_ctrl(ctrl);
	if (!ret)
		ret = usher_identify_nvm(ctrl);
	if (!ret) {
		usher_identify_zns(ctrl);
		ret = usher_set_queue_count(ctrl);
	}
	if (ret)
		return ret < 0 ? ret : -EIO;
	usher_alloc_shadow_doorbells(ctrl);
	usher_set_shadow_doorbells(ctrl);
	usher_enable_events(ctrl);
	return 0;
}
