/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Namespaces as the controller describes them.
 */
#ifndef _USHER_NVME_IDENTIFY_H
#define _USHER_NVME_IDENTIFY_H

#include <linux/types.h>

struct usher_ctrl;
struct usher_scope;

int usher_identify_namespace(struct usher_ctrl *ctrl, u32 nsid, void *page,
			     struct usher_scope *scope);

#endif /* _USHER_NVME_IDENTIFY_H */
