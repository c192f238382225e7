// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook sem: what it prints and its exit status.
 *
 * Commands are run by a shell, in which $i is the tool and $s the test's
 * semaphore.
 */
#include <limits.h>

#include "sem.h"

static char said[4096];

/* Runs a line of shell; what it says on both outputs is kept, S for the name. */
static int run(const char *line)
{
	char command[PATH_MAX + 1024], self[PATH_MAX / 2] = "";
	int status;
	char *at;

	holds(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	*strrchr(self, '/') = '\0';
	snprintf(command, sizeof(command),
		 "exec 2>&1; i=%s/../bin/ipcbook; s=%s; %s", self, sname, line);
	status = shell(0, command, said, sizeof(said));
	while ((at = strstr(said, sname))) {
		*at = 'S';
		memmove(at + 1, at + strlen(sname),
			strlen(at + strlen(sname)) + 1);
	}
	return status;
}

#define says(line, status, text) do {					\
	is(run(line), status);						\
	if (strcmp(said, text))						\
		print_error("%s: said \"%s\"\n", line, said);		\
	assert_string_equal(said, text);				\
} while (0)

SEM_TEST(create_down_up_value_and_rm)
{
	units(0, 3);
	says("$i sem rm $s; $i sem create --value 2 --max 3 $s", 0, "");
	says("$i sem value $s", 0, "2\n");
	says("$i sem down $s && $i sem value $s", 0, "1\n");
	says("$i sem up --units 2 $s && $i sem value $s", 0, "3\n");
	says("$i sem down --units 3 $s; $i sem value -j $s", 0,
	     "{\"sem\":\"S\",\"value\":0}\n");
	says("$i sem rm -j $s", 0,
	     "{\"sem\":\"S\",\"removed\":true}\n");
}

SEM_TEST(create_finds_what_is_there_and_says_what_differs)
{
	units(1, 3);
	says("$i sem create --max 3 $s", 0, "");
	says("$i sem create --max 4 $s", 1,
	     "ipcbook: sem 'S' is there with other settings: max 3, not 4\n");
	is(run("$i sem create --excl $s"), 1);
	is(run("$i sem create --mode 0644 $s"), 1);
	is(run("$i sem create --value 4 --max 3 $s"), 2);
	is(ipcbook_sem_value(s), 1);
}

SEM_TEST(what_is_not_there_gives_its_status)
{
	says("$i sem down missing", 5,
	     "ipcbook: cannot open sem 'missing': it does not exist\n");
	is(run("$i sem up missing"), 5);
	is(run("$i sem value missing"), 5);
	is(run("$i sem rm missing"), 5);
	is(run("$i sem run missing -- true"), 5);
}

SEM_TEST(waiting_ends_with_a_status)
{
	units(0, 3);
	says("$i sem down --nowait $s", 4,
	     "ipcbook: cannot take from sem 'S': that would have to wait\n");
	is(run("$i sem down --timeout 5ms $s"), 4);
	says("$i sem down --units 4 $s", 1,
	     "ipcbook: sem 'S' has never more than 3 units\n");
	says("$i sem up --units 4 $s", 1,
	     "ipcbook: cannot give to sem 'S': it would have more than its maximum\n");
	is(run("$i sem down --units 0 $s"), 2);
	is(run("$i sem down"), 2);
	is(run("$i sem run $s"), 2);
}

SEM_TEST(stat_shows_the_counters)
{
	units(2, 3);
	is(run("$i sem stat $s"), 0);
	holds(strstr(said, "chapter            sem\n"));
	holds(strstr(said, "depth              2\nmax_depth          3\n"));
	is(run("$i sem stat -j $s"), 0);
	holds(strstr(said, "\"depth\":2,\"max_depth\":3,"));
	is(run("$i ls sem --no-header"), 0);
	holds(strstr(said, " S "));
}

SEM_TEST(run_holds_units_as_long_as_the_command_runs)
{
	units(3, 3);
	says("$i sem run --units 2 $s -- $i sem value $s", 0, "1\n");
	is(ipcbook_sem_value(s), 3);
	says("$i sem run $s -- true; $i sem run $s -- echo again", 0,
	     "again\n");
}

SEM_TEST(who_comes_after_a_killed_command_is_told)
{
	units(1, 1);
	is(run("$i sem run $s -- sh -c 'kill -9 $$'"), 128 + SIGKILL);
	says("$i sem run $s -- true", 0,
	     "ipcbook: sem 'S': a process ended without giving back what it had taken\n");
	says("$i sem run $s -- true", 0, "");
}

SEM_TEST(when_run_is_killed_its_command_ends_too)
{
	units(1, 1);
	is(run("$i sem run $s -- sh -c 'echo $$; kill -9 $PPID; exec sleep 100'"),
	   128 + SIGKILL);
	await(sys(kill(atoi(said), 0)) == -ESRCH);
	is(ipcbook_sem_value(s), 1);
}

/* The command has no child: one that was just forked misses a signal. */
SEM_TEST(run_passes_a_signal_on_and_ends_as_its_command)
{
	units(1, 1);
	is(run("$i sem run $s -- sh -c 'trap \"exit 7\" TERM; kill $PPID; while :; do :; done'"),
	   7);
	is(ipcbook_sem_value(s), 1);
	is(ipcbook_sem_down(s, 1, 0, 0), 0);
}

SEM_TEST(run_passes_the_command_s_status_through)
{
	units(1, 1);
	is(run("$i sem run $s -- sh -c 'exit 42'"), 42);
	is(ipcbook_sem_value(s), 1);
	is(run("$i sem run $s -- sh -c 'kill -9 $$'"), 128 + SIGKILL);
	is(ipcbook_sem_value(s), 1);
	is(run("$i sem run $s -- /no/such/command"), 127);
	is(run("$i sem run $s -- /etc/passwd"), 126);
	is(ipcbook_sem_value(s), 1);
	is(run("$i sem run --nowait $s -- true"), 0);
}

SEM_TEST(run_gives_back_though_a_child_of_the_command_goes_on)
{
	units(1, 1);
	is(run("$i sem run $s -- sh -c 'sleep 100 >/dev/null 2>&1 & echo $! >&2'"),
	   0);
	is(ipcbook_sem_value(s), 1);
	kill(atoi(said), SIGKILL);
}
