// SPDX-License-Identifier: GPL-2.0-only
/*
 * usherctl slice: publish part of a namespace as a node of its own.
 */
#include <errno.h>
#include <getopt.h>
#include <json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <usher.h>

#include "commands.h"
#include "device.h"
#include "devices.h"
#include "facts.h"
#include "grant.h"
#include "macros.h"
#include "message.h"
#include "narrow.h"
#include "node.h"
#include "options.h"
#include "parse.h"
#include "status.h"

/* What a node should be */
static const char a_namespace[] = "namespace node, such as /dev/usher0n1";
static const char a_slice[] = "slice, such as /dev/usher0n1s1";
static const char a_device[] = "device or namespace";

static void help(void)
{
	printf("Usage: usherctl slice add [OPTION]... NODE\n"
	       "       usherctl slice remove SLICE\n"
	       "       usherctl slice list [--json] [NODE]\n\n"
	       "A slice is a node of its own for part of a namespace, so that file permissions,\n"
	       "containers and udev rules work on it. It lives until it is removed or the device\n"
	       "is unbound; removing it ends the grants that were opened through it.\n\n"
	       "Options of \"slice add\", which prints the path of the new node:\n\n");
	help_narrow();
	printf("  --owner USER         owner of the node (default: root)\n"
	       "  --group GROUP        group of the node (default: that of --owner)\n"
	       "  --mode MODE          octal, at most 0666 (default: 0600)\n\n"
	       "Without --max-rings, 4 rings for each queue pair of the device can be open, so\n"
	       "that others find room; \"--max-rings all\" lifts that.\n");
}

struct slice {
	const char *node;
	struct narrow narrow;
	struct identity owner;
	gid_t group;
	bool have_group;
	mode_t mode;
};

static const struct option options[] = {
	{ "range",	required_argument, NULL, 'r' },
	{ "rights",	required_argument, NULL, 'a' },
	{ "max-rings",	required_argument, NULL, 'R' },
	{ "max-depth",	required_argument, NULL, 'D' },
	{ "max-pinned",	required_argument, NULL, 'P' },
	{ "owner",	required_argument, NULL, 'o' },
	{ "group",	required_argument, NULL, 'g' },
	{ "mode",	required_argument, NULL, 'm' },
	{ "help",	no_argument,	   NULL, 'h' },
	{ }
};

static const char *parse_option(struct slice *slice, int option)
{
	switch (option) {
	case 'o':
		return parse_user(optarg, &slice->owner);
	case 'g':
		slice->have_group = true;
		return parse_group(optarg, &slice->group);
	case 'm':
		return parse_mode(optarg, &slice->mode);
	default:
		return parse_narrow(&slice->narrow, option, optarg);
	}
}

static int parse_arguments(struct slice *slice, int argc, char **argv)
{
	const char *wrong;
	int option;

	while ((option = getopt_long(argc, argv, "r:a:o:g:m:h", options,
				     NULL)) != -1) {
		if (option == 'h') {
			help();
			exit(0);
		}
		if (option == '?')
			return usage_error("the arguments are not understood");
		wrong = parse_option(slice, option);
		if (wrong)
			return usage_error("\"%s\" %s", optarg, wrong);
	}

	if (argc - optind != 1)
		return usage_error("name one node");
	slice->node = argv[optind];
	if (!slice->have_group)
		slice->group = slice->owner.gid;
	return 0;
}

/* @kind: what the node should be, in the message for one that is something else */
static int which_node(const char *text, struct node *node, const char *kind)
{
	int ret = find_node(text, node);

	if (ret == -ENOTTY)
		return usage_error("\"%s\" is no %s", text, kind);
	return ret ? fail_at(ACT_OPEN, ret, "%s", text) : 0;
}

static int slice_add(int argc, char **argv)
{
	struct slice slice = {
		.mode = 0600,
		.narrow.leave_rings = true,
	};
	int grant, ret = parse_arguments(&slice, argc, argv);
	struct node node;
	__u32 id;

	if (!ret)
		ret = which_node(slice.node, &node, a_namespace);
	if (ret)
		return ret;
	if (!node.ns)
		return usage_error("\"%s\" is no %s", slice.node, a_namespace);

	grant = open_narrowed(slice.node, &slice.narrow);
	if (grant < 0)
		return STATUS_FAILED;
	ret = usher_slice_add(grant, slice.owner.uid, slice.group,
			      slice.mode, &id);
	if (ret < 0)
		return fail_at(ACT_SLICE, ret, "%s", slice.node);

	printf("/dev/usher%un%us%u\n", node.device, node.ns, id);
	return 0;
}

static int slice_remove(int argc, char **argv)
{
	char parent[48];
	struct node node;
	const char *name;
	int grant, ret;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		help();
		return 0;
	}
	if (argc != 2)
		return usage_error("name one slice");
	ret = which_node(argv[1], &node, a_slice);
	if (ret)
		return ret;
	if (!node.slice)
		return usage_error("\"%s\" is no %s", argv[1], a_slice);

	snprintf(parent, sizeof(parent), "usher%un%u", node.device, node.ns);
	grant = open_grant(parent, 0, &name);
	if (grant < 0)
		return STATUS_FAILED;
	ret = usher_slice_remove(grant, node.slice);
	return ret < 0 ? fail_at(ACT_SLICE, ret, "%s", argv[1]) : 0;
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

static bool is_wanted(struct json_object *ns, const struct node *want)
{
	struct node have;

	parse_node(json_text(ns, "name"), &have);
	return have.device == want->device && (!want->ns || have.ns == want->ns);
}

/* The slices of all namespaces of a device, or of the one that is wanted */
static void print_device_slices(struct json_object *device,
				const struct node *want,
				struct json_object *json)
{
	struct json_object *namespaces = json_member(device, "namespaces"), *ns;
	size_t i;

	for (i = 0; namespaces && i < json_object_array_length(namespaces); i++) {
		ns = json_object_array_get_idx(namespaces, i);
		if (!want || is_wanted(ns, want))
			print_slices(ns, json);
	}
}

/* All slices, or those of one device or namespace; into @json unless it is NULL */
static int list_slices(const char *node_name, struct json_object *json)
{
	struct json_object *devices;
	struct node want;
	size_t i;
	int ret = node_name ? which_node(node_name, &want, a_device) : 0;

	if (ret)
		return ret;
	if (node_name && want.slice)
		return usage_error("\"%s\" is no %s", node_name, a_device);

	devices = gather_devices();
	for (i = 0; i < json_object_array_length(devices); i++)
		print_device_slices(json_object_array_get_idx(devices, i),
				    node_name ? &want : NULL, json);
	json_object_put(devices);
	return 0;
}

static int slice_list(int argc, char **argv)
{
	struct json_object *all = NULL, *slices = NULL;
	bool json;
	int status;

	if (parse_json_option(argc, argv, help, &json, &status))
		return status;
	if (argc - optind > 1)
		return usage_error("one node at a time, not also \"%s\"",
				   argv[optind + 1]);

	if (json) {
		all = json_object_new_object();
		slices = json_object_new_array();
		json_object_object_add(all, "slices", slices);
	}
	status = list_slices(argv[optind], slices);
	if (json && !status)
		print_json(all);
	json_object_put(all);
	return status;
}

int cmd_slice(int argc, char **argv)
{
	static char name[32];
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} verbs[] = {
		{ "add",	slice_add },
		{ "remove",	slice_remove },
		{ "list",	slice_list },
	};
	size_t i;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		help();
		return 0;
	}
	for (i = 0; argc > 1 && i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(argv[1], verbs[i].name))
			continue;
		snprintf(name, sizeof(name), "%s %s", argv[0], argv[1]);
		set_command(name);
		argv[1] = name;
		return verbs[i].run(argc - 1, argv + 1);
	}
	return usage_error("add, remove or list?");
}
