/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Raw mode: bus mastering, on which all DMA of a function depends.
 */
#ifndef _USHER_RAW_MASTER_H
#define _USHER_RAW_MASTER_H

#include <linux/types.h>

struct usher_raw;

bool usher_raw_stop_dma(struct usher_raw *raw);
void usher_raw_update_master(struct usher_raw *raw);

#endif /* _USHER_RAW_MASTER_H */
