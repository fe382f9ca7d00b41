// SPDX-License-Identifier: GPL-2.0-only
/*
 * usher: a device for tests: live, with registers in RAM and DMA memory of its
 * own, but without a PCI function, queues or namespaces.
 */
#include <kunit/device.h>
#include <linux/dmapool.h>

#include "rig.h"

void usher_rig_init(struct kunit *test, struct usher_device *ud, const char *name)
{
	struct device *dev = kunit_device_register(test, name);
	void *bar = kunit_kzalloc(test, NVME_REG_DBS + SZ_4K, GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	KUNIT_ASSERT_NOT_NULL(test, bar);
	KUNIT_ASSERT_EQ(test, dma_coerce_mask_and_coherent(dev, DMA_BIT_MASK(64)), 0);
	KUNIT_ASSERT_EQ(test, init_srcu_struct(&ud->srcu), 0);
	KUNIT_ASSERT_EQ(test, init_srcu_struct(&ud->slow), 0);

	/* Of the PCI function queues and grants use the struct device alone. */
	ud->pdev = to_pci_dev(dev);
	ud->state = USHER_LIVE;
	ud->bar = (void __iomem __force *)bar;
	ud->bar_bytes = NVME_REG_DBS + SZ_4K;
	ud->db_stride = 4;
	ud->page_shift = 12;
	kref_init(&ud->ref);
	spin_lock_init(&ud->state_lock);
	init_waitqueue_head(&ud->admin_wait);
	mutex_init(&ud->qpair_lock);
	mutex_init(&ud->grant_lock);
	mutex_init(&ud->buf_lock);
	INIT_LIST_HEAD(&ud->buffers);
	mutex_init(&ud->ns_lock);
	xa_init(&ud->namespaces);
	ud->prp_pool = dma_pool_create(name, dev, SZ_4K, SZ_4K, 0);
	KUNIT_ASSERT_NOT_NULL(test, ud->prp_pool);
}

void usher_rig_exit(struct kunit *test, struct usher_device *ud)
{
	/* Whoever took a reference gave it back. */
	KUNIT_EXPECT_EQ(test, kref_read(&ud->ref), 1);
	dma_pool_destroy(ud->prp_pool);
	cleanup_srcu_struct(&ud->slow);
	cleanup_srcu_struct(&ud->srcu);
}

struct usher_scope usher_rig_scope(u64 blocks)
{
	return (struct usher_scope) {
		.nsid = RIG_NSID,
		.rights = USHER_RIGHTS_ALL,
		.nlb = blocks,
		.ns_blocks = blocks,
		.whole_ns = true,
		.fmt = { .csi = NVME_CSI_NVM, .lba_shift = 9 },
		.lba_bytes = 512,
		.max_bytes = SZ_1M,
		.append_bytes = SZ_1M,
		.oncs = U16_MAX,
		.max_ranges = 256,
		.copy_ranges = 128,
		.copy_formats = 0x3,
	};
}
