// SPDX-License-Identifier: GPL-2.0-only
/*
 * Admin commands: the driver's own, and the queries that processes may make.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "trace.h"
#include "usher.h"

/* ---- the admin queue's completions ---- */

static atomic_t *usher_admin_places(struct usher_device *ud, bool user)
{
	return user ? &ud->user_places : &ud->own_places;
}

static void usher_admin_leave(struct usher_device *ud, bool user)
{
	atomic_inc(usher_admin_places(ud, user));
	wake_up_all(&ud->admin_wait);
}

static void usher_admin_complete(struct usher_qpair *qp,
				 struct usher_slot *slot,
				 __le64 result, __le16 status, u16 flags)
{
	struct usher_device *ud = qp->ud;
	struct usher_admin_cmd *ac = &ud->admin_cmds[slot->aux];

	ac->status = flags & USHER_CQE_DRIVER ? -EAGAIN :
		     (le16_to_cpu(status) >> 1) & 0x7fff;
	ac->result = lower_32_bits(le64_to_cpu(result));
	ac->done = true;

	switch (ac->kind) {
	case USHER_ADMIN_SYNC:
		if (ac->abandoned) {
			usher_admin_leave(ud, ac->user);
			break;
		}
		/* The page is the waiter's, who puts it back. */
		slot->aux = -1;
		wake_up_all(&ud->admin_wait);
		break;
	case USHER_ADMIN_EVENT:
		if (!ac->status) {
			ud->event = ac->result;
			queue_work(usher_wq, &ud->event_work);
		}
		break;
	case USHER_ADMIN_ABORT:
		atomic_inc(&ud->aborts);
		break;
	}
}

const struct usher_qpair_ops usher_admin_ops = {
	.complete	= usher_admin_complete,
};

/*
 * Put a command on the admin queue. There is a slot for every auxiliary page.
 * @req: of a synchronous command.
 */
static int usher_admin_submit(struct usher_device *ud,
			      struct nvme_command *cmd,
			      enum usher_admin_kind kind,
			      const struct usher_admin_req *req)
{
	struct usher_qpair *qp = ud->admin;
	struct usher_slot *slot;
	int aux;

	spin_lock_irq(&qp->lock);
	aux = find_first_bit(qp->aux_free, qp->nr_aux);
	if (aux >= qp->nr_aux || !qp->nr_free || qp->stopped) {
		spin_unlock_irq(&qp->lock);
		return -EBUSY;
	}
	__clear_bit(aux, qp->aux_free);
	slot = usher_slot_take(qp);
	slot->share = NULL;
	slot->buf = NULL;
	slot->aux = aux;
	slot->tag = 0;
	slot->deadline = 0;
	/* An event may take for ever; everything else has its time. */
	if (kind != USHER_ADMIN_EVENT)
		slot->deadline = (jiffies + USHER_ADMIN_TIMEOUT) | 1;
	memset(&ud->admin_cmds[aux], 0, sizeof(ud->admin_cmds[aux]));
	ud->admin_cmds[aux].kind = kind;
	ud->admin_cmds[aux].user = req && req->user;
	if (req && req->bytes)
		cmd->common.dptr.prp1 = cpu_to_le64(qp->aux[aux].dma);
	cmd->common.command_id = slot->cid;
	*usher_slot_command(qp) = *cmd;
	trace_usher_submit(qp, slot, cmd);
	usher_slot_submit(qp);
	usher_qpair_doorbell(qp);
	spin_unlock_irq(&qp->lock);
	return aux;
}

static bool usher_admin_place(struct usher_device *ud, enum usher_state state,
			      bool user, bool *got)
{
	*got = atomic_dec_if_positive(usher_admin_places(ud, user)) >= 0;
	return *got || usher_state(ud) != state;
}

/* A place among the synchronous commands, which may all be on their way */
static int usher_admin_join(struct usher_device *ud, enum usher_state state,
			    bool user)
{
	bool got = false;
	int ret;

	if (user)
		ret = wait_event_interruptible(ud->admin_wait,
					       usher_admin_place(ud, state, user, &got));
	else
		ret = wait_event_killable(ud->admin_wait,
					  usher_admin_place(ud, state, user, &got));
	if (got)
		return 0;
	return ret ? -EINTR : usher_state(ud) == USHER_GONE ? -ENODEV : -EAGAIN;
}

static bool usher_admin_over(const struct usher_device *ud,
			     const struct usher_admin_cmd *ac,
			     enum usher_state state)
{
	return READ_ONCE(ac->done) || usher_state(ud) != state;
}

/*
 * Wait for a command, as long as the device stays in the state in which the
 * wait began. Without an answer the command is left to its completion.
 */
static int usher_admin_await(struct usher_device *ud, int aux,
			     enum usher_state state, bool user)
{
	struct usher_admin_cmd *ac = &ud->admin_cmds[aux];
	long left;
	int ret;

	if (user)
		left = wait_event_interruptible_timeout(ud->admin_wait,
							usher_admin_over(ud, ac, state),
							USHER_ADMIN_TIMEOUT);
	else
		left = wait_event_killable_timeout(ud->admin_wait,
						   usher_admin_over(ud, ac, state),
						   USHER_ADMIN_TIMEOUT);

	spin_lock_irq(&ud->admin->lock);
	if (ac->done) {
		ret = 0;
	} else {
		ac->abandoned = true;
		ret = left < 0 ? -EINTR : !left ? -ETIMEDOUT :
		      usher_state(ud) == USHER_GONE ? -ENODEV : -EAGAIN;
	}
	spin_unlock_irq(&ud->admin->lock);
	return ret;
}

/**
 * usher_admin - do an admin command and wait for it
 * @ud: the device
 * @cmd: the command, without CID and PRPs
 * @req: data and result, or NULL
 *
 * Context: may sleep, for USHER_ADMIN_TIMEOUT at most; also in srcu sections,
 * since a change of state ends the wait.
 *
 * Return: 0, a positive NVMe status, or a negative errno: EINTR, ETIMEDOUT,
 * EAGAIN when a reset came in between, ENODEV.
 */
int usher_admin(struct usher_device *ud, struct nvme_command *cmd,
		const struct usher_admin_req *req)
{
	static const struct usher_admin_req none;
	enum usher_state state = usher_state(ud);
	int aux, ret;

	if (!req)
		req = &none;
	/* What began before the reset must not hold it up. */
	if (state == USHER_RESETTING && current_work() != &ud->reset_work)
		return -EAGAIN;
	ret = usher_admin_join(ud, state, req->user);
	if (ret)
		return ret;

	aux = usher_admin_submit(ud, cmd, USHER_ADMIN_SYNC, req);
	if (aux < 0) {
		usher_admin_leave(ud, req->user);
		return usher_state(ud) == USHER_GONE ? -ENODEV : -EAGAIN;
	}
	ret = usher_admin_await(ud, aux, state, req->user);
	if (ret)
		return ret;

	ret = ud->admin_cmds[aux].status;
	if (req->data)
		memcpy(req->data, ud->admin->aux[aux].virt, req->bytes);
	if (req->result)
		*req->result = ud->admin_cmds[aux].result;
	usher_qpair_put_aux(ud->admin, aux);
	usher_admin_leave(ud, req->user);
	return ret;
}

int usher_identify(struct usher_device *ud, u32 nsid, u8 cns, u8 csi,
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

	return usher_admin(ud, &cmd, &req);
}

int usher_set_feature(struct usher_device *ud, u8 fid, u32 cdw11, u32 *result)
{
	struct usher_admin_req req = { .result = result };
	struct nvme_command cmd = {
		.features.opcode	= nvme_admin_set_features,
		.features.fid		= cpu_to_le32(fid),
		.features.dword11	= cpu_to_le32(cdw11),
	};

	return usher_admin(ud, &cmd, &req);
}

/* Reads a log page from its beginning, and so clears the event it belongs to. */
int usher_get_log(struct usher_device *ud, u8 lid, void *data, u32 bytes)
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

	return usher_admin(ud, &cmd, &req);
}

/* Ask the device to abort a command; what comes of it, the watchdog will see. */
void usher_nvme_abort(struct usher_qpair *qp, u16 cid)
{
	struct usher_device *ud = qp->ud;
	struct nvme_command cmd = {
		.abort.opcode	= nvme_admin_abort_cmd,
		.abort.sqid	= cpu_to_le16(qp->qid),
		.abort.cid	= cid,
	};

	if (atomic_dec_if_positive(&ud->aborts) < 0)
		return;
	dev_warn_ratelimited(&ud->pdev->dev, "queue %u: command %#x is late, aborting it\n",
			     qp->qid, cid);
	if (usher_admin_submit(ud, &cmd, USHER_ADMIN_ABORT, NULL) < 0)
		atomic_inc(&ud->aborts);
}

/* Let the device announce its next event. */
void usher_nvme_arm_events(struct usher_device *ud)
{
	struct nvme_command cmd = {
		.common.opcode = nvme_admin_async_event,
	};

	if (usher_admin_submit(ud, &cmd, USHER_ADMIN_EVENT, NULL) < 0)
		dev_warn_ratelimited(&ud->pdev->dev,
				     "cannot ask for events: no admin slot\n");
}

/* ---- queries of processes ---- */

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

static u32 usher_query_nsid(const struct usher_grant *grant,
			    const struct usher_admin *arg)
{
	u8 cns = arg->cdw10;

	switch (arg->opcode) {
	case nvme_admin_identify:
		if (cns == NVME_ID_CNS_CTRL || cns == NVME_ID_CNS_CS_CTRL ||
		    cns == NVME_ID_CNS_NS_ACTIVE_LIST)
			return 0;
		return grant->scope.nsid;
	case nvme_admin_get_log_page:
		return NVME_NSID_ALL;
	default:
		return 0;
	}
}

/* How many bytes the query answers, or why it is refused */
static int usher_query_check(const struct usher_grant *grant,
			     const struct usher_admin *arg)
{
	if (!(grant->scope.rights & USHER_RIGHT_ADMIN))
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
 * usher_nvme_query - USHER_IOC_ADMIN
 * @grant: who asks
 * @arg: what; @status and @result are filled in
 * @data: the answer's bytes go here, USHER_QUERY_MAX of room
 *
 * Return: bytes of the answer, or a negative errno.
 */
int usher_nvme_query(struct usher_grant *grant, struct usher_admin *arg,
		     void *data)
{
	struct usher_device *ud = grant->ud;
	struct usher_admin_req req = {
		.data	= data,
		.result	= &arg->result,
		.user	= true,
	};
	struct nvme_command cmd = {
		.common.opcode	= arg->opcode,
		.common.nsid	= cpu_to_le32(usher_query_nsid(grant, arg)),
		.common.cdw10	= cpu_to_le32(arg->cdw10),
		.common.cdw11	= cpu_to_le32(arg->cdw11),
		.common.cdw12	= cpu_to_le32(arg->cdw12),
	};
	int bytes, idx, ret;

	bytes = usher_query_check(grant, arg);
	if (bytes < 0)
		return bytes;
	if (bytes > arg->data_length)
		return -EINVAL;
	req.bytes = bytes;

	ret = usher_enter_slow(ud, &idx);
	if (ret)
		return ret;
	ret = READ_ONCE(grant->dead);
	if (!ret)
		ret = usher_admin(ud, &cmd, &req);
	usher_leave_slow(ud, idx);
	if (ret < 0)
		return ret;
	arg->status = ret;
	return ret ? 0 : bytes;
}
