// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two ends of a pipe: who has them open, and who waits for the other one.
 *
 * Each end counts its descriptors, and how often it was opened: who waits for the
 * other end waits for that number to change, so that one which was opened and
 * closed again meanwhile was there all the same.
 *
 * Locks: pipe.lock protects the counts, which readers and writers look at
 * without it; inside of it is that of those who are told (book_notify()). See
 * pipe.c.
 */
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/freezer.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>

#include "book.h"
#include "compat.h"
#include "pipe.h"
#include "trace.h"

static void end_init(struct pipe_end *end)
{
	end->opened = 1;
	init_waitqueue_head(&end->wait);
}

/**
 * ends_init() - of a new pipe, nobody has an end open
 * @pipe: it
 */
void ends_init(struct pipe *pipe)
{
	spin_lock_init(&pipe->lock);
	init_waitqueue_head(&pipe->openers);
	end_init(&pipe->readers);
	end_init(&pipe->writers);
}

/*
 * What nobody can read any more goes. Nobody reads or writes meanwhile. But who
 * asked to be told of room need not have an end open any more; he is told of it if
 * somebody can open one, and before that one does.
 */
static void ends_discard(struct pipe *pipe)
{
	bool had_room = pipe_has_room(pipe);

	lockdep_assert_held(&pipe->lock);
	pipe->discarded += pipe->w.pos - pipe->r.pos;
	pipe->w.seen = pipe->w.pos;
	pipe->r.seen = pipe->w.pos;
	/* Pairs with the acquire load in pipe_used(): somebody may look. */
	smp_store_release(&pipe->r.pos, pipe->w.pos);
	if (!had_room && pipe->object.key.name[0] && !READ_ONCE(pipe->gone))
		book_ready(&pipe->object, EPOLLOUT);
}

static void ends_enter(struct pipe *pipe, unsigned int access)
{
	lockdep_assert_held(&pipe->lock);
	if (access & BOOK_READ) {
		WRITE_ONCE(pipe->readers.count, pipe->readers.count + 1);
		WRITE_ONCE(pipe->readers.opened, pipe->readers.opened + 1);
	}
	if (access & BOOK_WRITE) {
		WRITE_ONCE(pipe->writers.count, pipe->writers.count + 1);
		WRITE_ONCE(pipe->writers.opened, pipe->writers.opened + 1);
	}
	trace_pipe_open(pipe->object.id, pipe->readers.count,
			pipe->writers.count);
}

static void ends_leave(struct pipe *pipe, unsigned int access)
{
	bool half;

	spin_lock(&pipe->lock);
	if (access & BOOK_READ)
		WRITE_ONCE(pipe->readers.count, pipe->readers.count - 1);
	if (access & BOOK_WRITE) {
		/* Pairs with the acquire load in pipe_read_end(). */
		smp_store_release(&pipe->writers.count,
				  pipe->writers.count - 1);
	}
	half = !pipe->readers.count != !pipe->writers.count;
	if (!pipe->readers.count && !pipe->writers.count)
		ends_discard(pipe);
	trace_pipe_close(pipe->object.id, pipe->readers.count,
			 pipe->writers.count);
	spin_unlock(&pipe->lock);
	if (!half)
		return;
	/* Those who wait for the other end have waited long enough. */
	wake_up_interruptible_all(&pipe->readers.wait);
	wake_up_interruptible_all(&pipe->writers.wait);
	kill_fasync(&pipe->readers.fasync, SIGIO, POLL_IN);
	kill_fasync(&pipe->writers.fasync, SIGIO, POLL_OUT);
}

/* Waits until @other is opened, which had been @met times. */
static int ends_wait(struct pipe *pipe, struct pipe_end *end,
		     struct pipe_end *other, unsigned long met)
{
	int err;

	atomic_inc(&end->waiting);
	err = wait_event_freezable(pipe->openers,
				   READ_ONCE(other->opened) != met ||
				   READ_ONCE(pipe->gone));
	atomic_dec(&end->waiting);
	if (!err && READ_ONCE(other->opened) == met)
		err = -EIDRM;
	return err;
}

/**
 * ends_open() - a descriptor opens an end, or both
 * @file: what it keeps of the pipe; its access says which
 * @arg: how
 *
 * Waits for the other end, as fifo(7) has it, unless that is open or must not be
 * waited for.
 *
 * Return: 0; ENXIO for a writer that does not wait for a reader, ERESTARTSYS for
 * a signal, EIDRM if the name went meanwhile.
 */
int ends_open(struct book_file *file, const struct ipcbook_open *arg)
{
	bool nowait = arg->flags & IPCBOOK_OPEN_NONBLOCK;
	struct pipe *pipe = to_pipe(file->object);
	struct pipe_end *end, *other;
	bool alone = false;
	unsigned long met;
	int err;

	if (arg->pipe.flags & IPCBOOK_PIPE_LOOK) {
		file->access = 0;
		return 0;
	}
	end = file->access & BOOK_READ ? &pipe->readers : &pipe->writers;
	other = end == &pipe->readers ? &pipe->writers : &pipe->readers;

	spin_lock(&pipe->lock);
	/* Both ends at once, or one after the other without a name, find each other. */
	if (file->access != (BOOK_READ | BOOK_WRITE) &&
	    !(arg->flags & IPCBOOK_OPEN_ANON))
		alone = !other->count;
	if (alone && nowait && end == &pipe->writers) {
		spin_unlock(&pipe->lock);
		return -ENXIO;
	}
	met = other->opened;
	ends_enter(pipe, file->access);
	spin_unlock(&pipe->lock);
	wake_up_interruptible_all(&pipe->openers);
	if (!alone)
		return 0;
	if (nowait) {
		to_pipe_file(file)->alone = met;
		return 0;
	}
	err = ends_wait(pipe, end, other, met);
	if (err)
		ends_leave(pipe, file->access);
	return err;
}

/**
 * ends_close() - a descriptor closes what it had open
 * @file: what it keeps of the pipe
 */
void ends_close(struct book_file *file)
{
	if (file->access)
		ends_leave(to_pipe(file->object), file->access);
}

/**
 * ends_unlinked() - the name is gone: nobody will find it who is waited for
 * @object: the pipe
 */
void ends_unlinked(struct book_object *object)
{
	struct pipe *pipe = to_pipe(object);

	WRITE_ONCE(pipe->gone, true);
	wake_up_interruptible_all(&pipe->openers);
}
