// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Back end for usher-raw; see include/uapi/linux/usher_raw.h. It works without an
 * IOMMU too, for those who may reach all memory anyway.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64	/* regions are far apart in the file */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <linux/usher_raw.h>

#include "linux.h"

/**
 * struct raw_memory - what usher-raw knows memory by, in a list
 * @next: more of it
 * @memory: the memory
 * @id: its id
 */
struct raw_memory {
	struct raw_memory *next;
	const struct usher_pci_memory *memory;
	uint32_t id;
};

/**
 * struct raw - a function that came from usher-raw
 * @common: what a function of vfio-pci has, too
 * @region_flags: USHER_RAW_REGION_* of each
 * @memory: ids of memory
 * @limit: highest bus address that the kernel was told of
 * @kind: USHER_RAW_IRQ_* of the vectors
 */
struct raw {
	struct usher_pci_linux common;
	uint32_t region_flags[USHER_PCI_REGIONS];
	struct raw_memory *memory;
	uint64_t limit;
	uint32_t kind;
};

static struct raw *to_raw(struct usher_pci *pci)
{
	return (struct raw *)pci;
}

/* Returns 0 or a negative errno value. */
static int call(const struct raw *raw, unsigned long request, void *argument)
{
	return ioctl(raw->common.fd, request, argument) < 0 ? -errno : 0;
}

/*
 * Opening
 */

static bool is_bound(const char *address)
{
	char driver[64];

	return !usher_pci_linux_link(address, "driver", driver, sizeof(driver)) &&
	       !strcmp(driver, "usher-raw");
}

static int open_failed(const char *address, const char *path, int error)
{
	switch (error) {
	case EPERM:
		return fail(-EACCES,
			    "%s: no strict IOMMU, or no reset, contains it: that takes CAP_SYS_RAWIO, and no kernel lockdown: \"usherctl info %s\" says why",
			    address, address);
	case EIO:
		return fail(-EIO, "%s cannot be reset", address);
	default:
		return usher_pci_linux_not_opened(address, path, error);
	}
}

/* A file with the right name may lead to another function: opening that would take it. */
static int check_node(const char *address, const char *path)
{
	unsigned int major_nr, minor_nr;
	char name[128];
	struct stat st;
	FILE *number;
	int fields;

	snprintf(name, sizeof(name), "/sys/bus/pci/devices/%s/usher/usher-raw-%s/dev",
		 address, address);
	number = fopen(name, "re");
	if (!number)
		return fail(-ENODEV, "%s is gone, or wanted back", address);
	fields = fscanf(number, "%u:%u", &major_nr, &minor_nr);
	fclose(number);
	if (fields != 2)
		return fail(-ENODEV, "%s is gone, or wanted back", address);
	if (!stat(path, &st) && (!S_ISCHR(st.st_mode) ||
				 st.st_rdev != makedev(major_nr, minor_nr)))
		return fail(-EIO, "%s: %s leads to another device", address, path);
	return 0;
}

static int read_region(struct raw *raw, uint32_t index)
{
	struct usher_pci_place *place = &raw->common.places[index];
	struct usher_raw_region region = {
		.size = sizeof(region),
		.index = index,
	};
	int ret = call(raw, USHER_RAW_IOC_REGION, &region);

	raw->common.pci.info.region_bytes[index] = region.bytes;
	raw->region_flags[index] = region.flags;
	place->offset = region.offset;
	memcpy(place->hole_offset, region.hole_offset, sizeof(place->hole_offset));
	memcpy(place->hole_bytes, region.hole_bytes, sizeof(place->hole_bytes));
	return ret;
}

static int read_regions(struct raw *raw)
{
	uint32_t i;
	int ret = 0;

	for (i = 0; i < USHER_PCI_REGIONS && !ret; i++)
		ret = read_region(raw, i);
	return ret;
}

/* The best kind of interrupt that it has */
static void choose_vectors(struct raw *raw, const struct usher_raw_info *from)
{
	struct usher_pci_info *info = &raw->common.pci.info;

	if (from->msix) {
		raw->kind = USHER_RAW_IRQ_MSIX;
		info->irq = USHER_PCI_IRQ_MSIX;
		info->vectors = from->msix;
	} else if (from->msi) {
		raw->kind = USHER_RAW_IRQ_MSI;
		info->irq = USHER_PCI_IRQ_MSI;
		info->vectors = from->msi;
	} else if (from->intx) {
		raw->kind = USHER_RAW_IRQ_INTX;
		info->irq = USHER_PCI_IRQ_INTX;
		info->vectors = from->intx;
	}
}

static int read_info(struct raw *raw, const char *address)
{
	struct usher_pci_info *info = &raw->common.pci.info;
	struct usher_raw_info from = {
		.size = sizeof(from),
	};
	int ret = call(raw, USHER_RAW_IOC_INFO, &from);

	if (!ret)
		ret = read_regions(raw);
	if (ret < 0)
		return fail(ret, "%s does not say what it is: %s", address,
			    strerror(-ret));
	snprintf(info->backend, sizeof(info->backend), "usher-raw");
	info->iommu = from.flags & USHER_RAW_IOMMU;
	info->can_reset = from.flags & USHER_RAW_RESET;
	info->page_bytes = from.page_bytes;
	choose_vectors(raw, &from);
	return 0;
}

static void raw_close(struct usher_pci *pci)
{
	struct raw *raw = to_raw(pci);
	struct raw_memory *next;

	usher_pci_linux_close(pci);
	for (; raw->memory; raw->memory = next) {
		next = raw->memory->next;
		free(raw->memory);
	}
	free(raw);
}

/* The node's name does not count: what it is a node of, sysfs says. */
static int raw_find(const char *path, char *address, size_t bytes)
{
	char link[64], target[PATH_MAX];
	const char *last;
	struct stat st;
	ssize_t length;

	if (stat(path, &st))
		return fail(-errno, "%s: %s", path, strerror(errno));
	snprintf(link, sizeof(link), "/sys/dev/char/%u:%u/device", major(st.st_rdev),
		 minor(st.st_rdev));
	length = S_ISCHR(st.st_mode) ? readlink(link, target, sizeof(target) - 1) : -1;
	if (length < 0)
		return fail(-EINVAL, "%s is no node of a PCI function", path);
	target[length] = '\0';
	last = strrchr(target, '/');
	length = snprintf(address, bytes, "%s", last ? last + 1 : target);
	return (size_t)length < bytes ? 0 : fail(-EINVAL, "%s: %s", path, target);
}

static int raw_open(const char *address, struct usher_pci **pci)
{
	char path[64];
	struct raw *raw;
	int ret;

	/* Whatever else it is bound to is for others to explain. */
	if (!is_bound(address))
		return -ENXIO;
	snprintf(path, sizeof(path), "/dev/usher-raw/%s", address);
	ret = check_node(address, path);
	if (ret < 0)
		return ret;
	raw = calloc(1, sizeof(*raw));
	if (!raw)
		return usher_pci_no_memory();
	raw->limit = UINT64_MAX;
	raw->common.fd = open(path, O_RDWR | O_CLOEXEC);
	if (raw->common.fd < 0) {
		ret = open_failed(address, path, errno);
		free(raw);
		return ret;
	}
	raw->common.end = raw->common.fd;
	ret = read_info(raw, address);
	if (ret < 0) {
		raw_close(&raw->common.pci);
		return ret;
	}
	*pci = &raw->common.pci;
	return 0;
}

/*
 * The function
 */

static int raw_read_config(struct usher_pci *pci, uint32_t offset,
			   uint32_t bytes, uint32_t *value)
{
	struct usher_raw_config config = {
		.size = sizeof(config),
		.offset = offset,
		.bytes = bytes,
	};
	int ret = call(to_raw(pci), USHER_RAW_IOC_CONFIG_READ, &config);

	if (ret == -ENODEV)
		return usher_pci_not_there(pci);
	if (ret < 0)
		return fail(ret == -EINVAL ? ret : -EIO,
			    "%s: reading configuration space at %#x: %s",
			    pci->info.address, offset, strerror(-ret));
	*value = config.value;
	return 0;
}

static int raw_write_config(struct usher_pci *pci, uint32_t offset,
			    uint32_t bytes, uint32_t value)
{
	struct usher_raw_config config = {
		.size = sizeof(config),
		.offset = offset,
		.bytes = bytes,
		.value = value,
	};
	int ret = call(to_raw(pci), USHER_RAW_IOC_CONFIG_WRITE, &config);

	if (ret == -ENODEV)
		return usher_pci_not_there(pci);
	if (ret == -EACCES)
		return fail(ret, "%s: configuration space at %#x is not for drivers",
			    pci->info.address, offset);
	if (ret < 0)
		return fail(ret == -EINVAL ? ret : -EIO,
			    "%s: writing configuration space at %#x: %s",
			    pci->info.address, offset, strerror(-ret));
	return 0;
}

static int raw_map_region(struct usher_pci *pci, struct usher_pci_region *region)
{
	uint32_t flags = to_raw(pci)->region_flags[region->index];

	if (flags & USHER_RAW_REGION_CALLS)
		return 0;
	if (!(flags & USHER_RAW_REGION_MMAP))
		return fail(-EOPNOTSUPP, "%s: region %u is not in whole pages",
			    pci->info.address, region->index);
	return usher_pci_linux_map_region(pci, region);
}

static int access_region(struct usher_pci *pci, unsigned long request,
			 uint32_t index, uint64_t offset, uint32_t bytes,
			 uint64_t *value)
{
	struct usher_raw_access access = {
		.size = sizeof(access),
		.index = index,
		.bytes = bytes,
		.offset = offset,
		.value = *value,
	};
	int ret = call(to_raw(pci), request, &access);

	if (ret == -ENODEV)
		return usher_pci_not_there(pci);
	if (ret < 0)
		return fail(ret, "%s: region %u at %#llx: %s%s",
			    pci->info.address, index,
			    (unsigned long long)offset, strerror(-ret),
			    ret == -EACCES ? ": the MSI-X table is there" : "");
	*value = access.value;
	return 0;
}

static int raw_read_region(struct usher_pci *pci, uint32_t index,
			   uint64_t offset, uint32_t bytes, uint64_t *value)
{
	*value = 0;
	return access_region(pci, USHER_RAW_IOC_READ, index, offset, bytes, value);
}

static int raw_write_region(struct usher_pci *pci, uint32_t index,
			    uint64_t offset, uint32_t bytes, uint64_t value)
{
	return access_region(pci, USHER_RAW_IOC_WRITE, index, offset, bytes, &value);
}

static int raw_reset(struct usher_pci *pci)
{
	struct usher_raw_reset reset = {
		.size = sizeof(reset),
	};

	return usher_pci_linux_after_reset(pci, call(to_raw(pci), USHER_RAW_IOC_RESET,
						     &reset));
}

/*
 * Memory for DMA
 */

static int memory_failed(const struct raw *raw,
			 const struct usher_pci_memory *memory, int error)
{
	const struct usher_pci *pci = &raw->common.pci;

	if (error == -ENODEV)
		return usher_pci_not_there(pci);
	if (error == -ENOSPC)
		return usher_pci_linux_no_room(pci, memory);
	return usher_pci_linux_no_dma(pci, memory, error);
}

static int tell_limit(struct raw *raw)
{
	uint64_t limit = raw->common.pci.dma_limit;
	struct usher_raw_dma_bits bits = {
		.size = sizeof(bits),
		.bits = 64 - __builtin_clzll(limit),
	};
	int ret;

	if (limit == raw->limit)
		return 0;
	ret = call(raw, USHER_RAW_IOC_DMA_BITS, &bits);
	if (!ret)
		raw->limit = limit;
	return ret == -EOPNOTSUPP ? -ENOSPC : ret;
}

static int ask(struct raw *raw, struct usher_pci_memory *memory,
	       struct usher_raw_dma *dma, unsigned long request)
{
	struct raw_memory *entry;
	int ret;

	if (memory->nr_pages > UINT32_MAX)
		return memory_failed(raw, memory, -ENOMEM);
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return usher_pci_no_memory();
	dma->size = sizeof(*dma);
	dma->bus = (uintptr_t)memory->dma.pages;
	dma->nr_bus = memory->nr_pages;
	if (memory->dma.flags & USHER_PCI_DMA_READ_ONLY)
		dma->flags |= USHER_RAW_DMA_RDONLY;
	ret = tell_limit(raw);
	if (!ret)
		ret = call(raw, request, dma);
	if (ret < 0) {
		free(entry);
		return memory_failed(raw, memory, ret);
	}
	entry->memory = memory;
	entry->id = dma->id;
	entry->next = raw->memory;
	raw->memory = entry;
	return 0;
}

static int raw_add(struct usher_pci *pci, struct usher_pci_memory *memory)
{
	struct usher_raw_dma dma = {
		.addr = (uintptr_t)memory->dma.address,
		.length = memory->dma.bytes,
	};

	return ask(to_raw(pci), memory, &dma, USHER_RAW_IOC_DMA_REGISTER);
}

static void raw_remove(struct usher_pci *pci, struct usher_pci_memory *memory)
{
	struct raw *raw = to_raw(pci);
	struct raw_memory **link = &raw->memory, *entry;
	struct usher_raw_dma_free free_dma = {
		.size = sizeof(free_dma),
	};

	while ((*link)->memory != memory)
		link = &(*link)->next;
	entry = *link;
	*link = entry->next;
	free_dma.id = entry->id;
	free(entry);
	call(raw, USHER_RAW_IOC_DMA_FREE, &free_dma);
	if (memory->allocated && memory->dma.address)
		munmap(memory->dma.address, memory->dma.bytes);
}

static int raw_alloc(struct usher_pci *pci, struct usher_pci_memory *memory)
{
	struct raw *raw = to_raw(pci);
	struct usher_raw_dma dma = {
		.flags = memory->dma.flags & USHER_PCI_DMA_CONTIGUOUS ?
			 USHER_RAW_DMA_CONTIGUOUS : 0,
		.length = memory->dma.bytes,
	};
	int ret = ask(raw, memory, &dma, USHER_RAW_IOC_DMA_ALLOC);
	void *address;

	if (ret < 0)
		return ret;
	address = mmap(NULL, memory->dma.bytes, PROT_READ | PROT_WRITE,
		       MAP_SHARED, raw->common.fd, dma.offset);
	if (address == MAP_FAILED) {
		ret = memory_failed(raw, memory, -errno);
		raw_remove(pci, memory);
		return ret;
	}
	memory->dma.address = address;
	return 0;
}

/*
 * Interrupts
 */

static int raw_enable(struct usher_pci *pci, uint32_t count)
{
	struct raw *raw = to_raw(pci);
	struct usher_raw_irq_enable enable = {
		.size = sizeof(enable),
		.kind = raw->kind,
		.count = count,
	};
	int ret = usher_pci_linux_open_events(pci, count);

	if (ret < 0)
		return ret;
	enable.eventfds = (uintptr_t)raw->common.events;
	ret = call(raw, USHER_RAW_IOC_IRQ_ENABLE, &enable);
	return ret < 0 ? usher_pci_linux_no_vectors(pci, count, ret) : 0;
}

static void raw_disable(struct usher_pci *pci)
{
	struct usher_raw_irq_disable disable = {
		.size = sizeof(disable),
	};

	call(to_raw(pci), USHER_RAW_IOC_IRQ_DISABLE, &disable);
	usher_pci_linux_close_events(pci);
}

static int raw_mask(struct usher_pci *pci, uint32_t vector, bool masked)
{
	struct usher_raw_irq_mask mask = {
		.size = sizeof(mask),
		.vector = vector,
		.mask = masked,
	};
	int ret = call(to_raw(pci), USHER_RAW_IOC_IRQ_MASK, &mask);

	if (ret == -ENODEV)
		return usher_pci_not_there(pci);
	if (ret < 0)
		return fail(-EIO, "%s: masking vector %u: %s",
			    pci->info.address, vector, strerror(-ret));
	return 0;
}

const struct usher_pci_ops usher_pci_raw = {
	.find = raw_find,
	.open = raw_open,
	.close = raw_close,
	.gone = usher_pci_linux_gone,
	.reset = raw_reset,
	.read_config = raw_read_config,
	.write_config = raw_write_config,
	.map_region = raw_map_region,
	.read_region = raw_read_region,
	.write_region = raw_write_region,
	.alloc = raw_alloc,
	.add = raw_add,
	.remove = raw_remove,
	.enable = raw_enable,
	.disable = raw_disable,
	.wait = usher_pci_linux_wait,
	.mask = raw_mask,
};
