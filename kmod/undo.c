// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a process took through an open file of a semaphore with undo, and how it
 * comes back.
 *
 * It stands in a struct sem_undo of that file, found by the owner that ->flush is
 * told of when the process closes a descriptor, or ends. A call that is still on
 * its way then keeps the record; if it gets its units after that, it gives them
 * back at once. One that makes its record only then finds the file closed, and
 * takes nothing: nobody would tell of that process again.
 *
 * Locks: sem.lock protects the records of all of a semaphore's files. See sem.c.
 */
#include <linux/err.h>
#include <linux/fdtable.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "book.h"
#include "sem.h"
#include "trace.h"
#include "wait.h"

static int undo_cmp_node(struct rb_node *new, const struct rb_node *node)
{
	return undo_cmp(rb_entry(new, struct sem_undo, node)->owner, node);
}

/**
 * undo_put() - a call ends
 * @sem: the semaphore
 * @undo: what undo_get() gave it
 */
void undo_put(struct sem *sem, struct sem_undo *undo)
{
	bool last;

	spin_lock(&sem->lock);
	last = !--undo->users && undo->closed;
	spin_unlock(&sem->lock);
	if (last)
		kfree(undo);
}

/*
 * The process of @undo ends, or has closed: all that it held comes back. Returns
 * the record if nobody needs it any more.
 */
static struct sem_undo *undo_close(struct sem_file *sf, struct sem_undo *undo,
				   struct waiter **list)
{
	struct sem *sem = sem_of(sf);
	u64 held = undo->held;

	lockdep_assert_held(&sem->lock);
	rb_erase(&undo->node, &sf->undos);
	undo->held = 0;
	undo->closed = true;
	if (held) {
		trace_sem_return(sem->object.id, held);
		sem->orphaned = true;
		sem->count.returned += held;
		sem_serve(sem, sem_word_plus(sem, held), list);
	}
	return undo->users ? NULL : undo;
}

/* As undo_flush(), of an open file's @owner. */
static void undo_release(struct sem_file *sf, fl_owner_t owner)
{
	struct sem *sem = sem_of(sf);
	struct waiter *list = NULL;
	struct sem_undo *undo;

	spin_lock(&sem->lock);
	undo = undo_find(sf, owner);
	if (undo)
		undo = undo_close(sf, undo, &list);
	spin_unlock(&sem->lock);
	wake_all(list);
	kfree(undo);
}

static int undo_same(const void *file, struct file *filp, unsigned int fd)
{
	return filp->private_data == file;
}

/*
 * Whether the caller's process has an open file no more, of which a call of it is
 * on its way. A descriptor goes first and then undo_flush() is told: so one of
 * which this is not seen, after a record was made, has its flush before it.
 */
static bool undo_closed(const struct sem_file *sf)
{
	return !iterate_fd(current->files, 0, undo_same, &sf->file);
}

/**
 * undo_get() - the caller's record, for a call that begins
 * @sf: the open file
 *
 * It is made where there is none, and stays until undo_put().
 *
 * Return: the record; as an error pointer ENOMEM if there is no memory for it,
 * EBADF if another thread has closed the file meanwhile.
 */
struct sem_undo *undo_get(struct sem_file *sf)
{
	struct sem *sem = sem_of(sf);
	struct sem_undo *undo, *fresh = NULL;
	bool made = false;

	spin_lock(&sem->lock);
	undo = undo_find(sf, current->files);
	if (unlikely(!undo)) {
		spin_unlock(&sem->lock);
		fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
		if (!fresh)
			return ERR_PTR(-ENOMEM);
		fresh->owner = current->files;
		spin_lock(&sem->lock);
		/* Another thread of the process may have been faster. */
		undo = undo_find(sf, current->files);
	}
	if (!undo) {
		rb_find_add(&fresh->node, &sf->undos, undo_cmp_node);
		undo = fresh;
		fresh = NULL;
		made = true;
	}
	undo->users++;
	spin_unlock(&sem->lock);
	kfree(fresh);
	if (unlikely(made && undo_closed(sf))) {
		/* What other threads took by it meanwhile comes back. */
		undo_release(sf, current->files);
		undo_put(sem, undo);
		return ERR_PTR(-EBADF);
	}
	return undo;
}

/**
 * undo_flush() - a process closes a descriptor, or ends
 * @filp: the open file
 * @owner: the process's table of descriptors
 *
 * Return: 0.
 */
int undo_flush(struct file *filp, fl_owner_t owner)
{
	struct sem_file *sf = to_sem_file(filp->private_data);

	if (sf->undo)
		undo_release(sf, owner);
	return 0;
}

/**
 * undo_end() - an open file is about to end
 * @file: it
 *
 * What is left is of processes that closed while a call of theirs was under way.
 */
void undo_end(struct book_file *file)
{
	struct sem_file *sf = to_sem_file(file);
	struct sem *sem = sem_of(sf);
	struct waiter *list = NULL;
	struct rb_node *node;

	if (!sf->undo)
		return;
	spin_lock(&sem->lock);
	while ((node = rb_first(&sf->undos)))
		kfree(undo_close(sf, rb_entry(node, struct sem_undo, node),
				 &list));
	spin_unlock(&sem->lock);
	wake_all(list);
}
