// SPDX-License-Identifier: GPL-2.0-only
/*
 * What ipcbook top shows, and what --batch and ls print of the same.
 */
#include "top.h"

BARE_TEST(the_screen_is_exactly_this)
{
	shows(OBJECTS "top; screen",
	      "top TIME  5 objects: 1 pipe 1 queue 1 shm 1 ring 1 sem\n"
	      "Messages/s: 0 sent, 0 received, 0 refused, 0 lost\n"
	      "Bytes/s: 0 sent, 0 received  Memory: MEM  Waiting: 0/1\n"
	      "\n"
	      "CHAPTER NAME            OWNER    DEPTH            MEM SENT/s RECV/s BYTE/s WAITS\n"
	      "queue   jobs            root     [|||||||||  7] mem      -      -      -   0/1\n"
	      "pipe    hose            root     [           0] mem      -      -      -   0/0\n"
	      "shm     board           root                 - mem      -      -      -   0/0\n"
	      "ring    wheel           root     [           0] mem      -      -      -   0/0\n"
	      "sem     gate            root     [|||||||||  3] mem      -      -      -   0/0\n"
	      EMPTY KEYS);
}

BARE_TEST(without_colours_the_screen_is_the_same)
{
	shows(OBJECTS "top; screen >$d/with\n"
	      "raw -e | grep -c '4[26]m'\n"
	      "begin 'TERM=vt100 ipcbook top -d 1h'; see F10; screen >$d/without\n"
	      "cmp $d/with $d/without && echo same\n"
	      "raw -e | grep -cE '[[;][34][0-7]m'; raw -e | grep -c '7m.*CHAPTER'\n"
	      "keys q\n"
	      "begin 'TERM=xterm NO_COLOR=1 ipcbook top -d 1h'; see F10; raw -e | grep -cE '[[;][34][0-7]m'; keys q\n"
	      "begin 'TERM=xterm ipcbook top --no-color -d 1h'; see F10; raw -e | grep -cE '[[;][34][0-7]m'\n"
	      "true",
	      "3\nsame\n0\n1\n0\n0\n");
}

BARE_TEST(it_fits_every_size)
{
	shows(OBJECTS "top '' 120 10; screen | sed -n 5,6p\n"
	      "$t resize-window -t 0 -x 60 -y 9; unseen TOTAL; raw | sed -n 5,6p\n"
	      "$t resize-window -t 0 -x 40 -y 8; unseen CHAPTER; screen\n"
	      "$t resize-window -t 0 -x 39 -y 8; see needs; raw | sed -n 1,2p | sed 's/^ //'\n"
	      "$t resize-window -t 0 -x 80 -y 7; see '80x7'; raw | sed -n 1p\n"
	      "$t resize-window -t 0 -x 80 -y 24; see F10Quit; raw | sed -n 5p\n"
	      "keys q; while $t has-session 2>/dev/null; do :; done",
	      "CHAPTER NAME                                              OWNER    DEPTH            MEM SENT/s RECV/s BYTE/s WAITS TOTAL\n"
	      "queue   jobs                                              root     [|||||||||  7] mem      -      -      -   0/1     7\n"
	      "CHAPTER NAME              DEPTH          SENT/s RECV/s WAITS\n"
	      "queue   jobs              [|||||||||  7]      -      -   0/1\n"
	      "top TIME  5 objects: 1 pipe 1 queue\n"
	      "Messages/s: 0 sent, 0 received, 0 refuse\n"
	      "Bytes/s: 0 sent, 0 received  Memory: MEM\n"
	      "\n"
	      "NAME        DEPTH          SENT/s RECV/s\n"
	      "jobs        [|||||||||  7]      -      -\n"
	      "hose        [           0]      -      -\n"
	      "F1Help  F3SearchF4FilterF6SortBy\n"
	      "ipcbook top needs 40x8, here is 39x8; q\n"
	      "quits\n"
	      "ipcbook top needs 40x8, here is 80x7; q quits\n"
	      "CHAPTER NAME            OWNER    DEPTH            MEM SENT/s RECV/s BYTE/s WAITS\n");
}

BARE_TEST(where_it_cannot_run_it_says_so)
{
	tells(0, "ipcbook top </dev/null", USAGE,
	      "ipcbook: this is no terminal; --batch prints plain tables; usage: ipcbook top [OPTION]... [CHAPTER]\n");
	tells(0, "ipcbook -j top", USAGE,
	      "ipcbook: top has no JSON; ipcbook -j ls has the objects; usage: ipcbook top [OPTION]... [CHAPTER]\n");
	is(run(0, "ipcbook top -j"), USAGE);
	has("there is no option -j");
	is(run(0, "ipcbook top -b --sort pid"), USAGE);
	has("--sort takes traffic, chapter, name, owner, depth, memory, sent, received, bytes, waiters or total, not 'pid'");
	is(run(0, "ipcbook top -b pocket"), USAGE);
	has("there is no chapter 'pocket'");
	is(run(0, "ipcbook top -b --delay 99ms"), USAGE);
	has("--delay takes a time from 100ms to 1h, like 1.5s, not '99ms'");
	shows("begin 'TERM=nothing ipcbook top; echo ended $?; exec cat'; see ended; raw | head -n 2\n"
	      "begin 'TERM=dumb ipcbook top; echo ended $?; exec cat'; see ended; raw | head -n 2",
	      "ipcbook: the terminal 'nothing' is not known; set TERM, or use --batch\nended 1\n"
	      "ipcbook: the terminal 'dumb' cannot do it; use --batch\nended 1\n");
}

BARE_TEST(a_batch_is_plain_tables)
{
	shows(OBJECTS
	      "ipcbook top -b -n 2 -d 100ms >$d/out; tables() { sed -E 's/^top ..:..:../top TIME/; s/Memory: [^ ]+/Memory: MEM/' $d/out | awk '/^(pipe|queue|shm|ring|sem) / { $5 = \"MEM\" } 1' | tr -s ' '; }\n"
	      "tables | head -n 10 | tee $d/first; tables | tail -n +12 | cmp - $d/first && echo same\n"
	      "ipcbook top -b -n 1 -d 0.1 --no-header --sort name queue | wc -l",
	      "top TIME 5 objects: 1 pipe 1 queue 1 shm 1 ring 1 sem\n"
	      "Messages/s: 0 sent, 0 received, 0 refused, 0 lost\n"
	      "Bytes/s: 0 sent, 0 received Memory: MEM Waiting: 0/1\n"
	      "\n"
	      "CHAPTER NAME OWNER DEPTH MEM SENT/s RECV/s BYTE/s WAITS TOTAL\n"
	      "queue jobs root 7/10 MEM 0 0 0 0/1 7\n"
	      "pipe hose root 0/65536 MEM 0 0 0 0/0 0\n"
	      "shm board root 0 MEM 0 0 0 0/0 0\n"
	      "ring wheel root 0/8192 MEM 0 0 0 0/0 0\n"
	      "sem gate root 3/4 MEM 0 0 0 0/0 0\n"
	      "same\n1\n");
}

/* What passes between two samples is seen, neither more nor less. */
BARE_TEST(a_batch_shows_what_passed)
{
	shows("ipcbook queue create a; ipcbook queue create b\n"
	      "ipcbook top -b -n 1 -d 3s >$d/out & w=$!\n"
	      "for i in 1 2 3 4 5 6; do ipcbook queue send b 12345; done\n"
	      "wait $w; awk '$2 == \"b\" { exit !($6 <= 2 && $10 <= 6 && $8 <= 10) }' $d/out && echo bounded\n"
	      "awk '/^queue/ { print $2, $4; exit }' $d/out | cut -c1",
	      "bounded\nb\n");
}

BARE_TEST(whoever_may_not_read_an_object_does_not_see_it)
{
	give_seconds(60);
	is(run(0, "ipcbook queue create --mode 0600 top-secret; ipcbook queue create --mode 0644 top-open"), 0);
	is(run(1000, "ipcbook top -b -n 1 -d 100ms queue | awk '/^queue +top-/ { print $2 }'"), 0);
	is(strcmp(told, "top-open\n"), 0);
	is(run(0, "ipcbook queue rm top-secret top-open"), 0);
}

/* --- ipcbook ls, of every chapter ------------------------------------------ */

BARE_TEST(a_listing_has_sensible_values_of_every_chapter)
{
	shows("umask 022; ipcbook queue create jobs; for i in a bb ccc; do ipcbook queue send jobs $i; done\n"
	      "ipcbook queue recv jobs >/dev/null; ipcbook queue recv --type 99 jobs &\n"
	      "ipcbook pipe create --mode 0600 hose; ipcbook pipe read hose >/dev/null & r=$!; printf hello | ipcbook pipe write hose; wait $r\n"
	      "ipcbook shm create --size 64K board\n"
	      "ipcbook ring create --size 64K wheel; printf 'one\\ntwo\\n' | ipcbook ring produce --lines wheel\n"
	      "ipcbook sem create --value 3 --max 4 gate; ipcbook sem run gate -- true\n"
	      "ipcbook socket listen door </dev/null >/dev/null &\n"
	      "ipcbook signal listen --mask 40 ear >/dev/null & until ipcbook signal send 40 ear 2>/dev/null; do :; done\n"
	      "ipcbook signal send 40 ear\n"
	      "until [ $(ipcbook ls | grep -cE '^(queue|socket).* 0/1 ') = 2 ]; do :; done; ipcbook ls",
	      "CHAPTER NAME  MODE OWNER GROUP DEPTH BYTES WAITERS TRAFFIC\n"
	      "signal  ear   0444 root  root      2     0     0/0     2/0\n"
	      "socket  door  0644 root  root      0     0     0/1     0/0\n"
	      "pipe    hose  0600 root  root      0     0     0/0     1/1\n"
	      "queue   jobs  0644 root  root      2     5     0/1     3/1\n"
	      "shm     board 0644 root  root      0 65536     0/0     0/0\n"
	      "ring    wheel 0644 root  root      2    32     0/0     2/0\n"
	      "sem     gate  0644 root  root      3     0     0/0     1/1\n");
}
