/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * I/O queues: making them known to the device, and deleting them.
 */
#ifndef _USHER_NVME_IOQUEUE_H
#define _USHER_NVME_IOQUEUE_H

struct usher_qpair;

int usher_ioqueue_create(struct usher_qpair *qp);
int usher_ioqueue_delete(struct usher_qpair *qp);

#endif /* _USHER_NVME_IOQUEUE_H */
