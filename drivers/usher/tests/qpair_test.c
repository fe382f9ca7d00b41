// SPDX-License-Identifier: GPL-2.0-only
/*
 * usher: tests of hardware queues without hardware. The registers are RAM, and
 * the tests play the device: they write completion entries, good ones and such
 * as no device should write.
 */
#include <linux/prandom.h>

#include "core/wake.h"
#include "nvme/expire.h"
#include "nvme/inflight.h"
#include "nvme/qpair.h"
#include "nvme/qpair_ops.h"
#include "rig.h"

#define DEPTH		16
#define SLOTS		(DEPTH - 1)
#define QID		3
#define NR_TAGS		1024
#define NR_RINGS	8
#define NR_CMD_PAGES	4

struct qpair_rig;

/**
 * struct rig_ring - stands for a ring
 * @client: its part of the queue
 * @rig: where it belongs
 * @wants: commands it would submit if it had slots
 * @turns: turns it had
 * @flushes: calls of ops->publish()
 * @sleeps: somebody waits for its completions
 * @told: calls of ops->tell()
 * @gets: calls of ops->get() less those given back; -1: the reference that its
 *	commands in flight are was put, too
 */
struct rig_ring {
	struct usher_client client;
	struct qpair_rig *rig;
	u32 wants;
	u32 turns;
	u32 flushes;
	bool sleeps;
	u32 told;
	int gets;
};

/**
 * struct qpair_rig - a queue pair and what became of its commands
 * @dev: its device
 * @qp: under test
 * @rings: some rings
 * @done: how often the command of each tag completed
 * @flags: with which flags
 * @status: with which status
 * @result: with which result
 * @next_tag: for the next command
 * @tail: where the device writes next in the completion queue
 * @phase: with which phase
 * @endless: each completion brings another command, which is done at once
 * @handed_over: how often something was left to the work item
 */
struct qpair_rig {
	struct usher_rig dev;
	struct usher_qpair *qp;
	struct rig_ring rings[NR_RINGS];
	u32 done[NR_TAGS];
	u16 flags[NR_TAGS];
	u16 status[NR_TAGS];
	u64 result[NR_TAGS];
	u16 next_tag;
	u16 tail;
	u8 phase;
	bool endless;
	u32 handed_over;
};

static struct qpair_rig *to_qpair_rig(struct usher_qpair *qp)
{
	return container_of(to_usher_rig(qp->ctrl->ud), struct qpair_rig, dev);
}

/* ---- the owner of the commands ------------------------------------------ */

static void rig_device_writes(struct qpair_rig *rig, u16 cid, u16 status, u64 result)
{
	struct nvme_completion *cqe = &rig->qp->cq[rig->tail];

	cqe->result.u64 = cpu_to_le64(result);
	cqe->command_id = cid;
	cqe->status = cpu_to_le16(status << 1 | rig->phase);
	if (++rig->tail == rig->qp->depth) {
		rig->tail = 0;
		rig->phase ^= 1;
	}
}

/* A slot was reserved; the queue's lock is held. */
static u16 rig_issue(struct qpair_rig *rig, struct rig_ring *ring)
{
	struct usher_slot *slot = usher_slot_take(rig->qp);

	slot->client = &ring->client;
	slot->mem = NULL;
	slot->cmd_page = -1;
	slot->deadline = 0;
	slot->tag = cpu_to_le16(rig->next_tag);
	*usher_slot_command(rig->qp) = (struct nvme_command) {
		.rw.opcode = nvme_cmd_read,
		.rw.command_id = slot->cid,
		.rw.slba = cpu_to_le64(rig->next_tag++),
	};
	usher_slot_submit(rig->qp);
	return slot->cid;
}

static void rig_complete(struct usher_qpair *qp, struct usher_slot *slot,
			 __le64 result, __le16 status, u16 flags)
{
	struct qpair_rig *rig = to_qpair_rig(qp);
	u16 tag = le16_to_cpu(slot->tag);

	rig->done[tag]++;
	rig->flags[tag] = flags;
	rig->status[tag] = le16_to_cpu(status);
	rig->result[tag] = le64_to_cpu(result);
	if (slot->client)
		usher_qpair_completed(qp, slot->client);
	if (rig->endless) {
		slot->client->held++;
		rig_device_writes(rig, rig_issue(rig, &rig->rings[0]), 0, 0);
	}
}

static bool rig_publish(struct usher_client *client)
{
	struct rig_ring *ring = container_of(client, struct rig_ring, client);

	ring->flushes++;
	return ring->sleeps;
}

static void rig_tell(struct usher_client *client, u32 most)
{
	struct rig_ring *ring = container_of(client, struct rig_ring, client);

	ring->told++;
	ring->gets--;
}

static void rig_put(struct usher_client *client)
{
	container_of(client, struct rig_ring, client)->gets--;
}

static void rig_get(struct usher_client *client)
{
	container_of(client, struct rig_ring, client)->gets++;
}

static u32 rig_reserve(struct usher_qpair *qp, struct usher_client *client, u32 want,
		       enum usher_claim claim)
{
	u32 n;

	spin_lock_irq(&qp->lock);
	n = usher_qpair_reserve(qp, client, want, claim);
	spin_unlock_irq(&qp->lock);
	return n;
}

static void rig_wait(struct usher_qpair *qp, struct usher_client *client)
{
	spin_lock_irq(&qp->lock);
	usher_client_wait(&qp->clients, client);
	spin_unlock_irq(&qp->lock);
}

static void rig_end_turn(struct usher_qpair *qp, struct usher_client *client, bool wants_more)
{
	spin_lock_irq(&qp->lock);
	usher_client_end_turn(&qp->clients, client, wants_more);
	spin_unlock_irq(&qp->lock);
}

static u32 rig_take_turn(struct usher_client *client, u32 budget)
{
	struct rig_ring *ring = container_of(client, struct rig_ring, client);
	struct usher_qpair *qp = ring->rig->qp;
	u32 taken = 0, n, i;

	ring->gets--;
	ring->turns++;
	while (ring->wants && taken < budget) {
		n = rig_reserve(qp, client, min(ring->wants, budget - taken), USHER_IN_TURN);
		if (!n)
			break;
		spin_lock_irq(&qp->lock);
		for (i = 0; i < n; i++)
			rig_issue(ring->rig, ring);
		spin_unlock_irq(&qp->lock);
		ring->wants -= n;
		taken += n;
	}
	rig_end_turn(qp, client, ring->wants && taken == budget);
	return taken;
}

static void rig_fault(struct usher_qpair *qp, const char *why)
{
	usher_dev_fault(qp->ctrl->ud, why);
}

static void rig_lost(struct usher_slot *slot)
{
	usher_buffer_lose(container_of(slot->mem, struct usher_buffer, ref));
}

static void rig_work(struct work_struct *work)
{
	struct usher_qpair *qp = container_of(work, struct usher_qpair, work);

	to_qpair_rig(qp)->handed_over++;
}

static const struct usher_qpair_ops rig_ops = {
	.complete = rig_complete,
	.publish = rig_publish,
	.tell = rig_tell,
	.take_turn = rig_take_turn,
	.get = rig_get,
	.put = rig_put,
	.fault = rig_fault,
	.lost = rig_lost,
};

/* ---- the rig ------------------------------------------------------------ */

static void qpair_exit(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;

	if (!rig)
		return;
	if (rig->qp) {
		usher_qpair_free_dma(rig->qp);
		usher_qpair_free(rig->qp);
	}
	usher_rig_exit(test, &rig->dev);
}

static int qpair_init(struct kunit *test)
{
	struct qpair_rig *rig = kunit_kzalloc(test, sizeof(*rig), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, rig);
	test->priv = rig;
	usher_rig_init(test, &rig->dev, "usher-qpair");
	rig->qp = usher_qpair_alloc(&rig->dev.ctrl, QID, DEPTH, NR_CMD_PAGES, &rig_ops,
				    rig_work);
	KUNIT_ASSERT_NOT_NULL(test, rig->qp);
	rig->qp->stopped = false;
	rig->phase = 1;
	for (i = 0; i < NR_RINGS; i++) {
		rig->rings[i].rig = rig;
		usher_client_init(&rig->rings[i].client);
	}
	return 0;
}

static u32 rig_sq_doorbell(struct qpair_rig *rig)
{
	return readl(rig->qp->sq_db);
}

static u32 rig_cq_doorbell(struct qpair_rig *rig)
{
	return readl(rig->qp->cq_db);
}

static void rig_join(struct kunit *test, struct qpair_rig *rig, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		KUNIT_ASSERT_EQ(test, usher_qpair_join(rig->qp, &rig->rings[i].client), 0);
}

/* One command; its CID */
static u16 rig_submit(struct kunit *test, struct qpair_rig *rig, struct rig_ring *ring)
{
	u16 cid;

	KUNIT_ASSERT_EQ(test, rig_reserve(rig->qp, &ring->client, 1, USHER_OUT_OF_TURN), 1);
	spin_lock_irq(&rig->qp->lock);
	cid = rig_issue(rig, ring);
	usher_qpair_doorbell(rig->qp);
	spin_unlock_irq(&rig->qp->lock);
	return cid;
}

static u32 rig_reap(struct qpair_rig *rig)
{
	u32 n;

	spin_lock_irq(&rig->qp->lock);
	n = usher_qpair_reap(rig->qp);
	spin_unlock_irq(&rig->qp->lock);
	usher_qpair_tell(rig->qp);
	return n;
}

static struct usher_slot *rig_lookup(struct qpair_rig *rig, u16 cid)
{
	struct usher_slot *slot;
	bool found;

	spin_lock_irq(&rig->qp->lock);
	found = usher_slot_lookup(rig->qp, cid, &slot);
	spin_unlock_irq(&rig->qp->lock);
	return found ? slot : NULL;
}

/* ---- slots and generations ---------------------------------------------- */

static void qpair_slots(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	struct usher_qpair *qp = rig->qp;
	u16 cids[SLOTS];
	u32 i, j;

	rig_join(test, rig, 1);
	KUNIT_EXPECT_EQ(test, rig_reserve(qp, &rig->rings[0].client, 100, USHER_OUT_OF_TURN),
			SLOTS);
	spin_lock_irq(&qp->lock);
	for (i = 0; i < SLOTS; i++)
		cids[i] = rig_issue(rig, &rig->rings[0]);
	KUNIT_EXPECT_EQ(test, qp->nr_free, 0);
	spin_unlock_irq(&qp->lock);

	for (i = 0; i < SLOTS; i++) {
		KUNIT_EXPECT_NOT_NULL(test, rig_lookup(rig, cids[i]));
		KUNIT_EXPECT_NE(test, cids[i], 0xffff);
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_NE(test, cids[i], cids[j]);
	}
}

/* No CID but those in flight leads to a slot. */
static void qpair_every_cid(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	u16 in_flight[3];
	u32 cid, i;

	rig_join(test, rig, 1);
	for (i = 0; i < ARRAY_SIZE(in_flight); i++)
		in_flight[i] = rig_submit(test, rig, &rig->rings[0]);
	for (cid = 0; cid <= U16_MAX; cid++) {
		struct usher_slot *slot = rig_lookup(rig, cid);
		bool found = false;

		for (i = 0; i < ARRAY_SIZE(in_flight); i++)
			found |= in_flight[i] == cid;
		if (found != !!slot)
			KUNIT_FAIL(test, "CID %04x: %s", cid, slot ? "a slot" : "none");
		if (slot && slot->cid != cid)
			KUNIT_FAIL(test, "CID %04x: another's slot", cid);
	}
}

/* The largest queue: no CID is FFFFh, which some devices take for none. */
static void qpair_largest(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	struct usher_slot *slot;
	u32 i;

	usher_qpair_free_dma(rig->qp);
	usher_qpair_free(rig->qp);
	rig->qp = usher_qpair_alloc(&rig->dev.ctrl, QID, USHER_MAX_DEPTH, 0, &rig_ops,
				    rig_work);
	KUNIT_ASSERT_NOT_NULL(test, rig->qp);
	slot = &rig->qp->slots[USHER_MAX_DEPTH - 2];
	slot->busy = true;
	for (i = 0; i < BIT(16 - USHER_SLOT_BITS); i++) {
		u16 cid = slot->cid;

		KUNIT_EXPECT_NE(test, cid, 0xffff);
		KUNIT_EXPECT_PTR_EQ(test, rig_lookup(rig, cid), slot);
		KUNIT_EXPECT_NULL(test, rig_lookup(rig, cid + 1));
		slot->cid += BIT(USHER_SLOT_BITS);
	}
	KUNIT_EXPECT_EQ(test, slot->cid, USHER_MAX_DEPTH - 2);
	KUNIT_EXPECT_NULL(test, rig_lookup(rig, 0xffff));
	slot->busy = false;
}

/* One slot over and over: each use has a CID of its own, as long as it can. */
static void qpair_generations(struct kunit *test)
{
	const u32 generations = BIT(16 - USHER_SLOT_BITS);
	struct qpair_rig *rig = test->priv;
	u16 first = 0, last = 0;
	u32 i;

	rig_join(test, rig, 1);
	for (i = 0; i <= generations; i++) {
		u16 cid = rig_submit(test, rig, &rig->rings[0]);

		if (!i)
			first = cid;
		else
			KUNIT_EXPECT_NULL(test, rig_lookup(rig, last));
		KUNIT_EXPECT_EQ(test, cid == first, i % generations == 0);
		last = cid;
		rig_device_writes(rig, cid, 0, 0);
		KUNIT_EXPECT_EQ(test, rig_reap(rig), 1);
		KUNIT_EXPECT_EQ(test, rig->done[i], 1);
		KUNIT_EXPECT_NULL(test, rig_lookup(rig, cid));
	}
}

/* ---- submission --------------------------------------------------------- */

static void qpair_sq_wraps(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	u32 i;

	rig_join(test, rig, 1);
	for (i = 0; i < 5 * DEPTH; i++) {
		u16 cid = rig_submit(test, rig, &rig->rings[0]);
		struct nvme_command *cmd = &rig->qp->sq[i % DEPTH];

		KUNIT_EXPECT_EQ(test, cmd->rw.command_id, cid);
		KUNIT_EXPECT_EQ(test, le64_to_cpu(cmd->rw.slba), i);
		KUNIT_EXPECT_EQ(test, rig_sq_doorbell(rig), (i + 1) % DEPTH);
		rig_device_writes(rig, cid, 0, 0);
		KUNIT_EXPECT_EQ(test, rig_reap(rig), 1);
	}
}

static void qpair_doorbell_once_per_batch(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	struct usher_qpair *qp = rig->qp;
	u32 i;

	rig_join(test, rig, 1);
	writel(0xdead, qp->sq_db);
	KUNIT_ASSERT_EQ(test, rig_reserve(qp, &rig->rings[0].client, 4, USHER_OUT_OF_TURN), 4);
	spin_lock_irq(&qp->lock);
	usher_qpair_doorbell(qp);
	for (i = 0; i < 4; i++)
		rig_issue(rig, &rig->rings[0]);
	spin_unlock_irq(&qp->lock);
	/* Nothing to tell, then nothing told yet */
	KUNIT_EXPECT_EQ(test, rig_sq_doorbell(rig), 0xdead);
	spin_lock_irq(&qp->lock);
	usher_qpair_doorbell(qp);
	spin_unlock_irq(&qp->lock);
	KUNIT_EXPECT_EQ(test, rig_sq_doorbell(rig), 4);
}

/* With shadow doorbells the register is written when the device asked for it. */
static void qpair_shadow_doorbells(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	struct usher_qpair *qp = rig->qp;
	__le32 *shadow = kunit_kcalloc(test, 4, sizeof(*shadow), GFP_KERNEL);
	u32 event, i;

	KUNIT_ASSERT_NOT_NULL(test, shadow);
	rig_join(test, rig, 1);
	qp->db = (struct usher_shadow) { shadow, shadow + 1, shadow + 2, shadow + 3 };
	for (event = 0; event < DEPTH; event++) {
		shadow[1] = cpu_to_le32(event);
		for (i = 0; i < DEPTH; i++) {
			u32 before = qp->sq_tail;
			u16 cid;

			writel(0xdead, qp->sq_db);
			cid = rig_submit(test, rig, &rig->rings[0]);
			/* Asked: when the tail goes past the event index */
			KUNIT_EXPECT_EQ(test, rig_sq_doorbell(rig),
					before == event ? (before + 1) % DEPTH : 0xdead);
			KUNIT_EXPECT_EQ(test, le32_to_cpu(shadow[0]), (before + 1) % DEPTH);
			rig_device_writes(rig, cid, 0, 0);
			KUNIT_EXPECT_EQ(test, rig_reap(rig), 1);
			KUNIT_EXPECT_EQ(test, le32_to_cpu(shadow[2]), qp->cq_head);
		}
	}
}

/* ---- completion --------------------------------------------------------- */

static void qpair_phase_wraps(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	u32 round, i, tag = 0;
	u16 cids[SLOTS];

	rig_join(test, rig, 1);
	/* Batches of all lengths, so that each ends at another place */
	for (round = 0; round < 4 * SLOTS; round++) {
		u32 n = round % SLOTS + 1;

		KUNIT_EXPECT_EQ(test, rig_reap(rig), 0);
		for (i = 0; i < n; i++)
			cids[i] = rig_submit(test, rig, &rig->rings[0]);
		/* In another order than they came */
		for (i = n; i; i--)
			rig_device_writes(rig, cids[i - 1], 0, i);
		KUNIT_EXPECT_EQ(test, rig_reap(rig), n);
		KUNIT_EXPECT_EQ(test, rig_cq_doorbell(rig), rig->tail);
		for (i = 0; i < n; i++, tag++) {
			KUNIT_EXPECT_EQ(test, rig->done[tag], 1);
			KUNIT_EXPECT_EQ(test, rig->result[tag], i + 1);
			KUNIT_EXPECT_EQ(test, rig->flags[tag], 0);
		}
	}
	KUNIT_EXPECT_EQ(test, rig->qp->nr_free, SLOTS);
	KUNIT_EXPECT_EQ(test, rig->rings[0].flushes, round);
}

static void qpair_nothing_new(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;

	rig_join(test, rig, 1);
	rig_submit(test, rig, &rig->rings[0]);
	writel(0xdead, rig->qp->cq_db);
	KUNIT_EXPECT_EQ(test, rig_reap(rig), 0);
	KUNIT_EXPECT_EQ(test, rig_cq_doorbell(rig), 0xdead);
	KUNIT_EXPECT_EQ(test, rig->done[0], 0);
	KUNIT_EXPECT_EQ(test, rig->rings[0].flushes, 0);
}

static void qpair_status_and_result(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	u32 i;

	rig_join(test, rig, 1);
	for (i = 0; i < 15; i++) {
		u16 cid = rig_submit(test, rig, &rig->rings[0]);

		rig_device_writes(rig, cid, BIT(i), 0x0123456789abcdefULL << i);
		KUNIT_EXPECT_EQ(test, rig_reap(rig), 1);
		/* As on the wire, without the phase */
		KUNIT_EXPECT_EQ(test, rig->status[i], BIT(i) << 1);
		KUNIT_EXPECT_EQ(test, rig->result[i], 0x0123456789abcdefULL << i);
	}
}

/* However fast the device is, one pass ends. */
static void qpair_reap_is_bounded(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	u16 cid;

	rig_join(test, rig, 1);
	cid = rig_submit(test, rig, &rig->rings[0]);
	rig->endless = true;
	rig_device_writes(rig, cid, 0, 0);
	/* The ring counts as one, too. */
	KUNIT_EXPECT_EQ(test, rig_reap(rig), DEPTH - 1);
	rig->endless = false;
	KUNIT_EXPECT_EQ(test, rig_reap(rig), 1);
	KUNIT_EXPECT_EQ(test, rig->qp->nr_free, SLOTS);
}

/* ---- completions that no device should write ---------------------------- */

struct qpair_bogus {
	const char *name;
	bool of_flight;		/* @cid is taken with a CID in flight by xor */
	u16 cid;
};

static const struct qpair_bogus qpair_bogus_cids[] = {
	{ "slot beyond the last", false, SLOTS },
	{ "slot far beyond", false, USHER_MAX_SLOTS },
	{ "all ones", false, 0xffff },
	{ "all ones but the slot", false, 0xfc00 },
	{ "free slot", false, 5 },
	{ "next generation", true, BIT(USHER_SLOT_BITS) },
	{ "last generation bit", true, BIT(15) },
	{ "slot of another", true, 1 },
	{ "high slot bit", true, BIT(USHER_SLOT_BITS - 1) },
};

KUNIT_ARRAY_PARAM_DESC(qpair_bogus, qpair_bogus_cids, name);

static void qpair_bogus_cid(struct kunit *test)
{
	const struct qpair_bogus *p = test->param_value;
	struct qpair_rig *rig = test->priv;
	u16 cid;

	rig_join(test, rig, 1);
	cid = rig_submit(test, rig, &rig->rings[0]);
	rig_device_writes(rig, p->of_flight ? cid ^ p->cid : p->cid, 0, 0);
	/* It is taken off the queue, and nothing else happens. */
	KUNIT_EXPECT_EQ(test, rig_reap(rig), 1);
	KUNIT_EXPECT_EQ(test, rig->done[0], 0);
	KUNIT_EXPECT_EQ(test, rig->qp->nr_free, SLOTS - 1);
	KUNIT_EXPECT_EQ(test, rig_cq_doorbell(rig), rig->tail);

	rig_device_writes(rig, cid, 0, 0);
	KUNIT_EXPECT_EQ(test, rig_reap(rig), 1);
	KUNIT_EXPECT_EQ(test, rig->done[0], 1);
	KUNIT_EXPECT_EQ(test, rig->qp->nr_free, SLOTS);
	flush_work(&rig->dev.reset_work);
	KUNIT_EXPECT_EQ(test, rig->dev.faults, 0);
}

static void qpair_duplicates(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	u16 cid, next;

	rig_join(test, rig, 1);
	/* In one pass */
	cid = rig_submit(test, rig, &rig->rings[0]);
	rig_device_writes(rig, cid, 0, 0);
	rig_device_writes(rig, cid, 0, 0);
	KUNIT_EXPECT_EQ(test, rig_reap(rig), 2);
	KUNIT_EXPECT_EQ(test, rig->done[0], 1);
	/* Late */
	rig_device_writes(rig, cid, 0, 0);
	KUNIT_EXPECT_EQ(test, rig_reap(rig), 1);
	KUNIT_EXPECT_EQ(test, rig->done[0], 1);
	/* When the slot has its next command */
	next = rig_submit(test, rig, &rig->rings[0]);
	KUNIT_EXPECT_EQ(test, next & (BIT(USHER_SLOT_BITS) - 1),
			cid & (BIT(USHER_SLOT_BITS) - 1));
	rig_device_writes(rig, cid, 0, 0);
	KUNIT_EXPECT_EQ(test, rig_reap(rig), 1);
	KUNIT_EXPECT_EQ(test, rig->done[1], 0);
	rig_device_writes(rig, next, 0, 0);
	KUNIT_EXPECT_EQ(test, rig_reap(rig), 1);
	KUNIT_EXPECT_EQ(test, rig->done[1], 1);
	KUNIT_EXPECT_EQ(test, rig->qp->nr_free, SLOTS);
	KUNIT_EXPECT_EQ(test, rig->rings[0].client.held, 0);
}

/* A run of impossible completions is a fault; one good one ends the run. */
static void qpair_bogus_run(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	u16 cid;
	u32 i;

	rig_join(test, rig, 1);
	cid = rig_submit(test, rig, &rig->rings[0]);
	for (i = 0; i < 7; i++)
		rig_device_writes(rig, 0xffff, 0, 0);
	rig_device_writes(rig, cid, 0, 0);
	KUNIT_EXPECT_EQ(test, rig_reap(rig), 8);
	for (i = 0; i < 7; i++)
		rig_device_writes(rig, 0xffff, 0, 0);
	KUNIT_EXPECT_EQ(test, rig_reap(rig), 7);
	flush_work(&rig->dev.reset_work);
	KUNIT_EXPECT_EQ(test, rig->dev.faults, 0);

	rig_device_writes(rig, 0xffff, 0, 0);
	KUNIT_EXPECT_EQ(test, rig_reap(rig), 1);
	flush_work(&rig->dev.reset_work);
	KUNIT_EXPECT_EQ(test, rig->dev.faults, 1);
}

/* Random steps of both sides: each accepted command completes once. */
static void qpair_exactly_once(struct kunit *test)
{
	const u64 seed = 0x71706169;
	struct qpair_rig *rig = test->priv;
	u16 *cids = kunit_kcalloc(test, NR_TAGS, sizeof(*cids), GFP_KERNEL);
	u16 flight[SLOTS];
	u32 n = 0, i, step;
	struct rnd_state rnd;

	KUNIT_ASSERT_NOT_NULL(test, cids);
	kunit_info(test, "seed %llx", seed);
	prandom_seed_state(&rnd, seed);
	rig_join(test, rig, 1);
	for (step = 0; rig->next_tag < NR_TAGS && step < 100 * NR_TAGS; step++) {
		u32 back = 1 + prandom_u32_state(&rnd) % 40;

		switch (prandom_u32_state(&rnd) % 4) {
		case 0:
		case 1:
			if (!rig->qp->nr_free || n == SLOTS)
				break;
			cids[rig->next_tag] = rig_submit(test, rig, &rig->rings[0]);
			flight[n++] = rig->next_tag - 1;
			break;
		case 2:
			if (!n)
				break;
			i = prandom_u32_state(&rnd) % n;
			rig_device_writes(rig, cids[flight[i]], 0, flight[i]);
			flight[i] = flight[--n];
			break;
		default:
			/* Once more for one that is done, not many uses of its slot ago */
			if (back <= rig->next_tag && rig->done[rig->next_tag - back])
				rig_device_writes(rig, cids[rig->next_tag - back], 0, U64_MAX);
			break;
		}
		if (step % 4 == 3)
			rig_reap(rig);
	}
	KUNIT_ASSERT_EQ(test, rig->next_tag, NR_TAGS);
	rig_reap(rig);
	while (n) {
		n--;
		rig_device_writes(rig, cids[flight[n]], 0, flight[n]);
		rig_reap(rig);
	}
	for (i = 0; i < NR_TAGS; i++) {
		KUNIT_EXPECT_EQ_MSG(test, rig->done[i], 1, "command %u", i);
		KUNIT_EXPECT_EQ_MSG(test, rig->result[i], i, "command %u", i);
	}
	KUNIT_EXPECT_EQ(test, rig->qp->nr_free, SLOTS);
}

/* ---- stopping ----------------------------------------------------------- */

static void rig_count_release(struct percpu_ref *ref)
{
	container_of(ref, struct usher_buffer, ref)->length++;
}

/* A buffer of which only the reference is real; @length counts its releases. */
static struct usher_buffer *rig_buffer(struct kunit *test)
{
	struct usher_buffer *buf = kunit_kzalloc(test, sizeof(*buf), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	KUNIT_ASSERT_EQ(test, percpu_ref_init(&buf->ref, rig_count_release,
					      PERCPU_REF_INIT_ATOMIC, GFP_KERNEL), 0);
	return buf;
}

/* Commands in flight complete once: by the device if it was quicker. */
static void qpair_stop(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	u16 cids[4];
	u32 i;

	rig_join(test, rig, 1);
	for (i = 0; i < 4; i++)
		cids[i] = rig_submit(test, rig, &rig->rings[0]);
	rig_device_writes(rig, cids[2], 0x80, 0);
	usher_qpair_stop(rig->qp, USHER_DMA_DISABLED);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, rig->done[i], 1);
		KUNIT_EXPECT_EQ(test, rig->flags[i], i == 2 ? 0 : USHER_CQE_DRIVER);
		KUNIT_EXPECT_EQ(test, rig->status[i] >> 1,
				i == 2 ? 0x80 : NVME_SC_HOST_ABORTED_CMD);
	}
	KUNIT_EXPECT_EQ(test, rig->rings[0].flushes > 0, true);

	/* Whatever comes now comes too late. */
	for (i = 0; i < 4; i++)
		rig_device_writes(rig, cids[i], 0, 0);
	KUNIT_EXPECT_EQ(test, rig_reap(rig), 0);
	usher_qpair_stop(rig->qp, USHER_DMA_DISABLED);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, rig->done[i], 1);
	KUNIT_EXPECT_EQ(test, rig->qp->nr_free, SLOTS);
	KUNIT_EXPECT_EQ(test, rig_reserve(rig->qp, &rig->rings[0].client, 1, USHER_IN_TURN), 0);
}

/* Promise 3: buffers of commands in flight are kept where no proof is. */
static void qpair_stop_keeps_buffers(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	int leak;

	rig_join(test, rig, 1);
	for (leak = 0; leak < 2; leak++) {
		struct usher_buffer *used = rig_buffer(test), *done = rig_buffer(test);
		u16 cid;

		rig->qp->stopped = false;
		percpu_ref_get(&used->ref);
		percpu_ref_get(&done->ref);
		rig_lookup(rig, rig_submit(test, rig, &rig->rings[0]))->mem = &used->ref;
		cid = rig_submit(test, rig, &rig->rings[0]);
		rig_lookup(rig, cid)->mem = &done->ref;
		rig_device_writes(rig, cid, 0, 0);
		usher_qpair_stop(rig->qp, leak ? USHER_DMA_RUNNING : USHER_DMA_NO_MASTER);
		KUNIT_EXPECT_EQ(test, used->leaked, leak);
		KUNIT_EXPECT_FALSE(test, done->leaked);

		/* Each command gave its reference back, once. */
		KUNIT_EXPECT_EQ(test, used->length, 0);
		percpu_ref_kill(&used->ref);
		KUNIT_EXPECT_EQ(test, used->length, 1);
		percpu_ref_kill(&done->ref);
		KUNIT_EXPECT_EQ(test, done->length, 1);
		percpu_ref_exit(&used->ref);
		percpu_ref_exit(&done->ref);
	}
}

static void qpair_reset_starts_anew(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	u32 i;

	rig_join(test, rig, 1);
	/* Less than a round, so that what is left has the phase of a new queue */
	for (i = 0; i < DEPTH - 3; i++) {
		rig_device_writes(rig, rig_submit(test, rig, &rig->rings[0]), 0, 0);
		rig_reap(rig);
	}
	usher_qpair_stop(rig->qp, USHER_DMA_DISABLED);
	usher_qpair_reset(rig->qp);
	rig->qp->stopped = false;
	rig->tail = 0;
	rig->phase = 1;
	/* What lies in the queue from before counts no more. */
	KUNIT_EXPECT_EQ(test, rig_reap(rig), 0);
	rig_device_writes(rig, rig_submit(test, rig, &rig->rings[0]), 0, 0);
	KUNIT_EXPECT_EQ(test, rig_sq_doorbell(rig), 1);
	KUNIT_EXPECT_EQ(test, rig_reap(rig), 1);
	KUNIT_EXPECT_EQ(test, rig->done[i], 1);
}

/* ---- sharing ------------------------------------------------------------ */

static void rig_finish_one(struct qpair_rig *rig, struct rig_ring *ring)
{
	struct usher_qpair *qp = rig->qp;
	u32 i;

	for (i = 0; i < SLOTS; i++) {
		if (!qp->slots[i].busy || qp->slots[i].client != &ring->client)
			continue;
		rig_device_writes(rig, qp->slots[i].cid, 0, 0);
		break;
	}
	rig->next_tag %= NR_TAGS / 2;
	rig_reap(rig);
}

static void qpair_join_limit(struct kunit *test)
{
	struct usher_client *clients = kunit_kcalloc(test, SLOTS + 1, sizeof(*clients), GFP_KERNEL);
	struct qpair_rig *rig = test->priv;
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, clients);
	for (i = 0; i <= SLOTS; i++) {
		usher_client_init(&clients[i]);
		KUNIT_EXPECT_EQ(test, usher_qpair_join(rig->qp, &clients[i]),
				i < SLOTS ? 0 : -EBUSY);
	}
	/* As many rings as slots: each has one, and one only. */
	for (i = 0; i < SLOTS; i++) {
		KUNIT_EXPECT_EQ(test, rig_reserve(rig->qp, &clients[i], 5, USHER_OUT_OF_TURN), 1);
		/* As if it were taken */
		rig->qp->nr_free--;
		KUNIT_EXPECT_EQ(test, rig_reserve(rig->qp, &clients[i], 5, USHER_OUT_OF_TURN), 0);
	}
	/* One leaves, another may come. */
	spin_lock_irq(&rig->qp->lock);
	usher_qpair_unreserve(rig->qp, &clients[0], 1);
	rig->qp->nr_free++;
	spin_unlock_irq(&rig->qp->lock);
	KUNIT_EXPECT_TRUE(test, usher_qpair_close(rig->qp, &clients[0]));
	usher_qpair_leave(rig->qp, &clients[0]);
	KUNIT_EXPECT_EQ(test, usher_qpair_join(rig->qp, &clients[SLOTS]), 0);
	KUNIT_EXPECT_EQ(test, rig_reserve(rig->qp, &clients[SLOTS], 1, USHER_OUT_OF_TURN), 1);
}

/* Rings that hold nothing count as one, however many they are. */
static void qpair_idle_rings(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	struct usher_qpair *qp = rig->qp;
	u32 i, n;

	rig_join(test, rig, 1);
	KUNIT_EXPECT_EQ(test, rig_reserve(qp, &rig->rings[0].client, SLOTS, USHER_OUT_OF_TURN),
			SLOTS);
	spin_lock_irq(&qp->lock);
	usher_qpair_unreserve(qp, &rig->rings[0].client, SLOTS);
	spin_unlock_irq(&qp->lock);

	for (i = 1; i < NR_RINGS; i++) {
		KUNIT_ASSERT_EQ(test, usher_qpair_join(qp, &rig->rings[i].client), 0);
		n = rig_reserve(qp, &rig->rings[0].client, SLOTS, USHER_OUT_OF_TURN);
		KUNIT_EXPECT_EQ(test, n, min(SLOTS * 2 / 3, SLOTS - i));
		spin_lock_irq(&qp->lock);
		usher_qpair_unreserve(qp, &rig->rings[0].client, n);
		spin_unlock_irq(&qp->lock);
	}
	/* A second one at work, and they count one by one. */
	KUNIT_EXPECT_EQ(test, rig_reserve(qp, &rig->rings[0].client, 1, USHER_OUT_OF_TURN), 1);
	KUNIT_EXPECT_EQ(test, rig_reserve(qp, &rig->rings[1].client, SLOTS, USHER_OUT_OF_TURN),
			SLOTS * 2 / 4);
}

/* Whoever holds nothing gets a slot at once, whatever the others do. */
static void qpair_guaranteed_share(struct kunit *test)
{
	const u64 seed = 0x73686172;
	struct qpair_rig *rig = test->priv;
	struct usher_qpair *qp = rig->qp;
	struct rnd_state rnd;
	u32 step, held, i;

	kunit_info(test, "seed %llx", seed);
	prandom_seed_state(&rnd, seed);
	rig_join(test, rig, NR_RINGS);
	for (step = 0; step < 5000; step++) {
		struct rig_ring *ring = &rig->rings[prandom_u32_state(&rnd) % NR_RINGS];
		bool turn = prandom_u32_state(&rnd) & 1;
		bool had = ring->client.held;
		u32 n, parts;

		if (prandom_u32_state(&rnd) & 1) {
			rig_finish_one(rig, ring);
			continue;
		}
		if (turn)
			list_del_init(&ring->client.waiting);
		n = rig_reserve(qp, &ring->client, 1 + prandom_u32_state(&rnd) % 8,
				turn ? USHER_IN_TURN : USHER_OUT_OF_TURN);
		if (!had && !n)
			KUNIT_FAIL(test, "step %u: a ring without a slot got none", step);
		/* Those at work, and one for all others */
		for (held = 0, parts = 0, i = 0; i < NR_RINGS; i++) {
			held += rig->rings[i].client.held;
			parts += !!rig->rings[i].client.held;
		}
		parts += parts < NR_RINGS;
		if (n && ring->client.held > SLOTS * 2 / (parts + 1))
			KUNIT_FAIL(test, "step %u: %u slots for one ring of %u", step,
				   ring->client.held, parts);
		spin_lock_irq(&qp->lock);
		for (; n; n--)
			rig_issue(rig, ring);
		spin_unlock_irq(&qp->lock);
		if (held + qp->nr_free != SLOTS)
			KUNIT_FAIL(test, "step %u: %u held, %u free", step, held, qp->nr_free);
	}
}

static void qpair_unreserve(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	struct usher_qpair *qp = rig->qp;
	u32 i;

	rig_join(test, rig, 2);
	for (i = 0; i < 100; i++) {
		u32 n = rig_reserve(qp, &rig->rings[0].client, SLOTS, USHER_IN_TURN);

		KUNIT_EXPECT_GT(test, n, 1);
		spin_lock_irq(&qp->lock);
		usher_qpair_unreserve(qp, &rig->rings[0].client, n);
		spin_unlock_irq(&qp->lock);
		KUNIT_EXPECT_EQ(test, rig->rings[0].client.held, 0);
	}
	KUNIT_EXPECT_EQ(test, qp->clients.nr_idle, 2);
}

/* A ring that came late waits for one completion, not for the first ring's end. */
static void qpair_late_ring(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	struct rig_ring *hog = &rig->rings[0], *late = &rig->rings[1];
	u32 i;

	rig_join(test, rig, 1);
	for (i = 0; i < SLOTS; i++)
		rig_submit(test, rig, hog);
	KUNIT_ASSERT_EQ(test, usher_qpair_join(rig->qp, &late->client), 0);
	late->wants = 1;
	KUNIT_EXPECT_EQ(test, rig_reserve(rig->qp, &late->client, 1, USHER_OUT_OF_TURN), 0);
	KUNIT_EXPECT_FALSE(test, list_empty(&late->client.waiting));

	rig_finish_one(rig, hog);
	KUNIT_EXPECT_EQ(test, rig_reserve(rig->qp, &hog->client, 1, USHER_OUT_OF_TURN), 0);
	usher_qpair_run_turns(rig->qp);
	KUNIT_EXPECT_EQ(test, late->wants, 0);
	KUNIT_EXPECT_EQ(test, late->client.held, 1);
	KUNIT_EXPECT_EQ(test, late->gets, 0);
}

/* Who comes by does not pass those who wait. */
static void qpair_no_passing(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	struct usher_client *first = &rig->rings[0].client, *second = &rig->rings[1].client;

	rig_join(test, rig, 2);
	rig_submit(test, rig, &rig->rings[0]);
	rig_submit(test, rig, &rig->rings[1]);
	rig->rings[1].wants = 1;
	rig_wait(rig->qp, second);
	KUNIT_EXPECT_EQ(test, rig_reserve(rig->qp, first, 1, USHER_OUT_OF_TURN), 0);
	usher_qpair_run_turns(rig->qp);
	KUNIT_EXPECT_EQ(test, second->held, 2);
	KUNIT_EXPECT_TRUE(test, list_empty(&rig->qp->clients.waiters));
	KUNIT_EXPECT_EQ(test, rig_reserve(rig->qp, first, 1, USHER_OUT_OF_TURN), 1);
}

/* Waiting rings have their turns one after the other. */
static void qpair_turns(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	u32 i, round, least, most;

	rig_join(test, rig, NR_RINGS);
	for (i = 0; i < NR_RINGS; i++) {
		rig->rings[i].wants = 1000;
		rig_wait(rig->qp, &rig->rings[i].client);
	}
	for (round = 0; round < 200; round++) {
		usher_qpair_run_turns(rig->qp);
		for (i = 0; i < NR_RINGS; i++)
			rig_finish_one(rig, &rig->rings[i]);
	}
	least = U32_MAX;
	most = 0;
	for (i = 0; i < NR_RINGS; i++) {
		u32 got = 1000 - rig->rings[i].wants;

		least = min(least, got);
		most = max(most, got);
		KUNIT_EXPECT_EQ(test, rig->rings[i].gets, 0);
	}
	KUNIT_EXPECT_GE(test, least, round);
	KUNIT_EXPECT_LE(test, most - least, SLOTS);
}

/*
 * A ring whose entries never end, as seen by usher_qpair_run_turns(): commands
 * complete while they are submitted, so that each turn finds free slots.
 */
static u32 rig_take_endless_turn(struct usher_client *client, u32 budget)
{
	struct rig_ring *ring = container_of(client, struct rig_ring, client);
	u32 n = min(budget, ring->wants);

	ring->gets--;
	ring->turns += n;
	ring->wants -= n;
	rig_end_turn(ring->rig->qp, client, n);
	return n;
}

static const struct usher_qpair_ops rig_endless_ops = {
	.take_turn = rig_take_endless_turn,
	.get = rig_get,
};

/* Who runs turns does so for others, perhaps in an interrupt's thread: not for ever. */
static void qpair_turns_are_bounded(struct kunit *test)
{
	const u32 many = 1000 * DEPTH;
	struct qpair_rig *rig = test->priv;
	u32 i, served = 0;

	rig_join(test, rig, NR_RINGS);
	rig->qp->ops = &rig_endless_ops;
	for (i = 0; i < NR_RINGS; i++) {
		rig->rings[i].wants = many;
		rig_wait(rig->qp, &rig->rings[i].client);
	}
	usher_qpair_run_turns(rig->qp);
	flush_work(&rig->qp->work);
	for (i = 0; i < NR_RINGS; i++) {
		KUNIT_EXPECT_GT(test, rig->rings[i].turns, 0);
		KUNIT_EXPECT_EQ(test, rig->rings[i].gets, 0);
		served += rig->rings[i].turns;
	}
	/* A round that was begun is finished: all had a turn. */
	KUNIT_EXPECT_LT(test, served, NR_RINGS * DEPTH);
	KUNIT_EXPECT_EQ(test, rig->handed_over, 1);

	/* What is satisfied is not handed over. */
	for (i = 0; i < NR_RINGS; i++)
		rig->rings[i].wants = 0;
	usher_qpair_run_turns(rig->qp);
	flush_work(&rig->qp->work);
	KUNIT_EXPECT_EQ(test, rig->handed_over, 1);
	KUNIT_EXPECT_TRUE(test, list_empty(&rig->qp->clients.waiters));
}

static void qpair_close(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	struct rig_ring *ring = &rig->rings[0];
	u32 i;

	rig_join(test, rig, 2);
	KUNIT_EXPECT_TRUE(test, usher_qpair_close(rig->qp, &rig->rings[1].client));
	KUNIT_EXPECT_EQ(test, rig->rings[1].gets, 0);

	for (i = 0; i < 3; i++)
		rig_submit(test, rig, ring);
	rig_wait(rig->qp, &ring->client);
	KUNIT_EXPECT_FALSE(test, usher_qpair_close(rig->qp, &ring->client));
	KUNIT_EXPECT_TRUE(test, list_empty(&ring->client.waiting));
	KUNIT_EXPECT_EQ(test, rig_reserve(rig->qp, &ring->client, 1, USHER_IN_TURN), 0);
	rig_wait(rig->qp, &ring->client);
	KUNIT_EXPECT_TRUE(test, list_empty(&ring->client.waiting));
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, ring->gets, 0);
		rig_finish_one(rig, ring);
	}
	KUNIT_EXPECT_EQ(test, ring->gets, -1);
}

/* Closed with commands in flight, then the device dies. */
static void qpair_stop_closed(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	u32 i;

	rig_join(test, rig, 1);
	for (i = 0; i < 3; i++)
		rig_submit(test, rig, &rig->rings[0]);
	KUNIT_EXPECT_FALSE(test, usher_qpair_close(rig->qp, &rig->rings[0].client));
	usher_qpair_stop(rig->qp, USHER_DMA_DISABLED);
	KUNIT_EXPECT_EQ(test, rig->rings[0].gets, -1);
}

/* A larger queue, for what the one of qpair_init() is too small for */
static void rig_enlarge(struct kunit *test, struct qpair_rig *rig, u16 depth)
{
	usher_qpair_free_dma(rig->qp);
	usher_qpair_free(rig->qp);
	rig->qp = usher_qpair_alloc(&rig->dev.ctrl, QID, depth, 0, &rig_ops, rig_work);
	KUNIT_ASSERT_NOT_NULL(test, rig->qp);
	rig->qp->stopped = false;
}

/*
 * Slots that come back a few at a time, and never as many as a turn has: a ring
 * whose turn began with the last of them is not done with it.
 */
static void qpair_turns_go_on(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	u32 round, i, head = 0, least = U32_MAX, most = 0;
	struct usher_qpair *qp;

	rig_enlarge(test, rig, 256);
	qp = rig->qp;
	rig_join(test, rig, NR_RINGS);
	for (i = 0; i < NR_RINGS; i++) {
		rig->rings[i].wants = 100000;
		rig_wait(qp, &rig->rings[i].client);
	}
	usher_qpair_run_turns(qp);
	for (round = 0; round < 2000; round++) {
		for (i = 0; i < 5; i++) {
			rig_device_writes(rig, qp->sq[head].common.command_id, 0, 0);
			head = (head + 1) % qp->depth;
		}
		rig_reap(rig);
		rig->next_tag = 0;
		usher_qpair_run_turns(qp);
	}
	for (i = 0; i < NR_RINGS; i++) {
		least = min(least, 100000 - rig->rings[i].wants);
		most = max(most, 100000 - rig->rings[i].wants);
	}
	KUNIT_EXPECT_GT(test, least, 0);
	KUNIT_EXPECT_LE_MSG(test, most - least, 2 * 8, "%u to %u", least, most);
}

/* ---- what is done with interrupts off -------------------------------------- */

/* All completions that there are do not come in one hold of the lock. */
static void qpair_passes(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	struct usher_qpair *qp;
	u32 i, n = 0, passes = 0, most = 0;

	rig_enlarge(test, rig, 256);
	qp = rig->qp;
	rig_join(test, rig, 1);
	rig->rings[0].sleeps = true;
	for (i = 0; i < 255; i++)
		rig_submit(test, rig, &rig->rings[0]);
	for (i = 0; i < 255; i++)
		rig_device_writes(rig, qp->sq[i].common.command_id, 0, 0);
	spin_lock_irq(&qp->lock);
	while ((n = usher_qpair_reap(qp))) {
		most = max(most, n);
		passes++;
	}
	spin_unlock_irq(&qp->lock);
	KUNIT_EXPECT_EQ(test, passes, 6);
	KUNIT_EXPECT_LT(test, most, USHER_IRQOFF_MAX);
	/* The lock was not given up in between, so it is told once. */
	usher_qpair_tell(qp);
	KUNIT_EXPECT_EQ(test, rig->rings[0].flushes, 6);
	KUNIT_EXPECT_EQ(test, rig->rings[0].told, 1);
	KUNIT_EXPECT_EQ(test, rig->rings[0].gets, 0);
}

/* Those who poll get all of them in one call. */
static void qpair_poll(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	u32 i;

	rig_enlarge(test, rig, 256);
	rig_join(test, rig, 2);
	rig->rings[0].sleeps = true;
	for (i = 0; i < 150; i++)
		rig_submit(test, rig, &rig->rings[0]);
	for (i = 0; i < 150; i++)
		rig_device_writes(rig, rig->qp->sq[i].common.command_id, 0, 0);
	KUNIT_EXPECT_FALSE(test, usher_qpair_poll(rig->qp));
	for (i = 0; i < 150; i++)
		KUNIT_EXPECT_EQ(test, rig->done[i], 1);
	KUNIT_EXPECT_GT(test, rig->rings[0].told, 0);
	KUNIT_EXPECT_EQ(test, rig->rings[0].gets, 0);

	rig_wait(rig->qp, &rig->rings[1].client);
	KUNIT_EXPECT_FALSE(test, usher_qpair_poll(rig->qp));
	rig_submit(test, rig, &rig->rings[0]);
	rig_device_writes(rig, rig->qp->sq[150].common.command_id, 0, 0);
	KUNIT_EXPECT_TRUE(test, usher_qpair_poll(rig->qp));
}

/* A closed ring whose last command is done is let go of without the lock. */
static void qpair_closed_later(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	struct rig_ring *ring = &rig->rings[0];
	struct usher_qpair *qp = rig->qp;
	u16 cids[2];
	u32 i;

	rig_join(test, rig, 1);
	ring->sleeps = true;
	for (i = 0; i < 2; i++)
		cids[i] = rig_submit(test, rig, ring);
	rig_device_writes(rig, cids[0], 0, 0);
	spin_lock_irq(&qp->lock);
	usher_qpair_reap(qp);
	spin_unlock_irq(&qp->lock);
	KUNIT_EXPECT_EQ(test, ring->gets, 1);

	/* It is in the list already, and held for that. */
	KUNIT_EXPECT_FALSE(test, usher_qpair_close(qp, &ring->client));
	rig_device_writes(rig, cids[1], 0, 0);
	spin_lock_irq(&qp->lock);
	usher_qpair_reap(qp);
	spin_unlock_irq(&qp->lock);
	KUNIT_EXPECT_EQ(test, ring->gets, 0);
	KUNIT_EXPECT_EQ(test, ring->told, 0);
	usher_qpair_tell(qp);
	KUNIT_EXPECT_EQ(test, ring->gets, -1);
	KUNIT_EXPECT_EQ(test, ring->told, 1);
}

/* ---- command pages -------------------------------------------------------- */

static int rig_get_cmd_page(struct usher_qpair *qp, struct usher_client *client)
{
	int page;

	spin_lock_irq(&qp->lock);
	page = usher_qpair_get_cmd_page(qp, client);
	spin_unlock_irq(&qp->lock);
	return page;
}

static void qpair_cmd_pages(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	struct usher_client *client = &rig->rings[0].client;
	u32 seen = 0, i;
	u16 cid;

	rig_join(test, rig, 1);
	for (i = 0; i < NR_CMD_PAGES; i++) {
		int page = rig_get_cmd_page(rig->qp, client);

		KUNIT_ASSERT_GE(test, page, 0);
		KUNIT_ASSERT_LT(test, page, NR_CMD_PAGES);
		KUNIT_EXPECT_FALSE(test, seen & BIT(page));
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED(rig->qp->cmd_pages[page].dma, SZ_4K));
		seen |= BIT(page);
	}
	KUNIT_EXPECT_TRUE(test, list_empty(&client->waiting));
	/* An empty pool means: wait. */
	KUNIT_EXPECT_EQ(test, rig_get_cmd_page(rig->qp, client), -1);
	KUNIT_EXPECT_FALSE(test, list_empty(&client->waiting));
	usher_qpair_put_cmd_page(rig->qp, 2);
	KUNIT_EXPECT_EQ(test, rig_get_cmd_page(rig->qp, client), 2);

	/* A command gives its page back when it is done. */
	cid = rig_submit(test, rig, &rig->rings[0]);
	rig_lookup(rig, cid)->cmd_page = 1;
	rig_device_writes(rig, cid, 0, 0);
	rig_reap(rig);
	KUNIT_EXPECT_EQ(test, rig_get_cmd_page(rig->qp, client), 1);
	KUNIT_EXPECT_EQ(test, rig_get_cmd_page(rig->qp, client), -1);
}

/* ---- watchdog ----------------------------------------------------------- */

#define TIMEOUT		(1000 * HZ)

static enum usher_late rig_expire(struct qpair_rig *rig, u16 *cid)
{
	return usher_qpair_expire(rig->qp, TIMEOUT, cid);
}

/* As if the watchdog's last look had been so long ago */
static void rig_pass(struct qpair_rig *rig, unsigned long time)
{
	struct usher_qpair *qp = rig->qp;
	u32 i;

	qp->progress -= time;
	qp->oldest_progress -= time;
	qp->oldest -= time;
	for (i = 0; i < SLOTS; i++)
		qp->slots[i].deadline -= time;
}

/* A command, and what it has */
static u16 rig_submit_timed(struct kunit *test, struct qpair_rig *rig)
{
	u16 cid = rig_submit(test, rig, &rig->rings[0]);

	rig_lookup(rig, cid)->deadline = jiffies + TIMEOUT;
	return cid;
}

static void qpair_late_command(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	struct usher_slot *slot;
	u16 cid, late = 0;

	rig_join(test, rig, 1);
	cid = rig_submit(test, rig, &rig->rings[0]);
	slot = rig_lookup(rig, cid);

	/* Without a deadline, before it, and past it */
	slot->deadline = 0;
	KUNIT_EXPECT_EQ(test, rig_expire(rig, &late), USHER_LATE_NONE);
	slot->deadline = jiffies + 1000 * HZ;
	KUNIT_EXPECT_EQ(test, rig_expire(rig, &late), USHER_LATE_NONE);
	slot->deadline = jiffies - 1;
	KUNIT_EXPECT_EQ(test, rig_expire(rig, &late), USHER_LATE_ABORT);
	KUNIT_EXPECT_EQ(test, late, cid);
	/* No Abort could be sent: it is asked for again. */
	KUNIT_EXPECT_FALSE(test, slot->aborted);
	late = 0;
	KUNIT_EXPECT_EQ(test, rig_expire(rig, &late), USHER_LATE_ABORT);
	KUNIT_EXPECT_EQ(test, late, cid);
	usher_qpair_aborted(rig->qp, cid, 1000 * HZ);
	KUNIT_EXPECT_TRUE(test, slot->aborted);
	KUNIT_EXPECT_TRUE(test, time_after(slot->deadline, jiffies));
	/* The abort has its time, and then it did not help. */
	KUNIT_EXPECT_EQ(test, rig_expire(rig, &late), USHER_LATE_NONE);
	slot->deadline = jiffies - 1;
	KUNIT_EXPECT_EQ(test, rig_expire(rig, &late), USHER_LATE_RESET);
	KUNIT_EXPECT_EQ(test, rig->done[0], 0);

	/* It was only the interrupt that did not come. */
	rig_device_writes(rig, cid, 0, 0);
	KUNIT_EXPECT_EQ(test, rig_expire(rig, &late), USHER_LATE_NONE);
	KUNIT_EXPECT_EQ(test, rig->done[0], 1);
}

/* A command that completed before its Abort was sent: the next one is another. */
static void qpair_aborted_too_late(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	u16 cid, next;

	rig_join(test, rig, 1);
	cid = rig_submit(test, rig, &rig->rings[0]);
	rig_device_writes(rig, cid, 0, 0);
	rig_reap(rig);
	usher_qpair_aborted(rig->qp, cid, HZ);
	next = rig_submit(test, rig, &rig->rings[0]);
	usher_qpair_aborted(rig->qp, cid, HZ);
	KUNIT_EXPECT_FALSE(test, rig_lookup(rig, next)->aborted);
	KUNIT_EXPECT_EQ(test, rig_lookup(rig, next)->deadline, 0);
}

/* One that waits for its Abort does not hide one whose Abort did not help. */
static void qpair_late_twice_comes_first(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	u16 cids[3], late;
	u32 i;

	rig_join(test, rig, 1);
	for (i = 0; i < ARRAY_SIZE(cids); i++) {
		cids[i] = rig_submit(test, rig, &rig->rings[0]);
		rig_lookup(rig, cids[i])->deadline = jiffies - 1;
	}
	usher_qpair_aborted(rig->qp, cids[1], 1000 * HZ);
	KUNIT_EXPECT_EQ(test, rig_expire(rig, &late), USHER_LATE_ABORT);
	KUNIT_EXPECT_EQ(test, late, cids[0]);
	rig_lookup(rig, cids[1])->deadline = jiffies - 1;
	KUNIT_EXPECT_EQ(test, rig_expire(rig, &late), USHER_LATE_RESET);
}

/*
 * A queue of commands, each of which takes most of what it has: none is late, though
 * the last one has waited for all others. They may have come in one batch.
 */
static void qpair_late_behind_others(struct kunit *test, bool batch)
{
	struct qpair_rig *rig = test->priv;
	u16 cids[4], late;
	u32 i;

	rig_join(test, rig, 1);
	for (i = 0; i < ARRAY_SIZE(cids); i++) {
		cids[i] = rig_submit_timed(test, rig);
		if (!batch)
			rig_lookup(rig, cids[i])->deadline += i;
		else
			rig_lookup(rig, cids[i])->deadline = rig_lookup(rig, cids[0])->deadline;
	}
	KUNIT_EXPECT_EQ(test, rig_expire(rig, &late), USHER_LATE_NONE);
	for (i = 0; i < ARRAY_SIZE(cids) - 1; i++) {
		rig_pass(rig, TIMEOUT * 9 / 10);
		rig_device_writes(rig, cids[i], 0, 0);
		KUNIT_EXPECT_EQ(test, rig_expire(rig, &late), USHER_LATE_NONE);
	}
	/* The last one has its time from here on. */
	rig_pass(rig, TIMEOUT * 9 / 10);
	KUNIT_EXPECT_EQ(test, rig_expire(rig, &late), USHER_LATE_NONE);
	rig_pass(rig, TIMEOUT / 5);
	KUNIT_EXPECT_EQ(test, rig_expire(rig, &late), USHER_LATE_ABORT);
	KUNIT_EXPECT_EQ(test, late, cids[i]);
}

static void qpair_late_behind_single_ones(struct kunit *test)
{
	qpair_late_behind_others(test, false);
}

static void qpair_late_behind_its_batch(struct kunit *test)
{
	qpair_late_behind_others(test, true);
}

/* The device lost one: that others complete, which came later, is no excuse. */
static void qpair_late_and_passed_by(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	u16 lost, cid, late = 0;
	u32 i;

	rig_join(test, rig, 1);
	lost = rig_submit_timed(test, rig);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, rig_expire(rig, &late), USHER_LATE_NONE);
		rig_pass(rig, TIMEOUT * 3 / 10);
		cid = rig_submit_timed(test, rig);
		rig_device_writes(rig, cid, 0, 0);
	}
	KUNIT_EXPECT_EQ(test, rig_expire(rig, &late), USHER_LATE_NONE);
	rig_pass(rig, TIMEOUT / 5);
	KUNIT_EXPECT_EQ(test, rig_expire(rig, &late), USHER_LATE_ABORT);
	KUNIT_EXPECT_EQ(test, late, lost);
}

/* Neither is waited for without end what is never the oldest. */
static void qpair_late_in_the_end(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	u16 oldest, lost, cid, late = 0;
	u32 i;

	rig_join(test, rig, 1);
	oldest = rig_submit_timed(test, rig);
	lost = rig_submit_timed(test, rig);
	/* It keeps its place at the head, and its time. */
	rig_lookup(rig, oldest)->deadline = jiffies + 100 * TIMEOUT;
	for (i = 0; i < 7; i++) {
		rig_pass(rig, TIMEOUT / 2);
		rig_lookup(rig, oldest)->deadline = rig_lookup(rig, lost)->deadline - 1;
		rig->qp->oldest_progress = jiffies;
		cid = rig_submit_timed(test, rig);
		rig_device_writes(rig, cid, 0, 0);
		KUNIT_EXPECT_EQ(test, rig_expire(rig, &late), USHER_LATE_NONE);
	}
	rig_pass(rig, TIMEOUT * 6 / 10);
	rig_lookup(rig, oldest)->deadline = 0;
	cid = rig_submit_timed(test, rig);
	rig_device_writes(rig, cid, 0, 0);
	KUNIT_EXPECT_EQ(test, rig_expire(rig, &late), USHER_LATE_ABORT);
	KUNIT_EXPECT_EQ(test, late, lost);
}

/* What was aborted together was stuck together: each Abort is no new time. */
static void qpair_late_aborts_are_no_progress(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	u16 cids[3], late;
	u32 i;

	rig_join(test, rig, 1);
	for (i = 0; i < ARRAY_SIZE(cids); i++)
		cids[i] = rig_submit_timed(test, rig);
	KUNIT_EXPECT_EQ(test, rig_expire(rig, &late), USHER_LATE_NONE);
	rig_pass(rig, TIMEOUT * 11 / 10);
	for (i = 0; i < ARRAY_SIZE(cids); i++) {
		KUNIT_EXPECT_EQ(test, rig_expire(rig, &late), USHER_LATE_ABORT);
		KUNIT_EXPECT_EQ(test, late, cids[i]);
		usher_qpair_aborted(rig->qp, late, TIMEOUT);
		rig_device_writes(rig, late, 7, 0);
	}
	KUNIT_EXPECT_EQ(test, rig_expire(rig, &late), USHER_LATE_NONE);
}

static void qpair_late_admin_command(struct kunit *test)
{
	struct qpair_rig *rig = test->priv;
	u16 late;

	rig_join(test, rig, 1);
	rig->qp->qid = 0;
	rig_lookup(rig, rig_submit(test, rig, &rig->rings[0]))->deadline = jiffies - 1;
	KUNIT_EXPECT_EQ(test, rig_expire(rig, &late), USHER_LATE_RESET);
}

static struct kunit_case qpair_cases[] = {
	KUNIT_CASE(qpair_slots),
	KUNIT_CASE(qpair_every_cid),
	KUNIT_CASE(qpair_largest),
	KUNIT_CASE(qpair_generations),
	KUNIT_CASE(qpair_sq_wraps),
	KUNIT_CASE(qpair_doorbell_once_per_batch),
	KUNIT_CASE(qpair_shadow_doorbells),
	KUNIT_CASE(qpair_phase_wraps),
	KUNIT_CASE(qpair_nothing_new),
	KUNIT_CASE(qpair_status_and_result),
	KUNIT_CASE(qpair_reap_is_bounded),
	KUNIT_CASE_PARAM(qpair_bogus_cid, qpair_bogus_gen_params),
	KUNIT_CASE(qpair_duplicates),
	KUNIT_CASE(qpair_bogus_run),
	KUNIT_CASE(qpair_exactly_once),
	KUNIT_CASE(qpair_stop),
	KUNIT_CASE(qpair_stop_keeps_buffers),
	KUNIT_CASE(qpair_reset_starts_anew),
	KUNIT_CASE(qpair_join_limit),
	KUNIT_CASE(qpair_guaranteed_share),
	KUNIT_CASE(qpair_unreserve),
	KUNIT_CASE(qpair_idle_rings),
	KUNIT_CASE(qpair_late_ring),
	KUNIT_CASE(qpair_no_passing),
	KUNIT_CASE(qpair_turns),
	KUNIT_CASE(qpair_turns_go_on),
	KUNIT_CASE(qpair_turns_are_bounded),
	KUNIT_CASE(qpair_close),
	KUNIT_CASE(qpair_stop_closed),
	KUNIT_CASE(qpair_passes),
	KUNIT_CASE(qpair_poll),
	KUNIT_CASE(qpair_closed_later),
	KUNIT_CASE(qpair_cmd_pages),
	KUNIT_CASE(qpair_late_command),
	KUNIT_CASE(qpair_aborted_too_late),
	KUNIT_CASE(qpair_late_twice_comes_first),
	KUNIT_CASE(qpair_late_behind_single_ones),
	KUNIT_CASE(qpair_late_behind_its_batch),
	KUNIT_CASE(qpair_late_and_passed_by),
	KUNIT_CASE(qpair_late_in_the_end),
	KUNIT_CASE(qpair_late_aborts_are_no_progress),
	KUNIT_CASE(qpair_late_admin_command),
	{}
};

static struct kunit_suite qpair_suite = {
	.name = "usher-qpair",
	.init = qpair_init,
	.exit = qpair_exit,
	.test_cases = qpair_cases,
};

kunit_test_suite(qpair_suite);
