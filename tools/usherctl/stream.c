// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where bytes come from or go to: a file, a block device, a pipe, standard input or
 * output.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "descriptor.h"
#include "message.h"
#include "stream.h"

static int failed(const struct stream *stream)
{
	return fail("%s: %s", stream->name, strerror(errno));
}

/* @option is the one that names a file instead. */
static int check_open(const struct stream *stream, const char *option)
{
	if (stream->fd < 0)
		return failed(stream);
	if (isatty(stream->fd))
		return fail("%s is a terminal: redirect it, or name a file with --%s",
			    stream->name, option);
	return 0;
}

int stream_open_input(struct stream *stream, const char *path)
{
	*stream = (struct stream) {
		.fd = path ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO,
		.name = path ? path : "standard input",
		.opened = path,
	};
	return check_open(stream, "input");
}

int stream_open_output(struct stream *stream, const char *path)
{
	int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;

	*stream = (struct stream) {
		.fd = path ? open(path, flags, 0666) : STDOUT_FILENO,
		.name = path ? path : "standard output",
		.opened = path,
	};
	return check_open(stream, "output");
}

int stream_close(struct stream *stream)
{
	return stream->opened && close(stream->fd) ? failed(stream) : 0;
}

/* Bytes from the beginning on, or 0 where that is not known */
static __u64 whole_size(int fd)
{
	struct stat st;
	__u64 bytes;

	if (fstat(fd, &st))
		return 0;
	if (S_ISREG(st.st_mode))
		return st.st_size;
	return S_ISBLK(st.st_mode) && !ioctl(fd, BLKGETSIZE64, &bytes) ? bytes : 0;
}

__u64 stream_size(const struct stream *stream)
{
	off_t at = lseek(stream->fd, 0, SEEK_CUR);
	__u64 bytes = whole_size(stream->fd);

	return at < 0 || bytes <= (__u64)at ? 0 : bytes - at;
}

bool stream_is_block_device(const struct stream *stream)
{
	struct stat st;

	return !fstat(stream->fd, &st) && S_ISBLK(st.st_mode);
}

ssize_t stream_read(const struct stream *stream, char *data, size_t size)
{
	size_t done = 0;
	ssize_t got;

	while (done < size) {
		got = read(stream->fd, data + done, size - done);
		if (!got)
			break;
		if (got > 0) {
			done += got;
		} else if (errno == EAGAIN) {
			wait_ready(stream->fd, POLLIN);
		} else if (errno != EINTR) {
			failed(stream);
			return -1;
		}
	}
	return (ssize_t)done;
}

int stream_write(const struct stream *stream, const char *data, size_t size)
{
	ssize_t put;

	while (size) {
		put = write(stream->fd, data, size);
		if (put >= 0) {
			data += put;
			size -= put;
		} else if (errno == EAGAIN) {
			wait_ready(stream->fd, POLLOUT);
		} else if (errno != EINTR) {
			return failed(stream);
		}
	}
	return 0;
}
