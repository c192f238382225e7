// SPDX-License-Identifier: GPL-2.0-only
/*
 * Batches: many messages in one call, in runs.
 *
 * A run is up to BATCH_RUN messages that share what costs more than a message.
 * One that is sent takes free slots, fills them without the lock, and lets all in
 * under one hold of it. One that is received takes messages under one hold, copies
 * them out without it, and lets go of all under another. So the lock is never held
 * for longer than a run, and every message counts in the limits as one that is
 * sent or received alone (exchange.c).
 *
 * When something goes wrong in the middle, those before it went, and the call tells
 * how many; those behind it are back in their places, or never came to be. A
 * receiver that is killed gives back the run that it is at, no earlier one: what is
 * not let go counts in the limits, and a batch may be longer than a queue.
 *
 * Locks: queue.lock.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "queue.h"
#include "wait.h"

/* Messages that one hold of the lock is for. */
#define BATCH_RUN	16

/* Copies what an entry of a batch says into @offer. */
static int offer_entry(struct offer *offer,
		       const struct ipcbook_queue_entry __user *from)
{
	struct ipcbook_queue_entry entry __uninitialized;

	if (book_copy_in(&entry, from, sizeof(entry)))
		return -EFAULT;
	if (entry.info.length | entry.info.number | entry.info.sent_ns |
	    entry.info.pid | entry.info.uid | entry.info.gid | entry.info.pad)
		return -EINVAL;
	offer->type = entry.info.type;
	offer->len = entry.len;
	offer->buf = u64_to_user_ptr(entry.buf);
	return 0;
}

/* Takes up to @n free slots. */
static unsigned int slots_get(struct queue *queue, struct message **msgs,
			      unsigned int n)
{
	unsigned int i;

	spin_lock(&queue->lock);
	for (i = 0; i < n && queue->store.slots; i++)
		msgs[i] = slot_get(&queue->store);
	spin_unlock(&queue->lock);
	return i;
}

/*
 * Lets in the first @n of the @all slots in @msgs, in order, and gives the others
 * back. Returns how many went; @err is why no more did, if there is a reason.
 */
static unsigned int queue_enter_run(struct queue *queue, struct offer *offer,
				    struct message **msgs, const s64 *types,
				    unsigned int n, unsigned int all, int *err)
{
	struct message *unused = NULL, *msg;
	struct waiter *list = NULL;
	unsigned int i, sent;

	spin_lock(&queue->lock);
	for (i = 0; i < n; i++) {
		offer->type = types[i];
		offer->len = msgs[i]->len;
		*err = queue_let_in(queue, msgs[i], offer, &list);
		if (unlikely(*err))
			break;
	}
	/* Memory is more easily had for one message. */
	if (*err == -ENOMEM)
		*err = 0;
	sent = i;
	for (; i < all; i++) {
		msg = msgs[i];
		if (slot_put(&queue->store, msg)) {
			msg->next = unused;
			unused = msg;
		}
	}
	spin_unlock(&queue->lock);
	wake_all(list);
	msg_free_list(unused);
	return sent;
}

/**
 * queue_send_run() - sends some messages of a batch
 * @queue: where to
 * @offer: how; its type, len and buf are this function's
 * @entries: what
 * @n: how many, up to BATCH_RUN
 * @err: why not all went, as queue_send() says it; 0 if there is no reason but
 *	that the next one wants queue_send()
 *
 * Payloads are copied into free slots without the lock, and then all are let in
 * under one hold of it. If one has to wait for room, those behind it wait with it.
 *
 * Return: how many went.
 */
static unsigned int queue_send_run(struct queue *queue, struct offer *offer,
				   const struct ipcbook_queue_entry __user *entries,
				   unsigned int n, int *err)
{
	struct message *msgs[BATCH_RUN] __uninitialized;
	s64 types[BATCH_RUN] __uninitialized;
	unsigned int all, i;
	int why = 0;

	*err = 0;
	all = slots_get(queue, msgs, n);
	for (i = 0; i < all; i++) {
		why = offer_entry(offer, entries + i) ?:
		      queue_check_offer(queue, offer);
		if (why || offer->len > MSG_SLOT)
			break;
		if (book_copy_in(msgs[i]->data, offer->buf, offer->len)) {
			why = -EFAULT;
			break;
		}
		msgs[i]->len = offer->len;
		types[i] = offer->type;
	}
	n = i;
	i = queue_enter_run(queue, offer, msgs, types, n, all, err);
	if (i == n && !*err)
		*err = why;
	return i;
}

/* The same for one that is long, or needs more memory than there is. */
static int queue_send_entry(struct queue *queue, struct offer *offer,
			    const struct ipcbook_queue_entry __user *entry)
{
	return offer_entry(offer, entry) ?: queue_send(queue, offer);
}

/**
 * queue_send_batch() - sends messages
 * @queue: where to
 * @offer: how; its type, len and buf are this function's
 * @entries: what
 * @n: how many
 *
 * Return: how many went; if none did, why, as queue_send() says it.
 */
long queue_send_batch(struct queue *queue, struct offer *offer,
		      const struct ipcbook_queue_entry __user *entries,
		      unsigned int n)
{
	int done = 0, sent;
	int err = 0;

	while (done < n && !err) {
		sent = 0;
		/* After a long one there will mostly come another. */
		if (offer->len <= MSG_SLOT)
			sent = queue_send_run(queue, offer, entries + done,
					      min_t(unsigned int, n - done,
						    BATCH_RUN), &err);
		if (!sent && !err) {
			err = queue_send_entry(queue, offer, entries + done);
			sent = !err;
		}
		done += sent;
		if (need_resched())
			cond_resched();
	}
	return done ?: err;
}

/* A message of a batch, on its way to its receiver. */
struct arrival {
	struct message *msg;
	u64 buf;
	u64 room;
};

/* Where the payloads of @n entries go, or of as many as can be read. */
static unsigned int arrivals_read(struct arrival *arrivals,
				  const struct ipcbook_queue_entry __user *from,
				  unsigned int n)
{
	unsigned int i;

	BUILD_BUG_ON(offsetof(struct arrival, room) -
		     offsetof(struct arrival, buf) !=
		     offsetof(struct ipcbook_queue_entry, len) -
		     offsetof(struct ipcbook_queue_entry, buf));
	for (i = 0; i < n; i++)
		if (book_copy_in(&arrivals[i].buf, &from[i].buf,
				 2 * sizeof(u64)))
			break;
	return i;
}

/*
 * Takes what @want selects for up to @n entries. Only for the first it waits, or
 * looks into the hands of blocked senders. Returns how many, or why none.
 */
static int queue_take_run(struct queue *queue, struct wanted *want,
			  struct arrival *arrivals, unsigned int n)
{
	struct waiter *list = NULL;
	struct message *msg;
	unsigned int i = 0;

	want->room = arrivals[0].room;
	spin_lock(&queue->lock);
	msg = queue_get(queue, want, &list);
	while (!IS_ERR(msg)) {
		arrivals[i++].msg = msg;
		if (i == n)
			break;
		msg = to_msg(shelf_select(&queue->queued, want->select,
					  want->type));
		want->room = arrivals[i].room;
		if (!msg || !wanted_fits(want, msg))
			break;
		shelf_take(&queue->queued, &msg->item);
	}
	spin_unlock(&queue->lock);
	wake_all(list);
	return i ?: PTR_ERR(msg);
}

/* Copies out a message that was taken, and what its entry tells of it. */
static int copy_arrival(const struct arrival *arrival, struct wanted *want,
			struct ipcbook_queue_entry __user *to,
			struct seen *seen)
{
	struct {
		u64 len;
		struct ipcbook_queue_info info;
	} told __uninitialized;

	want->buf = u64_to_user_ptr(arrival->buf);
	told.len = min_t(u64, arrival->msg->len, arrival->room);
	msg_see(arrival->msg, seen);
	told.info = seen->info;
	return copy_data(arrival->msg, want, told.len) ?:
	       book_copy_out(&to->len, &told, sizeof(told));
}

/**
 * queue_receive_run() - receives some messages of a batch
 * @queue: where from
 * @want: which, and how long to wait for the first; its room and buf are this
 *	function's
 * @entries: where to
 * @n: how many, up to BATCH_RUN
 *
 * All are taken under one hold of the lock, copied out without it, and let go
 * under another. If one cannot be copied, it and those behind it go back.
 *
 * Return: how many; if none, why, as queue_receive() says it.
 */
static int queue_receive_run(struct queue *queue, struct wanted *want,
			     struct ipcbook_queue_entry __user *entries,
			     unsigned int n)
{
	struct arrival arrivals[BATCH_RUN] __uninitialized;
	struct message *unused = NULL, *msg;
	struct seen seen = { .pid = NULL };
	struct waiter *list = NULL;
	int taken, copied, err = 0;
	int i;

	n = arrivals_read(arrivals, entries, n);
	if (!n)
		return -EFAULT;
	taken = queue_take_run(queue, want, arrivals, n);
	if (taken < 0)
		return taken;
	for (copied = 0; copied < taken; copied++) {
		err = copy_arrival(&arrivals[copied], want, entries + copied,
				   &seen);
		if (err)
			break;
	}
	/* A process that is being killed never gets to see what it received. */
	if (fatal_signal_pending(current)) {
		err = -EINTR;
		copied = 0;
	}

	spin_lock(&queue->lock);
	for (i = 0; i < copied; i++) {
		msg = queue_let_go(queue, arrivals[i].msg, &list);
		if (msg) {
			msg->next = unused;
			unused = msg;
		}
	}
	for (; i < taken; i++)
		queue_return(queue, arrivals[i].msg, &list);
	spin_unlock(&queue->lock);
	wake_all(list);
	msg_free_list(unused);
	return copied ?: err;
}

/**
 * queue_receive_batch() - receives messages
 * @queue: where from
 * @want: which, and how long to wait for the first; its room and buf are this
 *	function's
 * @entries: where to
 * @n: how many at most
 *
 * Return: how many; if none, why, as queue_receive() says it.
 */
long queue_receive_batch(struct queue *queue, struct wanted *want,
			 struct ipcbook_queue_entry __user *entries,
			 unsigned int n)
{
	int done = 0;
	int got;

	do {
		got = queue_receive_run(queue, want, entries + done,
					min_t(unsigned int, n - done,
					      BATCH_RUN));
		if (got < 0)
			break;
		done += got;
		/* It waits for the first message only. */
		want->flags |= IPCBOOK_NOWAIT;
		if (need_resched())
			cond_resched();
	} while (done < n);
	return done ?: got;
}
