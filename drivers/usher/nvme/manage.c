// SPDX-License-Identifier: GPL-2.0-only
/*
 * Admin commands that administrators may send: all but those for what the driver owns,
 * and those of which it cannot tell how many bytes they move. The length of the memory
 * that a controller is given is in no command: it goes on to addresses that nobody wrote.
 */
#include <linux/bits.h>
#include <linux/nvme.h>
#include <linux/slab.h>
#include <uapi/linux/usher.h>

#include "guard/guard.h"
#include "nvme/admin.h"
#include "nvme/ctrl.h"
#include "nvme/manage.h"
#include "nvme/query.h"

/* Those that <linux/nvme.h> does not have on all kernels: Base Specification 2.0, 5 */
#define USHER_ADMIN_CAPACITY	0x20
#define USHER_ADMIN_LOCKDOWN	0x24
#define USHER_ADMIN_LBA_STATUS	0x86

/* Features of the driver: 5.27.1 */
#define USHER_FEAT_HOST_BEHAVIOR	0x16

/*
 * Bits of the effects log that say that the guard's knowledge is out of date, or that no
 * other command may be on its way: 5.16.1.6
 */
#define USHER_EFFECTS_ALONE	(NVME_CMD_EFFECTS_NCC | NVME_CMD_EFFECTS_NIC | \
				 NVME_CMD_EFFECTS_CCC | NVME_CMD_EFFECTS_CSE_MASK)

static u32 usher_manage_cdw10(const struct nvme_command *cmd)
{
	return le32_to_cpu(cmd->common.cdw10);
}

/* NUMD is a number of dwords less one. */
static u64 usher_manage_numd(u32 numd)
{
	return (numd + 1ULL) * 4;
}

/* Bytes that a vendor's command moves, if those say it: 5.17.2.1, AVSCC */
static s64 usher_manage_vendor_bytes(const struct usher_ctrl *ctrl,
				     const struct nvme_command *cmd)
{
	return ctrl->avscc ? usher_manage_cdw10(cmd) * 4LL : -1;
}

/* Bytes that a command moves at most; below 0: not one for administrators */
static s64 usher_manage_bytes(const struct usher_ctrl *ctrl, const struct nvme_command *cmd)
{
	u32 cdw10 = usher_manage_cdw10(cmd);
	u32 cdw11 = le32_to_cpu(cmd->common.cdw11);
	u32 cdw12 = le32_to_cpu(cmd->common.cdw12);

	switch (cmd->common.opcode) {
	case nvme_admin_get_log_page:
		return usher_manage_numd(cdw10 >> 16 | cdw11 << 16);
	case nvme_admin_identify:
	case nvme_admin_set_features:
	case nvme_admin_get_features:
	case nvme_admin_ns_mgmt:
	case nvme_admin_ns_attach:
		return NVME_IDENTIFY_DATA_SIZE;
	case nvme_admin_download_fw:
	case nvme_admin_directive_send:
	case nvme_admin_directive_recv:
		return usher_manage_numd(cdw10);
	case nvme_admin_security_send:
	case nvme_admin_security_recv:
		return cdw11;
	case USHER_ADMIN_LBA_STATUS:
		return usher_manage_numd(cdw12);
	case nvme_admin_activate_fw:
	case nvme_admin_dev_self_test:
	case nvme_admin_format_nvm:
	case nvme_admin_sanitize_nvm:
	case USHER_ADMIN_CAPACITY:
	case USHER_ADMIN_LOCKDOWN:
		return 0;
	default:
		return cmd->common.opcode >= nvme_admin_vendor_start ?
		       usher_manage_vendor_bytes(ctrl, cmd) : -1;
	}
}

/* What the driver has set, and counts on */
static bool usher_manage_feature_is_ours(const struct nvme_command *cmd)
{
	if (cmd->common.opcode != nvme_admin_set_features)
		return false;
	switch (usher_manage_cdw10(cmd) & 0xff) {
	case NVME_FEAT_NUM_QUEUES:
	case NVME_FEAT_ASYNC_EVENT:
	case NVME_FEAT_HOST_MEM_BUF:
	case NVME_FEAT_KATO:
	case USHER_FEAT_HOST_BEHAVIOR:
		return true;
	default:
		return false;
	}
}

/* Whatever the controller says of them, or does not */
static bool usher_manage_always_alone(u8 opcode)
{
	return opcode == nvme_admin_ns_mgmt || opcode == nvme_admin_ns_attach ||
	       opcode == nvme_admin_activate_fw || opcode == nvme_admin_format_nvm ||
	       opcode == nvme_admin_sanitize_nvm || opcode == USHER_ADMIN_CAPACITY;
}

/* Of a controller that has no effects log: vendors' may do anything. */
static bool usher_manage_harmless(u8 opcode)
{
	return opcode < nvme_admin_vendor_start && !usher_manage_always_alone(opcode);
}

/* Returns 0, or what usher_admin() returns. */
static int usher_manage_effects(struct usher_ctrl *ctrl, u8 opcode, bool *alone)
{
	struct nvme_effects_log *log;
	u32 effects;
	int ret;

	log = kzalloc(sizeof(*log), GFP_KERNEL);
	if (!log)
		return -ENOMEM;
	ret = usher_get_log(ctrl, NVME_LOG_CMD_EFFECTS, log, sizeof(*log));
	effects = le32_to_cpu(log->acs[opcode]);
	*alone = ret || effects & USHER_EFFECTS_ALONE;
	kfree(log);
	return min(ret, 0);
}

/**
 * usher_manage_check - may an administrator send a command, and how?
 * @ctrl: the controller; the caller is in a slow section
 * @cmd: the command
 * @m: what is known of it, if it may be sent
 *
 * Return: 0; a positive NVMe status why not; or a negative errno: -EINVAL it moves more
 * than a controller page; -ENOMEM; and those of usher_admin().
 */
int usher_manage_check(struct usher_ctrl *ctrl, const struct nvme_command *cmd,
		       struct usher_manage *m)
{
	s64 bytes = usher_manage_bytes(ctrl, cmd);
	u8 opcode = cmd->common.opcode;

	if (bytes < 0)
		return NVME_SC_INVALID_OPCODE | USHER_DNR;
	if (usher_manage_feature_is_ours(cmd))
		return NVME_SC_ACCESS_DENIED | USHER_DNR;
	if (bytes > USHER_QUERY_MAX_BYTES)
		return -EINVAL;
	m->bytes = bytes;
	m->alone = usher_manage_always_alone(opcode);
	if (m->alone)
		return 0;
	if (!(ctrl->lpa & NVME_CTRL_LPA_CMD_EFFECTS_LOG)) {
		m->alone = !usher_manage_harmless(opcode);
		return 0;
	}
	return usher_manage_effects(ctrl, opcode, &m->alone);
}
