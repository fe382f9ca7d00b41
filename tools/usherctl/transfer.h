/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What "usherctl read" and "usherctl write" move.
 */
#ifndef USHERCTL_TRANSFER_H
#define USHERCTL_TRANSFER_H

#include <stdbool.h>
#include <linux/types.h>

#include <usher.h>

#include "parse.h"

/**
 * struct transfer - which blocks, and how many bytes of a stream
 * @writing: from the stream to the blocks, else from the blocks to the stream
 * @verify: read each chunk once more, and compare
 * @grant: file descriptor
 * @name: the grant, in messages
 * @info: what the grant allows
 * @range: blocks
 * @bytes: of the stream; UINT64_MAX: to its end
 */
struct transfer {
	bool writing;
	bool verify;
	int grant;
	const char *name;
	struct usher_grant_info info;
	struct range range;
	__u64 bytes;
};

#endif /* USHERCTL_TRANSFER_H */
