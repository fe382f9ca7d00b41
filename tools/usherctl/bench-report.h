/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * usherctl bench: the results.
 */
#ifndef USHERCTL_BENCH_REPORT_H
#define USHERCTL_BENCH_REPORT_H

struct bench;

/**
 * bench_report() - print the results, as text or as JSON
 * @bench: after bench_run()
 *
 * Return: 0, or STATUS_FAILED after a message
 */
int bench_report(const struct bench *bench);

#endif /* USHERCTL_BENCH_REPORT_H */
