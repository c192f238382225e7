// SPDX-License-Identifier: GPL-2.0-only
/*
 * A stream of bytes between one side that writes and one that reads.
 *
 * The bytes lie in chunks, a list that the writer makes longer at its end and
 * the reader shorter at its beginning; each side has a cursor of its own in it.
 * Bytes are copied straight between user memory and chunks. What the writer has
 * written can be seen once it publishes a new tail; what the reader has read
 * makes room once it releases up to a new head. So what was begun and not
 * finished (a fault in the middle of a record) needs no undoing: the cursor is
 * a copy, and is thrown away. A chunk that the writer had taken for that stays
 * linked and is used by the next.
 *
 * Chunks that have been read become spare and are used again, by the same
 * direction of the same connection, so that their cgroup is always the right
 * one. A few are kept; more are freed.
 *
 * Locks: write_lock and read_lock, each for one side, which copies user memory
 * inside of it: a page fault that takes long keeps those of the same side
 * waiting, never the other one. Nobody takes both.
 *
 * Barriers: the release store of tail in stream_publish() pairs with the acquire
 * load in stream_used(): whoever sees a position sees the bytes before it, the
 * links between their chunks, and the first chunk. Room is only a number: of
 * spare chunks the llist takes care.
 */
#include <linux/gfp.h>
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "stream.h"

/* The largest chunk, and from how many bytes on it is wanted. */
#define CHUNK_ORDER	3
#define CHUNK_LONG	2048

/* Bytes of spare chunks that a stream keeps. */
#define STREAM_SPARE	(2UL << (PAGE_SHIFT + CHUNK_ORDER))

static size_t chunk_bytes(const struct chunk *chunk)
{
	return PAGE_SIZE << chunk->order;
}

static void chunk_free(struct stream *stream, struct chunk *chunk)
{
	atomic_long_sub(chunk_bytes(chunk), &stream->memory);
	free_pages((unsigned long)chunk, chunk->order);
}

void stream_init(struct stream *stream)
{
	memset(stream, 0, sizeof(*stream));
	mutex_init(&stream->write_lock);
	mutex_init(&stream->read_lock);
	init_llist_head(&stream->spares);
}

/**
 * stream_free() - frees all memory of a stream
 * @stream: the stream, which nobody writes to or reads from any more
 */
void stream_free(struct stream *stream)
{
	struct chunk *chunk, *next;
	struct llist_node *spares;

	chunk = stream->read.chunk ?: stream->first;
	for (; chunk; chunk = next) {
		next = chunk->next;
		chunk_free(stream, chunk);
	}
	spares = llist_del_all(&stream->spares);
	llist_for_each_entry_safe(chunk, next, spares, spare)
		chunk_free(stream, chunk);
	stream->first = NULL;
	stream->read = (struct cursor) { };
	stream->write = (struct cursor) { };
}

static struct chunk *chunk_new(struct stream *stream, unsigned int order,
			       struct mem_cgroup *memcg)
{
	gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
	struct mem_cgroup *before = set_active_memcg(memcg);
	struct chunk *chunk;

	/* A large one is better, but not worth any trouble. */
	chunk = order ? (void *)__get_free_pages(gfp | __GFP_NORETRY |
						 __GFP_COMP, order) : NULL;
	if (!chunk) {
		order = 0;
		chunk = (void *)__get_free_pages(gfp | __GFP_RETRY_MAYFAIL, 0);
	}
	set_active_memcg(before);
	if (!chunk)
		return NULL;
	chunk->order = order;
	chunk->size = (PAGE_SIZE << order) - offsetof(struct chunk, data);
	atomic_long_add(chunk_bytes(chunk), &stream->memory);
	return chunk;
}

/* A chunk that has been read before, if there is one of this size or more. */
static struct chunk *stream_spare(struct stream *stream, unsigned int order)
{
	struct llist_node *node = llist_del_first(&stream->spares);
	struct chunk *chunk;

	if (!node)
		return NULL;
	chunk = llist_entry(node, struct chunk, spare);
	/* The reader looks at it to see how many are spare. */
	WRITE_ONCE(stream->taken, stream->taken + chunk_bytes(chunk));
	if (chunk->order >= order)
		return chunk;
	chunk_free(stream, chunk);
	return NULL;
}

/*
 * Moves a writer's cursor, which is at the end of its chunk or at the very
 * beginning, to the next chunk, for @n bytes or more. ENOMEM if there is none.
 */
static int stream_grow(struct stream *stream, struct cursor *at, size_t n,
		       struct mem_cgroup *memcg)
{
	struct chunk **link = at->chunk ? &at->chunk->next : &stream->first;
	unsigned int order = n > CHUNK_LONG ? CHUNK_ORDER : 0;

	lockdep_assert_held(&stream->write_lock);
	if (!*link) {
		struct chunk *chunk = stream_spare(stream, order) ?:
				      chunk_new(stream, order, memcg);

		if (!chunk)
			return -ENOMEM;
		chunk->next = NULL;
		/* Looked at only by who has seen a tail beyond it. */
		WRITE_ONCE(*link, chunk);
	}
	at->chunk = *link;
	at->offset = 0;
	return 0;
}

/**
 * stream_put_header() - begins a record
 * @stream: the stream, whose write_lock is held
 * @at: where; moves on
 * @n: bytes of the record
 * @memcg: who pays for memory
 *
 * All that is in the stream are records, each a multiple of STREAM_HEADER as
 * every chunk is; so a header is always in one piece.
 *
 * Return: where its length goes; or NULL if there is no memory.
 */
u32 *stream_put_header(struct stream *stream, struct cursor *at, size_t n,
		       struct mem_cgroup *memcg)
{
	u32 *header;

	if (cursor_at_end(at) &&
	    stream_grow(stream, at, stream_record(n), memcg))
		return NULL;
	header = (u32 *)(at->chunk->data + at->offset);
	at->offset += STREAM_HEADER;
	at->position += STREAM_HEADER;
	return header;
}

size_t stream_put_long(struct stream *stream, struct cursor *at,
		       struct iov_iter *from, size_t n,
		       struct mem_cgroup *memcg)
{
	size_t done = 0, part, copied;

	while (done < n) {
		if (cursor_at_end(at) &&
		    stream_grow(stream, at, n - done, memcg))
			break;
		part = min_t(size_t, n - done, at->chunk->size - at->offset);
		copied = copy_from_iter(at->chunk->data + at->offset, part,
					from);
		at->offset += copied;
		at->position += copied;
		done += copied;
		if (copied < part)
			break;
	}
	return done;
}

/**
 * stream_piece() - the bytes at a cursor that lie in one piece
 * @stream: the stream
 * @at: the cursor, which moves to the next chunk if it is at the end of one
 * @n: how many there are and are wanted; becomes how many of them lie there
 *
 * Return: the bytes.
 */
void *stream_piece(const struct stream *stream, struct cursor *at, size_t *n)
{
	if (cursor_at_end(at)) {
		at->chunk = at->chunk ? READ_ONCE(at->chunk->next) :
					READ_ONCE(stream->first);
		at->offset = 0;
	}
	*n = min_t(size_t, *n, at->chunk->size - at->offset);
	return at->chunk->data + at->offset;
}

size_t stream_get_long(const struct stream *stream, struct cursor *at,
		       struct iov_iter *to, size_t n)
{
	size_t done = 0, part, copied;
	void *from;

	while (done < n) {
		part = n - done;
		from = stream_piece(stream, at, &part);
		copied = copy_to_iter(from, part, to);
		at->offset += copied;
		at->position += copied;
		done += copied;
		if (copied < part)
			break;
	}
	return done;
}

/**
 * stream_skip() - moves a reader's cursor without copying
 * @stream: the stream, whose read_lock is held
 * @at: the cursor
 * @n: how many bytes, no more than there are
 */
void stream_skip(const struct stream *stream, struct cursor *at, size_t n)
{
	size_t part;

	while (n) {
		part = n;
		stream_piece(stream, at, &part);
		at->offset += part;
		at->position += part;
		n -= part;
	}
}

/* Makes the chunks before @at spare, or frees them. */
void stream_pass(struct stream *stream, const struct cursor *at)
{
	struct chunk *chunk = stream->read.chunk ?: stream->first;
	struct chunk *next;

	lockdep_assert_held(&stream->read_lock);
	for (; chunk != at->chunk; chunk = next) {
		next = READ_ONCE(chunk->next);
		if (stream->given - READ_ONCE(stream->taken) +
		    chunk_bytes(chunk) > STREAM_SPARE) {
			chunk_free(stream, chunk);
			continue;
		}
		stream->given += chunk_bytes(chunk);
		llist_add(&chunk->spare, &stream->spares);
	}
}
