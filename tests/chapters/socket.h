/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the socket's test programs share: each test starts with a name of its
 * own and a stream socket that listens there, which nobody else has.
 */
#ifndef TEST_SOCKET_H
#define TEST_SOCKET_H

#include <sys/socket.h>
#include <sys/un.h>

#include "harness.h"

static int listener = -1;
static char name[IPCBOOK_NAME_LEN];
static int type;

#define STREAM_TEST(test)	TEST_BETWEEN(test, begin_stream, socket_end)
#define RECORD_TEST(test)	TEST_BETWEEN(test, begin_records, socket_end)

static inline int socket_begin(void **state, int of_type)
{
	static unsigned int serial;

	fixture_bare(state);
	snprintf(name, sizeof(name), "test-%d-%u", getpid(), ++serial);
	type = of_type;
	listener = ipcbook_socket_listen(name, type | SOCK_CLOEXEC, 16);
	is(listener < 0 ? listener : 0, 0);
	return 0;
}

static inline int begin_stream(void **state)
{
	return socket_begin(state, SOCK_STREAM);
}

static inline int begin_records(void **state)
{
	return socket_begin(state, SOCK_SEQPACKET);
}

static inline int socket_end(void **state)
{
	close(listener);
	return fixture_end(state);
}

static inline long bind_to(int fd, const char *to)
{
	struct sockaddr_ipcbook address;
	int length = ipcbook_socket_address(&address, to);

	return sys(bind(fd, (struct sockaddr *)&address, length));
}

static inline long connect_to(int fd, const char *to)
{
	struct sockaddr_ipcbook address;
	int length = ipcbook_socket_address(&address, to);

	return sys(connect(fd, (struct sockaddr *)&address, length));
}

/* A new socket of the test's type. */
static inline int unconnected(void)
{
	return keep(ipcbook_socket(type | SOCK_CLOEXEC));
}

/* Both ends of a new connection: who connected, who accepted. */
static inline void connected(int *client, int *server)
{
	*client = keep(ipcbook_socket_connect(name, type | SOCK_CLOEXEC));
	*server = keep(sys(accept4(listener, NULL, NULL, SOCK_CLOEXEC)));
}

static inline void nonblocking(int fd)
{
	is(sys(fcntl(fd, F_SETFL, O_NONBLOCK)), 0);
}

static inline int get_option(int fd, int option)
{
	socklen_t length = sizeof(int);
	int value = -1;

	is(sys(getsockopt(fd, SOL_SOCKET, option, &value, &length)), 0);
	return value;
}

static inline void set_option(int fd, int option, int value)
{
	is(sys(setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value))), 0);
}

/* What poll(2) says of a descriptor, now. */
static inline int events_of(int fd)
{
	struct pollfd polled = {
		.fd = fd,
		.events = POLLIN | POLLOUT | POLLRDHUP | POLLPRI,
	};

	holds(poll(&polled, 1, 0) >= 0);
	return polled.revents;
}

static inline struct ipcbook_stat stat_of(int fd)
{
	struct ipcbook_stat stat;

	is(ipcbook_stat(fd, &stat), 0);
	return stat;
}

#define says(fd, text) claim_says(fd, text, __FILE__, __LINE__)

/* What can be received at once is this text. */
static inline void claim_says(int fd, const char *text, const char *file,
			      int line)
{
	char room[256];
	ssize_t n = sys(recv(fd, room, sizeof(room), MSG_DONTWAIT));

	claim_equal("recv", n, strlen(text), file, line);
	claim(!memcmp(room, text, n), text, file, line);
}

#define tell(fd, text)	is(sys(send(fd, text, strlen(text), 0)), strlen(text))

static long make_recv(struct call *call)
{
	return sys(recv(call->fd, call->buf, call->len, call->flags));
}

static long make_send(struct call *call)
{
	return sys(send(call->fd, call->buf, call->len,
			call->flags | MSG_NOSIGNAL));
}

static long make_accept(struct call *call)
{
	return sys(accept4(call->fd, NULL, NULL, SOCK_CLOEXEC));
}

static long make_connect(struct call *call)
{
	return connect_to(call->fd, name);
}

/* A recv() that is blocked. */
static inline struct call *blocked_recv(int fd)
{
	struct call *call = call_new(fd, IPCBOOK_ANY, 0);

	call_other(call, make_recv, SYS_recvfrom);
	return call;
}

/* Unused where a program has no need of them. */
static inline void socket_calls(void)
{
	(void)make_send;
	(void)make_accept;
	(void)make_connect;
}

#endif /* TEST_SOCKET_H */
