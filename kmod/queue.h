/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The queue: what the chapter (queue.c) and the exchange (exchange.c) share.
 */
#ifndef _IPCBOOK_QUEUE_H
#define _IPCBOOK_QUEUE_H

#include <linux/spinlock.h>
#include <linux/uio.h>
#include <linux/wait.h>

#include "book.h"
#include "line.h"
#include "message.h"
#include "shelf.h"

struct waiter;

/**
 * struct queue - a queue
 * @object: what all chapters have
 * @max_messages: limit, fixed at creation
 * @max_bytes: limit, fixed at creation
 * @max_size: limit of one message, fixed at creation
 * @lock: protects what follows
 * @gone: unlinked, or its namespace has ended
 * @crowded: so much was put back that hand-over has stopped for now
 * @messages: queued, and taken but not yet copied out
 * @bytes: their payload
 * @number: messages that were let in; each has its own
 * @ticket: the last one given to somebody who waits
 * @tick: the jiffy of @now_ns
 * @now_ns: CLOCK_REALTIME
 * @store: memory for messages
 * @waits: receivers and pollers that have come to wait so far, and one
 * @look: ns that receivers and senders look before they sleep, see wait.c
 * @queued: messages
 * @blocked: blocked senders
 * @receivers: blocked receivers, by kind of selector
 * @pollers: descriptors that are polled for messages, by kind of selector
 * @writers: descriptors that are polled for room
 * @sender: who sent last
 * @receiver: who received last, NULL if nobody has
 * @count: counters for IPCBOOK_IOC_STAT, whose meaning they have
 */
struct queue {
	struct book_object object;
	u64 max_messages;
	u64 max_bytes;
	u64 max_size;

	spinlock_t lock ____cacheline_aligned_in_smp;
	bool gone;
	bool crowded;
	u64 messages;
	u64 bytes;
	u64 number;
	u64 ticket;
	unsigned long tick;
	u64 now_ns;
	struct store store;
	u64 waits;
	u32 look[2];
	struct shelf queued;
	struct line blocked;
	struct wants receivers;
	struct wants pollers;
	struct list_head writers;
	struct pid *sender;
	struct pid *receiver;
	struct {
		u64 sent_ns;
		u64 received_ns;
		u64 senders_waiting;
		u64 receivers_waiting;
		u64 sent_bytes;
		u64 direct;
		u64 blocked;
		u64 refused;
		u64 returned;
	} count;
};

/**
 * struct queue_file - what a descriptor keeps of a queue
 * @file: what all chapters have
 * @polled: where those are who poll, whatever for
 * @place: in a line of pollers, from the first poll for messages on
 * @writer: in the list of those for room, from the first poll for room on
 * @select: which messages make it readable
 * @type: what that compares with
 */
struct queue_file {
	struct book_file file;
	wait_queue_head_t polled;
	struct place place;
	struct list_head writer;
	u32 select;
	s64 type;
};

/**
 * struct wanted - a receive call
 * @select: one of enum ipcbook_select
 * @flags: IPCBOOK_NOWAIT, IPCBOOK_TRUNCATE, IPCBOOK_PEEK
 * @type: what @select compares with
 * @deadline: CLOCK_MONOTONIC, 0 for ever
 * @room: bytes that may be copied
 * @buf: where to, or
 * @iter: where to
 * @info: where the sender's identity goes, or NULL
 */
struct wanted {
	u32 select;
	u32 flags;
	s64 type;
	u64 deadline;
	size_t room;
	void __user *buf;
	struct iov_iter *iter;
	struct ipcbook_queue_info __user *info;
};

/**
 * struct offer - a send call
 * @flags: IPCBOOK_NOWAIT
 * @gfp: how to allocate
 * @type: the message's
 * @deadline: CLOCK_MONOTONIC, 0 for ever
 * @len: bytes of payload
 * @buf: where it is, or
 * @iter: where it is
 */
struct offer {
	u32 flags;
	gfp_t gfp;
	s64 type;
	u64 deadline;
	size_t len;
	const void __user *buf;
	struct iov_iter *iter;
};

static inline struct queue *to_queue(struct book_object *object)
{
	return container_of(object, struct queue, object);
}

static inline struct queue_file *to_queue_file(struct book_file *file)
{
	return container_of(file, struct queue_file, file);
}

static inline bool queue_nowait(const struct file *filp)
{
	return filp->f_flags & O_NONBLOCK;
}

/*
 * read() and write() store the offset they began with when they end. Nothing
 * advances it, but somebody else may have set it meanwhile.
 */
static inline loff_t keep_offset(const struct file *filp)
{
	return READ_ONCE(filp->f_pos);
}

/* What an offset means to a receiver. */
static inline int want_offset(struct wanted *want, loff_t pos)
{
	if (pos < 0 || pos > IPCBOOK_TYPE_MAX)
		return -EINVAL;
	want->select = pos ? IPCBOOK_EXACT : IPCBOOK_ANY;
	want->type = pos;
	return 0;
}

static inline int queue_check_offer(const struct queue *queue,
				    const struct offer *offer)
{
	if (offer->type < IPCBOOK_TYPE_MIN || offer->type > IPCBOOK_TYPE_MAX)
		return -EINVAL;
	if (!offer->len)
		return -EINVAL;
	return offer->len > queue->max_size ? -E2BIG : 0;
}

static inline bool wanted_fits(const struct wanted *want,
			       const struct message *msg)
{
	return msg->len <= want->room || want->flags & IPCBOOK_TRUNCATE;
}

/* The payload between user memory and the kernel. */
static __always_inline int copy_in(void *dst, struct offer *offer)
{
	if (offer->iter)
		return copy_from_iter_full(dst, offer->len, offer->iter) ?
		       0 : -EFAULT;
	if (offer->len <= MSG_SLOT)
		return book_copy_in(dst, offer->buf, offer->len);
	return copy_from_user(dst, offer->buf, offer->len) ? -EFAULT : 0;
}

static __always_inline int copy_data(struct message *msg, struct wanted *want,
				     size_t len)
{
	if (want->iter)
		return copy_to_iter(msg->data, len, want->iter) == len ?
		       0 : -EFAULT;
	if (len <= MSG_SLOT)
		return book_copy_out(want->buf, msg->data, len);
	return copy_to_user(want->buf, msg->data, len) ? -EFAULT : 0;
}

/* exchange.c */
int queue_send(struct queue *queue, struct offer *offer);
ssize_t queue_receive(struct queue *queue, struct wanted *want);
ssize_t queue_peek(struct queue *queue, struct wanted *want);
int queue_let_in(struct queue *queue, struct message *msg,
		 const struct offer *offer, struct waiter **list);
struct message *queue_get(struct queue *queue, const struct wanted *want,
			  struct waiter **list);
struct message *queue_let_go(struct queue *queue, struct message *msg,
			     struct waiter **list);
void queue_return(struct queue *queue, struct message *msg,
		  struct waiter **list);
ssize_t queue_read(struct file *filp, char __user *buf, size_t len,
		   loff_t *pos);
ssize_t queue_write(struct file *filp, const char __user *buf, size_t len,
		    loff_t *pos);
__poll_t queue_ready(struct queue *queue, struct queue_file *qf,
		     __poll_t events);
void queue_select(struct queue *queue, struct queue_file *qf, u32 select,
		  s64 type, struct file *sought);
void queue_unwatch(struct queue *queue, struct queue_file *qf);
void queue_end_waits(struct queue *queue);

/* batch.c */
long queue_send_batch(struct queue *queue, struct offer *offer,
		      const struct ipcbook_queue_entry __user *entries,
		      unsigned int n);
long queue_receive_batch(struct queue *queue, struct wanted *want,
			 struct ipcbook_queue_entry __user *entries,
			 unsigned int n);

#endif /* _IPCBOOK_QUEUE_H */
