// SPDX-License-Identifier: GPL-2.0-only
/*
 * The options that make a grant smaller. "exec" and "slice add" have them.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "grant.h"
#include "message.h"
#include "narrow.h"
#include "parse.h"

/*
 * Rings of a grant for each queue pair of the device, by default. A queue pair has room
 * for one less than it has entries, 256 with most devices.
 */
#define RINGS_FOR_A_QUEUE	4

static const char *parse_limit(const char *text, __u32 *limit)
{
	const char *wrong;
	__u64 number;

	wrong = parse_number(text, &number);
	if (!wrong && (!number || number > UINT32_MAX))
		wrong = "is no limit: 1 at least, 4294967295 at most";
	if (!wrong)
		*limit = (__u32)number;
	return wrong;
}

const char *parse_narrow(struct narrow *narrow, int option, const char *text)
{
	const char *wrong;

	switch (option) {
	case 'r':
		narrow->have_range = true;
		return parse_range(text, &narrow->range);
	case 'a':
		return parse_rights(text, &narrow->rights);
	case 'R':
		narrow->leave_rings = false;
		narrow->limits.rings = 0;
		if (!strcmp(text, "all"))
			return NULL;
		return parse_limit(text, &narrow->limits.rings);
	case 'D':
		return parse_limit(text, &narrow->limits.ring_depth);
	case 'P':
		wrong = parse_size(text, &narrow->limits.pinned_bytes);
		if (!wrong && !narrow->limits.pinned_bytes)
			wrong = "is no limit: one byte at least";
		return wrong;
	default:
		return "is not understood";
	}
}

void help_narrow(void)
{
	printf("  --range FIRST-LAST   blocks, absolute in the namespace\n"
	       "  --range FIRST+COUNT  (default: all blocks of the node)\n"
	       "  --rights LIST        some of r,w,f,a: read, write, flush, admin queries\n"
	       "                       (default: all that the node gives)\n"
	       "  --max-rings NUMBER   limits: rings open, or \"all\" that the node gives,\n"
	       "  --max-depth NUMBER   entries of a ring,\n"
	       "  --max-pinned SIZE    bytes of memory registered (default: the node's)\n");
}

int open_narrowed(const char *node, const struct narrow *narrow)
{
	struct usher_limits limits = narrow->limits;
	struct range range = narrow->range;
	__u32 rights = narrow->rights;
	struct usher_grant_info info;
	int parent, grant;
	const char *name;
	char text[16];

	parent = rights ? open_grant(node, rights, &name) :
			  open_widest(node, &name);
	if (parent < 0)
		return parent;
	grant = grant_info(parent, name, &info);
	if (grant < 0)
		goto close_parent;

	if (!rights)
		rights = info.rights;
	if (!narrow->have_range) {
		range.slba = info.slba;
		range.nlb = info.nlb;
	}
	if (narrow->leave_rings)
		limits.rings = info.queue_pairs * RINGS_FOR_A_QUEUE;
	if (narrow->leave_rings && limits.rings > info.limits.rings)
		limits.rings = info.limits.rings;
	grant = usher_narrow(parent, range.slba, range.nlb, rights, &limits);
	if (grant < 0)
		fail_at(ACT_NARROW, grant,
			"%s: %llu blocks from %llu on with rights %s", name,
			range.nlb, range.slba, format_rights(rights, text));
close_parent:
	close(parent);
	return grant;
}
