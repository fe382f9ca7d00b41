// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dispatcher of all ioctls: arguments in, the call, answers out.
 */
#include <linux/minmax.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include "core/ioctl.h"

/**
 * usher_copy_args - read a struct that begins with its size
 * @to: where to, @ksize bytes
 * @ksize: what this kernel knows
 * @min: what the caller must give
 * @from: the process's struct
 *
 * Return: 0, -EINVAL when too short, -E2BIG when longer with a tail that is
 * not zero, -EFAULT.
 */
int usher_copy_args(void *to, size_t ksize, size_t min, const void __user *from)
{
	u32 size;
	int ret;

	if (get_user(size, (const u32 __user *)from))
		return -EFAULT;
	if (size < min)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	ret = copy_struct_from_user(to, ksize, from, size);
	if (ret)
		return ret;
	/* The process may have changed it since it was checked. */
	*(u32 *)to = size;
	return 0;
}

/**
 * usher_put_args - copy answers back, as far as the caller's struct reaches
 * @to: the process's struct
 * @from: ours
 * @ksize: bytes of ours
 * @usize: bytes of the process's
 *
 * Return: 0 or -EFAULT.
 */
int usher_put_args(void __user *to, const void *from, size_t ksize, u32 usize)
{
	return copy_to_user(to, from, min_t(size_t, ksize, usize)) ?
		-EFAULT : 0;
}

/**
 * usher_ioctl - find an ioctl in a table and do it
 * @table: the ioctls of this kind of file
 * @object: the file's object
 * @gone: the device is gone
 * @cmd: which one
 * @argp: the process's argument
 *
 * Return: what the call answers; or -ENOTTY, -ENODEV, -EINVAL, -E2BIG, -EFAULT.
 */
long usher_ioctl(const struct usher_ioctl_table *table, void *object,
		 bool gone, unsigned int cmd, void __user *argp)
{
	u64 arg[USHER_IOCTL_MAX_BYTES / sizeof(u64)];
	unsigned int nr = _IOC_NR(cmd) - table->first;
	const struct usher_ioctl *ioctl;
	u32 size;
	int ret;

	if (cmd != _IO(table->type, _IOC_NR(cmd)) || nr >= table->nr)
		return -ENOTTY;
	ioctl = &table->ioctls[array_index_nospec(nr, table->nr)];
	if (!ioctl->call)
		return -ENOTTY;
	if (gone)
		return -ENODEV;
	ret = usher_copy_args(arg, ioctl->size, ioctl->min, argp);
	if (ret)
		return ret;
	size = *(u32 *)arg;
	ret = ioctl->call(object, arg, argp);
	if (ret < 0 || !ioctl->answers)
		return ret;
	if (usher_put_args(argp, arg, ioctl->size, size)) {
		if (ioctl->undo)
			ioctl->undo(object, arg);
		return -EFAULT;
	}
	return ret;
}
