// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets: what comes between two steps of a call.
 *
 * A probe of the kernel's (kprobe_events) stands where the other side is to come
 * between, and takes a stack trace each time: that makes a step of nanoseconds long
 * enough. Whatever comes first, what is claimed holds; so nothing here depends on
 * the time it takes.
 */
#include "socket.h"

#define TRACING	"/sys/kernel/tracing/"
#define OPTIMIZATION "/proc/sys/debug/kprobes-optimization"
#define ROUNDS	300

/* The name that the compiler has given to a function of the module's. */
static bool symbol_of(const char *function, char *symbol, size_t size)
{
	char line[256], found[128];
	size_t length = strlen(function);
	FILE *file = fopen("/proc/kallsyms", "re");

	holds(file);
	*symbol = '\0';
	while (!*symbol && fgets(line, sizeof(line), file)) {
		if (!strstr(line, "[ipcbook]") ||
		    sscanf(line, "%*s %*s %127s", found) != 1)
			continue;
		if (!strncmp(found, function, length) &&
		    (!found[length] || found[length] == '.'))
			snprintf(symbol, size, "%s", found);
	}
	fclose(file);
	return *symbol;
}

static void slow_down(const char *function)
{
	char symbol[128], probe[256];

	if (access(TRACING "kprobe_events", W_OK))
		not_here("this kernel has no probes");
	holds(symbol_of(function, symbol, sizeof(symbol)));
	/* Nothing is to be patched while it runs: a trap stays a trap. */
	spit(OPTIMIZATION, "0");
	snprintf(probe, sizeof(probe), "p:ipcbook_test/slow ipcbook:%s", symbol);
	holds(spit(TRACING "kprobe_events", probe));
	holds(spit(TRACING "events/ipcbook_test/slow/trigger", "stacktrace"));
	holds(spit(TRACING "events/ipcbook_test/slow/enable", "1"));
}

/* The other side: does its part, once for each round. */
static struct {
	pthread_t thread;
	void (*act)(int fd);
	int fd;
	_Atomic unsigned int round;
	_Atomic unsigned int done;
	_Atomic bool over;
	bool begun;
} other;

static void *other_side(void *arg)
{
	unsigned int round = 0;

	(void)arg;
	for (;;) {
		while (other.round == round && !other.over)
			sched_yield();
		if (other.over)
			return NULL;
		round = other.round;
		/* Now sooner, now later. */
		for (volatile unsigned int i = 0; i < round % 32 * 40; i++)
			;
		other.act(other.fd);
		other.done = round;
	}
}

static void other_begins(void (*act)(int fd))
{
	other.act = act;
	other.round = 0;
	other.done = 0;
	other.over = false;
	is(pthread_create(&other.thread, NULL, other_side, NULL), 0);
	other.begun = true;
}

static void other_acts(int fd)
{
	other.fd = fd;
	other.round++;
}

static void other_has_acted(void)
{
	while (other.done != other.round)
		sched_yield();
}

static void other_ends(void)
{
	other.begun = false;
	other.over = true;
	pthread_join(other.thread, NULL);
}

static int race_end(void **state)
{
	if (other.begun)
		other_ends();
	spit(TRACING "events/ipcbook_test/slow/enable", "0");
	spit(TRACING "events/ipcbook_test/slow/trigger", "!stacktrace");
	/* Others may have probes of their own. */
	spit(TRACING "kprobe_events", "-:ipcbook_test/slow");
	spit(OPTIMIZATION, "1");
	return socket_end(state);
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

/* A receiver has seen nothing; then a byte comes, and the end: it gets the byte. */
RACE_TEST(a_byte_before_the_end_is_received_before_the_end)
{
	int client, server;
	char room[8];
	ssize_t n;

	slow_down("socket_wait_data");
	other_begins(send_and_close);
	for (int i = 0; i < ROUNDS; i++) {
		join(&client, &server);
		other_acts(client);
		do
			n = sys(recv(server, room, 8, MSG_DONTWAIT));
		while (n == -EAGAIN);
		is(n, 1);
		do
			n = sys(recv(server, room, 8, MSG_DONTWAIT));
		while (n == -EAGAIN);
		is(n, 0);
		other_has_acted();
		close(server);
	}
	other_ends();
}

static void close_it(int fd)
{
	close(fd);
}

/*
 * A sender has seen its peer; then that closes, and never reads: the sender is told,
 * by this very call or by the next, but never by none.
 */
RACE_TEST(a_byte_that_nobody_will_read_is_told_to_be_lost)
{
	unsigned int at_once = 0, later = 0;
	int client, server;
	ssize_t n;

	slow_down("stream_link");
	other_begins(close_it);
	for (int i = 0; i < ROUNDS; i++) {
		join(&client, &server);
		other_acts(server);
		n = sys(send(client, "x", 1, MSG_NOSIGNAL));
		other_has_acted();
		if (n == 1) {
			is(get_option(client, SO_ERROR), ECONNRESET);
			later++;
		} else {
			is(n, -EPIPE);
			is(get_option(client, SO_ERROR), 0);
			at_once++;
		}
		close(client);
	}
	other_ends();
	print_message("# told at once %u times, later %u times\n", at_once,
		      later);
	socket_calls();
}
