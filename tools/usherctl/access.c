// SPDX-License-Identifier: GPL-2.0-only
/*
 * Access to the registers of a PCI function. One that is bound to usher-raw or
 * vfio-pci is opened by libusher. Any other is read through sysfs while its driver
 * uses it, and cannot be written.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "access.h"
#include "config.h"
#include "message.h"
#include "status.h"
#include "sysfs.h"
#include "users.h"

#define COMMAND		0x04	/* in configuration space, and two bits of it */
#define COMMAND_IO	0x1
#define COMMAND_MEMORY	0x2

bool access_can_write(const struct access *access)
{
	return !strcmp(access->driver, "usher-raw") ||
	       !strcmp(access->driver, "vfio-pci");
}

const char *access_way(const struct access *access)
{
	return access->pci ? usher_pci_info(access->pci)->backend : "sysfs";
}

static int open_function(struct access *access)
{
	int ret;

	ret = usher_pci_catch_faults();
	if (!ret)
		ret = usher_pci_open(access->bdf, &access->pci);
	if (!ret)
		ret = usher_pci_map_region(access->pci, access->index,
					   &access->region);
	if (!ret)
		return 0;
	fail("%s", usher_pci_reason());
	if (ret == -EBUSY)
		function_in_use(access->bdf);	/* says by whom */
	return STATUS_FAILED;
}

/* Report why the kernel refuses access through sysfs, and what can be done. */
static int refused(const struct access *access, int error)
{
	const char *reason = strerror(error), *remedy = NULL;

	if (error == EACCES) {
		remedy = "Reading registers through sysfs takes root.";
	} else if (error == EPERM && locked_down()) {
		reason = "kernel lockdown forbids access to registers";
		remedy = "Lockdown ends with a boot without it (lockdown=, Secure Boot).";
	} else if (error == EINVAL && *access->driver) {
		reason = "kept for its driver by the kernel (CONFIG_IO_STRICT_DEVMEM)";
		remedy = "Boot with iomem=relaxed, or take it: \"usherctl bind --raw\".";
	}
	fail("%s: region %u: %s", access->bdf, access->index, reason);
	if (remedy)
		fprintf(stderr, "  %s\n", remedy);
	return STATUS_FAILED;
}

/* Reading registers that are switched off returns all ones, and hangs some machines. */
static int check_enabled(const struct access *access)
{
	struct config config;

	config_read(&config, access->bdf);
	if (!config_answers(&config))
		return fail_at(ACT_OTHER, ENODEV, "%s", access->bdf);
	if (config.bytes[COMMAND] &
	    (access->memory ? COMMAND_MEMORY : COMMAND_IO))
		return 0;
	fail("%s: its registers are switched off%s", access->bdf,
	     *access->driver ? "" : ", as no driver has it");
	fprintf(stderr, "  \"usherctl bind --raw\" switches them on.\n");
	return STATUS_FAILED;
}

/* A region smaller than a page may begin within one. */
static int map_resource(struct access *access, int fd)
{
	__u64 page = sysconf(_SC_PAGESIZE), first = access->start % page;
	int error;

	access->map_bytes = (first + access->bytes + page - 1) & ~(page - 1);
	access->map = mmap(NULL, access->map_bytes, PROT_READ, MAP_SHARED, fd, 0);
	error = errno;
	close(fd);
	if (access->map == MAP_FAILED) {
		access->map = NULL;
		return refused(access, error);
	}
	access->region.base = (__u8 *)access->map + first;
	access->region.bytes = access->bytes;
	access->region.index = access->index;
	return 0;
}

static int open_resource(struct access *access)
{
	char path[96];
	int fd, ret;

	ret = check_enabled(access);
	if (ret)
		return ret;
	snprintf(path, sizeof(path), SYS_PCI "/%s/resource%u", access->bdf,
		 access->index);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return refused(access, errno);
	if (access->memory)
		return map_resource(access, fd);
	access->ports = fd;
	return 0;
}

int access_look(struct access *access)
{
	struct region regions[REGIONS + 1];
	const struct region *region = &regions[access->index];

	access->ports = -1;
	sys_link(access->driver, sizeof(access->driver), SYS_PCI "/%s/driver",
		 access->bdf);
	read_regions(regions, access->bdf);
	access->start = region->start;
	access->bytes = region->bytes;
	access->memory = region->flags & RESOURCE_MEMORY;
	if (region->bytes)
		return 0;
	fail("%s has no region %u", access->bdf, access->index);
	fprintf(stderr, "  \"usherctl info %s\" shows those it has.\n", access->bdf);
	return STATUS_FAILED;
}

int access_open(struct access *access)
{
	return access_can_write(access) ? open_function(access) :
					  open_resource(access);
}

void access_close(struct access *access)
{
	if (access->pci)
		usher_pci_close(access->pci);
	if (access->map)
		munmap(access->map, access->map_bytes);
	if (access->ports >= 0)
		close(access->ports);
}

/* Read I/O ports. The bytes come in the order of the bus, which is little-endian. */
static int read_ports(struct access *access, __u64 offset, unsigned int bits,
		      __u64 *value)
{
	__u64 raw = 0;
	ssize_t got = pread(access->ports, &raw, bits / 8, offset);

	if (got != (ssize_t)bits / 8)
		return refused(access, got < 0 ? errno : EIO);
	*value = le64toh(raw);
	return 0;
}

int access_read(struct access *access, __u64 offset, unsigned int bits,
		__u64 *value)
{
	if (access->ports >= 0)
		return read_ports(access, offset, bits, value);
	switch (bits) {
	case 8:
		*value = usher_pci_read8(&access->region, offset);
		break;
	case 16:
		*value = usher_pci_read16(&access->region, offset);
		break;
	case 32:
		*value = usher_pci_read32(&access->region, offset);
		break;
	default:
		*value = usher_pci_read64(&access->region, offset);
	}
	return 0;
}

void access_write(struct access *access, __u64 offset, unsigned int bits,
		  __u64 value)
{
	switch (bits) {
	case 8:
		usher_pci_write8(&access->region, offset, value);
		break;
	case 16:
		usher_pci_write16(&access->region, offset, value);
		break;
	case 32:
		usher_pci_write32(&access->region, offset, value);
		break;
	default:
		usher_pci_write64(&access->region, offset, value);
	}
}

bool access_gone(struct access *access)
{
	struct config config;
	__u32 vendor;

	if (access->pci)
		return usher_pci_gone(access->pci) ||
		       usher_pci_read_config(access->pci, 0, 2, &vendor) ||
		       vendor == 0xffff;
	config_read(&config, access->bdf);
	return !config.readable || !config_answers(&config);
}
