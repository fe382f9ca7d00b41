// SPDX-License-Identifier: GPL-2.0-only
/*
 * usherctl info: what a grant allows, and what its device says of itself.
 */
#include <endian.h>
#include <getopt.h>
#include <json.h>
#include <libnvme.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <usher.h>

#include "commands.h"
#include "facts.h"
#include "function.h"
#include "grant.h"
#include "macros.h"
#include "message.h"
#include "node.h"
#include "options.h"
#include "parse.h"
#include "pci-info.h"
#include "status.h"

static void help(void)
{
	printf("Usage: usherctl info [--json] [NODE | FUNCTION]\n\n"
	       "Show what NODE allows, with the widest rights that its file permissions give, and\n"
	       "what its device says of itself. Without NODE, or with -, show that of the grant\n"
	       "inherited in %s.\n\n"
	       "Or show what a PCI function is, by its address (01:00.0), its node in %s,\n"
	       "a disk or a network interface: driver, registers, interrupts, capabilities, and\n"
	       "what contains it. That opens nothing and needs no privilege, but who has none\n"
	       "sees no capabilities.\n", USHER_GRANT_ENV, RAW_NODES);
}

/* A text of an Identify structure: padded with spaces, not terminated */
static void add_padded(struct json_object *object, const char *key,
		       const char *text, int length)
{
	char copy[64];

	while (length && text[length - 1] == ' ')
		length--;
	snprintf(copy, sizeof(copy), "%.*s", length, text);
	json_add_text(object, key, copy);
}

static void add_bytes(struct json_object *object, const char *key,
		      const __u8 *bytes, int length)
{
	char text[40] = "";
	int i;

	for (i = 0; i < length; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	json_add_text(object, key, text);
}

/* Without a limit it is null: many readers of JSON have numbers of 53 bits. */
static void json_add_limit(struct json_object *object, const char *key, __u64 limit,
			   __u64 none)
{
	if (limit == none)
		json_object_object_add(object, key, NULL);
	else
		json_add_number(object, key, limit);
}

static struct json_object *limits_facts(const struct usher_limits *limits)
{
	struct json_object *object = json_object_new_object();

	json_add_limit(object, "pinned_bytes", limits->pinned_bytes, UINT64_MAX);
	json_add_number(object, "rings", limits->rings);
	json_add_number(object, "ring_depth", limits->ring_depth);
	return object;
}

static struct json_object *grant_facts(const struct usher_grant_info *info)
{
	static const char * const states[] = { "live", "revoked", "stale" };
	struct json_object *object = json_object_new_object();
	char rights[16];

	json_add_text(object, "state", info->state < ARRAY_SIZE(states) ?
		      states[info->state] : "unknown");
	json_add_text(object, "rights", format_rights(info->rights, rights));
	json_add_number(object, "nsid", info->nsid);
	json_add_number(object, "csi", info->csi);
	json_add_number(object, "lba_bytes", info->nsid ? 1ULL << info->lba_shift : 0);
	json_add_number(object, "metadata_bytes", info->metadata_bytes);
	json_add_number(object, "block_in_memory", info->lba_bytes);
	json_add_number(object, "slba", info->slba);
	json_add_number(object, "nlb", info->nlb);
	json_add_number(object, "ns_blocks", info->ns_blocks);
	json_add_number(object, "zone_blocks", info->zone_blocks);
	json_add_number(object, "max_transfer", info->max_transfer);
	json_add_number(object, "max_entries", info->max_entries);
	json_add_number(object, "queue_pairs", info->queue_pairs);
	json_add_number(object, "max_verify_blocks", info->max_verify_blocks);
	json_add_number(object, "max_zeroes_blocks", info->max_zeroes_blocks);
	json_add_number(object, "max_uncorrectable_blocks", info->max_uncorrectable_blocks);
	json_add_number(object, "max_dsm_ranges", info->max_dsm_ranges);
	json_add_limit(object, "max_dsm_range_blocks", info->max_dsm_range_blocks, UINT32_MAX);
	json_add_limit(object, "max_dsm_blocks", info->max_dsm_blocks, UINT64_MAX);
	json_add_number(object, "max_copy_ranges", info->max_copy_ranges);
	json_add_number(object, "max_copy_range_blocks", info->max_copy_range_blocks);
	json_add_number(object, "max_copy_blocks", info->max_copy_blocks);
	json_add_bool(object, "volatile_write_cache", info->vwc);
	json_object_object_add(object, "limits", limits_facts(&info->limits));
	json_object_object_add(object, "used", limits_facts(&info->used));
	return object;
}

static struct json_object *controller_facts(const struct nvme_id_ctrl *id)
{
	struct json_object *object = json_object_new_object();
	__u32 version = le32toh(id->ver);
	char text[32];

	add_padded(object, "model", id->mn, sizeof(id->mn));
	add_padded(object, "serial", id->sn, sizeof(id->sn));
	add_padded(object, "firmware_rev", id->fr, sizeof(id->fr));
	snprintf(text, sizeof(text), "%u.%u.%u", version >> 16,
		 version >> 8 & 0xff, version & 0xff);
	json_add_text(object, "nvme_version", text);
	snprintf(text, sizeof(text), "%04x:%04x", le16toh(id->vid),
		 le16toh(id->ssvid));
	json_add_text(object, "vendor", text);
	json_add_number(object, "controller_id", le16toh(id->cntlid));
	json_add_number(object, "namespaces_max", le32toh(id->nn));
	json_add_number(object, "optional_commands", le16toh(id->oncs));
	return object;
}

static struct json_object *namespace_facts(const struct nvme_id_ns *id)
{
	struct json_object *object = json_object_new_object();

	json_add_number(object, "size_blocks", le64toh(id->nsze));
	json_add_number(object, "capacity_blocks", le64toh(id->ncap));
	json_add_number(object, "used_blocks", le64toh(id->nuse));
	add_bytes(object, "nguid", id->nguid, sizeof(id->nguid));
	add_bytes(object, "eui64", id->eui64, sizeof(id->eui64));
	return object;
}

static struct json_object *health_facts(const struct nvme_smart_log *log)
{
	struct json_object *object = json_object_new_object();
	__u16 kelvin = (__u16)(log->temperature[0] |
				     log->temperature[1] << 8);

	json_add_number(object, "critical_warning", log->critical_warning);
	json_object_object_add(object, "temperature_celsius",
			       json_object_new_int(kelvin - 273));
	json_add_number(object, "available_spare_percent", log->avail_spare);
	json_add_number(object, "used_percent", log->percent_used);
	return object;
}

/*
 * Ask the device, and add what it answers. A refused query is a note, as the
 * other facts are still of use.
 */
static void add_queries(struct json_object *object, int grant, const char *name,
			__u32 nsid)
{
	union {
		struct nvme_id_ctrl ctrl;
		struct nvme_id_ns ns;
		struct nvme_smart_log smart;
		__u8 bytes[4096];
	} data = {};
	int ret = usher_identify_ctrl(grant, &data);

	if (!ret)
		json_object_object_add(object, "controller",
				       controller_facts(&data.ctrl));
	if (!ret && nsid) {
		ret = usher_identify_ns(grant, &data);
		if (!ret)
			json_object_object_add(object, "namespace",
					       namespace_facts(&data.ns));
	}
	if (!ret) {
		ret = usher_get_log(grant, NVME_LOG_LID_SMART, 0, &data,
				    sizeof(data.smart));
		if (!ret)
			json_object_object_add(object, "health",
					       health_facts(&data.smart));
	}

	if (ret < 0)
		note("%s: the device was not asked: %s", name,
		     error_reason(ACT_QUERY, ret));
	else if (ret)
		note("%s: the device refused a query: %s", name,
		     nvme_status_to_string(ret, false));
}

static void print_limit(struct json_object *object, const char *key,
			const char *label)
{
	struct json_object *limits = json_member(object, "limits");
	struct json_object *used = json_member(object, "used");

	printf("%-18s%llu", label, json_number(used, key));
	if (json_member(limits, key))
		printf(" of %llu", json_number(limits, key));
	putchar('\n');
}

static void print_grant(struct json_object *object)
{
	__u64 slba = json_number(object, "slba");
	__u64 nlb = json_number(object, "nlb");
	__u64 lba_bytes = json_number(object, "lba_bytes");
	char size[16];

	printf("%-18s%s\n", "state", json_text(object, "state"));
	printf("%-18s%s\n", "rights", json_text(object, "rights"));
	if (nlb) {
		printf("%-18s%llu\n", "namespace id",
		       json_number(object, "nsid"));
		printf("%-18s%llu to %llu, %llu in all, %s\n",
		       "blocks", slba, slba + nlb - 1, nlb,
		       format_size(nlb * lba_bytes, size));
		printf("%-18s%llu blocks\n", "the namespace has",
		       json_number(object, "ns_blocks"));
		printf("%-18s%llu bytes of data, %llu of metadata\n",
		       "block", lba_bytes, json_number(object, "metadata_bytes"));
		printf("%-18s%llu bytes\n", "block in memory",
		       json_number(object, "block_in_memory"));
		if (json_number(object, "zone_blocks"))
			printf("%-18s%llu blocks\n", "zone",
			       json_number(object, "zone_blocks"));
		printf("%-18s%s\n", "one command moves",
		       format_size(json_number(object, "max_transfer"), size));
	}
	printf("%-18s%llu\n", "queue pairs",
	       json_number(object, "queue_pairs"));
	printf("%-18s%s\n", "write cache",
	       json_object_get_boolean(json_member(object, "volatile_write_cache")) ?
	       "volatile" : "none");
	print_limit(object, "pinned_bytes", "pinned bytes");
	print_limit(object, "rings", "rings");
	printf("%-18s%llu\n", "ring depth",
	       json_number(json_member(object, "limits"), "ring_depth"));
}

static void print_device(struct json_object *object)
{
	struct json_object *ctrl = json_member(object, "controller");
	struct json_object *health = json_member(object, "health");

	if (ctrl)
		printf("%-18s%s, serial %s, firmware %s, NVMe %s\n", "controller",
		       json_text(ctrl, "model"), json_text(ctrl, "serial"),
		       json_text(ctrl, "firmware_rev"),
		       json_text(ctrl, "nvme_version"));
	if (health)
		printf("%-18s%s degrees C, %s %% used, %s %% spare, critical warning %s\n",
		       "health", json_text(health, "temperature_celsius"),
		       json_text(health, "used_percent"),
		       json_text(health, "available_spare_percent"),
		       json_text(health, "critical_warning"));
}

int cmd_info(int argc, char **argv)
{
	struct usher_grant_info info;
	struct json_object *object;
	const char *name;
	int grant, status;
	bool json;

	if (parse_json_option(argc, argv, help, &json, &status))
		return status;
	if (argc - optind > 1)
		return usage_error("one node at a time, not also \"%s\"",
				   argv[optind + 1]);

	if (optind < argc && names_function(argv[optind]))
		return info_function(argv[optind], json);
	grant = open_widest(argv[optind], &name);
	if (grant < 0 || grant_info(grant, name, &info) < 0)
		return STATUS_FAILED;

	object = grant_facts(&info);
	if (info.rights & USHER_RIGHT_ADMIN && info.state == USHER_GRANT_LIVE)
		add_queries(object, grant, name, info.nsid);
	if (json) {
		print_json(object);
	} else {
		print_grant(object);
		print_device(object);
	}
	json_object_put(object);
	return 0;
}
