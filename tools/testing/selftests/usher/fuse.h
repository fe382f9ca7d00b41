/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file whose pages do not come: a file system of one file, by the protocol of
 * /dev/fuse, that answers no read until it is told to.
 */
#ifndef USHER_TEST_FUSE_H
#define USHER_TEST_FUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/**
 * struct slow_file - a file system and its file
 * @path: the file, on which it is mounted
 * @server: process that answers; it ends with the thread that began it
 * @asked: pipe: a byte for each read that the kernel asks for
 * @answer: pipe: a byte to have reads answered
 */
struct slow_file {
	char path[32];
	pid_t server;
	int asked;
	int answer;
};

int slow_file_begin(struct slow_file *file, size_t bytes);
void *slow_file_map(const struct slow_file *file, size_t bytes);
void slow_file_answer(struct slow_file *file);
void slow_file_end(struct slow_file *file);

#endif /* USHER_TEST_FUSE_H */
