// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio's engine for NVMe by io_uring, as its users have it, drives a slice: as a user, and
 * with data that it verifies.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "helper.h"

#define UID		65001
#define SLICE_SLBA	2048U
#define SLICE_NLB	8192U

/* FIXTURE_DATA(nvme_fio), in a form that checkpatch reads */
#define nvme_fio_data	_test_data_nvme_fio

FIXTURE(nvme_fio) {
	int grant;		/* of the namespace */
	int id;			/* of the slice, which is the user's */
	char slice[64];
	char output[16384];	/* of fio, errors too */
};

FIXTURE_SETUP(nvme_fio)
{
	int slice;
	char node[48];

	self->grant = disk_open(PLAIN, O_RDWR);
	ASSERT_LE(0, self->grant);
	slice = grant_narrow(self->grant, SLICE_SLBA, SLICE_NLB, USHER_RIGHTS_ALL);
	ASSERT_LE(0, slice);
	self->id = slice_add(slice, UID, UID, 0600);
	ASSERT_LT(0, self->id);
	close(slice);
	ASSERT_EQ(0, disk_node(PLAIN, "n1", node, sizeof(node)));
	snprintf(self->slice, sizeof(self->slice), "%ss%d", node, self->id);
}

FIXTURE_TEARDOWN(nvme_fio)
{
	EXPECT_EQ(0, slice_remove(self->grant, self->id));
	close(self->grant);
}

/* How much of the slice fio goes through: the debug kernel has enough to do. */
static uint32_t fio_bytes(void)
{
	return (is_debug_kernel() ? SLICE_NLB / 8 : SLICE_NLB) * 512;
}

/* Runs fio as the user in the slice; returns its exit status. */
__attribute__((format(printf, 2, 3)))
static int run_fio(struct nvme_fio_data *self, const char *fmt, ...)
{
	char command[512];
	va_list args;
	size_t n;

	n = snprintf(command, sizeof(command),
		     "cd /tmp && fio --name=t --filename=%s --ioengine=io_uring_cmd --cmd_type=nvme --offset=%u --size=%u ",
		     self->slice, SLICE_SLBA * 512, fio_bytes());
	va_start(args, fmt);
	vsnprintf(command + n, sizeof(command) - n, fmt, args);
	va_end(args);
	return run_as(UID, command, self->output, sizeof(self->output));
}

TEST_F(nvme_fio, verifies)
{
	static const char * const more[] = {
		"--iodepth=1", "--iodepth=32", "--iodepth=128 --iodepth_batch_submit=32",
		"--iodepth=32 --fixedbufs=1", "--iodepth=32 --nonvectored=0",
		"--iodepth=16 --sqthread_poll=1", "--iodepth=16 --force_async=1",
		"--iodepth=32 --hipri=1 --fixedbufs=1",
		"--iodepth=8 --bs=64k", "--iodepth=8 --bsrange=512-32k --norandommap=0",
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(more); i++)
		EXPECT_EQ(0, run_fio(self, "--rw=randwrite --bs=4k %s %s", more[i],
				     "--verify=crc32c --verify_fatal=1"));
}

TEST_F(nvme_fio, several_jobs)
{
	EXPECT_EQ(0, run_fio(self, "--rw=randread --bs=4k --iodepth=32 --numjobs=4"));
}

/* What is outside of the slice has an error, and fio ends with it. */
TEST_F(nvme_fio, outside_of_the_slice)
{
	EXPECT_NE(0, run_fio(self, "--rw=read --bs=4k --iodepth=4 --offset=0"));
	EXPECT_NE(NULL, strstr(self->output, "err=")) TH_LOG("%s", self->output);
}

TEST_HARNESS_MAIN
