// SPDX-License-Identifier: GPL-2.0-only
/*
 * The controller made of software, and a driver that keeps it at work, see softctrl.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include "raw.h"
#include "softctrl.h"

#define DEBUGFS		"/sys/kernel/debug/usher-softctrl/"
#define BAR_BASE	"0x30000000"

/* NVM Express 1.4: registers, and the one command that is given */
#define NVME_CC		0x14
#define NVME_CC_ENABLE	0x460001
#define NVME_CSTS_READY	0x1
#define NVME_AQA	0x24
#define NVME_ASQ	0x28
#define NVME_ACQ	0x30
#define NVME_SQ_TAIL	0x1000
#define NVME_CQ_HEAD	0x1004
#define NVME_IDENTIFY	0x06
#define NVME_CONTROLLER	1
#define QUEUE_ENTRIES	64

/* Completions after which the driver is said to be at work */
#define AT_WORK		100

/* ---- the controller ---- */

static char address[32];

int softctrl_load(const char *parameters)
{
	int fd = open(SOFTCTRL, O_RDONLY | O_CLOEXEC);
	char text[128];
	int ret;

	snprintf(text, sizeof(text), "bar_base=" BAR_BASE " driver=usher-raw %s", parameters);
	ret = syscall(SYS_finit_module, fd, text, 0) ? -errno : 0;
	close(fd);
	if (ret)
		return ret;
	if (!read_text(DEBUGFS "address", address, sizeof(address)))
		return -EIO;
	address[strcspn(address, "\n")] = '\0';
	return 0;
}

int softctrl_unload(void)
{
	return syscall(SYS_delete_module, "usher_softctrl", O_NONBLOCK) ? -errno : 0;
}

/* Its PCI address */
const char *softctrl(void)
{
	return address;
}

/* Opens its node, which appears a moment after the function. */
int softctrl_open(void)
{
	int fd = -ENOENT;

	awaited((fd = open_node(address)) != -ENOENT);
	return fd;
}

/* Writes one of the files for faults; whether the controller took it. */
bool set_fault(const char *name, const char *what)
{
	char path[128];

	snprintf(path, sizeof(path), DEBUGFS "%s", name);
	return put(path, what);
}

/* A line of the file stats, or -1 */
long counter(const char *name)
{
	char text[2048], word[32], *at;

	if (!read_text(DEBUGFS "stats", text, sizeof(text)))
		return -1;
	snprintf(word, sizeof(word), "%s ", name);
	for (at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (!strncmp(at, word, strlen(word)))
			return atol(at + strlen(word));
	}
	return -1;
}

/* ---- the driver ---- */

static void submit(struct driver *driver)
{
	uint32_t *entry = (uint32_t *)(driver->memory + 64 * driver->tail);

	memset(entry, 0, 64);
	entry[0] = NVME_IDENTIFY | driver->tail << 16;
	entry[6] = driver->bus[2];
	entry[7] = driver->bus[2] >> 32;
	entry[10] = NVME_CONTROLLER;
	driver->tail = (driver->tail + 1) % QUEUE_ENTRIES;
}

static void ring(struct driver *driver)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	write32(driver->registers, NVME_SQ_TAIL, driver->tail);
}

/* Takes completions, and gives as many commands. */
static void reap(struct driver *driver)
{
	const uint32_t *entries = (uint32_t *)(driver->memory + PAGE);

	while ((__atomic_load_n(&entries[4 * driver->head + 3], __ATOMIC_ACQUIRE) >>
		16 & 1) == driver->phase) {
		driver->head = (driver->head + 1) % QUEUE_ENTRIES;
		driver->phase ^= !driver->head;
		__atomic_add_fetch(&driver->done, 1, __ATOMIC_RELEASE);
		submit(driver);
	}
	write32(driver->registers, NVME_CQ_HEAD, driver->head);
	ring(driver);
}

static void *work(void *data)
{
	struct driver *driver = data;
	uint64_t count;

	if (sigsetjmp(on_fault, 1))
		return NULL;
	while (driver->tail < QUEUE_ENTRIES / 2)
		submit(driver);
	ring(driver);
	while (!__atomic_load_n(&driver->end, __ATOMIC_ACQUIRE)) {
		struct pollfd event = { .fd = driver->event, .events = POLLIN };
		int wait = __atomic_load_n(&driver->polls, __ATOMIC_RELAXED) ? 0 : 20;

		/* It is over when a register is not there, whoever sees it first. */
		if (poll(&event, 1, wait) > 0 && read(driver->event, &count, 8) != 8)
			return NULL;
		reap(driver);
		if (read32(driver->registers, NVME_CSTS) == UINT32_MAX)
			return NULL;
	}
	return NULL;
}

static bool await_ready(const struct driver *driver, uint32_t ready)
{
	return awaited((read32(driver->registers, NVME_CSTS) & NVME_CSTS_READY) == ready);
}

static bool enable(struct driver *driver)
{
	memset(driver->memory, 0, 2 * PAGE);
	driver->tail = 0;
	driver->head = 0;
	driver->phase = 1;
	write32(driver->registers, NVME_CC, 0);
	if (!await_ready(driver, 0))
		return false;
	write32(driver->registers, NVME_AQA, (QUEUE_ENTRIES - 1) << 16 | (QUEUE_ENTRIES - 1));
	write64(driver->registers, NVME_ASQ, driver->bus[0]);
	write64(driver->registers, NVME_ACQ, driver->bus[1]);
	write32(driver->registers, NVME_CC, NVME_CC_ENABLE);
	return await_ready(driver, NVME_CSTS_READY);
}

/* Takes the function, and makes the controller ready. */
static int driver_open(struct driver *driver)
{
	struct usher_raw_dma dma, data;
	int ret;

	*driver = (struct driver) {
		.event = eventfd(0, EFD_CLOEXEC),
	};
	driver->fd = softctrl_open();
	if (driver->fd < 0)
		return driver->fd;
	ret = dma_alloc(driver->fd, 2, &dma, driver->bus);
	if (!ret)
		ret = dma_alloc(driver->fd, 1, &data, &driver->bus[2]);
	if (!ret)
		ret = irq_enable(driver->fd, USHER_RAW_IRQ_MSIX, 1, &driver->event);
	if (ret)
		return ret;
	driver->memory = map(driver->fd, dma.offset, 2 * PAGE, MAP_SHARED);
	driver->registers = map(driver->fd, 0, REGISTER_BYTES, MAP_SHARED);
	if (driver->memory == MAP_FAILED || driver->registers == MAP_FAILED)
		return -errno;
	return enable(driver) ? 0 : -ETIMEDOUT;
}

/* Opens the controller. It is at work when this returns 0. */
int driver_start(struct driver *driver)
{
	int ret = driver_open(driver);

	if (!ret)
		ret = -pthread_create(&driver->thread, NULL, work, driver);
	if (ret)
		return ret;
	return awaited(__atomic_load_n(&driver->done, __ATOMIC_ACQUIRE) > AT_WORK) ? 0 : -ETIMEDOUT;
}

void driver_unmap(struct driver *driver)
{
	munmap(driver->memory, 2 * PAGE);
	munmap(driver->registers, REGISTER_BYTES);
}

/* Closes all, when the thread has ended or was not started. */
void driver_finish(struct driver *driver)
{
	driver_unmap(driver);
	close(driver->fd);
	close(driver->event);
}

void driver_stop(struct driver *driver)
{
	__atomic_store_n(&driver->end, true, __ATOMIC_RELEASE);
	pthread_join(driver->thread, NULL);
	driver_finish(driver);
}

/* ---- a command that the controller holds ---- */

/* The controller has a command, and writes memory when it is let. Whether all that is so. */
bool hold_a_command(struct driver *driver)
{
	if (driver_open(driver) || !set_fault("hold", "on qid=0"))
		return false;
	submit(driver);
	ring(driver);
	return awaited(counter("held") == 1) && counter("bus_master") == 1;
}

/*
 * Lets it write, and waits until it has tried. If the memory is no longer the device's,
 * KASAN reports it.
 */
bool release_it(void)
{
	long written = counter("completed"), refused = counter("dma_errors");

	return set_fault("release", "fifo") &&
	       awaited(counter("completed") > written || counter("dma_errors") > refused);
}
