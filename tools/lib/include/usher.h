/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * DOC: libusher
 *
 * Rings of NVMe commands for processes without privilege.
 *
 * The order of calls::
 *
 *	usher_open()		open a node, or usher_grant_from_env()
 *	usher_buf_register()	name memory that commands may use
 *	usher_ring_init()	make a ring
 *	usher_ring_get_sqe()	take a submission entry
 *	usher_prep_read()	fill it
 *	usher_ring_submit_and_wait()
 *	usher_ring_peek_cqe()	look at a completion
 *	usher_cqe_seen()	give it back
 *	usher_ring_exit()
 *
 * Conventions:
 *
 * - Functions that return int or a file descriptor return a negative errno
 *   value on failure, never -1 with errno. What each call may answer is said
 *   where it is declared; the errors that every call may answer are listed in
 *   <linux/usher.h>, where also the structures passed to the kernel are.
 * - An NVMe command that fails is no error of the call: its status is in the
 *   completion, see usher_cqe_status().
 * - Lengths and offsets are bytes. "blocks" are logical blocks of the
 *   namespace's current format; slba is absolute in the namespace. Counts of
 *   blocks are plain counts (1 is one block): the library makes the 0's based
 *   values that NVMe has on the wire.
 * - Numbers are in host byte order; the library makes them little-endian.
 *   Only memory that the device reads or writes is little-endian itself.
 * - Buffers belong to the caller. The memory must stay what it is until the
 *   last command that uses it completed; the kernel keeps it pinned for longer
 *   if need be, but what is in it is the caller's affair.
 *
 * Any C from C11 on, and C++ from C++11 on. The two functions that take a sigset_t are
 * declared where <signal.h> has that: with -std=c11 instead of -std=gnu11, define
 * _POSIX_C_SOURCE before the first #include.
 *
 * The functions that a program calls for each command are also defined in
 * <usher_inline.h>, which this header includes, so that the compiler can put
 * them into the caller. The library has each of them under its name, too.
 *
 * Which command a completion belongs to is told by 16 bits, its tag, which the caller
 * chooses with usher_sqe_set_tag(); or by 64 bits, on a ring that usher_ring_init() made
 * with USHER_RING_DATA64, where the library chooses the tags and the caller sets data with
 * usher_sqe_set_data64(). A ring is of one kind or the other.
 *
 * Threads. Each function says by "Context:" where it may be called. A ring has two sides,
 * which do not disturb each other: the submission side takes entries, fills and submits
 * them, the completion side waits for completions, reads them and gives them back. One
 * thread at a time may use one side of a ring; more threads on one side need a lock of the
 * caller's. usher_ring_submit_and_wait*() belongs to the submission side and reads no
 * completion. Calls on grants may come from any thread at any time. No function may be
 * called from a signal handler.
 *
 * Ownership. A file descriptor that a function returns is the caller's, to be closed with
 * close(2); one that is passed stays the caller's, but for usher_ring_attach(). Pointers
 * that are passed are not kept after the call, but for the memory of
 * usher_buf_register().
 */
#ifndef USHER_H
#define USHER_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/usher.h>

/* Where the C library declares what is POSIX */
#if defined(_POSIX_C_SOURCE) || defined(_POSIX_SOURCE) || defined(_XOPEN_SOURCE) || \
	defined(_GNU_SOURCE) || defined(_BSD_SOURCE) || defined(_DEFAULT_SOURCE)
#define USHER_HAVE_SIGSET
#endif

#ifdef __cplusplus
extern "C" {
/* Some calls are named like the structure they pass, as stat(2) is; and this is C, too. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#endif

/* Environment variable that holds the number of an inherited grant fd. */
#define USHER_GRANT_ENV		"USHER_GRANT_FD"

/* One command moves at most this many blocks (NLB has 16 bits, 0's based). */
#define USHER_MAX_BLOCKS	65536U

/* One Dataset Management or Copy carries at most this many ranges. */
#define USHER_MAX_RANGES	256U

/*
 * In the flags of usher_ring_init(): the library chooses the tags, and keeps 64 bits of
 * the caller's for each command, see usher_sqe_set_data64(). The kernel's flags do not
 * reach up to this one.
 */
#define USHER_RING_DATA64	0x80000000U

/* Opcodes of the NVM and the Zoned Namespace command sets. */
enum usher_opcode {
	USHER_OP_FLUSH			= 0x00,
	USHER_OP_WRITE			= 0x01,
	USHER_OP_READ			= 0x02,
	USHER_OP_WRITE_UNCORRECTABLE	= 0x04,
	USHER_OP_COMPARE		= 0x05,
	USHER_OP_WRITE_ZEROES		= 0x08,
	USHER_OP_DSM			= 0x09,
	USHER_OP_VERIFY			= 0x0c,
	USHER_OP_COPY			= 0x19,
	USHER_OP_ZONE_SEND		= 0x79,
	USHER_OP_ZONE_RECEIVE		= 0x7a,
	USHER_OP_ZONE_APPEND		= 0x7d,
	USHER_OP_NONE			= 0xff,	/* always refused */
};

/* Bits of CDW12 that usher_sqe_set_io_flags() sets. */
#define USHER_IO_DEAC	0x02000000U	/* bit 25, Write Zeroes: deallocate */
#define USHER_IO_FUA	0x40000000U	/* bit 30: force unit access */
#define USHER_IO_LR	0x80000000U	/* bit 31: limited retry */

/* Zone Send Action of usher_prep_zone_send() */
enum usher_zone_action {
	USHER_ZONE_CLOSE	= 0x01,
	USHER_ZONE_FINISH	= 0x02,
	USHER_ZONE_OPEN		= 0x03,
	USHER_ZONE_RESET	= 0x04,
	USHER_ZONE_OFFLINE	= 0x05,
};

/*
 * Status values as usher_cqe_status() returns them: status code type in bits
 * 8-10, status code in bits 0-7. usher_strstatus() knows these and more.
 */
enum usher_status {
	USHER_SC_SUCCESS		= 0x000,
	USHER_SC_INVALID_OPCODE		= 0x001,
	USHER_SC_INVALID_FIELD		= 0x002,
	USHER_SC_DATA_TRANSFER		= 0x004,
	USHER_SC_INTERNAL		= 0x006,
	USHER_SC_ABORT_REQUESTED	= 0x007,
	USHER_SC_ABORT_SQ_DELETED	= 0x008,
	USHER_SC_INVALID_NAMESPACE	= 0x00b,
	USHER_SC_LBA_RANGE		= 0x080,
	USHER_SC_CAPACITY		= 0x081,
	USHER_SC_SIZE_LIMIT		= 0x183,
	USHER_SC_ZONE_BOUNDARY		= 0x1b8,
	USHER_SC_ZONE_FULL		= 0x1b9,
	USHER_SC_ZONE_INVALID_WRITE	= 0x1bc,
	USHER_SC_COMPARE_FAILED		= 0x285,
	USHER_SC_ACCESS_DENIED		= 0x286,
	USHER_SC_UNWRITTEN		= 0x287,
	USHER_SC_HOST_PATHING		= 0x370,
	USHER_SC_HOST_ABORTED		= 0x371,
};

/**
 * struct usher_dsm_range - one range of a Dataset Management command, as the
 *	device reads it; fill it with usher_dsm_range_set()
 * @cattr: context attributes, zero
 * @nlb: blocks: here NVMe counts plainly, it is not 0's based
 * @slba: first block
 */
struct usher_dsm_range {
	__le32 cattr;
	__le32 nlb;
	__le64 slba;
};

/**
 * struct usher_copy_range - one source range of a Copy command (descriptor
 *	format 0), as the device reads it; fill it with usher_copy_range_set()
 * @rsvd0: zero
 * @slba: first block
 * @nlb: blocks, 0's based
 * @rsvd18: zero
 * @eilbrt: protection information, zero
 * @elbat: protection information, zero
 * @elbatm: protection information, zero
 */
struct usher_copy_range {
	__le64 rsvd0;
	__le64 slba;
	__le16 nlb;
	__u8 rsvd18[6];
	__le32 eilbrt;
	__le16 elbat;
	__le16 elbatm;
};

/**
 * struct usher_ring - a ring mapped into this process
 * @fd: ring file descriptor, to poll for POLLIN
 * @flags: USHER_RING_* that the ring was created with, and USHER_RING_DATA64
 * @sq_entries: entries of the submission ring
 * @cq_entries: entries of the completion ring
 * @nsid: namespace that entries from usher_ring_get_sqe() name
 * @sqe_shift: log2 of the bytes of a submission entry
 * @cqe_shift: log2 of the bytes of a completion entry
 * @sqe_tail: next submission entry to hand out; @ctl->sq_tail follows at submit
 * @cqe_head: next completion to look at
 * @mmap_bytes: size of the mapping
 * @ctl: first byte of the mapping
 * @sqes: submission entries
 * @cqes: completion entries
 * @sqe_next: entry at @sqe_tail, once usher_ring_get_sqe() was called
 * @sqe_stop: entries from @sqe_next to here are free, as far as was looked;
 *	at most to the end of the array
 * @data: user data by tag, from tag 1 on; NULL without USHER_RING_DATA64
 * @tags: the tags of entries by index, as many as there are
 * @tag_mask: number of tags - 1
 * @tags_back: next completion whose tag is to be put into @tags again
 * @reserved: room for later versions
 *
 * The caller provides the memory, the library fills it. Read the members as
 * you like; change none.
 */
struct usher_ring {
	int fd;
	__u32 flags;
	__u32 sq_entries;
	__u32 cq_entries;
	__u32 nsid;
	__u32 sqe_shift;
	__u32 cqe_shift;
	__u32 sqe_tail;
	__u32 cqe_head;
	__u32 mmap_bytes;
	struct usher_ring_ctl *ctl;
	char *sqes;
	char *cqes;
	struct usher_sqe *sqe_next;
	struct usher_sqe *sqe_stop;
	__u64 *data;
	__u16 *tags;
	__u32 tag_mask;
	__u32 tags_back;
	char reserved[40 - 2 * sizeof(void *)];
};

/*
 * Grants
 */

/**
 * usher_open() - open a node
 * @path: /dev/usher0 (controller), /dev/usher0n1 (namespace) or
 *	/dev/usher0n1s1 (slice)
 * @flags: O_RDONLY, O_WRONLY or O_RDWR: which rights the grant has; O_CLOEXEC
 *	is always added
 *
 * Context: any thread.
 * Return: a grant fd, to be closed with close(2); or -ENOENT no such node,
 * -EACCES file permissions, -ENODEV the device is gone, -ENOTTY the path is
 * something else than a node of usher, or another errno of open(2).
 */
int usher_open(const char *path, int flags);

/**
 * usher_grant_from_env() - the grant that a parent passed on
 *
 * Reads the environment variable USHER_GRANT_FD, as "usherctl exec" sets it,
 * and sets FD_CLOEXEC on the descriptor again.
 *
 * Context: any thread, as long as no other one changes the environment.
 * Return: a grant fd; or -ENOENT the variable is not set, -EINVAL it is not a
 * number, -EBADF or -ENOTTY the number is no grant.
 */
int usher_grant_from_env(void);

/**
 * usher_grant_info() - ask what a grant allows
 * @grant_fd: grant
 * @info: answer; @info->size need not be set
 *
 * Context: any thread.
 * Return: 0, or an error common to all calls. A revoked or stale grant is no
 * error here, see @info->state.
 */
int usher_grant_info(int grant_fd, struct usher_grant_info *info);

/**
 * usher_narrow() - make a smaller grant
 * @grant_fd: parent
 * @slba: first block, absolute
 * @nlb: number of blocks, not 0
 * @rights: USHER_RIGHT_*, a subset of the parent's
 * @limits: limits not above the parent's, where 0 takes the parent's; or NULL
 *	for all of the parent's
 *
 * Context: any thread.
 * Return: the new grant's fd, with FD_CLOEXEC set; or an error as listed at
 * struct usher_narrow.
 */
int usher_narrow(int grant_fd, __u64 slba, __u64 nlb, __u32 rights,
		 const struct usher_limits *limits);

/**
 * usher_revoke() - end every grant narrowed from this one
 * @grant_fd: parent; it lives on
 *
 * Context: any thread.
 * Return: 0, or an error common to all calls.
 */
int usher_revoke(int grant_fd);

/**
 * usher_slice_add() - publish a grant as a device node
 * @grant_fd: what opening the node will give
 * @uid: owner
 * @gid: group
 * @mode: permission bits, at most 0666
 * @id: answer: N of /dev/usher0n1sN; the node appears when devtmpfs or udev
 *	made it, which may be after this returned
 *
 * Context: any thread.
 * Return: 0, or an error as listed at struct usher_slice.
 */
int usher_slice_add(int grant_fd, uid_t uid, gid_t gid, mode_t mode, __u32 *id);

/**
 * usher_slice_remove() - take a slice's node away and revoke who opened it
 * @grant_fd: any grant of the same namespace
 * @id: as usher_slice_add() answered
 *
 * Context: any thread.
 * Return: 0, or an error as listed at struct usher_slice.
 */
int usher_slice_remove(int grant_fd, __u32 id);

/**
 * usher_buf_register() - pin memory and name it for commands
 * @grant_fd: grant whose rings may use it
 * @addr: first byte, a multiple of 4
 * @length: bytes, at most 1 GiB
 * @flags: USHER_BUF_RDONLY where the device only reads it (writes to disk)
 * @id: answer: the name, for usher_prep_*()
 *
 * The memory is charged to RLIMIT_MEMLOCK of the user; a huge page, transparent
 * or not, counts as a whole (madvise(2), MADV_NOHUGEPAGE, avoids that for little
 * buffers). After fork(2) it stays the parent's.
 *
 * Context: any thread.
 * Return: 0, or an error as listed at struct usher_buf_register.
 */
int usher_buf_register(int grant_fd, void *addr, size_t length, __u32 flags,
		       __u32 *id);

/**
 * usher_buf_unregister() - take a buffer's name away
 * @grant_fd: grant
 * @id: as usher_buf_register() answered
 *
 * Commands in flight go on using the memory; this does not wait for them.
 *
 * Context: any thread.
 * Return: 0, or -ENOENT no such buffer.
 */
int usher_buf_unregister(int grant_fd, __u32 id);

/*
 * Rings
 */

/**
 * usher_ring_create() - create a ring without mapping it
 * @grant_fd: grant
 * @create: in and out; @create->size need not be set
 *
 * For a supervisor that hands the ring to a worker; others use
 * usher_ring_init().
 *
 * Context: any thread.
 * Return: the ring's fd, with FD_CLOEXEC set; or an error as listed at struct
 * usher_ring_create.
 */
int usher_ring_create(int grant_fd, struct usher_ring_create *create);

/**
 * usher_ring_init() - create a ring and map it
 * @ring: filled
 * @grant_fd: grant; may be closed afterwards, the ring keeps the grant alive
 * @entries: entries of the submission ring, a power of two; the completion
 *	ring gets twice as many
 * @flags: USHER_RING_*, and USHER_RING_DATA64
 *
 * Context: any thread, with no other call on @ring at the same time.
 * Return: 0; or an error as listed at struct usher_ring_create, -EPROTO the
 * kernel's answer is not what this library understands, -ENOMEM, or an errno of
 * mmap(2). On failure there is nothing to undo.
 */
int usher_ring_init(struct usher_ring *ring, int grant_fd, __u32 entries,
		    __u32 flags);

/**
 * usher_ring_init_params() - usher_ring_init() with every choice
 * @ring: filled
 * @grant_fd: grant
 * @create: in and out; @create->size need not be set; @create->flags may have
 *	USHER_RING_DATA64
 *
 * Context: any thread, with no other call on @ring at the same time.
 * Return: as usher_ring_init().
 */
int usher_ring_init_params(struct usher_ring *ring, int grant_fd,
			   struct usher_ring_create *create);

/**
 * usher_ring_attach() - map a ring that exists
 * @ring: filled
 * @ring_fd: ring, inherited or received; belongs to @ring on success
 *
 * For a worker that takes over from one that died: completions that it did
 * not take are there to be read, entries that it did not submit are lost.
 * usher_ring_info() tells the tags of the commands in flight. Two processes
 * must not use one side of a ring at one time.
 *
 * Context: any thread, with no other call on @ring at the same time.
 * Return: 0; or -ENOTTY @ring_fd is no ring, -EPROTO the kernel's answer is
 * not what this library understands, or an errno of mmap(2).
 */
int usher_ring_attach(struct usher_ring *ring, int ring_fd);

/**
 * usher_ring_enable_data64() - USHER_RING_DATA64 for a ring that exists
 * @ring: ring
 *
 * For those of usher_ring_attach(); others give the flag to usher_ring_init(). It takes
 * 10 bytes of memory for each completion entry, until usher_ring_exit().
 *
 * Context: any thread, with no other call on @ring at the same time.
 * Return: 0; -ENOMEM; or -EBUSY commands are outstanding, whose tags the library does not
 * know: each entry that was taken must have completed, and its completion been given back.
 * It is the answer to a second call, too.
 */
int usher_ring_enable_data64(struct usher_ring *ring);

/**
 * usher_ring_exit() - unmap a ring and close its fd
 * @ring: as usher_ring_init() or usher_ring_attach() filled it
 *
 * Does not wait: the kernel finishes commands in flight by itself and keeps
 * their buffers pinned until then. Once the last fd and mapping are gone their
 * completions can no longer be read. End a thread in usher_ring_sqpoll() before.
 *
 * Context: any thread, with no other call on @ring at the same time.
 */
void usher_ring_exit(struct usher_ring *ring);

/**
 * usher_ring_get_sqe() - take the next submission entry
 * @ring: ring
 *
 * The entry names the ring's namespace, has tag 0, and would be refused as it
 * stands (USHER_OP_NONE): fill it with one of usher_prep_*(). It is handed over
 * by the next submit, with all others taken before; there is no way back.
 *
 * Context: the submission side of @ring.
 * Return: the entry, valid until that submit; or NULL when the ring is full:
 * submit first. With USHER_RING_DATA64 also NULL when as many commands as there are
 * completion entries, or 32768, are outstanding, from here to when their completion is
 * given back: take completions first.
 */
struct usher_sqe *usher_ring_get_sqe(struct usher_ring *ring);

/**
 * usher_ring_sq_space_left() - how many entries usher_ring_get_sqe() has left
 * @ring: ring
 *
 * Context: the submission side of @ring.
 * Return: free entries; whether there are tags for them, with USHER_RING_DATA64, only
 * usher_ring_get_sqe() tells.
 */
__u32 usher_ring_sq_space_left(const struct usher_ring *ring);

/**
 * usher_ring_sq_ready() - entries taken and not yet taken by the kernel
 * @ring: ring
 *
 * Context: the submission side of @ring.
 * Return: entries.
 */
__u32 usher_ring_sq_ready(const struct usher_ring *ring);

/**
 * usher_ring_submit() - hand over the entries taken since the last submit
 * @ring: ring
 *
 * Makes no system call when there is nothing to hand over.
 *
 * Context: the submission side of @ring.
 * Return: how many entries the kernel took, which may be fewer than were
 * handed over: the others stay in the ring and the kernel takes them as it
 * can. Each of them completes. With a polling thread, see usher_ring_sqpoll(), it is how
 * many were handed over. Or an error as listed at struct usher_enter,
 * in which case the entries are still in the ring; or -EINVAL with USHER_RING_DATA64 when
 * one of them has a tag of usher_sqe_set_tag(): none was handed over, and
 * usher_sqe_set_data64() on that entry puts it right.
 */
int usher_ring_submit(struct usher_ring *ring);

/**
 * usher_ring_submit_and_wait() - submit, then wait for completions
 * @ring: ring
 * @wait_nr: completions to be there before it returns, at most cq_entries,
 *	counting those that are there already
 *
 * Context: the submission side of @ring.
 * Return: as usher_ring_submit(). A signal whose handler has no SA_RESTART ends the
 * wait: with -EINTR when nothing was taken, with the number taken otherwise; and any
 * signal does that after entries were taken. So count completions
 * with usher_ring_cq_ready(), do not infer them from this.
 */
int usher_ring_submit_and_wait(struct usher_ring *ring, __u32 wait_nr);

#ifdef USHER_HAVE_SIGSET
/**
 * usher_ring_submit_and_wait_timeout() - the same with an end
 * @ring: ring
 * @wait_nr: as for usher_ring_submit_and_wait()
 * @deadline_ns: absolute time on CLOCK_MONOTONIC, in nanoseconds; see
 *	usher_deadline()
 * @sigmask: signal mask during the wait, as for ppoll(2), or NULL
 *
 * Context: the submission side of @ring.
 * Return: as usher_ring_submit(), and -ETIME when the deadline passed and
 * nothing was taken.
 */
int usher_ring_submit_and_wait_timeout(struct usher_ring *ring, __u32 wait_nr,
				       __u64 deadline_ns,
				       const sigset_t *sigmask);
#endif

#ifdef USHER_HAVE_SIGSET
/**
 * usher_ring_sqpoll() - lend a polled ring this thread
 * @ring: ring, of which only the fd is used; other threads go on using it
 * @idle_us: microseconds without work after which the thread goes to sleep in the
 *	kernel, until somebody submits again
 * @deadline_ns: absolute time on CLOCK_MONOTONIC at which to return, in
 *	nanoseconds; see usher_deadline(); 0 for never
 * @sigmask: signal mask meanwhile, as for ppoll(2), or NULL
 *
 * While it is awake, submitting and reaping on this ring make no system calls:
 * this thread looks for entries and completions without pause, at the price of
 * the processor it runs on. Start a thread for it, and let that have a processor
 * of its own. All functions on the ring work with and without a polling thread.
 *
 * To end it, send the thread a signal that has a handler, and that it has blocked
 * but not in @sigmask, so that none is lost which comes before the call. Then join
 * it, and only then call usher_ring_exit(): a call keeps the ring open.
 *
 * Context: any thread, while others use @ring, but for usher_ring_exit().
 * Return: never 0: -ETIME the deadline passed; -EINTR a signal came that has a
 * handler; -EBUSY another thread polls this ring; -EOPNOTSUPP not created with
 * USHER_RING_POLLED; or another error as listed at struct usher_enter. The ring goes on
 * without it.
 */
int usher_ring_sqpoll(const struct usher_ring *ring, __u32 idle_us,
		      __u64 deadline_ns, const sigset_t *sigmask);
#endif

/**
 * usher_deadline() - a deadline from now on
 * @timeout_ns: nanoseconds
 *
 * Context: any thread.
 * Return: now on CLOCK_MONOTONIC plus @timeout_ns, or the end of time where
 * the sum does not fit.
 */
__u64 usher_deadline(__u64 timeout_ns);

/**
 * usher_ring_peek_cqe() - look at the oldest completion
 * @ring: ring
 * @cqe: answer: the completion, valid until usher_cqe_seen(); or NULL
 *
 * Makes no system call, but on a polled ring that has none: there the kernel
 * looks into the hardware queue.
 *
 * Context: the completion side of @ring.
 * Return: 0; -EAGAIN there is none; -ENODEV there is none and the device is
 * gone; -EBADFD there is none and the process broke its ring.
 */
int usher_ring_peek_cqe(struct usher_ring *ring, struct usher_cqe **cqe);

/**
 * usher_ring_peek_batch_cqe() - look at the oldest completions
 * @ring: ring
 * @cqes: answer: up to @count pointers, oldest first, valid until
 *	usher_ring_cq_advance() passed them
 * @count: room at @cqes
 *
 * Context: the completion side of @ring.
 * Return: how many there are; 0 does not say why, usher_ring_peek_cqe() does.
 */
unsigned int usher_ring_peek_batch_cqe(struct usher_ring *ring,
				       struct usher_cqe **cqes,
				       unsigned int count);

/**
 * usher_ring_peek_array() - look at the oldest completions where they are
 * @ring: ring
 * @cqes: answer: the oldest completion, which the others follow as in an array;
 *	valid until usher_ring_cq_advance() passed them
 *
 * Costs the least: no pointer to each completion is made. The array ends where
 * the ring's memory does, the rest of the completions is at its beginning: when
 * these were given back, call it again to see them.
 *
 * Context: the completion side of @ring.
 * Return: how many there are in the array; 0 does not say why,
 * usher_ring_peek_cqe() does.
 */
unsigned int usher_ring_peek_array(struct usher_ring *ring,
				   struct usher_cqe **cqes);

/**
 * usher_ring_wait_cqe() - wait for a completion
 * @ring: ring
 * @cqe: as for usher_ring_peek_cqe()
 *
 * Submits nothing.
 *
 * Context: the completion side of @ring.
 * Return: 0; -EINTR as usher_ring_submit_and_wait(); -EAGAIN there is none and the fd is
 * O_NONBLOCK; or as usher_ring_peek_cqe().
 */
int usher_ring_wait_cqe(struct usher_ring *ring, struct usher_cqe **cqe);

/**
 * usher_ring_wait_cqe_timeout() - wait for a completion, not for ever
 * @ring: ring
 * @cqe: as for usher_ring_peek_cqe()
 * @deadline_ns: absolute time on CLOCK_MONOTONIC, in nanoseconds
 *
 * Context: the completion side of @ring.
 * Return: as usher_ring_wait_cqe(), and -ETIME the deadline passed.
 */
int usher_ring_wait_cqe_timeout(struct usher_ring *ring, struct usher_cqe **cqe,
				__u64 deadline_ns);

/**
 * struct usher_ring_wait - one of the rings of usher_wait_rings()
 * @ring: ring; NULL leaves this one out
 * @result: answer: 1 completions can be read; 0 there are none; or an error, when none can
 *	come any more: -ENODEV the device is gone, -EACCES the grant was revoked, -ESTALE it
 *	is stale, -EBADFD the process broke the ring, -EBADF its fd was closed
 */
struct usher_ring_wait {
	struct usher_ring *ring;
	int result;
};

/**
 * usher_wait_rings() - wait for a completion on any of several rings
 * @waits: rings, in and out
 * @count: number of @waits
 * @deadline_ns: absolute time on CLOCK_MONOTONIC, in nanoseconds; one that has passed
 *	is for a look at all rings; UINT64_MAX for never
 *
 * Submits nothing, and takes no completion: a ring is ready as long as there are some
 * that were not given back. All rings are looked at, even if the first is ready; but
 * that a grant has ended is told only when no ring has completions, as only the kernel knows
 * it. No memory is allocated for up to 64 rings.
 *
 * For a polled ring without completions the kernel has to look into its hardware queue, as
 * nobody is woken by it. With such a ring among them the call looks without pause for 10
 * milliseconds, and after that every millisecond; other rings wake it at once.
 *
 * Context: the completion side of each of the rings.
 * Return: how many rings have a @result other than 0; -ETIME the deadline passed;
 * -EINTR a signal came that has a handler, with SA_RESTART or without, as for poll(2):
 * call it again with the same deadline to go on; -EINVAL there is no ring among @waits;
 * -ENOMEM; or an errno of ppoll(2).
 */
int usher_wait_rings(struct usher_ring_wait *waits, unsigned int count, __u64 deadline_ns);

#ifdef USHER_HAVE_SIGSET
/**
 * usher_wait_rings_sigmask() - the same with a signal mask
 * @waits: as for usher_wait_rings()
 * @count: as for usher_wait_rings()
 * @deadline_ns: as for usher_wait_rings()
 * @sigmask: signal mask during the wait, as for ppoll(2), or NULL
 *
 * Context: the completion side of each of the rings.
 * Return: as usher_wait_rings().
 */
int usher_wait_rings_sigmask(struct usher_ring_wait *waits, unsigned int count,
			     __u64 deadline_ns, const sigset_t *sigmask);
#endif

/**
 * usher_ring_cq_ready() - completions that can be read now
 * @ring: ring
 *
 * Context: the completion side of @ring.
 * Return: completions.
 */
__u32 usher_ring_cq_ready(const struct usher_ring *ring);

/**
 * usher_ring_cq_advance() - give the oldest completions back
 * @ring: ring
 * @count: completions, at most what was there: more breaks the ring for good
 *
 * Context: the completion side of @ring.
 */
void usher_ring_cq_advance(struct usher_ring *ring, __u32 count);

/**
 * usher_cqe_seen() - give the oldest completion back
 * @ring: ring
 * @cqe: the completion that usher_ring_peek_cqe() answered; NULL does nothing
 *
 * Context: the completion side of @ring.
 */
void usher_cqe_seen(struct usher_ring *ring, struct usher_cqe *cqe);

/**
 * usher_ring_eventfd() - signal an eventfd when completions come
 * @ring: ring
 * @event_fd: eventfd(2), which replaces an earlier one; -1 ends it
 *
 * Context: any thread.
 * Return: 0; or an error as listed at struct usher_eventfd.
 */
int usher_ring_eventfd(struct usher_ring *ring, int event_fd);

/**
 * usher_ring_info() - geometry, counters and tags outstanding
 * @ring: ring
 * @info: answer; nothing in it need be set
 * @tags: answer: tags of the commands in flight, or NULL; with USHER_RING_DATA64 they
 *	are the library's
 * @nr_tags: room at @tags; @info->nr_tags answers how many were written
 *
 * Context: any thread.
 * Return: 0, or an error common to all calls.
 */
int usher_ring_info(const struct usher_ring *ring, struct usher_ring_info *info,
		    __u16 *tags, __u32 nr_tags);

/**
 * usher_ring_enter() - the system call below submit and wait
 * @ring_fd: ring
 * @enter: as said at struct usher_enter; @enter->size need not be set
 *
 * Context: any thread; what it hands over are entries that were published, see struct usher_enter.
 * Return: how many entries were taken, or an error as listed there.
 */
int usher_ring_enter(int ring_fd, struct usher_enter *enter);

/*
 * Filling submission entries
 *
 * Each function writes every member of the entry but cid and nsid, so a tag may
 * be set before or after. @buf, @offset and @length say where the data are: a
 * buffer's name, the first byte in it (buffer address + offset is a multiple of
 * 4), and how many bytes the command may use, which is at least what it
 * moves: blocks times lba_bytes of struct usher_grant_info.
 *
 * Each returns 0, or -EINVAL when a count is 0 or too large for the wire. The
 * entry is then one that the kernel refuses (USHER_OP_NONE): whoever ignores the
 * error gets a completion with USHER_SC_INVALID_OPCODE and never a wrong
 * command. Ranges, rights and lengths are checked by the kernel.
 */

/**
 * usher_prep_read() - Read
 * @sqe: entry
 * @slba: first block
 * @blocks: 1 to 65536
 * @buf: buffer
 * @offset: bytes
 * @length: bytes
 *
 * Context: one thread at a time for an entry, until it is submitted.
 * Return: 0, or -EINVAL @blocks is 0 or above 65536.
 */
int usher_prep_read(struct usher_sqe *sqe, __u64 slba, __u32 blocks,
		    __u32 buf, __u64 offset, __u32 length);

/**
 * usher_prep_write() - Write
 * @sqe: entry
 * @slba: first block
 * @blocks: 1 to 65536
 * @buf: buffer
 * @offset: bytes
 * @length: bytes
 *
 * Context: one thread at a time for an entry, until it is submitted.
 * Return: 0, or -EINVAL @blocks is 0 or above 65536.
 */
int usher_prep_write(struct usher_sqe *sqe, __u64 slba, __u32 blocks,
		     __u32 buf, __u64 offset, __u32 length);

/**
 * usher_prep_compare() - Compare
 * @sqe: entry
 * @slba: first block
 * @blocks: 1 to 65536
 * @buf: buffer
 * @offset: bytes
 * @length: bytes
 *
 * Context: one thread at a time for an entry, until it is submitted.
 * Return: 0, or -EINVAL @blocks is 0 or above 65536.
 */
int usher_prep_compare(struct usher_sqe *sqe, __u64 slba, __u32 blocks,
		       __u32 buf, __u64 offset, __u32 length);

/**
 * usher_prep_flush() - Flush: all that was completed before becomes durable
 * @sqe: entry
 *
 * Context: one thread at a time for an entry, until it is submitted.
 * Return: 0.
 */
int usher_prep_flush(struct usher_sqe *sqe);

/**
 * usher_prep_verify() - Verify: the device checks what is stored
 * @sqe: entry
 * @slba: first block
 * @blocks: 1 to 65536; the kernel takes @max_verify_blocks of struct
 *	usher_grant_info
 *
 * Context: one thread at a time for an entry, until it is submitted.
 * Return: 0, or -EINVAL @blocks is 0 or above 65536.
 */
int usher_prep_verify(struct usher_sqe *sqe, __u64 slba, __u32 blocks);

/**
 * usher_prep_write_zeroes() - Write Zeroes
 * @sqe: entry
 * @slba: first block
 * @blocks: 1 to 65536; the kernel takes @max_zeroes_blocks of struct
 *	usher_grant_info
 *
 * Context: one thread at a time for an entry, until it is submitted.
 * Return: 0, or -EINVAL @blocks is 0 or above 65536.
 */
int usher_prep_write_zeroes(struct usher_sqe *sqe, __u64 slba, __u32 blocks);

/**
 * usher_prep_write_uncorrectable() - Write Uncorrectable
 * @sqe: entry
 * @slba: first block
 * @blocks: 1 to 65536; the kernel takes @max_uncorrectable_blocks of struct
 *	usher_grant_info
 *
 * Context: one thread at a time for an entry, until it is submitted.
 * Return: 0, or -EINVAL @blocks is 0 or above 65536.
 */
int usher_prep_write_uncorrectable(struct usher_sqe *sqe, __u64 slba,
				   __u32 blocks);

/**
 * usher_prep_deallocate() - Dataset Management, deallocate
 * @sqe: entry
 * @ranges: number of struct usher_dsm_range in the buffer, 1 to 256
 * @buf: buffer
 * @offset: where the first of them is
 *
 * What the kernel takes is in struct usher_grant_info: @max_dsm_ranges,
 * @max_dsm_range_blocks and @max_dsm_blocks.
 *
 * Context: one thread at a time for an entry, until it is submitted.
 * Return: 0, or -EINVAL @ranges is 0 or above 256.
 */
int usher_prep_deallocate(struct usher_sqe *sqe, __u32 ranges, __u32 buf,
			  __u64 offset);

/**
 * usher_dsm_range_set() - fill one range for usher_prep_deallocate()
 * @range: range
 * @slba: first block
 * @blocks: number of blocks; 0 is legal and does nothing
 *
 * Context: any thread; the memory is the caller's.
 */
void usher_dsm_range_set(struct usher_dsm_range *range, __u64 slba,
			 __u32 blocks);

/**
 * usher_prep_copy() - Copy (descriptor format 0)
 * @sqe: entry
 * @dst_slba: where the copied blocks go, one range after the other
 * @ranges: number of struct usher_copy_range in the buffer, 1 to 256
 * @buf: buffer
 * @offset: where the first of them is
 *
 * What the kernel takes is in struct usher_grant_info: @max_copy_ranges,
 * @max_copy_range_blocks and @max_copy_blocks.
 *
 * Context: one thread at a time for an entry, until it is submitted.
 * Return: 0, or -EINVAL @ranges is 0 or above 256.
 */
int usher_prep_copy(struct usher_sqe *sqe, __u64 dst_slba, __u32 ranges,
		    __u32 buf, __u64 offset);

/**
 * usher_copy_range_set() - fill one range for usher_prep_copy()
 * @range: range
 * @slba: first block
 * @blocks: 1 to 65536
 *
 * Context: any thread; the memory is the caller's.
 * Return: 0, or -EINVAL with @range unchanged.
 */
int usher_copy_range_set(struct usher_copy_range *range, __u64 slba,
			 __u32 blocks);

/**
 * usher_prep_zone_append() - Zone Append
 * @sqe: entry
 * @zslba: first block of the zone
 * @blocks: 1 to 65536
 * @buf: buffer
 * @offset: bytes
 * @length: bytes
 *
 * usher_cqe_result() of the completion is the block where the data went.
 *
 * Context: one thread at a time for an entry, until it is submitted.
 * Return: 0, or -EINVAL @blocks is 0 or above 65536.
 */
int usher_prep_zone_append(struct usher_sqe *sqe, __u64 zslba, __u32 blocks,
			   __u32 buf, __u64 offset, __u32 length);

/**
 * usher_prep_zone_send() - Zone Management Send
 * @sqe: entry
 * @zslba: first block of the zone; 0 with @all
 * @action: what to do
 * @all: with all zones of the namespace
 *
 * Context: one thread at a time for an entry, until it is submitted.
 * Return: 0.
 */
int usher_prep_zone_send(struct usher_sqe *sqe, __u64 zslba,
			 enum usher_zone_action action, bool all);

/**
 * usher_prep_zone_receive() - Zone Management Receive: Report Zones
 * @sqe: entry
 * @slba: the report begins with the zone that holds this block
 * @buf: buffer
 * @offset: bytes
 * @length: bytes of the report, a multiple of 4
 * @partial: count only the zones that fit into the report
 *
 * Context: one thread at a time for an entry, until it is submitted.
 * Return: 0, or -EINVAL @length is 0 or no multiple of 4.
 */
int usher_prep_zone_receive(struct usher_sqe *sqe, __u64 slba, __u32 buf,
			    __u64 offset, __u32 length, bool partial);

/**
 * usher_sqe_set_tag() - say which command this is
 * @sqe: entry
 * @tag: returned by usher_cqe_tag(). The kernel does not look at it, tags may
 *	repeat.
 *
 * Not on a ring with USHER_RING_DATA64, which has tags of the library's: submitting
 * answers -EINVAL then.
 *
 * Context: one thread at a time for an entry, until it is submitted.
 */
void usher_sqe_set_tag(struct usher_sqe *sqe, __u16 tag);

/**
 * usher_sqe_set_data64() - 64 bits that come back with the completion
 * @ring: ring with USHER_RING_DATA64 that @sqe is from
 * @sqe: entry, not submitted yet
 * @data: returned by usher_cqe_get_data64()
 *
 * In place of usher_sqe_set_tag(): the library sets a tag that no other command in
 * flight has. An entry without either has the data 0. It may be called before or after
 * usher_prep_*(), and again with other data.
 *
 * There is always a tag: usher_ring_get_sqe() hands out no entry without.
 *
 * Context: the submission side of @ring.
 * Return: 0, or -EOPNOTSUPP the ring is without USHER_RING_DATA64; the entry is as
 * it was then.
 */
int usher_sqe_set_data64(struct usher_ring *ring, struct usher_sqe *sqe, __u64 data);

/**
 * usher_sqe_set_data() - the same for a pointer
 * @ring: as for usher_sqe_set_data64()
 * @sqe: as for usher_sqe_set_data64()
 * @data: returned by usher_cqe_get_data(); what it points to is the caller's affair
 *
 * Context: the submission side of @ring.
 * Return: as usher_sqe_set_data64().
 */
int usher_sqe_set_data(struct usher_ring *ring, struct usher_sqe *sqe, void *data);

/**
 * usher_sqe_set_io_flags() - set bits of CDW12, after usher_prep_*()
 * @sqe: entry
 * @io_flags: USHER_IO_*; other bits are ignored
 *
 * Context: one thread at a time for an entry, until it is submitted.
 */
void usher_sqe_set_io_flags(struct usher_sqe *sqe, __u32 io_flags);

/*
 * Reading completions
 */

/**
 * usher_cqe_tag() - which command completed
 * @cqe: completion
 *
 * Context: any thread, until the completion is given back.
 * Return: as usher_sqe_set_tag() set it; with USHER_RING_DATA64 a number of the library's.
 */
__u16 usher_cqe_tag(const struct usher_cqe *cqe);

/**
 * usher_cqe_get_data64() - what usher_sqe_set_data64() set
 * @ring: ring that @cqe is from
 * @cqe: completion that was not given back yet
 *
 * It may be asked for as often as one likes until then.
 *
 * Context: the completion side of @ring.
 * Return: the data; 0 where none were set, or the ring is without USHER_RING_DATA64.
 */
__u64 usher_cqe_get_data64(const struct usher_ring *ring, const struct usher_cqe *cqe);

/**
 * usher_cqe_get_data() - what usher_sqe_set_data() set
 * @ring: as for usher_cqe_get_data64()
 * @cqe: as for usher_cqe_get_data64()
 *
 * Context: the completion side of @ring.
 * Return: the pointer; NULL as 0 of usher_cqe_get_data64().
 */
void *usher_cqe_get_data(const struct usher_ring *ring, const struct usher_cqe *cqe);

/**
 * usher_cqe_status() - how it went
 * @cqe: completion
 *
 * Context: any thread, until the completion is given back.
 * Return: status code type in bits 8-10 and status code in bits 0-7, to be
 * compared with USHER_SC_*; 0 is success. The other bits of the status field are
 * left out, see usher_cqe_dnr().
 */
__u16 usher_cqe_status(const struct usher_cqe *cqe);

/**
 * usher_cqe_dnr() - Do Not Retry: the same command would fail again
 * @cqe: completion
 *
 * Context: any thread, until the completion is given back.
 * Return: whether it would.
 */
bool usher_cqe_dnr(const struct usher_cqe *cqe);

/**
 * usher_cqe_result() - command-specific result, dword 0 and 1
 * @cqe: completion
 *
 * Context: any thread, until the completion is given back.
 * Return: dword 0 in bits 0-31, dword 1 in bits 32-63.
 */
__u64 usher_cqe_result(const struct usher_cqe *cqe);

/**
 * usher_cqe_flags() - who completed it
 * @cqe: completion
 *
 * Context: any thread, until the completion is given back.
 * Return: USHER_CQE_*; 0 the device did.
 */
__u16 usher_cqe_flags(const struct usher_cqe *cqe);

/**
 * usher_strstatus() - a status in words
 * @status: as usher_cqe_status() returns it
 *
 * Context: any thread.
 * Return: a constant string, never NULL.
 */
const char *usher_strstatus(__u16 status);

/*
 * Queries
 *
 * Each waits for the device. They return 0; a positive NVMe status (the status
 * field not shifted, all bits); or an error as listed at struct usher_admin.
 */

/**
 * usher_admin() - a query from the allow-list
 * @grant_fd: grant with USHER_RIGHT_ADMIN
 * @cmd: in and out; @cmd->size need not be set
 *
 * Context: any thread.
 * Return: 0, a positive NVMe status, or an error as listed at struct usher_admin.
 */
int usher_admin(int grant_fd, struct usher_admin *cmd);

/**
 * usher_identify() - Identify
 * @grant_fd: grant
 * @cns: which structure: 00h, 01h, 02h, 03h, 05h, 06h or 08h
 * @csi: command set identifier, for 05h and 06h
 * @data: answer: 4096 bytes, little-endian as the device gave them
 *
 * Context: any thread.
 * Return: 0, a positive NVMe status, or an error as listed at struct usher_admin.
 */
int usher_identify(int grant_fd, __u8 cns, __u8 csi, void *data);

/**
 * usher_identify_ns() - Identify, the grant's namespace (CNS 00h)
 * @grant_fd: grant on a namespace
 * @data: answer: 4096 bytes
 *
 * Context: any thread.
 * Return: 0, a positive NVMe status, or an error as listed at struct usher_admin.
 */
int usher_identify_ns(int grant_fd, void *data);

/**
 * usher_identify_ctrl() - Identify, the controller (CNS 01h)
 * @grant_fd: grant
 * @data: answer: 4096 bytes
 *
 * Context: any thread.
 * Return: 0, a positive NVMe status, or an error as listed at struct usher_admin.
 */
int usher_identify_ctrl(int grant_fd, void *data);

/**
 * usher_get_log() - Get Log Page
 * @grant_fd: grant
 * @lid: log page identifier: 01h, 02h, 03h or 05h
 * @offset: bytes, a multiple of 4
 * @data: answer
 * @length: bytes, a multiple of 4, not 0, at most 4096; -EINVAL otherwise
 *
 * Context: any thread.
 * Return: 0, a positive NVMe status, or an error as listed at struct usher_admin.
 */
int usher_get_log(int grant_fd, __u8 lid, __u64 offset, void *data,
		  __u32 length);

/**
 * usher_get_features() - Get Features
 * @grant_fd: grant
 * @fid: feature identifier
 * @sel: 0 current, 1 default, 2 saved
 * @result: answer: completion dword 0
 *
 * Context: any thread.
 * Return: 0, a positive NVMe status, or an error as listed at struct usher_admin.
 */
int usher_get_features(int grant_fd, __u8 fid, __u8 sel, __u32 *result);

#include <usher_inline.h>

#ifdef __cplusplus
#pragma GCC diagnostic pop
}
#endif

#endif /* USHER_H */
