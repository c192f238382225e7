// SPDX-License-Identifier: GPL-2.0-only
/*
 * What sockets carry: sending, receiving, and waiting for it.
 *
 * A sender writes into the stream of its peer, a receiver reads from its own. In
 * a stream of SOCK_SEQPACKET each record has its length before it.
 *
 * Who finds nothing to read, no room to write, nobody to accept or no place to
 * connect to sleeps in a wait queue with what it waits for, and is passed over by
 * those who wake for something else. Of several readers one is woken, who wakes
 * the next if he leaves something, or has to wait for his own memory. One that
 * wants more than there is (MSG_WAITALL) is left alone until that is there. A
 * writer that finds no room says so in book_sock.full of its peer; only then does
 * the peer's reader look for it.
 *
 * A stream's buffer grows, as TCP's does: it doubles when it is found full
 * although the reader has read a whole buffer since, unless its size was set.
 *
 * Locks: the stream's, one for each side, and the peer's write_lock inside of the own
 * read_lock, where a receiver finds the end. None is held for more than half a MiB
 * of a stream (socket_turn()), but by who peeks, who sees as one all there is.
 * None is held while a call waits, also not for memory: a copy that meets a page
 * which is not there, or a stream that has no chunk left, make the call leave the
 * lock, get what is missing, and look again from the beginning (socket_supply(),
 * socket_fault_in()).
 *
 * Barriers, each in two places of which at least one sees what the other wrote:
 *
 *  - A writer publishes bytes, then looks who sleeps (skwq_has_sleeper()); a
 *    reader enters the wait queue, then looks for bytes (socket_sleep()).
 *  - A reader releases room, then looks at full (socket_room_again()); a writer
 *    sets full, then looks for room (socket_has_room()).
 *  - A writer publishes bytes, then looks whether its peer is closed
 *    (socket_publish()); who closes says so, then looks for bytes that nobody will
 *    read (socket_close() in connect.c).
 */
#include <linux/moduleparam.h>
#include <linux/net.h>
#include <linux/pagemap.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>

#include "socket.h"
#include "tap.h"
#include "trace.h"

/**
 * struct sleeper - a call that waits
 * @entry: in a wait queue
 * @events: what wakes it
 * @s: who waits
 * @want: for what
 * @need: for how many bytes
 */
struct sleeper {
	wait_queue_entry_t entry;
	__poll_t events;
	struct book_sock *s;
	enum socket_want want;
	u64 need;
};

static unsigned long socket_max_bytes = 4UL << 20;
module_param(socket_max_bytes, ulong, 0644);
MODULE_PARM_DESC(socket_max_bytes, "Most bytes that a stream's buffer grows to by itself");

/* ----------------------------------------------------------- room and waking */

/* @from finds no room: whether it can have more, because the stream flows. */
static bool socket_grow(const struct book_sock *from, struct book_sock *to)
{
	u64 limit = socket_limit(from, to), head = READ_ONCE(to->in.head);

	lockdep_assert_held(&to->in.write_lock);
	if (from->sk.sk_type != SOCK_STREAM || socket_fixed(from, to) ||
	    head - to->grown < limit || 2 * limit > READ_ONCE(socket_max_bytes))
		return false;
	to->grown = head;
	WRITE_ONCE(to->growth, to->growth + 1);
	return true;
}

static u64 socket_room(const struct book_sock *from, const struct book_sock *to)
{
	u64 limit = socket_limit(from, to), used = stream_used(&to->in);

	return used < limit ? limit - used : 0;
}

static void socket_wake(struct sock *sk, __poll_t events, int how, int band)
{
	struct socket_wq *wq;

	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	/* For those who have changed what is waited for, also of who has no file. */
	smp_mb();
	/* Pairs with that in prepare_to_wait(). */
	if (wq && waitqueue_active(&wq->wait))
		wake_up_interruptible_sync_poll(&wq->wait, events);
	sk_wake_async(sk, how, band);
	rcu_read_unlock();
}

/* There is something to read, or somebody to accept. */
void socket_wake_readers(struct sock *sk)
{
	socket_wake(sk, EPOLLIN | EPOLLRDNORM, SOCK_WAKE_WAITD, POLL_IN);
}

/* Only one reader was woken for what came to @s: the next is to have what is left. */
static void socket_wake_next(struct book_sock *s)
{
	if (unlikely(atomic_read(&s->readers)) && stream_used(&s->in))
		socket_wake_readers(&s->sk);
}

/* There may be room again for what @sk writes: of sk_write_space. */
void socket_write_space(struct sock *sk)
{
	socket_wake(sk, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND, SOCK_WAKE_SPACE,
		    POLL_OUT);
}

/* @s has read something: tells writers, if they were short of room. */
static void socket_room_again(struct book_sock *s)
{
	/* Pairs with the barrier in socket_has_room(). */
	smp_mb();
	if (likely(!READ_ONCE(s->full)) || !socket_writable(s->peer, s))
		return;
	WRITE_ONCE(s->full, false);
	/* Who now finds no room again is in the wait queue, or sets it anew. */
	socket_write_space(&s->peer->sk);
}

/* Whether @s can write @need bytes; if not, it will be told when it can. */
bool socket_has_room(struct book_sock *s, u64 need)
{
	if (socket_room(s, s->peer) >= need)
		return true;
	WRITE_ONCE(s->peer->full, true);
	/* For SIGIO, which socket_write_space() sends once after that. */
	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, &s->sk);
	/* Pairs with the barrier in socket_room_again(). */
	smp_mb();
	return socket_room(s, s->peer) >= need;
}

/* Somebody is told EAGAIN, because of the room that @s has not. */
void socket_refuse_room(struct book_sock *s)
{
	atomic64_inc(&s->refused);
	book_refused(&s->object, -EAGAIN);
}

static bool socket_ready(struct book_sock *s, enum socket_want want, u64 need)
{
	switch (want) {
	case WANT_DATA:
		/* What a writer may be waiting behind is taken in any case. */
		return stream_used(&s->in) >= need || READ_ONCE(s->sk.sk_err) ||
		       socket_ended(s) ||
		       (stream_used(&s->in) &&
			(READ_ONCE(s->full) || !socket_writable(s->peer, s)));
	case WANT_ROOM:
		return socket_has_room(s, need) ||
		       need > socket_limit(s, s->peer) ||
		       READ_ONCE(s->sk.sk_shutdown) & SEND_SHUTDOWN;
	case WANT_EMBRYO:
		return !list_empty_careful(&s->embryos) || !socket_listens(s);
	default:
		return !backlog_full(s) || !socket_listens(s);
	}
}

/* Wakes only those who wait for what happened. */
static int sleeper_wake(wait_queue_entry_t *entry, unsigned int mode, int flags,
			void *key)
{
	struct sleeper *sleeper = container_of(entry, struct sleeper, entry);

	if (key && !(key_to_poll(key) & sleeper->events))
		return 0;
	if (key && sleeper->want == WANT_DATA &&
	    !socket_ready(sleeper->s, WANT_DATA, sleeper->need))
		return 0;
	return autoremove_wake_function(entry, mode, flags, key);
}

static int socket_sleep_in(wait_queue_head_t *head, struct book_sock *s,
			   enum socket_want want, u64 need, long *timeo)
{
	struct sleeper sleeper = {
		.events = want == WANT_DATA || want == WANT_EMBRYO ?
			  EPOLLIN : EPOLLOUT,
		.s = s,
		.want = want,
		.need = need,
	};
	int err = 0;

	init_wait(&sleeper.entry);
	sleeper.entry.func = sleeper_wake;
	for (;;) {
		if (sleeper.events == EPOLLIN)
			prepare_to_wait_exclusive(head, &sleeper.entry,
						  TASK_INTERRUPTIBLE |
						  TASK_FREEZABLE);
		else
			prepare_to_wait(head, &sleeper.entry,
					TASK_INTERRUPTIBLE | TASK_FREEZABLE);
		if (socket_ready(s, want, need))
			break;
		if (signal_pending(current)) {
			err = sock_intr_errno(*timeo);
			break;
		}
		if (!*timeo) {
			err = -EAGAIN;
			break;
		}
		*timeo = schedule_timeout(*timeo);
	}
	finish_wait(head, &sleeper.entry);
	/* Woken and gone all the same: the next is to have it. */
	if (err && sleeper.events == EPOLLIN && socket_ready(s, want, need))
		wake_up_interruptible_poll(head, sleeper.events);
	return err;
}

/*
 * Waits until @s has what is wanted, or until it has ended. Returns 0, EAGAIN
 * when @timeo is over, or what a signal makes of the call.
 */
int socket_sleep(struct book_sock *s, enum socket_want want, u64 need,
		 long *timeo)
{
	wait_queue_head_t *head = want == WANT_BACKLOG ? &s->connectors :
							 sk_sleep(&s->sk);
	u64 start = trace_socket_wait_enabled() ? ktime_get_ns() : 0;
	atomic_t *waiting = want == WANT_ROOM ? &s->writers : &s->readers;
	int err;

	if (want != WANT_BACKLOG)
		atomic_inc(waiting);
	err = socket_sleep_in(head, s, want, need, timeo);
	if (want != WANT_BACKLOG)
		atomic_dec(waiting);
	if (start)
		trace_socket_wait(s->object.id, want, ktime_get_ns() - start,
				  err);
	return err;
}

/* ------------------------------------------------------------------ sending */

static void socket_count(struct traffic *traffic)
{
	traffic->stamp = jiffies;
	/* Of what was read, pairs with the acquire load in socket_stat(). */
	smp_store_release(&traffic->messages, traffic->messages + 1);
}

/* Makes what was written up to @at readable. */
static __always_inline void socket_publish(struct book_sock *s,
					   struct book_sock *peer,
					   const struct cursor *at, size_t n)
{
	/* Counted first, so that no more is read than was written. */
	peer->in.written.bytes += n;
	stream_publish(&peer->in, at);
	/* Its barrier also pairs with that in socket_close(), for sk_shutdown below. */
	socket_wake_readers(&peer->sk);
	if (unlikely(READ_ONCE(s->sk.sk_shutdown) & SEND_SHUTDOWN))
		socket_lost(s, peer);
}

/* What a copy, or a stream, is short of; see socket_supply(). */
#define SHORT_OF_PAGE	(-EFAULT)
#define SHORT_OF_CHUNK	(-ENOMEM)

/* Bytes after which a long write is shown to the reader, and a read to the writer. */
#define SOCKET_PORTION	32768UL

/* Bytes after which others who send, or receive, have their turn. */
#define SOCKET_TURN	(16 * SOCKET_PORTION)

/*
 * Who moves much, with a peer that keeps pace, lets others have @lock, which it
 * holds. Returns 0; EINTR for who is killed.
 */
static noinline int socket_turn(struct mutex *lock)
	__must_hold(lock)
{
	mutex_unlock(lock);
	cond_resched();
	mutex_lock(lock);
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/*
 * Brings in the pages of the next @n bytes, whose copy has failed @tries times in a
 * row. Called without any lock: it may take as long as the user's memory wants.
 * Returns how many bytes are there; EFAULT if none, EINTR for who is killed.
 */
static noinline ssize_t socket_fault_in(struct iov_iter *iter, size_t n,
					unsigned int tries)
{
	size_t left;

	if (fatal_signal_pending(current))
		return -EINTR;
	cond_resched();
	/* Of the kernel's memory, all is there: its copy ended for another reason. */
	if (!user_backed_iter(iter) || tries > BOOK_TRIES)
		return -EFAULT;
	if (iov_iter_rw(iter) == WRITE)
		left = fault_in_iov_iter_readable(iter, n);
	else
		left = fault_in_iov_iter_writeable(iter, n);
	return left < n ? n - left : -EFAULT;
}

/*
 * @s could not write the next @n bytes at @iter, for it was short of something: gets
 * it, with the lock not held meanwhile. @tries: how often it was of a page since
 * something was copied. Returns 0 to try again.
 */
static noinline int socket_supply(struct book_sock *s, struct book_sock *peer,
				  struct iov_iter *iter, size_t n,
				  int shortage, unsigned int tries)
	__must_hold(&peer->in.write_lock)
{
	bool stream = socket_is_stream(s);
	size_t bytes = stream ? min_t(size_t, n, SOCKET_PORTION) : stream_record(n);
	struct chunk *chunks = NULL;
	ssize_t there = n;

	mutex_unlock(&peer->in.write_lock);
	if (shortage == SHORT_OF_CHUNK)
		chunks = stream_alloc(&peer->in, bytes, chunk_order(bytes),
				      s->object.memcg);
	else
		there = socket_fault_in(iter, min(n, bytes), tries);
	mutex_lock(&peer->in.write_lock);
	if (chunks)
		stream_supply(&peer->in, chunks, bytes);
	else if (shortage == SHORT_OF_CHUNK)
		return -ENOMEM;
	if (there < 0)
		return there;
	/* Of a record, all must be there. */
	return stream || there == n ? 0 : -EFAULT;
}

/* A record, for which there is room. Returns 0, or what it is short of. */
static __always_inline int socket_put_record(struct book_sock *s,
					     struct book_sock *peer,
					     struct iov_iter *from, size_t len)
{
	size_t done, record = stream_record(len);
	struct cursor at, start;
	u32 *header, pad;

	if (unlikely(stream_extend(&peer->in, record, chunk_order(record))))
		return SHORT_OF_CHUNK;
	at = peer->in.write;
	header = stream_put_header(&peer->in, &at);
	start = at;
	pagefault_disable();
	done = stream_put(&peer->in, &at, from, len);
	pagefault_enable();
	if (unlikely(done < len)) {
		iov_iter_revert(from, done);
		return SHORT_OF_PAGE;
	}
	*header = len;
	if (tap_on())
		socket_tap(s, IPCBOOK_CAPTURE_DATA, 0, &start, len);
	/* Every chunk is a multiple of the padding, so that it is there. */
	pad = round_up(len, STREAM_HEADER) - len;
	at.offset += pad;
	at.position += pad;
	socket_count(&peer->in.written);
	socket_publish(s, peer, &at, len);
	return 0;
}

/*
 * As much of @len bytes of a stream as there is room for. Returns how many, or
 * what it is short of.
 */
static __always_inline ssize_t socket_put_bytes(struct book_sock *s,
						struct book_sock *peer,
						struct iov_iter *from,
						size_t len, u64 room)
{
	size_t n = min3((size_t)room, len, SOCKET_PORTION), done;
	struct cursor at, start;

	/* The chunks are as large as all that is to come wants them. */
	if (unlikely(stream_extend(&peer->in, n, chunk_order(len))))
		return SHORT_OF_CHUNK;
	at = peer->in.write;
	start = at;
	pagefault_disable();
	done = stream_put(&peer->in, &at, from, n);
	pagefault_enable();
	if (unlikely(!done))
		return SHORT_OF_PAGE;
	if (tap_on())
		socket_tap(s, IPCBOOK_CAPTURE_DATA, 0, &start, done);
	socket_publish(s, peer, &at, done);
	return done;
}

/*
 * Waits for room with the lock not held meanwhile. The reader's next release
 * tells also those who do not wait, for they may poll.
 */
static noinline int socket_wait_room(struct book_sock *s, struct book_sock *peer,
				     u64 need, long *timeo)
	__must_hold(&peer->in.write_lock)
{
	int err;

	if (socket_grow(s, peer) || socket_has_room(s, need))
		return 0;
	/* Whoever waits for more than there is must take what there is. */
	socket_wake_readers(&peer->sk);
	if (!*timeo)
		return -EAGAIN;
	mutex_unlock(&peer->in.write_lock);
	atomic64_inc(&s->blocked);
	err = socket_sleep(s, WANT_ROOM, need, timeo);
	mutex_lock(&peer->in.write_lock);
	return err;
}

static __always_inline ssize_t socket_send(struct book_sock *s,
					   struct book_sock *peer,
					   struct msghdr *msg, size_t len)
{
	bool stream = socket_is_stream(s);
	u64 need = stream ? min_t(size_t, len, 1) : stream_record(len), room;
	size_t sent = 0, turn = 0;
	unsigned int tries = 0;
	ssize_t n = 0;
	long timeo = -1;

	for (;;) {
		if (unlikely(READ_ONCE(s->sk.sk_shutdown) & SEND_SHUTDOWN)) {
			/* As of AF_UNIX, a record's sender learns why, once. */
			n = stream ? -EPIPE : socket_error(s) ?: -EPIPE;
			break;
		}
		if (unlikely(!need))
			return 0;
		room = socket_room(s, peer);
		if (unlikely(room < need)) {
			/* The reader's buffer may have been made smaller. */
			if (need > socket_limit(s, peer)) {
				n = -EMSGSIZE;
				break;
			}
			if (timeo < 0)
				timeo = sock_sndtimeo(&s->sk, msg->msg_flags &
						      MSG_DONTWAIT);
			n = socket_wait_room(s, peer, need, &timeo);
			if (n)
				break;
			continue;
		}
		if (stream)
			n = socket_put_bytes(s, peer, &msg->msg_iter,
					     len - sent, room);
		else
			n = socket_put_record(s, peer, &msg->msg_iter, len);
		if (unlikely(n < 0)) {
			tries += n == SHORT_OF_PAGE;
			n = socket_supply(s, peer, &msg->msg_iter, len - sent,
					  n, tries);
			if (n)
				break;
			continue;
		}
		if (!stream) {
			trace_socket_send(s->object.id, len);
			return len;
		}
		tries = 0;
		sent += n;
		if (sent == len)
			goto out;
		turn += n;
		if (unlikely(turn >= SOCKET_TURN)) {
			turn = 0;
			n = socket_turn(&peer->in.write_lock);
			if (n)
				break;
		}
	}
	if (!sent) {
		if (n == -EAGAIN)
			socket_refuse_room(s);
		return n;
	}
out:
	socket_count(&peer->in.written);
	trace_socket_send(s->object.id, sent);
	return sent;
}

/* What cannot be sent at all. */
static noinline int socket_refuse(const struct book_sock *s,
				  const struct msghdr *msg)
{
	if (msg->msg_namelen)
		return READ_ONCE(s->peer) ? -EISCONN : -EOPNOTSUPP;
	/* Descriptors in flight could form cycles that nobody would find. */
	return -EOPNOTSUPP;
}

int socket_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct book_sock *s = to_sock(sock->sk), *peer;
	ssize_t sent;

	if (unlikely(msg->msg_namelen || msg->msg_controllen ||
		     msg->msg_flags & MSG_OOB))
		return socket_refuse(s, msg);
	/* Pairs with the release store in socket_join(). */
	peer = smp_load_acquire(&s->peer);
	if (unlikely(!peer))
		return -ENOTCONN;
	if (!socket_is_stream(s) &&
	    unlikely(len > INT_MAX - STREAM_HEADER ||
		     stream_record(len) > socket_limit(s, peer)))
		return -EMSGSIZE;
	if (unlikely(mutex_lock_interruptible(&peer->in.write_lock)))
		return sock_intr_errno(sock_sndtimeo(&s->sk, false));
	sent = socket_send(s, peer, msg, len);
	mutex_unlock(&peer->in.write_lock);
	if (unlikely(sent == -EPIPE) && !(msg->msg_flags & MSG_NOSIGNAL))
		send_sig(SIGPIPE, current, 0);
	return sent;
}

/* ---------------------------------------------------------------- receiving */

/* @n bytes are read, which were counted as written before they could be. */
static void socket_consumed(struct book_sock *s, size_t n)
{
	/* Pairs with the acquire load in socket_bytes(). */
	smp_store_release(&s->in.consumed.bytes, s->in.consumed.bytes + n);
}

/*
 * The next record; what does not fit is cut, unless the copy fails. Then @want
 * becomes what is to be there for it.
 */
static __always_inline ssize_t socket_get_record(struct book_sock *s,
						 struct msghdr *msg,
						 size_t size, int flags,
						 size_t *want)
{
	struct cursor at = s->in.read;
	size_t piece = STREAM_HEADER, len, n, done;

	len = *(u32 *)stream_piece(&s->in, &at, &piece);
	at.offset += STREAM_HEADER;
	at.position += STREAM_HEADER;
	n = min(len, size);
	pagefault_disable();
	done = stream_get(&s->in, &at, &msg->msg_iter, n);
	pagefault_enable();
	if (unlikely(done < n)) {
		iov_iter_revert(&msg->msg_iter, done);
		*want = n;
		return SHORT_OF_PAGE;
	}
	if (unlikely(n < len))
		msg->msg_flags |= MSG_TRUNC;
	if (!(flags & MSG_PEEK)) {
		stream_skip(&s->in, &at, round_up(len, STREAM_HEADER) - n);
		socket_consumed(s, len);
		stream_release(&s->in, &at);
	}
	return flags & MSG_TRUNC ? len : n;
}

/* Up to @size of the @used bytes that are there. */
static __always_inline ssize_t socket_get_bytes(struct book_sock *s,
						struct msghdr *msg, size_t size,
						u64 used, size_t *want)
{
	struct cursor at = s->in.read;
	size_t n = min3((size_t)used, size, SOCKET_PORTION), done;

	pagefault_disable();
	done = stream_get(&s->in, &at, &msg->msg_iter, n);
	pagefault_enable();
	if (unlikely(!done)) {
		*want = n;
		return SHORT_OF_PAGE;
	}
	socket_consumed(s, done);
	stream_release(&s->in, &at);
	return done;
}

/* Peeks at up to @size of the @used bytes. */
static ssize_t socket_peek_bytes(struct book_sock *s, struct msghdr *msg,
				 size_t size, u64 used, size_t *want)
{
	struct cursor at = s->in.read;
	size_t n = min_t(u64, size, used), done;

	pagefault_disable();
	done = stream_get(&s->in, &at, &msg->msg_iter, n);
	pagefault_enable();
	if (likely(done == n))
		return n;
	iov_iter_revert(&msg->msg_iter, done);
	*want = n;
	return SHORT_OF_PAGE;
}

/*
 * The next @want bytes could not be copied to @iter, @tries times in a row. Brings in
 * what is there of its memory, with the lock not held meanwhile: others may have what
 * is here. Returns how much is there.
 */
static noinline ssize_t socket_make_way(struct book_sock *s,
					struct iov_iter *iter, size_t want,
					unsigned int tries)
	__must_hold(&s->in.read_lock)
{
	ssize_t there;

	mutex_unlock(&s->in.read_lock);
	socket_wake_next(s);
	there = socket_fault_in(iter, want, tries);
	mutex_lock(&s->in.read_lock);
	return there;
}

/* Nothing more comes to @s. Returns 1, or the error that is to be told of that. */
static int socket_end(struct book_sock *s)
{
	/* If the peer has closed, what a writer loses who is not done belongs to it. */
	if (READ_ONCE(s->sk.sk_shutdown) & SEND_SHUTDOWN) {
		mutex_lock(&s->peer->in.write_lock);
		mutex_unlock(&s->peer->in.write_lock);
	}
	return socket_error(s) ?: 1;
}

/*
 * Nothing is there. Waits for it, with the lock not held meanwhile. Returns 0
 * to look again; 1 if nothing will come any more; else the error. After something
 * was received (@begun), the next call has the error.
 */
static noinline int socket_wait_data(struct book_sock *s, u64 need, bool begun,
				     int flags, long *timeo)
	__must_hold(&s->in.read_lock)
{
	int err;

	if (socket_ended(s))
		return stream_used(&s->in) ? 0 : begun ? 1 : socket_end(s);
	if (*timeo < 0)
		*timeo = sock_rcvtimeo(&s->sk, flags & MSG_DONTWAIT);
	if (!*timeo)
		return -EAGAIN;
	mutex_unlock(&s->in.read_lock);
	err = socket_sleep(s, WANT_DATA, need, timeo);
	mutex_lock(&s->in.read_lock);
	return err;
}

static __always_inline ssize_t socket_receive(struct book_sock *s,
					      struct msghdr *msg, size_t size,
					      int flags)
{
	bool stream = socket_is_stream(s);
	size_t target = 1, done = 0, turn = 0, want = 0;
	unsigned int tries = 0;
	long timeo = -1;
	ssize_t n;
	u64 used;

	if (stream && !size)
		return 0;
	/* A record is all there is to wait for. */
	if (stream &&
	    unlikely(flags & MSG_WAITALL || s->sk.sk_rcvlowat > 1))
		target = sock_rcvlowat(&s->sk, flags & MSG_WAITALL, size);
	for (;;) {
		used = stream_used(&s->in);
		if (unlikely(!used)) {
			n = done >= target;
			if (!n)
				n = socket_wait_data(s, target - done, done,
						     flags, &timeo);
			if (n)
				break;
			continue;
		}
		if (!stream)
			n = socket_get_record(s, msg, size, flags, &want);
		else if (unlikely(flags & MSG_PEEK))
			n = socket_peek_bytes(s, msg, size, used, &want);
		else
			n = socket_get_bytes(s, msg, size - done, used, &want);
		if (unlikely(n < 0)) {
			n = socket_make_way(s, &msg->msg_iter, want, ++tries);
			/* Of a record, all must be there. */
			if (!stream && n >= 0 && n < want)
				n = -EFAULT;
			if (n < 0)
				break;
			/* The next record may be another one, and longer. */
			if (stream && flags & MSG_PEEK)
				size = min_t(size_t, size, n);
			continue;
		}
		tries = 0;
		done += n;
		if (!stream || flags & MSG_PEEK || done == size)
			goto out;
		socket_room_again(s);
		turn += n;
		if (unlikely(turn >= SOCKET_TURN)) {
			turn = 0;
			n = socket_turn(&s->in.read_lock);
			if (n)
				break;
		}
	}
	if (!done)
		return n == 1 ? 0 : n;
out:
	if (likely(!(flags & MSG_PEEK))) {
		socket_count(&s->in.consumed);
		trace_socket_receive(s->object.id, done);
	}
	return done;
}

int socket_recvmsg(struct socket *sock, struct msghdr *msg, size_t size,
		   int flags)
{
	struct book_sock *s = to_sock(sock->sk);
	ssize_t received;

	if (unlikely(flags & MSG_OOB))
		return -EOPNOTSUPP;
	/* Pairs with the release store in socket_join(). */
	if (unlikely(!smp_load_acquire(&s->peer)))
		return -ENOTCONN;
	if (unlikely(mutex_lock_interruptible(&s->in.read_lock)))
		return sock_intr_errno(sock_rcvtimeo(&s->sk, false));
	received = socket_receive(s, msg, size, flags);
	mutex_unlock(&s->in.read_lock);
	if (received > 0 || !socket_is_stream(s))
		socket_room_again(s);
	socket_wake_next(s);
	if (unlikely(msg->msg_name) && received >= 0)
		msg->msg_namelen = socket_getname(sock, msg->msg_name, 1);
	return received;
}

