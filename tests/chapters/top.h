/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests of ipcbook top on a terminal: tmux is the terminal, of an exact size, whose
 * screen can be read and whose keys can be typed. Each test has a network
 * namespace of its own, so that its objects are all there are.
 *
 * In the tests' commands, "top" begins it, "see" waits until the screen has a
 * text, "keys" types, "screen" is what stands there, with the time of day and
 * sizes of memory, which differ between kernels, masked. Between two looks at the
 * screen there is a moment that belongs to what is waited for.
 */
#ifndef TOP_H
#define TOP_H

#include "command.h"

static const char helpers[] =
	"export LC_ALL=C.UTF-8 TERM=xterm-256color; unset TMUX NO_COLOR\n"
	"d=$(mktemp -d); n=0\n"
	"begin() { n=$((n + 1)); t=\"tmux -u -S $d/socket$n -f /dev/null\"; $t new-session -d -x ${2:-80} -y ${3:-24} \"$1\"; }\n"
	"top() { begin \"ipcbook top -d 1h $1\" $2 $3; see '^top '; }\n"
	"raw() { $t capture-pane -p -t 0 \"$@\"; }\n"
	"screen() { raw | sed -E 's/^top ..:..:../top TIME/; s/(Memory: )[0-9.kM]+/\\1MEM/; s/^([a-z]+ .*(\\]|-)) +[0-9.]+[kM]?(( +(-|[0-9.]+[kM]?)){3} +[0-9]+\\/[0-9]+( +[0-9.]+[kM]?)?)$/\\1 mem\\3/'; }\n"
	"see() { until raw | grep -qE \"$1\"; do sleep .1; done; }\n"
	"unseen() { while raw | grep -qE \"$1\"; do sleep .1; done; }\n"
	"keys() { $t send-keys -t 0 \"$@\"; }\n"
	"names() { raw | awk '/^CHAPTER/ { on = 1; next } /F1Help|^Search|^Filter/ { on = 0 } on && NF { printf \"%s \", $2 } END { print \"\" }'; }\n"
	"selected() { raw -e | grep -a \"$(printf '\\033')\\\\[[0-9;]*46m *[a-z]\" | tail -n1 | sed 's/\\x1b[[][0-9;]*m//g' | awk '{ print $2 }'; }\n";

/* Runs commands in a namespace, with the helpers; the terminals end with it. */
static int in_own(const char *commands)
{
	char text[8192];
	FILE *file;

	file = fopen("/tmp/top-test", "we");
	holds(file);
	snprintf(text, sizeof(text),
		 "%strap 'for s in $d/socket*; do tmux -S $s kill-server 2>/dev/null; done; kill $(jobs -p) 2>/dev/null; rm -rf $d' EXIT\n%s",
		 helpers, commands);
	fputs(text, file);
	fclose(file);
	return run(0, "unshare -n bash /tmp/top-test");
}

#define shows(commands, text) do {					\
	give_seconds(200);						\
	is(in_own(commands), 0);					\
	if (strcmp(told, text))						\
		print_message("# told: %s", told);			\
	is(strcmp(told, text), 0);					\
} while (0)

/* An object of each chapter that can be had without a process; one waits. */
#define OBJECTS								\
	"ipcbook queue create jobs --messages 10\n"			\
	"for i in 1 2 3 4 5 6 7; do ipcbook queue send jobs $i; done\n"	\
	"ipcbook queue recv --type 99 jobs & \n"			\
	"until [ $(ipcbook queue stat jobs | awk '/receivers_waiting/ { print $2 }') = 1 ]; do :; done\n" \
	"ipcbook pipe create hose\n"					\
	"ipcbook sem create --value 3 --max 4 gate\n"			\
	"ipcbook shm create --size 64K board\n"				\
	"ipcbook ring create --size 64K wheel\n"

#define EMPTY "\n\n\n\n\n\n\n\n\n\n\n\n\n"
#define KEYS "F1Help  F3SearchF4FilterF6SortByEnterDetailsSpacePauseF10Quit\n"

/* The terminal's modes, its cursor and what stood there, after each end. */
#define AFTER_END							\
	"printf 'trap : INT; stty -g >%s/before; echo stood here; ipcbook top -d %s; echo ended $?; stty -g >%s/after; cmp %s/before %s/after && echo same modes; exec cat' $d ${delay:-1h} $d $d $d >$d/script\n" \
	"ends() {\n"							\
	"	begin \"sh $d/script\"; see F10Quit; $1; see 'ended|same'; see same\n" \
	"	raw | grep -E 'stood|ended|same' | tr '\\n' ' '\n"	\
	"	$t display -p -t 0 '#{alternate_on} #{cursor_flag} #{keypad_flag}'\n" \
	"	$t kill-server\n"						\
	"}\n"

#define AS_BEFORE(status) "stood here ended " status " same modes 0 1 0\n"

#endif /* TOP_H */
