// SPDX-License-Identifier: GPL-2.0-only
/*
 * The signal chapter's cases. Nothing is carried; the size column is how many
 * receive.
 *
 *	pair		send to one and receive, without acknowledgment; against
 *			kill and a read of a signalfd
 *	pair-ack	the same, acknowledged
 *	group100	one call to a group of 100 registrations, each on a socket
 *			of its own; all receive. Against 100 times kill and read
 *	flood		100,000 signals of number 34, one request each, to one who
 *			sleeps meanwhile and then receives them all; against
 *			sigqueue and a signalfd, 64 at a time as well
 *	flood-batch	the same, 64 in a request
 *
 * Whatever is received is looked at: the number, how many fell together, and in
 * the end that all came. The limits of either side are raised for it.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <ipcbook/signal.h>

#include "patterns.h"

#define GROUP		100
#define FLOOD		100000
#define FLOOD_NUMBER	34
#define PAIR_NUMBER	10
#define MANY		64

/* ---------------------------------------------------------------- our side */

/* Handles of a side: one that sends, and some that receive. */
struct ours {
	struct ipcbook_signal *sender;
	struct ipcbook_signal *receivers[GROUP];
	struct ipcbook_signal_target target;
};

static int receivers_of(const struct bench_side *side)
{
	return side->test->size;
}

static int ours_open(struct bench_side *side)
{
	static const char *const groups[] = { "bench" };
	struct ours *ours = calloc(1, sizeof(*ours));
	int answer;

	side->data = ours;
	if (!ours)
		return bench_fail(side, "memory", ENOMEM);
	answer = ipcbook_signal_open(&ours->sender);
	for (int i = 0; !answer && i < receivers_of(side); i++) {
		answer = ipcbook_signal_open(&ours->receivers[i]);
		if (!answer)
			answer = ipcbook_signal_register(ours->receivers[i],
							 NULL, groups, 1,
							 FLOOD);
	}
	if (receivers_of(side) > 1)
		ours->target.group = "bench";
	else
		ours->target.pid = getpid();
	return answer ? bench_fail(side, "registering", -answer) : 0;
}

static void ours_close(struct bench_side *side)
{
	struct ours *ours = side->data;

	for (int i = 0; ours && i < GROUP; i++)
		ipcbook_signal_close(ours->receivers[i]);
	if (ours)
		ipcbook_signal_close(ours->sender);
	free(ours);
}

/* Nothing is left. */
static int ours_check(struct bench_side *side)
{
	struct ipcbook_signal_info info;
	struct ours *ours = side->data;

	for (int i = 0; i < receivers_of(side); i++) {
		int answer = bench_answered(side, "nothing is left",
					    ipcbook_signal_fetch(ours->receivers[i],
								 &info, 1),
					    -EAGAIN);

		if (answer)
			return answer;
	}
	return 0;
}

bench_inline int ours_send(struct bench_side *side, const int *numbers,
			   unsigned int count, unsigned int flags)
{
	struct ours *ours = side->data;

	return bench_answered(side, "send",
			      ipcbook_signal_send(ours->sender, &ours->target,
						  1, numbers, count, flags,
						  NULL),
			      flags ? 0 : (int)count);
}

bench_inline int ours_receive(struct bench_side *side, int which)
{
	struct ipcbook_signal_info info;
	struct ours *ours = side->data;
	int answer;

	answer = bench_answered(side, "receive",
				ipcbook_signal_fetch(ours->receivers[which],
						     &info, 1), 1);
	if (!answer && (info.number != PAIR_NUMBER || info.count != 1))
		answer = bench_fail(side, "another signal", EBADMSG);
	return answer;
}

bench_inline int ours_pairs(struct bench_side *side, unsigned long n,
			    unsigned int flags)
{
	static const int number = PAIR_NUMBER;
	int answer = 0;

	while (!answer && n--) {
		answer = ours_send(side, &number, 1, flags);
		for (int i = 0; !answer && i < receivers_of(side); i++)
			answer = ours_receive(side, i);
	}
	return answer;
}

static int ours_pair(struct bench_side *side, unsigned long n)
{
	return ours_pairs(side, n, IPCBOOK_SIGNAL_NOACK);
}

static int ours_pair_ack(struct bench_side *side, unsigned long n)
{
	return ours_pairs(side, n, 0);
}

/* Receives n signals that wait. */
static int ours_drain(struct bench_side *side, unsigned long n)
{
	struct ipcbook_signal_info infos[MANY];
	struct ours *ours = side->data;
	ssize_t count;

	while (n) {
		count = ipcbook_signal_fetch(ours->receivers[0], infos, MANY);
		if (count < 0)
			return bench_fail(side, "receive", -count);
		for (ssize_t i = 0; i < count; i++)
			if (infos[i].number != FLOOD_NUMBER ||
			    infos[i].count != 1)
				return bench_fail(side, "another signal",
						  EBADMSG);
		if ((size_t)count > n)
			return bench_fail(side, "too many signals", EBADMSG);
		n -= count;
	}
	return 0;
}

bench_inline int ours_floods(struct bench_side *side, unsigned long n,
			     unsigned int batch)
{
	int numbers[MANY];
	int answer = 0;

	for (unsigned int i = 0; i < MANY; i++)
		numbers[i] = FLOOD_NUMBER;
	for (; !answer && n; n -= FLOOD) {
		for (unsigned long i = 0; !answer && i < FLOOD; i += batch)
			answer = ours_send(side, numbers,
					   FLOOD - i < batch ? FLOOD - i :
					   batch, IPCBOOK_SIGNAL_NOACK);
		if (!answer)
			answer = ours_drain(side, FLOOD);
	}
	return answer;
}

static int ours_flood(struct bench_side *side, unsigned long n)
{
	return ours_floods(side, n, 1);
}

static int ours_flood_batch(struct bench_side *side, unsigned long n)
{
	return ours_floods(side, n, MANY);
}

/* --------------------------------------------------------------- the kernel's */

static int theirs_open(struct bench_side *side)
{
	const struct rlimit limit = { 4 * FLOOD, 4 * FLOOD };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, PAIR_NUMBER);
	sigaddset(&set, FLOOD_NUMBER);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return bench_fail(side, "sigprocmask", errno);
	if (setrlimit(RLIMIT_SIGPENDING, &limit))
		return bench_fail(side, "RLIMIT_SIGPENDING", errno);
	side->fd[0] = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (side->fd[0] < 0)
		return bench_fail(side, "signalfd", errno);
	return 0;
}

static void theirs_close(struct bench_side *side)
{
	if (side->fd[0] >= 0)
		close(side->fd[0]);
}

static int theirs_check(struct bench_side *side)
{
	struct signalfd_siginfo info;

	if (read(side->fd[0], &info, sizeof(info)) < 0 && errno == EAGAIN)
		return 0;
	return bench_fail(side, "a signal is left", EBADMSG);
}

static int theirs_pair(struct bench_side *side, unsigned long n)
{
	struct signalfd_siginfo info;
	pid_t pid = getpid();
	int answer = 0;

	n *= receivers_of(side);
	while (!answer && n--) {
		answer = bench_transferred(side, "kill", kill(pid, PAIR_NUMBER),
					   0);
		if (!answer)
			answer = bench_transferred(side, "read",
						   read(side->fd[0], &info,
							sizeof(info)),
						   sizeof(info));
		if (!answer && info.ssi_signo != PAIR_NUMBER)
			answer = bench_fail(side, "another signal", EBADMSG);
	}
	return answer;
}

static int theirs_drain(struct bench_side *side, unsigned long n)
{
	struct signalfd_siginfo infos[MANY];
	ssize_t count;

	while (n) {
		count = read(side->fd[0], infos, sizeof(infos));
		if (count <= 0)
			return bench_fail(side, "read", errno);
		count /= sizeof(infos[0]);
		for (ssize_t i = 0; i < count; i++)
			if (infos[i].ssi_signo != FLOOD_NUMBER)
				return bench_fail(side, "another signal",
						  EBADMSG);
		n -= count;
	}
	return 0;
}

static int theirs_flood(struct bench_side *side, unsigned long n)
{
	const union sigval value = { .sival_int = 0 };
	pid_t pid = getpid();
	int answer = 0;

	for (; !answer && n; n -= FLOOD) {
		for (unsigned long i = 0; !answer && i < FLOOD; i++)
			answer = bench_transferred(side, "sigqueue",
						   sigqueue(pid, FLOOD_NUMBER,
							    value), 0);
		if (!answer)
			answer = theirs_drain(side, FLOOD);
	}
	return answer;
}

/* ---------------------------------------------------------------- the cases */

#define OPS(side, name)							\
static const struct bench_ops name##_ops = {				\
	.open	= side##_open,						\
	.run	= name,							\
	.check	= side##_check,						\
	.close	= side##_close,						\
}

OPS(ours, ours_pair);
OPS(ours, ours_pair_ack);
OPS(ours, ours_flood);
OPS(ours, ours_flood_batch);
OPS(theirs, theirs_pair);
OPS(theirs, theirs_flood);

#define PAIR(what, receivers, aim, our)					\
	{								\
		.chapter = "signal", .name = what,			\
		.peer = "kill-signalfd", .size = receivers, .bytes = 8,	\
		.goal = aim, .ours = &(our), .theirs = &theirs_pair_ops	\
	}

/* A slice is one flood: half a second. */
#define FLOODS(what, aim, our)						\
	{								\
		.chapter = "signal", .name = what, .peer = "sigqueue",	\
		.size = 1, .bytes = 8, .unit = FLOOD, .stretch = 500,	\
		.goal = aim, .ours = &(our),				\
		.theirs = &theirs_flood_ops				\
	}

const struct bench_case bench_signal_cases[] = {
	PAIR("pair", 1, 2.0, ours_pair_ops),
	PAIR("pair-ack", 1, 3.0, ours_pair_ack_ops),
	PAIR("group100", GROUP, 0.90, ours_pair_ops),
	FLOODS("flood", 1.5, ours_flood_ops),
	FLOODS("flood-batch", 0.3, ours_flood_batch_ops),
	{ }
};
