// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which queue pair a ring gets: one to itself while there are any, after that
 * a share of the least loaded one. A queue pair once made stays until the
 * device is unbound.
 */
#include <linux/interrupt.h>
#include <linux/slab.h>

#include "usher.h"

static bool usher_pool_idle(const struct usher_qpair *qp)
{
	return qp && qp->created && !qp->nr_rings;
}

static struct usher_qpair *usher_pool_find_idle(struct usher_device *ud,
						bool polled)
{
	u32 i;

	for (i = 0; i < ud->nr_queues; i++)
		if (usher_pool_idle(ud->qpairs[i]) &&
		    ud->qpairs[i]->polled == polled)
			return ud->qpairs[i];
	return NULL;
}

static struct usher_qpair *usher_pool_least_loaded(struct usher_device *ud,
						   bool polled)
{
	struct usher_qpair *best = NULL;
	u32 i;

	for (i = 0; i < ud->nr_queues; i++) {
		struct usher_qpair *qp = ud->qpairs[i];

		if (!qp || !qp->created || qp->polled != polled)
			continue;
		if (!best || qp->nr_rings < best->nr_rings)
			best = qp;
	}
	return best;
}

/* Interrupt-driven queues that have a vector to themselves, at most */
static bool usher_pool_vector_left(const struct usher_device *ud)
{
	u32 i, used = 0;

	for (i = 0; i < ud->nr_queues; i++)
		if (ud->qpairs[i] && ud->qpairs[i]->has_irq)
			used++;
	return used < max(ud->nr_vectors - 1, 1U);
}

/* Make the queues known to the device; qp->polled says of which kind. */
static int usher_pool_create_queues(struct usher_qpair *qp)
{
	int ret;

	usher_qpair_reset(qp);
	if (!qp->polled && !qp->has_irq) {
		ret = usher_qpair_request_irq(qp);
		if (ret)
			return ret;
	}
	ret = usher_nvme_create_queues(qp);
	if (ret) {
		/* The device may have half of it: not to be tried again. */
		qp->failed = true;
		return ret > 0 ? -EIO : ret;
	}
	qp->created = true;
	return 0;
}

static struct usher_qpair *usher_pool_make(struct usher_device *ud, bool polled)
{
	struct usher_qpair *qp;
	int ret;
	u32 i;

	if (!polled && !usher_pool_vector_left(ud))
		return NULL;
	for (i = 0; i < ud->nr_queues; i++)
		if (!ud->qpairs[i] ||
		    (!ud->qpairs[i]->created && !ud->qpairs[i]->failed))
			break;
	if (i == ud->nr_queues)
		return NULL;
	qp = ud->qpairs[i];
	if (!qp) {
		qp = usher_qpair_alloc(ud, i + 1, ud->q_depth,
				       usher_ring_aux(ud->q_depth),
				       &usher_ring_ops);
		if (!qp)
			return ERR_PTR(-ENOMEM);
		/* Pairs with the acquire of those who walk without the lock. */
		smp_store_release(&ud->qpairs[i], qp);
	}
	qp->polled = polled;
	ret = usher_pool_create_queues(qp);
	return ret ? ERR_PTR(ret) : qp;
}

/* An idle queue pair of the other kind: empty, so deleting it is quick. */
static struct usher_qpair *usher_pool_convert(struct usher_device *ud,
					      bool polled)
{
	struct usher_qpair *qp = usher_pool_find_idle(ud, !polled);
	int ret;

	if (!qp || (!polled && !usher_pool_vector_left(ud)))
		return NULL;
	qp->created = false;
	ret = usher_nvme_delete_queues(qp);
	if (ret) {
		qp->failed = true;
		return ERR_PTR(ret > 0 ? -EIO : ret);
	}
	if (polled)
		usher_qpair_free_irq(qp);
	qp->polled = polled;
	ret = usher_pool_create_queues(qp);
	return ret ? ERR_PTR(ret) : qp;
}

static void usher_pool_set_affinity(struct usher_qpair *qp, int cpu)
{
	if (qp->has_irq && qp->vector)
		irq_set_affinity_and_hint(qp->irq, cpumask_of(cpu));
}

/* In a slow section */
static struct usher_qpair *usher_pool_choose(struct usher_device *ud,
					     bool polled, int cpu)
{
	struct usher_qpair *qp;

	mutex_lock(&ud->qpair_lock);
	qp = usher_pool_find_idle(ud, polled);
	if (!qp)
		qp = usher_pool_make(ud, polled);
	if (!qp)
		qp = usher_pool_convert(ud, polled);
	if (!IS_ERR_OR_NULL(qp))
		usher_pool_set_affinity(qp, cpu);
	/* A queue that could not be made is no reason not to share another. */
	if (IS_ERR_OR_NULL(qp) && usher_state(ud) == USHER_LIVE)
		qp = usher_pool_least_loaded(ud, polled) ?: qp;
	if (!qp)
		qp = ERR_PTR(-EBUSY);
	if (!IS_ERR(qp))
		qp->nr_rings++;
	mutex_unlock(&ud->qpair_lock);
	return qp;
}

/**
 * struct usher_pool_request - a ring wants a queue pair
 * @work: makes it: a process that is killed half way through the admin commands
 *	would leave a queue that nobody can use
 * @ref: the process and the work
 * @done: @qp was set
 * @taken: set by the first of the two to be through; the second knows that the
 *	other has left, or has finished
 * @ud: the device; holds a reference
 * @polled: without interrupts
 * @cpu: near which the interrupt is wanted
 * @qp: the answer, or an ERR_PTR
 */
struct usher_pool_request {
	struct work_struct	work;
	struct kref		ref;
	struct completion	done;
	atomic_t		taken;
	struct usher_device	*ud;
	bool			polled;
	int			cpu;
	struct usher_qpair	*qp;
};

static void usher_pool_request_release(struct kref *ref)
{
	struct usher_pool_request *req =
		container_of(ref, struct usher_pool_request, ref);

	usher_device_put(req->ud);
	kfree(req);
}

static void usher_pool_work(struct work_struct *work)
{
	struct usher_pool_request *req =
		container_of(work, struct usher_pool_request, work);
	int idx, ret;

	ret = usher_enter_slow(req->ud, &idx);
	if (ret) {
		req->qp = ERR_PTR(ret);
	} else {
		req->qp = usher_pool_choose(req->ud, req->polled, req->cpu);
		usher_leave_slow(req->ud, idx);
	}
	/* The process was killed meanwhile. */
	if (atomic_xchg(&req->taken, 1) && !IS_ERR(req->qp))
		usher_pool_put(req->qp);
	complete(&req->done);
	kref_put(&req->ref, usher_pool_request_release);
}

/**
 * usher_pool_get - a queue pair for a new ring
 * @ud: the device
 * @polled: without interrupts
 *
 * Return: the queue pair, or an ERR_PTR: EBUSY when no queue of that kind is
 * left to share, EINTR when the process was killed.
 */
struct usher_qpair *usher_pool_get(struct usher_device *ud, bool polled)
{
	struct usher_pool_request *req;
	struct usher_qpair *qp;

	req = kzalloc(sizeof(*req), GFP_KERNEL);
	if (!req)
		return ERR_PTR(-ENOMEM);
	INIT_WORK(&req->work, usher_pool_work);
	kref_init(&req->ref);
	kref_get(&req->ref);
	init_completion(&req->done);
	kref_get(&ud->ref);
	req->ud = ud;
	req->polled = polled;
	req->cpu = raw_smp_processor_id();
	queue_work(usher_slow_wq, &req->work);

	if (wait_for_completion_killable(&req->done) &&
	    !atomic_xchg(&req->taken, 1))
		qp = ERR_PTR(-EINTR);
	else
		qp = req->qp;
	kref_put(&req->ref, usher_pool_request_release);
	return qp;
}

void usher_pool_put(struct usher_qpair *qp)
{
	mutex_lock(&qp->ud->qpair_lock);
	qp->nr_rings--;
	mutex_unlock(&qp->ud->qpair_lock);
}

/**
 * usher_pool_restart - make all queue pairs known to the device again
 * @ud: the device, just reset and started
 */
int usher_pool_restart(struct usher_device *ud)
{
	int ret = 0;
	u32 i;

	mutex_lock(&ud->qpair_lock);
	for (i = 0; i < USHER_MAX_QPAIRS && !ret; i++) {
		struct usher_qpair *qp = ud->qpairs[i];

		if (!qp)
			continue;
		qp->failed = false;
		if (!qp->created)
			continue;
		qp->created = false;
		ret = i < ud->nr_queues ? usher_pool_create_queues(qp) : -EIO;
	}
	mutex_unlock(&ud->qpair_lock);
	return ret;
}
