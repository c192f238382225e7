// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pipe: through io_uring, which asks not to wait and polls; and writes that are
 * not to raise SIGPIPE.
 */
#include <sys/uio.h>

#include "uring.h"
#include "pipe.h"

#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x100
#endif

PIPE_TEST(reads_and_writes_need_no_worker_thread)
{
	ring_open();
	ring_rw(IORING_OP_WRITE, w, "seven", 5, 0, 0);
	is(ring_take(NULL), 5);
	ring_rw(IORING_OP_READ, r, room, 100, 0, 0);
	is(ring_take(NULL), 5);
	holds(!memcmp(room, "seven", 5));
	is(workers(), 0);
}

PIPE_TEST(a_read_that_would_wait_is_done_when_a_byte_comes)
{
	ring_open();
	ring_rw(IORING_OP_READ, r, room, 100, 0, 0);
	holds(!ring_has());
	writes(w, "late");
	is(ring_take(NULL), 4);
	holds(!memcmp(room, "late", 4));
	ring_rw(IORING_OP_READ, r, room, 100, 0, 0);
	shut(&w);
	is(ring_take(NULL), 0);
	is(workers(), 0);
}

PIPE_TEST(a_write_that_would_wait_is_done_when_there_is_room)
{
	ring_open();
	is(sys(write(w, bytes, CAPACITY)), CAPACITY);
	ring_rw(IORING_OP_WRITE, w, "late", 4, 0, 0);
	holds(!ring_has());
	is(sys(read(r, room, PIPE_BUF)), PIPE_BUF);
	is(ring_take(NULL), 4);
	is(waiting(r), CAPACITY - PIPE_BUF + 4);
	is(workers(), 0);
}

PIPE_TEST(memory_that_is_not_there_is_a_fault)
{
	ring_open();
	ring_rw(IORING_OP_WRITE, w, nowhere(), 4, 0, 0);
	is(ring_take(NULL), -EFAULT);
	writes(w, "kept");
	ring_rw(IORING_OP_READ, r, nowhere(), 4, 0, 0);
	is(ring_take(NULL), -EFAULT);
	reads(r, "kept");
}

PIPE_TEST(a_request_to_poll_is_answered)
{
	ring_open();
	ring_submit((struct io_uring_sqe){
		.opcode = IORING_OP_POLL_ADD,
		.fd = r,
		.poll32_events = POLLIN,
	});
	holds(!ring_has());
	writes(w, "x");
	is(ring_take(NULL) & POLLIN, POLLIN);
}

PIPE_TEST(nowait_of_one_call_is_honoured)
{
	struct iovec in = { room, 100 }, out = { "x", 1 };

	is(sys(preadv2(r, &in, 1, -1, RWF_NOWAIT)), -EAGAIN);
	is(sys(pwritev2(w, &out, 1, -1, RWF_NOWAIT)), 1);
	is(sys(preadv2(r, &in, 1, -1, RWF_NOWAIT)), 1);
	is(sys(write(w, bytes, CAPACITY)), CAPACITY);
	is(sys(pwritev2(w, &out, 1, -1, RWF_NOWAIT)), -EAGAIN);
}

static int caught;

static void catch(int number)
{
	caught = number;
}

PIPE_TEST(a_write_may_ask_for_no_signal)
{
	struct iovec out = { "x", 1 };
	long answer;

	signal(SIGPIPE, catch);
	shut(&r);
	caught = 0;
	answer = sys(pwritev2(w, &out, 1, -1, RWF_NOSIGNAL));
	if (answer == -EOPNOTSUPP)
		not_here("this kernel has no RWF_NOSIGNAL");
	is(answer, -EPIPE);
	is(caught, 0);
	is(sys(pwritev2(w, &out, 1, -1, 0)), -EPIPE);
	is(caught, SIGPIPE);
}
