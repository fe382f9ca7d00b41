/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of libusher tell each other. ring.c, data.c and prep.c know memory
 * only; whatever asks the operating system is in linux.c and wait.c.
 */
#ifndef USHER_INTERNAL_H
#define USHER_INTERNAL_H

#include "usher.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

#pragma GCC visibility push(hidden)

/**
 * usher_ring_setup() - fill a ring from its mapping
 * @ring: filled, but for @ring->fd
 * @map: first byte of the mapping
 * @geometry: entries, offsets, shifts and size as the kernel answered them
 *
 * Continues where the indices in the mapping are.
 *
 * Return: 0, or -EPROTO when the geometry cannot be.
 */
int usher_ring_setup(struct usher_ring *ring, void *map,
		     const struct usher_ring_create *geometry);

/**
 * usher_ring_state() - whether completions are there, or can come
 * @ring: ring
 *
 * Makes no system call.
 *
 * Return: 0 there are; -EAGAIN, -ENODEV or -EBADFD as usher_ring_peek_cqe().
 */
int usher_ring_state(const struct usher_ring *ring);

/**
 * usher_ring_free_data64() - the end of usher_ring_enable_data64()
 * @ring: any ring
 */
void usher_ring_free_data64(struct usher_ring *ring);

/**
 * usher_ring_free_tags() - take back the tags of completions that were given back
 * @ring: ring with USHER_RING_DATA64
 *
 * Return: for how many entries from @ring->sqe_tail on there are tags.
 */
__u32 usher_ring_free_tags(struct usher_ring *ring);

/**
 * usher_ring_tag_entries() - see that the entries to be submitted have their tags
 * @ring: ring with USHER_RING_DATA64
 *
 * Return: 0, or -EINVAL one has a tag of the caller's.
 */
int usher_ring_tag_entries(struct usher_ring *ring);

#pragma GCC visibility pop

static inline struct usher_sqe *usher_ring_sqe_at(const struct usher_ring *ring, __u32 index)
{
	index &= ring->sq_entries - 1;
	return (void *)(ring->sqes + ((size_t)index << ring->sqe_shift));
}

static inline struct usher_cqe *usher_ring_cqe_at(const struct usher_ring *ring, __u32 index)
{
	index &= ring->cq_entries - 1;
	return (void *)(ring->cqes + ((size_t)index << ring->cqe_shift));
}

#endif /* USHER_INTERNAL_H */
