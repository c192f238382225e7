// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the commands of every chapter do alike: stat and rm.
 */
#include <string.h>
#include <unistd.h>

#include "tool.h"

/* Ask what there is to tell about an object. */
int read_stat(const struct options *options, enum ipcbook_chapter chapter,
	      int fd, struct ipcbook_stat *stat)
{
	int error = ipcbook_stat(fd, stat);

	if (!error)
		return STATUS_DONE;
	return failed(error, "look at", chapter, options->operands[0], NULL);
}

/* Tell it; the descriptor is closed. */
int tell_stat(const struct options *options, enum ipcbook_chapter chapter,
	      int fd)
{
	struct ipcbook_stat stat;
	int status;

	status = read_stat(options, chapter, fd, &stat);
	close(fd);
	if (status)
		return status;
	if (options->given[OPTION_JSON])
		print_stat_json(stdout, &stat);
	else
		print_stat(stdout, &stat);
	return STATUS_DONE;
}

static int remove_one(const struct options *options,
		      enum ipcbook_chapter chapter, const char *name)
{
	int error = ipcbook_unlink(chapter, name);

	if (error)
		return failed(error, "remove", chapter, name, "to own it");
	if (!options->given[OPTION_JSON])
		return STATUS_DONE;
	printf("{\"%s\":", ipcbook_chapter_name(chapter));
	print_json_string(stdout, name, strlen(name));
	puts(",\"removed\":true}");
	return STATUS_DONE;
}

/* All that can be removed are; the first failure gives the exit status. */
int remove_all(const struct options *options, enum ipcbook_chapter chapter)
{
	int first = STATUS_DONE;
	int status;

	for (int i = 0; i < options->operand_count; i++) {
		status = remove_one(options, chapter, options->operands[i]);
		if (!first)
			first = status;
	}
	return first;
}
