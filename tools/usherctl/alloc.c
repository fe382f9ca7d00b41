// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory. Where there is none, the program ends after a message.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "message.h"
#include "status.h"

static int exit_status = STATUS_FAILED;

void alloc_status(int status)
{
	exit_status = status;
}

void alloc_failed(const char *what)
{
	fail_at(ACT_ALLOC, ENOMEM, "%s", what);
	exit(exit_status);
}

void *alloc_array(size_t count, size_t size, const char *what)
{
	void *memory = calloc(count, size);

	if (!memory)
		alloc_failed(what);
	return memory;
}

char *alloc_text(const char *text, size_t length)
{
	char *copy = strndup(text, length);

	if (!copy)
		alloc_failed(text);
	return copy;
}
