// SPDX-License-Identifier: GPL-2.0-only
/*
 * usher: tests of what calls may do to a register, and of what is mapped, with pages of
 * any size. No emulated device has its MSI-X table in a region that takes calls.
 */
#include <kunit/test.h>
#include <linux/sizes.h>
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
		.table_offset	= { TABLE, PBA },
		.table_bytes	= { TABLE_BYTES, PBA_BYTES },
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

/* As QEMU's NVMe controller has it */
static struct usher_raw_bar bar_with_table(u64 bytes)
{
	return (struct usher_raw_bar) {
		.bytes		= bytes,
		.table_offset	= { 0x2000, 0x3000 },
		.table_bytes	= { 65 * 16, 16 },
	};
}

static void expect_hole(struct kunit *test, const struct usher_raw_bar *bar, u32 which,
			u32 page_bytes, u64 offset, u64 bytes)
{
	u64 got_offset, got_bytes;

	usher_raw_bar_hole(bar, which, page_bytes, &got_offset, &got_bytes);
	KUNIT_EXPECT_EQ(test, offset, got_offset);
	KUNIT_EXPECT_EQ(test, bytes, got_bytes);
}

/* A mapping leaves out all pages with a part of the table, a call only the table. */
static void raw_bar_pages(struct kunit *test)
{
	struct usher_raw_bar bar = bar_with_table(SZ_16K);

	expect_hole(test, &bar, 0, 1, 0x2000, 65 * 16);
	expect_hole(test, &bar, 0, SZ_4K, 0x2000, SZ_4K);
	expect_hole(test, &bar, 1, SZ_4K, 0x3000, SZ_4K);
	expect_hole(test, &bar, 0, SZ_16K, 0, SZ_16K);
	expect_hole(test, &bar, 1, SZ_64K, 0, SZ_64K);
	KUNIT_EXPECT_FALSE(test, usher_raw_bar_in_hole(&bar, 0x1000, SZ_4K));
	KUNIT_EXPECT_TRUE(test, usher_raw_bar_in_hole(&bar, 0x2000, SZ_4K));
	KUNIT_EXPECT_TRUE(test, usher_raw_bar_in_hole(&bar, 0x3000, SZ_4K));
	KUNIT_EXPECT_TRUE(test, usher_raw_bar_in_hole(&bar, 0, SZ_16K));
	/* a table over the end of a page */
	bar.table_offset[0] = SZ_64K - 16;
	bar.table_bytes[0] = 32;
	expect_hole(test, &bar, 0, SZ_64K, 0, SZ_128K);
	bar.table_bytes[0] = 0;
	bar.table_bytes[1] = 0;
	KUNIT_EXPECT_FALSE(test, usher_raw_bar_in_hole(&bar, SZ_64K - 16, SZ_64K));
}

/* Registers can be reached: by a mapping, or else by calls. */
static void raw_bar_mappable(struct kunit *test)
{
	struct usher_raw_bar bar = bar_with_table(SZ_16K);

	KUNIT_EXPECT_TRUE(test, usher_raw_bar_is_mappable(&bar, SZ_16K, SZ_4K));
	KUNIT_EXPECT_FALSE(test, usher_raw_bar_is_mappable(&bar, SZ_2K, SZ_4K));
	/* The table is in the one page of 16 KiB, and so are the registers. */
	KUNIT_EXPECT_FALSE(test, usher_raw_bar_is_mappable(&bar, SZ_16K, SZ_16K));
	KUNIT_EXPECT_FALSE(test, usher_raw_bar_is_mappable(&bar, SZ_16K, SZ_64K));
	bar.bytes = SZ_64K;
	KUNIT_EXPECT_FALSE(test, usher_raw_bar_is_mappable(&bar, SZ_64K, SZ_64K));
	/* Without registers beside the table, or without one, it is mapped. */
	bar.table_offset[0] = SZ_64K;
	bar.table_bytes[0] = SZ_32K;
	bar.table_offset[1] = SZ_64K + SZ_32K;
	bar.table_bytes[1] = SZ_32K;
	bar.bytes = SZ_128K;
	KUNIT_EXPECT_TRUE(test, usher_raw_bar_is_mappable(&bar, 0, SZ_16K));
	bar.table_bytes[0] = 0;
	bar.table_bytes[1] = 0;
	KUNIT_EXPECT_TRUE(test, usher_raw_bar_is_mappable(&bar, 0, SZ_64K));
	/* What is too large for calls is mapped, with the hole. */
	bar = bar_with_table(SZ_2M);
	KUNIT_EXPECT_TRUE(test, usher_raw_bar_is_mappable(&bar, 0, SZ_64K));
	bar.bytes = 0;
	KUNIT_EXPECT_FALSE(test, usher_raw_bar_is_mappable(&bar, 0, SZ_4K));
}

/* A small region on a machine with large pages: calls reach all but the table. */
static void raw_bar_calls_beside_the_table(struct kunit *test)
{
	static u8 registers[SZ_16K];
	struct usher_raw_bar bar = bar_with_table(SZ_16K);

	bar.registers = (void __iomem __force *)registers;
	KUNIT_EXPECT_EQ(test, check(&bar, 0, 8, 0), 0);
	KUNIT_EXPECT_EQ(test, check(&bar, 0x1ffc, 4, 0), 0);
	KUNIT_EXPECT_EQ(test, check(&bar, 0x2000, 4, 0), -EACCES);
	KUNIT_EXPECT_EQ(test, check(&bar, 0x2000 + 65 * 16, 4, 0), 0);
	KUNIT_EXPECT_EQ(test, check(&bar, 0x3008, 8, 0), -EACCES);
	KUNIT_EXPECT_EQ(test, check(&bar, 0x3010, 8, 0), 0);
}

static struct kunit_case raw_bar_cases[] = {
	KUNIT_CASE(raw_bar_holes),
	KUNIT_CASE(raw_bar_widths),
	KUNIT_CASE(raw_bar_ends),
	KUNIT_CASE(raw_bar_pages),
	KUNIT_CASE(raw_bar_mappable),
	KUNIT_CASE(raw_bar_calls_beside_the_table),
	{}
};

static struct kunit_suite raw_bar_suite = {
	.name = "usher-raw-bar",
	.test_cases = raw_bar_cases,
};

kunit_test_suite(raw_bar_suite);
