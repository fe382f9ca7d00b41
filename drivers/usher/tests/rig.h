/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * usher: as much of a device as its parts need, for tests without hardware.
 */
#ifndef _USHER_TEST_RIG_H
#define _USHER_TEST_RIG_H

#include <kunit/test.h>

#include "../usher.h"

#define RIG_NSID		7

void usher_rig_init(struct kunit *test, struct usher_device *ud, const char *name);
void usher_rig_exit(struct kunit *test, struct usher_device *ud);

/* The widest grant of a namespace of @blocks blocks of 512 bytes */
struct usher_scope usher_rig_scope(u64 blocks);

#endif /* _USHER_TEST_RIG_H */
