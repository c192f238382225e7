// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pipe chapter's cases, all against the kernel's pipe of the same capacity.
 *
 *	pair		write and read by one process
 *	pingpong	two processes on one CPU, a pipe a direction
 *	stream		one process writes as fast as it can, another reads, each
 *			on a CPU of its own; a read may get a part of a message,
 *			and the reader then reads on
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <ipcbook/ipcbook.h>

#include "patterns.h"

/* A pipe for each direction; fd is { read, write } of both. */
static int ours_open(struct bench_side *side)
{
	int i, ret;

	for (i = 0; i < 4; i += 2) {
		ret = ipcbook_pipe(side->fd + i, O_CLOEXEC,
				   side->test->capacity);
		if (ret)
			return bench_fail(side, "ipcbook_pipe", -ret);
	}
	return 0;
}

static void ours_close(struct bench_side *side)
{
	int i;

	for (i = 0; i < 4; i++)
		if (side->fd[i] >= 0)
			close(side->fd[i]);
}

bench_inline int ours_send(struct bench_side *side, int direction,
			   struct bench_message *message)
{
	return bench_transferred(side, "write",
			   write(side->fd[2 * direction + 1], message->data,
				 side->bytes), side->bytes);
}

bench_inline int ours_receive(struct bench_side *side, int direction,
			      struct bench_message *message)
{
	return bench_transferred(side, "read",
			   read(side->fd[2 * direction], message->data,
				side->bytes), side->bytes);
}

BENCH_PAIR(ours);
BENCH_PINGPONG(ours);
BENCH_STREAM(ours);

/* Of a long message a read gets what has come so far, from either side's pipe. */
bench_inline int long_receive(struct bench_side *side, int direction,
			      struct bench_message *message)
{
	size_t done = 0;
	ssize_t n;

	while (done < side->bytes) {
		n = read(side->fd[2 * direction], message->data + done,
			 side->bytes - done);
		if (n <= 0)
			return bench_transferred(side, "read", n, side->bytes);
		done += n;
	}
	return 0;
}

#define long_send	ours_send
#define long_open	ours_open
#define long_close	ours_close

BENCH_STREAM(long);

static int theirs_open(struct bench_side *side)
{
	return bench_pipe_pair.open(side);
}

static void theirs_close(struct bench_side *side)
{
	bench_pipe_pair.close(side);
}

#define theirs_send	ours_send
#define theirs_receive	long_receive

BENCH_STREAM(theirs);

#define ROW(what, us, them, aim)					\
	.chapter = "pipe", .name = what, .peer = "pipe",		\
	.ours = us, .theirs = them, .goal = aim

#define BYTES(n, holds)							\
	.size = n, .bytes = n, .capacity = holds

/* A slice is many times what the pipe holds: it is full now and then. */
#define STREAM(n, holds, times)						\
	BYTES(n, holds), .unit = times, .stretch = 8, .cpus = 2

const struct bench_case bench_pipe_cases[] = {
	{ ROW("pair", &bench_ours_pair, &bench_pipe_pair, 0.75),
	  BYTES(64, 65536) },
	{ ROW("pair", &bench_ours_pair, &bench_pipe_pair, 0),
	  BYTES(1024, 65536) },
	{ ROW("pair", &bench_ours_pair, &bench_pipe_pair, 0.85),
	  BYTES(8000, 65536) },
	{ ROW("pingpong", &bench_ours_pingpong, &bench_pipe_pingpong, 1.0),
	  BYTES(64, 65536), .unit = 64, .stretch = 4 },
	{ ROW("stream", &bench_ours_stream, &bench_pipe_stream, 0.70),
	  STREAM(64, 65536, 8192) },
	BENCH_LONGER_STREAMS("pipe", "pipe", &bench_long_stream,
			     &bench_theirs_stream),
	{ ROW("stream", &bench_long_stream, &bench_theirs_stream, 0.90),
	  STREAM(65536, 65536, 16) },
	{ ROW("stream-1M", &bench_long_stream, &bench_theirs_stream, 0),
	  STREAM(65536, 1 << 20, 64) },
	{ }
};
