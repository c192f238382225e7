// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets: whose memory is not there waits alone, and those who wait for room
 * are not forgotten.
 */
#include <linux/sockios.h>

#include "socket.h"
#include "served.h"

static char served[4096] = "served, and read by nobody before";

/* A call from or to a page of its own that is not there; it waits for the other end. */
static struct call *paged(int fd, size_t len, unsigned int flags,
			  long (*make)(struct call *call), int *server)
{
	struct call *call = call_new(fd, IPCBOOK_ANY, 0);

	call->buf = served_page(server);
	if (!call->buf)
		not_here("there is no userfaultfd");
	call->len = len;
	call->flags = flags;
	call_other(call, make, make == make_send ? SYS_sendto : SYS_recvfrom);
	return call;
}

/* A send() from a page, or a recv() to one, that waits for that page. */
static struct call *needy(int fd, size_t len, unsigned int flags,
			  long (*make)(struct call *call), int *server)
{
	struct call *call = paged(fd, len, flags, make, server);

	await_need(*server);
	return call;
}

/* --- Memory that is not there --------------------------------------------- */

STREAM_TEST(a_sender_whose_page_is_not_there_holds_up_nobody)
{
	int client, server, memory, n;
	struct call *call;
	char room[100];

	connected(&client, &server);
	call = needy(client, 100, 0, make_send, &memory);
	tell(client, "others");
	says(server, "others");
	is(events_of(client), POLLOUT);
	is(sys(ioctl(client, SIOCOUTQ, &n)), 0);
	is(n, 0);
	tell(server, "back");
	says(client, "back");
	serve(memory, call->buf, served);
	is(call_end(call), 100);
	is(sys(recv(server, room, 100, MSG_WAITALL)), 100);
	is(memcmp(room, served, 100), 0);
}

STREAM_TEST(a_receiver_whose_page_is_not_there_holds_up_nobody)
{
	int client, server, memory;
	struct call *call;
	char room[8];

	connected(&client, &server);
	tell(client, "onetwo");
	call = needy(server, 3, 0, make_recv, &memory);
	is(sys(recv(server, room, 3, MSG_PEEK)), 3);
	is(memcmp(room, "one", 3), 0);
	is(sys(recv(server, room, 3, 0)), 3);
	is(memcmp(room, "one", 3), 0);
	tell(server, "back");
	says(client, "back");
	serve(memory, call->buf, served);
	is(call_end(call), 3);
	is(memcmp(call->buf, "two", 3), 0);
	is(sys(recv(server, room, 3, MSG_DONTWAIT)), -EAGAIN);
}

/* Who was woken first and waits for its page has not kept the wake-up. */
STREAM_TEST(a_woken_receiver_whose_page_is_not_there_wakes_the_next)
{
	struct call *first, *second;
	int client, server, memory;

	connected(&client, &server);
	first = paged(server, 3, 0, make_recv, &memory);
	second = call_new(server, IPCBOOK_ANY, 0);
	second->len = 3;
	call_other(second, make_recv, SYS_recvfrom);
	tell(client, "onetwo");
	await_need(memory);
	is(call_end(second), 3);
	is(memcmp(second->room, "one", 3), 0);
	holds(!first->done);
	serve(memory, first->buf, served);
	is(call_end(first), 3);
	is(memcmp(first->buf, "two", 3), 0);
}

RECORD_TEST(a_record_goes_to_the_next_where_the_woken_ones_page_is_not_there)
{
	struct call *first, *second;
	int client, server, memory;

	connected(&client, &server);
	first = paged(server, 10, 0, make_recv, &memory);
	second = blocked_recv(server);
	tell(client, "one");
	await_need(memory);
	is(call_end(second), 3);
	is(memcmp(second->room, "one", 3), 0);
	holds(!first->done);
	serve(memory, first->buf, served);
	tell(client, "second");
	is(call_end(first), 6);
	is(memcmp(first->buf, "second", 6), 0);
}

STREAM_TEST(who_peeks_to_a_page_that_is_not_there_holds_up_nobody)
{
	struct call *call;
	int client, server, memory;
	char room[8];

	connected(&client, &server);
	tell(client, "onetwo");
	call = needy(server, 6, MSG_PEEK, make_recv, &memory);
	is(sys(recv(server, room, 3, 0)), 3);
	serve(memory, call->buf, served);
	/* It sees what is there by then. */
	is(call_end(call), 3);
	is(memcmp(call->buf, "two", 3), 0);
	says(server, "two");
}

/* The record that it sees is another one by then, and is whole. */
RECORD_TEST(who_peeks_at_a_record_to_a_page_that_is_not_there_sees_the_next_whole)
{
	struct call *call;
	int client, server, memory;

	connected(&client, &server);
	tell(client, "one");
	tell(client, "longer");
	call = needy(server, 10, MSG_PEEK, make_recv, &memory);
	says(server, "one");
	serve(memory, call->buf, served);
	is(call_end(call), 6);
	is(memcmp(call->buf, "longer", 6), 0);
	says(server, "longer");
}

RECORD_TEST(a_record_whose_page_is_not_there_holds_up_nobody)
{
	int client, server, memory;
	struct call *call;
	char room[100];

	connected(&client, &server);
	call = needy(client, 100, 0, make_send, &memory);
	tell(client, "others");
	is(stat_of(server).depth, 1);
	says(server, "others");
	serve(memory, call->buf, served);
	is(call_end(call), 100);
	is(sys(recv(server, room, 100, MSG_DONTWAIT)), 100);
	is(memcmp(room, served, 100), 0);
}

RECORD_TEST(who_takes_a_record_to_a_page_that_is_not_there_holds_up_nobody)
{
	int client, server, memory, n;
	struct call *call;

	connected(&client, &server);
	tell(client, "one");
	tell(client, "second");
	call = needy(server, 10, 0, make_recv, &memory);
	is(sys(ioctl(server, SIOCINQ, &n)), 0);
	is(n, 3);
	says(server, "one");
	serve(memory, call->buf, served);
	is(call_end(call), 6);
	is(memcmp(call->buf, "second", 6), 0);
	is(sys(recv(server, &n, 4, MSG_DONTWAIT)), -EAGAIN);
}

/* The part that is there must not be copied twice. */
RECORD_TEST(a_record_half_of_which_is_not_there_is_sent_once)
{
	struct call *call = call_new(-1, IPCBOOK_ANY, 0);
	int client, server, memory;
	char room[300], *start;

	connected(&client, &server);
	call->fd = client;
	start = served_behind(&memory, 100);
	if (!start)
		not_here("there is no userfaultfd");
	call->buf = start;
	call->len = 300;
	for (int i = 0; i < 100; i++)
		start[i] = i + 1;
	call_other(call, make_send, SYS_sendto);
	await_need(memory);
	tell(client, "others");
	serve(memory, start + 100, served);
	is(call_end(call), 300);
	says(server, "others");
	is(sys(recv(server, room, 300, MSG_DONTWAIT)), 300);
	is(memcmp(room, start, 100), 0);
	is(memcmp(room + 100, served, 200), 0);
}

RECORD_TEST(a_record_is_received_once_where_half_is_not_there)
{
	struct call *call = call_new(-1, IPCBOOK_ANY, 0);
	int client, server, memory;
	char out[300], *start;

	connected(&client, &server);
	for (int i = 0; i < 300; i++)
		out[i] = i * 7;
	is(sys(send(client, out, 300, 0)), 300);
	call->fd = server;
	start = served_behind(&memory, 100);
	if (!start)
		not_here("there is no userfaultfd");
	call->buf = start;
	call->len = 300;
	call_other(call, make_recv, SYS_recvfrom);
	await_need(memory);
	serve(memory, start + 100, served);
	is(call_end(call), 300);
	is(memcmp(start, out, 300), 0);
	is(stat_of(server).depth, 0);
}

STREAM_TEST(peeking_to_where_half_is_not_there_sees_it_once)
{
	struct call *call = call_new(-1, IPCBOOK_ANY, 0);
	int client, server, memory;
	char out[300], *start;

	connected(&client, &server);
	for (int i = 0; i < 300; i++)
		out[i] = i * 7;
	is(sys(send(client, out, 300, 0)), 300);
	call->fd = server;
	call->flags = MSG_PEEK;
	start = served_behind(&memory, 100);
	if (!start)
		not_here("there is no userfaultfd");
	call->buf = start;
	call->len = 300;
	call_other(call, make_recv, SYS_recvfrom);
	await_need(memory);
	serve(memory, start + 100, served);
	is(call_end(call), 300);
	is(memcmp(start, out, 300), 0);
}

STREAM_TEST(a_peer_closes_while_a_sender_waits_for_its_page)
{
	int client, server, memory;
	struct call *call;

	connected(&client, &server);
	tell(client, "makes memory");
	says(server, "makes memory");
	call = needy(client, 100, 0, make_send, &memory);
	drop(server);
	serve(memory, call->buf, served);
	is(call_end(call), -EPIPE);
	is(get_option(client, SO_ERROR), 0);
}

STREAM_TEST(a_peer_closes_while_a_receiver_waits_for_its_page)
{
	int client, server, memory;
	struct call *call;

	connected(&client, &server);
	tell(client, "last");
	call = needy(server, 100, 0, make_recv, &memory);
	drop(client);
	serve(memory, call->buf, served);
	is(call_end(call), 4);
	is(memcmp(call->buf, "last", 4), 0);
	says(server, "");
}

STREAM_TEST(who_waits_for_a_page_can_be_killed)
{
	int client, server, memory, ready = gate();
	char *page;
	pid_t pid;

	page = served_page(&memory);
	if (!page)
		not_here("there is no userfaultfd");
	for (int sends = 0; sends < 2; sends++) {
		connected(&client, &server);
		tell(client, "kept");
		pid = child();
		if (!pid) {
			/* Its own, for what it inherited is not served. */
			page = served_page(&memory);
			gate_open(ready);
			if (sends)
				send(client, page, 100, 0);
			else
				recv(server, page, 100, 0);
			_exit(1);
		}
		gate_pass(ready);
		await_asleep(pid, sends ? SYS_sendto : SYS_recvfrom);
		is(sys(kill(pid, SIGKILL)), 0);
		is(reap(pid), 128 + SIGKILL);
		says(server, "kept");
		tell(client, "works");
		says(server, "works");
	}
}

/* Half of a record's memory can be had, half cannot: it stays whole. */
RECORD_TEST(a_record_at_the_edge_of_memory_stays_whole)
{
	int client, server;
	char *end = edge(4);

	connected(&client, &server);
	is(sys(send(client, end, 8, 0)), -EFAULT);
	tell(client, "12345678");
	is(sys(recv(server, end, 8, 0)), -EFAULT);
	is(sys(recv(server, end, 8, MSG_PEEK)), -EFAULT);
	is(stat_of(server).depth, 1);
	is(sys(recv(server, end, 4, 0)), 4);
	is(memcmp(end, "1234", 4), 0);
	is(stat_of(server).depth, 0);
}

/* Of a stream, what can be had is had. */
STREAM_TEST(a_stream_at_the_edge_of_memory_stops_there)
{
	int client, server;
	char *end = edge(4);

	connected(&client, &server);
	memcpy(end, "abcd", 4);
	is(sys(send(client, end, 8, 0)), 4);
	tell(client, "efgh");
	is(sys(recv(server, end, 8, MSG_PEEK)), 4);
	is(memcmp(end, "abcd", 4), 0);
	is(sys(recv(server, end, 8, 0)), 4);
	says(server, "efgh");
}

/* --- Room ----------------------------------------------------------------- */

RECORD_TEST(an_empty_record_that_waited_for_room_arrives)
{
	int client, server, sent = 0;
	struct call *call;
	char room[8];

	set_option(listener, SO_RCVBUF, 1200);
	connected(&client, &server);
	while (sys(send(client, "", 0, MSG_DONTWAIT)) == 0)
		sent++;
	holds(sent > 8);
	call = call_new(client, IPCBOOK_ANY, 0);
	call->len = 0;
	call_other(call, make_send, SYS_sendto);
	for (int i = 0; i < sent; i++)
		is(sys(recv(server, room, 8, MSG_DONTWAIT)), 0);
	is(call_end(call), 0);
	is(stat_of(server).depth, 1);
	is(sys(recv(server, room, 8, MSG_DONTWAIT)), 0);
	is(sys(recv(server, room, 8, MSG_DONTWAIT)), -EAGAIN);
}

/* Asked for more than the buffer holds: what is there must be taken. */
STREAM_TEST(more_than_there_is_room_for_can_be_asked_for)
{
	char *out = malloc(200000), *in = malloc(200000);
	struct call *call = call_new(-1, IPCBOOK_ANY, 0);
	int client, server;

	set_option(listener, SO_RCVBUF, 8192);
	connected(&client, &server);
	for (int i = 0; i < 200000; i++)
		out[i] = i * 11 + i / 997;
	call->fd = server;
	call->flags = MSG_WAITALL;
	call->buf = in;
	call->len = 200000;
	call_other(call, make_recv, SYS_recvfrom);
	is(sys(send(client, out, 200000, 0)), 200000);
	is(call_end(call), 200000);
	is(memcmp(in, out, 200000), 0);
	free(out);
	free(in);
}

/* How often a thread has gone to sleep. */
static long sleeps(pid_t tid)
{
	char path[64];
	const char *at;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
	at = strstr(slurp(path), "\nvoluntary_ctxt_switches:");
	holds(at);
	return atol(strchr(at, '\t'));
}

STREAM_TEST(who_waits_for_much_is_not_woken_for_little)
{
	struct call *call = call_new(-1, IPCBOOK_ANY, 0);
	int client, server;
	long before;

	connected(&client, &server);
	call->fd = server;
	call->flags = MSG_WAITALL;
	call->len = 50;
	call_other(call, make_recv, SYS_recvfrom);
	before = sleeps(call->tid);
	for (int i = 0; i < 49; i++)
		tell(client, "x");
	is(sleeps(call->tid), before);
	tell(client, "x");
	is(call_end(call), 50);
}

/* Fills the buffer and reads all, several times; returns what it then holds. */
static ssize_t flow(int client, int server)
{
	static char big[65536];
	ssize_t n, sent = 0;

	for (int i = 0; i < 8; i++) {
		for (; sent; sent -= n) {
			n = sys(recv(server, big, sizeof(big), 0));
			holds(n > 0);
		}
		while ((n = sys(send(client, big, sizeof(big),
				     MSG_DONTWAIT))) > 0)
			sent += n;
		is(n, -EAGAIN);
	}
	is(stat_of(server).bytes, sent);
	is(stat_of(server).max_bytes, sent);
	return sent;
}

STREAM_TEST(a_buffer_grows_as_long_as_all_is_read)
{
	int client, server;

	set_parameter("socket_max_bytes", 1000000);
	connected(&client, &server);
	is(flow(client, server), 212992 * 4);
}

STREAM_TEST(a_buffer_whose_size_was_set_keeps_it)
{
	int client, server;

	connected(&client, &server);
	set_option(server, SO_RCVBUF, 20000);
	is(flow(client, server), 40000);
	drop(client);
	drop(server);
	connected(&client, &server);
	set_option(client, SO_SNDBUF, 20000);
	is(flow(client, server), 40000);
	drop(client);
	drop(server);
	/* Who is accepted has the listener's, which was set as well. */
	set_option(listener, SO_RCVBUF, 20000);
	connected(&client, &server);
	is(flow(client, server), 40000);
}

STREAM_TEST(a_size_that_is_set_when_a_buffer_has_grown_is_the_size)
{
	static char big[65536];
	int client, server;
	ssize_t n, sent = 0;

	set_parameter("socket_max_bytes", 1000000);
	connected(&client, &server);
	is(flow(client, server), 212992 * 4);
	while (sys(recv(server, big, sizeof(big), MSG_DONTWAIT)) > 0)
		;
	set_option(server, SO_RCVBUF, 4096);
	is(stat_of(server).max_bytes, 8192);
	while ((n = sys(send(client, big, 1000, MSG_DONTWAIT))) > 0)
		sent += n;
	is(n, -EAGAIN);
	is(sent, 8192);
}

/* --- Turns ---------------------------------------------------------------- */

#define MUCH	(16 << 20)

static char much[MUCH];

/* All of it is there: nothing is waited for. */
static void *receive_much(void *fd)
{
	holds(sys(recv(*(int *)fd, much, MUCH, 0)) > MUCH / 2);
	return NULL;
}

static int waiting_at(int fd)
{
	int n;

	is(sys(ioctl(fd, FIONREAD, &n)), 0);
	return n;
}

/* What a second receiver gets while one receives much. */
static ssize_t receive_beside(int client, int server)
{
	pthread_t thread;
	char byte;
	ssize_t n;

	is(sys(send(client, much, MUCH, 0)), MUCH);
	is(pthread_create(&thread, NULL, receive_much, &server), 0);
	while (waiting_at(server) == MUCH)
		;
	n = sys(recv(server, &byte, 1, MSG_DONTWAIT));
	pthread_join(thread, NULL);
	is(waiting_at(server), 0);
	return n;
}

STREAM_TEST(who_receives_much_lets_others_receive)
{
	ssize_t n = -EAGAIN;
	int client, server;

	connected(&client, &server);
	set_option(client, SO_SNDBUFFORCE, MUCH);
	set_option(server, SO_RCVBUFFORCE, MUCH);
	/* Its pages are there: for one that is not, the lock is left anyway. */
	memset(much, 1, MUCH);
	/* A thread may come too late; not so often. */
	for (int i = 0; i < 20 && n == -EAGAIN; i++)
		n = receive_beside(client, server);
	is(n, 1);
}

/* --- Memory that a stream keeps ------------------------------------------- */

/* Four chunks of 32 KiB, and the one that the reader stands in. */
#define KEPT	(5 * 32768)

STREAM_TEST(of_what_was_read_128_kib_are_kept_and_used_again)
{
	char big[65536] = "";
	int client, server;
	__u64 bare;

	connected(&client, &server);
	set_option(client, SO_SNDBUF, 200000);
	bare = stat_of(server).memory;
	for (int i = 0; i < 3; i++) {
		while (sys(send(client, big, sizeof(big), MSG_DONTWAIT)) > 0)
			;
		is(stat_of(server).bytes, 212992);
		holds(stat_of(server).memory > 212992);
		while (sys(recv(server, big, sizeof(big), MSG_DONTWAIT)) > 0)
			;
		is(stat_of(server).memory - bare, KEPT);
	}
	for (int i = 0; i < 100; i++) {
		is(sys(send(client, big, 60000, 0)), 60000);
		is(sys(recv(server, big, 60000, MSG_WAITALL)), 60000);
	}
	is(stat_of(server).memory - bare, KEPT);
}

/* Kilobytes that could be had. */
static long available(void)
{
	const char *at = strstr(slurp("/proc/meminfo"), "MemAvailable:");

	holds(at);
	return atol(at + strlen("MemAvailable:"));
}

STREAM_TEST(a_stream_that_is_closed_keeps_no_memory)
{
	char *big = calloc(1, 60000);
	int client, server;
	long before = 0;

	for (int i = 0; i < 1100; i++) {
		if (i == 100)
			before = available();
		connected(&client, &server);
		is(sys(send(client, big, 60000, 0)), 60000);
		is(sys(recv(server, big, 60000, MSG_WAITALL)), 60000);
		/* Now it has chunks to be used again. */
		holds(stat_of(server).memory > 32768);
		drop(client);
		drop(server);
	}
	/* Of 64 MB that it has had in all. */
	holds(before - available() < 20000);
	free(big);
	socket_calls();
}

STREAM_TEST(who_waits_for_all_of_it_does_not_keep_a_writer_from_bringing_it)
{
	struct pollfd room = { .events = POLLOUT };
	const size_t all = 200000, some = 120000;
	char *big = calloc(1, all);
	struct call *call;
	int client, server;

	connected(&client, &server);
	call = call_new(server, IPCBOOK_ANY, 0);
	call->buf = calloc(1, all);
	call->len = all;
	call->flags = MSG_WAITALL;
	call_other(call, make_recv, SYS_recvfrom);
	is(sys(send(client, big, some, 0)), some);
	room.fd = client;
	is(sys(poll(&room, 1, 5000)), 1);
	is(sys(send(client, big, all - some, 0)), all - some);
	is(call_end(call), all);
	free(call->buf);
	free(big);
}

RECORD_TEST(who_waits_for_all_of_a_record_waits_for_no_more)
{
	struct call *call;
	int client, server;

	connected(&client, &server);
	for (int i = 0; i < 2; i++) {
		call = call_new(server, IPCBOOK_ANY, 0);
		if (i)
			set_option(server, SO_RCVLOWAT, 100);
		else
			call->flags = MSG_WAITALL;
		call_other(call, make_recv, SYS_recvfrom);
		tell(client, "x");
		is(call_end(call), 1);
	}
}

RECORD_TEST(a_record_that_comes_to_fit_never_is_refused)
{
	const size_t size = 100000;
	char *big = calloc(1, size);
	struct call *call;
	int client, server;

	connected(&client, &server);
	is(sys(send(client, big, size, 0)), size);
	is(sys(send(client, big, size, 0)), size);
	call = call_new(client, IPCBOOK_ANY, 0);
	call->buf = big;
	call->len = size;
	call_other(call, make_send, SYS_sendto);
	set_option(server, SO_RCVBUF, 4096);
	for (int i = 0; i < 2; i++)
		is(sys(recv(server, big, size, 0)), size);
	is(call_end(call), -EMSGSIZE);
	tell(client, "fits");
	says(server, "fits");
	free(big);
}

/* Who is accepting may not, for it has as many sockets as it may. */
STREAM_TEST(whom_one_may_not_accept_is_the_next_one_s)
{
	int ready = gate(), client;
	pid_t poor, other;
	char room[8];

	is(ipcbook_chmod(listener, 0666), 0);
	set_parameter("user_objects", 1);
	poor = child();
	if (!poor) {
		become(1001);
		holds(ipcbook_socket(SOCK_STREAM) >= 0);
		gate_open(ready);
		is(sys(accept(listener, NULL, NULL)), -EDQUOT);
		_exit(0);
	}
	gate_pass(ready);
	await_asleep(poor, SYS_accept);
	other = child();
	if (!other) {
		client = sys(accept(listener, NULL, NULL));
		holds(client >= 0);
		is(sys(recv(client, room, 8, MSG_WAITALL)), 8);
		is(memcmp(room, "somebody", 8), 0);
		_exit(0);
	}
	await_asleep(other, SYS_accept);
	client = keep(ipcbook_socket(SOCK_STREAM));
	is(connect_to(client, name), 0);
	tell(client, "somebody");
	is(reap(poor), 0);
	is(reap(other), 0);
}
