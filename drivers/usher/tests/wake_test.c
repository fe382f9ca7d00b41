// SPDX-License-Identifier: GPL-2.0-only
/* usher: tests of waking those who wait, a few at a time. */
#include <kunit/test.h>
#include <linux/poll.h>
#include <linux/wait.h>

#include "core/wake.h"

#define MANY	(3 * USHER_WAKES + 1)

/**
 * struct wake_waiter - somebody who waits
 * @entry: in wake_rig.wait
 * @woken: how often it was woken
 * @events: with which events, the last time; a plain number, which KUnit can print
 * @leaves: it leaves the list when it is woken, as a thread does
 * @takes: another that leaves with it, or NULL
 * @brings: another that comes when it is woken, or NULL
 */
struct wake_waiter {
	struct wait_queue_entry entry;
	u32 woken;
	u32 events;
	bool leaves;
	struct wake_waiter *takes;
	struct wake_waiter *brings;
};

/**
 * struct wake_rig - those who wait
 * @wait: where
 * @waiters: in the order in which they are woken
 */
struct wake_rig {
	struct wait_queue_head wait;
	struct wake_waiter waiters[MANY];
};

static int wake_waiter_func(struct wait_queue_entry *entry, unsigned int mode, int sync,
			    void *key)
{
	struct wake_waiter *w = container_of(entry, struct wake_waiter, entry);

	w->woken++;
	w->events = (__force u32)key_to_poll(key);
	if (w->takes)
		list_del_init(&w->takes->entry.entry);
	if (w->brings)
		list_add(&w->brings->entry.entry, entry->entry.prev);
	if (w->leaves)
		list_del_init(&entry->entry);
	return 1;
}

static int wake_init(struct kunit *test)
{
	struct wake_rig *rig = kunit_kzalloc(test, sizeof(*rig), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, rig);
	init_waitqueue_head(&rig->wait);
	for (i = 0; i < MANY; i++)
		init_waitqueue_func_entry(&rig->waiters[i].entry, wake_waiter_func);
	test->priv = rig;
	return 0;
}

static void wake_add(struct wake_rig *rig, u32 n)
{
	while (n--)
		add_wait_queue(&rig->wait, &rig->waiters[n].entry);
}

static void wake_few(struct kunit *test)
{
	struct wake_rig *rig = test->priv;
	u32 i;

	KUNIT_EXPECT_TRUE(test, usher_wake_few(&rig->wait, EPOLLIN, 0));
	wake_add(rig, 3);
	KUNIT_EXPECT_FALSE(test, usher_wake_few(&rig->wait, EPOLLIN, 2));
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, rig->waiters[i].woken, 0);
	KUNIT_EXPECT_TRUE(test, usher_wake_few(&rig->wait, EPOLLIN, 3));
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, rig->waiters[i].woken, 1);
		KUNIT_EXPECT_EQ(test, rig->waiters[i].events, (__force u32)EPOLLIN);
	}
}

/* Each once, in passes, and the list is as it was. */
static void wake_many(struct kunit *test)
{
	struct wake_rig *rig = test->priv;
	struct wait_queue_entry *entry;
	u32 i = 0;

	wake_add(rig, MANY);
	usher_wake_poll(&rig->wait, EPOLLOUT);
	list_for_each_entry(entry, &rig->wait.head, entry)
		KUNIT_EXPECT_PTR_EQ(test, entry, &rig->waiters[i++].entry);
	KUNIT_EXPECT_EQ(test, i, MANY);
	for (i = 0; i < MANY; i++) {
		KUNIT_EXPECT_EQ(test, rig->waiters[i].woken, 1);
		KUNIT_EXPECT_EQ(test, rig->waiters[i].events, (__force u32)EPOLLOUT);
	}
}

static void wake_nobody(struct kunit *test)
{
	struct wake_rig *rig = test->priv;

	usher_wake_poll(&rig->wait, EPOLLIN);
	usher_wake_all(&rig->wait);
	KUNIT_EXPECT_TRUE(test, list_empty(&rig->wait.head));
}

/* They leave as they are woken, and the last one takes away who would be next. */
static void wake_leaving(struct kunit *test)
{
	struct wake_rig *rig = test->priv;
	u32 i;

	for (i = 0; i < MANY; i++)
		rig->waiters[i].leaves = true;
	rig->waiters[USHER_WAKES - 1].takes = &rig->waiters[USHER_WAKES + 1];
	wake_add(rig, MANY);
	usher_wake_poll(&rig->wait, EPOLLIN);
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_EQ(test, rig->waiters[i].woken, i != USHER_WAKES + 1);
	KUNIT_EXPECT_TRUE(test, list_empty(&rig->wait.head));
}

/* Who comes while others are woken, ahead of them, makes it no longer. */
static void wake_coming(struct kunit *test)
{
	struct wake_rig *rig = test->priv;
	u32 i;

	rig->waiters[0].brings = &rig->waiters[MANY - 1];
	wake_add(rig, MANY - 1);
	usher_wake_poll(&rig->wait, EPOLLIN);
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_EQ(test, rig->waiters[i].woken, i != MANY - 1);
}

/* Of those who wait exclusively one, and all others; but all when it is said so. */
static void wake_exclusive(struct kunit *test)
{
	struct wake_rig *rig = test->priv;
	u32 i;

	for (i = 0; i < USHER_WAKES; i++)
		add_wait_queue(&rig->wait, &rig->waiters[i].entry);
	for (; i < MANY; i++)
		add_wait_queue_exclusive(&rig->wait, &rig->waiters[i].entry);
	usher_wake_poll(&rig->wait, EPOLLIN);
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_EQ(test, rig->waiters[i].woken, i <= USHER_WAKES);
	usher_wake_all(&rig->wait);
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_EQ(test, rig->waiters[i].woken, 1 + (i <= USHER_WAKES));
	KUNIT_EXPECT_EQ(test, rig->waiters[0].events, 0);
}

static void wake_one(struct kunit *test)
{
	struct wake_rig *rig = test->priv;
	u32 i;

	for (i = 0; i < MANY; i++) {
		rig->waiters[i].leaves = true;
		add_wait_queue_exclusive(&rig->wait, &rig->waiters[i].entry);
	}
	usher_wake_one(&rig->wait);
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_EQ(test, rig->waiters[i].woken, !i);
}

static struct kunit_case wake_cases[] = {
	KUNIT_CASE(wake_few),
	KUNIT_CASE(wake_many),
	KUNIT_CASE(wake_nobody),
	KUNIT_CASE(wake_leaving),
	KUNIT_CASE(wake_coming),
	KUNIT_CASE(wake_exclusive),
	KUNIT_CASE(wake_one),
	{}
};

static struct kunit_suite wake_suite = {
	.name = "usher-wake",
	.init = wake_init,
	.test_cases = wake_cases,
};

kunit_test_suite(wake_suite);
