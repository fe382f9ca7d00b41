// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading and unloading.
 */
#include <linux/module.h>

#define CREATE_TRACE_POINTS
#include "trace.h"
#include "raw.h"
#include "usher.h"

struct workqueue_struct *usher_wq;

/* Unpinning may wait for a file system, a new queue for the device: apart. */
struct workqueue_struct *usher_slow_wq;

/* The interface: a struct may grow at its end, and nothing else may change. */
static_assert(sizeof(struct usher_limits) == 16);
static_assert(sizeof(struct usher_grant_info) == 120);
static_assert(sizeof(struct usher_narrow) == 48);
static_assert(sizeof(struct usher_revoke) == 8);
static_assert(sizeof(struct usher_slice) == 24);
static_assert(sizeof(struct usher_buf_register) == 32);
static_assert(sizeof(struct usher_buf_unregister) == 8);
static_assert(sizeof(struct usher_ring_create) == 40);
static_assert(sizeof(struct usher_ring_ctl) == 192);
static_assert(sizeof(struct usher_dptr) == 16);
static_assert(sizeof(struct usher_sqe) == 64);
static_assert(sizeof(struct usher_cqe) == 16);
static_assert(sizeof(struct usher_enter) == 40);
static_assert(sizeof(struct usher_ring_info) == 104);
static_assert(sizeof(struct usher_eventfd) == 8);
static_assert(sizeof(struct usher_admin) == 56);
static_assert(sizeof(struct usher_raw_info) == 48);
static_assert(sizeof(struct usher_raw_region) == 64);
static_assert(sizeof(struct usher_raw_access) == 32);
static_assert(sizeof(struct usher_raw_config) == 16);
static_assert(sizeof(struct usher_raw_dma_bits) == 8);
static_assert(sizeof(struct usher_raw_dma) == 48);
static_assert(sizeof(struct usher_raw_dma_free) == 8);
static_assert(sizeof(struct usher_raw_irq_enable) == 24);
static_assert(sizeof(struct usher_raw_irq_disable) == 8);
static_assert(sizeof(struct usher_raw_irq_mask) == 16);
static_assert(sizeof(struct usher_raw_reset) == 8);

static int __init usher_init(void)
{
	int ret;

	usher_wq = alloc_workqueue("usher", WQ_UNBOUND | WQ_HIGHPRI | WQ_MEM_RECLAIM,
				   0);
	if (!usher_wq)
		return -ENOMEM;
	ret = -ENOMEM;
	usher_slow_wq = alloc_workqueue("usher-slow", WQ_UNBOUND, 0);
	if (!usher_slow_wq)
		goto destroy_wq;
	ret = usher_init_nodes();
	if (ret)
		goto destroy_slow_wq;
	ret = usher_raw_init_inodes();
	if (ret)
		goto exit_nodes;
	ret = pci_register_driver(&usher_driver);
	if (ret)
		goto exit_inodes;
	ret = pci_register_driver(&usher_raw_driver);
	if (ret)
		goto unregister;
	return 0;

unregister:
	pci_unregister_driver(&usher_driver);
exit_inodes:
	usher_raw_exit_inodes();
exit_nodes:
	usher_exit_nodes();
destroy_slow_wq:
	destroy_workqueue(usher_slow_wq);
destroy_wq:
	destroy_workqueue(usher_wq);
	return ret;
}

static void __exit usher_exit(void)
{
	pci_unregister_driver(&usher_raw_driver);
	pci_unregister_driver(&usher_driver);
	/*
	 * What closed files left may still be on its way: rings first, which
	 * let go of buffers after a grace period, which then are released.
	 */
	flush_workqueue(usher_wq);
	rcu_barrier();
	destroy_workqueue(usher_slow_wq);
	destroy_workqueue(usher_wq);
	usher_raw_exit_inodes();
	usher_exit_nodes();
}

module_init(usher_init);
module_exit(usher_exit);

MODULE_DESCRIPTION("Guarded access of processes to NVMe queues");
MODULE_LICENSE("GPL");
