// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * 64 bits of user data for each command of a ring, whose tags the library chooses.
 *
 * Entries and completions of a ring are numbered by free-running indices, and each
 * entry has one completion: so when nothing is outstanding both are at the same number.
 * @tags is a queue of free tags that goes by these numbers: entry n takes the tag at
 * n, the completion n puts its tag there again, for the entry that comes a whole queue
 * later. That entry is not handed out before.
 *
 * The completion side only reads data, and moves cq_head when it has. All else
 * belongs to the submission side: when it runs out of entries it looks how far cq_head
 * is, and reads in the completions before it which tags came back. They are still there:
 * the queue is not longer than the completion ring, so the entries whose completions
 * would overwrite them were not handed out. So neither taking an entry nor giving a
 * completion back has more to do than on other rings.
 */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

/* Tags have 16 bits, and their number is a power of two. */
#define MAX_TAGS	32768U

int usher_ring_enable_data64(struct usher_ring *ring)
{
	__u32 tail = __atomic_load_n(&ring->ctl->cq_tail, __ATOMIC_ACQUIRE);
	__u32 i, count = ring->cq_entries;
	__u64 *data;

	if (ring->data || ring->sqe_tail != tail || ring->cqe_head != tail)
		return -EBUSY;
	if (count > MAX_TAGS)
		count = MAX_TAGS;
	data = calloc(count, sizeof(*ring->data) + sizeof(*ring->tags));
	if (!data)
		return -ENOMEM;

	ring->data = data;
	ring->tags = (__u16 *)(void *)(data + count);
	ring->tag_mask = count - 1;
	ring->tags_back = tail;
	/* Backwards: tags that a program counts up itself are noticed at once. */
	for (i = 0; i < count; i++)
		ring->tags[(tail + i) & ring->tag_mask] = (__u16)(count - i);
	ring->flags |= USHER_RING_DATA64;
	/* The entries that are known to be free may be more than there are tags. */
	ring->sqe_next = NULL;
	ring->sqe_stop = NULL;
	return 0;
}

void usher_ring_free_data64(struct usher_ring *ring)
{
	free(ring->data);
}

__u32 usher_ring_free_tags(struct usher_ring *ring)
{
	/* Pairs with the release of usher_ring_cq_advance(): their data were read. */
	__u32 head = __atomic_load_n(&ring->ctl->cq_head, __ATOMIC_ACQUIRE);

	/* Past what was submitted: the kernel will say that the ring is broken. */
	if (head - ring->tags_back > ring->sqe_tail - ring->tags_back)
		return 0;
	for (; ring->tags_back != head; ring->tags_back++) {
		const struct usher_cqe *cqe = usher_ring_cqe_at(ring, ring->tags_back);

		ring->tags[ring->tags_back & ring->tag_mask] = usher_cqe_tag(cqe);
	}
	return ring->tag_mask + 1 - (ring->sqe_tail - head);
}

int usher_ring_tag_entries(struct usher_ring *ring)
{
	__u32 i;

	for (i = ring->ctl->sq_tail; i != ring->sqe_tail; i++) {
		struct usher_sqe *sqe = usher_ring_sqe_at(ring, i);
		__u16 tag = ring->tags[i & ring->tag_mask];

		if (!sqe->cid)
			usher_sqe_set_data64(ring, sqe, 0);
		else if (__le16_to_cpu(sqe->cid) != tag)
			return -EINVAL;
	}
	return 0;
}
