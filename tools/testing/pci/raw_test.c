// SPDX-License-Identifier: GPL-2.0-only
/*
 * What linux/usher_raw.h promises, without the library: each refusal by name, and
 * removal and reset at any moment.
 *
 *	raw_test EDU 82574 BARE SMALL NVME [WORD]
 *
 * WORD is anybody, bounce, errors, group, lockdown or virtio.
 *
 * PCI addresses of functions bound to usher-raw; TAP on stdout. EDU is QEMU's
 * educational device behind a port of its own, BARE another one that shares a bus,
 * and so has no reset; their pins share a line. SMALL is an OHCI controller, whose
 * registers are less than a page; NVME has more vectors than the machine. With a
 * word, what takes no privilege; what is refused when all DMA is bounced, and when
 * the kernel is locked down; or, in place of EDU, a device with the identifier
 * "errors" in QEMU breaks its link, one with a reset shares its IOMMU group with
 * another, or a virtio device goes past the IOMMU.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <limits.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

#include "raw.h"

/* The educational device: docs/specs/edu.rst of QEMU */
#define EDU_ID			0x00
#define EDU_ID_VALUE		0x010000ed
#define EDU_LIVENESS		0x04
#define EDU_RAISE		0x60
#define EDU_ACKNOWLEDGE		0x64
#define EDU_DMA_SOURCE		0x80
#define EDU_DMA_DESTINATION	0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_COMMAND		0x98
#define EDU_DMA_TO_MEMORY	0x3
#define EDU_DMA_FROM_MEMORY	0x1
#define EDU_BUFFER		0x40000
#define EDU_BUFFER_BYTES	2048
#define EDU_DMA_US		100000	/* from the command to the access */
#define EDU_ADDRESS_BITS	28

/* Configuration space */
#define COMMAND_NO_INTX		0x0400
#define CACHE_LINE_SIZE		0x0c
#define BAR0			0x10
#define CAPABILITIES		0x34
#define INTERRUPT_LINE		0x3c
#define MSIX			0x11	/* a capability */

/* BAR 3 of the 82574 holds nothing but the MSI-X table, BAR 2 is I/O ports. */
#define NIC_PORTS		2
#define NIC_MSIX		3

/* What is at its start, and its ports */
#define NIC_STATUS		0x00008
#define NIC_IOADDR		0x0
#define NIC_IODATA		0x4

/* A USB controller: OpenHCI 1.0a, 7 */
#define OHCI_REGION		0
#define OHCI_REVISION		0x00
#define OHCI_HEAD		0x20	/* of the list for control transfers */

#define BIG_PAGES		16384
#define TAINT_USER		6
#define INJECT			"pcie_aer_inject_error errors DLP"
#define BREAK_LINK		"qmp human-monitor-command command-line='" INJECT "' > /dev/null"

static const char *edu, *nic, *bare, *small, *nvme;

static bool in_command(int fd, uint32_t bits)
{
	uint32_t command = 0;

	EXPECT_EQ(config_read(fd, COMMAND, 2, &command), 0);
	return command & bits;
}

static long function_attribute(const char *address, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", address, name);
	return number_in(path);
}

/* ---- refusals ---- */

static void every_call_is_checked(void)
{
	static const struct {
		unsigned long request;
		uint32_t size;
		uint32_t flags_at;
	} calls[] = {
		{ USHER_RAW_IOC_INFO, sizeof(struct usher_raw_info), 4 },
		{ USHER_RAW_IOC_REGION, sizeof(struct usher_raw_region), 8 },
		{ USHER_RAW_IOC_CONFIG_READ, sizeof(struct usher_raw_config), 12 },
		{ USHER_RAW_IOC_CONFIG_WRITE, sizeof(struct usher_raw_config), 8 },
		{ USHER_RAW_IOC_DMA_BITS, sizeof(struct usher_raw_dma_bits), 4 },
		{ USHER_RAW_IOC_DMA_ALLOC, sizeof(struct usher_raw_dma), 4 },
		{ USHER_RAW_IOC_DMA_REGISTER, sizeof(struct usher_raw_dma), 4 },
		{ USHER_RAW_IOC_IRQ_ENABLE, sizeof(struct usher_raw_irq_enable), 12 },
		{ USHER_RAW_IOC_IRQ_DISABLE, sizeof(struct usher_raw_irq_disable), 4 },
		{ USHER_RAW_IOC_IRQ_MASK, sizeof(struct usher_raw_irq_mask), 12 },
		{ USHER_RAW_IOC_RESET, sizeof(struct usher_raw_reset), 4 },
		{ USHER_RAW_IOC_READ, sizeof(struct usher_raw_access), 12 },
		{ USHER_RAW_IOC_WRITE, sizeof(struct usher_raw_access), 12 },
	};
	uint32_t arg[64];
	size_t i;
	int fd = open_node(edu);

	EXPECT(fd >= 0);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		memset(arg, 0, sizeof(arg));
		arg[0] = calls[i].size - 4;
		EXPECT_EQ(call(fd, calls[i].request, arg), -EINVAL);
		arg[0] = calls[i].size + 4;
		arg[calls[i].size / 4] = 1;
		EXPECT_EQ(call(fd, calls[i].request, arg), -E2BIG);
		arg[0] = calls[i].size;
		arg[calls[i].flags_at / 4] = 0x80000000;
		EXPECT_EQ(call(fd, calls[i].request, arg), -EINVAL);
		EXPECT_EQ(call(fd, calls[i].request, NULL), -EFAULT);
	}
	EXPECT_EQ(ioctl(fd, _IO(USHER_RAW_IOC_TYPE, 0x8e), arg), -1);
	EXPECT_EQ(errno, ENOTTY);
	EXPECT_EQ(ioctl(fd, _IO(USHER_RAW_IOC_TYPE, 0x00), arg), -1);
	EXPECT_EQ(errno, ENOTTY);
	close(fd);
}

static void one_owner(void)
{
	int fd = open_node(edu);

	EXPECT(fd >= 0);
	EXPECT_EQ(open_node(edu), -EBUSY);
	close(fd);
	fd = open_node(edu);
	EXPECT(fd >= 0);
	close(fd);
}

/* Who may only read may not drive it, and there is nothing else to do with it. */
static void only_to_read_and_write(void)
{
	static const int modes[] = { O_RDONLY, O_WRONLY };
	char path[64];
	size_t i;
	int fd;

	snprintf(path, sizeof(path), "/dev/usher-raw/%s", edu);
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		fd = open(path, modes[i] | O_CLOEXEC);
		EXPECT_EQ(fd < 0 ? errno : 0, EACCES);
		if (fd >= 0)
			close(fd);
	}
}

static void registers_by_mmap(void)
{
	struct usher_raw_region region;
	int fd = open_node(edu);
	uint8_t *registers;

	region = region_of(fd, 0);
	EXPECT_EQ(region.bytes, 0x100000);
	EXPECT_EQ(region.flags, USHER_RAW_REGION_MMAP);
	EXPECT(map(fd, region.offset, PAGE, MAP_PRIVATE) == MAP_FAILED);
	EXPECT_EQ(errno, EINVAL);
	EXPECT(map(fd, region.offset + PAGE, region.bytes, MAP_SHARED) == MAP_FAILED);
	EXPECT_EQ(errno, EINVAL);
	EXPECT(map(fd, region.offset + region.bytes, PAGE, MAP_SHARED) == MAP_FAILED);
	EXPECT_EQ(errno, EINVAL);
	EXPECT(map(fd, region.offset + 2 * region.bytes, PAGE, MAP_SHARED) == MAP_FAILED);
	EXPECT_EQ(errno, EINVAL);
	region = region_of(fd, 1);
	EXPECT_EQ(region.bytes, 0);
	EXPECT(map(fd, region.offset, PAGE, MAP_SHARED) == MAP_FAILED);
	EXPECT_EQ(errno, EINVAL);
	region.index = 6;
	EXPECT_EQ(call(fd, USHER_RAW_IOC_REGION, &region), -EINVAL);
	EXPECT(map(fd, 6ULL << 40, PAGE, MAP_SHARED) == MAP_FAILED);
	EXPECT_EQ(errno, EINVAL);

	registers = map(fd, region_of(fd, 0).offset, 0x100000, MAP_SHARED);
	EXPECT_EQ(read32(registers, EDU_ID), EDU_ID_VALUE);
	write32(registers, EDU_LIVENESS, 0x1234);
	EXPECT_EQ(read32(registers, EDU_LIVENESS), ~0x1234U);
	EXPECT(mremap(registers, 0x100000, 0x101000, MREMAP_MAYMOVE) == MAP_FAILED);
	EXPECT_EQ(errno, EFAULT);
	munmap(registers, 0x100000);
	close(fd);
}

static void the_table_is_out_of_reach(void)
{
	struct usher_raw_region region;
	int fd = open_node(nic);
	uint8_t *table;

	region = region_of(fd, NIC_PORTS);
	EXPECT(region.bytes > 0);
	EXPECT_EQ(region.flags, USHER_RAW_REGION_CALLS | USHER_RAW_REGION_PORTS);
	EXPECT(map(fd, region.offset, PAGE, MAP_SHARED) == MAP_FAILED);
	EXPECT_EQ(errno, EOPNOTSUPP);

	region = region_of(fd, NIC_MSIX);
	EXPECT_EQ(region.hole_offset[0], 0);
	EXPECT_EQ(region.hole_bytes[0], PAGE);
	EXPECT(region.hole_bytes[1] > 0);
	table = map(fd, region.offset, region.bytes, MAP_SHARED);
	EXPECT(table != MAP_FAILED);
	EXPECT(faults(table));
	EXPECT(faults(table + PAGE - 1));
	EXPECT(!faults(table + PAGE));
	EXPECT(faults(table + region.hole_offset[1]));
	munmap(table, region.bytes);
	/* and not by a mapping that begins there either */
	table = map(fd, region.offset + region.hole_offset[1], PAGE, MAP_SHARED);
	EXPECT(table != MAP_FAILED);
	EXPECT(faults(table));
	munmap(table, PAGE);
	close(fd);
}

static int own_memory(void)
{
	int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	EXPECT(memory >= 0);
	return memory;
}

/* Reads or writes as a debugger does; what it did, or a negative errno value */
static ssize_t peek(int memory, const uint8_t *at, void *data, size_t bytes)
{
	ssize_t n = pread(memory, data, bytes, (uintptr_t)at);

	return n < 0 ? -errno : n;
}

static ssize_t poke(int memory, const uint8_t *at, const void *data, size_t bytes)
{
	ssize_t n = pwrite(memory, data, bytes, (uintptr_t)at);

	return n < 0 ? -errno : n;
}

static void debuggers_see_registers(void)
{
	int fd = open_node(edu), memory = own_memory();
	uint8_t *registers = map(fd, 0, PAGE, MAP_SHARED);
	uint32_t value = 0x1234;

	EXPECT_EQ(read32(registers, EDU_ID), EDU_ID_VALUE);
	EXPECT_EQ(poke(memory, registers + EDU_LIVENESS, &value, 4), 4);
	EXPECT_EQ(read32(registers, EDU_LIVENESS), ~0x1234U);
	EXPECT_EQ(mprotect(registers, PAGE, PROT_READ), 0);
	EXPECT_EQ(poke(memory, registers + EDU_LIVENESS, &value, 4), -EIO);
	EXPECT_EQ(peek(memory, registers + EDU_ID, &value, 4), 4);
	EXPECT_EQ(value, EDU_ID_VALUE);

	EXPECT(unbind_function(edu));
	EXPECT_EQ(peek(memory, registers + EDU_ID, &value, 4), -EIO);
	EXPECT(bind_function(edu));
	munmap(registers, PAGE);
	close(memory);
	close(fd);
}

/* nor from the page before it */
static void debuggers_do_not_see_the_table(void)
{
	int fd = open_node(nic), memory = own_memory();
	struct usher_raw_region region = region_of(fd, NIC_MSIX);
	uint8_t *table = map(fd, region.offset, region.bytes, MAP_SHARED);
	uint8_t *pending = table + region.hole_offset[1];
	uint8_t data[8];

	EXPECT(region.hole_offset[1] > region.hole_bytes[0]);
	EXPECT(faults(table));
	EXPECT_EQ(peek(memory, table, data, 8), -EIO);
	EXPECT_EQ(poke(memory, table, data, 8), -EIO);
	EXPECT(faults(pending));
	EXPECT_EQ(peek(memory, pending, data, 8), -EIO);
	EXPECT(!faults(pending - 4));
	EXPECT_EQ(peek(memory, pending - 8, data, 8), 8);
	EXPECT_EQ(peek(memory, pending - 4, data, 8), 4);
	EXPECT_EQ(poke(memory, pending - 4, data, 8), 4);
	munmap(table, region.bytes);
	close(memory);
	close(fd);
}

static uint32_t config32(int fd, uint32_t offset)
{
	uint32_t value = 0;

	EXPECT_EQ(config_read(fd, offset, 4, &value), 0);
	return value;
}

/* Where a capability is, or 0 */
static uint32_t capability(int fd, uint8_t id)
{
	uint32_t at = config32(fd, CAPABILITIES) & 0xfc, tries = 48;

	while (at && tries-- && (config32(fd, at) & 0xff) != id)
		at = config32(fd, at) >> 8 & 0xfc;
	return at;
}

/**
 * struct hole - what the device itself says must not be reached
 * @region: where it is
 * @first: its first page
 * @end: after its last
 */
struct hole {
	uint32_t region;
	uint64_t first;
	uint64_t end;
};

static struct hole hole_of(uint32_t where, uint64_t bytes)
{
	uint64_t at = where & ~7U;

	return (struct hole) {
		.region	= where & 7,
		.first	= at / PAGE,
		.end	= (at + bytes + PAGE - 1) / PAGE,
	};
}

static bool is_in(const struct hole *hole, uint32_t region, uint64_t page)
{
	return hole->region == region && page >= hole->first && page < hole->end;
}

/* It is of many pages, and registers are in the same region. */
static void all_of_the_table_is_out_of_reach(void)
{
	int fd = open_node(nvme);
	uint32_t at = capability(fd, MSIX), count = 0, wrong = 0;
	struct usher_raw_region region;
	struct hole table, pending;
	uint8_t *registers;
	uint64_t page;

	EXPECT(at);
	EXPECT_EQ(config_read(fd, at + 2, 2, &count), 0);
	count = (count & 0x7ff) + 1;
	EXPECT(count > PAGE / 16);
	table = hole_of(config32(fd, at + 4), 16 * count);
	pending = hole_of(config32(fd, at + 8), (count + 63) / 64 * 8);
	region = region_of(fd, table.region);
	registers = map(fd, region.offset, region.bytes, MAP_SHARED);
	EXPECT(registers != MAP_FAILED);
	for (page = 0; page < region.bytes / PAGE; page++)
		wrong += faults(registers + page * PAGE) !=
			 (is_in(&table, table.region, page) ||
			  is_in(&pending, table.region, page));
	EXPECT_EQ(wrong, 0);
	munmap(registers, region.bytes);
	close(fd);
}

static int access_region(int fd, unsigned long request, uint32_t index,
			 uint64_t offset, uint32_t bytes, uint64_t *value)
{
	struct usher_raw_access arg = {
		.size = sizeof(arg),
		.index = index,
		.bytes = bytes,
		.offset = offset,
		.value = request == USHER_RAW_IOC_WRITE ? *value : 0,
	};
	int ret = call(fd, request, &arg);

	*value = arg.value;
	return ret;
}

static int region_read(int fd, uint32_t index, uint64_t offset, uint32_t bytes,
		       uint64_t *value)
{
	return access_region(fd, USHER_RAW_IOC_READ, index, offset, bytes, value);
}

static int region_write(int fd, uint32_t index, uint64_t offset, uint32_t bytes,
			uint64_t value)
{
	return access_region(fd, USHER_RAW_IOC_WRITE, index, offset, bytes, &value);
}

/* The ports of the 82574 lead to the registers that can be mapped. */
static void ports_by_calls(void)
{
	int fd = open_node(nic);
	uint8_t *registers = map(fd, 0, PAGE, MAP_SHARED);
	uint64_t value = 0;

	EXPECT_EQ(region_write(fd, NIC_PORTS, NIC_IOADDR, 4, NIC_STATUS), 0);
	EXPECT_EQ(region_read(fd, NIC_PORTS, NIC_IOADDR, 4, &value), 0);
	EXPECT_EQ(value, NIC_STATUS);
	EXPECT_EQ(region_read(fd, NIC_PORTS, NIC_IODATA, 4, &value), 0);
	EXPECT_EQ(value, read32(registers, NIC_STATUS));
	EXPECT(value && value != UINT32_MAX);
	EXPECT_EQ(region_read(fd, NIC_PORTS, 0, 8, &value), -EINVAL);
	/* what can be mapped, and the MSI-X table */
	EXPECT_EQ(region_read(fd, 0, 0, 4, &value), -EOPNOTSUPP);
	EXPECT_EQ(region_write(fd, NIC_MSIX, 0, 4, 0), -EOPNOTSUPP);
	munmap(registers, PAGE);
	close(fd);
}

static void small_regions_by_calls(void)
{
	struct usher_raw_region region;
	uint64_t value = 0;
	int fd = open_node(small);

	region = region_of(fd, OHCI_REGION);
	EXPECT(region.bytes > 0 && region.bytes < PAGE);
	EXPECT_EQ(region.flags, USHER_RAW_REGION_CALLS);
	EXPECT(map(fd, region.offset, PAGE, MAP_SHARED) == MAP_FAILED);
	EXPECT_EQ(errno, EOPNOTSUPP);
	EXPECT_EQ(region_read(fd, OHCI_REGION, OHCI_REVISION, 4, &value), 0);
	EXPECT_EQ(value, 0x10);
	EXPECT_EQ(region_read(fd, OHCI_REGION, OHCI_REVISION, 1, &value), 0);
	EXPECT_EQ(value, 0x10);
	EXPECT_EQ(region_read(fd, OHCI_REGION, OHCI_REVISION, 2, &value), 0);
	EXPECT_EQ(value, 0x10);
	EXPECT_EQ(region_write(fd, OHCI_REGION, OHCI_HEAD, 4, 0x12345670), 0);
	EXPECT_EQ(region_read(fd, OHCI_REGION, OHCI_HEAD, 4, &value), 0);
	EXPECT_EQ(value, 0x12345670);
	EXPECT_EQ(region_write(fd, OHCI_REGION, OHCI_HEAD, 8, 0x2345678012345670), 0);
	EXPECT_EQ(region_read(fd, OHCI_REGION, OHCI_HEAD, 8, &value), 0);
	EXPECT_EQ(value, 0x2345678012345670);

	EXPECT_EQ(region_read(fd, OHCI_REGION, region.bytes, 1, &value), -EINVAL);
	EXPECT_EQ(region_read(fd, OHCI_REGION, region.bytes - 4, 8, &value), -EINVAL);
	EXPECT_EQ(region_read(fd, OHCI_REGION, -8ULL, 8, &value), -EINVAL);
	EXPECT_EQ(region_read(fd, OHCI_REGION, 2, 4, &value), -EINVAL);
	EXPECT_EQ(region_read(fd, OHCI_REGION, 0, 3, &value), -EINVAL);
	EXPECT_EQ(region_read(fd, OHCI_REGION, 0, 0, &value), -EINVAL);
	EXPECT_EQ(region_read(fd, OHCI_REGION, 0, 16, &value), -EINVAL);
	EXPECT_EQ(region_read(fd, 5, 0, 4, &value), -EINVAL);
	EXPECT_EQ(region_read(fd, 6, 0, 4, &value), -EINVAL);
	EXPECT_EQ(region_write(fd, OHCI_REGION, 0, 1, 0x100), -EINVAL);
	EXPECT_EQ(region_write(fd, OHCI_REGION, 0, 4, 1ULL << 32), -EINVAL);

	EXPECT(unbind_function(small));
	EXPECT_EQ(region_read(fd, OHCI_REGION, 0, 1, &value), -ENODEV);
	EXPECT(bind_function(small));
	close(fd);
}

static void configuration_by_list(void)
{
	uint32_t offset, value, before;
	int fd = open_node(nic);

	EXPECT_EQ(config_read(fd, 0, 4, &value), 0);
	EXPECT_EQ(value, 0x10d38086);
	EXPECT_EQ(config_read(fd, 1, 2, &value), -EINVAL);
	EXPECT_EQ(config_read(fd, 0, 3, &value), -EINVAL);
	EXPECT_EQ(config_read(fd, 0, 8, &value), -EINVAL);
	EXPECT_EQ(config_read(fd, info_of(fd).config_bytes, 1, &value), -EINVAL);
	EXPECT_EQ(config_read(fd, UINT32_MAX - 3, 4, &value), -EINVAL);

	/* nothing but the list, whatever it is */
	for (offset = 0; offset < info_of(fd).config_bytes; offset += 4) {
		EXPECT_EQ(config_read(fd, offset, 4, &before), 0);
		EXPECT_EQ(config_write(fd, offset, 4, ~before), -EACCES);
		EXPECT_EQ(config_read(fd, offset, 4, &value), 0);
		EXPECT_EQ(value, before);
	}
	EXPECT_EQ(config_write(fd, COMMAND, 2, COMMAND_MASTER), -EACCES);
	EXPECT_EQ(config_write(fd, BAR0, 4, 0), -EACCES);
	EXPECT_EQ(config_write(fd, STATUS, 2, 0xf900), 0);
	/* Some chipsets route interrupts by it. */
	EXPECT_EQ(config_write(fd, INTERRUPT_LINE, 1, 0x55), -EACCES);
	EXPECT_EQ(config_read(fd, CACHE_LINE_SIZE, 1, &before), 0);
	EXPECT_EQ(config_write(fd, CACHE_LINE_SIZE, 1, 0x155), -EINVAL);
	EXPECT_EQ(config_write(fd, STATUS, 2, 0x10000), -EINVAL);
	EXPECT_EQ(config_write(fd, CACHE_LINE_SIZE, 1, 0x55), 0);
	EXPECT_EQ(config_read(fd, CACHE_LINE_SIZE, 1, &value), 0);
	EXPECT_EQ(value, 0x55);
	close(fd);

	/* What was written goes with the owner. */
	fd = open_node(nic);
	EXPECT_EQ(config_read(fd, CACHE_LINE_SIZE, 1, &value), 0);
	EXPECT_EQ(value, before);
	close(fd);
}

static void memory_is_checked(void)
{
	static uint8_t data[2 * PAGE] __attribute__((aligned(PAGE)));
	struct usher_raw_dma dma;
	uint64_t bus[4];
	int fd = open_node(edu);
	int id;

	EXPECT_EQ(dma_bits(fd, 0), -EINVAL);
	EXPECT_EQ(dma_bits(fd, 65), -EINVAL);
	EXPECT_EQ(dma_bits(fd, EDU_ADDRESS_BITS), 0);
	EXPECT_EQ(dma_register(fd, data, 0, 0, 0, bus), -EINVAL);
	EXPECT_EQ(dma_register(fd, data, PAGE, 0, 2, bus), -EINVAL);
	EXPECT_EQ(dma_register(fd, data + 1, PAGE, 0, 1, bus), -EINVAL);
	EXPECT_EQ(dma_register(fd, data, PAGE, 2, 1, bus), -EINVAL);
	EXPECT_EQ(dma_register(fd, (void *)-PAGE, 2 * PAGE, 0, 2, bus), -EFAULT);
	EXPECT_EQ(dma_register(fd, NULL, PAGE, 0, 1, bus), -EFAULT);
	EXPECT_EQ(dma_alloc(fd, 0, &dma, bus), -EINVAL);
	EXPECT_EQ(dma_alloc(fd, 1, &dma, NULL), -EFAULT);
	EXPECT(!is_master(fd));
	EXPECT_EQ(dma_free(fd, 1), -ENOENT);

	EXPECT_EQ(dma_alloc(fd, 3, &dma, bus), 0);
	EXPECT(bus[2] < 1 << EDU_ADDRESS_BITS);
	EXPECT_EQ(dma_bits(fd, 64), -EBUSY);
	EXPECT(map(fd, dma.offset, 2 * PAGE, MAP_SHARED) == MAP_FAILED);
	EXPECT(map(fd, dma.offset, 4 * PAGE, MAP_SHARED) == MAP_FAILED);
	EXPECT(map(fd, dma.offset + PAGE, 2 * PAGE, MAP_SHARED) == MAP_FAILED);
	EXPECT(map(fd, dma.offset, 3 * PAGE, MAP_PRIVATE) == MAP_FAILED);
	EXPECT_EQ(dma_free(fd, dma.id), 0);
	EXPECT_EQ(dma_free(fd, dma.id), -ENOENT);
	EXPECT(map(fd, dma.offset, 3 * PAGE, MAP_SHARED) == MAP_FAILED);

	if (info_of(fd).flags & USHER_RAW_CONTIGUOUS) {
		id = dma_register(fd, data, sizeof(data), 0, 2, bus);
		EXPECT(id > 0);
		EXPECT_EQ(bus[1], bus[0] + PAGE);
		EXPECT(map(fd, (8ULL << 40) + (uint64_t)id * PAGE, 2 * PAGE,
			   MAP_SHARED) == MAP_FAILED);
		EXPECT_EQ(dma_free(fd, id), 0);
		EXPECT_EQ(dma_bits(fd, 13), 0);
		EXPECT_EQ(dma_alloc(fd, 4, &dma, bus), -ENOSPC);
	} else {
		/* It is where it is. */
		EXPECT_EQ(dma_bits(fd, 13), -EOPNOTSUPP);
		EXPECT_EQ(dma_bits(fd, 24), 0);
		EXPECT_EQ(dma_register(fd, data, sizeof(data), 0, 2, bus), -ENOSPC);
		EXPECT(!is_master(fd));
	}
	close(fd);
}

static void memory_is_asked_for_exactly(void)
{
	static const struct usher_raw_dma wrong[] = {
		{ .length = PAGE, .nr_bus = 1, .addr = PAGE },
		{ .length = PAGE, .nr_bus = 1, .id = 1 },
		{ .length = PAGE, .nr_bus = 1, .offset = PAGE },
		{ .length = PAGE, .nr_bus = 0 },
		{ .length = PAGE, .nr_bus = 2 },
		{ .length = PAGE - 8, .nr_bus = 1 },
		{ .length = PAGE + 8, .nr_bus = 2 },
	};
	struct usher_raw_dma dma;
	uint64_t bus[2], most;
	int fd = open_node(edu);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		dma = wrong[i];
		dma.size = sizeof(dma);
		dma.bus = (uintptr_t)bus;
		EXPECT_EQ(call(fd, USHER_RAW_IOC_DMA_ALLOC, &dma), -EINVAL);
	}
	most = info_of(fd).max_dma_bytes / PAGE;
	EXPECT_EQ(dma_alloc(fd, most + 1, &dma, NULL), -EINVAL);
	EXPECT_EQ(dma_register(fd, bus, (most + 1) * PAGE, 0, most + 2, NULL), -EINVAL);
	EXPECT(!is_master(fd));
	close(fd);
}

/* Pages that were allocated since the system started */
static long pages_allocated(void)
{
	char name[64];
	long pages, sum = 0;
	FILE *file = fopen("/proc/vmstat", "re");

	if (!file)
		return -1;
	while (fscanf(file, "%63s %ld", name, &pages) == 2)
		if (!strncmp(name, "pgalloc_", 8))
			sum += pages;
	fclose(file);
	return sum;
}

/* What may not be locked is not allocated first. */
static void memory_is_charged_before(void)
{
	static uint64_t bus[BIG_PAGES];
	struct rlimit limit = { .rlim_cur = 16 * PAGE, .rlim_max = 16 * PAGE };
	int fd = open_node(edu), status = 0;
	struct usher_raw_dma dma;
	pid_t pid = fork();
	uint32_t id;
	long before;

	if (!pid) {
		if (setrlimit(RLIMIT_MEMLOCK, &limit) || setresuid(65534, 65534, 65534))
			_exit(255);
		before = pages_allocated();
		tap_failed = false;
		EXPECT_EQ(dma_alloc(fd, BIG_PAGES, &dma, bus), -ENOMEM);
		EXPECT(pages_allocated() - before < BIG_PAGES / 2);
		EXPECT_EQ(dma_alloc(fd, 16, &dma, bus), 0);
		id = dma.id;
		EXPECT_EQ(dma_alloc(fd, 1, &dma, bus), -ENOMEM);
		EXPECT_EQ(dma_free(fd, id), 0);
		EXPECT_EQ(dma_alloc(fd, 1, &dma, bus), 0);
		fflush(stdout);
		_exit(tap_failed);
	}
	waitpid(pid, &status, 0);
	EXPECT(WIFEXITED(status));
	EXPECT_EQ(WEXITSTATUS(status), 0);
	close(fd);
}

/* The device reaches none of it: with an IOMMU there are too few addresses. */
static void refuse_memory(int fd)
{
	static uint8_t data[8 * PAGE] __attribute__((aligned(PAGE)));
	bool translated = info_of(fd).flags & USHER_RAW_CONTIGUOUS;
	uint64_t bus[8];
	int i;

	EXPECT_EQ(dma_bits(fd, translated ? 13 : 24), 0);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(dma_register(fd, data, sizeof(data), 0, 8, bus), -ENOSPC);
	EXPECT_EQ(dma_bits(fd, 64), 0);
}

/* What is refused is charged to nobody, and no number leads to it. */
static void what_is_refused_leaves_nothing(void)
{
	struct rlimit limit = { .rlim_cur = 16 * PAGE, .rlim_max = 16 * PAGE };
	int fd = open_node(edu), status = 0;
	struct usher_raw_dma dma;
	pid_t pid = fork();
	uint64_t bus[16];
	uint32_t id;

	if (!pid) {
		if (setrlimit(RLIMIT_MEMLOCK, &limit) || setresuid(65534, 65534, 65534))
			_exit(255);
		tap_failed = false;
		refuse_memory(fd);
		EXPECT_EQ(dma_alloc(fd, 16, &dma, bus), 0);
		EXPECT_EQ(dma_free(fd, dma.id), 0);
		for (id = 0; id <= UINT16_MAX; id++)
			EXPECT_EQ(dma_free(fd, id), -ENOENT);
		fflush(stdout);
		_exit(tap_failed);
	}
	waitpid(pid, &status, 0);
	EXPECT(WIFEXITED(status));
	EXPECT_EQ(WEXITSTATUS(status), 0);
	close(fd);
}

/* ---- what counts for as long as it is mapped ---- */

#define ROOM_PAGES	8

/* Runs @test as a process that may lock ROOM_PAGES, and can become root again. */
static void with_little_room(void (*test)(void))
{
	struct rlimit limit = {
		.rlim_cur = ROOM_PAGES * PAGE,
		.rlim_max = ROOM_PAGES * PAGE,
	};
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (setrlimit(RLIMIT_MEMLOCK, &limit) || setresuid(65534, 0, 0))
			_exit(255);
		tap_failed = false;
		test();
		fflush(stdout);
		_exit(tap_failed);
	}
	waitpid(pid, &status, 0);
	EXPECT(WIFEXITED(status));
	EXPECT_EQ(WEXITSTATUS(status), 0);
}

/* Whether nothing is charged to the user */
static bool all_room(int fd)
{
	uint64_t bus[ROOM_PAGES];
	struct usher_raw_dma dma;
	int ret;

	EXPECT_EQ(seteuid(65534), 0);
	ret = dma_alloc(fd, ROOM_PAGES, &dma, bus);
	EXPECT_EQ(seteuid(0), 0);
	if (!ret)
		EXPECT_EQ(dma_free(fd, dma.id), 0);
	else
		EXPECT_EQ(ret, -ENOMEM);
	return !ret;
}

/* All there is room for, mapped @count times at @data, which is not yet freed */
static uint32_t fill_room(int fd, uint8_t **data, int count)
{
	uint64_t bus[ROOM_PAGES];
	struct usher_raw_dma dma;
	int i;

	EXPECT_EQ(seteuid(65534), 0);
	EXPECT_EQ(dma_alloc(fd, ROOM_PAGES, &dma, bus), 0);
	for (i = 0; i < count; i++) {
		data[i] = map(fd, dma.offset, ROOM_PAGES * PAGE, MAP_SHARED);
		EXPECT(data[i] != MAP_FAILED);
	}
	EXPECT_EQ(seteuid(0), 0);
	return dma.id;
}

static uint8_t *fill_and_free(int fd)
{
	uint8_t *data;

	EXPECT_EQ(dma_free(fd, fill_room(fd, &data, 1)), 0);
	EXPECT(!all_room(fd));
	return data;
}

static void unmapped_in_parts(int fd)
{
	uint8_t *data = fill_and_free(fd);

	EXPECT_EQ(munmap(data + 3 * PAGE, PAGE), 0);
	EXPECT(!all_room(fd));
	EXPECT_EQ(munmap(data, 3 * PAGE), 0);
	EXPECT(!all_room(fd));
	data[7 * PAGE] = 1;
	EXPECT_EQ(munmap(data + 4 * PAGE, 4 * PAGE), 0);
	EXPECT(all_room(fd));
}

static void mapped_twice(int fd)
{
	uint8_t *data[2];
	uint32_t id = fill_room(fd, data, 2);

	EXPECT_EQ(munmap(data[0], ROOM_PAGES * PAGE), 0);
	EXPECT(!all_room(fd));
	EXPECT_EQ(dma_free(fd, id), 0);
	EXPECT(!all_room(fd));
	EXPECT_EQ(munmap(data[1], ROOM_PAGES * PAGE), 0);
	EXPECT(all_room(fd));

	id = fill_room(fd, data, 1);
	EXPECT_EQ(munmap(data[0], ROOM_PAGES * PAGE), 0);
	EXPECT(!all_room(fd));
	EXPECT_EQ(dma_free(fd, id), 0);
	EXPECT(all_room(fd));
}

static void mapped_elsewhere(int fd)
{
	uint8_t *data = fill_and_free(fd), *to;

	data[0] = 0x5a;
	EXPECT(mremap(data, ROOM_PAGES * PAGE, 2 * ROOM_PAGES * PAGE,
		      MREMAP_MAYMOVE) == MAP_FAILED);
	to = mmap(NULL, ROOM_PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT(mremap(data, ROOM_PAGES * PAGE, ROOM_PAGES * PAGE,
		      MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	EXPECT(!all_room(fd));
	EXPECT_EQ(to[0], 0x5a);
	EXPECT_EQ(munmap(to, ROOM_PAGES * PAGE), 0);
	EXPECT(all_room(fd));
}

static void mapped_by_a_child(int fd)
{
	uint8_t *data = fill_and_free(fd);
	int ends[2], status = 0;
	char byte;
	pid_t pid;

	EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		close(ends[1]);
		data[0] = 1;
		_exit(read(ends[0], &byte, 1));
	}
	close(ends[0]);
	EXPECT_EQ(munmap(data, ROOM_PAGES * PAGE), 0);
	EXPECT(!all_room(fd));
	close(ends[1]);
	EXPECT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	EXPECT(all_room(fd));
}

/* The mapping keeps the file open, and with it the function. */
static void mapped_after_closing(void)
{
	int fd = open_node(edu);
	uint8_t *data;

	fill_room(fd, &data, 1);
	close(fd);
	EXPECT_EQ(open_node(edu), -EBUSY);
	data[0] = 1;
	EXPECT_EQ(munmap(data, ROOM_PAGES * PAGE), 0);
	fd = open_node(edu);
	EXPECT(all_room(fd));
	close(fd);
}

/* What the device had goes by itself; what the process has stays. */
static void mapped_after_unbinding(void)
{
	time_t end = time(NULL) + 30;
	uint8_t *data;
	int fd = open_node(edu), after;

	fill_room(fd, &data, 1);
	EXPECT(unbind_function(edu));
	EXPECT(bind_function(edu));
	after = open_node(edu);
	EXPECT(!all_room(after));
	data[0] = 1;
	EXPECT_EQ(munmap(data, ROOM_PAGES * PAGE), 0);
	while (!all_room(after) && time(NULL) < end)
		usleep(1000);
	EXPECT(all_room(after));
	close(after);
	close(fd);
}

static void charged_while_mapped(void)
{
	int fd = open_node(edu);

	EXPECT(all_room(fd));
	unmapped_in_parts(fd);
	mapped_twice(fd);
	mapped_elsewhere(fd);
	mapped_by_a_child(fd);
	close(fd);
	mapped_after_closing();
	mapped_after_unbinding();
}

/* Freeing, mapped, is no way to lock more than may be. */
static void memory_is_charged_while_mapped(void)
{
	with_little_room(charged_while_mapped);
}

/* Offsets fit the 2^44 bytes that mmap() of a process of 32 bits reaches. */
static void offsets_fit_all_processes(void)
{
	int fd = open_node(edu), i;
	struct usher_raw_dma dma;
	uint64_t bus, highest = 0;

	for (i = 0; i < 3000; i++) {
		if (dma_alloc(fd, 1, &dma, &bus) || dma_free(fd, dma.id))
			break;
		highest = dma.offset > highest ? dma.offset : highest;
	}
	EXPECT_EQ(i, 3000);
	EXPECT(highest < 1ULL << 44);
	close(fd);
}

static int alloc_range(int fd, uint32_t pages, struct usher_raw_dma *dma,
		       uint64_t *bus)
{
	*dma = (struct usher_raw_dma) {
		.size = sizeof(*dma),
		.flags = USHER_RAW_DMA_CONTIGUOUS,
		.length = (uint64_t)pages * PAGE,
		.bus = (uintptr_t)bus,
		.nr_bus = pages,
	};
	return call(fd, USHER_RAW_IOC_DMA_ALLOC, dma);
}

static bool is_range(const uint64_t *bus, uint32_t pages)
{
	uint32_t i;

	for (i = 1; i < pages; i++)
		if (bus[i] != bus[0] + i * PAGE)
			return false;
	return true;
}

/* One range, also of odd lengths, and where no IOMMU makes it one */
static void memory_in_one_range(void)
{
	static const uint32_t lengths[] = { 1, 2, 3, 17, 64, 100 };
	static uint8_t own[2 * PAGE] __attribute__((aligned(PAGE)));
	static uint64_t bus[BIG_PAGES];
	struct usher_raw_dma dma;
	int fd = open_node(edu);
	uint8_t *data;
	size_t i;

	EXPECT_EQ(dma_bits(fd, EDU_ADDRESS_BITS), 0);
	EXPECT_EQ(dma_register(fd, own, sizeof(own), USHER_RAW_DMA_CONTIGUOUS, 2, bus),
		  -EINVAL);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		EXPECT_EQ(alloc_range(fd, lengths[i], &dma, bus), 0);
		EXPECT(is_range(bus, lengths[i]));
		EXPECT(bus[lengths[i] - 1] >> EDU_ADDRESS_BITS == 0);
		data = map(fd, dma.offset, dma.length, MAP_SHARED);
		EXPECT(data != MAP_FAILED);
		EXPECT_EQ(data[dma.length - 1], 0);
		munmap(data, dma.length);
		EXPECT_EQ(dma_free(fd, dma.id), 0);
	}
	/* More than the kernel has in one piece, and then any pages */
	EXPECT_EQ(alloc_range(fd, 2048, &dma, bus),
		  info_of(fd).flags & USHER_RAW_CONTIGUOUS ? 0 : -ENOMEM);
	EXPECT_EQ(dma_alloc(fd, 777, &dma, bus), 0);
	data = map(fd, dma.offset, dma.length, MAP_SHARED);
	memset(data, 0x5a, dma.length);
	EXPECT(mremap(data, dma.length, dma.length + PAGE, MREMAP_MAYMOVE) == MAP_FAILED);
	EXPECT_EQ(errno, EFAULT);
	munmap(data, dma.length);
	close(fd);
}

static long free_pages(void)
{
	char name[64];
	long pages = -1;
	FILE *file = fopen("/proc/vmstat", "re");

	while (file && fscanf(file, "%63s %ld", name, &pages) == 2)
		if (!strcmp(name, "nr_free_pages"))
			break;
	if (file)
		fclose(file);
	return pages;
}

/* A range of 17 pages is cut from one of 32. */
static void ranges_are_given_back_whole(void)
{
	int fd = open_node(edu), i;
	struct usher_raw_dma dma;
	uint64_t bus[17];
	long before;

	if (info_of(fd).flags & USHER_RAW_CONTIGUOUS) {
		printf("# not tested: the IOMMU makes ranges of single pages\n");
		close(fd);
		return;
	}
	before = free_pages();
	for (i = 0; i < 1000; i++)
		if (alloc_range(fd, ARRAY_SIZE(bus), &dma, bus) || dma_free(fd, dma.id))
			break;
	EXPECT_EQ(i, 1000);
	/* Less than half of what would be missing */
	EXPECT(before - free_pages() < 1000 * (32 - 17) / 2);
	close(fd);
}

/* What others had in it is not for the process. */
static void memory_comes_zeroed(void)
{
	struct usher_raw_dma dma;
	int fd = open_node(edu), i;
	uint64_t bus[64];
	uint8_t *data;

	for (i = 0; i < 4; i++) {
		EXPECT_EQ(dma_alloc(fd, ARRAY_SIZE(bus), &dma, bus), 0);
		data = map(fd, dma.offset, dma.length, MAP_SHARED);
		EXPECT(data != MAP_FAILED);
		EXPECT(!data[0] && !memcmp(data, data + 1, dma.length - 1));
		memset(data, 0xa5, dma.length);
		munmap(data, dma.length);
		EXPECT_EQ(dma_free(fd, dma.id), 0);
	}
	close(fd);
}

static bool is_debug(void)
{
	struct utsname name;

	return !uname(&name) && strstr(name.release, "-debug");
}

static void pieces_have_an_end(void)
{
	static uint8_t data[PAGE] __attribute__((aligned(PAGE)));
	uint64_t bus;
	int fd, id, count = 0;

	if (is_debug()) {
		printf("# not tested: DMA debugging reports so many mappings of a page\n");
		return;
	}
	fd = open_node(edu);
	do
		id = dma_register(fd, data, PAGE, 0, 1, &bus);
	while (id > 0 && ++count);
	EXPECT_EQ(id, -EBUSY);
	EXPECT_EQ(count, 65535);
	EXPECT_EQ(dma_free(fd, 17), 0);
	EXPECT_EQ(dma_register(fd, data, PAGE, 0, 1, &bus), 17);
	close(fd);
}

/* Last: the kernel would copy all memory to where the device reaches it. */
static void what_would_be_bounced(void)
{
	static uint8_t data[2 * PAGE] __attribute__((aligned(PAGE)));
	struct usher_raw_dma dma;
	int fd = open_node(edu);
	uint64_t bus[2];

	EXPECT(fd >= 0);
	EXPECT_EQ(dma_register(fd, data, sizeof(data), 0, 2, bus), -EOPNOTSUPP);
	EXPECT_EQ(dma_alloc(fd, 2, &dma, bus), -EOPNOTSUPP);
	EXPECT(!is_master(fd));
	close(fd);
}

static void mastering_comes_and_goes(void)
{
	struct usher_raw_dma dma;
	int fd = open_node(edu), event = eventfd(0, EFD_CLOEXEC);
	uint64_t bus[2];

	EXPECT(!is_master(fd));
	EXPECT_EQ(dma_alloc(fd, 1, &dma, bus), 0);
	EXPECT(is_master(fd));
	EXPECT_EQ(reset(fd), 0);
	EXPECT(is_master(fd));
	EXPECT_EQ(irq_enable(fd, USHER_RAW_IRQ_MSI, 1, &event), 0);
	EXPECT_EQ(dma_free(fd, dma.id), 0);
	EXPECT(is_master(fd));
	EXPECT_EQ(irq_disable(fd), 0);
	EXPECT(!is_master(fd));
	EXPECT_EQ(irq_disable(fd), 0);
	close(event);
	close(fd);
}

static bool comes(int event, int timeout)
{
	struct pollfd file = { .fd = event, .events = POLLIN };
	uint64_t count;

	return poll(&file, 1, timeout) > 0 && read(event, &count, 8) == 8;
}

static void interrupts_are_checked(void)
{
	int event = eventfd(0, EFD_CLOEXEC), none = -1, file = open("/dev/null", O_RDWR);
	int fd = open_node(edu);
	uint8_t *registers = map(fd, 0, PAGE, MAP_SHARED);

	EXPECT_EQ(irq_enable(fd, 0, 1, &event), -EINVAL);
	EXPECT_EQ(irq_enable(fd, 4, 1, &event), -EINVAL);
	EXPECT_EQ(irq_enable(fd, USHER_RAW_IRQ_MSI, 0, &event), -EINVAL);
	EXPECT_EQ(irq_enable(fd, USHER_RAW_IRQ_MSI, 2, &event), -EINVAL);
	EXPECT_EQ(irq_enable(fd, USHER_RAW_IRQ_MSIX, 1, &event), -EOPNOTSUPP);
	EXPECT_EQ(irq_enable(fd, USHER_RAW_IRQ_MSI, 1, NULL), -EFAULT);
	EXPECT_EQ(irq_enable(fd, USHER_RAW_IRQ_MSI, 1, &none), -EBADF);
	EXPECT_EQ(irq_enable(fd, USHER_RAW_IRQ_MSI, 1, &file), -EINVAL);
	EXPECT_EQ(irq_mask(fd, 0, 1), -EINVAL);
	EXPECT_EQ(irq_enable(fd, USHER_RAW_IRQ_MSI, 1, &event), 0);
	EXPECT_EQ(irq_enable(fd, USHER_RAW_IRQ_MSI, 1, &event), -EBUSY);
	EXPECT_EQ(irq_mask(fd, 1, 1), -EINVAL);
	EXPECT_EQ(irq_mask(fd, 0, 2), -EINVAL);

	/* Masked by the kernel, and not lost */
	EXPECT_EQ(irq_mask(fd, 0, 1), 0);
	EXPECT_EQ(irq_mask(fd, 0, 1), 0);
	write32(registers, EDU_RAISE, 1);
	EXPECT(!comes(event, 50));
	EXPECT_EQ(irq_mask(fd, 0, 0), 0);
	EXPECT(comes(event, 10000));
	EXPECT_EQ(irq_mask(fd, 0, 0), 0);
	write32(registers, EDU_RAISE, 1);
	EXPECT(comes(event, 10000));

	/* Closed with it on and masked */
	EXPECT_EQ(irq_mask(fd, 0, 1), 0);
	munmap(registers, PAGE);
	close(fd);
	close(event);
	close(file);
}

/* Without a handler the pin is off, or what shares its line goes down with it. */
static void the_pin_is_off_without_a_handler(void)
{
	static const uint32_t kinds[] = { USHER_RAW_IRQ_INTX, USHER_RAW_IRQ_MSI };
	int event = eventfd(0, EFD_CLOEXEC), fd = open_node(edu);
	size_t i;

	EXPECT(in_command(fd, COMMAND_NO_INTX));
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		EXPECT_EQ(irq_enable(fd, kinds[i], 1, &event), 0);
		EXPECT_EQ(in_command(fd, COMMAND_NO_INTX),
			  kinds[i] != USHER_RAW_IRQ_INTX);
		EXPECT_EQ(irq_disable(fd), 0);
		EXPECT(in_command(fd, COMMAND_NO_INTX));
	}
	close(event);
	close(fd);
}

/* Raises INTx; it comes, which masks it, and the device is told. */
static void one_pin(uint8_t *registers, int event)
{
	write32(registers, EDU_RAISE, 1);
	EXPECT(comes(event, 10000));
	write32(registers, EDU_ACKNOWLEDGE, 1);
}

/* It comes once, and is masked, as one that comes later. */
static void a_pin_that_is_up_already(void)
{
	int event = eventfd(0, EFD_CLOEXEC), fd = open_node(edu);
	uint8_t *registers = map(fd, 0, PAGE, MAP_SHARED);

	write32(registers, EDU_RAISE, 1);
	EXPECT_EQ(irq_enable(fd, USHER_RAW_IRQ_INTX, 1, &event), 0);
	EXPECT(comes(event, 10000));
	EXPECT(in_command(fd, COMMAND_NO_INTX));
	write32(registers, EDU_ACKNOWLEDGE, 1);
	EXPECT_EQ(irq_mask(fd, 0, 0), 0);
	EXPECT(!in_command(fd, COMMAND_NO_INTX));
	EXPECT(!comes(event, 50));
	one_pin(registers, event);
	munmap(registers, PAGE);
	close(event);
	close(fd);
}

/* Masked or not, it is afterwards as it was before. */
static void a_pin_survives_resets(void)
{
	int event = eventfd(0, EFD_CLOEXEC), fd = open_node(edu), i;
	uint8_t *registers = map(fd, 0, PAGE, MAP_SHARED);

	EXPECT_EQ(irq_enable(fd, USHER_RAW_IRQ_INTX, 1, &event), 0);
	for (i = 0; i < 2; i++) {
		EXPECT(i ? reset_by_sysfs(edu) : !reset(fd));
		EXPECT(!in_command(fd, COMMAND_NO_INTX));
		one_pin(registers, event);
		EXPECT(i ? reset_by_sysfs(edu) : !reset(fd));
		EXPECT(in_command(fd, COMMAND_NO_INTX));
		write32(registers, EDU_RAISE, 1);
		EXPECT(!comes(event, 50));
		write32(registers, EDU_ACKNOWLEDGE, 1);
		EXPECT_EQ(irq_mask(fd, 0, 0), 0);
	}
	munmap(registers, PAGE);
	close(event);
	close(fd);
}

/* ---- the line that it shares ---- */

/* Interrupts on it since the kernel was booted, whosever they were */
static long interrupts_of(long irq)
{
	char path[64], text[4096] = "", *at = text;
	long sum = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/irq/%ld/per_cpu_count", irq);
	file = fopen(path, "r");
	EXPECT(file && fgets(text, sizeof(text), file));
	if (file)
		fclose(file);
	while (*at) {
		sum += strtol(at, &at, 10);
		at += *at == ',' || *at == '\n';
	}
	return sum;
}

/* Whoever else is on the line of EDU's pin must have it: BARE is. */
static int neighbour_on_the_line(void)
{
	int event = eventfd(0, EFD_CLOEXEC), fd = open_node(bare);

	EXPECT(fd >= 0);
	EXPECT_EQ(irq_enable(fd, USHER_RAW_IRQ_INTX, 1, &event), 0);
	EXPECT_EQ(function_attribute(bare, "irq"), function_attribute(edu, "irq"));
	close(event);
	return fd;
}

static bool over;

static void *raise_all_the_time(void *registers)
{
	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE))
		write32(registers, EDU_RAISE, 1);
	return NULL;
}

/* What it raises while nobody serves it does not reach the line, not for a moment. */
static void the_line_is_left_alone(uint32_t kind)
{
	int event = eventfd(0, EFD_CLOEXEC), fd = open_node(edu), i;
	long irq = function_attribute(edu, "irq"), before;
	uint8_t *registers = map(fd, 0, PAGE, MAP_SHARED);
	int neighbour = neighbour_on_the_line();
	pthread_t thread;

	over = false;
	/* Before it is switched on: it would be right to come afterwards. */
	write32(registers, EDU_RAISE, 1);
	before = interrupts_of(irq);
	EXPECT_EQ(pthread_create(&thread, NULL, raise_all_the_time, registers), 0);
	for (i = 0; i < 100; i++) {
		EXPECT_EQ(irq_enable(fd, kind, 1, &event), 0);
		EXPECT_EQ(irq_disable(fd), 0);
	}
	__atomic_store_n(&over, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	write32(registers, EDU_ACKNOWLEDGE, UINT32_MAX);
	EXPECT_EQ(interrupts_of(irq), before);
	munmap(registers, PAGE);
	close(neighbour);
	close(event);
	close(fd);
}

static void a_pending_pin_leaves_the_line_alone(void)
{
	the_line_is_left_alone(USHER_RAW_IRQ_INTX);
}

static void messages_leave_the_line_alone(void)
{
	the_line_is_left_alone(USHER_RAW_IRQ_MSI);
}

static void *alloc_all_the_time(void *data)
{
	int fd = *(int *)data;
	struct usher_raw_dma dma;
	uint64_t bus;

	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
		EXPECT_EQ(dma_alloc(fd, 1, &dma, &bus), 0);
		EXPECT_EQ(dma_free(fd, dma.id), 0);
	}
	return NULL;
}

/* Both change the command register: the pin stays masked until it was served. */
static void masking_does_not_race_with_mastering(void)
{
	int event = eventfd(0, EFD_CLOEXEC), fd = open_node(edu), i, n;
	uint8_t *registers = map(fd, 0, PAGE, MAP_SHARED);
	bool masked = true;
	pthread_t thread;

	over = false;
	EXPECT_EQ(irq_enable(fd, USHER_RAW_IRQ_INTX, 1, &event), 0);
	EXPECT_EQ(pthread_create(&thread, NULL, alloc_all_the_time, &fd), 0);
	for (i = 0; i < 300 && masked; i++) {
		write32(registers, EDU_RAISE, 1);
		EXPECT(comes(event, 5000));
		for (n = 0; n < 3; n++)
			masked = masked && in_command(fd, COMMAND_NO_INTX);
		write32(registers, EDU_ACKNOWLEDGE, 1);
		EXPECT_EQ(irq_mask(fd, 0, 0), 0);
	}
	EXPECT(masked);
	__atomic_store_n(&over, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	munmap(registers, PAGE);
	close(event);
	close(fd);
}

/* As who restores the command register, with what it held before */
static void switch_pin_on(int fd)
{
	uint32_t command = 0;
	char path[128];
	uint16_t value;
	int config;

	EXPECT_EQ(config_read(fd, COMMAND, 2, &command), 0);
	value = command & ~COMMAND_NO_INTX;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", edu);
	config = open(path, O_RDWR | O_CLOEXEC);
	EXPECT_EQ(pwrite(config, &value, 2, COMMAND), 2);
	close(config);
}

/* Another processor may take it, a moment later. */
static bool came_and_was_masked(int fd, long irq, long before)
{
	int i;

	for (i = 0; i < 5000; i++) {
		if (interrupts_of(irq) > before && in_command(fd, COMMAND_NO_INTX))
			return true;
		usleep(1000);
	}
	return false;
}

/* It comes again, is masked again, and the process knows of it already. */
static void a_pin_that_others_switch_on(void)
{
	int event = eventfd(0, EFD_CLOEXEC), fd = open_node(edu), i;
	uint8_t *registers = map(fd, 0, PAGE, MAP_SHARED);
	long irq = function_attribute(edu, "irq"), before;

	EXPECT_EQ(irq_enable(fd, USHER_RAW_IRQ_INTX, 1, &event), 0);
	write32(registers, EDU_RAISE, 1);
	EXPECT(comes(event, 5000));
	for (i = 0; i < 10; i++) {
		before = interrupts_of(irq);
		switch_pin_on(fd);
		EXPECT(came_and_was_masked(fd, irq, before));
		EXPECT(interrupts_of(irq) < before + 100);
		EXPECT(!comes(event, 0));
	}
	write32(registers, EDU_ACKNOWLEDGE, 1);
	EXPECT_EQ(irq_mask(fd, 0, 0), 0);
	EXPECT(!in_command(fd, COMMAND_NO_INTX));
	one_pin(registers, event);
	munmap(registers, PAGE);
	close(event);
	close(fd);
}

static void vectors_have_an_end(void)
{
	uint32_t count, i;
	int event = eventfd(0, EFD_CLOEXEC);
	int fd = open_node(nvme), *events;

	EXPECT(fd >= 0);
	count = info_of(fd).msix;
	events = calloc(count, sizeof(*events));
	for (i = 0; i < count; i++)
		events[i] = event;
	EXPECT_EQ(irq_enable(fd, USHER_RAW_IRQ_MSIX, count, events), -ENOSPC);
	EXPECT(!is_master(fd));
	EXPECT_EQ(irq_enable(fd, USHER_RAW_IRQ_MSIX, 2, events), 0);
	free(events);
	close(fd);
	close(event);
}

/* ---- at any moment ---- */

/*
 * QEMU does not reset what it is at: without an IOMMU, memory of its former owner
 * is out of its reach only as long as bus mastering is off.
 */
static void edu_dma_wait(const uint8_t *registers)
{
	while (read32(registers, EDU_DMA_COMMAND) & 1)
		usleep(1000);
}

/**
 * struct worker - an educational device at work
 * @fd: function
 * @registers: mapped
 * @data: memory that the device writes
 * @bus: its bus address
 * @end: stop
 * @thread: gives it work
 */
struct worker {
	int fd;
	uint8_t *registers;
	uint8_t *data;
	uint64_t bus[1];
	bool end;
	pthread_t thread;
};

static void *work(void *data)
{
	struct worker *worker = data;

	while (!__atomic_load_n(&worker->end, __ATOMIC_ACQUIRE)) {
		if (sigsetjmp(on_fault, 1))
			break;
		write64(worker->registers, EDU_DMA_SOURCE, EDU_BUFFER);
		write64(worker->registers, EDU_DMA_DESTINATION, worker->bus[0]);
		write64(worker->registers, EDU_DMA_COUNT, 2048);
		write64(worker->registers, EDU_DMA_COMMAND, EDU_DMA_TO_MEMORY);
	}
	return NULL;
}

static bool worker_start(struct worker *worker)
{
	struct usher_raw_dma dma;

	worker->end = false;
	worker->fd = open_node(edu);
	EXPECT(worker->fd >= 0);
	worker->registers = map(worker->fd, 0, PAGE, MAP_SHARED);
	if (worker->registers == MAP_FAILED)
		return false;
	edu_dma_wait(worker->registers);
	EXPECT_EQ(dma_bits(worker->fd, EDU_ADDRESS_BITS), 0);
	EXPECT_EQ(dma_alloc(worker->fd, 1, &dma, worker->bus), 0);
	worker->data = map(worker->fd, dma.offset, PAGE, MAP_SHARED);
	if (worker->data == MAP_FAILED)
		return false;
	return !pthread_create(&worker->thread, NULL, work, worker);
}

static void worker_stop(struct worker *worker)
{
	__atomic_store_n(&worker->end, true, __ATOMIC_RELEASE);
	pthread_join(worker->thread, NULL);
	munmap(worker->data, PAGE);
	munmap(worker->registers, PAGE);
	close(worker->fd);
}

/* All but closing answers that it is gone. */
static void expect_gone(const struct worker *worker)
{
	struct pollfd file = { .fd = worker->fd, .events = POLLIN };
	struct usher_raw_info info = { .size = sizeof(info) };
	struct usher_raw_dma dma;
	int event = eventfd(0, EFD_CLOEXEC);
	uint64_t bus;
	uint32_t value;

	EXPECT_EQ(poll(&file, 1, 0), 1);
	EXPECT_EQ(file.revents, POLLIN | POLLHUP | POLLERR);
	EXPECT_EQ(call(worker->fd, USHER_RAW_IOC_INFO, &info), -ENODEV);
	EXPECT_EQ(config_read(worker->fd, 0, 4, &value), -ENODEV);
	EXPECT_EQ(config_write(worker->fd, STATUS, 2, 0), -ENODEV);
	EXPECT_EQ(dma_bits(worker->fd, 64), -ENODEV);
	EXPECT_EQ(dma_alloc(worker->fd, 1, &dma, &bus), -ENODEV);
	EXPECT_EQ(dma_free(worker->fd, 1), -ENODEV);
	EXPECT_EQ(irq_enable(worker->fd, USHER_RAW_IRQ_MSI, 1, &event), -ENODEV);
	EXPECT_EQ(irq_mask(worker->fd, 0, 1), -ENODEV);
	EXPECT_EQ(reset(worker->fd), -ENODEV);
	EXPECT(map(worker->fd, 0, PAGE, MAP_SHARED) == MAP_FAILED);
	EXPECT_EQ(errno, ENODEV);
	EXPECT(faults(worker->registers));
	EXPECT(!faults(worker->data));
	close(event);
}

static void unbound_in_mid_dma(void)
{
	struct sigaction action = { .sa_handler = fault };
	struct worker worker;
	int i;

	for (i = 0; i < 10; i++) {
		sigaction(SIGBUS, &action, NULL);
		EXPECT(worker_start(&worker));
		usleep(rand() % 20000);
		/* does not wait for us, who have it open */
		EXPECT(unbind_function(edu));
		__atomic_store_n(&worker.end, true, __ATOMIC_RELEASE);
		pthread_join(worker.thread, NULL);
		expect_gone(&worker);
		munmap(worker.data, PAGE);
		munmap(worker.registers, PAGE);
		if (i % 2)
			close(worker.fd);
		EXPECT(bind_function(edu));
		if (i % 2 == 0)
			close(worker.fd);
	}
	signal(SIGBUS, SIG_DFL);
}

/* The pages of each region go, and not only the first ones. */
static void unbound_with_all_regions(void)
{
	uint8_t *registers[USHER_RAW_REGIONS] = { NULL };
	struct usher_raw_region regions[USHER_RAW_REGIONS];
	int fd = open_node(nic), found = 0, i;

	for (i = 0; i < USHER_RAW_REGIONS; i++) {
		regions[i] = region_of(fd, i);
		if (!(regions[i].flags & USHER_RAW_REGION_MMAP))
			continue;
		registers[i] = map(fd, regions[i].offset, regions[i].bytes, MAP_SHARED);
		EXPECT(!faults(registers[i] + PAGE));
		found++;
	}
	EXPECT(found > 1);
	EXPECT(unbind_function(nic));
	for (i = 0; i < USHER_RAW_REGIONS; i++) {
		if (!registers[i])
			continue;
		EXPECT(faults(registers[i] + PAGE));
		munmap(registers[i], regions[i].bytes);
	}
	close(fd);
	EXPECT(bind_function(nic));
}

static void reset_in_mid_dma(void)
{
	struct worker worker;
	int i;

	EXPECT(worker_start(&worker));
	for (i = 0; i < 5; i++) {
		usleep(rand() % 20000);
		EXPECT_EQ(reset(worker.fd), 0);
	}
	EXPECT_EQ(read32(worker.registers, EDU_ID), EDU_ID_VALUE);
	worker_stop(&worker);
}

/**
 * struct toucher - a thread that reads a register
 * @registers: mapped
 * @others: how often it was not what it always is
 * @end: stop
 */
struct toucher {
	const uint8_t *registers;
	uint32_t others;
	bool end;
};

static void *touch_all_the_time(void *data)
{
	struct toucher *toucher = data;

	while (!__atomic_load_n(&toucher->end, __ATOMIC_ACQUIRE))
		toucher->others += read32(toucher->registers, EDU_ID) != EDU_ID_VALUE;
	return NULL;
}

/* Who touches a register waits until it is there again. */
static void registers_wait_for_resets(void)
{
	int fd = open_node(edu), i;
	uint8_t *registers = map(fd, 0, PAGE, MAP_SHARED);
	struct toucher toucher = { .registers = registers };
	pthread_t thread;

	EXPECT_EQ(pthread_create(&thread, NULL, touch_all_the_time, &toucher), 0);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(reset(fd), 0);
	__atomic_store_n(&toucher.end, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	EXPECT_EQ(toucher.others, 0);
	munmap(registers, PAGE);
	close(fd);
}

static void *touch_what_is_there(void *data)
{
	struct toucher *toucher = data;

	while (!__atomic_load_n(&toucher->end, __ATOMIC_ACQUIRE))
		if (!sigsetjmp(on_fault, 1))
			toucher->others += read32(toucher->registers, EDU_ID) != EDU_ID_VALUE;
	return NULL;
}

/* Who touches a register meanwhile does not reach the device. */
static void registers_go_for_resets_by_others(void)
{
	struct sigaction action = { .sa_handler = fault };
	int fd = open_node(edu), i;
	uint8_t *registers = map(fd, 0, PAGE, MAP_SHARED);
	struct toucher toucher = { .registers = registers };
	pthread_t thread;

	sigaction(SIGBUS, &action, NULL);
	EXPECT_EQ(pthread_create(&thread, NULL, touch_what_is_there, &toucher), 0);
	for (i = 0; i < 3; i++)
		EXPECT(reset_by_sysfs(edu));
	__atomic_store_n(&toucher.end, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	signal(SIGBUS, SIG_DFL);
	EXPECT_EQ(toucher.others, 0);
	EXPECT_EQ(read32(registers, EDU_ID), EDU_ID_VALUE);
	munmap(registers, PAGE);
	close(fd);
}

static void reset_by_others(void)
{
	struct sigaction action = { .sa_handler = fault };
	struct worker worker;
	int i;

	for (i = 0; i < 5; i++) {
		sigaction(SIGBUS, &action, NULL);
		EXPECT(worker_start(&worker));
		usleep(rand() % 20000);
		EXPECT(reset_by_sysfs(edu));
		EXPECT(is_master(worker.fd));
		worker_stop(&worker);
	}
	signal(SIGBUS, SIG_DFL);
}

/**
 * struct reader - a thread that reads configuration space
 * @fd: function
 * @value: that it is to find
 * @others: how often it found another
 * @end: stop
 */
struct reader {
	int fd;
	uint32_t value;
	uint32_t others;
	bool end;
};

static void *read_all_the_time(void *data)
{
	struct reader *reader = data;
	uint32_t value;

	while (!__atomic_load_n(&reader->end, __ATOMIC_ACQUIRE))
		if (config_read(reader->fd, BAR0, 4, &value) ||
		    value != reader->value)
			reader->others++;
	return NULL;
}

/* A call waits until the function is there again. */
static void calls_wait_for_resets_by_others(void)
{
	struct reader reader = { .fd = open_node(edu) };
	pthread_t thread;
	int i;

	EXPECT_EQ(config_read(reader.fd, BAR0, 4, &reader.value), 0);
	EXPECT(reader.value);
	EXPECT_EQ(pthread_create(&thread, NULL, read_all_the_time, &reader), 0);
	for (i = 0; i < 3; i++)
		EXPECT(reset_by_sysfs(edu));
	__atomic_store_n(&reader.end, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	EXPECT_EQ(reader.others, 0);
	close(reader.fd);
}

static void *reset_without_end(void *data)
{
	bool *end = data;

	while (!__atomic_load_n(end, __ATOMIC_ACQUIRE))
		EXPECT(reset_by_sysfs(edu));
	return NULL;
}

static void reset_by_two(void)
{
	time_t last = time(NULL) + 30;
	int fd = open_node(edu), ret;
	bool end = false;
	pthread_t thread;

	EXPECT_EQ(pthread_create(&thread, NULL, reset_without_end, &end), 0);
	do
		ret = reset(fd);
	while (!ret && time(NULL) < last);
	EXPECT_EQ(ret, -EAGAIN);
	__atomic_store_n(&end, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	EXPECT_EQ(reset(fd), 0);
	close(fd);
}

static void killed_in_mid_dma(void)
{
	struct worker worker;
	uint8_t *registers;
	int i, fd;
	pid_t pid;

	for (i = 0; i < 10; i++) {
		pid = fork();
		if (!pid) {
			worker_start(&worker);
			pause();
		}
		usleep(rand() % 40000);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		fd = open_node(edu);
		EXPECT(fd >= 0);
		registers = map(fd, 0, PAGE, MAP_SHARED);
		edu_dma_wait(registers);
		munmap(registers, PAGE);
		close(fd);
	}
}

static void edu_dma(uint8_t *registers, uint64_t from, uint64_t to,
		    uint64_t command)
{
	write64(registers, EDU_DMA_SOURCE, from);
	write64(registers, EDU_DMA_DESTINATION, to);
	write64(registers, EDU_DMA_COUNT, EDU_BUFFER_BYTES);
	write64(registers, EDU_DMA_COMMAND, command);
}

/* The device is told to write memory, which is freed just before it does. */
static void free_before_dma(int fd, uint8_t *registers)
{
	struct usher_raw_dma dma;
	uint64_t bus;
	uint8_t *data, found;

	EXPECT_EQ(dma_alloc(fd, 1, &dma, &bus), 0);
	data = map(fd, dma.offset, PAGE, MAP_SHARED);
	/* so that the IOMMU has the address at hand */
	edu_dma(registers, EDU_BUFFER, bus, EDU_DMA_TO_MEMORY);
	edu_dma_wait(registers);
	EXPECT_EQ(data[0], 0xaa);
	memset(data, 0, PAGE);
	edu_dma(registers, EDU_BUFFER, bus, EDU_DMA_TO_MEMORY);
	usleep(EDU_DMA_US - 5000);
	EXPECT_EQ(dma_free(fd, dma.id), 0);
	found = *(const __volatile__ uint8_t *)data;
	edu_dma_wait(registers);
	EXPECT_EQ(*(const __volatile__ uint8_t *)data, found);
	munmap(data, PAGE);
}

/* How the IOMMU takes pages away: DMA at once, DMA-FQ when it is convenient */
static bool set_domain(const char *address, const char *type)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group/type",
		 address);
	return put(path, type);
}

static void freed_memory_is_out_of_reach(void)
{
	int fd = open_node(edu), i;
	struct usher_raw_dma dma;
	uint8_t *registers, *data;
	uint64_t bus;

	if (!(info_of(fd).flags & USHER_RAW_CONTIGUOUS)) {
		printf("# not tested: there is no IOMMU\n");
		close(fd);
		return;
	}
	EXPECT_EQ(dma_bits(fd, EDU_ADDRESS_BITS), 0);
	registers = map(fd, 0, PAGE, MAP_SHARED);
	EXPECT_EQ(dma_alloc(fd, 1, &dma, &bus), 0);
	data = map(fd, dma.offset, PAGE, MAP_SHARED);
	memset(data, 0xaa, PAGE);
	edu_dma(registers, bus, EDU_BUFFER, EDU_DMA_FROM_MEMORY);
	edu_dma_wait(registers);
	for (i = 0; i < 6; i++) {
		free_before_dma(fd, registers);
		if (i == 2)
			EXPECT(set_domain(edu, "DMA-FQ"));
	}
	EXPECT(!(info_of(fd).flags & USHER_RAW_IOMMU));
	munmap(data, PAGE);
	munmap(registers, PAGE);
	close(fd);
	EXPECT(unbind_function(edu));
	EXPECT(set_domain(edu, "DMA"));
	EXPECT(bind_function(edu));
}

/* Whether the kernel hears of errors: it may not have them, or leave them to firmware */
static bool handles_errors(void)
{
	FILE *file = fopen("/proc/interrupts", "re");
	bool found = false;
	char line[512];

	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, "aerdrv");
	if (file)
		fclose(file);
	return found;
}

/* Those that its port counted */
static long fatal_errors(void)
{
	return function_attribute(edu, "../aer_rootport_total_err_fatal");
}

static bool break_link(void)
{
	time_t end = time(NULL) + 30;

	if (system(BREAK_LINK))
		return false;
	while (!fatal_errors() && time(NULL) < end)
		usleep(1000);
	return fatal_errors() == 1;
}

/* The kernel resets the link, which takes all that the function was set to. */
static void recovers_from_errors_of_the_link(void)
{
	uint32_t command = 0, bar = 0, value = 0, index, i;
	struct usher_raw_region region;
	int fd = open_node(edu);
	struct usher_raw_dma dma;
	uint8_t *registers;
	uint64_t bus;

	if (!handles_errors()) {
		printf("# not tested: this kernel does not handle errors (AER)\n");
		close(fd);
		return;
	}
	for (index = 0; index < USHER_RAW_REGIONS; index++) {
		region = region_of(fd, index);
		if (region.flags & USHER_RAW_REGION_MMAP && !region.hole_bytes[0])
			break;
	}
	EXPECT(index < USHER_RAW_REGIONS);
	registers = map(fd, region.offset, PAGE, MAP_SHARED);
	EXPECT_EQ(dma_alloc(fd, 1, &dma, &bus), 0);
	EXPECT_EQ(config_read(fd, COMMAND, 2, &command), 0);
	EXPECT_EQ(config_read(fd, BAR0 + index * 4, 4, &bar), 0);
	EXPECT(command & COMMAND_MASTER && bar & ~0xfU);

	EXPECT(break_link());
	/* before, meanwhile, when calls wait, and after */
	for (i = 0; i < 100; i++) {
		EXPECT_EQ(config_read(fd, COMMAND, 2, &value), 0);
		EXPECT_EQ(value, command);
		EXPECT_EQ(config_read(fd, BAR0 + index * 4, 4, &value), 0);
		EXPECT_EQ(value, bar);
		if (value != bar)
			break;
		usleep(10000);
	}
	EXPECT(!faults(registers));
	munmap(registers, PAGE);
	close(fd);
	fd = open_node(edu);
	EXPECT(fd >= 0);
	close(fd);
}

/* A node that somebody made elsewhere is the same function. */
static void other_nodes(void)
{
	char path[64];
	struct stat node;
	uint8_t *registers;
	int fd;

	snprintf(path, sizeof(path), "/dev/usher-raw/%s", edu);
	EXPECT_EQ(stat(path, &node), 0);
	EXPECT_EQ(node.st_mode & 0777, 0600);
	unlink("/dev/raw-test");
	EXPECT_EQ(mknod("/dev/raw-test", S_IFCHR | 0600, node.st_rdev), 0);
	fd = open("/dev/raw-test", O_RDWR | O_CLOEXEC);
	EXPECT(fd >= 0);
	EXPECT_EQ(open_node(edu), -EBUSY);
	registers = map(fd, 0, PAGE, MAP_SHARED);
	EXPECT_EQ(read32(registers, EDU_ID), EDU_ID_VALUE);
	EXPECT(unbind_function(edu));
	EXPECT(faults(registers));
	EXPECT_EQ(open("/dev/raw-test", O_RDWR | O_CLOEXEC), -1);
	EXPECT_EQ(errno, ENODEV);
	munmap(registers, PAGE);
	close(fd);
	EXPECT_EQ(open("/dev/raw-test", O_RDWR | O_CLOEXEC), -1);
	EXPECT_EQ(errno, ENXIO);
	unlink("/dev/raw-test");
	EXPECT(bind_function(edu));
}

/* Memory of a former owner */
static void expect_forgotten(int fd, const struct usher_raw_dma *dma)
{
	EXPECT_EQ(dma_free(fd, dma->id), -ENOENT);
	EXPECT(map(fd, dma->offset, dma->length, MAP_SHARED) == MAP_FAILED);
	EXPECT_EQ(errno, EINVAL);
}

/* The next owner gets at it neither by its name nor by the device. */
static void memory_goes_with_its_owner(void)
{
	static uint8_t data[16 * PAGE] __attribute__((aligned(PAGE)));
	struct usher_raw_dma former, dma;
	uint64_t bus[16], other;
	int fd = open_node(edu);
	uint8_t *registers, *memory;

	EXPECT_EQ(dma_alloc(fd, 2, &former, bus), 0);
	close(fd);
	fd = open_node(edu);
	expect_forgotten(fd, &former);
	if (!(info_of(fd).flags & USHER_RAW_CONTIGUOUS)) {
		printf("# not tested with the device: there is no IOMMU\n");
		close(fd);
		return;
	}
	EXPECT_EQ(dma_bits(fd, EDU_ADDRESS_BITS), 0);
	EXPECT(dma_register(fd, data, sizeof(data), 0, 16, bus) > 0);
	close(fd);

	fd = open_node(edu);
	EXPECT_EQ(dma_bits(fd, EDU_ADDRESS_BITS), 0);
	EXPECT_EQ(dma_alloc(fd, 1, &dma, &other), 0);
	memory = map(fd, dma.offset, PAGE, MAP_SHARED);
	registers = map(fd, 0, PAGE, MAP_SHARED);
	memset(memory, 0xaa, PAGE);
	edu_dma(registers, other, EDU_BUFFER, EDU_DMA_FROM_MEMORY);
	edu_dma_wait(registers);
	edu_dma(registers, EDU_BUFFER, bus[bus[15] == other ? 14 : 15], EDU_DMA_TO_MEMORY);
	edu_dma_wait(registers);
	EXPECT(!memchr(data, 0xaa, sizeof(data)));
	/* It would have written. */
	memset(memory, 0, PAGE);
	edu_dma(registers, EDU_BUFFER, other, EDU_DMA_TO_MEMORY);
	edu_dma_wait(registers);
	EXPECT_EQ(memory[0], 0xaa);
	munmap(memory, PAGE);
	munmap(registers, PAGE);
	close(fd);
}

/* Without a reset, what the device may have in mind stays. */
static void quarantine(void)
{
	struct usher_raw_dma dma;
	uint32_t line, value;
	uint64_t bus[8];
	int fd = open_node(bare);

	EXPECT(fd >= 0);
	EXPECT(!(info_of(fd).flags & USHER_RAW_RESET));
	EXPECT_EQ(reset(fd), -EOPNOTSUPP);
	EXPECT_EQ(config_read(fd, CACHE_LINE_SIZE, 1, &line), 0);
	EXPECT_EQ(config_write(fd, CACHE_LINE_SIZE, 1, line ^ 0x55), 0);
	EXPECT_EQ(dma_alloc(fd, 5, &dma, bus), 0);
	EXPECT_EQ(dma_free(fd, dma.id), 0);
	EXPECT_EQ(dma_alloc(fd, 7, &dma, bus), 0);
	EXPECT_EQ(attribute(bare, "quarantined_pages"), 0);
	close(fd);
	EXPECT_EQ(attribute(bare, "quarantined_pages"), 7);

	fd = open_node(bare);
	EXPECT(fd >= 0);
	EXPECT(!is_master(fd));
	EXPECT_EQ(info_of(fd).quarantined, 7);
	EXPECT_EQ(config_read(fd, CACHE_LINE_SIZE, 1, &value), 0);
	EXPECT_EQ(value, line);
	expect_forgotten(fd, &dma);
	EXPECT_EQ(dma_alloc(fd, 3, &dma, bus), 0);
	close(fd);
	EXPECT_EQ(attribute(bare, "quarantined_pages"), 10);
	EXPECT(unbind_function(bare));
	EXPECT(bind_function(bare));
	EXPECT_EQ(attribute(bare, "quarantined_pages"), 0);
}

/* Who has a port has what is behind it. */
static void ports_are_not_for_processes(void)
{
	char port[32] = "", path[128];
	bool was_bound;

	EXPECT(bridge_above(small, port, sizeof(port)));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override", port);
	was_bound = put("/sys/bus/pci/drivers/pcieport/unbind", port);
	EXPECT(put(path, "usher-raw"));
	EXPECT(!bind_function(port));
	EXPECT(put(path, "\n"));
	if (was_bound)
		EXPECT(put("/sys/bus/pci/drivers/pcieport/bind", port));
}

/* The next driver finds what the PCI core gives, not what we made of it. */
static void leaves_nothing_behind(void)
{
	EXPECT(unbind_function(bare));
	EXPECT_EQ(function_attribute(bare, "dma_mask_bits"), 32);
	EXPECT_EQ(function_attribute(bare, "consistent_dma_mask_bits"), 32);
	EXPECT(bind_function(bare));
}

/* ---- who may ---- */

static int open_as_nobody(const char *address)
{
	char path[64];
	int status = 0;
	pid_t pid;

	snprintf(path, sizeof(path), "/dev/usher-raw/%s", address);
	EXPECT_EQ(chown(path, 65534, 65534), 0);
	pid = fork();
	if (!pid) {
		if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
			_exit(255);
		_exit(open(path, O_RDWR) < 0 ? errno : 0);
	}
	waitpid(pid, &status, 0);
	EXPECT_EQ(chown(path, 0, 0), 0);
	EXPECT(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

static bool is_tainted(void)
{
	return number_in("/proc/sys/kernel/tainted") >> TAINT_USER & 1;
}

/* An IOMMU that lets everything through contains nothing. */
static void who_may_behind_identity(void)
{
	if (attribute(edu, "contained") != 1) {
		printf("# not tested: it is not contained anyway\n");
		return;
	}
	EXPECT(unbind_function(edu));
	EXPECT(set_domain(edu, "identity"));
	EXPECT(bind_function(edu));
	EXPECT_EQ(attribute(edu, "contained"), 0);
	EXPECT_EQ(open_as_nobody(edu), -EPERM);
	EXPECT(unbind_function(edu));
	EXPECT(set_domain(edu, "DMA"));
	EXPECT(bind_function(edu));
	EXPECT_EQ(attribute(edu, "contained"), 1);
}

/* First: who drives what nothing contains taints. */
static void who_may(void)
{
	bool contained = attribute(edu, "contained") == 1;
	int fd;

	EXPECT(!is_tainted());
	EXPECT_EQ(open_as_nobody(bare), -EPERM);
	EXPECT_EQ(open_as_nobody(edu), contained ? 0 : -EPERM);
	EXPECT(!is_tainted());
	fd = open_node(edu);
	EXPECT(fd >= 0);
	EXPECT_EQ((info_of(fd).flags & USHER_RAW_CONTAINED) == USHER_RAW_CONTAINED,
		  contained);
	EXPECT_EQ(is_tainted(), !contained);
	close(fd);
	fd = open_node(bare);
	EXPECT(fd >= 0);
	EXPECT(is_tainted());
	close(fd);
}

/* Counts the IOMMU group of a function, and sets @other to another one in it. */
static size_t group_of(const char *address, char *other, size_t bytes)
{
	struct dirent *entry;
	char path[128];
	size_t count = 0;
	DIR *folder;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group/devices",
		 address);
	folder = opendir(path);
	while (folder && (entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		count++;
		if (strcmp(entry->d_name, address))
			snprintf(other, bytes, "%s", entry->d_name);
	}
	if (folder)
		closedir(folder);
	return count;
}

static void expect_flags(const char *address, uint32_t flags)
{
	int fd = open_node(address);

	EXPECT(fd >= 0);
	EXPECT_EQ(info_of(fd).flags & USHER_RAW_CONTAINED, flags);
	close(fd);
}

/* What it reaches is for its driver to say (VIRTIO_F_ACCESS_PLATFORM). */
static void virtio_is_not_contained(void)
{
	EXPECT_EQ(attribute(edu, "contained"), 0);
	EXPECT_EQ(open_as_nobody(edu), -EPERM);
	expect_flags(edu, USHER_RAW_CONTAINED & ~USHER_RAW_IOMMU);
}

/* Nothing but its sibling is against it. */
static void only_a_group_of_one_is_contained(void)
{
	char sibling[NAME_MAX + 1] = "", path[PATH_MAX];

	EXPECT_EQ(group_of(edu, sibling, sizeof(sibling)), 2);
	EXPECT_EQ(attribute(edu, "contained"), 0);
	EXPECT_EQ(open_as_nobody(edu), -EPERM);
	expect_flags(edu, USHER_RAW_IOMMU | USHER_RAW_RESET);

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", sibling);
	EXPECT(put(path, "1"));
	EXPECT_EQ(group_of(edu, sibling, sizeof(sibling)), 1);
	EXPECT_EQ(attribute(edu, "contained"), 1);
	EXPECT_EQ(open_as_nobody(edu), 0);
	expect_flags(edu, USHER_RAW_CONTAINED);

	EXPECT(put("/sys/bus/pci/rescan", "1"));
	EXPECT_EQ(group_of(edu, sibling, sizeof(sibling)), 2);
	EXPECT_EQ(attribute(edu, "contained"), 0);
	EXPECT_EQ(open_as_nobody(edu), -EPERM);
}

/*
 * Firmware may want memory for the ISA bridge until it has a driver; the kernel
 * leaves it mapped all the same (CONFIG_INTEL_IOMMU_FLOPPY_WA).
 */
static void memory_of_firmware_is_in_reach(void)
{
	static const char isa[] = "0000:00:1f.0";
	char path[128], line[128] = "";
	bool relaxable = false;
	FILE *file;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group/reserved_regions",
		 isa);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		relaxable = relaxable || strstr(line, "direct-relaxable");
	if (file)
		fclose(file);
	if (!relaxable) {
		printf("# not tested: firmware wants no memory here\n");
		return;
	}
	fd = open_node(isa);
	EXPECT(fd >= 0);
	EXPECT_EQ(info_of(fd).flags & USHER_RAW_IOMMU, 0);
	close(fd);
}

/* Last: there is no way back. */
static void who_may_under_lockdown(void)
{
	bool contained = attribute(edu, "contained") == 1;
	int fd;

	mount("securityfs", "/sys/kernel/security", "securityfs", 0, NULL);
	if (!put("/sys/kernel/security/lockdown", "integrity")) {
		printf("# not tested: this kernel has no lockdown\n");
		return;
	}
	EXPECT_EQ(open_node(bare), -EPERM);
	fd = open_node(edu);
	EXPECT_EQ(fd < 0 ? fd : 0, contained ? 0 : -EPERM);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	static const struct tap_test tests[] = {
		TAP_TEST(who_may),
		TAP_TEST(who_may_behind_identity),
		TAP_TEST(every_call_is_checked),
		TAP_TEST(one_owner),
		TAP_TEST(only_to_read_and_write),
		TAP_TEST(registers_by_mmap),
		TAP_TEST(the_table_is_out_of_reach),
		TAP_TEST(all_of_the_table_is_out_of_reach),
		TAP_TEST(debuggers_see_registers),
		TAP_TEST(debuggers_do_not_see_the_table),
		TAP_TEST(ports_by_calls),
		TAP_TEST(small_regions_by_calls),
		TAP_TEST(configuration_by_list),
		TAP_TEST(memory_is_checked),
		TAP_TEST(memory_is_asked_for_exactly),
		TAP_TEST(pieces_have_an_end),
		TAP_TEST(memory_is_charged_before),
		TAP_TEST(what_is_refused_leaves_nothing),
		TAP_TEST(memory_is_charged_while_mapped),
		TAP_TEST(offsets_fit_all_processes),
		TAP_TEST(memory_in_one_range),
		TAP_TEST(memory_comes_zeroed),
		TAP_TEST(ranges_are_given_back_whole),
		TAP_TEST(mastering_comes_and_goes),
		TAP_TEST(interrupts_are_checked),
		TAP_TEST(the_pin_is_off_without_a_handler),
		TAP_TEST(a_pin_that_is_up_already),
		TAP_TEST(a_pin_survives_resets),
		TAP_TEST(a_pending_pin_leaves_the_line_alone),
		TAP_TEST(messages_leave_the_line_alone),
		TAP_TEST(masking_does_not_race_with_mastering),
		TAP_TEST(a_pin_that_others_switch_on),
		TAP_TEST(vectors_have_an_end),
		TAP_TEST(unbound_in_mid_dma),
		TAP_TEST(unbound_with_all_regions),
		TAP_TEST(reset_in_mid_dma),
		TAP_TEST(registers_wait_for_resets),
		TAP_TEST(registers_go_for_resets_by_others),
		TAP_TEST(reset_by_others),
		TAP_TEST(calls_wait_for_resets_by_others),
		TAP_TEST(reset_by_two),
		TAP_TEST(killed_in_mid_dma),
		TAP_TEST(freed_memory_is_out_of_reach),
		TAP_TEST(memory_goes_with_its_owner),
		TAP_TEST(other_nodes),
		TAP_TEST(quarantine),
		TAP_TEST(leaves_nothing_behind),
		TAP_TEST(ports_are_not_for_processes),
	}, anybody[] = {
		TAP_TEST(every_call_is_checked),
		TAP_TEST(one_owner),
		TAP_TEST(registers_by_mmap),
		TAP_TEST(the_table_is_out_of_reach),
		TAP_TEST(all_of_the_table_is_out_of_reach),
		TAP_TEST(configuration_by_list),
		TAP_TEST(memory_is_checked),
		TAP_TEST(memory_is_asked_for_exactly),
		TAP_TEST(mastering_comes_and_goes),
		TAP_TEST(interrupts_are_checked),
		TAP_TEST(vectors_have_an_end),
		TAP_TEST(reset_in_mid_dma),
		TAP_TEST(killed_in_mid_dma),
	}, breaks[] = {
		TAP_TEST(recovers_from_errors_of_the_link),
	}, virtio[] = {
		TAP_TEST(virtio_is_not_contained),
	}, group[] = {
		TAP_TEST(only_a_group_of_one_is_contained),
		TAP_TEST(memory_of_firmware_is_in_reach),
	}, bounce[] = {
		TAP_TEST(what_would_be_bounced),
	}, lockdown[] = {
		TAP_TEST(who_may_under_lockdown),
	};
	const char *word = argc == 7 ? argv[6] : "";

	if (argc != 6 && argc != 7) {
		fprintf(stderr, "usage: raw_test EDU 82574 BARE SMALL NVME [WORD]\n");
		return 2;
	}
	edu = argv[1];
	nic = argv[2];
	bare = argv[3];
	small = argv[4];
	nvme = argv[5];
	if (!strcmp(word, "anybody"))
		return run_tests(anybody, ARRAY_SIZE(anybody));
	if (!strcmp(word, "errors"))
		return run_tests(breaks, ARRAY_SIZE(breaks));
	if (!strcmp(word, "virtio"))
		return run_tests(virtio, ARRAY_SIZE(virtio));
	if (!strcmp(word, "group"))
		return run_tests(group, ARRAY_SIZE(group));
	if (!strcmp(word, "bounce"))
		return run_tests(bounce, ARRAY_SIZE(bounce));
	if (!strcmp(word, "lockdown"))
		return run_tests(lockdown, ARRAY_SIZE(lockdown));
	return run_tests(tests, ARRAY_SIZE(tests));
}
