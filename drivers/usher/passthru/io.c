// SPDX-License-Identifier: GPL-2.0-only
/*
 * I/O commands of the NVMe ioctls: through memory of the kernel's own, so that a process
 * may give any address, and the device reaches none of its pages.
 */
#include <linux/compat.h>
#include <linux/err.h>
#include <linux/nvme_ioctl.h>
#include <uapi/linux/usher.h>

#include "grant/buffer.h"
#include "grant/grant.h"
#include "guard/guard.h"
#include "passthru/channel.h"
#include "passthru/io.h"
#include "passthru/passthru.h"

/*
 * The file's channel, held for the caller. One that was revoked while the file was not
 * (USHER_IOC_REVOKE) is replaced. To make one may take as long as an admin command.
 */
static struct usher_channel *usher_passthru_get_channel(struct usher_passthru *pt)
{
	struct usher_channel *channel;

	if (mutex_lock_killable(&pt->lock))
		return ERR_PTR(-EINTR);
	channel = pt->channel;
	if (channel && READ_ONCE(channel->grant->dead)) {
		pt->channel = NULL;
		usher_channel_put(channel);
	}
	channel = pt->channel ?: usher_channel_alloc(pt->grant);
	if (!IS_ERR(channel)) {
		pt->channel = channel;
		kref_get(&channel->ref);
	}
	mutex_unlock(&pt->lock);
	return channel;
}

/* The data's place is filled in when there is one. */
static struct usher_sqe usher_passthru_entry(const struct nvme_passthru_cmd64 *cmd)
{
	return (struct usher_sqe) {
		.opcode		= cmd->opcode,
		.nsid		= cpu_to_le32(cmd->nsid),
		.cdw2		= cpu_to_le32(cmd->cdw2),
		.cdw3		= cpu_to_le32(cmd->cdw3),
		.dptr.length	= cpu_to_le32(cmd->data_len),
		.cdw10		= cpu_to_le32(cmd->cdw10),
		.cdw11		= cpu_to_le32(cmd->cdw11),
		.cdw12		= cpu_to_le32(cmd->cdw12),
		.cdw13		= cpu_to_le32(cmd->cdw13),
		.cdw14		= cpu_to_le32(cmd->cdw14),
		.cdw15		= cpu_to_le32(cmd->cdw15),
	};
}

static void __user *usher_passthru_ptr(u64 addr)
{
	if (in_compat_syscall())
		addr = (compat_uptr_t)addr;
	return (void __user *)(uintptr_t)addr;
}

/* A command with data. Only what it moves is copied. */
static int usher_passthru_move(struct usher_channel *channel, struct usher_sqe *sqe,
			       const struct usher_verdict *v, void __user *data,
			       struct usher_call *call)
{
	struct usher_buffer *buf = usher_channel_get_buffer(channel, v->bytes);
	bool in = v->data == USHER_DATA_WRITES;
	bool reuse = true;
	int ret = 0;

	if (IS_ERR(buf))
		return PTR_ERR(buf);
	sqe->dptr.buf = cpu_to_le32(buf->id);
	if (in)
		usher_buffer_clear(buf, v->bytes);
	else
		ret = usher_buffer_from_user(buf, data, v->bytes);
	if (!ret) {
		ret = usher_channel_do(channel, sqe, call);
		reuse = !ret && !(call->flags & USHER_CQE_DRIVER);
	}
	if (!ret && in && !call->status)
		ret = usher_buffer_to_user(buf, data, v->bytes);
	usher_channel_put_buffer(channel, buf, reuse);
	return ret;
}

/* A command that the guard has let through; it checks the entry once more in the ring. */
static int usher_passthru_do(struct usher_passthru *pt, struct usher_sqe *sqe,
			     const struct usher_verdict *v,
			     struct nvme_passthru_cmd64 *cmd)
{
	struct usher_channel *channel = usher_passthru_get_channel(pt);
	struct usher_call call;
	int ret;

	if (IS_ERR(channel))
		return PTR_ERR(channel);
	if (v->data == USHER_DATA_NONE)
		ret = usher_channel_do(channel, sqe, &call);
	else
		ret = usher_passthru_move(channel, sqe, v,
					  usher_passthru_ptr(cmd->addr), &call);
	usher_channel_put(channel);
	if (ret)
		return ret;
	cmd->result = call.result;
	return call.status;
}

/**
 * usher_passthru_io - an I/O command
 * @pt: of the file of a namespace or slice
 * @cmd: the command, whose flags and metadata were checked; its result is filled in
 *
 * The grant was alive a moment ago; the ring looks again. What the guard refuses takes no
 * memory and no tag.
 *
 * Return: 0; a positive NVMe status; or a negative errno: EINVAL another namespace, or
 * more data than the device takes; EFAULT; what the grant died of; and the errors of
 * usher_channel_alloc(), usher_channel_do() and usher_buffer_create().
 */
int usher_passthru_io(struct usher_passthru *pt, struct nvme_passthru_cmd64 *cmd)
{
	const struct usher_scope *scope = &pt->grant->scope;
	struct usher_sqe sqe = usher_passthru_entry(cmd);
	struct usher_verdict v;
	u16 status;

	cmd->result = 0;
	if (cmd->nsid != scope->nsid || cmd->data_len > scope->max_bytes)
		return -EINVAL;
	status = usher_guard_check(scope, &sqe, &v);
	return status ?: usher_passthru_do(pt, &sqe, &v, cmd);
}
