// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ipcbook command: what it prints, to the byte, and its exit status.
 *
 * The tool is the one in IPCBOOK_TOOL, or else ../bin/ipcbook as seen from this
 * program. It runs as a child with files in memory for its standard descriptors
 * (tool_in() and its short forms), or, where a test talks to it while it waits,
 * with a pipe (start()).
 */
#include <libgen.h>
#include <limits.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "harness.h"

#define STUDENT 1000

enum {
	DONE, FAILED, USAGE, DEVICE, NOTHING, ABSENT, DENIED, REMOVED, LOST
};

/* How the tool is called, where that is not as usual. */
struct how {
	uid_t uid;
	const void *input;
	size_t length;
	int output;
	void (*prepare)(void);
};

/* What became of the last call. */
static struct {
	int status;
	size_t length;
	char out[16384];
	char err[1024];
} told;

/* A file of the project, as seen from this program. */
static const char *beside(const char *file)
{
	static char path[PATH_MAX];
	char self[PATH_MAX - 64];
	ssize_t length;

	length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	holds(length > 0);
	self[length] = '\0';
	snprintf(path, sizeof(path), "%s/%s", dirname(self), file);
	return path;
}

static const char *tool_path(void)
{
	const char *tool = getenv("IPCBOOK_TOOL");

	return tool ? tool : beside("../bin/ipcbook");
}

static void become_tool(const struct how *how, int in, int out, int err,
			const char *const argv[])
{
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	if (err >= 0)
		dup2(err, STDERR_FILENO);
	if (how->prepare)
		how->prepare();
	if (how->uid)
		become(how->uid);
	execv(tool_path(), (char *const *)argv);
	_exit(127);
}

static int memory_file(const void *content, size_t length)
{
	int fd = keep(sys(memfd_create("tool", MFD_CLOEXEC)));

	is(sys(pwrite(fd, content, length, 0)), length);
	return fd;
}

static size_t file_text(int fd, char *text, size_t size)
{
	ssize_t length = sys(pread(fd, text, size - 1, 0));

	holds(length >= 0);
	text[length] = '\0';
	return length;
}

/* Run the tool to its end. */
static void tool_in(const struct how *how, const char *const argv[])
{
	int in = memory_file(how->input, how->length);
	int out = memory_file("", 0);
	int err = memory_file("", 0);
	pid_t pid;

	pid = child();
	if (!pid)
		become_tool(how, in, how->output ? how->output : out, err,
			    argv);
	told.status = reap(pid);
	told.length = file_text(out, told.out, sizeof(told.out));
	file_text(err, told.err, sizeof(told.err));
}

#define words(...) ((const char *const []){ "ipcbook", __VA_ARGS__, NULL })
#define tool(...) tool_in(&(struct how){ 0 }, words(__VA_ARGS__))
#define tool_as(user, ...) \
	tool_in(&(struct how){ .uid = (user) }, words(__VA_ARGS__))
#define tool_with(text, size, ...) \
	tool_in(&(struct how){ .input = (text), .length = (size) }, \
		words(__VA_ARGS__))

static void claim_text(const char *what, const char *text, const char *want,
		       const char *file, int line)
{
	char problem[900];

	snprintf(problem, sizeof(problem), "%s is \"%.400s\", not \"%.400s\"",
		 what, text, want);
	claim(strcmp(text, want) == 0, problem, file, line);
}

/* The last call ended so, and printed just this. */
static void claim_told(int status, const char *out, const char *err,
		       const char *file, int line)
{
	claim_text("stderr", told.err, err, file, line);
	claim_text("stdout", told.out, out, file, line);
	claim_equal("exit status", told.status, status, file, line);
}

#define tells(status, out, err) \
	claim_told(status, out, err, __FILE__, __LINE__)

/* The tool at work, its output in a pipe. */
struct running {
	pid_t pid;
	int output;
};

static struct running start(const struct how *how, const char *const argv[])
{
	struct running running;
	int ends[2];

	is(sys(pipe2(ends, O_CLOEXEC)), 0);
	running.output = keep(ends[0]);
	running.pid = child();
	if (!running.pid)
		become_tool(how, keep(open("/dev/null", O_RDONLY)), ends[1], -1,
			    argv);
	close(ends[1]);
	return running;
}

/* The next bytes of its output are these. */
static void claim_output(const struct running *running, const char *want,
			 const char *file, int line)
{
	size_t length = strlen(want), have = 0;
	char text[256];
	ssize_t n = 1;

	while (have < length && n > 0) {
		n = read(running->output, text + have, length - have);
		have += n > 0 ? n : 0;
	}
	text[have] = '\0';
	claim_text("output", text, want, file, line);
}

#define prints(running, text) claim_output(running, text, __FILE__, __LINE__)

/* A text made for a message of the tool's about the test's queue. */
static const char *about_queue(const char *format)
{
	static char text[512];

	snprintf(text, sizeof(text), format, qname);
	return text;
}

/* What waits in the test's queue, oldest first, each as TYPE:PAYLOAD. */
static const char *content(void)
{
	static char text[1024];
	struct ipcbook_queue_info info;
	char payload[256];
	size_t have = 0;
	int n;

	*text = '\0';
	for (int i = 0; i < 16; i++) {
		n = queue_peek(q, IPCBOOK_NTH, i, payload, sizeof(payload),
			       &info);
		if (n < 0)
			break;
		have += snprintf(text + have, sizeof(text) - have,
				 "%s%lld:%.*s", i ? " " : "",
				 (long long)info.type, n, payload);
	}
	return text;
}

#define contains(want) \
	claim_text("queue", content(), want, __FILE__, __LINE__)

/* --- create --------------------------------------------------------------- */

static char made[64];

/* A name that no object has; the queue is removed where the test ends well. */
static const char *fresh(void)
{
	snprintf(made, sizeof(made), "made-%d", getpid());
	ipcbook_queue_unlink(made);
	return made;
}

static struct ipcbook_stat stat_of(const char *name)
{
	struct ipcbook_stat stat;
	int fd;

	fd = ipcbook_queue_open(name, O_RDONLY | O_CLOEXEC, 0, NULL);
	is(fd < 0 ? fd : 0, 0);
	stat = queue_stat(fd);
	close(fd);
	return stat;
}

BARE_TEST(create_makes_a_queue_with_the_limits_asked_for)
{
	struct ipcbook_stat stat;

	tool("queue", "create", fresh(), "--messages", "7", "--bytes", "64K",
	     "--size=1k", "--mode", "600");
	tells(DONE, "", "");
	stat = stat_of(made);
	is(stat.max_depth, 7);
	is(stat.max_bytes, 65536);
	is(stat.max_size, 1024);
	is(stat.mode, 0600);
	is(ipcbook_queue_unlink(made), 0);
}

BARE_TEST(create_applies_the_umask_unless_a_mode_is_given)
{
	mode_t before = umask(027);

	tool("queue", "create", fresh());
	tells(DONE, "", "");
	is(stat_of(made).mode, 0640);
	tool("queue", "create", fresh(), "--mode", "0666");
	tells(DONE, "", "");
	is(stat_of(made).mode, 0666);
	is(ipcbook_queue_unlink(made), 0);
	umask(before);
}

TEST(create_is_content_with_what_is_there)
{
	put(q, 1, "kept");
	tool("queue", "create", qname);
	tells(DONE, "", "");
	contains("1:kept");
}

TEST(create_refuses_a_queue_with_other_settings)
{
	limit(10, 0, 0);
	tool("queue", "create", qname, "--messages", "11");
	tells(FAILED, "",
	      about_queue("ipcbook: queue '%s' is there with other settings: messages 10, not 11\n"));
}

TEST(create_excl_refuses_what_is_there)
{
	tool("queue", "create", "--excl", qname);
	tells(FAILED, "",
	      about_queue("ipcbook: cannot create queue '%s': it exists already\n"));
}

BARE_TEST(create_says_what_is_wrong_with_a_name)
{
	tool("queue", "create", "a/b");
	tells(FAILED, "",
	      "ipcbook: cannot create queue 'a/b': a name is not empty and has no '/' and no control characters\n");
	tool("queue", "create", "");
	tells(FAILED, "",
	      "ipcbook: cannot create queue '': a name is not empty and has no '/' and no control characters\n");
	tool("queue", "create", "a\nb");
	tells(FAILED, "",
	      "ipcbook: cannot create queue 'a\\x0ab': a name is not empty and has no '/' and no control characters\n");
}

BARE_TEST(create_refuses_a_message_larger_than_the_queue)
{
	tool("queue", "create", "x", "--bytes", "1K", "--size", "1025");
	tells(FAILED, "",
	      "ipcbook: a message of queue 'x' cannot be larger than the queue: --bytes is 1024\n");
}

BARE_TEST(create_by_a_user_beyond_the_limits_fails)
{
	tool_as(STUDENT, "queue", "create", "x", "--messages", "1000000000");
	tells(FAILED, "",
	      "ipcbook: cannot create queue 'x': that is above one of the module's limits queue_max_...\n");
}

/* --- send ----------------------------------------------------------------- */

TEST(send_joins_its_words_by_spaces)
{
	tool("queue", "send", qname, "hello,", "  world");
	tells(DONE, "", "");
	contains("1:hello,   world");
}

TEST(send_gives_the_type_asked_for)
{
	tool("queue", "send", "--type", "4611686018427387904", qname, "a");
	tells(DONE, "", "");
	tool("queue", "send", qname, "-t5", "b");
	tells(DONE, "", "");
	contains("4611686018427387904:a 5:b");
}

TEST(send_takes_words_after_two_dashes_as_they_are)
{
	tool("queue", "send", qname, "--", "--type", "-1");
	tells(DONE, "", "");
	contains("1:--type -1");
}

TEST(all_bytes_survive_standard_input_and_output)
{
	char bytes[2048];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i;
	tool_with(bytes, sizeof(bytes), "queue", "send", qname);
	tells(DONE, "", "");
	tool("queue", "recv", "--raw", qname);
	is(told.status, DONE);
	is(told.length, sizeof(bytes));
	is(memcmp(told.out, bytes, sizeof(bytes)), 0);
}

TEST(send_keeps_the_newline_of_its_input)
{
	tool_with("line\n", 5, "queue", "send", qname);
	tells(DONE, "", "");
	contains("1:line\n");
}

TEST(send_reads_a_file)
{
	char path[] = "/tmp/tool-XXXXXX";

	is(sys(write(keep(mkstemp(path)), "in a file", 9)), 9);
	tool("queue", "send", "--file", path, qname);
	tells(DONE, "", "");
	contains("1:in a file");
	is(sys(unlink(path)), 0);
	tool("queue", "send", "--file", "/tmp/missing", qname);
	tells(FAILED, "",
	      "ipcbook: cannot read /tmp/missing: No such file or directory\n");
	tool("queue", "send", "--file", "/tmp", qname);
	tells(FAILED, "", "ipcbook: cannot read /tmp: Is a directory\n");
	contains("1:in a file");
}

TEST(send_lines_makes_each_line_a_message_and_skips_empty_ones)
{
	tool_with("one\n\ntwo\nthree", 14, "queue", "send", "--lines", qname);
	tells(DONE, "", "");
	contains("1:one 1:two 1:three");
}

TEST(send_null_splits_its_input_at_zero_bytes)
{
	tool_with("a\nb\0c\0", 6, "queue", "send", "-0", qname);
	tells(DONE, "", "");
	contains("1:a\nb 1:c");
}

TEST(send_refuses_an_empty_message)
{
	const char *want = "ipcbook: cannot send to queue '%s': a message has at least one byte\n";

	tool("queue", "send", qname, "");
	tells(FAILED, "", about_queue(want));
	tool("queue", "send", qname);
	tells(FAILED, "", about_queue(want));
	contains("");
}

TEST(send_refuses_a_message_one_byte_too_long)
{
	char bytes[101];

	limit(0, 0, 100);
	memset(bytes, 'x', sizeof(bytes));
	tool_with(bytes, 100, "queue", "send", qname);
	tells(DONE, "", "");
	tool_with(bytes, 101, "queue", "send", qname);
	tells(FAILED, "",
	      about_queue("ipcbook: too long for queue '%s', which takes 100 bytes; see queue create --size\n"));
	is(queue_stat(q).depth, 1);
}

TEST(send_to_a_full_queue_ends_with_status_4)
{
	uint64_t before;

	limit(1, 0, 0);
	put(q, 1, "full");
	tool("queue", "send", "--nowait", qname, "x");
	tells(NOTHING, "",
	      about_queue("ipcbook: cannot send to queue '%s': that would have to wait\n"));
	before = ipcbook_deadline(0);
	tool("queue", "send", "--timeout", "250ms", qname, "x");
	tells(NOTHING, "",
	      about_queue("ipcbook: cannot send to queue '%s': time is up\n"));
	holds(ipcbook_deadline(0) - before >= 250 * MSEC);
	contains("1:full");
}

TEST(send_waits_until_there_is_room)
{
	struct running sending;

	limit(1, 0, 0);
	put(q, 1, "first");
	sending = start(&(struct how){ 0 },
			words("queue", "send", qname, "second"));
	await_waiting(q, 0, 1);
	got(q, IPCBOOK_ANY, 0, "first");
	is(reap(sending.pid), DONE);
	contains("1:second");
}

TEST(send_tells_how_many_went_before_it_failed)
{
	char want[400];

	limit(2, 0, 0);
	tool_with("a\nb\nc\nd\n", 8, "queue", "send", "--lines", "--nowait",
		  qname);
	snprintf(want, sizeof(want),
		 "ipcbook: cannot send to queue '%s': that would have to wait\nipcbook: messages sent before that: 2\n",
		 qname);
	tells(NOTHING, "", want);
	contains("1:a 1:b");
}

TEST(send_tells_json_of_each_message)
{
	char want[300];

	tool_with("one\nthree\n", 10, "queue", "send", "-j", "--lines", "-t9",
		  qname);
	snprintf(want, sizeof(want),
		 "{\"queue\":\"%s\",\"type\":9,\"length\":3}\n{\"queue\":\"%s\",\"type\":9,\"length\":5}\n",
		 qname, qname);
	tells(DONE, want, "");
}

BARE_TEST(send_create_makes_the_queue)
{
	tool("queue", "send", fresh(), "x");
	is(told.status, ABSENT);
	tool("queue", "send", "--create", made, "x");
	tells(DONE, "", "");
	is(stat_of(made).depth, 1);
	is(ipcbook_queue_unlink(made), 0);
}

/* --- recv ----------------------------------------------------------------- */

/* Five messages of types 5, 3, 8, 3, 1. */
static void put_some(void)
{
	put(q, 5, "five");
	put(q, 3, "three");
	put(q, 8, "eight");
	put(q, 3, "three again");
	put(q, 1, "one");
}

TEST(recv_takes_the_oldest)
{
	put_some();
	tool("queue", "recv", qname);
	tells(DONE, "five\n", "");
	contains("3:three 8:eight 3:three again 1:one");
}

TEST(recv_type_takes_exactly_that)
{
	put_some();
	tool("queue", "recv", "--type", "3", qname);
	tells(DONE, "three\n", "");
	tool("queue", "recv", "--type", "4", "--nowait", qname);
	tells(NOTHING, "",
	      about_queue("ipcbook: cannot receive from queue '%s': no such message waits there\n"));
	contains("5:five 8:eight 3:three again 1:one");
}

TEST(recv_upto_takes_the_lowest)
{
	put_some();
	tool("queue", "recv", "--upto", "5", "--count", "4", qname);
	tells(DONE, "one\nthree\nthree again\nfive\n", "");
	contains("8:eight");
}

TEST(recv_not_takes_any_other)
{
	put_some();
	tool("queue", "recv", "--not", "5", "-n", "2", qname);
	tells(DONE, "three\neight\n", "");
	contains("5:five 3:three again 1:one");
}

TEST(recv_ends_a_payload_with_a_newline_only_where_there_is_none)
{
	put(q, 1, "with\n");
	put(q, 1, "without");
	tool("queue", "recv", "-n2", qname);
	tells(DONE, "with\nwithout\n", "");
}

TEST(recv_raw_adds_nothing)
{
	put(q, 1, "a");
	put(q, 1, "b\n");
	put(q, 1, "c");
	tool("queue", "recv", "-n3", "--raw", qname);
	tells(DONE, "ab\nc", "");
}

TEST(recv_null_ends_each_payload_with_a_zero_byte)
{
	put(q, 1, "a\n");
	put(q, 1, "b");
	tool("queue", "recv", "-n2", "-0", qname);
	tells(DONE, "a\n", "");
	is(told.length, 5);
	is(memcmp(told.out, "a\n\0b", 5), 0);
}

TEST(recv_count_waits_for_so_many_and_prints_what_came)
{
	put(q, 1, "a");
	put(q, 1, "b");
	tool("queue", "recv", "--count", "3", "--timeout", "50ms", qname);
	tells(NOTHING, "a\nb\n",
	      about_queue("ipcbook: cannot receive from queue '%s': time is up\n"));
}

TEST(recv_times_out_no_sooner_than_it_should)
{
	uint64_t before = ipcbook_deadline(0);

	tool("queue", "recv", "--timeout", "0.3s", qname);
	holds(ipcbook_deadline(0) - before >= 300 * MSEC);
	tells(NOTHING, "",
	      about_queue("ipcbook: cannot receive from queue '%s': time is up\n"));
}

TEST(recv_waits_for_its_message)
{
	struct running receiving;

	receiving = start(&(struct how){ 0 },
			  words("queue", "recv", "-t7", qname));
	await_waiting(q, 1, 0);
	put(q, 6, "not this");
	put(q, 7, "this");
	prints(&receiving, "this\n");
	is(reap(receiving.pid), DONE);
	contains("6:not this");
}

/* What the module knows of the oldest message. */
static struct ipcbook_queue_info oldest(void)
{
	struct ipcbook_queue_info info;
	char room[64];

	holds(queue_peek(q, IPCBOOK_ANY, 0, room, sizeof(room), &info) > 0);
	return info;
}

TEST(recv_info_tells_where_a_message_came_from)
{
	struct ipcbook_queue_info info;
	char text[300], when[40];
	time_t seconds;

	put(q, 42, "payload");
	info = oldest();
	seconds = info.sent_ns / SEC;
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", gmtime(&seconds));
	snprintf(text, sizeof(text),
		 "number=1 type=42 length=7 time=%s.%03lldZ pid=%d uid=0 gid=0\npayload\n",
		 when, (long long)(info.sent_ns % SEC / MSEC), getpid());
	tool("queue", "recv", "--info", qname);
	tells(DONE, text, "");
}

static const char *json_message(const struct ipcbook_queue_info *info,
				const char *payload)
{
	static char text[600];

	snprintf(text, sizeof(text),
		 "{\"queue\":\"%s\",\"number\":%lld,\"type\":%lld,\"length\":%lld,\"time\":%lld.%09lld,\"pid\":%d,\"uid\":0,\"gid\":0,%s}\n",
		 qname, (long long)info->number, (long long)info->type,
		 (long long)info->length, (long long)(info->sent_ns / SEC),
		 (long long)(info->sent_ns % SEC), getpid(), payload);
	return text;
}

TEST(recv_json_has_text_as_text)
{
	struct ipcbook_queue_info info;

	put(q, 3, "a \"b\" \\ \n\t\177 \303\244 \xf0\x9f\x90\xa7");
	info = oldest();
	tool("queue", "recv", "-j", qname);
	tells(DONE, json_message(&info, "\"text\":\"a \\\"b\\\" \\\\ \\n\\u0009\\u007f \303\244 \xf0\x9f\x90\xa7\""),
	      "");
}

TEST(recv_json_has_other_bytes_in_base64)
{
	static const char *const payloads[][2] = {
		{ "\xff", "\"base64\":\"/w==\"" },
		{ "\xff\xfe", "\"base64\":\"//4=\"" },
		{ "\xff\xfe\xfd", "\"base64\":\"//79\"" },
		{ "ok \xc3", "\"base64\":\"b2sgww==\"" },
		{ "\xed\xa0\x80", "\"base64\":\"7aCA\"" },
	};
	struct ipcbook_queue_info info;

	for (size_t i = 0; i < ARRAY_SIZE(payloads); i++) {
		put(q, 3, payloads[i][0]);
		info = oldest();
		tool("--json", "queue", "recv", qname);
		tells(DONE, json_message(&info, payloads[i][1]), "");
	}
}

TEST(recv_size_leaves_or_cuts_what_is_longer)
{
	put(q, 1, "0123456789");
	tool("queue", "recv", "--size", "9", qname);
	tells(FAILED, "",
	      about_queue("ipcbook: queue '%s' keeps a message longer than 9 bytes; see --truncate\n"));
	tool("queue", "recv", "--size", "4", "--truncate", qname);
	tells(DONE, "0123\n", "");
	put(q, 1, "0123456789");
	tool("queue", "recv", "--size", "10", qname);
	tells(DONE, "0123456789\n", "");
}

TEST(recv_writes_to_a_file)
{
	char path[] = "/tmp/tool-XXXXXX";

	keep(mkstemp(path));
	put(q, 1, "a");
	put(q, 1, "b");
	tool("queue", "recv", "-n2", "--output", path, qname);
	tells(DONE, "", "");
	assert_string_equal(slurp(path), "a\nb\n");
	is(sys(unlink(path)), 0);
	put(q, 1, "c");
	tool("queue", "recv", "--output", "/missing/file", qname);
	tells(FAILED, "",
	      "ipcbook: cannot write to /missing/file: No such file or directory\n");
	contains("1:c");
}

TEST(recv_that_cannot_write_says_which_message_is_lost)
{
	struct how how = { .output = keep(open("/dev/full", O_WRONLY)) };

	put(q, 7, "going");
	put(q, 7, "staying");
	tool_in(&how, words("queue", "recv", "-n2", qname));
	tells(LOST, "",
	      about_queue("ipcbook: message 1, type 7, 5 bytes, of queue '%s' is gone unwritten: No space left on device\n"));
	contains("7:staying");
}

TEST(recv_takes_nothing_when_nobody_reads_its_output)
{
	struct how how = { 0 };
	int ends[2];

	is(sys(pipe2(ends, O_CLOEXEC)), 0);
	close(ends[0]);
	how.output = keep(ends[1]);
	put(q, 1, "stays");
	tool_in(&how, words("queue", "recv", qname));
	tells(FAILED, "",
	      "ipcbook: the output is closed; no message was taken for it\n");
	tool_in(&how, words("queue", "recv", "--follow", qname));
	tells(DONE, "", "");
	contains("1:stays");
}

static void close_output(void)
{
	close(STDOUT_FILENO);
}

TEST(recv_without_a_standard_output_takes_nothing)
{
	struct how how = { .prepare = close_output };

	put(q, 1, "stays");
	tool_in(&how, words("queue", "recv", qname));
	tells(FAILED, "",
	      "ipcbook: cannot write to standard output: it is not open for that\n");
	contains("1:stays");
}

TEST(recv_that_waits_ends_when_its_reader_goes)
{
	struct running receiving;

	receiving = start(&(struct how){ 0 }, words("queue", "recv", qname));
	await_waiting(q, 1, 0);
	close(receiving.output);
	is(reap(receiving.pid), FAILED);
	put(q, 1, "stays");
	contains("1:stays");
}

TEST(recv_that_waits_dies_of_a_signal_and_takes_nothing)
{
	struct running receiving;

	receiving = start(&(struct how){ 0 }, words("queue", "recv", qname));
	await_waiting(q, 1, 0);
	is(sys(kill(receiving.pid, SIGINT)), 0);
	is(reap(receiving.pid), 128 + SIGINT);
	put(q, 1, "stays");
	contains("1:stays");
}

static void ignore_interrupts(void)
{
	signal(SIGINT, SIG_IGN);
}

TEST(recv_leaves_a_signal_ignored_that_was)
{
	struct how how = { .prepare = ignore_interrupts };
	struct running receiving;

	receiving = start(&how, words("queue", "recv", qname));
	await_waiting(q, 1, 0);
	is(sys(kill(receiving.pid, SIGINT)), 0);
	is(sys(kill(receiving.pid, SIGTERM)), 0);
	is(reap(receiving.pid), 128 + SIGTERM);
}

TEST(recv_is_told_when_its_queue_is_removed)
{
	struct running receiving;

	receiving = start(&(struct how){ 0 }, words("queue", "recv", qname));
	await_waiting(q, 1, 0);
	is(ipcbook_queue_unlink(qname), 0);
	is(reap(receiving.pid), REMOVED);
}

TEST(follow_prints_each_message_as_it_comes_until_terminated)
{
	struct running following;

	put(q, 1, "one");
	following = start(&(struct how){ 0 },
			  words("queue", "recv", "--follow", qname));
	prints(&following, "one\n");
	await_waiting(q, 1, 0);
	put(q, 2, "two");
	prints(&following, "two\n");
	await_waiting(q, 1, 0);
	is(sys(kill(following.pid, SIGTERM)), 0);
	is(reap(following.pid), DONE);
	put(q, 1, "three");
	contains("1:three");
}

TEST(follow_ends_when_its_queue_is_removed)
{
	struct running following;

	following = start(&(struct how){ 0 },
			  words("queue", "recv", "--follow", qname));
	await_waiting(q, 1, 0);
	is(ipcbook_queue_unlink(qname), 0);
	is(reap(following.pid), DONE);
}

TEST(follow_ends_when_its_reader_goes)
{
	struct running following;

	following = start(&(struct how){ 0 },
			  words("queue", "recv", "--follow", qname));
	await_waiting(q, 1, 0);
	close(following.output);
	is(reap(following.pid), DONE);
	put(q, 1, "stays");
	contains("1:stays");
}

TEST(follow_with_a_timeout_ends_when_nothing_comes)
{
	put(q, 1, "one");
	tool("queue", "recv", "--follow", "--timeout", "50ms", qname);
	tells(NOTHING, "one\n",
	      about_queue("ipcbook: cannot receive from queue '%s': time is up\n"));
}

/* A sender that goes on while the receiver is told to stop. */
TEST(follow_that_is_stopped_in_a_flood_loses_nothing)
{
	struct running following;
	unsigned int printed = 0;
	char text[4096];
	ssize_t n;
	pid_t pid;

	pid = child();
	if (!pid) {
		for (;;)
			queue_send(q, 1, "x", 1, 0, 0);
	}
	following = start(&(struct how){ 0 },
			  words("queue", "recv", "--follow", qname));
	prints(&following, "x\nx\nx\nx\n");
	printed = 4;
	is(sys(kill(following.pid, SIGTERM)), 0);
	while ((n = read(following.output, text, sizeof(text))) > 0)
		for (ssize_t i = 0; i < n; i++)
			printed += text[i] == '\n';
	is(reap(following.pid), DONE);
	is(sys(kill(pid, SIGKILL)), 0);
	reap(pid);
	is(queue_stat(q).received, printed);
}

/* --- peek ----------------------------------------------------------------- */

TEST(peek_leaves_what_it_shows)
{
	put_some();
	tool("queue", "peek", qname);
	tells(DONE, "five\n", "");
	tool("queue", "peek", "--type", "8", qname);
	tells(DONE, "eight\n", "");
	tool("queue", "peek", "--upto", "3", qname);
	tells(DONE, "one\n", "");
	tool("queue", "peek", "--not", "5", qname);
	tells(DONE, "three\n", "");
	is(queue_stat(q).depth, 5);
	is(queue_stat(q).received, 0);
}

TEST(peek_shows_the_nth)
{
	put_some();
	tool("queue", "peek", "--nth", "0", qname);
	tells(DONE, "five\n", "");
	tool("queue", "peek", "--nth", "3", qname);
	tells(DONE, "three again\n", "");
	tool("queue", "peek", "--nth", "5", qname);
	tells(NOTHING, "",
	      about_queue("ipcbook: cannot receive from queue '%s': no such message waits there\n"));
}

TEST(peek_all_shows_all_or_those_of_a_selector_in_order)
{
	put_some();
	tool("queue", "peek", "--all", qname);
	tells(DONE, "five\nthree\neight\nthree again\none\n", "");
	tool("queue", "peek", "--all", "--type", "3", qname);
	tells(DONE, "three\nthree again\n", "");
	tool("queue", "peek", "--all", "--upto", "3", qname);
	tells(DONE, "three\nthree again\none\n", "");
	tool("queue", "peek", "--all", "--not", "3", qname);
	tells(DONE, "five\neight\none\n", "");
	tool("queue", "peek", "--all", "--type", "4", qname);
	is(told.status, NOTHING);
}

TEST(peek_all_says_when_it_cannot_reach_the_rest)
{
	limit(2000, 0, 0);
	fill(q, 1, 1, IPCBOOK_NTH_MAX + 1);
	tool("queue", "peek", "--all", "--raw", qname);
	is(told.status, DONE);
	is(told.length, IPCBOOK_NTH_MAX + 1);
	fill(q, 1, 1, 1);
	tool("queue", "peek", "--all", "--raw", qname);
	is(told.status, FAILED);
	is(told.length, IPCBOOK_NTH_MAX + 1);
}

TEST(peek_never_waits)
{
	tool("queue", "peek", qname);
	tells(NOTHING, "",
	      about_queue("ipcbook: cannot receive from queue '%s': no such message waits there\n"));
}

/* --- stat, rm, ls --------------------------------------------------------- */

/* The second word of the line that starts with this one. */
static const char *value_of(const char *name)
{
	static char value[128];
	const char *line = told.out;
	size_t length = strlen(name);

	for (; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) == 0 && line[length] == ' ')
			break;
	}
	*value = '\0';
	if (line)
		sscanf(line + length, " %127s", value);
	return value;
}

#define line_is(name, want) \
	claim_text(name, value_of(name), want, __FILE__, __LINE__)

TEST(stat_tells_a_thing_a_line)
{
	put_some();
	got(q, IPCBOOK_EXACT, 8, "eight");
	tool("queue", "stat", qname);
	is(told.status, DONE);
	line_is("chapter", "queue");
	line_is("name", qname);
	line_is("owner", "root");
	line_is("group", "root");
	line_is("depth", "4");
	line_is("max_depth", "1024");
	line_is("bytes", "23");
	line_is("max_bytes", "262144");
	line_is("max_size", "8192");
	line_is("types", "3");
	line_is("sent", "5");
	line_is("received", "1");
	line_is("last_received", value_of("last_sent"));
}

static void holds_text(const char *part, const char *file, int line)
{
	char problem[900];

	snprintf(problem, sizeof(problem), "\"%.200s\" is in \"%.600s\"", part,
		 told.out);
	claim(strstr(told.out, part), problem, file, line);
}

#define has(part) holds_text(part, __FILE__, __LINE__)

TEST(stat_and_create_tell_json_in_one_line)
{
	char start[200];

	put(q, 1, "12345");
	tool("queue", "stat", "-j", qname);
	is(told.status, DONE);
	snprintf(start, sizeof(start),
		 "{\"chapter\":\"queue\",\"name\":\"%s\",\"id\":", qname);
	is(strncmp(told.out, start, strlen(start)), 0);
	has(",\"uid\":0,\"owner\":\"root\",\"gid\":0,\"group\":\"root\",");
	has(",\"depth\":1,\"max_depth\":1024,\"bytes\":5,\"max_bytes\":262144,\"max_size\":8192,");
	has(",\"last_received\":null,\"last_receiver\":0}\n");
	is(strchr(told.out, '\n') - told.out, told.length - 1);
	tool("queue", "create", "-j", qname);
	is(told.status, DONE);
	is(strncmp(told.out, start, strlen(start)), 0);
}

BARE_TEST(rm_removes_each_and_reports_what_is_not_there)
{
	tool("queue", "create", fresh());
	tells(DONE, "", "");
	tool("queue", "rm", "missing", made);
	tells(ABSENT, "",
	      "ipcbook: cannot remove queue 'missing': it does not exist\n");
	is(ipcbook_queue_open(made, O_RDONLY, 0, NULL), -ENOENT);
	tool("queue", "create", made);
	tool("queue", "rm", "-j", made);
	is(told.status, DONE);
	has("\",\"removed\":true}\n");
}

/* The line of a table that has this word, with one space between its words. */
static const char *row_of(const char *part)
{
	static char row[300];
	char *line = strtok(told.out, "\n");

	while (line && !strstr(line, part))
		line = strtok(NULL, "\n");
	*row = '\0';
	for (char *word = line ? strtok(line, " ") : NULL; word;
	     word = strtok(NULL, " "))
		snprintf(row + strlen(row), sizeof(row) - strlen(row), "%s%s",
			 *row ? " " : "", word);
	return row;
}

TEST(ls_has_a_line_of_nine_words_for_each_object)
{
	struct call *waiting;
	char want[300];

	is(ipcbook_chmod(q, 0640), 0);
	waiting = receiver(q, IPCBOOK_EXACT, 9);
	put(q, 1, "12345");
	put(q, 2, "678");
	got(q, IPCBOOK_ANY, 0, "12345");
	tool("ls");
	is(told.status, DONE);
	is(strncmp(told.out, "CHAPTER NAME", 12), 0);
	snprintf(want, sizeof(want), "queue %s 0640 root root 1 3 0/1 2/1",
		 qname);
	claim_text("row", row_of(qname), want, __FILE__, __LINE__);
	put(q, 9, "x");
	is(call_end(waiting), 1);
}

TEST(ls_takes_a_chapter_and_leaves_the_header_out)
{
	tool("ls", "queue", "--no-header");
	is(told.status, DONE);
	has(qname);
	holds(!strstr(told.out, "CHAPTER"));
	tool("ls", "sem", "--no-header");
	tells(DONE, "", "");
	tool("ls", "sem", "-j");
	tells(DONE, "", "");
}

TEST(ls_json_is_an_object_a_line)
{
	char want[200];

	tool("-j", "ls", "queue");
	is(told.status, DONE);
	snprintf(want, sizeof(want),
		 "{\"chapter\":\"queue\",\"name\":\"%s\",\"id\":", qname);
	has(want);
}

BARE_TEST(ls_shows_an_object_without_a_name)
{
	keep(ipcbook_queue_open(NULL, O_RDWR | O_CLOEXEC, 0600, NULL));
	tool("ls", "queue");
	is(told.status, DONE);
	has("\nqueue   - ");
	tool("ls", "-j");
	has("{\"chapter\":\"queue\",\"name\":null,");
}

TEST(ls_hides_what_the_caller_may_not_read)
{
	is(ipcbook_chmod(q, 0600), 0);
	tool_as(STUDENT, "ls");
	is(told.status, DONE);
	holds(!strstr(told.out, qname));
	is(ipcbook_chmod(q, 0604), 0);
	tool_as(STUDENT, "ls");
	has(qname);
}

/* --- stat, of whatever has the name ---------------------------------------- */

TEST(stat_finds_what_has_the_name_in_any_chapter)
{
	char both[200];

	put_some();
	tool("stat", qname);
	is(told.status, DONE);
	line_is("chapter", "queue");
	line_is("name", qname);
	line_is("depth", "5");
	tool("sem", "create", "--value", "3", qname);
	tool("stat", "-j", qname);
	is(told.status, DONE);
	snprintf(both, sizeof(both), "{\"chapter\":\"queue\",\"name\":\"%s\",\"id\":",
		 qname);
	has(both);
	snprintf(both, sizeof(both), "\n{\"chapter\":\"sem\",\"name\":\"%s\",\"id\":",
		 qname);
	has(both);
	tool("stat", "--chapter", "sem", qname);
	is(told.status, DONE);
	line_is("chapter", "sem");
	holds(!strstr(told.out, "queue"));
	tool("sem", "rm", qname);
}

BARE_TEST(stat_finds_by_its_number_what_has_no_name)
{
	struct ipcbook_stat stat;
	int fd, ends[2];
	char id[24];

	fd = keep(ipcbook_queue_open(NULL, O_RDWR | O_CLOEXEC, 0600, NULL));
	put(fd, 1, "12345");
	is(ipcbook_stat(fd, &stat), 0);
	snprintf(id, sizeof(id), "%llu", (unsigned long long)stat.id);
	tool("stat", id);
	is(told.status, DONE);
	line_is("chapter", "queue");
	line_is("name", "-");
	line_is("id", id);
	line_is("bytes", "5");
	is(ipcbook_pipe(ends, O_CLOEXEC, 0), 0);
	keep(ends[0]);
	keep(ends[1]);
	tool("stat", "--chapter", "pipe", id);
	is(told.status, ABSENT);
	/* A name that is a number is a name. */
	keep(ipcbook_sem_open(id, O_CREAT | O_RDWR | O_CLOEXEC, 0600, NULL));
	tool("stat", id);
	is(told.status, DONE);
	line_is("chapter", "sem");
	is(ipcbook_unlink(IPCBOOK_SEM, id), 0);
}

TEST(stat_tells_what_there_is_and_what_is_not)
{
	tool("stat", "nothing-has-it", qname);
	is(told.status, ABSENT);
	line_is("name", qname);
	assert_string_equal(told.err, "ipcbook: there is no object 'nothing-has-it' that you may read\n");
	is(ipcbook_chmod(q, 0600), 0);
	tool_as(STUDENT, "stat", qname);
	is(told.status, ABSENT);
	is(told.length, 0);
}

BARE_TEST(odd_names_are_printed_harmlessly_and_usable)
{
	const char *name = "o\303\244 \xff\\\302\205";

	tool("queue", "create", name);
	tells(DONE, "", "");
	tool("ls");
	has("queue   o\303\244\\x20\\xff\\x5c\\xc2\\x85 ");
	tool("queue", "recv", "--nowait", name);
	tells(NOTHING, "",
	      "ipcbook: cannot receive from queue 'o\303\244 \\xff\\x5c\\xc2\\x85': no such message waits there\n");
	tool("queue", "rm", name);
	tells(DONE, "", "");
}

/* What bash would offer for these words, the last being completed. */
static void claim_completion(const char *typed, const char *want,
			     const char *file, int line)
{
	char command[2 * PATH_MAX], offered[1024], tool[PATH_MAX];

	snprintf(tool, sizeof(tool), "%s", tool_path());
	snprintf(command, sizeof(command),
		 "exec bash -c 'PATH=%s:$PATH; . %s; COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _ipcbook; echo -n \"${COMPREPLY[*]}\"'",
		 dirname(tool), beside("../../userspace/tool/completion.bash"),
		 typed);
	is(shell(0, command, offered, sizeof(offered)), 0);
	claim_text(typed, offered, want, file, line);
}

#define completes(typed, want) claim_completion(typed, want, __FILE__, __LINE__)

BARE_TEST(completion_offers_commands_options_and_queues)
{
	tool("queue", "create", "compl eted");
	completes("ipcbook \"\"", "signal kill queue pipe shm ring sem socket capture watch ls stat top story help");
	completes("ipcbook shm d", "dump");
	completes("ipcbook shm create --s", "--size");
	completes("ipcbook sem d", "down");
	completes("ipcbook sem create --m", "--max --mode");
	completes("ipcbook -j queue r", "recv rm");
	completes("ipcbook help queue p", "peek");
	completes("ipcbook queue recv --t", "--type --timeout --truncate");
	completes("ipcbook queue peek --n", "--not --nth --null");
	completes("ipcbook ls s", "signal socket shm sem");
	completes("ipcbook stat comp", "compl\\ eted");
	completes("ipcbook stat --c", "--chapter");
	completes("ipcbook top s", "signal socket shm sem");
	completes("ipcbook top --s", "--sort");
	completes("ipcbook top --sort m", "memory");
	completes("ipcbook top --delay \"\"", "");
	completes("ipcbook story --l", "--lang");
	completes("ipcbook story --lang z", "zh");
	completes("ipcbook story --chapter q", "queue");
	completes("ipcbook queue recv --type 5 comp", "compl\\ eted");
	completes("ipcbook queue recv --type \"\"", "");
	completes("ipcbook queue send other comp", "");
	completes("ipcbook queue rm other comp", "compl\\ eted");
	tool("queue", "rm", "compl eted");
	tells(DONE, "", "");
}

/* --- what goes wrong ------------------------------------------------------ */

BARE_TEST(a_queue_that_is_not_there_gives_status_5)
{
	static const char *const verbs[] = {
		"send", "recv", "peek", "stat", "rm"
	};

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		tool("queue", verbs[i], "missing");
		tells(ABSENT, "", i < 4 ?
		      "ipcbook: cannot open queue 'missing': it does not exist\n" :
		      "ipcbook: cannot remove queue 'missing': it does not exist\n");
	}
}

TEST(a_user_without_permission_is_told_what_is_needed)
{
	put(q, 1, "mine");
	is(ipcbook_chmod(q, 0640), 0);
	tool_as(STUDENT, "queue", "recv", qname);
	tells(DENIED, "",
	      about_queue("ipcbook: cannot open queue '%s': permission denied; you need read permission\n"));
	is(ipcbook_chmod(q, 0644), 0);
	tool_as(STUDENT, "queue", "send", qname, "x");
	tells(DENIED, "",
	      about_queue("ipcbook: cannot open queue '%s': permission denied; it belongs to root:root 0644; you need write permission\n"));
	tool_as(STUDENT, "queue", "rm", qname);
	tells(DENIED, "",
	      about_queue("ipcbook: cannot remove queue '%s': permission denied; it belongs to root:root 0644; you need to own it\n"));
	contains("1:mine");
}

TEST(a_user_who_may_only_send_can_send)
{
	is(ipcbook_chmod(q, 0622), 0);
	tool_as(STUDENT, "queue", "send", qname, "from a student");
	tells(DONE, "", "");
	contains("1:from a student");
	tool_as(STUDENT, "queue", "peek", qname);
	is(told.status, DENIED);
}

TEST(a_wrong_call_gets_one_line_and_does_nothing)
{
	static const char *const calls[][8] = {
		{ "ipcbook" },
		{ "ipcbook", "queue" },
		{ "ipcbook", "queue", "frob", "Q" },
		{ "ipcbook", "help", "frob" },
		{ "ipcbook", "ls", "nonsense" },
		{ "ipcbook", "ls", "queue", "more" },
		{ "ipcbook", "stat" },
		{ "ipcbook", "stat", "Q", "--chapter", "nonsense" },
		{ "ipcbook", "queue", "recv" },
		{ "ipcbook", "queue", "recv", "Q", "more" },
		{ "ipcbook", "queue", "recv", "Q", "--frob" },
		{ "ipcbook", "queue", "recv", "Q", "-Z" },
		{ "ipcbook", "queue", "recv", "Q", "--type" },
		{ "ipcbook", "queue", "recv", "Q", "--follow=1" },
		{ "ipcbook", "queue", "recv", "Q", "--type", "0" },
		{ "ipcbook", "queue", "recv", "Q", "--type", "-1" },
		{ "ipcbook", "queue", "recv", "Q", "--upto",
		  "4611686018427387905" },
		{ "ipcbook", "queue", "recv", "Q", "--not", "1x" },
		{ "ipcbook", "queue", "recv", "Q", "--timeout", "1 s" },
		{ "ipcbook", "queue", "recv", "Q", "--count", "0" },
		{ "ipcbook", "queue", "recv", "Q", "-t1", "--upto=2" },
		{ "ipcbook", "queue", "recv", "Q", "--timeout=1", "--nowait" },
		{ "ipcbook", "queue", "recv", "Q", "--follow", "--count=2" },
		{ "ipcbook", "queue", "recv", "Q", "--follow", "--nowait" },
		{ "ipcbook", "queue", "recv", "Q", "--raw", "--null" },
		{ "ipcbook", "queue", "recv", "Q", "--a\nb" },
		{ "ipcbook", "queue", "peek", "Q", "--nth", "1024" },
		{ "ipcbook", "queue", "peek", "Q", "--nth=1", "--all" },
		{ "ipcbook", "queue", "peek", "Q", "--timeout=1" },
		{ "ipcbook", "queue", "send", "Q", "x", "--lines" },
		{ "ipcbook", "queue", "send", "Q", "x", "--file=/dev/null" },
		{ "ipcbook", "queue", "send", "Q", "--lines", "-0" },
		{ "ipcbook", "queue", "send", "Q", "x", "--upto=3" },
		{ "ipcbook", "queue", "create", "Q", "--mode", "1000" },
		{ "ipcbook", "queue", "create", "Q", "--mode", "8" },
		{ "ipcbook", "queue", "create", "Q", "--size", "1X" },
		{ "ipcbook", "queue", "create", "Q", "--bytes", "0" },
		{ "ipcbook", "queue", "create", "Q", "--messages", "1K" },
		{ "ipcbook", "queue", "rm" },
	};
	const char *argv[9];

	put(q, 1, "stays");
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		for (size_t j = 0; j < 8; j++)
			argv[j] = calls[i][j] && !strcmp(calls[i][j], "Q") ?
				  qname : calls[i][j];
		argv[8] = NULL;
		tool_in(&(struct how){ 0 }, argv);
		print_message("%s", told.err);
		is(told.status, USAGE);
		is(told.length, 0);
		holds(strstr(told.err, "usage: ipcbook "));
		is(strchr(told.err, '\n') - told.err, strlen(told.err) - 1);
		contains("1:stays");
	}
}

BARE_TEST(a_call_with_too_few_words_is_told_which_is_missing)
{
	tool("queue", "rm");
	tells(USAGE, "",
	      "ipcbook: NAME is missing; usage: ipcbook queue rm [OPTION]... NAME...\n");
	tool("sem", "run", "a");
	tells(USAGE, "",
	      "ipcbook: COMMAND is missing; usage: ipcbook sem run [OPTION]... NAME -- COMMAND...\n");
	tool("signal", "send");
	tells(USAGE, "",
	      "ipcbook: SIGNAL is missing; usage: ipcbook signal send [OPTION]... SIGNAL TARGET...\n");
	tool("kill");
	tells(USAGE, "",
	      "ipcbook: TARGET is missing; usage: ipcbook kill [-SIGNAL] TARGET... | -l\n");
	tool("socket", "proxy", "a");
	tells(USAGE, "",
	      "ipcbook: NAME|tcp:PORT|unix:PATH is missing; usage: ipcbook socket proxy [OPTION]... NAME|tcp:PORT|unix:PATH NAME|tcp:PORT|unix:PATH\n");
}

BARE_TEST(a_call_with_half_a_command_is_told_the_commands)
{
	tool("queue");
	tells(USAGE, "",
	      "ipcbook: which command of 'queue' is missing; usage: ipcbook queue create|send|recv|peek|stat|rm [OPTION]... [ARGUMENT]...\n");
	tool("queue", "sned", "x");
	tells(USAGE, "",
	      "ipcbook: there is no command 'queue sned'; usage: ipcbook queue create|send|recv|peek|stat|rm [OPTION]... [ARGUMENT]...\n");
	tool("que");
	tells(USAGE, "",
	      "ipcbook: there is no command 'que'; usage: ipcbook [-j] COMMAND [OPTION]... [ARGUMENT]...; see ipcbook --help\n");
}

BARE_TEST(help_goes_to_standard_output)
{
	static const char *const calls[][5] = {
		{ "ipcbook", "--help" },
		{ "ipcbook", "-h" },
		{ "ipcbook", "help" },
		{ "ipcbook", "queue", "--help" },
		{ "ipcbook", "help", "queue" },
		{ "ipcbook", "queue", "recv", "--help" },
		{ "ipcbook", "help", "queue", "recv" },
		{ "ipcbook", "ls", "--help" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		tool_in(&(struct how){ 0 }, calls[i]);
		is(told.status, DONE);
		is(strlen(told.err), 0);
		has(i == 5 || i == 6 ? "--follow" : i == 7 ? "--no-header" :
		    "queue recv");
	}
	tool("--version");
	is(told.status, DONE);
	is(strncmp(told.out, "ipcbook ", 8), 0);
	assert_string_equal(strtok(told.out + 8, "\n"), ipcbook_version());
}

BARE_TEST(output_that_cannot_be_written_is_a_failure)
{
	struct how how = { .output = keep(open("/dev/full", O_WRONLY)) };

	tool_in(&how, words("ls"));
	tells(FAILED, "", "ipcbook: cannot write to standard output\n");
	tool_in(&how, words("--help"));
	tells(FAILED, "", "ipcbook: cannot write to standard output\n");
}

/* --- the device ----------------------------------------------------------- */

/* A /dev of the tool's own, with nothing in it. */
static void without_device(void)
{
	is(sys(unshare(CLONE_NEWNS)), 0);
	is(sys(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)), 0);
	is(sys(mount("tmpfs", "/dev", "tmpfs", 0, "mode=755")), 0);
}

static void with_a_file_in_its_place(void)
{
	without_device();
	close(open(IPCBOOK_DEVICE, O_WRONLY | O_CREAT, 0666));
}

static void with_a_narrow_device(void)
{
	struct stat stat_;

	is(sys(stat(IPCBOOK_DEVICE, &stat_)), 0);
	without_device();
	is(sys(mknod(IPCBOOK_DEVICE, S_IFCHR, stat_.st_rdev)), 0);
	is(sys(chown(IPCBOOK_DEVICE, 0, 1001)), 0);
	is(sys(chmod(IPCBOOK_DEVICE, 0660)), 0);
}

TEST(a_missing_device_gives_status_3_and_what_to_do)
{
	struct how how = { .prepare = without_device };
	const char *want = "ipcbook: /dev/ipcbook is missing: as root, modprobe ipcbook or insmod kmod/ipcbook.ko\n";

	tool_in(&how, words("queue", "send", qname, "x"));
	tells(DEVICE, "", want);
	tool_in(&how, words("queue", "create", qname));
	tells(DEVICE, "", want);
	tool_in(&how, words("queue", "rm", qname));
	tells(DEVICE, "", want);
}

TEST(a_device_that_may_not_be_opened_gives_status_3)
{
	struct how how = { .prepare = with_a_narrow_device, .uid = STUDENT };
	const char *want = "ipcbook: /dev/ipcbook may not be opened: mode 0660, owner 0:1001; ask who set its udev rule\n";

	tool_in(&how, words("queue", "recv", qname));
	tells(DEVICE, "", want);
	tool_in(&how, words("queue", "rm", qname));
	tells(DEVICE, "", want);
	how.uid = 1001;
	tool_in(&how, words("queue", "send", "default", "x"));
	tells(DONE, "", "");
	tool("queue", "recv", "default");
	tells(DONE, "x\n", "");
}

TEST(a_file_in_the_place_of_the_device_gives_status_3)
{
	struct how how = { .prepare = with_a_file_in_its_place };

	tool_in(&how, words("queue", "recv", qname));
	tells(DEVICE, "",
	      "ipcbook: /dev/ipcbook is not ipcbook's device: remove it and load the module again\n");
}

BARE_TEST(the_queue_default_is_the_one_behind_the_device)
{
	int fd = keep(sys(open(IPCBOOK_DEVICE, O_RDWR)));
	char text[16];

	tool("queue", "send", "default", "to the device");
	tells(DONE, "", "");
	is(sys(read(fd, text, sizeof(text))), 13);
	is(sys(write(fd, "from it", 7)), 7);
	tool_as(STUDENT, "queue", "recv", "default");
	tells(DONE, "from it\n", "");
}
