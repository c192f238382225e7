// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook-bench: ipcbook against the kernel's own primitives, in one run.
 *
 * Each chapter has a file with its cases; engine.h says how they are measured,
 * report.c what comes out. tests/bench/run boots the VM that it runs in.
 *
 * Exit status: 0 all cases have a result, 1 some have none, 2 a wrong call or
 * nothing to measure with. Whether a goal is reached is told, and changes
 * nothing: it depends on the machine.
 */
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"

#define CASES_MAX	200

static const struct bench_case *const chapters[] = {
	bench_queue_cases,
	bench_shm_cases,
	bench_ring_cases,
	bench_sem_cases,
	bench_pipe_cases,
	bench_socket_cases,
	bench_signal_cases,
};

static struct {
	const char *chapter;
	const char *name;
	const char *peer;
	const char *output;
	const char *where;
	const char *keep;
	const char *host;
	const char *command;
	long size;
	unsigned int rounds;
	int quick;
	int list;
	int live;
	int root_cgroup;
	int check_engine;
	int more;
} options = {
	.where = "native", .size = -1, .host = "", .command = "ipcbook-bench",
};

static void usage(FILE *file)
{
	fputs("usage: ipcbook-bench [OPTION...]\n"
	      "  --chapter NAME    only cases of this chapter\n"
	      "  --case NAME       only cases of this name\n"
	      "  --peer NAME       only cases against this peer (NAME: * and ? as in the shell)\n"
	      "  --size N          only cases with this size\n"
	      "  --list            list the cases and measure nothing\n"
	      "  --rounds N        paired rounds a case (9 to 400, default 25)\n"
	      "  --quick           9 shorter rounds\n"
	      "  --output FILE     write the rows there, as JSON\n"
	      "  --where WORD      the rows' word for where: vm or native (default)\n"
	      "  --command TEXT    how this was called, for the rows' readers\n"
	      "  --host TEXT       the CPU on which the VM runs, likewise\n"
	      "  --keep FILE       add this run's rounds to those of earlier runs there\n"
	      "  --more            more runs will follow: no table, no JSON\n"
	      "  --live            overwrite progress in place, as on a terminal\n"
	      "  --root-cgroup     do not enter a memory cgroup\n"
	      "  --check-engine    measure the engine against itself\n", file);
}

static const struct option long_options[] = {
	{ "chapter", required_argument, NULL, 'h' },
	{ "case", required_argument, NULL, 'c' },
	{ "peer", required_argument, NULL, 'p' },
	{ "size", required_argument, NULL, 's' },
	{ "rounds", required_argument, NULL, 'r' },
	{ "output", required_argument, NULL, 'o' },
	{ "where", required_argument, NULL, 'w' },
	{ "keep", required_argument, NULL, 'k' },
	{ "command", required_argument, NULL, 'C' },
	{ "host", required_argument, NULL, 'O' },
	{ "more", no_argument, &options.more, 1 },
	{ "list", no_argument, &options.list, 1 },
	{ "quick", no_argument, &options.quick, 1 },
	{ "live", no_argument, &options.live, 1 },
	{ "root-cgroup", no_argument, &options.root_cgroup, 1 },
	{ "check-engine", no_argument, &options.check_engine, 1 },
	{ "help", no_argument, NULL, 'H' },
	{ }
};

/* A number from least to most; everything else ends the program. */
static long number(const char *text, long least, long most)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (!errno && end != text && !*end && value >= least && value <= most)
		return value;
	fprintf(stderr, "ipcbook-bench: '%s' is no number from %ld to %ld\n",
		text, least, most);
	exit(2);
}

static void take_option(int option)
{
	switch (option) {
	case 0:
		break;
	case 'h':
		options.chapter = optarg;
		break;
	case 'c':
		options.name = optarg;
		break;
	case 'p':
		options.peer = optarg;
		break;
	case 's':
		options.size = number(optarg, 0, 1L << 40);
		break;
	case 'r':
		options.rounds = number(optarg, BENCH_ROUNDS_MIN,
					BENCH_ROUNDS_MAX);
		break;
	case 'o':
		options.output = optarg;
		break;
	case 'w':
		options.where = optarg;
		break;
	case 'k':
		options.keep = optarg;
		break;
	case 'C':
		options.command = optarg;
		break;
	case 'O':
		options.host = optarg;
		break;
	default:
		usage(option == 'H' ? stdout : stderr);
		exit(option == 'H' ? 0 : 2);
	}
}

static void take_options(int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		take_option(option);
	if (optind < argc)
		take_option('?');
}

static bool matches(const char *pattern, const char *name)
{
	return !pattern || !fnmatch(pattern, name, 0);
}

static unsigned int select_cases(const struct bench_case **cases)
{
	const struct bench_case *test;
	unsigned int i, n = 0;

	for (i = 0; i < sizeof(chapters) / sizeof(*chapters); i++)
		for (test = chapters[i]; test->name && n < CASES_MAX; test++)
			if (matches(options.chapter, test->chapter) &&
			    matches(options.name, test->name) &&
			    matches(options.peer, test->peer) &&
			    (options.size < 0 || options.size == test->size))
				cases[n++] = test;
	return n;
}

static int list(const struct bench_case **cases, unsigned int n)
{
	const struct bench_case *test;
	unsigned int i;

	printf("%-7s %-21s %7s %-10s %5s %9s\n", "chapter", "case", "size",
	       "peer", "goal", "capacity");
	for (i = 0; i < n; i++) {
		test = cases[i];
		printf("%-7s %-21s %7ld %-10s %5.2f %9zu\n", test->chapter,
		       test->name, test->size, test->peer, test->goal,
		       test->capacity);
	}
	return 0;
}

/* Takes up the rounds of earlier runs, measures, leaves its own. */
static int measure_row(struct bench_row *row, const struct bench_plan *plan)
{
	int ret = options.keep ? bench_join(options.keep, row) : 0;

	if (!ret)
		ret = bench_measure(plan, row);
	if (!ret && options.keep)
		ret = bench_keep(options.keep, row);
	if (ret && !row->error[0])
		snprintf(row->error, sizeof(row->error), "%s: %s",
			 options.keep, strerror(-ret));
	return ret;
}

static int finish(void)
{
	int ret = 0;

	if (options.more)
		return 0;
	bench_report_table();
	if (options.output)
		ret = bench_report_json(options.output);
	if (ret)
		fprintf(stderr, "ipcbook-bench: %s: %s\n", options.output,
			strerror(-ret));
	return ret;
}

static int measure(const struct bench_case **cases, unsigned int n,
		   const struct bench_plan *plan)
{
	static struct bench_row rows[CASES_MAX];
	static struct bench_report report = { .rows = rows };
	unsigned int i, failed = 0;

	bench_machine_describe(&report.machine, options.where);
	report.machine.host = options.host[0] ? options.host :
			      report.machine.cpu;
	report.machine.command = options.command;
	report.total = n;
	report.live = options.live || isatty(STDOUT_FILENO);
	bench_report_begin(&report);
	for (i = 0; i < n; i++) {
		bench_report_case(cases[i]);
		rows[i].test = cases[i];
		failed += !!measure_row(&rows[i], plan);
		bench_report_row(&rows[i]);
	}
	return finish() || failed ? 1 : 0;
}

static int enter_cgroup(void)
{
	int ret = options.root_cgroup ? 0 : bench_enter_cgroup();

	if (ret)
		fprintf(stderr,
			"ipcbook-bench: cannot enter a memory cgroup below /sys/fs/cgroup: %s.\n"
			"Numbers from the root cgroup flatter whoever allocates; --root-cgroup takes them.\n",
			strerror(-ret));
	return ret;
}

int main(int argc, char **argv)
{
	const struct bench_case *cases[CASES_MAX];
	struct bench_plan plan;
	unsigned int n;

	take_options(argc, argv);
	plan.rounds = options.quick ? BENCH_ROUNDS_MIN : 25;
	plan.slices = options.quick ? 30 : 80;
	plan.least = options.quick ? 1 : 3;
	plan.slice_ns = 1e6;
	if (options.rounds)
		plan.rounds = options.rounds;
	n = select_cases(cases);
	if (!n) {
		fprintf(stderr, "ipcbook-bench: no such case; see --list\n");
		return 2;
	}
	if (options.list)
		return list(cases, n);
	if (enter_cgroup())
		return 2;
	bench_cpus();
	bench_raise_limits();
	if (options.check_engine)
		return bench_check_engine(&plan) ? 1 : 0;
	return measure(cases, n, &plan);
}
