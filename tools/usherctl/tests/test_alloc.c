// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program without memory says so, and ends with the exit status of its command.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "message.h"
#include "status.h"
#include "tap.h"

const char *__asan_default_options(void);

/* The sanitizer would end the program where calloc() is to return NULL. */
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

/* The exit status of a process that wants too much; what it says is in @text. */
static int starve(int status, char *text, size_t size)
{
	int ends[2], result = -1;
	ssize_t got;
	pid_t child;

	if (pipe(ends))
		return -1;
	fflush(stdout);	/* else the process prints it again */
	child = fork();
	if (!child) {
		dup2(ends[1], STDERR_FILENO);
		if (status)
			alloc_status(status);
		free(alloc_array(SIZE_MAX / 2, 1, "the list of nodes"));
		_exit(0);
	}
	close(ends[1]);
	waitpid(child, &result, 0);
	got = read(ends[0], text, size - 1);
	close(ends[0]);
	text[got < 0 ? 0 : got] = '\0';
	return WIFEXITED(result) ? WEXITSTATUS(result) : -1;
}

static void no_memory(void)
{
	char text[4096];

	EXPECT_EQ(starve(0, text, sizeof(text)), STATUS_FAILED);
	EXPECT(strstr(text, "usherctl: the list of nodes: there is no memory left"));
	EXPECT(strstr(text, "ulimit -v"));
	EXPECT_EQ(starve(STATUS_NO_EXEC, text, sizeof(text)), STATUS_NO_EXEC);
}

static void memory(void)
{
	unsigned char *bytes = alloc_array(3, 5, "bytes");
	char *text = alloc_text("usher0n1", 6);
	unsigned int i;

	for (i = 0; i < 15; i++)
		EXPECT_EQ(bytes[i], 0);
	EXPECT(!strcmp(text, "usher0"));
	free(bytes);
	free(text);
}

static const struct tap_test tests[] = {
	TAP_TEST(no_memory),
	TAP_TEST(memory),
};

int main(void)
{
	set_command("usherctl");
	return run_tests(tests, ARRAY_SIZE(tests));
}
