/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the back ends on Linux share. They hold a function by a file, whose
 * mappings are its regions, and its vectors are eventfds.
 */
#ifndef USHER_PCI_LINUX_H
#define USHER_PCI_LINUX_H

#include "pci.h"

#pragma GCC visibility push(hidden)

#define USHER_PCI_HOLES		2

/**
 * struct usher_pci_place - where a region is
 * @offset: in the file of the function
 * @hole_offset: parts of it that cannot be reached, whole pages
 * @hole_bytes: their sizes, 0 for none
 */
struct usher_pci_place {
	uint64_t offset;
	uint64_t hole_offset[USHER_PCI_HOLES];
	uint64_t hole_bytes[USHER_PCI_HOLES];
};

/**
 * struct usher_pci_linux - what both have of a function; first in their own
 *	structures
 * @pci: what the core knows
 * @fd: file of the function, or -1
 * @end: file that can be read once the function is gone or wanted back
 * @places: of the regions
 * @events: an eventfd for each vector that is on
 * @nr_events: how many
 * @lost: an access to a region found it gone
 */
struct usher_pci_linux {
	struct usher_pci pci;
	int fd;
	int end;
	struct usher_pci_place places[USHER_PCI_REGIONS];
	int *events;
	uint32_t nr_events;
	bool lost;
};

/* See struct usher_pci_ops. */
bool usher_pci_linux_gone(struct usher_pci *pci);
int usher_pci_linux_map_region(struct usher_pci *pci,
			       struct usher_pci_region *region);
int usher_pci_linux_wait(struct usher_pci *pci, uint32_t vector,
			 uint64_t timeout_ns);

/*
 * The last part of what a link of a function in sysfs leads to. Returns 0, or a
 * negative errno value without a reason.
 */
int usher_pci_linux_link(const char *address, const char *name, char *target,
			 size_t bytes);

/* Unmap the regions, close the file of the function, free its memory. */
void usher_pci_linux_close(struct usher_pci *pci);

/* After the kernel's reset, with its result: regions that were lost come back. */
int usher_pci_linux_after_reset(struct usher_pci *pci, int error);

/* Make eventfds for vectors, or close them. */
int usher_pci_linux_open_events(struct usher_pci *pci, uint32_t count);
void usher_pci_linux_close_events(struct usher_pci *pci);

/*
 * Why something failed; all return a negative errno value. The file at @path of
 * @address did not open, with a positive @error; there are no bus addresses for
 * memory; the kernel refused memory; it refused vectors, whose eventfds are closed.
 */
int usher_pci_linux_not_opened(const char *address, const char *path, int error);
int usher_pci_linux_no_room(const struct usher_pci *pci,
			    const struct usher_pci_memory *memory);
int usher_pci_linux_no_dma(const struct usher_pci *pci,
			   const struct usher_pci_memory *memory, int error);
int usher_pci_linux_no_vectors(struct usher_pci *pci, uint32_t count, int error);

#pragma GCC visibility pop

#endif /* USHER_PCI_LINUX_H */
