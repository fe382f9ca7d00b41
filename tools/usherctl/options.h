/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The options of commands that show facts.
 */
#ifndef USHERCTL_OPTIONS_H
#define USHERCTL_OPTIONS_H

#include <stdbool.h>

/**
 * parse_json_option() - parse --json and --help, which are all the options there are
 * @argc: as of main()
 * @argv: as of main()
 * @help: prints the help
 * @json: answers whether --json was given
 * @status: answers the exit status where the command is done
 *
 * Return: 0, or negative where the command is done
 */
int parse_json_option(int argc, char **argv, void (*help)(void), bool *json,
		      int *status);

#endif /* USHERCTL_OPTIONS_H */
