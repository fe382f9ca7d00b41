// SPDX-License-Identifier: GPL-2.0-only
/*
 * What administrators have done with a controller by the NVMe ioctls: resets, rescans.
 */
#include <linux/capability.h>

#include "core/device.h"
#include "grant/namespace.h"
#include "passthru/ctrl.h"

/**
 * usher_passthru_reset - NVME_IOCTL_RESET
 * @ud: the device
 *
 * Commands in flight complete with a status that says so, whoever's they are.
 *
 * Return: 0 when the controller works again; -EACCES without CAP_SYS_ADMIN; -ENODEV it
 * is gone, perhaps because it could not be reset.
 */
int usher_passthru_reset(struct usher_device *ud)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	return usher_dev_reset(ud);
}

/**
 * usher_passthru_rescan - NVME_IOCTL_RESCAN
 * @ud: the device
 *
 * Return: 0 when nodes are in line with the active namespaces; -EACCES without
 * CAP_SYS_ADMIN; what usher_dev_enter_slow() and usher_ns_scan() return.
 */
int usher_passthru_rescan(struct usher_device *ud)
{
	int idx, ret;

	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	ret = usher_dev_enter_slow(ud, &idx);
	if (ret)
		return ret;
	ret = usher_ns_scan(ud);
	usher_dev_exit_slow(ud, idx);
	return ret;
}
