// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which queries a process may send to the admin queue, and as what command.
 */
#include <linux/capability.h>
#include <linux/nvme.h>
#include <linux/sizes.h>

#include "guard/guard.h"
#include "nvme/query.h"

#define USHER_QUERY_CNS	(BIT(0x00) | BIT(0x01) | BIT(0x02) | BIT(0x03) | \
			 BIT(0x05) | BIT(0x06) | BIT(0x08))
#define USHER_QUERY_LID	(BIT(0x01) | BIT(0x02) | BIT(0x03) | BIT(0x05))
#define USHER_QUERY_FID	(BIT(0x01) | BIT(0x02) | BIT(0x04) | BIT(0x05) | \
			 BIT(0x06) | BIT(0x07) | BIT(0x08) | BIT(0x0a) | \
			 BIT(0x0b))

static bool usher_query_listed(u32 value, unsigned long list)
{
	return value < BITS_PER_LONG && (list & BIT(value));
}

/* Base Specification 2.0, 5.17: CDW10 CNS, CDW11 CSI; no CNTID, no UUID index */
static int usher_query_identify(const struct usher_admin *arg)
{
	u8 cns = arg->cdw10;

	if (!usher_query_listed(cns, USHER_QUERY_CNS))
		return -EACCES;
	if (arg->cdw10 >> 8 || arg->cdw11 & 0x00ffffff || arg->cdw12 ||
	    arg->cdw13 || arg->cdw14)
		return -EACCES;
	return NVME_IDENTIFY_DATA_SIZE;
}

/*
 * Base Specification 2.0, 5.16: CDW10 LID, LSP, RAE, NUMDL; CDW11 NUMDU. An
 * event must not be cleared by a process that only looks, so RAE is required.
 */
static int usher_query_log(const struct usher_admin *arg)
{
	u32 dwords = (arg->cdw10 >> 16) + 1;

	if (!usher_query_listed(arg->cdw10 & 0xff, USHER_QUERY_LID))
		return -EACCES;
	/* The error log tells the LBAs of everybody's commands. */
	if ((arg->cdw10 & 0xff) == NVME_LOG_ERROR && !capable(CAP_SYS_ADMIN))
		return -EACCES;
	if ((arg->cdw10 & 0xff00) != BIT(15) || arg->cdw11 || arg->cdw13 ||
	    arg->cdw14)
		return -EACCES;
	/* CDW12: offset; nothing on the list is longer than this. */
	if (arg->cdw12 >= SZ_64K || arg->cdw12 & 3)
		return -EINVAL;
	if (dwords > SZ_4K / 4)
		return -EINVAL;
	return dwords * 4;
}

/* Base Specification 2.0, 5.15: CDW10 FID, SEL below "supported capabilities" */
static int usher_query_feature(const struct usher_admin *arg)
{
	if (!usher_query_listed(arg->cdw10 & 0xff, USHER_QUERY_FID))
		return -EACCES;
	if ((arg->cdw10 >> 8) > 2 || arg->cdw11 || arg->cdw12 || arg->cdw13 ||
	    arg->cdw14)
		return -EACCES;
	return 0;
}

static u32 usher_query_nsid(const struct usher_scope *scope,
			    const struct usher_admin *arg)
{
	u8 cns = arg->cdw10;

	switch (arg->opcode) {
	case nvme_admin_identify:
		if (cns == NVME_ID_CNS_CTRL || cns == NVME_ID_CNS_CS_CTRL ||
		    cns == NVME_ID_CNS_NS_ACTIVE_LIST)
			return 0;
		return scope->nsid;
	case nvme_admin_get_log_page:
		return NVME_NSID_ALL;
	default:
		return 0;
	}
}

/* How many bytes the query answers, or why it is refused */
static int usher_query_check(const struct usher_scope *scope,
			     const struct usher_admin *arg)
{
	if (!(scope->rights & USHER_RIGHT_ADMIN))
		return -EACCES;
	switch (arg->opcode) {
	case nvme_admin_identify:
		return usher_query_identify(arg);
	case nvme_admin_get_log_page:
		return usher_query_log(arg);
	case nvme_admin_get_features:
		return usher_query_feature(arg);
	default:
		return -EACCES;
	}
}

/**
 * usher_query_build - the command of a query, if it is allowed
 * @scope: of the grant that asks; the namespace is its
 * @arg: what is asked
 * @cmd: the command; all of it is written
 *
 * Return: how many bytes it answers, at most USHER_QUERY_MAX_BYTES; -EACCES when it
 * is not on the list or the grant lacks the right; -EINVAL when the answer does not
 * fit.
 */
int usher_query_build(const struct usher_scope *scope,
		      const struct usher_admin *arg, struct nvme_command *cmd)
{
	int bytes = usher_query_check(scope, arg);

	if (bytes < 0)
		return bytes;
	if (bytes > arg->data_length)
		return -EINVAL;
	*cmd = (struct nvme_command) {
		.common.opcode	= arg->opcode,
		.common.nsid	= cpu_to_le32(usher_query_nsid(scope, arg)),
		.common.cdw10	= cpu_to_le32(arg->cdw10),
		.common.cdw11	= cpu_to_le32(arg->cdw11),
		.common.cdw12	= cpu_to_le32(arg->cdw12),
	};
	return bytes;
}
