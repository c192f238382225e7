// SPDX-License-Identifier: GPL-2.0-only
/*
 * The semaphore chapter's cases. Nothing is copied; the size column is 0.
 *
 *	pair		take one unit and give it back, nobody waits: by the
 *			mapped word against sem_wait and sem_post in shared
 *			memory, and against semop down and up
 *	pair-undo	the same through the kernel, which remembers what was
 *			taken; against semop with SEM_UNDO
 *	pingpong	two processes on one CPU give each other units by turns,
 *			two semaphores; time for a round trip
 *
 * After each slice a pair's semaphore must have its one unit, and those of a
 * pingpong none.
 */
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <unistd.h>

#include <ipcbook/sem.h>

#include "patterns.h"

/* Takes or gives a unit of semaphore 0 or 1 of a side. */
typedef int (*bench_unit)(struct bench_side *side, int which);

bench_inline int unit_pair(struct bench_side *side, unsigned long n,
			   bench_unit take, bench_unit give)
{
	int ret = 0;

	while (!ret && n--) {
		ret = take(side, 0);
		if (!ret)
			ret = give(side, 0);
	}
	return ret;
}

bench_inline int unit_ping(struct bench_side *side, unsigned long n,
			   bench_unit take, bench_unit give)
{
	int ret = bench_partner_go(side, n);

	while (!ret && n--) {
		ret = give(side, 0);
		if (!ret)
			ret = take(side, 1);
		bench_tick(side);
	}
	return ret ? ret : bench_partner_wait(side);
}

bench_inline int unit_pong(struct bench_side *side, unsigned long n,
			   bench_unit take, bench_unit give)
{
	int ret = 0;

	while (!ret && n--) {
		ret = take(side, 0);
		if (!ret)
			ret = give(side, 1);
	}
	return ret;
}

/* What semaphore 0 has between slices; only two processes' ones are stretched. */
static int at_rest(const struct bench_side *side)
{
	return !side->test->stretch;
}

/* ---------------------------------------------------------------- our side */

static int open_one(struct bench_side *side, int which, unsigned int flags)
{
	struct ipcbook_sem_limits limits = {
		.value = which ? 0 : at_rest(side),
		.flags = flags,
	};
	int fd = ipcbook_sem_open(NULL, O_RDWR | O_CLOEXEC, 0600, &limits);

	if (fd < 0)
		return bench_fail(side, "opening a semaphore", -fd);
	side->fd[which] = fd;
	return 0;
}

static int mapped_open(struct bench_side *side)
{
	struct ipcbook_sem *sems = calloc(2, sizeof(*sems));
	int ret = 0;

	side->data = sems;
	if (!sems)
		return bench_fail(side, "memory", ENOMEM);
	for (int i = 0; i < 2 && !ret; i++) {
		ret = open_one(side, i, 0);
		if (ret)
			break;
		ret = ipcbook_sem_attach(&sems[i], side->fd[i]);
		if (ret)
			ret = bench_fail(side, "mapping a semaphore", -ret);
	}
	return ret;
}

static void mapped_close(struct bench_side *side)
{
	struct ipcbook_sem *sems = side->data;

	for (int i = 0; sems && i < 2; i++) {
		if (sems[i].word)
			ipcbook_sem_detach(&sems[i]);
		if (side->fd[i] >= 0)
			close(side->fd[i]);
	}
	free(sems);
}

bench_inline int mapped_take(struct bench_side *side, int which)
{
	struct ipcbook_sem *sems = side->data;

	return bench_answered(side, "take",
			      ipcbook_sem_take(&sems[which], 1, 0, 0), 0);
}

bench_inline int mapped_give(struct bench_side *side, int which)
{
	struct ipcbook_sem *sems = side->data;

	return bench_answered(side, "give", ipcbook_sem_give(&sems[which], 1),
			      0);
}

static int mapped_check(struct bench_side *side)
{
	return bench_answered(side, "units at rest",
			      ipcbook_sem_value(side->fd[0]), at_rest(side));
}

static int undo_open(struct bench_side *side)
{
	return open_one(side, 0, IPCBOOK_SEM_UNDO);
}

static void undo_close(struct bench_side *side)
{
	if (side->fd[0] >= 0)
		close(side->fd[0]);
}

bench_inline int undo_take(struct bench_side *side, int which)
{
	return bench_answered(side, "down",
			      ipcbook_sem_down(side->fd[which], 1, 0, 0), 0);
}

bench_inline int undo_give(struct bench_side *side, int which)
{
	return bench_answered(side, "up", ipcbook_sem_up(side->fd[which], 1),
			      0);
}

/* -------------------------------------------------------------- the kernel's */

static int posix_open(struct bench_side *side)
{
	sem_t *sems = mmap(NULL, 2 * sizeof(*sems), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (sems == MAP_FAILED)
		return bench_fail(side, "shared memory", errno);
	side->data = sems;
	if (sem_init(&sems[0], 1, at_rest(side)) || sem_init(&sems[1], 1, 0))
		return bench_fail(side, "sem_init", errno);
	return 0;
}

static void posix_close(struct bench_side *side)
{
	if (side->data)
		munmap(side->data, 2 * sizeof(sem_t));
}

bench_inline int posix_take(struct bench_side *side, int which)
{
	sem_t *sems = side->data;

	return bench_transferred(side, "sem_wait", sem_wait(&sems[which]), 0);
}

bench_inline int posix_give(struct bench_side *side, int which)
{
	sem_t *sems = side->data;

	return bench_transferred(side, "sem_post", sem_post(&sems[which]), 0);
}

static int posix_check(struct bench_side *side)
{
	int value = -1;

	sem_getvalue(side->data, &value);
	return bench_answered(side, "units at rest", value, at_rest(side));
}

static int sysv_open(struct bench_side *side)
{
	side->fd[0] = semget(IPC_PRIVATE, 1, 0600);
	if (side->fd[0] < 0)
		return bench_fail(side, "semget", errno);
	if (semctl(side->fd[0], 0, SETVAL, at_rest(side)))
		return bench_fail(side, "SETVAL", errno);
	return 0;
}

static void sysv_close(struct bench_side *side)
{
	if (side->fd[0] >= 0)
		semctl(side->fd[0], 0, IPC_RMID);
}

bench_inline int sysv_operate(struct bench_side *side, int units, int flags)
{
	struct sembuf operation = { .sem_op = units, .sem_flg = flags };

	return bench_transferred(side, "semop",
				 semop(side->fd[0], &operation, 1), 0);
}

bench_inline int sysv_take(struct bench_side *side, int which)
{
	(void)which;
	return sysv_operate(side, -1, 0);
}

bench_inline int sysv_give(struct bench_side *side, int which)
{
	(void)which;
	return sysv_operate(side, 1, 0);
}

bench_inline int sysv_undo_take(struct bench_side *side, int which)
{
	(void)which;
	return sysv_operate(side, -1, SEM_UNDO);
}

bench_inline int sysv_undo_give(struct bench_side *side, int which)
{
	(void)which;
	return sysv_operate(side, 1, SEM_UNDO);
}

static int sysv_check(struct bench_side *side)
{
	return bench_answered(side, "units at rest",
			      semctl(side->fd[0], 0, GETVAL), at_rest(side));
}

/* ---------------------------------------------------------------- the cases */

#define UNIT_PAIR(name, object, p)					\
static int name##_run(struct bench_side *side, unsigned long n)		\
{									\
	return unit_pair(side, n, p##_take, p##_give);			\
}									\
									\
static const struct bench_ops name##_ops = {				\
	.open	= object##_open,					\
	.run	= name##_run,						\
	.check	= object##_check,					\
	.close	= object##_close,					\
}

#define undo_check mapped_check

UNIT_PAIR(mapped_pair, mapped, mapped);
UNIT_PAIR(posix_pair, posix, posix);
UNIT_PAIR(sysv_pair, sysv, sysv);
UNIT_PAIR(undo_pair, undo, undo);
UNIT_PAIR(sysv_undo_pair, sysv, sysv_undo);

#define UNIT_PINGPONG(p)						\
static int p##_ping(struct bench_side *side, unsigned long n)		\
{									\
	return unit_ping(side, n, p##_take, p##_give);			\
}									\
									\
static int p##_pong(struct bench_side *side, unsigned long n)		\
{									\
	return unit_pong(side, n, p##_take, p##_give);			\
}									\
									\
static int p##_two_open(struct bench_side *side)			\
{									\
	int ret = p##_open(side);					\
									\
	return ret ? ret : bench_partner_start(side, p##_pong);		\
}									\
									\
static void p##_two_close(struct bench_side *side)			\
{									\
	bench_partner_stop(side);					\
	p##_close(side);						\
}									\
									\
static const struct bench_ops p##_pingpong_ops = {			\
	.open	= p##_two_open,						\
	.run	= p##_ping,						\
	.check	= p##_check,						\
	.close	= p##_two_close,					\
}

UNIT_PINGPONG(mapped);
UNIT_PINGPONG(posix);

#define CASE(what, other, aim, our, their)				\
	{								\
		.chapter = "sem", .name = what, .peer = other,		\
		.bytes = 8, .goal = aim, .ours = &our, .theirs = &their	\
	}

const struct bench_case bench_sem_cases[] = {
	CASE("pair", "posix-sem", 1.3, mapped_pair_ops, posix_pair_ops),
	CASE("pair", "sysv-sem", 0.05, mapped_pair_ops, sysv_pair_ops),
	CASE("pair-undo", "sysv-sem", 0.80, undo_pair_ops, sysv_undo_pair_ops),
	{
		.chapter = "sem", .name = "pingpong", .peer = "posix-sem",
		.bytes = 8, .goal = 1.05, .unit = 64, .stretch = 4,
		.ours = &mapped_pingpong_ops, .theirs = &posix_pingpong_ops,
	},
	{ }
};
