// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts of queue pairs. The handler takes a pass of completions and wakes who
 * waits, as long as that is little; the rest it leaves to the queue's work item.
 */
#include <linux/interrupt.h>
#include <linux/pci.h>

#include "core/device.h"
#include "core/wake.h"
#include "core/wq.h"
#include "nvme/irq.h"
#include "nvme/qpair.h"
#include "nvme/qpair_ops.h"

/*
 * Whom the handler can tell after @n completions: a client that is alone in the list,
 * if that is little. @most says how many it may wake; @more: and the work item.
 */
static struct usher_client *usher_irq_to_tell(struct usher_qpair *qp, u32 n, bool more,
					      u32 *most)
{
	*most = (USHER_IRQOFF_MAX - n) / USHER_WAKE_COST - more;
	if (!*most || !list_is_singular(&qp->to_tell))
		return NULL;
	return usher_qpair_next_to_tell(qp);
}

static irqreturn_t usher_irq(int irq, void *data)
{
	struct usher_qpair *qp = data;
	struct usher_client *client;
	bool more, ours;
	u32 n, most;

	spin_lock(&qp->lock);
	n = usher_qpair_reap(qp);
	more = usher_qpair_cut_short(qp, n) ||
	       (n && !list_empty(&qp->clients.waiters));
	client = usher_irq_to_tell(qp, n, more, &most);
	more |= !list_empty(&qp->to_tell);
	/* Also when somebody else was there first */
	ours = qp->reaped;
	qp->reaped = false;
	spin_unlock(&qp->lock);

	if (client)
		qp->ops->tell(client, most);
	if (more)
		queue_work(usher_wq, &qp->work);
	return ours ? IRQ_HANDLED : IRQ_NONE;
}

int usher_irq_request(struct usher_qpair *qp)
{
	struct usher_ctrl *ctrl = qp->ctrl;
	u32 io_vectors = ctrl->nr_vectors - 1;
	unsigned long flags = 0;
	int ret;

	/* Vector 0 is the admin queue's, unless it is the only one. */
	if (qp->qid && io_vectors)
		qp->vector = 1 + (qp->qid - 1) % io_vectors;
	else
		qp->vector = 0;
	if (!io_vectors || (qp->qid && io_vectors < ctrl->nr_queues))
		flags = IRQF_SHARED;
	qp->irq = pci_irq_vector(to_pci_dev(ctrl->dev), qp->vector);
	snprintf(qp->name, sizeof(qp->name), "usher%dq%u", ctrl->ud->id, qp->qid);
	ret = request_irq(qp->irq, usher_irq, flags, qp->name, qp);
	if (ret)
		return ret;
	qp->has_irq = true;
	return 0;
}

void usher_irq_free(struct usher_qpair *qp)
{
	if (!qp->has_irq)
		return;
	irq_set_affinity_hint(qp->irq, NULL);
	free_irq(qp->irq, qp);
	qp->has_irq = false;
}
