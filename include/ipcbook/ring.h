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
 * forms tell the other side only after IPCBOOK_RING_BATCH records, or when
 * there is nothing to do, or by ipcbook_ring_flush(): that is several times
 * faster for small records.
 *
 * One producer and one consumer at a time, each a thread; a struct ipcbook_ring
 * belongs to one of them. What the other side wrote is never trusted with more
 * than the content of the records: a position or a length that cannot be gives
 * -EPROTO, and nothing outside the ring is ever touched. But a record may change
 * while it is read, if its producer is hostile: copy first what is checked.
 *
 * All functions return 0 or a negative errno.
 */
#ifndef IPCBOOK_RING_H
#define IPCBOOK_RING_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/ipcbook.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef IPCBOOK_API
#define IPCBOOK_API __attribute__((visibility("default")))
#endif

/* Records that the deferred forms delay at most. */
#define IPCBOOK_RING_BATCH	32U

/* Where a test stops a producer. */
#ifndef IPCBOOK_RING_STEP
#define IPCBOOK_RING_STEP(name)	do { } while (0)
#endif

/**
 * enum ipcbook_ring_role - which side of a ring
 * @IPCBOOK_RING_PRODUCER: writes records
 * @IPCBOOK_RING_CONSUMER: reads them
 */
enum ipcbook_ring_role {
	IPCBOOK_RING_PRODUCER	= 1,
	IPCBOOK_RING_CONSUMER	= 2,
};

/**
 * struct ipcbook_ring - one side of a ring; what is in it is the library's
 * @consumer: what the consumer writes
 * @producer: what the producer writes
 * @data: the records
 * @size: their bytes, a power of two
 * @role: which side this is
 * @position: where this side goes on
 * @published: up to where it has told the other side
 * @limit: of a producer, the position up to which there is room
 * @current: bytes of the record that is reserved or peeked at, or 0
 * @length: of a producer, that record's payload
 * @first: of a producer, the word of the first record that is deferred
 * @deferred: how many records are
 * @asleep: this side's word, as it was written last
 * @woken: the other side's, for which it was woken last
 * @spins: how often it looks before it sleeps
 */
struct ipcbook_ring {
	struct ipcbook_ring_consumer *consumer;
	struct ipcbook_ring_producer *producer;
	unsigned char *data;
	uint32_t size;
	uint32_t role;
	uint32_t position;
	uint32_t published;
	uint32_t limit;
	uint32_t current;
	uint32_t length;
	uint32_t first;
	uint32_t deferred;
	uint32_t asleep;
	uint32_t woken;
	uint32_t spins;
};

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
 * @role: which side
 *
 * A ring that is used already goes on where it was. Without the module, nobody
 * keeps a second producer or consumer away.
 *
 * Return: 0, or
 *
 * * -EINVAL: the file does not have the size of a ring; there is no such role
 * * -EPROTO: a position in it cannot be
 * * -EBADF, -EACCES, -ENOMEM: it cannot be mapped
 */
IPCBOOK_API int ipcbook_ring_attach_fd(struct ipcbook_ring *ring, int fd,
				       enum ipcbook_ring_role role);

/**
 * ipcbook_ring_detach() - ends that
 * @ring: what is deferred is published, what is reserved is not
 */
IPCBOOK_API void ipcbook_ring_detach(struct ipcbook_ring *ring);

/**
 * ipcbook_ring_wait() - sleeps until there is a record, or room for one
 * @ring: a consumer, or a producer
 * @length: of a producer, the payload that there should be room for
 * @deadline: how long, in nanoseconds of CLOCK_MONOTONIC; 0 for ever
 *
 * What is deferred is published first.
 *
 * Return: 0, or
 *
 * * -ETIMEDOUT: the deadline has passed
 * * -EINTR: a signal handler ran
 * * -EMSGSIZE: no record may be so long
 * * -EPROTO: what the other side wrote cannot be
 */
IPCBOOK_API int ipcbook_ring_wait(struct ipcbook_ring *ring, uint32_t length,
				  uint64_t deadline);

/* Wakes the other side, which sleeps: rule 6. */
IPCBOOK_API void ipcbook_ring_wake(struct ipcbook_ring *ring);

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

/* Rule 6, after a sequentially consistent store. */
static inline void ipcbook_ring_notify(struct ipcbook_ring *ring)
{
	const uint32_t *word = ring->role == IPCBOOK_RING_PRODUCER ?
			       &ring->consumer->asleep :
			       &ring->producer->asleep;
	uint32_t asleep = __atomic_load_n(word, __ATOMIC_SEQ_CST);

	if ((asleep & 1) && asleep != ring->woken)
		ipcbook_ring_wake(ring);
}

/* Rule 2, for all records that are deferred. */
static inline void ipcbook_ring_publish(struct ipcbook_ring *ring)
{
	IPCBOOK_RING_STEP("written");
	__atomic_store_n(ipcbook_ring_word(ring, ring->position), 0,
			 __ATOMIC_RELAXED);
	IPCBOOK_RING_STEP("next is zero");
	__atomic_store_n(ipcbook_ring_word(ring, ring->published), ring->first,
			 __ATOMIC_SEQ_CST);
	IPCBOOK_RING_STEP("published");
	__atomic_store_n(&ring->producer->unpublished, 0, __ATOMIC_RELAXED);
	IPCBOOK_RING_STEP("counted");
	__atomic_store_n(&ring->producer->tail, ring->position,
			 __ATOMIC_RELAXED);
	IPCBOOK_RING_STEP("tail");
	ring->published = ring->position;
	ring->deferred = 0;
	ipcbook_ring_notify(ring);
	IPCBOOK_RING_STEP("notified");
}

/* Rule 4, for all records that are deferred. */
static inline void ipcbook_ring_give_back(struct ipcbook_ring *ring)
{
	__atomic_store_n(&ring->consumer->head, ring->position,
			 __ATOMIC_SEQ_CST);
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
 * * -EPROTO: the consumer's position cannot be
 */
static inline int ipcbook_ring_reserve(struct ipcbook_ring *ring,
				       uint32_t length, void **payload)
{
	uint32_t room;
	int error;

	if (length > ipcbook_ring_max(ring))
		return -EMSGSIZE;
	if (ring->current)
		return -EBUSY;
	room = ipcbook_ring_room(length);
	if (!ipcbook_ring_fits(ring, room)) {
		error = ipcbook_ring_refresh(ring, __ATOMIC_ACQUIRE);
		if (error)
			return error;
		if (!ipcbook_ring_fits(ring, room)) {
			ipcbook_ring_flush(ring);
			return -EAGAIN;
		}
	}
	__atomic_store_n(&ring->producer->unpublished, ring->deferred + 1,
			 __ATOMIC_RELAXED);
	IPCBOOK_RING_STEP("reserved");
	ring->current = room;
	ring->length = length;
	*payload = ipcbook_ring_word(ring, ring->position) + 2;
	return 0;
}

/**
 * ipcbook_ring_commit_deferred() - the reserved record is to be published soon
 * @ring: a producer
 *
 * Return: 0, or -EINVAL if none is reserved.
 */
static inline int ipcbook_ring_commit_deferred(struct ipcbook_ring *ring)
{
	uint32_t word = IPCBOOK_RING_READY | ring->length;

	if (!ring->current)
		return -EINVAL;
	/* The first is 0 as long as the others must not be seen. */
	if (!ring->deferred)
		ring->first = word;
	else
		__atomic_store_n(ipcbook_ring_word(ring, ring->position), word,
				 __ATOMIC_RELAXED);
	IPCBOOK_RING_STEP("deferred");
	ring->position += ring->current;
	ring->current = 0;
	if (++ring->deferred == IPCBOOK_RING_BATCH)
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
	ring->current = 0;
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
 * * -EPROTO: its length cannot be
 */
static inline int ipcbook_ring_peek(struct ipcbook_ring *ring,
				    const void **payload, uint32_t *length)
{
	uint32_t *at = ipcbook_ring_word(ring, ring->position);
	uint32_t word = __atomic_load_n(at, __ATOMIC_ACQUIRE);

	if (!word) {
		ipcbook_ring_flush(ring);
		return -EAGAIN;
	}
	*length = word & ~IPCBOOK_RING_READY;
	if (!(word & IPCBOOK_RING_READY) || *length > ipcbook_ring_max(ring))
		return -EPROTO;
	ring->current = ipcbook_ring_room(*length);
	*payload = at + 2;
	return 0;
}

/**
 * ipcbook_ring_release_deferred() - the record is read; its room is given back
 * soon
 * @ring: a consumer
 *
 * Return: 0, or -EINVAL if none was peeked at.
 */
static inline int ipcbook_ring_release_deferred(struct ipcbook_ring *ring)
{
	if (!ring->current)
		return -EINVAL;
	ring->position += ring->current;
	ring->current = 0;
	if (++ring->deferred == IPCBOOK_RING_BATCH)
		ipcbook_ring_give_back(ring);
	return 0;
}

/**
 * ipcbook_ring_release() - the record is read; its room is given back
 * @ring: a consumer
 *
 * Return: 0, or -EINVAL if none was peeked at.
 */
static inline int ipcbook_ring_release(struct ipcbook_ring *ring)
{
	int error = ipcbook_ring_release_deferred(ring);

	if (!error)
		ipcbook_ring_flush(ring);
	return error;
}

#ifdef __cplusplus
}
#endif

#endif /* IPCBOOK_RING_H */
