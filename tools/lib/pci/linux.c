// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What the back ends on Linux share: links in sysfs, regions that are mappings
 * of a file, vectors that are eventfds, and why memory was refused.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64	/* regions are far apart in the file */
#define _TIME_BITS 64		/* and so are the ends of waits */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"
#include "linux.h"

static struct usher_pci_linux *to_linux(struct usher_pci *pci)
{
	return (struct usher_pci_linux *)pci;
}

static const char *files_remedy(int error)
{
	return error == -EMFILE ? ": ulimit -n is too low" : "";
}

/*
 * The function
 */

int usher_pci_linux_link(const char *address, const char *name, char *target,
			 size_t bytes)
{
	char path[128], link[PATH_MAX];
	const char *last;
	ssize_t length;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", address,
		 name);
	length = readlink(path, link, sizeof(link) - 1);
	if (length < 0)
		return -errno;
	link[length] = '\0';
	last = strrchr(link, '/');
	length = snprintf(target, bytes, "%s", last ? last + 1 : link);
	return (size_t)length < bytes ? 0 : -ENAMETOOLONG;
}

int usher_pci_linux_not_opened(const char *address, const char *path, int error)
{
	if (error == EBUSY)
		return fail(-EBUSY, "%s: another process has it, see \"fuser -v %s\"",
			    address, path);
	if (error == EACCES)
		return fail(-EACCES,
			    "%s: %s: this user may not read and write it: its owner must be this user, or one of this user's groups (chown, chmod or a udev rule)",
			    address, path);
	return fail(-error, "%s: %s: %s", address, path, strerror(error));
}

/*
 * With its last mapping or file the function's DMA ends and it is reset; only
 * then may memory go.
 */
void usher_pci_linux_close(struct usher_pci *pci)
{
	struct usher_pci_memory *memory;
	struct usher_pci_region *region;

	for (region = pci->regions; region < pci->regions + USHER_PCI_REGIONS;
	     region++)
		if (region->base) {
			usher_pci_fault_remove(region->base);
			munmap(region->base, region->bytes);
		}
	if (to_linux(pci)->fd >= 0)
		close(to_linux(pci)->fd);
	for (memory = pci->memory; memory; memory = memory->next)
		if (memory->allocated)
			munmap(memory->dma.address, memory->dma.bytes);
}

bool usher_pci_linux_gone(struct usher_pci *pci)
{
	struct usher_pci_linux *common = to_linux(pci);
	struct pollfd end = {
		.fd = common->end,
		.events = POLLIN,
	};

	return __atomic_load_n(&common->lost, __ATOMIC_ACQUIRE) ||
	       poll(&end, 1, 0) > 0;
}

/*
 * Regions
 */

static void *map_anywhere(const struct usher_pci_linux *common,
			  const struct usher_pci_region *region)
{
	return mmap(NULL, region->bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		    common->fd, common->places[region->index].offset);
}

static int fill_holes(const struct usher_pci_place *place, uint8_t *map)
{
	int i, ret = 0;

	for (i = 0; i < USHER_PCI_HOLES && !ret; i++)
		ret = usher_pci_fault_fill(map + place->hole_offset[i],
					   place->hole_bytes[i]);
	return ret;
}

int usher_pci_linux_map_region(struct usher_pci *pci,
			       struct usher_pci_region *region)
{
	struct usher_pci_linux *common = to_linux(pci);
	void *map = map_anywhere(common, region);
	int ret;

	if (map == MAP_FAILED && errno == ENODEV)
		return usher_pci_not_there(pci);
	if (map == MAP_FAILED)
		return fail(errno == EINVAL ? -EOPNOTSUPP : -ENOMEM,
			    "%s: region %u: %s", pci->info.address,
			    region->index, strerror(errno));
	ret = fill_holes(&common->places[region->index], map);
	if (!ret)
		ret = usher_pci_fault_add(map, region->bytes, &common->lost);
	if (ret < 0) {
		munmap(map, region->bytes);
		return fail(ret, "%s: region %u: %s%s", pci->info.address,
			    region->index, strerror(-ret), files_remedy(ret));
	}
	region->base = map;
	return 0;
}

/*
 * Pages of ones in place of registers go away. They stay until there is what takes
 * their place: mmap() with MAP_FIXED that fails may leave nothing there.
 */
static int bring_back(const struct usher_pci_linux *common,
		      const struct usher_pci_region *region)
{
	void *map = map_anywhere(common, region);
	int ret;

	if (map == MAP_FAILED)
		return -errno;
	if (mremap(map, region->bytes, region->bytes,
		   MREMAP_MAYMOVE | MREMAP_FIXED, region->base) == MAP_FAILED) {
		ret = -errno;
		munmap(map, region->bytes);
		return ret;
	}
	return fill_holes(&common->places[region->index], region->base);
}

static int reset_failed(const struct usher_pci *pci, int error)
{
	const char *address = pci->info.address;

	if (error == -ENODEV)
		return usher_pci_not_there(pci);
	if (error == -EOPNOTSUPP)
		return fail(error,
			    "%s has no reset of its own, and is not alone behind its port",
			    address);
	return fail(error == -EAGAIN ? error : -EIO, "%s: reset: %s", address,
		    strerror(-error));
}

int usher_pci_linux_after_reset(struct usher_pci *pci, int error)
{
	struct usher_pci_linux *common = to_linux(pci);
	uint32_t i;
	int ret;

	if (error < 0)
		return reset_failed(pci, error);
	if (!__atomic_load_n(&common->lost, __ATOMIC_ACQUIRE))
		return 0;

	for (i = 0; i < USHER_PCI_REGIONS; i++) {
		ret = pci->regions[i].base ?
		      bring_back(common, &pci->regions[i]) : 0;
		if (ret < 0)
			return fail(-EIO, "%s: region %u did not come back: %s",
				    pci->info.address, i, strerror(-ret));
	}
	__atomic_store_n(&common->lost, false, __ATOMIC_RELEASE);
	return 0;
}

/*
 * Memory for DMA
 */

int usher_pci_linux_no_room(const struct usher_pci *pci,
			    const struct usher_pci_memory *memory)
{
	return fail(-ENOSPC,
		    "%s: no room for %llu bytes among the bus addresses up to %#llx",
		    pci->info.address, (unsigned long long)memory->dma.bytes,
		    (unsigned long long)pci->dma_limit);
}

static const char *dma_remedy(const struct usher_pci *pci,
			      const struct usher_pci_memory *memory, int error)
{
	if (error == -ENOMEM && memory->allocated && !pci->info.iommu &&
	    memory->dma.flags & USHER_PCI_DMA_CONTIGUOUS)
		return ": ulimit -l may be too low, or no range as long be free without an IOMMU";
	if (error == -ENOMEM)
		return ": ulimit -l may be too low";
	if (error == -EFAULT)
		return ": not mapped, or read-only without USHER_PCI_DMA_READ_ONLY";
	if (error == -EOPNOTSUPP)
		return ": it would have to be copied, since the device cannot reach it";
	return "";
}

int usher_pci_linux_no_dma(const struct usher_pci *pci,
			   const struct usher_pci_memory *memory, int error)
{
	return fail(error, "%s: %llu bytes of memory for DMA: %s%s",
		    pci->info.address, (unsigned long long)memory->dma.bytes,
		    strerror(-error), dma_remedy(pci, memory, error));
}

/*
 * Interrupts
 */

int usher_pci_linux_open_events(struct usher_pci *pci, uint32_t count)
{
	struct usher_pci_linux *common = to_linux(pci);
	int fd;

	common->events = calloc(count, sizeof(*common->events));
	if (!common->events)
		return usher_pci_no_memory();
	while (common->nr_events < count) {
		fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (fd < 0)
			return usher_pci_linux_no_vectors(pci, count, -errno);
		common->events[common->nr_events++] = fd;
	}
	return 0;
}

void usher_pci_linux_close_events(struct usher_pci *pci)
{
	struct usher_pci_linux *common = to_linux(pci);

	while (common->nr_events)
		close(common->events[--common->nr_events]);
	free(common->events);
	common->events = NULL;
}

int usher_pci_linux_no_vectors(struct usher_pci *pci, uint32_t count, int error)
{
	usher_pci_linux_close_events(pci);
	if (error == -ENODEV)
		return usher_pci_not_there(pci);
	return fail(error, "%s: %u vectors: %s%s", pci->info.address, count,
		    strerror(-error), files_remedy(error));
}

int usher_pci_linux_wait(struct usher_pci *pci, uint32_t vector,
			 uint64_t timeout_ns)
{
	struct usher_pci_linux *common = to_linux(pci);
	struct timespec timeout = {
		.tv_sec = timeout_ns / 1000000000,
		.tv_nsec = timeout_ns % 1000000000,
	};
	struct pollfd files[] = {
		{ .fd = common->events[vector], .events = POLLIN },
		{ .fd = common->end, .events = POLLIN },
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
		return usher_pci_not_there(pci);
	if (read(files[0].fd, &count, sizeof(count)) == sizeof(count))
		return count > INT_MAX ? INT_MAX : (int)count;
	return fail(-ETIMEDOUT,
		    "%s: vector %u did not come in time: /proc/interrupts counts those that came",
		    pci->info.address, vector);
}
