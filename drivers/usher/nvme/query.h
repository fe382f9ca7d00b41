/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The admin commands that a process may send: an allow-list of queries that
 * change nothing. Pure functions of values.
 */
#ifndef _USHER_NVME_QUERY_H
#define _USHER_NVME_QUERY_H

#include <linux/types.h>

struct nvme_command;
struct usher_admin;
struct usher_scope;

/* Data that a query answers, in bytes, at most */
#define USHER_QUERY_MAX_BYTES	4096

int usher_query_build(const struct usher_scope *scope,
		      const struct usher_admin *arg, struct nvme_command *cmd);

#endif /* _USHER_NVME_QUERY_H */
