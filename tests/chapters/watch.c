// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook watch: objects' coming and going.
 *
 * Commands are run by a shell, in which $i is the tool and $n a name; "begun"
 * waits until the watch tells of something.
 */
#include <limits.h>

#include "harness.h"

static char said[8192];

static int run_as(uid_t uid, const char *lines)
{
	char command[PATH_MAX + 2048], self[PATH_MAX / 2] = "";

	holds(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	*strrchr(self, '/') = '\0';
	snprintf(command, sizeof(command),
		 "exec 2>&1; i=%s/../bin/ipcbook; n=%s; d=/tmp/$n-%u; mkdir -p $d\n"
		 "begun() { until [ -s $d/out ]; do $i queue create begin; $i queue rm begin; done; }\n"
		 "shown() { grep -v begin $d/out | cut -d' ' -f2-4; }\n"
		 "%s", self, qname, uid, lines);
	return shell(uid, command, said, sizeof(said));
}

#define prints(uid, lines, text) do {					\
	is(run_as(uid, lines), 0);					\
	if (strcmp(said, text))						\
		print_error("%s: said \"%s\"\n", lines, said);		\
	assert_string_equal(said, text);				\
} while (0)

TEST(an_objects_life_is_told)
{
	prints(0, "$i watch >$d/out & w=$!; begun\n"
	       "$i queue create life; $i queue send life x; $i queue rm life\n"
	       "$i sem create --value 1 life; $i sem rm life\n"
	       "until grep -q 'gone sem life' $d/out; do :; done; kill $w; shown",
	       "created queue life\n"
	       "opened queue life\n"
	       "unlinked queue life\n"
	       "gone queue life\n"
	       "created sem life\n"
	       "unlinked sem life\n"
	       "gone sem life\n");
}

TEST(who_may_not_read_an_object_is_not_told)
{
	prints(1000, "$i watch >$d/out & w=$!; begun\n"
	       "$i queue create --mode 0600 secret; $i queue rm secret\n"
	       "$i queue create --mode 0604 public; $i queue rm public\n"
	       "until grep -q 'gone queue public' $d/out; do :; done; kill $w; shown",
	       "created queue public\n"
	       "unlinked queue public\n"
	       "gone queue public\n");
}

TEST(a_limit_that_is_hit_is_told)
{
	set_parameter("user_objects", 1);
	is(run_as(1001, "$i watch -j >$d/out & w=$!; begun\n"
		  "$i queue create first; $i queue create second\n"
		  "until grep -q limit $d/out; do :; done; kill $w\n"
		  "$i queue rm first; grep limit $d/out"), 0);
	holds(strstr(said, "\"event\":\"limit\",\"chapter\":\"queue\",\"id\":0,\"name\":\"second\",\"error\":\"EDQUOT\"}"));
}

TEST(a_namespace_is_told_of_its_own)
{
	prints(0, "$i watch >$d/out & w=$!; begun\n"
	       "unshare -n $i queue create elsewhere; $i queue create here; $i queue rm here\n"
	       "until grep -q 'gone queue here' $d/out; do :; done; kill $w; shown",
	       "created queue here\nunlinked queue here\ngone queue here\n");
}
