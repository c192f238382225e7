// SPDX-License-Identifier: GPL-2.0-only
/*
 * The socket chapter's cases.
 *
 *	pair		one process sends and receives through a connection of its
 *			own
 *	pingpong	two processes on one CPU, a message there and back
 *	stream		64 KiB a call, two processes on two CPUs
 *	connect		make a socket, connect it, accept, close both ends
 *
 * All sides are made of the same system calls, with the buffers that the kernel
 * gives them; only making and addressing a socket differ. A stream's receiver
 * waits for as many bytes as were sent at once. Peers:
 *
 *	unix-stream	AF_UNIX, an abstract name
 *	unix-seqpacket	the same with records
 *	tcp-loopback	TCP on 127.0.0.1, without Nagle's algorithm
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <ipcbook/ipcbook.h>

#include "patterns.h"

/* What fd[] holds: both ends, who listens, the device. */
enum { CLIENT, SERVER, LISTENER, DEVICE };

/**
 * struct family - how sockets of one kind are made
 * @make: a new one, or -1
 * @address: writes the address for this process and returns its length
 * @type: SOCK_STREAM or SOCK_SEQPACKET
 */
struct family {
	int (*make)(struct bench_side *side, int type);
	socklen_t (*address)(struct sockaddr_storage *address);
	int type;
};

static int make_ours(struct bench_side *side, int type)
{
	struct ipcbook_socket arg = {
		.size = sizeof(arg),
		.type = type,
		.flags = IPCBOOK_OPEN_CLOEXEC,
		.mode = 0600,
	};

	if (side->fd[DEVICE] < 0)
		side->fd[DEVICE] = open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC);
	return ioctl(side->fd[DEVICE], IPCBOOK_IOC_SOCKET, &arg);
}

static socklen_t address_ours(struct sockaddr_storage *address)
{
	char name[40];

	snprintf(name, sizeof(name), "bench-%d", getpid());
	return ipcbook_socket_address((struct sockaddr_ipcbook *)address, name);
}

static int make_unix(struct bench_side *side, int type)
{
	(void)side;
	return socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
}

static socklen_t address_unix(struct sockaddr_storage *address)
{
	struct sockaddr_un *un = (struct sockaddr_un *)address;

	un->sun_family = AF_UNIX;
	un->sun_path[0] = '\0';
	return offsetof(struct sockaddr_un, sun_path) + 1 +
	       snprintf(un->sun_path + 1, 40, "ipcbook-bench-%d", getpid());
}

static int make_tcp(struct bench_side *side, int type)
{
	(void)side;
	return socket(AF_INET, type | SOCK_CLOEXEC, 0);
}

static in_port_t tcp_port;

static socklen_t address_tcp(struct sockaddr_storage *address)
{
	struct sockaddr_in *in = (struct sockaddr_in *)address;

	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in->sin_port = tcp_port;
	return sizeof(*in);
}

/* A port that is free: the kernel has chosen it. */
static void learn_port(int fd)
{
	struct sockaddr_in in = { 0 };
	socklen_t length = sizeof(in);

	if (!getsockname(fd, (struct sockaddr *)&in, &length) &&
	    in.sin_family == AF_INET)
		tcp_port = in.sin_port;
}

bench_inline int join(struct bench_side *side, const struct family *family)
{
	struct sockaddr_storage address = { 0 };
	socklen_t length = family->address(&address);

	side->fd[CLIENT] = family->make(side, family->type);
	if (side->fd[CLIENT] < 0)
		return bench_fail(side, "making a socket", errno);
	if (connect(side->fd[CLIENT], (struct sockaddr *)&address, length))
		return bench_fail(side, "connect", errno);
	side->fd[SERVER] = accept4(side->fd[LISTENER], NULL, NULL,
				   SOCK_CLOEXEC);
	if (side->fd[SERVER] < 0)
		return bench_fail(side, "accept", errno);
	return 0;
}

bench_inline int begin_listening(struct bench_side *side,
				 const struct family *family)
{
	struct sockaddr_storage address = { 0 };
	socklen_t length;

	tcp_port = 0;
	length = family->address(&address);
	side->fd[LISTENER] = family->make(side, family->type);
	if (side->fd[LISTENER] < 0)
		return bench_fail(side, "making a socket", errno);
	if (bind(side->fd[LISTENER], (struct sockaddr *)&address, length))
		return bench_fail(side, "bind", errno);
	if (listen(side->fd[LISTENER], 8))
		return bench_fail(side, "listen", errno);
	learn_port(side->fd[LISTENER]);
	return 0;
}

bench_inline int both_open(struct bench_side *side, const struct family *family)
{
	int i, on = 1, ret = begin_listening(side, family);

	if (!ret)
		ret = join(side, family);
	for (i = CLIENT; !ret && i <= SERVER; i++)
		if (setsockopt(side->fd[i], IPPROTO_TCP, TCP_NODELAY, &on,
			       sizeof(on)) && family->make == make_tcp)
			ret = bench_fail(side, "TCP_NODELAY", errno);
	return ret;
}

static void socket_close(struct bench_side *side)
{
	for (int i = 0; i < 4; i++)
		if (side->fd[i] >= 0)
			close(side->fd[i]);
}

bench_inline int socket_send(struct bench_side *side, int direction,
			     struct bench_message *message)
{
	return bench_transferred(side, "send",
				 send(side->fd[direction], message->data,
				      side->bytes, MSG_NOSIGNAL), side->bytes);
}

bench_inline int socket_receive(struct bench_side *side, int direction,
				struct bench_message *message)
{
	return bench_transferred(side, "recv",
				 recv(side->fd[!direction], message->data,
				      side->bytes, MSG_WAITALL), side->bytes);
}

/* The same functions under the names that the patterns want. */
#define SIDE(p, family_make, family_address, family_type)		\
static const struct family p##_family = {				\
	.make = family_make,						\
	.address = family_address,					\
	.type = family_type,						\
};									\
									\
static int p##_open(struct bench_side *side)				\
{									\
	return both_open(side, &p##_family);				\
}									\
									\
static void p##_close(struct bench_side *side)				\
{									\
	socket_close(side);						\
}									\
									\
bench_inline int p##_send(struct bench_side *side, int direction,	\
			  struct bench_message *message)		\
{									\
	return socket_send(side, direction, message);			\
}									\
									\
bench_inline int p##_receive(struct bench_side *side, int direction,	\
			     struct bench_message *message)		\
{									\
	return socket_receive(side, direction, message);		\
}

SIDE(ours_stream, make_ours, address_ours, SOCK_STREAM)
SIDE(ours_records, make_ours, address_ours, SOCK_SEQPACKET)
SIDE(unix_stream, make_unix, address_unix, SOCK_STREAM)
SIDE(unix_records, make_unix, address_unix, SOCK_SEQPACKET)
SIDE(tcp_stream, make_tcp, address_tcp, SOCK_STREAM)

BENCH_PAIR(ours_stream);
BENCH_PAIR(ours_records);
BENCH_PAIR(unix_records);
BENCH_PAIR(tcp_stream);
BENCH_PINGPONG(ours_stream);
BENCH_PINGPONG(unix_stream);
BENCH_STREAM(ours_stream);
BENCH_STREAM(unix_stream);
BENCH_STREAM(unix_records);
BENCH_STREAM(tcp_stream);

bench_inline int connect_run(struct bench_side *side, unsigned long n,
			     const struct family *family)
{
	int ret = 0;

	while (!ret && n--) {
		ret = join(side, family);
		close(side->fd[CLIENT]);
		close(side->fd[SERVER]);
		side->fd[CLIENT] = -1;
		side->fd[SERVER] = -1;
	}
	return ret;
}

static int ours_connect_open(struct bench_side *side)
{
	return begin_listening(side, &ours_stream_family);
}

static int ours_connect(struct bench_side *side, unsigned long n)
{
	return connect_run(side, n, &ours_stream_family);
}

static int unix_connect_open(struct bench_side *side)
{
	return begin_listening(side, &unix_stream_family);
}

static int unix_connect(struct bench_side *side, unsigned long n)
{
	return connect_run(side, n, &unix_stream_family);
}

static const struct bench_ops connect_ours = {
	.open	= ours_connect_open,
	.run	= ours_connect,
	.close	= socket_close,
};

static const struct bench_ops connect_unix = {
	.open	= unix_connect_open,
	.run	= unix_connect,
	.close	= socket_close,
};

#define ROW(what, against, us, them, aim)				\
	.chapter = "socket", .name = what, .peer = against,		\
	.ours = us, .theirs = them, .goal = aim

#define BYTES(n)	.size = n, .bytes = n
#define STREAM		BYTES(65536), .unit = 32, .stretch = 8, .cpus = 2

const struct bench_case bench_socket_cases[] = {
	{ ROW("pair", "unix-seqpacket", &bench_ours_records_pair,
	      &bench_unix_records_pair, 0.50), BYTES(64) },
	{ ROW("pair", "tcp-loopback", &bench_ours_stream_pair,
	      &bench_tcp_stream_pair, 0.12), BYTES(64) },
	{ ROW("pair", "unix-seqpacket", &bench_ours_records_pair,
	      &bench_unix_records_pair, 0.60), BYTES(8000) },
	{ ROW("pair", "tcp-loopback", &bench_ours_stream_pair,
	      &bench_tcp_stream_pair, 0.25), BYTES(8000) },
	BENCH_STREAM_OF(64, "socket", "unix-stream", &bench_ours_stream_stream,
			&bench_unix_stream_stream),
	BENCH_LONGER_STREAMS("socket", "unix-stream", &bench_ours_stream_stream,
			     &bench_unix_stream_stream),
	{ ROW("stream", "unix-stream", &bench_ours_stream_stream,
	      &bench_unix_stream_stream, 0.70), STREAM },
	{ ROW("stream", "tcp-loopback", &bench_ours_stream_stream,
	      &bench_tcp_stream_stream, 0.70), STREAM },
	{ ROW("pingpong", "unix-stream", &bench_ours_stream_pingpong,
	      &bench_unix_stream_pingpong, 0.80), BYTES(64), .unit = 64,
	  .stretch = 4 },
	{ ROW("connect", "unix-stream", &connect_ours, &connect_unix, 1.00),
	  BYTES(64) },
	{ }
};
