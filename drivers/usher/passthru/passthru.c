// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of <linux/nvme_ioctl.h>: arguments in, the command, the result out. They
 * return what those of the stock driver do: 0, a positive NVMe status or a negative
 * errno.
 */
#include <linux/bits.h>
#include <linux/nvme.h>
#include <linux/nvme_ioctl.h>
#include <linux/overflow.h>
#include <linux/ptrace.h>
#include <linux/stddef.h>
#include <linux/uaccess.h>
#include <uapi/linux/usher.h>

#include "core/device.h"
#include "grant/grant.h"
#include "passthru/admin.h"
#include "passthru/channel.h"
#include "passthru/ctrl.h"
#include "passthru/io.h"
#include "passthru/passthru.h"

/* Both structs of a command are the same up to the result. */
#define USHER_CMD_BYTES		offsetof(struct nvme_passthru_cmd, result)
static_assert(offsetof(struct nvme_passthru_cmd64, rsvd2) == USHER_CMD_BYTES);

/* The same in 32-bit processes, where the struct has no padding at its end */
#define USHER_USER_IO_BYTES	offsetofend(struct nvme_user_io, appmask)

/* Its number has the size of the struct. */
#define USHER_IOCTL_SUBMIT_IO32	_IOC(_IOC_WRITE, USHER_NVME_IOC_TYPE, \
				     _IOC_NR(NVME_IOCTL_SUBMIT_IO), USHER_USER_IO_BYTES)

/**
 * usher_passthru_init - a file is opened
 * @pt: in the file
 * @grant: of the file, which keeps it
 * @rights: USHER_RIGHT_* that administrators have; at least those of @grant
 */
void usher_passthru_init(struct usher_passthru *pt, struct usher_grant *grant, u32 rights)
{
	*pt = (struct usher_passthru) { .grant = grant, .admin = grant->scope };
	pt->admin.rights = rights;
	usher_guard_prepare(&pt->admin);
	mutex_init(&pt->lock);
}

/* The file is closed: no ioctl is under way. */
void usher_passthru_destroy(struct usher_passthru *pt)
{
	if (pt->channel)
		usher_channel_put(pt->channel);
	if (pt->polled)
		usher_channel_put(pt->polled);
	mutex_destroy(&pt->lock);
}

/* Why nothing can be done any more, or 0. Removal ends the grants, too. */
int usher_passthru_ended(const struct usher_passthru *pt)
{
	int dead = READ_ONCE(pt->grant->dead);

	return usher_dev_gone(pt->grant->ud) ? -ENODEV : dead;
}

/* What an ioctl of a command takes */
enum usher_cmd_form {
	USHER_CMD_ADMIN	= BIT(0),	/* an admin command */
	USHER_CMD_WIDE	= BIT(1),	/* a result of 64 bits */
	USHER_CMD_VEC	= BIT(2),	/* data in several pieces */
};

static int usher_passthru_do_cmd(struct usher_passthru *pt,
				 struct nvme_passthru_cmd64 *cmd, unsigned int form)
{
	int ret = usher_passthru_ended(pt);

	if (ret)
		return ret;
	if (!(form & USHER_CMD_ADMIN))
		return usher_passthru_io(pt, cmd, form & USHER_CMD_VEC);
	if (cmd->flags || cmd->metadata || cmd->metadata_len)
		return -EINVAL;
	return usher_passthru_admin(pt->grant, cmd);
}

/* Both structs differ only in the width of the result. */
static int usher_passthru_cmd(struct usher_passthru *pt, void __user *argp,
			      unsigned int form)
{
	struct nvme_passthru_cmd64 cmd = {};
	int ret;

	if (copy_from_user(&cmd, argp, USHER_CMD_BYTES))
		return -EFAULT;
	ret = usher_passthru_do_cmd(pt, &cmd, form);
	if (ret < 0)
		return ret;
	if (form & USHER_CMD_WIDE ?
		   put_user(cmd.result, &((struct nvme_passthru_cmd64 __user *)argp)->result) :
		   put_user((u32)cmd.result, &((struct nvme_passthru_cmd __user *)argp)->result))
		return -EFAULT;
	return ret;
}

static bool usher_submit_io_valid(const struct nvme_user_io *io)
{
	if (io->flags)
		return false;
	return io->opcode == nvme_cmd_read || io->opcode == nvme_cmd_write ||
	       io->opcode == nvme_cmd_compare;
}

static int usher_passthru_submit_io(struct usher_passthru *pt, void __user *argp)
{
	const struct usher_scope *scope = &pt->grant->scope;
	struct nvme_passthru_cmd64 cmd;
	struct nvme_user_io io = {};
	u32 bytes;

	if (copy_from_user(&io, argp, USHER_USER_IO_BYTES))
		return -EFAULT;
	if (!usher_submit_io_valid(&io) ||
	    check_mul_overflow(io.nblocks + 1U, scope->lba_bytes, &bytes))
		return -EINVAL;
	cmd = (struct nvme_passthru_cmd64) {
		.opcode		= io.opcode,
		.nsid		= scope->nsid,
		.metadata	= io.metadata,
		.addr		= io.addr,
		.data_len	= bytes,
		.cdw10		= lower_32_bits(io.slba),
		.cdw11		= upper_32_bits(io.slba),
		.cdw12		= io.nblocks | io.control << 16,
		.cdw13		= io.dsmgmt,
		.cdw14		= io.reftag,
		.cdw15		= io.apptag | io.appmask << 16,
	};
	return usher_passthru_do_cmd(pt, &cmd, 0);
}

/* Those of all nodes */
static long usher_passthru_admin_ioctl(struct usher_passthru *pt, unsigned int cmd,
				       void __user *argp)
{
	switch (cmd) {
	case NVME_IOCTL_ADMIN_CMD:
		return usher_passthru_cmd(pt, argp, USHER_CMD_ADMIN);
	case NVME_IOCTL_ADMIN64_CMD:
		return usher_passthru_cmd(pt, argp, USHER_CMD_ADMIN | USHER_CMD_WIDE);
	default:
		return -ENOTTY;
	}
}

/* Those of controllers; there is no reset of a subsystem, as on most of them. */
static long usher_passthru_ctrl_ioctl(struct usher_passthru *pt, unsigned int cmd,
				      void __user *argp)
{
	switch (cmd) {
	case NVME_IOCTL_RESET:
		return usher_passthru_reset(pt->grant->ud);
	case NVME_IOCTL_RESCAN:
		return usher_passthru_rescan(pt->grant->ud);
	default:
		return usher_passthru_admin_ioctl(pt, cmd, argp);
	}
}

/* Those of namespaces and slices; NSIDs that do not fit an int are as in stock. */
static long usher_passthru_ns_ioctl(struct usher_passthru *pt, unsigned int cmd,
				    void __user *argp)
{
	switch (cmd) {
	case NVME_IOCTL_ID:
		if (usher_dev_gone(pt->grant->ud))
			return -ENODEV;
		force_successful_syscall_return();
		return pt->grant->scope.nsid;
	case NVME_IOCTL_SUBMIT_IO:
	case USHER_IOCTL_SUBMIT_IO32:
		return usher_passthru_submit_io(pt, argp);
	case NVME_IOCTL_IO_CMD:
		return usher_passthru_cmd(pt, argp, 0);
	case NVME_IOCTL_IO64_CMD:
		return usher_passthru_cmd(pt, argp, USHER_CMD_WIDE);
	case NVME_IOCTL_IO64_CMD_VEC:
		return usher_passthru_cmd(pt, argp, USHER_CMD_WIDE | USHER_CMD_VEC);
	default:
		return usher_passthru_admin_ioctl(pt, cmd, argp);
	}
}

/**
 * usher_passthru_ioctl - an ioctl of type USHER_NVME_IOC_TYPE
 * @pt: of the file
 * @cmd: which one
 * @argp: the process's argument
 *
 * Return: 0; a positive NVMe status, or NSID; or a negative errno: ENOTTY unknown on this
 * node, EINVAL, EFAULT and those of the commands.
 */
long usher_passthru_ioctl(struct usher_passthru *pt, unsigned int cmd,
			  void __user *argp)
{
	if (!pt->grant->scope.nsid)
		return usher_passthru_ctrl_ioctl(pt, cmd, argp);
	return usher_passthru_ns_ioctl(pt, cmd, argp);
}
