/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The NVMe controller: registers, what it told of itself, and what its queues
 * share. bringup.c fills it in. Section numbers in nvme/ are those of the NVM
 * Express Base Specification 2.0.
 */
#ifndef _USHER_NVME_CTRL_H
#define _USHER_NVME_CTRL_H

#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/nvme.h>
#include <linux/types.h>

#include "nvme/alone.h"

struct device;
struct dma_pool;
struct usher_admin_queue;
struct usher_device;
struct usher_qpair;

#define USHER_MAX_QPAIRS	128

/* A register that reads all ones is a lost link. */
#define USHER_ALL_ONES		(~0U)

/**
 * enum usher_dma_proof - what proves that the controller reaches no memory
 * @USHER_DMA_RUNNING: nothing does
 * @USHER_DMA_NEVER_STARTED: it was not enabled since it was bound
 * @USHER_DMA_ABSENT: the function is gone from the bus
 * @USHER_DMA_DISABLED: CSTS.RDY was 0 after CC.EN was cleared
 * @USHER_DMA_NO_MASTER: it is no bus master, and no transaction is pending;
 *	holds only for as long as it stays so
 * @USHER_DMA_RESET: the function was reset
 */
enum usher_dma_proof {
	USHER_DMA_RUNNING,
	USHER_DMA_NEVER_STARTED,
	USHER_DMA_ABSENT,
	USHER_DMA_DISABLED,
	USHER_DMA_NO_MASTER,
	USHER_DMA_RESET,
};

/*
 * struct usher_dbbuf - shadow doorbells (5.8): a page of each for all queues
 */
struct usher_dbbuf {
	bool		on;		/* the device reads them */
	__le32		*dbs;		/* doorbells, or NULL */
	__le32		*eis;		/* event indices */
	dma_addr_t	dbs_dma;	/* bus addresses */
	dma_addr_t	eis_dma;
};

/*
 * struct usher_ctrl - a controller
 *
 * Embedded in what device/ allocates. Members without a lock are written by
 * probe and by a reset, which exclude one another, before commands are taken.
 */
struct usher_ctrl {
	struct usher_device	*ud;
	struct device		*dev;		/* for DMA and messages; as ud->dev */

	/* Registers */
	void __iomem		*bar;
	size_t			bar_bytes;	/* of @bar */
	u64			cap;		/* CAP register */
	u32			version;	/* VS register */
	u32			page_shift;	/* log2 of CC.MPS in bytes */
	u32			db_stride;	/* bytes between doorbells */
	u32			max_queues;	/* whose doorbells are in @bar, with admin */

	/* What it was given */
	u32			nr_vectors;	/* interrupt vectors we have */
	u32			nr_queues;	/* I/O queue pairs that may be created */
	u32			q_depth;	/* entries of an I/O queue */
	/* Written by probe, reset and remove, one after the other */
	enum usher_dma_proof	dma;

	/* Identify Controller; texts are NUL-terminated */
	u16			vid;		/* PCI vendor ID */
	char			model[41];
	char			serial[21];
	char			firmware[9];
	u16			oncs;		/* optional NVM commands */
	bool			vwc;		/* has a volatile write cache */
	u32			mdts_bytes;	/* data of one command, at most */
	u32			append_bytes;	/* data of one Zone Append, at most */
	/* What has no data: bytes of blocks, as many as one command may name */
	u64			verify_bytes;
	u64			zeroes_bytes;
	u64			uncor_bytes;
	/* Dataset Management: ranges; blocks of one, and of all; all ones: any number */
	u32			dsm_ranges;
	u32			dsm_range_blocks;
	u64			dsm_blocks;
	u16			ocfs;		/* Copy descriptor formats */
	u16			oacs;		/* optional admin commands */
	u8			lpa;		/* what log pages there are */
	bool			avscc;		/* vendors' commands tell their length */
	u32			oaes;		/* optional asynchronous events */
	unsigned long		shutdown_timeout; /* jiffies */
	bool			csi_all;	/* several I/O command sets */

	struct usher_admin_queue *admin;	/* admin.c */
	struct usher_alone_queue alone;
	struct usher_dbbuf	dbbuf;
	struct dma_pool		*prp_pool;	/* command pages */
};

static inline bool usher_ctrl_dma_stopped(const struct usher_ctrl *ctrl)
{
	return ctrl->dma != USHER_DMA_RUNNING;
}

/* CSTS tells of a failure that only a reset mends, or that the link is lost. */
static inline bool usher_ctrl_fatal(const struct usher_ctrl *ctrl)
{
	u32 csts = readl(ctrl->bar + NVME_REG_CSTS);

	return csts == USHER_ALL_ONES || csts & NVME_CSTS_CFS;
}

#endif /* _USHER_NVME_CTRL_H */
