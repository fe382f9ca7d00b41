// SPDX-License-Identifier: GPL-2.0-only
/*
 * usherctl: the command line of usher.
 */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "descriptor.h"
#include "macros.h"
#include "message.h"
#include "status.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{ "list",	cmd_list,	"devices, namespaces and slices" },
	{ "bind",	cmd_bind,	"take a device from its driver for usher" },
	{ "unbind",	cmd_unbind,	"let go of a device, or give it back" },
	{ "info",	cmd_info,	"what a node allows, or what a PCI function is" },
	{ "regs",	cmd_regs,	"registers of a PCI function" },
	{ "slice",	cmd_slice,	"publish part of a namespace as a node" },
	{ "read",	cmd_read,	"from blocks to a file or pipe" },
	{ "write",	cmd_write,	"from a file or pipe to blocks" },
	{ "bench",	cmd_bench,	"measure a disk: I/Os a second, latency, cost" },
	{ "exec",	cmd_exec,	"run a program with a grant and without privilege" },
};

static void print_commands(void)
{
	size_t i;

	printf("Usage: usherctl COMMAND [ARGUMENT]...\n\n");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-8s %s\n", commands[i].name, commands[i].summary);
	printf("\n\"usherctl COMMAND --help\" says more; usherctl(1) says it all.\n\n"
	       "Exit status: 0 done; 1 the device or the system refused; 2 wrong arguments;\n"
	       "3 bind, unbind: the device is in use; 4 --verify: data differ; exec: see its help.\n");
}

static int run(const struct command *command, int argc, char **argv)
{
	static char name[32];

	snprintf(name, sizeof(name), "usherctl %s", command->name);
	set_command(name);
	argv[0] = name;	/* getopt_long() begins its messages with it */
	return command->run(argc, argv);
}

static int run_by_name(int argc, char **argv)
{
	size_t i;

	if (argc < 2) {
		print_commands();
		return STATUS_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    !strcmp(argv[1], "help")) {
		print_commands();
		return 0;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("usherctl %s\n", VERSION);
		return 0;
	}

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(argv[1], commands[i].name))
			return run(&commands[i], argc - 1, argv + 1);
	}
	return usage_error("there is no command \"%s\"", argv[1]);
}

int main(int argc, char **argv)
{
	int status;

	if (!keep_standard_streams() || !wait_in_output())
		return STATUS_FAILED;
	status = run_by_name(argc, argv);
	if (!status && (fflush(stdout) || ferror(stdout)))
		status = fail("standard output: it cannot be written");
	return status;
}
