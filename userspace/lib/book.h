/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the library's files share among themselves; nothing here is exported.
 */
#ifndef IPCBOOK_LIB_BOOK_H
#define IPCBOOK_LIB_BOOK_H

#include <errno.h>

#include <ipcbook/ipcbook.h>

/*
 * The answer of a system call as the library gives it: negative errno, and
 * errno itself as it was before the call.
 */
static inline long ipcbook__answer(long answer, int saved)
{
	if (answer < 0) {
		answer = -errno;
		errno = saved;
	}
	return answer;
}

/* One ioctl on a descriptor. */
int ipcbook__ioctl(int fd, unsigned long request, void *argument);

/* One ioctl on the device, which is opened for it. */
int ipcbook__device(unsigned long request, void *argument);

/* Copy a name into a field that is all zero. */
int ipcbook__name(char field[IPCBOOK_NAME_LEN], const char *name);

/*
 * Say in @open what is to be opened: an object of this name, or a new one
 * without, with the flags of open(2). Chapter, mode and limits are the caller's.
 */
int ipcbook__open_args(struct ipcbook_open *open, const char *name, int flags);

struct nl_sock;
struct nlmsghdr;

/* What is called for each object of a list, with its whole message. */
typedef int (*ipcbook__list_fn)(const struct ipcbook_stat *stat,
				struct nlmsghdr *message, void *arg);

/* As ipcbook_list(), with that. */
int ipcbook__list(enum ipcbook_chapter chapter, const char *name,
		  ipcbook__list_fn fn, void *arg);

/* A negative errno for what libnl answers, or 0. */
int ipcbook__nl_errno(int error);

/*
 * What the errno of an acknowledgment means: -ENODEV when the module goes, or
 * has gone since its family was found.
 */
int ipcbook__ack_errno(int error);

/* Connects to generic netlink; 0 or a negative errno. */
int ipcbook__nl_connect(struct nl_sock *socket);

#endif /* IPCBOOK_LIB_BOOK_H */
