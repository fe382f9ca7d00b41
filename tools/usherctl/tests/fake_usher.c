// SPDX-License-Identifier: GPL-2.0-only
/*
 * A namespace in memory, see fake_usher.h. ENTER takes all entries, and completes
 * half of what is in flight, or more when that many are waited for: so commands
 * overlap and overtake each other. One thread at a time is in here.
 */
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"
#include "fake_usher.h"

#define RING_ENTRIES	64U
#define SQ_OFFSET	4096U
#define CQ_OFFSET	(SQ_OFFSET + RING_ENTRIES * sizeof(struct usher_sqe))
#define MAP_BYTES	16384U
#define MAX_RINGS	32U
#define MAX_BUFFERS	32U

struct fake_usher fake;

static struct ring {
	union {
		struct usher_ring_ctl ctl;
		struct usher_sqe sqe;	/* for its alignment */
		unsigned char map[MAP_BYTES];
	};
	struct usher_sqe inflight[RING_ENTRIES];
	unsigned int nr_inflight;
	bool open;
} rings[MAX_RINGS];

static struct buffer {
	unsigned char *memory;
	size_t bytes;
	bool rdonly;
} buffers[MAX_BUFFERS];

static unsigned int nr_buffers;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void fake_reset(__u32 lba_bytes)
{
	free(fake.disk);
	memset(rings, 0, sizeof(rings));
	nr_buffers = 0;
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
		.lowest = UINT64_MAX,
	};
}

static void post(struct ring *ring, const struct usher_sqe *sqe, __u16 status)
{
	struct usher_cqe *cqes = (void *)(ring->map + CQ_OFFSET);

	cqes[ring->ctl.cq_tail % RING_ENTRIES] = (struct usher_cqe) {
		.cid = sqe->cid,
		.status = htole16((__u16)(status << 1)),
	};
	__atomic_store_n(&ring->ctl.cq_tail, ring->ctl.cq_tail + 1,
			 __ATOMIC_RELEASE);
}

static void touch(__u64 slba, __u32 blocks)
{
	fake.ios++;
	if (slba < fake.lowest)
		fake.lowest = slba;
	if (slba + blocks - 1 > fake.highest)
		fake.highest = slba + blocks - 1;
}

static __u16 move(const struct usher_sqe *sqe)
{
	__u64 slba = le32toh(sqe->cdw10) | (__u64)le32toh(sqe->cdw11) << 32;
	__u32 blocks = le32toh(sqe->cdw12) + 1, lba_bytes = fake.info.lba_bytes;
	__u64 offset = le64toh(sqe->dptr.offset);
	size_t bytes = (size_t)blocks * lba_bytes;
	const struct buffer *buffer = &buffers[le32toh(sqe->dptr.buf) - 1];
	unsigned char *data = buffer->memory + offset;
	unsigned char *disk = fake.disk + slba * lba_bytes;

	touch(slba, blocks);
	if (slba + blocks > fake.info.slba + fake.info.nlb)
		return USHER_SC_LBA_RANGE;
	if (offset + bytes > buffer->bytes ||
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
	if (buffer->rdonly)
		return USHER_SC_ACCESS_DENIED;
	memcpy(data, disk, bytes);
	if (fake.corrupt && fake.corrupt_lba >= slba &&
	    fake.corrupt_lba < slba + blocks && fake.reads++)
		data[(fake.corrupt_lba - slba) * lba_bytes + 7] ^= 1;
	return 0;
}

static void complete_one(struct ring *ring)
{
	unsigned int which = fake.backwards ? ring->nr_inflight - 1 : 0;
	struct usher_sqe sqe = ring->inflight[which];
	__u16 status = USHER_SC_INVALID_OPCODE;

	ring->nr_inflight--;
	memmove(&ring->inflight[which], &ring->inflight[which + 1],
		(ring->nr_inflight - which) * sizeof(sqe));

	if (sqe.opcode == USHER_OP_FLUSH) {
		fake.flushes++;
		status = 0;
	} else if (sqe.opcode == USHER_OP_READ ||
		   sqe.opcode == USHER_OP_WRITE) {
		status = move(&sqe);
	}
	post(ring, &sqe, status);
}

/* Commands in flight that use one memory: true where there are such. */
static bool memory_used_twice(const struct ring *ring)
{
	const struct usher_sqe *last = &ring->inflight[ring->nr_inflight - 1];
	unsigned int i;

	for (i = 0; i < ring->nr_inflight - 1; i++) {
		if (ring->inflight[i].dptr.buf == last->dptr.buf &&
		    ring->inflight[i].dptr.offset == last->dptr.offset)
			return true;
	}
	return false;
}

static int do_enter(struct ring *ring, const struct usher_enter *enter)
{
	struct usher_sqe *sqes = (void *)(ring->map + SQ_OFFSET);
	unsigned int taken = 0, want;

	fake.enters++;
	if (fake.enters == fake.signal_after)
		kill(getpid(), SIGINT);
	if (fake.enters == fake.eintr_at)
		return -EINTR;
	if (fake.enter_after && fake.enters >= fake.enter_after)
		return fake.enter_error;

	for (; taken < enter->to_submit; taken++) {
		ring->inflight[ring->nr_inflight++] =
			sqes[ring->ctl.sq_head++ % RING_ENTRIES];
		fake.memory_shared |= memory_used_twice(ring);
	}
	if (ring->nr_inflight > fake.depth_seen)
		fake.depth_seen = ring->nr_inflight;
	for (want = (ring->nr_inflight + 1) / 2; want; want--)
		complete_one(ring);
	while (ring->ctl.cq_tail - ring->ctl.cq_head < enter->min_complete) {
		if (!ring->nr_inflight)
			return -EDEADLK;	/* the kernel would wait for ever */
		complete_one(ring);
	}
	return (int)taken;
}

int usher_ring_enter(int ring_fd, struct usher_enter *enter)
{
	int ret;

	pthread_mutex_lock(&lock);
	ret = do_enter(&rings[ring_fd], enter);
	pthread_mutex_unlock(&lock);
	return ret;
}

/* The number of a new ring, or negative */
static int new_ring(void)
{
	unsigned int i, used = 0;
	int found = -EBUSY;

	for (i = 0; i < MAX_RINGS; i++) {
		if (rings[i].open)
			used++;
		else if (found < 0)
			found = (int)i;
	}
	if (used >= fake.info.limits.rings)
		return -EDQUOT;
	if (found >= 0) {
		memset(&rings[found], 0, sizeof(rings[found]));
		rings[found].open = true;
	}
	return found;
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
	if (entries > fake.info.limits.ring_depth || entries > RING_ENTRIES)
		return -EDQUOT;
	pthread_mutex_lock(&lock);
	r->fd = new_ring();
	pthread_mutex_unlock(&lock);
	return r->fd < 0 ? r->fd :
	       usher_ring_setup(r, rings[r->fd].map, &geometry);
}

void usher_ring_exit(struct usher_ring *r)
{
	pthread_mutex_lock(&lock);
	rings[r->fd].open = false;
	pthread_mutex_unlock(&lock);
}

int usher_ring_info(const struct usher_ring *r, struct usher_ring_info *info,
		    __u16 *tags, __u32 nr_tags)
{
	const struct ring *ring = &rings[r->fd];

	(void)tags;
	(void)nr_tags;
	*info = (struct usher_ring_info) {
		.flags = r->flags,
		.qid = r->fd + 1,
		.inflight = ring->nr_inflight,
		.submitted = ring->ctl.sq_head,
		.completed = ring->ctl.cq_tail,
	};
	return 0;
}

int usher_buf_register(int grant_fd, void *addr, size_t length, __u32 flags,
		       __u32 *id)
{
	if (grant_fd != FAKE_GRANT)
		return -EBADF;
	if (length > fake.pinned_max)
		return -ENOMEM;
	pthread_mutex_lock(&lock);
	buffers[nr_buffers++ % MAX_BUFFERS] = (struct buffer) {
		.memory = addr,
		.bytes = length,
		.rdonly = flags & USHER_BUF_RDONLY,
	};
	*id = (nr_buffers - 1) % MAX_BUFFERS + 1;
	pthread_mutex_unlock(&lock);
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
