/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The names of device nodes.
 */
#ifndef USHERCTL_NODE_H
#define USHERCTL_NODE_H

#include <stdbool.h>

#define RAW_NODES	"/dev/usher-raw"
#define NODE_PATH	288	/* bytes of a path */

/**
 * struct node - a node of guarded mode, by the numbers in its name
 * @device: N of usherN
 * @ns: N of usher0nN, or 0 for a controller
 * @slice: N of usher0n1sN, or 0 for a controller or a namespace
 */
struct node {
	unsigned int device;
	unsigned int ns;
	unsigned int slice;
};

/**
 * parse_node() - the numbers in a node's name
 * @name: "usher0n1s3"; what a path means is for find_node() to say
 * @node: result
 *
 * Return: whether it is such a name
 */
bool parse_node(const char *name, struct node *node);

/**
 * node_path() - the file of a node, of guarded or of raw mode
 * @name: its name in sysfs
 * @path: where to
 *
 * Return: @path
 */
const char *node_path(const char *name, char path[NODE_PATH]);

#endif /* USHERCTL_NODE_H */
