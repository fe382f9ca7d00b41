/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages on standard error. An error names the thing, the reason and the remedy.
 */
#ifndef USHERCTL_MESSAGE_H
#define USHERCTL_MESSAGE_H

#include <linux/types.h>

#include "macros.h"

struct usher_cqe;

/**
 * enum action - what was tried when an error came
 * @ACT_OTHER: none of the following
 * @ACT_ALLOC: allocating memory
 * @ACT_OPEN: opening a node
 * @ACT_INHERIT: taking the grant from the environment
 * @ACT_NARROW: making a smaller grant
 * @ACT_REGISTER: registering memory
 * @ACT_RING: making a ring
 * @ACT_SUBMIT: submitting commands, or waiting for them
 * @ACT_SLICE: publishing or removing a slice
 * @ACT_QUERY: asking the device
 *
 * One errno value has different reasons and remedies after different actions.
 */
enum action {
	ACT_OTHER,
	ACT_ALLOC,
	ACT_OPEN,
	ACT_INHERIT,
	ACT_NARROW,
	ACT_REGISTER,
	ACT_RING,
	ACT_SUBMIT,
	ACT_SLICE,
	ACT_QUERY,
};

/**
 * set_command() - set the name that all messages begin with
 * @name: "usherctl read" or the like; it must stay valid
 */
void set_command(const char *name);

/**
 * note() - say something that is no error
 * @format: as of printf()
 */
void note(const char *format, ...) __printf(1, 2);

/**
 * fail() - report an error
 * @format: as of printf(): the thing and the reason
 *
 * Return: STATUS_FAILED
 */
int fail(const char *format, ...) __printf(1, 2);

/**
 * fail_at() - report an error that has a number, with its reason and its remedy
 * @action: what was tried
 * @error: errno value, positive or negative
 * @format: as of printf(): the thing
 *
 * Return: STATUS_FAILED
 */
int fail_at(enum action action, int error, const char *format, ...)
	__printf(3, 4);

/**
 * fail_command() - report an NVMe command that failed
 * @cqe: its completion
 * @format: as of printf(): the thing
 *
 * Return: STATUS_FAILED
 */
int fail_command(const struct usher_cqe *cqe, const char *format, ...)
	__printf(2, 3);

/**
 * usage_error() - report wrong arguments, and point to --help
 * @format: as of printf()
 *
 * Return: STATUS_USAGE
 */
int usage_error(const char *format, ...) __printf(1, 2);

/**
 * error_reason() - what an error means
 * @action: what was tried
 * @error: errno value, positive or negative
 *
 * Return: a text, which is that of strerror() where nothing better is known
 */
const char *error_reason(enum action action, int error);

/**
 * error_remedy() - what can be done about an error
 * @action: what was tried
 * @error: errno value, positive or negative
 *
 * Return: a sentence, or NULL where none is known
 */
const char *error_remedy(enum action action, int error);

/**
 * status_remedy() - what can be done about an NVMe status
 * @status: the status field of a completion
 *
 * Return: a sentence, or NULL where none is known
 */
const char *status_remedy(__u16 status);

#endif /* USHERCTL_MESSAGE_H */
