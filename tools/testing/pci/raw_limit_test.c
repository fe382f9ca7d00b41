// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits: DMA memory counts as locked memory of the user (RLIMIT_MEMLOCK), before it is
 * allocated and for as long as it is mapped. What was refused counts for nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "harness.h"
#include "raw.h"

#define ROOM_PAGES	8
#define BIG_PAGES	16384

/*
 * The test is a process of a user who may lock ROOM_PAGES, and no more. It remains able
 * to become root again, whom the limit does not hold.
 */
FIXTURE(limited)
{
	int fd;
};

FIXTURE_SETUP(limited)
{
	struct rlimit limit = {
		.rlim_cur = ROOM_PAGES * PAGE,
		.rlim_max = ROOM_PAGES * PAGE,
	};

	self->fd = open_node(EDU);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &limit));
	ASSERT_EQ(0, setresuid(NOBODY, 0, 0));
	ASSERT_EQ(0, seteuid(NOBODY));
}

FIXTURE_TEARDOWN(limited)
{
	close(self->fd);
}

/* What may not be locked is not allocated first. */
TEST_F(limited, memory_is_charged_before)
{
	static uint64_t bus[BIG_PAGES];
	long before = in_vmstat("pgalloc_*");
	struct usher_raw_dma dma;
	uint32_t id;

	EXPECT_EQ(-ENOMEM, dma_alloc(self->fd, BIG_PAGES, &dma, bus));
	EXPECT_LT(in_vmstat("pgalloc_*") - before, BIG_PAGES / 2);
	EXPECT_EQ(0, dma_alloc(self->fd, ROOM_PAGES, &dma, bus));
	id = dma.id;
	EXPECT_EQ(-ENOMEM, dma_alloc(self->fd, 1, &dma, bus));
	EXPECT_EQ(0, dma_free(self->fd, id));
	EXPECT_EQ(0, dma_alloc(self->fd, 1, &dma, bus));
}

/*
 * What is refused is charged to nobody, and no number leads to it. The device reaches
 * none of it: with an IOMMU, there are fewer addresses than pages.
 */
TEST_F(limited, what_is_refused_leaves_nothing)
{
	static uint8_t data[ROOM_PAGES * MOST_PAGE] __attribute__((aligned(MOST_PAGE)));
	uint64_t bus[ROOM_PAGES];
	struct usher_raw_dma dma;
	uint32_t id;
	int i;

	/* Two pages, with an IOMMU */
	EXPECT_EQ(0, dma_bits(self->fd, translated(self->fd) ? __builtin_ctzl(PAGE) + 1 : 24));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(-ENOSPC, dma_register(self->fd, data, ROOM_PAGES * PAGE, 0,
						ROOM_PAGES, bus));
	EXPECT_EQ(0, dma_bits(self->fd, 64));
	EXPECT_EQ(0, dma_alloc(self->fd, ROOM_PAGES, &dma, bus));
	EXPECT_EQ(0, dma_free(self->fd, dma.id));
	for (id = 0; id <= UINT16_MAX; id++)
		EXPECT_EQ(-ENOENT, dma_free(self->fd, id));
}

/* ---- memory counts for as long as it is mapped, also when it was freed before ---- */

/* Whether nothing is charged to the user. Root afterwards. */
static bool all_room(struct __test_metadata *_metadata, int fd)
{
	uint64_t bus[ROOM_PAGES];
	struct usher_raw_dma dma;
	int ret;

	EXPECT_EQ(0, seteuid(NOBODY));
	ret = dma_alloc(fd, ROOM_PAGES, &dma, bus);
	EXPECT_EQ(0, seteuid(0));
	if (ret) {
		EXPECT_EQ(-ENOMEM, ret);
		return false;
	}
	EXPECT_EQ(0, dma_free(fd, dma.id));
	return true;
}

/* Allocates all there is room for and maps it @count times, at @data. Root afterwards. */
static uint32_t fill_room(struct __test_metadata *_metadata, int fd, uint8_t **data, int count)
{
	uint64_t bus[ROOM_PAGES];
	struct usher_raw_dma dma;
	int i;

	EXPECT_EQ(0, seteuid(NOBODY));
	EXPECT_EQ(0, dma_alloc(fd, ROOM_PAGES, &dma, bus));
	for (i = 0; i < count; i++) {
		data[i] = map(fd, dma.offset, ROOM_PAGES * PAGE, MAP_SHARED);
		EXPECT_NE(MAP_FAILED, data[i]);
	}
	EXPECT_EQ(0, seteuid(0));
	return dma.id;
}

/* Memory that is mapped once, and was freed */
static uint8_t *fill_and_free(struct __test_metadata *_metadata, int fd)
{
	uint8_t *data;

	EXPECT_EQ(0, dma_free(fd, fill_room(_metadata, fd, &data, 1)));
	EXPECT_FALSE(all_room(_metadata, fd));
	return data;
}

TEST_F(limited, unmapped_in_parts)
{
	uint8_t *data = fill_and_free(_metadata, self->fd);

	EXPECT_EQ(0, munmap(data + 3 * PAGE, PAGE));
	EXPECT_FALSE(all_room(_metadata, self->fd));
	EXPECT_EQ(0, munmap(data, 3 * PAGE));
	EXPECT_FALSE(all_room(_metadata, self->fd));
	data[7 * PAGE] = 1;
	EXPECT_EQ(0, munmap(data + 4 * PAGE, 4 * PAGE));
	EXPECT_TRUE(all_room(_metadata, self->fd));
}

TEST_F(limited, mapped_twice)
{
	uint8_t *data[2];
	uint32_t id = fill_room(_metadata, self->fd, data, 2);

	EXPECT_EQ(0, munmap(data[0], ROOM_PAGES * PAGE));
	EXPECT_FALSE(all_room(_metadata, self->fd));
	EXPECT_EQ(0, dma_free(self->fd, id));
	EXPECT_FALSE(all_room(_metadata, self->fd));
	EXPECT_EQ(0, munmap(data[1], ROOM_PAGES * PAGE));
	EXPECT_TRUE(all_room(_metadata, self->fd));

	id = fill_room(_metadata, self->fd, data, 1);
	EXPECT_EQ(0, munmap(data[0], ROOM_PAGES * PAGE));
	EXPECT_FALSE(all_room(_metadata, self->fd));
	EXPECT_EQ(0, dma_free(self->fd, id));
	EXPECT_TRUE(all_room(_metadata, self->fd));
}

/* A mapping can be moved, but not extended. */
TEST_F(limited, mapped_elsewhere)
{
	uint8_t *data = fill_and_free(_metadata, self->fd), *to;

	data[0] = 0x5a;
	EXPECT_EQ(MAP_FAILED,
		  mremap(data, ROOM_PAGES * PAGE, 2 * ROOM_PAGES * PAGE, MREMAP_MAYMOVE));
	to = mmap(NULL, ROOM_PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT_EQ(to, mremap(data, ROOM_PAGES * PAGE, ROOM_PAGES * PAGE,
			     MREMAP_MAYMOVE | MREMAP_FIXED, to));
	EXPECT_FALSE(all_room(_metadata, self->fd));
	EXPECT_EQ(0x5a, to[0]);
	EXPECT_EQ(0, munmap(to, ROOM_PAGES * PAGE));
	EXPECT_TRUE(all_room(_metadata, self->fd));
}

TEST_F(limited, mapped_by_a_child)
{
	uint8_t *data = fill_and_free(_metadata, self->fd);
	int ends[2], status = 0;
	char byte;
	pid_t pid;

	EXPECT_EQ(0, pipe2(ends, O_CLOEXEC));
	pid = fork();
	if (!pid) {
		close(ends[1]);
		data[0] = 1;
		_exit(read(ends[0], &byte, 1));
	}
	close(ends[0]);
	EXPECT_EQ(0, munmap(data, ROOM_PAGES * PAGE));
	EXPECT_FALSE(all_room(_metadata, self->fd));
	close(ends[1]);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(all_room(_metadata, self->fd));
}

/* The mapping keeps the file open, and with it the function. */
TEST_F(limited, mapped_after_closing)
{
	uint8_t *data;

	fill_room(_metadata, self->fd, &data, 1);
	close(self->fd);
	EXPECT_EQ(-EBUSY, open_node(EDU));
	data[0] = 1;
	EXPECT_EQ(0, munmap(data, ROOM_PAGES * PAGE));
	self->fd = open_node(EDU);
	EXPECT_TRUE(all_room(_metadata, self->fd));
}

/* Unbinding frees what only the device had. What the process has mapped still counts. */
TEST_F(limited, mapped_after_unbinding)
{
	uint8_t *data;
	int after;

	fill_room(_metadata, self->fd, &data, 1);
	EXPECT_TRUE(unbind_function(EDU));
	EXPECT_TRUE(bind_function(EDU));
	after = open_node(EDU);
	EXPECT_FALSE(all_room(_metadata, after));
	data[0] = 1;
	EXPECT_EQ(0, munmap(data, ROOM_PAGES * PAGE));
	EXPECT_TRUE(awaited(all_room(_metadata, after)));
	close(after);
}

TEST_HARNESS_MAIN
