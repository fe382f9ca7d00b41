/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _USHER_FILE_GRANT_H
#define _USHER_FILE_GRANT_H

#include <linux/fs.h>

/* Of nodes, and of the files that NARROW makes */
extern const struct file_operations usher_grant_fops;

#endif /* _USHER_FILE_GRANT_H */
