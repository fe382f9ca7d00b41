// SPDX-License-Identifier: GPL-2.0-only
/*
 * usher: tests of PRP tables. The judge is a device: it walks the PRPs of a
 * command as the NVM Express Base Specification 2.0, 4.1.1, tells it to, over
 * bus addresses that lead to tables in ordinary memory.
 */
#include <kunit/test.h>
#include <linux/mm.h>

#include "grant/buffer.h"
#include "guard/guard.h"
#include "nvme/prp.h"

/* Bus addresses that cannot be taken for one another */
#define DATA_BASE	0x0123000000000000ULL
#define TABLE_BASE	0x0000700000000000ULL
#define LIST_BASE	0x0000500000000000ULL

/**
 * struct prps_rig - a buffer's addresses, and what its device can see
 * @prps: under test
 * @page: bytes of a controller page
 * @linear: pages of data that follow one another; between the others is one
 * @list: a list of the command's own, at LIST_BASE
 */
struct prps_rig {
	struct usher_prps prps;
	u32 page;
	u32 linear;
	__le64 *list;
};

static dma_addr_t prps_data_addr(const struct prps_rig *rig, u32 index)
{
	u32 place = index < rig->linear ? index : index * 2;

	return DATA_BASE + ((dma_addr_t)place << rig->prps.shift);
}

static dma_addr_t prps_table_addr(const struct prps_rig *rig, u32 table)
{
	return TABLE_BASE + ((dma_addr_t)table * 2 << rig->prps.shift);
}

static struct prps_rig *prps_rig(struct kunit *test, u32 shift, u32 nr, u32 linear)
{
	struct prps_rig *rig = kunit_kzalloc(test, sizeof(*rig), GFP_KERNEL);
	struct usher_prps *prps;
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, rig);
	rig->page = 1U << shift;
	rig->linear = linear;
	rig->list = kunit_kzalloc(test, rig->page, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, rig->list);
	prps = &rig->prps;
	prps->shift = shift;
	prps->nr = nr;
	if (nr > 2) {
		prps->nr_tables = DIV_ROUND_UP(nr, rig->page / 8 - 1);
		prps->tables = kunit_kcalloc(test, prps->nr_tables, sizeof(*prps->tables),
					     GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, prps->tables);
	}
	for (i = 0; i < prps->nr_tables; i++) {
		prps->tables[i].dma = prps_table_addr(rig, i);
		prps->tables[i].virt = kunit_kzalloc(test, rig->page, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, prps->tables[i].virt);
	}
	for (i = 0; i < nr; i++)
		usher_prps_set(prps, i, prps_data_addr(rig, i));
	usher_prps_chain(prps);
	return rig;
}

/* What the device finds at a bus address; false when nothing of ours is there */
static bool prps_device_load(const struct prps_rig *rig, dma_addr_t addr, dma_addr_t *entry)
{
	u32 offset = addr & (rig->page - 1);
	u64 table = (addr - TABLE_BASE) >> rig->prps.shift;

	if (offset & 7)
		return false;
	if (addr - offset == LIST_BASE) {
		*entry = le64_to_cpu(rig->list[offset / 8]);
		return true;
	}
	if (addr < TABLE_BASE || table & 1 || table / 2 >= rig->prps.nr_tables)
		return false;
	*entry = le64_to_cpu(rig->prps.tables[table / 2].virt[offset / 8]);
	return true;
}

/* Does a list at @ptr lead the device to @bytes from page @index on? */
static bool prps_device_follows(const struct prps_rig *rig, dma_addr_t ptr, u32 index, u64 bytes)
{
	u32 left = DIV_ROUND_UP_ULL(bytes, rig->page);
	dma_addr_t entry;

	while (left) {
		bool last_slot = (ptr & (rig->page - 1)) == rig->page - 8;

		if (!prps_device_load(rig, ptr, &entry))
			return false;
		if (last_slot && left > 1) {
			/* The chain goes on at the start of a page, not in place. */
			if (entry & (rig->page - 1) || entry == ptr - (rig->page - 8))
				return false;
			ptr = entry;
			continue;
		}
		if (entry != prps_data_addr(rig, index++))
			return false;
		ptr += 8;
		left--;
	}
	return true;
}

/* Do these PRPs lead the device to @bytes from @from on, and nowhere else? */
static bool prps_device_reaches(const struct prps_rig *rig, dma_addr_t prp1, dma_addr_t prp2,
				u64 from, u64 bytes)
{
	u32 offset = from & (rig->page - 1);
	u32 index = from >> rig->prps.shift;

	if (prp1 != prps_data_addr(rig, index) + offset)
		return false;
	if (bytes <= rig->page - offset)
		return !prp2;
	bytes -= rig->page - offset;
	if (bytes <= rig->page)
		return prp2 == prps_data_addr(rig, index + 1);
	return prps_device_follows(rig, prp2, index + 1, bytes);
}

/*
 * One command: the table serves it exactly when the device would read it
 * right there; if not, the list of its own does. True when all is well.
 */
static bool prps_command_right(struct prps_rig *rig, u64 from, u64 bytes, u32 *own)
{
	u32 per = rig->page / 8 - 1;
	u32 second = (from >> rig->prps.shift) + 1;
	u32 pages = ((from + bytes - 1) >> rig->prps.shift) - (from >> rig->prps.shift) + 1;
	dma_addr_t prp1, prp2, in_table;

	if (usher_prps_map(&rig->prps, from, bytes, &prp1, &prp2))
		return prps_device_reaches(rig, prp1, prp2, from, bytes);

	(*own)++;
	in_table = prps_table_addr(rig, second / per) + second % per * 8;
	if (pages < 3 || prps_device_reaches(rig, prp1, in_table, from, bytes))
		return false;
	/* More does not fit into one page, and no command is that long. */
	if (pages > per + 2)
		return true;
	memset(rig->list, 0xee, rig->page);
	usher_prps_list(&rig->prps, from, bytes, rig->list);
	return prps_device_reaches(rig, prp1, LIST_BASE, from, bytes);
}

/* ---- the same rules in small pages: every byte offset, every length ----- */

struct prps_small {
	const char *name;
	u32 nr;
};

/* Pages of 64 bytes: 7 entries and a chain pointer */
static const struct prps_small prps_smalls[] = {
	{ "1 page", 1 }, { "2 pages", 2 }, { "3 pages", 3 }, { "6 pages", 6 },
	{ "7: one full table", 7 }, { "8: one entry in the second", 8 }, { "9 pages", 9 },
	{ "13 pages", 13 }, { "14: two full tables", 14 }, { "15 pages", 15 },
	{ "16 pages", 16 }, { "21: three full tables", 21 }, { "22 pages", 22 },
	{ "30 pages", 30 },
};

KUNIT_ARRAY_PARAM_DESC(prps_small, prps_smalls, name);

static u32 prps_all_right(struct kunit *test, u32 nr, u32 linear)
{
	struct prps_rig *rig = prps_rig(test, 6, nr, linear);
	u64 end = (u64)nr << 6, from, bytes;
	u32 own = 0;

	KUNIT_EXPECT_EQ(test, rig->prps.linear, nr == 1 || linear >= nr);
	for (from = 0; from < end; from += 4) {
		for (bytes = 1; bytes <= end - from; bytes++) {
			if (prps_command_right(rig, from, bytes, &own))
				continue;
			KUNIT_FAIL(test, "%u pages follow, from %llu, %llu bytes", linear,
				   from, bytes);
			return own;
		}
	}
	return own;
}

static void prps_every_command(struct kunit *test)
{
	const struct prps_small *p = test->param_value;
	u32 own = prps_all_right(test, p->nr, 0);

	/* From the eighth page on there are lists that end on a chain slot. */
	KUNIT_EXPECT_EQ(test, own != 0, p->nr >= 8);
}

/* Pages that follow one another, and such whose last one, or all but two, do not */
static void prps_linear(struct kunit *test)
{
	const struct prps_small *p = test->param_value;

	prps_all_right(test, p->nr, p->nr);
	prps_all_right(test, p->nr, p->nr - 1);
	prps_all_right(test, p->nr, 2);
}

/* ---- real pages: around every boundary ---------------------------------- */

struct prps_large {
	const char *name;
	u32 shift;
	u32 nr;
};

static const struct prps_large prps_larges[] = {
	{ "4K, 1 page", 12, 1 }, { "4K, 2 pages", 12, 2 }, { "4K, 3 pages", 12, 3 },
	{ "4K, 510 pages", 12, 510 }, { "4K, 511 pages", 12, 511 },
	{ "4K, 512 pages", 12, 512 }, { "4K, 513 pages", 12, 513 },
	{ "4K, 1021 pages", 12, 1021 }, { "4K, 1022 pages", 12, 1022 },
	{ "4K, 1023 pages", 12, 1023 }, { "4K, 1024 pages", 12, 1024 },
	{ "4K, 1025 pages", 12, 1025 }, { "4K, 1533 pages", 12, 1533 },
	{ "4K, 1534 pages", 12, 1534 }, { "4K, 2100 pages", 12, 2100 },
	{ "8K, 2047 pages", 13, 2047 }, { "8K, 2048 pages", 13, 2048 },
	{ "16K, 4097 pages", 14, 4097 },
};

KUNIT_ARRAY_PARAM_DESC(prps_large, prps_larges, name);

/* Pages at which something may change: the ends of tables, of lists, of it all */
static bool prps_page_matters(const struct prps_rig *rig, u32 index)
{
	u32 per = rig->page / 8 - 1;

	return index < 3 || index + 3 >= rig->prps.nr || (index + 2) % per < 5;
}

static void prps_boundaries(struct kunit *test)
{
	const struct prps_large *p = test->param_value;
	struct prps_rig *rig = prps_rig(test, p->shift, p->nr, 0);
	const u32 starts[] = { 0, 4, 512, rig->page / 2, rig->page - 4 };
	const u32 ends[] = { 1, 4, 512, rig->page - 1, rig->page };
	u32 most = rig->page / 8 + 1;
	u32 first, last, i, own = 0;

	for (first = 0; first < p->nr; first++) {
		if (!prps_page_matters(rig, first))
			continue;
		for (last = first; last < min(first + most, p->nr); last++) {
			/* The longest list there may be matters everywhere. */
			if (!prps_page_matters(rig, last) && last - first + 3 < most)
				continue;
			for (i = 0; i < ARRAY_SIZE(starts); i++) {
				u64 from = (u64)first * rig->page + starts[i];
				u64 to = (u64)last * rig->page + ends[i];

				if (from >= to)
					continue;
				if (prps_command_right(rig, from, to - from, &own))
					continue;
				KUNIT_FAIL(test, "pages %u to %u, from %llu to %llu",
					   first, last, from, to);
				return;
			}
		}
	}
	KUNIT_EXPECT_EQ(test, own != 0, p->nr > rig->page / 8 - 1);
}

/* ---- tables ------------------------------------------------------------- */

static void prps_addresses(struct kunit *test)
{
	const struct prps_large *p = test->param_value;
	struct prps_rig *rig = prps_rig(test, p->shift, p->nr, 0);
	u32 per = rig->page / 8 - 1;
	u32 i, slots;

	for (i = 0; i < p->nr; i++)
		if (usher_prps_addr(&rig->prps, i) != prps_data_addr(rig, i))
			KUNIT_FAIL(test, "page %u", i);

	/* Each table but the last leads on to the next; what is unused is zero. */
	for (i = 0; i < rig->prps.nr_tables; i++) {
		bool last = i + 1 == rig->prps.nr_tables;
		u64 chain = le64_to_cpu(rig->prps.tables[i].virt[per]);

		KUNIT_EXPECT_EQ(test, chain, last ? 0 : prps_table_addr(rig, i + 1));
	}
	if (!rig->prps.nr_tables)
		return;
	slots = rig->prps.nr_tables * per;
	for (i = p->nr; i < slots; i++)
		KUNIT_EXPECT_EQ(test, le64_to_cpu(rig->prps.tables[i / per].virt[i % per]), 0);
}

/* ---- snapshots ---------------------------------------------------------- */

#define SNAPSHOT_PAGES	3

static void buffer_snapshot(struct kunit *test)
{
	static const u32 firsts[] = { 0, 4, 2048, 4092 };
	static const u32 lengths[] = { 1, 15, 16, 32, 40, 4095, 4096 };
	struct page *pages[SNAPSHOT_PAGES] = {};
	struct usher_buffer *buf = kunit_kzalloc(test, sizeof(*buf), GFP_KERNEL);
	u8 *copy = kunit_kzalloc(test, USHER_SNAPSHOT_BYTES + 1, GFP_KERNEL);
	u32 f, l, i, offset;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	KUNIT_ASSERT_NOT_NULL(test, copy);
	for (i = 0; i < SNAPSHOT_PAGES; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		if (!pages[i])
			goto free;
	}
	/* Byte n of all the pages tells n modulo a prime. */
	for (i = 0; i < SNAPSHOT_PAGES * PAGE_SIZE; i++)
		((u8 *)page_address(pages[i / PAGE_SIZE]))[i % PAGE_SIZE] = i % 251;
	buf->pin.pages = pages;
	buf->pin.nr_pages = SNAPSHOT_PAGES;

	for (f = 0; f < ARRAY_SIZE(firsts); f++) {
		buf->first = firsts[f];
		for (l = 0; l < ARRAY_SIZE(lengths); l++) {
			for (offset = 0; offset <= 4096; offset += 124) {
				u32 bad = 0;

				copy[lengths[l]] = 0xfe;
				usher_buffer_snapshot(buf, offset, copy, lengths[l]);
				for (i = 0; i < lengths[l]; i++)
					bad += copy[i] != (firsts[f] + offset + i) % 251;
				KUNIT_EXPECT_EQ_MSG(test, bad, 0, "first %u offset %u length %u",
						    firsts[f], offset, lengths[l]);
				KUNIT_EXPECT_EQ(test, copy[lengths[l]], 0xfe);
			}
		}
	}
free:
	KUNIT_EXPECT_NOT_NULL(test, pages[SNAPSHOT_PAGES - 1]);
	for (i = 0; i < SNAPSHOT_PAGES && pages[i]; i++)
		__free_page(pages[i]);
}

static struct kunit_case buffer_cases[] = {
	KUNIT_CASE_PARAM(prps_every_command, prps_small_gen_params),
	KUNIT_CASE_PARAM(prps_linear, prps_small_gen_params),
	KUNIT_CASE_PARAM(prps_boundaries, prps_large_gen_params),
	KUNIT_CASE_PARAM(prps_addresses, prps_large_gen_params),
	KUNIT_CASE(buffer_snapshot),
	{}
};

static struct kunit_suite buffer_suite = {
	.name = "usher-prp",
	.test_cases = buffer_cases,
};

kunit_test_suite(buffer_suite);
