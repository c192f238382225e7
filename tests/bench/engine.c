// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine: slices, rounds, canary, statistics. engine.h says how they hang
 * together.
 *
 * Reading the clock costs most of a microsecond in a virtual machine with an
 * hpet, so that it is read twice a slice and never for a single operation. How
 * many operations make a slice is found once for each side. Each round begins
 * with a slice of either that nobody looks at, the warm-up, unless slices are
 * long.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"

#define CANARY_LOOPS	200
#define CANARY_PARTS	7
#define CALIBRATIONS	7

#define CLUTTER_PIPES	16
#define CLUTTER_BYTES	(64 * 4096)

/* Things that lie about in memory so that others must lie elsewhere. */
struct clutter {
	int pipe[CLUTTER_PIPES][2];
	int pipes;
	void *pages;
};

/* Where the sides and their buffers lie: some of many places, pages apart. */
#define PLACES		64
#define PLACE_PAGES	4

/* State of a case that runs: both sides, and what each round gave. */
struct run {
	const struct bench_plan *plan;
	const struct bench_case *test;
	struct bench_side *side[2];
	char *places;
	size_t place_bytes;
	struct clutter clutter;
	unsigned int slices;
	double slice_ns;
	double slice[2][BENCH_SLICES_MAX];
	unsigned long count[2];
	unsigned int layouts;
	double open_ns;
	double canary[2 * BENCH_ROUNDS_MAX];
	unsigned int canaries;
	bool tickless;
	double repeat_ns;
};

uint64_t bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/**
 * bench_fail() - note what went wrong on a side.
 * @side: the side
 * @what: the call that failed
 * @error: its errno
 *
 * Return: @error, negative. The first note stands.
 */
int bench_fail(struct bench_side *side, const char *what, int error)
{
	if (!error)
		error = EIO;
	if (!side->error[0])
		snprintf(side->error, sizeof(side->error), "%s: %s", what,
			 error == EINTR ? "took too long" : strerror(error));
	return -error;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/**
 * bench_percentile() - the value below which a share of the values lies.
 * @values: the values, in any order
 * @n: how many, at least 1 and at most BENCH_KEPT_MAX
 * @p: the share, 0 to 1
 *
 * Return: interpolated between the two nearest values.
 */
double bench_percentile(const double *values, unsigned int n, double p)
{
	static double sorted[BENCH_KEPT_MAX];
	double at = p * (n - 1);
	unsigned int low = at;

	memcpy(sorted, values, n * sizeof(*values));
	qsort(sorted, n, sizeof(*sorted), compare);
	if (low + 1 >= n)
		return sorted[n - 1];
	return sorted[low] + (at - low) * (sorted[low + 1] - sorted[low]);
}

/* Nanoseconds of a null system call: the median of some short loops. */
static double canary(void)
{
	double part[CANARY_PARTS];
	uint64_t start;
	int i, k;

	for (i = 0; i < CANARY_PARTS; i++) {
		start = bench_now();
		for (k = 0; k < CANARY_LOOPS; k++)
			syscall(SYS_getppid);
		part[i] = (double)(bench_now() - start) / CANARY_LOOPS;
	}
	return bench_percentile(part, CANARY_PARTS, 0.5);
}

static void watchdog(int signal)
{
	(void)signal;
}

/* Not restarting: a side that hangs gets EINTR and says so. */
static void set_watchdog(void)
{
	struct sigaction action = { .sa_handler = watchdog };

	sigaction(SIGALRM, &action, NULL);
}

static int slice(struct bench_side *side, unsigned long n, double *ns)
{
	uint64_t start;
	int ret;

	alarm(BENCH_WATCHDOG);
	start = bench_now();
	ret = side->ops->run(side, n);
	*ns = bench_now() - start;
	alarm(0);
	if (!ret && side->ops->check)
		ret = side->ops->check(side);
	return ret;
}

/* The shortest of some slices of n operations: nobody else took the CPU. */
static int shortest(struct bench_side *side, unsigned long n, double *ns)
{
	double part;
	int ret, i;

	ret = slice(side, n, ns);
	for (i = 1; !ret && i < CALIBRATIONS && *ns < BENCH_LONG_NS; i++) {
		ret = slice(side, n, &part);
		if (part < *ns)
			*ns = part;
	}
	return ret;
}

/* Finds the number of operations that fills a slice. */
static int calibrate(struct bench_side *side, double slice_ns)
{
	unsigned long unit = side->test->unit ? side->test->unit : 1;
	unsigned long n = unit;
	double ns;
	int ret;

	for (;;) {
		ret = shortest(side, n, &ns);
		if (ret)
			return ret;
		if (ns > slice_ns / 2)
			break;
		n *= 2;
	}
	side->count = n * (slice_ns / ns) / unit;
	if (!side->count)
		side->count = 1;
	side->count *= unit;
	return 0;
}

/* One round; first is the side that begins. */
static int run_round(struct run *run, unsigned int first, double ns[2])
{
	unsigned int i, which;
	int ret;

	for (i = 0; i < 2 * run->slices; i++) {
		which = (i + (i >> 1) + first) & 1;
		ret = slice(run->side[which], run->side[which]->count,
			    &run->slice[which][i / 2]);
		if (ret)
			return ret;
	}
	for (i = 0; i < 2; i++)
		ns[i] = bench_percentile(run->slice[i], run->slices, 0.25) /
			run->side[i]->count;
	return 0;
}

/* After a round, the times of single operations; first begins. */
static int time_each(struct run *run, unsigned int first, struct bench_row *row)
{
	unsigned int i, which;
	struct bench_side *side;
	double ns;
	int ret = 0;

	for (i = 0; !ret && !run->tickless && i < 2 * BENCH_LATENCY_SLICES;
	     i++) {
		which = (i + (i >> 1) + first) & 1;
		side = run->side[which];
		side->latency = &row->latency[which];
		side->latency->last = 0;
		ret = slice(side, side->count, &ns);
		run->tickless = !side->latency->last;
		side->latency = NULL;
	}
	return ret;
}

static bool drifted(struct run *run, double before, double after)
{
	double usual;

	run->canary[run->canaries++ % (2 * BENCH_ROUNDS_MAX)] = after;
	usual = bench_percentile(run->canary,
				 run->canaries < 2 * BENCH_ROUNDS_MAX ?
				 run->canaries : 2 * BENCH_ROUNDS_MAX, 0.5);
	return after > before * (1 + BENCH_DRIFT) ||
	       before > after * (1 + BENCH_DRIFT) ||
	       before > usual * (1 + BENCH_DRIFT) ||
	       after > usual * (1 + BENCH_DRIFT);
}

/**
 * bench_add_round() - a round has been measured.
 * @row: its row
 * @ours_ns: our side's time for one operation
 * @peer_ns: the peer's
 */
void bench_add_round(struct bench_row *row, double ours_ns, double peer_ns)
{
	if (row->all.rounds == BENCH_KEPT_MAX)
		return;
	row->ns[0][row->all.rounds] = ours_ns;
	row->ns[1][row->all.rounds] = peer_ns;
	row->all.rounds++;
}

static void evaluate(struct bench_row *row)
{
	static double ratio[BENCH_KEPT_MAX];
	unsigned int n = row->all.rounds, i;

	for (i = 0; i < n; i++)
		ratio[i] = row->ns[0][i] / row->ns[1][i];
	row->ours_ns = bench_percentile(row->ns[0], n, 0.5);
	row->peer_ns = bench_percentile(row->ns[1], n, 0.5);
	row->ratio = bench_percentile(ratio, n, 0.5);
	row->p25 = bench_percentile(ratio, n, 0.25);
	row->p75 = bench_percentile(ratio, n, 0.75);
}

/* Leaves a number of pages and pipes lying about, another one each time. */
static void litter(struct clutter *clutter)
{
	int pipes = rand() % CLUTTER_PIPES, i;

	clutter->pages = mmap(NULL, CLUTTER_BYTES, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (clutter->pages != MAP_FAILED)
		memset(clutter->pages, 1, rand() % CLUTTER_BYTES);
	for (i = 0; i < pipes; i++) {
		if (pipe(clutter->pipe[i]))
			break;
		if (write(clutter->pipe[i][1], "", 1) != 1)
			break;
	}
	clutter->pipes = i;
}

static void tidy(struct clutter *clutter)
{
	if (clutter->pages && clutter->pages != MAP_FAILED)
		munmap(clutter->pages, CLUTTER_BYTES);
	clutter->pages = NULL;
	while (clutter->pipes) {
		clutter->pipes--;
		close(clutter->pipe[clutter->pipes][0]);
		close(clutter->pipe[clutter->pipes][1]);
	}
}

static void fill_message(struct bench_message *message, size_t bytes)
{
	size_t i;

	message->type = BENCH_TYPE;
	for (i = 0; i < bytes; i++)
		message->data[i] = 1 + i * 7;
}

/* Moves both sides and the buffers to places that are drawn by lot. */
static void move(struct run *run)
{
	struct bench_side side[2] = { *run->side[0], *run->side[1] };
	char *place[4];
	int i, k;

	for (i = 0; i < 4; i++) {
		place[i] = run->places + rand() % PLACES * run->place_bytes;
		for (k = 0; k < i && place[k] != place[i]; k++)
			;
		i -= k < i;
	}
	fill_message((void *)place[2], run->test->bytes);
	for (i = 0; i < 2; i++) {
		side[i].out = (void *)place[2];
		side[i].in = (void *)place[3];
		run->side[i] = memcpy(place[i], &side[i], sizeof(side[i]));
	}
}

static int open_side(struct run *run, unsigned int which)
{
	const struct bench_case *test = run->test;
	struct bench_side *side = run->side[which];

	side->test = test;
	side->ops = which ? test->theirs : test->ours;
	side->ahead = which ? test->peer_ahead : test->ahead;
	side->bytes = test->bytes;
	side->count = run->count[which];
	memset(side->fd, -1, sizeof(side->fd));
	return side->ops->open(side);
}

/* Opens both sides, in turns the one and the other first. */
static int open_sides(struct run *run)
{
	unsigned int first = run->layouts++ & 1;
	uint64_t start = bench_now();
	int ret;

	memset(run->side[0], 0, sizeof(*run->side[0]));
	memset(run->side[1], 0, sizeof(*run->side[1]));
	move(run);
	litter(&run->clutter);
	ret = open_side(run, first);
	if (!ret)
		ret = open_side(run, !first);
	run->open_ns = bench_now() - start;
	return ret;
}

static void close_sides(struct run *run)
{
	int i;

	for (i = 0; i < 2; i++)
		if (run->side[i]->test)
			run->side[i]->ops->close(run->side[i]);
	tidy(&run->clutter);
}

/**
 * bench_check_between() - compare all but the first and last eight bytes.
 * @side: the side
 *
 * Return: 0 if what was received last is what all messages hold there.
 */
int bench_check_between(struct bench_side *side)
{
	if (side->bytes > 16 && memcmp(side->in->data + 8, side->out->data + 8,
				       side->bytes - 16))
		return bench_fail(side, "contents", EBADMSG);
	return 0;
}

/**
 * bench_check_contents() - compare what was received last with what was sent.
 * @side: the side
 *
 * Return: 0 if they are equal in every byte.
 */
int bench_check_contents(struct bench_side *side)
{
	if (memcmp(side->in->data, side->out->data, side->bytes))
		return bench_fail(side, "contents", EBADMSG);
	return 0;
}

static int warm_up(struct run *run)
{
	struct bench_side *side;
	double ns;
	int ret = 0, i;

	/* a long slice warms up by itself, in no great part of it */
	for (i = 0; !ret && i < 2; i++) {
		side = run->side[i];
		if (side->count && run->slice_ns > BENCH_LONG_NS)
			continue;
		if (side->count)
			ret = slice(side, side->count, &ns);
		else
			ret = calibrate(side, run->slice_ns);
		run->count[i] = side->count;
	}
	return ret;
}

/* One round, and again if the machine drifted; first begins. */
static int keep_round(struct run *run, unsigned int first,
		      struct bench_row *row)
{
	double before, after, ns[2];
	uint64_t begin;
	int ret;

	for (before = canary();; before = after) {
		bench_report_round(row->test, row->now.rounds,
				   run->plan->rounds);
		begin = bench_now();
		move(run);
		ret = warm_up(run);
		if (!ret)
			ret = run_round(run, first, ns);
		if (ret)
			return ret;
		after = canary();
		if (!drifted(run, before, after))
			break;
		if (row->now.repeated >= run->plan->rounds / 2 ||
		    run->repeat_ns > BENCH_REPEAT_NS) {
			row->now.noisy++;
			break;
		}
		row->now.repeated++;
		run->repeat_ns += bench_now() - begin;
	}
	bench_add_round(row, ns[0], ns[1]);
	row->now.rounds++;
	return time_each(run, first, row);
}

static void note_error(struct run *run, struct bench_row *row)
{
	int i;

	for (i = 0; i < 2 && !row->error[0]; i++)
		if (run->side[i]->error[0])
			snprintf(row->error, sizeof(row->error), "%s: %s",
				 i ? row->test->peer : "ipcbook",
				 run->side[i]->error);
}

/* Some rounds with the sides opened anew; all of them must succeed. */
static int run_layout(struct run *run, struct bench_row *row)
{
	unsigned int rounds = 1;
	int ret = open_sides(run);

	if (run->open_ns > BENCH_CHEAP_NS)
		rounds = (run->plan->rounds + BENCH_LAYOUTS - 1) /
			 BENCH_LAYOUTS;
	while (!ret && rounds-- && row->now.rounds < run->plan->rounds)
		ret = keep_round(run, row->now.rounds & 1, row);
	if (ret)
		note_error(run, row);
	close_sides(run);
	return ret;
}

static struct run *make_run(const struct bench_case *test,
			    const struct bench_plan *plan)
{
	unsigned int stretch = test->stretch ? test->stretch : 1;
	struct run *run = calloc(1, sizeof(*run));

	if (!run)
		return NULL;
	run->plan = plan;
	run->test = test;
	run->slice_ns = plan->slice_ns * stretch;
	run->slices = plan->slices / stretch;
	if (run->slices < plan->least)
		run->slices = plan->least;
	run->place_bytes = (test->bytes / 4096 + PLACE_PAGES) * 4096;
	run->places = mmap(NULL, PLACES * run->place_bytes,
			   PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (run->places == MAP_FAILED) {
		free(run);
		return NULL;
	}
	run->side[0] = (void *)run->places;
	run->side[1] = (void *)(run->places + run->place_bytes);
	return run;
}

/**
 * bench_measure() - run one case.
 * @plan: how long
 * @row: its case is measured, and the rounds added to those that are there
 *
 * Return: 0, or a negative errno with the reason in @row.
 */
int bench_measure(const struct bench_plan *plan, struct bench_row *row)
{
	struct run *run = make_run(row->test, plan);
	int ret;

	if (!run) {
		snprintf(row->error, sizeof(row->error), "out of memory");
		return -ENOMEM;
	}
	srand(bench_now());
	set_watchdog();
	ret = bench_pin(0);
	while (!ret && row->now.rounds < plan->rounds)
		ret = run_layout(run, row);
	if (!ret) {
		row->all.repeated += row->now.repeated;
		row->all.noisy += row->now.noisy;
		row->runs++;
		evaluate(row);
	}
	munmap(run->places, PLACES * run->place_bytes);
	free(run);
	return ret;
}
