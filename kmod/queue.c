// SPDX-License-Identifier: GPL-2.0-only
/*
 * The typed message queue.
 *
 * Messages stand on a shelf (shelf.c), which finds the one that a selector means
 * at a cost that does not grow with their number. Whoever waits stands in a line
 * (line.c), which finds the oldest of all, of a type or of a range of types. A
 * queue has these:
 *
 *	queued		the shelf
 *	blocked		senders that wait for room, by their message's type
 *	receivers[]	receivers that wait, by the type of their selector; one
 *			line for each kind of selector
 *	pollers[]	descriptors that somebody polls, likewise
 *
 * Who arrives gets the next number of the queue, and whoever has the lowest
 * number among those that fit is served first.
 *
 * A message that was taken is not on the shelf, but counts in the limits until it
 * has been copied out. If that fails it goes to the next receiver that wants it,
 * or back into its place: the number is kept. While somebody peeks at a message it
 * may be received, but is not freed before he has done.
 *
 * Memory: payloads up to QUEUE_SLOT bytes live in slots that the queue owns,
 * paid for by its creator; larger ones in memory that their sender pays for. Of
 * both the queue keeps some for the next message, of the latter only for a
 * sender of the same memory cgroup. Payloads are copied from and to user memory
 * without any lock; those that fit a slot are first copied to the sender's
 * stack, so that one short hold of the lock puts them in place.
 *
 * Locks: queue.lock protects everything in struct queue that is not fixed at
 * creation, all lines, and struct queue_file but its book_file. It is taken
 * inside of book_mutex, and waking pollers takes wait queue locks inside of it.
 *
 * Barriers: a wait is ended under the lock by queue_done(), and the sleeper
 * woken without it; see wait.c.
 */
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "book.h"
#include "compat.h"
#include "line.h"
#include "shelf.h"
#include "trace.h"
#include "wait.h"

static unsigned long queue_max_messages = 65536;
module_param(queue_max_messages, ulong, 0644);
MODULE_PARM_DESC(queue_max_messages, "Most messages in one queue");

static unsigned long queue_max_bytes = 16UL << 20;
module_param(queue_max_bytes, ulong, 0644);
MODULE_PARM_DESC(queue_max_bytes, "Most payload bytes in one queue");

static unsigned long queue_max_size = 1UL << 20;
module_param(queue_max_size, ulong, 0644);
MODULE_PARM_DESC(queue_max_size, "Most payload bytes of one message");

#define QUEUE_MESSAGES	1024ULL
#define QUEUE_BYTES	262144ULL
#define QUEUE_SIZE	8192ULL

/* What even CAP_SYS_RESOURCE does not exceed: sums must not overflow. */
#define QUEUE_MOST	BIT_ULL(40)
#define QUEUE_MOST_SIZE	((u64)INT_MAX / 2)

/* Bytes of a slot, four cache lines, and what is left of them for a payload. */
#define SLOT_SIZE	256
#define QUEUE_SLOT	(SLOT_SIZE - offsetof(struct queue_msg, data))

/* Messages of a batch that one hold of the lock is for. */
#define QUEUE_RUN	16

/* Free slots, and bytes of other free messages, that a queue keeps. */
#define QUEUE_SPARE		1024
#define QUEUE_SPARE_LARGE	65536

/* ----------------------------------------------------------------- the queue */

/* Kinds of selectors that have a line each; any type is up to the highest. */
enum { WANT_EXACT, WANT_UPTO, WANT_NOT, WANTS };

/**
 * struct queue - a queue
 * @object: what all chapters have
 * @max_messages: limit, fixed at creation
 * @max_bytes: limit, fixed at creation
 * @max_size: limit of one message, fixed at creation
 * @writers: polled by those who wait for room
 * @lock: protects what follows
 * @gone: unlinked, or its namespace has ended
 * @crowded: so much was put back that hand-over has stopped for now
 * @messages: queued, and taken but not yet copied out
 * @bytes: their payload
 * @number: messages that were let in; each has its own
 * @ticket: the last one given to somebody who waits
 * @tick: the jiffy of @now_ns
 * @now_ns: CLOCK_REALTIME
 * @slots: free slots
 * @spare: how many
 * @large: free messages that are no slots
 * @large_bytes: their memory
 * @owned: slots that exist
 * @wants: receivers and pollers that have come to wait so far, and one
 * @queued: messages
 * @blocked: blocked senders
 * @receivers: blocked receivers, by kind of selector
 * @pollers: polled descriptors, by kind of selector
 * @sender: who sent last
 * @receiver: who received last, NULL if nobody has
 * @count: counters for IPCBOOK_IOC_STAT, whose meaning they have
 */
struct queue {
	struct book_object object;
	u64 max_messages;
	u64 max_bytes;
	u64 max_size;
	wait_queue_head_t writers;

	spinlock_t lock ____cacheline_aligned_in_smp;
	bool gone;
	bool crowded;
	u64 messages;
	u64 bytes;
	u64 number;
	u64 ticket;
	unsigned long tick;
	u64 now_ns;
	struct queue_msg *slots;
	unsigned long spare;
	struct queue_msg *large;
	size_t large_bytes;
	unsigned long owned;
	u64 wants;
	struct shelf queued;
	struct line blocked;
	struct line receivers[WANTS];
	struct line pollers[WANTS];
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
 * struct queue_msg - a message
 * @item: its part in the shelf; holds its type and arrival number
 * @next: the next free message
 * @pid: sender's process, referred to; a free message keeps that of its last
 *	sender, who will mostly be its next
 * @sent_ns: when it was sent, CLOCK_REALTIME
 * @uid: sender's effective user
 * @gid: sender's effective group
 * @len: bytes of payload
 * @users: one for the queue and one for everybody who peeks at it
 * @data: the payload
 */
struct queue_msg {
	struct item item;
	struct queue_msg *next;
	struct pid *pid;
	u64 sent_ns;
	kuid_t uid;
	kgid_t gid;
	u32 len;
	u32 users;
	u8 data[] __aligned(8);
};

/**
 * struct large - what a message is part of that does not fit a slot
 * @memcg: memory cgroup that pays, referred to
 * @size: bytes of all this
 * @msg: the message
 */
struct large {
	struct mem_cgroup *memcg;
	size_t size;
	struct queue_msg msg;
};

/**
 * struct sender - a blocked sender, on its own stack
 * @waiter: its wait
 * @place: in the line of blocked senders, by the message's type
 * @msg: what it sends
 */
struct sender {
	struct waiter waiter;
	struct place place;
	struct queue_msg *msg;
};

/**
 * struct receiver - a blocked receiver, on its own stack
 * @waiter: its wait
 * @place: in a line of receivers
 * @line: which one
 * @room: how long a message it takes
 * @msg: what it was given
 */
struct receiver {
	struct waiter waiter;
	struct place place;
	struct line *line;
	size_t room;
	struct queue_msg *msg;
};

/**
 * struct queue_file - what a descriptor keeps of a queue
 * @file: what all chapters have
 * @readers: polled by those who wait for a message
 * @place: in a line of pollers, from the first poll on
 * @select: which messages make it readable
 * @type: what that compares with
 */
struct queue_file {
	struct book_file file;
	wait_queue_head_t readers;
	struct place place;
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

static struct kmem_cache *queue_slots;

static struct queue *to_queue(struct book_object *object)
{
	return container_of(object, struct queue, object);
}

static struct queue_file *to_queue_file(struct book_file *file)
{
	return container_of(file, struct queue_file, file);
}

static struct queue_msg *to_msg(struct item *item)
{
	return item ? container_of(item, struct queue_msg, item) : NULL;
}

static struct sender *to_sender(struct place *place)
{
	return place ? container_of(place, struct sender, place) : NULL;
}

/* The line that a selector belongs to. */
static int want_line(u32 select)
{
	switch (select) {
	case IPCBOOK_EXACT:
		return WANT_EXACT;
	case IPCBOOK_NOT:
		return WANT_NOT;
	default:
		return WANT_UPTO;
	}
}

/* ------------------------------------------------------------- waking others */

/* The wait of @waiter ends with @err, as soon as the lock is free. */
static void queue_done(struct waiter *waiter, int err, struct waiter **list)
{
	waiter->err = err;
	wait_end(waiter, list);
}

static void wake_poller(struct line *line, struct place *place)
{
	struct queue_file *qf = container_of(place, struct queue_file, place);

	/*
	 * Poll enters the wait queue before it takes queue.lock to enter the
	 * line; so whoever is in the line and not in the wait queue has left.
	 */
	if (waitqueue_active(&qf->readers))
		wake_up_poll(&qf->readers, EPOLLIN | EPOLLRDNORM);
	else
		line_del(line, place);
}

static bool wake_type(struct line *line, struct place *first)
{
	struct place *place, *next;

	list_for_each_entry_safe(place, next, &first->same, same)
		wake_poller(line, place);
	wake_poller(line, first);
	return true;
}

static bool wake_range(struct line *line, s64 low, s64 high)
{
	struct rb_node *after;
	struct place *first;
	bool any = false;

	for (first = line_lowest(line, low); first && first->type <= high;
	     first = after ? to_place(after) : NULL) {
		after = rb_next(&first->node);
		any |= wake_type(line, first);
	}
	return any;
}

/* Wakes those who poll for @type; false if there are none. */
static bool queue_wake_pollers(struct queue *queue, s64 type)
{
	struct line *lines = queue->pollers;
	struct place *first;
	bool any = false;

	first = line_find(&lines[WANT_EXACT], type);
	if (first)
		any |= wake_type(&lines[WANT_EXACT], first);
	if (line_reaches(&lines[WANT_UPTO], type))
		any |= wake_range(&lines[WANT_UPTO], type, IPCBOOK_TYPE_MAX);
	if (line_has_other(&lines[WANT_NOT], type)) {
		any |= wake_range(&lines[WANT_NOT], IPCBOOK_TYPE_MIN, type - 1);
		any |= wake_range(&lines[WANT_NOT], type + 1, IPCBOOK_TYPE_MAX);
	}
	return any;
}

/* The longest waiting receiver that selects @type, or NULL. */
static struct receiver *queue_receiver(struct queue *queue, s64 type)
{
	struct line *lines = queue->receivers;
	struct place *place;

	lockdep_assert_held(&queue->lock);
	place = line_find(&lines[WANT_EXACT], type);
	if (line_reaches(&lines[WANT_UPTO], type))
		place = line_older(place, line_oldest(&lines[WANT_UPTO], type,
						      IPCBOOK_TYPE_MAX));
	if (line_has_other(&lines[WANT_NOT], type))
		place = line_older(place, line_oldest_but(&lines[WANT_NOT],
							  type));
	return place ? container_of(place, struct receiver, place) : NULL;
}

/*
 * Whether nobody waits or polls for messages of this bin, as far as is known.
 * The next that comes to wait for anything makes it unknown again.
 */
static bool queue_unwanted(const struct queue *queue, const struct bin *bin)
{
	return bin->unwanted == queue->wants;
}

/* A message of this bin can be received. */
static noinline void queue_wake_readers(struct queue *queue, struct bin *bin)
{
	lockdep_assert_held(&queue->lock);
	if (!queue_wake_pollers(queue, bin->type) &&
	    !queue_receiver(queue, bin->type))
		bin->unwanted = queue->wants;
}

/* Enters @qf among the pollers. */
static void queue_watch(struct queue *queue, struct queue_file *qf)
{
	lockdep_assert_held(&queue->lock);
	place_init(&qf->place, qf->select == IPCBOOK_ANY ? IPCBOOK_TYPE_MAX :
							   qf->type);
	qf->place.number = ++queue->ticket;
	queue->wants++;
	line_add(&queue->pollers[want_line(qf->select)], &qf->place);
}

/* Gives @line the index that it wants; without one it is only slower. */
static void queue_index(struct queue *queue, struct line *line,
			unsigned int bits)
{
	struct hlist_head *index = book_alloc_index(&queue->object, bits);

	if (!index)
		return;
	spin_lock(&queue->lock);
	index = line_index(line, index, bits);
	spin_unlock(&queue->lock);
	kvfree(index);
}

/*
 * Waits until somebody ends the wait of @waiter, who stands in @line, or until
 * it gives up and leaves the line. Called and left with the lock, not held
 * meanwhile. Returns why it gave up, else 0; waiter.err tells how it ended.
 */
static int queue_wait(struct queue *queue, struct waiter *waiter,
		      struct line *line, struct place *place, u64 deadline,
		      struct waiter **list)
	__must_hold(&queue->lock)
{
	bool sender = line == &queue->blocked;
	u64 start = trace_queue_wait_enabled() ? ktime_get_ns() : 0;
	unsigned int bits;
	int err;

	waiter_init(waiter);
	line_add(line, place);
	bits = line_crowded(line);
	spin_unlock(&queue->lock);
	wake_all(*list);
	*list = NULL;
	if (bits)
		queue_index(queue, line, bits);
	err = wait_sleep(waiter, deadline);
	spin_lock(&queue->lock);
	if (waiter->err == WAITING) {
		waiter->err = err;
		line_del(line, place);
	} else if (err) {
		/* Both at once; whoever ended the wait is about to wake. */
		spin_unlock(&queue->lock);
		wait_sleep_on(waiter);
		spin_lock(&queue->lock);
		err = 0;
	}
	if (trace_queue_wait_enabled())
		trace_queue_wait(queue->object.id, sender,
				 ktime_get_ns() - start, waiter->err);
	return err;
}

/* ------------------------------------------------------------------ messages */

/* CLOCK_REALTIME at tick resolution, asked for once a tick. */
static inline u64 queue_now(struct queue *queue)
{
	lockdep_assert_held(&queue->lock);
	if (unlikely(time_after(jiffies, queue->tick))) {
		queue->tick = jiffies;
		queue->now_ns = ktime_get_coarse_real_ns();
	}
	return queue->now_ns;
}

/* Short messages live in slots. */
static bool msg_in_slot(const struct queue_msg *msg)
{
	return msg->len <= QUEUE_SLOT;
}

static struct queue_msg *slot_get(struct queue *queue)
{
	struct queue_msg *msg = queue->slots;

	lockdep_assert_held(&queue->lock);
	if (!msg)
		return NULL;
	queue->slots = msg->next;
	queue->spare--;
	return msg;
}

/* Gives a slot back; true if the queue has enough and the caller frees it. */
static bool slot_put(struct queue *queue, struct queue_msg *msg)
{
	lockdep_assert_held(&queue->lock);
	if (queue->spare >= QUEUE_SPARE) {
		queue->owned--;
		return true;
	}
	msg->next = queue->slots;
	queue->slots = msg;
	queue->spare++;
	return false;
}

static struct large *to_large(struct queue_msg *msg)
{
	return container_of(msg, struct large, msg);
}

/* A free message of @size bytes in all that @memcg pays for, or NULL. */
static struct queue_msg *large_get(struct queue *queue, size_t size,
				   const struct mem_cgroup *memcg)
{
	struct queue_msg **link;

	lockdep_assert_held(&queue->lock);
	for (link = &queue->large; *link; link = &(*link)->next) {
		struct queue_msg *msg = *link;

		if (to_large(msg)->size != size || to_large(msg)->memcg != memcg)
			continue;
		*link = msg->next;
		queue->large_bytes -= size;
		return msg;
	}
	return NULL;
}

/* Keeps a message for later; true if there are enough: the caller frees it. */
static bool large_put(struct queue *queue, struct queue_msg *msg)
{
	lockdep_assert_held(&queue->lock);
	if (queue->large_bytes + to_large(msg)->size > QUEUE_SPARE_LARGE)
		return true;
	msg->next = queue->large;
	queue->large = msg;
	queue->large_bytes += to_large(msg)->size;
	return false;
}

static struct queue_msg *large_new(size_t size, gfp_t gfp)
{
	struct large *large = kvmalloc(size, gfp | __GFP_ACCOUNT |
				       __GFP_NOWARN | __GFP_RETRY_MAYFAIL);

	if (!large)
		return NULL;
	large->memcg = book_memcg_get();
	large->size = size;
	large->msg.pid = NULL;
	large->msg.item.returned = false;
	large->msg.len = size;
	return &large->msg;
}

static noinline void msg_destroy(struct queue_msg *msg)
{
	put_pid(msg->pid);
	if (msg_in_slot(msg)) {
		kmem_cache_free(queue_slots, msg);
	} else {
		book_memcg_put(to_large(msg)->memcg);
		kvfree(to_large(msg));
	}
}

/* Frees what msg_put() left over, if anything, outside of the lock. */
static inline void msg_free(struct queue_msg *msg)
{
	if (unlikely(msg))
		msg_destroy(msg);
}

/*
 * Drops a reference on @msg under the lock. Returns it if it is to be freed by
 * msg_free() without the lock, else NULL.
 */
static __always_inline struct queue_msg *msg_put(struct queue *queue,
						 struct queue_msg *msg)
{
	lockdep_assert_held(&queue->lock);
	if (--msg->users)
		return NULL;
	shelf_unpin(&queue->queued, msg->item.bin);
	if (msg_in_slot(msg))
		return slot_put(queue, msg) ? msg : NULL;
	return large_put(queue, msg) ? msg : NULL;
}

static __always_inline int copy_in(void *dst, struct offer *offer)
{
	if (offer->iter)
		return copy_from_iter_full(dst, offer->len, offer->iter) ?
		       0 : -EFAULT;
	if (offer->len <= QUEUE_SLOT)
		return book_copy_in(dst, offer->buf, offer->len);
	return copy_from_user(dst, offer->buf, offer->len) ? -EFAULT : 0;
}

static __always_inline int copy_data(struct queue_msg *msg, struct wanted *want, size_t len)
{
	if (want->iter)
		return copy_to_iter(msg->data, len, want->iter) == len ?
		       0 : -EFAULT;
	if (len <= QUEUE_SLOT)
		return book_copy_out(want->buf, msg->data, len);
	return copy_to_user(want->buf, msg->data, len) ? -EFAULT : 0;
}

/**
 * struct seen - a sender, as a receiver sees it
 * @pid: process
 * @uid: effective user
 * @gid: effective group
 * @info: holds what they are in the receiver's namespaces
 */
struct seen {
	const struct pid *pid;
	kuid_t uid;
	kgid_t gid;
	struct ipcbook_queue_info info;
};

static void see_sender(struct seen *seen, const struct queue_msg *msg)
{
	seen->pid = msg->pid;
	seen->uid = msg->uid;
	seen->gid = msg->gid;
	seen->info.pid = pid_vnr(msg->pid);
	seen->info.uid = from_kuid_munged(current_user_ns(), msg->uid);
	seen->info.gid = from_kgid_munged(current_user_ns(), msg->gid);
	seen->info.pad = 0;
}

/* Where @msg comes from, as its receiver is to see it. */
static void see(struct seen *seen, const struct queue_msg *msg)
{
	if (seen->pid != msg->pid || !uid_eq(seen->uid, msg->uid) ||
	    !gid_eq(seen->gid, msg->gid))
		see_sender(seen, msg);
	seen->info.type = msg->item.bin->type;
	seen->info.length = msg->len;
	seen->info.number = msg->item.number;
	seen->info.sent_ns = msg->sent_ns;
}

static noinline int copy_info(const struct queue_msg *msg,
			      struct ipcbook_queue_info __user *to)
{
	struct seen seen = { .pid = NULL };

	see(&seen, msg);
	return book_copy_out(to, &seen.info, sizeof(seen.info));
}

/* Everything of @msg that its receiver asked for. */
static __always_inline int copy_out(struct queue_msg *msg, struct wanted *want,
				    size_t len)
{
	int err = copy_data(msg, want, len);

	if (!err && unlikely(want->info))
		err = copy_info(msg, want->info);
	return err;
}

/* ------------------------------------------------------------------- sending */

/* Whether a message of @len bytes stays within the limits. */
static bool queue_has_room(const struct queue *queue, size_t len)
{
	return queue->messages < queue->max_messages &&
	       queue->bytes + len <= queue->max_bytes;
}

/* Whether any sender would find room. */
static bool queue_writable(const struct queue *queue)
{
	return line_empty(&queue->blocked) &&
	       queue_has_room(queue, queue->max_size);
}

/*
 * What a receiver takes from a sender's hand needs no room; but if the receiver
 * then cannot take it, it comes to wait in the queue all the same. A receiver
 * that does so on purpose gets a queue to twice its limits, no further.
 */
static bool queue_may_pass(struct queue *queue)
{
	if (likely(queue->messages < 2 * queue->max_messages &&
		   queue->bytes < 2 * queue->max_bytes))
		return true;
	queue->crowded = true;
	return false;
}

/*
 * Gives @msg to the longest waiting receiver that selects it. Those whose
 * buffer is too small are told so on the way.
 */
static bool queue_hand_over(struct queue *queue, struct queue_msg *msg,
			    struct waiter **list)
{
	struct bin *bin = msg->item.bin;
	struct receiver *receiver;

	if (queue_unwanted(queue, bin))
		return false;
	while ((receiver = queue_receiver(queue, bin->type))) {
		line_del(receiver->line, &receiver->place);
		queue->count.receivers_waiting--;
		if (receiver->room < msg->len) {
			queue_done(&receiver->waiter, -EMSGSIZE, list);
			continue;
		}
		receiver->msg = msg;
		queue_done(&receiver->waiter, 0, list);
		return true;
	}
	return false;
}

/* @msg has arrived: it counts from now on, until it has been copied out. */
static __always_inline void queue_count_in(struct queue *queue,
					   struct queue_msg *msg)
{
	struct pid *pid = msg->pid;
	u32 len = msg->len;

	msg->item.number = ++queue->number;
	queue->messages++;
	queue->bytes += len;
	queue->count.sent_bytes += len;
	queue->count.sent_ns = msg->sent_ns;
	if (unlikely(queue->sender != pid)) {
		put_pid(queue->sender);
		queue->sender = get_pid(pid);
	}
}

static void queue_append(struct queue *queue, struct queue_msg *msg)
{
	shelf_append(&queue->queued, &msg->item);
	if (unlikely(!queue_unwanted(queue, msg->item.bin)))
		queue_wake_readers(queue, msg->item.bin);
}

/* Lets @msg in, which has just arrived. Tells how it went. */
static __always_inline enum queue_way queue_admit(struct queue *queue,
						  struct queue_msg *msg,
						  struct waiter **list)
{
	bool wanted = !queue_unwanted(queue, msg->item.bin);

	lockdep_assert_held(&queue->lock);
	if (unlikely(wanted) && queue->count.receivers_waiting &&
	    queue_may_pass(queue) && queue_hand_over(queue, msg, list)) {
		queue->count.direct++;
		queue_count_in(queue, msg);
		return QUEUE_DIRECT;
	}
	if (!line_empty(&queue->blocked) || !queue_has_room(queue, msg->len))
		return QUEUE_REFUSED;
	queue_count_in(queue, msg);
	shelf_append(&queue->queued, &msg->item);
	if (unlikely(wanted))
		queue_wake_readers(queue, msg->item.bin);
	return QUEUE_QUEUED;
}

/* The message of @sender, who need not wait any longer, is in. */
static struct queue_msg *queue_unblock(struct queue *queue,
				       struct sender *sender,
				       struct waiter **list)
{
	line_del(&queue->blocked, &sender->place);
	queue->count.senders_waiting--;
	queue_count_in(queue, sender->msg);
	queue_done(&sender->waiter, 0, list);
	return sender->msg;
}

/*
 * Hand-over had stopped because the queue was crowded, and can go on: joins the
 * senders and receivers who have come to wait for each other meanwhile.
 */
static void queue_rejoin(struct queue *queue, struct waiter **list)
{
	s64 type = IPCBOOK_TYPE_MIN;
	struct sender *sender;
	struct queue_msg *msg;

	queue->crowded = false;
	while ((sender = to_sender(line_lowest(&queue->blocked, type)))) {
		type = sender->place.type;
		if (!queue_receiver(queue, type)) {
			type++;
			continue;
		}
		if (!queue_may_pass(queue))
			break;
		msg = queue_unblock(queue, sender, list);
		if (!queue_hand_over(queue, msg, list))
			queue_append(queue, msg);
	}
}

/*
 * The queue was full, and room may have come: lets blocked senders in, strictly
 * in order of arrival, and tells those who poll for it when there is some left.
 */
static void queue_grant(struct queue *queue, struct waiter **list)
{
	struct sender *sender;
	struct queue_msg *msg;

	lockdep_assert_held(&queue->lock);
	if (unlikely(queue->crowded))
		queue_rejoin(queue, list);
	while (!line_empty(&queue->blocked)) {
		sender = to_sender(line_select(&queue->blocked, IPCBOOK_ANY, 0));
		if (!queue_has_room(queue, sender->msg->len))
			return;
		msg = queue_unblock(queue, sender, list);
		if (!queue_hand_over(queue, msg, list))
			queue_append(queue, msg);
	}
	/* Under the lock that poll takes after it entered the wait queue. */
	if (waitqueue_active(&queue->writers) && queue_writable(queue))
		wake_up_poll(&queue->writers, EPOLLOUT | EPOLLWRNORM);
}

/*
 * @msg has been copied out. Returns what msg_free() is to free without the
 * lock.
 */
static __always_inline struct queue_msg *queue_consume(struct queue *queue,
				       struct queue_msg *msg,
				       struct waiter **list)
{
	struct pid *pid = task_tgid(current);
	bool full = false;

	lockdep_assert_held(&queue->lock);
	/* Nothing but these waits for room. */
	if (unlikely(!line_empty(&queue->blocked) || queue->crowded ||
		     waitqueue_active(&queue->writers)))
		full = !queue_writable(queue) || queue->crowded;
	queue->messages--;
	queue->bytes -= msg->len;
	queue->count.received_ns = queue_now(queue);
	if (unlikely(queue->receiver != pid)) {
		put_pid(queue->receiver);
		queue->receiver = get_pid(pid);
	}
	if (unlikely(full))
		queue_grant(queue, list);
	return msg_put(queue, msg);
}

/* @msg could not be copied out: to the next who wants it, or into its place. */
static noinline void queue_return(struct queue *queue, struct queue_msg *msg,
			 struct waiter **list)
{
	lockdep_assert_held(&queue->lock);
	queue->count.returned++;
	trace_queue_return(queue->object.id, msg->item.bin->type, msg->len,
			   msg->item.number);
	if (queue_hand_over(queue, msg, list))
		return;
	shelf_return(&queue->queued, &msg->item);
	if (!queue_unwanted(queue, msg->item.bin))
		queue_wake_readers(queue, msg->item.bin);
}

/* Both are as long as a slot's payload may be, a multiple of eight. */
static __always_inline void msg_copy(struct queue_msg *msg, const u64 *from,
				     size_t len)
{
	u64 *to = (u64 *)msg->data;
	size_t i;

	for (i = 0; i * sizeof(u64) < len; i++)
		to[i] = from[i];
}

static __always_inline void msg_fill(struct queue *queue, struct queue_msg *msg,
		     const struct offer *offer)
{
	const struct cred *cred = current_cred();
	struct pid *pid = task_tgid(current);

	if (unlikely(msg->pid != pid)) {
		put_pid(msg->pid);
		msg->pid = get_pid(pid);
	}
	msg->sent_ns = queue_now(queue);
	msg->uid = cred->euid;
	msg->gid = cred->egid;
	msg->len = offer->len;
	msg->users = 1;
}

/* Waits until @msg is let in. Returns how that ended. */
static noinline int queue_block_sender(struct queue *queue,
				       struct queue_msg *msg,
				       const struct offer *offer,
				       struct waiter **list)
	__must_hold(&queue->lock)
{
	struct sender sender = { .msg = msg };
	int err;

	place_init(&sender.place, offer->type);
	sender.place.number = ++queue->ticket;
	queue->count.blocked++;
	queue->count.senders_waiting++;
	if (!queue_unwanted(queue, msg->item.bin))
		queue_wake_readers(queue, msg->item.bin);
	err = queue_wait(queue, &sender.waiter, &queue->blocked, &sender.place,
			 offer->deadline, list);
	if (err) {
		queue->count.senders_waiting--;
		queue->count.refused += err == -ETIMEDOUT;
		/* Those behind it may need less room. */
		queue_grant(queue, list);
	}
	return sender.waiter.err;
}

static int queue_check_offer(const struct queue *queue,
			     const struct offer *offer)
{
	if (offer->type < IPCBOOK_TYPE_MIN || offer->type > IPCBOOK_TYPE_MAX)
		return -EINVAL;
	if (!offer->len)
		return -EINVAL;
	return offer->len > queue->max_size ? -E2BIG : 0;
}

/* A message that does not fit a slot, with its payload. */
static struct queue_msg *msg_large(struct queue *queue, struct offer *offer)
{
	size_t size = sizeof(struct large) + offer->len;
	struct queue_msg *msg;

	/* In steps, so that a free message serves many. */
	if (size <= QUEUE_SPARE_LARGE)
		size = roundup_pow_of_two(size);

	spin_lock(&queue->lock);
	msg = large_get(queue, size, book_memcg());
	spin_unlock(&queue->lock);
	if (!msg)
		msg = large_new(size, offer->gfp);
	if (!msg)
		return ERR_PTR(-ENOMEM);
	if (!copy_in(msg->data, offer))
		return msg;
	msg_free(msg);
	return ERR_PTR(-EFAULT);
}

/* Lets @msg in, at once or when there is room. */
static __always_inline int queue_enter(struct queue *queue, struct queue_msg *msg,
		       const struct offer *offer, struct waiter **list)
	__must_hold(&queue->lock)
{
	enum queue_way way;

	if (unlikely(queue->gone))
		return -EIDRM;
	way = queue_admit(queue, msg, list);
	if (way == QUEUE_REFUSED && !(offer->flags & IPCBOOK_NOWAIT))
		way = QUEUE_BLOCKED;
	trace_queue_send(queue->object.id, offer->type, offer->len, way);
	if (likely(way <= QUEUE_DIRECT))
		return 0;
	if (way == QUEUE_BLOCKED)
		return queue_block_sender(queue, msg, offer, list);
	queue->count.refused++;
	return -EAGAIN;
}

/*
 * Brings memory for what is missing: a slot, a blank bin, a larger index. Drops
 * the lock meanwhile.
 */
static noinline int queue_supply(struct queue *queue, const struct offer *offer,
				 bool slot)
	__must_hold(&queue->lock)
{
	bool blank = !shelf_find(&queue->queued, offer->type);
	unsigned int bits = shelf_crowded(&queue->queued);
	struct hlist_head *index = NULL;
	struct queue_msg *msg = NULL;
	struct bin *bin = NULL;

	slot = slot && !queue->slots;
	spin_unlock(&queue->lock);
	if (slot)
		msg = book_alloc_owned(&queue->object, queue_slots, offer->gfp);
	if (blank)
		bin = shelf_new_bin(&queue->object, offer->gfp);
	if (blank && bits && gfpflags_allow_blocking(offer->gfp))
		index = book_alloc_index(&queue->object, bits);
	spin_lock(&queue->lock);
	if (msg) {
		msg->pid = NULL;
		msg->item.returned = false;
		msg->next = queue->slots;
		queue->slots = msg;
		queue->spare++;
		queue->owned++;
	}
	if (bin)
		shelf_supply(&queue->queued, bin);
	if (blank && bits)
		index = shelf_index(&queue->queued, index, bits);
	if (index) {
		spin_unlock(&queue->lock);
		kvfree(index);
		spin_lock(&queue->lock);
	}
	if ((slot && !msg) || (blank && !bin))
		return -ENOMEM;
	return blank && shelf_crowded(&queue->queued) ? -ENOMEM : 0;
}

/**
 * queue_send() - sends one message
 * @queue: where to
 * @offer: what, and how long to wait for room
 *
 * Return: 0; EINVAL for a type out of range or an empty message, E2BIG for one
 * over the queue's limit, EFAULT, ENOMEM, EIDRM if the queue has ended, EAGAIN,
 * ETIMEDOUT. After an error nothing was sent.
 */
static int queue_send(struct queue *queue, struct offer *offer)
{
	u64 bounce[QUEUE_SLOT / sizeof(u64)] __uninitialized;
	struct queue_msg *msg = NULL;
	struct waiter *list = NULL;
	struct bin *bin;
	int err;

	err = queue_check_offer(queue, offer);
	if (err)
		return err;
	if (offer->len <= QUEUE_SLOT && copy_in(bounce, offer))
		return -EFAULT;
	if (offer->len > QUEUE_SLOT) {
		msg = msg_large(queue, offer);
		if (IS_ERR(msg))
			return PTR_ERR(msg);
	}

	spin_lock(&queue->lock);
	while (!(msg || queue->slots) ||
	       !(bin = shelf_pin(&queue->queued, offer->type))) {
		err = queue_supply(queue, offer, !msg);
		if (err)
			goto out;
	}
	if (!msg) {
		msg = slot_get(queue);
		msg_copy(msg, bounce, offer->len);
	}
	msg->item.bin = bin;
	msg_fill(queue, msg, offer);
	err = queue_enter(queue, msg, offer, &list);
	msg = err ? msg_put(queue, msg) : NULL;
out:
	spin_unlock(&queue->lock);
	wake_all(list);
	msg_free(msg);
	return err;
}

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
static unsigned int slots_get(struct queue *queue, struct queue_msg **msgs,
			      unsigned int n)
{
	unsigned int i;

	spin_lock(&queue->lock);
	for (i = 0; i < n && queue->slots; i++)
		msgs[i] = slot_get(queue);
	spin_unlock(&queue->lock);
	return i;
}

/*
 * Lets in the first @n of the @all slots in @msgs, in order, and gives the others
 * back. Returns how many went; @err is why no more did, if there is a reason.
 */
static unsigned int queue_enter_run(struct queue *queue, struct offer *offer,
				    struct queue_msg **msgs, const s64 *types,
				    unsigned int n, unsigned int all, int *err)
{
	struct queue_msg *unused = NULL, *msg;
	struct waiter *list = NULL;
	unsigned int i, sent;
	struct bin *bin;

	spin_lock(&queue->lock);
	for (i = 0; i < n; i++) {
		msg = msgs[i];
		bin = shelf_pin(&queue->queued, types[i]);
		/* What this needs is more easily had for one message. */
		if (unlikely(!bin)) {
			*err = 0;
			break;
		}
		msg->item.bin = bin;
		offer->type = types[i];
		offer->len = msg->len;
		msg_fill(queue, msg, offer);
		*err = queue_enter(queue, msg, offer, &list);
		if (unlikely(*err)) {
			shelf_unpin(&queue->queued, bin);
			break;
		}
	}
	sent = i;
	for (; i < all; i++) {
		msg = msgs[i];
		if (slot_put(queue, msg)) {
			msg->next = unused;
			unused = msg;
		}
	}
	spin_unlock(&queue->lock);
	wake_all(list);
	while ((msg = unused)) {
		unused = msg->next;
		msg->len = 0;
		msg_free(msg);
	}
	return sent;
}

/**
 * queue_send_run() - sends some messages of a batch
 * @queue: where to
 * @offer: how; its type, len and buf are this function's
 * @entries: what
 * @n: how many, up to QUEUE_RUN
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
	struct queue_msg *msgs[QUEUE_RUN] __uninitialized;
	s64 types[QUEUE_RUN] __uninitialized;
	unsigned int all, i;
	int why = 0;

	*err = 0;
	all = slots_get(queue, msgs, n);
	for (i = 0; i < all; i++) {
		why = offer_entry(offer, entries + i) ?:
		      queue_check_offer(queue, offer);
		if (why || offer->len > QUEUE_SLOT)
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
static long queue_send_batch(struct queue *queue, struct offer *offer,
			     const struct ipcbook_queue_entry __user *entries,
			     unsigned int n)
{
	unsigned int done = 0, sent;
	int err = 0;

	while (done < n && !err) {
		sent = 0;
		/* After a long one there will mostly come another. */
		if (offer->len <= QUEUE_SLOT)
			sent = queue_send_run(queue, offer, entries + done,
					      min_t(unsigned int, n - done,
						    QUEUE_RUN), &err);
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

/* ----------------------------------------------------------------- receiving */

static bool wanted_fits(const struct wanted *want, const struct queue_msg *msg)
{
	return msg->len <= want->room || want->flags & IPCBOOK_TRUNCATE;
}

/* Takes what @want selects: from the queue, or from a blocked sender's hand. */
static __always_inline struct queue_msg *queue_take(struct queue *queue,
				    const struct wanted *want,
				    struct waiter **list)
{
	struct sender *sender;
	struct queue_msg *msg;

	lockdep_assert_held(&queue->lock);
	if (unlikely(queue->gone))
		return ERR_PTR(-EIDRM);
	msg = to_msg(shelf_select(&queue->queued, want->select, want->type));
	if (likely(msg)) {
		if (!wanted_fits(want, msg))
			return ERR_PTR(-EMSGSIZE);
		shelf_take(&queue->queued, &msg->item);
		return msg;
	}
	sender = to_sender(line_select(&queue->blocked, want->select,
				       want->type));
	if (!sender || !queue_may_pass(queue))
		return ERR_PTR(-EAGAIN);
	if (!wanted_fits(want, sender->msg))
		return ERR_PTR(-EMSGSIZE);
	queue->count.direct++;
	return queue_unblock(queue, sender, list);
}

/* Waits until somebody gives a message that @want selects. */
static noinline struct queue_msg *
queue_block_receiver(struct queue *queue, const struct wanted *want,
		     struct waiter **list)
	__must_hold(&queue->lock)
{
	struct receiver receiver = {
		.line = &queue->receivers[want_line(want->select)],
		.room = want->flags & IPCBOOK_TRUNCATE ? SIZE_MAX : want->room,
	};
	int err;

	place_init(&receiver.place, want->select == IPCBOOK_ANY ?
				  IPCBOOK_TYPE_MAX : want->type);
	receiver.place.number = ++queue->ticket;
	queue->wants++;
	queue->count.receivers_waiting++;
	err = queue_wait(queue, &receiver.waiter, receiver.line,
			 &receiver.place, want->deadline, list);
	if (err)
		queue->count.receivers_waiting--;
	return receiver.waiter.err ? ERR_PTR(receiver.waiter.err) :
				     receiver.msg;
}

/* Copies @msg out, which was taken; gives it back if that fails. */
static ssize_t queue_deliver(struct queue *queue, struct queue_msg *msg,
			     struct wanted *want)
{
	size_t len = min_t(size_t, msg->len, want->room);
	struct waiter *list = NULL;
	int err;

	err = copy_out(msg, want, len);
	/* A process that is being killed never gets to see what it received. */
	if (!err && fatal_signal_pending(current))
		err = -EINTR;

	spin_lock(&queue->lock);
	if (unlikely(err)) {
		queue_return(queue, msg, &list);
		msg = NULL;
	} else {
		trace_queue_receive(queue->object.id, msg->item.bin->type,
				    msg->len, msg->item.number);
		msg = queue_consume(queue, msg, &list);
	}
	spin_unlock(&queue->lock);
	wake_all(list);
	msg_free(msg);
	return err ?: len;
}

/**
 * queue_receive() - receives one message
 * @queue: where from
 * @want: which, and how long to wait for it
 *
 * Return: bytes copied; EAGAIN, ETIMEDOUT, EMSGSIZE if the message is longer
 * than there is room, EFAULT, EIDRM if the queue has ended. After an error the
 * message, if any, is where it was.
 */
static ssize_t queue_receive(struct queue *queue, struct wanted *want)
{
	struct waiter *list = NULL;
	struct queue_msg *msg;

	spin_lock(&queue->lock);
	msg = queue_take(queue, want, &list);
	if (msg == ERR_PTR(-EAGAIN) && !(want->flags & IPCBOOK_NOWAIT))
		msg = queue_block_receiver(queue, want, &list);
	spin_unlock(&queue->lock);
	wake_all(list);
	if (IS_ERR(msg))
		return PTR_ERR(msg);
	return queue_deliver(queue, msg, want);
}

/* A message of a batch, on its way to its receiver. */
struct arrival {
	struct queue_msg *msg;
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
	struct queue_msg *msg;
	unsigned int i = 0;

	want->room = arrivals[0].room;
	spin_lock(&queue->lock);
	msg = queue_take(queue, want, &list);
	if (msg == ERR_PTR(-EAGAIN) && !(want->flags & IPCBOOK_NOWAIT))
		msg = queue_block_receiver(queue, want, &list);
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
	see(seen, arrival->msg);
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
 * @n: how many, up to QUEUE_RUN
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
	struct arrival arrivals[QUEUE_RUN] __uninitialized;
	struct queue_msg *unused = NULL, *msg;
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
		msg = arrivals[i].msg;
		trace_queue_receive(queue->object.id, msg->item.bin->type,
				    msg->len, msg->item.number);
		msg = queue_consume(queue, msg, &list);
		if (msg) {
			msg->next = unused;
			unused = msg;
		}
	}
	for (; i < taken; i++)
		queue_return(queue, arrivals[i].msg, &list);
	spin_unlock(&queue->lock);
	wake_all(list);
	while ((msg = unused)) {
		unused = msg->next;
		msg_free(msg);
	}
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
static long queue_receive_batch(struct queue *queue, struct wanted *want,
				struct ipcbook_queue_entry __user *entries,
				unsigned int n)
{
	unsigned int done = 0;
	int got;

	do {
		got = queue_receive_run(queue, want, entries + done,
					min_t(unsigned int, n - done, QUEUE_RUN));
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

/**
 * queue_peek() - copies a message and leaves it
 * @queue: where from
 * @want: which
 *
 * Return: bytes copied; ENOMSG if there is none, EMSGSIZE, EFAULT, EIDRM.
 */
static ssize_t queue_peek(struct queue *queue, struct wanted *want)
{
	struct queue_msg *msg = NULL;
	size_t len;
	int err;

	spin_lock(&queue->lock);
	err = queue->gone ? -EIDRM : -ENOMSG;
	if (!queue->gone && want->select == IPCBOOK_NTH)
		msg = to_msg(shelf_nth(&queue->queued, want->type));
	else if (!queue->gone)
		msg = to_msg(shelf_select(&queue->queued, want->select,
					  want->type));
	if (msg && !wanted_fits(want, msg)) {
		err = -EMSGSIZE;
		msg = NULL;
	}
	if (msg)
		msg->users++;
	spin_unlock(&queue->lock);
	if (!msg)
		return err;

	len = min_t(size_t, msg->len, want->room);
	err = copy_out(msg, want, len);
	spin_lock(&queue->lock);
	msg = msg_put(queue, msg);
	spin_unlock(&queue->lock);
	msg_free(msg);
	return err ?: len;
}

/* ---------------------------------------------------------- plain file calls */

static bool queue_nowait(const struct file *filp)
{
	return filp->f_flags & O_NONBLOCK;
}

/*
 * read() and write() store the offset they began with when they end. Nothing
 * advances it, but somebody else may have set it meanwhile.
 */
static loff_t keep_offset(const struct file *filp)
{
	return READ_ONCE(filp->f_pos);
}

/* What an offset means to a receiver. */
static int want_offset(struct wanted *want, loff_t pos)
{
	if (pos < 0 || pos > IPCBOOK_TYPE_MAX)
		return -EINVAL;
	want->select = pos ? IPCBOOK_EXACT : IPCBOOK_ANY;
	want->type = pos;
	return 0;
}

static ssize_t queue_read(struct file *filp, char __user *buf, size_t len,
			  loff_t *pos)
{
	struct book_file *file = book_file(filp);
	struct wanted want = { .buf = buf, .room = len };
	ssize_t ret;

	if (IS_ERR(file))
		return PTR_ERR(file);
	ret = book_may(file, filp, BOOK_READ) ?: want_offset(&want, *pos);
	if (ret)
		return ret;
	want.flags = queue_nowait(filp) ? IPCBOOK_NOWAIT : 0;
	ret = queue_receive(to_queue(file->object), &want);
	*pos = keep_offset(filp);
	return ret;
}

static ssize_t queue_write(struct file *filp, const char __user *buf,
			   size_t len, loff_t *pos)
{
	struct book_file *file = book_file(filp);
	struct offer offer = {
		.gfp = GFP_KERNEL,
		.type = *pos ?: 1,
		.len = len,
		.buf = buf,
	};
	int err;

	if (IS_ERR(file))
		return PTR_ERR(file);
	err = book_may(file, filp, BOOK_WRITE);
	if (err)
		return err;
	offer.flags = queue_nowait(filp) ? IPCBOOK_NOWAIT : 0;
	err = queue_send(to_queue(file->object), &offer);
	*pos = keep_offset(filp);
	return err ?: len;
}

static ssize_t queue_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct book_file *file = book_file(iocb->ki_filp);
	struct wanted want = { .iter = to, .room = iov_iter_count(to) };
	ssize_t ret;

	if (IS_ERR(file))
		return PTR_ERR(file);
	ret = book_may(file, iocb->ki_filp, BOOK_READ) ?:
	      want_offset(&want, iocb->ki_pos);
	if (ret)
		return ret;
	if (iocb->ki_flags & IOCB_NOWAIT || queue_nowait(iocb->ki_filp))
		want.flags = IPCBOOK_NOWAIT;
	ret = queue_receive(to_queue(file->object), &want);
	if (ret >= 0)
		iocb->ki_pos = keep_offset(iocb->ki_filp);
	return ret;
}

static ssize_t queue_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct book_file *file = book_file(iocb->ki_filp);
	bool nowait = iocb->ki_flags & IOCB_NOWAIT;
	struct offer offer = {
		.gfp = nowait ? GFP_NOWAIT : GFP_KERNEL,
		.type = iocb->ki_pos ?: 1,
		.len = iov_iter_count(from),
		.iter = from,
	};
	int err;

	if (IS_ERR(file))
		return PTR_ERR(file);
	err = book_may(file, iocb->ki_filp, BOOK_WRITE);
	if (err)
		return err;
	if (nowait || queue_nowait(iocb->ki_filp))
		offer.flags = IPCBOOK_NOWAIT;
	err = queue_send(to_queue(file->object), &offer);
	if (!err)
		iocb->ki_pos = keep_offset(iocb->ki_filp);
	/* Where sleeping would help, the caller is to come again and sleep. */
	if (err == -ENOMEM && nowait)
		err = -EAGAIN;
	return err ?: offer.len;
}

/* Whether a receiver with this selector need not wait. */
static bool queue_readable(struct queue *queue, const struct queue_file *qf)
{
	return shelf_select(&queue->queued, qf->select, qf->type) ||
	       line_select(&queue->blocked, qf->select, qf->type);
}

/* Which messages make this descriptor readable. */
static void queue_set_select(struct queue_file *qf, u32 select, s64 type)
{
	struct queue *queue = to_queue(qf->file.object);

	spin_lock(&queue->lock);
	if (place_in_line(&qf->place))
		line_del(&queue->pollers[want_line(qf->select)], &qf->place);
	qf->select = select;
	qf->type = type;
	/* Those who poll already wait for what is selected now. */
	if (waitqueue_active(&qf->readers)) {
		queue_watch(queue, qf);
		if (queue_readable(queue, qf))
			wake_up_poll(&qf->readers, EPOLLIN | EPOLLRDNORM);
	}
	spin_unlock(&queue->lock);
}

/**
 * queue_llseek() - sets the type of a descriptor
 * @filp: the descriptor
 * @offset: the type; 0 is any to a receiver and 1 to a sender
 * @whence: SEEK_SET, or SEEK_CUR relative to the type that is set
 *
 * Return: the type; EINVAL.
 */
static loff_t queue_llseek(struct file *filp, loff_t offset, int whence)
{
	struct book_file *file = book_file(filp);

	if (IS_ERR(file))
		return PTR_ERR(file);
	if (whence == SEEK_CUR) {
		if (check_add_overflow(offset, filp->f_pos, &offset))
			return -EINVAL;
	} else if (whence != SEEK_SET) {
		return -EINVAL;
	}
	if (offset < 0 || offset > IPCBOOK_TYPE_MAX)
		return -EINVAL;
	WRITE_ONCE(filp->f_pos, offset);
	queue_set_select(to_queue_file(file),
			 offset ? IPCBOOK_EXACT : IPCBOOK_ANY, offset);
	return offset;
}

static __poll_t queue_poll(struct file *filp, struct poll_table_struct *pt)
{
	struct book_file *file = book_file(filp);
	struct queue_file *qf;
	struct queue *queue;
	__poll_t mask = 0;
	unsigned int bits;
	__poll_t events;
	struct line *line;

	if (IS_ERR(file))
		return EPOLLERR;
	qf = to_queue_file(file);
	queue = to_queue(file->object);
	/* Who waits for one only is not to be woken by the other. */
	events = poll_requested_events(pt);
	if (events & (EPOLLIN | EPOLLRDNORM) ||
	    !(events & (EPOLLOUT | EPOLLWRNORM)))
		poll_wait(filp, &qf->readers, pt);
	if (events & (EPOLLOUT | EPOLLWRNORM))
		poll_wait(filp, &queue->writers, pt);

	spin_lock(&queue->lock);
	/* Not merely asked, but waited for: see wake_poller(). */
	if (waitqueue_active(&qf->readers) && !place_in_line(&qf->place))
		queue_watch(queue, qf);
	if (queue->gone)
		mask |= EPOLLHUP | EPOLLERR;
	if (queue_readable(queue, qf))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (queue_writable(queue))
		mask |= EPOLLOUT | EPOLLWRNORM;
	line = &queue->pollers[want_line(qf->select)];
	bits = line_crowded(line);
	spin_unlock(&queue->lock);
	if (unlikely(bits))
		queue_index(queue, line, bits);
	if (!(file->access & BOOK_READ))
		mask &= ~(EPOLLIN | EPOLLRDNORM);
	if (!(file->access & BOOK_WRITE))
		mask &= ~(EPOLLOUT | EPOLLWRNORM);
	return mask;
}

/* -------------------------------------------------------------------- ioctls */

static int queue_check_select(u32 select, s64 type, bool peek)
{
	switch (select) {
	case IPCBOOK_ANY:
		return type ? -EINVAL : 0;
	case IPCBOOK_EXACT:
	case IPCBOOK_UPTO:
	case IPCBOOK_NOT:
		return type < IPCBOOK_TYPE_MIN || type > IPCBOOK_TYPE_MAX ?
		       -EINVAL : 0;
	case IPCBOOK_NTH:
		return !peek || type < 0 || type > IPCBOOK_NTH_MAX ?
		       -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

static long queue_ioctl_send(struct book_file *file, struct file *filp,
			     const void __user *argp)
{
	struct ipcbook_queue_send arg;
	struct offer offer;
	int err;

	err = book_may(file, filp, BOOK_WRITE) ?:
	      book_copy_args(&arg, sizeof(arg), argp);
	if (err)
		return err;
	if (arg.flags & ~IPCBOOK_NOWAIT)
		return -EINVAL;
	offer = (struct offer) {
		.flags = arg.flags,
		.gfp = GFP_KERNEL,
		.type = arg.type,
		.deadline = arg.deadline,
		.len = arg.len,
		.buf = u64_to_user_ptr(arg.buf),
	};
	if (queue_nowait(filp))
		offer.flags |= IPCBOOK_NOWAIT;
	return queue_send(to_queue(file->object), &offer);
}

static long queue_ioctl_recv(struct book_file *file, struct file *filp,
			     const void __user *argp)
{
	struct queue *queue = to_queue(file->object);
	struct ipcbook_queue_recv arg;
	struct wanted want;
	bool peek;
	int err;

	err = book_may(file, filp, BOOK_READ) ?:
	      book_copy_args(&arg, sizeof(arg), argp);
	if (err)
		return err;
	peek = arg.flags & IPCBOOK_PEEK;
	if (arg.flags & ~(IPCBOOK_NOWAIT | IPCBOOK_TRUNCATE | IPCBOOK_PEEK) ||
	    arg.pad || queue_check_select(arg.select, arg.type, peek))
		return -EINVAL;
	want = (struct wanted) {
		.select = arg.select,
		.flags = arg.flags,
		.type = arg.type,
		.deadline = arg.deadline,
		.room = arg.len,
		.buf = u64_to_user_ptr(arg.buf),
		.info = u64_to_user_ptr(arg.info),
	};
	if (peek)
		return queue_peek(queue, &want);
	if (queue_nowait(filp))
		want.flags |= IPCBOOK_NOWAIT;
	return queue_receive(queue, &want);
}

static int queue_copy_batch(struct ipcbook_queue_batch *arg, u32 flags,
			    const void __user *argp)
{
	int err = book_copy_args(arg, sizeof(*arg), argp);

	if (err)
		return err;
	if (arg->flags & ~flags || !arg->count ||
	    arg->count > IPCBOOK_BATCH_MAX)
		return -EINVAL;
	return 0;
}

static long queue_ioctl_send_batch(struct book_file *file, struct file *filp,
				   const void __user *argp)
{
	struct offer offer = { .gfp = GFP_KERNEL };
	struct ipcbook_queue_batch arg;
	int err;

	err = book_may(file, filp, BOOK_WRITE) ?:
	      queue_copy_batch(&arg, IPCBOOK_NOWAIT, argp);
	if (err)
		return err;
	if (arg.select || arg.type)
		return -EINVAL;
	offer.flags = arg.flags;
	offer.deadline = arg.deadline;
	if (queue_nowait(filp))
		offer.flags |= IPCBOOK_NOWAIT;
	return queue_send_batch(to_queue(file->object), &offer,
				u64_to_user_ptr(arg.entries), arg.count);
}

static long queue_ioctl_recv_batch(struct book_file *file, struct file *filp,
				   const void __user *argp)
{
	struct ipcbook_queue_batch arg;
	struct wanted want;
	int ret;

	ret = book_may(file, filp, BOOK_READ) ?:
	      queue_copy_batch(&arg, IPCBOOK_NOWAIT | IPCBOOK_TRUNCATE, argp);
	if (ret)
		return ret;
	if (queue_check_select(arg.select, arg.type, false))
		return -EINVAL;
	want = (struct wanted) {
		.select = arg.select,
		.flags = arg.flags,
		.type = arg.type,
		.deadline = arg.deadline,
	};
	if (queue_nowait(filp))
		want.flags |= IPCBOOK_NOWAIT;
	return queue_receive_batch(to_queue(file->object), &want,
				   u64_to_user_ptr(arg.entries), arg.count);
}

static long queue_ioctl_select(struct book_file *file, const void __user *argp)
{
	struct ipcbook_queue_select arg;
	int err;

	err = book_copy_args(&arg, sizeof(arg), argp) ?:
	      queue_check_select(arg.select, arg.type, false);
	if (err)
		return err;
	queue_set_select(to_queue_file(file), arg.select, arg.type);
	return 0;
}

static long queue_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct book_file *file = book_file(filp);
	void __user *argp = (void __user *)arg;

	if (IS_ERR(file))
		return PTR_ERR(file);
	if (_IOC_TYPE(cmd) != IPCBOOK_IOC_MAGIC)
		return -ENOTTY;
	switch (_IOC_NR(cmd)) {
	case _IOC_NR(IPCBOOK_IOC_QUEUE_SEND):
		return queue_ioctl_send(file, filp, argp);
	case _IOC_NR(IPCBOOK_IOC_QUEUE_RECV):
		return queue_ioctl_recv(file, filp, argp);
	case _IOC_NR(IPCBOOK_IOC_QUEUE_SEND_BATCH):
		return queue_ioctl_send_batch(file, filp, argp);
	case _IOC_NR(IPCBOOK_IOC_QUEUE_RECV_BATCH):
		return queue_ioctl_recv_batch(file, filp, argp);
	case _IOC_NR(IPCBOOK_IOC_QUEUE_SELECT):
		return queue_ioctl_select(file, argp);
	default:
		return book_ioctl(file, _IOC_NR(cmd), argp);
	}
}

static const char *const select_names[] = {
	[IPCBOOK_ANY] = "any",
	[IPCBOOK_EXACT] = "exact",
	[IPCBOOK_UPTO] = "upto",
	[IPCBOOK_NOT] = "not",
};

static void queue_show_fdinfo(struct seq_file *seq, struct file *filp)
{
	struct book_file *file = book_file(filp);
	struct queue_file *qf;
	struct queue *queue;
	u64 messages, bytes;
	u32 select;
	s64 type;

	if (IS_ERR(file))
		return;
	qf = to_queue_file(file);
	queue = to_queue(file->object);
	spin_lock(&queue->lock);
	messages = queue->messages;
	bytes = queue->bytes;
	select = qf->select;
	type = qf->type;
	spin_unlock(&queue->lock);

	book_show_fdinfo(seq, file->object);
	seq_printf(seq, "messages:\t%llu\nbytes:\t%llu\nselect:\t%s",
		   messages, bytes, select_names[select]);
	if (select != IPCBOOK_ANY)
		seq_printf(seq, " %lld", type);
	seq_putc(seq, '\n');
}

/* ------------------------------------------------------- the chapter's table */

static int queue_check_limits(struct ipcbook_queue_limits *limits)
{
	int err;

	err = book_limit(&limits->messages, QUEUE_MESSAGES,
			 READ_ONCE(queue_max_messages)) ?:
	      book_limit(&limits->bytes, QUEUE_BYTES,
			 READ_ONCE(queue_max_bytes)) ?:
	      book_limit(&limits->size, min(QUEUE_SIZE, limits->bytes),
			 READ_ONCE(queue_max_size));
	if (err)
		return err;
	if (limits->messages > QUEUE_MOST || limits->bytes > QUEUE_MOST ||
	    limits->size > QUEUE_MOST_SIZE)
		return -E2BIG;
	return limits->size > limits->bytes ? -EINVAL : 0;
}

static struct book_object *queue_create(const struct ipcbook_open *arg)
{
	struct ipcbook_queue_limits limits = arg->queue;
	struct queue *queue;
	int err;

	err = queue_check_limits(&limits);
	if (err)
		return ERR_PTR(err);
	queue = kzalloc(sizeof(*queue), GFP_KERNEL_ACCOUNT);
	if (!queue)
		return ERR_PTR(-ENOMEM);
	queue->max_messages = limits.messages;
	queue->max_bytes = limits.bytes;
	queue->max_size = limits.size;
	queue->tick = jiffies - 1;
	queue->wants = 1;
	shelf_begin(&queue->queued);
	init_waitqueue_head(&queue->writers);
	spin_lock_init(&queue->lock);
	queue->object.capacity = limits.bytes +
				 limits.messages * (SLOT_SIZE + sizeof(struct bin));
	return &queue->object;
}

static void queue_destroy(struct book_object *object)
{
	struct queue *queue = to_queue(object);
	struct queue_msg *msg;
	int i;

	while ((msg = to_msg(shelf_select(&queue->queued, IPCBOOK_ANY, 0)))) {
		shelf_take(&queue->queued, &msg->item);
		shelf_unpin(&queue->queued, msg->item.bin);
		msg_free(msg);
		cond_resched();
	}
	shelf_end(&queue->queued);
	while ((msg = queue->slots)) {
		queue->slots = msg->next;
		msg_free(msg);
	}
	while ((msg = queue->large)) {
		queue->large = msg->next;
		msg_free(msg);
	}
	for (i = 0; i < WANTS; i++) {
		kvfree(queue->receivers[i].index);
		kvfree(queue->pollers[i].index);
	}
	kvfree(queue->blocked.index);
	put_pid(queue->sender);
	put_pid(queue->receiver);
	kfree(queue);
}

/* Tells everybody in @line of waiting receivers that the queue has ended. */
static void queue_end_receivers(struct queue *queue, struct line *line,
				struct waiter **list)
{
	struct receiver *receiver;

	while (!line_empty(line)) {
		receiver = container_of(to_place(line->root.rb_node),
					struct receiver, place);
		line_del(line, &receiver->place);
		queue->count.receivers_waiting--;
		queue_done(&receiver->waiter, -EIDRM, list);
	}
}

static void queue_end_pollers(struct line *line)
{
	struct queue_file *qf;

	while (!line_empty(line)) {
		qf = container_of(to_place(line->root.rb_node),
				  struct queue_file, place);
		line_del(line, &qf->place);
		wake_up_poll(&qf->readers, EPOLLHUP | EPOLLERR);
	}
}

static void queue_end(struct book_object *object)
{
	struct queue *queue = to_queue(object);
	struct waiter *list = NULL;
	struct sender *sender;
	int i;

	spin_lock(&queue->lock);
	queue->gone = true;
	for (i = 0; i < WANTS; i++) {
		queue_end_receivers(queue, &queue->receivers[i], &list);
		queue_end_pollers(&queue->pollers[i]);
	}
	while (!line_empty(&queue->blocked)) {
		sender = to_sender(to_place(queue->blocked.root.rb_node));
		line_del(&queue->blocked, &sender->place);
		queue->count.senders_waiting--;
		queue_done(&sender->waiter, -EIDRM, &list);
	}
	wake_up_poll(&queue->writers, EPOLLHUP | EPOLLERR);
	spin_unlock(&queue->lock);
	wake_all(list);
}

static int queue_open(struct book_file *file, const struct ipcbook_open *arg)
{
	struct queue_file *qf = to_queue_file(file);

	init_waitqueue_head(&qf->readers);
	place_init(&qf->place, 0);
	qf->select = IPCBOOK_ANY;
	return 0;
}

static void queue_close(struct book_file *file)
{
	struct queue_file *qf = to_queue_file(file);
	struct queue *queue = to_queue(file->object);

	spin_lock(&queue->lock);
	if (place_in_line(&qf->place))
		line_del(&queue->pollers[want_line(qf->select)], &qf->place);
	spin_unlock(&queue->lock);
}

static void queue_stat(struct book_object *object, struct ipcbook_stat *stat)
{
	struct queue *queue = to_queue(object);

	stat->max_depth = queue->max_messages;
	stat->max_bytes = queue->max_bytes;
	stat->max_size = queue->max_size;
	spin_lock(&queue->lock);
	stat->depth = queue->messages;
	stat->bytes = queue->bytes;
	stat->types = shelf_types(&queue->queued);
	stat->memory = sizeof(*queue) + queue->owned * SLOT_SIZE +
		       shelf_memory(&queue->queued);
	stat->sender = pid_vnr(queue->sender);
	stat->receiver = pid_vnr(queue->receiver);
	stat->sent_ns = queue->count.sent_ns;
	stat->received_ns = queue->count.received_ns;
	stat->senders_waiting = queue->count.senders_waiting;
	stat->receivers_waiting = queue->count.receivers_waiting;
	stat->sent = queue->number;
	stat->sent_bytes = queue->count.sent_bytes;
	/* What was sent and is not there any more was received. */
	stat->received = queue->number - queue->messages;
	stat->received_bytes = queue->count.sent_bytes - queue->bytes;
	stat->direct = queue->count.direct;
	stat->blocked = queue->count.blocked;
	stat->refused = queue->count.refused;
	stat->returned = queue->count.returned;
	spin_unlock(&queue->lock);
}

static int __init queue_init(void)
{
	queue_slots = kmem_cache_create_usercopy("ipcbook_message", SLOT_SIZE,
						 0, SLAB_HWCACHE_ALIGN |
						 SLAB_ACCOUNT,
						 offsetof(struct queue_msg,
							  data),
						 QUEUE_SLOT, NULL);
	if (!queue_slots)
		return -ENOMEM;
	if (!shelf_setup())
		return 0;
	kmem_cache_destroy(queue_slots);
	return -ENOMEM;
}

static void queue_exit(void)
{
	shelf_cleanup();
	kmem_cache_destroy(queue_slots);
}

static const struct file_operations queue_fops = {
	.owner = THIS_MODULE,
	.release = book_release,
	.read = queue_read,
	.write = queue_write,
	.read_iter = queue_read_iter,
	.write_iter = queue_write_iter,
	.llseek = queue_llseek,
	.poll = queue_poll,
	.unlocked_ioctl = queue_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.show_fdinfo = queue_show_fdinfo,
};

const struct book_chapter queue_chapter = {
	.id = IPCBOOK_QUEUE,
	.name = "queue",
	.fops = &queue_fops,
	.limits_size = sizeof(struct ipcbook_queue_limits),
	.file_size = sizeof(struct queue_file),
	.has_default = true,
	.create = queue_create,
	.destroy = queue_destroy,
	.end = queue_end,
	.open = queue_open,
	.close = queue_close,
	.stat = queue_stat,
	.init = queue_init,
	.exit = queue_exit,
};
