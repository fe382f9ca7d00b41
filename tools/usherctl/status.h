/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exit statuses of usherctl. usherctl(1) lists them, too.
 */
#ifndef USHERCTL_STATUS_H
#define USHERCTL_STATUS_H

#define STATUS_FAILED	1	/* the device or the system refused */
#define STATUS_USAGE	2	/* the arguments are wrong; nothing was tried */
#define STATUS_BUSY	3	/* bind: the device is in use */
#define STATUS_DIFFERS	4	/* --verify: the second read returned other data */
#define STATUS_NO_EXEC	125	/* exec: failed before the command began */

#endif /* USHERCTL_STATUS_H */
