// SPDX-License-Identifier: GPL-2.0-only
/*
 * Admin commands that are done while the controller does nothing else, since they change
 * what the guard knows: formats, namespaces, firmware.
 *
 * They are done in a reset. There no section submits, what was in flight has completed,
 * and when the command has, the controller is started anew and everything about it and
 * its namespaces read again, before anybody's commands are taken.
 */
#include <linux/kref.h>
#include <linux/nvme.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "core/device.h"
#include "nvme/admin.h"
#include "nvme/alone.h"
#include "nvme/ctrl.h"

/*
 * struct usher_alone - a command, and who waits for it
 */
struct usher_alone {
	struct kref		ref;	/* the waiter, and the reset */
	struct list_head	node;	/* in usher_alone_queue.waiting; its lock */
	struct nvme_command	cmd;
	struct usher_admin_req	req;	/* with memory of its own: a waiter may be killed */
	u32			result;
	int			ret;	/* of usher_admin(), once @done */
	bool			done;	/* release and acquire */
};

void usher_alone_init(struct usher_alone_queue *queue)
{
	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->waiting);
}

static void usher_alone_release(struct kref *ref)
{
	struct usher_alone *alone = container_of(ref, struct usher_alone, ref);

	kfree(alone->req.data);
	kfree(alone);
}

static struct usher_alone *usher_alone_alloc(const struct nvme_command *cmd,
					     const struct usher_admin_req *req)
{
	struct usher_alone *alone = kzalloc(sizeof(*alone), GFP_KERNEL_ACCOUNT);

	if (!alone)
		return NULL;
	kref_init(&alone->ref);
	alone->cmd = *cmd;
	alone->req = *req;
	alone->req.result = &alone->result;
	if (req->data) {
		alone->req.data = kmemdup(req->data, req->bytes, GFP_KERNEL_ACCOUNT);
		if (!alone->req.data) {
			kfree(alone);
			return NULL;
		}
	}
	return alone;
}

/* Whether the command was never sent, and will not be */
static bool usher_alone_withdraw(struct usher_alone_queue *queue, struct usher_alone *alone)
{
	bool waiting;

	spin_lock(&queue->lock);
	waiting = !list_empty(&alone->node);
	list_del_init(&alone->node);
	spin_unlock(&queue->lock);
	return waiting;
}

static bool usher_alone_done(const struct usher_alone *alone)
{
	/* Pairs with the release in usher_alone_run(). */
	return smp_load_acquire(&alone->done);
}

static int usher_alone_wait(struct usher_ctrl *ctrl, struct usher_alone *alone)
{
	struct usher_device *ud = ctrl->ud;
	int ret;

	/* If a reset is under way that does not see it, the end of that asks for one. */
	usher_dev_ask_reset(ud, "an admin command is to be alone");
	ret = wait_event_killable(ud->wait, usher_alone_done(alone) || usher_dev_gone(ud));
	if (usher_alone_done(alone))
		return alone->ret;
	if (usher_alone_withdraw(&ctrl->alone, alone))
		kref_put(&alone->ref, usher_alone_release);
	return ret ?: -ENODEV;
}

/**
 * usher_alone - do an admin command while the controller does nothing else
 * @ctrl: the controller; the caller is in no section
 * @cmd: as for usher_admin()
 * @req: as for usher_admin(), with a result
 *
 * Commands of others wait meanwhile; those that the controller does not finish in half
 * a second have the status of a reset.
 *
 * Return: as usher_admin(), but -ERESTARTSYS only when the process was killed, which
 * leaves a command that was sent to its end; -ENOMEM.
 */
int usher_alone(struct usher_ctrl *ctrl, const struct nvme_command *cmd,
		const struct usher_admin_req *req)
{
	struct usher_alone *alone = usher_alone_alloc(cmd, req);
	int ret;

	if (!alone)
		return -ENOMEM;
	kref_get(&alone->ref);
	spin_lock(&ctrl->alone.lock);
	list_add_tail(&alone->node, &ctrl->alone.waiting);
	spin_unlock(&ctrl->alone.lock);
	ret = usher_alone_wait(ctrl, alone);
	if (!ret && req->data)
		memcpy(req->data, alone->req.data, req->bytes);
	if (!ret)
		*req->result = alone->result;
	kref_put(&alone->ref, usher_alone_release);
	return ret;
}

bool usher_alone_waiting(struct usher_ctrl *ctrl)
{
	bool waiting;

	spin_lock(&ctrl->alone.lock);
	waiting = !list_empty(&ctrl->alone.waiting);
	spin_unlock(&ctrl->alone.lock);
	return waiting;
}

static struct usher_alone *usher_alone_next(struct usher_alone_queue *queue)
{
	struct usher_alone *alone;

	spin_lock(&queue->lock);
	alone = list_first_entry_or_null(&queue->waiting, struct usher_alone, node);
	if (alone)
		list_del_init(&alone->node);
	spin_unlock(&queue->lock);
	return alone;
}

/**
 * usher_alone_run - send the commands that wait
 * @ctrl: the controller, started by the reset that calls this, and idle
 *
 * Who waits is woken when the reset ends.
 *
 * Return: whether there were any; then the controller is to be started anew.
 */
bool usher_alone_run(struct usher_ctrl *ctrl)
{
	struct usher_alone *alone;
	bool any = false;

	while ((alone = usher_alone_next(&ctrl->alone))) {
		alone->ret = usher_admin(ctrl, &alone->cmd, &alone->req);
		/* Pairs with the acquire in usher_alone_done(). */
		smp_store_release(&alone->done, true);
		kref_put(&alone->ref, usher_alone_release);
		any = true;
	}
	return any;
}
