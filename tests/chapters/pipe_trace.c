// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pipe: which locks are waited for, as the kernel's tracer sees it.
 */
#include <sys/stat.h>

#include "pipe.h"

#define TRACING	"/sys/kernel/tracing/instances/ipcbook-pipe"

/* Moves 64 MiB, and stays until nobody looks any more. */
static pid_t mover(bool reads, int go, int done, int end)
{
	pid_t pid = child();

	if (pid)
		return pid;
	gate_pass(go);
	for (int i = 0; i < 8192; i++)
		for (ssize_t n, at = 0; at < 8192; at += n) {
			n = sys(reads ? read(r, room, 8192 - at) :
					write(w, bytes, 8192 - at));
			holds(n > 0);
		}
	gate_open(done);
	gate_pass(end);
	_exit(0);
}

/* Whoever waits for a mutex is traced: were one shared, there would be many. */
PIPE_TEST(a_reader_and_a_writer_never_wait_for_a_lock)
{
	int go = gate(), done = gate(), end = gate();
	pid_t pids[2];
	char text[64];

	if (mkdir(TRACING, 0700) ||
	    access(TRACING "/events/lock/contention_begin", F_OK)) {
		rmdir(TRACING);
		not_here("waiting for locks cannot be traced");
	}
	give_seconds(120);
	for (int i = 0; i < 2; i++)
		pids[i] = mover(i, go, done, end);
	snprintf(text, sizeof(text), "%d %d", pids[0], pids[1]);
	holds(spit(TRACING "/set_event_pid", text));
	/*
	 * LCB_F_MUTEX. Of a kernel with lockdep every mutex says also that it may
	 * spin, LCB_F_SPIN, and the one that is waited for that it does not.
	 */
	holds(spit(TRACING "/events/lock/contention_begin/filter",
		   access("/proc/lockdep", F_OK) ? "flags & 0x20" :
						   "flags == 0x20"));
	holds(spit(TRACING "/events/lock/contention_begin/enable", "1"));
	for (int i = 0; i < 2; i++)
		gate_open(go);
	for (int i = 0; i < 2; i++)
		gate_pass(done);
	holds(spit(TRACING "/events/lock/contention_begin/enable", "0"));
	holds(!strstr(slurp(TRACING "/trace"), "contention_begin:"));
	for (int i = 0; i < 2; i++)
		gate_open(end);
	for (int i = 0; i < 2; i++)
		is(reap(pids[i]), 0);
	rmdir(TRACING);
}
