// SPDX-License-Identifier: GPL-2.0-only
/*
 * A progress line on a terminal.
 */
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <usher.h>

#include "parse.h"
#include "progress.h"

#define INTERVAL_NS	200000000	/* between two writes of the line */
#define BAR_MAX		40

static void seconds_text(double seconds, char text[32])
{
	unsigned long s = (unsigned long)(seconds + 0.5);

	if (s < 3600)
		snprintf(text, 32, "%lu:%02lu", s / 60, s % 60);
	else
		snprintf(text, 32, "%lu:%02lu:%02lu", s / 3600, s / 60 % 60,
			 s % 60);
}

static unsigned int bar_width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || size.ws_col < 60)
		return 0;
	return size.ws_col - 50 < BAR_MAX ? size.ws_col - 50 : BAR_MAX;
}

double progress_seconds(const struct progress *progress)
{
	/* One more nanosecond: callers divide by the result. */
	return (double)(usher_deadline(0) - progress->begin + 1) / 1e9;
}

static void show(const struct progress *progress)
{
	double seconds = progress_seconds(progress);
	double rate = (double)progress->done / seconds;
	unsigned int width = bar_width(), filled;
	char done[16], speed[16], left[32] = "-:--";

	format_size(progress->done, done);
	format_size((__u64)rate, speed);
	if (!progress->total) {
		fprintf(stderr, "\r%s  %s/s\033[K", done, speed);
		return;
	}

	if (rate > 0)
		seconds_text((double)(progress->total - progress->done) / rate,
			     left);
	fprintf(stderr, "\r%3u %% ", (unsigned int)((double)progress->done *
						   100 / (double)progress->total));
	if (width) {
		filled = (unsigned int)((double)progress->done * width /
					(double)progress->total);
		fprintf(stderr, "[%.*s%*s] ", (int)filled,
			"########################################",
			(int)(width - filled), "");
	}
	fprintf(stderr, "%s  %s/s  %s left\033[K", done, speed, left);
}

void progress_begin(struct progress *progress, __u64 total, bool quiet)
{
	*progress = (struct progress) {
		.on = !quiet && isatty(STDERR_FILENO),
		.total = total,
		.begin = usher_deadline(0),
	};
}

void progress_add(struct progress *progress, __u64 bytes)
{
	__u64 now;

	progress->done += bytes;
	if (!progress->on)
		return;
	now = usher_deadline(0);
	if (now - progress->shown < INTERVAL_NS)
		return;
	progress->shown = now;
	show(progress);
}

void progress_end(struct progress *progress)
{
	if (progress->on)
		fprintf(stderr, "\r\033[K");
}
