// SPDX-License-Identifier: GPL-2.0-only
/*
 * usherctl exec: a program with a grant, and without privilege.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <usher.h>

#include "alloc.h"
#include "commands.h"
#include "message.h"
#include "narrow.h"
#include "node.h"
#include "parse.h"
#include "status.h"
#include "sysfs.h"

struct worker {
	const char *node;
	const char *user_text;
	struct narrow narrow;
	struct identity user;
};

static const struct option options[] = {
	{ "node",	required_argument, NULL, 'n' },
	{ "range",	required_argument, NULL, 'r' },
	{ "rights",	required_argument, NULL, 'a' },
	{ "max-rings",	required_argument, NULL, 'R' },
	{ "max-depth",	required_argument, NULL, 'D' },
	{ "max-pinned",	required_argument, NULL, 'P' },
	{ "user",	required_argument, NULL, 'u' },
	{ "help",	no_argument,	   NULL, 'h' },
	{ }
};

static void help(void)
{
	printf("Usage: usherctl exec [OPTION]... [--] COMMAND [ARGUMENT]...\n\n"
	       "Open a node, narrow the grant, drop privilege, and run COMMAND with the grant\n"
	       "as an open file whose number is in " USHER_GRANT_ENV ".\n\n"
	       "  --node NODE          namespace or slice (default: the inherited grant in\n"
	       "                       " USHER_GRANT_ENV ", else the only namespace there is)\n");
	help_narrow();
	printf("  --user USER[:GROUP]  become this user, with its groups; names or numbers\n"
	       "                       (default: stay who you are)\n\n"
	       "Exit status: that of COMMAND; 127 COMMAND was not found, 126 it could not be\n"
	       "run, 125 usherctl failed before.\n");
}

static int parse_arguments(struct worker *worker, int argc, char **argv)
{
	const char *wrong;
	int option;

	while ((option = getopt_long(argc, argv, "+n:r:a:u:h", options,
				     NULL)) != -1) {
		wrong = NULL;
		switch (option) {
		case 'n':
			worker->node = optarg;
			break;
		case 'u':
			worker->user_text = optarg;
			wrong = parse_user(optarg, &worker->user);
			break;
		case 'h':
			help();
			exit(0);
		case '?':
			return usage_error("the arguments are not understood");
		default:
			wrong = parse_narrow(&worker->narrow, option, optarg);
		}
		if (wrong)
			return usage_error("\"%s\" %s", optarg, wrong);
	}

	if (optind == argc)
		return usage_error("which command to run?");
	return 0;
}

/* The only namespace node there is, or NULL after a message */
static const char *only_namespace(void)
{
	const char *only = NULL;
	struct node node;
	char **names;
	int i, count = sys_scan(&names, SYS_USHER);

	for (i = 0; i < count; i++) {
		if (!parse_node(names[i], &node) || !node.ns || node.slice)
			continue;
		if (only) {
			fail("there is more than one namespace (%s, %s): name one with --node",
			     only, names[i]);
			return NULL;
		}
		only = names[i];
	}
	if (!only)
		fail("there is no namespace: \"usherctl bind\" makes nodes of an NVMe disk");
	return only;
}

/* A grant as the arguments say, or negative after a message */
static int make_grant(struct worker *worker)
{
	if (!worker->node && !getenv(USHER_GRANT_ENV)) {
		worker->node = only_namespace();
		if (!worker->node)
			return -1;
	}
	return open_narrowed(worker->node, &worker->narrow);
}

/* Set the groups first: a process without privilege cannot change them. */
static int drop_privilege(const struct worker *worker)
{
	const struct identity *user = &worker->user;
	int ret;

	if (!worker->user_text)
		return 0;

	ret = user->name ? initgroups(user->name, user->gid) :
			   setgroups(0, NULL);
	if (ret || setresgid(user->gid, user->gid, user->gid) ||
	    setresuid(user->uid, user->uid, user->uid)) {
		fail("--user %s: %s", worker->user_text, strerror(errno));
		if (errno == EPERM)
			fprintf(stderr, "  Becoming another user needs root.\n");
		return -1;
	}
	return 0;
}

static int pass_grant(int grant)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", grant);
	if (fcntl(grant, F_SETFD, 0) || setenv(USHER_GRANT_ENV, number, 1)) {
		fail("the grant cannot be passed on: %s", strerror(errno));
		return -1;
	}
	return 0;
}

int cmd_exec(int argc, char **argv)
{
	struct worker worker = {};
	int grant, ret;

	alloc_status(STATUS_NO_EXEC);
	if (parse_arguments(&worker, argc, argv))
		return STATUS_NO_EXEC;
	grant = make_grant(&worker);
	if (grant < 0)
		return STATUS_NO_EXEC;
	if (drop_privilege(&worker) || pass_grant(grant))
		return STATUS_NO_EXEC;

	execvp(argv[optind], argv + optind);
	ret = errno == ENOENT ? 127 : 126;
	fail("%s: %s", argv[optind], strerror(errno));
	return ret;
}
