// SPDX-License-Identifier: GPL-2.0-only
/*
 * A PCI function from probe to remove: its states, its reset, its end.
 */
#include <linux/delay.h>
#include <linux/idr.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "trace.h"
#include "usher.h"

/* How often the watchdog looks */
#define USHER_WATCHDOG_PERIOD	(HZ / 2)

/* What commands in flight have before an orderly stop */
#define USHER_FINISH_TIMEOUT	(HZ / 2)

/* Resets in a row, without a watchdog period without fault in between */
#define USHER_MAX_RESETS	3

static DEFINE_IDA(usher_ids);

/* Devices that may reach memory for ever: kept, with that memory, and with us */
static LIST_HEAD(usher_lost);
static DEFINE_SPINLOCK(usher_lost_lock);

/* ---- states ---- */

bool usher_state_legal(enum usher_state from, enum usher_state to)
{
	switch (to) {
	case USHER_LIVE:
		return from == USHER_NEW || from == USHER_RESETTING;
	case USHER_RESETTING:
		return from == USHER_LIVE;
	case USHER_GONE:
		return from != USHER_GONE;
	default:
		return false;
	}
}

/* The only place that changes the state. */
bool usher_set_state(struct usher_device *ud, enum usher_state to)
{
	unsigned long flags;
	bool legal;

	spin_lock_irqsave(&ud->state_lock, flags);
	legal = usher_state_legal(ud->state, to);
	if (legal)
		WRITE_ONCE(ud->state, to);
	spin_unlock_irqrestore(&ud->state_lock, flags);
	if (legal) {
		trace_usher_state(ud, to);
		wake_up_all(&ud->admin_wait);
	}
	return legal;
}

static int usher_enter_srcu(struct usher_device *ud, struct srcu_struct *srcu,
			    int *idx)
{
	enum usher_state state;

	*idx = srcu_read_lock(srcu);
	state = usher_state(ud);
	if (likely(state == USHER_LIVE)) {
		/* For sparse: the caller holds it until it leaves. */
		__release(srcu);
		return 0;
	}
	srcu_read_unlock(srcu, *idx);
	return state == USHER_GONE ? -ENODEV : -EAGAIN;
}

/**
 * usher_enter - begin a section in which the device stays as it is
 * @ud: the device
 * @idx: for usher_leave()
 *
 * Teardown, reset and revocation wait for the sections to end: no access to
 * user memory, no pinning and no wait in them.
 *
 * Return: 0; -EAGAIN during a reset; -ENODEV when the device is gone.
 */
int usher_enter(struct usher_device *ud, int *idx)
{
	return usher_enter_srcu(ud, &ud->srcu, idx);
}

/* Returns 0 when no reset is under way, -EINTR or -ETIME. */
static int usher_await_reset(struct usher_device *ud, ktime_t deadline)
{
	/* A relative time below zero would be taken for one without end. */
	ktime_t left = deadline == KTIME_MAX ? KTIME_MAX :
		       max_t(ktime_t, ktime_sub(deadline, ktime_get()), 0);
	int ret;

	ret = wait_event_interruptible_hrtimeout(ud->admin_wait,
						 usher_state(ud) != USHER_RESETTING,
						 left);
	return ret && ret != -ETIME ? -EINTR : ret;
}

/**
 * usher_enter_until - begin a section, after a reset that is under way
 * @ud: the device
 * @idx: for usher_leave()
 * @deadline: on CLOCK_MONOTONIC
 *
 * Return: 0, -ENODEV, -EINTR or -ETIME.
 */
int usher_enter_until(struct usher_device *ud, int *idx, ktime_t deadline)
{
	int ret;

	while ((ret = usher_enter(ud, idx)) == -EAGAIN) {
		ret = usher_await_reset(ud, deadline);
		if (ret)
			return ret;
	}
	return ret;
}

void usher_leave(struct usher_device *ud, int idx)
{
	/* For sparse: usher_enter() took it. */
	__acquire(&ud->srcu);
	srcu_read_unlock(&ud->srcu, idx);
}

/**
 * usher_enter_slow - begin a section that may wait for an admin command
 * @ud: the device
 * @idx: for usher_leave_slow()
 *
 * Only teardown and reset wait for these, and the change of state that comes
 * first ends the wait for the command. No command of a ring is submitted in
 * them. Waits for a reset that is under way.
 *
 * Return: 0, -ENODEV or -EINTR.
 */
int usher_enter_slow(struct usher_device *ud, int *idx)
{
	int ret;

	while ((ret = usher_enter_srcu(ud, &ud->slow, idx)) == -EAGAIN) {
		ret = usher_await_reset(ud, KTIME_MAX);
		if (ret)
			return ret;
	}
	return ret;
}

void usher_leave_slow(struct usher_device *ud, int idx)
{
	/* For sparse: usher_enter_slow() took it. */
	__acquire(&ud->slow);
	srcu_read_unlock(&ud->slow, idx);
}

/* The state was changed: wait until all sections that saw the old one ended. */
static void usher_drain(struct usher_device *ud)
{
	synchronize_srcu(&ud->srcu);
	synchronize_srcu(&ud->slow);
}

/* A queue pair, without qpair_lock: once there, it stays until teardown. */
static struct usher_qpair *usher_qpair_at(struct usher_device *ud, u32 i)
{
	/* Pairs with the release in usher_pool_make(). */
	return smp_load_acquire(&ud->qpairs[i]);
}

/* Everyone who waits on a ring looks again. */
void usher_device_wake(struct usher_device *ud)
{
	bool gone = usher_state(ud) == USHER_GONE;
	struct usher_qpair *qp;
	u32 i;

	for (i = 0; i < USHER_MAX_QPAIRS; i++) {
		qp = usher_qpair_at(ud, i);
		if (qp)
			usher_rings_wake(qp, gone);
	}
}

/* ---- stopping ---- */

/* Reap all I/O queues; answers whether commands are in flight. */
static bool usher_device_busy(struct usher_device *ud)
{
	bool busy = false;
	u32 i;

	for (i = 0; i < USHER_MAX_QPAIRS; i++) {
		struct usher_qpair *qp = usher_qpair_at(ud, i);

		if (!qp)
			continue;
		spin_lock_irq(&qp->lock);
		usher_qpair_reap(qp);
		busy |= !qp->stopped && qp->nr_free < qp->depth - 1;
		spin_unlock_irq(&qp->lock);
	}
	return busy;
}

/*
 * Let a controller that works finish what it has before it is stopped for good
 * (Base Specification 2.0, 3.6.1). What takes longer is given up.
 */
static void usher_device_finish(struct usher_device *ud)
{
	unsigned long end = jiffies + USHER_FINISH_TIMEOUT;

	if (usher_nvme_fatal(ud))
		return;
	while (usher_device_busy(ud) && time_before(jiffies, end))
		usleep_range(500, 1000);
}

/* No section submits any more: stop the device, then complete what is left. */
static void usher_device_stop(struct usher_device *ud, bool shutdown)
{
	struct usher_qpair *qp;
	u32 i;

	if (!ud->dma_stopped && shutdown)
		usher_device_finish(ud);
	if (!ud->dma_stopped)
		ud->dma_stopped = usher_nvme_stop(ud, shutdown);
	mutex_lock(&ud->qpair_lock);
	for (i = 0; i < USHER_MAX_QPAIRS; i++) {
		qp = ud->qpairs[i];
		if (qp)
			usher_qpair_stop(qp, !ud->dma_stopped);
	}
	usher_qpair_stop(ud->admin, !ud->dma_stopped);
	mutex_unlock(&ud->qpair_lock);
}

/* The end of all I/O, seen by the reset: the function is still bound. */
static void usher_device_die(struct usher_device *ud)
{
	usher_set_state(ud, USHER_GONE);
	usher_device_wake(ud);
	usher_drain(ud);
	usher_device_stop(ud, false);
	usher_device_wake(ud);
}

/* The end of all I/O, seen from outside: nothing of ours runs any more. */
static void usher_device_end(struct usher_device *ud, bool shutdown)
{
	u32 i;

	usher_set_state(ud, USHER_GONE);
	usher_device_wake(ud);
	usher_drain(ud);
	/* Their waits end with the change of state. */
	cancel_delayed_work_sync(&ud->watchdog);
	cancel_work_sync(&ud->reset_work);
	usher_device_stop(ud, shutdown);
	usher_device_wake(ud);
	/* Until the queues were stopped, their interrupts could queue work. */
	cancel_work_sync(&ud->reset_work);
	cancel_work_sync(&ud->event_work);
	for (i = 0; i < USHER_MAX_QPAIRS; i++)
		if (ud->qpairs[i])
			cancel_work_sync(&ud->qpairs[i]->serve_work);
}

/* ---- reset ---- */

static int usher_device_restart(struct usher_device *ud)
{
	int ret;

	usher_device_stop(ud, false);
	if (!ud->dma_stopped || !pci_device_is_present(ud->pdev))
		return -EIO;
	pci_set_master(ud->pdev);
	ret = usher_nvme_start(ud);
	if (!ret)
		ret = usher_pool_restart(ud);
	/* Before commands are taken again: the formats may be others now. */
	if (!ret)
		ret = usher_ns_scan(ud);
	return ret;
}

/* Rings that wait for slots try again. */
static void usher_device_serve_all(struct usher_device *ud)
{
	struct usher_qpair *qp;
	int idx;
	u32 i;

	if (usher_enter(ud, &idx))
		return;
	for (i = 0; i < USHER_MAX_QPAIRS; i++) {
		qp = usher_qpair_at(ud, i);
		if (qp)
			usher_qpair_serve(qp);
	}
	usher_leave(ud, idx);
}

static void usher_reset_work(struct work_struct *work)
{
	struct usher_device *ud =
		container_of(work, struct usher_device, reset_work);
	int ret = -EIO;

	if (!usher_set_state(ud, USHER_RESETTING))
		return;
	cancel_work_sync(&ud->event_work);
	usher_drain(ud);
	if (++ud->resets <= USHER_MAX_RESETS)
		ret = usher_device_restart(ud);
	if (ret || !usher_set_state(ud, USHER_LIVE)) {
		dev_err(&ud->pdev->dev, "the controller cannot be reset, giving it up: %d\n",
			ret);
		usher_device_die(ud);
		return;
	}
	dev_notice(&ud->pdev->dev, "the controller was reset\n");
	usher_device_wake(ud);
	usher_device_serve_all(ud);
}

/**
 * usher_device_fault - the device misbehaves: reset it
 * @ud: the device
 * @why: what was seen
 *
 * Context: any.
 */
void usher_device_fault(struct usher_device *ud, const char *why)
{
	if (usher_state(ud) != USHER_LIVE)
		return;
	dev_warn_ratelimited(&ud->pdev->dev, "%s: resetting the controller\n",
			     why);
	queue_work(usher_wq, &ud->reset_work);
}

/* ---- watchdog ---- */

/* Did a command complete since the last look? */
static bool usher_device_progressed(struct usher_device *ud)
{
	struct usher_qpair *qp;
	u64 completed = 0;
	bool progressed;
	u32 i;

	for (i = 0; i < USHER_MAX_QPAIRS; i++) {
		qp = usher_qpair_at(ud, i);
		if (qp)
			completed += READ_ONCE(qp->completed);
	}
	progressed = completed != ud->completed;
	ud->completed = completed;
	return progressed;
}

static bool usher_watchdog_expire(struct usher_device *ud)
{
	bool late = usher_qpair_expire(ud->admin, 0);
	struct usher_qpair *qp;
	u32 i;

	for (i = 0; i < USHER_MAX_QPAIRS; i++) {
		qp = usher_qpair_at(ud, i);
		if (qp && usher_qpair_expire(qp, usher_timeout()))
			late = true;
	}
	return late;
}

static void usher_watchdog(struct work_struct *work)
{
	struct usher_device *ud = container_of(to_delayed_work(work),
					       struct usher_device, watchdog);

	if (usher_state(ud) == USHER_GONE)
		return;
	if (usher_state(ud) == USHER_LIVE) {
		if (usher_watchdog_expire(ud))
			usher_device_fault(ud, "a command did not return");
		else if (usher_nvme_fatal(ud))
			usher_device_fault(ud, "controller fatal status");
		else if (usher_device_progressed(ud))
			ud->resets = 0;
		/* What it reaped may be what rings wait for. */
		usher_device_serve_all(ud);
	}
	queue_delayed_work(usher_wq, &ud->watchdog, USHER_WATCHDOG_PERIOD);
}

static void usher_event_work(struct work_struct *work)
{
	usher_ns_event(container_of(work, struct usher_device, event_work));
}

/* ---- life ---- */

static void usher_device_release(struct kref *ref)
{
	struct usher_device *ud = container_of(ref, struct usher_device, ref);
	u32 i;

	for (i = 0; i < USHER_MAX_QPAIRS; i++)
		if (ud->qpairs[i])
			usher_qpair_free(ud->qpairs[i]);
	if (ud->admin)
		usher_qpair_free(ud->admin);
	xa_destroy(&ud->namespaces);
	cleanup_srcu_struct(&ud->slow);
	cleanup_srcu_struct(&ud->srcu);
	ida_free(&usher_ids, ud->id);
	pci_dev_put(ud->pdev);
	kfree(ud);
}

void usher_device_put(struct usher_device *ud)
{
	kref_put(&ud->ref, usher_device_release);
}

static struct usher_device *usher_device_alloc(struct pci_dev *pdev)
{
	struct usher_device *ud;
	int id;

	ud = kzalloc(sizeof(*ud), GFP_KERNEL);
	if (!ud)
		return NULL;
	id = ida_alloc(&usher_ids, GFP_KERNEL);
	if (id < 0)
		goto free_ud;
	if (init_srcu_struct(&ud->srcu))
		goto free_id;
	if (init_srcu_struct(&ud->slow))
		goto cleanup_srcu;
	ud->id = id;
	ud->dma_stopped = true;
	ud->pdev = pci_dev_get(pdev);
	kref_init(&ud->ref);
	spin_lock_init(&ud->state_lock);
	INIT_WORK(&ud->reset_work, usher_reset_work);
	INIT_DELAYED_WORK(&ud->watchdog, usher_watchdog);
	INIT_WORK(&ud->event_work, usher_event_work);
	atomic_set(&ud->own_places, USHER_ADMIN_OWN_CMDS);
	atomic_set(&ud->user_places, USHER_ADMIN_USER_CMDS);
	init_waitqueue_head(&ud->admin_wait);
	mutex_init(&ud->qpair_lock);
	mutex_init(&ud->grant_lock);
	mutex_init(&ud->buf_lock);
	INIT_LIST_HEAD(&ud->buffers);
	mutex_init(&ud->ns_lock);
	xa_init(&ud->namespaces);
	return ud;

cleanup_srcu:
	cleanup_srcu_struct(&ud->srcu);
free_id:
	ida_free(&usher_ids, id);
free_ud:
	kfree(ud);
	return NULL;
}

/* ---- the PCI function ---- */

static int usher_pci_vectors(struct usher_device *ud)
{
	int n = pci_alloc_irq_vectors(ud->pdev, 1, USHER_MAX_QPAIRS + 1,
				      PCI_IRQ_MSIX | PCI_IRQ_MSI);

	if (n < 0) {
		dev_err(&ud->pdev->dev, "the function has neither MSI-X nor MSI that works: %d\n",
			n);
		return n;
	}
	ud->nr_vectors = n;
	return 0;
}

static int usher_pci_map(struct usher_device *ud)
{
	struct pci_dev *pdev = ud->pdev;

	ud->bar_bytes = min_t(u64, pci_resource_len(pdev, 0), SZ_16M);
	if (!(pci_resource_flags(pdev, 0) & IORESOURCE_MEM) ||
	    ud->bar_bytes < NVME_REG_DBS + SZ_4K) {
		dev_err(&pdev->dev, "BAR 0 does not hold NVMe registers\n");
		return -ENODEV;
	}
	ud->bar = ioremap(pci_resource_start(pdev, 0), ud->bar_bytes);
	return ud->bar ? 0 : -ENOMEM;
}

static int usher_pci_enable(struct usher_device *ud)
{
	struct pci_dev *pdev = ud->pdev;
	int ret;

	ret = pci_enable_device_mem(pdev);
	if (ret)
		return ret;
	ret = pci_request_mem_regions(pdev, "usher");
	if (ret)
		goto disable;
	ret = usher_pci_map(ud);
	if (ret)
		goto release_regions;
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		goto unmap;
	/* A buffer's segments become pages again: any size, anywhere. */
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);
	dma_set_seg_boundary(&pdev->dev, ULONG_MAX);
	ret = usher_pci_vectors(ud);
	if (ret)
		goto unmap;
	pci_set_master(pdev);
	return 0;

unmap:
	iounmap(ud->bar);
release_regions:
	pci_release_mem_regions(pdev);
disable:
	pci_disable_device(pdev);
	return ret;
}

static void usher_pci_disable(struct usher_device *ud)
{
	pci_free_irq_vectors(ud->pdev);
	iounmap(ud->bar);
	pci_release_mem_regions(ud->pdev);
	pci_disable_device(ud->pdev);
}

static void usher_free_irqs(struct usher_device *ud)
{
	u32 i;

	for (i = 0; i < USHER_MAX_QPAIRS; i++)
		if (ud->qpairs[i])
			usher_qpair_free_irq(ud->qpairs[i]);
	usher_qpair_free_irq(ud->admin);
}

/* Namespaces and the controller's node: from here on it can be opened. */
static int usher_device_publish(struct usher_device *ud)
{
	static const struct usher_limits none = {};
	struct usher_scope scope = { .rights = USHER_RIGHT_ADMIN };
	struct usher_grant *grant;
	char name[16];
	int ret;

	grant = usher_grant_alloc(ud, NULL, &scope, &none);
	if (IS_ERR(grant))
		return PTR_ERR(grant);
	snprintf(name, sizeof(name), "usher%d", ud->id);
	ud->node = usher_node_add(ud, USHER_NODE_CTRL, grant, NULL, name);
	usher_grant_put(grant);
	if (IS_ERR(ud->node))
		return PTR_ERR(ud->node);
	ret = usher_ns_scan(ud);
	if (ret)
		dev_err(&ud->pdev->dev, "the namespaces cannot be read: %d\n",
			ret);
	return ret;
}

/* What the device reached is freed only with proof that it has stopped. */
static void usher_device_free_dma(struct usher_device *ud)
{
	usher_buffers_unmap(ud, ud->dma_stopped);
	if (ud->dma_stopped) {
		usher_nvme_free_dma(ud);
		return;
	}
	dev_err(&ud->pdev->dev, "nothing proves that the device no longer reaches memory: its queues and %llu pages of processes are lost\n",
		usher_buffers_leaked(ud));
	kref_get(&ud->ref);
	__module_get(THIS_MODULE);
	spin_lock(&usher_lost_lock);
	list_add(&ud->lost, &usher_lost);
	spin_unlock(&usher_lost_lock);
}

static int usher_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct usher_device *ud;
	int ret;

	if (pdev->class != PCI_CLASS_STORAGE_EXPRESS) {
		dev_err(&pdev->dev, "not an NVMe controller (class %#08x)\n",
			pdev->class);
		return -ENODEV;
	}
	ud = usher_device_alloc(pdev);
	if (!ud)
		return -ENOMEM;
	ret = usher_pci_enable(ud);
	if (ret)
		goto put_device;
	ret = usher_nvme_alloc(ud);
	if (ret)
		goto disable;
	ret = usher_qpair_request_irq(ud->admin);
	if (ret)
		goto free_dma;
	ret = usher_nvme_start(ud);
	if (ret)
		goto stop;
	pci_set_drvdata(pdev, ud);
	usher_set_state(ud, USHER_LIVE);
	ret = usher_device_publish(ud);
	if (ret)
		goto unpublish;
	queue_delayed_work(usher_wq, &ud->watchdog, USHER_WATCHDOG_PERIOD);
	dev_info(&pdev->dev, "usher%d: %s, %u queue pairs, %u vectors%s\n",
		 ud->id, ud->model, ud->nr_queues, ud->nr_vectors,
		 ud->dbbuf_on ? ", shadow doorbells" : "");
	return 0;

unpublish:
	/* First, so that no event or reset brings namespaces back. */
	usher_device_end(ud, false);
	usher_ns_remove_all(ud);
	if (!IS_ERR_OR_NULL(ud->node))
		usher_node_remove(ud->node);
stop:
	usher_device_end(ud, false);
	usher_free_irqs(ud);
free_dma:
	usher_device_free_dma(ud);
disable:
	usher_pci_disable(ud);
put_device:
	usher_device_put(ud);
	return ret;
}

/*
 * Open files stay; every call on them answers ENODEV. Waits for sections and
 * for the device, never for users.
 */
static void usher_remove(struct pci_dev *pdev)
{
	struct usher_device *ud = pci_get_drvdata(pdev);

	usher_device_end(ud, true);
	usher_ns_remove_all(ud);
	usher_node_remove(ud->node);
	usher_free_irqs(ud);
	usher_device_free_dma(ud);
	usher_pci_disable(ud);
	usher_device_put(ud);
}

/* Reboot or kexec: the next kernel must find a device that does no DMA. */
static void usher_shutdown(struct pci_dev *pdev)
{
	usher_device_end(pci_get_drvdata(pdev), true);
}

struct pci_driver usher_driver = {
	.name		= "usher",
	.probe		= usher_probe,
	.remove		= usher_remove,
	.shutdown	= usher_shutdown,
	/* No IDs: binding goes through driver_override alone. */
};
