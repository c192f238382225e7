/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a chapter sees of the rest of the module.
 *
 * A chapter fills one struct book_chapter and embeds struct book_object at the
 * head of its object and struct book_file at the head of what it keeps for an
 * open file. book.c then gives it names, owners, modes, limits, listings,
 * namespaces and lifetimes; main.c gives it the doors.
 */
#ifndef _IPCBOOK_BOOK_H
#define _IPCBOOK_BOOK_H

#include <linux/atomic.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/poll.h>
#include <linux/ratelimit_types.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>
#include <net/genetlink.h>

#include <linux/ipcbook.h>

struct book_object;
struct book_user;
struct mem_cgroup;
struct net;
struct seq_file;
struct sk_buff;

/* What a descriptor may do with its object. */
#define BOOK_READ	0x1
#define BOOK_WRITE	0x2

/*
 * How often a copy whose pages were said to be there may fail before it counts as
 * impossible: memory may have more that it is protected by.
 */
#define BOOK_TRIES	100

/**
 * struct book_ns - the names of one network namespace
 * @refs: one for the namespace, one for each object and each device file
 * @user_ns: owner of the namespace, whose capabilities override permissions
 * @net: the namespace itself, as long as it is not @dead
 * @objects: objects with a name; protected by the book's mutex
 * @limits: how often it is told that something was not granted
 * @dead: the namespace has ended; protected by the book's mutex
 */
struct book_ns {
	refcount_t refs;
	struct user_namespace *user_ns;
	struct net *net;
	struct list_head objects;
	struct ratelimit_state limits;
	bool dead;
};

/* What makes a named object unique; hashed as bytes, so without padding. */
struct book_key {
	const struct book_ns *ns;
	u64 chapter;
	char name[IPCBOOK_NAME_LEN];
};

/**
 * struct book_file - what an open file keeps of its object
 * @object: the object; the file holds a reference
 * @access: BOOK_READ and BOOK_WRITE as granted when it was opened
 */
struct book_file {
	struct book_object *object;
	unsigned int access;
};

/**
 * struct book_chapter - one chapter's table of operations
 * @id: its number in the contract
 * @name: its name in listings and in /proc/PID/fd
 * @fops: operations of its descriptors, whose private_data is a book_file
 * @limits_size: bytes of its limits in struct ipcbook_open
 * @file_size: bytes that an open file keeps, a book_file at their head
 * @has_default: the device can stand for the object named "default", which is
 *	root's and is created when it is first asked for
 * @mapped: mmap decides what a descriptor may do: its file is open for both,
 *	because otherwise nobody could map it to write what is his
 * @check: judges the limits and flags of a call that opens, before anything
 *	is done; may be NULL
 * @create: allocates an object with the limits that the caller asked for and
 *	sets its @capacity; may sleep
 * @fill: allocates what is large, once @capacity has been counted in the limits
 *	and before anybody can find the object; may be NULL
 * @destroy: frees it, filled or not; nobody refers to it any more
 * @end: the name is gone or the namespace ends; wakes those who wait, if the
 *	chapter's objects end with their name
 * @open: begins what an open file keeps, which is zeroed and knows its object,
 *	as the caller asked for; may sleep, and may refuse; may be NULL
 * @close: ends that; may be NULL
 * @stat: fills the chapter's part of the answer, which is zeroed
 * @device: the chapter's calls on the device itself; may be NULL
 * @raises_once: an object that was asked to tell when it is ready does so once
 * @write_only_out: a descriptor that is open for writing becomes ready to write
 *	only, even if it is open for reading as well
 * @describe: adds to a message of the list what the chapter knows beyond @stat,
 *	under book_mutex; may be NULL
 * @commands: the chapter's commands of the netlink family
 * @command_count: how many
 * @init: when the module is loaded
 * @stop: when it is unloaded and nobody can ask for anything any more: ends the
 *	objects that no descriptor keeps; may be NULL
 * @exit: when it is unloaded, or when loading failed later on
 */
struct book_chapter {
	enum ipcbook_chapter id;
	const char *name;
	const struct file_operations *fops;
	size_t limits_size;
	size_t file_size;
	bool has_default;
	bool mapped;
	int (*check)(const struct ipcbook_open *arg);
	struct book_object *(*create)(const struct ipcbook_open *arg);
	int (*fill)(struct book_object *object);
	void (*destroy)(struct book_object *object);
	void (*end)(struct book_object *object);
	int (*open)(struct book_file *file, const struct ipcbook_open *arg);
	void (*close)(struct book_file *file);
	void (*stat)(struct book_object *object, struct ipcbook_stat *stat);
	long (*device)(unsigned int nr, void __user *argp);
	bool raises_once;
	bool write_only_out;
	int (*describe)(struct book_object *object, struct sk_buff *skb);
	const struct genl_small_ops *commands;
	size_t command_count;
	int (*init)(void);
	void (*stop)(void);
	void (*exit)(void);
};

/**
 * struct book_notifier - somebody who is told when an object becomes ready
 * @node: in the object's list
 * @events: EPOLLIN or EPOLLOUT
 * @told: that this has happened
 * @ready: how; called in atomic context
 */
struct book_notifier {
	struct hlist_node node;
	__poll_t events;
	bool told;
	void (*ready)(struct book_notifier *notifier);
};

/**
 * struct book_object - what all chapters' objects have in common
 * @refs: one for the name, one for each open file
 * @descriptors: open files
 * @chapter: which chapter it belongs to
 * @id: unique among the objects that exist
 * @known: place among them, by id; protected by the book's mutex
 * @key: namespace, chapter and name
 * @hash: place among the names; the same
 * @named: place in its namespace, empty without a name; the same
 * @uid: owner; the same
 * @gid: group; the same
 * @mode: permission bits; the same
 * @refusal: of what it refused last and tells of, the error
 * @refused_at: when that was told last, in jiffies
 * @refusal_work: tells it
 * @ns: namespace, referred to
 * @user: whose limits it counts against
 * @memcg: memory cgroup of the creator, which pays for what the object owns
 * @capacity: bytes it may come to own, counted in @user; set by the chapter
 * @creator: the process that created it
 * @created_ns: when, CLOCK_REALTIME
 * @notifiers: those who are to be told when it becomes ready
 */
struct book_object {
	refcount_t refs;
	atomic_t descriptors;
	const struct book_chapter *chapter;
	u64 id;
	struct rb_node known;
	struct book_key key;
	struct rhash_head hash;
	struct list_head named;
	kuid_t uid;
	kgid_t gid;
	umode_t mode;
	int refusal;
	unsigned long refused_at;
	struct work_struct refusal_work;
	struct book_ns *ns;
	struct book_user *user;
	struct mem_cgroup *memcg;
	u64 capacity;
	struct pid *creator;
	u64 created_ns;
	struct hlist_head notifiers;
};

/* watch.c */
#define WATCH_GROUPS	2
extern const struct genl_multicast_group watch_groups[WATCH_GROUPS];
void watch_tell(const struct book_object *object, enum ipcbook_event event,
		int error);
void watch_limit(struct book_object *object, int error);
void watch_begin(struct book_object *object);
void watch_refused(struct book_object *object, int error);
int watch_init(void);
void watch_exit(void);

/* main.c */
extern struct genl_family book_family;
const struct book_chapter *book_chapter(unsigned int id);
struct book_file *book_device_file(struct file *filp,
				   enum ipcbook_chapter chapter);
struct book_file *book_file_of(struct file *filp);

/* book.c */
int book_init(void);
void book_exit(void);
struct book_ns *book_ns_current(void);
struct book_ns *book_ns_of(struct net *net);
void book_ns_put(struct book_ns *ns);
int book_copy_args(void *dst, size_t size, const void __user *src);
long book_open(const void __user *argp);
long book_unlink(const void __user *argp);
long book_open_ends(const struct book_chapter *chapter,
		    const struct ipcbook_open *arg, __s32 __user fds[2]);
struct book_file *book_open_default(const struct book_chapter *chapter,
				    struct book_ns *ns, const struct file *filp);
int book_add(struct book_object *object, const struct book_chapter *chapter,
	     struct book_ns *ns, umode_t mode);
int book_reserve(struct book_object *object, struct book_object *other);
void book_unreserve(struct book_object *object);
int book_bind(struct book_object *object, const char *name);
void book_unbind(struct book_object *object);
struct book_object *book_find_named(const struct book_chapter *chapter,
				    struct book_ns *ns, const char *name,
				    unsigned int access);
void book_opened(const struct book_object *object);
void book_put(struct book_object *object);
long book_ioctl(struct book_file *file, unsigned int nr, void __user *argp);
void book_close(struct book_file *file);
int book_release(struct inode *inode, struct file *filp);
void book_show_fdinfo(struct seq_file *seq, struct book_object *object);
void book_tell_refusal(const struct book_object *object, int error);
struct mem_cgroup *book_memcg(void);
struct mem_cgroup *book_memcg_get(void);
void book_memcg_put(struct mem_cgroup *memcg);
struct kmem_cache *book_cache(const char *name, size_t size);
void *book_alloc_owned(struct book_object *object, struct kmem_cache *cache,
		       gfp_t gfp);
struct hlist_head *book_alloc_index(struct book_object *object,
				    unsigned int bits, gfp_t gfp);
int book_resize(struct book_object *object, u64 capacity);
int book_limit(u64 *value, u64 standard, u64 most);
int book_check_name(const char *name);
void book_notify(struct book_object *object, __poll_t events);
void book_watch(struct file *filp, struct book_object *object,
		struct book_notifier *notifier);
void book_unwatch(struct book_notifier *notifier);

/*
 * Called for each object; what it returns other than 0 ends the walk, which
 * @cursor then continues with the same object.
 */
typedef int (*book_each_fn)(struct book_object *object,
			    const struct ipcbook_stat *stat, void *arg);
int book_each(struct net *net, const struct cred *cred, unsigned long *cursor,
	      book_each_fn fn, void *arg);
int book_each_named(struct net *net, const char *name, const struct cred *cred,
		    unsigned long *cursor, book_each_fn fn, void *arg);

/**
 * book_file() - what an open file keeps of its object
 * @filp: a descriptor of an object, or of the device, which stands for its
 *	default queue and is given one when it is first asked for
 *
 * Return: the book_file; ENOMEM, EACCES and the like as an error pointer.
 */
static inline struct book_file *book_file(struct file *filp)
{
	struct book_file *file = filp->private_data;

	return likely(file->object) ? file : book_device_file(filp, IPCBOOK_QUEUE);
}

/**
 * book_may() - whether a call may use this descriptor so
 * @file: the descriptor
 * @filp: its open file
 * @access: BOOK_READ or BOOK_WRITE
 *
 * Return: 0; EBADF if the file was not opened for that; EACCES if it was (the
 * device), but the object does not let its opener.
 */
static inline int book_may(const struct book_file *file,
			   const struct file *filp, unsigned int access)
{
	fmode_t mode = access == BOOK_READ ? FMODE_READ : FMODE_WRITE;

	if (likely(file->access & access))
		return 0;
	return filp->f_mode & mode ? -EACCES : -EBADF;
}

/* Whether anybody is to be told when @object becomes ready. */
static inline bool book_watched(const struct book_object *object)
{
	return unlikely(!hlist_empty(&object->notifiers));
}

/**
 * book_ready() - an object was not ready, and is now
 * @object: it; its chapter's lock is held, under which poll looks as well
 * @events: EPOLLIN or EPOLLOUT
 */
static inline void book_ready(struct book_object *object, __poll_t events)
{
	if (book_watched(object))
		book_notify(object, events);
}

/**
 * struct book_clock - one moment by two clocks
 * @ns: CLOCK_REALTIME at tick resolution
 * @tick: jiffies, in which chapters note when something was done last
 */
struct book_clock {
	u64 ns;
	unsigned long tick;
};

static inline struct book_clock book_clock(void)
{
	return (struct book_clock){ ktime_get_coarse_real_ns(), jiffies };
}

/**
 * book_when() - the time of something noted in jiffies
 * @clock: the moment it is told at. Times that are told together keep their
 *	order if they share it: the two clocks do not advance as one.
 * @when: jiffies then; what came after @clock counts as of that moment
 *
 * Return: CLOCK_REALTIME in nanoseconds, to the tick.
 */
static inline u64 book_when(const struct book_clock *clock, unsigned long when)
{
	if (time_after(when, clock->tick))
		return clock->ns;
	return clock->ns - jiffies64_to_nsecs(clock->tick - when);
}

/**
 * book_refused() - a limit of an object was hit by somebody who did not wait
 * @object: it, which the caller keeps from going; under any lock
 * @error: what that one is told
 *
 * Listeners are told of the first one in a second at most; more costs nothing.
 */
static inline void book_refused(struct book_object *object, int error)
{
	if (unlikely(time_after_eq(jiffies,
				   READ_ONCE(object->refused_at) + HZ)))
		watch_refused(object, error);
}

/*
 * Short copies between user and kernel memory, eight bytes at a time. The
 * checked ones cost more than the copy: of what they check, the user's address
 * is checked here as well, and the kernel's is a local of the caller's or a slot
 * that is long enough.
 */
#ifdef CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS
static __always_inline int book_copy_in(void *dst, const void __user *src,
					size_t len)
{
	const u64 __user *from = src;
	u64 *to = dst;
	size_t n;

	if (!user_read_access_begin(src, len))
		return -EFAULT;
	for (n = len / 8; n >= 4; n -= 4, to += 4, from += 4) {
		unsafe_get_user(to[0], from, fault);
		unsafe_get_user(to[1], from + 1, fault);
		unsafe_get_user(to[2], from + 2, fault);
		unsafe_get_user(to[3], from + 3, fault);
	}
	for (; n; n--, to++, from++)
		unsafe_get_user(*to, from, fault);
	for (n = len & ~7; n < len; n++)
		unsafe_get_user(((u8 *)dst)[n], (const u8 __user *)src + n,
				fault);
	user_read_access_end();
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

static __always_inline int book_copy_out(void __user *dst, const void *src,
					 size_t len)
{
	u64 __user *to = dst;
	const u64 *from = src;
	size_t n;

	if (!user_write_access_begin(dst, len))
		return -EFAULT;
	for (n = len / 8; n >= 4; n -= 4, to += 4, from += 4) {
		unsafe_put_user(from[0], to, fault);
		unsafe_put_user(from[1], to + 1, fault);
		unsafe_put_user(from[2], to + 2, fault);
		unsafe_put_user(from[3], to + 3, fault);
	}
	for (; n; n--, to++, from++)
		unsafe_put_user(*from, to, fault);
	for (n = len & ~7; n < len; n++)
		unsafe_put_user(((const u8 *)src)[n], (u8 __user *)dst + n,
				fault);
	user_write_access_end();
	return 0;
fault:
	user_write_access_end();
	return -EFAULT;
}
#else
static __always_inline int book_copy_in(void *dst, const void __user *src,
					size_t len)
{
	return copy_from_user(dst, src, len) ? -EFAULT : 0;
}

static __always_inline int book_copy_out(void __user *dst, const void *src,
					 size_t len)
{
	return copy_to_user(dst, src, len) ? -EFAULT : 0;
}
#endif

/* signal.c */
extern const struct book_chapter signal_chapter;

/* pipe.c */
extern const struct book_chapter pipe_chapter;

/* queue.c */
extern const struct book_chapter queue_chapter;

/* shm.c */
extern const struct book_chapter shm_chapter;

/* socket.c */
extern const struct book_chapter socket_chapter;

/* ring.c */
extern const struct book_chapter ring_chapter;

/* sem.c */
extern const struct book_chapter sem_chapter;

#endif /* _IPCBOOK_BOOK_H */
