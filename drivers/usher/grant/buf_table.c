// SPDX-License-Identifier: GPL-2.0-only
/*
 * A grant's buffers by id. The table belongs to the grant; arrays that were
 * replaced are freed after a grace period.
 */
#include <linux/log2.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "grant/buf_table.h"

#define USHER_BUFS_MIN		16

/* What a grant has before its first buffer */
static struct usher_buf_array usher_no_bufs;

void usher_buf_table_init(struct usher_buf_table *table)
{
	mutex_init(&table->lock);
	ida_init(&table->ids);
	RCU_INIT_POINTER(table->array, &usher_no_bufs);
}

/* Nobody looks any more, and no buffer is left. */
void usher_buf_table_destroy(struct usher_buf_table *table)
{
	struct usher_buf_array *array =
		rcu_dereference_protected(table->array, true);

	if (array != &usher_no_bufs)
		kvfree(array);
	ida_destroy(&table->ids);
	mutex_destroy(&table->lock);
}

static struct usher_buf_array *usher_buf_table_array(struct usher_buf_table *table)
{
	return rcu_dereference_protected(table->array,
					 lockdep_is_held(&table->lock));
}

/* Make a place for @id. */
static int usher_buf_table_grow(struct usher_buf_table *table, u32 id)
{
	struct usher_buf_array *old = usher_buf_table_array(table), *array;
	u32 nr = max_t(u32, roundup_pow_of_two(id + 1), USHER_BUFS_MIN);

	if (id < old->nr)
		return 0;
	array = kvzalloc(struct_size(array, bufs, nr), GFP_KERNEL_ACCOUNT);
	if (!array)
		return -ENOMEM;
	array->nr = nr;
	memcpy(array->bufs, old->bufs, flex_array_size(old, bufs, old->nr));
	/* Pairs with the dereference in usher_buf_table_find(). */
	rcu_assign_pointer(table->array, array);
	if (old != &usher_no_bufs)
		kvfree_rcu(old, rcu);
	return 0;
}

/**
 * usher_buf_table_reserve - an id that is free, the lowest there is
 * @table: the grant's buffers
 * @id: the id, never 0; not found before usher_buf_table_set()
 *
 * Return: 0, -ENOMEM or, with all ids taken, -EBUSY.
 */
int usher_buf_table_reserve(struct usher_buf_table *table, u32 *id)
{
	int new, ret;

	new = ida_alloc_range(&table->ids, 1, USHER_MAX_BUFS, GFP_KERNEL_ACCOUNT);
	if (new < 0)
		return new == -ENOSPC ? -EBUSY : new;
	mutex_lock(&table->lock);
	ret = usher_buf_table_grow(table, new);
	mutex_unlock(&table->lock);
	if (ret)
		ida_free(&table->ids, new);
	else
		*id = new;
	return ret;
}

/* Nothing was set at the id. */
void usher_buf_table_unreserve(struct usher_buf_table *table, u32 id)
{
	ida_free(&table->ids, id);
}

/* Let commands find @buf; its id was reserved, so this cannot fail. */
void usher_buf_table_set(struct usher_buf_table *table, u32 id,
			 struct usher_buffer *buf)
{
	mutex_lock(&table->lock);
	/* Pairs with the dereference in usher_buf_table_find(). */
	rcu_assign_pointer(usher_buf_table_array(table)->bufs[id], buf);
	mutex_unlock(&table->lock);
}

/* Take out what is at @id, which is free then; NULL when there is nothing */
struct usher_buffer *usher_buf_table_take(struct usher_buf_table *table, u32 id)
{
	struct usher_buf_array *array;
	struct usher_buffer *buf = NULL;

	mutex_lock(&table->lock);
	array = usher_buf_table_array(table);
	if (id < array->nr)
		buf = rcu_replace_pointer(array->bufs[array_index_nospec(id, array->nr)],
					  NULL, lockdep_is_held(&table->lock));
	mutex_unlock(&table->lock);
	if (buf)
		ida_free(&table->ids, id);
	return buf;
}

/* How many ids may be in use: all are below this. */
u32 usher_buf_table_end(struct usher_buf_table *table)
{
	u32 nr;

	mutex_lock(&table->lock);
	nr = usher_buf_table_array(table)->nr;
	mutex_unlock(&table->lock);
	return nr;
}
