/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libipcbook - the handbook of Linux inter-process communication, from C.
 *
 * Every object is a file descriptor: poll it, pass it over a UNIX socket,
 * inherit it, close it. Every function returns 0 or a positive answer on
 * success and a negative errno on failure; errno itself is left alone, nothing
 * is printed, and a call that failed changed nothing.
 *
 * Deadlines are absolute, in nanoseconds of CLOCK_MONOTONIC, 0 for ever; see
 * ipcbook_deadline().
 */
#ifndef IPCBOOK_H
#define IPCBOOK_H

#include <stdint.h>
#include <sys/types.h>

#include <linux/ipcbook.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IPCBOOK_API __attribute__((visibility("default")))

/* What every chapter shares: userspace/lib/book.c */
IPCBOOK_API const char *ipcbook_version(void);
IPCBOOK_API uint64_t ipcbook_deadline(int64_t nanoseconds);
IPCBOOK_API int ipcbook_unlink(enum ipcbook_chapter chapter, const char *name);
IPCBOOK_API int ipcbook_chown(int fd, uid_t uid, gid_t gid);
IPCBOOK_API int ipcbook_chmod(int fd, mode_t mode);
IPCBOOK_API int ipcbook_stat(int fd, struct ipcbook_stat *stat);
IPCBOOK_API const char *ipcbook_chapter_name(enum ipcbook_chapter chapter);

/* The list of objects: userspace/lib/list.c */
typedef int (*ipcbook_list_fn)(const struct ipcbook_stat *stat, void *arg);
IPCBOOK_API int ipcbook_list(enum ipcbook_chapter chapter, const char *name,
			     ipcbook_list_fn fn, void *arg);

/* Queue: userspace/lib/queue.c */
IPCBOOK_API int ipcbook_queue_open(const char *name, int flags, mode_t mode,
				   const struct ipcbook_queue_limits *limits);
IPCBOOK_API int ipcbook_queue_unlink(const char *name);
IPCBOOK_API int ipcbook_queue_send(int fd, int64_t type, const void *buf,
				   size_t len, unsigned int flags,
				   uint64_t deadline);
IPCBOOK_API ssize_t ipcbook_queue_recv(int fd, enum ipcbook_select select,
				       int64_t type, void *buf, size_t len,
				       unsigned int flags, uint64_t deadline,
				       struct ipcbook_queue_info *info);
IPCBOOK_API int ipcbook_queue_send_batch(int fd,
					 struct ipcbook_queue_entry *entries,
					 unsigned int count, unsigned int flags,
					 uint64_t deadline);
IPCBOOK_API int ipcbook_queue_recv_batch(int fd, enum ipcbook_select select,
					 int64_t type,
					 struct ipcbook_queue_entry *entries,
					 unsigned int count, unsigned int flags,
					 uint64_t deadline);
IPCBOOK_API int ipcbook_queue_select(int fd, enum ipcbook_select select,
				     int64_t type);

#ifdef __cplusplus
}
#endif

#endif /* IPCBOOK_H */
