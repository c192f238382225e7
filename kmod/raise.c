// SPDX-License-Identifier: GPL-2.0-only
/*
 * Objects that raise a signal when they become ready.
 *
 * A registration has a struct raise for each object and event that was asked to.
 * It hangs in the object's list of notifiers (book.c). The object calls
 * raise_ready() under a lock of its own, where no signal can be delivered: there
 * it is counted only, and the registration's work passes it on.
 *
 * A raise ends when it is told to stop, and with its registration. One whose
 * object has gone, or was to tell once and has done so, is in no object's list
 * any more; it makes way when there are too many.
 *
 * Locks: the list is changed under signal_sem, held for writing, and pending.lock
 * inside of it, and read under either; the work takes only the latter.
 */
#include <linux/atomic.h>
#include <linux/file.h>
#include <linux/slab.h>
#include <net/genetlink.h>

#include "book.h"
#include "compat.h"
#include "pending.h"
#include "signal.h"

/**
 * struct raise - an object that is to raise a signal
 * @notifier: in the object's list
 * @node: in registration.raises
 * @reg: the registration
 * @object: id of the object
 * @number: the signal
 * @times: how often it became ready and this was not yet passed on
 * @turn: number of the turn in which something was passed on last; protected by
 *	pending.lock
 */
struct raise {
	struct book_notifier notifier;
	struct list_head node;
	struct registration *reg;
	u64 object;
	u32 number;
	atomic_t times;
	u64 turn;
};

static struct origin raise_origin(u64 object)
{
	return (struct origin){ .uid = GLOBAL_ROOT_UID, .object = object };
}

/*
 * Of so many signals of @number that were raised those that there is room for;
 * all, if there is none: then they are refused.
 */
static u32 raise_fitting(const struct pending *pending, u8 number, u32 times)
{
	u64 room = pending->limit - pending->queued;

	lockdep_assert_held(&pending->lock);
	if (number <= IPCBOOK_SIGNAL_COALESCED || !room)
		return times;
	return min_t(u64, times, room);
}

/*
 * The one that has raised something for which no memory is missing, and has waited
 * for its turn longest; *@lacks tells whether there was one for which it is missing.
 */
static struct raise *raise_next(struct registration *reg, bool *lacks)
{
	struct origin origin = raise_origin(0);
	struct raise *raise, *next = NULL;

	lockdep_assert_held(&reg->pending.lock);
	list_for_each_entry(raise, &reg->raises, node) {
		if (!atomic_read(&raise->times) ||
		    (next && raise->turn >= next->turn))
			continue;
		origin.object = raise->object;
		if (pending_lacks_run(&reg->pending, &origin, raise->number))
			*lacks = true;
		else
			next = raise;
	}
	return next;
}

/**
 * raise_pass_on() - passes on what one object raised
 * @reg: to whom
 *
 * Nobody would be told that memory is missing, and an object need not raise what it
 * raised again. So nothing is taken from it before there is memory for that.
 *
 * Return: 1 if it or another may have raised more, 0 if not; ENOMEM if this is to be
 * called again later.
 */
int raise_pass_on(struct registration *reg)
{
	struct pending *pending = &reg->pending;
	struct result result = {};
	struct origin origin;
	struct raise *raise;
	bool lacks = false;
	int err = 0;
	u32 times;
	u8 number;

	spin_lock(&pending->lock);
	pending_settle(pending);
	raise = raise_next(reg, &lacks);
	if (raise) {
		number = raise->number;
		origin = raise_origin(raise->object);
		times = raise_fitting(pending, number,
				      atomic_read(&raise->times));
		atomic_sub(times, &raise->times);
		raise->turn = ++reg->raise_turn;
		signal_deliver(reg, &origin, &number, 1, times, &result);
	}
	spin_unlock(&pending->lock);
	if (lacks)
		err = pending_supply(pending);
	return raise || (lacks && !err) ? 1 : err;
}

static void raise_ready(struct book_notifier *notifier)
{
	struct raise *raise = container_of(notifier, struct raise, notifier);

	atomic_inc(&raise->times);
	mod_delayed_work(signal_wq, &raise->reg->work, 0);
}

static struct raise *raise_find(struct registration *reg, u64 object,
				__poll_t events)
{
	struct raise *raise;

	lockdep_assert_held_write(&signal_sem);
	list_for_each_entry(raise, &reg->raises, node)
		if (raise->object == object && raise->notifier.events == events)
			return raise;
	return NULL;
}

static void raise_end(struct raise *raise)
{
	struct registration *reg = raise->reg;

	lockdep_assert_held_write(&signal_sem);
	book_unwatch(&raise->notifier);
	spin_lock(&reg->pending.lock);
	list_del(&raise->node);
	reg->raise_count--;
	spin_unlock(&reg->pending.lock);
	kfree(raise);
}

/**
 * raise_end_all() - no object raises anything for a registration any more
 * @reg: it, which ends
 */
void raise_end_all(struct registration *reg)
{
	struct raise *raise, *next;

	list_for_each_entry_safe(raise, next, &reg->raises, node)
		raise_end(raise);
}

/* Forgets the objects that will not raise anything any more. */
static void raise_tidy(struct registration *reg)
{
	struct raise *raise, *next;

	list_for_each_entry_safe(raise, next, &reg->raises, node) {
		if (!hlist_unhashed_lockless(&raise->notifier.node))
			continue;
		/* It is taken out of the list before it is counted. */
		book_unwatch(&raise->notifier);
		if (!atomic_read(&raise->times))
			raise_end(raise);
	}
}

static int raise_new(struct registration *reg, u64 object, __poll_t events)
{
	struct raise *raise;

	if (reg->raise_count == IPCBOOK_SIGNAL_RAISES)
		raise_tidy(reg);
	if (reg->raise_count == IPCBOOK_SIGNAL_RAISES)
		return -ENOSPC;
	raise = kzalloc(sizeof(*raise), GFP_KERNEL_ACCOUNT);
	if (!raise)
		return -ENOMEM;
	raise->notifier.events = events;
	raise->notifier.ready = raise_ready;
	raise->reg = reg;
	raise->object = object;
	spin_lock(&reg->pending.lock);
	list_add_tail(&raise->node, &reg->raises);
	reg->raise_count++;
	spin_unlock(&reg->pending.lock);
	return 0;
}

/* From now on the object of @file raises @number; gives what it raised before. */
static int raise_set(struct registration *reg, struct file *filp,
		     struct book_file *file, __poll_t events, u32 number,
		     u32 *before)
{
	u64 id = file->object->id;
	struct raise *raise = raise_find(reg, id, events);
	int err;

	*before = raise ? raise->number : 0;
	if (!number) {
		if (raise)
			raise_end(raise);
		return 0;
	}
	if (!raise) {
		err = raise_new(reg, id, events);
		if (err)
			return err;
		raise = raise_find(reg, id, events);
	}
	book_unwatch(&raise->notifier);
	spin_lock(&reg->pending.lock);
	raise->number = number;
	spin_unlock(&reg->pending.lock);
	book_watch(filp, file->object, &raise->notifier);
	return 0;
}

/* Whether a descriptor that is open for it can become ready for @events. */
static bool raise_can(const struct book_file *file, struct file *filp,
		      __poll_t events)
{
	if (file->object->chapter->write_only_out && events == EPOLLIN &&
	    file->access & BOOK_WRITE)
		return false;
	return file_can_poll(filp);
}

/* An open file that can become ready for @events. */
static struct file *raise_file(struct genl_info *info, __poll_t events,
			       struct book_file **file)
{
	struct nlattr *attr = info->attrs[IPCBOOK_A_FD];
	struct file *filp = fget(nla_get_u32(attr));
	int err;

	if (!filp) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr, "not open");
		return ERR_PTR(-EBADF);
	}
	*file = book_file_of(filp);
	err = PTR_ERR_OR_ZERO(*file);
	if (!err)
		err = book_may(*file, filp, events == EPOLLIN ? BOOK_READ :
								BOOK_WRITE);
	if (!err && !raise_can(*file, filp, events))
		err = -EOPNOTSUPP;
	if (!err)
		return filp;
	NL_SET_ERR_MSG_ATTR(info->extack, attr,
			    "not an object that can become ready for that");
	fput(filp);
	return ERR_PTR(err);
}

static int raise_check(struct genl_info *info)
{
	const unsigned long all = BIT(IPCBOOK_A_FD) | BIT(IPCBOOK_A_NUMBER) |
				  BIT(IPCBOOK_A_EVENTS);
	int err = signal_check(info, all, 0);

	if (err)
		return err;
	return GENL_REQ_ATTR_CHECK(info, IPCBOOK_A_FD) ||
	       GENL_REQ_ATTR_CHECK(info, IPCBOOK_A_NUMBER) ||
	       GENL_REQ_ATTR_CHECK(info, IPCBOOK_A_EVENTS) ? -EINVAL : 0;
}

/**
 * signal_raise() - the command IPCBOOK_CMD_SIGNAL_RAISE
 * @skb: the request
 * @info: the same
 *
 * Return: 0; EBADF, EACCES, ENOTTY, EOPNOTSUPP of the descriptor, ENOSPC, ENOMEM,
 * and the errors of signal_check() and signal_own().
 */
int signal_raise(struct sk_buff *skb, struct genl_info *info)
{
	struct registration *reg;
	struct book_file *file;
	struct sk_buff *answer;
	struct file *filp;
	__poll_t events;
	u32 before;
	void *head;
	int err;

	err = raise_check(info);
	if (err)
		return err;
	events = nla_get_u32(info->attrs[IPCBOOK_A_EVENTS]) ==
		 IPCBOOK_READY_IN ? EPOLLIN : EPOLLOUT;
	answer = signal_answer(info, IPCBOOK_CMD_SIGNAL_RAISE,
			       nla_total_size(sizeof(u32)), &head);
	if (!answer)
		return -ENOMEM;
	filp = raise_file(info, events, &file);
	if (IS_ERR(filp)) {
		err = PTR_ERR(filp);
		goto out;
	}
	down_write(&signal_sem);
	reg = signal_own(skb, info);
	err = PTR_ERR_OR_ZERO(reg);
	if (!err)
		err = raise_set(reg, filp, file, events,
				nla_get_u32(info->attrs[IPCBOOK_A_NUMBER]),
				&before);
	if (!err) {
		signal_begin(reg);
		nla_put_u32(answer, IPCBOOK_A_NUMBER, before);
		signal_reply(reg, answer, head);
		answer = NULL;
	}
	up_write(&signal_sem);
	fput(filp);
out:
	kfree_skb(answer);
	return err;
}
