// SPDX-License-Identifier: GPL-2.0-only
/*
 * usherctl bench: what came out, as text or as JSON.
 */
#include <errno.h>
#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#include "bench-plan.h"
#include "bench-report.h"
#include "bench-thread.h"
#include "bench.h"
#include "facts.h"
#include "histogram.h"
#include "macros.h"
#include "message.h"
#include "parse.h"

static const struct {
	const char *name;
	double percent;
} percentiles[] = {
	{ "50",		50 },
	{ "90",		90 },
	{ "99",		99 },
	{ "99.9",	99.9 },
	{ "99.99",	99.99 },
};

/**
 * struct outcome - the sums over all threads
 * @latency: of all I/Os that completed well
 * @seconds: from the first I/O to the last
 * @failed: I/Os that completed with an error
 * @enters: system calls
 * @user: processor time, in microseconds
 * @system: processor time in the kernel
 * @switches: context switches, voluntary and involuntary
 */
struct outcome {
	struct histogram *latency;
	double seconds;
	__u64 failed;
	__u64 enters;
	double user;
	double system;
	__u64 switches;
};

static double microseconds(const struct timeval *time)
{
	return (double)time->tv_sec * 1e6 + (double)time->tv_usec;
}

static void add_up(const struct bench *bench, struct outcome *sum)
{
	__u64 end = bench->begin + 1;	/* seconds must not be 0: others divide by it */
	__u32 i;

	for (i = 0; i < bench->nr_threads; i++) {
		const struct bench_thread *t = &bench->threads[i];

		if (t->end > end)
			end = t->end;
		histogram_merge(sum->latency, t->latency);
		sum->failed += t->failed;
		sum->enters += t->enters;
		sum->user += microseconds(&t->usage.ru_utime);
		sum->system += microseconds(&t->usage.ru_stime);
		sum->switches += t->usage.ru_nvcsw + t->usage.ru_nivcsw;
	}
	sum->seconds = (double)(end - bench->begin) / 1e9;
}

static double per_io(const struct outcome *sum, double what)
{
	return sum->latency->count ? what / (double)sum->latency->count : 0;
}

/*
 * JSON
 */

static struct json_object *plan_facts(const struct bench_plan *plan)
{
	struct json_object *object = json_object_new_object();

	json_add_text(object, "node", plan->name);
	json_add_text(object, "workload", plan->workload->name);
	json_add_number(object, "block_size", plan->block_size);
	json_add_number(object, "slba", plan->range.slba);
	json_add_number(object, "nlb", plan->range.nlb);
	json_add_number(object, "threads", plan->threads);
	json_add_number(object, "depth", plan->depth);
	json_add_number(object, "batch", plan->batch);
	json_add_bool(object, "polled", plan->polled);
	return object;
}

static struct json_object *latency_facts(const struct histogram *latency)
{
	struct json_object *object = json_object_new_object();
	struct json_object *percentile = json_object_new_object();
	size_t i;

	if (!latency->count) {
		json_object_put(object);
		json_object_put(percentile);
		return NULL;
	}
	json_add_number(object, "count", latency->count);
	json_add_number(object, "min", latency->min);
	json_add_real(object, "mean", histogram_mean(latency));
	json_add_number(object, "max", latency->max);
	for (i = 0; i < ARRAY_SIZE(percentiles); i++)
		json_add_number(percentile, percentiles[i].name,
				histogram_percentile(latency,
						     percentiles[i].percent));
	json_object_object_add(object, "percentiles", percentile);
	return object;
}

/* A ring, as the thread and as the kernel counted */
static struct json_object *ring_facts(const struct bench_thread *t)
{
	struct json_object *object = json_object_new_object();

	json_add_number(object, "ios", t->latency->count);
	json_add_number(object, "system_calls", t->enters);
	json_add_number(object, "queue", t->info.qid);
	json_add_bool(object, "queue_shared", t->info.shared);
	json_add_number(object, "submitted", t->info.submitted);
	json_add_number(object, "completed", t->info.completed);
	json_add_number(object, "refused", t->info.refused);
	json_add_number(object, "driver_completed", t->info.driver_completed);
	return object;
}

static void print_facts(const struct bench *bench, const struct outcome *sum)
{
	struct json_object *object = plan_facts(&bench->plan);
	struct json_object *rings = json_object_new_array();
	__u64 ios = sum->latency->count;
	__u32 i;

	json_add_bool(object, "interrupted", bench->interrupted);
	json_add_real(object, "seconds", sum->seconds);
	json_add_number(object, "ios", ios);
	json_add_number(object, "failed", sum->failed);
	json_add_number(object, "bytes", ios * bench->plan.block_size);
	json_add_real(object, "iops", (double)ios / sum->seconds);
	json_add_real(object, "bytes_per_second",
		      (double)(ios * bench->plan.block_size) / sum->seconds);
	json_object_object_add(object, "latency_ns",
			       latency_facts(sum->latency));
	json_add_real(object, "cpu_user_us", sum->user);
	json_add_real(object, "cpu_system_us", sum->system);
	json_add_real(object, "cpu_us_per_io",
		      per_io(sum, sum->user + sum->system));
	json_add_number(object, "system_calls", sum->enters);
	json_add_number(object, "context_switches", sum->switches);
	json_add_real(object, "clock_read_ns", bench->clock_ns);
	for (i = 0; i < bench->nr_threads; i++)
		json_object_array_add(rings, ring_facts(&bench->threads[i]));
	json_object_object_add(object, "rings", rings);
	print_json(object);
	json_object_put(object);
}

/*
 * Text
 */

/* Three digits and a unit of 1000 */
static const char *format_time(double ns, char text[16])
{
	static const char * const units[] = { "ns", "us", "ms", "s" };
	unsigned int unit = 0;

	while (ns >= 999.5 && unit + 1 < ARRAY_SIZE(units)) {
		ns /= 1000;
		unit++;
	}
	snprintf(text, 16, "%.*f %s", unit ? ns < 9.995 ? 2 : ns < 99.95 : 0,
		 ns, units[unit]);
	return text;
}

static void print_plan(const struct bench_plan *plan)
{
	char size[16];

	printf("%-18s%s of %s\n", "workload", plan->workload->label,
	       format_size(plan->block_size, size));
	printf("%-18s%llu to %llu of %s\n", "blocks", plan->range.slba,
	       plan->range.slba + plan->range.nlb - 1, plan->name);
	printf("%-18s%u, each %u in flight, by %s\n", "threads", plan->threads,
	       plan->depth, plan->polled ? "polling" : "interrupts");
}

static void print_latency(const struct histogram *latency)
{
	char min[16], mean[16], max[16], label[24], value[16];
	size_t i;

	if (!latency->count)
		return;
	printf("%-18smin %s, mean %s, max %s\n", "latency",
	       format_time((double)latency->min, min),
	       format_time(histogram_mean(latency), mean),
	       format_time((double)latency->max, max));
	for (i = 0; i < ARRAY_SIZE(percentiles); i++) {
		snprintf(label, sizeof(label), "  %s %%", percentiles[i].name);
		printf("%-18s%s\n", label,
		       format_time((double)histogram_percentile(latency,
								percentiles[i].percent),
				   value));
	}
}

static void print_cost(const struct bench *bench, const struct outcome *sum)
{
	char reading[16];

	printf("%-18s%.2f us per I/O (user %.2f, kernel %.2f)\n", "processor",
	       per_io(sum, sum->user + sum->system), per_io(sum, sum->user),
	       per_io(sum, sum->system));
	printf("%-18s%.3f per I/O; %.3f context switches\n", "system calls",
	       per_io(sum, (double)sum->enters),
	       per_io(sum, (double)sum->switches));
	printf("%-18sread twice per system call, %s each\n", "clock",
	       format_time(bench->clock_ns, reading));
}

static void print_queues(const struct bench *bench)
{
	__u32 i;

	printf("%-18s", "hardware queues");
	for (i = 0; i < bench->nr_threads; i++)
		printf("%s%u%s", i ? ", " : "", bench->threads[i].info.qid,
		       bench->threads[i].info.shared ? " (shared)" : "");
	putchar('\n');
}

static void print_text(const struct bench *bench, const struct outcome *sum)
{
	double rate = (double)sum->latency->count / sum->seconds;
	char speed[16];

	print_plan(&bench->plan);
	printf("%-18s%llu in %.3f s%s\n", "I/Os", sum->latency->count,
	       sum->seconds, bench->interrupted ? ", interrupted" : "");
	if (sum->failed)
		printf("%-18s%llu I/Os\n", "failed", sum->failed);
	printf("%-18s%.0f IOPS, %s/s\n", "rate", rate,
	       format_size((__u64)(rate * (double)bench->plan.block_size),
			   speed));
	print_latency(sum->latency);
	print_cost(bench, sum);
	print_queues(bench);
}

int bench_report(const struct bench *bench)
{
	struct outcome sum = {
		.latency = histogram_new(),
	};

	if (!sum.latency)
		return fail_at(ACT_ALLOC, ENOMEM, "the results");
	add_up(bench, &sum);
	if (bench->plan.json)
		print_facts(bench, &sum);
	else
		print_text(bench, &sum);
	free(sum.latency);
	return 0;
}
