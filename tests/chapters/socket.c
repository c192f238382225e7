// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets: what the ordinary system calls answer on them.
 */
#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "socket.h"

/* --- Making ---------------------------------------------------------------- */

BARE_TEST(a_wrong_socket_is_refused)
{
	struct ipcbook_socket arg = {
		.size = sizeof(arg),
		.type = SOCK_STREAM,
		.mode = 0600,
	};

	is(ipcbook_socket(SOCK_DGRAM), -EINVAL);
	is(ipcbook_socket(0), -EINVAL);
	is(ipcbook_socket(SOCK_STREAM | 0x10000), -EINVAL);
	arg.flags = IPCBOOK_OPEN_READ;
	is(ask_device(IPCBOOK_IOC_SOCKET, &arg), -EINVAL);
	arg.flags = 0;
	arg.mode = 01000;
	is(ask_device(IPCBOOK_IOC_SOCKET, &arg), -EINVAL);
	arg.mode = 0600;
	arg.size = 4;
	is(ask_device(IPCBOOK_IOC_SOCKET, &arg), -EINVAL);
	is(ask_device(IPCBOOK_IOC_SOCKET, nowhere()), -EFAULT);
	is(ask_device(_IO(IPCBOOK_IOC_MAGIC, 0x21), &arg), -ENOTTY);
	arg.size = sizeof(arg);
	keep(ask_device(IPCBOOK_IOC_SOCKET, &arg));
}

BARE_TEST(a_socket_is_not_opened_like_the_others)
{
	struct ipcbook_open arg = {
		.size = sizeof(arg),
		.chapter = IPCBOOK_SOCKET,
		.flags = IPCBOOK_OPEN_READ | IPCBOOK_OPEN_CREATE,
		.mode = 0600,
		.name = "socket",
	};

	is(ask_device(IPCBOOK_IOC_OPEN, &arg), -EINVAL);
}

BARE_TEST(a_socket_is_one_and_knows_its_type)
{
	int fd = keep(ipcbook_socket(SOCK_SEQPACKET | SOCK_NONBLOCK |
				     SOCK_CLOEXEC));

	is(get_option(fd, SO_TYPE), SOCK_SEQPACKET);
	is(get_option(fd, SO_DOMAIN), IPCBOOK_AF);
	is(get_option(fd, SO_ACCEPTCONN), 0);
	is(get_option(fd, SO_ERROR), 0);
	is(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	is(fcntl(fd, F_GETFD), FD_CLOEXEC);
	is(sys(socket(IPCBOOK_AF, SOCK_STREAM, 0)), -EAFNOSUPPORT);
}

/* --- Names ----------------------------------------------------------------- */

STREAM_TEST(a_wrong_address_is_refused)
{
	struct sockaddr_ipcbook address;
	int fd = unconnected(), length;

	length = ipcbook_socket_address(&address, "fine");
	is(length, 2 + 5);
#define BIND(length) sys(bind(fd, (struct sockaddr *)&address, length))
	is(BIND(0), -EINVAL);
	is(BIND(1), -EINVAL);
	is(BIND(2), -EINVAL);
	is(BIND(sizeof(address) + 1), -EINVAL);
	address.family = AF_UNIX;
	is(BIND(length), -EAFNOSUPPORT);
	address.family = IPCBOOK_AF;
	strcpy(address.name, "a/b");
	is(BIND(length), -EINVAL);
	address.name[0] = '\0';
	is(BIND(length), -EINVAL);
	memset(address.name, 'x', sizeof(address.name));
	is(BIND(sizeof(address)), -EINVAL);
	/* The zero may be missing where the address ends. */
	strcpy(address.name, name);
	strcat(address.name, "-2");
	is(BIND(2 + strlen(address.name)), 0);
	is(connect_to(unconnected(), address.name), -ECONNREFUSED);
#undef BIND
}

STREAM_TEST(a_name_is_had_by_one_socket)
{
	int fd = unconnected();

	is(bind_to(fd, name), -EADDRINUSE);
	is(sys(listen(fd, 1)), -EINVAL);
	strcat(name, "-2");
	is(bind_to(fd, name), 0);
	is(bind_to(fd, "another"), -EINVAL);
	is(bind_to(listener, "another"), -EINVAL);
	drop(fd);
	fd = unconnected();
	is(bind_to(fd, name), 0);
}

STREAM_TEST(unlinking_takes_only_the_name)
{
	int client, server, fd = unconnected();

	connected(&client, &server);
	is(ipcbook_unlink(IPCBOOK_SOCKET, name), 0);
	is(ipcbook_unlink(IPCBOOK_SOCKET, name), -ENOENT);
	tell(client, "still there");
	says(server, "still there");
	is(connect_to(fd, name), -ECONNREFUSED);
	is(bind_to(fd, name), 0);
}

STREAM_TEST(an_address_is_told)
{
	struct sockaddr_ipcbook address;
	socklen_t length = sizeof(address);
	int client, server;

	connected(&client, &server);
	is(sys(getsockname(server, (struct sockaddr *)&address, &length)), 0);
	is(length, 2 + strlen(name) + 1);
	is(address.family, IPCBOOK_AF);
	is(strcmp(address.name, name), 0);
	length = sizeof(address);
	is(sys(getpeername(client, (struct sockaddr *)&address, &length)), 0);
	is(strcmp(address.name, name), 0);
	length = sizeof(address);
	is(sys(getpeername(server, (struct sockaddr *)&address, &length)), 0);
	is(length, 2);
	length = sizeof(address);
	is(sys(getpeername(unconnected(), (struct sockaddr *)&address,
			   &length)), -ENOTCONN);
	/* accept() and recvfrom() tell the same. */
	keep(ipcbook_socket_connect(name, type));
	length = sizeof(address);
	memset(&address, 7, sizeof(address));
	keep(sys(accept(listener, (struct sockaddr *)&address, &length)));
	is(length, 2);
	is(address.family, IPCBOOK_AF);
	tell(server, "x");
	length = sizeof(address);
	is(sys(recvfrom(client, (char[8]){ 0 }, 8, 0,
			(struct sockaddr *)&address, &length)), 1);
	is(strcmp(address.name, name), 0);
}

STREAM_TEST(a_mode_decides_who_may_connect)
{
	pid_t pid;

	is(stat_of(listener).mode, 0644);
	pid = child();
	if (!pid) {
		become(1000);
		is(ipcbook_socket_connect(name, type), -EACCES);
		_exit(0);
	}
	is(reap(pid), 0);
	is(ipcbook_chmod(listener, 0622), 0);
	pid = child();
	if (!pid) {
		int fd;

		become(1000);
		fd = ipcbook_socket_connect(name, type);
		holds(fd >= 0);
		is(ipcbook_unlink(IPCBOOK_SOCKET, name), -EPERM);
		_exit(0);
	}
	is(reap(pid), 0);
}

STREAM_TEST(a_name_lives_in_its_network_namespace)
{
	pid_t pid = child_in(CLONE_NEWNET);

	if (!pid) {
		int fd;

		is(ipcbook_socket_connect(name, type), -ECONNREFUSED);
		fd = ipcbook_socket_listen(name, type, 1);
		holds(fd >= 0);
		holds(ipcbook_socket_connect(name, type) >= 0);
		_exit(0);
	}
	is(reap(pid), 0);
}

/* --- Connecting ------------------------------------------------------------ */

STREAM_TEST(a_wrong_connect_is_refused)
{
	int client, server, fd = unconnected();

	is(connect_to(fd, "nobody-has-this-name"), -ECONNREFUSED);
	is(bind_to(fd, "bound-and-deaf"), 0);
	is(connect_to(unconnected(), "bound-and-deaf"), -ECONNREFUSED);
	is(connect_to(keep(ipcbook_socket(SOCK_SEQPACKET)), name), -EPROTOTYPE);
	connected(&client, &server);
	is(connect_to(client, name), -EISCONN);
	is(connect_to(server, name), -EISCONN);
	is(connect_to(listener, name), -EINVAL);
	is(sys(listen(client, 1)), -EINVAL);
	is(sys(accept(client, NULL, NULL)), -EINVAL);
	is(sys(accept(unconnected(), NULL, NULL)), -EINVAL);
}

STREAM_TEST(nothing_moves_before_a_connection)
{
	int fd = unconnected();
	char room[8];

	is(sys(send(fd, "x", 1, MSG_NOSIGNAL)), -ENOTCONN);
	is(sys(recv(fd, room, 8, MSG_DONTWAIT)), -ENOTCONN);
	is(sys(recv(listener, room, 8, MSG_DONTWAIT)), -ENOTCONN);
	is(events_of(fd), POLLHUP | POLLOUT);
	is(events_of(listener), 0);
}

STREAM_TEST(accept_waits_for_a_connection)
{
	struct call *call = call_new(listener, IPCBOOK_ANY, 0);
	int client, server;

	call_other(call, make_accept, SYS_accept4);
	is(stat_of(listener).receivers_waiting, 1);
	client = keep(ipcbook_socket_connect(name, type));
	server = keep(call_end(call));
	tell(client, "hello");
	says(server, "hello");
	nonblocking(listener);
	is(sys(accept(listener, NULL, NULL)), -EAGAIN);
}

STREAM_TEST(what_was_sent_before_accept_is_there_after)
{
	int client = keep(ipcbook_socket_connect(name, type)), server;

	is(events_of(client), POLLOUT);
	is(events_of(listener), POLLIN);
	tell(client, "early");
	drop(client);
	server = keep(sys(accept(listener, NULL, NULL)));
	says(server, "early");
	says(server, "");
	is(sys(send(server, "x", 1, MSG_NOSIGNAL)), -EPIPE);
}

STREAM_TEST(a_full_backlog_makes_who_connects_wait)
{
	struct call *call = call_new(unconnected(), IPCBOOK_ANY, 0);
	int fd;

	is(sys(listen(listener, 1)), 0);
	keep(ipcbook_socket_connect(name, type));
	keep(ipcbook_socket_connect(name, type));
	is(stat_of(listener).depth, 2);
	is(stat_of(listener).max_depth, 2);
	is(ipcbook_socket_connect(name, type | SOCK_NONBLOCK), -EAGAIN);
	call_other(call, make_connect, SYS_connect);
	fd = unconnected();
	is(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO,
		      &(struct timeval){ .tv_usec = 10000 },
		      sizeof(struct timeval)), 0);
	is(connect_to(fd, name), -EAGAIN);
	keep(sys(accept(listener, NULL, NULL)));
	is(call_end(call), 0);
	is(stat_of(listener).depth, 2);
}

STREAM_TEST(closing_a_listener_refuses_who_waits_there)
{
	struct call *call = call_new(unconnected(), IPCBOOK_ANY, 0);
	int first;

	is(sys(listen(listener, 0)), 0);
	first = keep(ipcbook_socket_connect(name, type));
	call_other(call, make_connect, SYS_connect);
	tell(first, "nobody reads this");
	close(listener);
	is(call_end(call), -ECONNREFUSED);
	is(events_of(first) & (POLLERR | POLLHUP), POLLERR | POLLHUP);
	is(sys(recv(first, (char[8]){ 0 }, 8, 0)), -ECONNRESET);
	is(sys(recv(first, (char[8]){ 0 }, 8, 0)), 0);
	listener = -1;
}

STREAM_TEST(who_was_never_accepted_is_told_also_if_nothing_was_sent)
{
	int client = keep(ipcbook_socket_connect(name, type));

	close(listener);
	listener = -1;
	is(sys(recv(client, (char[8]){ 0 }, 8, 0)), -ECONNRESET);
	is(sys(recv(client, (char[8]){ 0 }, 8, 0)), 0);
}

STREAM_TEST(shutting_a_listener_down_ends_it)
{
	struct call *call = call_new(listener, IPCBOOK_ANY, 0);

	call_other(call, make_accept, SYS_accept4);
	is(sys(shutdown(listener, SHUT_RD)), 0);
	is(call_end(call), -EINVAL);
	is(ipcbook_socket_connect(name, type), -ECONNREFUSED);
	is(sys(accept(listener, NULL, NULL)), -EINVAL);
	/* Polled, it is readable for good: who does not wait is told why. */
	is(events_of(listener), POLLIN | POLLRDHUP);
	nonblocking(listener);
	is(sys(accept(listener, NULL, NULL)), -EINVAL);
}

static int count(const struct ipcbook_stat *stat, void *arg)
{
	*(int *)arg += !strcmp(stat->name, name);
	return 0;
}

STREAM_TEST(who_was_bound_before_it_connected_gives_its_name_back)
{
	char own[IPCBOOK_NAME_LEN];
	int found = 0, client = unconnected(), server;

	snprintf(own, sizeof(own), "%.50s-own", name);
	is(bind_to(client, own), 0);
	is(connect_to(client, name), 0);
	server = keep(sys(accept(listener, NULL, NULL)));
	tell(client, "from me");
	says(server, "from me");
	drop(server);
	drop(client);
	is(ipcbook_list(IPCBOOK_SOCKET, own, count, &found), 0);
	is(found, 0);
	is(bind_to(unconnected(), own), 0);
}

/* On a kernel that watches its memory; who was refused is still being told of. */
STREAM_TEST(whoever_asks_for_all_while_both_ends_go_finds_nothing_wrong)
{
	int client, server, listed;
	char big[4096] = "";

	for (int i = 0; i < 100; i++) {
		connected(&client, &server);
		set_option(client, SO_SNDBUF, 4608);
		while (sys(send(client, big, sizeof(big), MSG_DONTWAIT)) > 0)
			;
		drop(i % 2 ? server : client);
		drop(i % 2 ? client : server);
		listed = 0;
		is(ipcbook_list(IPCBOOK_SOCKET, NULL, count, &listed), 0);
	}
}

STREAM_TEST(who_came_before_a_listener_was_shut_down_is_accepted)
{
	int clients[2], server;

	for (int i = 0; i < 2; i++) {
		clients[i] = keep(ipcbook_socket_connect(name, type));
		tell(clients[i], i ? "second" : "first");
	}
	is(sys(shutdown(listener, SHUT_RDWR)), 0);
	is(stat_of(listener).depth, 2);
	for (int i = 0; i < 2; i++) {
		server = keep(sys(accept(listener, NULL, NULL)));
		says(server, i ? "second" : "first");
		tell(server, "welcome");
		says(clients[i], "welcome");
	}
	is(sys(accept(listener, NULL, NULL)), -EINVAL);
}

STREAM_TEST(each_side_knows_the_other)
{
	struct ucred cred;
	socklen_t length = sizeof(cred);
	int client, server;
	pid_t pid;

	is(ipcbook_chmod(listener, 0666), 0);
	pid = child();
	if (!pid) {
		become(1000);
		client = ipcbook_socket_connect(name, type);
		holds(client >= 0);
		is(sys(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &cred,
				  &length)), 0);
		is(cred.pid, getppid());
		is(cred.uid, 0);
		is(sys(read(client, (char[8]){ 0 }, 8)), 0);
		_exit(0);
	}
	server = keep(sys(accept(listener, NULL, NULL)));
	is(sys(getsockopt(server, SOL_SOCKET, SO_PEERCRED, &cred, &length)),
	   0);
	is(cred.pid, pid);
	is(cred.uid, 1000);
	is(cred.gid, 1000);
	is(stat_of(server).sender, pid);
	drop(server);
	is(reap(pid), 0);
}

/* --- A stream -------------------------------------------------------------- */

STREAM_TEST(bytes_go_both_ways)
{
	int client, server;
	char room[64];

	connected(&client, &server);
	tell(client, "one");
	tell(client, "two");
	says(server, "onetwo");
	is(sys(write(server, "back", 4)), 4);
	is(sys(read(client, room, 2)), 2);
	is(memcmp(room, "ba", 2), 0);
	says(client, "ck");
	is(sys(recv(client, room, 8, MSG_DONTWAIT)), -EAGAIN);
	is(sys(send(client, "", 0, 0)), 0);
	is(sys(recv(server, room, 8, MSG_DONTWAIT)), -EAGAIN);
	is(sys(recv(server, room, 0, 0)), 0);
}

STREAM_TEST(pieces_are_gathered_and_scattered)
{
	char a[3] = "", b[8] = "";
	struct iovec out[] = {
		{ "abc", 3 }, { "", 0 }, { "defgh", 5 },
	}, in[] = { { a, 3 }, { b, 8 } };
	int client, server;

	connected(&client, &server);
	is(sys(writev(client, out, 3)), 8);
	is(sys(readv(server, in, 2)), 8);
	is(memcmp(a, "abc", 3), 0);
	is(memcmp(b, "defgh", 5), 0);
}

STREAM_TEST(peeking_leaves_everything)
{
	int client, server, n;
	char room[8];

	connected(&client, &server);
	tell(client, "peeked");
	for (int i = 0; i < 3; i++) {
		is(sys(recv(server, room, 3, MSG_PEEK)), 3);
		is(memcmp(room, "pee", 3), 0);
	}
	is(sys(recv(server, room, 8, MSG_PEEK)), 6);
	is(sys(ioctl(server, SIOCINQ, &n)), 0);
	is(n, 6);
	is(sys(ioctl(client, SIOCOUTQ, &n)), 0);
	is(n, 6);
	says(server, "peeked");
	is(sys(ioctl(server, SIOCINQ, &n)), 0);
	is(n, 0);
	is(sys(ioctl(listener, SIOCINQ, &n)), -EINVAL);
}

STREAM_TEST(what_is_asked_for_is_waited_for)
{
	struct call *call;
	int client, server;

	connected(&client, &server);
	tell(client, "12345");
	call = call_new(server, IPCBOOK_ANY, 0);
	call->flags = MSG_WAITALL;
	call->len = 8;
	call_other(call, make_recv, SYS_recvfrom);
	tell(client, "678");
	is(call_end(call), 8);
	is(memcmp(call->room, "12345678", 8), 0);
	/* The end counts as well. */
	call = call_new(server, IPCBOOK_ANY, 0);
	call->flags = MSG_WAITALL;
	call_other(call, make_recv, SYS_recvfrom);
	tell(client, "9");
	is(sys(shutdown(client, SHUT_WR)), 0);
	is(call_end(call), 1);
}

STREAM_TEST(a_receive_waits_and_is_woken)
{
	struct call *call;
	int client, server;

	connected(&client, &server);
	call = blocked_recv(server);
	is(stat_of(server).receivers_waiting, 1);
	tell(client, "woken");
	is(call_end(call), 5);
	is(stat_of(server).receivers_waiting, 0);
}

STREAM_TEST(several_receivers_share_what_comes)
{
	struct call *calls[4];
	int client, server;

	connected(&client, &server);
	for (int i = 0; i < 4; i++) {
		calls[i] = call_new(server, IPCBOOK_ANY, 0);
		calls[i]->len = 2;
		call_other(calls[i], make_recv, SYS_recvfrom);
	}
	await(stat_of(server).receivers_waiting == 4);
	/* One wake, and enough for all: each wakes the next. */
	tell(client, "aabbccdd");
	for (int i = 0; i < 4; i++)
		is(call_end(calls[i]), 2);
}

STREAM_TEST(a_receive_has_a_timeout)
{
	struct timeval limit = { .tv_usec = 20000 };
	int client, server;
	char room[8];

	connected(&client, &server);
	is(sys(setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &limit,
			  sizeof(limit))), 0);
	is(sys(recv(server, room, 8, 0)), -EAGAIN);
	tell(client, "x");
	says(server, "x");
}

STREAM_TEST(a_send_has_a_timeout)
{
	struct timeval limit = { .tv_usec = 20000 };
	char big[8192] = "";
	int client, server;

	connected(&client, &server);
	set_option(server, SO_RCVBUF, 4096);
	is(sys(setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit,
			  sizeof(limit))), 0);
	is(sys(send(client, big, 5000, 0)), 5000);
	/* What went before the time was over counts. */
	is(sys(send(client, big, 5000, 0)), 8192 - 5000);
	is(sys(send(client, big, 1, 0)), -EAGAIN);
	is(sys(recv(server, big, 8192, 0)), 8192);
	is(sys(send(client, big, 1, 0)), 1);
}

STREAM_TEST(a_receive_waits_for_as_much_as_it_was_told)
{
	struct call *call;
	int client, server;

	connected(&client, &server);
	set_option(server, SO_RCVLOWAT, 5);
	tell(client, "1234");
	call = blocked_recv(server);
	tell(client, "5");
	is(call_end(call), 5);
	is(memcmp(call->room, "12345", 5), 0);
	/* One that asks for less gets it. */
	tell(client, "67");
	is(sys(recv(server, call->room, 2, 0)), 2);
}

STREAM_TEST(files_and_pipes_are_sent_without_a_buffer)
{
	int client, server, ends[2], file, done = 0;
	char out[30000], in[30000];

	connected(&client, &server);
	for (unsigned int i = 0; i < sizeof(out); i++)
		out[i] = i * 5 + i / 256;
	file = keep(sys(memfd_create("sent", MFD_CLOEXEC)));
	is(sys(write(file, out, sizeof(out))), sizeof(out));
	is(sys(lseek(file, 0, SEEK_SET)), 0);
	while (done < (int)sizeof(out)) {
		int n = sys(sendfile(client, file, NULL, sizeof(out) - done));

		holds(n > 0);
		done += n;
	}
	is(sys(recv(server, in, sizeof(in), MSG_WAITALL)), sizeof(in));
	is(memcmp(in, out, sizeof(in)), 0);

	/* And through a pipe: in by splice, out by splice. */
	is(sys(pipe2(ends, O_CLOEXEC)), 0);
	keep(ends[0]);
	keep(ends[1]);
	is(sys(write(ends[1], out, sizeof(out))), sizeof(out));
	for (done = 0; done < (int)sizeof(out);) {
		int n = sys(splice(ends[0], NULL, client, NULL,
				   sizeof(out) - done, 0));

		holds(n > 0);
		done += n;
	}
	for (done = 0; done < (int)sizeof(in);) {
		int n = sys(splice(server, NULL, ends[1], NULL,
				   sizeof(in) - done, 0));

		holds(n > 0);
		is(sys(read(ends[0], in + done, n)), n);
		done += n;
	}
	is(memcmp(in, out, sizeof(in)), 0);
}

RECORD_TEST(several_messages_go_in_one_call)
{
	struct iovec out[2] = { { "one", 3 }, { "second", 6 } }, in[3];
	struct mmsghdr send[2] = { }, receive[3] = { };
	int client, server;
	char rooms[3][8];

	connected(&client, &server);
	for (int i = 0; i < 2; i++) {
		send[i].msg_hdr.msg_iov = &out[i];
		send[i].msg_hdr.msg_iovlen = 1;
	}
	for (int i = 0; i < 3; i++) {
		in[i] = (struct iovec){ rooms[i], 8 };
		receive[i].msg_hdr.msg_iov = &in[i];
		receive[i].msg_hdr.msg_iovlen = 1;
	}
	is(sys(sendmmsg(client, send, 2, 0)), 2);
	is(send[1].msg_len, 6);
	is(sys(recvmmsg(server, receive, 3, MSG_DONTWAIT, NULL)), 2);
	is(receive[0].msg_len, 3);
	is(receive[1].msg_len, 6);
	is(memcmp(rooms[0], "one", 3), 0);
	is(memcmp(rooms[1], "second", 6), 0);
}

static volatile int handled;

static void handle(int signal)
{
	handled = signal;
}

STREAM_TEST(a_signal_ends_a_wait)
{
	struct sigaction action = { .sa_handler = handle };
	int client, server, interrupted = gate();
	pid_t pid;

	connected(&client, &server);
	pid = child();
	if (!pid) {
		char room[8];

		sigaction(SIGUSR1, &action, NULL);
		is(sys(recv(server, room, 8, 0)), -EINTR);
		is(handled, SIGUSR1);
		action.sa_flags = SA_RESTART;
		sigaction(SIGUSR1, &action, NULL);
		gate_open(interrupted);
		is(sys(recv(server, room, 8, 0)), 4);
		_exit(0);
	}
	await_asleep(pid, SYS_recvfrom);
	kill(pid, SIGUSR1);
	gate_pass(interrupted);
	/* The second one is restarted: it sleeps again. */
	await_asleep(pid, SYS_recvfrom);
	kill(pid, SIGUSR1);
	tell(client, "done");
	is(reap(pid), 0);
}

STREAM_TEST(a_full_buffer_stops_the_sender)
{
	char *big = calloc(1, 1 << 20);
	struct call *call;
	int client, server;
	ssize_t sent = 0, n;

	connected(&client, &server);
	set_option(client, SO_SNDBUF, 16384);
	is(get_option(client, SO_SNDBUF), 32768);
	while ((n = sys(send(client, big, 5000, MSG_DONTWAIT))) > 0)
		sent += n;
	is(n, -EAGAIN);
	is(sent, 32768);
	is(events_of(client), 0);
	is(stat_of(client).refused, 1);
	call = call_new(client, IPCBOOK_ANY, 0);
	call->buf = big;
	call->len = 1 << 20;
	call_other(call, make_send, SYS_sendto);
	is(stat_of(client).senders_waiting, 1);
	for (sent += 1 << 20; sent; sent -= n) {
		n = sys(recv(server, big, 1 << 20, 0));
		holds(n > 0);
	}
	is(call_end(call), 1 << 20);
	is(events_of(client), POLLOUT);
	is(events_of(server), POLLOUT);
	free(big);
}

STREAM_TEST(the_receivers_buffer_counts_as_well)
{
	char big[8192] = "";
	int client, server;
	ssize_t sent = 0, n;

	connected(&client, &server);
	set_option(server, SO_RCVBUF, 4096);
	is(get_option(server, SO_RCVBUF), 8192);
	while ((n = sys(send(client, big, 1000, MSG_DONTWAIT))) > 0)
		sent += n;
	is(sent, 8192);
	is(stat_of(server).bytes, 8192);
	is(stat_of(server).max_bytes, 8192);
	set_option(server, SO_RCVBUF, 8192);
	is(sys(send(client, big, 8192, MSG_DONTWAIT)), 8192);
}

STREAM_TEST(an_accepted_socket_has_its_listeners_buffers)
{
	int client, server;

	set_option(listener, SO_RCVBUF, 10000);
	set_option(listener, SO_SNDBUF, 11000);
	connected(&client, &server);
	is(get_option(server, SO_RCVBUF), 20000);
	is(get_option(server, SO_SNDBUF), 22000);
}

STREAM_TEST(a_bad_pointer_loses_nothing)
{
	char *end = edge(4), room[16];
	int client, server;

	connected(&client, &server);
	is(sys(send(client, nowhere(), 8, 0)), -EFAULT);
	is(sys(send(client, nowhere(), 5000, 0)), -EFAULT);
	is(sys(recv(server, room, 8, MSG_DONTWAIT)), -EAGAIN);
	tell(client, "whole");
	is(sys(recv(server, nowhere(), 8, 0)), -EFAULT);
	is(sys(recv(server, nowhere(), 8, MSG_PEEK)), -EFAULT);
	is(sys(recv(server, end, 8, 0)), 4);
	is(memcmp(end, "whol", 4), 0);
	says(server, "e");
	/* Part of what is sent may be there as well. */
	memcpy(end, "some", 4);
	is(sys(send(client, end, 8, 0)), 4);
	says(server, "some");
}

/* --- Ends ------------------------------------------------------------------ */

STREAM_TEST(one_way_is_closed_and_the_other_goes_on)
{
	int client, server;

	connected(&client, &server);
	tell(client, "last");
	is(sys(shutdown(client, SHUT_WR)), 0);
	is(events_of(server), POLLIN | POLLOUT | POLLRDHUP);
	is(sys(send(client, "x", 1, MSG_NOSIGNAL)), -EPIPE);
	says(server, "last");
	says(server, "");
	says(server, "");
	tell(server, "answer");
	says(client, "answer");
	is(events_of(client), POLLOUT);
	is(sys(shutdown(server, SHUT_WR)), 0);
	is(events_of(client), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
	says(client, "");
}

STREAM_TEST(who_receives_no_more_is_not_sent_to)
{
	int client, server;

	connected(&client, &server);
	tell(client, "before");
	is(sys(shutdown(server, SHUT_RD)), 0);
	is(sys(send(client, "x", 1, MSG_NOSIGNAL)), -EPIPE);
	says(server, "before");
	says(server, "");
	tell(server, "other way");
	says(client, "other way");
	is(sys(shutdown(server, 3)), -EINVAL);
	is(sys(shutdown(server, -1)), -EINVAL);
}

STREAM_TEST(a_broken_connection_raises_sigpipe)
{
	int client, server;
	pid_t pid;

	connected(&client, &server);
	drop(server);
	is(sys(send(client, "x", 1, MSG_NOSIGNAL)), -EPIPE);
	pid = child();
	if (!pid) {
		send(client, "x", 1, 0);
		_exit(0);
	}
	is(reap(pid), 128 + SIGPIPE);
	pid = child();
	if (!pid) {
		if (write(client, "x", 1) > 0)
			_exit(1);
		_exit(0);
	}
	is(reap(pid), 128 + SIGPIPE);
}

STREAM_TEST(closing_with_something_unread_resets)
{
	int client, server;

	connected(&client, &server);
	tell(server, "this arrives");
	tell(client, "unread");
	drop(server);
	is(events_of(client), POLLIN | POLLOUT | POLLRDHUP | POLLHUP | POLLERR);
	says(client, "this arrives");
	is(sys(recv(client, (char[8]){ 0 }, 8, 0)), -ECONNRESET);
	is(sys(recv(client, (char[8]){ 0 }, 8, 0)), 0);
}

/* The receive that got something tells of that; the next one tells of the error. */
STREAM_TEST(who_had_received_something_is_told_of_a_reset_by_the_next)
{
	struct call *call;
	int client, server;

	connected(&client, &server);
	tell(server, "unread");
	tell(client, "five5");
	call = call_new(server, IPCBOOK_ANY, 0);
	call->flags = MSG_WAITALL;
	call_other(call, make_recv, SYS_recvfrom);
	drop(client);
	is(call_end(call), 5);
	is(memcmp(call->room, "five5", 5), 0);
	is(sys(recv(server, (char[8]){ 0 }, 8, 0)), -ECONNRESET);
	is(sys(recv(server, (char[8]){ 0 }, 8, 0)), 0);
}

STREAM_TEST(closing_with_nothing_unread_is_the_end)
{
	int client, server;

	connected(&client, &server);
	tell(client, "read");
	says(server, "read");
	drop(server);
	is(get_option(client, SO_ERROR), 0);
	is(events_of(client), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
	says(client, "");
}

STREAM_TEST(an_end_wakes_who_waits_for_data)
{
	struct call *call;
	int client, server;

	connected(&client, &server);
	call = blocked_recv(client);
	is(sys(shutdown(server, SHUT_WR)), 0);
	is(call_end(call), 0);
	call = blocked_recv(server);
	drop(client);
	is(call_end(call), 0);
}

STREAM_TEST(an_end_wakes_who_waits_for_room)
{
	char *big = calloc(1, 1 << 20);
	struct call *call;
	int client, server;

	connected(&client, &server);
	call = call_new(client, IPCBOOK_ANY, 0);
	call->buf = big;
	call->len = 1 << 20;
	call_other(call, make_send, SYS_sendto);
	drop(server);
	/* What had gone before counts. */
	is(call_end(call), 212992);
	is(sys(send(client, "x", 1, MSG_NOSIGNAL)), -EPIPE);
	free(big);
}

STREAM_TEST(what_is_killed_is_closed)
{
	int client, server;
	pid_t pid;

	pid = child();
	if (!pid) {
		client = ipcbook_socket_connect(name, type);
		is(sys(send(client, "x", 1, 0)), 1);
		pause();
	}
	server = keep(sys(accept(listener, NULL, NULL)));
	is(sys(recv(server, (char[8]){ 0 }, 8, 0)), 1);
	kill(pid, SIGKILL);
	is(sys(recv(server, (char[8]){ 0 }, 8, 0)), 0);
	is(reap(pid), 128 + SIGKILL);
}

/* --- What is not carried --------------------------------------------------- */

STREAM_TEST(descriptors_are_not_passed)
{
	char room[CMSG_SPACE(sizeof(int))] = "";
	struct iovec piece = { "x", 1 };
	struct msghdr message = {
		.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = room,
		.msg_controllen = sizeof(room),
	};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	int client, server;

	connected(&client, &server);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &client, sizeof(int));
	is(sys(sendmsg(client, &message, 0)), -EOPNOTSUPP);
	is(sys(recv(server, room, 8, MSG_DONTWAIT)), -EAGAIN);
	/* A receiver that has room for some gets none. */
	tell(client, "y");
	piece.iov_base = (char[8]){ 0 };
	is(sys(recvmsg(server, &message, 0)), 1);
	is(message.msg_controllen, 0);
}

STREAM_TEST(what_has_no_meaning_is_refused)
{
	struct sockaddr_ipcbook address;
	int length = ipcbook_socket_address(&address, name);
	int client, server;

	connected(&client, &server);
	is(sys(send(client, "x", 1, MSG_OOB)), -EOPNOTSUPP);
	is(sys(recv(client, (char[8]){ 0 }, 8, MSG_OOB)), -EOPNOTSUPP);
	is(sys(sendto(client, "x", 1, 0, (struct sockaddr *)&address, length)),
	   -EISCONN);
	is(sys(sendto(unconnected(), "x", 1, 0, (struct sockaddr *)&address,
		      length)), -EOPNOTSUPP);
	is(sys(pwrite(client, "x", 1, 0)), -ESPIPE);
	is(sys(lseek(client, 0, SEEK_SET)), -ESPIPE);
	holds(mmap(NULL, 4096, PROT_READ, MAP_SHARED, client, 0) ==
	      MAP_FAILED);
	is(ask(client, _IO(IPCBOOK_IOC_MAGIC, 0x2f), NULL), -ENOTTY);
	is(ask(client, _IO('x', 1), NULL), -ENOTTY);
}

/* --- Records --------------------------------------------------------------- */

RECORD_TEST(a_record_is_received_as_it_was_sent)
{
	int client, server;
	char room[64];

	connected(&client, &server);
	tell(client, "one");
	tell(client, "");
	tell(client, "three");
	is(stat_of(server).depth, 3);
	is(stat_of(server).bytes, 8);
	says(server, "one");
	is(sys(recv(server, room, 8, 0)), 0);
	says(server, "three");
	is(sys(recv(server, room, 8, MSG_DONTWAIT)), -EAGAIN);
	is(stat_of(client).sent, 3);
	is(stat_of(client).sent_bytes, 8);
	is(stat_of(server).received, 3);
	is(stat_of(server).depth, 0);
}

RECORD_TEST(what_does_not_fit_is_cut)
{
	struct iovec piece = { (char[8]){ 0 }, 4 };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
	int client, server, n;

	connected(&client, &server);
	tell(client, "longer");
	is(sys(ioctl(server, SIOCINQ, &n)), 0);
	is(n, 6);
	is(sys(recvmsg(server, &message, MSG_PEEK)), 4);
	is(message.msg_flags, MSG_TRUNC);
	is(sys(recvmsg(server, &message, MSG_PEEK | MSG_TRUNC)), 6);
	is(sys(recvmsg(server, &message, 0)), 4);
	is(memcmp(piece.iov_base, "long", 4), 0);
	is(message.msg_flags, MSG_TRUNC);
	tell(client, "fits");
	is(sys(recvmsg(server, &message, MSG_TRUNC)), 4);
	is(message.msg_flags, 0);
	is(sys(recvmsg(server, &message, MSG_DONTWAIT)), -EAGAIN);
}

RECORD_TEST(a_record_that_cannot_fit_is_refused)
{
	char *big = calloc(1, 1 << 20);
	int client, server;

	connected(&client, &server);
	set_option(client, SO_SNDBUF, 8192);
	is(stat_of(client).max_size, 16384 - 8);
	is(sys(send(client, big, 16384 - 7, 0)), -EMSGSIZE);
	is(sys(send(client, big, 16384 - 8, 0)), 16384 - 8);
	is(sys(send(client, big, 1, MSG_DONTWAIT)), -EAGAIN);
	is(sys(recv(server, big, 1 << 20, 0)), 16384 - 8);
	is(sys(send(client, big, 1, MSG_DONTWAIT)), 1);
	free(big);
}

RECORD_TEST(a_record_that_cannot_be_copied_stays)
{
	int client, server;
	char room[8];

	connected(&client, &server);
	is(sys(send(client, nowhere(), 8, 0)), -EFAULT);
	is(sys(recv(server, room, 8, MSG_DONTWAIT)), -EAGAIN);
	/* Where it crosses from a good page to a bad one, too. */
	is(sys(send(client, (char *)edge(3000), 6000, 0)), -EFAULT);
	tell(client, "here");
	is(sys(recv(server, nowhere(), 8, 0)), -EFAULT);
	says(server, "here");
}

RECORD_TEST(records_of_all_sizes_keep_their_bytes)
{
	unsigned char *out = malloc(40000), *in = malloc(40000);
	int client, server;

	connected(&client, &server);
	for (int i = 0; i < 40000; i++)
		out[i] = i * 7 + i / 256;
	for (int n = 0; n < 40000; n += n < 600 ? 1 : 997) {
		is(sys(send(client, out + 1, n, 0)), n);
		is(sys(send(client, out, 9, 0)), 9);
		is(sys(recv(server, in, 40000, 0)), n);
		is(memcmp(in, out + 1, n), 0);
		is(sys(recv(server, in, 40000, 0)), 9);
		is(memcmp(in, out, 9), 0);
	}
	free(out);
	free(in);
}

/* --- Being polled, being seen ---------------------------------------------- */

STREAM_TEST(epoll_tells_each_change_once)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP,
	};
	int client, server, epoll = keep(sys(epoll_create1(0)));

	connected(&client, &server);
	is(sys(epoll_ctl(epoll, EPOLL_CTL_ADD, server, &event)), 0);
	is(sys(epoll_wait(epoll, &event, 1, 1000)), 1);
	is(event.events, EPOLLOUT);
	is(sys(epoll_wait(epoll, &event, 1, 0)), 0);
	tell(client, "x");
	is(sys(epoll_wait(epoll, &event, 1, 1000)), 1);
	is(event.events, EPOLLIN | EPOLLOUT);
	is(sys(epoll_wait(epoll, &event, 1, 0)), 0);
	is(sys(shutdown(client, SHUT_WR)), 0);
	is(sys(epoll_wait(epoll, &event, 1, 1000)), 1);
	is(event.events, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
}

STREAM_TEST(epoll_tells_of_room)
{
	struct epoll_event event = { .events = EPOLLOUT | EPOLLET };
	int client, server, epoll = keep(sys(epoll_create1(0)));
	char big[65536] = "";

	connected(&client, &server);
	while (sys(send(client, big, sizeof(big), MSG_DONTWAIT)) > 0)
		;
	is(sys(epoll_ctl(epoll, EPOLL_CTL_ADD, client, &event)), 0);
	is(sys(epoll_wait(epoll, &event, 1, 0)), 0);
	is(sys(recv(server, big, sizeof(big), 0)), 65536);
	is(sys(recv(server, big, sizeof(big), 0)), 65536);
	is(sys(epoll_wait(epoll, &event, 1, 1000)), 1);
	is(event.events, EPOLLOUT);
}

/* One signal for each time that there was no room. */
static void signalled_of_room(int client, int server)
{
	const struct timespec now = { }, later = { .tv_sec = 10 };
	char big[65536] = "";
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	is(sys(sigprocmask(SIG_BLOCK, &set, NULL)), 0);
	is(sys(fcntl(client, F_SETOWN, getpid())), 0);
	is(sys(fcntl(client, F_SETSIG, SIGIO)), 0);
	is(sys(fcntl(client, F_SETFL, O_ASYNC)), 0);
	for (int i = 0; i < 2; i++) {
		while (sys(send(client, big, sizeof(big), MSG_DONTWAIT)) > 0)
			;
		is(sys(sigtimedwait(&set, &info, &now)), -EAGAIN);
		while (sys(recv(server, big, sizeof(big), MSG_DONTWAIT)) > 0)
			;
		is(sys(sigtimedwait(&set, &info, &later)), SIGIO);
		is(info.si_code, POLL_OUT);
		is(info.si_band, POLLOUT | POLLWRNORM | POLLWRBAND);
		is(info.si_fd, client);
		is(sys(send(client, big, 1, 0)), 1);
		is(sys(recv(server, big, 1, 0)), 1);
		is(sys(sigtimedwait(&set, &info, &now)), -EAGAIN);
	}
}

STREAM_TEST(a_signal_tells_of_room_as_on_a_unix_socket)
{
	int ends[2][2];

	is(sys(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends[0])), 0);
	keep(ends[0][0]);
	keep(ends[0][1]);
	connected(&ends[1][0], &ends[1][1]);
	for (int i = 0; i < 2; i++) {
		pid_t pid = child();

		/* A process of its own, that has the signal blocked. */
		if (!pid) {
			signalled_of_room(ends[i][0], ends[i][1]);
			_exit(0);
		}
		is(reap(pid), 0);
	}
}

STREAM_TEST(epoll_knows_a_socket_from_before_it_was_connected)
{
	struct epoll_event event = { .events = EPOLLIN };
	int client = unconnected(), server, epoll;

	epoll = keep(sys(epoll_create1(0)));
	is(sys(epoll_ctl(epoll, EPOLL_CTL_ADD, client, &event)), 0);
	is(connect_to(client, name), 0);
	is(sys(epoll_wait(epoll, &event, 1, 0)), 0);
	server = keep(sys(accept(listener, NULL, NULL)));
	tell(server, "x");
	is(sys(epoll_wait(epoll, &event, 1, 1000)), 1);
	is(event.events, EPOLLIN);
}

/* A walk through the states of connections, and what is seen on the way. */
struct walk {
	bool ours;
	int type;
	int listener;
	int serial;
	unsigned int count;
	struct sight {
		int line;
		long seen;
	} sights[300];
};

static void see(struct walk *walk, long seen, int line)
{
	holds(walk->count < ARRAY_SIZE(walk->sights));
	walk->sights[walk->count++] = (struct sight){ line, seen };
}

#define SEE(what)	see(walk, what, __LINE__)
#define SEE_EVENTS(fd)	see(walk, events_of(fd), __LINE__)

static int walk_make(struct walk *walk)
{
	if (walk->ours)
		return keep(ipcbook_socket(walk->type | SOCK_CLOEXEC));
	return keep(sys(socket(AF_UNIX, walk->type | SOCK_CLOEXEC, 0)));
}

/* The call on the address of this walk's listener. */
static long walk_to(struct walk *walk, int fd,
		    int (*call)(int, const struct sockaddr *, socklen_t))
{
	struct sockaddr_ipcbook ours;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char path[80];
	int length;

	snprintf(path, sizeof(path), "%.40s-walk-%d-%d", name, walk->type,
		 walk->serial);
	if (walk->ours) {
		length = ipcbook_socket_address(&ours, path);
		return sys(call(fd, (struct sockaddr *)&ours, length));
	}
	/* An abstract name. */
	strcpy(un.sun_path + 1, path);
	length = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(path);
	return sys(call(fd, (struct sockaddr *)&un, length));
}

static void walk_listen(struct walk *walk)
{
	walk->serial++;
	walk->listener = walk_make(walk);
	SEE_EVENTS(walk->listener);
	is(walk_to(walk, walk->listener, bind), 0);
	SEE_EVENTS(walk->listener);
	is(sys(listen(walk->listener, 4)), 0);
	SEE_EVENTS(walk->listener);
}

static void walk_connect(struct walk *walk, int *client, int *server)
{
	*client = walk_make(walk);
	is(walk_to(walk, *client, connect), 0);
	*server = keep(sys(accept4(walk->listener, NULL, NULL, SOCK_CLOEXEC)));
}

static void walk_begins(struct walk *walk)
{
	int client = walk_make(walk), server;

	SEE_EVENTS(client);
	SEE(sys(send(client, "x", 1, MSG_NOSIGNAL)));
	walk_listen(walk);
	SEE(walk_to(walk, client, connect));
	SEE_EVENTS(client);
	SEE_EVENTS(walk->listener);
	SEE(walk_to(walk, client, connect));
	server = keep(sys(accept(walk->listener, NULL, NULL)));
	SEE_EVENTS(client);
	SEE_EVENTS(server);
	SEE_EVENTS(walk->listener);
	nonblocking(walk->listener);
	SEE(sys(accept(walk->listener, NULL, NULL)));
	SEE(sys(shutdown(walk->listener, SHUT_RD)));
	SEE_EVENTS(walk->listener);
	SEE(walk_to(walk, walk_make(walk), connect));
}

/* The listener is shut down while two wait to be accepted. */
static void walk_refuses(struct walk *walk, int how)
{
	struct timeval limit = { .tv_usec = 1000 };
	int clients[2], server;
	char room[8];

	walk_listen(walk);
	for (int i = 0; i < 2; i++) {
		clients[i] = walk_make(walk);
		is(walk_to(walk, clients[i], connect), 0);
		is(sys(send(clients[i], "early", 5, 0)), 5);
	}
	SEE(sys(shutdown(walk->listener, how)));
	SEE_EVENTS(walk->listener);
	SEE_EVENTS(clients[0]);
	SEE(walk_to(walk, walk_make(walk), connect));
	for (int i = 0; i < 2; i++) {
		/* The other one without a wait. */
		if (i)
			nonblocking(walk->listener);
		server = sys(accept4(walk->listener, NULL, NULL, SOCK_CLOEXEC));
		SEE(server < 0 ? server : 0);
		keep(server);
		SEE_EVENTS(walk->listener);
		SEE(sys(recv(server, room, 8, 0)));
		SEE(sys(send(server, "late", 4, 0)));
		SEE(sys(recv(clients[i], room, 8, 0)));
		SEE_EVENTS(clients[i]);
	}
	/* Who came after it was shut down for sending only. */
	server = sys(accept(walk->listener, NULL, NULL));
	SEE(server < 0);
	is(sys(fcntl(walk->listener, F_SETFL, 0)), 0);
	is(sys(setsockopt(walk->listener, SOL_SOCKET, SO_RCVTIMEO, &limit,
			  sizeof(limit))), 0);
	SEE(sys(accept(walk->listener, NULL, NULL)));
	SEE(sys(listen(walk->listener, 4)));
	SEE(walk_to(walk, walk_make(walk), connect));
}

static void walk_moves(struct walk *walk)
{
	char big[1000] = "";
	int client, server;
	long n;

	walk_connect(walk, &client, &server);
	SEE(sys(send(client, "12345", 5, 0)));
	SEE_EVENTS(client);
	SEE_EVENTS(server);
	SEE(sys(recv(server, big, 3, MSG_PEEK)));
	SEE(sys(recv(server, big, 3, 0)));
	SEE_EVENTS(server);
	SEE(sys(recv(server, big, 3, MSG_DONTWAIT)));
	SEE(sys(recv(server, big, 3, MSG_DONTWAIT)));
	SEE_EVENTS(server);
	while ((n = sys(send(client, big, sizeof(big), MSG_DONTWAIT))) > 0)
		;
	SEE(n);
	SEE_EVENTS(client);
	while ((n = sys(recv(server, big, sizeof(big), MSG_DONTWAIT))) > 0)
		;
	SEE(n);
	SEE_EVENTS(client);
	SEE_EVENTS(server);
}

static void walk_shuts(struct walk *walk, int how)
{
	int client, server;
	char room[8];

	walk_connect(walk, &client, &server);
	SEE(sys(send(client, "1", 1, 0)));
	SEE(sys(shutdown(client, how)));
	SEE_EVENTS(client);
	SEE_EVENTS(server);
	SEE(sys(send(client, "2", 1, MSG_NOSIGNAL)));
	SEE(sys(send(server, "3", 1, MSG_NOSIGNAL)));
	for (int i = 0; i < 2; i++) {
		SEE(sys(recv(client, room, 8, MSG_DONTWAIT)));
		SEE(sys(recv(server, room, 8, MSG_DONTWAIT)));
		SEE_EVENTS(client);
		SEE_EVENTS(server);
	}
	SEE(sys(shutdown(server, SHUT_WR)));
	SEE_EVENTS(client);
	SEE_EVENTS(server);
	SEE(sys(recv(client, room, 8, MSG_DONTWAIT)));
}

/* One end was shut down before it had another. */
static void walk_shuts_first(struct walk *walk, int how)
{
	int client = walk_make(walk), server;
	char room[8];

	SEE(sys(shutdown(client, how)));
	SEE_EVENTS(client);
	SEE(walk_to(walk, client, connect));
	server = keep(sys(accept4(walk->listener, NULL, NULL, SOCK_CLOEXEC)));
	SEE_EVENTS(client);
	SEE_EVENTS(server);
	SEE(sys(send(server, "1", 1, MSG_DONTWAIT | MSG_NOSIGNAL)));
	SEE(sys(recv(client, room, 8, MSG_DONTWAIT)));
	SEE(sys(recv(server, room, 8, MSG_DONTWAIT)));
	SEE(sys(send(client, "2", 1, MSG_DONTWAIT | MSG_NOSIGNAL)));
	SEE(sys(recv(server, room, 8, MSG_DONTWAIT)));
	SEE_EVENTS(client);
	SEE_EVENTS(server);
}

/* One end is closed, with and without something that it has not read. */
static void walk_closes(struct walk *walk, bool unread, bool early)
{
	int client, server;
	char room[8];

	if (early) {
		walk_listen(walk);
		client = walk_make(walk);
		is(walk_to(walk, client, connect), 0);
		server = walk->listener;
	} else {
		walk_connect(walk, &client, &server);
	}
	if (unread)
		SEE(sys(send(client, "unread", 6, 0)));
	drop(server);
	SEE_EVENTS(client);
	SEE(sys(send(client, "x", 1, MSG_NOSIGNAL)));
	SEE_EVENTS(client);
	for (int i = 0; i < 2; i++) {
		SEE(sys(recv(client, room, 8, MSG_DONTWAIT)));
		SEE_EVENTS(client);
	}
	SEE(get_option(client, SO_ERROR));
}

static void walk_through(struct walk *walk, bool ours, int of_type)
{
	*walk = (struct walk){ .ours = ours, .type = of_type };
	walk_begins(walk);
	walk_refuses(walk, SHUT_RD);
	walk_refuses(walk, SHUT_WR);
	walk_refuses(walk, SHUT_RDWR);
	walk_listen(walk);
	walk_moves(walk);
	walk_shuts(walk, SHUT_RD);
	walk_shuts(walk, SHUT_WR);
	walk_shuts(walk, SHUT_RDWR);
	walk_shuts_first(walk, SHUT_RD);
	walk_shuts_first(walk, SHUT_WR);
	walk_shuts_first(walk, SHUT_RDWR);
	walk_closes(walk, false, false);
	walk_closes(walk, true, false);
	walk_closes(walk, false, true);
	walk_closes(walk, true, true);
}

STREAM_TEST(states_are_those_of_a_unix_socket)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET };
	struct walk ours, theirs;

	for (unsigned int i = 0; i < ARRAY_SIZE(types); i++) {
		unsigned int wrong = 0;

		walk_through(&theirs, false, types[i]);
		walk_through(&ours, true, types[i]);
		is(ours.count, theirs.count);
		holds(ours.count > 100);
		for (unsigned int j = 0; j < ours.count; j++) {
			if (ours.sights[j].seen == theirs.sights[j].seen)
				continue;
			print_error("type %d, line %d: %lx, of AF_UNIX %lx\n",
				    types[i], ours.sights[j].line,
				    ours.sights[j].seen, theirs.sights[j].seen);
			wrong++;
		}
		is(wrong, 0);
	}
}

STREAM_TEST(sockets_are_listed)
{
	int before = 0, found = 0, client, server;
	struct ipcbook_stat stat;

	is(ipcbook_list(IPCBOOK_SOCKET, NULL, count, &before), 0);
	is(before, 1);
	connected(&client, &server);
	stat = stat_of(listener);
	is(stat.chapter, IPCBOOK_SOCKET);
	is(strcmp(stat.name, name), 0);
	is(stat.creator, getpid());
	is(stat.descriptors, 1);
	stat = stat_of(server);
	is(stat.name[0], 0);
	tell(client, "12345");
	stat = stat_of(server);
	is(stat.bytes, 5);
	is(stat.depth, 5);
	is(stat.memory > 4096, 1);
	is(stat.max_bytes, 212992);
	says(server, "12345");
	is(stat_of(server).received_bytes, 5);
	is(stat_of(client).sent_bytes, 5);
	holds(stat_of(client).sent_ns > stat.created_ns - SEC);
	close(listener);
	listener = -1;
	is(ipcbook_list(IPCBOOK_SOCKET, name, count, &found), 0);
	is(found, 0);
}

STREAM_TEST(fdinfo_tells_who_is_connected_to_whom)
{
	int client, server;
	const char *text;
	char path[64];

	connected(&client, &server);
	tell(server, "abc");
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", client);
	text = slurp(path);
	holds(strstr(text, "chapter:\tsocket\n"));
	holds(strstr(text, "type:\tstream\n"));
	holds(strstr(text, "state:\tconnected\n"));
	holds(strstr(text, "bytes:\t3\n"));
	holds(strstr(text, name));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", listener);
	holds(strstr(slurp(path), "state:\tlistening\n"));
}

/* --- Limits ---------------------------------------------------------------- */

STREAM_TEST(a_users_sockets_are_counted)
{
	int listens = gate(), connects = gate(), client;
	pid_t pid;

	set_parameter("user_objects", 2);
	strcat(name, "-its");
	pid = child();
	if (!pid) {
		int other, accepted;

		become(1001);
		listener = ipcbook_socket_listen(name, SOCK_STREAM, 1);
		other = ipcbook_socket(SOCK_STREAM);
		holds(listener >= 0 && other >= 0);
		is(ipcbook_socket(SOCK_STREAM), -EDQUOT);
		gate_open(listens);
		gate_pass(connects);
		/* It would be one more. */
		is(sys(accept(listener, NULL, NULL)), -EDQUOT);
		is(sys(accept(listener, NULL, NULL)), -EDQUOT);
		close(other);
		accepted = sys(accept(listener, NULL, NULL));
		holds(accepted >= 0);
		says(accepted, "kept");
		_exit(0);
	}
	gate_pass(listens);
	client = keep(ipcbook_socket_connect(name, SOCK_STREAM));
	tell(client, "kept");
	gate_open(connects);
	is(reap(pid), 0);
}

/* Connects a socket of its own, and closes that. */
static long connect_and_close(void)
{
	int fd = ipcbook_socket(SOCK_STREAM);
	long err;

	holds(fd >= 0);
	err = connect_to(fd, name);
	close(fd);
	return err;
}

STREAM_TEST(who_connects_has_the_connection_until_it_is_accepted)
{
	int accepted, fds[3];
	pid_t pid;

	close(listener);
	listener = -1;
	set_parameter("user_objects", 4);
	pid = child();
	if (!pid) {
		become(1000);
		listener = ipcbook_socket_listen(name, SOCK_STREAM, 16);
		holds(listener >= 0);
		is(connect_and_close(), 0);
		is(connect_and_close(), 0);
		/* The listener, two that nobody has accepted, and its own socket. */
		is(connect_and_close(), -EDQUOT);
		is(stat_of(listener).depth, 2);
		/* What is accepted is counted already. */
		accepted = sys(accept(listener, NULL, NULL));
		holds(accepted >= 0);
		is(connect_and_close(), -EDQUOT);
		close(accepted);
		is(connect_and_close(), 0);
		/* With the listener goes what waits there. */
		close(listener);
		for (int i = 0; i < 3; i++)
			holds((fds[i] = ipcbook_socket(SOCK_STREAM)) >= 0);
		holds(ipcbook_socket(SOCK_STREAM) >= 0);
		is(ipcbook_socket(SOCK_STREAM), -EDQUOT);
		for (int i = 0; i < 3; i++)
			close(fds[i]);
		_exit(0);
	}
	is(reap(pid), 0);
}

STREAM_TEST(who_accepts_has_the_connection_from_then_on)
{
	int waits = gate(), accepted = gate();
	pid_t pid;
	int fd;

	is(ipcbook_chmod(listener, 0666), 0);
	set_parameter("user_objects", 2);
	pid = child();
	if (!pid) {
		become(1000);
		fd = ipcbook_socket_connect(name, SOCK_STREAM);
		holds(fd >= 0);
		is(ipcbook_socket(SOCK_STREAM), -EDQUOT);
		close(fd);
		fd = ipcbook_socket(SOCK_STREAM);
		is(connect_to(fd, name), -EDQUOT);
		gate_open(waits);
		gate_pass(accepted);
		/* A try that fails leaves nothing counted. */
		is(bind_to(fd, "unheard"), 0);
		is(connect_to(fd, "unheard"), -ECONNREFUSED);
		is(connect_to(fd, "unheard"), -ECONNREFUSED);
		is(connect_to(fd, name), 0);
		is(ipcbook_socket(SOCK_STREAM), -EDQUOT);
		_exit(0);
	}
	gate_pass(waits);
	holds(keep(sys(accept(listener, NULL, NULL))) >= 0);
	gate_open(accepted);
	is(reap(pid), 0);
}
