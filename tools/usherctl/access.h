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

/**
 * access_look() - find out what the region is, from sysfs
 * @access: its bdf and index are set
 *
 * Return: 0, or STATUS_FAILED after a message
 */
int access_look(struct access *access);

/**
 * access_open() - open the region
 * @access: after access_look()
 *
 * Return: 0, or STATUS_FAILED after a message
 */
int access_open(struct access *access);

/**
 * access_close() - close the region, where it was opened
 * @access: which
 */
void access_close(struct access *access);

/**
 * access_way() - the interface that the registers are reached by
 * @access: after access_open()
 *
 * Return: "sysfs", or what libusher calls it
 */
const char *access_way(const struct access *access);

/**
 * access_can_write() - whether registers can be written
 * @access: after access_look()
 *
 * Return: whether the function has a driver that hands it to processes
 */
bool access_can_write(const struct access *access);

/**
 * access_read() - read a register
 * @access: after access_open()
 * @offset: where it is, within the region
 * @bits: 8, 16, 32 or 64
 * @value: result
 *
 * Return: 0, or STATUS_FAILED after a message
 */
int access_read(struct access *access, __u64 offset, unsigned int bits,
		__u64 *value);

/**
 * access_write() - write a register
 * @access: after access_open(); one that access_can_write()
 * @offset: where it is, within the region
 * @bits: 8, 16, 32 or 64
 * @value: what to write
 */
void access_write(struct access *access, __u64 offset, unsigned int bits,
		  __u64 value);

/**
 * access_gone() - whether the device is gone, when a register was read as all ones
 * @access: after access_open()
 *
 * Return: whether its vendor ID is all ones, too
 */
bool access_gone(struct access *access);

#endif /* USHERCTL_ACCESS_H */
