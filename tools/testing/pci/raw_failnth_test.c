// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation and every copy in each call of usher-raw fails once: each
 * failure is a clean error, nothing stays behind, and the same call works then.
 *
 *	raw_failnth_test FUNCTION [interrupts]	PCI address of a function bound to
 *				usher-raw, with messages and a reset; TAP on stdout
 *
 * The attributes of fault injection are set by who runs it, see faults-in-guest.
 */
#define _GNU_SOURCE
#include <sys/eventfd.h>

#include "raw.h"

#define MOST		400	/* points of failure in one call */
#define PAGES		40

static const char *address;
static int nth;			/* /proc/self/fail-nth */
static int owner;		/* the function, but where a test opens it itself */
static int event;
static uint32_t kind;		/* of its interrupts */
static uint64_t bus[PAGES];
static uint8_t data[PAGES * PAGE] __attribute__((aligned(PAGE)));
static struct usher_raw_dma dma;

/* The point of that number fails; 0 is none. */
static void fail(int number)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", number);
	/* It may be this very call that meets a failure not met before. */
	while (pwrite(nth, text, strlen(text), 0) < 0)
		if (errno != EFAULT && errno != ENOMEM)
			abort();
}

/* Whether the call met its point */
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
	return attribute(address, "quarantined_pages") == 0 &&
	       (owner < 0 || !is_master(owner));
}

/*
 * @attempt returns >= 0 or a negative errno value; @undo takes back what it made.
 * Goes on until the call is through without having met its point.
 */
static void sweep(int (*attempt)(void), void (*undo)(int result))
{
	int number, result, errors = 0;
	bool failed = true;

	for (number = 1; number < MOST && failed; number++) {
		fail(number);
		result = attempt();
		failed = met();
		if (result >= 0) {
			undo(result);
		} else {
			errors++;
			if (!failed || !is_clean(result))
				printf("# point %d: %s\n", number, strerror(-result));
			EXPECT(failed);
			EXPECT(is_clean(result));
		}
		EXPECT(is_as_before());
	}
	printf("# %d points, %d of them errors\n", number - 2, errors);
	EXPECT(!failed);
	EXPECT(errors > 0);
	result = attempt();
	EXPECT(result >= 0);
	if (result >= 0)
		undo(result);
	EXPECT(is_as_before());
}

static void undo_nothing(int result)
{
	(void)result;
}

static void undo_fd(int fd)
{
	close(fd);
}

/* ---- the calls ---- */

static int try_open(void)
{
	return open_node(address);
}

static void opening(void)
{
	close(owner);
	owner = -1;
	sweep(try_open, undo_fd);
	owner = open_node(address);
	EXPECT(owner >= 0);
}

static int try_info(void)
{
	struct usher_raw_info info = { .size = sizeof(info) };

	return call(owner, USHER_RAW_IOC_INFO, &info);
}

static void information(void)
{
	sweep(try_info, undo_nothing);
}

static int try_region(void)
{
	struct usher_raw_region region = { .size = sizeof(region) };

	return call(owner, USHER_RAW_IOC_REGION, &region);
}

static void regions(void)
{
	sweep(try_region, undo_nothing);
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

static void configuration(void)
{
	sweep(try_config_read, undo_nothing);
	sweep(try_config_write, undo_nothing);
}

static int try_bits(void)
{
	return dma_bits(owner, 40);
}

static void address_bits(void)
{
	sweep(try_bits, undo_nothing);
	EXPECT_EQ(dma_bits(owner, 64), 0);
}

static int try_alloc(void)
{
	return dma_alloc(owner, PAGES, &dma, bus);
}

static void undo_memory(int result)
{
	(void)result;
	EXPECT_EQ(dma_free(owner, dma.id), 0);
}

static void allocating(void)
{
	sweep(try_alloc, undo_memory);
}

static int try_register(void)
{
	return dma_register(owner, data + 1, sizeof(data) - 1, 0, PAGES, bus);
}

static void undo_register(int id)
{
	EXPECT_EQ(dma_free(owner, id), 0);
}

static void registering(void)
{
	memset(data, 1, sizeof(data));
	sweep(try_register, undo_register);
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

static void registering_fresh_memory(void)
{
	sweep(try_register_fresh, undo_register);
}

/* It takes nothing but a copy of its argument. */
static void freeing(void)
{
	int number, result;
	bool failed = true;

	EXPECT_EQ(dma_alloc(owner, 8, &dma, bus), 0);
	for (number = 1; number < MOST && failed; number++) {
		fail(number);
		result = dma_free(owner, dma.id);
		failed = met();
		EXPECT(!result || (failed && result == -EFAULT));
		EXPECT_EQ(is_master(owner), result != 0);
		if (!result)
			EXPECT_EQ(dma_alloc(owner, 8, &dma, bus), 0);
	}
	EXPECT_EQ(dma_free(owner, dma.id), 0);
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

static void mapping_memory(void)
{
	int number, result, errors = 0;
	bool failed = true;

	EXPECT_EQ(try_alloc(), 0);
	for (number = 1; number < MOST && failed; number++) {
		fail(number);
		result = try_map_memory();
		failed = met();
		errors += result < 0;
		EXPECT(!result || (failed && is_clean(result)));
	}
	EXPECT(!failed);
	EXPECT(errors > 0);
	EXPECT_EQ(try_map_memory(), 0);
	undo_memory(0);
}

/* Touching it, too: a fault that fails is SIGBUS or comes again. */
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

static void mapping_registers(void)
{
	sweep(try_map_registers, undo_nothing);
}

static int try_interrupts(void)
{
	return irq_enable(owner, kind, 1, &event);
}

static void undo_interrupts(int result)
{
	(void)result;
	EXPECT_EQ(irq_disable(owner), 0);
}

static void interrupts_on(void)
{
	sweep(try_interrupts, undo_interrupts);
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
static void interrupts_masked_and_off(void)
{
	int (*const calls[])(void) = { try_mask, try_unmask, try_interrupts_off };
	size_t i;

	EXPECT_EQ(try_interrupts(), 0);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		fail(1);
		EXPECT_EQ(calls[i](), -EFAULT);
		EXPECT(met());
		fail(2);
		EXPECT_EQ(calls[i](), 0);
		met();
	}
	EXPECT(is_as_before());
}

static int try_reset(void)
{
	return reset(owner);
}

static void resetting(void)
{
	sweep(try_reset, undo_nothing);
}

/* Closing cannot fail: with all that an owner can have. */
static void closing(void)
{
	int number;
	bool failed = true;

	for (number = 1; number < MOST && failed; number++) {
		EXPECT_EQ(try_alloc(), 0);
		EXPECT(try_register() > 0);
		EXPECT_EQ(try_interrupts(), 0);
		fail(number);
		close(owner);
		failed = met();
		owner = open_node(address);
		EXPECT(owner >= 0);
		EXPECT(is_as_before());
	}
	EXPECT(!failed);
}

int main(int argc, char **argv)
{
	static const struct tap_test tests[] = {
		TAP_TEST(opening),
		TAP_TEST(information),
		TAP_TEST(regions),
		TAP_TEST(configuration),
		TAP_TEST(address_bits),
		TAP_TEST(allocating),
		TAP_TEST(registering),
		TAP_TEST(registering_fresh_memory),
		TAP_TEST(freeing),
		TAP_TEST(mapping_memory),
		TAP_TEST(mapping_registers),
		TAP_TEST(resetting),
		TAP_TEST(closing),
	}, interrupts[] = {
		TAP_TEST(interrupts_on),
		TAP_TEST(interrupts_masked_and_off),
	};

	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: raw_failnth_test FUNCTION [interrupts]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	address = argv[1];
	nth = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
	if (nth < 0) {
		printf("1..0 # SKIP the kernel has no FAULT_INJECTION\n");
		return 0;
	}
	event = eventfd(0, EFD_CLOEXEC);
	owner = open_node(address);
	if (owner < 0) {
		fprintf(stderr, "%s: %s\n", address, strerror(-owner));
		return 2;
	}
	kind = info_of(owner).msix ? USHER_RAW_IRQ_MSIX : USHER_RAW_IRQ_MSI;
	if (argc == 3)
		return run_tests(interrupts, ARRAY_SIZE(interrupts));
	return run_tests(tests, ARRAY_SIZE(tests));
}
