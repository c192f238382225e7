// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook top: what the objects do, live, sorted by their traffic.
 *
 * On a terminal it fills the screen (top_screen.c). With --batch it prints
 * plain tables, one after each delay, that tell of the time since the one
 * before: for files and pipes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "top.h"

/* How wide a column of a plain table must be for all that is in it. */
static int width_of(char *const *cells, size_t rows, enum top_key column)
{
	int widest = strlen(top_columns[column].heading), width;

	for (size_t i = 0; i < rows; i++) {
		width = 0;
		for (const char *at = cells[i * TOP_KEYS + column]; *at; at++)
			width += (*at & 0xc0) != 0x80;
		if (width > widest)
			widest = width;
	}
	return widest;
}

static void print_padded(const char *text, int width, bool right, bool last)
{
	int space = width;

	for (const char *at = text; *at; at++)
		space -= (*at & 0xc0) != 0x80;
	if (right)
		printf("%*s", space, "");
	fputs(text, stdout);
	if (!right && !last)
		printf("%*s", space, "");
	putchar(last ? '\n' : ' ');
}

static void print_table(char *const *cells, size_t rows, bool header)
{
	int widths[TOP_KEYS];
	const char *text;

	for (int i = TOP_CHAPTER; i < TOP_KEYS; i++)
		widths[i] = width_of(cells, rows, i);
	for (size_t row = !header; row <= rows; row++)
		for (int i = TOP_CHAPTER; i < TOP_KEYS; i++) {
			text = row ? cells[(row - 1) * TOP_KEYS + i] :
				     top_columns[i].heading;
			print_padded(text, widths[i], i >= TOP_DEPTH,
				     i == TOP_KEYS - 1);
		}
}

static int print_sample(const struct top_sample *sample, bool header)
{
	size_t count = sample->shown * TOP_KEYS;
	char **cells = calloc(count + 1, sizeof(*cells));
	int error = cells ? 0 : -ENOMEM;
	char lines[3][128];

	for (size_t i = 0; !error && i < count; i++) {
		if (i % TOP_KEYS == TOP_TRAFFIC)
			continue;
		cells[i] = top_cell(&sample->objects[i / TOP_KEYS],
				    i % TOP_KEYS);
		error = cells[i] ? 0 : -ENOMEM;
	}
	if (!error) {
		top_summary(sample, lines);
		if (header)
			printf("%s\n%s\n%s\n\n", lines[0], lines[1], lines[2]);
		print_table(cells, sample->shown, header);
		fflush(stdout);
	}
	for (size_t i = 0; cells && i < count; i++)
		free(cells[i]);
	free(cells);
	return error;
}

static void wait_until(__u64 at)
{
	struct timespec time = {
		.tv_sec = at / 1000000000,
		.tv_nsec = at % 1000000000,
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) ==
	       EINTR)
		;
}

static int print_samples(const struct options *options,
			 const struct top_view *view)
{
	struct top_sample samples[2] = { 0 };
	struct top_sample *sample, *before = NULL;
	int error = 0;

	for (__u64 i = 0; !error; i++) {
		sample = &samples[i % 2];
		error = top_take(sample, before, view);
		if (!error && i) {
			if (i > 1)
				putchar('\n');
			error = print_sample(sample,
					     !options->given[OPTION_NO_HEADER]);
		}
		if (error || ferror(stdout) ||
		    (i == options->count && options->given[OPTION_COUNT]))
			break;
		wait_until(sample->at + options->delay);
		before = sample;
	}
	free(samples[0].objects);
	free(samples[1].objects);
	return error ? failed_listing(error) : STATUS_DONE;
}

int top_objects(const struct options *options)
{
	struct top_view view = { .key = TOP_TRAFFIC };
	int key;

	if (options->given[OPTION_JSON])
		return wrong_call(options->command,
				  "top has no JSON; ipcbook -j ls has the objects");
	if (options->operand_count &&
	    !parse_chapter(options->operands[0], &view.chapter))
		return wrong_call(options->command, "there is no chapter '%s'",
				  options->operands[0]);
	if (options->sort) {
		key = top_find_key(options->sort);
		if (key < 0)
			return wrong_call(options->command,
					  "--sort takes traffic, chapter, name, owner, depth, memory, sent, received, bytes, waiters or total, not '%s'",
					  options->sort);
		view.key = key;
	}
	if (options->given[OPTION_BATCH])
		return print_samples(options, &view);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return wrong_call(options->command,
				  "this is no terminal; --batch prints plain tables");
	return top_screen(options, &view);
}
