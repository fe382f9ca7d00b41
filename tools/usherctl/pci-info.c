// SPDX-License-Identifier: GPL-2.0-only
/*
 * usherctl info of a PCI function: what it is, what its registers and interrupts
 * are, and what contains it. All of it is read from sysfs: opening the function
 * would reset it.
 */
#include <json.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "facts.h"
#include "function.h"
#include "macros.h"
#include "node.h"
#include "parse.h"
#include "pci-info.h"
#include "protection.h"
#include "status.h"
#include "sysfs.h"

#define NAME_WIDTH		"%-18s"

static const char *class_name(__u32 class)
{
	static const struct {
		__u16 class;
		const char *name;
	} names[] = {
		{ 0x0100, "SCSI controller" },
		{ 0x0101, "IDE controller" },
		{ 0x0104, "RAID controller" },
		{ 0x0106, "SATA controller" },
		{ 0x0107, "SAS controller" },
		{ 0x0108, "non-volatile memory controller" },
		{ 0x0180, "storage controller" },
		{ 0x0200, "Ethernet controller" },
		{ 0x0207, "InfiniBand controller" },
		{ 0x0280, "network controller" },
		{ 0x0300, "VGA display" },
		{ 0x0302, "3D controller" },
		{ 0x0380, "display controller" },
		{ 0x0401, "audio controller" },
		{ 0x0403, "audio device" },
		{ 0x0500, "memory" },
		{ 0x0502, "CXL memory" },
		{ 0x0600, "host bridge" },
		{ 0x0601, "ISA bridge" },
		{ 0x0604, "PCI bridge" },
		{ 0x0700, "serial controller" },
		{ 0x0880, "system peripheral" },
		{ 0x0c03, "USB controller" },
		{ 0x0c05, "SMBus controller" },
		{ 0x1000, "encryption controller" },
		{ 0x1180, "signal processing controller" },
		{ 0x1200, "processing accelerator" },
	};
	size_t i;

	if (class == PCI_CLASS_NVME)
		return "NVMe controller";
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (names[i].class == class >> 8)
			return names[i].name;
	}
	return "other";
}

/*
 * Gathering
 */

static void add_id(struct json_object *object, const char *key, const char *bdf,
		   const char *vendor, const char *device)
{
	char text[16];

	snprintf(text, sizeof(text), "%04x:%04x",
		 (unsigned int)sys_number(SYS_PCI "/%s/%s", bdf, vendor) & 0xffff,
		 (unsigned int)sys_number(SYS_PCI "/%s/%s", bdf, device) & 0xffff);
	json_add_text(object, key, text);
}

static void add_identity(struct json_object *object, const char *bdf)
{
	__u32 class = (__u32)sys_number(SYS_PCI "/%s/class", bdf);
	char text[64];

	json_add_text(object, "address", bdf);
	add_id(object, "id", bdf, "vendor", "device");
	add_id(object, "subsystem_id", bdf, "subsystem_vendor",
	       "subsystem_device");
	json_add_number(object, "revision",
			sys_number(SYS_PCI "/%s/revision", bdf));
	snprintf(text, sizeof(text), "%06x", class);
	json_add_text(object, "class", text);
	json_add_text(object, "class_name", class_name(class));
	sys_link(text, sizeof(text), SYS_PCI "/%s/driver", bdf);
	json_add_text(object, "driver", text);
}

static void add_nodes(struct json_object *object, const char *bdf)
{
	struct json_object *array = json_object_new_array();
	char **names, path[NODE_PATH];
	int i, count = sys_scan(&names, SYS_PCI "/%s/usher", bdf);

	for (i = 0; i < count; i++)
		json_object_array_add(array,
				      json_object_new_string(node_path(names[i], path)));
	sys_free(names, count);
	json_object_object_add(object, "nodes", array);
}

static void add_place(struct json_object *region, const char *key, __u64 offset,
		      __u64 bytes)
{
	struct json_object *place = json_object_new_object();

	json_add_number(place, "offset", offset);
	json_add_number(place, "bytes", bytes);
	json_object_object_add(region, key, place);
}

static struct json_object *region_facts(unsigned int index,
					const struct region *from,
					const struct vectors *vectors)
{
	struct json_object *region = json_object_new_object();
	bool memory = from->flags & RESOURCE_MEMORY;
	__u64 page = sysconf(_SC_PAGESIZE);

	if (index == REGION_ROM)
		json_add_text(region, "index", "rom");
	else
		json_add_number(region, "index", index);
	json_add_number(region, "bytes", from->bytes);
	json_add_text(region, "kind", memory ? "memory" : "ports");
	json_add_number(region, "bits", from->flags & RESOURCE_64 ? 64 : 32);
	json_add_bool(region, "prefetchable", from->flags & RESOURCE_PREFETCH);
	json_add_bool(region, "mappable", index != REGION_ROM && memory &&
		      !(from->start % page) && !(from->bytes % page));
	if (vectors->msix && vectors->table_region == index)
		add_place(region, "msix_table", vectors->table_offset,
			  vectors->msix * 16ULL);
	if (vectors->msix && vectors->pba_region == index)
		add_place(region, "msix_pending", vectors->pba_offset,
			  (vectors->msix + 63ULL) / 64 * 8);
	return region;
}

static void add_regions(struct json_object *object, const char *bdf,
			const struct vectors *vectors)
{
	struct json_object *array = json_object_new_array();
	struct region regions[REGIONS + 1];
	unsigned int i;

	read_regions(regions, bdf);
	for (i = 0; i <= REGION_ROM; i++) {
		if (regions[i].bytes)
			json_object_array_add(array,
					      region_facts(i, &regions[i], vectors));
	}
	json_object_object_add(object, "regions", array);
}

/* A number, or null where not all of configuration space was readable */
static void add_known(struct json_object *object, const char *key, __u64 number,
		      bool known)
{
	if (known)
		json_add_number(object, key, number);
	else
		json_object_object_add(object, key, NULL);
}

static void add_interrupts(struct json_object *object, const char *bdf,
			   const struct vectors *vectors, bool known)
{
	static const char * const pins[] = { "", "INTA", "INTB", "INTC", "INTD" };
	struct json_object *interrupts = json_object_new_object();
	char **names;
	int count;

	add_known(interrupts, "msix", vectors->msix, known);
	add_known(interrupts, "msi", vectors->msi, known);
	json_add_text(interrupts, "pin", vectors->pin < ARRAY_SIZE(pins) ?
		      pins[vectors->pin] : "");
	count = sys_scan(&names, SYS_PCI "/%s/msi_irqs", bdf);
	json_add_number(interrupts, "messages_in_use", count);
	sys_free(names, count);
	json_object_object_add(object, "interrupts", interrupts);
}

static void add_capabilities(struct json_object *object,
			     const struct config *config)
{
	struct capability caps[MAX_STANDARD + MAX_EXTENDED];
	struct json_object *array = json_object_new_array(), *cap;
	unsigned int i, count = config_capabilities(config, caps);

	for (i = 0; i < count; i++) {
		cap = json_object_new_object();
		json_add_number(cap, "offset", caps[i].offset);
		json_add_number(cap, "id", caps[i].id);
		json_add_bool(cap, "extended", caps[i].extended);
		json_add_text(cap, "name", capability_name(&caps[i]));
		json_object_array_add(array, cap);
	}
	json_object_object_add(object, "capabilities", array);
}

static void add_config(struct json_object *object, const char *bdf)
{
	struct config config;
	struct vectors vectors;
	char path[PATH_MAX];
	struct stat st;
	bool known;

	snprintf(path, sizeof(path), SYS_PCI "/%s/config", bdf);
	config_read(&config, bdf);
	if (stat(path, &st))
		st.st_size = config.readable;
	config_vectors(&config, &vectors);
	known = config.readable == st.st_size && config_answers(&config);

	add_regions(object, bdf, &vectors);
	add_interrupts(object, bdf, &vectors, known);
	json_add_number(object, "config_bytes", st.st_size);
	json_add_number(object, "config_readable", config.readable);
	json_add_bool(object, "answers", config_answers(&config));
	add_capabilities(object, &config);
}

static void add_truth(struct json_object *object, const char *key,
		      enum known known)
{
	if (known == KNOWN_UNKNOWN)
		json_object_object_add(object, key, NULL);
	else
		json_add_bool(object, key, known == KNOWN_YES);
}

static void add_iommu(struct json_object *object, const struct protection *is)
{
	struct json_object *iommu = NULL;

	if (*is->group) {
		iommu = json_object_new_object();
		json_add_text(iommu, "group", is->group);
		json_add_number(iommu, "functions", is->neighbours + 1);
		json_add_text(iommu, "domain", is->domain);
		json_add_text(iommu, "mode", domain_mode(is->domain));
		json_add_bool(iommu, "reserved_memory", is->direct);
		add_truth(iommu, "isolated_msi", is->isolated_msi);
	}
	json_object_object_add(object, "iommu", iommu);
}

static void add_resets(struct json_object *object, const char *bdf)
{
	struct json_object *array = json_object_new_array();
	char text[128], *word, *rest = text;

	sys_read(text, sizeof(text), SYS_PCI "/%s/reset_method", bdf);
	while ((word = strsep(&rest, " "))) {
		if (*word)
			json_object_array_add(array, json_object_new_string(word));
	}
	json_object_object_add(object, "reset_methods", array);
}

static void add_raw(struct json_object *object, const char *bdf)
{
	struct json_object *raw;
	char text[16];

	if (!sys_read(text, sizeof(text), SYS_PCI "/%s/usher/usher-raw-%s/reset",
		      bdf, bdf))
		return;
	raw = json_object_new_object();
	json_add_text(raw, "reset", text);
	json_add_number(raw, "quarantined_pages",
			sys_number(SYS_PCI "/%s/usher/usher-raw-%s/quarantined_pages",
				   bdf, bdf));
	json_object_object_add(object, "raw", raw);
}

static void add_protection(struct json_object *object, const char *bdf)
{
	struct protection is;
	const char *remedy;
	char text[1024];

	gather_protection(bdf, &is);
	add_iommu(object, &is);
	add_resets(object, bdf);
	add_raw(object, bdf);
	add_truth(object, "contained", protection_contained(&is));
	json_add_text(object, "reasons", protection_reasons(&is, text));
	json_add_text(object, "protection", protection_sentence(&is, text));
	remedy = protection_remedy(&is);
	if (remedy)
		json_add_text(object, "remedy", remedy);
}

static struct json_object *function_facts(const char *bdf)
{
	struct json_object *object = json_object_new_object();

	add_identity(object, bdf);
	add_nodes(object, bdf);
	add_config(object, bdf);
	add_protection(object, bdf);
	return object;
}

/*
 * Printing
 */

static bool json_true(struct json_object *object, const char *key)
{
	return json_object_get_boolean(json_member(object, key));
}

/* The texts of an array, with commas; "none" for none */
static void print_array(struct json_object *object, const char *key,
			const char *label)
{
	struct json_object *array = json_member(object, key);
	size_t i, count = json_object_array_length(array);

	printf(NAME_WIDTH, label);
	for (i = 0; i < count; i++)
		printf("%s%s", i ? ", " : "",
		       json_object_get_string(json_object_array_get_idx(array, i)));
	puts(count ? "" : "none");
}

static void print_identity(struct json_object *object)
{
	const char *driver = json_text(object, "driver");

	printf(NAME_WIDTH "%s\n", "address", json_text(object, "address"));
	printf(NAME_WIDTH "%s, revision %02llx, subsystem %s\n", "device",
	       json_text(object, "id"), json_number(object, "revision"),
	       json_text(object, "subsystem_id"));
	printf(NAME_WIDTH "%s, %s\n", "class", json_text(object, "class"),
	       json_text(object, "class_name"));
	printf(NAME_WIDTH "%s\n", "driver", *driver ? driver : "none");
	if (json_object_array_length(json_member(object, "nodes")))
		print_array(object, "nodes", "nodes");
}

static void print_place(struct json_object *region, const char *key,
			const char *label)
{
	struct json_object *place = json_member(region, key);

	if (place)
		printf(", %s at %#llx", label, json_number(place, "offset"));
}

static void print_region(struct json_object *region)
{
	const char *index = json_text(region, "index");
	char label[32], size[16];

	snprintf(label, sizeof(label), "region %s", index);
	printf(NAME_WIDTH "%s, ", label,
	       format_size(json_number(region, "bytes"), size));
	if (!strcmp(json_text(region, "kind"), "memory"))
		printf("memory, %s bits%s, %s", json_text(region, "bits"),
		       json_true(region, "prefetchable") ? ", prefetchable" : "",
		       json_true(region, "mappable") ? "can be mapped" :
		       "cannot be mapped");
	else
		printf("I/O ports, by system calls");
	print_place(region, "msix_table", "MSI-X table");
	print_place(region, "msix_pending", "its pending bits");
	putchar('\n');
}

static void print_vectors(struct json_object *interrupts, const char *key,
			  const char *label)
{
	if (!json_member(interrupts, key))
		printf("%s not known, ", label);
	else if (json_number(interrupts, key))
		printf("%llu by %s, ", json_number(interrupts, key), label);
}

static void print_interrupts(struct json_object *object)
{
	struct json_object *interrupts = json_member(object, "interrupts");
	const char *pin = json_text(interrupts, "pin");
	__u64 messages = json_number(interrupts, "messages_in_use");

	printf(NAME_WIDTH, "interrupts");
	print_vectors(interrupts, "msix", "MSI-X");
	print_vectors(interrupts, "msi", "MSI");
	printf("%s%s", *pin ? "pin " : "no pin", pin);
	if (messages)
		printf("; %llu messages in use", messages);
	putchar('\n');
}

static void print_capabilities(struct json_object *object)
{
	struct json_object *array = json_member(object, "capabilities"), *cap;
	__u64 bytes = json_number(object, "config_bytes");
	__u64 readable = json_number(object, "config_readable");
	size_t i;

	printf(NAME_WIDTH "%llu bytes", "configuration", bytes);
	if (readable < bytes)
		printf(", of which this user may read %llu: capabilities and vectors take root",
		       readable);
	if (!json_true(object, "answers"))
		printf(", all ones: the device is gone, or powered down");
	putchar('\n');
	for (i = 0; i < json_object_array_length(array); i++) {
		cap = json_object_array_get_idx(array, i);
		printf(NAME_WIDTH "%03llx  %s\n", i ? "" : "capabilities",
		       json_number(cap, "offset"), json_text(cap, "name"));
	}
}

static void print_iommu(struct json_object *object)
{
	struct json_object *iommu = json_member(object, "iommu"), *msi;
	__u64 functions;

	if (!iommu) {
		printf(NAME_WIDTH "none\n", "IOMMU");
		return;
	}
	functions = json_number(iommu, "functions");
	msi = json_member(iommu, "isolated_msi");
	printf(NAME_WIDTH "%s, group %s with ", "IOMMU", json_text(iommu, "mode"),
	       json_text(iommu, "group"));
	if (functions == 1)
		printf("this function alone");
	else
		printf("%llu functions", functions);
	printf(", interrupts %s\n", !msi ? "remapped or not, unknown" :
	       json_object_get_boolean(msi) ? "remapped" : "not remapped");
}

static void print_protection(struct json_object *object)
{
	struct json_object *raw = json_member(object, "raw");

	print_array(object, "reset_methods", "reset");
	if (raw && json_number(raw, "quarantined_pages"))
		printf(NAME_WIDTH "%llu pages, until it is reset or unbound\n", "quarantine",
		       json_number(raw, "quarantined_pages"));
	printf(NAME_WIDTH "%s\n", "protection", json_text(object, "protection"));
	if (json_member(object, "remedy"))
		printf(NAME_WIDTH "%s\n", "", json_text(object, "remedy"));
}

int info_function(const char *text, bool json)
{
	struct json_object *object;
	char bdf[PCI_ADDRESS];
	size_t i;

	if (find_function(text, bdf))
		return STATUS_FAILED;
	object = function_facts(bdf);
	if (json) {
		print_json(object);
	} else {
		struct json_object *regions = json_member(object, "regions");

		print_identity(object);
		for (i = 0; i < json_object_array_length(regions); i++)
			print_region(json_object_array_get_idx(regions, i));
		print_interrupts(object);
		print_capabilities(object);
		print_iommu(object);
		print_protection(object);
	}
	json_object_put(object);
	return 0;
}
