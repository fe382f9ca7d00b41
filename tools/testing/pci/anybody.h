/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fixture for tests that take no privilege: each runs as root, and again as a user
 * who has nothing but the permission to open the device nodes. Include it once, after
 * harness.h.
 */
#ifndef ANYBODY_H
#define ANYBODY_H

#include <grp.h>

#include "raw.h"

FIXTURE(anybody)
{
};

FIXTURE_VARIANT(anybody)
{
	uid_t uid;
};

FIXTURE_VARIANT_ADD(anybody, root)
{
	.uid = 0,
};

FIXTURE_VARIANT_ADD(anybody, nobody)
{
	.uid = NOBODY,
};

FIXTURE_SETUP(anybody)
{
	if (!variant->uid)
		return;
	if (attribute(EDU, "contained") != 1)
		SKIP(return, "nothing contains the devices, so they are not for everybody");
	own_nodes(variant->uid);
	ASSERT_EQ(0, setgroups(0, NULL));
	ASSERT_EQ(0, setresgid(NOBODY, NOBODY, NOBODY));
	ASSERT_EQ(0, setresuid(NOBODY, NOBODY, NOBODY));
}

/* In the parent process, which is still root */
FIXTURE_TEARDOWN_PARENT(anybody)
{
	own_nodes(0);
}

#endif /* ANYBODY_H */
