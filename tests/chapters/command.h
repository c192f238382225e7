/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests of the command ipcbook: shell commands are run, and what they print and
 * how they end is looked at.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <libgen.h>
#include <limits.h>

#include "harness.h"

/* How the command ends; see ipcbook(1). */
enum { DONE, FAILED, USAGE, NOTHING = 4, ABSENT, DENIED };

/* What was told, on both outputs. */
static char told[65536 * 2];

/* Runs shell commands, in /tmp, that find the command that was built. */
static int run(uid_t uid, const char *commands)
{
	char command[2 * PATH_MAX], self[PATH_MAX / 2] = "";

	holds(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	snprintf(command, sizeof(command),
		 "cd /tmp; PATH=%s/../bin:$PATH; { %s; } 2>&1", dirname(self),
		 commands);
	return shell(uid, command, told, sizeof(told));
}

#define tells(uid, commands, status, text) do {				\
	is(run(uid, commands), status);					\
	if (strcmp(told, text))						\
		print_message("# told: %s", told);			\
	is(strcmp(told, text), 0);					\
} while (0)

#define has(text) do {							\
	if (!strstr(told, text))					\
		print_message("# told: %s", told);			\
	holds(strstr(told, text));					\
} while (0)

#endif /* COMMAND_H */
