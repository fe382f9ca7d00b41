// SPDX-License-Identifier: GPL-2.0-only
/*
 * usher: tests of what calls may do to a register. No emulated device has its MSI-X
 * table in a region that takes calls.
 */
#include <kunit/test.h>
#include <uapi/linux/usher_raw.h>

#include "raw/bar.h"

#define REGION_BYTES	1024
#define TABLE		256
#define TABLE_BYTES	64
#define PBA		512
#define PBA_BYTES	8

static struct usher_raw_bar small_bar(void)
{
	static u8 registers[REGION_BYTES];

	return (struct usher_raw_bar) {
		.bytes		= REGION_BYTES,
		.registers	= (void __iomem __force *)registers,
		.hole_offset	= { TABLE, PBA },
		.hole_bytes	= { TABLE_BYTES, PBA_BYTES },
	};
}

static int check(const struct usher_raw_bar *bar, u64 offset, u32 bytes, u64 value)
{
	const struct usher_raw_access access = {
		.offset	= offset,
		.bytes	= bytes,
		.value	= value,
	};

	return usher_raw_bar_check(bar, &access);
}

static void raw_bar_holes(struct kunit *test)
{
	struct usher_raw_bar bar = small_bar();

	KUNIT_EXPECT_EQ(test, check(&bar, TABLE - 8, 8, 0), 0);
	KUNIT_EXPECT_EQ(test, check(&bar, TABLE, 1, 0), -EACCES);
	KUNIT_EXPECT_EQ(test, check(&bar, TABLE + TABLE_BYTES - 1, 1, 0), -EACCES);
	KUNIT_EXPECT_EQ(test, check(&bar, TABLE + TABLE_BYTES - 8, 8, 0), -EACCES);
	KUNIT_EXPECT_EQ(test, check(&bar, TABLE + TABLE_BYTES, 4, 0), 0);
	KUNIT_EXPECT_EQ(test, check(&bar, PBA - 4, 4, 0), 0);
	KUNIT_EXPECT_EQ(test, check(&bar, PBA, 8, 0), -EACCES);
	KUNIT_EXPECT_EQ(test, check(&bar, PBA + PBA_BYTES, 8, 0), 0);
}

static void raw_bar_widths(struct kunit *test)
{
	struct usher_raw_bar bar = small_bar();

	KUNIT_EXPECT_EQ(test, check(&bar, 0, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, check(&bar, 0, 3, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, check(&bar, 0, 16, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, check(&bar, 2, 4, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, check(&bar, 0, 1, 0x100), -EINVAL);
	KUNIT_EXPECT_EQ(test, check(&bar, 0, 4, BIT_ULL(32)), -EINVAL);
	KUNIT_EXPECT_EQ(test, check(&bar, 0, 8, U64_MAX), 0);
	bar.ports = true;
	KUNIT_EXPECT_EQ(test, check(&bar, 0, 8, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, check(&bar, 0, 4, 0), 0);
}

static void raw_bar_ends(struct kunit *test)
{
	struct usher_raw_bar bar = small_bar();

	KUNIT_EXPECT_EQ(test, check(&bar, REGION_BYTES - 8, 8, 0), 0);
	KUNIT_EXPECT_EQ(test, check(&bar, REGION_BYTES, 1, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, check(&bar, U64_MAX, 1, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, check(&bar, U64_MAX - 7, 8, 0), -EINVAL);
	bar.registers = NULL;
	KUNIT_EXPECT_EQ(test, check(&bar, 0, 4, 0), -EOPNOTSUPP);
	bar.bytes = 0;
	KUNIT_EXPECT_EQ(test, check(&bar, 0, 4, 0), -EINVAL);
}

static struct kunit_case raw_bar_cases[] = {
	KUNIT_CASE(raw_bar_holes),
	KUNIT_CASE(raw_bar_widths),
	KUNIT_CASE(raw_bar_ends),
	{}
};

static struct kunit_suite raw_bar_suite = {
	.name = "usher-raw-bar",
	.test_cases = raw_bar_cases,
};

kunit_test_suite(raw_bar_suite);
