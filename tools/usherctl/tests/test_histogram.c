// SPDX-License-Identifier: GPL-2.0-only
/*
 * Histograms against the sorted values themselves.
 */
#include <stdint.h>
#include <stdlib.h>

#include "histogram.h"
#include "tap.h"

#define VALUES	20000U

static __u64 values[VALUES];
static const double percents[] = { 0, 0.01, 1, 50, 90, 99, 99.9, 99.99, 100 };

static int compare(const void *a, const void *b)
{
	const __u64 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The smallest of the sorted values that @percent of them do not exceed */
static __u64 exact_percentile(unsigned int count, double percent)
{
	unsigned int i;

	for (i = 0; i < count - 1; i++) {
		if ((double)(i + 1) * 100 >= percent * (double)count)
			break;
	}
	return values[i];
}

static bool close_above(__u64 got, __u64 exact)
{
	return got >= exact && got - exact <= exact >> HISTOGRAM_BITS;
}

static void check_against_sorted(unsigned int count)
{
	struct histogram *histogram = histogram_new();
	double sum = 0;
	unsigned int i;

	for (i = 0; i < count; i++) {
		histogram_add(histogram, values[i]);
		sum += (double)values[i];
	}
	qsort(values, count, sizeof(values[0]), compare);

	EXPECT_EQ(histogram->count, count);
	EXPECT_EQ(histogram->min, values[0]);
	EXPECT_EQ(histogram->max, values[count - 1]);
	EXPECT((sum / count) / histogram_mean(histogram) > 0.999999);
	EXPECT((sum / count) / histogram_mean(histogram) < 1.000001);
	for (i = 0; i < ARRAY_SIZE(percents); i++)
		EXPECT(close_above(histogram_percentile(histogram, percents[i]),
				   exact_percentile(count, percents[i])));
	free(histogram);
}

static void nothing(void)
{
	struct histogram *histogram = histogram_new();

	EXPECT_EQ(histogram->count, 0);
	EXPECT_EQ(histogram_percentile(histogram, 50), 0);
	EXPECT_EQ((int)histogram_mean(histogram), 0);
	free(histogram);
}

static void one_value(void)
{
	values[0] = 123456789;
	check_against_sorted(1);
}

/* Around each power of two, where the width of buckets changes */
static void at_the_edges(void)
{
	unsigned int bit, count = 0;
	int near;

	for (bit = 0; bit < 58; bit++) {
		for (near = -2; near <= 2; near++)
			values[count++] = (1ULL << bit) + (bit > 1 ? near : 0);
	}
	check_against_sorted(count);
}

static void each_alone(void)
{
	unsigned int bit;
	int near;

	for (bit = 2; bit < 64; bit++) {
		for (near = -2; near <= 2; near++) {
			struct histogram *histogram = histogram_new();
			__u64 value = (1ULL << bit) + near;

			/* a larger one, so that the largest is no bound */
			histogram_add(histogram, value);
			histogram_add(histogram, UINT64_MAX);
			EXPECT(close_above(histogram_percentile(histogram, 50),
					   value));
			free(histogram);
		}
	}
}

/* All orders of magnitude alike, as latencies have them */
static void random_values(void)
{
	__u64 state = 88172645463325252;
	unsigned int i;

	for (i = 0; i < VALUES; i++) {
		state = state * 6364136223846793005 + 1442695040888963407;
		values[i] = (state >> 20) >> (state >> 59);
	}
	check_against_sorted(VALUES);
}

static void merged(void)
{
	struct histogram *all = histogram_new(), *part = histogram_new();
	struct histogram *other = histogram_new();
	unsigned int i;

	for (i = 1; i <= 1000; i++) {
		histogram_add(all, i * i);
		histogram_add(i % 3 ? part : other, i * i);
	}
	histogram_merge(part, other);
	EXPECT_EQ(part->count, all->count);
	EXPECT_EQ(part->min, all->min);
	EXPECT_EQ(part->max, all->max);
	EXPECT_EQ(part->sum, all->sum);
	for (i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (part->buckets[i] != all->buckets[i])
			EXPECT_EQ(i, -1);
	}

	/* what is empty changes nothing */
	free(other);
	other = histogram_new();
	histogram_merge(part, other);
	EXPECT_EQ(part->min, 1);
	EXPECT_EQ(part->max, 1000000);
	free(all);
	free(part);
	free(other);
}

static const struct tap_test tests[] = {
	TAP_TEST(nothing),
	TAP_TEST(one_value),
	TAP_TEST(at_the_edges),
	TAP_TEST(each_alone),
	TAP_TEST(random_values),
	TAP_TEST(merged),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
