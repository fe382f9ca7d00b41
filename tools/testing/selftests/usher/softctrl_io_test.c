// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands of a process on a controller that behaves: what the device gets is what was
 * asked for, with the right addresses, and its errors come back.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "softctrl.h"

/* FIXTURE_DATA(io), in a form that checkpatch reads */
#define _test_data_io	softctrl

FIXTURE(io);

FIXTURE_SETUP(io)
{
	ASSERT_EQ(0, softctrl_setup(self));
}

FIXTURE_TEARDOWN(io)
{
	EXPECT_EQ(0, softctrl_teardown(self));
}

TEST_F_TIMEOUT(io, data_go_where_the_command_says, 120)
{
	unsigned int i;

	ASSERT_EQ(0, start(self, ""));
	for (i = 0; i < 8; i++)
		memset(self->mem + i * 4096, 0xa0 + i, BLOCK);
	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, do_io(self, OP_WRITE, 100 + i, i));
	memset(self->mem, 0, BUF_BYTES);
	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, do_io(self, OP_READ, 100 + i, i));
	for (i = 0; i < 8; i++) {
		EXPECT_EQ(0xa0 + i, self->mem[i * 4096]);
		EXPECT_EQ(0xa0 + i, self->mem[i * 4096 + BLOCK - 1]);
		EXPECT_EQ(0, self->mem[i * 4096 + BLOCK]);
	}
	/* The device saw the address of a whole page, and the grant's namespace. */
	EXPECT_EQ(0, last_command("prp1") % 4096);
	EXPECT_EQ(0, last_command("prp2"));
	EXPECT_EQ(self->nsid, last_command("nsid"));
	EXPECT_EQ(107, last_command("cdw10"));
}

/*
 * Long commands that begin near the end of a page of a large buffer's PRP table. The
 * device follows PRP lists as the specification says: the last entry of a list page is a
 * pointer to the next one only if the list goes on.
 */
TEST_F_TIMEOUT(io, prp_lists_across_table_pages, 240)
{
	const unsigned int pages = 1100, bytes = 64 * 4096, nlb = bytes / BLOCK;
	unsigned int first[] = { 0, 440, 447, 448, 449, 500, 510, 511, 512, 958, 1022, 1036 };
	struct usher_sqe sqe;
	unsigned char *mem, *copy;
	unsigned int i, j;
	int buf;

	ASSERT_EQ(0, start(self, "mdts=0"));
	mem = mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, mem);
	copy = malloc(bytes);
	ASSERT_NE(NULL, copy);
	buf = buf_register(self->grant, mem, pages * 4096, 0);
	ASSERT_LE(0, buf);

	for (i = 0; i < 2 * ARRAY_SIZE(first); i++) {
		/* The second time from the middle of a page on, which takes one page more. */
		unsigned int at = first[i / 2] * 4096 - (i % 2 && i > 1 ? 512 : 0);

		for (j = 0; j < bytes; j++)
			copy[j] = j / 4096 + i * 7 + j % 251;
		memcpy(mem + at, copy, bytes);
		sqe = cmd_data(OP_WRITE, self->nsid, 0, nlb, buf, at, bytes);
		ASSERT_EQ(0, ring_do(&self->ring, &sqe));
		memset(mem, 0, pages * 4096);
		sqe.opcode = OP_READ;
		ASSERT_EQ(0, ring_do(&self->ring, &sqe));
		ASSERT_EQ(0, memcmp(mem + at, copy, bytes)) {
			TH_LOG("at page %u", first[i / 2]);
		}
		/* Nothing beside it was touched. */
		for (j = 1; j <= 4096 && j <= at; j++)
			ASSERT_EQ(0, mem[at - j]);
		for (j = at + bytes; j < at + bytes + 4096 && j < pages * 4096; j++)
			ASSERT_EQ(0, mem[j]);
	}
	free(copy);
	munmap(mem, pages * 4096);
}

TEST_F_TIMEOUT(io, longer_than_mdts_is_refused, 120)
{
	struct usher_grant_info info;
	long fetched;
	struct usher_cqe cqe;

	ASSERT_EQ(0, start(self, "mdts=1"));
	ASSERT_EQ(0, grant_info(self->grant, &info));
	EXPECT_EQ(8192, info.max_transfer);
	fetched = stat_of("fetched");
	push_io(self, OP_READ, 0, 8192 / BLOCK + 1, 1);
	ASSERT_EQ(1, enter(&self->ring, 1, 1, SOON_MS));
	ASSERT_TRUE(ring_pop(&self->ring, &cqe));
	EXPECT_EQ(USHER_CQE_REFUSED, le16toh(cqe.flags));
	EXPECT_NE(0, ring_status(&cqe));
	EXPECT_EQ(fetched, stat_of("fetched"));
	push_io(self, OP_READ, 0, 8192 / BLOCK, 1);
	ASSERT_EQ(1, enter(&self->ring, 1, 1, SOON_MS));
	ASSERT_TRUE(ring_pop(&self->ring, &cqe));
	EXPECT_EQ(0, ring_status(&cqe));
}

/* The device is told of every completion that the driver takes, so no queue stays full. */
TEST_F_TIMEOUT(io, completions_are_acknowledged, 120)
{
	struct usher_cqe cqe;
	unsigned int i, round;

	ASSERT_EQ(0, start(self, ""));
	for (round = 0; round < 8; round++) {	/* more than a queue's depth */
		for (i = 0; i < ENTRIES; i++)
			push_io(self, OP_READ, i, 1, i);
		ASSERT_EQ(ENTRIES, enter(&self->ring, ENTRIES, 0, SOON_MS));
		for (i = 0; i < ENTRIES; i++) {
			ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
			EXPECT_EQ(0, ring_status(&cqe));
		}
	}
	EXPECT_TRUE(settled(self));
	EXPECT_EQ(8 * ENTRIES, io_fetched());
}

TEST_F_TIMEOUT(io, device_errors_reach_the_process, 120)
{
	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, do_io(self, OP_UNCOR, 7, 1));
	EXPECT_EQ(SC_READ_ERROR, do_io(self, OP_READ, 7, 2));
	EXPECT_EQ(0, do_io(self, OP_READ, 8, 3));
	ASSERT_EQ(0, do_io(self, OP_WRITE, 7, 4));
	EXPECT_EQ(0, do_io(self, OP_READ, 7, 5));
}

/* Verify needs the right to read, Write Uncorrectable the right to write. */
TEST_F_TIMEOUT(io, verify_and_write_uncorrectable, 120)
{
	static const uint32_t rights[] = { USHER_RIGHT_READ, USHER_RIGHT_WRITE };
	struct usher_sqe uncor, verify;
	struct ring ring;
	unsigned int i;
	int grant;

	ASSERT_EQ(0, start(self, ""));
	uncor = cmd_blocks(OP_UNCOR, self->nsid, 100, 2);
	verify = cmd_blocks(OP_VERIFY, self->nsid, 96, 8);
	EXPECT_EQ(0, ring_do(&self->ring, &verify));
	for (i = 0; i < ARRAY_SIZE(rights); i++) {
		bool writes = rights[i] & USHER_RIGHT_WRITE;

		grant = grant_narrow(self->grant, 96, 8, rights[i]);
		ASSERT_LE(0, grant);
		ASSERT_EQ(0, ring_open(&ring, grant, 4, 0));
		EXPECT_EQ(writes ? 0 : SC_ACCESS_DENIED, ring_do(&ring, &uncor));
		EXPECT_EQ(writes ? SC_READ_ERROR : 0, ring_do(&self->ring, &verify));
		EXPECT_EQ(writes ? SC_ACCESS_DENIED : 0, ring_do(&ring, &verify));
		/* Not beyond the grant */
		uncor.cdw10 = htole32(103);
		verify.cdw10 = htole32(97);
		EXPECT_EQ(writes ? SC_LBA_RANGE : SC_ACCESS_DENIED, ring_do(&ring, &uncor));
		EXPECT_EQ(writes ? SC_ACCESS_DENIED : SC_LBA_RANGE, ring_do(&ring, &verify));
		uncor.cdw10 = htole32(100);
		verify.cdw10 = htole32(96);
		ring_close(&ring);
		close(grant);
	}

	/* The device saw what was asked for, and a write makes a block readable again. */
	EXPECT_EQ(0, ring_do(&self->ring, &uncor));
	EXPECT_EQ(OP_UNCOR, last_command("op"));
	EXPECT_EQ(100, last_command("cdw10"));
	EXPECT_EQ(1, last_command("cdw12"));
	EXPECT_EQ(0, last_command("prp1"));
	EXPECT_EQ(SC_READ_ERROR, do_io(self, OP_READ, 101, 1));
	EXPECT_EQ(0, do_io(self, OP_READ, 102, 2));
	EXPECT_EQ(0, do_io(self, OP_WRITE, 100, 3));
	EXPECT_EQ(0, do_io(self, OP_WRITE, 101, 4));
	EXPECT_EQ(0, ring_do(&self->ring, &verify));
	EXPECT_EQ(96, last_command("cdw10"));
	EXPECT_EQ(7, last_command("cdw12"));
}

/* Commands that the device does not support never reach it. */
TEST_F_TIMEOUT(io, neither_verify_nor_write_uncorrectable, 120)
{
	static const uint8_t opcodes[] = { OP_UNCOR, OP_VERIFY, OP_COMPARE, OP_ZEROES, OP_DSM };
	struct usher_sqe sqe;
	struct usher_cqe cqe;
	unsigned int i;
	long fetched;

	ASSERT_EQ(0, start(self, "oncs=0"));
	fetched = stat_of("fetched");
	for (i = 0; i < ARRAY_SIZE(opcodes); i++) {
		sqe = cmd_blocks(opcodes[i], self->nsid, 0, 1);
		ring_push(&self->ring, &sqe);
		ASSERT_EQ(1, enter(&self->ring, 1, 1, SOON_MS));
		ASSERT_TRUE(ring_pop(&self->ring, &cqe));
		EXPECT_EQ(USHER_CQE_REFUSED, le16toh(cqe.flags));
		EXPECT_EQ(SC_INVALID_OPCODE, ring_status(&cqe));
	}
	EXPECT_EQ(fetched, stat_of("fetched"));
	EXPECT_EQ(0, do_io(self, OP_READ, 0, 1));
}

int main(int argc, char **argv)
{
	softctrl_require();
	return test_harness_run(argc, argv);
}
