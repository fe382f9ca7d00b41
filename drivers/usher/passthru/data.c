// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where in a process the data of an NVMe ioctl are: in one piece, in several, or in a
 * buffer that was registered with io_uring. Whether the process may read or write there
 * is seen when they are copied.
 */
#include <linux/compat.h>
#include <linux/errno.h>
#include <linux/slab.h>

#include "compat.h"
#include "passthru/data.h"

/* Opcodes tell the direction (NVMe Base 2.0, 3.1.3.3, Figure 88). */
static int usher_io_data_direction(u8 opcode)
{
	return opcode & 1 ? ITER_SOURCE : ITER_DEST;
}

static void __user *usher_io_data_ptr(u64 addr)
{
	if (in_compat_syscall())
		addr = (compat_uptr_t)addr;
	return (void __user *)(uintptr_t)addr;
}

/**
 * usher_io_data_import - data in one piece
 * @data: filled in, for usher_io_data_release() if this succeeds, as in the next ones
 * @opcode: of the command
 * @addr: in the process
 * @length: bytes
 *
 * Return: how many bytes these are, or -EFAULT.
 */
int usher_io_data_import(struct usher_io_data *data, u8 opcode, u64 addr, u32 length)
{
	int ret;

	data->many = NULL;
	ret = usher_import_ubuf(usher_io_data_direction(opcode), usher_io_data_ptr(addr), length,
				&data->one, &data->iter);
	return ret ?: length;
}

/**
 * usher_io_data_import_vec - data in several pieces
 * @data: filled in
 * @opcode: of the command
 * @addr: of an array of struct iovec
 * @segments: how many there are in it
 *
 * Return: how many bytes these are, up to MAX_RW_COUNT; -EFAULT, -EINVAL as readv(2),
 * or -ENOMEM.
 */
int usher_io_data_import_vec(struct usher_io_data *data, u8 opcode, u64 addr, u32 segments)
{
	/* No array of ours: it would have to live as long. */
	data->many = NULL;
	return import_iovec(usher_io_data_direction(opcode), usher_io_data_ptr(addr), segments,
			    0, &data->many, &data->iter);
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
 * Return: how many bytes these are, or -EFAULT.
 */
int usher_io_data_import_fixed(struct usher_io_data *data, u8 opcode, u64 addr,
			       u32 length, struct io_uring_cmd *ioucmd,
			       unsigned int issue_flags)
{
	int ret;

	data->many = NULL;
	ret = usher_uring_import_fixed(addr, length, usher_io_data_direction(opcode),
				       &data->iter, ioucmd, issue_flags);
	return ret ?: length;
}

void usher_io_data_release(struct usher_io_data *data)
{
	kfree(data->many);
}
