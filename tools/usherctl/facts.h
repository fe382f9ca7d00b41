/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Facts as JSON: the members of an object by their names.
 */
#ifndef USHERCTL_FACTS_H
#define USHERCTL_FACTS_H

#include <stdbool.h>
#include <linux/types.h>

struct json_object;

/**
 * json_add_text() - add a text
 * @object: to this one
 * @key: name of the member
 * @text: its value
 */
void json_add_text(struct json_object *object, const char *key,
		   const char *text);

/**
 * json_add_number() - add a whole number
 * @object: to this one
 * @key: name of the member
 * @number: its value
 */
void json_add_number(struct json_object *object, const char *key, __u64 number);

/**
 * json_add_real() - add a measured number, with three decimals
 * @object: to this one
 * @key: name of the member
 * @number: its value
 */
void json_add_real(struct json_object *object, const char *key, double number);

/**
 * json_add_bool() - add a truth value
 * @object: to this one
 * @key: name of the member
 * @value: its value
 */
void json_add_bool(struct json_object *object, const char *key, bool value);

/**
 * json_member() - look a member up
 * @object: in this one
 * @key: name of the member
 *
 * Return: the member, owned by @object; NULL where there is none, or it is null
 */
struct json_object *json_member(struct json_object *object, const char *key);

/**
 * json_text() - the text of a member
 * @object: in this one
 * @key: name of the member
 *
 * Return: a text owned by @object; "?" where there is no such member
 */
const char *json_text(struct json_object *object, const char *key);

/**
 * json_number() - the value of a member that is a number
 * @object: in this one
 * @key: name of the member
 *
 * Return: the number, 0 where there is no such member
 */
__u64 json_number(struct json_object *object, const char *key);

/**
 * print_json() - print an object on standard output
 * @object: which
 */
void print_json(struct json_object *object);

#endif /* USHERCTL_FACTS_H */
