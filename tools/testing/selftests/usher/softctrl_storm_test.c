// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random faults while several threads do I/O, each with a grant and a ring of its own:
 * each command completes once, and in the end nothing is left.
 */
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "softctrl.h"

/* FIXTURE_DATA(storm), in a form that checkpatch reads */
#define _test_data_storm	softctrl

FIXTURE(storm);

FIXTURE_SETUP(storm)
{
	ASSERT_EQ(0, softctrl_setup(self));
}

FIXTURE_TEARDOWN(storm)
{
	EXPECT_EQ(0, softctrl_teardown(self));
}

#define WORKERS		3
#define FAULTS		240

/* Between two faults, at most: rounds of the controller's thread */
#define ROUNDS		50

/**
 * struct stormer - a thread that does random I/O on a ring of its own
 * @env: its grant, ring and buffer
 * @thread: the thread
 * @seed: of its random numbers
 * @stop: it begins no more commands when this is set
 * @outstanding: for each tag, whether its command was given and has not completed
 * @wrong: completions with a tag that was not outstanding
 * @lost: commands that never completed
 * @done: commands that completed
 * @end: what the last call returned
 */
struct stormer {
	struct softctrl env;
	pthread_t thread;
	uint32_t seed;
	bool *stop;
	unsigned int outstanding[ENTRIES];
	unsigned int wrong;
	unsigned int lost;
	unsigned int done;
	int end;
};

static void stormer_reap(struct stormer *w)
{
	struct usher_cqe cqe;
	unsigned int tag;

	while (ring_pop(&w->env.ring, &cqe)) {
		tag = le16toh(cqe.cid);
		if (tag >= ENTRIES || w->outstanding[tag] != 1) {
			w->wrong++;
			continue;
		}
		w->outstanding[tag] = 0;
		w->done++;
	}
}

static unsigned int stormer_fill(struct stormer *w)
{
	unsigned int tag, n = 0;

	for (tag = 0; tag < ENTRIES && n < 8; tag++) {
		if (w->outstanding[tag] || next_random(&w->seed) % 4)
			continue;
		push_io(&w->env, next_random(&w->seed) % 2 ? OP_READ : OP_WRITE,
			next_random(&w->seed) % 1000, 1 + next_random(&w->seed) % 8, tag);
		w->outstanding[tag] = 1;
		n++;
	}
	return n;
}

static unsigned int stormer_inflight(const struct stormer *w)
{
	unsigned int tag, n = 0;

	for (tag = 0; tag < ENTRIES; tag++)
		n += w->outstanding[tag];
	return n;
}

/* Entries that the driver did not take from the ring do not count as lost. */
static void stormer_end(struct stormer *w)
{
	struct usher_ring_ctl *ctl = w->env.ring.ctl;
	uint32_t i;

	stormer_reap(w);
	for (i = ctl->sq_head; i != ctl->sq_tail; i++)
		w->outstanding[le16toh(w->env.ring.sq[i & (w->env.ring.sq_entries - 1)].cid)] = 0;
	w->lost = stormer_inflight(w);
}

static void *work(void *arg)
{
	struct stormer *w = arg;
	uint64_t end = 0;
	uint32_t left;
	int ret;

	for (;;) {
		if (__atomic_load_n(w->stop, __ATOMIC_RELAXED) && !end)
			end = now_ms() + 2 * SOON_MS;
		if (!end && w->env.ring.ctl->sq_tail == w->env.ring.ctl->sq_head)
			stormer_fill(w);
		left = w->env.ring.ctl->sq_tail - w->env.ring.ctl->sq_head;
		ret = enter(&w->env.ring, left, !!stormer_inflight(w), 200);
		stormer_reap(w);
		if (ret < 0 && ret != -ETIME && ret != -EAGAIN)
			break;
		if (end && (!stormer_inflight(w) || now_ms() > end))
			break;
	}
	w->end = ret;
	stormer_end(w);
	return NULL;
}

static void random_fault(uint32_t *seed)
{
	uint32_t r = next_random(seed), queue = r / 16 % (WORKERS + 2);

	switch (r % 10) {
	case 0:
		fault("dup", "%u", r / 16 % 2);
		break;
	case 1:
	case 2:
		fault("inject", "%u %u %#x 0", queue, queue, next_random(seed) & 0xffff);
		break;
	case 3:
		fault("garbage", "%u %u %u", queue, 1 + r / 64 % 16, next_random(seed));
		break;
	case 4:
		fault("hold", r / 16 % 2 ? "on op=2" : "off");
		break;
	case 5:
		fault("release", r / 16 % 2 ? "fifo" : "reverse");
		break;
	case 6:
		fault("abort", r / 16 % 3 ? (r / 16 % 3 == 1 ? "real" : "ignore") : "silent");
		break;
	case 7:
		fault("delay_us", "%u", r / 16 % 3 * 1000);
		break;
	case 8:
		fault("fail", "io %u 0x4006 %u", 1 + r / 16 % 2, 1 + r / 64 % 4);
		break;
	default:
		if (r / 16 % 8 == 0)
			fault("csts_fatal", "1");
	}
}

/* Each command completes once, whatever the device does, and all memory is released. */
TEST_F_TIMEOUT(storm, a_storm_of_faults_loses_nothing, 240)
{
	static struct stormer workers[WORKERS];
	uint32_t seed = random_seed();
	unsigned int i;
	bool stop = false;

	ASSERT_EQ(0, write_text(IO_TIMEOUT, "1"));
	ASSERT_EQ(0, plug(self, ""));
	memset(workers, 0, sizeof(workers));
	for (i = 0; i < WORKERS; i++) {
		struct stormer *w = &workers[i];

		w->env = *self;
		w->env.mem = self->mem;
		w->seed = seed + i + 1;
		w->stop = &stop;
		ASSERT_EQ(0, open_node(&w->env));
	}
	for (i = 0; i < WORKERS; i++)
		ASSERT_EQ(0, pthread_create(&workers[i].thread, NULL, work, &workers[i]));

	for (i = 0; i < FAULTS; i++) {
		random_fault(&seed);
		ASSERT_TRUE(wait_stat("rounds", stat_of("rounds") + next_random(&seed) % ROUNDS));
	}
	TH_LOG("%ld commands, %ld aborts, %ld resets", stat_of("fetched"), stat_of("aborts"),
	       stat_of("enables") - 1);
	fault("clear", "1");
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);

	for (i = 0; i < WORKERS; i++) {
		struct stormer *w = &workers[i];

		ASSERT_EQ(0, pthread_join(w->thread, NULL));
		TH_LOG("worker %u: %u completions, end %d", i, w->done, w->end);
		EXPECT_EQ(0, w->wrong);
		EXPECT_EQ(0, w->lost);
		EXPECT_LT(0, w->done);
		EXPECT_TRUE(w->end >= 0 || w->end == -ENODEV || w->end == -ETIME ||
			    w->end == -EAGAIN);
		close_all(&w->env);
	}
	EXPECT_TRUE(wait_pins(self->pins));
}

int main(int argc, char **argv)
{
	softctrl_require();
	return test_harness_run(argc, argv);
}
