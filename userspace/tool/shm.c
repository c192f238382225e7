// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook shm: create, fill, dump, show, stat, rm.
 *
 * A segment is mapped, and then it is memory: fill copies into it, dump writes
 * out of it. "show" is the point of the chapter: called twice, it prints two
 * addresses and one physical frame.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool.h"

/* What create takes for --size: whole pages, however large those are. */
#define DEFAULT_SIZE 65536ULL

/* An entry of /proc/PID/pagemap; see pagemap.rst of the kernel. */
#define FRAME_PRESENT	(1ULL << 63)
#define FRAME_MASK	((1ULL << 55) - 1)

/**
 * struct mapped - a segment that is mapped
 * @bytes: its first byte
 * @size: how many there are
 */
struct mapped {
	void *bytes;
	size_t size;
};

/* Why a segment cannot be opened, by how it was to be. */
static int failed_open(const struct options *options, int flags, int error)
{
	return failed(error, flags & O_CREAT ? "create" : "open", IPCBOOK_SHM,
		      options->operands[0],
		      (flags & O_ACCMODE) == O_RDWR ?
		      "read and write permission" : "read permission");
}

static int open_segment(const struct options *options, int flags, int *fd)
{
	*fd = ipcbook_shm_open(options->operands[0], flags | O_CLOEXEC, 0, 0);
	return *fd < 0 ? failed_open(options, flags, *fd) : STATUS_DONE;
}

/* Open and map it; with PROT_WRITE also to write. */
static int map_segment(const struct options *options, int prot,
		       struct mapped *mapped)
{
	int fd, error, status;

	status = open_segment(options,
			      prot & PROT_WRITE ? O_RDWR : O_RDONLY, &fd);
	if (status)
		return status;
	error = ipcbook_shm_map(fd, prot, &mapped->bytes, &mapped->size);
	close(fd);
	if (!error)
		return STATUS_DONE;
	return failed(error, "map", IPCBOOK_SHM, options->operands[0], NULL);
}

/* ------------------------------------------------------------------- create */

/* Is the segment what was asked for? It may have been there before. */
static int compare_settings(const struct options *options,
			    const struct ipcbook_stat *stat)
{
	const char *name = options->operands[0];

	if (options->limits.size && options->limits.size != stat->max_bytes)
		complain("shm '%s' is there with other settings: size %llu, not %llu",
			 name, stat->max_bytes, options->limits.size);
	else if (options->given[OPTION_MODE] && options->mode != stat->mode)
		complain("shm '%s' is there with other settings: mode %04o, not %04o",
			 name, stat->mode, options->mode);
	else
		return STATUS_DONE;
	return STATUS_FAILED;
}

static int failed_create(const struct options *options, __u64 size, int error)
{
	long page = sysconf(_SC_PAGESIZE);

	if (error != -EINVAL || size % page == 0)
		return failed_open(options, O_CREAT, error);
	complain("shm '%s' must have whole pages: --size is %llu, a page has %ld bytes",
		 options->operands[0], size, page);
	return STATUS_FAILED;
}

int shm_create(const struct options *options)
{
	int flags = O_RDONLY | O_CREAT | O_CLOEXEC;
	__u64 size = options->limits.size;
	struct ipcbook_stat stat;
	mode_t mode = 0666;
	int fd, status;

	if (!size)
		size = DEFAULT_SIZE;
	if (options->given[OPTION_EXCL])
		flags |= O_EXCL;
	if (options->given[OPTION_MODE]) {
		mode = options->mode;
		umask(0);
	}
	fd = ipcbook_shm_open(options->operands[0], flags, mode, size);
	if (fd < 0)
		return failed_create(options, size, fd);
	status = read_stat(options, IPCBOOK_SHM, fd, &stat);
	if (!status)
		status = compare_settings(options, &stat);
	if (!status && options->given[OPTION_JSON])
		print_stat_json(stdout, &stat);
	close(fd);
	return status;
}

/* --------------------------------------------------------------------- fill */

static int too_long(const struct options *options, size_t size)
{
	complain("too long for shm '%s', which has %zu bytes",
		 options->operands[0], size);
	return STATUS_FAILED;
}

/* What is to be written, in memory of its own; no more than fits and one. */
static int read_input(const struct options *options, FILE *input,
		      struct mapped *content, size_t most)
{
	const char *file = options->file;

	content->bytes = malloc(most + 1);
	if (!content->bytes) {
		complain("not enough memory");
		return STATUS_FAILED;
	}
	content->size = fread(content->bytes, 1, most + 1, input);
	if (!ferror(input))
		return STATUS_DONE;
	complain("cannot read %s: %s", file ? file : "standard input",
		 strerror(errno));
	return STATUS_FAILED;
}

/* The words of a call, with a space between them, as echo has it. */
static int join_words(const struct options *options, struct mapped *content)
{
	char *text = NULL;
	FILE *out;

	out = open_memstream(&text, &content->size);
	if (!out) {
		complain("not enough memory");
		return STATUS_FAILED;
	}
	for (int i = 1; i < options->operand_count; i++)
		fprintf(out, "%s%s", i > 1 ? " " : "", options->operands[i]);
	fclose(out);
	content->bytes = text;
	return STATUS_DONE;
}

static int read_content(const struct options *options, struct mapped *content,
			size_t most)
{
	const char *file = options->file;
	FILE *input;
	int status;

	if (options->operand_count > 1)
		return join_words(options, content);
	if (!file || strcmp(file, "-") == 0)
		return read_input(options, stdin, content, most);
	input = fopen(file, "re");
	if (!input) {
		complain("cannot read %s: %s", file, strerror(errno));
		return STATUS_FAILED;
	}
	status = read_input(options, input, content, most);
	fclose(input);
	return status;
}

/* All of it is read before the first byte is written. */
int shm_fill(const struct options *options)
{
	struct mapped content = { 0 }, segment;
	int status;

	if (options->operand_count > 1 && options->given[OPTION_FILE])
		return wrong_call(options->command, "TEXT excludes --file");
	status = map_segment(options, PROT_READ | PROT_WRITE, &segment);
	if (status)
		return status;
	status = read_content(options, &content, segment.size);
	if (!status && content.size > segment.size)
		status = too_long(options, segment.size);
	if (!status)
		memcpy(segment.bytes, content.bytes, content.size);
	free(content.bytes);
	munmap(segment.bytes, segment.size);
	return status;
}

/* --------------------------------------------------------------------- dump */

static int open_output(const char *file, int *fd)
{
	*fd = STDOUT_FILENO;
	if (!file || strcmp(file, "-") == 0)
		return STATUS_DONE;
	*fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (*fd >= 0)
		return STATUS_DONE;
	complain("cannot write %s: %s", file, strerror(errno));
	return STATUS_FAILED;
}

int shm_dump(const struct options *options)
{
	struct mapped segment;
	int fd, error, status;
	size_t size;

	status = map_segment(options, PROT_READ, &segment);
	if (status)
		return status;
	size = segment.size;
	if (options->limits.size && options->limits.size < size)
		size = options->limits.size;
	status = open_output(options->output, &fd);
	if (status)
		return status;
	error = write_all(fd, segment.bytes, size);
	if (fd != STDOUT_FILENO && close(fd) && !error)
		error = -errno;
	munmap(segment.bytes, segment.size);
	if (!error)
		return STATUS_DONE;
	complain("cannot write %s: %s",
		 options->output ? options->output : "standard output",
		 strerror(-error));
	return STATUS_FAILED;
}

/* --------------------------------------------------------------------- show */

/* The physical frame behind an address; 0 where that is not told. */
__u64 physical_frame(const void *address)
{
	__u64 entry = 0;
	int pagemap;
	off_t at;

	pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (pagemap < 0)
		return 0;
	at = (uintptr_t)address / sysconf(_SC_PAGESIZE) * sizeof(entry);
	if (pread(pagemap, &entry, sizeof(entry), at) != sizeof(entry) ||
	    !(entry & FRAME_PRESENT))
		entry = 0;
	close(pagemap);
	return entry & FRAME_MASK;
}

static void print_place(const struct options *options,
			const struct mapped *segment, __u64 frame)
{
	const char *name = options->operands[0];

	if (options->given[OPTION_JSON]) {
		fputs("{\"shm\":", stdout);
		print_json_string(stdout, name, strlen(name));
		printf(",\"pid\":%d,\"address\":\"%p\",\"frame\":", getpid(),
		       segment->bytes);
		if (frame)
			printf("\"0x%llx\"}\n", frame);
		else
			puts("null}");
		return;
	}
	printf("process  %d\naddress  %p\n", getpid(), segment->bytes);
	if (frame)
		printf("frame    0x%llx\n", frame);
	else
		puts("frame    -");
}

int shm_show(const struct options *options)
{
	struct mapped segment;
	__u64 frame;
	int status;

	status = map_segment(options, PROT_READ, &segment);
	if (status)
		return status;
	frame = physical_frame(segment.bytes);
	print_place(options, &segment, frame);
	munmap(segment.bytes, segment.size);
	if (frame)
		return STATUS_DONE;
	complain("the kernel shows physical frames to CAP_SYS_ADMIN only: call this as root");
	return STATUS_DENIED;
}

/* -------------------------------------------------------------- stat and rm */

int shm_stat(const struct options *options)
{
	int fd, status;

	status = open_segment(options, O_RDONLY, &fd);
	return status ? status : tell_stat(options, IPCBOOK_SHM, fd);
}

int shm_rm(const struct options *options)
{
	return remove_all(options, IPCBOOK_SHM);
}
