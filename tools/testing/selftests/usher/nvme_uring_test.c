// SPDX-License-Identifier: GPL-2.0-only
/*
 * NVMe commands by io_uring do what programs know of the stock driver, through the guard
 * and the limits of every grant.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "helper.h"
#include "uring.h"

#define OP_IDENTIFY	0x06

#define MEMORY		(4UL << 20)
#define BLOCKS		8U	/* of most commands here */
#define SLICE_SLBA	1024U
#define SLICE_NLB	1024U
#define REFUSED(status)	((status) | SC_DNR)

/* FIXTURE_DATA(uring), in a form that checkpatch reads */
#define uring_data	_test_data_uring

FIXTURE(uring) {
	int fd;			/* of a namespace */
	struct usher_grant_info info;
	struct io_uring uring;
	char *memory;
};

/* What programs set up: the last ones run completions when the task asks for them. */
FIXTURE_VARIANT(uring) {
	unsigned int flags;	/* IORING_SETUP_* */
};

FIXTURE_VARIANT_ADD(uring, plain) { .flags = 0 };

FIXTURE_VARIANT_ADD(uring, sqpoll) { .flags = IORING_SETUP_SQPOLL };

FIXTURE_VARIANT_ADD(uring, coop) { .flags = IORING_SETUP_COOP_TASKRUN };

FIXTURE_VARIANT_ADD(uring, defer) {
	.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
};

FIXTURE_SETUP(uring)
{
	self->fd = disk_open(PLAIN, O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, grant_info(self->fd, &self->info));
	ASSERT_EQ(0, uring_open(&self->uring, 256, URING_WIDE | variant->flags));
	self->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->memory);
}

FIXTURE_TEARDOWN(uring)
{
	io_uring_queue_exit(&self->uring);
	close(self->fd);
	munmap(self->memory, MEMORY);
}

static int move(struct uring_data *self, uint8_t opcode, uint64_t slba, uint32_t nlb,
		const void *data)
{
	struct nvme_uring_cmd cmd = uring_blocks(&self->info, opcode, slba, nlb, data);

	return uring_do(&self->uring, self->fd, NVME_URING_CMD_IO, &cmd);
}

/* ---- data ---- */

TEST_F(uring, data_at_odd_addresses)
{
	static const uint32_t offsets[] = { 0, 1, 511, 4093, 8191 };
	size_t bytes = BLOCKS * self->info.lba_bytes;
	int i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		char *from = self->memory + offsets[i];
		char *to = self->memory + MEMORY / 2 + offsets[i];

		pattern_fill(self->memory + MEMORY / 4, i, BLOCKS, self->info.lba_bytes, i);
		memcpy(from, self->memory + MEMORY / 4, bytes);
		EXPECT_EQ(0, move(self, OP_WRITE, i, BLOCKS, from));
		memset(to, 0xee, bytes + 1);
		EXPECT_EQ(0, move(self, OP_READ, i, BLOCKS, to));
		EXPECT_EQ(0, memcmp(from, to, bytes));
		EXPECT_EQ((char)0xee, to[bytes]);
	}
}

/* Each command has a place of its own in memory and on the disk. */
static void push_many(struct __test_metadata *_metadata, struct uring_data *self,
		      uint8_t opcode, uint32_t count)
{
	size_t bytes = BLOCKS * self->info.lba_bytes;
	struct nvme_uring_cmd cmd;
	uint32_t i;

	for (i = 0; i < count; i++) {
		cmd = uring_blocks(&self->info, opcode, i * BLOCKS, BLOCKS,
				   self->memory + i * bytes);
		ASSERT_NE(NULL, uring_add(&self->uring, self->fd, NVME_URING_CMD_IO, &cmd, i));
	}
	ASSERT_EQ(0, uring_submit(&self->uring, count));
}

static void reap_many(struct __test_metadata *_metadata, struct uring_data *self,
		      uint32_t count)
{
	struct uring_result result;
	bool seen[256] = {};
	uint32_t i;

	for (i = 0; i < count; i++) {
		ASSERT_EQ(0, uring_reap(&self->uring, &result));
		EXPECT_EQ(0, result.res);
		ASSERT_GT(count, result.data);
		EXPECT_FALSE(seen[result.data]);
		seen[result.data] = true;
	}
}

/* More than a file has on their way at a time */
TEST_F(uring, many_at_once)
{
	enum { COUNT = 256 };
	size_t bytes = BLOCKS * self->info.lba_bytes;
	uint32_t i;

	for (i = 0; i < COUNT; i++)
		pattern_fill(self->memory + i * bytes, i * BLOCKS, BLOCKS,
			     self->info.lba_bytes, i);
	push_many(_metadata, self, OP_WRITE, COUNT);
	reap_many(_metadata, self, COUNT);
	memset(self->memory, 0, COUNT * bytes);
	push_many(_metadata, self, OP_READ, COUNT);
	reap_many(_metadata, self, COUNT);
	for (i = 0; i < COUNT; i++)
		EXPECT_TRUE(pattern_is(self->memory + i * bytes, i * BLOCKS, BLOCKS,
				       self->info.lba_bytes, i));
}

TEST_F(uring, all_lengths)
{
	uint32_t most = self->info.max_transfer / self->info.lba_bytes;
	uint32_t nlb;

	for (nlb = 1; nlb <= most; nlb = nlb < 8 ? nlb + 1 : nlb * 2) {
		pattern_fill(self->memory, 0, nlb, self->info.lba_bytes, nlb);
		ASSERT_EQ(0, move(self, OP_WRITE, 0, nlb, self->memory));
		memset(self->memory, 0, nlb * self->info.lba_bytes);
		ASSERT_EQ(0, move(self, OP_READ, 0, nlb, self->memory));
		EXPECT_TRUE(pattern_is(self->memory, 0, nlb, self->info.lba_bytes, nlb));
	}
	EXPECT_EQ(-EINVAL, move(self, OP_READ, 0, most + 1, self->memory));
}

TEST_F(uring, commands_without_data)
{
	struct nvme_uring_cmd flush = { .opcode = OP_FLUSH, .nsid = self->info.nsid };

	memset(self->memory, 0xee, BLOCKS * self->info.lba_bytes);
	EXPECT_EQ(0, move(self, OP_WRITE, 0, BLOCKS, self->memory));
	EXPECT_EQ(0, move(self, OP_ZEROES, 0, BLOCKS, NULL));
	EXPECT_EQ(0, uring_do(&self->uring, self->fd, NVME_URING_CMD_IO, &flush));
	EXPECT_EQ(0, move(self, OP_READ, 0, BLOCKS, self->memory));
	EXPECT_TRUE(all_zero(self->memory, BLOCKS * self->info.lba_bytes));
}

static int do_fixed(struct uring_data *self, uint32_t op, uint8_t opcode, const void *data)
{
	struct nvme_uring_cmd cmd = uring_blocks(&self->info, opcode, 0, BLOCKS, data);
	struct io_uring_sqe *sqe = uring_add(&self->uring, self->fd, op, &cmd, 0);
	struct uring_result result;
	int ret;

	if (!sqe)
		return -EBUSY;
	sqe->uring_cmd_flags = IORING_URING_CMD_FIXED;
	sqe->buf_index = 0;
	ret = uring_submit(&self->uring, 1);
	if (ret)
		return ret;
	ret = uring_reap(&self->uring, &result);
	return ret ? ret : result.res;
}

TEST_F(uring, fixed_buffers)
{
	struct iovec iov = { .iov_base = self->memory, .iov_len = MEMORY / 2 };
	size_t bytes = BLOCKS * self->info.lba_bytes;
	char *to = self->memory + MEMORY / 4 + 8;

	EXPECT_EQ(-EFAULT, do_fixed(self, NVME_URING_CMD_IO, OP_READ, self->memory));
	ASSERT_EQ(0, io_uring_register_buffers(&self->uring, &iov, 1));
	pattern_fill(self->memory + 8, 0, BLOCKS, self->info.lba_bytes, 3);
	EXPECT_EQ(0, do_fixed(self, NVME_URING_CMD_IO, OP_WRITE, self->memory + 8));
	memset(to, 0, bytes);
	EXPECT_EQ(0, do_fixed(self, NVME_URING_CMD_IO, OP_READ, to));
	EXPECT_TRUE(pattern_is(to, 0, BLOCKS, self->info.lba_bytes, 3));
	/* It ends outside. */
	EXPECT_EQ(-EFAULT, do_fixed(self, NVME_URING_CMD_IO, OP_READ,
				    self->memory + MEMORY / 2 - bytes + 1));
	EXPECT_EQ(-EINVAL, do_fixed(self, NVME_URING_CMD_IO_VEC, OP_READ, self->memory));
}

TEST_F(uring, data_in_pieces)
{
	uint32_t bytes = BLOCKS * self->info.lba_bytes;
	char *to = self->memory + MEMORY / 2;
	struct iovec pieces[] = {
		{ .iov_base = self->memory + 1, .iov_len = 511 },
		{ .iov_base = self->memory + 8000, .iov_len = 0 },
		{ .iov_base = self->memory + 9000, .iov_len = 1 },
		{ .iov_base = self->memory + 12345, .iov_len = bytes - 512 },
	};
	struct nvme_uring_cmd cmd = uring_blocks(&self->info, OP_WRITE, 0, BLOCKS, pieces);

	pattern_fill(to, 0, BLOCKS, self->info.lba_bytes, 9);
	memcpy(pieces[0].iov_base, to, 511);
	memcpy(pieces[2].iov_base, to + 511, 1);
	memcpy(pieces[3].iov_base, to + 512, bytes - 512);
	cmd.data_len = ARRAY_SIZE(pieces);
	EXPECT_EQ(0, uring_do(&self->uring, self->fd, NVME_URING_CMD_IO_VEC, &cmd));
	memset(to, 0, bytes);
	EXPECT_EQ(0, move(self, OP_READ, 0, BLOCKS, to));
	EXPECT_TRUE(pattern_is(to, 0, BLOCKS, self->info.lba_bytes, 9));

	memset(self->memory, 0xee, MEMORY / 2);
	cmd.opcode = OP_READ;
	EXPECT_EQ(0, uring_do(&self->uring, self->fd, NVME_URING_CMD_IO_VEC, &cmd));
	EXPECT_EQ(0, memcmp(pieces[0].iov_base, to, 511));
	EXPECT_EQ(0, memcmp(pieces[2].iov_base, to + 511, 1));
	EXPECT_EQ(0, memcmp(pieces[3].iov_base, to + 512, bytes - 512));
	EXPECT_EQ((char)0xee, self->memory[0]);
	EXPECT_EQ((char)0xee, self->memory[512]);

	/* One piece, and none */
	pieces[0].iov_len = bytes;
	cmd.data_len = 1;
	EXPECT_EQ(0, uring_do(&self->uring, self->fd, NVME_URING_CMD_IO_VEC, &cmd));
	EXPECT_EQ(0, memcmp(pieces[0].iov_base, to, bytes));
	cmd.data_len = 0;
	EXPECT_EQ(REFUSED(SC_DATA_XFER_ERROR),
		  uring_do(&self->uring, self->fd, NVME_URING_CMD_IO_VEC, &cmd));

	/* Too few bytes for the command, and too many pieces */
	pieces[0].iov_len = 511;
	cmd.data_len = ARRAY_SIZE(pieces);
	cmd.data_len--;
	EXPECT_EQ(REFUSED(SC_DATA_XFER_ERROR),
		  uring_do(&self->uring, self->fd, NVME_URING_CMD_IO_VEC, &cmd));
	cmd.data_len = UIO_MAXIOV + 1;
	EXPECT_EQ(-EINVAL, uring_do(&self->uring, self->fd, NVME_URING_CMD_IO_VEC, &cmd));
	cmd.addr = 8;
	cmd.data_len = 2;
	EXPECT_EQ(-EFAULT, uring_do(&self->uring, self->fd, NVME_URING_CMD_IO_VEC, &cmd));
}

/* ---- what is refused ---- */

TEST_F(uring, refusals)
{
	struct nvme_uring_cmd good = uring_blocks(&self->info, OP_READ, 0, 1, self->memory);
	struct nvme_uring_cmd cmd = good;
	static const uint32_t unknown[] = {
		NVME_URING_CMD_ADMIN, NVME_URING_CMD_ADMIN_VEC, NVME_IOCTL_IO_CMD, 0,
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(unknown); i++)
		EXPECT_EQ(-ENOTTY, uring_do(&self->uring, self->fd, unknown[i], &cmd));
	cmd.nsid++;
	EXPECT_EQ(-EINVAL, uring_do(&self->uring, self->fd, NVME_URING_CMD_IO, &cmd));
	cmd = good;
	cmd.flags = 1;
	EXPECT_EQ(-EINVAL, uring_do(&self->uring, self->fd, NVME_URING_CMD_IO, &cmd));
	cmd = good;
	cmd.metadata_len = 8;
	EXPECT_EQ(-EINVAL, uring_do(&self->uring, self->fd, NVME_URING_CMD_IO, &cmd));
	EXPECT_EQ(REFUSED(SC_LBA_RANGE), move(self, OP_READ, self->info.nlb, 1, self->memory));
	cmd = good;
	cmd.opcode = 0xff;
	EXPECT_EQ(REFUSED(SC_INVALID_OPCODE),
		  uring_do(&self->uring, self->fd, NVME_URING_CMD_IO, &cmd));
	EXPECT_EQ(-EFAULT, move(self, OP_WRITE, 0, 1, (void *)8));
	EXPECT_EQ(-EFAULT, move(self, OP_READ, 0, 1, (void *)8));
	EXPECT_TRUE(all_zero(self->memory, DEVICE_PAGE));
	EXPECT_EQ(0, move(self, OP_READ, 0, 1, self->memory));
}

/* What is no length is not taken for an answer: these are -EIOCBQUEUED, -EAGAIN, ... */
TEST_F(uring, impossible_lengths)
{
	static const uint32_t lengths[] = { -529, -11, -512, 0x80000000, 0xffffffff, 0x7fffffff };
	struct nvme_uring_cmd cmd = uring_blocks(&self->info, OP_READ, 0, 1, self->memory);
	struct iovec iov = { .iov_base = self->memory, .iov_len = MEMORY };
	struct io_uring_sqe *sqe;
	struct uring_result result;
	int i;

	ASSERT_EQ(0, io_uring_register_buffers(&self->uring, &iov, 1));
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		cmd.data_len = lengths[i];
		EXPECT_EQ(-EINVAL, uring_do(&self->uring, self->fd, NVME_URING_CMD_IO, &cmd));
		EXPECT_EQ(-EINVAL, uring_do(&self->uring, self->fd, NVME_URING_CMD_IO_VEC, &cmd));
		sqe = uring_add(&self->uring, self->fd, NVME_URING_CMD_IO, &cmd, 0);
		ASSERT_NE(NULL, sqe);
		sqe->uring_cmd_flags = IORING_URING_CMD_FIXED;
		ASSERT_EQ(0, uring_submit(&self->uring, 1));
		ASSERT_EQ(0, uring_reap(&self->uring, &result));
		EXPECT_EQ(-EFAULT, result.res);
	}
}

/* In a thread of io_uring a command is answered as elsewhere. */
TEST_F(uring, in_a_thread_of_io_uring)
{
	struct nvme_uring_cmd cmd = uring_blocks(&self->info, OP_READ, self->info.nlb, 1,
						 self->memory);
	struct io_uring_sqe *sqe;
	struct uring_result result;
	int i;

	for (i = 0; i < 2; i++) {
		sqe = uring_add(&self->uring, self->fd, NVME_URING_CMD_IO, &cmd, 0);
		ASSERT_NE(NULL, sqe);
		sqe->flags = IOSQE_ASYNC;
		ASSERT_EQ(0, uring_submit(&self->uring, 1));
		ASSERT_EQ(0, uring_reap(&self->uring, &result));
		EXPECT_EQ(i ? 0 : REFUSED(SC_LBA_RANGE), result.res);
		cmd.cdw10 = 0;
		cmd.cdw11 = 0;
	}
}

/* A process that could not see the result would take it for nothing. */
TEST_F(uring, narrow_entries)
{
	static const unsigned int flags[] = { 0, IORING_SETUP_SQE128, IORING_SETUP_CQE32 };
	struct nvme_uring_cmd flush = { .opcode = OP_FLUSH, .nsid = self->info.nsid };
	struct uring_result result;
	struct io_uring_sqe *sqe;
	struct io_uring narrow;
	int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		ASSERT_EQ(0, uring_open(&narrow, 4, variant->flags | flags[i]));
		sqe = io_uring_get_sqe(&narrow);
		memset(sqe, 0, sizeof(*sqe));
		sqe->opcode = IORING_OP_URING_CMD;
		sqe->fd = self->fd;
		sqe->cmd_op = NVME_URING_CMD_IO;
		memcpy(sqe->cmd, &flush, 16);
		EXPECT_EQ(0, uring_submit(&narrow, 1));
		EXPECT_EQ(0, uring_reap(&narrow, &result));
		EXPECT_EQ(-EOPNOTSUPP, result.res);
		io_uring_queue_exit(&narrow);
	}
}

/* On a queue without interrupts; together with commands that have some */
TEST_F(uring, polling)
{
	enum { COUNT = 200 };
	size_t bytes = BLOCKS * self->info.lba_bytes;
	struct usher_grant_info info;
	struct io_uring sleeping;
	struct nvme_uring_cmd cmd;
	int ctrl, i;

	for (i = 0; i < COUNT; i++)
		pattern_fill(self->memory + i * bytes, i * BLOCKS, BLOCKS,
			     self->info.lba_bytes, i);
	push_many(_metadata, self, OP_WRITE, COUNT);
	reap_many(_metadata, self, COUNT);
	memset(self->memory, 0, COUNT * bytes);

	sleeping = self->uring;
	ASSERT_EQ(0, uring_open(&self->uring, 256,
				URING_WIDE | IORING_SETUP_IOPOLL | variant->flags));
	push_many(_metadata, self, OP_READ, COUNT);
	reap_many(_metadata, self, COUNT);
	for (i = 0; i < COUNT; i++)
		EXPECT_TRUE(pattern_is(self->memory + i * bytes, i * BLOCKS, BLOCKS,
				       self->info.lba_bytes, i));
	/* A ring for each kind */
	ASSERT_EQ(0, grant_info(self->fd, &info));
	EXPECT_EQ(2, info.used.rings);
	EXPECT_EQ(REFUSED(SC_LBA_RANGE), move(self, OP_READ, self->info.nlb, 1, self->memory));

	/* Nobody could poll for what the kernel waits for itself. */
	ctrl = disk_open_controller(PLAIN, O_RDONLY);
	cmd = (struct nvme_uring_cmd) {
		.opcode = OP_IDENTIFY, .addr = (uintptr_t)self->memory,
		.data_len = DEVICE_PAGE, .cdw10 = 1,
	};
	EXPECT_EQ(-EOPNOTSUPP, uring_do(&self->uring, ctrl, NVME_URING_CMD_ADMIN, &cmd));
	close(ctrl);

	/* Some are on their way when their io_uring ends. */
	push_many(_metadata, self, OP_READ, COUNT);
	io_uring_queue_exit(&self->uring);
	self->uring = sleeping;
	EXPECT_EQ(0, move(self, OP_READ, 0, 1, self->memory));
}

/* Nobody looks for them any more but io_uring, which ends, while their process ... */
enum end {
	BY_EXIT,
	BY_EXEC,
	BY_KILL,
};

static void __attribute__((noreturn)) leave_polled(struct uring_data *self,
						   unsigned int flags, enum end end)
{
	struct nvme_uring_cmd cmd = uring_blocks(&self->info, OP_READ, 0, BLOCKS,
						 self->memory);
	struct io_uring polled;
	int i;

	if (uring_open(&polled, 64, URING_WIDE | IORING_SETUP_IOPOLL | flags))
		_exit(1);
	/* The first one, by a thread of io_uring, makes the channel. */
	if (uring_do(&polled, self->fd, NVME_URING_CMD_IO, &cmd))
		_exit(2);
	for (i = 0; i < 32; i++)
		if (!uring_add(&polled, self->fd, NVME_URING_CMD_IO, &cmd, 0))
			_exit(3);
	if (uring_submit(&polled, 32))
		_exit(4);
	if (end == BY_EXEC)
		execl("/bin/true", "true", NULL);
	if (end == BY_KILL)
		kill(getpid(), SIGKILL);
	_exit(0);
}

TEST_F(uring, polling_ends_with_its_process)
{
	static const enum end ends[] = { BY_EXIT, BY_EXEC, BY_KILL };
	int i, status;
	pid_t pid;

	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			leave_polled(self, variant->flags, ends[i]);
		EXPECT_TRUE(wait_until(waitpid(pid, &status, WNOHANG) == pid))
			TH_LOG("it does not end: %d", ends[i]);
		EXPECT_TRUE(ends[i] == BY_KILL ? WIFSIGNALED(status) :
						 WIFEXITED(status) && !WEXITSTATUS(status))
			TH_LOG("%#x", status);
	}
}

/* How it went for who has an io_uring from the one that has submitted, but not its memory */
enum polled_for {
	CANCELED,
	WAS_OVER,	/* liburing looks once as it submits */
	WRONG,
};

static void __attribute__((noreturn)) poll_for_another(struct uring_data *self,
						       struct io_uring *polled,
						       const struct nvme_uring_cmd *cmd, bool exec)
{
	struct uring_result result;

	if (exec) {
		if (!uring_add(polled, self->fd, NVME_URING_CMD_IO, cmd, 0) ||
		    uring_submit(polled, 1))
			_exit(WRONG);
		execl("/bin/true", "true", NULL);
	}
	if (uring_reap(polled, &result))
		_exit(WRONG);
	_exit(result.res == -ECANCELED ? CANCELED : result.res ? WRONG : WAS_OVER);
}

static enum polled_for poll_in_another(struct uring_data *self, unsigned int flags, bool exec)
{
	struct nvme_uring_cmd cmd = uring_blocks(&self->info, OP_READ, 0, BLOCKS,
						 self->memory);
	struct io_uring polled;
	int status = -1;
	pid_t pid;

	if (uring_open(&polled, 8, URING_WIDE | IORING_SETUP_IOPOLL | flags))
		return WRONG;
	if (uring_do(&polled, self->fd, NVME_URING_CMD_IO, &cmd) ||
	    !uring_add(&polled, self->fd, NVME_URING_CMD_IO, &cmd, 0) ||
	    uring_submit(&polled, 1))
		return WRONG;
	pid = fork();
	if (!pid)
		poll_for_another(self, &polled, &cmd, exec);
	if (!wait_until(waitpid(pid, &status, WNOHANG) == pid))
		printf("# it does not end\n");
	io_uring_queue_exit(&polled);
	return WIFEXITED(status) ? WEXITSTATUS(status) : WRONG;
}

TEST_F(uring, polling_for_another_process)
{
	enum polled_for how;

	if (variant->flags & (IORING_SETUP_SQPOLL | IORING_SETUP_SINGLE_ISSUER))
		SKIP(return, "only one task submits and polls");
	do {
		how = poll_in_another(self, variant->flags, false);
	} while (how == WAS_OVER);
	EXPECT_EQ(CANCELED, how);
	EXPECT_EQ(0, poll_in_another(self, variant->flags, true));
	EXPECT_EQ(0, move(self, OP_READ, 0, 1, self->memory));
}

TEST_F(uring, admin_commands)
{
	int ctrl = disk_open_controller(PLAIN, O_RDONLY);
	struct nvme_uring_cmd cmd = {
		.opcode = OP_IDENTIFY, .addr = (uintptr_t)self->memory,
		.data_len = DEVICE_PAGE, .cdw10 = 1,
	};

	ASSERT_LE(0, ctrl);
	EXPECT_EQ(0, uring_do(&self->uring, ctrl, NVME_URING_CMD_ADMIN, &cmd));
	/* Bytes 4 to 23: the serial number */
	EXPECT_EQ(0, memcmp(self->memory + 4, environment(PLAIN), strlen(environment(PLAIN))));
	cmd.cdw10 = 0x13;
	EXPECT_EQ(REFUSED(SC_INVALID_FIELD),
		  uring_do(&self->uring, ctrl, NVME_URING_CMD_ADMIN, &cmd));
	EXPECT_EQ(-ENOTTY, uring_do(&self->uring, ctrl, NVME_URING_CMD_IO, &cmd));
	close(ctrl);
}

/* ---- grants ---- */

TEST_F(uring, a_slice_ends_where_it_ends)
{
	int disk = self->fd;

	self->fd = grant_narrow(disk, SLICE_SLBA, SLICE_NLB, USHER_RIGHT_READ);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(0, move(self, OP_READ, SLICE_SLBA + SLICE_NLB - 1, 1, self->memory));
	EXPECT_EQ(REFUSED(SC_LBA_RANGE), move(self, OP_READ, SLICE_SLBA - 1, 1, self->memory));
	EXPECT_EQ(REFUSED(SC_LBA_RANGE),
		  move(self, OP_READ, SLICE_SLBA + SLICE_NLB - 1, 2, self->memory));
	EXPECT_EQ(REFUSED(SC_ACCESS_DENIED),
		  move(self, OP_WRITE, SLICE_SLBA, 1, self->memory));
	close(self->fd);
	self->fd = disk;
}

struct batches {
	struct uring_data *self;
	unsigned int flags;
	int index;
	int ret;
	pthread_t thread;
};

/* Batches that are handed over together, while others do so on the same file */
static void *batches_thread(void *data)
{
	enum { ROUNDS = 300, BATCH = 4 };
	struct batches *b = data;
	struct uring_result result;
	struct nvme_uring_cmd cmd;
	struct io_uring uring;
	int round, i;

	b->ret = uring_open(&uring, BATCH, URING_WIDE | b->flags);
	for (round = 0; round < ROUNDS && !b->ret; round++) {
		for (i = 0; i < BATCH; i++) {
			cmd = uring_blocks(&b->self->info, OP_READ, i, 1,
					   b->self->memory + (b->index * BATCH + i) * PAGE);
			uring_add(&uring, b->self->fd, NVME_URING_CMD_IO, &cmd, i);
		}
		b->ret = uring_submit(&uring, BATCH);
		for (i = 0; i < BATCH && !b->ret; i++) {
			b->ret = uring_reap(&uring, &result);
			b->ret = b->ret ? b->ret : result.res;
		}
	}
	io_uring_queue_exit(&uring);
	return NULL;
}

TEST_F(uring, batches_of_many_threads)
{
	enum { THREADS = 6 };
	struct batches b[THREADS];
	int i;

	for (i = 0; i < THREADS; i++) {
		b[i] = (struct batches) { .self = self, .flags = variant->flags, .index = i };
		ASSERT_EQ(0, pthread_create(&b[i].thread, NULL, batches_thread, &b[i]));
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(b[i].thread, NULL);
		EXPECT_EQ(0, b[i].ret);
	}
}

TEST_F(uring, revoked)
{
	int disk = self->fd;

	self->fd = grant_narrow(disk, 0, SLICE_NLB, USHER_RIGHTS_ALL);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(0, move(self, OP_READ, 0, 1, self->memory));
	ASSERT_EQ(0, grant_revoke(disk));
	EXPECT_EQ(-EACCES, move(self, OP_READ, 0, 1, self->memory));
	close(self->fd);
	self->fd = disk;
	/* It may have the file yet, for a command whose completion has long been seen. */
	io_uring_queue_exit(&self->uring);
	EXPECT_TRUE(wait_until(nothing_is_charged(disk)));
	ASSERT_EQ(0, uring_open(&self->uring, 256, URING_WIDE | variant->flags));
}

TEST_HARNESS_MAIN

