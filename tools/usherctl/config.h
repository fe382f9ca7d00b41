/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Configuration space of a PCI function.
 */
#ifndef USHERCTL_CONFIG_H
#define USHERCTL_CONFIG_H

#include <stdbool.h>
#include <linux/types.h>

#define MAX_STANDARD	48U
#define MAX_EXTENDED	960U

/**
 * struct config - what was read of configuration space
 * @bytes: from its beginning
 * @readable: how many of them
 */
struct config {
	__u8 bytes[4096];
	unsigned int readable;
};

/**
 * struct capability - one of a function
 * @id: what it is
 * @offset: where it is
 * @extended: of the list at 0x100, whose numbers are others
 */
struct capability {
	unsigned int id;
	unsigned int offset;
	bool extended;
};

/**
 * struct vectors - how a function interrupts
 * @msix: vectors by MSI-X, 0 for none or where that cannot be read
 * @msi: vectors by MSI, the same
 * @pin: 1 for INTA# to 4, 0 for none
 * @table_region: with @msix, in which region the table is
 * @table_offset: where in it
 * @pba_region: the same for the bits of pending vectors
 * @pba_offset: where in it
 */
struct vectors {
	unsigned int msix;
	unsigned int msi;
	unsigned int pin;
	unsigned int table_region;
	__u32 table_offset;
	unsigned int pba_region;
	__u32 pba_offset;
};

#define REGIONS		6U
#define REGION_ROM	6U	/* in the list, after the base address registers */

/* Of a line in the attribute "resource", from linux/ioport.h */
#define RESOURCE_IO		0x00000100ULL
#define RESOURCE_MEMORY		0x00000200ULL
#define RESOURCE_PREFETCH	0x00002000ULL
#define RESOURCE_64		0x00100000ULL

/**
 * struct region - what a base address register points to
 * @start: its address on the bus
 * @bytes: its size, 0 where there is none
 * @flags: RESOURCE_*
 */
struct region {
	__u64 start;
	__u64 bytes;
	__u64 flags;
};

/**
 * config_read() - read as much of configuration space as this user may
 * @config: result; without privilege it has 64 bytes
 * @bdf: address of the function
 */
void config_read(struct config *config, const char *bdf);

/**
 * config_answers() - whether the function is there
 * @config: from config_read()
 *
 * Return: false where all is ones: it is gone, or powered down
 */
bool config_answers(const struct config *config);

/**
 * config_capabilities() - list the capabilities
 * @config: from config_read()
 * @caps: answers them; it has room for MAX_STANDARD + MAX_EXTENDED
 *
 * Return: how many can be read
 */
unsigned int config_capabilities(const struct config *config,
				 struct capability *caps);

/**
 * capability_name() - what the specification calls a capability
 * @cap: which
 *
 * Return: its name, or "unknown"
 */
const char *capability_name(const struct capability *cap);

/**
 * config_vectors() - find out how the function interrupts
 * @config: from config_read()
 * @vectors: result
 */
void config_vectors(const struct config *config, struct vectors *vectors);

/**
 * read_regions() - read from sysfs what the base address registers point to
 * @regions: result; the last one is the expansion ROM
 * @bdf: address of the function
 */
void read_regions(struct region regions[REGIONS + 1], const char *bdf);

#endif /* USHERCTL_CONFIG_H */
