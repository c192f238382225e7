/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * io_uring for tests, by raw system calls: a library for it is not everywhere.
 */
#ifndef TEST_URING_H
#define TEST_URING_H

#include <dirent.h>
#include <linux/io_uring.h>

#include "harness.h"

/* A ring with room for 8 requests, made for one test. */
static struct {
	int fd;
	_Atomic unsigned int *sq_tail, *cq_head, *cq_tail;
	unsigned int *sq_array, sq_mask, cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
} ring;

static inline void *ring_map(size_t size, off_t offset)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_POPULATE, ring.fd, offset);

	holds(memory != MAP_FAILED);
	return memory;
}

static inline void ring_open(void)
{
	struct io_uring_params p = { 0 };
	size_t sq_end, cq_end;
	char *memory;

	ring.fd = keep(sys(syscall(SYS_io_uring_setup, 8, &p)));
	holds(p.features & IORING_FEAT_SINGLE_MMAP);
	sq_end = p.sq_off.array + p.sq_entries * sizeof(int);
	cq_end = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	memory = ring_map(sq_end > cq_end ? sq_end : cq_end,
			  IORING_OFF_SQ_RING);
	ring.sq_tail = (void *)(memory + p.sq_off.tail);
	ring.sq_mask = *(unsigned int *)(memory + p.sq_off.ring_mask);
	ring.sq_array = (void *)(memory + p.sq_off.array);
	ring.cq_head = (void *)(memory + p.cq_off.head);
	ring.cq_tail = (void *)(memory + p.cq_off.tail);
	ring.cq_mask = *(unsigned int *)(memory + p.cq_off.ring_mask);
	ring.cqes = (void *)(memory + p.cq_off.cqes);
	ring.sqes = ring_map(p.sq_entries * sizeof(struct io_uring_sqe),
			     IORING_OFF_SQES);
}

static inline void ring_submit(struct io_uring_sqe sqe)
{
	unsigned int tail = *ring.sq_tail;
	unsigned int index = tail & ring.sq_mask;

	ring.sqes[index] = sqe;
	ring.sq_array[index] = index;
	*ring.sq_tail = tail + 1;
	is(sys(syscall(SYS_io_uring_enter, ring.fd, 1, 0, 0, NULL, 0)), 1);
}

static inline void ring_rw(int op, int fd, void *buf, size_t len,
			   uint64_t offset, unsigned int flags)
{
	ring_submit((struct io_uring_sqe){
		.opcode = op,
		.flags = flags,
		.fd = fd,
		.off = offset,
		.addr = (uintptr_t)buf,
		.len = len,
		.user_data = offset,
	});
}

static inline bool ring_has(void)
{
	return *ring.cq_head != *ring.cq_tail;
}

/* Waits for a completion; returns its result, and of which request. */
static inline int ring_take(uint64_t *which)
{
	struct io_uring_cqe *cqe;
	int res;

	if (!ring_has())
		is(sys(syscall(SYS_io_uring_enter, ring.fd, 0, 1,
			       IORING_ENTER_GETEVENTS, NULL, 0)), 0);
	holds(ring_has());
	cqe = &ring.cqes[*ring.cq_head & ring.cq_mask];
	res = cqe->res;
	if (which)
		*which = cqe->user_data;
	*ring.cq_head = *ring.cq_head + 1;
	return res;
}

/* How many worker threads io_uring has made for this process. */
static inline int workers(void)
{
	char path[300];
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	const char *name;
	int n = 0;

	holds(dir);
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/comm",
			 entry->d_name);
		name = slurp(path);
		n += name && !strncmp(name, "iou-wrk", 7);
	}
	closedir(dir);
	return n;
}

#endif /* TEST_URING_H */
