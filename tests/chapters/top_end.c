// SPDX-License-Identifier: GPL-2.0-only
/*
 * How ipcbook top ends, and what becomes of the terminal.
 */
#include "top.h"

BARE_TEST(the_terminal_is_as_it_was_after_a_key_that_ends_it)
{
	shows("ipcbook queue create a\n" AFTER_END
	      "ends 'keys q'; ends 'keys F10'; ends 'keys C-c'; ends 'keys h F10'",
	      AS_BEFORE("0") AS_BEFORE("0") AS_BEFORE("0") AS_BEFORE("0"));
}

BARE_TEST(the_terminal_is_as_it_was_after_a_signal_that_ends_it)
{
	shows("ipcbook queue create a\n" AFTER_END
	      "by() { ends \"pkill -$1 -x ipcbook\"; }; by TERM; by HUP; by QUIT; by INT",
	      AS_BEFORE("143") AS_BEFORE("129") AS_BEFORE("131")
	      AS_BEFORE("0"));
}

BARE_TEST(the_terminal_is_as_it_was_after_a_crash)
{
	shows("ipcbook queue create a\n" AFTER_END
	      "by() { ends \"pkill -$1 -x ipcbook\"; }; by SEGV; by ABRT; by FPE",
	      AS_BEFORE("139") AS_BEFORE("134") AS_BEFORE("136"));
}

BARE_TEST(it_ends_with_its_terminal)
{
	shows("ipcbook queue create a\n"
	      "begin 'ipcbook top -d 1h; echo $? >'$d/status; see F10Quit; p=$(pgrep -x ipcbook); echo ${p:+there}\n"
	      "$t kill-server; while kill -0 $p 2>/dev/null; do :; done; echo gone",
	      "there\ngone\n");
}

BARE_TEST(it_stops_and_goes_on)
{
	shows("ipcbook queue create a\n"
	      "begin 'bash --norc -i'; keys 'PS1=; ipcbook top -d 1h' Enter; see F10Quit\n"
	      "keys C-z; see 'Stopped'; $t display -p -t 0 '#{alternate_on} #{cursor_flag}'\n"
	      "keys fg Enter; see F10Quit; $t display -p -t 0 '#{alternate_on} #{cursor_flag}'; keys q; unseen F10Quit",
	      "0 1\n1 0\n");
}

BARE_TEST(it_ends_after_so_many_samples)
{
	shows("begin 'ipcbook top -d 100ms -n 3; echo ended $?; exec cat'; see 'ended 0'; echo done",
	      "done\n");
}
