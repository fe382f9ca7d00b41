/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * usher: a device for tests without hardware: live, with registers in RAM and DMA
 * memory of its own, but without queues or namespaces. Its parts are initialised
 * by the driver's own functions.
 */
#ifndef _USHER_TEST_RIG_H
#define _USHER_TEST_RIG_H

#include <kunit/test.h>

#include "core/device.h"
#include "grant/buffer.h"
#include "grant/namespace.h"
#include "guard/guard.h"
#include "nvme/ctrl.h"
#include "nvme/pool.h"

#define RIG_NSID		7

/* As struct usher_function, without a PCI function */
struct usher_rig {
	struct usher_device ud;
	struct usher_ctrl ctrl;
	struct usher_pool pool;
	struct usher_buffers buffers;
	struct usher_namespaces namespaces;
	struct work_struct reset_work;
	u32 faults;	/* times that it ran */
};

void usher_rig_init(struct kunit *test, struct usher_rig *rig, const char *name);
void usher_rig_exit(struct kunit *test, struct usher_rig *rig);

static inline struct usher_rig *to_usher_rig(struct usher_device *ud)
{
	return container_of(ud, struct usher_rig, ud);
}

/* The widest grant of a namespace of @blocks blocks of 512 bytes */
struct usher_scope usher_rig_scope(u64 blocks);

#endif /* _USHER_TEST_RIG_H */
