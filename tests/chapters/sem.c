// SPDX-License-Identifier: GPL-2.0-only
/*
 * Semaphore: units taken and given, who waits for whom, what can be seen, and
 * the word that is mapped. What comes back from the dead is in sem_undo.c,
 * waiting for several in sem_several.c.
 */
#include <sys/epoll.h>
#include <sys/ptrace.h>

#include "sem.h"

/* --- Taking and giving ---------------------------------------------------- */

SEM_TEST(a_new_semaphore_has_the_value_asked_for)
{
	is(ipcbook_sem_value(s), 0);
	units(3, 5);
	is(ipcbook_sem_value(s), 3);
	is(sem_stat(s).depth, 3);
	is(sem_stat(s).max_depth, 5);
}

SEM_TEST(without_a_maximum_it_is_the_greatest)
{
	is(sem_stat(s).max_depth, IPCBOOK_SEM_MAX);
	is(ipcbook_sem_up(s, IPCBOOK_SEM_MAX), 0);
	is(ipcbook_sem_value(s), IPCBOOK_SEM_MAX);
	is(ipcbook_sem_up(s, 1), -EOVERFLOW);
	is(ipcbook_sem_down(s, IPCBOOK_SEM_MAX, 0, 0), 0);
	is(ipcbook_sem_value(s), 0);
}

SEM_TEST(down_takes_and_up_gives)
{
	units(3, 5);
	is(ipcbook_sem_down(s, 1, 0, 0), 0);
	is(ipcbook_sem_value(s), 2);
	is(ipcbook_sem_down(s, 2, 0, 0), 0);
	is(ipcbook_sem_value(s), 0);
	is(ipcbook_sem_up(s, 4), 0);
	is(ipcbook_sem_value(s), 4);
}

SEM_TEST(down_takes_all_it_wants_or_nothing)
{
	units(3, 5);
	is(ipcbook_sem_down(s, 4, IPCBOOK_NOWAIT, 0), -EAGAIN);
	is(ipcbook_sem_value(s), 3);
	is(ipcbook_sem_down(s, 4, 0, ipcbook_deadline(MSEC)), -ETIMEDOUT);
	is(ipcbook_sem_value(s), 3);
	is(ipcbook_sem_down(s, 3, IPCBOOK_NOWAIT, 0), 0);
}

SEM_TEST(up_past_the_maximum_is_refused_and_gives_nothing)
{
	units(3, 5);
	is(ipcbook_sem_up(s, 3), -EOVERFLOW);
	is(ipcbook_sem_value(s), 3);
	is(ipcbook_sem_up(s, 2), 0);
	is(ipcbook_sem_up(s, 1), -EOVERFLOW);
	is(ipcbook_sem_up(s, IPCBOOK_SEM_MAX), -EOVERFLOW);
	is(ipcbook_sem_value(s), 5);
}

SEM_TEST(units_that_cannot_be_are_refused)
{
	units(3, 5);
	is(ipcbook_sem_down(s, 0, 0, 0), -EINVAL);
	is(ipcbook_sem_down(s, 6, 0, 0), -EINVAL);
	is(ipcbook_sem_up(s, 0), -EINVAL);
	is(ipcbook_sem_up(s, IPCBOOK_SEM_MAX + 1), -EINVAL);
	is(ask(s, IPCBOOK_IOC_SEM_UP, (void *)0x100000001UL), -EINVAL);
	is(ipcbook_sem_value(s), 3);
}

SEM_TEST(limits_that_cannot_be_are_refused)
{
	is(anonymous(4, 3, 0), -EINVAL);
	is(anonymous(0, IPCBOOK_SEM_MAX + 1, 0), -EINVAL);
	is(anonymous(IPCBOOK_SEM_MAX + 1, 0, 0), -EINVAL);
	is(anonymous(0, 0, 2), -EINVAL);
	is(ipcbook_sem_open(sname, O_RDWR, 0,
			    &(struct ipcbook_sem_limits){ .flags = 2 }),
	   -EINVAL);
	is(ipcbook_sem_open(NULL, O_RDWR, 0600,
			    &(struct ipcbook_sem_limits){ .pad = 1 }), -EINVAL);
	holds(keep(anonymous(3, 3, 0)) >= 0);
}

SEM_TEST(what_the_contract_does_not_know_is_refused)
{
	struct ipcbook_sem_down down = { .size = sizeof(down), .units = 1 };
	struct ipcbook_sem_map map = { .size = sizeof(map) };

	units(3, 5);
	down.flags = IPCBOOK_NOWAIT | IPCBOOK_TRUNCATE;
	is(ask(s, IPCBOOK_IOC_SEM_DOWN, &down), -EINVAL);
	down.flags = 0;
	down.pad = 1;
	is(ask(s, IPCBOOK_IOC_SEM_DOWN, &down), -EINVAL);
	down.pad = 0;
	down.size = 8;
	is(ask(s, IPCBOOK_IOC_SEM_DOWN, &down), -EINVAL);
	is(ask(s, IPCBOOK_IOC_SEM_DOWN, nowhere()), -EFAULT);
	map.offset = 1;
	is(ask(s, IPCBOOK_IOC_SEM_MAP, &map), -EINVAL);
	is(ask(s, IPCBOOK_IOC_SEM_MAP, nowhere()), -EFAULT);
	is(ask(s, _IO(IPCBOOK_IOC_MAGIC, 0x7f), NULL), -ENOTTY);
	is(ask(s, _IO('x', 0x70), NULL), -ENOTTY);
	is(ask_device(IPCBOOK_IOC_SEM_DOWN, &down), -ENOTTY);
	is(ipcbook_sem_value(s), 3);
}

SEM_TEST(plain_file_calls_do_not_work)
{
	char byte = 'x';

	is(sys(read(s, &byte, 1)), -EINVAL);
	is(sys(write(s, &byte, 1)), -EINVAL);
	is(sys(lseek(s, 0, SEEK_SET)), -ESPIPE);
	is(sys(pread(s, &byte, 1, 1)), -ESPIPE);
}

/* --- Waiting -------------------------------------------------------------- */

SEM_TEST(a_down_waits_until_units_come)
{
	struct call *call = taker(s, 2);

	is(ipcbook_sem_up(s, 1), 0);
	is(call->done, false);
	is(sem_stat(s).receivers_waiting, 1);
	is(ipcbook_sem_up(s, 1), 0);
	is(call_end(call), 0);
	is(ipcbook_sem_value(s), 0);
	is(sem_stat(s).receivers_waiting, 0);
}

SEM_TEST(a_deadline_ends_the_wait_and_not_before)
{
	uint64_t deadline = ipcbook_deadline(20 * MSEC);

	is(ipcbook_sem_down(s, 1, 0, deadline), -ETIMEDOUT);
	holds(ipcbook_deadline(0) >= deadline);
	is(ipcbook_sem_down(s, 1, 0, 1), -ETIMEDOUT);
	is(ipcbook_sem_up(s, 1), 0);
	is(ipcbook_sem_down(s, 1, 0, 1), 0);
}

SEM_TEST(a_descriptor_that_does_not_block_does_not_wait)
{
	int fd = keep(ipcbook_sem_open(sname, O_RDWR | O_NONBLOCK, 0, NULL));

	is(ipcbook_sem_down(fd, 1, 0, 0), -EAGAIN);
	is(ipcbook_sem_up(s, 1), 0);
	is(ipcbook_sem_down(fd, 1, 0, 0), 0);
}

SEM_TEST(who_waits_is_served_in_order_of_arrival)
{
	struct call *first = taker(s, 3), *second = taker(s, 1);

	is(ipcbook_sem_up(s, 2), 0);
	is(ipcbook_sem_value(s), 2);
	is(ipcbook_sem_down(s, 1, IPCBOOK_NOWAIT, 0), -EAGAIN);
	is(sem_stat(s).receivers_waiting, 2);
	is(ipcbook_sem_up(s, 1), 0);
	is(call_end(first), 0);
	is(second->done, false);
	is(ipcbook_sem_up(s, 1), 0);
	is(call_end(second), 0);
}

SEM_TEST(one_up_serves_as_many_as_it_suffices_for)
{
	struct call *calls[4];

	for (int i = 0; i < 4; i++)
		calls[i] = taker(s, 2);
	is(ipcbook_sem_up(s, 7), 0);
	for (int i = 0; i < 3; i++)
		is(call_end(calls[i]), 0);
	is(ipcbook_sem_value(s), 1);
	is(sem_stat(s).receivers_waiting, 1);
	is(sem_stat(s).direct, 3);
	is(ipcbook_sem_up(s, 1), 0);
	is(call_end(calls[3]), 0);
}

SEM_TEST(who_gives_up_lets_those_behind_go_on)
{
	struct call *first = call_new(s, IPCBOOK_ANY, 5), *second;

	first->deadline = ipcbook_deadline(3 * SEC);
	take_in_thread(first);
	second = taker(s, 1);
	is(ipcbook_sem_up(s, 2), 0);
	is(call_end(first), -ETIMEDOUT);
	is(call_end(second), 0);
	is(ipcbook_sem_value(s), 1);
	is(sem_stat(s).receivers_waiting, 0);
}

static void nothing(__attribute__((unused)) int signal)
{
}

SEM_TEST(a_signal_ends_the_wait_and_takes_nothing)
{
	struct sigaction action = { .sa_handler = nothing };
	struct call *call = taker(s, 1), *behind;

	behind = taker(s, 1);
	sigaction(SIGUSR1, &action, NULL);
	is(pthread_kill(call->thread, SIGUSR1), 0);
	is(call_end(call), -EINTR);
	is(sem_stat(s).receivers_waiting, 1);
	is(ipcbook_sem_up(s, 1), 0);
	is(call_end(behind), 0);
}

SEM_TEST(a_restarted_wait_goes_on)
{
	struct sigaction action = {
		.sa_handler = nothing,
		.sa_flags = SA_RESTART,
	};
	struct call *call = taker(s, 1);

	sigaction(SIGUSR1, &action, NULL);
	is(pthread_kill(call->thread, SIGUSR1), 0);
	await(sem_stat(s).blocked == 2);
	is(ipcbook_sem_up(s, 1), 0);
	is(call_end(call), 0);
}

SEM_TEST(a_killed_waiter_takes_nothing)
{
	pid_t pid = child();

	if (!pid)
		_exit(-ipcbook_sem_down(s, 1, 0, 0));
	await(sem_stat(s).receivers_waiting == 1);
	kill(pid, SIGKILL);
	is(reap(pid), 128 + SIGKILL);
	is(sem_stat(s).receivers_waiting, 0);
	is(ipcbook_sem_up(s, 1), 0);
	is(ipcbook_sem_value(s), 1);
}

SEM_TEST(unlinking_ends_the_wait_and_every_later_call)
{
	struct call *call = taker(s, 1), *other = taker(s, 2);

	is(ipcbook_sem_unlink(sname), 0);
	is(call_end(call), -EIDRM);
	is(call_end(other), -EIDRM);
	is(ipcbook_sem_up(s, 1), -EIDRM);
	is(ipcbook_sem_down(s, 1, 0, 0), -EIDRM);
	is(ipcbook_sem_value(s), -EIDRM);
	is(ipcbook_sem_open(sname, O_RDWR, 0, NULL), -ENOENT);
	is(ipcbook_sem_unlink(sname), -ENOENT);
}

SEM_TEST(processes_meet_by_name)
{
	pid_t pid = child();

	if (!pid) {
		int fd = ipcbook_sem_open(sname, O_RDWR, 0, NULL);

		is(ipcbook_sem_up(fd, 2), 0);
		_exit(0);
	}
	is(ipcbook_sem_down(s, 2, 0, 0), 0);
	is(reap(pid), 0);
}

static struct {
	_Atomic int inside;
	_Atomic int most;
} crowd;

static void *crowding(void *arg)
{
	unsigned int want = (uintptr_t)arg;

	for (int i = 0; i < 200; i++) {
		int there;

		is(ipcbook_sem_down(s, want, 0, 0), 0);
		there = crowd.inside += want;
		if (there > crowd.most)
			crowd.most = there;
		crowd.inside -= want;
		is(ipcbook_sem_up(s, want), 0);
	}
	return NULL;
}

SEM_TEST(many_threads_never_hold_more_than_there_is)
{
	pthread_t threads[6];

	units(3, 3);
	crowd.most = 0;
	for (uintptr_t i = 0; i < 6; i++)
		is(pthread_create(&threads[i], NULL, crowding,
				  (void *)(i % 3 + 1)), 0);
	for (int i = 0; i < 6; i++)
		is(pthread_join(threads[i], NULL), 0);
	is(crowd.inside, 0);
	holds(crowd.most <= 3);
	is(ipcbook_sem_value(s), 3);
	is(sem_stat(s).receivers_waiting, 0);
}

/* --- Who may -------------------------------------------------------------- */

SEM_TEST(who_may_only_read_may_only_look)
{
	int fd = keep(ipcbook_sem_open(sname, O_RDONLY, 0, NULL));

	is(ipcbook_sem_value(fd), 0);
	is(ipcbook_sem_up(fd, 1), -EBADF);
	is(ipcbook_sem_down(fd, 1, IPCBOOK_NOWAIT, 0), -EBADF);
}

SEM_TEST(who_may_only_write_may_not_look)
{
	int fd = keep(ipcbook_sem_open(sname, O_WRONLY, 0, NULL));

	is(ipcbook_sem_value(fd), -EBADF);
	is(ipcbook_sem_up(fd, 1), 0);
	is(ipcbook_sem_down(fd, 1, 0, 0), 0);
}

SEM_TEST(the_mode_says_who_may)
{
	pid_t pid;

	is(ipcbook_chmod(s, 0604), 0);
	pid = child();
	if (!pid) {
		become(1000);
		is(ipcbook_sem_open(sname, O_RDWR, 0, NULL), -EACCES);
		is(ipcbook_sem_open(sname, O_WRONLY, 0, NULL), -EACCES);
		holds(ipcbook_sem_open(sname, O_RDONLY, 0, NULL) >= 0);
		is(ipcbook_sem_unlink(sname), -EPERM);
		_exit(0);
	}
	is(reap(pid), 0);
}

/* --- What can be seen ----------------------------------------------------- */

SEM_TEST(the_counters_tell_what_went_on)
{
	struct ipcbook_stat stat;
	struct call *call;

	units(1, 9);
	is(ipcbook_sem_down(s, 1, 0, 0), 0);
	is(ipcbook_sem_down(s, 1, IPCBOOK_NOWAIT, 0), -EAGAIN);
	is(ipcbook_sem_down(s, 1, 0, 1), -ETIMEDOUT);
	call = taker(s, 2);
	is(ipcbook_sem_up(s, 5), 0);
	is(call_end(call), 0);
	stat = sem_stat(s);
	is(stat.chapter, IPCBOOK_SEM);
	is(stat.depth, 3);
	is(stat.sent, 1);
	is(stat.received, 2);
	is(stat.direct, 1);
	is(stat.blocked, 2);
	is(stat.refused, 2);
	is(stat.returned, 0);
	is(stat.sender, getpid());
	is(stat.receiver, getpid());
	holds(stat.sent_ns && stat.received_ns);
	holds(stat.memory >= 4096);
}

SEM_TEST(the_descriptor_tells_of_itself)
{
	char path[64];
	const char *text;

	units(3, 5);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", s);
	text = slurp(path);
	holds(strstr(text, "chapter:\tsem\n"));
	holds(strstr(text, "value:\t3\nmaximum:\t5\nwaiting:\t0\n"));
	holds(!strstr(text, "held:"));
}

static short events(int fd)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN | POLLOUT };

	poll(&poller, 1, 0);
	return poller.revents;
}

SEM_TEST(poll_tells_of_units_and_of_room)
{
	units(0, 2);
	is(events(s), POLLOUT);
	is(ipcbook_sem_up(s, 1), 0);
	is(events(s), POLLIN | POLLOUT);
	is(ipcbook_sem_up(s, 1), 0);
	is(events(s), POLLIN);
	is(ipcbook_sem_unlink(sname), 0);
	is(events(s) & (POLLHUP | POLLERR), POLLHUP | POLLERR);
}

SEM_TEST(poll_does_not_tell_of_units_that_somebody_waits_for)
{
	struct call *call = taker(s, 2);

	is(ipcbook_sem_up(s, 1), 0);
	is(events(s), POLLOUT);
	is(ipcbook_sem_up(s, 2), 0);
	is(call_end(call), 0);
	is(events(s), POLLIN | POLLOUT);
}

static long poll_in(struct call *call)
{
	struct pollfd poller = { .fd = call->fd, .events = POLLIN };

	return poll(&poller, 1, -1) == 1 ? poller.revents : -1;
}

SEM_TEST(who_polls_is_woken_by_units_given_without_the_kernel)
{
	struct call *call = call_new(s, IPCBOOK_ANY, 0);
	struct ipcbook_sem sem;

	is(ipcbook_sem_attach(&sem, s), 0);
	call_other(call, poll_in, SYS_poll);
	is(ipcbook_sem_give(&sem, 1), 0);
	is(call_end(call), POLLIN);
	is(ipcbook_sem_take(&sem, 1, 0, 0), 0);
	is(*sem.word, 0);
	ipcbook_sem_detach(&sem);
}

SEM_TEST(epoll_tells_of_each_edge)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int ep = keep(sys(epoll_create1(EPOLL_CLOEXEC)));
	struct ipcbook_sem sem;

	is(ipcbook_sem_attach(&sem, s), 0);
	is(sys(epoll_ctl(ep, EPOLL_CTL_ADD, s, &event)), 0);
	is(sys(epoll_wait(ep, &event, 1, 0)), 0);
	for (int i = 0; i < 3; i++) {
		is(ipcbook_sem_give(&sem, 1), 0);
		is(sys(epoll_wait(ep, &event, 1, 0)), 1);
		is(sys(epoll_wait(ep, &event, 1, 0)), 0);
	}
	ipcbook_sem_detach(&sem);
}

/* --- The mapped word ------------------------------------------------------ */

SEM_TEST(the_word_is_the_value)
{
	struct ipcbook_sem sem;

	units(3, 5);
	is(ipcbook_sem_attach(&sem, s), 0);
	is(sem.maximum, 5);
	is(*sem.word, 3);
	is(ipcbook_sem_take(&sem, 2, 0, 0), 0);
	is(*sem.word, 1);
	is(ipcbook_sem_value(s), 1);
	is(ipcbook_sem_give(&sem, 4), 0);
	is(ipcbook_sem_value(s), 5);
	is(ipcbook_sem_down(s, 1, 0, 0), 0);
	is(*sem.word, 4);
	is(ipcbook_sem_give(&sem, 2), -EOVERFLOW);
	is(ipcbook_sem_take(&sem, 5, IPCBOOK_NOWAIT, 0), -EAGAIN);
	is(ipcbook_sem_take(&sem, 6, 0, 0), -EINVAL);
	is(ipcbook_sem_take(&sem, 0, 0, 0), -EINVAL);
	is(ipcbook_sem_give(&sem, 0), -EINVAL);
	is(ipcbook_sem_take(&sem, 1, ~0U, 0), -EINVAL);
	is(*sem.word, 4);
	ipcbook_sem_detach(&sem);
}

/* Counts the system calls that a child makes between two of getppid(). */
static long calls_between_marks(pid_t pid)
{
	struct __ptrace_syscall_info info;
	long count = -1;
	int status;

	is(waitpid(pid, &status, 0), pid);
	holds(WIFSTOPPED(status));
	is(sys(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD)), 0);
	for (;;) {
		is(sys(ptrace(PTRACE_SYSCALL, pid, 0, 0)), 0);
		is(waitpid(pid, &status, 0), pid);
		holds(WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 128));
		holds(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0);
		if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
			continue;
		if (info.entry.nr != SYS_getppid)
			count += count >= 0;
		else if (count < 0)
			count = 0;
		else
			break;
	}
	is(sys(ptrace(PTRACE_DETACH, pid, 0, 0)), 0);
	return count;
}

static pid_t traced_pairs(bool mapped, int pairs)
{
	struct ipcbook_sem sem;
	pid_t pid = child();

	if (pid)
		return pid;
	is(ipcbook_sem_attach(&sem, s), 0);
	is(sys(ptrace(PTRACE_TRACEME, 0, 0, 0)), 0);
	raise(SIGSTOP);
	syscall(SYS_getppid);
	while (pairs--) {
		is(mapped ? ipcbook_sem_take(&sem, 1, 0, 0) :
			    ipcbook_sem_down(s, 1, 0, 0), 0);
		is(mapped ? ipcbook_sem_give(&sem, 1) :
			    ipcbook_sem_up(s, 1), 0);
	}
	syscall(SYS_getppid);
	_exit(0);
}

SEM_TEST(uncontended_there_is_no_system_call)
{
	pid_t pid;

	units(1, 1);
	pid = traced_pairs(true, 10000);
	is(calls_between_marks(pid), 0);
	is(reap(pid), 0);
	/* What is counted is counted. */
	pid = traced_pairs(false, 10);
	is(calls_between_marks(pid), 20);
	is(reap(pid), 0);
	is(ipcbook_sem_value(s), 1);
	is(sem_stat(s).received, 10);
}

SEM_TEST(while_one_waits_nobody_passes_without_the_kernel)
{
	struct call *call = taker(s, 2);
	struct ipcbook_sem sem;

	is(ipcbook_sem_attach(&sem, s), 0);
	is(*sem.word, IPCBOOK_SEM_CONTENDED);
	is(ipcbook_sem_give(&sem, 1), 0);
	is(*sem.word, IPCBOOK_SEM_CONTENDED | 1);
	is(ipcbook_sem_take(&sem, 1, IPCBOOK_NOWAIT, 0), -EAGAIN);
	is(ipcbook_sem_give(&sem, 2), 0);
	is(call_end(call), 0);
	is(*sem.word, 1);
	is(ipcbook_sem_take(&sem, 1, 0, 0), 0);
	ipcbook_sem_detach(&sem);
}

SEM_TEST(a_mapped_semaphore_that_was_removed_says_so)
{
	struct ipcbook_sem sem;

	units(1, 2);
	is(ipcbook_sem_attach(&sem, s), 0);
	is(ipcbook_sem_unlink(sname), 0);
	is(ipcbook_sem_take(&sem, 1, 0, 0), -EIDRM);
	is(ipcbook_sem_give(&sem, 1), -EIDRM);
	ipcbook_sem_detach(&sem);
	/* Also to one who maps it only now. */
	is(ipcbook_sem_attach(&sem, s), 0);
	is(ipcbook_sem_take(&sem, 1, 0, 0), -EIDRM);
	ipcbook_sem_detach(&sem);
}

SEM_TEST(a_forked_child_uses_what_it_inherited)
{
	struct ipcbook_sem sem;
	pid_t pid;

	is(ipcbook_sem_attach(&sem, s), 0);
	pid = child();
	if (!pid) {
		is(ipcbook_sem_give(&sem, 1), 0);
		_exit(0);
	}
	is(ipcbook_sem_take(&sem, 1, 0, 0), 0);
	is(reap(pid), 0);
	ipcbook_sem_detach(&sem);
}

SEM_TEST(only_one_is_inside_of_a_mapped_mutex)
{
	struct {
		struct ipcbook_sem sem;
		long count;
	} *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[3];

	units(1, 1);
	is(ipcbook_sem_attach(&shared->sem, s), 0);
	for (int i = 0; i < 3; i++) {
		pids[i] = child();
		if (pids[i])
			continue;
		for (int n = 0; n < 3000; n++) {
			is(ipcbook_sem_take(&shared->sem, 1, 0, 0), 0);
			shared->count = *(volatile long *)&shared->count + 1;
			is(ipcbook_sem_give(&shared->sem, 1), 0);
		}
		_exit(0);
	}
	for (int i = 0; i < 3; i++)
		is(reap(pids[i]), 0);
	is(shared->count, 9000);
	is(*shared->sem.word, 1);
	ipcbook_sem_detach(&shared->sem);
	munmap(shared, 4096);
}

SEM_TEST(only_a_whole_shared_page_can_be_mapped)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	const int prot = PROT_READ | PROT_WRITE;
	void *where;

	is(sys((long)mmap(NULL, page, prot, MAP_PRIVATE, s, 0)), -EINVAL);
	is(sys((long)mmap(NULL, 2 * page, prot, MAP_SHARED, s, 0)), -EINVAL);
	is(sys((long)mmap(NULL, page, prot, MAP_SHARED, s, page)), -EINVAL);
	where = mmap(NULL, page, prot, MAP_SHARED, s, 0);
	holds(where != MAP_FAILED);
	is(sys((long)mremap(where, page, 2 * page, MREMAP_MAYMOVE)), -EFAULT);
	is(sys(madvise(where, page, MADV_DONTNEED)), 0);
	is(*(volatile uint32_t *)where, 0);
	munmap(where, page);
}

SEM_TEST(who_may_not_write_cannot_write_the_word)
{
	int fd = keep(ipcbook_sem_open(sname, O_RDONLY, 0, NULL));
	int wo = keep(ipcbook_sem_open(sname, O_WRONLY, 0, NULL));
	const size_t page = sysconf(_SC_PAGESIZE);
	struct ipcbook_sem sem;
	volatile uint32_t *word;
	char path[64];
	pid_t pid;

	is(ipcbook_sem_attach(&sem, fd), -EACCES);
	is(ipcbook_sem_attach(&sem, wo), -EACCES);
	word = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0);
	holds(word != MAP_FAILED);
	is(*word, 0);
	is(sys(mprotect((void *)word, page, PROT_READ | PROT_WRITE)), -EACCES);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	holds(sys(open(path, O_RDWR)) < 0);
	pid = child();
	if (!pid) {
		word = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0);
		*word = 1;
		_exit(0);
	}
	is(reap(pid), 128 + SIGSEGV);
	is(ipcbook_sem_value(s), 0);
	munmap((void *)word, page);
}

SEM_TEST(a_wild_word_is_clamped)
{
	struct ipcbook_sem sem;

	units(1, 3);
	is(ipcbook_sem_attach(&sem, s), 0);
	*sem.word = 0xffffffff;
	is(ipcbook_sem_value(s), 3);
	is(ipcbook_sem_up(s, 1), -EOVERFLOW);
	is(ipcbook_sem_down(s, 3, IPCBOOK_NOWAIT, 0), 0);
	is(*sem.word, 0);
	*sem.word = 0x7fffffff;
	is(ipcbook_sem_give(&sem, 1), -EOVERFLOW);
	is(*sem.word, 3);
	ipcbook_sem_detach(&sem);
}

SEM_TEST(who_scribbles_on_the_word_does_not_stop_the_kernel)
{
	struct ipcbook_sem sem;
	pid_t pid;
	long ret;

	units(1, 3);
	is(ipcbook_sem_attach(&sem, s), 0);
	pid = child();
	if (!pid)
		for (uint32_t word = 1;; word = word * 1664525 + 1013904223)
			*(volatile uint32_t *)sem.word = word;
	for (int i = 0; i < 20000; i++) {
		ret = ipcbook_sem_down(s, i % 3 + 1, IPCBOOK_NOWAIT, 0);
		holds(!ret || ret == -EAGAIN);
		ret = ipcbook_sem_up(s, i % 3 + 1);
		holds(!ret || ret == -EOVERFLOW);
		ret = ipcbook_sem_value(s);
		holds(ret >= 0 && ret <= 3);
	}
	kill(pid, SIGKILL);
	is(reap(pid), 128 + SIGKILL);
	*sem.word = 2;
	is(ipcbook_sem_down(s, 2, IPCBOOK_NOWAIT, 0), 0);
	is(ipcbook_sem_value(s), 0);
	ipcbook_sem_detach(&sem);
}
