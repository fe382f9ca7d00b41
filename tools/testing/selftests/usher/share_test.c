// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many rings on few hardware queues: all get on, none starves another, and
 * what they took comes back.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "helper.h"

#define QUEUES		4
#define RINGS		256
#define QUEUE_SLOTS	255

/* FIXTURE_DATA(share), in a form that checkpatch reads */
#define share_data	_test_data_share

FIXTURE(share) {
	struct worker w;	/* its ring is the first */
	struct ring rings[RINGS];
};

FIXTURE_SETUP(share)
{
	struct rlimit files = { 2048, 2048 };

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	ASSERT_EQ(0, worker_open(&self->w, disk_open(PLAIN, O_RDWR), 8, 16 * PAGE, 0));
	ASSERT_EQ(QUEUES, self->w.info.queue_pairs);
}

FIXTURE_TEARDOWN(share)
{
	worker_close(&self->w);
}

/* The same worker with another ring */
static struct worker with_ring(const struct worker *w, const struct ring *ring)
{
	struct worker other = *w;

	other.ring = *ring;
	return other;
}

static bool rings_are(struct share_data *self, uint32_t count)
{
	struct usher_grant_info info;

	return !grant_info(self->w.grant, &info) && info.used.rings == count;
}

TEST_F(share, rings_256_on_4_queues)
{
	uint32_t on_queue[QUEUES + 1] = {}, i, n;
	struct usher_ring_info info;
	struct usher_cqe cqe;
	struct worker w;

	ring_close(&self->w.ring);
	EXPECT_TRUE(wait_until(rings_are(self, 0)));
	for (i = 0; i < RINGS; i++)
		ASSERT_EQ(0, ring_open(&self->rings[i], self->w.grant, 8, 0));
	for (i = 0; i < RINGS; i++) {
		ASSERT_EQ(0, ring_info(self->rings[i].fd, &info));
		ASSERT_LE(1, info.qid);
		ASSERT_GE(QUEUES, info.qid);
		EXPECT_EQ(1, info.shared);
		on_queue[info.qid]++;
	}
	for (i = 1; i <= QUEUES; i++)
		EXPECT_EQ(RINGS / QUEUES, on_queue[i]);

	/* All at once: 2048 commands for 1020 slots */
	for (i = 0; i < RINGS; i++) {
		w = with_ring(&self->w, &self->rings[i]);
		worker_push(&w, 8, i);
		ASSERT_LE(0, ring_enter(&w.ring, 8, 0));
	}
	for (i = 0; i < RINGS; i++) {
		ASSERT_LE(0, ring_enter(&self->rings[i], 0, 8));
		for (n = 0; ring_pop(&self->rings[i], &cqe); n++)
			EXPECT_EQ(0, cqe.status);
		EXPECT_EQ(8, n);
	}
	for (i = 0; i < RINGS; i++)
		ring_close(&self->rings[i]);
	EXPECT_TRUE(wait_until(rings_are(self, 0)));
	ASSERT_EQ(0, ring_open(&self->w.ring, self->w.grant, 8, 0));
}

TEST_F(share, exclusive_while_they_last)
{
	struct usher_ring_info info;
	uint32_t seen = 0, i;
	int rings[QUEUES];

	for (i = 0; i < QUEUES - 1; i++) {
		rings[i] = ring_create(self->w.grant, 8, 0);
		ASSERT_LE(0, rings[i]);
		ASSERT_EQ(0, ring_info(rings[i], &info));
		EXPECT_EQ(0, info.shared);
		seen |= 1 << info.qid;
	}
	ASSERT_EQ(0, ring_info(self->w.ring.fd, &info));
	seen |= 1 << info.qid;
	EXPECT_EQ(0x1e, seen);
	EXPECT_EQ(0, info.shared);
	rings[i] = ring_create(self->w.grant, 8, 0);
	ASSERT_LE(0, rings[i]);
	ASSERT_EQ(0, ring_info(rings[i], &info));
	EXPECT_EQ(1, info.shared);
	for (i = 0; i < QUEUES; i++)
		close(rings[i]);
	EXPECT_TRUE(wait_until(!ring_info(self->w.ring.fd, &info) && !info.shared));
}

/* A ring without work of its own gets its turn before a busy one is done. */
TEST_F(share, none_starves_another)
{
	const uint32_t many = is_debug_kernel() ? 1000 : 4000;
	struct ring busy[QUEUES], *quick = &self->w.ring;
	struct usher_ring_info info;
	struct usher_sqe sqe;
	struct worker w;
	uint32_t i, k;
	int ret;

	for (k = 0; k < QUEUES; k++)
		ASSERT_EQ(0, ring_open(&busy[k], self->w.grant, 4096, 0));
	/* One of them is on the quick one's queue. */
	ASSERT_EQ(0, ring_info(quick->fd, &info));
	ASSERT_EQ(1, info.shared);
	for (k = 0; k < QUEUES; k++) {
		w = with_ring(&self->w, &busy[k]);
		for (i = 0; i < many; i++) {
			sqe = worker_cmd(&w, OP_READ, i, 1, 0);
			ring_push(&w.ring, &sqe);
		}
		ASSERT_LT(0, ring_enter(&w.ring, many, 0));
	}
	EXPECT_EQ(0, worker_move(&self->w, OP_READ, 0, 1, 0));
	for (i = 0, k = 0; k < QUEUES; k++)
		i += ring_ready(&busy[k]);
	EXPECT_GT(QUEUES * many, i);
	for (k = 0; k < QUEUES; k++) {
		ret = ring_enter_until(&busy[k], 0, many,
				       now_ns() + SOON_MS * 1000000ULL);
		EXPECT_LE(0, ret);
		EXPECT_EQ(many, ring_ready(&busy[k]));
		ring_close(&busy[k]);
	}
}

TEST_F(share, ebusy_when_no_share_is_left)
{
	const uint32_t room = QUEUES * QUEUE_SLOTS - 1;
	int *rings, fd;
	uint32_t i;

	rings = calloc(room, sizeof(*rings));
	ASSERT_NE(NULL, rings);
	for (i = 0; i < room; i++) {
		rings[i] = ring_create(self->w.grant, 1, 0);
		ASSERT_LE(0, rings[i]) TH_LOG("ring %u", i);
	}
	EXPECT_EQ(-EBUSY, ring_create(self->w.grant, 1, 0));
	EXPECT_EQ(-EBUSY, ring_create(self->w.grant, 1, USHER_RING_POLLED));
	EXPECT_TRUE(rings_are(self, room + 1));
	EXPECT_EQ(0, worker_move(&self->w, OP_READ, 0, 1, 0));
	close(rings[0]);
	EXPECT_TRUE(wait_until((fd = ring_create(self->w.grant, 1, 0)) >= 0));
	close(fd);
	for (i = 1; i < room; i++)
		close(rings[i]);
	EXPECT_TRUE(wait_until(rings_are(self, 1)));
	free(rings);
}

/* Queues change between the kinds when they are idle, and only then. */
TEST_F(share, polled_and_interrupt_queues)
{
	struct usher_ring_info info;
	int polled, rings[QUEUES];
	uint32_t i, qid;

	for (i = 0; i < QUEUES - 1; i++) {
		rings[i] = ring_create(self->w.grant, 8, 0);
		ASSERT_LE(0, rings[i]);
	}
	ASSERT_EQ(0, ring_info(rings[0], &info));
	qid = info.qid;
	close(rings[0]);
	EXPECT_TRUE(wait_until(rings_are(self, QUEUES - 1)));
	polled = ring_create(self->w.grant, 8, USHER_RING_POLLED);
	ASSERT_LE(0, polled);
	ASSERT_EQ(0, ring_info(polled, &info));
	EXPECT_EQ(qid, info.qid);
	EXPECT_EQ(0, info.shared);
	/* A second one shares with its kind. */
	rings[0] = ring_create(self->w.grant, 8, USHER_RING_POLLED);
	ASSERT_LE(0, rings[0]);
	ASSERT_EQ(0, ring_info(rings[0], &info));
	EXPECT_EQ(qid, info.qid);
	EXPECT_EQ(1, info.shared);
	close(polled);
	for (i = 0; i < QUEUES - 1; i++)
		close(rings[i]);
	EXPECT_TRUE(wait_until(rings_are(self, 1)));
}

/* A ring of one kind where somebody has as many of the other as he likes */
static void other_kind(struct __test_metadata *_metadata, struct share_data *self,
		       uint32_t taken, uint32_t wanted)
{
	struct worker w;
	uint32_t i;

	ring_close(&self->w.ring);
	ASSERT_TRUE(wait_until(rings_are(self, 0)));
	for (i = 0; i < 2 * QUEUES; i++)
		ASSERT_EQ(0, ring_open(&self->rings[i], self->w.grant, 8, taken));
	ASSERT_EQ(0, ring_open(&self->w.ring, self->w.grant, 8, wanted));
	EXPECT_EQ(0, worker_move(&self->w, OP_READ, 0, 1, 0));
	for (i = 0; i < 2 * QUEUES; i++) {
		w = with_ring(&self->w, &self->rings[i]);
		EXPECT_EQ(0, worker_move(&w, OP_READ, i, 1, 0));
		ring_close(&self->rings[i]);
	}
	EXPECT_TRUE(wait_until(rings_are(self, 1)));
}

TEST_F(share, polled_rings_leave_a_queue_for_interrupts)
{
	other_kind(_metadata, self, USHER_RING_POLLED, 0);
}

/* A queue with interrupts can be looked at, too. */
TEST_F(share, rings_with_interrupts_leave_room_for_polled_ones)
{
	other_kind(_metadata, self, 0, USHER_RING_POLLED);
}

/* The file with the CPUs of a ring's interrupt */
static int affinity_of(const struct ring *ring, char *path, size_t size)
{
	struct usher_ring_info info;
	char node[64], name[64], line[512];
	int ret = -ENOENT;
	FILE *file;

	if (ring_info(ring->fd, &info) || disk_node(PLAIN, "", node, sizeof(node)))
		return -ENODEV;
	snprintf(name, sizeof(name), " %.32sq%u\n", strrchr(node, '/') + 1, info.qid);
	file = fopen("/proc/interrupts", "r");
	while (file && ret && fgets(line, sizeof(line), file)) {
		if (!strstr(line, name))
			continue;
		snprintf(path, size, "/proc/irq/%d/smp_affinity", atoi(line));
		ret = 0;
	}
	if (file)
		fclose(file);
	return ret;
}

/* Some interrupts move when the next one comes, and not twice before. */
static bool interrupt_has_moved(struct share_data *self, const char *path)
{
	char effective[96], at[64], mask[64];

	snprintf(effective, sizeof(effective), "%.*s/effective_affinity",
		 (int)(strrchr(path, '/') - path), path);
	return !worker_move(&self->w, OP_READ, 0, 1, 0) &&
	       !read_text(effective, at, sizeof(at)) &&
	       !read_text(path, mask, sizeof(mask)) && !strcmp(at, mask);
}

/* Another ring, opened on a CPU, in place of the worker's: the CPUs of its interrupt */
static long affinity_when_opened_on(struct share_data *self, int cpu, const char *path)
{
	char now[64], mask[64];

	ring_close(&self->w.ring);
	if (!wait_until(rings_are(self, 0)))
		return -ETIME;
	run_on(cpu);
	if (ring_open(&self->w.ring, self->w.grant, 8, 0) ||
	    affinity_of(&self->w.ring, now, sizeof(now)) || strcmp(now, path))
		return -ENODEV;
	if (!wait_until(interrupt_has_moved(self, path)) ||
	    read_text(path, mask, sizeof(mask)))
		return -EIO;
	return strtol(mask, NULL, 16);
}

/* As an administrator does; true when the interrupt is there */
static bool set_affinity(struct share_data *self, const char *path, const char *mask)
{
	char now[64];

	return !write_text(path, mask) && interrupt_has_moved(self, path) &&
	       !read_text(path, now, sizeof(now)) && strtol(now, NULL, 16) == atoi(mask);
}

/* An interrupt follows the rings, unless an administrator says where it is to be. */
TEST_F(share, an_affinity_that_was_set_stays)
{
	char path[64];

	ASSERT_EQ(0, affinity_of(&self->w.ring, path, sizeof(path)));
	EXPECT_TRUE(wait_until(interrupt_has_moved(self, path)));
	EXPECT_EQ(1, affinity_when_opened_on(self, 0, path));
	EXPECT_EQ(2, affinity_when_opened_on(self, 1, path));
	ASSERT_TRUE(wait_until(set_affinity(self, path, "1")));
	EXPECT_EQ(1, affinity_when_opened_on(self, 1, path));
	EXPECT_EQ(1, affinity_when_opened_on(self, 1, path));
	/* Given back, as it was left */
	ASSERT_TRUE(wait_until(set_affinity(self, path, "2")));
	EXPECT_EQ(2, affinity_when_opened_on(self, 1, path));
	EXPECT_EQ(1, affinity_when_opened_on(self, 0, path));
}

static long memory_available(void)
{
	char line[128];
	long kb = 0;
	FILE *file = fopen("/proc/meminfo", "r");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %ld kB", &kb) == 1)
			break;
	if (file)
		fclose(file);
	return kb;
}

TEST_F(share, a_thousand_rings_one_after_another)
{
	int count = is_debug_kernel() ? 200 : 1000, i;
	long before = memory_available();
	struct worker w = self->w;

	for (i = 0; i < count; i++) {
		/* 384 KiB each */
		ASSERT_EQ(0, ring_open(&w.ring, w.grant, 4096, 0));
		if (!(i % 50))
			EXPECT_EQ(0, worker_move(&w, OP_READ, 0, 1, 0));
		ring_close(&w.ring);
	}
	EXPECT_TRUE(wait_until(rings_are(self, 1)));
	/* Half of what the rings took would be noticed. */
	EXPECT_TRUE(wait_until(before - memory_available() < count * 192))
		TH_LOG("%ld KiB available, %ld before", memory_available(), before);
}

TEST_HARNESS_MAIN
