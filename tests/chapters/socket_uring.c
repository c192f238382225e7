// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets through io_uring, as programs use it that know nothing of ipcbook.
 */
#include "uring.h"
#include "socket.h"

static char room[65536];

static void ring_socket(int op, int fd, void *buf, size_t len, int flags)
{
	ring_submit((struct io_uring_sqe){
		.opcode = op,
		.fd = fd,
		.addr = (uintptr_t)buf,
		.len = len,
		.msg_flags = flags,
	});
}

static void ring_accept(int fd, unsigned int flags)
{
	ring_submit((struct io_uring_sqe){
		.opcode = IORING_OP_ACCEPT,
		.fd = fd,
		.ioprio = flags,
		.accept_flags = SOCK_CLOEXEC,
	});
}

static void ring_connect(int fd, const struct sockaddr_ipcbook *address,
			 int length)
{
	ring_submit((struct io_uring_sqe){
		.opcode = IORING_OP_CONNECT,
		.fd = fd,
		.addr = (uintptr_t)address,
		.off = length,
	});
}

STREAM_TEST(sending_and_receiving_need_no_worker_thread)
{
	int client, server;

	ring_open();
	connected(&client, &server);
	ring_socket(IORING_OP_SEND, client, "seven", 5, 0);
	is(ring_take(NULL), 5);
	ring_socket(IORING_OP_RECV, server, room, 100, 0);
	is(ring_take(NULL), 5);
	is(memcmp(room, "seven", 5), 0);
	ring_rw(IORING_OP_WRITE, server, "back", 4, 0, 0);
	is(ring_take(NULL), 4);
	ring_rw(IORING_OP_READ, client, room, 100, 0, 0);
	is(ring_take(NULL), 4);
	is(memcmp(room, "back", 4), 0);
	is(workers(), 0);
}

STREAM_TEST(a_receive_that_would_wait_is_done_when_bytes_come)
{
	int client, server;

	ring_open();
	connected(&client, &server);
	ring_socket(IORING_OP_RECV, server, room, 100, 0);
	holds(!ring_has());
	tell(client, "late");
	is(ring_take(NULL), 4);
	is(memcmp(room, "late", 4), 0);
	ring_socket(IORING_OP_RECV, server, room, 100, 0);
	holds(!ring_has());
	drop(client);
	is(ring_take(NULL), 0);
	is(workers(), 0);
}

STREAM_TEST(all_that_is_asked_for_is_waited_for)
{
	int client, server;

	ring_open();
	connected(&client, &server);
	tell(client, "123");
	ring_socket(IORING_OP_RECV, server, room, 8, MSG_WAITALL);
	holds(!ring_has());
	tell(client, "45678");
	is(ring_take(NULL), 8);
	is(memcmp(room, "12345678", 8), 0);
}

STREAM_TEST(a_send_that_would_wait_is_done_when_there_is_room)
{
	int client, server;
	ssize_t n, sent = 0;

	ring_open();
	set_option(listener, SO_RCVBUF, 8192);
	connected(&client, &server);
	while ((n = sys(send(client, room, 1000, MSG_DONTWAIT))) > 0)
		sent += n;
	ring_socket(IORING_OP_SEND, client, "late", 4, 0);
	holds(!ring_has());
	is(sys(recv(server, room, sent, MSG_WAITALL)), sent);
	is(ring_take(NULL), 4);
	says(server, "late");
	is(workers(), 0);
}

STREAM_TEST(a_send_to_nobody_is_told)
{
	int client, server;

	ring_open();
	connected(&client, &server);
	drop(server);
	ring_socket(IORING_OP_SEND, client, "x", 1, MSG_NOSIGNAL);
	is(ring_take(NULL), -EPIPE);
}

STREAM_TEST(an_accept_that_would_wait_is_done_when_somebody_connects)
{
	int client, server;

	ring_open();
	ring_accept(listener, 0);
	holds(!ring_has());
	client = keep(ipcbook_socket_connect(name, type));
	server = keep(ring_take(NULL));
	tell(client, "hello");
	says(server, "hello");
	is(sys(fcntl(server, F_GETFD)), FD_CLOEXEC);
	is(workers(), 0);
}

STREAM_TEST(one_accept_serves_many)
{
	int client, server;

	ring_open();
	ring_accept(listener, IORING_ACCEPT_MULTISHOT);
	for (int i = 0; i < 5; i++) {
		client = keep(ipcbook_socket_connect(name, type));
		server = keep(ring_take(NULL));
		tell(client, "hello");
		says(server, "hello");
	}
	is(sys(shutdown(listener, SHUT_RD)), 0);
	is(ring_take(NULL), -EINVAL);
}

STREAM_TEST(connecting_waits_for_a_place)
{
	struct sockaddr_ipcbook address;
	int length = ipcbook_socket_address(&address, name), fd;

	ring_open();
	is(sys(listen(listener, 0)), 0);
	ring_connect(unconnected(), &address, length);
	is(ring_take(NULL), 0);
	fd = unconnected();
	ring_connect(fd, &address, length);
	keep(sys(accept(listener, NULL, NULL)));
	is(ring_take(NULL), 0);
	tell(fd, "early");
	says(keep(sys(accept(listener, NULL, NULL))), "early");
	ring_connect(fd, &address, length);
	is(ring_take(NULL), -EISCONN);
	length = ipcbook_socket_address(&address, "nobody-has-this-name");
	ring_connect(unconnected(), &address, length);
	is(ring_take(NULL), -ECONNREFUSED);
}

RECORD_TEST(messages_keep_their_ends)
{
	struct iovec pieces[2] = { { "ab", 2 }, { "cd", 2 } };
	struct msghdr message = { .msg_iov = pieces, .msg_iovlen = 2 };
	int client, server;

	ring_open();
	connected(&client, &server);
	ring_socket(IORING_OP_SENDMSG, client, &message, 1, 0);
	is(ring_take(NULL), 4);
	ring_socket(IORING_OP_SEND, client, "second", 6, 0);
	is(ring_take(NULL), 6);
	pieces[0] = (struct iovec){ room, 1 };
	pieces[1] = (struct iovec){ room + 1, 2 };
	ring_socket(IORING_OP_RECVMSG, server, &message, 1, 0);
	is(ring_take(NULL), 3);
	is(memcmp(room, "abc", 3), 0);
	is(message.msg_flags & MSG_TRUNC, MSG_TRUNC);
	ring_socket(IORING_OP_RECV, server, room, 100, 0);
	is(ring_take(NULL), 6);
	is(memcmp(room, "second", 6), 0);
}

STREAM_TEST(memory_that_is_not_there_is_a_fault)
{
	int client, server;

	ring_open();
	connected(&client, &server);
	ring_socket(IORING_OP_SEND, client, nowhere(), 4, 0);
	is(ring_take(NULL), -EFAULT);
	tell(client, "kept");
	ring_socket(IORING_OP_RECV, server, nowhere(), 4, 0);
	is(ring_take(NULL), -EFAULT);
	says(server, "kept");
}

STREAM_TEST(a_request_to_poll_is_answered)
{
	int client, server;

	ring_open();
	connected(&client, &server);
	ring_submit((struct io_uring_sqe){
		.opcode = IORING_OP_POLL_ADD,
		.fd = server,
		.poll32_events = POLLIN,
	});
	holds(!ring_has());
	tell(client, "x");
	is(ring_take(NULL) & POLLIN, POLLIN);
}

STREAM_TEST(one_way_is_shut_and_both_are_closed)
{
	int client, server;

	ring_open();
	connected(&client, &server);
	ring_submit((struct io_uring_sqe){
		.opcode = IORING_OP_SHUTDOWN,
		.fd = client,
		.len = SHUT_WR,
	});
	is(ring_take(NULL), 0);
	says(server, "");
	tell(server, "back");
	says(client, "back");
	ring_submit((struct io_uring_sqe){
		.opcode = IORING_OP_CLOSE,
		.fd = dup(client),
	});
	is(ring_take(NULL), 0);
}

/* Bytes are copied, so there is nothing that could be sent without that. */
STREAM_TEST(sending_without_a_copy_is_refused)
{
	int client, server;

	ring_open();
	connected(&client, &server);
	ring_socket(IORING_OP_SEND_ZC, client, "x", 1, 0);
	is(ring_take(NULL), -EOPNOTSUPP);
	is(sys(recv(server, room, 8, MSG_DONTWAIT)), -EAGAIN);
	socket_calls();
}

/* Many requests at once, both ways, more than fit into the buffers. */
STREAM_TEST(much_goes_through_a_ring_unchanged)
{
	static unsigned char out[1 << 18], in[1 << 18];
	int client, server;

	ring_open();
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = i * 13 + i / 251;
	set_option(listener, SO_RCVBUF, 20000);
	connected(&client, &server);
	ring_submit((struct io_uring_sqe){
		.opcode = IORING_OP_RECV,
		.fd = server,
		.addr = (uintptr_t)in,
		.len = sizeof(in),
		.msg_flags = MSG_WAITALL,
		.user_data = 2,
	});
	for (size_t at = 0; at < sizeof(out);) {
		ssize_t n = sys(send(client, out + at, sizeof(out) - at, 0));

		holds(n > 0);
		at += n;
	}
	is(ring_take(NULL), sizeof(in));
	is(memcmp(in, out, sizeof(in)), 0);
}
