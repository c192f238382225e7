// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Queue: typed messages.
 *
 * On a queue's descriptor the file offset is the message type, so the common
 * calls are plain pwrite() and pread(), which cost less than an ioctl. What
 * these cannot say (a deadline, another selector, who sent it) goes through
 * the ioctls. Both ways mean the same; where a plain call would read more into
 * its arguments than was said (offset 0, a length of 0), the ioctl is asked,
 * so that the module judges every argument and the library none.
 */
#define _FILE_OFFSET_BITS 64

#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "book.h"

/* read() and write() cut what is longer than about 2 GiB; an ioctl does not. */
#define PLAIN_MAX (1UL << 30)

int ipcbook_queue_open(const char *name, int flags, mode_t mode,
		       const struct ipcbook_queue_limits *limits)
{
	struct ipcbook_open open = {
		.size = sizeof(open),
		.chapter = IPCBOOK_QUEUE,
	};
	int error;

	error = ipcbook__open_args(&open, name, flags);
	if (error)
		return error;
	if (!name || flags & O_CREAT) {
		open.mode = mode;
		if (limits)
			open.queue = *limits;
	}
	return ipcbook__device(IPCBOOK_IOC_OPEN, &open);
}

int ipcbook_queue_unlink(const char *name)
{
	return ipcbook_unlink(IPCBOOK_QUEUE, name);
}

/* May a plain call stand for this one? */
static bool plain(size_t len, unsigned int flags, uint64_t deadline)
{
	return !flags && !deadline && len && len <= PLAIN_MAX;
}

int ipcbook_queue_send(int fd, int64_t type, const void *buf, size_t len,
		       unsigned int flags, uint64_t deadline)
{
	struct ipcbook_queue_send send;
	int saved = errno;
	long answer;

	if (plain(len, flags, deadline) && type > 0) {
		answer = ipcbook__answer(pwrite(fd, buf, len, type), saved);
		return answer < 0 ? answer : 0;
	}
	send = (struct ipcbook_queue_send) {
		.size = sizeof(send),
		.flags = flags,
		.deadline = deadline,
		.type = type,
		.buf = (uintptr_t)buf,
		.len = len,
	};
	return ipcbook__ioctl(fd, IPCBOOK_IOC_QUEUE_SEND, &send);
}

ssize_t ipcbook_queue_recv(int fd, enum ipcbook_select select, int64_t type,
			   void *buf, size_t len, unsigned int flags,
			   uint64_t deadline, struct ipcbook_queue_info *info)
{
	struct ipcbook_queue_recv recv;
	int saved = errno;

	if (plain(len, flags, deadline) && !info &&
	    ((select == IPCBOOK_ANY && type == 0) ||
	     (select == IPCBOOK_EXACT && type > 0)))
		return ipcbook__answer(pread(fd, buf, len, type), saved);
	recv = (struct ipcbook_queue_recv) {
		.size = sizeof(recv),
		.flags = flags,
		.deadline = deadline,
		.type = type,
		.select = select,
		.buf = (uintptr_t)buf,
		.len = len,
		.info = (uintptr_t)info,
	};
	return ipcbook__ioctl(fd, IPCBOOK_IOC_QUEUE_RECV, &recv);
}

int ipcbook_queue_send_batch(int fd, struct ipcbook_queue_entry *entries,
			     unsigned int count, unsigned int flags,
			     uint64_t deadline)
{
	struct ipcbook_queue_batch batch = {
		.size = sizeof(batch),
		.flags = flags,
		.deadline = deadline,
		.count = count,
		.entries = (uintptr_t)entries,
	};

	return ipcbook__ioctl(fd, IPCBOOK_IOC_QUEUE_SEND_BATCH, &batch);
}

int ipcbook_queue_recv_batch(int fd, enum ipcbook_select select, int64_t type,
			     struct ipcbook_queue_entry *entries,
			     unsigned int count, unsigned int flags,
			     uint64_t deadline)
{
	struct ipcbook_queue_batch batch = {
		.size = sizeof(batch),
		.flags = flags,
		.deadline = deadline,
		.type = type,
		.select = select,
		.count = count,
		.entries = (uintptr_t)entries,
	};

	return ipcbook__ioctl(fd, IPCBOOK_IOC_QUEUE_RECV_BATCH, &batch);
}

int ipcbook_queue_select(int fd, enum ipcbook_select select, int64_t type)
{
	struct ipcbook_queue_select choice = {
		.size = sizeof(choice),
		.select = select,
		.type = type,
	};

	return ipcbook__ioctl(fd, IPCBOOK_IOC_QUEUE_SELECT, &choice);
}
