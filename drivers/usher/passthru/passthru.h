/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ioctls of <linux/nvme_ioctl.h>, for programs that know the stock driver.
 */
#ifndef _USHER_PASSTHRU_PASSTHRU_H
#define _USHER_PASSTHRU_PASSTHRU_H

#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include "guard/guard.h"

struct usher_channel;
struct usher_grant;

/* Type of these ioctls */
#define USHER_NVME_IOC_TYPE	'N'

/*
 * struct usher_passthru - what an open file has for these ioctls
 */
struct usher_passthru {
	/* Constant */
	struct usher_grant	*grant;	/* of the file, which keeps it */
	struct usher_scope	admin;	/* its scope, with the rights of administrators */

	struct mutex		lock; /* the next; outside of the pool's and grants' */
	/* Made by the first I/O command, or NULL; with interrupts, and polled */
	struct usher_channel	*channel;
	struct usher_channel	*polled;
	/* Commands that are over, of those that io_uring polls for; of usher_uring */
	struct llist_head	polled_over;
};

void usher_passthru_init(struct usher_passthru *pt, struct usher_grant *grant, u32 rights);
void usher_passthru_destroy(struct usher_passthru *pt);
int usher_passthru_ended(const struct usher_passthru *pt);
long usher_passthru_ioctl(struct usher_passthru *pt, unsigned int cmd,
			  void __user *argp);

#endif /* _USHER_PASSTHRU_PASSTHRU_H */
