// SPDX-License-Identifier: GPL-2.0-only
/*
 * Facts as JSON: the members of an object by their names.
 */
#include <json.h>
#include <stdio.h>

#include "facts.h"

void json_add_text(struct json_object *object, const char *key,
		   const char *text)
{
	json_object_object_add(object, key, json_object_new_string(text));
}

void json_add_number(struct json_object *object, const char *key, __u64 number)
{
	json_object_object_add(object, key, json_object_new_uint64(number));
}

void json_add_real(struct json_object *object, const char *key, double number)
{
	struct json_object *real = json_object_new_double(number);

	json_object_set_serializer(real, json_object_double_to_json_string,
				   (void *)"%.3f", NULL);
	json_object_object_add(object, key, real);
}

void json_add_bool(struct json_object *object, const char *key, bool value)
{
	json_object_object_add(object, key, json_object_new_boolean(value));
}

struct json_object *json_member(struct json_object *object, const char *key)
{
	return json_object_object_get(object, key);
}

const char *json_text(struct json_object *object, const char *key)
{
	struct json_object *member = json_member(object, key);

	return member ? json_object_get_string(member) : "?";
}

__u64 json_number(struct json_object *object, const char *key)
{
	return json_object_get_uint64(json_member(object, key));
}

void print_json(struct json_object *object)
{
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
}
