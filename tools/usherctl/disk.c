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
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "alloc.h"
#include "disk.h"
#include "message.h"
#include "sysfs.h"

#define SYS_BLOCK	"/sys/class/block"
#define SYS_NVME	"/sys/class/nvme"
#define SYS_SUBSYSTEM	"/sys/class/nvme-subsystem"
#define CONTROLLER_NAME	32	/* bytes of "nvme0" and longer names */

/**
 * struct held - a disk that this program has opened exclusively, in a list
 * @next: more of them
 * @fd: the open file
 */
struct held {
	struct held *next;
	int fd;
};

static struct held *all_held;

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

/* The driver makes one controller of each function. */
static bool controller_of(const char *bdf, char name[CONTROLLER_NAME])
{
	char **controllers;
	int count = sys_scan(&controllers, SYS_PCI "/%s/nvme", bdf);

	if (count)
		snprintf(name, CONTROLLER_NAME, "%s", controllers[0]);
	sys_free(controllers, count);
	return count;
}

int disk_names(const char *bdf, char ***names)
{
	char controller[CONTROLLER_NAME];

	*names = NULL;
	if (!controller_of(bdf, controller))
		return 0;
	return keep_disks(*names, sys_scan(names, SYS_NVME "/%s", controller));
}

static bool device_number(const char *name, unsigned int *major_nr,
			  unsigned int *minor_nr)
{
	char text[32];

	return sys_read(text, sizeof(text), SYS_BLOCK "/%s/dev", name) &&
	       sscanf(text, "%u:%u", major_nr, minor_nr) == 2;
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

/* The path of a swap device is the one that it was switched on by. */
static bool say_swap(const char *name, unsigned int major_nr,
		     unsigned int minor_nr)
{
	char *line = NULL, path[PATH_MAX];
	struct stat st;
	size_t size = 0;
	bool found = false;
	FILE *file = fopen("/proc/swaps", "re");

	while (file && getline(&line, &size, file) > 0) {
		if (sscanf(line, "%4095s", path) != 1 || stat(path, &st) ||
		    !S_ISBLK(st.st_mode) ||
		    st.st_rdev != makedev(major_nr, minor_nr))
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
	bool found = false;

	if (device_number(name, &major_nr, &minor_nr)) {
		found = say_mounts(name, major_nr, minor_nr);
		found |= say_swap(name, major_nr, minor_nr);
	}
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

/* Whether an open file is the disk with that name in sysfs, whatever its path is */
static bool is_that_disk(int fd, const char *disk)
{
	unsigned int major_nr, minor_nr;
	struct stat st;

	return !fstat(fd, &st) && S_ISBLK(st.st_mode) &&
	       device_number(disk, &major_nr, &minor_nr) &&
	       st.st_rdev == makedev(major_nr, minor_nr);
}

/* Two functions may have paths to one disk, which is opened exclusively only once. */
static bool is_held(const char *disk)
{
	const struct held *held;

	for (held = all_held; held; held = held->next)
		if (is_that_disk(held->fd, disk))
			return true;
	return false;
}

static void hold(int fd)
{
	struct held *held = alloc_array(1, sizeof(*held), "the list of disks");

	held->next = all_held;
	held->fd = fd;
	all_held = held;
}

/* With O_NONBLOCK a drive can be opened without a medium in it. */
int disk_in_use(const char *disk)
{
	char path[64], head[32];
	int fd;

	if (head_of_path(disk, head))
		disk = head;
	if (is_held(disk))
		return 0;
	snprintf(path, sizeof(path), "/dev/%s", disk);
	fd = open(path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && is_that_disk(fd, disk)) {
		hold(fd);
		return 0;
	}
	if (fd >= 0)
		note("%s cannot be tested: that leads to another device", path);
	else if (errno == EBUSY)
		say_disk_users(disk);
	else
		note("%s cannot be tested: %s", path, strerror(errno));
	return 1;
}

/*
 * Other paths
 */

/* What names the same namespace of a subsystem by whatever controller; "" for no namespace */
static void namespace_id(const char *controller, const char *disk, char id[256])
{
	char nsid[16];

	*id = '\0';
	if (sys_read(nsid, sizeof(nsid), SYS_NVME "/%s/%s/nsid", controller, disk) &&
	    sys_read(id, 256 - sizeof(nsid), SYS_NVME "/%s/%s/wwid", controller, disk))
		snprintf(id + strlen(id), 1 + sizeof(nsid), " %s", nsid);
}

static bool has_namespace(const char *controller, const char *wanted)
{
	char **disks, id[256];
	int i, count = sys_scan(&disks, SYS_NVME "/%s", controller);
	bool found = false;

	for (i = 0; i < count && !found; i++) {
		namespace_id(controller, disks[i], id);
		found = !strcmp(id, wanted);
	}
	sys_free(disks, count);
	return found;
}

/* Say which namespaces of a controller another one has, too. */
static int say_shared(const char *controller, const char *other)
{
	char **disks, id[256], address[64], head[32];
	int i, count = sys_scan(&disks, SYS_NVME "/%s", controller), shared = 0;

	sys_read(address, sizeof(address), SYS_NVME "/%s/address", other);
	for (i = 0; i < count; i++) {
		namespace_id(controller, disks[i], id);
		if (!*id || !has_namespace(other, id))
			continue;
		note("%s is reached by %s (%s), too, and stays there: unbind that first",
		     head_of_path(disks[i], head) ? head : disks[i], address, other);
		shared++;
	}
	sys_free(disks, count);
	return shared;
}

/* The folder of a subsystem has links to its controllers. */
static int say_paths(const char *subsystem, const char *controller)
{
	char **names, path[PATH_MAX];
	int i, count, shared = 0;

	snprintf(path, sizeof(path), SYS_SUBSYSTEM "/%s/%s", subsystem, controller);
	if (access(path, F_OK))
		return 0;
	count = sys_scan(&names, SYS_SUBSYSTEM "/%s", subsystem);
	for (i = 0; i < count; i++) {
		snprintf(path, sizeof(path), SYS_NVME "/%s", names[i]);
		if (strcmp(names[i], controller) && !access(path, F_OK))
			shared += say_shared(controller, names[i]);
	}
	sys_free(names, count);
	return shared;
}

int disks_shared(const char *bdf)
{
	char controller[CONTROLLER_NAME], **subsystems;
	int i, count, shared = 0;

	if (!controller_of(bdf, controller))
		return 0;
	count = sys_scan(&subsystems, SYS_SUBSYSTEM);
	for (i = 0; i < count; i++)
		shared += say_paths(subsystems[i], controller);
	sys_free(subsystems, count);
	return shared;
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
