/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The test framework of this folder: kselftest_harness.h of the kernel's source, with
 * a time limit that suits emulated guests, and seeds for random tests.
 */
#ifndef PCI_HARNESS_H
#define PCI_HARNESS_H

#include <time.h>

#include "kselftest_harness.h"

/* Seconds for one test. The debug kernel in an emulated processor is slow. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	300

/* Seeds rand() with USHER_SEED, or with a new seed. Prints it, so that it can be used again. */
static inline void seed_random(struct __test_metadata *_metadata)
{
	const char *text = getenv("USHER_SEED");
	unsigned int seed = text && *text ? strtoul(text, NULL, 0) : time(NULL) ^ getpid() << 16;

	srand(seed);
	fprintf(TH_LOG_STREAM, "# %s: USHER_SEED=%u\n", _metadata->name, seed);
}

#endif /* PCI_HARNESS_H */
