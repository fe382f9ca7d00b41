// SPDX-License-Identifier: GPL-2.0-only
/*
 * usher: tests of the guard. What is allowed is written down here once more,
 * in plain numbers read from the specifications, not taken from guard.c.
 */
#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/sizes.h>

#include "guard/guard.h"

#define NSID			7
#define BUF			5

#define OK			0
#define INVALID_OPCODE		(0x01 | USHER_DNR)
#define INVALID_FIELD		(0x02 | USHER_DNR)
#define TRANSFER_ERROR		(0x04 | USHER_DNR)
#define INVALID_NS		(0x0b | USHER_DNR)
#define LBA_RANGE		(0x80 | USHER_DNR)
#define SIZE_LIMIT		(0x183 | USHER_DNR)
#define ZONE_BOUNDARY		(0x1b8 | USHER_DNR)
#define ACCESS_DENIED		(0x286 | USHER_DNR)

#define OP_FLUSH		0x00
#define OP_WRITE		0x01
#define OP_READ			0x02
#define OP_WRITE_UNCOR		0x04
#define OP_COMPARE		0x05
#define OP_WRITE_ZEROES		0x08
#define OP_DSM			0x09
#define OP_VERIFY		0x0c
#define OP_COPY			0x19
#define OP_ZONE_SEND		0x79
#define OP_ZONE_RECV		0x7a
#define OP_APPEND		0x7d

#define ZONE_CLOSE		0x01
#define ZONE_FINISH		0x02
#define ZONE_OPEN		0x03
#define ZONE_RESET		0x04
#define ZONE_SET_EXT		0x10
#define SELECT_ALL		BIT(8)

#define R			USHER_RIGHT_READ
#define W			USHER_RIGHT_WRITE
#define F			USHER_RIGHT_FLUSH

/*
 * Every command of a ring. Bits set in @allowed reach the device; those in
 * @elsewhere are not single bits but parts of a number, and have tests of
 * their own; all others are Invalid Field. Both are for CDW10 to CDW15.
 */
struct guard_cmd {
	const char *name;
	u8 opcode;
	u32 rights;
	u16 oncs;
	bool zoned;
	enum usher_data data;
	bool blocks;		/* has SLBA and NLB */
	u32 allowed[6];
	u32 elsewhere[6];
};

static const struct guard_cmd guard_cmds[] = {
	{ .name = "flush", .opcode = OP_FLUSH, .rights = F },
	{
		.name = "write", .opcode = OP_WRITE, .rights = W,
		.data = USHER_DATA_READS, .blocks = true,
		.allowed = { 0xffffffff, 0xffffffff, 0xc000ffff, 0xff },
	}, {
		.name = "read", .opcode = OP_READ, .rights = R,
		.data = USHER_DATA_WRITES, .blocks = true,
		.allowed = { 0xffffffff, 0xffffffff, 0xc000ffff, 0xff },
	}, {
		.name = "write uncorrectable", .opcode = OP_WRITE_UNCOR, .rights = W,
		.oncs = BIT(1), .blocks = true,
		.allowed = { 0xffffffff, 0xffffffff, 0xffff },
	}, {
		.name = "compare", .opcode = OP_COMPARE, .rights = R,
		.oncs = BIT(0), .data = USHER_DATA_READS, .blocks = true,
		.allowed = { 0xffffffff, 0xffffffff, 0xc000ffff },
	}, {
		.name = "write zeroes", .opcode = OP_WRITE_ZEROES, .rights = W,
		.oncs = BIT(3), .blocks = true,
		.allowed = { 0xffffffff, 0xffffffff, 0xc200ffff },
	}, {
		.name = "dataset management", .opcode = OP_DSM, .rights = W,
		.oncs = BIT(2), .data = USHER_DATA_SNAPSHOT,
		.allowed = { 0xff, 0x7 },
	}, {
		.name = "verify", .opcode = OP_VERIFY, .rights = R,
		.oncs = BIT(7), .blocks = true,
		.allowed = { 0xffffffff, 0xffffffff, 0xc000ffff },
	}, {
		.name = "copy", .opcode = OP_COPY, .rights = R | W,
		.oncs = BIT(8), .data = USHER_DATA_SNAPSHOT,
		.allowed = { 0xffffffff, 0xffffffff, 0xc0000000 },
		.elsewhere = { 0, 0, 0xfff },
	}, {
		.name = "zone management send", .opcode = OP_ZONE_SEND, .rights = W,
		.zoned = true,
		.allowed = { 0xffffffff, 0xffffffff },
		.elsewhere = { 0, 0, 0, 0x1ff },
	}, {
		.name = "zone management receive", .opcode = OP_ZONE_RECV, .rights = R,
		.zoned = true, .data = USHER_DATA_WRITES,
		.allowed = { 0xffffffff, 0xffffffff, 0x1fffffff, 0x10000 },
		.elsewhere = { 0, 0, 0xe0000000, 0xffff },
	}, {
		.name = "zone append", .opcode = OP_APPEND, .rights = W,
		.zoned = true, .data = USHER_DATA_READS,
		.allowed = { 0xffffffff, 0xffffffff, 0xc000ffff },
	},
};

KUNIT_ARRAY_PARAM_DESC(guard_cmd, guard_cmds, name);

/* May do everything everywhere, in a zoned namespace */
static struct usher_scope guard_wide_scope(void)
{
	return (struct usher_scope) {
		.nsid = NSID,
		.rights = USHER_RIGHTS_ALL,
		.nlb = U64_MAX,
		.whole_ns = true,
		.fmt = {
			.csi = NVME_CSI_ZNS,
			.lba_shift = 9,
			.zone_blocks = 65536,
			.zones_extended = 1,
		},
		.lba_bytes = 512,
		.max_bytes = U32_MAX,
		.append_bytes = U32_MAX,
		.oncs = U16_MAX,
		.verify_blocks = 65536,
		.zeroes_blocks = 65536,
		.uncor_blocks = 65536,
		.max_ranges = 256,
		.range_blocks = U32_MAX,
		.dsm_blocks = U64_MAX,
		.copy_ranges = 256,
		.copy_range_blocks = 65536,
		.copy_blocks = U32_MAX,
		.copy_formats = 0x3,
	};
}

/* Four zones, from the fourth on, of @zone_blocks each */
static struct usher_scope guard_zones_scope(u64 zone_blocks)
{
	struct usher_scope scope = guard_wide_scope();

	scope.whole_ns = false;
	scope.fmt.zone_blocks = zone_blocks;
	scope.slba = 4 * zone_blocks;
	scope.nlb = 4 * zone_blocks;
	return scope;
}

/* The smallest legal command at block 0, with more than enough memory */
static struct usher_sqe guard_sqe(u8 opcode, enum usher_data data)
{
	struct usher_sqe sqe = {
		.opcode = opcode,
		.nsid = cpu_to_le32(NSID),
		.cid = cpu_to_le16(0xbeef),
	};

	if (opcode == OP_ZONE_SEND)
		sqe.cdw13 = cpu_to_le32(ZONE_OPEN);
	if (data != USHER_DATA_NONE) {
		sqe.dptr.offset = cpu_to_le64(0x123456789abcdef0);
		sqe.dptr.length = cpu_to_le32(U32_MAX);
		sqe.dptr.buf = cpu_to_le32(BUF);
	}
	return sqe;
}

static void guard_set_slba(struct usher_sqe *sqe, u64 slba)
{
	sqe->cdw10 = cpu_to_le32(lower_32_bits(slba));
	sqe->cdw11 = cpu_to_le32(upper_32_bits(slba));
}

static void guard_set_nlb(struct usher_sqe *sqe, u32 nlb)
{
	sqe->cdw12 = cpu_to_le32(nlb - 1);
}

/* As for a grant, whose scope is prepared once */
static u16 guard_check(const struct usher_scope *scope, const struct usher_sqe *sqe,
		       struct usher_verdict *v)
{
	struct usher_scope prepared = *scope;

	usher_guard_prepare(&prepared);
	return usher_guard_check(&prepared, sqe, v);
}

static u16 guard_status(const struct usher_scope *scope, const struct usher_sqe *sqe)
{
	struct usher_verdict v;

	return guard_check(scope, sqe, &v);
}

/* What the device gets is @sqe with CID and PRPs for tag and DPTR, and nothing else. */
static void guard_expect_passed(struct kunit *test, const struct usher_scope *scope,
				const struct usher_sqe *sqe, const char *what)
{
	struct nvme_command cmd = {
		.common.opcode = sqe->opcode,
		.common.nsid = sqe->nsid,
		.common.cdw10 = sqe->cdw10,
		.common.cdw11 = sqe->cdw11,
		.common.cdw12 = sqe->cdw12,
		.common.cdw13 = sqe->cdw13,
		.common.command_id = 0x4321,
		.common.dptr.prp1 = cpu_to_le64(0x123456789000),
		.common.dptr.prp2 = cpu_to_le64(0x987654321000),
	};
	struct nvme_command built;
	struct usher_verdict v;

	memset(&v, 0xa5, sizeof(v));
	KUNIT_EXPECT_EQ_MSG(test, guard_check(scope, sqe, &v), OK, "%s", what);
	memset(&built, 0xa5, sizeof(built));
	usher_guard_build(sqe, 0x4321, 0x123456789000, 0x987654321000, &built);
	KUNIT_EXPECT_EQ_MSG(test, memcmp(&built, &cmd, sizeof(cmd)), 0, "%s", what);
}

static const struct guard_cmd *guard_find(u8 opcode)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(guard_cmds); i++)
		if (guard_cmds[i].opcode == opcode)
			return &guard_cmds[i];
	return NULL;
}

/* ---- what holds for every command --------------------------------------- */

static void guard_opcodes(struct kunit *test)
{
	struct usher_scope scope = guard_wide_scope();
	int opcode, csi;

	for (opcode = 0; opcode < 256; opcode++) {
		const struct guard_cmd *c = guard_find(opcode);
		struct usher_sqe sqe = guard_sqe(opcode, c ? c->data : USHER_DATA_NONE);

		for (csi = 0; csi < 256; csi++) {
			bool known = c && (csi == 2 || (csi == 0 && !c->zoned));

			scope.fmt.csi = csi;
			KUNIT_EXPECT_EQ_MSG(test, guard_status(&scope, &sqe),
					    known ? OK : INVALID_OPCODE,
					    "opcode %02x, command set %d", opcode, csi);
		}
	}
}

/* What must come of it when bit @bit of dword @dword is flipped */
static u16 guard_bit_status(const struct guard_cmd *c, int dword, int bit)
{
	switch (dword) {
	case 0:
		return bit < 16 ? INVALID_FIELD : OK;	/* flags, tag */
	case 1:
		return INVALID_NS;
	case 2 ... 5:
		return INVALID_FIELD;			/* CDW2, CDW3, MPTR */
	case 6 ... 9:
		return c->data ? OK : INVALID_FIELD;	/* DPTR */
	default:
		return c->allowed[dword - 10] & BIT(bit) ? OK : INVALID_FIELD;
	}
}

static void guard_bits(struct kunit *test)
{
	const struct guard_cmd *c = test->param_value;
	struct usher_scope scope = guard_wide_scope();
	int dword, bit;
	char what[40];

	for (dword = 0; dword < 16; dword++) {
		/* With zones of one block each block begins a zone. */
		scope.fmt.zone_blocks = dword == 10 || dword == 11 ? 1 : 65536;
		for (bit = dword ? 0 : 8; bit < 32; bit++) {
			struct usher_sqe sqe = guard_sqe(c->opcode, c->data);
			u16 want = guard_bit_status(c, dword, bit);

			if (dword >= 10 && c->elsewhere[dword - 10] & BIT(bit))
				continue;
			/* Enough, and still enough when a bit of it is lost */
			if (dword == 8 && c->data)
				sqe.dptr.length = cpu_to_le32(0x30000);
			((__le32 *)&sqe)[dword] ^= cpu_to_le32(BIT(bit));
			snprintf(what, sizeof(what), "dword %d bit %d", dword, bit);
			KUNIT_EXPECT_EQ_MSG(test, guard_status(&scope, &sqe), want, "%s", what);
			if (want == OK)
				guard_expect_passed(test, &scope, &sqe, what);
		}
	}
}

static void guard_all_allowed_bits(struct kunit *test)
{
	const struct guard_cmd *c = test->param_value;
	struct usher_scope scope = guard_wide_scope();
	struct usher_sqe sqe = guard_sqe(c->opcode, c->data);

	/* All bits of SLBA would be beyond the end. */
	sqe.cdw12 |= cpu_to_le32(c->allowed[2]);
	sqe.cdw13 |= cpu_to_le32(c->allowed[3]);
	guard_expect_passed(test, &scope, &sqe, "all bits");
}

static void guard_rights(struct kunit *test)
{
	const struct guard_cmd *c = test->param_value;
	struct usher_scope scope = guard_wide_scope();
	struct usher_sqe sqe = guard_sqe(c->opcode, c->data);

	for (scope.rights = 0; scope.rights <= USHER_RIGHTS_ALL; scope.rights++) {
		bool has = (scope.rights & c->rights) == c->rights;

		KUNIT_EXPECT_EQ_MSG(test, guard_status(&scope, &sqe),
				    has ? OK : ACCESS_DENIED, "rights %x", scope.rights);
	}
}

static void guard_oncs(struct kunit *test)
{
	const struct guard_cmd *c = test->param_value;
	struct usher_scope scope = guard_wide_scope();
	struct usher_sqe sqe = guard_sqe(c->opcode, c->data);
	int bit;

	scope.oncs = c->oncs;
	KUNIT_EXPECT_EQ(test, guard_status(&scope, &sqe), OK);
	for (bit = 0; bit < 16; bit++) {
		scope.oncs = (u16)~BIT(bit);
		KUNIT_EXPECT_EQ_MSG(test, guard_status(&scope, &sqe),
				    c->oncs == BIT(bit) ? INVALID_OPCODE : OK,
				    "without ONCS bit %d", bit);
	}
}

static void guard_nsid(struct kunit *test)
{
	static const u32 others[] = { 0, 1, NSID - 1, NSID + 1, NSID << 24, U32_MAX - 1, U32_MAX };
	const struct guard_cmd *c = test->param_value;
	struct usher_scope scope = guard_wide_scope();
	struct usher_sqe sqe = guard_sqe(c->opcode, c->data);
	int i;

	for (i = 0; i < ARRAY_SIZE(others); i++) {
		sqe.nsid = cpu_to_le32(others[i]);
		KUNIT_EXPECT_EQ_MSG(test, guard_status(&scope, &sqe), INVALID_NS,
				    "nsid %x", others[i]);
	}
	/* Not even to a grant that says so: that would be all namespaces. */
	scope.nsid = U32_MAX;
	sqe.nsid = cpu_to_le32(U32_MAX);
	KUNIT_EXPECT_EQ(test, guard_status(&scope, &sqe), INVALID_NS);
}

static void guard_direction(struct kunit *test)
{
	const struct guard_cmd *c = test->param_value;
	struct usher_scope scope = guard_wide_scope();
	struct usher_sqe sqe = guard_sqe(c->opcode, c->data);
	struct usher_verdict v;

	KUNIT_ASSERT_EQ(test, guard_check(&scope, &sqe, &v), OK);
	KUNIT_EXPECT_EQ(test, (int)v.data, (int)c->data);
	KUNIT_EXPECT_EQ(test, v.bytes == 0, c->data == USHER_DATA_NONE);
}

/* The memory that @sqe needs, found by trying; 0 for none */
static void guard_expect_bytes(struct kunit *test, const struct usher_scope *scope,
			       struct usher_sqe sqe, u32 bytes, const char *what)
{
	const u32 enough[] = { bytes, bytes + 1, U32_MAX - 1, U32_MAX };
	const u32 short_of[] = { bytes - 1, bytes / 2, 0 };
	struct usher_verdict v;
	int i;

	for (i = 0; i < ARRAY_SIZE(enough); i++) {
		sqe.dptr.length = cpu_to_le32(enough[i]);
		KUNIT_EXPECT_EQ_MSG(test, guard_check(scope, &sqe, &v), OK,
				    "%s: length %u", what, enough[i]);
		KUNIT_EXPECT_EQ_MSG(test, v.bytes, bytes, "%s", what);
	}
	for (i = 0; i < ARRAY_SIZE(short_of); i++) {
		sqe.dptr.length = cpu_to_le32(short_of[i]);
		KUNIT_EXPECT_EQ_MSG(test, guard_status(scope, &sqe), TRANSFER_ERROR,
				    "%s: length %u", what, short_of[i]);
	}
}

/* ---- ranges of blocks --------------------------------------------------- */

#define G	0x100000ULL	/* a grant in the middle of the disk */
#define N	0x20000ULL

struct guard_range {
	const char *name;
	u64 grant_slba;
	u64 grant_nlb;
	u64 slba;
	u32 nlb;
	bool inside;
};

static const struct guard_range guard_ranges[] = {
	{ "first block", G, N, G, 1, true },
	{ "first two blocks", G, N, G, 2, true },
	{ "last block", G, N, G + N - 1, 1, true },
	{ "last two blocks", G, N, G + N - 2, 2, true },
	{ "65536 blocks from the start", G, N, G, 65536, true },
	{ "65536 blocks to the end", G, N, G + N - 65536, 65536, true },
	{ "65536 blocks, the last beyond", G, N, G + N - 65535, 65536, false },
	{ "65536 blocks, the first before", G, N, G - 1, 65536, false },
	{ "block before", G, N, G - 1, 1, false },
	{ "block after", G, N, G + N, 1, false },
	{ "second block after", G, N, G + N + 1, 1, false },
	{ "across the start", G, N, G - 1, 2, false },
	{ "across the end", G, N, G + N - 1, 2, false },
	{ "block 0", G, N, 0, 1, false },
	{ "far beyond", G, N, G << 20, 1, false },
	{ "last of 64 bits", G, N, U64_MAX, 1, false },
	{ "last of 63 bits", G, N, S64_MAX, 1, false },
	{ "end wraps to 0", G, N, U64_MAX - 65535, 65536, false },
	{ "end wraps to 1", G, N, U64_MAX - 65534, 65536, false },
	{ "end wraps into a grant at 0", 0, N, U64_MAX, 2, false },
	{ "end wraps far into a grant at 0", 0, N, U64_MAX, 65536, false },
	{ "end wraps into a grant", 0x1000, N, 0x1000 - 65535ULL, 65536, false },
	{ "low 32 bits would fit", G, N, G + (1ULL << 32), 1, false },
	{ "grant at 0: block 0", 0, N, 0, 1, true },
	{ "grant at 0: block after", 0, N, N, 1, false },
	{ "one block: it", G, 1, G, 1, true },
	{ "one block: two", G, 1, G, 2, false },
	{ "one block: the one before", G, 1, G - 1, 1, false },
	{ "one block: the one after", G, 1, G + 1, 1, false },
	{ "no block", G, 0, G, 1, false },
	{ "all: first", 0, U64_MAX, 0, 1, true },
	{ "all: last", 0, U64_MAX, U64_MAX - 1, 1, true },
	{ "all: beyond", 0, U64_MAX, U64_MAX, 1, false },
	{ "all: across the end", 0, U64_MAX, U64_MAX - 1, 2, false },
	{ "below the top: first", U64_MAX - 16, 16, U64_MAX - 16, 1, true },
	{ "below the top: last", U64_MAX - 16, 16, U64_MAX - 1, 1, true },
	{ "below the top: all", U64_MAX - 16, 16, U64_MAX - 16, 16, true },
	{ "below the top: one too many", U64_MAX - 16, 16, U64_MAX - 16, 17, false },
	{ "below the top: wraps", U64_MAX - 16, 16, U64_MAX - 16, 18, false },
	{ "below the top: after", U64_MAX - 16, 16, U64_MAX, 1, false },
	{ "below the top: before", U64_MAX - 16, 16, U64_MAX - 17, 1, false },
	{ "at the top: last", U64_MAX - 15, 16, U64_MAX, 1, true },
	{ "at the top: all", U64_MAX - 15, 16, U64_MAX - 15, 16, true },
	{ "at the top: wraps", U64_MAX - 15, 16, U64_MAX, 2, false },
	{ "at the top: block 0", U64_MAX - 15, 16, 0, 1, false },
	/* No such grant is made; if one were, it would still have a first block. */
	{ "longer than 64 bits: before", G, U64_MAX, G - 2, 1, false },
};

KUNIT_ARRAY_PARAM_DESC(guard_range, guard_ranges, name);

static struct usher_scope guard_range_scope(const struct guard_range *r)
{
	struct usher_scope scope = guard_wide_scope();

	/* A grant of the whole namespace has to keep to its range, too. */
	scope.slba = r->grant_slba;
	scope.nlb = r->grant_nlb;
	return scope;
}

static void guard_blocks_in_range(struct kunit *test)
{
	const struct guard_range *r = test->param_value;
	struct usher_scope scope = guard_range_scope(r);
	int i;

	for (i = 0; i < ARRAY_SIZE(guard_cmds); i++) {
		const struct guard_cmd *c = &guard_cmds[i];
		struct usher_sqe sqe = guard_sqe(c->opcode, c->data);

		if (!c->blocks)
			continue;
		guard_set_slba(&sqe, r->slba);
		guard_set_nlb(&sqe, r->nlb);
		KUNIT_EXPECT_EQ_MSG(test, guard_status(&scope, &sqe),
				    r->inside ? OK : LBA_RANGE, "%s", c->name);
	}
}

/* ---- lengths ------------------------------------------------------------ */

struct guard_length {
	const char *name;
	u8 lba_shift;
	u16 metadata;
};

static const struct guard_length guard_lengths[] = {
	{ "512", 9, 0 }, { "512 + 8", 9, 8 }, { "512 + 16", 9, 16 },
	{ "1024", 10, 0 }, { "2048", 11, 0 },
	{ "4096", 12, 0 }, { "4096 + 8", 12, 8 }, { "4096 + 64", 12, 64 },
	{ "8192", 13, 0 }, { "16384", 14, 0 }, { "32768", 15, 0 },
	{ "65536", 16, 0 }, { "65536 + 8", 16, 8 }, { "65536 + 65535", 16, 65535 },
};

KUNIT_ARRAY_PARAM_DESC(guard_length, guard_lengths, name);

static void guard_length_scope(const struct guard_length *l, struct usher_scope *scope)
{
	*scope = guard_wide_scope();
	scope->fmt.lba_shift = l->lba_shift;
	scope->fmt.metadata = l->metadata;
	scope->fmt.extended = l->metadata != 0;
	scope->lba_bytes = (1U << l->lba_shift) + l->metadata;
}

static const u8 guard_data_opcodes[] = { OP_READ, OP_WRITE, OP_COMPARE, OP_APPEND };

static void guard_data_length(struct kunit *test)
{
	static const u32 nlbs[] = { 1, 2, 3, 7, 8, 255, 256, 257, 32767, 32768, 65535, 65536 };
	struct usher_scope scope;
	int i, j;

	guard_length_scope(test->param_value, &scope);
	for (i = 0; i < ARRAY_SIZE(guard_data_opcodes); i++) {
		for (j = 0; j < ARRAY_SIZE(nlbs); j++) {
			struct usher_sqe sqe = guard_sqe(guard_data_opcodes[i], USHER_DATA_READS);
			u64 bytes = (u64)nlbs[j] * scope.lba_bytes;
			char what[32];

			guard_set_nlb(&sqe, nlbs[j]);
			snprintf(what, sizeof(what), "opcode %02x nlb %u", sqe.opcode, nlbs[j]);
			if (bytes < U32_MAX)
				guard_expect_bytes(test, &scope, sqe, bytes, what);
			else
				KUNIT_EXPECT_EQ_MSG(test, guard_status(&scope, &sqe),
						    INVALID_FIELD, "%s", what);
		}
	}
}

static void guard_max_transfer(struct kunit *test)
{
	struct usher_scope scope;
	int i;

	guard_length_scope(test->param_value, &scope);
	for (i = 0; i < ARRAY_SIZE(guard_data_opcodes); i++) {
		struct usher_sqe sqe = guard_sqe(guard_data_opcodes[i], USHER_DATA_READS);

		guard_set_nlb(&sqe, 8);
		scope.append_bytes = U32_MAX;
		scope.max_bytes = 8 * scope.lba_bytes;
		KUNIT_EXPECT_EQ(test, guard_status(&scope, &sqe), OK);
		scope.max_bytes--;
		KUNIT_EXPECT_EQ(test, guard_status(&scope, &sqe), INVALID_FIELD);

		/* Zone Append has a limit of its own besides. */
		scope.max_bytes = U32_MAX;
		scope.append_bytes = 8 * scope.lba_bytes;
		KUNIT_EXPECT_EQ(test, guard_status(&scope, &sqe), OK);
		scope.append_bytes--;
		KUNIT_EXPECT_EQ(test, guard_status(&scope, &sqe),
				sqe.opcode == OP_APPEND ? INVALID_FIELD : OK);
	}
}

/* Commands without data have limits of their own, each but for itself. */
static void guard_no_data_limits(struct kunit *test)
{
	static const u8 opcodes[] = { OP_WRITE_UNCOR, OP_WRITE_ZEROES, OP_VERIFY };
	static const u32 nlbs[] = { 1, 2, 255, 256, 65535, 65536 };
	struct usher_scope scope = guard_wide_scope();
	u32 *limits[] = { &scope.uncor_blocks, &scope.zeroes_blocks, &scope.verify_blocks };
	int i, j, nlb;

	scope.max_bytes = 1;
	for (i = 0; i < ARRAY_SIZE(opcodes); i++) {
		for (nlb = 0; nlb < ARRAY_SIZE(nlbs); nlb++) {
			*limits[i] = nlbs[nlb];
			for (j = 0; j < ARRAY_SIZE(opcodes); j++) {
				struct usher_sqe sqe = guard_sqe(opcodes[j], USHER_DATA_NONE);

				guard_set_nlb(&sqe, nlbs[nlb]);
				KUNIT_EXPECT_EQ_MSG(test, guard_status(&scope, &sqe), OK,
						    "opcode %02x", opcodes[j]);
				if (nlbs[nlb] == 65536)
					continue;
				guard_set_nlb(&sqe, nlbs[nlb] + 1);
				KUNIT_EXPECT_EQ_MSG(test, guard_status(&scope, &sqe),
						    i == j ? INVALID_FIELD : OK,
						    "opcode %02x", opcodes[j]);
			}
		}
		*limits[i] = 65536;
	}
}

static void guard_separate_metadata(struct kunit *test)
{
	const struct guard_cmd *c = test->param_value;
	struct usher_scope scope = guard_wide_scope();
	struct usher_sqe sqe = guard_sqe(c->opcode, c->data);
	bool moves_blocks = memchr(guard_data_opcodes, c->opcode, sizeof(guard_data_opcodes));

	scope.fmt.metadata = 8;
	KUNIT_EXPECT_EQ(test, guard_status(&scope, &sqe), moves_blocks ? INVALID_NS : OK);
	scope.fmt.pi = true;
	KUNIT_EXPECT_EQ(test, guard_status(&scope, &sqe), moves_blocks ? INVALID_NS : OK);
	scope.fmt.extended = true;
	scope.lba_bytes = 520;
	KUNIT_EXPECT_EQ(test, guard_status(&scope, &sqe), OK);
}

/* ---- Dataset Management ------------------------------------------------- */

struct guard_dsm_range {
	__le32 context;
	__le32 nlb;
	__le64 slba;
};

static struct usher_sqe guard_dsm_sqe(u32 nr)
{
	struct usher_sqe sqe = guard_sqe(OP_DSM, USHER_DATA_SNAPSHOT);

	sqe.cdw10 = cpu_to_le32(nr - 1);
	sqe.cdw11 = cpu_to_le32(BIT(2));
	return sqe;
}

static u16 guard_dsm_status(const struct usher_scope *scope, u32 nr,
			    const struct guard_dsm_range *ranges)
{
	struct usher_sqe sqe = guard_dsm_sqe(nr);
	struct usher_verdict v;
	u16 status = guard_check(scope, &sqe, &v);

	return status ?: usher_guard_ranges(scope, &sqe, ranges, &v);
}

static void guard_dsm_number(struct kunit *test)
{
	struct usher_scope scope = guard_wide_scope();
	u32 nr;

	for (nr = 1; nr <= 256; nr++) {
		struct usher_sqe sqe = guard_dsm_sqe(nr);

		scope.max_ranges = nr;
		guard_expect_bytes(test, &scope, sqe, nr * 16, "dsm");
		scope.max_ranges = nr - 1;
		KUNIT_EXPECT_EQ_MSG(test, guard_status(&scope, &sqe), SIZE_LIMIT, "nr %u", nr);
	}
}

static void guard_dsm_range(struct kunit *test)
{
	const struct guard_range *r = test->param_value;
	struct usher_scope scope = guard_range_scope(r);
	struct guard_dsm_range range = {
		.nlb = cpu_to_le32(r->nlb),
		.slba = cpu_to_le64(r->slba),
	};

	KUNIT_EXPECT_EQ(test, guard_dsm_status(&scope, 1, &range), r->inside ? OK : LBA_RANGE);
}

static void guard_dsm_long_range(struct kunit *test)
{
	struct usher_scope scope = guard_wide_scope();
	struct guard_dsm_range range = {
		.nlb = cpu_to_le32(U32_MAX),
		.slba = cpu_to_le64(G),
	};

	scope.slba = G;
	scope.nlb = U32_MAX;
	KUNIT_EXPECT_EQ(test, guard_dsm_status(&scope, 1, &range), OK);
	scope.nlb--;
	KUNIT_EXPECT_EQ(test, guard_dsm_status(&scope, 1, &range), LBA_RANGE);
	range.slba = cpu_to_le64(G - U32_MAX);
	KUNIT_EXPECT_EQ(test, guard_dsm_status(&scope, 1, &range), LBA_RANGE);
}

static void guard_dsm_empty_range(struct kunit *test)
{
	struct usher_scope scope = guard_wide_scope();
	struct guard_dsm_range range = {};

	scope.slba = G;
	scope.nlb = N;
	range.slba = cpu_to_le64(G);
	KUNIT_EXPECT_EQ(test, guard_dsm_status(&scope, 1, &range), OK);
	range.slba = cpu_to_le64(G + N);
	KUNIT_EXPECT_EQ(test, guard_dsm_status(&scope, 1, &range), OK);
	range.slba = cpu_to_le64(G - 1);
	KUNIT_EXPECT_EQ(test, guard_dsm_status(&scope, 1, &range), LBA_RANGE);
	range.slba = cpu_to_le64(G + N + 1);
	KUNIT_EXPECT_EQ(test, guard_dsm_status(&scope, 1, &range), LBA_RANGE);
}

static void guard_dsm_limits(struct kunit *test)
{
	struct usher_scope scope = guard_wide_scope();
	struct guard_dsm_range ranges[] = {
		{ .nlb = cpu_to_le32(U32_MAX), .slba = cpu_to_le64(G) },
		{ .nlb = cpu_to_le32(8), .slba = cpu_to_le64(G) },
		{ .nlb = cpu_to_le32(U32_MAX), .slba = cpu_to_le64(G) },
	};

	KUNIT_EXPECT_EQ(test, guard_dsm_status(&scope, 3, ranges), OK);
	scope.range_blocks = U32_MAX - 1;
	KUNIT_EXPECT_EQ(test, guard_dsm_status(&scope, 3, ranges), SIZE_LIMIT);
	KUNIT_EXPECT_EQ(test, guard_dsm_status(&scope, 1, &ranges[1]), OK);
	scope.range_blocks = 8;
	KUNIT_EXPECT_EQ(test, guard_dsm_status(&scope, 1, &ranges[1]), OK);
	scope.range_blocks = 7;
	KUNIT_EXPECT_EQ(test, guard_dsm_status(&scope, 1, &ranges[1]), SIZE_LIMIT);
	/* The sum is counted in more than 32 bits. */
	scope.range_blocks = U32_MAX;
	scope.dsm_blocks = 2ULL * U32_MAX + 8;
	KUNIT_EXPECT_EQ(test, guard_dsm_status(&scope, 3, ranges), OK);
	scope.dsm_blocks--;
	KUNIT_EXPECT_EQ(test, guard_dsm_status(&scope, 3, ranges), SIZE_LIMIT);
}

static void guard_dsm_context(struct kunit *test)
{
	struct usher_scope scope = guard_wide_scope();
	struct guard_dsm_range range = {};
	int bit;

	for (bit = 0; bit < 32; bit++) {
		range.context = cpu_to_le32(BIT(bit));
		KUNIT_EXPECT_EQ_MSG(test, guard_dsm_status(&scope, 1, &range),
				    0xff00073f & BIT(bit) ? OK : INVALID_FIELD, "bit %d", bit);
	}
}

/* One bad range among 256 is found wherever it is; what is behind is not read. */
static void guard_dsm_every_range(struct kunit *test)
{
	struct guard_dsm_range *ranges = kunit_kzalloc(test, 256 * sizeof(*ranges), GFP_KERNEL);
	struct usher_scope scope = guard_wide_scope();
	int i;

	KUNIT_ASSERT_NOT_NULL(test, ranges);
	scope.slba = G;
	scope.nlb = N;
	for (i = 0; i < 256; i++) {
		ranges[i].slba = cpu_to_le64(G + i);
		ranges[i].nlb = cpu_to_le32(1);
	}
	KUNIT_EXPECT_EQ(test, guard_dsm_status(&scope, 256, ranges), OK);
	for (i = 0; i < 256; i++) {
		ranges[i].slba = cpu_to_le64(G + N);
		KUNIT_EXPECT_EQ_MSG(test, guard_dsm_status(&scope, 256, ranges), LBA_RANGE,
				    "range %d", i);
		if (i)
			KUNIT_EXPECT_EQ_MSG(test, guard_dsm_status(&scope, i, ranges), OK,
					    "%d ranges", i);
		ranges[i].slba = cpu_to_le64(G + i);
	}
}

/* ---- Copy --------------------------------------------------------------- */

#define COPY_RANGE_MAX	40

static u32 guard_copy_bytes(u32 format)
{
	return format == 1 ? 40 : 32;
}

static struct usher_sqe guard_copy_sqe(u64 sdlba, u32 format, u32 nr)
{
	struct usher_sqe sqe = guard_sqe(OP_COPY, USHER_DATA_SNAPSHOT);

	guard_set_slba(&sqe, sdlba);
	sqe.cdw12 = cpu_to_le32(format << 8 | (nr - 1));
	return sqe;
}

static void guard_set_copy_range(void *ranges, u32 format, u32 i, u64 slba, u32 nlb)
{
	__le64 *range = ranges + i * guard_copy_bytes(format);

	range[1] = cpu_to_le64(slba);
	*(__le16 *)&range[2] = cpu_to_le16(nlb - 1);
}

static u16 guard_copy_status(const struct usher_scope *scope, u64 sdlba, u32 format, u32 nr,
			     const void *ranges)
{
	struct usher_sqe sqe = guard_copy_sqe(sdlba, format, nr);
	struct usher_verdict v;
	u16 status = guard_check(scope, &sqe, &v);

	return status ?: usher_guard_ranges(scope, &sqe, ranges, &v);
}

static void guard_copy_number(struct kunit *test)
{
	struct usher_scope scope = guard_wide_scope();
	u32 format, nr;

	for (format = 0; format < 2; format++) {
		for (nr = 1; nr <= 256; nr++) {
			struct usher_sqe sqe = guard_copy_sqe(0, format, nr);
			u32 bytes = nr * guard_copy_bytes(format);

			scope.copy_ranges = nr;
			if (bytes <= 4096)
				guard_expect_bytes(test, &scope, sqe, bytes, "copy");
			else
				KUNIT_EXPECT_EQ_MSG(test, guard_status(&scope, &sqe), SIZE_LIMIT,
						    "format %u nr %u", format, nr);
			scope.copy_ranges = nr - 1;
			KUNIT_EXPECT_EQ_MSG(test, guard_status(&scope, &sqe), SIZE_LIMIT,
					    "format %u nr %u", format, nr);
		}
	}
}

static void guard_copy_formats(struct kunit *test)
{
	struct usher_scope scope = guard_wide_scope();
	u32 format, formats;

	for (formats = 0; formats <= U16_MAX; formats++) {
		scope.copy_formats = formats;
		for (format = 0; format < 16; format++) {
			struct usher_sqe sqe = guard_copy_sqe(0, format, 1);
			bool ok = format < 2 && formats & BIT(format);

			if (guard_status(&scope, &sqe) != (ok ? OK : INVALID_FIELD))
				KUNIT_FAIL(test, "format %u of %04x", format, formats);
		}
	}
}

static void guard_copy_source(struct kunit *test)
{
	const struct guard_range *r = test->param_value;
	struct usher_scope scope = guard_range_scope(r);
	u8 range[COPY_RANGE_MAX] __aligned(8) = {};
	u32 format;

	for (format = 0; format < 2; format++) {
		guard_set_copy_range(range, format, 0, r->slba, r->nlb);
		KUNIT_EXPECT_EQ(test, guard_copy_status(&scope, r->grant_slba, format, 1, range),
				r->inside ? OK : LBA_RANGE);
	}
}

/* One block many times over where that makes @nlb blocks, else @nlb at once */
static void guard_copy_target(struct kunit *test)
{
	void *ranges = kunit_kzalloc(test, 4096, GFP_KERNEL);
	const struct guard_range *r = test->param_value;
	struct usher_scope scope = guard_range_scope(r);
	u32 nr = r->nlb <= 100 ? r->nlb : 1;
	u32 format, i;

	KUNIT_ASSERT_NOT_NULL(test, ranges);
	for (format = 0; format < 2; format++) {
		memset(ranges, 0, 4096);
		for (i = 0; i < nr; i++)
			guard_set_copy_range(ranges, format, i, r->grant_slba, r->nlb / nr);
		KUNIT_EXPECT_EQ(test, guard_copy_status(&scope, r->slba, format, nr, ranges),
				r->inside ? OK : LBA_RANGE);
	}
}

/* The destination takes the sum of all ranges. */
static void guard_copy_destination(struct kunit *test)
{
	void *ranges = kunit_kzalloc(test, 4096, GFP_KERNEL);
	struct usher_scope scope = guard_wide_scope();
	u32 format, i;

	KUNIT_ASSERT_NOT_NULL(test, ranges);
	scope.slba = G;
	scope.nlb = 100 * 65536;
	for (format = 0; format < 2; format++) {
		memset(ranges, 0, 4096);
		for (i = 0; i < 100; i++)
			guard_set_copy_range(ranges, format, i, G, 65536);
		KUNIT_EXPECT_EQ(test, guard_copy_status(&scope, G, format, 100, ranges), OK);
		KUNIT_EXPECT_EQ(test, guard_copy_status(&scope, G + 1, format, 100, ranges),
				LBA_RANGE);
		KUNIT_EXPECT_EQ(test, guard_copy_status(&scope, G - 1, format, 100, ranges),
				LBA_RANGE);
		guard_set_copy_range(ranges, format, 99, G, 65535);
		KUNIT_EXPECT_EQ(test, guard_copy_status(&scope, G + 1, format, 100, ranges), OK);
	}
}

static void guard_copy_every_range(struct kunit *test)
{
	void *ranges = kunit_kzalloc(test, 4096, GFP_KERNEL);
	struct usher_scope scope = guard_wide_scope();
	u32 format, i;

	KUNIT_ASSERT_NOT_NULL(test, ranges);
	scope.slba = G;
	scope.nlb = N;
	for (format = 0; format < 2; format++) {
		u32 nr = 4096 / guard_copy_bytes(format);

		memset(ranges, 0, 4096);
		for (i = 0; i < nr; i++)
			guard_set_copy_range(ranges, format, i, G + i, 1);
		KUNIT_EXPECT_EQ(test, guard_copy_status(&scope, G, format, nr, ranges), OK);
		for (i = 0; i < nr; i++) {
			guard_set_copy_range(ranges, format, i, G + N, 1);
			KUNIT_EXPECT_EQ_MSG(test, guard_copy_status(&scope, G, format, nr, ranges),
					    LBA_RANGE, "format %u range %u", format, i);
			if (i)
				KUNIT_EXPECT_EQ(test, guard_copy_status(&scope, G, format, i,
									ranges), OK);
			guard_set_copy_range(ranges, format, i, G + i, 1);
		}
	}
}

static void guard_copy_range_bits(struct kunit *test)
{
	struct usher_scope scope = guard_wide_scope();
	u32 format, byte, bit;

	for (format = 0; format < 2; format++) {
		for (byte = 0; byte < guard_copy_bytes(format); byte++) {
			for (bit = 0; bit < 8; bit++) {
				u8 range[COPY_RANGE_MAX] __aligned(8) = {};
				bool ok = byte >= 8 && byte < 18;	/* SLBA, NLB */

				range[byte] = BIT(bit);
				KUNIT_EXPECT_EQ_MSG(test,
						    guard_copy_status(&scope, 0, format, 1, range),
						    ok ? OK : INVALID_FIELD,
						    "format %u byte %u bit %u", format, byte, bit);
			}
		}
	}
}

static void guard_copy_limits(struct kunit *test)
{
	struct usher_scope scope = guard_wide_scope();
	u8 ranges[2 * COPY_RANGE_MAX] __aligned(8) = {};

	guard_set_copy_range(ranges, 0, 0, G, 8);
	guard_set_copy_range(ranges, 0, 1, G, 16);
	scope.copy_range_blocks = 16;
	KUNIT_EXPECT_EQ(test, guard_copy_status(&scope, 0, 0, 2, ranges), OK);
	scope.copy_range_blocks = 15;
	KUNIT_EXPECT_EQ(test, guard_copy_status(&scope, 0, 0, 2, ranges), SIZE_LIMIT);
	scope.copy_range_blocks = 16;
	scope.copy_blocks = 24;
	KUNIT_EXPECT_EQ(test, guard_copy_status(&scope, 0, 0, 2, ranges), OK);
	scope.copy_blocks = 23;
	KUNIT_EXPECT_EQ(test, guard_copy_status(&scope, 0, 0, 2, ranges), SIZE_LIMIT);
}

/* ---- zones -------------------------------------------------------------- */

struct guard_zone {
	const char *name;
	u64 zone_blocks;
	s64 skip;		/* what the grant leaves out at its start */
	s64 cut;		/* and at its end */
	u64 slba;
	u16 want;
};

#define Z	0x1000ULL
#define ODD	3000ULL		/* zones need not be a power of two */

static const struct guard_zone guard_zones[] = {
	{ "first", Z, 0, 0, 4 * Z, OK },
	{ "last", Z, 0, 0, 7 * Z, OK },
	{ "before", Z, 0, 0, 3 * Z, LBA_RANGE },
	{ "after", Z, 0, 0, 8 * Z, LBA_RANGE },
	{ "second block", Z, 0, 0, 4 * Z + 1, INVALID_FIELD },
	{ "last block", Z, 0, 0, 5 * Z - 1, INVALID_FIELD },
	{ "middle of the last", Z, 0, 0, 7 * Z + Z / 2, INVALID_FIELD },
	{ "first is cut", Z, 1, 0, 4 * Z, LBA_RANGE },
	{ "all but a block is cut", Z, Z - 1, 0, 4 * Z, LBA_RANGE },
	{ "behind the cut one", Z, 1, 0, 5 * Z, OK },
	{ "last is cut", Z, 0, 1, 7 * Z, LBA_RANGE },
	{ "only its first block is left", Z, 0, Z - 1, 7 * Z, LBA_RANGE },
	{ "before the cut one", Z, 0, 1, 6 * Z, OK },
	{ "odd: first", ODD, 0, 0, 4 * ODD, OK },
	{ "odd: last", ODD, 0, 0, 7 * ODD, OK },
	{ "odd: before", ODD, 0, 0, 3 * ODD, LBA_RANGE },
	{ "odd: after", ODD, 0, 0, 8 * ODD, LBA_RANGE },
	{ "odd: power of two", ODD, 0, 0, 16384, INVALID_FIELD },
	{ "top zone of 64 bits", Z, 0, 0, -Z, LBA_RANGE },
	{ "zones of no blocks", 0, 0, 0, 0, INVALID_FIELD },
	{ "zones of one block", 1, 0, 0, 7, OK },
};

KUNIT_ARRAY_PARAM_DESC(guard_zone, guard_zones, name);

static void guard_zone_in_grant(struct kunit *test)
{
	static const u8 opcodes[] = { OP_APPEND, OP_ZONE_SEND, OP_ZONE_RECV };
	static const u8 actions[] = {
		ZONE_CLOSE, ZONE_FINISH, ZONE_OPEN, ZONE_RESET, ZONE_SET_EXT,
	};
	const struct guard_zone *z = test->param_value;
	struct usher_scope scope = guard_zones_scope(z->zone_blocks);
	int i, j;

	scope.slba += z->skip;
	scope.nlb -= z->skip + z->cut;
	for (i = 0; i < ARRAY_SIZE(opcodes); i++) {
		struct usher_sqe sqe = guard_sqe(opcodes[i], USHER_DATA_READS);

		guard_set_slba(&sqe, z->slba);
		if (opcodes[i] != OP_ZONE_SEND) {
			KUNIT_EXPECT_EQ_MSG(test, guard_status(&scope, &sqe), z->want,
					    "opcode %02x", opcodes[i]);
			continue;
		}
		for (j = 0; j < ARRAY_SIZE(actions); j++) {
			if (actions[j] != ZONE_SET_EXT)
				memset(&sqe.dptr, 0, sizeof(sqe.dptr));
			else
				sqe.dptr.length = cpu_to_le32(64);
			sqe.cdw13 = cpu_to_le32(actions[j]);
			KUNIT_EXPECT_EQ_MSG(test, guard_status(&scope, &sqe), z->want,
					    "zone action %02x", actions[j]);
		}
	}
}

static void guard_append_within_zone(struct kunit *test)
{
	struct usher_scope scope = guard_zones_scope(256);
	struct usher_sqe sqe = guard_sqe(OP_APPEND, USHER_DATA_READS);

	guard_set_slba(&sqe, 4 * 256);
	guard_set_nlb(&sqe, 256);
	KUNIT_EXPECT_EQ(test, guard_status(&scope, &sqe), OK);
	guard_set_nlb(&sqe, 257);
	KUNIT_EXPECT_EQ(test, guard_status(&scope, &sqe), ZONE_BOUNDARY);
}

static bool guard_zone_action_known(u32 action)
{
	return (action >= ZONE_CLOSE && action <= ZONE_RESET) || action == ZONE_SET_EXT;
}

/* All values of the action, with and without Select All */
static void guard_zone_actions(struct kunit *test)
{
	struct usher_scope scope = guard_zones_scope(Z);
	u32 cdw13;

	for (cdw13 = 0; cdw13 < 1024; cdw13++) {
		bool ext = (cdw13 & 0xff) == ZONE_SET_EXT;
		bool all = cdw13 & SELECT_ALL;
		struct usher_sqe sqe = guard_sqe(OP_ZONE_SEND,
						 ext ? USHER_DATA_READS : USHER_DATA_NONE);
		u16 want = OK;

		guard_set_slba(&sqe, 4 * Z);
		sqe.cdw13 = cpu_to_le32(cdw13);
		if (cdw13 >> 9 || !guard_zone_action_known(cdw13 & 0xff) || (all && ext))
			want = INVALID_FIELD;

		scope.whole_ns = true;
		KUNIT_EXPECT_EQ_MSG(test, guard_status(&scope, &sqe), want, "CDW13 %x", cdw13);
		if (want == OK)
			guard_expect_passed(test, &scope, &sqe, "zone action");
		scope.whole_ns = false;
		if (want == OK && all)
			want = ACCESS_DENIED;
		KUNIT_EXPECT_EQ_MSG(test, guard_status(&scope, &sqe), want,
				    "part of the namespace, CDW13 %x", cdw13);
	}
}

static void guard_zone_extension(struct kunit *test)
{
	struct usher_scope scope = guard_zones_scope(Z);
	struct usher_sqe sqe = guard_sqe(OP_ZONE_SEND, USHER_DATA_READS);
	struct usher_verdict v;
	u32 units;

	guard_set_slba(&sqe, 4 * Z);
	sqe.cdw13 = cpu_to_le32(ZONE_SET_EXT);
	scope.fmt.zones_extended = 0;
	KUNIT_EXPECT_EQ(test, guard_status(&scope, &sqe), INVALID_FIELD);
	for (units = 1; units < 256; units++) {
		scope.fmt.zones_extended = units;
		guard_expect_bytes(test, &scope, sqe, units * 64, "extension");
		KUNIT_EXPECT_EQ(test, guard_check(&scope, &sqe, &v), OK);
		KUNIT_EXPECT_EQ(test, (int)v.data, (int)USHER_DATA_READS);
	}
}

struct guard_report {
	const char *name;
	u64 zone_blocks;
	u32 zra;
	u32 from;		/* zone; the grant has 4 to 7 */
	u64 bytes;
	u16 want;
};

static const struct guard_report guard_reports[] = {
	{ "four zones of four", Z, 0, 4, 64 + 4 * 64, OK },
	{ "a piece of a fifth", Z, 0, 4, 64 + 4 * 64 + 4, LBA_RANGE },
	{ "five", Z, 0, 4, 64 + 5 * 64, LBA_RANGE },
	{ "last", Z, 0, 7, 64 + 64, OK },
	{ "last and a piece", Z, 0, 7, 64 + 64 + 4, LBA_RANGE },
	{ "last, cut off", Z, 0, 7, 64 + 60, OK },
	{ "header", Z, 0, 7, 64, OK },
	{ "piece of the header", Z, 0, 7, 4, OK },
	{ "header, before", Z, 0, 3, 64, LBA_RANGE },
	{ "header, after", Z, 0, 8, 64, LBA_RANGE },
	{ "extended: four zones of four", Z, 1, 4, 64 + 4 * 192, OK },
	{ "extended: a piece of a fifth", Z, 1, 4, 64 + 4 * 192 + 4, LBA_RANGE },
	{ "extended: last", Z, 1, 7, 64 + 192, OK },
	{ "extended: last and a piece", Z, 1, 7, 64 + 192 + 4, LBA_RANGE },
	{ "all that NUMD can say", Z, 0, 4, 1ULL << 34, LBA_RANGE },
	{ "zones that wrap 64 bits", 1ULL << 60, 0, 4, 64 + 64 * 16, LBA_RANGE },
	{ "zones that wrap to nothing", 1ULL << 60, 0, 4, 64 + 64 * 17, LBA_RANGE },
};

KUNIT_ARRAY_PARAM_DESC(guard_report, guard_reports, name);

static void guard_zone_report(struct kunit *test)
{
	const struct guard_report *r = test->param_value;
	struct usher_scope scope = guard_zones_scope(r->zone_blocks);
	struct usher_sqe sqe = guard_sqe(OP_ZONE_RECV, USHER_DATA_WRITES);

	scope.fmt.zones_extended = 2;
	guard_set_slba(&sqe, r->from * r->zone_blocks);
	sqe.cdw12 = cpu_to_le32(r->bytes / 4 - 1);
	sqe.cdw13 = cpu_to_le32(r->zra);
	if (r->want == OK)
		guard_expect_bytes(test, &scope, sqe, r->bytes, r->name);
	else
		KUNIT_EXPECT_EQ(test, guard_status(&scope, &sqe), r->want);
	/* Partial Report changes a count in the header, nothing else. */
	sqe.cdw13 |= cpu_to_le32(BIT(16));
	KUNIT_EXPECT_EQ(test, guard_status(&scope, &sqe), r->want);
}

static void guard_zone_report_whole(struct kunit *test)
{
	struct usher_scope scope = guard_zones_scope(Z);
	struct usher_sqe sqe = guard_sqe(OP_ZONE_RECV, USHER_DATA_WRITES);

	scope.whole_ns = true;
	guard_set_slba(&sqe, 4 * Z);
	sqe.cdw12 = cpu_to_le32(SZ_1M / 4 - 1);
	scope.max_bytes = SZ_1M;
	guard_expect_bytes(test, &scope, sqe, SZ_1M, "whole");
	scope.max_bytes = SZ_1M - 1;
	KUNIT_EXPECT_EQ(test, guard_status(&scope, &sqe), INVALID_FIELD);
	scope.max_bytes = U32_MAX;
	sqe.cdw12 = cpu_to_le32(BIT(30) - 2);
	KUNIT_EXPECT_EQ(test, guard_status(&scope, &sqe), OK);
	/* 4 GiB and more, in dwords */
	sqe.cdw12 = cpu_to_le32(BIT(30) - 1);
	KUNIT_EXPECT_EQ(test, guard_status(&scope, &sqe), INVALID_FIELD);
	sqe.cdw12 = cpu_to_le32(BIT(30));
	KUNIT_EXPECT_EQ(test, guard_status(&scope, &sqe), INVALID_FIELD);
	sqe.cdw12 = cpu_to_le32(U32_MAX);
	KUNIT_EXPECT_EQ(test, guard_status(&scope, &sqe), INVALID_FIELD);
}

/* All values of action and filter */
static void guard_zone_report_kinds(struct kunit *test)
{
	struct usher_scope scope = guard_zones_scope(Z);
	u32 cdw13;
	int ext;

	for (ext = 0; ext < 2; ext++) {
		scope.fmt.zones_extended = ext;
		for (cdw13 = 0; cdw13 <= U16_MAX; cdw13++) {
			struct usher_sqe sqe = guard_sqe(OP_ZONE_RECV, USHER_DATA_WRITES);
			u32 action = cdw13 & 0xff;
			u16 want = action <= ext ? OK : INVALID_FIELD;

			guard_set_slba(&sqe, 4 * Z);
			sqe.cdw13 = cpu_to_le32(cdw13);
			scope.whole_ns = true;
			if (guard_status(&scope, &sqe) != want)
				KUNIT_FAIL(test, "whole namespace, CDW13 %x", cdw13);
			scope.whole_ns = false;
			if (want == OK && cdw13 >> 8)
				want = ACCESS_DENIED;
			if (guard_status(&scope, &sqe) != want)
				KUNIT_FAIL(test, "part of the namespace, CDW13 %x", cdw13);
		}
	}
}

/* ---- formats ------------------------------------------------------------ */

static void guard_formats(struct kunit *test)
{
	const struct usher_format a = {
		.csi = NVME_CSI_ZNS, .lba_shift = 12, .metadata = 8, .extended = true, .pi = true,
		.zone_blocks = Z, .zones_extended = 1, .nguid = { 1, 2, 3 }, .eui64 = { 4, 5, 6 },
		.uuid = { 7, 8, 9 },
	};
	struct usher_format b;

	/* Padding has no say. */
	memset(&b, 0xff, sizeof(b));
	b.csi = a.csi;
	b.lba_shift = a.lba_shift;
	b.metadata = a.metadata;
	b.extended = a.extended;
	b.pi = a.pi;
	b.zone_blocks = a.zone_blocks;
	b.zones_extended = a.zones_extended;
	memcpy(b.nguid, a.nguid, sizeof(b.nguid));
	memcpy(b.eui64, a.eui64, sizeof(b.eui64));
	memcpy(b.uuid, a.uuid, sizeof(b.uuid));
	KUNIT_EXPECT_TRUE(test, usher_format_equal(&a, &b));

#define GUARD_EXPECT_DIFFERENT(change) do {			\
	b = a;							\
	change;							\
	KUNIT_EXPECT_FALSE(test, usher_format_equal(&a, &b));	\
	KUNIT_EXPECT_FALSE(test, usher_format_equal(&b, &a));	\
} while (0)
	GUARD_EXPECT_DIFFERENT(b.csi = NVME_CSI_NVM);
	GUARD_EXPECT_DIFFERENT(b.lba_shift = 9);
	GUARD_EXPECT_DIFFERENT(b.metadata = 64);
	GUARD_EXPECT_DIFFERENT(b.extended = false);
	GUARD_EXPECT_DIFFERENT(b.pi = false);
	GUARD_EXPECT_DIFFERENT(b.zone_blocks *= 2);
	GUARD_EXPECT_DIFFERENT(b.uuid[15] = 1);
	GUARD_EXPECT_DIFFERENT(b.zone_blocks += 1ULL << 32);
	GUARD_EXPECT_DIFFERENT(b.zones_extended = 0);
	GUARD_EXPECT_DIFFERENT(b.nguid[0] ^= 1);
	GUARD_EXPECT_DIFFERENT(b.nguid[15] ^= 1);
	GUARD_EXPECT_DIFFERENT(b.eui64[0] ^= 1);
	GUARD_EXPECT_DIFFERENT(b.eui64[7] ^= 1);
#undef GUARD_EXPECT_DIFFERENT
}

/* ---- random commands against a plain model ------------------------------ */

/*
 * The model says only whether a command may pass, and how many bytes it
 * moves; it counts in 128 bits, where nothing of ours can overflow.
 */
static bool guard_model_in_grant(const struct usher_scope *scope, u128 slba, u128 nlb)
{
	return slba >= scope->slba && slba + nlb <= (u128)scope->slba + scope->nlb;
}

static bool guard_model_zones(const struct usher_scope *scope, u64 slba, u128 zones)
{
	return slba % scope->fmt.zone_blocks == 0 &&
	       guard_model_in_grant(scope, slba, zones * scope->fmt.zone_blocks);
}

static bool guard_model_moves_blocks(const struct guard_cmd *c)
{
	return memchr(guard_data_opcodes, c->opcode, sizeof(guard_data_opcodes));
}

static bool guard_model(const struct usher_scope *scope, const struct usher_sqe *sqe, u64 *bytes)
{
	const struct guard_cmd *c = guard_find(sqe->opcode);
	u32 cdw10 = le32_to_cpu(sqe->cdw10);
	u32 cdw12 = le32_to_cpu(sqe->cdw12);
	u32 cdw13 = le32_to_cpu(sqe->cdw13);
	u64 slba = (u64)le32_to_cpu(sqe->cdw11) << 32 | cdw10;
	u32 nlb = (cdw12 & 0xffff) + 1;
	const __le32 *cdw = &sqe->cdw10;
	u32 nr, desc;
	int i;

	*bytes = 0;
	if (!c || (c->zoned && scope->fmt.csi != NVME_CSI_ZNS))
		return false;
	if (c->oncs & ~scope->oncs || c->rights & ~scope->rights)
		return false;
	if (sqe->flags || sqe->cdw2 || sqe->cdw3 || sqe->mptr)
		return false;
	for (i = 0; i < 6; i++)
		if (le32_to_cpu(cdw[i]) & ~(c->allowed[i] | c->elsewhere[i]))
			return false;
	if (le32_to_cpu(sqe->nsid) != scope->nsid)
		return false;

	if (guard_model_moves_blocks(c)) {
		*bytes = (u64)nlb * scope->lba_bytes;
		if (scope->fmt.metadata && !scope->fmt.extended)
			return false;
	}
	if (c->blocks && !guard_model_in_grant(scope, slba, nlb))
		return false;
	if ((c->opcode == OP_VERIFY && nlb > scope->verify_blocks) ||
	    (c->opcode == OP_WRITE_ZEROES && nlb > scope->zeroes_blocks) ||
	    (c->opcode == OP_WRITE_UNCOR && nlb > scope->uncor_blocks))
		return false;

	switch (c->opcode) {
	case OP_DSM:
		nr = (cdw10 & 0xff) + 1;
		*bytes = nr * 16;
		if (nr > scope->max_ranges)
			return false;
		break;
	case OP_COPY:
		nr = (cdw12 & 0xff) + 1;
		*bytes = nr * guard_copy_bytes(cdw12 >> 8 & 0xf);
		if ((cdw12 >> 8 & 0xf) > 1 || !(scope->copy_formats >> (cdw12 >> 8 & 0xf) & 1) ||
		    nr > scope->copy_ranges || *bytes > 4096 ||
		    !guard_model_in_grant(scope, slba, nr))
			return false;
		break;
	case OP_APPEND:
		if (!guard_model_zones(scope, slba, 1) || nlb > scope->fmt.zone_blocks ||
		    *bytes > scope->append_bytes)
			return false;
		break;
	case OP_ZONE_SEND:
		if (!guard_zone_action_known(cdw13 & 0xff))
			return false;
		if ((cdw13 & 0xff) == ZONE_SET_EXT) {
			*bytes = scope->fmt.zones_extended * 64;
			if (cdw13 & SELECT_ALL || !*bytes)
				return false;
		}
		if (cdw13 & SELECT_ALL ? !scope->whole_ns : !guard_model_zones(scope, slba, 1))
			return false;
		break;
	case OP_ZONE_RECV:
		*bytes = (cdw12 + 1ULL) * 4;
		desc = 64 + ((cdw13 & 0xff) ? scope->fmt.zones_extended * 64 : 0);
		if ((cdw13 & 0xff) > 1 || ((cdw13 & 0xff) && desc == 64))
			return false;
		if (cdw13 >> 8 & 0xff && !scope->whole_ns)
			return false;
		nr = 1;
		if (!scope->whole_ns && *bytes > 64)
			nr = (*bytes - 64 + desc - 1) / desc;
		if (!guard_model_zones(scope, slba, nr))
			return false;
		break;
	}

	if (*bytes)
		return *bytes <= scope->max_bytes && *bytes <= le32_to_cpu(sqe->dptr.length);
	return !sqe->dptr.offset && !sqe->dptr.length && !sqe->dptr.buf;
}

static u32 guard_random_below(struct rnd_state *rnd, u32 ceiling)
{
	return prandom_u32_state(rnd) % ceiling;
}

static bool guard_one_in(struct rnd_state *rnd, u32 n)
{
	return !guard_random_below(rnd, n);
}

static void guard_random_scope(struct rnd_state *rnd, struct usher_scope *scope)
{
	*scope = guard_wide_scope();
	scope->fmt.csi = guard_one_in(rnd, 4) ? NVME_CSI_NVM : NVME_CSI_ZNS;
	scope->fmt.zone_blocks = guard_one_in(rnd, 2) ? 1 + guard_random_below(rnd, 64) : 16;
	scope->fmt.zones_extended = guard_random_below(rnd, 3);
	scope->slba = scope->fmt.zone_blocks * guard_random_below(rnd, 8);
	scope->nlb = scope->fmt.zone_blocks * guard_random_below(rnd, 8);
	if (guard_one_in(rnd, 8))
		scope->slba = U64_MAX - guard_random_below(rnd, 128) - scope->nlb;
	scope->whole_ns = guard_one_in(rnd, 2);
	scope->lba_bytes = 512 << guard_random_below(rnd, 8);
	if (guard_one_in(rnd, 4)) {
		scope->fmt.metadata = 8;
		scope->fmt.extended = guard_one_in(rnd, 2);
		scope->lba_bytes += scope->fmt.extended ? 8 : 0;
	}
	scope->max_bytes = guard_one_in(rnd, 2) ? SZ_128K : SZ_2M;
	scope->append_bytes = SZ_64K;
	scope->verify_blocks = 1 + guard_random_below(rnd, 256);
	scope->zeroes_blocks = 1 + guard_random_below(rnd, 256);
	scope->uncor_blocks = 1 + guard_random_below(rnd, 256);
	scope->max_ranges = 1 + guard_random_below(rnd, 256);
	scope->copy_ranges = 1 + guard_random_below(rnd, 256);
	if (guard_one_in(rnd, 8))
		scope->rights = guard_random_below(rnd, 16);
	if (guard_one_in(rnd, 8))
		scope->oncs = prandom_u32_state(rnd);
}

/* Likely to be good, so that what is wrong is one thing */
static void guard_random_sqe(struct rnd_state *rnd, const struct usher_scope *scope,
			     struct usher_sqe *sqe)
{
	const struct guard_cmd *c = &guard_cmds[guard_random_below(rnd, ARRAY_SIZE(guard_cmds))];
	u64 slba = scope->slba;

	*sqe = guard_sqe(c->opcode, c->data);
	if (c->zoned)
		slba += scope->fmt.zone_blocks * guard_random_below(rnd, 8);
	if (!c->zoned || guard_one_in(rnd, 8))
		slba += guard_random_below(rnd, 130) - 1;
	if (c->allowed[0] == U32_MAX)
		guard_set_slba(sqe, slba);
	else
		sqe->cdw10 = cpu_to_le32(prandom_u32_state(rnd) & c->allowed[0]);
	if (c->opcode == OP_COPY)
		sqe->cdw12 = cpu_to_le32(guard_random_below(rnd, 3) << 8 |
					 guard_random_below(rnd, 256));
	else
		sqe->cdw12 = cpu_to_le32(guard_random_below(rnd, 130) & c->allowed[2]);
	if (c->opcode == OP_ZONE_SEND)
		sqe->cdw13 = cpu_to_le32(guard_random_below(rnd, 0x12) |
					 guard_random_below(rnd, 2) << 8);
	if (c->opcode == OP_ZONE_RECV)
		sqe->cdw13 = cpu_to_le32(guard_random_below(rnd, 3) |
					 guard_random_below(rnd, 2) << 8);
	if (c->data)
		sqe->dptr.length = cpu_to_le32(guard_random_below(rnd, SZ_1M));
	if (c->opcode == OP_ZONE_SEND && guard_one_in(rnd, 2))
		sqe->dptr.length = cpu_to_le32(guard_random_below(rnd, 256));
	if (guard_one_in(rnd, 8))
		((__le32 *)sqe)[guard_random_below(rnd, 16)] ^=
			cpu_to_le32(BIT(guard_random_below(rnd, 32)));
}

static void guard_random(struct kunit *test)
{
	const u64 seed = 0x7573686572;
	u32 passed = 0, refused = 0, i;
	struct rnd_state rnd;

	kunit_info(test, "seed %llx", seed);
	prandom_seed_state(&rnd, seed);
	for (i = 0; i < 100000; i++) {
		struct usher_scope scope;
		struct usher_verdict v;
		struct usher_sqe sqe;
		u16 status;
		u64 bytes;
		bool good;

		guard_random_scope(&rnd, &scope);
		guard_random_sqe(&rnd, &scope, &sqe);
		good = guard_model(&scope, &sqe, &bytes);
		status = guard_check(&scope, &sqe, &v);
		if (good != !status || (good && v.bytes != bytes)) {
			KUNIT_FAIL(test, "round %u, opcode %02x: status %x, model %s, %llu bytes",
				   i, sqe.opcode, status, good ? "passes" : "refuses", bytes);
			return;
		}
		passed += good;
		refused += !good;
	}
	/* A test that never passes a command, or never refuses one, tests nothing. */
	KUNIT_EXPECT_GT(test, passed, i / 10);
	KUNIT_EXPECT_GT(test, refused, i / 10);
}

static struct kunit_case guard_cases[] = {
	KUNIT_CASE(guard_opcodes),
	KUNIT_CASE_PARAM(guard_bits, guard_cmd_gen_params),
	KUNIT_CASE_PARAM(guard_all_allowed_bits, guard_cmd_gen_params),
	KUNIT_CASE_PARAM(guard_rights, guard_cmd_gen_params),
	KUNIT_CASE_PARAM(guard_oncs, guard_cmd_gen_params),
	KUNIT_CASE_PARAM(guard_nsid, guard_cmd_gen_params),
	KUNIT_CASE_PARAM(guard_direction, guard_cmd_gen_params),
	KUNIT_CASE_PARAM(guard_blocks_in_range, guard_range_gen_params),
	KUNIT_CASE_PARAM(guard_data_length, guard_length_gen_params),
	KUNIT_CASE_PARAM(guard_max_transfer, guard_length_gen_params),
	KUNIT_CASE(guard_no_data_limits),
	KUNIT_CASE_PARAM(guard_separate_metadata, guard_cmd_gen_params),
	KUNIT_CASE(guard_dsm_number),
	KUNIT_CASE_PARAM(guard_dsm_range, guard_range_gen_params),
	KUNIT_CASE(guard_dsm_long_range),
	KUNIT_CASE(guard_dsm_empty_range),
	KUNIT_CASE(guard_dsm_limits),
	KUNIT_CASE(guard_dsm_context),
	KUNIT_CASE(guard_dsm_every_range),
	KUNIT_CASE(guard_copy_number),
	KUNIT_CASE(guard_copy_formats),
	KUNIT_CASE_PARAM(guard_copy_source, guard_range_gen_params),
	KUNIT_CASE_PARAM(guard_copy_target, guard_range_gen_params),
	KUNIT_CASE(guard_copy_destination),
	KUNIT_CASE(guard_copy_every_range),
	KUNIT_CASE(guard_copy_range_bits),
	KUNIT_CASE(guard_copy_limits),
	KUNIT_CASE_PARAM(guard_zone_in_grant, guard_zone_gen_params),
	KUNIT_CASE(guard_append_within_zone),
	KUNIT_CASE(guard_zone_actions),
	KUNIT_CASE(guard_zone_extension),
	KUNIT_CASE_PARAM(guard_zone_report, guard_report_gen_params),
	KUNIT_CASE(guard_zone_report_whole),
	KUNIT_CASE(guard_zone_report_kinds),
	KUNIT_CASE(guard_formats),
	KUNIT_CASE(guard_random),
	{}
};

static struct kunit_suite guard_suite = {
	.name = "usher-guard",
	.test_cases = guard_cases,
};

kunit_test_suite(guard_suite);
