// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tracepoints, with the tools that people use: each line of the handbook's
 * page on seeing that calls perf, trace-cmd or bpftrace is run as it stands
 * there, while something passes that it must tell of.
 */
#include <regex.h>

#include "command.h"
#include "sem.h"

#define PAGE	"../../Documentation/handbook/seeing.rst"
#define LINES	32

/* The lines of the page that are commands of these tools, without the "# ". */
static char *lines[LINES];
static bool tried[LINES];
static size_t line_count;

static bool is_call(const char *text)
{
	return !strncmp(text, "\t# perf ", 8) ||
	       !strncmp(text, "\t# trace-cmd ", 13) ||
	       !strncmp(text, "\t# bpftrace ", 12);
}

static void read_page(void)
{
	char path[PATH_MAX] = "", *text = NULL;
	size_t size = 0;
	FILE *file;

	if (line_count)
		return;
	holds(readlink("/proc/self/exe", path, sizeof(path) / 2) > 0);
	strcpy(strrchr(path, '/') + 1, PAGE);
	file = fopen(path, "re");
	holds(file);
	while (getline(&text, &size, file) > 0) {
		if (!is_call(text))
			continue;
		holds(line_count < LINES);
		text[strcspn(text, "\n")] = '\0';
		lines[line_count] = strdup(text + 3);
		holds(lines[line_count++]);
	}
	free(text);
	fclose(file);
}

/* The one line of the page with this in it. */
static const char *line_with(const char *what)
{
	const char *found = NULL;

	read_page();
	for (size_t i = 0; i < line_count; i++) {
		if (!strstr(lines[i], what))
			continue;
		if (found)
			print_error("twice on the page: %s\n", what);
		holds(!found);
		found = lines[i];
		tried[i] = true;
	}
	if (!found)
		print_error("not on the page: %s\n", what);
	holds(found);
	return found;
}

/*
 * Runs shell commands, in a directory of their own, where /tmp/trace-line is the
 * page's line. Names of processes are not recorded: for that the kernel patches
 * the scheduler's hottest code, which an emulated machine can stumble over.
 */
static int run_line(const char *what, const char *commands)
{
	char text[8192], command[128];
	FILE *file;
	int status;

	file = fopen("/tmp/trace-line", "we");
	holds(file);
	fprintf(file, "%s\n", line_with(what));
	fclose(file);
	snprintf(text, sizeof(text),
		 "d=$(mktemp -d); cd $d; o=/sys/kernel/tracing/options/record-cmd\n"
		 "trap 'kill $(jobs -p) 2>/dev/null; echo 1 >$o; cd /; rm -rf $d' EXIT; echo 0 >$o\n"
		 "stat() { ipcbook $1 stat $2 2>/dev/null | awk -v f=$3 '$1 == f { print $2 }'; }\n"
		 "waits() { until [ \"$(stat $1 $2 $3)\" = 1 ]; do :; done; }\n"
		 "%s", commands);
	file = fopen("/tmp/trace-script", "we");
	holds(file);
	fputs(text, file);
	fclose(file);
	give_seconds(400);
	/* Should it hang, its last steps tell where. */
	snprintf(command, sizeof(command),
		 "BASH_XTRACEFD=9 timeout -k 5 %d bash -x /tmp/trace-script 9>/tmp/trace-steps",
		 slow_kernel() ? 1500 : 300);
	status = run(0, command);
	if (status)
		print_error("%s\n", told);
	if (status == 124 && !run(0, "tail -n 20 /tmp/trace-steps"))
		print_error("%s\n", told);
	return status;
}

#define tells_of(pattern) do {						\
	if (!matches(pattern))						\
		print_error("no \"%s\" in: %s\n", pattern, told);	\
	holds(matches(pattern));					\
} while (0)

static bool matches(const char *pattern)
{
	regex_t regex;
	bool found;

	holds(!regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB | REG_NEWLINE));
	found = !regexec(&regex, told, 0, NULL, 0);
	regfree(&regex);
	return found;
}

/* A kernel built here has none. */
static bool kernel_has_btf(void)
{
	return !access("/sys/kernel/btf/vmlinux", R_OK);
}

/* How often a word was said. */
static int counted(const char *word)
{
	int count = 0;

	for (const char *at = told; (at = strstr(at, word)); at++)
		count++;
	return count;
}

/*
 * What bpftrace tells of traffic, until that ends. (Of a signal it would have to be
 * sent at the right moment: it heeds one only while it waits for events.)
 */
static void bpftrace(const char *what, const char *traffic)
{
	char commands[4096];

	if (!kernel_has_btf())
		not_here("without BTF bpftrace does not know the kernel's types");
	snprintf(commands, sizeof(commands),
		 "{ declare -f; cat <<'EOF'; } >traffic\n%s\nEOF\n"
		 "bash -c \"exec $(cat /tmp/trace-line) -c '/bin/bash traffic'\"",
		 traffic);
	is(run_line(what, commands), 0);
}

BARE_TEST(bpftrace_tells_who_creates_what)
{
	bpftrace("tracepoint:ipcbook:object_event",
		 "ipcbook queue create shelf; ipcbook queue create shelf; ipcbook sem create gate\n"
		 "ipcbook queue rm shelf; ipcbook sem rm gate");
	tells_of("^ipcbook creates queue shelf$");
	tells_of("^ipcbook creates sem gate$");
	is(counted("creates"), 2);
}

BARE_TEST(bpftrace_tells_how_messages_went)
{
	bpftrace("tracepoint:ipcbook:queue_send",
		 "ipcbook queue create shelf; ipcbook queue recv shelf --type 5 & r=$!\n"
		 "waits queue shelf receivers_waiting\n"
		 "ipcbook queue send shelf --type 5 hello; wait $r\n"
		 "ipcbook queue send shelf one; ipcbook queue send shelf two; ipcbook queue rm shelf");
	tells_of("^@direct\\[[0-9]+\\]: 1$");
	tells_of("^@queued\\[[0-9]+\\]: 2$");
}

BARE_TEST(bpftrace_tells_how_long_receivers_waited)
{
	bpftrace("tracepoint:ipcbook:queue_wait",
		 "ipcbook queue create shelf; ipcbook queue recv shelf & r=$!\n"
		 "waits queue shelf receivers_waiting\n"
		 "ipcbook queue send shelf hello; wait $r; ipcbook queue rm shelf");
	tells_of("^@receiver_us:");
	tells_of("^\\[.*\\) +1 \\|@+\\|$");
	holds(!matches("sender"));
}

BARE_TEST(bpftrace_tells_who_writes_into_pipes)
{
	bpftrace("tracepoint:ipcbook:pipe_write",
		 "ipcbook pipe read --create hose >/dev/null & r=$!\n"
		 "until ipcbook pipe write hose hello; do :; done; wait $r; ipcbook pipe rm hose");
	tells_of("^@bytes\\[ipcbook\\]: 6$");
}

BARE_TEST(bpftrace_tells_how_much_sockets_send_at_once)
{
	bpftrace("tracepoint:ipcbook:socket_send",
		 "ipcbook socket listen door </dev/null >/dev/null & s=$!\n"
		 "until printf 12345 | ipcbook socket connect door; do :; done; wait $s");
	tells_of("^\\[4, 8\\) +1 \\|@+\\|$");
}

BARE_TEST(bpftrace_tells_who_maps_segments)
{
	bpftrace("tracepoint:ipcbook:shm_map",
		 "ipcbook shm create --size 64K board; ipcbook shm fill board hello; ipcbook shm rm board");
	tells_of("^ipcbook \\([0-9]+\\) maps 65536 bytes of [0-9]+$");
}

BARE_TEST(bpftrace_tells_how_long_a_ring_slept)
{
	bpftrace("tracepoint:ipcbook:ring_wait",
		 "ipcbook ring create wheel; ipcbook ring consume --lines --count 1 wheel & r=$!\n"
		 "waits ring wheel receivers_waiting\n"
		 "echo hello | ipcbook ring produce --lines wheel; wait $r; ipcbook ring rm wheel");
	tells_of("^@consumer_us:");
}

BARE_TEST(bpftrace_tells_how_long_a_down_took)
{
	bpftrace("tracepoint:ipcbook:sem_down",
		 "ipcbook sem create gate; ipcbook sem down gate & r=$!\n"
		 "waits sem gate receivers_waiting\n"
		 "ipcbook sem down --nowait gate; ipcbook sem up gate; wait $r; ipcbook sem rm gate");
	tells_of("^@us:");
	tells_of("^\\[.*\\) +1 \\|@+\\|$");
}

BARE_TEST(bpftrace_tells_which_signals_are_sent)
{
	bpftrace("tracepoint:ipcbook:signal_send",
		 "ipcbook signal listen --count 3 ear & r=$!\n"
		 "until ipcbook signal send 40 ear 2>/dev/null; do :; done\n"
		 "ipcbook signal send 40 ear; ipcbook signal send TERM ear; wait $r");
	tells_of("^@\\[40\\]: 2$");
	tells_of("^@\\[15\\]: 1$");
}

BARE_TEST(perf_trace_shows_events_as_they_come)
{
	is(run_line("perf trace --libtraceevent_print",
		    "ipcbook queue create shelf; bash -c \"$(cat /tmp/trace-line)\"; ipcbook queue rm shelf"),
	   0);
	tells_of("ipcbook:queue_send\\(id=[0-9]+ type=1 len=5 way=queued\\)");
}

BARE_TEST(perf_stat_counts_events)
{
	is(run_line("perf stat",
		    "bash -c \"$(cat /tmp/trace-line)\""), 0);
	tells_of("^ +[1-9][0-9,]* +ipcbook:sem_up");
	tells_of("^ +[1-9][0-9,]* +ipcbook:sem_down");
	tells_of("^ +[0-9]+ +ipcbook:sem_grant");
	tells_of("^ +[0-9]+ +ipcbook:sem_return");
}

BARE_TEST(trace_cmd_records_and_reports)
{
	char commands[] = "bash -c \"$(cat /tmp/trace-line)\" >/dev/null; cp trace.dat /tmp";

	is(run_line("trace-cmd record", commands), 0);
	is(run_line("trace-cmd report", "cp /tmp/trace.dat .; bash -c \"$(cat /tmp/trace-line)\""),
	   0);
	tells_of("pipe_open: +id=[0-9]+ readers=1 writers=1");
	tells_of("pipe_write: +id=[0-9]+ len=[0-9]+ bytes=[0-9]+");
	tells_of("pipe_read: +id=[0-9]+ len=[0-9]+ bytes=0");
	tells_of("pipe_wait: +id=[0-9]+ who=(writer|reader) ns=[0-9]+ err=0");
	unlink("/tmp/trace.dat");
}

BARE_TEST(trace_cmd_shows_what_is_in_the_kernels_buffer)
{
	is(run_line("trace-cmd start",
		    "bash -c \"$(cat /tmp/trace-line)\"\n"
		    "ipcbook socket listen door </dev/null & s=$!\n"
		    "until ipcbook socket stat door 2>&1 | grep -qE '^max_depth +([2-9]|1[0-9])'; do :; done\n"
		    "printf 12345 | ipcbook socket connect door; wait $s"), 0);
	is(run_line("trace-cmd show", "bash -c \"$(cat /tmp/trace-line)\""), 0);
	tells_of("socket_make: id=[0-9]+ type=stream");
	tells_of("socket_connect: id=[0-9]+ listener=[0-9]+");
	tells_of("socket_accept: id=[0-9]+ listener=[0-9]+ peer=[0-9]+");
	tells_of("socket_send: id=[0-9]+ len=5");
	tells_of("socket_receive: id=[0-9]+ len=5");
	tells_of("socket_wait: id=[0-9]+ for=connection ns=[0-9]+ ret=0");
	tells_of("socket_shutdown: id=[0-9]+ how=2");
	tells_of("socket_close: id=[0-9]+ bytes=[0-9]+ read=[0-9]+");
	is(run_line("trace-cmd reset", "bash -c \"$(cat /tmp/trace-line)\""), 0);
}

static const char trace[] = "/sys/kernel/tracing/trace";

SEM_TEST(what_becomes_of_a_semaphore_is_told_in_order)
{
	const char *where, *events[] = {
		"object_event: id=%ju chapter=sem name=%s event=opened err=0\n",
		"sem_grant: id=%ju units=2 value=1\n",
		"object_event: id=%ju chapter=sem name=%s event=unlinked err=0\n",
		"object_event: id=%ju chapter=sem name=%s event=gone err=0\n",
	};
	struct call *call;
	char text[256];
	uint64_t id;

	units(0, 3);
	id = sem_stat(s).id;
	set_file("/sys/kernel/tracing/options/record-cmd", "0");
	holds(spit(trace, ""));
	set_file("/sys/kernel/tracing/events/ipcbook/object_event/enable", "1");
	set_file("/sys/kernel/tracing/events/ipcbook/sem_grant/enable", "1");
	close(undoing());
	call = taker(s, 2);
	is(ipcbook_sem_up(s, 3), 0);
	is(call_end(call), 0);
	is(ipcbook_sem_unlink(sname), 0);
	close(s);
	s = -1;
	where = slurp(trace);
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		snprintf(text, sizeof(text), events[i], id, sname);
		where = strstr(where, text);
		if (!where)
			print_error("no %s in:\n%s", text, slurp(trace));
		holds(where);
	}
}

/* How long it took is known only of a wait that was traced from its beginning. */
TEST(a_wait_that_was_traced_from_the_middle_on_is_not_told_of)
{
	struct call *call;

	set_file("/sys/kernel/tracing/options/record-cmd", "0");
	holds(spit(trace, ""));
	call = receiver(q, IPCBOOK_EXACT, 5);
	set_file("/sys/kernel/tracing/events/ipcbook/queue_wait/enable", "1");
	put(q, 5, "x");
	is(call_end(call), 1);
	holds(!strstr(slurp(trace), "queue_wait:"));
	call = receiver(q, IPCBOOK_EXACT, 5);
	put(q, 5, "x");
	is(call_end(call), 1);
	holds(strstr(slurp(trace), "queue_wait:"));
}

/* The formats of all events are understood by the library that the tools use. */
BARE_TEST(every_format_is_understood)
{
	is(run(0, "ls /sys/kernel/tracing/events/ipcbook | grep -c _\n"
	       "trace-cmd list -e ipcbook: | grep -c _"), 0);
	is(strncmp(told, strchr(told, '\n') + 1, strchr(told, '\n') - told), 0);
	is(run(0, "trace-cmd list -e '^ipcbook:' --full 2>&1 | grep -ciE 'error|could not|failed'"),
	   1);
	is(strcmp(told, "0\n"), 0);
}

BARE_TEST(every_line_of_the_page_was_run)
{
	read_page();
	if (getenv("IPCBOOK_TEST_FILTER") || !kernel_has_btf())
		not_here("only some of the tests run");
	for (size_t i = 0; i < line_count; i++) {
		if (!tried[i])
			print_error("not run: %s\n", lines[i]);
		holds(tried[i]);
	}
}
