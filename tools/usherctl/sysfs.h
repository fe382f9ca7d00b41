/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attributes, links and folders in sysfs, and in /proc. Paths are made as by printf().
 */
#ifndef USHERCTL_SYSFS_H
#define USHERCTL_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#include <sys/types.h>

#include "macros.h"

#define SYS_PCI		"/sys/bus/pci/devices"
#define SYS_USHER	"/sys/class/usher"

/**
 * sys_read() - read an attribute, without the white space at its end
 * @text: where to; "" where it cannot be read
 * @size: of @text
 * @format: path
 *
 * Return: whether it was read
 */
bool sys_read(char *text, size_t size, const char *format, ...)
	__printf(3, 4);

/**
 * sys_number() - read an attribute that is a number
 * @format: path
 *
 * Return: the number, or 0 where there is none
 */
__u64 sys_number(const char *format, ...)
	__printf(1, 2);

/**
 * sys_bytes() - read a binary attribute
 * @bytes: where to
 * @size: of @bytes
 * @format: path
 *
 * Return: how many bytes were read, or a negative errno
 */
ssize_t sys_bytes(void *bytes, size_t size, const char *format, ...)
	__printf(3, 4);

/**
 * sys_link() - the last part of the path that a link points to
 * @name: where to; "" where there is no such link
 * @size: of @name
 * @format: path of the link
 *
 * Return: whether there is such a link
 */
bool sys_link(char *name, size_t size, const char *format, ...)
	__printf(3, 4);

/**
 * sys_write() - write an attribute
 * @text: what to write
 * @format: path
 *
 * Return: 0, or a negative errno
 */
int sys_write(const char *text, const char *format, ...)
	__printf(2, 3);

/**
 * sys_scan() - list a folder
 * @names: answers the names in it, sorted; to be freed by sys_free()
 * @format: path
 *
 * Return: how many there are, 0 where there is no such folder
 */
int sys_scan(char ***names, const char *format, ...)
	__printf(2, 3);

/**
 * sys_free() - free names
 * @names: as by sys_scan()
 * @count: how many
 */
void sys_free(char **names, int count);

/**
 * locked_down() - whether kernel lockdown is on
 *
 * Return: whether it is known to be
 */
bool locked_down(void);

#endif /* USHERCTL_SYSFS_H */
