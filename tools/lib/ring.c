// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Both sides of a ring in shared memory.
 *
 * Who writes which index, and how, is said in <usher_inline.h>.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

/* The functions of <usher_inline.h> are compiled here, to be found by name. */
#define USHER_GNU_INLINE

#include "internal.h"

static __u32 load_acquire(const __u32 *index)
{
	return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

static void store_release(__u32 *index, __u32 value)
{
	__atomic_store_n(index, value, __ATOMIC_RELEASE);
}

static bool power_of_two(__u32 n)
{
	return n && !(n & (n - 1));
}

/* An array of @entries at @offset lies in the mapping, behind the control page. */
static bool fits(__u32 mmap_bytes, __u32 offset, __u32 entries, __u32 shift)
{
	return offset >= sizeof(struct usher_ring_ctl) && !(offset % 8) &&
	       shift < 32 &&
	       offset + ((__u64)entries << shift) <= mmap_bytes;
}

int usher_ring_setup(struct usher_ring *ring, void *map,
		     const struct usher_ring_create *geometry)
{
	if (!power_of_two(geometry->sq_entries) ||
	    !power_of_two(geometry->cq_entries) ||
	    (1ULL << (geometry->sqe_shift & 31)) < sizeof(struct usher_sqe) ||
	    (1ULL << (geometry->cqe_shift & 31)) < sizeof(struct usher_cqe) ||
	    !fits(geometry->mmap_bytes, geometry->sq_offset,
		  geometry->sq_entries, geometry->sqe_shift) ||
	    !fits(geometry->mmap_bytes, geometry->cq_offset,
		  geometry->cq_entries, geometry->cqe_shift))
		return -EPROTO;

	ring->flags = geometry->flags & ~USHER_RING_DATA64;
	ring->sq_entries = geometry->sq_entries;
	ring->cq_entries = geometry->cq_entries;
	ring->sqe_shift = geometry->sqe_shift;
	ring->cqe_shift = geometry->cqe_shift;
	ring->mmap_bytes = geometry->mmap_bytes;
	ring->ctl = map;
	ring->sqes = (char *)map + geometry->sq_offset;
	ring->cqes = (char *)map + geometry->cq_offset;
	ring->sqe_tail = load_acquire(&ring->ctl->sq_tail);
	ring->cqe_head = load_acquire(&ring->ctl->cq_head);
	ring->sqe_next = NULL;
	ring->sqe_stop = NULL;
	return 0;
}

bool usher_ring_sq_refresh(struct usher_ring *ring)
{
	__u32 space = usher_ring_sq_space_left(ring);
	__u32 index = ring->sqe_tail & (ring->sq_entries - 1);
	size_t bytes = (size_t)1 << ring->sqe_shift;

	if (ring->flags & USHER_RING_DATA64) {
		__u32 tags = usher_ring_free_tags(ring);

		if (space > tags)
			space = tags;
	}
	if (!space)
		return false;

	ring->sqe_next = usher_ring_sqe_at(ring, index);
	if (bytes > sizeof(*ring->sqe_next)) {
		/* Larger than what usher_ring_get_sqe() writes: one at a time */
		memset(ring->sqe_next, 0, bytes);
		space = 1;
	}
	if (space > ring->sq_entries - index)
		space = ring->sq_entries - index;
	ring->sqe_stop = ring->sqe_next + space;
	return true;
}

/* Times that a ring with a polling thread is looked at before the kernel is asked to wait */
#define SQPOLL_SPINS	10000

/* Let the other thread of the processor's core have it for a moment. */
static void relax(void)
{
#ifdef __has_builtin
#if __has_builtin(__builtin_ia32_pause)
	__builtin_ia32_pause();
#endif
#endif
}

/* Only of polled rings. What is written then, the polling thread takes. */
static bool sqpoll_awake(const struct usher_ring *ring)
{
	return __atomic_load_n(&ring->ctl->flags, __ATOMIC_RELAXED) &
	       USHER_RING_F_SQPOLL;
}

/* Whether @count completions came without a call */
static bool sqpoll_wait(const struct usher_ring *ring, __u32 count)
{
	unsigned int spins;

	for (spins = 0; spins < SQPOLL_SPINS; spins++) {
		if (usher_ring_cq_ready(ring) >= count)
			return true;
		relax();
		if (!sqpoll_awake(ring))
			break;
	}
	return false;
}

/* Publish the entries; how many of them are new, which only we write. */
static int publish(struct usher_ring *ring)
{
	__u32 count = ring->sqe_tail - ring->ctl->sq_tail;

	store_release(&ring->ctl->sq_tail, ring->sqe_tail);
	return (int)count;
}

/* Rings that submitting has nothing more to do for: one test for all others */
static bool plain(const struct usher_ring *ring)
{
	return __builtin_expect(!(ring->flags & (USHER_RING_POLLED | USHER_RING_DATA64)), 1);
}

/*
 * publish() on a ring that is not plain, and whether the polling thread takes what was
 * published; -EINVAL with nothing published.
 */
static int hand_over(struct usher_ring *ring, bool *sqpolled)
{
	int count;

	*sqpolled = false;
	if (ring->flags & USHER_RING_DATA64 && usher_ring_tag_entries(ring) < 0)
		return -EINVAL;
	count = publish(ring);
	if (!(ring->flags & USHER_RING_POLLED))
		return count;
	/*
	 * The tail before the look at the flag; pairs with the polling thread, which
	 * clears the flag before its last look at the tail.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*sqpolled = sqpoll_awake(ring);
	return count;
}

static int submit(struct usher_ring *ring, struct usher_enter *enter)
{
	/*
	 * Entries that the kernel did not take at an earlier call are counted
	 * again; asking for them once more is harmless.
	 */
	enter->to_submit = usher_ring_sq_ready(ring);
	if (!enter->to_submit &&
	    usher_ring_cq_ready(ring) >= enter->min_complete)
		return 0;
	return usher_ring_enter(ring->fd, enter);
}

/*
 * What submitting answers where the polling thread was awake, which takes what is new: an
 * error of the wait comes with the next call, as where the kernel took entries.
 */
static int sqpoll_answer(int count, int ret)
{
	return count ? count : ret;
}

int usher_ring_sqpoll(const struct usher_ring *ring, __u32 idle_us,
		      __u64 deadline_ns, const sigset_t *sigmask)
{
	struct usher_enter enter = {
		.flags = USHER_ENTER_SQPOLL,
		.idle_us = idle_us,
		.deadline_ns = deadline_ns,
		.sigmask = (uintptr_t)sigmask,
		.sigsetsize = sigmask ? _NSIG / 8 : 0,
	};

	if (deadline_ns)
		enter.flags |= USHER_ENTER_DEADLINE;
	return usher_ring_enter(ring->fd, &enter);
}

int usher_ring_submit(struct usher_ring *ring)
{
	return usher_ring_submit_and_wait(ring, 0);
}

int usher_ring_submit_and_wait(struct usher_ring *ring, __u32 wait_nr)
{
	struct usher_enter enter = {
		.min_complete = wait_nr,
	};
	bool sqpolled;
	int count, ret;

	if (plain(ring)) {
		publish(ring);
		return submit(ring, &enter);
	}
	count = hand_over(ring, &sqpolled);
	if (count < 0 || (sqpolled && sqpoll_wait(ring, wait_nr)))
		return count;
	ret = submit(ring, &enter);
	return sqpolled ? sqpoll_answer(count, ret) : ret;
}

int usher_ring_submit_and_wait_timeout(struct usher_ring *ring, __u32 wait_nr,
				       __u64 deadline_ns,
				       const sigset_t *sigmask)
{
	struct usher_enter enter = {
		.flags = USHER_ENTER_DEADLINE,
		.min_complete = wait_nr,
		.deadline_ns = deadline_ns,
		.sigmask = (uintptr_t)sigmask,
		/* the kernel's signal set, which is smaller than the C library's */
		.sigsetsize = sigmask ? _NSIG / 8 : 0,
	};
	bool sqpolled;
	int count, ret;

	if (plain(ring)) {
		publish(ring);
		return submit(ring, &enter);
	}
	count = hand_over(ring, &sqpolled);
	/* Looking longer might miss the deadline. */
	if (count < 0 || (sqpolled && usher_ring_cq_ready(ring) >= wait_nr))
		return count;
	ret = submit(ring, &enter);
	return sqpolled ? sqpoll_answer(count, ret) : ret;
}

int usher_ring_state(const struct usher_ring *ring)
{
	__u32 flags;

	if (usher_ring_cq_ready(ring))
		return 0;
	/* The kernel sets a flag after the last completion. */
	flags = load_acquire(&ring->ctl->flags);
	if (usher_ring_cq_ready(ring))
		return 0;
	if (flags & USHER_RING_F_BROKEN)
		return -EBADFD;
	if (flags & USHER_RING_F_GONE)
		return -ENODEV;
	return -EAGAIN;
}

static int look(struct usher_ring *ring, struct usher_cqe **cqe)
{
	int ret = usher_ring_state(ring);

	*cqe = ret ? NULL : usher_ring_cqe_at(ring, ring->cqe_head);
	return ret;
}

/* Let the kernel look into the hardware queue of a polled ring. */
static int reap(struct usher_ring *ring)
{
	struct usher_enter enter = {};

	return usher_ring_enter(ring->fd, &enter);
}

int usher_ring_peek_cqe(struct usher_ring *ring, struct usher_cqe **cqe)
{
	int ret = look(ring, cqe);

	if (ret != -EAGAIN || !(ring->flags & USHER_RING_POLLED) || sqpoll_awake(ring))
		return ret;

	ret = reap(ring);
	return ret < 0 ? ret : look(ring, cqe);
}

static int wait_cqe(struct usher_ring *ring, struct usher_cqe **cqe,
		    struct usher_enter *enter)
{
	int ret = look(ring, cqe);

	while (ret == -EAGAIN) {
		if (!(enter->flags & USHER_ENTER_DEADLINE) && sqpoll_awake(ring) &&
		    sqpoll_wait(ring, 1))
			return look(ring, cqe);
		ret = usher_ring_enter(ring->fd, enter);
		if (ret < 0)
			break;
		ret = look(ring, cqe);
	}
	return ret;
}

int usher_ring_wait_cqe(struct usher_ring *ring, struct usher_cqe **cqe)
{
	struct usher_enter enter = {
		.min_complete = 1,
	};

	return wait_cqe(ring, cqe, &enter);
}

int usher_ring_wait_cqe_timeout(struct usher_ring *ring, struct usher_cqe **cqe,
				__u64 deadline_ns)
{
	struct usher_enter enter = {
		.flags = USHER_ENTER_DEADLINE,
		.min_complete = 1,
		.deadline_ns = deadline_ns,
	};

	return wait_cqe(ring, cqe, &enter);
}
