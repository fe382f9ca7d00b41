/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Grants: opened from a node, or inherited.
 *
 * Where a function takes @node, NULL and "-" mean the inherited grant, and it answers
 * in @name what to call the grant in messages. Failures are reported.
 */
#ifndef USHERCTL_GRANT_H
#define USHERCTL_GRANT_H

#include <linux/types.h>

struct usher_grant_info;

/**
 * open_grant() - open a node, or take the inherited grant
 * @node: path or name of a node, or NULL
 * @rights: USHER_RIGHT_* that the file permissions must give
 * @name: answers what to call it
 *
 * Return: file descriptor, or negative
 */
int open_grant(const char *node, __u32 rights, const char **name);

/**
 * open_widest() - open a node with all the rights that its file permissions give
 * @node: path or name of a node, or NULL
 * @name: answers what to call it
 *
 * Return: file descriptor, or negative
 */
int open_widest(const char *node, const char **name);

/**
 * grant_info() - ask what a grant allows
 * @grant_fd: the grant
 * @name: what to call it
 * @info: result
 *
 * Return: 0, or negative
 */
int grant_info(int grant_fd, const char *name, struct usher_grant_info *info);

/**
 * open_blocks() - open a node that has blocks, and all of some rights
 * @node: path or name of a node, or NULL
 * @rights: USHER_RIGHT_* that are needed
 * @name: answers what to call it
 * @info: answers what the grant allows
 *
 * Return: file descriptor, or negative
 */
int open_blocks(const char *node, __u32 rights, const char **name,
		struct usher_grant_info *info);

#endif /* USHERCTL_GRANT_H */
