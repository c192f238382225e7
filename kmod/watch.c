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
 * Locks: none of its own; called with the book's mutex held, which keeps the
 * namespace, and everything of the object, as it is.
 */
#include <net/genetlink.h>

#include "book.h"

enum { WATCH_OBJECTS, WATCH_ALL };

const struct genl_multicast_group watch_groups[WATCH_GROUPS] = {
	[WATCH_OBJECTS] = { .name = IPCBOOK_GENL_GROUP_OBJECTS },
	[WATCH_ALL] = {
		.name = IPCBOOK_GENL_GROUP_ALL,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
};

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

	if (object->ns->dead)
		return;
	for (group = 0; group < WATCH_GROUPS; group++) {
		if (group == WATCH_OBJECTS && !(object->mode & 0004))
			continue;
		if (!genl_has_listeners(&book_family, net, group))
			continue;
		skb = watch_message(object, event, error);
		if (skb)
			genlmsg_multicast_netns(&book_family, net, skb, 0,
						group, GFP_KERNEL);
	}
}
