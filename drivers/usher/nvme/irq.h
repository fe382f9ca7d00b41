/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupts of queue pairs.
 */
#ifndef _USHER_NVME_IRQ_H
#define _USHER_NVME_IRQ_H

struct usher_qpair;

int usher_irq_request(struct usher_qpair *qp);
void usher_irq_free(struct usher_qpair *qp);

#endif /* _USHER_NVME_IRQ_H */
