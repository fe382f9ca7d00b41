/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Admin commands of administrators by the NVMe ioctls.
 */
#ifndef _USHER_PASSTHRU_MANAGE_H
#define _USHER_PASSTHRU_MANAGE_H

struct nvme_passthru_cmd64;
struct usher_grant;

int usher_passthru_manage(struct usher_grant *grant, struct nvme_passthru_cmd64 *cmd);

#endif /* _USHER_PASSTHRU_MANAGE_H */
