/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory. Where there is none, the program ends after a message.
 *
 * Only the main thread may call these functions.
 */
#ifndef USHERCTL_ALLOC_H
#define USHERCTL_ALLOC_H

#include <stddef.h>

/**
 * alloc_status() - set the exit status of a program that got no memory
 * @status: instead of STATUS_FAILED
 */
void alloc_status(int status);

/**
 * alloc_failed() - report that there is no memory, and end the program
 * @what: what it was for
 */
void alloc_failed(const char *what) __attribute__((__noreturn__));

/**
 * alloc_array() - get memory that is zero
 * @count: elements
 * @size: bytes of an element
 * @what: what it is for, in a message
 *
 * Return: the memory, never NULL; to be freed by free()
 */
void *alloc_array(size_t count, size_t size, const char *what);

/**
 * alloc_text() - copy a text
 * @text: the text
 * @length: how many characters of it at most
 *
 * Return: the copy, never NULL; to be freed by free()
 */
char *alloc_text(const char *text, size_t length);

#endif /* USHERCTL_ALLOC_H */
