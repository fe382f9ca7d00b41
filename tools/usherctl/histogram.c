// SPDX-License-Identifier: GPL-2.0-only
/*
 * Histograms with buckets as wide as their values are large.
 *
 * The highest HISTOGRAM_BITS + 1 bits of a value say which bucket it belongs to,
 * so that adding a value is a shift and an increment, and what a bucket says of
 * its values is off by less than one part in 2^HISTOGRAM_BITS.
 */
#include <stdint.h>
#include <stdlib.h>

#include "histogram.h"

struct histogram *histogram_new(void)
{
	/* Buckets that nothing falls into take no memory: their pages are never touched. */
	struct histogram *histogram = calloc(1, sizeof(*histogram));

	if (histogram)
		histogram->min = UINT64_MAX;
	return histogram;
}

/* Bits that the bucket of @value does not tell apart */
static unsigned int dropped_bits(__u64 value)
{
	unsigned int highest = 63 - __builtin_clzll(value | 1);

	return highest > HISTOGRAM_BITS ? highest - HISTOGRAM_BITS : 0;
}

static unsigned int bucket_of(__u64 value)
{
	unsigned int shift = dropped_bits(value);

	return (shift << HISTOGRAM_BITS) + (unsigned int)(value >> shift);
}

/* The largest value that belongs to a bucket */
static __u64 bucket_end(unsigned int bucket)
{
	unsigned int shift = bucket >> HISTOGRAM_BITS;
	__u64 first;

	if (shift < 2)
		return bucket;
	shift--;
	first = bucket - ((__u64)shift << HISTOGRAM_BITS);
	return (first << shift) + ((1ULL << shift) - 1);
}

void histogram_add(struct histogram *histogram, __u64 value)
{
	histogram->count++;
	histogram->sum += value;
	if (value < histogram->min)
		histogram->min = value;
	if (value > histogram->max)
		histogram->max = value;
	histogram->buckets[bucket_of(value)]++;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	unsigned int i;

	into->count += from->count;
	into->sum += from->sum;
	if (from->min < into->min)
		into->min = from->min;
	if (from->max > into->max)
		into->max = from->max;
	for (i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->buckets[i] += from->buckets[i];
}

double histogram_mean(const struct histogram *histogram)
{
	return histogram->count ?
	       (double)histogram->sum / (double)histogram->count : 0;
}

__u64 histogram_percentile(const struct histogram *histogram, double percent)
{
	double share = (double)histogram->count * percent / 100;
	__u64 rank = (__u64)share, seen = 0, end;
	unsigned int i;

	if ((double)rank < share)
		rank++;
	for (i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (seen && seen >= rank) {
			end = bucket_end(i);
			return end < histogram->max ? end : histogram->max;
		}
	}
	return histogram->max;
}
