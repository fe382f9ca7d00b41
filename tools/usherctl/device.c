// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which device a text means.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "device.h"
#include "macros.h"
#include "node.h"
#include "sysfs.h"

int device_of_file(const struct stat *st, char folder[PATH_MAX])
{
	char link[64];

	if (!S_ISBLK(st->st_mode) && !S_ISCHR(st->st_mode))
		return -ENOTTY;
	snprintf(link, sizeof(link), "/sys/dev/%s/%u:%u",
		 S_ISBLK(st->st_mode) ? "block" : "char", major(st->st_rdev),
		 minor(st->st_rdev));
	return realpath(link, folder) ? 0 : -ENXIO;
}

static int find_path(const char *path, char folder[PATH_MAX])
{
	static const char devices[] = "/sys/devices/";
	struct stat st;

	if (stat(path, &st))
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return device_of_file(&st, folder);
	if (!realpath(path, folder))
		return -errno;
	return strncmp(folder, devices, strlen(devices)) ? -ENOTTY : 0;
}

static bool find_name(const char *name, char folder[PATH_MAX])
{
	static const char * const classes[] = { "usher", "nvme", "net", "block" };
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(classes) && *name; i++) {
		snprintf(path, sizeof(path), "/sys/class/%s/%s", classes[i], name);
		if (realpath(path, folder))
			return true;
	}
	return false;
}

int find_device(const char *text, char folder[PATH_MAX])
{
	if (!strchr(text, '/') && find_name(text, folder))
		return 0;
	return find_path(text, folder);
}

bool device_is_in(const char *folder, const char *subsystem)
{
	char name[64];

	return sys_link(name, sizeof(name), "%s/subsystem", folder) &&
	       !strcmp(name, subsystem);
}

int find_node(const char *text, struct node *node)
{
	char folder[PATH_MAX];
	int ret;

	if (parse_node(text, node))
		return 0;
	ret = find_device(text, folder);
	if (ret)
		return ret;
	return device_is_in(folder, "usher") &&
	       parse_node(strrchr(folder, '/') + 1, node) ? 0 : -ENOTTY;
}
