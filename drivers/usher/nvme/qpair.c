// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hardware queues: slots, doorbells, completions, and the turns of those who wait.
 *
 * A command takes a slot of its queue, which names its owner and the memory that
 * the device may reach for it, and gives it back with its completion, from the
 * device or made by usher_qpair_stop(). The CID is the slot's index and a
 * generation, so a completion that comes twice finds no slot.
 */
#include <linux/dma-mapping.h>
#include <linux/dmapool.h>
#include <linux/io.h>
#include <linux/nospec.h>
#include <linux/percpu-refcount.h>
#include <linux/slab.h>
#include <uapi/linux/usher.h>

#include "compat.h"
#include "core/wake.h"
#include "core/wq.h"
#include "nvme/budget.h"
#include "nvme/qpair.h"
#include "nvme/qpair_ops.h"
#include "trace.h"

/* Impossible completions in a row after which the controller is reset */
#define USHER_MAX_BOGUS		8

/*
 * Completions in one hold of the lock, and clients that have some. Of admin commands
 * each wakes a thread.
 */
#define USHER_PASS		48
#define USHER_ADMIN_PASS	2

/* ---- slots ---- */

/*
 * The slot of a command in flight. The CID comes from the device: any value is
 * possible. By reference, as the compiler would test a pointer for NULL again.
 */
bool usher_slot_lookup(struct usher_qpair *qp, u16 cid, struct usher_slot **slot)
{
	u32 index = cid & USHER_SLOT_MASK;

	if (index >= qp->depth - 1)
		return false;
	*slot = &qp->slots[array_index_nospec(index, qp->depth - 1)];
	return (*slot)->busy && (*slot)->cid == cid;
}

/**
 * struct usher_ref_puts - references to one memory that are put together
 * @ref: the memory's, or NULL
 * @n: how many
 *
 * Commands on the same memory mostly complete one after the other: put together,
 * they save 13 instructions for each.
 */
struct usher_ref_puts {
	struct percpu_ref	*ref;
	u32			n;
};

static noinline void usher_ref_puts_flush(struct percpu_ref *ref, u32 n)
{
	if (ref)
		percpu_ref_put_many(ref, n);
}

static inline void usher_ref_puts_add(struct usher_ref_puts *puts,
				      struct percpu_ref *ref)
{
	if (puts->ref != ref) {
		if (puts->n)
			usher_ref_puts_flush(puts->ref, puts->n);
		puts->n = 0;
		puts->ref = ref;
	}
	puts->n++;
}

/*
 * The last slot of a closed client came back. Its last reference may be put later
 * only: many may come to their end in one pass, and each queues work.
 */
static noinline void usher_qpair_closed(struct usher_qpair *qp,
					struct usher_client *client)
{
	if (list_empty(&client->telling))
		list_add_tail(&client->telling, &qp->to_tell);
	else
		qp->ops->put(client);
}

/* What few commands have: a command page, blocks of a budget */
static noinline void usher_slot_free_more(struct usher_qpair *qp,
					  struct usher_slot *slot)
{
	u32 *blocks = &qp->blocks[slot->cid & USHER_SLOT_MASK];

	if (slot->cmd_page >= 0)
		__set_bit(slot->cmd_page, qp->cmd_pages_free);
	if (*blocks)
		usher_budget_put(slot->client->budget, *blocks);
	*blocks = 0;
}

static inline void usher_slot_free(struct usher_qpair *qp,
				   struct usher_slot *slot,
				   struct usher_ref_puts *puts)
{
	struct usher_client *client = slot->client;

	usher_ref_puts_add(puts, slot->mem);
	if (unlikely(slot->cmd_page != USHER_CMD_PAGE_NONE))
		usher_slot_free_more(qp, slot);
	slot->busy = false;
	qp->free[qp->nr_free++] = slot->cid & USHER_SLOT_MASK;
	slot->cid += BIT(USHER_SLOT_BITS);
	if (client && usher_client_release(&qp->clients, client, 1))
		usher_qpair_closed(qp, client);
}

/* ---- clients ---- */

int usher_qpair_join(struct usher_qpair *qp, struct usher_client *client)
{
	int ret;

	client->turns = &qp->work;
	spin_lock_irq(&qp->lock);
	ret = usher_client_join(&qp->clients, client);
	spin_unlock_irq(&qp->lock);
	return ret;
}

/* The client holds no slot any more. */
void usher_qpair_leave(struct usher_qpair *qp, struct usher_client *client)
{
	spin_lock_irq(&qp->lock);
	usher_client_leave(&qp->clients, client);
	spin_unlock_irq(&qp->lock);
}

/*
 * No more commands will come. True when nothing is in flight; otherwise the
 * last completion lets go of the client.
 */
bool usher_qpair_close(struct usher_qpair *qp, struct usher_client *client)
{
	bool empty;

	spin_lock_irq(&qp->lock);
	empty = usher_client_close(client);
	usher_budget_forget(client);
	spin_unlock_irq(&qp->lock);
	return empty;
}

/* Slots that can be given out */
static u32 usher_qpair_nr_free(const struct usher_qpair *qp)
{
	return qp->stopped ? 0 : qp->nr_free;
}

/**
 * usher_qpair_reserve - slots for a batch of commands
 * @qp: queue pair, its lock held until the batch is submitted
 * @client: who wants them
 * @want: how many, not zero
 * @claim: whether it is the client's turn
 *
 * Return: how many it may take. With 0 the client waits for its turn.
 */
u32 usher_qpair_reserve(struct usher_qpair *qp, struct usher_client *client,
			u32 want, enum usher_claim claim)
{
	lockdep_assert_held(&qp->lock);
	return usher_client_reserve(&qp->clients, client, want,
				    usher_qpair_nr_free(qp), claim);
}

/* Give back what the batch did not use; qpair.lock held, the client open. */
void usher_qpair_unreserve(struct usher_qpair *qp, struct usher_client *client, u32 n)
{
	lockdep_assert_held(&qp->lock);
	if (usher_client_release(&qp->clients, client, n))
		usher_qpair_closed(qp, client);
}

/* A command page, or -1: then the client waits for one. qpair.lock held. */
int usher_qpair_get_cmd_page(struct usher_qpair *qp, struct usher_client *client)
{
	int index;

	lockdep_assert_held(&qp->lock);
	index = find_first_bit(qp->cmd_pages_free, qp->nr_cmd_pages);
	if (index == qp->nr_cmd_pages) {
		if (client)
			usher_client_wait(&qp->clients, client);
		return -1;
	}
	__clear_bit(index, qp->cmd_pages_free);
	return index;
}

void usher_qpair_put_cmd_page(struct usher_qpair *qp, int index)
{
	spin_lock_irq(&qp->lock);
	__set_bit(index, qp->cmd_pages_free);
	spin_unlock_irq(&qp->lock);
}

/**
 * usher_qpair_take_blocks - blocks for the command that takes the next slot
 * @qp: queue pair, its lock held; slots are reserved
 * @client: whose command
 * @blocks: how many it names
 *
 * With true the slot's @cmd_page says USHER_CMD_PAGE_BLOCKS, or has a page.
 *
 * Return: false when too many are in flight: then the client waits.
 */
bool usher_qpair_take_blocks(struct usher_qpair *qp, struct usher_client *client,
			     u32 blocks)
{
	lockdep_assert_held(&qp->lock);
	if (!usher_budget_take(client->budget, client, blocks)) {
		usher_client_block(&qp->clients, client);
		return false;
	}
	qp->blocks[qp->free[qp->nr_free - 1]] = blocks;
	return true;
}

static struct usher_client *usher_qpair_next_turn(struct usher_qpair *qp, u32 *budget)
{
	struct usher_client *client;

	spin_lock_irq(&qp->lock);
	client = usher_client_next(&qp->clients, usher_qpair_nr_free(qp));
	if (client) {
		*budget = client->turn_left;
		qp->ops->get(client);
	}
	spin_unlock_irq(&qp->lock);
	return client;
}

/* Each waiting client has a turn. Returns how many commands were taken. */
static u32 usher_qpair_run_round(struct usher_qpair *qp)
{
	u32 left = READ_ONCE(qp->clients.nr), taken = 0;
	struct usher_client *client;
	u32 budget;

	spin_lock_irq(&qp->lock);
	usher_client_unblock(&qp->clients);
	spin_unlock_irq(&qp->lock);
	while (left--) {
		client = usher_qpair_next_turn(qp, &budget);
		if (!client)
			break;
		taken += qp->ops->take_turn(client, budget);
	}
	return taken;
}

/**
 * usher_qpair_run_turns - let waiting clients submit, each in its turn
 * @qp: queue pair
 *
 * Called in a section, without any ring's mutex. A client that is still not
 * satisfied goes to the end of the list; it is over when a round brought
 * nothing. The caller does this for others, so after a queue's depth of
 * commands a work item goes on.
 */
void usher_qpair_run_turns(struct usher_qpair *qp)
{
	u32 taken = 0, n;

	do {
		n = usher_qpair_run_round(qp);
		taken += n;
	} while (n && taken < qp->depth);
	if (n)
		queue_work(usher_wq, &qp->work);
}

/* ---- doorbells ---- */

/*
 * NVMe Base Specification, "Doorbell Buffer Config": the device asks for the
 * register write by the event index that it last stored.
 */
static bool usher_db_needs_event(u16 event, u16 value, u16 old)
{
	return (u16)(value - event - 1) < (u16)(value - old);
}

static void usher_db_ring(void __iomem *db, __le32 *shadow,
			  const __le32 *event, u16 value, u16 old)
{
	if (shadow) {
		/* The device must see the entries before the shadow's value. */
		dma_wmb();
		WRITE_ONCE(*shadow, cpu_to_le32(value));
		/*
		 * Store the shadow before loading the event index; pairs with
		 * the device, which stores the index before it looks at the
		 * shadow for the last time.
		 */
		mb();
		if (!usher_db_needs_event(le32_to_cpu(READ_ONCE(*event)),
					  value, old))
			return;
	}
	writel(value, db);
}

/* Tell the device of all commands since the last time; qpair.lock held. */
void usher_qpair_doorbell(struct usher_qpair *qp)
{
	lockdep_assert_held(&qp->lock);

	if (qp->sq_tail == qp->db_tail || qp->stopped)
		return;
	usher_db_ring(qp->sq_db, qp->db.sq, qp->db.sq_event, qp->sq_tail,
		      qp->db_tail);
	qp->db_tail = qp->sq_tail;
}

/* ---- completions ---- */

/**
 * usher_qpair_to_tell - a client is to be told once the lock is given up
 * @qp: queue pair, its lock held
 * @client: the client, which is held from here on
 *
 * Whoever gives up the lock calls usher_qpair_tell(), or queues the work.
 */
void usher_qpair_to_tell(struct usher_qpair *qp, struct usher_client *client)
{
	lockdep_assert_held(&qp->lock);
	if (!list_empty(&client->telling))
		return;
	qp->ops->get(client);
	list_add_tail(&client->telling, &qp->to_tell);
}

/* The first who is to be told, or NULL: for ops->tell(). qpair.lock held. */
struct usher_client *usher_qpair_next_to_tell(struct usher_qpair *qp)
{
	struct usher_client *client;

	client = list_first_entry_or_null(&qp->to_tell, struct usher_client, telling);
	if (client)
		list_del_init(&client->telling);
	return client;
}

void usher_qpair_tell_all(struct usher_qpair *qp)
{
	struct usher_client *client;
	u32 left = qp->depth;

	while (!list_empty(&qp->to_tell) && left--) {
		spin_lock_irq(&qp->lock);
		client = usher_qpair_next_to_tell(qp);
		spin_unlock_irq(&qp->lock);
		if (client)
			qp->ops->tell(client, USHER_WAKES);
	}
	/* More come all the time, and they are others'. */
	if (!list_empty(&qp->to_tell))
		queue_work(usher_wq, &qp->work);
}

/**
 * usher_qpair_publish - publish the completions of a pass
 * @qp: queue pair, its lock held; usher_qpair_tell() comes when it is given up
 */
void usher_qpair_publish(struct usher_qpair *qp)
{
	struct usher_client *client;

	while ((client = qp->publish)) {
		qp->publish = client->next_publish;
		client->publish = false;
		if (qp->ops->publish(client))
			usher_qpair_to_tell(qp, client);
	}
}

static noinline void usher_qpair_bogus(struct usher_qpair *qp)
{
	if (++qp->bogus == USHER_MAX_BOGUS)
		qp->ops->fault(qp, "impossible completions");
}

/* One entry whose phase said that it is new; @bogus counts the impossible ones. */
static inline void usher_qpair_complete(struct usher_qpair *qp,
					const struct nvme_completion *hw, u16 status,
					struct usher_ref_puts *puts, u32 *bogus)
{
	__le16 without_phase = cpu_to_le16(status & ~1);
	struct usher_slot *slot;
	__le64 result;

	/* Pairs with the device, which writes the phase last. */
	dma_rmb();
	result = READ_ONCE(hw->result.u64);
	if (unlikely(!usher_slot_lookup(qp, READ_ONCE(hw->command_id), &slot))) {
		usher_qpair_bogus(qp);
		++*bogus;
		return;
	}
	qp->bogus = 0;
	trace_usher_complete(qp, slot, without_phase, 0);
	qp->ops->complete(qp, slot, result, without_phase, 0);
	usher_slot_free(qp, slot, puts);
}

/**
 * usher_qpair_reap - take new completions, a pass of them
 * @qp: queue pair, its lock held; usher_qpair_tell() comes when it is given up
 *
 * Return: how many there were. With usher_qpair_cut_short() there may be more.
 */
u32 usher_qpair_reap(struct usher_qpair *qp)
{
	u32 n = 0, bogus = 0, head = qp->cq_head, depth = qp->depth;
	struct usher_ref_puts puts = {};
	u8 phase = qp->phase;

	lockdep_assert_held(&qp->lock);

	if (qp->stopped)
		return 0;
	qp->pass_left = qp->pass;
	while (n < qp->pass_left) {
		const struct nvme_completion *hw = &qp->cq[head];
		u16 status = le16_to_cpu(READ_ONCE(hw->status));

		if ((status & 1) != phase)
			break;
		usher_qpair_complete(qp, hw, status, &puts, &bogus);
		n++;
		if (++head == depth) {
			head = 0;
			phase ^= 1;
		}
	}
	if (n) {
		usher_ref_puts_flush(puts.ref, puts.n);
		WRITE_ONCE(qp->completed, qp->completed + n - bogus);
		/* usher_qpair_pending() looks without the lock. */
		WRITE_ONCE(qp->phase, phase);
		WRITE_ONCE(qp->cq_head, head);
		usher_db_ring(qp->cq_db, qp->db.cq, qp->db.cq_event,
			      qp->cq_head, qp->db_head);
		qp->db_head = qp->cq_head;
		qp->reaped = true;
		usher_qpair_publish(qp);
	}
	return n;
}

/**
 * usher_qpair_poll - take all completions that there are, and wake who waits for them
 * @qp: queue pair, its lock not held
 *
 * A queue's depth of them at most, since the device may go on.
 *
 * Return: whether slots came back that clients wait for.
 */
bool usher_qpair_poll(struct usher_qpair *qp)
{
	u32 n, taken = 0;

	do {
		spin_lock_irq(&qp->lock);
		n = usher_qpair_reap(qp);
		spin_unlock_irq(&qp->lock);
		usher_qpair_tell(qp);
		taken += n;
	} while (usher_qpair_cut_short(qp, n) && taken < qp->depth);
	return taken && !list_empty(&qp->clients.waiters);
}

/* A command that the device does not complete any more; qpair.lock held */
static void usher_qpair_fail(struct usher_qpair *qp, struct usher_slot *slot,
			     enum usher_dma_proof dma, struct usher_ref_puts *puts)
{
	const __le16 status = cpu_to_le16(NVME_SC_HOST_ABORTED_CMD << 1);

	if (slot->mem && dma == USHER_DMA_RUNNING)
		qp->ops->lost(slot);
	trace_usher_complete(qp, slot, status, USHER_CQE_DRIVER);
	qp->ops->complete(qp, slot, 0, status, USHER_CQE_DRIVER);
	usher_slot_free(qp, slot, puts);
}

/* Those of the slots from @i on, a pass of them. Returns where to go on. */
static u32 usher_qpair_fail_pass(struct usher_qpair *qp, u32 i,
				 enum usher_dma_proof dma)
{
	u32 end = min_t(u32, i + qp->pass, qp->depth - 1);
	struct usher_ref_puts puts = {};

	spin_lock_irq(&qp->lock);
	for (; i < end; i++)
		if (qp->slots[i].busy)
			usher_qpair_fail(qp, &qp->slots[i], dma, &puts);
	usher_ref_puts_flush(puts.ref, puts.n);
	usher_qpair_publish(qp);
	spin_unlock_irq(&qp->lock);
	usher_qpair_tell(qp);
	return end;
}

/**
 * usher_qpair_stop - take what the device completed, then fail the rest
 * @qp: queue pair; the device was told to stop, no section submits to it
 * @dma: what proves that the device no longer reaches memory; without proof the
 *	memory of what is in flight is lost
 */
void usher_qpair_stop(struct usher_qpair *qp, enum usher_dma_proof dma)
{
	u32 i = 0;

	usher_qpair_poll(qp);
	usher_qpair_forbid(qp);
	while (i < qp->depth - 1)
		i = usher_qpair_fail_pass(qp, i, dma);
}

/* The queue is stopped: what is left of the work is done here. */
void usher_qpair_cancel_work(struct usher_qpair *qp)
{
	cancel_work_sync(&qp->work);
	usher_qpair_tell(qp);
}

/* ---- life ---- */

static void usher_qpair_free_cmd_pages(struct usher_qpair *qp)
{
	u32 i;

	for (i = 0; i < qp->nr_cmd_pages && qp->cmd_pages[i].virt; i++)
		dma_pool_free(qp->ctrl->prp_pool, qp->cmd_pages[i].virt,
			      qp->cmd_pages[i].dma);
	bitmap_free(qp->cmd_pages_free);
	kfree(qp->cmd_pages);
}

static int usher_qpair_alloc_cmd_pages(struct usher_qpair *qp)
{
	u32 i;

	if (!qp->nr_cmd_pages)
		return 0;
	qp->cmd_pages = kcalloc(qp->nr_cmd_pages, sizeof(*qp->cmd_pages), GFP_KERNEL);
	qp->cmd_pages_free = bitmap_alloc(qp->nr_cmd_pages, GFP_KERNEL);
	if (!qp->cmd_pages || !qp->cmd_pages_free)
		goto free_pages;
	for (i = 0; i < qp->nr_cmd_pages; i++) {
		qp->cmd_pages[i].virt = dma_pool_alloc(qp->ctrl->prp_pool, GFP_KERNEL,
						       &qp->cmd_pages[i].dma);
		if (!qp->cmd_pages[i].virt)
			goto free_pages;
	}
	bitmap_fill(qp->cmd_pages_free, qp->nr_cmd_pages);
	return 0;

free_pages:
	if (qp->cmd_pages)
		usher_qpair_free_cmd_pages(qp);
	else
		bitmap_free(qp->cmd_pages_free);
	return -ENOMEM;
}

static void usher_qpair_free_slots(struct usher_qpair *qp)
{
	kvfree(qp->slots);
	kfree(qp->free);
	kfree(qp->blocks);
}

static int usher_qpair_alloc_slots(struct usher_qpair *qp)
{
	u32 i;

	qp->slots = kvcalloc(qp->depth - 1, sizeof(*qp->slots), GFP_KERNEL);
	qp->free = kcalloc(qp->depth - 1, sizeof(*qp->free), GFP_KERNEL);
	qp->blocks = kcalloc(qp->depth - 1, sizeof(*qp->blocks), GFP_KERNEL);
	if (!qp->slots || !qp->free || !qp->blocks) {
		usher_qpair_free_slots(qp);
		return -ENOMEM;
	}
	/* The lowest index lies on top. */
	for (i = 0; i < qp->depth - 1; i++) {
		qp->slots[i].cid = i;
		qp->free[i] = qp->depth - 2 - i;
	}
	qp->nr_free = qp->depth - 1;
	return 0;
}

static void usher_qpair_set_doorbells(struct usher_qpair *qp)
{
	struct usher_ctrl *ctrl = qp->ctrl;
	u32 sq = 2 * qp->qid * ctrl->db_stride;
	u32 cq = (2 * qp->qid + 1) * ctrl->db_stride;

	qp->sq_db = ctrl->bar + NVME_REG_DBS + sq;
	qp->cq_db = ctrl->bar + NVME_REG_DBS + cq;
	/* The admin queue's doorbells have no shadow. */
	if (qp->qid && ctrl->dbbuf.on) {
		qp->db.sq = (void *)ctrl->dbbuf.dbs + sq;
		qp->db.cq = (void *)ctrl->dbbuf.dbs + cq;
		qp->db.sq_event = (void *)ctrl->dbbuf.eis + sq;
		qp->db.cq_event = (void *)ctrl->dbbuf.eis + cq;
	} else {
		memset(&qp->db, 0, sizeof(qp->db));
	}
}

/**
 * usher_qpair_reset - back to how a new queue starts
 * @qp: queue pair without a command in flight, unknown to the device
 */
void usher_qpair_reset(struct usher_qpair *qp)
{
	spin_lock_irq(&qp->lock);
	memset(qp->cq, 0, qp->depth * sizeof(*qp->cq));
	qp->sq_tail = 0;
	qp->db_tail = 0;
	qp->cq_head = 0;
	qp->db_head = 0;
	qp->phase = 1;
	qp->bogus = 0;
	usher_qpair_set_doorbells(qp);
	if (qp->db.sq) {
		*qp->db.sq = 0;
		*qp->db.cq = 0;
		*qp->db.sq_event = 0;
		*qp->db.cq_event = 0;
	}
	spin_unlock_irq(&qp->lock);
}

/* Makes it usable after usher_qpair_reset(): the device knows the queues. */
void usher_qpair_allow(struct usher_qpair *qp)
{
	spin_lock_irq(&qp->lock);
	qp->stopped = false;
	spin_unlock_irq(&qp->lock);
}

/* Takes no command from here on, and looks at the device's memory no more. */
void usher_qpair_forbid(struct usher_qpair *qp)
{
	spin_lock_irq(&qp->lock);
	qp->stopped = true;
	spin_unlock_irq(&qp->lock);
}

/**
 * usher_qpair_alloc - a queue pair that the device does not know yet
 * @ctrl: the controller, its registers mapped
 * @qid: queue identifier
 * @depth: entries of each queue
 * @nr_cmd_pages: command pages
 * @ops: who uses it
 * @work: what usher_qpair.work does
 *
 * Return: the queue pair, stopped, or NULL without memory.
 */
struct usher_qpair *usher_qpair_alloc(struct usher_ctrl *ctrl, u16 qid,
				      u16 depth, u32 nr_cmd_pages,
				      const struct usher_qpair_ops *ops,
				      work_func_t work)
{
	struct usher_qpair *qp;

	qp = kzalloc(sizeof(*qp), GFP_KERNEL);
	if (!qp)
		return NULL;
	spin_lock_init(&qp->lock);
	usher_clients_init(&qp->clients, depth - 1);
	INIT_LIST_HEAD(&qp->to_tell);
	INIT_WORK(&qp->work, work);
	qp->ctrl = ctrl;
	qp->ops = ops;
	qp->qid = qid;
	qp->depth = depth;
	qp->pass = min_t(u32, depth, qid ? USHER_PASS : USHER_ADMIN_PASS);
	qp->nr_cmd_pages = nr_cmd_pages;
	qp->stopped = true;

	if (usher_qpair_alloc_slots(qp))
		goto free_qp;
	if (usher_qpair_alloc_cmd_pages(qp))
		goto free_slots;
	qp->sq = dma_alloc_coherent(ctrl->dev, depth * sizeof(*qp->sq),
				    &qp->sq_dma, GFP_KERNEL);
	if (!qp->sq)
		goto free_cmd_pages;
	qp->cq = dma_alloc_coherent(ctrl->dev, depth * sizeof(*qp->cq),
				    &qp->cq_dma, GFP_KERNEL);
	if (!qp->cq)
		goto free_sq;
	usher_qpair_reset(qp);
	return qp;

free_sq:
	dma_free_coherent(ctrl->dev, depth * sizeof(*qp->sq), qp->sq,
			  qp->sq_dma);
free_cmd_pages:
	usher_qpair_free_cmd_pages(qp);
free_slots:
	usher_qpair_free_slots(qp);
free_qp:
	kfree(qp);
	return NULL;
}

/**
 * usher_qpair_free_dma - free what the device reached
 * @qp: queue pair that is stopped
 *
 * Before remove() returns, while rings may still hold on to @qp.
 */
void usher_qpair_free_dma(struct usher_qpair *qp)
{
	struct device *dev = qp->ctrl->dev;

	dma_free_coherent(dev, qp->depth * sizeof(*qp->cq), qp->cq, qp->cq_dma);
	dma_free_coherent(dev, qp->depth * sizeof(*qp->sq), qp->sq, qp->sq_dma);
	usher_qpair_free_cmd_pages(qp);
}

/* With the device's last reference: no ring is left. */
void usher_qpair_free(struct usher_qpair *qp)
{
	/* Of rings that waited for blocks when the end came */
	cancel_work_sync(&qp->work);
	usher_qpair_free_slots(qp);
	kfree(qp);
}
