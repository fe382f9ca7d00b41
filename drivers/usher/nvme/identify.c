// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a namespace looks like: Identify data into what the guard checks against.
 */
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/nvme.h>
#include <linux/string.h>

#include "guard/guard.h"
#include "nvme/admin.h"
#include "nvme/ctrl.h"
#include "nvme/identify.h"

static void usher_ns_desc(const struct nvme_ns_id_desc *desc, struct usher_format *fmt)
{
	if (desc->nidt == NVME_NIDT_CSI && desc->nidl == NVME_NIDT_CSI_LEN)
		fmt->csi = *(const u8 *)(desc + 1);
	else if (desc->nidt == NVME_NIDT_UUID && desc->nidl == NVME_NIDT_UUID_LEN)
		memcpy(fmt->uuid, desc + 1, sizeof(fmt->uuid));
}

/*
 * Base Specification 2.0, 5.17.2.3: the command set and the UUID, which may be all
 * that tells one namespace from another, are in descriptors. Where there is one
 * command set only, a controller may do without them.
 */
static int usher_ns_descs(struct usher_ctrl *ctrl, u32 nsid, void *page,
			  struct usher_format *fmt)
{
	u32 pos = 0;
	int ret;

	fmt->csi = NVME_CSI_NVM;
	if (!ctrl->csi_all && ctrl->version < NVME_VS(1, 3, 0))
		return 0;
	ret = usher_identify(ctrl, nsid, NVME_ID_CNS_NS_DESC_LIST, 0, page);
	if (ret)
		return ret > 0 && !ctrl->csi_all ? 0 : ret;
	while (pos + sizeof(struct nvme_ns_id_desc) < NVME_IDENTIFY_DATA_SIZE) {
		const struct nvme_ns_id_desc *desc = page + pos;

		pos += sizeof(*desc) + desc->nidl;
		if (!desc->nidl || pos > NVME_IDENTIFY_DATA_SIZE)
			break;
		usher_ns_desc(desc, fmt);
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

/* Blocks that lie in so many bytes, as far as one command can name them */
static u32 usher_ns_blocks(const struct usher_scope *scope, u64 bytes)
{
	return min_t(u64, div_u64(bytes, scope->lba_bytes), USHER_MAX_NLB);
}

/*
 * MSSRL, MCL and MSRC, which older headers count as reserved. Zero is no value of
 * them: what a controller does not tell is bounded like data.
 */
static void usher_ns_copy_limits(const struct usher_ctrl *ctrl, const struct nvme_id_ns *id,
				 struct usher_scope *scope)
{
	u32 untold = usher_ns_blocks(scope, ctrl->mdts_bytes);
	const u8 *raw = (const u8 *)id;

	scope->copy_range_blocks = le16_to_cpup((const __le16 *)(raw + 74)) ?: untold;
	scope->copy_blocks = le32_to_cpup((const __le32 *)(raw + 76)) ?: untold;
	scope->copy_ranges = raw[80] + 1;
}

/* What the controller told of commands whose data MDTS does not bound */
static void usher_ns_nvm_limits(const struct usher_ctrl *ctrl, struct usher_scope *scope)
{
	if (ctrl->oncs & USHER_ONCS_VERIFY)
		scope->verify_blocks = usher_ns_blocks(scope, ctrl->verify_bytes);
	if (ctrl->oncs & NVME_CTRL_ONCS_WRITE_ZEROES)
		scope->zeroes_blocks = usher_ns_blocks(scope, ctrl->zeroes_bytes);
	if (ctrl->oncs & NVME_CTRL_ONCS_WRITE_UNCORRECTABLE)
		scope->uncor_blocks = usher_ns_blocks(scope, ctrl->uncor_bytes);
	if (ctrl->oncs & NVME_CTRL_ONCS_DSM) {
		scope->max_ranges = ctrl->dsm_ranges;
		scope->range_blocks = ctrl->dsm_range_blocks;
		scope->dsm_blocks = ctrl->dsm_blocks;
	}
}

static int usher_ns_parse(const struct usher_ctrl *ctrl, const struct nvme_id_ns *id,
			  struct usher_scope *scope)
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
	if (ctrl->oncs & USHER_ONCS_COPY)
		usher_ns_copy_limits(ctrl, id, scope);
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
	struct usher_format *fmt = &scope->fmt;
	u8 lbaf;
	int ret;

	memset(scope, 0, sizeof(*scope));
	ret = usher_ns_descs(ctrl, nsid, page, fmt);
	if (ret)
		return ret;
	if (fmt->csi != NVME_CSI_NVM && fmt->csi != NVME_CSI_ZNS)
		return -EOPNOTSUPP;

	ret = usher_identify(ctrl, nsid, NVME_ID_CNS_NS, 0, page);
	if (ret)
		return ret;
	ret = usher_ns_parse(ctrl, page, scope);
	if (ret)
		return ret;
	lbaf = nvme_lbaf_index(((struct nvme_id_ns *)page)->flbas);

	scope->nsid = nsid;
	scope->rights = USHER_RIGHTS_ALL;
	scope->whole_ns = true;
	scope->max_bytes = ctrl->mdts_bytes;
	scope->append_bytes = ctrl->append_bytes;
	scope->oncs = ctrl->oncs;
	usher_ns_nvm_limits(ctrl, scope);
	scope->copy_formats = ctrl->ocfs;
	return fmt->csi == NVME_CSI_ZNS ?
		usher_ns_zones(ctrl, nsid, lbaf, page, fmt) : 0;
}
