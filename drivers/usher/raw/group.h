/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Raw mode: other functions that come into the IOMMU group of a function.
 */
#ifndef _USHER_RAW_GROUP_H
#define _USHER_RAW_GROUP_H

#include <linux/types.h>

struct usher_raw;

int usher_raw_group_init(void);
void usher_raw_group_exit(void);

void usher_raw_group_add(struct usher_raw *raw);
void usher_raw_group_del(struct usher_raw *raw);
void usher_raw_group_watch(struct usher_raw *raw, bool watched);

#endif /* _USHER_RAW_GROUP_H */
