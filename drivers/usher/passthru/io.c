// SPDX-License-Identifier: GPL-2.0-only
/*
 * I/O commands of the NVMe ioctls: through memory of the kernel's own, so that a process
 * may give any address, the device reaches none of its pages, and a process that is
 * killed need not wait for the device.
 */
#include <linux/capability.h>
#include <linux/compat.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/nvme.h>
#include <linux/nvme_ioctl.h>
#include <uapi/linux/usher.h>

#include "core/device.h"
#include "grant/buffer.h"
#include "grant/grant.h"
#include "passthru/io.h"
#include "passthru/passthru.h"
#include "passthru/plug.h"

/* One that was revoked while the file was not (USHER_IOC_REVOKE) is forgotten. */
static void usher_passthru_drop_dead(struct usher_channel **channel)
{
	if (*channel && READ_ONCE((*channel)->grant->dead)) {
		usher_channel_put(*channel);
		*channel = NULL;
	}
}

static struct usher_channel *usher_passthru_make_channel(struct usher_passthru *pt,
							 unsigned int how)
{
	if (how & USHER_IO_NOWAIT)
		return ERR_PTR(-EAGAIN);
	return usher_channel_alloc(pt->grant, &pt->admin,
				   how & USHER_IO_POLLED ? USHER_RING_POLLED : 0);
}

/*
 * A channel of the file's, held for the caller. To make one may take as long as an admin
 * command.
 */
static struct usher_channel *usher_passthru_get_channel(struct usher_passthru *pt,
							unsigned int how)
{
	struct usher_channel **place = how & USHER_IO_POLLED ? &pt->polled : &pt->channel;
	struct usher_channel *channel;

	if (how & USHER_IO_NOWAIT) {
		if (!mutex_trylock(&pt->lock))
			return ERR_PTR(-EAGAIN);
	} else if (mutex_lock_interruptible(&pt->lock)) {
		return ERR_PTR(-ERESTARTSYS);
	}
	usher_passthru_drop_dead(place);
	channel = *place ?: usher_passthru_make_channel(pt, how);
	if (!IS_ERR(channel)) {
		*place = channel;
		kref_get(&channel->ref);
	}
	mutex_unlock(&pt->lock);
	return channel;
}

/**
 * usher_io_prepare - the entry of a command
 * @pt: of the file of a namespace or slice
 * @cmd: the command
 * @sqe: filled in, but for its data
 *
 * Return: 0, or -EINVAL: flags, metadata, or another namespace.
 */
int usher_io_prepare(const struct usher_passthru *pt,
		     const struct nvme_passthru_cmd64 *cmd, struct usher_sqe *sqe)
{
	if (cmd->flags || cmd->metadata || cmd->metadata_len ||
	    cmd->nsid != pt->grant->scope.nsid)
		return -EINVAL;
	*sqe = (struct usher_sqe) {
		.opcode		= cmd->opcode,
		.nsid		= cpu_to_le32(cmd->nsid),
		.cdw2		= cpu_to_le32(cmd->cdw2),
		.cdw3		= cpu_to_le32(cmd->cdw3),
		.cdw10		= cpu_to_le32(cmd->cdw10),
		.cdw11		= cpu_to_le32(cmd->cdw11),
		.cdw12		= cpu_to_le32(cmd->cdw12),
		.cdw13		= cpu_to_le32(cmd->cdw13),
		.cdw14		= cpu_to_le32(cmd->cdw14),
		.cdw15		= cpu_to_le32(cmd->cdw15),
	};
	return 0;
}

/**
 * usher_io_set_length - tell the guard how long the data are
 * @pt: of the file of a namespace or slice
 * @sqe: the entry
 * @data: imported
 *
 * Return: 0, or -EINVAL more than the device takes.
 */
int usher_io_set_length(const struct usher_passthru *pt, struct usher_sqe *sqe,
			const struct usher_io_data *data)
{
	size_t length = iov_iter_count(&data->iter);

	if (length > pt->grant->scope.max_bytes)
		return -EINVAL;
	sqe->dptr.length = cpu_to_le32(length);
	return 0;
}

/*
 * The guard's verdict, before the command takes memory and a tag. Administrators may do
 * on each file of a node what may be done on the node, as with the stock driver.
 */
static u16 usher_passthru_check(const struct usher_passthru *pt,
				const struct usher_sqe *sqe, struct usher_verdict *v)
{
	const struct usher_scope *scope = &pt->grant->scope;
	u16 status = usher_guard_check(scope, sqe, v);

	if (likely(status != (NVME_SC_ACCESS_DENIED | USHER_DNR)) ||
	    pt->admin.rights == scope->rights || !capable(CAP_SYS_ADMIN))
		return status;
	return usher_guard_check(&pt->admin, sqe, v);
}

/* Memory for the data, with those in it that the device is to read */
static int usher_io_fill(struct usher_io *io, struct usher_sqe *sqe)
{
	/* The guard's table, and the opcode, which data were imported by */
	if (WARN_ON_ONCE(io->in != (iov_iter_rw(&io->data.iter) == READ)))
		return -EIO;
	io->buf = usher_call_buffer(&io->call, io->bytes);
	if (IS_ERR(io->buf))
		return PTR_ERR(io->buf);
	sqe->dptr.buf = cpu_to_le32(io->buf->id);
	if (!io->in)
		return usher_buffer_from_iter(io->buf, &io->data.iter, io->bytes);
	/*
	 * The answer may be shorter; what a command of the file's left here is not for who
	 * has the file now. A Read that succeeds fills all of it, and is not to cost more.
	 */
	if (sqe->opcode != nvme_cmd_read)
		usher_buffer_clear(io->buf, io->bytes);
	return 0;
}

/* Hand it over: with others, where the caller hands over many */
static int usher_io_push(struct usher_io *io, struct usher_sqe *sqe, bool nowait)
{
	struct usher_channel *channel = io->call.channel;
	int ret;

	if (!usher_plug(channel))
		return usher_call_push(&io->call, sqe,
				       nowait ? USHER_PUSH_NOWAIT : USHER_PUSH_WAIT);
	ret = usher_call_push(&io->call, sqe, USHER_PUSH_LATER);
	/* It may have slept, and the plug been finished, before the entry was there. */
	if (!ret && !usher_plug(channel))
		usher_channel_kick(channel, false);
	return ret;
}

/**
 * usher_io_start - check a command, and hand it over
 * @io: with @call and @data; the rest is filled in
 * @pt: of the file
 * @sqe: the command, with the length of its data
 * @how: USHER_IO_*
 *
 * Return: 0, and the caller is to arm @io->call; a positive NVMe status; or a negative
 * errno: EAGAIN, only with USHER_IO_NOWAIT, which may come of any wait; EFAULT;
 * ERESTARTSYS; what the grant died of; and the errors of usher_channel_alloc() and
 * usher_buffer_create(). With all but 0 nothing was done.
 */
int usher_io_start(struct usher_io *io, struct usher_passthru *pt, struct usher_sqe *sqe,
		   unsigned int how)
{
	bool nowait = how & USHER_IO_NOWAIT;
	struct usher_channel *channel;
	struct usher_verdict v;
	int ret;

	ret = usher_passthru_check(pt, sqe, &v);
	if (ret)
		return ret;
	if (nowait && usher_dev_state(pt->grant->ud) == USHER_RESETTING)
		return -EAGAIN;
	channel = usher_passthru_get_channel(pt, how);
	if (IS_ERR(channel))
		return PTR_ERR(channel);
	ret = usher_call_begin(&io->call, channel, nowait);
	if (ret)
		goto put_channel;
	io->in = v.data == USHER_DATA_WRITES;
	io->bytes = v.data == USHER_DATA_NONE ? 0 : v.bytes;
	ret = io->bytes ? usher_io_fill(io, sqe) : 0;
	if (ret)
		goto end_call;
	ret = usher_io_push(io, sqe, nowait);
	if (ret)
		goto end_call;
	return 0;

put_channel:
	usher_channel_put(channel);
	return ret;
end_call:
	usher_call_end(&io->call);
	return ret;
}

/* In the process: data that it is to have. Returns the status or an errno. */
int usher_io_result(struct usher_io *io)
{
	const struct usher_call *call = &io->call;

	if (call->error)
		return call->error;
	if (io->in && !call->status &&
	    usher_buffer_to_iter(io->buf, &io->data.iter, io->bytes))
		return -EFAULT;
	return call->status;
}

void usher_io_end(struct usher_io *io)
{
	usher_call_end(&io->call);
}

/* ---- commands that are waited for ---- */

/*
 * struct usher_io_wait - a command, and who waits for it; on its stack
 */
struct usher_io_wait {
	struct usher_io		io;
	struct completion	done;
};

static void usher_io_wake(struct usher_call *call)
{
	complete(&container_of(call, struct usher_io_wait, io.call)->done);
}

/* A thread that is killed leaves its command behind. Other signals wait. */
static int usher_io_wait(struct usher_io_wait *w)
{
	int ret = 0;

	usher_call_arm(&w->io.call);
	if (wait_for_completion_killable(&w->done) &&
	    usher_call_abandon(&w->io.call))
		ret = -EINTR;
	else
		ret = usher_io_result(&w->io);
	return ret;
}

static int usher_io_do(struct usher_io_wait *w, struct usher_passthru *pt,
		       struct usher_sqe *sqe, u64 *result)
{
	int ret = usher_io_start(&w->io, pt, sqe, 0);

	if (ret)
		return ret;
	ret = usher_io_wait(w);
	*result = w->io.call.result;
	usher_io_end(&w->io);
	return ret;
}

/* The addresses of a 32-bit process have 32 bits. */
static int usher_io_import(struct usher_io_data *data,
			   const struct nvme_passthru_cmd64 *cmd, bool vec)
{
	bool compat = in_compat_syscall();
	u64 addr = compat ? (compat_uptr_t)cmd->addr : cmd->addr;

	if (vec)
		return usher_io_data_import_vec(data, cmd->opcode, addr, cmd->data_len, compat);
	return usher_io_data_import(data, cmd->opcode, addr, cmd->data_len);
}

/**
 * usher_passthru_io - an I/O command
 * @pt: of the file of a namespace or slice
 * @cmd: the command; its result is filled in
 * @vec: the data are in several pieces: their number is in place of their length
 *
 * The grant was alive a moment ago; the ring looks again.
 *
 * Return: 0; a positive NVMe status; or a negative errno: EINVAL another namespace, or
 * more data than the device takes; EINTR the process was killed, which leaves the
 * command to its completion; and what usher_io_data_import_vec() and usher_io_start() return.
 */
int usher_passthru_io(struct usher_passthru *pt, struct nvme_passthru_cmd64 *cmd, bool vec)
{
	struct usher_io_wait w;
	struct usher_sqe sqe;
	int ret;

	cmd->result = 0;
	ret = usher_io_prepare(pt, cmd, &sqe);
	if (ret)
		return ret;
	usher_call_init(&w.io.call, usher_io_wake);
	init_completion(&w.done);
	ret = usher_io_import(&w.io.data, cmd, vec);
	if (!ret)
		ret = usher_io_set_length(pt, &sqe, &w.io.data);
	if (!ret)
		ret = usher_io_do(&w, pt, &sqe, &cmd->result);
	usher_io_data_release(&w.io.data);
	return ret;
}
