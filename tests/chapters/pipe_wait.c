// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pipe: who waits for what, who is woken, who is killed, and 8 writers at once.
 */
#include <sys/epoll.h>
#include <sys/ptrace.h>

#include "pipe.h"
#include "served.h"

/* Fills the pipe; its writes wait, all the same. */
static void fill_up(void)
{
	is(sys(write(w, bytes, CAPACITY)), CAPACITY);
}

/* How often a call's thread has gone to sleep. */
static unsigned long naps(const struct call *call)
{
	const char *text;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", call->tid);
	text = slurp(path);
	holds(text);
	text = strstr(text, "\nvoluntary_ctxt_switches:");
	holds(text);
	return strtoul(strchr(text, ':') + 1, NULL, 10);
}

/* --- Readers -------------------------------------------------------------- */

PIPE_TEST(a_read_waits_for_a_byte)
{
	struct call *call = reader(r);

	is(pipe_stat(r).receivers_waiting, 1);
	writes(w, "x");
	is(call_end(call), 1);
	is(call->room[0], 'x');
	is(pipe_stat(r).receivers_waiting, 0);
}

PIPE_TEST(a_read_that_waits_ends_with_the_last_writer)
{
	struct call *call = reader(r);

	shut(&w);
	is(call_end(call), 0);
}

PIPE_TEST(one_write_wakes_one_reader)
{
	struct call *first = reader(r), *second = reader(r);
	unsigned long before = naps(second);

	writes(w, "x");
	is(call_end(first), 1);
	is(pipe_stat(r).receivers_waiting, 1);
	/* It has slept on. */
	await_asleep(second->tid, SYS_read);
	is(naps(second), before);
	holds(!second->done);
	writes(w, "y");
	is(call_end(second), 1);
	is(second->room[0], 'y');
}

/* Whoever was woken and leaves something wakes the next. */
PIPE_TEST(one_write_serves_several_readers)
{
	struct call *calls[4];

	for (unsigned int i = 0; i < ARRAY_SIZE(calls); i++) {
		calls[i] = call_new(r, IPCBOOK_ANY, 0);
		calls[i]->len = 1;
		call_other(calls[i], pipe_make_read, SYS_read);
	}
	writes(w, "abcd");
	for (unsigned int i = 0; i < ARRAY_SIZE(calls); i++)
		is(call_end(calls[i]), 1);
	is(waiting(r), 0);
}

static volatile sig_atomic_t caught;

static void catch(int number)
{
	caught = number;
}

static void catch_with(int flags)
{
	struct sigaction action = { .sa_handler = catch, .sa_flags = flags };

	caught = 0;
	is(sys(sigaction(SIGUSR1, &action, NULL)), 0);
}

PIPE_TEST(a_signal_interrupts_a_read)
{
	struct call *call = reader(r);

	catch_with(0);
	pthread_kill(call->thread, SIGUSR1);
	is(call_end(call), -EINTR);
	is(caught, SIGUSR1);
}

/* Else nobody would read it. */
PIPE_TEST(who_is_interrupted_takes_what_it_was_woken_for)
{
	struct call *first = reader(r), *second = reader(r);

	catch_with(0);
	go_behind(first->tid);
	go_first();
	writes(w, "x");
	pthread_kill(first->thread, SIGUSR1);
	go_as_usual();
	is(call_end(first), 1);
	is(caught, SIGUSR1);
	is(pipe_stat(r).receivers_waiting, 1);
	writes(w, "y");
	is(call_end(second), 1);
	is(second->room[0], 'y');
}

PIPE_TEST(an_interrupted_read_is_restarted)
{
	struct call *call = reader(r);

	catch_with(SA_RESTART);
	pthread_kill(call->thread, SIGUSR1);
	await(caught);
	await_asleep(call->tid, SYS_read);
	writes(w, "x");
	is(call_end(call), 1);
}

/* --- Writers -------------------------------------------------------------- */

PIPE_TEST(a_write_waits_for_room)
{
	struct call *call;

	fill_up();
	call = writer(w, 10);
	is(pipe_stat(w).senders_waiting, 1);
	is(pipe_stat(w).blocked, 1);
	is(sys(read(r, room, PIPE_BUF)), PIPE_BUF);
	is(call_end(call), 10);
	is(waiting(r), CAPACITY - PIPE_BUF + 10);
	is(pipe_stat(w).senders_waiting, 0);
}

/* No sooner than poll says that there is room; nor is it woken before. */
PIPE_TEST(a_write_that_waits_goes_on_when_pipe_buf_bytes_are_free)
{
	unsigned long before;
	struct call *call;

	fill_up();
	call = writer(w, 10);
	before = naps(call);
	is(sys(read(r, room, PIPE_BUF - 1)), PIPE_BUF - 1);
	is(ready(w, POLLOUT), 0);
	await_asleep(call->tid, SYS_write);
	is(naps(call), before);
	is(waiting(r), CAPACITY - PIPE_BUF + 1);
	is(sys(read(r, room, 1)), 1);
	is(call_end(call), 10);
}

PIPE_TEST(a_long_write_goes_in_as_room_comes)
{
	struct call *call = writer(w, 3 * CAPACITY);
	size_t got = 0;
	ssize_t n;

	is(waiting(r), CAPACITY);
	while (got < 3 * CAPACITY) {
		n = sys(read(r, room + got, sizeof(room) - got));
		holds(n > 0);
		got += n;
	}
	is(call_end(call), 3 * CAPACITY);
	holds(!memcmp(room, bytes, got));
	is(pipe_stat(w).sent, 1);
}

PIPE_TEST(a_write_that_waits_fails_with_the_last_reader)
{
	struct call *call;

	fill_up();
	call = writer(w, 10);
	shut(&r);
	is(call_end(call), -EPIPE);
}

PIPE_TEST(a_long_write_tells_what_had_gone_when_the_last_reader_went)
{
	struct call *call = writer(w, CAPACITY + 10);

	shut(&r);
	is(call_end(call), CAPACITY);
}

PIPE_TEST(a_signal_interrupts_a_write)
{
	struct call *call;

	fill_up();
	call = writer(w, 10);
	catch_with(0);
	pthread_kill(call->thread, SIGUSR1);
	is(call_end(call), -EINTR);
	is(waiting(r), CAPACITY);
}

PIPE_TEST(a_long_write_tells_what_had_gone_when_a_signal_came)
{
	struct call *call = writer(w, CAPACITY + 10);

	catch_with(SA_RESTART);
	pthread_kill(call->thread, SIGUSR1);
	is(call_end(call), CAPACITY);
}

/* Room for two, which one read makes. */
PIPE_TEST(room_for_several_writers_lets_several_go_on)
{
	struct call *calls[4];

	fill_up();
	for (unsigned int i = 0; i < ARRAY_SIZE(calls); i++)
		calls[i] = writer(w, 1);
	is(sys(read(r, room, PIPE_BUF + 3)), PIPE_BUF + 3);
	for (unsigned int i = 0; i < ARRAY_SIZE(calls); i++)
		is(call_end(calls[i]), 1);
}

PIPE_TEST(a_larger_pipe_lets_writers_go_on)
{
	struct call *call;

	fill_up();
	call = writer(w, 10);
	is(ipcbook_pipe_resize(w, 2 * CAPACITY), 2 * CAPACITY);
	is(call_end(call), 10);
}

/* --- Poll ----------------------------------------------------------------- */

static long make_poll(struct call *call)
{
	struct pollfd fd = { .fd = call->fd, .events = call->flags };

	if (sys(poll(&fd, 1, -1)) != 1)
		return -1;
	return fd.revents;
}

static struct call *poller(int fd, int events)
{
	struct call *call = call_new(fd, IPCBOOK_ANY, 0);

	call->flags = events;
	call_other(call, make_poll, SYS_poll);
	return call;
}

PIPE_TEST(poll_waits_for_a_byte_and_for_the_end)
{
	struct call *call = poller(r, POLLIN);

	writes(w, "x");
	is(call_end(call), POLLIN);
	reads(r, "x");
	call = poller(r, POLLIN);
	shut(&w);
	is(call_end(call), POLLHUP);
}

PIPE_TEST(poll_waits_for_room_and_for_the_last_reader)
{
	struct call *call;

	fill_up();
	call = poller(w, POLLOUT);
	is(sys(read(r, room, PIPE_BUF - 1)), PIPE_BUF - 1);
	await_asleep(call->tid, SYS_poll);
	is(sys(read(r, room, 1)), 1);
	is(call_end(call), POLLOUT);
	is(sys(write(w, bytes, 1)), 1);
	call = poller(w, POLLOUT);
	shut(&r);
	is(call_end(call), POLLERR);
}

static volatile sig_atomic_t io;

static void count_io(int number)
{
	(void)number;
	io++;
}

PIPE_TEST(sigio_comes_with_bytes_and_with_room)
{
	signal(SIGIO, count_io);
	io = 0;
	is(sys(fcntl(r, F_SETOWN, getpid())), 0);
	is(sys(fcntl(r, F_SETFL, O_ASYNC)), 0);
	writes(w, "x");
	is(io, 1);
	is(sys(fcntl(r, F_SETFL, 0)), 0);
	writes(w, "y");
	is(io, 1);
	is(sys(fcntl(w, F_SETOWN, getpid())), 0);
	is(sys(fcntl(w, F_SETFL, O_ASYNC)), 0);
	reads(r, "xy");
	is(io, 2);
	shut(&r);
	is(io, 3);
	signal(SIGIO, SIG_DFL);
}

PIPE_TEST(sigio_comes_with_the_last_writer_as_long_as_one_reads)
{
	int ends[3];

	signal(SIGIO, count_io);
	io = 0;
	for (int i = 0; i < 2; i++) {
		ends[i] = end_of(O_RDONLY | O_CREAT | O_NONBLOCK);
		is(sys(fcntl(ends[i], F_SETOWN, getpid())), 0);
	}
	is(sys(fcntl(ends[0], F_SETFL, O_ASYNC)), 0);
	ends[2] = end_of(O_WRONLY);
	is(io, 0);
	drop(ends[2]);
	is(io, 1);
	/* Who is closed wants nothing any more. */
	drop(ends[0]);
	ends[2] = end_of(O_WRONLY);
	writes(ends[2], "x");
	drop(ends[2]);
	is(io, 1);
	signal(SIGIO, SIG_DFL);
}

/* --- Death ---------------------------------------------------------------- */

/* A child that waits there: for a byte, or for room. */
static pid_t blocked_child(bool reads)
{
	uint64_t before = reads ? pipe_stat(r).receivers_waiting :
				  pipe_stat(w).senders_waiting;
	pid_t pid = child();

	if (!pid) {
		if (reads)
			read(r, room, 1);
		else
			write(w, bytes, 1);
		_exit(1);
	}
	await((reads ? pipe_stat(r).receivers_waiting :
		       pipe_stat(w).senders_waiting) == before + 1);
	return pid;
}

PIPE_TEST(readers_that_are_killed_leave_the_pipe_as_it_was)
{
	pid_t first = blocked_child(true), second = blocked_child(true);
	struct call *call;

	is(sys(kill(first, SIGKILL)), 0);
	is(reap(first), 128 + SIGKILL);
	is(pipe_stat(r).receivers_waiting, 1);
	call = reader(r);
	is(sys(kill(second, SIGKILL)), 0);
	is(reap(second), 128 + SIGKILL);
	writes(w, "x");
	is(call_end(call), 1);
	writes(w, "works");
	reads(r, "works");
}

PIPE_TEST(writers_that_are_killed_leave_the_pipe_as_it_was)
{
	pid_t first, second;
	struct call *call;

	fill_up();
	first = blocked_child(false);
	second = blocked_child(false);
	call = writer(w, 7);
	is(sys(kill(second, SIGKILL)), 0);
	is(reap(second), 128 + SIGKILL);
	is(sys(kill(first, SIGKILL)), 0);
	is(reap(first), 128 + SIGKILL);
	is(pipe_stat(w).senders_waiting, 1);
	is(sys(read(r, room, CAPACITY)), CAPACITY);
	is(call_end(call), 7);
	is(waiting(r), 7);
}

/* Woken and killed at once: what woke it wakes another. */
PIPE_TEST(a_wake_up_is_not_lost_with_who_dies)
{
	for (int i = 0; i < 20; i++) {
		pid_t pid = blocked_child(true);
		struct call *call = reader(r);

		is(sys(ptrace(PTRACE_SEIZE, pid, 0, 0)), 0);
		writes(w, "x");
		is(sys(kill(pid, SIGKILL)), 0);
		reap(pid);
		/* The child may have taken it before it died. */
		writes(w, "y");
		is(call_end(call) > 0, true);
		nonblocking(r);
		while (read(r, room, sizeof(room)) > 0)
			;
		is(sys(fcntl(r, F_SETFL, 0)), 0);
	}
}

PIPE_TEST(a_writer_that_dies_is_the_end_for_the_reader)
{
	pid_t pid = child();
	struct call *call;

	if (!pid) {
		shut(&r);
		pause();
	}
	shut(&w);
	call = reader(r);
	is(sys(kill(pid, SIGKILL)), 0);
	is(call_end(call), 0);
	is(reap(pid), 128 + SIGKILL);
}

/* --- Memory that another process serves ----------------------------------- */

PIPE_TEST(a_writer_whose_page_is_not_there_holds_up_nobody)
{
	struct call *call = call_new(w, IPCBOOK_ANY, 0);
	int server;

	call->buf = served_page(&server);
	if (!call->buf)
		not_here("there is no userfaultfd");
	call->len = 100;
	call_other(call, pipe_make_write, SYS_write);
	await_need(server);
	writes(w, "others");
	reads(r, "others");
	is(ipcbook_pipe_resize(w, 4096), 4096);
	is(pipe_stat(w).bytes, 0);
	serve(server, call->buf, bytes);
	is(call_end(call), 100);
	is(sys(read(r, room, sizeof(room))), 100);
	holds(!memcmp(room, bytes, 100));
}

PIPE_TEST(a_reader_whose_page_is_not_there_holds_up_nobody)
{
	struct call *call = call_new(r, IPCBOOK_ANY, 0);
	int server;

	call->buf = served_page(&server);
	if (!call->buf)
		not_here("there is no userfaultfd");
	call->len = 3;
	writes(w, "onetwo");
	call_other(call, pipe_make_read, SYS_read);
	await_need(server);
	is(sys(read(r, room, 3)), 3);
	holds(!memcmp(room, "one", 3));
	serve(server, call->buf, bytes);
	is(call_end(call), 3);
	holds(!memcmp(call->buf, "two", 3));
}

/* Who was woken first and waits for its page has not kept the wake-up. */
PIPE_TEST(a_woken_reader_whose_page_is_not_there_wakes_the_next)
{
	struct call *first = call_new(r, IPCBOOK_ANY, 0), *second;
	int server;

	first->buf = served_page(&server);
	if (!first->buf)
		not_here("there is no userfaultfd");
	first->len = 3;
	call_other(first, pipe_make_read, SYS_read);
	second = call_new(r, IPCBOOK_ANY, 0);
	second->len = 3;
	call_other(second, pipe_make_read, SYS_read);
	writes(w, "onetwo");
	await_need(server);
	is(call_end(second), 3);
	holds(!memcmp(second->room, "one", 3));
	holds(!first->done);
	serve(server, first->buf, bytes);
	is(call_end(first), 3);
	holds(!memcmp(first->buf, "two", 3));
}

PIPE_TEST(a_woken_writer_whose_page_is_not_there_wakes_the_next)
{
	struct call *first = call_new(w, IPCBOOK_ANY, 0), *second;
	int server;

	first->buf = served_page(&server);
	if (!first->buf)
		not_here("there is no userfaultfd");
	fill_up();
	first->len = 100;
	call_other(first, pipe_make_write, SYS_write);
	second = writer(w, 10);
	is(sys(read(r, room, 2 * PIPE_BUF)), 2 * PIPE_BUF);
	await_need(server);
	is(call_end(second), 10);
	holds(!first->done);
	serve(server, first->buf, bytes);
	is(call_end(first), 100);
	is(waiting(r), CAPACITY - 2 * PIPE_BUF + 110);
}

static void write_of(char *memory)
{
	write(w, memory, 100);
}

static void read_into(char *memory)
{
	read(r, memory, 9);
}

/* A child is killed in a call that needs a page, which comes behind @before bytes. */
static void dies_for_a_page(void (*make)(char *memory), long number,
			    size_t before)
{
	int server, gone = gate();
	char *memory;
	pid_t pid;

	if (!served_behind(&server, before))
		not_here("there is no userfaultfd");
	pid = child();
	if (!pid) {
		/* Its own, for what it inherited is not served. */
		memory = served_behind(&server, before);
		gate_open(gone);
		make(memory);
		_exit(1);
	}
	gate_pass(gone);
	await_asleep(pid, number);
	is(sys(kill(pid, SIGKILL)), 0);
	is(reap(pid), 128 + SIGKILL);
}

PIPE_TEST(a_writer_whose_page_is_not_there_can_be_killed)
{
	dies_for_a_page(write_of, SYS_write, 0);
	is(waiting(r), 0);
	writes(w, "works");
	reads(r, "works");
}

PIPE_TEST(a_reader_that_is_killed_while_it_gets_a_page_takes_nothing)
{
	writes(w, "onetwothree");
	dies_for_a_page(read_into, SYS_read, 6);
	is(waiting(r), 11);
	reads(r, "onetwothree");
}

/* --- Many at once --------------------------------------------------------- */

#define WRITERS	8
#define RECORDS	3000

/* What every record begins with; the rest is its writer's number. */
struct record {
	unsigned short len;
	unsigned char who;
	unsigned char pad;
	unsigned int number;
};

/* From the least to PIPE_BUF, the latter often. */
static unsigned int record_len(unsigned int who, unsigned int number)
{
	unsigned int n = who * 7919 + number * 104729;

	return n % 5 ? sizeof(struct record) + n % 600 : PIPE_BUF;
}

static void write_records(unsigned int who)
{
	struct {
		struct record head;
		unsigned char rest[PIPE_BUF - sizeof(struct record)];
	} record;

	memset(&record, who, sizeof(record));
	for (unsigned int i = 0; i < RECORDS; i++) {
		record.head.len = record_len(who, i);
		record.head.who = who;
		record.head.number = i;
		is(sys(write(w, &record, record.head.len)), record.head.len);
	}
}

/* Takes a record out of a stream that is read in pieces. */
static bool next_record(char *to, size_t *have)
{
	struct record *head = (struct record *)to;
	ssize_t n;

	while (*have < sizeof(*head) || *have < head->len) {
		n = sys(read(r, to + *have, 3 * PIPE_BUF - *have));
		holds(n >= 0);
		if (!n) {
			is(*have, 0);
			return false;
		}
		*have += n;
	}
	return true;
}

static void check_record(const char *at, unsigned int *next)
{
	const struct record *head = (const struct record *)at;

	holds(head->who < WRITERS);
	is(head->number, next[head->who]);
	is(head->len, record_len(head->who, head->number));
	for (unsigned int i = sizeof(*head); i < head->len; i++)
		if (at[i] != head->who)
			is(at[i], head->who);
	next[head->who]++;
}

static void eight_writers(void)
{
	static char stream[3 * PIPE_BUF] __attribute__((aligned(8)));
	unsigned int next[WRITERS] = { 0 };
	pid_t pids[WRITERS];
	size_t have = 0;

	give_seconds(180);
	for (unsigned int i = 0; i < WRITERS; i++) {
		pids[i] = child();
		if (!pids[i]) {
			shut(&r);
			write_records(i);
			_exit(0);
		}
	}
	shut(&w);
	while (next_record(stream, &have)) {
		unsigned int len = ((struct record *)stream)->len;

		check_record(stream, next);
		have -= len;
		memmove(stream, stream + len, have);
	}
	for (unsigned int i = 0; i < WRITERS; i++) {
		is(reap(pids[i]), 0);
		is(next[i], RECORDS);
	}
}

PIPE_TEST(writes_of_eight_processes_are_atomic_up_to_pipe_buf)
{
	eight_writers();
}

PIPE_TEST(writes_of_eight_processes_are_atomic_in_a_pipe_of_one_page)
{
	replace(0, 4096);
	eight_writers();
}

/* Every byte once, whoever reads it; both sides sleep and are woken. */
PIPE_TEST(many_writers_and_readers_move_every_byte_once)
{
	enum { EACH = 4, ROUNDS = 20000 };
	int results = keep(sys(memfd_create("sums", MFD_CLOEXEC)));
	pid_t pids[2 * EACH];
	uint64_t got, sum = 0, want = 0;

	give_seconds(180);
	replace(0, 4096);
	for (unsigned int i = 0; i < 2 * EACH; i++) {
		pids[i] = child();
		if (pids[i])
			continue;
		got = 0;
		if (i < EACH) {
			shut(&r);
			for (int k = 0; k < ROUNDS; k++)
				is(sys(write(w, bytes, 1 + k % 97)),
				   1 + k % 97);
			_exit(0);
		}
		shut(&w);
		for (ssize_t n; (n = read(r, room, 1 + got % 150)); got += n)
			holds(n > 0);
		is(sys(pwrite(results, &got, 8, 8 * i)), 8);
		_exit(0);
	}
	for (int k = 0; k < ROUNDS; k++)
		want += EACH * (1 + k % 97);
	shut(&w);
	for (unsigned int i = 0; i < 2 * EACH; i++) {
		is(reap(pids[i]), 0);
		if (i >= EACH) {
			is(sys(pread(results, &got, 8, 8 * i)), 8);
			sum += got;
		}
	}
	is(sum, want);
	is(pipe_stat(r).sent_bytes, want);
	is(pipe_stat(r).received_bytes, want);
}

PIPE_TEST(a_read_returns_no_more_than_fits_however_fast_one_writes)
{
	const ssize_t much = 4 << 20;
	char *buffer = malloc(much);
	pid_t pid = child();
	ssize_t n;

	if (!pid) {
		shut(&r);
		for (;;)
			is(sys(write(w, bytes, CAPACITY)), CAPACITY);
	}
	/* Its pages are there: for one that is not, others have their turn. */
	memset(buffer, 1, much);
	/* So often that the writer goes on while one reads. */
	for (int i = 0; i < 2000; i++) {
		n = sys(read(r, buffer, much));
		holds(n > 0 && n <= CAPACITY);
	}
	is(sys(kill(pid, SIGKILL)), 0);
	is(reap(pid), 128 + SIGKILL);
	free(buffer);
}

/* Both ends change the capacity while bytes flow. */
PIPE_TEST(resizing_while_bytes_flow_loses_none)
{
	enum { TOTAL = 3 << 20 };
	pid_t pid = child();
	size_t got = 0;
	ssize_t n;

	give_seconds(120);
	if (!pid) {
		shut(&r);
		for (size_t at = 0; at < TOTAL; at += n) {
			size_t here = at % CAPACITY;
			size_t len = 1 + at % 9000;

			if (len > CAPACITY - here)
				len = CAPACITY - here;
			n = sys(write(w, bytes + here, len));
			is(n, len);
		}
		_exit(0);
	}
	shut(&w);
	for (unsigned int i = 0; (n = sys(read(r, room, 1 + got % 7000)));
	     i++, got += n) {
		holds(n > 0);
		for (ssize_t k = 0; k < n; k++)
			if (room[k] != bytes[(got + k) % CAPACITY])
				is(k, -1);
		if (i % 8 == 0)
			ipcbook_pipe_resize(r, 4096U << i / 8 % 6);
	}
	holds(got >= TOTAL);
	is(reap(pid), 0);
}
