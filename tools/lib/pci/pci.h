/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the core of usher_pci_* and its back ends tell each other. No header of
 * an operating system comes in here or in pci.c.
 */
#ifndef USHER_PCI_INTERNAL_H
#define USHER_PCI_INTERNAL_H

#include "usher_pci.h"

#if defined(__GNUC__) && !defined(_WIN32)
#pragma GCC visibility push(hidden)
#endif

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/* PCI Local Bus Specification 3.0, section 6.1 */
#define USHER_PCI_COMMAND		0x04
#define USHER_PCI_COMMAND_MASTER	0x0004
#define USHER_PCI_STATUS_CAPABILITIES	0x00100000	/* in the upper half of command */
#define USHER_PCI_CLASS_REVISION	0x08
#define USHER_PCI_BASE			0x10
#define USHER_PCI_BASE_PORTS		0x1
#define USHER_PCI_SUBSYSTEM		0x2c
#define USHER_PCI_CAPABILITIES		0x34
#define USHER_PCI_CAPABILITIES_FIRST	0x40	/* that may be one's offset */
#define USHER_PCI_CONFIG_BYTES		4096U

/**
 * struct usher_pci_memory - memory for DMA, as the library keeps it
 * @dma: what the caller sees; first, so that one address is both
 * @next: more memory of the same function
 * @nr_pages: entries of @dma.pages
 * @allocated: the back end allocated it, rather than the caller
 */
struct usher_pci_memory {
	struct usher_pci_dma dma;
	struct usher_pci_memory *next;
	uint64_t nr_pages;
	bool allocated;
};

/**
 * struct usher_pci - what every back end has of a function; first in its own
 *	structure
 * @ops: the back end
 * @info: for the caller; @ops->open fills all but what is in the header of
 *	configuration space
 * @ports: which regions are I/O ports
 * @regions: those that are mapped; base is NULL for others
 * @memory: all memory for DMA
 * @dma_limit: highest bus address of the device
 * @vectors: how many are on
 * @masked: for each of them, whether it may not be waited for
 */
struct usher_pci {
	const struct usher_pci_ops *ops;
	struct usher_pci_info info;
	bool ports[USHER_PCI_REGIONS];
	struct usher_pci_region regions[USHER_PCI_REGIONS];
	struct usher_pci_memory *memory;
	uint64_t dma_limit;
	uint32_t vectors;
	bool *masked;
};

/**
 * struct usher_pci_ops - a back end
 * @find: answer the address of the function that a device node belongs to; only of the
 *	first back end, NULL where there are no nodes
 * @open: take a function; its address is in full. -ENXIO: not bound to the
 *	driver of this back end
 * @close: stop the device, unmap regions, take the memory left from it, free
 * @gone: see usher_pci_gone()
 * @reset: see usher_pci_reset(); regions that were lost come back
 * @read_config: arguments were checked
 * @write_config: arguments were checked
 * @map_region: fill base of a region that exists, or leave it NULL
 * @read_region: read a register of a region whose base is NULL; arguments were
 *	checked
 * @write_region: write one
 * @alloc: fill dma.address and dma.pages; called with memory not yet in the list
 * @add: fill dma.pages for the caller's memory; the same
 * @remove: undo either; the memory is out of the list
 * @enable: switch vectors on; the number was checked
 * @disable: switch them off
 * @wait: see usher_pci_wait(); not called for masked vectors
 * @mask: mask or unmask, where the device or the kernel does it; else nothing
 *
 * All that return int return 0 or a negative errno value, by usher_pci_fail().
 */
struct usher_pci_ops {
	int (*find)(const char *path, char *address, size_t bytes);
	int (*open)(const char *address, struct usher_pci **pci);
	void (*close)(struct usher_pci *pci);
	bool (*gone)(struct usher_pci *pci);
	int (*reset)(struct usher_pci *pci);
	int (*read_config)(struct usher_pci *pci, uint32_t offset,
			   uint32_t bytes, uint32_t *value);
	int (*write_config)(struct usher_pci *pci, uint32_t offset,
			    uint32_t bytes, uint32_t value);
	int (*map_region)(struct usher_pci *pci,
			  struct usher_pci_region *region);
	int (*read_region)(struct usher_pci *pci, uint32_t index,
			   uint64_t offset, uint32_t bytes, uint64_t *value);
	int (*write_region)(struct usher_pci *pci, uint32_t index,
			    uint64_t offset, uint32_t bytes, uint64_t value);
	int (*alloc)(struct usher_pci *pci, struct usher_pci_memory *memory);
	int (*add)(struct usher_pci *pci, struct usher_pci_memory *memory);
	void (*remove)(struct usher_pci *pci, struct usher_pci_memory *memory);
	int (*enable)(struct usher_pci *pci, uint32_t count);
	void (*disable)(struct usher_pci *pci);
	int (*wait)(struct usher_pci *pci, uint32_t vector,
		    uint64_t timeout_ns);
	int (*mask)(struct usher_pci *pci, uint32_t vector, bool masked);
};

#ifdef __linux__
extern const struct usher_pci_ops usher_pci_raw;
extern const struct usher_pci_ops usher_pci_vfio;
#else
extern const struct usher_pci_ops usher_pci_none;
#endif

/**
 * usher_pci_fail() - keep the reason of a failure for usher_pci_reason()
 * @error: negative errno value
 * @format: as printf()
 *
 * Return: @error.
 */
int usher_pci_fail(int error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
#define fail(...)	usher_pci_fail(__VA_ARGS__)

/**
 * usher_pci_no_memory() - fail, since the process has no memory left
 *
 * Return: -ENOMEM.
 */
int usher_pci_no_memory(void);

/**
 * usher_pci_not_there() - fail, since the function is gone or wanted back
 * @pci: function
 *
 * Return: -ENODEV.
 */
int usher_pci_not_there(const struct usher_pci *pci);

#if defined(__GNUC__) && !defined(_WIN32)
#pragma GCC visibility pop
#endif

#endif /* USHER_PCI_INTERNAL_H */
