// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shared memory chapter's cases.
 *
 *	attach		map 1 MiB, write to each page of it, unmap. The pages are
 *			there before: what is timed is the way to them
 *
 * The peer is a memfd, which is what shm_open() and anonymous shared memory
 * come down to. What is written is the number of the turn; afterwards each page
 * must hold the last one.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ipcbook/ipcbook.h>

#include "engine.h"

#define RW	(PROT_READ | PROT_WRITE)

static size_t page_size;

/* A number in each page. */
static void touch(char *mem, size_t size, uint64_t number)
{
	size_t i;

	for (i = 0; i < size; i += page_size)
		*(volatile uint64_t *)(mem + i) = number;
}

static char *map(struct bench_side *side)
{
	void *mem = mmap(NULL, side->test->capacity, RW, MAP_SHARED,
			 side->fd[0], 0);

	if (mem != MAP_FAILED)
		return mem;
	bench_fail(side, "mmap", errno);
	return NULL;
}

static int attach_run(struct bench_side *side, unsigned long n)
{
	size_t size = side->test->capacity;
	char *mem;

	while (n--) {
		mem = map(side);
		if (!mem)
			return -1;
		touch(mem, size, ++side->sequence);
		munmap(mem, size);
	}
	return 0;
}

static int attach_check(struct bench_side *side)
{
	size_t size = side->test->capacity, i;
	char *mem = map(side);
	int ret = 0;

	if (!mem)
		return -1;
	for (i = 0; !ret && i < size; i += page_size)
		if (*(uint64_t *)(mem + i) != side->sequence)
			ret = bench_fail(side, "what was written", EBADMSG);
	munmap(mem, size);
	return ret;
}

/* What was opened gets its pages. */
static int populate(struct bench_side *side, const char *what)
{
	if (side->fd[0] < 0)
		return bench_fail(side, what, -side->fd[0]);
	page_size = sysconf(_SC_PAGESIZE);
	return attach_run(side, 1);
}

static int segment_open(struct bench_side *side)
{
	side->fd[0] = ipcbook_shm_open(NULL, O_RDWR | O_CLOEXEC, 0600,
				       side->test->capacity);
	return populate(side, "opening a segment");
}

static int memfd_open(struct bench_side *side)
{
	side->fd[0] = memfd_create("attach", MFD_CLOEXEC);
	if (side->fd[0] >= 0 &&
	    ftruncate(side->fd[0], side->test->capacity))
		return bench_fail(side, "ftruncate", errno);
	return populate(side, "memfd_create");
}

static void attach_close(struct bench_side *side)
{
	if (side->fd[0] >= 0)
		close(side->fd[0]);
}

static const struct bench_ops segment_attach = {
	.open	= segment_open,
	.run	= attach_run,
	.check	= attach_check,
	.close	= attach_close,
};

static const struct bench_ops memfd_attach = {
	.open	= memfd_open,
	.run	= attach_run,
	.check	= attach_check,
	.close	= attach_close,
};

const struct bench_case bench_shm_cases[] = {
	{ .chapter = "shm", .name = "attach", .peer = "memfd",
	  .size = 1 << 20, .bytes = 64, .capacity = 1 << 20,
	  .ours = &segment_attach, .theirs = &memfd_attach, .goal = 1.00 },
	{ }
};
