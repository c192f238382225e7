/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Semaphores without system calls.
 *
 * A semaphore's value lives in a page that is mapped here, so that a process
 * takes and gives units by one atomic instruction, as long as nobody waits. The
 * kernel sets IPCBOOK_SEM_CONTENDED in the word while anybody does; every call
 * then goes to the kernel, which serves those who wait in order of arrival. The
 * rules of the word stand in linux/ipcbook.h.
 *
 * All functions may be called from any thread at any time, but for attaching
 * and detaching the same struct ipcbook_sem. What a forked child inherits it
 * may use. A process that scribbles on the word harms only those who share the
 * semaphore.
 */
#ifndef IPCBOOK_SEM_H
#define IPCBOOK_SEM_H

#include <ipcbook/ipcbook.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ipcbook_sem - a semaphore that is mapped
 * @fd: its descriptor, the caller's
 * @maximum: most units that it can have
 * @length: bytes that are mapped
 * @word: value and IPCBOOK_SEM_CONTENDED
 */
struct ipcbook_sem {
	int fd;
	uint32_t maximum;
	uint64_t length;
	uint32_t *word;
};

/**
 * ipcbook_sem_attach() - maps a semaphore
 * @sem: to be filled; need not be initialised
 * @fd: a descriptor that is open for reading and writing, without undo; it stays
 *	the caller's and must stay open as long as @sem is used
 *
 * Return: 0, or
 *
 * * -EINVAL: the descriptor has undo
 * * -EACCES: the descriptor is not open for reading and writing
 * * -ENOMEM: no memory, or no room in the address space, is left
 * * those of every descriptor
 */
IPCBOOK_API int ipcbook_sem_attach(struct ipcbook_sem *sem, int fd);

/**
 * ipcbook_sem_detach() - takes the mapping away
 * @sem: what ipcbook_sem_attach() filled; nobody uses it any more
 */
IPCBOOK_API void ipcbook_sem_detach(struct ipcbook_sem *sem);

/**
 * ipcbook_sem_take() - takes units, if possible without a system call
 * @sem: the semaphore
 * @units: as for ipcbook_sem_down()
 * @flags: likewise
 * @deadline: likewise
 *
 * Return: as ipcbook_sem_down().
 */
static inline int ipcbook_sem_take(struct ipcbook_sem *sem, unsigned int units,
				   unsigned int flags, uint64_t deadline)
{
	uint32_t word = __atomic_load_n(sem->word, __ATOMIC_RELAXED);

	/* What the kernel would refuse, it is asked, so that it can say so. */
	while (!(word & IPCBOOK_SEM_CONTENDED) && units && units <= word &&
	       units <= sem->maximum && !(flags & ~IPCBOOK_NOWAIT))
		/* Acquires what was released by whoever gave the units. */
		if (__atomic_compare_exchange_n(sem->word, &word, word - units,
						1, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return 0;
	return ipcbook_sem_down(sem->fd, units, flags, deadline);
}

/**
 * ipcbook_sem_give() - gives units, if possible without a system call
 * @sem: the semaphore
 * @units: as for ipcbook_sem_up()
 *
 * Return: as ipcbook_sem_up().
 */
static inline int ipcbook_sem_give(struct ipcbook_sem *sem, unsigned int units)
{
	uint32_t word = __atomic_load_n(sem->word, __ATOMIC_RELAXED);

	while (!(word & IPCBOOK_SEM_CONTENDED) && units &&
	       word <= sem->maximum && units <= sem->maximum - word)
		/* Releases what was done while the units were taken. */
		if (__atomic_compare_exchange_n(sem->word, &word, word + units,
						1, __ATOMIC_RELEASE,
						__ATOMIC_RELAXED))
			return 0;
	return ipcbook_sem_up(sem->fd, units);
}

#ifdef __cplusplus
}
#endif

#endif /* IPCBOOK_SEM_H */
