/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * usherctl bench: one thread, which keeps a ring full of I/Os.
 */
#ifndef USHERCTL_BENCH_THREAD_H
#define USHERCTL_BENCH_THREAD_H

#include <pthread.h>
#include <stddef.h>
#include <linux/types.h>
#include <sys/resource.h>

#include <usher.h>

struct bench;
struct bench_slot;
struct histogram;

/**
 * struct bench_thread - one thread with its ring
 * @bench: the whole
 * @id: thread
 * @ring: ring
 * @memory: where data go, @stride bytes for each slot
 * @memory_bytes: all of it
 * @stride: bytes from slot to slot
 * @buf: its name in commands
 * @slots: I/Os, by their tags
 * @idle: tags that are not in flight, a stack of @nr_idle
 * @nr_idle: how many are not in flight
 * @left: I/Os to begin
 * @next: next place, of a sequential workload
 * @random: state of the random numbers
 * @latency: from handing over to seeing the completion, in nanoseconds
 * @done: I/Os that completed well; read by the thread that shows progress
 * @failed: I/Os that completed with an error
 * @enters: system calls
 * @end: when the last I/O had completed
 * @usage: processor time and context switches, from the first I/O to the last
 * @info: what the kernel says of the ring in the end
 */
struct bench_thread {
	struct bench *bench;
	pthread_t id;
	struct usher_ring ring;
	char *memory;
	size_t memory_bytes;
	size_t stride;
	__u32 buf;
	struct bench_slot *slots;
	__u16 *idle;
	__u32 nr_idle;
	__u64 left;
	__u64 next;
	__u64 random;
	struct histogram *latency;
	__u64 done;
	__u64 failed;
	__u64 enters;
	__u64 end;
	struct rusage usage;
	struct usher_ring_info info;
};

/**
 * bench_thread() - what a thread does, for pthread_create()
 * @thread: its struct bench_thread
 *
 * Return: NULL
 */
void *bench_thread(void *thread);

/**
 * bench_thread_free() - free what a thread had; it has ended, or never began
 * @thread: which
 */
void bench_thread_free(struct bench_thread *thread);

/**
 * bench_stop() - let all threads begin no more I/Os
 * @bench: the run
 */
void bench_stop(struct bench *bench);

#endif /* USHERCTL_BENCH_THREAD_H */
