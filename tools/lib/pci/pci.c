// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The part of usher_pci_* that is the same on every operating system: checks
 * arguments, keeps the lists, says why something failed.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pci.h"

/* Between looks at a register */
#define LAST_PAUSE	1000000U
#define FIRST_PAUSE	(LAST_PAUSE / 64)

static const struct usher_pci_ops *const backends[] = {
#ifdef __linux__
	&usher_pci_raw,
	&usher_pci_vfio,
#else
	&usher_pci_none,
#endif
};

static __thread char reason[512];

int usher_pci_fail(int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason, sizeof(reason), format, arguments);
	va_end(arguments);
	return error;
}

const char *usher_pci_reason(void)
{
	return reason;
}

int usher_pci_no_memory(void)
{
	return fail(-ENOMEM, "the process has no memory left");
}

int usher_pci_not_there(const struct usher_pci *pci)
{
	return fail(-ENODEV, "%s is gone, or wanted back", pci->info.address);
}

/*
 * The function
 */

/* "01:00.0" and "0000:01:00.0" are the same function. */
static int full_address(const char *text, char *address, size_t bytes)
{
	unsigned int domain = 0, bus, device, function;
	char after;

	/* no signs, blanks and 0x, which sscanf() takes, nor what overflows */
	if (text[strspn(text, "0123456789abcdefABCDEF:.")])
		return -EINVAL;
	if (sscanf(text, "%8x:%8x:%8x.%8x%c", &domain, &bus, &device, &function,
		   &after) != 4) {
		domain = 0;
		if (sscanf(text, "%8x:%8x.%8x%c", &bus, &device, &function,
			   &after) != 3)
			return -EINVAL;
	}
	if (domain > 0xfffffff || bus > 0xff || device > 0x1f || function > 7)
		return -EINVAL;
	snprintf(address, bytes, "%04x:%02x:%02x.%x", domain, bus, device,
		 function);
	return 0;
}

/* The first part of the header, which all kinds have: see pci.h. */
static int read_header(struct usher_pci *pci)
{
	struct usher_pci_info *info = &pci->info;
	uint32_t header[USHER_PCI_SUBSYSTEM / 4 + 1], i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(header); i++) {
		ret = pci->ops->read_config(pci, 4 * i, 4, &header[i]);
		if (ret < 0)
			return ret;
	}
	info->vendor = header[0] & 0xffff;
	info->device = header[0] >> 16;
	info->revision = header[USHER_PCI_CLASS_REVISION / 4] & 0xff;
	info->class_code = header[USHER_PCI_CLASS_REVISION / 4] >> 8;
	info->subsystem_vendor = header[USHER_PCI_SUBSYSTEM / 4] & 0xffff;
	info->subsystem = header[USHER_PCI_SUBSYSTEM / 4] >> 16;
	for (i = 0; i < USHER_PCI_REGIONS; i++)
		pci->ports[i] = header[USHER_PCI_BASE / 4 + i] & USHER_PCI_BASE_PORTS;
	return 0;
}

/* Which function is meant: by its address, or by the path of a node */
static int which_function(const char *text, char *address, size_t bytes)
{
	char found[256];
	int ret;

	if (strchr(text, '/') && backends[0]->find) {
		ret = backends[0]->find(text, found, sizeof(found));
		if (ret < 0)
			return ret;
		text = found;
	}
	ret = full_address(text, address, bytes);
	if (ret < 0)
		return fail(ret,
			    "%s is no PCI address: one looks like 0000:01:00.0",
			    text);
	return 0;
}

int usher_pci_open(const char *address, struct usher_pci **pci)
{
	char full[sizeof((*pci)->info.address)];
	int ret = which_function(address, full, sizeof(full));
	struct usher_pci *opened = NULL;
	size_t i;

	if (ret < 0)
		return ret;

	ret = -ENXIO;
	for (i = 0; i < ARRAY_SIZE(backends) && ret == -ENXIO; i++)
		ret = backends[i]->open(full, &opened);
	if (ret < 0)
		return ret;

	opened->ops = backends[i - 1];
	opened->dma_limit = UINT64_MAX;
	snprintf(opened->info.address, sizeof(opened->info.address), "%s",
		 full);
	ret = read_header(opened);
	if (ret < 0) {
		opened->ops->close(opened);
		return ret;
	}
	*pci = opened;
	return 0;
}

void usher_pci_close(struct usher_pci *pci)
{
	struct usher_pci_memory *memory, *next;

	if (!pci)
		return;

	usher_pci_disable_vectors(pci);
	memory = pci->memory;
	pci->ops->close(pci);
	for (; memory; memory = next) {
		next = memory->next;
		free(memory->dma.pages);
		free(memory);
	}
}

const struct usher_pci_info *usher_pci_info(const struct usher_pci *pci)
{
	return &pci->info;
}

bool usher_pci_gone(struct usher_pci *pci)
{
	return pci->ops->gone(pci);
}

int usher_pci_reset(struct usher_pci *pci)
{
	return pci->ops->reset(pci);
}

static int check_config(uint32_t offset, uint32_t bytes)
{
	if ((bytes != 1 && bytes != 2 && bytes != 4) || offset % bytes ||
	    offset > USHER_PCI_CONFIG_BYTES - bytes)
		return fail(-EINVAL,
			    "%u bytes at %#x of configuration space: only 1, 2 or 4, aligned, of %u",
			    bytes, offset, USHER_PCI_CONFIG_BYTES);
	return 0;
}

int usher_pci_read_config(struct usher_pci *pci, uint32_t offset,
			  uint32_t bytes, uint32_t *value)
{
	int ret = check_config(offset, bytes);

	return ret < 0 ? ret :
			 pci->ops->read_config(pci, offset, bytes, value);
}

int usher_pci_write_config(struct usher_pci *pci, uint32_t offset,
			   uint32_t bytes, uint32_t value)
{
	int ret = check_config(offset, bytes);

	if (ret < 0)
		return ret;
	if (bytes < 4 && value >> (8 * bytes))
		return fail(-EINVAL, "%#x at %#x of configuration space: more than %u bytes",
			    value, offset, bytes);
	return pci->ops->write_config(pci, offset, bytes, value);
}

/* Its list begins there; 0 when it has none */
static int first_capability(struct usher_pci *pci, uint32_t *at)
{
	uint32_t value;
	int ret = pci->ops->read_config(pci, USHER_PCI_COMMAND, 4, &value);

	*at = 0;
	if (ret < 0 || !(value & USHER_PCI_STATUS_CAPABILITIES))
		return ret;
	return pci->ops->read_config(pci, USHER_PCI_CAPABILITIES, 1, at);
}

int usher_pci_find_capability(struct usher_pci *pci, uint8_t id, uint32_t after)
{
	uint32_t at, head;
	uint64_t seen = 0;	/* a bit for each four bytes */
	bool found = !after;
	int ret = first_capability(pci, &at);

	for (; !ret; at = head >> 8 & 0xff) {
		at &= 0xfc;
		if (at < USHER_PCI_CAPABILITIES_FIRST || (seen >> at / 4 & 1))
			return 0;
		seen |= (uint64_t)1 << at / 4;
		ret = pci->ops->read_config(pci, at, 4, &head);
		if (!ret && found && (head & 0xff) == id)
			return (int)at;
		found |= at == after;
	}
	return ret;
}

int usher_pci_map_region(struct usher_pci *pci, uint32_t index,
			 struct usher_pci_region *region)
{
	struct usher_pci_region *mapped;
	int ret;

	if (index >= USHER_PCI_REGIONS || !pci->info.region_bytes[index])
		return fail(-EINVAL, "%s has no region %u", pci->info.address,
			    index);

	if ((size_t)pci->info.region_bytes[index] != pci->info.region_bytes[index])
		return fail(-ENOMEM,
			    "%s: region %u is larger than the process can be",
			    pci->info.address, index);

	mapped = &pci->regions[index];
	if (!mapped->base) {
		mapped->index = index;
		mapped->pci = pci;
		mapped->bytes = pci->info.region_bytes[index];
		ret = pci->ops->map_region(pci, mapped);
		if (ret < 0)
			return ret;
	}
	*region = *mapped;
	return 0;
}

static int check_call(const struct usher_pci_region *region, uint64_t offset,
		      uint32_t bytes)
{
	if (offset % bytes || offset >= region->bytes ||
	    bytes > region->bytes - offset)
		return fail(-EINVAL, "%s: region %u: %u bytes at %#llx, of %#llx",
			    region->pci->info.address, region->index, bytes,
			    (unsigned long long)offset,
			    (unsigned long long)region->bytes);
	return 0;
}

/* I/O ports are of 32 bits at most. */
static bool is_halved(const struct usher_pci_region *region, uint32_t bytes)
{
	return bytes == 8 && region->pci->ports[region->index];
}

static int call_read(const struct usher_pci_region *region, uint64_t offset,
		     uint32_t bytes, uint64_t *value)
{
	struct usher_pci *pci = region->pci;
	uint64_t high = 0;
	int ret;

	if (!is_halved(region, bytes))
		return pci->ops->read_region(pci, region->index, offset, bytes,
					     value);
	ret = pci->ops->read_region(pci, region->index, offset, 4, value);
	if (!ret)
		ret = pci->ops->read_region(pci, region->index, offset + 4, 4,
					    &high);
	*value |= high << 32;
	return ret;
}

uint64_t usher_pci_call_read(const struct usher_pci_region *region,
			     uint64_t offset, uint32_t bytes)
{
	uint64_t value = 0;

	if (check_call(region, offset, bytes) < 0 ||
	    call_read(region, offset, bytes, &value) < 0)
		return UINT64_MAX >> (64 - 8 * bytes);
	return value;
}

static int call_write(const struct usher_pci_region *region, uint64_t offset,
		      uint32_t bytes, uint64_t value)
{
	struct usher_pci *pci = region->pci;
	int ret;

	if (!is_halved(region, bytes))
		return pci->ops->write_region(pci, region->index, offset, bytes,
					      value);
	ret = pci->ops->write_region(pci, region->index, offset, 4,
				     (uint32_t)value);
	return ret ? ret : pci->ops->write_region(pci, region->index, offset + 4,
						  4, value >> 32);
}

void usher_pci_call_write(const struct usher_pci_region *region,
			  uint64_t offset, uint32_t bytes, uint64_t value)
{
	if (!check_call(region, offset, bytes))
		call_write(region, offset, bytes, value);
}

static int check_register(const struct usher_pci_region *region, uint64_t offset,
			  uint32_t bytes)
{
	if (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8)
		return fail(-EINVAL, "%s: region %u: no register has %u bytes",
			    region->pci->info.address, region->index, bytes);
	return check_call(region, offset, bytes);
}

int usher_pci_read_register(const struct usher_pci_region *region, uint64_t offset,
			    uint32_t bytes, uint64_t *value)
{
	int ret = check_register(region, offset, bytes);

	if (ret < 0)
		return ret;
	if (usher_pci_is_called(region))
		return call_read(region, offset, bytes, value);
	if (bytes == 1)
		*value = usher_pci_read8(region, offset);
	else if (bytes == 2)
		*value = usher_pci_read16(region, offset);
	else if (bytes == 4)
		*value = usher_pci_read32(region, offset);
	else
		*value = usher_pci_read64(region, offset);
	return 0;
}

int usher_pci_write_register(const struct usher_pci_region *region, uint64_t offset,
			     uint32_t bytes, uint64_t value)
{
	int ret = check_register(region, offset, bytes);

	if (ret < 0)
		return ret;
	if (bytes < 8 && value >> (8 * bytes))
		return fail(-EINVAL, "%s: region %u: %#llx at %#llx: more than %u bytes",
			    region->pci->info.address, region->index,
			    (unsigned long long)value, (unsigned long long)offset, bytes);
	if (usher_pci_is_called(region))
		return call_write(region, offset, bytes, value);
	if (bytes == 1)
		usher_pci_write8(region, offset, (uint8_t)value);
	else if (bytes == 2)
		usher_pci_write16(region, offset, (uint16_t)value);
	else if (bytes == 4)
		usher_pci_write32(region, offset, (uint32_t)value);
	else
		usher_pci_write64(region, offset, value);
	return 0;
}

void usher_pci_barrier(void)
{
	usher_pci_mb();
}

/*
 * A register may well be all ones; the class of a device is not. What was unplugged
 * is missing before the system knows.
 */
static int check_ones(struct usher_pci *pci)
{
	uint32_t class_revision;
	int ret;

	if (usher_pci_gone(pci))
		return usher_pci_not_there(pci);
	ret = pci->ops->read_config(pci, USHER_PCI_CLASS_REVISION, 4,
				    &class_revision);
	if (!ret && class_revision == UINT32_MAX)
		return usher_pci_not_there(pci);
	return ret;
}

int usher_pci_await32(const struct usher_pci_region *region, uint64_t offset,
		      uint32_t mask, uint32_t value, uint64_t timeout_ns)
{
	uint64_t start = usher_pci_clock(), passed = 0, pause = FIRST_PAUSE;
	uint32_t is;
	int ret;

	if (value & ~mask)
		return fail(-EINVAL, "%s: region %u: bits %#x never become %#x",
			    region->pci->info.address, region->index, mask, value);
	for (;;) {
		is = usher_pci_read32(region, offset);
		ret = is == UINT32_MAX ? check_ones(region->pci) : 0;
		if (ret < 0 || (is & mask) == value)
			return ret;
		/* what passed before that look, so that there is one at the end */
		if (passed >= timeout_ns)
			return fail(-ETIMEDOUT,
				    "%s: region %u: the register at %#llx is %#x: its bits %#x did not become %#x in time",
				    region->pci->info.address, region->index,
				    (unsigned long long)offset, is, mask, value);
		usher_pci_delay(pause < timeout_ns - passed ? pause :
							      timeout_ns - passed);
		if (pause < LAST_PAUSE)
			pause *= 2;
		passed = usher_pci_clock() - start;
	}
}

/*
 * Memory for DMA
 */

int usher_pci_set_dma_bits(struct usher_pci *pci, uint32_t bits)
{
	if (bits < 12 || bits > 64)
		return fail(-EINVAL, "%u address bits: a device has 12 to 64",
			    bits);
	if (pci->memory)
		return fail(-EBUSY,
			    "%s has memory for DMA already: say how many address bits it has before",
			    pci->info.address);
	pci->dma_limit = UINT64_MAX >> (64 - bits);
	return 0;
}

static int check_memory(struct usher_pci *pci, uint64_t bytes, uint32_t flags)
{
	const uint32_t known = USHER_PCI_DMA_READ_ONLY |
			       USHER_PCI_DMA_CONTIGUOUS;

	if (flags & ~known)
		return fail(-EINVAL, "%s: unknown flags %#x for DMA memory",
			    pci->info.address, flags & ~known);
	if (!bytes || bytes > SIZE_MAX / 2)
		return fail(-EINVAL,
			    "%s: %llu bytes of memory for DMA cannot be",
			    pci->info.address, (unsigned long long)bytes);
	return 0;
}

static struct usher_pci_memory *new_memory(struct usher_pci *pci,
					   uint64_t first, uint64_t bytes,
					   uint32_t flags)
{
	struct usher_pci_memory *memory = calloc(1, sizeof(*memory));
	uint64_t page = pci->info.page_bytes;

	if (!memory)
		return NULL;
	memory->dma.bytes = bytes;
	memory->dma.flags = flags;
	memory->dma.page_shift = __builtin_ctz(pci->info.page_bytes);
	memory->dma.first = first;
	memory->nr_pages = (first + bytes + page - 1) / page;
	memory->dma.pages = calloc(memory->nr_pages,
				   sizeof(*memory->dma.pages));
	if (!memory->dma.pages) {
		free(memory);
		return NULL;
	}
	return memory;
}

static void free_memory(struct usher_pci_memory *memory)
{
	free(memory->dma.pages);
	free(memory);
}

/* The device can reach all of it, and it is contiguous if it must be. */
static int check_pages(struct usher_pci *pci,
		       const struct usher_pci_memory *memory)
{
	uint64_t i, last;

	for (i = 0; i < memory->nr_pages; i++) {
		last = memory->dma.pages[i] + pci->info.page_bytes - 1;
		if (last > pci->dma_limit)
			return fail(-ENOSPC,
				    "%s reaches addresses up to %#llx, and the memory is at %#llx",
				    pci->info.address,
				    (unsigned long long)pci->dma_limit,
				    (unsigned long long)last);
	}
	if (memory->dma.flags & USHER_PCI_DMA_CONTIGUOUS &&
	    !usher_pci_dma_contiguous(&memory->dma))
		return fail(-EOPNOTSUPP,
			    "%s: the memory is not contiguous on the bus: only an IOMMU makes it so",
			    pci->info.address);
	return 0;
}

static int give_memory(struct usher_pci *pci, struct usher_pci_memory *memory,
		       struct usher_pci_dma **dma)
{
	int ret = memory->allocated ? pci->ops->alloc(pci, memory) :
				      pci->ops->add(pci, memory);

	if (ret < 0) {
		free_memory(memory);
		return ret;
	}
	ret = check_pages(pci, memory);
	if (ret < 0) {
		pci->ops->remove(pci, memory);
		free_memory(memory);
		return ret;
	}
	memory->next = pci->memory;
	pci->memory = memory;
	*dma = &memory->dma;
	return 0;
}

int usher_pci_dma_alloc(struct usher_pci *pci, uint64_t bytes, uint32_t flags,
			struct usher_pci_dma **dma)
{
	uint64_t page = pci->info.page_bytes;
	struct usher_pci_memory *memory;
	int ret = check_memory(pci, bytes, flags);

	if (ret < 0)
		return ret;
	memory = new_memory(pci, 0, (bytes + page - 1) / page * page, flags);
	if (!memory)
		return usher_pci_no_memory();
	memory->allocated = true;
	return give_memory(pci, memory, dma);
}

int usher_pci_dma_register(struct usher_pci *pci, void *address,
			   uint64_t bytes, uint32_t flags,
			   struct usher_pci_dma **dma)
{
	struct usher_pci_memory *memory;
	int ret = check_memory(pci, bytes, flags);

	if (ret < 0)
		return ret;
	memory = new_memory(pci, (uintptr_t)address % pci->info.page_bytes,
			    bytes, flags);
	if (!memory)
		return usher_pci_no_memory();
	memory->dma.address = address;
	return give_memory(pci, memory, dma);
}

void usher_pci_dma_free(struct usher_pci *pci, struct usher_pci_dma *dma)
{
	struct usher_pci_memory *memory = (struct usher_pci_memory *)dma;
	struct usher_pci_memory **link = &pci->memory;

	if (!dma)
		return;
	while (*link != memory)
		link = &(*link)->next;
	*link = memory->next;
	pci->ops->remove(pci, memory);
	free_memory(memory);
}

bool usher_pci_dma_contiguous(const struct usher_pci_dma *dma)
{
	uint64_t page = (uint64_t)1 << dma->page_shift;
	uint64_t nr = (dma->first + dma->bytes + page - 1) / page;
	uint64_t i;

	for (i = 1; i < nr; i++)
		if (dma->pages[i] != dma->pages[i - 1] + page)
			return false;
	return true;
}

/*
 * Interrupts
 */

int usher_pci_enable_vectors(struct usher_pci *pci, uint32_t count)
{
	bool *masked;
	int ret;

	if (pci->info.irq == USHER_PCI_IRQ_NONE)
		return fail(-EOPNOTSUPP, "%s has no interrupts",
			    pci->info.address);
	if (!count || count > pci->info.vectors)
		return fail(-EINVAL, "%s has %u vectors, not %u",
			    pci->info.address, pci->info.vectors, count);
	if (pci->vectors)
		return fail(-EBUSY,
			    "the vectors of %s are on: disable them before",
			    pci->info.address);

	masked = calloc(count, sizeof(*masked));
	if (!masked)
		return usher_pci_no_memory();
	ret = pci->ops->enable(pci, count);
	if (ret < 0) {
		free(masked);
		return ret;
	}
	pci->masked = masked;
	pci->vectors = count;
	return 0;
}

void usher_pci_disable_vectors(struct usher_pci *pci)
{
	if (!pci->vectors)
		return;
	pci->ops->disable(pci);
	free(pci->masked);
	pci->masked = NULL;
	pci->vectors = 0;
}

static int check_vector(const struct usher_pci *pci, uint32_t vector)
{
	if (vector >= pci->vectors)
		return fail(-EINVAL,
			    "%s has %u vectors that are on, there is no vector %u",
			    pci->info.address, pci->vectors, vector);
	return 0;
}

int usher_pci_wait(struct usher_pci *pci, uint32_t vector, uint64_t timeout_ns)
{
	int ret = check_vector(pci, vector);

	if (ret < 0)
		return ret;
	if (pci->masked[vector])
		return fail(-EINVAL,
			    "vector %u of %s is masked: unmask it before waiting",
			    vector, pci->info.address);
	ret = pci->ops->wait(pci, vector, timeout_ns);
	/* whose level stays until the device was served */
	if (ret > 0 && pci->info.irq == USHER_PCI_IRQ_INTX)
		pci->masked[vector] = true;
	return ret;
}

static int set_mask(struct usher_pci *pci, uint32_t vector, bool masked)
{
	int ret = check_vector(pci, vector);

	if (ret < 0)
		return ret;
	if (pci->masked[vector] == masked)
		return 0;
	ret = pci->ops->mask(pci, vector, masked);
	if (!ret)
		pci->masked[vector] = masked;
	return ret;
}

int usher_pci_mask(struct usher_pci *pci, uint32_t vector)
{
	return set_mask(pci, vector, true);
}

int usher_pci_unmask(struct usher_pci *pci, uint32_t vector)
{
	return set_mask(pci, vector, false);
}

/*
 * Time
 */

uint64_t usher_pci_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void usher_pci_delay(uint64_t ns)
{
	struct timespec time = {
		.tv_sec = (time_t)(ns / 1000000000),
		.tv_nsec = (long)(ns % 1000000000),
	};

	nanosleep(&time, NULL);
}
