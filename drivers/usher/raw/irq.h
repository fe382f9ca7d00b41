/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Raw mode: interrupts.
 */
#ifndef _USHER_RAW_IRQ_H
#define _USHER_RAW_IRQ_H

struct usher_raw;
struct usher_raw_irq_disable;
struct usher_raw_irq_enable;
struct usher_raw_irq_mask;

void usher_raw_irqs_init(struct usher_raw *raw);
void usher_raw_irqs_exit(struct usher_raw *raw);

int usher_raw_irq_enable(struct usher_raw *raw,
			 const struct usher_raw_irq_enable *arg);
int usher_raw_irq_disable(struct usher_raw *raw,
			  const struct usher_raw_irq_disable *arg);
int usher_raw_irq_mask(struct usher_raw *raw,
		       const struct usher_raw_irq_mask *arg);

void usher_raw_irq_off(struct usher_raw *raw);
void usher_raw_irq_freeze(struct usher_raw *raw);
void usher_raw_irq_thaw(struct usher_raw *raw);

#endif /* _USHER_RAW_IRQ_H */
