// SPDX-License-Identifier: GPL-2.0-only
/*
 * The names of device nodes.
 */
#include <stdio.h>
#include <string.h>

#include "node.h"

bool parse_node(const char *name, struct node *node)
{
	char back[48];

	*node = (struct node) {};
	if (sscanf(name, "usher%un%us%u", &node->device, &node->ns,
		   &node->slice) < 1)
		return false;

	/* sscanf() accepts other texts, too: the one made from the numbers must be the same. */
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

const char *node_path(const char *name, char path[NODE_PATH])
{
	const char *raw = strncmp(name, "usher-raw-", strlen("usher-raw-")) ?
			  NULL : name + strlen("usher-raw-");

	snprintf(path, NODE_PATH, "%s/%s", raw ? RAW_NODES : "/dev",
		 raw ? raw : name);
	return path;
}
