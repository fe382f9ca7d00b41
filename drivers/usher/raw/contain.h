/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Raw mode: whether the hardware contains a function.
 */
#ifndef _USHER_RAW_CONTAIN_H
#define _USHER_RAW_CONTAIN_H

#include <linux/types.h>

struct usher_raw;

u32 usher_raw_flags(const struct usher_raw *raw);
bool usher_raw_is_contained(u32 flags);

#endif /* _USHER_RAW_CONTAIN_H */
