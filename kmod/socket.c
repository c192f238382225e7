// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets that turn round inside the module.
 *
 * A socket is made by an ioctl on the device and then lives as a real one: no
 * family is registered, but its struct socket has our operations, and so every
 * system call for sockets comes here. This file makes sockets and answers what
 * is asked of them; connect.c joins and parts them; transfer.c moves bytes and
 * records. What a socket is to receive waits in a stream of its own (stream.c),
 * into which its peer writes: no socket buffers, nothing allocated for a message.
 *
 * A socket's object (struct book_object) is known from the time it has a file
 * until it is closed, and holds the sock.
 *
 * Locks: socket_lock protects who is connected to whom: sk_state, the lists of
 * embryos, names and peers; also sk_shutdown, which is read without it. It is
 * never held when data moves. Streams have their own locks, taken outside of it.
 * book_mutex is taken outside of it.
 */
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/security.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/sockios.h>

#include <asm/ioctls.h>

#include "socket.h"
#include "tap.h"
#include "trace.h"

DEFINE_SPINLOCK(socket_lock);
static const struct proto_ops socket_ops;
static struct proto socket_proto;

/*
 * Shows what @s does to those who listen. The peer's pid does not change while
 * it is connected.
 */
void socket_tap(const struct book_sock *s, enum ipcbook_capture_event what,
		u8 detail, const struct cursor *at, size_t n)
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
		.number = READ_ONCE(peer->in.written.messages),
		.position = READ_ONCE(peer->in.written.bytes),
	};

	tap_tell(&event, &peer->in, at, n);
}

/* ---------------------------------------------------------- making, freeing */

static void socket_destruct(struct sock *sk)
{
	struct book_sock *s = to_sock(sk);

	if (stream_begun(&s->in))
		stream_free(&s->in);
}

/* A sock without an object, of @sock or NULL; @type is the caller's to check. */
struct book_sock *socket_new(struct net *net, struct socket *sock, int type)
{
	struct sock *sk = sk_alloc(net, IPCBOOK_AF, GFP_KERNEL, &socket_proto,
				   0);
	struct book_sock *s;

	if (!sk)
		return NULL;
	sock_init_data(sock, sk);
	sk->sk_type = type;
	sk->sk_destruct = socket_destruct;
	sk->sk_write_space = socket_write_space;
	s = to_sock(sk);
	init_waitqueue_head(&s->connectors);
	INIT_LIST_HEAD(&s->embryos);
	INIT_LIST_HEAD(&s->embryo);
	stream_init(&s->in);
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
	s = socket_new(net, sock, arg->type);
	if (!s)
		goto err_sock;
	err = book_add(&s->object, &socket_chapter, book_ns_of(net),
		       arg->mode);
	if (err) {
		sock->sk = NULL;
		sock_put(&s->sk);
		goto err_sock;
	}
	sock_hold(&s->sk);
	security_sock_graft(&s->sk, sock);
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
	/*
	 * Written is counted before it can be read. Pairs with the release store in
	 * socket_consumed(): whoever sees what was read sees what was written.
	 */
	u64 read = smp_load_acquire(&s->in.consumed.bytes);

	return READ_ONCE(s->in.written.bytes) - read;
}

static int socket_ioctl(struct socket *sock, unsigned int cmd,
			unsigned long arg)
{
	struct book_sock *s = to_sock(sock->sk);
	struct book_sock *peer = READ_ONCE(s->peer);
	struct book_file file = { .object = &s->object };

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
	return book_ioctl(&file, _IOC_NR(cmd), (void __user *)arg);
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

static u64 socket_time(const struct book_clock *clock,
		       const struct traffic *traffic)
{
	if (!READ_ONCE(traffic->messages))
		return 0;
	return book_when(clock, READ_ONCE(traffic->stamp));
}

static void socket_stat_peer(struct book_sock *s, const struct book_sock *peer,
			     const struct book_clock *clock,
			     struct ipcbook_stat *stat)
{
	stat->max_bytes = socket_limit(peer, s);
	stat->max_size = socket_is_stream(s) ? 0 :
			 socket_limit(s, peer) - STREAM_HEADER;
	stat->sent = READ_ONCE(peer->in.written.messages);
	stat->sent_bytes = READ_ONCE(peer->in.written.bytes);
	stat->sent_ns = socket_time(clock, &peer->in.written);
	spin_lock(&s->sk.sk_peer_lock);
	stat->sender = pid_vnr(s->sk.sk_peer_pid);
	spin_unlock(&s->sk.sk_peer_lock);
}

static void socket_stat(struct book_object *object, struct ipcbook_stat *stat)
{
	struct book_sock *s = object_sock(object), *peer;
	struct book_clock clock = book_clock();

	stat->bytes = socket_bytes(s);
	/* As in socket_bytes(): pairs with the release store in socket_count(). */
	stat->received = smp_load_acquire(&s->in.consumed.messages);
	stat->depth = socket_is_stream(s) ? stat->bytes :
		      READ_ONCE(s->in.written.messages) - stat->received;
	stat->received_bytes = READ_ONCE(s->in.consumed.bytes);
	stat->received_ns = socket_time(&clock, &s->in.consumed);
	stat->memory = sizeof(*s) + atomic_long_read(&s->in.memory);
	stat->senders_waiting = atomic_read(&s->writers);
	stat->receivers_waiting = atomic_read(&s->readers);
	stat->blocked = atomic64_read(&s->blocked);
	stat->refused = atomic64_read(&s->refused);
	spin_lock(&socket_lock);
	peer = s->peer;
	if (peer)
		sock_hold(&peer->sk);
	if (s->sk.sk_state == TCP_LISTEN) {
		stat->depth = s->sk.sk_ack_backlog;
		stat->max_depth = s->sk.sk_max_ack_backlog + 1ULL;
	}
	spin_unlock(&socket_lock);
	if (peer) {
		socket_stat_peer(s, peer, &clock, stat);
		sock_put(&peer->sk);
	}
}

/* -------------------------------------------------------- the chapter's table */

static int socket_accept_op(struct socket *sock, struct socket *newsock,
			    BOOK_ACCEPT_ARGS)
{
	return socket_accept(sock, newsock, book_accept_flags);
}

static const struct proto_ops socket_ops = {
	.family = IPCBOOK_AF,
	.owner = THIS_MODULE,
	.release = socket_release,
	.bind = socket_bind,
	.connect = socket_connect,
	.socketpair = sock_no_socketpair,
	.accept = socket_accept_op,
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
