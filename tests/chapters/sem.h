/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the semaphore's test programs share: each test starts with a fresh
 * semaphore s named sname, of no units and the greatest maximum.
 */
#ifndef TEST_SEM_H
#define TEST_SEM_H

#include <ipcbook/sem.h>

#include "harness.h"

static int s = -1;
static char sname[IPCBOOK_NAME_LEN];

#define SEM_TEST(name)	TEST_BETWEEN(name, sem_begin, sem_end)

static inline int sem_begin(void **state)
{
	static unsigned int serial;

	fixture_bare(state);
	snprintf(sname, sizeof(sname), "test-%d-%u", getpid(), ++serial);
	s = ipcbook_sem_open(sname, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600,
			     NULL);
	is(s < 0 ? s : 0, 0);
	return 0;
}

/* Unlinking ends every call that is still blocked. */
static inline int sem_end(void **state)
{
	ipcbook_sem_unlink(sname);
	close(s);
	return fixture_end(state);
}

/* Replaces the test's semaphore by one of these units. */
static inline void units(uint32_t value, uint32_t maximum)
{
	struct ipcbook_sem_limits limits = { value, maximum, 0, 0 };

	close(s);
	is(ipcbook_sem_unlink(sname), 0);
	s = ipcbook_sem_open(sname, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600,
			     &limits);
	is(s < 0 ? s : 0, 0);
}

/* Another one, without a name; the caller keeps it. */
static inline int anonymous(uint32_t value, uint32_t maximum, uint32_t flags)
{
	struct ipcbook_sem_limits limits = { value, maximum, flags, 0 };

	return ipcbook_sem_open(NULL, O_RDWR | O_CLOEXEC, 0600, &limits);
}

/* A descriptor of the test's semaphore with undo. */
static inline int undoing(void)
{
	struct ipcbook_sem_limits limits = { .flags = IPCBOOK_SEM_UNDO };

	return ipcbook_sem_open(sname, O_RDWR, 0, &limits);
}

static inline struct ipcbook_stat sem_stat(int fd)
{
	struct ipcbook_stat stat;

	is(ipcbook_stat(fd, &stat), 0);
	return stat;
}

static long sem_make_down(struct call *call)
{
	return ipcbook_sem_down(call->fd, call->type, call->flags,
				call->deadline);
}

/* Makes a down in a thread of its own, and waits until it is blocked. */
static inline void take_in_thread(struct call *call)
{
	uint64_t waiting = sem_stat(call->fd).receivers_waiting;

	call_other(call, sem_make_down, SYS_ioctl);
	await(sem_stat(call->fd).receivers_waiting == waiting + 1);
}

static inline struct call *taker(int fd, uint32_t units)
{
	struct call *call = call_new(fd, IPCBOOK_ANY, units);

	take_in_thread(call);
	return call;
}

#endif /* TEST_SEM_H */
