// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook top at the other end of a connection of ssh.
 *
 * The server has keys and a configuration of its own, and listens in the test's
 * network namespace only; neither it nor the client has anything of the machine's.
 * In the tests' commands, "far" is what runs a command there, on a terminal.
 */
#include "top.h"

#define SERVER								\
	"ip link set lo up; mkdir -p /run/sshd\n"			\
	"for key in host own; do ssh-keygen -q -t ed25519 -N '' -f $d/$key; done\n" \
	"printf '[127.0.0.1]:2022 %s\\n' \"$(cat $d/host.pub)\" >$d/known\n" \
	"printf '%s\\n' 'ListenAddress 127.0.0.1:2022' \"HostKey $d/host\" \"AuthorizedKeysFile $d/own.pub\" 'PidFile none'" \
	" 'StrictModes no' 'UsePAM no' 'PrintLastLog no' 'PermitRootLogin prohibit-password' \"SetEnv LC_ALL=C.UTF-8 PATH=$PATH\" >$d/server\n" \
	": >$d/log; /usr/sbin/sshd -D -f $d/server -E $d/log & server=$!\n"	\
	"until grep -q listening $d/log; do :; done\n"			\
	"far=\"ssh -q -F none -i $d/own -p 2022 -o UserKnownHostsFile=$d/known -o IdentityAgent=none -o BatchMode=yes -tt root@127.0.0.1\"\n"

/* As AFTER_END, with the connection between. */
#define AFTER_FAR_END							\
	"printf 'stty -g >%s/before; echo stood here; %s ipcbook top -d 1h; echo ended $?; stty -g >%s/after; cmp %s/before %s/after && echo same modes; exec cat' $d \"$far\" $d $d $d >$d/script\n" \
	"ends() {\n"							\
	"	begin \"sh $d/script\"; see F10Quit; p=$(pgrep -x ipcbook); eval \"$1\"; see 'ended'; see same\n" \
	"	raw | grep -oE 'stood here|ended [0-9]+|same modes' | tr '\\n' ' '\n" \
	"	while kill -0 $p 2>/dev/null; do :; done; echo gone\n" \
	"}\n"								\
	"state() { $t display -p -t 0 '#{alternate_on} #{cursor_flag} #{keypad_flag}'; }\n"

BARE_TEST(over_ssh_it_shows_the_same_and_obeys_keys)
{
	shows(OBJECTS SERVER
	      "top; screen >$d/near; keys q\n"
	      "begin \"$far ipcbook top -d 1h\"; see F10Quit; screen >$d/far\n"
	      "cmp $d/near $d/far && echo same; wc -l <$d/far; names\n"
	      "keys Down Down; until [ \"$(selected)\" = board ]; do :; done; echo board\n"
	      "ipcbook sem run gate -- true; keys F5; see '^sem .* [0-9.]+ +[0-9.]+ '; names\n"
	      "keys F6; see '^Sort by'; keys Home Down Down Enter; see '^CHAPTER'; names\n"
	      "$t resize-window -t 0 -x 60 -y 9; unseen OWNER; raw | sed -n 5p",
	      "same\n24\njobs hose board wheel gate \nboard\n"
	      "gate jobs hose board wheel \n"
	      "board gate hose jobs wheel \n"
	      "CHAPTER NAME              DEPTH          SENT/s RECV/s WAITS\n");
}

BARE_TEST(over_ssh_the_terminal_is_as_it_was_after_an_end)
{
	shows("ipcbook queue create a\n" SERVER AFTER_FAR_END
	      "ends 'keys C-c'; state; ends 'kill -SEGV $p'; state",
	      "stood here ended 0 same modes gone\n0 1 0\n"
	      "stood here ended 255 same modes gone\n0 1 0\n");
}

/*
 * Nothing of what it says to the terminal gets there any more, not even that its
 * screen is over: ssh puts back the modes, and no process stays.
 */
BARE_TEST(it_ends_with_its_connection)
{
	shows("ipcbook queue create a\n" SERVER AFTER_FAR_END
	      "ends 'pkill -KILL -P $server'; ends 'keys Enter \"~\" .'",
	      "ended 255 same modes gone\nended 255 same modes gone\n");
}
