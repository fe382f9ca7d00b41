// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which PCI function is meant: by its address, a node, a disk, a network interface.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "function.h"
#include "message.h"
#include "node.h"
#include "sysfs.h"

bool parse_address(const char *text, char bdf[PCI_ADDRESS])
{
	unsigned int domain = 0, bus, slot, function;
	int length = 0;

	/* sscanf() accepts signs, blanks and 0x, too. */
	if (text[strspn(text, "0123456789abcdefABCDEF:.")])
		return false;
	if (sscanf(text, "%x:%x:%x.%x%n", &domain, &bus, &slot, &function,
		   &length) != 4) {
		domain = 0;
		if (sscanf(text, "%x:%x.%x%n", &bus, &slot, &function,
			   &length) != 3)
			return false;
	}
	if (text[length])
		return false;
	snprintf(bdf, PCI_ADDRESS, "%04x:%02x:%02x.%x", domain, bus, slot,
		 function);
	return true;
}

/* The PCI function that a folder in sysfs is, or is under */
static bool pci_parent(const char *folder, char bdf[PCI_ADDRESS])
{
	char path[PATH_MAX];
	char *slash;

	if (!realpath(folder, path))
		return false;
	for (;;) {
		if (device_is_in(path, "pci"))
			return parse_address(strrchr(path, '/') + 1, bdf);
		slash = strrchr(path, '/');
		if (!slash || slash == path)
			return false;
		*slash = '\0';
	}
}

/* In sysfs a multipath head is under no controller: its subsystem lists them. */
static int from_head(const char *folder, char bdf[PCI_ADDRESS])
{
	const char *disk = strrchr(folder, '/') + 1;
	char **names, path[PATH_MAX + 300], found[PCI_ADDRESS] = "";
	int i, count = sys_scan(&names, "%s/device", folder);
	int ret = 0;

	for (i = 0; i < count && !ret; i++) {
		snprintf(path, sizeof(path), "%s/device/%s/device", folder,
			 names[i]);
		if (strncmp(names[i], "nvme", 4) || !pci_parent(path, bdf))
			continue;
		if (*found && strcmp(found, bdf))
			ret = fail("%s is reached by %s and %s: name one of these",
				   disk, found, bdf);
		snprintf(found, sizeof(found), "%s", bdf);
	}
	sys_free(names, count);
	if (!ret && !*found)
		ret = fail("%s: no PCI function is behind it", disk);
	return ret;
}

/* In sysfs a partition is a folder in that of its disk. */
static void disk_of_partition(char folder[PATH_MAX])
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/partition", folder);
	if (!access(path, F_OK))
		*strrchr(folder, '/') = '\0';
}

bool names_function(const char *text)
{
	char folder[PATH_MAX], bdf[PCI_ADDRESS];
	struct node node;

	if (parse_address(text, bdf))
		return true;
	if (!find_node(text, &node) || find_device(text, folder))
		return false;
	return pci_parent(folder, bdf) || device_is_in(folder, "block") ||
	       device_is_in(folder, "net");
}

static int no_such_function(const char *text, int error)
{
	if (error == -ENXIO)
		return fail("%s: the node has no device behind it", text);
	if (error == -ENOTTY)
		return fail("%s: it is neither a device node nor a link to one",
			    text);
	if (error == -EACCES)
		return fail("%s: %s", text, strerror(EACCES));
	return fail("%s: there is no such disk or PCI function, see usherctl list or lspci",
		    text);
}

int find_function(const char *text, char bdf[PCI_ADDRESS])
{
	char folder[PATH_MAX];
	int ret;

	if (parse_address(text, bdf)) {
		snprintf(folder, sizeof(folder), SYS_PCI "/%s", bdf);
		if (!access(folder, F_OK))
			return 0;
		return fail("%s: there is no such PCI function, see lspci or "
			    SYS_PCI, bdf);
	}

	ret = find_device(text, folder);
	if (ret)
		return no_such_function(text, ret);
	if (pci_parent(folder, bdf))
		return 0;
	if (!device_is_in(folder, "block"))
		return fail("%s: no PCI function is behind it", text);
	disk_of_partition(folder);
	return from_head(folder, bdf);
}
