/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ipcbook top: what its files share.
 *
 *	top.c		the command; the plain tables of --batch
 *	top_sample.c	samples of the objects, rates, order, the texts of cells
 *	top_screen.c	the screen and its keys
 *	top_who.c	which processes have an object open, and who of them waits
 */
#ifndef IPCBOOK_TOOL_TOP_H
#define IPCBOOK_TOOL_TOP_H

#include "tool.h"

/* What objects can be sorted by: all but the first are columns, in this order. */
enum top_key {
	TOP_TRAFFIC,
	TOP_CHAPTER,
	TOP_NAME,
	TOP_OWNER,
	TOP_DEPTH,
	TOP_MEMORY,
	TOP_SENT,
	TOP_RECEIVED,
	TOP_BYTES,
	TOP_WAITERS,
	TOP_TOTAL,
	TOP_KEYS,
};

/**
 * struct top_column - a column, and what it is sorted by
 * @heading: over the column; and as --sort names it, in lower case
 * @width: of the column, 0 of what takes the room that is left
 * @right: its text stands at the right
 * @descends: sorts from the most to the least
 * @importance: columns of the least importance go first where there is no room
 * @about: what it is
 */
struct top_column {
	const char *heading;
	int width;
	bool right;
	bool descends;
	int importance;
	const char *about;
};

extern const struct top_column top_columns[TOP_KEYS];

/**
 * struct top_object - an object, and what it did since the sample before
 * @stat: what there is to tell about it
 * @hidden: the filter keeps it off the list
 * @rated: whether the rates are known: it was in the sample before
 * @sent: messages sent in a second
 * @received: messages received
 * @bytes: bytes of both
 * @sent_bytes: of those sent
 * @refused: sends refused
 * @lost: messages lost
 */
struct top_object {
	struct ipcbook_stat stat;
	bool hidden;
	bool rated;
	double sent;
	double received;
	double bytes;
	double sent_bytes;
	double refused;
	double lost;
};

/**
 * struct top_sample - all objects at one time
 * @objects: in order, those that are hidden last
 * @count: how many
 * @shown: how many of them are not hidden
 * @room: for how many there is memory
 * @at: CLOCK_MONOTONIC, nanoseconds
 * @time: the time of day, seconds since 1970
 */
struct top_sample {
	struct top_object *objects;
	size_t count;
	size_t shown;
	size_t room;
	__u64 at;
	__s64 time;
};

/**
 * struct top_view - which objects, and in which order
 * @chapter: only this one, 0 for all
 * @filter: only those with this in chapter, name or owner
 * @key: what they are sorted by
 * @inverted: the other way round
 */
struct top_view {
	enum ipcbook_chapter chapter;
	char filter[64];
	enum top_key key;
	bool inverted;
};

/* top_sample.c */
int top_take(struct top_sample *sample, struct top_sample *before,
	     const struct top_view *view);
void top_sort(struct top_sample *sample, const struct top_view *view);
bool top_matches(const struct ipcbook_stat *stat, const char *text);
int top_find_key(const char *name);
double top_load(const struct ipcbook_stat *stat);
void top_number(char *text, size_t size, double number);
void top_rate(char *text, size_t size, const struct top_object *object,
	      double rate);
char *top_cell(const struct top_object *object, enum top_key column);
void top_summary(const struct top_sample *sample, char lines[3][128]);

/* top_screen.c */
int top_screen(const struct options *options, struct top_view *view);

/**
 * struct top_process - a process that has an object open
 * @pid: it
 * @uid: whose it is
 * @fd: the descriptor
 * @waits: the system call in which it waits there; empty if it does not
 * @comm: its name
 */
struct top_process {
	pid_t pid;
	uid_t uid;
	int fd;
	char waits[16];
	char comm[32];
};

/* top_who.c */
size_t top_who(const struct ipcbook_stat *stat, struct top_process *processes,
	       size_t room);

#endif /* IPCBOOK_TOOL_TOP_H */
