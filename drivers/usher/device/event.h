/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _USHER_DEVICE_EVENT_H
#define _USHER_DEVICE_EVENT_H

struct usher_device;

void usher_device_event(struct usher_device *ud);

#endif /* _USHER_DEVICE_EVENT_H */
