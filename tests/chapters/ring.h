/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the ring's test programs share: each test starts with a fresh ring named
 * rname, of RING_SIZE bytes and one producer; r is a producer's descriptor of it.
 */
#ifndef TEST_RING_H
#define TEST_RING_H

/* Where the producer of this process is to stop; see stop_at(). */
static const char *stop_step;
static int stop_turn;

#define IPCBOOK_RING_STEP(name) do {					\
	if (stop_step && !strcmp(stop_step, name) && !stop_turn--)	\
		raise(SIGSTOP);						\
} while (0)

#include <signal.h>
#include <string.h>

#include <ipcbook/ring.h>

#include "harness.h"

#define RING_SIZE	8192U

static int r = -1;
static char rname[IPCBOOK_NAME_LEN];

#define RING_TEST(name)	TEST_BETWEEN(name, ring_begin, ring_end)

/* A new ring, named or (NULL) not; a producer's descriptor, or the error. */
static inline int ring_new(const char *name, uint64_t size, uint32_t flags)
{
	struct ipcbook_ring_limits limits = { size, flags, 0 };

	return ipcbook_ring_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
				 0600, &limits);
}

static inline int ring_begin(void **state)
{
	static unsigned int serial;

	fixture_bare(state);
	stop_step = NULL;
	snprintf(rname, sizeof(rname), "ring-%d-%u", getpid(), ++serial);
	r = ring_new(rname, RING_SIZE, 0);
	is(r < 0 ? r : 0, 0);
	return 0;
}

static inline int ring_end(void **state)
{
	ipcbook_ring_unlink(rname);
	close(r);
	return fixture_end(state);
}

/* Replaces the test's ring by one of this size and these flags. */
static inline void ring_like(uint64_t size, uint32_t flags)
{
	close(r);
	is(ipcbook_ring_unlink(rname), 0);
	r = ring_new(rname, size, flags);
	is(r < 0 ? r : 0, 0);
}

/* A descriptor of the test's ring for the consumer; the caller keeps it. */
static inline int consumer_fd(void)
{
	int fd = ipcbook_ring_open(rname, O_RDONLY | O_CLOEXEC, 0, NULL);

	is(fd < 0 ? fd : 0, 0);
	return fd;
}

/* Become a side of the test's ring; it ends with ipcbook_ring_detach(). */
static inline struct ipcbook_ring produce(void)
{
	struct ipcbook_ring ring;

	is(ipcbook_ring_attach(&ring, r, 0), 0);
	return ring;
}

static inline struct ipcbook_ring consume(void)
{
	struct ipcbook_ring ring;

	is(ipcbook_ring_attach(&ring, keep(consumer_fd()), 0), 0);
	return ring;
}

static inline struct ipcbook_stat ring_stat(int fd)
{
	struct ipcbook_stat stat;

	is(ipcbook_stat(fd, &stat), 0);
	return stat;
}

/* A record's content follows from its number and its length. */
static inline void fill_record(void *payload, uint32_t length, uint32_t number)
{
	unsigned char *bytes = payload;

	for (uint32_t i = 0; i < length; i++)
		bytes[i] = number * 31 + i * 7;
}

static inline bool is_record(const void *payload, uint32_t length,
			     uint32_t number)
{
	const unsigned char *bytes = payload;

	for (uint32_t i = 0; i < length; i++)
		if (bytes[i] != (unsigned char)(number * 31 + i * 7))
			return false;
	return true;
}

/* Pass a record; 0 or the error. */
static inline int give(struct ipcbook_ring *ring, uint32_t length,
		       uint32_t number)
{
	void *payload;
	int error = ipcbook_ring_reserve(ring, length, &payload);

	if (error)
		return error;
	fill_record(payload, length, number);
	return ipcbook_ring_commit(ring);
}

/* Take one; its length if it is this one, -EBADMSG if not, or the error. */
static inline int take(struct ipcbook_ring *ring, uint32_t number)
{
	const void *payload;
	uint32_t length;
	int error = ipcbook_ring_peek(ring, &payload, &length);

	if (error)
		return error;
	if (!is_record(payload, length, number))
		return -EBADMSG;
	error = ipcbook_ring_release(ring);
	return error ? error : (int)length;
}

/* The producer of this process stops at a step, the so many-th time. */
static inline void stop_at(const char *step, int turn)
{
	stop_step = step;
	stop_turn = turn;
}

/* Waits until a child has stopped, and kills it. */
static inline void kill_stopped(pid_t pid)
{
	int status;

	is(waitpid(pid, &status, WUNTRACED), pid);
	holds(WIFSTOPPED(status));
	kill(pid, SIGKILL);
	is(reap(pid), 128 + SIGKILL);
}

#endif /* TEST_RING_H */
