/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bus addresses of registered memory, laid out as PRP lists once, so that a
 * command's PRPs cost nothing per page (Base Specification 2.0, 4.1.1).
 *
 * A table page holds USHER_PRPS() entries and then the address of the next one, as
 * a PRP list does that goes on. A command inside the buffer points its PRP entry 2
 * into the table. The table belongs to the buffer and is constant once it is
 * filled, so readers need no lock.
 */
#ifndef _USHER_NVME_PRP_H
#define _USHER_NVME_PRP_H

#include <linux/bits.h>
#include <linux/nospec.h>
#include <linux/types.h>

struct device;
struct sg_table;

/* Entries of one table page before its chain pointer */
#define USHER_PRPS(shift)	((1U << ((shift) - 3)) - 1)

/* Data of one command: with one page more than this a list may need a chain. */
#define USHER_MAX_XFER_PAGES	512

/*
 * struct usher_prp_page - one page of a PRP table
 */
struct usher_prp_page {
	__le64		*virt;	/* entries, then the address of the next page */
	dma_addr_t	dma;	/* the page's own address */
};

/*
 * struct usher_prps - bus addresses of a buffer, in controller pages
 */
struct usher_prps {
	u32			shift;		/* log2 of the controller's page size */
	bool			linear;		/* each page follows the one before it */
	u32			nr;		/* controller pages */
	dma_addr_t		direct[2];	/* the first two addresses */
	u32			nr_tables;	/* @tables */
	struct usher_prp_page	*tables;	/* where @nr is above 2 */
};

int usher_prps_alloc(struct usher_prps *prps, struct device *dev);
void usher_prps_free(struct usher_prps *prps, struct device *dev);
int usher_prps_fill(struct usher_prps *prps, struct sg_table *sgt);
bool usher_prps_map(const struct usher_prps *prps, u64 from, u32 bytes,
		    dma_addr_t *prp1, dma_addr_t *prp2);
void usher_prps_list(const struct usher_prps *prps, u64 from, u32 bytes,
		     __le64 *list);
bool usher_prps_own_lists(void);

#if IS_ENABLED(CONFIG_KUNIT)
void usher_prps_set(struct usher_prps *prps, u32 index, dma_addr_t addr);
void usher_prps_chain(struct usher_prps *prps);
#endif

/* Bus address of controller page @index */
static inline dma_addr_t usher_prps_addr(const struct usher_prps *prps, u32 index)
{
	u32 per = USHER_PRPS(prps->shift);

	/* It comes from a process, and was only tested before it was believed. */
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

#endif /* _USHER_NVME_PRP_H */
