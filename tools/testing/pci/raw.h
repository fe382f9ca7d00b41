/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The calls of linux/usher_raw.h, one function each, for tests that go without
 * the library. What may fail returns a negative errno value.
 */
#ifndef RAW_H
#define RAW_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/usher_raw.h>

#include "../../lib/tests/tap.h"

/* Configuration space */
#define COMMAND			0x04
#define COMMAND_MASTER		0x0004
#define STATUS			0x06

#define PAGE			4096

/* ---- one call each ---- */

static inline int call(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

static inline int open_node(const char *address)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/usher-raw/%s", address);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static inline struct usher_raw_info info_of(int fd)
{
	struct usher_raw_info info = { .size = sizeof(info) };

	EXPECT_EQ(call(fd, USHER_RAW_IOC_INFO, &info), 0);
	return info;
}

static inline struct usher_raw_region region_of(int fd, uint32_t index)
{
	struct usher_raw_region region = {
		.size = sizeof(region),
		.index = index,
	};

	EXPECT_EQ(call(fd, USHER_RAW_IOC_REGION, &region), 0);
	return region;
}

static inline int config_read(int fd, uint32_t offset, uint32_t bytes, uint32_t *value)
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

static inline int config_write(int fd, uint32_t offset, uint32_t bytes, uint32_t value)
{
	struct usher_raw_config config = {
		.size = sizeof(config),
		.offset = offset,
		.bytes = bytes,
		.value = value,
	};

	return call(fd, USHER_RAW_IOC_CONFIG_WRITE, &config);
}

static inline bool is_master(int fd)
{
	uint32_t command = 0;

	EXPECT_EQ(config_read(fd, COMMAND, 2, &command), 0);
	return command & COMMAND_MASTER;
}

static inline int dma_bits(int fd, uint32_t bits)
{
	struct usher_raw_dma_bits arg = { .size = sizeof(arg), .bits = bits };

	return call(fd, USHER_RAW_IOC_DMA_BITS, &arg);
}

static inline int dma_alloc(int fd, uint32_t pages, struct usher_raw_dma *dma,
			    uint64_t *bus)
{
	*dma = (struct usher_raw_dma) {
		.size = sizeof(*dma),
		.length = (uint64_t)pages * PAGE,
		.bus = (uintptr_t)bus,
		.nr_bus = pages,
	};
	return call(fd, USHER_RAW_IOC_DMA_ALLOC, dma);
}

static inline int dma_register(int fd, void *addr, uint64_t length,
			       uint32_t flags, uint32_t nr_bus, uint64_t *bus)
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

static inline int dma_free(int fd, uint32_t id)
{
	struct usher_raw_dma_free arg = { .size = sizeof(arg), .id = id };

	return call(fd, USHER_RAW_IOC_DMA_FREE, &arg);
}

static inline int irq_enable(int fd, uint32_t kind, uint32_t count, const int *fds)
{
	struct usher_raw_irq_enable arg = {
		.size = sizeof(arg),
		.kind = kind,
		.count = count,
		.eventfds = (uintptr_t)fds,
	};

	return call(fd, USHER_RAW_IOC_IRQ_ENABLE, &arg);
}

static inline int irq_disable(int fd)
{
	struct usher_raw_irq_disable arg = { .size = sizeof(arg) };

	return call(fd, USHER_RAW_IOC_IRQ_DISABLE, &arg);
}

static inline int irq_mask(int fd, uint32_t vector, uint32_t mask)
{
	struct usher_raw_irq_mask arg = {
		.size = sizeof(arg),
		.vector = vector,
		.mask = mask,
	};

	return call(fd, USHER_RAW_IOC_IRQ_MASK, &arg);
}

static inline int reset(int fd)
{
	struct usher_raw_reset arg = { .size = sizeof(arg) };

	return call(fd, USHER_RAW_IOC_RESET, &arg);
}

static inline uint8_t *map(int fd, uint64_t offset, uint64_t bytes, int flags)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, offset);
}

static inline uint32_t read32(const uint8_t *registers, uint32_t offset)
{
	return *(const __volatile__ uint32_t *)(registers + offset);
}

static inline void write32(uint8_t *registers, uint32_t offset, uint32_t value)
{
	*(__volatile__ uint32_t *)(registers + offset) = value;
}

static inline void write64(uint8_t *registers, uint32_t offset, uint64_t value)
{
	*(__volatile__ uint64_t *)(registers + offset) = value;
}

/* ---- the system ---- */

static inline bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

static inline long number_in(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	return n > 0 ? atol(text) : -1;
}

static inline long attribute(const char *address, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/usher/usher-raw-%s/%s", address,
		 name);
	return number_in(path);
}

static inline bool unbind_function(const char *address)
{
	return put("/sys/bus/pci/drivers/usher-raw/unbind", address);
}

static inline bool bind_function(const char *address)
{
	return put("/sys/bus/pci/drivers/usher-raw/bind", address);
}

static inline bool reset_by_sysfs(const char *address)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", address);
	return put(path, "1");
}

/* Sets @text to the address of the bridge above a function. */
static inline bool bridge_above(const char *function, char *text, size_t bytes)
{
	char path[128], real[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/..", function);
	if (!realpath(path, real))
		return false;
	snprintf(text, bytes, "%s", strrchr(real, '/') + 1);
	return true;
}

static sigjmp_buf on_fault;

static inline void fault(int number)
{
	(void)number;
	siglongjmp(on_fault, 1);
}

/* Whether reading there is SIGBUS */
static inline bool faults(const uint8_t *at)
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

#endif /* RAW_H */
