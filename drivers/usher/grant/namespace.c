// SPDX-License-Identifier: GPL-2.0-only
/*
 * Namespaces: which are active, their nodes and slices, and what happens when they
 * change. One that changed in a way that matters is removed, which ends its grants
 * with ESTALE, and added anew.
 *
 * A struct usher_ns belongs to usher_namespaces.active; its nodes hold grants of
 * their own, which outlive it.
 */
#include <linux/device.h>
#include <linux/idr.h>
#include <linux/nvme.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "core/device.h"
#include "grant/grant.h"
#include "grant/namespace.h"
#include "grant/node.h"
#include "nvme/admin.h"
#include "nvme/ctrl.h"
#include "nvme/identify.h"

#define USHER_MAX_NAMESPACES	1024	/* of a device */

/*
 * struct usher_ns - an active namespace
 */
struct usher_ns {
	u32			nsid;	/* index in usher_namespaces.active */
	u64			blocks;	/* logical blocks (NSZE) */
	struct usher_format	fmt;
	struct usher_node	*node;

	/* usher_namespaces.lock */
	struct list_head	slices;	/* nodes of its slices */
	struct ida		slice_ids;
};

/* ---- attributes ---- */

static const struct usher_scope *to_scope(struct device *dev)
{
	return &to_usher_node(dev)->grant->scope;
}

static ssize_t nsid_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%u\n", to_scope(dev)->nsid);
}
static DEVICE_ATTR_RO(nsid);

static ssize_t lba_bytes_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	return sysfs_emit(buf, "%lu\n", BIT(to_scope(dev)->fmt.lba_shift));
}
static DEVICE_ATTR_RO(lba_bytes);

static ssize_t metadata_bytes_show(struct device *dev,
				   struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", to_scope(dev)->fmt.metadata);
}
static DEVICE_ATTR_RO(metadata_bytes);

static ssize_t csi_show(struct device *dev, struct device_attribute *attr,
			char *buf)
{
	return sysfs_emit(buf, "%u\n", to_scope(dev)->fmt.csi);
}
static DEVICE_ATTR_RO(csi);

static ssize_t blocks_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%llu\n", to_scope(dev)->nlb);
}
static DEVICE_ATTR_RO(blocks);

static ssize_t slba_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%llu\n", to_scope(dev)->slba);
}
static DEVICE_ATTR_RO(slba);

static ssize_t nlb_show(struct device *dev, struct device_attribute *attr,
			char *buf)
{
	return sysfs_emit(buf, "%llu\n", to_scope(dev)->nlb);
}
static DEVICE_ATTR_RO(nlb);

static ssize_t rights_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%#x\n", to_scope(dev)->rights);
}
static DEVICE_ATTR_RO(rights);

/* Names of the stock driver's, from the most to the least special identifier there is */
static ssize_t wwid_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	const struct usher_format *fmt = &to_scope(dev)->fmt;
	const struct usher_ctrl *ctrl = to_usher_node(dev)->ud->ctrl;

	if (memchr_inv(fmt->uuid, 0, sizeof(fmt->uuid)))
		return sysfs_emit(buf, "uuid.%pU\n", fmt->uuid);
	if (memchr_inv(fmt->nguid, 0, sizeof(fmt->nguid)))
		return sysfs_emit(buf, "eui.%16phN\n", fmt->nguid);
	if (memchr_inv(fmt->eui64, 0, sizeof(fmt->eui64)))
		return sysfs_emit(buf, "eui.%8phN\n", fmt->eui64);
	return sysfs_emit(buf, "nvme.%04x-%*phN-%*phN-%08x\n", ctrl->vid,
			  (int)strlen(ctrl->serial), ctrl->serial,
			  (int)strlen(ctrl->model), ctrl->model, to_scope(dev)->nsid);
}
static DEVICE_ATTR_RO(wwid);

static struct attribute *usher_ns_attrs[] = {
	&dev_attr_nsid.attr,
	&dev_attr_wwid.attr,
	&dev_attr_lba_bytes.attr,
	&dev_attr_metadata_bytes.attr,
	&dev_attr_csi.attr,
	&dev_attr_blocks.attr,
	NULL
};
ATTRIBUTE_GROUPS(usher_ns);

static struct attribute *usher_slice_attrs[] = {
	&dev_attr_nsid.attr,
	&dev_attr_slba.attr,
	&dev_attr_nlb.attr,
	&dev_attr_rights.attr,
	NULL
};
ATTRIBUTE_GROUPS(usher_slice);

static const struct device_type usher_ns_type = {
	.name		= "namespace",
	.groups		= usher_ns_groups,
	.devnode	= usher_devnode,
};

static const struct device_type usher_slice_type = {
	.name		= "slice",
	.groups		= usher_slice_groups,
	.devnode	= usher_devnode,
};

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
	ret = xa_err(xa_store(&ud->namespaces->active, ns->nsid, ns, GFP_KERNEL));
	if (ret)
		goto put_grant;
	snprintf(name, sizeof(name), "usher%dn%u", ud->id, ns->nsid);
	ns->node = usher_node_add(ud, grant, &usher_ns_type, NULL, name);
	if (IS_ERR(ns->node)) {
		ret = PTR_ERR(ns->node);
		goto erase_ns;
	}
	usher_grant_put(grant);
	return 0;

erase_ns:
	xa_erase(&ud->namespaces->active, ns->nsid);
put_grant:
	usher_grant_put(grant);
free_ns:
	ida_destroy(&ns->slice_ids);
	kfree(ns);
	return ret;
}

static void usher_slice_drop(struct usher_ns *ns, struct usher_node *slice)
{
	list_del(&slice->slices);
	ida_free(&ns->slice_ids, slice->id);
	usher_node_remove(slice);
}

/* Its grants end with ESTALE, its nodes go; what is in flight finishes. */
static void usher_ns_remove(struct usher_device *ud, struct usher_ns *ns)
{
	struct usher_node *slice, *next;

	xa_erase(&ud->namespaces->active, ns->nsid);
	usher_grant_kill(ns->node->grant, -ESTALE);
	list_for_each_entry_safe(slice, next, &ns->slices, slices)
		usher_slice_drop(ns, slice);
	usher_node_remove(ns->node);
	ida_destroy(&ns->slice_ids);
	kfree(ns);
}

void usher_ns_remove_all(struct usher_device *ud)
{
	struct usher_ns *ns;
	unsigned long nsid;

	mutex_lock(&ud->namespaces->lock);
	xa_for_each(&ud->namespaces->active, nsid, ns)
		usher_ns_remove(ud, ns);
	mutex_unlock(&ud->namespaces->lock);
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
	struct usher_ns *ns = xa_load(&ud->namespaces->active, nsid);
	struct usher_scope scope;
	int ret;

	ret = usher_identify_namespace(ud->ctrl, nsid, page, &scope);
	/* No answer says nothing of the namespace: leave it as it is. */
	if (ret < 0 && ret != -EOPNOTSUPP)
		return ret;
	if (ret || !scope.nlb) {
		if (ret)
			dev_warn_ratelimited(ud->dev, "namespace %u is left out: %s\n",
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
		dev_notice_ratelimited(ud->dev, "namespace %u changed, its grants end\n",
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

	while ((ns = xa_find_after(&ud->namespaces->active, &nsid, ULONG_MAX,
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

	mutex_lock(&ud->namespaces->lock);
	do {
		ret = usher_identify(ud->ctrl, last, NVME_ID_CNS_NS_ACTIVE_LIST, 0,
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
	mutex_unlock(&ud->namespaces->lock);
free:
	kfree(page);
	kfree(list);
	return ret > 0 ? -EIO : ret;
}

/* ---- slices ---- */

/* The namespace a grant was made for, or NULL when it has changed since */
static struct usher_ns *usher_slice_ns(const struct usher_grant *grant)
{
	lockdep_assert_held(&grant->ud->namespaces->lock);
	return READ_ONCE(grant->dead) ? NULL :
		xa_load(&grant->ud->namespaces->active, grant->scope.nsid);
}

/**
 * usher_slice_add - publish a grant as a node
 * @grant: what opening the node gives, at most
 * @owner: who may open the node
 * @new_id: answer: its number in the namespace
 *
 * Return: 0; what the grant died of; -ENODEV, -EINTR, -EMLINK, -ENOMEM.
 */
int usher_slice_add(struct usher_grant *grant,
		    const struct usher_node_owner *owner, u32 *new_id)
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
	usher_grant_set_tenant(child);

	/* A scan that holds it may wait for the device. */
	if (mutex_lock_killable(&ud->namespaces->lock)) {
		ret = -EINTR;
		goto put_child;
	}
	ns = usher_slice_ns(grant);
	if (!ns || usher_dev_gone(ud)) {
		ret = READ_ONCE(grant->dead) ?: -ENODEV;
		goto unlock;
	}
	id = ida_alloc_min(&ns->slice_ids, 1, GFP_KERNEL);
	if (id < 0) {
		ret = id;
		goto unlock;
	}
	snprintf(name, sizeof(name), "usher%dn%us%u", ud->id, ns->nsid, id);
	node = usher_node_add(ud, child, &usher_slice_type, owner, name);
	if (IS_ERR(node)) {
		ret = PTR_ERR(node);
		ida_free(&ns->slice_ids, id);
		goto unlock;
	}
	node->id = id;
	list_add_tail(&node->slices, &ns->slices);
	*new_id = id;
	ret = 0;
unlock:
	mutex_unlock(&ud->namespaces->lock);
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

	if (mutex_lock_killable(&ud->namespaces->lock))
		return -EINTR;
	ns = usher_slice_ns(grant);
	if (!ns) {
		ret = READ_ONCE(grant->dead) ?: -ENODEV;
		goto unlock;
	}
	list_for_each_entry(slice, &ns->slices, slices) {
		if (slice->id != id)
			continue;
		usher_grant_kill(slice->grant, -EACCES);
		usher_slice_drop(ns, slice);
		ret = 0;
		break;
	}
unlock:
	mutex_unlock(&ud->namespaces->lock);
	return ret;
}

/* ---- life ---- */

void usher_namespaces_init(struct usher_namespaces *namespaces,
			   struct usher_device *ud)
{
	mutex_init(&namespaces->lock);
	xa_init(&namespaces->active);
	ud->namespaces = namespaces;
}

void usher_namespaces_destroy(struct usher_namespaces *namespaces)
{
	xa_destroy(&namespaces->active);
}
