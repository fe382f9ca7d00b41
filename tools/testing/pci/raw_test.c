// SPDX-License-Identifier: GPL-2.0-only
/*
 * What linux/usher_raw.h promises, without the library: each refusal by name, and
 * removal and reset at any moment.
 *
 *	raw_test EDU 82574 BARE [lockdown]	PCI addresses of functions bound
 *						to usher-raw; TAP on stdout
 *
 * EDU is QEMU's educational device behind a port of its own, BARE another one
 * that shares a bus, and so has no reset.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "raw.h"

/* The educational device: docs/specs/edu.rst of QEMU */
#define EDU_ID			0x00
#define EDU_ID_VALUE		0x010000ed
#define EDU_LIVENESS		0x04
#define EDU_RAISE		0x60
#define EDU_DMA_SOURCE		0x80
#define EDU_DMA_DESTINATION	0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_COMMAND		0x98
#define EDU_DMA_TO_MEMORY	0x3
#define EDU_BUFFER		0x40000
#define EDU_ADDRESS_BITS	28

/* Configuration space */
#define BAR0			0x10
#define INTERRUPT_LINE		0x3c

/* BAR 3 of the 82574 holds nothing but the MSI-X table, BAR 2 is I/O ports. */
#define NIC_PORTS		2
#define NIC_MSIX		3

#define TAINT_USER		6

static const char *edu, *nic, *bare;

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
	EXPECT_EQ(ioctl(fd, _IO(USHER_RAW_IOC_TYPE, 0x8c), arg), -1);
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
	EXPECT_EQ(region.flags, 0);
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
	EXPECT_EQ(config_read(fd, INTERRUPT_LINE, 1, &before), 0);
	EXPECT_EQ(config_write(fd, INTERRUPT_LINE, 1, 0x55), 0);
	EXPECT_EQ(config_read(fd, INTERRUPT_LINE, 1, &value), 0);
	EXPECT_EQ(value, 0x55);
	close(fd);

	/* What was written goes with the owner. */
	fd = open_node(nic);
	EXPECT_EQ(config_read(fd, INTERRUPT_LINE, 1, &value), 0);
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
		EXPECT_EQ(map(fd, (8ULL << 40) + ((uint64_t)id << 32),
			      2 * PAGE, MAP_SHARED) == MAP_FAILED, true);
		EXPECT_EQ(dma_free(fd, id), 0);
		EXPECT_EQ(dma_bits(fd, 13), 0);
		EXPECT_EQ(dma_alloc(fd, 4, &dma, bus), -ENOSPC);
	} else {
		EXPECT_EQ(dma_bits(fd, 13), -EOPNOTSUPP);
	}
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

/* ---- at any moment ---- */

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
	EXPECT_EQ(dma_bits(worker->fd, EDU_ADDRESS_BITS), 0);
	EXPECT_EQ(dma_alloc(worker->fd, 1, &dma, worker->bus), 0);
	worker->data = map(worker->fd, dma.offset, PAGE, MAP_SHARED);
	worker->registers = map(worker->fd, 0, PAGE, MAP_SHARED);
	if (worker->data == MAP_FAILED || worker->registers == MAP_FAILED)
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

static void killed_in_mid_dma(void)
{
	struct worker worker;
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
		close(fd);
	}
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
	munmap(registers, PAGE);
	close(fd);
	unlink("/dev/raw-test");
	EXPECT(bind_function(edu));
}

/* Without a reset, what the device may have in mind stays. */
static void quarantine(void)
{
	struct usher_raw_dma dma;
	uint64_t bus[8];
	int fd = open_node(bare);

	EXPECT(fd >= 0);
	EXPECT(!(info_of(fd).flags & USHER_RAW_RESET));
	EXPECT_EQ(reset(fd), -EOPNOTSUPP);
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
	EXPECT_EQ(dma_alloc(fd, 3, &dma, bus), 0);
	close(fd);
	EXPECT_EQ(attribute(bare, "quarantined_pages"), 10);
	EXPECT(unbind_function(bare));
	EXPECT(bind_function(bare));
	EXPECT_EQ(attribute(bare, "quarantined_pages"), 0);
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
		TAP_TEST(every_call_is_checked),
		TAP_TEST(one_owner),
		TAP_TEST(registers_by_mmap),
		TAP_TEST(the_table_is_out_of_reach),
		TAP_TEST(configuration_by_list),
		TAP_TEST(memory_is_checked),
		TAP_TEST(mastering_comes_and_goes),
		TAP_TEST(interrupts_are_checked),
		TAP_TEST(unbound_in_mid_dma),
		TAP_TEST(reset_in_mid_dma),
		TAP_TEST(reset_by_others),
		TAP_TEST(killed_in_mid_dma),
		TAP_TEST(other_nodes),
		TAP_TEST(quarantine),
	}, last[] = {
		TAP_TEST(who_may_under_lockdown),
	};

	if (argc != 4 && argc != 5) {
		fprintf(stderr, "usage: raw_test EDU 82574 BARE [lockdown]\n");
		return 2;
	}
	edu = argv[1];
	nic = argv[2];
	bare = argv[3];
	if (argc == 5)
		return run_tests(last, ARRAY_SIZE(last));
	return run_tests(tests, ARRAY_SIZE(tests));
}
