// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queries of processes to the admin queue, in the name of a grant.
 */
#include <linux/nvme.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/linux/usher.h>

#include "core/device.h"
#include "grant/grant.h"
#include "grant/query.h"
#include "nvme/admin.h"
#include "nvme/query.h"

/* In a slow section */
static int usher_query_send(struct usher_grant *grant, struct nvme_command *cmd,
			    const struct usher_admin_req *req)
{
	struct usher_device *ud = grant->ud;
	int idx, ret;

	ret = usher_dev_enter_slow(ud, &idx);
	if (ret)
		return ret;
	ret = READ_ONCE(grant->dead);
	if (!ret)
		ret = usher_admin(ud->ctrl, cmd, req);
	usher_dev_exit_slow(ud, idx);
	return ret;
}

/**
 * usher_grant_query - do a query, if it is allowed
 * @grant: who asks
 * @arg: what is asked, and where the answer goes; what else it holds does not count
 * @result: completion dword 0, written when the controller answered
 *
 * Return: 0; a positive NVMe status; or a negative errno, as struct usher_admin says.
 */
int usher_grant_query(struct usher_grant *grant, const struct usher_admin *arg,
		      u32 *result)
{
	struct usher_admin_req req = {
		.result	= result,
		.user	= true,
	};
	struct nvme_command cmd;
	int bytes, ret;

	bytes = usher_query_build(&grant->scope, arg, &cmd);
	if (bytes < 0)
		return bytes;
	req.data = kzalloc(USHER_QUERY_MAX_BYTES, GFP_KERNEL);
	if (!req.data)
		return -ENOMEM;
	req.bytes = bytes;
	ret = usher_query_send(grant, &cmd, &req);
	if (!ret && copy_to_user(u64_to_user_ptr(arg->data), req.data, bytes))
		ret = -EFAULT;
	kfree(req.data);
	return ret;
}
