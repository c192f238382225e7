// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many: names, waiters, messages, registrations, connections. All are there and
 * all work, nothing is left when they have gone, and what each takes of memory is
 * bounded. An ordinary user may have them where the module's parameters were
 * raised. Lines "# scale: ..." tell what one costs; times are told and not judged
 * (the benchmark's case "open" is for that). On a kernel that looks for mistakes
 * there are fewer.
 */
#include <sys/resource.h>
#include <sys/socket.h>

#include <ipcbook/signal.h>

#include "cgroup.h"

#define READ	IPCBOOK_OPEN_READ
#define WRITE	IPCBOOK_OPEN_WRITE
#define CREATE	IPCBOOK_OPEN_CREATE

static unsigned int many(unsigned int count)
{
	return slow_kernel() ? count / 20 : count;
}

static double since(uint64_t *begin)
{
	uint64_t now = ipcbook_deadline(0);
	double passed = now - *begin;

	*begin = now;
	return passed;
}

/* The user who has so much, in a memory cgroup where there are any. */
static pid_t child_who_may(void)
{
	const struct rlimit files = { 16384, 16384 };
	const struct rlimit threads = { RLIM_INFINITY, RLIM_INFINITY };
	pid_t pid;

	set_parameter("user_objects", 200000);
	set_parameter("user_bytes", 64UL << 30);
	set_parameter("queue_max_messages", 2000000);
	set_parameter("queue_max_bytes", 1UL << 30);
	pid = child();
	if (pid)
		return pid;
	is(sys(setrlimit(RLIMIT_NOFILE, &files)), 0);
	is(sys(setrlimit(RLIMIT_NPROC, &threads)), 0);
	if (!access(CGROUP "-a/memory.current", R_OK))
		enter_cgroup('a');
	become(1000);
	return 0;
}

/* What the cgroup pays for now; 0 without cgroups. */
static long long paid(void)
{
	return access(CGROUP "-a/memory.current", R_OK) ? 0 : charged('a');
}

/* --- Names ---------------------------------------------------------------- */

static int device = -1;

struct kind {
	enum ipcbook_chapter chapter;
	unsigned int count;
	uint64_t limits[2];
	/* Most bytes that one may take: itself, its pages, its name. */
	long bound;
};

static long open_one(const struct kind *kind, unsigned int number,
		     unsigned int flags)
{
	struct ipcbook_open arg = {
		.size = sizeof(arg),
		.chapter = kind->chapter,
		.flags = flags | IPCBOOK_OPEN_NONBLOCK | IPCBOOK_OPEN_CLOEXEC,
		.mode = 0600,
	};

	snprintf(arg.name, sizeof(arg.name), "scale-%u", number);
	arg.reserved[0] = kind->limits[0];
	arg.reserved[1] = kind->limits[1];
	return ask(device, IPCBOOK_IOC_OPEN, &arg);
}

static long unlink_one(const struct kind *kind, unsigned int number)
{
	struct ipcbook_unlink arg = {
		.size = sizeof(arg),
		.chapter = kind->chapter,
	};

	snprintf(arg.name, sizeof(arg.name), "scale-%u", number);
	return ask(device, IPCBOOK_IOC_UNLINK, &arg);
}

static void create(const struct kind *kind, unsigned int from, unsigned int to)
{
	for (unsigned int n = from; n < to; n++) {
		long fd = open_one(kind, n, READ | WRITE | CREATE |
					    IPCBOOK_OPEN_EXCL);

		is(fd < 0 ? fd : 0, 0);
		close(fd);
	}
}

static int keep_one(const struct ipcbook_stat *stat, void *arg)
{
	*(struct ipcbook_stat *)arg = *stat;
	return 0;
}

/* Nanoseconds to open one of so many, and to find it in the list. */
static void look_up(const struct kind *kind, unsigned int there,
		    double times[2])
{
	static const unsigned int rounds = 1000;
	struct ipcbook_stat stat;
	char name[IPCBOOK_NAME_LEN];
	uint64_t begin = ipcbook_deadline(0);

	for (unsigned int i = 0; i < rounds; i++) {
		/* One after the other would be next to each other. */
		unsigned int n = (uint64_t)i * 2654435761U % there;
		long fd = open_one(kind, n, READ | WRITE);

		is(fd < 0 ? fd : 0, 0);
		close(fd);
	}
	times[0] = since(&begin) / rounds;
	for (unsigned int i = 0; i < rounds / 10; i++) {
		snprintf(name, sizeof(name), "scale-%u",
			 (unsigned int)((uint64_t)i * 2654435761U % there));
		is(ipcbook_list(kind->chapter, name, keep_one, &stat), 0);
		is(strcmp(stat.name, name), 0);
	}
	times[1] = since(&begin) / (rounds / 10);
}

static int count_one(const struct ipcbook_stat *stat, void *arg)
{
	*(unsigned int *)arg += !strncmp(stat->name, "scale-", 6);
	return 0;
}

static void have_many(const struct kind *kind)
{
	unsigned int count = many(kind->count), listed = 0;
	double few[2], lots[2], made;
	long long before, each;
	uint64_t begin;

	create(kind, 0, 10);
	look_up(kind, 10, few);
	before = paid();
	begin = ipcbook_deadline(0);
	create(kind, 10, count);
	made = since(&begin) / (count - 10);
	each = (paid() - before) / (count - 10);
	look_up(kind, count, lots);
	print_message("# scale: %s: %u names, %lld bytes each, create %.0f ns, open %.0f ns (of 10: %.0f), list by name %.0f ns (of 10: %.0f)\n",
		      ipcbook_chapter_name(kind->chapter), count, each, made,
		      lots[0], few[0], lots[1], few[1]);
	is(open_one(kind, count - 1, READ | CREATE | IPCBOOK_OPEN_EXCL),
	   -EEXIST);
	is(open_one(kind, count, READ), -ENOENT);
	is(ipcbook_list(kind->chapter, NULL, count_one, &listed), 0);
	is(listed, count);
	/* Memory is padded where mistakes are looked for. */
	if (!slow_kernel())
		holds(each <= kind->bound);
	for (unsigned int n = 0; n < count; n++)
		is(unlink_one(kind, n), 0);
	is(unlink_one(kind, 0), -ENOENT);
	listed = 0;
	is(ipcbook_list(kind->chapter, NULL, count_one, &listed), 0);
	is(listed, 0);
}

TEST_WITH(a_hundred_thousand_names, cgroups_start)
{
	static const struct kind kinds[] = {
		{ IPCBOOK_QUEUE, 100000, { 10, 100 }, 4096 },
		{ IPCBOOK_SEM, 5000, { 0 }, 4096 + 1024 },
		{ IPCBOOK_SHM, 5000, { 4096 }, 4096 + 1024 },
		{ IPCBOOK_PIPE, 5000, { 4096 }, 4096 + 2048 },
		{ IPCBOOK_RING, 2000, { 4096 }, 3 * 4096 + 2048 },
	};
	pid_t pid;

	give_seconds(500);
	pid = child_who_may();
	if (!pid) {
		device = sys(open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC));
		for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
			have_many(&kinds[i]);
		_exit(0);
	}
	is(reap(pid), 0);
}

/* --- Waiters -------------------------------------------------------------- */

/* A thread that waits for a message, and what came. */
struct waiting {
	pthread_t thread;
	unsigned int type;
	long got;
	char room[16];
};

static int waited;

static void *wait_for_one(void *arg)
{
	struct waiting *one = arg;

	one->got = queue_recv(waited, one->type ? IPCBOOK_EXACT : IPCBOOK_ANY,
			      one->type, one->room, sizeof(one->room), 0, 0,
			      NULL);
	return NULL;
}

static void start_waiting(struct waiting *all, unsigned int count, bool typed)
{
	pthread_attr_t small;

	pthread_attr_init(&small);
	is(pthread_attr_setstacksize(&small, 32768), 0);
	is(pthread_attr_setguardsize(&small, 0), 0);
	for (unsigned int i = 0; i < count; i++) {
		all[i].type = typed ? i + 1 : 0;
		is(pthread_create(&all[i].thread, &small, wait_for_one,
				  &all[i]), 0);
	}
	pthread_attr_destroy(&small);
	await_waiting(waited, count, 0);
}

static double serve(unsigned int count, bool typed)
{
	uint64_t begin = ipcbook_deadline(0);
	char text[16];

	/* From the last one on. What nobody has copied yet counts in the limits. */
	for (unsigned int i = count; i > 0; i--) {
		int n = snprintf(text, sizeof(text), "%u", i - 1);

		is(queue_send(waited, i, text, n, 0, 0), 0);
	}
	(void)typed;
	return since(&begin) / count;
}

static void wait_and_serve(unsigned int count, bool typed)
{
	struct waiting *all = calloc(count, sizeof(*all));
	char *seen = calloc(count, 1);
	uint64_t memory;
	double each;

	holds(all && seen);
	memory = queue_stat(waited).memory;
	start_waiting(all, count, typed);
	is(queue_stat(waited).memory, memory);
	each = serve(count, typed);
	for (unsigned int i = 0; i < count; i++) {
		unsigned int number;

		is(pthread_join(all[i].thread, NULL), 0);
		holds(all[i].got > 0);
		number = atoi(all[i].room);
		if (typed)
			is(number, i);
		holds(number < count);
		is(seen[number]++, 0);
	}
	is(queue_stat(waited).receivers_waiting, 0);
	is(queue_stat(waited).depth, 0);
	print_message("# scale: queue: %u receivers wait, %s, send %.0f ns\n",
		      count, typed ? "each for a type of its own" : "for any",
		      each);
	free(all);
	free(seen);
}

TEST_WITH(ten_thousand_waiters_on_one_queue, cgroups_start)
{
	pid_t pid;

	give_seconds(500);
	pid = child_who_may();
	if (!pid) {
		waited = queue_open("waited", READ | WRITE | CREATE);
		wait_and_serve(1, true);
		wait_and_serve(many(10000), true);
		wait_and_serve(many(10000), false);
		is(queue_unlink("waited"), 0);
		_exit(0);
	}
	is(reap(pid), 0);
}

/* --- Messages ------------------------------------------------------------- */

#define BATCH	1000

static uint64_t numbers[BATCH];
static struct ipcbook_queue_entry entries[BATCH];

static void prepare(unsigned int first, unsigned int types)
{
	memset(entries, 0, sizeof(entries));
	for (unsigned int i = 0; i < BATCH; i++) {
		numbers[i] = first + i;
		entries[i].buf = (uintptr_t)&numbers[i];
		entries[i].len = sizeof(numbers[i]);
		entries[i].info.type = types ? (first + i) % types + 1 : 0;
	}
}

static void a_queue_of(unsigned int count, unsigned int types)
{
	struct ipcbook_queue_limits limits = { count, 8ULL * count, 8 };
	int fd = ipcbook_queue_open(NULL, O_RDWR, 0, &limits);
	struct ipcbook_stat stat;
	double sent, received, one;
	uint64_t begin, number;
	long long before;

	is(fd < 0 ? fd : 0, 0);
	before = paid();
	begin = ipcbook_deadline(0);
	for (unsigned int n = 0; n < count; n += BATCH) {
		prepare(n, types);
		is(queue_send_batch(fd, entries, BATCH, IPCBOOK_NOWAIT, 0),
		   BATCH);
	}
	sent = since(&begin) / count;
	stat = queue_stat(fd);
	is(stat.depth, count);
	is(stat.types, types);
	is(queue_send(fd, 1, "x", 1, IPCBOOK_NOWAIT, 0), -EAGAIN);
	/* The first of the last type, whatever is before it. */
	since(&begin);
	is(queue_recv(fd, IPCBOOK_EXACT, types, &number, sizeof(number),
		      IPCBOOK_NOWAIT, 0, NULL), 8);
	one = since(&begin);
	is(number, types - 1);
	print_message("# scale: queue: %u messages of %u types, %lld bytes each (%llu by its own account), send %.0f ns, one by type %.0f ns",
		      count, types, (paid() - before) / count,
		      (unsigned long long)stat.memory / count, sent, one);
	/* What a queue has besides is shared by many. */
	if (!slow_kernel() && count > 1000) {
		holds(stat.memory / count <= 512);
		holds((paid() - before) / count <= 512);
	}
	since(&begin);
	for (unsigned int n = 0; n < count - 1;) {
		long got;

		prepare(0, 0);
		got = queue_recv_batch(fd, IPCBOOK_ANY, 0, entries, BATCH,
				       IPCBOOK_NOWAIT, 0);
		holds(got > 0);
		for (long i = 0; i < got; i++, n++)
			is(numbers[i], n < types - 1 ? n : n + 1);
	}
	received = since(&begin) / count;
	print_message(", receive %.0f ns\n", received);
	is_empty(fd);
	works(fd);
	close(fd);
}

TEST_WITH(a_million_messages_in_one_queue, cgroups_start)
{
	pid_t pid;

	give_seconds(500);
	pid = child_who_may();
	if (!pid) {
		a_queue_of(1000, 10);
		a_queue_of(many(1000000), 10);
		a_queue_of(many(1000000), many(100000));
		_exit(0);
	}
	is(reap(pid), 0);
}

/* --- Registrations -------------------------------------------------------- */

static void register_many(unsigned int count)
{
	struct ipcbook_signal **all = calloc(count, sizeof(*all)), *sender;
	const char *group = "scale";
	struct ipcbook_signal_info info;
	char name[IPCBOOK_NAME_LEN];
	long long before = paid();
	double made, crowd, one;
	uint64_t begin;

	holds(all);
	is(ipcbook_signal_open(&sender), 0);
	begin = ipcbook_deadline(0);
	for (unsigned int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "scale-%u", i);
		is(ipcbook_signal_open(&all[i]), 0);
		is(ipcbook_signal_register(all[i], name, &group, 1, 0), 0);
	}
	made = since(&begin) / count;
	before = (paid() - before) / count;
	since(&begin);
	is(ipcbook_signal_kill_group(sender, group, 40), count);
	crowd = since(&begin) / count;
	for (unsigned int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "scale-%u", i);
		is(ipcbook_signal_kill_name(sender, name, 41), 1);
	}
	one = since(&begin) / count;
	for (unsigned int i = 0; i < count; i++) {
		is(ipcbook_signal_fetch(all[i], &info, 1), 1);
		is(info.number, 40);
		is(ipcbook_signal_fetch(all[i], &info, 1), 1);
		is(info.number, 41);
		is(ipcbook_signal_fetch(all[i], &info, 1), -EAGAIN);
		ipcbook_signal_close(all[i]);
	}
	is(ipcbook_signal_kill_group(sender, group, 40), -ESRCH);
	ipcbook_signal_close(sender);
	print_message("# scale: signal: %u registrations, %lld bytes each with the socket, register %.0f ns, send by name %.0f ns, to all at once %.0f ns each\n",
		      count, before, made, one, crowd);
	free(all);
}

TEST_WITH(a_thousand_registrations, cgroups_start)
{
	pid_t pid;

	give_seconds(300);
	pid = child_who_may();
	if (!pid) {
		register_many(10);
		register_many(many(1000));
		_exit(0);
	}
	is(reap(pid), 0);
}

/* --- Connections ---------------------------------------------------------- */

static void connect_many(unsigned int count)
{
	int listener = ipcbook_socket_listen("scale", SOCK_STREAM, 16);
	int *ends = calloc(2 * count, sizeof(*ends));
	long long before = paid();
	uint64_t begin = ipcbook_deadline(0);
	double made;
	char c;

	holds(listener >= 0 && ends);
	for (unsigned int i = 0; i < 2 * count; i += 2) {
		ends[i] = ipcbook_socket_connect("scale", SOCK_STREAM);
		ends[i + 1] = sys(accept(listener, NULL, NULL));
		holds(ends[i] >= 0 && ends[i + 1] >= 0);
	}
	made = since(&begin) / count;
	for (unsigned int i = 0; i < 2 * count; i += 2) {
		c = i;
		is(sys(send(ends[i], &c, 1, 0)), 1);
	}
	print_message("# scale: socket: %u connections with a byte in each, %lld bytes each, connect and accept %.0f ns\n",
		      count, (paid() - before) / count, made);
	for (unsigned int i = 0; i < 2 * count; i += 2) {
		is(sys(recv(ends[i + 1], &c, 1, MSG_DONTWAIT)), 1);
		is(c, (char)i);
		close(ends[i]);
		is(sys(recv(ends[i + 1], &c, 1, MSG_DONTWAIT)), 0);
		close(ends[i + 1]);
	}
	close(listener);
	free(ends);
}

TEST_WITH(five_thousand_connections, cgroups_start)
{
	pid_t pid;

	give_seconds(300);
	pid = child_who_may();
	if (!pid) {
		connect_many(10);
		connect_many(many(5000));
		_exit(0);
	}
	is(reap(pid), 0);
}
