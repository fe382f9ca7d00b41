// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: access by calls to registers that cannot be mapped, which are I/O ports,
 * regions of less than a page, and those that share a page with the MSI-X table.
 *
 * Each call is one access to the device, of the width that the process asks for, through
 * the mapping of the kernel that belongs to the base address register. The lock of the
 * function keeps accesses out of a reset.
 */
#include <linux/io.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <uapi/linux/usher_raw.h>

#include "raw/access.h"
#include "raw/bar.h"
#include "raw/raw.h"

/**
 * usher_raw_find_register - look up and check what a call wants to access
 * @raw: the function
 * @arg: the access
 *
 * Return: the register, or an error as struct usher_raw_access says.
 */
static void __iomem *usher_raw_find_register(struct usher_raw *raw,
					     const struct usher_raw_access *arg)
{
	const struct usher_raw_bar *bar;
	int ret;

	if (arg->index >= USHER_RAW_REGIONS)
		return IOMEM_ERR_PTR(-EINVAL);
	bar = &raw->bars[array_index_nospec(arg->index, USHER_RAW_REGIONS)];
	ret = usher_raw_bar_check(bar, arg);
	return ret ? IOMEM_ERR_PTR(ret) : bar->registers + arg->offset;
}

/**
 * usher_raw_read - USHER_RAW_IOC_READ
 * @raw: the function
 * @arg: where; its value is 0, and filled in
 *
 * Return: 0, or as struct usher_raw_access says.
 */
int usher_raw_read(struct usher_raw *raw, struct usher_raw_access *arg)
{
	void __iomem *at;
	int ret;

	if (arg->value)
		return -EINVAL;
	at = usher_raw_find_register(raw, arg);
	if (IS_ERR(at))
		return PTR_ERR(at);
	ret = usher_raw_lock(raw);
	if (ret)
		return ret;
	switch (arg->bytes) {
	case 1:
		arg->value = ioread8(at);
		break;
	case 2:
		arg->value = ioread16(at);
		break;
	case 4:
		arg->value = ioread32(at);
		break;
	default:
		arg->value = readq(at);
	}
	mutex_unlock(&raw->lock);
	return 0;
}

/**
 * usher_raw_write - USHER_RAW_IOC_WRITE
 * @raw: the function
 * @arg: where, and which value
 *
 * Return: 0, or as struct usher_raw_access says.
 */
int usher_raw_write(struct usher_raw *raw, const struct usher_raw_access *arg)
{
	void __iomem *at = usher_raw_find_register(raw, arg);
	int ret;

	if (IS_ERR(at))
		return PTR_ERR(at);
	ret = usher_raw_lock(raw);
	if (ret)
		return ret;
	switch (arg->bytes) {
	case 1:
		iowrite8(arg->value, at);
		break;
	case 2:
		iowrite16(arg->value, at);
		break;
	case 4:
		iowrite32(arg->value, at);
		break;
	default:
		writeq(arg->value, at);
	}
	mutex_unlock(&raw->lock);
	return 0;
}
