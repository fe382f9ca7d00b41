// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that is pulled out in the middle of DMA and interrupts, is not there though
 * the kernel does not know, or is removed in order: during calls, resets and opening. The
 * device is the controller made of software, see softctrl.h.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

#include "harness.h"
#include "raw.h"
#include "softctrl_fixture.h"

/* The owner is killed within so many commands after it began its work. */
#define WITHIN		300

/* Pages of processes that are pinned, by anybody */
static long pinned(void)
{
	/* Counts of the single processors are added up late otherwise. */
	put("/proc/sys/vm/stat_refresh", "1");
	return in_vmstat("nr_foll_pin_acquired") - in_vmstat("nr_foll_pin_released");
}

/* Every call but close() answers that it is gone; registers fault, memory does not. */
static void expect_gone(struct __test_metadata *_metadata, const struct driver *driver)
{
	struct pollfd file = { .fd = driver->fd, .events = POLLIN };

	EXPECT_EQ(1, poll(&file, 1, PATIENCE_MS));
	EXPECT_EQ(POLLIN | POLLHUP | POLLERR, file.revents);
	EXPECT_STREQ("none", not_gone(driver->fd, USHER_RAW_IRQ_MSIX) ?: "none");
	EXPECT_TRUE(faults(driver->registers));
	EXPECT_TRUE(faults(driver->registers + PAGE));
	EXPECT_FALSE(faults(driver->memory));
	EXPECT_FALSE(faults(driver->memory + PAGE));
}

/* With registers, memory of the process and memory of the kernel, DMA and interrupts */
static void pulled_out(struct __test_metadata *_metadata, const char *how)
{
	static uint8_t data[16 * MOST_PAGE] __attribute__((aligned(MOST_PAGE)));
	struct driver driver;
	long before = pinned();
	uint64_t bus[16];
	int i;

	seed_random(_metadata);
	for (i = 0; i < 6; i++) {
		catch_faults(true);
		ASSERT_EQ(0, driver_start(&driver));
		EXPECT_GT(dma_register(driver.fd, data, 16 * PAGE, 0, 16, bus), 0);
		EXPECT_EQ(before + 16, pinned());
		usleep(rand() % 20000);
		EXPECT_TRUE(set_fault("surprise", how));
		pthread_join(driver.thread, NULL);
		catch_faults(false);
		expect_gone(_metadata, &driver);
		/* What was pinned is released at once, not when the file is closed. */
		EXPECT_TRUE(awaited(pinned() == before));
		if (i % 2)
			driver_finish(&driver);
		EXPECT_TRUE(set_fault("rescan", "1"));
		if (i % 2 == 0)
			driver_finish(&driver);
	}
}

TEST_F(softctrl, surprise_removal_in_mid_dma)
{
	pulled_out(_metadata, "remove");
}

TEST_F(softctrl, orderly_removal_in_mid_dma)
{
	pulled_out(_metadata, "orderly");
}

/* The link is down, and the kernel does not know. */
TEST_F(softctrl, a_device_that_is_not_there)
{
	struct driver driver;
	uint32_t value = 0;

	catch_faults(true);
	ASSERT_EQ(0, driver_start(&driver));
	EXPECT_TRUE(set_fault("surprise", "1"));
	pthread_join(driver.thread, NULL);
	catch_faults(false);
	EXPECT_EQ(UINT32_MAX, read32(driver.registers, NVME_CSTS));
	EXPECT_EQ(0, config_read(driver.fd, 0, 4, &value));
	EXPECT_EQ(UINT32_MAX, value);
	EXPECT_EQ(-EIO, reset(driver.fd));
	driver_finish(&driver);
	EXPECT_EQ(-EIO, open_node(softctrl()));
	EXPECT_TRUE(set_fault("surprise", "remove"));
	EXPECT_TRUE(set_fault("rescan", "1"));
	ASSERT_EQ(0, driver_start(&driver));
	driver_stop(&driver);
}

/**
 * struct waiter - a thread that waits for the function in poll()
 * @fd: function
 * @tid: number of the thread, once it runs
 * @woken: the thread was woken
 */
struct waiter {
	int fd;
	pid_t tid;
	bool woken;
};

/* When its time is over, poll() looks once more. Only an earlier return is being woken. */
static void *wait_for_end(void *data)
{
	struct waiter *waiter = data;
	struct pollfd file = { .fd = waiter->fd, .events = POLLIN };
	uint64_t end = now_ms() + PATIENCE_MS;

	__atomic_store_n(&waiter->tid, gettid(), __ATOMIC_RELEASE);
	waiter->woken = poll(&file, 1, PATIENCE_MS) == 1 && now_ms() < end;
	return NULL;
}

TEST_F(softctrl, who_waits_wakes_up)
{
	struct waiter waiter = { .fd = softctrl_open() };
	pthread_t thread;

	ASSERT_GE(waiter.fd, 0);
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_end, &waiter));
	EXPECT_TRUE(awaited(__atomic_load_n(&waiter.tid, __ATOMIC_ACQUIRE) &&
			    waits_in(waiter.tid, "poll")));
	EXPECT_TRUE(set_fault("surprise", "remove"));
	EXPECT_EQ(0, pthread_join(thread, NULL));
	EXPECT_TRUE(waiter.woken);
	close(waiter.fd);
}

TEST_F(softctrl, killed_while_it_is_pulled_out)
{
	struct driver driver;
	long before;
	pid_t pid;
	int i;

	seed_random(_metadata);
	for (i = 0; i < 6; i++) {
		before = counter("completed") + rand() % WITHIN;
		pid = fork();
		if (!pid) {
			catch_faults(true);
			driver_start(&driver);
			pause();
		}
		EXPECT_TRUE(awaited(counter("completed") > before));
		if (i % 2)
			kill(pid, SIGKILL);
		EXPECT_TRUE(set_fault("surprise", i % 3 ? "remove" : "orderly"));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		EXPECT_TRUE(set_fault("rescan", "1"));
	}
}

/* Resets until that fails. Returns NULL if the function is not gone then. */
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
TEST_F(softctrl, pulled_out_in_a_reset)
{
	pthread_t thread;
	void *good;
	int fd, i;

	seed_random(_metadata);
	for (i = 0; i < 6; i++) {
		fd = softctrl_open();
		ASSERT_EQ(0, pthread_create(&thread, NULL, reset_again_and_again, &fd));
		usleep(rand() % 200000);
		EXPECT_TRUE(set_fault("surprise", "orderly"));
		EXPECT_EQ(0, pthread_join(thread, &good));
		EXPECT_NE(NULL, good);
		EXPECT_EQ(-ENODEV, reset(fd));
		close(fd);
		EXPECT_TRUE(set_fault("rescan", "1"));
	}
}

static void *open_again_and_again(void *data)
{
	const bool *over = data;
	struct usher_raw_dma dma;
	uint64_t bus[2];
	int fd;

	while (!__atomic_load_n(over, __ATOMIC_ACQUIRE)) {
		fd = open_node(softctrl());
		if (fd < 0)
			continue;
		dma_alloc(fd, 2, &dma, bus);
		close(fd);
	}
	return NULL;
}

TEST_F(softctrl, pulled_out_while_it_is_opened)
{
	pthread_t threads[2];
	bool over = false;
	size_t i;

	seed_random(_metadata);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, open_again_and_again, &over));
	for (i = 0; i < 10; i++) {
		usleep(rand() % 200000);
		EXPECT_TRUE(set_fault("surprise", "orderly"));
		EXPECT_TRUE(set_fault("rescan", "1"));
	}
	__atomic_store_n(&over, true, __ATOMIC_RELEASE);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
}

/* The last reference to the eventfd is dropped while its vector is signalled. */
TEST_F(softctrl, interrupts_off_while_they_come)
{
	struct driver driver;
	int event, i;
	long before;

	seed_random(_metadata);
	ASSERT_EQ(0, driver_start(&driver));
	before = counter("interrupts");
	__atomic_store_n(&driver.polls, true, __ATOMIC_RELAXED);
	for (i = 0; i < 100; i++) {
		EXPECT_EQ(0, irq_disable(driver.fd));
		event = eventfd(0, EFD_CLOEXEC);
		EXPECT_EQ(0, irq_enable(driver.fd, USHER_RAW_IRQ_MSIX, 1, &event));
		close(event);
		usleep(rand() % 1000);
	}
	driver_stop(&driver);
	EXPECT_GT(counter("interrupts"), before);
}

TEST_HARNESS_MAIN
