/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Raw mode: the PCI driver usher-raw, or nothing when it is not built.
 */
#ifndef _USHER_RAW_DRIVER_H
#define _USHER_RAW_DRIVER_H

int usher_raw_init(void);
void usher_raw_exit(void);

#endif /* _USHER_RAW_DRIVER_H */
