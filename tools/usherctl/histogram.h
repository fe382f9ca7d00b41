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

/**
 * histogram_new() - make a histogram without values
 *
 * Return: the histogram, to be freed by free(); or NULL where there is no memory
 */
struct histogram *histogram_new(void);

/**
 * histogram_add() - count a value
 * @histogram: in which
 * @value: the value
 */
void histogram_add(struct histogram *histogram, __u64 value);

/**
 * histogram_merge() - count all values of another histogram
 * @into: in which
 * @from: the other
 */
void histogram_merge(struct histogram *into, const struct histogram *from);

/**
 * histogram_mean() - the mean of all values
 * @histogram: of which
 *
 * Return: the mean, 0 where there is no value
 */
double histogram_mean(const struct histogram *histogram);

/**
 * histogram_percentile() - the value that a part of all values do not exceed
 * @histogram: of which
 * @percent: how many of all values
 *
 * Return: that value, or more by less than one part in 2^HISTOGRAM_BITS; 0 where
 * there is none
 */
__u64 histogram_percentile(const struct histogram *histogram, double percent);

#endif /* USHERCTL_HISTOGRAM_H */
