/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ring's fast path: records written and read in place, in shared memory,
 * without a system call as long as both sides are awake.
 *
 * The layout and the rules, which are numbered there, are in linux/ipcbook.h.
 * What is here is inlined; attaching, sleeping and waking are functions of the
 * library (userspace/lib/ring.c).
 *
 * A producer reserves room, writes its record there and commits it. A consumer
 * peeks at the oldest record, reads it there and releases it. The deferred
 * forms tell the other side only after IPCBOOK_RING_BATCH records, or an eighth
 * of the ring, or when there is nothing to do, or by ipcbook_ring_flush(): that
 * is several times faster for small records. Who sleeps otherwise than in
 * ipcbook_ring_wait(), in poll() for example, flushes before.
 *
 * Small records that are deferred, from the second on, are written aside and
 * copied into the ring together. A store to a line that the other CPU has in its
 * cache waits until that has given it up, and so do all stores after it; several
 * such lines are asked for at a time only where nothing is stored elsewhere in
 * between, and between two records something always is.
 *
 * A struct ipcbook_ring belongs to one thread, and stays where it is as long as
 * a record is reserved, which may be written inside of it. What the other side
 * wrote is never trusted with more than the content of the records: a position
 * or a length that cannot be gives -EPROTO, and nothing outside the ring is ever
 * touched. But a record may change while it is read, if its producer is hostile:
 * copy first what is checked.
 *
 * All functions return 0 or a negative errno.
 */
#ifndef IPCBOOK_RING_H
#define IPCBOOK_RING_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include <linux/ipcbook.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef IPCBOOK_API
#define IPCBOOK_API __attribute__((visibility("default")))
#endif

/* Where a test stops a producer. */
#ifndef IPCBOOK_RING_STEP
#define IPCBOOK_RING_STEP(name)	do { } while (0)
#endif

/* Bytes that are written aside at most: a batch of records of 64 bytes. */
#define IPCBOOK_RING_ASIDE						\
	(IPCBOOK_RING_BATCH *						\
	 (64 + (uint32_t)sizeof(struct ipcbook_ring_record)))

/**
 * struct ipcbook_ring - one side of a ring; what is in it is the library's
 * @consumer: what the consumer writes
 * @producer: what producers write
 * @data: the records
 * @slot: of one of many producers, its slot
 * @size: bytes of data, a power of two
 * @role: which side this is
 * @flags: IPCBOOK_RING_MANY, IPCBOOK_RING_OVERWRITE
 * @fd: the ring's descriptor, the caller's; -1 without the module
 * @number: of one of many producers, its index plus 1
 * @bound: lengths from which a record is looked at closely, or cannot be; 0 of a
 *	producer with flags, and of a consumer where newest wins
 * @aside: of a producer, bytes of records that may be written aside
 * @spins: how often it looks before it sleeps, at most; 0 for never
 * @patience: how often it does now
 * @naps: how often it has slept without looking
 * @woken: the other side's asleep for which it was woken last
 * @position: where this side goes on
 * @published: up to where it has told the other side
 * @limit: of a producer, the position up to which there is room
 * @current: bytes of the record that is reserved or peeked at, or 0
 * @length: that record's payload
 * @first: of a producer, the word of the first record that is deferred
 * @deferred: how many records are
 * @kept: of a producer, the position from which on they are written aside
 * @base: of a producer, the position that is the first of what is aside
 * @head: of a producer, the head of the record that is reserved
 * @oldest: where newest wins: of the producer, as it stands in the ring
 * @records: how many this side has published or released
 * @bytes: their payloads
 * @lost: of a consumer, how many were written over before it read them
 * @untold: of a consumer, bytes that it has given back without looking whether a
 *	producer sleeps
 * @beside: what is written aside
 */
struct ipcbook_ring {
	struct ipcbook_ring_consumer *consumer;
	struct ipcbook_ring_producer *producer;
	unsigned char *data;
	struct ipcbook_ring_slot *slot;
	uint32_t size;
	uint32_t role;
	uint32_t flags;
	int fd;
	uint32_t number;
	uint32_t bound;
	uint32_t aside;
	uint32_t spins;
	uint32_t patience;
	uint32_t naps;
	uint32_t woken;
	uint32_t position;
	uint32_t published;
	uint32_t limit;
	uint32_t current;
	uint32_t length;
	uint32_t first;
	uint32_t deferred;
	uint32_t kept;
	uint32_t base;
	uint32_t *head;
	uint64_t oldest;
	uint64_t records;
	uint64_t bytes;
	uint64_t lost;
	uint32_t untold;
	uint64_t beside[IPCBOOK_RING_ASIDE / 8];
};

/**
 * ipcbook_ring_open() - opens or creates a ring
 * @name: its name, 1 to 63 bytes; or NULL for a new ring without a name
 * @flags: O_RDONLY for a consumer, O_RDWR for a producer; with O_CREAT, O_EXCL
 *	and O_CLOEXEC as for open(2)
 * @mode: permission bits of a ring that is created, less the umask; otherwise
 *	not looked at. To consume needs read permission, to produce both.
 * @limits: size and flags of a ring that is created; otherwise not looked at,
 *	and may be NULL
 *
 * All of its memory is there from the beginning and counts as the creator's. A
 * ring without a name ends with its last descriptor and its last mapping, one
 * with a name not before it has been unlinked, or its network namespace has
 * ended, as well. The ring "default" is the one that the device maps.
 *
 * Return: a descriptor, or
 *
 * * -ENOENT: there is no such ring, and O_CREAT was not given
 * * -EEXIST: there is one, and O_CREAT and O_EXCL were given
 * * -EACCES: the ring's mode does not allow it; or see opening the device
 * * -EINVAL: the size is no power of two, or less than a page; an unknown flag
 *   or mode bit, or both IPCBOOK_RING_MANY and IPCBOOK_RING_OVERWRITE; O_WRONLY;
 *   O_EXCL without O_CREAT; the name is empty, or has control characters or a
 *   '/'
 * * -ENAMETOOLONG: the name is longer than 63 bytes
 * * -E2BIG: the size is above the module's parameter ring_max_bytes, and the
 *   caller does not have CAP_SYS_RESOURCE; or above IPCBOOK_RING_SIZE_MAX
 * * -EDQUOT: the user has as many objects, or bytes in them, as one user may
 * * -ENOSPC: there are as many objects as there may be
 * * -ENOMEM: there is not so much memory, or not in the caller's memory cgroup
 * * -EINTR: the process was being killed
 * * -EOPNOTSUPP: the module was built without rings, or the machine's data
 *   caches do not allow to map a page twice
 * * those of opening the device
 */
IPCBOOK_API int ipcbook_ring_open(const char *name, int flags, mode_t mode,
				  const struct ipcbook_ring_limits *limits);

/**
 * ipcbook_ring_unlink() - takes a ring's name away
 * @name: the name
 *
 * Only the name goes: descriptors and mappings stay as they are.
 *
 * Return: as ipcbook_unlink().
 */
IPCBOOK_API int ipcbook_ring_unlink(const char *name);

/**
 * ipcbook_ring_attach() - becomes one side of a ring
 * @ring: to be filled
 * @fd: the ring's descriptor; it stays the caller's and must stay open as long
 *	as @ring is used. Or the device, for the default ring.
 * @role: IPCBOOK_RING_PRODUCER or IPCBOOK_RING_CONSUMER; 0 for what the
 *	descriptor was opened for, which the device was not
 *
 * A ring that is used already goes on where it was. It ends with
 * ipcbook_ring_detach(), and with the process: a forked child has no part in it.
 *
 * Return: 0, or
 *
 * * -EBUSY: there is a consumer already, or a producer, or of many producers
 *   IPCBOOK_RING_SLOTS (32)
 * * -EINVAL: the descriptor was opened for the other role
 * * -EACCES: of the device only: the default ring does not allow it
 * * -EPROTO: a position in the ring cannot be
 * * -ENOMEM: no memory, or no room in the address space, is left
 * * those of every descriptor
 */
IPCBOOK_API int ipcbook_ring_attach(struct ipcbook_ring *ring, int fd,
				    uint32_t role);

/**
 * ipcbook_ring_size() - how large a file makes a ring of so many bytes
 * @size: bytes of data, a power of two, from a page to IPCBOOK_RING_SIZE_MAX
 *
 * Return: the file's bytes; 0 if @size is not like that.
 */
IPCBOOK_API uint64_t ipcbook_ring_size(uint32_t size);

/**
 * ipcbook_ring_attach_fd() - becomes one side of the ring in a file
 * @ring: to be filled
 * @fd: a memfd of ipcbook_ring_size() bytes, open for reading and writing; may
 *	be closed afterwards
 * @role: IPCBOOK_RING_PRODUCER or IPCBOOK_RING_CONSUMER
 * @flags: IPCBOOK_RING_MANY, IPCBOOK_RING_OVERWRITE or 0, for all the same
 *
 * A ring that is used already goes on where it was. Without the module, nobody
 * keeps a second producer or consumer away, and of many producers the death of
 * one is found only when a wait with a deadline has timed out.
 *
 * Return: 0, or
 *
 * * -EINVAL: the file does not have the size of a ring; there is no such role,
 *   or flag
 * * -EPROTO: a position in it cannot be
 * * -EBUSY: there are IPCBOOK_RING_SLOTS (32) producers
 * * -EBADF, -EACCES, -ENOMEM: it cannot be mapped
 */
IPCBOOK_API int ipcbook_ring_attach_fd(struct ipcbook_ring *ring, int fd,
				       uint32_t role, uint32_t flags);

/**
 * ipcbook_ring_detach() - ends that
 * @ring: what is deferred is published, what is reserved is not
 */
IPCBOOK_API void ipcbook_ring_detach(struct ipcbook_ring *ring);

/**
 * ipcbook_ring_wait() - sleeps until there is a record, or room for one
 * @ring: a consumer, or a producer
 * @length: of a producer, the payload that there should be room for
 * @flags: of a consumer, IPCBOOK_RING_HANGUP, or 0
 * @deadline: how long, in nanoseconds of CLOCK_MONOTONIC; 0 for ever
 *
 * What is deferred is published first.
 *
 * Return: 0, or
 *
 * * -ETIMEDOUT: the deadline has passed
 * * -EINTR: a signal handler ran
 * * -EPIPE: with IPCBOOK_RING_HANGUP: there is no record and no producer, but
 *   there was one since this consumer attached, or its records were. In a file,
 *   never.
 * * -EMSGSIZE: no record may be so long
 * * -EINVAL: a flag is unknown
 * * -EPROTO: what the other side wrote cannot be
 */
IPCBOOK_API int ipcbook_ring_wait(struct ipcbook_ring *ring, uint32_t length,
				  uint32_t flags, uint64_t deadline);

/**
 * ipcbook_ring_arm() - asks for one more event of poll()
 * @ring: a consumer, or a producer that waits for room for the longest record
 *
 * Whoever waits by poll(), select() or level-triggered epoll need not call it.
 * With edge-triggered epoll (EPOLLET) it is called when there is nothing to do
 * any more.
 *
 * Return: 0, and an event will come; 1 if there is something to do by now.
 */
IPCBOOK_API int ipcbook_ring_arm(struct ipcbook_ring *ring);

/* Wakes the other side, which sleeps: rule 6. */
IPCBOOK_API void ipcbook_ring_wake(struct ipcbook_ring *ring);

/* ipcbook_ring_peek(), where it is no plain record. */
IPCBOOK_API int ipcbook_ring_peek_closely(struct ipcbook_ring *ring,
					  const void **payload,
					  uint32_t *length);

/* Where newest wins: -EOVERFLOW if the record at the position is gone. */
IPCBOOK_API int ipcbook_ring_lapped(struct ipcbook_ring *ring);

/* Lets a sibling of this CPU, or the emulator, do something else. */
static inline void ipcbook_ring_relax(void)
{
#if __has_builtin(__builtin_ia32_pause)
	__builtin_ia32_pause();
#endif
}

/* Enough is deferred: records, or an eighth of the ring. */
static inline int ipcbook_ring_enough(const struct ipcbook_ring *ring)
{
	return ring->deferred >= IPCBOOK_RING_BATCH ||
	       ring->position - ring->published >= ring->size / 8;
}

/* What a record takes: its head, its payload, up to a multiple of 8. */
static inline uint32_t ipcbook_ring_room(uint32_t length)
{
	return (uint32_t)sizeof(struct ipcbook_ring_record) +
	       ((length + 7) & ~(uint32_t)7);
}

/**
 * ipcbook_ring_max() - the longest payload of one record
 * @ring: the ring
 *
 * Return: bytes.
 */
static inline uint32_t ipcbook_ring_max(const struct ipcbook_ring *ring)
{
	return ring->size / 2 - (uint32_t)sizeof(struct ipcbook_ring_record);
}

/* The word of the record at a position. */
static inline uint32_t *ipcbook_ring_word(const struct ipcbook_ring *ring,
					  uint32_t position)
{
	return (uint32_t *)(void *)(ring->data + (position & (ring->size - 1)));
}

/*
 * Rule 6, after the store; rule 10. The barrier pairs with the sleeper's addition
 * to asleep. It is not the store itself that is sequentially consistent, because
 * that would wait on x86 until what was written before, mostly in the same cache
 * line, has left: whoever looks at that line then gets it without the word.
 */
static inline void ipcbook_ring_notify(struct ipcbook_ring *ring)
{
	const uint32_t *word = ring->role == IPCBOOK_RING_PRODUCER ?
			       &ring->consumer->asleep :
			       &ring->producer->asleep;
	uint32_t asleep, woken = ring->woken;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	asleep = __atomic_load_n(word, __ATOMIC_RELAXED);
	if (ring->slot)
		woken = __atomic_load_n(&ring->producer->woken,
					__ATOMIC_RELAXED);
	if (asleep != woken)
		ipcbook_ring_wake(ring);
}

/* What is written aside comes into the ring. */
static inline void ipcbook_ring_bring_in(struct ipcbook_ring *ring)
{
	uint32_t from = ring->kept;

	/* The record that is reserved may be in the ring, and kept after it. */
	if ((int32_t)(ring->position - from) <= 0)
		return;
	/* The word of the first is 0 there already, and looked at just now. */
	if (from == ring->published)
		from += (uint32_t)sizeof(struct ipcbook_ring_record);
	memcpy(ipcbook_ring_word(ring, from),
	       ring->beside + (from - ring->base) / 8, ring->position - from);
	ring->kept = ring->position;
}

/* Rule 2, for all records that are deferred. */
static inline void ipcbook_ring_publish(struct ipcbook_ring *ring)
{
	struct ipcbook_ring_producer *mine = ring->producer;

	IPCBOOK_RING_STEP("written");
	ipcbook_ring_bring_in(ring);
	IPCBOOK_RING_STEP("brought in");
	__atomic_store_n(ipcbook_ring_word(ring, ring->position), 0,
			 __ATOMIC_RELAXED);
	IPCBOOK_RING_STEP("next is zero");
	__atomic_store_n(ipcbook_ring_word(ring, ring->published), ring->first,
			 __ATOMIC_RELEASE);
	IPCBOOK_RING_STEP("published");
	__atomic_store_n(&mine->unpublished, !!ring->current,
			 __ATOMIC_RELAXED);
	IPCBOOK_RING_STEP("counted");
	__atomic_store_n(&mine->tail, ring->position, __ATOMIC_RELAXED);
	IPCBOOK_RING_STEP("tail");
	ring->records += ring->deferred;
	__atomic_store_n(&mine->records, ring->records, __ATOMIC_RELAXED);
	__atomic_store_n(&mine->bytes, ring->bytes, __ATOMIC_RELAXED);
	ring->published = ring->position;
	ring->deferred = 0;
	ipcbook_ring_notify(ring);
	IPCBOOK_RING_STEP("notified");
}

/* Rule 4, for all records that are deferred. */
static inline void ipcbook_ring_give_back(struct ipcbook_ring *ring)
{
	struct ipcbook_ring_consumer *mine = ring->consumer;

	__atomic_store_n(&mine->head, ring->position, __ATOMIC_RELEASE);
	__atomic_store_n(&mine->records, ring->records, __ATOMIC_RELAXED);
	__atomic_store_n(&mine->bytes, ring->bytes, __ATOMIC_RELAXED);
	ring->published = ring->position;
	ring->deferred = 0;
	ipcbook_ring_notify(ring);
}

/**
 * ipcbook_ring_flush() - does now what is deferred
 * @ring: either side
 */
static inline void ipcbook_ring_flush(struct ipcbook_ring *ring)
{
	if (!ring->deferred)
		return;
	if (ring->role == IPCBOOK_RING_PRODUCER)
		ipcbook_ring_publish(ring);
	else
		ipcbook_ring_give_back(ring);
}

/* Rule 4: how far the consumer is; what cannot be is not taken over. */
static inline int ipcbook_ring_refresh(struct ipcbook_ring *ring, int order)
{
	uint32_t head = __atomic_load_n(&ring->consumer->head, order);

	if (ring->position - head > ring->size)
		return -EPROTO;
	ring->limit = head + ring->size;
	return 0;
}

/* The room behind a record's own is for the 0 of rule 2. */
static inline int ipcbook_ring_fits(const struct ipcbook_ring *ring,
				    uint32_t room)
{
	return ring->limit - ring->position >=
	       room + (uint32_t)sizeof(struct ipcbook_ring_record);
}

/* Rule 7: false if another producer has it and does not give it up. */
static inline int ipcbook_ring_lock(struct ipcbook_ring *ring)
{
	uint32_t nobody = 0, looks = ring->spins;

	while (!__atomic_compare_exchange_n(&ring->producer->lock, &nobody,
					    ring->number, 0, __ATOMIC_ACQUIRE,
					    __ATOMIC_RELAXED)) {
		if (!looks--)
			return 0;
		nobody = 0;
		ipcbook_ring_relax();
	}
	return 1;
}

static inline void ipcbook_ring_unlock(struct ipcbook_ring *ring)
{
	__atomic_store_n(&ring->producer->lock, 0, __ATOMIC_RELEASE);
}

/* Rule 7, under the lock. */
static inline int ipcbook_ring_claim(struct ipcbook_ring *ring, uint32_t length)
{
	struct ipcbook_ring_producer *mine = ring->producer;
	uint32_t room = ipcbook_ring_room(length), at, *word;
	int error;

	at = __atomic_load_n(&mine->tail, __ATOMIC_RELAXED);
	ring->position = at;
	error = ipcbook_ring_refresh(ring, __ATOMIC_ACQUIRE);
	if (error || at & 7)
		return -EPROTO;
	if (!ipcbook_ring_fits(ring, room))
		return -EAGAIN;
	word = ipcbook_ring_word(ring, at);
	__atomic_store_n(&ring->slot->position, at, __ATOMIC_RELEASE);
	IPCBOOK_RING_STEP("position");
	__atomic_store_n(&ring->slot->length, room, __ATOMIC_RELEASE);
	IPCBOOK_RING_STEP("length");
	__atomic_store_n(ipcbook_ring_word(ring, at + room), 0,
			 __ATOMIC_RELEASE);
	IPCBOOK_RING_STEP("next is zero");
	__atomic_store_n(word + 1, ring->number, __ATOMIC_RELEASE);
	IPCBOOK_RING_STEP("slot");
	__atomic_store_n(word, IPCBOOK_RING_BUSY | length, __ATOMIC_RELEASE);
	IPCBOOK_RING_STEP("busy");
	__atomic_store_n(&mine->tail, at + room, __ATOMIC_RELEASE);
	IPCBOOK_RING_STEP("tail");
	return 0;
}

static inline int ipcbook_ring_reserve_many(struct ipcbook_ring *ring,
					    uint32_t length)
{
	int error;

	if (!ipcbook_ring_lock(ring))
		return -EAGAIN;
	IPCBOOK_RING_STEP("locked");
	error = ipcbook_ring_claim(ring, length);
	ipcbook_ring_unlock(ring);
	if (!error)
		IPCBOOK_RING_STEP("reserved");
	return error;
}

/* Rule 8: the record's word, of one of many producers. */
static inline void ipcbook_ring_finish(struct ipcbook_ring *ring, uint32_t word)
{
	IPCBOOK_RING_STEP("written");
	__atomic_store_n(ipcbook_ring_word(ring, ring->position), word,
			 __ATOMIC_RELEASE);
	IPCBOOK_RING_STEP("published");
	__atomic_store_n(&ring->slot->length, 0, __ATOMIC_RELEASE);
	IPCBOOK_RING_STEP("finished");
	ring->current = 0;
	if (!(word & IPCBOOK_RING_SKIP)) {
		ring->bytes += ring->length;
		__atomic_store_n(&ring->slot->records, ++ring->records,
				 __ATOMIC_RELAXED);
		__atomic_store_n(&ring->slot->bytes, ring->bytes,
				 __ATOMIC_RELAXED);
	}
	ipcbook_ring_notify(ring);
	IPCBOOK_RING_STEP("notified");
}

/*
 * Rule 11: writes over what is in the way. What is deferred never is: that is less
 * than an eighth of the ring, and a record is half of it at most.
 */
static inline void ipcbook_ring_make_room(struct ipcbook_ring *ring,
					  uint32_t room)
{
	uint32_t need = room + (uint32_t)sizeof(struct ipcbook_ring_record);
	uint32_t at = (uint32_t)ring->oldest, gone = ring->oldest >> 32, word;

	if (ring->position + need - at <= ring->size)
		return;
	while (ring->position + need - at > ring->size) {
		word = *ipcbook_ring_word(ring, at) ^ IPCBOOK_RING_READY;
		at += word <= ipcbook_ring_max(ring) ? ipcbook_ring_room(word) :
						       ring->published - at;
		gone++;
	}
	ring->oldest = (uint64_t)gone << 32 | at;
	__atomic_store_n(&ring->producer->oldest, ring->oldest,
			 __ATOMIC_RELAXED);
	/* Pairs with the consumer's in ipcbook_ring_lapped(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Where the only producer's next record is written. */
static inline uint32_t *ipcbook_ring_place(struct ipcbook_ring *ring,
					   uint32_t room)
{
	uint32_t at;

	if (ring->deferred && ring->aside) {
		if (ring->kept == ring->position)
			ring->base = ring->position;
		at = ring->position - ring->base;
		if (room <= ring->aside - at)
			return (uint32_t *)(ring->beside + at / 8);
		ipcbook_ring_bring_in(ring);
	}
	ring->kept = ring->position + room;
	return ipcbook_ring_word(ring, ring->position);
}

static inline int ipcbook_ring_begin(struct ipcbook_ring *ring, uint32_t length,
				     uint32_t *head, void **payload)
{
	ring->head = head;
	ring->current = ipcbook_ring_room(length);
	ring->length = length;
	*payload = head + 2;
	return 0;
}

/* Where the only producer goes on. */
static inline int ipcbook_ring_begin_here(struct ipcbook_ring *ring,
					  uint32_t length, void **payload)
{
	uint32_t *head;

	__atomic_store_n(&ring->producer->unpublished, ring->deferred + 1,
			 __ATOMIC_RELAXED);
	head = ipcbook_ring_place(ring, ipcbook_ring_room(length));
	IPCBOOK_RING_STEP("reserved");
	return ipcbook_ring_begin(ring, length, head, payload);
}

/* ipcbook_ring_reserve(), where it is more than that, or too long. */
static inline int ipcbook_ring_reserve_closely(struct ipcbook_ring *ring,
					       uint32_t length, void **payload)
{
	int error;

	if (length > ipcbook_ring_max(ring))
		return -EMSGSIZE;
	if (ring->current)
		return -EBUSY;
	if (!ring->slot) {
		ipcbook_ring_make_room(ring, ipcbook_ring_room(length));
		return ipcbook_ring_begin_here(ring, length, payload);
	}
	error = ipcbook_ring_reserve_many(ring, length);
	if (error)
		return error;
	return ipcbook_ring_begin(ring, length,
				  ipcbook_ring_word(ring, ring->position),
				  payload);
}

/**
 * ipcbook_ring_reserve() - room for a record
 * @ring: a producer
 * @length: its payload
 * @payload: where to tell where it is to be written
 *
 * Return: 0, or
 *
 * * -EAGAIN: there is no room; see ipcbook_ring_wait()
 * * -EMSGSIZE: no record may be so long
 * * -EBUSY: one is reserved already
 * * -EPROTO: a position in the ring cannot be
 */
static inline int ipcbook_ring_reserve(struct ipcbook_ring *ring,
				       uint32_t length, void **payload)
{
	uint32_t room = ipcbook_ring_room(length);
	int error;

	if (length >= ring->bound)
		return ipcbook_ring_reserve_closely(ring, length, payload);
	if (ring->current)
		return -EBUSY;
	if (!ipcbook_ring_fits(ring, room)) {
		error = ipcbook_ring_refresh(ring, __ATOMIC_ACQUIRE);
		if (error)
			return error;
		if (!ipcbook_ring_fits(ring, room)) {
			ipcbook_ring_flush(ring);
			return -EAGAIN;
		}
	}
	return ipcbook_ring_begin_here(ring, length, payload);
}

/**
 * ipcbook_ring_commit_deferred() - the reserved record is to be published soon
 * @ring: a producer; of many, one does so at once
 *
 * Return: 0, or -EINVAL if none is reserved.
 */
static inline int ipcbook_ring_commit_deferred(struct ipcbook_ring *ring)
{
	uint32_t word = IPCBOOK_RING_READY | ring->length;

	if (!ring->current)
		return -EINVAL;
	if (ring->slot) {
		ipcbook_ring_finish(ring, word);
		return 0;
	}
	/* The first is 0 as long as the others must not be seen. */
	if (!ring->deferred)
		ring->first = word;
	__atomic_store_n(ring->head, ring->deferred ? word : 0,
			 __ATOMIC_RELAXED);
	IPCBOOK_RING_STEP("deferred");
	ring->position += ring->current;
	ring->bytes += ring->length;
	ring->current = 0;
	ring->deferred++;
	if (ipcbook_ring_enough(ring))
		ipcbook_ring_publish(ring);
	return 0;
}

/**
 * ipcbook_ring_commit() - publishes the reserved record, and what is deferred
 * @ring: a producer
 *
 * Return: 0, or -EINVAL if none is reserved.
 */
static inline int ipcbook_ring_commit(struct ipcbook_ring *ring)
{
	int error = ipcbook_ring_commit_deferred(ring);

	if (!error && ring->deferred)
		ipcbook_ring_publish(ring);
	return error;
}

/**
 * ipcbook_ring_discard() - gives the room of the reserved record back
 * @ring: a producer
 *
 * Return: 0, or -EINVAL if none is reserved.
 */
static inline int ipcbook_ring_discard(struct ipcbook_ring *ring)
{
	if (!ring->current)
		return -EINVAL;
	if (ring->slot) {
		ipcbook_ring_finish(ring, IPCBOOK_RING_READY |
				    IPCBOOK_RING_SKIP | ring->length);
		return 0;
	}
	ring->current = 0;
	/* Unless it was written aside. */
	if ((int32_t)(ring->kept - ring->position) > 0)
		ring->kept = ring->position;
	__atomic_store_n(&ring->producer->unpublished, ring->deferred,
			 __ATOMIC_RELAXED);
	return 0;
}

/**
 * ipcbook_ring_peek() - the oldest record
 * @ring: a consumer
 * @payload: where to tell where it is
 * @length: where to tell its payload's length
 *
 * It stays until it is released; peeking again finds the same.
 *
 * Return: 0, or
 *
 * * -EAGAIN: there is none; see ipcbook_ring_wait()
 * * -EOVERFLOW: where newest wins: records were written over before they were
 *   read; the next call finds the oldest that is left. Told once;
 *   ipcbook_ring_lost() counts them.
 * * -EPROTO: its length cannot be
 */
static inline int ipcbook_ring_peek(struct ipcbook_ring *ring,
				    const void **payload, uint32_t *length)
{
	uint32_t *at = ipcbook_ring_word(ring, ring->position);
	uint32_t size = __atomic_load_n(at, __ATOMIC_ACQUIRE) ^
			IPCBOOK_RING_READY;

	/* What is not ready, or has nothing in it, is longer than anything. */
	if (size >= ring->bound)
		return ipcbook_ring_peek_closely(ring, payload, length);
	ring->current = ipcbook_ring_room(size);
	ring->length = size;
	*length = size;
	*payload = at + 2;
	return 0;
}

/**
 * ipcbook_ring_pass() - goes on to the next record and keeps this one
 * @ring: a consumer
 *
 * Its room is given back by ipcbook_ring_flush() or the next release, or when
 * ipcbook_ring_peek() finds nothing.
 *
 * Return: 0, or
 *
 * * -EINVAL: none was peeked at
 * * -EOVERFLOW: where newest wins: it was written over meanwhile, so that what
 *   was read is not to be trusted; see ipcbook_ring_peek()
 */
static inline int ipcbook_ring_pass(struct ipcbook_ring *ring)
{
	if (!ring->current)
		return -EINVAL;
	if (ring->flags & IPCBOOK_RING_OVERWRITE && ipcbook_ring_lapped(ring))
		return -EOVERFLOW;
	ring->position += ring->current;
	ring->records++;
	ring->bytes += ring->length;
	ring->current = 0;
	ring->deferred++;
	return 0;
}

/**
 * ipcbook_ring_release_deferred() - the record is read; its room is given back
 * soon
 * @ring: a consumer
 *
 * Return: as ipcbook_ring_pass().
 */
static inline int ipcbook_ring_release_deferred(struct ipcbook_ring *ring)
{
	int error = ipcbook_ring_pass(ring);

	if (!error && ipcbook_ring_enough(ring))
		ipcbook_ring_give_back(ring);
	return error;
}

/**
 * ipcbook_ring_release() - the record is read; its room is given back
 * @ring: a consumer
 *
 * Return: as ipcbook_ring_pass().
 */
static inline int ipcbook_ring_release(struct ipcbook_ring *ring)
{
	int error = ipcbook_ring_release_deferred(ring);

	if (!error)
		ipcbook_ring_flush(ring);
	return error;
}

/**
 * ipcbook_ring_lost() - records that were written over before they were read
 * @ring: a consumer
 *
 * Return: how many, of all consumers of the ring.
 */
static inline uint64_t ipcbook_ring_lost(const struct ipcbook_ring *ring)
{
	return ring->lost;
}

#ifdef __cplusplus
}
#endif

#endif /* IPCBOOK_RING_H */
