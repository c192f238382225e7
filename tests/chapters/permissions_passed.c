// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a descriptor lets its holder do, whoever that is: the one who opened it,
 * or a less privileged process that it was passed to. And those whose power is
 * not what it seems: a set-user-id program, root of a user namespace.
 */
#include <libgen.h>
#include <limits.h>
#include <sys/fsuid.h>
#include <sys/stat.h>

#include <ipcbook/ring.h>
#include <ipcbook/sem.h>
#include <ipcbook/signal.h>

#include "permissions.h"

/* The holder of a passed descriptor, who may nothing else. */
static const struct who other = {
	"another", 1003, 1003, 1003, 1003, 0, 0,
};

static char room[5000];

/* --- Operations ----------------------------------------------------------- */

static long do_write(int fd)
{
	return sys(write(fd, "x", 1));
}

static long do_read(int fd)
{
	return sys(read(fd, room, 1));
}

static long do_pwrite(int fd)
{
	return sys(pwrite(fd, "x", 1, 5));
}

static long do_pread(int fd)
{
	return sys(pread(fd, room, 1, 5));
}

static long do_send(int fd)
{
	return queue_send(fd, 5, "x", 1, IPCBOOK_NOWAIT, 0) ?: 1;
}

static long do_recv(int fd)
{
	return queue_take(fd, IPCBOOK_ANY, 0);
}

static long do_peek(int fd)
{
	return queue_peek(fd, IPCBOOK_ANY, 0, room, sizeof(room), NULL);
}

static long do_send_batch(int fd)
{
	struct ipcbook_queue_entry entry = {
		.buf = (uintptr_t)"x",
		.len = 1,
		.info.type = 5,
	};

	return queue_send_batch(fd, &entry, 1, IPCBOOK_NOWAIT, 0);
}

static long do_recv_batch(int fd)
{
	struct ipcbook_queue_entry entry = {
		.buf = (uintptr_t)room,
		.len = sizeof(room),
	};

	return queue_recv_batch(fd, IPCBOOK_ANY, 0, &entry, 1, IPCBOOK_NOWAIT,
				0);
}

static long do_splice_in(int fd)
{
	long answer;
	int ends[2];

	is(sys(pipe(ends)), 0);
	is(sys(write(ends[1], "x", 1)), 1);
	answer = sys(splice(ends[0], NULL, fd, NULL, 1, SPLICE_F_NONBLOCK));
	close(ends[0]);
	close(ends[1]);
	return answer;
}

static long do_splice_out(int fd)
{
	long answer;
	int ends[2];

	is(sys(pipe(ends)), 0);
	answer = sys(splice(fd, NULL, ends[1], NULL, 1, SPLICE_F_NONBLOCK));
	close(ends[0]);
	close(ends[1]);
	return answer;
}

/* Maps the first page of what is there; and tries to get more of it later. */
static long map_as(int fd, int prot, off_t offset, size_t length)
{
	char *mem = mmap(NULL, length, prot, MAP_SHARED, fd, offset);
	long more = 0;

	if (mem == MAP_FAILED)
		return -errno;
	if (prot & PROT_WRITE)
		mem[0] = 0;
	else
		more = sys(mprotect(mem, length, PROT_READ | PROT_WRITE));
	munmap(mem, length);
	/* Readable only, and so for good; or 2 if that could be changed. */
	return prot & PROT_WRITE ? 1 : more == -EACCES ? 1 : 2;
}

static long do_map_read(int fd)
{
	return map_as(fd, PROT_READ, 0, 4096);
}

static long do_map_write(int fd)
{
	return map_as(fd, PROT_READ | PROT_WRITE, 0, 4096);
}

static long do_map_private(int fd)
{
	void *mem = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);

	return mem == MAP_FAILED ? -errno : 1;
}

static long do_down(int fd)
{
	return ipcbook_sem_down(fd, 1, IPCBOOK_NOWAIT, 0) ?: 1;
}

static long do_up(int fd)
{
	return ipcbook_sem_up(fd, 1) ?: 1;
}

static long do_value(int fd)
{
	long answer = ipcbook_sem_value(fd);

	return answer < 0 ? answer : 1;
}

static long do_wait(int fd)
{
	struct ipcbook_sem_want want = { fd, 1 };
	int answer = ipcbook_sem_wait(&want, 1, IPCBOOK_NOWAIT, 0);

	return answer < 0 ? answer : 1;
}

static long map_role(int fd, uint32_t role)
{
	struct ipcbook_ring ring;
	int err = ipcbook_ring_attach(&ring, fd, role);

	if (err)
		return err;
	ipcbook_ring_detach(&ring);
	return 1;
}

static long do_produce(int fd)
{
	return map_role(fd, IPCBOOK_RING_PRODUCER);
}

static long do_consume(int fd)
{
	return map_role(fd, IPCBOOK_RING_CONSUMER);
}

static long do_stat(int fd)
{
	struct ipcbook_stat stat = { .size = sizeof(stat) };

	return ask(fd, IPCBOOK_IOC_STAT, &stat) ?: 1;
}

static long do_change(int fd)
{
	return change_object(fd, IPCBOOK_CHANGE_MODE, 0, 0, 0) ?: 1;
}

/* Opened anew through /proc, for all that there is: by nobody. */
static long do_reopen(int fd)
{
	char path[64];
	long answer;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	answer = sys(open(path, O_RDWR | O_CLOEXEC));
	if (answer >= 0)
		close(answer);
	/* Who does not own the descriptor's inode does not come as far. */
	return answer == -EACCES ? -ENXIO : answer;
}

/* --- The table ------------------------------------------------------------ */

/* Answers of a descriptor that is to read, to write, for both. 1: it does. */
struct operation {
	enum ipcbook_chapter chapter;
	const char *name;
	long (*run)(int fd);
	long answers[3];
};

#define OF(chapter, run, read, write, both)				\
	{ IPCBOOK_##chapter, #run, do_##run, { read, write, both } }

static const struct operation operations[] = {
	OF(QUEUE, write, -EBADF, 1, 1),
	OF(QUEUE, read, 1, -EBADF, 1),
	OF(QUEUE, pwrite, -EBADF, 1, 1),
	OF(QUEUE, pread, 1, -EBADF, 1),
	OF(QUEUE, send, -EBADF, 1, 1),
	OF(QUEUE, recv, 1, -EBADF, 1),
	OF(QUEUE, peek, 1, -EBADF, 1),
	OF(QUEUE, send_batch, -EBADF, 1, 1),
	OF(QUEUE, recv_batch, 1, -EBADF, 1),
	OF(QUEUE, map_read, -ENODEV, -EACCES, -ENODEV),
	OF(QUEUE, stat, 1, 1, 1),
	OF(QUEUE, change, -EPERM, -EPERM, -EPERM),
	OF(QUEUE, reopen, -ENXIO, -ENXIO, -ENXIO),
	OF(PIPE, write, -EBADF, 1, 1),
	OF(PIPE, read, 1, -EBADF, 1),
	OF(PIPE, pwrite, -ESPIPE, -ESPIPE, -ESPIPE),
	OF(PIPE, pread, -ESPIPE, -ESPIPE, -ESPIPE),
	OF(PIPE, splice_in, -EBADF, 1, 1),
	OF(PIPE, splice_out, 1, -EBADF, 1),
	OF(PIPE, map_read, -ENODEV, -EACCES, -ENODEV),
	OF(PIPE, stat, 1, 1, 1),
	OF(PIPE, change, -EPERM, -EPERM, -EPERM),
	OF(PIPE, reopen, -ENXIO, -ENXIO, -ENXIO),
	OF(SHM, map_read, 1, -EACCES, 2),
	OF(SHM, map_write, -EACCES, -EACCES, 1),
	OF(SHM, map_private, -EINVAL, -EACCES, -EINVAL),
	OF(SHM, write, -EBADF, -EINVAL, -EINVAL),
	OF(SHM, read, -EINVAL, -EBADF, -EINVAL),
	OF(SHM, stat, 1, 1, 1),
	OF(SHM, change, -EPERM, -EPERM, -EPERM),
	OF(SHM, reopen, -ENXIO, -ENXIO, -ENXIO),
	OF(SEM, down, -EBADF, 1, 1),
	OF(SEM, up, -EBADF, 1, 1),
	OF(SEM, wait, -EBADF, 1, 1),
	OF(SEM, value, 1, -EBADF, 1),
	OF(SEM, stat, 1, 1, 1),
	OF(SEM, change, -EPERM, -EPERM, -EPERM),
	OF(SEM, reopen, -ENXIO, -ENXIO, -ENXIO),
	OF(RING, produce, -EINVAL, -EBADF, 1),
	OF(RING, consume, 1, -EBADF, -EINVAL),
	OF(RING, stat, 1, -EBADF, 1),
	OF(RING, change, -EPERM, -EBADF, -EPERM),
	OF(RING, reopen, -ENXIO, -ENXIO, -ENXIO),
};

static const unsigned int accesses[] = { READ, WRITE, READ | WRITE };

/* Makes ready what an operation takes, by a descriptor that may all. */
static void prepare(const struct operation *operation, int fd)
{
	if (operation->chapter == IPCBOOK_QUEUE)
		is(do_send(fd), 1);
	if (operation->chapter == IPCBOOK_PIPE)
		is(do_write(fd), 1);
	if (operation->chapter == IPCBOOK_SEM)
		is(do_up(fd), 1);
}

/* Runs one chapter's operations; @all may all, fds are of each access. */
static unsigned int run_operations(const struct named *of, int all,
				   const int fds[3])
{
	unsigned int asked = 0, wrong = 0;

	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		const struct operation *operation = &operations[i];

		for (int a = 0; a < 3; a++) {
			long answer;

			if (operation->chapter != of->chapter || fds[a] < 0)
				continue;
			prepare(operation, all);
			answer = operation->run(fds[a]);
			asked++;
			if (answer == operation->answers[a])
				continue;
			print_error("%s %s, access %u: expected %ld, got %ld\n",
				    ipcbook_chapter_name(of->chapter),
				    operation->name, accesses[a],
				    operation->answers[a], answer);
			wrong++;
		}
	}
	is(wrong, 0);
	return asked;
}

/* The object's descriptors: one that may all, and one of each access. */
static void open_each(const struct named *of, int *all, int fds[3])
{
	*all = open_object(of, "passed", READ | WRITE | CREATE);
	holds(*all >= 0);
	for (int a = 0; a < 3; a++) {
		fds[a] = open_object(of, "passed", accesses[a]);
		if (!of->both || accesses[a] != WRITE)
			holds(fds[a] >= 0);
	}
	/* From now on its name lets nobody do anything. */
	is(change_object(*all, IPCBOOK_CHANGE_MODE | IPCBOOK_CHANGE_UID, OWNER,
			 0, 0), 0);
}

static unsigned int as_other(const struct named *of, int all, const int fds[3],
			     bool over_socket)
{
	int passed[3], ends[2], told[2];
	unsigned int asked = 0;
	pid_t pid;

	is(sys(socketpair(AF_UNIX, SOCK_STREAM, 0, ends)), 0);
	is(sys(pipe(told)), 0);
	pid = child();
	if (!pid) {
		for (int a = 0; a < 3; a++)
			if (over_socket && fds[a] >= 0)
				close(fds[a]);
		become_who(&other);
		for (int a = 0; a < 3; a++)
			passed[a] = !over_socket || fds[a] < 0 ? fds[a] :
				    passed_fd(ends[1]);
		asked = run_operations(of, all, passed);
		is(open_object(of, "passed", READ), -EACCES);
		is(unlink_object(of->chapter, "passed"), -EPERM);
		is(sys(write(told[1], &asked, sizeof(asked))), sizeof(asked));
		_exit(0);
	}
	for (int a = 0; a < 3; a++)
		if (over_socket && fds[a] >= 0)
			pass_fd(ends[0], fds[a]);
	is(reap(pid), 0);
	is(sys(read(told[0], &asked, sizeof(asked))), sizeof(asked));
	close(ends[0]);
	close(ends[1]);
	close(told[0]);
	close(told[1]);
	return asked + 2;
}

BARE_TEST(a_descriptor_does_what_it_was_opened_for_and_no_more)
{
	unsigned int asked = 0;

	device = keep(sys(open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC)));
	give_seconds(60);
	for (size_t i = 0; i < ARRAY_SIZE(named); i++) {
		int all, fds[3];

		open_each(&named[i], &all, fds);
		asked += as_other(&named[i], all, fds, false);
		asked += as_other(&named[i], all, fds, true);
		close(all);
		for (int a = 0; a < 3; a++)
			close(fds[a]);
		is(unlink_object(named[i].chapter, "passed"), 0);
	}
	print_message("# permissions: descriptors: %u\n", asked);
}

/* --- Sockets and signals, passed ------------------------------------------ */

BARE_TEST(a_socket_that_was_passed_receives_and_accepts_for_its_holder)
{
	int listener, client, server;
	pid_t pid;

	device = keep(sys(open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC)));
	listener = keep(ipcbook_socket_listen("passed", SOCK_STREAM, 5));
	is(change_object(listener, IPCBOOK_CHANGE_MODE, 0, 0, 0600), 0);
	client = keep(ipcbook_socket_connect("passed", SOCK_STREAM));
	is(sys(send(client, "one", 3, 0)), 3);
	pid = child();
	if (!pid) {
		become_who(&other);
		/* Its own connections it does not get. */
		is(connect_socket("passed"), -EACCES);
		is(do_change(listener), -EPERM);
		is(do_change(client), -EPERM);
		is(do_reopen(client), -ENXIO);
		server = sys(accept(listener, NULL, NULL));
		holds(server >= 0);
		is(sys(recv(server, room, sizeof(room), 0)), 3);
		is(sys(send(client, "two", 3, 0)), 3);
		is(sys(recv(server, room, sizeof(room), 0)), 3);
		_exit(0);
	}
	is(reap(pid), 0);
	is(ipcbook_unlink(IPCBOOK_SOCKET, "passed"), 0);
}

BARE_TEST(a_netlink_socket_that_was_passed_sends_for_its_holder)
{
	struct ipcbook_signal *mine, *root;
	pid_t pid;

	is(ipcbook_signal_open(&mine), 0);
	is(ipcbook_signal_open(&root), 0);
	is(ipcbook_signal_register(mine, "passed", NULL, 0, 0), 0);
	pid = child();
	if (!pid) {
		become_who(&other);
		/* Root's socket does not make root of who writes to it. */
		is(ipcbook_signal_kill_name(root, "passed", 5), -EPERM);
		is(ipcbook_signal_kill(root, getppid(), 5), -EPERM);
		_exit(0);
	}
	is(reap(pid), 0);
	is(ipcbook_signal_kill_name(root, "passed", 5), 1);
	ipcbook_signal_close(mine);
	ipcbook_signal_close(root);
}

/* What is behind the device counts by who opened that. */
BARE_TEST(the_device_that_was_passed_does_what_its_opener_may)
{
	int roots, others, ends[2];
	pid_t pid;

	device = keep(sys(open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC)));
	is(sys(write(device, "x", 1)), 1);
	is(sys(read(device, room, 1)), 1);
	is(change_object(device, IPCBOOK_CHANGE_MODE, 0, 0, 0600), 0);
	roots = keep(sys(open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC)));
	is(sys(socketpair(AF_UNIX, SOCK_STREAM, 0, ends)), 0);
	keep(ends[0]);
	keep(ends[1]);
	pid = child();
	if (!pid) {
		become_who(&other);
		/* Not used yet, and so not judged yet. */
		is(do_write(roots), 1);
		others = sys(open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC));
		is(do_write(others), -EACCES);
		others = sys(open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC));
		pass_fd(ends[1], others);
		_exit(0);
	}
	is(reap(pid), 0);
	others = passed_fd(ends[0]);
	is(do_write(others), -EACCES);
	is(do_read(others), -EACCES);
	is(do_read(roots), 1);
	is(change_object(device, IPCBOOK_CHANGE_MODE, 0, 0, 0666), 0);
	is(ipcbook_queue_unlink("default"), 0);
}

/* --- Set-user-id ---------------------------------------------------------- */

static void create_each(const char *name, uid_t owner)
{
	for (size_t i = 0; i < ARRAY_SIZE(named); i++) {
		int fd = keep(open_object(&named[i], name,
					  READ | WRITE | CREATE));

		is(change_object(fd, IPCBOOK_CHANGE_MODE | IPCBOOK_CHANGE_UID,
				 owner, 0, 0600), 0);
	}
}

static void unlink_each(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(named); i++)
		is(unlink_object(named[i].chapter, name), 0);
}

/* Opens one of each chapter, and connects. */
static void may_each(const char *name, bool may)
{
	for (size_t i = 0; i < ARRAY_SIZE(named); i++) {
		long fd = open_object(&named[i], name, READ | WRITE);

		is(fd < 0 ? fd : 0, may ? 0 : -EACCES);
		close(fd);
	}
	is(connect_socket(name), may ? -ECONNREFUSED : -EACCES);
}

/* The owner of what is created is who decides over it. */
static void creates_for(uid_t uid)
{
	struct ipcbook_stat stat;

	for (size_t i = 0; i < ARRAY_SIZE(named); i++) {
		long fd = open_object(&named[i], "created",
				      READ | WRITE | CREATE);

		holds(fd >= 0);
		is(ipcbook_stat(fd, &stat), 0);
		is(stat.uid, uid);
		is(unlink_object(named[i].chapter, "created"), 0);
		close(fd);
	}
}

BARE_TEST(of_a_set_user_id_process_the_user_of_its_files_counts)
{
	static const struct {
		struct who who;
		uid_t fsuid;
		bool may;
	} cases[] = {
		{ { "", 1001, 1000, 1000, 1001, 0, 0 }, 1000, true },
		{ { "", 1000, 1001, 1000, 1001, 0, 0 }, 1001, false },
		{ { "", 1001, 1000, 1000, 1001, 0, 0 }, 1001, false },
		{ { "", 1000, 1001, 1000, 1001, 0, 0 }, 1000, true },
		{ { "", 1001, 1001, 1000, 1001, 0, 0 }, 1001, false },
	};
	int fd;

	device = keep(sys(open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC)));
	create_each("helper", OWNER);
	fd = bound_socket("helper", 0600);
	is(change_object(fd, IPCBOOK_CHANGE_UID, OWNER, 0, 0), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		pid_t pid = child();

		if (!pid) {
			become_who(&cases[i].who);
			setfsuid(cases[i].fsuid);
			is(setfsuid(-1), cases[i].fsuid);
			may_each("helper", cases[i].may);
			creates_for(cases[i].fsuid);
			_exit(0);
		}
		is(reap(pid), 0);
	}
	close(fd);
	unlink_each("helper");
}

BARE_TEST(a_set_user_id_program_has_its_owner_s_rights)
{
	char command[2 * PATH_MAX], self[PATH_MAX / 2] = "", told[4096];

	holds(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	snprintf(command, sizeof(command),
		 "d=/tmp/suid-$$; mkdir -m 755 $d && trap 'rm -r $d' EXIT\n"
		 "cp %s/../bin/ipcbook $d/plain && cp $d/plain $d/owner || exit\n"
		 "chown 1000 $d/owner && chmod 4755 $d/owner\n"
		 "as() { u=$1; shift; setpriv --reuid $u --regid $u --clear-groups \"$@\"; }\n"
		 "for c in queue shm sem; do\n"
		 "  as 1000 $d/plain $c create --mode 0600 $([ $c = shm ] && echo --size 4096) suid || exit\n"
		 "done\n"
		 "try() { as 1003 \"$@\" >/dev/null 2>&1; echo $?; }\n"
		 "try $d/plain queue send suid x; try $d/owner queue send suid x\n"
		 "try $d/plain shm dump suid; try $d/owner shm dump suid\n"
		 "try $d/plain sem up suid; try $d/owner sem up suid\n"
		 "try $d/owner queue create --mode 0600 made\n"
		 "try $d/plain queue rm made; as 1000 $d/plain queue rm made; echo $?\n"
		 "for c in queue shm sem; do as 1000 $d/plain $c rm suid; done",
		 dirname(self));
	is(shell(0, command, told, sizeof(told)), 0);
	if (strcmp(told, "6\n0\n6\n0\n6\n0\n0\n6\n0\n"))
		print_error("told: %s\n", told);
	holds(!strcmp(told, "6\n0\n6\n0\n6\n0\n0\n6\n0\n"));
}

/* --- User namespaces ------------------------------------------------------ */

static void map_ids(pid_t pid, unsigned int first)
{
	char path[64], text[64];

	snprintf(text, sizeof(text), "0 %u 1000", first);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	holds(spit(path, text));
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	holds(spit(path, text));
}

/* A child that is root, of a user namespace, and this user outside. */
static pid_t child_with_root(unsigned int uid, int namespaces)
{
	int mapped = gate();
	pid_t pid = child_in(CLONE_NEWUSER | namespaces);

	if (pid) {
		map_ids(pid, uid);
		gate_open(mapped);
		return pid;
	}
	gate_pass(mapped);
	is(sys(setresgid(0, 0, 0)), 0);
	is(sys(setresuid(0, 0, 0)), 0);
	return 0;
}

BARE_TEST(root_of_a_user_namespace_has_no_power_over_others_objects)
{
	struct ipcbook_signal *mine;
	int fds[ARRAY_SIZE(named)], fd;
	pid_t pid;

	device = keep(sys(open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC)));
	create_each("outside", 0);
	for (size_t i = 0; i < ARRAY_SIZE(named); i++)
		fds[i] = keep(open_object(&named[i], "outside", READ | WRITE));
	fd = bound_socket("outside", 0600);
	is(ipcbook_signal_open(&mine), 0);
	is(ipcbook_signal_register(mine, "outside", NULL, 0, 0), 0);
	pid = child_with_root(100000, 0);
	if (!pid) {
		struct ipcbook_signal *own;

		may_each("outside", false);
		for (size_t i = 0; i < ARRAY_SIZE(named); i++) {
			is(unlink_object(named[i].chapter, "outside"), -EPERM);
			is(do_change(fds[i]), -EPERM);
			is(change_object(fds[i], IPCBOOK_CHANGE_UID, 0, 0, 0),
			   -EPERM);
		}
		is(unlink_object(IPCBOOK_SOCKET, "outside"), -EPERM);
		is(do_change(fd), -EPERM);
		is(ipcbook_signal_open(&own), 0);
		is(ipcbook_signal_kill_name(own, "outside", 5), -EPERM);
		is(ipcbook_signal_kill(own, getppid(), 5), -EPERM);
		_exit(0);
	}
	is(reap(pid), 0);
	ipcbook_signal_close(mine);
	close(fd);
	unlink_each("outside");
}

static int find(const struct ipcbook_stat *stat, void *arg)
{
	*(unsigned int *)arg += !strcmp(stat->name, "inside");
	return 0;
}

/* Inside: objects of a user of the namespace, whose root rules them. */
static void rule_inside(void)
{
	const struct who user = { "", 5, 5, 5, 5, 0, 0 };
	int ready = gate(), done = gate();
	struct ipcbook_signal *own;
	unsigned int n = 0;
	pid_t pid;

	device = keep(sys(open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC)));
	pid = child();
	if (!pid) {
		struct ipcbook_signal *mine;

		become_who(&user);
		for (size_t i = 0; i < ARRAY_SIZE(named); i++)
			holds(open_object(&named[i], "inside",
					  READ | WRITE | CREATE) >= 0);
		bound_socket("inside", 0600);
		is(ipcbook_signal_open(&mine), 0);
		is(ipcbook_signal_register(mine, "inside", NULL, 0, 0), 0);
		gate_open(ready);
		gate_pass(done);
		_exit(0);
	}
	gate_pass(ready);
	is(ipcbook_list(0, NULL, find, &n), 0);
	is(n, ARRAY_SIZE(named) + 2);
	may_each("inside", true);
	is(ipcbook_signal_open(&own), 0);
	is(ipcbook_signal_kill_name(own, "inside", 5), 1);
	for (size_t i = 0; i < ARRAY_SIZE(named); i++) {
		int fd = open_object(&named[i], "inside", READ | WRITE);

		is(change_object(fd, IPCBOOK_CHANGE_UID, 7, 0, 0), 0);
		is(change_object(fd, IPCBOOK_CHANGE_UID, 2000, 0, 0), -EINVAL);
	}
	unlink_each("inside");
	is(unlink_object(IPCBOOK_SOCKET, "inside"), 0);
	gate_open(done);
	is(reap(pid), 0);
}

BARE_TEST(a_network_namespace_has_its_own_names_and_their_root_rules_them)
{
	unsigned int n = 0;
	pid_t pid;

	device = keep(sys(open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC)));
	create_each("outside", 0);
	pid = child_with_root(100000, CLONE_NEWNET);
	if (!pid) {
		rule_inside();
		for (size_t i = 0; i < ARRAY_SIZE(named); i++)
			is(open_object(&named[i], "outside", READ), -ENOENT);
		is(connect_socket("outside"), -ECONNREFUSED);
		_exit(0);
	}
	is(reap(pid), 0);
	is(ipcbook_list(0, NULL, find, &n), 0);
	is(n, 0);
	unlink_each("outside");
}
