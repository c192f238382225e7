/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The benchmark's engine: what a case is, and what runs it.
 *
 * A case compares two sides, ours and a peer. Everything that is timed happens
 * in a side's run(); opening, filling, checking and closing are not timed.
 *
 * Both sides are open at the same time, in this process and on the same CPUs,
 * and take turns in slices of a millisecond (longer, and fewer, where a second
 * process must be told to begin): A B B A A B B A and so on is a round, the next
 * one starts with B. The lower quartile of a side's slices is its time in this round:
 * slices from which somebody else took the CPU fall out, which a mean would
 * carry along. The quotient of both is the round's ratio. What slows the
 * machine down for longer than a few slices slows both sides down alike.
 *
 * Where things happen to lie in memory makes the same code up to a tenth faster
 * or slower for as long as they lie there (an emulator's TLB is direct-mapped).
 * So both sides are closed and opened anew for each round, in turns first the
 * one and then the other, with another number of pages and pipes lying about;
 * sides that take longer to open than BENCH_CHEAP_NS are opened BENCH_LAYOUTS
 * times in all. For each round everything of theirs in this process moves to
 * other pages. Both use the same buffers for their messages. The median is over
 * as many places as rounds.
 *
 * A canary (a loop of getppid) runs before and after each round. Where the
 * two differ by more than BENCH_DRIFT, or either is slower by as much than
 * the canary's median in this case, the round is thrown away, counted and
 * measured again, at most half as often as there are rounds, and for
 * BENCH_REPEAT_NS; later ones are kept.
 *
 * A side may tell the engine when each operation ends, by bench_tick(); round
 * trips do. Then each round is followed by some slices of either side in which
 * every single one is timed, for the percentiles.
 */
#ifndef BENCH_ENGINE_H
#define BENCH_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BENCH_DRIFT		0.10
#define BENCH_CHEAP_NS		100e6
#define BENCH_LAYOUTS		3
#define BENCH_ROUNDS_MIN	9
#define BENCH_ROUNDS_MAX	400
/* Rounds of all runs together; see rounds.c. */
#define BENCH_KEPT_MAX		2000
#define BENCH_REPEAT_NS		5e9
/* Of a slice this long, somebody else takes no great part. */
#define BENCH_LONG_NS		100e6
#define BENCH_SLICES_MAX	500
/* Slices of a side after each round in which single operations are timed. */
#define BENCH_LATENCY_SLICES	6
#define BENCH_BUCKETS		1920
/* A slice that takes longer than this, in seconds, is a failure. */
#define BENCH_WATCHDOG		60

/* The type of the messages that are timed, and in the other direction. */
#define BENCH_TYPE		7

struct bench_case;
struct bench_side;

/**
 * struct bench_ops - one way to pass messages.
 *
 * All return 0 or a negative errno, and leave a text by bench_fail().
 *
 * @open: make the objects, fill them, start a partner
 * @run: do it n times; n is a multiple of the case's unit
 * @check: after each slice, untimed: did the right things arrive, is the rest
 *	still in place; may be NULL
 * @close: undo what open did, also after it failed half-way
 */
struct bench_ops {
	int (*open)(struct bench_side *side);
	int (*run)(struct bench_side *side, unsigned long n);
	int (*check)(struct bench_side *side);
	void (*close)(struct bench_side *side);
};

/**
 * struct bench_case - one row of the table.
 *
 * @chapter: which chapter of the handbook
 * @name: what is done
 * @peer: whom it is compared with
 * @size: the row's size column: bytes of a message, or how many are ahead
 * @bytes: bytes of a message, 8 or at least 16
 * @ahead: what our side finds there already (messages, waiters)
 * @peer_ahead: and the peer's side
 * @capacity: bytes that either side can hold
 * @unit: operations of one turn of run()'s loop, 0 means 1
 * @stretch: slices are longer by this factor, and as much fewer; 0 means 1
 * @cpus: CPUs it needs, 0 means 1
 * @goal: ratio to be reached, 0 for none
 * @place: where, "vm" or "native"; NULL for both
 * @ours: our side
 * @theirs: the other
 */
struct bench_case {
	const char *chapter;
	const char *name;
	const char *peer;
	long size;
	size_t bytes;
	long ahead;
	long peer_ahead;
	size_t capacity;
	unsigned int unit;
	unsigned int stretch;
	unsigned int cpus;
	double goal;
	const char *place;
	const struct bench_ops *ours;
	const struct bench_ops *theirs;
};

/* A payload with what msgsnd() wants before it; data starts a cache line. */
struct bench_message {
	char pad[64 - sizeof(long)];
	long type;
	unsigned char data[];
} __attribute__((aligned(64)));

/* Most processes that a side has besides the first. */
#define BENCH_PARTNERS	3

/**
 * struct bench_partner - another process of a side; see partner.c.
 *
 * @pid: its id, 0 if there is none
 * @command: where it is told how often
 * @answer: where it tells the result
 */
struct bench_partner {
	pid_t pid;
	int command;
	int answer;
};

/**
 * struct bench_latency - times of single operations; see latency.c.
 *
 * @last: when the last one ended, 0 before the first
 * @samples: how many were timed
 * @count: how many of them lie in each bucket
 */
struct bench_latency {
	uint64_t last;
	unsigned int samples;
	unsigned int count[BENCH_BUCKETS];
};

/**
 * struct bench_side - one side of a case that runs.
 *
 * @test: the case
 * @ops: what it does
 * @ahead: what it shall find there already
 * @bytes: bytes of a message
 * @out: message to send, the same for both sides
 * @in: message received, likewise
 * @sequence: number of the last message
 * @fd: for the ops; -1 at first
 * @data: for the ops
 * @partner: the other processes
 * @partners: how many
 * @index: which of them this process is, beginning with 0
 * @count: operations of a slice
 * @latency: where bench_tick() counts, NULL while it does not
 * @error: what went wrong
 */
struct bench_side {
	const struct bench_case *test;
	const struct bench_ops *ops;
	long ahead;
	size_t bytes;
	struct bench_message *out;
	struct bench_message *in;
	uint64_t sequence;
	int fd[4];
	void *data;
	struct bench_partner partner[BENCH_PARTNERS];
	unsigned int partners;
	unsigned int index;
	unsigned long count;
	struct bench_latency *latency;
	char error[200];
};

/**
 * struct bench_plan - how long to measure.
 *
 * @rounds: paired rounds of a case
 * @slices: slices of each side in a round, before they are stretched
 * @least: at least so many, when they are
 * @slice_ns: how long a slice should take, likewise
 */
struct bench_plan {
	unsigned int rounds;
	unsigned int slices;
	unsigned int least;
	double slice_ns;
};

/**
 * struct bench_counts - how a case went.
 *
 * @rounds: how many were measured
 * @repeated: how many were thrown away because the canary drifted
 * @noisy: how many were kept although it did
 */
struct bench_counts {
	unsigned int rounds;
	unsigned int repeated;
	unsigned int noisy;
};

/**
 * struct bench_row - what came out.
 *
 * @test: the case
 * @ns: of each round, our side's and the peer's time for one operation
 * @ours_ns: median over the rounds
 * @peer_ns: the same of the peer
 * @ratio: median of the rounds' ratios
 * @p25: their lower quartile
 * @p75: their upper quartile
 * @all: rounds of all runs, those in @ns
 * @now: of this run, the last ones
 * @runs: how many
 * @latency: of this run, times of our side's and the peer's operations
 * @before: the same of earlier runs
 * @error: why this run has no result; empty if it has
 */
struct bench_row {
	const struct bench_case *test;
	double ns[2][BENCH_KEPT_MAX];
	double ours_ns;
	double peer_ns;
	double ratio;
	double p25;
	double p75;
	struct bench_counts all;
	struct bench_counts now;
	unsigned int runs;
	struct bench_latency latency[2];
	struct bench_latency before[2];
	char error[220];
};

/* engine.c */
double bench_percentile(const double *values, unsigned int n, double p);
int bench_measure(const struct bench_plan *plan, struct bench_row *row);
void bench_add_round(struct bench_row *row, double ours_ns, double peer_ns);
int bench_fail(struct bench_side *side, const char *what, int error);
int bench_check_contents(struct bench_side *side);
int bench_check_between(struct bench_side *side);
uint64_t bench_now(void);

/* latency.c */
void bench_latency_tick(struct bench_latency *latency);
double bench_latency_percentile(const struct bench_latency *a,
				const struct bench_latency *b, double percent);

/* partner.c */
int bench_partner_start(struct bench_side *side,
			int (*run)(struct bench_side *, unsigned long));
int bench_partner_go(struct bench_side *side, unsigned long n);
int bench_partner_wait(struct bench_side *side);
void bench_partner_stop(struct bench_side *side);

/* machine.c */
struct bench_machine {
	const char *where;
	char kernel[80];
	char cpu[100];
	char clocksource[40];
	const char *host;
	const char *command;
};

void bench_machine_describe(struct bench_machine *machine, const char *where);
unsigned int bench_cpus(void);
int bench_pin(unsigned int which);
int bench_enter_cgroup(void);
void bench_raise_limits(void);

/* rounds.c */
int bench_join(const char *path, struct bench_row *row);
int bench_keep(const char *path, const struct bench_row *row);

/* report.c */
struct bench_report {
	struct bench_machine machine;
	struct bench_row *rows;
	unsigned int count;
	unsigned int total;
	bool live;
};

void bench_report_round(const struct bench_case *test, unsigned int round,
			unsigned int rounds);
void bench_report_begin(struct bench_report *report);
void bench_report_case(const struct bench_case *test);
void bench_report_row(const struct bench_row *row);
void bench_report_table(void);
int bench_report_json(const char *path);

/* The rows: a list a chapter, ended by an entry without a name. */
extern const struct bench_case bench_queue_cases[];
extern const struct bench_case bench_shm_cases[];
extern const struct bench_case bench_ring_cases[];
extern const struct bench_case bench_sem_cases[];
extern const struct bench_case bench_pipe_cases[];
extern const struct bench_case bench_socket_cases[];
extern const struct bench_case bench_signal_cases[];

/* pipe.c: a pipe of the kernel's, whose reads may be partial */
extern const struct bench_ops bench_theirs_stream;

/* socket.c */
extern const struct bench_ops bench_unix_records_stream;

/* queue.c */
extern const struct bench_ops bench_queue_pair;
extern const struct bench_ops bench_queue_pingpong;
extern const struct bench_ops bench_queue_stream;
extern const struct bench_ops bench_ioctl_pair;

/* check.c: the engine measured against itself. */
int bench_check_engine(const struct bench_plan *plan);

/* peers.c: the kernel's own, a set of ops for each pattern of patterns.h. */
extern const struct bench_ops bench_pipe_pair;
extern const struct bench_ops bench_pipe_pingpong;
extern const struct bench_ops bench_pipe_stream;
extern const struct bench_ops bench_sysv_pair;
extern const struct bench_ops bench_sysv_pingpong;
extern const struct bench_ops bench_sysv_stream;
extern const struct bench_ops bench_sysv_batch;
extern const struct bench_ops bench_mq_pair;
extern const struct bench_ops bench_mq_many;

#endif /* BENCH_ENGINE_H */
