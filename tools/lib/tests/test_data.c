// SPDX-License-Identifier: GPL-2.0-only
/*
 * 64 bits of data for each command, against a ring in plain memory and a kernel that
 * completes commands in any order.
 */
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "tap.h"

#define MAP_BYTES	(4096 + 65536 * 64 + 131072 * 16)
#define MOST		64U	/* commands in flight in the kernel */

static struct {
	unsigned char *map;
	struct usher_ring ring;
	struct usher_ring_create geometry;
	__u16 tags[MOST];	/* in flight */
	__u32 count;		/* of @tags */
	unsigned int seed;
	bool holds;		/* completes nothing */
} fake;

static struct usher_ring_ctl *ctl(void)
{
	return (void *)fake.map;
}

static unsigned int any(unsigned int below)
{
	fake.seed = fake.seed * 1103515245 + 12345;
	return (fake.seed >> 16) % below;
}

/* Complete one of those in flight, whichever, with its tag as the result. */
static void complete(void)
{
	struct usher_cqe *cqes = (void *)(fake.map + fake.geometry.cq_offset);
	__u32 which = any(fake.count), tail = ctl()->cq_tail;
	__u16 tag = fake.tags[which];

	fake.tags[which] = fake.tags[--fake.count];
	cqes[tail % fake.geometry.cq_entries] = (struct usher_cqe) {
		.cid = htole16(tag),
	};
	__atomic_store_n(&ctl()->cq_tail, tail + 1, __ATOMIC_RELEASE);
}

/* Takes as many as have room in the completion ring, as the kernel does. */
static int take(__u32 to_submit)
{
	struct usher_sqe *sqes = (void *)(fake.map + fake.geometry.sq_offset);
	__u32 i, head = ctl()->sq_head;
	int taken = 0;

	while (to_submit-- && fake.count < MOST &&
	       head - __atomic_load_n(&ctl()->cq_head, __ATOMIC_ACQUIRE) <
	       fake.geometry.cq_entries) {
		__u16 tag = le16toh(sqes[head % fake.geometry.sq_entries].cid);

		/* No tag is in flight twice. */
		for (i = 0; i < fake.count; i++)
			EXPECT(fake.tags[i] != tag);
		fake.tags[fake.count++] = tag;
		__atomic_store_n(&ctl()->sq_head, ++head, __ATOMIC_RELEASE);
		taken++;
	}
	return taken;
}

int usher_ring_enter(int ring_fd, struct usher_enter *enter)
{
	int taken = take(enter->to_submit);

	(void)ring_fd;
	while (!fake.holds && fake.count && any(4))
		complete();
	while (fake.count && usher_ring_cq_ready(&fake.ring) < enter->min_complete)
		complete();
	return taken;
}

static struct usher_ring *setup(__u32 sq_entries, __u32 cq_entries, __u32 start)
{
	unsigned char *map = fake.map;

	memset(&fake, 0, sizeof(fake));
	fake.map = map;
	fake.seed = 7;
	fake.geometry = (struct usher_ring_create) {
		.sq_entries = sq_entries,
		.cq_entries = cq_entries,
		.mmap_bytes = MAP_BYTES,
		.sq_offset = 4096,
		.cq_offset = 4096 + sq_entries * 64,
		.sqe_shift = 6,
		.cqe_shift = 4,
	};
	memset(map, 0, 4096);
	ctl()->sq_tail = start;
	ctl()->sq_head = start;
	ctl()->cq_head = start;
	ctl()->cq_tail = start;
	EXPECT_EQ(usher_ring_setup(&fake.ring, map, &fake.geometry), 0);
	return &fake.ring;
}

static struct usher_ring *setup_data(__u32 sq_entries, __u32 cq_entries, __u32 start)
{
	struct usher_ring *ring = setup(sq_entries, cq_entries, start);

	EXPECT_EQ(usher_ring_enable_data64(ring), 0);
	EXPECT(ring->flags & USHER_RING_DATA64);
	return ring;
}

static struct usher_sqe *get(struct usher_ring *ring, __u64 data)
{
	struct usher_sqe *sqe = usher_ring_get_sqe(ring);

	if (sqe)
		EXPECT_EQ(usher_sqe_set_data64(ring, sqe, data), 0);
	return sqe;
}

/* A value that has all of its bits */
static __u64 value(__u32 number)
{
	return number * 0x9e3779b97f4a7c15ULL;
}

#define COMMANDS	20000U

static unsigned char seen[COMMANDS];

/* Take all completions that are there; how many. */
static __u32 reap(struct usher_ring *ring, __u32 started)
{
	__u64 inverse = 0xf1de83e19937733dULL;
	struct usher_cqe *cqes;
	__u32 i, count = usher_ring_peek_array(ring, &cqes);

	for (i = 0; i < count; i++) {
		__u64 data = usher_cqe_get_data64(ring, &cqes[i]);
		__u64 number = data * inverse;

		EXPECT(usher_cqe_get_data64(ring, &cqes[i]) == data);
		EXPECT(number < started);
		if (number < started)
			EXPECT_EQ(seen[number]++, 0);
	}
	usher_ring_cq_advance(ring, count);
	return count;
}

static void once_each(__u32 sq_entries, __u32 cq_entries, __u32 start)
{
	struct usher_ring *ring = setup_data(sq_entries, cq_entries, start);
	__u32 started = 0, done = 0, i;

	memset(seen, 0, sizeof(seen));
	while (done < COMMANDS && !tap_failed) {
		for (i = any(sq_entries + 1); i && started < COMMANDS; i--)
			if (get(ring, value(started)))
				started++;
		EXPECT(usher_ring_submit_and_wait(ring, done < started) >= 0);
		/* Sometimes they pile up. */
		if (any(3) || usher_ring_cq_ready(ring) == cq_entries)
			done += reap(ring, started);
	}
	EXPECT_EQ(done, COMMANDS);
	EXPECT_EQ(started, COMMANDS);
	usher_ring_free_data64(ring);
}

static void each_value_once(void)
{
	once_each(8, 16, 0);
	once_each(8, 8, 0xffffff00);
	once_each(1, 2, 0xffffffff);
	once_each(32, 32, 0x7ffffff5);
	once_each(64, 256, 3);
}

static void data_and_entry(void)
{
	struct usher_ring *ring = setup_data(4, 8, 5);
	struct usher_sqe *sqes[4];
	struct usher_cqe *cqe;
	int object, i;
	__u64 sum = 0;

	for (i = 0; i < 4; i++)
		sqes[i] = usher_ring_get_sqe(ring);
	/* In any order, more than once, before and after preparing */
	EXPECT_EQ(usher_sqe_set_data64(ring, sqes[2], 1), 0);
	EXPECT_EQ(usher_sqe_set_data64(ring, sqes[3], 10), 0);
	EXPECT_EQ(usher_sqe_set_data64(ring, sqes[0], 100), 0);
	EXPECT_EQ(usher_sqe_set_data64(ring, sqes[2], 1000), 0);
	EXPECT_EQ(usher_prep_read(sqes[0], 1, 1, 1, 0, 512), 0);
	EXPECT(sqes[0]->cid && sqes[2]->cid && sqes[3]->cid);
	/* sqes[1] has no data. */
	EXPECT_EQ(usher_ring_submit_and_wait(ring, 4), 4);
	EXPECT_EQ(usher_ring_cq_ready(ring), 4);
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(usher_ring_peek_cqe(ring, &cqe), 0);
		sum += usher_cqe_get_data64(ring, cqe);
		usher_cqe_seen(ring, cqe);
	}
	EXPECT_EQ(sum, 1110);

	EXPECT_EQ(usher_sqe_set_data(ring, usher_ring_get_sqe(ring), &object), 0);
	EXPECT_EQ(usher_ring_submit_and_wait(ring, 1), 1);
	EXPECT_EQ(usher_ring_peek_cqe(ring, &cqe), 0);
	EXPECT(usher_cqe_get_data(ring, cqe) == &object);
	usher_cqe_seen(ring, cqe);

	/* Entries without data never show those of others. */
	for (i = 0; i < 100; i++) {
		if (i % 3)
			get(ring, 99);
		else
			usher_ring_get_sqe(ring);
		EXPECT_EQ(usher_ring_submit_and_wait(ring, 1), 1);
		EXPECT_EQ(usher_ring_peek_cqe(ring, &cqe), 0);
		EXPECT_EQ(usher_cqe_get_data64(ring, cqe), i % 3 ? 99 : 0);
		usher_cqe_seen(ring, cqe);
	}
	usher_ring_free_data64(ring);
}

static void not_asked_for(void)
{
	struct usher_ring *ring = setup(4, 8, 0);
	struct usher_sqe *sqe = usher_ring_get_sqe(ring);
	struct usher_cqe *cqe;

	usher_sqe_set_tag(sqe, 7);
	EXPECT_EQ(usher_sqe_set_data64(ring, sqe, 1), -EOPNOTSUPP);
	EXPECT_EQ(usher_sqe_set_data(ring, sqe, &cqe), -EOPNOTSUPP);
	EXPECT_EQ(le16toh(sqe->cid), 7);
	EXPECT_EQ(usher_ring_submit_and_wait(ring, 1), 1);
	EXPECT_EQ(usher_ring_peek_cqe(ring, &cqe), 0);
	EXPECT_EQ(usher_cqe_tag(cqe), 7);
	EXPECT_EQ(usher_cqe_get_data64(ring, cqe), 0);
	EXPECT(!usher_cqe_get_data(ring, cqe));
	usher_ring_free_data64(ring);
}

static void own_tags(void)
{
	struct usher_ring *ring = setup_data(4, 8, 0);
	struct usher_cqe *cqe;
	struct usher_sqe *sqe;
	__u32 i;

	get(ring, 1);
	sqe = get(ring, 2);
	usher_sqe_set_tag(sqe, 77);
	EXPECT_EQ(usher_ring_submit(ring), -EINVAL);
	EXPECT_EQ(usher_ring_submit_and_wait_timeout(ring, 1, 1, NULL), -EINVAL);
	EXPECT_EQ(ctl()->sq_tail, 0);
	EXPECT_EQ(usher_sqe_set_data64(ring, sqe, 2), 0);
	EXPECT_EQ(usher_ring_submit_and_wait(ring, 2), 2);
	usher_ring_cq_advance(ring, 2);

	/* Who counts from 0 or from 1 is found out at the second entry, at the latest. */
	for (i = 0; i < 2; i++) {
		usher_ring_free_data64(ring);
		ring = setup_data(4, 8, 0);
		usher_sqe_set_tag(usher_ring_get_sqe(ring), (__u16)i);
		usher_sqe_set_tag(usher_ring_get_sqe(ring), (__u16)(i + 1));
		EXPECT_EQ(usher_ring_submit(ring), -EINVAL);
	}
	usher_ring_free_data64(ring);

	/* With a polling thread, too */
	ring = setup_data(4, 8, 0);
	ring->flags |= USHER_RING_POLLED;
	ctl()->flags = USHER_RING_F_SQPOLL;
	usher_sqe_set_tag(usher_ring_get_sqe(ring), 77);
	EXPECT_EQ(usher_ring_submit(ring), -EINVAL);
	EXPECT_EQ(ctl()->sq_tail, 0);
	usher_ring_free_data64(ring);
	ring = setup_data(4, 8, 0);
	ring->flags |= USHER_RING_POLLED;
	ctl()->flags = USHER_RING_F_SQPOLL;
	usher_ring_get_sqe(ring);
	EXPECT_EQ(usher_ring_submit(ring), 1);
	EXPECT_EQ(take(1), 1);
	complete();
	EXPECT_EQ(usher_ring_wait_cqe(ring, &cqe), 0);
	EXPECT_EQ(usher_cqe_get_data64(ring, cqe), 0);
	usher_ring_free_data64(ring);
}

static void tags_run_out(void)
{
	struct usher_ring *ring = setup_data(4, 4, 0);
	struct usher_cqe *cqe;
	__u32 i;

	fake.holds = true;
	for (i = 0; i < 4; i++)
		EXPECT(get(ring, i));
	EXPECT(!usher_ring_get_sqe(ring));
	EXPECT_EQ(usher_ring_submit(ring), 4);
	EXPECT_EQ(usher_ring_sq_space_left(ring), 4);
	EXPECT(!usher_ring_get_sqe(ring));
	/* A completion keeps its tag until it is given back. */
	complete();
	complete();
	EXPECT(!usher_ring_get_sqe(ring));
	EXPECT_EQ(usher_ring_peek_cqe(ring, &cqe), 0);
	EXPECT(!usher_ring_get_sqe(ring));
	usher_cqe_seen(ring, cqe);
	EXPECT(get(ring, 4));
	EXPECT(!usher_ring_get_sqe(ring));
	usher_ring_cq_advance(ring, 1);
	EXPECT(get(ring, 5));
	EXPECT(!usher_ring_get_sqe(ring));
	usher_ring_free_data64(ring);
}

static void more_entries_than_tags(void)
{
	struct usher_ring *ring = setup_data(65536, 131072, 0xfffffff0);
	static unsigned char used[65536];
	struct usher_sqe *sqe;
	__u32 i;

	memset(used, 0, sizeof(used));
	for (i = 0; i < 32768; i++) {
		sqe = get(ring, i);
		EXPECT(sqe && !used[le16toh(sqe->cid)]++);
		if (!sqe)
			break;
	}
	EXPECT(!usher_ring_get_sqe(ring));
	EXPECT_EQ(usher_ring_submit(ring), MOST);
	fake.holds = true;
	while (fake.count)
		complete();
	usher_ring_cq_advance(ring, usher_ring_cq_ready(ring));
	for (i = 0; get(ring, 0); i++)
		;
	EXPECT_EQ(i, MOST);
	usher_ring_free_data64(ring);
}

static void enabling(void)
{
	struct usher_ring *ring = setup(4, 8, 0);
	struct usher_ring heir = {};

	usher_ring_get_sqe(ring);
	EXPECT_EQ(usher_ring_enable_data64(ring), -EBUSY);
	fake.holds = true;
	EXPECT_EQ(usher_ring_submit(ring), 1);
	EXPECT_EQ(usher_ring_setup(&heir, fake.map, &fake.geometry), 0);
	EXPECT_EQ(usher_ring_enable_data64(&heir), -EBUSY);
	complete();
	EXPECT_EQ(usher_ring_enable_data64(&heir), -EBUSY);
	usher_ring_cq_advance(&heir, 1);
	EXPECT_EQ(usher_ring_enable_data64(&heir), 0);
	EXPECT_EQ(usher_ring_enable_data64(&heir), -EBUSY);
	EXPECT(get(&heir, 5));
	EXPECT_EQ(usher_ring_submit(&heir), 1);
	usher_ring_free_data64(&heir);
	EXPECT(!(ring->flags & USHER_RING_DATA64));
}

/* What somebody else writes into the ring leads nowhere outside the tables. */
static void scribbled_ring(void)
{
	struct usher_ring *ring = setup_data(4, 4, 0);
	struct usher_cqe cqe = {};
	__u64 sum = 0;
	__u32 i;

	for (i = 0; i < 65536; i++) {
		cqe.cid = htole16((__u16)i);
		sum += usher_cqe_get_data64(ring, &cqe);
	}
	EXPECT_EQ(sum, 0);
	for (i = 0; i < 4; i++)
		get(ring, i);
	EXPECT_EQ(usher_ring_submit_and_wait(ring, 4), 4);
	for (i = 0; i < 4; i++)
		((struct usher_cqe *)(void *)(fake.map + fake.geometry.cq_offset))[i].cid =
			htole16((__u16)(0xfff0 + i));
	usher_ring_cq_advance(ring, 4);
	for (i = 0; i < 4; i++)
		EXPECT(get(ring, i));
	EXPECT_EQ(usher_ring_submit(ring), 4);
	EXPECT_EQ(usher_ring_sq_space_left(ring), 4);
	ctl()->cq_head = 0x80000000;
	EXPECT(!usher_ring_get_sqe(ring));
	usher_ring_free_data64(ring);
}

/* ---- a thread for each side ---- */

static void *completion_side(void *data)
{
	struct usher_ring *ring = data;
	__u32 done = 0;

	while (done < COMMANDS) {
		__u32 count = reap(ring, COMMANDS);

		done += count;
		if (!count)
			sched_yield();
	}
	return NULL;
}

static void two_threads(void)
{
	struct usher_ring *ring = setup_data(8, 8, 0);
	pthread_t thread;
	__u32 started = 0;

	memset(seen, 0, sizeof(seen));
	EXPECT_EQ(pthread_create(&thread, NULL, completion_side, ring), 0);
	while (started < COMMANDS || fake.count || usher_ring_sq_ready(ring)) {
		while (started < COMMANDS && get(ring, value(started)))
			started++;
		/* The kernel is called in any case. */
		usher_ring_submit(ring);
		usher_ring_enter(0, &(struct usher_enter) {
			.to_submit = usher_ring_sq_ready(ring),
		});
		sched_yield();
	}
	pthread_join(thread, NULL);
	usher_ring_free_data64(ring);
}

static const struct tap_test tests[] = {
	TAP_TEST(each_value_once),
	TAP_TEST(data_and_entry),
	TAP_TEST(not_asked_for),
	TAP_TEST(own_tags),
	TAP_TEST(tags_run_out),
	TAP_TEST(more_entries_than_tags),
	TAP_TEST(enabling),
	TAP_TEST(scribbled_ring),
	TAP_TEST(two_threads),
};

int main(void)
{
	int ret;

	fake.map = aligned_alloc(4096, MAP_BYTES);
	if (!fake.map)
		return 1;
	ret = run_tests(tests, ARRAY_SIZE(tests));
	free(fake.map);
	return ret;
}
