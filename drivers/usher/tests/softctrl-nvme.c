// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the software controller does: registers, queues and commands, as the
 * NVM Express Base Specification 1.4 and its NVM command set say, in the
 * simplest way that a driver accepts. Everything here runs under sc_dev.lock.
 */
#include <linux/bitmap.h>
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "softctrl.h"

#define SC_VERSION		0x10400
#define SC_MIN_LBA_SHIFT	9
#define SC_LBA_FORMATS		4	/* 512 and 4096 bytes, without and with metadata */
#define SC_METADATA		8
#define SC_MAX_XFER		SZ_1M	/* admin commands */
#define SC_ONCS_VERIFY		BIT(7)
#define SC_EVENT_NS_CHANGED	(NVME_AER_NOTICE | NVME_AER_NOTICE_NS_CHANGED << 8 | \
				 NVME_LOG_CHANGED_NS << 16)

/* Registers */

static u64 sc_cap(void)
{
	return sc_param.mqes | 1ULL << 16 /* CQR */ | (u64)sc_param.to << 24 |
	       (u64)sc_param.dstrd << 32 | (u64)NVME_CAP_CSS_NVM << 37 |
	       (u64)sc_param.mpsmin << 48 | (u64)max(sc_param.mpsmin, 4U) << 52 |
	       (sc_param.crwmt ? NVME_CAP_CRMS_CRWMS : 0);
}

static u64 sc_read64(struct sc_dev *sc, u32 offset)
{
	return readl(sc->bar + offset) | (u64)readl(sc->bar + offset + 4) << 32;
}

static void sc_write64(struct sc_dev *sc, u32 offset, u64 val)
{
	writel(lower_32_bits(val), sc->bar + offset);
	writel(upper_32_bits(val), sc->bar + offset + 4);
}

static void sc_write_csts(struct sc_dev *sc)
{
	u32 csts = sc->shst << 2;

	if (sc->ready)
		csts |= NVME_CSTS_RDY;
	if (sc->fatal)
		csts |= NVME_CSTS_CFS;
	writel(csts, sc->bar + NVME_REG_CSTS);
}

static u32 sc_doorbell(u16 qid, bool cq)
{
	return (2 * qid + cq) * (4U << sc_param.dstrd);
}

static u32 sc_read_doorbell(struct sc_dev *sc, u16 qid, bool cq)
{
	u32 offset = sc_doorbell(qid, cq);
	__le32 shadow;

	if (!qid || !sc->dbbuf_db)
		return readl(sc->bar + NVME_REG_DBS + offset);
	if (offset + sizeof(shadow) > sc->page_size) {
		sc->stats.bad_doorbells++;	/* the buffers are one page each */
		return readl(sc->bar + NVME_REG_DBS + offset);
	}

	if (sc_dma(sc, sc->dbbuf_db + offset, &shadow, sizeof(shadow), SC_FROM_HOST))
		return cq ? sc->cq[qid].head : sc->sq[qid].tail;
	sc_dma(sc, sc->dbbuf_ei + offset, &shadow, sizeof(shadow), SC_TO_HOST);

	return le32_to_cpu(shadow);
}

static void sc_clear_doorbell(struct sc_dev *sc, u16 qid, bool cq)
{
	writel(0, sc->bar + NVME_REG_DBS + sc_doorbell(qid, cq));
}

/* Life of a command */

static void sc_drop_list(struct sc_dev *sc, struct list_head *list, int sqid)
{
	struct sc_cmd *cmd, *next;

	list_for_each_entry_safe(cmd, next, list, list) {
		if (sqid >= 0 && cmd->sqid != sqid)
			continue;
		list_del(&cmd->list);
		kfree(cmd);
		sc->stats.dropped++;
	}
}

static void sc_drop_from(struct sc_dev *sc, int sqid)
{
	int i;

	sc_drop_list(sc, &sc->held, sqid);
	sc_drop_list(sc, &sc->delayed, sqid);
	sc_drop_list(sc, &sc->aers, sqid);
	for (i = 0; i < SC_MAX_QUEUES; i++)
		sc_drop_list(sc, &sc->cq[i].done, sqid);
}

/**
 * sc_drop_commands - forget every command that was fetched
 * @sc:	the device
 */
void sc_drop_commands(struct sc_dev *sc)
{
	sc_drop_from(sc, -1);
}

/**
 * sc_drop_held - forget the held commands
 * @sc:	the device
 */
void sc_drop_held(struct sc_dev *sc)
{
	sc_drop_list(sc, &sc->held, -1);
}

static void sc_complete(struct sc_dev *sc, struct sc_cmd *cmd, u16 status)
{
	cmd->status = status;
	list_add_tail(&cmd->list, &sc->cq[sc->sq[cmd->sqid].cqid].done);
}

static bool sc_cq_full(struct sc_dev *sc, u16 cqid)
{
	struct sc_cq *cq = &sc->cq[cqid];
	u32 head = sc_read_doorbell(sc, cqid, true);

	if (head < cq->size)
		cq->head = head;
	else
		sc->stats.bad_doorbells++;

	return (cq->tail + 1) % cq->size == cq->head;
}

static int sc_post(struct sc_dev *sc, u16 cqid, struct nvme_completion *cqe)
{
	struct sc_cq *cq = &sc->cq[cqid];
	int ret;

	cqe->status = cpu_to_le16((le16_to_cpu(cqe->status) & ~1) | cq->phase);
	ret = sc_dma_cqe(sc, cq->base + cq->tail * sizeof(*cqe), cqe);
	if (ret)
		return ret;

	cq->posted++;
	if (++cq->tail == cq->size) {
		cq->tail = 0;
		cq->phase ^= 1;
	}
	if (cq->irq)
		sc_raise_irq(sc, cq->vector);

	return 0;
}

static bool sc_post_done(struct sc_dev *sc, u16 cqid)
{
	struct sc_cq *cq = &sc->cq[cqid];
	struct nvme_completion cqe, copy;
	struct sc_cmd *cmd;
	bool busy = false;

	/* In this order: debugfs shows the doorbell of an idle queue, too. */
	while (!sc_cq_full(sc, cqid) && !list_empty(&cq->done)) {
		cmd = list_first_entry(&cq->done, struct sc_cmd, list);
		cqe.result.u64 = cpu_to_le64(cmd->result);
		cqe.sq_head = cpu_to_le16(sc->sq[cmd->sqid].head);
		cqe.sq_id = cpu_to_le16(cmd->sqid);
		cqe.command_id = cmd->sqe.common.command_id;
		cqe.status = cpu_to_le16(cmd->status << 1);
		copy = cqe;
		if (sc_post(sc, cqid, &cqe))
			break;
		if (sc->fault.dup && !sc_cq_full(sc, cqid))
			sc_post(sc, cqid, &copy);

		list_del(&cmd->list);
		kfree(cmd);
		sc->stats.completed++;
		busy = true;
	}
	return busy;
}

/**
 * sc_inject - post a completion that belongs to no command
 * @sc:		the device
 * @cqid:	completion queue
 * @cqe:	the entry; the phase tag is added
 *
 * Return: 0, -ENOENT where there is no such queue, -ENOSPC where it is full,
 * or an error of sc_dma().
 */
int sc_inject(struct sc_dev *sc, u16 cqid, const struct nvme_completion *cqe)
{
	struct nvme_completion copy = *cqe;

	if (cqid >= SC_MAX_QUEUES || !sc->cq[cqid].live)
		return -ENOENT;
	if (sc_cq_full(sc, cqid))
		return -ENOSPC;
	return sc_post(sc, cqid, &copy);
}

/* Data of a command */

static u16 sc_dma_status(int ret)
{
	switch (ret) {
	case 0:
		return NVME_SC_SUCCESS;
	case -EILSEQ:
		return NVME_SC_COMPARE_FAILED;
	default:
		return NVME_SC_DATA_XFER_ERROR | NVME_STATUS_DNR;
	}
}

/* Moves @len bytes along the PRP entries of @sqe. */
static u16 sc_xfer(struct sc_dev *sc, const struct nvme_command *sqe, void *buf, size_t len,
		   enum sc_dir dir)
{
	u64 addr = le64_to_cpu(sqe->common.dptr.prp1), list;
	const u32 ps = sc->page_size;
	size_t n = min_t(size_t, len, ps - (addr & (ps - 1)));
	__le64 entry;
	u16 status;

	if (addr & 3)
		return NVME_SC_PRP_INVALID_OFFSET | NVME_STATUS_DNR;
	status = sc_dma_status(sc_dma(sc, addr, buf, n, dir));
	buf += n;
	len -= n;
	if (status || !len)
		return status;

	list = le64_to_cpu(sqe->common.dptr.prp2);
	if (len <= ps) {
		if (list & (ps - 1))
			return NVME_SC_PRP_INVALID_OFFSET | NVME_STATUS_DNR;
		return sc_dma_status(sc_dma(sc, list, buf, len, dir));
	}
	if (list & 7)
		return NVME_SC_PRP_INVALID_OFFSET | NVME_STATUS_DNR;

	while (len) {
		status = sc_dma_status(sc_dma(sc, list, &entry, sizeof(entry), SC_FROM_HOST));
		if (status)
			return status;
		addr = le64_to_cpu(entry);
		if (addr & (ps - 1))
			return NVME_SC_PRP_INVALID_OFFSET | NVME_STATUS_DNR;

		list += sizeof(entry);
		if (!(list & (ps - 1)) && len > ps) {
			list = addr;	/* the last entry of a page chains to the next */
			continue;
		}
		n = min_t(size_t, len, ps);
		status = sc_dma_status(sc_dma(sc, addr, buf, n, dir));
		if (status)
			return status;
		buf += n;
		len -= n;
	}
	return NVME_SC_SUCCESS;
}

/* Namespaces */

static u32 sc_block_bytes(const struct sc_ns *ns)
{
	return (1 << ns->lba_shift) + (ns->ext ? ns->ms : 0);
}

/**
 * sc_max_nsze - how many blocks the namespace can have in its format
 * @ns:	the namespace
 */
u64 sc_max_nsze(const struct sc_ns *ns)
{
	return ((u64)sc_param.ns_mib << 20) / sc_block_bytes(ns);
}

/**
 * sc_set_format - format a namespace: other blocks, no contents
 * @ns:		the namespace
 * @lba_size:	512 or 4096
 * @ms:		0 or 8
 * @ext:	metadata follows the data
 *
 * Return: 0, or -EINVAL for another format.
 */
int sc_set_format(struct sc_ns *ns, u32 lba_size, u16 ms, bool ext)
{
	if ((lba_size != 512 && lba_size != 4096) || (ms && ms != SC_METADATA))
		return -EINVAL;

	ns->lba_shift = ilog2(lba_size);
	ns->ms = ms;
	ns->ext = ext && ms;
	ns->nsze = sc_max_nsze(ns);
	memset(ns->store, 0, (size_t)sc_param.ns_mib << 20);
	bitmap_zero(ns->bad, sc_param.ns_mib << (20 - SC_MIN_LBA_SHIFT));

	return 0;
}

/**
 * sc_new_identity - make it another namespace, as if it was deleted and created
 * @ns:		the namespace
 * @uuid:	which is told by a UUID, and by nothing else
 */
void sc_new_identity(struct sc_ns *ns, bool uuid)
{
	memset(ns->nguid, 0, sizeof(ns->nguid));
	memset(ns->uuid, 0, sizeof(ns->uuid));
	if (uuid)
		get_random_bytes(ns->uuid, sizeof(ns->uuid));
	else
		get_random_bytes(ns->nguid, sizeof(ns->nguid));
}

static struct sc_ns *sc_find_ns(struct sc_dev *sc, __le32 nsid)
{
	u32 n = le32_to_cpu(nsid);

	if (!n || n > sc_param.namespaces || !sc->ns[n - 1].active)
		return NULL;
	return &sc->ns[n - 1];
}

/* Asynchronous events */

static void sc_report_events(struct sc_dev *sc)
{
	struct sc_cmd *aer;
	u32 i = 0, dw0;
	u8 type;

	while (i < sc->nr_events && !list_empty(&sc->aers)) {
		dw0 = sc->events[i];
		type = dw0 & 7;
		if (sc->masked_log[type]) {
			i++;
			continue;
		}
		sc->masked_log[type] = dw0 >> 16;
		sc->nr_events--;
		memmove(&sc->events[i], &sc->events[i + 1],
			(sc->nr_events - i) * sizeof(sc->events[0]));

		aer = list_first_entry(&sc->aers, struct sc_cmd, list);
		list_del(&aer->list);
		aer->result = dw0;
		sc_complete(sc, aer, NVME_SC_SUCCESS);
	}
}

/**
 * sc_event - report an asynchronous event, unless it is waiting already
 * @sc:		the device
 * @dw0:	as in the completion of the Asynchronous Event Request
 */
void sc_event(struct sc_dev *sc, u32 dw0)
{
	u32 i;

	for (i = 0; i < sc->nr_events; i++)
		if (sc->events[i] == dw0)
			return;
	if (sc->nr_events < SC_NR_AER)
		sc->events[sc->nr_events++] = dw0;
}

/**
 * sc_ns_changed - note that a namespace is not what it was, and report it
 * @sc:		the device
 * @nsid:	which
 */
void sc_ns_changed(struct sc_dev *sc, u32 nsid)
{
	set_bit(nsid, sc->changed_ns);
	if (sc->features[NVME_FEAT_ASYNC_EVENT] & NVME_AEN_CFG_NS_ATTR)
		sc_event(sc, SC_EVENT_NS_CHANGED);
}

static u16 sc_async_event(struct sc_dev *sc, struct sc_cmd *cmd)
{
	if (list_count_nodes(&sc->aers) >= SC_NR_AER)
		return NVME_SC_ASYNC_LIMIT | NVME_STATUS_DNR;
	list_add_tail(&cmd->list, &sc->aers);

	return SC_PENDING;
}

/* Admin commands: queues */

static void sc_delete_sq(struct sc_dev *sc, u16 qid)
{
	sc_drop_from(sc, qid);
	memset(&sc->sq[qid], 0, sizeof(sc->sq[qid]));
	sc_clear_doorbell(sc, qid, false);
}

static void sc_delete_cq(struct sc_dev *sc, u16 qid)
{
	struct sc_cq *cq = &sc->cq[qid];

	sc_drop_list(sc, &cq->done, -1);
	memset(cq, 0, sizeof(*cq));
	INIT_LIST_HEAD(&cq->done);
	sc_clear_doorbell(sc, qid, true);
}

static void sc_make_sq(struct sc_dev *sc, u16 qid, u16 cqid, u32 size, u64 base)
{
	struct sc_sq *sq = &sc->sq[qid];

	sq->live = true;
	sq->cqid = cqid;
	sq->size = size;
	sq->base = base;
}

static void sc_make_cq(struct sc_dev *sc, u16 qid, u32 size, u64 base, bool irq, u16 vector)
{
	struct sc_cq *cq = &sc->cq[qid];

	cq->live = true;
	cq->irq = irq;
	cq->phase = 1;
	cq->vector = vector;
	cq->size = size;
	cq->base = base;
}

static u16 sc_check_queue(struct sc_dev *sc, u16 qid, u32 size, u64 base, u16 flags)
{
	if (!qid || qid > (sc->features[NVME_FEAT_NUM_QUEUES] & 0xffff) + 1)
		return NVME_SC_QID_INVALID | NVME_STATUS_DNR;
	if (size < 2 || size > sc_param.mqes + 1)
		return NVME_SC_QUEUE_SIZE | NVME_STATUS_DNR;
	if (!(flags & NVME_QUEUE_PHYS_CONTIG))
		return NVME_SC_INVALID_FIELD | NVME_STATUS_DNR;
	if (base & (sc->page_size - 1))
		return NVME_SC_PRP_INVALID_OFFSET | NVME_STATUS_DNR;
	return 0;
}

static u16 sc_create_cq(struct sc_dev *sc, const struct nvme_create_cq *c)
{
	u16 qid = le16_to_cpu(c->cqid), flags = le16_to_cpu(c->cq_flags);
	u16 vector = le16_to_cpu(c->irq_vector), status;
	u32 size = le16_to_cpu(c->qsize) + 1;
	u64 base = le64_to_cpu(c->prp1);

	status = sc_check_queue(sc, qid, size, base, flags);
	if (status)
		return status;
	if (sc->cq[qid].live)
		return NVME_SC_QID_INVALID | NVME_STATUS_DNR;
	if (vector >= sc_param.vectors)
		return NVME_SC_INVALID_VECTOR | NVME_STATUS_DNR;

	sc_clear_doorbell(sc, qid, true);
	sc_make_cq(sc, qid, size, base, flags & NVME_CQ_IRQ_ENABLED, vector);

	return NVME_SC_SUCCESS;
}

static u16 sc_create_sq(struct sc_dev *sc, const struct nvme_create_sq *c)
{
	u16 qid = le16_to_cpu(c->sqid), cqid = le16_to_cpu(c->cqid), status;
	u32 size = le16_to_cpu(c->qsize) + 1;
	u64 base = le64_to_cpu(c->prp1);

	status = sc_check_queue(sc, qid, size, base, le16_to_cpu(c->sq_flags));
	if (status)
		return status;
	if (sc->sq[qid].live)
		return NVME_SC_QID_INVALID | NVME_STATUS_DNR;
	if (!cqid || cqid > sc_param.queues || !sc->cq[cqid].live)
		return NVME_SC_CQ_INVALID | NVME_STATUS_DNR;

	sc_clear_doorbell(sc, qid, false);
	sc_make_sq(sc, qid, cqid, size, base);

	return NVME_SC_SUCCESS;
}

static u16 sc_delete_queue(struct sc_dev *sc, const struct nvme_delete_queue *c)
{
	u16 qid = le16_to_cpu(c->qid);
	bool cq = c->opcode == nvme_admin_delete_cq;
	int i;

	if (!qid || qid > sc_param.queues || !(cq ? sc->cq[qid].live : sc->sq[qid].live))
		return NVME_SC_QID_INVALID | NVME_STATUS_DNR;
	if (!cq) {
		sc_delete_sq(sc, qid);
		return NVME_SC_SUCCESS;
	}
	for (i = 1; i < SC_MAX_QUEUES; i++)
		if (sc->sq[i].live && sc->sq[i].cqid == qid)
			return NVME_SC_INVALID_QUEUE | NVME_STATUS_DNR;
	sc_delete_cq(sc, qid);

	return NVME_SC_SUCCESS;
}

/* Admin commands: Identify */

static void sc_pad(char *to, const char *from, size_t len)
{
	memset(to, ' ', len);
	memcpy(to, from, min(strlen(from), len));
}

static void sc_identify_ctrl(struct nvme_id_ctrl *id)
{
	id->vid = cpu_to_le16(0x1234);
	id->ssvid = cpu_to_le16(0x1234);
	sc_pad(id->sn, sc_param.serial, sizeof(id->sn));
	sc_pad(id->mn, sc_param.model, sizeof(id->mn));
	sc_pad(id->fr, "1.0", sizeof(id->fr));
	id->mdts = sc_param.mdts;
	id->cntlid = cpu_to_le16(1);
	id->ver = cpu_to_le32(SC_VERSION);
	id->oaes = cpu_to_le32(NVME_AEN_CFG_NS_ATTR);
	id->cntrltype = 1;	/* I/O controller */
	id->oacs = cpu_to_le16(sc_param.dbbuf ? NVME_CTRL_OACS_DBBUF_SUPP : 0);
	id->acl = sc_param.acl;
	id->aerl = SC_NR_AER - 1;
	id->lpa = NVME_CTRL_LPA_CMD_EFFECTS_LOG;
	id->wctemp = cpu_to_le16(350);
	id->cctemp = cpu_to_le16(360);
	id->sqes = 0x66;
	id->cqes = 0x44;
	id->nn = cpu_to_le32(sc_param.namespaces);
	id->oncs = cpu_to_le16(sc_param.oncs);
	id->vwc = sc_param.vwc ? NVME_CTRL_VWC_PRESENT : 0;
	snprintf(id->subnqn, sizeof(id->subnqn),
		 "nqn.2014-08.org.nvmexpress:uuid:7f8f2a4e-0000-4000-8000-000000000001");
	id->psd[0].max_power = cpu_to_le16(100);
}

static void sc_identify_ns(const struct sc_ns *ns, struct nvme_id_ns *id)
{
	int i;

	id->nsze = cpu_to_le64(ns->nsze);
	id->ncap = id->nsze;
	id->nuse = id->nsze;
	id->nlbaf = SC_LBA_FORMATS - 1;
	id->flbas = (ns->lba_shift == 12) | (ns->ms ? 2 : 0) |
		    (ns->ext ? NVME_NS_FLBAS_META_EXT : 0);
	id->mc = NVME_MC_EXTENDED_LBA | NVME_MC_METADATA_PTR;
	id->dlfeat = 1;		/* deallocated blocks read as zeroes */
	memcpy(id->nguid, ns->nguid, sizeof(id->nguid));
	memcpy(id->eui64, ns->nguid, sizeof(id->eui64));
	for (i = 0; i < SC_LBA_FORMATS; i++) {
		id->lbaf[i].ds = i & 1 ? 12 : 9;
		id->lbaf[i].ms = cpu_to_le16(i & 2 ? SC_METADATA : 0);
	}
}

static void sc_identify_limits(struct nvme_id_ctrl_nvm *id)
{
	id->vsl = sc_param.vsl;
	id->wzsl = sc_param.wzsl;
	id->wusl = sc_param.wusl;
	id->dmrl = sc_param.dmrl;
	id->dmrsl = cpu_to_le32(sc_param.dmrsl);
	id->dmsl = cpu_to_le64(sc_param.dmsl);
}

static void sc_identify_list(struct sc_dev *sc, u32 after, __le32 *list)
{
	u32 nsid, i = 0;

	for (nsid = after + 1; nsid <= sc_param.namespaces; nsid++)
		if (sc->ns[nsid - 1].active)
			list[i++] = cpu_to_le32(nsid);
}

/* Appends a descriptor at @to, and returns where the next one goes. */
static u8 *sc_identify_desc(u8 *to, u8 type, const u8 *id, u8 len)
{
	struct nvme_ns_id_desc *desc = (void *)to;

	if (!memchr_inv(id, 0, len))
		return to;
	desc->nidt = type;
	desc->nidl = len;
	memcpy(desc + 1, id, len);
	return to + sizeof(*desc) + len;
}

static void sc_identify_descs(const struct sc_ns *ns, u8 *page)
{
	page = sc_identify_desc(page, NVME_NIDT_EUI64, ns->nguid, NVME_NIDT_EUI64_LEN);
	page = sc_identify_desc(page, NVME_NIDT_NGUID, ns->nguid, NVME_NIDT_NGUID_LEN);
	sc_identify_desc(page, NVME_NIDT_UUID, ns->uuid, NVME_NIDT_UUID_LEN);
}

static u16 sc_identify(struct sc_dev *sc, const struct nvme_command *sqe)
{
	struct sc_ns *ns = sc_find_ns(sc, sqe->common.nsid);
	u32 nsid = le32_to_cpu(sqe->common.nsid);

	memset(sc->scratch, 0, NVME_IDENTIFY_DATA_SIZE);
	switch (sqe->identify.cns) {
	case NVME_ID_CNS_NS:
		if (!nsid || nsid > sc_param.namespaces)
			return NVME_SC_INVALID_NS | NVME_STATUS_DNR;
		if (ns)
			sc_identify_ns(ns, sc->scratch);
		break;
	case NVME_ID_CNS_CTRL:
		sc_identify_ctrl(sc->scratch);
		break;
	case NVME_ID_CNS_NS_ACTIVE_LIST:
		if (nsid >= 0xfffffffe)
			return NVME_SC_INVALID_NS | NVME_STATUS_DNR;
		sc_identify_list(sc, nsid, sc->scratch);
		break;
	case NVME_ID_CNS_NS_DESC_LIST:
		if (!ns)
			return NVME_SC_INVALID_NS | NVME_STATUS_DNR;
		sc_identify_descs(ns, sc->scratch);
		break;
	case NVME_ID_CNS_CS_CTRL:
		if (!sc_param.limits || sqe->identify.csi != NVME_CSI_NVM)
			return NVME_SC_INVALID_FIELD | NVME_STATUS_DNR;
		sc_identify_limits(sc->scratch);
		break;
	default:
		return NVME_SC_INVALID_FIELD | NVME_STATUS_DNR;
	}
	return sc_xfer(sc, sqe, sc->scratch, NVME_IDENTIFY_DATA_SIZE, SC_TO_HOST);
}

/* Admin commands: features and logs */

static bool sc_has_feature(u8 fid)
{
	switch (fid) {
	case NVME_FEAT_VOLATILE_WC:
		return sc_param.vwc;
	case NVME_FEAT_ARBITRATION:
	case NVME_FEAT_POWER_MGMT:
	case NVME_FEAT_TEMP_THRESH:
	case NVME_FEAT_ERR_RECOVERY:
	case NVME_FEAT_NUM_QUEUES:
	case NVME_FEAT_IRQ_COALESCE:
	case NVME_FEAT_IRQ_CONFIG:
	case NVME_FEAT_WRITE_ATOMIC:
	case NVME_FEAT_ASYNC_EVENT:
		return true;
	default:
		return false;
	}
}

static u32 sc_set_queues(const struct sc_dev *sc, u32 dw11)
{
	u32 most = min_not_zero(sc->fault.grant_queues, sc_param.queues);
	u32 sqs = min(dw11 & 0xffff, most - 1);
	u32 cqs = min(dw11 >> 16, most - 1);

	return sqs | cqs << 16;
}

static u16 sc_set_features(struct sc_dev *sc, struct sc_cmd *cmd)
{
	u32 dw10 = le32_to_cpu(cmd->sqe.features.fid);
	u32 dw11 = le32_to_cpu(cmd->sqe.features.dword11);
	u8 fid = dw10;

	if (!sc_has_feature(fid))
		return NVME_SC_INVALID_FIELD | NVME_STATUS_DNR;
	if (dw10 & BIT(31))
		return NVME_SC_FEATURE_NOT_SAVEABLE | NVME_STATUS_DNR;
	if (fid == NVME_FEAT_NUM_QUEUES) {
		if ((dw11 & 0xffff) == 0xffff || dw11 >> 16 == 0xffff)
			return NVME_SC_INVALID_FIELD | NVME_STATUS_DNR;
		dw11 = sc_set_queues(sc, dw11);
		cmd->result = dw11;
	}
	sc->features[fid] = dw11;

	return NVME_SC_SUCCESS;
}

static u16 sc_get_features(struct sc_dev *sc, struct sc_cmd *cmd)
{
	u32 dw10 = le32_to_cpu(cmd->sqe.features.fid);
	u8 fid = dw10;

	if (!sc_has_feature(fid) || (dw10 >> 8 & 7) > 3)
		return NVME_SC_INVALID_FIELD | NVME_STATUS_DNR;
	cmd->result = (dw10 >> 8 & 7) == 3 ? 0 : sc->features[fid];

	return NVME_SC_SUCCESS;
}

static void sc_log_effects(struct nvme_effects_log *log)
{
	static const u8 admin[] = {
		nvme_admin_delete_sq, nvme_admin_create_sq, nvme_admin_get_log_page,
		nvme_admin_delete_cq, nvme_admin_create_cq, nvme_admin_identify,
		nvme_admin_abort_cmd, nvme_admin_set_features, nvme_admin_get_features,
		nvme_admin_async_event,
	};
	static const u8 changing[] = { nvme_cmd_write, nvme_cmd_write_uncor,
				       nvme_cmd_write_zeroes, nvme_cmd_dsm };
	static const u8 reading[] = { nvme_cmd_flush, nvme_cmd_read, nvme_cmd_compare,
				      nvme_cmd_verify };
	int i;

	for (i = 0; i < ARRAY_SIZE(admin); i++)
		log->acs[admin[i]] = cpu_to_le32(NVME_CMD_EFFECTS_CSUPP);
	for (i = 0; i < ARRAY_SIZE(changing); i++)
		log->iocs[changing[i]] = cpu_to_le32(NVME_CMD_EFFECTS_CSUPP |
						     NVME_CMD_EFFECTS_LBCC);
	for (i = 0; i < ARRAY_SIZE(reading); i++)
		log->iocs[reading[i]] = cpu_to_le32(NVME_CMD_EFFECTS_CSUPP);
}

static void sc_log_changed_ns(struct sc_dev *sc, __le32 *list)
{
	u32 nsid, i = 0;

	for_each_set_bit(nsid, sc->changed_ns, SC_MAX_NS + 1)
		list[i++] = cpu_to_le32(nsid);
	bitmap_zero(sc->changed_ns, SC_MAX_NS + 1);
}

/* Fills a page; returns the length of the log, 0 where there is no such log. */
static u32 sc_fill_log(struct sc_dev *sc, u8 lid, void *page)
{
	struct nvme_fw_slot_info_log *fw = page;
	struct nvme_smart_log *smart = page;

	switch (lid) {
	case NVME_LOG_ERROR:
		return sizeof(struct nvme_error_slot);
	case NVME_LOG_SMART:
		smart->temperature[0] = 300 & 0xff;
		smart->temperature[1] = 300 >> 8;
		smart->avail_spare = 100;
		smart->spare_thresh = 10;
		return sizeof(*smart);
	case NVME_LOG_FW_SLOT:
		fw->afi = 1;
		memcpy(&fw->frs[0], "1.0     ", 8);
		return sizeof(*fw);
	case NVME_LOG_CHANGED_NS:
		sc_log_changed_ns(sc, page);
		return SZ_4K;
	case NVME_LOG_CMD_EFFECTS:
		sc_log_effects(page);
		return SZ_4K;
	default:
		return 0;
	}
}

static u16 sc_get_log_page(struct sc_dev *sc, const struct nvme_command *sqe)
{
	const struct nvme_get_log_page_command *c = &sqe->get_log_page;
	size_t len = ((u64)le16_to_cpu(c->numdu) << 16 | le16_to_cpu(c->numdl)) * 4 + 4;
	u64 offset = le64_to_cpu(c->lpo);
	u16 status;
	u32 size;
	u8 *buf;
	int i;

	if (len > SC_MAX_XFER)
		return NVME_SC_INVALID_FIELD | NVME_STATUS_DNR;
	memset(sc->scratch, 0, SZ_4K);
	size = sc_fill_log(sc, c->lid, sc->scratch);
	if (!size)
		return NVME_SC_INVALID_LOG_PAGE | NVME_STATUS_DNR;
	if (offset >= size || offset & 3)
		return NVME_SC_INVALID_FIELD | NVME_STATUS_DNR;

	if (!(c->lsp & BIT(7)))		/* not Retain Asynchronous Event */
		for (i = 0; i < ARRAY_SIZE(sc->masked_log); i++)
			if (sc->masked_log[i] == c->lid)
				sc->masked_log[i] = 0;

	buf = kvzalloc(len, GFP_KERNEL);
	if (!buf)
		return NVME_SC_INTERNAL;
	memcpy(buf, sc->scratch + offset, min_t(u64, len, size - offset));
	status = sc_xfer(sc, sqe, buf, len, SC_TO_HOST);
	kvfree(buf);

	return status;
}

/* Admin commands: the rest */

static struct sc_cmd *sc_find_cmd(struct list_head *list, u16 sqid, u16 cid)
{
	struct sc_cmd *cmd;

	list_for_each_entry(cmd, list, list)
		if (cmd->sqid == sqid && cmd->sqe.common.command_id == cid)
			return cmd;
	return NULL;
}

static u16 sc_abort(struct sc_dev *sc, struct sc_cmd *abort)
{
	u16 sqid = le16_to_cpu(abort->sqe.abort.sqid);
	struct sc_cmd *cmd = NULL;

	sc->stats.aborts++;
	abort->result = 1;	/* not aborted */
	switch (sc->fault.abort) {
	case SC_ABORT_SILENT:
		kfree(abort);
		sc->stats.dropped++;
		return SC_PENDING;
	case SC_ABORT_REAL:
		cmd = sc_find_cmd(&sc->held, sqid, abort->sqe.abort.cid);
		if (!cmd)
			cmd = sc_find_cmd(&sc->delayed, sqid, abort->sqe.abort.cid);
		break;
	case SC_ABORT_IGNORE:
		break;
	}
	if (cmd) {
		list_del(&cmd->list);
		sc_complete(sc, cmd, NVME_SC_ABORT_REQ);
		abort->result = 0;
	}
	return NVME_SC_SUCCESS;
}

static u16 sc_set_dbbuf(struct sc_dev *sc, const struct nvme_dbbuf *c)
{
	u64 db = le64_to_cpu(c->prp1), ei = le64_to_cpu(c->prp2);

	if (!sc_param.dbbuf)
		return NVME_SC_INVALID_OPCODE | NVME_STATUS_DNR;
	if (!db || !ei || (db | ei) & (sc->page_size - 1))
		return NVME_SC_INVALID_FIELD | NVME_STATUS_DNR;
	sc->dbbuf_db = db;
	sc->dbbuf_ei = ei;

	return NVME_SC_SUCCESS;
}

static u16 sc_admin(struct sc_dev *sc, struct sc_cmd *cmd)
{
	const struct nvme_command *sqe = &cmd->sqe;

	switch (sqe->common.opcode) {
	case nvme_admin_create_cq:
		return sc_create_cq(sc, &sqe->create_cq);
	case nvme_admin_create_sq:
		return sc_create_sq(sc, &sqe->create_sq);
	case nvme_admin_delete_cq:
	case nvme_admin_delete_sq:
		return sc_delete_queue(sc, &sqe->delete_queue);
	case nvme_admin_identify:
		return sc_identify(sc, sqe);
	case nvme_admin_get_log_page:
		return sc_get_log_page(sc, sqe);
	case nvme_admin_set_features:
		return sc_set_features(sc, cmd);
	case nvme_admin_get_features:
		return sc_get_features(sc, cmd);
	case nvme_admin_abort_cmd:
		return sc_abort(sc, cmd);
	case nvme_admin_async_event:
		return sc_async_event(sc, cmd);
	case nvme_admin_dbbuf:
		return sc_set_dbbuf(sc, &sqe->dbbuf);
	default:
		return NVME_SC_INVALID_OPCODE | NVME_STATUS_DNR;
	}
}

/* I/O commands */

static bool sc_in_range(const struct sc_ns *ns, u64 slba, u64 nlb)
{
	return nlb <= ns->nsze && slba <= ns->nsze - nlb;
}

static bool sc_any_bad(const struct sc_ns *ns, u64 slba, u32 nlb)
{
	return find_next_bit(ns->bad, slba + nlb, slba) < slba + nlb;
}

static void sc_zero(struct sc_ns *ns, u64 slba, u32 nlb)
{
	u32 bytes = sc_block_bytes(ns);

	memset(ns->store + slba * bytes, 0, (size_t)nlb * bytes);
	bitmap_clear(ns->bad, slba, nlb);
}

static u16 sc_dsm(struct sc_dev *sc, struct sc_ns *ns, const struct nvme_command *sqe)
{
	u32 nr = (le32_to_cpu(sqe->dsm.nr) & 0xff) + 1, i, nlb;
	struct nvme_dsm_range *range = sc->scratch;
	u16 status;
	u64 slba;

	status = sc_xfer(sc, sqe, range, nr * sizeof(*range), SC_FROM_HOST);
	for (i = 0; i < nr && !status; i++)
		if (!sc_in_range(ns, le64_to_cpu(range[i].slba), le32_to_cpu(range[i].nlb)))
			status = NVME_SC_LBA_RANGE | NVME_STATUS_DNR;
	if (status || !(le32_to_cpu(sqe->dsm.attributes) & NVME_DSMGMT_AD))
		return status;

	for (i = 0; i < nr; i++) {
		slba = le64_to_cpu(range[i].slba);
		nlb = le32_to_cpu(range[i].nlb);
		sc_zero(ns, slba, nlb);
	}
	return NVME_SC_SUCCESS;
}

static bool sc_too_long(size_t len)
{
	return sc_param.mdts && len > 1ULL << (12 + sc_param.mpsmin + sc_param.mdts);
}

/* Read, Write and Compare. */
static u16 sc_rw(struct sc_dev *sc, struct sc_ns *ns, const struct nvme_command *sqe, u64 slba,
		 u32 nlb, enum sc_dir dir)
{
	u32 bytes = sc_block_bytes(ns);
	u16 status;

	if (sc_too_long((size_t)nlb * bytes))
		return NVME_SC_INVALID_FIELD | NVME_STATUS_DNR;
	if (sqe->common.opcode != nvme_cmd_write && sc_any_bad(ns, slba, nlb))
		return NVME_SC_READ_ERROR;

	status = sc_xfer(sc, sqe, ns->store + slba * bytes, (size_t)nlb * bytes, dir);
	if (!status && sqe->common.opcode == nvme_cmd_write)
		bitmap_clear(ns->bad, slba, nlb);

	return status;
}

static bool sc_has_command(u8 opcode)
{
	switch (opcode) {
	case nvme_cmd_flush:
	case nvme_cmd_write:
	case nvme_cmd_read:
		return true;
	case nvme_cmd_compare:
		return sc_param.oncs & NVME_CTRL_ONCS_COMPARE;
	case nvme_cmd_write_uncor:
		return sc_param.oncs & NVME_CTRL_ONCS_WRITE_UNCORRECTABLE;
	case nvme_cmd_dsm:
		return sc_param.oncs & NVME_CTRL_ONCS_DSM;
	case nvme_cmd_write_zeroes:
		return sc_param.oncs & NVME_CTRL_ONCS_WRITE_ZEROES;
	case nvme_cmd_verify:
		return sc_param.oncs & SC_ONCS_VERIFY;
	default:
		return false;
	}
}

static u16 sc_io(struct sc_dev *sc, const struct nvme_command *sqe)
{
	struct sc_ns *ns = sc_find_ns(sc, sqe->common.nsid);
	u64 slba = le64_to_cpu(sqe->rw.slba);
	u32 nlb = le16_to_cpu(sqe->rw.length) + 1;
	u8 opcode = sqe->common.opcode;

	if (!sc_has_command(opcode))
		return NVME_SC_INVALID_OPCODE | NVME_STATUS_DNR;
	if (sqe->common.flags)		/* no fused commands, no SGLs */
		return NVME_SC_INVALID_FIELD | NVME_STATUS_DNR;
	if (opcode == nvme_cmd_flush && le32_to_cpu(sqe->common.nsid) == 0xffffffff)
		return NVME_SC_SUCCESS;
	if (!ns)
		return NVME_SC_INVALID_NS | NVME_STATUS_DNR;
	if (opcode == nvme_cmd_flush)
		return NVME_SC_SUCCESS;
	if (opcode == nvme_cmd_dsm)
		return sc_dsm(sc, ns, sqe);
	if (!sc_in_range(ns, slba, nlb))
		return NVME_SC_LBA_RANGE | NVME_STATUS_DNR;

	switch (opcode) {
	case nvme_cmd_write:
		return sc_rw(sc, ns, sqe, slba, nlb, SC_FROM_HOST);
	case nvme_cmd_read:
		return sc_rw(sc, ns, sqe, slba, nlb, SC_TO_HOST);
	case nvme_cmd_compare:
		return sc_rw(sc, ns, sqe, slba, nlb, SC_COMPARE);
	case nvme_cmd_write_uncor:
		bitmap_set(ns->bad, slba, nlb);
		return NVME_SC_SUCCESS;
	case nvme_cmd_write_zeroes:
		sc_zero(ns, slba, nlb);
		return NVME_SC_SUCCESS;
	default:			/* Verify */
		return sc_any_bad(ns, slba, nlb) ? NVME_SC_READ_ERROR : NVME_SC_SUCCESS;
	}
}

/* Fetching */

static void sc_record(struct sc_dev *sc, const struct sc_cmd *cmd)
{
	struct sc_entry *entry = &sc->log[sc->log_seq % SC_LOG_ENTRIES];

	entry->seq = sc->log_seq++;
	entry->qid = cmd->sqid;
	entry->sqe = cmd->sqe;
}

static bool sc_must_fail(struct sc_fail *fail, u8 opcode)
{
	if (!fail->count || fail->opcode != opcode)
		return false;
	if (fail->skip) {
		fail->skip--;
		return false;
	}
	fail->count--;
	return true;
}

static bool sc_must_hold(const struct sc_faults *fault, const struct sc_cmd *cmd)
{
	u64 slba = le64_to_cpu(cmd->sqe.rw.slba);

	/* Admin commands are meant only where the admin queue is named. */
	return fault->hold &&
	       (fault->hold_opcode < 0 || fault->hold_opcode == cmd->sqe.common.opcode) &&
	       (fault->hold_qid < 0 ? cmd->sqid : fault->hold_qid == cmd->sqid) &&
	       slba >= fault->hold_first && slba <= fault->hold_last;
}

static void sc_execute(struct sc_dev *sc, struct sc_cmd *cmd)
{
	u16 status = cmd->sqid ? sc_io(sc, &cmd->sqe) : sc_admin(sc, cmd);

	if (status != SC_PENDING)
		sc_complete(sc, cmd, status);
}

static void sc_start_admin(struct sc_dev *sc, struct sc_cmd *cmd)
{
	if (sc->fault.dead_admin) {
		kfree(cmd);
		sc->stats.dropped++;
		return;
	}
	if (sc_must_fail(&sc->fault.fail_admin, cmd->sqe.common.opcode))
		sc_complete(sc, cmd, sc->fault.fail_admin.status);
	else if (sc_must_hold(&sc->fault, cmd))
		list_add_tail(&cmd->list, &sc->held);
	else
		sc_execute(sc, cmd);
}

/* One command after the other, whatever queues they came from, takes its time. */
static ktime_t sc_due(struct sc_dev *sc, const struct nvme_command *sqe)
{
	ktime_t now = ktime_get();
	u64 blocks = 0;

	if (sc->fault.delay_us)
		return ktime_add_us(now, sc->fault.delay_us);
	if (sqe->common.opcode != nvme_cmd_flush && sqe->common.opcode != nvme_cmd_dsm)
		blocks = le16_to_cpu(sqe->rw.length) + 1;
	if (ktime_before(sc->free_at, now))
		sc->free_at = now;
	sc->free_at = ktime_add_ns(sc->free_at, blocks * sc->fault.block_ns);
	return sc->free_at;
}

static void sc_start_io(struct sc_dev *sc, struct sc_cmd *cmd)
{
	struct sc_faults *fault = &sc->fault;

	if (sc_must_fail(&fault->fail_io, cmd->sqe.common.opcode)) {
		sc_complete(sc, cmd, fault->fail_io.status);
	} else if (sc_must_hold(fault, cmd)) {
		list_add_tail(&cmd->list, &sc->held);
	} else if (fault->delay_us || fault->block_ns) {
		cmd->due = sc_due(sc, &cmd->sqe);
		list_add_tail(&cmd->list, &sc->delayed);
	} else {
		sc_execute(sc, cmd);
	}
}

static bool sc_fetch_one(struct sc_dev *sc, u16 qid)
{
	struct sc_sq *sq = &sc->sq[qid];
	struct sc_cmd *cmd = kzalloc(sizeof(*cmd), GFP_KERNEL);

	if (!cmd)
		return false;
	if (sc_dma(sc, sq->base + sq->head * sizeof(cmd->sqe), &cmd->sqe, sizeof(cmd->sqe),
		   SC_FROM_HOST)) {
		kfree(cmd);
		return false;
	}
	cmd->sqid = qid;
	sq->head = (sq->head + 1) % sq->size;
	sq->fetched++;
	sc->stats.fetched++;
	sc_record(sc, cmd);
	if (qid)
		sc_start_io(sc, cmd);
	else
		sc_start_admin(sc, cmd);

	return true;
}

static bool sc_fetch(struct sc_dev *sc, u16 qid)
{
	struct sc_sq *sq = &sc->sq[qid];
	u32 tail = sc_read_doorbell(sc, qid, false);
	bool busy = false;

	if (tail != sq->tail) {
		if (tail >= sq->size) {
			sc->stats.bad_doorbells++;
			return false;
		}
		sq->tail = tail;
		sq->doorbells++;
	}
	while (sq->live && sq->head != sq->tail && sc_fetch_one(sc, qid))
		busy = true;

	return busy;
}

static void sc_run_delayed(struct sc_dev *sc)
{
	struct sc_cmd *cmd;

	while (!list_empty(&sc->delayed)) {
		cmd = list_first_entry(&sc->delayed, struct sc_cmd, list);
		if (ktime_before(ktime_get(), cmd->due))
			return;
		list_del(&cmd->list);
		sc_execute(sc, cmd);
	}
}

/**
 * sc_release_held - execute the held commands
 * @sc:		the device
 * @reverse:	the last one first
 * @status:	if not zero, complete them with it instead
 */
void sc_release_held(struct sc_dev *sc, bool reverse, u16 status)
{
	struct sc_cmd *cmd;

	while (!list_empty(&sc->held)) {
		cmd = reverse ? list_last_entry(&sc->held, struct sc_cmd, list) :
				list_first_entry(&sc->held, struct sc_cmd, list);
		list_del(&cmd->list);
		if (status)
			sc_complete(sc, cmd, status);
		else
			sc_execute(sc, cmd);
	}
}

/* The controller */

static void sc_reset_queues(struct sc_dev *sc)
{
	int i;

	sc_drop_commands(sc);
	for (i = 0; i < SC_MAX_QUEUES; i++) {
		memset(&sc->sq[i], 0, sizeof(sc->sq[i]));
		sc_delete_cq(sc, i);
		sc_clear_doorbell(sc, i, false);
	}
	sc->nr_events = 0;
	memset(sc->masked_log, 0, sizeof(sc->masked_log));
	sc->dbbuf_db = 0;
	sc->dbbuf_ei = 0;
	memset(sc->features, 0, sizeof(sc->features));
	sc->features[NVME_FEAT_VOLATILE_WC] = sc_param.vwc;
	sc->features[NVME_FEAT_NUM_QUEUES] = sc_set_queues(sc, ~0);
}

static void sc_disable(struct sc_dev *sc)
{
	sc->stats.disables++;
	sc_reset_queues(sc);
	sc->enabled = false;
	sc->ready = false;
	sc->fatal = false;
	sc->free_at = 0;
	if (sc->fault.csts_fatal == 1)
		sc->fault.csts_fatal = 0;
}

static void sc_enable(struct sc_dev *sc, u32 cc)
{
	u64 asq = sc_read64(sc, NVME_REG_ASQ), acq = sc_read64(sc, NVME_REG_ACQ);
	u32 mps = cc >> NVME_CC_MPS_SHIFT & 0xf;
	u32 aqa = readl(sc->bar + NVME_REG_AQA);

	sc->stats.enables++;
	sc->enabled = true;
	sc->shst = 0;
	sc->page_size = SZ_4K << mps;
	if (mps < NVME_CAP_MPSMIN(sc_cap()) || mps > NVME_CAP_MPSMAX(sc_cap()) ||
	    cc & NVME_CC_CSS_MASK || !(aqa & 0xfff) || !(aqa >> 16 & 0xfff) ||
	    (asq | acq) & (sc->page_size - 1)) {
		sc->fatal = true;
		return;
	}
	sc_make_cq(sc, 0, (aqa >> 16 & 0xfff) + 1, acq, true, 0);
	sc_make_sq(sc, 0, 0, (aqa & 0xfff) + 1, asq);
	sc->ready = true;
}

/* The host finds the event when it sees what it waits for in CSTS. */
static void sc_event_at(struct sc_dev *sc, enum sc_moment now)
{
	if (sc->fault.event_at != now || !sc->ready || sc->fatal)
		return;
	sc->fault.event_at = SC_NEVER;
	sc_event(sc, sc->fault.event);
	sc_report_events(sc);
	sc_post_done(sc, 0);
}

static void sc_check_cc(struct sc_dev *sc)
{
	u32 cc = readl(sc->bar + NVME_REG_CC);
	bool enable = cc & NVME_CC_ENABLE;

	if (enable && !sc->enabled && !sc->fault.ignore_enable) {
		sc_enable(sc, cc);
	} else if (!enable && sc->enabled && !sc->fault.ignore_disable) {
		sc_event_at(sc, SC_AT_DISABLE);
		sc_disable(sc);
	}

	if (cc & NVME_CC_SHN_MASK && !sc->shst) {
		sc_event_at(sc, SC_AT_SHUTDOWN);
		sc->stats.shutdowns++;
		sc->shst = 1;
	}
	if (sc->shst == 1 && !sc->fault.ignore_shutdown)
		sc->shst = 2;
	if (sc->fault.csts_fatal)
		sc->fatal = true;
}

/**
 * sc_poll - do what there is to do
 * @sc:	the device
 *
 * Return: whether there was anything.
 */
bool sc_poll(struct sc_dev *sc)
{
	bool busy = false;
	int i;

	lockdep_assert_held(&sc->lock);

	if (sc->removed) {
		memset_io(sc->bar, 0xff, SC_BAR_SIZE);	/* a driver may have written */
		return false;
	}
	sc_check_cc(sc);
	sc_write_csts(sc);
	if (!sc->ready || sc->fatal || !sc_bus_master(sc))
		return false;

	sc->stats.looks++;
	for (i = 0; i < SC_MAX_QUEUES; i++)
		if (sc->sq[i].live)
			busy |= sc_fetch(sc, i);
	sc_run_delayed(sc);
	sc_report_events(sc);
	for (i = 0; i < SC_MAX_QUEUES; i++)
		if (sc->cq[i].live)
			busy |= sc_post_done(sc, i);

	return busy || !list_empty(&sc->delayed);
}

/**
 * sc_power_on - the state after power-on and after a function level reset
 * @sc:	the device
 */
void sc_power_on(struct sc_dev *sc)
{
	int i;

	lockdep_assert_held(&sc->lock);

	sc_reset_queues(sc);
	sc->enabled = false;
	sc->ready = false;
	sc->fatal = false;
	sc->shst = 0;
	bitmap_zero(sc->irq_pending, SC_MAX_VECTORS);

	memset_io(sc->bar, 0, SC_BAR_SIZE);
	sc_write64(sc, NVME_REG_CAP, sc_cap());
	writel(SC_VERSION, sc->bar + NVME_REG_VS);
	writel(sc_param.crwmt, sc->bar + NVME_REG_CRTO);
	for (i = 0; i < SC_MAX_VECTORS; i++)
		writel(PCI_MSIX_ENTRY_CTRL_MASKBIT,
		       sc->bar + SC_MSIX_TABLE + i * PCI_MSIX_ENTRY_SIZE +
		       PCI_MSIX_ENTRY_VECTOR_CTRL);
}

static int sc_ns_init(struct sc_ns *ns)
{
	ns->store = vzalloc((size_t)sc_param.ns_mib << 20);
	ns->bad = vzalloc(BITS_TO_LONGS(sc_param.ns_mib << (20 - SC_MIN_LBA_SHIFT)) *
			  sizeof(long));
	if (!ns->store || !ns->bad)
		return -ENOMEM;
	ns->active = true;
	sc_new_identity(ns, false);

	return sc_set_format(ns, sc_param.lba_size, sc_param.metadata, sc_param.extended);
}

/**
 * sc_nvme_init - set up the controller, powered on
 * @sc:	the device
 *
 * Return: 0 or an error.
 */
int sc_nvme_init(struct sc_dev *sc)
{
	int i, ret = 0;

	INIT_LIST_HEAD(&sc->held);
	INIT_LIST_HEAD(&sc->delayed);
	INIT_LIST_HEAD(&sc->aers);
	for (i = 0; i < SC_MAX_QUEUES; i++)
		INIT_LIST_HEAD(&sc->cq[i].done);
	sc_faults_clear(sc);

	sc->scratch = kzalloc(SZ_4K, GFP_KERNEL);
	if (!sc->scratch)
		return -ENOMEM;
	for (i = 0; i < sc_param.namespaces && !ret; i++)
		ret = sc_ns_init(&sc->ns[i]);
	if (ret) {
		sc_nvme_exit(sc);
		return ret;
	}

	mutex_lock(&sc->lock);
	sc_power_on(sc);
	mutex_unlock(&sc->lock);

	return 0;
}

/**
 * sc_nvme_exit - free what sc_nvme_init() and the commands since took
 * @sc:	the device
 */
void sc_nvme_exit(struct sc_dev *sc)
{
	int i;

	sc_drop_commands(sc);
	for (i = 0; i < SC_MAX_NS; i++) {
		vfree(sc->ns[i].store);
		vfree(sc->ns[i].bad);
	}
	kfree(sc->scratch);
}
