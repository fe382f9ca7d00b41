// SPDX-License-Identifier: GPL-2.0-only
/*
 * usher: tests of the data path of a ring, from the entry a process wrote to
 * the hardware queue and back. The tests are the process and the device.
 */
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/prandom.h>

#include "grant/grant.h"
#include "nvme/qpair.h"
#include "nvme/qpair_ops.h"
#include "ring/complete.h"
#include "ring/enter.h"
#include "ring/indices.h"
#include "ring/ring.h"
#include "ring/turn.h"
#include "rig.h"

#define DEPTH		16
#define SQ_ENTRIES	8
#define CQ_ENTRIES	8
#define GRANT_SLBA	0x1000
#define GRANT_NLB	0x100
#define BUF		1
#define BUF_RDONLY	2
#define BUF_PAGES	4	/* of the controller, 4 KiB */
#define RING_SEED	1
#define TABLE_DMA	0x700000000000ULL

/**
 * struct ring_rig - a ring, its process and its device
 * @dev: the device
 * @qp: the ring's queue pair
 * @grant: the ring's grant: blocks GRANT_SLBA to GRANT_SLBA + GRANT_NLB - 1
 * @ring: under test
 * @bufs: buffers BUF and BUF_RDONLY, of the same memory
 * @pages: that memory
 * @sq_head: where the device reads next
 * @cq_tail: where it writes next
 * @phase: with which phase
 * @tag: of the next entry that the process fills
 */
struct ring_rig {
	struct usher_rig dev;
	struct usher_qpair *qp;
	struct usher_grant *grant;
	struct usher_ring ring;
	struct usher_buffer bufs[2];
	struct page *pages[BUF_PAGES];
	u16 sq_head;
	u16 cq_tail;
	u8 phase;
	u16 tag;
};

/* ---- the rig ------------------------------------------------------------ */

static dma_addr_t ring_page_dma(u32 page)
{
	return 0x123000000000ULL + 2ULL * page * SZ_4K;
}

static void ring_buf_release(struct percpu_ref *ref)
{
}

static void ring_add_buffer(struct kunit *test, struct ring_rig *rig, u32 id, bool rdonly)
{
	struct usher_buffer *buf = &rig->bufs[id - 1];
	struct usher_prp_page *table = kunit_kzalloc(test, sizeof(*table), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, table);
	table->virt = kunit_kzalloc(test, SZ_4K, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, table->virt);
	table->dma = TABLE_DMA;
	buf->ud = &rig->dev.ud;
	buf->grant = rig->grant;
	buf->pin.rdonly = rdonly;
	buf->length = BUF_PAGES * SZ_4K;
	buf->pin.pages = rig->pages;
	buf->pin.nr_pages = DIV_ROUND_UP(buf->length, PAGE_SIZE);
	buf->prps = (struct usher_prps) {
		.shift = 12, .nr = BUF_PAGES, .nr_tables = 1, .tables = table,
	};
	for (i = 0; i < BUF_PAGES; i++)
		usher_prps_set(&buf->prps, i, ring_page_dma(i));
	KUNIT_ASSERT_EQ(test, percpu_ref_init(&buf->ref, ring_buf_release,
					      PERCPU_REF_INIT_ATOMIC, GFP_KERNEL), 0);
	KUNIT_ASSERT_EQ(test, usher_buf_table_reserve(&rig->grant->bufs, &buf->id), 0);
	KUNIT_ASSERT_EQ(test, buf->id, id);
	usher_buf_table_set(&rig->grant->bufs, id, buf);
}

static void ring_init_ring(struct kunit *test, struct ring_rig *rig)
{
	struct usher_ring *ring = &rig->ring;

	kref_init(&ring->ref);
	mutex_init(&ring->lock);
	init_waitqueue_head(&ring->wait);
	usher_client_init(&ring->client);
	ring->client.budget = &rig->grant->tenant->budget;
	ring->ud = &rig->dev.ud;
	ring->grant = rig->grant;
	ring->qp = rig->qp;
	ring->sq_entries = SQ_ENTRIES;
	ring->cq_entries = CQ_ENTRIES;
	ring->ctl = kunit_kzalloc(test, sizeof(*ring->ctl), GFP_KERNEL);
	ring->sq = kunit_kcalloc(test, SQ_ENTRIES, sizeof(*ring->sq), GFP_KERNEL);
	ring->cq = kunit_kcalloc(test, CQ_ENTRIES, sizeof(*ring->cq), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ring->ctl);
	KUNIT_ASSERT_NOT_NULL(test, ring->sq);
	KUNIT_ASSERT_NOT_NULL(test, ring->cq);
	KUNIT_ASSERT_EQ(test, usher_qpair_join(rig->qp, &ring->client), 0);
}

static void ring_exit(struct kunit *test)
{
	struct ring_rig *rig = test->priv;
	u32 i;

	if (!rig)
		return;
	for (i = 0; i < ARRAY_SIZE(rig->bufs); i++) {
		usher_buf_table_take(&rig->grant->bufs, i + 1);
		if (rig->bufs[i].ud)
			percpu_ref_exit(&rig->bufs[i].ref);
	}
	for (i = 0; i < BUF_PAGES; i++)
		if (rig->pages[i])
			__free_page(rig->pages[i]);
	if (rig->qp) {
		usher_qpair_free_dma(rig->qp);
		usher_qpair_free(rig->qp);
	}
	if (rig->grant)
		usher_grant_unuse(rig->grant);
	usher_rig_exit(test, &rig->dev);
}

static int ring_init(struct kunit *test)
{
	struct ring_rig *rig = kunit_kzalloc(test, sizeof(*rig), GFP_KERNEL);
	struct usher_scope scope = usher_rig_scope(0x100000);
	struct usher_limits limits = {};
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, rig);
	usher_rig_init(test, &rig->dev, "usher-ring");
	scope.slba = GRANT_SLBA;
	scope.nlb = GRANT_NLB;
	scope.whole_ns = false;
	rig->grant = usher_grant_alloc(&rig->dev.ud, NULL, &scope, &limits);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, rig->grant);
	test->priv = rig;
	rig->qp = usher_qpair_alloc(&rig->dev.ctrl, 1, DEPTH, USHER_CMD_PAGES, &usher_ring_ops,
				    usher_ring_work);
	KUNIT_ASSERT_NOT_NULL(test, rig->qp);
	rig->qp->stopped = false;
	rig->phase = 1;
	for (i = 0; i < BUF_PAGES; i++) {
		rig->pages[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, rig->pages[i]);
	}
	ring_add_buffer(test, rig, BUF, false);
	ring_add_buffer(test, rig, BUF_RDONLY, true);
	ring_init_ring(test, rig);
	return 0;
}

/* As if that many commands had come and gone before */
static void ring_begin_at(struct ring_rig *rig, u32 index)
{
	struct usher_ring *ring = &rig->ring;

	ring->sq_head = index;
	ring->sq_submitted = index;
	ring->cq_head = index;
	ring->accepted = index;
	ring->cq_tail = index;
	ring->cq_published = index;
	ring->ctl->sq_tail = index;
	ring->ctl->sq_head = index;
	ring->ctl->cq_head = index;
	ring->ctl->cq_tail = index;
}

/* ---- the process -------------------------------------------------------- */

static struct usher_sqe ring_sqe(u8 opcode, u64 slba, u32 nlb)
{
	struct usher_sqe sqe = {
		.opcode = opcode,
		.nsid = cpu_to_le32(RIG_NSID),
	};

	if (opcode == nvme_cmd_flush)
		return sqe;
	sqe.cdw10 = cpu_to_le32(lower_32_bits(slba));
	sqe.cdw11 = cpu_to_le32(upper_32_bits(slba));
	sqe.cdw12 = cpu_to_le32(nlb - 1);
	sqe.dptr.length = cpu_to_le32(nlb * 512);
	sqe.dptr.buf = cpu_to_le32(BUF);
	return sqe;
}

/* Fills an entry; its tag. */
static u16 ring_put(struct ring_rig *rig, struct usher_sqe sqe)
{
	struct usher_ring *ring = &rig->ring;

	sqe.cid = cpu_to_le16(rig->tag);
	ring->sq[ring->ctl->sq_tail & (SQ_ENTRIES - 1)] = sqe;
	ring->ctl->sq_tail++;
	return rig->tag++;
}

static int ring_enter(struct ring_rig *rig, u32 to_submit)
{
	const struct usher_enter arg = { .size = sizeof(arg), .to_submit = to_submit };

	return usher_ring_enter(&rig->ring, &arg, true);
}

/* The next completion, or NULL */
static const struct usher_cqe *ring_get(struct ring_rig *rig)
{
	struct usher_ring *ring = &rig->ring;

	if (ring->ctl->cq_head == ring->ctl->cq_tail)
		return NULL;
	return &ring->cq[ring->ctl->cq_head++ & (CQ_ENTRIES - 1)];
}

static void ring_expect_cqe(struct kunit *test, struct ring_rig *rig, u16 tag, u16 status,
			    u16 flags)
{
	const struct usher_cqe *cqe = ring_get(rig);

	KUNIT_ASSERT_NOT_NULL(test, cqe);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(cqe->cid), tag);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(cqe->status), status << 1);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(cqe->flags), flags);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(cqe->sqhd), 0);
}

static void ring_expect_refused(struct kunit *test, struct ring_rig *rig, u16 tag, u16 status)
{
	ring_expect_cqe(test, rig, tag, status | USHER_DNR, USHER_CQE_REFUSED);
}

/* ---- the device --------------------------------------------------------- */

/* The next command, or NULL */
static const struct nvme_command *ring_device_takes(struct ring_rig *rig)
{
	const struct nvme_command *cmd = &rig->qp->sq[rig->sq_head];

	if (rig->sq_head == readl(rig->qp->sq_db))
		return NULL;
	rig->sq_head = (rig->sq_head + 1) % DEPTH;
	return cmd;
}

static void ring_device_completes(struct ring_rig *rig, u16 cid, u16 status, u64 result)
{
	struct nvme_completion *cqe = &rig->qp->cq[rig->cq_tail];

	cqe->result.u64 = cpu_to_le64(result);
	cqe->command_id = cid;
	cqe->status = cpu_to_le16(status << 1 | rig->phase);
	rig->cq_tail = (rig->cq_tail + 1) % DEPTH;
	rig->phase ^= !rig->cq_tail;
	spin_lock_irq(&rig->qp->lock);
	usher_qpair_reap(rig->qp);
	spin_unlock_irq(&rig->qp->lock);
	usher_qpair_tell(rig->qp);
}

/* ---- indices ------------------------------------------------------------ */

static const u32 ring_starts[] = {
	0, 1, 7, 4096, S32_MAX - 1, S32_MAX, (u32)S32_MAX + 1, U32_MAX - 4096,
	U32_MAX - 8, U32_MAX - 1, U32_MAX,
};

static void ring_sq_index(struct kunit *test)
{
	u32 entries, i, n;

	for (entries = 1; entries <= 4096; entries *= 2) {
		for (i = 0; i < ARRAY_SIZE(ring_starts); i++) {
			u32 head = ring_starts[i];

			for (n = 0; n <= entries; n++)
				if (!usher_ring_sq_valid(head, head + n, entries))
					KUNIT_FAIL(test, "%u after %u of %u", n, head, entries);
			KUNIT_EXPECT_FALSE(test, usher_ring_sq_valid(head, head + n, entries));
			KUNIT_EXPECT_FALSE(test, usher_ring_sq_valid(head, head - 1, entries));
			KUNIT_EXPECT_FALSE(test, usher_ring_sq_valid(head, head + BIT(31),
								     entries));
			KUNIT_EXPECT_FALSE(test, usher_ring_sq_valid(head, head - entries,
								     entries));
		}
	}
}

static void ring_cq_index(struct kunit *test)
{
	u32 i, n, m;

	for (i = 0; i < ARRAY_SIZE(ring_starts); i++) {
		u32 last = ring_starts[i];

		for (n = 0; n <= 64; n++) {
			for (m = 0; m <= n; m++)
				KUNIT_EXPECT_TRUE(test, usher_ring_cq_valid(last, last + m,
									    last + n));
			KUNIT_EXPECT_FALSE(test, usher_ring_cq_valid(last, last + m, last + n));
			KUNIT_EXPECT_FALSE(test, usher_ring_cq_valid(last, last - 1, last + n));
			KUNIT_EXPECT_FALSE(test, usher_ring_cq_valid(last, last + BIT(31),
								     last + n));
		}
	}
}

/*
 * Three completions are posted, one of them is taken: cq_head may be 1 to 3,
 * and sq_tail 3 to 3 + SQ_ENTRIES.
 */
struct ring_index {
	const char *name;
	u32 start;
	u32 sq_tail;
	u32 cq_head;
	bool good;
};

static const struct ring_index ring_indices[] = {
	{ "nothing new", 0, 3, 1, true },
	{ "all of it", 0, 3 + SQ_ENTRIES, 3, true },
	{ "one entry too many", 0, 4 + SQ_ENTRIES, 1, false },
	{ "tail goes back", 0, 2, 1, false },
	{ "tail far away", 0, 3 + BIT(31), 1, false },
	{ "one completion too many", 0, 3, 4, false },
	{ "head goes back", 0, 3, 0, false },
	{ "head far away", 0, 3, 1 + BIT(31), false },
	{ "wrap: nothing new", U32_MAX - 1, 3, 1, true },
	{ "wrap: all of it", U32_MAX - 1, 3 + SQ_ENTRIES, 3, true },
	{ "wrap: one entry too many", U32_MAX - 1, 4 + SQ_ENTRIES, 1, false },
	{ "wrap: tail goes back", U32_MAX - 1, 2, 1, false },
	{ "wrap: one completion too many", U32_MAX - 1, 3, 4, false },
	{ "wrap: head goes back", U32_MAX - 1, 3, 0, false },
};

KUNIT_ARRAY_PARAM_DESC(ring_index, ring_indices, name);

static void ring_enter_index(struct kunit *test)
{
	const struct ring_index *p = test->param_value;
	struct ring_rig *rig = test->priv;
	struct usher_ring *ring = &rig->ring;
	u32 i;

	for (i = 0; i < SQ_ENTRIES; i++)
		ring->sq[i] = ring_sqe(nvme_cmd_flush, 0, 0);
	ring_begin_at(rig, p->start + 3);
	ring->cq_head = p->start + 1;
	ring->ctl->sq_tail = p->start + p->sq_tail;
	ring->ctl->cq_head = p->start + p->cq_head;
	if (p->good) {
		u32 n = p->sq_tail - 3;

		/* No more than completions have a place */
		KUNIT_EXPECT_EQ(test, ring_enter(rig, U32_MAX), n);
		KUNIT_EXPECT_EQ(test, ring->ctl->sq_head, p->start + 3 + n);
		KUNIT_EXPECT_EQ(test, ring->ctl->flags, 0);
		return;
	}
	KUNIT_EXPECT_EQ(test, ring_enter(rig, U32_MAX), -EBADFD);
	KUNIT_EXPECT_EQ(test, ring->ctl->flags, USHER_RING_F_BROKEN);
	KUNIT_EXPECT_NULL(test, ring_device_takes(rig));
	/* For good, whatever the process does to mend it */
	ring->ctl->sq_tail = p->start + 3;
	ring->ctl->cq_head = p->start + 1;
	ring->ctl->flags = 0;
	KUNIT_EXPECT_EQ(test, ring_enter(rig, 1), -EBADFD);
	KUNIT_EXPECT_EQ(test, ring_enter(rig, 0), -EBADFD);
}

/* ---- the way of a command ----------------------------------------------- */

static void ring_round_trips(struct kunit *test)
{
	struct ring_rig *rig = test->priv;
	u32 round, i;

	ring_begin_at(rig, U32_MAX - 20);
	for (round = 0; round < 64; round++) {
		u32 n = round % SQ_ENTRIES + 1;
		u16 first = rig->tag;

		for (i = 0; i < n; i++)
			ring_put(rig, ring_sqe(nvme_cmd_flush, 0, 0));
		KUNIT_EXPECT_EQ(test, ring_enter(rig, n), n);
		for (i = 0; i < n; i++) {
			const struct nvme_command *cmd = ring_device_takes(rig);

			KUNIT_ASSERT_NOT_NULL(test, cmd);
			KUNIT_EXPECT_EQ(test, cmd->common.opcode, nvme_cmd_flush);
			KUNIT_EXPECT_EQ(test, le32_to_cpu(cmd->common.nsid), RIG_NSID);
			ring_device_completes(rig, cmd->common.command_id, i, ~0ULL << i);
		}
		KUNIT_EXPECT_NULL(test, ring_device_takes(rig));
		for (i = 0; i < n; i++)
			ring_expect_cqe(test, rig, first + i, i, 0);
		KUNIT_EXPECT_NULL(test, ring_get(rig));
	}
}

static void ring_result(struct kunit *test)
{
	struct ring_rig *rig = test->priv;
	const struct usher_cqe *cqe;

	ring_put(rig, ring_sqe(nvme_cmd_flush, 0, 0));
	KUNIT_EXPECT_EQ(test, ring_enter(rig, 1), 1);
	ring_device_completes(rig, ring_device_takes(rig)->common.command_id, 0,
			      0x0123456789abcdef);
	cqe = ring_get(rig);
	KUNIT_ASSERT_NOT_NULL(test, cqe);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(cqe->dw0), 0x89abcdef);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(cqe->dw1), 0x01234567);
}

/* Good and bad ones in one batch: each gets its answer, the device only the good. */
static void ring_refusals(struct kunit *test)
{
	struct ring_rig *rig = test->priv;
	const struct nvme_command *cmd;
	u16 bad[3], good[2];

	bad[0] = ring_put(rig, ring_sqe(0x42, 0, 1));
	good[0] = ring_put(rig, ring_sqe(nvme_cmd_read, GRANT_SLBA, 1));
	bad[1] = ring_put(rig, ring_sqe(nvme_cmd_read, GRANT_SLBA - 1, 1));
	good[1] = ring_put(rig, ring_sqe(nvme_cmd_flush, 0, 0));
	bad[2] = ring_put(rig, ring_sqe(nvme_cmd_write, GRANT_SLBA + GRANT_NLB, 1));
	KUNIT_EXPECT_EQ(test, ring_enter(rig, 5), 5);

	ring_expect_refused(test, rig, bad[0], NVME_SC_INVALID_OPCODE);
	ring_expect_refused(test, rig, bad[1], NVME_SC_LBA_RANGE);
	ring_expect_refused(test, rig, bad[2], NVME_SC_LBA_RANGE);
	KUNIT_EXPECT_NULL(test, ring_get(rig));
	KUNIT_EXPECT_EQ(test, rig->ring.refused, 3);
	KUNIT_EXPECT_EQ(test, rig->ring.accepted, 5);
	KUNIT_EXPECT_EQ(test, rig->qp->nr_free, DEPTH - 3);

	cmd = ring_device_takes(rig);
	KUNIT_ASSERT_NOT_NULL(test, cmd);
	KUNIT_EXPECT_EQ(test, cmd->common.opcode, nvme_cmd_read);
	ring_device_completes(rig, cmd->common.command_id, 0, 0);
	ring_expect_cqe(test, rig, good[0], 0, 0);
	cmd = ring_device_takes(rig);
	KUNIT_ASSERT_NOT_NULL(test, cmd);
	KUNIT_EXPECT_EQ(test, cmd->common.opcode, nvme_cmd_flush);
	ring_device_completes(rig, cmd->common.command_id, 0, 0);
	ring_expect_cqe(test, rig, good[1], 0, 0);
	KUNIT_EXPECT_NULL(test, ring_device_takes(rig));
}

/* ---- what a waiter may count on ------------------------------------------ */

/* Would a thread that waits for @n completions go back to its process now? */
static bool ring_wait_ends(struct ring_rig *rig, u32 n)
{
	const struct usher_enter arg = { .size = sizeof(arg), .min_complete = n };
	int ret = usher_ring_enter(&rig->ring, &arg, true);

	return ret != -EAGAIN;
}

/*
 * In a pass over the queue a completion is posted first and shown later.
 * Whoever looks in between must not be told of it: the process would find its
 * completion ring empty.
 */
static void ring_posted_is_not_shown(struct kunit *test)
{
	static const u32 starts[] = { 0, U32_MAX - 1 };
	struct ring_rig *rig = test->priv;
	struct usher_ring *ring = &rig->ring;
	const struct nvme_command *cmd;
	struct usher_slot *slot;
		bool found;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(starts); i++) {
		ring_begin_at(rig, starts[i]);
		ring_put(rig, ring_sqe(nvme_cmd_flush, 0, 0));
		KUNIT_ASSERT_EQ(test, ring_enter(rig, 1), 1);
		cmd = ring_device_takes(rig);
		KUNIT_ASSERT_NOT_NULL(test, cmd);

		spin_lock_irq(&rig->qp->lock);
		found = usher_slot_lookup(rig->qp, cmd->common.command_id, &slot);
		KUNIT_EXPECT_TRUE(test, found);
		usher_ring_ops.complete(rig->qp, slot, 0, 0, 0);
		spin_unlock_irq(&rig->qp->lock);
		KUNIT_EXPECT_EQ(test, usher_ring_published(ring), starts[i]);
		KUNIT_EXPECT_EQ(test, ring->ctl->cq_tail, starts[i]);
		KUNIT_EXPECT_FALSE(test, ring_wait_ends(rig, 1));

		spin_lock_irq(&rig->qp->lock);
		usher_qpair_publish(rig->qp);
		spin_unlock_irq(&rig->qp->lock);
		KUNIT_EXPECT_EQ(test, usher_ring_published(ring), starts[i] + 1);
		KUNIT_EXPECT_EQ(test, ring->ctl->cq_tail, starts[i] + 1);
		KUNIT_EXPECT_TRUE(test, ring_wait_ends(rig, 1));
		KUNIT_EXPECT_FALSE(test, ring_wait_ends(rig, 2));
		KUNIT_EXPECT_NOT_NULL(test, ring_get(rig));

		/* The device's own completion frees the slot; nobody reads it. */
		ring_device_completes(rig, cmd->common.command_id, 0, 0);
	}
}

/*
 * Entries that were handed over and find no slot are waited for by the call
 * that handed them over. One that asks for nothing does not wait for them.
 */
static void ring_asks_for_nothing(struct kunit *test)
{
	struct ring_rig *rig = test->priv;
	struct usher_client others[10];
	u32 i, taken;

	for (i = 0; i < ARRAY_SIZE(others); i++) {
		usher_client_init(&others[i]);
		KUNIT_ASSERT_EQ(test, usher_qpair_join(rig->qp, &others[i]), 0);
	}
	for (i = 0; i < SQ_ENTRIES; i++)
		ring_put(rig, ring_sqe(nvme_cmd_flush, 0, 0));
	taken = ring_enter(rig, SQ_ENTRIES);
	/* Fewer than there are, though each has a place for its completion. */
	KUNIT_ASSERT_GT(test, taken, 0);
	KUNIT_ASSERT_LT(test, taken, SQ_ENTRIES);
	KUNIT_EXPECT_EQ(test, ring_enter(rig, SQ_ENTRIES - taken), -EAGAIN);
	KUNIT_EXPECT_EQ(test, ring_enter(rig, 0), 0);
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		usher_qpair_close(rig->qp, &others[i]);
		usher_qpair_leave(rig->qp, &others[i]);
	}
}

/* A command is taken only when its completion has a place. */
static void ring_completions_have_a_place(struct kunit *test)
{
	struct ring_rig *rig = test->priv;
	u32 i;

	for (i = 0; i < CQ_ENTRIES; i++) {
		ring_put(rig, ring_sqe(i % 2 ? nvme_cmd_flush : 0x42, 0, 0));
		KUNIT_EXPECT_EQ(test, ring_enter(rig, 1), 1);
	}
	ring_put(rig, ring_sqe(nvme_cmd_flush, 0, 0));
	ring_put(rig, ring_sqe(0x42, 0, 0));
	KUNIT_EXPECT_EQ(test, ring_enter(rig, 2), -EAGAIN);
	for (i = 0; i < CQ_ENTRIES / 2; i++)
		ring_device_completes(rig, ring_device_takes(rig)->common.command_id, 0, 0);
	KUNIT_EXPECT_EQ(test, ring_enter(rig, 2), -EAGAIN);
	KUNIT_EXPECT_EQ(test, rig->ring.cq_tail, CQ_ENTRIES);

	KUNIT_EXPECT_NOT_NULL(test, ring_get(rig));
	KUNIT_EXPECT_EQ(test, ring_enter(rig, 2), 1);
	KUNIT_EXPECT_EQ(test, ring_enter(rig, 2), -EAGAIN);
	KUNIT_EXPECT_NOT_NULL(test, ring_get(rig));
	KUNIT_EXPECT_EQ(test, ring_enter(rig, 2), 1);
	KUNIT_EXPECT_NOT_NULL(test, ring_device_takes(rig));
	KUNIT_EXPECT_NULL(test, ring_device_takes(rig));
}

static void ring_dead_grant(struct kunit *test)
{
	struct ring_rig *rig = test->priv;
	u16 tag = ring_put(rig, ring_sqe(nvme_cmd_flush, 0, 0));
	u16 cid;

	KUNIT_EXPECT_EQ(test, ring_enter(rig, 1), 1);
	cid = ring_device_takes(rig)->common.command_id;
	ring_put(rig, ring_sqe(nvme_cmd_flush, 0, 0));
	usher_grant_kill(rig->grant, -EACCES);
	KUNIT_EXPECT_EQ(test, ring_enter(rig, 1), -EACCES);
	KUNIT_EXPECT_NULL(test, ring_device_takes(rig));
	/* What is in flight finishes and can be reaped. */
	ring_device_completes(rig, cid, 0, 0);
	KUNIT_EXPECT_EQ(test, ring_enter(rig, 0), 0);
	ring_expect_cqe(test, rig, tag, 0, 0);
}

/* After a revocation one waits for what is in flight, and for nothing else. */
static void ring_dead_grant_ends_waiting(struct kunit *test)
{
	struct usher_enter arg = { .size = sizeof(arg), .min_complete = 2 };
	struct ring_rig *rig = test->priv;
	u16 cid;

	ring_put(rig, ring_sqe(nvme_cmd_flush, 0, 0));
	KUNIT_EXPECT_EQ(test, ring_enter(rig, 1), 1);
	cid = ring_device_takes(rig)->common.command_id;
	usher_grant_kill(rig->grant, -EACCES);
	KUNIT_EXPECT_EQ(test, usher_ring_enter(&rig->ring, &arg, true), -EAGAIN);
	ring_device_completes(rig, cid, 0, 0);
	KUNIT_EXPECT_EQ(test, usher_ring_enter(&rig->ring, &arg, true), -EACCES);
	/* What there is counts. */
	arg.min_complete = 1;
	KUNIT_EXPECT_EQ(test, usher_ring_enter(&rig->ring, &arg, true), 0);
}

static void ring_device_gone(struct kunit *test)
{
	struct ring_rig *rig = test->priv;
	u16 tags[3];
	u32 i;

	for (i = 0; i < 3; i++)
		tags[i] = ring_put(rig, ring_sqe(nvme_cmd_flush, 0, 0));
	KUNIT_EXPECT_EQ(test, ring_enter(rig, 3), 3);
	ring_device_completes(rig, ring_device_takes(rig)->common.command_id, 0, 0);
	usher_dev_set_state(&rig->dev.ud, USHER_GONE);
	usher_qpair_stop(rig->qp, USHER_DMA_DISABLED);
	usher_rings_tell_gone(rig->qp);
	ring_expect_cqe(test, rig, tags[0], 0, 0);
	ring_expect_cqe(test, rig, tags[1], NVME_SC_HOST_ABORTED_CMD, USHER_CQE_DRIVER);
	ring_expect_cqe(test, rig, tags[2], NVME_SC_HOST_ABORTED_CMD, USHER_CQE_DRIVER);
	KUNIT_EXPECT_NULL(test, ring_get(rig));
	KUNIT_EXPECT_EQ(test, rig->ring.driver_completed, 2);
	KUNIT_EXPECT_EQ(test, rig->ring.ctl->flags, USHER_RING_F_GONE);
	ring_put(rig, ring_sqe(nvme_cmd_flush, 0, 0));
	KUNIT_EXPECT_EQ(test, ring_enter(rig, 1), -ENODEV);
}

/* Nobody reads a closed ring; its commands let go of it when they are done. */
static void ring_closed(struct kunit *test)
{
	struct ring_rig *rig = test->priv;
	struct usher_ring *ring = &rig->ring;
	u16 cids[2];
	u32 i;

	for (i = 0; i < 2; i++)
		ring_put(rig, ring_sqe(nvme_cmd_flush, 0, 0));
	KUNIT_EXPECT_EQ(test, ring_enter(rig, 2), 2);
	for (i = 0; i < 2; i++)
		cids[i] = ring_device_takes(rig)->common.command_id;
	kref_get(&ring->ref);
	KUNIT_EXPECT_FALSE(test, usher_qpair_close(rig->qp, &ring->client));
	ring_device_completes(rig, cids[0], 0, 0);
	KUNIT_EXPECT_EQ(test, kref_read(&ring->ref), 2);
	ring_device_completes(rig, cids[1], 0, 0);
	KUNIT_EXPECT_EQ(test, kref_read(&ring->ref), 1);
	KUNIT_EXPECT_EQ(test, ring->cq_tail, 0);
	KUNIT_EXPECT_NULL(test, ring_get(rig));
}

/* ---- memory ------------------------------------------------------------- */

struct ring_memory {
	const char *name;
	u8 opcode;
	u32 buf;
	u64 offset;
	u16 status;
};

static const struct ring_memory ring_memories[] = {
	{ "from the start", nvme_cmd_read, BUF, 0, 0 },
	{ "to the end", nvme_cmd_read, BUF, 3 * SZ_4K, 0 },
	{ "four bytes beyond", nvme_cmd_read, BUF, 3 * SZ_4K + 4, NVME_SC_DATA_XFER_ERROR },
	{ "beyond", nvme_cmd_read, BUF, 4 * SZ_4K, NVME_SC_DATA_XFER_ERROR },
	{ "end wraps", nvme_cmd_read, BUF, U64_MAX - 4095, NVME_SC_DATA_XFER_ERROR },
	{ "end wraps into it", nvme_cmd_read, BUF, U64_MAX - 3, NVME_SC_DATA_XFER_ERROR },
	{ "not of dwords", nvme_cmd_read, BUF, 2, NVME_SC_PRP_INVALID_OFFSET },
	{ "dword", nvme_cmd_read, BUF, 4, 0 },
	{ "no such buffer", nvme_cmd_read, 3, 0, NVME_SC_INVALID_FIELD },
	{ "buffer 0", nvme_cmd_read, 0, 0, NVME_SC_INVALID_FIELD },
	{ "last buffer", nvme_cmd_read, U32_MAX, 0, NVME_SC_INVALID_FIELD },
	{ "write from read-only memory", nvme_cmd_write, BUF_RDONLY, 0, 0 },
	{ "read into it", nvme_cmd_read, BUF_RDONLY, 0, NVME_SC_ACCESS_DENIED },
	{ "compare with it", nvme_cmd_compare, BUF_RDONLY, 0, 0 },
};

KUNIT_ARRAY_PARAM_DESC(ring_memory, ring_memories, name);

static void ring_check_memory(struct kunit *test)
{
	const struct ring_memory *m = test->param_value;
	struct usher_sqe sqe = ring_sqe(m->opcode, GRANT_SLBA, 8);
	struct ring_rig *rig = test->priv;
	const struct nvme_command *cmd;
	u16 tag;

	sqe.dptr.buf = cpu_to_le32(m->buf);
	sqe.dptr.offset = cpu_to_le64(m->offset);
	tag = ring_put(rig, sqe);
	KUNIT_EXPECT_EQ(test, ring_enter(rig, 1), 1);
	cmd = ring_device_takes(rig);
	if (m->status) {
		KUNIT_EXPECT_NULL(test, cmd);
		ring_expect_refused(test, rig, tag, m->status);
		return;
	}
	KUNIT_ASSERT_NOT_NULL(test, cmd);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(cmd->common.dptr.prp1),
			ring_page_dma(m->offset / SZ_4K) + m->offset % SZ_4K);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(cmd->common.dptr.prp2),
			m->offset % SZ_4K ? ring_page_dma(m->offset / SZ_4K + 1) : 0);
	ring_device_completes(rig, cmd->common.command_id, 0, 0);
	ring_expect_cqe(test, rig, tag, 0, 0);
}

/* A command holds its buffer until it is done, and no longer. */
static void ring_holds_buffer(struct kunit *test)
{
	struct ring_rig *rig = test->priv;
	struct percpu_ref *ref = &rig->bufs[0].ref;
	u16 cid, tag;

	ring_put(rig, ring_sqe(nvme_cmd_read, GRANT_SLBA, 1));
	/* Refused after its buffer was found, and before */
	ring_put(rig, ring_sqe(nvme_cmd_read, GRANT_SLBA, 64));
	ring_put(rig, ring_sqe(nvme_cmd_read, 0, 1));
	KUNIT_EXPECT_EQ(test, ring_enter(rig, 3), 3);
	cid = ring_device_takes(rig)->common.command_id;

	/* Unregistered: no new command finds it, the old one keeps it. */
	KUNIT_EXPECT_PTR_EQ(test, usher_buf_table_take(&rig->grant->bufs, BUF), &rig->bufs[0]);
	percpu_ref_kill(ref);
	KUNIT_EXPECT_FALSE(test, percpu_ref_is_zero(ref));
	KUNIT_EXPECT_NOT_NULL(test, ring_get(rig));
	KUNIT_EXPECT_NOT_NULL(test, ring_get(rig));
	tag = ring_put(rig, ring_sqe(nvme_cmd_read, GRANT_SLBA, 1));
	KUNIT_EXPECT_EQ(test, ring_enter(rig, 1), 1);
	ring_expect_refused(test, rig, tag, NVME_SC_INVALID_FIELD);
	ring_device_completes(rig, cid, 0, 0);
	KUNIT_EXPECT_TRUE(test, percpu_ref_is_zero(ref));
}

/* ---- ranges in memory --------------------------------------------------- */

static struct nvme_dsm_range *ring_ranges(struct ring_rig *rig)
{
	return page_address(rig->pages[0]);
}

static struct usher_sqe ring_dsm_sqe(void)
{
	return (struct usher_sqe) {
		.opcode = nvme_cmd_dsm,
		.nsid = cpu_to_le32(RIG_NSID),
		.dptr = { .length = cpu_to_le32(16), .buf = cpu_to_le32(BUF) },
		.cdw11 = cpu_to_le32(NVME_DSMGMT_AD),
	};
}

static struct usher_cmd_page *ring_aux(struct ring_rig *rig, const struct nvme_command *cmd)
{
	u64 prp1 = le64_to_cpu(cmd->common.dptr.prp1);
	u32 i;

	for (i = 0; i < rig->qp->nr_cmd_pages; i++)
		if (rig->qp->cmd_pages[i].dma == prp1)
			return &rig->qp->cmd_pages[i];
	return NULL;
}

/* The device reads what was checked, whatever the process does afterwards. */
static void ring_snapshot(struct kunit *test)
{
	struct ring_rig *rig = test->priv;
	struct nvme_dsm_range *range = ring_ranges(rig);
	const struct nvme_command *cmd;
	const struct nvme_dsm_range *seen;
	struct usher_cmd_page *page;
	u16 tag;

	range->slba = cpu_to_le64(GRANT_SLBA);
	range->nlb = cpu_to_le32(GRANT_NLB);
	tag = ring_put(rig, ring_dsm_sqe());
	KUNIT_EXPECT_EQ(test, ring_enter(rig, 1), 1);
	range->slba = 0;
	cmd = ring_device_takes(rig);
	KUNIT_ASSERT_NOT_NULL(test, cmd);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(cmd->common.dptr.prp2), 0);
	page = ring_aux(rig, cmd);
	KUNIT_ASSERT_NOT_NULL(test, page);
	seen = page->virt;
	KUNIT_EXPECT_EQ(test, le64_to_cpu(seen->slba), GRANT_SLBA);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(seen->nlb), GRANT_NLB);
	ring_device_completes(rig, cmd->common.command_id, 0, 0);
	ring_expect_cqe(test, rig, tag, 0, 0);

	/* The pages of refused ones come back. */
	while (rig->ring.refused < 3 * USHER_CMD_PAGES) {
		tag = ring_put(rig, ring_dsm_sqe());
		KUNIT_EXPECT_EQ(test, ring_enter(rig, 1), 1);
		ring_expect_refused(test, rig, tag, NVME_SC_LBA_RANGE);
	}
	KUNIT_EXPECT_EQ(test, bitmap_weight(rig->qp->cmd_pages_free, USHER_CMD_PAGES),
			USHER_CMD_PAGES);
}

/* No page for a snapshot is no slot now: the ring waits, and keeps its order. */
static void ring_snapshots_wait(struct kunit *test)
{
	struct ring_rig *rig = test->priv;
	struct nvme_dsm_range *range = ring_ranges(rig);
	const struct nvme_command *cmd;
	u16 cids[USHER_CMD_PAGES];
	u32 i;

	range->slba = cpu_to_le64(GRANT_SLBA);
	range->nlb = cpu_to_le32(1);
	for (i = 0; i <= USHER_CMD_PAGES; i++)
		ring_put(rig, ring_dsm_sqe());
	ring_put(rig, ring_sqe(nvme_cmd_flush, 0, 0));
	KUNIT_EXPECT_EQ(test, ring_enter(rig, 6), USHER_CMD_PAGES);
	for (i = 0; i < USHER_CMD_PAGES; i++) {
		cmd = ring_device_takes(rig);
		KUNIT_ASSERT_NOT_NULL(test, cmd);
		cids[i] = cmd->common.command_id;
	}
	KUNIT_EXPECT_NULL(test, ring_device_takes(rig));
	KUNIT_EXPECT_FALSE(test, list_empty(&rig->ring.client.waiting));

	ring_device_completes(rig, cids[1], 0, 0);
	usher_qpair_run_turns(rig->qp);
	cmd = ring_device_takes(rig);
	KUNIT_ASSERT_NOT_NULL(test, cmd);
	KUNIT_EXPECT_EQ(test, cmd->common.opcode, nvme_cmd_dsm);
	cids[1] = cmd->common.command_id;
	cmd = ring_device_takes(rig);
	KUNIT_ASSERT_NOT_NULL(test, cmd);
	KUNIT_EXPECT_EQ(test, cmd->common.opcode, nvme_cmd_flush);

	/* Waiting has left nothing behind. */
	for (i = 0; i < USHER_CMD_PAGES; i++)
		ring_device_completes(rig, cids[i], 0, 0);
	KUNIT_EXPECT_EQ(test, bitmap_weight(rig->qp->cmd_pages_free, USHER_CMD_PAGES),
			USHER_CMD_PAGES);
	percpu_ref_kill(&rig->bufs[BUF - 1].ref);
	KUNIT_EXPECT_TRUE(test, percpu_ref_is_zero(&rig->bufs[BUF - 1].ref));
}

/* ---- blocks in flight --------------------------------------------------- */

static struct usher_sqe ring_no_data_sqe(u8 opcode, u32 nlb)
{
	struct usher_sqe sqe = ring_sqe(opcode, GRANT_SLBA, nlb);

	memset(&sqe.dptr, 0, sizeof(sqe.dptr));
	return sqe;
}

/* As if other rings of the tenant had so many in flight */
static void ring_others_take(struct ring_rig *rig, u32 blocks)
{
	struct usher_client other = { .short_of = LIST_HEAD_INIT(other.short_of) };

	spin_lock_irq(&rig->qp->lock);
	usher_budget_take(rig->ring.client.budget, &other, blocks);
	spin_unlock_irq(&rig->qp->lock);
}

/* Whom the budget let go has its turn. */
static void ring_flush(struct ring_rig *rig)
{
	flush_work(&rig->ring.client.budget->wake_work);
	flush_work(&rig->qp->work);
}

static void ring_others_put(struct ring_rig *rig, u32 blocks)
{
	spin_lock_irq(&rig->qp->lock);
	usher_budget_put(rig->ring.client.budget, blocks);
	spin_unlock_irq(&rig->qp->lock);
	ring_flush(rig);
}

static u16 ring_device_gets(struct kunit *test, struct ring_rig *rig, u8 opcode)
{
	const struct nvme_command *cmd = ring_device_takes(rig);

	KUNIT_ASSERT_NOT_NULL(test, cmd);
	KUNIT_EXPECT_EQ(test, cmd->common.opcode, opcode);
	return cmd->common.command_id;
}

/* What is above the budget waits in its ring, in order, and bars nobody else. */
static void ring_blocks_wait(struct kunit *test)
{
	static const u8 opcodes[] = {
		nvme_cmd_verify, nvme_cmd_write_zeroes, nvme_cmd_write_uncor, nvme_cmd_dsm
	};
	struct ring_rig *rig = test->priv;
	struct usher_budget *budget = rig->ring.client.budget;
	struct nvme_dsm_range *range = ring_ranges(rig);
	u16 cids[3];
	u32 i;

	range->slba = cpu_to_le64(GRANT_SLBA);
	range->nlb = cpu_to_le32(GRANT_NLB);
	for (i = 0; i < ARRAY_SIZE(opcodes); i++) {
		struct usher_sqe sqe = opcodes[i] == nvme_cmd_dsm ? ring_dsm_sqe() :
				       ring_no_data_sqe(opcodes[i], GRANT_NLB);

		ring_others_take(rig, USHER_BUDGET_BLOCKS - GRANT_NLB);
		ring_put(rig, sqe);
		ring_put(rig, sqe);
		ring_put(rig, ring_sqe(nvme_cmd_flush, 0, 0));
		KUNIT_EXPECT_EQ(test, ring_enter(rig, 3), 1);
		cids[0] = ring_device_gets(test, rig, opcodes[i]);
		KUNIT_EXPECT_NULL(test, ring_device_takes(rig));
		KUNIT_EXPECT_EQ(test, budget->used, USHER_BUDGET_BLOCKS);
		KUNIT_EXPECT_EQ(test, rig->ring.client.state, USHER_CLIENT_BLOCKED);
		KUNIT_EXPECT_TRUE(test, list_empty(&rig->qp->clients.waiters));

		/* Not yet half of it */
		ring_others_put(rig, USHER_BUDGET_BLOCKS / 2 - 1);
		KUNIT_EXPECT_NULL(test, ring_device_takes(rig));
		ring_others_put(rig, USHER_BUDGET_BLOCKS / 2 + 1 - GRANT_NLB);
		cids[1] = ring_device_gets(test, rig, opcodes[i]);
		cids[2] = ring_device_gets(test, rig, nvme_cmd_flush);
		KUNIT_EXPECT_EQ(test, budget->used, 2 * GRANT_NLB);
		ring_device_completes(rig, cids[0], 0, 0);
		ring_device_completes(rig, cids[1], 0, 0);
		ring_device_completes(rig, cids[2], 0, 0);
		KUNIT_EXPECT_EQ(test, budget->used, 0);
		KUNIT_EXPECT_EQ(test, rig->qp->nr_free, DEPTH - 1);
		while (ring_get(rig))
			;
	}
	KUNIT_EXPECT_EQ(test, bitmap_weight(rig->qp->cmd_pages_free, USHER_CMD_PAGES),
			USHER_CMD_PAGES);
}

/* Reads take nothing of it; what a stop completes comes back. */
static void ring_blocks_come_back(struct kunit *test)
{
	struct ring_rig *rig = test->priv;
	struct usher_budget *budget = rig->ring.client.budget;

	ring_others_take(rig, USHER_BUDGET_BLOCKS);
	ring_put(rig, ring_sqe(nvme_cmd_read, GRANT_SLBA, 8));
	KUNIT_EXPECT_EQ(test, ring_enter(rig, 1), 1);
	ring_put(rig, ring_no_data_sqe(nvme_cmd_verify, 8));
	KUNIT_EXPECT_EQ(test, ring_enter(rig, 1), -EAGAIN);
	ring_others_put(rig, USHER_BUDGET_BLOCKS);
	KUNIT_EXPECT_EQ(test, budget->used, 8);
	usher_qpair_stop(rig->qp, USHER_DMA_DISABLED);
	KUNIT_EXPECT_EQ(test, budget->used, 0);
}

/* A ring that is closed while it waits is let go by nobody. */
static void ring_blocks_closed(struct kunit *test)
{
	struct ring_rig *rig = test->priv;
	struct usher_budget *budget = rig->ring.client.budget;

	ring_others_take(rig, USHER_BUDGET_BLOCKS);
	ring_put(rig, ring_no_data_sqe(nvme_cmd_verify, 8));
	KUNIT_EXPECT_EQ(test, ring_enter(rig, 1), -EAGAIN);
	KUNIT_EXPECT_FALSE(test, list_empty(&budget->waiters));
	KUNIT_EXPECT_TRUE(test, usher_qpair_close(rig->qp, &rig->ring.client));
	KUNIT_EXPECT_TRUE(test, list_empty(&budget->waiters));
	KUNIT_EXPECT_TRUE(test, list_empty(&rig->qp->clients.blocked));
	ring_others_put(rig, USHER_BUDGET_BLOCKS);
	KUNIT_EXPECT_NULL(test, ring_device_takes(rig));
}

/* A large command is not kept out by small ones that come after it. */
static void ring_blocks_large_command(struct kunit *test)
{
	struct ring_rig *rig = test->priv;
	struct usher_budget *budget = rig->ring.client.budget;
	struct usher_client large = {
		.short_of = LIST_HEAD_INIT(large.short_of),
		.turns = &rig->qp->work,
	};

	ring_others_take(rig, 8);
	spin_lock_irq(&rig->qp->lock);
	KUNIT_EXPECT_FALSE(test, usher_budget_take(budget, &large, USHER_BUDGET_BLOCKS));
	spin_unlock_irq(&rig->qp->lock);
	ring_put(rig, ring_no_data_sqe(nvme_cmd_verify, 8));
	KUNIT_EXPECT_EQ(test, ring_enter(rig, 1), -EAGAIN);
	KUNIT_EXPECT_EQ(test, budget->used, 8);

	/* Its turn comes before that of the ring. */
	spin_lock_irq(&rig->qp->lock);
	usher_budget_put(budget, 8);
	KUNIT_EXPECT_TRUE(test, usher_budget_take(budget, &large, USHER_BUDGET_BLOCKS));
	spin_unlock_irq(&rig->qp->lock);
	ring_flush(rig);
	KUNIT_EXPECT_NULL(test, ring_device_takes(rig));
	ring_others_put(rig, USHER_BUDGET_BLOCKS);
	ring_device_gets(test, rig, nvme_cmd_verify);
}

/* ---- entries that change while they are read ---------------------------- */

/* Entries good and bad, and anything that a torn copy makes of two of them */
static void ring_scribble_one(struct ring_rig *rig, struct rnd_state *rnd)
{
	static const u8 opcodes[] = { nvme_cmd_read, nvme_cmd_write, nvme_cmd_dsm, 0x42 };
	u32 random = prandom_u32_state(rnd);
	struct usher_sqe sqe = ring_sqe(opcodes[random % 4],
					random & BIT(8) ? GRANT_SLBA : 0, random & BIT(9) ? 8 : 1);
	u64 *to = (u64 *)&rig->ring.sq[random >> 16 & (SQ_ENTRIES - 1)];
	u32 i;

	if (random & BIT(10))
		sqe.nsid = cpu_to_le32(RIG_NSID + 1);
	if (random & BIT(11))
		sqe.dptr.offset = cpu_to_le64(4 * SZ_4K);
	for (i = 0; i < sizeof(sqe) / sizeof(u64); i++)
		WRITE_ONCE(to[i], ((const u64 *)&sqe)[i]);
}

static int ring_scribble(void *data)
{
	struct ring_rig *rig = data;
	struct rnd_state rnd;

	prandom_seed_state(&rnd, RING_SEED);
	while (!kthread_should_stop()) {
		ring_scribble_one(rig, &rnd);
		cond_resched();
	}
	return 0;
}

/* Whatever was read, the device got only what is allowed. */
static bool ring_command_allowed(const struct ring_rig *rig, const struct nvme_command *cmd)
{
	u64 slba = le64_to_cpu(cmd->rw.slba), prp1 = le64_to_cpu(cmd->rw.dptr.prp1);
	u32 nlb = le16_to_cpu(cmd->rw.length) + 1;

	if (cmd->rw.flags || le32_to_cpu(cmd->rw.nsid) != RIG_NSID || cmd->rw.metadata)
		return false;
	if (cmd->rw.opcode != nvme_cmd_read && cmd->rw.opcode != nvme_cmd_write)
		return false;
	return slba == GRANT_SLBA && nlb <= 8 && prp1 == ring_page_dma(0) && !cmd->rw.dptr.prp2;
}

static void ring_rewritten_entries(struct kunit *test)
{
	struct ring_rig *rig = test->priv;
	u32 round, passed = 0, refused = 0;
	const struct nvme_command *cmd;
	const struct usher_cqe *cqe;
	struct task_struct *task;

	kunit_info(test, "seed %d\n", RING_SEED);
	task = kthread_run(ring_scribble, rig, "usher-scribble");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	for (round = 0; round < 3000; round++) {
		rig->ring.ctl->sq_tail += SQ_ENTRIES;
		if (ring_enter(rig, SQ_ENTRIES) != SQ_ENTRIES)
			KUNIT_FAIL(test, "round %u: not all were taken", round);
		while ((cmd = ring_device_takes(rig))) {
			if (!ring_command_allowed(rig, cmd))
				KUNIT_FAIL(test, "round %u: %64ph", round, cmd);
			ring_device_completes(rig, cmd->common.command_id, 0, 0);
		}
		while ((cqe = ring_get(rig))) {
			if (cqe->flags)
				refused++;
			else
				passed++;
		}
	}
	kthread_stop(task);
	KUNIT_EXPECT_EQ(test, passed + refused, round * SQ_ENTRIES);
	/* Both kinds were among them. */
	KUNIT_EXPECT_GT(test, passed, 0);
	KUNIT_EXPECT_GT(test, refused, 0);
}

/*
 * A ring's turn comes while its lock is held, as by a thread that is not given a
 * processor: who runs the turns does not wait, and the ring has its turn when the
 * lock is given up.
 */
static void ring_turn_waits_for_no_lock(struct kunit *test)
{
	struct ring_rig *rig = test->priv;
	struct usher_ring *ring = &rig->ring;
	struct usher_qpair *qp = rig->qp;

	usher_qpair_forbid(qp);
	ring_put(rig, ring_sqe(nvme_cmd_flush, 0, 0));
	KUNIT_ASSERT_EQ(test, ring_enter(rig, 1), -EAGAIN);
	KUNIT_ASSERT_EQ(test, ring->client.state, USHER_CLIENT_WAITING);
	usher_qpair_allow(qp);

	mutex_lock(&ring->lock);
	usher_qpair_run_turns(qp);
	KUNIT_EXPECT_EQ(test, ring->client.state, USHER_CLIENT_MISSED);
	KUNIT_EXPECT_NULL(test, ring_device_takes(rig));
	usher_ring_unlock(ring);
	flush_work(&qp->work);
	KUNIT_EXPECT_NOT_NULL(test, ring_device_takes(rig));
	KUNIT_EXPECT_EQ(test, ring->client.state, USHER_CLIENT_NONE);
}

static struct kunit_case ring_cases[] = {
	KUNIT_CASE(ring_sq_index),
	KUNIT_CASE(ring_cq_index),
	KUNIT_CASE_PARAM(ring_enter_index, ring_index_gen_params),
	KUNIT_CASE(ring_round_trips),
	KUNIT_CASE(ring_result),
	KUNIT_CASE(ring_refusals),
	KUNIT_CASE(ring_posted_is_not_shown),
	KUNIT_CASE(ring_asks_for_nothing),
	KUNIT_CASE(ring_completions_have_a_place),
	KUNIT_CASE(ring_dead_grant),
	KUNIT_CASE(ring_dead_grant_ends_waiting),
	KUNIT_CASE(ring_device_gone),
	KUNIT_CASE(ring_closed),
	KUNIT_CASE(ring_turn_waits_for_no_lock),
	KUNIT_CASE_PARAM(ring_check_memory, ring_memory_gen_params),
	KUNIT_CASE(ring_holds_buffer),
	KUNIT_CASE(ring_snapshot),
	KUNIT_CASE(ring_snapshots_wait),
	KUNIT_CASE(ring_blocks_wait),
	KUNIT_CASE(ring_blocks_come_back),
	KUNIT_CASE(ring_blocks_closed),
	KUNIT_CASE(ring_blocks_large_command),
	KUNIT_CASE(ring_rewritten_entries),
	{}
};

static struct kunit_suite ring_suite = {
	.name = "usher-ring",
	.init = ring_init,
	.exit = ring_exit,
	.test_cases = ring_cases,
};

kunit_test_suite(ring_suite);
