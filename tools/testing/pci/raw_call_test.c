// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arguments of the calls of linux/usher_raw.h: each wrong argument is refused with the
 * error that the header promises, and has no effect.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "harness.h"
#include "anybody.h"

/* Size, flags and address of the structure that each call takes */
TEST_F(anybody, every_call_is_checked)
{
	static const struct {
		unsigned long request;
		uint32_t size;
		uint32_t flags_at;
		uint32_t min; /* what a caller must give; 0: the whole structure */
	} calls[] = {
		{ USHER_RAW_IOC_INFO, sizeof(struct usher_raw_info), 4, 8 },
		{ USHER_RAW_IOC_REGION, sizeof(struct usher_raw_region), 8, 8 },
		{ USHER_RAW_IOC_CONFIG_READ, sizeof(struct usher_raw_config), 12, 0 },
		{ USHER_RAW_IOC_CONFIG_WRITE, sizeof(struct usher_raw_config), 8, 0 },
		{ USHER_RAW_IOC_DMA_BITS, sizeof(struct usher_raw_dma_bits), 4, 0 },
		{ USHER_RAW_IOC_DMA_ALLOC, sizeof(struct usher_raw_dma), 4, 0 },
		{ USHER_RAW_IOC_DMA_REGISTER, sizeof(struct usher_raw_dma), 4, 40 },
		{ USHER_RAW_IOC_IRQ_ENABLE, sizeof(struct usher_raw_irq_enable), 12, 0 },
		{ USHER_RAW_IOC_IRQ_DISABLE, sizeof(struct usher_raw_irq_disable), 4, 0 },
		{ USHER_RAW_IOC_IRQ_MASK, sizeof(struct usher_raw_irq_mask), 12, 0 },
		{ USHER_RAW_IOC_RESET, sizeof(struct usher_raw_reset), 4, 0 },
		{ USHER_RAW_IOC_READ, sizeof(struct usher_raw_access), 12, 0 },
		{ USHER_RAW_IOC_WRITE, sizeof(struct usher_raw_access), 12, 0 },
	};
	uint32_t arg[64];
	size_t i;
	int fd = open_node(EDU);

	ASSERT_GE(fd, 0);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		memset(arg, 0, sizeof(arg));
		arg[0] = (calls[i].min ?: calls[i].size) - 1;
		EXPECT_EQ(-EINVAL, call(fd, calls[i].request, arg));
		arg[0] = calls[i].size + 4;
		arg[calls[i].size / 4] = 1;
		EXPECT_EQ(-E2BIG, call(fd, calls[i].request, arg));
		arg[0] = calls[i].size;
		arg[calls[i].flags_at / 4] = 0x80000000;
		EXPECT_EQ(-EINVAL, call(fd, calls[i].request, arg));
		EXPECT_EQ(-EFAULT, call(fd, calls[i].request, NULL));
	}
	EXPECT_EQ(-1, ioctl(fd, _IO(USHER_RAW_IOC_TYPE, 0x8e), arg));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(fd, _IO(USHER_RAW_IOC_TYPE, 0x00), arg));
	EXPECT_EQ(ENOTTY, errno);
	close(fd);
}

/*
 * A program that knows fewer members: answers end where its structure ends, and those
 * that it does not give are zero, whatever lies behind.
 */
TEST_F(anybody, older_structures_are_zero_extended)
{
	static uint8_t data[MOST_PAGE] __attribute__((aligned(MOST_PAGE)));
	int fd = open_node(EDU);
	union {
		struct usher_raw_info info;
		struct usher_raw_region region;
		struct usher_raw_dma dma;
		uint8_t bytes[64];
	} arg;
	uint64_t bus;
	uint32_t size;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, dma_bits(fd, EDU_ADDRESS_BITS));
	for (size = 8; size < sizeof(arg.info); size++) {
		memset(&arg, 0, size);
		memset(arg.bytes + size, 0xa5, sizeof(arg) - size);
		arg.info.size = size;
		EXPECT_EQ(0, call(fd, USHER_RAW_IOC_INFO, &arg));
		EXPECT_EQ(0xa5, arg.bytes[size]);
	}
	for (size = 8; size < sizeof(arg.region); size++) {
		memset(&arg, 0, size);
		memset(arg.bytes + size, 0xa5, sizeof(arg) - size);
		arg.region.size = size;
		EXPECT_EQ(0, call(fd, USHER_RAW_IOC_REGION, &arg));
		EXPECT_EQ(0xa5, arg.bytes[size]);
	}
	for (size = 40; size < sizeof(arg.dma); size++) {
		int ret;

		memset(&arg, 0, size);
		memset(arg.bytes + size, 0xa5, sizeof(arg) - size);
		arg.dma.size = size;
		arg.dma.addr = (uintptr_t)data;
		arg.dma.length = PAGE;
		arg.dma.bus = (uintptr_t)&bus;
		arg.dma.nr_bus = 1;
		ret = call(fd, USHER_RAW_IOC_DMA_REGISTER, &arg);
		/* Without an IOMMU the device does not reach all memory. */
		if (!translated(fd) && ret == -ENOSPC)
			continue;
		EXPECT_EQ(0, ret);
		EXPECT_EQ(0xa5, arg.bytes[size]);
		EXPECT_EQ(0, dma_free(fd, arg.dma.id));
	}
	close(fd);
}

/* Sizes, addresses and permissions of memory, and how much of it may be mapped */
TEST_F(anybody, memory_is_checked)
{
	static uint8_t data[2 * MOST_PAGE] __attribute__((aligned(MOST_PAGE)));
	struct usher_raw_dma dma;
	uint64_t bus[4];
	int fd = open_node(EDU);
	int id;

	EXPECT_EQ(-EINVAL, dma_bits(fd, 0));
	EXPECT_EQ(-EINVAL, dma_bits(fd, 65));
	EXPECT_EQ(0, dma_bits(fd, EDU_ADDRESS_BITS));
	EXPECT_EQ(-EINVAL, dma_register(fd, data, 0, 0, 0, bus));
	EXPECT_EQ(-EINVAL, dma_register(fd, data, PAGE, 0, 2, bus));
	EXPECT_EQ(-EINVAL, dma_register(fd, data + 1, PAGE, 0, 1, bus));
	EXPECT_EQ(-EINVAL, dma_register(fd, data, PAGE, 2, 1, bus));
	EXPECT_EQ(-EFAULT, dma_register(fd, (void *)-PAGE, 2 * PAGE, 0, 2, bus));
	EXPECT_EQ(-EFAULT, dma_register(fd, NULL, PAGE, 0, 1, bus));
	EXPECT_EQ(-EINVAL, dma_alloc(fd, 0, &dma, bus));
	EXPECT_EQ(-EFAULT, dma_alloc(fd, 1, &dma, NULL));
	EXPECT_FALSE(is_master(fd));
	EXPECT_EQ(-ENOENT, dma_free(fd, 1));

	EXPECT_EQ(0, dma_alloc(fd, 3, &dma, bus));
	EXPECT_LT(bus[2], 1 << EDU_ADDRESS_BITS);
	EXPECT_EQ(-EBUSY, dma_bits(fd, 64));
	EXPECT_EQ(MAP_FAILED, map(fd, dma.offset, 2 * PAGE, MAP_SHARED));
	EXPECT_EQ(MAP_FAILED, map(fd, dma.offset, 4 * PAGE, MAP_SHARED));
	EXPECT_EQ(MAP_FAILED, map(fd, dma.offset + PAGE, 2 * PAGE, MAP_SHARED));
	EXPECT_EQ(MAP_FAILED, map(fd, dma.offset, 3 * PAGE, MAP_PRIVATE));
	EXPECT_EQ(0, dma_free(fd, dma.id));
	EXPECT_EQ(-ENOENT, dma_free(fd, dma.id));
	EXPECT_EQ(MAP_FAILED, map(fd, dma.offset, 3 * PAGE, MAP_SHARED));

	if (translated(fd)) {
		id = dma_register(fd, data, 2 * PAGE, 0, 2, bus);
		EXPECT_GT(id, 0);
		EXPECT_EQ(bus[0] + PAGE, bus[1]);
		EXPECT_EQ(MAP_FAILED,
			  map(fd, (8ULL << 40) + (uint64_t)id * PAGE, 2 * PAGE, MAP_SHARED));
		EXPECT_EQ(0, dma_free(fd, id));
		EXPECT_EQ(0, dma_bits(fd, 13));
		EXPECT_EQ(-ENOSPC, dma_alloc(fd, 4, &dma, bus));
	} else {
		/* Bus addresses are physical ones, and 24 bits do not reach this memory. */
		EXPECT_EQ(-EOPNOTSUPP, dma_bits(fd, 13));
		EXPECT_EQ(0, dma_bits(fd, 24));
		EXPECT_EQ(-ENOSPC, dma_register(fd, data, 2 * PAGE, 0, 2, bus));
		EXPECT_FALSE(is_master(fd));
	}
	close(fd);
}

/* Members that only the answer uses must be zero, lengths whole pages and not too long. */
TEST_F(anybody, memory_is_asked_for_exactly)
{
	const struct usher_raw_dma wrong[] = {
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
	int fd = open_node(EDU);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		dma = wrong[i];
		dma.size = sizeof(dma);
		dma.bus = (uintptr_t)bus;
		EXPECT_EQ(-EINVAL, call(fd, USHER_RAW_IOC_DMA_ALLOC, &dma));
	}
	most = info_of(fd).max_dma_bytes / PAGE;
	EXPECT_EQ(-EINVAL, dma_alloc(fd, most + 1, &dma, NULL));
	EXPECT_EQ(-EINVAL, dma_register(fd, bus, (most + 1) * PAGE, 0, most + 2, NULL));
	EXPECT_FALSE(is_master(fd));
	close(fd);
}

/* Kinds, counts and eventfds, and masking of vectors that do not exist */
TEST_F(anybody, interrupts_are_checked)
{
	int event = eventfd(0, EFD_CLOEXEC), none = -1, file = open("/dev/null", O_RDWR);
	int fd = open_node(EDU);

	EXPECT_EQ(-EINVAL, irq_enable(fd, 0, 1, &event));
	EXPECT_EQ(-EINVAL, irq_enable(fd, 4, 1, &event));
	EXPECT_EQ(-EINVAL, irq_enable(fd, USHER_RAW_IRQ_MSI, 0, &event));
	EXPECT_EQ(-EINVAL, irq_enable(fd, USHER_RAW_IRQ_MSI, 2, &event));
	EXPECT_EQ(-EOPNOTSUPP, irq_enable(fd, USHER_RAW_IRQ_MSIX, 1, &event));
	EXPECT_EQ(-EFAULT, irq_enable(fd, USHER_RAW_IRQ_MSI, 1, NULL));
	EXPECT_EQ(-EBADF, irq_enable(fd, USHER_RAW_IRQ_MSI, 1, &none));
	EXPECT_EQ(-EINVAL, irq_enable(fd, USHER_RAW_IRQ_MSI, 1, &file));
	EXPECT_EQ(-EINVAL, irq_mask(fd, 0, 1));
	EXPECT_EQ(0, irq_enable(fd, USHER_RAW_IRQ_MSI, 1, &event));
	EXPECT_EQ(-EBUSY, irq_enable(fd, USHER_RAW_IRQ_MSI, 1, &event));
	EXPECT_EQ(-EINVAL, irq_mask(fd, 1, 1));
	EXPECT_EQ(-EINVAL, irq_mask(fd, 0, 2));

	close(fd);
	close(event);
	close(file);
}

TEST_HARNESS_MAIN
