// SPDX-License-Identifier: GPL-2.0-only
/*
 * Admin commands of administrators: what the driver does not own reaches the controller,
 * and what changes formats is noticed by everybody who counted on them.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/nvme_ioctl.h>

#include "kselftest_harness.h"
#include "helper.h"

#define OP_GET_LOG	0x02
#define OP_IDENTIFY	0x06
#define OP_SET_FEATURES	0x09
#define OP_GET_FEATURES	0x0a
#define OP_NS_ATTACH	0x15
#define OP_FORMAT	0x80
#define OP_VENDOR	0xc1

#define LOG_EFFECTS	0x05
#define CNS_CTRL	0x01
#define CNS_ALLOCATED	0x10
#define CNTLID		78	/* where Identify Controller has it */
#define FEAT_TEMPERATURE	0x04
#define NOBODY		65534
#define REFUSED(status)	((status) | SC_DNR)

/* Formats of the emulator's namespaces: blocks of 512 and of 4096 bytes */
#define LBAF_512	0
#define LBAF_4096	4

/* FIXTURE_DATA(manage), in a form that checkpatch reads */
#define manage_data	_test_data_manage

FIXTURE(manage) {
	int ctrl;
	int fd;			/* of the namespace */
	struct usher_grant_info info;
	unsigned char page[DEVICE_PAGE];
};

static int send_admin(int fd, struct nvme_passthru_cmd *cmd)
{
	int ret = ioctl(fd, NVME_IOCTL_ADMIN_CMD, cmd);

	return ret < 0 ? -errno : ret;
}

static int send_as_nobody(int fd, struct nvme_passthru_cmd *cmd)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(become(NOBODY) ? 255 : send_admin(fd, cmd) & 0xff);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int format(int ctrl, uint32_t lbaf)
{
	struct nvme_passthru_cmd cmd = {
		.opcode = OP_FORMAT, .nsid = 1, .cdw10 = lbaf, .timeout_ms = 600000,
	};

	return send_admin(ctrl, &cmd);
}

static int move(struct manage_data *self, uint8_t opcode, uint64_t slba)
{
	struct nvme_passthru_cmd cmd = {
		.opcode = opcode, .nsid = 1, .addr = (uintptr_t)self->page,
		.data_len = self->info.lba_bytes, .cdw10 = slba,
	};
	int ret = ioctl(self->fd, NVME_IOCTL_IO_CMD, &cmd);

	return ret < 0 ? -errno : ret;
}

static int open_namespace(struct manage_data *self)
{
	self->fd = disk_open(LARGE, O_RDWR);
	return self->fd < 0 ? self->fd : grant_info(self->fd, &self->info);
}

FIXTURE_SETUP(manage)
{
	self->ctrl = disk_open_controller(LARGE, O_RDONLY);
	ASSERT_LE(0, self->ctrl);
	ASSERT_EQ(0, open_namespace(self));
}

FIXTURE_TEARDOWN(manage)
{
	close(self->fd);
	close(self->ctrl);
}

static struct nvme_passthru_cmd feature(uint8_t opcode, uint32_t fid, uint32_t value)
{
	return (struct nvme_passthru_cmd) { .opcode = opcode, .cdw10 = fid, .cdw11 = value };
}

TEST_F(manage, features_are_set)
{
	struct nvme_passthru_cmd cmd;
	uint32_t old;

	cmd = feature(OP_GET_FEATURES, FEAT_TEMPERATURE, 0);
	ASSERT_EQ(0, send_admin(self->ctrl, &cmd));
	old = cmd.result;
	cmd = feature(OP_SET_FEATURES, FEAT_TEMPERATURE, old - 1);
	EXPECT_EQ(0, send_admin(self->ctrl, &cmd));
	cmd = feature(OP_GET_FEATURES, FEAT_TEMPERATURE, 0);
	EXPECT_EQ(0, send_admin(self->ctrl, &cmd));
	EXPECT_EQ(old - 1, cmd.result);
	cmd = feature(OP_SET_FEATURES, FEAT_TEMPERATURE, old);
	EXPECT_EQ(0, send_admin(self->ctrl, &cmd));
}

/* What is not on the list for everybody */
TEST_F(manage, data_come_back)
{
	struct nvme_passthru_cmd cmd = {
		.opcode = OP_GET_LOG, .nsid = ~0U, .addr = (uintptr_t)self->page,
		.data_len = DEVICE_PAGE, .cdw10 = LOG_EFFECTS | (DEVICE_PAGE / 4 - 1) << 16,
	};

	/* Read and Write are supported: the log has a dword for each I/O command. */
	memset(self->page, 0xee, sizeof(self->page));
	ASSERT_EQ(0, send_admin(self->ctrl, &cmd));
	EXPECT_EQ(1, self->page[1024 + 4 * OP_READ] & 1);

	cmd = (struct nvme_passthru_cmd) {
		.opcode = OP_IDENTIFY, .addr = (uintptr_t)self->page,
		.data_len = DEVICE_PAGE, .cdw10 = CNS_ALLOCATED,
	};
	memset(self->page, 0xee, sizeof(self->page));
	ASSERT_EQ(0, send_admin(self->ctrl, &cmd));
	EXPECT_EQ(1, self->page[0]);
	EXPECT_EQ(0, self->page[4]);
}

TEST_F(manage, what_the_driver_owns)
{
	/* Queues, Abort, events, resources of functions, doorbells; lengths unknown */
	static const uint8_t opcodes[] = {
		0x00, 0x01, 0x04, 0x05, 0x08, 0x0c, 0x18, 0x1c, 0x1d, 0x7c, OP_VENDOR,
	};
	/* Events, queues, the host's memory, keep-alive, what formats may be used */
	static const uint32_t features[] = { 0x07, 0x0b, 0x0d, 0x0f, 0x16 };
	struct nvme_passthru_cmd cmd;
	int i;

	for (i = 0; i < ARRAY_SIZE(opcodes); i++) {
		cmd = (struct nvme_passthru_cmd) { .opcode = opcodes[i] };
		EXPECT_EQ(REFUSED(SC_INVALID_OPCODE), send_admin(self->ctrl, &cmd))
			TH_LOG("%#x", opcodes[i]);
	}
	for (i = 0; i < ARRAY_SIZE(features); i++) {
		cmd = feature(OP_SET_FEATURES, features[i], 0);
		EXPECT_EQ(REFUSED(SC_ACCESS_DENIED), send_admin(self->ctrl, &cmd))
			TH_LOG("%#x", features[i]);
		/* Also if it is to be saved */
		cmd = feature(OP_SET_FEATURES, features[i] | 1U << 31, 0);
		EXPECT_EQ(REFUSED(SC_ACCESS_DENIED), send_admin(self->ctrl, &cmd));
	}
	EXPECT_EQ(0, move(self, OP_READ, 0));
}

/* A controller that moves more than it was given memory for writes anywhere. */
TEST_F(manage, lengths)
{
	struct nvme_passthru_cmd cmd = {
		.opcode = OP_GET_LOG, .nsid = ~0U, .addr = (uintptr_t)self->page,
		.data_len = DEVICE_PAGE, .cdw10 = LOG_EFFECTS | (DEVICE_PAGE / 4) << 16,
	};
	struct nvme_passthru_cmd good;

	EXPECT_EQ(-EINVAL, send_admin(self->ctrl, &cmd));
	cmd.cdw10 = LOG_EFFECTS | 0xffff0000;
	cmd.cdw11 = 0xffff;
	EXPECT_EQ(-EINVAL, send_admin(self->ctrl, &cmd));
	cmd.cdw10 = LOG_EFFECTS | (DEVICE_PAGE / 4 - 1) << 16;
	cmd.cdw11 = 0;
	good = cmd;
	cmd.addr = 8;
	EXPECT_EQ(-EFAULT, send_admin(self->ctrl, &cmd));
	/* Never more than the process has room for */
	cmd = good;
	cmd.data_len = 16;
	memset(self->page, 0xee, sizeof(self->page));
	EXPECT_EQ(0, send_admin(self->ctrl, &cmd));
	EXPECT_EQ(0xee, self->page[16]);
	cmd = (struct nvme_passthru_cmd) {
		.opcode = OP_IDENTIFY, .addr = (uintptr_t)self->page,
		.data_len = DEVICE_PAGE + 1, .cdw10 = CNS_ALLOCATED,
	};
	EXPECT_EQ(-EINVAL, send_admin(self->ctrl, &cmd));
}

TEST_F(manage, others_may_not)
{
	struct nvme_passthru_cmd set = feature(OP_SET_FEATURES, FEAT_TEMPERATURE, 1);
	struct nvme_passthru_cmd wipe = { .opcode = OP_FORMAT, .nsid = 1, .cdw10 = LBAF_4096 };
	struct nvme_passthru_cmd look = {
		.opcode = OP_IDENTIFY, .nsid = 1, .addr = (uintptr_t)self->page,
		.data_len = DEVICE_PAGE,
	};

	EXPECT_EQ(SC_INVALID_OPCODE, send_as_nobody(self->ctrl, &set));
	EXPECT_EQ(SC_INVALID_OPCODE, send_as_nobody(self->ctrl, &wipe));
	EXPECT_EQ(SC_INVALID_NS, send_as_nobody(self->ctrl, &look));
	EXPECT_EQ(0, send_admin(self->ctrl, &look));
	/* Nor administrators by a file of a namespace, which others may have narrowed */
	EXPECT_EQ(REFUSED(SC_INVALID_OPCODE), send_admin(self->fd, &set));
	EXPECT_EQ(REFUSED(SC_INVALID_OPCODE), send_admin(self->fd, &wipe));
}

TEST_F(manage, the_same_format)
{
	memset(self->page, 0x5a, sizeof(self->page));
	ASSERT_EQ(0, move(self, OP_WRITE, 7));
	ASSERT_EQ(0, format(self->ctrl, LBAF_4096));
	/* What is open stays: the namespace is what it was, but for what is in it. */
	ASSERT_EQ(0, move(self, OP_READ, 7));
	EXPECT_EQ(0, self->page[0]);
	EXPECT_EQ(0, memcmp(self->page, self->page + 1, sizeof(self->page) - 1));
}

TEST_F(manage, another_format)
{
	struct manage_data later = { .ctrl = self->ctrl };

	ASSERT_EQ(0, move(self, OP_READ, 0));
	ASSERT_EQ(0, format(self->ctrl, LBAF_512));
	/* Whose blocks were of 4096 bytes has no more of them. */
	EXPECT_EQ(-ESTALE, move(self, OP_READ, 0));
	ASSERT_EQ(0, open_namespace(&later));
	EXPECT_EQ(512, later.info.lba_bytes);
	EXPECT_EQ(self->info.nlb * 8, later.info.nlb);
	EXPECT_EQ(0, move(&later, OP_READ, later.info.nlb - 1));
	ASSERT_EQ(0, format(self->ctrl, LBAF_4096));
	EXPECT_EQ(-ESTALE, move(&later, OP_READ, 0));
	close(later.fd);
	/* It does not come back to those who had it. */
	EXPECT_EQ(-ESTALE, move(self, OP_READ, 0));
}

TEST_F(manage, no_such_format)
{
	EXPECT_LT(0, format(self->ctrl, 15));
	EXPECT_EQ(0, move(self, OP_READ, 0));
}

/* For this controller alone; @how: 0 attach, 1 detach */
static int attach(struct manage_data *self, uint32_t how)
{
	struct nvme_passthru_cmd cmd = {
		.opcode = OP_IDENTIFY, .addr = (uintptr_t)self->page,
		.data_len = DEVICE_PAGE, .cdw10 = CNS_CTRL,
	};
	int ret = send_admin(self->ctrl, &cmd);

	if (ret)
		return ret;
	/* A list of one, with the controller's identifier */
	memmove(self->page + 2, self->page + CNTLID, 2);
	self->page[0] = 1;
	self->page[1] = 0;
	memset(self->page + 4, 0, sizeof(self->page) - 4);
	cmd = (struct nvme_passthru_cmd) {
		.opcode = OP_NS_ATTACH, .nsid = 1, .addr = (uintptr_t)self->page,
		.data_len = DEVICE_PAGE, .cdw10 = how,
	};
	return send_admin(self->ctrl, &cmd);
}

TEST_F(manage, a_namespace_goes_and_comes)
{
	struct manage_data later = { .ctrl = self->ctrl };

	ASSERT_EQ(0, attach(self, 1));
	EXPECT_EQ(-ESTALE, move(self, OP_READ, 0));
	EXPECT_GT(0, disk_open(LARGE, O_RDWR));
	/* It is not there to be detached. */
	EXPECT_LT(0, attach(self, 1));
	ASSERT_EQ(0, attach(self, 0));
	/* The node is there, and soon has its links and rights. */
	EXPECT_TRUE(wait_until(!open_namespace(&later)));
	EXPECT_EQ(0, move(&later, OP_READ, 0));
	EXPECT_EQ(-ESTALE, move(self, OP_READ, 0));
	close(later.fd);
}

struct reader {
	struct manage_data self;
	bool stop;
	int wrong;		/* the first result that should not have been */
	uint64_t done;
};

static void *read_on(void *data)
{
	struct reader *r = data;
	int ret;

	while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
		ret = move(&r->self, OP_READ, r->done % 64);
		if (!ret)
			__atomic_fetch_add(&r->done, 1, __ATOMIC_RELAXED);
		else if (ret < 0 || (ret & SC_MASK) != SC_HOST_ABORTED)
			r->wrong = ret;
	}
	return NULL;
}

/* Others wait, and then go on. */
TEST_F(manage, while_others_read)
{
	struct reader r = { .self = *self };
	pthread_t thread;
	uint64_t done;
	int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, read_on, &r));
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(0, format(self->ctrl, LBAF_4096));
		done = __atomic_load_n(&r.done, __ATOMIC_RELAXED);
		EXPECT_TRUE(wait_until(__atomic_load_n(&r.done, __ATOMIC_RELAXED) > done));
	}
	__atomic_store_n(&r.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, r.wrong);
}

/* Who is killed leaves a command that was sent to its end, or it is not sent. */
TEST_F(manage, killed_meanwhile)
{
	int i, status;
	pid_t pid;

	for (i = 0; i < 8; i++) {
		pid = fork();
		if (!pid) {
			while (!format(self->ctrl, LBAF_4096))
				;
			_exit(1);
		}
		ASSERT_LT(0, pid);
		usleep(i * 7000);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
	}
	EXPECT_EQ(0, format(self->ctrl, LBAF_4096));
	EXPECT_EQ(0, move(self, OP_READ, 0));
}

TEST_HARNESS_MAIN
