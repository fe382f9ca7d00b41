// SPDX-License-Identifier: GPL-2.0-only
/*
 * What contains the DMA and the interrupts of a PCI function, in a sentence.
 */
#include <linux/types.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "macros.h"
#include "protection.h"
#include "sysfs.h"

#define SYS_GROUPS	"/sys/kernel/iommu_groups"

/* IDs of virtio devices, the older ones among them */
#define VIRTIO_VENDOR	0x1af4
#define VIRTIO_FIRST	0x1000
#define VIRTIO_LAST	0x107f

static void append(char *text, size_t size, const char *format, ...)
	__printf(3, 4);

static void append(char *text, size_t size, const char *format, ...)
{
	size_t length = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + length, size - length, format, args);
	va_end(args);
}

/*
 * Gathering
 */

/* Whether the firmware reserves memory that the device reaches in any case */
static bool has_direct(const char *group)
{
	char text[4096], *line, *rest = text;

	sys_read(text, sizeof(text), SYS_GROUPS "/%s/reserved_regions", group);
	while ((line = strsep(&rest, "\n"))) {
		const char *kind = strrchr(line, ' ');

		if (kind && (!strcmp(kind, " direct") ||
			     !strcmp(kind, " direct-relaxable")))
			return true;
	}
	return false;
}

/*
 * What the kernel's remapping of interrupts is called in /proc/interrupts. Only x86
 * says so there: elsewhere it stays unknown.
 */
static enum known remaps_interrupts(void)
{
	FILE *file = fopen("/proc/interrupts", "re");
	enum known found = KNOWN_UNKNOWN;
	char *line = NULL;
	size_t size = 0;

	while (file && getline(&line, &size, file) > 0) {
		if (strstr(line, " IR-"))
			found = KNOWN_YES;
	}
	free(line);
	if (file)
		fclose(file);
	return found;
}

/* Whether the module can reset it. The module does not use power management for that. */
static bool has_reset(const char *bdf)
{
	char text[128], *word, *rest = text;

	sys_read(text, sizeof(text), SYS_PCI "/%s/reset_method", bdf);
	while ((word = strsep(&rest, " "))) {
		if (!strcmp(word, "flr") || !strcmp(word, "af_flr") ||
		    !strcmp(word, "bus"))
			return true;
	}
	return false;
}

/*
 * A virtio device has a feature bit that says whether it is behind the IOMMU. Linux
 * puts it into a group in either case.
 */
static bool is_virtio(const char *bdf)
{
	__u64 device = sys_number(SYS_PCI "/%s/device", bdf);

	return sys_number(SYS_PCI "/%s/vendor", bdf) == VIRTIO_VENDOR &&
	       device >= VIRTIO_FIRST && device <= VIRTIO_LAST;
}

/* What the module says replaces what the other files in sysfs let expect. */
static void ask_module(const char *bdf, struct protection *is)
{
	char text[16];

	if (!sys_read(text, sizeof(text),
		      SYS_PCI "/%s/usher/usher-raw-%s/contained", bdf, bdf))
		return;
	is->contained = *text == '1' ? KNOWN_YES : KNOWN_NO;
	sys_read(text, sizeof(text), SYS_PCI "/%s/usher/usher-raw-%s/reset", bdf,
		 bdf);
	is->reset = strcmp(text, "none") != 0;
	if (is->contained == KNOWN_YES) {
		is->isolated_msi = KNOWN_YES;
		return;
	}
	/* All other conditions are met: the interrupts must be the reason. */
	if (is->reset && is->neighbours == 0 && !is->direct && !is->virtio &&
	    !strcmp(is->domain, "DMA"))
		is->isolated_msi = KNOWN_NO;
}

void gather_protection(const char *bdf, struct protection *is)
{
	char **names;
	int count;

	*is = (struct protection) {
		.reset = has_reset(bdf),
		.virtio = is_virtio(bdf),
	};
	sys_link(is->driver, sizeof(is->driver), SYS_PCI "/%s/driver", bdf);
	if (sys_link(is->group, sizeof(is->group), SYS_PCI "/%s/iommu_group",
		     bdf)) {
		sys_read(is->domain, sizeof(is->domain), SYS_GROUPS "/%s/type",
			 is->group);
		count = sys_scan(&names, SYS_GROUPS "/%s/devices", is->group);
		is->neighbours = count - 1;
		sys_free(names, count);
		is->direct = has_direct(is->group);
		is->isolated_msi = remaps_interrupts();
	}
	if (!strcmp(is->driver, "usher-raw"))
		ask_module(bdf, is);
}

/*
 * Judging
 */

enum known protection_contained(const struct protection *is)
{
	if (is->contained != KNOWN_UNKNOWN)
		return is->contained;
	if (!*is->group || strcmp(is->domain, "DMA") || is->neighbours ||
	    is->direct || is->virtio || !is->reset)
		return KNOWN_NO;
	return is->isolated_msi;
}

const char *domain_mode(const char *domain)
{
	if (!strcmp(domain, "DMA"))
		return "strict";
	if (!strcmp(domain, "DMA-FQ"))
		return "lazy";
	if (!strcmp(domain, "identity"))
		return "passthrough";
	return *domain ? domain : "unknown";
}

/* Why DMA reaches too much, or NULL */
static const char *memory_reason(const struct protection *is)
{
	if (!*is->group)
		return "it is behind no IOMMU, so its DMA reaches all memory";
	if (!strcmp(is->domain, "identity"))
		return "its IOMMU passes addresses through, so its DMA reaches all memory";
	if (!strcmp(is->domain, "DMA-FQ"))
		return "its IOMMU is lazy, so its DMA reaches memory that was just taken from it";
	if (strcmp(is->domain, "DMA"))
		return "its IOMMU domain is not the kernel's own for DMA";
	if (is->direct)
		return "the firmware reserves memory that it reaches through the IOMMU";
	if (is->virtio)
		return "it is a virtio device, which may reach memory past the IOMMU";
	return NULL;
}

static void add_reason(char *text, size_t size, const char *reason)
{
	if (reason)
		append(text, size, "%s%s", *text ? "; " : "", reason);
}

const char *protection_reasons(const struct protection *is, char text[512])
{
	char neighbours[96];

	*text = '\0';
	add_reason(text, 512, memory_reason(is));
	if (*is->group && is->neighbours) {
		snprintf(neighbours, sizeof(neighbours),
			 "it shares IOMMU group %s with %d other function%s",
			 is->group, is->neighbours,
			 is->neighbours > 1 ? "s" : "");
		add_reason(text, 512, neighbours);
	}
	if (*is->group && is->isolated_msi == KNOWN_NO)
		add_reason(text, 512,
			   "its interrupts are not remapped, so it can forge those of others");
	if (!is->reset)
		add_reason(text, 512,
			   "nothing resets it, so what a process started outlives the process");
	return text;
}

/* vfio-pci makes a domain of its own, a strict one, whatever the group had before. */
static bool own_domain(const struct protection *is)
{
	return !strcmp(is->driver, "vfio-pci");
}

const char *protection_remedy(const struct protection *is)
{
	if (!*is->group)
		return "Switch an IOMMU on: in the firmware, and by intel_iommu=on for Intel's.";
	if (!strcmp(is->domain, "identity") && !own_domain(is))
		return "Boot with iommu.passthrough=0 iommu.strict=1.";
	if (!strcmp(is->domain, "DMA-FQ") && !own_domain(is))
		return "Boot with iommu.strict=1.";
	if (is->virtio && own_domain(is))
		return "QEMU puts a virtio device behind the IOMMU by iommu_platform=on.";
	return NULL;
}

static const char *raw_sentence(const struct protection *is, const char *begin,
				const char *reasons, char text[1024])
{
	switch (protection_contained(is)) {
	case KNOWN_YES:
		snprintf(text, 1024,
			 "%scontained by the IOMMU: its DMA reaches only memory that its driver was given, and it interrupts nobody else; opening it takes permission for its node and no privilege",
			 begin);
		break;
	case KNOWN_NO:
		snprintf(text, 1024,
			 "%snot contained, as %s; opening it takes CAP_SYS_RAWIO",
			 begin, reasons);
		break;
	case KNOWN_UNKNOWN:
		snprintf(text, 1024,
			 "%scontained by a strict IOMMU, if its interrupts are remapped, which only the module finds out",
			 begin);
	}
	return text;
}

const char *protection_sentence(const struct protection *is, char text[1024])
{
	char reasons[512];

	protection_reasons(is, reasons);
	if (!strcmp(is->driver, "usher-raw"))
		return raw_sentence(is, "", reasons, text);
	if (!strcmp(is->driver, "vfio-pci")) {
		snprintf(text, 1024,
			 "contained by the IOMMU%s: in the hands of vfio-pci its DMA reaches only memory that its driver was given; opening it takes permission for /dev/vfio/%s",
			 is->virtio ? ", if this virtio device is behind it" : "",
			 is->group);
		return text;
	}
	if (strcmp(is->driver, "usher"))
		return raw_sentence(is, "bound to usher-raw it would be ", reasons,
				    text);
	if (memory_reason(is))
		snprintf(text, 1024,
			 "processes are held to their grants by the guard; nothing contains the device itself, as %s",
			 memory_reason(is));
	else
		snprintf(text, 1024,
			 "processes are held to their grants by the guard, and the device's own DMA to its buffers by the IOMMU");
	return text;
}
