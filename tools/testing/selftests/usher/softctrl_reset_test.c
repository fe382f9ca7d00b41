// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets of the controller: what they do to commands and rings, and the end of the
 * device where a reset fails.
 */
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "softctrl.h"

/* FIXTURE_DATA(reset), in a form that checkpatch reads */
#define _test_data_reset	softctrl

FIXTURE(reset);

FIXTURE_SETUP(reset)
{
	ASSERT_EQ(0, softctrl_setup(self));
}

FIXTURE_TEARDOWN(reset)
{
	EXPECT_EQ(0, softctrl_teardown(self));
}

TEST_F_TIMEOUT(reset, fatal_status_leads_to_a_reset, 120)
{
	struct usher_cqe cqe;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, hold_read(self, 9));
	ASSERT_EQ(0, fault("csts_fatal", "1"));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(SC_HOST_ABORTED, ring_status(&cqe));
	EXPECT_EQ(USHER_CQE_DRIVER, le16toh(cqe.flags));
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 10));
	EXPECT_TRUE(settled(self));
}

/* The function level reset is the last means to stop a device. */
TEST_F_TIMEOUT(reset, a_function_level_reset_mends_the_device, 120)
{
	struct usher_cqe cqe;

	ASSERT_EQ(0, start_unstoppable(self, "to=1"));
	ASSERT_EQ(0, fault("sticky_master", "1"));
	ASSERT_EQ(0, hold_read(self, 8));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(SC_HOST_ABORTED, ring_status(&cqe));
	EXPECT_EQ(1, stat_of("flrs"));
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 9));
	EXPECT_TRUE(settled(self));
}

/*
 * Who has a function's configuration to himself, as for a reset of his own, is not
 * disturbed by that reset, and nobody's accesses to configuration are lost in it.
 */
TEST_F_TIMEOUT(reset, a_function_level_reset_waits_for_the_configuration, 120)
{
	struct usher_cqe cqe;

	ASSERT_EQ(0, start_unstoppable(self, "to=1"));
	ASSERT_EQ(0, fault("sticky_master", "1"));
	ASSERT_EQ(0, fault("busy", "%s", self->address));
	ASSERT_EQ(0, hold_read(self, 8));
	EXPECT_TRUE(wait_until(logged(self, "taking it off the bus") == 1));
	EXPECT_EQ(-ETIME, reap(&self->ring, &cqe, PROMPT_MS));
	EXPECT_EQ(0, stat_of("flrs"));
	ASSERT_EQ(0, fault("busy", "none"));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(1, stat_of("flrs"));
	EXPECT_TRUE(settled(self));
}

/* A polling thread goes on after a reset, and needs no call for it. */
TEST_F_TIMEOUT(reset, a_reset_does_not_end_a_polling_thread, 120)
{
	struct usher_sqe sqe;
	struct usher_cqe cqe;
	struct sqpoll_thread poller;
	struct ring ring;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, ring_open(&ring, self->grant, 4, USHER_RING_POLLED));
	ASSERT_EQ(0, sqpoll_start(&poller, ring.fd, 60000000, 0));
	ASSERT_TRUE(wait_until(sqpoll_awake(&ring)));
	ASSERT_EQ(0, hold_read(self, 9));
	ASSERT_EQ(0, fault("csts_fatal", "1"));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(SC_HOST_ABORTED, ring_status(&cqe));
	EXPECT_TRUE(sqpoll_awake(&ring));
	sqe = cmd_data(OP_READ, self->nsid, 0, 1, self->buf, 0, BLOCK);
	ring_push(&ring, &sqe);
	EXPECT_TRUE(wait_until(ring_ready(&ring)));

	/* The device goes: the polling thread is told. */
	EXPECT_EQ(0, fault("surprise", "remove"));
	EXPECT_EQ(-ENODEV, sqpoll_join(&poller));
	EXPECT_FALSE(sqpoll_awake(&ring));
	ring_close(&ring);
}

/* A thread that waits in a polled ring for one completion */
struct polled_wait {
	struct ring ring;
	pthread_t thread;
	int ret;
};

static void *wait_polled(void *data)
{
	struct polled_wait *wait = data;

	wait->ret = enter(&wait->ring, 0, 1, SOON_MS);
	return NULL;
}

static uint64_t cpu_ns(pthread_t thread)
{
	struct timespec time = {};
	clockid_t clock;

	if (!pthread_getcpuclockid(thread, &clock))
		clock_gettime(clock, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

/* Looking at a queue in vain, for a minute perhaps, would take a processor. */
TEST_F_TIMEOUT(reset, a_polled_wait_sleeps_during_a_reset, 120)
{
	struct polled_wait wait = { .ret = -1 };
	uint64_t begin, used;
	struct usher_sqe sqe;
	struct usher_cqe cqe;
	long disables;

	ASSERT_EQ(0, start(self, "to=255"));
	ASSERT_EQ(0, ring_open(&wait.ring, self->grant, 4, USHER_RING_POLLED));
	ASSERT_EQ(0, pthread_create(&wait.thread, NULL, wait_polled, &wait));
	ASSERT_TRUE(wait_until(cpu_ns(wait.thread) > 10000000));
	disables = stat_of("disables");
	ASSERT_EQ(0, fault("ignore_enable", "1"));
	ASSERT_EQ(0, fault("csts_fatal", "1"));
	ASSERT_TRUE(wait_stat("disables", disables + 1));

	begin = now_ns();
	used = cpu_ns(wait.thread);
	while (now_ns() - begin < 2000000000)
		usleep(100000);
	used = cpu_ns(wait.thread) - used;
	EXPECT_GT((now_ns() - begin) / 10, used)
		TH_LOG("%llu ms", (unsigned long long)used / 1000000);

	/* It goes on after the reset. */
	ASSERT_EQ(0, fault("ignore_enable", "0"));
	sqe = cmd_data(OP_READ, self->nsid, 0, 1, self->buf, 0, BLOCK);
	ring_push(&wait.ring, &sqe);
	EXPECT_EQ(1, enter(&wait.ring, 1, 0, SOON_MS));
	pthread_join(wait.thread, NULL);
	EXPECT_EQ(0, wait.ret);
	EXPECT_TRUE(ring_pop(&wait.ring, &cqe));
	EXPECT_EQ(0, cqe.status);
	ring_close(&wait.ring);
	EXPECT_TRUE(settled(self));
}

/* What the reset aborted is not kept from who waits for it. */
TEST_F_TIMEOUT(reset, a_polled_wait_gets_what_the_reset_aborted, 120)
{
	struct polled_wait wait = { .ret = -1 };
	struct usher_sqe sqe;
	struct usher_cqe cqe;

	ASSERT_EQ(0, start(self, "to=255"));
	ASSERT_EQ(0, ring_open(&wait.ring, self->grant, 4, USHER_RING_POLLED));
	ASSERT_EQ(0, fault("hold", "on"));
	sqe = cmd_data(OP_READ, self->nsid, 0, 1, self->buf, 0, BLOCK);
	ring_push(&wait.ring, &sqe);
	ASSERT_EQ(1, enter(&wait.ring, 1, 0, SOON_MS));
	ASSERT_TRUE(wait_stat("held", 1));
	ASSERT_EQ(0, pthread_create(&wait.thread, NULL, wait_polled, &wait));
	ASSERT_TRUE(wait_until(cpu_ns(wait.thread) > 10000000));
	ASSERT_EQ(0, fault("ignore_enable", "1"));
	ASSERT_EQ(0, fault("csts_fatal", "1"));
	pthread_join(wait.thread, NULL);
	EXPECT_EQ(0, wait.ret);
	EXPECT_TRUE(ring_pop(&wait.ring, &cqe));
	EXPECT_EQ(SC_HOST_ABORTED, ring_status(&cqe));
	ASSERT_EQ(0, fault("hold", "off"));
	ASSERT_EQ(0, fault("ignore_enable", "0"));
	ring_close(&wait.ring);
	EXPECT_TRUE(settled(self));
}

/* ---- resets that fail ---- */

TEST_F_TIMEOUT(reset, a_failed_reset_ends_the_device, 120)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	struct usher_cqe cqe;
	int epoll;

	ASSERT_EQ(0, write_text(IO_TIMEOUT, "1"));
	ASSERT_EQ(0, start(self, "to=1"));
	ASSERT_EQ(0, fault("abort", "ignore"));
	ASSERT_EQ(0, fault("ignore_enable", "1"));
	epoll = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_LE(0, epoll);
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->grant, &event));
	ASSERT_EQ(0, hold_read(self, 8));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(USHER_CQE_DRIVER, le16toh(cqe.flags));
	EXPECT_EQ(-ENODEV, reap(&self->ring, &cqe, SOON_MS));
	/* Who polls a grant is told, too. */
	EXPECT_EQ(1, epoll_wait(epoll, &event, 1, SOON_MS));
	EXPECT_EQ(EPOLLIN | EPOLLERR | EPOLLHUP, event.events);
	close(epoll);
	EXPECT_TRUE(is_gone(self));
	close_all(self);
	EXPECT_TRUE(wait_pins(self->pins));
}

TEST_F_TIMEOUT(reset, lasting_fatal_status_ends_the_device, 120)
{
	struct usher_cqe cqe;

	ASSERT_EQ(0, start(self, "to=1"));
	ASSERT_EQ(0, hold_read(self, 9));
	ASSERT_EQ(0, fault("csts_fatal", "2"));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(USHER_CQE_DRIVER, le16toh(cqe.flags));
	EXPECT_EQ(-ENODEV, reap(&self->ring, &cqe, 80000));
	EXPECT_TRUE(is_gone(self));
}

int main(int argc, char **argv)
{
	softctrl_require();
	return test_harness_run(argc, argv);
}
