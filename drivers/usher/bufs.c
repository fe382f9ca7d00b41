// SPDX-License-Identifier: GPL-2.0-only
/*
 * A grant's buffers by id: an array, since every command looks one up, and an
 * ida for the ids. It grows by doubling; readers keep the array that they found
 * for as long as they are in an RCU section.
 */
#include <linux/log2.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "usher.h"

#define USHER_BUFS_MIN		16

/* What a grant has before its first buffer */
static struct usher_buf_table usher_no_bufs;

void usher_bufs_init(struct usher_bufs *bufs)
{
	mutex_init(&bufs->lock);
	ida_init(&bufs->ids);
	RCU_INIT_POINTER(bufs->table, &usher_no_bufs);
}

/* Nobody looks any more, and no buffer is left. */
void usher_bufs_destroy(struct usher_bufs *bufs)
{
	struct usher_buf_table *table =
		rcu_dereference_protected(bufs->table, true);

	if (table != &usher_no_bufs)
		kvfree(table);
	ida_destroy(&bufs->ids);
	mutex_destroy(&bufs->lock);
}

static struct usher_buf_table *usher_bufs_table(struct usher_bufs *bufs)
{
	return rcu_dereference_protected(bufs->table,
					 lockdep_is_held(&bufs->lock));
}

/* Make a place for @id. */
static int usher_bufs_grow(struct usher_bufs *bufs, u32 id)
{
	struct usher_buf_table *old = usher_bufs_table(bufs), *table;
	u32 nr = max_t(u32, roundup_pow_of_two(id + 1), USHER_BUFS_MIN);

	if (id < old->nr)
		return 0;
	table = kvzalloc(struct_size(table, bufs, nr), GFP_KERNEL_ACCOUNT);
	if (!table)
		return -ENOMEM;
	table->nr = nr;
	memcpy(table->bufs, old->bufs, flex_array_size(old, bufs, old->nr));
	/* Pairs with the dereference in usher_bufs_get(). */
	rcu_assign_pointer(bufs->table, table);
	if (old != &usher_no_bufs)
		kvfree_rcu(old, rcu);
	return 0;
}

/**
 * usher_bufs_reserve - an id that is free, the lowest there is
 * @bufs: the grant's buffers
 * @id: the id, never 0; not found by usher_bufs_get() before usher_bufs_set()
 *
 * Return: 0, -ENOMEM or, with all ids taken, -EBUSY.
 */
int usher_bufs_reserve(struct usher_bufs *bufs, u32 *id)
{
	int new, ret;

	new = ida_alloc_range(&bufs->ids, 1, USHER_MAX_BUFS, GFP_KERNEL_ACCOUNT);
	if (new < 0)
		return new == -ENOSPC ? -EBUSY : new;
	mutex_lock(&bufs->lock);
	ret = usher_bufs_grow(bufs, new);
	mutex_unlock(&bufs->lock);
	if (ret)
		ida_free(&bufs->ids, new);
	else
		*id = new;
	return ret;
}

/* Nothing was set at the id. */
void usher_bufs_unreserve(struct usher_bufs *bufs, u32 id)
{
	ida_free(&bufs->ids, id);
}

/* Let commands find @buf; its id was reserved, so this cannot fail. */
void usher_bufs_set(struct usher_bufs *bufs, u32 id, struct usher_buffer *buf)
{
	mutex_lock(&bufs->lock);
	/* Pairs with the dereference in usher_bufs_get(). */
	rcu_assign_pointer(usher_bufs_table(bufs)->bufs[id], buf);
	mutex_unlock(&bufs->lock);
}

/* Take out what is at @id, which is free then; NULL when there is nothing */
struct usher_buffer *usher_bufs_take(struct usher_bufs *bufs, u32 id)
{
	struct usher_buffer *buf = NULL;
	struct usher_buf_table *table;

	mutex_lock(&bufs->lock);
	table = usher_bufs_table(bufs);
	if (id < table->nr)
		buf = rcu_replace_pointer(table->bufs[array_index_nospec(id, table->nr)],
					  NULL, lockdep_is_held(&bufs->lock));
	mutex_unlock(&bufs->lock);
	if (buf)
		ida_free(&bufs->ids, id);
	return buf;
}

/* How many ids may be in use: all are below this. */
u32 usher_bufs_end(struct usher_bufs *bufs)
{
	u32 nr;

	mutex_lock(&bufs->lock);
	nr = usher_bufs_table(bufs)->nr;
	mutex_unlock(&bufs->lock);
	return nr;
}
