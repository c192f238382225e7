// SPDX-License-Identifier: GPL-2.0-only
/*
 * The exchange: where the senders and receivers of a queue meet.
 *
 * Messages stand on a shelf (shelf.c), which finds the one that a selector means
 * at a cost that does not grow with their number. Whoever waits stands in a line
 * (line.c), which finds the oldest of all, of a type or of a range of types. A
 * queue has these:
 *
 *	queued		the shelf
 *	blocked		senders that wait for room, by their message's type
 *	receivers	receivers that wait, by the type of their selector; a
 *			line for each kind of selector
 *	pollers		descriptors that somebody polls for messages, likewise
 *	writers		descriptors that somebody polls for room, in a list
 *
 * Who arrives gets the next number of the queue, and whoever has the lowest
 * number among those that fit is served first.
 *
 * A message that was taken is not on the shelf, but counts in the limits until it
 * has been copied out. If that fails it goes to the next receiver that wants it,
 * or back into its place: the number is kept. While somebody peeks at a message it
 * may be received, but is not freed before he has done.
 *
 * Payloads are copied from and to user memory without any lock. One that fits a
 * slot (message.c) is first copied to the sender's stack, so that one short hold
 * of the lock puts it in place.
 *
 * The commonest calls, read(), write(), pread() and pwrite(), are made of one
 * function each, from their arguments to the message in its place.
 *
 * Locks: queue.lock protects everything in struct queue that is not fixed at
 * creation, all lines, and struct queue_file but its book_file. It is taken
 * inside of book_mutex. Inside of it, waking pollers takes wait queue locks, and
 * telling of what is ready the lock of those who are to be told (book.c).
 *
 * Barriers: a wait is ended under the lock by queue_done(), and the sleeper
 * woken without it; see wait.c.
 */
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "queue.h"
#include "trace.h"
#include "wait.h"

/**
 * struct sender - a blocked sender, on its own stack
 * @waiter: its wait
 * @place: in the line of blocked senders, by the message's type
 * @msg: what it sends
 */
struct sender {
	struct waiter waiter;
	struct place place;
	struct message *msg;
};

/**
 * struct receiver - a blocked receiver, on its own stack
 * @waiter: its wait
 * @place: in a line of receivers
 * @line: which one
 * @room: how long a message it takes
 * @msg: what it was given
 * @next: the next that had too little room for the same message
 */
struct receiver {
	struct waiter waiter;
	struct place place;
	struct line *line;
	size_t room;
	struct message *msg;
	struct receiver *next;
};

static struct sender *to_sender(struct place *place)
{
	return place ? container_of(place, struct sender, place) : NULL;
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
	if (waitqueue_active(&qf->polled))
		wake_up_poll(&qf->polled, EPOLLIN | EPOLLRDNORM);
	else
		line_del(line, place);
}

/* There is room; who polls for it is found as by wake_poller(). */
static void queue_wake_writers(struct queue *queue)
{
	struct queue_file *qf, *next;

	lockdep_assert_held(&queue->lock);
	list_for_each_entry_safe(qf, next, &queue->writers, writer) {
		/* Entered before the list, which is under this lock. */
		if (waitqueue_active(&qf->polled))
			wake_up_poll(&qf->polled, EPOLLOUT | EPOLLWRNORM);
		else
			list_del_init(&qf->writer);
	}
}

/* The longest waiting receiver that selects @type, or NULL. */
static struct receiver *queue_receiver(struct queue *queue, s64 type)
{
	struct place *place = wants_oldest(&queue->receivers, type);

	lockdep_assert_held(&queue->lock);
	return place ? container_of(place, struct receiver, place) : NULL;
}

/*
 * Whether nobody waits or polls for messages of this bin, as far as is known.
 * The next that comes to wait for anything makes it unknown again.
 */
static bool queue_unwanted(const struct queue *queue, const struct bin *bin)
{
	return bin->unwanted == queue->waits;
}

/* A message of this bin can be received. */
static noinline void queue_wake_readers(struct queue *queue, struct bin *bin)
{
	lockdep_assert_held(&queue->lock);
	if (!wants_each(&queue->pollers, bin->type, wake_poller) &&
	    !queue_receiver(queue, bin->type))
		bin->unwanted = queue->waits;
}

/* Enters @qf among the pollers. */
static void queue_watch(struct queue *queue, struct queue_file *qf)
{
	lockdep_assert_held(&queue->lock);
	place_init(&qf->place, want_type(qf->select, qf->type));
	qf->place.number = ++queue->ticket;
	queue->waits++;
	line_add(wants_line(&queue->pollers, qf->select), &qf->place);
}

/* Gives @line the index that it wants; without one it is only slower. */
static void queue_index(struct queue *queue, struct line *line,
			unsigned int bits)
{
	struct hlist_head *index = book_alloc_index(&queue->object, bits,
						    GFP_KERNEL);

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

	waiter_init(waiter, &queue->look[sender]);
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
	/* Of a wait that began before, nobody knows how long it was. */
	if (trace_queue_wait_enabled() && start)
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

/*
 * Drops a reference on @msg under the lock. Returns it if it is to be freed by
 * msg_free() without the lock, else NULL.
 */
static __always_inline struct message *msg_put(struct queue *queue,
					       struct message *msg)
{
	lockdep_assert_held(&queue->lock);
	if (--msg->users)
		return NULL;
	shelf_unpin(&queue->queued, msg->item.bin);
	return store_put(&queue->store, msg) ? msg : NULL;
}

static noinline int copy_info(const struct message *msg,
			      struct ipcbook_queue_info __user *to)
{
	struct seen seen = { .pid = NULL };

	msg_see(msg, &seen);
	return book_copy_out(to, &seen.info, sizeof(seen.info));
}

/* Everything of @msg that its receiver asked for. */
static __always_inline int copy_out(struct message *msg, struct wanted *want,
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

/* The wait of @receiver, which has left its line, ends with @err. */
static void queue_end_receiver(struct queue *queue, struct receiver *receiver,
			       int err, struct waiter **list)
{
	queue->count.receivers_waiting--;
	queue_done(&receiver->waiter, err, list);
}

/*
 * Receivers that have left their lines, oldest first, because a message was too
 * long for them: if it is @there they are told so, else they wait on. They were all
 * that selected its type; so none of those with whom they stand by type is still
 * in the line, and they come to stand in the order that they had.
 */
static noinline void queue_too_small(struct queue *queue,
				     struct receiver *receiver, bool there,
				     struct waiter **list)
{
	struct receiver *next;

	for (; receiver; receiver = next) {
		next = receiver->next;
		if (there)
			queue_end_receiver(queue, receiver, -EMSGSIZE, list);
		else
			line_add(receiver->line, &receiver->place);
	}
}

/*
 * Gives @msg to the longest waiting receiver that selects it. Those whose
 * buffer is too small are told so on the way, unless nobody takes @msg and it is
 * not to @stay.
 */
static bool queue_hand_over(struct queue *queue, struct message *msg, bool stay,
			    struct waiter **list)
{
	struct receiver *receiver, *small = NULL, **last = &small;
	struct bin *bin = msg->item.bin;

	if (queue_unwanted(queue, bin))
		return false;
	while ((receiver = queue_receiver(queue, bin->type))) {
		line_del(receiver->line, &receiver->place);
		if (receiver->room >= msg->len)
			break;
		receiver->next = NULL;
		*last = receiver;
		last = &receiver->next;
	}
	if (unlikely(small))
		queue_too_small(queue, small, receiver || stay, list);
	if (!receiver)
		return false;
	receiver->msg = msg;
	queue_end_receiver(queue, receiver, 0, list);
	return true;
}

/* @msg has arrived: it counts from now on, until it has been copied out. */
static __always_inline void queue_count_in(struct queue *queue,
					   struct message *msg)
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

/* Whoever is to be told when there is something to receive, is told. */
static __always_inline void queue_tell(struct queue *queue)
{
	if (book_watched(&queue->object) && shelf_empty(&queue->queued))
		book_notify(&queue->object, EPOLLIN);
}

static void queue_append(struct queue *queue, struct message *msg)
{
	queue_tell(queue);
	shelf_append(&queue->queued, &msg->item);
	if (unlikely(!queue_unwanted(queue, msg->item.bin)))
		queue_wake_readers(queue, msg->item.bin);
}

/*
 * Lets @msg in, which has just arrived. Tells how it went. If there is no room, the
 * sender goes on to @wait for it, or else @msg is gone.
 */
static __always_inline enum queue_way queue_admit(struct queue *queue,
						  struct message *msg, bool wait,
						  struct waiter **list)
{
	bool room = line_empty(&queue->blocked) &&
		    queue_has_room(queue, msg->len);
	bool wanted = !queue_unwanted(queue, msg->item.bin);

	lockdep_assert_held(&queue->lock);
	if (unlikely(wanted) && queue->count.receivers_waiting &&
	    queue_may_pass(queue) &&
	    queue_hand_over(queue, msg, room || wait, list)) {
		queue->count.direct++;
		queue_count_in(queue, msg);
		return QUEUE_DIRECT;
	}
	if (!room)
		return wait ? QUEUE_BLOCKED : QUEUE_REFUSED;
	queue_count_in(queue, msg);
	queue_tell(queue);
	shelf_append(&queue->queued, &msg->item);
	if (unlikely(wanted))
		queue_wake_readers(queue, msg->item.bin);
	return QUEUE_QUEUED;
}

/* The message of @sender, who need not wait any longer, is in. */
static struct message *queue_unblock(struct queue *queue,
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
 * senders and receivers who have come to wait for each other meanwhile, and tells
 * those who poll for what the others send.
 */
static void queue_rejoin(struct queue *queue, struct waiter **list)
{
	s64 type = IPCBOOK_TYPE_MIN;
	struct sender *sender;
	struct message *msg;

	queue->crowded = false;
	if (!line_empty(&queue->blocked))
		queue_tell(queue);
	while ((sender = to_sender(line_lowest(&queue->blocked, type)))) {
		if (!queue_may_pass(queue))
			break;
		type = sender->place.type;
		msg = sender->msg;
		if (queue_hand_over(queue, msg, true, list)) {
			queue->count.direct++;
			queue_unblock(queue, sender, list);
			continue;
		}
		/* It stays in its sender's hand, and can be received. */
		if (!queue_unwanted(queue, msg->item.bin))
			queue_wake_readers(queue, msg->item.bin);
		type++;
	}
}

/*
 * The queue was full, and room may have come: lets blocked senders in, strictly
 * in order of arrival, and tells those who poll for it when there is some left.
 */
static void queue_grant(struct queue *queue, struct waiter **list)
{
	struct sender *sender;
	struct message *msg;

	lockdep_assert_held(&queue->lock);
	if (unlikely(queue->crowded))
		queue_rejoin(queue, list);
	while (!line_empty(&queue->blocked)) {
		sender = to_sender(line_select(&queue->blocked, IPCBOOK_ANY,
					       0));
		if (!queue_has_room(queue, sender->msg->len))
			return;
		msg = queue_unblock(queue, sender, list);
		if (!queue_hand_over(queue, msg, true, list))
			queue_append(queue, msg);
	}
	if (!queue_writable(queue))
		return;
	book_ready(&queue->object, EPOLLOUT);
	queue_wake_writers(queue);
}

/*
 * @msg has been copied out. Returns what msg_free() is to free without the
 * lock.
 */
static __always_inline struct message *queue_consume(struct queue *queue,
						     struct message *msg,
						     struct waiter **list)
{
	struct pid *pid = task_tgid(current);
	bool full = false;

	lockdep_assert_held(&queue->lock);
	/* Pollers enter the list before they look, under the same lock. */
	if (unlikely(!list_empty(&queue->writers) ||
		     book_watched(&queue->object) ||
		     !line_empty(&queue->blocked) || queue->crowded))
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
void queue_return(struct queue *queue, struct message *msg,
		  struct waiter **list)
{
	lockdep_assert_held(&queue->lock);
	queue->count.returned++;
	trace_queue_return(queue->object.id, msg->item.bin->type, msg->len,
			   msg->item.number);
	if (queue_hand_over(queue, msg, true, list))
		return;
	queue_tell(queue);
	shelf_return(&queue->queued, &msg->item);
	if (!queue_unwanted(queue, msg->item.bin))
		queue_wake_readers(queue, msg->item.bin);
}

static __always_inline void msg_fill(struct queue *queue, struct message *msg,
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
				       struct message *msg,
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
	/* It can be received from here on. */
	if (line_empty(&queue->blocked))
		queue_tell(queue);
	if (!queue_unwanted(queue, msg->item.bin))
		queue_wake_readers(queue, msg->item.bin);
	err = queue_wait(queue, &sender.waiter, &queue->blocked, &sender.place,
			 offer->deadline, list);
	if (err) {
		queue->count.senders_waiting--;
		if (err == -ETIMEDOUT) {
			queue->count.refused++;
			book_refused(&queue->object, err);
		}
		/* Those behind it may need less room. */
		queue_grant(queue, list);
	}
	return sender.waiter.err;
}

/* A message that does not fit a slot, with its payload. */
static struct message *msg_large(struct queue *queue, struct offer *offer)
{
	size_t size = large_size(offer->len);
	struct message *msg;

	spin_lock(&queue->lock);
	msg = large_get(&queue->store, size);
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
static __always_inline int queue_enter(struct queue *queue, struct message *msg,
				       const struct offer *offer,
				       struct waiter **list)
	__must_hold(&queue->lock)
{
	enum queue_way way;

	if (unlikely(queue->gone))
		return -EIDRM;
	way = queue_admit(queue, msg, !(offer->flags & IPCBOOK_NOWAIT), list);
	trace_queue_send(queue->object.id, offer->type, offer->len, way);
	if (likely(way <= QUEUE_DIRECT))
		return 0;
	if (way == QUEUE_BLOCKED)
		return queue_block_sender(queue, msg, offer, list);
	queue->count.refused++;
	book_refused(&queue->object, -EAGAIN);
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
	bool unknown = !shelf_find(&queue->queued, offer->type);
	bool blank = unknown && !queue->queued.blank;
	unsigned int bits = unknown ? shelf_crowded(&queue->queued) : 0;
	struct hlist_head *index = NULL;
	struct message *msg = NULL;
	struct bin *bin = NULL;

	slot = slot && !queue->store.slots;
	spin_unlock(&queue->lock);
	if (slot)
		msg = slot_new(&queue->object, offer->gfp);
	if (blank)
		bin = shelf_new_bin(&queue->object, offer->gfp);
	if (bits)
		index = book_alloc_index(&queue->object, bits, offer->gfp);
	spin_lock(&queue->lock);
	if (msg)
		slot_supply(&queue->store, msg);
	if (bin)
		shelf_supply(&queue->queued, bin);
	if (bits)
		index = shelf_index(&queue->queued, index, bits);
	if (index) {
		spin_unlock(&queue->lock);
		kvfree(index);
		spin_lock(&queue->lock);
	}
	if ((slot && !msg) || (blank && !bin))
		return -ENOMEM;
	return unknown && shelf_crowded(&queue->queued) ? -ENOMEM : 0;
}

/**
 * queue_let_in() - sends a message that lies in a slot
 * @queue: where to
 * @msg: it, with its payload
 * @offer: the rest
 * @list: whom to wake without the lock
 *
 * Called and left with the lock, which it drops while it waits for room.
 *
 * Return: 0; ENOMEM if it cannot be done without bringing memory first; else as
 * queue_send().
 */
int queue_let_in(struct queue *queue, struct message *msg,
		 const struct offer *offer, struct waiter **list)
	__must_hold(&queue->lock)
{
	struct bin *bin = shelf_pin(&queue->queued, offer->type);
	int err;

	lockdep_assert_held(&queue->lock);
	if (unlikely(!bin))
		return -ENOMEM;
	msg->item.bin = bin;
	msg_fill(queue, msg, offer);
	err = queue_enter(queue, msg, offer, list);
	if (unlikely(err))
		shelf_unpin(&queue->queued, bin);
	return err;
}

/* queue_send(), inlined into the two that call it. */
static __always_inline int queue_send_one(struct queue *queue,
					  struct offer *offer)
{
	u64 bounce[MSG_SLOT / sizeof(u64)] __uninitialized;
	struct message *msg = NULL;
	struct waiter *list = NULL;
	struct bin *bin;
	int err;

	err = queue_check_offer(queue, offer);
	if (err)
		return err;
	if (offer->len <= MSG_SLOT && copy_in(bounce, offer))
		return -EFAULT;
	if (offer->len > MSG_SLOT) {
		msg = msg_large(queue, offer);
		if (IS_ERR(msg))
			return PTR_ERR(msg);
	}

	spin_lock(&queue->lock);
	while (!(msg || queue->store.slots) ||
	       !(bin = shelf_pin(&queue->queued, offer->type))) {
		err = queue_supply(queue, offer, !msg);
		if (err)
			goto out;
	}
	if (!msg) {
		msg = slot_get(&queue->store);
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

/**
 * queue_send() - sends one message
 * @queue: where to
 * @offer: what, and how long to wait for room
 *
 * Return: 0; EINVAL for a type out of range or an empty message, E2BIG for one
 * over the queue's limit, EFAULT, ENOMEM, EIDRM if the queue has ended, EAGAIN,
 * ETIMEDOUT. After an error nothing was sent.
 */
int queue_send(struct queue *queue, struct offer *offer)
{
	return queue_send_one(queue, offer);
}

/* write() and pwrite(). */
ssize_t queue_write(struct file *filp, const char __user *buf, size_t len,
		    loff_t *pos)
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
	err = queue_send_one(to_queue(file->object), &offer);
	*pos = keep_offset(filp);
	return err ?: len;
}

/* ----------------------------------------------------------------- receiving */

/* Takes what @want selects: from the queue, or from a blocked sender's hand. */
static __always_inline struct message *queue_take(struct queue *queue,
						  const struct wanted *want,
						  struct waiter **list)
{
	struct sender *sender;
	struct message *msg;

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
static noinline struct message *
queue_block_receiver(struct queue *queue, const struct wanted *want,
		     struct waiter **list)
	__must_hold(&queue->lock)
{
	struct receiver receiver = {
		.line = wants_line(&queue->receivers, want->select),
		.room = want->flags & IPCBOOK_TRUNCATE ? SIZE_MAX : want->room,
	};
	int err;

	place_init(&receiver.place, want_type(want->select, want->type));
	receiver.place.number = ++queue->ticket;
	queue->waits++;
	queue->count.receivers_waiting++;
	err = queue_wait(queue, &receiver.waiter, receiver.line,
			 &receiver.place, want->deadline, list);
	if (err)
		queue->count.receivers_waiting--;
	return receiver.waiter.err ? ERR_PTR(receiver.waiter.err) :
				     receiver.msg;
}

/* Copies @msg out, which was taken; gives it back if that fails. */
static __always_inline ssize_t queue_deliver(struct queue *queue,
					     struct message *msg,
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

/* queue_receive(), inlined into the two that call it. */
static __always_inline ssize_t queue_receive_one(struct queue *queue,
						 struct wanted *want)
{
	struct waiter *list = NULL;
	struct message *msg;

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

/* The same up to where the copying begins; called and left with the lock. */
struct message *queue_get(struct queue *queue, const struct wanted *want,
			  struct waiter **list)
	__must_hold(&queue->lock)
{
	struct message *msg = queue_take(queue, want, list);

	if (msg == ERR_PTR(-EAGAIN) && !(want->flags & IPCBOOK_NOWAIT))
		msg = queue_block_receiver(queue, want, list);
	return msg;
}

/* And from where it has ended well; returns what msg_free() is to free. */
struct message *queue_let_go(struct queue *queue, struct message *msg,
			     struct waiter **list)
{
	trace_queue_receive(queue->object.id, msg->item.bin->type, msg->len,
			    msg->item.number);
	return queue_consume(queue, msg, list);
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
ssize_t queue_receive(struct queue *queue, struct wanted *want)
{
	return queue_receive_one(queue, want);
}

/* read() and pread(). */
ssize_t queue_read(struct file *filp, char __user *buf, size_t len, loff_t *pos)
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
	ret = queue_receive_one(to_queue(file->object), &want);
	*pos = keep_offset(filp);
	return ret;
}

/**
 * queue_peek() - copies a message and leaves it
 * @queue: where from
 * @want: which
 *
 * Return: bytes copied; ENOMSG if there is none, EMSGSIZE, EFAULT, EIDRM.
 */
ssize_t queue_peek(struct queue *queue, struct wanted *want)
{
	struct message *msg = NULL;
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

/* ----------------------------------------------------- what a descriptor sees */

/* Whether a receiver with this selector need not wait. */
static bool queue_readable(struct queue *queue, const struct queue_file *qf)
{
	return shelf_select(&queue->queued, qf->select, qf->type) ||
	       (line_select(&queue->blocked, qf->select, qf->type) &&
		queue_may_pass(queue));
}

/*
 * Enters @qf, which somebody polls for @events, where they are told. Who polls for
 * one only does not make the other cost anything; who polls for neither is to hear
 * of the end.
 */
static void queue_join(struct queue *queue, struct queue_file *qf,
		       __poll_t events)
{
	bool out = events & (EPOLLOUT | EPOLLWRNORM);
	bool in = events & (EPOLLIN | EPOLLRDNORM) || !out;

	lockdep_assert_held(&queue->lock);
	if (in && !place_in_line(&qf->place))
		queue_watch(queue, qf);
	if (out && list_empty(&qf->writer))
		list_add_tail(&qf->writer, &queue->writers);
}

/**
 * queue_ready() - what a descriptor is ready for
 * @queue: its queue
 * @qf: the descriptor; if somebody waits for it, it joins the pollers
 * @events: what is asked for, of what the descriptor may ever be ready for
 *
 * Return: EPOLL events.
 */
__poll_t queue_ready(struct queue *queue, struct queue_file *qf,
		     __poll_t events)
{
	__poll_t mask = 0;
	unsigned int bits;
	struct line *line;

	spin_lock(&queue->lock);
	/* Not merely asked, but waited for: see wake_poller(). */
	if (waitqueue_active(&qf->polled))
		queue_join(queue, qf, events);
	if (queue->gone)
		mask |= EPOLLHUP | EPOLLERR;
	if (queue_readable(queue, qf))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (queue_writable(queue))
		mask |= EPOLLOUT | EPOLLWRNORM;
	line = wants_line(&queue->pollers, qf->select);
	bits = line_crowded(line);
	spin_unlock(&queue->lock);
	if (unlikely(bits))
		queue_index(queue, line, bits);
	return mask;
}

/*
 * Which messages make this descriptor readable. lseek() has @sought, whose offset is
 * set along with that: of two that do so at once, one sets both.
 */
void queue_select(struct queue *queue, struct queue_file *qf, u32 select,
		  s64 type, struct file *sought)
{
	bool watched;

	spin_lock(&queue->lock);
	watched = place_in_line(&qf->place);
	if (watched)
		line_del(wants_line(&queue->pollers, qf->select), &qf->place);
	if (sought)
		WRITE_ONCE(sought->f_pos, type);
	qf->select = select;
	qf->type = type;
	/* Those who poll already wait for what is selected now. */
	if (watched && waitqueue_active(&qf->polled)) {
		queue_watch(queue, qf);
		if (queue_readable(queue, qf))
			wake_up_poll(&qf->polled, EPOLLIN | EPOLLRDNORM);
	}
	spin_unlock(&queue->lock);
}

/* A descriptor is closed. */
void queue_unwatch(struct queue *queue, struct queue_file *qf)
{
	spin_lock(&queue->lock);
	if (place_in_line(&qf->place))
		line_del(wants_line(&queue->pollers, qf->select), &qf->place);
	list_del_init(&qf->writer);
	spin_unlock(&queue->lock);
}

/* -------------------------------------------------------------------- the end */

/* Tells everybody in @line of waiting receivers that the queue has ended. */
static void queue_end_receivers(struct queue *queue, struct line *line,
				struct waiter **list)
{
	struct receiver *receiver;

	while (!line_empty(line)) {
		receiver = container_of(to_place(line->root.rb_node),
					struct receiver, place);
		line_del(line, &receiver->place);
		queue_end_receiver(queue, receiver, -EIDRM, list);
	}
}

static void queue_end_poller(struct queue_file *qf)
{
	wake_up_poll(&qf->polled, EPOLLHUP | EPOLLERR);
}

static void queue_end_pollers(struct line *line)
{
	struct queue_file *qf;

	while (!line_empty(line)) {
		qf = container_of(to_place(line->root.rb_node),
				  struct queue_file, place);
		line_del(line, &qf->place);
		queue_end_poller(qf);
	}
}

/* The queue has ended: so does every wait, and no other begins. */
void queue_end_waits(struct queue *queue)
{
	struct queue_file *qf, *next;
	struct waiter *list = NULL;
	struct sender *sender;
	int i;

	spin_lock(&queue->lock);
	queue->gone = true;
	for (i = 0; i < WANTS; i++) {
		queue_end_receivers(queue, &queue->receivers.lines[i], &list);
		queue_end_pollers(&queue->pollers.lines[i]);
	}
	while (!line_empty(&queue->blocked)) {
		sender = to_sender(to_place(queue->blocked.root.rb_node));
		line_del(&queue->blocked, &sender->place);
		queue->count.senders_waiting--;
		queue_done(&sender->waiter, -EIDRM, &list);
	}
	list_for_each_entry_safe(qf, next, &queue->writers, writer) {
		list_del_init(&qf->writer);
		queue_end_poller(qf);
	}
	spin_unlock(&queue->lock);
	wake_all(list);
}
