// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pipe: what comes between two steps of a call.
 */
#define STEPS_LEAST	4	/* an ioctl is short */

#include "pipe.h"
#include "steps.h"

/* --- How much there is ---------------------------------------------------- */

/* What a pipe holds that is small, so that the other is fast. */
#define FEW	4096

/* Empties the full pipe, and fills it again. */
static void exchange(int fd)
{
	is(sys(read(fd, room, FEW)), FEW);
	is(sys(write(w, bytes, FEW)), FEW);
}

static void ask_how_much(void)
{
	int n;

	other_acts(r);
	n = waiting(r);
	other_has_acted();
	/* The other may be between its two steps when it comes too late. */
	is(n > FEW ? n : FEW, FEW);
}

/* While one asks, all of it is exchanged for as much. */
TEST_BETWEEN(no_more_is_told_to_be_there_than_fits, pipe_begin, steps_end)
{
	static const char *const calls[] = { "pipe_ioctl", NULL };

	is(ipcbook_pipe_resize(w, FEW), FEW);
	is(sys(write(w, bytes, FEW)), FEW);
	at_each_step(calls, exchange, ask_how_much);
	if (other.met < other.step - 1)
		not_here("the other thread came too late at some steps");
}

/* --- When ----------------------------------------------------------------- */

static uint64_t ticks(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return now.tv_sec * SEC + now.tv_nsec;
}

static void let_a_tick_go_by(int fd)
{
	uint64_t before = ticks();

	(void)fd;
	while (ticks() == before && !other.over)
		;
}

/*
 * As long before a tick as the call waits for the other at a step. The CPU has slept
 * so long that it has left the ticking to the other one, which never sleeps: it is
 * this CPU's rest that is wanted, of which no event tells.
 */
static void go_near_a_tick(void)
{
	struct timespec tick;
	uint64_t begun;

	clock_getres(CLOCK_REALTIME_COARSE, &tick);
	usleep(5 * tick.tv_nsec / 1000);
	let_a_tick_go_by(-1);
	begun = ipcbook_deadline(0);
	while (ipcbook_deadline(0) - begun < tick.tv_nsec * 3ULL / 4)
		;
}

static void stat_it(void)
{
	struct ipcbook_stat stat;

	go_near_a_tick();
	other_acts(r);
	stat = pipe_stat(r);
	other_has_acted();
	is(stat.received_ns < stat.sent_ns, 0);
}

/* One tells of the pipe; then the clocks tick. */
TEST_BETWEEN(what_was_read_is_never_told_to_be_before_it_was_written, pipe_begin,
	     steps_end)
{
	static const char *const calls[] = { "pipe_stat", NULL };

	writes(w, "x");
	reads(r, "x");
	at_each_step(calls, let_a_tick_go_by, stat_it);
}
