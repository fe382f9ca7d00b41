// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Back end for vfio-pci, by group and container: what every Linux with VFIO has.
 * Needs an IOMMU, and one group for the function; see
 * Documentation/driver-api/vfio.rst of the kernel.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64	/* regions are far apart in the file */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "linux.h"

/*
 * Bus addresses are given out from here on: a device that was not told where
 * its memory is often tries 0.
 */
#define FIRST_BUS	0x100000ULL

/**
 * struct range - bus addresses that the IOMMU translates
 * @first: lowest
 * @last: highest
 */
struct range {
	uint64_t first;
	uint64_t last;
};

/**
 * struct vfio - a function that came from vfio-pci
 * @common: what a function of usher-raw has, too; its end is an eventfd
 * @container: file of the address space
 * @group: file of the IOMMU group
 * @config: where configuration space is in the file of the function
 * @power: where its power state is in configuration space, or 0
 * @mappable: which regions can be mapped
 * @index: VFIO_PCI_*_IRQ_INDEX of the vectors
 * @ranges: what bus addresses there are
 * @nr_ranges: how many
 * @master: bus mastering is on
 */
struct vfio {
	struct usher_pci_linux common;
	int container;
	int group;
	uint64_t config;
	uint32_t power;
	bool mappable[USHER_PCI_REGIONS];
	uint32_t index;
	struct range *ranges;
	size_t nr_ranges;
	bool master;
};

static struct vfio *to_vfio(struct usher_pci *pci)
{
	return (struct vfio *)pci;
}

/* vfio-pci does not take a function that is behind no IOMMU. */
static const char *driver_remedy(const char *address)
{
	char group[32];

	if (usher_pci_linux_link(address, "iommu_group", group, sizeof(group)) < 0)
		return ", and behind no IOMMU: bind it to usher-raw";
	return ": bind it to usher-raw or vfio-pci";
}

static int check_driver(const char *address)
{
	char path[64], driver[64];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", address);
	if (access(path, F_OK))
		return fail(-ENOENT, "there is no PCI function %s", address);
	if (usher_pci_linux_link(address, "driver", driver, sizeof(driver)) < 0)
		return fail(-ENXIO, "%s is bound to no driver%s", address,
			    driver_remedy(address));
	if (strcmp(driver, "vfio-pci"))
		return fail(-ENXIO, "%s is bound to %s, which hands it to nobody%s",
			    address, driver, driver_remedy(address));
	return 0;
}

/*
 * Opening
 */

static int open_container(struct vfio *vfio, const char *address)
{
	vfio->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (vfio->container < 0 && errno == ENOENT)
		return fail(-EOPNOTSUPP,
			    "%s: there is no /dev/vfio/vfio: the kernel needs CONFIG_VFIO_CONTAINER",
			    address);
	if (vfio->container < 0)
		return fail(-errno, "%s: /dev/vfio/vfio: %s", address,
			    strerror(errno));
	if (ioctl(vfio->container, VFIO_GET_API_VERSION) != VFIO_API_VERSION ||
	    ioctl(vfio->container, VFIO_CHECK_EXTENSION,
		  VFIO_TYPE1v2_IOMMU) <= 0)
		return fail(-EOPNOTSUPP,
			    "%s: VFIO has no type 1 IOMMU: load vfio_iommu_type1",
			    address);
	return 0;
}

static int open_group(struct vfio *vfio, const char *address)
{
	struct vfio_group_status status = {
		.argsz = sizeof(status),
	};
	char name[32], path[64];

	if (usher_pci_linux_link(address, "iommu_group", name, sizeof(name)) < 0)
		return fail(-EOPNOTSUPP,
			    "%s is behind no IOMMU: switch one on (intel_iommu=on or the like)",
			    address);
	snprintf(path, sizeof(path), "/dev/vfio/%s", name);
	vfio->group = open(path, O_RDWR | O_CLOEXEC);
	if (vfio->group < 0 && errno == ENOENT)
		return fail(-EOPNOTSUPP,
			    "%s: there is no %s: the kernel needs CONFIG_VFIO_GROUP",
			    address, path);
	if (vfio->group < 0)
		return usher_pci_linux_not_opened(address, path,
						  errno == EPERM ? EACCES : errno);
	if (ioctl(vfio->group, VFIO_GROUP_GET_STATUS, &status))
		return fail(-EIO, "%s: %s: %s", address, path, strerror(errno));
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return fail(-EBUSY,
			    "%s shares IOMMU group %s with functions of other drivers: unbind those",
			    address, name);
	return 0;
}

static int open_device(struct vfio *vfio, const char *address)
{
	if (ioctl(vfio->group, VFIO_GROUP_SET_CONTAINER, &vfio->container))
		return fail(-EIO, "%s: its group cannot be used: %s", address,
			    strerror(errno));
	if (ioctl(vfio->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return fail(errno == EPERM ? -EACCES : -EIO,
			    "%s: the IOMMU cannot be used, or it does not isolate interrupts: %s",
			    address, strerror(errno));
	vfio->common.fd = ioctl(vfio->group, VFIO_GROUP_GET_DEVICE_FD, address);
	if (vfio->common.fd < 0)
		return fail(errno == ENODEV ? -ENODEV : -EIO, "%s: %s", address,
			    strerror(errno));
	return 0;
}

/* Bus addresses are in a list of capabilities behind the answer. */
static int find_ranges(const struct vfio_iommu_type1_info *info,
		       struct vfio *vfio)
{
	const struct vfio_iommu_type1_info_cap_iova_range *list;
	const struct vfio_info_cap_header *header;
	uint32_t at, i;

	for (at = info->cap_offset; at; at = header->next) {
		header = (const void *)((const char *)info + at);
		if (header->id != VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE)
			continue;
		list = (const void *)header;
		vfio->ranges = calloc(list->nr_iovas, sizeof(*vfio->ranges));
		if (!vfio->ranges)
			return -ENOMEM;
		vfio->nr_ranges = list->nr_iovas;
		for (i = 0; i < list->nr_iovas; i++) {
			vfio->ranges[i].first = list->iova_ranges[i].start;
			vfio->ranges[i].last = list->iova_ranges[i].end;
		}
		return 0;
	}
	return -EOPNOTSUPP;
}

static int read_ranges(struct vfio *vfio, const char *address)
{
	struct vfio_iommu_type1_info probe = {
		.argsz = sizeof(probe),
	};
	struct vfio_iommu_type1_info *info;
	int ret = -EIO;

	if (ioctl(vfio->container, VFIO_IOMMU_GET_INFO, &probe))
		return fail(ret, "%s: the IOMMU says nothing of itself: %s",
			    address, strerror(errno));
	info = calloc(1, probe.argsz);
	if (!info)
		return usher_pci_no_memory();
	info->argsz = probe.argsz;
	if (!ioctl(vfio->container, VFIO_IOMMU_GET_INFO, info))
		ret = info->flags & VFIO_IOMMU_INFO_CAPS ?
		      find_ranges(info, vfio) : -EOPNOTSUPP;
	free(info);
	if (ret < 0)
		return fail(ret,
			    "%s: the kernel does not say which addresses its IOMMU translates: %s",
			    address, strerror(-ret));
	return 0;
}

static int read_regions(struct vfio *vfio, const char *address)
{
	struct vfio_region_info region = {
		.argsz = sizeof(region),
		.index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	uint32_t i;

	if (ioctl(vfio->common.fd, VFIO_DEVICE_GET_REGION_INFO, &region))
		goto failed;
	vfio->config = region.offset;

	for (i = 0; i < USHER_PCI_REGIONS; i++) {
		memset(&region, 0, sizeof(region));
		region.argsz = sizeof(region);
		region.index = VFIO_PCI_BAR0_REGION_INDEX + i;
		if (ioctl(vfio->common.fd, VFIO_DEVICE_GET_REGION_INFO, &region))
			goto failed;
		vfio->common.pci.info.region_bytes[i] = region.size;
		vfio->common.places[i].offset = region.offset;
		vfio->mappable[i] = region.flags & VFIO_REGION_INFO_FLAG_MMAP;
	}
	return 0;

failed:
	return fail(-EIO, "%s: its regions: %s", address, strerror(errno));
}

/* The best kind of interrupt that it has: the kinds are in that order. */
static int read_vectors(struct vfio *vfio, const char *address)
{
	static const struct {
		uint32_t index;
		enum usher_pci_irq irq;
	} kinds[] = {
		{ VFIO_PCI_MSIX_IRQ_INDEX, USHER_PCI_IRQ_MSIX },
		{ VFIO_PCI_MSI_IRQ_INDEX, USHER_PCI_IRQ_MSI },
		{ VFIO_PCI_INTX_IRQ_INDEX, USHER_PCI_IRQ_INTX },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct vfio_irq_info irq = {
			.argsz = sizeof(irq),
			.index = kinds[i].index,
		};

		if (ioctl(vfio->common.fd, VFIO_DEVICE_GET_IRQ_INFO, &irq))
			return fail(-EIO, "%s: its interrupts: %s", address,
				    strerror(errno));
		if (irq.count) {
			vfio->index = kinds[i].index;
			vfio->common.pci.info.irq = kinds[i].irq;
			vfio->common.pci.info.vectors = irq.count;
			return 0;
		}
	}
	return 0;
}

static int set_events(struct vfio *vfio, uint32_t index, const int *events,
		      uint32_t count)
{
	size_t bytes = sizeof(struct vfio_irq_set) + count * sizeof(*events);
	struct vfio_irq_set *set = calloc(1, bytes);
	int ret;

	if (!set)
		return -ENOMEM;
	set->argsz = bytes;
	set->flags = VFIO_IRQ_SET_ACTION_TRIGGER |
		     (count ? VFIO_IRQ_SET_DATA_EVENTFD :
			      VFIO_IRQ_SET_DATA_NONE);
	set->index = index;
	set->count = count;
	if (count)
		memcpy(set->data, events, count * sizeof(*events));
	ret = ioctl(vfio->common.fd, VFIO_DEVICE_SET_IRQS, set);
	if (ret)
		/* a positive number says how many could be had instead */
		ret = ret < 0 ? -errno : -ENOSPC;
	free(set);
	return ret;
}

static int watch_request(struct vfio *vfio, const char *address)
{
	int ret;

	vfio->common.end = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = vfio->common.end < 0 ? -errno :
	      set_events(vfio, VFIO_PCI_REQ_IRQ_INDEX, &vfio->common.end, 1);
	if (ret < 0)
		return fail(ret, "%s: its removal cannot be watched: %s",
			    address, strerror(-ret));
	return 0;
}

static int vfio_read_config(struct usher_pci *pci, uint32_t offset,
			    uint32_t bytes, uint32_t *value)
{
	struct vfio *vfio = to_vfio(pci);
	uint32_t data = 0;

	if (pread(vfio->common.fd, &data, bytes, vfio->config + offset) !=
	    (ssize_t)bytes)
		return fail(-EIO,
			    "%s: reading configuration space at %#x failed",
			    pci->info.address, offset);
	*value = le32toh(data);
	return 0;
}

/* Capabilities are a list; the hardware may say what it likes. */
static int find_power(struct vfio *vfio)
{
	struct usher_pci *pci = &vfio->common.pci;
	uint32_t value = 0, at = 0, left = PCI_CFG_SPACE_SIZE / 4;
	int ret = vfio_read_config(pci, PCI_STATUS, 2, &value);

	if (!ret && value & PCI_STATUS_CAP_LIST)
		ret = vfio_read_config(pci, PCI_CAPABILITY_LIST, 1, &at);
	while (!ret && at >= PCI_STD_HEADER_SIZEOF && left--) {
		ret = vfio_read_config(pci, at & ~3U, 2, &value);
		if ((value & 0xff) == PCI_CAP_ID_PM) {
			vfio->power = (at & ~3U) + PCI_PM_CTRL;
			break;
		}
		at = value >> 8;
	}
	return ret;
}

static int read_info(struct vfio *vfio, const char *address)
{
	struct usher_pci_info *info = &vfio->common.pci.info;
	struct vfio_device_info device = {
		.argsz = sizeof(device),
	};
	int ret;

	if (ioctl(vfio->common.fd, VFIO_DEVICE_GET_INFO, &device))
		return fail(-EIO, "%s: %s", address, strerror(errno));
	snprintf(info->backend, sizeof(info->backend), "vfio");
	info->iommu = true;
	info->can_reset = device.flags & VFIO_DEVICE_FLAGS_RESET;
	info->page_bytes = sysconf(_SC_PAGESIZE);

	ret = read_regions(vfio, address);
	if (!ret)
		ret = read_vectors(vfio, address);
	if (!ret && find_power(vfio) < 0)
		return fail(-EIO, "%s: its configuration space cannot be read",
			    address);
	return ret;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void vfio_close(struct usher_pci *pci)
{
	struct vfio *vfio = to_vfio(pci);

	usher_pci_linux_close(pci);
	close_fd(vfio->group);
	close_fd(vfio->container);
	close_fd(vfio->common.end);
	free(vfio->ranges);
	free(vfio);
}

static int vfio_open(const char *address, struct usher_pci **pci)
{
	struct vfio *vfio;
	int ret = check_driver(address);

	if (ret < 0)
		return ret;
	vfio = calloc(1, sizeof(*vfio));
	if (!vfio)
		return usher_pci_no_memory();
	vfio->container = -1;
	vfio->group = -1;
	vfio->common.fd = -1;
	vfio->common.end = -1;

	ret = open_container(vfio, address);
	if (!ret)
		ret = open_group(vfio, address);
	if (!ret)
		ret = open_device(vfio, address);
	if (!ret)
		ret = read_ranges(vfio, address);
	if (!ret)
		ret = read_info(vfio, address);
	if (!ret)
		ret = watch_request(vfio, address);
	if (ret < 0) {
		vfio_close(&vfio->common.pci);
		return ret;
	}
	*pci = &vfio->common.pci;
	return 0;
}

/*
 * The function
 */

static int write_config(struct usher_pci *pci, uint32_t offset, uint32_t bytes,
			uint32_t value)
{
	struct vfio *vfio = to_vfio(pci);
	uint32_t data = htole32(value);

	if (pwrite(vfio->common.fd, &data, bytes, vfio->config + offset) !=
	    (ssize_t)bytes)
		return fail(errno == EPERM ? -EACCES : -EIO,
			    "%s: writing configuration space at %#x failed",
			    pci->info.address, offset);
	return 0;
}

/*
 * Bus mastering is on as long as there is memory, or interrupts by message, which
 * are writes to memory as well.
 */
static int set_master(struct vfio *vfio, bool on)
{
	struct usher_pci *pci = &vfio->common.pci;
	uint32_t command = 0;
	int ret;

	if (vfio->master == on)
		return 0;
	ret = vfio_read_config(pci, USHER_PCI_COMMAND, 2, &command);
	if (ret < 0)
		return ret;
	command &= ~USHER_PCI_COMMAND_MASTER;
	if (on)
		command |= USHER_PCI_COMMAND_MASTER;
	ret = write_config(pci, USHER_PCI_COMMAND, 2, command);
	if (!ret)
		vfio->master = on;
	return ret;
}

static bool has_messages(const struct vfio *vfio)
{
	return vfio->common.events && vfio->common.pci.info.irq != USHER_PCI_IRQ_INTX;
}

/* What else belongs to the kernel vfio-pci emulates, so that it does no harm. */
static int vfio_write_config(struct usher_pci *pci, uint32_t offset,
			     uint32_t bytes, uint32_t value)
{
	uint32_t power = to_vfio(pci)->power;

	if (offset < USHER_PCI_COMMAND + 2 && offset + bytes > USHER_PCI_COMMAND)
		return fail(-EACCES, "%s: the command register is not for drivers",
			    pci->info.address);
	if (power && offset < power + 2 && offset + bytes > power)
		return fail(-EACCES, "%s: the power state is not for drivers",
			    pci->info.address);
	return write_config(pci, offset, bytes, value);
}

static int vfio_map_region(struct usher_pci *pci,
			   struct usher_pci_region *region)
{
	if (!to_vfio(pci)->mappable[region->index])
		return 0;
	return usher_pci_linux_map_region(pci, region);
}

static int region_failed(const struct usher_pci *pci, uint32_t index,
			 uint64_t offset)
{
	return fail(-EIO, "%s: region %u at %#llx cannot be accessed",
		    pci->info.address, index, (unsigned long long)offset);
}

static int vfio_read_region(struct usher_pci *pci, uint32_t index,
			    uint64_t offset, uint32_t bytes, uint64_t *value)
{
	struct vfio *vfio = to_vfio(pci);
	uint64_t data = 0;

	if (pread(vfio->common.fd, &data, bytes, vfio->common.places[index].offset + offset) !=
	    (ssize_t)bytes)
		return region_failed(pci, index, offset);
	*value = le64toh(data);
	return 0;
}

static int vfio_write_region(struct usher_pci *pci, uint32_t index,
			     uint64_t offset, uint32_t bytes, uint64_t value)
{
	struct vfio *vfio = to_vfio(pci);
	uint64_t data = htole64(value);

	if (pwrite(vfio->common.fd, &data, bytes, vfio->common.places[index].offset + offset) !=
	    (ssize_t)bytes)
		return region_failed(pci, index, offset);
	return 0;
}

static int vfio_reset(struct usher_pci *pci)
{
	int ret = 0;

	if (!pci->info.can_reset)
		ret = -EOPNOTSUPP;
	else if (ioctl(to_vfio(pci)->common.fd, VFIO_DEVICE_RESET))
		ret = -errno;
	return usher_pci_linux_after_reset(pci, ret);
}

/*
 * Memory for DMA
 */

static uint64_t mapped_bytes(const struct usher_pci_memory *memory)
{
	return memory->nr_pages << memory->dma.page_shift;
}

/* The first place in [@first, @last] where @bytes are free, or 0 */
static uint64_t find_place(const struct usher_pci *pci, uint64_t first,
			   uint64_t last, uint64_t bytes)
{
	const struct usher_pci_memory *memory = pci->memory;
	uint64_t start, end;

	while (memory) {
		if (first > last || last - first < bytes - 1)
			return 0;
		start = memory->dma.pages[0];
		end = start + mapped_bytes(memory);
		if (first < end && start < first + bytes) {
			first = end;
			memory = pci->memory;
		} else {
			memory = memory->next;
		}
	}
	return first > last || last - first < bytes - 1 ? 0 : first;
}

static uint64_t find_bus(const struct vfio *vfio, uint64_t bytes)
{
	uint64_t first, last, mask = vfio->common.pci.info.page_bytes - 1, bus = 0;
	size_t i;

	for (i = 0; i < vfio->nr_ranges && !bus; i++) {
		first = vfio->ranges[i].first;
		if (first < FIRST_BUS)
			first = FIRST_BUS;
		first = (first + mask) & ~mask;
		last = vfio->ranges[i].last;
		if (last > vfio->common.pci.dma_limit)
			last = vfio->common.pci.dma_limit;
		bus = find_place(&vfio->common.pci, first, last, bytes);
	}
	return bus;
}

static int unmap_bus(struct vfio *vfio, uint64_t bus, uint64_t bytes)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = bus,
		.size = bytes,
	};

	return ioctl(vfio->container, VFIO_IOMMU_UNMAP_DMA, &unmap);
}

static int vfio_add(struct usher_pci *pci, struct usher_pci_memory *memory)
{
	uint64_t bytes = mapped_bytes(memory), i;
	struct vfio *vfio = to_vfio(pci);
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ,
		.vaddr = (uintptr_t)memory->dma.address - memory->dma.first,
		.iova = find_bus(vfio, bytes),
		.size = bytes,
	};
	int ret;

	if (!map.iova)
		return usher_pci_linux_no_room(pci, memory);
	if (!(memory->dma.flags & USHER_PCI_DMA_READ_ONLY))
		map.flags |= VFIO_DMA_MAP_FLAG_WRITE;
	if (ioctl(vfio->container, VFIO_IOMMU_MAP_DMA, &map))
		return usher_pci_linux_no_dma(pci, memory, errno == EINVAL ?
					      -EFAULT : -errno);
	ret = set_master(vfio, true);
	if (ret < 0) {
		unmap_bus(vfio, map.iova, bytes);
		return ret;
	}
	for (i = 0; i < memory->nr_pages; i++)
		memory->dma.pages[i] = map.iova +
				       (i << memory->dma.page_shift);
	return 0;
}

static int vfio_alloc(struct usher_pci *pci, struct usher_pci_memory *memory)
{
	void *address;
	int ret;

	/* shared, so that a fork() does not separate process and device */
	address = mmap(NULL, memory->dma.bytes, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (address == MAP_FAILED)
		return fail(-ENOMEM, "%s: %llu bytes of memory for DMA: %s",
			    pci->info.address,
			    (unsigned long long)memory->dma.bytes,
			    strerror(errno));
	memory->dma.address = address;
	ret = vfio_add(pci, memory);
	if (ret < 0)
		munmap(address, memory->dma.bytes);
	return ret;
}

static void vfio_remove(struct usher_pci *pci, struct usher_pci_memory *memory)
{
	struct vfio *vfio = to_vfio(pci);

	if (!pci->memory && !has_messages(vfio))
		set_master(vfio, false);
	unmap_bus(vfio, memory->dma.pages[0], mapped_bytes(memory));
	if (memory->allocated)
		munmap(memory->dma.address, memory->dma.bytes);
}

/*
 * Interrupts
 */

static int vfio_enable(struct usher_pci *pci, uint32_t count)
{
	struct vfio *vfio = to_vfio(pci);
	int ret = usher_pci_linux_open_events(pci, count);

	if (ret < 0)
		return ret;
	ret = set_events(vfio, vfio->index, vfio->common.events, count);
	if (!ret && has_messages(vfio))
		ret = set_master(vfio, true);
	if (ret < 0) {
		set_events(vfio, vfio->index, NULL, 0);
		return usher_pci_linux_no_vectors(pci, count, ret);
	}
	return 0;
}

static void vfio_disable(struct usher_pci *pci)
{
	struct vfio *vfio = to_vfio(pci);

	set_events(vfio, vfio->index, NULL, 0);
	usher_pci_linux_close_events(pci);
	if (!pci->memory)
		set_master(vfio, false);
}

/*
 * VFIO masks INTx only. What comes by a message while the vector is masked is
 * counted by its eventfd until it may be waited for again.
 */
static int vfio_mask(struct usher_pci *pci, uint32_t vector, bool masked)
{
	struct vfio *vfio = to_vfio(pci);
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_NONE |
			 (masked ? VFIO_IRQ_SET_ACTION_MASK :
				   VFIO_IRQ_SET_ACTION_UNMASK),
		.index = vfio->index,
		.start = vector,
		.count = 1,
	};

	if (pci->info.irq == USHER_PCI_IRQ_INTX &&
	    ioctl(vfio->common.fd, VFIO_DEVICE_SET_IRQS, &set))
		return fail(-EIO, "%s: masking its interrupt: %s",
			    pci->info.address, strerror(errno));
	return 0;
}

const struct usher_pci_ops usher_pci_vfio = {
	.open = vfio_open,
	.close = vfio_close,
	.gone = usher_pci_linux_gone,
	.reset = vfio_reset,
	.read_config = vfio_read_config,
	.write_config = vfio_write_config,
	.map_region = vfio_map_region,
	.read_region = vfio_read_region,
	.write_region = vfio_write_region,
	.alloc = vfio_alloc,
	.add = vfio_add,
	.remove = vfio_remove,
	.enable = vfio_enable,
	.disable = vfio_disable,
	.wait = usher_pci_linux_wait,
	.mask = vfio_mask,
};
