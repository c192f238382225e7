// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rounds of earlier runs.
 *
 * A kernel draws by lot, when it boots, where it and its modules lie, and that
 * alone makes a side some percent faster or slower until the next boot. So
 * tests/bench/run boots more than once, and every run leaves its rounds in a
 * file, from which the next one takes them up. The last one's rows are of all
 * rounds of all boots.
 *
 * A line of the file is a case of a run: chapter, case, size, peer, rounds
 * repeated, rounds kept though noisy, rounds, buckets; then for each round the
 * time of our side and of the peer, in nanoseconds; then for each bucket of
 * latency.c that is not empty its number and how many times of our side and of
 * the peer lie in it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"

/* Reads the rounds of a line; false if there are not as many as it says. */
static bool read_rounds(FILE *file, struct bench_row *row, unsigned int count)
{
	double ours, peer;

	while (count--) {
		if (fscanf(file, "%lf %lf", &ours, &peer) != 2)
			return false;
		if (row)
			bench_add_round(row, ours, peer);
	}
	return true;
}

/* Reads the buckets of a line, likewise. */
static bool read_buckets(FILE *file, struct bench_row *row, unsigned int count)
{
	unsigned int bucket, n[2], i;

	while (count--) {
		if (fscanf(file, "%u %u %u", &bucket, &n[0], &n[1]) != 3 ||
		    bucket >= BENCH_BUCKETS)
			return false;
		for (i = 0; row && i < 2; i++) {
			row->before[i].count[bucket] += n[i];
			row->before[i].samples += n[i];
		}
	}
	return true;
}

static bool is_case(const struct bench_case *test, const char *chapter,
		    const char *name, long size, const char *peer)
{
	return !strcmp(test->chapter, chapter) && !strcmp(test->name, name) &&
	       test->size == size && !strcmp(test->peer, peer);
}

/**
 * bench_join() - take up what earlier runs have measured.
 * @path: the file; none is as good as an empty one
 * @row: the row, with its case
 *
 * Return: 0, or a negative errno (EBADMSG: not such a file).
 */
int bench_join(const char *path, struct bench_row *row)
{
	unsigned int repeated, noisy, count, buckets;
	char chapter[32], name[64], peer[64];
	FILE *file = fopen(path, "re");
	bool found;
	long size;
	int got;

	if (!file)
		return errno == ENOENT ? 0 : -errno;
	for (;;) {
		got = fscanf(file, "%31s %63s %ld %63s %u %u %u %u", chapter,
			     name, &size, peer, &repeated, &noisy, &count,
			     &buckets);
		if (got != 8)
			break;
		found = is_case(row->test, chapter, name, size, peer);
		if (!read_rounds(file, found ? row : NULL, count) ||
		    !read_buckets(file, found ? row : NULL, buckets))
			break;
		if (!found)
			continue;
		row->all.repeated += repeated;
		row->all.noisy += noisy;
		row->runs++;
	}
	fclose(file);
	return got == EOF ? 0 : -EBADMSG;
}

static bool is_empty(const struct bench_row *row, unsigned int bucket)
{
	return !row->latency[0].count[bucket] && !row->latency[1].count[bucket];
}

static unsigned int count_buckets(const struct bench_row *row)
{
	unsigned int i, n = 0;

	for (i = 0; i < BENCH_BUCKETS; i++)
		n += !is_empty(row, i);
	return n;
}

/**
 * bench_keep() - leave what this run has measured to later ones.
 * @path: the file
 * @row: the row
 *
 * Return: 0, or a negative errno.
 */
int bench_keep(const char *path, const struct bench_row *row)
{
	unsigned int i = row->all.rounds - row->now.rounds;
	const struct bench_case *test = row->test;
	FILE *file = fopen(path, "ae");

	if (!file)
		return -errno;
	fprintf(file, "%s %s %ld %s %u %u %u %u\n", test->chapter, test->name,
		test->size, test->peer, row->now.repeated, row->now.noisy,
		row->now.rounds, count_buckets(row));
	for (; i < row->all.rounds; i++)
		fprintf(file, " %.2f %.2f\n", row->ns[0][i], row->ns[1][i]);
	for (i = 0; i < BENCH_BUCKETS; i++)
		if (!is_empty(row, i))
			fprintf(file, " %u %u %u\n", i,
				row->latency[0].count[i],
				row->latency[1].count[i]);
	return fclose(file) ? -errno : 0;
}
