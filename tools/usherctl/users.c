// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who uses a PCI function: its disks, its network interfaces, and whoever has a
 * device node of it open.
 */
#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "alloc.h"
#include "disk.h"
#include "function.h"
#include "message.h"
#include "sysfs.h"
#include "users.h"

#define IFF_UP		0x1	/* linux/if.h, which net/if.h hides */
#define MAX_NODES	1024

/**
 * struct nodes - character devices of a function
 * @count: how many
 * @numbers: device numbers
 * @names: paths in /dev
 */
struct nodes {
	int count;
	dev_t numbers[MAX_NODES];
	char names[MAX_NODES][64];
};

static void add_node(struct nodes *nodes, dev_t number, const char *name)
{
	if (nodes->count == MAX_NODES)
		return;
	nodes->numbers[nodes->count] = number;
	snprintf(nodes->names[nodes->count++], sizeof(nodes->names[0]),
		 "/dev/%s", name);
}

/* A folder of a character device: "dev" has its number, "uevent" its name. */
static void add_folder(struct nodes *nodes, const char *folder)
{
	unsigned int major_nr, minor_nr;
	char text[4096], name[48];
	const char *line;

	if (!sys_read(text, sizeof(text), "%s/dev", folder) ||
	    sscanf(text, "%u:%u", &major_nr, &minor_nr) != 2 ||
	    !sys_read(text, sizeof(text), "%s/uevent", folder))
		return;
	line = strstr(text, "DEVNAME=");
	if (line && sscanf(line, "DEVNAME=%47s", name) == 1)
		add_node(nodes, makedev(major_nr, minor_nr), name);
}

/* In sysfs the node of an IOMMU group is under no function. */
static void add_vfio(struct nodes *nodes, const char *bdf)
{
	char group[32], path[64], name[48];
	struct stat st;

	if (!sys_link(group, sizeof(group), SYS_PCI "/%s/iommu_group", bdf))
		return;
	snprintf(name, sizeof(name), "vfio/%s", group);
	snprintf(path, sizeof(path), "/dev/%s", name);
	if (!stat(path, &st) && S_ISCHR(st.st_mode))
		add_node(nodes, st.st_rdev, name);
}

/* Count the open files of a process that are nodes of the list, and say which. */
static int process_uses(const struct nodes *nodes, const char *pid)
{
	char **files, path[PATH_MAX], comm[32];
	int i, k, count, users = 0;
	struct stat st;

	count = sys_scan(&files, "/proc/%s/fd", pid);
	for (i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "/proc/%s/fd/%s", pid, files[i]);
		if (stat(path, &st) || !S_ISCHR(st.st_mode))
			continue;
		for (k = 0; k < nodes->count && nodes->numbers[k] != st.st_rdev;)
			k++;
		if (k == nodes->count)
			continue;
		sys_read(comm, sizeof(comm), "/proc/%s/comm", pid);
		note("%s is open in process %s (%s): end it", nodes->names[k], pid,
		     comm);
		users++;
	}
	sys_free(files, count);
	return users;
}

static int processes_use(const struct nodes *nodes)
{
	char **names, self[16];
	int i, count, users = 0;

	if (!nodes->count)
		return 0;
	snprintf(self, sizeof(self), "%d", getpid());
	count = sys_scan(&names, "/proc");
	for (i = 0; i < count; i++) {
		if (!names[i][strspn(names[i], "0123456789")] &&
		    strcmp(names[i], self))
			users += process_uses(nodes, names[i]);
	}
	sys_free(names, count);
	return users;
}

static int interface_in_use(const char *folder)
{
	const char *name = strrchr(folder, '/') + 1;
	char **names;
	int i, count, users = 0;

	if (sys_number("%s/flags", folder) & IFF_UP) {
		note("%s is up: ip link set %s down", name, name);
		return 1;
	}
	/* Interfaces on top of it: bridges, VLANs and the like */
	count = sys_scan(&names, "%s", folder);
	for (i = 0; i < count; i++) {
		if (strncmp(names[i], "upper_", strlen("upper_")))
			continue;
		note("%s is used by %s: take it out of there first", name,
		     names[i] + strlen("upper_"));
		users++;
	}
	sys_free(names, count);
	return users;
}

static int folder_in_use(const char *folder, struct nodes *nodes)
{
	const char *name = strrchr(folder, '/') + 1;
	char subsystem[64], path[PATH_MAX];

	sys_link(subsystem, sizeof(subsystem), "%s/subsystem", folder);
	if (!strcmp(subsystem, "net"))
		return interface_in_use(folder);
	if (strcmp(subsystem, "block")) {
		add_folder(nodes, folder);
		return 0;
	}
	snprintf(path, sizeof(path), "%s/partition", folder);
	return access(path, F_OK) && disk_in_use(name);
}

int function_in_use(const char *bdf)
{
	char link[64], folder[PATH_MAX];
	char * const folders[] = { folder, NULL };
	struct nodes *nodes = alloc_array(1, sizeof(*nodes), "the list of nodes");
	int users = 0;
	FTSENT *entry;
	FTS *tree;

	snprintf(link, sizeof(link), SYS_PCI "/%s", bdf);
	if (!realpath(link, folder))
		goto free_nodes;
	tree = fts_open(folders, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (!tree)
		alloc_failed(folder);
	while ((entry = fts_read(tree)))
		if (entry->fts_info == FTS_D)
			users += folder_in_use(entry->fts_path, nodes);
	if (errno == ENOMEM)	/* fts_read() sets it to 0 at the end */
		alloc_failed(folder);
	fts_close(tree);
	add_vfio(nodes, bdf);
	users += processes_use(nodes);
free_nodes:
	free(nodes);
	return users;
}

int virtual_functions_in_use(const char *bdf)
{
	char **names, function[PCI_ADDRESS];
	int i, count = sys_scan(&names, SYS_PCI "/%s", bdf), users = 0, those;

	for (i = 0; i < count; i++) {
		if (strncmp(names[i], "virtfn", strlen("virtfn")) ||
		    !sys_link(function, sizeof(function), SYS_PCI "/%s/%s", bdf,
			      names[i]))
			continue;
		those = function_in_use(function);
		if (those)
			note("%s is a virtual function of %s, which would lose it",
			     function, bdf);
		users += those;
	}
	sys_free(names, count);
	return users;
}
