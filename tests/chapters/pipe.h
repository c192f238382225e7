/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the pipe's test programs share: each test starts with a fresh pipe
 * without a name, of the usual capacity, whose ends are r and w, and with a name
 * pname that nothing has.
 */
#ifndef TEST_PIPE_H
#define TEST_PIPE_H

#include <limits.h>

#include "harness.h"

#define CAPACITY 65536

static int r = -1, w = -1;
static char pname[IPCBOOK_NAME_LEN];

/* Most that a test moves in one go. */
static char bytes[4 * CAPACITY], room[4 * CAPACITY];

#define PIPE_TEST(name)	TEST_BETWEEN(name, pipe_begin, pipe_end)

static inline int pipe_begin(void **state)
{
	static unsigned int serial;
	int ends[2] = { -1, -1 };

	fixture_bare(state);
	signal(SIGPIPE, SIG_IGN);
	snprintf(pname, sizeof(pname), "test-%d-%u", getpid(), ++serial);
	is(ipcbook_pipe(ends, O_CLOEXEC, 0), 0);
	r = ends[0];
	w = ends[1];
	/* No two pages alike, nor a page like itself one byte further. */
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i * 7 + (i >> 8) * 11;
	return 0;
}

/* What still sleeps is woken when the other end goes. */
static inline int pipe_finish(void)
{
	if (r >= 0)
		close(r);
	if (w >= 0)
		close(w);
	r = w = -1;
	ipcbook_pipe_unlink(pname);
	return 0;
}

static inline int pipe_end(void **state)
{
	pipe_finish();
	return fixture_end(state);
}

/* Close an end, once. */
static inline void shut(int *end)
{
	is(sys(close(*end)), 0);
	*end = -1;
}

/* Another pipe in the place of the test's. */
static inline void replace(int flags, uint64_t capacity)
{
	int ends[2] = { -1, -1 };

	shut(&r);
	shut(&w);
	is(ipcbook_pipe(ends, flags | O_CLOEXEC, capacity), 0);
	r = ends[0];
	w = ends[1];
}

static inline void nonblocking(int fd)
{
	is(sys(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK)), 0);
}

static inline struct ipcbook_stat pipe_stat(int fd)
{
	struct ipcbook_stat stat;

	is(ipcbook_stat(fd, &stat), 0);
	return stat;
}

/* How many bytes are in it. */
static inline int waiting(int fd)
{
	int n = -1;

	is(sys(ioctl(fd, FIONREAD, &n)), 0);
	return n;
}

/* What poll finds of this, without waiting. */
static inline int ready(int fd, int events)
{
	struct pollfd one = { .fd = fd, .events = events };

	holds(poll(&one, 1, 0) >= 0);
	return one.revents;
}

#define writes(fd, text)						\
	is(sys(write(fd, text, strlen(text))), strlen(text))
#define reads(fd, text) do {						\
	is(sys(read(fd, room, sizeof(room))), strlen(text));		\
	holds(!memcmp(room, text, strlen(text)));			\
} while (0)

/* Reads in a thread of its own: up to call->len bytes into call->buf. */
static long pipe_make_read(struct call *call)
{
	return sys(read(call->fd, call->buf, call->len));
}

static long pipe_make_write(struct call *call)
{
	return sys(write(call->fd, call->buf, call->len));
}

/* Starts a read that waits; a write of so many bytes that waits. */
static inline struct call *reader(int fd)
{
	struct call *call = call_new(fd, IPCBOOK_ANY, 0);

	call_other(call, pipe_make_read, SYS_read);
	return call;
}

static inline struct call *writer(int fd, size_t len)
{
	struct call *call = call_new(fd, IPCBOOK_ANY, 0);

	call->buf = bytes;
	call->len = len;
	call_other(call, pipe_make_write, SYS_write);
	return call;
}

/* Opens the test's name; closed when the test ends. */
static inline int end_of(int flags)
{
	return keep(ipcbook_pipe_open(pname, flags | O_CLOEXEC, 0600, 0));
}

#endif /* TEST_PIPE_H */
