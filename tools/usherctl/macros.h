/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two macros that the kernel has and the C library has not.
 */
#ifndef USHERCTL_MACROS_H
#define USHERCTL_MACROS_H

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/* The argument @a is a format of printf(), and @b is the first that it formats. */
#define __printf(a, b)		__attribute__((__format__(printf, a, b)))

#endif /* USHERCTL_MACROS_H */
