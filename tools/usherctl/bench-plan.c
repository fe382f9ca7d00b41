// SPDX-License-Identifier: GPL-2.0-only
/*
 * usherctl bench: which blocks it uses.
 *
 * The range is divided into places of the size of an I/O. On a zoned namespace no I/O
 * may cross the end of a zone: each zone has its own places.
 */
#include <string.h>

#include "bench-plan.h"
#include "macros.h"
#include "message.h"
#include "parse.h"

#define DEFAULT_BYTES	4096U

static const struct workload workloads[] = {
	{ "randread",	"random reads",		false,	true },
	{ "seqread",	"sequential reads",	false,	false },
	{ "randwrite",	"random writes",	true,	true },
	{ "seqwrite",	"sequential writes",	true,	false },
};

const struct workload *find_workload(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(workloads); i++) {
		if (!strcmp(workloads[i].name, name))
			return &workloads[i];
	}
	return NULL;
}

static int settle_block_size(struct bench_plan *plan)
{
	__u32 data_bytes = 1U << plan->info.lba_shift;
	__u64 blocks;

	if (!plan->block_size)
		plan->block_size = data_bytes > DEFAULT_BYTES ? data_bytes :
				   DEFAULT_BYTES;
	if (plan->block_size % data_bytes)
		return fail("%s: I/Os of %llu bytes are not made of whole blocks of %u bytes",
			    plan->name, plan->block_size, data_bytes);

	blocks = plan->block_size / data_bytes;
	if (blocks > USHER_MAX_BLOCKS ||
	    blocks * plan->info.lba_bytes > plan->info.max_transfer)
		return fail("%s: I/Os of %llu bytes are more than one command may move (%u)",
			    plan->name, plan->block_size,
			    plan->info.max_transfer);
	plan->blocks = (__u32)blocks;
	plan->bytes = plan->blocks * plan->info.lba_bytes;
	return 0;
}

static int settle_range(struct bench_plan *plan)
{
	const struct usher_grant_info *info = &plan->info;
	struct range *range = &plan->range;

	if (!plan->have_range)
		*range = (struct range) { info->slba, info->nlb };
	if (range->slba < info->slba ||
	    range->slba - info->slba >= info->nlb ||
	    range->nlb > info->nlb - (range->slba - info->slba))
		return fail("%s: %llu blocks from %llu on are outside the grant's %llu to %llu",
			    plan->name, range->nlb, range->slba, info->slba,
			    info->slba + info->nlb - 1);
	return 0;
}

static int settle_zones(struct bench_plan *plan)
{
	__u64 zone = plan->info.zone_blocks;

	if (!zone)
		return 0;
	if (plan->workload->write)
		return fail("%s: its zones must be written in order: bench can only read them",
			    plan->name);
	if (plan->range.slba % zone || plan->range.nlb % zone)
		return fail("%s: the range must be made of whole zones of %llu blocks",
			    plan->name, zone);
	return 0;
}

static int settle_places(struct bench_plan *plan)
{
	plan->zone_blocks = plan->info.zone_blocks ? plan->info.zone_blocks :
			    plan->range.nlb;
	plan->zone_places = plan->zone_blocks / plan->blocks;
	plan->places = plan->range.nlb / plan->zone_blocks * plan->zone_places;
	if (!plan->places)
		return fail("%s: an I/O of %u blocks does not fit into %llu",
			    plan->name, plan->blocks, plan->zone_blocks);
	return 0;
}

/* A ring has entries for all I/Os in flight: a power of two. */
static int check_depth(const struct bench_plan *plan)
{
	__u32 entries = 1, most = plan->info.limits.ring_depth;

	if (most > plan->info.max_entries)
		most = plan->info.max_entries;
	while (entries < plan->depth)
		entries *= 2;
	if (entries > most)
		return fail("%s: %u I/Os in flight take a ring of %u entries, and %u are allowed",
			    plan->name, plan->depth, entries, most);
	return 0;
}

int bench_settle(struct bench_plan *plan)
{
	int status = settle_block_size(plan);

	if (!status)
		status = settle_range(plan);
	if (!status)
		status = settle_zones(plan);
	if (!status)
		status = settle_places(plan);
	return status ? status : check_depth(plan);
}

__u64 bench_place(const struct bench_plan *plan, __u64 place)
{
	return plan->range.slba +
	       place / plan->zone_places * plan->zone_blocks +
	       place % plan->zone_places * plan->blocks;
}

/* Marsaglia's xorshift with a multiplication: Vigna's xorshift64* */
__u64 bench_random(__u64 *state, __u64 below)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 2685821657736338717ULL % below;
}
