/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Raw mode: files on the node of a function.
 */
#ifndef _USHER_RAW_FILE_H
#define _USHER_RAW_FILE_H

#include <linux/fs.h>

extern const struct file_operations usher_raw_fops;

#endif /* _USHER_RAW_FILE_H */
