// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pipe, with and without a name.
 *
 * Bytes lie in a row of pages that are mapped in one piece, a power of two of
 * them. Two positions only grow, and are masked on use: that of the writers, up
 * to which there are bytes, and that of the readers, up to which these have been
 * taken. Writers exclude each other by one mutex, readers by another; a writer
 * and a reader share none. Each side publishes its position when it has copied,
 * and remembers what it last saw of the other's, so that it looks there only
 * when that does not suffice.
 *
 * A copy under a side's mutex must not wait for a page of the user's: a page
 * that a user process serves could keep all others of that side out. So copies
 * are made with page faults off. One that meets a page which is not there leaves
 * the mutex, brings the page in and tries again (pipe_fault_in()). Nothing was
 * published before the copy was complete, so nobody sees half of an atomic
 * write, and what a reader could not take stays in the pipe.
 *
 * Who finds nothing to do looks for a while whether that changes, where waits have
 * been short (wait.c), and then sleeps on the wait queue of its end. A wake-up goes to
 * one sleeper; one that was woken and leaves something to do wakes the next, when it
 * is done or before it waits for a page. A writer that found no room sleeps until
 * PIPE_BUF bytes are free, which is also what makes the pipe writable to poll.
 *
 * An end is open as often as descriptors say. The last one that closes leaves
 * the pipe empty; of a pipe with a name, the memory and the name stay. See
 * ends.c.
 *
 * Locks, in this order: pipe.resizing; book_mutex; pipe.w.lock; pipe.r.lock.
 * w.lock protects pipe.w, r.lock protects pipe.r, both together what they read:
 * pipe.store. pipe.lock, inside of them all, protects how often each end is open
 * and, while neither is, both positions.
 *
 * Barriers: the release store of a position pairs with the acquire load of it by
 * the other side: bytes are there before they are seen to be, and have been
 * copied before their room is used again. The full barrier in pipe_wake_readers()
 * and pipe_wake_writers(), between that store and the look at the wait queue,
 * pairs with set_current_state() in pipe_sleep() and with the barrier in
 * pipe_poll(), between entering the wait queue and the look at the positions: of
 * both at least one sees what the other wrote.
 */
#include <linux/fcntl.h>
#include <linux/freezer.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/poll.h>
#include <linux/sched/clock.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/splice.h>
#include <linux/uio.h>
#include <linux/vmalloc.h>

#include <asm/ioctls.h>

#include "book.h"
#include "compat.h"
#include "pages.h"
#include "pipe.h"
#include "trace.h"
#include "wait.h"

static unsigned long pipe_max_bytes = 1UL << 20;
module_param(pipe_max_bytes, ulong, 0644);
MODULE_PARM_DESC(pipe_max_bytes, "Most bytes that one pipe may hold");

#define PIPE_CAPACITY	65536ULL

/* What even CAP_SYS_RESOURCE does not exceed: ioctls tell it as an int. */
#define PIPE_MOST	BIT_ULL(30)

/* A longer copy is published piece by piece, so that both sides copy at once. */
#define PIPE_PIECE	16384UL

/* Up to here eight bytes at a time are faster than what checks a whole range. */
#define PIPE_SHORT	2048UL

/**
 * struct pipe_move - a call that moves bytes
 * @len: how many are still to go
 * @most: how many, at least one, can be copied without a fault, if it is known
 * @faulted: the last copy met a page that was not there
 * @begun: some have gone
 * @buf: where they come from or go to, or
 * @iter: where
 */
struct pipe_move {
	size_t len;
	size_t most;
	bool faulted;
	bool begun;
	char __user *buf;
	struct iov_iter *iter;
};

/* Flags of a call that moves bytes. */
#define PIPE_NOWAIT	0x1
#define PIPE_NOSIGNAL	0x2

static struct pipe *file_pipe(const struct file *filp)
{
	const struct book_file *file = filp->private_data;

	return to_pipe(file->object);
}

/* --------------------------------------------------------------- what there is */

/* Whether somebody who waits to read has something to do. */
static bool pipe_readable(const struct pipe *pipe)
{
	return pipe_used(pipe) || !READ_ONCE(pipe->writers.count);
}

/* Whether somebody who waits to write has something to do. */
static bool pipe_writable(const struct pipe *pipe)
{
	return pipe_has_room(pipe) || !READ_ONCE(pipe->readers.count);
}

/* ---------------------------------------------------------- sleeping and waking */

static __always_inline void pipe_wake_readers(struct pipe *pipe)
{
	struct pipe_end *end = &pipe->readers;

	/* Pairs with those in pipe_sleep() and pipe_poll(). */
	smp_mb();
	/* After the barrier. */
	if (waitqueue_active(&end->wait))
		wake_up_interruptible_sync_poll(&end->wait,
						EPOLLIN | EPOLLRDNORM);
	if (unlikely(READ_ONCE(end->fasync)))
		kill_fasync(&end->fasync, SIGIO, POLL_IN);
}

static __always_inline void pipe_wake_writers(struct pipe *pipe)
{
	struct pipe_end *end = &pipe->writers;

	/* Pairs with those in pipe_sleep() and pipe_poll(). */
	smp_mb();
	/* After the barrier. */
	if (waitqueue_active(&end->wait) && pipe_has_room(pipe))
		wake_up_interruptible_sync_poll(&end->wait,
						EPOLLOUT | EPOLLWRNORM);
	if (unlikely(READ_ONCE(end->fasync)))
		kill_fasync(&end->fasync, SIGIO, POLL_OUT);
}

/* Whether somebody who waits at @end has something to do. */
static bool pipe_ready(const struct pipe *pipe, const struct pipe_end *end)
{
	return end == &pipe->writers ? pipe_writable(pipe) :
	       pipe_readable(pipe);
}

/*
 * Who was woken took the only wake-up with it, see pipe_sleep(). The next one is
 * woken by it if there is something left to do, and cares for those behind.
 */
static void pipe_wake_next_reader(struct pipe *pipe)
{
	if (pipe_used(pipe))
		wake_up_interruptible_sync_poll(&pipe->readers.wait,
						EPOLLIN | EPOLLRDNORM);
}

static void pipe_wake_next_writer(struct pipe *pipe)
{
	if (pipe_has_room(pipe))
		wake_up_interruptible_sync_poll(&pipe->writers.wait,
						EPOLLOUT | EPOLLWRNORM);
}

static int pipe_sleep(struct pipe *pipe, struct pipe_end *end)
{
	u64 start = local_clock();
	struct wait_queue_entry wait;
	u32 look;
	int err;

	for (look = READ_ONCE(end->look); look;) {
		if (pipe_ready(pipe, end))
			return 0;
		if (!wait_looking(start + look))
			break;
	}
	init_wait_entry(&wait, WQ_FLAG_EXCLUSIVE);
	for (;;) {
		err = prepare_to_wait_event(&end->wait, &wait,
					    TASK_INTERRUPTIBLE | TASK_FREEZABLE);
		/* Who was woken takes what it was woken for, signal or not. */
		if (pipe_ready(pipe, end)) {
			err = 0;
			break;
		}
		if (err)
			break;
		schedule();
	}
	finish_wait(&end->wait, &wait);
	wait_learn(&end->look, start);
	return err;
}

/*
 * Waits until there is something to do at @end. Returns 0, or ERESTARTSYS for a
 * signal.
 */
static int pipe_wait(struct pipe *pipe, struct pipe_end *end)
{
	u64 start = trace_pipe_wait_enabled() ? ktime_get_ns() : 0;
	int err;

	atomic_inc(&end->waiting);
	err = pipe_sleep(pipe, end);
	atomic_dec(&end->waiting);
	/* Of a wait that began before, nobody knows how long it was. */
	if (trace_pipe_wait_enabled() && start)
		trace_pipe_wait(pipe->object.id, end == &pipe->writers,
				ktime_get_ns() - start, err);
	return err;
}

/*
 * Objects tell when they become ready (book_notify()). What happened is judged by
 * positions, and not by what the pipe holds, which others may have changed: of
 * many writers, exactly those tell before whose bytes there was nothing; of many
 * readers, one that passed the place from which on there is room. Called
 * after the barrier in pipe_wake_readers() or pipe_wake_writers(), so that either
 * the other side's position is seen, or it sees ours.
 */

/* Writers came from @pos further on. */
static noinline void pipe_tell_readers(struct pipe *pipe, unsigned long pos)
{
	if ((long)(READ_ONCE(pipe->r.pos) - pos) >= 0)
		book_notify(&pipe->object, EPOLLIN);
}

/* Whether there is room for PIPE_BUF bytes between these positions. */
static bool room_between(unsigned long w, unsigned long r, unsigned long size)
{
	return (long)(w - r + PIPE_BUF - size) <= 0;
}

/*
 * Readers came from @pos further, in a pipe of @size bytes. Others may have come
 * further still, and have made writers come further, before this is judged: who
 * only compared where itself was before and after would find that there was no
 * room at either, while those others, who looked before the writers came, find
 * that there was room before them. So the question is whether there is room now.
 * Two may tell of the same room, but one always does.
 */
static noinline void pipe_tell_writers(struct pipe *pipe, unsigned long pos,
				       unsigned long size)
{
	unsigned long w = READ_ONCE(pipe->w.pos);

	if (room_between(w, pos, size))
		return;
	/*
	 * Pairs with that in pipe_wake_writers() of another reader: if this one
	 * does not see where that has come to, that one sees this @w.
	 */
	smp_mb();
	if (room_between(w, READ_ONCE(pipe->r.pos),
			 READ_ONCE(pipe->store.size)))
		book_notify(&pipe->object, EPOLLOUT);
}

/* -------------------------------------------------------------------- copying */

/* These copy without waiting for a page. They return how much was copied. */

static __always_inline size_t move_in(void *to, struct pipe_move *move,
				      size_t len)
{
	size_t left;

	if (move->iter)
		return copy_from_iter(to, len, move->iter);
	if (len <= PIPE_SHORT)
		left = book_copy_in(to, move->buf, len) ? len : 0;
	else
		left = copy_from_user(to, move->buf, len);
	move->buf += len - left;
	return len - left;
}

static __always_inline size_t move_out(const void *from, struct pipe_move *move,
				       size_t len)
{
	size_t left;

	if (move->iter)
		return copy_to_iter(from, len, move->iter);
	if (len <= PIPE_SHORT)
		left = book_copy_out(move->buf, from, len) ? len : 0;
	else
		left = copy_to_user(move->buf, from, len);
	move->buf += len - left;
	return len - left;
}

/* As if the last @len bytes had not been copied. */
static void move_back(struct pipe_move *move, size_t len)
{
	if (move->iter)
		iov_iter_revert(move->iter, len);
	else
		move->buf -= len;
}

/* Whether a page may be missing; of the kernel's own memory none is. */
static bool move_is_of_user(const struct pipe_move *move)
{
	return !move->iter || user_backed_iter(move->iter);
}

/* How much of @len bytes at @pos is copied in one go. */
static __always_inline size_t pipe_piece(const struct pipe_store *store,
					 const struct pipe_move *move,
					 unsigned long pos, size_t len)
{
	size_t ahead = store->size - (pos & (store->size - 1));

	return min(min(len, ahead), min(move->most, PIPE_PIECE));
}

/* A call on this side has moved @len bytes. */
static __always_inline void pipe_count(struct pipe_side *side,
				       struct pipe_move *move, size_t len)
{
	struct pid *pid = task_tgid(current);

	lockdep_assert_held(&side->lock);
	side->calls += !move->begun;
	side->when = jiffies;
	if (unlikely(side->pid != pid)) {
		put_pid(side->pid);
		side->pid = get_pid(pid);
	}
	move->begun = true;
	move->len -= len;
	move->most = SIZE_MAX;
}

/*
 * Brings in what the next copy needs, which has failed @tries times since something
 * was copied. Called without any lock, for it may wait as long as the user's memory
 * wants. Returns 0 if there is something to copy, of @whole that all of it is there;
 * else EFAULT, or EINTR for who is killed.
 */
static noinline int pipe_fault_in(struct pipe_move *move, bool write, bool whole,
				  unsigned int tries)
{
	size_t len = min(move->len, PIPE_PIECE);
	size_t left;

	cond_resched();
	/* Its copy ended for another reason. */
	if (!move_is_of_user(move) || tries > BOOK_TRIES)
		return -EFAULT;
	/* What was said to be there was not: of the next byte that is told right. */
	if (tries > 1 && !whole)
		len = 1;
	if (move->iter && write)
		left = fault_in_iov_iter_readable(move->iter, len);
	else if (move->iter)
		left = fault_in_iov_iter_writeable(move->iter, len);
	else if (write)
		left = fault_in_readable(move->buf, len);
	else
		left = fault_in_safe_writeable(move->buf, len);
	if (fatal_signal_pending(current))
		return -EINTR;
	if (left == len || (whole && left))
		return -EFAULT;
	move->most = len - left;
	return 0;
}

/* -------------------------------------------------------------------- writing */

/* The writers have come to @pos. */
static __always_inline void pipe_publish_in(struct pipe *pipe, unsigned long pos)
{
	/* Pairs with the acquire load in pipe_take(). */
	smp_store_release(&pipe->w.pos, pos);
}

/* Copies up to @len bytes, for which there is room. Returns how many. */
static __always_inline size_t pipe_copy_in(struct pipe *pipe,
					   struct pipe_move *move, size_t len,
					   bool whole)
{
	const struct pipe_store *store = &pipe->store;
	unsigned long pos = pipe->w.pos;
	size_t piece, got, done = 0;

	pagefault_disable();
	for (;;) {
		piece = pipe_piece(store, move, pos, len - done);
		got = move_in(store->data + (pos & (store->size - 1)), move,
			      piece);
		done += got;
		pos += got;
		if (got < piece || done == len)
			break;
		move->most = SIZE_MAX;
		if (!whole) {
			pipe_publish_in(pipe, pos);
			pipe_wake_readers(pipe);
		}
	}
	pagefault_enable();
	if (likely(done == len || !whole)) {
		pipe_publish_in(pipe, pos);
		return done;
	}
	move_back(move, done);
	return 0;
}

/*
 * Writes what there is room for; of @whole, all or nothing. Returns how much, or
 * EAGAIN, EPIPE, EFAULT if there is a page to bring in first.
 */
static __always_inline ssize_t pipe_put(struct pipe *pipe,
					struct pipe_move *move, bool whole)
{
	struct pipe_side *side = &pipe->w;
	size_t len = move->len;
	unsigned long room;

	lockdep_assert_held(&side->lock);
	if (unlikely(!READ_ONCE(pipe->readers.count)))
		return -EPIPE;
	room = pipe->store.size - (side->pos - side->seen);
	if (room < len) {
		/* Pairs with the release store in pipe_publish_out(). */
		side->seen = smp_load_acquire(&pipe->r.pos);
		room = pipe->store.size - (side->pos - side->seen);
		if (room < (whole ? len : 1))
			return -EAGAIN;
		len = min(len, room);
	}
	len = pipe_copy_in(pipe, move, len, whole);
	if (unlikely(!len))
		return -EFAULT;
	pipe_count(side, move, len);
	return len;
}

static __always_inline ssize_t pipe_try_write(struct pipe *pipe,
					      struct pipe_move *move, bool whole)
{
	unsigned long pos;
	ssize_t ret;

	mutex_lock(&pipe->w.lock);
	ret = pipe_put(pipe, move, whole);
	pos = pipe->w.pos;
	mutex_unlock(&pipe->w.lock);
	if (likely(ret > 0)) {
		trace_pipe_write(pipe->object.id, ret, pipe_used(pipe));
		pipe_wake_readers(pipe);
		if (book_watched(&pipe->object))
			pipe_tell_readers(pipe, pos - ret);
	}
	return ret;
}

/* The rest of a write, of which the first attempt answered @ret. */
static noinline ssize_t pipe_write_rest(struct pipe *pipe,
					struct pipe_move *move, bool whole,
					ssize_t ret, unsigned int flags)
{
	unsigned int tries = 0;
	bool woken = false;
	size_t done = 0;

	for (;;) {
		if (ret > 0) {
			done += ret;
			tries = 0;
		}
		if (!move->len || ret == -EPIPE)
			break;
		if (ret == -EFAULT) {
			/* The page may come late, or never. */
			if (woken)
				pipe_wake_next_writer(pipe);
			woken = false;
			ret = pipe_fault_in(move, true, whole, ++tries);
		} else if (ret == -EAGAIN && !(flags & PIPE_NOWAIT)) {
			atomic_long_inc(&pipe->blocked);
			ret = pipe_wait(pipe, &pipe->writers);
			woken = !ret;
		}
		if (ret < 0)
			break;
		ret = pipe_try_write(pipe, move, whole);
	}
	if (woken)
		pipe_wake_next_writer(pipe);
	if (ret == -EPIPE && !(flags & PIPE_NOSIGNAL))
		send_sig(SIGPIPE, current, 0);
	if (ret == -EAGAIN && !done) {
		atomic_long_inc(&pipe->refused);
		book_refused(&pipe->object, ret);
	}
	return done ?: ret;
}

/**
 * pipe_send() - writes
 * @pipe: where to
 * @move: what
 * @flags: PIPE_NOWAIT, PIPE_NOSIGNAL
 *
 * Return: bytes written; EAGAIN, EPIPE, EFAULT, EINTR, ERESTARTSYS if none were.
 */
static __always_inline ssize_t pipe_send(struct pipe *pipe,
					 struct pipe_move *move,
					 unsigned int flags)
{
	bool whole = move->len <= PIPE_BUF;
	ssize_t ret;

	if (unlikely(!move->len))
		return 0;
	ret = pipe_try_write(pipe, move, whole);
	if (likely(!move->len))
		return ret;
	return pipe_write_rest(pipe, move, whole, ret, flags);
}

/* -------------------------------------------------------------------- reading */

/* The readers have come to @pos. */
static __always_inline void pipe_publish_out(struct pipe *pipe,
					     unsigned long pos)
{
	/* Pairs with the acquire load in pipe_put(). */
	smp_store_release(&pipe->r.pos, pos);
}

/* How many bytes there are for the reader at @pos, who wants @len. */
static __always_inline size_t pipe_there(struct pipe *pipe, unsigned long pos,
					 size_t len)
{
	struct pipe_side *side = &pipe->r;

	if (side->seen - pos < len) {
		/* Pairs with the release store in pipe_publish_in(). */
		side->seen = smp_load_acquire(&pipe->w.pos);
	}
	return min(side->seen - pos, len);
}

/*
 * Reads what there is, no more than the pipe holds. Returns how much, or EAGAIN;
 * EFAULT if there is a page to bring in first.
 */
static __always_inline ssize_t pipe_take(struct pipe *pipe,
					 struct pipe_move *move)
{
	const struct pipe_store *store = &pipe->store;
	struct pipe_side *side = &pipe->r;
	unsigned long pos = side->pos;
	size_t piece, got, done = 0;
	/* However fast the writers are, others who read have their turn. */
	size_t most = min(move->len, store->size), there;

	lockdep_assert_held(&side->lock);
	there = pipe_there(pipe, pos, most);
	if (unlikely(!there))
		return -EAGAIN;
	pagefault_disable();
	for (;;) {
		piece = pipe_piece(store, move, pos, there);
		got = move_out(store->data + (pos & (store->size - 1)), move,
			       piece);
		move->faulted = got < piece;
		/* Who dies while a page is brought in has not taken half of it. */
		if (unlikely(move->faulted) && move_is_of_user(move)) {
			move_back(move, got);
			break;
		}
		done += got;
		pos += got;
		if (got < piece || done == most)
			break;
		move->most = SIZE_MAX;
		there = pipe_there(pipe, pos, most - done);
		if (!there)
			break;
		pipe_publish_out(pipe, pos);
		pipe_wake_writers(pipe);
	}
	pagefault_enable();
	if (unlikely(!done))
		return -EFAULT;
	pipe_publish_out(pipe, pos);
	pipe_count(side, move, done);
	return done;
}

static __always_inline ssize_t pipe_try_read(struct pipe *pipe,
					     struct pipe_move *move)
{
	unsigned long pos, size;
	ssize_t ret;

	mutex_lock(&pipe->r.lock);
	ret = pipe_take(pipe, move);
	pos = pipe->r.pos;
	size = pipe->store.size;
	mutex_unlock(&pipe->r.lock);
	if (likely(ret > 0)) {
		trace_pipe_read(pipe->object.id, ret, pipe_used(pipe));
		pipe_wake_writers(pipe);
		if (book_watched(&pipe->object))
			pipe_tell_writers(pipe, pos - ret, size);
	}
	return ret;
}

/*
 * Nothing was there: looks again once it is known whether anybody writes. Returns
 * what there is now, 0 at the end, or EAGAIN.
 */
static ssize_t pipe_read_end(struct pipe *pipe, struct pipe_move *move)
{
	ssize_t ret;

	/* Pairs with the release store in ends_leave(). */
	if (smp_load_acquire(&pipe->writers.count))
		return -EAGAIN;
	ret = pipe_try_read(pipe, move);
	return ret == -EAGAIN ? 0 : ret;
}

/* The rest of a read, of which the first attempt answered @ret. */
static noinline ssize_t pipe_read_rest(struct pipe *pipe,
				       struct pipe_move *move, ssize_t ret,
				       unsigned int flags)
{
	unsigned int tries = 0;
	bool woken = false;
	size_t done = 0;

	for (;;) {
		if (ret == -EAGAIN && !done)
			ret = pipe_read_end(pipe, move);
		if (ret > 0) {
			done += ret;
			tries = 0;
			ret = move->len && move->faulted ? -EFAULT : 0;
		}
		if (ret == -EFAULT) {
			/* The page may come late, or never. */
			if (woken)
				pipe_wake_next_reader(pipe);
			woken = false;
			ret = pipe_fault_in(move, false, false, ++tries);
		} else if (ret == -EAGAIN && !done && !(flags & PIPE_NOWAIT)) {
			ret = pipe_wait(pipe, &pipe->readers);
			woken = !ret;
		} else {
			break;
		}
		if (ret)
			break;
		ret = pipe_try_read(pipe, move);
	}
	if (woken)
		pipe_wake_next_reader(pipe);
	return done ?: ret;
}

/**
 * pipe_receive() - reads
 * @pipe: where from
 * @move: where to
 * @flags: PIPE_NOWAIT
 *
 * Return: bytes read, 0 at the end; EAGAIN, EFAULT, EINTR, ERESTARTSYS if none
 * were.
 */
static __always_inline ssize_t pipe_receive(struct pipe *pipe,
					    struct pipe_move *move,
					    unsigned int flags)
{
	ssize_t ret;

	if (unlikely(!move->len))
		return 0;
	ret = pipe_try_read(pipe, move);
	if (likely(ret > 0 && !move->faulted))
		return ret;
	return pipe_read_rest(pipe, move, ret, flags);
}

/* ------------------------------------------------------------ plain file calls */

static unsigned int pipe_flags(const struct file *filp)
{
	return filp->f_flags & O_NONBLOCK ? PIPE_NOWAIT : 0;
}

static unsigned int pipe_iocb_flags(const struct kiocb *iocb)
{
	unsigned int flags = pipe_flags(iocb->ki_filp);

	if (iocb->ki_flags & IOCB_NOWAIT)
		flags |= PIPE_NOWAIT;
	if (iocb->ki_flags & IOCB_NOSIGNAL)
		flags |= PIPE_NOSIGNAL;
	return flags;
}

/* One that only looks has the right descriptor's mode, but is no end. */
static bool pipe_is_end(const struct file *filp, unsigned int access)
{
	const struct book_file *file = filp->private_data;

	return file->access & access;
}

static ssize_t pipe_read(struct file *filp, char __user *buf, size_t len,
			 loff_t *pos)
{
	struct pipe_move move = { .len = len, .most = SIZE_MAX, .buf = buf };

	if (unlikely(!pipe_is_end(filp, BOOK_READ)))
		return -EBADF;
	return pipe_receive(file_pipe(filp), &move, pipe_flags(filp));
}

static ssize_t pipe_write(struct file *filp, const char __user *buf, size_t len,
			  loff_t *pos)
{
	struct pipe_move move = {
		.len = len,
		.most = SIZE_MAX,
		.buf = (char __user *)buf,
	};

	if (unlikely(!pipe_is_end(filp, BOOK_WRITE)))
		return -EBADF;
	return pipe_send(file_pipe(filp), &move, pipe_flags(filp));
}

static ssize_t pipe_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct pipe_move move = {
		.len = iov_iter_count(to),
		.most = SIZE_MAX,
		.iter = to,
	};

	if (!pipe_is_end(iocb->ki_filp, BOOK_READ))
		return -EBADF;
	return pipe_receive(file_pipe(iocb->ki_filp), &move,
			    pipe_iocb_flags(iocb));
}

static ssize_t pipe_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct pipe_move move = {
		.len = iov_iter_count(from),
		.most = SIZE_MAX,
		.iter = from,
	};

	if (!pipe_is_end(iocb->ki_filp, BOOK_WRITE))
		return -EBADF;
	return pipe_send(file_pipe(iocb->ki_filp), &move,
			 pipe_iocb_flags(iocb));
}

static __poll_t pipe_poll(struct file *filp, struct poll_table_struct *pt)
{
	struct pipe_file *pf = to_pipe_file(filp->private_data);
	struct pipe *pipe = file_pipe(filp);
	unsigned int access = pf->file.access;
	__poll_t mask = 0;

	if (access & BOOK_READ)
		poll_wait(filp, &pipe->readers.wait, pt);
	if (access & BOOK_WRITE)
		poll_wait(filp, &pipe->writers.wait, pt);
	/* Pairs with those in pipe_wake_readers() and pipe_wake_writers(). */
	smp_mb();
	if (access & BOOK_READ) {
		if (!READ_ONCE(pipe->writers.count) &&
		    pf->alone != READ_ONCE(pipe->writers.opened))
			mask |= EPOLLHUP;
		if (pipe_used(pipe))
			mask |= EPOLLIN | EPOLLRDNORM;
	}
	if (access & BOOK_WRITE) {
		if (pipe_has_room(pipe))
			mask |= EPOLLOUT | EPOLLWRNORM;
		if (!READ_ONCE(pipe->readers.count))
			mask |= EPOLLERR;
	}
	return mask;
}

static int pipe_fasync(int fd, struct file *filp, int on)
{
	const struct book_file *file = filp->private_data;
	struct pipe *pipe = file_pipe(filp);
	int err = 0;

	if (file->access & BOOK_READ)
		err = fasync_helper(fd, filp, on, &pipe->readers.fasync);
	if (err < 0 || !(file->access & BOOK_WRITE))
		return err;
	err = fasync_helper(fd, filp, on, &pipe->writers.fasync);
	if (err < 0 && file->access & BOOK_READ)
		fasync_helper(-1, filp, 0, &pipe->readers.fasync);
	return err;
}

/* ------------------------------------------------------------------- capacity */

static int store_alloc(struct pipe_store *store, struct mem_cgroup *memcg,
		       u64 size)
{
	struct mem_cgroup *before = set_active_memcg(memcg);
	int err;

	err = pages_alloc(&store->pages, size >> PAGE_SHIFT);
	set_active_memcg(before);
	if (err)
		return err;
	store->size = size;
	store->data = vmap(store->pages.page, store->pages.count, VM_MAP,
			   PAGE_KERNEL);
	if (store->data)
		return 0;
	pages_free(&store->pages);
	return -ENOMEM;
}

static void store_free(struct pipe_store *store)
{
	/* Without the one, there is not the other. */
	if (!store->data)
		return;
	vunmap(store->data);
	pages_free(&store->pages);
}

/* The @len bytes from @pos on get the same positions in another store. */
static void store_copy(struct pipe_store *to, const struct pipe_store *from,
		       unsigned long pos, size_t len)
{
	size_t piece;

	for (; len; len -= piece, pos += piece) {
		piece = min(from->size - (pos & (from->size - 1)),
			    to->size - (pos & (to->size - 1)));
		piece = min(piece, len);
		memcpy(to->data + (pos & (to->size - 1)),
		       from->data + (pos & (from->size - 1)), piece);
	}
}

/* What a pipe of at least *@capacity bytes has. Returns 0, or E2BIG. */
static int pipe_limit(u64 *capacity)
{
	u64 most = clamp_t(u64, READ_ONCE(pipe_max_bytes), PAGE_SIZE, PIPE_MOST);

	if (*capacity > PIPE_MOST)
		return -E2BIG;
	if (*capacity)
		*capacity = roundup_pow_of_two(max_t(u64, *capacity,
						     PAGE_SIZE));
	return book_limit(capacity, PIPE_CAPACITY, rounddown_pow_of_two(most));
}

/*
 * Puts @store in the place of the old one, which it then is. A pipe that was too
 * full and is not any more has become ready for its writers.
 */
static int pipe_swap(struct pipe *pipe, struct pipe_store *store)
{
	bool had_room, has_room = false;
	unsigned long used;
	int err = -EBUSY;

	mutex_lock(&pipe->w.lock);
	mutex_lock(&pipe->r.lock);
	used = pipe->w.pos - pipe->r.pos;
	had_room = pipe_has_room(pipe);
	if (used <= store->size) {
		store_copy(store, &pipe->store, pipe->r.pos, used);
		swap(pipe->store.pages, store->pages);
		swap(pipe->store.data, store->data);
		used = pipe->store.size;
		/* Pairs with the READ_ONCE() in pipe_has_room(). */
		WRITE_ONCE(pipe->store.size, store->size);
		store->size = used;
		/* What was seen before may say that there is more room. */
		pipe->w.seen = pipe->r.pos;
		has_room = pipe_has_room(pipe);
		err = 0;
	}
	mutex_unlock(&pipe->r.lock);
	mutex_unlock(&pipe->w.lock);
	if (err)
		return err;
	pipe_wake_writers(pipe);
	if (book_watched(&pipe->object) && has_room && !had_room)
		book_notify(&pipe->object, EPOLLOUT);
	return 0;
}

static int pipe_change(struct pipe *pipe, u64 capacity)
{
	u64 before = pipe->object.capacity;
	struct pipe_store store = {};
	int err;

	lockdep_assert_held(&pipe->resizing);
	/* More is counted before it is there, less when it is gone. */
	err = book_resize(&pipe->object, max(before, capacity));
	if (err)
		return err;
	err = store_alloc(&store, pipe->object.memcg, capacity);
	if (!err)
		err = pipe_swap(pipe, &store);
	store_free(&store);
	book_resize(&pipe->object, err ? before : capacity);
	return err;
}

static long pipe_resize(struct pipe *pipe, unsigned long arg)
{
	u64 capacity = arg;
	int err;

	if (!capacity)
		return -EINVAL;
	mutex_lock(&pipe->resizing);
	err = capacity > pipe->store.size ? pipe_limit(&capacity) : 0;
	if (!err)
		capacity = roundup_pow_of_two(max_t(u64, capacity, PAGE_SIZE));
	if (!err && capacity != pipe->store.size)
		err = pipe_change(pipe, capacity);
	mutex_unlock(&pipe->resizing);
	return err ?: capacity;
}

/* --------------------------------------------------------------------- ioctls */

static long pipe_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct book_file *file = filp->private_data;
	struct pipe *pipe = file_pipe(filp);

	if (cmd == FIONREAD)
		return put_user((int)pipe_shown(pipe), (int __user *)arg);
	if (_IOC_TYPE(cmd) != IPCBOOK_IOC_MAGIC)
		return -ENOTTY;
	switch (_IOC_NR(cmd)) {
	case _IOC_NR(IPCBOOK_IOC_PIPE_RESIZE):
		return file->access ? pipe_resize(pipe, arg) : -EBADF;
	case _IOC_NR(IPCBOOK_IOC_PIPE_CAPACITY):
		return READ_ONCE(pipe->store.size);
	default:
		return book_ioctl(file, _IOC_NR(cmd), (void __user *)arg);
	}
}

/* On the device itself: a pipe without a name. */
static long pipe_device(unsigned int nr, void __user *argp)
{
	struct ipcbook_pipe __user *to = argp;
	struct ipcbook_open open = {};
	struct ipcbook_pipe arg;
	int err;

	if (nr != _IOC_NR(IPCBOOK_IOC_PIPE))
		return -ENOTTY;
	err = book_copy_args(&arg, sizeof(arg), argp);
	if (err)
		return err;
	if (arg.flags & ~(IPCBOOK_OPEN_NONBLOCK | IPCBOOK_OPEN_CLOEXEC) ||
	    arg.reader || arg.writer)
		return -EINVAL;
	open.flags = IPCBOOK_OPEN_ANON | arg.flags;
	open.mode = 0600;
	open.pipe.capacity = arg.capacity;
	BUILD_BUG_ON(offsetof(struct ipcbook_pipe, writer) !=
		     offsetof(struct ipcbook_pipe, reader) + sizeof(__s32));
	return book_open_ends(&pipe_chapter, &open, &to->reader);
}

static void pipe_show_fdinfo(struct seq_file *seq, struct file *filp)
{
	struct pipe *pipe = file_pipe(filp);

	book_show_fdinfo(seq, &pipe->object);
	seq_printf(seq, "bytes:\t%lu\ncapacity:\t%lu\nreaders:\t%u\nwriters:\t%u\n",
		   pipe_shown(pipe), READ_ONCE(pipe->store.size),
		   READ_ONCE(pipe->readers.count),
		   READ_ONCE(pipe->writers.count));
}

/* ------------------------------------------------------- the chapter's table */

static int pipe_check(const struct ipcbook_open *arg)
{
	const u32 both = IPCBOOK_OPEN_READ | IPCBOOK_OPEN_WRITE;

	if (arg->pipe.flags & ~IPCBOOK_PIPE_LOOK || arg->pipe.pad)
		return -EINVAL;
	/* Nobody could ever have the other end, or any. */
	if (arg->flags & IPCBOOK_OPEN_ANON &&
	    ((arg->flags & both) != both || arg->pipe.flags))
		return -EINVAL;
	return 0;
}

static struct book_object *pipe_create(const struct ipcbook_open *arg)
{
	u64 capacity = arg->pipe.capacity;
	struct pipe *pipe;
	int err;

	err = pipe_limit(&capacity);
	if (err)
		return ERR_PTR(err);
	pipe = kzalloc(sizeof(*pipe), GFP_KERNEL_ACCOUNT);
	if (!pipe)
		return ERR_PTR(-ENOMEM);
	mutex_init(&pipe->resizing);
	ends_init(pipe);
	mutex_init(&pipe->w.lock);
	mutex_init(&pipe->r.lock);
	pipe->object.capacity = capacity;
	return &pipe->object;
}

static int pipe_fill(struct book_object *object)
{
	return store_alloc(&to_pipe(object)->store, object->memcg,
			   object->capacity);
}

static void pipe_destroy(struct book_object *object)
{
	struct pipe *pipe = to_pipe(object);

	store_free(&pipe->store);
	put_pid(pipe->w.pid);
	put_pid(pipe->r.pid);
	kfree(pipe);
}

static void pipe_stat(struct book_object *object, struct ipcbook_stat *stat)
{
	struct pipe *pipe = to_pipe(object);
	struct book_clock clock;

	stat->max_size = PIPE_BUF;
	stat->senders_waiting = atomic_read(&pipe->writers.waiting);
	stat->receivers_waiting = atomic_read(&pipe->readers.waiting);
	stat->blocked = atomic_long_read(&pipe->blocked);
	stat->refused = atomic_long_read(&pipe->refused);
	mutex_lock(&pipe->w.lock);
	mutex_lock(&pipe->r.lock);
	/* The last end may be about to leave, and to take what is there with it. */
	spin_lock(&pipe->lock);
	stat->bytes = pipe->w.pos - pipe->r.pos;
	stat->received_bytes = pipe->r.pos - pipe->discarded;
	spin_unlock(&pipe->lock);
	stat->depth = stat->bytes;
	stat->max_bytes = pipe->store.size;
	stat->max_depth = stat->max_bytes;
	stat->memory = sizeof(*pipe) + pages_memory(&pipe->store.pages);
	stat->sender = pid_vnr(pipe->w.pid);
	stat->receiver = pid_vnr(pipe->r.pid);
	clock = book_clock();
	if (pipe->w.pid)
		stat->sent_ns = book_when(&clock, pipe->w.when);
	if (pipe->r.pid)
		stat->received_ns = book_when(&clock, pipe->r.when);
	stat->sent = pipe->w.calls;
	stat->sent_bytes = pipe->w.pos;
	stat->received = pipe->r.calls;
	mutex_unlock(&pipe->r.lock);
	mutex_unlock(&pipe->w.lock);
}

static const struct file_operations pipe_fops = {
	.owner = THIS_MODULE,
	.release = book_release,
	.read = pipe_read,
	.write = pipe_write,
	.read_iter = pipe_read_iter,
	.write_iter = pipe_write_iter,
	.splice_read = book_splice_read,
	.splice_write = iter_file_splice_write,
	.poll = pipe_poll,
	.fasync = pipe_fasync,
	.unlocked_ioctl = pipe_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.show_fdinfo = pipe_show_fdinfo,
};

const struct book_chapter pipe_chapter = {
	.id = IPCBOOK_PIPE,
	.name = "pipe",
	.fops = &pipe_fops,
	.limits_size = sizeof(struct ipcbook_pipe_limits),
	.file_size = sizeof(struct pipe_file),
	.check = pipe_check,
	.create = pipe_create,
	.fill = pipe_fill,
	.destroy = pipe_destroy,
	.end = ends_unlinked,
	.open = ends_open,
	.close = ends_close,
	.stat = pipe_stat,
	.device = pipe_device,
};
