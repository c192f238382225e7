// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the keys of ipcbook top do.
 */
#include "top.h"

BARE_TEST(what_moves_comes_first)
{
	shows("for i in one two three; do ipcbook queue create $i; done\n"
	      "top; names\n"
	      "for i in 1 2 3; do ipcbook queue send two x; done; ipcbook queue send three y\n"
	      "keys F5; see 'two.* [0-9.]+ +0 '; names\n"
	      "raw | awk '$2 == \"two\" { print ($7 > 0), $8 }'\n"
	      "keys I; see 'one.*' ; until [ \"$(names)\" != 'two three one ' ]; do :; done; names\n"
	      "keys N; until [ \"$(names)\" = 'two three one ' ]; do :; done; keys I\n"
	      "until [ \"$(names)\" = 'one three two ' ]; do :; done; names",
	      "one three two \ntwo three one \n1 0\none three two \none three two \n");
}

BARE_TEST(keys_move_the_selection)
{
	shows("for i in $(seq 10 69); do ipcbook queue create q$i; done\n"
	      "top; selected\n"
	      "is() { until [ \"$(selected)\" = $1 ]; do :; done; echo $1; }\n"
	      "keys Down Down; is q12; keys Up; is q11; keys j; is q12; keys k; is q11\n"
	      "keys PageDown; is q29; names | wc -w; keys End; is q69; names | awk '{ print $1 }'\n"
	      "keys PageUp; is q51; keys Home; is q10; keys G; is q69; keys Up; is q68; keys g; is q10\n"
	      "keys Up; keys Down; is q11",
	      "q10\nq12\nq11\nq12\nq11\nq29\n18\nq69\nq52\nq51\nq10\nq69\nq68\nq10\nq11\n");
}

/* Several keys are taken before anything is drawn. */
BARE_TEST(keys_that_come_at_once_do_as_one_by_one)
{
	shows("for i in $(seq 10 19); do ipcbook queue create q$i; done\n"
	      "top; keys G Enter; unseen F1Help; raw | head -n 1; keys Escape; see F1Help\n"
	      "keys N; keys F G I; until [ \"$(names | cut -c1-3)\" = q19 ]; do :; done\n"
	      "selected; raw | grep -c ^following || :",
	      "queue q19\nq19\n1\n");
}

BARE_TEST(search_and_filter)
{
	shows("for i in apple pear peach plum; do ipcbook queue create $i; ipcbook sem create $i; done\n"
	      "is() { until [ \"$(selected)\" = $1 ]; do :; done; echo $1; }\n"
	      "top; is apple\n"
	      "keys / P E A; see '^Search: PEA$'; is peach; keys F3; is pear; keys Enter; see F10Quit\n"
	      "keys n; is peach\n"
	      "keys / z z; see 'Search: zz'; is peach; keys BSpace BSpace p l; see 'Search: pl'; keys Escape; see F10Quit; is plum\n"
	      "keys F4 s e m; see '^Filter: sem$'; unseen ^queue; names; keys Enter; see '^Filter: sem$'; see F10Quit\n"
	      "keys '\\' BSpace BSpace BSpace p l u; see 'Filter: plu'; unseen apple; names; keys Escape; see apple; names | wc -w\n"
	      "raw | grep -c Filter: || true",
	      "apple\npeach\npear\npeach\npeach\nplum\napple peach pear plum \nplum plum \n8\n0\n");
}

BARE_TEST(what_to_sort_by_is_chosen_from_a_list)
{
	shows("ipcbook queue create b --messages 5; ipcbook pipe create a; ipcbook queue create c\n"
	      "for i in 1 2; do ipcbook queue send c x; done; ipcbook queue send b x\n"
	      "top; names; keys F6; see '^Sort by'; raw | head -n 12\n"
	      "keys Down Down Enter; see '^CHAPTER'; names\n"
	      "keys '<'; see '^Sort by'; keys Home Down Down Down Down Enter; see ^CHAPTER; names\n"
	      "keys .; see '^Sort by'; keys Home Escape; see ^CHAPTER; names",
	      "c b a \n"
	      "Sort by\n"
	      "TRAFFIC   messages in a second, both ways; then those in all\n"
	      "CHAPTER   chapter\n"
	      "NAME      name\n"
	      "OWNER     owner\n"
	      "DEPTH     how full it is, and how many messages wait\n"
	      "MEM       kernel memory of its own\n"
	      "SENT/s    messages sent in a second\n"
	      "RECV/s    messages received in a second\n"
	      "BYTE/s    payload bytes in a second, both ways\n"
	      "WAITS     senders and receivers that wait\n"
	      "TOTAL     messages sent and received in all\n"
	      "a b c \n"
	      "c b a \n"
	      "c b a \n");
}

BARE_TEST(details_show_who_waits)
{
	shows("ipcbook queue create jobs; ipcbook queue send jobs x\n"
	      "ipcbook queue recv --type 9 jobs & w=$!\n"
	      "until [ $(ipcbook queue stat jobs | awk '/receivers_waiting/ { print $2 }') = 1 ]; do :; done\n"
	      "top; keys Enter; see '^queue jobs'; raw | head -n 1\n"
	      "raw | grep -A1 'PID USER' | sed -E \"s/^ +$w root +[0-9]+/ W root FD/\" | tr -s ' '\n"
	      "raw | grep -oE '^depth +[0-9]+|receivers_waiting +[0-9]+'\n"
	      "ipcbook queue send --type 9 jobs y; wait $w; keys F5 Escape; see F10Quit\n"
	      "keys Enter; see '^queue jobs'; raw | grep -A1 'PID USER' | tail -n1\n"
	      "ipcbook queue rm jobs; keys Escape; see F10Quit; keys F5; see '0 objects'",
	      "queue jobs\n"
	      " PID USER FD WAITS COMMAND\n"
	      " W root FD ioctl ipcbook\n"
	      "receivers_waiting  1\ndepth              1\n"
	      "y\n"
	      "      -\n");
}

BARE_TEST(the_selection_can_follow_an_object)
{
	shows("for i in a b c; do ipcbook queue create $i; done\n"
	      "is() { until [ \"$(selected)\" = $1 ]; do :; done; echo $1; }\n"
	      "top; keys Down Down; is c; keys F; see ^following\n"
	      "ipcbook queue send c x; keys F5; see 'c .* [0-9.]+ +0 '; is c; names\n"
	      "keys F; unseen ^following; ipcbook queue send b x; ipcbook queue send b x; keys F5\n"
	      "until [ \"$(names)\" = 'b c a ' ]; do :; done; is b",
	      "c\nc\nc a b \nb\n");
}

BARE_TEST(a_pause_holds_everything)
{
	shows("ipcbook queue create a\n"
	      "begin 'ipcbook top -d 100ms'; see ' 0 +0 +0 '\n"
	      "keys Space; see ^paused; raw >$d/one; ipcbook queue create b; ipcbook queue send a x; ipcbook queue send a x\n"
	      "keys h; see keys; keys Escape; see F1Help; raw >$d/two; cmp $d/one $d/two && echo same\n"
	      "keys Z; see '2 objects'; unseen ^paused; raw | grep -c '^queue'",
	      "same\n2\n");
}
