/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The admin queue: commands of the driver and queries of processes, each waited
 * for by its caller, and those that nobody waits for: Aborts and events.
 */
#ifndef _USHER_NVME_ADMIN_H
#define _USHER_NVME_ADMIN_H

#include <linux/types.h>

struct nvme_command;
struct usher_ctrl;
struct usher_qpair;
struct work_struct;

/*
 * struct usher_admin_req - data and result of an admin command
 */
struct usher_admin_req {
	void	*data;		/* where the answer's data go, or are, or NULL */
	u32	bytes;		/* of @data, at most a controller page */
	bool	out;		/* @data go to the controller */
	unsigned long timeout;	/* jiffies; 0: as for any command */
	u32	*result;	/* where completion dword 0 goes, or NULL */
	bool	user;		/* for a process, which any signal may interrupt */
};

int usher_admin_alloc(struct usher_ctrl *ctrl, struct work_struct *event_work);
void usher_admin_free_dma(struct usher_ctrl *ctrl);
void usher_admin_free(struct usher_ctrl *ctrl);
struct usher_qpair *usher_admin_qpair(struct usher_ctrl *ctrl);

int usher_admin(struct usher_ctrl *ctrl, struct nvme_command *cmd,
		const struct usher_admin_req *req);
int usher_identify(struct usher_ctrl *ctrl, u32 nsid, u8 cns, u8 csi, void *data);
int usher_set_feature(struct usher_ctrl *ctrl, u8 fid, u32 cdw11, u32 *result);
int usher_get_log(struct usher_ctrl *ctrl, u8 lid, void *data, u32 bytes);

void usher_admin_wake_all(struct usher_ctrl *ctrl);
void usher_admin_allow_aborts(struct usher_ctrl *ctrl, u32 n);
bool usher_admin_abort(struct usher_ctrl *ctrl, u16 sqid, u16 cid);
void usher_admin_arm_events(struct usher_ctrl *ctrl);
void usher_admin_start_events(struct usher_ctrl *ctrl);
bool usher_admin_take_event(struct usher_ctrl *ctrl, u32 *event);

#endif /* _USHER_NVME_ADMIN_H */
