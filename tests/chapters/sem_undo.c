// SPDX-License-Identifier: GPL-2.0-only
/*
 * Semaphore, undo: what a process took comes back when it closes or ends,
 * whoever else keeps the descriptor, and the next one in is told.
 */
#include <sys/socket.h>

#include "sem.h"
#include "served.h"

/* The next down is told, and no other. */
#define told_once() do {						\
	is(ipcbook_sem_down(s, 1, IPCBOOK_NOWAIT, 0), IPCBOOK_SEM_ORPHANED); \
	is(ipcbook_sem_up(s, 1), 0);					\
	is(ipcbook_sem_down(s, 1, IPCBOOK_NOWAIT, 0), 0);		\
	is(ipcbook_sem_up(s, 1), 0);					\
} while (0)

/* A child that takes n, opens the gate and stays. */
static pid_t holder(int fd, unsigned int n, int opened)
{
	pid_t pid = child();

	if (pid)
		return pid;
	is(ipcbook_sem_down(fd, n, 0, 0), 0);
	gate_open(opened);
	for (;;)
		pause();
}

SEM_TEST(what_was_taken_comes_back_when_it_is_closed)
{
	int fd;

	units(3, 3);
	fd = undoing();
	is(ipcbook_sem_down(fd, 2, 0, 0), 0);
	is(ipcbook_sem_value(s), 1);
	close(fd);
	is(ipcbook_sem_value(s), 3);
	is(sem_stat(s).returned, 2);
	told_once();
}

SEM_TEST(what_was_given_back_does_not_come_back)
{
	int fd;

	units(3, 5);
	fd = undoing();
	is(ipcbook_sem_down(fd, 3, 0, 0), 0);
	is(ipcbook_sem_up(fd, 3), 0);
	close(fd);
	is(ipcbook_sem_value(s), 3);
	is(sem_stat(s).returned, 0);
	is(ipcbook_sem_down(s, 1, 0, 0), 0);
}

SEM_TEST(without_undo_nothing_comes_back)
{
	pid_t pid;

	units(3, 3);
	pid = child();
	if (!pid) {
		int fd = ipcbook_sem_open(sname, O_RDWR, 0, NULL);

		_exit(-ipcbook_sem_down(fd, 1, 0, 0));
	}
	is(reap(pid), 0);
	is(ipcbook_sem_value(s), 2);
	is(ipcbook_sem_down(s, 1, 0, 0), 0);
}

SEM_TEST(what_a_process_took_comes_back_when_it_exits)
{
	pid_t pid;

	units(3, 3);
	pid = child();
	if (!pid)
		_exit(-ipcbook_sem_down(undoing(), 2, 0, 0));
	is(reap(pid), 0);
	is(ipcbook_sem_value(s), 3);
	told_once();
}

SEM_TEST(what_a_process_took_comes_back_when_it_is_killed)
{
	int opened = gate();
	pid_t pid;
	int fd;

	units(3, 3);
	fd = keep(undoing());
	pid = holder(fd, 2, opened);
	gate_pass(opened);
	is(ipcbook_sem_value(s), 1);
	kill(pid, SIGKILL);
	is(reap(pid), 128 + SIGKILL);
	is(ipcbook_sem_value(s), 3);
	told_once();
}

SEM_TEST(a_forked_child_that_keeps_the_descriptor_keeps_nothing_taken)
{
	int opened = gate(), stays = gate();
	pid_t parent, kid;
	int ends[2];

	units(3, 3);
	is(sys(pipe(ends)), 0);
	parent = child();
	if (!parent) {
		int fd = undoing();

		is(ipcbook_sem_down(fd, 2, 0, 0), 0);
		kid = fork();
		if (!kid) {
			gate_pass(stays);
			/* It took nothing, so it can give nothing. */
			_exit(-ipcbook_sem_up(fd, 1));
		}
		is(sys(write(ends[1], &kid, sizeof(kid))), sizeof(kid));
		gate_open(opened);
		for (;;)
			pause();
	}
	gate_pass(opened);
	is(sys(read(ends[0], &kid, sizeof(kid))), sizeof(kid));
	is(ipcbook_sem_value(s), 1);
	kill(parent, SIGKILL);
	is(reap(parent), 128 + SIGKILL);
	is(sys(kill(kid, 0)), 0);
	is(ipcbook_sem_value(s), 3);
	told_once();
	gate_open(stays);
	await(sys(kill(kid, 0)) == -ESRCH);
	is(ipcbook_sem_value(s), 3);
	close(ends[0]);
	close(ends[1]);
}

SEM_TEST(who_received_the_descriptor_keeps_nothing_taken)
{
	int opened = gate();
	int sockets[2], fd;
	pid_t pid;

	units(3, 3);
	is(sys(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets)), 0);
	pid = child();
	if (!pid) {
		fd = undoing();
		is(ipcbook_sem_down(fd, 2, 0, 0), 0);
		pass_fd(sockets[1], fd);
		gate_open(opened);
		for (;;)
			pause();
	}
	fd = passed_fd(sockets[0]);
	gate_pass(opened);
	is(ipcbook_sem_value(fd), 1);
	is(ipcbook_sem_up(fd, 1), -EPERM);
	kill(pid, SIGKILL);
	is(reap(pid), 128 + SIGKILL);
	is(ipcbook_sem_value(fd), 3);
	told_once();
	/* And goes on to take and give by itself. */
	is(ipcbook_sem_down(fd, 1, 0, 0), 0);
	drop(fd);
	is(ipcbook_sem_value(s), 3);
	close(sockets[0]);
	close(sockets[1]);
}

SEM_TEST(each_process_gets_back_its_own)
{
	int opened = gate();
	pid_t one, two;
	int fd;

	units(6, 6);
	fd = keep(undoing());
	one = holder(fd, 1, opened);
	two = holder(fd, 2, opened);
	gate_pass(opened);
	gate_pass(opened);
	is(ipcbook_sem_down(fd, 3, 0, 0), 0);
	is(ipcbook_sem_value(s), 0);
	kill(two, SIGKILL);
	reap(two);
	is(ipcbook_sem_value(s), 2);
	kill(one, SIGKILL);
	reap(one);
	is(ipcbook_sem_value(s), 3);
	is(ipcbook_sem_up(fd, 4), -EPERM);
	is(ipcbook_sem_up(fd, 3), 0);
	is(ipcbook_sem_value(s), 6);
}

SEM_TEST(an_exec_that_closes_gives_back)
{
	pid_t pid;

	units(3, 3);
	pid = child();
	if (!pid) {
		int fd = undoing();

		fcntl(fd, F_SETFD, FD_CLOEXEC);
		is(ipcbook_sem_down(fd, 2, 0, 0), 0);
		execl("/bin/sleep", "sleep", "100", NULL);
		_exit(127);
	}
	await(sem_stat(s).returned == 2);
	is(ipcbook_sem_value(s), 3);
	kill(pid, SIGKILL);
	reap(pid);
	is(sem_stat(s).returned, 2);
}

SEM_TEST(an_exec_that_keeps_the_descriptor_keeps_what_was_taken)
{
	char command[64];
	pid_t pid;
	int fd;

	units(3, 3);
	fd = keep(undoing());
	fcntl(fd, F_SETFD, 0);
	snprintf(command, sizeof(command), "grep -q 'held:.2' /proc/self/fdinfo/%d", fd);
	pid = child();
	if (!pid) {
		is(ipcbook_sem_down(fd, 2, 0, 0), 0);
		execl("/bin/grep", "grep", "-q", "held:.2",
		      strchr(command, '/'), NULL);
		_exit(127);
	}
	is(reap(pid), 0);
	is(ipcbook_sem_value(s), 3);
}

SEM_TEST(a_process_gives_no_more_than_it_took)
{
	int fd;

	units(3, 9);
	fd = keep(undoing());
	is(ipcbook_sem_up(fd, 1), -EPERM);
	is(ipcbook_sem_down(fd, 2, 0, 0), 0);
	is(ipcbook_sem_up(fd, 3), -EPERM);
	is(ipcbook_sem_value(s), 1);
	is(ipcbook_sem_up(fd, 2), 0);
	is(ipcbook_sem_value(s), 3);
}

SEM_TEST(each_open_file_remembers_for_itself)
{
	int one, two;

	units(3, 3);
	one = undoing();
	two = keep(undoing());
	is(ipcbook_sem_down(one, 1, 0, 0), 0);
	is(ipcbook_sem_down(two, 1, 0, 0), 0);
	is(ipcbook_sem_up(two, 2), -EPERM);
	close(one);
	is(ipcbook_sem_value(s), 2);
	is(ipcbook_sem_up(two, 1), 0);
	is(ipcbook_sem_value(s), 3);
}

SEM_TEST(closing_any_duplicate_gives_back)
{
	int fd, duplicate;

	units(3, 3);
	fd = keep(undoing());
	duplicate = dup(fd);
	is(ipcbook_sem_down(fd, 2, 0, 0), 0);
	close(duplicate);
	is(ipcbook_sem_value(s), 3);
	told_once();
	is(ipcbook_sem_down(fd, 1, 0, 0), 0);
	is(ipcbook_sem_up(fd, 1), 0);
}

static void *take_one(void *arg)
{
	is(ipcbook_sem_down(*(int *)arg, 1, 0, 0), 0);
	return NULL;
}

SEM_TEST(threads_count_as_one)
{
	pthread_t thread;
	int fd;

	units(3, 3);
	fd = keep(undoing());
	is(pthread_create(&thread, NULL, take_one, &fd), 0);
	is(pthread_join(thread, NULL), 0);
	is(ipcbook_sem_value(s), 2);
	is(ipcbook_sem_up(fd, 1), 0);
	is(ipcbook_sem_value(s), 3);
}

SEM_TEST(what_comes_back_serves_who_waits)
{
	int opened = gate();
	struct call *call;
	pid_t pid;
	int fd;

	units(2, 2);
	fd = keep(undoing());
	pid = holder(fd, 2, opened);
	gate_pass(opened);
	call = taker(s, 2);
	kill(pid, SIGKILL);
	is(call_end(call), IPCBOOK_SEM_ORPHANED);
	is(reap(pid), 128 + SIGKILL);
	is(ipcbook_sem_value(s), 0);
	is(ipcbook_sem_up(s, 2), 0);
	is(ipcbook_sem_down(s, 2, 0, 0), 0);
}

SEM_TEST(no_more_comes_back_than_there_is_room_for)
{
	int fd;

	units(3, 3);
	fd = undoing();
	is(ipcbook_sem_down(fd, 3, 0, 0), 0);
	is(ipcbook_sem_up(s, 2), 0);
	close(fd);
	is(ipcbook_sem_value(s), 3);
}

SEM_TEST(who_takes_by_the_mapped_word_is_told_as_well)
{
	struct ipcbook_sem sem;
	int fd;

	units(3, 3);
	is(ipcbook_sem_attach(&sem, s), 0);
	fd = undoing();
	is(ipcbook_sem_down(fd, 1, 0, 0), 0);
	is(*sem.word, 2);
	close(fd);
	is(*sem.word, IPCBOOK_SEM_CONTENDED | 3);
	is(ipcbook_sem_take(&sem, 1, 0, 0), IPCBOOK_SEM_ORPHANED);
	is(*sem.word, 2);
	is(ipcbook_sem_take(&sem, 1, 0, 0), 0);
	ipcbook_sem_detach(&sem);
}

SEM_TEST(a_descriptor_with_undo_cannot_be_mapped)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	struct ipcbook_sem sem;
	int fd = keep(undoing());

	is(ipcbook_sem_attach(&sem, fd), -EINVAL);
	is(sys((long)mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0)), -EINVAL);
}

SEM_TEST(who_was_closed_while_it_waited_keeps_nothing)
{
	int fd = undoing(), duplicate = keep(dup(fd));
	struct call *call = taker(fd, 1);

	close(fd);
	is(sem_stat(s).receivers_waiting, 1);
	is(ipcbook_sem_up(s, 1), 0);
	is(call_end(call), -EBADF);
	is(ipcbook_sem_value(s), 1);
	is(ipcbook_sem_down(duplicate, 1, 0, 0), 0);
	is(ipcbook_sem_value(s), 0);
}

/* The down of which the arguments are in call->buf. */
static long down_of(struct call *call)
{
	return ask(call->fd, IPCBOOK_IOC_SEM_DOWN, call->buf);
}

static int server;

/* One that asks for a unit, and whose arguments come only with serve_down(). */
static struct call *slow_down(int fd)
{
	struct call *call = call_new(fd, IPCBOOK_ANY, 0);

	call->buf = served_page(&server);
	if (!call->buf)
		not_here("there is no userfaultfd");
	call_other(call, down_of, SYS_ioctl);
	await_need(server);
	return call;
}

static void serve_down(struct call *call)
{
	static char page[4096];
	const struct ipcbook_sem_down down = {
		.size = sizeof(down),
		.units = 1,
	};

	memcpy(page, &down, sizeof(down));
	serve(server, call->buf, page);
}

/* Closed by now, and somebody else keeps the open file, where nothing is found. */
SEM_TEST(who_was_closed_before_it_took_anything_takes_nothing)
{
	int fd, stays = gate();
	struct call *call;
	pid_t pid;

	units(3, 3);
	fd = undoing();
	call = slow_down(fd);
	pid = child();
	if (!pid) {
		gate_pass(stays);
		_exit(0);
	}
	is(sys(close(fd)), 0);
	serve_down(call);
	is(call_end(call), -EBADF);
	is(ipcbook_sem_value(s), 3);
	is(sem_stat(s).received, 0);
	gate_open(stays);
	is(reap(pid), 0);
	is(ipcbook_sem_value(s), 3);
}

/* By another descriptor it is still open. */
SEM_TEST(who_closes_a_duplicate_before_it_took_anything_takes_it)
{
	int fd, duplicate;
	struct call *call;

	units(3, 3);
	fd = undoing();
	duplicate = dup(fd);
	call = slow_down(fd);
	is(sys(close(fd)), 0);
	serve_down(call);
	is(call_end(call), 0);
	is(ipcbook_sem_value(s), 2);
	is(sys(close(duplicate)), 0);
	is(ipcbook_sem_value(s), 3);
}

SEM_TEST(a_waiter_that_is_killed_holds_nothing)
{
	pid_t pid;
	int fd;

	units(0, 3);
	fd = keep(undoing());
	pid = child();
	if (!pid)
		_exit(-ipcbook_sem_down(fd, 1, 0, 0));
	await(sem_stat(s).receivers_waiting == 1);
	kill(pid, SIGKILL);
	is(reap(pid), 128 + SIGKILL);
	is(sem_stat(s).returned, 0);
	is(ipcbook_sem_up(s, 1), 0);
	is(ipcbook_sem_down(s, 1, 0, 0), 0);
}

SEM_TEST(no_unit_is_lost_however_many_are_killed)
{
	pid_t pids[4];
	int fd, ret;

	units(2, 2);
	fd = keep(undoing());
	for (int round = 0; round < 25; round++) {
		for (int i = 0; i < 4; i++) {
			pids[i] = child();
			if (pids[i])
				continue;
			for (;;) {
				ret = ipcbook_sem_down(fd, 1 + i % 2, 0, 0);
				holds(!ret || ret == IPCBOOK_SEM_ORPHANED);
				is(ipcbook_sem_up(fd, 1 + i % 2), 0);
			}
		}
		for (int i = 0; i < 4; i++) {
			ret = ipcbook_sem_down(fd, 1, 0, 0);
			holds(!ret || ret == IPCBOOK_SEM_ORPHANED);
			is(ipcbook_sem_up(fd, 1), 0);
			kill(pids[i], SIGKILL);
		}
		for (int i = 0; i < 4; i++)
			is(reap(pids[i]), 128 + SIGKILL);
		is(ipcbook_sem_value(fd), 2);
		is(sem_stat(fd).receivers_waiting, 0);
	}
}

SEM_TEST(a_removed_semaphore_can_be_closed_with_units_held)
{
	int fd;

	units(3, 3);
	fd = undoing();
	is(ipcbook_sem_down(fd, 2, 0, 0), 0);
	is(ipcbook_sem_unlink(sname), 0);
	is(ipcbook_sem_up(fd, 1), -EIDRM);
	is(sys(close(fd)), 0);
	is(ipcbook_sem_value(s), -EIDRM);
}
