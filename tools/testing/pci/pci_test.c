// SPDX-License-Identifier: GPL-2.0-only
/*
 * What usher_pci.h promises, on devices of QEMU: the educational device, which
 * interrupts by a message and copies memory, an 82540, which has a pin, an 82574,
 * which has I/O ports, and an OHCI controller of less than a page.
 *
 *	pci_test EDU 82540 82574 OHCI	their PCI addresses; TAP on stdout
 */
#define _GNU_SOURCE
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

#include "../../lib/tests/tap.h"

/* The educational device: docs/specs/edu.rst of QEMU */
#define EDU_ID			0x11e81234
#define EDU_STATUS		0x20
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
#define E1000_ICR		0x00c0
#define E1000_ICS		0x00c8
#define E1000_IMS		0x00d0
#define E1000_CAUSE		0x4
#define E1000_TABLE		0x5200

#define SECOND			1000000000ULL
#define MOMENT			20000000ULL

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

static const char *edu_address, *pin_address, *nic_address, *small_address;
static struct usher_pci *pci;
static struct usher_pci_region registers;

static bool start(const char *address)
{
	int ret = usher_pci_open(address, &pci);

	if (!ret)
		ret = usher_pci_map_region(pci, 0, &registers);
	if (ret)
		printf("# %s\n", usher_pci_reason());
	EXPECT_EQ(ret, 0);
	return !ret;
}

static void stop(void)
{
	usher_pci_close(pci);
	pci = NULL;
}

static bool says(const char *words)
{
	bool found = strstr(usher_pci_reason(), words);

	if (!found)
		printf("# the reason: %s\n", usher_pci_reason());
	return found;
}

/* Let the device copy; it says itself when it is done. */
static void copy(uint64_t from, uint64_t to, uint32_t direction)
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
	EXPECT(usher_pci_clock() < end);
}

static void to_device(uint64_t bus)
{
	copy(bus, EDU_BUFFER, 0);
}

static void to_memory(uint64_t bus)
{
	copy(EDU_BUFFER, bus, EDU_DMA_TO_MEMORY);
}

static bool all(const void *memory, uint8_t value, size_t bytes)
{
	const uint8_t *byte = memory;

	while (bytes--)
		if (*byte++ != value)
			return false;
	return true;
}

static void it_tells_what_it_is(void)
{
	const struct usher_pci_info *info;
	uint32_t value = 0;

	if (!start(edu_address))
		return;
	info = usher_pci_info(pci);
	EXPECT(!strcmp(info->address, edu_address));
	EXPECT(info->backend[0]);
	EXPECT_EQ(info->vendor | info->device << 16, EDU_ID);
	EXPECT_EQ(info->class_code, 0x00ff00);
	EXPECT_EQ(info->irq, USHER_PCI_IRQ_MSI);
	EXPECT_EQ(info->vectors, 1);
	EXPECT_EQ(info->region_bytes[0], 0x100000);
	EXPECT_EQ(info->region_bytes[1], 0);
	EXPECT_EQ(info->page_bytes, sysconf(_SC_PAGESIZE));
	EXPECT(info->can_reset);

	EXPECT_EQ(usher_pci_read_config(pci, 0, 4, &value), 0);
	EXPECT_EQ(value, EDU_ID);
	EXPECT_EQ(usher_pci_read_config(pci, 2, 2, &value), 0);
	EXPECT_EQ(value, EDU_ID >> 16);
	EXPECT_EQ(usher_pci_write_config(pci, 4, 2, 0x6), -EACCES);
	EXPECT(!usher_pci_gone(pci));
	stop();
}

static void one_owner_at_a_time(void)
{
	struct usher_pci *second;

	if (!start(edu_address))
		return;
	EXPECT_EQ(usher_pci_open(edu_address, &second), -EBUSY);
	EXPECT(says(edu_address));
	stop();
	EXPECT_EQ(usher_pci_open("ff:1f.7", &second), -ENOENT);
	EXPECT_EQ(usher_pci_open("00:00.0", &second), -ENXIO);
	EXPECT(says("bind it to"));
}

/* A device that is asleep has no registers. */
static void power_is_not_for_drivers(void)
{
	uint32_t value = 0;

	if (!start(nic_address))
		return;
	EXPECT_EQ(usher_pci_read_config(pci, NIC_POWER, 1, &value), 0);
	EXPECT_EQ(value, POWER_ID);
	EXPECT_EQ(usher_pci_write_config(pci, NIC_POWER + POWER_STATE, 2, POWER_D3),
		  -EACCES);
	EXPECT_EQ(usher_pci_write_config(pci, NIC_POWER + POWER_STATE, 1, POWER_D3),
		  -EACCES);
	EXPECT_EQ(usher_pci_write_config(pci, NIC_POWER + POWER_STATE, 4, POWER_D3),
		  -EACCES);
	EXPECT_EQ(usher_pci_read_config(pci, NIC_POWER + POWER_STATE, 2, &value), 0);
	EXPECT_EQ(value & POWER_D3, 0);
	stop();
}

static void ports(void)
{
	struct usher_pci_region region;

	if (!start(nic_address))
		return;
	EXPECT_EQ(usher_pci_map_region(pci, NIC_PORTS, &region), 0);
	EXPECT(!region.base);
	usher_pci_write32(&region, NIC_IOADDR, NIC_STATUS);
	EXPECT_EQ(usher_pci_read32(&region, NIC_IOADDR), NIC_STATUS);
	EXPECT_EQ(usher_pci_read32(&region, NIC_IODATA),
		  usher_pci_read32(&registers, NIC_STATUS));
	EXPECT_EQ(usher_pci_read64(&region, NIC_IOADDR),
		  (uint64_t)usher_pci_read32(&registers, NIC_STATUS) << 32 | NIC_STATUS);
	EXPECT_EQ(usher_pci_read32(&region, region.bytes), UINT32_MAX);
	EXPECT(says("region 2"));
	stop();
}

static void less_than_a_page(void)
{
	if (!start(small_address))
		return;
	EXPECT(registers.bytes < usher_pci_info(pci)->page_bytes);
	EXPECT_EQ(usher_pci_read32(&registers, OHCI_REVISION), 0x10);
	EXPECT_EQ(usher_pci_read8(&registers, OHCI_REVISION), 0x10);
	usher_pci_write32(&registers, OHCI_HEAD, 0x12345670);
	EXPECT_EQ(usher_pci_read32(&registers, OHCI_HEAD), 0x12345670);
	usher_pci_write64(&registers, OHCI_HEAD, 0x2345678012345670);
	EXPECT_EQ(usher_pci_read64(&registers, OHCI_HEAD), 0x2345678012345670);
	stop();
}

static void memory_goes_both_ways(void)
{
	struct usher_pci_dma *dma;
	uint8_t *data;

	if (!start(edu_address))
		return;
	EXPECT_EQ(usher_pci_set_dma_bits(pci, EDU_ADDRESS_BITS), 0);
	EXPECT_EQ(usher_pci_dma_alloc(pci, 5000, 0, &dma), 0);
	data = dma->address;
	EXPECT_EQ(dma->bytes, 2 * usher_pci_info(pci)->page_bytes);
	EXPECT_EQ((uintptr_t)data % usher_pci_info(pci)->page_bytes, 0);
	EXPECT(all(data, 0, dma->bytes));
	EXPECT(usher_pci_dma_bus(dma, 8191) < 1 << EDU_ADDRESS_BITS);

	memset(data, 0x5a, EDU_BYTES);
	to_device(usher_pci_dma_bus(dma, 0));
	to_memory(usher_pci_dma_bus(dma, 4096));
	EXPECT(all(data + 4096, 0x5a, EDU_BYTES));
	EXPECT(all(data + EDU_BYTES, 0, 4096 - EDU_BYTES));
	EXPECT(all(data + 4096 + EDU_BYTES, 0, 4096 - EDU_BYTES));
	stop();
}

/* The caller's memory is where it is, unless an IOMMU moves it. */
static bool is_out_of_reach(int ret)
{
	if (ret == -ENOSPC && !usher_pci_info(pci)->iommu) {
		printf("# not tested: the device does not reach the memory\n");
		return true;
	}
	EXPECT_EQ(ret, 0);
	return ret;
}

static void memory_of_the_callers(void)
{
	static uint8_t data[3 * 4096] __attribute__((aligned(4096)));
	struct usher_pci_dma *dma;

	if (!start(edu_address))
		return;
	EXPECT_EQ(usher_pci_set_dma_bits(pci, EDU_ADDRESS_BITS), 0);
	memset(data + 100, 0x11, EDU_BYTES);
	if (is_out_of_reach(usher_pci_dma_register(pci, data + 100, 8192, 0,
						   &dma))) {
		stop();
		return;
	}
	to_device(usher_pci_dma_bus(dma, 0));
	to_memory(usher_pci_dma_bus(dma, 4096));
	EXPECT(all(data + 100 + 4096, 0x11, EDU_BYTES));
	EXPECT(all(data, 0, 100));
	EXPECT(all(data + 100 + 4096 + EDU_BYTES, 0, 4000));
	stop();
}

static void memory_that_cannot_be(void)
{
	void *constant = mmap(NULL, 4096, PROT_READ,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *nothing = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
	struct usher_pci_dma *dma;

	if (!start(edu_address))
		return;
	EXPECT_EQ(usher_pci_set_dma_bits(pci, 12), 0);
	EXPECT_EQ(usher_pci_dma_alloc(pci, 8192, 0, &dma), -ENOSPC);
	EXPECT(says("up to 0xfff"));
	EXPECT_EQ(usher_pci_set_dma_bits(pci, EDU_ADDRESS_BITS), 0);
	EXPECT_EQ(usher_pci_dma_register(pci, nothing, 4096, 0, &dma), -EFAULT);
	EXPECT_EQ(usher_pci_dma_register(pci, constant, 4096, 0, &dma), -EFAULT);
	EXPECT(says("USHER_PCI_DMA_READ_ONLY"));
	is_out_of_reach(usher_pci_dma_register(pci, constant, 4096,
					       USHER_PCI_DMA_READ_ONLY, &dma));
	stop();
	munmap(constant, 4096);
	munmap(nothing, 4096);
}

/* Only where an IOMMU stands in between. */
static void the_device_reaches_nothing_else(void)
{
	static uint8_t data[4096] __attribute__((aligned(4096)));
	struct usher_pci_dma *dma, *other;
	uint64_t bus;

	if (!start(edu_address))
		return;
	if (!usher_pci_info(pci)->iommu) {
		printf("# not tested: there is no IOMMU\n");
		stop();
		return;
	}
	EXPECT_EQ(usher_pci_set_dma_bits(pci, EDU_ADDRESS_BITS), 0);
	EXPECT_EQ(usher_pci_dma_alloc(pci, 4096, 0, &other), 0);
	memset(other->address, 0xee, EDU_BYTES);
	to_device(usher_pci_dma_bus(other, 0));

	/* what was taken back: it does not write there, and does not read it */
	EXPECT_EQ(usher_pci_dma_register(pci, data, 4096, 0, &dma), 0);
	bus = usher_pci_dma_bus(dma, 0);
	to_memory(bus);
	EXPECT(all(data, 0xee, EDU_BYTES));
	usher_pci_dma_free(pci, dma);
	memset(data, 0x3c, sizeof(data));
	to_memory(bus);
	EXPECT(all(data, 0x3c, sizeof(data)));
	to_device(bus);
	to_memory(usher_pci_dma_bus(other, 0));
	EXPECT(!memchr(other->address, 0x3c, EDU_BYTES));
	memset(other->address, 0xee, EDU_BYTES);
	to_device(usher_pci_dma_bus(other, 0));
	memset(data, 0, sizeof(data));

	/* what it may only read */
	EXPECT_EQ(usher_pci_dma_register(pci, data, 4096,
					 USHER_PCI_DMA_READ_ONLY, &dma), 0);
	to_memory(usher_pci_dma_bus(dma, 0));
	EXPECT(all(data, 0, sizeof(data)));

	/* and that leaves no trace */
	memset(other->address, 0, EDU_BYTES);
	to_memory(usher_pci_dma_bus(other, 0));
	EXPECT(all(other->address, 0xee, EDU_BYTES));
	stop();
}

static void bus_addresses_come_back(void)
{
	struct usher_pci_dma *dma[16];
	unsigned int round, i, k;

	if (!start(edu_address))
		return;
	EXPECT_EQ(usher_pci_set_dma_bits(pci, EDU_ADDRESS_BITS), 0);
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 16; i++)
			EXPECT_EQ(usher_pci_dma_alloc(pci, 4096 * (i % 4 + 1), 0,
						      &dma[i]), 0);
		for (i = 0; i < 16; i++)
			for (k = 0; k < i; k++)
				EXPECT(usher_pci_dma_bus(dma[i], 0) !=
				       usher_pci_dma_bus(dma[k], 0));
		for (i = 0; i < 16; i++)
			usher_pci_dma_free(pci, dma[(i * 7 + round) % 16]);
	}
	stop();
}

static void interrupts_by_message(void)
{
	uint64_t before;

	if (!start(edu_address))
		return;
	EXPECT_EQ(usher_pci_enable_vectors(pci, 1), 0);
	EXPECT_EQ(usher_pci_wait(pci, 0, 0), -ETIMEDOUT);
	before = usher_pci_clock();
	EXPECT_EQ(usher_pci_wait(pci, 0, MOMENT), -ETIMEDOUT);
	EXPECT(usher_pci_clock() - before >= MOMENT);

	usher_pci_write32(&registers, EDU_RAISE, 1);
	EXPECT_EQ(usher_pci_wait(pci, 0, 20 * SECOND), 1);
	EXPECT_EQ(usher_pci_wait(pci, 0, MOMENT), -ETIMEDOUT);

	EXPECT_EQ(usher_pci_mask(pci, 0), 0);
	usher_pci_write32(&registers, EDU_RAISE, 1);
	EXPECT_EQ(usher_pci_wait(pci, 0, MOMENT), -EINVAL);
	EXPECT_EQ(usher_pci_unmask(pci, 0), 0);
	EXPECT(usher_pci_wait(pci, 0, 20 * SECOND) >= 1);

	usher_pci_disable_vectors(pci);
	usher_pci_write32(&registers, EDU_ACKNOWLEDGE, UINT32_MAX);
	EXPECT_EQ(usher_pci_enable_vectors(pci, 2), -EINVAL);
	EXPECT_EQ(usher_pci_enable_vectors(pci, 1), 0);
	EXPECT_EQ(usher_pci_wait(pci, 0, MOMENT), -ETIMEDOUT);
	usher_pci_write32(&registers, EDU_RAISE, 1);
	EXPECT_EQ(usher_pci_wait(pci, 0, 20 * SECOND), 1);
	stop();
}

static void interrupts_by_pin(void)
{
	if (!start(pin_address))
		return;
	EXPECT_EQ(usher_pci_info(pci)->irq, USHER_PCI_IRQ_INTX);
	EXPECT_EQ(usher_pci_enable_vectors(pci, 1), 0);
	usher_pci_write32(&registers, E1000_IMS, E1000_CAUSE);
	EXPECT_EQ(usher_pci_wait(pci, 0, MOMENT), -ETIMEDOUT);

	usher_pci_write32(&registers, E1000_ICS, E1000_CAUSE);
	EXPECT_EQ(usher_pci_wait(pci, 0, 20 * SECOND), 1);
	EXPECT_EQ(usher_pci_wait(pci, 0, MOMENT), -EINVAL);
	EXPECT(says("is masked"));

	/* It was not served: there it is again. */
	EXPECT_EQ(usher_pci_unmask(pci, 0), 0);
	EXPECT(usher_pci_wait(pci, 0, 20 * SECOND) >= 1);

	EXPECT(usher_pci_read32(&registers, E1000_ICR) & E1000_CAUSE);
	EXPECT_EQ(usher_pci_unmask(pci, 0), 0);
	EXPECT_EQ(usher_pci_wait(pci, 0, MOMENT), -ETIMEDOUT);

	EXPECT_EQ(usher_pci_mask(pci, 0), 0);
	usher_pci_write32(&registers, E1000_ICS, E1000_CAUSE);
	EXPECT_EQ(usher_pci_unmask(pci, 0), 0);
	EXPECT_EQ(usher_pci_wait(pci, 0, 20 * SECOND), 1);
	stop();
}

static void on_alarm(int number)
{
	(void)number;
}

static void signals_end_a_wait(void)
{
	struct sigaction action = {
		.sa_handler = on_alarm,
	};
	struct itimerval soon = {
		.it_interval.tv_usec = 20000,
		.it_value.tv_usec = 20000,
	}, never = { 0 };

	if (!start(edu_address))
		return;
	EXPECT_EQ(usher_pci_enable_vectors(pci, 1), 0);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	EXPECT_EQ(usher_pci_wait(pci, 0, USHER_PCI_FOREVER), -EINTR);
	setitimer(ITIMER_REAL, &never, NULL);
	stop();
}

static void a_reset_leaves_what_is_ours(void)
{
	struct usher_pci_dma *dma;

	if (!start(edu_address))
		return;
	EXPECT_EQ(usher_pci_set_dma_bits(pci, EDU_ADDRESS_BITS), 0);
	EXPECT_EQ(usher_pci_dma_alloc(pci, 8192, 0, &dma), 0);
	EXPECT_EQ(usher_pci_enable_vectors(pci, 1), 0);
	EXPECT_EQ(usher_pci_reset(pci), 0);

	memset(dma->address, 0x77, EDU_BYTES);
	to_device(usher_pci_dma_bus(dma, 0));
	to_memory(usher_pci_dma_bus(dma, 4096));
	EXPECT(all((char *)dma->address + 4096, 0x77, EDU_BYTES));
	usher_pci_write32(&registers, EDU_RAISE, 1);
	EXPECT(usher_pci_wait(pci, 0, 20 * SECOND) >= 1);
	stop();
}

static void a_reset_resets(void)
{
	if (!start(pin_address))
		return;
	usher_pci_write32(&registers, E1000_TABLE, 0x12345678);
	EXPECT_EQ(usher_pci_read32(&registers, E1000_TABLE), 0x12345678);
	EXPECT_EQ(usher_pci_reset(pci), 0);
	EXPECT_EQ(usher_pci_read32(&registers, E1000_TABLE), 0);

	/* and so does the end of a driver */
	usher_pci_write32(&registers, E1000_TABLE, 0x12345678);
	stop();
	if (start(pin_address))
		EXPECT_EQ(usher_pci_read32(&registers, E1000_TABLE), 0);
	stop();
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
static void a_reset_by_others_takes_regions(void)
{
	uint64_t end = usher_pci_clock() + 60 * SECOND;
	pid_t resets;

	if (!start(pin_address))
		return;
	if (strcmp(usher_pci_info(pci)->backend, "usher-raw")) {
		printf("# not tested: %s leaves regions\n",
		       usher_pci_info(pci)->backend);
		stop();
		return;
	}
	resets = reset_by_others(pin_address);
	if (!resets) {
		printf("# not tested: this user may not reset it through sysfs\n");
		stop();
		return;
	}
	EXPECT_EQ(usher_pci_catch_faults(), 0);
	while (!usher_pci_gone(pci) && usher_pci_clock() < end)
		usher_pci_read32(&registers, E1000_TABLE);
	EXPECT(usher_pci_gone(pci));
	kill(resets, SIGKILL);
	EXPECT_EQ(waitpid(resets, NULL, 0), resets);

	/* the pages of ones stay, and go with a reset of ours */
	EXPECT_EQ(usher_pci_read32(&registers, E1000_TABLE), UINT32_MAX);
	EXPECT_EQ(usher_pci_reset(pci), 0);
	EXPECT(!usher_pci_gone(pci));
	usher_pci_write32(&registers, E1000_TABLE, 0x12345678);
	EXPECT_EQ(usher_pci_read32(&registers, E1000_TABLE), 0x12345678);
	EXPECT_EQ(usher_pci_reset(pci), 0);
	EXPECT_EQ(usher_pci_read32(&registers, E1000_TABLE), 0);
	stop();
}

int main(int argc, char **argv)
{
	static const struct tap_test tests[] = {
		TAP_TEST(it_tells_what_it_is),
		TAP_TEST(one_owner_at_a_time),
		TAP_TEST(power_is_not_for_drivers),
		TAP_TEST(ports),
		TAP_TEST(less_than_a_page),
		TAP_TEST(memory_goes_both_ways),
		TAP_TEST(memory_of_the_callers),
		TAP_TEST(memory_that_cannot_be),
		TAP_TEST(the_device_reaches_nothing_else),
		TAP_TEST(bus_addresses_come_back),
		TAP_TEST(interrupts_by_message),
		TAP_TEST(interrupts_by_pin),
		TAP_TEST(signals_end_a_wait),
		TAP_TEST(a_reset_leaves_what_is_ours),
		TAP_TEST(a_reset_resets),
		TAP_TEST(a_reset_by_others_takes_regions),
	};

	if (argc != 5) {
		fprintf(stderr, "usage: pci_test EDU 82540 82574 OHCI\n");
		return 2;
	}
	edu_address = argv[1];
	pin_address = argv[2];
	nic_address = argv[3];
	small_address = argv[4];
	return run_tests(tests, ARRAY_SIZE(tests));
}
