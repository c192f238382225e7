// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queue: readiness. What poll and epoll say of a descriptor, by its selector,
 * level- and edge-triggered, and whom a message wakes.
 */
#include <sys/epoll.h>
#include <sys/resource.h>

#include "harness.h"

/* What poll says of a descriptor now. */
static int ready(int fd)
{
	struct pollfd one = { .fd = fd, .events = POLLIN | POLLOUT };

	is(poll(&one, 1, 0) >= 0, true);
	return one.revents;
}

static int watch(int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };
	int ep = keep(sys(epoll_create1(EPOLL_CLOEXEC)));

	is(sys(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event)), 0);
	return ep;
}

/* What epoll reports now; 0 if nothing. */
static int event_of(int ep)
{
	struct epoll_event event = { 0 };
	int n = sys(epoll_wait(ep, &event, 1, 0));

	holds(n == 0 || n == 1);
	return n ? (int)event.events : 0;
}

TEST(who_polls_is_told_when_a_crowded_queue_can_be_received_from)
{
	struct call *send;
	char room[8];
	int other, ep;

	make_crowded();
	other = queue_open(qname, IPCBOOK_OPEN_READ | IPCBOOK_OPEN_NONBLOCK);
	is(queue_select(other, IPCBOOK_EXACT, 3), 0);
	ep = watch(other, EPOLLIN | EPOLLET);
	send = sender(q, 3, 5);
	is(event_of(ep), 0);
	is(sys(pread(other, room, 8, 3)), -EAGAIN);
	got(q, IPCBOOK_EXACT, 2, "handed");
	is(event_of(ep), EPOLLIN);
	is(sys(pread(other, room, 8, 3)), 5);
	is(call_end(send), 0);
}

TEST(a_descriptor_is_readable_when_a_message_of_its_selector_waits)
{
	static const struct {
		enum ipcbook_select select;
		int64_t type;
		int readable;
	} cases[] = {
		{ IPCBOOK_ANY, 0, POLLIN },     { IPCBOOK_EXACT, 7, POLLIN },
		{ IPCBOOK_EXACT, 6, 0 },        { IPCBOOK_EXACT, 8, 0 },
		{ IPCBOOK_UPTO, 7, POLLIN },    { IPCBOOK_UPTO, 6, 0 },
		{ IPCBOOK_UPTO, 100, POLLIN },  { IPCBOOK_NOT, 7, 0 },
		{ IPCBOOK_NOT, 6, POLLIN },     { IPCBOOK_NOT, 8, POLLIN },
		{ IPCBOOK_UPTO, IPCBOOK_TYPE_MAX, POLLIN },
	};

	is(ready(q), POLLOUT);
	put(q, 7, "x");
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		is(queue_select(q, cases[i].select, cases[i].type), 0);
		is(ready(q), POLLOUT | cases[i].readable);
	}
	got(q, IPCBOOK_ANY, 0, "x");
	is(ready(q), POLLOUT);
}

TEST(lseek_sets_the_selector_too)
{
	put(q, 7, "x");
	is(sys(lseek(q, 6, SEEK_SET)), 6);
	is(ready(q), POLLOUT);
	is(sys(lseek(q, 7, SEEK_SET)), 7);
	is(ready(q), POLLOUT | POLLIN);
	is(sys(lseek(q, -1, SEEK_CUR)), 6);
	is(ready(q), POLLOUT);
	is(sys(lseek(q, 0, SEEK_SET)), 0);
	is(ready(q), POLLOUT | POLLIN);
}

TEST(of_two_lseeks_at_once_one_sets_both_type_and_selector)
{
	enum { ROUNDS = 5000 };
	/* Up to which round the other one is to set it, and has set it. */
	struct { _Atomic int told, done; } *round;
	long long pos, type;
	const char *info;
	char path[64];
	pid_t pid;

	give_seconds(120);
	round = mmap(NULL, sizeof(*round), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	holds(round != MAP_FAILED);
	pid = child();
	if (!pid) {
		for (int i = 1; i <= ROUNDS; i++) {
			while (round->told < i)
				sched_yield();
			is(sys(lseek(q, 6, SEEK_SET)), 6);
			round->done = i;
		}
		_exit(0);
	}
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", q);
	for (int i = 1; i <= ROUNDS; i++) {
		round->told = i;
		is(sys(lseek(q, 5, SEEK_SET)), 5);
		while (round->done < i)
			sched_yield();
		info = slurp(path);
		is(sscanf(strstr(info, "pos:"), "pos: %lld", &pos), 1);
		is(sscanf(strstr(info, "select:"), "select: exact %lld", &type),
		   1);
		is(type, pos);
	}
	is(reap(pid), 0);
}

TEST(each_descriptor_has_its_own_selector_and_a_duplicate_shares_it)
{
	int other = queue_open(qname, IPCBOOK_OPEN_READ);
	int twin = keep(sys(dup(q)));

	is(queue_select(q, IPCBOOK_EXACT, 5), 0);
	is(queue_select(other, IPCBOOK_EXACT, 6), 0);
	put(q, 5, "x");
	is(ready(q) & POLLIN, POLLIN);
	is(ready(twin) & POLLIN, POLLIN);
	is(ready(other) & POLLIN, 0);
	is(queue_select(twin, IPCBOOK_NOT, 5), 0);
	is(ready(q) & POLLIN, 0);
}

TEST(level_triggered_epoll_reports_as_long_as_a_message_waits)
{
	int ep;

	is(queue_select(q, IPCBOOK_EXACT, 5), 0);
	ep = watch(q, EPOLLIN);
	is(event_of(ep), 0);
	put(q, 6, "x");
	is(event_of(ep), 0);
	put(q, 5, "a");
	put(q, 5, "b");
	is(event_of(ep), EPOLLIN);
	is(event_of(ep), EPOLLIN);
	got(q, IPCBOOK_EXACT, 5, "a");
	is(event_of(ep), EPOLLIN);
	got(q, IPCBOOK_EXACT, 5, "b");
	is(event_of(ep), 0);
	put(q, 5, "c");
	is(event_of(ep), EPOLLIN);
}

/* One message that the selector wants, and one that it does not. */
static void one_edge_each(enum ipcbook_select select, int64_t type,
			  int64_t wanted, int64_t other)
{
	int fd = queue_open(qname, IPCBOOK_OPEN_READ);
	int ep;

	is(queue_select(fd, select, type), 0);
	ep = watch(fd, EPOLLIN | EPOLLET);
	is(event_of(ep), 0);
	for (unsigned int i = 0; i < 3; i++) {
		put(q, wanted, "x");
		is(event_of(ep), EPOLLIN);
		is(event_of(ep), 0);
		if (other)
			put(q, other, "x");
		is(event_of(ep), 0);
	}
	while (queue_take(q, IPCBOOK_ANY, 0) == 1)
		is(event_of(ep), 0);
	put(q, wanted, "x");
	is(event_of(ep), EPOLLIN);
	got(q, select, type, "x");
	is_empty(q);
	close(ep);
}

TEST(each_new_message_of_the_selector_is_a_new_edge)
{
	one_edge_each(IPCBOOK_ANY, 0, 5, 0);
	one_edge_each(IPCBOOK_EXACT, 5, 5, 6);
	one_edge_each(IPCBOOK_UPTO, 5, 4, 6);
	one_edge_each(IPCBOOK_NOT, 5, 6, 5);
}

TEST(an_edge_is_not_lost_between_draining_and_waiting)
{
	int ep = watch(q, EPOLLIN | EPOLLET);
	struct epoll_event event;
	unsigned int seen = 0;
	pid_t pid;

	give_seconds(120);
	pid = child();
	if (!pid) {
		for (unsigned int i = 0; i < 5000; i++)
			is(queue_send(q, 5, "x", 1, 0, 0), 0);
		_exit(0);
	}
	while (seen < 5000) {
		is(sys(epoll_wait(ep, &event, 1, -1)), 1);
		while (queue_take(q, IPCBOOK_EXACT, 5) == 1)
			seen++;
	}
	is(reap(pid), 0);
}

static long make_poll(struct call *call)
{
	struct pollfd fd = { .fd = call->fd, .events = call->flags };
	int n = poll(&fd, 1, -1);

	return n == 1 ? fd.revents : -1;
}

/* A thread that waits in poll for these events of this descriptor. */
static struct call *poller(int fd, short events)
{
	struct call *call = call_new(fd, IPCBOOK_ANY, 0);

	call->flags = events;
	call_other(call, make_poll, SYS_poll);
	return call;
}

static struct call *reading_poller(enum ipcbook_select select, int64_t type)
{
	int fd = queue_open(qname, IPCBOOK_OPEN_READ);

	is(queue_select(fd, select, type), 0);
	return poller(fd, POLLIN);
}

TEST(a_message_wakes_the_pollers_that_select_it_and_no_others)
{
	struct call *five = reading_poller(IPCBOOK_EXACT, 5);
	struct call *six = reading_poller(IPCBOOK_EXACT, 6);
	struct call *upto = reading_poller(IPCBOOK_UPTO, 5);
	struct call *not5 = reading_poller(IPCBOOK_NOT, 5);
	struct call *any = reading_poller(IPCBOOK_ANY, 0);
	struct call *twin = reading_poller(IPCBOOK_EXACT, 5);

	put(q, 5, "x");
	is(call_end(five), POLLIN);
	is(call_end(twin), POLLIN);
	is(call_end(upto), POLLIN);
	is(call_end(any), POLLIN);
	is(six->done, false);
	is(not5->done, false);
	put(q, 6, "x");
	is(call_end(six), POLLIN);
	is(call_end(not5), POLLIN);
}

/* How often the thread went to sleep while it polled. */
static long make_counted_poll(struct call *call)
{
	struct rusage before, after;

	getrusage(RUSAGE_THREAD, &before);
	is(make_poll(call), POLLIN);
	getrusage(RUSAGE_THREAD, &after);
	return after.ru_nvcsw - before.ru_nvcsw;
}

TEST(pollers_of_other_types_are_not_woken)
{
	struct call *call = call_new(q, IPCBOOK_ANY, 0);

	is(queue_select(q, IPCBOOK_EXACT, 5), 0);
	call->flags = POLLIN;
	call_other(call, make_counted_poll, SYS_poll);
	for (unsigned int i = 0; i < 50; i++) {
		put(q, 6, "x");
		breathe();
	}
	put(q, 5, "x");
	holds(call_end(call) <= 3);
}

TEST(the_message_of_a_blocked_sender_can_be_received_and_polled_for)
{
	struct call *poll, *send;

	limit(1, 0, 0);
	put(q, 1, "full");
	is(queue_select(q, IPCBOOK_EXACT, 5), 0);
	poll = poller(q, POLLIN);
	send = sender(q, 5, 2);
	is(call_end(poll), POLLIN);
	is(ready(q), POLLIN);
	got(q, IPCBOOK_EXACT, 5, "xx");
	is(call_end(send), 0);
	is(ready(q), 0);
}

TEST(a_message_handed_to_a_receiver_is_not_there_for_pollers)
{
	struct call *call = receiver(q, IPCBOOK_EXACT, 5);

	put(q, 5, "x");
	is(ready(q), POLLOUT);
	is(call_end(call), 1);
}

TEST(a_message_that_comes_back_is_an_edge)
{
	int ep = watch(q, EPOLLIN | EPOLLET);

	put(q, 5, "x");
	is(event_of(ep), EPOLLIN);
	is(queue_recv(q, IPCBOOK_ANY, 0, nowhere(), 8, 0, 0, NULL), -EFAULT);
	is(event_of(ep), EPOLLIN);
	is(event_of(ep), 0);
}

TEST(a_new_selector_counts_for_those_who_poll_already)
{
	int ep;

	is(queue_select(q, IPCBOOK_EXACT, 5), 0);
	ep = watch(q, EPOLLIN);
	put(q, 6, "x");
	is(event_of(ep), 0);
	is(queue_select(q, IPCBOOK_EXACT, 6), 0);
	is(event_of(ep), EPOLLIN);
	is(queue_select(q, IPCBOOK_EXACT, 7), 0);
	is(event_of(ep), 0);
	put(q, 6, "x");
	is(event_of(ep), 0);
	put(q, 7, "x");
	is(event_of(ep), EPOLLIN);
}

/* Once so many types have been polled for, and nobody does any more. */
TEST(who_polls_first_after_many_types_is_found_by_its_own)
{
	enum { TYPES = 33 };
	int fds[TYPES], eps[TYPES], ep;

	for (int i = 0; i < TYPES; i++) {
		fds[i] = queue_open(qname, IPCBOOK_OPEN_READ);
		is(queue_select(fds[i], IPCBOOK_NOT,
				i < TYPES - 1 ? i + 1 : 100), 0);
		eps[i] = watch(fds[i], EPOLLIN);
	}
	for (int i = 0; i < TYPES; i++) {
		drop(fds[i]);
		drop(eps[i]);
	}
	is(queue_select(q, IPCBOOK_NOT, 5), 0);
	ep = watch(q, EPOLLIN);
	put(q, 100, "x");
	is(event_of(ep), EPOLLIN);
}

/* --- Writing -------------------------------------------------------------- */

TEST(a_queue_is_writable_while_its_greatest_message_fits)
{
	limit(3, 100, 60);
	is(ready(q), POLLOUT);
	fill(q, 5, 40, 1);
	is(ready(q), POLLOUT | POLLIN);
	fill(q, 6, 1, 1);
	is(ready(q), POLLIN);
	put(q, 7, "still fits");
	is(queue_take(q, IPCBOOK_EXACT, 5), 40);
	is(ready(q), POLLOUT | POLLIN);
	fill(q, 5, 1, 1);
	is(ready(q), POLLIN);
	got(q, IPCBOOK_EXACT, 5, "x");
	is(ready(q), POLLOUT | POLLIN);
}

TEST(room_for_the_greatest_message_wakes_those_who_poll_to_write)
{
	struct call *call;
	int ep;

	limit(0, 100, 60);
	fill(q, 5, 60, 1);
	fill(q, 6, 10, 3);
	ep = watch(q, EPOLLOUT | EPOLLET);
	call = poller(q, POLLOUT);
	is(event_of(ep), 0);
	for (unsigned int i = 0; i < 3; i++)
		is(queue_take(q, IPCBOOK_EXACT, 6), 10);
	is(event_of(ep), 0);
	is(call->done, false);
	is(queue_take(q, IPCBOOK_EXACT, 5), 60);
	is(call_end(call), POLLOUT);
	is(event_of(ep), EPOLLOUT);
	is(event_of(ep), 0);
}

TEST(a_queue_is_not_writable_while_a_sender_waits)
{
	struct call *call;

	limit(2, 100, 60);
	fill(q, 5, 1, 2);
	call = sender(q, 6, 1);
	is(ready(q), POLLIN);
	got(q, IPCBOOK_ANY, 0, "x");
	is(call_end(call), 0);
	is(ready(q), POLLIN);
	got(q, IPCBOOK_ANY, 0, "x");
	is(ready(q), POLLIN | POLLOUT);
}

TEST(a_sender_that_gives_up_leaves_the_queue_writable)
{
	struct call *poll, *send;

	limit(0, 100, 60);
	fill(q, 5, 50, 1);
	send = call_new(q, IPCBOOK_ANY, 6);
	send->len = 55;
	send->deadline = ipcbook_deadline(3 * SEC);
	call_send(send);
	is(ready(q), POLLIN);
	poll = poller(q, POLLOUT);
	is(call_end(send), -ETIMEDOUT);
	is(queue_take(q, IPCBOOK_EXACT, 5), 50);
	is(call_end(poll), POLLOUT);
}

/* --- Other events than at first ------------------------------------------- */

/* What epoll waits for from now on, of a descriptor that it watches already. */
static void watch_for(int ep, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	is(sys(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &event)), 0);
}

TEST(who_watched_for_messages_can_watch_for_room_instead)
{
	static const uint32_t more[2] = { 0, EPOLLIN };
	int ep;

	limit(1, 0, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(more); i++) {
		ep = watch(q, EPOLLIN | EPOLLET);
		is(event_of(ep), 0);
		put(q, 1, "x");
		is(event_of(ep), EPOLLIN);
		watch_for(ep, q, EPOLLOUT | EPOLLET | more[i]);
		is(event_of(ep), more[i]);
		is(event_of(ep), 0);
		got(q, IPCBOOK_ANY, 0, "x");
		is(event_of(ep), EPOLLOUT);
		is(event_of(ep), 0);
		drop(ep);
	}
}

TEST(who_watched_for_room_can_watch_for_messages_instead)
{
	static const uint32_t more[2] = { 0, EPOLLOUT };
	int ep;

	for (unsigned int i = 0; i < ARRAY_SIZE(more); i++) {
		ep = watch(q, EPOLLOUT | EPOLLET);
		is(event_of(ep), EPOLLOUT);
		watch_for(ep, q, EPOLLIN | EPOLLET | more[i]);
		is(event_of(ep), more[i]);
		is(event_of(ep), 0);
		put(q, 1, "x");
		is(event_of(ep), EPOLLIN | more[i]);
		is(event_of(ep), 0);
		got(q, IPCBOOK_ANY, 0, "x");
		drop(ep);
	}
}

TEST(who_watched_for_nothing_can_watch_for_something)
{
	int in, out;

	limit(1, 0, 0);
	in = watch(q, 0);
	out = watch(q, 0);
	put(q, 1, "x");
	is(event_of(in), 0);
	is(event_of(out), 0);
	watch_for(out, q, EPOLLOUT);
	got(q, IPCBOOK_ANY, 0, "x");
	is(event_of(out), EPOLLOUT);
	watch_for(in, q, EPOLLIN);
	is(event_of(in), 0);
	put(q, 1, "x");
	is(event_of(in), EPOLLIN);
	is(event_of(out), 0);
}

/* A selector that is set later counts for what is watched for later. */
TEST(a_selector_set_while_room_was_watched_for_counts)
{
	int ep = watch(q, EPOLLOUT | EPOLLET);

	is(event_of(ep), EPOLLOUT);
	is(queue_select(q, IPCBOOK_EXACT, 5), 0);
	is(event_of(ep), 0);
	watch_for(ep, q, EPOLLIN | EPOLLET);
	put(q, 6, "x");
	is(event_of(ep), 0);
	put(q, 5, "x");
	is(event_of(ep), EPOLLIN);
	is(queue_select(q, IPCBOOK_EXACT, 6), 0);
	is(event_of(ep), EPOLLIN);
	is(event_of(ep), 0);
}

TEST(unlink_tells_those_who_watch_for_something_else_than_at_first)
{
	const int hup = EPOLLHUP | EPOLLERR;
	int fds[3], eps[3];

	fds[0] = queue_open(qname, IPCBOOK_OPEN_READ | IPCBOOK_OPEN_WRITE);
	fds[1] = queue_open(qname, IPCBOOK_OPEN_WRITE);
	fds[2] = queue_open(qname, IPCBOOK_OPEN_READ);
	eps[0] = watch(fds[0], EPOLLIN | EPOLLET);
	eps[1] = watch(fds[1], EPOLLOUT | EPOLLET);
	eps[2] = watch(fds[2], EPOLLOUT | EPOLLET);
	is(event_of(eps[1]), EPOLLOUT);
	watch_for(eps[0], fds[0], EPOLLOUT | EPOLLET);
	is(event_of(eps[0]), EPOLLOUT);
	watch_for(eps[1], fds[1], EPOLLIN | EPOLLET);
	watch_for(eps[2], fds[2], EPOLLET);
	for (unsigned int i = 0; i < ARRAY_SIZE(eps); i++)
		is(event_of(eps[i]), 0);
	is(queue_unlink(qname), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(eps); i++)
		is(event_of(eps[i]) & hup, hup);
}

/* --- The end -------------------------------------------------------------- */

TEST(unlink_tells_those_who_poll)
{
	struct call *in = reading_poller(IPCBOOK_EXACT, 5);
	int level = watch(q, EPOLLIN), edge = watch(q, EPOLLIN | EPOLLET);

	is(event_of(level), 0);
	is(event_of(edge), 0);
	is(queue_unlink(qname), 0);
	is(call_end(in) & (POLLHUP | POLLERR), POLLHUP | POLLERR);
	is(event_of(level) & (EPOLLHUP | EPOLLERR), EPOLLHUP | EPOLLERR);
	is(event_of(edge) & (EPOLLHUP | EPOLLERR), EPOLLHUP | EPOLLERR);
	is(ready(q) & (POLLHUP | POLLERR), POLLHUP | POLLERR);
}

TEST(a_descriptor_can_be_closed_while_it_is_polled)
{
	int fd = queue_open(qname, IPCBOOK_OPEN_READ);
	int ep = watch(fd, EPOLLIN);

	is(queue_select(fd, IPCBOOK_EXACT, 5), 0);
	is(event_of(ep), 0);
	close(fd);
	fill(q, 5, 1, 10);
	is(queue_stat(q).depth, 10);
	close(ep);
	fill(q, 5, 1, 10);
	is(queue_stat(q).depth, 20);
}

TEST(a_descriptor_can_be_closed_while_it_is_polled_for_room)
{
	struct call *poll;
	int fd, ep;

	limit(1, 0, 0);
	put(q, 1, "x");
	fd = queue_open(qname, IPCBOOK_OPEN_WRITE);
	ep = watch(fd, EPOLLOUT);
	is(event_of(ep), 0);
	drop(fd);
	poll = poller(q, POLLOUT);
	got(q, IPCBOOK_ANY, 0, "x");
	is(call_end(poll), POLLOUT);
	is(event_of(ep), 0);
	/* And once nobody polls any more. */
	for (unsigned int i = 0; i < 3; i++) {
		put(q, 1, "x");
		got(q, IPCBOOK_ANY, 0, "x");
	}
	is(ready(q), POLLOUT);
}
