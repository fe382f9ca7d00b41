/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where bytes come from or go to: a file, a block device, a pipe, standard input or
 * output. Failures are reported.
 */
#ifndef USHERCTL_STREAM_H
#define USHERCTL_STREAM_H

#include <stdbool.h>
#include <linux/types.h>
#include <sys/types.h>

/**
 * struct stream - an open stream
 * @fd: file descriptor
 * @name: what to call it in messages
 * @opened: it is neither standard input nor standard output
 */
struct stream {
	int fd;
	const char *name;
	bool opened;
};

/**
 * stream_open_input() - open a file for reading
 * @stream: result
 * @path: of the file, or NULL for standard input
 *
 * Return: 0, or STATUS_FAILED
 */
int stream_open_input(struct stream *stream, const char *path);

/**
 * stream_open_output() - open a file for writing; it is created or truncated
 * @stream: result
 * @path: of the file, or NULL for standard output
 *
 * Return: 0, or STATUS_FAILED
 */
int stream_open_output(struct stream *stream, const char *path);

/**
 * stream_close() - close what was opened
 * @stream: which
 *
 * Return: 0, or STATUS_FAILED where data that were written are lost
 */
int stream_close(struct stream *stream);

/**
 * stream_size() - how many bytes a file or a block device has
 * @stream: which
 *
 * Return: bytes from the present position on, or 0 where that is not known
 */
__u64 stream_size(const struct stream *stream);

/**
 * stream_is_block_device() - whether a stream has a size that nothing changes
 * @stream: which
 *
 * Return: whether it is a block device
 */
bool stream_is_block_device(const struct stream *stream);

/**
 * stream_read() - read as many bytes as there are
 * @stream: which
 * @data: where to
 * @size: how many at most
 *
 * Return: how many; fewer than @size at the end of the input alone; or negative
 */
ssize_t stream_read(const struct stream *stream, char *data, size_t size);

/**
 * stream_write() - write all bytes
 * @stream: which
 * @data: what
 * @size: how many
 *
 * Return: 0, or STATUS_FAILED
 */
int stream_write(const struct stream *stream, const char *data, size_t size);

#endif /* USHERCTL_STREAM_H */
