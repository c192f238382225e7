// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Ring: opening, attaching, sleeping, waking. The rest is inlined; see ring.h,
 * and linux/ipcbook.h for the rules that the comments here refer to.
 */
#define _FILE_OFFSET_BITS 64

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <ipcbook/ring.h>

#include "book.h"

/* Looks before a sleep: about the time that a sleep and a wake take. */
#define SPINS		2000U

/* Of them, those of a consumer without a pause in between. */
#define QUICK_LOOKS	250U

/* Of sleeps without looking, one looks again whether that would help now. */
#define NAPS		16U

/* Records without anything in them that one look passes over. */
#define SKIPS		1024U

/* A lock that another producer does not give up: yields, then naps. */
#define YIELDS		16U
#define NAP		1000000LL

#define NSEC_PER_SEC	1000000000ULL

#define ALL_FLAGS	(IPCBOOK_RING_MANY | IPCBOOK_RING_OVERWRITE)

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

static bool is_producer(const struct ipcbook_ring *ring)
{
	return ring->role == IPCBOOK_RING_PRODUCER;
}

/* ------------------------------------------------------------ opening, names */

int ipcbook_ring_open(const char *name, int flags, mode_t mode,
		      const struct ipcbook_ring_limits *limits)
{
	struct ipcbook_open open = {
		.size = sizeof(open),
		.chapter = IPCBOOK_RING,
	};
	int error;

	error = ipcbook__open_args(&open, name, flags);
	if (error)
		return error;
	if (!name || flags & O_CREAT) {
		open.mode = mode;
		if (limits)
			open.ring = *limits;
	}
	return ipcbook__device(IPCBOOK_IOC_OPEN, &open);
}

int ipcbook_ring_unlink(const char *name)
{
	return ipcbook_unlink(IPCBOOK_RING, name);
}

/* ------------------------------------------------- producers that have died */

/* Rule 9, of a slot that is nobody's any more. */
static void bury(struct ipcbook_ring *ring, uint32_t number)
{
	struct ipcbook_ring_producer *all = ring->producer;
	struct ipcbook_ring_slot *slot = &all->slots[number - 1];
	uint32_t tail = __atomic_load_n(&all->tail, __ATOMIC_ACQUIRE);
	uint32_t head = __atomic_load_n(&ring->consumer->head,
					__ATOMIC_ACQUIRE);
	uint32_t length = __atomic_load_n(&slot->length, __ATOMIC_ACQUIRE);
	uint32_t at = __atomic_load_n(&slot->position, __ATOMIC_ACQUIRE) & ~7U;
	uint32_t *record = ipcbook_ring_word(ring, at), busy, skip;
	bool locked = __atomic_load_n(&all->lock, __ATOMIC_ACQUIRE) == number;

	busy = __atomic_load_n(record, __ATOMIC_ACQUIRE);
	skip = (busy ^ IPCBOOK_RING_BUSY) | IPCBOOK_RING_READY |
	       IPCBOOK_RING_SKIP;
	if (length && locked && tail == at) {
		__atomic_store_n(record, 0, __ATOMIC_RELEASE);
		__atomic_fetch_add(&all->discarded, 1, __ATOMIC_RELAXED);
	} else if (length && tail - at <= tail - head && tail != at &&
		   (busy & ~(ring->size - 1)) == IPCBOOK_RING_BUSY &&
		   record[1] == number &&
		   __atomic_compare_exchange_n(record, &busy, skip, 0,
					       __ATOMIC_SEQ_CST,
					       __ATOMIC_RELAXED)) {
		__atomic_fetch_add(&all->discarded, 1, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&slot->length, 0, __ATOMIC_RELEASE);
	if (locked)
		__atomic_compare_exchange_n(&all->lock, &number, 0, 0,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

/* Wakes whoever sleeps until "wakes" changes. */
static void wake_sleepers(struct ipcbook_ring *ring, uint32_t *wakes, int most)
{
	int saved = errno;

	__atomic_fetch_add(wakes, 1, __ATOMIC_RELEASE);
	if (ring->fd >= 0)
		ioctl(ring->fd, IPCBOOK_IOC_RING_WAKE, (long)ring->role);
	else
		syscall(SYS_futex, wakes, FUTEX_WAKE, most, NULL, NULL, 0);
	errno = saved;
}

/* Whether a process has ended, also where nobody has waited for it yet. */
static bool has_ended(pid_t pid)
{
	struct pollfd end = { .events = POLLIN };
	int saved = errno;
	bool ended;

	end.fd = syscall(SYS_pidfd_open, pid, 0);
	ended = end.fd < 0 ? errno == ESRCH : poll(&end, 1, 0) == 1;
	if (end.fd >= 0)
		close(end.fd);
	errno = saved;
	return ended;
}

/* Without the module: takes over the slot of a process that is not there. */
static bool inherit(struct ipcbook_ring *ring, uint32_t number)
{
	struct ipcbook_ring_slot *slot = &ring->producer->slots[number - 1];
	uint32_t owner = __atomic_load_n(&slot->owner, __ATOMIC_ACQUIRE);
	bool dead = owner && has_ended(owner);

	/* Only one succeeds: from now on the slot is the caller's. */
	if ((owner && !dead) ||
	    !__atomic_compare_exchange_n(&slot->owner, &owner, getpid(), 0,
					 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return false;
	if (dead) {
		bury(ring, number);
		wake_sleepers(ring, &ring->producer->wakes, 1);
	}
	return true;
}

/* Without the module: looks for producers that have died. */
static void look_for_dead(struct ipcbook_ring *ring)
{
	struct ipcbook_ring_slot *slot;

	if (ring->fd >= 0 || !ring->slot)
		return;
	for (uint32_t n = 1; n <= IPCBOOK_RING_SLOTS; n++) {
		slot = &ring->producer->slots[n - 1];
		if (__atomic_load_n(&slot->owner, __ATOMIC_ACQUIRE) &&
		    inherit(ring, n))
			__atomic_store_n(&slot->owner, 0, __ATOMIC_RELEASE);
	}
}

static int take_slot(struct ipcbook_ring *ring)
{
	for (uint32_t n = 1; n <= IPCBOOK_RING_SLOTS; n++) {
		if (!inherit(ring, n))
			continue;
		ring->number = n;
		return 0;
	}
	return -EBUSY;
}

/* ---------------------------------------------------------------- attaching */

/* Where the records end that were published from here on. */
static int find_end(struct ipcbook_ring *ring, uint32_t *tail)
{
	uint32_t start = *tail, word;

	for (;;) {
		if ((*tail & 7) || *tail - start > ring->size)
			return -EPROTO;
		word = __atomic_load_n(ipcbook_ring_word(ring, *tail),
				       __ATOMIC_ACQUIRE);
		if (!word)
			return 0;
		word ^= IPCBOOK_RING_READY;
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
	bool overwrite = ring->flags & IPCBOOK_RING_OVERWRITE;
	uint32_t tail = before;
	int error;

	/* The consumer may have read what the producer no longer counted. */
	if (!overwrite && tail - head > ring->size)
		tail = head;
	error = find_end(ring, &tail);
	if (error)
		return error;
	if (!overwrite && tail - head > ring->size)
		return -EPROTO;
	ring->oldest = __atomic_load_n(&mine->oldest, __ATOMIC_RELAXED);
	if (overwrite && (tail - (uint32_t)ring->oldest > ring->size ||
			  ring->oldest & 7))
		return -EPROTO;
	if (tail == before)
		mine->discarded += mine->unpublished;
	mine->unpublished = 0;
	__atomic_store_n(&mine->tail, tail, __ATOMIC_RELAXED);
	ring->records = mine->records;
	ring->bytes = mine->bytes;
	ring->position = tail;
	ring->limit = head + ring->size;
	return 0;
}

/* One of many begins nowhere. */
static int resume_slot(struct ipcbook_ring *ring)
{
	ring->slot = &ring->producer->slots[ring->number - 1];
	__atomic_store_n(&ring->slot->length, 0, __ATOMIC_RELEASE);
	ring->records = ring->slot->records;
	ring->bytes = ring->slot->bytes;
	return 0;
}

static int resume_consumer(struct ipcbook_ring *ring)
{
	struct ipcbook_ring_consumer *mine = ring->consumer;

	ring->position = __atomic_load_n(&mine->head, __ATOMIC_RELAXED);
	ring->records = mine->records;
	ring->bytes = mine->bytes;
	ring->lost = mine->lost;
	if (ring->flags & IPCBOOK_RING_OVERWRITE)
		ring->bound = 0;
	return ring->position & 7 ? -EPROTO : 0;
}

/* The other side may sleep, and nobody have woken it: the first notice does. */
static uint32_t never_woken(const struct ipcbook_ring *ring)
{
	return (is_producer(ring) ?
		__atomic_load_n(&ring->consumer->asleep, __ATOMIC_RELAXED) :
		__atomic_load_n(&ring->producer->asleep, __ATOMIC_RELAXED)) - 1;
}

static int resume(struct ipcbook_ring *ring)
{
	int error;

	ring->bound = is_producer(ring) && ring->flags ?
		      0 : ipcbook_ring_max(ring) + 1;
	ring->aside = ring->flags ? 0 : IPCBOOK_RING_ASIDE;
	if (!is_producer(ring))
		error = resume_consumer(ring);
	else if (ring->flags & IPCBOOK_RING_MANY)
		error = resume_slot(ring);
	else
		error = resume_producer(ring);
	ring->published = ring->position;
	ring->kept = ring->position;
	ring->woken = never_woken(ring);
	ring->spins = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? SPINS : 0;
	ring->patience = ring->spins;
	return error;
}

static void place(struct ipcbook_ring *ring, unsigned char *base)
{
	ring->consumer = (void *)base;
	ring->producer = (void *)(base + page_size());
	ring->data = base + 2 * page_size();
}

static void unmap_ring(struct ipcbook_ring *ring)
{
	munmap(ring->consumer, 2 * page_size() + 2 * (size_t)ring->size);
}

int ipcbook_ring_attach(struct ipcbook_ring *ring, int fd, uint32_t role)
{
	struct ipcbook_ring_map map = { .size = sizeof(map), .role = role };
	int saved = errno, error;
	unsigned char *base;

	error = ipcbook__ioctl(fd, IPCBOOK_IOC_RING_MAP, &map);
	if (error)
		return error;
	base = mmap(NULL, map.length, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    map.offset);
	if (base == MAP_FAILED)
		return ipcbook__answer(-1, saved);
	memset(ring, 0, sizeof(*ring));
	ring->fd = fd;
	ring->role = map.role;
	ring->flags = map.flags;
	ring->size = map.bytes;
	place(ring, base);
	error = 0;
	if (is_producer(ring) && map.flags & IPCBOOK_RING_MANY)
		error = ipcbook__ioctl(fd, IPCBOOK_IOC_RING_SLOT, base);
	ring->number = error + 1;
	if (error >= 0)
		error = resume(ring);
	if (error)
		unmap_ring(ring);
	return error;
}

static bool map_part(unsigned char *address, size_t size, bool writable,
		     int fd, off_t offset)
{
	return mmap(address, size, writable ? PROT_READ | PROT_WRITE : PROT_READ,
		    MAP_SHARED | MAP_FIXED, fd, offset) != MAP_FAILED;
}

/* Everything in a row, the data twice; each side writes its own part. */
static bool map_file(struct ipcbook_ring *ring, int fd)
{
	size_t page = page_size(), whole = 2 * page + 2 * (size_t)ring->size;
	bool producer = is_producer(ring);
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
	place(ring, base);
	return true;
}

int ipcbook_ring_attach_fd(struct ipcbook_ring *ring, int fd, uint32_t role,
			   uint32_t flags)
{
	uint64_t pages = 2 * page_size();
	int saved = errno, error = 0;
	struct stat stat;

	if ((role != IPCBOOK_RING_PRODUCER && role != IPCBOOK_RING_CONSUMER) ||
	    flags & ~ALL_FLAGS || flags == ALL_FLAGS)
		return -EINVAL;
	if (fstat(fd, &stat))
		return ipcbook__answer(-1, saved);
	if ((uint64_t)stat.st_size <= pages ||
	    !size_valid(stat.st_size - pages))
		return -EINVAL;
	memset(ring, 0, sizeof(*ring));
	ring->fd = -1;
	ring->role = role;
	ring->flags = flags;
	ring->size = stat.st_size - pages;
	if (!map_file(ring, fd))
		return ipcbook__answer(-1, saved);
	if (is_producer(ring) && flags & IPCBOOK_RING_MANY)
		error = take_slot(ring);
	if (!error)
		error = resume(ring);
	if (error)
		unmap_ring(ring);
	return error;
}

void ipcbook_ring_detach(struct ipcbook_ring *ring)
{
	int saved = errno;

	if (is_producer(ring))
		ipcbook_ring_discard(ring);
	ipcbook_ring_flush(ring);
	if (ring->slot && ring->fd < 0)
		__atomic_store_n(&ring->slot->owner, 0, __ATOMIC_RELEASE);
	unmap_ring(ring);
	memset(ring, 0, sizeof(*ring));
	errno = saved;
}

/* ------------------------------------------------------------------- peeking */

/* How many records come before the consumer's position. */
static uint32_t seen(const struct ipcbook_ring *ring)
{
	return ring->records + ring->lost;
}

/*
 * Rule 12. The position alone would be right again after 4 GiB, the number of
 * records before it alone after 4 Gi records.
 */
static bool is_lapped(const struct ipcbook_ring *ring, uint64_t *oldest)
{
	/* Pairs with the producer's in ipcbook_ring_make_room(). */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	*oldest = __atomic_load_n(&ring->producer->oldest, __ATOMIC_ACQUIRE);
	return ring->position - (uint32_t)*oldest > ring->size ||
	       seen(ring) - (uint32_t)(*oldest >> 32) > ring->size / 8;
}

int ipcbook_ring_lapped(struct ipcbook_ring *ring)
{
	uint64_t oldest;

	if (!is_lapped(ring, &oldest))
		return 0;
	ring->lost += (uint32_t)(oldest >> 32) - seen(ring);
	ring->position = oldest & ~7U;
	ring->current = 0;
	__atomic_store_n(&ring->consumer->lost, ring->lost, __ATOMIC_RELAXED);
	ipcbook_ring_give_back(ring);
	return -EOVERFLOW;
}

/*
 * The ring has been read to its end. If less than half of it was given back since
 * the last barrier, the only producer has had room for any record from then on,
 * unless it has published more since: so it does not sleep, or there is a record
 * whose release will wake it. That head has moved may be seen late without one.
 */
static void give_back_when_empty(struct ipcbook_ring *ring)
{
	struct ipcbook_ring_consumer *mine = ring->consumer;

	if (!ring->deferred)
		return;
	ring->untold += ring->position - ring->published;
	if (ring->flags || ring->untold >= ring->size / 4) {
		ring->untold = 0;
		ipcbook_ring_give_back(ring);
		return;
	}
	__atomic_store_n(&mine->head, ring->position, __ATOMIC_RELEASE);
	__atomic_store_n(&mine->records, ring->records, __ATOMIC_RELAXED);
	__atomic_store_n(&mine->bytes, ring->bytes, __ATOMIC_RELAXED);
	ring->published = ring->position;
	ring->deferred = 0;
}

/* Neither a record nor the place of one that will come. */
static bool impossible(uint32_t word)
{
	return word && (word & ~(IPCBOOK_RING_SIZE_MAX - 1)) !=
	       IPCBOOK_RING_BUSY && !(word & IPCBOOK_RING_READY);
}

int ipcbook_ring_peek_closely(struct ipcbook_ring *ring, const void **payload,
			      uint32_t *length)
{
	uint32_t *at, word, size;

	for (uint32_t skips = 0; skips < SKIPS; skips++) {
		at = ipcbook_ring_word(ring, ring->position);
		word = __atomic_load_n(at, __ATOMIC_ACQUIRE);
		if (ring->flags & IPCBOOK_RING_OVERWRITE &&
		    ipcbook_ring_lapped(ring))
			return -EOVERFLOW;
		if (impossible(word))
			return -EPROTO;
		if (!(word & IPCBOOK_RING_READY))
			break;
		size = word & ~(IPCBOOK_RING_READY | IPCBOOK_RING_SKIP);
		if (size > ipcbook_ring_max(ring))
			return -EPROTO;
		if (!(word & IPCBOOK_RING_SKIP)) {
			ring->current = ipcbook_ring_room(size);
			ring->length = size;
			*length = size;
			*payload = at + 2;
			return 0;
		}
		ring->position += ipcbook_ring_room(size);
		ring->deferred++;
		if (ipcbook_ring_enough(ring))
			ipcbook_ring_give_back(ring);
	}
	give_back_when_empty(ring);
	return -EAGAIN;
}

/* ------------------------------------------------------ sleeping and waking */

/* 1 if there is a record, or so much room; 0 if not; or a negative errno. */
static int ready(struct ipcbook_ring *ring, uint32_t room, int order)
{
	uint64_t oldest;
	uint32_t word;
	int error;

	if (!is_producer(ring)) {
		if (ring->flags & IPCBOOK_RING_OVERWRITE &&
		    is_lapped(ring, &oldest))
			return 1;
		word = __atomic_load_n(ipcbook_ring_word(ring, ring->position),
				       order);
		return (word & IPCBOOK_RING_READY) || impossible(word);
	}
	if (ring->flags & IPCBOOK_RING_OVERWRITE)
		return 1;
	/* Of a record that is reserved, the position is still needed. */
	if (ring->slot && !ring->current)
		ring->position = __atomic_load_n(&ring->producer->tail,
						 __ATOMIC_ACQUIRE);
	error = ipcbook_ring_refresh(ring, order);
	/* Between the two, others may have gone on: then there is room. */
	if (error && ring->slot && !ring->current &&
	    ring->position != __atomic_load_n(&ring->producer->tail,
					      __ATOMIC_ACQUIRE))
		return 1;
	return error ? error : ipcbook_ring_fits(ring, room);
}

/* Until the word is not this any more. */
static int futex_wait(uint32_t *word, uint32_t value, uint64_t deadline)
{
	struct timespec end = {
		.tv_sec = deadline / NSEC_PER_SEC,
		.tv_nsec = deadline % NSEC_PER_SEC,
	};

	return syscall(SYS_futex, word, FUTEX_WAIT_BITSET, value,
		       deadline ? &end : NULL, NULL, FUTEX_BITSET_MATCH_ANY) &&
	       errno != EAGAIN ? -errno : 0;
}

static int sleep_until(struct ipcbook_ring *ring, uint32_t *wakes,
		       uint32_t before, uint32_t flags, uint64_t deadline)
{
	struct ipcbook_ring_wait wait = {
		.size = sizeof(wait),
		.role = ring->role,
		.deadline = deadline,
		.wakes = before,
		.flags = flags,
	};
	int saved = errno, error;

	if (ring->fd >= 0)
		return ipcbook__ioctl(ring->fd, IPCBOOK_IOC_RING_WAIT, &wait);
	error = futex_wait(wakes, before, deadline);
	errno = saved;
	return error;
}

/* Of several who wait for room, the one that waits for the least decides. */
static void want(struct ipcbook_ring *ring, uint32_t head, uint32_t wakes)
{
	__u64 *word = &ring->producer->wanted;
	__u64 new = (__u64)wakes << 32 | head;
	__u64 old = __atomic_load_n(word, __ATOMIC_RELAXED);

	do {
		/* Somebody has seen a later wake, or waits for less. */
		if ((int32_t)((uint32_t)(old >> 32) - wakes) > 0 ||
		    (old >> 32 == wakes &&
		     (int32_t)((uint32_t)old - head) <= 0))
			return;
	} while (!__atomic_compare_exchange_n(word, &old, new, 0,
					      __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
}

/* Rule 5, up to the second look; tells what "wakes" was. */
static int announce(struct ipcbook_ring *ring, uint32_t room, uint32_t *before)
{
	uint32_t *asleep = &ring->consumer->asleep;

	if (is_producer(ring)) {
		asleep = &ring->producer->asleep;
		*before = __atomic_load_n(&ring->consumer->wakes,
					  __ATOMIC_ACQUIRE);
		want(ring, ring->position + room + 8 - ring->size, *before);
	} else {
		*before = __atomic_load_n(&ring->producer->wakes,
					  __ATOMIC_ACQUIRE);
	}
	__atomic_fetch_add(asleep, 1, __ATOMIC_SEQ_CST);
	return ready(ring, room, __ATOMIC_SEQ_CST);
}

static int doze(struct ipcbook_ring *ring, uint32_t room, uint32_t flags,
		uint64_t deadline)
{
	uint32_t *wakes = is_producer(ring) ? &ring->consumer->wakes :
					      &ring->producer->wakes;
	uint32_t before;

	if (announce(ring, room, &before))
		return 0;
	return sleep_until(ring, wakes, before, flags, deadline);
}

int ipcbook_ring_arm(struct ipcbook_ring *ring)
{
	uint32_t before;

	ipcbook_ring_flush(ring);
	return announce(ring, ring->size / 2, &before) != 0;
}

/*
 * Another producer has the lock and does not run, or is dead. That is rare, and
 * nobody is woken when it gives it up.
 */
static int wait_for_lock(struct ipcbook_ring *ring, uint32_t turn,
			 uint64_t deadline)
{
	const struct timespec nap = { .tv_nsec = NAP };
	int saved = errno, error = 0;

	if (turn < YIELDS) {
		sched_yield();
		return 0;
	}
	look_for_dead(ring);
	if (deadline && ipcbook_deadline(0) >= deadline)
		return -ETIMEDOUT;
	if (nanosleep(&nap, NULL))
		error = -errno;
	errno = saved;
	return error;
}

static bool is_locked(const struct ipcbook_ring *ring)
{
	return ring->slot && __atomic_load_n(&ring->producer->lock,
					     __ATOMIC_ACQUIRE);
}

/* How often to look this time; grows while it helps and shrinks while not. */
static uint32_t looks(struct ipcbook_ring *ring)
{
	if (ring->patience > ring->spins)
		ring->patience = ring->spins;
	if (!ring->patience && ++ring->naps % NAPS == 0)
		return ring->spins / NAPS;
	return ring->patience;
}

static void learn(struct ipcbook_ring *ring, bool slept)
{
	if (slept)
		ring->patience /= 2;
	else
		ring->patience += (ring->spins - ring->patience + 7) / 8;
}

/* Looks for a record as fast as can be, for as long as an answer takes. */
static uint32_t look_closely(const struct ipcbook_ring *ring, uint32_t left)
{
	const uint32_t *word = ipcbook_ring_word(ring, ring->position);
	uint32_t looks = QUICK_LOOKS;

	if (is_producer(ring) || ring->flags || left < looks)
		return left;
	while (looks && !__atomic_load_n(word, __ATOMIC_ACQUIRE))
		looks--;
	return left - QUICK_LOOKS + looks;
}

int ipcbook_ring_wait(struct ipcbook_ring *ring, uint32_t length,
		      uint32_t flags, uint64_t deadline)
{
	uint32_t room = ipcbook_ring_room(length), left, turn = 0;
	bool slept = false, locked;
	int there, error = 0;

	if (is_producer(ring) && length > ipcbook_ring_max(ring))
		return -EMSGSIZE;
	if (flags & ~(is_producer(ring) ? 0 : IPCBOOK_RING_HANGUP))
		return -EINVAL;
	ipcbook_ring_flush(ring);
	for (left = look_closely(ring, looks(ring));;) {
		locked = is_locked(ring);
		there = locked ? 0 : ready(ring, room, __ATOMIC_ACQUIRE);
		if (there || error)
			break;
		if (left) {
			left--;
			ipcbook_ring_relax();
		} else if (locked) {
			error = wait_for_lock(ring, turn++, deadline);
		} else {
			slept = true;
			error = doze(ring, room, flags, deadline);
		}
	}
	if (error == -ETIMEDOUT)
		look_for_dead(ring);
	learn(ring, slept);
	return there > 0 ? 0 : there < 0 ? there : error;
}

/* Rule 6, and rule 10. */
void ipcbook_ring_wake(struct ipcbook_ring *ring)
{
	struct ipcbook_ring_producer *all = ring->producer;
	uint32_t asleep, woken;
	uint64_t wanted;

	if (!is_producer(ring)) {
		asleep = __atomic_load_n(&all->asleep, __ATOMIC_ACQUIRE);
		wanted = __atomic_load_n(&all->wanted, __ATOMIC_RELAXED);
		if ((int32_t)(ring->published - (uint32_t)wanted) < 0)
			return;
		ring->woken = asleep;
		wake_sleepers(ring, &ring->consumer->wakes, INT32_MAX);
		return;
	}
	asleep = __atomic_load_n(&ring->consumer->asleep, __ATOMIC_ACQUIRE);
	if (ring->slot) {
		woken = __atomic_load_n(&all->woken, __ATOMIC_RELAXED);
		if (woken == asleep ||
		    !__atomic_compare_exchange_n(&all->woken, &woken, asleep, 0,
						 __ATOMIC_RELAXED,
						 __ATOMIC_RELAXED))
			return;
	}
	ring->woken = asleep;
	wake_sleepers(ring, &all->wakes, 1);
}
