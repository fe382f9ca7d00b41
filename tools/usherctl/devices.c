// SPDX-License-Identifier: GPL-2.0-only
/*
 * The NVMe controllers of the machine, and the functions bound to usher-raw, as sysfs
 * knows them.
 */
#include <grp.h>
#include <json.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "devices.h"
#include "disk.h"
#include "facts.h"
#include "function.h"
#include "node.h"
#include "parse.h"
#include "sysfs.h"

static void add_attribute(struct json_object *object, const char *key,
			  const char *folder, const char *name)
{
	char text[128];

	sys_read(text, sizeof(text), "%s/%s/%s", folder, name, key);
	json_add_text(object, key, text);
}

static void add_numeric(struct json_object *object, const char *key,
			const char *folder, const char *name)
{
	json_add_number(object, key, sys_number("%s/%s/%s", folder, name, key));
}

/* Path, owner and mode of a node */
static void add_node(struct json_object *object, const char *name)
{
	const struct passwd *user;
	const struct group *group;
	char path[NODE_PATH], text[32];
	struct stat st;

	json_add_text(object, "name", name);
	json_add_text(object, "path", node_path(name, path));
	if (stat(path, &st))
		return;

	user = getpwuid(st.st_uid);
	group = getgrgid(st.st_gid);
	snprintf(text, sizeof(text), "%u", st.st_uid);
	json_add_text(object, "owner", user ? user->pw_name : text);
	snprintf(text, sizeof(text), "%u", st.st_gid);
	json_add_text(object, "group", group ? group->gr_name : text);
	snprintf(text, sizeof(text), "%04o", st.st_mode & 07777);
	json_add_text(object, "mode", text);
}

static struct json_object *slice_facts(const char *folder, const char *name)
{
	struct json_object *slice = json_object_new_object();
	char rights[16];

	add_node(slice, name);
	add_numeric(slice, "nsid", folder, name);
	add_numeric(slice, "slba", folder, name);
	add_numeric(slice, "nlb", folder, name);
	format_rights((__u32)sys_number("%s/%s/rights", folder, name),
		      rights);
	json_add_text(slice, "rights", rights);
	return slice;
}

static struct json_object *namespace_facts(const char *folder,
					   const char *name)
{
	struct json_object *ns = json_object_new_object();

	add_node(ns, name);
	add_numeric(ns, "nsid", folder, name);
	add_numeric(ns, "lba_bytes", folder, name);
	add_numeric(ns, "metadata_bytes", folder, name);
	add_numeric(ns, "blocks", folder, name);
	add_numeric(ns, "csi", folder, name);
	json_object_object_add(ns, "slices", json_object_new_array());
	return ns;
}

static struct json_object *find_namespace(struct json_object *namespaces,
					  const struct node *slice)
{
	size_t i;

	for (i = 0; i < json_object_array_length(namespaces); i++) {
		struct json_object *ns = json_object_array_get_idx(namespaces, i);
		struct node node;

		parse_node(json_text(ns, "name"), &node);
		if (node.ns == slice->ns)
			return ns;
	}
	return NULL;
}

/* The names are sorted: the namespace of a slice has been added before it. */
static void add_usher_node(struct json_object *device, const char *folder,
			   const char *name)
{
	struct json_object *namespaces = json_member(device, "namespaces"), *ns;
	struct node node;

	if (!parse_node(name, &node))
		return;
	if (node.slice) {
		ns = find_namespace(namespaces, &node);
		if (ns)
			json_object_array_add(json_member(ns, "slices"),
					      slice_facts(folder, name));
	} else if (node.ns) {
		json_object_array_add(namespaces, namespace_facts(folder, name));
	} else {
		add_node(device, name);
		add_attribute(device, "model", folder, name);
		add_attribute(device, "serial", folder, name);
		add_attribute(device, "firmware_rev", folder, name);
		add_attribute(device, "state", folder, name);
		add_numeric(device, "queue_pairs", folder, name);
		add_numeric(device, "leaked_pages", folder, name);
	}
}

static void add_usher(struct json_object *device, const char *bdf)
{
	char **names, folder[300];
	int i, count;

	json_object_object_add(device, "namespaces", json_object_new_array());
	snprintf(folder, sizeof(folder), SYS_PCI "/%s/usher", bdf);
	count = sys_scan(&names, "%s", folder);
	for (i = 0; i < count; i++)
		add_usher_node(device, folder, names[i]);
	sys_free(names, count);
}

static void add_disks(struct json_object *device, const char *bdf)
{
	struct json_object *array = json_object_new_array();
	char **names;
	int i, count = disk_names(bdf, &names);

	for (i = 0; i < count; i++)
		json_object_array_add(array, json_object_new_string(names[i]));
	sys_free(names, count);
	json_object_object_add(device, "disks", array);
}

static bool is_raw(const char *bdf)
{
	char driver[64];

	sys_link(driver, sizeof(driver), SYS_PCI "/%s/driver", bdf);
	return !strcmp(driver, "usher-raw");
}

static void add_raw(struct json_object *device, const char *bdf)
{
	char name[64];

	snprintf(name, sizeof(name), "usher-raw-%s", bdf);
	add_node(device, name);
	json_add_bool(device, "contained",
		      sys_number(SYS_PCI "/%s/usher/%s/contained", bdf, name));
	json_add_number(device, "quarantined_pages",
			sys_number(SYS_PCI "/%s/usher/%s/quarantined_pages", bdf,
				   name));
}

static struct json_object *device_facts(const char *bdf)
{
	struct json_object *device = json_object_new_object();
	char driver[64];

	json_add_text(device, "pci", bdf);
	sys_link(driver, sizeof(driver), SYS_PCI "/%s/driver", bdf);
	json_add_text(device, "driver", driver);
	if (!strcmp(driver, "usher"))
		add_usher(device, bdf);
	else if (is_raw(bdf))
		add_raw(device, bdf);
	else
		add_disks(device, bdf);
	return device;
}

struct json_object *gather_devices(void)
{
	struct json_object *devices = json_object_new_array();
	char **names;
	int i, count = sys_scan(&names, SYS_PCI);

	for (i = 0; i < count; i++) {
		if (sys_number(SYS_PCI "/%s/class", names[i]) == PCI_CLASS_NVME ||
		    is_raw(names[i]))
			json_object_array_add(devices, device_facts(names[i]));
	}
	sys_free(names, count);
	return devices;
}

void print_slice(struct json_object *slice, __u64 lba_bytes, const char *indent)
{
	__u64 slba = json_number(slice, "slba");
	__u64 nlb = json_number(slice, "nlb");
	char size[16];

	printf("%s%s  %s  blocks %llu-%llu  rights %s  %s:%s %s\n",
	       indent, json_text(slice, "name"),
	       format_size(nlb * lba_bytes, size), slba, slba + nlb - 1,
	       json_text(slice, "rights"), json_text(slice, "owner"),
	       json_text(slice, "group"), json_text(slice, "mode"));
}
