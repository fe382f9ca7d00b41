/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Admin commands that are done while the controller does nothing else.
 */
#ifndef _USHER_NVME_ALONE_H
#define _USHER_NVME_ALONE_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct nvme_command;
struct usher_admin_req;
struct usher_ctrl;

/*
 * struct usher_alone_queue - those that wait for the controller to be idle
 */
struct usher_alone_queue {
	spinlock_t		lock;	/* @waiting */
	struct list_head	waiting; /* struct usher_alone */
};

void usher_alone_init(struct usher_alone_queue *queue);
int usher_alone(struct usher_ctrl *ctrl, const struct nvme_command *cmd,
		const struct usher_admin_req *req);
bool usher_alone_waiting(struct usher_ctrl *ctrl);
bool usher_alone_run(struct usher_ctrl *ctrl);

#endif /* _USHER_NVME_ALONE_H */
