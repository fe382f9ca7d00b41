// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does random transfers through one interface, between two markers, and prints
 * what it did and what the kernel's own counters say as one line of JSON.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "bench.h"

#define SPAN_BYTES	0x40000000ULL	/* the part of the disk that is used */
#define PAGE_BYTES	4096U
#define HUGE_BYTES	0x200000UL

const struct engine engines[] = {
	{ "pread", pread_setup, pread_run, NULL },
	{ "uring", uring_setup, uring_run, NULL },
	{ "uring-poll", uring_poll_setup, uring_run, NULL },
	{ "passthru", passthru_setup, passthru_run, NULL },
	{ "passthru-poll", passthru_poll_setup, passthru_run, NULL },
	{ "usher-passthru", passthru_setup, passthru_run, NULL },
	{ "usher", usher_setup, usher_run, NULL },
	{ "usher-awake", usher_awake_setup, usher_run, NULL },
	{ "usher-poll", usher_poll_setup, usher_run, NULL },
	{ "usher-sqpoll", usher_sqpoll_setup, usher_run, NULL },
	{ "usher-many", many_setup, many_run, many_result },
	{ "vfio", vfio_setup, vfio_run, NULL },
	{ }
};

void die(const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "bench: ");
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\n");
	exit(1);
}

static unsigned long sum_of_line(char *text)
{
	unsigned long sum = 0, number;
	char *end;

	for (;; text = end) {
		number = strtoul(text, &end, 10);
		if (end == text)
			return sum;
		sum += number;
	}
}

/* Of NVMe controllers, since the start, on all processors */
static unsigned long read_interrupts(void)
{
	FILE *file = fopen("/proc/interrupts", "r");
	char line[4096], *colon;
	unsigned long sum = 0;

	if (!file)
		die("/proc/interrupts: %s", strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		colon = strchr(line, ':');
		if (colon && (strstr(colon, "nvme") || strstr(colon, "usher")))
			sum += sum_of_line(colon + 1);
	}
	fclose(file);
	return sum;
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

/* The same numbers at each run */
static void fill_lbas(struct job *job)
{
	uint64_t state = 0x9e3779b97f4a7c15ULL;
	unsigned int i;

	job->lbas = calloc(OFFSETS, sizeof(*job->lbas));
	if (!job->lbas)
		die("no memory");
	for (i = 0; i < OFFSETS; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		job->lbas[i] = state % (SPAN_BYTES / job->bytes) * job->blocks;
	}
}

/* Memory and places, which each ring has for itself */
void fill_job(struct job *job)
{
	size_t bytes;
	unsigned int i;

	job->blocks = job->bytes >> job->lba_shift;
	job->stride = (job->bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	bytes = (size_t)job->stride * job->qd;
	bytes = (bytes + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);
	job->data = aligned_alloc(HUGE_BYTES, bytes);
	if (!job->data)
		die("no memory for %zu bytes", bytes);
	/* The same for all: large pages where the kernel has them */
	madvise(job->data, bytes, MADV_HUGEPAGE);
	memset(job->data, 0x5a, bytes);
	for (i = 0; i < job->qd; i++)
		job->free[i] = job->qd - 1 - i;
	job->nr_free = job->qd;
}

static void measure(const struct engine *engine, struct job *job, unsigned int count)
{
	unsigned long before, after;
	uint64_t start, end;

	before = read_interrupts();
	start = now();
	marker_begin();
	engine->run(job, count);
	marker_end();
	end = now();
	after = read_interrupts();
	printf("{\"engine\": \"%s\", \"ios\": %u, \"ns\": %llu, \"interrupts\": %lu",
	       engine->name, count, (unsigned long long)(end - start),
	       after - before);
	if (engine->result)
		engine->result(job);
	printf("}\n");
	fflush(stdout);
}

static const struct engine *find_engine(const char *name)
{
	const struct engine *engine;

	for (engine = engines; engine->name; engine++)
		if (!strcmp(engine->name, name))
			return engine;
	die("no engine %s", name);
}

static void __attribute__((noreturn)) usage(int status)
{
	const struct engine *engine;

	printf("usage: bench [OPTION]... ENGINE NODE\n"
	       "  --write        write (else read)\n"
	       "  --bytes N      of one transfer (4096)\n"
	       "  --qd N         commands in flight (1)\n"
	       "  --batch N      completions to wait for at a time (a quarter of --qd)\n"
	       "  --count N      transfers (10000)\n"
	       "  --repeat N     measure so many times (1)\n"
	       "  --rings N      rings that work at a time (1; engine usher-many)\n"
	       "  --idle-rings N, --idle-buffers N   also open, and not used (0; usher*)\n"
	       "engines:");
	for (engine = engines; engine->name; engine++)
		printf(" %s", engine->name);
	printf("\n");
	exit(status);
}

static unsigned int to_number(const char *text, unsigned int least,
			      unsigned int most)
{
	unsigned long value;
	char *end;

	value = strtoul(text, &end, 0);
	if (!*text || *end || value < least || value > most)
		die("%s: %u to %u is possible", text, least, most);
	return value;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "write", no_argument, NULL, 'w' },
		{ "bytes", required_argument, NULL, 'b' },
		{ "qd", required_argument, NULL, 'q' },
		{ "batch", required_argument, NULL, 'a' },
		{ "count", required_argument, NULL, 'c' },
		{ "repeat", required_argument, NULL, 'r' },
		{ "rings", required_argument, NULL, 'n' },
		{ "idle-rings", required_argument, NULL, 'i' },
		{ "idle-buffers", required_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct job job = { .bytes = 4096, .qd = 1, .lba_shift = 9, .rings = 1 };
	unsigned int count = 10000, repeat = 1, i;
	const struct engine *engine;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'w':
			job.write = true;
			break;
		case 'b':
			job.bytes = to_number(optarg, 512, 4U << 20);
			break;
		case 'q':
			job.qd = to_number(optarg, 1, MAX_QD);
			break;
		case 'a':
			job.batch = to_number(optarg, 1, MAX_QD);
			break;
		case 'c':
			count = to_number(optarg, 1, 100000000);
			break;
		case 'r':
			repeat = to_number(optarg, 1, 10000);
			break;
		case 'n':
			job.rings = to_number(optarg, 1, MAX_RINGS);
			break;
		case 'i':
			job.idle_rings = to_number(optarg, 0, 100000);
			break;
		case 'j':
			job.idle_buffers = to_number(optarg, 0, 100000);
			break;
		case 'h':
			usage(0);
		default:
			usage(2);
		}
	}
	if (argc - optind != 2)
		usage(2);
	engine = find_engine(argv[optind]);
	job.node = argv[optind + 1];
	if (!job.batch)
		job.batch = (job.qd + 3) / 4;
	if (job.batch > job.qd)
		die("--batch %u is more than --qd %u", job.batch, job.qd);

	fill_job(&job);
	fill_lbas(&job);
	engine->setup(&job);
	/* What is made at the first use, and caches, are not measured. */
	engine->run(&job, job.qd * 4 + 64);
	for (i = 0; i < repeat; i++)
		measure(engine, &job, count);
	return 0;
}
