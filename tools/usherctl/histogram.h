/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A distribution of times, exact to one part in a thousand over all 64 bits.
 */
#ifndef USHERCTL_HISTOGRAM_H
#define USHERCTL_HISTOGRAM_H

#include <linux/types.h>

/*
 * Values below 2^(HISTOGRAM_BITS + 1) have a bucket each. Above, each power of two
 * is divided into 2^HISTOGRAM_BITS buckets of one width.
 */
#define HISTOGRAM_BITS		10
#define HISTOGRAM_BUCKETS	((65 - HISTOGRAM_BITS) << HISTOGRAM_BITS)

/**
 * struct histogram - how often which values came
 * @count: values in all
 * @min: smallest, exactly; 2^64 - 1 where there is none
 * @max: largest, exactly
 * @sum: of all values
 * @buckets: how many values fell into each
 */
struct histogram {
	__u64 count;
	__u64 min;
	__u64 max;
	__u64 sum;
	__u64 buckets[HISTOGRAM_BUCKETS];
};

struct histogram *histogram_new(void);
void histogram_add(struct histogram *histogram, __u64 value);
void histogram_merge(struct histogram *into, const struct histogram *from);
double histogram_mean(const struct histogram *histogram);
__u64 histogram_percentile(const struct histogram *histogram, double percent);

#endif /* USHERCTL_HISTOGRAM_H */
