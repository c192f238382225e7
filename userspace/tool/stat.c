// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook stat: all there is to tell of an object, whichever its chapter.
 *
 * A name may be that of several objects, of different chapters; all are told. What
 * has no name, as most sockets and pipes, is found by its number: ls -j, watch, the
 * tracepoints and /proc/PID/fdinfo tell it.
 */
#include "tool.h"

/**
 * struct sought - what is looked for
 * @json: how it is told
 * @id: the number, 0 if all that come are meant
 * @told: objects told so far, of this operand and those before it
 */
struct sought {
	bool json;
	__u64 id;
	unsigned int told;
};

static int tell(const struct ipcbook_stat *stat, void *arg)
{
	struct sought *sought = arg;

	if (sought->id && stat->id != sought->id)
		return 0;
	if (sought->json) {
		print_stat_json(stdout, stat);
	} else {
		if (sought->told)
			putchar('\n');
		print_stat(stdout, stat);
	}
	sought->told++;
	return 0;
}

static int tell_one(const struct options *options, const char *text,
		    struct sought *sought)
{
	unsigned int before = sought->told;
	int error;

	sought->id = 0;
	error = ipcbook_list(options->chapter, text, tell, sought);
	if (!error && sought->told == before &&
	    parse_number(text, 1, INT32_MAX, &sought->id))
		error = ipcbook_list(options->chapter, NULL, tell, sought);
	if (error)
		return failed_listing(error);
	if (sought->told != before)
		return STATUS_DONE;
	complain("there is no object '%s' that you may read", text);
	return STATUS_ABSENT;
}

/* All that are there are told; the first failure gives the exit status. */
int stat_objects(const struct options *options)
{
	struct sought sought = { .json = options->given[OPTION_JSON] };
	int first = STATUS_DONE;
	int status;

	for (int i = 0; i < options->operand_count; i++) {
		status = tell_one(options, options->operands[i], &sought);
		if (!first)
			first = status;
	}
	return first;
}
