// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arguments: numbers, sizes, ranges, rights, users.
 */
#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <usher.h>

#include "alloc.h"
#include "macros.h"
#include "parse.h"

static const char too_large[] = "is too large: numbers have 64 bits";
static const char no_number[] = "is no number";
static const char no_size[] =
	"is no size: the units are K, M, G, T (powers of 1024) and kB, MB, GB, TB (of 1000)";
static const char no_range[] =
	"is no range: write FIRST-LAST or FIRST+COUNT, in logical blocks";

/* A number at the beginning of @text; @end is what follows it. */
static const char *leading_number(const char *text, const char **end,
				  __u64 *value)
{
	char *stop;

	/* strtoull() accepts signs and white space, too. */
	if (!isdigit((unsigned char)*text))
		return no_number;

	errno = 0;
	*value = strtoull(text, &stop,
			  !strncasecmp(text, "0x", 2) ? 16 : 10);
	if (errno)
		return too_large;
	*end = stop;
	return NULL;
}

const char *parse_number(const char *text, __u64 *value)
{
	const char *end, *wrong = leading_number(text, &end, value);

	if (!wrong && *end)
		wrong = no_number;
	return wrong;
}

const char *parse_size(const char *text, __u64 *bytes)
{
	static const char letters[] = "KMGT";
	const char *end, *letter, *wrong = leading_number(text, &end, bytes);
	__u64 factor = 1024;
	long power;

	if (wrong || !*end)
		return wrong;

	letter = strchr(letters, toupper((unsigned char)*end++));
	if (!letter)
		return no_size;
	if (!strcmp(end, "B"))
		factor = 1000;
	else if (*end && strcmp(end, "iB"))
		return no_size;

	for (power = letter - letters; power >= 0; power--) {
		if (__builtin_mul_overflow(*bytes, factor, bytes))
			return too_large;
	}
	return NULL;
}

const char *parse_range(const char *text, struct range *range)
{
	const char *end, *wrong = leading_number(text, &end, &range->slba);
	__u64 number;
	char kind;

	if (wrong)
		return wrong == too_large ? wrong : no_range;
	kind = *end;
	if (kind != '-' && kind != '+')
		return no_range;

	wrong = parse_number(end + 1, &number);
	if (wrong)
		return wrong == too_large ? wrong : no_range;

	if (kind == '-') {
		if (number < range->slba)
			return "ends before it begins";
		if (!range->slba && number == UINT64_MAX)
			return too_large;
		range->nlb = number - range->slba + 1;
		return NULL;
	}

	if (!number)
		return "is empty";
	if (number - 1 > UINT64_MAX - range->slba)
		return too_large;
	range->nlb = number;
	return NULL;
}

static const struct right {
	const char *letter;
	const char *name;
	__u32 bit;
} right_names[] = {
	{ "r", "read",	USHER_RIGHT_READ },
	{ "w", "write",	USHER_RIGHT_WRITE },
	{ "f", "flush",	USHER_RIGHT_FLUSH },
	{ "a", "admin",	USHER_RIGHT_ADMIN },
};

static __u32 one_right(const char *text, size_t length)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(right_names); i++) {
		const struct right *right = &right_names[i];

		if ((length == 1 && *text == *right->letter) ||
		    (length == strlen(right->name) &&
		     !memcmp(text, right->name, length)))
			return right->bit;
	}
	return 0;
}

const char *parse_rights(const char *text, __u32 *rights)
{
	size_t length;
	__u32 bit;

	*rights = 0;
	for (;; text += length + 1) {
		length = strcspn(text, ",");
		bit = one_right(text, length);
		if (!bit)
			return "are no rights: write some of r,w,f,a for read, write, flush, admin";
		*rights |= bit;
		if (!text[length])
			return NULL;
	}
}

const char *parse_mode(const char *text, mode_t *mode)
{
	char *end;
	unsigned long value = strtoul(text, &end, 8);

	if (!isdigit((unsigned char)*text) || *end || value & ~0666UL)
		return "is no mode of a node: write octal permission bits, at most 0666";
	*mode = value;
	return NULL;
}

/* The number of a user or group. The highest is none: to the kernel it means "no change". */
static bool numeric_id(const char *text, __u32 *id)
{
	__u64 number;

	if (parse_number(text, &number) || number >= UINT32_MAX)
		return false;
	*id = (__u32)number;
	return true;
}

const char *parse_group(const char *text, gid_t *gid)
{
	const struct group *group = getgrnam(text);

	if (group)
		*gid = group->gr_gid;
	else if (!numeric_id(text, gid))
		return "is no group of this system, see getent group";
	return NULL;
}

const char *parse_user(const char *text, struct identity *who)
{
	const char *colon = strchrnul(text, ':'), *wrong = NULL;
	char *user = alloc_text(text, colon - text);
	const struct passwd *known = getpwnam(user);

	who->name = NULL;
	if (!known && numeric_id(user, &who->uid))
		known = getpwuid(who->uid);
	else if (!known)
		wrong = "names no user of this system, see getent passwd";

	if (known) {
		who->name = alloc_text(known->pw_name, strlen(known->pw_name));
		who->uid = known->pw_uid;
		who->gid = known->pw_gid;
	} else if (!wrong && !*colon) {
		wrong = "is a number without a name, so its group is not known: write UID:GID";
	}

	if (!wrong && *colon)
		wrong = parse_group(colon + 1, &who->gid);
	if (wrong) {
		free(who->name);
		who->name = NULL;
	}
	free(user);
	return wrong;
}

const char *format_size(__u64 bytes, char text[16])
{
	static const char units[] = " KMGTPE";
	double value = (double)bytes;
	int unit = 0;

	if (bytes < 1024) {
		snprintf(text, 16, "%llu B", bytes);
		return text;
	}
	while (value >= 999.5) {
		value /= 1024;
		unit++;
	}
	snprintf(text, 16, "%.*f %ciB", value < 9.995 ? 2 : value < 99.95,
		 value, units[unit]);
	return text;
}

const char *format_rights(__u32 rights, char text[16])
{
	char *end = text;
	size_t i;

	*end = '\0';
	for (i = 0; i < ARRAY_SIZE(right_names); i++) {
		if (rights & right_names[i].bit)
			end += sprintf(end, "%s%s", end == text ? "" : ",",
				       right_names[i].letter);
	}
	return text;
}
