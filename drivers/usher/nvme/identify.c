// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a namespace looks like: Identify data into what the guard checks against.
 */
#include <linux/nvme.h>
#include <linux/string.h>

#include "guard/guard.h"
#include "nvme/admin.h"
#include "nvme/ctrl.h"
#include "nvme/identify.h"

/* Base Specification 2.0, 5.17.2.3: the command set is in a descriptor. */
static int usher_ns_csi(struct usher_ctrl *ctrl, u32 nsid, void *page, u8 *csi)
{
	u32 pos = 0;
	int ret;

	*csi = NVME_CSI_NVM;
	if (!ctrl->csi_all)
		return 0;
	ret = usher_identify(ctrl, nsid, NVME_ID_CNS_NS_DESC_LIST, 0, page);
	if (ret)
		return ret;
	while (pos + sizeof(struct nvme_ns_id_desc) < NVME_IDENTIFY_DATA_SIZE) {
		const struct nvme_ns_id_desc *desc = page + pos;

		if (!desc->nidl)
			break;
		if (desc->nidt == NVME_NIDT_CSI)
			*csi = *(const u8 *)(desc + 1);
		pos += sizeof(*desc) + desc->nidl;
	}
	return 0;
}

static int usher_ns_zones(struct usher_ctrl *ctrl, u32 nsid, u8 lbaf,
			  void *page, struct usher_format *fmt)
{
	const struct nvme_id_ns_zns *id = page;
	int ret;

	ret = usher_identify(ctrl, nsid, NVME_ID_CNS_CS_NS, NVME_CSI_ZNS, page);
	if (ret)
		return ret;
	fmt->zone_blocks = le64_to_cpu(id->lbafe[lbaf].zsze);
	fmt->zones_extended = id->lbafe[lbaf].zdes;
	return fmt->zone_blocks ? 0 : -EOPNOTSUPP;
}

static void usher_ns_copy_limits(const struct nvme_id_ns *id,
				 struct usher_scope *scope)
{
	const u8 *raw = (const u8 *)id;

	/* MSSRL, MCL and MSRC, which older headers count as reserved */
	scope->copy_range_blocks = le16_to_cpup((const __le16 *)(raw + 74));
	scope->copy_blocks = le32_to_cpup((const __le32 *)(raw + 76));
	scope->copy_ranges = raw[80] + 1;
}

static int usher_ns_parse(const struct nvme_id_ns *id, struct usher_scope *scope)
{
	struct usher_format *fmt = &scope->fmt;
	const struct nvme_lbaf *lbaf =
		&id->lbaf[nvme_lbaf_index(id->flbas)];

	if (lbaf->ds < 9 || lbaf->ds > 16)
		return -EOPNOTSUPP;
	fmt->lba_shift = lbaf->ds;
	fmt->metadata = le16_to_cpu(lbaf->ms);
	fmt->extended = fmt->metadata && id->flbas & NVME_NS_FLBAS_META_EXT;
	fmt->pi = id->dps & NVME_NS_DPS_PI_MASK;
	memcpy(fmt->nguid, id->nguid, sizeof(fmt->nguid));
	memcpy(fmt->eui64, id->eui64, sizeof(fmt->eui64));

	scope->slba = 0;
	scope->nlb = le64_to_cpu(id->nsze);
	scope->ns_blocks = scope->nlb;
	scope->lba_bytes = BIT(fmt->lba_shift);
	if (fmt->extended)
		scope->lba_bytes += fmt->metadata;
	usher_ns_copy_limits(id, scope);
	return 0;
}

/**
 * usher_identify_namespace - all that the guard must know of a namespace
 * @ctrl: the controller
 * @nsid: the namespace
 * @page: NVME_IDENTIFY_DATA_SIZE bytes to work with
 * @scope: filled in: the widest grant of it
 *
 * Return: 0; a positive NVMe status; -EOPNOTSUPP when its format or command set is
 * not ours; or another negative errno of usher_admin().
 */
int usher_identify_namespace(struct usher_ctrl *ctrl, u32 nsid, void *page,
			     struct usher_scope *scope)
{
	u8 csi, lbaf;
	int ret;

	memset(scope, 0, sizeof(*scope));
	ret = usher_ns_csi(ctrl, nsid, page, &csi);
	if (ret)
		return ret;
	if (csi != NVME_CSI_NVM && csi != NVME_CSI_ZNS)
		return -EOPNOTSUPP;
	scope->fmt.csi = csi;

	ret = usher_identify(ctrl, nsid, NVME_ID_CNS_NS, 0, page);
	if (ret)
		return ret;
	ret = usher_ns_parse(page, scope);
	if (ret)
		return ret;
	lbaf = nvme_lbaf_index(((struct nvme_id_ns *)page)->flbas);

	scope->nsid = nsid;
	scope->rights = USHER_RIGHTS_ALL;
	scope->whole_ns = true;
	scope->max_bytes = ctrl->mdts_bytes;
	scope->append_bytes = ctrl->append_bytes;
	scope->oncs = ctrl->oncs;
	scope->max_ranges = ctrl->oncs & NVME_CTRL_ONCS_DSM ? 256 : 0;
	scope->copy_formats = ctrl->ocfs;
	return csi == NVME_CSI_ZNS ?
		usher_ns_zones(ctrl, nsid, lbaf, page, &scope->fmt) : 0;
}
