/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A slot: one command in flight on a hardware queue, and the page that may go with
 * it. Both belong to the queue pair.
 */
#ifndef _USHER_NVME_SLOT_H
#define _USHER_NVME_SLOT_H

#include <linux/bits.h>
#include <linux/types.h>

struct percpu_ref;
struct usher_client;

/* CID: the slot's index in these bits, its generation above them */
#define USHER_SLOT_BITS		10
#define USHER_SLOT_MASK		(BIT(USHER_SLOT_BITS) - 1)
#define USHER_MAX_SLOTS		1023	/* index 1023 would allow CID FFFFh */
#define USHER_MAX_DEPTH		1024	/* entries of a hardware queue */

/*
 * struct usher_cmd_page - a controller page that goes with a command
 *
 * It holds the ranges of Dataset Management or Copy that were checked, a PRP list
 * of the command's own, or the data of an admin command.
 */
struct usher_cmd_page {
	void		*virt;
	dma_addr_t	dma;	/* its bus address */
};

/* usher_slot.cmd_page of commands without one: most, and such as hold blocks */
#define USHER_CMD_PAGE_NONE	(-1)
#define USHER_CMD_PAGE_BLOCKS	(-2)

/*
 * struct usher_slot - one command in flight; qpair.lock
 */
struct usher_slot {
	struct usher_client	*client;	/* whose it is; NULL on the admin queue */
	struct percpu_ref	*mem;		/* memory that the device may reach, or NULL */
	unsigned long		deadline;	/* jiffies; 0 is never */
	s16			cmd_page;	/* index of the one in use, or as above */
	__le16			tag;		/* the process's CID */
	/* Its index and a generation, which goes on when the command is done */
	u16			cid;
	bool			busy;		/* in flight */
	bool			aborted;	/* an Abort was sent for it */
};

#endif /* _USHER_NVME_SLOT_H */
