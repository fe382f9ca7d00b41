/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The options that make a grant smaller. "exec" and "slice add" have them.
 */
#ifndef USHERCTL_NARROW_H
#define USHERCTL_NARROW_H

#include <stdbool.h>

#include <usher.h>

#include "parse.h"

/**
 * struct narrow - a smaller grant
 * @range: blocks, where @have_range is set; else all of the parent's
 * @have_range: --range was given
 * @rights: USHER_RIGHT_*; 0: all of the parent's
 * @limits: 0 in a member: the parent's
 * @leave_rings: without a limit of rings in @limits, a few for each queue pair of the
 *	device, so that others find room; not after --max-rings all
 */
struct narrow {
	struct range range;
	bool have_range;
	__u32 rights;
	struct usher_limits limits;
	bool leave_rings;
};

/**
 * parse_narrow() - parse one of the options
 * @narrow: where to
 * @option: r (--range), a (--rights), R (--max-rings), D (--max-depth) or
 *	P (--max-pinned)
 * @text: its argument
 *
 * Return: NULL, or what is wrong with the text
 */
const char *parse_narrow(struct narrow *narrow, int option, const char *text);

/**
 * help_narrow() - print what the options mean
 */
void help_narrow(void);

/**
 * open_narrowed() - open a node, and narrow its grant
 * @node: path or name of a node; NULL or "-" for the inherited grant
 * @narrow: how
 *
 * Return: file descriptor of the smaller grant, or negative after a message
 */
int open_narrowed(const char *node, const struct narrow *narrow);

#endif /* USHERCTL_NARROW_H */
