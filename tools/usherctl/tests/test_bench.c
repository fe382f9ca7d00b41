// SPDX-License-Identifier: GPL-2.0-only
/*
 * usherctl bench against a namespace in memory: that its counts are true, that it
 * stays where it may be, and how it ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <json.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench-plan.h"
#include "commands.h"
#include "facts.h"
#include "message.h"
#include "status.h"
#include "fake_usher.h"
#include "tap.h"

static char out_path[32];

/* Run with the words of @line as arguments; what it prints is in the file. */
static int run(const char *line)
{
	char *copy = strdup(line), *argv[24], *word;
	int argc = 0, status, saved = dup(STDOUT_FILENO);
	int out = open(out_path, O_WRONLY | O_TRUNC);

	for (word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	optind = 0;	/* begin anew */

	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	status = cmd_bench(argc, argv);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(out);
	free(copy);
	return status;
}

static char *output(void)
{
	static char text[65536];
	int fd = open(out_path, O_RDONLY);
	ssize_t got = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[got < 0 ? 0 : got] = '\0';
	return text;
}

/* What a run printed as JSON; to be put */
static struct json_object *facts(void)
{
	struct json_object *object = json_tokener_parse(output());

	EXPECT(object);
	return object;
}

/* The sum of a number over all rings */
static __u64 ring_sum(struct json_object *object, const char *key)
{
	struct json_object *rings = json_member(object, "rings");
	__u64 sum = 0;
	size_t i;

	for (i = 0; i < json_object_array_length(rings); i++)
		sum += json_number(json_object_array_get_idx(rings, i), key);
	return sum;
}

/* All that counts I/Os or calls says the same. */
static void expect_counts(__u64 ios, unsigned int threads)
{
	struct json_object *object = facts();
	struct json_object *latency = json_member(object, "latency_ns");
	struct json_object *rings = json_member(object, "rings");

	EXPECT_EQ(json_number(object, "ios"), ios);
	EXPECT_EQ(json_number(latency, "count"), ios);
	EXPECT_EQ(fake.ios, ios);
	EXPECT_EQ(ring_sum(object, "ios"), ios);
	EXPECT_EQ(ring_sum(object, "submitted"), ios);
	EXPECT_EQ(ring_sum(object, "completed"), ios);
	EXPECT_EQ(json_object_array_length(rings), threads);
	EXPECT_EQ(json_number(object, "system_calls"), fake.enters);
	EXPECT_EQ(ring_sum(object, "system_calls"), fake.enters);
	EXPECT_EQ(json_number(object, "bytes"),
		  ios * json_number(object, "block_size"));
	EXPECT_EQ(json_number(object, "failed"), 0);
	EXPECT(!fake.memory_shared);
	/* nothing took longer than all of it, in rounded seconds */
	EXPECT((double)json_number(latency, "max") <=
	       json_object_get_double(json_member(object, "seconds")) * 1e9 + 1e6);
	json_object_put(object);
}

static void expect_ordered(struct json_object *latency)
{
	static const char * const percentiles[] = {
		"50", "90", "99", "99.9", "99.99"
	};
	__u64 before = json_number(latency, "min");
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(percentiles); i++) {
		__u64 value = json_number(json_member(latency, "percentiles"),
					  percentiles[i]);

		EXPECT(value >= before);
		before = value;
	}
	EXPECT(json_number(latency, "max") >= before);
	EXPECT(before > 0);
}

static void counts_agree(void)
{
	struct json_object *object;

	fake_reset(512);
	fake.backwards = true;
	EXPECT_EQ(run("bench --json --count 1000 usher0n1"), 0);
	expect_counts(1000, 1);
	EXPECT_EQ(fake.depth_seen, 32);
	EXPECT_EQ(fake.writes, 0);

	object = facts();
	expect_ordered(json_member(object, "latency_ns"));
	EXPECT_EQ(json_number(object, "block_size"), 4096);
	EXPECT(!strcmp(json_text(object, "workload"), "randread"));
	EXPECT(!strcmp(json_text(object, "node"), "usher0n1"));
	EXPECT(!json_object_get_boolean(json_member(object, "interrupted")));
	json_object_put(object);
}

static void fewer_than_in_flight(void)
{
	fake_reset(512);
	EXPECT_EQ(run("bench --json --count 3 --depth 64 usher0n1"), 0);
	expect_counts(3, 1);
	EXPECT_EQ(fake.depth_seen, 3);

	fake_reset(512);
	EXPECT_EQ(run("bench --json --count 2 --threads 5 usher0n1"), 0);
	expect_counts(2, 5);
}

static void threads_share_the_count(void)
{
	fake_reset(512);
	EXPECT_EQ(run("bench --json --count 1001 --threads 4 --depth 8 usher0n1"),
		  0);
	expect_counts(1001, 4);
	EXPECT_EQ(fake.depth_seen, 8);
}

static void polling(void)
{
	struct json_object *object;

	fake_reset(512);
	EXPECT_EQ(run("bench --json --polled --count 500 --threads 2 usher0n1"),
		  0);
	expect_counts(500, 2);
	object = facts();
	EXPECT(json_object_get_boolean(json_member(object, "polled")));
	json_object_put(object);
}

/* Waiting for all that is in flight, each call hands over and brings a batch. */
static void batches(void)
{
	fake_reset(512);
	EXPECT_EQ(run("bench --json --count 320 --depth 32 --batch 32 usher0n1"),
		  0);
	expect_counts(320, 1);
	EXPECT_EQ(fake.enters, 10);

	fake_reset(512);
	EXPECT_EQ(run("bench --json --count 330 --depth 32 --batch 32 usher0n1"),
		  0);
	expect_counts(330, 1);
	EXPECT_EQ(fake.enters, 11);
}

/* Each byte of these blocks may have been written, and no other one was. */
static void expect_written(__u64 first, __u64 count)
{
	bool all = true, others = false;
	__u64 block;

	for (block = 0; block < FAKE_BLOCKS; block++) {
		const unsigned char *data = fake.disk + block * 512;
		bool written = false;
		int i;

		for (i = 0; i < 512; i++)
			written |= data[i];
		if (block - first < count)
			all &= written;
		else
			others |= written;
	}
	EXPECT(all);
	EXPECT(!others);
}

static int run_write(const char *arguments)
{
	char line[200];

	snprintf(line, sizeof(line),
		 "bench --quiet --json --overwrite --range 100+200 %s usher0n1",
		 arguments);
	return run(line);
}

static void writes_fill_the_range(void)
{
	fake_reset(512);
	EXPECT_EQ(run_write("--workload seqwrite --count 25"), 0);
	expect_counts(25, 1);
	expect_written(100, 200);

	/* with several threads, each in its own part, and over the end */
	fake_reset(512);
	EXPECT_EQ(run_write("--workload seqwrite --count 28 --threads 4"), 0);
	expect_written(100, 200);

	fake_reset(512);
	EXPECT_EQ(run_write("--workload randwrite --count 2000"), 0);
	expect_written(100, 200);
}

static void range_is_honoured(void)
{
	/* the last 7 of 207 blocks are no room for an I/O */
	fake_reset(512);
	EXPECT_EQ(run("bench --json --range 100+207 --count 2000 usher0n1"), 0);
	expect_counts(2000, 1);
	EXPECT_EQ(fake.lowest, 100);
	EXPECT_EQ(fake.highest, 299);

	fake_reset(512);
	fake.info.slba = 1000;
	fake.info.nlb = 64;
	EXPECT_EQ(run("bench --json --workload seqread --count 100 --threads 3 usher0n1"),
		  0);
	expect_counts(100, 3);
	EXPECT_EQ(fake.lowest, 1000);
	EXPECT_EQ(fake.highest, 1063);
}

static void outside_the_grant(void)
{
	static const char * const lines[] = {
		"bench --count 1 --range 999-1010 usher0n1",
		"bench --count 1 --range 1060-1070 usher0n1",
		"bench --count 1 --range 1064+8 usher0n1",
		"bench --count 1 --range 2000+8 usher0n1",
		"bench --count 1 --range 0-18446744073709551614 usher0n1",
		"bench --count 1 --range 1000-18446744073709551615 usher0n1",
		"bench --count 1 --range 1000+7 usher0n1",
		"bench --count 1 --block-size 64K usher0n1",
	};
	unsigned int i;

	fake_reset(512);
	fake.info.slba = 1000;
	fake.info.nlb = 64;
	for (i = 0; i < ARRAY_SIZE(lines); i++)
		EXPECT_EQ(run(lines[i]), STATUS_FAILED);
	EXPECT_EQ(fake.enters, 0);
}

static void writing_needs_the_word(void)
{
	fake_reset(512);
	EXPECT_EQ(run("bench --workload randwrite --count 1 usher0n1"),
		  STATUS_USAGE);
	EXPECT_EQ(run("bench --workload seqwrite --count 1 usher0n1"),
		  STATUS_USAGE);
	EXPECT_EQ(run("bench --overwrite --count 1 usher0n1"), STATUS_USAGE);
	EXPECT_EQ(fake.enters, 0);

	fake.info.rights = USHER_RIGHT_READ;
	EXPECT_EQ(run("bench --workload randwrite --overwrite --count 1 usher0n1"),
		  STATUS_FAILED);
	EXPECT_EQ(fake.enters, 0);
	fake.info.rights = USHER_RIGHT_WRITE;
	EXPECT_EQ(run("bench --count 1 usher0n1"), STATUS_FAILED);
	EXPECT_EQ(fake.enters, 0);
}

static void block_sizes(void)
{
	struct json_object *object;

	fake_reset(512);
	EXPECT_EQ(run("bench --json --block-size 512 --count 10 usher0n1"), 0);
	expect_counts(10, 1);
	EXPECT_EQ(run("bench --block-size 513 --count 10 usher0n1"),
		  STATUS_FAILED);
	fake.info.max_transfer = 8192;
	EXPECT_EQ(run("bench --block-size 16K --count 10 usher0n1"),
		  STATUS_FAILED);
	EXPECT_EQ(fake.ios, 10);

	/* data and metadata move together; what counts is the data */
	fake_reset(520);
	EXPECT_EQ(run("bench --json --count 10 usher0n1"), 0);
	expect_counts(10, 1);
	fake.info.max_transfer = 4096;
	EXPECT_EQ(run("bench --json --count 10 usher0n1"), STATUS_FAILED);

	/* where a block is larger than the default, one block */
	fake_reset(65536);
	fake.info.lba_shift = 16;
	EXPECT_EQ(run("bench --json --count 10 usher0n1"), 0);
	object = facts();
	EXPECT_EQ(json_number(object, "block_size"), 65536);
	json_object_put(object);
}

static void zones(void)
{
	fake_reset(512);
	fake.info.zone_blocks = 100;
	fake.info.nlb = 4000;
	EXPECT_EQ(run("bench --json --count 2000 usher0n1"), 0);
	expect_counts(2000, 1);
	fake_reset(512);
	fake.info.zone_blocks = 100;
	fake.info.nlb = 4000;
	EXPECT_EQ(run("bench --json --workload seqread --range 200+300 --count 36 usher0n1"),
		  0);
	expect_counts(36, 1);
	EXPECT_EQ(fake.lowest, 200);
	EXPECT_EQ(fake.highest, 400 + 12 * 8 - 1);

	EXPECT_EQ(run("bench --range 50+100 --count 1 usher0n1"), STATUS_FAILED);
	EXPECT_EQ(run("bench --range 100+50 --count 1 usher0n1"), STATUS_FAILED);
	EXPECT_EQ(run("bench --workload seqwrite --overwrite --count 1 usher0n1"),
		  STATUS_FAILED);
	EXPECT_EQ(fake.ios, 36);
}

static void failing_block(void)
{
	struct json_object *object;

	fake_reset(512);
	fake.fail_lba = 2000;
	fake.fail_status = 0x281;
	EXPECT_EQ(run("bench --json --workload seqread --count 512 --depth 4 usher0n1"),
		  STATUS_FAILED);
	object = facts();
	EXPECT_EQ(json_number(object, "failed"), 1);
	EXPECT(json_number(object, "ios") >= 250);
	EXPECT(json_number(object, "ios") < 256);
	EXPECT_EQ(json_number(object, "ios") + 1, fake.ios);
	json_object_put(object);

	/* nothing was measured: nothing is printed */
	EXPECT_EQ(run("bench --range 2000+8 --depth 1 --count 9 usher0n1"),
		  STATUS_FAILED);
	EXPECT_EQ(strlen(output()), 0);
}

static void device_goes(void)
{
	fake_reset(512);
	fake.enter_after = 5;
	fake.enter_error = -ENODEV;
	EXPECT_EQ(run("bench --json --threads 3 usher0n1"), STATUS_FAILED);
}

/* A call that took nothing is repeated, the first one and others. */
static void interrupted_calls(void)
{
	fake_reset(512);
	fake.eintr_at = 1;
	EXPECT_EQ(run("bench --json --count 100 usher0n1"), 0);
	expect_counts(100, 1);
	fake_reset(512);
	fake.eintr_at = 4;
	EXPECT_EQ(run("bench --json --count 100 usher0n1"), 0);
	expect_counts(100, 1);
}

/* A time without end but for the signal */
static void interrupted(void)
{
	struct json_object *object;
	__u64 ios;

	fake_reset(512);
	fake.signal_after = 20;
	EXPECT_EQ(run("bench --json --time 100000 --threads 2 usher0n1"), 0);
	object = facts();
	EXPECT(json_object_get_boolean(json_member(object, "interrupted")));
	ios = json_number(object, "ios");
	EXPECT(ios > 0);
	json_object_put(object);
	expect_counts(ios, 2);
}

static void for_a_time(void)
{
	struct json_object *object;

	fake_reset(512);
	EXPECT_EQ(run("bench --json --time 1 usher0n1"), 0);
	object = facts();
	EXPECT(json_object_get_double(json_member(object, "seconds")) >= 1);
	EXPECT(json_object_get_double(json_member(object, "iops")) > 0);
	EXPECT(json_object_get_double(json_member(object, "cpu_us_per_io")) > 0);
	EXPECT(json_object_get_double(json_member(object, "clock_read_ns")) > 0);
	json_object_put(object);
}

static void limits(void)
{
	fake_reset(512);
	fake.pinned_max = 100000;
	EXPECT_EQ(run("bench --count 10 usher0n1"), STATUS_FAILED);
	EXPECT_EQ(fake.enters, 0);
	EXPECT_EQ(run("bench --count 10 --depth 16 usher0n1"), 0);

	fake_reset(512);
	fake.info.limits.rings = 2;
	EXPECT_EQ(run("bench --count 10 --threads 4 usher0n1"), STATUS_FAILED);
	EXPECT_EQ(fake.enters, 0);
	EXPECT_EQ(run("bench --count 10 --threads 2 usher0n1"), 0);

	fake_reset(512);
	fake.info.limits.ring_depth = 3;
	EXPECT_EQ(run("bench --count 10 --depth 3 usher0n1"), STATUS_FAILED);
	EXPECT_EQ(fake.enters, 0);
	EXPECT_EQ(run("bench --count 10 --depth 2 usher0n1"), 0);
	EXPECT_EQ(fake.depth_seen, 2);

	fake_reset(512);
	fake.info.max_entries = 16;
	EXPECT_EQ(run("bench --count 10 --depth 17 usher0n1"), STATUS_FAILED);
	EXPECT_EQ(run("bench --count 10 --depth 16 usher0n1"), 0);
}

static void as_text(void)
{
	fake_reset(512);
	EXPECT_EQ(run("bench --count 100 usher0n1"), 0);
	EXPECT(strstr(output(), "random reads of 4.00 KiB"));
	EXPECT(strstr(output(), "100 in "));
	EXPECT(strstr(output(), " IOPS, "));
	EXPECT(strstr(output(), "  99.99 %"));
	EXPECT(strstr(output(), "hardware queues   1\n"));
}

static void random_numbers(void)
{
	__u64 state = 12345, seen = 0;
	int i;

	for (i = 0; i < 1000; i++) {
		__u64 number = bench_random(&state, 60);

		EXPECT(number < 60);
		seen |= 1ULL << number;
	}
	EXPECT_EQ(seen, (1ULL << 60) - 1);
	EXPECT_EQ(bench_random(&state, 1), 0);
}

static const struct tap_test tests[] = {
	TAP_TEST(counts_agree),
	TAP_TEST(fewer_than_in_flight),
	TAP_TEST(threads_share_the_count),
	TAP_TEST(polling),
	TAP_TEST(batches),
	TAP_TEST(writes_fill_the_range),
	TAP_TEST(range_is_honoured),
	TAP_TEST(outside_the_grant),
	TAP_TEST(writing_needs_the_word),
	TAP_TEST(block_sizes),
	TAP_TEST(zones),
	TAP_TEST(failing_block),
	TAP_TEST(device_goes),
	TAP_TEST(interrupted_calls),
	TAP_TEST(interrupted),
	TAP_TEST(for_a_time),
	TAP_TEST(limits),
	TAP_TEST(as_text),
	TAP_TEST(random_numbers),
};

int main(void)
{
	int fd, status;

	snprintf(out_path, sizeof(out_path), "/tmp/usherctl-bench-XXXXXX");
	fd = mkstemp(out_path);
	if (fd < 0)
		return 2;
	close(fd);
	set_command("usherctl bench");
	status = run_tests(tests, ARRAY_SIZE(tests));
	unlink(out_path);
	return status;
}
