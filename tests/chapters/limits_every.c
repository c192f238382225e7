// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits: what creates an object is refused alike in every chapter, where there
 * are as many objects as there may be, no descriptors or no files; and a process
 * that is killed while it gets memory gives back what it has got of it. Nothing is
 * left of such a call.
 */
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/user.h>

#include <ipcbook/signal.h>

#include "cgroup.h"

/* Opened as long as there are files. */
static int device = -1;

/**
 * struct creator - a call that creates an object
 * @name: what to call it
 * @create: makes it; returns what it answers
 * @chapter: of the object
 * @size: the first of its limits, or 0
 */
struct creator {
	const char *name;
	long (*create)(const struct creator *creator, uint64_t size);
	enum ipcbook_chapter chapter;
	uint64_t size;
};

static long create_open(const struct creator *creator, uint64_t size)
{
	struct ipcbook_open arg = {
		.size = sizeof(arg),
		.chapter = creator->chapter,
		.flags = IPCBOOK_OPEN_READ | IPCBOOK_OPEN_WRITE |
			 IPCBOOK_OPEN_ANON | IPCBOOK_OPEN_CLOEXEC,
	};

	arg.reserved[0] = size;
	return ask(device, IPCBOOK_IOC_OPEN, &arg);
}

static long create_pipe(__attribute__((unused)) const struct creator *creator,
			uint64_t size)
{
	struct ipcbook_pipe arg = { .size = sizeof(arg), .capacity = size };

	return ask(device, IPCBOOK_IOC_PIPE, &arg);
}

static long create_socket(__attribute__((unused)) const struct creator *creator,
			  __attribute__((unused)) uint64_t size)
{
	struct ipcbook_socket arg = {
		.size = sizeof(arg),
		.type = SOCK_STREAM,
		.flags = IPCBOOK_OPEN_CLOEXEC,
		.mode = 0600,
	};

	return ask(device, IPCBOOK_IOC_SOCKET, &arg);
}

static long create_signal(__attribute__((unused)) const struct creator *creator,
			  __attribute__((unused)) uint64_t size)
{
	struct ipcbook_signal *new;
	long answer;

	answer = ipcbook_signal_open(&new);
	if (answer)
		return answer;
	answer = ipcbook_signal_register(new, NULL, NULL, 0, 0);
	if (answer)
		ipcbook_signal_close(new);
	return answer;
}

static const struct creator creators[] = {
	{ "signal: REGISTER", create_signal, IPCBOOK_SIGNAL, 0 },
	{ "socket: SOCKET", create_socket, IPCBOOK_SOCKET, 0 },
	{ "pipe: PIPE", create_pipe, IPCBOOK_PIPE, 4096 },
	{ "pipe: OPEN", create_open, IPCBOOK_PIPE, 4096 },
	{ "queue: OPEN", create_open, IPCBOOK_QUEUE, 0 },
	{ "shm: OPEN", create_open, IPCBOOK_SHM, 4096 },
	{ "ring: OPEN", create_open, IPCBOOK_RING, 4096 },
	{ "sem: OPEN", create_open, IPCBOOK_SEM, 0 },
};

static int count(__attribute__((unused)) const struct ipcbook_stat *stat,
		 void *arg)
{
	++*(unsigned int *)arg;
	return 0;
}

static unsigned int objects(void)
{
	unsigned int n = 0;

	is(ipcbook_list(0, NULL, count, &n), 0);
	return n;
}

static int every_begin(void **state)
{
	fixture_bare(state);
	device = keep(sys(open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC)));
	return 0;
}

#define EVERY_TEST(name) TEST_WITH(name, every_begin)

/* What each call answers; of what is refused, no descriptor is left. */
static void every_one_answers(long error)
{
	int next = sys(dup(device));
	long answer;

	close(next);
	for (unsigned int i = 0; i < ARRAY_SIZE(creators); i++) {
		answer = creators[i].create(&creators[i], creators[i].size);
		claim_equal(creators[i].name, answer < 0 ? answer : 0, error,
			    __FILE__, __LINE__);
		if (error && next >= 0) {
			is(sys(dup(device)), next);
			close(next);
		}
	}
}

/* An ordinary user's calls. */
static void every_one_of_a_user_answers(long error)
{
	unsigned int before = objects();
	pid_t pid = child();

	if (!pid) {
		become(1000);
		every_one_answers(error);
		_exit(0);
	}
	is(reap(pid), 0);
	is(objects(), before);
}

/* --- Too much ------------------------------------------------------------- */

static void every_one_is_limited_by(const char *limit, long error)
{
	unsigned long usual = parameter(limit);

	set_parameter(limit, 0);
	every_one_of_a_user_answers(error);
	set_parameter(limit, usual);
	every_one_of_a_user_answers(0);
}

EVERY_TEST(there_are_only_so_many_objects_of_every_chapter)
{
	every_one_is_limited_by("max_objects", -ENOSPC);
}

EVERY_TEST(a_user_has_only_so_many_objects_of_every_chapter)
{
	every_one_is_limited_by("user_objects", -EDQUOT);
}

/* From now on this process may open so many more. The first that it will get. */
static int leave_descriptors(int count)
{
	int next = sys(dup(device));

	close(next);
	is(sys(setrlimit(RLIMIT_NOFILE,
			 &(struct rlimit){ next + count, next + count })), 0);
	return next;
}

EVERY_TEST(nothing_is_created_without_a_descriptor)
{
	unsigned int before = objects();
	pid_t pid = child();
	int next;

	if (!pid) {
		next = leave_descriptors(0);
		every_one_answers(-EMFILE);
		is(sys(fcntl(next, F_GETFD)), -EBADF);
		_exit(0);
	}
	is(reap(pid), 0);
	is(objects(), before);
}

/* A handle has one socket, and one more to receive through. */
EVERY_TEST(nobody_registers_without_a_second_descriptor)
{
	struct ipcbook_signal *new;
	pid_t pid = child();

	if (!pid) {
		leave_descriptors(1);
		is(ipcbook_signal_open(&new), 0);
		is(ipcbook_signal_register(new, NULL, NULL, 0, 0), -EMFILE);
		ipcbook_signal_close(new);
		is(ipcbook_signal_open(&new), 0);
		_exit(0);
	}
	is(reap(pid), 0);
}

/* Who has CAP_SYS_ADMIN, as all other processes here, has files all the same. */
EVERY_TEST(nothing_is_created_without_a_file)
{
	const char *text = slurp("/proc/sys/fs/file-max");
	char usual[32];

	holds(text);
	snprintf(usual, sizeof(usual), "%s", text);
	set_file("/proc/sys/fs/file-max", "0");
	every_one_of_a_user_answers(-ENFILE);
	holds(spit("/proc/sys/fs/file-max", usual));
	every_one_of_a_user_answers(0);
}

/* --- Killed --------------------------------------------------------------- */

#define LONG	(16 << 20)

/*
 * A child of cgroup a that makes a call when the gate opens. It gets no further
 * than to the cgroup's memory.high, and sleeps there: in 16 MiB there are many
 * occasions.
 */
static pid_t child_short_of_memory(int go)
{
	int ready = gate();
	char room[32];
	pid_t pid;

	pid = child();
	if (!pid) {
		enter_cgroup('a');
		gate_open(ready);
		gate_pass(go);
		return 0;
	}
	gate_pass(ready);
	snprintf(room, sizeof(room), "%lld", charged('a') + (1 << 20));
	holds(spit(CGROUP "-a/memory.high", room));
	return pid;
}

/* Kills a child that sleeps in an ioctl. What it would have been answered. */
static long answer_to_the_killed(pid_t pid)
{
	struct user_regs_struct regs;
	int status;

	is(sys(ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACEEXIT)), 0);
	await_asleep(pid, SYS_ioctl);
	is(sys(kill(pid, SIGKILL)), 0);
	is(sys(waitpid(pid, &status, __WALL)), pid);
	is(status >> 8, SIGTRAP | PTRACE_EVENT_EXIT << 8);
	is(sys(ptrace(PTRACE_GETREGS, pid, NULL, &regs)), 0);
	is(sys(ptrace(PTRACE_DETACH, pid, NULL, NULL)), 0);
	is(reap(pid), 128 + SIGKILL);
	holds(spit(CGROUP "-a/memory.high", "max"));
	return regs.rax;
}

static int killed_begin(void **state)
{
	cgroups_start(state);
	device = keep(sys(open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC)));
	return 0;
}

/* Those whose memory is there from the beginning. */
TEST_WITH(nothing_is_left_of_what_who_is_killed_was_about_to_create,
	  killed_begin)
{
	unsigned int before = objects();
	long long paid;

	need_cgroups();
	paid = charged('a');
	for (unsigned int i = 0; i < ARRAY_SIZE(creators); i++) {
		int go = gate();
		pid_t pid;

		if (creators[i].size != 4096)
			continue;
		pid = child_short_of_memory(go);
		if (!pid)
			_exit(creators[i].create(&creators[i], LONG) < 0);
		gate_open(go);
		claim_equal(creators[i].name, answer_to_the_killed(pid), -EINTR,
			    __FILE__, __LINE__);
		is(objects(), before);
		holds(charged('a') - paid <= PORTIONS);
	}
}

TEST_WITH(a_pipe_whose_resizer_is_killed_is_as_it_was, killed_begin)
{
	int go = gate(), between[2], ends[2], fd;
	struct ipcbook_stat stat;
	pid_t pid;

	need_cgroups();
	is(sys(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, between)), 0);
	pid = child_short_of_memory(go);
	if (!pid) {
		is(ipcbook_pipe(ends, O_CLOEXEC, 0), 0);
		is(sys(write(ends[1], "kept", 4)), 4);
		pass_fd(between[1], ends[0]);
		_exit(ipcbook_pipe_resize(ends[1], LONG) < 0);
	}
	gate_open(go);
	fd = keep(passed_fd(between[0]));
	is(answer_to_the_killed(pid), -EINTR);
	is(ipcbook_pipe_capacity(fd), 65536);
	is(ipcbook_stat(fd, &stat), 0);
	is(stat.bytes, 4);
	/* Nor does anybody wait for who was about to resize it. */
	is(ipcbook_pipe_resize(fd, 2 * 65536), 2 * 65536);
	close(between[0]);
	close(between[1]);
}
