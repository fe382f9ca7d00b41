/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of libusher tell each other. ring.c and prep.c know memory
 * only; whatever asks the operating system is in linux.c.
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

#pragma GCC visibility pop

#endif /* USHER_INTERNAL_H */
