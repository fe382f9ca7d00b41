/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Raw mode: the PCI driver usher-raw, or nothing without CONFIG_USHER_RAW.
 */
#ifndef _USHER_RAW_DRIVER_H
#define _USHER_RAW_DRIVER_H

#ifdef CONFIG_USHER_RAW
int usher_raw_init(void);
void usher_raw_exit(void);
#else
static inline int usher_raw_init(void)
{
	return 0;
}

static inline void usher_raw_exit(void)
{
}
#endif

#endif /* _USHER_RAW_DRIVER_H */
