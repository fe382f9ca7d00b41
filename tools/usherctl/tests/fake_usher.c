// SPDX-License-Identifier: GPL-2.0-only
/*
 * A namespace in memory, see fake_usher.h. ENTER takes all entries, and completes
 * half of what is in flight, so that commands overlap and overtake each other.
 */
#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "internal.h"
#include "fake_usher.h"

#define RING_ENTRIES	64U
#define SQ_OFFSET	4096U
#define CQ_OFFSET	(SQ_OFFSET + RING_ENTRIES * sizeof(struct usher_sqe))
#define MAP_BYTES	16384U

struct fake_usher fake;

static struct {
	union {
		struct usher_ring_ctl ctl;
		struct usher_sqe sqe;	/* for its alignment */
		unsigned char map[MAP_BYTES];
	};
	struct usher_sqe inflight[RING_ENTRIES];
	unsigned int nr_inflight;
	unsigned char *memory;
	size_t memory_bytes;
	bool memory_rdonly;
} ring;

void fake_reset(__u32 lba_bytes)
{
	free(fake.disk);
	memset(&ring, 0, sizeof(ring));
	fake = (struct fake_usher) {
		.info = {
			.nsid = 1,
			.rights = USHER_RIGHTS_ALL,
			.lba_shift = 9,
			.lba_bytes = lba_bytes,
			.max_transfer = 1 << 20,
			.nlb = FAKE_BLOCKS,
			.ns_blocks = FAKE_BLOCKS,
			.limits = { .rings = 16, .ring_depth = 1024 },
			.max_entries = 1024,
			.vwc = 1,
		},
		.disk = calloc(FAKE_BLOCKS, lba_bytes),
		.pinned_max = SIZE_MAX,
	};
}

static void post(const struct usher_sqe *sqe, __u16 status)
{
	struct usher_cqe *cqes = (void *)(ring.map + CQ_OFFSET);

	cqes[ring.ctl.cq_tail % RING_ENTRIES] = (struct usher_cqe) {
		.cid = sqe->cid,
		.status = htole16((__u16)(status << 1)),
	};
	ring.ctl.cq_tail++;
}

static __u16 move(const struct usher_sqe *sqe)
{
	__u64 slba = le32toh(sqe->cdw10) | (__u64)le32toh(sqe->cdw11) << 32;
	__u32 blocks = le32toh(sqe->cdw12) + 1, lba_bytes = fake.info.lba_bytes;
	__u64 offset = le64toh(sqe->dptr.offset);
	size_t bytes = (size_t)blocks * lba_bytes;
	unsigned char *data = ring.memory + offset;
	unsigned char *disk = fake.disk + slba * lba_bytes;

	if (slba + blocks > fake.info.slba + fake.info.nlb)
		return USHER_SC_LBA_RANGE;
	if (offset + bytes > ring.memory_bytes ||
	    bytes != le32toh(sqe->dptr.length) ||
	    bytes > fake.info.max_transfer)
		return USHER_SC_INVALID_FIELD;
	if (fake.info.zone_blocks && slba / fake.info.zone_blocks !=
	    (slba + blocks - 1) / fake.info.zone_blocks)
		return USHER_SC_ZONE_BOUNDARY;
	if (fake.fail_status && fake.fail_lba >= slba &&
	    fake.fail_lba < slba + blocks)
		return fake.fail_status;

	if (sqe->opcode == USHER_OP_WRITE) {
		memcpy(disk, data, bytes);
		fake.writes++;
		return 0;
	}
	if (ring.memory_rdonly)
		return USHER_SC_ACCESS_DENIED;
	memcpy(data, disk, bytes);
	if (fake.corrupt && fake.corrupt_lba >= slba &&
	    fake.corrupt_lba < slba + blocks && fake.reads++)
		data[(fake.corrupt_lba - slba) * lba_bytes + 7] ^= 1;
	return 0;
}

static void complete_one(void)
{
	unsigned int which = fake.backwards ? ring.nr_inflight - 1 : 0;
	struct usher_sqe sqe = ring.inflight[which];
	__u16 status = USHER_SC_INVALID_OPCODE;

	ring.nr_inflight--;
	memmove(&ring.inflight[which], &ring.inflight[which + 1],
		(ring.nr_inflight - which) * sizeof(sqe));

	if (sqe.opcode == USHER_OP_FLUSH) {
		fake.flushes++;
		status = 0;
	} else if (sqe.opcode == USHER_OP_READ ||
		   sqe.opcode == USHER_OP_WRITE) {
		status = move(&sqe);
	}
	post(&sqe, status);
}

int usher_enter(int ring_fd, struct usher_enter *enter)
{
	struct usher_sqe *sqes = (void *)(ring.map + SQ_OFFSET);
	unsigned int taken = 0, want;

	(void)ring_fd;
	fake.enters++;
	if (fake.enter_after && fake.enters >= fake.enter_after)
		return fake.enter_error;

	for (; taken < enter->to_submit; taken++)
		ring.inflight[ring.nr_inflight++] =
			sqes[ring.ctl.sq_head++ % RING_ENTRIES];
	if (ring.nr_inflight > fake.depth_seen)
		fake.depth_seen = ring.nr_inflight;
	for (want = (ring.nr_inflight + 1) / 2; want; want--)
		complete_one();
	return (int)taken;
}

int usher_ring_init(struct usher_ring *r, int grant_fd, __u32 entries,
		    __u32 flags)
{
	struct usher_ring_create geometry = {
		.flags = flags,
		.sq_entries = RING_ENTRIES,
		.cq_entries = RING_ENTRIES,
		.mmap_bytes = MAP_BYTES,
		.sq_offset = SQ_OFFSET,
		.cq_offset = CQ_OFFSET,
		.sqe_shift = 6,
		.cqe_shift = 4,
	};

	if (grant_fd != FAKE_GRANT)
		return -EBADF;
	if (entries > fake.info.limits.ring_depth)
		return -EDQUOT;
	return usher_ring_setup(r, ring.map, &geometry);
}

int usher_buf_register(int grant_fd, void *addr, size_t length, __u32 flags,
		       __u32 *id)
{
	if (grant_fd != FAKE_GRANT)
		return -EBADF;
	if (length > fake.pinned_max)
		return -ENOMEM;
	ring.memory = addr;
	ring.memory_bytes = length;
	ring.memory_rdonly = flags & USHER_BUF_RDONLY;
	*id = 1;
	return 0;
}

int usher_open(const char *path, int flags)
{
	(void)flags;
	return strcmp(path, "/dev/usher0n1") ? -ENOENT : FAKE_GRANT;
}

int usher_grant_from_env(void)
{
	return -ENOENT;
}

int usher_grant_info(int grant_fd, struct usher_grant_info *info)
{
	*info = fake.info;
	return grant_fd == FAKE_GRANT ? 0 : -EBADF;
}

__u64 usher_deadline(__u64 timeout_ns)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec + timeout_ns;
}
