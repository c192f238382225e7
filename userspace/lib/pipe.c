// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Pipe: bytes from one end to the other.
 *
 * What moves the bytes are plain read() and write(), and poll() waits for them;
 * the library makes pipes, opens those that have a name, and changes how much
 * they hold.
 */
#define _FILE_OFFSET_BITS 64

#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

#include "book.h"

int ipcbook_pipe(int ends[2], int flags, uint64_t capacity)
{
	struct ipcbook_pipe pipe = {
		.size = sizeof(pipe),
		.capacity = capacity,
	};
	int error;

	if (flags & ~(O_NONBLOCK | O_CLOEXEC))
		return -EINVAL;
	if (flags & O_NONBLOCK)
		pipe.flags |= IPCBOOK_OPEN_NONBLOCK;
	if (flags & O_CLOEXEC)
		pipe.flags |= IPCBOOK_OPEN_CLOEXEC;
	error = ipcbook__device(IPCBOOK_IOC_PIPE, &pipe);
	if (error)
		return error;
	ends[0] = pipe.reader;
	ends[1] = pipe.writer;
	return 0;
}

int ipcbook_pipe_open(const char *name, int flags, mode_t mode,
		      uint64_t capacity)
{
	struct ipcbook_open open = {
		.size = sizeof(open),
		.chapter = IPCBOOK_PIPE,
	};
	int error;

	error = ipcbook__open_args(&open, name, flags & ~O_PATH);
	if (error)
		return error;
	if (!name || flags & O_CREAT) {
		open.mode = mode;
		open.pipe.capacity = capacity;
	}
	if (flags & O_PATH)
		open.pipe.flags = IPCBOOK_PIPE_LOOK;
	return ipcbook__device(IPCBOOK_IOC_OPEN, &open);
}

int ipcbook_pipe_create(const char *name, mode_t mode, uint64_t capacity)
{
	int saved = errno;
	int fd;

	if (!name)
		return -EINVAL;
	fd = ipcbook_pipe_open(name,
			       O_RDONLY | O_PATH | O_CREAT | O_EXCL | O_CLOEXEC,
			       mode, capacity);
	if (fd < 0)
		return fd;
	close(fd);
	errno = saved;
	return 0;
}

int ipcbook_pipe_unlink(const char *name)
{
	return ipcbook_unlink(IPCBOOK_PIPE, name);
}

int ipcbook_pipe_capacity(int fd)
{
	return ipcbook__ioctl(fd, IPCBOOK_IOC_PIPE_CAPACITY, NULL);
}

int ipcbook_pipe_resize(int fd, size_t capacity)
{
	return ipcbook__ioctl(fd, IPCBOOK_IOC_PIPE_RESIZE, (void *)capacity);
}
