// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring: what goes through, sleeping and waking, many producers, the newest
 * win. The data path's own cases are in tests/unit/ring.c; here it has the
 * kernel under it.
 */
#include "ring.h"

#include <sys/mount.h>
#include <sys/ptrace.h>
#include <time.h>

#define RECORDS	20000U

static int produce_all(struct ipcbook_ring *ring, uint32_t records)
{
	uint32_t length;
	int error;

	for (uint32_t n = 0; n < records; n++) {
		length = n * 13 % 200;
		while ((error = give(ring, length, n))) {
			if (error == -EAGAIN)
				error = ipcbook_ring_wait(ring, length, 0, 0);
			if (error)
				return error;
		}
	}
	return 0;
}

static int consume_all(struct ipcbook_ring *ring, uint32_t records)
{
	int got;

	for (uint32_t n = 0; n < records; n++)
		while ((got = take(ring, n)) != (int)(n * 13 % 200)) {
			if (got == -EAGAIN)
				got = ipcbook_ring_wait(ring, 0, 0, 0);
			if (got)
				return got < 0 ? got : -EBADMSG;
		}
	return 0;
}

static void stream(bool sleepy)
{
	struct ipcbook_ring ring;
	pid_t pid = child();

	if (!pid) {
		ring = produce();
		if (sleepy)
			ring.spins = ring.patience = 0;
		is(produce_all(&ring, RECORDS), 0);
		_exit(0);
	}
	ring = consume();
	if (sleepy)
		ring.spins = ring.patience = 0;
	is(consume_all(&ring, RECORDS), 0);
	is(reap(pid), 0);
	is(take(&ring, 0), -EAGAIN);
	is(ring_stat(r).sent, RECORDS);
	is(ring_stat(r).received, RECORDS);
	is(ring_stat(r).depth, 0);
	is(ring_stat(r).bytes, 0);
	ipcbook_ring_detach(&ring);
}

RING_TEST(every_record_arrives_once_and_in_order)
{
	stream(false);
}

RING_TEST(no_wake_is_lost_without_spinning)
{
	stream(true);
}

RING_TEST(no_wake_is_lost_on_one_cpu)
{
	cpu_set_t one, all;

	is(sys(sched_getaffinity(0, sizeof(all), &all)), 0);
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	is(sys(sched_setaffinity(0, sizeof(one), &one)), 0);
	stream(true);
	is(sys(sched_setaffinity(0, sizeof(all), &all)), 0);
}

/* A machine of one CPU is made of a list of CPUs that has one. */
RING_TEST(on_a_machine_of_one_cpu_nobody_looks_twice)
{
	const char *list = "/sys/devices/system/cpu/online";
	struct ipcbook_ring ring;
	pid_t pid = child();
	char path[] = "/tmp/ring-cpus";
	int fd;

	if (!pid) {
		fd = sys(open(path, O_RDWR | O_CREAT | O_TRUNC, 0600));
		is(sys(write(fd, "0\n", 2)), 2);
		is(sys(unshare(CLONE_NEWNS)), 0);
		is(sys(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)), 0);
		is(sys(mount(path, list, NULL, MS_BIND, NULL)), 0);
		is(sysconf(_SC_NPROCESSORS_ONLN), 1);
		ring = consume();
		is(ring.spins, 0);
		is(ring.patience, 0);
		_exit(0);
	}
	is(reap(pid), 0);
	unlink(path);
	holds(sysconf(_SC_NPROCESSORS_ONLN) > 1);
	ring = consume();
	holds(ring.spins > 0);
	is(ring.patience, ring.spins);
	ipcbook_ring_detach(&ring);
}

/* --- System calls --------------------------------------------------------- */

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
		holds(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info),
			     &info) > 0);
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

/* One side in a child, which never sleeps; traced or not. */
static pid_t busy(bool producer, bool traced)
{
	struct ipcbook_ring ring;
	pid_t pid = child();

	if (pid)
		return pid;
	ring = producer ? produce() : consume();
	if (traced) {
		is(sys(ptrace(PTRACE_TRACEME, 0, 0, 0)), 0);
		raise(SIGSTOP);
		syscall(SYS_getppid);
	}
	for (uint32_t n = 0; n < RECORDS; n++)
		if (producer)
			while (give(&ring, 40, n))
				ipcbook_ring_relax();
		else
			while (take(&ring, n) != 40)
				ipcbook_ring_relax();
	if (traced)
		syscall(SYS_getppid);
	_exit(0);
}

/* The one that is not traced is there before the other one begins. */
static long calls_of(bool producer)
{
	pid_t other = busy(!producer, false), pid;
	long count;

	await(producer ? ring_stat(r).receiver : ring_stat(r).sender);
	pid = busy(producer, true);
	count = calls_between_marks(pid);
	is(reap(pid), 0);
	is(reap(other), 0);
	return count;
}

RING_TEST(as_long_as_both_are_awake_there_is_no_system_call)
{
	/* The first looks whether somebody slept there before it came. */
	holds(calls_of(true) <= 1);
	holds(calls_of(false) <= 1);
	is(ring_stat(r).received, 2 * RECORDS);
	is(ring_stat(r).blocked, 0);
}

/* The other side, which sleeps, is woken once for many records. */
RING_TEST(one_wake_is_one_system_call)
{
	struct ipcbook_ring ring = consume(), producer;
	pid_t pid;

	pid = child();
	if (!pid) {
		producer = produce();
		is(give(&producer, 8, 0), 0);
		is(sys(ptrace(PTRACE_TRACEME, 0, 0, 0)), 0);
		raise(SIGSTOP);
		syscall(SYS_getppid);
		for (uint32_t n = 1; n <= 50; n++)
			is(give(&producer, 8, n), 0);
		syscall(SYS_getppid);
		_exit(0);
	}
	await(ring_stat(r).sent == 1);
	is(take(&ring, 0), 8);
	/* As it does before it sleeps. */
	is(ipcbook_ring_arm(&ring), 0);
	is(calls_between_marks(pid), 1);
	is(reap(pid), 0);
	ipcbook_ring_detach(&ring);
}

/* --- Waiting -------------------------------------------------------------- */

static void nothing(int number)
{
	(void)number;
}

RING_TEST(a_wait_ends_as_it_is_told)
{
	struct ipcbook_ring producer = produce(), consumer = consume();
	struct sigaction action = { .sa_handler = nothing };
	struct itimerspec soon = { .it_value.tv_nsec = 1000000 };
	uint64_t before = ipcbook_deadline(0);
	timer_t timer;

	is(ipcbook_ring_wait(&consumer, 0, 0, 1), -ETIMEDOUT);
	is(ipcbook_ring_wait(&consumer, 0, 0, ipcbook_deadline(20 * MSEC)),
	   -ETIMEDOUT);
	while (!give(&producer, 1000, 1))
		;
	is(ipcbook_ring_wait(&producer, 1000, 0, ipcbook_deadline(20 * MSEC)),
	   -ETIMEDOUT);
	holds(ipcbook_deadline(0) - before >= 40 * MSEC);
	is(ipcbook_ring_wait(&consumer, 0, 0, 1), 0);
	is(ipcbook_ring_wait(&producer, RING_SIZE, 0, 1), -EMSGSIZE);
	is(ipcbook_ring_wait(&producer, 1, IPCBOOK_RING_HANGUP, 1), -EINVAL);
	is(ipcbook_ring_wait(&consumer, 1, 4, 1), -EINVAL);
	is(sigaction(SIGALRM, &action, NULL), 0);
	is(timer_create(CLOCK_MONOTONIC, NULL, &timer), 0);
	soon.it_interval = soon.it_value;
	is(timer_settime(timer, 0, &soon, NULL), 0);
	is(ipcbook_ring_wait(&producer, 1000, 0, 0), -EINTR);
	is(timer_delete(timer), 0);
	is(ring_stat(r).senders_waiting, 0);
	holds(ring_stat(r).blocked > 0);
	ipcbook_ring_detach(&producer);
	ipcbook_ring_detach(&consumer);
}

RING_TEST(a_wait_s_argument_is_checked)
{
	struct ipcbook_ring_wait wait = {
		.size = sizeof(wait),
		.deadline = 1,
		.flags = IPCBOOK_RING_HANGUP,
	};
	int c = keep(consumer_fd());

	is(ask(r, IPCBOOK_IOC_RING_WAIT, &wait), -EINVAL);
	is(ask(c, IPCBOOK_IOC_RING_WAIT, &wait), -ETIMEDOUT);
	wait.flags = 1;
	is(ask(c, IPCBOOK_IOC_RING_WAIT, &wait), -EINVAL);
	wait.flags = 0;
	wait.role = IPCBOOK_RING_PRODUCER;
	is(ask(c, IPCBOOK_IOC_RING_WAIT, &wait), -EINVAL);
	is(ask(r, IPCBOOK_IOC_RING_WAIT, &wait), -ETIMEDOUT);
	/* Something has been seen that is not so any more. */
	wait.wakes = 5;
	is(ask(r, IPCBOOK_IOC_RING_WAIT, &wait), 0);
	wait.size = 4;
	is(ask(r, IPCBOOK_IOC_RING_WAIT, &wait), -EINVAL);
	is(ask(r, IPCBOOK_IOC_RING_WAIT, nowhere()), -EFAULT);
}

RING_TEST(a_mapping_that_was_moved_keeps_its_slot)
{
	const size_t whole = 2 * sysconf(_SC_PAGESIZE) + 2 * RING_SIZE;
	struct ipcbook_ring first, second;
	void *from, *to;

	ring_like(RING_SIZE, IPCBOOK_RING_MANY);
	first = produce();
	second = produce();
	is(first.number, 1);
	is(second.number, 2);
	from = second.consumer;
	to = mremap(from, whole, whole, MREMAP_MAYMOVE | MREMAP_FIXED,
		    mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0));
	holds(to != MAP_FAILED && to != from);
	is(ask(r, IPCBOOK_IOC_RING_SLOT, to), 1);
	is(ask(r, IPCBOOK_IOC_RING_SLOT, from), -EINVAL);
	is(munmap(to, whole), 0);
	is(ask(r, IPCBOOK_IOC_RING_SLOT, to), -EINVAL);
	ipcbook_ring_detach(&first);
}

/* A process that lies down, over and over, until it is killed. */
static pid_t restless(int fd, const uint32_t *wakes)
{
	struct ipcbook_ring_wait wait = { .size = sizeof(wait) };
	pid_t pid = child();

	while (!pid) {
		wait.deadline = ipcbook_deadline(SEC / 1000);
		wait.wakes = __atomic_load_n(wakes, __ATOMIC_RELAXED);
		ask(fd, IPCBOOK_IOC_RING_WAIT, &wait);
	}
	return pid;
}

/* Who wakes comes in the moment in which somebody has just begun to stand in line. */
RING_TEST(of_those_who_lie_down_and_are_woken_nobody_is_forgotten)
{
	struct ipcbook_ring producer = produce();
	uint64_t end = ipcbook_deadline(2 * SEC);
	int c = keep(consumer_fd());
	uint32_t *wakes;
	pid_t pid[3];

	wakes = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	holds(wakes != MAP_FAILED);
	for (int i = 0; i < 3; i++)
		pid[i] = restless(c, wakes);
	while (ipcbook_deadline(0) < end) {
		*wakes = __atomic_add_fetch(&producer.producer->wakes, 1,
					    __ATOMIC_RELEASE);
		is(ask(r, IPCBOOK_IOC_RING_WAKE, NULL), 0);
	}
	for (int i = 0; i < 3; i++) {
		kill(pid[i], SIGKILL);
		is(reap(pid[i]), 128 + SIGKILL);
	}
	is(ring_stat(r).receivers_waiting, 0);
	is(munmap(wakes, 4096), 0);
	ipcbook_ring_detach(&producer);
}

RING_TEST(a_consumer_is_told_that_no_producer_is_left)
{
	struct ipcbook_ring producer, consumer = consume();
	pid_t pid;

	/* None has been there yet. */
	is(ipcbook_ring_wait(&consumer, 0, IPCBOOK_RING_HANGUP,
			     ipcbook_deadline(MSEC)), -ETIMEDOUT);
	pid = child();
	if (!pid) {
		producer = produce();
		is(give(&producer, 3, 1), 0);
		await(ring_stat(r).receivers_waiting == 1);
		raise(SIGKILL);
	}
	is(ipcbook_ring_wait(&consumer, 0, IPCBOOK_RING_HANGUP, 0), 0);
	is(take(&consumer, 1), 3);
	is(ipcbook_ring_wait(&consumer, 0, IPCBOOK_RING_HANGUP, 0), -EPIPE);
	is(reap(pid), 128 + SIGKILL);
	producer = produce();
	is(ipcbook_ring_wait(&consumer, 0, IPCBOOK_RING_HANGUP,
			     ipcbook_deadline(MSEC)), -ETIMEDOUT);
	is(give(&producer, 5, 2), 0);
	ipcbook_ring_detach(&producer);
	/* What it left comes first, also to one who comes later. */
	ipcbook_ring_detach(&consumer);
	consumer = consume();
	is(ipcbook_ring_wait(&consumer, 0, IPCBOOK_RING_HANGUP, 0), 0);
	is(take(&consumer, 2), 5);
	is(ipcbook_ring_wait(&consumer, 0, IPCBOOK_RING_HANGUP, 0), -EPIPE);
	ipcbook_ring_detach(&consumer);
}

/* --- Many producers ------------------------------------------------------- */

#define PRODUCERS 3U

RING_TEST(all_records_of_many_producers_arrive)
{
	uint32_t next[PRODUCERS] = { 0 }, length, pair[2];
	const uint32_t *payload;
	struct ipcbook_ring ring;
	pid_t pids[PRODUCERS];
	void *room;
	int error;

	ring_like(RING_SIZE, IPCBOOK_RING_MANY);
	for (uint32_t i = 0; i < PRODUCERS; i++) {
		pids[i] = child();
		if (pids[i])
			continue;
		ring = produce();
		for (pair[1] = 0; pair[1] < RECORDS / 2; pair[1]++) {
			while ((error = ipcbook_ring_reserve(&ring, 40,
							     &room))) {
				is(error, -EAGAIN);
				is(ipcbook_ring_wait(&ring, 40, 0, 0), 0);
			}
			pair[0] = i;
			memcpy(room, pair, 8);
			is(ipcbook_ring_commit(&ring), 0);
		}
		_exit(0);
	}
	ring = consume();
	for (uint32_t n = 0; n < PRODUCERS * (RECORDS / 2); n++) {
		while (ipcbook_ring_peek(&ring, (const void **)&payload,
					 &length))
			is(ipcbook_ring_wait(&ring, 0, 0, 0), 0);
		is(length, 40);
		holds(payload[0] < PRODUCERS);
		is(payload[1], next[payload[0]]++);
		is(ipcbook_ring_release(&ring), 0);
	}
	for (uint32_t i = 0; i < PRODUCERS; i++)
		is(reap(pids[i]), 0);
	is(take(&ring, 0), -EAGAIN);
	is(ring_stat(r).sent, PRODUCERS * (RECORDS / 2));
	is(ring_stat(r).discarded, 0);
	ipcbook_ring_detach(&ring);
}

RING_TEST(of_many_there_are_so_many_and_no_more)
{
	struct ipcbook_ring rings[IPCBOOK_RING_SLOTS], one;

	ring_like(RING_SIZE, IPCBOOK_RING_MANY);
	for (uint32_t i = 0; i < IPCBOOK_RING_SLOTS; i++) {
		rings[i] = produce();
		is(rings[i].number, i + 1);
	}
	is(ipcbook_ring_attach(&one, r, 0), -EBUSY);
	ipcbook_ring_detach(&rings[5]);
	rings[5] = produce();
	is(rings[5].number, 6);
	for (uint32_t i = 0; i < IPCBOOK_RING_SLOTS; i++)
		ipcbook_ring_detach(&rings[i]);
}

RING_TEST(stat_names_a_producer_that_holds_up_the_others)
{
	struct ipcbook_ring ring, consumer;
	int status;
	pid_t pid;

	ring_like(RING_SIZE, IPCBOOK_RING_MANY);
	ring = produce();
	consumer = consume();
	pid = child();
	if (!pid) {
		ring = produce();
		stop_at("reserved", 1);
		is(give(&ring, 100, 0), 0);
		is(give(&ring, 100, 1), 0);
		is(give(&ring, 100, 2), 0);
		_exit(0);
	}
	is(waitpid(pid, &status, WUNTRACED), pid);
	is(give(&ring, 100, 7), 0);
	is(take(&consumer, 0), 100);
	is(take(&consumer, 1), -EAGAIN);
	is(ring_stat(r).stalled, pid);
	is(ring_stat(r).sent, 2);
	kill(pid, SIGCONT);
	is(reap(pid), 0);
	is(ring_stat(r).stalled, 0);
	is(take(&consumer, 1), 100);
	is(take(&consumer, 7), 100);
	is(take(&consumer, 2), 100);
	ipcbook_ring_detach(&ring);
	ipcbook_ring_detach(&consumer);
}

/* One that is stopped where it holds the lock. */
RING_TEST(a_producer_waits_for_the_lock_as_long_as_it_is_told)
{
	struct ipcbook_ring ring;
	int status;
	pid_t pid;

	ring_like(RING_SIZE, IPCBOOK_RING_MANY);
	ring = produce();
	pid = child();
	if (!pid) {
		ring = produce();
		stop_at("locked", 0);
		is(give(&ring, 100, 0), 0);
		_exit(0);
	}
	is(waitpid(pid, &status, WUNTRACED), pid);
	is(give(&ring, 8, 1), -EAGAIN);
	is(ipcbook_ring_wait(&ring, 8, 0, ipcbook_deadline(30 * MSEC)),
	   -ETIMEDOUT);
	kill(pid, SIGCONT);
	is(ipcbook_ring_wait(&ring, 8, 0, 0), 0);
	is(reap(pid), 0);
	is(give(&ring, 8, 1), 0);
	ipcbook_ring_detach(&ring);
}

/* --- The newest win ------------------------------------------------------- */

RING_TEST(the_newest_displace_the_oldest)
{
	struct ipcbook_ring producer, consumer;
	uint64_t lost;
	struct pollfd fd = { .events = POLLIN };

	ring_like(RING_SIZE, IPCBOOK_RING_OVERWRITE);
	producer = produce();
	consumer = consume();
	for (uint32_t i = 0; i < 1000; i++)
		is(give(&producer, 24, i), 0);
	fd.fd = consumer.fd;
	is(poll(&fd, 1, 0), 1);
	is(take(&consumer, 0), -EOVERFLOW);
	lost = ipcbook_ring_lost(&consumer);
	is(lost, 1000 - (RING_SIZE - 8) / 32);
	for (uint32_t i = lost; i < 1000; i++)
		is(take(&consumer, i), 24);
	is(take(&consumer, 0), -EAGAIN);
	is(poll(&fd, 1, 0), 0);
	is(ring_stat(r).sent, 1000);
	is(ring_stat(r).received, 1000 - lost);
	is(ring_stat(r).lost, lost);
	is(ring_stat(r).depth, 0);
	fd.fd = r;
	fd.events = POLLOUT;
	is(poll(&fd, 1, 0), 1);
	ipcbook_ring_detach(&producer);
	ipcbook_ring_detach(&consumer);
}
