// SPDX-License-Identifier: GPL-2.0-only
/* usher: tests of the table of buffers by id. */
#include <kunit/test.h>
#include <linux/slab.h>

#include "grant/buffer.h"

#define NR_BUFS		100	/* the table grows three times */

struct bufs_rig {
	struct usher_buf_table bufs;
	struct usher_buffer *buf[NR_BUFS + 1];	/* by id */
};

static void bufs_release(struct percpu_ref *ref)
{
}

static struct usher_buffer *bufs_get(struct bufs_rig *rig, u32 id)
{
	struct usher_buffer *buf;

	rcu_read_lock();
	buf = usher_buffer_get(&rig->bufs, id);
	rcu_read_unlock();
	if (buf)
		percpu_ref_put(&buf->ref);
	return buf;
}

static u32 bufs_reserve(struct kunit *test, struct bufs_rig *rig)
{
	u32 id = 0;

	KUNIT_ASSERT_EQ(test, usher_buf_table_reserve(&rig->bufs, &id), 0);
	return id;
}

static void bufs_add(struct kunit *test, struct bufs_rig *rig)
{
	struct usher_buffer *buf = kunit_kzalloc(test, sizeof(*buf), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	KUNIT_ASSERT_EQ(test, percpu_ref_init(&buf->ref, bufs_release, PERCPU_REF_INIT_ATOMIC,
					      GFP_KERNEL), 0);
	buf->id = bufs_reserve(test, rig);
	KUNIT_ASSERT_LE(test, buf->id, NR_BUFS);
	rig->buf[buf->id] = buf;
	/* Reserved is not there yet. */
	KUNIT_EXPECT_NULL(test, bufs_get(rig, buf->id));
	KUNIT_EXPECT_NULL(test, usher_buf_table_take(&rig->bufs, buf->id));
	usher_buf_table_set(&rig->bufs, buf->id, buf);
}

static int bufs_init(struct kunit *test)
{
	struct bufs_rig *rig = kunit_kzalloc(test, sizeof(*rig), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, rig);
	usher_buf_table_init(&rig->bufs);
	test->priv = rig;
	return 0;
}

static void bufs_exit(struct kunit *test)
{
	struct bufs_rig *rig = test->priv;
	u32 id;

	if (!rig)
		return;
	for (id = 1; id < usher_buf_table_end(&rig->bufs); id++)
		usher_buf_table_take(&rig->bufs, id);
	for (id = 0; id <= NR_BUFS; id++)
		if (rig->buf[id])
			percpu_ref_exit(&rig->buf[id]->ref);
	usher_buf_table_destroy(&rig->bufs);
}

static void bufs_empty(struct kunit *test)
{
	struct bufs_rig *rig = test->priv;

	KUNIT_EXPECT_NULL(test, bufs_get(rig, 0));
	KUNIT_EXPECT_NULL(test, bufs_get(rig, 1));
	KUNIT_EXPECT_NULL(test, bufs_get(rig, U32_MAX));
	KUNIT_EXPECT_NULL(test, usher_buf_table_take(&rig->bufs, 0));
	KUNIT_EXPECT_NULL(test, usher_buf_table_take(&rig->bufs, U32_MAX));
	KUNIT_EXPECT_EQ(test, usher_buf_table_end(&rig->bufs), 0);
}

/* Whatever was there stays there when the table grows. */
static void bufs_grow(struct kunit *test)
{
	struct bufs_rig *rig = test->priv;
	u32 n, id;

	for (n = 1; n <= NR_BUFS; n++) {
		bufs_add(test, rig);
		for (id = 1; id <= n; id++)
			KUNIT_ASSERT_PTR_EQ(test, bufs_get(rig, id), rig->buf[id]);
		KUNIT_EXPECT_NULL(test, bufs_get(rig, n + 1));
		KUNIT_EXPECT_NULL(test, bufs_get(rig, 0));
	}
	KUNIT_EXPECT_NULL(test, bufs_get(rig, usher_buf_table_end(&rig->bufs)));
	KUNIT_EXPECT_NULL(test, bufs_get(rig, U32_MAX));
}

/* Many ids are reserved before the first of them is used. */
static void bufs_reserve_ahead(struct kunit *test)
{
	struct bufs_rig *rig = test->priv;
	u32 i;

	for (i = 1; i <= 5 * NR_BUFS; i++)
		KUNIT_ASSERT_EQ(test, bufs_reserve(test, rig), i);
	KUNIT_EXPECT_GT(test, usher_buf_table_end(&rig->bufs), 5 * NR_BUFS);
	for (i = 1; i <= 5 * NR_BUFS; i++)
		usher_buf_table_unreserve(&rig->bufs, i);
	KUNIT_EXPECT_EQ(test, bufs_reserve(test, rig), 1);
	usher_buf_table_unreserve(&rig->bufs, 1);
}

/* Once out, nobody finds it, and the id is free. */
static void bufs_take(struct kunit *test)
{
	struct bufs_rig *rig = test->priv;
	struct usher_buffer *buf;
	u32 i;

	for (i = 0; i < 20; i++)
		bufs_add(test, rig);
	buf = rig->buf[7];
	KUNIT_EXPECT_PTR_EQ(test, usher_buf_table_take(&rig->bufs, 7), buf);
	KUNIT_EXPECT_NULL(test, bufs_get(rig, 7));
	KUNIT_EXPECT_NULL(test, usher_buf_table_take(&rig->bufs, 7));
	KUNIT_EXPECT_PTR_EQ(test, bufs_get(rig, 8), rig->buf[8]);
	percpu_ref_exit(&buf->ref);
	rig->buf[7] = NULL;
	bufs_add(test, rig);
	KUNIT_EXPECT_NOT_NULL(test, rig->buf[7]);
	KUNIT_EXPECT_PTR_EQ(test, bufs_get(rig, 7), rig->buf[7]);
}

/* A buffer on its way out is in the table for a moment, and not found. */
static void bufs_dying(struct kunit *test)
{
	struct bufs_rig *rig = test->priv;

	bufs_add(test, rig);
	percpu_ref_kill(&rig->buf[1]->ref);
	KUNIT_EXPECT_NULL(test, bufs_get(rig, 1));
}

static struct kunit_case bufs_cases[] = {
	KUNIT_CASE(bufs_empty),
	KUNIT_CASE(bufs_grow),
	KUNIT_CASE(bufs_reserve_ahead),
	KUNIT_CASE(bufs_take),
	KUNIT_CASE(bufs_dying),
	{}
};

static struct kunit_suite bufs_suite = {
	.name = "usher-buf-table",
	.init = bufs_init,
	.exit = bufs_exit,
	.test_cases = bufs_cases,
};

kunit_test_suite(bufs_suite);
