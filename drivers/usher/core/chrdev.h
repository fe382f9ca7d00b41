/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the character devices of both drivers share: a class, and a range of
 * minor numbers from which all kinds of nodes are numbered.
 */
#ifndef _USHER_CORE_CHRDEV_H
#define _USHER_CORE_CHRDEV_H

struct device;

int usher_chrdev_init(void);
void usher_chrdev_exit(void);
int usher_chrdev_get_minor(struct device *dev);
void usher_chrdev_put_minor(struct device *dev);

#endif /* _USHER_CORE_CHRDEV_H */
