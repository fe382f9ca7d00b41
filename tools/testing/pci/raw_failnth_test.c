// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation and every copy in each call of usher-raw fails once: each failure is a
 * clean error, nothing stays behind, and the same call works afterwards.
 *
 * The attributes of fault injection are set by faults-in-guest. It runs the fixtures
 * "calls" and "interrupts" with different ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>

#include "harness.h"
#include "raw.h"

#define MOST		400	/* points of failure in one call */
#define PAGES		40

static int nth;			/* /proc/self/fail-nth */
static int owner;		/* the function; negative where a test opens it itself */
static int event;
static uint32_t kind;		/* of its interrupts */
static uint64_t bus[PAGES];
static uint8_t data[PAGES * MOST_PAGE] __attribute__((aligned(MOST_PAGE)));
static struct usher_raw_dma dma;

static void open_function(struct __test_metadata *_metadata)
{
	nth = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
	if (nth < 0)
		SKIP(return, "the kernel has no FAULT_INJECTION");
	event = eventfd(0, EFD_CLOEXEC);
	owner = open_node(FUNCTION);
	ASSERT_GE(owner, 0);
	kind = info_of(owner).msix ? USHER_RAW_IRQ_MSIX : USHER_RAW_IRQ_MSI;
}

FIXTURE(calls)
{
};

FIXTURE_SETUP(calls)
{
	open_function(_metadata);
}

FIXTURE_TEARDOWN(calls)
{
	close(owner);
}

FIXTURE(interrupts)
{
};

FIXTURE_SETUP(interrupts)
{
	open_function(_metadata);
}

FIXTURE_TEARDOWN(interrupts)
{
	close(owner);
}

/* The next system calls fail at the point of that number; 0 is none. */
static void fail(int number)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", number);
	/* This write may itself meet a failure that was set before. */
	while (pwrite(nth, text, strlen(text), 0) < 0)
		if (errno != EFAULT && errno != ENOMEM)
			abort();
}

/* Whether a call met that point. Nothing fails afterwards. */
static bool met(void)
{
	char text[16] = "";
	bool came = pread(nth, text, sizeof(text) - 1, 0) > 0 && !atoi(text);

	fail(0);
	return came;
}

static bool is_clean(int error)
{
	return error == -ENOMEM || error == -EFAULT || error == -EAGAIN ||
	       error == -ENOSPC;
}

/* Nothing of a call that failed, or was undone, is left. */
static bool is_as_before(void)
{
	return attribute(FUNCTION, "quarantined_pages") == 0 &&
	       (owner < 0 || !is_master(owner));
}

/*
 * @attempt returns >= 0 or a negative errno value; @undo takes back what it made, and
 * returns 0. Goes on until the call is through without having met its point.
 */
static void sweep(struct __test_metadata *_metadata, int (*attempt)(void),
		  int (*undo)(int result))
{
	int number, result, errors = 0;
	bool failed = true;

	for (number = 1; number < MOST && failed; number++) {
		fail(number);
		result = attempt();
		failed = met();
		if (result >= 0) {
			EXPECT_EQ(0, undo(result));
		} else {
			errors++;
			EXPECT_TRUE(failed && is_clean(result))
				TH_LOG("point %d: %s", number, strerror(-result));
		}
		EXPECT_TRUE(is_as_before());
	}
	TH_LOG("%d points, %d of them errors", number - 2, errors);
	EXPECT_FALSE(failed);
	EXPECT_GT(errors, 0);
	result = attempt();
	EXPECT_GE(result, 0);
	if (result >= 0)
		EXPECT_EQ(0, undo(result));
	EXPECT_TRUE(is_as_before());
}

static int undo_nothing(int result)
{
	(void)result;
	return 0;
}

static int undo_fd(int fd)
{
	return close(fd);
}

/* ---- the calls ---- */

static int try_open(void)
{
	return open_node(FUNCTION);
}

TEST_F(calls, opening)
{
	close(owner);
	owner = -1;
	sweep(_metadata, try_open, undo_fd);
	owner = open_node(FUNCTION);
	EXPECT_GE(owner, 0);
}

static int try_info(void)
{
	struct usher_raw_info info = { .size = sizeof(info) };

	return call(owner, USHER_RAW_IOC_INFO, &info);
}

TEST_F(calls, information)
{
	sweep(_metadata, try_info, undo_nothing);
}

static int try_region(void)
{
	struct usher_raw_region region = { .size = sizeof(region) };

	return call(owner, USHER_RAW_IOC_REGION, &region);
}

TEST_F(calls, regions)
{
	sweep(_metadata, try_region, undo_nothing);
}

static int try_config_read(void)
{
	uint32_t value;

	return config_read(owner, 0, 4, &value);
}

static int try_config_write(void)
{
	return config_write(owner, STATUS, 2, 0);
}

TEST_F(calls, configuration)
{
	sweep(_metadata, try_config_read, undo_nothing);
	sweep(_metadata, try_config_write, undo_nothing);
}

static int try_bits(void)
{
	return dma_bits(owner, 40);
}

TEST_F(calls, address_bits)
{
	sweep(_metadata, try_bits, undo_nothing);
	EXPECT_EQ(0, dma_bits(owner, 64));
}

static int try_alloc(void)
{
	return dma_alloc(owner, PAGES, &dma, bus);
}

static int undo_memory(int result)
{
	(void)result;
	return dma_free(owner, dma.id);
}

TEST_F(calls, allocating)
{
	sweep(_metadata, try_alloc, undo_memory);
}

static int try_register(void)
{
	return dma_register(owner, data + 1, PAGES * PAGE - 1, 0, PAGES, bus);
}

static int undo_register(int id)
{
	return dma_free(owner, id);
}

TEST_F(calls, registering)
{
	memset(data, 1, PAGES * PAGE);
	sweep(_metadata, try_register, undo_register);
}

/* With pages that must be faulted in first */
static int try_register_fresh(void)
{
	void *fresh = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ret;

	if (fresh == MAP_FAILED)
		return -errno;
	ret = dma_register(owner, fresh, PAGES * PAGE, 0, PAGES, bus);
	munmap(fresh, PAGES * PAGE);
	return ret;
}

TEST_F(calls, registering_fresh_memory)
{
	sweep(_metadata, try_register_fresh, undo_register);
}

/* Nothing in it can fail but copying the argument. */
TEST_F(calls, freeing)
{
	int number, result;
	bool failed = true;

	EXPECT_EQ(0, dma_alloc(owner, 8, &dma, bus));
	for (number = 1; number < MOST && failed; number++) {
		fail(number);
		result = dma_free(owner, dma.id);
		failed = met();
		EXPECT_TRUE(!result || (failed && result == -EFAULT));
		EXPECT_EQ(result != 0, is_master(owner));
		if (!result)
			EXPECT_EQ(0, dma_alloc(owner, 8, &dma, bus));
	}
	EXPECT_EQ(0, dma_free(owner, dma.id));
}

static int try_map_memory(void)
{
	uint8_t *memory = map(owner, dma.offset, PAGES * PAGE, MAP_SHARED);

	if (memory == MAP_FAILED)
		return -errno;
	memory[0] = 1;
	memory[(PAGES - 1) * PAGE] = 1;
	munmap(memory, PAGES * PAGE);
	return 0;
}

TEST_F(calls, mapping_memory)
{
	int number, result, errors = 0;
	bool failed = true;

	EXPECT_EQ(0, try_alloc());
	for (number = 1; number < MOST && failed; number++) {
		fail(number);
		result = try_map_memory();
		failed = met();
		errors += result < 0;
		EXPECT_TRUE(!result || (failed && is_clean(result)));
	}
	EXPECT_FALSE(failed);
	EXPECT_GT(errors, 0);
	EXPECT_EQ(0, try_map_memory());
	EXPECT_EQ(0, undo_memory(0));
}

/* Touches the registers, too: a page fault that fails is SIGBUS, or is repeated. */
static int try_map_registers(void)
{
	uint8_t *registers = map(owner, 0, PAGE, MAP_SHARED);
	int ret;

	if (registers == MAP_FAILED)
		return -errno;
	ret = faults(registers) ? -ENOMEM : 0;
	munmap(registers, PAGE);
	return ret;
}

TEST_F(calls, mapping_registers)
{
	sweep(_metadata, try_map_registers, undo_nothing);
}

static int try_reset(void)
{
	return reset(owner);
}

TEST_F(calls, resetting)
{
	sweep(_metadata, try_reset, undo_nothing);
}

static int try_interrupts(void)
{
	return irq_enable(owner, kind, 1, &event);
}

/* Closing cannot fail, even if the owner has memory, registered memory and interrupts. */
TEST_F(calls, closing)
{
	int number;
	bool failed = true;

	for (number = 1; number < MOST && failed; number++) {
		EXPECT_EQ(0, try_alloc());
		EXPECT_GT(try_register(), 0);
		EXPECT_EQ(0, try_interrupts());
		fail(number);
		close(owner);
		failed = met();
		owner = open_node(FUNCTION);
		EXPECT_GE(owner, 0);
		EXPECT_TRUE(is_as_before());
	}
	EXPECT_FALSE(failed);
}

static int undo_interrupts(int result)
{
	(void)result;
	return irq_disable(owner);
}

TEST_F(interrupts, interrupts_on)
{
	sweep(_metadata, try_interrupts, undo_interrupts);
}

static int try_mask(void)
{
	return irq_mask(owner, 0, 1);
}

static int try_unmask(void)
{
	return irq_mask(owner, 0, 0);
}

static int try_interrupts_off(void)
{
	return irq_disable(owner);
}

/* Nothing in them fails but copying the argument. */
TEST_F(interrupts, interrupts_masked_and_off)
{
	int (*const calls[])(void) = { try_mask, try_unmask, try_interrupts_off };
	size_t i;

	EXPECT_EQ(0, try_interrupts());
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		fail(1);
		EXPECT_EQ(-EFAULT, calls[i]());
		EXPECT_TRUE(met());
		fail(2);
		EXPECT_EQ(0, calls[i]());
		met();
	}
	EXPECT_TRUE(is_as_before());
}

TEST_HARNESS_MAIN
