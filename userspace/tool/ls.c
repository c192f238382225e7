// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook ls: the objects that the caller may read.
 *
 * All are collected first, then sorted by chapter, name and age, then printed:
 * as a table whose columns are as wide as what is in them, or as JSON.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define COLUMNS 9

/* What was collected. */
struct objects {
	struct ipcbook_stat *stats;
	size_t count;
	size_t room;
};

static const struct column {
	const char *heading;
	const char *field;
	const char *second;
	bool right;
} columns[COLUMNS] = {
	{ "CHAPTER", "chapter", NULL, false },
	{ "NAME", "name", NULL, false },
	{ "MODE", "mode", NULL, false },
	{ "OWNER", "owner", NULL, false },
	{ "GROUP", "group", NULL, false },
	{ "DEPTH", "depth", NULL, true },
	{ "BYTES", "bytes", NULL, true },
	{ "WAITERS", "senders_waiting", "receivers_waiting", true },
	{ "TRAFFIC", "sent", "received", true },
};

static int collect(const struct ipcbook_stat *stat, void *arg)
{
	struct objects *objects = arg;
	struct ipcbook_stat *more;
	size_t room;

	if (objects->count == objects->room) {
		room = objects->room ? 2 * objects->room : 64;
		more = reallocarray(objects->stats, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		objects->stats = more;
		objects->room = room;
	}
	objects->stats[objects->count++] = *stat;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct ipcbook_stat *one = a, *other = b;
	int order;

	if (one->chapter != other->chapter)
		return one->chapter < other->chapter ? -1 : 1;
	order = strncmp(one->name, other->name, IPCBOOK_NAME_LEN);
	if (order)
		return order;
	return one->id < other->id ? -1 : one->id > other->id;
}

/* A cell's text, to be freed; of the headings where there is no object. */
static char *cell(const struct ipcbook_stat *stat, const struct column *column)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out;

	if (!stat)
		return strdup(column->heading);
	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	print_cell(out, stat, column->field);
	if (column->second) {
		putc('/', out);
		print_cell(out, stat, column->second);
	}
	fclose(out);
	return text;
}

/* How many columns of a terminal a text takes: one for each character. */
static int width_of(const char *text)
{
	int width = 0;

	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

static void print_row(char *cells[COLUMNS], const int *widths)
{
	int space;

	for (int i = 0; i < COLUMNS; i++) {
		space = widths[i] - width_of(cells[i]);
		if (i)
			putchar(' ');
		if (columns[i].right)
			printf("%*s", space, "");
		fputs(cells[i], stdout);
		if (!columns[i].right)
			printf("%*s", space, "");
	}
	putchar('\n');
}

/* The cells of all rows, the headings first; false without memory. */
static bool fill(char *(*rows)[COLUMNS], const struct objects *objects,
		 int *widths)
{
	const struct ipcbook_stat *stat;
	int width;

	for (size_t i = 0; i <= objects->count; i++) {
		stat = i ? &objects->stats[i - 1] : NULL;
		for (int j = 0; j < COLUMNS; j++) {
			rows[i][j] = cell(stat, &columns[j]);
			if (!rows[i][j])
				return false;
			width = width_of(rows[i][j]);
			if (width > widths[j])
				widths[j] = width;
		}
	}
	return true;
}

static int print_table(const struct objects *objects, bool header)
{
	char *(*rows)[COLUMNS] = calloc(objects->count + 1, sizeof(*rows));
	int widths[COLUMNS] = { 0 };
	int status = STATUS_FAILED;

	if (rows && fill(rows, objects, widths)) {
		for (size_t i = !header; i <= objects->count; i++)
			print_row(rows[i], widths);
		status = STATUS_DONE;
	} else {
		complain("not enough memory");
	}
	for (size_t i = 0; rows && i <= objects->count; i++)
		for (int j = 0; j < COLUMNS; j++)
			free(rows[i][j]);
	free(rows);
	return status;
}

static int print_objects(const struct options *options,
			 struct objects *objects)
{
	if (objects->count)
		qsort(objects->stats, objects->count, sizeof(*objects->stats),
		      compare);
	if (!options->given[OPTION_JSON])
		return print_table(objects, !options->given[OPTION_NO_HEADER]);
	for (size_t i = 0; i < objects->count; i++)
		print_stat_json(stdout, &objects->stats[i]);
	return STATUS_DONE;
}

int list_objects(const struct options *options)
{
	enum ipcbook_chapter chapter = 0;
	struct objects objects = { 0 };
	int error, status;

	if (options->operand_count &&
	    !parse_chapter(options->operands[0], &chapter))
		return wrong_call(options->command, "there is no chapter '%s'",
				  options->operands[0]);
	error = ipcbook_list(chapter, NULL, collect, &objects);
	if (error)
		status = failed_listing(error);
	else
		status = print_objects(options, &objects);
	free(objects.stats);
	return status;
}
