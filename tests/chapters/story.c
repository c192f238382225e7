// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook story: what it claims, when it does not, and its exit status.
 *
 * The tool is run by a shell (runs()), or, where a test has to do with a story
 * that has not ended, as a child that --slow makes wait for keys (begin(),
 * await_key(), key(), end()). Both outputs are looked at as one. After each test
 * nothing of a story may be left.
 */
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <termios.h>

#include "harness.h"

#define STUDENT	1000

enum { DONE, FAILED, USAGE, DEVICE, PARTLY = 9 };

/* What all of the story claims, in whatever language. */
#define CLAIMS	32

static char told[1 << 17];

/* A story that waits for keys. */
static struct {
	pid_t pid;
	int keys;
	int output;
} lecture;

static const char *tool_path(void)
{
	static char path[PATH_MAX];
	char self[PATH_MAX - 64] = "";

	holds(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	snprintf(path, sizeof(path), "%s/../bin", dirname(self));
	return path;
}

/* Runs shell commands as a user, "ipcbook" being the tool beside this program. */
static void runs(uid_t uid, const char *commands, int status)
{
	char command[2 * PATH_MAX];
	int ended;

	snprintf(command, sizeof(command), "PATH=%s:$PATH; { %s; } 2>&1",
		 tool_path(), commands);
	ended = shell(uid, command, told, sizeof(told));
	if (ended != status)
		print_message("# told: %s", told);
	is(ended, status);
}

static unsigned int count(const char *text)
{
	unsigned int n = 0;

	for (const char *at = told; (at = strstr(at, text)); at++)
		n++;
	return n;
}

#define has(text) do {							\
	if (!strstr(told, text))					\
		print_message("# told: %s", told);			\
	holds(strstr(told, text));					\
} while (0)

#define has_not(text) do {						\
	if (strstr(told, text))						\
		print_message("# told: %s", told);			\
	holds(!strstr(told, text));					\
} while (0)

static int leftover(const struct ipcbook_stat *stat,
		    __attribute__((unused)) void *arg)
{
	return strncmp(stat->name, "story-", 6) == 0;
}

static int start(void **state)
{
	fixture_bare(state);
	give_seconds(240);
	return 0;
}

static int nothing_left(void **state)
{
	bool left = ipcbook_list(0, NULL, leftover, NULL);

	if (left)
		print_error("an object of the story is still there\n");
	return fixture_end(state) || left ? -1 : 0;
}

#define STORY_TEST(name) TEST_BETWEEN(name, start, nothing_left)

/* --- What it tells -------------------------------------------------------- */

/* Whether what the last line says is what the lines say. */
static void claim_sum(const char *verified, const char *sum)
{
	unsigned int n;
	const char *at;

	at = strstr(told, sum);
	if (!at)
		print_message("# told: %s", told);
	holds(at);
	while (at > told && at[-1] != '\n')
		at--;
	while (*at && (*at < '0' || *at > '9'))
		at++;
	n = strtoul(at, NULL, 10);
	is(count(verified), n);
	is(n, CLAIMS);
}

STORY_TEST(all_of_it_is_verified_and_plain_in_a_file)
{
	runs(0, "ipcbook story", DONE);
	has("1. The signal\n");
	has("The socket\n");
	has("The anonymous pipe\n");
	has("The named pipe\n");
	has("The message queue\n");
	has("Shared memory\n");
	has("The semaphore\n");
	has("a large body of data\n");
	has_not("\033");
	has_not("\r");
	has_not("FAILED");
	has_not("not shown");
	claim_sum("\n  ok ", ", each of them verified in this run.\n");
	is(count("SHA-256 is the same"), 4);
}

/* A comma, say, of the narrow kind behind a character of the wide kind. */
static const char *narrow_mark(void)
{
	for (const char *at = told; *at; at++)
		if (strchr(",:;?!()", *at) && at - told >= 3 &&
		    (unsigned char)at[-3] >= 0xe3)
			return at - 3;
	return NULL;
}

STORY_TEST(it_is_told_in_chinese_as_completely)
{
	runs(0, "ipcbook story --lang zh", DONE);
	has("1. 信号\n");
	has("套接字\n");
	has("匿名管道\n");
	has("命名管道\n");
	has("消息队列\n");
	has("共享内存\n");
	has("信号量\n");
	has_not("\033");
	has_not("不成立");
	has_not("The ");
	has_not(" the ");
	if (narrow_mark())
		print_message("# told: %.60s", narrow_mark());
	holds(!narrow_mark());
	claim_sum("\n  成立 ", " 条，本次运行逐条验证，全部成立。\n");
}

STORY_TEST(each_chapter_is_told_alone)
{
	static const char *const chapters[] = {
		"signal", "socket", "pipe", "queue", "shm", "sem", "ring"
	};
	char command[100], want[100];

	for (size_t i = 0; i < ARRAY_SIZE(chapters); i++) {
		snprintf(command, sizeof(command),
			 "ipcbook story --chapter %s -j", chapters[i]);
		runs(0, command, DONE);
		snprintf(want, sizeof(want), "{\"chapter\":\"%s\",",
			 chapters[i]);
		holds(count(want) >= 3);
		is(count("\n"), count(want) + 1);
		has("\",\"verified\":true}\n");
		has(",\"failed\":0,\"not_shown\":0}\n");
	}
}

STORY_TEST(a_terminal_gets_colours_unless_it_wants_none)
{
	const char *line =
		"export TERM=%s; script -qec \"$(which ipcbook) story --chapter sem\" /dev/null </dev/null";
	char command[200];

	snprintf(command, sizeof(command), line, "xterm");
	runs(0, command, DONE);
	has("\033[32mok\033[0m");
	snprintf(command, sizeof(command), line, "xterm NO_COLOR=1");
	runs(0, command, DONE);
	has("  ok ");
	has_not("\033");
	snprintf(command, sizeof(command), line, "dumb");
	runs(0, command, DONE);
	has_not("\033");
	runs(0, "CLICOLOR_FORCE=1 ipcbook story --chapter sem", DONE);
	has("\033[32mok\033[0m");
	has_not("\r");
}

STORY_TEST(the_interface_for_captures_is_as_it_was_before)
{
	const char *look = "ip -o link show ipcbook0 | grep -c '[<,]UP[,>]'";

	runs(0, look, 1);
	runs(0, "ipcbook story --chapter socket", DONE);
	is(count("hello, fat one!."), 2);
	runs(0, look, 1);
	runs(0, "ip link set ipcbook0 up; ipcbook story --chapter socket", DONE);
	runs(0, look, 0);
	runs(0, "ip link set ipcbook0 down", 0);
}

STORY_TEST(the_counter_is_wrong_without_the_semaphore_every_time)
{
	for (int i = 0; i < 3; i++) {
		runs(0, "ipcbook story --chapter sem", DONE);
		has("Without a semaphore the counter comes out wrong");
		has("with the semaphore: 10000\n");
	}
}

STORY_TEST(it_can_be_told_on_one_cpu)
{
	runs(0, "taskset 1 ipcbook story --chapter sem", DONE);
	runs(0, "taskset 1 ipcbook story --chapter pipe", DONE);
}

/* --- What cannot be shown, and what does not hold ------------------------- */

STORY_TEST(what_a_user_may_not_see_is_said_and_not_claimed)
{
	runs(STUDENT, "ipcbook story --chapter shm", PARTLY);
	has("\n  --      not shown: the physical frames");
	has("What one writes the other one reads");
	has_not("same physical frames");
	has_not("FAILED");
	has("\nClaims: 2, each of them verified in this run.\n");
	has("\nNot shown here, and not claimed: 1. ");
	runs(STUDENT, "ipcbook story --chapter socket", PARTLY);
	is(count("\n  --      not shown: a capture"), 2);
	has_not("captured on");
	has_not("FAILED");
	runs(STUDENT, "ipcbook story --chapter shm --lang zh", PARTLY);
	has("未展示：物理页框号");
}

STORY_TEST(a_user_can_see_the_rest)
{
	runs(STUDENT, "ipcbook story --chapter signal", DONE);
	runs(STUDENT, "ipcbook story --chapter pipe", DONE);
	runs(STUDENT, "ipcbook story --chapter queue", DONE);
}

STORY_TEST(a_call_that_fails_is_a_failure)
{
	set_parameter("queue_max_size", 4096);
	runs(STUDENT, "ipcbook story --chapter queue", FAILED);
	has("\n  FAILED  The thin one could not send: E2BIG");
	has("\nClaims: 1; verified in this run: 0; FAILED: 1.\n");
	set_parameter("user_objects", 0);
	runs(STUDENT, "ipcbook story --chapter pipe --chapter sem", FAILED);
	has("EDQUOT");
	has("FAILED: 1.\n");
}

/* --- A story that has not ended ------------------------------------------- */

/* Its keys come from there. */
static void begin_at(int keyboard, const char *chapter)
{
	char tool[PATH_MAX + 16];
	int output[2];

	snprintf(tool, sizeof(tool), "%s/ipcbook", tool_path());
	is(sys(pipe2(output, O_CLOEXEC)), 0);
	lecture.pid = child();
	if (!lecture.pid) {
		dup2(keyboard, STDIN_FILENO);
		dup2(output[1], STDOUT_FILENO);
		execl(tool, "ipcbook", "story", "--slow", "--chapter", chapter,
		      NULL);
		_exit(127);
	}
	close(output[1]);
	lecture.output = keep(output[0]);
	is(sys(fcntl(lecture.output, F_SETFL, O_NONBLOCK)), 0);
	told[0] = '\0';
}

static void begin(const char *chapter)
{
	int keys[2];

	is(sys(pipe2(keys, O_CLOEXEC)), 0);
	lecture.keys = keep(keys[1]);
	begin_at(keys[0], chapter);
	close(keys[0]);
}

/* What was said up to now. */
static void listen_to_it(void)
{
	size_t have = strlen(told);
	ssize_t n;

	while ((n = read(lecture.output, told + have,
			 sizeof(told) - 1 - have)) > 0)
		have += n;
	told[have] = '\0';
}

static void await_key(void)
{
	int unread = 1;

	await(!ioctl(lecture.keys, FIONREAD, &unread) && !unread);
	await_asleep(lecture.pid, SYS_read);
	listen_to_it();
}

static void key(void)
{
	await_key();
	is(sys(write(lecture.keys, "x", 1)), 1);
}

/* No more keys: it is told to its end. Returns its exit status. */
static int end(void)
{
	int status;

	drop(lecture.keys);
	status = reap(lecture.pid);
	listen_to_it();
	return status;
}

STORY_TEST(a_slow_one_waits_for_a_key_after_each_step)
{
	begin("queue");
	await_key();
	has("One queue holds both directions");
	has_not("The fat one picked its own");
	key();
	await_key();
	has("The fat one picked its own");
	has_not("The thin one picked its own");
	is(end(), DONE);
	has("The thin one picked its own");
	has("\nClaims: 4, each of them verified in this run.\n");
}

/* The name of the queue that the story has made. */
static int find_post(const struct ipcbook_stat *stat, void *name)
{
	if (strncmp(stat->name, "story-", 6))
		return 0;
	strcpy(name, stat->name);
	return 1;
}

STORY_TEST(a_claim_that_does_not_hold_is_told_and_fails)
{
	char name[IPCBOOK_NAME_LEN], text[17];
	int fd;

	begin("queue");
	await_key();
	is(ipcbook_list(IPCBOOK_QUEUE, NULL, find_post, name), 1);
	fd = keep(ipcbook_queue_open(name, O_RDWR, 0, NULL));
	/* What the thin one sent becomes the test's. */
	is(ipcbook_queue_recv(fd, IPCBOOK_EXACT, 1, text, sizeof(text), 0, 0,
			      NULL), sizeof(text));
	is(ipcbook_queue_send(fd, 1, text, sizeof(text), 0, 0), 0);
	is(end(), FAILED);
	has("\n  FAILED  The fat one picked its own, whole and in order");
	has("\n  ok      The thin one picked its own, whole and in order");
	has("\nClaims: 4; verified in this run: 3; FAILED: 1.\n");
	has("What this page says did not show in this run.\n");
}

STORY_TEST(an_actor_that_is_killed_is_a_failure)
{
	char command[100];

	begin("queue");
	await_key();
	snprintf(command, sizeof(command), "pkill -KILL -P %d -x 'fat one'",
		 lecture.pid);
	/* Told is what the story says. */
	is(system(command), 0);
	is(end(), FAILED);
	has("\n  FAILED  The fat one came to an end before its time (status 137).\n");
	has("\nClaims: 2; verified in this run: 1; FAILED: 1.\n");
}

STORY_TEST(one_that_is_interrupted_leaves_nothing)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	char name[IPCBOOK_NAME_LEN];

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		begin("queue");
		await_key();
		is(ipcbook_list(0, NULL, find_post, name), 1);
		is(sys(kill(lecture.pid, signals[i])), 0);
		is(reap(lecture.pid), 128 + signals[i]);
		is(ipcbook_list(0, NULL, find_post, name), 0);
		drop(lecture.keys);
		drop(lecture.output);
	}
}

STORY_TEST(one_that_is_interrupted_gives_the_keyboard_back)
{
	struct termios before, modes;
	int terminal, keyboard;

	terminal = keep(sys(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)));
	is(sys(unlockpt(terminal)), 0);
	keyboard = keep(sys(open(ptsname(terminal),
				 O_RDWR | O_NOCTTY | O_CLOEXEC)));
	is(sys(tcgetattr(keyboard, &before)), 0);
	begin_at(keyboard, "queue");
	await(!tcgetattr(keyboard, &modes) &&
	      !(modes.c_lflag & (ICANON | ECHO)));
	is(sys(kill(lecture.pid, SIGQUIT)), 0);
	is(reap(lecture.pid), 128 + SIGQUIT);
	is(sys(tcgetattr(keyboard, &modes)), 0);
	is(modes.c_lflag, before.c_lflag);
}

STORY_TEST(one_that_gets_no_actors_gives_the_keyboard_back)
{
	runs(STUDENT, "script -qec 'b=$(stty -g)\n"
	     "prlimit --nproc=1 ipcbook story --slow --chapter queue; echo ended $?\n"
	     "[ \"$b\" = \"$(stty -g)\" ] && echo same modes' /dev/null </dev/null",
	     DONE);
	has("cannot make a process: Resource temporarily unavailable");
	has("ended 1\r\nsame modes\r\n");
}

STORY_TEST(one_to_which_nobody_listens_any_more_leaves_nothing)
{
	runs(0, "ipcbook story --chapter queue | head -n 1", DONE);
}

/* --- Wrong calls ---------------------------------------------------------- */

STORY_TEST(a_wrong_call_gets_one_line)
{
	runs(0, "ipcbook story page", USAGE);
	has("'page' is too much; usage: ipcbook story [OPTION]...\n");
	runs(0, "ipcbook story --lang fr", USAGE);
	has("--lang takes en or zh, not 'fr'; usage: ");
	runs(0, "ipcbook story --chapter letter", USAGE);
	has("--chapter takes ");
	has(", not 'letter'; usage: ");
	runs(0, "ipcbook story --chapter", USAGE);
	has("--chapter needs CHAPTER; usage: ");
}

STORY_TEST(without_the_device_there_is_no_story)
{
	runs(0, "unshare -m sh -c 'mount -t tmpfs none /dev && ipcbook story'",
	     DEVICE);
	has("ipcbook: /dev/ipcbook is missing");
	is(count("\n"), 1);
}

STORY_TEST(a_device_that_cannot_be_opened_is_told)
{
	runs(0, "unshare -m sh -c 'mount -t tmpfs none /dev && ln -s ipcbook /dev/ipcbook && ipcbook story'",
	     FAILED);
	is(strcmp(told, "ipcbook: /dev/ipcbook cannot be opened: Too many levels of symbolic links\n"),
	   0);
}
