// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that rewrite everything the kernel reads while it reads it: nothing
 * outside the grant changes, and every command completes exactly once.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "helper.h"

/* So many that some are rewritten while others are read */
#define ENTRIES		128

/* The grant's blocks, and those of somebody else behind and before them */
#define CANARY		256
#define OWN_SLBA	CANARY
#define OWN		256

#define MEMORY		(64 * DEVICE_PAGE)

/* FIXTURE_DATA(race), in a form that checkpatch reads */
#define race_data	_test_data_race

FIXTURE(race) {
	struct worker owner;	/* of the whole disk */
	struct worker w;	/* of its blocks alone */
	char *memory;		/* what @w registered of it lies in the middle */
	int rdonly;		/* a buffer only to be read by the device */
	uint32_t stop;
	uint32_t seed;		/* of the next thread's random numbers */
};

#define REGISTERED	(16 * DEVICE_PAGE)
#define IN_MIDDLE	(8 * DEVICE_PAGE)
#define READ_ONLY	(40 * DEVICE_PAGE)

FIXTURE_SETUP(race)
{
	uint32_t i;

	/* On one CPU the threads would take turns, and nothing would race. */
	run_on(0);
	ASSERT_EQ(0, worker_open(&self->owner, disk_open(PLAIN, O_RDWR), 8, MEMORY * 2, 0));
	pattern_fill(self->owner.memory, 0, 2 * CANARY + OWN, 512, 1);
	for (i = 0; i < 2 * CANARY + OWN; i += 64)
		ASSERT_EQ(0, worker_move(&self->owner, OP_WRITE, i, 64, i * 512));
	self->w.grant = grant_narrow(self->owner.grant, OWN_SLBA, OWN,
				     USHER_RIGHTS_ALL);
	ASSERT_LE(0, self->w.grant);
	ASSERT_EQ(0, grant_info(self->w.grant, &self->w.info));
	ASSERT_EQ(0, ring_open(&self->w.ring, self->w.grant, ENTRIES, 0));
	self->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->memory);
	memset(self->memory, 0xa5, MEMORY);
	self->w.buf = buf_register(self->w.grant, self->memory + IN_MIDDLE,
				   REGISTERED, 0);
	ASSERT_LT(0, self->w.buf);
	self->rdonly = buf_register(self->w.grant, self->memory + READ_ONLY,
				    REGISTERED, USHER_BUF_RDONLY);
	ASSERT_LT(0, self->rdonly);
}

FIXTURE_TEARDOWN(race)
{
	ring_close(&self->w.ring);
	close(self->w.grant);
	munmap(self->memory, MEMORY);
	worker_close(&self->owner);
}

static bool all_bytes(const char *data, size_t bytes, uint8_t value)
{
	while (bytes--)
		if ((uint8_t)*data++ != value)
			return false;
	return true;
}

/* The blocks and the memory around those that were given are unchanged. */
static void check_canaries(struct __test_metadata *_metadata,
			   struct race_data *self)
{
	static const uint32_t slbas[] = { 0, OWN_SLBA + OWN };
	int i, part;

	for (i = 0; i < 2; i++) {
		for (part = 0; part < CANARY; part += 64) {
			ASSERT_EQ(0, worker_move(&self->owner, OP_READ,
						 slbas[i] + part, 64, 0));
			ASSERT_TRUE(pattern_is(self->owner.memory, slbas[i] + part,
					       64, 512, 1));
		}
	}
	EXPECT_TRUE(all_bytes(self->memory, IN_MIDDLE, 0xa5));
	EXPECT_TRUE(all_bytes(self->memory + IN_MIDDLE + REGISTERED,
			      MEMORY - IN_MIDDLE - REGISTERED, 0xa5));
}

static bool stopped(struct race_data *self)
{
	return __atomic_load_n(&self->stop, __ATOMIC_RELAXED);
}

/* Has a scribbler changed an entry since it was written? */
static bool rewritten(const struct ring *ring, const struct usher_sqe *sqe)
{
	uint32_t i;

	for (i = 0; i < ENTRIES; i++)
		if (ring->sq[i].opcode != sqe->opcode ||
		    ring->sq[i].cdw10 != sqe->cdw10 ||
		    ring->sq[i].nsid != sqe->nsid)
			return true;
	return false;
}

/* At most 2 ms: on a busy machine the scribblers may not run at all. */
static void wait_for_scribblers(const struct ring *ring, const struct usher_sqe *sqe)
{
	uint64_t end = now_ms() + 2;

	while (!rewritten(ring, sqe) && now_ms() < end)
		;
}

/* Submit and reap; all entries are the given one to begin with. */
static void submit_many(struct __test_metadata *_metadata, struct race_data *self,
			const struct usher_sqe *sqe, uint32_t count)
{
	struct ring *ring = &self->w.ring;
	uint32_t pushed = 0, popped = 0, tags[ENTRIES] = {}, i;
	struct usher_sqe entry = *sqe;
	struct usher_cqe cqe;

	while (popped < count) {
		for (i = 0; i < ENTRIES; i++, pushed++) {
			entry.cid = htole16(i);
			ring_push(ring, &entry);
		}
		if (pushed / ENTRIES & 1)
			wait_for_scribblers(ring, sqe);
		ASSERT_EQ(ENTRIES, ring_enter(ring, ENTRIES, ENTRIES));
		for (i = 0; i < ENTRIES; i++, popped++) {
			ASSERT_TRUE(ring_pop(ring, &cqe));
			ASSERT_GT(ENTRIES, le16toh(cqe.cid));
			tags[le16toh(cqe.cid)]++;
		}
		/* No more than that */
		ASSERT_EQ(0, ring_ready(ring));
	}
	for (i = 0; i < ENTRIES; i++)
		EXPECT_EQ(popped / ENTRIES, tags[i]);
}

/* A state for next_random(): each thread that asks has another one. */
static uint32_t next_seed(struct race_data *self)
{
	return __atomic_fetch_add(&self->seed, 1, __ATOMIC_RELAXED) ?: 1;
}

static uint32_t commands(void)
{
	return is_debug_kernel() ? 1000 : 6000;
}

/* ---- entries ---- */

#define any(random, list)	(next_random(random) % ARRAY_SIZE(list))
#define put(place, value)	__atomic_store_n(&(place), value, __ATOMIC_RELAXED)

static void *scribble_entries(void *data)
{
	static const uint8_t opcodes[] = {
		OP_READ, OP_READ, OP_WRITE, OP_WRITE, OP_ZEROES, OP_COMPARE,
		OP_DSM, OP_COPY, OP_FLUSH, OP_APPEND, 0xff,
	};
	static const uint32_t slbas[] = {
		0, 1, OWN_SLBA - 1, OWN_SLBA, OWN_SLBA + 8, OWN_SLBA + OWN - 8,
		OWN_SLBA + OWN - 1, OWN_SLBA + OWN, OWN_SLBA + OWN + 9, ~0U,
	};
	static const uint32_t nlbs[] = { 0, 7, 8, 15, 127, 128, 255, 0xffff };
	static const uint64_t offsets[] = {
		0, 4, DEVICE_PAGE, REGISTERED - 512, REGISTERED, REGISTERED + DEVICE_PAGE,
		-DEVICE_PAGE, -4ULL,
	};
	static const uint32_t lengths[] = { 0, 512, 4096, REGISTERED, ~0U };
	static const uint32_t nsids[] = { 1, 1, 1, 1, 0, 2, ~0U };
	struct race_data *self = data;
	const uint32_t bufs[] = { self->w.buf, self->w.buf, self->rdonly, 0, 99 };
	uint32_t random = next_seed(self);

	run_on(1);
	while (!stopped(self)) {
		struct usher_sqe *sqe =
			&self->w.ring.sq[next_random(&random) % ENTRIES];

		switch (next_random(&random) % 9) {
		case 0:
			put(sqe->opcode, opcodes[any(&random, opcodes)]);
			break;
		case 1:
		case 2:
			put(sqe->cdw10, htole32(slbas[any(&random, slbas)]));
			break;
		case 3:
			put(sqe->cdw11, htole32(next_random(&random) & 1));
			put(sqe->cdw11, 0);
			break;
		case 4:
			put(sqe->cdw12, htole32(nlbs[any(&random, nlbs)]));
			break;
		case 5:
			put(sqe->dptr.offset, htole64(offsets[any(&random, offsets)]));
			break;
		case 6:
			put(sqe->dptr.length, htole32(lengths[any(&random, lengths)]));
			break;
		case 7:
			put(sqe->dptr.buf, htole32(bufs[any(&random, bufs)]));
			break;
		case 8:
			put(sqe->nsid, htole32(nsids[any(&random, nsids)]));
			break;
		}
	}
	return NULL;
}

TEST_F(race, entries_rewritten_while_submitted)
{
	struct usher_sqe sqe = worker_cmd(&self->w, OP_WRITE, OWN_SLBA, 8, 0);
	struct usher_ring_info info;
	pthread_t threads[2];
	int i;

	self->seed = random_seed();
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, scribble_entries, self));
	/* Some commands are let through and some refused; on a busy machine that takes longer. */
	do {
		submit_many(_metadata, self, &sqe, commands());
		ASSERT_EQ(0, ring_info(self->w.ring.fd, &info));
	} while (!info.refused);
	self->stop = 1;
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	check_canaries(_metadata, self);
	EXPECT_LT(info.refused, info.completed);
	EXPECT_EQ(info.submitted, info.completed);
}

/* ---- ranges in memory ---- */

struct dsm_range {
	uint32_t attributes;
	uint32_t nlb;
	uint64_t slba;
};

struct copy_range {
	uint64_t reserved;
	uint64_t slba;
	uint16_t nlb;
	uint8_t rest[14];
};

static void *scribble_ranges(void *data)
{
	static const uint64_t slbas[] = {
		OWN_SLBA, OWN_SLBA, OWN_SLBA + 16, 0, OWN_SLBA + OWN - 4,
		OWN_SLBA + OWN, OWN_SLBA - 1,
	};
	static const uint16_t nlbs[] = { 1, 4, 8, 16, 300 };
	struct race_data *self = data;
	void *memory = self->memory + IN_MIDDLE;
	struct dsm_range *dsm = memory;
	struct copy_range *copy = memory + DEVICE_PAGE;
	uint32_t random = next_seed(self);

	run_on(1);
	while (!stopped(self)) {
		uint32_t i = next_random(&random) % 4;

		put(dsm[i].slba, htole64(slbas[any(&random, slbas)]));
		put(dsm[i].nlb, htole32(nlbs[any(&random, nlbs)]));
		put(copy[i].slba, htole64(slbas[any(&random, slbas)]));
		put(copy[i].nlb, htole16(nlbs[any(&random, nlbs)]));
	}
	return NULL;
}

TEST_F(race, ranges_rewritten_while_submitted)
{
	struct usher_sqe dsm = worker_cmd(&self->w, OP_DSM, 0, 1, 0);
	struct usher_sqe copy = worker_cmd(&self->w, OP_COPY, OWN_SLBA + 64, 1, DEVICE_PAGE);
	pthread_t thread;

	memset(self->memory + IN_MIDDLE, 0, 2 * DEVICE_PAGE);
	dsm.cdw10 = htole32(3);
	dsm.cdw11 = htole32(4);
	dsm.cdw12 = 0;
	copy.cdw12 = htole32(3);
	self->seed = random_seed();
	ASSERT_EQ(0, pthread_create(&thread, NULL, scribble_ranges, self));
	submit_many(_metadata, self, &dsm, commands() / 4);
	submit_many(_metadata, self, &copy, commands() / 4);
	self->stop = 1;
	pthread_join(thread, NULL);
	check_canaries(_metadata, self);
}

/* ---- indices ---- */

static void *scribble_indices(void *data)
{
	static const uint32_t steps[] = {
		0, 1, 2, -1, ENTRIES, ENTRIES + 1, 0x80000000
	};
	struct race_data *self = data;
	struct usher_ring_ctl *ctl = self->w.ring.ctl;
	uint32_t random = next_seed(self);

	run_on(1);
	while (!stopped(self)) {
		put(ctl->sq_tail, ctl->sq_head + steps[any(&random, steps)]);
		put(ctl->cq_head, ctl->cq_tail + (next_random(&random) & 1 ? 0 :
						  steps[any(&random, steps)]));
		put(ctl->sq_head, next_random(&random));
		put(ctl->flags, next_random(&random));
	}
	return NULL;
}

TEST_F(race, indices_rewritten)
{
	int rounds = is_debug_kernel() ? 5 : 20, round, ret, i, k;
	struct usher_ring_info info;
	pthread_t thread;

	self->seed = random_seed();
	for (round = 0; round < rounds; round++) {
		for (i = 0; i < ENTRIES; i++)
			self->w.ring.sq[i] = worker_cmd(&self->w, OP_WRITE,
							OWN_SLBA + i, 1, i * 512);
		self->stop = 0;
		ASSERT_EQ(0, pthread_create(&thread, NULL, scribble_indices, self));
		for (k = 0, ret = 0; k < 100000 && ret != -EBADFD; k++) {
			ret = ring_enter_until(&self->w.ring, 4, 1, 1);
			ASSERT_TRUE(ret >= 0 || ret == -EBADFD || ret == -ETIME ||
				    ret == -EAGAIN)
				TH_LOG("ENTER: %d", ret);
		}
		self->stop = 1;
		pthread_join(thread, NULL);
		EXPECT_EQ(-EBADFD, ret);
		/* What it had taken completes all the same. */
		EXPECT_TRUE(wait_until(!ring_info(self->w.ring.fd, &info) &&
				       info.submitted == info.completed));
		ring_close(&self->w.ring);
		ASSERT_EQ(0, ring_open(&self->w.ring, self->w.grant, ENTRIES, 0));
	}
	check_canaries(_metadata, self);
}

/* ---- buffers that come and go ---- */

/*
 * Memory is released after the call, and the next registration maps it once
 * more: DMA debugging allows for seven mappings of one cache line.
 */
static void few_registrations(struct race_data *self)
{
	struct usher_grant_info info;

	while (!stopped(self) && !grant_info(self->w.grant, &info) &&
	       info.used.pinned_bytes > 5 * REGISTERED)
		sched_yield();
}

static void *register_and_unregister(void *data)
{
	struct race_data *self = data;
	struct usher_grant_info info;
	int id;

	run_on(1);
	while (!stopped(self)) {
		few_registrations(self);
		/* DMA debugging counts to 7 mappings of one page. */
		while (!grant_info(self->w.grant, &info) &&
		       info.used.pinned_bytes > 5 * REGISTERED)
			sched_yield();
		id = buf_register(self->w.grant, self->memory + IN_MIDDLE,
				  REGISTERED, 0);
		if (id < 0)
			return (void *)(long)id;
		__atomic_store_n(&self->w.buf, id, __ATOMIC_RELAXED);
		buf_unregister(self->w.grant, id);
	}
	return NULL;
}

TEST_F(race, buffers_come_and_go)
{
	uint32_t rounds = is_debug_kernel() ? 100 : 800, round, i;
	struct usher_grant_info info;
	pthread_t thread;
	struct usher_sqe sqe;
	struct usher_cqe cqe;
	void *failed;

	ASSERT_EQ(0, buf_unregister(self->w.grant, self->w.buf));
	ASSERT_EQ(0, pthread_create(&thread, NULL, register_and_unregister, self));
	for (round = 0; round < rounds; round++) {
		for (i = 0; i < 8; i++) {
			sqe = worker_cmd(&self->w, OP_READ, OWN_SLBA, 8, 0);
			sqe.dptr.buf = htole32(__atomic_load_n(&self->w.buf,
							       __ATOMIC_RELAXED));
			ring_push(&self->w.ring, &sqe);
		}
		ASSERT_EQ(8, ring_enter(&self->w.ring, 8, 8));
		for (i = 0; i < 8; i++) {
			ASSERT_TRUE(ring_pop(&self->w.ring, &cqe));
			ASSERT_TRUE(!cqe.status ||
				    ring_status(&cqe) == SC_INVALID_FIELD)
				TH_LOG("status %#x", ring_status(&cqe));
		}
	}
	self->stop = 1;
	pthread_join(thread, &failed);
	EXPECT_EQ(NULL, failed);
	EXPECT_EQ(0, buf_unregister(self->w.grant, self->rdonly));
	EXPECT_TRUE(wait_until(!grant_info(self->w.grant, &info) &&
			       !info.used.pinned_bytes));
	check_canaries(_metadata, self);
}

/* The highest id that a buffer has when it is registered for others to unregister */
#define MAX_GUESS	16

static void *register_for_others(void *data)
{
	const struct sched_param none = {};
	struct race_data *self = data;
	int id;

	run_on(0);
	/* Whoever wakes on this CPU runs at once, wherever in the call this thread is. */
	if (sched_setscheduler(0, SCHED_IDLE, &none))
		return (void *)(long)-errno;
	while (!stopped(self)) {
		few_registrations(self);
		id = buf_register(self->w.grant, self->memory + IN_MIDDLE, REGISTERED, 0);
		if (id < 0 || id > MAX_GUESS)
			return (void *)(long)(id < 0 ? id : -ERANGE);
	}
	return NULL;
}

/* Not even told what they are */
static void *unregister_guessed(void *data)
{
	struct race_data *self = data;
	int id;

	run_on(1);
	while (!stopped(self))
		for (id = self->rdonly + 1; id <= MAX_GUESS; id++)
			buf_unregister(self->w.grant, id);
	return NULL;
}

/* In front of the thread that registers, until its buffer is gone: 20 ms at most */
static void outlive_buffer(struct race_data *self)
{
	uint64_t end = now_ms() + 20;
	struct usher_grant_info info;

	while (!grant_info(self->w.grant, &info) &&
	       info.used.pinned_bytes > 2 * REGISTERED && now_ms() < end)
		;
}

TEST_F(race, buffers_unregistered_as_they_are_registered)
{
	uint32_t rounds = is_debug_kernel() ? 500 : 2000, round, random;
	struct usher_grant_info info;
	pthread_t threads[2];
	void *failed;
	int i;

	random = random_seed();
	ASSERT_EQ(0, pthread_create(&threads[0], NULL, register_for_others, self));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, unregister_guessed, self));
	for (round = 0; round < rounds; round++) {
		usleep(next_random(&random) % 2000);
		outlive_buffer(self);
	}
	self->stop = 1;
	for (i = 0; i < 2; i++) {
		pthread_join(threads[i], &failed);
		EXPECT_EQ(NULL, failed) TH_LOG("%ld", (long)failed);
	}
	for (i = self->rdonly + 1; i <= MAX_GUESS; i++)
		buf_unregister(self->w.grant, i);
	EXPECT_TRUE(wait_until(!grant_info(self->w.grant, &info) &&
			       info.used.pinned_bytes == 2 * REGISTERED));
	check_canaries(_metadata, self);
}

/* ---- close during I/O ---- */

static void *enter_for_ever(void *data)
{
	struct race_data *self = data;
	struct usher_enter arg = {
		.size = sizeof(arg), .flags = USHER_ENTER_DEADLINE,
		.to_submit = ENTRIES, .min_complete = 4,
	};
	int fd = self->w.ring.fd;

	run_on(1);
	while (!stopped(self)) {
		arg.deadline_ns = now_ns() + 2000000;
		if (call(fd, USHER_IOC_ENTER, &arg) == -EBADF)
			break;
	}
	return NULL;
}

TEST_F(race, closed_while_threads_are_in_it)
{
	int rounds = is_debug_kernel() ? 10 : 50, round, i;
	struct usher_grant_info info;
	pthread_t threads[2];
	struct worker w;

	for (round = 0; round < rounds; round++) {
		struct race_data mine = *self;

		ASSERT_EQ(0, worker_open(&w, grant_narrow(self->w.grant, OWN_SLBA,
							  OWN, USHER_RIGHTS_ALL),
					 ENTRIES, MEMORY, round & 1 ?
					 USHER_RING_POLLED : 0));
		mine.w = w;
		mine.stop = 0;
		worker_push(&w, ENTRIES, OWN_SLBA);
		for (i = 0; i < 2; i++)
			ASSERT_EQ(0, pthread_create(&threads[i], NULL,
						    enter_for_ever, &mine));
		worker_close(&w);
		__atomic_store_n(&mine.stop, 1, __ATOMIC_RELAXED);
		for (i = 0; i < 2; i++)
			pthread_join(threads[i], NULL);
	}
	EXPECT_TRUE(wait_until(!grant_info(self->w.grant, &info) &&
			       info.used.rings == 1 &&
			       info.used.pinned_bytes == 2 * REGISTERED));
}

/* ---- revoked during I/O ---- */

static void *narrow_and_work(void *data)
{
	struct race_data *self = data;
	struct worker w;
	int ret;

	run_on(1);
	while (!stopped(self)) {
		if (worker_open(&w, grant_narrow(self->w.grant, OWN_SLBA, OWN,
						 USHER_RIGHTS_ALL), 8, DEVICE_PAGE, 0))
			continue;
		do {
			ret = worker_move(&w, OP_WRITE, OWN_SLBA, 8, 0);
		} while (!ret && !stopped(self));
		worker_close(&w);
		if (ret && ret != -EACCES)
			return (void *)(long)ret;
	}
	return NULL;
}

TEST_F(race, revoked_while_in_use)
{
	int rounds = is_debug_kernel() ? 20 : 100, round, i;
	pthread_t threads[2];
	void *failed;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, narrow_and_work, self));
	for (round = 0; round < rounds; round++)
		ASSERT_EQ(0, grant_revoke(self->w.grant));
	self->stop = 1;
	for (i = 0; i < 2; i++) {
		pthread_join(threads[i], &failed);
		EXPECT_EQ(NULL, failed);
	}
	check_canaries(_metadata, self);
}

TEST_HARNESS_MAIN
