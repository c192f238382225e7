// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets that turn round inside the module.
 *
 * A socket is made by an ioctl on the device and then lives as a real one: no
 * family is registered, but its struct socket has our operations, and so every
 * system call for sockets comes here. What a socket is to receive waits in a
 * stream of its own (stream.c), into which its peer writes: no socket buffers,
 * nothing allocated for a message. In a stream of SOCK_SEQPACKET each record has
 * its length before it.
 *
 * connect() makes the other end of the connection, an embryo that waits at the
 * listening socket until accept() gives it a file. Both ends refer to each
 * other until they are closed; so what a socket needs of its peer stays there as
 * long as any call on the socket runs. A socket's object (struct book_object)
 * is known from the time it has a file until it is closed, and holds the sock.
 *
 * Who finds nothing to read, no room to write, nobody to accept or no place to
 * connect to sleeps in a wait queue with what it waits for, and is passed over by
 * those who wake for something else. Of several readers one is woken, who wakes
 * the next if he leaves something. One that wants more than there is (MSG_WAITALL)
 * is left alone until that is there. A writer that finds no room says so in
 * book_sock.full of its peer; only then does the peer's reader look for it.
 *
 * A stream's buffer grows, as TCP's does: it doubles when it is found full
 * although the reader has read a whole buffer since, unless its size was set.
 *
 * Locks: socket_lock protects who is connected to whom: sk_state, the lists of
 * embryos, names and peers; also sk_shutdown, which is read without it. It is
 * never held when data moves. Streams have their own locks, taken outside of it.
 * book_mutex is taken outside of it.
 *
 * Barriers, each in two places of which at least one sees what the other wrote:
 *
 *  - A writer publishes bytes, then looks who sleeps (skwq_has_sleeper()); a
 *    reader enters the wait queue, then looks for bytes (socket_sleep()).
 *  - A reader releases room, then looks at full (socket_room_again()); a writer
 *    sets full, then looks for room (socket_has_room()).
 *  - A writer publishes bytes, then looks whether its peer is closed
 *    (socket_lost()); who closes says so, then looks for bytes that nobody will
 *    read (socket_leave()).
 */
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/sockios.h>
#include <net/sock.h>

#include <asm/ioctls.h>

#include "book.h"
#include "compat.h"
#include "stream.h"
#include "tap.h"
#include "trace.h"

/* Bytes after which a long write is shown to the reader. */
#define SOCKET_PORTION	32768UL

/* What a call waits for. */
enum socket_want { WANT_DATA, WANT_ROOM, WANT_EMBRYO, WANT_BACKLOG };

/**
 * struct traffic - what went one way; counted by who holds the stream's lock
 * @messages: calls, or records
 * @bytes: their payload
 * @stamp: jiffies of the last one
 */
struct traffic {
	u64 messages;
	u64 bytes;
	unsigned long stamp;
};

/**
 * struct book_sock - a socket
 * @sk: what all sockets have
 * @object: what all objects have; nobody refers to it before it has a file
 * @file: what its calls see of the object
 * @peer: the other end, referred to; NULL before it is connected
 * @name: its name, or that of the socket that listened for it
 * @connection: number of the connection: the id of the socket that connected
 * @accepted: whether it is the other end
 * @in: what its peer has sent
 * @full: a writer to @in found no room
 * @growth: how often the room in @in has doubled; under its write_lock
 * @grown: the reader's position when it did last; likewise
 * @written: what was written to @in
 * @read: what was read from it
 * @readers: calls that wait for data, or for somebody to accept
 * @writers: calls that wait for room at the peer
 * @blocked: calls that have waited for room
 * @refused: calls that were told EAGAIN because there was none
 * @embryos: those who are connected and not accepted, if it listens
 * @embryo: place among them
 * @connectors: those who wait for a place there
 */
struct book_sock {
	struct sock sk;
	struct book_object object;
	struct book_file file;
	struct book_sock *peer;
	char name[IPCBOOK_NAME_LEN];
	u64 connection;
	bool accepted;
	struct stream in;
	bool full;
	u8 growth;
	u64 grown;
	struct traffic written;
	struct traffic read;
	atomic_t readers;
	atomic_t writers;
	atomic64_t blocked;
	atomic64_t refused;
	struct list_head embryos;
	struct list_head embryo;
	wait_queue_head_t connectors;
};

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

static DEFINE_SPINLOCK(socket_lock);
static const struct proto_ops socket_ops;
static struct proto socket_proto;

static struct book_sock *to_sock(struct sock *sk)
{
	return container_of(sk, struct book_sock, sk);
}

static struct book_sock *object_sock(struct book_object *object)
{
	return container_of(object, struct book_sock, object);
}

static bool socket_is_stream(const struct book_sock *s)
{
	return s->sk.sk_type == SOCK_STREAM;
}

/*
 * Shows what @s does to those who listen. The peer's pid does not change while
 * it is connected.
 */
static noinline void socket_tap(const struct book_sock *s,
				enum ipcbook_capture_event what, u8 detail,
				const struct cursor *at, size_t n)
{
	const struct book_sock *peer = s->peer;
	const struct tap_event event = {
		.net = sock_net(&s->sk),
		.receiver = s->sk.sk_peer_pid,
		.name = s->accepted ? s->name : peer->name,
		.connection = s->connection,
		.event = what,
		.flags = (socket_is_stream(s) ? 0 : IPCBOOK_CAPTURE_RECORDS) |
			 (s->accepted ? IPCBOOK_CAPTURE_ACCEPTED : 0),
		.detail = detail,
		.number = READ_ONCE(peer->written.messages),
		.position = READ_ONCE(peer->written.bytes),
	};

	tap_tell(&event, &peer->in, at, n);
}

/* ----------------------------------------------------------- room and waking */

/* Most bytes that may wait for @to, into whose stream @from writes. */
static u64 socket_limit(const struct book_sock *from,
			const struct book_sock *to)
{
	u64 limit = min_t(u32, READ_ONCE(from->sk.sk_sndbuf),
			  READ_ONCE(to->sk.sk_rcvbuf));

	return limit << READ_ONCE(to->growth);
}

/* @from finds no room: whether it can have more, because the stream flows. */
static bool socket_grow(const struct book_sock *from, struct book_sock *to)
{
	u64 limit = socket_limit(from, to), head = READ_ONCE(to->in.head);

	lockdep_assert_held(&to->in.write_lock);
	if (from->sk.sk_userlocks & SOCK_SNDBUF_LOCK ||
	    to->sk.sk_userlocks & SOCK_RCVBUF_LOCK) {
		WRITE_ONCE(to->growth, 0);
		return false;
	}
	if (from->sk.sk_type != SOCK_STREAM || head - to->grown < limit ||
	    2 * limit > READ_ONCE(socket_max_bytes))
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

/* Enough room that a writer is told of it. */
static bool socket_writable(const struct book_sock *from,
			    const struct book_sock *to)
{
	return 2 * stream_used(&to->in) <= socket_limit(from, to);
}

static void socket_wake(struct sock *sk, __poll_t events, int how, int band)
{
	struct socket_wq *wq;

	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	/* Its barrier is for those who have changed what is waited for. */
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_sync_poll(&wq->wait, events);
	sk_wake_async(sk, how, band);
	rcu_read_unlock();
}

/* There is something to read, or somebody to accept. */
static void socket_wake_readers(struct sock *sk)
{
	socket_wake(sk, EPOLLIN | EPOLLRDNORM, SOCK_WAKE_WAITD, POLL_IN);
}

/* There may be room again for what @sk writes: of sk_write_space. */
static void socket_write_space(struct sock *sk)
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
static bool socket_has_room(struct book_sock *s, u64 need)
{
	if (socket_room(s, s->peer) >= need)
		return true;
	WRITE_ONCE(s->peer->full, true);
	/* Pairs with the barrier in socket_room_again(). */
	smp_mb();
	return socket_room(s, s->peer) >= need;
}

/* Nothing more comes than what is there. */
static bool socket_ended(const struct book_sock *s)
{
	/* Pairs with the release store in socket_close_way(). */
	return smp_load_acquire(&s->sk.sk_shutdown) & RCV_SHUTDOWN;
}

static bool backlog_full(const struct book_sock *s)
{
	return READ_ONCE(s->sk.sk_ack_backlog) >
	       READ_ONCE(s->sk.sk_max_ack_backlog);
}

static bool socket_listens(const struct book_sock *s)
{
	return READ_ONCE(s->sk.sk_state) == TCP_LISTEN &&
	       !(READ_ONCE(s->sk.sk_shutdown) & RCV_SHUTDOWN);
}

static bool socket_ready(struct book_sock *s, enum socket_want want, u64 need)
{
	switch (want) {
	case WANT_DATA:
		return stream_used(&s->in) >= need || READ_ONCE(s->sk.sk_err) ||
		       socket_ended(s) ||
		       (READ_ONCE(s->full) && stream_used(&s->in));
	case WANT_ROOM:
		return socket_has_room(s, need) ||
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
static noinline int socket_sleep(struct book_sock *s, enum socket_want want,
				 u64 need, long *timeo)
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

/* ---------------------------------------------------------- making, freeing */

static void socket_destruct(struct sock *sk)
{
	stream_free(&to_sock(sk)->in);
}

/* A sock without a socket and an object; @type is the caller's to check. */
static struct book_sock *socket_new(struct net *net, int type)
{
	struct sock *sk = sk_alloc(net, IPCBOOK_AF, GFP_KERNEL, &socket_proto,
				   0);
	struct book_sock *s;

	if (!sk)
		return NULL;
	sock_init_data(NULL, sk);
	sk->sk_type = type;
	sk->sk_destruct = socket_destruct;
	sk->sk_write_space = socket_write_space;
	s = to_sock(sk);
	stream_init(&s->in);
	INIT_LIST_HEAD(&s->embryos);
	INIT_LIST_HEAD(&s->embryo);
	init_waitqueue_head(&s->connectors);
	s->file.object = &s->object;
	return s;
}

static long socket_make(const struct ipcbook_socket *arg)
{
	int flags = (arg->flags & IPCBOOK_OPEN_CLOEXEC ? O_CLOEXEC : 0) |
		    (arg->flags & IPCBOOK_OPEN_NONBLOCK ? O_NONBLOCK : 0);
	struct net *net = current->nsproxy->net_ns;
	struct socket *sock = sock_alloc();
	struct book_sock *s;
	struct file *filp;
	int err, fd;

	if (!sock)
		return -ENFILE;
	sock->type = arg->type;
	err = -ENOBUFS;
	s = socket_new(net, arg->type);
	if (!s)
		goto err_sock;
	err = book_add(&s->object, &socket_chapter, net, arg->mode);
	if (err) {
		sock_put(&s->sk);
		goto err_sock;
	}
	sock_hold(&s->sk);
	sock_graft(&s->sk, sock);
	/* From here on closing the socket undoes all, and puts the module. */
	__module_get(THIS_MODULE);
	sock->ops = &socket_ops;
	fd = get_unused_fd_flags(flags);
	err = fd;
	if (fd < 0)
		goto err_sock;
	filp = sock_alloc_file(sock, flags, NULL);
	if (IS_ERR(filp)) {
		put_unused_fd(fd);
		return PTR_ERR(filp);
	}
	trace_socket_make(s->object.id, arg->type);
	fd_install(fd, filp);
	return fd;

err_sock:
	sock_release(sock);
	return err;
}

static long socket_device(unsigned int nr, void __user *argp)
{
	struct ipcbook_socket arg;
	int err;

	if (nr != _IOC_NR(IPCBOOK_IOC_SOCKET))
		return -ENOTTY;
	err = book_copy_args(&arg, sizeof(arg), argp);
	if (err)
		return err;
	if (arg.flags & ~(IPCBOOK_OPEN_NONBLOCK | IPCBOOK_OPEN_CLOEXEC) ||
	    arg.mode & ~0777 ||
	    (arg.type != SOCK_STREAM && arg.type != SOCK_SEQPACKET))
		return -EINVAL;
	return socket_make(&arg);
}

/* ------------------------------------------------------------- names, peers */

/* The name in an address; bytes after its zero must not mean anything. */
static int socket_address(char *name, const void *address, int len)
{
	const struct sockaddr_ipcbook *from = address;
	size_t room;

	/* A length of 0 comes without an address. */
	if (len <= (int)offsetof(struct sockaddr_ipcbook, name) ||
	    len > (int)sizeof(*from))
		return -EINVAL;
	if (from->family != IPCBOOK_AF)
		return -EAFNOSUPPORT;
	room = len - offsetof(struct sockaddr_ipcbook, name);
	room = strnlen(from->name, room);
	if (!room || room == IPCBOOK_NAME_LEN)
		return -EINVAL;
	memset(name, 0, IPCBOOK_NAME_LEN);
	memcpy(name, from->name, room);
	return 0;
}

/* The address of @s, under socket_lock; returns its length. */
static int socket_tell(const struct book_sock *s, void *address)
{
	struct sockaddr_ipcbook *to = address;

	lockdep_assert_held(&socket_lock);
	memset(to, 0, sizeof(*to));
	to->family = IPCBOOK_AF;
	if (!s->name[0])
		return offsetof(struct sockaddr_ipcbook, name);
	memcpy(to->name, s->name, sizeof(to->name));
	return offsetof(struct sockaddr_ipcbook, name) + strlen(s->name) + 1;
}

static int socket_getname(struct socket *sock, struct sockaddr *address,
			  int peer)
{
	struct book_sock *s = to_sock(sock->sk);
	int len = -ENOTCONN;

	spin_lock(&socket_lock);
	if (peer)
		s = s->peer;
	if (s)
		len = socket_tell(s, address);
	spin_unlock(&socket_lock);
	return len;
}

static int socket_bind(struct socket *sock, struct sockaddr_unsized *address,
		       int len)
{
	struct book_sock *s = to_sock(sock->sk);
	char name[IPCBOOK_NAME_LEN];
	int err;

	err = socket_address(name, address, len);
	if (err)
		return err;
	if (READ_ONCE(s->peer))
		return -EINVAL;
	err = book_bind(&s->object, name);
	if (err)
		return err;
	spin_lock(&socket_lock);
	memcpy(s->name, name, sizeof(s->name));
	spin_unlock(&socket_lock);
	return 0;
}

/* Whoever asks for the peer of @sk is told of @pid. */
static void socket_set_peer(struct sock *sk, struct pid *pid,
			    const struct cred *cred)
{
	const struct cred *old_cred;
	struct pid *old_pid;

	get_pid(pid);
	get_cred(cred);
	spin_lock(&sk->sk_peer_lock);
	old_pid = sk->sk_peer_pid;
	old_cred = sk->sk_peer_cred;
	sk->sk_peer_pid = pid;
	sk->sk_peer_cred = cred;
	spin_unlock(&sk->sk_peer_lock);
	put_pid(old_pid);
	put_cred(old_cred);
}

static int socket_listen(struct socket *sock, int backlog)
{
	struct book_sock *s = to_sock(sock->sk);
	int err = -EINVAL;

	spin_lock(&socket_lock);
	if (s->name[0] && !s->peer) {
		s->sk.sk_max_ack_backlog = backlog;
		WRITE_ONCE(s->sk.sk_state, TCP_LISTEN);
		/* Who connects is told of who listens. */
		socket_set_peer(&s->sk, task_tgid(current), current_cred());
		err = 0;
	}
	spin_unlock(&socket_lock);
	if (!err)
		wake_up_interruptible_all(&s->connectors);
	return err;
}

/* Connects @s with @end, a new sock that goes to @listener. */
static int socket_join(struct book_sock *s, struct book_sock *listener,
		       struct book_sock *end)
{
	lockdep_assert_held(&socket_lock);
	if (s->peer)
		return -EISCONN;
	if (s->sk.sk_state == TCP_LISTEN)
		return -EINVAL;
	if (!socket_listens(listener))
		return -ECONNREFUSED;
	if (s->sk.sk_type != listener->sk.sk_type)
		return -EPROTOTYPE;
	if (backlog_full(listener))
		return -EAGAIN;
	memcpy(end->name, listener->name, sizeof(end->name));
	end->sk.sk_rcvbuf = READ_ONCE(listener->sk.sk_rcvbuf);
	end->sk.sk_sndbuf = READ_ONCE(listener->sk.sk_sndbuf);
	socket_set_peer(&end->sk, task_tgid(current), current_cred());
	socket_set_peer(&s->sk, listener->sk.sk_peer_pid,
			listener->sk.sk_peer_cred);
	end->connection = s->object.id;
	s->connection = s->object.id;
	end->accepted = true;
	sock_hold(&s->sk);
	end->peer = s;
	end->sk.sk_state = TCP_ESTABLISHED;
	sock_hold(&end->sk);
	WRITE_ONCE(s->sk.sk_state, TCP_ESTABLISHED);
	/* Pairs with the acquire loads of those who send and receive. */
	smp_store_release(&s->peer, end);
	list_add_tail(&end->embryo, &listener->embryos);
	WRITE_ONCE(listener->sk.sk_ack_backlog,
		   listener->sk.sk_ack_backlog + 1);
	return 0;
}

/* One try to connect; 1 if it is to be repeated. */
static int socket_try(struct book_sock *s, const char *name,
		      struct book_sock *end, long *timeo)
{
	struct book_sock *listener;
	struct book_object *object;
	int err;

	object = book_find_named(&socket_chapter, sock_net(&s->sk), name,
				 BOOK_WRITE);
	if (object == ERR_PTR(-ENOENT))
		return -ECONNREFUSED;
	if (IS_ERR(object))
		return PTR_ERR(object);
	listener = object_sock(object);
	spin_lock(&socket_lock);
	err = socket_join(s, listener, end);
	spin_unlock(&socket_lock);
	if (!err) {
		trace_socket_connect(s->object.id, listener->object.id);
		if (tap_on())
			socket_tap(s, IPCBOOK_CAPTURE_CONNECT, 0, NULL, 0);
		socket_wake_readers(&listener->sk);
	} else if (err == -EAGAIN && *timeo) {
		err = socket_sleep(listener, WANT_BACKLOG, 0, timeo);
		if (!err)
			err = 1;
	}
	book_put(object);
	return err;
}

static int socket_connect(struct socket *sock, struct sockaddr_unsized *address,
			  int len, int flags)
{
	struct book_sock *s = to_sock(sock->sk);
	long timeo = sock_sndtimeo(&s->sk, flags & O_NONBLOCK);
	char name[IPCBOOK_NAME_LEN];
	struct book_sock *end;
	int err;

	err = socket_address(name, address, len);
	if (err)
		return err;
	end = socket_new(sock_net(&s->sk), s->sk.sk_type);
	if (!end)
		return -ENOBUFS;
	do
		err = socket_try(s, name, end, &timeo);
	while (err > 0);
	if (err)
		sock_put(&end->sk);
	else
		sock->state = SS_CONNECTED;
	return err;
}

static struct book_sock *socket_embryo(struct book_sock *s)
{
	struct book_sock *end = NULL;

	spin_lock(&socket_lock);
	if (!socket_listens(s)) {
		end = ERR_PTR(-EINVAL);
	} else if (!list_empty(&s->embryos)) {
		end = list_first_entry(&s->embryos, struct book_sock, embryo);
		list_del_init(&end->embryo);
		WRITE_ONCE(s->sk.sk_ack_backlog, s->sk.sk_ack_backlog - 1);
	}
	spin_unlock(&socket_lock);
	return end;
}

static int socket_accept(struct socket *sock, struct socket *newsock,
			 BOOK_ACCEPT_ARGS)
{
	struct book_sock *s = to_sock(sock->sk), *end;
	long timeo = sock_rcvtimeo(&s->sk, book_accept_flags & O_NONBLOCK);
	int err;

	while (!(end = socket_embryo(s))) {
		err = socket_sleep(s, WANT_EMBRYO, 0, &timeo);
		if (err)
			return err;
	}
	if (IS_ERR(end))
		return PTR_ERR(end);
	err = book_add(&end->object, &socket_chapter, sock_net(&s->sk), 0600);
	if (err) {
		/* It waits for a better time. */
		spin_lock(&socket_lock);
		list_add(&end->embryo, &s->embryos);
		WRITE_ONCE(s->sk.sk_ack_backlog, s->sk.sk_ack_backlog + 1);
		spin_unlock(&socket_lock);
		return err;
	}
	sock_hold(&end->sk);
	newsock->state = SS_CONNECTED;
	sock_graft(&end->sk, newsock);
	trace_socket_accept(end->object.id, s->object.id,
			    end->peer->object.id);
	if (tap_on())
		socket_tap(end, IPCBOOK_CAPTURE_ACCEPT, 0, NULL, 0);
	/* Pairs with the barrier of who enters the wait queue. */
	if (wq_has_sleeper(&s->connectors))
		wake_up_interruptible(&s->connectors);
	return 0;
}

/* ------------------------------------------------------------------ closing */

/* @s receives and sends no more, as far as @how says. */
static void socket_close_way(struct book_sock *s, int how)
{
	lockdep_assert_held(&socket_lock);
	/* Pairs with the acquire load in socket_ended(). */
	smp_store_release(&s->sk.sk_shutdown, s->sk.sk_shutdown | how);
}

/* What a way of closing is for the peer. */
static int socket_mirror(int how)
{
	return (how & RCV_SHUTDOWN ? SEND_SHUTDOWN : 0) |
	       (how & SEND_SHUTDOWN ? RCV_SHUTDOWN : 0);
}

static int socket_shutdown(struct socket *sock, int how)
{
	struct book_sock *s = to_sock(sock->sk), *peer;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	how++;
	spin_lock(&socket_lock);
	socket_close_way(s, how);
	peer = s->peer;
	if (peer)
		socket_close_way(peer, socket_mirror(how));
	spin_unlock(&socket_lock);
	trace_socket_shutdown(s->object.id, how);
	s->sk.sk_state_change(&s->sk);
	wake_up_interruptible_all(&s->connectors);
	if (!peer)
		return 0;
	if (tap_on())
		socket_tap(s, IPCBOOK_CAPTURE_SHUTDOWN, how, NULL, 0);
	peer->sk.sk_state_change(&peer->sk);
	sk_wake_async(&peer->sk, SOCK_WAKE_WAITD,
		      how == SHUTDOWN_MASK ? POLL_HUP : POLL_IN);
	return 0;
}

/* What @s has sent will never be read. */
static void socket_reset(struct book_sock *s)
{
	WRITE_ONCE(s->sk.sk_err, ECONNRESET);
	sk_error_report(&s->sk);
}

/* The peer of @end, which nobody uses any more, is alone from now on. */
static void socket_leave(struct book_sock *end, bool embryo)
{
	struct book_sock *peer = end->peer;

	if (!peer)
		return;
	/* Pairs with the barrier in socket_lost(). */
	smp_mb();
	if (embryo || stream_used(&end->in))
		socket_reset(peer);
	peer->sk.sk_state_change(&peer->sk);
	sk_wake_async(&peer->sk, SOCK_WAKE_WAITD, POLL_HUP);
	/* Else the peer is about to write; it goes with the sock. */
	if (mutex_trylock(&end->in.write_lock)) {
		stream_free(&end->in);
		mutex_unlock(&end->in.write_lock);
	}
	sock_put(&peer->sk);
}

/* Nobody will accept @end. */
static void socket_abort(struct book_sock *end)
{
	spin_lock(&socket_lock);
	socket_close_way(end, SHUTDOWN_MASK);
	socket_close_way(end->peer, SHUTDOWN_MASK);
	sock_set_flag(&end->sk, SOCK_DEAD);
	spin_unlock(&socket_lock);
	socket_leave(end, true);
	sock_put(&end->sk);
}

static int socket_release(struct socket *sock)
{
	struct book_sock *s, *end, *next;
	LIST_HEAD(embryos);

	/* Of a socket that was to be accepted, and was not. */
	if (!sock->sk)
		return 0;
	s = to_sock(sock->sk);
	if (s->name[0] && !s->peer)
		book_unbind(&s->object);
	spin_lock(&socket_lock);
	socket_close_way(s, SHUTDOWN_MASK);
	if (s->peer)
		socket_close_way(s->peer, SHUTDOWN_MASK);
	WRITE_ONCE(s->sk.sk_state, TCP_CLOSE);
	list_splice_init(&s->embryos, &embryos);
	spin_unlock(&socket_lock);

	trace_socket_close(s->object.id, s->written.bytes, s->read.bytes);
	if (tap_on() && s->peer)
		socket_tap(s, IPCBOOK_CAPTURE_CLOSE, stream_used(&s->in) > 0,
			   NULL, 0);
	wake_up_interruptible_all(&s->connectors);
	sock_orphan(&s->sk);
	sock->sk = NULL;
	list_for_each_entry_safe(end, next, &embryos, embryo)
		socket_abort(end);
	atomic_dec(&s->object.descriptors);
	book_put(&s->object);
	socket_leave(s, false);
	sock_put(&s->sk);
	return 0;
}

/* ------------------------------------------------------------------ sending */

/*
 * The peer has closed while @s published: if it has not read everything before,
 * the rest is lost, and that is to be told.
 */
static noinline void socket_lost(struct book_sock *s, struct book_sock *peer)
{
	if (sock_flag(&peer->sk, SOCK_DEAD) && stream_used(&peer->in))
		socket_reset(s);
}

/* Makes what was written up to @at readable. */
static __always_inline void socket_publish(struct book_sock *s,
					   struct book_sock *peer,
					   const struct cursor *at, size_t n)
{
	stream_publish(&peer->in, at);
	peer->written.bytes += n;
	/* Also the barrier between publishing and looking at sk_shutdown. */
	socket_wake_readers(&peer->sk);
	if (unlikely(READ_ONCE(s->sk.sk_shutdown) & SEND_SHUTDOWN))
		socket_lost(s, peer);
}

static void socket_count(struct traffic *traffic)
{
	traffic->messages++;
	traffic->stamp = jiffies;
}

/* A record, for which there is room. */
static __always_inline int socket_put_record(struct book_sock *s,
					     struct book_sock *peer,
					     struct iov_iter *from, size_t len)
{
	struct cursor at = peer->in.write, start;
	u32 *header, pad;

	header = stream_put_header(&peer->in, &at, len, s->object.memcg);
	if (unlikely(!header))
		return -ENOMEM;
	start = at;
	if (unlikely(stream_put(&peer->in, &at, from, len, s->object.memcg) <
		     len))
		return cursor_at_end(&at) ? -ENOMEM : -EFAULT;
	*header = len;
	if (tap_on())
		socket_tap(s, IPCBOOK_CAPTURE_DATA, 0, &start, len);
	/* Every chunk is a multiple of the padding, so that it is there. */
	pad = round_up(len, STREAM_HEADER) - len;
	at.offset += pad;
	at.position += pad;
	socket_publish(s, peer, &at, len);
	return 0;
}

/* As much of a stream's @len bytes as there is room for. */
static __always_inline ssize_t socket_put_bytes(struct book_sock *s,
						struct book_sock *peer,
						struct iov_iter *from,
						size_t len)
{
	struct cursor at = peer->in.write;
	size_t n = min_t(size_t, len, SOCKET_PORTION), done;

	done = stream_put(&peer->in, &at, from, n, s->object.memcg);
	if (unlikely(!done))
		return cursor_at_end(&at) ? -ENOMEM : -EFAULT;
	if (tap_on())
		socket_tap(s, IPCBOOK_CAPTURE_DATA, 0, &peer->in.write, done);
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
	size_t sent = 0;
	ssize_t n = 0;
	long timeo = -1;

	do {
		if (unlikely(READ_ONCE(s->sk.sk_shutdown) & SEND_SHUTDOWN)) {
			n = -EPIPE;
			break;
		}
		if (unlikely(!need))
			return 0;
		room = socket_room(s, peer);
		if (unlikely(room < need)) {
			if (timeo < 0)
				timeo = sock_sndtimeo(&s->sk, msg->msg_flags &
						      MSG_DONTWAIT);
			n = socket_wait_room(s, peer, need, &timeo);
			if (n)
				break;
			continue;
		}
		if (!stream) {
			n = socket_put_record(s, peer, &msg->msg_iter, len);
			if (n)
				break;
			sent = len;
			goto out;
		}
		n = socket_put_bytes(s, peer, &msg->msg_iter,
				     min_t(u64, len - sent, room));
		if (n < 0)
			break;
		sent += n;
	} while (sent < len);
	if (!sent) {
		if (n == -EAGAIN)
			atomic64_inc(&s->refused);
		return n;
	}
out:
	socket_count(&peer->written);
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

static int socket_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
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
		return -ERESTARTSYS;
	sent = socket_send(s, peer, msg, len);
	mutex_unlock(&peer->in.write_lock);
	if (unlikely(sent == -EPIPE) && !(msg->msg_flags & MSG_NOSIGNAL))
		send_sig(SIGPIPE, current, 0);
	return sent;
}

/* ---------------------------------------------------------------- receiving */

/* The next record; what does not fit is cut, unless the copy fails. */
static __always_inline ssize_t socket_get_record(struct book_sock *s,
						 struct msghdr *msg,
						 size_t size, int flags)
{
	struct cursor at = s->in.read;
	size_t piece = STREAM_HEADER, len, n;

	len = *(u32 *)stream_piece(&s->in, &at, &piece);
	at.offset += STREAM_HEADER;
	at.position += STREAM_HEADER;
	n = min(len, size);
	if (unlikely(stream_get(&s->in, &at, &msg->msg_iter, n) < n))
		return -EFAULT;
	if (unlikely(n < len))
		msg->msg_flags |= MSG_TRUNC;
	if (!(flags & MSG_PEEK)) {
		stream_skip(&s->in, &at, round_up(len, STREAM_HEADER) - n);
		s->read.bytes += len;
		stream_release(&s->in, &at);
	}
	return flags & MSG_TRUNC ? len : n;
}

/* Up to @size of the @used bytes that are there. */
static __always_inline ssize_t socket_get_bytes(struct book_sock *s,
						struct msghdr *msg, size_t size,
						u64 used, int flags)
{
	struct cursor at = s->in.read;
	size_t n = min_t(u64, size, used), done;

	n = min_t(size_t, n, SOCKET_PORTION);
	done = stream_get(&s->in, &at, &msg->msg_iter, n);
	if (unlikely(!done && n))
		return -EFAULT;
	if (!(flags & MSG_PEEK)) {
		s->read.bytes += done;
		stream_release(&s->in, &at);
	}
	return done;
}

/* Peeks at up to @size bytes, across portions. */
static ssize_t socket_peek_bytes(struct book_sock *s, struct msghdr *msg,
				 size_t size, u64 used)
{
	struct cursor at = s->in.read;
	size_t n = min_t(u64, size, used), done;

	done = stream_get(&s->in, &at, &msg->msg_iter, n);
	return !done && n ? -EFAULT : done;
}

/*
 * Nothing is there. Waits for it, with the lock not held meanwhile. Returns 0
 * to look again; 1 if nothing will come any more; else the error.
 */
static noinline int socket_wait_data(struct book_sock *s, u64 need, int flags,
				     long *timeo)
	__must_hold(&s->in.read_lock)
{
	int err;

	if (READ_ONCE(s->sk.sk_err)) {
		err = sock_error(&s->sk);
		if (err)
			return err;
	}
	if (socket_ended(s))
		return stream_used(&s->in) ? 0 : 1;
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
	size_t target = 1, done = 0;
	long timeo = -1;
	ssize_t n;
	u64 used;

	if (stream && !size)
		return 0;
	if (unlikely(flags & MSG_WAITALL || s->sk.sk_rcvlowat > 1))
		target = sock_rcvlowat(&s->sk, flags & MSG_WAITALL, size);
	for (;;) {
		used = stream_used(&s->in);
		if (unlikely(!used)) {
			n = done >= target;
			if (!n)
				n = socket_wait_data(s, target - done, flags,
						     &timeo);
			if (n)
				break;
			continue;
		}
		if (!stream) {
			n = socket_get_record(s, msg, size, flags);
			if (n < 0)
				break;
			done = n;
			goto out;
		}
		if (unlikely(flags & MSG_PEEK)) {
			n = socket_peek_bytes(s, msg, size, used);
			if (n < 0)
				break;
			done = n;
			goto out;
		}
		n = socket_get_bytes(s, msg, size - done, used, flags);
		if (n < 0)
			break;
		done += n;
		if (done == size)
			goto out;
		socket_room_again(s);
	}
	if (!done)
		return n == 1 ? 0 : n;
out:
	if (likely(!(flags & MSG_PEEK))) {
		socket_count(&s->read);
		trace_socket_receive(s->object.id, done);
	}
	return done;
}

static int socket_recvmsg(struct socket *sock, struct msghdr *msg, size_t size,
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
		return -ERESTARTSYS;
	received = socket_receive(s, msg, size, flags);
	mutex_unlock(&s->in.read_lock);
	if (received > 0 || !socket_is_stream(s))
		socket_room_again(s);
	/* Only one reader was woken for what came. */
	if (unlikely(atomic_read(&s->readers)) && stream_used(&s->in))
		socket_wake_readers(&s->sk);
	if (unlikely(msg->msg_name) && received >= 0)
		msg->msg_namelen = socket_getname(sock, msg->msg_name, 1);
	return received;
}

/* -------------------------------------------------------- poll, ioctl, stat */

static __poll_t socket_poll(struct file *filp, struct socket *sock,
			    struct poll_table_struct *pt)
{
	struct book_sock *s = to_sock(sock->sk);
	struct book_sock *peer;
	__poll_t mask = 0;
	int shutdown;

	sock_poll_wait(filp, sock, pt);
	/* Pairs with the release store in socket_close_way(). */
	shutdown = smp_load_acquire(&s->sk.sk_shutdown);
	/* Pairs with the release store in socket_join(). */
	peer = smp_load_acquire(&s->peer);
	if (READ_ONCE(s->sk.sk_err))
		mask |= EPOLLERR;
	if (shutdown == SHUTDOWN_MASK)
		mask |= EPOLLHUP;
	if (shutdown & RCV_SHUTDOWN)
		mask |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(s->sk.sk_state) == TCP_LISTEN)
		return !list_empty_careful(&s->embryos) ?
		       mask | EPOLLIN | EPOLLRDNORM : mask;
	if (stream_used(&s->in))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (!peer)
		return mask | EPOLLHUP | EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	/* Also when nobody will read it: a write then tells so. */
	if (shutdown & SEND_SHUTDOWN || socket_writable(s, peer) ||
	    socket_has_room(s, socket_limit(s, peer) / 2))
		mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	return mask;
}

/* Bytes that a receive would return at most. */
static u32 socket_next(struct book_sock *s)
{
	size_t piece = STREAM_HEADER;
	struct cursor at;
	u32 n = 0;

	if (socket_is_stream(s))
		return min_t(u64, stream_used(&s->in), INT_MAX);
	mutex_lock(&s->in.read_lock);
	at = s->in.read;
	if (stream_used(&s->in))
		n = *(u32 *)stream_piece(&s->in, &at, &piece);
	mutex_unlock(&s->in.read_lock);
	return n;
}

/* Payload that has been written to @s and not been read. */
static u64 socket_bytes(const struct book_sock *s)
{
	u64 read = READ_ONCE(s->read.bytes);

	return READ_ONCE(s->written.bytes) - read;
}

static int socket_ioctl(struct socket *sock, unsigned int cmd,
			unsigned long arg)
{
	struct book_sock *s = to_sock(sock->sk);
	struct book_sock *peer = READ_ONCE(s->peer);

	switch (cmd) {
	case SIOCINQ:
		if (READ_ONCE(s->sk.sk_state) == TCP_LISTEN)
			return -EINVAL;
		return put_user(socket_next(s), (int __user *)arg);
	case SIOCOUTQ:
		if (READ_ONCE(s->sk.sk_state) == TCP_LISTEN)
			return -EINVAL;
		return put_user(peer ? socket_bytes(peer) : 0,
				(int __user *)arg);
	}
	if (_IOC_TYPE(cmd) != IPCBOOK_IOC_MAGIC)
		return -ENOIOCTLCMD;
	return book_ioctl(&s->file, _IOC_NR(cmd), (void __user *)arg);
}

static void socket_show_fdinfo(struct seq_file *seq, struct socket *sock)
{
	struct book_sock *s = to_sock(sock->sk);
	struct sockaddr_ipcbook local = { }, peer = { };

	book_show_fdinfo(seq, &s->object);
	spin_lock(&socket_lock);
	socket_tell(s, &local);
	if (s->peer)
		socket_tell(s->peer, &peer);
	spin_unlock(&socket_lock);
	seq_printf(seq, "type:\t%s\n",
		   socket_is_stream(s) ? "stream" : "seqpacket");
	seq_printf(seq, "state:\t%s\n", s->peer ? "connected" :
		   s->sk.sk_state == TCP_LISTEN ? "listening" : "unconnected");
	seq_puts(seq, "local:\t");
	seq_escape(seq, local.name, "\\\n");
	seq_puts(seq, "\npeer:\t");
	seq_escape(seq, peer.name, "\\\n");
	seq_printf(seq, "\nbytes:\t%llu\n", socket_bytes(s));
}

static u64 socket_time(const struct traffic *traffic)
{
	if (!READ_ONCE(traffic->messages))
		return 0;
	return ktime_get_coarse_real_ns() -
	       jiffies_to_nsecs(jiffies - READ_ONCE(traffic->stamp));
}

static void socket_stat_peer(struct book_sock *s, const struct book_sock *peer,
			     struct ipcbook_stat *stat)
{
	stat->max_bytes = socket_limit(peer, s);
	stat->max_size = socket_is_stream(s) ? 0 :
			 socket_limit(s, peer) - STREAM_HEADER;
	stat->sent = READ_ONCE(peer->written.messages);
	stat->sent_bytes = READ_ONCE(peer->written.bytes);
	stat->sent_ns = socket_time(&peer->written);
	spin_lock(&s->sk.sk_peer_lock);
	stat->sender = pid_vnr(s->sk.sk_peer_pid);
	spin_unlock(&s->sk.sk_peer_lock);
}

static void socket_stat(struct book_object *object, struct ipcbook_stat *stat)
{
	struct book_sock *s = object_sock(object), *peer;

	stat->bytes = socket_bytes(s);
	stat->depth = socket_is_stream(s) ? stat->bytes :
		      READ_ONCE(s->written.messages) -
		      READ_ONCE(s->read.messages);
	stat->received = READ_ONCE(s->read.messages);
	stat->received_bytes = READ_ONCE(s->read.bytes);
	stat->received_ns = socket_time(&s->read);
	stat->memory = sizeof(*s) + atomic_long_read(&s->in.memory);
	stat->senders_waiting = atomic_read(&s->writers);
	stat->receivers_waiting = atomic_read(&s->readers);
	stat->blocked = atomic64_read(&s->blocked);
	stat->refused = atomic64_read(&s->refused);
	spin_lock(&socket_lock);
	peer = s->peer;
	if (s->sk.sk_state == TCP_LISTEN) {
		stat->depth = s->sk.sk_ack_backlog;
		stat->max_depth = s->sk.sk_max_ack_backlog + 1ULL;
	}
	spin_unlock(&socket_lock);
	/* Referred to for as long as the object is known. */
	if (peer)
		socket_stat_peer(s, peer, stat);
}

/* -------------------------------------------------------- the chapter's table */

static const struct proto_ops socket_ops = {
	.family = IPCBOOK_AF,
	.owner = THIS_MODULE,
	.release = socket_release,
	.bind = socket_bind,
	.connect = socket_connect,
	.socketpair = sock_no_socketpair,
	.accept = socket_accept,
	.getname = socket_getname,
	.poll = socket_poll,
	.ioctl = socket_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl = socket_ioctl,
#endif
	.gettstamp = sock_gettstamp,
	.listen = socket_listen,
	.shutdown = socket_shutdown,
	.show_fdinfo = socket_show_fdinfo,
	.sendmsg = socket_sendmsg,
	.recvmsg = socket_recvmsg,
	.mmap = sock_no_mmap,
#ifdef IPCBOOK_HAS_SENDPAGE
	.sendpage = sock_no_sendpage,
#endif
};

static struct proto socket_proto = {
	.name = "IPCBOOK",
	.owner = THIS_MODULE,
	.obj_size = sizeof(struct book_sock),
};

/* Sockets are not made by IPCBOOK_IOC_OPEN. */
static int socket_check(const struct ipcbook_open *arg)
{
	return -EINVAL;
}

static void socket_destroy(struct book_object *object)
{
	sock_put(&object_sock(object)->sk);
}

static int socket_init(void)
{
	int err = proto_register(&socket_proto, 1);

	if (err)
		return err;
	err = tap_init();
	if (err)
		proto_unregister(&socket_proto);
	return err;
}

static void socket_exit(void)
{
	tap_exit();
	proto_unregister(&socket_proto);
}

const struct book_chapter socket_chapter = {
	.id = IPCBOOK_SOCKET,
	.name = "socket",
	.check = socket_check,
	.destroy = socket_destroy,
	.stat = socket_stat,
	.device = socket_device,
	.init = socket_init,
	.exit = socket_exit,
};
