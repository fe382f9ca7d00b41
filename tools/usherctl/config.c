// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration space of a PCI function: its capabilities, vectors and regions.
 */
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "macros.h"
#include "sysfs.h"

#define STATUS_WORD	0x06	/* where it is, and its bit for capabilities */
#define STATUS_CAPS	0x10
#define CAPS_POINTER	0x34
#define INTERRUPT_PIN	0x3d
#define EXTENDED	0x100	/* where extended capabilities begin */
#define HEADER		64	/* what everybody may read */

#define CAP_MSI		0x05
#define CAP_MSIX	0x11

static const char * const standard[] = {
	[0x01] = "Power Management",
	[0x02] = "AGP",
	[0x03] = "Vital Product Data",
	[0x04] = "Slot Identification",
	[0x05] = "MSI",
	[0x06] = "CompactPCI Hot Swap",
	[0x07] = "PCI-X",
	[0x08] = "HyperTransport",
	[0x09] = "Vendor-Specific",
	[0x0a] = "Debug Port",
	[0x0b] = "CompactPCI Central Resource Control",
	[0x0c] = "Hot-Plug",
	[0x0d] = "Bridge Subsystem Vendor ID",
	[0x0e] = "AGP 8x",
	[0x0f] = "Secure Device",
	[0x10] = "PCI Express",
	[0x11] = "MSI-X",
	[0x12] = "Serial ATA",
	[0x13] = "Advanced Features",
	[0x14] = "Enhanced Allocation",
	[0x15] = "Flattening Portal Bridge",
};

static const char * const extended[] = {
	[0x01] = "Advanced Error Reporting",
	[0x02] = "Virtual Channel",
	[0x03] = "Device Serial Number",
	[0x04] = "Power Budgeting",
	[0x05] = "Root Complex Link Declaration",
	[0x06] = "Root Complex Internal Link Control",
	[0x07] = "Root Complex Event Collector Endpoint Association",
	[0x08] = "Multi-Function Virtual Channel",
	[0x09] = "Virtual Channel",
	[0x0a] = "Root Complex Register Block",
	[0x0b] = "Vendor-Specific",
	[0x0c] = "Configuration Access Correlation",
	[0x0d] = "Access Control Services",
	[0x0e] = "Alternative Routing-ID Interpretation",
	[0x0f] = "Address Translation Services",
	[0x10] = "Single Root I/O Virtualization",
	[0x11] = "Multi-Root I/O Virtualization",
	[0x12] = "Multicast",
	[0x13] = "Page Request Interface",
	[0x15] = "Resizable BAR",
	[0x16] = "Dynamic Power Allocation",
	[0x17] = "TPH Requester",
	[0x18] = "Latency Tolerance Reporting",
	[0x19] = "Secondary PCI Express",
	[0x1a] = "Protocol Multiplexing",
	[0x1b] = "Process Address Space ID",
	[0x1c] = "LN Requester",
	[0x1d] = "Downstream Port Containment",
	[0x1e] = "L1 PM Substates",
	[0x1f] = "Precision Time Measurement",
	[0x20] = "PCI Express over M-PHY",
	[0x21] = "FRS Queueing",
	[0x22] = "Readiness Time Reporting",
	[0x23] = "Designated Vendor-Specific",
	[0x24] = "VF Resizable BAR",
	[0x25] = "Data Link Feature",
	[0x26] = "Physical Layer 16.0 GT/s",
	[0x27] = "Lane Margining at the Receiver",
	[0x28] = "Hierarchy ID",
	[0x29] = "Native PCIe Enclosure Management",
	[0x2a] = "Physical Layer 32.0 GT/s",
	[0x2b] = "Alternate Protocol",
	[0x2c] = "System Firmware Intermediary",
	[0x2d] = "Shadow Functions",
	[0x2e] = "Data Object Exchange",
	[0x2f] = "Device 3",
	[0x30] = "Integrity and Data Encryption",
	[0x31] = "Physical Layer 64.0 GT/s",
};

const char *capability_name(const struct capability *cap)
{
	const char * const *names = cap->extended ? extended : standard;
	size_t count = cap->extended ? ARRAY_SIZE(extended) :
				       ARRAY_SIZE(standard);

	return cap->id < count && names[cap->id] ? names[cap->id] : "unknown";
}

void config_read(struct config *config, const char *bdf)
{
	ssize_t got = sys_bytes(config->bytes, sizeof(config->bytes),
				SYS_PCI "/%s/config", bdf);

	config->readable = got < 0 ? 0 : (unsigned int)got;
}

/* A little-endian number in configuration space; 0 where that was not readable */
static __u32 get(const struct config *config, unsigned int at,
		 unsigned int bytes)
{
	__u32 value = 0;

	if (at + bytes > config->readable)
		return 0;
	while (bytes--)
		value = value << 8 | config->bytes[at + bytes];
	return value;
}

bool config_answers(const struct config *config)
{
	return config->readable < 2 || get(config, 0, 2) != 0xffff;
}

static unsigned int standard_list(const struct config *config,
				  struct capability *caps)
{
	unsigned int at, count = 0;

	if (!(get(config, STATUS_WORD, 2) & STATUS_CAPS))
		return 0;
	at = get(config, CAPS_POINTER, 1) & ~3U;
	/* The list of a broken device may be a loop: it ends where @caps is full. */
	while (at >= HEADER && at + 2 <= config->readable &&
	       count < MAX_STANDARD) {
		caps[count++] = (struct capability) {
			.id = get(config, at, 1),
			.offset = at,
		};
		at = get(config, at + 1, 1) & ~3U;
	}
	return count;
}

static unsigned int extended_list(const struct config *config,
				  struct capability *caps)
{
	unsigned int at = EXTENDED, count = 0;
	__u32 header;

	while (at >= EXTENDED && at + 4 <= config->readable &&
	       count < MAX_EXTENDED) {
		header = get(config, at, 4);
		if (!header || header == 0xffffffff)
			break;
		caps[count++] = (struct capability) {
			.id = header & 0xffff,
			.offset = at,
			.extended = true,
		};
		at = header >> 20 & ~3U;
	}
	return count;
}

unsigned int config_capabilities(const struct config *config,
				 struct capability *caps)
{
	unsigned int count;

	if (!config_answers(config))
		return 0;
	count = standard_list(config, caps);
	return count + extended_list(config, caps + count);
}

void config_vectors(const struct config *config, struct vectors *vectors)
{
	struct capability caps[MAX_STANDARD + MAX_EXTENDED];
	unsigned int i, count = config_capabilities(config, caps), at;

	*vectors = (struct vectors) {};
	if (!config_answers(config))
		return;
	vectors->pin = get(config, INTERRUPT_PIN, 1);
	for (i = 0; i < count; i++) {
		at = caps[i].offset;
		if (caps[i].extended)
			continue;
		if (caps[i].id == CAP_MSI)
			vectors->msi = 1U << (get(config, at + 2, 2) >> 1 & 7);
		if (caps[i].id != CAP_MSIX)
			continue;
		vectors->msix = (get(config, at + 2, 2) & 0x7ff) + 1;
		vectors->table_region = get(config, at + 4, 4) & 7;
		vectors->table_offset = get(config, at + 4, 4) & ~7U;
		vectors->pba_region = get(config, at + 8, 4) & 7;
		vectors->pba_offset = get(config, at + 8, 4) & ~7U;
	}
}

void read_regions(struct region regions[REGIONS + 1], const char *bdf)
{
	char text[4096], *line, *rest = text;
	__u64 end;
	unsigned int i;

	memset(regions, 0, (REGIONS + 1) * sizeof(*regions));
	sys_read(text, sizeof(text), SYS_PCI "/%s/resource", bdf);
	for (i = 0; i <= REGION_ROM && (line = strsep(&rest, "\n")); i++) {
		struct region *region = &regions[i];

		if (sscanf(line, "%llx %llx %llx", &region->start, &end,
			   &region->flags) == 3 &&
		    region->flags & (RESOURCE_IO | RESOURCE_MEMORY))
			region->bytes = end - region->start + 1;
	}
}
