// SPDX-License-Identifier: GPL-2.0-only
/*
 * The second process of a side that needs two.
 *
 * It is forked when the side is opened, inherits the side's descriptors, and
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
 * bench_partner_start() - fork the second process.
 * @side: the side; all that the partner needs must be open
 * @run: what it does, called with how often
 *
 * Return: 0, or a negative errno.
 */
int bench_partner_start(struct bench_side *side,
			int (*run)(struct bench_side *, unsigned long))
{
	int command[2], answer[2];

	if (pipe2(command, O_CLOEXEC))
		return bench_fail(side, "pipe2", errno);
	if (pipe2(answer, O_CLOEXEC)) {
		close(command[0]);
		close(command[1]);
		return bench_fail(side, "pipe2", errno);
	}
	side->partner.pid = fork();
	if (!side->partner.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(command[1]);
		close(answer[0]);
		bench_pin(side->test->cpus > 1);
		serve(side, command[0], answer[1], run);
	}
	close(command[0]);
	close(answer[1]);
	side->partner.command = command[1];
	side->partner.answer = answer[0];
	if (side->partner.pid > 0)
		return 0;
	side->partner.pid = 0;
	close(command[1]);
	close(answer[0]);
	return bench_fail(side, "fork", errno);
}

/**
 * bench_partner_go() - let the partner begin.
 * @side: the side
 * @n: how often it shall do its half
 *
 * Return: 0, or a negative errno.
 */
int bench_partner_go(struct bench_side *side, unsigned long n)
{
	if (write(side->partner.command, &n, sizeof(n)) != sizeof(n))
		return bench_fail(side, "telling the partner", errno);
	return 0;
}

/**
 * bench_partner_wait() - wait until the partner has done its half.
 * @side: the side
 *
 * Return: its verdict: 0, or a negative errno.
 */
int bench_partner_wait(struct bench_side *side)
{
	struct verdict verdict;

	if (read(side->partner.answer, &verdict, sizeof(verdict)) !=
	    sizeof(verdict))
		return bench_fail(side, "hearing the partner", errno);
	if (verdict.result)
		memcpy(side->error, verdict.error, sizeof(side->error));
	return verdict.result;
}

/**
 * bench_partner_stop() - end the partner, if there is one.
 * @side: the side
 */
void bench_partner_stop(struct bench_side *side)
{
	if (!side->partner.pid)
		return;
	close(side->partner.command);
	close(side->partner.answer);
	kill(side->partner.pid, SIGKILL);
	waitpid(side->partner.pid, NULL, 0);
	side->partner.pid = 0;
}
