// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading and unloading.
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <uapi/linux/usher.h>

#include "core/chrdev.h"
#include "core/wq.h"
#include "device/pci.h"
#include "file/grant.h"
#include "grant/node.h"
#include "nvme/qpair.h"
#include "raw/driver.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* The interface: a struct may grow at its end, and nothing else may change. */
static_assert(sizeof(struct usher_limits) == 16);
static_assert(sizeof(struct usher_grant_info) == 160);
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

static int __init usher_init(void)
{
	int ret;

	ret = usher_wq_init();
	if (ret)
		return ret;
	ret = usher_chrdev_init();
	if (ret)
		goto exit_wq;
	usher_nodes_init(&usher_grant_fops);
	ret = pci_register_driver(&usher_driver);
	if (ret)
		goto exit_chrdev;
	ret = usher_raw_init();
	if (ret)
		goto unregister;
	return 0;

unregister:
	pci_unregister_driver(&usher_driver);
exit_chrdev:
	usher_chrdev_exit();
exit_wq:
	usher_wq_exit();
	return ret;
}

static void __exit usher_exit(void)
{
	usher_raw_exit();
	pci_unregister_driver(&usher_driver);
	usher_wq_exit();
	usher_chrdev_exit();
}

module_init(usher_init);
module_exit(usher_exit);

MODULE_AUTHOR("The usher authors");
MODULE_VERSION("0.1.0");
MODULE_DESCRIPTION("Guarded access of processes to NVMe queues");
MODULE_LICENSE("GPL");
