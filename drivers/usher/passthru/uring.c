// SPDX-License-Identifier: GPL-2.0-only
/*
 * NVMe commands by io_uring (IORING_OP_URING_CMD). They return what those of the stock
 * driver do: 0, a positive NVMe status or a negative errno in the completion's res, the
 * command's result in the first word after it.
 *
 * io_uring asks first for what does not wait (IO_URING_F_NONBLOCK); with -EAGAIN it asks
 * once more, in a thread where we may. A completion is told in the task that has
 * submitted the command, or to who polls for it: there data are copied, if the memory is
 * that of the submitter.
 */
#include <linux/llist.h>
#include <linux/nvme_ioctl.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <uapi/linux/usher.h>

#include "compat.h"
#include "grant/grant.h"
#include "passthru/admin.h"
#include "passthru/io.h"
#include "passthru/passthru.h"
#include "passthru/uring.h"

/* The completion's second half has the result. */
#define USHER_URING_WIDE	(IO_URING_F_SQE128 | IO_URING_F_CQE32)

/*
 * struct usher_uring - an I/O command of io_uring
 */
struct usher_uring {
	struct usher_io		io;
	struct io_uring_cmd	*ioucmd;	/* until it is done */
	struct mm_struct	*mm;	/* the submitter's, where the data are; referenced */
	struct usher_passthru	*pt;	/* of the file, which @ioucmd keeps */
	struct llist_node	polled;	/* in @pt->polled_over */
};

/* What we have in a command of io_uring's */
struct usher_uring_pdu {
	struct usher_uring	*u;
};

static struct usher_uring_pdu *usher_uring_pdu(struct io_uring_cmd *ioucmd)
{
	static_assert(sizeof(struct usher_uring_pdu) <= sizeof(ioucmd->pdu));

	return (struct usher_uring_pdu *)&ioucmd->pdu;
}

/* ---- completion ---- */

static void usher_uring_free(struct usher_uring *u)
{
	usher_io_data_release(&u->io.data);
	mmdrop(u->mm);
	kfree(u);
}

/* Nobody can cancel it any more when io_uring knows that it is done. */
static void usher_uring_finish(struct usher_uring *u, int ret, unsigned int issue_flags)
{
	usher_uring_done(u->ioucmd, ret, u->io.call.result, issue_flags);
	usher_io_end(&u->io);
	usher_uring_free(u);
}

/* Registered buffers of io_uring are pages; all others are addresses of the submitter. */
static bool usher_uring_needs_mm(const struct usher_uring *u)
{
	return u->io.in && !iov_iter_is_bvec(&u->io.data.iter);
}

/*
 * When the task has ended, this is a kernel thread, or the task, which has no memory. And a
 * process may poll for those of another that it has the io_uring from.
 */
static int usher_uring_result(struct usher_uring *u)
{
	if (usher_uring_needs_mm(u) && current->mm != u->mm)
		return -ECANCELED;
	return usher_io_result(&u->io);
}

static void usher_uring_complete(struct io_uring_cmd *ioucmd, unsigned int issue_flags)
{
	struct usher_uring *u = usher_uring_pdu(ioucmd)->u;

	usher_uring_finish(u, usher_uring_result(u), issue_flags);
}

USHER_URING_TASK_FN(usher_uring_task_fn, usher_uring_complete);

static void usher_uring_call_done(struct usher_call *call)
{
	struct usher_uring *u = container_of(call, struct usher_uring, io.call);

	usher_uring_in_task(u->ioucmd, usher_uring_task_fn);
}

/* Not in the task: who closes an io_uring polls, and runs no work of tasks. */
static void usher_uring_polled_done(struct usher_call *call)
{
	struct usher_uring *u = container_of(call, struct usher_uring, io.call);

	llist_add(&u->polled, &u->pt->polled_over);
}

/*
 * Those of the io_uring of @ioucmd that are over, the last one first. Others, whose lock we
 * have not, go back before anything is copied, which may take for ever.
 */
static struct llist_node *usher_uring_take_polled(struct usher_passthru *pt,
						  const struct io_uring_cmd *ioucmd)
{
	struct llist_node *list = llist_del_all(&pt->polled_over);
	LLIST_HEAD(ours);
	struct usher_uring *u, *next;

	list = llist_reverse_order(list);
	llist_for_each_entry_safe(u, next, list, polled)
		if (usher_uring_ctx(u->ioucmd) == usher_uring_ctx(ioucmd))
			llist_add(&u->polled, &ours);
		else
			llist_add(&u->polled, &pt->polled_over);
	return llist_del_all(&ours);
}

/* Returns whether there were any. */
static bool usher_uring_finish_polled(struct usher_passthru *pt,
				      const struct io_uring_cmd *ioucmd)
{
	struct llist_node *list = usher_uring_take_polled(pt, ioucmd);
	struct usher_uring *u, *next;

	list = llist_reverse_order(list);
	llist_for_each_entry_safe(u, next, list, polled)
		usher_uring_finish(u, usher_uring_result(u), 0);
	return list;
}

/**
 * usher_passthru_uring_poll - file_operations.uring_cmd_iopoll
 * @pt: of the file
 * @ioucmd: a command that is polled for, not known to be done
 *
 * Finishes all of the same io_uring that are over.
 *
 * Context: process, with the io_uring's lock: in the task, in another one that has the
 * io_uring, or in a kernel thread when it is closed.
 */
void usher_passthru_uring_poll(struct usher_passthru *pt, struct io_uring_cmd *ioucmd)
{
	struct usher_uring *u = usher_uring_pdu(ioucmd)->u;

	if (usher_uring_finish_polled(pt, ioucmd))
		return;
	usher_channel_poll(u->io.call.channel);
	usher_uring_finish_polled(pt, ioucmd);
}

/*
 * The task or the io_uring ends, and does not wait for the device. What was completed
 * meanwhile is on its way to the task; what is being submitted is asked for once more.
 */
static int usher_uring_cancel(struct io_uring_cmd *ioucmd, unsigned int issue_flags)
{
	struct usher_uring *u = usher_uring_pdu(ioucmd)->u;

	if (usher_call_abandon(&u->io.call))
		usher_uring_finish(u, -ECANCELED, issue_flags);
	return 0;
}

/* ---- submission ---- */

/* The entry is in memory that the process can write: it is read once. */
static void usher_uring_read(struct io_uring_cmd *ioucmd, struct nvme_passthru_cmd64 *cmd)
{
	const struct nvme_uring_cmd *from = usher_uring_entry(ioucmd, struct nvme_uring_cmd);

	*cmd = (struct nvme_passthru_cmd64) {
		.opcode		= READ_ONCE(from->opcode),
		.flags		= READ_ONCE(from->flags),
		.nsid		= READ_ONCE(from->nsid),
		.cdw2		= READ_ONCE(from->cdw2),
		.cdw3		= READ_ONCE(from->cdw3),
		.metadata	= READ_ONCE(from->metadata),
		.addr		= READ_ONCE(from->addr),
		.metadata_len	= READ_ONCE(from->metadata_len),
		.data_len	= READ_ONCE(from->data_len),
		.timeout_ms	= READ_ONCE(from->timeout_ms),
		.cdw10		= READ_ONCE(from->cdw10),
		.cdw11		= READ_ONCE(from->cdw11),
		.cdw12		= READ_ONCE(from->cdw12),
		.cdw13		= READ_ONCE(from->cdw13),
		.cdw14		= READ_ONCE(from->cdw14),
		.cdw15		= READ_ONCE(from->cdw15),
	};
}

static int usher_uring_import(struct usher_uring *u, const struct nvme_passthru_cmd64 *cmd,
			      unsigned int issue_flags)
{
	bool fixed = u->ioucmd->flags & IORING_URING_CMD_FIXED && cmd->data_len;
	struct usher_io_data *data = &u->io.data;

	if (u->ioucmd->cmd_op == NVME_URING_CMD_IO_VEC && fixed)
		return -EINVAL;
	if (u->ioucmd->cmd_op == NVME_URING_CMD_IO_VEC)
		return usher_io_data_import_vec(data, cmd->opcode, cmd->addr, cmd->data_len,
						usher_uring_compat(u->ioucmd, issue_flags));
	if (fixed)
		return usher_io_data_import_fixed(data, cmd->opcode, cmd->addr, cmd->data_len,
						  u->ioucmd, issue_flags);
	return usher_io_data_import(data, cmd->opcode, cmd->addr, cmd->data_len);
}

static unsigned int usher_uring_how(unsigned int issue_flags)
{
	unsigned int how = 0;

	if (issue_flags & IO_URING_F_NONBLOCK)
		how |= USHER_IO_NOWAIT;
	if (issue_flags & IO_URING_F_IOPOLL)
		how |= USHER_IO_POLLED;
	return how;
}

static int usher_uring_start(struct usher_uring *u, struct usher_passthru *pt,
			     unsigned int issue_flags)
{
	struct nvme_passthru_cmd64 cmd;
	struct usher_sqe sqe;
	int ret;

	usher_uring_read(u->ioucmd, &cmd);
	ret = usher_io_prepare(pt, &cmd, &sqe);
	if (ret)
		return ret;
	ret = usher_uring_import(u, &cmd, issue_flags);
	if (!ret)
		ret = usher_io_set_length(pt, &sqe, &u->io.data);
	if (ret)
		return ret;
	return usher_io_start(&u->io, pt, &sqe, usher_uring_how(issue_flags));
}

static struct usher_uring *usher_uring_alloc(struct usher_passthru *pt,
					     struct io_uring_cmd *ioucmd, bool polled)
{
	struct usher_uring *u = kmalloc(sizeof(*u), GFP_KERNEL);

	if (!u)
		return NULL;
	u->ioucmd = ioucmd;
	u->pt = pt;
	u->mm = current->mm;
	mmgrab(u->mm);
	u->io.data.many = NULL;
	usher_call_init(&u->io.call, polled ? usher_uring_polled_done : usher_uring_call_done);
	usher_uring_pdu(ioucmd)->u = u;
	return u;
}

/*
 * A command that was not started. Not every kernel takes a status from us here when it
 * asks in a thread of its own.
 */
static int usher_uring_refuse(struct io_uring_cmd *ioucmd, int ret,
			      unsigned int issue_flags)
{
	if (ret == -ERESTARTSYS)
		return issue_flags & IO_URING_F_NONBLOCK ? -EAGAIN : -EINTR;
	if (ret < 0)
		return ret;
	usher_uring_done(ioucmd, ret, 0, issue_flags);
	return -EIOCBQUEUED;
}

static int usher_uring_io(struct usher_passthru *pt, struct io_uring_cmd *ioucmd,
			  unsigned int issue_flags)
{
	bool polled = issue_flags & IO_URING_F_IOPOLL;
	struct usher_uring *u = usher_uring_alloc(pt, ioucmd, polled);
	int ret;

	if (!u)
		return -ENOMEM;
	ret = usher_uring_start(u, pt, issue_flags);
	if (ret) {
		usher_uring_free(u);
		return usher_uring_refuse(ioucmd, ret, issue_flags);
	}
	/* io_uring has no list of those that it polls for to cancel from. */
	if (!polled)
		usher_uring_mark_cancelable(ioucmd, issue_flags);
	/* Once it is armed, it may be done and gone. */
	usher_call_arm(&u->io.call);
	return -EIOCBQUEUED;
}

/* Always waited for, so not for who polls; the result has to be told by usher_uring_done(). */
static int usher_uring_admin(struct usher_passthru *pt, struct io_uring_cmd *ioucmd,
			     unsigned int issue_flags)
{
	struct nvme_passthru_cmd64 cmd;
	int ret;

	if (issue_flags & IO_URING_F_IOPOLL)
		return -EOPNOTSUPP;
	if (issue_flags & IO_URING_F_NONBLOCK)
		return -EAGAIN;
	usher_uring_read(ioucmd, &cmd);
	if (cmd.flags || cmd.metadata || cmd.metadata_len)
		return -EINVAL;
	ret = usher_passthru_admin(pt->grant, &cmd);
	if (ret < 0)
		return usher_uring_refuse(ioucmd, ret, issue_flags);
	usher_uring_done(ioucmd, ret, cmd.result, issue_flags);
	return -EIOCBQUEUED;
}

/**
 * usher_passthru_uring - file_operations.uring_cmd
 * @pt: of the file
 * @ioucmd: the command
 * @issue_flags: of io_uring
 *
 * Return: -EIOCBQUEUED it is done later, or was, with 0, a positive NVMe status or
 * ECANCELED the task or the io_uring ends; -EAGAIN ask where this may wait; otherwise a
 * negative errno: ENOTTY unknown on this node, EOPNOTSUPP narrow entries or completions,
 * and what usher_io_start() and usher_passthru_admin() return.
 */
int usher_passthru_uring(struct usher_passthru *pt, struct io_uring_cmd *ioucmd,
			 unsigned int issue_flags)
{
	bool ctrl = !pt->grant->scope.nsid;
	int ret;

	if (issue_flags & USHER_URING_CANCEL)
		return usher_uring_cancel(ioucmd, issue_flags);
	if ((issue_flags & USHER_URING_WIDE) != USHER_URING_WIDE)
		return -EOPNOTSUPP;
	ret = usher_passthru_ended(pt);
	if (ret)
		return ret;
	switch (ioucmd->cmd_op) {
	case NVME_URING_CMD_IO:
	case NVME_URING_CMD_IO_VEC:
		return ctrl ? -ENOTTY : usher_uring_io(pt, ioucmd, issue_flags);
	case NVME_URING_CMD_ADMIN:
		return ctrl ? usher_uring_admin(pt, ioucmd, issue_flags) : -ENOTTY;
	default:
		return -ENOTTY;
	}
}
