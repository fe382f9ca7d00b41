// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ring arithmetic against a ring in plain memory, and a kernel of a few lines
 * that takes every entry and completes it at once.
 */
#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "internal.h"
#include "tap.h"

#define SQ_ENTRIES	4U
#define CQ_ENTRIES	8U
#define SQ_OFFSET	4096U
#define CQ_OFFSET	(SQ_OFFSET + SQ_ENTRIES * 64)
#define MAP_BYTES	8192U

/* The ring and what the kernel keeps in private copies */
static struct {
	union {
		struct usher_ring_ctl ctl;
		struct usher_sqe sqe;	/* for its alignment */
		unsigned char map[MAP_BYTES];
	};
	struct usher_ring ring;
	struct usher_enter last;	/* what the process asked for */
	unsigned int calls;
	__u32 take;			/* entries to take at one call, at most */
	int error;			/* answer this and do nothing */
} fake;

static const struct usher_ring_create geometry = {
	.sq_entries = SQ_ENTRIES,
	.cq_entries = CQ_ENTRIES,
	.mmap_bytes = MAP_BYTES,
	.sq_offset = SQ_OFFSET,
	.cq_offset = CQ_OFFSET,
	.sqe_shift = 6,
	.cqe_shift = 4,
};

static struct usher_ring_ctl *ctl(void)
{
	return &fake.ctl;
}

static void post(__u16 tag, __u16 status)
{
	struct usher_cqe *cqes = (void *)(fake.map + CQ_OFFSET);

	cqes[ctl()->cq_tail % CQ_ENTRIES] = (struct usher_cqe) {
		.cid = htole16(tag),
		.status = htole16((__u16)(status << 1)),
	};
	ctl()->cq_tail++;
}

int usher_ring_enter(int ring_fd, struct usher_enter *enter)
{
	struct usher_sqe *sqes = (void *)(fake.map + SQ_OFFSET);
	int taken = 0;

	EXPECT_EQ(ring_fd, 77);
	fake.last = *enter;
	fake.calls++;
	if (fake.error)
		return fake.error;

	while (enter->to_submit-- && fake.take) {
		EXPECT(ctl()->sq_head != ctl()->sq_tail);
		post(le16toh(sqes[ctl()->sq_head % SQ_ENTRIES].cid), 0);
		ctl()->sq_head++;
		fake.take--;
		taken++;
	}
	return taken;
}

/* A ring whose indices all are at @start */
static struct usher_ring *setup(__u32 start)
{
	memset(&fake, 0, sizeof(fake));
	ctl()->sq_tail = start;
	ctl()->sq_head = start;
	ctl()->cq_head = start;
	ctl()->cq_tail = start;
	fake.take = UINT32_MAX;
	EXPECT_EQ(usher_ring_setup(&fake.ring, fake.map, &geometry), 0);
	fake.ring.fd = 77;
	fake.ring.nsid = 3;
	return &fake.ring;
}

static void empty_ring(void)
{
	struct usher_ring *ring = setup(0);
	struct usher_cqe *cqe = (void *)fake.map;
	struct usher_cqe *cqes[4];

	EXPECT_EQ(usher_ring_sq_space_left(ring), SQ_ENTRIES);
	EXPECT_EQ(usher_ring_sq_ready(ring), 0);
	EXPECT_EQ(usher_ring_cq_ready(ring), 0);
	EXPECT_EQ(usher_ring_peek_cqe(ring, &cqe), -EAGAIN);
	EXPECT(!cqe);
	EXPECT_EQ(usher_ring_peek_batch_cqe(ring, cqes, 4), 0);
	usher_cqe_seen(ring, NULL);
	EXPECT_EQ(ctl()->cq_head, 0);
	EXPECT_EQ(usher_ring_submit(ring), 0);
	EXPECT_EQ(fake.calls, 0);
}

static void full_ring(void)
{
	struct usher_ring *ring = setup(0);
	struct usher_sqe *sqe;
	__u32 i;

	for (i = 0; i < SQ_ENTRIES; i++) {
		sqe = usher_ring_get_sqe(ring);
		EXPECT((unsigned char *)sqe == fake.map + SQ_OFFSET + i * 64);
		EXPECT_EQ(usher_ring_sq_space_left(ring), SQ_ENTRIES - i - 1);
	}
	EXPECT(!usher_ring_get_sqe(ring));
	EXPECT_EQ(ctl()->sq_tail, 0);	/* nothing published before submit */

	EXPECT_EQ(usher_ring_submit(ring), SQ_ENTRIES);
	EXPECT_EQ(ctl()->sq_tail, SQ_ENTRIES);
	EXPECT_EQ(fake.last.to_submit, SQ_ENTRIES);
	EXPECT_EQ(fake.last.min_complete, 0);
	EXPECT_EQ(usher_ring_sq_space_left(ring), SQ_ENTRIES);
	EXPECT_EQ(usher_ring_cq_ready(ring), SQ_ENTRIES);
}

static void fresh_entry(void)
{
	struct usher_ring *ring = setup(0);
	struct usher_sqe *sqe;

	memset(fake.map + SQ_OFFSET, 0xee, 64);
	sqe = usher_ring_get_sqe(ring);
	EXPECT_EQ(sqe->opcode, USHER_OP_NONE);
	EXPECT_EQ(le32toh(sqe->nsid), 3);
	EXPECT_EQ(sqe->cid, 0);
	sqe->opcode = 0;
	sqe->nsid = 0;
	EXPECT(!memcmp(sqe, &(struct usher_sqe) {}, sizeof(*sqe)));
}

/* More commands than entries, with indices that pass 2^32 on the way */
static void wrap_around(void)
{
	struct usher_ring *ring = setup(0xfffffff9);
	struct usher_cqe *cqe;
	__u32 i;

	for (i = 0; i < 50; i++) {
		struct usher_sqe *sqe = usher_ring_get_sqe(ring);
		__u32 index = 0xfffffff9 + i;

		EXPECT((unsigned char *)sqe ==
		       fake.map + SQ_OFFSET + index % SQ_ENTRIES * 64);
		sqe->cid = htole16((__u16)(1000 + i));
		EXPECT_EQ(usher_ring_submit_and_wait(ring, 1), 1);
		EXPECT_EQ(usher_ring_cq_ready(ring), 1);
		EXPECT_EQ(usher_ring_peek_cqe(ring, &cqe), 0);
		EXPECT((unsigned char *)cqe ==
		       fake.map + CQ_OFFSET + index % CQ_ENTRIES * 16);
		EXPECT_EQ(usher_cqe_tag(cqe), 1000 + i);
		usher_cqe_seen(ring, cqe);
		EXPECT_EQ(ctl()->cq_head, index + 1);
	}
	EXPECT_EQ(ctl()->sq_tail, 0xfffffff9 + 50);
}

static void full_across_wrap(void)
{
	struct usher_ring *ring = setup(0xfffffffe);
	struct usher_cqe *cqes[CQ_ENTRIES + 1];
	__u32 i;

	for (i = 0; i < SQ_ENTRIES; i++)
		EXPECT(usher_ring_get_sqe(ring));
	EXPECT(!usher_ring_get_sqe(ring));
	EXPECT_EQ(usher_ring_sq_ready(ring), SQ_ENTRIES);

	for (i = 0; i < CQ_ENTRIES; i++)
		post((__u16)i, 0);
	EXPECT_EQ(usher_ring_cq_ready(ring), CQ_ENTRIES);
	EXPECT_EQ(usher_ring_peek_batch_cqe(ring, cqes, 3), 3);
	EXPECT_EQ(usher_ring_peek_batch_cqe(ring, cqes, CQ_ENTRIES + 1),
		  CQ_ENTRIES);
	for (i = 0; i < CQ_ENTRIES; i++)
		EXPECT_EQ(usher_cqe_tag(cqes[i]), i);
	usher_ring_cq_advance(ring, CQ_ENTRIES);
	EXPECT_EQ(ctl()->cq_head, 0xfffffffe + CQ_ENTRIES);
	EXPECT_EQ(usher_ring_cq_ready(ring), 0);
}

/* Entries that the kernel leaves in the ring are asked for again. */
static void partly_taken(void)
{
	struct usher_ring *ring = setup(0);

	fake.take = 1;
	usher_ring_get_sqe(ring);
	usher_ring_get_sqe(ring);
	usher_ring_get_sqe(ring);
	EXPECT_EQ(usher_ring_submit(ring), 1);
	EXPECT_EQ(usher_ring_sq_ready(ring), 2);
	EXPECT_EQ(usher_ring_sq_space_left(ring), SQ_ENTRIES - 2);

	fake.take = UINT32_MAX;
	EXPECT_EQ(usher_ring_submit(ring), 2);
	EXPECT_EQ(fake.last.to_submit, 2);
	EXPECT_EQ(usher_ring_cq_ready(ring), 3);
}

static void failed_submit(void)
{
	struct usher_ring *ring = setup(0);

	fake.error = -EINTR;
	usher_ring_get_sqe(ring);
	EXPECT_EQ(usher_ring_submit_and_wait(ring, 1), -EINTR);
	EXPECT_EQ(usher_ring_sq_ready(ring), 1);
	fake.error = 0;
	EXPECT_EQ(usher_ring_submit_and_wait(ring, 1), 1);
}

static void timeout_arguments(void)
{
	struct usher_ring *ring = setup(0);
	sigset_t mask;

	sigemptyset(&mask);
	usher_ring_submit_and_wait_timeout(ring, 2, 123456789012345, &mask);
	EXPECT_EQ(fake.last.flags, USHER_ENTER_DEADLINE);
	EXPECT_EQ(fake.last.deadline_ns, 123456789012345);
	EXPECT_EQ(fake.last.min_complete, 2);
	EXPECT_EQ(fake.last.to_submit, 0);
	EXPECT_EQ(fake.last.sigmask, (uintptr_t)&mask);
	EXPECT_EQ(fake.last.sigsetsize, 8);

	usher_ring_submit_and_wait_timeout(ring, 2, 1, NULL);
	EXPECT_EQ(fake.last.sigmask, 0);
	EXPECT_EQ(fake.last.sigsetsize, 0);
}

/* Waiting makes no system call for completions that are there. */
static void waiting(void)
{
	struct usher_ring *ring = setup(0);
	struct usher_cqe *cqe;

	post(9, 0);
	EXPECT_EQ(usher_ring_wait_cqe(ring, &cqe), 0);
	EXPECT_EQ(usher_cqe_tag(cqe), 9);
	EXPECT_EQ(usher_ring_submit_and_wait(ring, 1), 0);
	EXPECT_EQ(fake.calls, 0);
	usher_cqe_seen(ring, cqe);

	fake.error = -ETIME;
	EXPECT_EQ(usher_ring_wait_cqe_timeout(ring, &cqe, 5), -ETIME);
	EXPECT(!cqe);
	EXPECT_EQ(fake.last.deadline_ns, 5);
	EXPECT_EQ(fake.last.min_complete, 1);
	fake.error = -EINTR;
	EXPECT_EQ(usher_ring_wait_cqe(ring, &cqe), -EINTR);
	EXPECT_EQ(fake.last.flags, 0);
}

static void ended_ring(void)
{
	struct usher_ring *ring = setup(0);
	struct usher_cqe *cqe;

	ctl()->flags = USHER_RING_F_GONE;
	post(1, USHER_SC_HOST_PATHING);
	EXPECT_EQ(usher_ring_peek_cqe(ring, &cqe), 0);
	EXPECT_EQ(usher_cqe_status(cqe), USHER_SC_HOST_PATHING);
	usher_cqe_seen(ring, cqe);
	EXPECT_EQ(usher_ring_peek_cqe(ring, &cqe), -ENODEV);
	EXPECT_EQ(usher_ring_wait_cqe(ring, &cqe), -ENODEV);

	ctl()->flags = USHER_RING_F_BROKEN;
	EXPECT_EQ(usher_ring_peek_cqe(ring, &cqe), -EBADFD);
	EXPECT_EQ(fake.calls, 0);
}

/* A thread polls it: what is there without a call is taken without one. */
static void sqpolled_ring(void)
{
	struct usher_ring *ring = setup(0);
	struct usher_cqe *cqe;

	ring->flags = USHER_RING_POLLED;
	ctl()->flags = USHER_RING_F_SQPOLL;
	EXPECT_EQ(usher_ring_peek_cqe(ring, &cqe), -EAGAIN);
	EXPECT(usher_ring_get_sqe(ring));
	EXPECT_EQ(usher_ring_submit(ring), 1);
	EXPECT_EQ(ctl()->sq_tail, 1);
	post(1, 0);
	/* Entries are counted once, though the polling thread did not take them yet. */
	EXPECT_EQ(usher_ring_submit_and_wait(ring, 1), 0);
	EXPECT(usher_ring_get_sqe(ring));
	EXPECT_EQ(usher_ring_submit_and_wait_timeout(ring, 1, 1, NULL), 1);
	EXPECT_EQ(usher_ring_wait_cqe(ring, &cqe), 0);
	EXPECT_EQ(usher_cqe_tag(cqe), 1);
	usher_cqe_seen(ring, cqe);
	EXPECT_EQ(fake.calls, 0);

	/* What does not come is waited for in the kernel, after a while. */
	fake.error = -EINTR;
	EXPECT_EQ(usher_ring_wait_cqe(ring, &cqe), -EINTR);
	EXPECT_EQ(fake.last.min_complete, 1);
	EXPECT_EQ(usher_ring_submit_and_wait(ring, 2), -EINTR);
	EXPECT_EQ(fake.last.min_complete, 2);
	EXPECT_EQ(fake.calls, 2);
	/* What was handed over is, whatever became of the wait. */
	EXPECT(usher_ring_get_sqe(ring));
	EXPECT_EQ(usher_ring_submit_and_wait(ring, 2), 1);
	EXPECT_EQ(fake.calls, 3);

	/* The polling thread sleeps. */
	fake.error = 0;
	fake.take = 9;
	ctl()->flags = 0;
	EXPECT_EQ(usher_ring_submit(ring), 3);
	EXPECT_EQ(fake.calls, 4);
	EXPECT_EQ(fake.last.to_submit, 3);
	EXPECT_EQ(usher_ring_wait_cqe(ring, &cqe), 0);
	usher_ring_cq_advance(ring, 3);
	EXPECT_EQ(usher_ring_peek_cqe(ring, &cqe), -EAGAIN);
	EXPECT_EQ(fake.calls, 5);
}

static void serving(void)
{
	struct usher_ring *ring = setup(0);
	sigset_t mask;

	sigemptyset(&mask);
	fake.error = -ETIME;
	EXPECT_EQ(usher_ring_sqpoll(ring, 50, 7, &mask), -ETIME);
	EXPECT_EQ(fake.last.flags, USHER_ENTER_SQPOLL | USHER_ENTER_DEADLINE);
	EXPECT_EQ(fake.last.idle_us, 50);
	EXPECT_EQ(fake.last.deadline_ns, 7);
	EXPECT_EQ(fake.last.sigmask, (uintptr_t)&mask);
	EXPECT_EQ(fake.last.sigsetsize, 8);
	EXPECT_EQ(usher_ring_sqpoll(ring, 0, 0, NULL), -ETIME);
	EXPECT_EQ(fake.last.flags, USHER_ENTER_SQPOLL);
	EXPECT_EQ(fake.last.sigmask, 0);
	EXPECT_EQ(fake.last.sigsetsize, 0);
	EXPECT_EQ(fake.last.to_submit, 0);
	EXPECT_EQ(fake.last.min_complete, 0);
}

static void polled_ring(void)
{
	struct usher_ring *ring = setup(0);
	struct usher_cqe *cqe, *cqes[2];

	ring->flags = USHER_RING_POLLED;
	EXPECT_EQ(usher_ring_peek_cqe(ring, &cqe), -EAGAIN);
	EXPECT_EQ(fake.calls, 1);
	EXPECT_EQ(fake.last.to_submit, 0);
	EXPECT_EQ(fake.last.min_complete, 0);
	EXPECT_EQ(usher_ring_peek_batch_cqe(ring, cqes, 2), 0);
	EXPECT_EQ(fake.calls, 2);
	EXPECT_EQ(usher_ring_peek_array(ring, cqes), 0);
	EXPECT_EQ(fake.calls, 3);

	post(1, 0);
	EXPECT_EQ(usher_ring_peek_cqe(ring, &cqe), 0);
	EXPECT_EQ(usher_ring_peek_batch_cqe(ring, cqes, 2), 1);
	EXPECT_EQ(usher_ring_peek_array(ring, cqes), 1);
	EXPECT_EQ(fake.calls, 3);
}

/* A worker that takes over goes on where the indices are. */
static void attached_ring(void)
{
	struct usher_ring *ring = setup(0);
	struct usher_ring heir = {};
	struct usher_cqe *cqe;

	usher_ring_get_sqe(ring)->cid = htole16(1);
	usher_ring_get_sqe(ring)->cid = htole16(2);
	usher_ring_submit(ring);
	usher_cqe_seen(ring, (void *)fake.map);
	usher_ring_get_sqe(ring);	/* never submitted */

	EXPECT_EQ(usher_ring_setup(&heir, fake.map, &geometry), 0);
	EXPECT_EQ(usher_ring_sq_space_left(&heir), SQ_ENTRIES);
	EXPECT_EQ(usher_ring_cq_ready(&heir), 1);
	EXPECT_EQ(usher_ring_peek_cqe(&heir, &cqe), 0);
	EXPECT_EQ(usher_cqe_tag(cqe), 2);
}

static void larger_entries(void)
{
	struct usher_ring *ring = setup(0);
	struct usher_ring_create wide = geometry;
	unsigned char *first, *second;
	struct usher_cqe *cqes[2];
	unsigned int i;

	wide.sqe_shift = 7;
	wide.cqe_shift = 5;
	wide.cq_offset = SQ_OFFSET + SQ_ENTRIES * 128;
	EXPECT_EQ(usher_ring_setup(ring, fake.map, &wide), 0);
	memset(fake.map + SQ_OFFSET, 0xee, SQ_ENTRIES * 128);
	first = (void *)usher_ring_get_sqe(ring);
	second = (void *)usher_ring_get_sqe(ring);
	EXPECT_EQ(second - first, 128);
	EXPECT_EQ(second[0], USHER_OP_NONE);
	EXPECT_EQ(second[4], 3);
	second[0] = 0;
	second[4] = 0;
	for (i = 0; i < 128; i++)
		EXPECT_EQ(second[i], 0);
	EXPECT_EQ(second[128], 0xee);

	EXPECT(usher_ring_get_sqe(ring));
	EXPECT(usher_ring_get_sqe(ring));
	EXPECT(!usher_ring_get_sqe(ring));
	EXPECT_EQ(usher_ring_submit(ring), SQ_ENTRIES);
	EXPECT((unsigned char *)usher_ring_get_sqe(ring) == first);

	EXPECT_EQ(usher_ring_peek_batch_cqe(ring, cqes, 2), 2);
	EXPECT_EQ((char *)cqes[1] - (char *)cqes[0], 32);
	EXPECT_EQ(usher_ring_peek_array(ring, cqes), 1);
}

/* The kernel's progress is seen when the entries known to be free are used. */
static void freed_meanwhile(void)
{
	struct usher_ring *ring = setup(3);
	__u32 i;

	for (i = 0; i < 3; i++)
		EXPECT((unsigned char *)usher_ring_get_sqe(ring) ==
		       fake.map + SQ_OFFSET + (3 + i) % SQ_ENTRIES * 64);
	fake.take = 2;
	EXPECT_EQ(usher_ring_submit(ring), 2);
	EXPECT_EQ(usher_ring_sq_space_left(ring), 3);
	for (i = 3; i < 6; i++)
		EXPECT((unsigned char *)usher_ring_get_sqe(ring) ==
		       fake.map + SQ_OFFSET + (3 + i) % SQ_ENTRIES * 64);
	EXPECT(!usher_ring_get_sqe(ring));
	ctl()->sq_head++;
	EXPECT(usher_ring_get_sqe(ring));
	EXPECT(!usher_ring_get_sqe(ring));
}

/* The array ends with the ring's memory. */
static void array_of_completions(void)
{
	struct usher_ring *ring = setup(0xfffffffe);
	struct usher_cqe *cqes;
	__u32 i;

	EXPECT_EQ(usher_ring_peek_array(ring, &cqes), 0);
	for (i = 0; i < 5; i++)
		post((__u16)i, 0);
	EXPECT_EQ(usher_ring_peek_array(ring, &cqes), 2);
	EXPECT_EQ(usher_cqe_tag(&cqes[0]), 0);
	EXPECT_EQ(usher_cqe_tag(&cqes[1]), 1);
	usher_ring_cq_advance(ring, 1);
	EXPECT_EQ(usher_ring_peek_array(ring, &cqes), 1);
	usher_ring_cq_advance(ring, 1);
	EXPECT_EQ(usher_ring_peek_array(ring, &cqes), 3);
	EXPECT_EQ(usher_cqe_tag(&cqes[2]), 4);
	EXPECT_EQ(fake.calls, 0);
}

static void impossible_geometry(void)
{
	struct usher_ring *ring = setup(0);
	struct usher_ring_create bad;

#define REFUSED(member, value)						\
	do {								\
		bad = geometry;						\
		bad.member = (value);					\
		EXPECT_EQ(usher_ring_setup(ring, fake.map, &bad),	\
			  -EPROTO);					\
	} while (0)

	REFUSED(sq_entries, 0);
	REFUSED(sq_entries, 3);
	REFUSED(cq_entries, 0);
	REFUSED(cq_entries, 1U << 31);
	REFUSED(sqe_shift, 5);
	REFUSED(sqe_shift, 38);
	REFUSED(cqe_shift, 3);
	REFUSED(sq_offset, 0);
	REFUSED(sq_offset, SQ_OFFSET + 1);
	REFUSED(sq_offset, MAP_BYTES - 64);
	REFUSED(cq_offset, UINT32_MAX - 7);
	REFUSED(mmap_bytes, CQ_OFFSET + CQ_ENTRIES * 16 - 1);
#undef REFUSED
}

static const struct tap_test tests[] = {
	TAP_TEST(empty_ring),
	TAP_TEST(full_ring),
	TAP_TEST(fresh_entry),
	TAP_TEST(wrap_around),
	TAP_TEST(full_across_wrap),
	TAP_TEST(partly_taken),
	TAP_TEST(failed_submit),
	TAP_TEST(timeout_arguments),
	TAP_TEST(waiting),
	TAP_TEST(ended_ring),
	TAP_TEST(sqpolled_ring),
	TAP_TEST(serving),
	TAP_TEST(polled_ring),
	TAP_TEST(attached_ring),
	TAP_TEST(larger_entries),
	TAP_TEST(freed_meanwhile),
	TAP_TEST(array_of_completions),
	TAP_TEST(impossible_geometry),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
