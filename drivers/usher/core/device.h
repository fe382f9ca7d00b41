/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device as all rooms see it: its reference, its state, the read sections in
 * which it stays as it is, and pointers to its parts. Each part has a struct and
 * a header of its own, in the room that works on it.
 *
 * Order of all locks of guarded mode, outermost first:
 *
 *	usher_passthru.lock
 *	usher_namespaces.lock
 *	  usher_buffers.lock
 *	    usher_device.grant_lock
 *	    usher_pool.lock
 *	    usher_buf_table.lock
 *	      usher_ring.lock
 *	        usher_qpair.lock (irq-safe)
 *	          usher_device.state_lock (irq-safe)
 *
 * usher_channel.lock (irq-safe) is inside of the lock of a ring's list of waiters, which
 * is inside of usher_device.grant_lock and outside of none.
 *
 * Read sections take a usher_ring.lock inside, slow ones the pool's or the
 * buffers'; nobody waits for sections to end with one of those held.
 */
#ifndef _USHER_CORE_DEVICE_H
#define _USHER_CORE_DEVICE_H

#include <linux/compiler.h>
#include <linux/kref.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/wait.h>

struct device;
struct task_struct;
struct usher_buffers;
struct usher_ctrl;
struct usher_device;
struct usher_namespaces;
struct usher_pool;
struct work_struct;

/**
 * enum usher_state - where a device is in its life
 * @USHER_NEW: being brought up
 * @USHER_LIVE: takes commands
 * @USHER_RESETTING: stopped, and about to be LIVE again or GONE
 * @USHER_GONE: takes no command any more, for good
 */
enum usher_state {
	USHER_NEW,
	USHER_LIVE,
	USHER_RESETTING,
	USHER_GONE,
};

/**
 * struct usher_device_ops - what the rooms below ask of the device
 * @release: the last reference is gone: free it
 */
struct usher_device_ops {
	void (*release)(struct usher_device *ud);
};

/*
 * struct usher_device - a bound PCI function in guarded mode
 *
 * Allocated and freed by device/, which embeds it. Whoever points to it from
 * something that outlives remove() holds a reference.
 */
struct usher_device {
	struct kref			ref;	/* grants, nodes, binding */
	int				id;	/* N of /dev/usherN */
	const struct usher_device_ops	*ops;
	/* The function; nothing touches it after remove() has returned. */
	struct device			*dev;

	/* The parts: set before the device is LIVE, freed with it */
	struct usher_ctrl		*ctrl;
	struct usher_pool		*pool;
	struct usher_buffers		*buffers;
	struct usher_namespaces		*namespaces;

	spinlock_t			state_lock; /* changes of state; irq-safe */
	enum usher_state		state;	/* read in sections */
	struct work_struct		*reset_work;	/* resets it; usher_dev_fault() */
	bool				reset_asked;	/* by somebody; by xchg() */
	/* The task that does a reset, which alone may use the device meanwhile */
	struct task_struct		*resetter;
	struct srcu_struct		srcu;	/* sections of the data path */
	struct srcu_struct		slow;	/* that may wait for an admin command */
	/* For a change of state, or for an admin command, whose wait that ends */
	wait_queue_head_t		wait;

	struct mutex			grant_lock; /* tree of grants, what they used */
	struct list_head		grants;	/* its roots; grant_lock */
};

int usher_dev_init(struct usher_device *ud, struct device *dev,
		   const struct usher_device_ops *ops,
		   struct work_struct *reset_work);
void usher_dev_destroy(struct usher_device *ud);
struct usher_device *usher_dev_get(struct usher_device *ud);
void usher_dev_put(struct usher_device *ud);

bool usher_dev_set_state(struct usher_device *ud, enum usher_state to);
void usher_dev_drain(struct usher_device *ud);
void usher_dev_fault(struct usher_device *ud, const char *why);
void usher_dev_ask_reset(struct usher_device *ud, const char *why);
int usher_dev_reset(struct usher_device *ud);

int usher_dev_enter(struct usher_device *ud, int *idx);
int usher_dev_enter_until(struct usher_device *ud, int *idx, ktime_t deadline);
void usher_dev_exit(struct usher_device *ud, int idx);
int usher_dev_enter_slow(struct usher_device *ud, int *idx);
void usher_dev_exit_slow(struct usher_device *ud, int idx);

#if IS_ENABLED(CONFIG_KUNIT)
bool usher_state_legal(enum usher_state from, enum usher_state to);
#endif

static inline enum usher_state usher_dev_state(const struct usher_device *ud)
{
	return READ_ONCE(ud->state);
}

static inline bool usher_dev_gone(const struct usher_device *ud)
{
	return usher_dev_state(ud) == USHER_GONE;
}

#endif /* _USHER_CORE_DEVICE_H */
