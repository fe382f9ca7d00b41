/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Configuration space of a PCI function.
 */
#ifndef USHERCTL_CONFIG_H
#define USHERCTL_CONFIG_H

#include "usherctl.h"

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

void config_read(struct config *config, const char *bdf);
bool config_answers(const struct config *config);
unsigned int config_capabilities(const struct config *config,
				 struct capability *caps);
const char *capability_name(const struct capability *cap);
void config_vectors(const struct config *config, struct vectors *vectors);

#endif /* USHERCTL_CONFIG_H */
