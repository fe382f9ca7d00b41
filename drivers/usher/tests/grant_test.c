// SPDX-License-Identifier: GPL-2.0-only
/*
 * usher: tests of narrowing, charging and ending grants.
 */
#include "grant/grant.h"
#include "rig.h"

#define BLOCKS		0x100000ULL

static const struct usher_limits grant_limits = {
	.pinned_bytes = SZ_1G,
	.rings = 64,
	.ring_depth = 1024,
};

static void grant_exit(struct kunit *test)
{
	if (test->priv)
		usher_rig_exit(test, test->priv);
}

static int grant_init(struct kunit *test)
{
	struct usher_rig *rig = kunit_kzalloc(test, sizeof(*rig), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, rig);
	test->priv = rig;
	usher_rig_init(test, rig, "usher-grant");
	return 0;
}

static struct usher_device *grant_device(struct kunit *test)
{
	struct usher_rig *rig = test->priv;

	return &rig->ud;
}

static struct usher_grant *grant_of_all(struct kunit *test)
{
	struct usher_scope scope = usher_rig_scope(BLOCKS);
	struct usher_grant *grant = usher_grant_alloc(grant_device(test), NULL, &scope,
						      &grant_limits);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, grant);
	return grant;
}

/* A grant below @parent, that may do all that @parent may */
static struct usher_grant *grant_below(struct kunit *test, struct usher_grant *parent)
{
	struct usher_grant *grant = usher_grant_alloc(grant_device(test), parent, &parent->scope,
						      &parent->limits);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, grant);
	return grant;
}

/* ---- narrowing: ranges -------------------------------------------------- */

#define G	0x10000ULL
#define N	0x8000ULL
#define Z	0x1000ULL

struct grant_range {
	const char *name;
	u64 zone_blocks;
	u64 parent_slba;
	u64 parent_nlb;
	u64 slba;
	u64 nlb;
	int want;
};

static const struct grant_range grant_ranges[] = {
	{ "the same", 0, G, N, G, N, 0 },
	{ "first block", 0, G, N, G, 1, 0 },
	{ "last block", 0, G, N, G + N - 1, 1, 0 },
	{ "all but the first", 0, G, N, G + 1, N - 1, 0 },
	{ "all but the last", 0, G, N, G, N - 1, 0 },
	{ "one more at the end", 0, G, N, G, N + 1, -ERANGE },
	{ "one more at the start", 0, G, N, G - 1, N, -ERANGE },
	{ "one later", 0, G, N, G + 1, N, -ERANGE },
	{ "block before", 0, G, N, G - 1, 1, -ERANGE },
	{ "block after", 0, G, N, G + N, 1, -ERANGE },
	{ "nothing", 0, G, N, G, 0, -ERANGE },
	{ "nothing at the end", 0, G, N, G + N, 0, -ERANGE },
	{ "block 0", 0, G, N, 0, 1, -ERANGE },
	{ "last of 64 bits", 0, G, N, U64_MAX, 1, -ERANGE },
	{ "end wraps to 0", 0, G, N, U64_MAX, 1, -ERANGE },
	{ "end wraps into the parent", 0, G, N, G + 1, U64_MAX, -ERANGE },
	{ "as long as can be", 0, G, N, G, U64_MAX, -ERANGE },
	{ "end wraps, parent at 0", 0, 0, N, 1, U64_MAX, -ERANGE },
	{ "all of 64 bits", 0, 0, U64_MAX, 0, U64_MAX, 0 },
	{ "last but one of all", 0, 0, U64_MAX, U64_MAX - 1, 1, 0 },
	{ "last of all", 0, 0, U64_MAX, U64_MAX, 1, -ERANGE },
	/* No such grant is made; if one were, it would still have a first block. */
	{ "longer than 64 bits: before", 0, G, U64_MAX, G - 2, 1, -ERANGE },
	{ "one zone", Z, G, N, G, Z, 0 },
	{ "last zone", Z, G, N, G + N - Z, Z, 0 },
	{ "two zones", Z, G, N, G + Z, 2 * Z, 0 },
	{ "zone after", Z, G, N, G + N, Z, -ERANGE },
	{ "cut at the start", Z, G, N, G + 1, Z, -EINVAL },
	{ "cut at the end", Z, G, N, G, Z + 1, -EINVAL },
	{ "part of a zone", Z, G, N, G, Z - 1, -EINVAL },
	{ "one block of a zone", Z, G, N, G, 1, -EINVAL },
	{ "odd zones", 3000, 6000, 9000, 9000, 3000, 0 },
	{ "odd zones, cut", 3000, 6000, 9000, 8192, 3000, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(grant_range, grant_ranges, name);

static void grant_parent(struct usher_grant *parent, const struct grant_range *r)
{
	memset(parent, 0, sizeof(*parent));
	parent->scope = usher_rig_scope(BLOCKS);
	parent->scope.fmt.zone_blocks = r->zone_blocks;
	parent->scope.slba = r->parent_slba;
	parent->scope.nlb = r->parent_nlb;
	parent->limits = grant_limits;
}

static struct usher_narrow grant_narrow_arg(u64 slba, u64 nlb)
{
	return (struct usher_narrow) {
		.size = sizeof(struct usher_narrow),
		.slba = slba,
		.nlb = nlb,
		.rights = USHER_RIGHTS_ALL,
	};
}

static void grant_narrow_range(struct kunit *test)
{
	const struct grant_range *r = test->param_value;
	struct usher_narrow arg = grant_narrow_arg(r->slba, r->nlb);
	struct usher_grant *parent = kunit_kzalloc(test, sizeof(*parent), GFP_KERNEL);
	struct usher_limits limits;
	struct usher_scope scope;

	KUNIT_ASSERT_NOT_NULL(test, parent);
	grant_parent(parent, r);
	KUNIT_EXPECT_EQ(test, usher_grant_narrow(parent, &arg, &scope, &limits), r->want);
	if (r->want)
		return;
	KUNIT_EXPECT_EQ(test, scope.slba, r->slba);
	KUNIT_EXPECT_EQ(test, scope.nlb, r->nlb);
	/* The whole namespace is the whole namespace only as long as it is. */
	KUNIT_EXPECT_EQ(test, scope.whole_ns, r->nlb == r->parent_nlb);
	parent->scope.whole_ns = false;
	KUNIT_EXPECT_EQ(test, usher_grant_narrow(parent, &arg, &scope, &limits), 0);
	KUNIT_EXPECT_FALSE(test, scope.whole_ns);
}

/* What is not asked for stays as the parent has it. */
static void grant_narrow_keeps_the_rest(struct kunit *test)
{
	struct usher_grant *parent = kunit_kzalloc(test, sizeof(*parent), GFP_KERNEL);
	struct usher_narrow arg = grant_narrow_arg(G, N);
	struct usher_limits limits;
	struct usher_scope scope;

	KUNIT_ASSERT_NOT_NULL(test, parent);
	grant_parent(parent, &grant_ranges[0]);
	KUNIT_ASSERT_EQ(test, usher_grant_narrow(parent, &arg, &scope, &limits), 0);
	KUNIT_EXPECT_EQ(test, memcmp(&scope, &parent->scope, sizeof(scope)), 0);
	KUNIT_EXPECT_EQ(test, memcmp(&limits, &parent->limits, sizeof(limits)), 0);
}

static void grant_narrow_controller(struct kunit *test)
{
	struct usher_grant *parent = kunit_kzalloc(test, sizeof(*parent), GFP_KERNEL);
	struct usher_narrow arg = grant_narrow_arg(0, 0);
	struct usher_limits limits;
	struct usher_scope scope;

	KUNIT_ASSERT_NOT_NULL(test, parent);
	parent->scope.rights = USHER_RIGHT_ADMIN;
	parent->limits = grant_limits;
	arg.rights = USHER_RIGHT_ADMIN;
	KUNIT_EXPECT_EQ(test, usher_grant_narrow(parent, &arg, &scope, &limits), 0);
	arg.nlb = 1;
	KUNIT_EXPECT_EQ(test, usher_grant_narrow(parent, &arg, &scope, &limits), -EOPNOTSUPP);
	arg.nlb = 0;
	arg.slba = 1;
	KUNIT_EXPECT_EQ(test, usher_grant_narrow(parent, &arg, &scope, &limits), -EOPNOTSUPP);
}

/* ---- narrowing: rights, limits, what must be zero ----------------------- */

static void grant_narrow_rights(struct kunit *test)
{
	struct usher_grant *parent = kunit_kzalloc(test, sizeof(*parent), GFP_KERNEL);
	struct usher_narrow arg = grant_narrow_arg(G, N);
	struct usher_limits limits;
	struct usher_scope scope;
	u32 has, bit;

	KUNIT_ASSERT_NOT_NULL(test, parent);
	grant_parent(parent, &grant_ranges[0]);
	for (has = 0; has <= USHER_RIGHTS_ALL; has++) {
		parent->scope.rights = has;
		for (arg.rights = 0; arg.rights <= USHER_RIGHTS_ALL; arg.rights++) {
			int want = arg.rights & ~has ? -EACCES : 0;

			KUNIT_EXPECT_EQ_MSG(test,
					    usher_grant_narrow(parent, &arg, &scope, &limits),
					    want, "%x of %x", arg.rights, has);
			if (!want)
				KUNIT_EXPECT_EQ(test, scope.rights, arg.rights);
		}
	}
	for (bit = 4; bit < 32; bit++) {
		arg.rights = BIT(bit);
		KUNIT_EXPECT_EQ(test, usher_grant_narrow(parent, &arg, &scope, &limits), -EINVAL);
	}
}

static void grant_narrow_zeroes(struct kunit *test)
{
	struct usher_grant *parent = kunit_kzalloc(test, sizeof(*parent), GFP_KERNEL);
	struct usher_narrow arg = grant_narrow_arg(G, N);
	struct usher_limits limits;
	struct usher_scope scope;
	u32 bit;

	KUNIT_ASSERT_NOT_NULL(test, parent);
	grant_parent(parent, &grant_ranges[0]);
	for (bit = 0; bit < 32; bit++) {
		arg.flags = BIT(bit);
		KUNIT_EXPECT_EQ(test, usher_grant_narrow(parent, &arg, &scope, &limits), -EINVAL);
		arg.flags = 0;
		arg.pad = BIT(bit);
		KUNIT_EXPECT_EQ(test, usher_grant_narrow(parent, &arg, &scope, &limits), -EINVAL);
		arg.pad = 0;
	}
}

struct grant_limit {
	const char *name;
	struct usher_limits ask;
	struct usher_limits get;
	int want;
};

static const struct grant_limit grant_limit_cases[] = {
	{ "none asked", { 0, 0, 0 }, { SZ_1G, 64, 1024 }, 0 },
	{ "the same", { SZ_1G, 64, 1024 }, { SZ_1G, 64, 1024 }, 0 },
	{ "lower", { 1, 2, 3 }, { 1, 2, 3 }, 0 },
	{ "less memory", { SZ_1M, 0, 0 }, { SZ_1M, 64, 1024 }, 0 },
	{ "fewer rings", { 0, 1, 0 }, { SZ_1G, 1, 1024 }, 0 },
	{ "less depth", { 0, 0, 16 }, { SZ_1G, 64, 16 }, 0 },
	{ "a byte more", { SZ_1G + 1UL, 0, 0 }, {}, -EDQUOT },
	{ "a ring more", { 0, 65, 0 }, {}, -EDQUOT },
	{ "an entry more", { 0, 0, 1025 }, {}, -EDQUOT },
	{ "all the memory there is", { U64_MAX, 0, 0 }, {}, -EDQUOT },
};

KUNIT_ARRAY_PARAM_DESC(grant_limit, grant_limit_cases, name);

static void grant_narrow_limits(struct kunit *test)
{
	struct usher_grant *parent = kunit_kzalloc(test, sizeof(*parent), GFP_KERNEL);
	const struct grant_limit *l = test->param_value;
	struct usher_narrow arg = grant_narrow_arg(G, N);
	struct usher_limits limits;
	struct usher_scope scope;

	KUNIT_ASSERT_NOT_NULL(test, parent);
	grant_parent(parent, &grant_ranges[0]);
	arg.limits = l->ask;
	KUNIT_EXPECT_EQ(test, usher_grant_narrow(parent, &arg, &scope, &limits), l->want);
	if (!l->want)
		KUNIT_EXPECT_EQ(test, memcmp(&limits, &l->get, sizeof(limits)), 0);
}

/* ---- charging ----------------------------------------------------------- */

#define DEPTH	6

/* A chain of grants, the widest first; each holds its parent. */
static void grant_chain(struct kunit *test, struct usher_grant **chain)
{
	u32 i;

	chain[0] = grant_of_all(test);
	for (i = 1; i < DEPTH; i++)
		chain[i] = grant_below(test, chain[i - 1]);
}

static void grant_put_all(struct usher_grant **grants, u32 n)
{
	while (n)
		usher_grant_unuse(grants[--n]);
}

static void grant_expect_used(struct kunit *test, const struct usher_grant *grant, u64 pinned,
			      u32 rings)
{
	KUNIT_EXPECT_EQ(test, grant->used.pinned_bytes, pinned);
	KUNIT_EXPECT_EQ(test, grant->used.rings, rings);
}

static void grant_charges_ancestors(struct kunit *test)
{
	struct usher_grant *chain[DEPTH], *other;
	u32 i;

	grant_chain(test, chain);
	other = grant_below(test, chain[2]);
	KUNIT_EXPECT_EQ(test, usher_grant_charge(chain[DEPTH - 1], 4096, 1), 0);
	KUNIT_EXPECT_EQ(test, usher_grant_charge(chain[3], 8192, 2), 0);
	KUNIT_EXPECT_EQ(test, usher_grant_charge(other, 100, 0), 0);
	for (i = 0; i < DEPTH; i++)
		grant_expect_used(test, chain[i],
				  4096 + (i <= 3 ? 8192 : 0) + (i <= 2 ? 100 : 0),
				  1 + (i <= 3 ? 2 : 0));
	grant_expect_used(test, other, 100, 0);

	usher_grant_uncharge(chain[3], 8192, 2);
	usher_grant_uncharge(chain[DEPTH - 1], 4096, 1);
	usher_grant_uncharge(other, 100, 0);
	for (i = 0; i < DEPTH; i++)
		grant_expect_used(test, chain[i], 0, 0);
	usher_grant_unuse(other);
	grant_put_all(chain, DEPTH);
}

/* Wherever the limit is, it counts, to the byte; and then nothing is taken. */
static void grant_limit_of_any_ancestor(struct kunit *test)
{
	struct usher_grant *chain[DEPTH];
	u32 at, i;

	for (at = 0; at < DEPTH; at++) {
		grant_chain(test, chain);
		chain[at]->limits.pinned_bytes = 10000;
		chain[at]->limits.rings = 3;
		KUNIT_EXPECT_EQ(test, usher_grant_charge(chain[DEPTH - 1], 9000, 2), 0);
		KUNIT_EXPECT_EQ(test, usher_grant_charge(chain[DEPTH - 1], 1001, 0), -EDQUOT);
		KUNIT_EXPECT_EQ(test, usher_grant_charge(chain[DEPTH - 1], 0, 2), -EDQUOT);
		KUNIT_EXPECT_EQ(test, usher_grant_charge(chain[DEPTH - 1], U64_MAX, 0), -EDQUOT);
		KUNIT_EXPECT_EQ(test, usher_grant_charge(chain[DEPTH - 1], U64_MAX - 8999, 0),
				-EDQUOT);
		KUNIT_EXPECT_EQ(test, usher_grant_charge(chain[DEPTH - 1], 0, U32_MAX), -EDQUOT);
		for (i = 0; i < DEPTH; i++)
			grant_expect_used(test, chain[i], 9000, 2);
		KUNIT_EXPECT_EQ(test, usher_grant_charge(chain[DEPTH - 1], 1000, 1), 0);
		KUNIT_EXPECT_EQ(test, usher_grant_charge(chain[DEPTH - 1], 1, 0), -EDQUOT);
		KUNIT_EXPECT_EQ(test, usher_grant_charge(chain[DEPTH - 1], 0, 1), -EDQUOT);
		grant_put_all(chain, DEPTH);
	}
}

/* Two children together have no more than their parent, however each was narrowed. */
static void grant_narrowing_wins_nothing(struct kunit *test)
{
	struct usher_grant *parent = grant_of_all(test), *children[8];
	u32 i, got = 0;

	parent->limits.rings = 5;
	for (i = 0; i < ARRAY_SIZE(children); i++)
		children[i] = grant_below(test, parent);
	for (i = 0; i < ARRAY_SIZE(children); i++)
		got += !usher_grant_charge(children[i], 0, 1);
	KUNIT_EXPECT_EQ(test, got, 5);
	grant_put_all(children, ARRAY_SIZE(children));
	usher_grant_unuse(parent);
}

/* ---- ending ------------------------------------------------------------- */

/*
 *	0 - 1 - 2
 *	 \    \ 3 - 4
 *	  5 - 6
 */
static void grant_tree(struct kunit *test, struct usher_grant **tree)
{
	static const u8 parents[] = { 0, 0, 1, 1, 3, 0, 5 };
	u32 i;

	tree[0] = grant_of_all(test);
	for (i = 1; i < ARRAY_SIZE(parents); i++)
		tree[i] = grant_below(test, tree[parents[i]]);
}

#define TREE	7

struct grant_end {
	const char *name;
	u32 at;
	u8 dead;	/* bit map of grants */
};

static const struct grant_end grant_ends[] = {
	{ "root", 0, 0x7f },
	{ "inner", 1, 0x1e },
	{ "leaf", 2, 0x04 },
	{ "with one child", 3, 0x18 },
	{ "last leaf", 4, 0x10 },
	{ "other branch", 5, 0x60 },
	{ "its leaf", 6, 0x40 },
};

KUNIT_ARRAY_PARAM_DESC(grant_end, grant_ends, name);

static void grant_kill_descendants(struct kunit *test)
{
	const struct grant_end *end = test->param_value;
	struct usher_grant *tree[TREE], *late;
	u32 i;

	grant_tree(test, tree);
	usher_grant_kill(tree[end->at], -EACCES);
	for (i = 0; i < TREE; i++)
		KUNIT_EXPECT_EQ_MSG(test, tree[i]->dead, end->dead & BIT(i) ? -EACCES : 0,
				    "grant %u", i);
	/* What is narrowed from it afterwards is dead from the start. */
	late = grant_below(test, tree[end->at]);
	KUNIT_EXPECT_EQ(test, late->dead, -EACCES);
	usher_grant_unuse(late);

	/* A later reason does not hide the first, and reaches who was alive. */
	usher_grant_kill(tree[0], -ESTALE);
	for (i = 0; i < TREE; i++)
		KUNIT_EXPECT_EQ_MSG(test, tree[i]->dead,
				    end->dead & BIT(i) ? -EACCES : -ESTALE, "grant %u", i);
	grant_put_all(tree, TREE);
}

/* Grants let go in any order; parents stay as long as children need them. */
static void grant_lifetime(struct kunit *test)
{
	struct usher_device *ud = grant_device(test);
	struct usher_grant *tree[TREE];
	u32 i;

	grant_tree(test, tree);
	KUNIT_EXPECT_EQ(test, kref_read(&ud->ref), 1 + TREE);
	for (i = 0; i < TREE - 1; i++)
		usher_grant_unuse(tree[i]);
	/* 6 keeps 5, and that keeps 0. */
	KUNIT_EXPECT_EQ(test, kref_read(&ud->ref), 1 + 3);
	KUNIT_EXPECT_EQ(test, usher_grant_charge(tree[6], 1, 1), 0);
	usher_grant_uncharge(tree[6], 1, 1);
	usher_grant_unuse(tree[6]);
	KUNIT_EXPECT_EQ(test, kref_read(&ud->ref), 1);
}

static struct kunit_case grant_cases[] = {
	KUNIT_CASE_PARAM(grant_narrow_range, grant_range_gen_params),
	KUNIT_CASE(grant_narrow_keeps_the_rest),
	KUNIT_CASE(grant_narrow_controller),
	KUNIT_CASE(grant_narrow_rights),
	KUNIT_CASE(grant_narrow_zeroes),
	KUNIT_CASE_PARAM(grant_narrow_limits, grant_limit_gen_params),
	KUNIT_CASE(grant_charges_ancestors),
	KUNIT_CASE(grant_limit_of_any_ancestor),
	KUNIT_CASE(grant_narrowing_wins_nothing),
	KUNIT_CASE_PARAM(grant_kill_descendants, grant_end_gen_params),
	KUNIT_CASE(grant_lifetime),
	{}
};

static struct kunit_suite grant_suite = {
	.name = "usher-grant",
	.init = grant_init,
	.exit = grant_exit,
	.test_cases = grant_cases,
};

kunit_test_suite(grant_suite);
