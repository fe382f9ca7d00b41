// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asynchronous events: what the controller announces, and what we do about it.
 */
#include <linux/device.h>
#include <linux/nvme.h>
#include <linux/slab.h>

#include "core/device.h"
#include "device/event.h"
#include "grant/namespace.h"
#include "nvme/admin.h"

/**
 * usher_device_event - act on an asynchronous event and ask for the next one
 * @ud: the device
 *
 * Reading the event's log page lets the controller announce the next one of
 * its kind (Base Specification 2.0, 5.2).
 */
void usher_device_event(struct usher_device *ud)
{
	u8 type, info, lid;
	u32 event;
	void *log;
	int ret;

	if (!usher_admin_take_event(ud->ctrl, &event))
		goto arm;
	type = event & 7;
	info = event >> 8;
	lid = event >> 16;
	log = kmalloc(NVME_IDENTIFY_DATA_SIZE, GFP_KERNEL);
	if (!log)
		goto arm;
	ret = usher_get_log(ud->ctrl, lid, log,
			    lid == NVME_LOG_CHANGED_NS ? 4096 : 512);
	if (ret < 0)
		goto free;
	if (type == NVME_AER_NOTICE && info == NVME_AER_NOTICE_NS_CHANGED) {
		ret = usher_ns_scan(ud);
		if (ret)
			dev_warn_ratelimited(ud->dev,
					     "namespaces could not be read again: %d\n",
					     ret);
	} else {
		dev_notice_ratelimited(ud->dev,
				       "event: type %u, information %#x, log page %#x\n",
				       type, info, lid);
	}
free:
	kfree(log);
arm:
	if (!usher_dev_gone(ud))
		usher_admin_arm_events(ud->ctrl);
}
