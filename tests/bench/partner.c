// SPDX-License-Identifier: GPL-2.0-only
/*
 * The other processes of a side that needs more than one.
 *
 * One is forked when the side is opened, inherits the side's descriptors, and
 * then runs its half as often as it is told: a number down one pipe, a verdict
 * back through another. These two messages are in the timed part of a slice,
 * some ten microseconds in many milliseconds, and the same on both sides.
 *
 * It runs on the second CPU where the case asks for two, else on the first
 * one's, and in the same memory cgroup.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine.h"

struct verdict {
	int result;
	char error[200];
};

static void serve(struct bench_side *side, int command, int answer,
		  int (*run)(struct bench_side *, unsigned long))
{
	struct verdict verdict = { 0 };
	unsigned long n;

	while (read(command, &n, sizeof(n)) == sizeof(n)) {
		verdict.result = run(side, n);
		memcpy(verdict.error, side->error, sizeof(verdict.error));
		if (write(answer, &verdict, sizeof(verdict)) < 0)
			break;
	}
	_exit(0);
}

/**
 * bench_partner_start() - fork another process.
 * @side: the side, which has fewer than BENCH_PARTNERS; all that the partner
 *	needs must be open
 * @run: what it does, called with how often; @side then has its index
 *
 * Return: 0, or a negative errno.
 */
int bench_partner_start(struct bench_side *side,
			int (*run)(struct bench_side *, unsigned long))
{
	struct bench_partner *partner = &side->partner[side->partners];
	int command[2], answer[2];

	if (pipe2(command, O_CLOEXEC))
		return bench_fail(side, "pipe2", errno);
	if (pipe2(answer, O_CLOEXEC)) {
		close(command[0]);
		close(command[1]);
		return bench_fail(side, "pipe2", errno);
	}
	partner->pid = fork();
	if (!partner->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		side->index = side->partners;
		close(command[1]);
		close(answer[0]);
		bench_pin(side->test->cpus > 1);
		serve(side, command[0], answer[1], run);
	}
	close(command[0]);
	close(answer[1]);
	partner->command = command[1];
	partner->answer = answer[0];
	if (partner->pid > 0) {
		side->partners++;
		return 0;
	}
	close(command[1]);
	close(answer[0]);
	return bench_fail(side, "fork", errno);
}

/**
 * bench_partner_go() - let the partners begin.
 * @side: the side
 * @n: how often each shall do its part
 *
 * Return: 0, or a negative errno.
 */
int bench_partner_go(struct bench_side *side, unsigned long n)
{
	unsigned int i;

	for (i = 0; i < side->partners; i++)
		if (write(side->partner[i].command, &n, sizeof(n)) != sizeof(n))
			return bench_fail(side, "telling a partner", errno);
	return 0;
}

/**
 * bench_partner_wait() - wait until the partners have done their parts.
 * @side: the side
 *
 * Return: the first verdict that is not 0, a negative errno; or 0.
 */
int bench_partner_wait(struct bench_side *side)
{
	struct verdict verdict;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < side->partners; i++) {
		if (read(side->partner[i].answer, &verdict, sizeof(verdict)) !=
		    sizeof(verdict))
			return bench_fail(side, "hearing a partner", errno);
		if (!verdict.result || ret)
			continue;
		ret = verdict.result;
		memcpy(side->error, verdict.error, sizeof(side->error));
	}
	return ret;
}

/**
 * bench_partner_stop() - end the partners, if there are any.
 * @side: the side
 */
void bench_partner_stop(struct bench_side *side)
{
	while (side->partners) {
		struct bench_partner *partner =
			&side->partner[--side->partners];

		close(partner->command);
		close(partner->answer);
		kill(partner->pid, SIGKILL);
		waitpid(partner->pid, NULL, 0);
	}
}
