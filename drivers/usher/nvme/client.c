// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may have how many slots of a hardware queue: see client.h for the rules and
 * an example. Clients are embedded in rings, which free them.
 */
#include <linux/errno.h>
#include <linux/minmax.h>

#include "nvme/client.h"

void usher_clients_init(struct usher_clients *clients, u32 slots)
{
	INIT_LIST_HEAD(&clients->all);
	INIT_LIST_HEAD(&clients->waiters);
	INIT_LIST_HEAD(&clients->blocked);
	clients->slots = slots;
}

void usher_client_init(struct usher_client *client)
{
	INIT_LIST_HEAD(&client->node);
	INIT_LIST_HEAD(&client->waiting);
	INIT_LIST_HEAD(&client->telling);
	INIT_LIST_HEAD(&client->short_of);
}

/* -EBUSY when there is no slot that could be kept for it. */
int usher_client_join(struct usher_clients *clients, struct usher_client *client)
{
	if (clients->nr >= clients->slots)
		return -EBUSY;
	clients->nr++;
	clients->nr_idle++;
	list_add_tail(&client->node, &clients->all);
	return 0;
}

/* The client holds no slot any more. */
void usher_client_leave(struct usher_clients *clients, struct usher_client *client)
{
	list_del_init(&client->node);
	clients->nr--;
	clients->nr_idle--;
}

/**
 * usher_client_close - no more commands will come
 * @client: the client
 *
 * Return: true when nothing is in flight; otherwise usher_client_release() says
 * when the last slot has come back.
 */
bool usher_client_close(struct usher_client *client)
{
	client->state = USHER_CLIENT_CLOSED;
	list_del_init(&client->waiting);
	return !client->held;
}

/* How many slots a client may hold while others are on the queue */
static u32 usher_client_cap(const struct usher_clients *clients,
			    const struct usher_client *client)
{
	u32 idle = clients->nr_idle - !client->held;
	u32 parts = clients->nr - idle + !!idle;

	if (parts <= 1)
		return clients->slots;
	return max(1U, clients->slots * 2 / (parts + 1));
}

/* Is somebody else in the list? */
static bool usher_client_passes(const struct usher_clients *clients,
				const struct usher_client *client)
{
	return !list_empty(&clients->waiters) &&
	       !(list_is_singular(&clients->waiters) &&
		 client->state == USHER_CLIENT_WAITING);
}

/* What may be had of a queue that several clients share */
static u32 usher_client_part(const struct usher_clients *clients,
			     const struct usher_client *client, u32 nr_free,
			     enum usher_claim claim)
{
	u32 cap = usher_client_cap(clients, client);
	u32 owed = clients->nr_idle - !client->held;
	u32 n;

	if (client->held >= cap)
		return 0;
	if (claim == USHER_OUT_OF_TURN && usher_client_passes(clients, client))
		return !client->held && nr_free;
	n = nr_free > owed ? nr_free - owed : 0;
	if (!n && !client->held && nr_free)
		n = 1;
	return min(n, cap - client->held);
}

static u32 usher_client_allowance(const struct usher_clients *clients,
				  const struct usher_client *client, u32 nr_free,
				  enum usher_claim claim)
{
	if (client->state == USHER_CLIENT_CLOSED)
		return 0;
	/* Most clients are alone. */
	if (clients->nr == 1)
		return nr_free;
	return usher_client_part(clients, client, nr_free, claim);
}

/**
 * usher_client_wait - put a client at the end of the list of those who wait
 * @clients: of the queue pair
 * @client: who waits; nothing happens when it does already
 */
void usher_client_wait(struct usher_clients *clients, struct usher_client *client)
{
	if (client->state == USHER_CLIENT_CLOSED || !list_empty(&client->waiting))
		return;
	client->state = USHER_CLIENT_WAITING;
	client->turn_left = 0;
	list_add_tail(&client->waiting, &clients->waiters);
}

/* A client that has slots, but no blocks, waits where it keeps nobody from slots. */
void usher_client_block(struct usher_clients *clients, struct usher_client *client)
{
	if (client->state == USHER_CLIENT_CLOSED || !list_empty(&client->waiting))
		return;
	client->state = USHER_CLIENT_BLOCKED;
	client->turn_left = 0;
	list_add_tail(&client->waiting, &clients->blocked);
}

/* Those that were let go by their budget wait for their turn from here on. */
void usher_client_unblock(struct usher_clients *clients)
{
	struct usher_client *client, *next;

	list_for_each_entry_safe(client, next, &clients->blocked, waiting) {
		if (!list_empty_careful(&client->short_of))
			continue;
		list_del_init(&client->waiting);
		usher_client_wait(clients, client);
	}
}

/*
 * A turn for which no slot was left goes on at the head of the list. At its end,
 * where slots come back a few at a time, the same client might always get the few
 * that are left over, and have had its turn.
 */
static void usher_client_wait_on(struct usher_clients *clients,
				 struct usher_client *client)
{
	u32 left = client->turn_left;

	if (client->state == USHER_CLIENT_CLOSED || !list_empty(&client->waiting))
		return;
	usher_client_wait(clients, client);
	if (left && client->held < usher_client_cap(clients, client)) {
		client->turn_left = left;
		list_move(&client->waiting, &clients->waiters);
	}
}

/**
 * usher_client_reserve - slots for a batch of commands
 * @clients: of the queue pair
 * @client: who wants them
 * @want: how many, not zero
 * @nr_free: slots that are free
 * @claim: whether this is its turn
 *
 * What the batch does not use goes back by usher_client_release().
 *
 * Return: how many it may take. With 0 the client waits in the list.
 */
u32 usher_client_reserve(struct usher_clients *clients, struct usher_client *client,
			 u32 want, u32 nr_free, enum usher_claim claim)
{
	u32 n = min(want, usher_client_allowance(clients, client, nr_free, claim));

	if (claim == USHER_IN_TURN)
		client->turn_left -= min(n, client->turn_left);
	if (!n) {
		if (claim == USHER_IN_TURN)
			usher_client_wait_on(clients, client);
		else
			usher_client_wait(clients, client);
		return 0;
	}
	if (!client->held)
		clients->nr_idle--;
	WRITE_ONCE(client->held, client->held + n);
	return n;
}

/**
 * usher_client_next - whose turn it is
 * @clients: of the queue pair
 * @nr_free: slots that are free
 *
 * The first that can have slots: one that has its part already bars no other.
 * Its turn, of @turn_left commands, lasts until usher_client_end_turn().
 *
 * Return: the client, taken out of the list, or NULL.
 */
struct usher_client *usher_client_next(struct usher_clients *clients, u32 nr_free)
{
	struct usher_client *client;

	if (!nr_free)
		return NULL;
	list_for_each_entry(client, &clients->waiters, waiting) {
		if (!usher_client_allowance(clients, client, nr_free, USHER_IN_TURN))
			continue;
		list_del_init(&client->waiting);
		client->state = USHER_CLIENT_TURN;
		if (!client->turn_left)
			client->turn_left = USHER_TURN_BUDGET;
		return client;
	}
	return NULL;
}

/**
 * usher_client_end_turn - a turn is over
 * @clients: of the queue pair
 * @client: whose turn it was
 * @wants_more: it has more to submit than its budget: in its next turn
 */
void usher_client_end_turn(struct usher_clients *clients, struct usher_client *client,
			   bool wants_more)
{
	/* It may have been closed meanwhile, or wait already. */
	if (client->state != USHER_CLIENT_TURN)
		return;
	client->state = USHER_CLIENT_NONE;
	if (wants_more)
		usher_client_wait(clients, client);
}

/* The client is busy, and others do not wait for it: its turn comes later. */
void usher_client_miss_turn(struct usher_client *client)
{
	if (client->state == USHER_CLIENT_TURN)
		WRITE_ONCE(client->state, USHER_CLIENT_MISSED);
}

/**
 * usher_client_resume - a client that missed its turn is no longer busy
 * @clients: of the queue pair
 * @client: it waits again, at the head of the list
 *
 * Return: false when it did not miss one, or was seen to meanwhile.
 */
bool usher_client_resume(struct usher_clients *clients, struct usher_client *client)
{
	if (client->state != USHER_CLIENT_MISSED)
		return false;
	client->state = USHER_CLIENT_NONE;
	usher_client_wait_on(clients, client);
	return true;
}
