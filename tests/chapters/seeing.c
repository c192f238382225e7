// SPDX-License-Identifier: GPL-2.0-only
/*
 * Seeing it: the list over generic netlink, fdinfo, tracepoints.
 */
#include <ipcbook/signal.h>
#include <sys/stat.h>

#include "harness.h"

#define TRACING "/sys/kernel/tracing/instances/ipcbook-test"

/* --- The list ------------------------------------------------------------- */

struct found {
	struct ipcbook_stat stats[600];
	unsigned int count;
};

static int find(const struct ipcbook_stat *stat, void *arg)
{
	struct found *found = arg;

	if (found->count < ARRAY_SIZE(found->stats))
		found->stats[found->count] = *stat;
	found->count++;
	return 0;
}

/* What a list with these filters shows. */
static struct found *list(enum ipcbook_chapter chapter, const char *name)
{
	static struct found found;

	found.count = 0;
	is(ipcbook_list(chapter, name, find, &found), 0);
	return &found;
}

/* How often the list without a filter shows an object. */
static unsigned int times_listed(uint64_t id)
{
	struct found *found = list(0, NULL);
	unsigned int n = 0;

	for (unsigned int i = 0; i < found->count; i++)
		n += found->stats[i].id == id;
	return n;
}

TEST(the_list_shows_an_object_with_all_its_figures)
{
	struct ipcbook_stat stat;
	struct found *found;

	limit(10, 100, 50);
	put(q, 5, "12345");
	put(q, 6, "123");
	got(q, IPCBOOK_EXACT, 6, "123");
	stat = queue_stat(q);
	found = list(IPCBOOK_QUEUE, qname);
	is(found->count, 1);
	is(stat.depth, 1);
	is(stat.sent, 2);
	/* Kept to the tick only. */
	holds(llabs((long long)(found->stats[0].received_ns -
				stat.received_ns)) <= 20 * MSEC);
	stat.received_ns = found->stats[0].received_ns;
	assert_memory_equal(&found->stats[0], &stat, sizeof(stat));
}

TEST(the_list_is_filtered_by_chapter_and_by_name)
{
	uint64_t id = queue_stat(q).id;

	is(list(IPCBOOK_QUEUE, qname)->count, 1);
	is(list(0, qname)->count, 1);
	is(list(IPCBOOK_SEM, qname)->count, 0);
	is(list(IPCBOOK_QUEUE, "no such queue")->count, 0);
	is(list(0, "test")->count, 0);
	is(times_listed(id), 1);
	is(queue_unlink(qname), 0);
	is(list(0, qname)->count, 0);
}

TEST(the_list_hides_what_the_caller_may_not_read)
{
	struct ipcbook_change arg = {
		.size = sizeof(arg),
		.mask = IPCBOOK_CHANGE_MODE | IPCBOOK_CHANGE_UID,
		.uid = 1001,
		.mode = 0600,
	};
	static const struct {
		uid_t uid;
		unsigned int mode, count;
	} cases[] = {
		{ 0, 0000, 1 },    { 1000, 0600, 0 }, { 1000, 0602, 0 },
		{ 1000, 0604, 1 }, { 1001, 0600, 1 }, { 1001, 0200, 0 },
	};
	pid_t pid;

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		arg.mode = cases[i].mode;
		is(ask(q, IPCBOOK_IOC_CHANGE, &arg), 0);
		pid = child();
		if (!pid) {
			become(cases[i].uid);
			_exit(list(0, qname)->count);
		}
		is(reap(pid), cases[i].count);
	}
}

TEST(the_list_is_that_of_the_network_namespace)
{
	pid_t pid = child();

	if (!pid) {
		is(sys(unshare(CLONE_NEWNET)), 0);
		is(list(0, NULL)->count, 0);
		queue_open("inside", IPCBOOK_OPEN_READ | IPCBOOK_OPEN_CREATE);
		is(list(0, NULL)->count, 1);
		is(list(0, "inside")->count, 1);
		is(list(0, qname)->count, 0);
		_exit(0);
	}
	is(reap(pid), 0);
	is(list(0, "inside")->count, 0);
	is(list(0, qname)->count, 1);
}

BARE_TEST(an_object_without_a_name_is_listed_without_one)
{
	int fd = queue_open(NULL, IPCBOOK_OPEN_READ);
	uint64_t id = queue_stat(fd).id;
	struct found *found;

	is(times_listed(id), 1);
	found = list(0, NULL);
	for (unsigned int i = 0; i < found->count; i++)
		if (found->stats[i].id == id)
			is(found->stats[i].name[0], 0);
	close(fd);
	is(times_listed(id), 0);
}

/* More than one netlink message holds, each once. */
BARE_TEST(a_long_list_is_whole)
{
	static uint64_t ids[400];
	struct found *found;
	unsigned int n = 0;
	pid_t pid;

	pid = child();
	if (!pid) {
		is(sys(unshare(CLONE_NEWNET)), 0);
		for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++) {
			int fd = queue_open(NULL, IPCBOOK_OPEN_READ);

			ids[i] = queue_stat(fd).id;
		}
		found = list(IPCBOOK_QUEUE, NULL);
		is(found->count, ARRAY_SIZE(ids));
		for (unsigned int i = 0; i < found->count; i++)
			n += found->stats[i].id == ids[i];
		is(n, ARRAY_SIZE(ids));
		_exit(0);
	}
	is(reap(pid), 0);
}

static int stop(__attribute__((unused)) const struct ipcbook_stat *stat,
		void *arg)
{
	++*(int *)arg;
	return 42;
}

TEST(a_walk_can_be_stopped)
{
	int calls = 0;

	is(ipcbook_list(IPCBOOK_QUEUE, qname, stop, &calls), 42);
	is(calls, 1);
	is(ipcbook_list(IPCBOOK_QUEUE, "no such queue", stop, &calls), 0);
	is(calls, 1);
}

/* --- /proc ---------------------------------------------------------------- */

/* Whether the fdinfo of a descriptor has this line. */
static bool fdinfo_has(int fd, const char *line)
{
	char path[64], whole[200];
	const char *text;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	snprintf(whole, sizeof(whole), "\n%s\n", line);
	text = slurp(path);
	return text && strstr(text, whole);
}

TEST(fdinfo_tells_what_a_descriptor_is)
{
	char line[128];

	put(q, 5, "12345");
	put(q, 6, "1");
	holds(fdinfo_has(q, "chapter:\tqueue"));
	snprintf(line, sizeof(line), "id:\t%llu",
		 (unsigned long long)queue_stat(q).id);
	holds(fdinfo_has(q, line));
	snprintf(line, sizeof(line), "name:\t%s", qname);
	holds(fdinfo_has(q, line));
	holds(fdinfo_has(q, "mode:\t600"));
	holds(fdinfo_has(q, "messages:\t2"));
	holds(fdinfo_has(q, "bytes:\t6"));
	holds(fdinfo_has(q, "select:\tany"));
	is(queue_select(q, IPCBOOK_UPTO, 77), 0);
	holds(fdinfo_has(q, "select:\tupto 77"));
	is(sys(lseek(q, 5, SEEK_SET)), 5);
	holds(fdinfo_has(q, "pos:\t5") || fdinfo_has(q, "select:\texact 5"));
	holds(fdinfo_has(q, "select:\texact 5"));
	is(queue_unlink(qname), 0);
	snprintf(line, sizeof(line), "name:\t%s", qname);
	holds(!fdinfo_has(q, line));
	holds(fdinfo_has(q, "chapter:\tqueue"));
}

BARE_TEST(fdinfo_of_the_device_tells_of_the_default_queue)
{
	int fd = keep(sys(open(IPCBOOK_DEVICE, O_RDWR)));

	put(fd, 5, "x");
	holds(fdinfo_has(fd, "chapter:\tqueue"));
	holds(fdinfo_has(fd, "name:\tdefault"));
	holds(fdinfo_has(fd, "mode:\t666"));
	got(fd, IPCBOOK_EXACT, 5, "x");
}

BARE_TEST(a_backslash_in_a_name_cannot_be_taken_for_an_escape)
{
	int fd = queue_open("a\\nb", IPCBOOK_OPEN_READ | IPCBOOK_OPEN_CREATE);

	holds(fdinfo_has(fd, "name:\ta\\134nb"));
	is(queue_unlink("a\\nb"), 0);
}

TEST(proc_shows_that_a_descriptor_is_a_queue)
{
	char path[64], text[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", q);
	holds(readlink(path, text, sizeof(text) - 1) > 0);
	assert_string_equal(text, "anon_inode:[ipcbook:queue]");
}

/* --- Tracepoints ---------------------------------------------------------- */

static int trace_start(__attribute__((unused)) void **state)
{
	fixture_queue(state);
	if (mkdir(TRACING, 0700))
		return 0;
	spit(TRACING "/events/ipcbook/enable", "1");
	return 0;
}

/* Whether the trace has an event of this queue with this in it. */
static bool traced(const char *event, const char *what)
{
	char want[200];
	const char *text = slurp(TRACING "/trace");

	snprintf(want, sizeof(want), "%s: id=%llu %s", event,
		 (unsigned long long)queue_stat(q).id, what);
	return text && strstr(text, want);
}

TEST_WITH(tracepoints_tell_of_every_message, trace_start)
{
	struct call *call;

	if (access(TRACING "/trace", F_OK))
		not_here("tracefs has no instances");
	limit(1, 0, 0);
	put(q, 5, "1234567");
	is(queue_send(q, 6, "12", 2, IPCBOOK_NOWAIT, 0), -EAGAIN);
	is(queue_recv(q, IPCBOOK_ANY, 0, nowhere(), 8, 0, 0, NULL), -EFAULT);
	call = sender(q, 7, 3);
	got(q, IPCBOOK_EXACT, 5, "1234567");
	is(call_end(call), 0);
	call = receiver(q, IPCBOOK_EXACT, 9);
	put(q, 9, "9999");
	is(call_end(call), 4);

	holds(traced("queue_send", "type=5 len=7 way=queued"));
	holds(traced("queue_send", "type=6 len=2 way=refused"));
	holds(traced("queue_send", "type=7 len=3 way=blocked"));
	holds(traced("queue_send", "type=9 len=4 way=direct"));
	holds(traced("queue_receive", "type=5 len=7 number=1"));
	holds(traced("queue_receive", "type=9 len=4 number="));
	holds(traced("queue_return", "type=5 len=7 number=1"));
	holds(traced("queue_wait", "who=sender ns="));
	holds(traced("queue_wait", "who=receiver ns="));
	holds(!traced("queue_receive", "type=6"));
	rmdir(TRACING);
}

TEST_WITH(tracepoints_tell_of_every_mapping, trace_start)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	struct ipcbook_stat stat;
	char want[200];
	const char *text;
	void *mem;
	int fd;

	if (access(TRACING "/trace", F_OK))
		not_here("tracefs has no instances");
	fd = keep(ipcbook_shm_open(NULL, O_RDWR, 0600, 3 * page));
	is(ipcbook_stat(fd, &stat), 0);
	mem = mmap(NULL, 2 * page, PROT_READ, MAP_SHARED, fd, page);
	holds(mem != MAP_FAILED);
	is(sys(munmap(mem, 2 * page)), 0);
	text = slurp(TRACING "/trace");
	snprintf(want, sizeof(want),
		 "shm_map: id=%llu offset=%zu bytes=%zu writable=1\n",
		 (unsigned long long)stat.id, page, 2 * page);
	holds(text && strstr(text, want));
	snprintf(want, sizeof(want),
		 "shm_unmap: id=%llu offset=%zu bytes=%zu writable=1\n",
		 (unsigned long long)stat.id, page, 2 * page);
	holds(strstr(text, want));
	rmdir(TRACING);
}

/* The event of one object, with these words after its id. */
static bool told(const char *text, const char *event, uint64_t id,
		 const char *rest)
{
	char want[400];

	snprintf(want, sizeof(want), "%s: id=%llu %s", event,
		 (unsigned long long)id, rest);
	return text && strstr(text, want);
}

TEST_WITH(tracepoints_tell_of_a_pipe, trace_start)
{
	struct ipcbook_stat stat;
	char room[8] = "";
	const char *text;
	int ends[2];

	if (access(TRACING "/trace", F_OK))
		not_here("tracefs has no instances");
	is(ipcbook_pipe(ends, O_CLOEXEC, 0), 0);
	keep(ends[0]);
	is(ipcbook_stat(ends[0], &stat), 0);
	is(sys(write(ends[1], "seven..", 7)), 7);
	is(sys(read(ends[0], room, 3)), 3);
	close(ends[1]);
	text = slurp(TRACING "/trace");
	holds(told(text, "pipe_open", stat.id, "readers=1 writers=0\n"));
	holds(told(text, "pipe_open", stat.id, "readers=1 writers=1\n"));
	holds(told(text, "pipe_write", stat.id, "len=7 bytes=7\n"));
	holds(told(text, "pipe_read", stat.id, "len=3 bytes=4\n"));
	holds(told(text, "pipe_close", stat.id, "readers=1 writers=0\n"));
	rmdir(TRACING);
}

static long read_one(struct call *call)
{
	return sys(read(call->fd, call->buf, 1));
}

TEST_WITH(tracepoints_tell_who_waited_for_a_pipe, trace_start)
{
	struct ipcbook_stat stat;
	struct call *call;
	int ends[2];

	if (access(TRACING "/trace", F_OK))
		not_here("tracefs has no instances");
	is(ipcbook_pipe(ends, O_CLOEXEC, 0), 0);
	keep(ends[0]);
	keep(ends[1]);
	is(ipcbook_stat(ends[0], &stat), 0);
	call = call_new(ends[0], IPCBOOK_ANY, 0);
	call_other(call, read_one, SYS_read);
	is(sys(write(ends[1], "x", 1)), 1);
	is(call_end(call), 1);
	holds(told(slurp(TRACING "/trace"), "pipe_wait", stat.id,
		   "who=reader ns="));
	rmdir(TRACING);
}

/* The id of the only registration of this name. */
static uint64_t registration_id(const char *name)
{
	struct found *found = list(IPCBOOK_SIGNAL, name);

	is(found->count, 1);
	return found->stats[0].id;
}

TEST_WITH(tracepoints_tell_of_every_signal, trace_start)
{
	struct ipcbook_signal *sender, *receiver;
	struct ipcbook_signal_info infos[8];
	char want[200], name[64];
	const char *text;
	uint64_t id;

	if (access(TRACING "/trace", F_OK))
		not_here("tracefs has no instances");
	snprintf(name, sizeof(name), "traced-%d", getpid());
	is(ipcbook_signal_open(&sender), 0);
	is(ipcbook_signal_open(&receiver), 0);
	is(ipcbook_signal_register(receiver, name, NULL, 0, 2), 0);
	id = registration_id(name);
	/* The doorbell carries one, and says that there are more then. */
	is(ipcbook_signal_kill_name(sender, name, 10), 1);
	is(ipcbook_signal_kill_name(sender, name, 10), 1);
	is(ipcbook_signal_kill_name(sender, name, 40), 1);
	is(ipcbook_signal_kill_name(sender, name, 41), 1);
	is(ipcbook_signal_kill_name(sender, name, 42), -EAGAIN);
	is(ipcbook_signal_fetch(receiver, infos, 8), 3);
	ipcbook_signal_close(receiver);
	ipcbook_signal_close(sender);

	text = slurp(TRACING "/trace");
	snprintf(want, sizeof(want), "pid=%d name=%s\n", getpid(), name);
	holds(told(text, "signal_register", id, want));
	holds(told(text, "signal_send", id, "number=10 ret=0\n"));
	holds(told(text, "signal_send", id, "number=41 ret=0\n"));
	snprintf(want, sizeof(want), "number=42 ret=%d\n", -EAGAIN);
	holds(told(text, "signal_send", id, want));
	holds(told(text, "signal_doorbell", id, "number=10\n"));
	holds(told(text, "signal_doorbell", id, "number=0\n"));
	holds(told(text, "signal_receive", id, "number=10 count=2\n"));
	holds(told(text, "signal_receive", id, "number=41 count=1\n"));
	holds(!told(text, "signal_receive", id, "number=42"));
	snprintf(want, sizeof(want), "signal_unregister: id=%llu\n",
		 (unsigned long long)id);
	holds(text && strstr(text, want));
	rmdir(TRACING);
}
