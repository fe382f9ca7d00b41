// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that cannot be stopped, or only by some of what should stop it: resets between
 * owners, bus mastering, quarantine, and memory that is lost. The device is the controller
 * made of software, see softctrl.h, which holds a command that writes memory.
 */
#include <errno.h>

#include "harness.h"
#include "raw.h"
#include "softctrl_fixture.h"

/* What the module says of memory that the device may reach for ever */
#define IS_LOST		"what processes gave it is lost"

/* Pages that nobody gets as long as the device may write to them */
static long quarantined(void)
{
	return attribute(softctrl(), "quarantined_pages");
}

/* The device is reset once before the first owner, and once after each. */
TEST_F(softctrl, it_is_reset_between_owners)
{
	int fd, i;

	fd = softctrl_open();
	ASSERT_GE(fd, 0);
	EXPECT_EQ(1, counter("flrs"));
	for (i = 2; i < 5; i++) {
		close(fd);
		EXPECT_EQ(i, counter("flrs"));
		fd = open_node(softctrl());
		EXPECT_GE(fd, 0);
		EXPECT_EQ(i, counter("flrs"));
	}
	close(fd);
}

/* Unbinding stops the device, so that the next driver does not find it at work. */
TEST_F(softctrl, a_removal_ends_dma)
{
	struct driver driver;

	ASSERT_TRUE(hold_a_command(&driver));
	EXPECT_TRUE(unbind_function(softctrl()));
	EXPECT_EQ(0, counter("bus_master"));
	EXPECT_EQ(0, counter("held"));
	driver_finish(&driver);
}

TEST_F(softctrl, a_reset_ends_dma)
{
	struct driver driver;

	ASSERT_TRUE(hold_a_command(&driver));
	driver_finish(&driver);
	EXPECT_EQ(0, quarantined());
	EXPECT_EQ(0, counter("bus_master"));
	EXPECT_EQ(0, counter("held"));
	EXPECT_GE(counter("flrs"), 1);
}

/* It cannot be reset. */
FIXTURE(without_reset)
{
};

FIXTURE_SETUP(without_reset)
{
	ASSERT_EQ(0, softctrl_load("flr=0"));
}

FIXTURE_TEARDOWN_PARENT(without_reset)
{
	EXPECT_EQ(0, softctrl_unload());
}

TEST_F(without_reset, without_a_reset_mastering_ends)
{
	struct driver driver;

	ASSERT_TRUE(hold_a_command(&driver));
	driver_finish(&driver);
	EXPECT_EQ(3, quarantined());
	EXPECT_EQ(0, counter("bus_master"));
	EXPECT_TRUE(release_it());
	EXPECT_TRUE(unbind_function(softctrl()));
	EXPECT_TRUE(bind_function(softctrl()));
	EXPECT_EQ(0, quarantined());
}

/* The device says that it was reset, but goes on as soon as it is bus master again. */
TEST_F(softctrl, a_reset_that_only_says_so)
{
	struct driver driver;

	ASSERT_TRUE(hold_a_command(&driver));
	EXPECT_TRUE(set_fault("flr_broken", "1"));
	EXPECT_EQ(-EIO, reset(driver.fd));
	driver_finish(&driver);
	EXPECT_EQ(3, quarantined());
	EXPECT_EQ(-EIO, open_node(softctrl()));
	EXPECT_TRUE(set_fault("flr_broken", "0"));
	driver.fd = open_node(softctrl());
	EXPECT_GE(driver.fd, 0);
	EXPECT_EQ(0, counter("held"));
	EXPECT_EQ(0, quarantined());
	close(driver.fd);
}

/* The next driver must not find a device that still knows the memory of an owner. */
TEST_F(softctrl, unbinding_tries_the_reset_again)
{
	struct driver driver;
	long before;

	ASSERT_TRUE(hold_a_command(&driver));
	EXPECT_TRUE(set_fault("flr_broken", "1"));
	driver_finish(&driver);
	EXPECT_EQ(3, quarantined());
	EXPECT_EQ(1, counter("held"));
	EXPECT_TRUE(set_fault("flr_broken", "0"));
	before = counter("flrs");
	EXPECT_TRUE(unbind_function(softctrl()));
	EXPECT_EQ(before + 1, counter("flrs"));
	EXPECT_EQ(0, counter("held"));
}

/* Bus mastering cannot be switched off, and a reset does nothing. */
TEST_F(softctrl, a_reset_that_does_nothing_frees_nothing)
{
	struct driver driver;

	ASSERT_TRUE(hold_a_command(&driver));
	EXPECT_TRUE(set_fault("sticky_master", "1"));
	EXPECT_TRUE(set_fault("flr_broken", "1"));
	driver_finish(&driver);
	EXPECT_EQ(1, counter("bus_master"));
	EXPECT_EQ(3, quarantined());
	EXPECT_TRUE(release_it());
	EXPECT_TRUE(set_fault("clear", "1"));
	EXPECT_TRUE(unbind_function(softctrl()));
	EXPECT_EQ(0, counter("bus_master"));
}

/* DMA debugging reports mappings that are lost. In this one test they are meant to be. */
static void hush_dma_debug(bool hush)
{
	put("/sys/kernel/debug/dma-api/num_errors", hush ? "0" : "1");
}

static long references(void)
{
	return number_in("/sys/module/usher/refcnt");
}

/* It is lost for ever, and so it does not keep the module loaded. */
TEST_F(softctrl, what_cannot_be_stopped_loses_its_memory)
{
	long before = references();
	struct driver driver;

	ASSERT_TRUE(hold_a_command(&driver));
	EXPECT_TRUE(set_fault("sticky_master", "1"));
	EXPECT_TRUE(set_fault("flr_broken", "1"));
	EXPECT_FALSE(was_said(IS_LOST));
	hush_dma_debug(true);
	EXPECT_TRUE(unbind_function(softctrl()));
	hush_dma_debug(false);
	EXPECT_TRUE(was_said(IS_LOST));
	EXPECT_EQ(1, counter("bus_master"));
	driver_unmap(&driver);
	close(driver.fd);
	close(driver.event);
	EXPECT_TRUE(release_it());
	EXPECT_EQ(before, references());
	EXPECT_TRUE(set_fault("clear", "1"));
}

TEST_HARNESS_MAIN
