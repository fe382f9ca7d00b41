// SPDX-License-Identifier: GPL-2.0-only
/*
 * Refusals that take the help of the controller made of software, see softctrl.h: a bridge
 * that is busy, configuration space that fails, and a pin that cannot be masked.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include "harness.h"
#include "raw.h"
#include "softctrl_fixture.h"

/* Configuration space */
#define INTERRUPT_PIN	0x3d

/* A reset that ends before the waiting process is killed proves nothing: it is repeated. */
#define TRIES		5

/*
 * While somebody resets the bridge, nothing behind it can be reset, and a function that
 * was not reset after its last owner is not opened.
 */
TEST_F(softctrl, a_busy_bridge)
{
	struct usher_raw_dma dma;
	uint64_t bus[2];
	char bridge[32];
	int fd;

	fd = open_node(EDU);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(0, dma_alloc(fd, 2, &dma, bus));
	EXPECT_TRUE(bridge_above(EDU, bridge, sizeof(bridge)));
	EXPECT_TRUE(set_fault("busy", bridge));
	EXPECT_EQ(-EAGAIN, reset(fd));
	close(fd);
	EXPECT_EQ(2, attribute(EDU, "quarantined_pages"));
	EXPECT_EQ(-EAGAIN, open_node(EDU));
	EXPECT_EQ(-EAGAIN, open_node(EDU));
	EXPECT_TRUE(set_fault("busy", "none"));
	/* The next owner does not have what the last one left behind. */
	fd = open_node(EDU);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(0, attribute(EDU, "quarantined_pages"));
	EXPECT_EQ(0, info_of(fd).quarantined);
	EXPECT_EQ(0, reset(fd));
	close(fd);
	/* If something were still mapped, DMA debugging would report it now. */
	EXPECT_TRUE(unbind_function(EDU));
	EXPECT_TRUE(bind_function(EDU));
}

/**
 * struct long_reset - a reset that waits for the bridge
 * @fd: function
 * @ret: its result
 * @over: it has ended
 * @thread: the thread that makes it
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
	(void)dma;
	for (;;) {
		struct usher_raw_info info = { .size = sizeof(info) };

		call(fd, USHER_RAW_IOC_INFO, &info);
	}
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

/* Whether a process that waits for a reset ends before that does */
static bool dies_in_a_reset(struct __test_metadata *_metadata, int fd,
			    const struct usher_raw_dma *dma,
			    void (*wait)(int fd, const struct usher_raw_dma *dma))
{
	struct long_reset made = { .fd = fd };
	pid_t pid = fork();
	bool first;

	if (!pid)
		wait(fd, dma);
	ASSERT_EQ(0, pthread_create(&made.thread, NULL, make_long_reset, &made));
	/* It waits in a function of the module. */
	EXPECT_TRUE(awaited(waits_in(pid, "usher_raw_") ||
			    __atomic_load_n(&made.over, __ATOMIC_ACQUIRE)));
	kill(pid, SIGKILL);
	EXPECT_EQ(pid, waitpid(pid, NULL, 0));
	first = !__atomic_load_n(&made.over, __ATOMIC_ACQUIRE);
	pthread_join(made.thread, NULL);
	EXPECT_EQ(-EAGAIN, made.ret);
	return first;
}

/* A reset may take long. A process that waits for it can be killed meanwhile. */
TEST_F(softctrl, the_killed_wait_for_no_reset)
{
	static void (* const waits[])(int fd, const struct usher_raw_dma *dma) = {
		call_without_end, map_without_end, touch_without_end,
	};
	struct usher_raw_dma dma;
	char bridge[32];
	uint64_t bus;
	size_t i;
	int fd, tries;

	fd = open_node(EDU);
	EXPECT_EQ(0, dma_alloc(fd, 1, &dma, &bus));
	EXPECT_TRUE(bridge_above(EDU, bridge, sizeof(bridge)));
	EXPECT_TRUE(set_fault("busy", bridge));
	for (i = 0; i < ARRAY_SIZE(waits); i++) {
		/* A reset gives up after a while, and the machine may be slow. */
		tries = TRIES;
		while (!dies_in_a_reset(_metadata, fd, &dma, waits[i]) && --tries)
			;
		EXPECT_GT(tries, 0)
			TH_LOG("wait %zu was as long as the reset", i);
	}
	EXPECT_TRUE(set_fault("busy", "none"));
	close(fd);
}

/* Opens a function in a child, which ends when it has it. */
static pid_t open_in_child(const char *address)
{
	pid_t pid = fork();

	if (!pid)
		_exit(open_node(address) < 0);
	return pid;
}

/*
 * Who resets a function has its configuration to himself, and may hold the lock of the
 * device: one process waits for the one, with the lock held, and another one for that.
 */
TEST_F(softctrl, the_killed_do_not_open)
{
	pid_t pids[2];
	size_t i;
	int fd;

	EXPECT_TRUE(set_fault("busy", EDU));
	for (i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = open_in_child(EDU);
		EXPECT_TRUE(awaited(waits_in(pids[i], "usher_raw_")));
	}
	for (i = ARRAY_SIZE(pids); i-- > 0;) {
		kill(pids[i], SIGKILL);
		EXPECT_TRUE(awaited(waitpid(pids[i], NULL, WNOHANG) == pids[i]));
	}
	EXPECT_TRUE(set_fault("busy", "none"));
	fd = open_node(EDU);
	EXPECT_GE(fd, 0);
	close(fd);
}

TEST_F(softctrl, configuration_that_fails)
{
	uint32_t value;
	int fd;

	fd = softctrl_open();
	ASSERT_GE(fd, 0);
	EXPECT_TRUE(set_fault("cfg_error", "1"));
	EXPECT_EQ(-EIO, config_read(fd, 0, 1, &value));
	EXPECT_EQ(-EIO, config_read(fd, 0, 2, &value));
	EXPECT_EQ(-EIO, config_read(fd, 0, 4, &value));
	EXPECT_EQ(-EIO, config_write(fd, CACHE_LINE_SIZE, 1, 8));
	EXPECT_EQ(-EIO, config_write(fd, STATUS, 2, 0));
	EXPECT_TRUE(set_fault("cfg_error", "0"));
	EXPECT_EQ(0, config_read(fd, 0, 4, &value));
	EXPECT_NE(UINT32_MAX, value);
	EXPECT_EQ(0, config_read(fd, CACHE_LINE_SIZE, 1, &value));
	EXPECT_EQ(0, value);
	close(fd);
}

/* Its interrupt is a pin, which the command register does not mask. */
FIXTURE(with_pin)
{
};

FIXTURE_SETUP(with_pin)
{
	ASSERT_EQ(0, softctrl_load("intr=pin"));
}

FIXTURE_TEARDOWN_PARENT(with_pin)
{
	EXPECT_EQ(0, softctrl_unload());
}

/* The function has a pin, and the kernel a line for it, but it is not for processes. */
TEST_F(with_pin, a_pin_that_cannot_be_masked)
{
	int event = eventfd(0, EFD_CLOEXEC), fd;
	uint32_t value;

	fd = softctrl_open();
	ASSERT_GE(fd, 0);
	EXPECT_EQ(0, config_read(fd, INTERRUPT_PIN, 1, &value));
	EXPECT_EQ(1, value);
	EXPECT_GT(function_attribute(softctrl(), "irq"), 0);
	EXPECT_EQ(0, info_of(fd).intx);
	EXPECT_EQ(-EOPNOTSUPP, irq_enable(fd, USHER_RAW_IRQ_INTX, 1, &event));
	close(fd);
	close(event);
}

TEST_HARNESS_MAIN
