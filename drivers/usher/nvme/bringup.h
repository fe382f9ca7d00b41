/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The controller from reset to ready, and to a stop again.
 */
#ifndef _USHER_NVME_BRINGUP_H
#define _USHER_NVME_BRINGUP_H

#include <linux/types.h>

#include "nvme/ctrl.h"

struct work_struct;

/**
 * enum usher_stop - what a controller is stopped for
 * @USHER_STOP_NOW: something went wrong, or it is about to start again
 * @USHER_STOP_SHUTDOWN: it is told that its power may go
 */
enum usher_stop {
	USHER_STOP_NOW,
	USHER_STOP_SHUTDOWN,
};

void usher_ctrl_init(struct usher_ctrl *ctrl, struct usher_device *ud);
int usher_ctrl_alloc(struct usher_ctrl *ctrl, struct work_struct *event_work);
void usher_ctrl_free_dma(struct usher_ctrl *ctrl);
int usher_ctrl_start(struct usher_ctrl *ctrl);
enum usher_dma_proof usher_ctrl_stop(struct usher_ctrl *ctrl, enum usher_stop stop);

#endif /* _USHER_NVME_BRINGUP_H */
