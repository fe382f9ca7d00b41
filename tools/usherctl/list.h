/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Facts as JSON.
 */
#ifndef USHERCTL_LIST_H
#define USHERCTL_LIST_H

#include <stdbool.h>
#include <linux/types.h>

struct json_object;

/* json.c */
void json_add_text(struct json_object *object, const char *key,
		   const char *text);
void json_add_number(struct json_object *object, const char *key, __u64 number);
void json_add_real(struct json_object *object, const char *key, double number);
void json_add_bool(struct json_object *object, const char *key, bool value);
struct json_object *json_member(struct json_object *object, const char *key);
const char *json_text(struct json_object *object, const char *key);
__u64 json_number(struct json_object *object, const char *key);
void print_json(struct json_object *object);

/* list.c */
struct json_object *gather_devices(void);
int parse_json_option(int argc, char **argv, void (*help)(void), bool *json,
		      int *status);
int list_slices(const char *node_name, struct json_object *json);

#endif /* USHERCTL_LIST_H */
