// SPDX-License-Identifier: GPL-2.0-only
/*
 * Admin commands of the NVMe ioctls: the queries of USHER_IOC_ADMIN, asked for as
 * existing programs do; on controllers, for administrators, all others as well. What is
 * not on the list is answered with a status, as by a controller that does not have it:
 * programs take an error for fatal.
 */
#include <linux/bits.h>
#include <linux/capability.h>
#include <linux/nvme.h>
#include <linux/nvme_ioctl.h>
#include <uapi/linux/usher.h>

#include "grant/grant.h"
#include "grant/query.h"
#include "guard/guard.h"
#include "nvme/query.h"
#include "passthru/admin.h"
#include "passthru/manage.h"

/* CDW10 of Get Log Page: the event that the log tells of stays announced */
#define USHER_RAE	BIT(15)

static void usher_admin_arg(const struct nvme_passthru_cmd64 *cmd,
			    struct usher_admin *arg)
{
	*arg = (struct usher_admin) {
		.opcode		= cmd->opcode,
		.cdw10		= cmd->cdw10,
		.cdw11		= cmd->cdw11,
		.cdw12		= cmd->cdw12,
		.cdw13		= cmd->cdw13,
		.cdw14		= cmd->cdw14,
		.data_length	= cmd->data_len,
		.data		= cmd->addr,
	};
	/* Events are the driver's: a program that reads the log gets the same data. */
	if (cmd->opcode == nvme_admin_get_log_page)
		arg->cdw10 |= USHER_RAE;
}

/* Nobody is told of others' namespaces, nor of another than was asked for. */
static bool usher_admin_nsid_fits(const struct usher_scope *scope, u32 nsid,
				  const struct nvme_command *built)
{
	u32 used = le32_to_cpu(built->common.nsid);

	if (used && used != NVME_NSID_ALL)
		return nsid == used;
	return !nsid || nsid == NVME_NSID_ALL || nsid == scope->nsid;
}

/* Why a query is refused, or 0 */
static u16 usher_admin_refusal(const struct usher_scope *scope,
			       const struct nvme_passthru_cmd64 *cmd,
			       const struct usher_admin *arg)
{
	struct nvme_command built;

	if (!(scope->rights & USHER_RIGHT_ADMIN))
		return NVME_SC_ACCESS_DENIED | USHER_DNR;
	if (cmd->opcode != nvme_admin_identify &&
	    cmd->opcode != nvme_admin_get_log_page &&
	    cmd->opcode != nvme_admin_get_features)
		return NVME_SC_INVALID_OPCODE | USHER_DNR;
	if (cmd->cdw2 || cmd->cdw3 || cmd->cdw15 ||
	    usher_query_build(scope, arg, &built) < 0)
		return NVME_SC_INVALID_FIELD | USHER_DNR;
	if (!usher_admin_nsid_fits(scope, cmd->nsid, &built))
		return NVME_SC_INVALID_NS | USHER_DNR;
	return 0;
}

/* On a file of a controller that was opened by its node, or handed on without less */
static bool usher_admin_may_manage(const struct usher_scope *scope)
{
	return !scope->nsid && scope->rights & USHER_RIGHT_ADMIN && capable(CAP_SYS_ADMIN);
}

/**
 * usher_passthru_admin - an admin command
 * @grant: of the file
 * @cmd: the command, whose flags and metadata were checked; its result is filled in
 *
 * Return: 0; a positive NVMe status; or a negative errno, as usher_grant_query() or
 * usher_passthru_manage().
 */
int usher_passthru_admin(struct usher_grant *grant, struct nvme_passthru_cmd64 *cmd)
{
	struct usher_admin arg;
	u32 result = 0;
	int ret;

	usher_admin_arg(cmd, &arg);
	ret = usher_admin_refusal(&grant->scope, cmd, &arg);
	if (ret && usher_admin_may_manage(&grant->scope))
		return usher_passthru_manage(grant, cmd);
	if (!ret)
		ret = usher_grant_query(grant, &arg, &result);
	cmd->result = result;
	return ret;
}
