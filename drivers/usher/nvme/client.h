/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fairness: who may have how many slots of a hardware queue, and who is next.
 *
 * A client of a queue pair is a ring that submits to it. The queue has one slot
 * less than its depth, and its clients share them:
 *
 *  - A client that is alone may have all slots.
 *  - Otherwise each may hold up to its cap, 2 * slots / (parts + 1). Each client
 *    that holds a slot is a part. One that holds nothing is idle; all idle clients
 *    together count as one part, so that a thousand of them cost no more.
 *  - A slot is kept free for each idle client, which is owed one.
 *  - Who finds no slot waits in one list, from which clients are taken in turn.
 *    A turn is for USHER_TURN_BUDGET commands; then the next one has its turn. A
 *    turn that found too few slots goes on at the head of the list, unless its
 *    client has reached its cap.
 *  - Who waits for blocks of its tenant's budget (budget.h) is not in the list: no
 *    slot would help it, and others may pass. It comes to the list when there are
 *    some.
 *  - Nobody waits for a client that is busy in its turn: it leaves the list, and
 *    comes back at its head when it is not busy any more.
 *
 * An example: 15 slots, clients A and B submit without end, C is idle.
 *
 *	A reserves 15:	parts are A, and B and C as one: 2, cap 15 * 2 / 3 = 10;
 *			2 slots are owed to the idle: A gets 10, its cap
 *	B reserves 15:	now A, B, C: 3 parts, cap 7; 5 are free, one is owed to
 *			C: B gets 4
 *	B reserves 11:	none but the one that is owed: B gets 0, and is WAITING
 *	A's 10 complete: B is first in the list: its TURN, for 8 commands
 *	B in its turn:	the cap is 15 * 2 / 3 = 10, of which B holds 4: B gets 6
 *			and is WAITING again, since its turn has 2 commands left
 *	A reserves 10:	may not pass B, but for the one slot that is owed to who
 *			holds none: A gets 1. When it asks again, it is WAITING
 *	C reserves 1:	the slot that was kept: C gets it at once
 *
 * Everything here is guarded by the lock of the queue pair, and knows neither the
 * queue nor rings: how many slots are free is an argument.
 */
#ifndef _USHER_NVME_CLIENT_H
#define _USHER_NVME_CLIENT_H

#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/types.h>

struct usher_budget;
struct work_struct;

/* Commands that a client may submit in its turn before the next has its own */
#define USHER_TURN_BUDGET	8

/**
 * enum usher_client_state - what a client wants of its queue
 * @USHER_CLIENT_NONE: nothing, or it found what it wanted
 * @USHER_CLIENT_WAITING: is in the list of those who want slots
 * @USHER_CLIENT_BLOCKED: has slots, and waits for blocks of its tenant
 * @USHER_CLIENT_TURN: was first in the list, and may submit its budget
 * @USHER_CLIENT_MISSED: was busy in its turn: it has it when it no longer is
 * @USHER_CLIENT_CLOSED: submits no more; its commands in flight complete
 */
enum usher_client_state {
	USHER_CLIENT_NONE,
	USHER_CLIENT_WAITING,
	USHER_CLIENT_BLOCKED,
	USHER_CLIENT_TURN,
	USHER_CLIENT_MISSED,
	USHER_CLIENT_CLOSED,
};

/**
 * enum usher_claim - as what a client asks for slots
 * @USHER_OUT_OF_TURN: by its own decision: does not pass those who wait
 * @USHER_IN_TURN: it was taken from the list
 */
enum usher_claim {
	USHER_OUT_OF_TURN,
	USHER_IN_TURN,
};

/*
 * struct usher_client - a ring as its queue pair sees it; qpair.lock
 */
struct usher_client {
	struct list_head	node;		/* in usher_clients.all */
	struct list_head	waiting;	/* in .waiters or .blocked, or empty */
	enum usher_client_state	state;		/* MISSED is read without */
	u32			turn_left;	/* commands left of its turn */
	/*
	 * Slots in flight, or reserved in a batch; a polling thread reads it
	 * without the lock.
	 */
	u32			held;
	/* Completions of this pass are still to be published; usher_qpair.publish */
	bool			publish;
	struct usher_client	*next_publish;
	struct list_head	telling;	/* in usher_qpair.to_tell, or empty */

	/* Constant */
	struct usher_budget	*budget;	/* of its tenant */
	struct work_struct	*turns;		/* runs the turns of its queue */

	struct list_head	short_of;	/* in usher_budget.waiters; budget's lock */
};

/*
 * struct usher_clients - the clients of one queue pair; qpair.lock
 */
struct usher_clients {
	struct list_head	all;
	struct list_head	waiters;	/* in the order of their turns */
	struct list_head	blocked;	/* who is USHER_CLIENT_BLOCKED */
	u32			nr;		/* in @all */
	u32			nr_idle;	/* of these, holding no slot */
	u32			slots;		/* of the queue, free or not */
};

void usher_clients_init(struct usher_clients *clients, u32 slots);
void usher_client_init(struct usher_client *client);
int usher_client_join(struct usher_clients *clients, struct usher_client *client);
void usher_client_leave(struct usher_clients *clients, struct usher_client *client);
bool usher_client_close(struct usher_client *client);
u32 usher_client_reserve(struct usher_clients *clients, struct usher_client *client,
			 u32 want, u32 nr_free, enum usher_claim claim);
void usher_client_wait(struct usher_clients *clients, struct usher_client *client);
void usher_client_block(struct usher_clients *clients, struct usher_client *client);
void usher_client_unblock(struct usher_clients *clients);
struct usher_client *usher_client_next(struct usher_clients *clients, u32 nr_free);
void usher_client_end_turn(struct usher_clients *clients, struct usher_client *client,
			   bool wants_more);
void usher_client_miss_turn(struct usher_client *client);
bool usher_client_resume(struct usher_clients *clients, struct usher_client *client);

/**
 * usher_client_release - slots come back
 * @clients: of the queue pair
 * @client: who held them
 * @n: how many
 *
 * Inline: every completion comes here.
 *
 * Return: true when the client was closed and this was its last slot: nobody
 * will refer to it again.
 */
static inline bool usher_client_release(struct usher_clients *clients,
					struct usher_client *client, u32 n)
{
	WRITE_ONCE(client->held, client->held - n);
	if (!n || client->held)
		return false;
	clients->nr_idle++;
	return unlikely(client->state == USHER_CLIENT_CLOSED);
}

#endif /* _USHER_NVME_CLIENT_H */
