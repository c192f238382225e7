// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Semaphore: units that are taken and given.
 *
 * The calls here go to the kernel. Those that try without it first are inline,
 * in ipcbook/sem.h, and come here when somebody waits.
 */
#define _FILE_OFFSET_BITS 64

#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>

#include <ipcbook/sem.h>

#include "book.h"

int ipcbook_sem_open(const char *name, int flags, mode_t mode,
		     const struct ipcbook_sem_limits *limits)
{
	struct ipcbook_open open = {
		.size = sizeof(open),
		.chapter = IPCBOOK_SEM,
	};
	int error;

	error = ipcbook__open_args(&open, name, flags);
	if (error)
		return error;
	if (!name || flags & O_CREAT)
		open.mode = mode;
	if (limits)
		open.sem = *limits;
	return ipcbook__device(IPCBOOK_IOC_OPEN, &open);
}

int ipcbook_sem_unlink(const char *name)
{
	return ipcbook_unlink(IPCBOOK_SEM, name);
}

int ipcbook_sem_down(int fd, unsigned int units, unsigned int flags,
		     uint64_t deadline)
{
	struct ipcbook_sem_down down = {
		.size = sizeof(down),
		.flags = flags,
		.deadline = deadline,
		.units = units,
	};

	return ipcbook__ioctl(fd, IPCBOOK_IOC_SEM_DOWN, &down);
}

int ipcbook_sem_up(int fd, unsigned int units)
{
	return ipcbook__ioctl(fd, IPCBOOK_IOC_SEM_UP, (void *)(uintptr_t)units);
}

int ipcbook_sem_value(int fd)
{
	return ipcbook__ioctl(fd, IPCBOOK_IOC_SEM_VALUE, NULL);
}

int ipcbook_sem_wait(const struct ipcbook_sem_want *wants, unsigned int count,
		     unsigned int flags, uint64_t deadline)
{
	struct ipcbook_sem_wait wait = {
		.size = sizeof(wait),
		.flags = flags,
		.deadline = deadline,
		.wants = (uintptr_t)wants,
		.count = count,
	};

	/*
	 * Any semaphore's descriptor will do, the first as well as another, so
	 * that the device need not be opened; a descriptor that is none says so.
	 */
	if (count && wants)
		return ipcbook__ioctl(wants->fd, IPCBOOK_IOC_SEM_WAIT, &wait);
	return ipcbook__device(IPCBOOK_IOC_SEM_WAIT, &wait);
}

int ipcbook_sem_attach(struct ipcbook_sem *sem, int fd)
{
	struct ipcbook_sem_map map = { .size = sizeof(map) };
	int saved = errno;
	void *page;
	int error;

	error = ipcbook__ioctl(fd, IPCBOOK_IOC_SEM_MAP, &map);
	if (error)
		return error;
	page = mmap(NULL, map.length, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    map.offset);
	if (page == MAP_FAILED)
		return ipcbook__answer(-1, saved);
	*sem = (struct ipcbook_sem) {
		.fd = fd,
		.maximum = map.maximum,
		.length = map.length,
		.word = page,
	};
	return 0;
}

void ipcbook_sem_detach(struct ipcbook_sem *sem)
{
	int saved = errno;

	munmap(sem->word, sem->length);
	errno = saved;
	sem->word = NULL;
}
