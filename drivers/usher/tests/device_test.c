// SPDX-License-Identifier: GPL-2.0-only
/*
 * usher: tests of a device's states and of the sections that depend on them.
 */
#include <linux/kthread.h>

#include "rig.h"

#define NR_STATES	(USHER_GONE + 1)

/**
 * struct device_rig - a device, and a thread that wants into a section of it
 * @dev: the device under test
 * @ret: what the thread got
 * @done: the thread has it
 */
struct device_rig {
	struct usher_rig dev;
	int ret;
	struct completion done;
};

static void device_exit(struct kunit *test)
{
	struct device_rig *rig = test->priv;

	if (!rig)
		return;
	usher_rig_exit(test, &rig->dev);
}

static int device_init(struct kunit *test)
{
	struct device_rig *rig = kunit_kzalloc(test, sizeof(*rig), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, rig);
	test->priv = rig;
	init_completion(&rig->done);
	usher_rig_init(test, &rig->dev, "usher-device");
	return 0;
}

/* ---- transitions: each legal and illegal one ---------------------------- */

struct device_step {
	const char *name;
	enum usher_state from;
	enum usher_state to;
	bool legal;
};

static const struct device_step device_steps[] = {
	{ "NEW to NEW", USHER_NEW, USHER_NEW, false },
	{ "NEW to LIVE", USHER_NEW, USHER_LIVE, true },
	{ "NEW to RESETTING", USHER_NEW, USHER_RESETTING, false },
	{ "NEW to GONE", USHER_NEW, USHER_GONE, true },
	{ "LIVE to NEW", USHER_LIVE, USHER_NEW, false },
	{ "LIVE to LIVE", USHER_LIVE, USHER_LIVE, false },
	{ "LIVE to RESETTING", USHER_LIVE, USHER_RESETTING, true },
	{ "LIVE to GONE", USHER_LIVE, USHER_GONE, true },
	{ "RESETTING to NEW", USHER_RESETTING, USHER_NEW, false },
	{ "RESETTING to LIVE", USHER_RESETTING, USHER_LIVE, true },
	{ "RESETTING to RESETTING", USHER_RESETTING, USHER_RESETTING, false },
	{ "RESETTING to GONE", USHER_RESETTING, USHER_GONE, true },
	{ "GONE to NEW", USHER_GONE, USHER_NEW, false },
	{ "GONE to LIVE", USHER_GONE, USHER_LIVE, false },
	{ "GONE to RESETTING", USHER_GONE, USHER_RESETTING, false },
	{ "GONE to GONE", USHER_GONE, USHER_GONE, false },
};

KUNIT_ARRAY_PARAM_DESC(device_step, device_steps, name);

static void device_transition(struct kunit *test)
{
	const struct device_step *step = test->param_value;
	struct device_rig *rig = test->priv;

	KUNIT_EXPECT_EQ(test, usher_state_legal(step->from, step->to), step->legal);
	rig->dev.ud.state = step->from;
	KUNIT_EXPECT_EQ(test, usher_dev_set_state(&rig->dev.ud, step->to), step->legal);
	KUNIT_EXPECT_EQ(test, usher_dev_state(&rig->dev.ud), step->legal ? step->to : step->from);
}

/* ---- sections ----------------------------------------------------------- */

static const int device_enter_answers[NR_STATES] = {
	[USHER_NEW] = -EAGAIN,
	[USHER_LIVE] = 0,
	[USHER_RESETTING] = -EAGAIN,
	[USHER_GONE] = -ENODEV,
};

static void device_enter(struct kunit *test)
{
	struct device_rig *rig = test->priv;
	enum usher_state state;
	int idx;

	for (state = USHER_NEW; state < NR_STATES; state++) {
		rig->dev.ud.state = state;
		KUNIT_EXPECT_EQ(test, usher_dev_enter(&rig->dev.ud, &idx),
				device_enter_answers[state]);
		if (state == USHER_LIVE)
			usher_dev_exit(&rig->dev.ud, idx);
		/* Would wait for ever if a refused call had stayed inside. */
		synchronize_srcu(&rig->dev.ud.srcu);
	}
}

static void device_enter_slow(struct kunit *test)
{
	struct device_rig *rig = test->priv;
	int idx;

	KUNIT_EXPECT_EQ(test, usher_dev_enter_slow(&rig->dev.ud, &idx), 0);
	/* Who waits for these sections is not who waits for the quick ones. */
	synchronize_srcu(&rig->dev.ud.srcu);
	usher_dev_exit_slow(&rig->dev.ud, idx);
	rig->dev.ud.state = USHER_GONE;
	KUNIT_EXPECT_EQ(test, usher_dev_enter_slow(&rig->dev.ud, &idx), -ENODEV);
	synchronize_srcu(&rig->dev.ud.slow);
}

static void device_enter_deadline(struct kunit *test)
{
	struct device_rig *rig = test->priv;
	int idx;

	rig->dev.ud.state = USHER_RESETTING;
	KUNIT_EXPECT_EQ(test, usher_dev_enter_until(&rig->dev.ud, &idx, 0), -ETIME);
	KUNIT_EXPECT_EQ(test, usher_dev_enter_until(&rig->dev.ud, &idx,
						    ktime_add_ms(ktime_get(), 1)), -ETIME);
	rig->dev.ud.state = USHER_GONE;
	KUNIT_EXPECT_EQ(test, usher_dev_enter_until(&rig->dev.ud, &idx, KTIME_MAX), -ENODEV);
	rig->dev.ud.state = USHER_LIVE;
	/* Nobody needs to wait, so nobody comes too late. */
	KUNIT_EXPECT_EQ(test, usher_dev_enter_until(&rig->dev.ud, &idx, 0), 0);
	usher_dev_exit(&rig->dev.ud, idx);
}

static int device_enter_thread(void *data)
{
	struct device_rig *rig = data;
	int idx;

	rig->ret = usher_dev_enter_until(&rig->dev.ud, &idx, KTIME_MAX);
	if (!rig->ret)
		usher_dev_exit(&rig->dev.ud, idx);
	complete(&rig->done);
	return 0;
}

struct device_end {
	const char *name;
	enum usher_state to;
	int want;
};

static const struct device_end device_ends[] = {
	{ "reset ends well", USHER_LIVE, 0 },
	{ "reset ends badly", USHER_GONE, -ENODEV },
};

KUNIT_ARRAY_PARAM_DESC(device_end, device_ends, name);

/* Who waits for the end of a reset learns of it, whatever it is. */
static void device_enter_waits(struct kunit *test)
{
	const struct device_end *end = test->param_value;
	struct device_rig *rig = test->priv;
	struct task_struct *task;

	rig->dev.ud.state = USHER_RESETTING;
	task = kthread_run(device_enter_thread, rig, "usher-enter");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	while (!wq_has_sleeper(&rig->dev.ud.wait) && !completion_done(&rig->done))
		cond_resched();
	KUNIT_EXPECT_FALSE(test, completion_done(&rig->done));
	KUNIT_EXPECT_TRUE(test, usher_dev_set_state(&rig->dev.ud, end->to));
	KUNIT_ASSERT_NE(test, wait_for_completion_timeout(&rig->done, 60 * HZ), 0);
	KUNIT_EXPECT_EQ(test, rig->ret, end->want);
}

/* ---- faults ------------------------------------------------------------- */

/* Only a live device is reset; faults that come together are one. */
static void device_fault(struct kunit *test)
{
	struct device_rig *rig = test->priv;
	enum usher_state state;

	for (state = USHER_NEW; state < NR_STATES; state++) {
		rig->dev.faults = 0;
		rig->dev.ud.state = state;
		usher_dev_fault(&rig->dev.ud, "a test says so");
		flush_work(&rig->dev.reset_work);
		KUNIT_EXPECT_EQ(test, rig->dev.faults, state == USHER_LIVE);
	}
}

static struct kunit_case device_cases[] = {
	KUNIT_CASE_PARAM(device_transition, device_step_gen_params),
	KUNIT_CASE(device_enter),
	KUNIT_CASE(device_enter_slow),
	KUNIT_CASE(device_enter_deadline),
	KUNIT_CASE_PARAM(device_enter_waits, device_end_gen_params),
	KUNIT_CASE(device_fault),
	{}
};

static struct kunit_suite device_suite = {
	.name = "usher-device",
	.init = device_init,
	.exit = device_exit,
	.test_cases = device_cases,
};

kunit_test_suite(device_suite);
