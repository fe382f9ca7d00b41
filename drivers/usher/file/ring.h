/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _USHER_FILE_RING_H
#define _USHER_FILE_RING_H

#include <linux/compiler_types.h>

struct usher_grant;
struct usher_ring_create;

int usher_ring_create_fd(struct usher_grant *grant, struct usher_ring_create *arg,
			 void __user *argp);

#endif /* _USHER_FILE_RING_H */
