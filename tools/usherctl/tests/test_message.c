// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every error that usher documents has a reason, and most a remedy.
 */
#include <errno.h>
#include <string.h>

#include <usher.h>

#include "message.h"
#include "tap.h"

static void remedies(void)
{
	static const struct {
		enum action action;
		int error;
		const char *word;	/* in the remedy */
	} wanted[] = {
		{ ACT_ALLOC, ENOMEM, "ulimit -v" },
		{ ACT_OPEN, EACCES, "usherctl slice add" },
		{ ACT_OPEN, ENOENT, "usherctl bind" },
		{ ACT_OPEN, ENOTTY, "usherctl list" },
		{ ACT_OPEN, ENODEV, "usherctl list" },
		{ ACT_INHERIT, ENOENT, "usherctl exec" },
		{ ACT_INHERIT, EINVAL, "usherctl exec" },
		{ ACT_INHERIT, EBADF, "usherctl exec" },
		{ ACT_NARROW, ERANGE, "usherctl info" },
		{ ACT_NARROW, EACCES, "--rights" },
		{ ACT_NARROW, EINVAL, "zone" },
		{ ACT_NARROW, EDQUOT, "limits" },
		{ ACT_REGISTER, ENOMEM, "ulimit -l" },
		{ ACT_REGISTER, EDQUOT, "usherctl info" },
		{ ACT_REGISTER, EOPNOTSUPP, "not coherent" },
		{ ACT_RING, EBUSY, "closes a ring" },
		{ ACT_RING, EDQUOT, "usherctl info" },
		{ ACT_SUBMIT, EACCES, "usherctl info" },
		{ ACT_SUBMIT, ESTALE, "again" },
		{ ACT_SUBMIT, ENODEV, "kernel log" },
		{ ACT_SUBMIT, EBADFD, "bug" },
		{ ACT_SLICE, EPERM, "root" },
		{ ACT_SLICE, ENOENT, "slice list" },
		{ ACT_QUERY, EACCES, "admin" },
		{ ACT_QUERY, ETIMEDOUT, "kernel log" },
		{ ACT_OTHER, E2BIG, "modinfo usher" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		const char *remedy = error_remedy(wanted[i].action,
						  wanted[i].error);
		const char *same = error_remedy(wanted[i].action,
						-wanted[i].error);

		EXPECT(remedy && strstr(remedy, wanted[i].word));
		EXPECT(remedy == same);
		EXPECT(strcmp(error_reason(wanted[i].action, wanted[i].error),
			      strerror(wanted[i].error)));
	}
}

static void unknown_errors(void)
{
	EXPECT(!strcmp(error_reason(ACT_OPEN, -EMFILE), strerror(EMFILE)));
	EXPECT(!error_remedy(ACT_OPEN, -EMFILE));
	/* advice for one action is not given for another */
	EXPECT(!error_remedy(ACT_SUBMIT, ENOMEM));
}

static void statuses(void)
{
	EXPECT(strstr(status_remedy(USHER_SC_LBA_RANGE), "usherctl info"));
	EXPECT(strstr(status_remedy(USHER_SC_ACCESS_DENIED), "usherctl info"));
	EXPECT(strstr(status_remedy(USHER_SC_ZONE_FULL), "Reset"));
	EXPECT(!status_remedy(USHER_SC_INTERNAL));
}

static const struct tap_test tests[] = {
	TAP_TEST(remedies),
	TAP_TEST(unknown_errors),
	TAP_TEST(statuses),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
