/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A grant's buffers by id: an array, since every command looks one up, and an
 * IDA for the ids. It grows by doubling; readers keep the array that they found
 * for as long as they are in an RCU section.
 */
#ifndef _USHER_GRANT_BUF_TABLE_H
#define _USHER_GRANT_BUF_TABLE_H

#include <linux/idr.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/types.h>

struct usher_buffer;

#define USHER_MAX_BUFS		(SZ_1M - 1)	/* of one grant */

/*
 * struct usher_buf_array - buffers by id
 */
struct usher_buf_array {
	struct rcu_head			rcu;	/* frees one that was replaced */
	u32				nr;	/* number of @bufs */
	struct usher_buffer __rcu	*bufs[]; /* or NULL; the table's lock */
};

/*
 * struct usher_buf_table - a grant's buffers
 */
struct usher_buf_table {
	struct ida			ids;	/* in use or reserved */
	struct mutex			lock; /* @array and what is in it */
	struct usher_buf_array __rcu	*array;	/* commands read it under RCU */
};

void usher_buf_table_init(struct usher_buf_table *table);
void usher_buf_table_destroy(struct usher_buf_table *table);
int usher_buf_table_reserve(struct usher_buf_table *table, u32 *id);
void usher_buf_table_unreserve(struct usher_buf_table *table, u32 id);
void usher_buf_table_set(struct usher_buf_table *table, u32 id,
			 struct usher_buffer *buf);
struct usher_buffer *usher_buf_table_take(struct usher_buf_table *table, u32 id);
u32 usher_buf_table_end(struct usher_buf_table *table);

/* The buffer @id, or NULL; in an RCU section, which keeps it from being freed */
static inline struct usher_buffer *
usher_buf_table_find(struct usher_buf_table *table, u32 id)
{
	/* Pairs with the assignments in buf_table.c. */
	struct usher_buf_array *array = rcu_dereference(table->array);

	if (id >= array->nr)
		return NULL;
	return rcu_dereference(array->bufs[array_index_nospec(id, array->nr)]);
}

#endif /* _USHER_GRANT_BUF_TABLE_H */
