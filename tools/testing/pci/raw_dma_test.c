// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA memory: which memory a process gets, whether it lies in one range, what the
 * device can reach of it and when it no longer can.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/utsname.h>

#include "harness.h"
#include "anybody.h"

/* More than the kernel has in one piece */
#define MANY_PAGES	2048

/* Offsets fit the 2^44 bytes that mmap() of a process of 32 bits reaches. */
TEST(offsets_fit_all_processes)
{
	int fd = open_node(EDU), i;
	struct usher_raw_dma dma;
	uint64_t bus, highest = 0;

	for (i = 0; i < 3000; i++) {
		if (dma_alloc(fd, 1, &dma, &bus) || dma_free(fd, dma.id))
			break;
		highest = dma.offset > highest ? dma.offset : highest;
	}
	EXPECT_EQ(3000, i);
	EXPECT_LT(highest, 1ULL << 44);
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

/* Contiguous memory has consecutive bus addresses, of whatever length, IOMMU or not. */
TEST(memory_in_one_range)
{
	static const uint32_t lengths[] = { 1, 2, 3, 17, 64, 100 };
	static uint8_t own[2 * MOST_PAGE] __attribute__((aligned(MOST_PAGE)));
	static uint64_t bus[MANY_PAGES];
	struct usher_raw_dma dma;
	int fd = open_node(EDU);
	uint8_t *data;
	size_t i;

	EXPECT_EQ(0, dma_bits(fd, EDU_ADDRESS_BITS));
	EXPECT_EQ(-EINVAL, dma_register(fd, own, 2 * PAGE, USHER_RAW_DMA_CONTIGUOUS, 2, bus));
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		EXPECT_EQ(0, alloc_range(fd, lengths[i], &dma, bus));
		EXPECT_TRUE(is_range(bus, lengths[i]));
		EXPECT_EQ(0, bus[lengths[i] - 1] >> EDU_ADDRESS_BITS);
		data = map(fd, dma.offset, dma.length, MAP_SHARED);
		EXPECT_NE(MAP_FAILED, data);
		EXPECT_EQ(0, data[dma.length - 1]);
		munmap(data, dma.length);
		EXPECT_EQ(0, dma_free(fd, dma.id));
	}
	/* With an IOMMU, any pages make a range. */
	EXPECT_EQ(translated(fd) ? 0 : -ENOMEM, alloc_range(fd, MANY_PAGES, &dma, bus));
	EXPECT_EQ(0, dma_alloc(fd, 777, &dma, bus));
	data = map(fd, dma.offset, dma.length, MAP_SHARED);
	memset(data, 0x5a, dma.length);
	EXPECT_EQ(MAP_FAILED, mremap(data, dma.length, dma.length + PAGE, MREMAP_MAYMOVE));
	EXPECT_EQ(EFAULT, errno);
	munmap(data, dma.length);
	close(fd);
}

/* Without an IOMMU, a range of 17 pages is cut from one of 32. The rest is freed, too. */
TEST(ranges_are_given_back_whole)
{
	int fd = open_node(EDU), i;
	struct usher_raw_dma dma;
	uint64_t bus[17];
	long before;

	if (translated(fd))
		SKIP(return, "the IOMMU makes ranges of single pages");
	before = in_vmstat("nr_free_pages");
	for (i = 0; i < 1000; i++)
		if (alloc_range(fd, ARRAY_SIZE(bus), &dma, bus) || dma_free(fd, dma.id))
			break;
	EXPECT_EQ(1000, i);
	/* If the rest were lost, twice as many pages would be missing. */
	EXPECT_LT(before - in_vmstat("nr_free_pages"), 1000 * (32 - 17) / 2);
	close(fd);
}

/*
 * A shared mapping of a file on a disk, for which a loop device serves: its file system
 * would not know what the device writes.
 */
TEST(memory_of_a_file_on_disk)
{
	int fd = open_node(EDU), file;
	uint64_t bus[1];
	uint8_t *data;

	EXPECT_EQ(0, system("[ -e /sys/module/loop ] || modprobe loop"));
	EXPECT_EQ(0, system("cd /dev/shm && truncate -s 16M image && mkfs.ext4 -q image"));
	/* Not "mount -o loop", which some kernels refuse, as in selftests/usher/helper.c */
	ASSERT_EQ(0, system("cd /dev/shm && mkdir files && losetup -f --show image > loop"));
	ASSERT_EQ(0, system("cd /dev/shm && mount $(cat loop) files && losetup -d $(cat loop)"));
	EXPECT_EQ(0, system("truncate -s 4096 /dev/shm/files/file"));
	file = open("/dev/shm/files/file", O_RDWR | O_CLOEXEC);
	ASSERT_GE(file, 0);
	EXPECT_EQ(0, system("cd /dev/shm && umount -l files && rm -r image files loop"));
	data = map(file, 0, PAGE, MAP_SHARED);
	ASSERT_NE(MAP_FAILED, data);
	EXPECT_EQ(-EOPNOTSUPP, dma_register(fd, data, PAGE, 0, 1, bus));
	data[0] = 1;
	EXPECT_EQ(-EOPNOTSUPP, dma_register(fd, data, PAGE, 0, 1, bus));
	EXPECT_GE(dma_register(fd, data, PAGE, USHER_RAW_DMA_RDONLY, 1, bus), 0);
	munmap(data, PAGE);
	close(file);
	close(fd);
}

/* The process does not see what others left in it. */
TEST(memory_comes_zeroed)
{
	struct usher_raw_dma dma;
	int fd = open_node(EDU), i;
	uint64_t bus[64];
	uint8_t *data;

	for (i = 0; i < 4; i++) {
		EXPECT_EQ(0, dma_alloc(fd, ARRAY_SIZE(bus), &dma, bus));
		data = map(fd, dma.offset, dma.length, MAP_SHARED);
		EXPECT_NE(MAP_FAILED, data);
		EXPECT_TRUE(!data[0] && !memcmp(data, data + 1, dma.length - 1));
		memset(data, 0xa5, dma.length);
		munmap(data, dma.length);
		EXPECT_EQ(0, dma_free(fd, dma.id));
	}
	close(fd);
}

static bool is_debug(void)
{
	struct utsname name;

	return !uname(&name) && strstr(name.release, "-debug");
}

TEST(pieces_have_an_end)
{
	static uint8_t data[MOST_PAGE] __attribute__((aligned(MOST_PAGE)));
	uint64_t bus;
	int fd, id, count = 0;

	if (is_debug())
		SKIP(return, "DMA debugging reports so many mappings of a page");
	fd = open_node(EDU);
	do
		id = dma_register(fd, data, PAGE, 0, 1, &bus);
	while (id > 0 && ++count);
	EXPECT_EQ(-EBUSY, id);
	EXPECT_EQ(65535, count);
	EXPECT_EQ(0, dma_free(fd, 17));
	EXPECT_EQ(17, dma_register(fd, data, PAGE, 0, 1, &bus));
	close(fd);
}

TEST_F(anybody, mastering_comes_and_goes)
{
	struct usher_raw_dma dma;
	int fd = open_node(EDU), event = eventfd(0, EFD_CLOEXEC);
	uint64_t bus[2];

	EXPECT_FALSE(is_master(fd));
	EXPECT_EQ(0, dma_alloc(fd, 1, &dma, bus));
	EXPECT_TRUE(is_master(fd));
	EXPECT_EQ(0, reset(fd));
	EXPECT_TRUE(is_master(fd));
	EXPECT_EQ(0, irq_enable(fd, USHER_RAW_IRQ_MSI, 1, &event));
	EXPECT_EQ(0, dma_free(fd, dma.id));
	EXPECT_TRUE(is_master(fd));
	EXPECT_EQ(0, irq_disable(fd));
	EXPECT_FALSE(is_master(fd));
	EXPECT_EQ(0, irq_disable(fd));
	close(event);
	close(fd);
}

/* The device is told to write to memory, which is freed just before it does. */
static void free_before_dma(struct __test_metadata *_metadata, int fd, uint8_t *registers)
{
	struct usher_raw_dma dma;
	uint64_t bus;
	uint8_t *data, found;

	EXPECT_EQ(0, dma_alloc(fd, 1, &dma, &bus));
	data = map(fd, dma.offset, PAGE, MAP_SHARED);
	/* Now the IOMMU has the translation in its cache. */
	edu_dma(registers, EDU_BUFFER, bus, EDU_DMA_TO_MEMORY);
	edu_dma_wait(registers);
	EXPECT_EQ(0xaa, data[0]);
	memset(data, 0, PAGE);
	edu_dma(registers, EDU_BUFFER, bus, EDU_DMA_TO_MEMORY);
	/* The device starts after that time; the memory is freed shortly before. */
	usleep(EDU_DMA_US - 5000);
	EXPECT_EQ(0, dma_free(fd, dma.id));
	found = *(const __volatile__ uint8_t *)data;
	edu_dma_wait(registers);
	EXPECT_EQ(found, *(const __volatile__ uint8_t *)data);
	munmap(data, PAGE);
}

TEST(freed_memory_is_out_of_reach)
{
	int fd = open_node(EDU), i;
	struct usher_raw_dma dma;
	uint8_t *registers, *data;
	uint64_t bus;

	if (!translated(fd))
		SKIP(return, "there is no IOMMU");
	EXPECT_EQ(0, dma_bits(fd, EDU_ADDRESS_BITS));
	registers = map(fd, 0, PAGE, MAP_SHARED);
	EXPECT_EQ(0, dma_alloc(fd, 1, &dma, &bus));
	data = map(fd, dma.offset, PAGE, MAP_SHARED);
	memset(data, 0xaa, PAGE);
	edu_dma(registers, bus, EDU_BUFFER, EDU_DMA_FROM_MEMORY);
	edu_dma_wait(registers);
	for (i = 0; i < 6; i++) {
		free_before_dma(_metadata, fd, registers);
		if (i == 2)
			EXPECT_TRUE(set_domain(EDU, "DMA-FQ"));
	}
	EXPECT_EQ(0, info_of(fd).flags & USHER_RAW_IOMMU);
	munmap(data, PAGE);
	munmap(registers, PAGE);
	close(fd);
	EXPECT_TRUE(unbind_function(EDU));
	EXPECT_TRUE(set_domain(EDU, "DMA"));
	EXPECT_TRUE(bind_function(EDU));
}

/*
 * For a kernel that bounces all DMA, and so copies memory to where the device reaches it:
 * memory that is copied is not shared with the device.
 */
TEST(memory_is_refused_where_all_is_bounced)
{
	static uint8_t data[2 * MOST_PAGE] __attribute__((aligned(MOST_PAGE)));
	struct usher_raw_dma dma;
	int fd = open_node(EDU);
	uint64_t bus[2];

	EXPECT_GE(fd, 0);
	EXPECT_EQ(-EOPNOTSUPP, dma_register(fd, data, 2 * PAGE, 0, 2, bus));
	EXPECT_EQ(-EOPNOTSUPP, dma_alloc(fd, 2, &dma, bus));
	EXPECT_FALSE(is_master(fd));
	close(fd);
}

TEST_HARNESS_MAIN
