// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook signal and ipcbook kill, as one types them.
 */
#include "signal.h"

static char output[8192];

static int run(uid_t uid, const char *format, const char *name)
{
	char command[512];

	snprintf(command, sizeof(command), "exec 2>&1; ");
	snprintf(command + strlen(command), sizeof(command) - strlen(command),
		 format, name, name, name);
	return shell(uid, command, output, sizeof(output));
}

SIGNAL_TEST(kill_sends_term_or_what_it_is_told)
{
	is(run(0, "ipcbook kill %s", rname), 0);
	is(next(r), 15);
	is(run(0, "ipcbook kill -USR1 %s", rname), 0);
	is(next(r), 10);
	is(run(0, "ipcbook kill -SIGRTMIN+1 -- %s", rname), 0);
	is(next(r), 35);
	is(run(0, "ipcbook kill -9 %s", rname), 0);
	is(next(r), 9);
	is(run(0, "ipcbook kill -0 %s", rname), 0);
	is(next(r), -EAGAIN);
	is(run(0, "ipcbook kill -TERM nobody", rname), 5);
	holds(strstr(output, "nobody who lives is registered so"));
	is(run(0, "ipcbook kill -FOO %s", rname), 2);
	is(run(1001, "ipcbook kill -TERM %s", rname), 6);
	is(run(0, "ipcbook kill", rname), 2);
}

SIGNAL_TEST(kill_l_names_all)
{
	char line[32];

	is(run(0, "ipcbook kill -l", rname), 0);
	for (int number = 1; number <= 64; number++) {
		snprintf(line, sizeof(line), "%2d %s\n", number,
			 ipcbook_signal_name(number));
		holds(strstr(output, line));
		is(ipcbook_signal_number(ipcbook_signal_name(number)), number);
	}
	/* The shell's own has no word for 32 and 33. */
	is(run(0, "ipcbook kill -l | grep -v '^3[23] ' >/tmp/kill-l; "
	       "bash -c 'for n in {1..31} {34..64}; do printf \"%%2d \" $n; "
	       "kill -l $n; done' | diff - /tmp/kill-l", rname), 0);
	assert_string_equal(output, "");
	is(ipcbook_signal_number("SIGTERM"), 15);
	is(ipcbook_signal_number("rtmin"), 34);
	is(ipcbook_signal_number("RTMIN+30"), 64);
	is(ipcbook_signal_number("RTMAX-30"), 34);
	is(ipcbook_signal_number("RTMIN+31"), -EINVAL);
	is(ipcbook_signal_number("65"), -EINVAL);
	is(ipcbook_signal_number(""), -EINVAL);
	is(ipcbook_signal_number("SIG"), -EINVAL);
	holds(!ipcbook_signal_name(0) && !ipcbook_signal_name(65));
}

SIGNAL_TEST(send_reaches_names_pids_and_groups)
{
	struct ipcbook_signal *member = registered(NULL, "tool-group", 0);
	char pid[16];

	is(run(0, "ipcbook signal send USR2 %s", rname), 0);
	is(next(r), 12);
	snprintf(pid, sizeof(pid), "%d", getpid());
	is(run(0, "ipcbook -j signal send 34 %s", pid), 0);
	holds(strstr(output, "\"number\":34,\"arrived\":2,\"refused\":0}"));
	is(next(r), 34);
	is(next(member), 34);
	is(run(0, "ipcbook signal send HUP --group tool-group", rname), 0);
	is(next(member), 1);
	is(run(0, "ipcbook signal send HUP", rname), 2);
	is(run(0, "ipcbook signal send NONE %s", rname), 2);
}

SIGNAL_TEST(listen_prints_what_comes)
{
	is(run(0, "ipcbook signal listen l-%s -n 2 & "
	       "until ipcbook kill -0 l-%s 2>/dev/null; do :; done; "
	       "ipcbook kill -34 l-%s; ipcbook kill -USR1 \"$!\" ; wait $!",
	       rname), 0);
	holds(strstr(output, "RTMIN count=1 pid="));
	holds(strstr(output, "USR1 count=1 pid="));
	is(run(0, "ipcbook signal listen %s", rname), 1);
	holds(strstr(output, "another process has this name"));
	is(run(0, "ipcbook signal listen --timeout 1ms", rname), 4);
	is(run(0, "ipcbook signal listen --mask TERM,FOO", rname), 2);
}

SIGNAL_TEST(mask_and_list_show_registrations)
{
	mask(IPCBOOK_SIGNAL_BLOCK, SET(15) | SET(34));
	send_times(15, 1);
	is(run(0, "ipcbook signal mask %s", rname), 0);
	assert_string_equal(output, "masked  TERM,RTMIN\npending TERM\n");
	is(run(0, "ipcbook signal list", rname), 0);
	holds(strstr(output, "PID NAME PENDING LIMIT GROUPS\n"));
	holds(strstr(output, rname));
	is(run(1001, "ipcbook -j signal list", rname), 0);
	holds(strstr(output, "\"depth\":1,\"limit\":1024,\"mask\":[15,34],\"pending\":[15]}"));
	is(run(0, "ipcbook signal mask nobody", rname), 5);
	is(run(0, "ipcbook ls signal", rname), 0);
	holds(strstr(output, rname));
}
