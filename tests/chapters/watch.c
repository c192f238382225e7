// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook watch: objects' coming and going.
 *
 * Commands are run by a shell, in which $i is the tool and $n a name; "begun"
 * waits until the watch tells of something.
 */
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "harness.h"

static char said[8192];

static int run_as(uid_t uid, const char *lines)
{
	char command[PATH_MAX + 2048], self[PATH_MAX / 2] = "";

	holds(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	*strrchr(self, '/') = '\0';
	snprintf(command, sizeof(command),
		 "exec 2>&1; i=%s/../bin/ipcbook; n=%s; d=/tmp/$n-%u; mkdir -p $d\n"
		 "begun() { until [ -s $d/out ]; do $i queue create begin; $i queue rm begin; done; }\n"
		 "shown() { grep -v begin $d/out | cut -d' ' -f2-4; }\n"
		 "%s", self, qname, uid, lines);
	return shell(uid, command, said, sizeof(said));
}

#define prints(uid, lines, text) do {					\
	is(run_as(uid, lines), 0);					\
	if (strcmp(said, text))						\
		print_error("%s: said \"%s\"\n", lines, said);		\
	assert_string_equal(said, text);				\
} while (0)

TEST(an_objects_life_is_told)
{
	prints(0, "$i watch >$d/out & w=$!; begun\n"
	       "$i queue create life; $i queue send life x; $i queue rm life\n"
	       "$i sem create --value 1 life; $i sem rm life\n"
	       "until grep -q 'gone sem life' $d/out; do :; done; kill $w; shown",
	       "created queue life\n"
	       "opened queue life\n"
	       "unlinked queue life\n"
	       "gone queue life\n"
	       "created sem life\n"
	       "unlinked sem life\n"
	       "gone sem life\n");
}

/* Whoever is first makes the default queue, and has not opened one that was there. */
TEST(a_default_queue_that_is_opened_by_its_name_is_told_once)
{
	prints(0, "exec unshare -n sh -c '\n"
	       "i=$1; d=$2; begun() { until [ -s $d/out ]; do $i queue create begin; $i queue rm begin; done; }\n"
	       "$i watch >$d/out & w=$!; begun\n"
	       "$i queue send default x; $i queue send default y\n"
	       "$i queue rm default; until grep -q \"gone queue default\" $d/out; do :; done; kill $w\n"
	       "grep -v begin $d/out | cut -d\" \" -f2-4' sh $i $d",
	       "created queue default\n"
	       "opened queue default\n"
	       "unlinked queue default\n"
	       "gone queue default\n");
}

TEST(who_may_not_read_an_object_is_not_told)
{
	prints(1000, "$i watch >$d/out & w=$!; begun\n"
	       "$i queue create --mode 0600 secret; $i queue rm secret\n"
	       "$i queue create --mode 0604 public; $i queue rm public\n"
	       "until grep -q 'gone queue public' $d/out; do :; done; kill $w; shown",
	       "created queue public\n"
	       "unlinked queue public\n"
	       "gone queue public\n");
}

TEST(a_limit_that_is_hit_is_told)
{
	set_parameter("user_objects", 1);
	is(run_as(1001, "$i watch -j >$d/out & w=$!; begun\n"
		  "$i queue create first; $i queue create second\n"
		  "until grep -q limit $d/out; do :; done; kill $w\n"
		  "$i queue rm first; grep limit $d/out"), 0);
	holds(strstr(said, "\"event\":\"limit\",\"chapter\":\"queue\",\"id\":0,\"name\":\"second\",\"error\":\"EDQUOT\"}"));
}

TEST(a_namespace_is_told_of_its_own)
{
	prints(0, "$i watch >$d/out & w=$!; begun\n"
	       "unshare -n $i queue create elsewhere; $i queue create here; $i queue rm here\n"
	       "until grep -q 'gone queue here' $d/out; do :; done; kill $w; shown",
	       "created queue here\nunlinked queue here\ngone queue here\n");
}

TEST(a_full_queue_is_told)
{
	prints(0, "$i watch >$d/out & w=$!; begun\n"
	       "$i queue create --messages 1 full; $i queue send full one\n"
	       "$i queue send --nowait full two 2>/dev/null\n"
	       "until grep -q limit $d/out; do :; done; $i queue rm full\n"
	       "until grep -q 'gone queue full' $d/out; do :; done; kill $w\n"
	       "grep -v begin $d/out | cut -d' ' -f2-4,6 | grep -v opened",
	       "created queue full\n"
	       "limit queue full EAGAIN\n"
	       "unlinked queue full\n"
	       "gone queue full\n");
}

TEST(a_sender_out_of_time_is_told)
{
	prints(0, "$i watch >$d/out & w=$!; begun\n"
	       "$i queue create --messages 1 late; $i queue send late one\n"
	       "$i queue send --timeout 1ms late two 2>/dev/null\n"
	       "until grep -q limit $d/out; do :; done; $i queue rm late; kill $w\n"
	       "grep limit $d/out | cut -d' ' -f2-4,6",
	       "limit queue late ETIMEDOUT\n");
}

TEST(a_semaphore_at_its_maximum_is_told)
{
	prints(0, "$i watch >$d/out & w=$!; begun\n"
	       "$i sem create --value 2 --max 2 most; $i sem run most -- $i sem up --units 2 most 2>/dev/null\n"
	       "until grep -q limit $d/out; do :; done; $i sem rm most; kill $w\n"
	       "grep limit $d/out | cut -d' ' -f2-4,6",
	       "limit sem most EOVERFLOW\n");
}

TEST(a_watch_that_cannot_tell_ends)
{
	prints(0, "$i watch >/dev/full 2>$d/why & w=$!\n"
	       "until [ -s $d/why ]; do $i queue create begin; $i queue rm begin; done\n"
	       "wait $w; echo $?; cat $d/why",
	       "1\nipcbook: cannot write to standard output\n");
}

/* Begins a watch of all objects, which ends with the test. */
static void begin_watch(void)
{
	char command[PATH_MAX], self[PATH_MAX / 2] = "";
	pid_t pid;

	holds(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	*strrchr(self, '/') = '\0';
	is(run_as(0, "rm -f $d/out"), 0);
	snprintf(command, sizeof(command),
		 "exec %s/../bin/ipcbook watch >/tmp/%s-0/out", self, qname);
	pid = child();
	if (!pid) {
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	is(run_as(0, "begun"), 0);
}

/* How many lines it has told with this in them, once all has been told. */
static long told_of(const char *what)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "$i queue create marker; $i queue rm marker\n"
		 "until grep -q 'gone queue marker' $d/out; do :; done\n"
		 "grep -c '%s' $d/out", what);
	run_as(0, command);
	return atol(said);
}

/* How much may wait for those whom this one accepts: twice this, as ever. */
static void set_buffer(int fd, int bytes)
{
	is(sys(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes))), 0);
}

/* Connects to the socket that has the test's name. */
static long connect_to(int fd)
{
	struct sockaddr_ipcbook address;
	int length = ipcbook_socket_address(&address, qname);

	return sys(connect(fd, (struct sockaddr *)&address, length));
}

TEST(a_full_pipe_is_told)
{
	char what[64], bytes[4096] = "";
	int ends[2];

	begin_watch();
	is(ipcbook_pipe(ends, O_CLOEXEC | O_NONBLOCK, 4096), 0);
	keep(ends[0]);
	keep(ends[1]);
	snprintf(what, sizeof(what), "limit pipe - %llu EAGAIN",
		 (unsigned long long)queue_stat(ends[0]).id);
	while (sys(write(ends[1], bytes, sizeof(bytes))) > 0)
		is(told_of(what), 0);
	/* It is told a moment later, by a work of the kernel's. */
	while (!told_of(what))
		;
	is(sys(read(ends[0], bytes, sizeof(bytes))), sizeof(bytes));
}

TEST(a_full_socket_is_told)
{
	int client, server, listener;
	char what[64], bytes[4096] = "";
	ssize_t n;

	begin_watch();
	listener = keep(ipcbook_socket_listen(qname, SOCK_STREAM, 1));
	set_buffer(listener, 4096);
	client = keep(ipcbook_socket_connect(qname, SOCK_STREAM));
	server = keep(sys(accept(listener, NULL, NULL)));
	snprintf(what, sizeof(what), "limit socket - %llu EAGAIN",
		 (unsigned long long)queue_stat(client).id);
	is(sys(send(client, bytes, sizeof(bytes), MSG_DONTWAIT)), 4096);
	is(told_of(what), 0);
	/* What goes in part is not refused. */
	while ((n = sys(send(client, bytes, sizeof(bytes), MSG_DONTWAIT))) > 0)
		is(told_of(what), 0);
	is(n, -EAGAIN);
	is(queue_stat(client).refused, 1);
	/* It is told a moment later, as above. */
	while (!told_of(what))
		;
	is(told_of(what), 1);
	is(sys(recv(server, bytes, sizeof(bytes), 0)), sizeof(bytes));
}

TEST(a_full_backlog_is_told)
{
	char what[128];
	int listener;

	begin_watch();
	listener = keep(ipcbook_socket_listen(qname, SOCK_STREAM, 0));
	snprintf(what, sizeof(what), "limit socket %s [0-9]* EAGAIN", qname);
	keep(ipcbook_socket_connect(qname, SOCK_STREAM));
	is(told_of(what), 0);
	is(ipcbook_socket_connect(qname, SOCK_STREAM | SOCK_NONBLOCK), -EAGAIN);
	is(queue_stat(listener).refused, 1);
	while (!told_of(what))
		;
	is(told_of(what), 1);
}

TEST(a_registration_with_too_many_signals_is_told)
{
	prints(0, "$i watch >$d/out & w=$!; begun\n"
	       "$i signal listen --limit 1 --mask 40 ear & l=$!\n"
	       "until $i signal send 40 ear 2>/dev/null; do :; done; $i signal send 40 ear 2>/dev/null\n"
	       "until grep -q limit $d/out; do :; done; kill $l $w\n"
	       "grep limit $d/out | cut -d' ' -f2-4,6",
	       "limit signal ear EAGAIN\n");
}

/*
 * Ten thousand failures, and at most one event in a second: what is told is
 * bounded by the time that it took.
 */
TEST(a_flood_of_refusals_is_no_flood_of_events)
{
	uint64_t begin, seconds;
	char what[128];
	long events;

	begin_watch();
	limit(1, 0, 0);
	put(q, 1, "x");
	snprintf(what, sizeof(what), "limit queue %s [0-9]* EAGAIN", qname);
	begin = ipcbook_deadline(0);
	for (int i = 0; i < 10000; i++)
		is(queue_send(q, 1, "y", 1, IPCBOOK_NOWAIT, 0), -EAGAIN);
	seconds = (ipcbook_deadline(0) - begin) / SEC;
	while (!told_of(what))
		;
	events = told_of(what);
	print_message("# %ld events in %llu s\n", events,
		      (unsigned long long)seconds);
	holds(events <= (long)seconds + 1);
	is(queue_stat(q).refused, 10000);
}

/* The same of objects that are not created, ten in a second. */
TEST(a_flood_of_what_is_not_granted_is_none_either)
{
	uint64_t begin, seconds;
	long events;
	pid_t pid;

	begin_watch();
	set_parameter("user_objects", 1);
	begin = ipcbook_deadline(0);
	pid = child();
	if (!pid) {
		become(1001);
		holds(queue_open(NULL, IPCBOOK_OPEN_READ) >= 0);
		for (int i = 0; i < 2000; i++)
			is(ipcbook_shm_open(NULL, O_RDWR, 0600, 4096), -EDQUOT);
		_exit(0);
	}
	is(reap(pid), 0);
	seconds = (ipcbook_deadline(0) - begin) / SEC;
	events = told_of("limit shm - 0 EDQUOT");
	print_message("# %ld events in %llu s\n", events,
		      (unsigned long long)seconds);
	holds(events > 0);
	holds(events <= 10 * ((long)seconds + 1));
}

/*
 * Asked for until it is told, as what came before in this second may have been
 * told so often that nothing more is.
 */
TEST(a_pipe_that_may_not_grow_is_told)
{
	int ends[2], asks[2];
	char what[64];
	uint64_t id;
	pid_t pid;

	begin_watch();
	set_parameter("user_bytes", 1 << 17);
	is(sys(pipe(ends)), 0);
	keep(ends[0]);
	keep(ends[1]);
	is(sys(pipe(asks)), 0);
	keep(asks[0]);
	pid = child();
	if (!pid) {
		struct ipcbook_stat stat;
		int own[2];
		char ask;

		close(asks[1]);
		become(1001);
		is(ipcbook_pipe(own, O_CLOEXEC, 4096), 0);
		is(ipcbook_stat(own[0], &stat), 0);
		is(sys(write(ends[1], &stat.id, sizeof(stat.id))),
		   sizeof(stat.id));
		while (sys(read(asks[0], &ask, 1)) == 1)
			is(ipcbook_pipe_resize(own[1], 512 << 10), -EDQUOT);
		_exit(0);
	}
	is(sys(read(ends[0], &id, sizeof(id))), sizeof(id));
	snprintf(what, sizeof(what), "limit pipe - %llu EDQUOT",
		 (unsigned long long)id);
	is(told_of(what), 0);
	do
		is(sys(write(asks[1], "?", 1)), 1);
	while (!told_of(what));
	close(asks[1]);
	is(reap(pid), 0);
}

TEST(whoever_connects_to_a_socket_opens_it)
{
	prints(0, "$i watch >$d/out & w=$!; begun\n"
	       "$i socket listen door </dev/null >/dev/null & s=$!\n"
	       "until grep -q 'created socket' $d/out && $i socket stat door 2>&1 | grep -qE '^max_depth +([2-9]|1[0-9])'; do :; done\n"
	       "$i socket connect door </dev/null; wait $s\n"
	       "until grep -q 'opened socket door' $d/out; do :; done; kill $w\n"
	       "grep -c 'opened socket door' $d/out",
	       "1\n");
}

TEST(a_connect_that_is_refused_opens_nothing)
{
	int client, other;
	char what[128];

	begin_watch();
	keep(ipcbook_socket_listen(qname, SOCK_STREAM, 0));
	snprintf(what, sizeof(what), "opened socket %s ", qname);
	client = keep(ipcbook_socket(SOCK_STREAM));
	other = keep(ipcbook_socket(SOCK_SEQPACKET));
	is(connect_to(client), 0);
	is(connect_to(client), -EISCONN);
	is(connect_to(other), -EPROTOTYPE);
	other = keep(ipcbook_socket(SOCK_STREAM | SOCK_NONBLOCK));
	is(connect_to(other), -EAGAIN);
	is(told_of(what), 1);
}

static long make_connect(struct call *call)
{
	return connect_to(call->fd);
}

/* However often it looks for a place. */
TEST(whoever_waits_to_be_connected_opens_it_once)
{
	struct call *calls[2];
	char what[128];
	int listener;

	begin_watch();
	listener = keep(ipcbook_socket_listen(qname, SOCK_STREAM, 0));
	snprintf(what, sizeof(what), "opened socket %s ", qname);
	keep(ipcbook_socket_connect(qname, SOCK_STREAM));
	for (int i = 0; i < 2; i++) {
		calls[i] = call_new(keep(ipcbook_socket(SOCK_STREAM)),
				    IPCBOOK_ANY, 0);
		call_other(calls[i], make_connect, SYS_connect);
	}
	is(told_of(what), 1);
	for (int i = 0; i < 3; i++)
		keep(sys(accept(listener, NULL, NULL)));
	for (int i = 0; i < 2; i++)
		is(call_end(calls[i]), 0);
	is(told_of(what), 3);
}

/* From now on, socket(2) answers so to this process and to whom it starts. */
static void refuse_sockets(int error)
{
	struct sock_filter lines[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { ARRAY_SIZE(lines), lines };

	is(sys(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)), 0);
}

/*
 * One descriptor is what it takes to load the command's libraries: that there is
 * none at all for a watch has to be said in place of the kernel.
 */
TEST(a_watch_without_a_descriptor_says_so)
{
	static const int errors[] = { EMFILE, ENFILE };
	char wanted[128];

	prints(0, "ulimit -n 4; $i watch && echo watched || :",
	       "ipcbook: cannot list the objects: Too many open files\n");
	for (unsigned int i = 0; i < ARRAY_SIZE(errors); i++) {
		pid_t pid = child();

		if (!pid) {
			refuse_sockets(errors[i]);
			snprintf(wanted, sizeof(wanted),
				 "ipcbook: cannot list the objects: %s\n",
				 strerror(errors[i]));
			is(run_as(0, "$i watch"), 1);
			is(strcmp(said, wanted), 0);
			_exit(0);
		}
		is(reap(pid), 0);
	}
}
