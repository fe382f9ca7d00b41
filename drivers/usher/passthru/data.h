/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where in a process the data of an NVMe ioctl are.
 */
#ifndef _USHER_PASSTHRU_DATA_H
#define _USHER_PASSTHRU_DATA_H

#include <linux/types.h>
#include <linux/uio.h>

struct io_uring_cmd;

/*
 * struct usher_io_data - memory of a process
 */
struct usher_io_data {
	struct iov_iter		iter;
	struct iovec		one;	/* @iter may refer to it */
	struct iovec		*many;	/* likewise; ours, or NULL */
};

int usher_io_data_import(struct usher_io_data *data, u8 opcode, u64 addr, u32 length);
int usher_io_data_import_vec(struct usher_io_data *data, u8 opcode, u64 addr, u32 segments,
			     bool compat);
int usher_io_data_import_fixed(struct usher_io_data *data, u8 opcode, u64 addr,
			       u32 length, struct io_uring_cmd *ioucmd,
			       unsigned int issue_flags);
void usher_io_data_release(struct usher_io_data *data);

#endif /* _USHER_PASSTHRU_DATA_H */
