// SPDX-License-Identifier: GPL-2.0-only
/*
 * The names of device nodes.
 */
#include <stdio.h>
#include <string.h>

#include "node.h"

/* "usher0n1s3" or a path that ends so */
bool parse_node(const char *path, struct node *node)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char back[48];

	*node = (struct node) {};
	if (sscanf(name, "usher%un%us%u", &node->device, &node->ns,
		   &node->slice) < 1)
		return false;

	/* Made again from the numbers, it must be the same text. */
	if (node->slice)
		snprintf(back, sizeof(back), "usher%un%us%u", node->device,
			 node->ns, node->slice);
	else if (node->ns)
		snprintf(back, sizeof(back), "usher%un%u", node->device,
			 node->ns);
	else
		snprintf(back, sizeof(back), "usher%u", node->device);
	return !strcmp(name, back);
}

/* The file of a node that sysfs knows by @name */
const char *node_path(const char *name, char path[NODE_PATH])
{
	const char *raw = strncmp(name, "usher-raw-", strlen("usher-raw-")) ?
			  NULL : name + strlen("usher-raw-");

	snprintf(path, NODE_PATH, "%s/%s", raw ? RAW_NODES : "/dev",
		 raw ? raw : name);
	return path;
}
