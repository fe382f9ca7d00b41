// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting for several rings, with rings in plain memory, a clock and a ppoll() of the
 * test's own.
 */
#define _GNU_SOURCE	/* the declaration of ppoll() */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "internal.h"
#include "tap.h"

#define MOST		100U
#define FIRST_FD	50
#define NEVER		UINT64_MAX
#define CLOSED		0x8000	/* in @dead: its fd is */

/* The rings, and what the kernel knows of them */
static struct {
	struct usher_ring_ctl ctl[MOST];
	struct usher_ring rings[MOST];
	struct usher_ring_wait waits[MOST];
	int dead[MOST];			/* what ENTER says, or 0 */
	bool hidden[MOST];		/* a completion that only poll finds */
	__u64 now;
	unsigned int polls;		/* calls of ppoll() */
	unsigned int enters;
	__u64 slept;			/* in all */
	struct timespec timeout;	/* of the last ppoll() */
	bool for_ever;			/* it had none */
	sigset_t mask;			/* during the last, where it had one */
	bool masked;
	sigset_t blocked;		/* outside of the last */
	/* What happens in the ppoll() whose number is @when, after half of its time */
	unsigned int when;
	void (*event)(void);
	int error;			/* its answer then */
} fake;

static void publish(unsigned int i)
{
	__atomic_store_n(&fake.ctl[i].cq_tail, fake.ctl[i].cq_tail + 1, __ATOMIC_RELEASE);
}

int clock_gettime(clockid_t id, struct timespec *now)
{
	EXPECT_EQ(id, CLOCK_MONOTONIC);
	now->tv_sec = (time_t)(fake.now / 1000000000);
	now->tv_nsec = (long)(fake.now % 1000000000);
	return 0;
}

/* What the kernel's ring says; it looks into the hardware queue of a polled one. */
static short events_of(unsigned int i)
{
	if (fake.dead[i] == CLOSED)
		return POLLNVAL;
	if (fake.dead[i] == -ENODEV)
		return POLLIN | POLLHUP | POLLERR;
	if (fake.dead[i])
		return POLLIN | POLLERR;
	if (fake.hidden[i]) {
		fake.hidden[i] = false;
		publish(i);
	}
	return fake.ctl[i].cq_head != fake.ctl[i].cq_tail ? POLLIN : 0;
}

static int events(struct pollfd *fds, nfds_t count)
{
	int found = 0;
	nfds_t i;

	for (i = 0; i < count; i++) {
		fds[i].revents = fds[i].fd < 0 ? 0 : events_of((unsigned int)fds[i].fd - FIRST_FD);
		if (fds[i].fd >= 0)
			EXPECT_EQ(fds[i].events, POLLIN);
		found += !!fds[i].revents;
	}
	return found;
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
	  const sigset_t *mask)
{
	__u64 ns = timeout ? (__u64)timeout->tv_sec * 1000000000 + (__u64)timeout->tv_nsec : 0;
	int found = events(fds, count);

	fake.polls++;
	fake.for_ever = !timeout;
	fake.timeout = timeout ? *timeout : (struct timespec) {};
	fake.masked = mask;
	if (mask)
		fake.mask = *mask;
	sigprocmask(SIG_BLOCK, NULL, &fake.blocked);
	fake.now += 1000;
	if (found)
		return found;
	if (fake.event && fake.polls >= fake.when) {
		void (*event)(void) = fake.event;

		fake.event = NULL;
		fake.now += ns / 2;
		event();
		if (fake.error) {
			errno = fake.error;
			return -1;
		}
		return events(fds, count);
	}
	EXPECT(timeout);	/* nothing would wake it */
	if (!timeout)
		exit(1);
	fake.now += ns;
	fake.slept += ns;
	return events(fds, count);
}

/* The rare call, of a deadline that has passed */
int usher_ring_enter(int ring_fd, struct usher_enter *enter)
{
	fake.enters++;
	EXPECT_EQ(enter->flags, USHER_ENTER_DEADLINE);
	EXPECT_EQ(enter->min_complete, 1);
	EXPECT_EQ(enter->deadline_ns, 0);
	EXPECT_EQ(enter->to_submit, 0);
	return fake.dead[ring_fd - FIRST_FD] ? fake.dead[ring_fd - FIRST_FD] : -ETIME;
}

static struct usher_ring_wait *setup(void)
{
	unsigned int i;

	memset(&fake, 0, sizeof(fake));
	fake.now = 5000000000;
	for (i = 0; i < MOST; i++) {
		fake.rings[i].fd = (int)i + FIRST_FD;
		fake.rings[i].cq_entries = 8;
		fake.rings[i].ctl = &fake.ctl[i];
		fake.waits[i].ring = &fake.rings[i];
		fake.waits[i].result = 99;
	}
	return fake.waits;
}

static void happens(unsigned int when, void (*event)(void), int error)
{
	fake.when = when;
	fake.event = event;
	fake.error = error;
}

static void third_completes(void)
{
	publish(2);
}

static void two_complete(void)
{
	publish(0);
	publish(3);
}

static void nothing(void)
{
}

static void completions_are_there(void)
{
	struct usher_ring_wait *waits = setup();

	publish(1);
	EXPECT_EQ(usher_wait_rings(waits, 3, NEVER), 1);
	EXPECT_EQ(waits[0].result, 0);
	EXPECT_EQ(waits[1].result, 1);
	EXPECT_EQ(waits[2].result, 0);
	publish(0);
	publish(2);
	EXPECT_EQ(usher_wait_rings(waits, 3, 0), 3);
	EXPECT_EQ(fake.polls, 0);
	/* They are until they are given back. */
	usher_ring_cq_advance(waits[0].ring, 1);
	EXPECT_EQ(usher_wait_rings(waits, 3, 0), 2);
	EXPECT_EQ(waits[0].result, 0);
}

static void completions_come(void)
{
	struct usher_ring_wait *waits = setup();

	happens(1, third_completes, 0);
	EXPECT_EQ(usher_wait_rings(waits, 4, NEVER), 1);
	EXPECT_EQ(waits[2].result, 1);
	EXPECT_EQ(waits[0].result, 0);
	EXPECT(fake.for_ever);
	EXPECT(!fake.masked);
	EXPECT_EQ(fake.polls, 1);

	waits = setup();
	happens(1, two_complete, 0);
	EXPECT_EQ(usher_wait_rings(waits, 4, usher_deadline(6000000000)), 2);
	EXPECT_EQ(fake.timeout.tv_sec, 6);
	EXPECT_EQ(fake.timeout.tv_nsec, 0);
	EXPECT_EQ(waits[0].result, 1);
	EXPECT_EQ(waits[1].result, 0);
	EXPECT_EQ(waits[2].result, 0);
	EXPECT_EQ(waits[3].result, 1);
}

static void time_passes(void)
{
	struct usher_ring_wait *waits = setup();

	EXPECT_EQ(usher_wait_rings(waits, 4, fake.now + 1500000000), -ETIME);
	EXPECT_EQ(fake.slept, 1500000000);
	EXPECT_EQ(fake.polls, 1);
	EXPECT_EQ(waits[0].result, 0);
	/* Each deadline that has passed is for one look. */
	EXPECT_EQ(usher_wait_rings(waits, 4, 0), -ETIME);
	EXPECT_EQ(usher_wait_rings(waits, 4, fake.now - 1), -ETIME);
	EXPECT_EQ(fake.polls, 3);
	EXPECT_EQ(fake.slept, 1500000000);
}

static void rings_left_out(void)
{
	struct usher_ring_wait *waits = setup();

	waits[0].ring = NULL;
	waits[2].ring = NULL;
	happens(1, two_complete, 0);
	EXPECT_EQ(usher_wait_rings(waits, 4, NEVER), 1);
	EXPECT_EQ(waits[0].result, 0);
	EXPECT_EQ(waits[2].result, 0);
	EXPECT_EQ(waits[3].result, 1);
	EXPECT_EQ(usher_wait_rings(waits, 1, NEVER), -EINVAL);
	EXPECT_EQ(usher_wait_rings(NULL, 0, NEVER), -EINVAL);
}

static void many_rings(void)
{
	struct usher_ring_wait *waits = setup();

	happens(1, third_completes, 0);
	EXPECT_EQ(usher_wait_rings(waits, MOST, NEVER), 1);
	EXPECT_EQ(waits[2].result, 1);
	EXPECT_EQ(waits[MOST - 1].result, 0);
}

static void signals(void)
{
	struct usher_ring_wait *waits = setup();
	sigset_t mask;

	happens(1, nothing, EINTR);
	EXPECT_EQ(usher_wait_rings(waits, 4, NEVER), -EINTR);
	EXPECT_EQ(waits[2].result, 0);
	/* Completions count, whatever else happened. */
	happens(1, third_completes, EINTR);
	EXPECT_EQ(usher_wait_rings(waits, 4, NEVER), 1);
	EXPECT_EQ(waits[2].result, 1);

	waits = setup();
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	happens(1, third_completes, 0);
	EXPECT_EQ(usher_wait_rings_sigmask(waits, 4, NEVER, &mask), 1);
	EXPECT(fake.masked);
	EXPECT(sigismember(&fake.mask, SIGUSR2));
	EXPECT(!sigismember(&fake.mask, SIGUSR1));

	happens(1, nothing, ENOMEM);
	usher_ring_cq_advance(waits[2].ring, 1);
	EXPECT_EQ(usher_wait_rings(waits, 4, NEVER), -ENOMEM);
}

static void revoked(void)
{
	fake.dead[1] = -EACCES;
}

static void gone(void)
{
	fake.dead[1] = -ENODEV;
	fake.ctl[1].flags = USHER_RING_F_GONE;
}

static void all_end(void)
{
	fake.dead[0] = -ESTALE;
	revoked();
	fake.dead[2] = CLOSED;
	fake.dead[3] = -EBADFD;
	fake.ctl[3].flags = USHER_RING_F_BROKEN;
}

static void rings_that_end(void)
{
	struct usher_ring_wait *waits = setup();

	happens(1, gone, 0);
	EXPECT_EQ(usher_wait_rings(waits, 4, NEVER), 1);
	EXPECT_EQ(waits[1].result, -ENODEV);
	EXPECT_EQ(fake.enters, 0);
	/* Without a call, when it is known; what is there counts more. */
	EXPECT_EQ(usher_wait_rings(waits, 4, NEVER), 1);
	EXPECT_EQ(fake.polls, 1);
	publish(1);
	EXPECT_EQ(usher_wait_rings(waits, 4, NEVER), 1);
	EXPECT_EQ(waits[1].result, 1);

	waits = setup();
	happens(1, revoked, 0);
	EXPECT_EQ(usher_wait_rings(waits, 4, NEVER), 1);
	EXPECT_EQ(waits[1].result, -EACCES);
	EXPECT_EQ(waits[2].result, 0);
	EXPECT_EQ(fake.enters, 1);
	EXPECT_EQ(usher_wait_rings(waits, 4, 0), 1);
	EXPECT_EQ(waits[1].result, -EACCES);

	waits = setup();
	happens(1, all_end, 0);
	EXPECT_EQ(usher_wait_rings(waits, 5, NEVER), 4);
	EXPECT_EQ(waits[0].result, -ESTALE);
	EXPECT_EQ(waits[1].result, -EACCES);
	EXPECT_EQ(waits[2].result, -EBADF);
	EXPECT_EQ(waits[3].result, -EBADFD);
	EXPECT_EQ(waits[4].result, 0);
}

/* The kernel does not say why at once: no endless loop, and the deadline counts. */
static void in_a_reset(void)
{
	struct usher_ring_wait *waits = setup();

	fake.dead[1] = -ETIME;
	EXPECT_EQ(usher_wait_rings(waits, 4, fake.now + 100000000), -ETIME);
	EXPECT(fake.polls <= 300);
	fake.dead[1] = -EACCES;
	EXPECT_EQ(usher_wait_rings(waits, 4, NEVER), 1);
}

/* ---- polled rings ---- */

static void second_is_hidden(void)
{
	fake.hidden[1] = true;
}

static void polled_rings(void)
{
	struct usher_ring_wait *waits = setup();
	sigset_t now;

	waits[1].ring->flags = USHER_RING_POLLED;
	fake.hidden[1] = true;
	EXPECT_EQ(usher_wait_rings(waits, 4, NEVER), 1);
	EXPECT_EQ(waits[1].result, 1);
	EXPECT_EQ(fake.timeout.tv_sec + fake.timeout.tv_nsec, 0);
	EXPECT(!fake.for_ever);

	/* Looked for again and again, without pause at first */
	usher_ring_cq_advance(waits[1].ring, 1);
	happens(1000, second_is_hidden, 0);
	EXPECT_EQ(usher_wait_rings(waits, 4, NEVER), 1);
	EXPECT_EQ(waits[1].result, 1);
	EXPECT_EQ(fake.slept, 0);
	EXPECT(fake.polls >= 1000);

	/* And then more rarely; no signal comes in between. */
	usher_ring_cq_advance(waits[1].ring, 1);
	fake.polls = 0;
	EXPECT_EQ(usher_wait_rings(waits, 4, fake.now + 2000000000), -ETIME);
	EXPECT(fake.polls > 1900);
	EXPECT(fake.slept >= 1900000000);
	EXPECT(fake.timeout.tv_sec == 0 && fake.timeout.tv_nsec <= 1000000);
	EXPECT(fake.masked);
	EXPECT(sigismember(&fake.blocked, SIGUSR1));
	EXPECT(!sigismember(&fake.mask, SIGUSR1));
	sigprocmask(SIG_BLOCK, NULL, &now);
	EXPECT(!sigismember(&now, SIGUSR1));

	/* The others wake it. */
	happens(1, third_completes, 0);
	EXPECT_EQ(usher_wait_rings(waits, 4, NEVER), 1);
	EXPECT_EQ(waits[2].result, 1);
	usher_ring_cq_advance(waits[2].ring, 1);
	happens(1, nothing, EINTR);
	EXPECT_EQ(usher_wait_rings(waits, 4, NEVER), -EINTR);
}

/* A ring that is always ready does not keep a polled one from being looked for. */
static void polled_beside_ready(void)
{
	struct usher_ring_wait *waits = setup();

	waits[1].ring->flags = USHER_RING_POLLED;
	publish(0);
	EXPECT_EQ(usher_wait_rings(waits, 4, NEVER), 1);
	fake.hidden[1] = true;
	EXPECT_EQ(usher_wait_rings(waits, 4, NEVER), 2);
	EXPECT_EQ(waits[0].result, 1);
	EXPECT_EQ(waits[1].result, 1);
	EXPECT_EQ(fake.polls, 2);
	/* Where a thread does that it is not needed. */
	usher_ring_cq_advance(waits[1].ring, 1);
	fake.ctl[1].flags = USHER_RING_F_SQPOLL;
	EXPECT_EQ(usher_wait_rings(waits, 4, NEVER), 1);
	EXPECT_EQ(fake.polls, 2);
	usher_ring_cq_advance(waits[0].ring, 1);
	happens(5, second_is_hidden, 0);
	EXPECT_EQ(usher_wait_rings(waits, 4, NEVER), 1);
}

/* What linux.c has */
__u64 usher_deadline(__u64 timeout_ns)
{
	return fake.now + timeout_ns;
}

static const struct tap_test tests[] = {
	TAP_TEST(completions_are_there),
	TAP_TEST(completions_come),
	TAP_TEST(time_passes),
	TAP_TEST(rings_left_out),
	TAP_TEST(many_rings),
	TAP_TEST(signals),
	TAP_TEST(rings_that_end),
	TAP_TEST(in_a_reset),
	TAP_TEST(polled_rings),
	TAP_TEST(polled_beside_ready),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
