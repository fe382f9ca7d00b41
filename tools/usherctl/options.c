// SPDX-License-Identifier: GPL-2.0-only
/*
 * The options of commands that show facts.
 */
#include <getopt.h>
#include <stddef.h>

#include "message.h"
#include "options.h"

static const struct option options[] = {
	{ "json",	no_argument,	NULL, 'j' },
	{ "help",	no_argument,	NULL, 'h' },
	{ }
};

int parse_json_option(int argc, char **argv, void (*help)(void), bool *json,
		      int *status)
{
	int option;

	*json = false;
	while ((option = getopt_long(argc, argv, "jh", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			*json = true;
			break;
		case 'h':
			help();
			*status = 0;
			return -1;
		default:
			*status = usage_error("the arguments are not understood");
			return -1;
		}
	}
	return 0;
}
