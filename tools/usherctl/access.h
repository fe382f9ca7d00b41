/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Access to the registers of a PCI function.
 */
#ifndef USHERCTL_ACCESS_H
#define USHERCTL_ACCESS_H

#include <stdbool.h>
#include <linux/types.h>

#include <usher_pci.h>

#include "function.h"

/**
 * struct access - a region of a function, open
 * @bdf: address of the function
 * @driver: that it has, or ""
 * @index: number of the base address register
 * @start: address of the region on the bus
 * @bytes: its size
 * @memory: it is in memory space, not in that of I/O ports
 * @pci: the function, where a driver hands it to processes; else NULL
 * @region: where it is mapped
 * @map: what of sysfs is mapped, in pages
 * @map_bytes: its size
 * @ports: file in sysfs for I/O ports, or -1
 */
struct access {
	char bdf[PCI_ADDRESS];
	char driver[64];
	unsigned int index;
	__u64 start;
	__u64 bytes;
	bool memory;
	struct usher_pci *pci;
	struct usher_pci_region region;
	void *map;
	__u64 map_bytes;
	int ports;
};

int access_look(struct access *access);
int access_open(struct access *access);
void access_close(struct access *access);
const char *access_way(const struct access *access);
bool access_can_write(const struct access *access);
int access_read(struct access *access, __u64 offset, unsigned int bits,
		__u64 *value);
void access_write(struct access *access, __u64 offset, unsigned int bits,
		  __u64 value);
bool access_gone(struct access *access);

#endif /* USHERCTL_ACCESS_H */
