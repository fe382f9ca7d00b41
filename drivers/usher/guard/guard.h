/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guard: which commands may go to the device. Pure functions of values; no
 * lock, no device, nothing that sleeps.
 */
#ifndef _USHER_GUARD_GUARD_H
#define _USHER_GUARD_GUARD_H

#include <linux/bitops.h>
#include <linux/nvme.h>
#include <linux/types.h>
#include <uapi/linux/usher.h>

/* NVMe status with Do Not Retry, as the status field without its phase bit */
#define USHER_DNR		0x4000

/* Bits of ONCS that <linux/nvme.h> does not name in every kernel we build on */
#define USHER_ONCS_VERIFY	BIT(7)
#define USHER_ONCS_COPY		BIT(8)

/* Ranges of one command (USHER_DATA_SNAPSHOT): the smallest controller page */
#define USHER_SNAPSHOT_BYTES	4096

/* Blocks that NLB can name, 0's based in 16 bits */
#define USHER_MAX_NLB		65536

/*
 * struct usher_format - what a namespace's blocks look like
 */
struct usher_format {
	u8	csi;		/* command set: NVME_CSI_NVM or NVME_CSI_ZNS */
	u8	lba_shift;	/* log2 of the data bytes of a logical block, 9 to 16 */
	u16	metadata;	/* metadata bytes of a logical block, 0 for none */
	bool	extended;	/* which follow its data in memory (extended LBA) */
	bool	pi;		/* end-to-end protection is enabled */
	u64	zone_blocks;	/* logical blocks of a zone, 0 where not zoned */
	u8	zones_extended;	/* zone descriptor extension, in 64-byte units */
	u8	nguid[16];	/* namespace globally unique identifier */
	u8	eui64[8];	/* IEEE extended unique identifier */
	u8	uuid[16];	/* namespace UUID */
};

/*
 * struct usher_scope - all that the guard knows about who asks, and for what
 *
 * Part of a grant, and constant as long as that lives.
 */
struct usher_scope {
	u32			nsid;		/* the grant's namespace */
	u32			rights;		/* USHER_RIGHT_* of the grant */
	u64			slba;		/* first logical block */
	u64			nlb;		/* logical blocks; the end does not wrap */
	u64			ns_blocks;	/* logical blocks of the namespace */
	bool			whole_ns;	/* the grant covers all of them */
	struct usher_format	fmt;		/* of the namespace */
	u32			lba_bytes;	/* bytes of a block in memory */
	u32			max_bytes;	/* data of one command */
	u32			append_bytes;	/* data of one Zone Append */
	u16			oncs;		/* optional commands there are (ONCS) */
	/*
	 * Blocks of one command: such as move no data cost the device time all the
	 * same. Zero where there is no such command
	 */
	u32			verify_blocks;	/* Verify (VSL) */
	u32			zeroes_blocks;	/* Write Zeroes (WZSL) */
	u32			uncor_blocks;	/* Write Uncorrectable (WUSL) */
	u32			max_ranges;	/* of one Dataset Management (DMRL) */
	u32			range_blocks;	/* blocks of one of them (DMRSL) */
	u64			dsm_blocks;	/* blocks of all of them (DMSL) */
	u32			copy_ranges;	/* source ranges of a Copy (MSRC + 1) */
	u32			copy_blocks;	/* blocks of all of them (MCL) */
	u32			copy_range_blocks; /* blocks of one (MSSRL) */
	u16			copy_formats;	/* bit map of descriptor formats (OCFS) */
	/*
	 * Opcodes that may be used at all: the command set, the controller, the
	 * rights and the format allow them; usher_guard_prepare()
	 */
	DECLARE_BITMAP(allowed, 256);
};

/**
 * enum usher_data - what the device does with a command's memory
 * @USHER_DATA_NONE: no data, DPTR is zero
 * @USHER_DATA_READS: the device reads it (a write to disk)
 * @USHER_DATA_WRITES: the device writes it (a read from disk)
 * @USHER_DATA_SNAPSHOT: ranges, which the kernel copies first and checks
 *	(usher_guard_ranges()); the device reads the copy
 */
enum usher_data {
	USHER_DATA_NONE,
	USHER_DATA_READS,
	USHER_DATA_WRITES,
	USHER_DATA_SNAPSHOT,
};

/*
 * struct usher_verdict - what the guard lets through
 */
struct usher_verdict {
	enum usher_data		data;	/* what the device does with the memory */
	/*
	 * Data bytes that the command moves, computed from the command; not above
	 * DPTR's length; at most USHER_SNAPSHOT_BYTES for a snapshot
	 */
	u32			bytes;
	/*
	 * Blocks that it names, for USHER_DATA_NONE, and once usher_guard_ranges()
	 * has passed it for USHER_DATA_SNAPSHOT: their cost is not in @bytes
	 */
	u64			blocks;
};

void usher_guard_prepare(struct usher_scope *scope);
u16 usher_guard_check(const struct usher_scope *scope,
		      const struct usher_sqe *sqe, struct usher_verdict *v);
u16 usher_guard_ranges(const struct usher_scope *scope,
		       const struct usher_sqe *sqe, const void *ranges,
		       struct usher_verdict *v);
bool usher_format_equal(const struct usher_format *a,
			const struct usher_format *b);

/**
 * usher_guard_build - the device's command, from zero
 * @sqe: what usher_guard_check() let through, so that every bit copied here is
 *	one that its table allows
 * @cid: command identifier
 * @prp1: PRP entry 1, or 0
 * @prp2: PRP entry 2, or 0
 * @cmd: the command: all of it is written
 */
static inline void usher_guard_build(const struct usher_sqe *sqe, u16 cid,
				     dma_addr_t prp1, dma_addr_t prp2,
				     struct nvme_command *cmd)
{
	struct nvme_common_command *c = &cmd->common;

	__le32 cdw10 = sqe->cdw10, cdw11 = sqe->cdw11;
	__le32 cdw12 = sqe->cdw12, cdw13 = sqe->cdw13;

	c->opcode = sqe->opcode;
	c->flags = 0;
	c->command_id = cid;
	c->nsid = sqe->nsid;
	c->cdw2[0] = 0;
	c->cdw2[1] = 0;
	c->metadata = 0;
	c->dptr.prp1 = cpu_to_le64(prp1);
	c->dptr.prp2 = cpu_to_le64(prp2);
	c->cdw10 = cdw10;
	c->cdw11 = cdw11;
	c->cdw12 = cdw12;
	c->cdw13 = cdw13;
	c->cdw14 = 0;
	c->cdw15 = 0;
}

#endif /* _USHER_GUARD_GUARD_H */
