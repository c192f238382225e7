// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook pipe: what it prints and its exit status. Both outputs are looked at
 * as one.
 */
#include <sys/stat.h>

#include "command.h"

#define NAME	"pipe-tool"

static int start(void **state)
{
	fixture_bare(state);
	umask(022);
	ipcbook_pipe_unlink(NAME);
	return 0;
}

static int end(void **state)
{
	ipcbook_pipe_unlink(NAME);
	return fixture_end(state);
}

#define TOOL_TEST(name)	TEST_BETWEEN(name, start, end)

TOOL_TEST(create_makes_a_pipe_of_the_size_asked_for)
{
	struct ipcbook_stat stat;
	int fd;

	tells(0, "ipcbook pipe create " NAME " --size 100000 --mode 640", DONE,
	      "");
	fd = keep(ipcbook_pipe_open(NAME, O_RDONLY | O_PATH, 0, 0));
	is(ipcbook_stat(fd, &stat), 0);
	is(stat.max_bytes, 131072);
	is(stat.mode, 0640);
	is(stat.descriptors, 1);
	tells(0, "ipcbook pipe create " NAME, DONE, "");
	tells(0, "ipcbook pipe create " NAME " --size 128K", DONE, "");
	tells(0, "ipcbook pipe create " NAME " --size 64K", FAILED,
	      "ipcbook: pipe 'pipe-tool' is there with other settings: size 131072, not 65536\n");
	tells(0, "ipcbook pipe create " NAME " --size 256K", FAILED,
	      "ipcbook: pipe 'pipe-tool' is there with other settings: size 131072, not 262144\n");
	tells(0, "ipcbook pipe create " NAME " --mode 600", FAILED,
	      "ipcbook: pipe 'pipe-tool' is there with other settings: mode 0640, not 0600\n");
	tells(0, "ipcbook pipe create --excl " NAME, FAILED,
	      "ipcbook: cannot create pipe 'pipe-tool': it exists already\n");
	tells(1000, "ipcbook pipe create other-tool --size 2M", FAILED,
	      "ipcbook: cannot create pipe 'other-tool': that is above one of the module's limits pipe_max_...\n");
	tells(0, "ipcbook pipe create a/b", FAILED,
	      "ipcbook: cannot create pipe 'a/b': a name is not empty and has no '/' and no control characters\n");
}

TOOL_TEST(what_one_writes_another_reads)
{
	is(ipcbook_pipe_create(NAME, 0600, 0), 0);
	tells(0, "ipcbook pipe write " NAME " hello pipe & ipcbook pipe read "
	      NAME "; wait", DONE, "hello pipe\n");
	tells(0, "printf 'a\\nb' | ipcbook pipe write " NAME
	      " & ipcbook pipe read " NAME "; wait", DONE, "a\nb");
	tells(0, "echo from a file > /tmp/pipe-tool; ipcbook pipe write " NAME
	      " --file /tmp/pipe-tool & ipcbook pipe read " NAME "; wait",
	      DONE, "from a file\n");
}

TOOL_TEST(the_read_goes_on_to_the_last_writer)
{
	pid_t pid;
	int fd;

	is(ipcbook_pipe_create(NAME, 0600, 0), 0);
	pid = child();
	if (!pid) {
		fd = ipcbook_pipe_open(NAME, O_WRONLY | O_CLOEXEC, 0, 0);
		is(sys(write(fd, "one\n", 4)), 4);
		tells(0, "ipcbook pipe write " NAME " two", DONE, "");
		is(sys(write(fd, "three\n", 6)), 6);
		_exit(0);
	}
	tells(0, "ipcbook pipe read " NAME, DONE, "one\ntwo\nthree\n");
	is(reap(pid), 0);
}

TOOL_TEST(a_megabyte_goes_through)
{
	tells(0, "head -c 1000000 /dev/urandom > /tmp/pipe-tool; "
	      "ipcbook pipe write --create " NAME " < /tmp/pipe-tool & "
	      "ipcbook pipe read --create " NAME " --output /tmp/pipe-tool.2; "
	      "wait; cmp /tmp/pipe-tool /tmp/pipe-tool.2 && echo same", DONE,
	      "same\n");
}

TOOL_TEST(size_says_how_much_is_read)
{
	int fd = keep(ipcbook_pipe_open(NAME, O_RDWR | O_CREAT, 0600, 0));

	is(sys(write(fd, "0123456789", 10)), 10);
	tells(0, "ipcbook pipe read --size 4 " NAME, DONE, "0123");
	tells(0, "ipcbook pipe read --nowait " NAME, DONE, "456789");
	tells(0, "ipcbook pipe read --nowait " NAME, NOTHING,
	      "ipcbook: cannot read from pipe 'pipe-tool' without waiting: there is nothing in it\n");
}

TOOL_TEST(without_waiting_a_write_needs_a_reader_and_room)
{
	char text[65000];
	int fd;

	is(ipcbook_pipe_create(NAME, 0600, 0), 0);
	tells(0, "ipcbook pipe write --nowait " NAME " x", NOTHING,
	      "ipcbook: cannot write to pipe 'pipe-tool' without waiting: nobody reads it\n");
	tells(0, "ipcbook pipe read --nowait " NAME, NOTHING,
	      "ipcbook: cannot read from pipe 'pipe-tool' without waiting: there is nothing in it\n");
	fd = keep(ipcbook_pipe_open(NAME, O_RDWR, 0600, 0));
	memset(text, 'x', sizeof(text));
	is(sys(write(fd, text, sizeof(text))), sizeof(text));
	tells(0, "head -c 1000 /dev/zero | ipcbook pipe write --nowait " NAME,
	      NOTHING,
	      "ipcbook: cannot write to pipe 'pipe-tool': it is full, and that would have to wait; 0 bytes were written\n");
	tells(0, "ipcbook pipe write --nowait " NAME " fits", DONE, "");
}

TOOL_TEST(a_reader_that_goes_is_told_to_the_writer)
{
	tells(0, "ipcbook pipe create " NAME "; "
	      "{ yes | ipcbook pipe write " NAME " >/tmp/pipe-tool 2>&1; "
	      "echo $? >>/tmp/pipe-tool; } & "
	      "ipcbook pipe read " NAME " --size 3; wait; "
	      "sed 's/; [0-9]* bytes/; N bytes/' /tmp/pipe-tool", DONE,
	      "y\ny"
	      "ipcbook: cannot write to pipe 'pipe-tool': nobody reads it any more; N bytes were written\n"
	      "1\n");
}

TOOL_TEST(stat_and_ls_are_no_ends)
{
	is(ipcbook_pipe_create(NAME, 0600, 0), 0);
	is(run(0, "ipcbook pipe stat " NAME " | grep -E '^(chapter|max_bytes|descriptors) ' | tr -s ' '"),
	   DONE);
	is(strcmp(told, "chapter pipe\ndescriptors 1\nmax_bytes 65536\n"), 0);
	is(run(0, "ipcbook ls pipe"), DONE);
	has(NAME);
	is(run(0, "ipcbook -j pipe stat " NAME), DONE);
	has("\"chapter\":\"pipe\",\"name\":\"" NAME "\"");
	tells(0, "ipcbook pipe write --nowait " NAME " x", NOTHING,
	      "ipcbook: cannot write to pipe 'pipe-tool' without waiting: nobody reads it\n");
}

TOOL_TEST(json_tells_what_went)
{
	tells(0, "ipcbook pipe create " NAME "; "
	      "ipcbook -j pipe write " NAME " 12345 & "
	      "ipcbook pipe read " NAME " --output /dev/null; wait", DONE,
	      "{\"pipe\":\"pipe-tool\",\"bytes\":6}\n");
	tells(0, "ipcbook pipe write " NAME " 12345 & "
	      "ipcbook -j pipe read " NAME " --output /dev/null; wait", DONE,
	      "{\"pipe\":\"pipe-tool\",\"bytes\":6}\n");
	tells(0, "ipcbook -j pipe rm " NAME, DONE,
	      "{\"pipe\":\"pipe-tool\",\"removed\":true}\n");
}

TOOL_TEST(what_is_not_there_or_not_allowed_is_said)
{
	tells(0, "ipcbook pipe read " NAME, ABSENT,
	      "ipcbook: cannot open pipe 'pipe-tool': it does not exist\n");
	tells(0, "ipcbook pipe write " NAME " x", ABSENT,
	      "ipcbook: cannot open pipe 'pipe-tool': it does not exist\n");
	tells(0, "ipcbook pipe stat " NAME, ABSENT,
	      "ipcbook: cannot open pipe 'pipe-tool': it does not exist\n");
	tells(0, "ipcbook pipe rm " NAME, ABSENT,
	      "ipcbook: cannot remove pipe 'pipe-tool': it does not exist\n");
	is(ipcbook_pipe_create(NAME, 0600, 0), 0);
	tells(1000, "ipcbook pipe write " NAME " x", DENIED,
	      "ipcbook: cannot open pipe 'pipe-tool': permission denied; you need write permission\n");
	tells(1000, "ipcbook pipe rm " NAME, DENIED,
	      "ipcbook: cannot remove pipe 'pipe-tool': permission denied; you need to own it\n");
	tells(0, "ipcbook pipe write " NAME " --file /nowhere", FAILED,
	      "ipcbook: cannot read /nowhere: No such file or directory\n");
	tells(0, "ipcbook pipe rm " NAME, DONE, "");
}

TOOL_TEST(a_wrong_call_does_nothing)
{
	tells(0, "ipcbook pipe create", USAGE,
	      "ipcbook: NAME is missing; usage: ipcbook pipe create [OPTION]... NAME\n");
	tells(0, "ipcbook pipe write " NAME " text --file x", USAGE,
	      "ipcbook: TEXT excludes --file; usage: ipcbook pipe write [OPTION]... NAME [TEXT...]\n");
	tells(0, "ipcbook pipe read " NAME " more", USAGE,
	      "ipcbook: 'more' is too much; usage: ipcbook pipe read [OPTION]... NAME\n");
	tells(0, "ipcbook pipe read --size 0 " NAME, USAGE,
	      "ipcbook: --size takes bytes from 1, like 8192, 64K or 1M, not '0'; usage: ipcbook pipe read [OPTION]... NAME\n");
	is(run(0, "ipcbook pipe write --help"), DONE);
	has("Write into a pipe: words, a file, or standard input.");
	is(run(0, "ipcbook help pipe"), DONE);
	has("pipe create");
	has("pipe rm");
}
