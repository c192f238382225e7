// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine measured against itself: a benchmark that cannot be wrong proves
 * nothing.
 *
 *	same	a pipe against a pipe: the ratio is 1
 *	twice	two turns of a pipe against one: it is 2, not a half
 *	broken	a side that changes a byte of its messages: it must fail
 *
 * The statistics, and the percentiles of times of single operations, are checked
 * on values that can be worked out by hand.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"

static int twice_run(struct bench_side *side, unsigned long n)
{
	return bench_pipe_pair.run(side, 2 * n);
}

/* What was received is not what was sent, in one byte. */
static int broken_run(struct bench_side *side, unsigned long n)
{
	int ret = bench_pipe_pair.run(side, n);

	side->in->data[side->bytes / 2]++;
	return ret;
}

static int twice_open(struct bench_side *side)
{
	return bench_pipe_pair.open(side);
}

static void twice_close(struct bench_side *side)
{
	bench_pipe_pair.close(side);
}

static const struct bench_ops twice = {
	.open	= twice_open,
	.run	= twice_run,
	.close	= twice_close,
};

static const struct bench_ops broken = {
	.open	= twice_open,
	.run	= broken_run,
	.check	= bench_check_contents,
	.close	= twice_close,
};

#define CHECK(what, side, expected) {					\
	.chapter = "engine", .name = what, .peer = "pipe", .size = 64,	\
	.bytes = 64, .capacity = 65536, .goal = expected,		\
	.ours = side, .theirs = &bench_pipe_pair,			\
}

static const struct bench_case checks[] = {
	CHECK("same", &bench_pipe_pair, 1),
	CHECK("twice", &twice, 2),
	CHECK("broken", &broken, 0),
};

static int check_statistics(void)
{
	static const double values[] = { 4, 1, 3, 2, 10 };
	bool right = bench_percentile(values, 5, 0.5) == 3 &&
		     bench_percentile(values, 5, 0.25) == 2 &&
		     bench_percentile(values, 4, 0.5) == 2.5 &&
		     bench_percentile(values, 1, 0.75) == 4;

	printf("statistics: %s\n", right ? "right" : "WRONG");
	return !right;
}

/* Fifty times of 10 ns, fifty of 64 to 66; and one of a little over 1 ms. */
static int check_latency(void)
{
	static struct bench_latency a, b, one;
	double low, high, ms;
	bool right;

	a.samples = 50;
	a.count[10] = 50;
	b.samples = 50;
	b.count[64] = 50;
	low = bench_latency_percentile(&a, &b, 25);
	high = bench_latency_percentile(&a, &b, 75);
	b.samples = 0;
	b.count[64] = 0;
	one.last = bench_now() - 1000000;
	bench_latency_tick(&one);
	ms = bench_latency_percentile(&one, &b, 50);
	right = low == 10.5 && high == 65 && one.samples == 1 &&
		ms >= 970000 && ms < 1500000;
	printf("percentiles of single times: %s\n", right ? "right" : "WRONG");
	return !right;
}

/* A case must come within 3 % of what is expected; 0 expects a failure. */
static int check_case(const struct bench_case *test,
		      const struct bench_plan *plan)
{
	static struct bench_row row;
	bool right;

	memset(&row, 0, sizeof(row));
	row.test = test;
	if (bench_measure(plan, &row)) {
		right = test->goal <= 0;
		printf("%s: %s, %s\n", test->name, row.error,
		       right ? "as it must" : "WRONG");
		return !right;
	}
	right = fabs(row.ratio / test->goal - 1) <= 0.03;
	printf("%s: ratio %.3f (%.3f to %.3f), expected %.2f: %s; %u rounds + %u repeated\n",
	       test->name, row.ratio, row.p25, row.p75, test->goal,
	       right ? "right" : "WRONG", row.all.rounds, row.all.repeated);
	return !right;
}

/**
 * bench_check_engine() - does the engine tell what it is known to be?
 * @plan: how long to measure
 *
 * Return: how many answers were wrong.
 */
int bench_check_engine(const struct bench_plan *plan)
{
	int wrong = check_statistics() + check_latency();
	unsigned int i;

	for (i = 0; i < sizeof(checks) / sizeof(*checks); i++)
		wrong += check_case(&checks[i], plan);
	return wrong;
}
