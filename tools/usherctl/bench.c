// SPDX-License-Identifier: GPL-2.0-only
/*
 * usherctl bench: measure a disk, through rings as any program would use them.
 */
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <usher.h>

#include "bench-plan.h"
#include "bench-report.h"
#include "bench-run.h"
#include "bench.h"
#include "commands.h"
#include "grant.h"
#include "message.h"
#include "parse.h"
#include "status.h"

#define DEFAULT_DEPTH	32
#define DEFAULT_SECONDS	10

static const struct option options[] = {
	{ "workload",	required_argument, NULL, 'w' },
	{ "overwrite",	no_argument,	   NULL, 'o' },
	{ "range",	required_argument, NULL, 'r' },
	{ "block-size",	required_argument, NULL, 'b' },
	{ "depth",	required_argument, NULL, 'd' },
	{ "batch",	required_argument, NULL, 'a' },
	{ "threads",	required_argument, NULL, 't' },
	{ "polled",	no_argument,	   NULL, 'p' },
	{ "time",	required_argument, NULL, 's' },
	{ "count",	required_argument, NULL, 'c' },
	{ "json",	no_argument,	   NULL, 'j' },
	{ "quiet",	no_argument,	   NULL, 'q' },
	{ "help",	no_argument,	   NULL, 'h' },
	{ }
};

static void help(void)
{
	printf("Usage: usherctl bench [OPTION]... [NODE]\n\n"
	       "Measure I/Os on NODE: how many a second, how long they take, and what they cost.\n"
	       "Without NODE, or with -, use the grant inherited in " USHER_GRANT_ENV ".\n\n"
	       "  --workload NAME      randread, seqread, randwrite or seqwrite\n"
	       "                       (default: randread)\n"
	       "  --overwrite          writing DESTROYS the data in the range: say that this is\n"
	       "                       meant; without it nothing is written\n"
	       "  --range FIRST-LAST   blocks, absolute in the namespace\n"
	       "  --range FIRST+COUNT  (default: all blocks of the grant)\n"
	       "  --block-size SIZE    bytes of one I/O (default: 4K, or a block where that is\n"
	       "                       more)\n"
	       "  --depth NUMBER       I/Os in flight for each thread (default: %u)\n"
	       "  --batch NUMBER       completions that a system call waits for (default: 1)\n"
	       "  --threads NUMBER     threads, each with a ring of its own (default: 1)\n"
	       "  --polled             poll for completions, use no interrupts\n"
	       "  --time SECONDS       how long (default: %u)\n"
	       "  --count NUMBER       how many I/Os in all, instead of a time\n"
	       "  --json               print JSON\n"
	       "  --quiet              no progress line, no warning\n\n"
	       "SIGINT (Ctrl-C) ends it early; what was measured until then is printed.\n",
	       DEFAULT_DEPTH, DEFAULT_SECONDS);
}

/* A number from 1 to @most */
static const char *parse_amount(const char *text, __u64 most, __u64 *amount)
{
	const char *wrong = parse_number(text, amount);

	if (!wrong && !*amount)
		wrong = "is too small: one at least";
	if (!wrong && *amount > most)
		wrong = "is too large";
	return wrong;
}

static const char *parse_amount32(const char *text, __u32 most, __u32 *amount)
{
	__u64 number = 0;
	const char *wrong = parse_amount(text, most, &number);

	*amount = (__u32)number;
	return wrong;
}

static const char *parse_workload(const char *text, struct bench_plan *plan)
{
	plan->workload = find_workload(text);
	return plan->workload ? NULL :
	       "is no workload: randread, seqread, randwrite or seqwrite";
}

static const char *parse_block_size(const char *text, struct bench_plan *plan)
{
	const char *wrong = parse_size(text, &plan->block_size);

	if (!wrong && !plan->block_size)
		wrong = "is no size: one block at least";
	return wrong;
}

/* An option that has an argument: NULL, or what is wrong with it */
static const char *parse_value(struct bench_plan *plan, int option)
{
	switch (option) {
	case 'w':
		return parse_workload(optarg, plan);
	case 'r':
		plan->have_range = true;
		return parse_range(optarg, &plan->range);
	case 'b':
		return parse_block_size(optarg, plan);
	case 'd':
		return parse_amount32(optarg, BENCH_MAX_DEPTH, &plan->depth);
	case 'a':
		return parse_amount32(optarg, BENCH_MAX_DEPTH, &plan->batch);
	case 't':
		return parse_amount32(optarg, BENCH_MAX_THREADS, &plan->threads);
	case 's':
		return parse_amount(optarg, UINT32_MAX, &plan->seconds);
	default:
		return parse_amount(optarg, UINT64_MAX, &plan->count);
	}
}

static int parse_option(struct bench_plan *plan, int option)
{
	const char *wrong;

	switch (option) {
	case 'o':
		plan->overwrite = true;
		return 0;
	case 'p':
		plan->polled = true;
		return 0;
	case 'j':
		plan->json = true;
		return 0;
	case 'q':
		plan->quiet = true;
		return 0;
	case '?':
		return usage_error("the arguments are not understood");
	}
	wrong = parse_value(plan, option);
	return wrong ? usage_error("\"%s\" %s", optarg, wrong) : 0;
}

/* Check what depends on more than one argument. */
static int check_arguments(struct bench_plan *plan)
{
	if (plan->seconds && plan->count)
		return usage_error("--time excludes --count");
	if (plan->batch > plan->depth)
		return usage_error("--batch %u: no more than the %u of --depth are in flight",
				   plan->batch, plan->depth);
	if (plan->workload->write && !plan->overwrite)
		return usage_error("%s destroys data in the range: --overwrite says that it may",
				   plan->workload->name);
	if (!plan->workload->write && plan->overwrite)
		return usage_error("--overwrite is for workloads that write, and %s does not",
				   plan->workload->name);
	if (!plan->seconds && !plan->count)
		plan->seconds = DEFAULT_SECONDS;
	return 0;
}

static int parse_arguments(struct bench_plan *plan, int argc, char **argv)
{
	int option, ret;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h') {
			help();
			exit(0);
		}
		ret = parse_option(plan, option);
		if (ret)
			return ret;
	}

	if (argc - optind > 1)
		return usage_error("one node at a time, not also \"%s\"",
				   argv[optind + 1]);
	plan->node = argv[optind];
	return check_arguments(plan);
}

static void warn(const struct bench_plan *plan)
{
	char size[16];

	if (plan->workload->write && !plan->quiet)
		note("%s: overwriting blocks %llu to %llu, %s", plan->name,
		     plan->range.slba, plan->range.slba + plan->range.nlb - 1,
		     format_size(plan->range.nlb << plan->info.lba_shift, size));
}

int cmd_bench(int argc, char **argv)
{
	struct bench bench = {
		.plan = {
			.workload = find_workload("randread"),
			.depth = DEFAULT_DEPTH,
			.batch = 1,
			.threads = 1,
		},
	};
	struct bench_plan *plan = &bench.plan;
	int status = parse_arguments(plan, argc, argv);

	if (status)
		return status;
	plan->grant = open_blocks(plan->node, plan->workload->write ?
				  USHER_RIGHT_WRITE : USHER_RIGHT_READ,
				  &plan->name, &plan->info);
	if (plan->grant < 0)
		return STATUS_FAILED;

	status = bench_settle(plan);
	if (!status) {
		warn(plan);
		status = bench_run(&bench);
		/* After a failure, what was measured before it is printed. */
		if ((!status || bench_done(&bench)) && bench_report(&bench))
			status = STATUS_FAILED;
		bench_free(&bench);
	}
	close(plan->grant);
	return status;
}
