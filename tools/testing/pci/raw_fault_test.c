// SPDX-License-Identifier: GPL-2.0-only
/*
 * usher-raw and a device that is pulled out, or cannot be stopped, in the middle of
 * DMA and interrupts. The device is usher-softctrl.ko (drivers/usher/tests), a
 * controller made of software, whose faults are files in debugfs. Its DMA is a
 * memcpy() of the kernel's, so KASAN sees each access to memory that went too early.
 *
 *	raw_fault_test MODULE BEHIND	path of usher-softctrl.ko; the PCI address of
 *					a function that is alone behind a bridge,
 *					and so is reset with its bus; TAP on stdout
 *
 * The kernel's command line must have memmap=16M$0x30000000, for its registers.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/klog.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "raw.h"

#define DEBUGFS		"/sys/kernel/debug/usher-softctrl/"
#define BAR_BASE	"0x30000000"
#define PATIENCE_MS	20000

/* What the module says of memory that the device may reach for ever */
#define IS_LOST		"what processes gave it is lost"
#define SYSLOG_ACTION_READ_ALL		3
#define SYSLOG_ACTION_SIZE_BUFFER	10

/* NVM Express 1.4: registers, and the one command that is given */
#define NVME_CC		0x14
#define NVME_CC_ENABLE	0x460001
#define NVME_CSTS	0x1c
#define NVME_CSTS_READY	0x1
#define NVME_AQA	0x24
#define NVME_ASQ	0x28
#define NVME_ACQ	0x30
#define NVME_SQ_TAIL	0x1000
#define NVME_CQ_HEAD	0x1004
#define NVME_IDENTIFY	0x06
#define NVME_CONTROLLER	1
#define QUEUE_ENTRIES	64

#define REGISTER_BYTES	0x2000

/* Configuration space */
#define CACHE_LINE_SIZE	0x0c
#define INTERRUPT_PIN	0x3d

static const char *module;
static const char *behind;
static char address[32];

/* ---- the device ---- */

static bool read_text(const char *name, char *text, size_t bytes)
{
	char path[128];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), DEBUGFS "%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, bytes - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static bool make(const char *name, const char *what)
{
	char path[128];

	snprintf(path, sizeof(path), DEBUGFS "%s", name);
	return put(path, what);
}

static long counter(const char *name)
{
	char text[2048], word[32], *at;

	if (!read_text("stats", text, sizeof(text)))
		return -1;
	snprintf(word, sizeof(word), "%s ", name);
	for (at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (!strncmp(at, word, strlen(word)))
			return atol(at + strlen(word));
	}
	return -1;
}

static void load(const char *parameters)
{
	char text[128], *end;
	int fd = open(module, O_RDONLY | O_CLOEXEC);

	snprintf(text, sizeof(text), "bar_base=" BAR_BASE " driver=usher-raw %s",
		 parameters);
	EXPECT_EQ(syscall(SYS_finit_module, fd, text, 0), 0);
	close(fd);
	EXPECT(read_text("address", address, sizeof(address)));
	end = strchr(address, '\n');
	if (end)
		*end = '\0';
}

static void unload(void)
{
	EXPECT_EQ(syscall(SYS_delete_module, "usher_softctrl", O_NONBLOCK), 0);
}

static uint64_t now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Whether it is so, in the end */
#define awaited(condition)						\
({									\
	uint64_t await_end = now_ms() + PATIENCE_MS;			\
	bool await_so;							\
									\
	while (!(await_so = (condition)) && now_ms() < await_end)	\
		usleep(1000);						\
	await_so;							\
})

/* The node appears a moment after the function. */
static int await_node(void)
{
	uint64_t end = now_ms() + PATIENCE_MS;
	int fd = open_node(address);

	for (; fd == -ENOENT && now_ms() < end; fd = open_node(address))
		usleep(1000);
	EXPECT(fd >= 0);
	if (fd < 0)
		printf("# %s: %s\n", address, strerror(-fd));
	return fd;
}

/* Pages of processes that are pinned, by anybody */
static long pinned(void)
{
	char line[128], name[64];
	long value, sum = 0;
	FILE *file;

	/* Counts of the single processors are added up late otherwise. */
	put("/proc/sys/vm/stat_refresh", "1");
	file = fopen("/proc/vmstat", "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %ld", name, &value) == 2) {
			if (!strcmp(name, "nr_foll_pin_acquired"))
				sum += value;
			else if (!strcmp(name, "nr_foll_pin_released"))
				sum -= value;
		}
	if (file)
		fclose(file);
	return sum;
}

/* ---- a driver ---- */

/**
 * struct driver - a driver that lets the controller write memory all the time
 * @fd: function
 * @registers: mapped
 * @memory: submission queue and completion queue, a page each
 * @bus: their bus addresses, and that of a page for data: mapped by nobody, so that
 *	it is free as soon as the module lets it go
 * @event: vector 0
 * @tail: next entry to fill
 * @head: next completion
 * @phase: its phase bit
 * @done: completions
 * @polls: does not sleep until an interrupt comes
 * @end: stop
 * @thread: does it
 */
struct driver {
	int fd;
	uint8_t *registers;
	uint8_t *memory;
	uint64_t bus[3];
	int event;
	uint32_t tail;
	uint32_t head;
	uint32_t phase;
	uint32_t done;
	bool polls;
	bool end;
	pthread_t thread;
};

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

/* Takes completions, and as many commands follow. */
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
	uint64_t end = now_ms() + PATIENCE_MS;

	while ((read32(driver->registers, NVME_CSTS) & NVME_CSTS_READY) != ready)
		if (now_ms() > end)
			return false;
	return true;
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
	write32(driver->registers, NVME_AQA,
		(QUEUE_ENTRIES - 1) << 16 | (QUEUE_ENTRIES - 1));
	write64(driver->registers, NVME_ASQ, driver->bus[0]);
	write64(driver->registers, NVME_ACQ, driver->bus[1]);
	write32(driver->registers, NVME_CC, NVME_CC_ENABLE);
	return await_ready(driver, NVME_CSTS_READY);
}

/* Takes the function, and makes the controller ready. */
static bool open_driver(struct driver *driver)
{
	struct usher_raw_dma dma, data;

	*driver = (struct driver) {
		.event = eventfd(0, EFD_CLOEXEC),
	};
	driver->fd = await_node();
	if (driver->fd < 0)
		return false;
	EXPECT_EQ(dma_alloc(driver->fd, 2, &dma, driver->bus), 0);
	EXPECT_EQ(dma_alloc(driver->fd, 1, &data, &driver->bus[2]), 0);
	EXPECT_EQ(irq_enable(driver->fd, USHER_RAW_IRQ_MSIX, 1, &driver->event), 0);
	driver->memory = map(driver->fd, dma.offset, 2 * PAGE, MAP_SHARED);
	driver->registers = map(driver->fd, 0, REGISTER_BYTES, MAP_SHARED);
	if (driver->memory == MAP_FAILED || driver->registers == MAP_FAILED)
		return false;
	return enable(driver);
}

/* At work when this returns true */
static bool started(struct driver *driver)
{
	bool made = open_driver(driver) &&
		    !pthread_create(&driver->thread, NULL, work, driver);

	EXPECT(made);
	if (made)
		EXPECT(awaited(__atomic_load_n(&driver->done, __ATOMIC_ACQUIRE) > 100));
	return made;
}

static void unmap(struct driver *driver)
{
	munmap(driver->memory, 2 * PAGE);
	munmap(driver->registers, REGISTER_BYTES);
}

static void finish(struct driver *driver)
{
	unmap(driver);
	close(driver->fd);
	close(driver->event);
}

/* All but closing answers that it is gone; registers fault, memory does not. */
static void expect_gone(const struct driver *driver)
{
	struct pollfd file = { .fd = driver->fd, .events = POLLIN };
	struct usher_raw_info info = { .size = sizeof(info) };
	struct usher_raw_region region = { .size = sizeof(region) };
	struct usher_raw_dma dma;
	uint64_t bus;
	uint32_t value;

	EXPECT_EQ(poll(&file, 1, PATIENCE_MS), 1);
	EXPECT_EQ(file.revents, POLLIN | POLLHUP | POLLERR);
	EXPECT_EQ(call(driver->fd, USHER_RAW_IOC_INFO, &info), -ENODEV);
	EXPECT_EQ(call(driver->fd, USHER_RAW_IOC_REGION, &region), -ENODEV);
	EXPECT_EQ(config_read(driver->fd, 0, 4, &value), -ENODEV);
	EXPECT_EQ(config_write(driver->fd, STATUS, 2, 0), -ENODEV);
	EXPECT_EQ(dma_bits(driver->fd, 64), -ENODEV);
	EXPECT_EQ(dma_alloc(driver->fd, 1, &dma, &bus), -ENODEV);
	EXPECT_EQ(dma_register(driver->fd, driver->memory, PAGE, 0, 1, &bus), -ENODEV);
	EXPECT_EQ(dma_free(driver->fd, 1), -ENODEV);
	EXPECT_EQ(irq_enable(driver->fd, USHER_RAW_IRQ_MSIX, 1, &driver->event), -ENODEV);
	EXPECT_EQ(irq_mask(driver->fd, 0, 1), -ENODEV);
	EXPECT_EQ(irq_disable(driver->fd), -ENODEV);
	EXPECT_EQ(reset(driver->fd), -ENODEV);
	EXPECT(map(driver->fd, 0, PAGE, MAP_SHARED) == MAP_FAILED);
	EXPECT_EQ(errno, ENODEV);
	EXPECT(faults(driver->registers));
	EXPECT(faults(driver->registers + PAGE));
	EXPECT(!faults(driver->memory));
	EXPECT(!faults(driver->memory + PAGE));
}

/* ---- it is pulled out ---- */

static void catch_faults(bool on)
{
	struct sigaction action = { .sa_handler = fault };

	if (!on)
		action.sa_handler = SIG_DFL;
	sigaction(SIGBUS, &action, NULL);
}

/* Registers, memory of ours and memory of the kernel, DMA and interrupts in each */
static void pulled_out(const char *how)
{
	static uint8_t data[16 * PAGE] __attribute__((aligned(PAGE)));
	struct driver driver;
	long before = pinned();
	uint64_t bus[16];
	int i;

	load("");
	for (i = 0; i < 6; i++) {
		catch_faults(true);
		if (!started(&driver))
			break;
		EXPECT(dma_register(driver.fd, data, sizeof(data), 0, 16, bus) > 0);
		EXPECT_EQ(pinned(), before + 16);
		usleep(rand() % 20000);
		EXPECT(make("surprise", how));
		pthread_join(driver.thread, NULL);
		catch_faults(false);
		expect_gone(&driver);
		/* What was pinned is let go at once, not when we close. */
		EXPECT(awaited(pinned() == before));
		if (i % 2)
			finish(&driver);
		EXPECT(make("rescan", "1"));
		if (i % 2 == 0)
			finish(&driver);
	}
	unload();
}

static void surprise_removal_in_mid_dma(void)
{
	pulled_out("remove");
}

static void orderly_removal_in_mid_dma(void)
{
	pulled_out("orderly");
}

/* The link is down, and the kernel does not know. */
static void a_device_that_is_not_there(void)
{
	struct driver driver;
	uint32_t value = 0;

	load("");
	catch_faults(true);
	if (!started(&driver))
		return;
	EXPECT(make("surprise", "1"));
	pthread_join(driver.thread, NULL);
	catch_faults(false);
	EXPECT_EQ(read32(driver.registers, NVME_CSTS), UINT32_MAX);
	EXPECT_EQ(config_read(driver.fd, 0, 4, &value), 0);
	EXPECT_EQ(value, UINT32_MAX);
	EXPECT_EQ(reset(driver.fd), -EIO);
	finish(&driver);
	EXPECT_EQ(open_node(address), -EIO);
	EXPECT(make("surprise", "remove"));
	EXPECT(make("rescan", "1"));
	if (!started(&driver))
		return;
	__atomic_store_n(&driver.end, true, __ATOMIC_RELEASE);
	pthread_join(driver.thread, NULL);
	finish(&driver);
	unload();
}

/* poll() looks once more when its time is over: that is not being woken. */
static void *wait_for_end(void *data)
{
	struct pollfd file = { .fd = *(int *)data, .events = POLLIN };
	uint64_t end = now_ms() + PATIENCE_MS;

	return poll(&file, 1, PATIENCE_MS) == 1 && now_ms() < end ? data : NULL;
}

static void who_waits_wakes_up(void)
{
	pthread_t thread;
	void *woken;
	int fd;

	load("");
	fd = await_node();
	EXPECT_EQ(pthread_create(&thread, NULL, wait_for_end, &fd), 0);
	usleep(20000);
	EXPECT(make("surprise", "remove"));
	EXPECT_EQ(pthread_join(thread, &woken), 0);
	EXPECT(woken);
	close(fd);
	unload();
}

static void killed_while_it_is_pulled_out(void)
{
	struct driver driver;
	int i;
	pid_t pid;

	load("");
	for (i = 0; i < 6; i++) {
		pid = fork();
		if (!pid) {
			catch_faults(true);
			started(&driver);
			pause();
		}
		usleep(100000 + rand() % 200000);
		if (i % 2)
			kill(pid, SIGKILL);
		EXPECT(make("surprise", i % 3 ? "remove" : "orderly"));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		EXPECT(make("rescan", "1"));
	}
	unload();
}

static bool over;

static void *reset_again_and_again(void *data)
{
	int fd = *(int *)data, ret;

	do
		ret = reset(fd);
	while (!ret || ret == -EAGAIN);
	return ret == -ENODEV ? data : NULL;
}

/*
 * Not by surprise: nothing tells the kernel that this device is gone while it is
 * reset, and it waits a minute for it to come back.
 */
static void pulled_out_in_a_reset(void)
{
	pthread_t thread;
	void *good;
	int fd, i;

	load("");
	for (i = 0; i < 6; i++) {
		fd = await_node();
		EXPECT_EQ(pthread_create(&thread, NULL, reset_again_and_again, &fd), 0);
		usleep(rand() % 200000);
		EXPECT(make("surprise", "orderly"));
		EXPECT_EQ(pthread_join(thread, &good), 0);
		EXPECT(good);
		EXPECT_EQ(reset(fd), -ENODEV);
		close(fd);
		EXPECT(make("rescan", "1"));
	}
	unload();
}

static void *open_again_and_again(void *data)
{
	struct usher_raw_dma dma;
	uint64_t bus[2];
	int fd;

	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
		fd = open_node(address);
		if (fd < 0)
			continue;
		dma_alloc(fd, 2, &dma, bus);
		close(fd);
	}
	return data;
}

static void pulled_out_while_it_is_opened(void)
{
	pthread_t threads[2];
	size_t i;

	load("");
	over = false;
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		EXPECT_EQ(pthread_create(&threads[i], NULL, open_again_and_again, NULL), 0);
	for (i = 0; i < 10; i++) {
		usleep(rand() % 200000);
		EXPECT(make("surprise", "orderly"));
		EXPECT(make("rescan", "1"));
	}
	__atomic_store_n(&over, true, __ATOMIC_RELEASE);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	unload();
}

/* The last reference of the eventfd goes while the vector is signalled. */
static void interrupts_off_while_they_come(void)
{
	struct driver driver;
	int event, i;

	load("");
	if (!started(&driver))
		return;
	__atomic_store_n(&driver.polls, true, __ATOMIC_RELAXED);
	for (i = 0; i < 100; i++) {
		EXPECT_EQ(irq_disable(driver.fd), 0);
		event = eventfd(0, EFD_CLOEXEC);
		EXPECT_EQ(irq_enable(driver.fd, USHER_RAW_IRQ_MSIX, 1, &event), 0);
		close(event);
		usleep(rand() % 1000);
	}
	__atomic_store_n(&driver.end, true, __ATOMIC_RELEASE);
	pthread_join(driver.thread, NULL);
	finish(&driver);
	unload();
}

/* ---- it cannot be stopped ---- */

static long quarantined(void)
{
	return attribute(address, "quarantined_pages");
}

/* The controller has a command, and will write memory when it is let. */
static bool hold_a_command(struct driver *driver)
{
	if (!open_driver(driver))
		return false;
	EXPECT(make("hold", "on qid=0"));
	submit(driver);
	ring(driver);
	EXPECT(awaited(counter("held") == 1));
	EXPECT_EQ(counter("bus_master"), 1);
	return true;
}

/* It writes now. If that is no memory of its any more, KASAN says so. */
static void release_it(void)
{
	long written = counter("completed"), refused = counter("dma_errors");

	EXPECT(make("release", "fifo"));
	EXPECT(awaited(counter("completed") > written || counter("dma_errors") > refused));
}

/* Once before the first owner, and once after each */
static void it_is_reset_between_owners(void)
{
	int fd, i;

	load("");
	fd = await_node();
	EXPECT_EQ(counter("flrs"), 1);
	for (i = 2; i < 5; i++) {
		close(fd);
		EXPECT_EQ(counter("flrs"), i);
		fd = open_node(address);
		EXPECT(fd >= 0);
		EXPECT_EQ(counter("flrs"), i);
	}
	close(fd);
	unload();
}

/* The next driver does not find it at work for somebody else. */
static void a_removal_ends_dma(void)
{
	struct driver driver;

	load("");
	EXPECT(hold_a_command(&driver));
	EXPECT(unbind_function(address));
	EXPECT_EQ(counter("bus_master"), 0);
	EXPECT_EQ(counter("held"), 0);
	finish(&driver);
	unload();
}

static void a_reset_ends_dma(void)
{
	struct driver driver;

	load("");
	EXPECT(hold_a_command(&driver));
	finish(&driver);
	EXPECT_EQ(quarantined(), 0);
	EXPECT_EQ(counter("bus_master"), 0);
	EXPECT_EQ(counter("held"), 0);
	EXPECT(counter("flrs") >= 1);
	unload();
}

static void without_a_reset_mastering_ends(void)
{
	struct driver driver;

	load("flr=0");
	EXPECT(hold_a_command(&driver));
	finish(&driver);
	EXPECT_EQ(quarantined(), 3);
	EXPECT_EQ(counter("bus_master"), 0);
	release_it();
	EXPECT(unbind_function(address));
	EXPECT(bind_function(address));
	EXPECT_EQ(quarantined(), 0);
	unload();
}

/* It says that it was reset, masters no more, and goes on when it may again. */
static void a_reset_that_only_says_so(void)
{
	struct driver driver;

	load("");
	EXPECT(hold_a_command(&driver));
	EXPECT(make("flr_broken", "1"));
	EXPECT_EQ(reset(driver.fd), -EIO);
	finish(&driver);
	EXPECT_EQ(quarantined(), 3);
	EXPECT_EQ(open_node(address), -EIO);
	EXPECT(make("flr_broken", "0"));
	driver.fd = open_node(address);
	EXPECT(driver.fd >= 0);
	EXPECT_EQ(counter("held"), 0);
	EXPECT_EQ(quarantined(), 0);
	close(driver.fd);
	unload();
}

/* Mastering stays on whatever is written, and a reset does nothing. */
static void a_reset_that_does_nothing_frees_nothing(void)
{
	struct driver driver;

	load("");
	EXPECT(hold_a_command(&driver));
	EXPECT(make("sticky_master", "1"));
	EXPECT(make("flr_broken", "1"));
	finish(&driver);
	EXPECT_EQ(counter("bus_master"), 1);
	EXPECT_EQ(quarantined(), 3);
	release_it();
	EXPECT(make("clear", "1"));
	EXPECT(unbind_function(address));
	EXPECT_EQ(counter("bus_master"), 0);
	unload();
}

/* ---- refusals that take such a device ---- */

/* Somebody resets the bridge: nothing below it can be, and nobody has it then. */
static void a_busy_bridge(void)
{
	struct usher_raw_dma dma;
	uint64_t bus[2];
	char bridge[32];
	int fd;

	load("");
	fd = open_node(behind);
	EXPECT(fd >= 0);
	EXPECT_EQ(dma_alloc(fd, 2, &dma, bus), 0);
	EXPECT(bridge_above(behind, bridge, sizeof(bridge)));
	EXPECT(make("busy", bridge));
	EXPECT_EQ(reset(fd), -EAGAIN);
	close(fd);
	EXPECT_EQ(attribute(behind, "quarantined_pages"), 2);
	EXPECT_EQ(open_node(behind), -EAGAIN);
	EXPECT_EQ(open_node(behind), -EAGAIN);
	EXPECT(make("busy", "none"));
	/* Who has it next does not have what was left behind. */
	fd = open_node(behind);
	EXPECT(fd >= 0);
	EXPECT_EQ(attribute(behind, "quarantined_pages"), 0);
	EXPECT_EQ(info_of(fd).quarantined, 0);
	EXPECT_EQ(reset(fd), 0);
	close(fd);
	/* DMA debugging tells of what is still mapped. */
	EXPECT(unbind_function(behind));
	EXPECT(bind_function(behind));
	unload();
}

/**
 * struct long_reset - a reset that waits for the bridge
 * @fd: function
 * @ret: what became of it
 * @over: it has ended
 * @thread: makes it
 */
struct long_reset {
	int fd;
	int ret;
	bool over;
	pthread_t thread;
};

static void *make_long_reset(void *data)
{
	struct long_reset *made = data;

	made->ret = reset(made->fd);
	__atomic_store_n(&made->over, true, __ATOMIC_RELEASE);
	return NULL;
}

static void call_without_end(int fd, const struct usher_raw_dma *dma)
{
	struct usher_raw_info info = { .size = sizeof(info) };

	(void)dma;
	for (;;)
		call(fd, USHER_RAW_IOC_INFO, &info);
}

static void map_without_end(int fd, const struct usher_raw_dma *dma)
{
	for (;;)
		munmap(map(fd, dma->offset, dma->length, MAP_SHARED), dma->length);
}

static void touch_without_end(int fd, const struct usher_raw_dma *dma)
{
	(void)dma;
	for (;;) {
		uint8_t *registers = map(fd, 0, PAGE, MAP_SHARED);

		read32(registers, 0);
		munmap(registers, PAGE);
	}
}

/* Whether a process waits for a lock of ours */
static bool waits_in_module(pid_t pid)
{
	char path[64], name[64] = "";
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/wchan", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, name, sizeof(name) - 1);
		close(fd);
	}
	return n > 0 && !strncmp(name, "usher_raw_", 10);
}

/* Whether a process that waits for a reset ends before that does */
static bool dies_in_a_reset(int fd, const struct usher_raw_dma *dma,
			    void (*wait)(int fd, const struct usher_raw_dma *dma))
{
	struct long_reset made = { .fd = fd };
	pid_t pid = fork();
	bool so;

	if (!pid)
		wait(fd, dma);
	EXPECT_EQ(pthread_create(&made.thread, NULL, make_long_reset, &made), 0);
	so = awaited(waits_in_module(pid) || __atomic_load_n(&made.over, __ATOMIC_ACQUIRE));
	EXPECT(so);
	kill(pid, SIGKILL);
	EXPECT_EQ(waitpid(pid, NULL, 0), pid);
	so = !__atomic_load_n(&made.over, __ATOMIC_ACQUIRE);
	pthread_join(made.thread, NULL);
	EXPECT_EQ(made.ret, -EAGAIN);
	return so;
}

/* A reset may take long; who is killed does not wait for its end. */
static void the_killed_wait_for_no_reset(void)
{
	static void (* const waits[])(int fd, const struct usher_raw_dma *dma) = {
		call_without_end, map_without_end, touch_without_end,
	};
	struct usher_raw_dma dma;
	char bridge[32];
	uint64_t bus;
	size_t i;
	int fd, tries;

	load("");
	fd = open_node(behind);
	EXPECT_EQ(dma_alloc(fd, 1, &dma, &bus), 0);
	EXPECT(bridge_above(behind, bridge, sizeof(bridge)));
	EXPECT(make("busy", bridge));
	for (i = 0; i < ARRAY_SIZE(waits); i++) {
		/* It does not last for ever, and the machine may be slow. */
		tries = 5;
		while (!dies_in_a_reset(fd, &dma, waits[i]) && --tries)
			;
		if (!tries)
			printf("# wait %zu was as long as the reset\n", i);
		EXPECT(tries);
	}
	EXPECT(make("busy", "none"));
	close(fd);
	unload();
}

static void configuration_that_fails(void)
{
	uint32_t value;
	int fd;

	load("");
	fd = await_node();
	EXPECT(make("cfg_error", "1"));
	EXPECT_EQ(config_read(fd, 0, 1, &value), -EIO);
	EXPECT_EQ(config_read(fd, 0, 2, &value), -EIO);
	EXPECT_EQ(config_read(fd, 0, 4, &value), -EIO);
	EXPECT_EQ(config_write(fd, CACHE_LINE_SIZE, 1, 8), -EIO);
	EXPECT_EQ(config_write(fd, STATUS, 2, 0), -EIO);
	EXPECT(make("cfg_error", "0"));
	EXPECT_EQ(config_read(fd, 0, 4, &value), 0);
	EXPECT(value != UINT32_MAX);
	EXPECT_EQ(config_read(fd, CACHE_LINE_SIZE, 1, &value), 0);
	EXPECT_EQ(value, 0);
	close(fd);
	unload();
}

/* It has a pin, and the kernel a line for it. */
static void a_pin_that_cannot_be_masked(void)
{
	int event = eventfd(0, EFD_CLOEXEC), fd;
	uint32_t value;
	char path[128];

	load("intr=pin");
	fd = await_node();
	EXPECT_EQ(config_read(fd, INTERRUPT_PIN, 1, &value), 0);
	EXPECT_EQ(value, 1);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/irq", address);
	EXPECT(number_in(path) > 0);
	EXPECT_EQ(info_of(fd).intx, 0);
	EXPECT_EQ(irq_enable(fd, USHER_RAW_IRQ_INTX, 1, &event), -EOPNOTSUPP);
	close(fd);
	close(event);
	unload();
}

/* DMA debugging reports mappings that are lost, as it should elsewhere. */
static void hush_dma_debug(bool hush)
{
	put("/sys/kernel/debug/dma-api/num_errors", hush ? "0" : "1");
}

/* Whether the kernel's log has it */
static bool was_said(const char *text)
{
	int bytes = klogctl(SYSLOG_ACTION_SIZE_BUFFER, NULL, 0);
	char *log = calloc(1, bytes + 1);
	bool said;

	EXPECT(log && klogctl(SYSLOG_ACTION_READ_ALL, log, bytes) > 0);
	said = log && strstr(log, text);
	free(log);
	return said;
}

static long references(void)
{
	return number_in("/sys/module/usher/refcnt");
}

/* For ever, and so it does not keep the module. */
static void what_cannot_be_stopped_loses_its_memory(void)
{
	long before = references();
	struct driver driver;

	load("");
	EXPECT(hold_a_command(&driver));
	EXPECT(make("sticky_master", "1"));
	EXPECT(make("flr_broken", "1"));
	EXPECT(!was_said(IS_LOST));
	hush_dma_debug(true);
	EXPECT(unbind_function(address));
	hush_dma_debug(false);
	EXPECT(was_said(IS_LOST));
	EXPECT_EQ(counter("bus_master"), 1);
	unmap(&driver);
	close(driver.fd);
	close(driver.event);
	release_it();
	EXPECT_EQ(references(), before);
	EXPECT(make("clear", "1"));
	unload();
}

int main(int argc, char **argv)
{
	static const struct tap_test tests[] = {
		TAP_TEST(surprise_removal_in_mid_dma),
		TAP_TEST(orderly_removal_in_mid_dma),
		TAP_TEST(a_device_that_is_not_there),
		TAP_TEST(who_waits_wakes_up),
		TAP_TEST(killed_while_it_is_pulled_out),
		TAP_TEST(pulled_out_in_a_reset),
		TAP_TEST(pulled_out_while_it_is_opened),
		TAP_TEST(interrupts_off_while_they_come),
		TAP_TEST(it_is_reset_between_owners),
		TAP_TEST(a_removal_ends_dma),
		TAP_TEST(a_reset_ends_dma),
		TAP_TEST(without_a_reset_mastering_ends),
		TAP_TEST(a_reset_that_only_says_so),
		TAP_TEST(a_reset_that_does_nothing_frees_nothing),
		TAP_TEST(a_busy_bridge),
		TAP_TEST(the_killed_wait_for_no_reset),
		TAP_TEST(configuration_that_fails),
		TAP_TEST(a_pin_that_cannot_be_masked),
		TAP_TEST(what_cannot_be_stopped_loses_its_memory),
	};

	if (argc != 3) {
		fprintf(stderr, "usage: raw_fault_test MODULE BEHIND\n");
		return 2;
	}
	module = argv[1];
	behind = argv[2];
	setvbuf(stdout, NULL, _IOLBF, 0);
	return run_tests(tests, ARRAY_SIZE(tests));
}
