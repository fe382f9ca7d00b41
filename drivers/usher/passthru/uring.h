/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NVMe commands by io_uring.
 */
#ifndef _USHER_PASSTHRU_URING_H
#define _USHER_PASSTHRU_URING_H

struct io_uring_cmd;
struct usher_passthru;

int usher_passthru_uring(struct usher_passthru *pt, struct io_uring_cmd *ioucmd,
			 unsigned int issue_flags);
void usher_passthru_uring_poll(struct usher_passthru *pt, struct io_uring_cmd *ioucmd);

#endif /* _USHER_PASSTHRU_URING_H */
