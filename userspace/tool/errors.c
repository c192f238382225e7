// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is said when something fails, and the exit status for it.
 *
 * A message is one line on standard error: what failed, on what, why, and what
 * to do about it where that can be known. The library's answer is one errno;
 * what lies behind it is found out here, afterwards: whether it was the device
 * that could not be opened, and who may do what with the object.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool.h"

/* Whatever is in the message, it stays one line of harmless characters. */
static void vcomplain(const char *format, va_list arguments)
{
	char *text;

	fflush(stdout);
	fputs("ipcbook: ", stderr);
	if (vasprintf(&text, format, arguments) < 0)
		return;
	print_escaped(stderr, text, false);
	free(text);
}

/* One line on standard error. */
void complain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vcomplain(format, arguments);
	va_end(arguments);
	putc('\n', stderr);
}

/* What is wrong with a call and how it should have been, in one line. */
int wrong_call(const struct command *command, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vcomplain(format, arguments);
	va_end(arguments);
	fprintf(stderr, "; usage: ipcbook %s %s\n", command->name,
		command->synopsis);
	return STATUS_USAGE;
}

/* The exit status for a negative errno. */
int status_of(int error)
{
	switch (-error) {
	case 0:
		return STATUS_DONE;
	case ENODEV:
		return STATUS_DEVICE;
	case EAGAIN:
	case ENOMSG:
	case ETIMEDOUT:
		return STATUS_NOTHING;
	case ENOENT:
	case ECONNREFUSED:
		return STATUS_ABSENT;
	case EACCES:
	case EPERM:
		return STATUS_DENIED;
	case EIDRM:
		return STATUS_REMOVED;
	}
	return STATUS_FAILED;
}

/* Why an error, in words that fit better than those of strerror(). */
static const char *reason(int error)
{
	switch (-error) {
	case EAGAIN:
		return "that would have to wait";
	case ENOMSG:
		return "no such message waits there";
	case ETIMEDOUT:
		return "time is up";
	case ENOENT:
		return "it does not exist";
	case ECONNREFUSED:
		return "nobody listens there";
	case EADDRINUSE:
		return "another socket has the name";
	case EPROTOTYPE:
		return "one is for a stream, the other one for records";
	case EEXIST:
		return "it exists already";
	case EIDRM:
		return "it was removed";
	case EOPNOTSUPP:
		return "the module was built without this chapter";
	case EOVERFLOW:
		return "it would have more than its maximum";
	case EDQUOT:
		return "you are at the module's limit user_objects or user_bytes";
	case ENOSPC:
		return "all objects are at the module's limit max_objects";
	case EMSGSIZE:
		return "the message is longer than there is room for";
	case ENAMETOOLONG:
		return "the name is too long; 63 bytes are the most";
	}
	return strerror(-error);
}

/* What the module takes for a name; see the contract. */
static bool name_valid(const char *name)
{
	const unsigned char *at = (const unsigned char *)name;

	for (; *at; at++)
		if (*at < ' ' || *at == 0x7f || *at == '/')
			return false;
	return *name;
}

/* A device that is there, but cannot be opened for reading and writing. */
static void complain_unopened(int error)
{
	struct stat stat;

	if (error != -EACCES || lstat(IPCBOOK_DEVICE, &stat)) {
		complain("%s cannot be opened: %s", IPCBOOK_DEVICE,
			 strerror(-error));
		return;
	}
	complain("%s may not be opened: mode %04o, owner %u:%u; ask who set its udev rule",
		 IPCBOOK_DEVICE, stat.st_mode & 07777, stat.st_uid,
		 stat.st_gid);
}

/*
 * Is it the device's fault? Then that is said, and true returned. @error is
 * what the library answered.
 */
static bool device_failed(int error)
{
	int device = open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	int problem = device < 0 ? -errno : 0;

	if (device >= 0)
		close(device);
	if (problem == -ENOENT || problem == -ENXIO || problem == -ENODEV ||
	    error == -ENODEV)
		complain("%s is missing: as root, modprobe ipcbook or insmod kmod/ipcbook.ko",
			 IPCBOOK_DEVICE);
	else if (problem == -EACCES || problem == -EPERM)
		complain_unopened(problem);
	else if (error == -ENOTTY)
		complain("%s is not ipcbook's device: remove it and load the module again",
			 IPCBOOK_DEVICE);
	else
		return false;
	return true;
}

static int keep_stat(const struct ipcbook_stat *stat, void *arg)
{
	memcpy(arg, stat, sizeof(*stat));
	return 1;
}

/* What is known of who may use an object; nothing if it may not be read. */
static void explain_access(FILE *out, enum ipcbook_chapter chapter,
			   const char *name, const char *needed)
{
	struct ipcbook_stat stat;

	fputs("permission denied", out);
	if (ipcbook_list(chapter, name, keep_stat, &stat) == 1) {
		fputs("; it belongs to ", out);
		print_access(out, &stat);
	}
	if (needed)
		fprintf(out, "; you need %s", needed);
}

/*
 * Say that @doing ("receive from") an object failed, and return the exit
 * status. @needed is the right that it takes.
 */
int failed(int error, const char *doing, enum ipcbook_chapter chapter,
	   const char *name, const char *needed)
{
	char *line = NULL;
	size_t size = 0;
	FILE *out;

	if ((error == -ENODEV || error == -ENOTTY || error == -EACCES ||
	     error == -EPERM || error == -ENOENT) && device_failed(error))
		return STATUS_DEVICE;
	out = open_memstream(&line, &size);
	if (!out) {
		complain("cannot %s: %s", doing, strerror(-error));
		return status_of(error);
	}
	fprintf(out, "cannot %s %s '%s': ", doing,
		ipcbook_chapter_name(chapter), name);
	if (error == -EACCES || error == -EPERM)
		explain_access(out, chapter, name, needed);
	else if (error == -EINVAL && !name_valid(name))
		fputs("a name is not empty and has no '/' and no control characters",
		      out);
	else if (error == -E2BIG)
		fprintf(out, "that is above one of the module's limits %s_max_...",
			ipcbook_chapter_name(chapter));
	else
		fputs(reason(error), out);
	fclose(out);
	complain("%s", line);
	free(line);
	return status_of(error);
}

/* The same of the device itself, which could not be opened. */
int failed_device(int error)
{
	if (device_failed(error))
		return STATUS_DEVICE;
	complain_unopened(error);
	return status_of(error);
}

/* The same of the list of objects, for which only the module is needed. */
int failed_listing(int error)
{
	if (error == -ENODEV && device_failed(error))
		return STATUS_DEVICE;
	complain("cannot list the objects: %s", reason(error));
	return status_of(error);
}
