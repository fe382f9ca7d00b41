/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Raw mode: bringing a function to a known state.
 */
#ifndef _USHER_RAW_RESET_H
#define _USHER_RAW_RESET_H

struct pci_dev;
struct usher_raw;

/**
 * enum usher_raw_reset_kind - how a function can be reset
 * @USHER_RAW_RESET_NONE: it cannot
 * @USHER_RAW_RESET_FLR: by itself, by a function level reset
 * @USHER_RAW_RESET_BUS: with its bus, where it is alone
 */
enum usher_raw_reset_kind {
	USHER_RAW_RESET_NONE,
	USHER_RAW_RESET_FLR,
	USHER_RAW_RESET_BUS,
};

/**
 * enum usher_raw_reset_config - which configuration a function has after a reset
 * @USHER_RAW_KEEP_CONFIG: that from before, with bus mastering as the owner needs it
 * @USHER_RAW_INITIAL_CONFIG: that of a function without an owner
 */
enum usher_raw_reset_config {
	USHER_RAW_KEEP_CONFIG,
	USHER_RAW_INITIAL_CONFIG,
};

enum usher_raw_reset_kind usher_raw_reset_probe(struct pci_dev *pdev);
bool usher_raw_is_recovering(const struct usher_raw *raw);
int usher_raw_reset(struct usher_raw *raw, enum usher_raw_reset_config config);
void usher_raw_reset_finish(struct usher_raw *raw);

#endif /* _USHER_RAW_RESET_H */
