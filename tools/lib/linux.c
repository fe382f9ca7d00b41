// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The system calls: nodes, grants and rings of the Linux module.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

static int call(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

int usher_open(const char *path, int flags)
{
	struct usher_grant_info info;
	int fd, ret;

	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		return -errno;

	ret = usher_grant_info(fd, &info);
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return fd;
}

int usher_grant_from_env(void)
{
	const char *text = getenv(USHER_GRANT_ENV);
	struct usher_grant_info info;
	char *end;
	long fd;
	int ret;

	if (!text)
		return -ENOENT;

	errno = 0;
	fd = strtol(text, &end, 10);
	if (errno || end == text || *end || fd < 0 || fd > INT32_MAX)
		return -EINVAL;

	ret = usher_grant_info(fd, &info);
	if (ret < 0)
		return ret;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return fd;
}

int usher_grant_info(int grant_fd, struct usher_grant_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	return call(grant_fd, USHER_IOC_GRANT_INFO, info);
}

int usher_narrow(int grant_fd, __u64 slba, __u64 nlb, __u32 rights,
		 const struct usher_limits *limits)
{
	struct usher_narrow narrow = {
		.size = sizeof(narrow),
		.slba = slba,
		.nlb = nlb,
		.rights = rights,
	};

	if (limits)
		narrow.limits = *limits;
	return call(grant_fd, USHER_IOC_NARROW, &narrow);
}

int usher_revoke(int grant_fd)
{
	struct usher_revoke revoke = {
		.size = sizeof(revoke),
	};

	return call(grant_fd, USHER_IOC_REVOKE, &revoke);
}

int usher_slice_add(int grant_fd, uid_t uid, gid_t gid, mode_t mode, __u32 *id)
{
	struct usher_slice slice = {
		.size = sizeof(slice),
		.uid = uid,
		.gid = gid,
		.mode = mode,
	};
	int ret = call(grant_fd, USHER_IOC_SLICE_ADD, &slice);

	if (ret >= 0)
		*id = slice.id;
	return ret;
}

int usher_slice_remove(int grant_fd, __u32 id)
{
	struct usher_slice slice = {
		.size = sizeof(slice),
		.id = id,
	};

	return call(grant_fd, USHER_IOC_SLICE_REMOVE, &slice);
}

int usher_buf_register(int grant_fd, void *addr, size_t length, __u32 flags,
		       __u32 *id)
{
	struct usher_buf_register reg = {
		.size = sizeof(reg),
		.flags = flags,
		.addr = (uintptr_t)addr,
		.length = length,
	};
	int ret = call(grant_fd, USHER_IOC_BUF_REGISTER, &reg);

	if (ret >= 0)
		*id = reg.id;
	return ret;
}

int usher_buf_unregister(int grant_fd, __u32 id)
{
	struct usher_buf_unregister unreg = {
		.size = sizeof(unreg),
		.id = id,
	};

	return call(grant_fd, USHER_IOC_BUF_UNREGISTER, &unreg);
}

int usher_ring_create(int grant_fd, struct usher_ring_create *create)
{
	create->size = sizeof(*create);
	return call(grant_fd, USHER_IOC_RING_CREATE, create);
}

/* Map the ring and take its fd over. */
static int ring_map(struct usher_ring *ring, int ring_fd, __u32 nsid,
		    const struct usher_ring_create *geometry)
{
	void *map;
	int ret;

	memset(ring, 0, sizeof(*ring));
	map = mmap(NULL, geometry->mmap_bytes, PROT_READ | PROT_WRITE,
		   MAP_SHARED, ring_fd, 0);
	if (map == MAP_FAILED)
		return -errno;

	ret = usher_ring_setup(ring, map, geometry);
	if (ret < 0) {
		munmap(map, geometry->mmap_bytes);
		return ret;
	}
	ring->fd = ring_fd;
	ring->nsid = nsid;
	return 0;
}

int usher_ring_init(struct usher_ring *ring, int grant_fd, __u32 entries,
		    __u32 flags)
{
	struct usher_ring_create create = {
		.flags = flags,
		.sq_entries = entries,
	};

	return usher_ring_init_params(ring, grant_fd, &create);
}

int usher_ring_init_params(struct usher_ring *ring, int grant_fd,
			   struct usher_ring_create *create)
{
	__u32 data64 = create->flags & USHER_RING_DATA64;
	struct usher_grant_info info;
	int ret, ring_fd;

	ret = usher_grant_info(grant_fd, &info);
	if (ret < 0)
		return ret;
	create->flags &= ~USHER_RING_DATA64;
	ring_fd = usher_ring_create(grant_fd, create);
	create->flags |= data64;
	if (ring_fd < 0)
		return ring_fd;

	ret = ring_map(ring, ring_fd, info.nsid, create);
	if (ret < 0) {
		close(ring_fd);
		return ret;
	}
	if (data64)
		ret = usher_ring_enable_data64(ring);
	if (ret < 0)
		usher_ring_exit(ring);
	return ret;
}

int usher_ring_attach(struct usher_ring *ring, int ring_fd)
{
	struct usher_ring_info info = {
		.size = sizeof(info),
	};
	struct usher_ring_create geometry = {};
	int ret = call(ring_fd, USHER_IOC_RING_INFO, &info);

	if (ret < 0)
		return ret;
	geometry.flags = info.flags;
	geometry.sq_entries = info.sq_entries;
	geometry.cq_entries = info.cq_entries;
	geometry.mmap_bytes = info.mmap_bytes;
	geometry.sq_offset = info.sq_offset;
	geometry.cq_offset = info.cq_offset;
	geometry.sqe_shift = info.sqe_shift;
	geometry.cqe_shift = info.cqe_shift;
	return ring_map(ring, ring_fd, info.nsid, &geometry);
}

void usher_ring_exit(struct usher_ring *ring)
{
	usher_ring_free_data64(ring);
	munmap(ring->ctl, ring->mmap_bytes);
	close(ring->fd);
	memset(ring, 0, sizeof(*ring));
	ring->fd = -1;
}

int usher_ring_enter(int ring_fd, struct usher_enter *enter)
{
	enter->size = sizeof(*enter);
	return call(ring_fd, USHER_IOC_ENTER, enter);
}

__u64 usher_deadline(__u64 timeout_ns)
{
	struct timespec now;
	__u64 deadline;

	clock_gettime(CLOCK_MONOTONIC, &now);
	deadline = now.tv_sec * 1000000000ULL + now.tv_nsec;
	/* the kernel's time is signed */
	return timeout_ns < INT64_MAX - deadline ? deadline + timeout_ns :
						   INT64_MAX;
}

int usher_ring_eventfd(struct usher_ring *ring, int event_fd)
{
	struct usher_eventfd arg = {
		.size = sizeof(arg),
		.fd = event_fd,
	};

	return call(ring->fd, USHER_IOC_EVENTFD, &arg);
}

int usher_ring_info(const struct usher_ring *ring, struct usher_ring_info *info,
		    __u16 *tags, __u32 nr_tags)
{
	__u32 i;
	int ret;

	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	info->tags = (uintptr_t)tags;
	info->nr_tags = tags ? nr_tags : 0;
	ret = call(ring->fd, USHER_IOC_RING_INFO, info);
	if (ret < 0)
		return ret;

	for (i = 0; i < info->nr_tags && i < nr_tags && tags; i++)
		tags[i] = le16toh(tags[i]);
	return 0;
}

/*
 * Queries: NVM Express Base Specification 2.0, sections 5.15 to 5.17
 */

#define ADMIN_GET_LOG		0x02
#define ADMIN_IDENTIFY		0x06
#define ADMIN_GET_FEATURES	0x0a
#define IDENTIFY_BYTES		4096
#define LOG_RETAIN_EVENT	0x00008000U	/* CDW10 of Get Log Page */

int usher_admin(int grant_fd, struct usher_admin *cmd)
{
	int ret;

	cmd->size = sizeof(*cmd);
	ret = call(grant_fd, USHER_IOC_ADMIN, cmd);
	return ret < 0 ? ret : (int)cmd->status;
}

int usher_identify(int grant_fd, __u8 cns, __u8 csi, void *data)
{
	struct usher_admin cmd = {
		.opcode = ADMIN_IDENTIFY,
		.cdw10 = cns,
		.cdw11 = (__u32)csi << 24,
		.data = (uintptr_t)data,
		.data_length = IDENTIFY_BYTES,
	};

	return usher_admin(grant_fd, &cmd);
}

int usher_identify_ns(int grant_fd, void *data)
{
	return usher_identify(grant_fd, 0x00, 0, data);
}

int usher_identify_ctrl(int grant_fd, void *data)
{
	return usher_identify(grant_fd, 0x01, 0, data);
}

int usher_get_log(int grant_fd, __u8 lid, __u64 offset, void *data,
		  __u32 length)
{
	__u32 numd = length / 4 - 1;	/* dwords, 0's based */
	struct usher_admin cmd = {
		.opcode = ADMIN_GET_LOG,
		.cdw10 = lid | LOG_RETAIN_EVENT | (numd & 0xffff) << 16,
		.cdw11 = numd >> 16,
		.cdw12 = (__u32)offset,
		.cdw13 = (__u32)(offset >> 32),
		.data = (uintptr_t)data,
		.data_length = length,
	};

	if (!length || length > 4096 || length % 4 || offset % 4)
		return -EINVAL;
	return usher_admin(grant_fd, &cmd);
}

int usher_get_features(int grant_fd, __u8 fid, __u8 sel, __u32 *result)
{
	struct usher_admin cmd = {
		.opcode = ADMIN_GET_FEATURES,
		.cdw10 = fid | (__u32)(sel & 7) << 8,
	};
	int ret = usher_admin(grant_fd, &cmd);

	if (!ret)
		*result = cmd.result;
	return ret;
}
