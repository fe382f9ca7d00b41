// SPDX-License-Identifier: GPL-2.0-only
/*
 * The interfaces of the stock nvme driver: pread and pwrite past the page cache,
 * io_uring on the block device, io_uring passthrough on the generic character
 * device. The rings have all that makes them fast: registered file and buffers,
 * one issuer, completions handled when the task asks for them.
 */
#define _GNU_SOURCE	/* O_DIRECT */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/nvme_ioctl.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"

#define NVME_WRITE	0x01
#define NVME_READ	0x02

static int node_fd;
static __u32 nsid;
static struct io_uring uring;

static void open_node(struct job *job, int flags)
{
	node_fd = open(job->node, O_RDWR | flags);
	if (node_fd < 0)
		die("%s: %s", job->node, strerror(errno));
}

void pread_setup(struct job *job)
{
	open_node(job, O_DIRECT);
	if (job->qd != 1)
		die("pread has one transfer in flight, not %u", job->qd);
}

void pread_run(struct job *job, unsigned int count)
{
	while (count--) {
		off_t offset = next_lba(job) << job->lba_shift;
		ssize_t done = job->write ?
			pwrite(node_fd, job->data, job->bytes, offset) :
			pread(node_fd, job->data, job->bytes, offset);

		if (done != (ssize_t)job->bytes)
			die("%s: %s", job->node, done < 0 ? strerror(errno) : "short");
	}
}

static void make_ring(struct job *job, unsigned int flags)
{
	struct iovec memory = {
		.iov_base = job->data,
		.iov_len = (size_t)job->stride * job->qd,
	};
	int ret;

	flags |= IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
	ret = io_uring_queue_init(job->qd, &uring, flags);
	if (ret)
		die("io_uring_queue_init: %s", strerror(-ret));
	ret = io_uring_register_buffers(&uring, &memory, 1);
	if (ret)
		die("io_uring_register_buffers: %s", strerror(-ret));
	ret = io_uring_register_files(&uring, &node_fd, 1);
	if (ret)
		die("io_uring_register_files: %s", strerror(-ret));
	ret = io_uring_register_ring_fd(&uring);
	if (ret != 1)
		die("io_uring_register_ring_fd: %s", strerror(-ret));
}

void uring_setup(struct job *job)
{
	open_node(job, O_DIRECT);
	make_ring(job, 0);
}

void uring_poll_setup(struct job *job)
{
	open_node(job, O_DIRECT);
	make_ring(job, IORING_SETUP_IOPOLL);
}

static void passthru_open(struct job *job, unsigned int flags)
{
	int ret;

	open_node(job, 0);
	ret = ioctl(node_fd, NVME_IOCTL_ID);
	if (ret < 0)
		die("%s: NVME_IOCTL_ID: %s", job->node, strerror(errno));
	nsid = ret;
	make_ring(job, flags | IORING_SETUP_SQE128 | IORING_SETUP_CQE32);
}

void passthru_setup(struct job *job)
{
	passthru_open(job, 0);
}

void passthru_poll_setup(struct job *job)
{
	passthru_open(job, IORING_SETUP_IOPOLL);
}

static struct io_uring_sqe *get_sqe(void)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&uring);

	if (!sqe)
		die("io_uring has fewer entries than --qd");
	return sqe;
}

static void prep_block(struct job *job, unsigned int place)
{
	struct io_uring_sqe *sqe = get_sqe();
	__u64 offset = next_lba(job) << job->lba_shift;
	char *data = job->data + (size_t)place * job->stride;

	if (job->write)
		io_uring_prep_write_fixed(sqe, 0, data, job->bytes, offset, 0);
	else
		io_uring_prep_read_fixed(sqe, 0, data, job->bytes, offset, 0);
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->user_data = place;
}

static void prep_passthru(struct job *job, unsigned int place)
{
	struct io_uring_sqe *sqe = get_sqe();
	struct nvme_uring_cmd *cmd = (void *)sqe->cmd;
	__u64 lba = next_lba(job);

	memset(sqe, 0, offsetof(struct io_uring_sqe, cmd));
	memset(cmd, 0, sizeof(*cmd));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->cmd_op = NVME_URING_CMD_IO;
	sqe->uring_cmd_flags = IORING_URING_CMD_FIXED;
	sqe->user_data = place;
	cmd->opcode = job->write ? NVME_WRITE : NVME_READ;
	cmd->nsid = nsid;
	cmd->addr = (__u64)(uintptr_t)(job->data + (size_t)place * job->stride);
	cmd->data_len = job->bytes;
	cmd->cdw10 = lba;
	cmd->cdw11 = lba >> 32;
	cmd->cdw12 = job->blocks - 1;
}

/* Takes what is there; returns how many. */
static unsigned int reap(struct job *job, int good)
{
	struct io_uring_cqe *cqe;
	unsigned int head, got = 0;

	io_uring_for_each_cqe(&uring, head, cqe) {
		if (cqe->res != good)
			die("%s: transfer: %d", job->node, cqe->res);
		job->free[job->nr_free++] = cqe->user_data;
		got++;
	}
	io_uring_cq_advance(&uring, got);
	return got;
}

static void submit(struct job *job, unsigned int left)
{
	unsigned int busy = job->qd - job->nr_free;
	int ret;

	ret = io_uring_submit_and_wait(&uring, left < job->batch ? left : job->batch);
	if (ret < 0)
		die("io_uring_submit_and_wait: %s (%u in flight)", strerror(-ret), busy);
}

void uring_run(struct job *job, unsigned int count)
{
	unsigned int to_start = count, to_finish = count;

	while (to_finish) {
		for (; to_start && job->nr_free; to_start--)
			prep_block(job, job->free[--job->nr_free]);
		submit(job, to_finish);
		to_finish -= reap(job, job->bytes);
	}
}

void passthru_run(struct job *job, unsigned int count)
{
	unsigned int to_start = count, to_finish = count;

	while (to_finish) {
		for (; to_start && job->nr_free; to_start--)
			prep_passthru(job, job->free[--job->nr_free]);
		submit(job, to_finish);
		to_finish -= reap(job, 0);
	}
}
