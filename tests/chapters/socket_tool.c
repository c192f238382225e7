// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook socket, and programs that know nothing of ipcbook: what goes in comes
 * out, both ways, and the end of one way does not end the other.
 *
 * Commands are run by a shell, in which $i is the tool and $n the test's name,
 * at which nobody listens; "up" waits until somebody does, or until a socket of
 * another family is there.
 */
#include <limits.h>

#include "socket.h"

static char said[8192];

static int tool_begin(void **state)
{
	begin_stream(state);
	strcat(name, "-tool");
	return 0;
}

#define TOOL_TEST(test)	TEST_BETWEEN(test, tool_begin, socket_end)

/* Runs lines of shell; what they say on both outputs is kept. */
static int run(const char *lines)
{
	char command[PATH_MAX + 2048], self[PATH_MAX / 2] = "";

	holds(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	*strrchr(self, '/') = '\0';
	snprintf(command, sizeof(command),
		 "exec 2>&1; i=%s/../bin/ipcbook; n=%s; d=/tmp/$n; mkdir -p $d\n"
		 "up() { until $i socket stat ${1:-$n} 2>&1 | grep -qE '^max_depth +([2-9]|1[0-9])'; do :; done; }\n"
		 "made() { until [ -e $1 ]; do :; done; }\n"
		 "listens() { until grep -qi \":$(printf %%04x $1) 00000000:0000 0A\" /proc/net/tcp; do :; done; }\n"
		 "%s", self, name, lines);
	return shell(0, command, said, sizeof(said));
}

#define prints(lines, status, text) do {				\
	is(run(lines), status);						\
	if (strcmp(said, text))						\
		print_error("%s: said \"%s\"\n", lines, said);		\
	assert_string_equal(said, text);				\
} while (0)

TOOL_TEST(bytes_go_both_ways_unchanged)
{
	give_seconds(120);
	prints("head -c 700001 /dev/urandom >$d/a\n"
	       "head -c 300001 /dev/urandom >$d/b\n"
	       "$i socket listen $n <$d/a >$d/c &\n"
	       "up; $i socket connect -j $n <$d/b >$d/e; wait $!\n"
	       "cmp $d/a $d/e && cmp $d/b $d/c", 0, said);
	holds(strstr(said, ",\"sent\":300001,\"received\":700001}\n"));
}

TOOL_TEST(the_end_of_one_way_does_not_end_the_other)
{
	struct call *call = call_new(listener, IPCBOOK_ANY, 0);
	char room[64];
	int fd;

	/* The other side answers only after it has seen the end. */
	name[strlen(name) - 5] = '\0';
	call_other(call, make_accept, SYS_accept4);
	is(run("printf question | $i socket connect $n >$d/answer 2>/dev/null &"), 0);
	fd = keep(call_end(call));
	is(sys(recv(fd, room, sizeof(room), MSG_WAITALL)), 8);
	is(memcmp(room, "question", 8), 0);
	tell(fd, "answer, late");
	drop(fd);
	prints("until [ $(wc -c <$d/answer) = 12 ]; do :; done; cat $d/answer",
	       0, "answer, late");
}

TOOL_TEST(records_stay_records)
{
	prints("$i socket listen --seqpacket $n >$d/out </dev/null &\n"
	       "up; (printf one; printf two) | $i socket connect --seqpacket $n; wait $!\n"
	       "cat $d/out", 0, "onetwo");
	is(run("$i socket listen --seqpacket $n </dev/null & up\n"
	       "$i socket connect $n </dev/null; echo $?\n"
	       "$i socket connect --seqpacket $n </dev/null"), 0);
	holds(strstr(said, "one is for a stream, the other one for records\n1\n"));
}

TOOL_TEST(what_fails_says_why)
{
	char want[200];

	snprintf(want, sizeof(want),
		 "ipcbook: cannot connect to socket '%s': nobody listens there\n",
		 name);
	prints("$i socket connect $n", 5, want);
	prints("$i socket rm $n", 5, said);
	prints("$i socket stat $n", 5, said);
	is(run("$i socket connect"), 2);
	is(run("$i socket proxy $n"), 2);
	is(run("$i socket proxy tcp:1 unix:/tmp/x"), 2);
	is(run("$i socket proxy tcp:0 $n"), 2);
	is(run("$i socket proxy --seqpacket tcp:1 $n"), 2);
	is(run("$i socket connect a/b"), 1);
	name[strlen(name) - 5] = '\0';
	prints("$i socket listen $n", 1, said);
	holds(strstr(said, "another socket has the name"));
	is(run("$i socket stat $n"), 0);
	is(run("$i socket rm $n"), 0);
	is(run("$i socket stat $n"), 5);
}

TOOL_TEST(a_mode_is_the_names)
{
	prints("$i socket listen --mode 0622 $n </dev/null & up\n"
	       "$i ls -j socket | grep -o '\"mode\":\"0622\"'\n"
	       "$i socket connect $n </dev/null", 0, said);
	holds(strstr(said, "0622"));
}

TOOL_TEST(a_proxy_joins_a_name_and_a_unix_socket)
{
	prints("socat -t 20 UNIX-LISTEN:$d/u,fork EXEC:'tr a-z A-Z' & s=$!\n"
	       "made $d/u\n"
	       "$i socket proxy $n unix:$d/u & p=$!; up\n"
	       "printf 'first ' | $i socket connect $n\n"
	       "printf second | $i socket connect $n\n"
	       "kill $s $p", 0, "FIRST SECOND");
}

TOOL_TEST(a_proxy_joins_tcp_and_a_name)
{
	prints("$i socket listen $n </dev/null >$d/out & l=$!; up\n"
	       "$i socket proxy tcp:7777 $n & p=$!\n"
	       "until printf 'over tcp' | socat -t 5 - TCP4:127.0.0.1:7777 2>/dev/null; do :; done\n"
	       "wait $l; kill $p; cat $d/out", 0, "over tcp");
}

TOOL_TEST(a_proxy_joins_a_name_and_tcp)
{
	prints("socat -t 20 TCP4-LISTEN:7781,bind=127.0.0.1,reuseaddr,fork EXEC:'tr a-z A-Z' & s=$!; listens 7781\n"
	       "$i socket proxy $n tcp:7781 & p=$!; up\n"
	       "printf 'first ' | $i socket connect $n\n"
	       "printf second | $i socket connect $n\n"
	       "kill $s $p", 0, "FIRST SECOND");
}

TOOL_TEST(a_proxy_joins_a_unix_socket_and_a_name)
{
	prints("$i socket listen $n </dev/null >$d/out & l=$!; up\n"
	       "$i socket proxy unix:$d/u $n & p=$!\n"
	       "until printf 'over unix' | socat -t 5 - UNIX-CONNECT:$d/u 2>/dev/null; do :; done\n"
	       "wait $l; kill $p; cat $d/out", 0, "over unix");
}

/* The other side answers only once it has all: each end goes through alone. */
TOOL_TEST(a_proxy_carries_both_ways_and_their_ends)
{
	give_seconds(120);
	prints("head -c 700001 /dev/urandom >$d/a; head -c 300001 /dev/urandom >$d/b\n"
	       "socat -t 20 UNIX-LISTEN:$d/u SYSTEM:\"cat >$d/c; cat $d/b\" & s=$!; made $d/u\n"
	       "$i socket proxy $n unix:$d/u & p=$!; up\n"
	       "$i socket connect $n <$d/a >$d/e; wait $s; kill $p\n"
	       "cmp $d/a $d/c && cmp $d/b $d/e && echo same", 0, "same\n");
}

/* socat knows nothing of ipcbook. */
TOOL_TEST(socat_talks_through_descriptor_3)
{
	prints("$i socket proxy $n unix:$d/u & p=$!\n"
	       "socat -t 20 UNIX-LISTEN:$d/u EXEC:cat & s=$!; up; made $d/u\n"
	       "printf 'there and back' | $i socket connect $n -- socat -t 10 - FD:3\n"
	       "kill $p; wait $s", 0, "there and back");
}

/* A server that is told by LISTEN_FDS on what it listens, and nothing else. */
TOOL_TEST(a_server_takes_its_socket_by_listen_fds)
{
	prints("cat >$d/server <<'END'\n"
	       "die unless $ENV{LISTEN_FDS} == 1 && $ENV{LISTEN_PID} == $$;\n"
	       "open my $listener, '+<&=', 3 or die;\n"
	       "for (1 .. 2) {\n"
	       "    accept my $client, $listener or die;\n"
	       "    print $client 'hello ' . <$client>;\n"
	       "}\n"
	       "END\n"
	       "$i socket listen $n -- perl $d/server & s=$!; up\n"
	       "echo one | $i socket connect $n\n"
	       "echo two | $i socket connect $n\n"
	       "wait $s", 0, "hello one\nhello two\n");
}
