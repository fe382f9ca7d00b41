// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets, removal and the death of the owner, at any moment: in the middle of DMA, while
 * another thread touches registers, and by several at the same time.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>

#include "harness.h"
#include "anybody.h"

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
		edu_dma(worker->registers, EDU_BUFFER, worker->bus[0], EDU_DMA_TO_MEMORY);
	}
	return NULL;
}

/* Opens the function and lets the device write memory without end. */
static bool worker_start(struct __test_metadata *_metadata, struct worker *worker)
{
	struct usher_raw_dma dma;

	worker->end = false;
	worker->fd = open_node(EDU);
	EXPECT_GE(worker->fd, 0);
	worker->registers = map(worker->fd, 0, PAGE, MAP_SHARED);
	if (worker->registers == MAP_FAILED)
		return false;
	edu_dma_wait(worker->registers);
	EXPECT_EQ(0, dma_bits(worker->fd, EDU_ADDRESS_BITS));
	EXPECT_EQ(0, dma_alloc(worker->fd, 1, &dma, worker->bus));
	worker->data = map(worker->fd, dma.offset, PAGE, MAP_SHARED);
	if (worker->data == MAP_FAILED)
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

/* Every call but close() answers that it is gone; registers fault, memory does not. */
static void expect_gone(struct __test_metadata *_metadata, const struct worker *worker)
{
	struct pollfd file = { .fd = worker->fd, .events = POLLIN };

	EXPECT_EQ(1, poll(&file, 1, 0));
	EXPECT_EQ(POLLIN | POLLHUP | POLLERR, file.revents);
	EXPECT_STREQ("none", not_gone(worker->fd, USHER_RAW_IRQ_MSI) ?: "none");
	EXPECT_TRUE(faults(worker->registers));
	EXPECT_FALSE(faults(worker->data));
}

/* The process keeps its memory, and nothing else. */
TEST(unbound_in_mid_dma)
{
	struct worker worker;
	int i;

	seed_random(_metadata);
	for (i = 0; i < 10; i++) {
		catch_faults(true);
		ASSERT_TRUE(worker_start(_metadata, &worker));
		usleep(rand() % 20000);
		/* Unbinding does not wait until the file is closed. */
		EXPECT_TRUE(unbind_function(EDU));
		__atomic_store_n(&worker.end, true, __ATOMIC_RELEASE);
		pthread_join(worker.thread, NULL);
		expect_gone(_metadata, &worker);
		munmap(worker.data, PAGE);
		munmap(worker.registers, PAGE);
		if (i % 2)
			close(worker.fd);
		EXPECT_TRUE(bind_function(EDU));
		if (i % 2 == 0)
			close(worker.fd);
	}
	catch_faults(false);
}

TEST_F(anybody, reset_in_mid_dma)
{
	struct worker worker;
	int i;

	seed_random(_metadata);
	ASSERT_TRUE(worker_start(_metadata, &worker));
	for (i = 0; i < 5; i++) {
		usleep(rand() % 20000);
		EXPECT_EQ(0, reset(worker.fd));
	}
	EXPECT_EQ(EDU_ID_VALUE, read32(worker.registers, EDU_ID));
	worker_stop(&worker);
}

/**
 * struct toucher - a thread that reads a register
 * @registers: mapped
 * @others: how often it read something else than the identification
 * @end: stop
 */
struct toucher {
	const uint8_t *registers;
	uint32_t others;
	bool end;
};

static void *touch_all_the_time(void *data)
{
	struct toucher *toucher = data;

	while (!__atomic_load_n(&toucher->end, __ATOMIC_ACQUIRE))
		toucher->others += read32(toucher->registers, EDU_ID) != EDU_ID_VALUE;
	return NULL;
}

/* During a reset by the owner, access to a register waits until the reset is over. */
TEST(registers_wait_for_resets)
{
	int fd = open_node(EDU), i;
	uint8_t *registers = map(fd, 0, PAGE, MAP_SHARED);
	struct toucher toucher = { .registers = registers };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, touch_all_the_time, &toucher));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, reset(fd));
	__atomic_store_n(&toucher.end, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, toucher.others);
	munmap(registers, PAGE);
	close(fd);
}

static void *touch_what_is_there(void *data)
{
	struct toucher *toucher = data;

	while (!__atomic_load_n(&toucher->end, __ATOMIC_ACQUIRE))
		if (!sigsetjmp(on_fault, 1))
			toucher->others += read32(toucher->registers, EDU_ID) != EDU_ID_VALUE;
	return NULL;
}

/* A reset by somebody else takes registers away: touching them is SIGBUS meanwhile. */
TEST(registers_go_for_resets_by_others)
{
	int fd = open_node(EDU), i;
	uint8_t *registers = map(fd, 0, PAGE, MAP_SHARED);
	struct toucher toucher = { .registers = registers };
	pthread_t thread;

	catch_faults(true);
	ASSERT_EQ(0, pthread_create(&thread, NULL, touch_what_is_there, &toucher));
	for (i = 0; i < 3; i++)
		EXPECT_TRUE(reset_by_sysfs(EDU));
	__atomic_store_n(&toucher.end, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	catch_faults(false);
	EXPECT_EQ(0, toucher.others);
	EXPECT_EQ(EDU_ID_VALUE, read32(registers, EDU_ID));
	munmap(registers, PAGE);
	close(fd);
}

TEST(reset_by_others)
{
	struct worker worker;
	int i;

	seed_random(_metadata);
	for (i = 0; i < 5; i++) {
		catch_faults(true);
		ASSERT_TRUE(worker_start(_metadata, &worker));
		usleep(rand() % 20000);
		EXPECT_TRUE(reset_by_sysfs(EDU));
		EXPECT_TRUE(is_master(worker.fd));
		worker_stop(&worker);
	}
	catch_faults(false);
}

/**
 * struct resetter - a thread that resets the function through sysfs
 * @failures: of these resets
 * @end: stop
 */
struct resetter {
	uint32_t failures;
	bool end;
};

static void *reset_without_end(void *data)
{
	struct resetter *resetter = data;

	while (!__atomic_load_n(&resetter->end, __ATOMIC_ACQUIRE))
		resetter->failures += !reset_by_sysfs(EDU);
	return NULL;
}

/* One of two resets at the same time is refused, and may be tried again. */
TEST(reset_by_two)
{
	struct resetter resetter = { .failures = 0 };
	int fd = open_node(EDU), ret;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, reset_without_end, &resetter));
	EXPECT_TRUE(awaited((ret = reset(fd))));
	EXPECT_EQ(-EAGAIN, ret);
	__atomic_store_n(&resetter.end, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, resetter.failures);
	EXPECT_EQ(0, reset(fd));
	close(fd);
}

/* After an owner was killed, the next one can open the function at once. */
TEST_F(anybody, killed_in_mid_dma)
{
	struct worker worker;
	uint8_t *registers;
	int i, fd;
	pid_t pid;

	seed_random(_metadata);
	for (i = 0; i < 10; i++) {
		pid = fork();
		if (!pid) {
			worker_start(_metadata, &worker);
			pause();
		}
		usleep(rand() % 40000);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		fd = open_node(EDU);
		EXPECT_GE(fd, 0);
		registers = map(fd, 0, PAGE, MAP_SHARED);
		edu_dma_wait(registers);
		munmap(registers, PAGE);
		close(fd);
	}
}

TEST_HARNESS_MAIN
