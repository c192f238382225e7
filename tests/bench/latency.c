// SPDX-License-Identifier: GPL-2.0-only
/*
 * Times of single operations, for the percentiles.
 *
 * A round trip takes long enough for a look at the clock after each. The times
 * are counted in buckets, 32 to the octave, so that any number of them takes
 * the same room and the counts of several runs can be added; a percentile is
 * right to about 3 %.
 *
 * These operations are timed in slices of their own: the clock is no part of
 * what the rounds measure.
 */
#include "engine.h"

#define SUB_BITS	5
#define SUB		(1 << SUB_BITS)

/* Which bucket a time falls into: exact below two SUBs, then SUB to a doubling. */
static unsigned int bucket_of(uint64_t ns)
{
	int shift = 63 - __builtin_clzll(ns | 1) - SUB_BITS;

	if (shift < 0)
		shift = 0;
	return shift * SUB + (ns >> shift);
}

/* Where a bucket begins, and how wide it is. */
static double bucket_start(unsigned int bucket, double *width)
{
	unsigned int shift = bucket < 2 * SUB ? 0 : bucket / SUB - 1;

	*width = (double)(1ULL << shift);
	return (bucket - shift * SUB) * *width;
}

/**
 * bench_latency_tick() - an operation has ended.
 * @latency: where its time counts
 *
 * The time since the last tick counts. The first tick after a begin only sets
 * the clock: it has the partner's start in it.
 */
void bench_latency_tick(struct bench_latency *latency)
{
	uint64_t now = bench_now();

	if (latency->last) {
		latency->count[bucket_of(now - latency->last)]++;
		latency->samples++;
	}
	latency->last = now;
}

/**
 * bench_latency_percentile() - the time below which a share of them lies.
 * @a: times
 * @b: more of them
 * @percent: the share, 0 to 100
 *
 * Return: nanoseconds; 0 if there are none.
 */
double bench_latency_percentile(const struct bench_latency *a,
				const struct bench_latency *b, double percent)
{
	double rank = percent / 100 * (a->samples + b->samples);
	double before = 0, here, start, width;
	unsigned int i;

	for (i = 0; i < BENCH_BUCKETS; i++) {
		here = a->count[i] + b->count[i];
		if (here && before + here >= rank) {
			start = bucket_start(i, &width);
			return start + (rank - before) / here * width;
		}
		before += here;
	}
	return 0;
}
