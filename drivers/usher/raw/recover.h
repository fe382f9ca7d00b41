/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Raw mode: resets by somebody else, and recovery from errors of the link.
 */
#ifndef _USHER_RAW_RECOVER_H
#define _USHER_RAW_RECOVER_H

struct pci_error_handlers;

extern const struct pci_error_handlers usher_raw_error_handlers;

#endif /* _USHER_RAW_RECOVER_H */
