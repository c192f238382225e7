#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What `make demo` shows, inside the VM: processes of ordinary users talk
# through ipcbook, first by the plain device, then by a typed queue.

set -eu

# show COMMAND...: print it as one would type it, and run it.
show() {
	printf '\n$ %s\n' "$*"
	sh -c "$*"
}

# as USER COMMAND: a process of that user's, its lines marked with its name.
as() {
	user=$1
	shift
	su "$user" -c "$*" | sed "s/^/    [$user] /"
}

expect() {
	[ "$2" = "$3" ] || { echo "demo: $1: expected '$3', got '$2'" >&2; exit 1; }
}

echo "Linux $(uname -r), the module:"
grep '^ipcbook ' /proc/modules
show ls -l /dev/ipcbook

echo
echo "1. The device itself is a queue. alice waits for a line; bob writes one."
printf '$ head -n1 /dev/ipcbook                   (alice)\n'
printf '$ echo hello, alice > /dev/ipcbook        (bob)\n'
as alice head -n1 /dev/ipcbook >/tmp/heard &
reader=$!
as bob 'echo hello, alice > /dev/ipcbook'
wait $reader
cat /tmp/heard
expect "the device" "$(cat /tmp/heard)" "    [alice] hello, alice"

echo
echo "2. A queue with a name; each message has a type. A server answers questions"
echo "   (type 1) with messages of type 2, in the same queue."
show ipcbook queue create --mode 0666 story
{
	question=$(su bob -c 'ipcbook queue recv story --type 1 --timeout 30s')
	su bob -c "ipcbook queue send story --type 2 'you asked: $question'"
} &
server=$!
printf '$ ipcbook queue send story --type 1 "who is there?"       (alice)\n'
su alice -c 'ipcbook queue send story --type 1 "who is there?"'
printf '$ ipcbook queue recv story --type 2 --timeout 30s         (alice)\n'
answer=$(su alice -c 'ipcbook queue recv story --type 2 --timeout 30s')
wait $server
echo "    [alice] $answer"
expect "the queue" "$answer" "you asked: who is there?"

show ipcbook queue send story --type 7 seven
show ipcbook queue send story --type 5 five
show ipcbook ls
show ipcbook queue stat story
show ipcbook queue recv story --upto 9
show ipcbook queue rm story
echo
echo "The demo is over; everything worked."
