// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What every chapter of the library stands on: calls on the device, names,
 * owners and modes, the counters of an object, deadlines.
 *
 * The library keeps no state. The device is opened for each call that needs
 * it and closed again, so there is nothing to initialise, nothing that a fork
 * could share and no descriptor that the caller has not asked for.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "book.h"

#ifndef IPCBOOK_VERSION
#define IPCBOOK_VERSION "0.1.0"
#endif

#define NSEC_PER_SEC 1000000000LL

#define OPEN_FLAGS (O_ACCMODE | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC)

int ipcbook__ioctl(int fd, unsigned long request, void *argument)
{
	int saved = errno;

	return ipcbook__answer(ioctl(fd, request, argument), saved);
}

/* A device that is not there is told apart from an object that is not there. */
static int device_open(void)
{
	int saved = errno;
	int fd;

	fd = ipcbook__answer(open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC), saved);
	if (fd == -ENOENT || fd == -ENXIO)
		return -ENODEV;
	return fd;
}

int ipcbook__device(unsigned long request, void *argument)
{
	int device, answer;
	int saved = errno;

	device = device_open();
	if (device < 0)
		return device;
	answer = ipcbook__ioctl(device, request, argument);
	close(device);
	errno = saved;
	return answer;
}

int ipcbook__name(char field[IPCBOOK_NAME_LEN], const char *name)
{
	size_t length = strnlen(name, IPCBOOK_NAME_LEN);

	if (length == IPCBOOK_NAME_LEN)
		return -ENAMETOOLONG;
	memcpy(field, name, length);
	return 0;
}

/* The access mode is a number, the rest are bits. */
static int open_flags(int flags, __u32 *result)
{
	static const __u32 access[] = {
		[O_RDONLY] = IPCBOOK_OPEN_READ,
		[O_WRONLY] = IPCBOOK_OPEN_WRITE,
		[O_RDWR] = IPCBOOK_OPEN_READ | IPCBOOK_OPEN_WRITE,
	};

	if (flags & ~OPEN_FLAGS || (flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	*result = access[flags & O_ACCMODE];
	if (flags & O_CREAT)
		*result |= IPCBOOK_OPEN_CREATE;
	if (flags & O_EXCL)
		*result |= IPCBOOK_OPEN_EXCL;
	if (flags & O_NONBLOCK)
		*result |= IPCBOOK_OPEN_NONBLOCK;
	if (flags & O_CLOEXEC)
		*result |= IPCBOOK_OPEN_CLOEXEC;
	return 0;
}

int ipcbook__open_args(struct ipcbook_open *open, const char *name, int flags)
{
	int error;

	/* An object without a name is always new. */
	if (!name)
		flags &= ~(O_CREAT | O_EXCL);
	error = open_flags(flags, &open->flags);
	if (error)
		return error;
	if (name)
		return ipcbook__name(open->name, name);
	open->flags |= IPCBOOK_OPEN_ANON;
	return 0;
}

const char *ipcbook_version(void)
{
	return IPCBOOK_VERSION;
}

uint64_t ipcbook_deadline(int64_t nanoseconds)
{
	struct timespec now;
	int64_t deadline;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (__builtin_add_overflow(now.tv_sec * NSEC_PER_SEC + now.tv_nsec,
				   nanoseconds, &deadline))
		return INT64_MAX;
	return deadline > 0 ? deadline : 1;
}

int ipcbook_unlink(enum ipcbook_chapter chapter, const char *name)
{
	struct ipcbook_unlink unlink = {
		.size = sizeof(unlink),
		.chapter = chapter,
	};
	int error;

	error = ipcbook__name(unlink.name, name);
	if (error)
		return error;
	return ipcbook__device(IPCBOOK_IOC_UNLINK, &unlink);
}

int ipcbook_chown(int fd, uid_t uid, gid_t gid)
{
	struct ipcbook_change change = { .size = sizeof(change) };

	if (uid != (uid_t)-1) {
		change.mask |= IPCBOOK_CHANGE_UID;
		change.uid = uid;
	}
	if (gid != (gid_t)-1) {
		change.mask |= IPCBOOK_CHANGE_GID;
		change.gid = gid;
	}
	return ipcbook__ioctl(fd, IPCBOOK_IOC_CHANGE, &change);
}

int ipcbook_chmod(int fd, mode_t mode)
{
	struct ipcbook_change change = {
		.size = sizeof(change),
		.mask = IPCBOOK_CHANGE_MODE,
		.mode = mode,
	};

	return ipcbook__ioctl(fd, IPCBOOK_IOC_CHANGE, &change);
}

int ipcbook_stat(int fd, struct ipcbook_stat *stat)
{
	memset(stat, 0, sizeof(*stat));
	stat->size = sizeof(*stat);
	return ipcbook__ioctl(fd, IPCBOOK_IOC_STAT, stat);
}

const char *ipcbook_chapter_name(enum ipcbook_chapter chapter)
{
	switch (chapter) {
	case IPCBOOK_SIGNAL:
		return "signal";
	case IPCBOOK_SOCKET:
		return "socket";
	case IPCBOOK_PIPE:
		return "pipe";
	case IPCBOOK_QUEUE:
		return "queue";
	case IPCBOOK_SHM:
		return "shm";
	case IPCBOOK_RING:
		return "ring";
	case IPCBOOK_SEM:
		return "sem";
	}
	return NULL;
}
