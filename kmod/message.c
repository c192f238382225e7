// SPDX-License-Identifier: GPL-2.0-only
/*
 * A message, and the memory it lives in.
 *
 * Payloads up to MSG_SLOT bytes live in slots, which belong to a queue's store
 * and are paid for by the queue's creator: an allocation that is charged to a
 * memory cgroup costs more than all else that happens to a short message. Larger
 * ones live in memory that their sender pays for. Of both the store keeps some for
 * the next message, of the latter only for a sender of the same memory cgroup.
 *
 * A message that is in use has one user, and one more for everybody who peeks at
 * it. A free one keeps its reference on the process that sent it.
 *
 * Locks: none; whoever owns a store has one. What a store does not keep is freed
 * without it.
 */
#include <linux/cred.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "book.h"
#include "message.h"

/**
 * struct large - what a message is part of that does not fit a slot
 * @memcg: memory cgroup that pays, referred to
 * @size: bytes of all this
 * @msg: the message
 */
struct large {
	struct mem_cgroup *memcg;
	size_t size;
	struct message msg;
};

static struct kmem_cache *msg_slots;

int __init msg_setup(void)
{
	msg_slots = kmem_cache_create_usercopy("ipcbook_message", SLOT_SIZE, 0,
					       SLAB_HWCACHE_ALIGN |
					       SLAB_ACCOUNT,
					       offsetof(struct message, data),
					       MSG_SLOT, NULL);
	return msg_slots ? 0 : -ENOMEM;
}

void msg_cleanup(void)
{
	kmem_cache_destroy(msg_slots);
}

/* A slot that @object's creator pays for, or NULL. */
struct message *slot_new(struct book_object *object, gfp_t gfp)
{
	struct message *msg = book_alloc_owned(object, msg_slots, gfp);

	if (msg) {
		msg->pid = NULL;
		msg->item.returned = false;
		msg->len = 0;
	}
	return msg;
}

/* Gives a store a slot. */
void slot_supply(struct store *store, struct message *msg)
{
	msg->next = store->slots;
	store->slots = msg;
	store->spare++;
	store->owned++;
}

static struct large *to_large(struct message *msg)
{
	return container_of(msg, struct large, msg);
}

/* Bytes of all that is needed for a payload; in steps, to serve many. */
size_t large_size(size_t len)
{
	size_t size = sizeof(struct large) + len;

	return size <= STORE_SPARE_LARGE ? roundup_pow_of_two(size) : size;
}

/* A free message of @size bytes in all that the caller's cgroup pays for. */
struct message *large_get(struct store *store, size_t size)
{
	const struct mem_cgroup *memcg = book_memcg();
	struct message **link, *msg;

	for (link = &store->large; (msg = *link); link = &msg->next) {
		if (to_large(msg)->size != size || to_large(msg)->memcg != memcg)
			continue;
		*link = msg->next;
		store->large_bytes -= size;
		return msg;
	}
	return NULL;
}

/* Keeps a message for later; true if there are enough: the caller frees it. */
bool large_put(struct store *store, struct message *msg)
{
	if (store->large_bytes + to_large(msg)->size > STORE_SPARE_LARGE)
		return true;
	msg->next = store->large;
	store->large = msg;
	store->large_bytes += to_large(msg)->size;
	return false;
}

/* A message of @size bytes in all that the caller's cgroup pays for, or NULL. */
struct message *large_new(size_t size, gfp_t gfp)
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

/* Frees a message that nobody uses, outside of all locks. */
void msg_destroy(struct message *msg)
{
	put_pid(msg->pid);
	if (msg_in_slot(msg)) {
		kmem_cache_free(msg_slots, msg);
	} else {
		book_memcg_put(to_large(msg)->memcg);
		kvfree(to_large(msg));
	}
}

/* Frees what a store holds. */
void store_end(struct store *store)
{
	msg_free_list(store->slots);
	msg_free_list(store->large);
}

static void see_sender(struct seen *seen, const struct message *msg)
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
void msg_see(const struct message *msg, struct seen *seen)
{
	if (seen->pid != msg->pid || !uid_eq(seen->uid, msg->uid) ||
	    !gid_eq(seen->gid, msg->gid))
		see_sender(seen, msg);
	seen->info.type = msg->item.bin->type;
	seen->info.length = msg->len;
	seen->info.number = msg->item.number;
	seen->info.sent_ns = msg->sent_ns;
}
