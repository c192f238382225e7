/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ipcbook command: what its files share.
 *
 *	main.c		which command is meant; help
 *	options.c	options, the same for every command that takes them
 *	output.c	JSON, tables, names, times
 *	errors.c	what failed, on what, why, and the exit status for it
 *	stop.c		how a receive that waits is ended in order
 *	object.c	what is done alike with the objects of every chapter
 *	queue.c ...	the commands themselves, a file a chapter; ls.c, stat.c, watch.c
 *	top.c ...	the live view of all objects; see top.h
 *	story.c ...	the handbook told by the module; see story.h
 *
 * A command is a row of a table (struct command): its words, the options it
 * takes and a function. The function gets options that are checked already,
 * and returns the exit status.
 */
#ifndef IPCBOOK_TOOL_H
#define IPCBOOK_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <ipcbook/ipcbook.h>

/* Exit statuses; documented, so they do not change. */
enum status {
	STATUS_DONE	= 0,
	STATUS_FAILED	= 1,	/* what no other status says better */
	STATUS_USAGE	= 2,	/* a wrong call; nothing was done */
	STATUS_DEVICE	= 3,	/* the device is missing, or not for us */
	STATUS_NOTHING	= 4,	/* no message, no room, or out of time */
	STATUS_ABSENT	= 5,	/* no such object */
	STATUS_DENIED	= 6,	/* the object's mode forbids it */
	STATUS_REMOVED	= 7,	/* the object was removed meanwhile */
	STATUS_LOST	= 8,	/* a message was taken, but not written */
	STATUS_PARTLY	= 9,	/* not all of the story could be shown */
};

/* Options by their letters; those that a user can type are in options.c. */
enum option_id {
	OPTION_NULL	= '0',
	OPTION_ALL	= 'a',
	OPTION_BATCH	= 'b',
	OPTION_BYTES	= 'B',
	OPTION_CHAPTER	= 'c',
	OPTION_CREATE	= 'C',
	OPTION_DELAY	= 'd',
	OPTION_EXCL	= 'e',
	OPTION_FILE	= 'f',
	OPTION_FOLLOW	= 'F',
	OPTION_GROUP	= 'g',
	OPTION_HELP	= 'h',
	OPTION_NO_HEADER = 'H',
	OPTION_INFO	= 'i',
	OPTION_JSON	= 'j',
	OPTION_MASK	= 'k',
	OPTION_LINES	= 'l',
	OPTION_LIMIT	= 'L',
	OPTION_MESSAGES	= 'm',
	OPTION_MANY	= 'y',
	OPTION_MODE	= 'M',
	OPTION_COUNT	= 'n',
	OPTION_NTH	= 'N',
	OPTION_OUTPUT	= 'o',
	OPTION_OVERWRITE = 'O',
	OPTION_SLOW	= 'p',
	OPTION_NO_COLOR	= 'P',
	OPTION_SORT	= 'K',
	OPTION_RAW	= 'r',
	OPTION_SIZE	= 's',
	OPTION_SEQPACKET = 'S',
	OPTION_TYPE	= 't',
	OPTION_TRUNCATE	= 'T',
	OPTION_UPTO	= 'u',
	OPTION_UNITS	= 'U',
	OPTION_VALUE	= 'v',
	OPTION_TIMEOUT	= 'w',
	OPTION_NOWAIT	= 'W',
	OPTION_NOT	= 'x',
	OPTION_MAXIMUM	= 'X',
	OPTION_LANG	= 'z',
};

struct command;

/**
 * struct options - a call, taken apart.
 * @command: what was called
 * @given: which options were, by their letters
 * @operands: what is not an option
 * @operand_count: how many of them
 * @select: which message: of --type, --upto, --not, --nth
 * @type: and the number given with it
 * @timeout: nanoseconds
 * @count: messages to take
 * @limits: of a queue; @limits.size is also the room of a receive, the size of
 *	a segment, a ring, or a block, the capacity of a pipe and what is read of it
 * @units: of a semaphore, to take or give
 * @value: what a semaphore begins with
 * @maximum: most units of it
 * @mode: permission bits
 * @limit: of a registration
 * @group: a group of those who are registered
 * @mask: signals that a listener masks
 * @file: where a payload comes from
 * @output: where payloads go
 * @chapter: of the story
 * @lang: that it is told in
 * @delay: nanoseconds between samples
 * @sort: what objects are sorted by
 */
struct options {
	const struct command *command;
	bool given[128];
	char **operands;
	int operand_count;
	enum ipcbook_select select;
	int64_t type;
	int64_t timeout;
	__u64 count;
	__u64 units;
	__u64 value;
	__u64 maximum;
	struct ipcbook_queue_limits limits;
	mode_t mode;
	__u64 limit;
	const char *group;
	const char *mask;
	const char *file;
	const char *output;
	enum ipcbook_chapter chapter;
	const char *lang;
	int64_t delay;
	const char *sort;
};

/**
 * struct command - one command of the tool.
 * @name: its words
 * @synopsis: what follows them
 * @about: what it does, in a line
 * @options: letters of the options it takes, beside --json and --help
 * @least: operands it needs
 * @most: operands it can take
 * @plain: what follows is taken as it is, but for --help as the only word
 * @screen: it has no JSON
 * @run: does it
 */
struct command {
	const char *name;
	const char *synopsis;
	const char *about;
	const char *options;
	int least;
	int most;
	bool plain;
	bool screen;
	int (*run)(const struct options *options);
};

/* options.c */
bool parse_number(const char *text, __u64 least, __u64 most,
		  __u64 *number);
bool parse_size(const char *text, __u64 *bytes);
bool parse_duration(const char *text, int64_t *nanoseconds);
bool parse_mode(const char *text, mode_t *mode);
bool parse_chapter(const char *text, enum ipcbook_chapter *chapter);
int parse_options(const struct command *command, int argc, char **argv,
		  struct options *options);
void print_options(FILE *out, const struct command *command);
uint64_t deadline_of(const struct options *options);

/* output.c */
size_t utf8_length(const void *text, size_t length);
bool utf8_valid(const void *text, size_t length);
void print_escaped(FILE *out, const char *text, bool one_word);
void print_json_string(FILE *out, const void *text, size_t length);
void print_base64(FILE *out, const void *bytes, size_t length);
void print_seconds(FILE *out, __u64 nanoseconds);
void print_time(FILE *out, __u64 nanoseconds);
void print_access(FILE *out, const struct ipcbook_stat *stat);
void print_stat(FILE *out, const struct ipcbook_stat *stat);
void print_stat_json(FILE *out, const struct ipcbook_stat *stat);
void print_cell(FILE *out, const struct ipcbook_stat *stat, const char *name);
int write_all(int fd, const void *bytes, size_t length);

/* errors.c */
[[gnu::format(printf, 1, 2)]]
void complain(const char *format, ...);
[[gnu::format(printf, 2, 3)]]
int wrong_call(const struct command *command, const char *format, ...);
int status_of(int error);
int failed(int error, const char *doing, enum ipcbook_chapter chapter,
	   const char *name, const char *needed);
int failed_device(int error);
int failed_listing(int error);

/* stop.c */
struct stop;
struct stop *stop_watch(int waiting, int output);
int stop_asked(const struct stop *stop);
void stop_die(int number);
void stop_unwatch(struct stop *stop);

/* object.c */
int read_stat(const struct options *options, enum ipcbook_chapter chapter,
	      int fd, struct ipcbook_stat *stat);
int tell_stat(const struct options *options, enum ipcbook_chapter chapter,
	      int fd);
int remove_all(const struct options *options, enum ipcbook_chapter chapter);

/* The commands, a file a chapter; capture.c, watch.c, ls.c, stat.c, ... */
int signal_send(const struct options *options);
int signal_listen(const struct options *options);
int signal_mask(const struct options *options);
int signal_list(const struct options *options);
int signal_kill(const struct options *options);
int queue_create(const struct options *options);
int queue_send(const struct options *options);
int queue_recv(const struct options *options);
int queue_peek(const struct options *options);
int queue_stat(const struct options *options);
int queue_rm(const struct options *options);
int pipe_create(const struct options *options);
int pipe_write(const struct options *options);
int pipe_read(const struct options *options);
int pipe_stat(const struct options *options);
int pipe_rm(const struct options *options);
int shm_create(const struct options *options);
int shm_fill(const struct options *options);
int shm_dump(const struct options *options);
int shm_show(const struct options *options);
int shm_stat(const struct options *options);
int shm_rm(const struct options *options);
int ring_create(const struct options *options);
int ring_produce(const struct options *options);
int ring_consume(const struct options *options);
int ring_stat(const struct options *options);
int ring_rm(const struct options *options);
int sem_create(const struct options *options);
int sem_down(const struct options *options);
int sem_up(const struct options *options);
int sem_run(const struct options *options);
int sem_value(const struct options *options);
int sem_stat(const struct options *options);
int sem_rm(const struct options *options);
int socket_listen(const struct options *options);
int socket_connect(const struct options *options);
int socket_proxy(const struct options *options);
int socket_stat(const struct options *options);
int socket_rm(const struct options *options);
int capture_run(const struct options *options);
int capture_stat(const struct options *options);
int watch_objects(const struct options *options);
int list_objects(const struct options *options);
int stat_objects(const struct options *options);
int top_objects(const struct options *options);
int tell_story(const struct options *options);

/* capture.c: flags of the interface: asked for, and set where @up is 0 or 1. */
int interface_flags(int up);
/* shm.c: the physical frame behind an address; 0 where that is not told. */
__u64 physical_frame(const void *address);

#endif /* IPCBOOK_TOOL_H */
