/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A message, and the memory it lives in. See message.c.
 */
#ifndef _IPCBOOK_MESSAGE_H
#define _IPCBOOK_MESSAGE_H

#include <linux/pid.h>
#include <linux/uidgid.h>

#include <linux/ipcbook.h>

#include "shelf.h"

struct book_object;

/* Bytes of a slot, four cache lines, and what is left of them for a payload. */
#define SLOT_SIZE	256
#define MSG_SLOT	(SLOT_SIZE - offsetof(struct message, data))

/* Free slots, and bytes of other free messages, that a store keeps. */
#define STORE_SPARE		1024
#define STORE_SPARE_LARGE	65536

/**
 * struct message - a message
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
struct message {
	struct item item;
	struct message *next;
	struct pid *pid;
	u64 sent_ns;
	kuid_t uid;
	kgid_t gid;
	u32 len;
	u32 users;
	u8 data[] __aligned(8);
};

/**
 * struct store - the memory for messages that a queue owns
 * @slots: free slots
 * @spare: how many
 * @owned: slots that exist
 * @large: free messages that are no slots
 * @large_bytes: their memory
 */
struct store {
	struct message *slots;
	unsigned long spare;
	unsigned long owned;
	struct message *large;
	size_t large_bytes;
};

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

int msg_setup(void);
void msg_cleanup(void);
struct message *slot_new(struct book_object *object, gfp_t gfp);
void slot_supply(struct store *store, struct message *msg);
struct message *large_get(struct store *store, size_t size);
struct message *large_new(size_t size, gfp_t gfp);
size_t large_size(size_t len);
bool large_put(struct store *store, struct message *msg);
void msg_destroy(struct message *msg);
void msg_see(const struct message *msg, struct seen *seen);
void store_end(struct store *store);

static inline struct message *to_msg(struct item *item)
{
	return item ? container_of(item, struct message, item) : NULL;
}

/* Short messages live in slots. */
static inline bool msg_in_slot(const struct message *msg)
{
	return msg->len <= MSG_SLOT;
}

/* A free slot, or NULL. */
static __always_inline struct message *slot_get(struct store *store)
{
	struct message *msg = store->slots;

	if (unlikely(!msg))
		return NULL;
	store->slots = msg->next;
	store->spare--;
	return msg;
}

/* Gives a slot back; true if the store has enough and the caller frees it. */
static __always_inline bool slot_put(struct store *store, struct message *msg)
{
	if (unlikely(store->spare >= STORE_SPARE)) {
		store->owned--;
		return true;
	}
	msg->next = store->slots;
	store->slots = msg;
	store->spare++;
	return false;
}

/* The same for any message. */
static __always_inline bool store_put(struct store *store, struct message *msg)
{
	return msg_in_slot(msg) ? slot_put(store, msg) : large_put(store, msg);
}

/* Frees what a store did not keep, if anything, outside of the lock. */
static inline void msg_free(struct message *msg)
{
	if (unlikely(msg))
		msg_destroy(msg);
}

/* The same for all in a list. */
static inline void msg_free_list(struct message *list)
{
	struct message *msg;

	while (unlikely(list)) {
		msg = list;
		list = msg->next;
		msg_destroy(msg);
	}
}

/* Both are as long as a slot's payload may be, a multiple of eight. */
static __always_inline void msg_copy(struct message *msg, const u64 *from,
				     size_t len)
{
	u64 *to = (u64 *)msg->data;
	size_t i;

	for (i = 0; i * sizeof(u64) < len; i++)
		to[i] = from[i];
}

#endif /* _IPCBOOK_MESSAGE_H */
