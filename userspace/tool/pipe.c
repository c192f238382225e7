// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook pipe: create, write, read, stat, rm.
 *
 * write and read open an end and are from then on what cat is: opening waits for
 * the other end, reading goes on to the end of file, which is when the last
 * writer has closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool.h"

/* Bytes moved in one go. */
static char buffer[65536];

static int failed_open(const struct options *options, int flags, int error)
{
	const char *name = options->operands[0];
	const char *needed = (flags & O_ACCMODE) == O_WRONLY ?
			     "write permission" : "read permission";

	if (error == -ENXIO) {
		complain("cannot write to pipe '%s' without waiting: nobody reads it",
			 name);
		return STATUS_NOTHING;
	}
	return failed(error, flags & O_EXCL ? "create" : "open", IPCBOOK_PIPE,
		      name, needed);
}

static int open_pipe(const struct options *options, int flags, int *fd)
{
	if (options->given[OPTION_CREATE])
		flags |= O_CREAT;
	if (options->given[OPTION_NOWAIT])
		flags |= O_NONBLOCK;
	*fd = ipcbook_pipe_open(options->operands[0], flags | O_CLOEXEC, 0666,
				0);
	return *fd < 0 ? failed_open(options, flags, *fd) : STATUS_DONE;
}

/* ------------------------------------------------------------------- create */

/* Is the pipe what was asked for? It may have been there before. */
static int compare_settings(const struct options *options,
			    const struct ipcbook_stat *stat)
{
	const char *name = options->operands[0];

	/* The capacity is rounded up. */
	if (options->limits.size &&
	    (options->limits.size > stat->max_bytes ||
	     (options->limits.size <= stat->max_bytes / 2 &&
	      stat->max_bytes > (__u64)sysconf(_SC_PAGESIZE))))
		complain("pipe '%s' is there with other settings: size %llu, not %llu",
			 name, stat->max_bytes, options->limits.size);
	else if (options->given[OPTION_MODE] && options->mode != stat->mode)
		complain("pipe '%s' is there with other settings: mode %04o, not %04o",
			 name, stat->mode, options->mode);
	else
		return STATUS_DONE;
	return STATUS_FAILED;
}

/* What is created, or looked at, is nobody's end. */
int pipe_create(const struct options *options)
{
	int flags = O_RDONLY | O_PATH | O_CREAT | O_CLOEXEC;
	struct ipcbook_stat stat;
	mode_t mode = 0666;
	int fd, status;

	if (options->given[OPTION_EXCL])
		flags |= O_EXCL;
	if (options->given[OPTION_MODE]) {
		mode = options->mode;
		umask(0);
	}
	fd = ipcbook_pipe_open(options->operands[0], flags, mode,
			       options->limits.size);
	if (fd < 0)
		return failed_open(options, O_EXCL, fd);
	status = read_stat(options, IPCBOOK_PIPE, fd, &stat);
	if (!status)
		status = compare_settings(options, &stat);
	if (!status && options->given[OPTION_JSON])
		print_stat_json(stdout, &stat);
	close(fd);
	return status;
}

/* -------------------------------------------------------------------- moving */

static int told(const struct options *options, unsigned long long bytes)
{
	const char *name = options->operands[0];

	if (!options->given[OPTION_JSON])
		return STATUS_DONE;
	fputs("{\"pipe\":", stdout);
	print_json_string(stdout, name, strlen(name));
	printf(",\"bytes\":%llu}\n", bytes);
	return STATUS_DONE;
}

static int failed_write(const struct options *options, int error,
			unsigned long long done)
{
	const char *name = options->operands[0];

	if (error != -EPIPE && error != -EAGAIN)
		return failed(error, "write to", IPCBOOK_PIPE, name, NULL);
	complain("cannot write to pipe '%s': %s; %llu bytes were written", name,
		 error == -EPIPE ? "nobody reads it any more" :
				   "it is full, and that would have to wait",
		 done);
	return status_of(error);
}

/* Writes all of it; a short write is followed by one that says why. */
static int put(const struct options *options, int fd, const char *bytes,
	       size_t length, unsigned long long *done)
{
	ssize_t n;

	while (length) {
		n = write(fd, bytes, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed_write(options, -errno, *done);
		*done += n;
		bytes += n;
		length -= n;
	}
	return STATUS_DONE;
}

/* Words with a space between them and a newline behind, as echo has it. */
static int write_words(const struct options *options, int fd,
		       unsigned long long *done)
{
	int status = STATUS_DONE;
	const char *word;

	for (int i = 1; !status && i < options->operand_count; i++) {
		word = options->operands[i];
		status = put(options, fd, word, strlen(word), done);
		if (!status)
			status = put(options, fd, i + 1 < options->operand_count
						  ? " " : "\n", 1, done);
	}
	return status;
}

static int write_input(const struct options *options, int input, int fd,
		       unsigned long long *done)
{
	int status = STATUS_DONE;
	ssize_t n;

	while (!status) {
		n = read(input, buffer, sizeof(buffer));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			complain("cannot read %s: %s",
				 options->file ? options->file :
						 "standard input",
				 strerror(errno));
			return STATUS_FAILED;
		}
		if (!n)
			break;
		status = put(options, fd, buffer, n, done);
	}
	return status;
}

static int open_input(const struct options *options, int *input)
{
	const char *file = options->file;

	*input = STDIN_FILENO;
	if (options->operand_count > 1 || !file || strcmp(file, "-") == 0)
		return STATUS_DONE;
	*input = open(file, O_RDONLY | O_CLOEXEC);
	if (*input >= 0)
		return STATUS_DONE;
	complain("cannot read %s: %s", file, strerror(errno));
	return STATUS_FAILED;
}

/* That nobody reads is said and is no reason to be killed. */
int pipe_write(const struct options *options)
{
	unsigned long long done = 0;
	int input, fd, status;

	if (options->operand_count > 1 && options->given[OPTION_FILE])
		return wrong_call(options->command, "TEXT excludes --file");
	status = open_input(options, &input);
	if (!status)
		status = open_pipe(options, O_WRONLY, &fd);
	if (status)
		return status;
	signal(SIGPIPE, SIG_IGN);
	if (options->operand_count > 1)
		status = write_words(options, fd, &done);
	else
		status = write_input(options, input, fd, &done);
	signal(SIGPIPE, SIG_DFL);
	close(fd);
	return status ? status : told(options, done);
}

static int open_output(const struct options *options, int *output)
{
	const char *file = options->output;

	*output = STDOUT_FILENO;
	if (!file || strcmp(file, "-") == 0)
		return STATUS_DONE;
	*output = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (*output >= 0)
		return STATUS_DONE;
	complain("cannot write %s: %s", file, strerror(errno));
	return STATUS_FAILED;
}

/* How much the next read may take. */
static size_t wanted(const struct options *options, unsigned long long done)
{
	__u64 left = options->limits.size - done;

	if (!options->given[OPTION_SIZE] || left > sizeof(buffer))
		return sizeof(buffer);
	return left;
}

static int nothing_there(const struct options *options)
{
	complain("cannot read from pipe '%s' without waiting: there is nothing in it",
		 options->operands[0]);
	return STATUS_NOTHING;
}

static int copy_out(const struct options *options, int fd, int output,
		    unsigned long long *done)
{
	const char *name = options->operands[0];
	ssize_t n;
	int error;

	while (wanted(options, *done)) {
		n = read(fd, buffer, wanted(options, *done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return failed(-errno, "read from", IPCBOOK_PIPE, name,
				      NULL);
		if (n <= 0)
			break;
		error = write_all(output, buffer, n);
		if (error) {
			complain("cannot write %s: %s",
				 options->output ? options->output :
						   "standard output",
				 strerror(-error));
			return STATUS_LOST;
		}
		*done += n;
	}
	return STATUS_DONE;
}

int pipe_read(const struct options *options)
{
	unsigned long long done = 0;
	int output, fd, status;

	status = open_pipe(options, O_RDONLY, &fd);
	if (status)
		return status;
	status = open_output(options, &output);
	if (!status)
		status = copy_out(options, fd, output, &done);
	if (!status && !done && options->given[OPTION_NOWAIT])
		status = nothing_there(options);
	close(fd);
	if (!status && output != STDOUT_FILENO) {
		if (close(output)) {
			complain("cannot write %s: %s", options->output,
				 strerror(errno));
			return STATUS_LOST;
		}
		status = told(options, done);
	}
	return status;
}

/* -------------------------------------------------------------- stat and rm */

int pipe_stat(const struct options *options)
{
	int flags = O_RDONLY | O_PATH;
	int fd;

	fd = ipcbook_pipe_open(options->operands[0], flags | O_CLOEXEC, 0, 0);
	if (fd < 0)
		return failed_open(options, flags, fd);
	return tell_stat(options, IPCBOOK_PIPE, fd);
}

int pipe_rm(const struct options *options)
{
	return remove_all(options, IPCBOOK_PIPE);
}
