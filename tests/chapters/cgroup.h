/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory cgroups a and b, for tests of who pays for what and how much that is.
 */
#ifndef TEST_CGROUP_H
#define TEST_CGROUP_H

#include <sys/stat.h>

#include "harness.h"

#define CGROUP "/sys/fs/cgroup/ipcbook-test"

/* The kernel charges ahead, a portion for each processor. */
#define PORTIONS (1 << 20)

static inline int cgroups_start(void **state)
{
	fixture_bare(state);
	for (char c = 'a'; c <= 'b'; c++) {
		char path[64];

		snprintf(path, sizeof(path), CGROUP "-%c", c);
		rmdir(path);
		if (mkdir(path, 0755))
			print_message("# %s: %s\n", path, strerror(errno));
	}
	return 0;
}

static inline void need_cgroups(void)
{
	if (access(CGROUP "-a/memory.current", R_OK))
		not_here("there are no memory cgroups");
}

static inline void enter_cgroup(char which)
{
	char path[64];

	snprintf(path, sizeof(path), CGROUP "-%c/cgroup.procs", which);
	holds(spit(path, "0"));
}

/* A figure of a cgroup: memory.current, or a line of memory.events. */
static inline long long figure(char which, const char *file, const char *key)
{
	const char *text;
	char path[80];

	snprintf(path, sizeof(path), CGROUP "-%c/%s", which, file);
	text = slurp(path);
	holds(text);
	text = strstr(text, key);
	return text ? strtoll(text + strlen(key), NULL, 10) : 0;
}

static inline long long charged(char which)
{
	return figure(which, "memory.current", "");
}

#endif /* TEST_CGROUP_H */
