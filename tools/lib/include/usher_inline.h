/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What <usher.h> declares and a program calls for each command, defined so that
 * the compiler can put it into the caller. Include <usher.h>, not this.
 *
 * Where it does not (without optimization, through a pointer, from another
 * language), the library's function of the same name is called: ring.c compiles
 * these definitions as ordinary ones. They are part of every program's binary,
 * so what they read and write of the rings' layout stays what it is as long as
 * the library's SONAME does.
 *
 * Entries and rings are accessed by members of their own types only, never as
 * bytes: so the compiler knows that an entry is no memory of the caller's, and
 * leaves out what usher_ring_get_sqe() writes and usher_prep_*() overwrites.
 *
 * Indices are free-running 32-bit numbers: entry i is at i & (entries - 1), and
 * the difference of two of them, modulo 2^32, is how far one is ahead of the
 * other. Who writes an index publishes with a release store what it did before;
 * who reads it with an acquire load sees that:
 *
 *	sq_tail	process, release: the entries before it are filled
 *	sq_head	kernel: the entries before it were read, they may be reused.
 *		Acquire, so that no new entry is written before that
 *	cq_tail	kernel: the completions before it are written. Acquire, so that
 *		none is read before that
 *	cq_head	process, release: the completions before it were read, the kernel
 *		may write new ones there
 */
#ifndef USHER_INLINE_H
#define USHER_INLINE_H

#include <errno.h>
#include <asm/byteorder.h>

/* With this attribute no object file gets a copy, in any version of C or C++. */
#ifndef USHER_INLINE
#define USHER_INLINE	extern inline __attribute__((__gnu_inline__))
#endif

USHER_INLINE __u32 usher_ring_sq_ready(const struct usher_ring *ring)
{
	return ring->sqe_tail -
	       __atomic_load_n(&ring->ctl->sq_head, __ATOMIC_ACQUIRE);
}

USHER_INLINE __u32 usher_ring_sq_space_left(const struct usher_ring *ring)
{
	return ring->sq_entries - usher_ring_sq_ready(ring);
}

USHER_INLINE struct usher_sqe *usher_ring_get_sqe(struct usher_ring *ring)
{
	struct usher_sqe *sqe;
	size_t index;

	if (__builtin_expect(!usher_ring_sq_space_left(ring), 0))
		return NULL;

	index = ring->sqe_tail & (ring->sq_entries - 1);
	sqe = (struct usher_sqe *)(void *)
	      (ring->sqes + (index << ring->sqe_shift));
	ring->sqe_tail++;

	sqe->opcode = USHER_OP_NONE;
	sqe->flags = 0;
	sqe->cid = 0;
	sqe->nsid = __cpu_to_le32(ring->nsid);
	sqe->cdw2 = 0;
	sqe->cdw3 = 0;
	sqe->mptr = 0;
	sqe->dptr.offset = 0;
	sqe->dptr.length = 0;
	sqe->dptr.buf = 0;
	sqe->cdw10 = 0;
	sqe->cdw11 = 0;
	sqe->cdw12 = 0;
	sqe->cdw13 = 0;
	sqe->cdw14 = 0;
	sqe->cdw15 = 0;
	/* A later kernel may have larger entries. */
	if (__builtin_expect((size_t)1 << ring->sqe_shift > sizeof(*sqe), 0))
		__builtin_memset(sqe + 1, 0, ((size_t)1 << ring->sqe_shift) -
				 sizeof(*sqe));
	return sqe;
}

USHER_INLINE int usher_prep_rw(struct usher_sqe *sqe, enum usher_opcode opcode,
			       __u64 slba, __u32 blocks, __u32 buf,
			       __u64 offset, __u32 length)
{
	int ret = 0;

	if (__builtin_expect(!blocks || blocks > USHER_MAX_BLOCKS, 0)) {
		opcode = USHER_OP_NONE;
		slba = 0;
		blocks = 1;
		buf = 0;
		offset = 0;
		length = 0;
		ret = -EINVAL;
	}

	sqe->opcode = (__u8)opcode;
	sqe->flags = 0;
	sqe->cdw2 = 0;
	sqe->cdw3 = 0;
	sqe->mptr = 0;
	sqe->dptr.offset = __cpu_to_le64(offset);
	sqe->dptr.length = __cpu_to_le32(length);
	sqe->dptr.buf = __cpu_to_le32(buf);
	sqe->cdw10 = __cpu_to_le32((__u32)slba);
	sqe->cdw11 = __cpu_to_le32((__u32)(slba >> 32));
	sqe->cdw12 = __cpu_to_le32(blocks - 1);
	sqe->cdw13 = 0;
	sqe->cdw14 = 0;
	sqe->cdw15 = 0;
	return ret;
}

USHER_INLINE int usher_prep_read(struct usher_sqe *sqe, __u64 slba,
				 __u32 blocks, __u32 buf, __u64 offset,
				 __u32 length)
{
	return usher_prep_rw(sqe, USHER_OP_READ, slba, blocks, buf, offset,
			     length);
}

USHER_INLINE int usher_prep_write(struct usher_sqe *sqe, __u64 slba,
				  __u32 blocks, __u32 buf, __u64 offset,
				  __u32 length)
{
	return usher_prep_rw(sqe, USHER_OP_WRITE, slba, blocks, buf, offset,
			     length);
}

USHER_INLINE void usher_sqe_set_tag(struct usher_sqe *sqe, __u16 tag)
{
	sqe->cid = __cpu_to_le16(tag);
}

USHER_INLINE void usher_sqe_set_io_flags(struct usher_sqe *sqe, __u32 io_flags)
{
	io_flags &= USHER_IO_DEAC | USHER_IO_FUA | USHER_IO_LR;
	sqe->cdw12 |= __cpu_to_le32(io_flags);
}

USHER_INLINE __u32 usher_ring_cq_ready(const struct usher_ring *ring)
{
	return __atomic_load_n(&ring->ctl->cq_tail, __ATOMIC_ACQUIRE) -
	       ring->cqe_head;
}

USHER_INLINE unsigned int usher_ring_peek_batch_cqe(struct usher_ring *ring,
						    struct usher_cqe **cqes,
						    unsigned int count)
{
	__u32 ready = usher_ring_cq_ready(ring);
	__u32 mask = ring->cq_entries - 1;
	__u32 shift = ring->cqe_shift;
	__u32 head = ring->cqe_head;
	char *first = ring->cqes;
	unsigned int i;

	if (__builtin_expect(!ready && (ring->flags & USHER_RING_POLLED), 0)) {
		struct usher_cqe *cqe;

		usher_ring_peek_cqe(ring, &cqe);
		ready = usher_ring_cq_ready(ring);
	}
	if (count > ready)
		count = ready;
	for (i = 0; i < count; i++)
		cqes[i] = (struct usher_cqe *)(void *)
			  (first + ((size_t)((head + i) & mask) << shift));
	return count;
}

USHER_INLINE void usher_ring_cq_advance(struct usher_ring *ring, __u32 count)
{
	ring->cqe_head += count;
	__atomic_store_n(&ring->ctl->cq_head, ring->cqe_head, __ATOMIC_RELEASE);
}

USHER_INLINE void usher_cqe_seen(struct usher_ring *ring, struct usher_cqe *cqe)
{
	if (cqe)
		usher_ring_cq_advance(ring, 1);
}

USHER_INLINE __u16 usher_cqe_tag(const struct usher_cqe *cqe)
{
	return __le16_to_cpu(cqe->cid);
}

USHER_INLINE __u16 usher_cqe_status(const struct usher_cqe *cqe)
{
	return __le16_to_cpu(cqe->status) >> 1 & 0x7ff;
}

USHER_INLINE bool usher_cqe_dnr(const struct usher_cqe *cqe)
{
	return __le16_to_cpu(cqe->status) >> 15;
}

USHER_INLINE __u64 usher_cqe_result(const struct usher_cqe *cqe)
{
	return (__u64)__le32_to_cpu(cqe->dw1) << 32 | __le32_to_cpu(cqe->dw0);
}

USHER_INLINE __u16 usher_cqe_flags(const struct usher_cqe *cqe)
{
	return __le16_to_cpu(cqe->flags);
}

#endif /* USHER_INLINE_H */
