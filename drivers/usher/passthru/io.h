/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * I/O commands of the NVMe ioctls.
 */
#ifndef _USHER_PASSTHRU_IO_H
#define _USHER_PASSTHRU_IO_H

#include <linux/bits.h>
#include <linux/types.h>

#include "passthru/channel.h"
#include "passthru/data.h"

struct nvme_passthru_cmd64;
struct usher_passthru;
struct usher_sqe;

/*
 * struct usher_io - a command under way, in what its owner allocates
 */
struct usher_io {
	struct usher_call	call;	/* @done is the owner's */
	struct usher_io_data	data;	/* imported by the owner */
	struct usher_buffer	*buf;	/* where the device has the data, or NULL */
	u32			bytes;	/* that the command moves */
	bool			in;	/* to the process */
};

/* How a command is started */
#define USHER_IO_NOWAIT	BIT(0)	/* do not wait for what may take long */
#define USHER_IO_POLLED	BIT(1)	/* its completion is polled for */

int usher_io_prepare(const struct usher_passthru *pt,
		     const struct nvme_passthru_cmd64 *cmd, struct usher_sqe *sqe);
int usher_io_set_length(const struct usher_passthru *pt, struct usher_sqe *sqe,
			const struct usher_io_data *data);
int usher_io_start(struct usher_io *io, struct usher_passthru *pt, struct usher_sqe *sqe,
		   unsigned int how);
int usher_io_result(struct usher_io *io);
void usher_io_end(struct usher_io *io);

int usher_passthru_io(struct usher_passthru *pt, struct nvme_passthru_cmd64 *cmd, bool vec);

#endif /* _USHER_PASSTHRU_IO_H */
