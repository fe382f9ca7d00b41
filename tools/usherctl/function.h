/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which PCI function is meant: by its address, a node, a disk, a network interface.
 */
#ifndef USHERCTL_FUNCTION_H
#define USHERCTL_FUNCTION_H

#include <stdbool.h>

#define PCI_CLASS_NVME	0x010802
#define PCI_ADDRESS	32	/* bytes of "0000:01:00.0" and longer domains */

/**
 * parse_address() - parse a PCI address
 * @text: "0000:01:00.0", or without the domain
 * @bdf: answers the address as sysfs writes it
 *
 * Return: whether it is an address
 */
bool parse_address(const char *text, char bdf[PCI_ADDRESS]);

/**
 * names_function() - whether a text means a PCI function
 * @text: as the user wrote it
 *
 * Return: false where it means a node of guarded mode, or nothing
 */
bool names_function(const char *text);

/**
 * find_function() - the PCI function that is meant
 * @text: an address, or what find_device() takes: the function is that the device is
 *	under
 * @bdf: answers its address
 *
 * Return: 0, or STATUS_FAILED after a message
 */
int find_function(const char *text, char bdf[PCI_ADDRESS]);

#endif /* USHERCTL_FUNCTION_H */
