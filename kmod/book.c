// SPDX-License-Identifier: GPL-2.0-only
/*
 * What every chapter stands on: names, owners, limits, lifetimes.
 *
 * An object is referred to by its name, if it has one, and by each open file.
 * The last reference frees it. A name lives in a network namespace, as an
 * abstract UNIX address does: struct book_ns stands for it and outlives it, so
 * that objects need no reference on the namespace itself. When the namespace
 * ends, its names go and its objects are told to end.
 *
 * Everything here happens when something is opened, closed, created or looked
 * at, never when data moves; so one mutex does for all of it.
 *
 * Locks: book_mutex protects names, ids, owners, modes and the users' counts.
 * A chapter's stat() and end() may take the chapter's own locks inside of it;
 * create(), fill(), open(), close() and destroy() are called without it.
 * book_notifiers protects all lists of notifiers, and is taken inside of the
 * chapters' locks.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs_struct.h>
#include <linux/hash.h>
#include <linux/hashtable.h>
#include <linux/jhash.h>
#include <linux/memcontrol.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>
#include <linux/poll.h>
#include <linux/ratelimit.h>
#include <linux/rbtree.h>
#include <linux/rhashtable.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string_helpers.h>
#include <linux/uaccess.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "book.h"
#include "compat.h"

static unsigned long max_objects = 1UL << 20;
module_param(max_objects, ulong, 0644);
MODULE_PARM_DESC(max_objects, "Most objects of all users together");

static unsigned long user_objects = 4096;
module_param(user_objects, ulong, 0644);
MODULE_PARM_DESC(user_objects, "Most objects that one user may have created");

static unsigned long user_bytes = 256UL << 20;
module_param(user_bytes, ulong, 0644);
MODULE_PARM_DESC(user_bytes, "Most bytes that one user's objects may come to own");

/**
 * struct book_user - what one user has created
 * @node: place in book_users
 * @uid: the user, across all namespaces
 * @objects: how many objects
 * @bytes: what they may come to own
 */
struct book_user {
	struct hlist_node node;
	kuid_t uid;
	unsigned long objects;
	u64 bytes;
};

/* Objects that a walk passes before it lets others have the mutex. */
#define BOOK_STRIDE	256

static DEFINE_MUTEX(book_mutex);
static DEFINE_SPINLOCK(book_notifiers);
static DEFINE_HASHTABLE(book_users, 8);
static struct rb_root book_known = RB_ROOT;
static struct rb_node *book_hand;
static u32 book_last_id;
static unsigned long book_objects;
static struct rhashtable book_names;
static unsigned int book_net_id __read_mostly;

/* Of a key's name, which is padded with zeroes, only as many words as it has. */
static u32 book_hash(const void *data, u32 len, u32 seed)
{
	const struct book_key *key = data;
	const u32 *words = (const u32 *)key->name;
	unsigned int n = 0;

	while (n < IPCBOOK_NAME_LEN / 4 && words[n])
		n++;
	return jhash2(words, n, seed ^ hash_ptr(key->ns, 32) ^ key->chapter);
}

static const struct rhashtable_params book_names_params = {
	.hashfn = book_hash,
	.key_len = sizeof(struct book_key),
	.key_offset = offsetof(struct book_object, key),
	.head_offset = offsetof(struct book_object, hash),
	.automatic_shrinking = true,
};

/* --------------------------------------------------------------- namespaces */

/* The names of @net, which lives at least as long as that does. */
struct book_ns *book_ns_of(struct net *net)
{
	return *(struct book_ns **)net_generic(net, book_net_id);
}

/**
 * book_ns_current() - the calling process's namespace
 *
 * Return: its book_ns, referred to.
 */
struct book_ns *book_ns_current(void)
{
	struct book_ns *ns = book_ns_of(current->nsproxy->net_ns);

	refcount_inc(&ns->refs);
	return ns;
}

void book_ns_put(struct book_ns *ns)
{
	if (!refcount_dec_and_test(&ns->refs))
		return;
	put_user_ns(ns->user_ns);
	kfree(ns);
}

static int __net_init book_ns_init(struct net *net)
{
	struct book_ns *ns = kzalloc(sizeof(*ns), GFP_KERNEL_ACCOUNT);

	if (!ns)
		return -ENOMEM;
	refcount_set(&ns->refs, 1);
	ns->user_ns = get_user_ns(net->user_ns);
	ns->net = net;
	INIT_LIST_HEAD(&ns->objects);
	ratelimit_state_init(&ns->limits, HZ, 10);
	/* It is listeners who are spared, not the log. */
	ratelimit_set_flags(&ns->limits, RATELIMIT_MSG_ON_RELEASE);
	*(struct book_ns **)net_generic(net, book_net_id) = ns;
	return 0;
}

/* --------------------------------------------------------------- accounting */

static struct book_user *book_user_find(kuid_t uid)
{
	struct book_user *user;

	lockdep_assert_held(&book_mutex);
	hash_for_each_possible(book_users, user, node, __kuid_val(uid))
		if (uid_eq(user->uid, uid))
			return user;
	return NULL;
}

/*
 * Whether @user, and all together, may have one more that comes to own @capacity
 * bytes; @object is who tells of it if not. Returns 0, ENOSPC, EDQUOT.
 */
static int book_admits(struct book_object *object, const struct book_user *user,
		       u64 capacity)
{
	int err;

	lockdep_assert_held(&book_mutex);
	if (book_objects >= READ_ONCE(max_objects))
		err = -ENOSPC;
	else if (user->objects >= READ_ONCE(user_objects) ||
		 capacity > READ_ONCE(user_bytes) ||
		 user->bytes > READ_ONCE(user_bytes) - capacity)
		err = -EDQUOT;
	else
		return 0;
	/* A capability is looked for, which is dear, only by who needs it. */
	if (capable(CAP_SYS_RESOURCE))
		return 0;
	watch_limit(object, err);
	return err;
}

/* From now on @object is one of @user's, who may have had none before. */
static void book_charge(struct book_object *object, struct book_user *user)
{
	lockdep_assert_held(&book_mutex);
	if (!user->objects)
		hash_add(book_users, &user->node, __kuid_val(user->uid));
	user->objects++;
	user->bytes += object->capacity;
	object->user = user;
	book_objects++;
}

static void book_uncharge(struct book_user *user, u64 capacity)
{
	lockdep_assert_held(&book_mutex);
	book_objects--;
	user->bytes -= capacity;
	if (--user->objects)
		return;
	hash_del(&user->node);
	kfree(user);
}

/*
 * Counts @object in its creator's and in everybody's limits. @fresh becomes
 * the creator's entry if there is none yet.
 */
static int book_account(struct book_object *object, struct book_user *fresh)
{
	struct book_user *user = book_user_find(current_uid()) ?: fresh;
	int err = book_admits(object, user, object->capacity);

	if (!err)
		book_charge(object, user);
	return err;
}

static void book_unaccount(struct book_object *object)
{
	book_uncharge(object->user, object->capacity);
}

/**
 * book_resize() - an object comes to own more or less than it might before
 * @object: it; nobody else resizes it at the same time
 * @capacity: bytes, counted in its creator's limits
 *
 * Return: 0; EDQUOT if it is more and the creator has as much already as one
 * user may, unless the caller has CAP_SYS_RESOURCE.
 */
int book_resize(struct book_object *object, u64 capacity)
{
	u64 most = READ_ONCE(user_bytes);
	int err = 0;
	u64 others;

	mutex_lock(&book_mutex);
	others = object->user->bytes - object->capacity;
	if (capacity > object->capacity && !capable(CAP_SYS_RESOURCE) &&
	    (capacity > most || others > most - capacity)) {
		err = -EDQUOT;
		watch_limit(object, err);
	} else {
		object->user->bytes = others + capacity;
		object->capacity = capacity;
	}
	mutex_unlock(&book_mutex);
	return err;
}

/**
 * book_limit() - one limit of an object that is about to be created
 * @value: what the caller asked for; 0 becomes @standard
 * @standard: the default
 * @most: the most for a caller without CAP_SYS_RESOURCE
 *
 * Return: 0, or E2BIG.
 */
int book_limit(u64 *value, u64 standard, u64 most)
{
	if (!*value)
		*value = min(standard, most);
	return *value <= most || capable(CAP_SYS_RESOURCE) ? 0 : -E2BIG;
}

#ifdef CONFIG_MEMCG
/**
 * book_memcg() - the memory cgroup that pays for what the caller allocates
 *
 * Return: it, not referred to: good for comparing with one that is.
 */
struct mem_cgroup *book_memcg(void)
{
	struct mem_cgroup *memcg;

	rcu_read_lock();
	memcg = mem_cgroup_from_task(current);
	rcu_read_unlock();
	return memcg;
}

/**
 * book_memcg_get() - the same, referred to
 *
 * Return: it, to be given back by book_memcg_put().
 */
struct mem_cgroup *book_memcg_get(void)
{
	struct mem_cgroup *memcg;

	rcu_read_lock();
	/* It fails only while the caller is being moved out of it. */
	do {
		memcg = mem_cgroup_from_task(current);
	} while (memcg && !css_tryget(&memcg->css));
	rcu_read_unlock();
	return memcg;
}
#else
struct mem_cgroup *book_memcg(void)
{
	return NULL;
}

struct mem_cgroup *book_memcg_get(void)
{
	return NULL;
}
#endif

void book_memcg_put(struct mem_cgroup *memcg)
{
	mem_cgroup_put(memcg);
}

/* Its being there keeps the kernel from merging the cache with others. */
static void book_cache_begin(void *memory)
{
}

/**
 * book_cache() - a slab cache of the module's own
 * @name: its name in /proc/slabinfo, where it stands alone and goes with the
 *	module
 * @size: of one object, whose memory is charged and not zeroed
 *
 * Return: the cache, for kmem_cache_destroy(); or NULL.
 */
struct kmem_cache *book_cache(const char *name, size_t size)
{
	return kmem_cache_create(name, size, 0, SLAB_ACCOUNT, book_cache_begin);
}

/**
 * book_alloc_owned() - memory that an object owns
 * @object: it; its creator's memory cgroup is charged, whoever asks
 * @cache: slab cache to take it from
 * @gfp: how
 *
 * Does not kill anybody when that cgroup is at its limit.
 *
 * Return: the memory, or NULL.
 */
void *book_alloc_owned(struct book_object *object, struct kmem_cache *cache,
		       gfp_t gfp)
{
	struct mem_cgroup *before = set_active_memcg(object->memcg);
	void *memory;

	memory = kmem_cache_alloc(cache, gfp | __GFP_ACCOUNT | __GFP_NOWARN |
				  __GFP_RETRY_MAYFAIL);
	set_active_memcg(before);
	return memory;
}

/**
 * book_alloc_index() - heads of hash chains that an object owns
 * @object: it; its creator's memory cgroup is charged
 * @bits: two to the power of which are wanted
 * @gfp: how it may be allocated
 *
 * Return: the heads, empty, for kvfree(); or NULL.
 */
struct hlist_head *book_alloc_index(struct book_object *object,
				    unsigned int bits, gfp_t gfp)
{
	struct mem_cgroup *before = set_active_memcg(object->memcg);
	struct hlist_head *index;

	index = kvcalloc(1UL << bits, sizeof(*index), gfp | __GFP_ACCOUNT |
			 __GFP_NOWARN | __GFP_RETRY_MAYFAIL);
	set_active_memcg(before);
	return index;
}

/* -------------------------------------------------------------- permissions */

static bool book_ns_capable(const struct book_ns *ns, const struct cred *cred,
			    int capability)
{
	if (cred == current_cred())
		return ns_capable(ns->user_ns, capability);
	return cap_raised(cred->cap_effective, capability) &&
	       cred->user_ns == ns->user_ns;
}

static bool book_in_group(const struct cred *cred, kgid_t gid)
{
	int i;

	if (gid_eq(cred->fsgid, gid))
		return true;
	for (i = 0; i < cred->group_info->ngroups; i++)
		if (gid_eq(cred->group_info->gid[i], gid))
			return true;
	return false;
}

/* The part of @access that the object's mode gives to @cred. */
static unsigned int book_permitted(const struct book_object *object,
				   const struct cred *cred, unsigned int access)
{
	unsigned int mode = object->mode;
	unsigned int given = 0;

	lockdep_assert_held(&book_mutex);
	if (uid_eq(cred->fsuid, object->uid))
		mode >>= 6;
	else if (book_in_group(cred, object->gid))
		mode >>= 3;
	if (mode & 04)
		given |= BOOK_READ;
	if (mode & 02)
		given |= BOOK_WRITE;
	if ((access & ~given) &&
	    book_ns_capable(object->ns, cred, CAP_DAC_OVERRIDE))
		given = BOOK_READ | BOOK_WRITE;
	return access & given;
}

static bool book_owner_or_capable(const struct book_object *object)
{
	lockdep_assert_held(&book_mutex);
	return uid_eq(current_fsuid(), object->uid) ||
	       book_ns_capable(object->ns, current_cred(), CAP_FOWNER);
}

/* -------------------------------------------------------------------- names */

static struct book_object *book_find(const struct book_key *key)
{
	lockdep_assert_held(&book_mutex);
	return rhashtable_lookup_fast(&book_names, key, book_names_params);
}

static bool book_zeroed(const char *bytes, size_t size)
{
	return !memchr_inv(bytes, 0, size);
}

/**
 * book_check_name() - whether a name is one
 * @name: IPCBOOK_NAME_LEN bytes
 *
 * Return: 0, or EINVAL.
 */
int book_check_name(const char *name)
{
	size_t len = strnlen(name, IPCBOOK_NAME_LEN);
	size_t i;

	if (!len || len == IPCBOOK_NAME_LEN)
		return -EINVAL;
	for (i = 0; i < len; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f ||
		    name[i] == '/')
			return -EINVAL;
	return book_zeroed(name + len, IPCBOOK_NAME_LEN - len) ? 0 : -EINVAL;
}

static const struct book_chapter *book_check_chapter(u32 id)
{
	const struct book_chapter *chapter;

	if (id < IPCBOOK_SIGNAL || id > IPCBOOK_SEM)
		return ERR_PTR(-EINVAL);
	chapter = book_chapter(id);
	return chapter ?: ERR_PTR(-EOPNOTSUPP);
}

/* ---------------------------------------------------------------- readiness */

/*
 * Who wants to be told when an object becomes ready has a notifier in its list.
 * A chapter calls book_ready() under its lock when the object goes from not
 * ready to ready; book_watch() enters the list first and polls then, under the
 * same lock: either of them sees the other.
 */

/* Called with book_notifiers held. */
static void book_tell(struct book_object *object,
		      struct book_notifier *notifier)
{
	notifier->told = true;
	if (object->chapter->raises_once)
		hlist_del_init(&notifier->node);
	notifier->ready(notifier);
}

void book_notify(struct book_object *object, __poll_t events)
{
	struct book_notifier *notifier;
	struct hlist_node *next;

	spin_lock(&book_notifiers);
	hlist_for_each_entry_safe(notifier, next, &object->notifiers, node)
		if (notifier->events & events)
			book_tell(object, notifier);
	spin_unlock(&book_notifiers);
}

/**
 * book_watch() - from now on somebody is told when an object becomes ready
 * @filp: an open file of the object
 * @object: the object
 * @notifier: whom to tell, with @events and @ready set
 *
 * If it is ready already, that is told at once. Looking makes a mapped object
 * ready to notice, as it does for everybody who polls.
 */
void book_watch(struct file *filp, struct book_object *object,
		struct book_notifier *notifier)
{
	__poll_t events;

	notifier->told = false;
	spin_lock(&book_notifiers);
	hlist_add_head(&notifier->node, &object->notifiers);
	spin_unlock(&book_notifiers);
	events = vfs_poll(filp, NULL);
	spin_lock(&book_notifiers);
	if (events & notifier->events && !notifier->told &&
	    !hlist_unhashed(&notifier->node))
		book_tell(object, notifier);
	spin_unlock(&book_notifiers);
}

/**
 * book_unwatch() - the opposite; no call of @ready is under way afterwards
 * @notifier: it, whether it is in a list or not
 */
void book_unwatch(struct book_notifier *notifier)
{
	spin_lock(&book_notifiers);
	hlist_del_init(&notifier->node);
	spin_unlock(&book_notifiers);
}

/* Nobody will be told any more; to want to be takes a file, and there is none. */
static void book_notify_end(struct book_object *object)
{
	if (hlist_empty(&object->notifiers))
		return;
	spin_lock(&book_notifiers);
	while (!hlist_empty(&object->notifiers))
		hlist_del_init(object->notifiers.first);
	spin_unlock(&book_notifiers);
}

/* ---------------------------------------------------------------------- ids */

/*
 * Objects are known in a tree, in the order of their ids. An id is the last one
 * that was given and one, up to INT_MAX and from 1 on again; those of objects that
 * are still there are passed over. So none is given again soon, and of nearly all
 * the place is known: beside book_hand, which is the object with the largest id up
 * to the last one given, NULL if there is none.
 */

/* Gives @object an id that no other one has, and its place. */
static void book_number(struct book_object *object)
{
	struct rb_node *before = book_hand, *parent, **link, *next;
	u64 id = book_last_id;

	lockdep_assert_held(&book_mutex);
	next = before ? rb_next(before) : rb_first(&book_known);
	for (;;) {
		if (id++ == INT_MAX) {
			id = 1;
			before = NULL;
			next = rb_first(&book_known);
		}
		if (!next ||
		    rb_entry(next, struct book_object, known)->id != id)
			break;
		before = next;
		next = rb_next(next);
	}
	/* Of two that follow each other, one has no child on the other's side. */
	if (before && !before->rb_right) {
		parent = before;
		link = &before->rb_right;
	} else {
		parent = next;
		link = next ? &next->rb_left : &book_known.rb_node;
	}
	rb_link_node(&object->known, parent, link);
	rb_insert_color(&object->known, &book_known);
	object->id = id;
	book_last_id = id;
	book_hand = &object->known;
}

static void book_forget(struct book_object *object)
{
	lockdep_assert_held(&book_mutex);
	if (book_hand == &object->known)
		book_hand = rb_prev(book_hand);
	rb_erase(&object->known, &book_known);
}

/* The object with the smallest id from @id on, or NULL. */
static struct book_object *book_from(u64 id)
{
	struct rb_node *node = book_known.rb_node;
	struct book_object *object, *found = NULL;

	lockdep_assert_held(&book_mutex);
	while (node) {
		object = rb_entry(node, struct book_object, known);
		if (object->id >= id)
			found = object;
		node = object->id < id ? node->rb_right : node->rb_left;
	}
	return found;
}

static struct book_object *book_after(struct book_object *object)
{
	lockdep_assert_held(&book_mutex);
	return rb_entry_safe(rb_next(&object->known), struct book_object,
			     known);
}

/* ---------------------------------------------------------------- lifetimes */

static void book_free(struct book_object *object)
{
	struct mem_cgroup *memcg = object->memcg;
	struct pid *creator = object->creator;
	struct book_ns *ns = object->ns;

	book_notify_end(object);
	object->chapter->destroy(object);
	book_memcg_put(memcg);
	put_pid(creator);
	book_ns_put(ns);
}

/**
 * book_put() - drops a reference on an object
 * @object: it; the last reference frees it
 */
void book_put(struct book_object *object)
{
	if (!refcount_dec_and_mutex_lock(&object->refs, &book_mutex))
		return;
	book_forget(object);
	book_unaccount(object);
	watch_tell(object, IPCBOOK_EVENT_GONE, 0);
	mutex_unlock(&book_mutex);
	book_free(object);
}

/**
 * book_tell_refusal() - tells that an object refused something
 * @object: it, referred to
 * @error: what somebody was told, a negative errno
 */
void book_tell_refusal(const struct book_object *object, int error)
{
	mutex_lock(&book_mutex);
	watch_tell(object, IPCBOOK_EVENT_LIMIT, error);
	mutex_unlock(&book_mutex);
}

/* Takes the name away; the caller puts the name's reference afterwards. */
static void book_unname(struct book_object *object)
{
	lockdep_assert_held(&book_mutex);
	watch_tell(object, IPCBOOK_EVENT_UNLINKED, 0);
	rhashtable_remove_fast(&book_names, &object->hash, book_names_params);
	list_del_init(&object->named);
	if (object->chapter->end)
		object->chapter->end(object);
}

static void __net_exit book_ns_exit(struct net *net)
{
	struct book_ns *ns = book_ns_of(net);
	struct book_object *object;

	mutex_lock(&book_mutex);
	ns->dead = true;
	while (!list_empty(&ns->objects)) {
		object = list_first_entry(&ns->objects, struct book_object,
					  named);
		book_unname(object);
		mutex_unlock(&book_mutex);
		book_put(object);
		cond_resched();
		mutex_lock(&book_mutex);
	}
	mutex_unlock(&book_mutex);
	book_ns_put(ns);
}

static struct pernet_operations book_net_ops = {
	.init = book_ns_init,
	.exit = book_ns_exit,
	.id = &book_net_id,
	.size = sizeof(struct book_ns *),
};

/* ---------------------------------------------------------- create and open */

/* @object is the caller's, in @ns, and has one reference. */
static void book_begin(struct book_object *object,
		       const struct book_chapter *chapter, struct book_ns *ns,
		       umode_t mode)
{
	refcount_set(&object->refs, 1);
	refcount_inc(&ns->refs);
	object->chapter = chapter;
	object->ns = ns;
	object->key.ns = ns;
	object->key.chapter = chapter->id;
	INIT_LIST_HEAD(&object->named);
	object->uid = current_fsuid();
	object->gid = current_fsgid();
	object->mode = mode & ~current_umask();
	object->memcg = book_memcg_get();
	object->creator = get_pid(task_tgid(current));
	atomic_set(&object->descriptors, 0);
	INIT_HLIST_HEAD(&object->notifiers);
	watch_begin(object);
}

/* A new object that nobody can find yet. */
static struct book_object *book_new(const struct book_chapter *chapter,
				    struct book_ns *ns,
				    const struct ipcbook_open *arg)
{
	struct book_object *object = chapter->create(arg);

	if (IS_ERR(object))
		return object;
	book_begin(object, chapter, ns, arg->mode);
	memcpy(object->key.name, arg->name, IPCBOOK_NAME_LEN);
	object->created_ns = ktime_get_real_ns();
	return object;
}

/* Makes @object known by its name, which nobody else has. */
static int book_enter(struct book_object *object)
{
	int err;

	lockdep_assert_held(&book_mutex);
	err = rhashtable_insert_fast(&book_names, &object->hash,
				     book_names_params);
	if (err)
		return err;
	list_add_tail(&object->named, &object->ns->objects);
	refcount_inc(&object->refs);
	return 0;
}

/* Makes @object known: by its id, and by its name if it has one. */
static int book_publish(struct book_object *object)
{
	int err;

	lockdep_assert_held(&book_mutex);
	if (object->ns->dead)
		return -EIDRM;
	/* There are no more ids; it is counted already. */
	if (book_objects > INT_MAX)
		return -ENOSPC;
	err = object->key.name[0] ? book_enter(object) : 0;
	if (err)
		return err;
	book_number(object);
	watch_tell(object, IPCBOOK_EVENT_CREATED, 0);
	return 0;
}

static bool book_is_default(const struct book_chapter *chapter,
			    const char *name)
{
	return chapter->has_default && !strcmp(name, IPCBOOK_DEFAULT_NAME);
}

static void book_give_to_root(struct book_object *object)
{
	object->uid = make_kuid(object->ns->user_ns, 0);
	object->gid = make_kgid(object->ns->user_ns, 0);
	if (!uid_valid(object->uid))
		object->uid = GLOBAL_ROOT_UID;
	if (!gid_valid(object->gid))
		object->gid = GLOBAL_ROOT_GID;
	object->mode = 0666;
}

/* The object of @key that is there already, referred to, NULL if none is. */
static struct book_object *book_there(const struct book_key *key, u32 flags)
{
	struct book_object *there;

	lockdep_assert_held(&book_mutex);
	there = key->name[0] ? book_find(key) : NULL;
	if (!there)
		return NULL;
	if (flags & IPCBOOK_OPEN_EXCL)
		return ERR_PTR(-EEXIST);
	refcount_inc(&there->refs);
	return there;
}

/* Counts @object in the limits, unless there is one of its name. */
static struct book_object *book_admit(struct book_object *object, u32 flags)
{
	struct book_user *fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	struct book_object *there;
	int err;

	if (!fresh)
		return ERR_PTR(-ENOMEM);
	fresh->uid = current_uid();
	mutex_lock(&book_mutex);
	there = book_there(&object->key, flags);
	if (!there) {
		err = book_account(object, fresh);
		if (err)
			there = ERR_PTR(err);
		if (object->user == fresh)
			fresh = NULL;
	}
	mutex_unlock(&book_mutex);
	kfree(fresh);
	return there;
}

/*
 * Creates the object that @arg describes, or finds it where somebody else was
 * faster and @arg allows that. The default objects are root's whoever asks.
 */
static struct book_object *book_create(const struct book_chapter *chapter,
				       struct book_ns *ns,
				       const struct ipcbook_open *arg,
				       bool *created)
{
	struct book_object *object = book_new(chapter, ns, arg);
	struct book_object *there;
	int err = 0;

	*created = false;
	if (IS_ERR(object))
		return object;
	if (book_is_default(chapter, arg->name))
		book_give_to_root(object);
	there = book_admit(object, arg->flags);
	if (there)
		goto err_free;
	if (chapter->fill)
		err = chapter->fill(object);

	mutex_lock(&book_mutex);
	if (!err)
		there = book_there(&object->key, arg->flags);
	if (!err && !there)
		err = book_publish(object);
	if (err)
		there = ERR_PTR(err);
	if (there)
		book_unaccount(object);
	mutex_unlock(&book_mutex);
	if (!there) {
		*created = true;
		return object;
	}

err_free:
	book_free(object);
	return there;
}

static struct book_object *book_lookup(const struct book_chapter *chapter,
				       struct book_ns *ns, const char *name)
{
	struct book_key key = { .ns = ns, .chapter = chapter->id };
	struct book_object *object;

	memcpy(key.name, name, IPCBOOK_NAME_LEN);
	mutex_lock(&book_mutex);
	object = book_find(&key);
	if (object)
		refcount_inc(&object->refs);
	mutex_unlock(&book_mutex);
	return object ?: ERR_PTR(-ENOENT);
}

/* The object that @arg asks for, referred to. @created tells if it is new. */
static struct book_object *book_resolve(const struct book_chapter *chapter,
					struct book_ns *ns,
					const struct ipcbook_open *arg,
					bool *created)
{
	bool create = arg->flags & (IPCBOOK_OPEN_CREATE | IPCBOOK_OPEN_ANON);
	struct book_object *object;

	*created = false;
	if (!(arg->flags & (IPCBOOK_OPEN_EXCL | IPCBOOK_OPEN_ANON))) {
		object = book_lookup(chapter, ns, arg->name);
		if (object != ERR_PTR(-ENOENT))
			return object;
	}
	if (!create && !book_is_default(chapter, arg->name))
		return ERR_PTR(-ENOENT);
	return book_create(chapter, ns, arg, created);
}

/* What an open file is to keep of an object of @chapter. */
static struct book_file *book_file_new(const struct book_chapter *chapter)
{
	return kzalloc(chapter->file_size, GFP_KERNEL_ACCOUNT);
}

/*
 * From now on @file belongs to @object, whose reference passes to it; unless the
 * chapter refuses, and then it stays the caller's.
 */
static int book_attach(struct book_file *file, struct book_object *object,
		       unsigned int access, const struct ipcbook_open *arg)
{
	int err = 0;

	file->object = object;
	file->access = access;
	atomic_inc(&object->descriptors);
	if (object->chapter->open)
		err = object->chapter->open(file, arg);
	if (err) {
		atomic_dec(&object->descriptors);
		file->object = NULL;
	}
	return err;
}

/*
 * Opening has failed. A name that this call has given goes as well, unless
 * somebody has found it meanwhile.
 */
static void book_abandon(struct book_object *object, bool created)
{
	bool unnamed = false;

	mutex_lock(&book_mutex);
	/* One reference is the name's and one the caller's. */
	if (created && !list_empty(&object->named) &&
	    refcount_read(&object->refs) == 2) {
		book_unname(object);
		unnamed = true;
	}
	mutex_unlock(&book_mutex);
	if (unnamed)
		book_put(object);
	book_put(object);
}

/**
 * book_close() - ends what an open file kept of its object
 * @file: it
 */
void book_close(struct book_file *file)
{
	struct book_object *object = file->object;

	/* Without one, opening has failed after the file was made. */
	if (object) {
		if (object->chapter->close)
			object->chapter->close(file);
		atomic_dec(&object->descriptors);
		book_put(object);
	}
	kfree(file);
}

int book_release(struct inode *inode, struct file *filp)
{
	book_close(filp->private_data);
	return 0;
}

static bool book_grants(struct book_object *object, const struct cred *cred,
			unsigned int access)
{
	bool granted;

	mutex_lock(&book_mutex);
	granted = book_permitted(object, cred, access) == access;
	mutex_unlock(&book_mutex);
	return granted;
}

/* An open file that has no object yet. */
static struct file *book_new_file(const struct book_chapter *chapter, u32 flags)
{
	struct book_file *file = book_file_new(chapter);
	u32 access = flags & (IPCBOOK_OPEN_READ | IPCBOOK_OPEN_WRITE);
	struct file *filp;
	char label[32];
	int oflags;

	if (!file)
		return ERR_PTR(-ENOMEM);
	oflags = chapter->mapped ? O_RDWR :
		 access == IPCBOOK_OPEN_READ ? O_RDONLY :
		 access == IPCBOOK_OPEN_WRITE ? O_WRONLY : O_RDWR;
	if (flags & IPCBOOK_OPEN_NONBLOCK)
		oflags |= O_NONBLOCK;
	scnprintf(label, sizeof(label), "[ipcbook:%s]", chapter->name);
	filp = anon_inode_getfile(label, chapter->fops, file, oflags);
	if (IS_ERR(filp)) {
		kfree(file);
		return filp;
	}
	filp->f_mode |= FMODE_NOWAIT | FMODE_NONOTIFY;
	if (chapter->fops->llseek)
		filp->f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;
	else
		stream_open(file_inode(filp), filp);
	return filp;
}

static int book_check_open(const struct ipcbook_open *arg)
{
	const u32 known = IPCBOOK_OPEN_READ | IPCBOOK_OPEN_WRITE |
			  IPCBOOK_OPEN_CREATE | IPCBOOK_OPEN_EXCL |
			  IPCBOOK_OPEN_ANON | IPCBOOK_OPEN_NONBLOCK |
			  IPCBOOK_OPEN_CLOEXEC;
	u32 flags = arg->flags;

	if (flags & ~known || arg->mode & ~0777)
		return -EINVAL;
	if (!(flags & (IPCBOOK_OPEN_READ | IPCBOOK_OPEN_WRITE)))
		return -EINVAL;
	if (flags & IPCBOOK_OPEN_EXCL && !(flags & IPCBOOK_OPEN_CREATE))
		return -EINVAL;
	if (!(flags & IPCBOOK_OPEN_ANON))
		return book_check_name(arg->name);
	if (flags & IPCBOOK_OPEN_CREATE)
		return -EINVAL;
	return book_zeroed(arg->name, sizeof(arg->name)) ? 0 : -EINVAL;
}

/**
 * book_opened() - tells that an object was opened by its name
 * @object: it, of which the caller has a reference
 */
void book_opened(const struct book_object *object)
{
	mutex_lock(&book_mutex);
	watch_tell(object, IPCBOOK_EVENT_OPENED, 0);
	mutex_unlock(&book_mutex);
}

/* Gives @filp the object that @arg asks for. */
static int book_open_file(struct book_ns *ns, const struct ipcbook_open *arg,
			  const struct book_chapter *chapter, struct file *filp)
{
	unsigned int access = 0;
	struct book_object *object;
	bool created, own;
	int err;

	if (arg->flags & IPCBOOK_OPEN_READ)
		access |= BOOK_READ;
	if (arg->flags & IPCBOOK_OPEN_WRITE)
		access |= BOOK_WRITE;
	object = book_resolve(chapter, ns, arg, &created);
	if (IS_ERR(object))
		return PTR_ERR(object);
	/* Who makes one may open it whatever its mode says. */
	own = created && !book_is_default(chapter, arg->name);
	if (!own && !book_grants(object, current_cred(), access)) {
		book_put(object);
		return -EACCES;
	}
	err = book_attach(filp->private_data, object, access, arg);
	if (err)
		book_abandon(object, created);
	else if (!created)
		book_opened(object);
	return err;
}

/* A descriptor that is about to be: its number, and its open file. */
struct book_end {
	int fd;
	struct file *filp;
};

static int book_end_new(struct book_end *end,
			const struct book_chapter *chapter, u32 flags)
{
	u32 cloexec = flags & IPCBOOK_OPEN_CLOEXEC ? O_CLOEXEC : 0;

	end->fd = get_unused_fd_flags(cloexec);
	if (end->fd < 0)
		return end->fd;
	end->filp = book_new_file(chapter, flags);
	if (!IS_ERR(end->filp))
		return 0;
	put_unused_fd(end->fd);
	return PTR_ERR(end->filp);
}

static void book_end_drop(struct book_end *end)
{
	fput(end->filp);
	put_unused_fd(end->fd);
}

/* Everything that can run out is had before anything is created. */
static int book_open_in(struct book_ns *ns, const struct ipcbook_open *arg,
			const struct book_chapter *chapter)
{
	struct book_end end;
	int err;

	err = book_end_new(&end, chapter, arg->flags);
	if (err)
		return err;
	err = book_open_file(ns, arg, chapter, end.filp);
	if (err) {
		book_end_drop(&end);
		return err;
	}
	fd_install(end.fd, end.filp);
	return end.fd;
}

/**
 * book_open() - IPCBOOK_IOC_OPEN
 * @argp: the caller's struct ipcbook_open
 *
 * Return: a descriptor; EINVAL for a wrong argument, EOPNOTSUPP for a chapter
 * that is not built in, ENOENT, EEXIST, EACCES, E2BIG for limits over the
 * module's, EDQUOT for the user's, ENOSPC for everybody's, ENOMEM, EMFILE,
 * ENFILE, EFAULT; what the chapter's open() answers.
 */
long book_open(const void __user *argp)
{
	const struct book_chapter *chapter;
	struct ipcbook_open arg;
	struct book_ns *ns;
	long ret;

	ret = book_copy_args(&arg, sizeof(arg), argp);
	if (!ret)
		ret = book_check_open(&arg);
	if (ret)
		return ret;
	chapter = book_check_chapter(arg.chapter);
	if (IS_ERR(chapter))
		return PTR_ERR(chapter);
	if (!book_zeroed((char *)arg.reserved + chapter->limits_size,
			 sizeof(arg.reserved) - chapter->limits_size))
		return -EINVAL;
	ret = chapter->check ? chapter->check(&arg) : 0;
	if (ret)
		return ret;
	ns = book_ns_current();
	ret = book_open_in(ns, &arg, chapter);
	book_ns_put(ns);
	return ret;
}

/* Gives both files a new object without a name. */
static int book_open_files(const struct book_chapter *chapter,
			   const struct ipcbook_open *arg,
			   struct book_end ends[2])
{
	struct book_ns *ns = book_ns_current();
	struct book_object *object;
	bool created;
	int err;

	object = book_create(chapter, ns, arg, &created);
	book_ns_put(ns);
	if (IS_ERR(object))
		return PTR_ERR(object);
	refcount_inc(&object->refs);
	err = book_attach(ends[0].filp->private_data, object, BOOK_READ, arg);
	if (err)
		goto err_first;
	err = book_attach(ends[1].filp->private_data, object, BOOK_WRITE, arg);
	if (!err)
		return 0;
	goto err_second;

err_first:
	book_put(object);
err_second:
	book_put(object);
	return err;
}

/**
 * book_open_ends() - two descriptors of a new object without a name
 * @chapter: the chapter
 * @arg: limits, IPCBOOK_OPEN_ANON, and of both descriptors NONBLOCK and CLOEXEC
 * @fds: where to tell the one that may read and the one that may write
 *
 * Return: 0; what book_open() answers where something is created.
 */
long book_open_ends(const struct book_chapter *chapter,
		    const struct ipcbook_open *arg, __s32 __user fds[2])
{
	struct book_end ends[2];
	__s32 numbers[2];
	int err;

	err = book_end_new(&ends[0], chapter, arg->flags | IPCBOOK_OPEN_READ);
	if (err)
		return err;
	err = book_end_new(&ends[1], chapter, arg->flags | IPCBOOK_OPEN_WRITE);
	if (err)
		goto err_first;
	err = book_open_files(chapter, arg, ends);
	if (err)
		goto err_second;
	numbers[0] = ends[0].fd;
	numbers[1] = ends[1].fd;
	err = -EFAULT;
	if (copy_to_user(fds, numbers, sizeof(numbers)))
		goto err_second;
	fd_install(ends[0].fd, ends[0].filp);
	fd_install(ends[1].fd, ends[1].filp);
	return 0;

err_second:
	book_end_drop(&ends[1]);
err_first:
	book_end_drop(&ends[0]);
	return err;
}

/**
 * book_open_default() - what the device keeps of its default object
 * @chapter: the chapter that plain reads and writes belong to
 * @ns: namespace of whoever opened the device
 * @filp: the device's open file, whose opener's permissions count
 *
 * Return: a book_file, with as much access as the file's mode asks for and the
 * object's mode gives; or an error pointer.
 */
struct book_file *book_open_default(const struct book_chapter *chapter,
				    struct book_ns *ns, const struct file *filp)
{
	const struct ipcbook_open arg = {
		.flags = IPCBOOK_OPEN_CREATE,
		.name = IPCBOOK_DEFAULT_NAME,
	};
	struct book_file *file = book_file_new(chapter);
	unsigned int access = 0;
	struct book_object *object;
	bool created;
	int err;

	if (!file)
		return ERR_PTR(-ENOMEM);
	object = book_resolve(chapter, ns, &arg, &created);
	if (IS_ERR(object)) {
		kfree(file);
		return ERR_CAST(object);
	}
	if (filp->f_mode & FMODE_READ)
		access |= BOOK_READ;
	if (filp->f_mode & FMODE_WRITE)
		access |= BOOK_WRITE;
	mutex_lock(&book_mutex);
	access = book_permitted(object, filp->f_cred, access);
	mutex_unlock(&book_mutex);
	err = book_attach(file, object, access, &arg);
	if (!err)
		return file;
	book_abandon(object, created);
	kfree(file);
	return ERR_PTR(err);
}

/**
 * book_unlink() - IPCBOOK_IOC_UNLINK
 * @argp: the caller's struct ipcbook_unlink
 *
 * Return: 0; EINVAL, EOPNOTSUPP, ENOENT, EPERM unless the caller owns the
 * object or has CAP_FOWNER in the namespace's owner, EFAULT.
 */
long book_unlink(const void __user *argp)
{
	const struct book_chapter *chapter;
	struct book_object *object;
	struct ipcbook_unlink arg;
	struct book_ns *ns;
	long ret;

	ret = book_copy_args(&arg, sizeof(arg), argp);
	if (ret)
		return ret;
	if (arg.flags || arg.pad)
		return -EINVAL;
	ret = book_check_name(arg.name);
	if (ret)
		return ret;
	chapter = book_check_chapter(arg.chapter);
	if (IS_ERR(chapter))
		return PTR_ERR(chapter);
	ns = book_ns_current();
	object = book_lookup(chapter, ns, arg.name);
	book_ns_put(ns);
	if (IS_ERR(object))
		return PTR_ERR(object);

	mutex_lock(&book_mutex);
	if (list_empty(&object->named))
		ret = -ENOENT;
	else if (!book_owner_or_capable(object))
		ret = -EPERM;
	else
		book_unname(object);
	mutex_unlock(&book_mutex);
	if (!ret)
		book_put(object);
	book_put(object);
	return ret;
}

/* -------------------------- objects that do not begin with IPCBOOK_IOC_OPEN */

/**
 * book_reserve() - counts what is to become an object
 * @object: it, zeroed; book_add() makes it one, book_unreserve() lets it go
 * @other: an object, to which the caller refers; its creator is who has one more
 *
 * Return: 0; EDQUOT, ENOSPC.
 */
int book_reserve(struct book_object *object, struct book_object *other)
{
	int err;

	mutex_lock(&book_mutex);
	err = book_admits(other, other->user, 0);
	if (!err)
		book_charge(object, other->user);
	mutex_unlock(&book_mutex);
	return err;
}

/**
 * book_unreserve() - what was counted does not become an object
 * @object: it, of book_reserve()
 */
void book_unreserve(struct book_object *object)
{
	mutex_lock(&book_mutex);
	book_unaccount(object);
	mutex_unlock(&book_mutex);
}

/*
 * Counts @object, which another user may have reserved, in the caller's limits, and
 * makes it known. *@fresh becomes NULL if it is used.
 */
static int book_add_to(struct book_object *object, struct book_user **fresh)
{
	struct book_user *reserved = object->user;
	int err;

	lockdep_assert_held(&book_mutex);
	if (reserved && uid_eq(reserved->uid, current_uid()))
		return book_publish(object);
	/* Among all objects it is one already. */
	book_objects -= !!reserved;
	err = book_account(object, *fresh);
	book_objects += !!reserved;
	if (err)
		return err;
	if (object->user == *fresh)
		*fresh = NULL;
	err = book_publish(object);
	if (err) {
		book_unaccount(object);
		object->user = reserved;
	} else if (reserved) {
		book_uncharge(reserved, object->capacity);
	}
	return err;
}

/**
 * book_add() - makes an object known, which has no name yet
 * @object: it, zeroed but for @capacity, or of book_reserve(); the caller gets its
 *	one reference
 * @chapter: its chapter
 * @ns: its namespace, which the caller holds
 * @mode: its permission bits, less the umask
 *
 * Return: 0; EDQUOT, ENOSPC, ENOMEM, and then @object is as it was.
 */
int book_add(struct book_object *object, const struct book_chapter *chapter,
	     struct book_ns *ns, umode_t mode)
{
	struct book_user *fresh = NULL;
	int err;

	book_begin(object, chapter, ns, mode);
	object->created_ns = ktime_get_coarse_real_ns();
	atomic_set(&object->descriptors, 1);
	mutex_lock(&book_mutex);
	if (!book_user_find(current_uid())) {
		/* Its first object: somebody may be faster meanwhile. */
		mutex_unlock(&book_mutex);
		fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
		if (!fresh) {
			err = -ENOMEM;
			goto err_end;
		}
		fresh->uid = current_uid();
		mutex_lock(&book_mutex);
	}
	err = book_add_to(object, &fresh);
	mutex_unlock(&book_mutex);
	kfree(fresh);
	if (!err)
		return 0;

err_end:
	book_memcg_put(object->memcg);
	put_pid(object->creator);
	book_ns_put(object->ns);
	return err;
}

/**
 * book_bind() - gives a name to an object that has none
 * @object: it, of which the caller has a reference
 * @name: the name, padded with zeroes
 *
 * Return: 0; EINVAL for a wrong name, or if it has or had one; EADDRINUSE if
 * another one of the chapter has it; ENOMEM.
 */
int book_bind(struct book_object *object, const char *name)
{
	struct book_key key = object->key;
	int err;

	err = book_check_name(name);
	if (err)
		return err;
	memcpy(key.name, name, IPCBOOK_NAME_LEN);
	mutex_lock(&book_mutex);
	if (object->key.name[0]) {
		err = -EINVAL;
	} else if (book_find(&key)) {
		err = -EADDRINUSE;
	} else {
		object->key = key;
		err = book_enter(object);
		if (err)
			object->key.name[0] = '\0';
	}
	mutex_unlock(&book_mutex);
	return err;
}

/**
 * book_unbind() - takes an object's name away, if it has one
 * @object: it, of which the caller has a reference
 */
void book_unbind(struct book_object *object)
{
	bool named;

	mutex_lock(&book_mutex);
	named = !list_empty(&object->named);
	if (named)
		book_unname(object);
	mutex_unlock(&book_mutex);
	if (named)
		book_put(object);
}

/**
 * book_find_named() - an object by its name
 * @chapter: its chapter
 * @ns: its namespace
 * @name: its name, padded with zeroes
 * @access: what the caller wants to do with it; where that opens it, he tells so
 *	(book_opened())
 *
 * Return: it, referred to; EINVAL for a wrong name, ENOENT, EACCES as an error
 * pointer.
 */
struct book_object *book_find_named(const struct book_chapter *chapter,
				    struct book_ns *ns, const char *name,
				    unsigned int access)
{
	struct book_key key __uninitialized;
	struct book_object *object;

	key.ns = ns;
	key.chapter = chapter->id;
	memcpy(key.name, name, IPCBOOK_NAME_LEN);
	mutex_lock(&book_mutex);
	object = book_find(&key);
	/* Whatever has a name has one that is right. */
	if (!object)
		object = ERR_PTR(book_check_name(name) ?: -ENOENT);
	else if (book_permitted(object, current_cred(), access) != access)
		object = ERR_PTR(-EACCES);
	else
		refcount_inc(&object->refs);
	mutex_unlock(&book_mutex);
	return object;
}

/* ---------------------------------------------------- looking and changing */

static bool book_may_chown(const struct book_object *object, kuid_t uid)
{
	if (uid_eq(current_fsuid(), object->uid) && uid_eq(uid, object->uid))
		return true;
	return book_ns_capable(object->ns, current_cred(), CAP_CHOWN);
}

static bool book_may_chgrp(const struct book_object *object, kgid_t gid)
{
	if (uid_eq(current_fsuid(), object->uid) &&
	    (gid_eq(gid, object->gid) || book_in_group(current_cred(), gid)))
		return true;
	return book_ns_capable(object->ns, current_cred(), CAP_CHOWN);
}

static int book_change(struct book_object *object, void __user *argp)
{
	const u32 known = IPCBOOK_CHANGE_UID | IPCBOOK_CHANGE_GID |
			  IPCBOOK_CHANGE_MODE;
	struct ipcbook_change arg;
	int err = -EPERM;
	kuid_t uid;
	kgid_t gid;

	err = book_copy_args(&arg, sizeof(arg), argp);
	if (err)
		return err;
	if (!arg.mask || arg.mask & ~known || arg.mode & ~0777 || arg.pad)
		return -EINVAL;
	uid = make_kuid(current_user_ns(), arg.uid);
	gid = make_kgid(current_user_ns(), arg.gid);
	if ((arg.mask & IPCBOOK_CHANGE_UID && !uid_valid(uid)) ||
	    (arg.mask & IPCBOOK_CHANGE_GID && !gid_valid(gid)))
		return -EINVAL;

	mutex_lock(&book_mutex);
	err = -EPERM;
	if (arg.mask & IPCBOOK_CHANGE_UID && !book_may_chown(object, uid))
		goto out;
	if (arg.mask & IPCBOOK_CHANGE_GID && !book_may_chgrp(object, gid))
		goto out;
	if (arg.mask & IPCBOOK_CHANGE_MODE && !book_owner_or_capable(object))
		goto out;
	if (arg.mask & IPCBOOK_CHANGE_UID)
		object->uid = uid;
	if (arg.mask & IPCBOOK_CHANGE_GID)
		object->gid = gid;
	if (arg.mask & IPCBOOK_CHANGE_MODE)
		object->mode = arg.mode;
	err = 0;
out:
	mutex_unlock(&book_mutex);
	return err;
}

static void book_fill_stat(struct book_object *object,
			   struct ipcbook_stat *stat)
{
	struct user_namespace *user_ns = current_user_ns();

	lockdep_assert_held(&book_mutex);
	memset(stat, 0, sizeof(*stat));
	stat->size = sizeof(*stat);
	stat->chapter = object->chapter->id;
	stat->id = object->id;
	if (!list_empty(&object->named))
		memcpy(stat->name, object->key.name, sizeof(stat->name));
	stat->uid = from_kuid_munged(user_ns, object->uid);
	stat->gid = from_kgid_munged(user_ns, object->gid);
	stat->mode = object->mode;
	stat->creator = pid_vnr(object->creator);
	stat->descriptors = atomic_read(&object->descriptors);
	stat->created_ns = object->created_ns;
	object->chapter->stat(object, stat);
}

static int book_stat(struct book_object *object, void __user *argp)
{
	struct ipcbook_stat stat;
	u32 size;

	if (get_user(size, (u32 __user *)argp))
		return -EFAULT;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < sizeof(u32))
		return -EINVAL;
	mutex_lock(&book_mutex);
	book_fill_stat(object, &stat);
	mutex_unlock(&book_mutex);
	return copy_to_user(argp, &stat, min_t(size_t, size, sizeof(stat))) ?
	       -EFAULT : 0;
}

/**
 * book_ioctl() - what the descriptors of all chapters answer
 * @file: the descriptor
 * @nr: the call's number
 * @argp: its argument
 *
 * Return: 0; ENOTTY for a number that is not one of these; the errors of
 * IPCBOOK_IOC_CHANGE (EINVAL, EPERM, EFAULT) and IPCBOOK_IOC_STAT (EINVAL for a
 * size that cannot be, E2BIG for one over a page, EFAULT).
 */
long book_ioctl(struct book_file *file, unsigned int nr, void __user *argp)
{
	switch (nr) {
	case _IOC_NR(IPCBOOK_IOC_CHANGE):
		return book_change(file->object, argp);
	case _IOC_NR(IPCBOOK_IOC_STAT):
		return book_stat(file->object, argp);
	default:
		return -ENOTTY;
	}
}

void book_show_fdinfo(struct seq_file *seq, struct book_object *object)
{
	mutex_lock(&book_mutex);
	seq_printf(seq, "chapter:\t%s\nid:\t%llu\n", object->chapter->name,
		   object->id);
	if (!list_empty(&object->named)) {
		seq_puts(seq, "name:\t");
		seq_escape(seq, object->key.name, "\\");
		seq_putc(seq, '\n');
	}
	seq_printf(seq, "mode:\t%03o\nuid:\t%u\ngid:\t%u\n", object->mode,
		   from_kuid_munged(seq_user_ns(seq), object->uid),
		   from_kgid_munged(seq_user_ns(seq), object->gid));
	mutex_unlock(&book_mutex);
}

/* Shows @object to @fn, unless @cred may not read it. */
static int book_show(struct book_object *object, const struct cred *cred,
		     book_each_fn fn, void *arg)
{
	struct ipcbook_stat stat;

	lockdep_assert_held(&book_mutex);
	if (!book_permitted(object, cred, BOOK_READ))
		return 0;
	book_fill_stat(object, &stat);
	return fn(object, &stat, arg);
}

/**
 * book_each() - walks the objects that somebody may know of
 * @net: their network namespace
 * @cred: who asks; objects that these may not read are passed over
 * @cursor: where to go on, at first 0
 * @fn: called for each, under book_mutex
 * @arg: handed to it
 *
 * Return: 0 at the end of the walk, or what @fn returned.
 */
int book_each(struct net *net, const struct cred *cred, unsigned long *cursor,
	      book_each_fn fn, void *arg)
{
	const struct book_ns *ns = book_ns_of(net);
	struct book_object *object;
	unsigned int seen = 0;
	int ret = 0;

	mutex_lock(&book_mutex);
	object = book_from(*cursor);
	while (object) {
		*cursor = object->id;
		ret = object->ns == ns ? book_show(object, cred, fn, arg) : 0;
		if (ret)
			break;
		if (++seen % BOOK_STRIDE) {
			object = book_after(object);
			continue;
		}
		/* The walk goes on by number, whatever comes and goes. */
		mutex_unlock(&book_mutex);
		cond_resched();
		mutex_lock(&book_mutex);
		object = book_from(*cursor + 1);
	}
	mutex_unlock(&book_mutex);
	if (!ret)
		*cursor = ULONG_MAX;
	return ret;
}

/**
 * book_each_named() - the same for the objects of one name
 * @net: their network namespace
 * @name: it, padded with zeroes
 * @cred: who asks
 * @cursor: where to go on, at first 0
 * @fn: called for each, under book_mutex
 * @arg: handed to it
 *
 * There is one of each chapter at most; the others are not looked at.
 *
 * Return: 0 at the end, or what @fn returned.
 */
int book_each_named(struct net *net, const char *name, const struct cred *cred,
		    unsigned long *cursor, book_each_fn fn, void *arg)
{
	struct book_key key = { .ns = book_ns_of(net) };
	struct book_object *object;
	int ret = 0;

	memcpy(key.name, name, IPCBOOK_NAME_LEN);
	mutex_lock(&book_mutex);
	for (; *cursor <= IPCBOOK_SEM; ++*cursor) {
		key.chapter = *cursor;
		object = book_find(&key);
		ret = object ? book_show(object, cred, fn, arg) : 0;
		if (ret)
			break;
	}
	mutex_unlock(&book_mutex);
	if (!ret)
		*cursor = ULONG_MAX;
	return ret;
}

/* ---------------------------------------------------------------- arguments */

/**
 * book_copy_args() - one structure of the contract from the caller
 * @dst: the module's structure; its first field is a u32 size
 * @size: its size
 * @src: the caller's
 *
 * Return: 0; EINVAL for a size below that of the first version's first field
 * pair, E2BIG for one that is longer than a page or has a tail that means
 * something to the caller and nothing to us; EFAULT.
 */
int book_copy_args(void *dst, size_t size, const void __user *src)
{
	u32 usize;
	int err;

	/* As long as we know it, which is nearly always: in one go. */
	if (!book_copy_in(dst, src, size) && *(u32 *)dst == size)
		return 0;
	if (get_user(usize, (const u32 __user *)src))
		return -EFAULT;
	if (usize > PAGE_SIZE)
		return -E2BIG;
	if (usize < size)
		return -EINVAL;
	err = copy_struct_from_user(dst, size, src, usize);
	/* It may have changed since; nobody looks at it again. */
	return err;
}

int __init book_init(void)
{
	int err = rhashtable_init(&book_names, &book_names_params);

	if (err)
		return err;
	err = register_pernet_subsys(&book_net_ops);
	if (err)
		rhashtable_destroy(&book_names);
	return err;
}

void book_exit(void)
{
	unregister_pernet_subsys(&book_net_ops);
	rhashtable_destroy(&book_names);
}
