// SPDX-License-Identifier: GPL-2.0-only
/*
 * Admin commands of administrators by the NVMe ioctls: on controllers all that the driver
 * does not own.
 */
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/nvme.h>
#include <linux/nvme_ioctl.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "core/device.h"
#include "grant/grant.h"
#include "nvme/admin.h"
#include "nvme/alone.h"
#include "nvme/ctrl.h"
#include "nvme/manage.h"
#include "nvme/query.h"
#include "passthru/manage.h"

/* CDW10 of Get Log Page: the event that the log tells of stays announced */
#define USHER_RAE	BIT(15)

static void usher_manage_build(const struct nvme_passthru_cmd64 *from,
			       struct nvme_command *cmd)
{
	*cmd = (struct nvme_command) {
		.common.opcode	= from->opcode,
		.common.nsid	= cpu_to_le32(from->nsid),
		.common.cdw2	= { cpu_to_le32(from->cdw2), cpu_to_le32(from->cdw3) },
		.common.cdw10	= cpu_to_le32(from->cdw10),
		.common.cdw11	= cpu_to_le32(from->cdw11),
		.common.cdw12	= cpu_to_le32(from->cdw12),
		.common.cdw13	= cpu_to_le32(from->cdw13),
		.common.cdw14	= cpu_to_le32(from->cdw14),
		.common.cdw15	= cpu_to_le32(from->cdw15),
	};
	/* Events are the driver's: a program that reads the log gets the same data. */
	if (from->opcode == nvme_admin_get_log_page)
		cmd->common.cdw10 |= cpu_to_le32(USHER_RAE);
}

/* In a slow section: whether the command may be sent, and if it need not be alone, do it. */
static int usher_manage_in_section(struct usher_ctrl *ctrl, struct nvme_command *cmd,
				   struct usher_admin_req *req, struct usher_manage *m)
{
	int ret = usher_manage_check(ctrl, cmd, m);

	if (ret)
		return ret;
	req->bytes = m->bytes;
	return m->alone ? 0 : usher_admin(ctrl, cmd, req);
}

static int usher_manage_send(struct usher_grant *grant, struct nvme_command *cmd,
			     struct usher_admin_req *req)
{
	struct usher_device *ud = grant->ud;
	struct usher_manage m = {};
	int idx, ret;

	ret = usher_dev_enter_slow(ud, &idx);
	if (ret)
		return ret;
	ret = READ_ONCE(grant->dead);
	if (!ret)
		ret = usher_manage_in_section(ud->ctrl, cmd, req, &m);
	usher_dev_exit_slow(ud, idx);
	return !ret && m.alone ? usher_alone(ud->ctrl, cmd, req) : ret;
}

/**
 * usher_passthru_manage - an admin command of an administrator
 * @grant: of a file of a controller; the caller has CAP_SYS_ADMIN
 * @cmd: the command, whose flags and metadata were checked; its result is filled in
 *
 * Return: 0; a positive NVMe status; or a negative errno: EFAULT; ENOMEM; EINVAL more
 * data than a controller page; EAGAIN a reset came in between; EINTR a signal, which
 * leaves the command to its end; ETIMEDOUT; ENODEV; what the grant died of.
 */
int usher_passthru_manage(struct usher_grant *grant, struct nvme_passthru_cmd64 *cmd)
{
	u32 bytes = min_t(u32, cmd->data_len, USHER_QUERY_MAX_BYTES), result = 0;
	struct usher_admin_req req = {
		.result		= &result,
		.user		= true,
		.out		= cmd->opcode & 1,
		.timeout	= max(msecs_to_jiffies(cmd->timeout_ms), 60UL * HZ),
	};
	struct nvme_command built;
	int ret = 0;

	if (cmd->data_len > USHER_QUERY_MAX_BYTES)
		return -EINVAL;
	req.data = kzalloc(USHER_QUERY_MAX_BYTES, GFP_KERNEL);
	if (!req.data)
		return -ENOMEM;
	if (req.out && copy_from_user(req.data, u64_to_user_ptr(cmd->addr), bytes))
		ret = -EFAULT;
	usher_manage_build(cmd, &built);
	if (!ret)
		ret = usher_manage_send(grant, &built, &req);
	bytes = min(bytes, req.bytes);
	if (!ret && !req.out && copy_to_user(u64_to_user_ptr(cmd->addr), req.data, bytes))
		ret = -EFAULT;
	cmd->result = result;
	kfree(req.data);
	/* The controller may have it: to send it again is for who asked. */
	return ret == -ERESTARTSYS ? -EINTR : ret;
}
