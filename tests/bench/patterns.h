/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The four ways in which messages are passed, the same for every side.
 *
 *	pair		one process sends a message and receives it
 *	pingpong	two processes; one sends and waits for the other's echo
 *	stream		two processes; one sends as fast as it can, the other
 *			receives. The time ends when the receiver has all.
 *	many		the same with three who send, all on the second CPU, and
 *			the first process receives
 *
 * Each message carries its number in its first and in its last eight bytes.
 * The receiver looks at both, so that a lost, torn, doubled or overtaken
 * message fails the case. That costs four instructions on either side. The
 * bytes between are compared once a slice or once a case.
 *
 * A round trip ends with bench_tick(), which costs a test of a pointer.
 *
 * The loops are inlined with the side's own send and receive functions as
 * constants: no call through a pointer stands between the loop and the system
 * call. Direction 0 goes to the partner, 1 comes back.
 */
#ifndef BENCH_PATTERNS_H
#define BENCH_PATTERNS_H

#include <errno.h>
#include <string.h>

#include "engine.h"

typedef int (*bench_transfer)(struct bench_side *side, int direction,
			      struct bench_message *message);

#define bench_inline static inline __attribute__((always_inline))

/* What a system call returned, as 0 or the side's error. */
bench_inline int bench_transferred(struct bench_side *side, const char *what,
				   ssize_t got, ssize_t wanted)
{
	if (got == wanted)
		return 0;
	return bench_fail(side, what, got < 0 ? errno : EMSGSIZE);
}

/* The same where the answer itself is a negative errno. */
bench_inline int bench_answered(struct bench_side *side, const char *what,
				ssize_t got, ssize_t wanted)
{
	if (got == wanted)
		return 0;
	return bench_fail(side, what, got < 0 ? -got : EMSGSIZE);
}

/* An operation has ended; its time counts if the engine wants that. */
bench_inline void bench_tick(struct bench_side *side)
{
	if (side->latency)
		bench_latency_tick(side->latency);
}

bench_inline void bench_stamp(struct bench_side *side)
{
	uint64_t number = ++side->sequence;

	memcpy(side->out->data, &number, sizeof(number));
	memcpy(side->out->data + side->bytes - sizeof(number), &number,
	       sizeof(number));
}

bench_inline int bench_stamped(struct bench_side *side, uint64_t number)
{
	uint64_t first, last;

	memcpy(&first, side->in->data, sizeof(first));
	memcpy(&last, side->in->data + side->bytes - sizeof(last),
	       sizeof(last));
	if (first == number && last == number)
		return 0;
	return bench_fail(side, "message out of order", EBADMSG);
}

bench_inline int bench_pair(struct bench_side *side, unsigned long n,
			    bench_transfer send, bench_transfer receive)
{
	int ret = 0;

	while (!ret && n--) {
		bench_stamp(side);
		ret = send(side, 0, side->out);
		if (!ret)
			ret = receive(side, 0, side->in);
		if (!ret)
			ret = bench_stamped(side, side->sequence);
	}
	return ret;
}

bench_inline int bench_ping(struct bench_side *side, unsigned long n,
			    bench_transfer send, bench_transfer receive)
{
	int ret = bench_partner_go(side, n);

	while (!ret && n--) {
		bench_stamp(side);
		ret = send(side, 0, side->out);
		if (!ret)
			ret = receive(side, 1, side->in);
		if (!ret)
			ret = bench_stamped(side, side->sequence);
		bench_tick(side);
	}
	return ret ? ret : bench_partner_wait(side);
}

bench_inline int bench_pong(struct bench_side *side, unsigned long n,
			    bench_transfer send, bench_transfer receive)
{
	int ret = 0;

	while (!ret && n--) {
		ret = receive(side, 0, side->in);
		if (!ret)
			ret = send(side, 1, side->in);
	}
	return ret;
}

bench_inline int bench_source(struct bench_side *side, unsigned long n,
			      bench_transfer send)
{
	int ret = bench_partner_go(side, n);

	while (!ret && n--) {
		bench_stamp(side);
		ret = send(side, 0, side->out);
	}
	return ret ? ret : bench_partner_wait(side);
}

bench_inline int bench_sink(struct bench_side *side, unsigned long n,
			    bench_transfer receive)
{
	int ret = 0;

	while (!ret && n--) {
		ret = receive(side, 0, side->in);
		if (!ret)
			ret = bench_stamped(side, ++side->sequence);
	}
	return ret ? ret : bench_check_between(side);
}

/* Of many senders: whose message it is, above its number. */
#define BENCH_SENDER_SHIFT	56

/* n messages of one of many. */
bench_inline int bench_many_source(struct bench_side *side, unsigned long n,
				   bench_transfer send)
{
	int ret = 0;

	if (!side->sequence)
		side->sequence = (uint64_t)side->index << BENCH_SENDER_SHIFT;
	while (!ret && n--) {
		bench_stamp(side);
		ret = send(side, 0, side->out);
	}
	return ret;
}

/* n messages of all; of each sender they come in order. */
bench_inline int bench_many_sink(struct bench_side *side, unsigned long n,
				 bench_transfer receive)
{
	uint64_t next[BENCH_PARTNERS] = { 0 }, first;
	unsigned int sender;
	int ret = bench_partner_go(side, n / BENCH_PARTNERS);

	while (!ret && n--) {
		ret = receive(side, 0, side->in);
		if (ret)
			break;
		memcpy(&first, side->in->data, sizeof(first));
		sender = first >> BENCH_SENDER_SHIFT;
		if (sender >= BENCH_PARTNERS)
			return bench_fail(side, "sender", EBADMSG);
		if (!next[sender])
			next[sender] = first;
		ret = bench_stamped(side, next[sender]++);
	}
	if (!ret)
		ret = bench_check_between(side);
	return ret ? ret : bench_partner_wait(side);
}

/*
 * BENCH_PAIR(p), BENCH_PINGPONG(p), BENCH_STREAM(p): the ops bench_p_pair,
 * bench_p_pingpong, bench_p_stream from p_open, p_close, p_send, p_receive.
 */
#define BENCH_PAIR(p)							\
static int p##_pair(struct bench_side *side, unsigned long n)		\
{									\
	return bench_pair(side, n, p##_send, p##_receive);		\
}									\
									\
const struct bench_ops bench_##p##_pair = {				\
	.open	= p##_open,						\
	.run	= p##_pair,						\
	.check	= bench_check_contents,					\
	.close	= p##_close,						\
}

#define BENCH_TWO(p, pattern, first, second, contents)			\
static int p##_##pattern##_open(struct bench_side *side)		\
{									\
	int ret = p##_open(side);					\
									\
	return ret ? ret : bench_partner_start(side, second);		\
}									\
									\
static void p##_##pattern##_close(struct bench_side *side)		\
{									\
	bench_partner_stop(side);					\
	p##_close(side);						\
}									\
									\
const struct bench_ops bench_##p##_##pattern = {			\
	.open	= p##_##pattern##_open,					\
	.run	= first,						\
	.check	= contents,						\
	.close	= p##_##pattern##_close,				\
}

#define BENCH_PINGPONG(p)						\
static int p##_ping(struct bench_side *side, unsigned long n)		\
{									\
	return bench_ping(side, n, p##_send, p##_receive);		\
}									\
									\
static int p##_pong(struct bench_side *side, unsigned long n)		\
{									\
	return bench_pong(side, n, p##_send, p##_receive);		\
}									\
									\
BENCH_TWO(p, pingpong, p##_ping, p##_pong, bench_check_contents)

#define BENCH_STREAM(p)							\
static int p##_source(struct bench_side *side, unsigned long n)		\
{									\
	return bench_source(side, n, p##_send);				\
}									\
									\
static int p##_sink(struct bench_side *side, unsigned long n)		\
{									\
	return bench_sink(side, n, p##_receive);			\
}									\
									\
BENCH_TWO(p, stream, p##_source, p##_sink, NULL)

/* BENCH_MANY_OF(p, ...): bench_p_many of what the first and the others run. */
#define BENCH_MANY_OF(p, opens, closes, first, others)			\
static int p##_many_open(struct bench_side *side)			\
{									\
	int ret = opens(side);						\
	int i;								\
									\
	for (i = 0; !ret && i < BENCH_PARTNERS; i++)			\
		ret = bench_partner_start(side, others);		\
	return ret;							\
}									\
									\
static void p##_many_close(struct bench_side *side)			\
{									\
	bench_partner_stop(side);					\
	closes(side);							\
}									\
									\
const struct bench_ops bench_##p##_many = {				\
	.open	= p##_many_open,					\
	.run	= first,						\
	.close	= p##_many_close,					\
}

/*
 * BENCH_STREAM_OF(n, ...): a stream of records of n bytes, without a goal: how
 * throughput grows with them. Room for 16, and a slice is many times that.
 */
#define BENCH_STREAM_OF(n, in, against, us, them)			\
	{								\
		.chapter = in, .name = "stream", .peer = against,	\
		.size = n, .bytes = n,					\
		.capacity = (n) * 16 > 65536 ? (n) * 16 : 65536,	\
		.unit = 131072 / (n) > 32 ? 131072 / (n) : 32,	\
		.stretch = 8, .cpus = 2, .ours = us, .theirs = them	\
	}

#define BENCH_LONGER_STREAMS(in, against, us, them)			\
	BENCH_STREAM_OF(256, in, against, us, them),			\
	BENCH_STREAM_OF(1024, in, against, us, them),			\
	BENCH_STREAM_OF(4096, in, against, us, them),			\
	BENCH_STREAM_OF(16384, in, against, us, them)

#endif /* BENCH_PATTERNS_H */
