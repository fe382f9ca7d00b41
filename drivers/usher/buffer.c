// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registered memory: pinned, DMA-mapped, and laid out as PRP lists once, so
 * that a command's PRPs cost nothing per page.
 */
#include <linux/capability.h>
#include <linux/dma-map-ops.h>
#include <linux/dmapool.h>
#include <linux/highmem.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/slab.h>

#include "compat.h"
#include "usher.h"

/* Pages pinned at a time, so that a signal is seen in between */
#define USHER_PIN_BATCH		512

/* ---- PRP tables: pure ---- */

/* Store the address of controller page @index. */
void usher_prps_set(struct usher_prps *prps, u32 index, dma_addr_t addr)
{
	u32 per = USHER_PRPS(prps->shift);

	if (prps->nr <= 2)
		prps->direct[index] = addr;
	else
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

static bool usher_sg_bounced(struct device *dev, struct iommu_domain *domain,
			     struct scatterlist *sg)
{
	if (domain && domain->type & __IOMMU_DOMAIN_PAGING)
		return false;
	return dma_need_sync(dev, sg_dma_address(sg));
}

/*
 * A bounced mapping would need copies at each command; behind an IOMMU a
 * bounced page is one whose IOVA leads elsewhere.
 */
static bool usher_buffer_bounced(struct usher_buffer *buf)
{
	struct device *dev = &buf->ud->pdev->dev;
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);
	struct sg_dma_page_iter iter;
	struct scatterlist *sg;
	unsigned long n = 0;
	u32 i;

	for_each_sgtable_dma_sg(&buf->sgt, sg, i)
		if (usher_sg_bounced(dev, domain, sg))
			return true;
	if (!domain || !(domain->type & __IOMMU_DOMAIN_PAGING))
		return false;
	for_each_sgtable_dma_page(&buf->sgt, &iter, 0) {
		dma_addr_t iova = sg_page_iter_dma_address(&iter);

		if (iommu_iova_to_phys(domain, iova) !=
		    page_to_phys(buf->pages[n++]))
			return true;
	}
	return false;
}

static enum dma_data_direction usher_buffer_dir(const struct usher_buffer *buf)
{
	return buf->rdonly ? DMA_TO_DEVICE : DMA_BIDIRECTIONAL;
}

static void usher_buffer_unmap(struct usher_buffer *buf)
{
	struct usher_device *ud = buf->ud;

	dma_unmap_sgtable(&ud->pdev->dev, &buf->sgt, usher_buffer_dir(buf),
			  DMA_ATTR_SKIP_CPU_SYNC);
	sg_free_table(&buf->sgt);
	usher_prps_free(ud, &buf->prps);
}

/* In an srcu section: the device is there, and stays until the section ends. */
static int usher_buffer_map(struct usher_buffer *buf)
{
	struct usher_device *ud = buf->ud;
	struct device *dev = &ud->pdev->dev;
	int ret;

	if (!dev_is_dma_coherent(dev))
		return -EOPNOTSUPP;
	ret = dma_map_sgtable(dev, &buf->sgt, usher_buffer_dir(buf),
			      DMA_ATTR_SKIP_CPU_SYNC);
	/* EIO: it would have to be bounced, and is too large for that. */
	if (ret)
		return ret == -EIO ? -EOPNOTSUPP : ret;
	ret = -EOPNOTSUPP;
	if (usher_buffer_bounced(buf))
		goto unmap;
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
	dma_unmap_sgtable(dev, &buf->sgt, usher_buffer_dir(buf),
			  DMA_ATTR_SKIP_CPU_SYNC);
	return ret;
}

/* ---- pinning and accounting ---- */

static void usher_unpin(struct usher_buffer *buf)
{
	if (buf->rdonly)
		unpin_user_pages(buf->pages, buf->nr_pages);
	else
		unpin_user_pages_dirty_lock(buf->pages, buf->nr_pages, true);
}

static long usher_pin_some(u64 addr, unsigned long n, bool rdonly,
			   struct page **pages)
{
	long got;

	if (!rdonly)
		return pin_user_pages_fast(addr, n, FOLL_WRITE | FOLL_LONGTERM,
					   pages);
	/*
	 * A forced write fault gives a private page its own copy; what is
	 * shared and read-only refuses it, and is right as it is. It would not
	 * mind that the process may not read the page, so look at that first.
	 */
	if (USHER_PIN_PRIVATE_BY_WRITE) {
		got = pin_user_pages_fast(addr, n, FOLL_LONGTERM, pages);
		if (got <= 0)
			return got;
		unpin_user_pages(pages, got);
		got = pin_user_pages_fast(addr, got, FOLL_WRITE | FOLL_FORCE |
					  FOLL_LONGTERM, pages);
		if (got != -EFAULT)
			return got;
		n = 1;
	}
	return pin_user_pages_fast(addr, n, FOLL_LONGTERM, pages);
}

/* May wait for ever on a page fault, but not when the process is killed. */
static int usher_pin(struct usher_buffer *buf, u64 addr)
{
	unsigned long want = buf->nr_pages;
	long got;

	addr &= PAGE_MASK;
	buf->nr_pages = 0;
	while (buf->nr_pages < want) {
		got = -EINTR;
		if (!signal_pending(current))
			got = usher_pin_some(addr + buf->nr_pages * PAGE_SIZE,
					     min(want - buf->nr_pages,
						 (unsigned long)USHER_PIN_BATCH),
					     buf->rdonly,
					     buf->pages + buf->nr_pages);
		if (got <= 0) {
			usher_unpin(buf);
			return got ?: -EFAULT;
		}
		buf->nr_pages += got;
		cond_resched();
	}
	return 0;
}

/* A pin keeps all of a compound page, so all of it counts, once. */
static unsigned long usher_pages_to_charge(const struct usher_buffer *buf)
{
	struct page *last = NULL;
	unsigned long i, n = 0;

	for (i = 0; i < buf->nr_pages; i++) {
		struct page *head = compound_head(buf->pages[i]);

		if (head != last)
			n += compound_nr(head);
		last = head;
	}
	return n;
}

/*
 * The user is charged, not the mm: pins of a hung command outlive an mm, but
 * not the reference held here.
 */
static int usher_charge_user(struct usher_buffer *buf)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	unsigned long n = usher_pages_to_charge(buf);
	struct user_struct *user;
	long old, new;

	if (capable(CAP_IPC_LOCK))
		return 0;
	user = get_uid(current_user());
	old = atomic_long_read(&user->locked_vm);
	do {
		new = old + n;
		if (new > limit) {
			free_uid(user);
			return -ENOMEM;
		}
	} while (!atomic_long_try_cmpxchg(&user->locked_vm, &old, new));
	buf->user = user;
	buf->charged = n;
	return 0;
}

static void usher_uncharge_user(struct usher_buffer *buf)
{
	if (!buf->user)
		return;
	atomic_long_sub(buf->charged, &buf->user->locked_vm);
	free_uid(buf->user);
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
	usher_unpin(buf);
	usher_uncharge_user(buf);
	usher_grant_uncharge(buf->grant, (u64)buf->nr_pages << PAGE_SHIFT, 0);
}

static void usher_buffer_free(struct usher_buffer *buf)
{
	percpu_ref_exit(&buf->ref);
	kvfree(buf->pages);
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
			pages += buf->nr_pages;
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
	buf->rdonly = arg->flags & USHER_BUF_RDONLY;
	buf->first = offset_in_page(arg->addr);
	buf->length = arg->length;
	buf->nr_pages = DIV_ROUND_UP_ULL(buf->first + arg->length, PAGE_SIZE);
	buf->prps.shift = ud->page_shift;
	buf->prps.nr = buf->nr_pages << (PAGE_SHIFT - ud->page_shift);
	INIT_WORK(&buf->work, usher_buffer_work);
	INIT_WORK(&buf->unpin_work, usher_buffer_unpin_work);
	buf->pages = kvmalloc_array(buf->nr_pages, sizeof(*buf->pages),
				    GFP_KERNEL_ACCOUNT);
	if (!buf->pages)
		goto free_buf;
	if (percpu_ref_init(&buf->ref, usher_buffer_released, 0, GFP_KERNEL))
		goto free_pages;
	return buf;

free_pages:
	kvfree(buf->pages);
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
	bytes = (u64)buf->nr_pages << PAGE_SHIFT;

	ret = usher_grant_charge(grant, bytes, 0);
	if (ret)
		goto free_buf;
	ret = usher_pin(buf, arg->addr);
	if (ret)
		goto uncharge_grant;
	ret = usher_charge_user(buf);
	if (ret)
		goto unpin;
	ret = sg_alloc_table_from_pages(&buf->sgt, buf->pages, buf->nr_pages, 0,
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
	usher_uncharge_user(buf);
unpin:
	usher_unpin(buf);
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
							buf->nr_pages);
		u32 in_page = offset_in_page(pos);
		u32 n = min_t(u32, bytes, PAGE_SIZE - in_page);

		memcpy_from_page(to, buf->pages[page], in_page, n);
		to += n;
		pos += n;
		bytes -= n;
	}
}
