// SPDX-License-Identifier: GPL-2.0-only
/*
 * Telling of objects' coming and going, by netlink multicast.
 *
 * Two groups of the family have the same messages: "all" that of every object,
 * and takes CAP_NET_ADMIN to join; "objects" only those of objects that all may
 * read, and is open to everybody. Nobody can be told by their own permissions,
 * for a multicast is one message for all.
 *
 * While nobody has joined, nothing is built. A message that cannot be built, or
 * finds no room at a listener, is lost; netlink tells the latter (ENOBUFS).
 *
 * Whoever is refused may try again as fast as he can, and listeners must not pay
 * for it: of an object it is told once in a second that it refused something
 * (a full queue), and of a namespace ten times in a second that something was not
 * granted at all (more objects, more bytes). The former is noticed in the middle
 * of a send, under a chapter's locks; a work tells it, with a reference on the
 * object.
 *
 * Locks: none of its own; called with the book's mutex held, which keeps the
 * namespace, and everything of the object, as it is. Only watch_refused() is
 * called with anything or nothing held.
 */
#include <linux/ratelimit.h>
#include <linux/workqueue.h>
#include <net/genetlink.h>

#include "book.h"
#include "trace.h"

enum { WATCH_OBJECTS, WATCH_ALL };

const struct genl_multicast_group watch_groups[WATCH_GROUPS] = {
	[WATCH_OBJECTS] = { .name = IPCBOOK_GENL_GROUP_OBJECTS },
	[WATCH_ALL] = {
		.name = IPCBOOK_GENL_GROUP_ALL,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
};

static struct workqueue_struct *watch_queue;

static struct sk_buff *watch_message(const struct book_object *object,
				     enum ipcbook_event event, int error)
{
	struct sk_buff *skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	void *head;

	if (!skb)
		return NULL;
	head = genlmsg_put(skb, 0, 0, &book_family, 0,
			   IPCBOOK_CMD_OBJECT_EVENT);
	if (!head ||
	    nla_put_u32(skb, IPCBOOK_A_EVENT, event) ||
	    nla_put_u32(skb, IPCBOOK_A_CHAPTER, object->chapter->id) ||
	    (object->key.name[0] &&
	     nla_put_string(skb, IPCBOOK_A_NAME, object->key.name)) ||
	    (object->id && nla_put_u32(skb, IPCBOOK_A_ID, object->id)) ||
	    (error && nla_put_u32(skb, IPCBOOK_A_ERROR, -error))) {
		nlmsg_free(skb);
		return NULL;
	}
	genlmsg_end(skb, head);
	return skb;
}

/**
 * watch_tell() - tells of an object, if anybody wants to know
 * @object: it
 * @event: what became of it
 * @error: the limit that was hit, as a negative errno; else 0
 */
void watch_tell(const struct book_object *object, enum ipcbook_event event,
		int error)
{
	struct net *net = object->ns->net;
	unsigned int group;
	struct sk_buff *skb;

	trace_object_event(object->id, object->chapter->name, object->key.name,
			   event, error);
	if (object->ns->dead)
		return;
	for (group = 0; group < WATCH_GROUPS; group++) {
		if (group == WATCH_OBJECTS && !(object->mode & 0004))
			continue;
		if (!genl_has_listeners(&book_family, net, group))
			continue;
		skb = watch_message(object, event, error);
		/* Who watches is told that something is missing. */
		if (skb)
			genlmsg_multicast_netns(&book_family, net, skb, 0,
						group, GFP_KERNEL);
		else
			genl_set_err(&book_family, net, 0, group, -ENOBUFS);
	}
}

/**
 * watch_limit() - tells that something was not granted, but not too often
 * @object: what it was wanted for
 * @error: the limit, as a negative errno
 */
void watch_limit(struct book_object *object, int error)
{
	if (__ratelimit(&object->ns->limits))
		watch_tell(object, IPCBOOK_EVENT_LIMIT, error);
}

static void watch_work(struct work_struct *work)
{
	struct book_object *object = container_of(work, struct book_object,
						  refusal_work);

	book_tell_refusal(object, READ_ONCE(object->refusal));
	book_put(object);
}

/**
 * watch_begin() - makes a new object ready to tell of refusals
 * @object: it
 */
void watch_begin(struct book_object *object)
{
	object->refused_at = jiffies - HZ;
	INIT_WORK(&object->refusal_work, watch_work);
}

/* See book_refused(). */
void watch_refused(struct book_object *object, int error)
{
	unsigned long before = READ_ONCE(object->refused_at);

	/* One of those who come at the same time is enough. */
	if (cmpxchg(&object->refused_at, before, jiffies) != before)
		return;
	WRITE_ONCE(object->refusal, error);
	refcount_inc(&object->refs);
	/* It is under way still: the caller's own reference is not the last. */
	if (!queue_work(watch_queue, &object->refusal_work))
		refcount_dec(&object->refs);
}

int watch_init(void)
{
	watch_queue = alloc_workqueue("ipcbook", WQ_UNBOUND, 1);
	return watch_queue ? 0 : -ENOMEM;
}

/*
 * Nobody is refused any more. What is still to be told has a reference on its
 * object, so this comes before the book ends.
 */
void watch_exit(void)
{
	destroy_workqueue(watch_queue);
}
