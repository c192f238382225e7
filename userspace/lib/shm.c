// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Shared memory: the same pages in several processes.
 *
 * A segment's descriptor is mapped by plain mmap(); what the library adds is
 * opening by name and the size, which the descriptor knows.
 */
#define _FILE_OFFSET_BITS 64

#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>

#include "book.h"

int ipcbook_shm_open(const char *name, int flags, mode_t mode, uint64_t size)
{
	struct ipcbook_open open = {
		.size = sizeof(open),
		.chapter = IPCBOOK_SHM,
	};
	int error;

	error = ipcbook__open_args(&open, name, flags);
	if (error)
		return error;
	if (!name || flags & O_CREAT) {
		open.mode = mode;
		open.shm.size = size;
	}
	return ipcbook__device(IPCBOOK_IOC_OPEN, &open);
}

int ipcbook_shm_unlink(const char *name)
{
	return ipcbook_unlink(IPCBOOK_SHM, name);
}

int ipcbook_shm_map(int fd, int prot, void **address, size_t *size)
{
	struct ipcbook_stat stat;
	int saved = errno;
	void *mapped;
	int error;

	error = ipcbook_stat(fd, &stat);
	if (error)
		return error;
	if (stat.chapter != IPCBOOK_SHM)
		return -ENOTTY;
	if (stat.max_bytes > SIZE_MAX)
		return -ENOMEM;
	mapped = mmap(NULL, stat.max_bytes, prot, MAP_SHARED, fd, 0);
	if (mapped == MAP_FAILED)
		return ipcbook__answer(-1, saved);
	*address = mapped;
	*size = stat.max_bytes;
	return 0;
}
