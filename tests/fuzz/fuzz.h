/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ipcbook-fuzz: programs of calls at every chapter, made at random, run by
 * several threads and processes, and kept where they reached code that none had
 * reached.
 *
 *	program.c	programs as text, made and changed at random
 *	calls.c		the calls: their arguments, and how each is made
 *	execute.c	runs a program, and tells where in the module it has been
 *	main.c		the commands: fuzz, run, minimise
 *
 * A program is a list of lines, one call each:
 *
 *	A r0 = open(chapter=4, flags=3, name=1)
 *	B& r1 = queue_recv(fd=r0, len=64)
 *	A r2 = write(fd=r0, buf=0, len=5) !2
 *
 * The letter is who makes the call: A and B are threads of one process, C and D
 * of another, which A forks when first needed and which dies by SIGKILL with
 * the program. With "&" the next line does not wait for this one; without it
 * waits for a moment, since a call may block. "!2" makes the second thing in
 * the call fail that can fail (allocations, user copies), where the kernel
 * injects faults. What a line returned is its result (a descriptor, an
 * address), by which later ones name it; an argument that is left out is 0.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

enum {
	ARGS	= 14,		/* of a call */
	LINES	= 32,		/* of a program */
	STRANDS	= 4,		/* who make the calls */
	TEXT_MAX = LINES * 512,	/* bytes of a program as text */
};

/**
 * struct line - one call of a program
 * @call: which, an index of calls[]
 * @strand: who makes it, 0 to STRANDS - 1
 * @ahead: the next line does not wait for it
 * @fault: which of what can fail does; 0 for none
 * @refers: a bit for each argument that is the result of an earlier line
 * @args: numbers, or indices of lines
 */
struct line {
	uint8_t call;
	uint8_t strand;
	bool ahead;
	uint8_t fault;
	uint16_t refers;
	uint64_t args[ARGS];
};

struct program {
	unsigned int count;
	struct line lines[LINES];
};

/* What an argument is, so that a sensible one can be made. */
enum kind {
	NONE,
	/* results of earlier lines */
	ANY_FD, DEVICE, QUEUE, PIPE, SHM, RING, SEM, SOCKET, NETLINK, EPOLL,
	PACKET, UNIX, MAP,
	/* numbers */
	NUMBER, SMALL, CHAPTER, OPEN_FLAGS, NAME, MODE, LIMIT, CREATE_FLAGS,
	TYPE, SELECT, WAIT_FLAGS, MS, LENGTH, BUFFER, OFFSET, TWIST, PROT,
	SOCK_TYPE, MSG_FLAGS, COMMAND, ATTRIBUTE, ATTRIBUTE_VALUE, SIGNO,
	UNITS, ROLE, PLACE, EVENTS, WHICH,
};

#define RESULTS	MAP	/* the last kind that is a result */

struct argument {
	const char *name;
	enum kind kind;
};

struct strand;

/**
 * struct call - one kind of line
 * @name: in the text
 * @makes: what its result is; of open() it depends on the chapter
 * @weight: how often it is chosen
 * @arguments: up to the first without a name
 * @run: makes it; @a are its arguments, resolved. Returns a result or -errno
 */
struct call {
	const char *name;
	enum kind makes;
	unsigned int weight;
	struct argument arguments[ARGS];
	long (*run)(struct strand *strand, const uint64_t *a);
};

extern const struct call calls[];
extern const unsigned int call_count;

/* --- program.c ------------------------------------------------------------- */

uint64_t chance(uint64_t below);
void chance_seed(uint64_t seed);
void program_print(const struct program *program, char *text);
bool program_parse(struct program *program, const char *text,
		   char *why, size_t size);
bool program_load(struct program *program, const char *path);
void program_random(struct program *program);
void program_change(struct program *program, const struct program *other);
void program_remove(struct program *program, unsigned int line);

/* --- calls.c ---------------------------------------------------------------- */

/* Names of objects: an index is an argument of the kind NAME. */
extern const char *const names[];
enum { NAMES = 6 };

/* Looks up what cannot be looked up later; false without the module. */
bool calls_prepare(void);
/* What a process that makes calls needs: memory, users. */
void calls_begin(void);
/* Brings the calling process back to where calls_begin() left it. */
void calls_reset(void);
/* Takes away the names that a program may have made. */
void calls_forget(const struct program *program);

/* --- execute.c -------------------------------------------------------------- */

/**
 * struct strand - a thread that makes calls; in memory all processes share
 * @turn: counts the lines given to it; a futex
 * @done: counts those it has done; a futex
 * @line: what it is to do, an index of the program's lines
 * @tid: its thread, 0 if there is none
 * @cover: where KCOV writes, mapped by all; NULL without
 * @marks: lengths of @cover as its lines began
 * @mark_count: how many
 */
struct strand {
	_Atomic uint32_t turn;
	_Atomic uint32_t done;
	uint32_t line;
	_Atomic pid_t tid;
	unsigned long *cover;
	uint32_t marks[LINES + 1];
	uint32_t mark_count;
	int cover_fd;
	int fault_fd;
};

/**
 * struct outcome - what became of a program
 * @results: of each line, -EINPROGRESS of one that has not returned
 * @new_edges: how many transitions nobody had made
 * @blocked: it had to be killed
 * @stuck: it left a process that does not die
 * @times: nanoseconds from the beginning until the first line could be given
 *	out, all had been, they had ended or were to be killed, and all was over
 */
struct outcome {
	long results[LINES];
	unsigned int new_edges;
	bool blocked;
	bool stuck;
	uint64_t times[4];
};

/* In memory that all workers share: where they have been. */
#define EDGES	(1U << 18)
#define PLACES	(1U << 20)
struct coverage {
	uint8_t edges[EDGES];
	uint8_t places[PLACES];
	_Atomic uint64_t edge_count;
	_Atomic uint64_t place_count;
};

extern struct coverage *coverage;

/* Whether this kernel tells where it has been. */
bool execute_prepare(void);
/* In each worker. */
void execute_begin(void);
void execute(const struct program *program, struct outcome *outcome);
void execute_end(void);
/* Sets the map aside, to count anew what programs reach; gives it back. */
bool coverage_write(const char *path);

extern struct strand *strands;
/* The process of C and D, 0 if there is none. */
pid_t other_process(void);
/* A process that may be ended: that of C and D. */
bool disposable(const struct strand *strand);

#endif /* FUZZ_H */
