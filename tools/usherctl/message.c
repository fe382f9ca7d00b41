// SPDX-License-Identifier: GPL-2.0-only
/*
 * Errors name the thing, the reason, and what can be done about it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <usher.h>

#include "macros.h"
#include "message.h"
#include "status.h"

static const char *command = "usherctl";

void set_command(const char *name)
{
	command = name;
}

/* Advice for an error of an action; ACT_OTHER is for any action. */
static const struct advice {
	enum action action;
	int error;
	const char *reason;
	const char *remedy;
} advice[] = {
	{ ACT_ALLOC, ENOMEM, "there is no memory left for this program",
	  "\"free\" shows that of the machine; \"ulimit -v\" or a control group may limit it." },
	{ ACT_OPEN, EACCES, "the file permissions do not allow it",
	  "Run it as root, or have a slice published for you (usherctl slice add)." },
	{ ACT_OPEN, EPERM, "not permitted",
	  "A container or a security module forbids it: allow the device there." },
	{ ACT_OPEN, ENOENT, "there is no such node",
	  "\"usherctl list\" shows what there is; \"usherctl bind\" makes nodes of an NVMe disk." },
	{ ACT_OPEN, ENOTTY, "this is no node of usher",
	  "Nodes are named like /dev/usher0n1; \"usherctl list\" shows them." },
	{ ACT_OPEN, ENXIO, "the node has no device behind it",
	  "\"usherctl list\" shows the nodes that have." },
	{ ACT_INHERIT, ENOENT, "no node was named, and no grant was inherited",
	  "Name a node, or run this under \"usherctl exec\", which sets " USHER_GRANT_ENV "." },
	{ ACT_INHERIT, EINVAL, USHER_GRANT_ENV " is not the number of a file descriptor",
	  "\"usherctl exec\" sets it; do not change it." },
	{ ACT_INHERIT, EBADF, "the file descriptor in " USHER_GRANT_ENV " is closed",
	  "Something between \"usherctl exec\" and this program closed it." },
	{ ACT_INHERIT, ENOTTY, "the file descriptor in " USHER_GRANT_ENV " is no grant",
	  "\"usherctl exec\" sets it; do not change it." },
	{ ACT_NARROW, EOPNOTSUPP, "the controller node has no blocks",
	  "Name a namespace, such as /dev/usher0n1." },
	{ ACT_NARROW, EACCES, "a right that the node or grant does not have",
	  "Ask for fewer --rights; \"usherctl info\" shows which there are." },
	{ ACT_NARROW, ERANGE, "the range reaches outside the node or grant",
	  "\"usherctl info\" shows its first and last block." },
	{ ACT_NARROW, EINVAL, "on a zoned namespace a range is made of whole zones",
	  "\"usherctl info\" shows the blocks of a zone." },
	{ ACT_NARROW, EDQUOT, "a limit above that of the node or grant",
	  "\"usherctl info\" shows its limits." },
	{ ACT_NARROW, EMLINK, "more than 32 grants one below the other",
	  "Narrow a grant that was narrowed less often." },
	{ ACT_OPEN, EMLINK, "more than 32 grants one below the other",
	  "Publish slices of a slice less deeply." },
	{ ACT_REGISTER, ENOMEM, "no memory may be pinned: RLIMIT_MEMLOCK is used up, or memory is",
	  "\"ulimit -l\" shows the limit, in KiB, for all processes of the user together.\n"
	  "  Raise it with \"ulimit -l\" as root, with a memlock line in\n"
	  "  /etc/security/limits.conf, or with LimitMEMLOCK= in a systemd unit." },
	{ ACT_REGISTER, EDQUOT, "the grant's limit of pinned memory is used up",
	  "\"usherctl info\" shows the limit and what is used of it." },
	{ ACT_REGISTER, EOPNOTSUPP, "the device cannot have permanent access to this memory",
	  "Machines with bounce buffers, or with DMA that is not coherent, are not supported." },
	{ ACT_RING, EBUSY, "the device has no queue left to share",
	  "Wait until another process closes a ring." },
	{ ACT_RING, EDQUOT, "the grant's limit of rings or of entries is used up",
	  "\"usherctl info\" shows the limits and what is used of them." },
	{ ACT_RING, EACCES, "the grant was revoked, or the node has no blocks",
	  "Open a namespace node, such as /dev/usher0n1, again." },
	{ ACT_SLICE, EPERM, "publishing needs CAP_SYS_ADMIN",
	  "Run it as root." },
	{ ACT_SLICE, ENOENT, "there is no such slice",
	  "\"usherctl slice list\" shows those there are." },
	{ ACT_SLICE, EOPNOTSUPP, "the controller node has no blocks to slice",
	  "Name a namespace, such as /dev/usher0n1." },
	{ ACT_SLICE, EBUSY, "no slice is left", "Remove one with \"usherctl slice remove\"." },
	{ ACT_QUERY, EACCES, "the grant has no right to query, or the query is not allowed",
	  "A grant needs the right a (admin)." },
	{ ACT_QUERY, ETIMEDOUT, "the device did not answer",
	  "The kernel log says more." },
	{ ACT_OTHER, EACCES, "the grant does not allow it, or it was revoked",
	  "\"usherctl info\" shows what it allows and its state." },
	{ ACT_OTHER, EAGAIN, "the controller was reset meanwhile", "Try again." },
	{ ACT_OTHER, ESTALE, "the namespace changed its format or vanished",
	  "Open it again." },
	{ ACT_OTHER, ENODEV, "the device is gone",
	  "\"usherctl list\" shows the devices; the kernel log says why it went." },
	{ ACT_OTHER, EBADFD, "the ring is broken: an index in it was overwritten",
	  "This is a bug of the program that uses the ring." },
	{ ACT_OTHER, ENOTTY, "this is no grant of usher, or the module is older than this program",
	  "\"usherctl --version\" and \"modinfo usher\" show both." },
	{ ACT_OTHER, E2BIG, "the module is older than this program",
	  "\"usherctl --version\" and \"modinfo usher\" show both." },
	{ ACT_OTHER, EPROTO, "the module is newer than this program",
	  "\"usherctl --version\" and \"modinfo usher\" show both." },
};

static const struct advice *find_advice(enum action action, int error)
{
	size_t i;

	error = error < 0 ? -error : error;
	for (i = 0; i < ARRAY_SIZE(advice); i++) {
		if (advice[i].error == error &&
		    (advice[i].action == action ||
		     advice[i].action == ACT_OTHER))
			return &advice[i];
	}
	return NULL;
}

const char *error_reason(enum action action, int error)
{
	const struct advice *found = find_advice(action, error);

	return found ? found->reason : strerror(error < 0 ? -error : error);
}

const char *error_remedy(enum action action, int error)
{
	const struct advice *found = find_advice(action, error);

	return found ? found->remedy : NULL;
}

const char *status_remedy(__u16 status)
{
	switch (status) {
	case USHER_SC_LBA_RANGE:
	case USHER_SC_ACCESS_DENIED:
		return "\"usherctl info\" shows the blocks and rights of the grant.";
	case USHER_SC_ZONE_INVALID_WRITE:
		return "Zones are written in order: begin at the write pointer, or reset the zone.";
	case USHER_SC_ZONE_FULL:
		return "Reset the zone first.";
	case USHER_SC_HOST_PATHING:
		return "The kernel log says why.";
	default:
		return NULL;
	}
}

static void say(const char *format, va_list args)
{
	fprintf(stderr, "%s: ", command);
	vfprintf(stderr, format, args);
}

void note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	fputc('\n', stderr);
}

int fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	fputc('\n', stderr);
	return STATUS_FAILED;
}

int fail_at(enum action action, int error, const char *format, ...)
{
	const char *remedy = error_remedy(action, error);
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	fprintf(stderr, ": %s\n", error_reason(action, error));
	if (remedy)
		fprintf(stderr, "  %s\n", remedy);
	return STATUS_FAILED;
}

int fail_command(const struct usher_cqe *cqe, const char *format, ...)
{
	__u16 status = usher_cqe_status(cqe), flags = usher_cqe_flags(cqe);
	const char *remedy = status_remedy(status);
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	fprintf(stderr, ": %s (status %03xh%s)\n", usher_strstatus(status), status,
		flags & USHER_CQE_REFUSED ? ", refused by the guard" :
		flags & USHER_CQE_DRIVER ? ", completed by the driver" : "");
	if (remedy)
		fprintf(stderr, "  %s\n", remedy);
	return STATUS_FAILED;
}

int usage_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	fprintf(stderr, "\n  See \"%s --help\".\n", command);
	return STATUS_USAGE;
}
