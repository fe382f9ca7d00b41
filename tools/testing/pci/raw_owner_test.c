// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ownership: a function has one owner at a time, who opens it for reading and writing,
 * by whatever node. What an owner had is not there for the next one, and not for the
 * next driver either.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "harness.h"
#include "anybody.h"

TEST_F(anybody, one_owner)
{
	int fd = open_node(EDU);

	EXPECT_GE(fd, 0);
	EXPECT_EQ(-EBUSY, open_node(EDU));
	close(fd);
	fd = open_node(EDU);
	EXPECT_GE(fd, 0);
	close(fd);
}

/* Nothing can be done with a function that may only be read, or only be written. */
TEST(only_to_read_and_write)
{
	static const int modes[] = { O_RDONLY, O_WRONLY };
	char path[64];
	size_t i;
	int fd;

	snprintf(path, sizeof(path), "/dev/usher-raw/%s", EDU);
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		fd = open(path, modes[i] | O_CLOEXEC);
		EXPECT_EQ(EACCES, fd < 0 ? errno : 0);
		if (fd >= 0)
			close(fd);
	}
}

/* A node that somebody made elsewhere opens the same function, with the same one owner. */
TEST(other_nodes)
{
	char path[64];
	struct stat node;
	uint8_t *registers;
	int fd;

	snprintf(path, sizeof(path), "/dev/usher-raw/%s", EDU);
	EXPECT_EQ(0, stat(path, &node));
	EXPECT_EQ(0600, node.st_mode & 0777);
	unlink("/dev/raw-test");
	EXPECT_EQ(0, mknod("/dev/raw-test", S_IFCHR | 0600, node.st_rdev));
	fd = open("/dev/raw-test", O_RDWR | O_CLOEXEC);
	EXPECT_GE(fd, 0);
	EXPECT_EQ(-EBUSY, open_node(EDU));
	registers = map(fd, 0, PAGE, MAP_SHARED);
	EXPECT_EQ(EDU_ID_VALUE, read32(registers, EDU_ID));
	EXPECT_TRUE(unbind_function(EDU));
	EXPECT_TRUE(faults(registers));
	EXPECT_EQ(-1, open("/dev/raw-test", O_RDWR | O_CLOEXEC));
	EXPECT_EQ(ENODEV, errno);
	munmap(registers, PAGE);
	close(fd);
	EXPECT_EQ(-1, open("/dev/raw-test", O_RDWR | O_CLOEXEC));
	EXPECT_EQ(ENXIO, errno);
	unlink("/dev/raw-test");
	EXPECT_TRUE(bind_function(EDU));
}

/* Neither the number nor the offset of a former owner leads to its memory. */
static void expect_forgotten(struct __test_metadata *_metadata, int fd,
			     const struct usher_raw_dma *dma)
{
	EXPECT_EQ(-ENOENT, dma_free(fd, dma->id));
	EXPECT_EQ(MAP_FAILED, map(fd, dma->offset, dma->length, MAP_SHARED));
	EXPECT_EQ(EINVAL, errno);
}

TEST(memory_goes_with_its_owner)
{
	struct usher_raw_dma former;
	int fd = open_node(EDU);
	uint64_t bus[2];

	EXPECT_EQ(0, dma_alloc(fd, 2, &former, bus));
	close(fd);
	fd = open_node(EDU);
	expect_forgotten(_metadata, fd, &former);
	close(fd);
}

/* The next owner does not get at it by the device either. */
TEST(memory_of_former_owners_is_out_of_reach)
{
	static uint8_t data[16 * MOST_PAGE] __attribute__((aligned(MOST_PAGE)));
	uint8_t *registers, *memory;
	struct usher_raw_dma dma;
	uint64_t bus[16], other;
	int fd = open_node(EDU);

	if (!translated(fd))
		SKIP(return, "there is no IOMMU");
	EXPECT_EQ(0, dma_bits(fd, EDU_ADDRESS_BITS));
	EXPECT_GT(dma_register(fd, data, 16 * PAGE, 0, 16, bus), 0);
	close(fd);

	fd = open_node(EDU);
	EXPECT_EQ(0, dma_bits(fd, EDU_ADDRESS_BITS));
	EXPECT_EQ(0, dma_alloc(fd, 1, &dma, &other));
	memory = map(fd, dma.offset, PAGE, MAP_SHARED);
	registers = map(fd, 0, PAGE, MAP_SHARED);
	memset(memory, 0xaa, PAGE);
	edu_dma(registers, other, EDU_BUFFER, EDU_DMA_FROM_MEMORY);
	edu_dma_wait(registers);
	edu_dma(registers, EDU_BUFFER, bus[bus[15] == other ? 14 : 15], EDU_DMA_TO_MEMORY);
	edu_dma_wait(registers);
	EXPECT_EQ(NULL, memchr(data, 0xaa, 16 * PAGE));
	/* To show that it would have written: the same write to memory that it may reach */
	memset(memory, 0, PAGE);
	edu_dma(registers, EDU_BUFFER, other, EDU_DMA_TO_MEMORY);
	edu_dma_wait(registers);
	EXPECT_EQ(0xaa, memory[0]);
	munmap(memory, PAGE);
	munmap(registers, PAGE);
	close(fd);
}

/* Without a reset the device may still write to its memory, so that nobody else gets that. */
TEST(quarantine)
{
	struct usher_raw_dma dma;
	uint32_t line, value;
	uint64_t bus[8];
	int fd = open_node(BARE);

	EXPECT_GE(fd, 0);
	EXPECT_EQ(0, info_of(fd).flags & USHER_RAW_RESET);
	EXPECT_EQ(-EOPNOTSUPP, reset(fd));
	EXPECT_EQ(0, config_read(fd, CACHE_LINE_SIZE, 1, &line));
	EXPECT_EQ(0, config_write(fd, CACHE_LINE_SIZE, 1, line ^ 0x55));
	EXPECT_EQ(0, dma_alloc(fd, 5, &dma, bus));
	EXPECT_EQ(0, dma_free(fd, dma.id));
	EXPECT_EQ(0, dma_alloc(fd, 7, &dma, bus));
	EXPECT_EQ(0, attribute(BARE, "quarantined_pages"));
	close(fd);
	EXPECT_EQ(7, attribute(BARE, "quarantined_pages"));

	fd = open_node(BARE);
	EXPECT_GE(fd, 0);
	EXPECT_FALSE(is_master(fd));
	EXPECT_EQ(7, info_of(fd).quarantined);
	EXPECT_EQ(0, config_read(fd, CACHE_LINE_SIZE, 1, &value));
	EXPECT_EQ(line, value);
	expect_forgotten(_metadata, fd, &dma);
	EXPECT_EQ(0, dma_alloc(fd, 3, &dma, bus));
	close(fd);
	EXPECT_EQ(10, attribute(BARE, "quarantined_pages"));
	EXPECT_TRUE(unbind_function(BARE));
	EXPECT_TRUE(bind_function(BARE));
	EXPECT_EQ(0, attribute(BARE, "quarantined_pages"));
}

/* The next driver finds what the PCI core gives, not what we made of it. */
TEST(leaves_nothing_behind)
{
	EXPECT_TRUE(unbind_function(BARE));
	EXPECT_EQ(32, function_attribute(BARE, "dma_mask_bits"));
	EXPECT_EQ(32, function_attribute(BARE, "consistent_dma_mask_bits"));
	EXPECT_TRUE(bind_function(BARE));
}

/* Who drives a port controls all that is behind it. */
TEST(ports_are_not_for_processes)
{
	char port[32] = "", path[128];
	bool was_bound;

	EXPECT_TRUE(bridge_above(OHCI, port, sizeof(port)));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override", port);
	was_bound = put("/sys/bus/pci/drivers/pcieport/unbind", port);
	EXPECT_TRUE(put(path, "usher-raw"));
	EXPECT_FALSE(bind_function(port));
	EXPECT_TRUE(put(path, "\n"));
	EXPECT_TRUE(!was_bound || put("/sys/bus/pci/drivers/pcieport/bind", port));
}

TEST_HARNESS_MAIN
