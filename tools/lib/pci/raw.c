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
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <linux/usher_raw.h>

#include "fault.h"
#include "pci.h"

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
 * @pci: what the core knows
 * @fd: file of the function
 * @regions: what the kernel says of them
 * @memory: ids of memory
 * @limit: highest bus address that the kernel was told of
 * @kind: USHER_RAW_IRQ_* of the vectors
 * @events: an eventfd for each vector that is on
 * @lost: an access to a region found it gone
 */
struct raw {
	struct usher_pci pci;
	int fd;
	struct usher_raw_region regions[USHER_PCI_REGIONS];
	struct raw_memory *memory;
	uint64_t limit;
	uint32_t kind;
	int *events;
	bool lost;
};

static struct raw *to_raw(struct usher_pci *pci)
{
	return (struct raw *)pci;
}

/* Returns 0 or a negative errno value. */
static int call(const struct raw *raw, unsigned long request, void *argument)
{
	return ioctl(raw->fd, request, argument) < 0 ? -errno : 0;
}

static int not_there(const struct raw *raw)
{
	return fail(-ENODEV, "%s is gone, or wanted back",
		    raw->pci.info.address);
}

/*
 * Opening
 */

static bool is_bound(const char *address)
{
	char path[64], link[PATH_MAX];
	const char *name;
	ssize_t length;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", address);
	length = readlink(path, link, sizeof(link) - 1);
	if (length < 0)
		return false;
	link[length] = '\0';
	name = strrchr(link, '/');
	return name && !strcmp(name + 1, "usher-raw");
}

static int open_failed(const char *address, const char *path, int error)
{
	switch (error) {
	case EBUSY:
		return fail(-EBUSY, "%s: another process has it", address);
	case EACCES:
		return fail(-EACCES, "%s: %s: its owner must be this user",
			    address, path);
	case EPERM:
		return fail(-EACCES,
			    "%s: no strict IOMMU, or no reset, contains it: that takes CAP_SYS_RAWIO, and no kernel lockdown",
			    address);
	case EIO:
		return fail(-EIO, "%s cannot be reset", address);
	default:
		return fail(-error, "%s: %s: %s", address, path,
			    strerror(error));
	}
}

static int read_config(const struct raw *raw, uint32_t offset, uint32_t bytes,
		       uint32_t *value)
{
	struct usher_raw_config config = {
		.size = sizeof(config),
		.offset = offset,
		.bytes = bytes,
	};
	int ret = call(raw, USHER_RAW_IOC_CONFIG_READ, &config);

	*value = config.value;
	return ret;
}

static int read_header(struct raw *raw)
{
	struct usher_pci_info *info = &raw->pci.info;
	uint32_t id = 0, class_revision = 0, subsystem = 0;
	int ret = read_config(raw, 0x00, 4, &id);

	if (!ret)
		ret = read_config(raw, 0x08, 4, &class_revision);
	if (!ret)
		ret = read_config(raw, 0x2c, 4, &subsystem);
	info->vendor = id & 0xffff;
	info->device = id >> 16;
	info->class_code = class_revision >> 8;
	info->revision = class_revision & 0xff;
	info->subsystem_vendor = subsystem & 0xffff;
	info->subsystem = subsystem >> 16;
	return ret;
}

static int read_regions(struct raw *raw)
{
	uint32_t i;
	int ret = 0;

	for (i = 0; i < USHER_PCI_REGIONS && !ret; i++) {
		raw->regions[i].size = sizeof(raw->regions[i]);
		raw->regions[i].index = i;
		ret = call(raw, USHER_RAW_IOC_REGION, &raw->regions[i]);
		raw->pci.info.region_bytes[i] = raw->regions[i].bytes;
	}
	return ret;
}

/* The best kind of interrupt that it has */
static void choose_vectors(struct raw *raw, const struct usher_raw_info *from)
{
	struct usher_pci_info *info = &raw->pci.info;

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
	struct usher_pci_info *info = &raw->pci.info;
	struct usher_raw_info from = {
		.size = sizeof(from),
	};
	int ret = call(raw, USHER_RAW_IOC_INFO, &from);

	if (!ret)
		ret = read_regions(raw);
	if (!ret)
		ret = read_header(raw);
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

/* With the file, DMA ends and the function is reset; then its memory goes. */
static void raw_close(struct usher_pci *pci)
{
	struct raw *raw = to_raw(pci);
	struct usher_pci_memory *memory;
	struct raw_memory *next;
	uint32_t i;

	for (i = 0; i < USHER_PCI_REGIONS; i++)
		if (pci->regions[i].base) {
			usher_pci_fault_remove(pci->regions[i].base);
			munmap(pci->regions[i].base, pci->regions[i].bytes);
		}
	for (memory = pci->memory; memory; memory = memory->next)
		if (memory->allocated)
			munmap(memory->dma.address, memory->dma.bytes);
	close(raw->fd);
	for (; raw->memory; raw->memory = next) {
		next = raw->memory->next;
		free(raw->memory);
	}
	free(raw);
}

static int raw_open(const char *address, struct usher_pci **pci)
{
	char path[64];
	struct raw *raw;
	int ret;

	/* Whatever else it is bound to is for others to explain. */
	if (!is_bound(address))
		return -ENXIO;
	raw = calloc(1, sizeof(*raw));
	if (!raw)
		return fail(-ENOMEM, "the process has no memory left");
	raw->limit = UINT64_MAX;
	snprintf(path, sizeof(path), "/dev/usher-raw/%s", address);
	raw->fd = open(path, O_RDWR | O_CLOEXEC);
	if (raw->fd < 0) {
		ret = open_failed(address, path, errno);
		free(raw);
		return ret;
	}
	ret = read_info(raw, address);
	if (ret < 0) {
		raw_close(&raw->pci);
		return ret;
	}
	*pci = &raw->pci;
	return 0;
}

/*
 * The function
 */

static bool raw_gone(struct usher_pci *pci)
{
	struct raw *raw = to_raw(pci);
	struct pollfd file = {
		.fd = raw->fd,
		.events = POLLIN,
	};

	return __atomic_load_n(&raw->lost, __ATOMIC_ACQUIRE) ||
	       poll(&file, 1, 0) > 0;
}

static int raw_read_config(struct usher_pci *pci, uint32_t offset,
			   uint32_t bytes, uint32_t *value)
{
	uint32_t read = 0;
	int ret = read_config(to_raw(pci), offset, bytes, &read);

	if (ret == -ENODEV)
		return not_there(to_raw(pci));
	if (ret < 0)
		return fail(ret == -EINVAL ? ret : -EIO,
			    "%s: reading configuration space at %#x: %s",
			    pci->info.address, offset, strerror(-ret));
	*value = read;
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
		return not_there(to_raw(pci));
	if (ret == -EACCES)
		return fail(ret, "%s: configuration space at %#x is not for drivers",
			    pci->info.address, offset);
	if (ret < 0)
		return fail(ret == -EINVAL ? ret : -EIO,
			    "%s: writing configuration space at %#x: %s",
			    pci->info.address, offset, strerror(-ret));
	return 0;
}

static void *map_at(struct raw *raw, const struct usher_pci_region *region,
		    int flags)
{
	const struct usher_raw_region *from = &raw->regions[region->index];
	uint8_t *map = mmap(region->base, region->bytes, PROT_READ | PROT_WRITE,
			    MAP_SHARED | flags, raw->fd, from->offset);
	size_t i;

	if (map == MAP_FAILED)
		return map;
	for (i = 0; i < ARRAY_SIZE(from->hole_bytes); i++)
		if (usher_pci_fault_fill(map + from->hole_offset[i],
					 from->hole_bytes[i]) < 0) {
			munmap(map, region->bytes);
			errno = ENOMEM;
			return MAP_FAILED;
		}
	return map;
}

static int raw_map_region(struct usher_pci *pci, struct usher_pci_region *region)
{
	struct raw *raw = to_raw(pci);
	void *map;
	int ret;

	if (raw->regions[region->index].flags & USHER_RAW_REGION_CALLS)
		return 0;
	if (!(raw->regions[region->index].flags & USHER_RAW_REGION_MMAP))
		return fail(-EOPNOTSUPP, "%s: region %u is not in whole pages",
			    pci->info.address, region->index);
	map = map_at(raw, region, 0);
	if (map == MAP_FAILED && errno == ENODEV)
		return not_there(raw);
	if (map == MAP_FAILED)
		return fail(-ENOMEM, "%s: region %u: %s", pci->info.address,
			    region->index, strerror(errno));
	ret = usher_pci_fault_add(map, region->bytes, &raw->lost);
	if (ret < 0) {
		munmap(map, region->bytes);
		return fail(ret, "%s: region %u: %s", pci->info.address,
			    region->index, strerror(-ret));
	}
	region->base = map;
	return 0;
}

static int access_region(struct raw *raw, unsigned long request, uint32_t index,
			 uint64_t offset, uint32_t bytes, uint64_t *value)
{
	struct usher_raw_access access = {
		.size = sizeof(access),
		.index = index,
		.bytes = bytes,
		.offset = offset,
		.value = *value,
	};
	int ret = call(raw, request, &access);

	if (ret == -ENODEV)
		return not_there(raw);
	if (ret < 0)
		return fail(ret, "%s: region %u at %#llx: %s%s",
			    raw->pci.info.address, index,
			    (unsigned long long)offset, strerror(-ret),
			    ret == -EACCES ? ": the MSI-X table is there" : "");
	*value = access.value;
	return 0;
}

static bool is_halved(const struct raw *raw, uint32_t index, uint32_t bytes)
{
	return bytes == 8 && raw->regions[index].flags & USHER_RAW_REGION_PORTS;
}

static int raw_read_region(struct usher_pci *pci, uint32_t index,
			   uint64_t offset, uint32_t bytes, uint64_t *value)
{
	struct raw *raw = to_raw(pci);
	uint64_t high = 0;
	int ret;

	*value = 0;
	if (!is_halved(raw, index, bytes))
		return access_region(raw, USHER_RAW_IOC_READ, index, offset,
				     bytes, value);
	ret = access_region(raw, USHER_RAW_IOC_READ, index, offset, 4, value);
	if (!ret)
		ret = access_region(raw, USHER_RAW_IOC_READ, index, offset + 4,
				    4, &high);
	*value |= high << 32;
	return ret;
}

static int raw_write_region(struct usher_pci *pci, uint32_t index,
			    uint64_t offset, uint32_t bytes, uint64_t value)
{
	uint64_t low = (uint32_t)value, high = value >> 32;
	struct raw *raw = to_raw(pci);
	int ret;

	if (!is_halved(raw, index, bytes))
		return access_region(raw, USHER_RAW_IOC_WRITE, index, offset,
				     bytes, &value);
	ret = access_region(raw, USHER_RAW_IOC_WRITE, index, offset, 4, &low);
	return ret ? ret : access_region(raw, USHER_RAW_IOC_WRITE, index,
					 offset + 4, 4, &high);
}

static int reset_failed(const struct raw *raw, int error)
{
	const char *address = raw->pci.info.address;

	if (error == -ENODEV)
		return not_there(raw);
	if (error == -EOPNOTSUPP)
		return fail(error,
			    "%s has no reset of its own, and is not alone behind its port",
			    address);
	return fail(error == -EAGAIN ? error : -EIO, "%s: reset: %s", address,
		    strerror(-error));
}

static int raw_reset(struct usher_pci *pci)
{
	struct usher_raw_reset reset = {
		.size = sizeof(reset),
	};
	struct raw *raw = to_raw(pci);
	int ret = call(raw, USHER_RAW_IOC_RESET, &reset);
	uint32_t i;

	if (ret < 0)
		return reset_failed(raw, ret);
	if (!__atomic_load_n(&raw->lost, __ATOMIC_ACQUIRE))
		return 0;

	/* Pages of ones in place of registers go away. */
	for (i = 0; i < USHER_PCI_REGIONS; i++)
		if (pci->regions[i].base &&
		    map_at(raw, &pci->regions[i], MAP_FIXED) == MAP_FAILED)
			return fail(-EIO, "%s: region %u did not come back: %s",
				    pci->info.address, i, strerror(errno));
	__atomic_store_n(&raw->lost, false, __ATOMIC_RELEASE);
	return 0;
}

/*
 * Memory for DMA
 */

static int memory_failed(const struct raw *raw, const struct usher_raw_dma *dma,
			 int error)
{
	const char *address = raw->pci.info.address;
	const char *remedy = "";

	if (error == -ENODEV)
		return not_there(raw);
	if (error == -ENOSPC)
		return fail(error,
			    "%s: no room for %llu bytes among the bus addresses up to %#llx",
			    address, (unsigned long long)dma->length,
			    (unsigned long long)raw->pci.dma_limit);
	if (error == -ENOMEM && dma->flags & USHER_RAW_DMA_CONTIGUOUS)
		remedy = ": ulimit -l may be too low, or no range as long be free without an IOMMU";
	else if (error == -ENOMEM)
		remedy = ": ulimit -l may be too low";
	else if (error == -EFAULT)
		remedy = ": not mapped, or read-only without USHER_PCI_DMA_READ_ONLY";
	else if (error == -EOPNOTSUPP)
		remedy = ": it would have to be copied, since the device cannot reach it";
	return fail(error, "%s: %llu bytes of memory for DMA: %s%s", address,
		    (unsigned long long)dma->length, strerror(-error), remedy);
}

static int tell_limit(struct raw *raw)
{
	uint64_t limit = raw->pci.dma_limit;
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
		return memory_failed(raw, dma, -ENOMEM);
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return fail(-ENOMEM, "the process has no memory left");
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
		return memory_failed(raw, dma, ret);
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
		       MAP_SHARED, raw->fd, dma.offset);
	if (address == MAP_FAILED) {
		ret = memory_failed(raw, &dma, -errno);
		raw_remove(pci, memory);
		return ret;
	}
	memory->dma.address = address;
	return 0;
}

/*
 * Interrupts
 */

static void close_events(struct raw *raw, uint32_t count)
{
	while (count--)
		close(raw->events[count]);
	free(raw->events);
	raw->events = NULL;
}

static int raw_enable(struct usher_pci *pci, uint32_t count)
{
	struct raw *raw = to_raw(pci);
	struct usher_raw_irq_enable enable = {
		.size = sizeof(enable),
		.kind = raw->kind,
		.count = count,
	};
	int ret = 0;
	uint32_t i;

	raw->events = calloc(count, sizeof(*raw->events));
	if (!raw->events)
		return fail(-ENOMEM, "the process has no memory left");
	for (i = 0; i < count; i++) {
		raw->events[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (raw->events[i] < 0) {
			ret = -errno;
			break;
		}
	}
	enable.eventfds = (uintptr_t)raw->events;
	if (!ret)
		ret = call(raw, USHER_RAW_IOC_IRQ_ENABLE, &enable);
	if (ret < 0) {
		close_events(raw, i);
		return ret == -ENODEV ? not_there(raw) :
			fail(ret, "%s: %u vectors: %s", pci->info.address,
			     count, strerror(-ret));
	}
	return 0;
}

static void raw_disable(struct usher_pci *pci)
{
	struct raw *raw = to_raw(pci);
	struct usher_raw_irq_disable disable = {
		.size = sizeof(disable),
	};

	call(raw, USHER_RAW_IOC_IRQ_DISABLE, &disable);
	close_events(raw, pci->vectors);
}

static int raw_wait(struct usher_pci *pci, uint32_t vector, uint64_t timeout_ns)
{
	struct raw *raw = to_raw(pci);
	struct timespec timeout = {
		.tv_sec = timeout_ns / 1000000000,
		.tv_nsec = timeout_ns % 1000000000,
	};
	struct pollfd files[] = {
		{ .fd = raw->events[vector], .events = POLLIN },
		{ .fd = raw->fd, .events = POLLIN },
	};
	uint64_t count;
	int ret;

	ret = ppoll(files, ARRAY_SIZE(files),
		    timeout_ns == USHER_PCI_FOREVER ? NULL : &timeout, NULL);
	if (ret < 0)
		return fail(errno == EINTR ? -EINTR : -EIO,
			    "%s: waiting for vector %u: %s", pci->info.address,
			    vector, strerror(errno));
	if (files[1].revents)
		return not_there(raw);
	if (read(raw->events[vector], &count, sizeof(count)) == sizeof(count))
		return count > INT_MAX ? INT_MAX : (int)count;
	return fail(-ETIMEDOUT, "%s: vector %u did not come in time",
		    pci->info.address, vector);
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
		return not_there(to_raw(pci));
	if (ret < 0)
		return fail(-EIO, "%s: masking vector %u: %s",
			    pci->info.address, vector, strerror(-ret));
	return 0;
}

const struct usher_pci_ops usher_pci_raw = {
	.open = raw_open,
	.close = raw_close,
	.gone = raw_gone,
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
	.wait = raw_wait,
	.mask = raw_mask,
};
