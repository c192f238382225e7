// SPDX-License-Identifier: GPL-2.0-only
/*
 * The semaphore.
 *
 * The value lives in a page that whoever may write can map, in one word with
 * the bit IPCBOOK_SEM_CONTENDED. While that bit is clear, user space takes and
 * gives units by itself and nothing here runs. Every call takes the word first:
 * sem_word() exchanges it for the bare bit, so that all honest users have to
 * come here as well, and sem_publish() stores the new value, with the bit if
 * somebody waits. Both are single instructions, so nobody who scribbles on the
 * word can make the kernel loop; what comes out of it is clamped to the maximum.
 *
 * Who waits is a struct sem_wait with a struct sem_entry for each semaphore, on
 * that one's
 *
 *	line	for those who wait for this semaphore or any one of several.
 *		Strictly in order of arrival: the first is served as soon as
 *		there are enough units, and until then nobody behind it.
 *	aside	for those who wait for all of several. They are served only when
 *		all their semaphores suffice at once, and hold nobody up.
 *
 * A wait in a line is ended by whoever wins the cmpxchg on waiter.err: he who
 * gives units, who unlinks, or the sleeper who gives up. Its other entries mean
 * nothing from then on. A wait aside is never ended by others: they wake it, and
 * it tries for itself with all its semaphores locked.
 *
 * What a process took through an open file with undo, and how it comes back, is
 * in undo.c.
 *
 * Locks: sem.lock protects everything in struct sem that is not fixed at
 * creation, the entries in its lines, and the undo records of its files. It is
 * taken inside of book_mutex; waking takes scheduler and wait queue locks inside
 * of it, and telling of what is ready the lock of those who are to be told
 * (book.c). Whoever holds several has sem_several, outside of them all, which makes
 * their order free.
 *
 * Barriers: the exchange in sem_word() is a full one and orders as acquire what
 * user space published by its release compare-and-exchange; the release store in
 * sem_publish() pairs with user space's acquire compare-and-exchange. That a
 * waiter may go is told as wait.c describes. Poll enters the wait queue before
 * it takes the lock, and sem_publish() looks at the wait queue under the lock:
 * either sees the other, so no unit comes unnoticed.
 */
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "book.h"
#include "compat.h"
#include "sem.h"
#include "trace.h"
#include "wait.h"

/**
 * struct sem_entry - one semaphore of a wait
 * @node: in a line, or aside
 * @number: order of arrival there; U64_MAX before that
 * @wait: whose it is
 * @sem: the semaphore
 * @sf: its descriptor
 * @undo: the undo record, if the descriptor has undo
 * @units: how many are wanted
 * @value: what the semaphore has, while all are locked
 * @taken: the units were taken
 * @orphaned: and were the first since units came back
 * @late: and the process had closed by then
 */
struct sem_entry {
	struct list_head node;
	u64 number;
	struct sem_wait *wait;
	struct sem *sem;
	struct sem_file *sf;
	struct sem_undo *undo;
	u32 units;
	u32 value;
	bool taken;
	bool orphaned;
	bool late;
};

/**
 * struct sem_wait - a down, or a wait for several
 * @waiter: who sleeps
 * @pid: its process
 * @deadline: CLOCK_MONOTONIC, 0 for ever
 * @flags: IPCBOOK_NOWAIT, IPCBOOK_SEM_ALL
 * @count: how many semaphores
 * @entries: these
 */
struct sem_wait {
	struct waiter waiter;
	struct pid *pid;
	u64 deadline;
	u32 flags;
	unsigned int count;
	struct sem_entry *entries;
};

/* Held by whoever holds the locks of several semaphores. */
static DEFINE_MUTEX(sem_several);

static const struct file_operations sem_fops;

/* ------------------------------------------------------------------ the word */

static u32 sem_clamp(const struct sem *sem, u32 word)
{
	return min(word & ~IPCBOOK_SEM_CONTENDED, sem->maximum);
}

/* Takes the value out of the word; until sem_publish() all must come here. */
static u32 sem_word(struct sem *sem)
{
	lockdep_assert_held(&sem->lock);
	return sem_clamp(sem, atomic_xchg(sem->word, IPCBOOK_SEM_CONTENDED));
}

/* The value, without taking it out: under the lock the kernel leaves it alone. */
static u32 sem_look(const struct sem *sem)
{
	lockdep_assert_held(&sem->lock);
	return sem_clamp(sem, atomic_read(sem->word));
}

/**
 * sem_word_plus() - takes the word, to put more into it
 * @sem: the semaphore, locked
 * @units: how many
 *
 * Return: the value with so many more, as far as the maximum goes.
 */
u32 sem_word_plus(struct sem *sem, u64 units)
{
	return min_t(u64, sem_word(sem) + units, sem->maximum);
}

/* Lets user space go on by itself with @value, unless somebody has to be told. */
static void sem_publish(struct sem *sem, u32 value)
{
	bool contended = sem->gone || sem->orphaned ||
			 !list_empty(&sem->line) || !list_empty(&sem->aside) ||
			 book_watched(&sem->object) ||
			 /* See sem_change(). */
			 waitqueue_active(&sem->pollers);

	lockdep_assert_held(&sem->lock);
	/* Pairs with the acquire of user space's next down. */
	atomic_set_release(sem->word,
			   value | (contended ? IPCBOOK_SEM_CONTENDED : 0));
}

static __poll_t sem_events(const struct sem *sem, u32 value)
{
	__poll_t events = 0;

	if (sem->gone)
		events |= EPOLLHUP | EPOLLERR;
	if (value && list_empty(&sem->line))
		events |= EPOLLIN | EPOLLRDNORM;
	if (value < sem->maximum)
		events |= EPOLLOUT | EPOLLWRNORM;
	return events;
}

/* Publishes a value that has changed. */
static void sem_change(struct sem *sem, u32 value)
{
	book_ready(&sem->object, sem_events(sem, value));
	sem_publish(sem, value);
	/* Under the lock that poll takes after it entered the wait queue. */
	if (waitqueue_active(&sem->pollers))
		wake_up_poll(&sem->pollers, sem_events(sem, value));
}

/* ------------------------------------------------------------- serving others */

/* Ends a wait in a line; false if somebody else has, who then wakes it. */
static bool sem_claim(struct sem_wait *wait, int err)
{
	return cmpxchg(&wait->waiter.err, WAITING, err) == WAITING;
}

static void sem_note_pid(struct pid **field, struct pid *pid)
{
	if (*field == pid)
		return;
	put_pid(*field);
	*field = get_pid(pid);
}

/* @pid takes units. Returns whether it is to be told that some came back. */
static bool sem_count_down(struct sem *sem, struct pid *pid)
{
	bool orphaned = sem->orphaned;

	lockdep_assert_held(&sem->lock);
	sem->orphaned = false;
	sem->count.downs++;
	sem->taken = jiffies;
	sem_note_pid(&sem->taker, pid);
	return orphaned;
}

/* Takes what @entry wants; returns what is left. */
static u32 sem_grant(struct sem_entry *entry, u32 value)
{
	struct sem_undo *undo = entry->undo;

	entry->taken = true;
	entry->orphaned = sem_count_down(entry->sem, entry->wait->pid);
	if (undo && undo->closed)
		entry->late = true;
	else if (undo)
		undo->held += entry->units;
	return value - entry->units;
}

static struct sem_entry *sem_first(struct sem *sem)
{
	return list_first_entry_or_null(&sem->line, struct sem_entry, node);
}

static void sem_stand(struct sem_entry *entry, struct list_head *where)
{
	lockdep_assert_held(&entry->sem->lock);
	entry->number = ++entry->sem->number;
	entry->sem->count.waiting++;
	entry->sem->count.blocked++;
	list_add_tail(&entry->node, where);
}

static void sem_go(struct sem_entry *entry)
{
	lockdep_assert_held(&entry->sem->lock);
	entry->sem->count.waiting--;
	list_del_init(&entry->node);
}

/* Whether nobody in the line came before @entry. */
static bool sem_turn(struct sem *sem, const struct sem_entry *entry)
{
	const struct sem_entry *first = sem_first(sem);

	return !first || first->number > entry->number;
}

/* Those aside try again. They cannot leave before the lock is free. */
static void sem_hint(struct sem_entry *entry)
{
	struct waiter *waiter = &entry->wait->waiter;

	lockdep_assert_held(&entry->sem->lock);
	/* Pairs with the acquire load in wait_sleep(). */
	smp_store_release(&waiter->stage, WAIT_DONE);
	wake_up_process(waiter->task);
}

/**
 * sem_serve() - serves those who wait, in order; publishes what is left
 * @sem: the semaphore, locked, its word taken
 * @value: what it has
 * @list: whom to wake by wake_all() when the lock is free
 */
void sem_serve(struct sem *sem, u32 value, struct waiter **list)
{
	struct sem_entry *entry;

	lockdep_assert_held(&sem->lock);
	while ((entry = sem_first(sem)) && value >= entry->units) {
		sem_go(entry);
		if (!sem_claim(entry->wait, 0))
			continue;
		value = sem_grant(entry, value);
		sem->count.direct++;
		trace_sem_grant(sem->object.id, entry->units, value);
		wait_end(&entry->wait->waiter, list);
	}
	list_for_each_entry(entry, &sem->aside, node)
		if (value >= entry->units && sem_turn(sem, entry))
			sem_hint(entry);
	sem_change(sem, value);
}

/* --------------------------------------------------------------------- down */

/*
 * Takes at once what @entry wants, or joins the line unless it may not wait.
 * Returns 0 if the units were taken, EIDRM, EAGAIN if they were not; EALREADY
 * if somebody else has ended the wait, on another semaphore.
 */
static int sem_join(struct sem_entry *entry)
{
	struct sem *sem = entry->sem;
	int err = -EAGAIN;
	u32 value;

	spin_lock(&sem->lock);
	if (unlikely(sem->gone)) {
		err = sem_claim(entry->wait, -EIDRM) ? -EIDRM : -EALREADY;
		goto out;
	}
	value = sem_word(sem);
	if (value < entry->units || !list_empty(&sem->line)) {
		if (entry->wait->flags & IPCBOOK_NOWAIT)
			sem->count.refused++;
		else
			sem_stand(entry, &sem->line);
		sem_publish(sem, value);
	} else if (sem_claim(entry->wait, 0)) {
		err = 0;
		sem_change(sem, sem_grant(entry, value));
	} else {
		err = -EALREADY;
		sem_publish(sem, value);
	}
out:
	spin_unlock(&sem->lock);
	return err;
}

/* Leaves the line, or what is aside; lets those behind go on. */
static void sem_leave(struct sem_entry *entry, int err)
{
	struct sem *sem = entry->sem;
	struct waiter *list = NULL;

	/* What was taken is in no line; its giver saw to that. */
	if (entry->taken)
		return;
	spin_lock(&sem->lock);
	if (err == -ETIMEDOUT)
		sem->count.refused++;
	if (!list_empty(&entry->node)) {
		sem_go(entry);
		sem_serve(sem, sem_word(sem), &list);
	}
	spin_unlock(&sem->lock);
	wake_all(list);
}

static void sem_leave_all(struct sem_wait *wait, unsigned int count, int err)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		sem_leave(&wait->entries[i], err);
}

/* Sleeps in the lines until somebody ends the wait, or gives up. */
static int sem_sleep(struct sem_wait *wait)
{
	int err = wait_sleep(&wait->waiter, wait->deadline);

	if (!err)
		return wait->waiter.err;
	if (sem_claim(wait, err))
		return err;
	/* Both at once; whoever ended the wait is about to wake. */
	wait_sleep_on(&wait->waiter);
	return wait->waiter.err;
}

/* Waits for any one. */
static int sem_wait_any(struct sem_wait *wait)
{
	unsigned int i;
	int err;

	for (i = 0; i < wait->count; i++) {
		err = sem_join(&wait->entries[i]);
		if (err != -EAGAIN)
			break;
	}
	if (likely(!i && err != -EAGAIN))
		return err;
	if (wait->flags & IPCBOOK_NOWAIT)
		return err;
	if (err == -EALREADY) {
		wait_sleep_on(&wait->waiter);
		err = wait->waiter.err;
	} else if (err == -EAGAIN) {
		err = sem_sleep(wait);
	}
	sem_leave_all(wait, i, err);
	return err;
}

/* Sparse is told to forget these locks: it cannot follow those of a loop. */
static void sem_lock_all(struct sem_wait *wait)
{
	unsigned int i;

	mutex_lock(&sem_several);
	for (i = 0; i < wait->count; i++) {
		spin_lock_nest_lock(&wait->entries[i].sem->lock, &sem_several);
		__release(&wait->entries[i].sem->lock);
	}
}

static void sem_unlock_all(struct sem_wait *wait)
{
	unsigned int i = wait->count;

	while (i--) {
		__acquire(&wait->entries[i].sem->lock);
		spin_unlock(&wait->entries[i].sem->lock);
	}
	mutex_unlock(&sem_several);
}

/* Whether all can be taken; takes every word. */
static int sem_check_all(struct sem_wait *wait)
{
	struct sem_entry *entry;
	unsigned int i;
	int err = 0;

	for (i = 0; i < wait->count; i++) {
		entry = &wait->entries[i];
		entry->value = sem_word(entry->sem);
		if (entry->sem->gone)
			err = -EIDRM;
		else if (!err && (entry->value < entry->units ||
				  !sem_turn(entry->sem, entry)))
			err = -EAGAIN;
	}
	return err;
}

/* Takes all at once if that is possible now; else stands aside, if it may. */
static int sem_try_all(struct sem_wait *wait)
{
	bool may_wait = !(wait->flags & IPCBOOK_NOWAIT);
	struct sem_entry *entry;
	unsigned int i;
	int err;

	sem_lock_all(wait);
	err = sem_check_all(wait);
	for (i = 0; i < wait->count; i++) {
		entry = &wait->entries[i];
		if (!err && !list_empty(&entry->node))
			sem_go(entry);
		if (err == -EAGAIN && may_wait && list_empty(&entry->node))
			sem_stand(entry, &entry->sem->aside);
		if (err == -EAGAIN && !may_wait)
			entry->sem->count.refused++;
		if (err)
			sem_publish(entry->sem, entry->value);
		else
			sem_change(entry->sem,
				   sem_grant(entry, entry->value));
	}
	sem_unlock_all(wait);
	return err;
}

/* Waits for all of them. */
static int sem_wait_all(struct sem_wait *wait)
{
	int err;

	do {
		/* Whoever changes something after this sets it again. */
		WRITE_ONCE(wait->waiter.stage, WAIT_SLEEPS);
		err = sem_try_all(wait);
		if (err != -EAGAIN || wait->flags & IPCBOOK_NOWAIT)
			break;
		err = wait_sleep(&wait->waiter, wait->deadline);
	} while (!err);
	sem_leave_all(wait, wait->count, err);
	return err;
}

/* Gives back what was taken by a call that cannot succeed any more. */
static void sem_give_back(struct sem_entry *entry)
{
	struct sem_undo *undo = entry->late ? NULL : entry->undo;
	struct sem *sem = entry->sem;
	struct waiter *list = NULL;

	spin_lock(&sem->lock);
	/* Unless the process has closed, or another thread gave it, meanwhile. */
	if (!undo || undo->held >= entry->units) {
		if (undo)
			undo->held -= entry->units;
		sem->orphaned |= entry->orphaned;
		sem_serve(sem, sem_word_plus(sem, entry->units), &list);
	}
	spin_unlock(&sem->lock);
	wake_all(list);
}

/*
 * What the call answers in the end. A process that is being killed never gets to
 * use what it took, and one that has closed has nothing to hold it by.
 */
static int sem_finish(struct sem_wait *wait, int err)
{
	struct sem_entry *entry;
	unsigned int i;
	int answer = 0;

	if (!err && fatal_signal_pending(current))
		err = -EINTR;
	for (i = 0; i < wait->count && !err; i++)
		if (wait->entries[i].late)
			err = -EBADF;
	for (i = 0; i < wait->count; i++) {
		entry = &wait->entries[i];
		if (!entry->taken)
			continue;
		if (err)
			sem_give_back(entry);
		if (!(wait->flags & IPCBOOK_SEM_ALL))
			answer |= i;
		if (entry->orphaned)
			answer |= IPCBOOK_SEM_ORPHANED;
	}
	return err ?: answer;
}

/*
 * Takes @units if that can be done at once and nothing has to be made for it,
 * which is the common case. Returns what the call answers; EAGAIN if all that
 * sem_take() can do is needed.
 */
static int sem_take_now(struct sem_file *sf, u32 units)
{
	struct sem *sem = sem_of(sf);
	struct sem_undo *undo = NULL;
	int ret = -EAGAIN;
	u32 value;

	spin_lock(&sem->lock);
	if (sf->undo)
		undo = undo_find(sf, current->files);
	if (sem->gone || !list_empty(&sem->line) || sf->undo != !!undo ||
	    sem_look(sem) < units)
		goto out;
	value = sem_word(sem);
	/* User space may have taken some after the first look. */
	if (unlikely(value < units)) {
		sem_publish(sem, value);
		goto out;
	}
	ret = sem_count_down(sem, task_tgid(current)) ?
	      IPCBOOK_SEM_ORPHANED : 0;
	if (undo)
		undo->held += units;
	sem_change(sem, value - units);
	trace_sem_down(sem->object.id, units, 1, 0, ret);
out:
	spin_unlock(&sem->lock);
	return ret;
}

/* Makes ready to wait for @units of what @sf stands for. */
static int sem_want(struct sem_wait *wait, struct sem_entry *entry,
		    struct sem_file *sf, u32 units)
{
	struct sem *sem = sem_of(sf);
	struct sem_undo *undo;

	if (!units || units > sem->maximum)
		return -EINVAL;
	INIT_LIST_HEAD(&entry->node);
	entry->number = U64_MAX;
	entry->wait = wait;
	entry->sem = sem;
	entry->sf = sf;
	entry->units = units;
	if (!sf->undo)
		return 0;
	undo = undo_get(sf);
	if (IS_ERR(undo))
		return PTR_ERR(undo);
	entry->undo = undo;
	return 0;
}

static void sem_want_no_more(struct sem_entry *entry)
{
	if (entry->undo)
		undo_put(entry->sem, entry->undo);
}

/* Takes what @wait wants, now or when that is possible. */
static int sem_take(struct sem_wait *wait)
{
	u64 start = trace_sem_down_enabled() ? ktime_get_ns() : 0;
	struct sem_entry *first = wait->entries;
	int err;

	waiter_init(&wait->waiter, NULL);
	wait->pid = task_tgid(current);
	err = wait->flags & IPCBOOK_SEM_ALL ? sem_wait_all(wait) :
					      sem_wait_any(wait);
	err = sem_finish(wait, err);
	/* Of one that began before, nobody knows how long it took. */
	if (trace_sem_down_enabled() && start)
		trace_sem_down(first->sem->object.id, first->units,
			       wait->count, ktime_get_ns() - start, err);
	return err;
}

/* The same of one semaphore. */
static noinline int sem_take_one(struct sem_file *sf, struct sem_wait *wait,
				 u32 units)
{
	struct sem_entry entry = {};
	int err;

	wait->count = 1;
	wait->entries = &entry;
	err = sem_want(wait, &entry, sf, units);
	if (!err)
		err = sem_take(wait);
	sem_want_no_more(&entry);
	return err;
}

static bool sem_nowait(const struct file *filp)
{
	return filp->f_flags & O_NONBLOCK;
}

static long sem_ioctl_down(struct sem_file *sf, struct file *filp,
			   const void __user *argp)
{
	struct ipcbook_sem_down arg;
	int err;

	err = book_may(&sf->file, filp, BOOK_WRITE) ?:
	      book_copy_args(&arg, sizeof(arg), argp);
	if (err)
		return err;
	if (arg.flags & ~IPCBOOK_NOWAIT || arg.pad || !arg.units ||
	    arg.units > sem_of(sf)->maximum)
		return -EINVAL;
	err = sem_take_now(sf, arg.units);
	if (likely(err != -EAGAIN))
		return err;
	return sem_take_one(sf, &(struct sem_wait) {
		.deadline = arg.deadline,
		.flags = sem_nowait(filp) ? IPCBOOK_NOWAIT : arg.flags,
	}, arg.units);
}

/* ----------------------------------------------------------------------- up */

static int sem_give(struct sem_file *sf, u32 units, struct waiter **list)
{
	struct sem *sem = sem_of(sf);
	struct sem_undo *undo = NULL;
	u32 value;

	lockdep_assert_held(&sem->lock);
	if (sem->gone)
		return -EIDRM;
	if (sf->undo) {
		undo = undo_find(sf, current->files);
		if (!undo || undo->held < units)
			return -EPERM;
	}
	value = sem_word(sem);
	if (units > sem->maximum - value) {
		sem_publish(sem, value);
		book_refused(&sem->object, -EOVERFLOW);
		return -EOVERFLOW;
	}
	if (undo)
		undo->held -= units;
	sem->count.ups++;
	sem->given = jiffies;
	sem_note_pid(&sem->giver, task_tgid(current));
	trace_sem_up(sem->object.id, units, value + units);
	sem_serve(sem, value + units, list);
	return 0;
}

static long sem_ioctl_up(struct sem_file *sf, struct file *filp,
			 unsigned long units)
{
	struct sem *sem = sem_of(sf);
	struct waiter *list = NULL;
	int err;

	err = book_may(&sf->file, filp, BOOK_WRITE);
	if (err)
		return err;
	if (!units || units > IPCBOOK_SEM_MAX)
		return -EINVAL;
	spin_lock(&sem->lock);
	err = sem_give(sf, units, &list);
	spin_unlock(&sem->lock);
	wake_all(list);
	return err;
}

/* ------------------------------------------------- waiting for several of them */

static bool sem_wanted_already(const struct sem_wait *wait,
			       const struct sem *sem)
{
	unsigned int i;

	for (i = 0; i < wait->count; i++)
		if (wait->entries[i].sem == sem)
			return true;
	return false;
}

/* Adds one semaphore; keeps its open file in @files. */
static int sem_add_want(struct sem_wait *wait, struct file **files,
			const struct ipcbook_sem_want *want)
{
	struct sem_entry *entry = &wait->entries[wait->count];
	struct file *filp = fget(want->fd);
	struct sem_file *sf;
	int err;

	if (!filp)
		return -EBADF;
	files[wait->count] = filp;
	err = -ENOTTY;
	if (filp->f_op != &sem_fops)
		goto err_file;
	sf = to_sem_file(filp->private_data);
	err = book_may(&sf->file, filp, BOOK_WRITE);
	if (!err && sem_wanted_already(wait, sem_of(sf)))
		err = -EINVAL;
	if (!err)
		err = sem_want(wait, entry, sf, want->units);
	if (err)
		goto err_file;
	wait->count++;
	return 0;

err_file:
	fput(filp);
	return err;
}

/* What waiting for several needs, too much for the stack. */
struct sem_room {
	struct sem_entry entries[IPCBOOK_SEM_WAIT_MAX];
	struct file *files[IPCBOOK_SEM_WAIT_MAX];
	struct ipcbook_sem_want wants[IPCBOOK_SEM_WAIT_MAX];
};

static int sem_wait_several(struct sem_wait *wait, struct sem_room *room,
			    const struct ipcbook_sem_wait *arg)
{
	u32 i;
	int err;

	if (copy_from_user(room->wants, u64_to_user_ptr(arg->wants),
			   arg->count * sizeof(room->wants[0])))
		return -EFAULT;
	for (i = 0; i < arg->count; i++) {
		err = sem_add_want(wait, room->files, &room->wants[i]);
		if (err)
			break;
	}
	if (!err)
		err = sem_take(wait);
	while (wait->count) {
		wait->count--;
		sem_want_no_more(&wait->entries[wait->count]);
		fput(room->files[wait->count]);
	}
	return err;
}

static long sem_ioctl_wait(const void __user *argp)
{
	struct ipcbook_sem_wait arg;
	struct sem_wait wait = {};
	struct sem_room *room;
	int err;

	err = book_copy_args(&arg, sizeof(arg), argp);
	if (err)
		return err;
	if (arg.flags & ~(IPCBOOK_NOWAIT | IPCBOOK_SEM_ALL) || arg.pad ||
	    !arg.count || arg.count > IPCBOOK_SEM_WAIT_MAX)
		return -EINVAL;
	room = kzalloc(sizeof(*room), GFP_KERNEL_ACCOUNT);
	if (!room)
		return -ENOMEM;
	wait.deadline = arg.deadline;
	wait.flags = arg.flags;
	wait.entries = room->entries;
	err = sem_wait_several(&wait, room, &arg);
	kfree(room);
	return err;
}

/* On the device itself. */
static long sem_device(unsigned int nr, void __user *argp)
{
	if (nr != _IOC_NR(IPCBOOK_IOC_SEM_WAIT))
		return -ENOTTY;
	return sem_ioctl_wait(argp);
}

/* ------------------------------------------------------- looking and mapping */

static long sem_ioctl_value(struct sem_file *sf, struct file *filp)
{
	struct sem *sem = sem_of(sf);
	long ret;

	ret = book_may(&sf->file, filp, BOOK_READ);
	if (ret)
		return ret;
	spin_lock(&sem->lock);
	ret = sem->gone ? -EIDRM : sem_look(sem);
	spin_unlock(&sem->lock);
	return ret;
}

static long sem_ioctl_map(struct sem_file *sf, void __user *argp)
{
	struct ipcbook_sem_map arg;
	int err;

	err = book_copy_args(&arg, sizeof(arg), argp);
	if (err)
		return err;
	if (sf->undo || arg.maximum || arg.offset || arg.length)
		return -EINVAL;
	arg.size = sizeof(arg);
	arg.maximum = sem_of(sf)->maximum;
	arg.length = PAGE_SIZE;
	return copy_to_user(argp, &arg, sizeof(arg)) ? -EFAULT : 0;
}

static vm_fault_t sem_fault(struct vm_fault *vmf)
{
	struct sem *sem = vmf->vma->vm_private_data;

	get_page(sem->page);
	vmf->page = sem->page;
	return 0;
}

static const struct vm_operations_struct sem_vm_ops = {
	.fault = sem_fault,
};

static int sem_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct sem_file *sf = to_sem_file(filp->private_data);

	/* Of a shared mapping that is only read, VM_SHARED has been cleared. */
	if (sf->undo || !(vma->vm_flags & VM_MAYSHARE) || vma->vm_pgoff ||
	    vma->vm_end - vma->vm_start != PAGE_SIZE)
		return -EINVAL;
	if (!(sf->file.access & BOOK_WRITE)) {
		if (vma->vm_flags & VM_WRITE)
			return -EACCES;
		vm_flags_clear(vma, VM_MAYWRITE);
	}
	/* A forked child may have it: what is taken this way belongs to nobody. */
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = sem_of(sf);
	vma->vm_ops = &sem_vm_ops;
	return 0;
}

static __poll_t sem_poll(struct file *filp, struct poll_table_struct *pt)
{
	struct sem *sem = sem_of(to_sem_file(filp->private_data));
	__poll_t events;
	u32 value;

	poll_wait(filp, &sem->pollers, pt);
	spin_lock(&sem->lock);
	value = sem_word(sem);
	events = sem_events(sem, value);
	sem_publish(sem, value);
	spin_unlock(&sem->lock);
	return events;
}

static long sem_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct sem_file *sf = to_sem_file(filp->private_data);
	void __user *argp = (void __user *)arg;

	if (_IOC_TYPE(cmd) != IPCBOOK_IOC_MAGIC)
		return -ENOTTY;
	switch (_IOC_NR(cmd)) {
	case _IOC_NR(IPCBOOK_IOC_SEM_DOWN):
		return sem_ioctl_down(sf, filp, argp);
	case _IOC_NR(IPCBOOK_IOC_SEM_UP):
		return sem_ioctl_up(sf, filp, arg);
	case _IOC_NR(IPCBOOK_IOC_SEM_VALUE):
		return sem_ioctl_value(sf, filp);
	case _IOC_NR(IPCBOOK_IOC_SEM_MAP):
		return sem_ioctl_map(sf, argp);
	case _IOC_NR(IPCBOOK_IOC_SEM_WAIT):
		return sem_ioctl_wait(argp);
	default:
		return book_ioctl(&sf->file, _IOC_NR(cmd), argp);
	}
}

static void sem_show_fdinfo(struct seq_file *seq, struct file *filp)
{
	struct sem_file *sf = to_sem_file(filp->private_data);
	struct sem *sem = sem_of(sf);
	struct rb_node *node;
	u64 waiting, held = 0;
	u32 value;

	spin_lock(&sem->lock);
	value = sem_look(sem);
	waiting = sem->count.waiting;
	for (node = rb_first(&sf->undos); node; node = rb_next(node))
		held += rb_entry(node, struct sem_undo, node)->held;
	spin_unlock(&sem->lock);

	book_show_fdinfo(seq, &sem->object);
	seq_printf(seq, "value:\t%u\nmaximum:\t%u\nwaiting:\t%llu\n", value,
		   sem->maximum, waiting);
	if (sf->undo)
		seq_printf(seq, "held:\t%llu\n", held);
}

/* ------------------------------------------------------- the chapter's table */

static int sem_check(const struct ipcbook_open *arg)
{
	const struct ipcbook_sem_limits *limits = &arg->sem;
	u32 maximum = limits->maximum ?: IPCBOOK_SEM_MAX;

	if (limits->flags & ~IPCBOOK_SEM_UNDO || limits->pad)
		return -EINVAL;
	if (!(arg->flags & (IPCBOOK_OPEN_CREATE | IPCBOOK_OPEN_ANON)))
		return 0;
	return maximum > IPCBOOK_SEM_MAX || limits->value > maximum ?
	       -EINVAL : 0;
}

static struct book_object *sem_create(const struct ipcbook_open *arg)
{
	struct sem *sem = kzalloc(sizeof(*sem), GFP_KERNEL_ACCOUNT);

	if (!sem)
		return ERR_PTR(-ENOMEM);
	sem->page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!sem->page) {
		kfree(sem);
		return ERR_PTR(-ENOMEM);
	}
	sem->word = page_address(sem->page);
	atomic_set(sem->word, arg->sem.value);
	sem->maximum = arg->sem.maximum ?: IPCBOOK_SEM_MAX;
	init_waitqueue_head(&sem->pollers);
	spin_lock_init(&sem->lock);
	INIT_LIST_HEAD(&sem->line);
	INIT_LIST_HEAD(&sem->aside);
	sem->object.capacity = sizeof(*sem) + PAGE_SIZE;
	return &sem->object;
}

static void sem_destroy(struct book_object *object)
{
	struct sem *sem = to_sem(object);

	put_pid(sem->giver);
	put_pid(sem->taker);
	__free_page(sem->page);
	kfree(sem);
}

static void sem_end(struct book_object *object)
{
	struct sem *sem = to_sem(object);
	struct waiter *list = NULL;
	struct sem_entry *entry;

	spin_lock(&sem->lock);
	sem->gone = true;
	while ((entry = sem_first(sem))) {
		sem_go(entry);
		if (sem_claim(entry->wait, -EIDRM))
			wait_end(&entry->wait->waiter, &list);
	}
	list_for_each_entry(entry, &sem->aside, node)
		sem_hint(entry);
	sem_change(sem, sem_word(sem));
	spin_unlock(&sem->lock);
	wake_all(list);
}

static int sem_open(struct book_file *file, const struct ipcbook_open *arg)
{
	struct sem_file *sf = to_sem_file(file);

	sf->undo = arg->sem.flags & IPCBOOK_SEM_UNDO;
	sf->undos = RB_ROOT;
	return 0;
}

static void sem_stat(struct book_object *object, struct ipcbook_stat *stat)
{
	struct sem *sem = to_sem(object);
	struct book_clock clock;

	stat->max_depth = sem->maximum;
	stat->memory = sizeof(*sem) + PAGE_SIZE;
	spin_lock(&sem->lock);
	stat->depth = sem_look(sem);
	stat->sender = pid_vnr(sem->giver);
	stat->receiver = pid_vnr(sem->taker);
	clock = book_clock();
	if (sem->giver)
		stat->sent_ns = book_when(&clock, sem->given);
	if (sem->taker)
		stat->received_ns = book_when(&clock, sem->taken);
	stat->receivers_waiting = sem->count.waiting;
	stat->sent = sem->count.ups;
	stat->received = sem->count.downs;
	stat->direct = sem->count.direct;
	stat->blocked = sem->count.blocked;
	stat->refused = sem->count.refused;
	stat->returned = sem->count.returned;
	spin_unlock(&sem->lock);
}

static const struct file_operations sem_fops = {
	.owner = THIS_MODULE,
	.flush = undo_flush,
	.release = book_release,
	.mmap = sem_mmap,
	.poll = sem_poll,
	.unlocked_ioctl = sem_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.show_fdinfo = sem_show_fdinfo,
};

const struct book_chapter sem_chapter = {
	.id = IPCBOOK_SEM,
	.name = "sem",
	.fops = &sem_fops,
	.limits_size = sizeof(struct ipcbook_sem_limits),
	.file_size = sizeof(struct sem_file),
	.check = sem_check,
	.create = sem_create,
	.destroy = sem_destroy,
	.end = sem_end,
	.open = sem_open,
	.close = undo_end,
	.stat = sem_stat,
	.device = sem_device,
	.raises_once = true,
};
