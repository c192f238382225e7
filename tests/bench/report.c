// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is told: progress while it runs, the table, bench.json.
 *
 * bench.json says in its first line when, by which command and on whose CPU it
 * was measured, and has one row on each of the next, so that files of several
 * runs can be put together line by line. ratio is the median of the rounds' ratios, and
 * ours_ns and peer_ns the medians of each side's times, so that their quotient
 * may differ from it a little. latency is null where single operations were
 * not timed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine.h"

/* Between two lines of progress where they cannot overwrite each other. */
#define PROGRESS_NS	5000000000ULL

static const double percents[] = {
	1, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9
};

#define PERCENTS	(sizeof(percents) / sizeof(*percents))

static struct bench_report *report;
static uint64_t told;

/**
 * bench_report_begin() - from now on, report this.
 * @what: the rows, as far as they are there, and the machine
 */
void bench_report_begin(struct bench_report *what)
{
	report = what;
	printf("%u cases on %s, kernel %s, clock %s (%s)\n", report->total,
	       report->machine.cpu, report->machine.kernel,
	       report->machine.clocksource, report->machine.where);
	fflush(stdout);
}

static void describe(const struct bench_case *test, char *text, size_t size)
{
	snprintf(text, size, "%s %s %ld vs %s", test->chapter, test->name,
		 test->size, test->peer);
}

/**
 * bench_report_case() - a case begins.
 * @test: the case
 */
void bench_report_case(const struct bench_case *test)
{
	char text[100];

	describe(test, text, sizeof(text));
	printf("[%2u/%u] %-46s%s", report->count + 1, report->total, text,
	       report->live ? " setting up" : "");
	fflush(stdout);
	told = bench_now();
}

/**
 * bench_report_round() - a round of the case begins.
 * @test: the case
 * @round: rounds done
 * @rounds: rounds to do
 */
void bench_report_round(const struct bench_case *test, unsigned int round,
			unsigned int rounds)
{
	char text[100];

	if (!report)
		return;
	if (report->live) {
		describe(test, text, sizeof(text));
		printf("\r\033[K[%2u/%u] %-46s round %u of %u",
		       report->count + 1, report->total, text, round + 1,
		       rounds);
	} else if (bench_now() - told > PROGRESS_NS) {
		printf(" ... round %u of %u", round + 1, rounds);
		told = bench_now();
	}
	fflush(stdout);
}

/* What is to be reached here; 0 for nothing. */
static double goal_here(const struct bench_case *test)
{
	bool here = !test->place || !strcmp(test->place, report->machine.where);

	return here ? test->goal : 0;
}

static const char *mark(const struct bench_row *row)
{
	double goal = goal_here(row->test);

	if (goal <= 0)
		return "";
	return row->ratio <= goal ? "reached" : "MISSED";
}

/**
 * bench_report_row() - a case has ended.
 * @row: its result
 */
void bench_report_row(const struct bench_row *row)
{
	char text[100];

	if (report->live) {
		describe(row->test, text, sizeof(text));
		printf("\r\033[K[%2u/%u] %-46s", report->count + 1,
		       report->total, text);
	}
	if (row->error[0])
		printf(" no result: %s\n", row->error);
	else
		printf(" %.3f (%.3f to %.3f) %s\n", row->ratio, row->p25,
		       row->p75, mark(row));
	fflush(stdout);
	report->count++;
}

static void table_row(const struct bench_row *row)
{
	const struct bench_case *test = row->test;
	char goal[16] = "";

	if (goal_here(test) > 0)
		snprintf(goal, sizeof(goal), "%g", test->goal);
	printf("%-7s %-21s %7ld %-10s", test->chapter, test->name, test->size,
	       test->peer);
	if (row->error[0])
		printf(" no result: %s\n", row->error);
	else
		printf(" %8.0f %8.0f %6.3f %6.3f %6.3f %5s %-7s %3u+%u%s\n",
		       row->ours_ns, row->peer_ns, row->ratio, row->p25,
		       row->p75, goal, mark(row), row->all.rounds,
		       row->all.repeated, row->all.noisy ? " noisy" : "");
}

/**
 * bench_report_table() - all rows, for people.
 */
void bench_report_table(void)
{
	unsigned int i, goals = 0, reached = 0, failed = 0;
	const struct bench_row *row;

	printf("\n%-7s %-21s %7s %-10s %8s %8s %6s %6s %6s %5s %-7s %s\n",
	       "chapter", "case", "size", "peer", "ours ns", "peer ns",
	       "ratio", "p25", "p75", "goal", "", "rounds");
	for (i = 0; i < report->count; i++) {
		row = &report->rows[i];
		table_row(row);
		failed += !!row->error[0];
		if (goal_here(row->test) <= 0 || row->error[0])
			continue;
		goals++;
		reached += row->ratio <= row->test->goal;
	}
	printf("\nratio = ours / peer, lower is better; rounds: kept + repeated as the machine drifted.\n"
	       "%u of %u goals reached", reached, goals);
	if (failed)
		printf("; %u without a result", failed);
	printf(".\n");
	fflush(stdout);
}

/* A string with what JSON wants escaped. */
static void json_string(FILE *file, const char *name, const char *value)
{
	fprintf(file, "\"%s\": \"", name);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			fputc('\\', file);
		if ((unsigned char)*value >= ' ')
			fputc(*value, file);
	}
	fprintf(file, "\", ");
}

static void json_times(FILE *file, const char *name,
		       const struct bench_row *row, int which)
{
	const char *between = "";
	unsigned int i;

	fprintf(file, ", \"%s\": [", name);
	for (i = 0; i < PERCENTS; i++) {
		fprintf(file, "%s%.0f", between,
			bench_latency_percentile(&row->latency[which],
						 &row->before[which],
						 percents[i]));
		between = ", ";
	}
	fputc(']', file);
}

static void json_latency(FILE *file, const struct bench_row *row)
{
	unsigned int samples = row->latency[0].samples + row->before[0].samples;
	const char *between = "";
	unsigned int i;

	fputs("\"latency\": ", file);
	if (!samples) {
		fputs("null, ", file);
		return;
	}
	fprintf(file, "{\"samples\": %u, \"percent\": [", samples);
	for (i = 0; i < PERCENTS; i++) {
		fprintf(file, "%s%g", between, percents[i]);
		between = ", ";
	}
	fputc(']', file);
	json_times(file, "ours_ns", row, 0);
	json_times(file, "peer_ns", row, 1);
	fputs("}, ", file);
}

static void json_row(FILE *file, const struct bench_row *row)
{
	const struct bench_case *test = row->test;
	const struct bench_machine *machine = &report->machine;

	fputc('{', file);
	json_string(file, "chapter", test->chapter);
	json_string(file, "case", test->name);
	fprintf(file, "\"size\": %ld, ", test->size);
	json_string(file, "peer", test->peer);
	fprintf(file, "\"ours_ns\": %.1f, \"peer_ns\": %.1f, \"ratio\": %.4f, ",
		row->ours_ns, row->peer_ns, row->ratio);
	fprintf(file, "\"rounds\": %u, \"ratio_p25\": %.4f, \"ratio_p75\": %.4f, ",
		row->all.rounds, row->p25, row->p75);
	json_string(file, "where", machine->where);
	json_string(file, "kernel", machine->kernel);
	json_string(file, "cpu", machine->cpu);
	json_string(file, "clocksource", machine->clocksource);
	fprintf(file, "\"capacity\": %zu, \"bytes\": %zu, \"ahead\": %ld, ",
		test->capacity, test->bytes, test->ahead);
	json_latency(file, row);
	fprintf(file, "\"repeated\": %u, \"noisy\": %u, \"boots\": %u, \"goal\": ",
		row->all.repeated, row->all.noisy, row->runs);
	if (goal_here(test) > 0)
		fprintf(file, "%g}", test->goal);
	else
		fputs("null}", file);
}

static void json_head(FILE *file)
{
	time_t now = time(NULL);
	char date[40];

	strftime(date, sizeof(date), "%Y-%m-%dT%H:%MZ", gmtime(&now));
	fputc('{', file);
	json_string(file, "date", date);
	json_string(file, "command", report->machine.command);
	json_string(file, "host_cpu", report->machine.host);
	json_string(file, "version", IPCBOOK_VERSION);
	fputs("\"rows\":[", file);
}

/**
 * bench_report_json() - all rows that have a result, for programs.
 * @path: the file; what was there is replaced as a whole
 *
 * Return: 0, or a negative errno.
 */
int bench_report_json(const char *path)
{
	const char *between = "\n";
	char temporary[4096];
	unsigned int i;
	FILE *file;

	snprintf(temporary, sizeof(temporary), "%s.new", path);
	file = fopen(temporary, "we");
	if (!file)
		return -errno;
	json_head(file);
	for (i = 0; i < report->count; i++) {
		if (report->rows[i].error[0])
			continue;
		fputs(between, file);
		json_row(file, &report->rows[i]);
		between = ",\n";
	}
	fputs("\n]}\n", file);
	if (fclose(file) || rename(temporary, path))
		return -errno;
	return 0;
}
