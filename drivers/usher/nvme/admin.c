// SPDX-License-Identifier: GPL-2.0-only
/*
 * The admin queue. A command has a command page, which holds its data, and a
 * struct usher_admin_cmd of the same index. Who waits for it takes both back; what
 * nobody waits for any more, its completion does.
 *
 * Synchronous commands are limited, those of the driver and those of processes
 * apart, so that neither keeps the other, Aborts or events from the queue.
 */
#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/device.h>
#include <linux/jiffies.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <uapi/linux/usher.h>

#include "core/device.h"
#include "core/wake.h"
#include "core/wq.h"
#include "guard/guard.h"
#include "nvme/admin.h"
#include "nvme/inflight.h"
#include "nvme/qpair.h"
#include "nvme/qpair_ops.h"
#include "trace.h"

#define USHER_ADMIN_DEPTH	16
#define USHER_ADMIN_OWN_CMDS	3
#define USHER_ADMIN_USER_CMDS	5
#define USHER_MAX_ABORTS	4	/* the rest: events, and commands given up */
#define USHER_ADMIN_TIMEOUT	(60 * HZ)

/* Attempts at a command of the driver, and the pause after the first, which doubles */
#define USHER_ADMIN_TRIES	7
#define USHER_ADMIN_PAUSE	(HZ / 20)

/**
 * enum usher_admin_kind - what is done when an admin command completes
 * @USHER_ADMIN_SYNC: its caller is woken
 * @USHER_ADMIN_EVENT: the event is read
 * @USHER_ADMIN_ABORT: another Abort may be sent
 */
enum usher_admin_kind {
	USHER_ADMIN_SYNC,
	USHER_ADMIN_EVENT,
	USHER_ADMIN_ABORT,
};

/*
 * struct usher_admin_cmd - an admin command; the queue's lock guards it
 */
struct usher_admin_cmd {
	enum usher_admin_kind	kind;
	bool			done;		/* completed, by whomever */
	bool			abandoned;	/* nobody waits any more */
	bool			user;		/* a query of a process */
	int			status;		/* NVMe status, or a negative errno */
	u32			result;		/* completion dword 0 */
};

/*
 * struct usher_admin_queue - the admin queue and its commands in flight
 */
struct usher_admin_queue {
	struct usher_qpair	*qp;
	struct usher_admin_cmd	cmds[USHER_ADMIN_DEPTH]; /* by command page */
	/* Synchronous commands left, those of the driver and those of processes */
	struct usher_credits {
		atomic_t		left;
		wait_queue_head_t	wait;	/* for one, one after the other */
	}			credits[2];
	/* Who waits for the command of that index */
	wait_queue_head_t	waits[USHER_ADMIN_DEPTH];
	atomic_t		aborts;		/* Aborts that may still be sent */
	struct work_struct	*event_work;	/* reads the event */
	u32			event;		/* dword 0 of the last one */
	atomic_t		has_event;	/* @event was not taken yet */
	u32			event_failures;	/* requests refused in a row; queue's lock */
};

/* ---- completions ---- */

static void usher_admin_return_credit(struct usher_ctrl *ctrl, bool user)
{
	struct usher_credits *credits = &ctrl->admin->credits[user];

	atomic_inc(&credits->left);
	usher_wake_one(&credits->wait);
}

/* A status that may be another the next time: not ready yet, aborted, internal */
static bool usher_admin_passing(int ret)
{
	return ret > 0 && !(ret & USHER_DNR);
}

/* Whatever came of the request, the work makes the next one. */
static void usher_admin_event_done(struct usher_admin_queue *aq,
				   const struct usher_admin_cmd *ac)
{
	if (!ac->status) {
		aq->event_failures = 0;
		WRITE_ONCE(aq->event, ac->result);
		/* Pairs with the atomic_xchg() in usher_admin_take_event(). */
		atomic_set_release(&aq->has_event, 1);
	} else if (!usher_admin_passing(ac->status) ||
		   ++aq->event_failures >= USHER_ADMIN_TRIES) {
		return;
	}
	queue_work(usher_wq, aq->event_work);
}

static void usher_admin_complete(struct usher_qpair *qp,
				 struct usher_slot *slot,
				 __le64 result, __le16 status, u16 flags)
{
	struct usher_ctrl *ctrl = qp->ctrl;
	struct usher_admin_queue *aq = ctrl->admin;
	struct usher_admin_cmd *ac = &aq->cmds[slot->cmd_page];

	ac->status = flags & USHER_CQE_DRIVER ? -EAGAIN :
		     (le16_to_cpu(status) >> 1) & 0x7fff;
	ac->result = lower_32_bits(le64_to_cpu(result));
	ac->done = true;

	switch (ac->kind) {
	case USHER_ADMIN_SYNC:
		if (ac->abandoned) {
			usher_admin_return_credit(ctrl, ac->user);
			break;
		}
		usher_wake_one(&aq->waits[slot->cmd_page]);
		/* The page is the waiter's, who puts it back. */
		slot->cmd_page = USHER_CMD_PAGE_NONE;
		break;
	case USHER_ADMIN_EVENT:
		usher_admin_event_done(aq, ac);
		break;
	case USHER_ADMIN_ABORT:
		atomic_inc(&aq->aborts);
		break;
	}
}

static void usher_admin_fault(struct usher_qpair *qp, const char *why)
{
	usher_dev_fault(qp->ctrl->ud, why);
}

static const struct usher_qpair_ops usher_admin_ops = {
	.complete	= usher_admin_complete,
	.fault		= usher_admin_fault,
};

/* ---- submission ---- */

/* What the last command left in the page is for nobody. */
static void usher_admin_fill_page(void *page, const struct usher_admin_req *req)
{
	if (req->out)
		memcpy(page, req->data, req->bytes);
	else
		memset(page, 0, req->bytes);
}

static unsigned long usher_admin_timeout(const struct usher_admin_req *req)
{
	return req && req->timeout ? req->timeout : USHER_ADMIN_TIMEOUT;
}

/*
 * Put a command on the admin queue. There is a slot for every command page.
 * @req: of a synchronous command.
 */
static int usher_admin_submit(struct usher_ctrl *ctrl,
			      struct nvme_command *cmd,
			      enum usher_admin_kind kind,
			      const struct usher_admin_req *req)
{
	struct usher_admin_queue *aq = ctrl->admin;
	struct usher_qpair *qp = aq->qp;
	struct usher_slot *slot;
	int index;

	spin_lock_irq(&qp->lock);
	index = qp->nr_free && !qp->stopped ? usher_qpair_get_cmd_page(qp, NULL) : -1;
	if (index < 0) {
		spin_unlock_irq(&qp->lock);
		return -EBUSY;
	}
	slot = usher_slot_take(qp);
	slot->client = NULL;
	slot->mem = NULL;
	slot->cmd_page = index;
	slot->tag = 0;
	slot->deadline = 0;
	/* An event may take for ever; everything else has its time. */
	if (kind != USHER_ADMIN_EVENT)
		slot->deadline = (jiffies + usher_admin_timeout(req)) | 1;
	memset(&aq->cmds[index], 0, sizeof(aq->cmds[index]));
	aq->cmds[index].kind = kind;
	aq->cmds[index].user = req && req->user;
	if (req && req->bytes) {
		usher_admin_fill_page(qp->cmd_pages[index].virt, req);
		cmd->common.dptr.prp1 = cpu_to_le64(qp->cmd_pages[index].dma);
	}
	cmd->common.command_id = slot->cid;
	*usher_slot_command(qp) = *cmd;
	trace_usher_submit(qp, slot, cmd);
	usher_slot_submit(qp);
	usher_qpair_doorbell(qp);
	spin_unlock_irq(&qp->lock);
	return index;
}

static bool usher_admin_take_credit(struct usher_ctrl *ctrl, enum usher_state state,
				    bool user, bool *got)
{
	*got = atomic_dec_if_positive(&ctrl->admin->credits[user].left) >= 0;
	return *got || usher_dev_state(ctrl->ud) != state;
}

/* A place among the synchronous commands, which may all be on their way */
static int usher_admin_await_credit(struct usher_ctrl *ctrl, enum usher_state state,
				    bool user)
{
	wait_queue_head_t *wait = &ctrl->admin->credits[user].wait;
	bool got = false;
	int ret;

	if (user)
		ret = wait_event_interruptible_exclusive(*wait,
							 usher_admin_take_credit(ctrl, state, user,
										 &got));
	else
		ret = wait_event_killable_exclusive(*wait,
						    usher_admin_take_credit(ctrl, state, user,
									    &got));
	if (got)
		return 0;
	return ret ?: usher_dev_state(ctrl->ud) == USHER_GONE ? -ENODEV : -EAGAIN;
}

static bool usher_admin_over(const struct usher_ctrl *ctrl,
			     const struct usher_admin_cmd *ac,
			     enum usher_state state)
{
	return READ_ONCE(ac->done) || usher_dev_state(ctrl->ud) != state;
}

/* Returns as wait_event_interruptible_timeout(). */
static long usher_admin_await_some(struct usher_ctrl *ctrl, int index,
				   enum usher_state state, bool user, long timeout)
{
	struct usher_admin_cmd *ac = &ctrl->admin->cmds[index];
	wait_queue_head_t *wait = &ctrl->admin->waits[index];

	if (user)
		return wait_event_interruptible_timeout(*wait,
							usher_admin_over(ctrl, ac, state),
							timeout);
	return wait_event_killable_timeout(*wait, usher_admin_over(ctrl, ac, state), timeout);
}

/*
 * Wait for a command, as long as the device stays in the state in which the
 * wait began, and its controller works: in a reset no watchdog looks. Without an answer
 * the command is left to its completion.
 */
static int usher_admin_await(struct usher_ctrl *ctrl, int index,
			     enum usher_state state, const struct usher_admin_req *req)
{
	struct usher_admin_cmd *ac = &ctrl->admin->cmds[index];
	unsigned long end = jiffies + usher_admin_timeout(req);
	long left;
	int ret;

	do {
		left = usher_admin_await_some(ctrl, index, state, req->user, HZ);
	} while (!left && time_before(jiffies, end) && !usher_ctrl_fatal(ctrl));

	spin_lock_irq(&ctrl->admin->qp->lock);
	if (ac->done) {
		ret = 0;
	} else {
		ac->abandoned = true;
		ret = left < 0 ? left : !left ? -ETIMEDOUT :
		      usher_dev_state(ctrl->ud) == USHER_GONE ? -ENODEV : -EAGAIN;
	}
	spin_unlock_irq(&ctrl->admin->qp->lock);
	return ret;
}

/* The state of the device has changed, which ends all waits that began before. */
void usher_admin_wake_all(struct usher_ctrl *ctrl)
{
	struct usher_admin_queue *aq = ctrl->admin;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(aq->credits); i++)
		usher_wake_all(&aq->credits[i].wait);
	for (i = 0; i < ARRAY_SIZE(aq->waits); i++)
		usher_wake_all(&aq->waits[i]);
}

/* One attempt; see usher_admin(). */
static int usher_admin_once(struct usher_ctrl *ctrl, struct nvme_command *cmd,
			    const struct usher_admin_req *req)
{
	enum usher_state state = usher_dev_state(ctrl->ud);
	int index, ret;

	/* Nothing ends its wait any more. */
	if (state == USHER_GONE)
		return -ENODEV;
	/* What began before the reset must not hold it up. */
	if (state == USHER_RESETTING && current != READ_ONCE(ctrl->ud->resetter))
		return -EAGAIN;
	ret = usher_admin_await_credit(ctrl, state, req->user);
	if (ret)
		return ret;

	index = usher_admin_submit(ctrl, cmd, USHER_ADMIN_SYNC, req);
	if (index < 0) {
		usher_admin_return_credit(ctrl, req->user);
		return usher_dev_state(ctrl->ud) == USHER_GONE ? -ENODEV : -EAGAIN;
	}
	ret = usher_admin_await(ctrl, index, state, req);
	if (ret)
		return ret;

	ret = ctrl->admin->cmds[index].status;
	if (req->data && !req->out)
		memcpy(req->data, ctrl->admin->qp->cmd_pages[index].virt, req->bytes);
	if (req->result)
		*req->result = ctrl->admin->cmds[index].result;
	usher_qpair_put_cmd_page(ctrl->admin->qp, index);
	usher_admin_return_credit(ctrl, req->user);
	return ret;
}

/* Before the next attempt, as long as the device stays in its state */
static int usher_admin_pause(struct usher_ctrl *ctrl, enum usher_state state,
			     unsigned long pause)
{
	long left = wait_event_killable_timeout(ctrl->ud->wait,
						usher_dev_state(ctrl->ud) != state,
						pause);

	if (!left)
		return 0;
	return left < 0 ? left :
	       usher_dev_state(ctrl->ud) == USHER_GONE ? -ENODEV : -EAGAIN;
}

/**
 * usher_admin - do an admin command and wait for it
 * @ctrl: the controller
 * @cmd: the command, without CID and PRPs
 * @req: data and result, or NULL
 *
 * A command of the driver that fails without Do Not Retry is tried again, up to
 * USHER_ADMIN_TRIES times; a process does that itself.
 *
 * Context: may sleep, for @req's timeout at most with each attempt; also in
 * srcu sections, since a change of state ends the wait.
 *
 * Return: 0, a positive NVMe status, or a negative errno: ERESTARTSYS after a signal,
 * since queries of processes may begin anew; ETIMEDOUT; EAGAIN when a reset came in
 * between; ENODEV.
 */
int usher_admin(struct usher_ctrl *ctrl, struct nvme_command *cmd,
		const struct usher_admin_req *req)
{
	static const struct usher_admin_req none;
	enum usher_state state = usher_dev_state(ctrl->ud);
	unsigned long pause = USHER_ADMIN_PAUSE;
	u32 tries = 1;
	int ret;

	if (!req)
		req = &none;
	while (usher_admin_passing(ret = usher_admin_once(ctrl, cmd, req)) &&
	       !req->user && tries++ < USHER_ADMIN_TRIES) {
		ret = usher_admin_pause(ctrl, state, pause);
		if (ret)
			break;
		pause *= 2;
	}
	return ret;
}

int usher_identify(struct usher_ctrl *ctrl, u32 nsid, u8 cns, u8 csi,
		   void *data)
{
	struct usher_admin_req req = {
		.data	= data,
		.bytes	= NVME_IDENTIFY_DATA_SIZE,
	};
	struct nvme_command cmd = {
		.identify.opcode	= nvme_admin_identify,
		.identify.nsid		= cpu_to_le32(nsid),
		.identify.cns		= cns,
		.identify.csi		= csi,
	};

	return usher_admin(ctrl, &cmd, &req);
}

int usher_set_feature(struct usher_ctrl *ctrl, u8 fid, u32 cdw11, u32 *result)
{
	struct usher_admin_req req = { .result = result };
	struct nvme_command cmd = {
		.features.opcode	= nvme_admin_set_features,
		.features.fid		= cpu_to_le32(fid),
		.features.dword11	= cpu_to_le32(cdw11),
	};

	return usher_admin(ctrl, &cmd, &req);
}

/* Reads a log page from its beginning, and so clears the event it belongs to. */
int usher_get_log(struct usher_ctrl *ctrl, u8 lid, void *data, u32 bytes)
{
	struct usher_admin_req req = {
		.data	= data,
		.bytes	= bytes,
	};
	struct nvme_command cmd = {
		.get_log_page.opcode	= nvme_admin_get_log_page,
		.get_log_page.nsid	= cpu_to_le32(NVME_NSID_ALL),
		.get_log_page.lid	= lid,
		.get_log_page.numdl	= cpu_to_le16(bytes / 4 - 1),
	};

	return usher_admin(ctrl, &cmd, &req);
}

/* How many Aborts may be in flight; each takes a slot of ours, too. */
void usher_admin_allow_aborts(struct usher_ctrl *ctrl, u32 n)
{
	atomic_set(&ctrl->admin->aborts, min_t(u32, n, USHER_MAX_ABORTS));
}

/*
 * Ask the device to abort a command; the watchdog sees what comes of it. False when
 * as many Aborts are on their way as may be.
 */
bool usher_admin_abort(struct usher_ctrl *ctrl, u16 sqid, u16 cid)
{
	struct nvme_command cmd = {
		.abort.opcode	= nvme_admin_abort_cmd,
		.abort.sqid	= cpu_to_le16(sqid),
		.abort.cid	= cid,
	};

	if (atomic_dec_if_positive(&ctrl->admin->aborts) < 0)
		return false;
	if (usher_admin_submit(ctrl, &cmd, USHER_ADMIN_ABORT, NULL) < 0) {
		atomic_inc(&ctrl->admin->aborts);
		return false;
	}
	dev_warn_ratelimited(ctrl->dev, "queue %u: command %#x is late, aborting it\n",
			     sqid, cid);
	return true;
}

/**
 * usher_admin_take_event - what the device announced
 * @ctrl: the controller
 * @event: dword 0 of the completion
 *
 * Return: false when there is nothing new: it only refused the request.
 */
bool usher_admin_take_event(struct usher_ctrl *ctrl, u32 *event)
{
	/* Pairs with the release in usher_admin_event_done(). */
	if (!atomic_xchg(&ctrl->admin->has_event, 0))
		return false;
	*event = READ_ONCE(ctrl->admin->event);
	return true;
}

/* Let the device announce its next event. */
void usher_admin_arm_events(struct usher_ctrl *ctrl)
{
	struct nvme_command cmd = {
		.common.opcode = nvme_admin_async_event,
	};

	if (usher_admin_submit(ctrl, &cmd, USHER_ADMIN_EVENT, NULL) < 0)
		dev_warn_ratelimited(ctrl->dev,
				     "cannot ask for events: no admin slot\n");
}

/* The same, of a controller that was just started: what it refused before is past. */
void usher_admin_start_events(struct usher_ctrl *ctrl)
{
	struct usher_admin_queue *aq = ctrl->admin;

	spin_lock_irq(&aq->qp->lock);
	aq->event_failures = 0;
	spin_unlock_irq(&aq->qp->lock);
	usher_admin_arm_events(ctrl);
}

/* ---- life ---- */

/* usher_qpair.work: more completed together than the interrupt takes. */
static void usher_admin_work(struct work_struct *work)
{
	usher_qpair_poll(container_of(work, struct usher_qpair, work));
}

struct usher_qpair *usher_admin_qpair(struct usher_ctrl *ctrl)
{
	return ctrl->admin->qp;
}

/**
 * usher_admin_alloc - the admin queue of a controller
 * @ctrl: its registers are mapped
 * @event_work: queued when an event came
 *
 * Return: 0 or -ENOMEM.
 */
int usher_admin_alloc(struct usher_ctrl *ctrl, struct work_struct *event_work)
{
	struct usher_admin_queue *aq;
	u32 i;

	aq = kzalloc(sizeof(*aq), GFP_KERNEL);
	if (!aq)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(aq->credits); i++)
		init_waitqueue_head(&aq->credits[i].wait);
	atomic_set(&aq->credits[false].left, USHER_ADMIN_OWN_CMDS);
	atomic_set(&aq->credits[true].left, USHER_ADMIN_USER_CMDS);
	for (i = 0; i < ARRAY_SIZE(aq->waits); i++)
		init_waitqueue_head(&aq->waits[i]);
	aq->event_work = event_work;
	aq->qp = usher_qpair_alloc(ctrl, 0, USHER_ADMIN_DEPTH,
				   USHER_ADMIN_DEPTH - 1, &usher_admin_ops,
				   usher_admin_work);
	if (!aq->qp) {
		kfree(aq);
		return -ENOMEM;
	}
	ctrl->admin = aq;
	return 0;
}

/* The device no longer reaches memory. */
void usher_admin_free_dma(struct usher_ctrl *ctrl)
{
	usher_qpair_free_dma(ctrl->admin->qp);
}

/* With the device; nothing when it was not allocated */
void usher_admin_free(struct usher_ctrl *ctrl)
{
	if (!ctrl->admin)
		return;
	usher_qpair_free(ctrl->admin->qp);
	kfree(ctrl->admin);
}
