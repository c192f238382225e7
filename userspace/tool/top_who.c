// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook top: which processes have an object open, and who of them waits.
 *
 * The kernel knows it, and tells it in /proc: what a descriptor stands for
 * (fdinfo, which has chapter and id), and in which system call a thread sleeps
 * (syscall). Of processes that the caller may not look into, nothing is told.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "top.h"

/* A small file of /proc; false if it cannot be read. */
static bool read_file(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t length;

	if (!file)
		return false;
	length = fread(text, 1, size - 1, file);
	text[length] = '\0';
	fclose(file);
	return length > 0;
}

/* Whether a descriptor's fdinfo is that of the object. */
static bool is_object(const char *info, const struct ipcbook_stat *stat)
{
	char want[64];
	const char *at;

	snprintf(want, sizeof(want), "chapter:\t%s\nid:\t%llu\n",
		 ipcbook_chapter_name(stat->chapter),
		 (unsigned long long)stat->id);
	at = strstr(info, want);
	return at && (at == info || at[-1] == '\n');
}

static const char *call_name(long number)
{
	static const struct {
		long number;
		const char *name;
	} calls[] = {
		{ SYS_read, "read" }, { SYS_write, "write" },
		{ SYS_pread64, "pread" }, { SYS_pwrite64, "pwrite" },
		{ SYS_readv, "readv" }, { SYS_writev, "writev" },
		{ SYS_preadv, "preadv" }, { SYS_pwritev, "pwritev" },
		{ SYS_ioctl, "ioctl" }, { SYS_recvfrom, "recv" },
		{ SYS_sendto, "send" }, { SYS_recvmsg, "recvmsg" },
		{ SYS_sendmsg, "sendmsg" }, { SYS_connect, "connect" },
		{ SYS_accept, "accept" }, { SYS_accept4, "accept" },
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (calls[i].number == number)
			return calls[i].name;
	return NULL;
}

/* The call in which a thread sleeps on this descriptor; NULL if in none. */
static const char *waits_in(const char *thread, int fd)
{
	unsigned long long first;
	char path[512], text[256];
	long number;

	snprintf(path, sizeof(path), "%s/syscall", thread);
	if (!read_file(path, text, sizeof(text)) ||
	    sscanf(text, "%ld %llx", &number, &first) != 2 ||
	    first != (unsigned int)fd)
		return NULL;
	return call_name(number);
}

/* The same of any of a process's threads. */
static void find_waiting(struct top_process *process)
{
	struct dirent *entry;
	const char *call;
	char path[400];
	DIR *threads;

	snprintf(path, sizeof(path), "/proc/%d/task", process->pid);
	threads = opendir(path);
	while (threads && (entry = readdir(threads))) {
		if (!isdigit((unsigned char)*entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s", process->pid,
			 entry->d_name);
		call = waits_in(path, process->fd);
		if (!call)
			continue;
		snprintf(process->waits, sizeof(process->waits), "%s", call);
		break;
	}
	if (threads)
		closedir(threads);
}

/* Whether a link of /proc/PID/fd can be one of ours at all. */
static bool is_candidate(const char *directory, const char *name)
{
	char path[600], link[64];
	ssize_t length;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	length = readlink(path, link, sizeof(link) - 1);
	if (length < 0)
		return false;
	link[length] = '\0';
	return strncmp(link, "anon_inode:[ipcbook", 19) == 0 ||
	       strncmp(link, "socket:", 7) == 0 ||
	       strcmp(link, IPCBOOK_DEVICE) == 0;
}

/* The first descriptor that a process has of the object; -1 if none. */
static int descriptor_of(const char *pid, const struct ipcbook_stat *stat)
{
	char path[300], info[4096];
	struct dirent *entry;
	DIR *descriptors;
	int fd = -1;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	descriptors = opendir(path);
	while (descriptors && fd < 0 && (entry = readdir(descriptors))) {
		snprintf(path, sizeof(path), "/proc/%s/fd", pid);
		if (!isdigit((unsigned char)*entry->d_name) ||
		    !is_candidate(path, entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/fdinfo/%.16s", pid,
			 entry->d_name);
		if (read_file(path, info, sizeof(info)) &&
		    is_object(info, stat))
			fd = atoi(entry->d_name);
	}
	if (descriptors)
		closedir(descriptors);
	return fd;
}

static void describe(struct top_process *process, const char *pid, int fd)
{
	struct stat directory;
	char path[64];

	memset(process, 0, sizeof(*process));
	process->pid = atoi(pid);
	process->fd = fd;
	snprintf(path, sizeof(path), "/proc/%.16s", pid);
	if (!stat(path, &directory))
		process->uid = directory.st_uid;
	snprintf(path, sizeof(path), "/proc/%.16s/comm", pid);
	if (read_file(path, process->comm, sizeof(process->comm)))
		process->comm[strcspn(process->comm, "\n")] = '\0';
	find_waiting(process);
}

/* Fills in who has an object open, at most as many as there is room for. */
size_t top_who(const struct ipcbook_stat *stat, struct top_process *processes,
	       size_t room)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	size_t count = 0;
	int fd;

	while (proc && count < room && (entry = readdir(proc))) {
		if (!isdigit((unsigned char)*entry->d_name))
			continue;
		fd = descriptor_of(entry->d_name, stat);
		if (fd >= 0)
			describe(&processes[count++], entry->d_name, fd);
	}
	if (proc)
		closedir(proc);
	return count;
}
