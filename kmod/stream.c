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
 * a copy, and is thrown away. A chunk that was linked for that stays where it
 * is and is used by the next.
 *
 * Chunks that have been read become spare and are used again, by the same
 * direction of the same connection, so that their cgroup is always the right
 * one. A few are kept; more are freed.
 *
 * Locks: write_lock and read_lock, each for one side. Nobody takes both of a stream.
 * Copies are made inside of them with page faults off, memory is allocated outside:
 * so one call that has to wait for a page, of its own or of the kernel, keeps
 * no other out. Such a call leaves the lock, gets the page, and tries again.
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

/* Bytes of spare chunks that a stream keeps: two writes of 64 KiB. */
#define STREAM_SPARE	(4UL << (PAGE_SHIFT + CHUNK_ORDER))

static size_t chunk_bytes(const struct chunk *chunk)
{
	return PAGE_SIZE << chunk->order;
}

static void chunk_free(struct stream *stream, struct chunk *chunk)
{
	atomic_long_sub(chunk_bytes(chunk), &stream->memory);
	free_pages((unsigned long)chunk, chunk->order);
}

static void chunks_free(struct stream *stream, struct chunk *chunk)
{
	struct chunk *next;

	for (; chunk; chunk = next) {
		next = chunk->next;
		chunk_free(stream, chunk);
	}
}

/* Begins a stream, whose memory is zeroed. */
void stream_init(struct stream *stream)
{
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

	chunks_free(stream, stream->read.chunk ?: stream->first);
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
	struct llist_node *node;
	struct chunk *chunk;

	while ((node = llist_del_first(&stream->spares))) {
		chunk = llist_entry(node, struct chunk, spare);
		/* The reader looks at it to see how many are spare. */
		WRITE_ONCE(stream->taken, stream->taken + chunk_bytes(chunk));
		if (chunk->order >= order)
			return chunk;
		chunk_free(stream, chunk);
	}
	return NULL;
}

/*
 * Goes along the chunks after the writer's cursor until there are @n bytes of
 * memory. Returns where the next chunk is to be linked, and in @n how many bytes
 * are still missing.
 */
static struct chunk **stream_end(struct stream *stream, size_t *n)
{
	struct chunk *chunk = stream->write.chunk;
	struct chunk **link = chunk ? &chunk->next : &stream->first;

	*n -= min(*n, cursor_rest(&stream->write));
	while (*n && *link) {
		chunk = *link;
		*n -= min_t(size_t, *n, chunk->size);
		link = &chunk->next;
	}
	return link;
}

/* Makes @chunk the last one, at @link; returns where the next one goes. */
static struct chunk **stream_append(struct chunk **link, struct chunk *chunk)
{
	chunk->next = NULL;
	/* Looked at only by who has seen a tail beyond it. */
	WRITE_ONCE(*link, chunk);
	return &chunk->next;
}

/* What stream_extend() does where the chunk at hand does not suffice. */
size_t stream_link(struct stream *stream, size_t n, unsigned int order)
{
	struct chunk **link = stream_end(stream, &n);
	struct chunk *chunk;

	lockdep_assert_held(&stream->write_lock);
	while (n && (chunk = stream_spare(stream, order))) {
		n -= min_t(size_t, n, chunk->size);
		link = stream_append(link, chunk);
	}
	return n;
}

/**
 * stream_alloc() - allocates memory for a stream, with no lock held
 * @stream: the stream
 * @n: for how many bytes
 * @order: of the chunks that are wanted for them
 * @memcg: who pays
 *
 * Return: the chunks, for stream_supply(); NULL if there is no memory.
 */
struct chunk *stream_alloc(struct stream *stream, size_t n, unsigned int order,
			   struct mem_cgroup *memcg)
{
	struct chunk *chunks = NULL, **link = &chunks, *chunk;

	while (n) {
		chunk = chunk_new(stream, order, memcg);
		if (!chunk) {
			chunks_free(stream, chunks);
			return NULL;
		}
		n -= min_t(size_t, n, chunk->size);
		link = stream_append(link, chunk);
	}
	return chunks;
}

/**
 * stream_supply() - gives a stream memory
 * @stream: the stream, whose write_lock is held
 * @chunks: from stream_alloc(); what is not needed any more is freed
 * @n: bytes that are to be written
 */
void stream_supply(struct stream *stream, struct chunk *chunks, size_t n)
{
	struct chunk **link = stream_end(stream, &n), *chunk;

	lockdep_assert_held(&stream->write_lock);
	while (n && chunks) {
		chunk = chunks;
		chunks = chunk->next;
		n -= min_t(size_t, n, chunk->size);
		link = stream_append(link, chunk);
	}
	/* Somebody else was faster. */
	chunks_free(stream, chunks);
}

size_t stream_put_long(struct stream *stream, struct cursor *at,
		       struct iov_iter *from, size_t n)
{
	size_t done = 0, part, copied;
	void *to;

	while (done < n) {
		part = n - done;
		to = stream_piece(stream, at, &part);
		copied = copy_from_iter(to, part, from);
		at->offset += copied;
		at->position += copied;
		done += copied;
		if (copied < part)
			break;
	}
	return done;
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
