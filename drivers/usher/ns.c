// SPDX-License-Identifier: GPL-2.0-only
/*
 * Namespaces: which there are, what they look like, their nodes and slices,
 * and what happens when they change.
 */
#include <linux/slab.h>

#include "usher.h"

/* ---- what a namespace looks like ---- */

/* Base Specification 2.0, 5.17.2.3: the command set is in a descriptor. */
static int usher_ns_csi(struct usher_device *ud, u32 nsid, void *page, u8 *csi)
{
	u32 pos = 0;
	int ret;

	*csi = NVME_CSI_NVM;
	if (!ud->csi_all)
		return 0;
	ret = usher_identify(ud, nsid, NVME_ID_CNS_NS_DESC_LIST, 0, page);
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

static int usher_ns_zones(struct usher_device *ud, u32 nsid, u8 lbaf,
			  void *page, struct usher_format *fmt)
{
	const struct nvme_id_ns_zns *id = page;
	int ret;

	ret = usher_identify(ud, nsid, NVME_ID_CNS_CS_NS, NVME_CSI_ZNS, page);
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

/* All that the guard must know of a namespace; @page: a page to work with */
static int usher_ns_identify(struct usher_device *ud, u32 nsid, void *page,
			     struct usher_scope *scope)
{
	u8 csi, lbaf;
	int ret;

	memset(scope, 0, sizeof(*scope));
	ret = usher_ns_csi(ud, nsid, page, &csi);
	if (ret)
		return ret;
	if (csi != NVME_CSI_NVM && csi != NVME_CSI_ZNS)
		return -EOPNOTSUPP;
	scope->fmt.csi = csi;

	ret = usher_identify(ud, nsid, NVME_ID_CNS_NS, 0, page);
	if (ret)
		return ret;
	ret = usher_ns_parse(page, scope);
	if (ret)
		return ret;
	lbaf = nvme_lbaf_index(((struct nvme_id_ns *)page)->flbas);

	scope->nsid = nsid;
	scope->rights = USHER_RIGHTS_ALL;
	scope->whole_ns = true;
	scope->max_bytes = ud->mdts_bytes;
	scope->append_bytes = ud->append_bytes;
	scope->oncs = ud->oncs;
	scope->max_ranges = ud->oncs & NVME_CTRL_ONCS_DSM ? 256 : 0;
	scope->copy_formats = ud->ocfs;
	return csi == NVME_CSI_ZNS ?
		usher_ns_zones(ud, nsid, lbaf, page, &scope->fmt) : 0;
}

/* ---- nodes ---- */

static const struct usher_limits usher_default_limits = {
	.pinned_bytes	= U64_MAX,
	.rings		= USHER_MAX_RINGS,
	.ring_depth	= USHER_MAX_RING_ENTRIES,
};

static int usher_ns_add(struct usher_device *ud, const struct usher_scope *scope)
{
	struct usher_grant *grant;
	struct usher_ns *ns;
	char name[32];
	int ret;

	ns = kzalloc(sizeof(*ns), GFP_KERNEL);
	if (!ns)
		return -ENOMEM;
	INIT_LIST_HEAD(&ns->slices);
	ida_init(&ns->slice_ids);
	ns->nsid = scope->nsid;
	ns->blocks = scope->nlb;
	ns->fmt = scope->fmt;

	grant = usher_grant_alloc(ud, NULL, scope, &usher_default_limits);
	if (IS_ERR(grant)) {
		ret = PTR_ERR(grant);
		goto free_ns;
	}
	ret = xa_err(xa_store(&ud->namespaces, ns->nsid, ns, GFP_KERNEL));
	if (ret)
		goto put_grant;
	snprintf(name, sizeof(name), "usher%dn%u", ud->id, ns->nsid);
	ns->node = usher_node_add(ud, USHER_NODE_NS, grant, NULL, name);
	if (IS_ERR(ns->node)) {
		ret = PTR_ERR(ns->node);
		goto erase_ns;
	}
	usher_grant_put(grant);
	return 0;

erase_ns:
	xa_erase(&ud->namespaces, ns->nsid);
put_grant:
	usher_grant_put(grant);
free_ns:
	ida_destroy(&ns->slice_ids);
	kfree(ns);
	return ret;
}

static void usher_slice_drop(struct usher_ns *ns, struct usher_node *slice)
{
	list_del(&slice->list);
	ida_free(&ns->slice_ids, slice->id);
	usher_node_remove(slice);
}

/* Its grants end with ESTALE, its nodes go; what is in flight finishes. */
static void usher_ns_remove(struct usher_device *ud, struct usher_ns *ns)
{
	struct usher_node *slice, *next;

	xa_erase(&ud->namespaces, ns->nsid);
	usher_grant_kill(ns->node->grant, -ESTALE);
	list_for_each_entry_safe(slice, next, &ns->slices, list)
		usher_slice_drop(ns, slice);
	usher_node_remove(ns->node);
	ida_destroy(&ns->slice_ids);
	kfree(ns);
}

void usher_ns_remove_all(struct usher_device *ud)
{
	struct usher_ns *ns;
	unsigned long nsid;

	mutex_lock(&ud->ns_lock);
	xa_for_each(&ud->namespaces, nsid, ns)
		usher_ns_remove(ud, ns);
	mutex_unlock(&ud->ns_lock);
}

/* ---- scanning ---- */

static bool usher_ns_same(const struct usher_ns *ns,
			  const struct usher_scope *scope)
{
	return ns->blocks == scope->nlb &&
	       usher_format_equal(&ns->fmt, &scope->fmt);
}

/* One namespace of the active list: new, changed, or as it was */
static int usher_ns_update(struct usher_device *ud, u32 nsid, void *page)
{
	struct usher_ns *ns = xa_load(&ud->namespaces, nsid);
	struct usher_scope scope;
	int ret;

	ret = usher_ns_identify(ud, nsid, page, &scope);
	/* No answer says nothing of the namespace: leave it as it is. */
	if (ret < 0 && ret != -EOPNOTSUPP)
		return ret;
	if (ret || !scope.nlb) {
		if (ret)
			dev_warn_ratelimited(&ud->pdev->dev, "namespace %u is left out: %s\n",
					     nsid, ret < 0 ?
					     "its format or command set is not supported" :
					     "it does not identify itself");
		if (ns)
			usher_ns_remove(ud, ns);
		return 0;
	}
	if (ns && usher_ns_same(ns, &scope))
		return 0;
	if (ns) {
		dev_notice_ratelimited(&ud->pdev->dev, "namespace %u changed, its grants end\n",
				       nsid);
		usher_ns_remove(ud, ns);
	}
	return usher_ns_add(ud, &scope);
}

/* The active namespace list is sorted: what lies between its entries is gone. */
static void usher_ns_remove_between(struct usher_device *ud, u32 after,
				    u32 before)
{
	unsigned long nsid = after;
	struct usher_ns *ns;

	while ((ns = xa_find_after(&ud->namespaces, &nsid, ULONG_MAX,
				   XA_PRESENT))) {
		if (nsid >= before)
			return;
		usher_ns_remove(ud, ns);
	}
}

/**
 * usher_ns_scan - bring nodes and grants in line with the active namespaces
 * @ud: the device, whose admin queue works
 *
 * Return: 0 or a negative errno; namespaces not reached stay as they were.
 */
int usher_ns_scan(struct usher_device *ud)
{
	u32 last = 0, n = 0, nsid, i;
	__le32 *list;
	void *page;
	int ret = -ENOMEM;

	list = kmalloc(NVME_IDENTIFY_DATA_SIZE, GFP_KERNEL);
	page = kmalloc(NVME_IDENTIFY_DATA_SIZE, GFP_KERNEL);
	if (!list || !page)
		goto free;

	mutex_lock(&ud->ns_lock);
	do {
		ret = usher_identify(ud, last, NVME_ID_CNS_NS_ACTIVE_LIST, 0,
				     list);
		if (ret)
			break;
		for (i = 0; i < NVME_IDENTIFY_DATA_SIZE / 4; i++) {
			nsid = le32_to_cpu(list[i]);
			/* Zero ends the list; a list that goes back is none. */
			if (nsid <= last || ++n > USHER_MAX_NAMESPACES)
				break;
			usher_ns_remove_between(ud, last, nsid);
			last = nsid;
			ret = usher_ns_update(ud, nsid, page);
			if (ret)
				break;
		}
	} while (!ret && i == NVME_IDENTIFY_DATA_SIZE / 4);
	if (!ret)
		usher_ns_remove_between(ud, last, U32_MAX);
	mutex_unlock(&ud->ns_lock);
free:
	kfree(page);
	kfree(list);
	return ret > 0 ? -EIO : ret;
}

/* ---- events ---- */

/**
 * usher_ns_event - act on an asynchronous event and ask for the next one
 * @ud: the device
 *
 * Reading the event's log page lets the controller announce the next one of
 * its kind (Base Specification 2.0, 5.2).
 */
void usher_ns_event(struct usher_device *ud)
{
	u32 event = READ_ONCE(ud->event);
	u8 type = event & 7, info = event >> 8, lid = event >> 16;
	void *log;
	int ret;

	log = kmalloc(NVME_IDENTIFY_DATA_SIZE, GFP_KERNEL);
	if (!log)
		goto arm;
	ret = usher_get_log(ud, lid, log,
			    lid == NVME_LOG_CHANGED_NS ? 4096 : 512);
	if (ret < 0)
		goto free;
	if (type == NVME_AER_NOTICE && info == NVME_AER_NOTICE_NS_CHANGED) {
		ret = usher_ns_scan(ud);
		if (ret)
			dev_warn_ratelimited(&ud->pdev->dev,
					     "namespaces could not be read again: %d\n",
					     ret);
	} else {
		dev_notice_ratelimited(&ud->pdev->dev,
				       "event: type %u, information %#x, log page %#x\n",
				       type, info, lid);
	}
free:
	kfree(log);
arm:
	if (usher_state(ud) != USHER_GONE)
		usher_nvme_arm_events(ud);
}

/* ---- slices ---- */

/* The namespace a grant was made for, or NULL when it has changed since */
static struct usher_ns *usher_slice_ns(const struct usher_grant *grant)
{
	lockdep_assert_held(&grant->ud->ns_lock);
	return READ_ONCE(grant->dead) ? NULL :
		xa_load(&grant->ud->namespaces, grant->scope.nsid);
}

/**
 * usher_slice_add - publish a grant as a node
 * @grant: what opening the node gives, at most
 * @arg: checked owner and mode; @arg->id is filled in
 */
int usher_slice_add(struct usher_grant *grant, struct usher_slice *arg)
{
	struct usher_device *ud = grant->ud;
	struct usher_grant *child;
	struct usher_node *node;
	struct usher_ns *ns;
	char name[48];
	int id, ret;

	child = usher_grant_alloc(ud, grant, &grant->scope, &grant->limits);
	if (IS_ERR(child))
		return PTR_ERR(child);

	/* A scan that holds it may wait for the device. */
	if (mutex_lock_killable(&ud->ns_lock)) {
		ret = -EINTR;
		goto put_child;
	}
	ns = usher_slice_ns(grant);
	if (!ns || usher_state(ud) == USHER_GONE) {
		ret = READ_ONCE(grant->dead) ?: -ENODEV;
		goto unlock;
	}
	id = ida_alloc_min(&ns->slice_ids, 1, GFP_KERNEL);
	if (id < 0) {
		ret = id;
		goto unlock;
	}
	arg->id = id;
	snprintf(name, sizeof(name), "usher%dn%us%u", ud->id, ns->nsid, id);
	node = usher_node_add(ud, USHER_NODE_SLICE, child, arg, name);
	if (IS_ERR(node)) {
		ret = PTR_ERR(node);
		ida_free(&ns->slice_ids, id);
		goto unlock;
	}
	list_add_tail(&node->list, &ns->slices);
	ret = 0;
unlock:
	mutex_unlock(&ud->ns_lock);
put_child:
	usher_grant_put(child);
	return ret;
}

int usher_slice_remove(struct usher_grant *grant, u32 id)
{
	struct usher_device *ud = grant->ud;
	struct usher_node *slice;
	struct usher_ns *ns;
	int ret = -ENOENT;

	if (mutex_lock_killable(&ud->ns_lock))
		return -EINTR;
	ns = usher_slice_ns(grant);
	if (!ns) {
		ret = READ_ONCE(grant->dead) ?: -ENODEV;
		goto unlock;
	}
	list_for_each_entry(slice, &ns->slices, list) {
		if (slice->id != id)
			continue;
		usher_grant_kill(slice->grant, -EACCES);
		usher_slice_drop(ns, slice);
		ret = 0;
		break;
	}
unlock:
	mutex_unlock(&ud->ns_lock);
	return ret;
}
