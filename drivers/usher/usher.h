/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * usher: internal types. Each field says what it is and which lock guards it;
 * a field without a lock is set before the object is published and constant
 * from then on.
 *
 * Lock order, outermost first:
 *
 *	usher_device.ns_lock
 *	  usher_device.buf_lock
 *	    usher_device.grant_lock
 *	    usher_device.qpair_lock
 *	    usher_bufs.lock
 *	      usher_ring.lock
 *	        usher_qpair.lock (irq-safe)
 *	          usher_device.state_lock (irq-safe)
 *
 * Sections (usher_enter()) take a ring.lock inside, slow ones qpair_lock or
 * buf_lock; nobody waits for sections to end with one of those held.
 */
#ifndef _USHER_H
#define _USHER_H

#include <linux/cdev.h>
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/idr.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/nvme.h>
#include <linux/pci.h>
#include <linux/percpu-refcount.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <uapi/linux/usher.h>

#include "core/chrdev.h"
#include "core/ioctl.h"
#include "core/pin.h"
#include "core/wq.h"

/* NVMe status with Do Not Retry, as the status field without its phase bit */
#define USHER_DNR		0x4000

/* CID: the slot's index below, its generation above (design: Words, slot) */
#define USHER_SLOT_BITS		10
#define USHER_SLOT_MASK		(BIT(USHER_SLOT_BITS) - 1)
#define USHER_MAX_SLOTS		1023	/* index 1023 would allow CID FFFFh */
#define USHER_MAX_DEPTH		1024	/* entries of a hardware queue */
#define USHER_QUEUE_DEPTH	256	/* so that many rings can share it */
#define USHER_MAX_QPAIRS	128
#define USHER_MAX_RING_ENTRIES	4096
#define USHER_MAX_RINGS		65536	/* of one grant */

#define USHER_ADMIN_DEPTH	16
#define USHER_ADMIN_OWN_CMDS	3
#define USHER_ADMIN_USER_CMDS	5
#define USHER_MAX_ABORTS	4	/* the rest: events, and commands given up */
#define USHER_ADMIN_TIMEOUT	(60 * HZ)
#define USHER_MAX_NAMESPACES	1024

/* Data of one command: with one page more than this a list may need a chain. */
#define USHER_MAX_XFER_PAGES	512
#define USHER_MAX_GRANT_DEPTH	32

struct usher_device;
struct usher_grant;
struct usher_qpair;
struct usher_slot;

/* ---- guard.c: pure, no locks, no device --------------------------------- */

/* Ranges of one command (USHER_DATA_SNAPSHOT): the smallest controller page */
#define USHER_SNAPSHOT_BYTES	4096

/**
 * struct usher_format - what a namespace's blocks look like
 * @csi: command set identifier (NVME_CSI_NVM or NVME_CSI_ZNS)
 * @lba_shift: log2 of the data bytes of a logical block, 9 to 16
 * @metadata: metadata bytes of a logical block, 0 for none
 * @extended: metadata follow each block's data in memory (extended LBA)
 * @pi: end-to-end protection is enabled in the format
 * @zone_blocks: logical blocks of a zone, 0 where not zoned
 * @zones_extended: zone descriptor extension size, in 64-byte units
 * @nguid: namespace globally unique identifier
 * @eui64: IEEE extended unique identifier
 */
struct usher_format {
	u8	csi;
	u8	lba_shift;
	u16	metadata;
	bool	extended;
	bool	pi;
	u64	zone_blocks;
	u8	zones_extended;
	u8	nguid[16];
	u8	eui64[8];
};

/**
 * struct usher_scope - all that the guard knows about who asks, and for what
 * @nsid: the grant's namespace
 * @rights: USHER_RIGHT_* of the grant
 * @slba: first logical block
 * @nlb: number of logical blocks; @slba + @nlb does not overflow
 * @ns_blocks: logical blocks of the whole namespace
 * @whole_ns: the grant covers the whole namespace
 * @fmt: format of the namespace
 * @lba_bytes: bytes that one block takes in memory
 * @max_bytes: data bytes that one command may move
 * @append_bytes: data bytes that one Zone Append may move
 * @oncs: ONCS of Identify Controller: optional commands there are
 * @max_ranges: ranges of one Dataset Management
 * @copy_ranges: source ranges of one Copy (MSRC + 1)
 * @copy_blocks: blocks of all source ranges of one Copy (MCL), 0: none
 * @copy_range_blocks: blocks of one source range of a Copy (MSSRL), 0: none
 * @copy_formats: bit map of Copy descriptor formats supported (OCFS)
 * @opcodes: commands with blocks of data that may be used at all: the format,
 *	the namespace's command set, the controller and the rights allow them;
 *	usher_guard_prepare()
 */
struct usher_scope {
	u32			nsid;
	u32			rights;
	u64			slba;
	u64			nlb;
	u64			ns_blocks;
	bool			whole_ns;
	struct usher_format	fmt;
	u32			lba_bytes;
	u32			max_bytes;
	u32			append_bytes;
	u16			oncs;
	u32			max_ranges;
	u32			copy_ranges;
	u32			copy_blocks;
	u32			copy_range_blocks;
	u16			copy_formats;
	DECLARE_BITMAP(opcodes, 256);
};

/**
 * enum usher_data - what the device does with a command's memory
 * @USHER_DATA_NONE: no data, DPTR is zero
 * @USHER_DATA_READS: the device reads it (a write to disk)
 * @USHER_DATA_WRITES: the device writes it (a read from disk)
 * @USHER_DATA_SNAPSHOT: ranges, which the kernel copies first and checks
 *	(usher_guard_ranges()); the device reads the copy
 */
enum usher_data {
	USHER_DATA_NONE,
	USHER_DATA_READS,
	USHER_DATA_WRITES,
	USHER_DATA_SNAPSHOT,
};

/**
 * struct usher_verdict - what the guard lets through
 * @data: what the device does with the memory
 * @bytes: data bytes the command moves, computed from the command; not above
 *	the DPTR's length; at most USHER_SNAPSHOT_BYTES for a snapshot
 */
struct usher_verdict {
	enum usher_data		data;
	u32			bytes;
};

void usher_guard_prepare(struct usher_scope *scope);
u16 usher_guard_check(const struct usher_scope *scope,
		      const struct usher_sqe *sqe, struct usher_verdict *v);
u16 usher_guard_ranges(const struct usher_scope *scope,
		       const struct usher_sqe *sqe, const void *ranges);
bool usher_format_equal(const struct usher_format *a,
			const struct usher_format *b);

/**
 * usher_guard_build - the device's command, from zero
 * @sqe: what usher_guard_check() let through, so that every bit copied here is
 *	one that its table allows
 * @cid: command identifier
 * @prp1: PRP entry 1, or 0
 * @prp2: PRP entry 2, or 0
 * @cmd: the command: all of it is written
 */
static inline void usher_guard_build(const struct usher_sqe *sqe, u16 cid,
				     dma_addr_t prp1, dma_addr_t prp2,
				     struct nvme_command *cmd)
{
	struct nvme_common_command *c = &cmd->common;

	__le32 cdw10 = sqe->cdw10, cdw11 = sqe->cdw11;
	__le32 cdw12 = sqe->cdw12, cdw13 = sqe->cdw13;

	c->opcode = sqe->opcode;
	c->flags = 0;
	c->command_id = cid;
	c->nsid = sqe->nsid;
	c->cdw2[0] = 0;
	c->cdw2[1] = 0;
	c->metadata = 0;
	c->dptr.prp1 = cpu_to_le64(prp1);
	c->dptr.prp2 = cpu_to_le64(prp2);
	c->cdw10 = cdw10;
	c->cdw11 = cdw11;
	c->cdw12 = cdw12;
	c->cdw13 = cdw13;
	c->cdw14 = 0;
	c->cdw15 = 0;
}

/* ---- buffer.c: registered memory and its PRP tables ---------------------- */

/* Entries of one table page before its chain pointer, 4 KiB pages */
#define USHER_PRPS(shift)	((1U << ((shift) - 3)) - 1)

/**
 * struct usher_prp_page - one page of a PRP table
 * @virt: entries, then a pointer to the next table page
 * @dma: the page's own address
 */
struct usher_prp_page {
	__le64		*virt;
	dma_addr_t	dma;
};

/**
 * struct usher_prps - bus addresses of a buffer, in controller pages
 * @shift: log2 of the controller's page size
 * @linear: all pages follow the first one, as they do behind an IOMMU
 * @nr: number of controller pages
 * @direct: their addresses where @nr is at most 2; the first in any case
 * @nr_tables: number of @tables
 * @tables: table pages, laid out as PRP lists, where @nr is above 2
 */
struct usher_prps {
	u32			shift;
	bool			linear;
	u32			nr;
	dma_addr_t		direct[2];
	u32			nr_tables;
	struct usher_prp_page	*tables;
};

/**
 * struct usher_buffer - user memory registered with a grant
 * @ref: percpu; commands in flight, and one until it is unregistered
 * @grant: charged for the pages; holds a reference
 * @ud: the device; holds a reference
 * @id: index in the grant's @bufs
 * @first: offset of the first byte in the first page
 * @length: bytes
 * @pin: host pages, pinned and charged
 * @sgt: DMA mapping of @pin
 * @prps: bus addresses
 * @mapped: @sgt and @prps are valid; ud->buf_lock
 * @leaked: the device may reach the pages for ever; set while it is stopped
 * @unused: its references are gone, only the leak keeps it; ud->buf_lock
 * @pinned: @pin's pages are pinned and charged; whoever clears it releases them
 * @node: in ud->buffers; ud->buf_lock
 * @work: releases the buffer where sleeping is allowed
 * @unpin_work: releases the pages of a buffer that outlives its device
 */
struct usher_buffer {
	struct percpu_ref	ref;
	struct usher_grant	*grant;
	struct usher_device	*ud;
	u32			id;
	u32			first;
	u64			length;
	struct usher_pin	pin;
	struct sg_table		sgt;
	struct usher_prps	prps;
	bool			mapped;
	bool			leaked;
	bool			unused;
	bool			pinned;
	struct list_head	node;
	struct work_struct	work;
	struct work_struct	unpin_work;
};

bool usher_prps_map(const struct usher_prps *prps, u64 from, u32 bytes,
		    dma_addr_t *prp1, dma_addr_t *prp2);
void usher_prps_list(const struct usher_prps *prps, u64 from, u32 bytes,
		     __le64 *list);
void usher_prps_set(struct usher_prps *prps, u32 index, dma_addr_t addr);
void usher_prps_chain(struct usher_prps *prps);

/*
 * A table page holds USHER_PRPS entries and then the address of the next one,
 * as a PRP list does that goes on (Base Specification 2.0, 4.1.1).
 */
static inline dma_addr_t usher_prps_addr(const struct usher_prps *prps,
					 u32 index)
{
	u32 per = USHER_PRPS(prps->shift);

	/* Comes from a process, which was believed after a test only. */
	index = array_index_nospec(index, prps->nr);
	if (prps->nr <= 2)
		return prps->direct[index];
	return le64_to_cpu(prps->tables[index / per].virt[index % per]);
}

/*
 * Bus address of byte @from, counted from the start of controller page 0. A
 * table that need not be read is not: commands on a large buffer would have a
 * cache miss each.
 */
static inline dma_addr_t usher_prps_bus(const struct usher_prps *prps, u64 from)
{
	if (prps->linear)
		return prps->direct[0] + from;
	return usher_prps_addr(prps, from >> prps->shift) +
	       (from & (BIT(prps->shift) - 1));
}

/* Whether one page has it all, as most commands' data */
static inline bool usher_prps_in_one(const struct usher_prps *prps, u64 from,
				     u32 bytes)
{
	return !((from ^ (from + bytes - 1)) >> prps->shift);
}

int usher_buffer_register(struct usher_grant *grant,
			  struct usher_buf_register *arg);
int usher_buffer_unregister(struct usher_grant *grant, u32 id);
void usher_buffers_drop(struct usher_grant *grant);
void usher_buffer_snapshot(const struct usher_buffer *buf, u64 offset,
			   void *to, u32 bytes);
void usher_buffers_unmap(struct usher_device *ud, bool proven);
u64 usher_buffers_leaked(struct usher_device *ud);

/* ---- bufs.c: a grant's buffers by id --------------------------------------- */

#define USHER_MAX_BUFS		(SZ_1M - 1)

/**
 * struct usher_buf_table - buffers by id
 * @rcu: frees a table that was replaced
 * @nr: number of @bufs
 * @bufs: a buffer, or NULL; written under usher_bufs.lock
 */
struct usher_buf_table {
	struct rcu_head			rcu;
	u32				nr;
	struct usher_buffer __rcu	*bufs[];
};

/**
 * struct usher_bufs - a grant's buffers
 * @lock: guards @table and what is in it
 * @ids: ids in use or reserved
 * @table: commands read it under RCU
 */
struct usher_bufs {
	struct mutex			lock; /* table */
	struct ida			ids;
	struct usher_buf_table __rcu	*table;
};

void usher_bufs_init(struct usher_bufs *bufs);
void usher_bufs_destroy(struct usher_bufs *bufs);
int usher_bufs_reserve(struct usher_bufs *bufs, u32 *id);
void usher_bufs_unreserve(struct usher_bufs *bufs, u32 id);
void usher_bufs_set(struct usher_bufs *bufs, u32 id, struct usher_buffer *buf);
struct usher_buffer *usher_bufs_take(struct usher_bufs *bufs, u32 id);
u32 usher_bufs_end(struct usher_bufs *bufs);

/*
 * A reference for one command, or NULL when there is no such buffer. In an RCU
 * section, inline: every command comes here.
 */
static inline struct usher_buffer *usher_bufs_get(struct usher_bufs *bufs,
						  u32 id)
{
	/* Pairs with the assignments in bufs.c. */
	struct usher_buf_table *table = rcu_dereference(bufs->table);
	struct usher_buffer *buf;

	if (id >= table->nr)
		return NULL;
	buf = rcu_dereference(table->bufs[array_index_nospec(id, table->nr)]);
	return buf && percpu_ref_tryget_live_rcu(&buf->ref) ? buf : NULL;
}

/* ---- qpair.c: hardware queues ------------------------------------------- */

/**
 * struct usher_share - a ring's part of a queue pair; qpair.lock guards it all
 * @rings: in qpair.shares
 * @waiting: in qpair.waiters while the ring wants slots, else empty
 * @dirty: in a pass's list of rings to wake, see qpair.dirty
 * @next_dirty: next in that list, or NULL
 * @held: slots in flight, or reserved in a batch; read without the lock by who
 *	serves a ring
 * @turn: commands left of its turn among the waiters, 0 between turns
 * @closed: the ring's fd is closed; the last slot returned releases the ring
 */
struct usher_share {
	struct list_head	rings;
	struct list_head	waiting;
	struct usher_share	*next_dirty;
	u32			held;
	u32			turn;
	bool			dirty;
	bool			closed;
};

/**
 * struct usher_slot - one command in flight; qpair.lock guards it all
 * @share: the ring it belongs to, NULL on the admin queue
 * @buf: registered memory the device may reach, or NULL
 * @deadline: when the watchdog acts, in jiffies; 0 is never
 * @aux: index of the auxiliary page in use, or -1
 * @tag: the process's CID
 * @cid: command identifier: its index, and a generation in the upper bits
 *	that goes on when the command is done
 * @busy: in flight
 * @aborted: an Abort was sent for it
 */
struct usher_slot {
	struct usher_share	*share;
	struct usher_buffer	*buf;
	unsigned long		deadline;
	s16			aux;
	__le16			tag;
	u16			cid;
	bool			busy;
	bool			aborted;
};

/**
 * struct usher_qpair_ops - what the users of a queue pair do
 * @complete: a slot is done: from the device or, with @flags, by the driver;
 *	the slot is freed by the caller. Called with qpair.lock held.
 * @flush: the pass is over: wake the waiters of a dirty share. Called with
 *	qpair.lock held.
 * @serve: submit up to @budget waiting commands of a share, answer how many,
 *	and let go of it; in an srcu section; may sleep
 * @idle: the last slot of a closed share came back; qpair.lock held
 * @get: hold a share for @serve; qpair.lock held
 */
struct usher_qpair_ops {
	void (*complete)(struct usher_qpair *qp, struct usher_slot *slot,
			 __le64 result, __le16 status, u16 flags);
	void (*flush)(struct usher_share *share);
	u32 (*serve)(struct usher_share *share, u32 budget);
	void (*idle)(struct usher_share *share);
	void (*get)(struct usher_share *share);
};

/**
 * struct usher_aux - a controller page for a snapshot or a list of its own
 * @virt: the page
 * @dma: its bus address
 */
struct usher_aux {
	void		*virt;
	dma_addr_t	dma;
};

#define USHER_NR_AUX		2

/**
 * struct usher_qpair - a hardware submission and completion queue
 * @lock: guards everything below it, taken in hard interrupts
 * @ud: the device
 * @ops: who uses it
 * @qid: queue identifier, 0 for the admin queue
 * @depth: entries of each queue
 * @irq: Linux interrupt number, valid with @has_irq
 * @vector: MSI-X vector index
 * @name: of the interrupt
 * @has_irq: the interrupt is requested; ud->qpair_lock
 * @polled: created with interrupts off; ud->qpair_lock
 * @created: the device has the queues; ud->qpair_lock
 * @failed: creating failed, so not again before a reset; ud->qpair_lock
 * @nr_rings: rings that use it; ud->qpair_lock
 * @sq: submission queue, coherent memory
 * @sq_dma: its bus address
 * @cq: completion queue, coherent memory
 * @cq_dma: its bus address
 * @sq_db: submission queue tail doorbell
 * @cq_db: completion queue head doorbell
 * @db: shadow doorbells of this pair and their event indices, or NULL
 * @slots: depth - 1 of them
 * @free: stack of free slot indices
 * @nr_free: height of @free
 * @nr_shares: number of @shares
 * @shares: rings on this queue
 * @nr_idle: shares that hold no slot, each of which is owed one
 * @waiters: shares that want slots, in turn
 * @dirty: shares that got completions in this pass, empty between passes
 * @aux: auxiliary pages
 * @aux_free: bit map of free @aux
 * @nr_aux: number of @aux
 * @sq_tail: where the next command goes
 * @db_tail: last value of @sq_tail the device was told
 * @cq_head: where the next completion is
 * @db_head: last value of @cq_head the device was told
 * @phase: the phase bit it will have
 * @completed: commands that the device completed
 * @reaped: completions were taken without their interrupt, which is to come
 * @bogus: impossible completions since the last good one
 * @stopped: takes no command: the device is not live
 * @serve_work: usher_qpair_serve() after an interrupt, or where one call of it
 *	had enough
 */
struct usher_qpair {
	spinlock_t			lock; /* slots, both queues, shares */
	struct usher_device		*ud;
	const struct usher_qpair_ops	*ops;
	u16				qid;
	u16				depth;
	int				irq;
	u16				vector;
	char				name[24];
	bool				has_irq;
	bool				polled;
	bool				created;
	bool				failed;
	u32				nr_rings;
	struct nvme_command		*sq;
	dma_addr_t			sq_dma;
	struct nvme_completion		*cq;
	dma_addr_t			cq_dma;
	void __iomem			*sq_db;
	void __iomem			*cq_db;
	struct usher_shadow {
		__le32	*sq;
		__le32	*sq_event;
		__le32	*cq;
		__le32	*cq_event;
	}				db;
	struct usher_slot		*slots;
	u16				*free;
	u32				nr_free;
	u32				nr_shares;
	struct list_head		shares;
	u32				nr_idle;
	struct list_head		waiters;
	struct usher_share		*dirty;
	struct usher_aux		*aux;
	unsigned long			*aux_free;
	u32				nr_aux;
	u16				sq_tail;
	u16				db_tail;
	u16				cq_head;
	u16				db_head;
	u8				phase;
	u64				completed;
	bool				reaped;
	u32				bogus;
	bool				stopped;
	struct work_struct		serve_work;
};

extern const struct usher_qpair_ops usher_admin_ops;

struct usher_qpair *usher_qpair_alloc(struct usher_device *ud, u16 qid,
				      u16 depth, u32 nr_aux,
				      const struct usher_qpair_ops *ops);
void usher_qpair_free_dma(struct usher_qpair *qp);
void usher_qpair_free(struct usher_qpair *qp);
void usher_qpair_reset(struct usher_qpair *qp);
int usher_qpair_request_irq(struct usher_qpair *qp);
void usher_qpair_free_irq(struct usher_qpair *qp);

void usher_share_init(struct usher_share *share);
int usher_share_join(struct usher_qpair *qp, struct usher_share *share);
void usher_share_leave(struct usher_qpair *qp, struct usher_share *share);
bool usher_share_close(struct usher_qpair *qp, struct usher_share *share);

u32 usher_qpair_reserve(struct usher_qpair *qp, struct usher_share *share,
			u32 want, bool turn);
void usher_qpair_unreserve(struct usher_qpair *qp, struct usher_share *share,
			   u32 n);
void usher_qpair_wait(struct usher_qpair *qp, struct usher_share *share);
int usher_qpair_get_aux(struct usher_qpair *qp, struct usher_share *share);
void usher_qpair_put_aux(struct usher_qpair *qp, int aux);
void usher_qpair_doorbell(struct usher_qpair *qp);
u32 usher_qpair_reap(struct usher_qpair *qp);
void usher_qpair_flush(struct usher_qpair *qp);
void usher_qpair_stop(struct usher_qpair *qp, bool leak);
void usher_qpair_serve(struct usher_qpair *qp);
bool usher_qpair_expire(struct usher_qpair *qp, unsigned long timeout);
struct usher_slot *usher_slot_lookup(struct usher_qpair *qp, u16 cid);

/* Is there something to reap? In a section; a hint, without the lock. */
static inline bool usher_qpair_pending(const struct usher_qpair *qp)
{
	const struct nvme_completion *hw = &qp->cq[READ_ONCE(qp->cq_head)];

	return (le16_to_cpu(READ_ONCE(hw->status)) & 1) == READ_ONCE(qp->phase);
}

/*
 * What every command goes through on its way to the queue, inline. First a free
 * slot, of which the caller knows that there is one, and fills it in.
 */
static inline struct usher_slot *usher_slot_take(struct usher_qpair *qp)
{
	struct usher_slot *slot;

	lockdep_assert_held(&qp->lock);

	slot = &qp->slots[qp->free[--qp->nr_free]];
	slot->aborted = false;
	slot->busy = true;
	return slot;
}

/*
 * Where the next command is to be written. There is always room: a slot is one
 * of depth - 1.
 */
static inline struct nvme_command *usher_slot_command(struct usher_qpair *qp)
{
	return &qp->sq[qp->sq_tail];
}

/* It is written. The doorbell comes after the batch. */
static inline void usher_slot_submit(struct usher_qpair *qp)
{
	lockdep_assert_held(&qp->lock);

	if (++qp->sq_tail == qp->depth)
		qp->sq_tail = 0;
}

/* The share has completions to be shown; usher_qpair_flush() comes later. */
static inline void usher_share_mark(struct usher_qpair *qp,
				    struct usher_share *share)
{
	lockdep_assert_held(&qp->lock);

	if (share->dirty)
		return;
	share->dirty = true;
	share->next_dirty = qp->dirty;
	qp->dirty = share;
}

/* ---- pool.c: which queue pair a ring gets ---------------------------------- */

struct usher_qpair *usher_pool_get(struct usher_device *ud, bool polled);
void usher_pool_put(struct usher_qpair *qp);
int usher_pool_restart(struct usher_device *ud);

/* ---- device.c: a PCI function from probe to remove ------------------------ */

enum usher_state {
	USHER_NEW,
	USHER_LIVE,
	USHER_RESETTING,
	USHER_GONE,
};

enum usher_node_kind {
	USHER_NODE_CTRL,
	USHER_NODE_NS,
	USHER_NODE_SLICE,
};

/**
 * struct usher_node - a character device
 * @dev: the class device; its release frees the node
 * @cdev: the character device
 * @kind: which of the three
 * @ud: the device; holds a reference
 * @grant: what opening it gives, at most; holds a reference
 * @list: in the namespace's @slices; ud->ns_lock
 * @id: number of a slice in its namespace
 * @uid: owner of a slice's node
 * @gid: group of a slice's node
 * @mode: permission bits
 */
struct usher_node {
	struct device		dev;
	struct cdev		cdev;
	enum usher_node_kind	kind;
	struct usher_device	*ud;
	struct usher_grant	*grant;
	struct list_head	list;
	u32			id;
	kuid_t			uid;
	kgid_t			gid;
	umode_t			mode;
};

/**
 * struct usher_ns - an active namespace
 * @nsid: its identifier, index in ud->namespaces
 * @blocks: logical blocks (NSZE)
 * @fmt: its format
 * @node: its character device
 * @slices: slice nodes; ud->ns_lock
 * @slice_ids: numbers of @slices; ud->ns_lock
 */
struct usher_ns {
	u32			nsid;
	u64			blocks;
	struct usher_format	fmt;
	struct usher_node	*node;
	struct list_head	slices;
	struct ida		slice_ids;
};

enum usher_admin_kind {
	USHER_ADMIN_SYNC,
	USHER_ADMIN_EVENT,
	USHER_ADMIN_ABORT,
};

/**
 * struct usher_admin_cmd - an admin command; the admin queue's lock guards it
 * @kind: what to do when it completes
 * @done: the completion came, or the driver made one
 * @abandoned: nobody waits any more
 * @user: a query of a process
 * @status: NVMe status without phase, or a negative errno
 * @result: completion dword 0
 *
 * It goes with the auxiliary page of the same index, which holds its data.
 */
struct usher_admin_cmd {
	enum usher_admin_kind	kind;
	bool			done;
	bool			abandoned;
	bool			user;
	int			status;
	u32			result;
};

/**
 * struct usher_device - a bound PCI function
 * @ref: open files, nodes, buffers, and the binding itself
 * @pdev: the function; not to be touched after remove() has returned
 * @id: N of /dev/usherN
 * @state_lock: guards @state's changes, irq-safe
 * @state: where it is in its life; read in @srcu sections
 * @srcu: sections of fast-path calls, which teardown waits for
 * @slow: sections that may wait for an admin command
 * @reset_work: resets the controller
 * @watchdog: looks for commands that are late
 * @event_work: reads what an asynchronous event announced
 * @resets: resets since the watchdog last saw a command completed; reset_work
 *	counts, the watchdog clears
 * @completed: commands completed when the watchdog last looked; watchdog only
 *
 * @bar: controller registers
 * @bar_bytes: bytes of @bar
 * @cap: CAP register
 * @page_shift: log2 of the controller's page size (CC.MPS)
 * @db_stride: bytes between doorbells
 * @max_queues: queue pairs whose doorbells are in @bar, the admin's included
 * @nr_vectors: interrupt vectors we have
 * @nr_queues: I/O queue pairs that may be created
 * @q_depth: entries of an I/O queue
 * @dma_stopped: proof that the device does not reach memory; probe,
 *	reset_work and remove(), one after the other
 *
 * @model: of Identify Controller, NUL-terminated
 * @serial: likewise
 * @firmware: likewise
 * @oncs: optional NVM commands
 * @vwc: has a volatile write cache
 * @mdts_bytes: bytes of one command, at most
 * @append_bytes: bytes of one Zone Append, at most
 * @ocfs: Copy descriptor formats
 * @oacs: optional admin commands
 * @oaes: optional asynchronous events
 * @event: completion dword 0 of the last asynchronous event
 * @aborts: Abort commands that may still be sent
 * @shutdown_timeout: of an orderly shutdown, in jiffies
 * @csi_all: the controller has several I/O command sets
 *
 * @admin: the admin queue
 * @admin_cmds: one for each auxiliary page of @admin
 * @own_places: synchronous admin commands that the driver may still send
 * @user_places: queries of processes that may still be sent
 * @admin_wait: waiters for admin commands and for changes of @state
 * @dbbuf_on: the device reads the shadow doorbells
 * @dbbuf_dbs: shadow doorbells, or NULL
 * @dbbuf_eis: event indices
 * @dbbuf_dbs_dma: bus address
 * @dbbuf_eis_dma: bus address
 *
 * @qpair_lock: guards @qpairs and who uses them
 * @qpairs: by qid - 1; an entry once set stays until teardown
 * @prp_pool: table pages and auxiliary pages
 *
 * @grant_lock: guards the tree of grants and what they have used
 * @buf_lock: guards @buffers
 * @buffers: all registered buffers
 * @lost: in the list of devices that nothing proved to have stopped
 *
 * @ns_lock: guards @namespaces, and slices
 * @namespaces: active namespaces by NSID
 * @node: the controller's character device
 */
struct usher_device {
	struct kref		ref;
	struct pci_dev		*pdev;
	int			id;
	spinlock_t		state_lock; /* changes of state */
	enum usher_state	state;
	struct srcu_struct	srcu;
	struct srcu_struct	slow;
	struct work_struct	reset_work;
	struct delayed_work	watchdog;
	struct work_struct	event_work;
	u32			resets;
	u64			completed;

	void __iomem		*bar;
	size_t			bar_bytes;
	u64			cap;
	u32			page_shift;
	u32			db_stride;
	u32			max_queues;
	u32			nr_vectors;
	u32			nr_queues;
	u32			q_depth;
	bool			dma_stopped;

	char			model[41];
	char			serial[21];
	char			firmware[9];
	u16			oncs;
	bool			vwc;
	u32			mdts_bytes;
	u32			append_bytes;
	u16			ocfs;
	u16			oacs;
	u32			oaes;
	u32			event;
	atomic_t		aborts;
	unsigned long		shutdown_timeout;
	bool			csi_all;

	struct usher_qpair	*admin;
	struct usher_admin_cmd	admin_cmds[USHER_ADMIN_DEPTH];
	atomic_t		own_places;
	atomic_t		user_places;
	wait_queue_head_t	admin_wait;
	bool			dbbuf_on;
	__le32			*dbbuf_dbs;
	__le32			*dbbuf_eis;
	dma_addr_t		dbbuf_dbs_dma;
	dma_addr_t		dbbuf_eis_dma;

	struct mutex		qpair_lock; /* who uses which queue */
	struct usher_qpair	*qpairs[USHER_MAX_QPAIRS];
	struct dma_pool		*prp_pool;

	struct mutex		grant_lock; /* tree of grants, charges */
	struct mutex		buf_lock; /* list of buffers */
	struct list_head	buffers;
	struct list_head	lost;

	struct mutex		ns_lock; /* namespaces, slices */
	struct xarray		namespaces;
	struct usher_node	*node;
};

extern struct pci_driver usher_driver;

bool usher_state_legal(enum usher_state from, enum usher_state to);
bool usher_set_state(struct usher_device *ud, enum usher_state to);
int usher_enter(struct usher_device *ud, int *idx);
int usher_enter_until(struct usher_device *ud, int *idx, ktime_t deadline);
void usher_leave(struct usher_device *ud, int idx);
int usher_enter_slow(struct usher_device *ud, int *idx);
void usher_leave_slow(struct usher_device *ud, int idx);
void usher_device_put(struct usher_device *ud);
void usher_device_wake(struct usher_device *ud);
void usher_device_fault(struct usher_device *ud, const char *why);

static inline enum usher_state usher_state(const struct usher_device *ud)
{
	return READ_ONCE(ud->state);
}

/* ---- node.c: character devices and their class ---------------------------- */

struct usher_node *usher_node_add(struct usher_device *ud,
				  enum usher_node_kind kind,
				  struct usher_grant *grant,
				  const struct usher_slice *slice,
				  const char *name);
void usher_node_remove(struct usher_node *node);

/* ---- admin.c: admin commands and queries ---------------------------------- */

/**
 * struct usher_admin_req - data and result of an admin command
 * @data: where the answer's data go, or NULL
 * @bytes: of @data, at most a controller page
 * @result: where completion dword 0 goes, or NULL
 * @user: on behalf of a process, which any signal may interrupt
 */
struct usher_admin_req {
	void	*data;
	u32	bytes;
	u32	*result;
	bool	user;
};

int usher_admin(struct usher_device *ud, struct nvme_command *cmd,
		const struct usher_admin_req *req);
int usher_identify(struct usher_device *ud, u32 nsid, u8 cns, u8 csi,
		   void *data);
int usher_set_feature(struct usher_device *ud, u8 fid, u32 cdw11, u32 *result);
int usher_get_log(struct usher_device *ud, u8 lid, void *data, u32 bytes);
void usher_nvme_abort(struct usher_qpair *qp, u16 cid);
void usher_nvme_arm_events(struct usher_device *ud);
int usher_nvme_query(struct usher_grant *grant, struct usher_admin *arg,
		     void *data);

/* ---- nvme.c: the controller, from reset to ready and to a stop ------------- */

int usher_nvme_alloc(struct usher_device *ud);
void usher_nvme_free_dma(struct usher_device *ud);
int usher_nvme_start(struct usher_device *ud);
bool usher_nvme_stop(struct usher_device *ud, bool shutdown);
bool usher_nvme_fatal(struct usher_device *ud);
int usher_nvme_create_queues(struct usher_qpair *qp);
int usher_nvme_delete_queues(struct usher_qpair *qp);

/* ---- ns.c: namespaces, slices and events ----------------------------------- */

int usher_ns_scan(struct usher_device *ud);
void usher_ns_remove_all(struct usher_device *ud);
void usher_ns_event(struct usher_device *ud);
int usher_slice_add(struct usher_grant *grant, struct usher_slice *arg);
int usher_slice_remove(struct usher_grant *grant, u32 id);

/* ---- grant.c: node, slice and grant fds ----------------------------------- */

/**
 * struct usher_grant - what an open file may do
 * @ref: files, rings, buffers, children and nodes
 * @users: the file and the rings: buffers stay registered while there are any
 * @ud: the device; holds a reference
 * @parent: where it was narrowed from, or NULL; holds a reference
 * @depth: number of ancestors
 * @children: narrowed from it; ud->grant_lock
 * @sibling: in the parent's @children; ud->grant_lock
 * @scope: what the guard checks against
 * @limits: what may be taken
 * @used: what is taken; ud->grant_lock
 * @dead: 0, -EACCES (revoked) or -ESTALE; written under ud->grant_lock, read
 *	in srcu sections
 * @bufs: registered memory, by id
 */
struct usher_grant {
	struct kref		ref;
	refcount_t		users;
	struct usher_device	*ud;
	struct usher_grant	*parent;
	u32			depth;
	struct list_head	children;
	struct list_head	sibling;
	struct usher_scope	scope;
	struct usher_limits	limits;
	struct usher_limits	used;
	int			dead;
	struct usher_bufs	bufs;
};

extern const struct file_operations usher_node_fops;

struct usher_grant *usher_grant_alloc(struct usher_device *ud,
				      struct usher_grant *parent,
				      const struct usher_scope *scope,
				      const struct usher_limits *limits);
struct usher_grant *usher_grant_get(struct usher_grant *grant);
void usher_grant_put(struct usher_grant *grant);
void usher_grant_use(struct usher_grant *grant);
void usher_grant_unuse(struct usher_grant *grant);
int usher_grant_narrow(const struct usher_grant *parent,
		       const struct usher_narrow *arg,
		       struct usher_scope *scope, struct usher_limits *limits);
void usher_grant_kill(struct usher_grant *grant, int why);
int usher_grant_charge(struct usher_grant *grant, u64 pinned, u32 rings);
void usher_grant_uncharge(struct usher_grant *grant, u64 pinned, u32 rings);

/* ---- ring.c: the data path; enter.c: ENTER; ringfd.c: ring fds ------------- */

/* Commands taken in one hold of a queue's lock */
#define USHER_BATCH		32

/**
 * struct usher_memory - what a command holds, and what its device is told of it
 * @buf: registered memory, referenced, or NULL
 * @prp1: PRP entry 1
 * @prp2: PRP entry 2
 * @aux: auxiliary page, or -1
 */
struct usher_memory {
	struct usher_buffer	*buf;
	dma_addr_t		prp1;
	dma_addr_t		prp2;
	int			aux;
};

/**
 * struct usher_command - a submission entry on its way to the queue
 * @sqe: the entry, as it was read
 * @v: the guard's verdict
 * @mem: its memory, where PRP entry 1 does not say it all
 */
struct usher_command {
	struct usher_sqe	sqe;
	struct usher_verdict	v;
	struct usher_memory	mem;
};

/**
 * struct usher_batch - entries that are taken in one hold of the queue's lock
 * @deadline: when the watchdog acts on them, in jiffies
 * @buf: of the last command with data, or NULL; its first command in this batch
 *	holds a reference, which cannot go before the lock is given up
 * @buf_id: its id
 * @buf_gets: references that its further commands still have to be given
 * @taken: entries taken
 * @full: the ring waits for a slot or an auxiliary page
 * @over: no further entry in this batch
 */
struct usher_batch {
	unsigned long		deadline;
	struct usher_buffer	*buf;
	u32			buf_id;
	u32			buf_gets;
	u32			taken;
	bool			full;
	bool			over;
};

/**
 * struct usher_ring - a submission and a completion ring shared with a process
 * @ref: the file, commands in flight and those who serve it
 * @grant: what it may do; counts as a user
 * @ud: the device, kept by @grant
 * @qp: where its commands go
 * @share: its part of @qp; qpair.lock
 * @flags: USHER_RING_*
 * @pages: the shared memory
 * @nr_pages: number of @pages
 * @ctl: control page, in the shared memory
 * @sq: submission entries, in the shared memory
 * @cq: completion entries, in the shared memory
 * @sq_entries: number of @sq
 * @cq_entries: number of @cq
 * @sq_offset: bytes from the start of the memory
 * @cq_offset: bytes from the start of the memory
 * @lock: one submitter at a time; never held while sleeping on anything else
 * @sq_head: next entry to read; @lock
 * @sq_want: entries before it were handed over by ENTER; @lock, and read without
 *	it by who serves
 * @cq_head: last head the process told; @lock
 * @command: the entry that is being taken; @lock
 * @batch: the batch that is being taken; @lock and qpair.lock
 * @accepted: commands taken, refused ones included; @lock
 * @refused: of these, refused; @lock
 * @cq_tail: completions posted; qpair.lock
 * @cq_shown: of these, shown to the process, modulo 2^32; written under
 *	qpair.lock, read by those who wait
 * @driver_completed: of these, made by the driver; qpair.lock
 * @broken: an index broke the rules; set once
 * @server: a thread is in ENTER to serve the ring; qpair.lock
 * @served: and it is awake; written under qpair.lock
 * @wait: those who wait in ENTER or poll
 * @wait_ns: how long waits lasted of late; written without a lock, it is a hint
 * @eventfd: signalled on completions, or NULL; qpair.lock
 * @free_work: releases the ring where sleeping is allowed
 */
struct usher_ring {
	struct kref		ref;
	struct usher_grant	*grant;
	struct usher_device	*ud;
	struct usher_qpair	*qp;
	struct usher_share	share;
	u32			flags;
	struct page		**pages;
	u32			nr_pages;
	struct usher_ring_ctl	*ctl;
	struct usher_sqe	*sq;
	struct usher_cqe	*cq;
	u32			sq_entries;
	u32			cq_entries;
	u32			sq_offset;
	u32			cq_offset;

	struct mutex		lock; /* submission */
	u32			sq_head;
	u32			sq_want;
	u32			cq_head;
	struct usher_command	command;
	struct usher_batch	batch;
	u64			accepted;
	u64			refused;

	u64			cq_tail;
	u32			cq_shown;
	u64			driver_completed;
	bool			broken;
	bool			server;
	bool			served;
	wait_queue_head_t	wait;
	u32			wait_ns;
	struct eventfd_ctx	*eventfd;
	struct work_struct	free_work;
};

extern const struct usher_qpair_ops usher_ring_ops;

int usher_ring_enter(struct usher_ring *ring, const struct usher_enter *arg,
		     bool nonblock);
int usher_ring_enter_serve(struct usher_ring *ring,
			   const struct usher_enter *arg);
void usher_ring_break(struct usher_ring *ring);
u32 usher_ring_cq_space(const struct usher_ring *ring);
u32 usher_ring_submit(struct usher_ring *ring, u32 most, bool turn);
void usher_ring_show_state(struct usher_ring *ring);
int usher_ring_poll_queue(struct usher_ring *ring);
void usher_ring_put(struct usher_ring *ring);
int usher_ring_create_fd(struct usher_grant *grant,
			 struct usher_ring_create *arg, void __user *argp);
void usher_rings_wake(struct usher_qpair *qp, bool gone);
unsigned long usher_timeout(void);
u32 usher_ring_aux(u16 depth);
u32 usher_ring_state(const struct usher_ring *ring);
u32 usher_ring_shown(const struct usher_ring *ring);

static inline bool usher_ring_sq_valid(u32 head, u32 tail, u32 entries)
{
	return tail - head <= entries;
}

/* @head must lie within [last, tail]. */
static inline bool usher_ring_cq_valid(u32 last, u32 head, u32 tail)
{
	return head - last <= tail - last;
}

/*
 * Take over what the process says of its indices, if it can be true. Inline:
 * every batch comes here, by ENTER and by the thread that serves.
 */
static inline int usher_ring_look(struct usher_ring *ring, u32 to_submit)
{
	/* Pairs with the process's release: its entries come first. */
	u32 sq_tail = smp_load_acquire(&ring->ctl->sq_tail);
	/* Pairs with the process's release: it has read the completions. */
	u32 cq_head = smp_load_acquire(&ring->ctl->cq_head);
	u32 want;

	lockdep_assert_held(&ring->lock);
	if (!usher_ring_sq_valid(ring->sq_head, sq_tail, ring->sq_entries) ||
	    !usher_ring_cq_valid(ring->cq_head, cq_head,
				 (u32)READ_ONCE(ring->cq_tail))) {
		usher_ring_break(ring);
		return -EBADFD;
	}
	ring->cq_head = cq_head;
	want = min(to_submit, sq_tail - ring->sq_head);
	if (want > ring->sq_want - ring->sq_head)
		WRITE_ONCE(ring->sq_want, ring->sq_head + want);
	return 0;
}

#endif /* _USHER_H */
