/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fixture for tests of one program: the controller made of software is loaded, and
 * unloaded after the test however that ended. Include it once, after harness.h.
 */
#ifndef SOFTCTRL_FIXTURE_H
#define SOFTCTRL_FIXTURE_H

#include "softctrl.h"

FIXTURE(softctrl)
{
};

FIXTURE_SETUP(softctrl)
{
	ASSERT_EQ(0, softctrl_load(""));
}

/* In the parent process, when nothing is open any more */
FIXTURE_TEARDOWN_PARENT(softctrl)
{
	EXPECT_EQ(0, softctrl_unload());
}

#endif /* SOFTCTRL_FIXTURE_H */
