/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: a command's way through a queue, and the states of a device.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM usher

#if !defined(_USHER_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _USHER_TRACE_H

#include <linux/tracepoint.h>

#include "core/device.h"

struct nvme_command;
struct usher_qpair;
struct usher_slot;

TRACE_EVENT(usher_submit,
	TP_PROTO(const struct usher_qpair *qp, const struct usher_slot *slot,
		 const struct nvme_command *cmd),
	TP_ARGS(qp, slot, cmd),
	TP_STRUCT__entry(
		__field(int, device)
		__field(u16, qid)
		__field(u16, cid)
		__field(u16, tag)
		__field(u8, opcode)
		__field(u32, cdw10)
		__field(u32, cdw11)
		__field(u32, cdw12)
	),
	TP_fast_assign(
		__entry->device = qp->ctrl->ud->id;
		__entry->qid = qp->qid;
		__entry->cid = cmd->common.command_id;
		__entry->tag = le16_to_cpu(slot->tag);
		__entry->opcode = cmd->common.opcode;
		__entry->cdw10 = le32_to_cpu(cmd->common.cdw10);
		__entry->cdw11 = le32_to_cpu(cmd->common.cdw11);
		__entry->cdw12 = le32_to_cpu(cmd->common.cdw12);
	),
	TP_printk("usher%d q%u cid %#x tag %#x opcode %#x cdw10 %#x cdw11 %#x cdw12 %#x",
		  __entry->device, __entry->qid, __entry->cid, __entry->tag,
		  __entry->opcode, __entry->cdw10, __entry->cdw11,
		  __entry->cdw12)
);

TRACE_EVENT(usher_complete,
	TP_PROTO(const struct usher_qpair *qp, const struct usher_slot *slot,
		 __le16 status, u16 flags),
	TP_ARGS(qp, slot, status, flags),
	TP_STRUCT__entry(
		__field(int, device)
		__field(u16, qid)
		__field(u16, cid)
		__field(u16, tag)
		__field(u16, status)
		__field(u16, flags)
	),
	TP_fast_assign(
		__entry->device = qp->ctrl->ud->id;
		__entry->qid = qp->qid;
		__entry->cid = slot->cid;
		__entry->tag = le16_to_cpu(slot->tag);
		__entry->status = le16_to_cpu(status) >> 1;
		__entry->flags = flags;
	),
	TP_printk("usher%d q%u cid %#x tag %#x status %#x%s",
		  __entry->device, __entry->qid, __entry->cid, __entry->tag,
		  __entry->status,
		  __entry->flags & USHER_CQE_DRIVER ? " by the driver" : "")
);

TRACE_EVENT(usher_refuse,
	TP_PROTO(const struct usher_qpair *qp, __le16 tag, u16 status),
	TP_ARGS(qp, tag, status),
	TP_STRUCT__entry(
		__field(int, device)
		__field(u16, qid)
		__field(u16, tag)
		__field(u16, status)
	),
	TP_fast_assign(
		__entry->device = qp->ctrl->ud->id;
		__entry->qid = qp->qid;
		__entry->tag = le16_to_cpu(tag);
		__entry->status = status;
	),
	TP_printk("usher%d q%u tag %#x status %#x",
		  __entry->device, __entry->qid, __entry->tag, __entry->status)
);

TRACE_EVENT(usher_state,
	TP_PROTO(const struct usher_device *ud, enum usher_state to),
	TP_ARGS(ud, to),
	TP_STRUCT__entry(
		__field(int, device)
		__field(int, to)
	),
	TP_fast_assign(
		__entry->device = ud->id;
		__entry->to = to;
	),
	TP_printk("usher%d %s", __entry->device,
		  __print_symbolic(__entry->to,
				   { USHER_NEW, "new" },
				   { USHER_LIVE, "live" },
				   { USHER_RESETTING, "resetting" },
				   { USHER_GONE, "gone" }))
);

#endif /* _USHER_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
