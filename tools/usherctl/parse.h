/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers, sizes, ranges, rights and users: from text and to text.
 *
 * Each parser returns NULL, or what is wrong with the text. That continues a message
 * that begins with the text: "is no number".
 */
#ifndef USHERCTL_PARSE_H
#define USHERCTL_PARSE_H

#include <linux/types.h>
#include <sys/types.h>

/**
 * struct range - logical blocks
 * @slba: first
 * @nlb: how many, not 0; the last of them is at most 2^64 - 1
 */
struct range {
	__u64 slba;
	__u64 nlb;
};

/**
 * struct identity - whom a process runs as or a node belongs to
 * @name: in the user database, or NULL where only the number was given
 * @uid: user
 * @gid: group
 */
struct identity {
	char *name;
	uid_t uid;
	gid_t gid;
};

/**
 * parse_number() - parse a number, decimal or with 0x hexadecimal
 * @text: nothing but the number
 * @value: result
 *
 * Return: NULL, or what is wrong with @text
 */
const char *parse_number(const char *text, __u64 *value);

/**
 * parse_size() - parse a number of bytes
 * @text: a number, and a unit or none. K, M, G, T, also with iB behind them, are
 *	powers of 1024; kB, MB, GB, TB are powers of 1000.
 * @bytes: result
 *
 * Return: NULL, or what is wrong with @text
 */
const char *parse_size(const char *text, __u64 *bytes);

/**
 * parse_range() - parse a range of blocks
 * @text: FIRST-LAST or FIRST+COUNT
 * @range: result
 *
 * Return: NULL, or what is wrong with @text
 */
const char *parse_range(const char *text, struct range *range);

/**
 * parse_rights() - parse a list of rights
 * @text: letters or names with commas between them: r,w,f,a
 * @rights: result, USHER_RIGHT_*
 *
 * Return: NULL, or what is wrong with @text
 */
const char *parse_rights(const char *text, __u32 *rights);

/**
 * parse_mode() - parse the permissions of a node
 * @text: an octal number, at most 0666
 * @mode: result
 *
 * Return: NULL, or what is wrong with @text
 */
const char *parse_mode(const char *text, mode_t *mode);

/**
 * parse_user() - parse a user, with a group or without
 * @text: NAME, NAME:GROUP, UID:GID, or the UID of a user who has a name
 * @who: result; @who->name is to be freed
 *
 * Return: NULL, or what is wrong with @text
 */
const char *parse_user(const char *text, struct identity *who);

/**
 * parse_group() - parse a group
 * @text: its name or its number
 * @gid: result
 *
 * Return: NULL, or what is wrong with @text
 */
const char *parse_group(const char *text, gid_t *gid);

/**
 * format_size() - a number of bytes with three digits and a unit, power of 1024
 * @bytes: how many
 * @text: where to
 *
 * Return: @text
 */
const char *format_size(__u64 bytes, char text[16]);

/**
 * format_rights() - the letters of rights, with commas between them
 * @rights: USHER_RIGHT_*
 * @text: where to
 *
 * Return: @text
 */
const char *format_rights(__u32 rights, char text[16]);

#endif /* USHERCTL_PARSE_H */
