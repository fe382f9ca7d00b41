/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Raw mode: offsets for mmap(). First comes a range for each base address register,
 * then allocated memory, with one page for each id whatever the length of the memory:
 * so the offsets stay below 2^44, which processes of 32 bits can ask for.
 */
#ifndef _USHER_RAW_OFFSETS_H
#define _USHER_RAW_OFFSETS_H

/* The range of a base address register, in bytes, as a power of two */
#define USHER_RAW_REGION_SHIFT	40
/* Where memory begins, in bytes */
#define USHER_RAW_MEM_OFFSET	(8ULL << USHER_RAW_REGION_SHIFT)

#endif /* _USHER_RAW_OFFSETS_H */
