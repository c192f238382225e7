// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets: what comes between two steps of a call.
 */
#include "socket.h"
#include "steps.h"

static int race_end(void **state)
{
	close(listener);
	return steps_end(state);
}

#define RACE_TEST(test)	TEST_BETWEEN(test, begin_stream, race_end)

/* Both ends of a connection, not kept: either side closes its own. */
static void join(int *client, int *server)
{
	*client = ipcbook_socket_connect(name, type | SOCK_CLOEXEC);
	holds(*client >= 0);
	*server = sys(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
	holds(*server >= 0);
}

static void send_and_close(int fd)
{
	tell(fd, "x");
	close(fd);
}

static void receive_from_who_closes(void)
{
	int client, server;
	char room[8];
	ssize_t n;

	join(&client, &server);
	other_acts(client);
	n = sys(recv(server, room, 8, MSG_DONTWAIT));
	other_has_acted();
	if (n == -EAGAIN)
		n = sys(recv(server, room, 8, MSG_DONTWAIT));
	is(n, 1);
	is(sys(recv(server, room, 8, MSG_DONTWAIT)), 0);
	close(server);
}

/* A receiver has seen nothing; then a byte comes, and the end: it gets the byte. */
RACE_TEST(a_byte_before_the_end_is_received_before_the_end)
{
	static const char *const calls[] = {
		"socket_recvmsg", "socket_wait_data", NULL
	};

	at_each_step(calls, send_and_close, receive_from_who_closes);
	socket_calls();
}

static void close_it(int fd)
{
	close(fd);
}

/* Whose byte will never be read, by this very call or by the next, but not by none. */
static void is_told(int client, ssize_t sent)
{
	if (sent == 1) {
		is(get_option(client, SO_ERROR), ECONNRESET);
	} else {
		is(sent, -EPIPE);
		is(get_option(client, SO_ERROR), 0);
	}
}

static void send_to_who_closes(void)
{
	int client, server;
	ssize_t n;

	join(&client, &server);
	other_acts(server);
	n = sys(send(client, "x", 1, MSG_NOSIGNAL));
	other_has_acted();
	is_told(client, n);
	close(client);
}

/* A sender's peer closes, and never reads: the sender is told. */
RACE_TEST(a_byte_that_nobody_will_read_is_told_to_be_lost)
{
	static const char *const calls[] = { "socket_sendmsg", NULL };

	at_each_step(calls, close_it, send_to_who_closes);
}

static ssize_t sent;
static int told;

static void send_it(int fd)
{
	sent = sys(send(fd, "x", 1, MSG_NOSIGNAL));
	told = get_option(fd, SO_ERROR);
}

static void close_before_who_sends(void)
{
	int client, server;

	join(&client, &server);
	other_acts(client);
	close(server);
	other_has_acted();
	/* Once, whether it was seen at once or is now. */
	if (told)
		is(get_option(client, SO_ERROR), 0);
	is(told ?: get_option(client, SO_ERROR), sent == 1 ? ECONNRESET : 0);
	if (sent != 1)
		is(sent, -EPIPE);
	close(client);
}

/* The same, seen from the other side: it closes, and there comes a byte. */
RACE_TEST(a_byte_that_comes_while_its_reader_closes_is_told_to_be_lost)
{
	static const char *const calls[] = {
		"socket_release", "socket_close", "socket_leave", NULL
	};

	at_each_step(calls, send_it, close_before_who_sends);
}

/* A receiver whose peer closes what it has not read: now or next, once, before the end. */
static void is_reset(int fd, ssize_t n)
{
	char room[8];

	if (n == -EAGAIN)
		n = sys(recv(fd, room, 8, MSG_DONTWAIT));
	is(n, -ECONNRESET);
	is(sys(recv(fd, room, 8, MSG_DONTWAIT)), 0);
	is(get_option(fd, SO_ERROR), 0);
}

/* What the client receives while the server, which has not read, is closed. */
static ssize_t receive_from_who_closes_unread(int client, int server, int flags)
{
	char room[8];
	ssize_t n;

	tell(client, "x");
	other_acts(server);
	n = sys(recv(client, room, 8, flags | MSG_DONTWAIT));
	other_has_acted();
	return n;
}

static void receive_from_who_has_not_read(void)
{
	int client, server;

	join(&client, &server);
	is_reset(client, receive_from_who_closes_unread(client, server, 0));
	close(client);
}

RACE_TEST(an_end_that_lost_bytes_is_no_orderly_end)
{
	static const char *const calls[] = {
		"socket_recvmsg", "socket_wait_data", NULL
	};

	at_each_step(calls, close_it, receive_from_who_has_not_read);
}

static ssize_t received;

static void receive_it(int fd)
{
	char room[8];

	received = sys(recv(fd, room, 8, MSG_DONTWAIT));
}

static void close_without_having_read(void)
{
	int client, server;

	join(&client, &server);
	tell(client, "x");
	other_acts(client);
	close(server);
	other_has_acted();
	is_reset(client, received);
	close(client);
}

RACE_TEST(an_end_that_loses_bytes_is_never_an_orderly_end)
{
	static const char *const calls[] = {
		"socket_release", "socket_close", "socket_leave", NULL
	};

	at_each_step(calls, receive_it, close_without_having_read);
}

static void receive_a_part_from_who_has_not_read(void)
{
	int client, server;
	char room[8];

	join(&client, &server);
	tell(server, "y");
	is(receive_from_who_closes_unread(client, server, MSG_WAITALL), 1);
	is_reset(client, sys(recv(client, room, 8, MSG_DONTWAIT)));
	close(client);
}

/* Who has received a part gets that, and the next call the error. */
RACE_TEST(an_end_that_lost_bytes_is_told_after_what_came)
{
	static const char *const calls[] = {
		"socket_recvmsg", "socket_wait_data", NULL
	};

	at_each_step(calls, close_it, receive_a_part_from_who_has_not_read);
}

/* The client's, while the other thread acts on the server. */
static int other_end;

static void close_and_receive(int fd)
{
	close(fd);
	receive_it(other_end);
}

static void send_while_it_is_closed_and_received(void)
{
	int client, server;
	ssize_t n;

	join(&client, &server);
	other_end = client;
	other_acts(server);
	n = sys(send(client, "x", 1, MSG_NOSIGNAL));
	other_has_acted();
	if (n == 1) {
		is_reset(client, received);
	} else {
		is(n, -EPIPE);
		is(received, 0);
		is(get_option(client, SO_ERROR), 0);
	}
	close(client);
}

/* A sender is not done when its peer closes; who receives meanwhile is told. */
RACE_TEST(an_end_while_a_byte_is_on_its_way_is_no_orderly_end)
{
	static const char *const calls[] = { "socket_sendmsg", NULL };

	at_each_step(calls, close_and_receive,
		     send_while_it_is_closed_and_received);
}
