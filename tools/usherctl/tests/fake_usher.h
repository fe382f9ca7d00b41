/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A namespace in memory behind the calls of libusher that make system calls.
 */
#ifndef FAKE_USHER_H
#define FAKE_USHER_H

#include <stdbool.h>

#include <usher.h>

#define FAKE_BLOCKS	4096U
#define FAKE_GRANT	1000	/* what usher_open() answers */

/**
 * struct fake_usher - the namespace, and how it shall behave
 * @info: what the grant says of itself
 * @disk: its blocks, @info.lba_bytes each
 * @pinned_max: more than this is not registered: -ENOMEM
 * @fail_lba: commands that touch this block fail with @fail_status
 * @fail_status: 0: none fails
 * @corrupt_lba: this block is read changed, from the second time on
 * @corrupt: do so
 * @backwards: complete what is in flight last in, first out
 * @enter_error: what ENTER answers from the @enter_after-th call on
 * @enter_after: 0: never
 * @signal_after: the n-th call of ENTER sends SIGINT to the process; 0: none
 * @eintr_at: the n-th call of ENTER answers -EINTR and takes nothing; 0: none
 * @reads: times that @corrupt_lba was read
 * @enters: calls of ENTER
 * @writes: commands that wrote
 * @flushes: Flush commands
 * @memory_shared: two commands in flight used the same memory
 * @ios: reads and writes
 * @lowest: first block that these touched
 * @highest: last block that these touched
 * @depth_seen: most commands that were in flight in one ring at one time
 */
struct fake_usher {
	struct usher_grant_info info;
	unsigned char *disk;
	size_t pinned_max;
	__u64 fail_lba;
	__u16 fail_status;
	__u64 corrupt_lba;
	bool corrupt;
	bool backwards;
	int enter_error;
	unsigned int enter_after;
	unsigned int signal_after;
	unsigned int eintr_at;
	unsigned int reads;
	unsigned int enters;
	unsigned int writes;
	unsigned int flushes;
	bool memory_shared;
	__u64 ios;
	__u64 lowest;
	__u64 highest;
	unsigned int depth_seen;
};

extern struct fake_usher fake;

void fake_reset(__u32 lba_bytes);

#endif /* FAKE_USHER_H */
