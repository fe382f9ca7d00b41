// SPDX-License-Identifier: GPL-2.0-only
/*
 * usher: a device for tests without hardware, see rig.h.
 */
#include <kunit/device.h>
#include <linux/dma-mapping.h>
#include <linux/dmapool.h>
#include <linux/nvme.h>
#include <linux/sizes.h>

#include "nvme/bringup.h"
#include "ring/turn.h"
#include "rig.h"

static void usher_rig_reset_work(struct work_struct *work)
{
	container_of(work, struct usher_rig, reset_work)->faults++;
}

/* usher_rig_exit() looks whether somebody still has a reference. */
static void usher_rig_release(struct usher_device *ud)
{
}

static const struct usher_device_ops usher_rig_ops = {
	.release	= usher_rig_release,
};

void usher_rig_init(struct kunit *test, struct usher_rig *rig, const char *name)
{
	struct device *dev = kunit_device_register(test, name);
	void *bar = kunit_kzalloc(test, NVME_REG_DBS + SZ_4K, GFP_KERNEL);
	struct usher_ctrl *ctrl = &rig->ctrl;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	KUNIT_ASSERT_NOT_NULL(test, bar);
	KUNIT_ASSERT_EQ(test, dma_coerce_mask_and_coherent(dev, DMA_BIT_MASK(64)), 0);
	INIT_WORK(&rig->reset_work, usher_rig_reset_work);
	KUNIT_ASSERT_EQ(test, usher_dev_init(&rig->ud, dev, &usher_rig_ops,
					     &rig->reset_work), 0);

	usher_ctrl_init(ctrl, &rig->ud);
	usher_pool_init(&rig->pool, &rig->ud, &usher_ring_ops, usher_ring_work);
	usher_buffers_init(&rig->buffers, &rig->ud);
	usher_namespaces_init(&rig->namespaces, &rig->ud);
	ctrl->bar = (void __iomem __force *)bar;
	ctrl->bar_bytes = NVME_REG_DBS + SZ_4K;
	ctrl->db_stride = 4;
	ctrl->page_shift = 12;
	ctrl->prp_pool = dma_pool_create(name, dev, SZ_4K, SZ_4K, 0);
	KUNIT_ASSERT_NOT_NULL(test, ctrl->prp_pool);
	usher_dev_set_state(&rig->ud, USHER_LIVE);
}

void usher_rig_exit(struct kunit *test, struct usher_rig *rig)
{
	flush_work(&rig->reset_work);
	/* Whoever took a reference gave it back. */
	KUNIT_EXPECT_EQ(test, kref_read(&rig->ud.ref), 1);
	dma_pool_destroy(rig->ctrl.prp_pool);
	usher_namespaces_destroy(&rig->namespaces);
	usher_dev_destroy(&rig->ud);
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
		.verify_blocks = USHER_MAX_NLB,
		.zeroes_blocks = USHER_MAX_NLB,
		.uncor_blocks = USHER_MAX_NLB,
		.max_ranges = 256,
		.range_blocks = U32_MAX,
		.dsm_blocks = U64_MAX,
		.copy_ranges = 128,
		.copy_range_blocks = U16_MAX,
		.copy_blocks = U32_MAX,
		.copy_formats = 0x3,
	};
}
