// SPDX-License-Identifier: GPL-2.0-only
/*
 * nvme-cli, as the distribution has it, works on the nodes, for a user without
 * privileges.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "helper.h"

#define UID		4713
#define SLICE_SLBA	2048
#define SLICE_NLB	1024
#define BYTES		4096

/* FIXTURE_DATA(nvme_cli), in a form that checkpatch reads */
#define nvme_cli_data	_test_data_nvme_cli

FIXTURE(nvme_cli) {
	int grant;
	int id;			/* of the slice */
	struct usher_grant_info info;
	char node[64];		/* of the namespace */
	char slice[64];
	char file[64];		/* of the user */
	uid_t uid;		/* who runs nvme: at first the user */
	char output[16384];	/* of the last command, errors too */
};

FIXTURE_SETUP(nvme_cli)
{
	int slice, fd;

	self->grant = disk_open(PLAIN, O_RDWR);
	ASSERT_LE(0, self->grant);
	ASSERT_EQ(0, grant_info(self->grant, &self->info));
	slice = grant_narrow(self->grant, SLICE_SLBA, SLICE_NLB, USHER_RIGHTS_ALL);
	ASSERT_LE(0, slice);
	self->id = slice_add(slice, UID, UID, 0600);
	ASSERT_LT(0, self->id);
	close(slice);
	ASSERT_EQ(0, disk_node(PLAIN, "n1", self->node, sizeof(self->node)));
	snprintf(self->slice, sizeof(self->slice), "%ss%d", self->node, self->id);
	snprintf(self->file, sizeof(self->file), "/tmp/nvme_cli.XXXXXX");
	fd = mkstemp(self->file);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fchown(fd, UID, UID));
	close(fd);
	self->uid = UID;
}

FIXTURE_TEARDOWN(nvme_cli)
{
	unlink(self->file);
	EXPECT_EQ(0, slice_remove(self->grant, self->id));
	close(self->grant);
}

/* Runs nvme, and keeps its output. Returns its exit status. */
__attribute__((format(printf, 2, 3)))
static int run_nvme(struct nvme_cli_data *self, const char *fmt, ...)
{
	char command[512] = "nvme ";
	size_t at = strlen(command);
	va_list args;

	va_start(args, fmt);
	vsnprintf(command + at, sizeof(command) - at, fmt, args);
	va_end(args);
	return run_as(self->uid, command, self->output, sizeof(self->output));
}

/* Versions of nvme-cli differ in spaces, which do not count. */
static bool says(const struct nvme_cli_data *self, const char *text)
{
	const char *at, *t, *o;

	for (at = self->output; *at; at++) {
		for (t = text, o = at; *t; t++, o++) {
			t += strspn(t, " ");
			o += strspn(o, " ");
			if (*t != *o)
				break;
		}
		if (!*t)
			return true;
	}
	return false;
}

/* ---- what the disk tells of itself ---- */

TEST_F(nvme_cli, queries_on_a_slice)
{
	char line[64];

	EXPECT_EQ(0, run_nvme(self, "get-ns-id %s", self->slice));
	snprintf(line, sizeof(line), "namespace-id:%u", self->info.nsid);
	EXPECT_TRUE(says(self, line)) TH_LOG("%s", self->output);
	EXPECT_EQ(0, run_nvme(self, "id-ctrl %s", self->slice));
	snprintf(line, sizeof(line), "sn: %s", environment(PLAIN));
	EXPECT_TRUE(says(self, line)) TH_LOG("%s", self->output);
	EXPECT_EQ(0, run_nvme(self, "id-ns %s", self->slice));
	snprintf(line, sizeof(line), "nsze: %#llx",
		 (unsigned long long)self->info.ns_blocks);
	EXPECT_TRUE(says(self, line)) TH_LOG("%s", self->output);
	EXPECT_EQ(0, run_nvme(self, "smart-log %s", self->slice));
	EXPECT_TRUE(says(self, "critical_warning")) TH_LOG("%s", self->output);
	EXPECT_EQ(0, run_nvme(self, "get-feature %s -f 7", self->slice));
	EXPECT_TRUE(says(self, "Number of Queues")) TH_LOG("%s", self->output);
}

TEST_F(nvme_cli, what_is_refused_is_named)
{
	EXPECT_NE(0, run_nvme(self, "format %s --force", self->slice));
	EXPECT_TRUE(says(self, "Invalid Command Opcode")) TH_LOG("%s", self->output);
	EXPECT_NE(0, run_nvme(self, "read %s -s 0 -c 0 -z 512 -d %s", self->slice, self->file));
	EXPECT_TRUE(says(self, "LBA Out of Range")) TH_LOG("%s", self->output);
	/* The user may not open the namespace. */
	EXPECT_NE(0, run_nvme(self, "id-ctrl %s", self->node));
	EXPECT_TRUE(says(self, "Permission denied")) TH_LOG("%s", self->output);
}

/* ---- data ---- */

static bool file_has(const char *path, uint32_t seed)
{
	char data[BYTES + 1];
	int fd = open(path, O_RDONLY);
	bool has = read(fd, data, sizeof(data)) == BYTES &&
		   pattern_is(data, SLICE_SLBA, BYTES / 512, 512, seed);

	close(fd);
	return has;
}

TEST_F(nvme_cli, read)
{
	struct worker w;

	ASSERT_EQ(0, worker_open(&w, grant_narrow(self->grant, SLICE_SLBA, SLICE_NLB,
						  USHER_RIGHTS_ALL), 8, BYTES, 0));
	pattern_fill(w.memory, SLICE_SLBA, BYTES / 512, 512, 3);
	ASSERT_EQ(0, worker_move(&w, OP_WRITE, SLICE_SLBA, BYTES / 512, 0));
	worker_close(&w);
	EXPECT_EQ(0, run_nvme(self, "read %s -s %d -c %d -z %d -d %s", self->slice,
			      SLICE_SLBA, BYTES / 512 - 1, BYTES, self->file));
	EXPECT_TRUE(file_has(self->file, 3));
}

/*
 * nvme-cli opens every file for reading only, and what an open file may do is what it was
 * opened for, but for administrators.
 */
TEST_F(nvme_cli, users_write_to_files_opened_for_writing)
{
	EXPECT_NE(0, run_nvme(self, "write %s -s %d -c 0 -z 512 -d /etc/os-release",
			      self->slice, SLICE_SLBA));
	EXPECT_TRUE(says(self, "Access Denied")) TH_LOG("%s", self->output);
	EXPECT_NE(0, run_nvme(self, "flush %s -n %u", self->slice, self->info.nsid));
	EXPECT_TRUE(says(self, "Access Denied")) TH_LOG("%s", self->output);
}

TEST_F(nvme_cli, administrators_reset_and_rescan)
{
	char ctrl[64];

	ASSERT_EQ(0, disk_node(PLAIN, "", ctrl, sizeof(ctrl)));
	self->uid = 0;
	EXPECT_EQ(0, run_nvme(self, "reset %s", ctrl));
	EXPECT_EQ(0, run_nvme(self, "ns-rescan %s", ctrl));
	EXPECT_EQ(0, run_nvme(self, "id-ns %s", self->slice));
}

/* On a controller: what the driver does not own */
TEST_F(nvme_cli, administrators_manage)
{
	char ctrl[64];

	ASSERT_EQ(0, disk_node(LARGE, "", ctrl, sizeof(ctrl)));
	EXPECT_NE(0, run_nvme(self, "set-feature %s -f 4 -v 0x157", ctrl));
	self->uid = 0;
	EXPECT_EQ(0, run_nvme(self, "set-feature %s -f 4 -v 0x157", ctrl));
	EXPECT_EQ(0, run_nvme(self, "get-feature %s -f 4", ctrl));
	EXPECT_TRUE(says(self, "00000157") || says(self, "0x157")) TH_LOG("%s", self->output);
	EXPECT_EQ(0, run_nvme(self, "list-ns %s --all", ctrl));
	EXPECT_TRUE(says(self, "[ 0]:0x1")) TH_LOG("%s", self->output);
	EXPECT_EQ(0, run_nvme(self, "get-log %s -i 5 -l 4096", ctrl));
	EXPECT_TRUE(says(self, "log-id:5")) TH_LOG("%s", self->output);
	EXPECT_EQ(0, run_nvme(self, "id-ns %s -n 1", ctrl));
	EXPECT_EQ(0, run_nvme(self, "format %s -n 1 -l 4 --force", ctrl));
	EXPECT_TRUE(says(self, "Success")) TH_LOG("%s", self->output);
	/* Queues are the driver's. */
	EXPECT_NE(0, run_nvme(self, "set-feature %s -f 7 -v 0", ctrl));
	EXPECT_TRUE(says(self, "Access Denied")) TH_LOG("%s", self->output);
}

TEST_F(nvme_cli, administrators_write)
{
	int blocks = BYTES / 512, fd;
	char data[BYTES];

	self->uid = 0;
	pattern_fill(data, SLICE_SLBA, blocks, 512, 8);
	fd = open(self->file, O_WRONLY);
	ASSERT_EQ(BYTES, write(fd, data, BYTES));
	close(fd);
	EXPECT_EQ(0, run_nvme(self, "write %s -s %d -c %d -z %d -d %s", self->slice,
			      SLICE_SLBA, blocks - 1, BYTES, self->file));
	EXPECT_EQ(0, run_nvme(self, "flush %s -n %u", self->slice, self->info.nsid));
	EXPECT_EQ(0, run_nvme(self, "compare %s -s %d -c %d -z %d -d %s", self->slice,
			      SLICE_SLBA, blocks - 1, BYTES, self->file));
	EXPECT_EQ(0, truncate(self->file, 0));
	EXPECT_EQ(0, run_nvme(self, "read %s -s %d -c %d -z %d -d %s", self->slice,
			      SLICE_SLBA, blocks - 1, BYTES, self->file));
	EXPECT_TRUE(file_has(self->file, 8));
	EXPECT_EQ(0, run_nvme(self, "dsm %s -n %u -d -s %d -b %d", self->slice,
			      self->info.nsid, SLICE_SLBA, blocks));
	EXPECT_EQ(0, run_nvme(self, "write-zeroes %s -s %d -c %d", self->slice, SLICE_SLBA,
			      blocks - 1));
	EXPECT_NE(0, run_nvme(self, "compare %s -s %d -c %d -z %d -d %s", self->slice,
			      SLICE_SLBA, blocks - 1, BYTES, self->file));
	EXPECT_TRUE(says(self, "Compare Failure")) TH_LOG("%s", self->output);
	/* A slice ends for them, too. */
	EXPECT_NE(0, run_nvme(self, "write-zeroes %s -s 0 -c 0", self->slice));
	EXPECT_TRUE(says(self, "LBA Out of Range")) TH_LOG("%s", self->output);
}

TEST_HARNESS_MAIN
