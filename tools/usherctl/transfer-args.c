// SPDX-License-Identifier: GPL-2.0-only
/*
 * The arguments of "usherctl read" and "usherctl write".
 */
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <usher.h>

#include "message.h"
#include "parse.h"
#include "status.h"
#include "transfer-args.h"
#include "transfer.h"

static const struct option options[] = {
	{ "range",	required_argument, NULL, 'r' },
	{ "slba",	required_argument, NULL, 's' },
	{ "count",	required_argument, NULL, 'c' },
	{ "bytes",	required_argument, NULL, 'b' },
	{ "input",	required_argument, NULL, 'i' },
	{ "output",	required_argument, NULL, 'o' },
	{ "verify",	no_argument,	   NULL, 'v' },
	{ "quiet",	no_argument,	   NULL, 'q' },
	{ "help",	no_argument,	   NULL, 'h' },
	{ }
};

static void help(bool writing)
{
	printf("Usage: usherctl %s [OPTION]... [NODE]\n\n%s",
	       writing ? "write" : "read",
	       writing ?
	       "Write a file or standard input to blocks of NODE.\n" :
	       "Write blocks of NODE to a file or standard output.\n");
	printf("Without NODE, or with -, use the grant inherited in " USHER_GRANT_ENV ".\n\n"
	       "  --range FIRST-LAST   blocks, absolute in the namespace\n"
	       "  --range FIRST+COUNT  (default: all blocks of the grant)\n"
	       "  --slba FIRST         first block (default: the grant's first)\n"
	       "  --count BLOCKS       how many blocks (default: to the grant's end)\n"
	       "  --bytes SIZE         how many bytes; units K M G T, kB MB GB TB\n");
	if (writing)
		printf("  --input FILE         instead of standard input\n"
		       "  --verify             read each chunk back and compare\n");
	else
		printf("  --output FILE        instead of standard output\n"
		       "  --verify             read each chunk twice and compare\n");
	printf("  --quiet              no progress line, no summary\n\n");
	if (writing)
		printf("Where the input ends inside a block, the block is filled with zeros, and\n"
		       "that is said. With --range the input may be shorter, not longer. With\n"
		       "--count or --bytes just that much is taken; less is an error.\n");
	else
		printf("With --bytes the last block is cut to size.\n");
	printf("A block is the bytes that \"usherctl info\" calls \"block in memory\": its data,\n"
	       "and its metadata where the format transfers them together.\n");
}

static int parse_option(struct transfer_args *args, int option)
{
	const char *wrong = NULL;

	switch (option) {
	case 'r':
		args->have_range = true;
		wrong = parse_range(optarg, &args->range);
		break;
	case 's':
		args->have_slba = true;
		wrong = parse_number(optarg, &args->slba);
		break;
	case 'c':
		args->have_count = true;
		wrong = parse_number(optarg, &args->count);
		if (!wrong && !args->count)
			wrong = "is no count: one block at least";
		break;
	case 'b':
		args->have_bytes = true;
		wrong = parse_size(optarg, &args->bytes);
		if (!wrong && !args->bytes)
			wrong = "is no size: one byte at least";
		break;
	case 'i':
	case 'o':
		if (args->writing != (option == 'i'))
			return usage_error("--%s is for \"usherctl %s\"",
					   option == 'i' ? "input" : "output",
					   option == 'i' ? "write" : "read");
		args->path = optarg;
		break;
	case 'v':
		args->verify = true;
		break;
	case 'q':
		args->quiet = true;
		break;
	default:
		return usage_error("the arguments are not understood");
	}
	return wrong ? usage_error("\"%s\" %s", optarg, wrong) : 0;
}

int transfer_parse(struct transfer_args *args, int argc, char **argv)
{
	int option, ret;

	while ((option = getopt_long(argc, argv, "r:s:c:b:i:o:vqh", options,
				     NULL)) != -1) {
		if (option == 'h') {
			help(args->writing);
			exit(0);
		}
		ret = parse_option(args, option);
		if (ret)
			return ret;
	}

	if (argc - optind > 1)
		return usage_error("one node at a time, not also \"%s\"",
				   argv[optind + 1]);
	args->node = argv[optind];
	if (args->have_range && (args->have_slba || args->have_count))
		return usage_error("--range excludes --slba and --count");
	if (args->have_count && args->have_bytes)
		return usage_error("--count excludes --bytes");
	return 0;
}

/* The range that is meant; it may reach outside the grant. */
static struct range wanted_range(const struct transfer_args *args,
				 const struct usher_grant_info *info)
{
	__u64 end = info->slba + info->nlb;
	struct range range;

	if (args->have_range)
		return args->range;
	range.slba = args->have_slba ? args->slba : info->slba;
	if (args->have_count)
		range.nlb = args->count;
	else if (args->have_bytes)
		range.nlb = (args->bytes - 1) / info->lba_bytes + 1;
	else
		range.nlb = range.slba < end ? end - range.slba : 1;
	return range;
}

int transfer_settle(struct transfer *transfer, const struct transfer_args *args)
{
	const struct usher_grant_info *info = &transfer->info;
	struct range range = wanted_range(args, info);
	__u64 end = info->slba + info->nlb, most;

	if (range.slba < info->slba || range.slba >= end ||
	    range.nlb > end - range.slba) {
		fail("%s: %llu blocks from %llu on are outside the grant, which has %llu to %llu",
		     transfer->name, range.nlb, range.slba, info->slba, end - 1);
		return STATUS_FAILED;
	}
	most = range.nlb * info->lba_bytes;
	if (args->have_bytes && args->bytes > most)
		return fail("%s: %llu bytes do not fit into the %llu of the range",
			    transfer->name, args->bytes, most);

	transfer->range = range;
	if (args->have_bytes)
		transfer->bytes = args->bytes;
	else
		transfer->bytes = args->writing && !args->have_count ? UINT64_MAX : most;
	return 0;
}
