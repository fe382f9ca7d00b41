// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Submission entries as the NVM Express specifications lay them out: NVM Command
 * Set Specification 1.0, section 3.2, and Zoned Namespace Command Set
 * Specification 1.1, section 3.4.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "usher.h"

#define DSM_DEALLOCATE		0x00000004U	/* CDW11 of Dataset Management */
#define ZONE_SELECT_ALL		0x00000100U	/* CDW13 of Zone Management Send */
#define ZONE_PARTIAL		0x00010000U	/* CDW13 of Zone Management Receive */

static void prep(struct usher_sqe *sqe, enum usher_opcode opcode)
{
	__le16 cid = sqe->cid;
	__le32 nsid = sqe->nsid;

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = opcode;
	sqe->cid = cid;
	sqe->nsid = nsid;
}

static int refuse(struct usher_sqe *sqe)
{
	prep(sqe, USHER_OP_NONE);
	return -EINVAL;
}

static void set_data(struct usher_sqe *sqe, __u32 buf, __u64 offset,
		     __u32 length)
{
	sqe->dptr.offset = htole64(offset);
	sqe->dptr.length = htole32(length);
	sqe->dptr.buf = htole32(buf);
}

static void set_slba(struct usher_sqe *sqe, __u64 slba)
{
	sqe->cdw10 = htole32((__u32)slba);
	sqe->cdw11 = htole32((__u32)(slba >> 32));
}

int usher_prep_compare(struct usher_sqe *sqe, __u64 slba, __u32 blocks,
		       __u32 buf, __u64 offset, __u32 length)
{
	return usher_prep_rw(sqe, USHER_OP_COMPARE, slba, blocks, buf, offset,
			     length);
}

int usher_prep_flush(struct usher_sqe *sqe)
{
	prep(sqe, USHER_OP_FLUSH);
	return 0;
}

int usher_prep_verify(struct usher_sqe *sqe, __u64 slba, __u32 blocks)
{
	return usher_prep_rw(sqe, USHER_OP_VERIFY, slba, blocks, 0, 0, 0);
}

int usher_prep_write_zeroes(struct usher_sqe *sqe, __u64 slba, __u32 blocks)
{
	return usher_prep_rw(sqe, USHER_OP_WRITE_ZEROES, slba, blocks, 0, 0, 0);
}

int usher_prep_write_uncorrectable(struct usher_sqe *sqe, __u64 slba,
				   __u32 blocks)
{
	return usher_prep_rw(sqe, USHER_OP_WRITE_UNCORRECTABLE, slba, blocks, 0, 0, 0);
}

int usher_prep_deallocate(struct usher_sqe *sqe, __u32 ranges, __u32 buf,
			  __u64 offset)
{
	if (!ranges || ranges > USHER_MAX_RANGES)
		return refuse(sqe);

	prep(sqe, USHER_OP_DSM);
	set_data(sqe, buf, offset, ranges * sizeof(struct usher_dsm_range));
	sqe->cdw10 = htole32(ranges - 1);
	sqe->cdw11 = htole32(DSM_DEALLOCATE);
	return 0;
}

void usher_dsm_range_set(struct usher_dsm_range *range, __u64 slba,
			 __u32 blocks)
{
	range->cattr = 0;
	range->nlb = htole32(blocks);
	range->slba = htole64(slba);
}

int usher_prep_copy(struct usher_sqe *sqe, __u64 dst_slba, __u32 ranges,
		    __u32 buf, __u64 offset)
{
	if (!ranges || ranges > USHER_MAX_RANGES)
		return refuse(sqe);

	prep(sqe, USHER_OP_COPY);
	set_data(sqe, buf, offset, ranges * sizeof(struct usher_copy_range));
	set_slba(sqe, dst_slba);
	sqe->cdw12 = htole32(ranges - 1);
	return 0;
}

int usher_copy_range_set(struct usher_copy_range *range, __u64 slba,
			 __u32 blocks)
{
	if (!blocks || blocks > USHER_MAX_BLOCKS)
		return -EINVAL;

	memset(range, 0, sizeof(*range));
	range->slba = htole64(slba);
	range->nlb = htole16((__u16)(blocks - 1));
	return 0;
}

int usher_prep_zone_append(struct usher_sqe *sqe, __u64 zslba, __u32 blocks,
			   __u32 buf, __u64 offset, __u32 length)
{
	return usher_prep_rw(sqe, USHER_OP_ZONE_APPEND, zslba, blocks, buf,
			     offset, length);
}

int usher_prep_zone_send(struct usher_sqe *sqe, __u64 zslba,
			 enum usher_zone_action action, bool all)
{
	prep(sqe, USHER_OP_ZONE_SEND);
	set_slba(sqe, zslba);
	sqe->cdw13 = htole32(((__u32)action & 0xff) |
			     (all ? ZONE_SELECT_ALL : 0));
	return 0;
}

int usher_prep_zone_receive(struct usher_sqe *sqe, __u64 slba, __u32 buf,
			    __u64 offset, __u32 length, bool partial)
{
	if (!length || length % 4)
		return refuse(sqe);

	prep(sqe, USHER_OP_ZONE_RECEIVE);
	set_data(sqe, buf, offset, length);
	set_slba(sqe, slba);
	sqe->cdw12 = htole32(length / 4 - 1);
	sqe->cdw13 = htole32(partial ? ZONE_PARTIAL : 0);
	return 0;
}
