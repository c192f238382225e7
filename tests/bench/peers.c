// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's own primitives, as peers.
 *
 * Each can hold as many bytes as our side: a pipe by F_SETPIPE_SZ, a System V
 * queue by msg_qbytes, a POSIX queue by mq_maxmsg times mq_msgsize.
 *
 *	sysv-msg	msgsnd and msgrcv of a type, the other types of ahead
 *			messages before it where the case wants that
 *	posix-mq	mq_send and mq_receive, priority 0
 *	pipe		write and read; messages of one size, so that a read
 *			gets a message; a pipe a direction
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <unistd.h>

#include "patterns.h"

#define OTHER_TYPES	16

/* A pipe for each direction; fd is { read, write } of both. */
static int pipe_open(struct bench_side *side)
{
	int i, ret;

	for (i = 0; i < 4; i += 2) {
		if (pipe2(side->fd + i, O_CLOEXEC))
			return bench_fail(side, "pipe2", errno);
		ret = fcntl(side->fd[i], F_SETPIPE_SZ, side->test->capacity);
		if (ret < 0)
			return bench_fail(side, "F_SETPIPE_SZ", errno);
		if ((size_t)ret != side->test->capacity)
			return bench_fail(side, "F_SETPIPE_SZ", EINVAL);
	}
	return 0;
}

static void pipe_close(struct bench_side *side)
{
	int i;

	for (i = 0; i < 4; i++)
		if (side->fd[i] >= 0)
			close(side->fd[i]);
}

bench_inline int pipe_send(struct bench_side *side, int direction,
			   struct bench_message *message)
{
	return bench_transferred(side, "write",
			   write(side->fd[2 * direction + 1], message->data,
				 side->bytes), side->bytes);
}

bench_inline int pipe_receive(struct bench_side *side, int direction,
			      struct bench_message *message)
{
	return bench_transferred(side, "read",
			   read(side->fd[2 * direction], message->data,
				side->bytes), side->bytes);
}

BENCH_PAIR(pipe);
BENCH_PINGPONG(pipe);
BENCH_STREAM(pipe);

bench_inline int sysv_send(struct bench_side *side, int direction,
			   struct bench_message *message)
{
	message->type = BENCH_TYPE + direction;
	return bench_transferred(side, "msgsnd",
			   msgsnd(side->fd[0], &message->type, side->bytes, 0),
			   0);
}

bench_inline int sysv_receive(struct bench_side *side, int direction,
			      struct bench_message *message)
{
	return bench_transferred(side, "msgrcv",
			   msgrcv(side->fd[0], &message->type, side->bytes,
				  BENCH_TYPE + direction, 0), side->bytes);
}

static int sysv_fill(struct bench_side *side)
{
	long i;

	for (i = 0; i < side->ahead; i++) {
		side->out->type = 100 + i % OTHER_TYPES;
		if (msgsnd(side->fd[0], &side->out->type, side->bytes,
			   IPC_NOWAIT))
			return bench_fail(side, "msgsnd, filling", errno);
	}
	return 0;
}

/* One queue serves both directions, by two types. */
static int sysv_open(struct bench_side *side)
{
	struct msqid_ds limits;

	side->fd[0] = msgget(IPC_PRIVATE, 0600);
	if (side->fd[0] < 0)
		return bench_fail(side, "msgget", errno);
	if (msgctl(side->fd[0], IPC_STAT, &limits))
		return bench_fail(side, "IPC_STAT", errno);
	limits.msg_qbytes = side->test->capacity;
	if (msgctl(side->fd[0], IPC_SET, &limits))
		return bench_fail(side, "IPC_SET of msg_qbytes", errno);
	return sysv_fill(side);
}

static void sysv_close(struct bench_side *side)
{
	if (side->fd[0] >= 0)
		msgctl(side->fd[0], IPC_RMID, NULL);
}

BENCH_PAIR(sysv);
BENCH_PINGPONG(sysv);
BENCH_STREAM(sysv);

/* A batch: as many sends as our side has in one call, then the receives. */
static int sysv_batch_run(struct bench_side *side, unsigned long n)
{
	unsigned int unit = side->test->unit, i;
	uint64_t number;
	int ret = 0;

	for (; !ret && n; n -= unit) {
		number = side->sequence;
		for (i = 0; !ret && i < unit; i++) {
			bench_stamp(side);
			ret = sysv_send(side, 0, side->out);
		}
		for (i = 0; !ret && i < unit; i++) {
			ret = sysv_receive(side, 0, side->in);
			if (!ret)
				ret = bench_stamped(side, ++number);
		}
	}
	return ret;
}

const struct bench_ops bench_sysv_batch = {
	.open	= sysv_open,
	.run	= sysv_batch_run,
	.check	= bench_check_contents,
	.close	= sysv_close,
};

/* The queue's descriptor is a file descriptor on Linux. */
static int mq_open_side(struct bench_side *side)
{
	struct mq_attr attr = {
		.mq_maxmsg = side->test->capacity / side->bytes,
		.mq_msgsize = side->bytes,
	};
	char name[40];

	snprintf(name, sizeof(name), "/ipcbook-bench-%d", getpid());
	mq_unlink(name);
	side->fd[0] = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	if (side->fd[0] < 0)
		return bench_fail(side, "mq_open", errno);
	mq_unlink(name);
	return 0;
}

static void mq_close_side(struct bench_side *side)
{
	if (side->fd[0] >= 0)
		mq_close(side->fd[0]);
}

bench_inline int mq_put(struct bench_side *side, int direction,
			struct bench_message *message)
{
	(void)direction;
	return bench_transferred(side, "mq_send",
			   mq_send(side->fd[0], (char *)message->data,
				   side->bytes, 0), 0);
}

bench_inline int mq_take(struct bench_side *side, int direction,
			 struct bench_message *message)
{
	(void)direction;
	return bench_transferred(side, "mq_receive",
			   mq_receive(side->fd[0], (char *)message->data,
				      side->bytes, NULL), side->bytes);
}

static int mq_pair_run(struct bench_side *side, unsigned long n)
{
	return bench_pair(side, n, mq_put, mq_take);
}

const struct bench_ops bench_mq_pair = {
	.open	= mq_open_side,
	.run	= mq_pair_run,
	.check	= bench_check_contents,
	.close	= mq_close_side,
};

static int mq_many_first(struct bench_side *side, unsigned long n)
{
	return bench_many_sink(side, n, mq_take);
}

static int mq_many_others(struct bench_side *side, unsigned long n)
{
	return bench_many_source(side, n, mq_put);
}

BENCH_MANY_OF(mq, mq_open_side, mq_close_side, mq_many_first, mq_many_others);
