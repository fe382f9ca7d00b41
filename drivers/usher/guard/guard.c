// SPDX-License-Identifier: GPL-2.0-only
/*
 * usher: the guard. Pure functions from (command, grant) to (device command,
 * or NVMe status); default deny. Nothing here sleeps, locks or touches a
 * device, and every input has been copied to kernel memory before.
 *
 * A command passes these gates, in this order; the first that is shut names
 * the status:
 *
 *	opcode known, in the namespace's command set,
 *	and the controller has it		Invalid Command Opcode
 *	no bit set that the table below
 *	does not name				Invalid Field in Command
 *	NSID is the grant's			Invalid Namespace or Format
 *	the grant has the rights		Access Denied
 *	no data of a format with separate
 *	metadata				Invalid Namespace or Format
 *	whole-namespace effects only with a
 *	grant of the whole namespace		Access Denied
 *	zones are named by their first block	Invalid Field in Command
 *	blocks and zones inside the grant	LBA Out of Range
 *	not more data, nor without data more
 *	blocks, than the device takes		Invalid Field in Command
 *	not more ranges, nor more blocks in
 *	them, than the device takes		Command Size Limit Exceeded
 *	DPTR zero where there is no data	Invalid Field in Command
 *	DPTR as long as the data		Data Transfer Error
 *
 * All refusals carry Do Not Retry. References are to the NVM Command Set
 * Specification 1.0 (NVM) and the Zoned Namespace Command Set Specification
 * 1.1 (ZNS).
 */
#include <linux/bitmap.h>
#include <linux/bits.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/nvme.h>
#include <linux/overflow.h>
#include <linux/string.h>

#include "guard/guard.h"

/* Names that <linux/nvme.h> does not have in every kernel we build on */
#define USHER_CMD_COPY		0x19
#define USHER_SC_SIZE_LIMIT	0x183	/* Command Size Limit Exceeded */
#define USHER_ZRA_EXTENDED	0x01	/* Extended Report Zones */

/* CDW12 of the commands that name blocks (NVM 3.2) */
#define USHER_NLB		GENMASK(15, 0)	/* 0's based */
#define USHER_DEAC		BIT(25)
#define USHER_FUA		BIT(30)
#define USHER_LR		BIT(31)

/* CDW13 of Read and Write: hints about future access (NVM 3.2.4) */
#define USHER_HINTS		GENMASK(7, 0)

/* CDW10 of Dataset Management, CDW12 of Copy: number of ranges, 0's based */
#define USHER_NR		GENMASK(7, 0)

/* CDW12 of Copy (NVM 3.2.2) */
#define USHER_COPY_FORMAT	GENMASK(11, 8)
#define USHER_COPY_FORMAT_SHIFT	8
#define USHER_COPY_LAST_FORMAT	1	/* 2 and 3 name other namespaces */

/*
 * Context attributes of a Dataset Management range (NVM 3.2.3): access
 * frequency and latency, sequential read and write, write prepare, access
 * size. Hints all: they name no block beyond the range's own.
 */
#define USHER_DSM_CONTEXT	(GENMASK(5, 0) | GENMASK(10, 8) | GENMASK(31, 24))

/* CDW13 of Zone Management Send (ZNS 3.4.3) */
#define USHER_ZSA		GENMASK(7, 0)
#define USHER_ZSA_ALL		BIT(8)

/* CDW13 of Zone Management Receive (ZNS 3.4.2) */
#define USHER_ZRA		GENMASK(7, 0)
#define USHER_ZRASF		GENMASK(15, 8)
#define USHER_ZRA_PARTIAL	BIT(16)

/* Header and descriptor of a zone report; unit of a descriptor extension */
#define USHER_ZONE_HEADER	sizeof(struct nvme_zone_report)
#define USHER_ZONE_DESC		sizeof(struct nvme_zone_descriptor)
#define USHER_ZONE_EXT_UNIT	64

#define USHER_ALL_BITS		GENMASK(31, 0)

/* What the dwords of a command mean, and so what is checked */
enum usher_shape {
	USHER_SHAPE_UNKNOWN,	/* not a command for a ring */
	USHER_SHAPE_BARE,	/* neither blocks nor data */
	USHER_SHAPE_BLOCKS,	/* SLBA, NLB, no data */
	USHER_SHAPE_DATA,	/* SLBA, NLB, and that many blocks of data */
	USHER_SHAPE_DSM,	/* ranges in memory */
	USHER_SHAPE_COPY,	/* SDLBA, source ranges in memory */
	USHER_SHAPE_APPEND,	/* ZSLBA, NLB, and that many blocks of data */
	USHER_SHAPE_ZONE_SEND,	/* an action on a zone, or on all */
	USHER_SHAPE_ZONE_RECV,	/* a report of zones from SLBA on */
};

/*
 * One command: the bits of each dword that a process may set, and what it
 * takes. CDW2, CDW3, MPTR and the flags are zero for all of them.
 */
struct usher_op {
	u8	shape;		/* enum usher_shape */
	u8	data;		/* enum usher_data */
	bool	zoned;		/* of the Zoned Namespace Command Set */
	u8	rights;		/* USHER_RIGHT_*, all of them needed */
	u16	oncs;		/* bit in ONCS, 0: mandatory */
	u32	cdw10;
	u32	cdw11;
	u32	cdw12;
	u32	cdw13;
};

/*
 * Left out of the masks on purpose, so refused: protection information
 * (PRINFO, STC, and all of CDW14 and CDW15), directives (DTYPE, DSPEC), the
 * whole-namespace bit of Write Zeroes (NSZ), PIREMAP of Zone Append, and the
 * action-specific bit of Zone Management Send (random write areas are few,
 * and shared by the whole namespace).
 */
static const struct usher_op usher_ops[256] = {
	/* NVM Express Base Specification 2.0, 7.1 */
	[nvme_cmd_flush] = {
		.shape	= USHER_SHAPE_BARE,
		.rights	= USHER_RIGHT_FLUSH,
	},
	/* NVM 3.2.6 */
	[nvme_cmd_write] = {
		.shape	= USHER_SHAPE_DATA,
		.data	= USHER_DATA_READS,
		.rights	= USHER_RIGHT_WRITE,
		.cdw10	= USHER_ALL_BITS,
		.cdw11	= USHER_ALL_BITS,
		.cdw12	= USHER_NLB | USHER_FUA | USHER_LR,
		.cdw13	= USHER_HINTS,
	},
	/* NVM 3.2.4 */
	[nvme_cmd_read] = {
		.shape	= USHER_SHAPE_DATA,
		.data	= USHER_DATA_WRITES,
		.rights	= USHER_RIGHT_READ,
		.cdw10	= USHER_ALL_BITS,
		.cdw11	= USHER_ALL_BITS,
		.cdw12	= USHER_NLB | USHER_FUA | USHER_LR,
		.cdw13	= USHER_HINTS,
	},
	/* NVM 3.2.7 */
	[nvme_cmd_write_uncor] = {
		.shape	= USHER_SHAPE_BLOCKS,
		.rights	= USHER_RIGHT_WRITE,
		.oncs	= NVME_CTRL_ONCS_WRITE_UNCORRECTABLE,
		.cdw10	= USHER_ALL_BITS,
		.cdw11	= USHER_ALL_BITS,
		.cdw12	= USHER_NLB,
	},
	/* NVM 3.2.1: tells whether blocks hold given bytes, so it is a read */
	[nvme_cmd_compare] = {
		.shape	= USHER_SHAPE_DATA,
		.data	= USHER_DATA_READS,
		.rights	= USHER_RIGHT_READ,
		.oncs	= NVME_CTRL_ONCS_COMPARE,
		.cdw10	= USHER_ALL_BITS,
		.cdw11	= USHER_ALL_BITS,
		.cdw12	= USHER_NLB | USHER_FUA | USHER_LR,
	},
	/* NVM 3.2.8 */
	[nvme_cmd_write_zeroes] = {
		.shape	= USHER_SHAPE_BLOCKS,
		.rights	= USHER_RIGHT_WRITE,
		.oncs	= NVME_CTRL_ONCS_WRITE_ZEROES,
		.cdw10	= USHER_ALL_BITS,
		.cdw11	= USHER_ALL_BITS,
		.cdw12	= USHER_NLB | USHER_DEAC | USHER_FUA | USHER_LR,
	},
	/* NVM 3.2.3: hints about future writes steer the device: a write, too */
	[nvme_cmd_dsm] = {
		.shape	= USHER_SHAPE_DSM,
		.data	= USHER_DATA_SNAPSHOT,
		.rights	= USHER_RIGHT_WRITE,
		.oncs	= NVME_CTRL_ONCS_DSM,
		.cdw10	= USHER_NR,
		.cdw11	= NVME_DSMGMT_IDR | NVME_DSMGMT_IDW | NVME_DSMGMT_AD,
	},
	/* NVM 3.2.5 */
	[nvme_cmd_verify] = {
		.shape	= USHER_SHAPE_BLOCKS,
		.rights	= USHER_RIGHT_READ,
		.oncs	= USHER_ONCS_VERIFY,
		.cdw10	= USHER_ALL_BITS,
		.cdw11	= USHER_ALL_BITS,
		.cdw12	= USHER_NLB | USHER_FUA | USHER_LR,
	},
	/* NVM 3.2.2 */
	[USHER_CMD_COPY] = {
		.shape	= USHER_SHAPE_COPY,
		.data	= USHER_DATA_SNAPSHOT,
		.rights	= USHER_RIGHT_READ | USHER_RIGHT_WRITE,
		.oncs	= USHER_ONCS_COPY,
		.cdw10	= USHER_ALL_BITS,
		.cdw11	= USHER_ALL_BITS,
		.cdw12	= USHER_NR | USHER_COPY_FORMAT | USHER_FUA | USHER_LR,
	},
	/* ZNS 3.4.3; the one action with data sets it itself */
	[nvme_cmd_zone_mgmt_send] = {
		.shape	= USHER_SHAPE_ZONE_SEND,
		.zoned	= true,
		.rights	= USHER_RIGHT_WRITE,
		.cdw10	= USHER_ALL_BITS,
		.cdw11	= USHER_ALL_BITS,
		.cdw13	= USHER_ZSA | USHER_ZSA_ALL,
	},
	/* ZNS 3.4.2 */
	[nvme_cmd_zone_mgmt_recv] = {
		.shape	= USHER_SHAPE_ZONE_RECV,
		.data	= USHER_DATA_WRITES,
		.zoned	= true,
		.rights	= USHER_RIGHT_READ,
		.cdw10	= USHER_ALL_BITS,
		.cdw11	= USHER_ALL_BITS,
		.cdw12	= USHER_ALL_BITS,
		.cdw13	= USHER_ZRA | USHER_ZRASF | USHER_ZRA_PARTIAL,
	},
	/* ZNS 3.4.1 */
	[nvme_cmd_zone_append] = {
		.shape	= USHER_SHAPE_APPEND,
		.data	= USHER_DATA_READS,
		.zoned	= true,
		.rights	= USHER_RIGHT_WRITE,
		.cdw10	= USHER_ALL_BITS,
		.cdw11	= USHER_ALL_BITS,
		.cdw12	= USHER_NLB | USHER_FUA | USHER_LR,
	},
};

/* A source range of a Copy, formats 0 and 1 (NVM 3.2.2): same up to @rest */
struct usher_copy_range {
	__le64	reserved;
	__le64	slba;
	__le16	nlb;		/* 0's based */
	u8	rest[];		/* reserved, then protection information */
};

static u16 usher_refuse(u16 status)
{
	return status | USHER_DNR;
}

static bool usher_has_opcode(const struct usher_scope *scope,
			     const struct usher_op *op)
{
	if (op->shape == USHER_SHAPE_UNKNOWN)
		return false;
	if ((scope->oncs & op->oncs) != op->oncs)
		return false;
	if (scope->fmt.csi == NVME_CSI_ZNS)
		return true;
	return scope->fmt.csi == NVME_CSI_NVM && !op->zoned;
}

/* Metadata in a buffer of its own would need MPTR, which is never passed. */
static bool usher_has_separate_metadata(const struct usher_format *fmt)
{
	return fmt->metadata && !fmt->extended;
}

static bool usher_has_rights(const struct usher_scope *scope,
			     const struct usher_op *op)
{
	return (scope->rights & op->rights) == op->rights;
}

/*
 * One test for all dwords, two at a time: one at a time costs 9 instructions more
 * for each command. Words 3 and 4 are DPTR, word 0 has the opcode, CID and NSID
 * beside the flags.
 */
static inline bool usher_has_stray_bits(const struct usher_op *op,
					const struct usher_sqe *sqe)
{
	u64 may10 = op->cdw10 | (u64)op->cdw11 << 32;
	u64 may12 = op->cdw12 | (u64)op->cdw13 << 32;
	const __le64 *words = (const __le64 *)sqe;

	return sqe->flags |
	       (__force u64)(words[1] | words[2] | words[7]) |
	       (le64_to_cpu(words[5]) & ~may10) |
	       (le64_to_cpu(words[6]) & ~may12);
}

static bool usher_has_nsid(const struct usher_scope *scope,
			   const struct usher_sqe *sqe)
{
	return le32_to_cpu(sqe->nsid) == scope->nsid;
}

/* Commands that move blocks, with the metadata of the format */
static bool usher_moves_blocks(const struct usher_op *op)
{
	return op->shape == USHER_SHAPE_DATA || op->shape == USHER_SHAPE_APPEND;
}

/**
 * usher_guard_prepare - work out what is the same for all commands
 * @scope: complete but for @scope->allowed, and constant from then on
 *
 * A device may list any number as a namespace, but not mean all by it: there no
 * command is allowed.
 */
void usher_guard_prepare(struct usher_scope *scope)
{
	u32 i;

	bitmap_zero(scope->allowed, ARRAY_SIZE(usher_ops));
	if (scope->nsid == NVME_NSID_ALL)
		return;
	for (i = 0; i < ARRAY_SIZE(usher_ops); i++)
		if (usher_has_opcode(scope, &usher_ops[i]) &&
		    usher_has_rights(scope, &usher_ops[i]) &&
		    !(usher_moves_blocks(&usher_ops[i]) &&
		      usher_has_separate_metadata(&scope->fmt)))
			__set_bit(i, scope->allowed);
}

/*
 * The status of a command that failed the first test of usher_guard_check(). It
 * only names what was wrong, in the order of the gates: it lets nothing through.
 */
static noinline u16 usher_name_refusal(const struct usher_scope *scope,
				       const struct usher_op *op,
				       const struct usher_sqe *sqe)
{
	if (!usher_has_opcode(scope, op))
		return usher_refuse(NVME_SC_INVALID_OPCODE);
	if (usher_has_stray_bits(op, sqe))
		return usher_refuse(NVME_SC_INVALID_FIELD);
	if (!usher_has_nsid(scope, sqe) || scope->nsid == NVME_NSID_ALL)
		return usher_refuse(NVME_SC_INVALID_NS);
	if (!usher_has_rights(scope, op))
		return usher_refuse(NVME_SC_ACCESS_DENIED);
	/* Separate metadata */
	return usher_refuse(NVME_SC_INVALID_NS);
}

/* Subtracts instead of adding, so that nothing can wrap */
static bool usher_in_grant(const struct usher_scope *scope, u64 slba, u64 nlb)
{
	u64 skip = slba - scope->slba;

	return slba >= scope->slba && skip <= scope->nlb &&
	       nlb <= scope->nlb - skip;
}

static u64 usher_slba(const struct usher_sqe *sqe)
{
	return le32_to_cpu(sqe->cdw10) | (u64)le32_to_cpu(sqe->cdw11) << 32;
}

static u32 usher_nlb(const struct usher_sqe *sqe)
{
	return (le32_to_cpu(sqe->cdw12) & USHER_NLB) + 1;
}

static u16 usher_check_blocks(const struct usher_scope *scope,
			      const struct usher_sqe *sqe)
{
	if (!usher_in_grant(scope, usher_slba(sqe), usher_nlb(sqe)))
		return usher_refuse(NVME_SC_LBA_RANGE);
	return 0;
}

/* VSL, WZSL and WUSL bound what has no data that MDTS could bound. */
static u32 usher_most_blocks(const struct usher_scope *scope, u8 opcode)
{
	switch (opcode) {
	case nvme_cmd_verify:
		return scope->verify_blocks;
	case nvme_cmd_write_zeroes:
		return scope->zeroes_blocks;
	default:
		return scope->uncor_blocks;
	}
}

static u16 usher_check_no_data(const struct usher_scope *scope,
			       const struct usher_sqe *sqe,
			       struct usher_verdict *v)
{
	u16 status;

	status = usher_check_blocks(scope, sqe);
	if (status)
		return status;
	v->blocks = usher_nlb(sqe);
	if (v->blocks > usher_most_blocks(scope, sqe->opcode))
		return usher_refuse(NVME_SC_INVALID_FIELD);
	return 0;
}

/* Blocks of data: how many bytes, and may one command move so many? */
static u16 usher_check_transfer(const struct usher_scope *scope,
				const struct usher_sqe *sqe, u32 max_bytes,
				struct usher_verdict *v)
{
	u64 bytes = (u64)usher_nlb(sqe) * scope->lba_bytes;

	if (bytes > max_bytes)
		return usher_refuse(NVME_SC_INVALID_FIELD);
	v->bytes = bytes;
	return 0;
}

/* DPTR's length: that of the buffer is seen to in ring/submit.c. */
static u16 usher_check_length(const struct usher_dptr *dptr,
			      const struct usher_verdict *v)
{
	if (le32_to_cpu(dptr->length) < v->bytes)
		return usher_refuse(NVME_SC_DATA_XFER_ERROR);
	return 0;
}

/* Reads, writes and the like: all that is left to check */
static u16 usher_check_data(const struct usher_scope *scope,
			    const struct usher_sqe *sqe,
			    struct usher_verdict *v)
{
	u16 status;

	status = usher_check_blocks(scope, sqe);
	if (unlikely(status))
		return status;
	status = usher_check_transfer(scope, sqe, scope->max_bytes, v);
	if (unlikely(status))
		return status;
	return usher_check_length(&sqe->dptr, v);
}

/* NR of Dataset Management is in CDW10, that of Copy in CDW12. */
static u32 usher_nr(__le32 dword)
{
	return (le32_to_cpu(dword) & USHER_NR) + 1;
}

/* The ranges themselves are seen to in usher_guard_ranges(). */
static u16 usher_check_dsm(const struct usher_scope *scope,
			   const struct usher_sqe *sqe,
			   struct usher_verdict *v)
{
	u32 nr = usher_nr(sqe->cdw10);

	if (nr > scope->max_ranges)
		return usher_refuse(USHER_SC_SIZE_LIMIT);
	v->bytes = nr * sizeof(struct nvme_dsm_range);
	return 0;
}

static u32 usher_copy_format(__le32 cdw12)
{
	return (le32_to_cpu(cdw12) & USHER_COPY_FORMAT) >> USHER_COPY_FORMAT_SHIFT;
}

static u32 usher_copy_range_bytes(__le32 cdw12)
{
	return usher_copy_format(cdw12) ? 40 : 32;
}

/*
 * The length of the destination is known when the ranges are: each has one
 * block at least, which is all that can be checked here.
 */
static u16 usher_check_copy(const struct usher_scope *scope,
			    const struct usher_sqe *sqe,
			    struct usher_verdict *v)
{
	u32 format = usher_copy_format(sqe->cdw12);
	u32 nr = usher_nr(sqe->cdw12);

	if (format > USHER_COPY_LAST_FORMAT || !(scope->copy_formats & BIT(format)))
		return usher_refuse(NVME_SC_INVALID_FIELD);
	if (!usher_in_grant(scope, usher_slba(sqe), nr))
		return usher_refuse(NVME_SC_LBA_RANGE);
	v->bytes = nr * usher_copy_range_bytes(sqe->cdw12);
	if (nr > scope->copy_ranges || v->bytes > USHER_SNAPSHOT_BYTES)
		return usher_refuse(USHER_SC_SIZE_LIMIT);
	return 0;
}

/* A device that claims zones of no blocks has none. */
static bool usher_is_zone_start(const struct usher_scope *scope, u64 slba)
{
	u64 offset;

	if (!scope->fmt.zone_blocks)
		return false;
	div64_u64_rem(slba, scope->fmt.zone_blocks, &offset);
	return !offset;
}

static u16 usher_check_zones(const struct usher_scope *scope, u64 slba, u64 nr)
{
	u64 nlb;

	if (!usher_is_zone_start(scope, slba))
		return usher_refuse(NVME_SC_INVALID_FIELD);
	if (check_mul_overflow(nr, scope->fmt.zone_blocks, &nlb) ||
	    !usher_in_grant(scope, slba, nlb))
		return usher_refuse(NVME_SC_LBA_RANGE);
	return 0;
}

/*
 * The device chooses the blocks inside the zone, so the whole zone must be
 * the grant's; ZNS 3.4.1 says that the data do not leave it, but more than a
 * zone of data could not but leave it.
 */
static u16 usher_check_append(const struct usher_scope *scope,
			      const struct usher_sqe *sqe,
			      struct usher_verdict *v)
{
	u16 status;

	status = usher_check_zones(scope, usher_slba(sqe), 1);
	if (status)
		return status;
	if (usher_nlb(sqe) > scope->fmt.zone_blocks)
		return usher_refuse(NVME_SC_ZONE_BOUNDARY_ERROR);
	return usher_check_transfer(scope, sqe,
				    min(scope->append_bytes, scope->max_bytes), v);
}

/*
 * Close, finish, open and reset change only the zone's state, and writing
 * could do the same; the descriptor extension belongs to the zone. Offline is
 * not in the list: nothing brings such a zone back, and it would be dead for
 * whoever has these blocks next. Random write areas are flushed by an action
 * of their own, which is not in the list because they cannot be had.
 */
static u16 usher_check_zone_send(const struct usher_scope *scope,
				 const struct usher_sqe *sqe,
				 struct usher_verdict *v)
{
	bool all = le32_to_cpu(sqe->cdw13) & USHER_ZSA_ALL;

	switch (le32_to_cpu(sqe->cdw13) & USHER_ZSA) {
	case NVME_ZONE_CLOSE:
	case NVME_ZONE_FINISH:
	case NVME_ZONE_OPEN:
	case NVME_ZONE_RESET:
		break;
	case NVME_ZONE_SET_DESC_EXT:
		if (all || !scope->fmt.zones_extended)
			return usher_refuse(NVME_SC_INVALID_FIELD);
		v->data = USHER_DATA_READS;
		v->bytes = scope->fmt.zones_extended * USHER_ZONE_EXT_UNIT;
		break;
	default:
		return usher_refuse(NVME_SC_INVALID_FIELD);
	}

	if (!all)
		return usher_check_zones(scope, usher_slba(sqe), 1);
	/* The device ignores SLBA now. */
	return scope->whole_ns ? 0 : usher_refuse(NVME_SC_ACCESS_DENIED);
}

/* Bytes of one zone in a report; 0: no such report in this namespace */
static u32 usher_zone_desc_bytes(const struct usher_scope *scope, u32 zra)
{
	switch (zra) {
	case NVME_ZRA_ZONE_REPORT:
		return USHER_ZONE_DESC;
	case USHER_ZRA_EXTENDED:
		if (!scope->fmt.zones_extended)
			return 0;
		return USHER_ZONE_DESC +
		       scope->fmt.zones_extended * USHER_ZONE_EXT_UNIT;
	default:
		return 0;
	}
}

/*
 * A report goes on from SLBA for as long as descriptors find place, so their
 * number decides how far it reaches; one that is cut off counts as well. With
 * a filter the zones found may lie anywhere behind SLBA. The count in the
 * header may be that of all zones up to the namespace's end, whose size is
 * no secret (struct usher_grant_info).
 */
static u16 usher_check_zone_recv(const struct usher_scope *scope,
				 const struct usher_sqe *sqe,
				 struct usher_verdict *v)
{
	u32 cdw13 = le32_to_cpu(sqe->cdw13);
	u64 bytes = (le32_to_cpu(sqe->cdw12) + 1ULL) * sizeof(__le32);
	u32 desc = usher_zone_desc_bytes(scope, cdw13 & USHER_ZRA);
	u64 zones = 1;
	u16 status;

	if (!desc)
		return usher_refuse(NVME_SC_INVALID_FIELD);
	if ((cdw13 & USHER_ZRASF) && !scope->whole_ns)
		return usher_refuse(NVME_SC_ACCESS_DENIED);
	if (!scope->whole_ns && bytes > USHER_ZONE_HEADER)
		zones = DIV_ROUND_UP_ULL(bytes - USHER_ZONE_HEADER, desc);
	status = usher_check_zones(scope, usher_slba(sqe), zones);
	if (status)
		return status;
	if (bytes > scope->max_bytes)
		return usher_refuse(NVME_SC_INVALID_FIELD);
	v->bytes = bytes;
	return 0;
}

static u16 usher_check_shape(const struct usher_scope *scope,
			     const struct usher_op *op,
			     const struct usher_sqe *sqe,
			     struct usher_verdict *v)
{
	switch (op->shape) {
	case USHER_SHAPE_BARE:
		return 0;
	case USHER_SHAPE_BLOCKS:
		return usher_check_no_data(scope, sqe, v);
	case USHER_SHAPE_DSM:
		return usher_check_dsm(scope, sqe, v);
	case USHER_SHAPE_COPY:
		return usher_check_copy(scope, sqe, v);
	case USHER_SHAPE_APPEND:
		return usher_check_append(scope, sqe, v);
	case USHER_SHAPE_ZONE_SEND:
		return usher_check_zone_send(scope, sqe, v);
	case USHER_SHAPE_ZONE_RECV:
		return usher_check_zone_recv(scope, sqe, v);
	}
	return usher_refuse(NVME_SC_INVALID_OPCODE);
}

/*
 * All other commands. Out of line: inlined, their registers would be saved for each
 * read and write, too, which costs these 12 instructions.
 */
static noinline u16 usher_check_other(const struct usher_scope *scope,
				      const struct usher_op *op,
				      const struct usher_sqe *sqe,
				      struct usher_verdict *v)
{
	const struct usher_dptr *dptr = &sqe->dptr;
	u16 status;

	v->bytes = 0;
	v->blocks = 0;
	status = usher_check_shape(scope, op, sqe, v);
	if (status)
		return status;
	if (v->data != USHER_DATA_NONE)
		return usher_check_length(dptr, v);
	if (dptr->offset || dptr->length || dptr->buf)
		return usher_refuse(NVME_SC_INVALID_FIELD);
	return 0;
}

/**
 * usher_guard_check - may this command go to the device?
 * @scope: who asks
 * @sqe: the submission entry, in kernel memory
 * @v: what the command moves; undefined after a refusal
 *
 * When @v->data is USHER_DATA_SNAPSHOT the ranges have to pass
 * usher_guard_ranges() as well.
 *
 * Return: 0, or the NVMe status (SCT, SC, DNR) of the refusal.
 */
u16 usher_guard_check(const struct usher_scope *scope,
		      const struct usher_sqe *sqe, struct usher_verdict *v)
{
	const struct usher_op *op = &usher_ops[sqe->opcode];

	/* Worked out once: the compiler would do it again for each use, 2 instructions. */
	OPTIMIZER_HIDE_VAR(op);
	if (unlikely(!test_bit(sqe->opcode, scope->allowed) ||
		     usher_has_stray_bits(op, sqe) ||
		     !usher_has_nsid(scope, sqe)))
		return usher_name_refusal(scope, op, sqe);
	v->data = op->data;
	if (likely(op->shape == USHER_SHAPE_DATA))
		return usher_check_data(scope, sqe, v);
	return usher_check_other(scope, op, sqe, v);
}

/* A range of no blocks is legal; it has its place in the grant all the same. */
static u16 usher_check_dsm_ranges(const struct usher_scope *scope,
				  const struct usher_sqe *sqe,
				  const struct nvme_dsm_range *range,
				  struct usher_verdict *v)
{
	u32 nr = usher_nr(sqe->cdw10);

	v->blocks = 0;	/* 256 ranges of 2^32 - 1 blocks at most */
	for (; nr; nr--, range++) {
		u32 nlb = le32_to_cpu(range->nlb);

		if (le32_to_cpu(range->cattr) & ~USHER_DSM_CONTEXT)
			return usher_refuse(NVME_SC_INVALID_FIELD);
		if (!usher_in_grant(scope, le64_to_cpu(range->slba), nlb))
			return usher_refuse(NVME_SC_LBA_RANGE);
		if (nlb > scope->range_blocks)
			return usher_refuse(USHER_SC_SIZE_LIMIT);
		v->blocks += nlb;
	}
	if (v->blocks > scope->dsm_blocks)
		return usher_refuse(USHER_SC_SIZE_LIMIT);
	return 0;
}

static u16 usher_check_copy_range(const struct usher_scope *scope,
				  const struct usher_copy_range *range,
				  u32 range_bytes)
{
	u32 rest = range_bytes - offsetof(struct usher_copy_range, rest);
	u32 nlb = le16_to_cpu(range->nlb) + 1;

	if (range->reserved || memchr_inv(range->rest, 0, rest))
		return usher_refuse(NVME_SC_INVALID_FIELD);
	if (!usher_in_grant(scope, le64_to_cpu(range->slba), nlb))
		return usher_refuse(NVME_SC_LBA_RANGE);
	if (nlb > scope->copy_range_blocks)
		return usher_refuse(USHER_SC_SIZE_LIMIT);
	return 0;
}

static u16 usher_check_copy_ranges(const struct usher_scope *scope,
				   const struct usher_sqe *sqe,
				   const void *ranges, struct usher_verdict *v)
{
	u32 range_bytes = usher_copy_range_bytes(sqe->cdw12);
	u32 nr = usher_nr(sqe->cdw12);

	v->blocks = 0;	/* 256 ranges of 65536 blocks at most */
	for (; nr; nr--, ranges += range_bytes) {
		const struct usher_copy_range *range = ranges;
		u16 status = usher_check_copy_range(scope, range, range_bytes);

		if (status)
			return status;
		v->blocks += le16_to_cpu(range->nlb) + 1;
	}
	if (!usher_in_grant(scope, usher_slba(sqe), v->blocks))
		return usher_refuse(NVME_SC_LBA_RANGE);
	if (v->blocks > scope->copy_blocks)
		return usher_refuse(USHER_SC_SIZE_LIMIT);
	return 0;
}

/**
 * usher_guard_ranges - may the ranges that a command carries go to the device?
 * @scope: who asks, as given to usher_guard_check()
 * @sqe: what usher_guard_check() let through, with USHER_DATA_SNAPSHOT
 * @ranges: the ranges, in kernel memory; the device reads this copy
 * @v: as usher_guard_check() left it; @v->blocks is set
 *
 * Return: 0, or the NVMe status (SCT, SC, DNR) of the refusal.
 */
u16 usher_guard_ranges(const struct usher_scope *scope,
		       const struct usher_sqe *sqe, const void *ranges,
		       struct usher_verdict *v)
{
	if (sqe->opcode == nvme_cmd_dsm)
		return usher_check_dsm_ranges(scope, sqe, ranges, v);
	return usher_check_copy_ranges(scope, sqe, ranges, v);
}

/**
 * usher_format_equal - is this still the namespace that it was?
 * @a: format at one time
 * @b: format at another
 *
 * Return: true when a grant made for one may be used with the other.
 */
bool usher_format_equal(const struct usher_format *a,
			const struct usher_format *b)
{
	return a->csi == b->csi && a->lba_shift == b->lba_shift &&
	       a->metadata == b->metadata && a->extended == b->extended &&
	       a->pi == b->pi && a->zone_blocks == b->zone_blocks &&
	       a->zones_extended == b->zones_extended &&
	       !memcmp(a->nguid, b->nguid, sizeof(a->nguid)) &&
	       !memcmp(a->eui64, b->eui64, sizeof(a->eui64)) &&
	       !memcmp(a->uuid, b->uuid, sizeof(a->uuid));
}
