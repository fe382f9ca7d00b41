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

#define DSM_DEALLOCATE		0x00000004ULL	/* CDW11 of Dataset Management */
#define ZONE_SELECT_ALL		0x00000100U	/* CDW13 of Zone Management Send */
#define ZONE_PARTIAL		0x00010000U	/* CDW13 of Zone Management Receive */

static int refuse(struct usher_sqe *sqe)
{
	usher_prep_fill(sqe, USHER_OP_NONE, 0, 0, 0, 0, 0);
	return -EINVAL;
}

int usher_prep_compare(struct usher_sqe *sqe, __u64 slba, __u32 blocks,
		       __u32 buf, __u64 offset, __u32 length)
{
	return usher_prep_range(sqe, USHER_OP_COMPARE, slba, blocks, buf,
				offset, length);
}

int usher_prep_flush(struct usher_sqe *sqe)
{
	usher_prep_fill(sqe, USHER_OP_FLUSH, 0, 0, 0, 0, 0);
	return 0;
}

int usher_prep_verify(struct usher_sqe *sqe, __u64 slba, __u32 blocks)
{
	return usher_prep_range(sqe, USHER_OP_VERIFY, slba, blocks, 0, 0, 0);
}

int usher_prep_write_zeroes(struct usher_sqe *sqe, __u64 slba, __u32 blocks)
{
	return usher_prep_range(sqe, USHER_OP_WRITE_ZEROES, slba, blocks, 0, 0,
				0);
}

int usher_prep_write_uncorrectable(struct usher_sqe *sqe, __u64 slba,
				   __u32 blocks)
{
	return usher_prep_range(sqe, USHER_OP_WRITE_UNCORRECTABLE, slba, blocks,
				0, 0, 0);
}

int usher_prep_deallocate(struct usher_sqe *sqe, __u32 ranges, __u32 buf,
			  __u64 offset)
{
	if (!ranges || ranges > USHER_MAX_RANGES)
		return refuse(sqe);

	usher_prep_fill(sqe, USHER_OP_DSM, DSM_DEALLOCATE << 32 | (ranges - 1), 0,
			buf, offset, ranges * sizeof(struct usher_dsm_range));
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

	usher_prep_fill(sqe, USHER_OP_COPY, dst_slba, ranges - 1, buf, offset,
			ranges * sizeof(struct usher_copy_range));
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
	return usher_prep_range(sqe, USHER_OP_ZONE_APPEND, zslba, blocks, buf,
				offset, length);
}

int usher_prep_zone_send(struct usher_sqe *sqe, __u64 zslba,
			 enum usher_zone_action action, bool all)
{
	usher_prep_fill(sqe, USHER_OP_ZONE_SEND, zslba, 0, 0, 0, 0);
	sqe->cdw13 = htole32(((__u32)action & 0xff) |
			     (all ? ZONE_SELECT_ALL : 0));
	return 0;
}

int usher_prep_zone_receive(struct usher_sqe *sqe, __u64 slba, __u32 buf,
			    __u64 offset, __u32 length, bool partial)
{
	if (!length || length % 4)
		return refuse(sqe);

	usher_prep_fill(sqe, USHER_OP_ZONE_RECEIVE, slba, length / 4 - 1, buf,
			offset, length);
	sqe->cdw13 = htole32(partial ? ZONE_PARTIAL : 0);
	return 0;
}
