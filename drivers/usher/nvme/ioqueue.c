// SPDX-License-Identifier: GPL-2.0-only
/*
 * The admin commands that create and delete I/O queues (5.4 to 5.7).
 */
#include <linux/nvme.h>

#include "nvme/admin.h"
#include "nvme/ioqueue.h"
#include "nvme/qpair.h"

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
	return usher_admin(qp->ctrl, &cmd, NULL);
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

	return usher_admin(qp->ctrl, &cmd, NULL);
}

static int usher_delete_queue(struct usher_qpair *qp, u8 opcode)
{
	struct nvme_command cmd = {
		.delete_queue.opcode	= opcode,
		.delete_queue.qid	= cpu_to_le16(qp->qid),
	};

	return usher_admin(qp->ctrl, &cmd, NULL);
}

/**
 * usher_ioqueue_create - make a queue pair known to the device
 * @qp: queue pair, just reset
 *
 * Return: 0, or a negative errno or NVMe status; then the queue pair can only
 * be used again after a reset of the controller: it may still come to know it.
 */
int usher_ioqueue_create(struct usher_qpair *qp)
{
	int ret;

	ret = usher_create_cq(qp);
	if (!ret)
		ret = usher_create_sq(qp);
	if (ret)
		return ret;
	usher_qpair_allow(qp);
	return 0;
}

/**
 * usher_ioqueue_delete - let the device forget a queue pair
 * @qp: queue pair, empty and used by nobody
 *
 * Return: 0, or a negative errno or NVMe status, as usher_ioqueue_create().
 */
int usher_ioqueue_delete(struct usher_qpair *qp)
{
	int ret;

	usher_qpair_forbid(qp);
	ret = usher_delete_queue(qp, nvme_admin_delete_sq);
	if (!ret)
		ret = usher_delete_queue(qp, nvme_admin_delete_cq);
	return ret;
}
