// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/ipcbook itself, and what it gives the objects of every chapter: names,
 * owners, modes, lifetimes. Shown with queues.
 */
#include <grp.h>
#include <linux/capability.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <ipcbook/ring.h>

#include "harness.h"

#define READ	IPCBOOK_OPEN_READ
#define WRITE	IPCBOOK_OPEN_WRITE
#define CREATE	IPCBOOK_OPEN_CREATE
#define EXCL	IPCBOOK_OPEN_EXCL

static struct ipcbook_open open_arg(const char *name, unsigned int flags)
{
	struct ipcbook_open arg = {
		.size = sizeof(arg),
		.chapter = IPCBOOK_QUEUE,
		.flags = flags | IPCBOOK_OPEN_CLOEXEC,
		.mode = 0600,
	};

	snprintf(arg.name, sizeof(arg.name), "%s", name);
	return arg;
}

/* What an open answers: 0 or an error. The descriptor is closed again. */
static long try_open(const struct ipcbook_open *arg)
{
	struct ipcbook_open copy = *arg;
	long fd = ask_device(IPCBOOK_IOC_OPEN, &copy);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static long try_flags(const char *name, unsigned int flags)
{
	struct ipcbook_open arg = open_arg(name, flags);

	return try_open(&arg);
}

static long change_mode(int fd, uint32_t mode)
{
	return change_object(fd, IPCBOOK_CHANGE_MODE, 0, 0, mode);
}

static long change_owner(int fd, uint32_t uid, uint32_t gid)
{
	return change_object(fd, IPCBOOK_CHANGE_UID | IPCBOOK_CHANGE_GID, uid, gid, 0);
}

/* --- Names ---------------------------------------------------------------- */

TEST(create_and_open_mean_one_queue)
{
	struct ipcbook_open arg = open_arg(qname, READ | WRITE | CREATE);
	int fd;

	arg.mode = 0777;
	arg.queue.messages = 7;
	fd = keep(ask_device(IPCBOOK_IOC_OPEN, &arg));
	put(fd, 5, "through");
	got(q, IPCBOOK_EXACT, 5, "through");
	is(queue_stat(fd).id, queue_stat(q).id);
	is(queue_stat(fd).mode, 0600);
	is(queue_stat(fd).max_depth, 1024);
	is(queue_stat(fd).descriptors, 2);
	is(try_flags(qname, READ | CREATE | EXCL), -EEXIST);
	is(queue_unlink(qname), 0);
	is(queue_unlink(qname), -ENOENT);
	is(try_flags(qname, READ), -ENOENT);
}

TEST(no_two_objects_have_the_same_id)
{
	uint64_t before = queue_stat(q).id, id;

	for (unsigned int i = 0; i < 20; i++) {
		limit(0, 0, 0);
		id = queue_stat(q).id;
		holds(id > before);
		before = id;
	}
}

/* Opens a name of which only these bytes differ from zeroes. */
static long try_name(const void *bytes, size_t n)
{
	struct ipcbook_open arg = open_arg("", READ | CREATE);
	struct ipcbook_unlink gone = {
		.size = sizeof(gone),
		.chapter = IPCBOOK_QUEUE,
	};
	long answer;

	memcpy(arg.name, bytes, n);
	memcpy(gone.name, bytes, n);
	answer = try_open(&arg);
	is(ask_device(IPCBOOK_IOC_UNLINK, &gone), answer);
	return answer;
}

BARE_TEST(a_name_is_anything_but_controls_and_slashes)
{
	char name[IPCBOOK_NAME_LEN + 1] = "";

	is(try_name("a", 1), 0);
	is(try_name(" ~", 2), 0);
	is(try_name("Zw\xc3\xb6lf", 6), 0);
	is(try_name("\xff\x80", 2), 0);
	is(try_name("..", 2), 0);
	memset(name, 'n', sizeof(name) - 1);
	is(try_name(name, IPCBOOK_NAME_LEN - 1), 0);

	is(try_name(name, IPCBOOK_NAME_LEN), -EINVAL);
	is(try_name("", 0), -EINVAL);
	is(try_name("/", 1), -EINVAL);
	is(try_name("a/b", 3), -EINVAL);
	is(try_name("a\nb", 3), -EINVAL);
	is(try_name("a\x7f", 2), -EINVAL);
	is(try_name("a\0b", 3), -EINVAL);
	is(try_name("\0a", 2), -EINVAL);
	for (char c = 1; c < ' '; c++)
		is(try_name(&c, 1), -EINVAL);
	memset(name, 0, sizeof(name));
	name[0] = 'a';
	name[IPCBOOK_NAME_LEN - 1] = 'z';
	is(try_name(name, IPCBOOK_NAME_LEN), -EINVAL);
}

/* --- What open refuses ---------------------------------------------------- */

#define OPEN(field, value, error) do {					\
	struct ipcbook_open arg_ = open_arg(qname, READ);		\
	arg_.field = (value);						\
	is(try_open(&arg_), -(error));					\
	works(q);							\
} while (0)

TEST(an_open_with_one_thing_wrong_is_refused)
{
	OPEN(size, sizeof(struct ipcbook_open), 0);
	OPEN(flags, 0, EINVAL);
	OPEN(flags, CREATE, EINVAL);
	OPEN(flags, READ | EXCL, EINVAL);
	OPEN(flags, READ | 1U << 7, EINVAL);
	OPEN(flags, READ | 1U << 31, EINVAL);
	OPEN(flags, READ | IPCBOOK_OPEN_ANON, EINVAL);
	OPEN(mode, 01000, EINVAL);
	OPEN(mode, UINT32_MAX, EINVAL);
	for (unsigned int word = 3; word < 8; word++)
		OPEN(reserved[word], 1, EINVAL);
	OPEN(chapter, 0, EINVAL);
	OPEN(chapter, 8, EINVAL);
	OPEN(chapter, UINT32_MAX, EINVAL);
	OPEN(size, 0, EINVAL);
	OPEN(size, sizeof(struct ipcbook_open) - 1, EINVAL);
	OPEN(size, 4097, E2BIG);
	OPEN(size, UINT32_MAX, E2BIG);
}

/* A create with one limit or reserved word set. */
static long try_limit(unsigned int word, uint64_t value)
{
	struct ipcbook_open arg = open_arg("limits", READ | CREATE | EXCL);
	long answer;

	arg.reserved[word] = value;
	answer = try_open(&arg);
	if (!answer)
		is(queue_unlink("limits"), 0);
	return answer;
}

BARE_TEST(limits_that_cannot_be_are_refused)
{
	struct ipcbook_open arg = open_arg("limits", READ | CREATE);

	for (unsigned int word = 3; word < 8; word++)
		is(try_limit(word, 1), -EINVAL);
	for (unsigned int word = 0; word < 2; word++) {
		is(try_limit(word, UINT64_MAX), -E2BIG);
		is(try_limit(word, 1ULL << 63), -E2BIG);
	}
	is(try_limit(2, UINT64_MAX) < 0, true);
	is(try_limit(2, 262145), -EINVAL);
	is(try_limit(2, 262144), 0);
	arg.queue.bytes = 100;
	arg.queue.size = 101;
	is(try_open(&arg), -EINVAL);
	is(try_flags("limits", READ), -ENOENT);
}

TEST(limits_count_only_when_the_call_creates)
{
	struct ipcbook_open arg = open_arg(qname, READ | CREATE);

	arg.queue.size = UINT64_MAX;
	arg.queue.messages = UINT64_MAX;
	is(try_open(&arg), 0);
	is(queue_stat(q).max_depth, 1024);
}

BARE_TEST(an_argument_of_the_device_may_be_longer_but_only_by_zeroes)
{
	struct {
		struct ipcbook_open arg;
		char more[8];
	} longer = { .arg = open_arg("longer", READ | CREATE) };
	struct {
		struct ipcbook_unlink arg;
		char more[8];
	} unlink = { .arg.chapter = IPCBOOK_QUEUE, .arg.name = "longer" };
	long fd;

	longer.arg.size = sizeof(longer);
	longer.more[7] = 1;
	is(ask_device(IPCBOOK_IOC_OPEN, &longer), -E2BIG);
	longer.more[7] = 0;
	fd = keep(ask_device(IPCBOOK_IOC_OPEN, &longer));
	is(queue_stat(fd).chapter, IPCBOOK_QUEUE);
	unlink.arg.size = sizeof(unlink);
	unlink.more[0] = 1;
	is(ask_device(IPCBOOK_IOC_UNLINK, &unlink), -E2BIG);
	unlink.more[0] = 0;
	is(ask_device(IPCBOOK_IOC_UNLINK, &unlink), 0);
}

TEST(an_unlink_with_one_thing_wrong_is_refused)
{
	struct ipcbook_unlink good = {
		.size = sizeof(good),
		.chapter = IPCBOOK_QUEUE,
	}, arg;

	memcpy(good.name, qname, sizeof(qname));
	arg = good;
	arg.flags = 1;
	is(ask_device(IPCBOOK_IOC_UNLINK, &arg), -EINVAL);
	arg = good;
	arg.pad = 1;
	is(ask_device(IPCBOOK_IOC_UNLINK, &arg), -EINVAL);
	arg = good;
	arg.chapter = 0;
	is(ask_device(IPCBOOK_IOC_UNLINK, &arg), -EINVAL);
	arg = good;
	arg.size = sizeof(arg) - 4;
	is(ask_device(IPCBOOK_IOC_UNLINK, &arg), -EINVAL);
	arg = good;
	arg.size = 4097;
	is(ask_device(IPCBOOK_IOC_UNLINK, &arg), -E2BIG);
	is(ask_device(IPCBOOK_IOC_UNLINK, NULL), -EFAULT);
	is(ask_device(IPCBOOK_IOC_UNLINK, nowhere()), -EFAULT);
	is(ask_device(IPCBOOK_IOC_OPEN, NULL), -EFAULT);
	is(ask_device(IPCBOOK_IOC_OPEN, nowhere()), -EFAULT);
	works(q);
}

/* A chapter is built in, or its calls say that it is not. */
BARE_TEST(a_chapter_that_is_not_built_in_says_so)
{
	for (unsigned int i = IPCBOOK_SIGNAL; i <= IPCBOOK_SEM; i++) {
		struct ipcbook_open arg = open_arg("no such name", READ);
		struct ipcbook_unlink gone = {
			.size = sizeof(gone),
			.chapter = i,
			.name = "no such name",
		};
		long answer;

		arg.chapter = i;
		memset(arg.reserved, 0, sizeof(arg.reserved));
		answer = ask_device(IPCBOOK_IOC_UNLINK, &gone);
		holds(answer == -ENOENT || answer == -EOPNOTSUPP);
		/* These two begin by calls of their own, and are not opened. */
		is(try_open(&arg), answer == -ENOENT &&
		   (i == IPCBOOK_SIGNAL || i == IPCBOOK_SOCKET) ?
		   -EINVAL : answer);
		if (answer == -EOPNOTSUPP)
			is(ask_device(_IO(IPCBOOK_IOC_MAGIC, i << 4), &gone),
			   -EOPNOTSUPP);
		else
			holds(ask_device(_IO(IPCBOOK_IOC_MAGIC, i << 4),
					 NULL) != -EOPNOTSUPP);
	}
}

TEST(a_descriptor_has_the_flags_that_were_asked_for)
{
	struct ipcbook_open arg = open_arg(qname, READ);
	int fd;

	fd = keep(ask_device(IPCBOOK_IOC_OPEN, &arg));
	is(fcntl(fd, F_GETFD), FD_CLOEXEC);
	is(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDONLY);
	arg.flags = WRITE | IPCBOOK_OPEN_NONBLOCK;
	fd = keep(ask_device(IPCBOOK_IOC_OPEN, &arg));
	is(fcntl(fd, F_GETFD), 0);
	is(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK),
	   O_WRONLY | O_NONBLOCK);
}

/* --- Objects without a name ----------------------------------------------- */

BARE_TEST(queues_without_a_name_are_all_different)
{
	int one = queue_open(NULL, READ | WRITE);
	int two = queue_open(NULL, READ | WRITE);

	put(one, 5, "one");
	is_empty(two);
	got(one, IPCBOOK_ANY, 0, "one");
	is(queue_stat(one).name[0], 0);
	holds(queue_stat(one).id != queue_stat(two).id);
}

BARE_TEST(a_queue_without_a_name_is_inherited)
{
	int fd = queue_open(NULL, READ | WRITE);
	pid_t pid;

	pid = child();
	if (!pid) {
		put(fd, 5, "from the child");
		_exit(0);
	}
	is(reap(pid), 0);
	got(fd, IPCBOOK_EXACT, 5, "from the child");
}

BARE_TEST(a_queue_without_a_name_is_passed_over_a_socket)
{
	int ends[2], fd;
	pid_t pid;

	is(sys(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)), 0);
	keep(ends[0]);
	pid = child();
	if (!pid) {
		fd = queue_open(NULL, READ | WRITE);
		put(fd, 5, "passed");
		pass_fd(ends[1], fd);
		_exit(0);
	}
	close(ends[1]);
	fd = passed_fd(ends[0]);
	is(reap(pid), 0);
	got(fd, IPCBOOK_EXACT, 5, "passed");
	works(fd);
}

/* --- Who may -------------------------------------------------------------- */

/* Credentials: uid and gid are the same, but for one more group. */
struct who {
	uid_t uid;
	gid_t more;
};

static pid_t child_as(struct who who)
{
	pid_t pid = child();

	if (!pid) {
		is(sys(setgroups(who.more ? 1 : 0, &who.more)), 0);
		is(sys(setresgid(who.uid, who.uid, who.uid)), 0);
		is(sys(setresuid(who.uid, who.uid, who.uid)), 0);
	}
	return pid;
}

/* What the mode gives, by the rules for files; owner 1000, group 2000. */
static unsigned int given(struct who who, unsigned int mode)
{
	if (who.uid == 0)
		return 6;
	if (who.uid == 1000)
		return mode >> 6 & 6;
	if (who.uid == 2000 || who.more == 2000)
		return mode >> 3 & 6;
	return mode & 6;
}

/* What the module lets a user do: 4 to read, 2 to write. */
static unsigned int let(struct who who)
{
	pid_t pid = child_as(who);
	unsigned int may = 0;
	long both;

	if (pid)
		return reap(pid);
	both = try_flags(qname, READ | WRITE);
	if (try_flags(qname, READ) == 0)
		may |= 4;
	else
		is(try_flags(qname, READ), -EACCES);
	if (try_flags(qname, WRITE | CREATE) == 0)
		may |= 2;
	else
		is(try_flags(qname, WRITE | CREATE), -EACCES);
	is(both, may == 6 ? 0 : -EACCES);
	_exit(may);
}

TEST(a_mode_means_what_it_means_for_files)
{
	static const unsigned int modes[] = {
		0600, 0640, 0660, 0644, 0666, 0400, 0200, 0000, 0060, 0006,
		0777, 0111, 0462, 0246,
	};
	static const struct who whos[] = {
		{ 0, 0 }, { 1000, 0 }, { 1001, 0 }, { 2000, 0 }, { 1001, 2000 },
		{ 1000, 2000 },
	};

	is(change_owner(q, 1000, 2000), 0);
	for (unsigned int m = 0; m < ARRAY_SIZE(modes); m++) {
		is(change_mode(q, modes[m]), 0);
		for (unsigned int i = 0; i < ARRAY_SIZE(whos); i++)
			is(let(whos[i]), given(whos[i], modes[m]));
	}
}

TEST(only_the_owner_and_root_may_unlink)
{
	static const struct who others[] = {
		{ 1001, 0 }, { 2000, 0 }, { 1001, 2000 },
	};
	pid_t pid;

	is(change_owner(q, 1000, 2000), 0);
	is(change_mode(q, 0666), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(others); i++) {
		pid = child_as(others[i]);
		if (!pid) {
			is(queue_unlink(qname), -EPERM);
			_exit(0);
		}
		is(reap(pid), 0);
	}
	works(q);
	is(change_mode(q, 0), 0);
	pid = child_as((struct who){ 1000, 0 });
	if (!pid) {
		is(queue_unlink(qname), 0);
		_exit(0);
	}
	is(reap(pid), 0);
	is(queue_send(q, 5, "x", 1, 0, 0), -EIDRM);
}

TEST(the_owner_changes_the_mode_and_to_groups_of_theirs)
{
	pid_t pid;

	is(change_owner(q, 1000, 1000), 0);
	pid = child_as((struct who){ 1000, 2000 });
	if (!pid) {
		is(change_mode(q, 0), 0);
		is(queue_stat(q).mode, 0);
		is(change_mode(q, 0640), 0);
		is(change_object(q, IPCBOOK_CHANGE_GID, 0, 2000, 0), 0);
		is(change_object(q, IPCBOOK_CHANGE_GID, 0, 1000, 0), 0);
		is(change_object(q, IPCBOOK_CHANGE_GID, 0, 3000, 0), -EPERM);
		is(change_object(q, IPCBOOK_CHANGE_UID, 1000, 0, 0), 0);
		is(change_object(q, IPCBOOK_CHANGE_UID, 1001, 0, 0), -EPERM);
		is(change_owner(q, 1001, 2000), -EPERM);
		_exit(0);
	}
	is(reap(pid), 0);
	is(queue_stat(q).uid, 1000);
	is(queue_stat(q).gid, 1000);
	is(queue_stat(q).mode, 0640);
}

TEST(others_change_nothing)
{
	pid_t pid;

	is(change_owner(q, 1000, 2000), 0);
	is(change_mode(q, 0666), 0);
	pid = child_as((struct who){ 1001, 2000 });
	if (!pid) {
		is(change_mode(q, 0666), -EPERM);
		is(change_object(q, IPCBOOK_CHANGE_GID, 0, 2000, 0), -EPERM);
		is(change_object(q, IPCBOOK_CHANGE_GID, 0, 1001, 0), -EPERM);
		is(change_object(q, IPCBOOK_CHANGE_UID, 1001, 0, 0), -EPERM);
		is(change_object(q, IPCBOOK_CHANGE_UID, 1000, 0, 0), -EPERM);
		_exit(0);
	}
	is(reap(pid), 0);
}

TEST(a_change_that_makes_no_sense_is_refused)
{
	struct ipcbook_change arg = {
		.size = sizeof(arg),
		.mask = IPCBOOK_CHANGE_MODE,
		.mode = 0600,
		.pad = 1,
	};

	is(ask(q, IPCBOOK_IOC_CHANGE, &arg), -EINVAL);
	is(change_object(q, 0, 0, 0, 0), -EINVAL);
	is(change_object(q, 1U << 3, 0, 0, 0), -EINVAL);
	is(change_object(q, IPCBOOK_CHANGE_MODE | 1U << 31, 0, 0, 0600), -EINVAL);
	is(change_mode(q, 01000), -EINVAL);
	is(change_mode(q, UINT32_MAX), -EINVAL);
	is(change_object(q, IPCBOOK_CHANGE_UID, UINT32_MAX, 0, 0), -EINVAL);
	is(change_object(q, IPCBOOK_CHANGE_GID, 0, UINT32_MAX, 0), -EINVAL);
	is(queue_stat(q).mode, 0600);
	is(queue_stat(q).uid, 0);
	works(q);
}

TEST(the_umask_is_applied_at_creation)
{
	struct ipcbook_open arg = open_arg(qname, READ | WRITE | CREATE);
	mode_t before = umask(027);

	is(queue_unlink(qname), 0);
	arg.mode = 0666;
	is(queue_stat(keep(ask_device(IPCBOOK_IOC_OPEN, &arg))).mode, 0640);
	is(queue_unlink(qname), 0);
	arg.mode = 0777;
	is(queue_stat(keep(ask_device(IPCBOOK_IOC_OPEN, &arg))).mode, 0750);
	umask(before);
}

TEST(who_creates_a_queue_owns_it_and_may_open_it_whatever_its_mode)
{
	struct ipcbook_open arg = open_arg(qname, READ | WRITE | CREATE);
	struct ipcbook_stat stat;
	pid_t pid;
	int fd;

	is(queue_unlink(qname), 0);
	arg.mode = 0;
	pid = child_as((struct who){ 1001, 0 });
	if (!pid) {
		fd = ask_device(IPCBOOK_IOC_OPEN, &arg);
		works(fd);
		stat = queue_stat(fd);
		is(stat.uid, 1001);
		is(stat.gid, 1001);
		is(stat.mode, 0);
		is(stat.creator, getpid());
		is(try_open(&arg), -EACCES);
		is(queue_unlink(qname), 0);
		_exit(0);
	}
	is(reap(pid), 0);
}

TEST(a_descriptor_keeps_what_it_was_opened_with)
{
	int opened = gate(), changed = gate();
	pid_t pid;
	int fd;

	is(change_mode(q, 0666), 0);
	pid = child();
	if (!pid) {
		become(1001);
		fd = queue_open(qname, READ | WRITE);
		gate_open(opened);
		gate_pass(changed);
		is(try_flags(qname, READ), -EACCES);
		works(fd);
		_exit(0);
	}
	gate_pass(opened);
	is(change_mode(q, 0), 0);
	is(change_owner(q, 1000, 1000), 0);
	gate_open(changed);
	is(reap(pid), 0);
}

/* Root without capabilities is a user like another. */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[2] = { { 0 } };

	is(sys(syscall(SYS_capset, &head, none)), 0);
}

TEST(it_is_capabilities_that_override_and_not_the_number_of_the_user)
{
	pid_t pid;

	is(change_owner(q, 1000, 1000), 0);
	pid = child();
	if (!pid) {
		drop_capabilities();
		is(try_flags(qname, READ), -EACCES);
		is(queue_unlink(qname), -EPERM);
		is(change_mode(q, 0666), -EPERM);
		is(change_owner(q, 0, 0), -EPERM);
		_exit(0);
	}
	is(reap(pid), 0);
}

/* --- Descriptors for one direction ---------------------------------------- */

TEST(a_descriptor_to_read_does_not_send)
{
	int fd = queue_open(qname, READ);
	struct ipcbook_queue_entry entry = {
		.buf = (uintptr_t)"x", .len = 1, .info.type = 5,
	};
	struct iovec part = { "x", 1 };

	is(queue_send(fd, 5, "x", 1, 0, 0), -EBADF);
	is(queue_send_batch(fd, &entry, 1, 0, 0), -EBADF);
	is(sys(write(fd, "x", 1)), -EBADF);
	is(sys(pwrite(fd, "x", 1, 5)), -EBADF);
	is(sys(writev(fd, &part, 1)), -EBADF);
	put(q, 5, "y");
	got(fd, IPCBOOK_EXACT, 5, "y");
	is(queue_stat(fd).sent, 1);
}

TEST(a_descriptor_to_write_does_not_receive)
{
	int fd = queue_open(qname, WRITE);
	char room[8];
	struct ipcbook_queue_entry entry = {
		.buf = (uintptr_t)room, .len = 8,
	};
	struct iovec part = { room, 8 };

	put(fd, 5, "y");
	is(queue_recv(fd, IPCBOOK_ANY, 0, room, 8, 0, 0, NULL), -EBADF);
	is(queue_peek(fd, IPCBOOK_ANY, 0, room, 8, NULL), -EBADF);
	is(queue_recv_batch(fd, IPCBOOK_ANY, 0, &entry, 1, 0, 0), -EBADF);
	is(sys(read(fd, room, 8)), -EBADF);
	is(sys(pread(fd, room, 8, 5)), -EBADF);
	is(sys(readv(fd, &part, 1)), -EBADF);
	got(q, IPCBOOK_ANY, 0, "y");
}

TEST(a_descriptor_cannot_be_reopened_for_more)
{
	int fd = queue_open(qname, READ);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	is(sys(open(path, O_RDWR)), -ENXIO);
}

/* --- The default queue ---------------------------------------------------- */

/* A child in a network namespace, and so with a default queue, of its own. */
static pid_t child_alone(void)
{
	pid_t pid = child();

	if (!pid)
		is(sys(unshare(CLONE_NEWNET)), 0);
	return pid;
}

BARE_TEST(the_device_opened_for_one_direction_has_one)
{
	pid_t pid = child_alone();
	char room[8];
	int in, out;

	if (!pid) {
		in = sys(open(IPCBOOK_DEVICE, O_RDONLY));
		out = sys(open(IPCBOOK_DEVICE, O_WRONLY));
		is(queue_send(in, 5, "x", 1, 0, 0), -EBADF);
		is(sys(write(in, "x", 1)), -EBADF);
		is(queue_recv(out, IPCBOOK_ANY, 0, room, 8, 0, 0, NULL),
		   -EBADF);
		is(sys(read(out, room, 8)), -EBADF);
		put(out, 5, "y");
		got(in, IPCBOOK_EXACT, 5, "y");
		_exit(0);
	}
	is(reap(pid), 0);
}

BARE_TEST(the_default_queue_is_root_s_whoever_is_first)
{
	pid_t pid = child_alone();
	struct ipcbook_stat stat;
	int fd;

	if (!pid) {
		umask(077);
		become(1001);
		fd = sys(open(IPCBOOK_DEVICE, O_RDWR));
		works(fd);
		stat = queue_stat(queue_open("default", READ));
		is(stat.uid, 0);
		is(stat.gid, 0);
		is(stat.mode, 0666);
		is(try_flags("default", READ | CREATE | EXCL), -EEXIST);
		is(queue_unlink("default"), -EPERM);
		_exit(0);
	}
	is(reap(pid), 0);
}

BARE_TEST(a_default_queue_made_private_refuses_others_plain_calls)
{
	pid_t pid = child_alone();
	char room[8];
	int fd;

	if (!pid) {
		is(change_mode(queue_open("default", READ), 0622), 0);
		become(1001);
		fd = sys(open(IPCBOOK_DEVICE, O_RDWR));
		is(sys(write(fd, "x", 1)), 1);
		is(sys(read(fd, room, 8)), -EACCES);
		is(queue_recv(fd, IPCBOOK_ANY, 0, room, 8, 0, 0, NULL),
		   -EACCES);
		is(queue_send(fd, 5, "x", 1, 0, 0), 0);
		_exit(0);
	}
	is(reap(pid), 0);
}

BARE_TEST(an_unlinked_default_queue_comes_back_fresh_for_who_opens_anew)
{
	pid_t pid = child_alone();
	int old, new;

	if (!pid) {
		old = sys(open(IPCBOOK_DEVICE, O_RDWR));
		put(old, 5, "old");
		is(queue_unlink("default"), 0);
		is(queue_send(old, 5, "x", 1, 0, 0), -EIDRM);
		new = sys(open(IPCBOOK_DEVICE, O_RDWR));
		is_empty(new);
		works(new);
		_exit(0);
	}
	is(reap(pid), 0);
}

BARE_TEST(opening_the_device_alone_creates_nothing)
{
	pid_t pid = child_alone();

	if (!pid) {
		close(sys(open(IPCBOOK_DEVICE, O_RDWR)));
		is(queue_unlink("default"), -ENOENT);
		_exit(0);
	}
	is(reap(pid), 0);
}

BARE_TEST(looking_at_a_device_that_nobody_has_used_creates_nothing)
{
	pid_t pid = child_alone();
	char path[64];
	int fd;

	if (!pid) {
		fd = sys(open(IPCBOOK_DEVICE, O_RDWR));
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
		holds(strstr(slurp(path), "chapter:\tqueue\nname:\tdefault\n"));
		is(queue_unlink("default"), -ENOENT);
		_exit(0);
	}
	is(reap(pid), 0);
}

BARE_TEST(a_request_that_does_not_exist_creates_nothing)
{
	static const unsigned char numbers[] = {
		0x04, 0x0f, 0x10, 0x21, 0x33, 0x45, 0x4f, 0x50, 0x64, 0x6f,
		0x75, 0x80, 0xff,
	};
	pid_t pid = child_alone();
	char arg[256] = "";
	int fd;

	if (!pid) {
		fd = sys(open(IPCBOOK_DEVICE, O_RDWR));
		for (unsigned int i = 0; i < sizeof(numbers); i++)
			is(ask(fd, _IO(IPCBOOK_IOC_MAGIC, numbers[i]), arg),
			   -ENOTTY);
		is(queue_unlink("default"), -ENOENT);
		is(ipcbook_ring_unlink("default"), -ENOENT);
		_exit(0);
	}
	is(reap(pid), 0);
}

BARE_TEST(the_device_is_everybody_s)
{
	struct stat node;

	is(sys(stat(IPCBOOK_DEVICE, &node)), 0);
	holds(S_ISCHR(node.st_mode));
	is(node.st_mode & 07777, 0666);
	is(node.st_uid, 0);
}
