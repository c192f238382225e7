// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets: either side is killed, at each stage of a connection; what the other
 * side sees of it, and that nothing is left.
 */
#include <linux/sockios.h>

#include "socket.h"

static char big[1 << 16];

/* Waits for all of a record or a stream, up to its end; returns how many bytes. */
static ssize_t rest_of(int fd)
{
	ssize_t n, sum = 0;

	while ((n = sys(recv(fd, big, sizeof(big), 0))) > 0)
		sum += n;
	is(n, 0);
	return sum;
}

/* --- Two ends --------------------------------------------------------------- */

/* What the victim does with its end, up to where it is killed. */
static void idle(__attribute__((unused)) int fd)
{
}

static void send_word(int fd)
{
	tell(fd, "word");
}

static void shut_writing(int fd)
{
	is(sys(shutdown(fd, SHUT_WR)), 0);
}

static void send_without_end(int fd)
{
	while (send(fd, big, 1000, 0) > 0)
		;
}

static void wait_for_data(int fd)
{
	recv(fd, big, 1, 0);
}

/* What the other one sees, from before the kill on. */
static void see_end(int fd)
{
	is(rest_of(fd), 0);
	is(get_option(fd, SO_ERROR), 0);
}

static void see_word(int fd)
{
	says(fd, "word");
	see_end(fd);
}

static ssize_t waiting;

static void see_all_there_was(int fd)
{
	holds(waiting > 200000);
	is(rest_of(fd), waiting);
	is(get_option(fd, SO_ERROR), 0);
}

static void see_reset(int fd)
{
	is(sys(recv(fd, big, 8, 0)), -ECONNRESET);
	see_end(fd);
}

static void see_word_and_reset(int fd)
{
	says(fd, "word");
	see_reset(fd);
}

/*
 * Stages of a connection: what the victim does, in which call it then sleeps, what
 * the other one has sent to it, and sees afterwards.
 */
static const struct stage {
	const char *name;
	void (*come)(int fd);
	long call;
	const char *sent;
	void (*see)(int fd);
} stages[] = {
	{ "connected", idle, SYS_pause, "", see_end },
	{ "word sent", send_word, SYS_pause, "", see_word },
	{ "sending", send_without_end, SYS_sendto, "", see_all_there_was },
	{ "receiving", wait_for_data, SYS_recvfrom, "", see_end },
	{ "half closed", shut_writing, SYS_pause, "", see_end },
	{ "something unread", idle, SYS_pause, "unread", see_reset },
	{ "both", send_word, SYS_pause, "unread", see_word_and_reset },
};

/* The victim has one end of a connection, and is killed at this stage. */
static void kill_at(const struct stage *stage, bool server)
{
	int fd = -1;
	pid_t pid;

	if (server)
		fd = keep(ipcbook_socket_connect(name, type | SOCK_CLOEXEC));
	pid = child();
	if (!pid) {
		close(fd);
		fd = server ? sys(accept(listener, NULL, NULL)) :
			      ipcbook_socket_connect(name, type);
		holds(fd >= 0);
		stage->come(fd);
		pause();
	}
	if (!server)
		fd = keep(sys(accept(listener, NULL, NULL)));
	await_asleep(pid, stage->call);
	if (*stage->sent)
		tell(fd, stage->sent);
	waiting = stat_of(fd).bytes;
	is(sys(kill(pid, SIGKILL)), 0);
	is(reap(pid), 128 + SIGKILL);
	stage->see(fd);
	is(events_of(fd), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
	is(sys(send(fd, "x", 1, MSG_NOSIGNAL)), -EPIPE);
	is(stat_of(fd).bytes, 0);
	drop(fd);
}

static void kill_at_each_stage(void)
{
	give_seconds(120);
	for (int server = 0; server < 2; server++)
		for (size_t i = 0; i < ARRAY_SIZE(stages); i++) {
			print_message("# %s killed: %s\n",
				      server ? "server" : "client",
				      stages[i].name);
			kill_at(&stages[i], server);
		}
	is(stat_of(listener).depth, 0);
}

STREAM_TEST(either_end_of_a_stream_is_killed_at_each_stage)
{
	kill_at_each_stage();
}

RECORD_TEST(either_end_of_records_is_killed_at_each_stage)
{
	kill_at_each_stage();
}

/* --- Before there are two --------------------------------------------------- */

STREAM_TEST(a_client_is_killed_before_it_is_accepted)
{
	int server, ready = gate();
	pid_t pid;

	for (int sends = 0; sends < 2; sends++) {
		pid = child();
		if (!pid) {
			int fd = ipcbook_socket_connect(name, type);

			if (sends)
				tell(fd, "word");
			gate_open(ready);
			pause();
		}
		gate_pass(ready);
		is(sys(kill(pid, SIGKILL)), 0);
		is(reap(pid), 128 + SIGKILL);
		/* It waits to be accepted all the same. */
		is(stat_of(listener).depth, 1);
		server = keep(sys(accept(listener, NULL, NULL)));
		(sends ? see_word : see_end)(server);
		is(sys(send(server, "x", 1, MSG_NOSIGNAL)), -EPIPE);
	}
}

STREAM_TEST(a_client_is_killed_while_it_waits_for_a_place)
{
	pid_t pid;
	int fd;

	is(sys(listen(listener, 0)), 0);
	keep(ipcbook_socket_connect(name, type));
	pid = child();
	if (!pid) {
		ipcbook_socket_connect(name, type);
		_exit(1);
	}
	await_asleep(pid, SYS_connect);
	is(sys(kill(pid, SIGKILL)), 0);
	is(reap(pid), 128 + SIGKILL);
	is(stat_of(listener).depth, 1);
	keep(sys(accept(listener, NULL, NULL)));
	nonblocking(listener);
	is(sys(accept(listener, NULL, NULL)), -EAGAIN);
	fd = keep(ipcbook_socket_connect(name, type));
	tell(fd, "next");
	says(keep(sys(accept(listener, NULL, NULL))), "next");
}

/* A child that comes so far with a socket of this name, and its pid. */
static pid_t server_at(const char *own, int ready, int backlog, bool accepts)
{
	pid_t pid = child();
	int fd;

	if (pid)
		return pid;
	fd = ipcbook_socket(type);
	holds(fd >= 0);
	is(bind_to(fd, own), 0);
	if (backlog >= 0)
		is(sys(listen(fd, backlog)), 0);
	gate_open(ready);
	if (accepts)
		accept(fd, NULL, NULL);
	pause();
	_exit(1);
}

static void kill_server(pid_t pid)
{
	is(sys(kill(pid, SIGKILL)), 0);
	is(reap(pid), 128 + SIGKILL);
}

STREAM_TEST(a_server_is_killed_before_it_accepts)
{
	static const struct {
		int backlog;
		bool accepts;
	} cases[] = { { -1, false }, { 4, false }, { 4, true } };
	char own[80];
	int ready = gate();
	pid_t pid;

	snprintf(own, sizeof(own), "%.40s-own", name);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		pid = server_at(own, ready, cases[i].backlog, cases[i].accepts);
		gate_pass(ready);
		if (cases[i].accepts)
			await_asleep(pid, SYS_accept);
		if (cases[i].backlog < 0)
			is(ipcbook_socket_connect(own, type), -ECONNREFUSED);
		is(bind_to(unconnected(), own), -EADDRINUSE);
		kill_server(pid);
		is(ipcbook_socket_connect(own, type), -ECONNREFUSED);
		drop(keep(ipcbook_socket_listen(own, type, 1)));
	}
}

STREAM_TEST(a_server_is_killed_while_others_wait_there)
{
	struct call *call;
	char own[80];
	int first, ready = gate();
	pid_t pid;

	snprintf(own, sizeof(own), "%.40s-own", name);
	pid = server_at(own, ready, 0, false);
	gate_pass(ready);
	first = keep(ipcbook_socket_connect(own, type));
	tell(first, "nobody reads this");
	/* The next has no place, and waits. */
	strcpy(name, own);
	call = call_new(unconnected(), IPCBOOK_ANY, 0);
	call_other(call, make_connect, SYS_connect);
	kill_server(pid);
	is(call_end(call), -ECONNREFUSED);
	see_reset(first);
	is(sys(send(first, "x", 1, MSG_NOSIGNAL)), -EPIPE);
	is(ipcbook_socket_connect(own, type), -ECONNREFUSED);
	drop(keep(ipcbook_socket_listen(own, type, 1)));
	socket_calls();
}
