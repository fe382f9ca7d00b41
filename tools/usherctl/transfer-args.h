/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The arguments of "usherctl read" and "usherctl write".
 */
#ifndef USHERCTL_TRANSFER_ARGS_H
#define USHERCTL_TRANSFER_ARGS_H

#include <stdbool.h>
#include <linux/types.h>

#include "parse.h"

struct transfer;

/**
 * struct transfer_args - the arguments
 * @writing: the command is "write"
 * @verify: --verify
 * @quiet: --quiet
 * @node: path or name of the node, or NULL
 * @path: file, or NULL for standard input or output
 * @have_range: --range was given
 * @have_slba: --slba was given
 * @have_count: --count was given
 * @have_bytes: --bytes was given
 * @range: --range
 * @slba: --slba
 * @count: --count, blocks
 * @bytes: --bytes
 */
struct transfer_args {
	bool writing;
	bool verify;
	bool quiet;
	const char *node;
	const char *path;
	bool have_range;
	bool have_slba;
	bool have_count;
	bool have_bytes;
	struct range range;
	__u64 slba;
	__u64 count;
	__u64 bytes;
};

/**
 * transfer_parse() - parse the arguments; --help ends the program
 * @args: result; @args->writing says which command it is
 * @argc: as of main()
 * @argv: as of main()
 *
 * Return: 0, or STATUS_USAGE after a message
 */
int transfer_parse(struct transfer_args *args, int argc, char **argv);

/**
 * transfer_settle() - find out which blocks and how many bytes are meant
 * @transfer: its grant is open; its range and bytes are the result
 * @args: the arguments
 *
 * Return: 0, or STATUS_FAILED after a message
 */
int transfer_settle(struct transfer *transfer, const struct transfer_args *args);

#endif /* USHERCTL_TRANSFER_ARGS_H */
