/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Signals that wait for their receiver, and the doorbell. See pending.c.
 */
#ifndef _IPCBOOK_PENDING_H
#define _IPCBOOK_PENDING_H

#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>

#include <linux/ipcbook.h>

struct book_object;
struct kmem_cache;
struct pid;
struct sock;
struct user_namespace;

/**
 * struct origin - where a signal comes from
 * @pid: the process, NULL if it is an object
 * @uid: its effective user
 * @object: id of the object, 0 if it is a process
 */
struct origin {
	struct pid *pid;
	kuid_t uid;
	u64 object;
};

/**
 * struct run - signals of one number and one origin
 * @next: the next of this number; or the next that is spare
 * @origin: where they come from; the process is referred to
 * @count: how many
 */
struct run {
	struct run *next;
	struct origin origin;
	u64 count;
};

/* What is pending of one number. */
struct slot {
	struct run *first;
	struct run *last;
};

/**
 * struct pending - signals that wait for their receiver
 * @object: whose they are; pays for them, and is created by who receives them
 * @sk: the receiver's socket, referred to; NULL before there is one
 * @user_ns: receiver's user namespace, referred to
 * @limit: most that may wait, from 32 up
 * @lock: protects what follows
 * @mask: signals that are not to be received
 * @set: numbers of which something waits
 * @queued: how many wait, from 32 up
 * @slots: what waits
 * @spare: free runs
 * @spares: how many
 * @runs: runs that exist
 * @bell: the doorbell's message
 * @rung: it was put into the queue, and may still be there
 * @carried: then: the signal that it carries; number 0 if none
 * @sent: when something was sent last, in jiffies
 * @received: when something was received last, in jiffies
 * @count: counters: signals sent, received, and refused for want of room
 */
struct pending {
	struct book_object *object;
	struct sock *sk;
	struct user_namespace *user_ns;
	u64 limit;

	spinlock_t lock ____cacheline_aligned_in_smp;
	u64 mask;
	u64 set;
	u64 queued;
	struct slot slots[IPCBOOK_SIGNAL_MAX];
	struct run *spare;
	unsigned int spares;
	unsigned long runs;
	struct sk_buff *bell;
	bool rung;
	struct ipcbook_signal_info carried;
	unsigned long sent;
	unsigned long received;
	struct {
		u64 sent;
		u64 received;
		u64 refused;
	} count;
};

extern struct kmem_cache *pending_runs;

/* The set of one signal. */
static inline u64 pending_bit(u32 number)
{
	return BIT_ULL(number - 1);
}

static inline u64 pending_receivable(const struct pending *pending)
{
	lockdep_assert_held(&pending->lock);
	return pending->set & ~pending->mask;
}

void pending_init(struct pending *pending, struct book_object *object,
		  u64 limit);
void pending_free(struct pending *pending);
int pending_attach(struct pending *pending, struct sock *sk);
void pending_end(struct pending *pending);
void pending_detach(struct pending *pending);
int pending_supply(struct pending *pending);
bool pending_lacks_run(const struct pending *pending,
		       const struct origin *origin, u32 number);
int pending_add(struct pending *pending, const struct origin *origin,
		u32 number, u32 times);
unsigned int pending_take(struct pending *pending,
			  struct ipcbook_signal_info *infos,
			  unsigned int count);
void pending_enqueue(struct pending *pending, struct sk_buff *skb);
void pending_settle(struct pending *pending);
void pending_hush(struct pending *pending);
bool pending_ring(struct pending *pending);
bool pending_ring_again(struct pending *pending);

#endif /* _IPCBOOK_PENDING_H */
