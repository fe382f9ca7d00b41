// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data on disk are what was written, whatever memory they come from and
 * wherever in it they lie; and what the guard refuses has its status.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "helper.h"

#define HUGE_PAGE	(2UL << 20)
#define ENTRIES		64

/* More than four PRP tables of 511 pages */
#define MEMORY		(9UL << 20)

/* FIXTURE_DATA(io), in a form that checkpatch reads */
#define io_data	_test_data_io

FIXTURE(io) {
	int grant;
	struct usher_grant_info info;
	struct ring ring;
	char *memory;
	int buf;
	uint32_t most;		/* blocks of one command */
	uint32_t oncs;		/* optional commands there are */
};

FIXTURE_VARIANT(io) {
	const char *disk;
	uint32_t ring_flags;
	uint32_t most;
};

FIXTURE_VARIANT_ADD(io, plain) {
	.disk = PLAIN,
};

FIXTURE_VARIANT_ADD(io, polled) {
	.disk = PLAIN, .ring_flags = USHER_RING_POLLED,
};

FIXTURE_VARIANT_ADD(io, large) {
	.disk = LARGE,
};

/* QEMU 7.2 mixes up metadata when a command has more than 512 bytes of them. */
FIXTURE_VARIANT_ADD(io, extended) {
	.disk = EXTENDED, .most = 64,
};

#define ONCS_UNCOR	0x0002
#define ONCS_VERIFY	0x0080

/* Optional commands, from Identify Controller */
static int identify_oncs(int grant, void *page)
{
	struct usher_admin arg = {
		.size = sizeof(arg),
		.opcode = 0x06,
		.cdw10 = 1,
		.data = (uintptr_t)page,
		.data_length = DEVICE_PAGE,
	};
	int ret = call(grant, USHER_IOC_ADMIN, &arg);

	return ret ?: le16toh(*(uint16_t *)(page + 520));
}

FIXTURE_SETUP(io)
{
	self->grant = disk_open(variant->disk, O_RDWR);
	ASSERT_LE(0, self->grant);
	ASSERT_EQ(0, grant_info(self->grant, &self->info));
	ASSERT_EQ(0, ring_open(&self->ring, self->grant, ENTRIES,
			       variant->ring_flags));
	self->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->memory);
	self->buf = buf_register(self->grant, self->memory, MEMORY, 0);
	ASSERT_LT(0, self->buf);
	self->most = variant->most ?:
		     self->info.max_transfer / self->info.lba_bytes;
	self->oncs = identify_oncs(self->grant, self->memory);
	ASSERT_LT(0, self->oncs);
}

FIXTURE_TEARDOWN(io)
{
	ring_close(&self->ring);
	close(self->grant);
	munmap(self->memory, MEMORY);
}

/* One command that moves whole blocks. Returns its status. */
static int move(struct io_data *self, uint8_t opcode, uint64_t slba,
		uint32_t nlb, uint32_t buf, uint64_t offset)
{
	struct usher_sqe sqe = cmd_data(opcode, self->info.nsid, slba, nlb, buf,
					offset, nlb * self->info.lba_bytes);

	return ring_do(&self->ring, &sqe);
}

static int move_none(struct io_data *self, uint8_t opcode, uint64_t slba,
		     uint32_t nlb)
{
	struct usher_sqe sqe = cmd_blocks(opcode, self->info.nsid, slba, nlb);

	return ring_do(&self->ring, &sqe);
}

/* Write from one place of the memory, read into another, and compare. */
static bool round_trip(struct io_data *self, uint64_t slba, uint32_t nlb,
		       uint64_t from, uint64_t to)
{
	static uint32_t seed;
	int status;

	seed++;
	pattern_fill(self->memory + from, slba, nlb, self->info.lba_bytes, seed);
	status = move(self, OP_WRITE, slba, nlb, self->buf, from);
	if (!status) {
		memset(self->memory + to, 0xee,
		       (size_t)nlb * self->info.lba_bytes);
		status = move(self, OP_READ, slba, nlb, self->buf, to);
	}
	if (status)
		printf("# status %#x, %u blocks at %#llx, offset %#llx, then %#llx\n",
		       status, nlb, (unsigned long long)slba,
		       (unsigned long long)from, (unsigned long long)to);
	return !status && pattern_is(self->memory + to, slba, nlb,
				     self->info.lba_bytes, seed);
}

/* ---- data ---- */

TEST_F(io, offsets_in_a_page)
{
	static const uint32_t offsets[] = {
		0, 4, 8, 508, 512, 2048, 3584, 4088, 4092, 4096, 4100, 12284,
	};
	int i, k;

	for (i = 0; i < 12 * 9; i++) {
		k = i % 12;
		ASSERT_TRUE(round_trip(self, 3 + k, 1 + i / 12, offsets[k],
				       MEMORY / 2 + offsets[11 - k]));
	}
}

TEST_F(io, lengths_up_to_max_transfer)
{
	uint32_t most = self->most, nlb;

	for (nlb = 1; nlb < most; nlb += 1 + nlb / 3)
		ASSERT_TRUE(round_trip(self, nlb, nlb, 0, MEMORY / 2));
	ASSERT_TRUE(round_trip(self, 0, most - 1, 4, MEMORY / 2));
	ASSERT_TRUE(round_trip(self, 0, most, 4, MEMORY / 2 + DEVICE_PAGE - 4));
	most = self->info.max_transfer / self->info.lba_bytes;
	EXPECT_EQ(SC_INVALID_FIELD, move(self, OP_READ, 0, most + 1, self->buf, 0));
	EXPECT_EQ(SC_INVALID_FIELD, move(self, OP_WRITE, 0, most + 1, self->buf, 0));
}

/*
 * A PRP table has 511 pages and then the address of the next one: commands of
 * some pages, from anywhere near that.
 */
static bool cross_table(struct io_data *self, uint64_t table, uint64_t pages)
{
	uint32_t nlb = pages * DEVICE_PAGE / self->info.lba_bytes;
	uint64_t first, shift;

	for (first = table - pages - 1; first <= table + 1; first++)
		for (shift = 0; shift < DEVICE_PAGE; shift += 2044)
			if (!round_trip(self, first, nlb, first * DEVICE_PAGE + shift,
					(first + 515) * DEVICE_PAGE))
				return false;
	return true;
}

TEST_F(io, prp_tables)
{
	uint64_t pages;

	for (pages = 1; pages <= 6; pages++) {
		ASSERT_TRUE(cross_table(self, 511, pages));
		ASSERT_TRUE(cross_table(self, 1022, pages));
	}
}

/* Commands that reach over a whole table, or end or begin at its end */
TEST_F(io, longest_commands_over_prp_tables)
{
	uint64_t pages = self->most * self->info.lba_bytes / DEVICE_PAGE, first;

	for (first = 1022 - pages - 1; first <= 1022 - pages + 2; first++) {
		ASSERT_TRUE(round_trip(self, 0, self->most, first * DEVICE_PAGE,
				       (first + 600) * DEVICE_PAGE));
		ASSERT_TRUE(round_trip(self, 0, self->most, first * DEVICE_PAGE + 4,
				       (first + 600) * DEVICE_PAGE - 4));
	}
}

TEST_F(io, first_and_last_block)
{
	ASSERT_TRUE(round_trip(self, self->info.nlb - 1, 1, 0, DEVICE_PAGE));
	ASSERT_TRUE(round_trip(self, 0, 1, 0, DEVICE_PAGE));
	ASSERT_TRUE(round_trip(self, self->info.nlb - 7, 7, 0, MEMORY / 2));
	EXPECT_EQ(SC_LBA_RANGE, move(self, OP_READ, self->info.nlb - 6, 7,
				     self->buf, 0));
	EXPECT_EQ(SC_LBA_RANGE, move(self, OP_READ, self->info.nlb, 1, self->buf, 0));
	EXPECT_EQ(SC_LBA_RANGE, move(self, OP_READ, ~0ULL, 1, self->buf, 0));
	EXPECT_EQ(SC_LBA_RANGE, move(self, OP_READ, ~0ULL, 2, self->buf, 0));
}

TEST_F(io, last_byte_of_the_buffer)
{
	uint32_t bytes = 8 * self->info.lba_bytes;

	ASSERT_TRUE(round_trip(self, 40, 8, MEMORY - bytes, 0));
	EXPECT_EQ(SC_DATA_XFER_ERROR, move(self, OP_READ, 40, 8, self->buf,
					   MEMORY - bytes + 4));
	EXPECT_EQ(SC_DATA_XFER_ERROR, move(self, OP_READ, 40, 8, self->buf, MEMORY));
	EXPECT_EQ(SC_DATA_XFER_ERROR, move(self, OP_READ, 40, 8, self->buf, ~3ULL));
}

TEST_F(io, all_commands)
{
	uint32_t bytes = 16 * self->info.lba_bytes;
	struct usher_sqe sqe;
	uint32_t i;

	ASSERT_TRUE(round_trip(self, 100, 16, 0, bytes));
	EXPECT_EQ(0, move(self, OP_COMPARE, 100, 16, self->buf, 0));
	self->memory[bytes - 1] ^= 1;
	EXPECT_EQ(SC_COMPARE_FAILED, move(self, OP_COMPARE, 100, 16, self->buf, 0));
	EXPECT_EQ(0, move(self, OP_COMPARE, 100, 15, self->buf, 0));
	EXPECT_EQ(self->oncs & ONCS_VERIFY ? 0 : SC_INVALID_OPCODE,
		  move_none(self, OP_VERIFY, 100, 16));
	sqe = cmd_bare(OP_FLUSH, self->info.nsid);
	EXPECT_EQ(0, ring_do(&self->ring, &sqe));

	EXPECT_EQ(0, move_none(self, OP_ZEROES, 104, 4));
	EXPECT_EQ(0, move(self, OP_READ, 100, 16, self->buf, 0));
	for (i = 0; i < bytes; i++) {
		bool zeroed = i >= bytes / 4 && i < bytes / 2;

		if (zeroed ? self->memory[i] : self->memory[i] != self->memory[bytes + i])
			break;
	}
	EXPECT_EQ(bytes, i);
	EXPECT_EQ(self->oncs & ONCS_UNCOR ? 0 : SC_INVALID_OPCODE,
		  move_none(self, OP_UNCOR, 99, 1));
}

struct dsm_range {
	uint32_t attributes;
	uint32_t nlb;
	uint64_t slba;
};

TEST_F(io, deallocate)
{
	struct dsm_range *ranges = (void *)self->memory;
	struct usher_sqe sqe = cmd_data(OP_DSM, self->info.nsid, 0, 1, self->buf,
					0, 256 * sizeof(*ranges));
	int i;

	ASSERT_TRUE(round_trip(self, 0, 64, 0, MEMORY / 2));
	for (i = 0; i < 256; i++)
		ranges[i] = (struct dsm_range) { .nlb = 8, .slba = 64 + 8 * i };
	sqe.cdw10 = htole32(255);
	sqe.cdw11 = htole32(4);
	sqe.cdw12 = 0;
	EXPECT_EQ(0, ring_do(&self->ring, &sqe));
	/* The others are as they were. */
	EXPECT_EQ(0, move(self, OP_COMPARE, 0, 64, self->buf, MEMORY / 2));
	/* The last of many ranges is outside. */
	ranges[255].slba = self->info.nlb - 7;
	EXPECT_EQ(SC_LBA_RANGE, ring_do(&self->ring, &sqe));
	ranges[255].slba = ~0ULL;
	EXPECT_EQ(SC_LBA_RANGE, ring_do(&self->ring, &sqe));
	/* Reserved attributes; too short a buffer; unknown bits */
	ranges[255].slba = 0;
	ranges[255].attributes = 1 << 7;
	EXPECT_EQ(SC_INVALID_FIELD, ring_do(&self->ring, &sqe));
	sqe.dptr.length = htole32(255 * sizeof(*ranges));
	EXPECT_EQ(SC_DATA_XFER_ERROR, ring_do(&self->ring, &sqe));
	sqe.cdw11 = htole32(8);
	EXPECT_EQ(SC_INVALID_FIELD, ring_do(&self->ring, &sqe));
}

struct copy_range {
	uint64_t reserved;
	uint64_t slba;
	uint16_t nlb;
	uint8_t rest[14];
};

TEST_F(io, copy)
{
	uint32_t bytes = 32 * self->info.lba_bytes;
	struct copy_range *ranges = (void *)self->memory + MEMORY / 2;
	struct usher_sqe sqe = cmd_data(OP_COPY, self->info.nsid, 1000, 1,
					self->buf, MEMORY / 2,
					2 * sizeof(*ranges));

	pattern_fill(self->memory, 0, 32, self->info.lba_bytes, 77);
	ASSERT_EQ(0, move(self, OP_WRITE, 200, 32, self->buf, 0));
	ranges[0] = (struct copy_range) { .slba = 216, .nlb = 15 };
	ranges[1] = (struct copy_range) { .slba = 200, .nlb = 15 };
	sqe.cdw12 = htole32(1);
	EXPECT_EQ(0, ring_do(&self->ring, &sqe));
	EXPECT_EQ(0, move(self, OP_READ, 1000, 32, self->buf, bytes));
	EXPECT_TRUE(pattern_is(self->memory + bytes, 16, 16,
			       self->info.lba_bytes, 77));
	EXPECT_TRUE(pattern_is(self->memory + bytes + bytes / 2, 0, 16,
			       self->info.lba_bytes, 77));
	/* A source and a destination outside, and more than one range may have */
	ranges[1].slba = self->info.nlb - 15;
	EXPECT_EQ(SC_LBA_RANGE, ring_do(&self->ring, &sqe));
	ranges[1].slba = 200;
	sqe.cdw10 = htole32(self->info.nlb - 31);
	EXPECT_EQ(SC_LBA_RANGE, ring_do(&self->ring, &sqe));
	sqe.cdw10 = htole32(1000);
	ranges[1].nlb = 128;
	EXPECT_EQ(SC_SIZE_LIMIT, ring_do(&self->ring, &sqe));
	ranges[1].nlb = 15;
	ranges[1].reserved = 1;
	EXPECT_EQ(SC_INVALID_FIELD, ring_do(&self->ring, &sqe));
	sqe.cdw12 = htole32(129);
	sqe.dptr.length = htole32(130 * sizeof(*ranges));
	EXPECT_EQ(SC_SIZE_LIMIT, ring_do(&self->ring, &sqe));
	sqe.cdw12 = htole32(2 << 8);
	EXPECT_EQ(SC_INVALID_FIELD, ring_do(&self->ring, &sqe));
}

/* ---- random commands against a copy of what should be there ---- */

#define LANES		16
#define LANE_BLOCKS	64

struct lane {
	uint64_t slba;		/* of its blocks */
	uint32_t at;		/* of the command in flight */
	uint32_t nlb;
	uint8_t opcode;
	bool equal;		/* what a compare must find */
	size_t offset;		/* of its part of the memory */
	uint8_t *copy;
};

static struct usher_sqe random_command(struct io_data *self,
				       struct lane *lane, uint32_t *random)
{
	static const uint8_t opcodes[] = {
		OP_WRITE, OP_WRITE, OP_READ, OP_READ, OP_ZEROES, OP_COMPARE
	};
	uint32_t size = self->info.lba_bytes, bytes, i;
	uint8_t *data = (uint8_t *)self->memory + lane->offset;
	uint8_t *copy;

	lane->opcode = opcodes[next_random(random) % 6];
	lane->at = next_random(random) % LANE_BLOCKS;
	lane->nlb = 1 + next_random(random) % (LANE_BLOCKS - lane->at);
	bytes = lane->nlb * size;
	copy = lane->copy + lane->at * size;

	switch (lane->opcode) {
	case OP_WRITE:
		for (i = 0; i < bytes; i += 4)
			*(uint32_t *)(data + i) = next_random(random);
		memcpy(copy, data, bytes);
		break;
	case OP_READ:
		memset(data, 0x55, bytes);
		break;
	case OP_ZEROES:
		memset(copy, 0, bytes);
		return cmd_blocks(OP_ZEROES, self->info.nsid,
				  lane->slba + lane->at, lane->nlb);
	case OP_COMPARE:
		memcpy(data, copy, bytes);
		lane->equal = next_random(random) & 1;
		data[next_random(random) % bytes] ^= !lane->equal;
		break;
	}
	return cmd_data(lane->opcode, self->info.nsid, lane->slba + lane->at,
			lane->nlb, self->buf, lane->offset, bytes);
}

static bool random_result(struct io_data *self, const struct lane *lane,
			  const struct usher_cqe *cqe)
{
	uint32_t size = self->info.lba_bytes;

	if (lane->opcode == OP_COMPARE)
		return ring_status(cqe) == (lane->equal ? 0 : SC_COMPARE_FAILED);
	if (ring_status(cqe))
		return false;
	return lane->opcode != OP_READ ||
	       !memcmp(self->memory + lane->offset,
		       lane->copy + lane->at * size, lane->nlb * size);
}

TEST_F(io, random_commands_side_by_side)
{
	uint32_t random = random_seed(), started = 0, done = 0;
	uint32_t rounds = is_debug_kernel() ? 400 : 2000;
	uint32_t bytes = LANE_BLOCKS * self->info.lba_bytes;
	struct lane lanes[LANES], *lane;
	struct usher_sqe sqe;
	struct usher_cqe cqe;

	for (lane = lanes; lane < lanes + LANES; lane++) {
		lane->slba = 512 + (lane - lanes) * LANE_BLOCKS;
		/* Not page by page, so that PRPs begin anywhere */
		lane->offset = (lane - lanes) * (bytes + 4 * (lane - lanes));
		lane->copy = calloc(1, bytes);
		ASSERT_NE(NULL, lane->copy);
		ASSERT_EQ(0, move_none(self, OP_ZEROES, lane->slba, LANE_BLOCKS));
	}
	for (lane = lanes; lane < lanes + LANES; lane++) {
		sqe = random_command(self, lane, &random);
		sqe.cid = htole16(lane - lanes);
		ring_push(&self->ring, &sqe);
		started++;
	}
	while (done < rounds) {
		ASSERT_LE(0, ring_enter(&self->ring, LANES, 1));
		while (ring_pop(&self->ring, &cqe)) {
			ASSERT_GT(LANES, le16toh(cqe.cid));
			lane = &lanes[le16toh(cqe.cid)];
			ASSERT_TRUE(random_result(self, lane, &cqe))
				TH_LOG("opcode %#x, status %#x", lane->opcode,
				       ring_status(&cqe));
			done++;
			if (started == rounds)
				continue;
			sqe = random_command(self, lane, &random);
			sqe.cid = cqe.cid;
			ring_push(&self->ring, &sqe);
			started++;
		}
	}
	for (lane = lanes; lane < lanes + LANES; lane++) {
		ASSERT_EQ(0, move(self, OP_READ, lane->slba, LANE_BLOCKS,
				  self->buf, 0));
		EXPECT_EQ(0, memcmp(self->memory, lane->copy, bytes));
		free(lane->copy);
	}
}

/* ---- every kind of memory ---- */

/* Write it to disk and read it back by way of other memory. */
static bool works_for_writing(struct io_data *self, const void *addr,
			      size_t length, int buf, uint32_t seed)
{
	uint32_t size = self->info.lba_bytes;
	uint32_t nlb = 64, last = (length / size - nlb);

	return !move(self, OP_WRITE, 1000, nlb, buf, 0) &&
	       !move(self, OP_READ, 1000, nlb, self->buf, 0) &&
	       !memcmp(self->memory, addr, nlb * size) &&
	       pattern_is(self->memory, 0, nlb, size, seed) &&
	       !move(self, OP_WRITE, 2000, nlb, buf, last * size) &&
	       !move(self, OP_READ, 2000, nlb, self->buf, 0) &&
	       pattern_is(self->memory, last, nlb, size, seed);
}

static bool works_for_reading(struct io_data *self, const void *addr,
			      size_t length, int buf)
{
	uint32_t size = self->info.lba_bytes;

	pattern_fill(self->memory, 3000, 64, size, 5);
	return !move(self, OP_WRITE, 3000, 64, self->buf, 0) &&
	       !move(self, OP_READ, 3000, 64, buf, 4 * size) &&
	       pattern_is(addr + 4 * size, 3000, 64, size, 5);
}

/* Memory that the process may write: both ways */
static bool memory_works(struct io_data *self, void *addr, size_t length)
{
	uint32_t size = self->info.lba_bytes;
	int buf = buf_register(self->grant, addr, length, 0);
	bool works;

	if (buf < 0) {
		printf("# cannot be registered: %d\n", buf);
		return false;
	}
	pattern_fill(addr, 0, length / size, size, 9);
	works = works_for_writing(self, addr, length, buf, 9) &&
		works_for_reading(self, addr, length, buf);
	buf_unregister(self->grant, buf);
	return works;
}

TEST_F(io, memory_huge_pages)
{
	long before = 0, pages = 0;
	char *addr;

	if (read_number("/proc/sys/vm/nr_hugepages", &before))
		SKIP(return, "the kernel has no hugetlb pages");
	write_text("/proc/sys/vm/nr_hugepages", "4");
	ASSERT_EQ(0, read_number("/proc/sys/vm/nr_hugepages", &pages));
	if (pages < 4)
		SKIP(return, "memory is too fragmented for 4 huge pages");
	addr = mmap(NULL, 2 * HUGE_PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	ASSERT_NE(MAP_FAILED, addr);
	EXPECT_TRUE(memory_works(self, addr, 2 * HUGE_PAGE));
	EXPECT_TRUE(memory_works(self, addr + DEVICE_PAGE, HUGE_PAGE));
	munmap(addr, 2 * HUGE_PAGE);
	addr = mmap(NULL, 2 * HUGE_PAGE, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	ASSERT_NE(MAP_FAILED, addr);
	EXPECT_TRUE(memory_works(self, addr, 2 * HUGE_PAGE));
	munmap(addr, 2 * HUGE_PAGE);
	write_text("/proc/sys/vm/nr_hugepages", "0");
}

TEST_F(io, memory_transparent_huge_pages)
{
	size_t length = 4 * HUGE_PAGE;
	char *map, *addr;

	map = mmap(NULL, length, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, map);
	addr = (void *)(((uintptr_t)map + HUGE_PAGE - 1) & -HUGE_PAGE);
	if (madvise(addr, 2 * HUGE_PAGE, MADV_HUGEPAGE))
		SKIP(return, "the kernel has no transparent huge pages");
	memset(addr, 1, 2 * HUGE_PAGE);
	EXPECT_TRUE(memory_works(self, addr, 2 * HUGE_PAGE));
	/* Half of one, and small pages behind it */
	EXPECT_TRUE(memory_works(self, addr + HUGE_PAGE + DEVICE_PAGE,
				 HUGE_PAGE + DEVICE_PAGE));
	munmap(map, length);
}

TEST_F(io, memory_memfd)
{
	size_t length = 1 << 20;
	char *addr;
	int fd;

	fd = memfd_create("usher", MFD_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, length));
	addr = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, addr);
	EXPECT_TRUE(memory_works(self, addr, length));
	munmap(addr, length);
	close(fd);
}

/* A mapping that may only be read, of pages that the file system has */
TEST_F(io, memory_read_only_file)
{
	uint32_t size = self->info.lba_bytes;
	size_t length = 1 << 20;
	char *data, *addr;
	int fd, buf, flags;

	data = malloc(length);
	ASSERT_NE(NULL, data);
	pattern_fill(data, 0, length / size, size, 31);
	fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(length, write(fd, data, length));
	for (flags = MAP_SHARED; flags <= MAP_PRIVATE; flags++) {
		addr = mmap(NULL, length, PROT_READ, flags, fd, 0);
		ASSERT_NE(MAP_FAILED, addr);
		EXPECT_EQ(-EFAULT, buf_register(self->grant, addr, length, 0));
		buf = buf_register(self->grant, addr, length, USHER_BUF_RDONLY);
		EXPECT_LT(0, buf);
		EXPECT_TRUE(works_for_writing(self, addr, length, buf, 31));
		EXPECT_EQ(0, buf_unregister(self->grant, buf));
		munmap(addr, length);
	}
	close(fd);
	free(data);
}

/*
 * Registered before it was ever touched, written afterwards: the device must
 * read what the process wrote, not what lay there when it was registered.
 */
static void late_writes(struct __test_metadata *_metadata,
			struct io_data *self, char *addr, size_t length)
{
	uint32_t size = self->info.lba_bytes;
	int buf;

	buf = buf_register(self->grant, addr, length, USHER_BUF_RDONLY);
	ASSERT_LT(0, buf);
	pattern_fill(addr, 0, length / size, size, 13);
	EXPECT_TRUE(works_for_writing(self, addr, length, buf, 13));
	EXPECT_EQ(0, buf_unregister(self->grant, buf));
}

TEST_F(io, memory_untouched_anonymous)
{
	size_t length = 1 << 20;
	char *addr;

	addr = mmap(NULL, length, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, addr);
	late_writes(_metadata, self, addr, length);
	munmap(addr, length);

	/* Only read so far: the zero page is there. */
	addr = mmap(NULL, length, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, addr);
	EXPECT_TRUE(all_zero(addr, length));
	late_writes(_metadata, self, addr, length);
	munmap(addr, length);
}

TEST_F(io, memory_untouched_private_file)
{
	size_t length = 1 << 20;
	char *addr;
	int fd, touched;

	fd = memfd_create("usher", MFD_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, length));
	for (touched = 0; touched < 2; touched++) {
		addr = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE,
			    fd, 0);
		ASSERT_NE(MAP_FAILED, addr);
		EXPECT_TRUE(!touched || all_zero(addr, length));
		late_writes(_metadata, self, addr, length);
		munmap(addr, length);
	}
	close(fd);
}

/* ---- memory that changes while it is registered ---- */

/**
 * struct swapped - a page of a process that is of a file at times
 * @page: where it is
 * @file: fd of the file
 * @ends: says when to stop; accessed atomically
 */
struct swapped {
	char *page;
	int file;
	bool ends;
};

static void *swap_file(void *arg)
{
	const int both = PROT_READ | PROT_WRITE;
	struct swapped *s = arg;

	while (!__atomic_load_n(&s->ends, __ATOMIC_RELAXED)) {
		mmap(s->page, PAGE, both, MAP_SHARED | MAP_FIXED, s->file, 0);
		mmap(s->page, PAGE, both, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
	}
	return NULL;
}

/* At no time may the device come to write to the file. */
TEST_F(io, memory_swapped_for_a_file_on_disk)
{
	uint64_t end = now_ms() + 3000;
	int refused = 0, taken = 0;
	struct swapped s = { .file = file_on_disk(PAGE) };
	long pins = pinned_pages();
	char data[PAGE];
	pthread_t thread;

	ASSERT_LE(0, s.file);
	memset(self->memory, 0x5a, PAGE);
	ASSERT_EQ(0, move(self, OP_WRITE, 0, 1, self->buf, 0));
	s.page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, s.page);
	ASSERT_EQ(0, pthread_create(&thread, NULL, swap_file, &s));
	while (now_ms() < end) {
		int buf = buf_register(self->grant, s.page, PAGE, 0);

		if (buf > 0) {
			taken++;
			EXPECT_EQ(0, move(self, OP_READ, 0, 1, buf, 0));
			EXPECT_EQ(0, buf_unregister(self->grant, buf));
			/* DMA debugging counts no more than 7 mappings of a page. */
			EXPECT_TRUE(!is_debug_kernel() ||
				    wait_until(pinned_pages() == pins));
		} else {
			refused++;
			/* EFAULT: a file when it was refused, and not afterwards */
			EXPECT_TRUE(buf == -EOPNOTSUPP || buf == -EFAULT);
		}
	}
	__atomic_store_n(&s.ends, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	TH_LOG("refused %d, taken %d", refused, taken);
	EXPECT_EQ(PAGE, pread(s.file, data, PAGE, 0));
	EXPECT_TRUE(all_zero(data, PAGE));
	munmap(s.page, PAGE);
	close(s.file);
}

/* After a fork the memory stays the parent's. */
TEST_F(io, memory_after_fork)
{
	uint32_t size = self->info.lba_bytes;
	int status;
	pid_t pid;

	pattern_fill(self->memory, 0, 64, size, 21);
	pid = fork();
	if (!pid) {
		memset(self->memory, 0xff, 64 * size);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	pattern_fill(self->memory, 0, 64, size, 22);
	ASSERT_EQ(0, move(self, OP_WRITE, 5000, 64, self->buf, 0));
	ASSERT_EQ(0, move(self, OP_READ, 5000, 64, self->buf, MEMORY / 2));
	EXPECT_TRUE(pattern_is(self->memory + MEMORY / 2, 0, 64, size, 22));
}

TEST_F(io, memory_read_only_refuses_reads)
{
	int buf = buf_register(self->grant, self->memory, DEVICE_PAGE * 64,
			       USHER_BUF_RDONLY);

	ASSERT_LT(0, buf);
	memset(self->memory, 0x5a, DEVICE_PAGE);
	EXPECT_EQ(SC_ACCESS_DENIED, move(self, OP_READ, 0, 1, buf, 0));
	EXPECT_EQ(0x5a, self->memory[0]);
	EXPECT_EQ(0, move(self, OP_WRITE, 0, 1, buf, 0));
	EXPECT_EQ(0, move(self, OP_COMPARE, 0, 1, buf, 0));
	EXPECT_EQ(0, buf_unregister(self->grant, buf));
	EXPECT_EQ(SC_INVALID_FIELD, move(self, OP_WRITE, 0, 1, buf, 0));
}

/* ---- what the guard refuses ---- */

/* One member set to what it must not be */
struct refusal {
	const char *what;
	uint16_t status;
	uint32_t offset;
	uint32_t bytes;
	uint64_t value;
};

#define AT(member)	offsetof(struct usher_sqe, member)

static const struct refusal refusals[] = {
	{ "FUSE", SC_INVALID_FIELD, AT(flags), 1, 1 },
	{ "PSDT", SC_INVALID_FIELD, AT(flags), 1, 0x40 },
	{ "CDW2", SC_INVALID_FIELD, AT(cdw2), 4, 1 },
	{ "CDW3", SC_INVALID_FIELD, AT(cdw3), 4, 0x80000000 },
	{ "MPTR", SC_INVALID_FIELD, AT(mptr), 8, 1ULL << 63 },
	{ "PRINFO", SC_INVALID_FIELD, AT(cdw12), 4, 0x20000007 },
	{ "DTYPE", SC_INVALID_FIELD, AT(cdw12), 4, 0x00100007 },
	{ "DSPEC", SC_INVALID_FIELD, AT(cdw13), 4, 0x00010000 },
	{ "CDW14", SC_INVALID_FIELD, AT(cdw14), 4, 1 },
	{ "CDW15", SC_INVALID_FIELD, AT(cdw15), 4, 1 },
	{ "NSID 0", SC_INVALID_NS, AT(nsid), 4, 0 },
	{ "NSID 2", SC_INVALID_NS, AT(nsid), 4, 2 },
	{ "NSID FFFFFFFFh", SC_INVALID_NS, AT(nsid), 4, ~0U },
	{ "buffer 0", SC_INVALID_FIELD, AT(dptr.buf), 4, 0 },
	{ "unknown buffer", SC_INVALID_FIELD, AT(dptr.buf), 4, 999 },
	{ "length", SC_DATA_XFER_ERROR, AT(dptr.length), 4, 8 * 512 - 1 },
	{ "odd offset", SC_PRP_OFFSET, AT(dptr.offset), 8, 2 },
	{ "far offset", SC_DATA_XFER_ERROR, AT(dptr.offset), 8, -8ULL },
	{ "SLBA", SC_LBA_RANGE, AT(cdw11), 4, 1 },
	{ "vendor opcode", SC_INVALID_OPCODE, AT(opcode), 1, 0x80 },
	{ "reservation", SC_INVALID_OPCODE, AT(opcode), 1, 0x0d },
	{ "zone append", SC_INVALID_OPCODE, AT(opcode), 1, OP_APPEND },
};

#define NR_REFUSALS	ARRAY_SIZE(refusals)

TEST_F(io, refusals)
{
	struct usher_ring_info before, after;
	struct usher_sqe good, sqe;
	struct usher_cqe cqe;
	uint64_t value;
	int i;

	good = cmd_data(OP_READ, self->info.nsid, 8, 8, self->buf, 0,
			8 * self->info.lba_bytes);
	good.cid = htole16(0xbeef);
	ASSERT_EQ(0, ring_do(&self->ring, &good));
	ASSERT_EQ(0, ring_info(self->ring.fd, &before));
	for (i = 0; i < NR_REFUSALS; i++) {
		sqe = good;
		value = htole64(refusals[i].value);
		memcpy((char *)&sqe + refusals[i].offset, &value, refusals[i].bytes);
		ring_push(&self->ring, &sqe);
		ASSERT_EQ(1, ring_enter(&self->ring, 1, 1));
		ASSERT_TRUE(ring_pop(&self->ring, &cqe));
		EXPECT_EQ(0xbeef, le16toh(cqe.cid));
		EXPECT_EQ(0, cqe.sqhd);
		EXPECT_EQ(USHER_CQE_REFUSED, le16toh(cqe.flags));
		EXPECT_EQ((refusals[i].status | SC_DNR) << 1, le16toh(cqe.status))
			TH_LOG("%s: status %#x", refusals[i].what, ring_status(&cqe));
	}
	ASSERT_EQ(0, ring_info(self->ring.fd, &after));
	EXPECT_EQ(before.submitted + NR_REFUSALS, after.submitted);
	EXPECT_EQ(before.completed + NR_REFUSALS, after.completed);
	EXPECT_EQ(before.refused + NR_REFUSALS, after.refused);
	EXPECT_EQ(0, ring_do(&self->ring, &good));
	/* A command without data has no buffer. */
	sqe = cmd_bare(OP_FLUSH, self->info.nsid);
	sqe.dptr.buf = good.dptr.buf;
	EXPECT_EQ(SC_INVALID_FIELD, ring_do(&self->ring, &sqe));
}

TEST_F(io, every_other_opcode_is_refused)
{
	static const uint8_t known[] = {
		OP_FLUSH, OP_WRITE, OP_READ, OP_UNCOR, OP_COMPARE, OP_ZEROES,
		OP_DSM, OP_VERIFY, OP_COPY
	};
	struct usher_sqe sqe = cmd_bare(0, self->info.nsid);
	int opcode;

	for (opcode = 0; opcode < 256; opcode++) {
		if (memchr(known, opcode, sizeof(known)))
			continue;
		sqe.opcode = opcode;
		EXPECT_EQ(SC_INVALID_OPCODE, ring_do(&self->ring, &sqe))
			TH_LOG("opcode %#x", opcode);
	}
}

/* ---- rights ---- */

static bool allowed(int status)
{
	return status >= 0 && status != SC_ACCESS_DENIED;
}

TEST_F(io, rights)
{
	struct copy_range *range = (void *)self->memory;
	struct usher_sqe flush = cmd_bare(OP_FLUSH, self->info.nsid);
	struct usher_sqe dsm, copy;
	uint32_t rights;

	memset(range, 0, sizeof(*range));
	for (rights = 0; rights <= USHER_RIGHTS_ALL; rights++) {
		bool reads = rights & USHER_RIGHT_READ;
		bool writes = rights & USHER_RIGHT_WRITE;
		struct io_data narrow = { .info = self->info };

		narrow.grant = grant_narrow(self->grant, 0, 4096, rights);
		ASSERT_LE(0, narrow.grant);
		ASSERT_EQ(0, ring_open(&narrow.ring, narrow.grant, 8,
				       variant->ring_flags));
		narrow.buf = buf_register(narrow.grant, self->memory, DEVICE_PAGE * 16, 0);
		ASSERT_LT(0, narrow.buf);

		dsm = cmd_data(OP_DSM, self->info.nsid, 0, 1, narrow.buf, 0, 16);
		dsm.cdw11 = htole32(4);
		copy = cmd_data(OP_COPY, self->info.nsid, 100, 1, narrow.buf, 0, 32);
		EXPECT_EQ(reads, allowed(move(&narrow, OP_READ, 64, 1, narrow.buf, 512)));
		EXPECT_EQ(reads, allowed(move(&narrow, OP_COMPARE, 64, 1, narrow.buf, 512)));
		if (self->oncs & ONCS_VERIFY)
			EXPECT_EQ(reads, allowed(move_none(&narrow, OP_VERIFY, 0, 1)));
		EXPECT_EQ(writes, allowed(move(&narrow, OP_WRITE, 64, 1, narrow.buf, 512)));
		EXPECT_EQ(writes, allowed(move_none(&narrow, OP_ZEROES, 64, 1)));
		EXPECT_EQ(writes, allowed(ring_do(&narrow.ring, &dsm)));
		EXPECT_EQ(reads && writes, allowed(ring_do(&narrow.ring, &copy)));
		EXPECT_EQ(!!(rights & USHER_RIGHT_FLUSH),
			  allowed(ring_do(&narrow.ring, &flush)));
		ring_close(&narrow.ring);
		close(narrow.grant);
	}
}

/* ---- metadata elsewhere ---- */

TEST(separate_metadata_are_refused)
{
	struct usher_grant_info info;
	struct usher_sqe sqe;
	struct ring ring;
	int grant, buf;
	char *page;

	grant = disk_open(SEPARATE, O_RDWR);
	ASSERT_LE(0, grant);
	ASSERT_EQ(0, grant_info(grant, &info));
	ASSERT_EQ(0, ring_open(&ring, grant, 8, 0));
	page = mmap(NULL, DEVICE_PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, page);
	buf = buf_register(grant, page, DEVICE_PAGE, 0);
	ASSERT_LT(0, buf);
	sqe = cmd_data(OP_READ, info.nsid, 0, 1, buf, 0, 520);
	EXPECT_EQ(SC_INVALID_NS, ring_do(&ring, &sqe));
	sqe.opcode = OP_WRITE;
	EXPECT_EQ(SC_INVALID_NS, ring_do(&ring, &sqe));
	sqe.opcode = OP_COMPARE;
	EXPECT_EQ(SC_INVALID_NS, ring_do(&ring, &sqe));
	sqe = cmd_blocks(OP_ZEROES, info.nsid, 0, 1);
	EXPECT_EQ(0, ring_do(&ring, &sqe));
	sqe = cmd_bare(OP_FLUSH, info.nsid);
	EXPECT_EQ(0, ring_do(&ring, &sqe));
	ring_close(&ring);
	close(grant);
	munmap(page, DEVICE_PAGE);
}

/* ---- zones ---- */

#define ZONE_EMPTY	0x1
#define ZONE_OPEN	0x2
#define ZONE_FULL	0xe

#define SEND_CLOSE	1
#define SEND_FINISH	2
#define SEND_OPEN	3
#define SEND_RESET	4
#define SEND_OFFLINE	5
#define SEND_ALL	0x100

struct zone {
	uint8_t type;
	uint8_t state;
	uint8_t attributes[6];
	uint64_t capacity;
	uint64_t slba;
	uint64_t wp;
	uint8_t reserved[32];
};

struct zone_report {
	uint64_t count;
	uint8_t reserved[56];
	struct zone zones[63];
};

/* FIXTURE_DATA(zones), in a form that checkpatch reads */
#define zones_data	_test_data_zones

FIXTURE(zones) {
	int grant;
	struct usher_grant_info info;
	struct ring ring;
	struct zone_report *report;
	int buf;
	uint64_t zone;
};

static int zone_send(struct zones_data *self, uint64_t slba, uint32_t action)
{
	struct usher_sqe sqe = cmd_blocks(OP_ZONE_SEND, self->info.nsid, slba, 1);

	sqe.cdw13 = htole32(action);
	return ring_do(&self->ring, &sqe);
}

static int zone_report(struct zones_data *self, uint64_t slba, uint32_t zones)
{
	uint32_t bytes = 64 + zones * 64;
	struct usher_sqe sqe = cmd_data(OP_ZONE_RECV, self->info.nsid, slba, 1,
					self->buf, 0, bytes);

	memset(self->report, 0, sizeof(*self->report));
	sqe.cdw12 = htole32(bytes / 4 - 1);
	sqe.cdw13 = htole32(1 << 16);
	return ring_do(&self->ring, &sqe);
}

FIXTURE_SETUP(zones)
{
	self->grant = disk_open(ZONED, O_RDWR);
	ASSERT_LE(0, self->grant);
	ASSERT_EQ(0, grant_info(self->grant, &self->info));
	ASSERT_EQ(0, ring_open(&self->ring, self->grant, ENTRIES, 0));
	self->report = mmap(NULL, 256 * DEVICE_PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->report);
	self->buf = buf_register(self->grant, self->report, 256 * DEVICE_PAGE, 0);
	ASSERT_LT(0, self->buf);
	self->zone = self->info.zone_blocks;
	ASSERT_EQ(0, zone_send(self, 0, SEND_RESET | SEND_ALL));
}

FIXTURE_TEARDOWN(zones)
{
	ring_close(&self->ring);
	close(self->grant);
	munmap(self->report, 256 * DEVICE_PAGE);
}

/* Returns the status, and where the blocks went. */
static int append(struct zones_data *self, uint64_t zone, uint32_t nlb,
		  uint64_t *slba)
{
	struct usher_sqe sqe = cmd_data(OP_APPEND, self->info.nsid, zone, nlb,
					self->buf, DEVICE_PAGE, nlb * 512);
	struct usher_cqe cqe;

	ring_push(&self->ring, &sqe);
	if (ring_enter(&self->ring, 1, 1) != 1 || !ring_pop(&self->ring, &cqe))
		return -EIO;
	*slba = le32toh(cqe.dw0) | (uint64_t)le32toh(cqe.dw1) << 32;
	return ring_status(&cqe);
}

TEST_F(zones, life_of_a_zone)
{
	uint64_t zone = 2 * self->zone, slba;
	struct usher_sqe sqe;

	ASSERT_EQ(0, zone_report(self, zone, 2));
	EXPECT_EQ(2, self->report->count);
	EXPECT_EQ(ZONE_EMPTY, self->report->zones[0].state >> 4);
	EXPECT_EQ(zone, self->report->zones[0].wp);

	ASSERT_EQ(0, append(self, zone, 8, &slba));
	EXPECT_EQ(zone, slba);
	ASSERT_EQ(0, append(self, zone, 3, &slba));
	EXPECT_EQ(zone + 8, slba);
	ASSERT_EQ(0, zone_report(self, zone, 1));
	EXPECT_EQ(ZONE_OPEN, self->report->zones[0].state >> 4);
	EXPECT_EQ(zone + 11, self->report->zones[0].wp);

	sqe = cmd_data(OP_WRITE, self->info.nsid, zone + 11, 1, self->buf, 0, 512);
	EXPECT_EQ(0, ring_do(&self->ring, &sqe));
	EXPECT_EQ(SC_ZONE_INVALID_WRITE, ring_do(&self->ring, &sqe));

	EXPECT_EQ(0, zone_send(self, zone, SEND_CLOSE));
	EXPECT_EQ(0, zone_send(self, zone, SEND_OPEN));
	EXPECT_EQ(0, zone_send(self, zone, SEND_FINISH));
	ASSERT_EQ(0, zone_report(self, zone, 1));
	EXPECT_EQ(ZONE_FULL, self->report->zones[0].state >> 4);
	EXPECT_NE(0, append(self, zone, 1, &slba));
	EXPECT_EQ(0, zone_send(self, zone, SEND_RESET));
	ASSERT_EQ(0, zone_report(self, zone, 1));
	EXPECT_EQ(ZONE_EMPTY, self->report->zones[0].state >> 4);
	EXPECT_EQ(SC_INVALID_FIELD, zone_send(self, zone, SEND_OFFLINE));
}

TEST_F(zones, appended_data)
{
	uint64_t slba;
	struct usher_sqe sqe;

	pattern_fill((char *)self->report + DEVICE_PAGE, 0, 1024, 512, 3);
	ASSERT_EQ(0, append(self, self->zone, 1024, &slba));
	ASSERT_EQ(0, append(self, self->zone, 1024, &slba));
	EXPECT_EQ(self->zone + 1024, slba);
	memset(self->report, 0, 256 * DEVICE_PAGE);
	sqe = cmd_data(OP_READ, self->info.nsid, slba, 1024, self->buf, 0, 1024 * 512);
	ASSERT_EQ(0, ring_do(&self->ring, &sqe));
	EXPECT_TRUE(pattern_is(self->report, 0, 1024, 512, 3));
}

TEST_F(zones, refusals)
{
	uint64_t slba;

	EXPECT_EQ(SC_INVALID_FIELD, append(self, 1, 1, &slba));
	EXPECT_EQ(SC_INVALID_FIELD, zone_send(self, 1, SEND_RESET));
	EXPECT_EQ(SC_INVALID_FIELD, zone_report(self, 1, 1));
	EXPECT_EQ(SC_LBA_RANGE, append(self, self->info.nlb, 1, &slba));
	EXPECT_EQ(SC_LBA_RANGE, zone_send(self, self->info.nlb, SEND_RESET));
	/* It does not fit behind what is there: the device says so. */
	EXPECT_EQ(0, append(self, 0, 1024, &slba));
	EXPECT_EQ(0, append(self, 0, 1023, &slba));
	EXPECT_EQ(SC_ZONE_BOUNDARY, append(self, 0, 2, &slba));
	EXPECT_EQ(SC_ZONE_BOUNDARY, append(self, self->zone, self->zone + 1, &slba));
	EXPECT_EQ(SC_INVALID_FIELD, append(self, self->zone, self->zone, &slba));
}

TEST_F(zones, narrowed_to_two)
{
	struct zones_data two = *self;
	uint64_t slba;

	two.grant = grant_narrow(self->grant, 4 * self->zone, 2 * self->zone,
				 USHER_RIGHTS_ALL);
	ASSERT_LE(0, two.grant);
	ASSERT_EQ(0, ring_open(&two.ring, two.grant, 8, 0));
	two.buf = buf_register(two.grant, self->report, 256 * DEVICE_PAGE, 0);
	ASSERT_LT(0, two.buf);

	EXPECT_EQ(0, append(&two, 4 * self->zone, 1, &slba));
	EXPECT_EQ(0, append(&two, 5 * self->zone, 1, &slba));
	EXPECT_EQ(SC_LBA_RANGE, append(&two, 3 * self->zone, 1, &slba));
	EXPECT_EQ(SC_LBA_RANGE, append(&two, 6 * self->zone, 1, &slba));
	EXPECT_EQ(0, zone_send(&two, 5 * self->zone, SEND_RESET));
	EXPECT_EQ(SC_LBA_RANGE, zone_send(&two, 6 * self->zone, SEND_RESET));
	EXPECT_EQ(SC_ACCESS_DENIED, zone_send(&two, 4 * self->zone,
					      SEND_RESET | SEND_ALL));
	EXPECT_EQ(0, zone_report(&two, 4 * self->zone, 2));
	EXPECT_EQ(4 * self->zone, two.report->zones[0].slba);
	EXPECT_EQ(5 * self->zone, two.report->zones[1].slba);
	EXPECT_EQ(SC_LBA_RANGE, zone_report(&two, 4 * self->zone, 3));
	EXPECT_EQ(SC_LBA_RANGE, zone_report(&two, 5 * self->zone, 2));
	EXPECT_EQ(0, zone_report(&two, 5 * self->zone, 1));
	ring_close(&two.ring);
	close(two.grant);
}

TEST_HARNESS_MAIN
