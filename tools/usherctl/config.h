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

void config_read(struct config *config, const char *bdf);
bool config_answers(const struct config *config);
unsigned int config_capabilities(const struct config *config,
				 struct capability *caps);
const char *capability_name(const struct capability *cap);
void config_vectors(const struct config *config, struct vectors *vectors);

void read_regions(struct region regions[REGIONS + 1], const char *bdf);

#endif /* USHERCTL_CONFIG_H */
