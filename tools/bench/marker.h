/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Marks the measured part of a program for the counter (counter.c). A marker is
 * a NOP of eight bytes with a displacement that no compiler makes: it does
 * nothing, and anything but the counter overlooks it.
 */
#ifndef MARKER_H
#define MARKER_H

#define MARKER_OPCODE	0x00841f0fU	/* nopl disp32(%rax,%rax), as it lies in memory */
#define MARKER_BEGIN	0x75736831U	/* counting starts from zero */
#define MARKER_END	0x75736832U	/* the sums are written out */
#define MARKER_HOLD	0x75736833U	/* the next doorbell stops the processor for hold= */

/* Also a barrier for the compiler: nothing moves across it. */
static inline __attribute__((always_inline)) void marker_begin(void)
{
	__asm__ __volatile__(".long %c0, %c1"
			     : : "i"(MARKER_OPCODE), "i"(MARKER_BEGIN) : "memory");
}

static inline __attribute__((always_inline)) void marker_end(void)
{
	__asm__ __volatile__(".long %c0, %c1"
			     : : "i"(MARKER_OPCODE), "i"(MARKER_END) : "memory");
}

static inline __attribute__((always_inline)) void marker_hold(void)
{
	__asm__ __volatile__(".long %c0, %c1"
			     : : "i"(MARKER_OPCODE), "i"(MARKER_HOLD) : "memory");
}

#endif /* MARKER_H */
