/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the signal chapter's test programs share: each test starts with a handle
 * r, registered under the name rname, and a handle s that only sends.
 */
#ifndef TEST_SIGNAL_H
#define TEST_SIGNAL_H

#include <ipcbook/signal.h>

#include "harness.h"

#define SET(number)	IPCBOOK_SIGNAL_SET(number)
#define ALL		(~0ULL)

static struct ipcbook_signal *r, *s;
static char rname[IPCBOOK_NAME_LEN];

#define SIGNAL_TEST(name) TEST_BETWEEN(name, signal_begin, signal_end)

/* Handles of a test, closed with it. */
static struct ipcbook_signal *handles[256];
static unsigned int handle_count;

static inline struct ipcbook_signal *handle(void)
{
	struct ipcbook_signal *new;

	is(ipcbook_signal_open(&new), 0);
	holds(handle_count < ARRAY_SIZE(handles));
	handles[handle_count++] = new;
	return new;
}

static inline void close_handle(struct ipcbook_signal *old)
{
	for (unsigned int i = 0; i < handle_count; i++)
		if (handles[i] == old)
			handles[i] = handles[--handle_count];
	ipcbook_signal_close(old);
}

/* A registered one. */
static inline struct ipcbook_signal *registered(const char *name,
						const char *group,
						unsigned int limit)
{
	struct ipcbook_signal *new = handle();

	is(ipcbook_signal_register(new, name, &group, group ? 1 : 0, limit),
	   0);
	return new;
}

static inline int signal_begin(void **state)
{
	static unsigned int serial;

	fixture_bare(state);
	snprintf(rname, sizeof(rname), "test-%d-%u", getpid(), ++serial);
	s = handle();
	r = registered(rname, NULL, 0);
	return 0;
}

static inline int signal_end(void **state)
{
	while (handle_count)
		ipcbook_signal_close(handles[--handle_count]);
	return fixture_end(state);
}

/* Replaces the test's registration by one of this limit. */
static inline void relimit(unsigned int limit)
{
	close_handle(r);
	r = registered(rname, NULL, limit);
}

/* Send a number to the test's registration, so often. */
static inline void send_times(int number, unsigned int times)
{
	while (times--)
		is(ipcbook_signal_kill_name(s, rname, number), 1);
}

/* The next signal, as a number of which there is nothing else to be told. */
static inline int next(struct ipcbook_signal *from)
{
	struct ipcbook_signal_info info;
	ssize_t count = ipcbook_signal_fetch(from, &info, 1);

	if (count < 0)
		return count;
	is(count, 1);
	return info.number;
}

static inline bool readable(int fd)
{
	struct pollfd polled = { .fd = fd, .events = POLLIN };

	return poll(&polled, 1, 0) == 1 && polled.revents == POLLIN;
}

static inline uint64_t pending(void)
{
	uint64_t set;

	is(ipcbook_signal_pending(r, &set), 0);
	return set;
}

static inline uint64_t mask(enum ipcbook_signal_how how, uint64_t set)
{
	uint64_t old;

	is(ipcbook_signal_mask(r, how, set, &old), 0);
	return old;
}

/* What the list says of a registration. */
static inline int keep_entry(const struct ipcbook_signal_entry *entry,
			     void *arg)
{
	struct ipcbook_signal_entry *kept = arg;

	if (strcmp(entry->stat.name, kept->stat.name))
		return 0;
	*kept = *entry;
	return 1;
}

static inline bool find_entry(const char *name,
			      struct ipcbook_signal_entry *entry)
{
	memset(entry, 0, sizeof(*entry));
	snprintf(entry->stat.name, sizeof(entry->stat.name), "%s", name);
	return ipcbook_signal_list(keep_entry, entry) == 1;
}

#endif /* TEST_SIGNAL_H */
