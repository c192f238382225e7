/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A semaphore, and what processes took through an open file of it. See sem.c for
 * the one, undo.c for the other.
 */
#ifndef _IPCBOOK_SEM_H
#define _IPCBOOK_SEM_H

#include <linux/fs.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "book.h"

struct waiter;

/**
 * struct sem - a semaphore
 * @object: what all chapters have
 * @maximum: most units
 * @page: what user space maps
 * @word: the word in it
 * @pollers: polled by those who wait for a unit, or for room
 * @lock: protects what follows
 * @gone: unlinked, or its namespace has ended
 * @orphaned: units of a process that ended came back, and nobody was told yet
 * @number: the last one given to somebody who arrived
 * @line: those who wait for this one or any of several
 * @aside: those who wait for all of several
 * @giver: process that came last to give, NULL if none
 * @taker: process that took last, NULL if none
 * @given: when, in jiffies
 * @taken: when, in jiffies
 * @count: counters for IPCBOOK_IOC_STAT: ups, downs, downs that a giver served,
 *	that waited, that failed; units that came back
 */
struct sem {
	struct book_object object;
	u32 maximum;
	struct page *page;
	atomic_t *word;
	wait_queue_head_t pollers;

	spinlock_t lock ____cacheline_aligned_in_smp;
	bool gone;
	bool orphaned;
	u64 number;
	struct list_head line;
	struct list_head aside;
	struct pid *giver;
	struct pid *taker;
	unsigned long given;
	unsigned long taken;
	struct {
		u64 waiting;
		u64 ups;
		u64 downs;
		u64 direct;
		u64 blocked;
		u64 refused;
		u64 returned;
	} count;
};

/**
 * struct sem_undo - what one process took through one open file
 * @node: in sem_file.undos
 * @owner: the process's table of descriptors
 * @held: units that it has not given back
 * @users: calls of it that are on their way
 * @closed: the process has closed; the last call frees this
 */
struct sem_undo {
	struct rb_node node;
	fl_owner_t owner;
	u64 held;
	unsigned int users;
	bool closed;
};

/**
 * struct sem_file - what a descriptor keeps of a semaphore
 * @file: what all chapters have
 * @undo: opened with IPCBOOK_SEM_UNDO
 * @undos: the undo records, by owner
 */
struct sem_file {
	struct book_file file;
	bool undo;
	struct rb_root undos;
};

static inline struct sem *to_sem(struct book_object *object)
{
	return container_of(object, struct sem, object);
}

static inline struct sem_file *to_sem_file(struct book_file *file)
{
	return container_of(file, struct sem_file, file);
}

static inline struct sem *sem_of(const struct sem_file *sf)
{
	return to_sem(sf->file.object);
}

static inline int undo_cmp(const void *owner, const struct rb_node *node)
{
	fl_owner_t other = rb_entry(node, struct sem_undo, node)->owner;

	return owner < other ? -1 : owner > other;
}

/**
 * undo_find() - what a process took through an open file
 * @sf: the open file, its semaphore locked
 * @owner: the process's table of descriptors
 *
 * Return: its record, NULL if there is none.
 */
static inline struct sem_undo *undo_find(struct sem_file *sf,
					 fl_owner_t owner)
{
	struct rb_node *node;

	lockdep_assert_held(&sem_of(sf)->lock);
	node = rb_find(owner, &sf->undos, undo_cmp);
	return node ? rb_entry(node, struct sem_undo, node) : NULL;
}

/* sem.c */
u32 sem_word_plus(struct sem *sem, u64 units);
void sem_serve(struct sem *sem, u32 value, struct waiter **list);

/* undo.c */
struct sem_undo *undo_get(struct sem_file *sf);
void undo_put(struct sem *sem, struct sem_undo *undo);
int undo_flush(struct file *filp, fl_owner_t owner);
void undo_end(struct book_file *file);

#endif /* _IPCBOOK_SEM_H */
