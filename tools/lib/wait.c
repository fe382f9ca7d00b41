// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Waiting for several rings at once, by ppoll(2).
 *
 * No wake-up is lost: the kernel has the caller in the queue of every ring before it
 * looks whether completions are there, and publishes them before it wakes who is in the
 * queue.
 *
 * On a polled ring nobody is woken; but poll looks into its hardware queue, each time that
 * it is called. So with polled rings it is called again and again.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE	/* ppoll() */
#endif
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "internal.h"

#define NS_PER_SEC	1000000000ULL
#define NEVER		((__u64)INT64_MAX)	/* what the kernel's time can tell */

/* So many are waited for without memory from malloc(). */
#define FEW_RINGS	64U

/*
 * With polled rings: look without pause for so long, which most commands do not take;
 * then so often. In a reset of the controller nothing comes for minutes.
 */
#define SPIN_NS		10000000ULL
#define PAUSE_NS	1000000ULL

/* What the caller waits for */
struct wait {
	struct usher_ring_wait *waits;
	struct pollfd *fds;
	unsigned int count;
	__u64 deadline_ns;
	const sigset_t *sigmask;
	bool polled;		/* a ring without completions is */
	bool driven;		/* one of them has no polling thread */
};

static __u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * NS_PER_SEC + (__u64)now.tv_nsec;
}

/* The result for a ring as its memory tells it */
static int ring_result(const struct usher_ring *ring)
{
	int ret = usher_ring_state(ring);

	if (!ret)
		return 1;
	return ret == -EAGAIN ? 0 : ret;
}

static void polled_ring(struct wait *wait, const struct usher_ring *ring)
{
	wait->polled = true;
	if (!(__atomic_load_n(&ring->ctl->flags, __ATOMIC_RELAXED) & USHER_RING_F_SQPOLL))
		wait->driven = true;
}

/* Look at all rings without a system call; how many are ready. */
static int look(struct wait *wait)
{
	unsigned int i;
	int ready = 0;

	wait->polled = false;
	wait->driven = false;
	for (i = 0; i < wait->count; i++) {
		struct usher_ring_wait *w = &wait->waits[i];

		w->result = w->ring ? ring_result(w->ring) : 0;
		if (w->result)
			ready++;
		else if (w->ring && w->ring->flags & USHER_RING_POLLED)
			polled_ring(wait, w->ring);
	}
	return ready;
}

/*
 * poll says that nothing more comes, the ring's memory does not say why. The kernel does
 * when asked to wait, which it does not for a deadline that has passed.
 */
static int ask_why(const struct usher_ring *ring)
{
	struct usher_enter enter = {
		.flags = USHER_ENTER_DEADLINE,
		.min_complete = 1,
	};
	int ret = usher_ring_enter(ring->fd, &enter);

	if (ret >= 0 || ret == -ETIME || ret == -EAGAIN || ret == -EINTR)
		return ring_result(ring);
	return ret;
}

static int result_of(const struct usher_ring *ring, short revents)
{
	int result = ring_result(ring);

	if (result || !revents)
		return result;
	if (revents & POLLNVAL)
		return -EBADF;
	return revents & POLLERR ? ask_why(ring) : 0;
}

/*
 * Sleep for @ns at most; how many rings are ready, or a negative errno. @events is whether
 * there was something to see, be it nothing that counts.
 */
static int sleep_in_poll(struct wait *wait, __u64 ns, bool *events)
{
	struct timespec timeout = {
		.tv_sec = (time_t)(ns / NS_PER_SEC),
		.tv_nsec = (long)(ns % NS_PER_SEC),
	};
	int ready = 0, ret;
	unsigned int i;

	ret = ppoll(wait->fds, wait->count, ns < NEVER ? &timeout : NULL, wait->sigmask);
	if (ret < 0) {
		ret = -errno;
		/* Completions count, whatever else happened. */
		ready = look(wait);
		return ready ? ready : ret;
	}
	*events = ret > 0;
	for (i = 0; i < wait->count; i++) {
		struct usher_ring_wait *w = &wait->waits[i];

		w->result = w->ring ? result_of(w->ring, wait->fds[i].revents) : 0;
		ready += w->result != 0;
	}
	return ready;
}

/* How long to sleep, @now and @start being times */
static __u64 how_long(const struct wait *wait, bool events, __u64 start, __u64 now)
{
	__u64 ns = NEVER;

	if (wait->deadline_ns < NEVER)
		ns = now < wait->deadline_ns ? wait->deadline_ns - now : 0;
	if (wait->polled && now - start < SPIN_NS)
		return 0;
	if ((wait->polled || events) && ns > PAUSE_NS)
		ns = PAUSE_NS;
	return ns;
}

static int wait_in_poll(struct wait *wait)
{
	__u64 start = now_ns(), now = start, ns;
	bool events = false;
	int ret;

	for (;;) {
		ns = how_long(wait, events, start, now);
		/* Events that mean nothing would be there at once again: in a reset. */
		if (events && ns) {
			const struct timespec pause = { .tv_nsec = PAUSE_NS };

			if (ppoll(NULL, 0, &pause, wait->sigmask) < 0)
				return -errno;
			ns = 0;
		}
		ret = sleep_in_poll(wait, ns, &events);
		if (ret)
			return ret;
		now = now_ns();
		if (wait->deadline_ns < NEVER && now >= wait->deadline_ns)
			return -ETIME;
	}
}

/*
 * With polled rings the caller is in the kernel for a part of the time only. A signal
 * must not come in between, where nobody would see it.
 */
static int wait_without_signals(struct wait *wait)
{
	sigset_t all, before;
	int ret;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	if (!wait->sigmask)
		wait->sigmask = &before;
	ret = wait_in_poll(wait);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return ret;
}

static int wait_for(struct wait *wait, int ready)
{
	bool events;
	unsigned int i;

	for (i = 0; i < wait->count; i++) {
		const struct usher_ring *ring = wait->waits[i].ring;

		wait->fds[i] = (struct pollfd) {
			.fd = ring ? ring->fd : -1,
			.events = POLLIN,
		};
	}
	/* Those that are ready must not keep the others from being looked for. */
	if (ready)
		return sleep_in_poll(wait, 0, &events);
	return wait->polled ? wait_without_signals(wait) : wait_in_poll(wait);
}

int usher_wait_rings_sigmask(struct usher_ring_wait *waits, unsigned int count,
			     __u64 deadline_ns, const sigset_t *sigmask)
{
	struct wait wait = {
		.waits = waits,
		.count = count,
		.deadline_ns = deadline_ns,
		.sigmask = sigmask,
	};
	struct pollfd few[FEW_RINGS];
	unsigned int i;
	int ready;

	for (i = 0; i < count && !waits[i].ring; i++)
		;
	if (i == count)
		return -EINVAL;
	ready = look(&wait);
	if (ready && !wait.driven)
		return ready;

	wait.fds = count <= FEW_RINGS ? few : calloc(count, sizeof(*wait.fds));
	if (!wait.fds)
		return -ENOMEM;
	ready = wait_for(&wait, ready);
	if (wait.fds != few)
		free(wait.fds);
	return ready;
}

int usher_wait_rings(struct usher_ring_wait *waits, unsigned int count, __u64 deadline_ns)
{
	return usher_wait_rings_sigmask(waits, count, deadline_ns, NULL);
}
