/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of permissions share: credentials to become, and an object of
 * each chapter that is opened by a name.
 */
#ifndef TEST_PERMISSIONS_H
#define TEST_PERMISSIONS_H

#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "harness.h"

#define READ	IPCBOOK_OPEN_READ
#define WRITE	IPCBOOK_OPEN_WRITE
#define CREATE	IPCBOOK_OPEN_CREATE

/* Whose the objects are. */
#define OWNER	1000
#define GROUP	2000

/**
 * struct who - credentials
 * @name: what to call them
 * @ruid: real user
 * @euid: effective user, that of files as well
 * @suid: saved user
 * @gid: group
 * @more: one more group, or 0
 * @caps: capabilities, as a set; nothing else of root's power is there
 */
struct who {
	const char *name;
	uid_t ruid;
	uid_t euid;
	uid_t suid;
	gid_t gid;
	gid_t more;
	uint64_t caps;
};

#define CAP(name)	(1ULL << CAP_##name)
#define ALL_CAPS	(~0ULL >> 23)

static inline void set_caps(uint64_t caps)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {
		{ caps, caps, 0 }, { caps >> 32, caps >> 32, 0 },
	};

	is(sys(syscall(SYS_capset, &header, data)), 0);
}

/* In a child: from root to these; the capabilities are these and no others. */
static inline void become_who(const struct who *who)
{
	is(sys(setgroups(who->more ? 1 : 0, &who->more)), 0);
	is(sys(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)), 0);
	is(sys(setresgid(who->gid, who->gid, who->gid)), 0);
	is(sys(setresuid(who->ruid, who->euid, who->suid)), 0);
	set_caps(who->caps & ALL_CAPS);
}

/* The chapters whose objects are opened by name. */
static const struct named {
	enum ipcbook_chapter chapter;
	uint64_t limit;		/* the first of its limits: a size, or units */
	bool both;		/* who writes must read as well */
} named[] = {
	{ IPCBOOK_QUEUE, 0, false },
	{ IPCBOOK_PIPE, 4096, false },
	{ IPCBOOK_SHM, 4096, false },
	{ IPCBOOK_SEM, 0, false },
	{ IPCBOOK_RING, 4096, true },
};

/* One device for all of a process's opens. */
static int device = -1;

static inline long open_object(const struct named *of, const char *name,
			       unsigned int flags)
{
	struct ipcbook_open arg = {
		.size = sizeof(arg),
		.chapter = of->chapter,
		.flags = flags | IPCBOOK_OPEN_NONBLOCK | IPCBOOK_OPEN_CLOEXEC,
		.mode = 0600,
	};

	snprintf(arg.name, sizeof(arg.name), "%s", name);
	arg.reserved[0] = of->limit;
	return ask(device, IPCBOOK_IOC_OPEN, &arg);
}

static inline long unlink_object(enum ipcbook_chapter chapter, const char *name)
{
	struct ipcbook_unlink arg = {
		.size = sizeof(arg),
		.chapter = chapter,
	};

	snprintf(arg.name, sizeof(arg.name), "%s", name);
	return ask(device, IPCBOOK_IOC_UNLINK, &arg);
}

/* A socket that has this name and mode, and does not listen. */
static inline int bound_socket(const char *name, uint32_t mode)
{
	struct sockaddr_ipcbook address;
	int length = ipcbook_socket_address(&address, name);
	int fd = ipcbook_socket(SOCK_STREAM | SOCK_CLOEXEC);

	holds(fd >= 0);
	is(sys(bind(fd, (struct sockaddr *)&address, length)), 0);
	is(change_object(fd, IPCBOOK_CHANGE_MODE, 0, 0, mode), 0);
	return fd;
}

/* Connects a new socket; ECONNREFUSED where one may, but nobody listens. */
static inline long connect_socket(const char *name)
{
	struct sockaddr_ipcbook address;
	int length = ipcbook_socket_address(&address, name);
	int fd = ipcbook_socket(SOCK_STREAM | SOCK_CLOEXEC);
	long answer;

	holds(fd >= 0);
	answer = sys(connect(fd, (struct sockaddr *)&address, length));
	close(fd);
	return answer;
}

#endif /* TEST_PERMISSIONS_H */
