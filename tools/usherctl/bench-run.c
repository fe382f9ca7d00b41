// SPDX-License-Identifier: GPL-2.0-only
/*
 * usherctl bench: all threads, from start to end. The main thread waits for them,
 * for signals, and shows how far they are.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <usher.h>

#include "alloc.h"
#include "bench-plan.h"
#include "bench-run.h"
#include "bench-thread.h"
#include "bench.h"
#include "macros.h"
#include "message.h"
#include "parse.h"

#define PROGRESS_MS	250
#define CLOCK_READS	1000

/* What one reading of the clock takes, in nanoseconds */
static double measure_clock(void)
{
	__u64 begin = usher_deadline(0), end = begin;
	int i;

	for (i = 0; i < CLOCK_READS; i++)
		end = usher_deadline(0);
	return (double)(end - begin) / CLOCK_READS;
}

/* I/Os and first place of each thread */
static void share_out(struct bench *bench)
{
	const struct bench_plan *plan = &bench->plan;
	__u32 i;

	for (i = 0; i < plan->threads; i++) {
		struct bench_thread *t = &bench->threads[i];

		t->bench = bench;
		t->ring.fd = -1;
		t->left = UINT64_MAX;
		if (plan->count)
			t->left = plan->count / plan->threads +
				  (i < plan->count % plan->threads);
		t->next = plan->places / plan->threads * i;
	}
}

static int start_threads(struct bench *bench)
{
	int error;

	for (; bench->nr_threads < bench->plan.threads; bench->nr_threads++) {
		struct bench_thread *t = &bench->threads[bench->nr_threads];

		error = pthread_create(&t->id, NULL, bench_thread, t);
		if (error) {
			bench->status = fail("thread %u of %u: %s",
					     bench->nr_threads + 1,
					     bench->plan.threads,
					     strerror(error));
			return bench->status;
		}
	}
	return 0;
}

/* Let the threads begin together, or end when one could not be set up. */
static void open_gate(struct bench *bench)
{
	pthread_mutex_lock(&bench->lock);
	while (bench->nr_ready < bench->nr_threads)
		pthread_cond_wait(&bench->changed, &bench->lock);
	bench->begin = usher_deadline(0);
	bench->deadline = bench->plan.seconds ?
			  usher_deadline(bench->plan.seconds * 1000000000) :
			  UINT64_MAX;
	bench->open = true;
	pthread_cond_broadcast(&bench->changed);
	pthread_mutex_unlock(&bench->lock);
}

__u64 bench_done(const struct bench *bench)
{
	__u64 sum = 0;
	__u32 i;

	for (i = 0; i < bench->nr_threads; i++)
		sum += __atomic_load_n(&bench->threads[i].done,
				       __ATOMIC_RELAXED);
	return sum;
}

/* A line on the terminal, over the one before */
static void show_progress(const struct bench *bench)
{
	double seconds = (double)(usher_deadline(0) - bench->begin + 1) / 1e9;
	__u64 done = bench_done(bench);
	double rate = (double)done / seconds;
	char speed[16];

	format_size((__u64)(rate * (double)bench->plan.block_size), speed);
	fprintf(stderr, "\r%llu I/Os  %.0f IOPS  %s/s  %.0f", done, rate, speed,
		seconds);
	if (bench->plan.seconds)
		fprintf(stderr, " of %llu", bench->plan.seconds);
	fprintf(stderr, " s");
	if (bench->plan.count)
		fprintf(stderr, "  %.0f %%",
			100 * (double)done / (double)bench->plan.count);
	fprintf(stderr, "\033[K");
}

/* The first signal ends the run, a second one the program. */
static void take_signal(struct bench *bench, int signals_fd)
{
	struct signalfd_siginfo info;
	sigset_t set;

	if (read(signals_fd, &info, sizeof(info)) != sizeof(info))
		return;
	bench->interrupted = true;
	bench_stop(bench);
	sigemptyset(&set);
	sigaddset(&set, (int)info.ssi_signo);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* Until all threads have ended */
static void watch(struct bench *bench, int signals_fd)
{
	bool show = !bench->plan.quiet && isatty(STDERR_FILENO);
	struct pollfd fds[] = {
		{ .fd = bench->done_fd,	.events = POLLIN },
		{ .fd = signals_fd,	.events = POLLIN },
	};
	__u64 ended = 0, more;

	while (ended < bench->nr_threads) {
		poll(fds, ARRAY_SIZE(fds), show ? PROGRESS_MS : -1);
		if (fds[0].revents & POLLIN &&
		    read(bench->done_fd, &more, sizeof(more)) == sizeof(more))
			ended += more;
		if (fds[1].revents & POLLIN)
			take_signal(bench, signals_fd);
		if (show)
			show_progress(bench);
	}
	if (show)
		fprintf(stderr, "\r\033[K");
}

static void run_threads(struct bench *bench, int signals_fd)
{
	__u32 i;

	if (start_threads(bench))
		bench_stop(bench);
	open_gate(bench);
	watch(bench, signals_fd);
	for (i = 0; i < bench->nr_threads; i++)
		pthread_join(bench->threads[i].id, NULL);
}

/*
 * The signals are blocked before the first thread starts, which inherits that. The
 * main thread reads them from a file descriptor.
 */
int bench_run(struct bench *bench)
{
	sigset_t ends, before;
	int signals_fd;

	bench->threads = alloc_array(bench->plan.threads, sizeof(*bench->threads),
				     "the threads");
	share_out(bench);
	bench->clock_ns = measure_clock();
	pthread_mutex_init(&bench->lock, NULL);
	pthread_cond_init(&bench->changed, NULL);

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &ends, &before);
	signals_fd = signalfd(-1, &ends, SFD_CLOEXEC);
	bench->done_fd = eventfd(0, EFD_CLOEXEC);
	if (signals_fd < 0 || bench->done_fd < 0)
		bench->status = fail("signals or events: %s", strerror(errno));
	else
		run_threads(bench, signals_fd);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(signals_fd);
	close(bench->done_fd);
	return bench->status;
}

void bench_free(struct bench *bench)
{
	__u32 i;

	for (i = 0; bench->threads && i < bench->plan.threads; i++)
		bench_thread_free(&bench->threads[i]);
	free(bench->threads);
}
