/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Raw mode: access by calls to registers that cannot be mapped.
 */
#ifndef _USHER_RAW_ACCESS_H
#define _USHER_RAW_ACCESS_H

struct usher_raw;
struct usher_raw_access;

int usher_raw_read(struct usher_raw *raw, struct usher_raw_access *arg);
int usher_raw_write(struct usher_raw *raw, const struct usher_raw_access *arg);

#endif /* _USHER_RAW_ACCESS_H */
