// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring: records that one side writes in place and the other reads in place.
 *
 * The data path is user space's; its layout and rules stand in the contract. The
 * kernel has the pages, says who may write which of them, puts to sleep and
 * wakes, and clears up after a producer that has died. What it finds in the
 * pages anybody may have put there, at any time: each word is read once, a
 * position is masked, a length compared, and no loop depends on them.
 *
 * A mapping is one struct ring_side, from mmap() to the end of that mapping,
 * which is neither inherited nor cut in pieces. It has all pages of the ring,
 * the data twice in a row, and lets its owner write those that its role allows:
 * every page is mapped to be read only, and ring_page_mkwrite() refuses the
 * others. So it is the same whatever mprotect(), madvise() or a debugger do.
 *
 * Who wants to sleep has written so into the ring and looked again. He then
 * sleeps here as long as the other side's wakes is what he has seen: as with a
 * futex, which does not work in these pages. poll() writes the same for whoever
 * polls.
 *
 * When the mapping of a producer ends, what it has begun and not published is
 * discarded and counted, its slot and its lock are given up, and the consumer is
 * woken, who may have waited for just that; when the consumer's does, producers are.
 *
 * Locks: ring.lock protects sides, sleepers and counters. It is taken inside of
 * book_mutex. Inside of it, waking takes wait queue locks, and telling of what is
 * ready the lock of those who are to be told (book.c). The device's mmap() creates
 * its ring with the lock of the address space held: inside of book_mutex nobody
 * touches user memory.
 *
 * Barriers: a sleeper looks at wakes under the lock, in which it then stands in
 * line; whoever wakes has changed wakes before it takes the lock. poll() enters
 * the wait queue, adds to asleep, and after a full barrier looks whether there
 * is something; that pairs with the store, the barrier and the load of rule 6. So
 * none of them misses a wake.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/pagemap.h>
#include <linux/poll.h>
#include <linux/refcount.h>
#include <linux/seq_file.h>
#include <linux/shm.h>
#include <linux/slab.h>

#include "book.h"
#include "compat.h"
#include "pages.h"
#include "trace.h"
#include "wait.h"

static unsigned long ring_max_bytes = 64UL << 20;
module_param(ring_max_bytes, ulong, 0644);
MODULE_PARM_DESC(ring_max_bytes, "Most bytes of data of one ring");

#define RING_DEFAULT_SIZE	max(64UL << 10, PAGE_SIZE)
#define RING_ALL_FLAGS		(IPCBOOK_RING_MANY | IPCBOOK_RING_OVERWRITE)

/* Pages before the data. */
#define RING_HEAD_PAGES		2UL

/* A role's mapping begins there in the file. */
#define RING_ROLE_SHIFT		40
#define RING_ROLE_PGOFF(role)	((role) << (RING_ROLE_SHIFT - PAGE_SHIFT))

/**
 * struct ring_side - a producer or the consumer, as long as it has mapped
 * @ring: the ring
 * @role: which it is
 * @slot: of a producer, its index
 * @pid: the process
 * @mm: its memory
 * @start: where it was mapped
 * @vmas: how many mappings it has, more than one while it is moved
 */
struct ring_side {
	struct ring *ring;
	unsigned int role;
	unsigned int slot;
	struct pid *pid;
	struct mm_struct *mm;
	unsigned long start;
	refcount_t vmas;
};

/**
 * struct ring_sleeper - a call that sleeps
 * @waiter: who
 * @node: among those of its role
 */
struct ring_sleeper {
	struct waiter waiter;
	struct list_head node;
};

/**
 * struct ring_line - those of one role who sleep
 * @sleepers: in IPCBOOK_IOC_RING_WAIT
 * @pollers: in poll
 * @waiting: how many sleepers
 * @blocked: how often one slept
 */
struct ring_line {
	struct list_head sleepers;
	wait_queue_head_t pollers;
	u64 waiting;
	u64 blocked;
};

/**
 * struct ring - a ring
 * @object: what all chapters have
 * @size: bytes of data
 * @flags: IPCBOOK_RING_MANY, IPCBOOK_RING_OVERWRITE
 * @pages: the consumer's page, the producers', the data
 * @c: what is in the first
 * @p: what is in the second
 * @lock: protects what follows
 * @consumer: who has mapped as consumer, or NULL
 * @producers: the same, by slot; only the first unless many are allowed
 * @count: how many producers
 * @abandoned: no producer is there, but one was, or its records
 * @discarded: records that producers had begun when they died
 * @lines: those who sleep, by role less 1
 */
struct ring {
	struct book_object object;
	u32 size;
	u32 flags;
	struct pages pages;
	struct ipcbook_ring_consumer *c;
	struct ipcbook_ring_producer *p;

	spinlock_t lock ____cacheline_aligned_in_smp;
	struct ring_side *consumer;
	struct ring_side *producers[IPCBOOK_RING_SLOTS];
	unsigned int count;
	bool abandoned;
	u64 discarded;
	struct ring_line lines[2];
};

static const struct file_operations ring_fops;

static struct ring *to_ring(struct book_object *object)
{
	return container_of(object, struct ring, object);
}

/* What an open file keeps of its ring: the device, of the default one. */
static struct book_file *ring_file(struct file *filp)
{
	struct book_file *file = filp->private_data;

	return file->object ? file : book_device_file(filp, IPCBOOK_RING);
}

static unsigned int ring_own_role(const struct book_file *file)
{
	return file->access & BOOK_WRITE ? IPCBOOK_RING_PRODUCER :
					   IPCBOOK_RING_CONSUMER;
}

/*
 * The role in which a call is made; it asks for one if it is not 0. Returns it;
 * EINVAL if it is not the descriptor's; EACCES and EBADF of the device.
 */
static int ring_role(const struct file *filp, const struct book_file *file,
		     unsigned int role)
{
	int err;

	if (role > IPCBOOK_RING_CONSUMER)
		return -EINVAL;
	if (filp->f_op == &ring_fops) {
		if (role && role != ring_own_role(file))
			return -EINVAL;
		return ring_own_role(file);
	}
	if (!role)
		return -EINVAL;
	err = book_may(file, filp, BOOK_READ);
	if (!err && role == IPCBOOK_RING_PRODUCER)
		err = book_may(file, filp, BOOK_WRITE);
	return err ?: role;
}

static struct ring_line *ring_line(struct ring *ring, unsigned int role)
{
	return &ring->lines[role - 1];
}

/* --------------------------------------------------- what is in the ring */

/* The record at a position, wherever that is. */
static struct ipcbook_ring_record *ring_record(const struct ring *ring,
					       u32 position)
{
	u32 at = position & (ring->size - 1) & ~7U;

	return page_address(ring->pages.page[RING_HEAD_PAGES +
					     (at >> PAGE_SHIFT)]) +
	       offset_in_page(at);
}

static u32 ring_word(const struct ring *ring, u32 position)
{
	return READ_ONCE(ring_record(ring, position)->word);
}

static bool ring_is_busy(u32 word)
{
	return (word & ~(IPCBOOK_RING_SIZE_MAX - 1)) == IPCBOOK_RING_BUSY;
}

/* Whether the consumer has something to do: a record, or an error. */
static bool ring_readable(const struct ring *ring)
{
	u32 head = READ_ONCE(ring->c->head);
	u32 word = ring_word(ring, head);

	if (ring->flags & IPCBOOK_RING_OVERWRITE &&
	    head - (u32)READ_ONCE(ring->p->oldest) > ring->size)
		return true;
	return word && !ring_is_busy(word);
}

/* Which head leaves room for the longest record. */
static u32 ring_wanted(const struct ring *ring)
{
	return READ_ONCE(ring->p->tail) + sizeof(struct ipcbook_ring_record) -
	       ring->size / 2;
}

static bool ring_writable(const struct ring *ring)
{
	return ring->flags & IPCBOOK_RING_OVERWRITE ||
	       (s32)(READ_ONCE(ring->c->head) - ring_wanted(ring)) >= 0;
}

static __poll_t ring_events(const struct ring *ring, unsigned int role)
{
	if (role == IPCBOOK_RING_PRODUCER)
		return ring_writable(ring) ? EPOLLOUT | EPOLLWRNORM : 0;
	if (ring_readable(ring))
		return EPOLLIN | EPOLLRDNORM;
	return READ_ONCE(ring->abandoned) ? EPOLLHUP : 0;
}

/* ------------------------------------------------------ sleeping and waking */

/* As user space does it in rule 5; the word may change for ever. */
static void ring_want(struct ring *ring)
{
	u64 new = (u64)READ_ONCE(ring->c->wakes) << 32 | ring_wanted(ring);
	u64 old = READ_ONCE(ring->p->wanted);
	unsigned int i;

	for (i = 0; i < 8; i++) {
		/* Somebody has seen a later wake, or waits for less. */
		if ((s32)((u32)(old >> 32) - (u32)(new >> 32)) > 0 ||
		    (old >> 32 == new >> 32 && (s32)((u32)old - (u32)new) <= 0))
			return;
		if (try_cmpxchg64(&ring->p->wanted, &old, new))
			return;
	}
}

/* Asks to be woken, for who does not stand in line. */
static void ring_arm(struct ring *ring, unsigned int role)
{
	u32 *asleep = &ring->c->asleep;

	if (role == IPCBOOK_RING_PRODUCER) {
		ring_want(ring);
		asleep = &ring->p->asleep;
	}
	atomic_inc((atomic_t *)asleep);
	/* Pairs with the store and the load of user space's rule 6. */
	smp_mb__after_atomic();
}

/*
 * Tells those who want a signal. They are woken early if somebody wants less than
 * they do: unlike pollers, they do not look again, so this asks for them anew.
 */
static void ring_tell(struct ring *ring, unsigned int role)
{
	__poll_t events;

	lockdep_assert_held(&ring->lock);
	if (!book_watched(&ring->object))
		return;
	events = ring_events(ring, role);
	/* That the last producer has gone is no record: the next one's is to come. */
	if (!(events & ~EPOLLHUP)) {
		ring_arm(ring, role);
		events = ring_events(ring, role);
	}
	book_ready(&ring->object, events);
}

/* Wakes all of a role; those in @list after the lock is free. */
static void ring_wake(struct ring *ring, unsigned int role,
		      struct waiter **list)
{
	struct ring_line *line = ring_line(ring, role);
	struct ring_sleeper *sleeper, *next;

	lockdep_assert_held(&ring->lock);
	list_for_each_entry_safe(sleeper, next, &line->sleepers, node) {
		list_del_init(&sleeper->node);
		wait_end(&sleeper->waiter, list);
	}
	ring_tell(ring, role);
	/* Under the lock that poll takes after it entered the wait queue. */
	if (waitqueue_active(&line->pollers))
		wake_up_poll(&line->pollers, role == IPCBOOK_RING_PRODUCER ?
			     EPOLLOUT | EPOLLWRNORM :
			     EPOLLIN | EPOLLRDNORM | EPOLLHUP);
}

static long ring_ioctl_wake(struct ring *ring, unsigned int role)
{
	unsigned int other = IPCBOOK_RING_PRODUCER + IPCBOOK_RING_CONSUMER -
			     role;
	struct waiter *list = NULL;

	trace_ring_wake(ring->object.id, role);
	spin_lock(&ring->lock);
	ring_wake(ring, other, &list);
	spin_unlock(&ring->lock);
	wake_all(list);
	return 0;
}

/*
 * Stands in line, if there is nothing to be seen yet. Returns 1 if it does: from
 * then on somebody may be ending the wait; 0 if there is something, or an error.
 */
static int ring_stand(struct ring *ring, unsigned int role,
		      struct ring_sleeper *sleeper,
		      const struct ipcbook_ring_wait *arg)
{
	const u32 *wakes = role == IPCBOOK_RING_PRODUCER ? &ring->c->wakes :
							   &ring->p->wakes;
	struct ring_line *line = ring_line(ring, role);
	int ret = 0;

	spin_lock(&ring->lock);
	if (READ_ONCE(*wakes) != arg->wakes)
		goto out;
	if (arg->flags & IPCBOOK_RING_HANGUP && ring->abandoned &&
	    !ring_readable(ring)) {
		ret = -EPIPE;
		goto out;
	}
	list_add_tail(&sleeper->node, &line->sleepers);
	line->waiting++;
	line->blocked++;
	ret = 1;
out:
	spin_unlock(&ring->lock);
	return ret;
}

/* Leaves the line; false if somebody has ended the wait and is about to wake. */
static bool ring_leave(struct ring *ring, unsigned int role,
		       struct ring_sleeper *sleeper)
{
	bool stood;

	spin_lock(&ring->lock);
	stood = !list_empty(&sleeper->node);
	list_del_init(&sleeper->node);
	ring_line(ring, role)->waiting--;
	spin_unlock(&ring->lock);
	return stood;
}

static int ring_sleep(struct ring *ring, unsigned int role,
		      const struct ipcbook_ring_wait *arg)
{
	struct ring_sleeper sleeper;
	int err;

	waiter_init(&sleeper.waiter, NULL);
	INIT_LIST_HEAD(&sleeper.node);
	err = ring_stand(ring, role, &sleeper, arg);
	if (err <= 0)
		return err;
	err = wait_sleep(&sleeper.waiter, arg->deadline);
	if (ring_leave(ring, role, &sleeper))
		return err;
	/* Both at once; whoever ended the wait is about to wake. */
	wait_sleep_on(&sleeper.waiter);
	return 0;
}

static long ring_ioctl_wait(struct file *filp, struct book_file *file,
			    const void __user *argp)
{
	struct ring *ring = to_ring(file->object);
	struct ipcbook_ring_wait arg;
	u64 start = 0;
	int role, err;

	err = book_copy_args(&arg, sizeof(arg), argp);
	if (err)
		return err;
	role = ring_role(filp, file, arg.role);
	if (role < 0)
		return role;
	if (arg.flags & ~(role == IPCBOOK_RING_CONSUMER ?
			  IPCBOOK_RING_HANGUP : 0))
		return -EINVAL;
	if (trace_ring_wait_enabled())
		start = ktime_get_ns();
	err = ring_sleep(ring, role, &arg);
	/* Of a wait that began before, nobody knows how long it was. */
	if (trace_ring_wait_enabled() && start)
		trace_ring_wait(ring->object.id, role, ktime_get_ns() - start,
				err);
	return err;
}

static __poll_t ring_poll(struct file *filp, struct poll_table_struct *pt)
{
	struct book_file *file = filp->private_data;
	struct ring *ring = to_ring(file->object);
	unsigned int role = ring_own_role(file);
	__poll_t events;

	poll_wait(filp, &ring_line(ring, role)->pollers, pt);
	events = ring_events(ring, role);
	if (events & ~EPOLLHUP)
		return events;
	spin_lock(&ring->lock);
	ring_arm(ring, role);
	events = ring_events(ring, role);
	spin_unlock(&ring->lock);
	return events;
}

/* ------------------------------------------------------------------ the sides */

static int ring_free_slot(const struct ring *ring)
{
	unsigned int slot, slots = 1;

	if (ring->flags & IPCBOOK_RING_MANY)
		slots = IPCBOOK_RING_SLOTS;
	for (slot = 0; slot < slots; slot++)
		if (!ring->producers[slot])
			return slot;
	return -EBUSY;
}

/* @side becomes what its role says. */
static int ring_enter(struct ring_side *side)
{
	struct ring *ring = side->ring;
	int slot, err = 0;

	spin_lock(&ring->lock);
	if (side->role == IPCBOOK_RING_CONSUMER) {
		if (ring->consumer) {
			err = -EBUSY;
			goto out;
		}
		ring->consumer = side;
		ring->abandoned = !ring->count && ring_readable(ring);
		goto out;
	}
	slot = ring_free_slot(ring);
	if (slot < 0) {
		err = slot;
		goto out;
	}
	side->slot = slot;
	ring->producers[slot] = side;
	ring->count++;
	ring->abandoned = false;
out:
	spin_unlock(&ring->lock);
	return err;
}

/*
 * What the only producer has begun and not published: unpublished tells how
 * many, unless they have been published and it did not come to say so.
 */
static u64 ring_bury_one(struct ring *ring)
{
	u32 count = READ_ONCE(ring->p->unpublished);

	WRITE_ONCE(ring->p->unpublished, 0);
	if (ring_word(ring, READ_ONCE(ring->p->tail)))
		return 0;
	return min(count, IPCBOOK_RING_BATCH);
}

/* The same of one of many, rule 9: the record of its slot, and the lock. */
static u64 ring_bury_slot(struct ring *ring, unsigned int index)
{
	struct ipcbook_ring_slot *slot = &ring->p->slots[index];
	u32 tail = READ_ONCE(ring->p->tail), head = READ_ONCE(ring->c->head);
	u32 at = READ_ONCE(slot->position), length = READ_ONCE(slot->length);
	struct ipcbook_ring_record *record = ring_record(ring, at);
	bool locked = READ_ONCE(ring->p->lock) == index + 1;
	u32 busy = READ_ONCE(record->word), skip;
	u64 discarded = 0;

	skip = (busy & ~IPCBOOK_RING_BUSY) | IPCBOOK_RING_READY |
	       IPCBOOK_RING_SKIP;
	if (length && locked && tail == at) {
		WRITE_ONCE(record->word, 0);
		discarded = 1;
	} else if (length && tail != at && tail - at <= tail - head &&
		   ring_is_busy(busy) && READ_ONCE(record->slot) == index + 1) {
		discarded = cmpxchg(&record->word, busy, skip) == busy;
	}
	WRITE_ONCE(slot->length, 0);
	/* What it has written under the lock is seen by who gets it next. */
	if (locked)
		cmpxchg_release(&ring->p->lock, index + 1, 0);
	return discarded;
}

/* @side is not there any more; returns what it leaves behind. */
static u64 ring_exit(struct ring_side *side)
{
	struct ring *ring = side->ring;
	struct waiter *list = NULL;
	u64 discarded = 0;

	spin_lock(&ring->lock);
	/* It may have died before it woke whom it had to. */
	if (side->role == IPCBOOK_RING_CONSUMER) {
		ring->consumer = NULL;
		atomic_inc((atomic_t *)&ring->c->wakes);
		ring_wake(ring, IPCBOOK_RING_PRODUCER, &list);
		goto out;
	}
	ring->producers[side->slot] = NULL;
	ring->count--;
	ring->abandoned = !ring->count;
	discarded = ring->flags & IPCBOOK_RING_MANY ?
		    ring_bury_slot(ring, side->slot) : ring_bury_one(ring);
	ring->discarded += discarded;
	atomic_inc((atomic_t *)&ring->p->wakes);
	ring_wake(ring, IPCBOOK_RING_CONSUMER, &list);
out:
	spin_unlock(&ring->lock);
	wake_all(list);
	return discarded;
}

static void ring_side_free(struct ring_side *side)
{
	put_pid(side->pid);
	kfree(side);
}

/* A mapping is moved: for a moment there are two. */
static void ring_vma_open(struct vm_area_struct *vma)
{
	struct ring_side *side = vma->vm_private_data;

	/* A child that has it all the same, by MADV_DOFORK, has no part in it. */
	if (side && vma->vm_mm != side->mm)
		vma->vm_private_data = NULL;
	else if (side)
		refcount_inc(&side->vmas);
}

static void ring_vma_close(struct vm_area_struct *vma)
{
	struct ring_side *side = vma->vm_private_data;
	u64 discarded;

	if (!side || !refcount_dec_and_test(&side->vmas))
		return;
	discarded = ring_exit(side);
	trace_ring_unmap(side->ring->object.id, side->role, side->slot,
			 discarded);
	ring_side_free(side);
}

static int ring_vma_mremap(struct vm_area_struct *vma)
{
	struct ring_side *side = vma->vm_private_data;

	if (side) {
		spin_lock(&side->ring->lock);
		side->start = vma->vm_start;
		spin_unlock(&side->ring->lock);
	}
	return 0;
}

static int ring_vma_may_split(struct vm_area_struct *vma, unsigned long addr)
{
	return -EINVAL;
}

/* Which page of the ring is at a place of the mapping. */
static unsigned long ring_page_index(const struct ring_side *side,
				     pgoff_t pgoff)
{
	const unsigned long count = side->ring->pages.count;
	unsigned long index = pgoff - RING_ROLE_PGOFF((pgoff_t)side->role);

	return index < count ? index : index - (count - RING_HEAD_PAGES);
}

static vm_fault_t ring_vma_fault(struct vm_fault *vmf)
{
	const struct ring_side *side = vmf->vma->vm_private_data;

	if (!side)
		return VM_FAULT_SIGBUS;
	return pages_fault(vmf, &side->ring->pages,
			   ring_page_index(side, vmf->pgoff));
}

static vm_fault_t ring_page_mkwrite(struct vm_fault *vmf)
{
	const struct ring_side *side = vmf->vma->vm_private_data;
	bool consumers;

	if (!side)
		return VM_FAULT_SIGBUS;
	consumers = ring_page_index(side, vmf->pgoff) == 0;
	if (side->role != (consumers ? IPCBOOK_RING_CONSUMER :
				       IPCBOOK_RING_PRODUCER))
		return VM_FAULT_SIGSEGV;
	lock_page(vmf->page);
	return VM_FAULT_LOCKED;
}

static const struct vm_operations_struct ring_vm_ops = {
	.open = ring_vma_open,
	.close = ring_vma_close,
	.mremap = ring_vma_mremap,
	.may_split = ring_vma_may_split,
	.fault = ring_vma_fault,
	.page_mkwrite = ring_page_mkwrite,
};

static unsigned long ring_mapped_pages(const struct ring *ring)
{
	return 2 * ring->pages.count - RING_HEAD_PAGES;
}

static struct ring_side *ring_side_new(struct ring *ring, unsigned int role,
				       const struct vm_area_struct *vma)
{
	struct ring_side *side = kzalloc(sizeof(*side), GFP_KERNEL_ACCOUNT);

	if (!side)
		return NULL;
	side->ring = ring;
	side->role = role;
	side->pid = get_pid(task_tgid(current));
	side->mm = vma->vm_mm;
	side->start = vma->vm_start;
	refcount_set(&side->vmas, 1);
	return side;
}

static int ring_mmap(struct file *filp, struct vm_area_struct *vma)
{
	const unsigned long both = VM_READ | VM_WRITE;
	struct book_file *file = ring_file(filp);
	struct ring_side *side;
	struct ring *ring;
	int role, err;

	if (IS_ERR(file))
		return PTR_ERR(file);
	ring = to_ring(file->object);
	role = vma->vm_pgoff >> (RING_ROLE_SHIFT - PAGE_SHIFT);
	if (!role || vma->vm_pgoff != RING_ROLE_PGOFF((pgoff_t)role) ||
	    !(vma->vm_flags & VM_MAYSHARE) || (vma->vm_flags & both) != both ||
	    vma_pages(vma) != ring_mapped_pages(ring))
		return -EINVAL;
	role = ring_role(filp, file, role);
	if (role < 0)
		return role;
	side = ring_side_new(ring, role, vma);
	if (!side)
		return -ENOMEM;
	err = ring_enter(side);
	if (err) {
		ring_side_free(side);
		return err;
	}
	/* What is a process's own: no child has it, and it does not grow. */
	vm_flags_set(vma, VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = side;
	vma->vm_ops = &ring_vm_ops;
	trace_ring_map(ring->object.id, role, side->slot, 0);
	return 0;
}

/* -------------------------------------------------------------- descriptors */

static long ring_ioctl_map(struct file *filp, struct book_file *file,
			   void __user *argp)
{
	struct ring *ring = to_ring(file->object);
	struct ipcbook_ring_map arg;
	int role, err;

	err = book_copy_args(&arg, sizeof(arg), argp);
	if (err)
		return err;
	if (arg.flags || arg.pad || arg.bytes || arg.offset || arg.length)
		return -EINVAL;
	role = ring_role(filp, file, arg.role);
	if (role < 0)
		return role;
	arg.size = sizeof(arg);
	arg.role = role;
	arg.flags = ring->flags;
	arg.bytes = ring->size;
	arg.offset = (u64)role << RING_ROLE_SHIFT;
	arg.length = (u64)ring_mapped_pages(ring) << PAGE_SHIFT;
	return copy_to_user(argp, &arg, sizeof(arg)) ? -EFAULT : 0;
}

static long ring_ioctl_slot(struct ring *ring, unsigned long start)
{
	const struct ring_side *side;
	long ret = -EINVAL;
	unsigned int i;

	spin_lock(&ring->lock);
	for (i = 0; i < IPCBOOK_RING_SLOTS; i++) {
		side = ring->producers[i];
		if (side && side->mm == current->mm && side->start == start)
			ret = i;
	}
	spin_unlock(&ring->lock);
	return ret;
}

static long ring_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	void __user *argp = (void __user *)arg;
	struct book_file *file;
	int role;

	if (_IOC_TYPE(cmd) != IPCBOOK_IOC_MAGIC)
		return -ENOTTY;
	file = ring_file(filp);
	if (IS_ERR(file))
		return PTR_ERR(file);
	switch (_IOC_NR(cmd)) {
	case _IOC_NR(IPCBOOK_IOC_RING_MAP):
		return ring_ioctl_map(filp, file, argp);
	case _IOC_NR(IPCBOOK_IOC_RING_WAIT):
		return ring_ioctl_wait(filp, file, argp);
	case _IOC_NR(IPCBOOK_IOC_RING_WAKE):
		role = ring_role(filp, file, min(arg, UINT_MAX));
		return role < 0 ? role :
				  ring_ioctl_wake(to_ring(file->object), role);
	case _IOC_NR(IPCBOOK_IOC_RING_SLOT):
		return ring_ioctl_slot(to_ring(file->object), arg);
	default:
		return book_ioctl(file, _IOC_NR(cmd), argp);
	}
}

static void ring_show_fdinfo(struct seq_file *seq, struct file *filp)
{
	struct book_file *file = filp->private_data;
	struct ring *ring = to_ring(file->object);
	unsigned int producers;
	bool consumer;

	spin_lock(&ring->lock);
	consumer = ring->consumer;
	producers = ring->count;
	spin_unlock(&ring->lock);

	book_show_fdinfo(seq, &ring->object);
	seq_printf(seq, "role:\t%s\nbytes:\t%u\nflags:\t%u\nconsumers:\t%u\nproducers:\t%u\n",
		   ring_own_role(file) == IPCBOOK_RING_PRODUCER ? "producer" :
		   "consumer", ring->size, ring->flags, consumer, producers);
}

/* ------------------------------------------------------- the chapter's table */

static int ring_check(const struct ipcbook_open *arg)
{
	const struct ipcbook_ring_limits *limits = &arg->ring;

	if (!(arg->flags & IPCBOOK_OPEN_READ))
		return -EINVAL;
	if (limits->flags & ~RING_ALL_FLAGS || limits->pad ||
	    limits->flags == RING_ALL_FLAGS)
		return -EINVAL;
	return 0;
}

static u64 ring_wanted_size(const struct ipcbook_open *arg)
{
	if (!arg->ring.size && !strcmp(arg->name, IPCBOOK_DEFAULT_NAME))
		return rounddown_pow_of_two(clamp(READ_ONCE(ring_max_bytes),
						  PAGE_SIZE,
						  RING_DEFAULT_SIZE));
	return arg->ring.size;
}

static struct book_object *ring_create(const struct ipcbook_open *arg)
{
	u64 size = ring_wanted_size(arg);
	struct ring *ring;
	unsigned int i;
	int err;

	/* A page that is mapped twice would be two different ones. */
	if (SHMLBA > PAGE_SIZE)
		return ERR_PTR(-EOPNOTSUPP);
	if (size < PAGE_SIZE || !is_power_of_2(size))
		return ERR_PTR(-EINVAL);
	err = book_limit(&size, size, READ_ONCE(ring_max_bytes));
	if (err || size > IPCBOOK_RING_SIZE_MAX)
		return ERR_PTR(-E2BIG);
	ring = kzalloc(sizeof(*ring), GFP_KERNEL_ACCOUNT);
	if (!ring)
		return ERR_PTR(-ENOMEM);
	ring->size = size;
	ring->flags = arg->ring.flags;
	spin_lock_init(&ring->lock);
	for (i = 0; i < ARRAY_SIZE(ring->lines); i++) {
		INIT_LIST_HEAD(&ring->lines[i].sleepers);
		init_waitqueue_head(&ring->lines[i].pollers);
	}
	ring->object.capacity = size + RING_HEAD_PAGES * PAGE_SIZE;
	return &ring->object;
}

static int ring_fill(struct book_object *object)
{
	struct ring *ring = to_ring(object);
	int err;

	err = pages_alloc(&ring->pages, object->capacity >> PAGE_SHIFT);
	if (err)
		return err;
	ring->c = page_address(ring->pages.page[0]);
	ring->p = page_address(ring->pages.page[1]);
	return 0;
}

static void ring_destroy(struct book_object *object)
{
	struct ring *ring = to_ring(object);

	pages_free(&ring->pages);
	kfree(ring);
}

/* Who holds back those after it: whose record is the next, and not ready. */
static struct pid *ring_stalled(const struct ring *ring)
{
	struct ipcbook_ring_record *record;
	u32 slot;

	lockdep_assert_held(&ring->lock);
	record = ring_record(ring, READ_ONCE(ring->c->head));
	if (!(ring->flags & IPCBOOK_RING_MANY) ||
	    !ring_is_busy(READ_ONCE(record->word)))
		return NULL;
	slot = READ_ONCE(record->slot) - 1;
	if (slot >= IPCBOOK_RING_SLOTS)
		return NULL;
	slot = array_index_nospec(slot, IPCBOOK_RING_SLOTS);
	return ring->producers[slot] ? ring->producers[slot]->pid : NULL;
}

/* The counters of both sides, as they tell them. */
static void ring_stat_counters(const struct ring *ring,
			       struct ipcbook_stat *stat)
{
	const struct ipcbook_ring_slot *slots = ring->p->slots;
	u64 gone;
	u32 i;

	stat->sent = READ_ONCE(ring->p->records);
	stat->sent_bytes = READ_ONCE(ring->p->bytes);
	for (i = 0; ring->flags & IPCBOOK_RING_MANY && i < IPCBOOK_RING_SLOTS;
	     i++) {
		stat->sent += READ_ONCE(slots[i].records);
		stat->sent_bytes += READ_ONCE(slots[i].bytes);
	}
	stat->received = READ_ONCE(ring->c->records);
	stat->received_bytes = READ_ONCE(ring->c->bytes);
	stat->lost = READ_ONCE(ring->c->lost);
	gone = stat->received + stat->lost;
	stat->depth = stat->sent > gone ? stat->sent - gone : 0;
	stat->bytes = READ_ONCE(ring->p->tail) - READ_ONCE(ring->c->head);
	stat->bytes = min_t(u64, stat->bytes, ring->size);
}

static void ring_stat(struct book_object *object, struct ipcbook_stat *stat)
{
	struct ring *ring = to_ring(object);
	struct ring_line *senders = ring_line(ring, IPCBOOK_RING_PRODUCER);
	struct ring_line *receivers = ring_line(ring, IPCBOOK_RING_CONSUMER);
	unsigned int i;

	stat->flags = ring->flags;
	stat->max_bytes = ring->size;
	stat->max_size = ring->size / 2 - sizeof(struct ipcbook_ring_record);
	stat->max_depth = ring->size / sizeof(struct ipcbook_ring_record);
	stat->memory = sizeof(*ring) + pages_memory(&ring->pages);
	ring_stat_counters(ring, stat);
	spin_lock(&ring->lock);
	for (i = 0; i < IPCBOOK_RING_SLOTS && !stat->sender; i++)
		if (ring->producers[i])
			stat->sender = pid_vnr(ring->producers[i]->pid);
	if (ring->consumer)
		stat->receiver = pid_vnr(ring->consumer->pid);
	stat->stalled = pid_vnr(ring_stalled(ring));
	stat->senders_waiting = senders->waiting;
	stat->receivers_waiting = receivers->waiting;
	stat->blocked = senders->blocked;
	stat->discarded = ring->discarded;
	spin_unlock(&ring->lock);
}

static const struct file_operations ring_fops = {
	.owner = THIS_MODULE,
	.release = book_release,
	.mmap = ring_mmap,
	.poll = ring_poll,
	.unlocked_ioctl = ring_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.show_fdinfo = ring_show_fdinfo,
};

static int ring_init(void)
{
	BUILD_BUG_ON(sizeof(struct ipcbook_ring_producer) > PAGE_SIZE);
	if (SHMLBA > PAGE_SIZE)
		pr_info("no rings: this machine's data caches alias\n");
	return 0;
}

const struct book_chapter ring_chapter = {
	.id = IPCBOOK_RING,
	.name = "ring",
	.fops = &ring_fops,
	.limits_size = sizeof(struct ipcbook_ring_limits),
	.file_size = sizeof(struct book_file),
	.has_default = true,
	.raises_once = true,
	.write_only_out = true,
	.mapped = true,
	.check = ring_check,
	.create = ring_create,
	.fill = ring_fill,
	.destroy = ring_destroy,
	.stat = ring_stat,
	.init = ring_init,
};
