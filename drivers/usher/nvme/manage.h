/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Admin commands that administrators may send: which, and how.
 */
#ifndef _USHER_NVME_MANAGE_H
#define _USHER_NVME_MANAGE_H

#include <linux/types.h>

struct nvme_command;
struct usher_ctrl;

/*
 * struct usher_manage - what is known of a command before it is sent
 */
struct usher_manage {
	u32	bytes;	/* of data that it moves at most; up to a controller page */
	bool	alone;	/* changes what the guard knows: usher_alone() */
};

int usher_manage_check(struct usher_ctrl *ctrl, const struct nvme_command *cmd,
		       struct usher_manage *m);

#endif /* _USHER_NVME_MANAGE_H */
