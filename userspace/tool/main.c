// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook - the handbook of inter-process communication, at the shell.
 *
 * Finds the command that is meant in a table, takes the call apart
 * (options.c) and runs it. Help is made from the same tables.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

/* Letters of the options that choose a message. */
#define SELECTORS "tux"

static const struct command commands[] = {
	{
		.name = "signal send",
		.synopsis = "[OPTION]... SIGNAL TARGET...",
		.about = "send a signal to processes that registered, by pid or name",
		.options = "g",
		.least = 1,
		.most = 1 << 30,
		.run = signal_send,
	},
	{
		.name = "signal listen",
		.synopsis = "[OPTION]... [NAME]",
		.about = "register, and print the signals that come",
		.options = "gkLnw",
		.least = 0,
		.most = 1,
		.run = signal_listen,
	},
	{
		.name = "signal mask",
		.synopsis = "[OPTION]... NAME",
		.about = "show which signals a registration has masked, and which wait",
		.options = "",
		.least = 1,
		.most = 1,
		.run = signal_mask,
	},
	{
		.name = "signal list",
		.synopsis = "[OPTION]...",
		.about = "list who is registered",
		.options = "H",
		.least = 0,
		.most = 0,
		.run = signal_list,
	},
	{
		.name = "kill",
		.synopsis = "[-SIGNAL] TARGET... | -l",
		.about = "send a signal, TERM unless told, as kill(1) does",
		.options = "",
		.least = 1,
		.most = 1 << 30,
		.plain = true,
		.run = signal_kill,
	},
	{
		.name = "queue create",
		.synopsis = "[OPTION]... NAME",
		.about = "create a queue, unless it is there already",
		.options = "mBsMe",
		.least = 1,
		.most = 1,
		.run = queue_create,
	},
	{
		.name = "queue send",
		.synopsis = "[OPTION]... NAME [MESSAGE...]",
		.about = "send a message: words, a file, or standard input",
		.options = "twWfl0C",
		.least = 1,
		.most = 1 << 30,
		.run = queue_send,
	},
	{
		.name = "queue recv",
		.synopsis = "[OPTION]... NAME",
		.about = "receive messages and write them to standard output",
		.options = SELECTORS "wWnFsTi0roC",
		.least = 1,
		.most = 1,
		.run = queue_recv,
	},
	{
		.name = "queue peek",
		.synopsis = "[OPTION]... NAME",
		.about = "show messages and leave them in the queue",
		.options = SELECTORS "NasTi0ro",
		.least = 1,
		.most = 1,
		.run = queue_peek,
	},
	{
		.name = "queue stat",
		.synopsis = "[OPTION]... NAME",
		.about = "show a queue's owner, limits and counters",
		.options = "",
		.least = 1,
		.most = 1,
		.run = queue_stat,
	},
	{
		.name = "queue rm",
		.synopsis = "[OPTION]... NAME...",
		.about = "remove queues; whoever waits there is told",
		.options = "",
		.least = 1,
		.most = 1 << 30,
		.run = queue_rm,
	},
	{
		.name = "pipe create",
		.synopsis = "[OPTION]... NAME",
		.about = "create a pipe with a name, unless it is there already",
		.options = "sMe",
		.least = 1,
		.most = 1,
		.run = pipe_create,
	},
	{
		.name = "pipe write",
		.synopsis = "[OPTION]... NAME [TEXT...]",
		.about = "write into a pipe: words, a file, or standard input",
		.options = "WfC",
		.least = 1,
		.most = 1 << 30,
		.run = pipe_write,
	},
	{
		.name = "pipe read",
		.synopsis = "[OPTION]... NAME",
		.about = "copy what comes out of a pipe to standard output",
		.options = "WsoC",
		.least = 1,
		.most = 1,
		.run = pipe_read,
	},
	{
		.name = "pipe stat",
		.synopsis = "[OPTION]... NAME",
		.about = "show a pipe's owner, capacity and counters",
		.options = "",
		.least = 1,
		.most = 1,
		.run = pipe_stat,
	},
	{
		.name = "pipe rm",
		.synopsis = "[OPTION]... NAME...",
		.about = "remove pipes' names; who has one open keeps it",
		.options = "",
		.least = 1,
		.most = 1 << 30,
		.run = pipe_rm,
	},
	{
		.name = "shm create",
		.synopsis = "[OPTION]... NAME",
		.about = "create a shared memory segment, unless it is there",
		.options = "sMe",
		.least = 1,
		.most = 1,
		.run = shm_create,
	},
	{
		.name = "shm fill",
		.synopsis = "[OPTION]... NAME [TEXT...]",
		.about = "write into a segment: words, a file, or standard input",
		.options = "f",
		.least = 1,
		.most = 1 << 30,
		.run = shm_fill,
	},
	{
		.name = "shm dump",
		.synopsis = "[OPTION]... NAME",
		.about = "write what is in a segment to standard output",
		.options = "so",
		.least = 1,
		.most = 1,
		.run = shm_dump,
	},
	{
		.name = "shm show",
		.synopsis = "[OPTION]... NAME",
		.about = "show where a segment lies: address and physical frame",
		.options = "",
		.least = 1,
		.most = 1,
		.run = shm_show,
	},
	{
		.name = "shm stat",
		.synopsis = "[OPTION]... NAME",
		.about = "show a segment's owner, size and descriptors",
		.options = "",
		.least = 1,
		.most = 1,
		.run = shm_stat,
	},
	{
		.name = "shm rm",
		.synopsis = "[OPTION]... NAME...",
		.about = "remove segments; who has one mapped keeps it",
		.options = "",
		.least = 1,
		.most = 1 << 30,
		.run = shm_rm,
	},
	{
		.name = "ring create",
		.synopsis = "[OPTION]... NAME",
		.about = "create a ring in shared memory, unless it is there",
		.options = "syOMe",
		.least = 1,
		.most = 1,
		.run = ring_create,
	},
	{
		.name = "ring produce",
		.synopsis = "[OPTION]... NAME",
		.about = "make records of standard input, blocks or lines",
		.options = "slf0wW",
		.least = 1,
		.most = 1,
		.run = ring_produce,
	},
	{
		.name = "ring consume",
		.synopsis = "[OPTION]... NAME",
		.about = "write records to standard output until no producer is left",
		.options = "l0nFowW",
		.least = 1,
		.most = 1,
		.run = ring_consume,
	},
	{
		.name = "ring stat",
		.synopsis = "[OPTION]... NAME",
		.about = "show a ring's owner, size and counters",
		.options = "",
		.least = 1,
		.most = 1,
		.run = ring_stat,
	},
	{
		.name = "ring rm",
		.synopsis = "[OPTION]... NAME...",
		.about = "remove rings; who has one mapped keeps it",
		.options = "",
		.least = 1,
		.most = 1 << 30,
		.run = ring_rm,
	},
	{
		.name = "sem create",
		.synopsis = "[OPTION]... NAME",
		.about = "create a semaphore, unless it is there already",
		.options = "vXMe",
		.least = 1,
		.most = 1,
		.run = sem_create,
	},
	{
		.name = "sem down",
		.synopsis = "[OPTION]... NAME",
		.about = "take units of a semaphore, which stay taken",
		.options = "UwW",
		.least = 1,
		.most = 1,
		.run = sem_down,
	},
	{
		.name = "sem up",
		.synopsis = "[OPTION]... NAME",
		.about = "give units to a semaphore",
		.options = "U",
		.least = 1,
		.most = 1,
		.run = sem_up,
	},
	{
		.name = "sem run",
		.synopsis = "[OPTION]... NAME -- COMMAND...",
		.about = "run a command that holds units until it ends",
		.options = "UwW",
		.least = 2,
		.most = 1 << 30,
		.run = sem_run,
	},
	{
		.name = "sem value",
		.synopsis = "[OPTION]... NAME",
		.about = "show how many units a semaphore has",
		.options = "",
		.least = 1,
		.most = 1,
		.run = sem_value,
	},
	{
		.name = "sem stat",
		.synopsis = "[OPTION]... NAME",
		.about = "show a semaphore's owner, limits and counters",
		.options = "",
		.least = 1,
		.most = 1,
		.run = sem_stat,
	},
	{
		.name = "sem rm",
		.synopsis = "[OPTION]... NAME...",
		.about = "remove semaphores; whoever waits there is told",
		.options = "",
		.least = 1,
		.most = 1 << 30,
		.run = sem_rm,
	},
	{
		.name = "socket listen",
		.synopsis = "[OPTION]... NAME [-- COMMAND...]",
		.about = "accept a connection and talk through it, or have a command accept",
		.options = "SM",
		.least = 1,
		.most = 1 << 30,
		.run = socket_listen,
	},
	{
		.name = "socket connect",
		.synopsis = "[OPTION]... NAME [-- COMMAND...]",
		.about = "connect to a socket that listens, and talk, or have a command talk",
		.options = "S",
		.least = 1,
		.most = 1 << 30,
		.run = socket_connect,
	},
	{
		.name = "socket proxy",
		.synopsis = "[OPTION]... NAME|tcp:PORT|unix:PATH NAME|tcp:PORT|unix:PATH",
		.about = "pass what connects to the first place on to the second",
		.options = "SM",
		.least = 2,
		.most = 2,
		.run = socket_proxy,
	},
	{
		.name = "socket stat",
		.synopsis = "[OPTION]... NAME",
		.about = "show the owner and backlog of a socket that listens",
		.options = "",
		.least = 1,
		.most = 1,
		.run = socket_stat,
	},
	{
		.name = "socket rm",
		.synopsis = "[OPTION]... NAME...",
		.about = "take names of sockets away; connections stay",
		.options = "",
		.least = 1,
		.most = 1 << 30,
		.run = socket_rm,
	},
	{
		.name = "capture stat",
		.synopsis = "[OPTION]...",
		.about = "show what the capture has shown and what it has lost",
		.options = "",
		.least = 0,
		.most = 0,
		.run = capture_stat,
	},
	{
		.name = "capture",
		.synopsis = "[OPTION]... [-- COMMAND...]",
		.about = "show what sockets carry, or have a command show it",
		.options = "n",
		.least = 0,
		.most = 1 << 30,
		.run = capture_run,
	},
	{
		.name = "watch",
		.synopsis = "[OPTION]...",
		.about = "tell of objects that come and go, until stopped",
		.options = "n",
		.least = 0,
		.most = 0,
		.run = watch_objects,
	},
	{
		.name = "ls",
		.synopsis = "[OPTION]... [CHAPTER]",
		.about = "list the objects that you may read",
		.options = "H",
		.least = 0,
		.most = 1,
		.run = list_objects,
	},
	{
		.name = "stat",
		.synopsis = "[OPTION]... NAME|ID...",
		.about = "show all there is to tell of objects",
		.options = "c",
		.least = 1,
		.most = 1 << 30,
		.run = stat_objects,
	},
	{
		.name = "top",
		.synopsis = "[OPTION]... [CHAPTER]",
		.about = "show live what the objects do, and who waits",
		.options = "bdnHKP",
		.least = 0,
		.most = 1,
		.screen = true,
		.run = top_objects,
	},
	{
		.name = "story",
		.synopsis = "[OPTION]...",
		.about = "two processes try the handbook page by page",
		.options = "czp",
		.least = 0,
		.most = 0,
		.run = tell_story,
	},
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

/*
 * How many words of a call are a command's name: 0 if it is another command.
 * With @partly, fewer words than the name has will do, if there is one.
 */
static int match(const char *name, char **words, int count, bool partly)
{
	int matched = 0;
	size_t length;

	while (matched < count && *name) {
		length = strcspn(name, " ");
		if (strlen(words[matched]) != length ||
		    memcmp(words[matched], name, length) != 0)
			return 0;
		matched++;
		name += length;
		name += *name == ' ';
	}
	return *name && !partly ? 0 : matched;
}

static void print_summary(const struct command *command)
{
	printf("  %-14s %s\n", command->name, command->about);
}

static int print_help(const struct command *command)
{
	printf("usage: ipcbook %s %s\n\n", command->name, command->synopsis);
	printf("%c%s.\n\n", command->about[0] & ~0x20, command->about + 1);
	print_options(stdout, command);
	puts("\nMore in ipcbook(1).");
	return STATUS_DONE;
}

static int print_overview(void)
{
	puts("usage: ipcbook [-j] COMMAND [OPTION]... [ARGUMENT]...\n"
	     "\n"
	     "Linux inter-process communication through /dev/ipcbook.\n"
	     "\n"
	     "Commands:");
	for (size_t i = 0; i < COMMANDS; i++)
		print_summary(&commands[i]);
	puts("  help           help on a command: ipcbook help queue send\n"
	     "\n"
	     "Plain reads and writes of the device use the queue 'default'.\n"
	     "\n"
	     "Exit status:\n"
	     "  0  done\n"
	     "  1  failed\n"
	     "  2  a wrong call; nothing was done\n"
	     "  3  the device is missing or may not be opened\n"
	     "  4  nothing there, no room, or out of time\n"
	     "  5  no such object\n"
	     "  6  permission denied\n"
	     "  7  removed meanwhile\n"
	     "  8  a message was taken and could not be written\n"
	     "  9  not all of the story could be shown\n"
	     "\n"
	     "More in ipcbook(1).");
	return STATUS_DONE;
}

static const char general_usage[] =
	"usage: ipcbook [-j] COMMAND [OPTION]... [ARGUMENT]...; see ipcbook --help";

/* How a call is to be: with the commands that begin with this word, if any. */
static const char *usage_of(const char *word)
{
	static char text[256];
	FILE *out = fmemopen(text, sizeof(text), "w");
	size_t length = strlen(word);
	const char *before = " ";

	for (size_t i = 0; out && i < COMMANDS; i++) {
		if (strncmp(commands[i].name, word, length) != 0 ||
		    commands[i].name[length] != ' ')
			continue;
		if (*before == ' ')
			fprintf(out, "usage: ipcbook %s", word);
		fprintf(out, "%s%s", before, commands[i].name + length + 1);
		before = "|";
	}
	if (out) {
		fputs(" [OPTION]... [ARGUMENT]...", out);
		fclose(out);
	}
	return *before == '|' ? text : general_usage;
}

/* Help on what these words mean, perhaps several commands. */
static int help(char **words, int count)
{
	bool found = false;

	if (!count)
		return print_overview();
	for (size_t i = 0; i < COMMANDS; i++)
		if (match(commands[i].name, words, count, false) == count)
			return print_help(&commands[i]);
	for (size_t i = 0; i < COMMANDS; i++) {
		if (match(commands[i].name, words, count, true) != count)
			continue;
		print_summary(&commands[i]);
		found = true;
	}
	if (found)
		return STATUS_DONE;
	complain("there is no command '%s'; %s", words[0], usage_of(words[0]));
	return STATUS_USAGE;
}

/* A call without a command that we know. */
static int no_command(char **words, int count)
{
	const char *text;

	if (count > 1 && (strcmp(words[count - 1], "--help") == 0 ||
			  strcmp(words[count - 1], "-h") == 0))
		return help(words, count - 1);
	text = usage_of(count ? words[0] : "");
	if (!count)
		fprintf(stderr, "%s\n", text);
	else if (count == 1 && text != general_usage)
		complain("which command of '%s' is missing; %s", words[0], text);
	else
		complain("there is no command '%s%s%s'; %s", words[0],
			 count > 1 ? " " : "", count > 1 ? words[1] : "", text);
	return STATUS_USAGE;
}

static int run(char **words, int count, bool json)
{
	struct options options = { .given[OPTION_JSON] = json };
	int matched, status;

	for (size_t i = 0; i < COMMANDS; i++) {
		matched = match(commands[i].name, words, count, false);
		if (!matched)
			continue;
		status = parse_options(&commands[i], count - matched + 1,
				       words + matched - 1, &options);
		if (status)
			return status;
		if (options.given[OPTION_HELP])
			return print_help(&commands[i]);
		return commands[i].run(&options);
	}
	return no_command(words, count);
}

static int dispatch(char **words, int count)
{
	bool json = false;

	while (count && (strcmp(*words, "-j") == 0 ||
			 strcmp(*words, "--json") == 0)) {
		json = true;
		words++;
		count--;
	}
	if (!count)
		return no_command(words, count);
	if (strcmp(*words, "--version") == 0 || strcmp(*words, "-V") == 0) {
		printf("ipcbook %s\n", ipcbook_version());
		return STATUS_DONE;
	}
	if (strcmp(*words, "help") == 0)
		return help(words + 1, count - 1);
	if (strcmp(*words, "--help") == 0 || strcmp(*words, "-h") == 0)
		return help(words, 0);
	return run(words, count, json);
}

/* Output that could not be written is a failure like another. */
static int finish(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	complain("cannot write to standard output");
	return status ? status : STATUS_FAILED;
}

/*
 * A standard descriptor that is not open must not become something else: what
 * is put in its place cannot be used as it would be.
 */
static void reserve_standard(void)
{
	static const int modes[] = { O_WRONLY, O_RDONLY, O_RDONLY };

	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", modes[fd]);
}

int main(int argc, char **argv)
{
	reserve_standard();
	return argc ? finish(dispatch(argv + 1, argc - 1)) : STATUS_USAGE;
}
