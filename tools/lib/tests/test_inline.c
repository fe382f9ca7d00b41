// SPDX-License-Identifier: GPL-2.0-only
/*
 * What <usher_inline.h> defines, as a program of standard C sees it. Built
 * without optimization it calls the shared library, optimized it has copies of
 * its own: both do the same, and check-symbols looks what each calls.
 */
#include <errno.h>
#include <string.h>
#include <usher.h>

#include "tap.h"

#define SQ_ENTRIES	4U
#define CQ_ENTRIES	4U

/* A ring in memory of our own, as after usher_ring_init() */
static struct {
	struct usher_ring_ctl ctl;
	struct usher_sqe sqes[SQ_ENTRIES];
	struct usher_cqe cqes[CQ_ENTRIES];
	struct usher_ring ring;
} fake;

static struct usher_ring *setup(void)
{
	struct usher_ring *ring = &fake.ring;

	memset(&fake, 0, sizeof(fake));
	memset(fake.sqes, 0xee, sizeof(fake.sqes));
	ring->fd = -1;
	ring->nsid = 7;
	ring->sq_entries = SQ_ENTRIES;
	ring->cq_entries = CQ_ENTRIES;
	ring->sqe_shift = 6;
	ring->cqe_shift = 4;
	ring->ctl = &fake.ctl;
	ring->sqes = (char *)fake.sqes;
	ring->cqes = (char *)fake.cqes;
	return ring;
}

static void unprepared(void)
{
	struct usher_ring *ring = setup();
	struct usher_sqe want;
	__u32 i;

	memset(&want, 0, sizeof(want));
	want.opcode = USHER_OP_NONE;
	want.nsid = 7;
	EXPECT_EQ(usher_ring_sq_space_left(ring), SQ_ENTRIES);
	for (i = 0; i < SQ_ENTRIES; i++) {
		EXPECT(usher_ring_get_sqe(ring) == &fake.sqes[i]);
		EXPECT(!memcmp(&fake.sqes[i], &want, sizeof(want)));
		EXPECT_EQ(usher_ring_sq_ready(ring), i + 1);
	}
	EXPECT(!usher_ring_get_sqe(ring));
	EXPECT_EQ(usher_ring_sq_space_left(ring), 0);
}

/* Taken and filled at once, which is where stores are left out */
static void prepared(void)
{
	struct usher_ring *ring = setup();
	struct usher_sqe want;
	struct usher_sqe *sqe;

	memset(&want, 0, sizeof(want));
	want.opcode = USHER_OP_READ;
	want.cid = 9;
	want.nsid = 7;
	want.dptr.offset = 4096;
	want.dptr.length = 512;
	want.dptr.buf = 3;
	want.cdw10 = 2;
	want.cdw11 = 1;
	want.cdw12 = 0x40000000;
	sqe = usher_ring_get_sqe(ring);
	EXPECT_EQ(usher_prep_read(sqe, 0x100000002, 1, 3, 4096, 512), 0);
	usher_sqe_set_io_flags(sqe, USHER_IO_FUA);
	usher_sqe_set_tag(sqe, 9);
	EXPECT(!memcmp(sqe, &want, sizeof(want)));

	want.opcode = USHER_OP_WRITE;
	want.cdw12 = 65535;
	sqe = usher_ring_get_sqe(ring);
	usher_sqe_set_tag(sqe, 9);
	EXPECT_EQ(usher_prep_write(sqe, 0x100000002, 65536, 3, 4096, 512), 0);
	EXPECT(!memcmp(sqe, &want, sizeof(want)));

	usher_prep_fill(sqe, USHER_OP_READ, 0x100000002, 0x40000000, 3, 4096,
			512);
	EXPECT_EQ(sqe->opcode, USHER_OP_READ);
	EXPECT_EQ(sqe->cdw12, 0x40000000);
}

/* As after usher_ring_enable_data64(), with tags in an order of their own */
static void user_data(void)
{
	static __u16 tags[CQ_ENTRIES] = { 3, 1, 4, 2 };
	static __u64 data[CQ_ENTRIES];
	struct usher_ring *ring = setup();
	struct usher_sqe *first, *second;

	first = usher_ring_get_sqe(ring);
	EXPECT_EQ(usher_sqe_set_data64(ring, first, 1), -EOPNOTSUPP);
	EXPECT_EQ(usher_cqe_get_data64(ring, &fake.cqes[0]), 0);
	ring->data = data;
	ring->tags = tags;
	ring->tag_mask = CQ_ENTRIES - 1;
	second = usher_ring_get_sqe(ring);
	EXPECT_EQ(usher_sqe_set_data64(ring, first, 0x123456789abcdef0), 0);
	EXPECT_EQ(usher_sqe_set_data(ring, second, &fake), 0);
	EXPECT_EQ(first->cid, 3);
	EXPECT_EQ(second->cid, 1);
	fake.cqes[0].cid = 1;
	fake.cqes[1].cid = 3;
	EXPECT(usher_cqe_get_data(ring, &fake.cqes[0]) == &fake);
	EXPECT_EQ(usher_cqe_get_data64(ring, &fake.cqes[1]), 0x123456789abcdef0);
}

static void refused(void)
{
	struct usher_ring *ring = setup();
	struct usher_sqe want;
	struct usher_sqe *sqe;

	memset(&want, 0, sizeof(want));
	want.opcode = USHER_OP_NONE;
	want.nsid = 7;
	sqe = usher_ring_get_sqe(ring);
	EXPECT_EQ(usher_prep_read(sqe, 1, 0, 3, 4096, 512), -EINVAL);
	EXPECT(!memcmp(sqe, &want, sizeof(want)));
	sqe = usher_ring_get_sqe(ring);
	EXPECT_EQ(usher_prep_range(sqe, USHER_OP_WRITE, 1, 65537, 3, 4096, 512),
		  -EINVAL);
	EXPECT(!memcmp(sqe, &want, sizeof(want)));
}

static void completions(void)
{
	struct usher_ring *ring = setup();
	struct usher_cqe *cqes[CQ_ENTRIES];
	struct usher_cqe *cqe;

	fake.cqes[1].cid = 5;
	fake.cqes[1].status = USHER_SC_ACCESS_DENIED << 1 | 0x8000;
	fake.cqes[1].flags = USHER_CQE_REFUSED;
	fake.cqes[1].dw0 = 1;
	fake.cqes[1].dw1 = 2;
	fake.ctl.cq_tail = 2;
	EXPECT_EQ(usher_ring_cq_ready(ring), 2);
	EXPECT_EQ(usher_ring_peek_batch_cqe(ring, cqes, CQ_ENTRIES), 2);
	EXPECT(cqes[0] == &fake.cqes[0]);
	usher_cqe_seen(ring, cqes[0]);
	EXPECT_EQ(fake.ctl.cq_head, 1);
	EXPECT_EQ(usher_ring_peek_array(ring, &cqe), 1);
	EXPECT(cqe == cqes[1]);
	EXPECT_EQ(usher_cqe_tag(cqe), 5);
	EXPECT_EQ(usher_cqe_status(cqe), USHER_SC_ACCESS_DENIED);
	EXPECT(usher_cqe_dnr(cqe));
	EXPECT_EQ(usher_cqe_flags(cqe), USHER_CQE_REFUSED);
	EXPECT_EQ(usher_cqe_result(cqe), 0x200000001);
	usher_ring_cq_advance(ring, 1);
	EXPECT_EQ(fake.ctl.cq_head, 2);
	EXPECT_EQ(usher_ring_cq_ready(ring), 0);
}

static const struct tap_test tests[] = {
	TAP_TEST(unprepared),
	TAP_TEST(prepared),
	TAP_TEST(user_data),
	TAP_TEST(refused),
	TAP_TEST(completions),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
