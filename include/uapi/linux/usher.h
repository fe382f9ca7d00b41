/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/**
 * DOC: Conventions
 *
 * usher: unprivileged, guarded access to NVMe queues.
 *
 * Every object is a file descriptor. Opening a node yields a *grant* (what
 * this open file may do), NARROW yields a smaller grant, RING_CREATE yields a
 * *ring* (a submission ring and a completion ring in shared memory).
 *
 * Conventions for every ioctl:
 *
 * - The argument points to a struct whose first member is @size, set by the
 *   caller to sizeof() the struct it was compiled with. A shorter struct is
 *   zero-extended, and its answers end where it ends, down to a minimum: the
 *   member named in the table below is the last that a caller must give. A
 *   longer one is accepted when its tail is zero.
 * - Padding and unknown flags must be zero.
 * - All sizes and lengths are bytes unless the name says otherwise; logical
 *   blocks are those of the namespace's current LBA format.
 *
 * ================= ==============   ================= ==============
 * ioctl             last member      ioctl             last member
 * ================= ==============   ================= ==============
 * GRANT_INFO        @state           RING_CREATE       @sq_entries
 * NARROW            @rights          ADMIN             @data
 * REVOKE            @flags           ENTER             @min_complete
 * SLICE_ADD         @mode            RING_INFO         @cqe_shift
 * SLICE_REMOVE      @id              EVENTFD           @fd
 * BUF_REGISTER      @id              BUF_UNREGISTER    @id
 * ================= ==============   ================= ==============
 *
 * Errors common to every ioctl:
 *
 * ============= ==========================================================
 * ENOTTY        unknown ioctl on this kind of file
 * E2BIG         the struct is longer than the kernel's and its tail not zero
 * EINVAL        malformed: too short a struct, padding or unknown flags not zero
 * EFAULT        a pointer leads nowhere
 * EOPNOTSUPP    known, but not possible on this device or this node
 * EACCES        the grant does not allow it, or it was revoked
 * ESTALE        the namespace changed its format or vanished: open it again
 * EBUSY         no resource left (queue share)
 * EDQUOT        above a limit of the grant or of one of its ancestors
 * EAGAIN        a reset of the controller came in between: try again
 * EINTR         a signal with a handler came while waiting for the device
 * ENOMEM        out of memory
 * ENODEV        the device is gone
 * ============= ==========================================================
 */
#ifndef _UAPI_LINUX_USHER_H
#define _UAPI_LINUX_USHER_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define USHER_IOC_TYPE		0xBD

/* On grant fds */
#define USHER_IOC_GRANT_INFO	_IO(USHER_IOC_TYPE, 0x00)
#define USHER_IOC_NARROW	_IO(USHER_IOC_TYPE, 0x01)
#define USHER_IOC_REVOKE	_IO(USHER_IOC_TYPE, 0x02)
#define USHER_IOC_SLICE_ADD	_IO(USHER_IOC_TYPE, 0x03)
#define USHER_IOC_SLICE_REMOVE	_IO(USHER_IOC_TYPE, 0x04)
#define USHER_IOC_BUF_REGISTER	_IO(USHER_IOC_TYPE, 0x05)
#define USHER_IOC_BUF_UNREGISTER _IO(USHER_IOC_TYPE, 0x06)
#define USHER_IOC_RING_CREATE	_IO(USHER_IOC_TYPE, 0x07)
#define USHER_IOC_ADMIN		_IO(USHER_IOC_TYPE, 0x08)

/* On ring fds */
#define USHER_IOC_ENTER		_IO(USHER_IOC_TYPE, 0x40)
#define USHER_IOC_RING_INFO	_IO(USHER_IOC_TYPE, 0x41)
#define USHER_IOC_EVENTFD	_IO(USHER_IOC_TYPE, 0x42)

/*
 * Rights of a grant. A node opened O_RDONLY gives the READ and ADMIN rights,
 * O_WRONLY gives WRITE, FLUSH and ADMIN, O_RDWR gives all.
 */
#define USHER_RIGHT_READ	(1U << 0) /* Read, Compare, Verify, Zone Mgmt Receive */
#define USHER_RIGHT_WRITE	(1U << 1) /* Write, Write Zeroes, Write Uncorrectable,
					   * DSM, Zone Append, Zone Mgmt Send
					   */
#define USHER_RIGHT_FLUSH	(1U << 2) /* Flush */
#define USHER_RIGHT_ADMIN	(1U << 3) /* the queries of USHER_IOC_ADMIN */
#define USHER_RIGHTS_ALL	0xfU

/* State of a grant, in struct usher_grant_info */
#define USHER_GRANT_LIVE	0U
#define USHER_GRANT_REVOKED	1U	/* EACCES */
#define USHER_GRANT_STALE	2U	/* ESTALE: format changed or namespace gone */

/**
 * struct usher_limits - what may be taken through a grant and its descendants
 * @pinned_bytes: registered memory, in bytes; 2^64 - 1 is no limit
 * @rings: rings open at one time
 * @ring_depth: entries of one ring's submission ring, at most
 */
struct usher_limits {
	__aligned_u64 pinned_bytes;
	__u32 rings;
	__u32 ring_depth;
};

/**
 * struct usher_grant_info - USHER_IOC_GRANT_INFO: all members are answers
 * @size: sizeof(struct usher_grant_info)
 * @flags: zero
 * @state: USHER_GRANT_LIVE, _REVOKED or _STALE
 * @nsid: NVMe namespace identifier; 0 on the controller node
 * @rights: USHER_RIGHT_* of this grant
 * @csi: command set identifier: 0 NVM, 2 zoned
 * @lba_shift: log2 of the data bytes of one logical block
 * @lba_bytes: bytes one logical block takes in memory: its data, and its
 *	metadata where the format transfers them as an extended LBA
 * @metadata_bytes: metadata bytes of one logical block, 0 for none
 * @slba: first logical block of the grant
 * @nlb: number of logical blocks of the grant
 * @ns_blocks: logical blocks of the whole namespace
 * @zone_blocks: logical blocks of one zone, 0 where not zoned
 * @max_transfer: bytes that one command may move, at most
 * @limits: the grant's limits
 * @used: what is taken of @limits now (@used.ring_depth is zero)
 * @max_entries: largest sq_entries that RING_CREATE takes
 * @queue_pairs: I/O queue pairs of the device
 * @max_dsm_ranges: ranges that one Dataset Management may carry, 0: none
 * @vwc: 1 where the controller has a volatile write cache
 * @max_verify_blocks: blocks of one Verify, at most
 * @max_zeroes_blocks: blocks of one Write Zeroes, at most
 * @max_uncorrectable_blocks: blocks of one Write Uncorrectable, at most
 * @max_dsm_range_blocks: blocks of one range of a Dataset Management, at most;
 *	2^32 - 1 is no limit
 * @max_dsm_blocks: blocks of all its ranges, at most; 2^64 - 1 is no limit
 * @max_copy_ranges: source ranges of one Copy, at most
 * @max_copy_range_blocks: blocks of one of them, at most
 * @max_copy_blocks: blocks of all of them, at most
 * @pad: zero
 *
 * A limit on a command that the device does not have is zero. Those on blocks are
 * what the controller tells, or where it tells none, as many blocks as
 * @max_transfer bytes are. What is above one of them is refused: Verify, Write
 * Zeroes and Write Uncorrectable with Invalid Field in Command, Dataset Management
 * and Copy with Command Size Limit Exceeded.
 */
struct usher_grant_info {
	__u32 size;
	__u32 flags;
	__u32 state;
	__u32 nsid;
	__u32 rights;
	__u32 csi;
	__u32 lba_shift;
	__u32 lba_bytes;
	__u32 metadata_bytes;
	__u32 max_transfer;
	__aligned_u64 slba;
	__aligned_u64 nlb;
	__aligned_u64 ns_blocks;
	__aligned_u64 zone_blocks;
	struct usher_limits limits;
	struct usher_limits used;
	__u32 max_entries;
	__u32 queue_pairs;
	__u32 max_dsm_ranges;
	__u32 vwc;
	__u32 max_verify_blocks;
	__u32 max_zeroes_blocks;
	__u32 max_uncorrectable_blocks;
	__u32 max_dsm_range_blocks;
	__aligned_u64 max_dsm_blocks;
	__u32 max_copy_ranges;
	__u32 max_copy_range_blocks;
	__u32 max_copy_blocks;
	__u32 pad;
};

/**
 * struct usher_narrow - USHER_IOC_NARROW: a smaller grant; returns its fd
 * @size: sizeof(struct usher_narrow)
 * @flags: zero
 * @slba: first logical block, absolute in the namespace
 * @nlb: number of logical blocks, not zero; on the controller node, which has
 *	no blocks, it and @slba are zero
 * @rights: USHER_RIGHT_*: a subset of the parent's
 * @pad: zero
 * @limits: limits not above the parent's; a zero member takes the parent's
 *
 * The new fd is O_CLOEXEC. The grant lives as long as its fd and its rings;
 * what it takes is charged to the parent and all its ancestors too.
 * On a zoned namespace the range is made of whole zones.
 *
 * Errors: EACCES a right the parent lacks; ERANGE the range is empty or
 * reaches outside the parent's; EDQUOT a limit above the parent's; EINVAL a
 * zoned range that cuts a zone; EOPNOTSUPP on the controller node, when a
 * range is given; EMLINK more than 32 grants one below the other.
 */
struct usher_narrow {
	__u32 size;
	__u32 flags;
	__aligned_u64 slba;
	__aligned_u64 nlb;
	__u32 rights;
	__u32 pad;
	struct usher_limits limits;
};

/**
 * struct usher_revoke - USHER_IOC_REVOKE: end all descendants of this grant
 * @size: sizeof(struct usher_revoke)
 * @flags: zero
 *
 * Every grant narrowed from this one, directly or not, and their slices'
 * users get EACCES for whatever they submit after this call returned.
 * Commands in flight finish and can be reaped. The grant itself lives on.
 */
struct usher_revoke {
	__u32 size;
	__u32 flags;
};

/**
 * struct usher_slice - USHER_IOC_SLICE_ADD and USHER_IOC_SLICE_REMOVE
 * @size: sizeof(struct usher_slice)
 * @flags: zero
 * @id: SLICE_ADD answers the number N of /dev/usher0n1sN; SLICE_REMOVE takes it
 * @uid: owner of the node, in the caller's user namespace
 * @gid: group of the node, in the caller's user namespace
 * @mode: permission bits of the node, not zero, at most 0666
 *
 * SLICE_ADD publishes the calling grant as a device node. The slice lives until
 * SLICE_REMOVE on a grant of the same namespace, whatever happens to the fd.
 * SLICE_REMOVE revokes what was opened through the node.
 * SLICE_REMOVE ignores @uid, @gid and @mode, which must be zero.
 *
 * Errors: EPERM without CAP_SYS_ADMIN; EINVAL bad mode or owner; ENOENT no
 * such slice; EOPNOTSUPP on the controller node; EMLINK as for NARROW, which
 * opening a node may answer too.
 */
struct usher_slice {
	__u32 size;
	__u32 flags;
	__u32 id;
	__u32 uid;
	__u32 gid;
	__u32 mode;
};

/* The device only reads the buffer (writes to disk); read-only memory will do. */
#define USHER_BUF_RDONLY	(1U << 0)

/**
 * struct usher_buf_register - USHER_IOC_BUF_REGISTER: pin and map user memory
 * @size: sizeof(struct usher_buf_register)
 * @flags: USHER_BUF_*
 * @addr: first byte, a multiple of 4
 * @length: bytes, not zero, at most 1 GiB
 * @id: answer: names the buffer in submission entries of this grant's rings
 * @pad: zero
 *
 * Charged to the caller's RLIMIT_MEMLOCK (per user, not with CAP_IPC_LOCK; a
 * huge page, transparent or not, counts whole in each buffer that has a part of
 * it, since a pin keeps all of it) and, by the page, to the grant and its
 * ancestors. The buffer stays until it is unregistered or the grant's fd and
 * rings are all closed.
 *
 * Errors: EFAULT not mapped, or not writable without USHER_BUF_RDONLY;
 * ENOMEM over RLIMIT_MEMLOCK or out of memory; EDQUOT over a grant's limit;
 * EBUSY the grant has 1,048,575 buffers;
 * EOPNOTSUPP memory or a device that cannot be mapped for good (bounced, not
 * coherent, or without USHER_BUF_RDONLY a shared mapping of a file that is not
 * in memory only); EINTR the process was killed.
 */
struct usher_buf_register {
	__u32 size;
	__u32 flags;
	__aligned_u64 addr;
	__aligned_u64 length;
	__u32 id;
	__u32 pad;
};

/**
 * struct usher_buf_unregister - USHER_IOC_BUF_UNREGISTER
 * @size: sizeof(struct usher_buf_unregister)
 * @id: the buffer
 *
 * New commands that name the buffer are refused at once. Memory that commands
 * in flight use is released when the last of them is done; this call does
 * not wait for that. Errors: ENOENT no such buffer.
 */
struct usher_buf_unregister {
	__u32 size;
	__u32 id;
};

/*
 * Completions are not signalled; ENTER and poll look for them. The hardware queue has
 * no interrupt, unless all queues are taken by rings with interrupts: then the ring
 * shares one of theirs.
 */
#define USHER_RING_POLLED	(1U << 0)
/* Bits 24 to 31 stay unknown to the kernel: libraries have flags of their own there. */

/**
 * struct usher_ring_create - USHER_IOC_RING_CREATE: a ring; returns its fd
 * @size: sizeof(struct usher_ring_create)
 * @flags: USHER_RING_*
 * @sq_entries: submission entries, a power of two; limited by the grant
 * @cq_entries: completion entries, a power of two not below @sq_entries;
 *	0 means twice @sq_entries
 * @mmap_bytes: answer: what to mmap, MAP_SHARED, at offset 0
 * @sq_offset: answer: where submission entries begin in the mapping
 * @cq_offset: answer: where completion entries begin in the mapping
 * @sqe_shift: answer: log2 of the size of a submission entry
 * @cqe_shift: answer: log2 of the size of a completion entry
 * @pad: zero
 *
 * The mapping begins with a struct usher_ring_ctl. The fd is O_CLOEXEC.
 *
 * Errors: EACCES on the controller node; EINVAL entries not as said above;
 * EDQUOT entries or rings above a grant's limit; EBUSY no queue share left.
 */
struct usher_ring_create {
	__u32 size;
	__u32 flags;
	__u32 sq_entries;
	__u32 cq_entries;
	__u32 mmap_bytes;
	__u32 sq_offset;
	__u32 cq_offset;
	__u32 sqe_shift;
	__u32 cqe_shift;
	__u32 pad;
};

/* In usher_ring_ctl.flags, written by the kernel */
#define USHER_RING_F_BROKEN	(1U << 0) /* an index broke the rules: EBADFD */
#define USHER_RING_F_GONE	(1U << 1) /* the device is gone: ENODEV */
#define USHER_RING_F_SQPOLL	(1U << 2) /* a thread takes what is written at once */

/**
 * struct usher_ring_ctl - the first page of a ring's mapping
 * @sq_tail: written by the process (release) after it filled entries
 * @pad0: unused
 * @cq_head: written by the process (release) after it took completions
 * @pad1: unused
 * @sq_head: written by the kernel (release): entries before it may be reused
 * @cq_tail: written by the kernel (release): completions before it may be read
 * @flags: USHER_RING_F_*, written by the kernel
 * @pad2: unused
 *
 * Indices are free-running: entry i is at i & (entries - 1). The kernel keeps
 * copies of its own and believes nothing here but @sq_tail, which may not be
 * more than sq_entries after sq_head, and @cq_head, which may not go back nor
 * pass cq_tail. An index that breaks this ends the ring for good (EBADFD).
 */
struct usher_ring_ctl {
	__u32 sq_tail;
	__u32 pad0[15];
	__u32 cq_head;
	__u32 pad1[15];
	__u32 sq_head;
	__u32 cq_tail;
	__u32 flags;
	__u32 pad2[13];
};

/**
 * struct usher_dptr - where a command's data lie, in place of PRPs
 * @offset: first byte in the buffer; buffer address + @offset is a multiple of 4
 * @length: bytes; at least what the command moves
 * @buf: id from BUF_REGISTER
 */
struct usher_dptr {
	__le64 offset;
	__le32 length;
	__le32 buf;
};

/**
 * struct usher_sqe - a submission entry: an NVMe command (NVM Express Base
 *	Specification 2.0, figure 87: Common Command Format)
 * @opcode: opcode
 * @flags: FUSE and PSDT: zero
 * @cid: the caller's tag, returned in the completion
 * @nsid: the grant's namespace
 * @cdw2: zero
 * @cdw3: zero
 * @mptr: zero
 * @dptr: data, instead of PRPs; all zero where the command has none
 * @cdw10: as the opcode says; SLBAs are absolute
 * @cdw11: as the opcode says
 * @cdw12: as the opcode says
 * @cdw13: as the opcode says
 * @cdw14: as the opcode says
 * @cdw15: as the opcode says
 */
struct usher_sqe {
	__u8 opcode;
	__u8 flags;
	__le16 cid;
	__le32 nsid;
	__le32 cdw2;
	__le32 cdw3;
	__le64 mptr;
	struct usher_dptr dptr;
	__le32 cdw10;
	__le32 cdw11;
	__le32 cdw12;
	__le32 cdw13;
	__le32 cdw14;
	__le32 cdw15;
};

#define USHER_CQE_REFUSED	(1U << 0) /* the guard refused; the device never saw it */
#define USHER_CQE_DRIVER	(1U << 1) /* completed by the driver: reset, removal */

/**
 * struct usher_cqe - a completion entry: an NVMe completion
 * @dw0: command-specific result
 * @dw1: command-specific result
 * @sqhd: zero
 * @flags: USHER_CQE_*
 * @cid: the tag of the submission entry
 * @status: NVMe status field shifted left by one, as on the wire; bit 0 is
 *	zero: status code bits 1-8, status code type bits 9-11, Do Not Retry
 *	bit 15
 */
struct usher_cqe {
	__le32 dw0;
	__le32 dw1;
	__le16 sqhd;
	__le16 flags;
	__le16 cid;
	__le16 status;
};

/* The deadline member counts. */
#define USHER_ENTER_DEADLINE	(1U << 0)
/* The calling thread polls the ring. */
#define USHER_ENTER_SQPOLL	(1U << 1)

/**
 * struct usher_enter - USHER_IOC_ENTER: submit and wait
 * @size: sizeof(struct usher_enter)
 * @flags: USHER_ENTER_*
 * @to_submit: entries to take from the submission ring, at most
 * @min_complete: wait until this many completions can be read, at most
 *	cq_entries; 0 does not wait for completions
 * @deadline_ns: absolute time on CLOCK_MONOTONIC at which waiting ends
 * @sigmask: pointer to a signal mask for the time of the wait, or 0; see
 *	ppoll(2)
 * @sigsetsize: bytes of the signal mask
 * @idle_us: with USHER_ENTER_SQPOLL: microseconds without work after which the
 *	thread goes to sleep; otherwise zero
 *
 * Returns how many entries were taken (read, and accepted or refused by a
 * completion) since the call began, those included that an earlier call handed
 * over. Entries handed over that find no free slot on a shared queue
 * stay in the ring in their order, and the kernel takes them as slots become
 * free; asking for them again is harmless. When none could be taken for want of
 * a slot and @min_complete is 0, the call waits until one is, unless the fd is
 * O_NONBLOCK. Where the completion ring has no room for another completion it
 * does not wait: only the process can make room.
 *
 * poll(2) on the fd: POLLIN when there are completions to read (on a polled ring
 * poll looks for them once, but nothing wakes it), POLLOUT when the submission
 * ring has room, POLLIN | POLLERR when the ring is broken, or its grant has ended and no
 * command is in flight any more, POLLIN | POLLHUP | POLLERR when the device is gone.
 *
 * An error is returned only when nothing was taken: ETIME the deadline
 * passed; EINTR a signal came that has a handler, one without SA_RESTART unless there
 * is a @sigmask (signal(7)); EAGAIN nothing can be taken or reaped now and
 * the fd is O_NONBLOCK, or the completion ring is full of unread completions;
 * EACCES the grant was revoked; ESTALE; EBADFD the process broke its ring;
 * ENODEV. A thread that only waits gets ENODEV too when the device goes,
 * unless enough completions are there.
 *
 * With USHER_ENTER_SQPOLL, on a polled ring, the calling thread stays in the kernel:
 * it takes entries as soon as @sq_tail of the control page says that they are
 * there, and shows completions as soon as the device has written them, so that
 * the other threads of the process need no system call. @to_submit and
 * @min_complete are zero. It looks without pause, on the caller's account, and
 * goes to sleep when nothing came for @idle_us and nothing is in flight.
 * USHER_RING_F_SQPOLL in the control page says whether it is awake:
 *
 * - Who writes @sq_tail then makes sure that the store is visible (a full
 *   barrier) and looks at the flag. If it is not set, ENTER is needed as without
 *   a polling thread; an entry that it takes wakes the thread.
 * - Who waits for a completion looks at the flag again and again: the thread may
 *   end at any time, and ENTER is needed when it is clear. Entries that were
 *   written while it was set are taken by that, whatever it asks for.
 * - It stays set during a reset of the controller.
 *
 * It ends only with an error: ETIME, EBADFD, EACCES, ESTALE or ENODEV as above;
 * EINTR a signal came that has a handler; EBUSY another thread polls this ring; EOPNOTSUPP
 * not a polled ring. The ring goes on without it. Closing the ring's last fd does
 * not end it. O_NONBLOCK has no meaning here.
 */
struct usher_enter {
	__u32 size;
	__u32 flags;
	__u32 to_submit;
	__u32 min_complete;
	__aligned_u64 deadline_ns;
	__aligned_u64 sigmask;
	__u32 sigsetsize;
	__u32 idle_us;
};

/**
 * struct usher_ring_info - USHER_IOC_RING_INFO: all but three are answers
 * @size: sizeof(struct usher_ring_info)
 * @flags: answer: USHER_RING_* given at creation
 * @sq_entries: submission entries
 * @cq_entries: completion entries
 * @mmap_bytes: as in struct usher_ring_create
 * @sq_offset: as in struct usher_ring_create
 * @cq_offset: as in struct usher_ring_create
 * @sqe_shift: as in struct usher_ring_create
 * @cqe_shift: as in struct usher_ring_create
 * @nsid: the grant's namespace
 * @state: USHER_RING_F_*, of which _SQPOLL is no error
 * @qid: hardware queue identifier
 * @shared: 1 when other rings use the same hardware queue now
 * @inflight: commands that the device has now
 * @nr_tags: in: room at @tags, in __le16 elements; answer: tags written, of
 *	the same moment as @inflight and @completed
 * @pad: zero
 * @tags: in: pointer to an array for the tags of commands in flight, or 0
 * @submitted: commands taken since creation, refused ones included
 * @completed: completions posted since creation
 * @refused: of these, refused by the guard
 * @driver_completed: of these, completed by the driver
 */
struct usher_ring_info {
	__u32 size;
	__u32 flags;
	__u32 sq_entries;
	__u32 cq_entries;
	__u32 mmap_bytes;
	__u32 sq_offset;
	__u32 cq_offset;
	__u32 sqe_shift;
	__u32 cqe_shift;
	__u32 nsid;
	__u32 state;
	__u32 qid;
	__u32 shared;
	__u32 inflight;
	__u32 nr_tags;
	__u32 pad;
	__aligned_u64 tags;
	__aligned_u64 submitted;
	__aligned_u64 completed;
	__aligned_u64 refused;
	__aligned_u64 driver_completed;
};

/**
 * struct usher_eventfd - USHER_IOC_EVENTFD: signal an eventfd on completions
 * @size: sizeof(struct usher_eventfd)
 * @fd: eventfd, or -1 to end the signalling
 *
 * One per ring; a new one replaces the old. Errors: EBADF or EINVAL not an
 * eventfd; EOPNOTSUPP on a polled ring.
 */
struct usher_eventfd {
	__u32 size;
	__s32 fd;
};

/**
 * struct usher_admin - USHER_IOC_ADMIN: a query from the allow-list
 * @size: sizeof(struct usher_admin)
 * @flags: zero
 * @opcode: 06h Identify, 02h Get Log Page, 0Ah Get Features
 * @cdw10: as the specification says
 * @cdw11: as the specification says
 * @cdw12: as the specification says
 * @cdw13: as the specification says
 * @cdw14: as the specification says
 * @data_length: bytes at @data; at least what the command returns
 * @status: answer: NVMe status, not shifted; 0 is success
 * @data: pointer to where the answer goes, or 0
 * @result: answer: completion dword 0
 * @pad: zero
 *
 * Identify: CNS 00h, 01h, 02h, 03h, 05h, 06h, 08h. Get Log Page: LIDs 01h, 02h,
 * 03h, 05h, at most 4096 bytes a call, with Retain Asynchronous Event set. Get
 * Features: FIDs 01h, 02h, 04h, 05h, 06h, 07h, 08h, 0Ah, 0Bh, current,
 * default or saved value. The namespace is the grant's.
 *
 * Errors: EACCES without the right, or not on the list; EINVAL the answer
 * does not fit; ETIMEDOUT the device did not answer; EINTR.
 */
struct usher_admin {
	__u32 size;
	__u32 flags;
	__u32 opcode;
	__u32 cdw10;
	__u32 cdw11;
	__u32 cdw12;
	__u32 cdw13;
	__u32 cdw14;
	__u32 data_length;
	__u32 status;
	__aligned_u64 data;
	__u32 result;
	__u32 pad;
};

#endif /* _UAPI_LINUX_USHER_H */
