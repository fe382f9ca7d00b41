// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asynchronous events at the worst moment: while the driver starts the controller, or
 * stops it.
 */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "softctrl.h"

/* FIXTURE_DATA(event), in a form that checkpatch reads */
#define _test_data_event	softctrl

FIXTURE(event);

FIXTURE_SETUP(event)
{
	ASSERT_EQ(0, softctrl_setup(self));
}

FIXTURE_TEARDOWN(event)
{
	EXPECT_EQ(0, softctrl_teardown(self));
}

#define UNBOUND_CPUS	"/sys/devices/virtual/workqueue/cpumask"
#define RT_RUNTIME	"/proc/sys/kernel/sched_rt_runtime_us"

/* An event: a notice that namespaces changed; log page 4 tells which */
#define NS_CHANGED	0x040002

/* ---- while it starts ---- */

static void *do_rescan(void *ret)
{
	run_on(0);
	*(int *)ret = fault("rescan", "1");
	return NULL;
}

/* Is anything of usher left at the function? */
static bool is_published(const struct softctrl *self)
{
	char path[128];

	snprintf(path, sizeof(path), DEVICES "%s/usher", self->address);
	if (!access(path, F_OK))
		return true;
	snprintf(path, sizeof(path), DEVICES "%s/driver", self->address);
	return !access(path, F_OK);
}

/*
 * The probe fails when it reads the namespaces. Meanwhile an event came that has
 * them read again, and that would succeed. No node may appear after the failed probe.
 */
TEST_F_TIMEOUT(event, an_event_in_a_failing_probe_brings_nothing_back, 240)
{
	unsigned int i, events;
	pthread_t thread;
	long fetched;
	int ret;

	ASSERT_EQ(0, plug(self, "namespaces=4"));
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, fault("surprise", "orderly"));
		ASSERT_EQ(0, fault("hold", "on qid=0 op=6 slba=2-2"));
		ASSERT_EQ(0, pthread_create(&thread, NULL, do_rescan, &ret));
		ASSERT_TRUE(wait_stat("held", 1));
		ASSERT_EQ(0, fault("hold", "off"));
		fetched = stat_of("fetched");
		events = i % 4 ? NS_CHANGED : 0;
		ASSERT_EQ(0, fault("event", "%#x", events));
		ASSERT_TRUE(wait_stat("fetched", fetched + 1));
		ASSERT_TRUE(quiet());
		ASSERT_EQ(0, fault("release", "fifo 0x4006"));
		ASSERT_EQ(0, pthread_join(thread, NULL));
		EXPECT_EQ(0, ret);
		EXPECT_FALSE(is_published(self));
	}
	ASSERT_EQ(0, fault("surprise", "orderly"));
	ASSERT_EQ(0, fault("rescan", "1"));
	ASSERT_EQ(0, open_node(self));
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 1));
}

/* ---- requests for events that are refused ---- */

static bool grant_is_stale(int grant)
{
	struct usher_grant_info info;

	return !grant_info(grant, &info) && info.state == USHER_GRANT_STALE;
}

/*
 * The controller refuses to be asked for events as often as the driver tries, and once
 * more after a reset. What was before the reset does not count: the driver asks again.
 */
TEST_F_TIMEOUT(event, a_reset_forgets_refused_requests, 240)
{
	ASSERT_EQ(0, start(self, ""));
	ASSERT_TRUE(wait_until(stat_of("aers") == 1));
	ASSERT_EQ(0, fault("fail", "admin 0x0c 0x082 8"));
	ASSERT_EQ(0, fault("event", "%#x", NS_CHANGED));
	EXPECT_TRUE(wait_until(stat_of("aers") == 0));
	EXPECT_TRUE(quiet());
	EXPECT_EQ(0, stat_of("aers"));

	ASSERT_EQ(0, fault("csts_fatal", "1"));
	EXPECT_TRUE(wait_until(stat_of("aers") == 1));
	/* Which only an event tells of */
	ASSERT_EQ(0, fault("ns_format", "1 4096"));
	EXPECT_TRUE(wait_until(grant_is_stale(self->grant)));
}

/* ---- while it stops ---- */

/**
 * struct standstill - while it is on, work items that are not bound to a CPU do not run
 * @cpus: where they may run otherwise
 * @runtime: share of time that real-time threads have otherwise
 * @thread: keeps CPU 1 busy, the only one where they may run
 * @on: it is to go on
 */
struct standstill {
	char cpus[64];
	char runtime[16];
	pthread_t thread;
	bool on;
};

static void *take_cpu(void *arg)
{
	struct sched_param param = { .sched_priority = 1 };
	struct standstill *s = arg;

	run_on(1);
	if (sched_setscheduler(0, SCHED_FIFO, &param))
		return NULL;
	while (__atomic_load_n(&s->on, __ATOMIC_RELAXED))
		;
	return NULL;
}

static int standstill_begin(struct standstill *s)
{
	int ret;

	ret = read_text(UNBOUND_CPUS, s->cpus, sizeof(s->cpus)) ?:
	      read_text(RT_RUNTIME, s->runtime, sizeof(s->runtime)) ?:
	      write_text(UNBOUND_CPUS, "2") ?: write_text(RT_RUNTIME, "-1");
	if (ret)
		return ret;
	s->on = true;
	return -pthread_create(&s->thread, NULL, take_cpu, s);
}

static void standstill_end(struct standstill *s)
{
	__atomic_store_n(&s->on, false, __ATOMIC_RELAXED);
	pthread_join(s->thread, NULL);
	write_text(RT_RUNTIME, s->runtime);
	write_text(UNBOUND_CPUS, s->cpus);
}

/*
 * The last thing that the controller reports is that its namespaces changed. The work
 * item for that cannot run before the device is freed, so it must be cancelled: else the
 * kernel reports that an active object was freed.
 */
TEST_F_TIMEOUT(event, an_event_while_it_is_stopped_leaves_no_work_behind, 240)
{
	static const char * const moments[] = { "shutdown", "disable" };
	struct standstill s = {};
	char text[32];
	unsigned int i;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "one CPU: none is left from which to keep work items away");
	run_on(0);
	ASSERT_EQ(0, plug(self, ""));
	for (i = 0; i < ARRAY_SIZE(moments); i++) {
		ASSERT_EQ(0, open_node(self));
		EXPECT_EQ(0, do_io(self, OP_READ, 1, 1));
		close_all(self);
		ASSERT_TRUE(wait_pins(self->pins));
		ASSERT_EQ(0, fault("event_at", "%s %#x", moments[i], NS_CHANGED));
		ASSERT_EQ(0, standstill_begin(&s));
		EXPECT_EQ(0, write_text(DRIVER "unbind", self->address));
		standstill_end(&s);
		/* The controller did report the event. */
		EXPECT_EQ(0, read_text(DEBUGFS "event_at", text, sizeof(text)));
		EXPECT_STREQ("never", text);
		EXPECT_FALSE(is_published(self));
		ASSERT_EQ(0, fault("surprise", "orderly"));
		ASSERT_EQ(0, fault("rescan", "1"));
	}
}

int main(int argc, char **argv)
{
	softctrl_require();
	return test_harness_run(argc, argv);
}
