// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recovery from an error of the link, by the kernel (AER): the function is as before
 * afterwards, and nobody uses it in between. The software controller (softctrl.h) is
 * there only to stop the recovery in the middle.
 */
#include <errno.h>

#include "harness.h"
#include "raw.h"
#include "softctrl.h"

/* Lets QEMU report an error of the link at the device with the identifier "errors" */
#define INJECT			"pcie_aer_inject_error errors DLP"
#define BREAK_LINK		"qmp human-monitor-command command-line='" INJECT "' > /dev/null"

/* What the kernel says when it has recovered a function from an error */
#define IS_RECOVERED		"device recovery successful"

/* Whether the kernel handles errors: it may be built without, or leave them to firmware. */
static bool handles_errors(void)
{
	FILE *file = fopen("/proc/interrupts", "re");
	bool found = false;
	char line[512];

	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, "aerdrv");
	if (file)
		fclose(file);
	return found;
}

/* Errors that the port above the function has counted */
static long fatal_errors(void)
{
	return function_attribute(VIRTIO, "../aer_rootport_total_err_fatal");
}

static bool break_link(void)
{
	long before = fatal_errors();

	return !system(BREAK_LINK) && awaited(fatal_errors() > before) &&
	       fatal_errors() == before + 1;
}

/* A region that can be mapped, without holes */
static uint32_t mappable(int fd)
{
	struct usher_raw_region region;
	uint32_t index;

	for (index = 0; index < USHER_RAW_REGIONS; index++) {
		region = region_of(fd, index);
		if (region.flags & USHER_RAW_REGION_MMAP && !region.hole_bytes[0])
			break;
	}
	return index;
}

/*
 * The kernel resets the link, which makes the function forget its settings. They are back
 * before the owner can notice.
 */
TEST(recovers_from_errors_of_the_link)
{
	uint32_t command = 0, bar = 0, value = 0, index;
	struct usher_raw_region region;
	bool recovered = false;
	int fd = open_node(VIRTIO);
	struct usher_raw_dma dma;
	uint8_t *registers;
	uint64_t bus, end;
	long before;

	if (!handles_errors())
		SKIP(return, "this kernel does not handle errors (AER)");
	index = mappable(fd);
	EXPECT_LT(index, USHER_RAW_REGIONS);
	region = region_of(fd, index);
	registers = map(fd, region.offset, PAGE, MAP_SHARED);
	EXPECT_EQ(0, dma_alloc(fd, 1, &dma, &bus));
	EXPECT_EQ(0, config_read(fd, COMMAND, 2, &command));
	EXPECT_EQ(0, config_read(fd, BAR0 + index * 4, 4, &bar));
	EXPECT_TRUE(command & COMMAND_MASTER && bar & ~0xfU);

	before = times_said(IS_RECOVERED);
	EXPECT_TRUE(break_link());
	end = now_ms() + PATIENCE_MS;
	/* Before and during the recovery, when calls wait, and once after it */
	while (!recovered && now_ms() < end) {
		recovered = times_said(IS_RECOVERED) > before;
		ASSERT_EQ(0, config_read(fd, COMMAND, 2, &value));
		ASSERT_EQ(command, value);
		ASSERT_EQ(0, config_read(fd, BAR0 + index * 4, 4, &value));
		ASSERT_EQ(bar, value);
	}
	EXPECT_TRUE(recovered);
	EXPECT_FALSE(faults(registers));
	munmap(registers, PAGE);
	close(fd);
	fd = open_node(VIRTIO);
	EXPECT_GE(fd, 0);
	close(fd);
}

/* The base address registers of a function, which it forgets when its link is reset */
static void read_bars(struct __test_metadata *_metadata, int fd, uint32_t *bars)
{
	uint32_t i;

	for (i = 0; i < USHER_RAW_REGIONS; i++)
		ASSERT_EQ(0, config_read(fd, BAR0 + i * 4, 4, &bars[i]));
}

/*
 * Breaks the link, while the software controller keeps the port above to itself. Returns
 * when the function was stopped: the link cannot be reset before the port is free.
 */
static void begin_recovery(struct __test_metadata *_metadata, int fd)
{
	struct usher_raw_region region = region_of(fd, mappable(fd));
	uint8_t *registers = map(fd, region.offset, PAGE, MAP_SHARED);
	char port[32];

	EXPECT_FALSE(faults(registers));
	EXPECT_TRUE(bridge_above(VIRTIO, port, sizeof(port)));
	EXPECT_TRUE(set_fault("busy", port));
	EXPECT_TRUE(break_link());
	EXPECT_TRUE(awaited(faults(registers)));
	munmap(registers, PAGE);
}

/* Whether there is all that it takes to stop a recovery in the middle */
FIXTURE(recovery)
{
};

FIXTURE_SETUP(recovery)
{
	if (!handles_errors())
		SKIP(return, "this kernel does not handle errors (AER)");
	if (access(SOFTCTRL, F_OK))
		SKIP(return, "the software controller is not built for this kernel");
	ASSERT_EQ(0, softctrl_load(""));
}

FIXTURE_TEARDOWN_PARENT(recovery)
{
	softctrl_unload();
}

/*
 * The link is reset some time after the function was stopped. A reset by the owner in
 * between must not let him use it.
 */
TEST_F(recovery, resets_are_kept_out)
{
	uint32_t bars[USHER_RAW_REGIONS], now[USHER_RAW_REGIONS];
	int fd = open_node(VIRTIO), ret;

	read_bars(_metadata, fd, bars);
	begin_recovery(_metadata, fd);
	EXPECT_EQ(-EAGAIN, reset(fd));
	EXPECT_TRUE(set_fault("busy", "none"));
	EXPECT_TRUE(awaited((ret = reset(fd)) != -EAGAIN));
	EXPECT_EQ(0, ret);
	read_bars(_metadata, fd, now);
	EXPECT_EQ(0, memcmp(bars, now, sizeof(bars)));
	close(fd);
}

/* Nor is the function given to a new owner until then. */
TEST_F(recovery, owners_are_kept_out)
{
	uint32_t bars[USHER_RAW_REGIONS], now[USHER_RAW_REGIONS];
	int fd = open_node(VIRTIO);

	read_bars(_metadata, fd, bars);
	begin_recovery(_metadata, fd);
	close(fd);
	EXPECT_EQ(-EAGAIN, open_node(VIRTIO));
	EXPECT_TRUE(set_fault("busy", "none"));
	EXPECT_TRUE(awaited((fd = open_node(VIRTIO)) != -EAGAIN));
	ASSERT_GE(fd, 0);
	read_bars(_metadata, fd, now);
	EXPECT_EQ(0, memcmp(bars, now, sizeof(bars)));
	EXPECT_EQ(0, info_of(fd).quarantined);
	close(fd);
}

TEST_HARNESS_MAIN
