// SPDX-License-Identifier: GPL-2.0-only
/*
 * How two sockets come to have each other, and how they part: names, listening,
 * connecting, accepting, shutting down, closing.
 *
 * connect() makes the other end of the connection, an embryo that waits at the
 * listening socket until accept() gives it a file. Both ends refer to each
 * other until they are closed; so what a socket needs of its peer stays there as
 * long as any call on the socket runs. Each has memory of its own for what it is
 * to receive, which goes when it is closed.
 *
 * Locks: socket_lock (see socket.c) for everything here; book_mutex is taken
 * outside of it, for names and limits (book_bind(), book_find_named(), book_opened(),
 * book_reserve(), book_add()).
 *
 * Barriers:
 *
 *  - The release store of peer in socket_join() pairs with the acquire loads of
 *    those who send, receive and poll: whoever sees a peer sees it complete.
 *  - Who closes says so, then looks for bytes that nobody will read
 *    (socket_close()); a writer publishes bytes, then looks whether its peer is
 *    closed (socket_lost()). At least one of both sees the other.
 *  - The release store of sk_shutdown in socket_close_way() pairs with the
 *    acquire load in socket_ended(): whoever sees the end sees the last bytes.
 *    The error that belongs to it is there when socket_lock is left, which is why
 *    socket_error() takes it.
 */
#include <linux/net.h>
#include <linux/sched.h>

#include "socket.h"
#include "tap.h"
#include "trace.h"

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
int socket_tell(const struct book_sock *s, void *address)
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

int socket_getname(struct socket *sock, struct sockaddr *address, int peer)
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

int socket_bind(struct socket *sock, struct sockaddr_unsized *address, int len)
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
	/* It stores a 0 that others may be storing, too. */
	data_race(get_cred(cred));
	spin_lock(&sk->sk_peer_lock);
	old_pid = sk->sk_peer_pid;
	old_cred = sk->sk_peer_cred;
	sk->sk_peer_pid = pid;
	sk->sk_peer_cred = cred;
	spin_unlock(&sk->sk_peer_lock);
	put_pid(old_pid);
	put_cred(old_cred);
}

int socket_listen(struct socket *sock, int backlog)
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
	/* Where they were set, they do not grow. */
	end->sk.sk_userlocks = data_race(listener->sk.sk_userlocks &
					 (SOCK_SNDBUF_LOCK | SOCK_RCVBUF_LOCK));
	socket_set_peer(&end->sk, task_tgid(current), current_cred());
	socket_set_peer(&s->sk, listener->sk.sk_peer_pid,
			listener->sk.sk_peer_cred);
	end->connection = s->object.id;
	s->connection = s->object.id;
	end->accepted = true;
	/* As of AF_UNIX: told is that @s receives no more, not that it sends no more. */
	if (s->sk.sk_shutdown & RCV_SHUTDOWN)
		end->sk.sk_shutdown = SEND_SHUTDOWN;
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

	object = book_find_named(&socket_chapter, s->object.ns, name,
				 BOOK_WRITE);
	if (object == ERR_PTR(-ENOENT))
		return -ECONNREFUSED;
	if (IS_ERR(object))
		return PTR_ERR(object);
	listener = object_sock(object);
	/* Until it is accepted, it is one of who made the socket that connects. */
	err = end->object.user ? 0 : book_reserve(&end->object, &s->object);
	if (!err) {
		spin_lock(&socket_lock);
		err = socket_join(s, listener, end);
		spin_unlock(&socket_lock);
	}
	if (!err) {
		/* Now only: a try that fails, or has to wait, opens nothing. */
		book_opened(object);
		trace_socket_connect(s->object.id, listener->object.id);
		if (tap_on())
			socket_tap(s, IPCBOOK_CAPTURE_CONNECT, 0, NULL, 0);
		socket_wake_readers(&listener->sk);
	} else if (err == -EAGAIN && *timeo) {
		err = socket_sleep(listener, WANT_BACKLOG, 0, timeo);
		if (!err)
			err = 1;
	}
	if (err == -EAGAIN)
		socket_refuse_room(listener);
	book_put(object);
	return err;
}

int socket_connect(struct socket *sock, struct sockaddr_unsized *address,
		   int len, int flags)
{
	struct book_sock *s = to_sock(sock->sk);
	long timeo = sock_sndtimeo(&s->sk, flags & O_NONBLOCK);
	char name[IPCBOOK_NAME_LEN] __uninitialized;
	struct book_sock *end;
	int err;

	err = socket_address(name, address, len);
	if (err)
		return err;
	end = socket_new(sock_net(&s->sk), NULL, s->sk.sk_type);
	if (!end)
		return -ENOBUFS;
	do
		err = socket_try(s, name, end, &timeo);
	while (err > 0);
	if (!err) {
		sock->state = SS_CONNECTED;
		return 0;
	}
	if (end->object.user)
		book_unreserve(&end->object);
	sock_put(&end->sk);
	return err;
}

/*
 * Who has waited longest to be accepted; NULL if nobody does. Those who came before it
 * was shut down are there, as what was sent is: only then is that told. Also to who
 * does not wait, whom AF_UNIX tells EAGAIN: polled, it is readable for good.
 */
static struct book_sock *socket_embryo(struct book_sock *s)
{
	struct book_sock *end = NULL;

	spin_lock(&socket_lock);
	if (!list_empty(&s->embryos)) {
		end = list_first_entry(&s->embryos, struct book_sock, embryo);
		list_del_init(&end->embryo);
		WRITE_ONCE(s->sk.sk_ack_backlog, s->sk.sk_ack_backlog - 1);
	} else if (!socket_listens(s)) {
		end = ERR_PTR(-EINVAL);
	}
	spin_unlock(&socket_lock);
	return end;
}

int socket_accept(struct socket *sock, struct socket *newsock, int flags)
{
	struct book_sock *s = to_sock(sock->sk), *end;
	long timeo = sock_rcvtimeo(&s->sk, flags & O_NONBLOCK);
	int err;

	while (!(end = socket_embryo(s))) {
		err = socket_sleep(s, WANT_EMBRYO, 0, &timeo);
		if (err)
			return err;
	}
	if (IS_ERR(end))
		return PTR_ERR(end);
	err = book_add(&end->object, &socket_chapter, s->object.ns, 0600);
	if (err) {
		/* It waits for a better time. */
		spin_lock(&socket_lock);
		list_add(&end->embryo, &s->embryos);
		WRITE_ONCE(s->sk.sk_ack_backlog, s->sk.sk_ack_backlog + 1);
		spin_unlock(&socket_lock);
		/* Others who wait, or have looked meanwhile, may have it now. */
		socket_wake_readers(&s->sk);
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

int socket_shutdown(struct socket *sock, int how)
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

/*
 * @end is closed. If there is something in it, or it was not even accepted, its peer
 * is to learn that, once. Returns whether it is to be told now.
 */
static bool socket_lose(struct book_sock *end, struct book_sock *peer,
			bool embryo)
{
	lockdep_assert_held(&socket_lock);
	if (end->lost || (!embryo && !stream_used(&end->in)))
		return false;
	end->lost = true;
	WRITE_ONCE(peer->sk.sk_err, ECONNRESET);
	return true;
}

/**
 * socket_lost() - the peer has shut down while @s published
 * @s: who has sent
 * @peer: who was to receive
 *
 * If it is closed, and has not read everything before, the rest is lost.
 */
void socket_lost(struct book_sock *s, struct book_sock *peer)
{
	bool lost;

	spin_lock(&socket_lock);
	lost = sock_flag(&peer->sk, SOCK_DEAD) && socket_lose(peer, s, false);
	spin_unlock(&socket_lock);
	if (lost)
		sk_error_report(&s->sk);
}

/**
 * socket_error() - why a socket has ended, if that was not told before
 * @s: the socket, of which the end was seen
 *
 * Return: 0 or a negative errno.
 */
int socket_error(struct book_sock *s)
{
	int err;

	spin_lock(&socket_lock);
	err = sock_error(&s->sk);
	spin_unlock(&socket_lock);
	return err;
}

/* Nobody uses @end any more. Returns whether its peer has lost something by that. */
static bool socket_close(struct book_sock *end, bool embryo)
{
	struct book_sock *peer = end->peer;

	lockdep_assert_held(&socket_lock);
	sock_set_flag(&end->sk, SOCK_DEAD);
	socket_close_way(end, SHUTDOWN_MASK);
	if (!peer)
		return false;
	socket_close_way(peer, SHUTDOWN_MASK);
	/* Pairs with the barrier in socket_publish(). */
	smp_mb();
	return socket_lose(end, peer, embryo);
}

/* The peer of @end, which is closed, is alone from now on; it may have @lost something. */
static void socket_leave(struct book_sock *end, bool lost)
{
	struct book_sock *peer = end->peer;

	if (!peer)
		return;
	if (lost)
		sk_error_report(&peer->sk);
	peer->sk.sk_state_change(&peer->sk);
	sk_wake_async(&peer->sk, SOCK_WAKE_WAITD, POLL_HUP);
	/* Else the peer is about to write; it goes with the sock. */
	if (stream_begun(&end->in) && mutex_trylock(&end->in.write_lock)) {
		stream_free(&end->in);
		mutex_unlock(&end->in.write_lock);
	}
	/* Somebody may know its object still, and ask. */
	spin_lock(&socket_lock);
	end->peer = NULL;
	spin_unlock(&socket_lock);
	sock_put(&peer->sk);
}

/* Nobody will accept @end. */
static void socket_abort(struct book_sock *end)
{
	bool lost;

	spin_lock(&socket_lock);
	lost = socket_close(end, true);
	spin_unlock(&socket_lock);
	socket_leave(end, lost);
	book_unreserve(&end->object);
	sock_put(&end->sk);
}

int socket_release(struct socket *sock)
{
	struct book_sock *s, *end, *next;
	LIST_HEAD(embryos);
	bool lost;

	/* Of a socket that was to be accepted, and was not. */
	if (!sock->sk)
		return 0;
	s = to_sock(sock->sk);
	/* Who was accepted has the name of the one that listened. */
	if (s->name[0] && !s->accepted)
		book_unbind(&s->object);
	spin_lock(&socket_lock);
	lost = socket_close(s, false);
	WRITE_ONCE(s->sk.sk_state, TCP_CLOSE);
	list_splice_init(&s->embryos, &embryos);
	spin_unlock(&socket_lock);

	trace_socket_close(s->object.id, s->in.written.bytes,
			   s->in.consumed.bytes);
	if (tap_on() && s->peer)
		socket_tap(s, IPCBOOK_CAPTURE_CLOSE, stream_used(&s->in) > 0,
			   NULL, 0);
	/* Pairs with the barrier of who enters the wait queue. */
	if (wq_has_sleeper(&s->connectors))
		wake_up_interruptible_all(&s->connectors);
	sock_orphan(&s->sk);
	sock->sk = NULL;
	list_for_each_entry_safe(end, next, &embryos, embryo)
		socket_abort(end);
	atomic_dec(&s->object.descriptors);
	book_put(&s->object);
	socket_leave(s, lost);
	sock_put(&s->sk);
	return 0;
}

