// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of <linux/nvme_ioctl.h> do what programs know of the stock driver, through
 * the guard and the limits of every grant.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/nvme_ioctl.h>

#include "kselftest_harness.h"
#include "helper.h"

#define OP_IDENTIFY	0x06
#define OP_GET_LOG	0x02
#define OP_GET_FEATURES	0x0a
#define OP_FORMAT	0x80
#define LOG_SMART	0x02

#define MEMORY		(4UL << 20)
#define BLOCKS		64U	/* of most commands here */
#define SLICE_SLBA	1024U
#define SLICE_NLB	1024U
#define NOBODY		65534
#define REFUSED(status)	((status) | SC_DNR)

/* FIXTURE_DATA(nvme), in a form that checkpatch reads */
#define nvme_data	_test_data_nvme

FIXTURE(nvme) {
	int fd;			/* of a namespace */
	struct usher_grant_info info;
	char *memory;
};

FIXTURE_SETUP(nvme)
{
	self->fd = disk_open(PLAIN, O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, grant_info(self->fd, &self->info));
	self->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->memory);
}

FIXTURE_TEARDOWN(nvme)
{
	close(self->fd);
	munmap(self->memory, MEMORY);
}

/* 0, a positive NVMe status or a negative errno */
static int do_cmd(int fd, unsigned long request, void *cmd)
{
	int ret = ioctl(fd, request, cmd);

	return ret < 0 ? -errno : ret;
}

static struct nvme_passthru_cmd blocks_cmd(const struct usher_grant_info *info,
					   uint8_t opcode, uint64_t slba,
					   uint32_t nlb, const void *data)
{
	return (struct nvme_passthru_cmd) {
		.opcode = opcode,
		.nsid = info->nsid,
		.addr = (uintptr_t)data,
		.data_len = data ? nlb * info->lba_bytes : 0,
		.cdw10 = slba,
		.cdw11 = slba >> 32,
		.cdw12 = nlb - 1,
	};
}

static int move(int fd, const struct usher_grant_info *info, uint8_t opcode,
		uint64_t slba, uint32_t nlb, const void *data)
{
	struct nvme_passthru_cmd cmd = blocks_cmd(info, opcode, slba, nlb, data);

	return do_cmd(fd, NVME_IOCTL_IO_CMD, &cmd);
}

static struct nvme_passthru_cmd identify_cmd(uint32_t nsid, uint32_t cns, void *page)
{
	return (struct nvme_passthru_cmd) {
		.opcode = OP_IDENTIFY,
		.nsid = nsid,
		.addr = (uintptr_t)page,
		.data_len = DEVICE_PAGE,
		.cdw10 = cns,
	};
}

/* ---- which ioctls there are ---- */

TEST_F(nvme, id_is_the_namespace)
{
	int ctrl = disk_open_controller(PLAIN, O_RDONLY);

	ASSERT_LE(0, ctrl);
	EXPECT_EQ((int)self->info.nsid, do_cmd(self->fd, NVME_IOCTL_ID, NULL));
	/* Programs tell controllers from namespaces by this. */
	EXPECT_EQ(-ENOTTY, do_cmd(ctrl, NVME_IOCTL_ID, NULL));
	close(ctrl);
}

TEST_F(nvme, others_are_unknown)
{
	static const unsigned long unknown[] = {
		NVME_IOCTL_RESET, NVME_IOCTL_SUBSYS_RESET, NVME_IOCTL_RESCAN,
		NVME_URING_CMD_IO,
		_IO('N', 0x3f), _IO('N', 0x43), _IO('N', 0xff), _IO('L', 0x40),
	};
	struct nvme_passthru_cmd64 cmd = {};
	int i;

	for (i = 0; i < ARRAY_SIZE(unknown); i++)
		EXPECT_EQ(-ENOTTY, do_cmd(self->fd, unknown[i], &cmd));
}

TEST_F(nvme, a_controller_has_no_io)
{
	int ctrl = disk_open_controller(PLAIN, O_RDWR);
	struct nvme_passthru_cmd64 cmd = {};

	ASSERT_LE(0, ctrl);
	EXPECT_EQ(-ENOTTY, do_cmd(ctrl, NVME_IOCTL_IO_CMD, &cmd));
	EXPECT_EQ(-ENOTTY, do_cmd(ctrl, NVME_IOCTL_IO64_CMD, &cmd));
	EXPECT_EQ(-ENOTTY, do_cmd(ctrl, NVME_IOCTL_SUBMIT_IO, &cmd));
	close(ctrl);
}

static int do_as_nobody(int fd, unsigned long request)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(become(NOBODY) ? 255 : -do_cmd(fd, request, NULL));
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? -WEXITSTATUS(status) : -1;
}

/* More in a row than a controller that misbehaves may need */
TEST_F(nvme, administrators_reset)
{
	int ctrl = disk_open_controller(PLAIN, O_RDONLY), i;

	ASSERT_LE(0, ctrl);
	for (i = 0; i < 6; i++)
		EXPECT_EQ(0, do_cmd(ctrl, NVME_IOCTL_RESET, NULL));
	EXPECT_EQ(0, move(self->fd, &self->info, OP_READ, 0, 1, self->memory));
	EXPECT_EQ(-EACCES, do_as_nobody(ctrl, NVME_IOCTL_RESET));
	EXPECT_EQ(-ENOTTY, do_cmd(ctrl, NVME_IOCTL_SUBSYS_RESET, NULL));
	close(ctrl);
}

TEST_F(nvme, administrators_rescan)
{
	int ctrl = disk_open_controller(PLAIN, O_RDONLY);

	ASSERT_LE(0, ctrl);
	EXPECT_EQ(0, do_cmd(ctrl, NVME_IOCTL_RESCAN, NULL));
	/* The namespace is as it was, so its grants live on. */
	EXPECT_EQ(0, move(self->fd, &self->info, OP_READ, 0, 1, self->memory));
	EXPECT_EQ(-EACCES, do_as_nobody(ctrl, NVME_IOCTL_RESCAN));
	close(ctrl);
}

/* ---- queries ---- */

TEST_F(nvme, identify_is_that_of_the_interface)
{
	static const uint32_t cns[] = { 0x00, 0x01 };
	int i;

	for (i = 0; i < ARRAY_SIZE(cns); i++) {
		struct usher_admin arg = {
			.size = sizeof(arg), .opcode = OP_IDENTIFY, .cdw10 = cns[i],
			.data = (uintptr_t)self->memory, .data_length = DEVICE_PAGE,
		};
		char *page = self->memory + DEVICE_PAGE + 1;
		struct nvme_passthru_cmd cmd =
			identify_cmd(cns[i] ? 0 : self->info.nsid, cns[i], page);

		ASSERT_EQ(0, call(self->fd, USHER_IOC_ADMIN, &arg));
		ASSERT_EQ(0, do_cmd(self->fd, NVME_IOCTL_ADMIN_CMD, &cmd));
		EXPECT_EQ(0, memcmp(self->memory, page, DEVICE_PAGE));
	}
}

TEST_F(nvme, a_controller_tells_of_itself)
{
	int ctrl = disk_open_controller(PLAIN, O_RDONLY);
	struct nvme_passthru_cmd cmd = identify_cmd(0, 1, self->memory);

	ASSERT_LE(0, ctrl);
	EXPECT_EQ(0, do_cmd(ctrl, NVME_IOCTL_ADMIN_CMD, &cmd));
	/* Bytes 4 to 23: the serial number */
	EXPECT_EQ(0, memcmp(self->memory + 4, environment(PLAIN), strlen(environment(PLAIN))));
	close(ctrl);
}

/* Programs read logs without Retain Asynchronous Event. */
TEST_F(nvme, logs_and_features)
{
	struct nvme_passthru_cmd64 cmd = {
		.opcode = OP_GET_LOG,
		.nsid = 0xffffffff,
		.addr = (uintptr_t)self->memory,
		.data_len = 512,
		.cdw10 = LOG_SMART | (512 / 4 - 1) << 16,
	};

	memset(self->memory, 0xee, DEVICE_PAGE);
	EXPECT_EQ(0, do_cmd(self->fd, NVME_IOCTL_ADMIN64_CMD, &cmd));
	EXPECT_FALSE(memcmp(self->memory + 512, self->memory + 513, DEVICE_PAGE - 513));
	EXPECT_NE((char)0xee, self->memory[0]);
	/* Arbitration: some result */
	cmd = (struct nvme_passthru_cmd64) {
		.opcode = OP_GET_FEATURES, .cdw10 = 0x07, .rsvd2 = 0x1234,
		.result = ~0ULL,
	};
	EXPECT_EQ(0, do_cmd(self->fd, NVME_IOCTL_ADMIN64_CMD, &cmd));
	EXPECT_NE(0, cmd.result);
	EXPECT_EQ(0, cmd.result >> 32);
	EXPECT_EQ(0x1234, cmd.rsvd2);
}

TEST_F(nvme, other_queries_have_a_status)
{
	struct nvme_passthru_cmd cmd = {
		.opcode = OP_FORMAT, .nsid = self->info.nsid, .result = 77,
	};

	EXPECT_EQ(REFUSED(SC_INVALID_OPCODE), do_cmd(self->fd, NVME_IOCTL_ADMIN_CMD, &cmd));
	EXPECT_EQ(0, cmd.result);
	/* Identify: the list of all controllers */
	cmd = identify_cmd(0, 0x13, self->memory);
	EXPECT_EQ(REFUSED(SC_INVALID_FIELD), do_cmd(self->fd, NVME_IOCTL_ADMIN_CMD, &cmd));
	/* No room for the answer */
	cmd = identify_cmd(0, 0x01, self->memory);
	cmd.data_len--;
	EXPECT_EQ(REFUSED(SC_INVALID_FIELD), do_cmd(self->fd, NVME_IOCTL_ADMIN_CMD, &cmd));
	/* Another namespace, and all of them */
	cmd = identify_cmd(self->info.nsid + 1, 0x00, self->memory);
	EXPECT_EQ(REFUSED(SC_INVALID_NS), do_cmd(self->fd, NVME_IOCTL_ADMIN_CMD, &cmd));
	cmd = identify_cmd(0xffffffff, 0x00, self->memory);
	EXPECT_EQ(REFUSED(SC_INVALID_NS), do_cmd(self->fd, NVME_IOCTL_ADMIN_CMD, &cmd));
	EXPECT_TRUE(all_zero(self->memory, DEVICE_PAGE));
}

/* ---- data ---- */

TEST_F(nvme, data_at_odd_addresses)
{
	static const uint32_t offsets[] = { 0, 1, 3, 511, 4093, 4096, 8191 };
	size_t bytes = BLOCKS * self->info.lba_bytes;
	int i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		char *from = self->memory + offsets[i];
		char *to = self->memory + MEMORY / 2 + offsets[i];

		pattern_fill(self->memory + MEMORY / 4, i, BLOCKS, self->info.lba_bytes, i);
		memcpy(from, self->memory + MEMORY / 4, bytes);
		EXPECT_EQ(0, move(self->fd, &self->info, OP_WRITE, i, BLOCKS, from));
		memset(to, 0xee, bytes + 1);
		EXPECT_EQ(0, move(self->fd, &self->info, OP_READ, i, BLOCKS, to));
		EXPECT_EQ(0, memcmp(from, to, bytes));
		EXPECT_EQ((char)0xee, to[bytes]);
		EXPECT_EQ(0, move(self->fd, &self->info, OP_COMPARE, i, BLOCKS, from));
		from[bytes / 2] ^= 1;
		EXPECT_EQ(SC_COMPARE_FAILED,
			  move(self->fd, &self->info, OP_COMPARE, i, BLOCKS, from) & SC_MASK);
	}
}

TEST_F(nvme, all_lengths)
{
	uint32_t most = self->info.max_transfer / self->info.lba_bytes;
	uint32_t nlb;

	for (nlb = 1; nlb <= most; nlb = nlb < 8 ? nlb + 1 : nlb * 2) {
		pattern_fill(self->memory, 0, nlb, self->info.lba_bytes, nlb);
		ASSERT_EQ(0, move(self->fd, &self->info, OP_WRITE, 0, nlb, self->memory));
		memset(self->memory, 0, nlb * self->info.lba_bytes);
		ASSERT_EQ(0, move(self->fd, &self->info, OP_READ, 0, nlb, self->memory));
		EXPECT_TRUE(pattern_is(self->memory, 0, nlb, self->info.lba_bytes, nlb));
	}
}

TEST_F(nvme, commands_of_all_kinds)
{
	struct nvme_passthru_cmd cmd = { .opcode = OP_FLUSH, .nsid = self->info.nsid };
	struct { __le32 attr, nlb; __le64 slba; } range = {
		.nlb = htole32(8), .slba = htole64(16),
	};
	struct nvme_passthru_cmd64 wide;

	EXPECT_EQ(0, do_cmd(self->fd, NVME_IOCTL_IO_CMD, &cmd));
	cmd = (struct nvme_passthru_cmd) {
		.opcode = OP_DSM, .nsid = self->info.nsid, .addr = (uintptr_t)&range,
		.data_len = sizeof(range), .cdw11 = 4,
	};
	EXPECT_EQ(0, do_cmd(self->fd, NVME_IOCTL_IO_CMD, &cmd));
	range.slba = htole64(self->info.nlb);
	EXPECT_EQ(REFUSED(SC_LBA_RANGE), do_cmd(self->fd, NVME_IOCTL_IO_CMD, &cmd));
	EXPECT_EQ(0, move(self->fd, &self->info, OP_ZEROES, 0, BLOCKS, NULL));

	memset(self->memory, 0xee, BLOCKS * self->info.lba_bytes);
	cmd = blocks_cmd(&self->info, OP_READ, 0, BLOCKS, self->memory);
	memcpy(&wide, &cmd, offsetof(struct nvme_passthru_cmd, result));
	wide.rsvd2 = 0;
	wide.result = ~0ULL;
	EXPECT_EQ(0, do_cmd(self->fd, NVME_IOCTL_IO64_CMD, &wide));
	EXPECT_EQ(0, wide.result);
	EXPECT_TRUE(all_zero(self->memory, BLOCKS * self->info.lba_bytes));
}

TEST_F(nvme, submit_io)
{
	struct nvme_user_io io = {
		.opcode = OP_WRITE, .addr = (uintptr_t)self->memory + 1, .slba = 5, .nblocks = 3,
	};

	memset(self->memory, 0x5a, 4 * self->info.lba_bytes + 1);
	EXPECT_EQ(0, do_cmd(self->fd, NVME_IOCTL_SUBMIT_IO, &io));
	memset(self->memory, 0, 4 * self->info.lba_bytes + 1);
	io.opcode = OP_READ;
	EXPECT_EQ(0, do_cmd(self->fd, NVME_IOCTL_SUBMIT_IO, &io));
	EXPECT_EQ(0x5a, self->memory[1]);
	EXPECT_EQ(0, self->memory[0]);
	io.opcode = OP_FLUSH;
	EXPECT_EQ(-EINVAL, do_cmd(self->fd, NVME_IOCTL_SUBMIT_IO, &io));
	io.opcode = OP_READ;
	io.flags = 1;
	EXPECT_EQ(-EINVAL, do_cmd(self->fd, NVME_IOCTL_SUBMIT_IO, &io));
}

/* ---- what is refused ---- */

TEST_F(nvme, malformed)
{
	struct nvme_passthru_cmd good = blocks_cmd(&self->info, OP_READ, 0, 1, self->memory);
	struct nvme_passthru_cmd cmd;

	cmd = good;
	cmd.flags = 1;
	EXPECT_EQ(-EINVAL, do_cmd(self->fd, NVME_IOCTL_IO_CMD, &cmd));
	EXPECT_EQ(-EINVAL, do_cmd(self->fd, NVME_IOCTL_ADMIN_CMD, &cmd));
	cmd = good;
	cmd.nsid++;
	EXPECT_EQ(-EINVAL, do_cmd(self->fd, NVME_IOCTL_IO_CMD, &cmd));
	cmd.nsid = 0xffffffff;
	EXPECT_EQ(-EINVAL, do_cmd(self->fd, NVME_IOCTL_IO_CMD, &cmd));
	cmd = good;
	cmd.metadata = (uintptr_t)self->memory;
	EXPECT_EQ(-EINVAL, do_cmd(self->fd, NVME_IOCTL_IO_CMD, &cmd));
	cmd = good;
	cmd.metadata_len = 8;
	EXPECT_EQ(-EINVAL, do_cmd(self->fd, NVME_IOCTL_IO_CMD, &cmd));
	cmd = good;
	cmd.data_len = self->info.max_transfer + 1;
	EXPECT_EQ(-EINVAL, do_cmd(self->fd, NVME_IOCTL_IO_CMD, &cmd));
	/* What would be -ERESTARTSYS, as a length */
	cmd.data_len = -512;
	EXPECT_EQ(-EINVAL, do_cmd(self->fd, NVME_IOCTL_IO_CMD, &cmd));
	cmd = good;
	cmd.data_len--;
	EXPECT_EQ(REFUSED(SC_DATA_XFER_ERROR), do_cmd(self->fd, NVME_IOCTL_IO_CMD, &cmd));
	cmd = good;
	cmd.cdw2 = 1;
	EXPECT_EQ(REFUSED(SC_INVALID_FIELD), do_cmd(self->fd, NVME_IOCTL_IO_CMD, &cmd));
	cmd = good;
	cmd.cdw15 = 1;
	EXPECT_EQ(REFUSED(SC_INVALID_FIELD), do_cmd(self->fd, NVME_IOCTL_IO_CMD, &cmd));
	EXPECT_TRUE(all_zero(self->memory, DEVICE_PAGE));
}

/* More room than the command moves is left as it is. */
TEST_F(nvme, only_what_moves_is_written)
{
	struct nvme_passthru_cmd cmd = blocks_cmd(&self->info, OP_READ, 0, 1, self->memory);
	size_t bytes = self->info.lba_bytes;

	memset(self->memory, 0xee, 4 * bytes);
	cmd.data_len = 4 * bytes;
	EXPECT_EQ(0, do_cmd(self->fd, NVME_IOCTL_IO_CMD, &cmd));
	EXPECT_EQ((char)0xee, self->memory[bytes]);
	EXPECT_FALSE(memcmp(self->memory + bytes, self->memory + bytes + 1, 3 * bytes - 1));
}

TEST_F(nvme, bad_pointers)
{
	size_t bytes = BLOCKS * self->info.lba_bytes;
	char *end = self->memory + MEMORY - PAGE;
	struct nvme_passthru_cmd cmd;

	pattern_fill(self->memory, 0, BLOCKS, self->info.lba_bytes, 1);
	ASSERT_EQ(0, move(self->fd, &self->info, OP_WRITE, 0, BLOCKS, self->memory));
	ASSERT_EQ(0, munmap(end, PAGE));

	/* The data end in the hole: nothing is written to the disk. */
	memset(end - PAGE, 0x77, PAGE);
	EXPECT_EQ(-EFAULT, move(self->fd, &self->info, OP_WRITE, 0, BLOCKS, end - PAGE));
	EXPECT_EQ(-EFAULT, move(self->fd, &self->info, OP_WRITE, 0, BLOCKS, (void *)8));
	EXPECT_EQ(-EFAULT, move(self->fd, &self->info, OP_READ, 0, BLOCKS, end - PAGE));
	EXPECT_EQ(-EFAULT, do_cmd(self->fd, NVME_IOCTL_IO_CMD, end));
	EXPECT_EQ(-EFAULT, do_cmd(self->fd, NVME_IOCTL_SUBMIT_IO, end));
	EXPECT_EQ(-EFAULT, do_cmd(self->fd, NVME_IOCTL_ADMIN_CMD, end));
	cmd = identify_cmd(0, 1, end);
	EXPECT_EQ(-EFAULT, do_cmd(self->fd, NVME_IOCTL_ADMIN_CMD, &cmd));

	memset(self->memory, 0, bytes);
	ASSERT_EQ(0, move(self->fd, &self->info, OP_READ, 0, BLOCKS, self->memory));
	EXPECT_TRUE(pattern_is(self->memory, 0, BLOCKS, self->info.lba_bytes, 1));
}

TEST_F(nvme, a_slice_ends_where_it_ends)
{
	int fd = grant_narrow(self->fd, SLICE_SLBA, SLICE_NLB, USHER_RIGHTS_ALL);
	char *data = self->memory;

	ASSERT_LE(0, fd);
	EXPECT_EQ((int)self->info.nsid, do_cmd(fd, NVME_IOCTL_ID, NULL));
	EXPECT_EQ(0, move(fd, &self->info, OP_WRITE, SLICE_SLBA, 1, data));
	EXPECT_EQ(0, move(fd, &self->info, OP_READ, SLICE_SLBA + SLICE_NLB - 1, 1, data));
	EXPECT_EQ(REFUSED(SC_LBA_RANGE), move(fd, &self->info, OP_READ, SLICE_SLBA - 1, 1, data));
	EXPECT_EQ(REFUSED(SC_LBA_RANGE),
		  move(fd, &self->info, OP_WRITE, SLICE_SLBA + SLICE_NLB - 1, 2, data));
	EXPECT_EQ(REFUSED(SC_LBA_RANGE),
		  move(fd, &self->info, OP_ZEROES, SLICE_SLBA + SLICE_NLB, 1, NULL));
	close(fd);
}

/* 0 it works, 1 it is denied; the file may have been opened for something else */
static int move_as(bool administrator, const struct usher_grant_info *info, int fd,
		   uint8_t opcode, void *data)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		if (!administrator && (setgid(NOBODY) || setuid(NOBODY)))
			_exit(2);
		status = move(fd, info, opcode, 0, BLOCKS, data);
		_exit(status == REFUSED(SC_ACCESS_DENIED) ? 1 : !status ? 0 : 3);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(nvme, rights_are_those_of_the_file)
{
	int reads = disk_open(PLAIN, O_RDONLY), writes = disk_open(PLAIN, O_WRONLY);
	int neither = grant_narrow(self->fd, 0, SLICE_NLB, USHER_RIGHT_READ);
	struct nvme_passthru_cmd cmd = identify_cmd(0, 1, self->memory);
	static const uint8_t moves[] = { OP_READ, OP_WRITE };
	int i;

	for (i = 0; i < ARRAY_SIZE(moves); i++) {
		EXPECT_EQ(moves[i] != OP_READ,
			  move_as(false, &self->info, reads, moves[i], self->memory));
		EXPECT_EQ(moves[i] == OP_READ,
			  move_as(false, &self->info, writes, moves[i], self->memory));
		/* nvme-cli opens whatever it writes to for reading. */
		EXPECT_EQ(0, move_as(true, &self->info, reads, moves[i], self->memory));
		EXPECT_EQ(0, move_as(true, &self->info, writes, moves[i], self->memory));
		/* A narrowed grant is one for administrators, too. */
		EXPECT_EQ(moves[i] != OP_READ,
			  move_as(true, &self->info, neither, moves[i], self->memory));
	}
	EXPECT_EQ(0, do_cmd(reads, NVME_IOCTL_ADMIN_CMD, &cmd));
	EXPECT_EQ(REFUSED(SC_ACCESS_DENIED), do_cmd(neither, NVME_IOCTL_ADMIN_CMD, &cmd));
	close(reads);
	close(writes);
	close(neither);
}

/* A channel may do what administrators may: a slice's rights are still its own. */
TEST_F(nvme, administrators_pass_no_slice)
{
	int fd = grant_narrow(self->fd, SLICE_SLBA, SLICE_NLB, USHER_RIGHT_WRITE);

	EXPECT_EQ(0, move(fd, &self->info, OP_WRITE, SLICE_SLBA, 1, self->memory));
	EXPECT_EQ(REFUSED(SC_LBA_RANGE), move(fd, &self->info, OP_WRITE, 0, 1, self->memory));
	EXPECT_EQ(REFUSED(SC_ACCESS_DENIED),
		  move(fd, &self->info, OP_READ, SLICE_SLBA, 1, self->memory));
	close(fd);
}

/* The data are in pieces, of which the ioctl has the number. */
TEST_F(nvme, data_in_pieces)
{
	size_t bytes = BLOCKS * self->info.lba_bytes;
	char *to = self->memory + MEMORY / 2;
	struct iovec pieces[] = {
		{ .iov_base = self->memory + 1, .iov_len = 4096 },
		{ .iov_base = self->memory + 9000, .iov_len = bytes - 4096 },
	};
	struct nvme_passthru_cmd64 cmd = {
		.opcode = OP_WRITE, .nsid = self->info.nsid, .addr = (uintptr_t)pieces,
		.data_len = ARRAY_SIZE(pieces), .cdw12 = BLOCKS - 1,
	};

	pattern_fill(to, 0, BLOCKS, self->info.lba_bytes, 5);
	memcpy(pieces[0].iov_base, to, 4096);
	memcpy(pieces[1].iov_base, to + 4096, bytes - 4096);
	EXPECT_EQ(0, do_cmd(self->fd, NVME_IOCTL_IO64_CMD_VEC, &cmd));
	memset(to, 0, bytes);
	EXPECT_EQ(0, move(self->fd, &self->info, OP_READ, 0, BLOCKS, to));
	EXPECT_TRUE(pattern_is(to, 0, BLOCKS, self->info.lba_bytes, 5));

	memset(self->memory, 0xee, MEMORY / 2);
	cmd.opcode = OP_READ;
	EXPECT_EQ(0, do_cmd(self->fd, NVME_IOCTL_IO64_CMD_VEC, &cmd));
	EXPECT_EQ(0, memcmp(pieces[0].iov_base, to, 4096));
	EXPECT_EQ(0, memcmp(pieces[1].iov_base, to + 4096, bytes - 4096));
	EXPECT_EQ((char)0xee, self->memory[0]);
	EXPECT_EQ((char)0xee, self->memory[4097]);
	pieces[0].iov_len = bytes;
	cmd.data_len = 1;
	EXPECT_EQ(0, do_cmd(self->fd, NVME_IOCTL_IO64_CMD_VEC, &cmd));
	EXPECT_EQ(0, memcmp(pieces[0].iov_base, to, bytes));
	cmd.data_len = UIO_MAXIOV + 1;
	EXPECT_EQ(-EINVAL, do_cmd(self->fd, NVME_IOCTL_IO64_CMD_VEC, &cmd));
	cmd.data_len = 2;
	cmd.addr = 8;
	EXPECT_EQ(-EFAULT, do_cmd(self->fd, NVME_IOCTL_IO64_CMD_VEC, &cmd));
}

/* ---- what it takes, and how it ends ---- */

TEST_F(nvme, is_charged_to_the_file)
{
	struct usher_grant_info info;
	int fd = grant_narrow(self->fd, 0, SLICE_NLB, USHER_RIGHTS_ALL), ring;

	ASSERT_EQ(0, move(fd, &self->info, OP_READ, 0, 1, self->memory));
	ASSERT_EQ(0, grant_info(fd, &info));
	EXPECT_EQ(1, info.used.rings);
	EXPECT_EQ(PAGE, info.used.pinned_bytes);
	close(fd);
	EXPECT_TRUE(wait_until(!grant_info(self->fd, &info) && !info.used.rings &&
			       !info.used.pinned_bytes));

	fd = grant_limit(self->fd, &(struct usher_limits) { .pinned_bytes = PAGE });
	EXPECT_EQ(0, move(fd, &self->info, OP_READ, 0, 1, self->memory));
	EXPECT_EQ(-EDQUOT, move(fd, &self->info, OP_READ, 0, PAGE / self->info.lba_bytes + 1,
				self->memory));
	close(fd);
	fd = grant_limit(self->fd, &(struct usher_limits) { .rings = 1 });
	ring = ring_create(fd, 4, 0);
	ASSERT_LE(0, ring);
	EXPECT_EQ(-EDQUOT, move(fd, &self->info, OP_READ, 0, 1, self->memory));
	close(ring);
	EXPECT_TRUE(wait_until(!move(fd, &self->info, OP_READ, 0, 1, self->memory)));
	close(fd);
}

/* What the kernel registers for these ioctls has no name in the file's own rings. */
TEST_F(nvme, memory_is_not_the_processes)
{
	ASSERT_EQ(0, move(self->fd, &self->info, OP_READ, 0, 1, self->memory));
	EXPECT_EQ(-ENOENT, buf_unregister(self->fd, 1));
	/* Nor do they take an address of 0 for the kernel's memory. */
	EXPECT_EQ(-EFAULT, buf_register(self->fd, NULL, PAGE, 0));
}

TEST_F(nvme, revoking_ends_the_grant_and_not_its_parent)
{
	int fd = grant_narrow(self->fd, 0, SLICE_NLB, USHER_RIGHTS_ALL);

	ASSERT_EQ(0, move(self->fd, &self->info, OP_READ, 0, 1, self->memory));
	ASSERT_EQ(0, move(fd, &self->info, OP_READ, 0, 1, self->memory));
	ASSERT_EQ(0, grant_revoke(self->fd));
	EXPECT_EQ(-EACCES, move(fd, &self->info, OP_READ, 0, 1, self->memory));
	EXPECT_EQ(0, move(self->fd, &self->info, OP_READ, 0, 1, self->memory));
	close(fd);
}

struct many {
	int fd;
	const struct usher_grant_info *info;
	uint64_t slba;
	bool *stop;		/* or NULL */
	int ret;
};

static void *many_thread(void *data)
{
	struct many *m = data;
	char block[8 * 512];
	int i;

	for (i = 0; m->stop ? !__atomic_load_n(m->stop, __ATOMIC_RELAXED) : i < 20; i++) {
		pattern_fill(block, m->slba, 8, 512, i);
		m->ret = move(m->fd, m->info, OP_WRITE, m->slba, 8, block);
		memset(block, 0, sizeof(block));
		m->ret = m->ret ?: move(m->fd, m->info, OP_READ, m->slba, 8, block);
		if (!m->ret && !pattern_is(block, m->slba, 8, 512, i))
			m->ret = -EILSEQ;
		if (m->ret)
			break;
	}
	return NULL;
}

/* More threads than a file has commands at a time */
TEST_F(nvme, many_threads)
{
	enum { THREADS = 150 };
	pthread_t threads[THREADS];
	struct many m[THREADS];
	int i;

	for (i = 0; i < THREADS; i++) {
		m[i] = (struct many) { .fd = self->fd, .info = &self->info, .slba = i * 8 };
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, many_thread, &m[i]));
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, m[i].ret);
	}
}

TEST_F(nvme, revoked_while_threads_work)
{
	enum { THREADS = 6 };
	int fd = grant_narrow(self->fd, 0, SLICE_NLB, USHER_RIGHTS_ALL);
	pthread_t threads[THREADS];
	struct usher_grant_info info;
	struct many m[THREADS];
	bool stop = false;
	int i;

	for (i = 0; i < THREADS; i++) {
		m[i] = (struct many) {
			.fd = fd, .info = &self->info, .slba = i * 8, .stop = &stop,
		};
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, many_thread, &m[i]));
	}
	EXPECT_TRUE(wait_until(!grant_info(fd, &info) && info.used.rings));
	ASSERT_EQ(0, grant_revoke(self->fd));
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(-EACCES, m[i].ret);
	}
	close(fd);
	EXPECT_TRUE(wait_until(!grant_info(self->fd, &info) && !info.used.rings));
}

TEST_HARNESS_MAIN
