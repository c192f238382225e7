// SPDX-License-Identifier: GPL-2.0-only
/*
 * A C++ program that includes the library's header and calls it. Prints its
 * results itself, for cmocka is not for C++.
 */
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>

#include <ipcbook/ipcbook.h>

namespace {

int number, failures;

void test(bool holds, const char *name)
{
	std::printf("%s %d - %s\n", holds ? "ok" : "not ok", ++number, name);
	failures += !holds;
}

int count(const struct ipcbook_stat *, void *arg)
{
	++*static_cast<int *>(arg);
	return 0;
}

} // namespace

int main()
{
	struct ipcbook_stat stat = {};
	ipcbook_queue_limits limits{};
	int objects = 0;

	std::printf("1..4\n");
	test(std::strcmp(ipcbook_chapter_name(IPCBOOK_QUEUE), "queue") == 0,
	     "functions_link_as_c");
	limits.messages = 1;
	test(ipcbook_queue_open("q", O_APPEND, 0, &limits) == -EINVAL,
	     "errors_come_back_as_negative_errno");
	test(ipcbook_stat(-1, &stat) == -EBADF,
	     "a_structure_and_a_function_share_a_name");
	test(ipcbook_list(IPCBOOK_QUEUE, "longer than 63 bytes: "
			  "----------------------------------------------------",
			  count, &objects) == -ENAMETOOLONG && !objects,
	     "a_function_is_a_callback");
	return failures != 0;
}
