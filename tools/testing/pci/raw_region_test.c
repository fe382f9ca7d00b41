// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions: registers by mmap() and by calls, and the MSI-X table, which neither a
 * mapping nor a debugger may reach.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

#include "harness.h"
#include "anybody.h"

/* Configuration space */
#define CAPABILITIES		0x34
#define MSIX			0x11	/* a capability */

/* Devices keep their tables apart from other registers by as much. */
#define TABLE_PAGE		4096

/* BAR 3 of the 82574 holds nothing but the MSI-X table, BAR 2 is I/O ports. */
#define NIC_PORTS		2
#define NIC_MSIX		3

/* What is at the start of its registers, and its ports */
#define NIC_STATUS		0x00008
#define NIC_IOADDR		0x0
#define NIC_IODATA		0x4

/* A USB controller: OpenHCI 1.0a, 7 */
#define OHCI_REGION		0
#define OHCI_REVISION		0x00
#define OHCI_HEAD		0x20	/* of the list for control transfers */

/* What can be mapped, how, and that the device is behind it */
TEST_F(anybody, registers_by_mmap)
{
	struct usher_raw_region region;
	int fd = open_node(EDU);
	uint8_t *registers;

	region = region_of(fd, 0);
	EXPECT_EQ(0x100000, region.bytes);
	EXPECT_EQ(USHER_RAW_REGION_MMAP, region.flags);
	EXPECT_EQ(MAP_FAILED, map(fd, region.offset, PAGE, MAP_PRIVATE));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, map(fd, region.offset + PAGE, region.bytes, MAP_SHARED));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, map(fd, region.offset + region.bytes, PAGE, MAP_SHARED));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, map(fd, region.offset + 2 * region.bytes, PAGE, MAP_SHARED));
	EXPECT_EQ(EINVAL, errno);
	region = region_of(fd, 1);
	EXPECT_EQ(0, region.bytes);
	EXPECT_EQ(MAP_FAILED, map(fd, region.offset, PAGE, MAP_SHARED));
	EXPECT_EQ(EINVAL, errno);
	region.index = 6;
	EXPECT_EQ(-EINVAL, call(fd, USHER_RAW_IOC_REGION, &region));
	EXPECT_EQ(MAP_FAILED, map(fd, 6ULL << 40, PAGE, MAP_SHARED));
	EXPECT_EQ(EINVAL, errno);

	registers = map(fd, region_of(fd, 0).offset, 0x100000, MAP_SHARED);
	EXPECT_EQ(EDU_ID_VALUE, read32(registers, EDU_ID));
	write32(registers, EDU_LIVENESS, 0x1234);
	EXPECT_EQ(~0x1234U, read32(registers, EDU_LIVENESS));
	EXPECT_EQ(MAP_FAILED, mremap(registers, 0x100000, 0x101000, MREMAP_MAYMOVE));
	EXPECT_EQ(EFAULT, errno);
	munmap(registers, 0x100000);
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

static bool large_pages(void)
{
	return page_bytes() > TABLE_PAGE;
}

/* Where pages are as large as the holes, what is between these is mapped. */
static void check_holes(struct __test_metadata *_metadata, int fd,
			const struct usher_raw_region *region)
{
	uint8_t *table = map(fd, region->offset, region->bytes, MAP_SHARED);

	EXPECT_EQ(PAGE, region->hole_bytes[0]);
	EXPECT_NE(MAP_FAILED, table);
	EXPECT_TRUE(faults(table));
	EXPECT_TRUE(faults(table + PAGE - 1));
	EXPECT_FALSE(faults(table + PAGE));
	EXPECT_TRUE(faults(table + region->hole_offset[1]));
	munmap(table, region->bytes);
	/* A mapping that begins there does not reach it either. */
	table = map(fd, region->offset + region->hole_offset[1], PAGE, MAP_SHARED);
	EXPECT_NE(MAP_FAILED, table);
	EXPECT_TRUE(faults(table));
	munmap(table, PAGE);
}

/* In a larger page there may be registers beside the table, which calls reach. */
static void check_calls(struct __test_metadata *_metadata, int fd,
			const struct usher_raw_region *region)
{
	uint64_t end = region->hole_bytes[0], pending = region->hole_offset[1], value = 0;
	uint32_t index = region->index;

	EXPECT_EQ(USHER_RAW_REGION_CALLS, region->flags);
	EXPECT_EQ(MAP_FAILED, map(fd, region->offset, region->bytes, MAP_SHARED));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(-EACCES, region_read(fd, index, 0, 4, &value));
	EXPECT_EQ(-EACCES, region_write(fd, index, 0, 4, 0));
	EXPECT_EQ(-EACCES, region_read(fd, index, end - 4, 4, &value));
	EXPECT_EQ(0, region_read(fd, index, end, 4, &value));
	EXPECT_EQ(0, region_read(fd, index, pending - 4, 4, &value));
	EXPECT_EQ(-EACCES, region_read(fd, index, pending, 4, &value));
	EXPECT_EQ(-EACCES, region_write(fd, index, pending, 4, 0));
}

/* Ports cannot be mapped at all, and neither mappings nor calls reach the table. */
TEST_F(anybody, the_table_is_out_of_reach)
{
	struct usher_raw_region region;
	int fd = open_node(NIC);

	region = region_of(fd, NIC_PORTS);
	EXPECT_GT(region.bytes, 0);
	EXPECT_EQ(USHER_RAW_REGION_CALLS | USHER_RAW_REGION_PORTS, region.flags);
	EXPECT_EQ(MAP_FAILED, map(fd, region.offset, PAGE, MAP_SHARED));
	EXPECT_EQ(EOPNOTSUPP, errno);

	region = region_of(fd, NIC_MSIX);
	EXPECT_EQ(0, region.hole_offset[0]);
	EXPECT_GT(region.hole_bytes[1], 0);
	if (large_pages())
		check_calls(_metadata, fd, &region);
	else
		check_holes(_metadata, fd, &region);
	close(fd);
}

static int own_memory(struct __test_metadata *_metadata)
{
	int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	EXPECT_GE(memory, 0);
	return memory;
}

/* On other processors than x86 a debugger's single bytes could stop the kernel. */
static bool debuggers_may_look(void)
{
	struct utsname name;

	/* "x86_64", "i686" */
	return !uname(&name) && strstr(name.machine, "86");
}

/* Reads as a debugger does. The number of bytes, or a negative errno value */
static ssize_t peek(int memory, const uint8_t *at, void *data, size_t bytes)
{
	ssize_t n = pread(memory, data, bytes, (uintptr_t)at);

	return n < 0 ? -errno : n;
}

/* Writes as a debugger does. */
static ssize_t poke(int memory, const uint8_t *at, const void *data, size_t bytes)
{
	ssize_t n = pwrite(memory, data, bytes, (uintptr_t)at);

	return n < 0 ? -errno : n;
}

/* Through /proc/PID/mem, as far as the mapping permits, until the function is gone */
TEST(debuggers_see_registers)
{
	int fd = open_node(EDU), memory = own_memory(_metadata);
	uint8_t *registers = map(fd, 0, PAGE, MAP_SHARED);
	uint32_t value = 0x1234;

	EXPECT_EQ(EDU_ID_VALUE, read32(registers, EDU_ID));
	if (!debuggers_may_look()) {
		EXPECT_EQ(-EIO, poke(memory, registers + EDU_LIVENESS, &value, 4));
		EXPECT_EQ(-EIO, peek(memory, registers + EDU_ID, &value, 4));
		SKIP(return, "registers are not for debuggers on this processor");
	}
	EXPECT_EQ(4, poke(memory, registers + EDU_LIVENESS, &value, 4));
	EXPECT_EQ(~0x1234U, read32(registers, EDU_LIVENESS));
	EXPECT_EQ(0, mprotect(registers, PAGE, PROT_READ));
	EXPECT_EQ(-EIO, poke(memory, registers + EDU_LIVENESS, &value, 4));
	EXPECT_EQ(4, peek(memory, registers + EDU_ID, &value, 4));
	EXPECT_EQ(EDU_ID_VALUE, value);

	EXPECT_TRUE(unbind_function(EDU));
	EXPECT_EQ(-EIO, peek(memory, registers + EDU_ID, &value, 4));
	EXPECT_TRUE(bind_function(EDU));
	munmap(registers, PAGE);
	close(memory);
	close(fd);
}

/* They see the registers in front of it, and no part of the table itself. */
TEST(debuggers_do_not_see_the_table)
{
	int fd = open_node(NIC), memory = own_memory(_metadata);
	struct usher_raw_region region = region_of(fd, NIC_MSIX);
	uint8_t *table = map(fd, region.offset, region.bytes, MAP_SHARED);
	uint8_t *pending = table + region.hole_offset[1];
	uint8_t data[8];

	if (large_pages())
		SKIP(return, "pages are larger than the table's, and no part of it is mapped");
	if (!debuggers_may_look())
		SKIP(return, "registers are not for debuggers on this processor");
	EXPECT_GT(region.hole_offset[1], region.hole_bytes[0]);
	EXPECT_TRUE(faults(table));
	EXPECT_EQ(-EIO, peek(memory, table, data, 8));
	EXPECT_EQ(-EIO, poke(memory, table, data, 8));
	EXPECT_TRUE(faults(pending));
	EXPECT_EQ(-EIO, peek(memory, pending, data, 8));
	EXPECT_FALSE(faults(pending - 4));
	EXPECT_EQ(8, peek(memory, pending - 8, data, 8));
	EXPECT_EQ(4, peek(memory, pending - 4, data, 8));
	EXPECT_EQ(4, poke(memory, pending - 4, data, 8));
	munmap(table, region.bytes);
	close(memory);
	close(fd);
}

static uint32_t config32(struct __test_metadata *_metadata, int fd, uint32_t offset)
{
	uint32_t value = 0;

	EXPECT_EQ(0, config_read(fd, offset, 4, &value));
	return value;
}

/* Where a capability is, or 0 */
static uint32_t capability(struct __test_metadata *_metadata, int fd, uint8_t id)
{
	uint32_t at = config32(_metadata, fd, CAPABILITIES) & 0xfc, tries = 48;

	while (at && tries-- && (config32(_metadata, fd, at) & 0xff) != id)
		at = config32(_metadata, fd, at) >> 8 & 0xfc;
	return at;
}

/**
 * struct hole - where the device says that its table or its pending bits are
 * @region: region
 * @first: its first unit: a page of a mapping, or what one call reads
 * @end: after its last
 */
struct hole {
	uint32_t region;
	uint64_t first;
	uint64_t end;
};

static struct hole hole_of(uint32_t where, uint64_t bytes, uint32_t unit)
{
	uint64_t at = where & ~7U;

	return (struct hole) {
		.region	= where & 7,
		.first	= at / unit,
		.end	= (at + bytes + unit - 1) / unit,
	};
}

static bool is_in(const struct hole *hole, uint32_t region, uint64_t at)
{
	return hole->region == region && at >= hole->first && at < hole->end;
}

/* A table of many pages, in the same region as registers */
TEST_F(anybody, all_of_the_table_is_out_of_reach)
{
	int fd = open_node(NVME);
	uint32_t at = capability(_metadata, fd, MSIX), count = 0, wrong = 0, unit;
	bool by_calls = large_pages();
	struct usher_raw_region region;
	uint8_t *registers = NULL;
	struct hole table, pending;
	uint64_t i, value = 0;

	EXPECT_NE(0, at);
	EXPECT_EQ(0, config_read(fd, at + 2, 2, &count));
	count = (count & 0x7ff) + 1;
	EXPECT_GT(count, TABLE_PAGE / 16);
	unit = by_calls ? 4 : PAGE;
	table = hole_of(config32(_metadata, fd, at + 4), 16 * count, unit);
	pending = hole_of(config32(_metadata, fd, at + 8), (count + 63) / 64 * 8, unit);
	region = region_of(fd, table.region);
	EXPECT_EQ(by_calls ? USHER_RAW_REGION_CALLS : USHER_RAW_REGION_MMAP, region.flags);
	if (!by_calls) {
		registers = map(fd, region.offset, region.bytes, MAP_SHARED);
		EXPECT_NE(MAP_FAILED, registers);
	}
	for (i = 0; i < region.bytes / unit; i++) {
		bool refused = by_calls ?
			       region_read(fd, region.index, i * unit, unit, &value) :
			       faults(registers + i * unit);

		wrong += refused != (is_in(&table, table.region, i) ||
				     is_in(&pending, table.region, i));
	}
	EXPECT_EQ(0, wrong);
	if (registers)
		munmap(registers, region.bytes);
	close(fd);
}

/* The ports of the 82574 lead to the registers that can be mapped. */
TEST(ports_by_calls)
{
	int fd = open_node(NIC);
	uint8_t *registers = map(fd, 0, PAGE, MAP_SHARED);
	uint64_t value = 0;

	EXPECT_EQ(0, region_write(fd, NIC_PORTS, NIC_IOADDR, 4, NIC_STATUS));
	EXPECT_EQ(0, region_read(fd, NIC_PORTS, NIC_IOADDR, 4, &value));
	EXPECT_EQ(NIC_STATUS, value);
	EXPECT_EQ(0, region_read(fd, NIC_PORTS, NIC_IODATA, 4, &value));
	EXPECT_EQ(read32(registers, NIC_STATUS), value);
	EXPECT_TRUE(value && value != UINT32_MAX);
	EXPECT_EQ(-EINVAL, region_read(fd, NIC_PORTS, 0, 8, &value));
	/* Neither what can be mapped nor the MSI-X table is for calls. */
	EXPECT_EQ(-EOPNOTSUPP, region_read(fd, 0, 0, 4, &value));
	EXPECT_EQ(large_pages() ? -EACCES : -EOPNOTSUPP,
		  region_write(fd, NIC_MSIX, 0, 4, 0));
	munmap(registers, PAGE);
	close(fd);
}

/* Less than a page cannot be mapped, so that calls take its place. */
TEST(small_regions_by_calls)
{
	struct usher_raw_region region;
	uint64_t value = 0;
	int fd = open_node(OHCI);

	region = region_of(fd, OHCI_REGION);
	EXPECT_TRUE(region.bytes > 0 && region.bytes < PAGE);
	EXPECT_EQ(USHER_RAW_REGION_CALLS, region.flags);
	EXPECT_EQ(MAP_FAILED, map(fd, region.offset, PAGE, MAP_SHARED));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(0, region_read(fd, OHCI_REGION, OHCI_REVISION, 4, &value));
	EXPECT_EQ(0x10, value);
	EXPECT_EQ(0, region_read(fd, OHCI_REGION, OHCI_REVISION, 1, &value));
	EXPECT_EQ(0x10, value);
	EXPECT_EQ(0, region_read(fd, OHCI_REGION, OHCI_REVISION, 2, &value));
	EXPECT_EQ(0x10, value);
	EXPECT_EQ(0, region_write(fd, OHCI_REGION, OHCI_HEAD, 4, 0x12345670));
	EXPECT_EQ(0, region_read(fd, OHCI_REGION, OHCI_HEAD, 4, &value));
	EXPECT_EQ(0x12345670, value);
	EXPECT_EQ(0, region_write(fd, OHCI_REGION, OHCI_HEAD, 8, 0x2345678012345670));
	EXPECT_EQ(0, region_read(fd, OHCI_REGION, OHCI_HEAD, 8, &value));
	EXPECT_EQ(0x2345678012345670, value);

	EXPECT_EQ(-EINVAL, region_read(fd, OHCI_REGION, region.bytes, 1, &value));
	EXPECT_EQ(-EINVAL, region_read(fd, OHCI_REGION, region.bytes - 4, 8, &value));
	EXPECT_EQ(-EINVAL, region_read(fd, OHCI_REGION, -8ULL, 8, &value));
	EXPECT_EQ(-EINVAL, region_read(fd, OHCI_REGION, 2, 4, &value));
	EXPECT_EQ(-EINVAL, region_read(fd, OHCI_REGION, 0, 3, &value));
	EXPECT_EQ(-EINVAL, region_read(fd, OHCI_REGION, 0, 0, &value));
	EXPECT_EQ(-EINVAL, region_read(fd, OHCI_REGION, 0, 16, &value));
	EXPECT_EQ(-EINVAL, region_read(fd, 5, 0, 4, &value));
	EXPECT_EQ(-EINVAL, region_read(fd, 6, 0, 4, &value));
	EXPECT_EQ(-EINVAL, region_write(fd, OHCI_REGION, 0, 1, 0x100));
	EXPECT_EQ(-EINVAL, region_write(fd, OHCI_REGION, 0, 4, 1ULL << 32));

	EXPECT_TRUE(unbind_function(OHCI));
	EXPECT_EQ(-ENODEV, region_read(fd, OHCI_REGION, 0, 1, &value));
	EXPECT_TRUE(bind_function(OHCI));
	close(fd);
}

/* Unbinding takes away the pages of each region, not only of the first. */
TEST(unbound_with_all_regions)
{
	uint8_t *registers[USHER_RAW_REGIONS] = { NULL };
	struct usher_raw_region regions[USHER_RAW_REGIONS];
	int fd = open_node(NIC), found = 0, i;

	for (i = 0; i < USHER_RAW_REGIONS; i++) {
		regions[i] = region_of(fd, i);
		if (!(regions[i].flags & USHER_RAW_REGION_MMAP))
			continue;
		registers[i] = map(fd, regions[i].offset, regions[i].bytes, MAP_SHARED);
		EXPECT_FALSE(faults(registers[i] + PAGE));
		found++;
	}
	EXPECT_GT(found, 1);
	EXPECT_TRUE(unbind_function(NIC));
	for (i = 0; i < USHER_RAW_REGIONS; i++) {
		if (!registers[i])
			continue;
		EXPECT_TRUE(faults(registers[i] + PAGE));
		munmap(registers[i], regions[i].bytes);
	}
	close(fd);
	EXPECT_TRUE(bind_function(NIC));
}

TEST_HARNESS_MAIN
