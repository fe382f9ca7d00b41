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
 * usher_ring_get_sqe() writes an entry by members of its own type, so that the
 * compiler knows that it is none of the caller's memory, and leaves out what
 * usher_prep_*() writes again. For that, usher_prep_*() reads nothing of it.
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
#ifndef USHER_GNU_INLINE
#define USHER_GNU_INLINE	__attribute__((__gnu_inline__))
#endif

extern inline USHER_GNU_INLINE
__u32 usher_ring_sq_ready(const struct usher_ring *ring)
{
	return ring->sqe_tail -
	       __atomic_load_n(&ring->ctl->sq_head, __ATOMIC_ACQUIRE);
}

extern inline USHER_GNU_INLINE
__u32 usher_ring_sq_space_left(const struct usher_ring *ring)
{
	return ring->sq_entries - usher_ring_sq_ready(ring);
}

/**
 * usher_ring_sq_refresh() - the rare part of usher_ring_get_sqe()
 * @ring: ring whose @ring->sqe_next reached @ring->sqe_stop
 *
 * Looks how far the kernel is, and sets both anew.
 *
 * Return: whether there is a free entry.
 */
bool usher_ring_sq_refresh(struct usher_ring *ring);

extern inline USHER_GNU_INLINE
struct usher_sqe *usher_ring_get_sqe(struct usher_ring *ring)
{
	struct usher_sqe *sqe;

	if (__builtin_expect(ring->sqe_next == ring->sqe_stop, 0) &&
	    !usher_ring_sq_refresh(ring))
		return NULL;

	sqe = ring->sqe_next;
	ring->sqe_next = sqe + 1;
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
	return sqe;
}

/**
 * usher_prep_fill() - write every member of an entry but cid and nsid
 * @sqe: entry
 * @opcode: opcode
 * @cdw10_11: dwords 10 and 11
 * @cdw12: dword 12
 * @buf: buffer
 * @offset: bytes
 * @length: bytes
 */
void usher_prep_fill(struct usher_sqe *sqe, enum usher_opcode opcode,
		     __u64 cdw10_11, __u32 cdw12, __u32 buf, __u64 offset,
		     __u32 length);

extern inline USHER_GNU_INLINE
void usher_prep_fill(struct usher_sqe *sqe, enum usher_opcode opcode,
		     __u64 cdw10_11, __u32 cdw12, __u32 buf, __u64 offset,
		     __u32 length)
{
	/* Two stores fewer than by members */
	__le16 opcode_flags = __cpu_to_le16((__u8)opcode);
	__le64 dwords = __cpu_to_le64(cdw10_11);

	__builtin_memcpy(sqe, &opcode_flags, sizeof(opcode_flags));
	sqe->cdw2 = 0;
	sqe->cdw3 = 0;
	sqe->mptr = 0;
	sqe->dptr.offset = __cpu_to_le64(offset);
	sqe->dptr.length = __cpu_to_le32(length);
	sqe->dptr.buf = __cpu_to_le32(buf);
	__builtin_memcpy((char *)sqe + offsetof(struct usher_sqe, cdw10),
			 &dwords, sizeof(dwords));
	sqe->cdw12 = __cpu_to_le32(cdw12);
	sqe->cdw13 = 0;
	sqe->cdw14 = 0;
	sqe->cdw15 = 0;
}

/**
 * usher_prep_range() - a command on a range of blocks
 * @sqe: entry
 * @opcode: opcode
 * @slba: first block
 * @blocks: 1 to 65536
 * @buf: buffer, or 0 where the command moves no data to or from memory
 * @offset: bytes
 * @length: bytes
 *
 * Return: as usher_prep_read().
 */
int usher_prep_range(struct usher_sqe *sqe, enum usher_opcode opcode,
		     __u64 slba, __u32 blocks, __u32 buf, __u64 offset,
		     __u32 length);

extern inline USHER_GNU_INLINE
int usher_prep_range(struct usher_sqe *sqe, enum usher_opcode opcode,
		     __u64 slba, __u32 blocks, __u32 buf, __u64 offset,
		     __u32 length)
{
	if (__builtin_expect(!blocks || blocks > USHER_MAX_BLOCKS, 0)) {
		usher_prep_fill(sqe, USHER_OP_NONE, 0, 0, 0, 0, 0);
		return -EINVAL;
	}
	usher_prep_fill(sqe, opcode, slba, blocks - 1, buf, offset, length);
	return 0;
}

extern inline USHER_GNU_INLINE
int usher_prep_read(struct usher_sqe *sqe, __u64 slba, __u32 blocks, __u32 buf,
		    __u64 offset, __u32 length)
{
	return usher_prep_range(sqe, USHER_OP_READ, slba, blocks, buf,
				offset, length);
}

extern inline USHER_GNU_INLINE
int usher_prep_write(struct usher_sqe *sqe, __u64 slba, __u32 blocks, __u32 buf,
		     __u64 offset, __u32 length)
{
	return usher_prep_range(sqe, USHER_OP_WRITE, slba, blocks, buf,
				offset, length);
}

extern inline USHER_GNU_INLINE
void usher_sqe_set_tag(struct usher_sqe *sqe, __u16 tag)
{
	sqe->cid = __cpu_to_le16(tag);
}

/*
 * Entry n has the tag at @tags[n]. Which number the entry has that lies at a place: it
 * is the newest there.
 */
extern inline USHER_GNU_INLINE
int usher_sqe_set_data64(struct usher_ring *ring, struct usher_sqe *sqe, __u64 data)
{
	__u32 place, newest = ring->sqe_tail - 1;
	__u16 tag;

	if (__builtin_expect(!ring->data, 0))
		return -EOPNOTSUPP;
	place = (__u32)((size_t)((char *)sqe - ring->sqes) >> ring->sqe_shift);
	newest -= (newest - place) & (ring->sq_entries - 1);
	tag = ring->tags[newest & ring->tag_mask];
	ring->data[(tag - 1U) & ring->tag_mask] = data;
	sqe->cid = __cpu_to_le16(tag);
	return 0;
}

extern inline USHER_GNU_INLINE
int usher_sqe_set_data(struct usher_ring *ring, struct usher_sqe *sqe, void *data)
{
	return usher_sqe_set_data64(ring, sqe, (__UINTPTR_TYPE__)data);
}

extern inline USHER_GNU_INLINE
void usher_sqe_set_io_flags(struct usher_sqe *sqe, __u32 io_flags)
{
	io_flags &= USHER_IO_DEAC | USHER_IO_FUA | USHER_IO_LR;
	sqe->cdw12 |= __cpu_to_le32(io_flags);
}

extern inline USHER_GNU_INLINE
__u32 usher_ring_cq_ready(const struct usher_ring *ring)
{
	return __atomic_load_n(&ring->ctl->cq_tail, __ATOMIC_ACQUIRE) -
	       ring->cqe_head;
}

extern inline USHER_GNU_INLINE
unsigned int usher_ring_peek_batch_cqe(struct usher_ring *ring,
				       struct usher_cqe **cqes,
				       unsigned int count)
{
	__u32 ready = usher_ring_cq_ready(ring);
	char *cqe, *end;
	unsigned int i;

	if (__builtin_expect(!ready && (ring->flags & USHER_RING_POLLED), 0)) {
		struct usher_cqe *unused;

		usher_ring_peek_cqe(ring, &unused);
		ready = usher_ring_cq_ready(ring);
	}
	if (count > ready)
		count = ready;

	end = ring->cqes + ((size_t)ring->cq_entries << ring->cqe_shift);
	cqe = ring->cqes + ((size_t)(ring->cqe_head & (ring->cq_entries - 1)) <<
			    ring->cqe_shift);
	for (i = 0; i < count; i++) {
		cqes[i] = (struct usher_cqe *)(void *)cqe;
		cqe += (size_t)1 << ring->cqe_shift;
		if (cqe == end)
			cqe = ring->cqes;
	}
	return count;
}

extern inline USHER_GNU_INLINE
unsigned int usher_ring_peek_array(struct usher_ring *ring,
				   struct usher_cqe **cqes)
{
	__u32 index = ring->cqe_head & (ring->cq_entries - 1);
	__u32 count = usher_ring_cq_ready(ring);
	__u32 to_end = ring->cq_entries - index;

	*cqes = (struct usher_cqe *)(void *)
		(ring->cqes + ((size_t)index << ring->cqe_shift));
	if (__builtin_expect(!count && (ring->flags & USHER_RING_POLLED), 0)) {
		struct usher_cqe *unused;

		usher_ring_peek_cqe(ring, &unused);
		count = usher_ring_cq_ready(ring);
	}
	if (__builtin_expect((size_t)1 << ring->cqe_shift > sizeof(**cqes), 0))
		to_end = 1;
	return count < to_end ? count : to_end;
}

extern inline USHER_GNU_INLINE
void usher_ring_cq_advance(struct usher_ring *ring, __u32 count)
{
	ring->cqe_head += count;
	__atomic_store_n(&ring->ctl->cq_head, ring->cqe_head, __ATOMIC_RELEASE);
}

extern inline USHER_GNU_INLINE
void usher_cqe_seen(struct usher_ring *ring, struct usher_cqe *cqe)
{
	if (cqe)
		usher_ring_cq_advance(ring, 1);
}

extern inline USHER_GNU_INLINE
__u16 usher_cqe_tag(const struct usher_cqe *cqe)
{
	return __le16_to_cpu(cqe->cid);
}

/* The mask: whatever is in the ring, which others may have mapped, too */
extern inline USHER_GNU_INLINE
__u64 usher_cqe_get_data64(const struct usher_ring *ring, const struct usher_cqe *cqe)
{
	if (__builtin_expect(!ring->data, 0))
		return 0;
	return ring->data[(usher_cqe_tag(cqe) - 1U) & ring->tag_mask];
}

extern inline USHER_GNU_INLINE
void *usher_cqe_get_data(const struct usher_ring *ring, const struct usher_cqe *cqe)
{
	return (void *)(__UINTPTR_TYPE__)usher_cqe_get_data64(ring, cqe);
}

extern inline USHER_GNU_INLINE
__u16 usher_cqe_status(const struct usher_cqe *cqe)
{
	return __le16_to_cpu(cqe->status) >> 1 & 0x7ff;
}

extern inline USHER_GNU_INLINE
bool usher_cqe_dnr(const struct usher_cqe *cqe)
{
	return __le16_to_cpu(cqe->status) >> 15;
}

extern inline USHER_GNU_INLINE
__u64 usher_cqe_result(const struct usher_cqe *cqe)
{
	return (__u64)__le32_to_cpu(cqe->dw1) << 32 | __le32_to_cpu(cqe->dw0);
}

extern inline USHER_GNU_INLINE
__u16 usher_cqe_flags(const struct usher_cqe *cqe)
{
	return __le16_to_cpu(cqe->flags);
}

#endif /* USHER_INLINE_H */
