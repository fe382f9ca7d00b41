// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * NVMe status values in words: those that the guard, the driver, and devices
 * answer to the commands of a ring.
 */
#include "internal.h"

static const struct {
	__u16 status;
	const char *text;
} texts[] = {
	{ USHER_SC_SUCCESS,		"success" },
	{ USHER_SC_INVALID_OPCODE,	"invalid command opcode" },
	{ USHER_SC_INVALID_FIELD,	"invalid field in command" },
	{ 0x003,			"command ID conflict" },
	{ USHER_SC_DATA_TRANSFER,	"data transfer error" },
	{ 0x005,			"aborted: power loss" },
	{ USHER_SC_INTERNAL,		"internal error of the device" },
	{ USHER_SC_ABORT_REQUESTED,	"aborted on request" },
	{ USHER_SC_ABORT_SQ_DELETED,	"aborted: its queue was deleted" },
	{ USHER_SC_INVALID_NAMESPACE,	"invalid namespace or format" },
	{ 0x013,			"invalid PRP offset" },
	{ 0x015,			"operation denied" },
	{ 0x01c,			"sanitize failed" },
	{ 0x01d,			"sanitize in progress" },
	{ 0x020,			"namespace is write protected" },
	{ 0x021,			"command interrupted" },
	{ 0x022,			"transient transport error" },
	{ USHER_SC_LBA_RANGE,		"LBA out of range" },
	{ USHER_SC_CAPACITY,		"capacity exceeded" },
	{ 0x082,			"namespace not ready" },
	{ 0x083,			"reservation conflict" },
	{ 0x084,			"format in progress" },
	{ 0x180,			"conflicting attributes" },
	{ 0x181,			"invalid protection information" },
	{ 0x182,			"write to a read-only range" },
	{ USHER_SC_SIZE_LIMIT,		"command size limit exceeded" },
	{ USHER_SC_ZONE_BOUNDARY,	"zone boundary error" },
	{ USHER_SC_ZONE_FULL,		"zone is full" },
	{ 0x1ba,			"zone is read-only" },
	{ 0x1bb,			"zone is offline" },
	{ USHER_SC_ZONE_INVALID_WRITE,	"not at the zone's write pointer" },
	{ 0x1bd,			"too many active zones" },
	{ 0x1be,			"too many open zones" },
	{ 0x1bf,			"invalid zone state transition" },
	{ 0x280,			"write fault" },
	{ 0x281,			"unrecovered read error" },
	{ 0x282,			"guard check error" },
	{ 0x283,			"application tag check error" },
	{ 0x284,			"reference tag check error" },
	{ USHER_SC_COMPARE_FAILED,	"compare failed" },
	{ USHER_SC_ACCESS_DENIED,	"access denied" },
	{ USHER_SC_UNWRITTEN,		"deallocated or unwritten block" },
	{ USHER_SC_HOST_PATHING,	"lost on the way: the device was reset or removed" },
	{ USHER_SC_HOST_ABORTED,	"aborted by the host" },
};

static const char * const types[] = {
	"unknown generic status",
	"unknown command specific status",
	"unknown media or data integrity error",
	"unknown path related status",
	"reserved status",
	"reserved status",
	"reserved status",
	"vendor specific status",
};

const char *usher_strstatus(__u16 status)
{
	size_t i;

	status &= 0x7ff;
	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		if (texts[i].status == status)
			return texts[i].text;
	}
	return types[status >> 8];
}
