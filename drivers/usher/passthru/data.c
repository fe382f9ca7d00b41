// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where in a process the data of an NVMe ioctl are: in one piece, in several, or in a
 * buffer that was registered with io_uring. Whether the process may read or write there
 * is seen when they are copied.
 */
#include <linux/compat.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "passthru/data.h"

/* Opcodes tell the direction (NVMe Base 2.0, 3.1.3.3, Figure 88). */
static int usher_io_data_direction(u8 opcode)
{
	return opcode & 1 ? ITER_SOURCE : ITER_DEST;
}

/**
 * usher_io_data_import - data in one piece
 * @data: filled in, for usher_io_data_release(), as in the next ones
 * @opcode: of the command
 * @addr: in the process
 * @length: bytes
 *
 * Return: 0, -EINVAL too long for any transfer, or -EFAULT.
 */
int usher_io_data_import(struct usher_io_data *data, u8 opcode, u64 addr, u32 length)
{
	data->many = NULL;
	if (length > MAX_RW_COUNT)
		return -EINVAL;
	if (addr != (uintptr_t)addr)
		return -EFAULT;
	return usher_import_ubuf(usher_io_data_direction(opcode), u64_to_user_ptr(addr), length,
				 &data->one, &data->iter);
}

static int usher_copy_compat_iovec(struct iovec *iov, const void __user *from, u32 segments)
{
	const struct compat_iovec __user *segment = from;
	compat_uptr_t base;
	compat_size_t length;
	u32 i;

	for (i = 0; i < segments; i++) {
		if (get_user(base, &segment[i].iov_base) || get_user(length, &segment[i].iov_len))
			return -EFAULT;
		iov[i].iov_base = compat_ptr(base);
		iov[i].iov_len = length;
	}
	return 0;
}

static int usher_copy_iovec(struct iovec *iov, u64 addr, u32 segments, bool compat)
{
	const void __user *from = u64_to_user_ptr(addr);

	if (IS_ENABLED(CONFIG_COMPAT) && compat)
		return usher_copy_compat_iovec(iov, from, segments);
	return copy_from_user(iov, from, segments * sizeof(*iov)) ? -EFAULT : 0;
}

/* How many bytes there are in all segments: 0 or -EINVAL */
static int usher_iovec_length(const struct iovec *iov, u32 segments, size_t *total)
{
	u32 i;

	*total = 0;
	for (i = 0; i < segments; i++)
		if (check_add_overflow(*total, (size_t)iov[i].iov_len, total))
			return -EINVAL;
	return *total > MAX_RW_COUNT ? -EINVAL : 0;
}

/**
 * usher_io_data_import_vec - data in several pieces
 * @data: filled in
 * @opcode: of the command
 * @addr: of an array of struct iovec
 * @segments: how many there are in it
 * @compat: the process has 32 bits
 *
 * Not import_iovec(): it asks in_compat_syscall(), and a thread of io_uring is in no
 * system call.
 *
 * Return: 0; -EFAULT, -EINVAL as readv(2), or -ENOMEM.
 */
int usher_io_data_import_vec(struct usher_io_data *data, u8 opcode, u64 addr, u32 segments,
			     bool compat)
{
	struct iovec *iov = &data->one;
	size_t length;
	int ret;

	data->many = NULL;
	if (segments > UIO_MAXIOV)
		return -EINVAL;
	if (segments > 1) {
		data->many = kmalloc_array(segments, sizeof(*iov), GFP_KERNEL_ACCOUNT);
		if (!data->many)
			return -ENOMEM;
		iov = data->many;
	}
	ret = usher_copy_iovec(iov, addr, segments, compat);
	if (ret)
		return ret;
	ret = usher_iovec_length(iov, segments, &length);
	if (ret)
		return ret;
	iov_iter_init(&data->iter, usher_io_data_direction(opcode), iov, segments, length);
	return 0;
}

/**
 * usher_io_data_import_fixed - data in a buffer that was registered with io_uring
 * @data: filled in; io_uring keeps the buffer until the command is done
 * @opcode: of the command
 * @addr: in the process, inside of the buffer
 * @length: bytes
 * @ioucmd: names the buffer
 * @issue_flags: of io_uring
 *
 * Return: 0, or -EFAULT.
 */
int usher_io_data_import_fixed(struct usher_io_data *data, u8 opcode, u64 addr,
			       u32 length, struct io_uring_cmd *ioucmd,
			       unsigned int issue_flags)
{
	data->many = NULL;
	return usher_uring_import_fixed(addr, length, usher_io_data_direction(opcode),
					&data->iter, ioucmd, issue_flags);
}

void usher_io_data_release(struct usher_io_data *data)
{
	kfree(data->many);
}
