/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Open files that this program was started with, as they may be: closed, or with
 * O_NONBLOCK. That flag belongs to all who have the file, so it stays.
 */
#ifndef USHERCTL_DESCRIPTOR_H
#define USHERCTL_DESCRIPTOR_H

#include <stdbool.h>

/**
 * keep_standard_streams() - let no other file take the place of a closed standard stream
 *
 * What is put there can be neither read nor written, and does not go over to another
 * program.
 *
 * Return: false where that cannot be done
 */
bool keep_standard_streams(void);

/**
 * wait_in_output() - let standard output and standard error wait where O_NONBLOCK is set
 *
 * Without it what does not fit into a pipe would be lost.
 *
 * Return: false for want of memory
 */
bool wait_in_output(void);

/**
 * wait_ready() - wait until a file with O_NONBLOCK goes on
 * @fd: file that answered EAGAIN
 * @events: POLLIN or POLLOUT
 */
void wait_ready(int fd, short events);

#endif /* USHERCTL_DESCRIPTOR_H */
