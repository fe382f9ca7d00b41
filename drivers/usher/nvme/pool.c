// SPDX-License-Identifier: GPL-2.0-only
/*
 * The I/O queue pairs of a controller: making, sharing and ending them. They are
 * made by a work item, since a process that is killed half way through the admin
 * commands would leave a queue that nobody can use.
 */
#include <linux/cpumask.h>
#include <linux/completion.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/kref.h>
#include <linux/slab.h>

#include "core/device.h"
#include "core/wq.h"
#include "nvme/ioqueue.h"
#include "nvme/irq.h"
#include "nvme/pool.h"
#include "nvme/prp.h"
#include "nvme/qpair.h"

static bool usher_pool_idle(const struct usher_qpair *qp)
{
	return qp && qp->created && !atomic_read(&qp->nr_rings);
}

static struct usher_qpair *usher_pool_find_idle(struct usher_pool *pool,
						bool polled)
{
	const struct usher_ctrl *ctrl = pool->ud->ctrl;
	u32 i;

	for (i = 0; i < ctrl->nr_queues; i++)
		if (usher_pool_idle(pool->qpairs[i]) &&
		    pool->qpairs[i]->polled == polled)
			return pool->qpairs[i];
	return NULL;
}

static struct usher_qpair *usher_pool_least_loaded(struct usher_pool *pool,
						   bool polled)
{
	const struct usher_ctrl *ctrl = pool->ud->ctrl;
	struct usher_qpair *best = NULL;
	u32 i;

	for (i = 0; i < ctrl->nr_queues; i++) {
		struct usher_qpair *qp = pool->qpairs[i];

		if (!qp || !qp->created || qp->polled != polled)
			continue;
		if (!best || atomic_read(&qp->nr_rings) < atomic_read(&best->nr_rings))
			best = qp;
	}
	return best;
}

/* Interrupt-driven queues that have a vector to themselves, at most */
static bool usher_pool_vector_left(const struct usher_pool *pool)
{
	const struct usher_ctrl *ctrl = pool->ud->ctrl;
	u32 i, used = 0;

	for (i = 0; i < ctrl->nr_queues; i++)
		if (pool->qpairs[i] && pool->qpairs[i]->has_irq)
			used++;
	return used < max(ctrl->nr_vectors - 1, 1U);
}

/*
 * May one more queue be polled? The last one that can have an interrupt may not:
 * who comes next may want a ring with interrupts, which no polled queue can give.
 */
static bool usher_pool_may_poll(const struct usher_pool *pool)
{
	const struct usher_ctrl *ctrl = pool->ud->ctrl;
	u32 i, left = 0;

	for (i = 0; i < ctrl->nr_queues; i++) {
		const struct usher_qpair *qp = pool->qpairs[i];

		if (!qp || (qp->created ? !qp->polled : !qp->failed))
			left++;
	}
	return left > 1;
}

/* May a queue of this kind be made? */
static bool usher_pool_may_make(const struct usher_pool *pool, bool polled)
{
	return polled ? usher_pool_may_poll(pool) : usher_pool_vector_left(pool);
}

/* Make the queues known to the device; qp->polled says of which kind. */
static int usher_pool_create_queues(struct usher_qpair *qp)
{
	int ret;

	usher_qpair_reset(qp);
	if (!qp->polled && !qp->has_irq) {
		ret = usher_irq_request(qp);
		if (ret)
			return ret;
	}
	ret = usher_ioqueue_create(qp);
	if (ret) {
		/* The device may have half of it: not to be tried again. */
		qp->failed = true;
		return ret > 0 ? -EIO : ret;
	}
	qp->created = true;
	return 0;
}

/* With lists of their own every command wants a command page. */
static u32 usher_pool_cmd_pages(u16 depth)
{
	return usher_prps_own_lists() ? depth - 1 : USHER_CMD_PAGES;
}

static struct usher_qpair *usher_pool_make(struct usher_pool *pool, bool polled)
{
	const struct usher_ctrl *ctrl = pool->ud->ctrl;
	struct usher_qpair *qp;
	int ret;
	u32 i;

	if (!usher_pool_may_make(pool, polled))
		return NULL;
	for (i = 0; i < ctrl->nr_queues; i++)
		if (!pool->qpairs[i] ||
		    (!pool->qpairs[i]->created && !pool->qpairs[i]->failed))
			break;
	if (i == ctrl->nr_queues)
		return NULL;
	qp = pool->qpairs[i];
	if (!qp) {
		qp = usher_qpair_alloc(pool->ud->ctrl, i + 1, ctrl->q_depth,
				       usher_pool_cmd_pages(ctrl->q_depth),
				       pool->ops, pool->work);
		if (!qp)
			return ERR_PTR(-ENOMEM);
		/* Pairs with the acquire of those who walk without the lock. */
		smp_store_release(&pool->qpairs[i], qp);
	}
	qp->polled = polled;
	ret = usher_pool_create_queues(qp);
	return ret ? ERR_PTR(ret) : qp;
}

/* An idle queue pair of the other kind: empty, so deleting it is quick. */
static struct usher_qpair *usher_pool_convert(struct usher_pool *pool,
					      bool polled)
{
	struct usher_qpair *qp = usher_pool_find_idle(pool, !polled);
	int ret;

	if (!qp || !usher_pool_may_make(pool, polled))
		return NULL;
	qp->created = false;
	ret = usher_ioqueue_delete(qp);
	if (ret) {
		qp->failed = true;
		return ERR_PTR(ret > 0 ? -EIO : ret);
	}
	if (polled)
		usher_irq_free(qp);
	qp->polled = polled;
	ret = usher_pool_create_queues(qp);
	return ret ? ERR_PTR(ret) : qp;
}

/*
 * Did somebody else say where the interrupt is to be? As long as a move is pending, the
 * mask tells of neither.
 */
static bool usher_pool_affinity_taken(const struct usher_qpair *qp)
{
	struct irq_data *data = irq_get_irq_data(qp->irq);

	return qp->affinity && (irqd_is_setaffinity_pending(data) ||
				!cpumask_equal(irq_data_get_affinity_mask(data), qp->affinity));
}

/* Where the ring is that the queue was taken for, unless an administrator chose */
static void usher_pool_set_affinity(struct usher_qpair *qp, int cpu)
{
	if (!qp->has_irq || !qp->vector || usher_pool_affinity_taken(qp))
		return;
	if (!irq_set_affinity_and_hint(qp->irq, cpumask_of(cpu)))
		qp->affinity = cpumask_of(cpu);
}

/* A queue of one kind: of its own, or shared when there is none */
static struct usher_qpair *usher_pool_find(struct usher_pool *pool, bool polled)
{
	struct usher_qpair *qp;

	qp = usher_pool_find_idle(pool, polled);
	if (!qp)
		qp = usher_pool_make(pool, polled);
	if (!qp)
		qp = usher_pool_convert(pool, polled);
	/* A queue that could not be made is no reason not to share another. */
	if (IS_ERR_OR_NULL(qp) && usher_dev_state(pool->ud) == USHER_LIVE)
		qp = usher_pool_least_loaded(pool, polled) ?: qp;
	return qp;
}

/*
 * In a slow section. Whatever rings there are already, one more of either kind finds
 * a queue: one for interrupts is always left, and a polled ring can look at a queue
 * that has interrupts, too.
 */
static struct usher_qpair *usher_pool_choose(struct usher_pool *pool,
					     bool polled, int cpu)
{
	struct usher_qpair *qp;

	mutex_lock(&pool->lock);
	qp = usher_pool_find(pool, polled);
	if (!qp && polled)
		qp = usher_pool_find(pool, false);
	if (!qp)
		qp = ERR_PTR(-EBUSY);
	if (!IS_ERR(qp) && atomic_inc_return(&qp->nr_rings) == 1)
		usher_pool_set_affinity(qp, cpu);
	mutex_unlock(&pool->lock);
	return qp;
}

/*
 * struct usher_pool_request - a ring wants a queue pair
 */
struct usher_pool_request {
	struct list_head	node;	/* in usher_pool.requests, or of its work */
	struct kref		ref;	/* the process and the work */
	struct completion	done;	/* @qp was set */
	/*
	 * Set by the first of the two to be through; the second knows that the
	 * other has left, or has finished.
	 */
	atomic_t		taken;
	struct usher_pool	*pool;	/* its device is referenced */
	bool			polled;	/* without interrupts */
	int			cpu;	/* near which the interrupt is wanted */
	struct usher_qpair	*qp;	/* the answer, or an ERR_PTR */
};

static void usher_pool_request_release(struct kref *ref)
{
	struct usher_pool_request *req =
		container_of(ref, struct usher_pool_request, ref);

	usher_dev_put(req->pool->ud);
	kfree(req);
}

static struct usher_qpair *usher_pool_try_answer(const struct usher_pool_request *req)
{
	struct usher_device *ud = req->pool->ud;
	struct usher_qpair *qp;
	int idx, ret;

	ret = usher_dev_enter_slow(ud, &idx);
	if (ret)
		return ERR_PTR(ret);
	qp = usher_pool_choose(req->pool, req->polled, req->cpu);
	usher_dev_exit_slow(ud, idx);
	return qp;
}

static void usher_pool_answer(struct usher_pool_request *req)
{
	/* Again when a reset came in between; but a device that hangs, not for the dead. */
	do {
		if (atomic_read(&req->taken))
			return;
		req->qp = usher_pool_try_answer(req);
	} while (req->qp == ERR_PTR(-EAGAIN));
	/* The process was killed meanwhile. */
	if (atomic_xchg(&req->taken, 1) && !IS_ERR(req->qp))
		usher_pool_put(req->qp);
	complete(&req->done);
}

/*
 * Requests of a device are answered by one worker, one after the other: however many
 * wait for a device that hangs, they keep no workers from other devices.
 */
static void usher_pool_work(struct work_struct *work)
{
	struct usher_pool *pool = container_of(work, struct usher_pool, requests_work);
	struct usher_pool_request *req, *next;
	LIST_HEAD(requests);

	spin_lock(&pool->requests_lock);
	list_splice_init(&pool->requests, &requests);
	spin_unlock(&pool->requests_lock);
	/* The last one may let go of the device, and the pool with it. */
	list_for_each_entry_safe(req, next, &requests, node) {
		usher_pool_answer(req);
		kref_put(&req->ref, usher_pool_request_release);
	}
}

/**
 * usher_pool_get - a queue pair for a new ring
 * @pool: of the device
 * @polled: without interrupts
 *
 * Return: the queue pair, or an ERR_PTR: EBUSY when there is none that it could
 * share, EINTR when the process was killed.
 */
struct usher_qpair *usher_pool_get(struct usher_pool *pool, bool polled)
{
	struct usher_pool_request *req;
	struct usher_qpair *qp;

	req = kzalloc(sizeof(*req), GFP_KERNEL_ACCOUNT);
	if (!req)
		return ERR_PTR(-ENOMEM);
	kref_init(&req->ref);
	kref_get(&req->ref);
	init_completion(&req->done);
	usher_dev_get(pool->ud);
	req->pool = pool;
	req->polled = polled;
	req->cpu = raw_smp_processor_id();
	spin_lock(&pool->requests_lock);
	list_add_tail(&req->node, &pool->requests);
	spin_unlock(&pool->requests_lock);
	queue_work(usher_slow_wq, &pool->requests_work);

	if (wait_for_completion_killable(&req->done) &&
	    !atomic_xchg(&req->taken, 1))
		qp = ERR_PTR(-EINTR);
	else
		qp = req->qp;
	kref_put(&req->ref, usher_pool_request_release);
	return qp;
}

/* Waits for nobody: a queue that is being made may take long. */
void usher_pool_put(struct usher_qpair *qp)
{
	atomic_dec(&qp->nr_rings);
}

/**
 * usher_pool_next - walk over the queue pairs, without the lock
 * @pool: of the device
 * @i: where to go on; 0 at first, and moved on
 *
 * A queue pair that was made stays until teardown.
 *
 * Return: the next queue pair, or NULL after the last.
 */
struct usher_qpair *usher_pool_next(struct usher_pool *pool, u32 *i)
{
	struct usher_qpair *qp;

	while (*i < USHER_MAX_QPAIRS) {
		/* Pairs with the release in usher_pool_make(). */
		qp = smp_load_acquire(&pool->qpairs[(*i)++]);
		if (qp)
			return qp;
	}
	return NULL;
}

/* ---- start, stop and the end ---- */

/**
 * usher_pool_restart - make all queue pairs known to the device again
 * @pool: of a device that was just reset and started
 *
 * Return: 0 or a negative errno.
 */
int usher_pool_restart(struct usher_pool *pool)
{
	int ret = 0;
	u32 i;

	mutex_lock(&pool->lock);
	for (i = 0; i < USHER_MAX_QPAIRS && !ret; i++) {
		struct usher_qpair *qp = pool->qpairs[i];

		if (!qp)
			continue;
		qp->failed = false;
		if (!qp->created)
			continue;
		qp->created = false;
		ret = i < pool->ud->ctrl->nr_queues ?
			usher_pool_create_queues(qp) : -EIO;
	}
	mutex_unlock(&pool->lock);
	return ret;
}

/**
 * usher_pool_stop - complete what is in flight
 * @pool: of a device that was told to stop; no section submits to it
 * @dma: what proves that it no longer reaches memory
 */
void usher_pool_stop(struct usher_pool *pool, enum usher_dma_proof dma)
{
	struct usher_qpair *qp;
	u32 i;

	mutex_lock(&pool->lock);
	for (i = 0; (qp = usher_pool_next(pool, &i)); )
		usher_qpair_stop(qp, dma);
	mutex_unlock(&pool->lock);
}

/* The device is GONE and stopped: nothing comes that would need the work. */
void usher_pool_cancel_work(struct usher_pool *pool)
{
	struct usher_qpair *qp;
	u32 i;

	for (i = 0; (qp = usher_pool_next(pool, &i)); )
		usher_qpair_cancel_work(qp);
}

void usher_pool_free_irqs(struct usher_pool *pool)
{
	struct usher_qpair *qp;
	u32 i;

	for (i = 0; (qp = usher_pool_next(pool, &i)); )
		usher_irq_free(qp);
}

/* The device no longer reaches memory. */
void usher_pool_free_dma(struct usher_pool *pool)
{
	struct usher_qpair *qp;
	u32 i;

	for (i = 0; (qp = usher_pool_next(pool, &i)); )
		usher_qpair_free_dma(qp);
}

void usher_pool_init(struct usher_pool *pool, struct usher_device *ud,
		     const struct usher_qpair_ops *ops, work_func_t work)
{
	spin_lock_init(&pool->requests_lock);
	INIT_LIST_HEAD(&pool->requests);
	INIT_WORK(&pool->requests_work, usher_pool_work);
	mutex_init(&pool->lock);
	pool->ud = ud;
	pool->ops = ops;
	pool->work = work;
	ud->pool = pool;
}

/* With the device: no ring is left. */
void usher_pool_free(struct usher_pool *pool)
{
	struct usher_qpair *qp;
	u32 i;

	for (i = 0; (qp = usher_pool_next(pool, &i)); )
		usher_qpair_free(qp);
}
