// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module built without one chapter, whose name is in IPCBOOK_WITHOUT: it
 * loads, and what belongs to that chapter says that it is not there.
 */
#include <libgen.h>
#include <limits.h>

#include <ipcbook/signal.h>

#include "harness.h"

static enum ipcbook_chapter chapter;

/* The chapter that is left out; skips the test if none is. */
static void find_chapter(void)
{
	const char *name = getenv("IPCBOOK_WITHOUT");

	for (chapter = IPCBOOK_SIGNAL; name && chapter <= IPCBOOK_SEM;
	     chapter++)
		if (!strcmp(name, ipcbook_chapter_name(chapter)))
			return;
	not_here("IPCBOOK_WITHOUT names no chapter");
}

static long try_open(unsigned int flags, const char *name)
{
	struct ipcbook_open arg = {
		.size = sizeof(arg),
		.chapter = chapter,
		.flags = flags,
		.mode = 0600,
	};

	snprintf(arg.name, sizeof(arg.name), "%s", name);
	return ask_device(IPCBOOK_IOC_OPEN, &arg);
}

BARE_TEST(no_object_of_the_chapter_can_be_had)
{
	struct ipcbook_unlink gone = {
		.size = sizeof(gone),
		.name = "without",
	};

	find_chapter();
	gone.chapter = chapter;
	is(try_open(IPCBOOK_OPEN_READ, "without"), -EOPNOTSUPP);
	is(try_open(IPCBOOK_OPEN_READ | IPCBOOK_OPEN_CREATE, "without"),
	   -EOPNOTSUPP);
	is(try_open(IPCBOOK_OPEN_READ | IPCBOOK_OPEN_ANON, ""), -EOPNOTSUPP);
	is(try_open(IPCBOOK_OPEN_READ, "default"), -EOPNOTSUPP);
	is(ask_device(IPCBOOK_IOC_UNLINK, &gone), -EOPNOTSUPP);
}

BARE_TEST(every_request_of_the_chapter_says_so)
{
	char arg[256] = "";

	find_chapter();
	for (unsigned int nr = chapter << 4; nr < (chapter + 1U) << 4; nr++) {
		is(ask_device(_IO(IPCBOOK_IOC_MAGIC, nr), arg), -EOPNOTSUPP);
		is(ask_device(_IOWR(IPCBOOK_IOC_MAGIC, nr, arg), NULL),
		   -EOPNOTSUPP);
	}
}

BARE_TEST(the_device_is_there_all_the_same)
{
	int device = keep(sys(open(IPCBOOK_DEVICE, O_RDWR)));

	find_chapter();
	is(ask(device, _IO('x', 1), NULL), -ENOTTY);
	is(ask(device, _IO(IPCBOOK_IOC_MAGIC, 0xff), NULL), -ENOTTY);
	is(ask(device, IPCBOOK_IOC_OPEN, NULL), -EFAULT);
	chapter = 99;
	is(try_open(IPCBOOK_OPEN_READ, "without"), -EINVAL);
}

/* What stands behind the plain calls on the device. */
BARE_TEST(without_the_queue_the_device_does_not_read_and_write)
{
	int device = keep(sys(open(IPCBOOK_DEVICE, O_RDWR)));
	struct pollfd fd = { .fd = device, .events = POLLIN | POLLOUT };
	char room[8];

	find_chapter();
	if (chapter != IPCBOOK_QUEUE)
		skip();
	is(sys(write(device, "x", 1)), -EOPNOTSUPP);
	is(sys(read(device, room, 8)), -EOPNOTSUPP);
	is(sys(pwrite(device, "x", 1, 5)), -EOPNOTSUPP);
	is(sys(pread(device, room, 8, 5)), -EOPNOTSUPP);
	is(sys(lseek(device, 5, SEEK_SET)), -EOPNOTSUPP);
	is(poll(&fd, 1, 0), 1);
	holds(fd.revents & POLLERR);
}

/* They have no device, but commands of netlink. */
BARE_TEST(without_signals_nobody_registers_and_nothing_is_sent)
{
	struct ipcbook_signal *signal;

	find_chapter();
	if (chapter != IPCBOOK_SIGNAL)
		skip();
	is(ipcbook_signal_open(&signal), 0);
	is(ipcbook_signal_register(signal, NULL, NULL, 0, 0), -EOPNOTSUPP);
	is(ipcbook_signal_kill(signal, getpid(), 0), -EOPNOTSUPP);
	ipcbook_signal_close(signal);
}

static int find(const struct ipcbook_stat *stat, void *arg)
{
	*(unsigned int *)arg += stat->chapter == chapter;
	return 0;
}

BARE_TEST(the_list_shows_no_object_of_the_chapter)
{
	unsigned int n = 0;

	find_chapter();
	is(ipcbook_list(0, NULL, find, &n), 0);
	is(ipcbook_list(chapter, NULL, find, &n), 0);
	is(n, 0);
}

BARE_TEST(the_story_says_that_it_cannot_show_the_chapter)
{
	char command[2 * PATH_MAX], self[PATH_MAX / 2] = "", told[8192];

	find_chapter();
	holds(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	snprintf(command, sizeof(command),
		 "%s/../bin/ipcbook story -j --chapter %s 2>&1", dirname(self),
		 ipcbook_chapter_name(chapter));
	is(shell(0, command, told, sizeof(told)), 9);
	holds(strstr(told, "for the module was built without that chapter"));
	holds(!strstr(told, "\"verified\":false"));
}
