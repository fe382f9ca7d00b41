// SPDX-License-Identifier: GPL-2.0-only
/*
 * PRP tables: filled when a buffer is registered, read by each command on it. The
 * table pages go back to the system when the buffer is unmapped; see prp.h for their
 * layout.
 */
#include <linux/dma-mapping.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat.h"
#include "nvme/prp.h"

static bool usher_own_lists;
module_param_named(own_prp_lists, usher_own_lists, bool, 0444);
MODULE_PARM_DESC(own_prp_lists, "build a PRP list for each command, for controllers that do not accept lists that begin inside a page (N)");

/* Whether each command with a PRP list needs one of its own */
bool usher_prps_own_lists(void)
{
	return usher_own_lists;
}

/* ---- addresses ---- */

/* Store the address of controller page @index; in order, from 0 on. */
VISIBLE_IF_KUNIT void usher_prps_set(struct usher_prps *prps, u32 index,
				     dma_addr_t addr)
{
	u32 per = USHER_PRPS(prps->shift);

	if (!index)
		prps->linear = true;
	else if (addr != prps->direct[0] + ((u64)index << prps->shift))
		prps->linear = false;
	if (index < 2)
		prps->direct[index] = addr;
	if (prps->nr > 2)
		prps->tables[index / per].virt[index % per] = cpu_to_le64(addr);
}

/* Link the table pages. */
VISIBLE_IF_KUNIT void usher_prps_chain(struct usher_prps *prps)
{
	u32 i;

	for (i = 0; i + 1 < prps->nr_tables; i++)
		prps->tables[i].virt[USHER_PRPS(prps->shift)] =
			cpu_to_le64(prps->tables[i + 1].dma);
}

/**
 * usher_prps_map - the PRPs of a command
 * @prps: the buffer's addresses
 * @from: first byte, counted from the start of controller page 0
 * @bytes: data bytes, not zero; the range lies in the buffer
 * @prp1: PRP entry 1
 * @prp2: PRP entry 2: zero, the second page, or a list inside the table
 *
 * A list inside the table is right unless its last entry is the first of a
 * table page that the list did not begin in: one entry then remains where the
 * device comes to the chain pointer, and it takes that for data.
 *
 * Return: false when the command needs a list of its own for PRP entry 2, as
 * every list is with the parameter own_prp_lists.
 */
bool usher_prps_map(const struct usher_prps *prps, u64 from, u32 bytes,
		    dma_addr_t *prp1, dma_addr_t *prp2)
{
	u32 per = USHER_PRPS(prps->shift);
	u32 first = from >> prps->shift;
	u32 last = (from + bytes - 1) >> prps->shift;
	u32 second = first + 1;

	*prp1 = usher_prps_bus(prps, from);
	*prp2 = 0;
	if (last == first)
		return true;
	if (last == second) {
		*prp2 = usher_prps_addr(prps, second);
		return true;
	}
	if (usher_own_lists || (last % per == 0 && last / per != second / per))
		return false;
	*prp2 = prps->tables[second / per].dma + (second % per) * sizeof(__le64);
	return true;
}

/**
 * usher_prps_list - build a command's own list
 * @prps: the buffer's addresses
 * @from: as for usher_prps_map()
 * @bytes: as for usher_prps_map(), at most USHER_MAX_XFER_PAGES pages of data,
 *	so that the list fits in one page without a chain
 * @list: the list: a controller page
 */
void usher_prps_list(const struct usher_prps *prps, u64 from, u32 bytes,
		     __le64 *list)
{
	u32 per = USHER_PRPS(prps->shift);
	u32 first = from >> prps->shift;
	u32 left = ((from + bytes - 1) >> prps->shift) - first;
	u32 i, n;

	for (i = first + 1; left; i += n, left -= n) {
		/* As in usher_prps_addr() */
		u32 table = array_index_nospec(i / per, prps->nr_tables);

		n = min(left, per - i % per);
		memcpy(list, &prps->tables[table].virt[i % per], n * sizeof(*list));
		list += n;
	}
}

/* ---- memory ---- */

/* How many table pages one page of the host has */
static u32 usher_prps_per_host_page(const struct usher_prps *prps)
{
	return PAGE_SIZE >> prps->shift;
}

void usher_prps_free(struct usher_prps *prps, struct device *dev)
{
	u32 i;

	for (i = 0; i < prps->nr_tables && prps->tables[i].virt;
	     i += usher_prps_per_host_page(prps))
		dma_free_coherent(dev, PAGE_SIZE, prps->tables[i].virt,
				  prps->tables[i].dma);
	kvfree(prps->tables);
	prps->tables = NULL;
	prps->nr_tables = 0;
}

/* Charged to the process, as what else there is for each buffer */
static int usher_prps_alloc_table(struct usher_prps *prps, u32 i, struct device *dev)
{
	struct usher_prp_page *page = &prps->tables[i];

	if (i % usher_prps_per_host_page(prps)) {
		page->virt = (void *)page[-1].virt + BIT(prps->shift);
		page->dma = page[-1].dma + BIT(prps->shift);
		return 0;
	}
	page->virt = dma_alloc_coherent(dev, PAGE_SIZE, &page->dma,
					GFP_NOIO | __GFP_ACCOUNT);
	return page->virt ? 0 : -ENOMEM;
}

/**
 * usher_prps_alloc - the table pages of a buffer
 * @prps: with @shift and @nr set
 * @dev: reads them
 *
 * Not from a pool: it would keep what one process once had, and before 6.4 look at all
 * its pages for each that is taken or given back.
 *
 * Return: 0 or -ENOMEM.
 */
int usher_prps_alloc(struct usher_prps *prps, struct device *dev)
{
	u32 i;

	if (prps->nr <= 2)
		return 0;
	prps->nr_tables = DIV_ROUND_UP(prps->nr, USHER_PRPS(prps->shift));
	prps->tables = kvcalloc(prps->nr_tables, sizeof(*prps->tables),
				GFP_KERNEL_ACCOUNT);
	if (!prps->tables)
		return -ENOMEM;
	for (i = 0; i < prps->nr_tables; i++) {
		if (usher_prps_alloc_table(prps, i, dev)) {
			usher_prps_free(prps, dev);
			return -ENOMEM;
		}
	}
	return 0;
}

/**
 * usher_prps_fill - write a buffer's addresses into its table
 * @prps: allocated
 * @sgt: the buffer's DMA mapping; its host pages may be larger than the
 *	controller's, never smaller
 *
 * Return: 0; -EOPNOTSUPP when a segment is not made of controller pages; -EIO when
 * there are not @nr of them.
 */
int usher_prps_fill(struct usher_prps *prps, struct sg_table *sgt)
{
	u32 per = USHER_PRPS(prps->shift);
	struct scatterlist *sg;
	u32 index = 0, i, n;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		dma_addr_t addr = sg_dma_address(sg);

		if (!IS_ALIGNED(addr | sg_dma_len(sg), BIT(prps->shift)))
			return -EOPNOTSUPP;
		for (n = sg_dma_len(sg) >> prps->shift; n; n--) {
			usher_prps_set(prps, index++, addr);
			addr += BIT(prps->shift);
			if (index % per == 0)
				cond_resched();
		}
	}
	usher_prps_chain(prps);
	return index == prps->nr ? 0 : -EIO;
}
