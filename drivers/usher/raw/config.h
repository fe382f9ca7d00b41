/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Raw mode: access to configuration space.
 */
#ifndef _USHER_RAW_CONFIG_H
#define _USHER_RAW_CONFIG_H

struct usher_raw;
struct usher_raw_config;

int usher_raw_config_read(struct usher_raw *raw, struct usher_raw_config *arg);
int usher_raw_config_write(struct usher_raw *raw,
			   const struct usher_raw_config *arg);

#endif /* _USHER_RAW_CONFIG_H */
