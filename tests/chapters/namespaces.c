// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names live in network namespaces, ids in user namespaces, processes in pid
 * namespaces. Shown with queues.
 */
#include <sys/socket.h>
#include <sys/stat.h>

#include "harness.h"

#define READ	IPCBOOK_OPEN_READ
#define WRITE	IPCBOOK_OPEN_WRITE
#define CREATE	IPCBOOK_OPEN_CREATE
#define EXCL	IPCBOOK_OPEN_EXCL

/* --- Network namespaces --------------------------------------------------- */

TEST(one_name_in_two_network_namespaces_is_two_queues)
{
	pid_t pid = child();
	int fd;

	if (!pid) {
		is(sys(unshare(CLONE_NEWNET)), 0);
		is(queue_open(qname, READ), -ENOENT);
		is(queue_unlink(qname), -ENOENT);
		fd = queue_open(qname, READ | WRITE | CREATE | EXCL);
		put(fd, 5, "inside");
		is(queue_stat(fd).depth, 1);
		is(queue_stat(q).depth, 0);
		put(q, 5, "outside");
		got(fd, IPCBOOK_ANY, 0, "inside");
		is(queue_unlink(qname), 0);
		_exit(0);
	}
	is(reap(pid), 0);
	got(q, IPCBOOK_ANY, 0, "outside");
	works(q);
}

BARE_TEST(each_network_namespace_has_its_default_queue)
{
	int device = keep(sys(open(IPCBOOK_DEVICE, O_RDWR)));
	int inside;
	pid_t pid;

	drain(device);
	pid = child();
	if (!pid) {
		is(sys(unshare(CLONE_NEWNET)), 0);
		inside = sys(open(IPCBOOK_DEVICE, O_RDWR));
		put(inside, 5, "inside");
		/* The one that was open keeps to its opener's namespace. */
		is_empty(device);
		put(device, 6, "outside");
		got(inside, IPCBOOK_ANY, 0, "inside");
		is_empty(inside);
		_exit(0);
	}
	is(reap(pid), 0);
	got(device, IPCBOOK_EXACT, 6, "outside");
}

/* A child that leaves its namespace's descriptors with us, and ends. */
static void descriptors_of_an_ended_namespace(int *named, int *device,
					      int go)
{
	int ends[2];
	pid_t pid;

	is(sys(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)), 0);
	pid = child();
	if (!pid) {
		is(sys(unshare(CLONE_NEWNET)), 0);
		pass_fd(ends[1], queue_open("inside", READ | WRITE | CREATE));
		pass_fd(ends[1], sys(open(IPCBOOK_DEVICE, O_RDWR)));
		gate_pass(go);
		_exit(0);
	}
	*named = passed_fd(ends[0]);
	*device = passed_fd(ends[0]);
	close(ends[0]);
	close(ends[1]);
}

BARE_TEST(a_namespace_that_ends_takes_its_queues_along)
{
	int go = gate(), named, device;
	struct call *calls[3];
	char room[8];

	descriptors_of_an_ended_namespace(&named, &device, go);
	works(named);
	works(device);
	fill(named, 1, 1, 1024);
	calls[0] = receiver(named, IPCBOOK_EXACT, 5);
	calls[1] = sender(named, 1, 1);
	calls[2] = receiver(device, IPCBOOK_EXACT, 5);
	gate_open(go);
	for (unsigned int i = 0; i < 3; i++)
		is(call_end(calls[i]), -EIDRM);
	is(queue_send(named, 5, "x", 1, 0, 0), -EIDRM);
	is(queue_recv(named, IPCBOOK_ANY, 0, room, 8, 0, 0, NULL), -EIDRM);
	is(sys(write(device, "x", 1)), -EIDRM);
	is(queue_open("inside", READ), -ENOENT);
}

BARE_TEST(a_device_of_an_ended_namespace_that_was_never_used_is_harmless)
{
	int go = gate(), named, device;
	char room[8];

	descriptors_of_an_ended_namespace(&named, &device, go);
	gate_open(go);
	await(queue_send(named, 5, "x", 1, IPCBOOK_NOWAIT, 0) == -EIDRM);
	is(sys(write(device, "x", 1)), -EIDRM);
	is(sys(read(device, room, 8)), -EIDRM);
}

/* --- User namespaces ------------------------------------------------------ */

/* Maps ids from 0 on, in a child that waits at the gate, to these outside. */
static void map_ids(pid_t pid, unsigned int first, unsigned int count)
{
	char path[64], text[64];

	snprintf(text, sizeof(text), "0 %u %u", first, count);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	holds(spit(path, text));
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	holds(spit(path, text));
}

static long change(int fd, uint32_t mask, uint32_t uid, uint32_t mode)
{
	struct ipcbook_change arg = {
		.size = sizeof(arg),
		.mask = mask,
		.uid = uid,
		.mode = mode,
	};

	return ask(fd, IPCBOOK_IOC_CHANGE, &arg);
}

/* A child in new namespaces whose root is this user outside. */
static pid_t child_with_root(unsigned int uid, int namespaces)
{
	int mapped = gate();
	pid_t pid = child_in(CLONE_NEWUSER | namespaces);

	if (pid) {
		map_ids(pid, uid, 1000);
		gate_open(mapped);
		return pid;
	}
	gate_pass(mapped);
	is(sys(setresgid(0, 0, 0)), 0);
	is(sys(setresuid(0, 0, 0)), 0);
	return 0;
}

TEST(root_of_a_user_namespace_is_an_ordinary_user_outside)
{
	struct ipcbook_open big = {
		.size = sizeof(big),
		.chapter = IPCBOOK_QUEUE,
		.flags = READ | IPCBOOK_OPEN_ANON,
		.queue.messages = parameter("queue_max_messages") + 1,
	};
	pid_t pid = child_with_root(1000, 0);

	if (!pid) {
		is(queue_open(qname, READ), -EACCES);
		is(queue_unlink(qname), -EPERM);
		is(change(q, IPCBOOK_CHANGE_MODE, 0, 0666), -EPERM);
		is(change(q, IPCBOOK_CHANGE_UID, 0, 0), -EPERM);
		is(queue_stat(q).uid, 65534);
		is(ask_device(IPCBOOK_IOC_OPEN, &big), -E2BIG);
		_exit(0);
	}
	is(reap(pid), 0);
	is(queue_stat(q).mode, 0600);
	works(q);
}

TEST(root_of_a_user_namespace_owns_what_its_user_owns_outside)
{
	pid_t pid;

	is(change(q, IPCBOOK_CHANGE_UID, 1000, 0), 0);
	pid = child_with_root(1000, 0);
	if (!pid) {
		works(queue_open(qname, READ | WRITE));
		is(queue_stat(q).uid, 0);
		is(change(q, IPCBOOK_CHANGE_MODE, 0, 0640), 0);
		is(change(q, IPCBOOK_CHANGE_UID, 1, 0), -EPERM);
		is(queue_unlink(qname), 0);
		_exit(0);
	}
	is(reap(pid), 0);
	is(queue_stat(q).mode, 0640);
}

/* What a container's root may do with the queue of a user in it. */
static void rule_inside(void)
{
	pid_t pid = child();
	int fd;

	if (!pid) {
		is(sys(setresuid(5, 5, 5)), 0);
		queue_open("users", READ | WRITE | CREATE | EXCL);
		_exit(0);
	}
	is(reap(pid), 0);
	fd = queue_open("users", READ | WRITE);
	works(fd);
	is(queue_stat(fd).uid, 5);
	is(queue_stat(fd).creator, pid);
	is(change(fd, IPCBOOK_CHANGE_UID, 7, 0), 0);
	is(queue_stat(fd).uid, 7);
	is(change(fd, IPCBOOK_CHANGE_UID, 5000, 0), -EINVAL);
	is(queue_unlink("users"), 0);
	is(queue_stat(queue_open("default", READ)).uid, 0);
	is(change(queue_open("default", READ), IPCBOOK_CHANGE_MODE, 0, 0600),
	   0);
	works(sys(open(IPCBOOK_DEVICE, O_RDWR)));
	is(queue_unlink("default"), 0);
}

BARE_TEST(root_of_a_container_rules_the_queues_in_it)
{
	pid_t pid = child_with_root(100000, CLONE_NEWNET);

	if (!pid) {
		rule_inside();
		_exit(0);
	}
	is(reap(pid), 0);
}

TEST(root_of_a_container_does_not_rule_a_descriptor_from_outside)
{
	pid_t pid = child_with_root(100000, CLONE_NEWNET);

	if (!pid) {
		is(change(q, IPCBOOK_CHANGE_MODE, 0, 0666), -EPERM);
		is(change(q, IPCBOOK_CHANGE_UID, 0, 0), -EPERM);
		works(q);
		_exit(0);
	}
	is(reap(pid), 0);
}

/* --- Pid namespaces ------------------------------------------------------- */

TEST(processes_are_told_by_the_numbers_of_who_asks)
{
	struct ipcbook_stat stat;
	pid_t pid;

	put(q, 5, "x");
	pid = child_in(CLONE_NEWPID);
	if (!pid) {
		got(q, IPCBOOK_EXACT, 5, "x");
		stat = queue_stat(q);
		is(stat.creator, 0);
		is(stat.sender, 0);
		is(stat.receiver, 1);
		_exit(0);
	}
	is(reap(pid), 0);
	stat = queue_stat(q);
	is(stat.creator, getpid());
	is(stat.sender, getpid());
}
