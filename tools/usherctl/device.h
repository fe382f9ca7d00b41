/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which device a text means: its folder in sysfs.
 *
 * A path means the device that it leads to, by the device number of the file there,
 * whatever the path is called. A text without a slash is a name that the kernel gave,
 * or else a path from the current folder.
 */
#ifndef USHERCTL_DEVICE_H
#define USHERCTL_DEVICE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

struct node;

/**
 * device_of_file() - the device that a file is a node of
 * @st: the file
 * @folder: answers the device's folder in sysfs, without links in it
 *
 * Return: 0; -ENOTTY the file is no device node; -ENXIO there is no such device
 */
int device_of_file(const struct stat *st, char folder[PATH_MAX]);

/**
 * find_device() - the device that is meant
 * @text: path of a node, or a link to one; path of a folder in sysfs; name of a node
 *	of usher, of a controller, of a network interface or of a block device
 * @folder: answers the device's folder in sysfs, without links in it
 *
 * Return: 0; -ENOTTY it is something else; -ENXIO a node without a device; or another
 * negative errno of stat(2)
 */
int find_device(const char *text, char folder[PATH_MAX]);

/**
 * device_is_in() - whether a device belongs to a subsystem
 * @folder: as find_device() answers it
 * @subsystem: "block", "usher"
 *
 * Return: whether it does
 */
bool device_is_in(const char *folder, const char *subsystem);

/**
 * find_node() - the node of guarded mode that is meant
 * @text: "usher0n1", or a path that leads to such a node
 * @node: the numbers in its name
 *
 * A name is not looked up: opening it says whether there is such a node.
 *
 * Return: 0, or as find_device()
 */
int find_node(const char *text, struct node *node);

#endif /* USHERCTL_DEVICE_H */
