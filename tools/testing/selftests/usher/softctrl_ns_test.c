// SPDX-License-Identifier: GPL-2.0-only
/*
 * Namespaces that change or go away: grants on what was there before are of no use any
 * more, and no command of theirs reaches the device.
 */
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "softctrl.h"

/* FIXTURE_DATA(ns), in a form that checkpatch reads */
#define _test_data_ns	softctrl

FIXTURE(ns);

FIXTURE_SETUP(ns)
{
	ASSERT_EQ(0, softctrl_setup(self));
}

FIXTURE_TEARDOWN(ns)
{
	EXPECT_EQ(0, softctrl_teardown(self));
}

static bool grant_is(int grant, unsigned int state)
{
	struct usher_grant_info info;

	return !grant_info(grant, &info) && info.state == state;
}

/* To be tried again: at first the node may be that of the old namespace. */
static bool reopen_node(struct softctrl *self)
{
	close_all(self);
	return !open_node(self) && grant_is(self->grant, USHER_GRANT_LIVE);
}

static void expect_stale(struct __test_metadata *_metadata, struct softctrl *self)
{
	long fetched;

	ASSERT_TRUE(wait_until(grant_is(self->grant, USHER_GRANT_STALE)));
	fetched = io_fetched();
	ASSERT_LE(0, fetched);
	EXPECT_EQ(-ESTALE, submit_io(self, OP_READ, 1, 1));
	EXPECT_EQ(-ESTALE, buf_register(self->grant, self->mem, 4096, 0));
	EXPECT_EQ(fetched, io_fetched());
}

TEST_F_TIMEOUT(ns, another_block_size_ends_grants, 120)
{
	struct usher_grant_info info;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, do_io(self, OP_READ, 1, 1));
	ASSERT_EQ(0, fault("ns_format", "1 4096"));
	expect_stale(_metadata, self);
	ASSERT_TRUE(wait_until(reopen_node(self)));
	ASSERT_EQ(0, grant_info(self->grant, &info));
	EXPECT_EQ(12, info.lba_shift);
	EXPECT_EQ(16 * 256, info.ns_blocks);
}

TEST_F_TIMEOUT(ns, extended_metadata_count, 120)
{
	struct usher_grant_info info;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, fault("ns_format", "1 512 8 1"));
	expect_stale(_metadata, self);
	ASSERT_TRUE(wait_until(reopen_node(self)));
	ASSERT_EQ(0, grant_info(self->grant, &info));
	EXPECT_EQ(9, info.lba_shift);
	EXPECT_EQ(520, info.lba_bytes);
	EXPECT_EQ(8, info.metadata_bytes);
}

TEST_F_TIMEOUT(ns, another_namespace_ends_grants, 120)
{
	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, fault("ns_replace", "1"));
	expect_stale(_metadata, self);
}

/* Nothing but its UUID tells it from the one before. */
TEST_F_TIMEOUT(ns, another_uuid_ends_grants, 120)
{
	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, fault("ns_replace", "1 uuid"));
	expect_stale(_metadata, self);
	ASSERT_TRUE(wait_until(reopen_node(self)));
	ASSERT_EQ(0, do_io(self, OP_READ, 1, 1));
	ASSERT_EQ(0, fault("ns_replace", "1 uuid"));
	expect_stale(_metadata, self);
}

/* ---- errors that pass ---- */

/* Namespace Not Ready, Internal Error, Command Abort Requested */
static const unsigned int passing[] = { 0x082, 0x006, 0x007 };

/* Of the scan: the active list, the descriptors, the namespace itself */
TEST_F_TIMEOUT(ns, a_passing_error_of_a_scan_ends_no_grant, 240)
{
	unsigned int i, skip;
	long fetched;

	ASSERT_EQ(0, start(self, ""));
	for (i = 0; i < ARRAY_SIZE(passing); i++) {
		for (skip = 0; skip < 3; skip++) {
			ASSERT_EQ(0, fault("fail", "admin 0x06 %#x 1 %u", passing[i], skip));
			fetched = stat_of("fetched");
			ASSERT_EQ(0, fault("event", "0x040002"));
			/* The log, three times Identify and one again, the next request */
			ASSERT_TRUE(wait_stat("fetched", fetched + 6));
			EXPECT_TRUE(grant_is(self->grant, USHER_GRANT_LIVE));
			EXPECT_EQ(0, do_io(self, OP_READ, 1, 1));
		}
	}
	/* It is final where the device says so. */
	ASSERT_EQ(0, fault("fail", "admin 0x06 0x4082 1 2"));
	ASSERT_EQ(0, fault("event", "0x040002"));
	expect_stale(_metadata, self);
}

TEST_F_TIMEOUT(ns, a_namespace_that_goes_ends_grants, 120)
{
	char old[64];

	ASSERT_EQ(0, start(self, "namespaces=2"));
	snprintf(old, sizeof(old), "%s", self->node);
	ASSERT_EQ(0, fault("ns_size", "%u 0", self->nsid));
	expect_stale(_metadata, self);

	/* The other namespace is as it was. */
	ASSERT_TRUE(wait_until(reopen_node(self)));
	EXPECT_STRNE(old, self->node);
	EXPECT_NE(0, access(old, F_OK));
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 1));
}

/* A command that was given before the change completes, for its owner. */
TEST_F_TIMEOUT(ns, in_flight_commands_outlive_their_namespace, 120)
{
	struct usher_cqe cqe;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, hold_read(self, 22));
	ASSERT_EQ(0, fault("ns_replace", "1"));
	ASSERT_TRUE(wait_until(grant_is(self->grant, USHER_GRANT_STALE)));
	ASSERT_EQ(0, fault("release", "fifo"));
	EXPECT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(22, le16toh(cqe.cid));
	EXPECT_EQ(0, ring_status(&cqe));
}

/* ---- a change in a reset ---- */

struct submitter {
	struct softctrl *env;
	bool returned;
	int ret;
};

static void *submit_read(void *arg)
{
	struct submitter *s = arg;

	s->ret = submit_io(s->env, OP_READ, 1, 1);
	__atomic_store_n(&s->returned, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Is this the state of the controller in sysfs? */
static bool state_is(struct softctrl *self, const char *want)
{
	char path[128], text[32];

	/* /dev/usher0n1 is below usher0. */
	snprintf(path, sizeof(path), "/sys/class/usher/%.*s/state",
		 (int)strcspn(self->node + 5, "n"), self->node + 5);
	return !read_text(path, text, sizeof(text)) && !strcmp(text, want);
}

/*
 * The namespace changes while the controller is being reset, and no event reports it. No
 * command may reach the device before the driver has looked at the namespaces.
 */
TEST_F_TIMEOUT(ns, a_change_in_a_reset_is_seen_before_commands_are_taken, 120)
{
	struct submitter s = { .env = self };
	pthread_t thread;
	long disables;

	ASSERT_EQ(0, start(self, "to=60"));
	ASSERT_EQ(0, do_io(self, OP_READ, 1, 1));
	disables = stat_of("disables");
	ASSERT_EQ(0, fault("ignore_enable", "1"));
	ASSERT_EQ(0, fault("csts_fatal", "1"));
	ASSERT_TRUE(wait_stat("disables", disables + 1));
	ASSERT_EQ(0, fault("ns_replace", "1"));
	ASSERT_EQ(0, fault("hold", "on qid=0 op=6 slba=2-2"));
	ASSERT_EQ(0, pthread_create(&thread, NULL, submit_read, &s));
	ASSERT_EQ(0, fault("ignore_enable", "0"));

	/* It asks which namespaces there are, and is not live yet. */
	ASSERT_TRUE(wait_stat("held", 1));
	EXPECT_TRUE(quiet());
	EXPECT_TRUE(state_is(self, "resetting"));
	EXPECT_FALSE(__atomic_load_n(&s.returned, __ATOMIC_ACQUIRE));
	ASSERT_EQ(0, fault("hold", "off"));
	ASSERT_EQ(0, fault("release", "fifo"));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-ESTALE, s.ret);
	EXPECT_EQ(0, io_fetched());
	EXPECT_TRUE(grant_is(self->grant, USHER_GRANT_STALE));
}

int main(int argc, char **argv)
{
	softctrl_require();
	return test_harness_run(argc, argv);
}
