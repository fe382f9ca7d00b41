/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The disks of an NVMe controller in the hands of the kernel's driver, and who uses
 * them.
 */
#ifndef USHERCTL_DISK_H
#define USHERCTL_DISK_H

/**
 * disk_names() - the disks of a PCI function
 * @bdf: address of the function
 * @names: answers the names of block devices; to be freed by sys_free()
 *
 * Return: how many there are
 */
int disk_names(const char *bdf, char ***names);

/**
 * disk_in_use() - whether a disk or one of its partitions is in use
 * @disk: name of the block device
 *
 * Says who uses it. A disk that nobody uses is kept open exclusively until the
 * program ends, so that nobody takes it while it changes drivers.
 *
 * Return: 1 or 0
 */
int disk_in_use(const char *disk);

/**
 * disks_in_use() - how many disks of a PCI function are in use
 * @bdf: address of the function
 *
 * Like disk_in_use(), for each disk of it.
 *
 * Return: how many
 */
int disks_in_use(const char *bdf);

/**
 * disks_shared() - how many disks of a PCI function another controller has, too
 * @bdf: address of the function
 *
 * A namespace of a subsystem with several controllers can be reached by each of them.
 * Says by which others, as far as they are in the hands of the kernel's driver.
 *
 * Return: how many
 */
int disks_shared(const char *bdf);

#endif /* USHERCTL_DISK_H */
