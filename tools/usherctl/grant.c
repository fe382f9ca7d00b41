// SPDX-License-Identifier: GPL-2.0-only
/*
 * Grants: opened from a node, or inherited.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <usher.h>

#include "grant.h"
#include "macros.h"
#include "message.h"
#include "node.h"
#include "parse.h"

/* The flags of open() that need the fewest file permissions for the rights */
static int open_flags(__u32 rights)
{
	if (!(rights & (USHER_RIGHT_WRITE | USHER_RIGHT_FLUSH)))
		return O_RDONLY;
	return rights & USHER_RIGHT_READ ? O_RDWR : O_WRONLY;
}

/* Like usher_open(); "usher0n1" means "/dev/usher0n1". */
static int open_node(const char *name, int flags)
{
	char path[64];
	struct node node;

	if (!parse_node(name, &node))
		return usher_open(name, flags);

	snprintf(path, sizeof(path), "/dev/%s", name);
	return usher_open(path, flags);
}

int open_grant(const char *node, __u32 rights, const char **name)
{
	bool inherited = !node || !strcmp(node, "-");
	int fd;

	*name = inherited ? "the inherited grant" : node;
	fd = inherited ? usher_grant_from_env() : open_node(node, open_flags(rights));
	if (fd < 0)
		fail_at(inherited ? ACT_INHERIT : ACT_OPEN, fd, "%s", *name);
	return fd;
}

int open_widest(const char *node, const char **name)
{
	static const int flags[] = { O_RDWR, O_RDONLY, O_WRONLY };
	int fd = -EACCES;
	size_t i;

	if (!node || !strcmp(node, "-"))
		return open_grant(node, 0, name);

	*name = node;
	for (i = 0; i < ARRAY_SIZE(flags) && fd == -EACCES; i++)
		fd = open_node(node, flags[i]);
	if (fd < 0)
		fail_at(ACT_OPEN, fd, "%s", node);
	return fd;
}

int grant_info(int grant_fd, const char *name, struct usher_grant_info *info)
{
	int ret = usher_grant_info(grant_fd, info);

	if (ret < 0)
		fail_at(ACT_OTHER, ret, "%s", name);
	return ret;
}

int open_blocks(const char *node, __u32 rights, const char **name,
		struct usher_grant_info *info)
{
	int grant = open_grant(node, rights, name);
	char need[16], have[16];

	if (grant < 0)
		return grant;
	if (grant_info(grant, *name, info) < 0)
		goto close_grant;

	if (!info->nsid)
		fail("%s is a controller and has no blocks: name a namespace, such as %sn1",
		     *name, *name);
	else if (rights & ~info->rights)
		fail("%s: this needs the rights %s, and the grant has %s",
		     *name, format_rights(rights, need),
		     format_rights(info->rights, have));
	else
		return grant;
close_grant:
	close(grant);
	return -1;
}
