// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registered memory, from BUF_REGISTER until the device can no longer reach it; and
 * memory of the kernel's own, which is registered in the same way.
 *
 * A buffer is charged and pinned outside of any section, then mapped and published
 * in one. Commands hold a reference each; unregistering takes the buffer out of the
 * table and gives up the table's reference. With the last reference, which may go in an
 * interrupt, @work is queued, which unmaps, unpins, uncharges and frees, in this order.
 * At removal, what is still registered is unmapped while it stays in its table.
 */
#include <linux/device.h>
#include <linux/highmem.h>
#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <uapi/linux/usher.h>

#include "core/device.h"
#include "core/wq.h"
#include "grant/buffer.h"
#include "grant/grant.h"

/* ---- mapping ---- */

static void usher_buffer_unmap(struct usher_buffer *buf)
{
	struct usher_device *ud = buf->ud;

	usher_pin_unmap(ud->dev, &buf->pin, &buf->sgt);
	sg_free_table(&buf->sgt);
	usher_prps_free(&buf->prps, ud->dev);
}

/* In a slow section: the device is there, and stays until the section ends. */
static int usher_buffer_map(struct usher_buffer *buf)
{
	struct usher_device *ud = buf->ud;
	int ret;

	ret = usher_pin_map(ud->dev, &buf->pin, &buf->sgt);
	if (ret)
		return ret;
	ret = usher_prps_alloc(&buf->prps, ud->dev);
	if (ret)
		goto unmap;
	ret = usher_prps_fill(&buf->prps, &buf->sgt);
	if (ret)
		goto free_prps;

	mutex_lock(&ud->buffers->lock);
	atomic_set(&buf->pinned, 1);
	buf->mapped = true;
	list_add_tail(&buf->node, &ud->buffers->list);
	mutex_unlock(&ud->buffers->lock);
	return 0;

free_prps:
	usher_prps_free(&buf->prps, ud->dev);
unmap:
	usher_pin_unmap(ud->dev, &buf->pin, &buf->sgt);
	return ret;
}

/* ---- life ---- */

/*
 * Pages and charges; the device does not reach the memory any more. Without
 * usher_buffers.lock: a file system may keep a page locked for as long as it likes.
 */
static void usher_buffer_unpin(struct usher_buffer *buf)
{
	if (!atomic_xchg(&buf->pinned, 0))
		return;
	usher_unpin(&buf->pin);
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
	struct usher_buffers *buffers = buf->ud->buffers;
	struct usher_grant *grant = buf->grant;

	mutex_lock(&buffers->lock);
	buf->unused = buf->leaked;
	if (buf->mapped && !buf->leaked) {
		list_del(&buf->node);
		buf->mapped = false;
		usher_buffer_unmap(buf);
	}
	mutex_unlock(&buffers->lock);
	if (buf->unused)
		return;
	usher_buffer_unpin(buf);
	usher_buffer_free(buf);
	usher_grant_put(grant);
}

static LLIST_HEAD(usher_released);

/* Each has a work item of its own: unpinning may wait for a file system. */
static void usher_released_fn(struct work_struct *work)
{
	struct usher_buffer *buf, *next;

	llist_for_each_entry_safe(buf, next, llist_del_all(&usher_released), released)
		queue_work(usher_free_wq, &buf->work);
}

static DECLARE_WORK(usher_released_work, usher_released_fn);

/*
 * The last reference may go in an interrupt, and those of many buffers in one: only the
 * first queues work there.
 */
static void usher_buffer_released(struct percpu_ref *ref)
{
	struct usher_buffer *buf = container_of(ref, struct usher_buffer, ref);

	if (llist_add(&buf->released, &usher_released))
		queue_work(usher_free_wq, &usher_released_work);
}

static void usher_buffer_unpin_work(struct work_struct *work)
{
	struct usher_buffer *buf = container_of(work, struct usher_buffer,
						unpin_work);

	usher_buffer_unpin(buf);
	percpu_ref_put(&buf->ref);
}

/*
 * Unmapped at removal: who releases the pages depends on who holds it. Whoever
 * registered pages of the kernel's own may be copying from them: they stay for as long
 * as the buffer.
 */
static void usher_buffer_unpin_later(struct usher_buffer *buf)
{
	if (buf->unused)
		queue_work(usher_free_wq, &buf->work);
	else if (!buf->pin.own && percpu_ref_tryget(&buf->ref))
		queue_work(usher_free_wq, &buf->unpin_work);
	/* else its release is on the way */
}

/**
 * usher_buffers_unmap - release the memory of all buffers of a device
 * @buffers: of a device with nothing in flight
 * @dma: what proves that the device reaches no memory any more
 *
 * Before remove() returns. The buffers stay as ids without memory until their
 * grants let go of them. What a device may still reach stays pinned and mapped
 * for ever (promise 3), unless there is proof now that an earlier attempt did
 * not find.
 */
void usher_buffers_unmap(struct usher_buffers *buffers, enum usher_dma_proof dma)
{
	struct usher_buffer *buf, *next;

	mutex_lock(&buffers->lock);
	list_for_each_entry_safe(buf, next, &buffers->list, node) {
		if (dma != USHER_DMA_RUNNING)
			buf->leaked = false;
		if (buf->leaked)
			continue;
		list_del(&buf->node);
		buf->mapped = false;
		usher_buffer_unmap(buf);
		usher_buffer_unpin_later(buf);
		cond_resched();
	}
	mutex_unlock(&buffers->lock);
}

/* Pages that a device may reach for ever, as far as is known now (promise 3) */
u64 usher_buffers_leaked(struct usher_buffers *buffers)
{
	struct usher_buffer *buf;
	u64 pages = 0;

	mutex_lock(&buffers->lock);
	list_for_each_entry(buf, &buffers->list, node)
		if (READ_ONCE(buf->leaked))
			pages += buf->pin.nr_pages;
	mutex_unlock(&buffers->lock);
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
	buf->prps.shift = ud->ctrl->page_shift;
	buf->prps.nr = buf->pin.nr_pages << (PAGE_SHIFT - buf->prps.shift);
	INIT_WORK(&buf->work, usher_buffer_work);
	INIT_WORK(&buf->unpin_work, usher_buffer_unpin_work);
	buf->pin.pages = kvmalloc_array(buf->pin.nr_pages, sizeof(*buf->pin.pages),
					GFP_KERNEL_ACCOUNT);
	if (!buf->pin.pages)
		goto free_buf;
	if (percpu_ref_init(&buf->ref, usher_buffer_released, 0, GFP_KERNEL_ACCOUNT))
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

	ret = usher_dev_enter_slow(ud, &idx);
	if (ret)
		return ret;
	ret = READ_ONCE(grant->dead);
	if (ret)
		goto exit;
	ret = usher_buffer_map(buf);
	if (ret)
		goto exit;
	usher_buf_table_set(&grant->bufs, buf->id, buf);
exit:
	usher_dev_exit_slow(ud, idx);
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

/*
 * Charge, pin, and let commands find a buffer, which is freed when that fails. Once it
 * is published, another thread may unregister it; its id is in @id before.
 */
static int usher_buffer_add(struct usher_buffer *buf, u64 addr, u32 *id)
{
	struct usher_grant *grant = buf->grant;
	u64 bytes = (u64)buf->pin.nr_pages << PAGE_SHIFT;
	int ret;

	ret = usher_grant_charge(grant, bytes, 0);
	if (ret)
		goto free_buf;
	ret = buf->pin.own ? usher_pin_own(&buf->pin) : usher_pin(&buf->pin, addr);
	if (ret)
		goto uncharge_grant;
	ret = sg_alloc_table_from_pages(&buf->sgt, buf->pin.pages, buf->pin.nr_pages, 0,
					bytes, GFP_KERNEL_ACCOUNT);
	if (ret)
		goto unpin;
	ret = usher_buf_table_reserve(&grant->bufs, &buf->id);
	if (ret)
		goto free_table;
	*id = buf->id;
	usher_grant_get(grant);
	ret = usher_buffer_publish(buf);
	if (ret)
		goto unreserve;
	return 0;

unreserve:
	usher_buf_table_unreserve(&grant->bufs, buf->id);
	usher_grant_put(grant);
free_table:
	sg_free_table(&buf->sgt);
unpin:
	usher_unpin(&buf->pin);
uncharge_grant:
	usher_grant_uncharge(grant, bytes, 0);
free_buf:
	usher_buffer_free(buf);
	return ret;
}

/**
 * usher_buffer_register - USHER_IOC_BUF_REGISTER
 * @grant: the buffer's grant, kept by the open file
 * @arg: flags checked; @arg->id is filled in
 *
 * Return: 0 or a negative errno, as struct usher_buf_register says.
 */
int usher_buffer_register(struct usher_grant *grant,
			  struct usher_buf_register *arg)
{
	struct usher_buffer *buf;
	int ret;

	ret = usher_check_register(arg);
	if (ret)
		return ret;
	if (!grant->scope.nsid)
		return -EOPNOTSUPP;
	buf = usher_buffer_alloc(grant, arg);
	if (!buf)
		return -ENOMEM;
	return usher_buffer_add(buf, arg->addr, &arg->id);
}

/**
 * usher_buffer_create - register pages of the kernel's own, which are zero
 * @grant: of a namespace; no process has it, so that nobody else names the buffer
 * @length: bytes
 *
 * Return: the buffer, for usher_buffer_unregister(), or an ERR_PTR: ENOMEM, EDQUOT, and
 * what usher_buffer_register() returns of the device and the grant.
 */
struct usher_buffer *usher_buffer_create(struct usher_grant *grant, u64 length)
{
	struct usher_buf_register arg = { .length = length };
	struct usher_buffer *buf;
	int ret;

	buf = usher_buffer_alloc(grant, &arg);
	if (!buf)
		return ERR_PTR(-ENOMEM);
	buf->pin.own = true;
	ret = usher_buffer_add(buf, 0, &arg.id);
	return ret ? ERR_PTR(ret) : buf;
}

int usher_buffer_unregister(struct usher_grant *grant, u32 id)
{
	struct usher_buffer *buf = usher_buf_table_take(&grant->bufs, id);

	if (!buf)
		return -ENOENT;
	percpu_ref_kill(&buf->ref);
	return 0;
}

/* ---- users of a grant's buffers ---- */

static void usher_buffers_drop(struct usher_grant *grant)
{
	u32 id, end = usher_buf_table_end(&grant->bufs);

	for (id = 1; id < end; id++) {
		usher_buffer_unregister(grant, id);
		cond_resched();
	}
}

/* A file or a ring that may use the registered buffers */
void usher_grant_use(struct usher_grant *grant)
{
	refcount_inc(&grant->users);
	usher_grant_get(grant);
}

/* With the last file and ring, the buffers are unregistered. */
void usher_grant_unuse(struct usher_grant *grant)
{
	if (refcount_dec_and_test(&grant->users))
		usher_buffers_drop(grant);
	usher_grant_put(grant);
}

void usher_buffers_init(struct usher_buffers *buffers, struct usher_device *ud)
{
	mutex_init(&buffers->lock);
	INIT_LIST_HEAD(&buffers->list);
	ud->buffers = buffers;
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

/* ---- memory of the kernel's own, outside of sections ---- */

/* No process is to see what the last command left here. */
void usher_buffer_clear(struct usher_buffer *buf, u32 bytes)
{
	u32 i;

	for (i = 0; i < bytes; i += PAGE_SIZE)
		clear_page(page_address(buf->pin.pages[i >> PAGE_SHIFT]));
}

/* Returns 0 or -EFAULT, as the next. */
int usher_buffer_from_iter(struct usher_buffer *buf, struct iov_iter *from, u32 bytes)
{
	u32 i;

	for (i = 0; i < bytes; i += PAGE_SIZE) {
		u32 n = min_t(u32, bytes - i, PAGE_SIZE);

		if (copy_page_from_iter(buf->pin.pages[i >> PAGE_SHIFT], 0, n, from) != n)
			return -EFAULT;
	}
	return 0;
}

int usher_buffer_to_iter(const struct usher_buffer *buf, struct iov_iter *to, u32 bytes)
{
	u32 i;

	for (i = 0; i < bytes; i += PAGE_SIZE) {
		u32 n = min_t(u32, bytes - i, PAGE_SIZE);

		if (copy_page_to_iter(buf->pin.pages[i >> PAGE_SHIFT], 0, n, to) != n)
			return -EFAULT;
	}
	return 0;
}
