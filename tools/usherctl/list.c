// SPDX-License-Identifier: GPL-2.0-only
/*
 * usherctl list and usherctl slice list: what sysfs knows.
 *
 * The facts are gathered as JSON, and either printed so or as text.
 */
#include <getopt.h>
#include <grp.h>
#include <json.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "list.h"
#include "usherctl.h"

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

/* The names come sorted, so a slice comes behind its namespace. */
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

/*
 * All NVMe controllers on PCI, in the hands of whatever driver, and what usher-raw
 * has
 */
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

static void print_slice(struct json_object *slice, __u64 lba_bytes,
			const char *indent)
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

static void print_namespace(struct json_object *ns)
{
	__u64 lba_bytes = json_number(ns, "lba_bytes");
	__u64 blocks = json_number(ns, "blocks");
	struct json_object *slices = json_member(ns, "slices");
	char size[16];
	size_t i;

	printf("  %s  %s  %llu blocks of %llu", json_text(ns, "name"),
	       format_size(blocks * lba_bytes, size), blocks, lba_bytes);
	if (json_number(ns, "metadata_bytes"))
		printf("+%llu", json_number(ns, "metadata_bytes"));
	printf(" bytes%s  %s:%s %s\n", json_number(ns, "csi") == 2 ? ", zoned" : "",
	       json_text(ns, "owner"), json_text(ns, "group"),
	       json_text(ns, "mode"));
	for (i = 0; i < json_object_array_length(slices); i++)
		print_slice(json_object_array_get_idx(slices, i), lba_bytes,
			    "    ");
}

static void print_usher(struct json_object *device)
{
	struct json_object *namespaces = json_member(device, "namespaces");
	size_t i;

	printf("%s  usher  %s  %s, serial %s, firmware %s  %s, %llu queue pairs",
	       json_text(device, "pci"), json_text(device, "name"),
	       json_text(device, "model"), json_text(device, "serial"),
	       json_text(device, "firmware_rev"), json_text(device, "state"),
	       json_number(device, "queue_pairs"));
	if (json_number(device, "leaked_pages"))
		printf(", %llu pages leaked",
		       json_number(device, "leaked_pages"));
	putchar('\n');
	for (i = 0; i < json_object_array_length(namespaces); i++)
		print_namespace(json_object_array_get_idx(namespaces, i));
}

static void print_raw(struct json_object *device)
{
	bool contained = json_object_get_boolean(json_member(device, "contained"));

	printf("%s  usher-raw  %s  %scontained  %s:%s %s",
	       json_text(device, "pci"), json_text(device, "path"),
	       contained ? "" : "not ", json_text(device, "owner"),
	       json_text(device, "group"), json_text(device, "mode"));
	if (json_number(device, "quarantined_pages"))
		printf(", %llu pages in quarantine",
		       json_number(device, "quarantined_pages"));
	putchar('\n');
}

static void print_device(struct json_object *device)
{
	struct json_object *disks = json_member(device, "disks");
	const char *driver = json_text(device, "driver");
	size_t i;

	if (json_member(device, "contained")) {
		print_raw(device);
		return;
	}
	if (!disks) {
		print_usher(device);
		return;
	}
	printf("%s  %s", json_text(device, "pci"),
	       *driver ? driver : "(no driver)");
	for (i = 0; i < json_object_array_length(disks); i++)
		printf("  %s", json_object_get_string(json_object_array_get_idx(disks, i)));
	putchar('\n');
}

static void print_devices(struct json_object *devices)
{
	size_t i, count = json_object_array_length(devices);

	if (!count)
		note("there is no NVMe controller on PCI, and nothing is bound to usher-raw");
	for (i = 0; i < count; i++)
		print_device(json_object_array_get_idx(devices, i));
}

static const struct option options[] = {
	{ "json",	no_argument,	NULL, 'j' },
	{ "help",	no_argument,	NULL, 'h' },
	{ }
};

/* --json or nothing; negative: all is done, the status is in @status */
int parse_json_option(int argc, char **argv, void (*help)(void), bool *json,
		      int *status)
{
	int option;

	*json = false;
	while ((option = getopt_long(argc, argv, "jh", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			*json = true;
			break;
		case 'h':
			help();
			*status = 0;
			return -1;
		default:
			*status = usage_error("the arguments are not understood");
			return -1;
		}
	}
	return 0;
}

static void list_help(void)
{
	printf("Usage: usherctl list [--json]\n\n"
	       "Show the NVMe controllers of this machine: those bound to usher with their\n"
	       "namespaces and slices, the others with their driver and disks; and what is bound\n"
	       "to usher-raw.\n");
}

int cmd_list(int argc, char **argv)
{
	struct json_object *devices, *all;
	bool json;
	int status;

	if (parse_json_option(argc, argv, list_help, &json, &status))
		return status;
	if (optind < argc)
		return usage_error("\"%s\" is one argument too many",
				   argv[optind]);

	devices = gather_devices();
	all = json_object_new_object();
	json_object_object_add(all, "devices", devices);
	if (json)
		print_json(all);
	else
		print_devices(devices);
	json_object_put(all);
	return 0;
}

static void print_slices(struct json_object *ns, struct json_object *json)
{
	struct json_object *slices = json_member(ns, "slices");
	size_t i;

	for (i = 0; i < json_object_array_length(slices); i++) {
		struct json_object *slice = json_object_array_get_idx(slices, i);

		if (json)
			json_object_array_add(json, json_object_get(slice));
		else
			print_slice(slice, json_number(ns, "lba_bytes"), "");
	}
}

/* All slices, or those of one device or namespace; into @json unless it is NULL */
int list_slices(const char *node_name, struct json_object *json)
{
	struct json_object *devices = gather_devices(), *namespaces;
	struct node want = {}, have;
	size_t i, k;

	if (node_name && (!parse_node(node_name, &want) || want.slice)) {
		json_object_put(devices);
		return usage_error("\"%s\" is no device or namespace",
				   node_name);
	}

	for (i = 0; i < json_object_array_length(devices); i++) {
		namespaces = json_member(json_object_array_get_idx(devices, i),
					 "namespaces");
		for (k = 0; namespaces &&
		     k < json_object_array_length(namespaces); k++) {
			struct json_object *ns =
				json_object_array_get_idx(namespaces, k);

			parse_node(json_text(ns, "name"), &have);
			if (!node_name ||
			    (have.device == want.device &&
			     (!want.ns || have.ns == want.ns)))
				print_slices(ns, json);
		}
	}
	json_object_put(devices);
	return 0;
}
