// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who uses the disks of an NVMe controller.
 *
 * The test is to open each disk, or its multipath head, exclusively: that fails
 * when it or one of its partitions is mounted, swapped on, held by device mapper,
 * md or the like, or opened exclusively by a program. The files stay open, so that
 * nobody takes a disk while it changes hands.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "disk.h"
#include "message.h"
#include "sysfs.h"

#define SYS_BLOCK	"/sys/class/block"

/* "nvme0c1n2" is one path to the disk "nvme0n2"; the head is what is opened. */
static bool head_of_path(const char *name, char head[32])
{
	unsigned int subsystem, controller, ns;
	int length = 0;

	if (sscanf(name, "nvme%uc%un%u%n", &subsystem, &controller, &ns,
		   &length) != 3 || name[length])
		return false;
	snprintf(head, 32, "nvme%un%u", subsystem, ns);
	return true;
}

static bool is_disk(const char *name)
{
	unsigned int controller, ns;
	int length = 0;

	return sscanf(name, "nvme%un%u%n", &controller, &ns, &length) == 2 &&
	       !name[length];
}

/* Keep the names of disks only, with that of its head instead of each path. */
static int keep_disks(char **names, int count)
{
	int i, kept = 0;
	char head[32];

	for (i = 0; i < count; i++) {
		char *name = names[i];

		if (head_of_path(name, head)) {
			names[kept++] = alloc_text(head, sizeof(head));
			free(name);
		} else if (is_disk(name)) {
			names[kept++] = name;
		} else {
			free(name);
		}
	}
	return kept;
}

int disk_names(const char *bdf, char ***names)
{
	char **controllers;
	int count, nr_controllers;

	/* The driver makes one controller of each function. */
	*names = NULL;
	count = 0;
	nr_controllers = sys_scan(&controllers, SYS_PCI "/%s/nvme", bdf);
	if (nr_controllers)
		count = sys_scan(names, SYS_PCI "/%s/nvme/%s", bdf, controllers[0]);
	sys_free(controllers, nr_controllers);
	return keep_disks(*names, count);
}

/* Mount points of a block device, from the file system's device number */
static bool say_mounts(const char *name, unsigned int major_nr,
		       unsigned int minor_nr)
{
	unsigned int m, n;
	char *line = NULL, where[PATH_MAX];
	size_t size = 0;
	bool found = false;
	FILE *file = fopen("/proc/self/mountinfo", "re");

	while (file && getline(&line, &size, file) > 0) {
		if (sscanf(line, "%*d %*d %u:%u %*s %4095s", &m, &n,
			   where) != 3 || m != major_nr || n != minor_nr)
			continue;
		note("%s is mounted on %s: umount %s", name, where, where);
		found = true;
	}
	free(line);
	if (file)
		fclose(file);
	return found;
}

static bool say_swap(const char *name)
{
	char *line = NULL, path[64];
	size_t size = 0;
	bool found = false;
	FILE *file = fopen("/proc/swaps", "re");

	snprintf(path, sizeof(path), "/dev/%s ", name);
	while (file && getline(&line, &size, file) > 0) {
		if (strncmp(line, path, strlen(path)))
			continue;
		note("%s is used as swap: swapoff /dev/%s", name, name);
		found = true;
	}
	free(line);
	if (file)
		fclose(file);
	return found;
}

static bool say_holders(const char *name)
{
	char **holders, text[128];
	int i, count = sys_scan(&holders, SYS_BLOCK "/%s/holders", name);

	for (i = 0; i < count; i++) {
		if (!sys_read(text, sizeof(text), SYS_BLOCK "/%s/dm/name",
			      holders[i]))
			snprintf(text, sizeof(text), "md or the like");
		note("%s is held by %s (%s)", name, holders[i], text);
	}
	sys_free(holders, count);
	return count > 0;
}

static bool say_users(const char *name)
{
	unsigned int major_nr, minor_nr;
	char text[32];
	bool found;

	found = sys_read(text, sizeof(text), SYS_BLOCK "/%s/dev", name) &&
		sscanf(text, "%u:%u", &major_nr, &minor_nr) == 2 &&
		say_mounts(name, major_nr, minor_nr);
	found |= say_swap(name);
	found |= say_holders(name);
	return found;
}

/* The users of a disk and of its partitions */
static void say_disk_users(const char *disk)
{
	char **names, text[16];
	int i, count = sys_scan(&names, SYS_BLOCK "/%s", disk);
	bool found = say_users(disk);

	for (i = 0; i < count; i++) {
		if (sys_read(text, sizeof(text), SYS_BLOCK "/%s/%s/partition",
			     disk, names[i]))
			found |= say_users(names[i]);
	}
	sys_free(names, count);
	if (!found)
		note("%s or a partition of it is opened exclusively, see \"fuser -v /dev/%s*\"",
		     disk, disk);
}

/* With O_NONBLOCK a drive can be opened without a medium in it. */
int disk_in_use(const char *disk)
{
	char path[64], head[32];

	if (head_of_path(disk, head))
		disk = head;
	snprintf(path, sizeof(path), "/dev/%s", disk);
	if (open(path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC) >= 0)
		return 0;
	if (errno == EBUSY)
		say_disk_users(disk);
	else
		note("%s cannot be tested: %s", path, strerror(errno));
	return 1;
}

int disks_in_use(const char *bdf)
{
	char **disks;
	int i, count = disk_names(bdf, &disks), users = 0;

	for (i = 0; i < count; i++)
		users += disk_in_use(disks[i]);
	sys_free(disks, count);
	return users;
}
