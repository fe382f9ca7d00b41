/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _USHER_DEVICE_SYSFS_H
#define _USHER_DEVICE_SYSFS_H

#include <linux/device.h>

extern const struct device_type usher_ctrl_type;

#endif /* _USHER_DEVICE_SYSFS_H */
