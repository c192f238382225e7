/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A stream of bytes: one side writes, the other reads, neither waits for the
 * other's lock. See stream.c.
 */
#ifndef _IPCBOOK_STREAM_H
#define _IPCBOOK_STREAM_H

#include <linux/cache.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/uio.h>

#include "book.h"
#include "compat.h"

/**
 * struct chunk - a piece of a stream's memory
 * @next: the one after it, or NULL as long as the writer has not gone on
 * @spare: place among those that can be used again
 * @size: bytes of data, a multiple of eight
 * @order: of the pages it is made of
 * @data: the bytes
 */
struct chunk {
	struct chunk *next;
	struct llist_node spare;
	u32 size;
	u32 order;
	u8 data[] __aligned(8);
};

/**
 * struct cursor - a place in a stream
 * @chunk: where it is; NULL before the first byte
 * @offset: of the next byte there
 * @position: bytes before it, since the stream began
 */
struct cursor {
	struct chunk *chunk;
	u32 offset;
	u64 position;
};

/**
 * struct traffic - what went one way; counted by who holds the stream's lock
 * @messages: calls, or records
 * @bytes: their payload
 * @stamp: jiffies of the last one
 */
struct traffic {
	u64 messages;
	u64 bytes;
	unsigned long stamp;
};

/**
 * struct stream - a stream
 * @first: where the reader begins
 * @write_lock: writers take turns
 * @written: what was written; counted under @write_lock
 * @write: where they go on; protected by @write_lock
 * @taken: bytes of spare chunks that were used again; the same
 * @tail: position up to which everything can be read
 * @read_lock: readers take turns
 * @consumed: what was read; counted under @read_lock
 * @given: bytes of chunks that became spare; protected by @read_lock
 * @read: where they go on; the same
 * @head: position up to which everything has been read
 * @spares: chunks to be used again
 * @memory: bytes of all its chunks
 */
struct stream {
	struct chunk *first;

	/* nothing waits for memory inside of it */
	struct mutex write_lock;
	struct traffic written;
	/* From here on in a cache line that the reader looks at. */
	struct cursor write;
	u64 taken;
	u64 tail;

	/* likewise; never together with the same stream's write_lock */
	struct mutex read_lock ____cacheline_aligned_in_smp;
	struct traffic consumed;
	u64 given;
	/* And here the writer. */
	struct cursor read;
	u64 head;
	struct llist_head spares;
	atomic_long_t memory;
};

/* The largest chunk, and from how many bytes on it is wanted. */
#define CHUNK_ORDER	3
#define CHUNK_LONG	2048

/* Up to here bytes are copied eight at a time; see book_copy_in(). */
#define STREAM_SHORT	256

/* What stands before a record in a stream of records: its length. */
#define STREAM_HEADER	sizeof(u64)

void stream_init(struct stream *stream);
void stream_free(struct stream *stream);
void stream_pass(struct stream *stream, const struct cursor *at);
size_t stream_link(struct stream *stream, size_t n, unsigned int order);
struct chunk *stream_alloc(struct stream *stream, size_t n, unsigned int order,
			   struct mem_cgroup *memcg);
void stream_supply(struct stream *stream, struct chunk *chunks, size_t n);
size_t stream_put_long(struct stream *stream, struct cursor *at,
		       struct iov_iter *from, size_t n);
size_t stream_get_long(const struct stream *stream, struct cursor *at,
		       struct iov_iter *to, size_t n);
void stream_skip(const struct stream *stream, struct cursor *at, size_t n);

/* How many bytes wait; what the other side moves meanwhile may be missing. */
static inline u64 stream_used(const struct stream *stream)
{
	u64 head = READ_ONCE(stream->head);

	/* The head never passes the tail, which is read after it. */
	return smp_load_acquire(&stream->tail) - head;
}

/* Whether anything was ever written; while it is, the answer may be late. */
static inline bool stream_begun(const struct stream *stream)
{
	return atomic_long_read(&stream->memory);
}

/* How many bytes are left in the chunk of @at. */
static inline size_t cursor_rest(const struct cursor *at)
{
	return at->chunk ? at->chunk->size - at->offset : 0;
}

/* The order of the pages that are wanted for @n bytes. */
static inline unsigned int chunk_order(u64 n)
{
	return n > CHUNK_LONG ? CHUNK_ORDER : 0;
}

/**
 * stream_piece() - the bytes at a cursor that lie in one piece
 * @stream: the stream
 * @at: the cursor, which moves to the next chunk if it is at the end of one
 * @n: how many there are and are wanted; becomes how many of them lie there
 *
 * Return: the bytes.
 */
static inline void *stream_piece(const struct stream *stream,
				 struct cursor *at, size_t *n)
{
	if (unlikely(!cursor_rest(at))) {
		at->chunk = at->chunk ? READ_ONCE(at->chunk->next) :
					READ_ONCE(stream->first);
		at->offset = 0;
	}
	*n = min(*n, cursor_rest(at));
	return at->chunk->data + at->offset;
}

/**
 * stream_extend() - makes sure that bytes can be written
 * @stream: the stream, whose write_lock is held
 * @n: how many
 * @order: of the chunks that are wanted for them
 *
 * Return: how many of them there is no memory for; stream_alloc() has some.
 */
static __always_inline size_t stream_extend(struct stream *stream, size_t n,
					    unsigned int order)
{
	if (likely(cursor_rest(&stream->write) >= n))
		return 0;
	return stream_link(stream, n, order);
}

/* The bytes of @iter, if they lie in one piece in user memory. */
static __always_inline void __user *stream_user(const struct iov_iter *iter)
{
	if (likely(iter_is_ubuf(iter)))
		return iter->ubuf + iter->iov_offset;
	if (iter_is_iovec(iter) && iter->nr_segs == 1)
		return iter_iov_addr(iter);
	return NULL;
}

/**
 * stream_put() - writes bytes that nobody sees yet
 * @stream: the stream, whose write_lock is held
 * @at: where; moves on
 * @from: the bytes; moves on
 * @n: how many, for which there is memory (stream_extend())
 *
 * Page faults are off: what cannot be read without one is not read.
 *
 * Return: how many were written.
 */
static __always_inline size_t stream_put(struct stream *stream,
					 struct cursor *at,
					 struct iov_iter *from, size_t n)
{
	void __user *user;

	if (n > STREAM_SHORT || cursor_rest(at) < n)
		return stream_put_long(stream, at, from, n);
	user = stream_user(from);
	if (!user)
		return stream_put_long(stream, at, from, n);
	/* Of what cannot be read there may be a part that can. */
	if (book_copy_in(at->chunk->data + at->offset, user, n))
		return stream_put_long(stream, at, from, n);
	iov_iter_advance(from, n);
	at->offset += n;
	at->position += n;
	return n;
}

/**
 * stream_get() - copies bytes and leaves them where they are
 * @stream: the stream, whose read_lock is held
 * @at: where; moves on
 * @to: where to; moves on
 * @n: how many, no more than there are
 *
 * Page faults are off: what cannot be written without one is not written.
 *
 * Return: how many were copied.
 */
static __always_inline size_t stream_get(const struct stream *stream,
					 struct cursor *at, struct iov_iter *to,
					 size_t n)
{
	void __user *user;

	if (n > STREAM_SHORT || cursor_rest(at) < n)
		return stream_get_long(stream, at, to, n);
	user = stream_user(to);
	if (!user)
		return stream_get_long(stream, at, to, n);
	if (book_copy_out(user, at->chunk->data + at->offset, n))
		return stream_get_long(stream, at, to, n);
	iov_iter_advance(to, n);
	at->offset += n;
	at->position += n;
	return n;
}

/**
 * stream_put_header() - begins a record
 * @stream: the stream, whose write_lock is held
 * @at: where, with memory for a header; moves on
 *
 * All that is in the stream are records, each a multiple of STREAM_HEADER as
 * every chunk is; so a header is always in one piece.
 *
 * Return: where its length goes.
 */
static __always_inline u32 *stream_put_header(const struct stream *stream,
					      struct cursor *at)
{
	size_t piece = STREAM_HEADER;
	u32 *header = stream_piece(stream, at, &piece);

	at->offset += STREAM_HEADER;
	at->position += STREAM_HEADER;
	return header;
}

/* What a record of @n bytes takes in the stream. */
static inline u64 stream_record(size_t n)
{
	return STREAM_HEADER + round_up((u64)n, STREAM_HEADER);
}

/**
 * stream_publish() - lets everybody see what was written
 * @stream: the stream, whose write_lock is held
 * @at: up to where
 */
static inline void stream_publish(struct stream *stream,
				  const struct cursor *at)
{
	lockdep_assert_held(&stream->write_lock);
	stream->write = *at;
	/* Pairs with the acquire load in stream_used(). */
	smp_store_release(&stream->tail, at->position);
}

/**
 * stream_release() - gives back the room of what was read
 * @stream: the stream, whose read_lock is held
 * @at: up to where
 */
static inline void stream_release(struct stream *stream,
				  const struct cursor *at)
{
	lockdep_assert_held(&stream->read_lock);
	if (stream->read.chunk != at->chunk)
		stream_pass(stream, at);
	stream->read = *at;
	WRITE_ONCE(stream->head, at->position);
}

#endif /* _IPCBOOK_STREAM_H */
