/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pipe, and the two ends of it. See pipe.c.
 */
#ifndef _IPCBOOK_PIPE_H
#define _IPCBOOK_PIPE_H

#include <linux/limits.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "book.h"
#include "pages.h"

/**
 * struct pipe_store - where a pipe's bytes lie
 * @pages: the pages
 * @data: the same in one piece
 * @size: bytes, a power of two
 */
struct pipe_store {
	struct pages pages;
	u8 *data;
	unsigned long size;
};

/**
 * struct pipe_side - what those who copy on one side have to themselves
 * @lock: held while one of them copies; protects the rest
 * @pos: how far they have come; read by the other side
 * @seen: how far the other side had come when they last looked
 * @calls: how many of them moved bytes
 * @when: the last time, in jiffies
 * @pid: the last process, NULL if there was none
 */
struct pipe_side {
	struct mutex lock;	/* protects the rest */
	unsigned long pos;
	unsigned long seen;
	u64 calls;
	unsigned long when;
	struct pid *pid;
} ____cacheline_aligned_in_smp;

/**
 * struct pipe_end - who has one end open, and who waits there
 * @count: descriptors
 * @opened: how often it was opened, and one
 * @waiting: calls that wait
 * @look: how many ns the next of them looks before it sleeps; see wait.c
 * @wait: where they, and those who poll, are woken
 * @fasync: who wants SIGIO
 */
struct pipe_end {
	unsigned int count;
	unsigned long opened;
	atomic_t waiting;
	u32 look;
	wait_queue_head_t wait;
	struct fasync_struct *fasync;
};

/**
 * struct pipe - a pipe
 * @object: what all chapters have
 * @resizing: held by who changes the capacity
 * @lock: held while an end is opened or closed
 * @gone: it has no name any more
 * @openers: those who wait for the other end
 * @discarded: bytes that went with the last end
 * @blocked: writes that waited for room
 * @refused: writes that did not want to
 * @store: where the bytes lie
 * @readers: the end that reads
 * @writers: the end that writes
 * @w: what writers have to themselves
 * @r: what readers have to themselves
 */
struct pipe {
	struct book_object object;
	struct mutex resizing;	/* protects the capacity */
	spinlock_t lock;	/* protects how often an end is open, and @gone */
	bool gone;
	wait_queue_head_t openers;
	unsigned long discarded;
	atomic_long_t blocked;
	atomic_long_t refused;

	/* Read by all, seldom written. */
	struct pipe_store store ____cacheline_aligned_in_smp;
	struct pipe_end readers;
	struct pipe_end writers;

	struct pipe_side w;
	struct pipe_side r;
};

/**
 * struct pipe_file - what a descriptor keeps of a pipe
 * @file: what all chapters have; access is what ends it is
 * @alone: opened to read without waiting while there was no writer: what
 *	writers.opened then was; else 0
 */
struct pipe_file {
	struct book_file file;
	unsigned long alone;
};

static inline struct pipe *to_pipe(struct book_object *object)
{
	return container_of(object, struct pipe, object);
}

static inline struct pipe_file *to_pipe_file(struct book_file *file)
{
	return container_of(file, struct pipe_file, file);
}

/*
 * How many bytes there are. The readers' position is looked at first: the answer
 * may be too much while others read, but is never below 0.
 */
static inline unsigned long pipe_used(const struct pipe *pipe)
{
	/* Pairs with the release stores in pipe_publish_out() and ends_discard(). */
	unsigned long taken = smp_load_acquire(&pipe->r.pos);

	return READ_ONCE(pipe->w.pos) - taken;
}

/* The same as others are told it, who know that no more fits. */
static inline unsigned long pipe_shown(const struct pipe *pipe)
{
	return min(pipe_used(pipe), READ_ONCE(pipe->store.size));
}

static inline bool pipe_has_room(const struct pipe *pipe)
{
	return pipe_used(pipe) + PIPE_BUF <= READ_ONCE(pipe->store.size);
}

/* ends.c */
void ends_init(struct pipe *pipe);
int ends_open(struct book_file *file, const struct ipcbook_open *arg);
void ends_close(struct book_file *file);
void ends_unlinked(struct book_object *object);

#endif /* _IPCBOOK_PIPE_H */
