// SPDX-License-Identifier: GPL-2.0-only
/*
 * Workqueues of the module, made at load and destroyed at unload.
 */
#include <linux/rcupdate.h>
#include <linux/workqueue.h>

#include "core/wq.h"

struct workqueue_struct *usher_wq;
struct workqueue_struct *usher_slow_wq;
struct workqueue_struct *usher_free_wq;
struct workqueue_struct *usher_wake_wq;

int usher_wq_init(void)
{
	usher_wq = alloc_workqueue("usher", WQ_UNBOUND | WQ_HIGHPRI | WQ_MEM_RECLAIM,
				   0);
	if (!usher_wq)
		return -ENOMEM;
	usher_slow_wq = alloc_workqueue("usher-slow", WQ_UNBOUND, 0);
	if (!usher_slow_wq)
		goto destroy_wq;
	usher_free_wq = alloc_workqueue("usher-free", WQ_UNBOUND, 0);
	if (!usher_free_wq)
		goto destroy_slow_wq;
	usher_wake_wq = alloc_workqueue("usher-wake", WQ_UNBOUND, 0);
	if (!usher_wake_wq)
		goto destroy_free_wq;
	return 0;

destroy_free_wq:
	destroy_workqueue(usher_free_wq);
destroy_slow_wq:
	destroy_workqueue(usher_slow_wq);
destroy_wq:
	destroy_workqueue(usher_wq);
	return -ENOMEM;
}

/*
 * Work that closed files left may still be queued: of channels, which close their
 * rings; of hardware queues, which tell rings and let go of them; then rings, which give
 * back the references of their buffers after a grace period, which then are released.
 */
void usher_wq_exit(void)
{
	flush_workqueue(usher_wake_wq);
	flush_workqueue(usher_wq);
	flush_workqueue(usher_free_wq);
	rcu_barrier();
	destroy_workqueue(usher_wake_wq);
	destroy_workqueue(usher_free_wq);
	destroy_workqueue(usher_slow_wq);
	destroy_workqueue(usher_wq);
}
