// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pipe: names. Opening as with fifo(7), permissions, namespaces, limits, and the
 * two stories: what a restarted process finds again.
 */
#include <sys/stat.h>

#include "pipe.h"

static void nothing(int number)
{
	(void)number;
}

static int try_open(int flags)
{
	return ipcbook_pipe_open(pname, flags | O_CLOEXEC, 0600, 0);
}

static void create(mode_t mode, uint64_t capacity)
{
	mode_t before = umask(0);

	is(ipcbook_pipe_create(pname, mode, capacity), 0);
	umask(before);
}

/* A look at the pipe, which is no end. */
static int look(void)
{
	return end_of(O_RDONLY | O_PATH);
}

static long make_open(struct call *call)
{
	long fd = try_open(call->flags);

	return fd < 0 ? fd : keep(fd);
}

/* Opens an end in a thread of its own, and waits until it is waiting. */
static struct call *opener(int flags)
{
	struct call *call = call_new(-1, IPCBOOK_ANY, 0);

	call->flags = flags;
	call_other(call, make_open, SYS_ioctl);
	return call;
}

/* --- Opening -------------------------------------------------------------- */

PIPE_TEST(opening_an_end_waits_for_the_other)
{
	struct call *call;
	int from, to;

	create(0600, 0);
	call = opener(O_RDONLY);
	is(pipe_stat(look()).receivers_waiting, 1);
	to = end_of(O_WRONLY);
	from = call_end(call);
	writes(to, "through the name");
	reads(from, "through the name");
	drop(from);
	drop(to);
	call = opener(O_WRONLY);
	is(pipe_stat(look()).senders_waiting, 1);
	from = end_of(O_RDONLY);
	to = call_end(call);
	writes(to, "again");
	reads(from, "again");
}

/* However short the other was there. */
PIPE_TEST(who_waited_goes_on_when_the_other_has_come_and_gone)
{
	struct call *call;
	int from;

	create(0600, 0);
	call = opener(O_RDONLY);
	go_behind(call->tid);
	go_first();
	drop(end_of(O_WRONLY));
	go_as_usual();
	from = call_end(call);
	holds(from >= 0);
	is(sys(read(from, room, 1)), 0);
}

PIPE_TEST(a_writer_that_does_not_wait_needs_a_reader)
{
	int from;

	create(0600, 0);
	is(try_open(O_WRONLY | O_NONBLOCK), -ENXIO);
	from = end_of(O_RDONLY | O_NONBLOCK);
	drop(end_of(O_WRONLY | O_NONBLOCK));
	drop(from);
	is(try_open(O_WRONLY | O_NONBLOCK), -ENXIO);
	is(pipe_stat(look()).descriptors, 1);
}

PIPE_TEST(a_reader_that_does_not_wait_is_not_hung_up_before_a_writer_came)
{
	int from, to;

	create(0600, 0);
	from = end_of(O_RDONLY | O_NONBLOCK);
	is(sys(read(from, room, 1)), 0);
	is(ready(from, POLLIN), 0);
	to = end_of(O_WRONLY);
	is(ready(from, POLLIN), 0);
	is(sys(read(from, room, 1)), -EAGAIN);
	drop(to);
	is(ready(from, POLLIN), POLLHUP);
}

PIPE_TEST(opening_both_ends_does_not_wait)
{
	int both;

	create(0600, 0);
	both = end_of(O_RDWR);
	writes(both, "to myself");
	is(ready(both, POLLIN | POLLOUT), POLLIN | POLLOUT);
	reads(both, "to myself");
	drop(end_of(O_RDONLY));
	drop(end_of(O_WRONLY));
	both = end_of(O_RDWR);
	is(ready(both, POLLIN | POLLOUT), POLLOUT);
}

PIPE_TEST(a_look_is_no_end)
{
	struct call *call;
	int fd, from;

	create(0600, 8192);
	fd = look();
	is(try_open(O_WRONLY | O_NONBLOCK), -ENXIO);
	call = opener(O_RDONLY);
	drop(look());
	holds(!call->done);
	is(sys(read(fd, room, 1)), -EBADF);
	is(sys(read(fd, room, 0)), -EBADF);
	is(sys(write(fd, room, 1)), -EBADF);
	is(ready(fd, POLLIN | POLLOUT), 0);
	is(ipcbook_pipe_resize(fd, 4096), -EBADF);
	is(ipcbook_pipe_capacity(fd), 8192);
	is(ipcbook_chmod(fd, 0640), 0);
	is(pipe_stat(fd).mode, 0640);
	is(waiting(fd), 0);
	drop(end_of(O_WRONLY));
	from = call_end(call);
	drop(from);
	is(try_open(O_WRONLY | O_NONBLOCK), -ENXIO);
	fd = end_of(O_WRONLY | O_PATH);
	is(sys(write(fd, room, 1)), -EBADF);
}

PIPE_TEST(a_signal_interrupts_opening)
{
	struct sigaction action = { .sa_handler = nothing };
	struct call *call;

	create(0600, 0);
	call = opener(O_RDONLY);
	is(sys(sigaction(SIGUSR1, &action, NULL)), 0);
	pthread_kill(call->thread, SIGUSR1);
	is(call_end(call), -EINTR);
	is(try_open(O_WRONLY | O_NONBLOCK), -ENXIO);
	is(pipe_stat(look()).receivers_waiting, 0);
	is(pipe_stat(look()).descriptors, 2);
}

PIPE_TEST(who_is_killed_while_it_opens_leaves_nothing)
{
	pid_t pid;
	int fd;

	create(0600, 0);
	fd = look();
	pid = child();
	if (!pid) {
		try_open(O_RDONLY);
		_exit(1);
	}
	await(pipe_stat(fd).receivers_waiting == 1);
	is(pipe_stat(fd).descriptors, 2);
	is(sys(kill(pid, SIGKILL)), 0);
	is(reap(pid), 128 + SIGKILL);
	await(pipe_stat(fd).descriptors == 1);
	is(try_open(O_WRONLY | O_NONBLOCK), -ENXIO);
}

PIPE_TEST(who_waits_for_a_name_that_goes_is_told)
{
	struct call *from, *both;

	create(0600, 0);
	from = opener(O_RDONLY);
	both = opener(O_RDONLY);
	is(ipcbook_pipe_unlink(pname), 0);
	is(call_end(from), -EIDRM);
	is(call_end(both), -EIDRM);
	is(try_open(O_RDONLY), -ENOENT);
}

/* --- Creating and unlinking ----------------------------------------------- */

PIPE_TEST(a_name_is_created_once)
{
	create(0640, 5000);
	is(pipe_stat(look()).mode, 0640);
	is(ipcbook_pipe_capacity(look()), 8192);
	is(ipcbook_pipe_create(pname, 0600, 0), -EEXIST);
	is(try_open(O_RDWR | O_CREAT | O_EXCL), -EEXIST);
	is(ipcbook_pipe_capacity(end_of(O_RDWR | O_CREAT)), 8192);
	is(ipcbook_pipe_unlink(pname), 0);
	is(ipcbook_pipe_unlink(pname), -ENOENT);
	is(try_open(O_RDWR), -ENOENT);
	is(ipcbook_pipe_capacity(end_of(O_RDWR | O_CREAT)), CAPACITY);
}

/* A call that failed changed nothing: neither did it create. */
PIPE_TEST(opening_that_fails_creates_no_name)
{
	struct sigaction action = { .sa_handler = nothing };
	struct call *call;

	is(try_open(O_WRONLY | O_NONBLOCK | O_CREAT), -ENXIO);
	is(ipcbook_pipe_unlink(pname), -ENOENT);
	is(sys(sigaction(SIGUSR1, &action, NULL)), 0);
	call = opener(O_RDONLY | O_CREAT);
	pthread_kill(call->thread, SIGUSR1);
	is(call_end(call), -EINTR);
	is(ipcbook_pipe_unlink(pname), -ENOENT);
	call = opener(O_RDONLY | O_CREAT);
	drop(end_of(O_WRONLY));
	holds(call_end(call) >= 0);
	is(ipcbook_pipe_unlink(pname), 0);
}

PIPE_TEST(unlinking_leaves_the_ends_as_they_are)
{
	int both = end_of(O_RDWR | O_CREAT);

	is(ipcbook_pipe_unlink(pname), 0);
	writes(both, "still there");
	reads(both, "still there");
	is(pipe_stat(both).name[0], 0);
	/* The name is free for another one. */
	create(0600, 0);
	is(waiting(end_of(O_RDONLY | O_NONBLOCK)), 0);
}

PIPE_TEST(a_name_outlives_its_ends_and_what_is_in_it_does_not)
{
	int both = end_of(O_RDWR | O_CREAT), second;

	writes(both, "forgotten");
	second = end_of(O_RDONLY);
	drop(both);
	is(waiting(second), 9);
	drop(second);
	is(pipe_stat(look()).bytes, 0);
	is(pipe_stat(look()).sent_bytes, 9);
	is(pipe_stat(look()).received_bytes, 0);
	both = end_of(O_RDWR);
	is(waiting(both), 0);
	writes(both, "new");
	reads(both, "new");
	nonblocking(both);
	is(sys(write(both, bytes, CAPACITY)), CAPACITY);
	is(sys(write(both, bytes, 1)), -EAGAIN);
}

/* Whoever looks meanwhile: what went with the last end was never received. */
PIPE_TEST(what_goes_with_the_last_end_is_not_counted_as_received)
{
	enum { TIMES = 3000 };
	struct ipcbook_stat stat;
	pid_t pid;
	int fd;

	create(0600, 4096);
	fd = look();
	pid = child();
	if (!pid) {
		for (int i = 0; i < TIMES; i++) {
			int both = try_open(O_RDWR);

			is(sys(write(both, bytes, 100)), 100);
			close(both);
		}
		_exit(0);
	}
	do {
		stat = pipe_stat(fd);
		is(stat.received_bytes, 0);
		holds(stat.bytes == 0 || stat.bytes == 100);
	} while (stat.sent < TIMES);
	is(reap(pid), 0);
	stat = pipe_stat(fd);
	is(stat.sent_bytes, 100 * TIMES);
	is(stat.received_bytes, 0);
	is(stat.bytes, 0);
}

/* As long as a writer is there, a new reader finds what the last one left. */
PIPE_TEST(what_is_in_it_waits_for_the_next_reader)
{
	int from = -1, to;

	create(0600, 0);
	from = end_of(O_RDONLY | O_NONBLOCK);
	to = end_of(O_WRONLY);
	writes(to, "left");
	drop(from);
	is(sys(write(to, "x", 1)), -EPIPE);
	from = end_of(O_RDONLY);
	reads(from, "left");
}

PIPE_TEST(one_descriptor_without_a_name_is_both_ends)
{
	int both = keep(ipcbook_pipe_open(NULL, O_RDWR | O_CLOEXEC, 0600, 4096));

	is(ipcbook_pipe_capacity(both), 4096);
	writes(both, "both");
	reads(both, "both");
	is(ipcbook_pipe_open(NULL, O_RDONLY, 0600, 0), -EINVAL);
	is(ipcbook_pipe_open(NULL, O_WRONLY, 0600, 0), -EINVAL);
	is(ipcbook_pipe_open(NULL, O_RDWR | O_PATH, 0600, 0), -EINVAL);
}

PIPE_TEST(names_and_limits_that_cannot_be_are_refused)
{
	struct ipcbook_open arg = {
		.size = sizeof(arg),
		.chapter = IPCBOOK_PIPE,
		.flags = IPCBOOK_OPEN_READ | IPCBOOK_OPEN_WRITE |
			 IPCBOOK_OPEN_CREATE,
		.mode = 0600,
		.name = "wrong",
	};
	char longest[IPCBOOK_NAME_LEN + 1] = "";

	memset(longest, 'n', IPCBOOK_NAME_LEN);
	is(ipcbook_pipe_create("", 0600, 0), -EINVAL);
	is(ipcbook_pipe_create("a/b", 0600, 0), -EINVAL);
	is(ipcbook_pipe_create("a\nb", 0600, 0), -EINVAL);
	is(ipcbook_pipe_create(pname, 01000, 0), -EINVAL);
	is(ipcbook_pipe_create(pname, 0600, (1 << 30) + 1), -E2BIG);
	is(ipcbook_pipe_create(longest, 0600, 0), -ENAMETOOLONG);
	is(ipcbook_pipe_open(longest, O_RDWR, 0, 0), -ENAMETOOLONG);
	is(ipcbook_pipe_unlink(longest), -ENAMETOOLONG);
	is(ipcbook_pipe_unlink(pname), -ENOENT);
	arg.pipe.flags = 2;
	is(ask_device(IPCBOOK_IOC_OPEN, &arg), -EINVAL);
	arg.pipe.flags = 0;
	arg.pipe.pad = 1;
	is(ask_device(IPCBOOK_IOC_OPEN, &arg), -EINVAL);
	arg.pipe.pad = 0;
	arg.reserved[2] = 1;
	is(ask_device(IPCBOOK_IOC_OPEN, &arg), -EINVAL);
	arg.reserved[2] = 0;
	arg.flags |= IPCBOOK_OPEN_ANON;
	is(ask_device(IPCBOOK_IOC_OPEN, &arg), -EINVAL);
	is(ipcbook_pipe_unlink("wrong"), -ENOENT);
}

/* --- Permissions, namespaces, limits -------------------------------------- */

/* In a child that is user 1000: what opening with these flags answers. */
static int answer_of(int flags)
{
	pid_t pid = child();
	int answer;

	if (!pid) {
		become(1000);
		answer = try_open(flags | O_NONBLOCK);
		_exit(answer < 0 ? -answer : 0);
	}
	return reap(pid);
}

PIPE_TEST(the_mode_says_who_may_open_what)
{
	static const struct {
		mode_t mode;
		int from, to, both;
	} cases[] = {
		{ 0660, EACCES, EACCES, EACCES }, { 0664, 0, EACCES, EACCES },
		{ 0662, EACCES, 0, EACCES }, { 0666, 0, 0, 0 },
	};
	int fd;

	create(0600, 0);
	fd = end_of(O_RDWR);
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		is(ipcbook_chmod(fd, cases[i].mode), 0);
		is(answer_of(O_RDONLY), cases[i].from);
		is(answer_of(O_WRONLY), cases[i].to);
		is(answer_of(O_RDWR), cases[i].both);
		is(answer_of(O_RDONLY | O_PATH), cases[i].from);
	}
}

PIPE_TEST(who_does_not_own_a_name_does_not_unlink_it)
{
	pid_t pid;

	create(0666, 0);
	pid = child();
	if (!pid) {
		become(1000);
		is(ipcbook_pipe_unlink(pname), -EPERM);
		_exit(0);
	}
	is(reap(pid), 0);
	is(ipcbook_pipe_unlink(pname), 0);
}

PIPE_TEST(a_name_belongs_to_a_network_namespace)
{
	int both = end_of(O_RDWR | O_CREAT);
	pid_t pid = child_in(CLONE_NEWNET);

	if (!pid) {
		is(try_open(O_RDWR), -ENOENT);
		create(0600, 4096);
		is(ipcbook_pipe_capacity(end_of(O_RDWR)), 4096);
		/* What was inherited works on. */
		writes(both, "from within");
		_exit(0);
	}
	is(reap(pid), 0);
	reads(both, "from within");
	is(ipcbook_pipe_capacity(both), CAPACITY);
}

PIPE_TEST(pipes_count_in_the_users_limits)
{
	pid_t pid;

	set_parameter("user_bytes", 3 * CAPACITY);
	pid = child();
	if (!pid) {
		int ends[2], more[2];

		become(4242);
		is(ipcbook_pipe(ends, 0, 0), 0);
		is(ipcbook_pipe(more, 0, 2 * CAPACITY), 0);
		is(ipcbook_pipe(more, 0, 4096), -EDQUOT);
		is(ipcbook_pipe_resize(ends[0], CAPACITY + 1), -EDQUOT);
		is(ipcbook_pipe_capacity(ends[0]), CAPACITY);
		is(ipcbook_pipe_resize(ends[0], 4096), 4096);
		is(ipcbook_pipe_resize(ends[1], 2 * CAPACITY), -EDQUOT);
		/* What it does not have any more, another may have. */
		is(ipcbook_pipe(more, 0, CAPACITY / 2), 0);
		close(more[0]);
		close(more[1]);
		is(ipcbook_pipe_resize(ends[1], CAPACITY), CAPACITY);
		close(ends[0]);
		close(ends[1]);
		is(ipcbook_pipe(ends, 0, CAPACITY), 0);
		_exit(0);
	}
	is(reap(pid), 0);
}

/* What could not be made smaller counts as before. */
PIPE_TEST(a_pipe_that_is_not_resized_counts_as_before)
{
	pid_t pid;

	set_parameter("user_bytes", 3 * CAPACITY);
	pid = child();
	if (!pid) {
		int ends[2], more[2];

		become(4243);
		is(ipcbook_pipe(ends, 0, 2 * CAPACITY), 0);
		is(sys(write(ends[1], bytes, CAPACITY)), CAPACITY);
		is(ipcbook_pipe_resize(ends[0], 4096), -EBUSY);
		is(ipcbook_pipe(more, 0, CAPACITY + 1), -EDQUOT);
		is(ipcbook_pipe(more, 0, CAPACITY), 0);
		_exit(0);
	}
	is(reap(pid), 0);
}

static int found(const struct ipcbook_stat *stat, void *arg)
{
	*(struct ipcbook_stat *)arg = *stat;
	return 7;
}

PIPE_TEST(the_list_shows_it)
{
	struct ipcbook_stat stat = { 0 };

	create(0600, 4096);
	writes(end_of(O_RDWR), "12345");
	is(ipcbook_list(IPCBOOK_PIPE, pname, found, &stat), 7);
	is(stat.chapter, IPCBOOK_PIPE);
	is(strcmp(stat.name, pname), 0);
	is(stat.bytes, 5);
	is(stat.max_bytes, 4096);
}

/* --- The stories ---------------------------------------------------------- */

/* The child of both: says each word that it hears in capitals, and crashes. */
static void echo_until_crash(int from, int to)
{
	char word[32];
	ssize_t n;

	while ((n = read(from, word, sizeof(word))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			word[i] &= ~0x20;
		is(sys(write(to, word, n)), n);
		if (!memcmp(word, "CRASH", 5))
			abort();
	}
	_exit(0);
}

static void talk(int to, int from, const char *word, const char *answer)
{
	writes(to, word);
	reads(from, answer);
}

/* What the list tells of the objects that are not forgotten. */
struct seen {
	uint64_t ids[2];
	unsigned int count;
};

static int see(const struct ipcbook_stat *stat, void *arg)
{
	struct seen *seen = arg;

	if (stat->id != seen->ids[0] && stat->id != seen->ids[1])
		return 0;
	is(stat->name[0], 0);
	seen->count++;
	return 0;
}

/*
 * Somebody without the parent's descriptors @fds looks for its pipes: sees that
 * they are there, and has nothing to open them by.
 */
static void look_for(pid_t parent, const int fds[2])
{
	struct seen seen;
	char path[64];

	for (int i = 0; i < 2; i++)
		seen.ids[i] = pipe_stat(fds[i]).id;
	close(fds[0]);
	close(fds[1]);
	seen.count = 0;
	is(ipcbook_list(IPCBOOK_PIPE, NULL, see, &seen), 0);
	is(seen.count, 2);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", parent, fds[i]);
		is(sys(open(path, O_RDWR)), -ENXIO);
		snprintf(path, sizeof(path), "%llu",
			 (unsigned long long)seen.ids[i]);
		is(ipcbook_pipe_open(path, O_RDWR, 0, 0), -ENOENT);
	}
	is(ipcbook_pipe_open("", O_RDWR, 0, 0), -EINVAL);
	is(try_open(O_RDONLY | O_NONBLOCK), -ENOENT);
}

/*
 * Kinship is all they have: parent and child talk over two pipes; the child
 * crashes. Who takes its place comes by exec, as a service manager would start
 * it, and inherits nothing: there is no name by which it could find the pipes.
 */
PIPE_TEST(story_without_a_name_the_restarted_process_finds_nothing)
{
	int down[2] = { r, w }, up[2];
	struct ipcbook_stat stat;
	char command[300];
	pid_t pid;

	is(ipcbook_pipe(up, O_CLOEXEC, 0), 0);
	keep(up[0]);
	pid = child();
	if (!pid) {
		close(down[1]);
		close(up[0]);
		echo_until_crash(down[0], up[1]);
	}
	close(up[1]);
	shut(&r);
	talk(w, up[0], "hello", "HELLO");
	talk(w, up[0], "crash", "CRASH");
	is(reap(pid), 128 + SIGABRT);

	/* Both pipes say that the other end is gone, for good. */
	is(sys(read(up[0], room, 1)), 0);
	is(sys(write(w, "again", 5)), -EPIPE);
	stat = pipe_stat(w);
	is(stat.name[0], 0);
	/* The newcomer has no such descriptors, and nothing to ask for. */
	snprintf(command, sizeof(command),
		 "test ! -e /proc/self/fd/%d && test ! -e /proc/self/fd/%d",
		 w, up[0]);
	is(shell(0, command, room, sizeof(room)), 0);
	pid = child();
	if (!pid) {
		look_for(getppid(), (int[]){ w, up[0] });
		_exit(0);
	}
	is(reap(pid), 0);
}

static void serve_by_name(const char *down, const char *up)
{
	int from = ipcbook_pipe_open(down, O_RDONLY | O_CLOEXEC, 0, 0);
	int to = ipcbook_pipe_open(up, O_WRONLY | O_CLOEXEC, 0, 0);

	holds(from >= 0 && to >= 0);
	echo_until_crash(from, to);
}

/* The same with names: who is started anew opens them, and goes on. */
PIPE_TEST(story_with_a_name_the_restarted_process_goes_on)
{
	char up[IPCBOOK_NAME_LEN];
	int from, to;
	pid_t pid;

	snprintf(up, sizeof(up), "%.50s-up", pname);
	create(0600, 0);
	is(ipcbook_pipe_create(up, 0600, 0), 0);
	pid = child();
	if (!pid)
		serve_by_name(pname, up);
	to = end_of(O_WRONLY);
	from = keep(ipcbook_pipe_open(up, O_RDONLY | O_CLOEXEC, 0, 0));
	talk(to, from, "hello", "HELLO");
	talk(to, from, "crash", "CRASH");
	is(reap(pid), 128 + SIGABRT);
	is(sys(read(from, room, 1)), 0);
	is(sys(write(to, "lost?", 5)), -EPIPE);

	/* Nobody tells it more than the names. */
	pid = child();
	if (!pid) {
		drop(from);
		drop(to);
		serve_by_name(pname, up);
	}
	await(ready(to, POLLOUT) == POLLOUT);
	await(!(ready(from, POLLIN) & POLLHUP));
	talk(to, from, "again", "AGAIN");
	drop(to);
	is(reap(pid), 0);
	is(ipcbook_pipe_unlink(up), 0);
}
