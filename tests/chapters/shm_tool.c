// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook shm: what it prints and its exit status. Both outputs are looked at
 * as one.
 */
#include <sys/stat.h>

#include "command.h"

#define NAME	"shm-tool"

static size_t page;

static int start(void **state)
{
	fixture_bare(state);
	umask(022);
	page = sysconf(_SC_PAGESIZE);
	ipcbook_shm_unlink(NAME);
	return 0;
}

static int end(void **state)
{
	ipcbook_shm_unlink(NAME);
	return fixture_end(state);
}

#define TOOL_TEST(name)	TEST_BETWEEN(name, start, end)

TOOL_TEST(create_makes_a_segment_of_the_size_asked_for)
{
	struct ipcbook_stat stat;
	int fd;

	tells(0, "ipcbook shm create " NAME " --size 128K --mode 640", DONE,
	      "");
	fd = keep(ipcbook_shm_open(NAME, O_RDONLY, 0, 0));
	is(ipcbook_stat(fd, &stat), 0);
	is(stat.max_bytes, 131072);
	is(stat.mode, 0640);
	tells(0, "ipcbook shm create " NAME, DONE, "");
	tells(0, "ipcbook shm create " NAME " --size 64K", FAILED,
	      "ipcbook: shm 'shm-tool' is there with other settings: size 131072, not 65536\n");
	tells(0, "ipcbook shm create " NAME " --mode 600", FAILED,
	      "ipcbook: shm 'shm-tool' is there with other settings: mode 0640, not 0600\n");
	tells(0, "ipcbook shm create --excl " NAME, FAILED,
	      "ipcbook: cannot create shm 'shm-tool': it exists already\n");
}

TOOL_TEST(create_makes_64K_unless_told)
{
	tells(0, "ipcbook shm create " NAME, DONE, "");
	is(run(0, "ipcbook shm stat " NAME), DONE);
	has("max_bytes          65536\n");
	has("bytes              65536\n");
	has("chapter            shm\n");
	has("mode               0644\n");
}

TOOL_TEST(create_refuses_what_is_no_whole_pages)
{
	char want[200];

	snprintf(want, sizeof(want),
		 "ipcbook: shm 'shm-tool' must have whole pages: --size is 100, a page has %zu bytes\n",
		 page);
	tells(0, "ipcbook shm create " NAME " --size 100", FAILED, want);
	tells(1000, "ipcbook shm create " NAME " --size 1T", FAILED,
	      "ipcbook: cannot create shm 'shm-tool': that is above one of the module's limits shm_max_...\n");
	is(run(0, "ipcbook shm create " NAME " --size 0"), USAGE);
	is(ipcbook_shm_unlink(NAME), -ENOENT);
}

TOOL_TEST(fill_writes_words_and_dump_shows_them)
{
	tells(0, "ipcbook shm create " NAME, DONE, "");
	tells(0, "ipcbook shm fill " NAME " hello there", DONE, "");
	tells(0, "ipcbook shm dump --size 11 " NAME, DONE, "hello there");
	tells(0, "ipcbook shm fill " NAME " HE", DONE, "");
	tells(0, "ipcbook shm dump --size 11 " NAME, DONE, "HEllo there");
	tells(0, "ipcbook shm dump " NAME " | tr -d '\\0'", DONE,
	      "HEllo there");
	tells(0, "ipcbook shm dump " NAME " | wc -c", DONE, "65536\n");
}

TOOL_TEST(fill_takes_a_file_or_standard_input)
{
	tells(0, "ipcbook shm create " NAME, DONE, "");
	tells(0, "printf abc | ipcbook shm fill " NAME, DONE, "");
	tells(0, "ipcbook shm dump --size 3 " NAME, DONE, "abc");
	tells(0, "printf xyz >/tmp/shm-in; ipcbook shm fill --file /tmp/shm-in "
	      NAME, DONE, "");
	tells(0, "ipcbook shm dump --size 3 --output /tmp/shm-out " NAME
	      " && cmp /tmp/shm-in /tmp/shm-out", DONE, "");
	tells(0, "head -c 65536 /dev/urandom >/tmp/shm-in; ipcbook shm fill --file /tmp/shm-in "
	      NAME " && ipcbook shm dump " NAME " | cmp /tmp/shm-in -", DONE,
	      "");
	is(run(0, "ipcbook shm fill --file x " NAME " words"), USAGE);
	tells(0, "ipcbook shm fill --file /no/such " NAME, FAILED,
	      "ipcbook: cannot read /no/such: No such file or directory\n");
}

TOOL_TEST(fill_changes_nothing_if_it_is_too_much)
{
	tells(0, "ipcbook shm create " NAME, DONE, "");
	tells(0, "ipcbook shm fill " NAME " before", DONE, "");
	tells(0, "head -c 65537 /dev/zero | ipcbook shm fill " NAME, FAILED,
	      "ipcbook: too long for shm 'shm-tool', which has 65536 bytes\n");
	tells(0, "ipcbook shm dump --size 6 " NAME, DONE, "before");
}

TOOL_TEST(show_tells_the_same_frame_to_two_processes)
{
	char one[64], other[64];

	tells(0, "ipcbook shm create " NAME, DONE, "");
	is(run(0, "ipcbook shm show " NAME), DONE);
	holds(sscanf(told, "process %*d\naddress 0x%*x\nframe 0x%63s", one));
	is(run(0, "ipcbook shm show " NAME), DONE);
	holds(sscanf(told, "process %*d\naddress 0x%*x\nframe 0x%63s",
		     other));
	is(strcmp(one, other), 0);
	is(run(0, "ipcbook -j shm show " NAME), DONE);
	has("{\"shm\":\"shm-tool\",\"pid\":");
	has(one);
}

TOOL_TEST(show_says_that_frames_are_for_root)
{
	tells(0, "ipcbook shm create --mode 644 " NAME, DONE, "");
	is(run(1000, "ipcbook shm show " NAME), DENIED);
	has("address  0x");
	has("frame    -\n");
	has("ipcbook: the kernel shows physical frames to CAP_SYS_ADMIN only: call this as root\n");
}

TOOL_TEST(permissions_are_told)
{
	tells(0, "ipcbook shm create --mode 640 " NAME, DONE, "");
	tells(1000, "ipcbook shm dump " NAME, DENIED,
	      "ipcbook: cannot open shm 'shm-tool': permission denied; you need read permission\n");
	tells(0, "ipcbook shm rm " NAME, DONE, "");
	tells(0, "ipcbook shm create --mode 644 " NAME, DONE, "");
	tells(1000, "ipcbook shm fill " NAME " x", DENIED,
	      "ipcbook: cannot open shm 'shm-tool': permission denied; it belongs to root:root 0644; you need read and write permission\n");
	tells(1000, "ipcbook shm rm " NAME, DENIED,
	      "ipcbook: cannot remove shm 'shm-tool': permission denied; it belongs to root:root 0644; you need to own it\n");
}

TOOL_TEST(rm_takes_the_name_away)
{
	tells(0, "ipcbook shm create " NAME, DONE, "");
	tells(0, "ipcbook shm rm -j " NAME, DONE,
	      "{\"shm\":\"shm-tool\",\"removed\":true}\n");
	tells(0, "ipcbook shm rm " NAME, ABSENT,
	      "ipcbook: cannot remove shm 'shm-tool': it does not exist\n");
	tells(0, "ipcbook shm dump " NAME, ABSENT,
	      "ipcbook: cannot open shm 'shm-tool': it does not exist\n");
}
