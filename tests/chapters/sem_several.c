// SPDX-License-Identifier: GPL-2.0-only
/*
 * Semaphore: waiting for any, and for all, of several.
 */
#include "sem.h"

static struct ipcbook_sem_want wants[IPCBOOK_SEM_WAIT_MAX + 1];

/* n semaphores without a name, of which one unit each is wanted. */
static void several(unsigned int n, uint32_t value)
{
	for (unsigned int i = 0; i < n; i++) {
		wants[i].fd = keep(anonymous(value, 9, 0));
		wants[i].units = 1;
	}
}

static int value(unsigned int i)
{
	return ipcbook_sem_value(wants[i].fd);
}

static long wait_in(struct call *call)
{
	return ipcbook_sem_wait(wants, call->type, call->flags, call->deadline);
}

/* A wait for the first n in a thread of its own, that is blocked. */
static struct call *waiter(unsigned int n, unsigned int flags)
{
	struct call *call = call_new(-1, IPCBOOK_ANY, n);
	uint64_t waiting = sem_stat(wants[n - 1].fd).receivers_waiting;

	call->flags = flags;
	call_other(call, wait_in, SYS_ioctl);
	await(sem_stat(wants[n - 1].fd).receivers_waiting == waiting + 1);
	return call;
}

static void nobody_waits(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		is(sem_stat(wants[i].fd).receivers_waiting, 0);
}

SEM_TEST(any_takes_the_first_that_has_enough)
{
	several(3, 0);
	is(ipcbook_sem_up(wants[1].fd, 2), 0);
	is(ipcbook_sem_up(wants[2].fd, 2), 0);
	is(ipcbook_sem_wait(wants, 3, 0, 0), 1);
	is(ipcbook_sem_wait(wants, 3, 0, 0), 1);
	is(ipcbook_sem_wait(wants, 3, 0, 0), 2);
	wants[2].units = 2;
	is(ipcbook_sem_wait(wants, 3, IPCBOOK_NOWAIT, 0), -EAGAIN);
	is(value(2), 1);
	nobody_waits(3);
}

/* By each of those that it asked. */
SEM_TEST(who_does_not_want_to_wait_is_counted_as_refused)
{
	several(3, 0);
	is(ipcbook_sem_wait(wants, 3, IPCBOOK_NOWAIT, 0), -EAGAIN);
	for (int i = 0; i < 3; i++)
		is(sem_stat(wants[i].fd).refused, 1);
	is(ipcbook_sem_wait(wants, 3, IPCBOOK_SEM_ALL | IPCBOOK_NOWAIT, 0),
	   -EAGAIN);
	for (int i = 0; i < 3; i++)
		is(sem_stat(wants[i].fd).refused, 2);
}

SEM_TEST(any_waits_for_whichever_comes_first)
{
	struct call *call;

	several(3, 0);
	call = waiter(3, 0);
	is(ipcbook_sem_up(wants[1].fd, 1), 0);
	is(call_end(call), 1);
	is(value(1), 0);
	nobody_waits(3);
	is(ipcbook_sem_up(wants[0].fd, 1), 0);
	is(value(0), 1);
}

SEM_TEST(any_has_its_place_in_every_line)
{
	struct call *any, *behind;

	several(2, 0);
	wants[0].units = 3;
	any = waiter(2, 0);
	behind = taker(wants[0].fd, 1);
	is(ipcbook_sem_up(wants[0].fd, 2), 0);
	is(sem_stat(wants[0].fd).receivers_waiting, 2);
	is(ipcbook_sem_up(wants[1].fd, 1), 0);
	is(call_end(any), 1);
	is(call_end(behind), 0);
	is(value(0), 1);
}

SEM_TEST(all_takes_of_each_or_of_none)
{
	several(3, 1);
	is(ipcbook_sem_wait(wants, 3, IPCBOOK_SEM_ALL, 0), 0);
	for (int i = 0; i < 3; i++)
		is(value(i), 0);
	is(ipcbook_sem_up(wants[0].fd, 1), 0);
	is(ipcbook_sem_up(wants[2].fd, 1), 0);
	is(ipcbook_sem_wait(wants, 3, IPCBOOK_SEM_ALL | IPCBOOK_NOWAIT, 0),
	   -EAGAIN);
	is(ipcbook_sem_wait(wants, 3, IPCBOOK_SEM_ALL, ipcbook_deadline(MSEC)),
	   -ETIMEDOUT);
	is(value(0), 1);
	is(value(1), 0);
	is(value(2), 1);
	nobody_waits(3);
}

SEM_TEST(all_is_served_when_the_last_one_comes)
{
	struct call *call;

	several(3, 0);
	wants[1].units = 2;
	call = waiter(3, IPCBOOK_SEM_ALL);
	is(ipcbook_sem_up(wants[2].fd, 1), 0);
	is(ipcbook_sem_up(wants[0].fd, 1), 0);
	is(ipcbook_sem_up(wants[1].fd, 1), 0);
	is(value(0), 1);
	is(call->done, false);
	is(ipcbook_sem_up(wants[1].fd, 1), 0);
	is(call_end(call), 0);
	for (int i = 0; i < 3; i++)
		is(value(i), 0);
	nobody_waits(3);
}

SEM_TEST(all_holds_nobody_up_while_one_lacks_units)
{
	struct call *all;

	several(2, 0);
	all = waiter(2, IPCBOOK_SEM_ALL);
	is(ipcbook_sem_up(wants[0].fd, 1), 0);
	is(ipcbook_sem_down(wants[0].fd, 1, 0, 0), 0);
	is(ipcbook_sem_up(wants[1].fd, 1), 0);
	is(all->done, false);
	is(value(1), 1);
	is(ipcbook_sem_up(wants[0].fd, 1), 0);
	is(call_end(all), 0);
}

SEM_TEST(all_does_not_pass_who_came_before)
{
	struct call *first, *all;

	several(2, 0);
	first = taker(wants[0].fd, 3);
	all = waiter(2, IPCBOOK_SEM_ALL);
	is(ipcbook_sem_up(wants[1].fd, 1), 0);
	is(ipcbook_sem_up(wants[0].fd, 2), 0);
	is(all->done, false);
	is(value(0), 2);
	is(ipcbook_sem_up(wants[0].fd, 2), 0);
	is(call_end(first), 0);
	is(call_end(all), 0);
	is(value(0), 0);
	is(value(1), 0);
}

SEM_TEST(all_is_woken_by_the_mapped_word_too)
{
	struct ipcbook_sem sem;
	struct call *call;

	several(2, 0);
	is(ipcbook_sem_attach(&sem, wants[0].fd), 0);
	is(ipcbook_sem_up(wants[1].fd, 1), 0);
	call = waiter(2, IPCBOOK_SEM_ALL);
	is(ipcbook_sem_give(&sem, 1), 0);
	is(call_end(call), 0);
	is(*sem.word, 0);
	ipcbook_sem_detach(&sem);
}

SEM_TEST(a_deadline_leaves_nothing_behind)
{
	several(4, 0);
	is(ipcbook_sem_wait(wants, 4, 0, ipcbook_deadline(MSEC)), -ETIMEDOUT);
	nobody_waits(4);
	for (int i = 0; i < 4; i++) {
		is(ipcbook_sem_up(wants[i].fd, 1), 0);
		is(value(i), 1);
	}
}

SEM_TEST(a_removed_one_ends_the_wait)
{
	struct call *any, *all;

	several(2, 0);
	wants[2] = (struct ipcbook_sem_want){ s, 1 };
	any = waiter(3, 0);
	all = waiter(3, IPCBOOK_SEM_ALL);
	is(ipcbook_sem_unlink(sname), 0);
	is(call_end(any), -EIDRM);
	is(call_end(all), -EIDRM);
	nobody_waits(2);
	is(ipcbook_sem_wait(wants, 3, IPCBOOK_SEM_ALL, 0), -EIDRM);
	is(ipcbook_sem_wait(wants, 3, 0, 0), -EIDRM);
	nobody_waits(2);
}

SEM_TEST(what_cannot_be_waited_for_is_refused)
{
	struct ipcbook_sem_wait arg = {
		.size = sizeof(arg),
		.wants = (uintptr_t)wants,
		.count = 2,
	};

	several(2, 1);
	is(ipcbook_sem_wait(wants, 0, 0, 0), -EINVAL);
	is(ipcbook_sem_wait(wants, IPCBOOK_SEM_WAIT_MAX + 1, 0, 0), -EINVAL);
	is(ipcbook_sem_wait(wants, 2, IPCBOOK_TRUNCATE, 0), -EINVAL);
	arg.pad = 1;
	is(ask_device(IPCBOOK_IOC_SEM_WAIT, &arg), -EINVAL);
	arg.pad = 0;
	arg.wants = (uintptr_t)nowhere();
	is(ask_device(IPCBOOK_IOC_SEM_WAIT, &arg), -EFAULT);
	wants[1].units = 0;
	is(ipcbook_sem_wait(wants, 2, 0, 0), -EINVAL);
	wants[1].units = 10;
	is(ipcbook_sem_wait(wants, 2, 0, 0), -EINVAL);
	wants[1] = wants[0];
	is(ipcbook_sem_wait(wants, 2, 0, 0), -EINVAL);
	wants[1].fd = -1;
	is(ipcbook_sem_wait(wants, 2, 0, 0), -EBADF);
	wants[1].fd = keep(queue_open(NULL, IPCBOOK_OPEN_READ |
					    IPCBOOK_OPEN_WRITE));
	is(ipcbook_sem_wait(wants, 2, 0, 0), -ENOTTY);
	wants[1].fd = keep(ipcbook_sem_open(sname, O_RDONLY, 0, NULL));
	is(ipcbook_sem_wait(wants, 2, 0, 0), -EBADF);
	is(value(0), 1);
}

SEM_TEST(the_device_can_be_asked_as_well)
{
	struct ipcbook_sem_wait arg = {
		.size = sizeof(arg),
		.wants = (uintptr_t)wants,
		.count = 2,
	};

	several(2, 0);
	is(ipcbook_sem_up(wants[1].fd, 1), 0);
	is(ask_device(IPCBOOK_IOC_SEM_WAIT, &arg), 1);
	is(value(1), 0);
}

SEM_TEST(sixty_four_at_once)
{
	struct call *call;

	several(IPCBOOK_SEM_WAIT_MAX, 1);
	is(ipcbook_sem_wait(wants, 64, IPCBOOK_SEM_ALL, 0), 0);
	call = waiter(64, IPCBOOK_SEM_ALL);
	for (int i = 0; i < 64; i++)
		is(ipcbook_sem_up(wants[i].fd, 1), 0);
	is(call_end(call), 0);
	call = waiter(64, 0);
	is(ipcbook_sem_up(wants[63].fd, 1), 0);
	is(call_end(call), 63);
	nobody_waits(64);
}

SEM_TEST(undo_holds_for_several_as_well)
{
	int one, two;

	several(1, 1);
	units(2, 2);
	one = undoing();
	two = anonymous(2, 2, IPCBOOK_SEM_UNDO);
	wants[1] = (struct ipcbook_sem_want){ one, 2 };
	wants[2] = (struct ipcbook_sem_want){ two, 1 };
	is(ipcbook_sem_wait(wants, 3, IPCBOOK_SEM_ALL, 0), 0);
	is(ipcbook_sem_value(s), 0);
	is(ipcbook_sem_up(two, 2), -EPERM);
	is(ipcbook_sem_up(two, 1), 0);
	close(one);
	is(ipcbook_sem_value(s), 2);
	is(value(0), 0);
	wants[1].fd = s;
	is(ipcbook_sem_wait(wants, 2, 0, 0), 1 | IPCBOOK_SEM_ORPHANED);
	close(two);
}

static void *dine(void *arg)
{
	unsigned int seat = (uintptr_t)arg;
	struct ipcbook_sem_want forks[2] = {
		wants[seat], wants[(seat + 1) % 5],
	};
	int taken;

	for (int i = 0; i < 100; i++) {
		is(ipcbook_sem_wait(forks, 2, IPCBOOK_SEM_ALL, 0), 0);
		is(ipcbook_sem_up(forks[0].fd, 1), 0);
		is(ipcbook_sem_up(forks[1].fd, 1), 0);
		taken = ipcbook_sem_wait(forks, 2, 0, 0);
		holds(taken == 0 || taken == 1);
		is(ipcbook_sem_up(forks[taken].fd, 1), 0);
	}
	return NULL;
}

SEM_TEST(five_philosophers_dine_and_leave_every_fork)
{
	pthread_t seats[5];

	several(5, 1);
	for (uintptr_t i = 0; i < 5; i++)
		is(pthread_create(&seats[i], NULL, dine, (void *)i), 0);
	for (int i = 0; i < 5; i++)
		is(pthread_join(seats[i], NULL), 0);
	for (int i = 0; i < 5; i++)
		is(value(i), 1);
	nobody_waits(5);
}
