// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which PCI function is meant: by its address, a node, a disk, a network interface.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "function.h"
#include "macros.h"
#include "message.h"
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

/* The PCI function that a folder in sysfs is under */
static bool pci_parent(const char *folder, char bdf[PCI_ADDRESS])
{
	char path[PATH_MAX], name[64];
	char *slash;

	if (!realpath(folder, path))
		return false;
	for (;;) {
		if (sys_link(name, sizeof(name), "%s/subsystem", path) &&
		    !strcmp(name, "pci"))
			return parse_address(strrchr(path, '/') + 1, bdf);
		slash = strrchr(path, '/');
		if (!slash || slash == path)
			return false;
		*slash = '\0';
	}
}

/* In sysfs a multipath head is under no controller: its subsystem lists them. */
static int from_head(const char *disk, char bdf[PCI_ADDRESS])
{
	char **names, path[PATH_MAX], found[PCI_ADDRESS] = "";
	int i, count = sys_scan(&names, "/sys/class/block/%s/device", disk);
	int ret = 0;

	for (i = 0; i < count && !ret; i++) {
		snprintf(path, sizeof(path),
			 "/sys/class/block/%s/device/%s/device", disk, names[i]);
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

bool is_address(const char *text, char bdf[PCI_ADDRESS])
{
	const char *slash = strrchr(text, '/');

	return parse_address(slash ? slash + 1 : text, bdf);
}

/* In which class of sysfs a name is, with the path there; NULL: in none of these */
static const char *find_class(const char *text, char path[PATH_MAX])
{
	static const char * const classes[] = { "usher", "nvme", "net", "block" };
	const char *slash = strrchr(text, '/');
	const char *name = slash ? slash + 1 : text;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(classes) && *name; i++) {
		snprintf(path, PATH_MAX, "/sys/class/%s/%s", classes[i], name);
		if (!access(path, F_OK))
			return classes[i];
	}
	return NULL;
}

bool names_function(const char *text)
{
	char path[PATH_MAX], bdf[PCI_ADDRESS];
	const char *class;

	if (is_address(text, bdf))
		return true;
	class = find_class(text, path);
	return class && strcmp(class, "usher");
}

int find_function(const char *text, char bdf[PCI_ADDRESS])
{
	char path[PATH_MAX];
	const char *class;

	if (is_address(text, bdf)) {
		snprintf(path, sizeof(path), SYS_PCI "/%s", bdf);
		if (!access(path, F_OK))
			return 0;
		return fail("%s: there is no such PCI function, see lspci or "
			    SYS_PCI, bdf);
	}

	class = find_class(text, path);
	if (!class)
		return fail("%s: there is no such disk or PCI function, see usherctl list or lspci",
			    text);
	if (pci_parent(path, bdf))
		return 0;
	if (strcmp(class, "block"))
		return fail("%s: no PCI function is behind it", text);
	return from_head(strrchr(path, '/') + 1, bdf);
}
