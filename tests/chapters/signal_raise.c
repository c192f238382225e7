// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals that objects raise when they become ready: queues, pipes, semaphores
 * and rings.
 */
#include <ipcbook/ring.h>
#include <ipcbook/sem.h>
#include <limits.h>
#include <sched.h>
#include <sys/socket.h>

#include "cgroup.h"
#include "served.h"
#include "signal.h"

/* Waits for one signal of @number, from an object. */
static void raised(int number, uint64_t object)
{
	struct ipcbook_signal_info info;

	is(ipcbook_signal_wait(r, &info, 1, ipcbook_deadline(30 * SEC)), 1);
	is(info.number, number);
	is(info.object, object);
	is(info.pid, 0);
	is(next(r), -EAGAIN);
}

/* Nothing was raised: what is raised by another object later comes alone. */
static void not_raised(void)
{
	int fd = keep(ipcbook_queue_open(NULL, O_RDWR, 0600, NULL));
	struct ipcbook_stat stat = queue_stat(fd);

	is(ipcbook_signal_raise(r, fd, IPCBOOK_READY_OUT, 64), 0);
	raised(64, stat.id);
	is(ipcbook_signal_raise(r, fd, IPCBOOK_READY_OUT, 0), 64);
	drop(fd);
}

SIGNAL_TEST(a_queue_raises_each_time_it_becomes_ready)
{
	int fd = keep(ipcbook_queue_open(NULL, O_RDWR, 0600, NULL));
	uint64_t id = queue_stat(fd).id;

	is(ipcbook_signal_raise(r, fd, IPCBOOK_READY_IN, 34), 0);
	for (int i = 0; i < 3; i++) {
		put(fd, 1, "a");
		raised(34, id);
		/* It is ready already. */
		put(fd, 1, "b");
		not_raised();
		got(fd, IPCBOOK_ANY, 0, "a");
		got(fd, IPCBOOK_ANY, 0, "b");
	}
	is(ipcbook_signal_raise(r, fd, IPCBOOK_READY_IN, 35), 34);
	put(fd, 1, "a");
	raised(35, id);
	is(ipcbook_signal_raise(r, fd, IPCBOOK_READY_IN, 0), 35);
	is(ipcbook_signal_raise(r, fd, IPCBOOK_READY_IN, 0), 0);
	got(fd, IPCBOOK_ANY, 0, "a");
	put(fd, 1, "a");
	not_raised();
}

SIGNAL_TEST(what_is_ready_raises_at_once)
{
	int fd = keep(ipcbook_queue_open(NULL, O_RDWR, 0600, NULL));

	put(fd, 1, "a");
	is(ipcbook_signal_raise(r, fd, IPCBOOK_READY_IN, 36), 0);
	raised(36, queue_stat(fd).id);
}

/* It is the object that was asked. */
SIGNAL_TEST(the_descriptor_may_be_closed_afterwards)
{
	int fds[2];

	for (int i = 0; i < 2; i++)
		fds[i] = keep(ipcbook_queue_open(rname, O_RDWR | O_CREAT, 0600,
						 NULL));
	is(ipcbook_signal_raise(r, fds[0], IPCBOOK_READY_IN, 37), 0);
	drop(fds[0]);
	put(fds[1], 1, "a");
	raised(37, queue_stat(fds[1]).id);
	is(ipcbook_queue_unlink(rname), 0);
}

SIGNAL_TEST(a_queue_raises_when_there_is_room)
{
	const struct ipcbook_queue_limits limits = { .messages = 1 };
	int fd = keep(ipcbook_queue_open(NULL, O_RDWR, 0600, &limits));
	uint64_t id = queue_stat(fd).id;

	put(fd, 1, "a");
	is(ipcbook_signal_raise(r, fd, IPCBOOK_READY_OUT, 10), 0);
	not_raised();
	got(fd, IPCBOOK_ANY, 0, "a");
	raised(10, id);
}

/* A receive that finds its message at once, and is slow to copy it. */
static long make_taking(struct call *call)
{
	return queue_recv(call->fd, call->select, call->type, call->buf,
			  call->len, 0, 0, NULL);
}

SIGNAL_TEST(what_comes_back_raises_again)
{
	int fd = keep(ipcbook_queue_open(NULL, O_RDWR, 0600, NULL));
	uint64_t id = queue_stat(fd).id;

	is(ipcbook_signal_raise(r, fd, IPCBOOK_READY_IN, 34), 0);
	put(fd, 1, "a");
	raised(34, id);
	is(queue_recv(fd, IPCBOOK_ANY, 0, nowhere(), 8, 0, 0, NULL), -EFAULT);
	raised(34, id);
	/* Beside another, it changes nothing. */
	put(fd, 1, "b");
	is(queue_recv(fd, IPCBOOK_ANY, 0, nowhere(), 8, 0, 0, NULL), -EFAULT);
	not_raised();
	got(fd, IPCBOOK_ANY, 0, "a");
	got(fd, IPCBOOK_ANY, 0, "b");
}

/* It can be received from the hand of who holds it, who waits for room. */
SIGNAL_TEST(a_message_that_waits_for_room_raises)
{
	const struct ipcbook_queue_limits limits = { .messages = 1 };
	int fd = keep(ipcbook_queue_open(NULL, O_RDWR, 0600, &limits));
	uint64_t id = queue_stat(fd).id;
	struct call *taker, *blocked[2];
	static char page[4096];
	int server;

	is(ipcbook_signal_raise(r, fd, IPCBOOK_READY_IN, 34), 0);
	put(fd, 1, "a");
	raised(34, id);
	taker = call_new(fd, IPCBOOK_ANY, 0);
	taker->buf = served_page(&server);
	call_other(taker, make_taking, SYS_ioctl);
	await_need(server);
	blocked[0] = sender(fd, 2, 1);
	raised(34, id);
	/* Beside another, it changes nothing. */
	blocked[1] = sender(fd, 2, 2);
	not_raised();
	got(fd, IPCBOOK_ANY, 0, "x");
	is(call_end(blocked[0]), 0);
	serve(server, taker->buf, page);
	is(call_end(taker), 1);
	is(call_end(blocked[1]), 0);
	raised(34, id);
	got(fd, IPCBOOK_ANY, 0, "xx");
}

SIGNAL_TEST(a_semaphore_raises_once_for_each_call)
{
	int fd = keep(ipcbook_sem_open(NULL, O_RDWR, 0600, NULL));
	struct ipcbook_sem sem;
	struct ipcbook_stat stat;

	is(ipcbook_stat(fd, &stat), 0);
	is(ipcbook_sem_attach(&sem, fd), 0);
	for (int i = 0; i < 3; i++) {
		is(ipcbook_signal_raise(r, fd, IPCBOOK_READY_IN, 44),
		   i ? 44 : 0);
		not_raised();
		is(ipcbook_sem_give(&sem, 1), 0);
		raised(44, stat.id);
		is(ipcbook_sem_take(&sem, 1, 0, 0), 0);
		is(ipcbook_sem_give(&sem, 1), 0);
		is(ipcbook_sem_take(&sem, 1, 0, 0), 0);
		not_raised();
	}
	ipcbook_sem_detach(&sem);
}

SIGNAL_TEST(an_object_that_goes_raises_nothing_any_more)
{
	int fd;

	for (int i = 0; i < 100; i++) {
		fd = keep(ipcbook_queue_open(NULL, O_RDWR, 0600, NULL));
		is(ipcbook_signal_raise(r, fd, IPCBOOK_READY_IN, 34), 0);
		drop(fd);
	}
	not_raised();
	/* And one who goes is told nothing. */
	fd = keep(ipcbook_queue_open(NULL, O_RDWR, 0600, NULL));
	is(ipcbook_signal_raise(r, fd, IPCBOOK_READY_IN, 34), 0);
	close_handle(r);
	put(fd, 1, "a");
}

/* Those that have gone make way, and those that could raise something do not. */
SIGNAL_TEST(sixty_four_objects_raise_for_one_registration)
{
	int fds[IPCBOOK_SIGNAL_RAISES], more;

	more = keep(ipcbook_queue_open(NULL, O_RDWR, 0600, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = keep(ipcbook_queue_open(NULL, O_RDWR, 0600, NULL));
		is(ipcbook_signal_raise(r, fds[i], IPCBOOK_READY_IN, 34), 0);
	}
	is(ipcbook_signal_raise(r, more, IPCBOOK_READY_IN, 35), -ENOSPC);
	/* Another number is no other object; another event is. */
	is(ipcbook_signal_raise(r, fds[0], IPCBOOK_READY_IN, 36), 34);
	is(ipcbook_signal_raise(r, fds[0], IPCBOOK_READY_OUT, 36), -ENOSPC);
	drop(fds[5]);
	is(ipcbook_signal_raise(r, more, IPCBOOK_READY_IN, 35), 0);
	is(ipcbook_signal_raise(r, fds[0], IPCBOOK_READY_OUT, 36), -ENOSPC);
	is(ipcbook_signal_raise(r, fds[6], IPCBOOK_READY_IN, 0), 34);
	put(more, 1, "a");
	raised(35, queue_stat(more).id);
	put(fds[63], 1, "a");
	raised(34, queue_stat(fds[63]).id);
	put(fds[6], 1, "a");
	not_raised();
}

#define WORKERS	"/sys/devices/virtual/workqueue/cpumask"

/*
 * Holds up what passes on what objects raise: the first processor does that, and
 * this thread does not leave it, until workers_go_on().
 */
static char workers_before[64];

static bool workers_stop(void)
{
	const char *mask = slurp(WORKERS);

	if (!mask)
		return false;
	snprintf(workers_before, sizeof(workers_before), "%s", mask);
	if (!spit(WORKERS, "1"))
		return false;
	go_first();
	return true;
}

static void workers_go_on(void)
{
	go_as_usual();
	holds(spit(WORKERS, workers_before));
}

/* A queue that becomes ready so often, before that is passed on. */
static void ready_times(int fd, int times)
{
	if (!workers_stop())
		not_here("the kernel's workers cannot be held up");
	for (int i = 0; i < times; i++) {
		put(fd, 1, "a");
		got(fd, IPCBOOK_ANY, 0, "a");
	}
	workers_go_on();
}

SIGNAL_TEST(each_time_that_an_object_became_ready_counts)
{
	int fd = keep(ipcbook_queue_open(NULL, O_RDWR, 0600, NULL));
	struct ipcbook_signal_entry entry;
	struct ipcbook_signal_info info;

	is(ipcbook_signal_raise(r, fd, IPCBOOK_READY_IN, 10), 0);
	ready_times(fd, 5);
	await(find_entry(rname, &entry) && entry.stat.sent == 5);
	is(ipcbook_signal_fetch(r, &info, 1), 1);
	is(info.count, 5);
	is(info.object, queue_stat(fd).id);
}

/* Each with its object, also where they have the same number. */
SIGNAL_TEST(what_two_objects_raised_is_told_apart)
{
	struct ipcbook_signal_info infos[4];
	struct ipcbook_signal_entry entry;
	int fds[2];

	for (int i = 0; i < 2; i++) {
		fds[i] = keep(ipcbook_queue_open(NULL, O_RDWR, 0600, NULL));
		is(ipcbook_signal_raise(r, fds[i], IPCBOOK_READY_IN, 34), 0);
	}
	for (uint64_t i = 0; i < 4; i++) {
		put(fds[i % 2], 1, "a");
		await(find_entry(rname, &entry) && entry.stat.sent == i + 1);
		got(fds[i % 2], IPCBOOK_ANY, 0, "a");
	}
	is(ipcbook_signal_fetch(r, infos, 4), 4);
	for (int i = 0; i < 4; i++)
		is(infos[i].object, queue_stat(fds[i % 2]).id);
}

SIGNAL_TEST(of_what_an_object_raised_that_arrives_for_which_there_is_room)
{
	int fd = keep(ipcbook_queue_open(NULL, O_RDWR, 0600, NULL));
	struct ipcbook_signal_entry entry;

	relimit(3);
	is(ipcbook_signal_raise(r, fd, IPCBOOK_READY_IN, 40), 0);
	ready_times(fd, 5);
	await(find_entry(rname, &entry) &&
	      entry.stat.sent + entry.stat.refused == 5);
	is(entry.stat.sent, 3);
	is(entry.stat.refused, 2);
	for (int i = 0; i < 3; i++)
		is(next(r), 40);
	is(next(r), -EAGAIN);
}

/*
 * Takes what is left of the memory that the test's registration may have, on each
 * processor: signals whose senders take turns, here the effective users of one
 * process, take a run each.
 */
static void leave_no_memory(void)
{
	struct ipcbook_signal_target target = { .name = rname };
	int numbers[30];
	int turn = 0;
	cpu_set_t one;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		numbers[i] = 34 + i;
	for (int cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN); cpu++) {
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		is(sys(sched_setaffinity(0, sizeof(one), &one)), 0);
		do {
			is(sys(setresuid(-1, ++turn & 1 ? 1001 : 0, -1)), 0);
		} while (ipcbook_signal_send(s, &target, 1, numbers,
					     ARRAY_SIZE(numbers), 0, NULL) ==
			 ARRAY_SIZE(numbers));
	}
	is(sys(setresuid(-1, 0, -1)), 0);
}

/* A process whose registration cgroup a pays for, which has no more memory. */
static void raised_without_memory(void)
{
	struct ipcbook_signal_entry before, entry;
	unsigned int raises = 0;
	long long met;
	char most[64];
	int fds[8];

	snprintf(rname, sizeof(rname), "without-memory");
	s = handle();
	enter_cgroup('a');
	r = registered(rname, NULL, 1 << 17);
	enter_cgroup('b');
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = keep(ipcbook_queue_open(NULL, O_RDWR, 0600, NULL));
		is(ipcbook_signal_raise(r, fds[i], IPCBOOK_READY_IN, 64), 0);
	}
	snprintf(most, sizeof(most), "%lld", charged('a') + PORTIONS);
	holds(spit(CGROUP "-a/memory.max", most));
	leave_no_memory();
	holds(find_entry(rname, &before));
	met = figure('a', "memory.events", "max ");
	do {
		for (size_t i = 0; i < ARRAY_SIZE(fds); i++, raises++) {
			put(fds[i], 1, "a");
			got(fds[i], IPCBOOK_ANY, 0, "a");
		}
		/* It is met several times by one that finds something after all. */
	} while (figure('a', "memory.events", "max ") < met + 100);
	holds(spit(CGROUP "-a/memory.max", "max"));
	await(find_entry(rname, &entry) &&
	      entry.stat.sent + entry.stat.refused ==
	      before.stat.sent + before.stat.refused + raises);
	is(entry.stat.refused, before.stat.refused);
}

/* Nobody could be told that it was not, and an object need not raise it again. */
TEST_BETWEEN(what_was_raised_without_memory_arrives_when_there_is_some,
	     cgroups_start, signal_end)
{
	pid_t pid;

	need_cgroups();
	give_seconds(60);
	/* Skipped where there are no queues, which a child cannot say. */
	drop(keep(ipcbook_queue_open(NULL, O_RDWR, 0600, NULL)));
	pid = child();
	if (!pid) {
		raised_without_memory();
		_exit(0);
	}
	is(reap(pid), 0);
	is(figure('a', "memory.events", "oom_kill "), 0);
}

SIGNAL_TEST(raising_needs_an_object_that_can_be_ready)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	int shm = keep(ipcbook_shm_open(NULL, O_RDWR, 0600, page));
	int in = keep(ipcbook_queue_open(NULL, O_RDONLY, 0600, NULL));
	int null = keep(sys(open("/dev/null", O_RDWR)));

	is(ipcbook_signal_raise(r, -1, IPCBOOK_READY_IN, 5), -EBADF);
	is(strncmp(ipcbook_signal_why(r), "fd", 2), 0);
	is(ipcbook_signal_raise(r, null, IPCBOOK_READY_IN, 5), -ENOTTY);
	is(ipcbook_signal_raise(r, shm, IPCBOOK_READY_IN, 5), -EOPNOTSUPP);
	is(ipcbook_signal_raise(r, in, IPCBOOK_READY_OUT, 5), -EBADF);
	is(ipcbook_signal_raise(r, in, 3, 5), -EINVAL);
	is(ipcbook_signal_raise(r, in, IPCBOOK_READY_IN, 65), -EINVAL);
	is(ipcbook_signal_raise(r, in, IPCBOOK_READY_IN, -1), -EINVAL);
	is(ipcbook_signal_raise(s, in, IPCBOOK_READY_IN, 5), -ENOTCONN);
}

/* --- Pipes ------------------------------------------------------------------------- */

#define CAPACITY	65536

static char bytes[2 * CAPACITY];

/* A pipe without a name, whose ends do not wait; its id. */
static uint64_t pipe_new(int ends[2])
{
	struct ipcbook_stat stat;
	int error;

	error = ipcbook_pipe(ends, O_CLOEXEC | O_NONBLOCK, CAPACITY);
	keep(error ? error : ends[0]);
	keep(ends[1]);
	is(ipcbook_stat(ends[0], &stat), 0);
	return stat.id;
}

SIGNAL_TEST(a_pipe_raises_each_time_there_is_something_to_read)
{
	int ends[2];
	uint64_t id = pipe_new(ends);

	is(ipcbook_signal_raise(r, ends[0], IPCBOOK_READY_IN, 34), 0);
	not_raised();
	for (int i = 0; i < 3; i++) {
		is(sys(write(ends[1], "abc", 3)), 3);
		raised(34, id);
		/* There is something already. */
		is(sys(write(ends[1], "de", 2)), 2);
		is(sys(read(ends[0], bytes, 2)), 2);
		is(sys(write(ends[1], "f", 1)), 1);
		not_raised();
		is(sys(read(ends[0], bytes, sizeof(bytes))), 4);
		not_raised();
	}
	is(ipcbook_signal_raise(r, ends[0], IPCBOOK_READY_IN, 0), 34);
	is(sys(write(ends[1], "abc", 3)), 3);
	not_raised();
	/* What is ready raises at once. */
	is(ipcbook_signal_raise(r, ends[0], IPCBOOK_READY_IN, 5), 0);
	raised(5, id);
}

SIGNAL_TEST(a_pipe_raises_each_time_there_is_room)
{
	int ends[2];
	uint64_t id = pipe_new(ends);

	is(sys(write(ends[1], bytes, CAPACITY)), CAPACITY);
	is(ipcbook_signal_raise(r, ends[1], IPCBOOK_READY_OUT, 35), 0);
	not_raised();
	for (int i = 0; i < 3; i++) {
		/* Room is that for what is written as one. */
		is(sys(read(ends[0], bytes, PIPE_BUF - 1)), PIPE_BUF - 1);
		not_raised();
		is(sys(read(ends[0], bytes, 1)), 1);
		raised(35, id);
		is(sys(read(ends[0], bytes, 100)), 100);
		not_raised();
		is(sys(write(ends[1], bytes, PIPE_BUF)), PIPE_BUF);
		is(sys(write(ends[1], bytes, 100)), 100);
		not_raised();
	}
}

/* That is told by poll. */
SIGNAL_TEST(an_end_of_a_pipe_that_goes_raises_nothing)
{
	int ends[2];

	pipe_new(ends);
	is(ipcbook_signal_raise(r, ends[0], IPCBOOK_READY_IN, 34), 0);
	drop(ends[1]);
	not_raised();
	pipe_new(ends);
	is(sys(write(ends[1], bytes, CAPACITY)), CAPACITY);
	is(ipcbook_signal_raise(r, ends[1], IPCBOOK_READY_OUT, 34), 0);
	drop(ends[0]);
	drop(ends[1]);
	not_raised();
}

SIGNAL_TEST(a_pipe_that_becomes_larger_raises)
{
	int ends[2];
	uint64_t id = pipe_new(ends);

	is(sys(write(ends[1], bytes, CAPACITY)), CAPACITY);
	is(ipcbook_signal_raise(r, ends[1], IPCBOOK_READY_OUT, 36), 0);
	is(ipcbook_signal_raise(r, ends[0], IPCBOOK_READY_IN, 37), 0);
	raised(37, id);
	is(ipcbook_pipe_resize(ends[1], 2 * CAPACITY), 2 * CAPACITY);
	raised(36, id);
	/* There is room already; and too little in one as small as before. */
	is(ipcbook_pipe_resize(ends[1], 4 * CAPACITY), 4 * CAPACITY);
	is(ipcbook_pipe_resize(ends[1], CAPACITY), CAPACITY);
	not_raised();
	is(sys(read(ends[0], bytes, PIPE_BUF)), PIPE_BUF);
	raised(36, id);
}

/* What was in it goes with its last end, and the object was asked, not the end. */
SIGNAL_TEST(a_full_pipe_that_everybody_closes_raises_that_there_is_room)
{
	struct ipcbook_stat stat;
	int fd, look;

	fd = keep(ipcbook_pipe_open(rname, O_RDWR | O_CREAT | O_NONBLOCK |
				    O_CLOEXEC, 0600, CAPACITY));
	look = keep(ipcbook_pipe_open(rname, O_RDONLY | O_PATH | O_CLOEXEC, 0,
				      0));
	is(ipcbook_stat(look, &stat), 0);
	is(sys(write(fd, bytes, CAPACITY)), CAPACITY);
	is(sys(write(fd, bytes, 1)), -EAGAIN);
	is(ipcbook_signal_raise(r, fd, IPCBOOK_READY_OUT, 35), 0);
	not_raised();
	drop(fd);
	raised(35, stat.id);
	/* There was room already. */
	fd = keep(ipcbook_pipe_open(rname, O_RDWR | O_NONBLOCK | O_CLOEXEC, 0,
				    0));
	is(sys(write(fd, bytes, CAPACITY - PIPE_BUF)), CAPACITY - PIPE_BUF);
	drop(fd);
	not_raised();
	/* And nobody can write to what has no name. */
	fd = keep(ipcbook_pipe_open(rname, O_RDWR | O_NONBLOCK | O_CLOEXEC, 0,
				    0));
	is(sys(write(fd, bytes, CAPACITY)), CAPACITY);
	is(ipcbook_pipe_unlink(rname), 0);
	drop(fd);
	not_raised();
}

SIGNAL_TEST(the_ends_of_a_pipe_raise_what_they_can_do)
{
	int ends[2];

	pipe_new(ends);
	is(ipcbook_signal_raise(r, ends[0], IPCBOOK_READY_OUT, 5), -EBADF);
	is(ipcbook_signal_raise(r, ends[1], IPCBOOK_READY_IN, 5), -EBADF);
	/* What only looks is no end. */
	is(ipcbook_pipe_create(rname, 0600, 0), 0);
	ends[0] = keep(ipcbook_pipe_open(rname, O_RDONLY | O_PATH | O_CLOEXEC,
					 0, 0));
	is(ipcbook_signal_raise(r, ends[0], IPCBOOK_READY_IN, 5), -EACCES);
	is(ipcbook_signal_raise(r, ends[0], IPCBOOK_READY_OUT, 5), -EBADF);
	is(ipcbook_pipe_unlink(rname), 0);
}

/* The default queue of a namespace of its own, which is root's alone. */
SIGNAL_TEST(the_device_raises_for_who_may_receive_from_it)
{
	pid_t pid;

	drop(keep(ipcbook_queue_open(NULL, O_RDWR, 0600, NULL)));
	pid = child_in(CLONE_NEWNET);
	if (!pid) {
		struct ipcbook_signal *mine;
		int device;

		device = sys(open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC));
		is(change_object(device, IPCBOOK_CHANGE_MODE, 0, 0, 0600), 0);
		is(ipcbook_signal_open(&mine), 0);
		is(ipcbook_signal_register(mine, NULL, NULL, 0, 0), 0);
		is(ipcbook_signal_raise(mine, device, IPCBOOK_READY_OUT, 5), 0);
		is(ipcbook_signal_wait(mine, &(struct ipcbook_signal_info){ 0 },
				       1, ipcbook_deadline(30 * SEC)), 1);
		close(device);
		become(1001);
		device = sys(open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC));
		holds(device >= 0);
		is(ipcbook_signal_raise(mine, device, IPCBOOK_READY_IN, 5),
		   -EACCES);
		_exit(0);
	}
	is(reap(pid), 0);
}

/* The test's registration is told that the pipe is ready. */
static void await_raised(int number)
{
	struct ipcbook_signal_info info;

	is(ipcbook_signal_wait(r, &info, 1, ipcbook_deadline(30 * SEC)), 1);
	is(info.number, number);
}

#define CROWD	4
#define TURNS	2000

/* Were one not told, the reader would wait for ever. */
SIGNAL_TEST(of_many_writers_one_tells)
{
	int ends[2], left = CROWD * TURNS;
	pid_t pids[CROWD];
	long got;

	pipe_new(ends);
	is(ipcbook_signal_raise(r, ends[0], IPCBOOK_READY_IN, 34), 0);
	for (int i = 0; i < CROWD; i++) {
		pids[i] = child();
		if (pids[i])
			continue;
		for (int n = 0; n < TURNS; n++)
			is(sys(write(ends[1], "x", 1)), 1);
		_exit(0);
	}
	while (left) {
		got = sys(read(ends[0], bytes, sizeof(bytes)));
		if (got == -EAGAIN)
			await_raised(34);
		else
			left -= got;
	}
	is(left, 0);
	for (int i = 0; i < CROWD; i++)
		is(reap(pids[i]), 0);
}

/* And here the writer. */
SIGNAL_TEST(of_many_readers_one_tells)
{
	int ends[2], left = CROWD * TURNS / 8;
	struct pollfd polled;
	pid_t pids[CROWD];
	long put;

	pipe_new(ends);
	is(sys(write(ends[1], bytes, CAPACITY)), CAPACITY);
	is(ipcbook_signal_raise(r, ends[1], IPCBOOK_READY_OUT, 34), 0);
	for (int i = 0; i < CROWD; i++) {
		pids[i] = child();
		if (pids[i])
			continue;
		close(ends[1]);
		polled = (struct pollfd){ .fd = ends[0], .events = POLLIN };
		do {
			put = sys(read(ends[0], bytes, PIPE_BUF / 4));
			if (put == -EAGAIN)
				poll(&polled, 1, -1);
		} while (put);
		_exit(0);
	}
	while (left) {
		put = sys(write(ends[1], bytes, PIPE_BUF));
		if (put == -EAGAIN)
			await_raised(34);
		else
			left--;
	}
	drop(ends[1]);
	for (int i = 0; i < CROWD; i++)
		is(reap(pids[i]), 0);
}

/* --- Rings ------------------------------------------------------------------------- */

#define RECORD	1000

/* Pass a record; 0 or the error. */
static int give(struct ipcbook_ring *ring)
{
	void *payload;
	int error = ipcbook_ring_reserve(ring, RECORD, &payload);

	return error ? error : ipcbook_ring_commit(ring);
}

static int take(struct ipcbook_ring *ring)
{
	const void *payload;
	uint32_t length;
	int error = ipcbook_ring_peek(ring, &payload, &length);

	return error ? error : ipcbook_ring_release(ring);
}

/* A ring with both its sides; its id. */
static uint64_t ring_new(struct ipcbook_ring sides[2], int fds[2])
{
	struct ipcbook_ring_limits limits = { .size = 8192 };
	struct ipcbook_stat stat;

	fds[1] = keep(ipcbook_ring_open(rname, O_RDWR | O_CREAT | O_EXCL, 0600,
					&limits));
	fds[0] = keep(ipcbook_ring_open(rname, O_RDONLY, 0, NULL));
	is(ipcbook_ring_unlink(rname), 0);
	is(ipcbook_stat(fds[0], &stat), 0);
	is(ipcbook_ring_attach(&sides[0], fds[0], 0), 0);
	is(ipcbook_ring_attach(&sides[1], fds[1], 0), 0);
	return stat.id;
}

SIGNAL_TEST(a_ring_raises_for_its_consumer_once_for_each_call)
{
	struct ipcbook_ring sides[2];
	int fds[2];
	uint64_t id = ring_new(sides, fds);

	for (int i = 0; i < 3; i++) {
		is(ipcbook_signal_raise(r, fds[0], IPCBOOK_READY_IN, 45),
		   i ? 45 : 0);
		not_raised();
		is(give(&sides[1]), 0);
		raised(45, id);
		is(take(&sides[0]), 0);
		/* Ready again, and not asked to tell it. */
		is(give(&sides[1]), 0);
		is(take(&sides[0]), 0);
		is(take(&sides[0]), -EAGAIN);
		not_raised();
	}
	/* What is ready raises at once, and that was the once. */
	is(give(&sides[1]), 0);
	is(ipcbook_signal_raise(r, fds[0], IPCBOOK_READY_IN, 46), 45);
	raised(46, id);
	is(take(&sides[0]), 0);
	is(give(&sides[1]), 0);
	not_raised();
	ipcbook_ring_detach(&sides[0]);
	ipcbook_ring_detach(&sides[1]);
}

/* That the last producer has gone can be polled for; it is no record. */
SIGNAL_TEST(a_ring_whose_producers_have_gone_raises_when_the_next_one_comes)
{
	const struct ipcbook_ring_limits limits = {
		.size = 8192, .flags = IPCBOOK_RING_MANY,
	};
	struct ipcbook_ring producer, consumer;
	int in, out;

	out = keep(ipcbook_ring_open(rname, O_RDWR | O_CREAT | O_EXCL, 0600,
				     &limits));
	in = keep(ipcbook_ring_open(rname, O_RDONLY, 0, NULL));
	is(ipcbook_ring_unlink(rname), 0);
	is(ipcbook_ring_attach(&consumer, in, 0), 0);
	is(ipcbook_ring_attach(&producer, out, 0), 0);
	ipcbook_ring_detach(&producer);
	is(ipcbook_signal_raise(r, in, IPCBOOK_READY_IN, 45), 0);
	not_raised();
	is(ipcbook_ring_attach(&producer, out, 0), 0);
	is(give(&producer), 0);
	raised(45, queue_stat(in).id);
	ipcbook_ring_detach(&producer);
	ipcbook_ring_detach(&consumer);
}

SIGNAL_TEST(a_ring_raises_for_its_producer_once_for_each_call)
{
	struct ipcbook_ring sides[2];
	int fds[2], records;
	uint64_t id = ring_new(sides, fds);

	for (int i = 0; i < 3; i++) {
		for (records = 0; !give(&sides[1]); records++)
			;
		is(records, 8);
		is(give(&sides[1]), -EAGAIN);
		is(ipcbook_signal_raise(r, fds[1], IPCBOOK_READY_OUT, 47),
		   i ? 47 : 0);
		not_raised();
		while (!take(&sides[0]))
			records--;
		is(records, 0);
		raised(47, id);
		/* Full and empty again, and not asked to tell it. */
		while (!give(&sides[1]))
			;
		while (!take(&sides[0]))
			;
		not_raised();
	}
	ipcbook_ring_detach(&sides[0]);
	ipcbook_ring_detach(&sides[1]);
}

/* Be it open to read as well, which is to map it. */
SIGNAL_TEST(a_producer_is_never_told_that_there_is_a_record)
{
	struct ipcbook_ring sides[2];
	int fds[2];

	ring_new(sides, fds);
	is(ipcbook_signal_raise(r, fds[1], IPCBOOK_READY_IN, 34), -EOPNOTSUPP);
	is(strncmp(ipcbook_signal_why(r), "fd", 2), 0);
	is(ipcbook_signal_raise(r, fds[0], IPCBOOK_READY_OUT, 34), -EACCES);
	is(ipcbook_signal_raise(r, fds[0], IPCBOOK_READY_IN, 34), 0);
	ipcbook_ring_detach(&sides[0]);
	ipcbook_ring_detach(&sides[1]);
}
