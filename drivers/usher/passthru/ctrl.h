/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What administrators have done with a controller by the NVMe ioctls.
 */
#ifndef _USHER_PASSTHRU_CTRL_H
#define _USHER_PASSTHRU_CTRL_H

struct usher_device;

int usher_passthru_reset(struct usher_device *ud);
int usher_passthru_rescan(struct usher_device *ud);

#endif /* _USHER_PASSTHRU_CTRL_H */
