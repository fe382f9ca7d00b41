/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Test Anything Protocol, version 13: what the unit tests of the user side need
 * of it. A test is a function that uses EXPECT(); run_tests() runs a table.
 */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>
#include <stdio.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#endif

static bool tap_failed;

#define EXPECT(condition)						\
	do {								\
		if (!(condition)) {					\
			printf("# %s:%d: expected %s\n", __FILE__,	\
			       __LINE__, #condition);			\
			tap_failed = true;				\
		}							\
	} while (0)

#define EXPECT_EQ(a, b)							\
	do {								\
		long long tap_a = (a), tap_b = (b);			\
									\
		if (tap_a != tap_b) {					\
			printf("# %s:%d: %s is %lld (%#llx), not %s, %lld (%#llx)\n", \
			       __FILE__, __LINE__, #a, tap_a, tap_a,	\
			       #b, tap_b, tap_b);			\
			tap_failed = true;				\
		}							\
	} while (0)

struct tap_test {
	const char *name;
	void (*run)(void);
};

#define TAP_TEST(function)	{ #function, function }

static int run_tests(const struct tap_test *tests, unsigned int count)
{
	unsigned int i, failed = 0;

	printf("TAP version 13\n1..%u\n", count);
	for (i = 0; i < count; i++) {
		tap_failed = false;
		tests[i].run();
		failed += tap_failed;
		printf("%sok %u %s\n", tap_failed ? "not " : "", i + 1,
		       tests[i].name);
		fflush(stdout);
	}
	return failed ? 1 : 0;
}

#endif /* TAP_H */
