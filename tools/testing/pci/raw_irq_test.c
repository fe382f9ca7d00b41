// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts: messages and the pin, masking, resets in between, and the line that the
 * pin shares with others, who must not notice it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include "harness.h"
#include "anybody.h"

/* The educational device, opened */
FIXTURE(edu)
{
	int fd;
	int event;
	uint8_t *registers;
};

FIXTURE_SETUP(edu)
{
	self->event = eventfd(0, EFD_CLOEXEC);
	self->fd = open_node(EDU);
	ASSERT_GE(self->fd, 0);
	self->registers = map(self->fd, 0, PAGE, MAP_SHARED);
	ASSERT_NE(MAP_FAILED, self->registers);
}

FIXTURE_TEARDOWN(edu)
{
	munmap(self->registers, PAGE);
	close(self->fd);
	close(self->event);
}

/* A message that comes while its vector is masked is not lost. */
TEST_F(anybody, messages_wait_while_they_are_masked)
{
	int event = eventfd(0, EFD_CLOEXEC), fd = open_node(EDU);
	uint8_t *registers = map(fd, 0, PAGE, MAP_SHARED);

	EXPECT_EQ(0, irq_enable(fd, USHER_RAW_IRQ_MSI, 1, &event));
	EXPECT_EQ(0, irq_mask(fd, 0, 1));
	EXPECT_EQ(0, irq_mask(fd, 0, 1));
	write32(registers, EDU_RAISE, 1);
	EXPECT_TRUE(edu_answers(registers));
	EXPECT_FALSE(comes(event, 0));
	EXPECT_EQ(0, irq_mask(fd, 0, 0));
	EXPECT_TRUE(comes(event, SOON_MS));
	EXPECT_EQ(0, irq_mask(fd, 0, 0));
	write32(registers, EDU_RAISE, 1);
	EXPECT_TRUE(comes(event, SOON_MS));

	/* Closed while it is enabled and masked */
	EXPECT_EQ(0, irq_mask(fd, 0, 1));
	munmap(registers, PAGE);
	close(fd);
	close(event);
}

/* More vectors than the machine has are refused, and fewer are possible afterwards. */
TEST_F(anybody, vectors_have_an_end)
{
	uint32_t count, i;
	int event = eventfd(0, EFD_CLOEXEC);
	int fd = open_node(NVME), *events;

	ASSERT_GE(fd, 0);
	count = info_of(fd).msix;
	events = calloc(count, sizeof(*events));
	for (i = 0; i < count; i++)
		events[i] = event;
	EXPECT_EQ(-ENOSPC, irq_enable(fd, USHER_RAW_IRQ_MSIX, count, events));
	EXPECT_FALSE(is_master(fd));
	EXPECT_EQ(0, irq_enable(fd, USHER_RAW_IRQ_MSIX, 2, events));
	free(events);
	close(fd);
	close(event);
}

/* Without a handler the pin is off: an interrupt of nobody would disable the whole line. */
TEST_F(edu, the_pin_is_off_without_a_handler)
{
	static const uint32_t kinds[] = { USHER_RAW_IRQ_INTX, USHER_RAW_IRQ_MSI };
	size_t i;

	EXPECT_TRUE(in_command(self->fd, COMMAND_NO_INTX));
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		EXPECT_EQ(0, irq_enable(self->fd, kinds[i], 1, &self->event));
		EXPECT_EQ(kinds[i] != USHER_RAW_IRQ_INTX, in_command(self->fd, COMMAND_NO_INTX));
		EXPECT_EQ(0, irq_disable(self->fd));
		EXPECT_TRUE(in_command(self->fd, COMMAND_NO_INTX));
	}
}

/* The device raises its pin, once: the interrupt comes, which masks the pin. */
static void one_pin(struct __test_metadata *_metadata, uint8_t *registers, int event)
{
	write32(registers, EDU_RAISE, 1);
	EXPECT_TRUE(comes(event, SOON_MS));
	write32(registers, EDU_ACKNOWLEDGE, 1);
}

/* The interrupt comes once, when the pin is enabled, and masks the pin as any other does. */
TEST_F(edu, a_pin_that_is_up_already)
{
	write32(self->registers, EDU_RAISE, 1);
	EXPECT_EQ(0, irq_enable(self->fd, USHER_RAW_IRQ_INTX, 1, &self->event));
	EXPECT_TRUE(comes(self->event, SOON_MS));
	EXPECT_TRUE(in_command(self->fd, COMMAND_NO_INTX));
	write32(self->registers, EDU_ACKNOWLEDGE, 1);
	EXPECT_EQ(0, irq_mask(self->fd, 0, 0));
	EXPECT_FALSE(in_command(self->fd, COMMAND_NO_INTX));
	EXPECT_TRUE(edu_answers(self->registers));
	EXPECT_FALSE(comes(self->event, 0));
	EXPECT_FALSE(in_command(self->fd, COMMAND_NO_INTX));
	one_pin(_metadata, self->registers, self->event);
}

/* A reset leaves a masked pin masked, and another one as it is. */
TEST_F(edu, a_pin_survives_resets)
{
	long irq = function_attribute(EDU, "irq"), before;
	int i;

	EXPECT_EQ(0, irq_enable(self->fd, USHER_RAW_IRQ_INTX, 1, &self->event));
	for (i = 0; i < 2; i++) {
		EXPECT_TRUE(i ? reset_by_sysfs(EDU) : !reset(self->fd));
		EXPECT_FALSE(in_command(self->fd, COMMAND_NO_INTX));
		one_pin(_metadata, self->registers, self->event);
		EXPECT_TRUE(i ? reset_by_sysfs(EDU) : !reset(self->fd));
		EXPECT_TRUE(in_command(self->fd, COMMAND_NO_INTX));
		before = interrupts_of(irq);
		write32(self->registers, EDU_RAISE, 1);
		EXPECT_TRUE(edu_answers(self->registers));
		EXPECT_EQ(before, interrupts_of(irq));
		EXPECT_FALSE(comes(self->event, 0));
		write32(self->registers, EDU_ACKNOWLEDGE, 1);
		EXPECT_EQ(0, irq_mask(self->fd, 0, 0));
	}
}

/* ---- the line that the pin shares ---- */

/**
 * struct raiser - a thread that raises an interrupt again and again
 * @registers: of the device
 * @end: stop
 */
struct raiser {
	uint8_t *registers;
	bool end;
};

static void *raise_all_the_time(void *data)
{
	struct raiser *raiser = data;

	while (!__atomic_load_n(&raiser->end, __ATOMIC_ACQUIRE))
		write32(raiser->registers, EDU_RAISE, 1);
	return NULL;
}

/*
 * What the device raises while nobody serves it does not reach the line, not for a
 * moment. Another function on the line has it enabled, so that interrupts are counted.
 */
static void the_line_is_left_alone(struct __test_metadata *_metadata, int fd,
				   uint8_t *registers, uint32_t kind)
{
	struct raiser raiser = { .registers = registers };
	int event = eventfd(0, EFD_CLOEXEC), neighbour = open_node(BARE), i;
	long irq = function_attribute(EDU, "irq"), before;
	pthread_t thread;

	ASSERT_GE(neighbour, 0);
	EXPECT_EQ(0, irq_enable(neighbour, USHER_RAW_IRQ_INTX, 1, &event));
	EXPECT_EQ(irq, function_attribute(BARE, "irq"));

	/* Before the pin is enabled: an interrupt that is raised afterwards may come. */
	write32(registers, EDU_RAISE, 1);
	before = interrupts_of(irq);
	ASSERT_EQ(0, pthread_create(&thread, NULL, raise_all_the_time, &raiser));
	for (i = 0; i < 100; i++) {
		EXPECT_EQ(0, irq_enable(fd, kind, 1, &event));
		EXPECT_EQ(0, irq_disable(fd));
	}
	__atomic_store_n(&raiser.end, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	write32(registers, EDU_ACKNOWLEDGE, UINT32_MAX);
	EXPECT_EQ(before, interrupts_of(irq));
	close(neighbour);
	close(event);
}

TEST_F(edu, a_pending_pin_leaves_the_line_alone)
{
	the_line_is_left_alone(_metadata, self->fd, self->registers, USHER_RAW_IRQ_INTX);
}

TEST_F(edu, messages_leave_the_line_alone)
{
	the_line_is_left_alone(_metadata, self->fd, self->registers, USHER_RAW_IRQ_MSI);
}

/**
 * struct allocator - a thread that allocates memory and frees it, which switches
 *	mastering on and off
 * @fd: function
 * @failures: of its calls
 * @end: stop
 */
struct allocator {
	int fd;
	uint32_t failures;
	bool end;
};

static void *alloc_all_the_time(void *data)
{
	struct allocator *allocator = data;
	struct usher_raw_dma dma;
	uint64_t bus;

	while (!__atomic_load_n(&allocator->end, __ATOMIC_ACQUIRE))
		if (dma_alloc(allocator->fd, 1, &dma, &bus) ||
		    dma_free(allocator->fd, dma.id))
			allocator->failures++;
	return NULL;
}

/* Both change the command register; the pin stays masked until it was served. */
TEST_F(edu, masking_does_not_race_with_mastering)
{
	struct allocator allocator = { .fd = self->fd };
	bool masked = true;
	pthread_t thread;
	int i, n;

	EXPECT_EQ(0, irq_enable(self->fd, USHER_RAW_IRQ_INTX, 1, &self->event));
	EXPECT_EQ(0, pthread_create(&thread, NULL, alloc_all_the_time, &allocator));
	for (i = 0; i < 300 && masked; i++) {
		write32(self->registers, EDU_RAISE, 1);
		EXPECT_TRUE(comes(self->event, SOON_MS));
		for (n = 0; n < 3; n++)
			masked = masked && in_command(self->fd, COMMAND_NO_INTX);
		write32(self->registers, EDU_ACKNOWLEDGE, 1);
		EXPECT_EQ(0, irq_mask(self->fd, 0, 0));
	}
	EXPECT_TRUE(masked);
	__atomic_store_n(&allocator.end, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, allocator.failures);
}

/* Writes the command register through sysfs, as if somebody restored an earlier value. */
static void switch_pin_on(struct __test_metadata *_metadata, int fd)
{
	uint32_t command = 0;
	char path[128];
	uint16_t value;
	int config;

	EXPECT_EQ(0, config_read(fd, COMMAND, 2, &command));
	value = command & ~COMMAND_NO_INTX;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", EDU);
	config = open(path, O_RDWR | O_CLOEXEC);
	EXPECT_EQ(2, pwrite(config, &value, 2, COMMAND));
	close(config);
}

/* The interrupt comes again and is masked again. The process knows of it already. */
TEST_F(edu, a_pin_that_others_switch_on)
{
	long irq = function_attribute(EDU, "irq"), before;
	int i;

	EXPECT_EQ(0, irq_enable(self->fd, USHER_RAW_IRQ_INTX, 1, &self->event));
	write32(self->registers, EDU_RAISE, 1);
	EXPECT_TRUE(comes(self->event, SOON_MS));
	for (i = 0; i < 10; i++) {
		before = interrupts_of(irq);
		switch_pin_on(_metadata, self->fd);
		/* Another processor may take it, a moment later. */
		EXPECT_TRUE(awaited(interrupts_of(irq) > before &&
				    in_command(self->fd, COMMAND_NO_INTX)));
		EXPECT_LT(interrupts_of(irq), before + 100);
		EXPECT_FALSE(comes(self->event, 0));
	}
	write32(self->registers, EDU_ACKNOWLEDGE, 1);
	EXPECT_EQ(0, irq_mask(self->fd, 0, 0));
	EXPECT_FALSE(in_command(self->fd, COMMAND_NO_INTX));
	one_pin(_metadata, self->registers, self->event);
}

TEST_HARNESS_MAIN
