// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the tests of raw mode share, see raw.h. Nothing here knows of the test
 * framework: what must not fail ends the test by abort(), with a message.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <time.h>

#include "raw.h"

#define SYSLOG_ACTION_READ_ALL		3
#define SYSLOG_ACTION_SIZE_BUFFER	10

/* Each answer of the educational device takes two threads of QEMU. */
#define ANSWERS		20
#define FACTORIAL_OF	5
#define FACTORIAL	120

static void must(int ret, const char *what)
{
	if (!ret)
		return;
	fprintf(stderr, "# %s: %s\n", what, strerror(-ret));
	abort();
}

/* ---- the devices ---- */

static void own_node(const char *address, uid_t uid)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/usher-raw/%s", address);
	must(chown(path, uid, uid) ? -errno : 0, path);
}

/**
 * own_nodes - give the nodes of those devices to a user that anybody may use
 * @uid: user
 */
void own_nodes(uid_t uid)
{
	own_node(EDU, uid);
	own_node(NIC, uid);
	own_node(NVME, uid);
}

bool unbind_function(const char *address)
{
	return put("/sys/bus/pci/drivers/usher-raw/unbind", address);
}

bool bind_function(const char *address)
{
	return put("/sys/bus/pci/drivers/usher-raw/bind", address);
}

static bool put_attribute(const char *address, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", address, name);
	return put(path, text);
}

bool reset_by_sysfs(const char *address)
{
	return put_attribute(address, "reset", "1");
}

/* Sets @text to the address of the bridge above a function. */
bool bridge_above(const char *function, char *text, size_t bytes)
{
	char path[128], real[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/..", function);
	if (!realpath(path, real))
		return false;
	snprintf(text, bytes, "%s", strrchr(real, '/') + 1);
	return true;
}

/* How the IOMMU takes pages away: DMA at once, DMA-FQ some time later. Or identity. */
bool set_domain(const char *address, const char *type)
{
	return put_attribute(address, "iommu_group/type", type);
}

/* A number that usher-raw has in sysfs for a function */
long attribute(const char *address, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/usher/usher-raw-%s/%s", address, name);
	return number_in(path);
}

/* A number that the PCI core has in sysfs for a function */
long function_attribute(const char *address, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", address, name);
	return number_in(path);
}

/* ---- one call each ---- */

int call(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

int open_node(const char *address)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/usher-raw/%s", address);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

struct usher_raw_info info_of(int fd)
{
	struct usher_raw_info info = { .size = sizeof(info) };

	must(call(fd, USHER_RAW_IOC_INFO, &info), "USHER_RAW_IOC_INFO");
	return info;
}

/* Whether an IOMMU stands between the device and memory */
bool translated(int fd)
{
	return info_of(fd).flags & USHER_RAW_CONTIGUOUS;
}

struct usher_raw_region region_of(int fd, uint32_t index)
{
	struct usher_raw_region region = {
		.size = sizeof(region),
		.index = index,
	};

	must(call(fd, USHER_RAW_IOC_REGION, &region), "USHER_RAW_IOC_REGION");
	return region;
}

int config_read(int fd, uint32_t offset, uint32_t bytes, uint32_t *value)
{
	struct usher_raw_config config = {
		.size = sizeof(config),
		.offset = offset,
		.bytes = bytes,
	};
	int ret = call(fd, USHER_RAW_IOC_CONFIG_READ, &config);

	*value = config.value;
	return ret;
}

int config_write(int fd, uint32_t offset, uint32_t bytes, uint32_t value)
{
	struct usher_raw_config config = {
		.size = sizeof(config),
		.offset = offset,
		.bytes = bytes,
		.value = value,
	};

	return call(fd, USHER_RAW_IOC_CONFIG_WRITE, &config);
}

/* Whether any of those bits of the command register is set */
bool in_command(int fd, uint32_t bits)
{
	uint32_t command = 0;

	must(config_read(fd, COMMAND, 2, &command), "reading the command register");
	return command & bits;
}

bool is_master(int fd)
{
	return in_command(fd, COMMAND_MASTER);
}

int dma_bits(int fd, uint32_t bits)
{
	struct usher_raw_dma_bits arg = { .size = sizeof(arg), .bits = bits };

	return call(fd, USHER_RAW_IOC_DMA_BITS, &arg);
}

int dma_alloc(int fd, uint32_t pages, struct usher_raw_dma *dma, uint64_t *bus)
{
	*dma = (struct usher_raw_dma) {
		.size = sizeof(*dma),
		.length = (uint64_t)pages * PAGE,
		.bus = (uintptr_t)bus,
		.nr_bus = pages,
	};
	return call(fd, USHER_RAW_IOC_DMA_ALLOC, dma);
}

/* Returns the id, or a negative errno value. */
int dma_register(int fd, void *addr, uint64_t length, uint32_t flags, uint32_t nr_bus,
		 uint64_t *bus)
{
	struct usher_raw_dma dma = {
		.size = sizeof(dma),
		.flags = flags,
		.addr = (uintptr_t)addr,
		.length = length,
		.bus = (uintptr_t)bus,
		.nr_bus = nr_bus,
	};
	int ret = call(fd, USHER_RAW_IOC_DMA_REGISTER, &dma);

	return ret < 0 ? ret : (int)dma.id;
}

int dma_free(int fd, uint32_t id)
{
	struct usher_raw_dma_free arg = { .size = sizeof(arg), .id = id };

	return call(fd, USHER_RAW_IOC_DMA_FREE, &arg);
}

int irq_enable(int fd, uint32_t kind, uint32_t count, const int *fds)
{
	struct usher_raw_irq_enable arg = {
		.size = sizeof(arg),
		.kind = kind,
		.count = count,
		.eventfds = (uintptr_t)fds,
	};

	return call(fd, USHER_RAW_IOC_IRQ_ENABLE, &arg);
}

int irq_disable(int fd)
{
	struct usher_raw_irq_disable arg = { .size = sizeof(arg) };

	return call(fd, USHER_RAW_IOC_IRQ_DISABLE, &arg);
}

int irq_mask(int fd, uint32_t vector, uint32_t mask)
{
	struct usher_raw_irq_mask arg = {
		.size = sizeof(arg),
		.vector = vector,
		.mask = mask,
	};

	return call(fd, USHER_RAW_IOC_IRQ_MASK, &arg);
}

int reset(int fd)
{
	struct usher_raw_reset arg = { .size = sizeof(arg) };

	return call(fd, USHER_RAW_IOC_RESET, &arg);
}

/**
 * not_gone - a call that does not answer that the function is gone
 * @fd: function
 * @kind: of interrupts that the function had
 *
 * Returns its name, or NULL if all calls and mmap() answer -ENODEV. READ and WRITE are not
 * among them: they take a region for calls.
 */
const char *not_gone(int fd, uint32_t kind)
{
	static uint8_t data[MOST_PAGE] __attribute__((aligned(MOST_PAGE)));
	struct usher_raw_region region = { .size = sizeof(region) };
	struct usher_raw_info info = { .size = sizeof(info) };
	int event = eventfd(0, EFD_CLOEXEC);
	struct usher_raw_dma dma;
	uint32_t value;
	uint64_t bus;
	const struct {
		const char *name;
		int ret;
	} calls[] = {
		{ "INFO", call(fd, USHER_RAW_IOC_INFO, &info) },
		{ "REGION", call(fd, USHER_RAW_IOC_REGION, &region) },
		{ "CONFIG_READ", config_read(fd, 0, 4, &value) },
		{ "CONFIG_WRITE", config_write(fd, STATUS, 2, 0) },
		{ "DMA_BITS", dma_bits(fd, 64) },
		{ "DMA_ALLOC", dma_alloc(fd, 1, &dma, &bus) },
		{ "DMA_REGISTER", dma_register(fd, data, PAGE, 0, 1, &bus) },
		{ "DMA_FREE", dma_free(fd, 1) },
		{ "IRQ_ENABLE", irq_enable(fd, kind, 1, &event) },
		{ "IRQ_MASK", irq_mask(fd, 0, 1) },
		{ "IRQ_DISABLE", irq_disable(fd) },
		{ "RESET", reset(fd) },
		{ "mmap()", map(fd, 0, PAGE, MAP_SHARED) == MAP_FAILED ? -errno : 0 },
	};
	size_t i;

	close(event);
	for (i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (calls[i].ret != -ENODEV)
			return calls[i].name;
	return NULL;
}

/* MAP_FAILED and errno, as mmap() */
uint8_t *map(int fd, uint64_t offset, uint64_t bytes, int flags)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, offset);
}

/* ---- registers ---- */

sigjmp_buf on_fault;

static void fault(int number)
{
	(void)number;
	siglongjmp(on_fault, 1);
}

/* From now on SIGBUS goes to on_fault, or ends the process again. */
void catch_faults(bool on)
{
	struct sigaction action = { .sa_handler = fault };

	if (!on)
		action.sa_handler = SIG_DFL;
	sigaction(SIGBUS, &action, NULL);
}

/* Whether reading there is SIGBUS */
bool faults(const uint8_t *at)
{
	struct sigaction action = { .sa_handler = fault }, before;
	bool faulted = true;

	sigaction(SIGBUS, &action, &before);
	if (!sigsetjmp(on_fault, 1)) {
		(void)*(const __volatile__ uint8_t *)at;
		faulted = false;
	}
	sigaction(SIGBUS, &before, NULL);
	return faulted;
}

/* ---- the educational device ---- */

void edu_dma(uint8_t *registers, uint64_t from, uint64_t to, uint64_t command)
{
	write64(registers, EDU_DMA_SOURCE, from);
	write64(registers, EDU_DMA_DESTINATION, to);
	write64(registers, EDU_DMA_COUNT, EDU_BUFFER_BYTES);
	write64(registers, EDU_DMA_COMMAND, command);
}

/*
 * QEMU does not reset DMA that is under way: without an IOMMU, memory of the former
 * owner is out of its reach only as long as bus mastering is off.
 */
void edu_dma_wait(const uint8_t *registers)
{
	while (read32(registers, EDU_DMA_COMMAND) & 1)
		usleep(1000);
}

/**
 * edu_answers - whether the device answers a number of requests
 * @registers: its registers
 *
 * An interrupt that it raised before has been delivered when it has answered what it
 * was asked afterwards. This is the end of waiting for an interrupt that must not come.
 */
bool edu_answers(uint8_t *registers)
{
	int i;

	/* The answers are no interrupts, even if somebody wanted that before. */
	write32(registers, EDU_STATUS, 0);
	for (i = 0; i < ANSWERS; i++) {
		write32(registers, EDU_FACTORIAL, FACTORIAL_OF);
		if (!awaited(!(read32(registers, EDU_STATUS) & EDU_STATUS_BUSY)) ||
		    read32(registers, EDU_FACTORIAL) != FACTORIAL)
			return false;
	}
	return true;
}

/* ---- interrupts ---- */

/* Whether an eventfd is signalled in that time. Takes the signal. */
bool comes(int event, int timeout_ms)
{
	struct pollfd file = { .fd = event, .events = POLLIN };
	uint64_t count;

	return poll(&file, 1, timeout_ms) > 0 && read(event, &count, 8) == 8;
}

/* Interrupts of a line since the kernel was booted, from any device */
long interrupts_of(long irq)
{
	char path[64], text[4096] = "", *at = text;
	long sum = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/irq/%ld/per_cpu_count", irq);
	file = fopen(path, "re");
	must(file && fgets(text, sizeof(text), file) ? 0 : -ENOENT, path);
	fclose(file);
	while (*at) {
		sum += strtol(at, &at, 10);
		at += *at == ',' || *at == '\n';
	}
	return sum;
}

/* ---- the system ---- */

size_t page_bytes(void)
{
	return sysconf(_SC_PAGESIZE);
}

/* Writes a file of the kernel's. */
bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

/* Reads the beginning of a file of the kernel's; whether there was any. */
bool read_text(const char *path, char *text, size_t bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd >= 0) {
		n = read(fd, text, bytes - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* The number in a file, or -1 */
long number_in(const char *path)
{
	char text[32];

	return read_text(path, text, sizeof(text)) ? atol(text) : -1;
}

/* The sum of those counts in /proc/vmstat whose names match */
long in_vmstat(const char *pattern)
{
	FILE *file = fopen("/proc/vmstat", "re");
	char name[64];
	long value, sum = 0;

	must(file ? 0 : -errno, "/proc/vmstat");
	while (fscanf(file, "%63s %ld", name, &value) == 2)
		if (!fnmatch(pattern, name, 0))
			sum += value;
	fclose(file);
	return sum;
}

/* How often the kernel's log has it */
long times_said(const char *text)
{
	int bytes = klogctl(SYSLOG_ACTION_SIZE_BUFFER, NULL, 0);
	char *log = calloc(1, bytes + 1), *at = log;
	long times = 0;

	must(log && klogctl(SYSLOG_ACTION_READ_ALL, log, bytes) > 0 ? 0 : -EIO, "the log");
	while ((at = strstr(at, text))) {
		at += strlen(text);
		times++;
	}
	free(log);
	return times;
}

bool was_said(const char *text)
{
	return times_said(text);
}

/* Whether a thread sleeps in a function of the kernel whose name has that in it */
bool waits_in(pid_t thread, const char *function)
{
	char path[64], name[64];

	snprintf(path, sizeof(path), "/proc/%d/wchan", thread);
	return read_text(path, name, sizeof(name)) && strstr(name, function);
}

uint64_t now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}
