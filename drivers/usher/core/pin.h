/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages that a device may reach: pinned or our own, charged to a user, mapped
 * for DMA without bounce buffers. The struct belongs to a buffer or to memory of
 * raw mode, whose owner serialises all calls on it.
 */
#ifndef _USHER_CORE_PIN_H
#define _USHER_CORE_PIN_H

#include <linux/sizes.h>
#include <linux/types.h>

struct device;
struct page;
struct sg_table;
struct user_struct;

/* Memory of one registration, in bytes */
#define USHER_MAX_BUF_BYTES	SZ_1G

/**
 * struct usher_pin - pages, of a process or ours
 * @pages: the pages
 * @nr_pages: number of @pages
 * @rdonly: the device may only read them
 * @own: they are from the kernel: usher_pin_own() takes them, usher_unpin() frees them
 * @user: charged for them in its locked_vm; NULL with CAP_IPC_LOCK
 * @charged: pages charged to @user
 */
struct usher_pin {
	struct page		**pages;
	unsigned long		nr_pages;
	bool			rdonly;
	bool			own;
	struct user_struct	*user;
	unsigned long		charged;
};

int usher_pin(struct usher_pin *pin, u64 addr);
int usher_pin_own(struct usher_pin *pin);
void usher_unpin(struct usher_pin *pin);
int usher_charge_pages(struct usher_pin *pin, unsigned long n);
void usher_uncharge_user(struct usher_pin *pin);
int usher_pin_map(struct device *dev, const struct usher_pin *pin,
		  struct sg_table *sgt);
void usher_pin_unmap(struct device *dev, const struct usher_pin *pin,
		     struct sg_table *sgt);

#endif /* _USHER_CORE_PIN_H */
