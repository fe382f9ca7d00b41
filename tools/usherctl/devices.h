/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The NVMe controllers of the machine, and the functions bound to usher-raw.
 */
#ifndef USHERCTL_DEVICES_H
#define USHERCTL_DEVICES_H

#include <linux/types.h>

struct json_object;

/**
 * gather_devices() - what sysfs knows of devices
 *
 * Return: an array of objects, one for each NVMe controller on PCI, whatever its driver
 * is, and for each function bound to usher-raw; to be put
 */
struct json_object *gather_devices(void);

/**
 * print_slice() - print a line on a slice
 * @slice: an object from "slices" of a namespace
 * @lba_bytes: bytes of a block
 * @indent: what the line begins with
 */
void print_slice(struct json_object *slice, __u64 lba_bytes, const char *indent);

#endif /* USHERCTL_DEVICES_H */
