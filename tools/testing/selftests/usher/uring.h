/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of NVMe commands by io_uring share: entries, completions.
 */
#ifndef USHER_TEST_URING_H
#define USHER_TEST_URING_H

#include <errno.h>
#include <string.h>
#include <liburing.h>

#include <linux/nvme_ioctl.h>

#include "helper.h"

/* Entries of 128 bytes, completions of 32: the command, and its result */
#define URING_WIDE	(IORING_SETUP_SQE128 | IORING_SETUP_CQE32)

/**
 * uring_open - make an io_uring
 * @uring: filled in
 * @entries: how many
 * @flags: IORING_SETUP_*
 *
 * Return: 0 or a negative errno.
 */
static inline int uring_open(struct io_uring *uring, unsigned int entries, unsigned int flags)
{
	struct io_uring_params params = { .flags = flags };

	return io_uring_queue_init_params(entries, uring, &params);
}

static inline struct nvme_uring_cmd uring_blocks(const struct usher_grant_info *info,
						 uint8_t opcode, uint64_t slba,
						 uint32_t nlb, const void *data)
{
	return (struct nvme_uring_cmd) {
		.opcode = opcode,
		.nsid = info->nsid,
		.addr = (uintptr_t)data,
		.data_len = data ? nlb * info->lba_bytes : 0,
		.cdw10 = slba,
		.cdw11 = slba >> 32,
		.cdw12 = nlb - 1,
	};
}

/* The next entry, with room for a command; NULL when there is none */
static inline struct io_uring_sqe *uring_add(struct io_uring *uring, int fd, uint32_t op,
					     const struct nvme_uring_cmd *cmd, uint64_t data)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(uring);

	if (!sqe)
		return NULL;
	memset(sqe, 0, 2 * sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = fd;
	sqe->cmd_op = op;
	sqe->user_data = data;
	memcpy(sqe->cmd, cmd, sizeof(*cmd));
	return sqe;
}

/**
 * struct uring_result - a completion
 * @res: 0, a positive NVMe status or a negative errno
 * @data: of the entry
 * @result: of the command
 */
struct uring_result {
	int res;
	uint64_t data;
	uint64_t result;
};

/*
 * Returns 0, or a negative errno. With SQPOLL liburing also counts entries of before that
 * the thread has taken but not given back: their completions do not wait for that.
 */
static inline int uring_submit(struct io_uring *uring, unsigned int count)
{
	int ret = io_uring_submit(uring);

	if (ret < 0)
		return ret;
	return ret < count || (ret > count && !(uring->flags & IORING_SETUP_SQPOLL)) ? -EBUSY : 0;
}

/* Returns 0, or a negative errno: ETIME nothing came soon. */
static inline int uring_reap(struct io_uring *uring, struct uring_result *result)
{
	struct __kernel_timespec soon = { .tv_sec = SOON_MS / 1000 };
	uint64_t end = now_ms() + SOON_MS;
	struct io_uring_cqe *cqe;
	int ret;

	/* On a ring that polls liburing looks once. */
	do {
		ret = io_uring_wait_cqe_timeout(uring, &cqe, &soon);
	} while (ret == -ETIME && now_ms() < end);
	if (ret)
		return ret;
	*result = (struct uring_result) {
		.res = cqe->res,
		.data = cqe->user_data,
		.result = uring->flags & IORING_SETUP_CQE32 ? cqe->big_cqe[0] : 0,
	};
	io_uring_cqe_seen(uring, cqe);
	return 0;
}

/* One command: what it came to, or a negative errno of io_uring's */
static inline int uring_do(struct io_uring *uring, int fd, uint32_t op,
			   const struct nvme_uring_cmd *cmd)
{
	struct uring_result result;
	int ret;

	if (!uring_add(uring, fd, op, cmd, 0))
		return -EBUSY;
	ret = uring_submit(uring, 1);
	if (ret)
		return ret;
	ret = uring_reap(uring, &result);
	return ret ? ret : result.res;
}

#endif /* USHER_TEST_URING_H */
