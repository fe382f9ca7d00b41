// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registered memory: pinned, DMA-mapped, and laid out as PRP lists once, so
 * that a command's PRPs cost nothing per page.
 */
#include <linux/dmapool.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "compat.h"
#include "usher.h"

/* ---- PRP tables: pure ---- */

/* Store the address of controller page @index; in order, from 0 on. */
void usher_prps_set(struct usher_prps *prps, u32 index, dma_addr_t addr)
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
void usher_prps_chain(struct usher_prps *prps)
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
 * Return: false when the command needs a list of its own for PRP entry 2.
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
	if (last % per == 0 && last / per != second / per)
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
	u32 first = from >> prps->shift;
	u32 last = (from + bytes - 1) >> prps->shift;
	u32 i;

	for (i = first + 1; i <= last; i++)
		*list++ = cpu_to_le64(usher_prps_addr(prps, i));
}

/* ---- PRP tables: memory ---- */

static void usher_prps_free(struct usher_device *ud, struct usher_prps *prps)
{
	u32 i;

	for (i = 0; i < prps->nr_tables && prps->tables[i].virt; i++)
		dma_pool_free(ud->prp_pool, prps->tables[i].virt,
			      prps->tables[i].dma);
	kvfree(prps->tables);
	prps->tables = NULL;
	prps->nr_tables = 0;
}

static int usher_prps_alloc(struct usher_device *ud, struct usher_prps *prps)
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
		struct usher_prp_page *page = &prps->tables[i];

		page->virt = dma_pool_zalloc(ud->prp_pool, GFP_NOIO,
					     &page->dma);
		if (!page->virt) {
			usher_prps_free(ud, prps);
			return -ENOMEM;
		}
	}
	return 0;
}

/* Host pages may be larger than the controller's, never smaller. */
static int usher_prps_fill(struct usher_buffer *buf)
{
	struct usher_prps *prps = &buf->prps;
	struct scatterlist *sg;
	u32 index = 0, i, n;

	for_each_sgtable_dma_sg(&buf->sgt, sg, i) {
		dma_addr_t addr = sg_dma_address(sg);

		if (!IS_ALIGNED(addr | sg_dma_len(sg), BIT(prps->shift)))
			return -EOPNOTSUPP;
		for (n = sg_dma_len(sg) >> prps->shift; n; n--) {
			usher_prps_set(prps, index++, addr);
			addr += BIT(prps->shift);
		}
	}
	usher_prps_chain(prps);
	return index == prps->nr ? 0 : -EIO;
}

/* ---- mapping ---- */

static void usher_buffer_unmap(struct usher_buffer *buf)
{
	struct usher_device *ud = buf->ud;

	usher_pin_unmap(&ud->pdev->dev, &buf->pin, &buf->sgt);
	sg_free_table(&buf->sgt);
	usher_prps_free(ud, &buf->prps);
}

/* In an srcu section: the device is there, and stays until the section ends. */
static int usher_buffer_map(struct usher_buffer *buf)
{
	struct usher_device *ud = buf->ud;
	struct device *dev = &ud->pdev->dev;
	int ret;

	ret = usher_pin_map(dev, &buf->pin, &buf->sgt);
	if (ret)
		return ret;
	ret = usher_prps_alloc(ud, &buf->prps);
	if (ret)
		goto unmap;
	ret = usher_prps_fill(buf);
	if (ret)
		goto free_prps;

	mutex_lock(&ud->buf_lock);
	buf->pinned = true;
	buf->mapped = true;
	list_add_tail(&buf->node, &ud->buffers);
	mutex_unlock(&ud->buf_lock);
	return 0;

free_prps:
	usher_prps_free(ud, &buf->prps);
unmap:
	usher_pin_unmap(dev, &buf->pin, &buf->sgt);
	return ret;
}

/* ---- life ---- */

/*
 * Pages and charges; the device does not reach the memory any more. Without
 * buf_lock: a file system may keep a page locked for as long as it likes.
 */
static void usher_buffer_unpin(struct usher_buffer *buf)
{
	if (!xchg(&buf->pinned, false))
		return;
	usher_unpin(&buf->pin);
	usher_uncharge_user(&buf->pin);
	usher_grant_uncharge(buf->grant, (u64)buf->pin.nr_pages << PAGE_SHIFT, 0);
}

static void usher_buffer_free(struct usher_buffer *buf)
{
	percpu_ref_exit(&buf->ref);
	kvfree(buf->pin.pages);
	kfree(buf);
}

/*
 * The last command is done. Readers of the table are through: killing the
 * reference waited for a grace period after the buffer was taken out of it. What the
 * device may still reach stays in the list, where kmemleak finds it.
 */
static void usher_buffer_work(struct work_struct *work)
{
	struct usher_buffer *buf = container_of(work, struct usher_buffer, work);
	struct usher_grant *grant = buf->grant;

	mutex_lock(&buf->ud->buf_lock);
	buf->unused = buf->leaked;
	if (buf->mapped && !buf->leaked) {
		list_del(&buf->node);
		buf->mapped = false;
		usher_buffer_unmap(buf);
	}
	mutex_unlock(&grant->ud->buf_lock);
	if (buf->unused)
		return;
	usher_buffer_unpin(buf);
	usher_buffer_free(buf);
	usher_grant_put(grant);
}

/* The last reference may go in an interrupt. */
static void usher_buffer_released(struct percpu_ref *ref)
{
	struct usher_buffer *buf = container_of(ref, struct usher_buffer, ref);

	queue_work(usher_slow_wq, &buf->work);
}

static void usher_buffer_unpin_work(struct work_struct *work)
{
	struct usher_buffer *buf = container_of(work, struct usher_buffer,
						unpin_work);

	usher_buffer_unpin(buf);
	percpu_ref_put(&buf->ref);
}

/* Unmapped at removal: who releases the pages depends on who holds it. */
static void usher_buffer_unpin_later(struct usher_buffer *buf)
{
	if (buf->unused)
		queue_work(usher_slow_wq, &buf->work);
	else if (percpu_ref_tryget(&buf->ref))
		queue_work(usher_slow_wq, &buf->unpin_work);
	/* else its release is on the way */
}

/**
 * usher_buffers_unmap - release the memory of all buffers of a device
 * @ud: the device; nothing is in flight
 * @proven: it is certain that the device reaches no memory any more
 *
 * Before remove() returns. The buffers stay as ids without memory until their
 * grants let go of them. What a device may still reach stays pinned and mapped
 * for ever (promise 3), unless there is proof now that an earlier attempt did
 * not find.
 */
void usher_buffers_unmap(struct usher_device *ud, bool proven)
{
	struct usher_buffer *buf, *next;

	mutex_lock(&ud->buf_lock);
	list_for_each_entry_safe(buf, next, &ud->buffers, node) {
		if (proven)
			buf->leaked = false;
		if (buf->leaked)
			continue;
		list_del(&buf->node);
		buf->mapped = false;
		usher_buffer_unmap(buf);
		usher_buffer_unpin_later(buf);
	}
	mutex_unlock(&ud->buf_lock);
}

/* Pages that a device may reach for ever, as far as is known now (promise 3) */
u64 usher_buffers_leaked(struct usher_device *ud)
{
	struct usher_buffer *buf;
	u64 pages = 0;

	mutex_lock(&ud->buf_lock);
	list_for_each_entry(buf, &ud->buffers, node)
		if (READ_ONCE(buf->leaked))
			pages += buf->pin.nr_pages;
	mutex_unlock(&ud->buf_lock);
	return pages;
}

static struct usher_buffer *usher_buffer_alloc(struct usher_grant *grant,
					       const struct usher_buf_register *arg)
{
	struct usher_device *ud = grant->ud;
	struct usher_buffer *buf;

	buf = kzalloc(sizeof(*buf), GFP_KERNEL_ACCOUNT);
	if (!buf)
		return NULL;
	buf->grant = grant;
	buf->ud = ud;
	buf->pin.rdonly = arg->flags & USHER_BUF_RDONLY;
	buf->first = offset_in_page(arg->addr);
	buf->length = arg->length;
	buf->pin.nr_pages = DIV_ROUND_UP_ULL(buf->first + arg->length, PAGE_SIZE);
	buf->prps.shift = ud->page_shift;
	buf->prps.nr = buf->pin.nr_pages << (PAGE_SHIFT - ud->page_shift);
	INIT_WORK(&buf->work, usher_buffer_work);
	INIT_WORK(&buf->unpin_work, usher_buffer_unpin_work);
	buf->pin.pages = kvmalloc_array(buf->pin.nr_pages, sizeof(*buf->pin.pages),
					GFP_KERNEL_ACCOUNT);
	if (!buf->pin.pages)
		goto free_buf;
	if (percpu_ref_init(&buf->ref, usher_buffer_released, 0, GFP_KERNEL))
		goto free_pages;
	return buf;

free_pages:
	kvfree(buf->pin.pages);
free_buf:
	kfree(buf);
	return NULL;
}

/* In a section: map, and let commands find it. */
static int usher_buffer_publish(struct usher_buffer *buf)
{
	struct usher_grant *grant = buf->grant;
	struct usher_device *ud = buf->ud;
	int idx, ret;

	ret = usher_enter_slow(ud, &idx);
	if (ret)
		return ret;
	ret = READ_ONCE(grant->dead);
	if (ret)
		goto leave;
	ret = usher_buffer_map(buf);
	if (ret)
		goto leave;
	usher_bufs_set(&grant->bufs, buf->id, buf);
leave:
	usher_leave_slow(ud, idx);
	return ret;
}

static int usher_check_register(const struct usher_buf_register *arg)
{
	u64 end;

	if (!arg->length || arg->length > USHER_MAX_BUF_BYTES || arg->addr & 3)
		return -EINVAL;
	if (check_add_overflow(arg->addr, arg->length, &end) ||
	    end > ULONG_MAX)
		return -EFAULT;
	return 0;
}

/**
 * usher_buffer_register - USHER_IOC_BUF_REGISTER
 * @grant: the buffer's grant, kept by the open file
 * @arg: flags checked; @arg->id is filled in
 */
int usher_buffer_register(struct usher_grant *grant,
			  struct usher_buf_register *arg)
{
	struct usher_buffer *buf;
	u64 bytes;
	int ret;

	ret = usher_check_register(arg);
	if (ret)
		return ret;
	if (!grant->scope.nsid)
		return -EOPNOTSUPP;
	buf = usher_buffer_alloc(grant, arg);
	if (!buf)
		return -ENOMEM;
	bytes = (u64)buf->pin.nr_pages << PAGE_SHIFT;

	ret = usher_grant_charge(grant, bytes, 0);
	if (ret)
		goto free_buf;
	ret = usher_pin(&buf->pin, arg->addr);
	if (ret)
		goto uncharge_grant;
	ret = usher_charge_user(&buf->pin);
	if (ret)
		goto unpin;
	ret = sg_alloc_table_from_pages(&buf->sgt, buf->pin.pages, buf->pin.nr_pages, 0,
					bytes, GFP_KERNEL_ACCOUNT);
	if (ret)
		goto uncharge_user;
	ret = usher_bufs_reserve(&grant->bufs, &buf->id);
	if (ret)
		goto free_table;
	usher_grant_get(grant);
	ret = usher_buffer_publish(buf);
	if (ret)
		goto unreserve;
	arg->id = buf->id;
	return 0;

unreserve:
	usher_bufs_unreserve(&grant->bufs, buf->id);
	usher_grant_put(grant);
free_table:
	sg_free_table(&buf->sgt);
uncharge_user:
	usher_uncharge_user(&buf->pin);
unpin:
	usher_unpin(&buf->pin);
uncharge_grant:
	usher_grant_uncharge(grant, bytes, 0);
free_buf:
	usher_buffer_free(buf);
	return ret;
}

int usher_buffer_unregister(struct usher_grant *grant, u32 id)
{
	struct usher_buffer *buf = usher_bufs_take(&grant->bufs, id);

	if (!buf)
		return -ENOENT;
	percpu_ref_kill(&buf->ref);
	return 0;
}

/* The last file or ring of a grant is gone. */
void usher_buffers_drop(struct usher_grant *grant)
{
	u32 id, end = usher_bufs_end(&grant->bufs);

	for (id = 1; id < end; id++) {
		usher_buffer_unregister(grant, id);
		cond_resched();
	}
}

/* ---- use by commands, in a section ---- */

/* Copy what lies in the buffer; the range was checked. */
void usher_buffer_snapshot(const struct usher_buffer *buf, u64 offset,
			   void *to, u32 bytes)
{
	u64 pos = buf->first + offset;

	while (bytes) {
		unsigned long page = array_index_nospec(pos >> PAGE_SHIFT,
							buf->pin.nr_pages);
		u32 in_page = offset_in_page(pos);
		u32 n = min_t(u32, bytes, PAGE_SIZE - in_page);

		memcpy_from_page(to, buf->pin.pages[page], in_page, n);
		to += n;
		pos += n;
		bytes -= n;
	}
}
