// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits: how many objects, how much for one user, how much for one object,
 * and which memory cgroup pays. Shown with queues, and where it differs with
 * segments, pipes and signals.
 */
#include <sys/resource.h>
#include <sys/socket.h>

#include <ipcbook/signal.h>

#include "cgroup.h"

#define READ	IPCBOOK_OPEN_READ
#define WRITE	IPCBOOK_OPEN_WRITE
#define CREATE	IPCBOOK_OPEN_CREATE
#define ANON	IPCBOOK_OPEN_ANON

/* A queue of these limits without a name: a descriptor or an error. */
static long create(uint64_t messages, uint64_t bytes, uint64_t size)
{
	struct ipcbook_open arg = {
		.size = sizeof(arg),
		.chapter = IPCBOOK_QUEUE,
		.flags = READ | WRITE | ANON | IPCBOOK_OPEN_CLOEXEC,
		.queue = { messages, bytes, size },
	};

	return ask_device(IPCBOOK_IOC_OPEN, &arg);
}

/* How many of these can be created; their descriptors stay open. */
static unsigned int create_many(uint64_t messages, uint64_t bytes, long error)
{
	unsigned int n = 0;
	long fd;

	while ((fd = create(messages, bytes, 1)) >= 0)
		n++;
	is(fd, error);
	return n;
}

/* --- Per user ------------------------------------------------------------- */

BARE_TEST(a_user_has_only_so_many_objects)
{
	long fds[3];
	pid_t pid;

	set_parameter("user_objects", 3);
	pid = child();
	if (!pid) {
		become(1000);
		for (unsigned int i = 0; i < 3; i++)
			holds((fds[i] = create(0, 0, 0)) >= 0);
		is(create(0, 0, 0), -EDQUOT);
		works(fds[1]);
		close(fds[1]);
		holds((fds[1] = create(0, 0, 0)) >= 0);
		is(create(0, 0, 0), -EDQUOT);
		_exit(0);
	}
	is(reap(pid), 0);
}

BARE_TEST(a_name_and_its_descriptors_are_one_object)
{
	pid_t pid;
	int fd;

	set_parameter("user_objects", 1);
	pid = child();
	if (!pid) {
		become(1000);
		fd = queue_open("limits-test", READ | CREATE);
		holds(queue_open("limits-test", READ | CREATE) >= 0);
		is(create(0, 0, 0), -EDQUOT);
		close(fd);
		is(queue_unlink("limits-test"), 0);
		/* The second descriptor still holds it. */
		is(create(0, 0, 0), -EDQUOT);
		_exit(0);
	}
	is(reap(pid), 0);
	pid = child();
	if (!pid) {
		become(1000);
		holds(queue_open("limits-test", READ | CREATE) >= 0);
		_exit(0);
	}
	is(reap(pid), 0);
	pid = child();
	if (!pid) {
		become(1000);
		is(create(0, 0, 0), -EDQUOT);
		is(queue_unlink("limits-test"), 0);
		holds(create(0, 0, 0) >= 0);
		_exit(0);
	}
	is(reap(pid), 0);
}

BARE_TEST(users_do_not_share_their_limits)
{
	int full = gate(), go = gate();
	pid_t one, two;

	set_parameter("user_objects", 2);
	one = child();
	if (!one) {
		become(1000);
		is(create_many(0, 0, -EDQUOT), 2);
		gate_open(full);
		gate_pass(go);
		_exit(0);
	}
	gate_pass(full);
	two = child();
	if (!two) {
		become(1001);
		is(create_many(0, 0, -EDQUOT), 2);
		_exit(0);
	}
	is(reap(two), 0);
	gate_open(go);
	is(reap(one), 0);
}

BARE_TEST(one_user_in_all_namespaces_is_one_user)
{
	int full = gate(), mapped = gate(), go = gate();
	pid_t one, two;
	char path[64];

	set_parameter("user_objects", 2);
	one = child();
	if (!one) {
		is(sys(unshare(CLONE_NEWNET)), 0);
		become(1000);
		is(create_many(0, 0, -EDQUOT), 2);
		gate_open(full);
		gate_pass(go);
		_exit(0);
	}
	gate_pass(full);
	two = child_in(CLONE_NEWUSER | CLONE_NEWNET);
	if (!two) {
		gate_pass(mapped);
		is(sys(setresuid(0, 0, 0)), 0);
		is(create(0, 0, 0), -EDQUOT);
		_exit(0);
	}
	snprintf(path, sizeof(path), "/proc/%d/uid_map", two);
	holds(spit(path, "0 1000 1"));
	gate_open(mapped);
	is(reap(two), 0);
	gate_open(go);
	is(reap(one), 0);
}

BARE_TEST(a_user_s_objects_have_only_so_many_bytes)
{
	unsigned int n;
	pid_t pid;

	set_parameter("user_bytes", 8 << 20);
	pid = child();
	if (!pid) {
		become(1000);
		n = create_many(1, 1 << 20, -EDQUOT);
		holds(n == 7 || n == 8);
		_exit(0);
	}
	is(reap(pid), 0);
	pid = child();
	if (!pid) {
		become(1000);
		is(create(1, (8 << 20) + 1, 1), -EDQUOT);
		/* Many small messages cost more than their bytes. */
		n = create_many(1 << 14, 1 << 14, -EDQUOT);
		holds(n < 8);
		_exit(0);
	}
	is(reap(pid), 0);
	pid = child();
	if (!pid) {
		become(1000);
		holds(create(0, 0, 0) >= 0);
		_exit(0);
	}
	is(reap(pid), 0);
}

BARE_TEST(who_may_exceed_resources_is_not_limited)
{
	set_parameter("user_objects", 0);
	set_parameter("user_bytes", 0);
	set_parameter("max_objects", 0);
	set_parameter("queue_max_messages", 1);
	set_parameter("queue_max_bytes", 1);
	set_parameter("queue_max_size", 1);
	works(keep(create(100, 1000, 100)));
}

/* --- All together --------------------------------------------------------- */

/* Raises max_objects until one object can be created, and leaves it there. */
static long first_that_fits(void)
{
	long fd = -ENOSPC;
	char text[32];

	for (unsigned int n = 0; fd == -ENOSPC && n < 100; n++) {
		snprintf(text, sizeof(text), "%u", n);
		holds(spit("/sys/module/ipcbook/parameters/max_objects", text));
		is(sys(setresuid(-1, 1000, -1)), 0);
		fd = create(0, 0, 0);
		is(sys(setresuid(-1, 0, -1)), 0);
	}
	return fd;
}

TEST(there_are_only_so_many_objects)
{
	pid_t pid;
	long fd;

	set_parameter("max_objects", 1);
	pid = child();
	if (!pid) {
		fd = first_that_fits();
		holds(fd >= 0);
		is(sys(setresuid(1000, 1000, 1000)), 0);
		is(create(0, 0, 0), -ENOSPC);
		works(fd);
		close(fd);
		fd = create(0, 0, 0);
		holds(fd >= 0);
		is(create(0, 0, 0), -ENOSPC);
		_exit(0);
	}
	is(reap(pid), 0);
	works(q);
}

/* --- Per queue ------------------------------------------------------------ */

BARE_TEST(a_queue_s_limits_are_limited)
{
	pid_t pid;
	int fd;

	set_parameter("queue_max_messages", 100);
	set_parameter("queue_max_bytes", 5000);
	set_parameter("queue_max_size", 300);
	pid = child();
	if (!pid) {
		become(1000);
		is(create(101, 0, 0), -E2BIG);
		is(create(0, 5001, 0), -E2BIG);
		is(create(0, 0, 301), -E2BIG);
		fd = create(100, 5000, 300);
		is(queue_stat(fd).max_depth, 100);
		is(queue_stat(fd).max_bytes, 5000);
		is(queue_stat(fd).max_size, 300);
		/* The defaults are over these limits and are lowered. */
		fd = create(0, 0, 0);
		is(queue_stat(fd).max_depth, 100);
		is(queue_stat(fd).max_bytes, 5000);
		is(queue_stat(fd).max_size, 300);
		_exit(0);
	}
	is(reap(pid), 0);
}

TEST(a_new_limit_holds_for_new_queues)
{
	set_parameter("queue_max_messages", 1);
	set_parameter("queue_max_bytes", 1);
	set_parameter("queue_max_size", 1);
	is(queue_stat(q).max_depth, 1024);
	fill(q, 5, 8000, 3);
	is(queue_stat(q).depth, 3);
}

BARE_TEST(parameters_can_be_changed_by_root_alone)
{
	char output[8];

	is(shell(1000, "cd /sys/module/ipcbook/parameters; test -r max_objects",
		 output, sizeof(output)), 0);
	is(shell(1000, "cd /sys/module/ipcbook/parameters; test -w max_objects",
		 output, sizeof(output)), 1);
}

TEST(nothing_is_opened_or_created_where_no_descriptor_is_to_be_had)
{
	struct ipcbook_stat before = queue_stat(q);
	struct rlimit few = { 3, 3 };
	struct ipcbook_open arg = {
		.size = sizeof(arg),
		.chapter = IPCBOOK_QUEUE,
		.flags = READ,
	};
	pid_t pid;
	int device;

	memcpy(arg.name, qname, sizeof(qname));
	pid = child();
	if (!pid) {
		device = sys(open(IPCBOOK_DEVICE, O_RDWR));
		is(sys(setrlimit(RLIMIT_NOFILE, &few)), 0);
		is(ask(device, IPCBOOK_IOC_OPEN, &arg), -EMFILE);
		arg.flags |= CREATE;
		memset(arg.name, 0, sizeof(arg.name));
		arg.name[0] = 'f';
		is(ask(device, IPCBOOK_IOC_OPEN, &arg), -EMFILE);
		_exit(0);
	}
	is(reap(pid), 0);
	is(queue_unlink("f"), -ENOENT);
	is(queue_stat(q).descriptors, before.descriptors);
}

/* --- Memory cgroups ------------------------------------------------------- */

TEST_WITH(a_queue_s_memory_is_charged_to_its_cgroup, cgroups_start)
{
	long long before, full, after;
	pid_t pid;
	int fd;

	need_cgroups();
	pid = child();
	if (!pid) {
		enter_cgroup('a');
		fd = create(10000, 16 << 20, 8192);
		works(fd);
		before = charged('a');
		fill(fd, 5, 8000, 1000);
		full = charged('a');
		holds(full - before >= 8000000 - PORTIONS);
		holds(full - before <= 12000000 * (1 + slow_kernel()));
		drain(fd);
		after = charged('a');
		holds(after - before <= 2000000);
		fill(fd, 5, 64, 8000);
		full = charged('a');
		holds(full - after >= 8000 * 64);
		holds(full - after <= 8000 * 64 * 12 * (1 + slow_kernel()));
		_exit(0);
	}
	is(reap(pid), 0);
}

/* Fills a queue of cgroup a from cgroup b; tells what each was charged. */
static void send_from_b(size_t len, unsigned int n, long long *a, long long *b)
{
	int ends[2], ready = gate(), fd;
	pid_t owner, other;
	long long *both;

	both = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	is(sys(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)), 0);
	owner = child();
	if (!owner) {
		enter_cgroup('a');
		pass_fd(ends[1], create(10000, 16 << 20, 8192));
		gate_pass(ready);
		_exit(0);
	}
	fd = passed_fd(ends[0]);
	other = child();
	if (!other) {
		enter_cgroup('b');
		works(fd);
		both[0] = -charged('a');
		both[1] = -charged('b');
		fill(fd, 5, len, n);
		both[0] += charged('a');
		both[1] += charged('b');
		_exit(0);
	}
	is(reap(other), 0);
	gate_open(ready);
	is(reap(owner), 0);
	*a = both[0];
	*b = both[1];
	close(ends[0]);
	close(ends[1]);
	close(fd);
}

TEST_WITH(small_messages_are_the_creator_s_and_large_ones_the_sender_s,
	  cgroups_start)
{
	long long a, b;

	need_cgroups();
	send_from_b(8000, 1000, &a, &b);
	holds(b >= 8000000 - PORTIONS);
	holds(a <= 1000000);
	send_from_b(64, 8000, &a, &b);
	holds(a >= 8000 * 64);
	holds(b <= 1000000);
}

/* What the cgroup has may grow by so much. */
static void may_grow(long long bytes)
{
	char room[64];

	snprintf(room, sizeof(room), "%lld", charged('a') + bytes);
	holds(spit(CGROUP "-a/memory.max", room));
}

/* The limit was met without the out-of-memory killer; there is none any more. */
static void reap_unkilled(pid_t pid)
{
	is(reap(pid), 0);
	is(figure('a', "memory.events", "oom_kill "), 0);
	spit(CGROUP "-a/memory.max", "max");
}

/* Sends until it is refused, in a cgroup with a limit; tells how many went. */
static unsigned int send_to_the_limit(size_t len)
{
	static char text[8192];
	unsigned int n = 0;
	char room[64];
	long answer;
	int fd;

	enter_cgroup('a');
	fd = create(200000, 200 << 20, 8192);
	works(fd);
	snprintf(room, sizeof(room), "%lld", charged('a') + (8 << 20));
	/* From here on nothing but the module may ask for memory. */
	is(sys(mlockall(MCL_CURRENT | MCL_FUTURE)), 0);
	holds(spit(CGROUP "-a/memory.max", room));
	while (!(answer = queue_send(fd, 5, text, len, IPCBOOK_NOWAIT, 0)))
		n++;
	is(answer, -ENOMEM);
	is(queue_stat(fd).depth, n);
	drain(fd);
	is(queue_stat(fd).received, n + 1);
	works(fd);
	return n;
}

/* Without the out-of-memory killer, and with the queue as good as before. */
static void refuses_at_the_limit(size_t len, unsigned int most)
{
	pid_t pid;

	need_cgroups();
	pid = child();
	if (!pid) {
		unsigned int n = send_to_the_limit(len);

		holds(n > 0 && n <= most);
		_exit(0);
	}
	reap_unkilled(pid);
}

TEST_WITH(large_messages_stop_at_the_cgroup_s_limit, cgroups_start)
{
	refuses_at_the_limit(8000, (8 << 20) / 8000);
}

TEST_WITH(small_messages_stop_at_the_cgroup_s_limit, cgroups_start)
{
	refuses_at_the_limit(64, (8 << 20) / 64);
}

/* So is a pipe's, whoever makes it larger. */
TEST_WITH(a_pipe_is_charged_to_its_creator, cgroups_start)
{
	long long before, after, other;
	int ends[2];
	pid_t pid;

	need_cgroups();
	pid = child();
	if (!pid) {
		enter_cgroup('a');
		before = charged('a');
		is(ipcbook_pipe(ends, 0, 8 << 20), 0);
		after = charged('a');
		holds(after - before >= (8 << 20) - PORTIONS);
		holds(after - before <= 9 << 20);
		enter_cgroup('b');
		other = charged('b');
		is(ipcbook_pipe_resize(ends[0], 16 << 20), 16 << 20);
		holds(charged('a') - before >= (16 << 20) - PORTIONS);
		holds(charged('a') - before <= 17 << 20);
		holds(charged('b') - other <= 1 << 20);
		is(ipcbook_pipe_resize(ends[1], 4096), 4096);
		holds(charged('a') - before <= 1 << 20);
		is(ipcbook_pipe_resize(ends[1], 8 << 20), 8 << 20);
		close(ends[0]);
		close(ends[1]);
		holds(charged('a') - before <= 1 << 20);
		_exit(0);
	}
	is(reap(pid), 0);
}

TEST_WITH(a_pipe_beyond_the_cgroup_s_limit_is_refused, cgroups_start)
{
	int ends[2];
	pid_t pid;

	need_cgroups();
	pid = child();
	if (!pid) {
		enter_cgroup('a');
		may_grow(8 << 20);
		is(ipcbook_pipe(ends, 0, 16 << 20), -ENOMEM);
		is(ipcbook_pipe(ends, 0, 1 << 20), 0);
		enter_cgroup('b');
		is(ipcbook_pipe_resize(ends[0], 16 << 20), -ENOMEM);
		is(ipcbook_pipe_capacity(ends[0]), 1 << 20);
		_exit(0);
	}
	reap_unkilled(pid);
}

/*
 * Signals take memory when their senders take turns, here the effective users of
 * one process: a run each. It is the receiver's.
 */
TEST_WITH(signals_are_charged_to_who_receives_them, cgroups_start)
{
	enum { ROUNDS = 3000, NUMBERS = 33, RUN = 40 };
	struct ipcbook_signal_target target = { .name = "charged" };
	struct ipcbook_signal *mine, *from;
	long long before, other, grown;
	int numbers[NUMBERS];
	pid_t pid;

	need_cgroups();
	give_seconds(60);
	for (int i = 0; i < NUMBERS; i++)
		numbers[i] = 32 + i;
	pid = child();
	if (!pid) {
		enter_cgroup('a');
		is(ipcbook_signal_open(&mine), 0);
		is(ipcbook_signal_register(mine, "charged", NULL, 0,
					   ROUNDS * NUMBERS), 0);
		is(ipcbook_signal_open(&from), 0);
		before = charged('a');
		enter_cgroup('b');
		other = charged('b');
		for (int i = 0; i < ROUNDS; i++) {
			is(sys(setresuid(-1, i & 1 ? 1001 : 0, -1)), 0);
			is(ipcbook_signal_send(from, &target, 1, numbers,
					       NUMBERS, 0, NULL), NUMBERS);
		}
		is(sys(setresuid(-1, 0, -1)), 0);
		grown = charged('a') - before;
		holds(grown >= ROUNDS * NUMBERS * RUN - PORTIONS);
		holds(grown <= 3 * ROUNDS * NUMBERS * RUN *
			       (1 + slow_kernel()));
		holds(charged('b') - other <= 1 << 20);
		ipcbook_signal_close(mine);
		holds(charged('a') - before <= 1 << 20);
		_exit(0);
	}
	is(reap(pid), 0);
}

/* A segment is its creator's, whoever touches it first. */
TEST_WITH(a_segment_is_charged_to_its_creator, cgroups_start)
{
	long long before, after, other;
	size_t size = 0;
	void *mem = NULL;
	pid_t pid;
	int fd;

	need_cgroups();
	pid = child();
	if (!pid) {
		enter_cgroup('a');
		before = charged('a');
		fd = ipcbook_shm_open(NULL, O_RDWR, 0600, 8 << 20);
		after = charged('a');
		holds(after - before >= (8 << 20) - PORTIONS);
		holds(after - before <= 9 << 20);
		enter_cgroup('b');
		other = charged('b');
		is(ipcbook_shm_map(fd, PROT_READ | PROT_WRITE, &mem, &size), 0);
		memset(mem, 1, size);
		holds(charged('b') - other <= 1 << 20);
		munmap(mem, size);
		close(fd);
		holds(charged('a') - before <= 1 << 20);
		_exit(0);
	}
	is(reap(pid), 0);
}

TEST_WITH(a_segment_beyond_the_cgroup_s_limit_is_refused, cgroups_start)
{
	pid_t pid;

	need_cgroups();
	pid = child();
	if (!pid) {
		enter_cgroup('a');
		may_grow(8 << 20);
		is(ipcbook_shm_open(NULL, O_RDWR, 0600, 16 << 20), -ENOMEM);
		holds(ipcbook_shm_open(NULL, O_RDWR, 0600, 2 << 20) >= 0);
		_exit(0);
	}
	reap_unkilled(pid);
}
