// SPDX-License-Identifier: GPL-2.0-only
/*
 * What usher_pci.h promises, on devices of QEMU: the educational device, which
 * interrupts by a message and copies memory, an 82540, which has a pin, an 82574,
 * which has I/O ports, and an OHCI controller of less than a page.
 * environment.h lists the variables that name them.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <usher_pci.h>

#include "environment.h"
#include "harness.h"

/* The educational device: docs/specs/edu.rst of QEMU */
#define EDU_ID			0x11e81234
#define EDU_FACTORIAL		0x08
#define EDU_STATUS		0x20
#define EDU_STATUS_BUSY		0x01
#define EDU_RAISE		0x60
#define EDU_ACKNOWLEDGE		0x64
#define EDU_DMA_SOURCE		0x80
#define EDU_DMA_DESTINATION	0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_COMMAND		0x98
#define EDU_DMA_START		0x1
#define EDU_DMA_TO_MEMORY	0x2
#define EDU_BUFFER		0x40000
#define EDU_BYTES		2048
#define EDU_ADDRESS_BITS	28

/* The 82540: interrupt causes, and a register that keeps what is written */
#define E1000_STATUS		0x0008
#define E1000_ICR		0x00c0
#define E1000_ICS		0x00c8
#define E1000_IMS		0x00d0
#define E1000_CAUSE		0x4
#define E1000_TABLE		0x5200

#define SECOND			1000000000ULL
#define MOMENT			20000000ULL

/* Requests of a device after which an interrupt from before them would have come */
#define ANSWERS			20
#define READS			1000

/* The 82574: its ports lead to its registers. */
#define NIC_STATUS		0x0008
#define NIC_PORTS		2
#define NIC_IOADDR		0x0
#define NIC_IODATA		0x4
#define NIC_POWER		0xc8

/* PCI Bus Power Management Interface 1.2, 3.2 */
#define POWER_ID		0x01
#define POWER_STATE		4
#define POWER_D3		0x3

/* A USB controller with less than a page of registers: OpenHCI 1.0a, 7 */
#define OHCI_REVISION		0x00
#define OHCI_HEAD		0x20

static struct usher_pci *pci;
static struct usher_pci_region registers;

/* Opens a function and maps its first region. */
static void start(struct __test_metadata *_metadata, const char *address)
{
	ASSERT_EQ(0, usher_pci_open(address, &pci))
		TH_LOG("%s", usher_pci_reason());
	ASSERT_EQ(0, usher_pci_map_region(pci, 0, &registers))
		TH_LOG("%s", usher_pci_reason());
}

static void stop(void)
{
	usher_pci_close(pci);
}

/* The educational device */
FIXTURE(edu)
{
};

FIXTURE_SETUP(edu)
{
	start(_metadata, EDU);
}

FIXTURE_TEARDOWN(edu)
{
	stop();
}

/* The 82540 */
FIXTURE(pin)
{
};

FIXTURE_SETUP(pin)
{
	start(_metadata, PIN);
}

FIXTURE_TEARDOWN(pin)
{
	stop();
}

/* The 82574 */
FIXTURE(nic)
{
};

FIXTURE_SETUP(nic)
{
	start(_metadata, NIC);
}

FIXTURE_TEARDOWN(nic)
{
	stop();
}

/* The OHCI controller */
FIXTURE(ohci)
{
};

FIXTURE_SETUP(ohci)
{
	start(_metadata, OHCI);
}

FIXTURE_TEARDOWN(ohci)
{
	stop();
}

static bool says(const char *words)
{
	bool found = strstr(usher_pci_reason(), words);

	if (!found)
		printf("# the reason: %s\n", usher_pci_reason());
	return found;
}

/* Lets the device copy memory, and waits until it says that this is done. */
static void copy(struct __test_metadata *_metadata, uint64_t from, uint64_t to, uint32_t direction)
{
	uint64_t end = usher_pci_clock() + 20 * SECOND;

	usher_pci_write64(&registers, EDU_DMA_SOURCE, from);
	usher_pci_write64(&registers, EDU_DMA_DESTINATION, to);
	usher_pci_write64(&registers, EDU_DMA_COUNT, EDU_BYTES);
	usher_pci_write64(&registers, EDU_DMA_COMMAND,
			  EDU_DMA_START | direction);
	while (usher_pci_read64(&registers, EDU_DMA_COMMAND) & EDU_DMA_START &&
	       usher_pci_clock() < end)
		usher_pci_delay(1000000);
	EXPECT_LT(usher_pci_clock(), end);
}

static void to_device(struct __test_metadata *_metadata, uint64_t bus)
{
	copy(_metadata, bus, EDU_BUFFER, 0);
}

static void to_memory(struct __test_metadata *_metadata, uint64_t bus)
{
	copy(_metadata, EDU_BUFFER, bus, EDU_DMA_TO_MEMORY);
}

static bool all(const void *memory, uint8_t value, size_t bytes)
{
	const uint8_t *byte = memory;

	while (bytes--)
		if (*byte++ != value)
			return false;
	return true;
}

TEST_F(edu, it_tells_what_it_is)
{
	const struct usher_pci_info *info;
	uint32_t value = 0;

	info = usher_pci_info(pci);
	EXPECT_STREQ(EDU, info->address);
	EXPECT_STRNE("", info->backend);
	EXPECT_EQ(EDU_ID, info->vendor | info->device << 16);
	EXPECT_EQ(0x00ff00, info->class_code);
	EXPECT_EQ(USHER_PCI_IRQ_MSI, info->irq);
	EXPECT_EQ(1, info->vectors);
	EXPECT_EQ(0x100000, info->region_bytes[0]);
	EXPECT_EQ(0, info->region_bytes[1]);
	EXPECT_EQ(sysconf(_SC_PAGESIZE), info->page_bytes);
	EXPECT_TRUE(info->can_reset);

	EXPECT_EQ(0, usher_pci_read_config(pci, 0, 4, &value));
	EXPECT_EQ(EDU_ID, value);
	EXPECT_EQ(0, usher_pci_read_config(pci, 2, 2, &value));
	EXPECT_EQ(EDU_ID >> 16, value);
	EXPECT_EQ(-EACCES, usher_pci_write_config(pci, 4, 2, 0x6));
	EXPECT_FALSE(usher_pci_gone(pci));
}

TEST_F(edu, one_owner_at_a_time)
{
	struct usher_pci *second;

	EXPECT_EQ(-EBUSY, usher_pci_open(EDU, &second));
	EXPECT_TRUE(says(EDU));
	EXPECT_EQ(-ENOENT, usher_pci_open("ff:1f.7", &second));
	EXPECT_EQ(-ENXIO, usher_pci_open("00:00.0", &second));
	EXPECT_TRUE(says("bind it to"));
}

/* A sleeping device has no registers, so the power state is not for drivers to write. */
TEST_F(nic, power_is_not_for_drivers)
{
	uint32_t value = 0;

	EXPECT_EQ(0, usher_pci_read_config(pci, NIC_POWER, 1, &value));
	EXPECT_EQ(POWER_ID, value);
	EXPECT_EQ(-EACCES, usher_pci_write_config(pci, NIC_POWER + POWER_STATE, 2, POWER_D3));
	EXPECT_EQ(-EACCES, usher_pci_write_config(pci, NIC_POWER + POWER_STATE, 1, POWER_D3));
	EXPECT_EQ(-EACCES, usher_pci_write_config(pci, NIC_POWER + POWER_STATE, 4, POWER_D3));
	EXPECT_EQ(0, usher_pci_read_config(pci, NIC_POWER + POWER_STATE, 2, &value));
	EXPECT_EQ(0, value & POWER_D3);
}

TEST_F(nic, ports)
{
	struct usher_pci_region region;

	EXPECT_EQ(0, usher_pci_map_region(pci, NIC_PORTS, &region));
	EXPECT_EQ(NULL, region.base);
	usher_pci_write32(&region, NIC_IOADDR, NIC_STATUS);
	EXPECT_EQ(NIC_STATUS, usher_pci_read32(&region, NIC_IOADDR));
	EXPECT_EQ(usher_pci_read32(&registers, NIC_STATUS), usher_pci_read32(&region, NIC_IODATA));
	EXPECT_EQ((uint64_t)usher_pci_read32(&registers, NIC_STATUS) << 32 | NIC_STATUS,
		  usher_pci_read64(&region, NIC_IOADDR));
	EXPECT_EQ(UINT32_MAX, usher_pci_read32(&region, region.bytes));
	EXPECT_TRUE(says("region 2"));
}

TEST_F(ohci, less_than_a_page)
{
	EXPECT_LT(registers.bytes, usher_pci_info(pci)->page_bytes);
	EXPECT_EQ(0x10, usher_pci_read32(&registers, OHCI_REVISION));
	EXPECT_EQ(0x10, usher_pci_read8(&registers, OHCI_REVISION));
	usher_pci_write32(&registers, OHCI_HEAD, 0x12345670);
	EXPECT_EQ(0x12345670, usher_pci_read32(&registers, OHCI_HEAD));
	usher_pci_write64(&registers, OHCI_HEAD, 0x2345678012345670);
	EXPECT_EQ(0x2345678012345670, usher_pci_read64(&registers, OHCI_HEAD));
}

TEST_F(edu, memory_goes_both_ways)
{
	struct usher_pci_dma *dma;
	uint8_t *data;

	EXPECT_EQ(0, usher_pci_set_dma_bits(pci, EDU_ADDRESS_BITS));
	EXPECT_EQ(0, usher_pci_dma_alloc(pci, 5000, 0, &dma));
	data = dma->address;
	EXPECT_EQ(2 * usher_pci_info(pci)->page_bytes, dma->bytes);
	EXPECT_EQ(0, (uintptr_t)data % usher_pci_info(pci)->page_bytes);
	EXPECT_TRUE(all(data, 0, dma->bytes));
	EXPECT_LT(usher_pci_dma_bus(dma, 8191), 1 << EDU_ADDRESS_BITS);

	memset(data, 0x5a, EDU_BYTES);
	to_device(_metadata, usher_pci_dma_bus(dma, 0));
	to_memory(_metadata, usher_pci_dma_bus(dma, 4096));
	EXPECT_TRUE(all(data + 4096, 0x5a, EDU_BYTES));
	EXPECT_TRUE(all(data + EDU_BYTES, 0, 4096 - EDU_BYTES));
	EXPECT_TRUE(all(data + 4096 + EDU_BYTES, 0, 4096 - EDU_BYTES));
}

/* Without an IOMMU, memory of the process is where it is, perhaps out of the device's reach. */
static bool is_out_of_reach(int ret)
{
	return ret == -ENOSPC && !usher_pci_info(pci)->iommu;
}

TEST_F(edu, memory_of_the_callers)
{
	static uint8_t data[3 * 4096] __attribute__((aligned(4096)));
	struct usher_pci_dma *dma;
	int ret;

	EXPECT_EQ(0, usher_pci_set_dma_bits(pci, EDU_ADDRESS_BITS));
	memset(data + 100, 0x11, EDU_BYTES);
	ret = usher_pci_dma_register(pci, data + 100, 8192, 0, &dma);
	if (is_out_of_reach(ret))
		SKIP(return, "the device does not reach the memory");
	ASSERT_EQ(0, ret);
	to_device(_metadata, usher_pci_dma_bus(dma, 0));
	to_memory(_metadata, usher_pci_dma_bus(dma, 4096));
	EXPECT_TRUE(all(data + 100 + 4096, 0x11, EDU_BYTES));
	EXPECT_TRUE(all(data, 0, 100));
	EXPECT_TRUE(all(data + 100 + 4096 + EDU_BYTES, 0, 4000));
}

TEST_F(edu, memory_that_cannot_be)
{
	void *constant = mmap(NULL, 4096, PROT_READ,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *nothing = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
	struct usher_pci_dma *dma;
	int ret;

	EXPECT_EQ(0, usher_pci_set_dma_bits(pci, 12));
	EXPECT_EQ(-ENOSPC, usher_pci_dma_alloc(pci, 8192, 0, &dma));
	EXPECT_TRUE(says("up to 0xfff"));
	EXPECT_EQ(0, usher_pci_set_dma_bits(pci, EDU_ADDRESS_BITS));
	EXPECT_EQ(-EFAULT, usher_pci_dma_register(pci, nothing, 4096, 0, &dma));
	EXPECT_EQ(-EFAULT, usher_pci_dma_register(pci, constant, 4096, 0, &dma));
	EXPECT_TRUE(says("USHER_PCI_DMA_READ_ONLY"));
	ret = usher_pci_dma_register(pci, constant, 4096, USHER_PCI_DMA_READ_ONLY, &dma);
	EXPECT_TRUE(!ret || is_out_of_reach(ret));
	munmap(constant, 4096);
	munmap(nothing, 4096);
}

/* What was taken back, and what the device may only read, is protected by the IOMMU. */
TEST_F(edu, the_device_reaches_nothing_else)
{
	static uint8_t data[4096] __attribute__((aligned(4096)));
	struct usher_pci_dma *dma, *other;
	uint64_t bus;

	if (!usher_pci_info(pci)->iommu)
		SKIP(return, "there is no IOMMU");
	EXPECT_EQ(0, usher_pci_set_dma_bits(pci, EDU_ADDRESS_BITS));
	EXPECT_EQ(0, usher_pci_dma_alloc(pci, 4096, 0, &other));
	memset(other->address, 0xee, EDU_BYTES);
	to_device(_metadata, usher_pci_dma_bus(other, 0));

	/* Memory that was taken back is neither written nor read. */
	EXPECT_EQ(0, usher_pci_dma_register(pci, data, 4096, 0, &dma));
	bus = usher_pci_dma_bus(dma, 0);
	to_memory(_metadata, bus);
	EXPECT_TRUE(all(data, 0xee, EDU_BYTES));
	usher_pci_dma_free(pci, dma);
	memset(data, 0x3c, sizeof(data));
	to_memory(_metadata, bus);
	EXPECT_TRUE(all(data, 0x3c, sizeof(data)));
	to_device(_metadata, bus);
	to_memory(_metadata, usher_pci_dma_bus(other, 0));
	EXPECT_EQ(NULL, memchr(other->address, 0x3c, EDU_BYTES));
	memset(other->address, 0xee, EDU_BYTES);
	to_device(_metadata, usher_pci_dma_bus(other, 0));
	memset(data, 0, sizeof(data));

	/* Memory that the device may only read is not written. */
	EXPECT_EQ(0, usher_pci_dma_register(pci, data, 4096, USHER_PCI_DMA_READ_ONLY, &dma));
	to_memory(_metadata, usher_pci_dma_bus(dma, 0));
	EXPECT_TRUE(all(data, 0, sizeof(data)));

	/* The refused write has no effect on later ones. */
	memset(other->address, 0, EDU_BYTES);
	to_memory(_metadata, usher_pci_dma_bus(other, 0));
	EXPECT_TRUE(all(other->address, 0xee, EDU_BYTES));
}

TEST_F(edu, bus_addresses_come_back)
{
	struct usher_pci_dma *dma[16];
	unsigned int round, i, k;

	EXPECT_EQ(0, usher_pci_set_dma_bits(pci, EDU_ADDRESS_BITS));
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 16; i++)
			EXPECT_EQ(0, usher_pci_dma_alloc(pci, 4096 * (i % 4 + 1), 0, &dma[i]));
		for (i = 0; i < 16; i++)
			for (k = 0; k < i; k++)
				EXPECT_NE(usher_pci_dma_bus(dma[k], 0),
					  usher_pci_dma_bus(dma[i], 0));
		for (i = 0; i < 16; i++)
			usher_pci_dma_free(pci, dma[(i * 7 + round) % 16]);
	}
}

/* Whether the educational device answers requests; each takes two threads of QEMU. */
static bool edu_answers(void)
{
	uint64_t end = usher_pci_clock() + 20 * SECOND;
	int i;

	/* The answers are no interrupts, even if somebody wanted that before. */
	usher_pci_write32(&registers, EDU_STATUS, 0);
	for (i = 0; i < ANSWERS; i++) {
		usher_pci_write32(&registers, EDU_FACTORIAL, 5);
		while (usher_pci_read32(&registers, EDU_STATUS) & EDU_STATUS_BUSY)
			if (usher_pci_clock() > end)
				return false;
		if (usher_pci_read32(&registers, EDU_FACTORIAL) != 120)
			return false;
	}
	return true;
}

/* Whether the 82540 answers a number of reads */
static bool pin_answers(void)
{
	uint32_t status = usher_pci_read32(&registers, E1000_STATUS);
	int i;

	for (i = 0; i < READS; i++)
		if (usher_pci_read32(&registers, E1000_STATUS) != status)
			return false;
	return status != UINT32_MAX;
}

TEST_F(edu, interrupts_by_message)
{
	uint64_t before;

	EXPECT_EQ(0, usher_pci_enable_vectors(pci, 1));
	EXPECT_EQ(-ETIMEDOUT, usher_pci_wait(pci, 0, 0));
	before = usher_pci_clock();
	EXPECT_EQ(-ETIMEDOUT, usher_pci_wait(pci, 0, MOMENT));
	EXPECT_GE(usher_pci_clock() - before, MOMENT);

	usher_pci_write32(&registers, EDU_RAISE, 1);
	EXPECT_EQ(1, usher_pci_wait(pci, 0, 20 * SECOND));
	EXPECT_TRUE(edu_answers());
	EXPECT_EQ(-ETIMEDOUT, usher_pci_wait(pci, 0, 0));

	EXPECT_EQ(0, usher_pci_mask(pci, 0));
	usher_pci_write32(&registers, EDU_RAISE, 1);
	EXPECT_EQ(-EINVAL, usher_pci_wait(pci, 0, USHER_PCI_FOREVER));
	EXPECT_EQ(0, usher_pci_unmask(pci, 0));
	EXPECT_GE(usher_pci_wait(pci, 0, 20 * SECOND), 1);

	usher_pci_disable_vectors(pci);
	usher_pci_write32(&registers, EDU_ACKNOWLEDGE, UINT32_MAX);
	EXPECT_EQ(-EINVAL, usher_pci_enable_vectors(pci, 2));
	EXPECT_EQ(0, usher_pci_enable_vectors(pci, 1));
	EXPECT_TRUE(edu_answers());
	EXPECT_EQ(-ETIMEDOUT, usher_pci_wait(pci, 0, 0));
	usher_pci_write32(&registers, EDU_RAISE, 1);
	EXPECT_EQ(1, usher_pci_wait(pci, 0, 20 * SECOND));
}

TEST_F(pin, interrupts_by_pin)
{
	EXPECT_EQ(USHER_PCI_IRQ_INTX, usher_pci_info(pci)->irq);
	EXPECT_EQ(0, usher_pci_enable_vectors(pci, 1));
	usher_pci_write32(&registers, E1000_IMS, E1000_CAUSE);
	EXPECT_TRUE(pin_answers());
	EXPECT_EQ(-ETIMEDOUT, usher_pci_wait(pci, 0, 0));

	usher_pci_write32(&registers, E1000_ICS, E1000_CAUSE);
	EXPECT_EQ(1, usher_pci_wait(pci, 0, 20 * SECOND));
	EXPECT_EQ(-EINVAL, usher_pci_wait(pci, 0, USHER_PCI_FOREVER));
	EXPECT_TRUE(says("is masked"));

	/* The device was not served, so the interrupt comes again. */
	EXPECT_EQ(0, usher_pci_unmask(pci, 0));
	EXPECT_GE(usher_pci_wait(pci, 0, 20 * SECOND), 1);

	EXPECT_TRUE(usher_pci_read32(&registers, E1000_ICR) & E1000_CAUSE);
	EXPECT_EQ(0, usher_pci_unmask(pci, 0));
	EXPECT_TRUE(pin_answers());
	EXPECT_EQ(-ETIMEDOUT, usher_pci_wait(pci, 0, 0));

	EXPECT_EQ(0, usher_pci_mask(pci, 0));
	usher_pci_write32(&registers, E1000_ICS, E1000_CAUSE);
	EXPECT_EQ(0, usher_pci_unmask(pci, 0));
	EXPECT_EQ(1, usher_pci_wait(pci, 0, 20 * SECOND));
}

static void on_alarm(int number)
{
	(void)number;
}

TEST_F(edu, signals_end_a_wait)
{
	struct sigaction action = {
		.sa_handler = on_alarm,
	};
	struct itimerval soon = {
		.it_interval.tv_usec = 20000,
		.it_value.tv_usec = 20000,
	}, never = { 0 };

	EXPECT_EQ(0, usher_pci_enable_vectors(pci, 1));
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	EXPECT_EQ(-EINTR, usher_pci_wait(pci, 0, USHER_PCI_FOREVER));
	setitimer(ITIMER_REAL, &never, NULL);
}

TEST_F(edu, a_reset_leaves_what_is_ours)
{
	struct usher_pci_dma *dma;

	EXPECT_EQ(0, usher_pci_set_dma_bits(pci, EDU_ADDRESS_BITS));
	EXPECT_EQ(0, usher_pci_dma_alloc(pci, 8192, 0, &dma));
	EXPECT_EQ(0, usher_pci_enable_vectors(pci, 1));
	EXPECT_EQ(0, usher_pci_reset(pci));

	memset(dma->address, 0x77, EDU_BYTES);
	to_device(_metadata, usher_pci_dma_bus(dma, 0));
	to_memory(_metadata, usher_pci_dma_bus(dma, 4096));
	EXPECT_TRUE(all((char *)dma->address + 4096, 0x77, EDU_BYTES));
	usher_pci_write32(&registers, EDU_RAISE, 1);
	EXPECT_GE(usher_pci_wait(pci, 0, 20 * SECOND), 1);
}

TEST_F(pin, a_reset_resets)
{
	usher_pci_write32(&registers, E1000_TABLE, 0x12345678);
	EXPECT_EQ(0x12345678, usher_pci_read32(&registers, E1000_TABLE));
	EXPECT_EQ(0, usher_pci_reset(pci));
	EXPECT_EQ(0, usher_pci_read32(&registers, E1000_TABLE));

	/* The end of a driver resets the device, too. */
	usher_pci_write32(&registers, E1000_TABLE, 0x12345678);
	stop();
	start(_metadata, PIN);
	EXPECT_EQ(0, usher_pci_read32(&registers, E1000_TABLE));
}

/* Resets through sysfs, again and again, in a process of its own; 0 if it may not */
static pid_t reset_by_others(const char *address)
{
	char path[64];
	pid_t child;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", address);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	child = fork();
	while (!child)
		if (write(fd, "1", 1) != 1 && errno != EAGAIN)
			_exit(1);
	close(fd);
	return child > 0 ? child : 0;
}

/* usher-raw takes regions away meanwhile, vfio-pci does not. */
TEST_F(pin, a_reset_by_others_takes_regions)
{
	uint64_t end = usher_pci_clock() + 60 * SECOND;
	pid_t resets;

	if (strcmp(usher_pci_info(pci)->backend, "usher-raw"))
		SKIP(return, "%s leaves regions", usher_pci_info(pci)->backend);
	resets = reset_by_others(PIN);
	if (!resets)
		SKIP(return, "this user may not reset it through sysfs");
	EXPECT_EQ(0, usher_pci_catch_faults());
	while (!usher_pci_gone(pci) && usher_pci_clock() < end)
		usher_pci_read32(&registers, E1000_TABLE);
	EXPECT_TRUE(usher_pci_gone(pci));
	kill(resets, SIGKILL);
	EXPECT_EQ(resets, waitpid(resets, NULL, 0));

	/* Registers read as ones until the next reset by the owner. */
	EXPECT_EQ(UINT32_MAX, usher_pci_read32(&registers, E1000_TABLE));
	EXPECT_EQ(0, usher_pci_reset(pci));
	EXPECT_FALSE(usher_pci_gone(pci));
	usher_pci_write32(&registers, E1000_TABLE, 0x12345678);
	EXPECT_EQ(0x12345678, usher_pci_read32(&registers, E1000_TABLE));
	EXPECT_EQ(0, usher_pci_reset(pci));
	EXPECT_EQ(0, usher_pci_read32(&registers, E1000_TABLE));
}

TEST_HARNESS_MAIN
