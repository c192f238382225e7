/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A socket, as its rooms see it: socket.c makes it and answers what is asked of
 * it, connect.c joins and parts two of them, transfer.c moves what they carry.
 */
#ifndef _IPCBOOK_SOCKET_H
#define _IPCBOOK_SOCKET_H

#include <linux/socket.h>
#include <linux/spinlock.h>
#include <net/sock.h>

#include "book.h"
#include "compat.h"
#include "stream.h"

/* What a call waits for. */
enum socket_want { WANT_DATA, WANT_ROOM, WANT_EMBRYO, WANT_BACKLOG };

/**
 * struct book_sock - a socket
 * @sk: what all sockets have
 * @object: what all objects have; nobody refers to it before it has a file
 * @peer: the other end, referred to; NULL before it is connected
 * @connection: number of the connection: the id of the socket that connected
 * @accepted: whether it is the other end
 * @lost: closed with something unread, which its peer was told; under socket_lock
 * @full: a writer to @in found no room
 * @growth: how often the room in @in has doubled; under its write_lock
 * @grown: the reader's position when it did last; likewise
 * @readers: calls that wait for data, or for somebody to accept
 * @writers: calls that wait for room at the peer
 * @blocked: calls that have waited for room
 * @refused: calls that were told EAGAIN because there was none; or because too
 *	many waited to be accepted already
 * @connectors: those who wait for a place among @embryos
 * @embryos: those who are connected and not accepted, if it listens
 * @embryo: place among them
 * @name: its name, or that of the socket that listened for it
 * @in: what its peer has sent
 */
struct book_sock {
	struct sock sk;
	struct book_object object;
	struct book_sock *peer;
	u64 connection;
	bool accepted;
	bool lost;
	bool full;
	u8 growth;
	u64 grown;
	atomic_t readers;
	atomic_t writers;
	atomic64_t blocked;
	atomic64_t refused;
	wait_queue_head_t connectors;
	struct list_head embryos;
	struct list_head embryo;
	char name[IPCBOOK_NAME_LEN];
	struct stream in;
};

static inline struct book_sock *to_sock(struct sock *sk)
{
	return container_of(sk, struct book_sock, sk);
}

static inline struct book_sock *object_sock(struct book_object *object)
{
	return container_of(object, struct book_sock, object);
}

static inline bool socket_is_stream(const struct book_sock *s)
{
	return s->sk.sk_type == SOCK_STREAM;
}

/* Whether somebody has set how much may wait for @to: then it does not grow. */
static inline bool socket_fixed(const struct book_sock *from,
				const struct book_sock *to)
{
	/* Bit fields, which READ_ONCE() does not take. */
	return data_race(from->sk.sk_userlocks & SOCK_SNDBUF_LOCK ||
			 to->sk.sk_userlocks & SOCK_RCVBUF_LOCK);
}

/* Most bytes that may wait for @to, into whose stream @from writes. */
static inline u64 socket_limit(const struct book_sock *from,
			       const struct book_sock *to)
{
	u64 limit = min_t(u32, READ_ONCE(from->sk.sk_sndbuf),
			  READ_ONCE(to->sk.sk_rcvbuf));
	u8 growth = READ_ONCE(to->growth);

	/* Its size may have been set since it grew. */
	if (unlikely(growth) && !socket_fixed(from, to))
		limit <<= growth;
	return limit;
}

/* Enough room that a writer is told of it. */
static inline bool socket_writable(const struct book_sock *from,
				   const struct book_sock *to)
{
	return 2 * stream_used(&to->in) <= socket_limit(from, to);
}

/* Nothing more comes than what is there. */
static inline bool socket_ended(const struct book_sock *s)
{
	/* Pairs with the release store in socket_close_way(). */
	return smp_load_acquire(&s->sk.sk_shutdown) & RCV_SHUTDOWN;
}

static inline bool backlog_full(const struct book_sock *s)
{
	return READ_ONCE(s->sk.sk_ack_backlog) >
	       READ_ONCE(s->sk.sk_max_ack_backlog);
}

static inline bool socket_listens(const struct book_sock *s)
{
	return READ_ONCE(s->sk.sk_state) == TCP_LISTEN &&
	       !(READ_ONCE(s->sk.sk_shutdown) & RCV_SHUTDOWN);
}

/* socket.c */
extern spinlock_t socket_lock;
struct book_sock *socket_new(struct net *net, struct socket *sock, int type);
void socket_tap(const struct book_sock *s, enum ipcbook_capture_event what,
		u8 detail, const struct cursor *at, size_t n);

/* connect.c */
int socket_tell(const struct book_sock *s, void *address);
int socket_getname(struct socket *sock, struct sockaddr *address, int peer);
int socket_bind(struct socket *sock, struct sockaddr_unsized *address, int len);
int socket_listen(struct socket *sock, int backlog);
int socket_connect(struct socket *sock, struct sockaddr_unsized *address,
		   int len, int flags);
int socket_accept(struct socket *sock, struct socket *newsock, int flags);
int socket_shutdown(struct socket *sock, int how);
void socket_lost(struct book_sock *s, struct book_sock *peer);
int socket_error(struct book_sock *s);
int socket_release(struct socket *sock);

/* transfer.c */
void socket_wake_readers(struct sock *sk);
void socket_write_space(struct sock *sk);
bool socket_has_room(struct book_sock *s, u64 need);
void socket_refuse_room(struct book_sock *s);
int socket_sleep(struct book_sock *s, enum socket_want want, u64 need,
		 long *timeo);
int socket_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);
int socket_recvmsg(struct socket *sock, struct msghdr *msg, size_t size,
		   int flags);

#endif /* _IPCBOOK_SOCKET_H */
