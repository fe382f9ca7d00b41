/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Commands that are handed over together.
 */
#ifndef _USHER_PASSTHRU_PLUG_H
#define _USHER_PASSTHRU_PLUG_H

#include <linux/types.h>

struct usher_channel;

#if IS_ENABLED(CONFIG_BLOCK)
bool usher_plug(struct usher_channel *channel);
#else
static inline bool usher_plug(struct usher_channel *channel)
{
	return false;
}
#endif

#endif /* _USHER_PASSTHRU_PLUG_H */
