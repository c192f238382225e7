// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Ring: attaching, sleeping, waking. The rest is inlined; see ring.h, and
 * linux/ipcbook.h for the rules that the comments here refer to.
 */
#define _FILE_OFFSET_BITS 64

#include <linux/futex.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <ipcbook/ring.h>

#include "book.h"

/* Looks before a sleep: about the time that a sleep and a wake take. */
#define SPINS 2000

#define NSEC_PER_SEC 1000000000ULL

/* Lets a sibling of this CPU, or the emulator, do something else. */
static void relax(void)
{
#if __has_builtin(__builtin_ia32_pause)
	__builtin_ia32_pause();
#endif
}

static size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

static bool size_valid(uint64_t size)
{
	return size >= page_size() && size <= IPCBOOK_RING_SIZE_MAX &&
	       !(size & (size - 1));
}

uint64_t ipcbook_ring_size(uint32_t size)
{
	return size_valid(size) ? 2 * page_size() + (uint64_t)size : 0;
}

/* ---------------------------------------------------------------- attaching */

static bool map_part(unsigned char *address, size_t size, bool writable,
		     int fd, off_t offset)
{
	return mmap(address, size, writable ? PROT_READ | PROT_WRITE : PROT_READ,
		    MAP_SHARED | MAP_FIXED, fd, offset) != MAP_FAILED;
}

/* Everything in a row, the data twice; each side writes its own part. */
static bool map_ring(struct ipcbook_ring *ring, int fd)
{
	bool producer = ring->role == IPCBOOK_RING_PRODUCER;
	size_t page = page_size(), whole = 2 * page + 2 * (size_t)ring->size;
	unsigned char *base;

	base = mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		return false;
	if (!map_part(base, page, !producer, fd, 0) ||
	    !map_part(base + page, page, producer, fd, page) ||
	    !map_part(base + 2 * page, ring->size, producer, fd, 2 * page) ||
	    !map_part(base + 2 * page + ring->size, ring->size, producer, fd,
		      2 * page)) {
		munmap(base, whole);
		return false;
	}
	ring->consumer = (void *)base;
	ring->producer = (void *)(base + page);
	ring->data = base + 2 * page;
	return true;
}

static void unmap_ring(struct ipcbook_ring *ring)
{
	munmap(ring->consumer, 2 * page_size() + 2 * (size_t)ring->size);
}

/* Where the records end that were published from here on. */
static int find_end(struct ipcbook_ring *ring, uint32_t head, uint32_t *tail)
{
	uint32_t word;

	for (;;) {
		if ((*tail & 7) || *tail - head > ring->size)
			return -EPROTO;
		word = __atomic_load_n(ipcbook_ring_word(ring, *tail),
				       __ATOMIC_ACQUIRE);
		if (!word)
			return 0;
		word &= ~IPCBOOK_RING_READY;
		if (word > ipcbook_ring_max(ring))
			return -EPROTO;
		*tail += ipcbook_ring_room(word);
	}
}

/* Goes on after a producer that may have died anywhere. */
static int resume_producer(struct ipcbook_ring *ring)
{
	struct ipcbook_ring_producer *mine = ring->producer;
	uint32_t head = __atomic_load_n(&ring->consumer->head,
					__ATOMIC_ACQUIRE);
	uint32_t before = __atomic_load_n(&mine->tail, __ATOMIC_RELAXED);
	uint32_t tail = before;
	int error;

	/* The consumer may have read what the producer no longer counted. */
	if (tail - head > ring->size)
		tail = head;
	error = find_end(ring, head, &tail);
	if (error)
		return error;
	if (tail == before)
		mine->discarded += mine->unpublished;
	mine->unpublished = 0;
	__atomic_store_n(&mine->tail, tail, __ATOMIC_RELAXED);
	ring->position = tail;
	ring->limit = head + ring->size;
	return 0;
}

static int resume_consumer(struct ipcbook_ring *ring)
{
	ring->position = __atomic_load_n(&ring->consumer->head,
					 __ATOMIC_RELAXED);
	return ring->position & 7 ? -EPROTO : 0;
}

static uint32_t *own_asleep(struct ipcbook_ring *ring)
{
	return ring->role == IPCBOOK_RING_PRODUCER ? &ring->producer->asleep :
						     &ring->consumer->asleep;
}

static int resume(struct ipcbook_ring *ring)
{
	int error;

	error = ring->role == IPCBOOK_RING_PRODUCER ? resume_producer(ring) :
						      resume_consumer(ring);
	if (error)
		return error;
	ring->published = ring->position;
	/* Who slept there before does not any more. */
	ring->asleep = (__atomic_load_n(own_asleep(ring), __ATOMIC_RELAXED) +
			1) & ~1U;
	__atomic_store_n(own_asleep(ring), ring->asleep, __ATOMIC_RELAXED);
	return 0;
}

int ipcbook_ring_attach_fd(struct ipcbook_ring *ring, int fd,
			   enum ipcbook_ring_role role)
{
	uint64_t pages = 2 * page_size();
	int saved = errno, error;
	struct stat stat;

	if (role != IPCBOOK_RING_PRODUCER && role != IPCBOOK_RING_CONSUMER)
		return -EINVAL;
	if (fstat(fd, &stat))
		return ipcbook__answer(-1, saved);
	if ((uint64_t)stat.st_size <= pages ||
	    !size_valid(stat.st_size - pages))
		return -EINVAL;
	memset(ring, 0, sizeof(*ring));
	ring->role = role;
	ring->size = stat.st_size - pages;
	ring->spins = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? SPINS : 0;
	if (!map_ring(ring, fd))
		return ipcbook__answer(-1, saved);
	error = resume(ring);
	if (error)
		unmap_ring(ring);
	return error;
}

void ipcbook_ring_detach(struct ipcbook_ring *ring)
{
	int saved = errno;

	if (ring->role == IPCBOOK_RING_PRODUCER)
		ipcbook_ring_discard(ring);
	ipcbook_ring_flush(ring);
	unmap_ring(ring);
	memset(ring, 0, sizeof(*ring));
	errno = saved;
}

/* ------------------------------------------------------ sleeping and waking */

/* 1 if there is a record, or so much room; 0 if not; or a negative errno. */
static int ready(struct ipcbook_ring *ring, uint32_t room, int order)
{
	int error;

	if (ring->role == IPCBOOK_RING_CONSUMER)
		return __atomic_load_n(ipcbook_ring_word(ring, ring->position),
				       order) != 0;
	error = ipcbook_ring_refresh(ring, order);
	return error ? error : ipcbook_ring_fits(ring, room);
}

/* Until the word is not this any more. */
static int futex_wait(uint32_t *word, uint32_t value, uint64_t deadline)
{
	struct timespec end = {
		.tv_sec = deadline / NSEC_PER_SEC,
		.tv_nsec = deadline % NSEC_PER_SEC,
	};
	int saved = errno, error = 0;

	if (syscall(SYS_futex, word, FUTEX_WAIT_BITSET, value,
		    deadline ? &end : NULL, NULL, FUTEX_BITSET_MATCH_ANY))
		error = errno == EAGAIN ? 0 : -errno;
	errno = saved;
	return error;
}

/* Rule 5. */
static int doze(struct ipcbook_ring *ring, uint32_t room, uint64_t deadline)
{
	bool producer = ring->role == IPCBOOK_RING_PRODUCER;
	uint32_t *wakes = producer ? &ring->consumer->wakes :
				     &ring->producer->wakes;
	uint32_t before = __atomic_load_n(wakes, __ATOMIC_ACQUIRE);
	int error = 0;

	if (producer)
		__atomic_store_n(&ring->producer->wanted,
				 ring->position + room + 8 - ring->size,
				 __ATOMIC_RELAXED);
	__atomic_store_n(own_asleep(ring), ++ring->asleep, __ATOMIC_SEQ_CST);
	if (!ready(ring, room, __ATOMIC_SEQ_CST))
		error = futex_wait(wakes, before, deadline);
	__atomic_store_n(own_asleep(ring), ++ring->asleep, __ATOMIC_RELAXED);
	return error;
}

int ipcbook_ring_wait(struct ipcbook_ring *ring, uint32_t length,
		      uint64_t deadline)
{
	uint32_t room = ipcbook_ring_room(length), spins = 0;
	int there, error = 0;

	if (ring->role == IPCBOOK_RING_PRODUCER &&
	    length > ipcbook_ring_max(ring))
		return -EMSGSIZE;
	ipcbook_ring_flush(ring);
	for (;;) {
		there = ready(ring, room, __ATOMIC_ACQUIRE);
		if (there)
			return there < 0 ? there : 0;
		if (error)
			return error;
		if (spins++ < ring->spins)
			relax();
		else
			error = doze(ring, room, deadline);
	}
}

/* Rule 6. */
void ipcbook_ring_wake(struct ipcbook_ring *ring)
{
	uint32_t asleep, wanted, *wakes;
	int saved = errno;

	if (ring->role == IPCBOOK_RING_CONSUMER) {
		asleep = __atomic_load_n(&ring->producer->asleep,
					 __ATOMIC_ACQUIRE);
		wanted = __atomic_load_n(&ring->producer->wanted,
					 __ATOMIC_RELAXED);
		if ((int32_t)(ring->position - wanted) < 0)
			return;
		wakes = &ring->consumer->wakes;
	} else {
		asleep = __atomic_load_n(&ring->consumer->asleep,
					 __ATOMIC_ACQUIRE);
		wakes = &ring->producer->wakes;
	}
	ring->woken = asleep;
	__atomic_fetch_add(wakes, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, wakes, FUTEX_WAKE, 1, NULL, NULL, 0);
	errno = saved;
}
