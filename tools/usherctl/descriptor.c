// SPDX-License-Identifier: GPL-2.0-only
/*
 * Open files that this program was started with.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "descriptor.h"

/* The lowest number that is free is taken. A path alone can be neither read nor written. */
bool keep_standard_streams(void)
{
	int fd;

	do {
		fd = open("/", O_PATH | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

void wait_ready(int fd, short events)
{
	struct pollfd ready = { .fd = fd, .events = events };

	while (poll(&ready, 1, -1) < 0 && errno == EINTR)
		;
}

static ssize_t write_and_wait(void *cookie, const char *data, size_t size)
{
	int fd = (int)(intptr_t)cookie;
	size_t done = 0;
	ssize_t put;

	while (done < size) {
		put = write(fd, data + done, size - done);
		if (put >= 0)
			done += put;
		else if (errno == EAGAIN)
			wait_ready(fd, POLLOUT);
		else if (errno != EINTR)
			return 0;	/* which is an error here */
	}
	return (ssize_t)done;
}

static FILE *waiting(int fd, int buffering)
{
	static const cookie_io_functions_t functions = {
		.write = write_and_wait,
	};
	FILE *stream = fopencookie((void *)(intptr_t)fd, "w", functions);

	if (stream)
		setvbuf(stream, NULL, buffering, BUFSIZ);
	return stream;
}

/* In any case: whoever has the file, too, may set the flag later. */
bool wait_in_output(void)
{
	FILE *output = waiting(STDOUT_FILENO, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF);
	FILE *errors = waiting(STDERR_FILENO, _IONBF);

	if (!output || !errors)
		return false;
	stdout = output;
	stderr = errors;
	return true;
}
