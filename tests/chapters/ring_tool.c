// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook ring: what it prints, what goes through it, and its exit status. Both
 * outputs are looked at as one.
 */
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <ipcbook/ring.h>

#include "command.h"

#define NAME	"ring-tool"

static int start(void **state)
{
	fixture_bare(state);
	umask(022);
	ipcbook_ring_unlink(NAME);
	return 0;
}

static int end(void **state)
{
	ipcbook_ring_unlink(NAME);
	return fixture_end(state);
}

#define TOOL_TEST(name)	TEST_BETWEEN(name, start, end)

/* Begins a command of the tool's on the ring, with these standard files. */
static pid_t begin(const char *command, int input, int output)
{
	char line[PATH_MAX], self[PATH_MAX / 2] = "";
	pid_t pid;

	holds(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	snprintf(line, sizeof(line), "exec %s/../bin/ipcbook ring %s " NAME,
		 dirname(self), command);
	pid = child();
	if (!pid) {
		dup2(input, STDIN_FILENO);
		dup2(output, STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", line, NULL);
		_exit(127);
	}
	return pid;
}

/* A producer that waits for its input, which comes from *input. */
static pid_t begin_idle(int *input)
{
	char path[64], want[16];
	const char *text;
	int ends[2];
	pid_t pid;

	is(sys(pipe2(ends, O_CLOEXEC)), 0);
	*input = keep(ends[1]);
	pid = begin("produce", ends[0], STDOUT_FILENO);
	close(ends[0]);
	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	snprintf(want, sizeof(want), "%d 0x0 ", SYS_read);
	await((text = slurp(path)) && !strncmp(text, want, strlen(want)));
	return pid;
}

TOOL_TEST(create_makes_a_ring_of_what_was_asked_for)
{
	struct ipcbook_stat stat;
	int fd;

	tells(0, "ipcbook ring create " NAME " --size 128K --many --mode 640",
	      DONE, "");
	fd = keep(ipcbook_ring_open(NAME, O_RDONLY, 0, NULL));
	is(ipcbook_stat(fd, &stat), 0);
	is(stat.max_bytes, 131072);
	is(stat.mode, 0640);
	is(stat.flags, IPCBOOK_RING_MANY);
	tells(0, "ipcbook ring create " NAME, DONE, "");
	tells(0, "ipcbook ring create " NAME " --size 64K", FAILED,
	      "ipcbook: ring 'ring-tool' is there with other settings: size 131072, not 65536\n");
	tells(0, "ipcbook ring create " NAME " --overwrite", FAILED,
	      "ipcbook: ring 'ring-tool' is there with other settings: nothing is overwritten\n");
	tells(0, "ipcbook ring create " NAME " --mode 600", FAILED,
	      "ipcbook: ring 'ring-tool' is there with other settings: mode 0640, not 0600\n");
	tells(0, "ipcbook ring create --excl " NAME, FAILED,
	      "ipcbook: cannot create ring 'ring-tool': it exists already\n");
	is(run(0, "ipcbook ring create --many --overwrite " NAME), USAGE);
}

TOOL_TEST(create_refuses_what_is_no_power_of_two)
{
	char want[200];

	snprintf(want, sizeof(want),
		 "ipcbook: ring 'ring-tool' needs a power of two from %ld bytes: --size is 3072\n",
		 sysconf(_SC_PAGESIZE));
	tells(0, "ipcbook ring create " NAME " --size 3K", FAILED, want);
	is(run(1000, "ipcbook ring create " NAME " --size 1G"), FAILED);
	has("ring_max_");
	is(ipcbook_ring_unlink(NAME), -ENOENT);
}

TOOL_TEST(lines_go_through)
{
	tells(0, "ipcbook ring create " NAME, DONE, "");
	tells(0, "printf 'one\\n\\nthree\\nfour' | ipcbook ring produce --lines "
	      NAME, DONE, "");
	tells(0, "ipcbook ring consume --lines " NAME, DONE,
	      "one\n\nthree\nfour\n");
	tells(0, "printf 'a\\0b\\0' | ipcbook ring produce -0 " NAME
	      "; ipcbook ring consume -0 " NAME " | tr '\\0' +", DONE, "a+b+");
	tells(0, "printf 'x\\ny\\n' | ipcbook -j ring produce --lines " NAME,
	      DONE, "{\"ring\":\"ring-tool\",\"records\":2,\"bytes\":2}\n");
	tells(0, "ipcbook -j ring consume " NAME, DONE,
	      "xy{\"ring\":\"ring-tool\",\"records\":2,\"bytes\":2}\n");
}

TOOL_TEST(as_many_records_as_asked_for_are_taken)
{
	tells(0, "ipcbook ring create " NAME, DONE, "");
	tells(0, "seq 100 | ipcbook ring produce --lines " NAME, DONE, "");
	tells(0, "ipcbook ring consume --lines -n 2 " NAME, DONE, "1\n2\n");
	tells(0, "ipcbook ring consume --lines -n 40 " NAME " | tail -n 1",
	      DONE, "42\n");
	tells(0, "ipcbook ring consume --lines " NAME " | wc -l", DONE, "58\n");
	tells(0, "ipcbook ring consume --nowait " NAME, NOTHING,
	      "ipcbook: cannot read from ring 'ring-tool': that would have to wait\n");
	tells(0, "ipcbook ring consume --timeout 1ms " NAME, NOTHING,
	      "ipcbook: cannot read from ring 'ring-tool': time is up\n");
}

TOOL_TEST(a_terminal_shows_how_far_it_is)
{
	tells(0, "ipcbook ring create " NAME, DONE, "");
	is(run(0, "seq 500 >ring-in; script -qec"
	       " 'ipcbook ring produce --lines --file ring-in " NAME
	       "' /dev/null </dev/null"), DONE);
	has("\r500 records, 0.0 MiB, ");
	has(" MiB/s \33[K\r\n");
	is(run(0, "script -qec"
	       " 'ipcbook ring consume --lines --output ring-out " NAME
	       "' /dev/null </dev/null; cmp ring-in ring-out"), DONE);
	has("\r500 records, 0.0 MiB, ");
}

/* Sizes that are and are not whole blocks, through a small ring. */
TOOL_TEST(a_file_arrives_as_it_was)
{
	give_seconds(300);
	tells(0, "ipcbook ring create --size 16K " NAME, DONE, "");
	tells(0, "for n in 1 4096 4097 3000001; do"
	      " head -c $n /dev/urandom >ring-in;"
	      " ipcbook ring consume " NAME " >ring-out &"
	      " ipcbook ring produce <ring-in " NAME " || exit 9;"
	      " wait; cmp ring-in ring-out || exit 8; done", DONE, "");
	tells(0, "ipcbook ring consume " NAME " | sha256sum >sum-out &"
	      " sha256sum <ring-in >sum-in;"
	      " ipcbook ring produce --size 1000 --file ring-in " NAME
	      "; wait; cmp sum-in sum-out", DONE, "");
	tells(0, "seq 20000 >ring-in; ipcbook ring consume --lines " NAME
	      " >ring-out & ipcbook ring produce --lines --file ring-in " NAME
	      "; wait; cmp ring-in ring-out", DONE, "");
}

TOOL_TEST(what_was_not_written_stays)
{
	tells(0, "ipcbook ring create " NAME, DONE, "");
	tells(0, "seq 100 | ipcbook ring produce --lines " NAME, DONE, "");
	tells(0, "ipcbook ring consume --lines --output /dev/full " NAME,
	      FAILED,
	      "ipcbook: cannot write /dev/full: No space left on device\n");
	tells(0, "seq 100 >ring-in; ipcbook ring consume --lines " NAME
	      " | cmp - ring-in", DONE, "");
	tells(0, "seq 5 | ipcbook ring produce --lines " NAME, DONE, "");
	is(run(0, "ipcbook ring consume --lines --file x " NAME), USAGE);
	tells(0, "ipcbook ring consume --lines " NAME, DONE,
	      "1\n2\n3\n4\n5\n");
}

/* Somebody else may have set O_NONBLOCK on what both have open. */
TOOL_TEST(an_input_that_is_empty_is_waited_for)
{
	int ends[2];
	pid_t pid;

	tells(0, "ipcbook ring create " NAME, DONE, "");
	is(sys(pipe2(ends, O_CLOEXEC)), 0);
	keep(ends[1]);
	is(sys(fcntl(ends[0], F_SETFL, O_NONBLOCK)), 0);
	pid = begin("produce --lines", ends[0], STDOUT_FILENO);
	close(ends[0]);
	await_asleep(pid, SYS_poll);
	is(sys(write(ends[1], "a\n", 2)), 2);
	drop(ends[1]);
	is(reap(pid), 0);
	tells(0, "ipcbook ring consume --lines " NAME, DONE, "a\n");
}

/* A consumer with more than its output holds, which is full; nobody reads yet. */
static pid_t begin_full(int *output, int flags)
{
	int ends[2], unread;
	pid_t pid;

	is(sys(pipe2(ends, O_CLOEXEC)), 0);
	*output = keep(ends[0]);
	is(sys(fcntl(ends[1], F_SETFL, flags)), 0);
	pid = begin("consume", STDIN_FILENO, ends[1]);
	close(ends[1]);
	await(!ioctl(ends[0], FIONREAD, &unread) &&
	      unread == fcntl(ends[0], F_GETPIPE_SZ));
	return pid;
}

TOOL_TEST(an_output_that_is_full_is_waited_for)
{
	static char want[200000], got[200000];
	int output, length = 0, have = 0;
	ssize_t n;
	pid_t pid;

	for (int i = 1; i <= 30000; i++)
		length += sprintf(want + length, "%d\n", i);
	tells(0, "ipcbook ring create --size 256K " NAME "; seq 30000 |"
	      " ipcbook ring produce " NAME, DONE, "");
	pid = begin_full(&output, O_NONBLOCK);
	while ((n = sys(read(output, got + have, sizeof(got) - have))) > 0)
		have += n;
	is(n, 0);
	is(have, length);
	is(memcmp(got, want, length), 0);
	is(reap(pid), 0);
}

TOOL_TEST(one_that_waits_for_its_output_can_be_ended)
{
	static char got[1 << 17];
	int output, out;
	pid_t pid;

	tells(0, "ipcbook ring create --size 256K " NAME "; seq 30000 >ring-in;"
	      " ipcbook ring produce --file ring-in " NAME, DONE, "");
	for (int i = 0; i < 2; i++) {
		pid = begin_full(&output, i ? O_NONBLOCK : 0);
		await_asleep(pid, i ? SYS_poll : SYS_writev);
		is(sys(kill(pid, SIGTERM)), 0);
		is(reap(pid), 128 + SIGTERM);
		/* Blocks of 4,096 bytes: what the pipe holds ends with one. */
		is(sys(read(output, got + i * 65536, 65536)), 65536);
		is(sys(read(output, got, 1)), 0);
		drop(output);
	}
	out = keep(sys(open("/tmp/ring-out", O_CREAT | O_TRUNC | O_WRONLY, 0666)));
	is(sys(write(out, got, sizeof(got))), sizeof(got));
	tells(0, "ipcbook ring consume " NAME " >>ring-out; cmp ring-out ring-in",
	      DONE, "");
}

/* What is in the way is a file's limit of 512 bytes: 56 lines, and a part of one. */
TOOL_TEST(what_was_written_comes_but_once)
{
	tells(0, "ipcbook ring create " NAME, DONE, "");
	tells(0, "seq 10000000 10000299 >ring-in;"
	      " ipcbook ring produce --lines --file ring-in " NAME, DONE, "");
	tells(0, "trap '' XFSZ; ulimit -f 1;"
	      " ipcbook ring consume --lines --output ring-out " NAME, FAILED,
	      "ipcbook: cannot write ring-out: File too large\n");
	tells(0, "wc -c <ring-out; head -n 56 ring-out >ring-begin;"
	      " ipcbook ring consume --lines " NAME
	      " | cat ring-begin - | cmp - ring-in", DONE, "512\n");
}

TOOL_TEST(the_newest_win_where_asked_for)
{
	tells(0, "ipcbook ring create --overwrite --size 4K " NAME, DONE, "");
	tells(0, "seq 10000 | ipcbook ring produce --lines " NAME, DONE, "");
	is(run(0, "ipcbook ring consume --lines " NAME " | tail -n 1"), DONE);
	has("10000\n");
	has("ipcbook: ring 'ring-tool': ");
	has(" records were written over before they were read\n");
	is(run(0, "ipcbook ring stat " NAME), DONE);
	has("sent               10000\n");
	has("depth              0\n");
}

TOOL_TEST(a_producer_without_input_is_in_nobodys_way)
{
	pid_t pid;
	int input;

	tells(0, "ipcbook ring create --many " NAME, DONE, "");
	pid = begin_idle(&input);
	tells(0, "echo a | ipcbook ring produce --lines " NAME
	      "; ipcbook ring consume --lines -n 1 --timeout 2s " NAME, DONE,
	      "a\n");
	is(sys(write(input, "b", 1)), 1);
	drop(input);
	is(reap(pid), 0);
	tells(0, "ipcbook ring consume " NAME, DONE, "b");
}

TOOL_TEST(a_producer_without_input_displaces_nothing)
{
	pid_t pid;
	int input;

	tells(0, "ipcbook ring create --overwrite --size 4K " NAME, DONE, "");
	tells(0, "for i in a b; do head -c 1500 /dev/zero | tr '\\0' $i; echo;"
	      " done | ipcbook ring produce --lines " NAME, DONE, "");
	pid = begin_idle(&input);
	tells(0, "ipcbook ring consume --lines -n 2 --timeout 2s " NAME
	      " | cut -c1", DONE, "a\nb\n");
	drop(input);
	is(reap(pid), 0);
}

TOOL_TEST(a_second_one_is_told)
{
	tells(0, "ipcbook ring create " NAME, DONE, "");
	tells(0, "ipcbook ring consume --follow " NAME " & pid=$!;"
	      " while ! ipcbook ring stat " NAME
	      " | grep -q 'receivers_waiting  1'; do :; done;"
	      " ipcbook ring consume " NAME "; status=$?;"
	      " kill $pid; wait; exit $status", FAILED,
	      "ipcbook: ring 'ring-tool' has a consumer already\n");
}

TOOL_TEST(what_is_too_long_is_told)
{
	tells(0, "ipcbook ring create --size 4K " NAME, DONE, "");
	tells(0, "head -c 3000 /dev/zero | ipcbook ring produce --lines " NAME,
	      FAILED,
	      "ipcbook: a line of 3000 bytes is too long for ring 'ring-tool': 2040 bytes are the most\n");
	tells(0, "ipcbook ring produce --size 2041 " NAME " </dev/null", FAILED,
	      "ipcbook: --size 2041 is too much for ring 'ring-tool': 2040 bytes are the most\n");
}

TOOL_TEST(names_and_permissions_are_told)
{
	tells(0, "ipcbook ring consume " NAME, ABSENT,
	      "ipcbook: cannot open ring 'ring-tool': it does not exist\n");
	tells(0, "ipcbook ring create --mode 644 " NAME, DONE, "");
	tells(1000, "echo x | ipcbook ring produce " NAME, DENIED,
	      "ipcbook: cannot open ring 'ring-tool': permission denied; it belongs to root:root 0644; you need read and write permission\n");
	tells(0, "ipcbook ring rm -j " NAME, DONE,
	      "{\"ring\":\"ring-tool\",\"removed\":true}\n");
	tells(0, "ipcbook ring rm " NAME, ABSENT,
	      "ipcbook: cannot remove ring 'ring-tool': it does not exist\n");
}
