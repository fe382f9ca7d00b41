// SPDX-License-Identifier: GPL-2.0-only
/*
 * The header compiles as C++ without a warning, and its names link.
 */
#include <usher.h>

#include "tap.h"

static void from_cxx(void)
{
	struct usher_sqe sqe = {};
	struct usher_grant_info info;

	EXPECT_EQ(usher_prep_zone_send(&sqe, 0, USHER_ZONE_RESET, true), 0);
	EXPECT_EQ(sqe.opcode, USHER_OP_ZONE_SEND);
	EXPECT(usher_grant_info(-1, &info) < 0);
}

static const struct tap_test tests[] = {
	TAP_TEST(from_cxx),
};

int main()
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
