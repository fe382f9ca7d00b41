/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * I/O commands of the NVMe ioctls.
 */
#ifndef _USHER_PASSTHRU_IO_H
#define _USHER_PASSTHRU_IO_H

struct nvme_passthru_cmd64;
struct usher_passthru;

int usher_passthru_io(struct usher_passthru *pt, struct nvme_passthru_cmd64 *cmd);

#endif /* _USHER_PASSTHRU_IO_H */
