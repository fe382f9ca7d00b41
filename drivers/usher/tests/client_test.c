// SPDX-License-Identifier: GPL-2.0-only
/*
 * usher: tests of fairness: who may have how many slots, and who is next. No
 * queue and no ring is needed: slots are numbers here.
 */
#include <kunit/test.h>
#include <linux/prandom.h>

#include "nvme/client.h"

#define SLOTS		15
#define NR_CLIENTS	8

/**
 * struct client_rig - a queue's clients and its slots
 * @clients: under test
 * @client: some of them
 * @nr_free: slots that nobody holds
 */
struct client_rig {
	struct usher_clients clients;
	struct usher_client client[NR_CLIENTS];
	u32 nr_free;
};

static int client_init(struct kunit *test)
{
	struct client_rig *rig = kunit_kzalloc(test, sizeof(*rig), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, rig);
	test->priv = rig;
	usher_clients_init(&rig->clients, SLOTS);
	for (i = 0; i < NR_CLIENTS; i++)
		usher_client_init(&rig->client[i]);
	rig->nr_free = SLOTS;
	return 0;
}

static void client_join(struct kunit *test, struct client_rig *rig, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		KUNIT_ASSERT_EQ(test, usher_client_join(&rig->clients, &rig->client[i]), 0);
}

static u32 client_reserve(struct client_rig *rig, struct usher_client *client, u32 want,
			  enum usher_claim claim)
{
	u32 n = usher_client_reserve(&rig->clients, client, want, rig->nr_free, claim);

	rig->nr_free -= n;
	return n;
}

static bool client_release(struct client_rig *rig, struct usher_client *client, u32 n)
{
	rig->nr_free += n;
	return usher_client_release(&rig->clients, client, n);
}

/* The example of client.h, line by line */
static void client_example(struct kunit *test)
{
	struct client_rig *rig = test->priv;
	struct usher_client *a = &rig->client[0], *b = &rig->client[1], *c = &rig->client[2];

	client_join(test, rig, 3);
	KUNIT_EXPECT_EQ(test, client_reserve(rig, a, 15, USHER_OUT_OF_TURN), 10);
	KUNIT_EXPECT_EQ(test, client_reserve(rig, b, 15, USHER_OUT_OF_TURN), 4);
	KUNIT_EXPECT_EQ(test, client_reserve(rig, b, 11, USHER_OUT_OF_TURN), 0);
	KUNIT_EXPECT_EQ(test, b->state, USHER_CLIENT_WAITING);
	KUNIT_EXPECT_FALSE(test, client_release(rig, a, 10));
	KUNIT_EXPECT_PTR_EQ(test, usher_client_next(&rig->clients, rig->nr_free), b);
	KUNIT_EXPECT_EQ(test, b->state, USHER_CLIENT_TURN);
	KUNIT_EXPECT_EQ(test, b->turn_left, USHER_TURN_BUDGET);
	KUNIT_EXPECT_EQ(test, client_reserve(rig, b, 8, USHER_IN_TURN), 6);
	KUNIT_EXPECT_EQ(test, client_reserve(rig, b, 2, USHER_IN_TURN), 0);
	KUNIT_EXPECT_EQ(test, b->state, USHER_CLIENT_WAITING);
	KUNIT_EXPECT_EQ(test, client_reserve(rig, a, 10, USHER_OUT_OF_TURN), 1);
	KUNIT_EXPECT_EQ(test, client_reserve(rig, a, 9, USHER_OUT_OF_TURN), 0);
	KUNIT_EXPECT_EQ(test, a->state, USHER_CLIENT_WAITING);
	KUNIT_EXPECT_EQ(test, client_reserve(rig, c, 1, USHER_OUT_OF_TURN), 1);
	KUNIT_EXPECT_EQ(test, c->state, USHER_CLIENT_NONE);
}

/* Alone it may have all, and gives nothing away when that is so. */
static void client_alone(struct kunit *test)
{
	struct client_rig *rig = test->priv;

	client_join(test, rig, 1);
	KUNIT_EXPECT_EQ(test, client_reserve(rig, &rig->client[0], 100, USHER_OUT_OF_TURN),
			SLOTS);
	KUNIT_EXPECT_EQ(test, client_reserve(rig, &rig->client[0], 1, USHER_OUT_OF_TURN), 0);
}

/* Each state, and what leads into it */
static void client_states(struct kunit *test)
{
	struct client_rig *rig = test->priv;
	struct usher_client *client = &rig->client[0];

	client_join(test, rig, 2);
	KUNIT_EXPECT_EQ(test, client->state, USHER_CLIENT_NONE);
	usher_client_wait(&rig->clients, client);
	KUNIT_EXPECT_EQ(test, client->state, USHER_CLIENT_WAITING);
	/* Without slots it is nobody's turn. */
	KUNIT_EXPECT_NULL(test, usher_client_next(&rig->clients, 0));
	KUNIT_EXPECT_PTR_EQ(test, usher_client_next(&rig->clients, rig->nr_free), client);
	KUNIT_EXPECT_EQ(test, client->state, USHER_CLIENT_TURN);
	KUNIT_EXPECT_TRUE(test, list_empty(&rig->clients.waiters));
	usher_client_end_turn(&rig->clients, client, true);
	KUNIT_EXPECT_EQ(test, client->state, USHER_CLIENT_WAITING);
	KUNIT_EXPECT_PTR_EQ(test, usher_client_next(&rig->clients, rig->nr_free), client);
	usher_client_end_turn(&rig->clients, client, false);
	KUNIT_EXPECT_EQ(test, client->state, USHER_CLIENT_NONE);

	/* Closed is for good, whatever was under way. */
	usher_client_wait(&rig->clients, client);
	KUNIT_EXPECT_PTR_EQ(test, usher_client_next(&rig->clients, rig->nr_free), client);
	KUNIT_EXPECT_TRUE(test, usher_client_close(client));
	usher_client_end_turn(&rig->clients, client, true);
	usher_client_wait(&rig->clients, client);
	KUNIT_EXPECT_EQ(test, client->state, USHER_CLIENT_CLOSED);
	KUNIT_EXPECT_EQ(test, client_reserve(rig, client, 1, USHER_IN_TURN), 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&rig->clients.waiters));
}

/* Who is busy in its turn bars nobody, and is first when it no longer is. */
static void client_missed_turn(struct kunit *test)
{
	struct client_rig *rig = test->priv;
	struct usher_client *busy = &rig->client[0], *other = &rig->client[1];

	client_join(test, rig, 2);
	KUNIT_EXPECT_FALSE(test, usher_client_resume(&rig->clients, busy));
	usher_client_wait(&rig->clients, busy);
	usher_client_wait(&rig->clients, other);
	KUNIT_EXPECT_PTR_EQ(test, usher_client_next(&rig->clients, rig->nr_free), busy);
	usher_client_miss_turn(busy);
	KUNIT_EXPECT_EQ(test, busy->state, USHER_CLIENT_MISSED);
	KUNIT_EXPECT_PTR_EQ(test, usher_client_next(&rig->clients, rig->nr_free), other);
	usher_client_end_turn(&rig->clients, other, true);

	KUNIT_EXPECT_TRUE(test, usher_client_resume(&rig->clients, busy));
	KUNIT_EXPECT_FALSE(test, usher_client_resume(&rig->clients, busy));
	KUNIT_EXPECT_PTR_EQ(test, usher_client_next(&rig->clients, rig->nr_free), busy);
	KUNIT_EXPECT_EQ(test, busy->turn_left, USHER_TURN_BUDGET);

	/* Closed meanwhile */
	usher_client_miss_turn(busy);
	KUNIT_EXPECT_TRUE(test, usher_client_close(busy));
	KUNIT_EXPECT_FALSE(test, usher_client_resume(&rig->clients, busy));
	usher_client_miss_turn(busy);
	KUNIT_EXPECT_EQ(test, busy->state, USHER_CLIENT_CLOSED);
}

/* Who closes with commands in flight is let go with the last of them. */
static void client_closed_in_flight(struct kunit *test)
{
	struct client_rig *rig = test->priv;
	struct usher_client *client = &rig->client[0];

	client_join(test, rig, 2);
	KUNIT_ASSERT_EQ(test, client_reserve(rig, client, 2, USHER_OUT_OF_TURN), 2);
	KUNIT_EXPECT_FALSE(test, usher_client_close(client));
	KUNIT_EXPECT_FALSE(test, client_release(rig, client, 1));
	KUNIT_EXPECT_TRUE(test, client_release(rig, client, 1));
	usher_client_leave(&rig->clients, client);
	KUNIT_EXPECT_EQ(test, rig->clients.nr, 1);
	KUNIT_EXPECT_EQ(test, rig->clients.nr_idle, 1);
}

/*
 * Whatever clients do, one that holds nothing finds a slot, as long as no more of
 * them are there than slots.
 */
static void client_never_starved(struct kunit *test)
{
	struct client_rig *rig = test->priv;
	struct rnd_state rnd;
	u64 seed = 1;
	u32 round;

	kunit_info(test, "seed %llu\n", seed);
	prandom_seed_state(&rnd, seed);
	client_join(test, rig, NR_CLIENTS);
	for (round = 0; round < 100000; round++) {
		struct usher_client *client = &rig->client[prandom_u32_state(&rnd) % NR_CLIENTS];
		u32 held = client->held;

		if (held && prandom_u32_state(&rnd) & 1) {
			client_release(rig, client, 1 + prandom_u32_state(&rnd) % held);
			continue;
		}
		if (!client_reserve(rig, client, 1 + prandom_u32_state(&rnd) % 20,
				    prandom_u32_state(&rnd) & 1 ? USHER_IN_TURN :
				    USHER_OUT_OF_TURN))
			KUNIT_ASSERT_NE(test, held, 0);
		KUNIT_ASSERT_LE(test, client->held, SLOTS);
	}
}

static struct kunit_case client_cases[] = {
	KUNIT_CASE(client_example),
	KUNIT_CASE(client_alone),
	KUNIT_CASE(client_states),
	KUNIT_CASE(client_missed_turn),
	KUNIT_CASE(client_closed_in_flight),
	KUNIT_CASE(client_never_starved),
	{}
};

static struct kunit_suite client_suite = {
	.name = "usher-client",
	.init = client_init,
	.test_cases = client_cases,
};

kunit_test_suite(client_suite);
