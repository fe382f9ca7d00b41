// SPDX-License-Identifier: GPL-2.0-only
/*
 * usherctl list: the devices, as text or as JSON.
 */
#include <getopt.h>
#include <json.h>
#include <stdbool.h>
#include <stdio.h>

#include "commands.h"
#include "devices.h"
#include "facts.h"
#include "message.h"
#include "options.h"
#include "parse.h"

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
