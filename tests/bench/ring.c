// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring's cases: "ring" where the module is, and in a memfd where it is not,
 * so that the same data path is timed on real hardware.
 *
 * What is sent is copied in and what is received is copied out, as with all
 * peers, but in "stream-in-place", where the receiver only looks at it, and the
 * peer is a memcpy() of the same bytes.
 *
 *	spin-flag	a word that is handed to and fro, with the payload in the
 *			same cache line
 *	bare-spsc	words of 8 bytes in an array, indices padded and cached,
 *			published every 32
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ipcbook/ring.h>

#include "patterns.h"

/* Descriptors of a direction: the producer's, the consumer's. */
#define FD(direction, role) \
	((direction) * 2 + ((role) == IPCBOOK_RING_CONSUMER))

/**
 * struct ends - the sides of the rings that this process has attached
 * @ring: of each direction
 * @owner: the process
 * @flags: IPCBOOK_RING_MANY or 0
 * @memfd: that they are in files
 */
struct ends {
	struct ipcbook_ring ring[2];
	pid_t owner;
	uint32_t flags;
	bool memfd;
};

static size_t ring_bytes(const struct bench_side *side)
{
	size_t bytes = 4096;

	while (bytes < side->test->capacity || bytes < 4 * side->bytes)
		bytes *= 2;
	return bytes;
}

static int make_memfd(struct bench_side *side, int direction)
{
	int fd = memfd_create("ring", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	side->fd[2 * direction] = fd;
	if (ftruncate(fd, ipcbook_ring_size(ring_bytes(side))))
		return -errno;
	side->fd[2 * direction + 1] = dup(fd);
	return side->fd[2 * direction + 1] < 0 ? -errno : 0;
}

static int make_ring(struct bench_side *side, int direction)
{
	const struct ends *ends = side->data;
	struct ipcbook_ring_limits limits = {
		.size = ring_bytes(side),
		.flags = ends->flags,
	};
	char name[40];

	snprintf(name, sizeof(name), "bench-%d-%d", getpid(), direction);
	side->fd[2 * direction] =
		ipcbook_ring_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
				  0600, &limits);
	if (side->fd[2 * direction] < 0)
		return side->fd[2 * direction];
	side->fd[2 * direction + 1] =
		ipcbook_ring_open(name, O_RDONLY | O_CLOEXEC, 0, NULL);
	ipcbook_ring_unlink(name);
	return side->fd[2 * direction + 1] < 0 ?
	       side->fd[2 * direction + 1] : 0;
}

static int open_rings(struct bench_side *side, uint32_t flags)
{
	struct ends *ends = calloc(1, sizeof(*ends));
	int ret = ends ? 0 : -ENOMEM;

	side->data = ends;
	if (ends)
		ends->flags = flags;
	for (int i = 0; !ret && i < 2; i++) {
		ret = ends->memfd ? make_memfd(side, i) : make_ring(side, i);
		if (ret != -ENODEV)
			continue;
		ends->memfd = true;
		ret = make_memfd(side, i);
	}
	return ret ? bench_fail(side, "making a ring", -ret) : 0;
}

static int ring_open(struct bench_side *side)
{
	return open_rings(side, 0);
}

/* Become a side of both rings, in the process that uses them. */
static int attach(struct bench_side *side, uint32_t first, uint32_t second)
{
	struct ends *ends = side->data;
	uint32_t role[2] = { first, second };
	int ret = 0;

	if (ends->owner == getpid())
		return 0;
	ends->owner = getpid();
	for (int i = 0; !ret && i < 2; i++)
		ret = ends->memfd ?
		      ipcbook_ring_attach_fd(&ends->ring[i],
					     side->fd[FD(i, role[i])],
					     role[i], ends->flags) :
		      ipcbook_ring_attach(&ends->ring[i],
					  side->fd[FD(i, role[i])], 0);
	return ret ? bench_fail(side, "attaching to a ring", -ret) : 0;
}

static void ring_close(struct bench_side *side)
{
	struct ends *ends = side->data;

	for (int i = 0; ends && ends->owner == getpid() && i < 2; i++)
		if (ends->ring[i].data)
			ipcbook_ring_detach(&ends->ring[i]);
	for (int i = 0; i < 4; i++)
		if (side->fd[i] >= 0)
			close(side->fd[i]);
	free(ends);
}

/*
 * Sends one; deferred where it need not be there at once. With a number, that
 * is written into it in place, where others write it before they send.
 */
bench_inline int put(struct bench_side *side, struct ipcbook_ring *ring,
		     const void *bytes, uint64_t number, bool deferred)
{
	void *room;
	int ret;

	while ((ret = ipcbook_ring_reserve(ring, side->bytes, &room))) {
		if (ret == -EAGAIN)
			ret = ipcbook_ring_wait(ring, side->bytes, 0, 0);
		if (ret)
			return bench_fail(side, "reserving", -ret);
	}
	memcpy(room, bytes, side->bytes);
	if (number) {
		memcpy(room, &number, sizeof(number));
		memcpy((char *)room + side->bytes - sizeof(number), &number,
		       sizeof(number));
	}
	if (deferred)
		ipcbook_ring_commit_deferred(ring);
	else
		ipcbook_ring_commit(ring);
	return 0;
}

bench_inline int next_record(struct bench_side *side, struct ipcbook_ring *ring,
			     const void **bytes)
{
	uint32_t length;
	int ret;

	while ((ret = ipcbook_ring_peek(ring, bytes, &length))) {
		if (ret == -EAGAIN)
			ret = ipcbook_ring_wait(ring, 0, 0, 0);
		if (ret)
			return bench_fail(side, "peeking", -ret);
	}
	return length == side->bytes ? 0 :
	       bench_fail(side, "peeking", EMSGSIZE);
}

bench_inline int get(struct bench_side *side, struct ipcbook_ring *ring,
		     void *bytes)
{
	const void *record;
	int ret = next_record(side, ring, &record);

	if (ret)
		return ret;
	memcpy(bytes, record, side->bytes);
	ipcbook_ring_release_deferred(ring);
	return 0;
}

bench_inline int ring_send(struct bench_side *side, int direction,
			   struct bench_message *message)
{
	struct ends *ends = side->data;

	return put(side, &ends->ring[direction], message->data, 0, false);
}

bench_inline int ring_receive(struct bench_side *side, int direction,
			      struct bench_message *message)
{
	struct ends *ends = side->data;

	return get(side, &ends->ring[direction], message->data);
}

static int ring_ping(struct bench_side *side, unsigned long n)
{
	int ret = attach(side, IPCBOOK_RING_PRODUCER, IPCBOOK_RING_CONSUMER);

	return ret ? ret : bench_ping(side, n, ring_send, ring_receive);
}

static int ring_pong(struct bench_side *side, unsigned long n)
{
	int ret = attach(side, IPCBOOK_RING_CONSUMER, IPCBOOK_RING_PRODUCER);

	return ret ? ret : bench_pong(side, n, ring_send, ring_receive);
}

BENCH_TWO(ring, pingpong, ring_ping, ring_pong, bench_check_contents);

/* The same on one CPU, where looking again is of no use. */
static void sleep_at_once(struct bench_side *side)
{
	struct ends *ends = side->data;

	for (int i = 0; i < 2; i++) {
		ends->ring[i].spins = 0;
		ends->ring[i].patience = 0;
	}
}

static int sleepy_ping(struct bench_side *side, unsigned long n)
{
	int ret = attach(side, IPCBOOK_RING_PRODUCER, IPCBOOK_RING_CONSUMER);

	sleep_at_once(side);
	return ret ? ret : bench_ping(side, n, ring_send, ring_receive);
}

static int sleepy_pong(struct bench_side *side, unsigned long n)
{
	int ret = attach(side, IPCBOOK_RING_CONSUMER, IPCBOOK_RING_PRODUCER);

	sleep_at_once(side);
	return ret ? ret : bench_pong(side, n, ring_send, ring_receive);
}

#define sleepy_open	ring_open
#define sleepy_close	ring_close

BENCH_TWO(sleepy, pingpong, sleepy_ping, sleepy_pong, bench_check_contents);

static int ring_source(struct bench_side *side, unsigned long n)
{
	struct ends *ends = side->data;
	int ret = attach(side, IPCBOOK_RING_PRODUCER, IPCBOOK_RING_CONSUMER);

	if (!ret)
		ret = bench_partner_go(side, n);
	while (!ret && n--) {
		ret = put(side, &ends->ring[0], side->out->data,
			  ++side->sequence, true);
	}
	ipcbook_ring_flush(&ends->ring[0]);
	return ret ? ret : bench_partner_wait(side);
}

static int ring_sink(struct bench_side *side, unsigned long n)
{
	struct ends *ends = side->data;
	int ret = attach(side, IPCBOOK_RING_CONSUMER, IPCBOOK_RING_PRODUCER);

	while (!ret && n--) {
		ret = get(side, &ends->ring[0], side->in->data);
		if (!ret)
			ret = bench_stamped(side, ++side->sequence);
	}
	ipcbook_ring_flush(&ends->ring[0]);
	return ret ? ret : bench_check_between(side);
}

BENCH_TWO(ring, stream, ring_source, ring_sink, NULL);

/* ----------------------------------------------------------- many producers */

static int many_open(struct bench_side *side)
{
	return open_rings(side, IPCBOOK_RING_MANY);
}

/* The consumer; of the other direction, which nobody uses, a producer. */
static int many_first(struct bench_side *side, unsigned long n)
{
	int ret = attach(side, IPCBOOK_RING_CONSUMER, IPCBOOK_RING_PRODUCER);

	return ret ? ret : bench_many_sink(side, n, ring_receive);
}

static int many_others(struct bench_side *side, unsigned long n)
{
	int ret = attach(side, IPCBOOK_RING_PRODUCER, IPCBOOK_RING_PRODUCER);

	return ret ? ret : bench_many_source(side, n, ring_send);
}

BENCH_MANY_OF(ring, many_open, ring_close, many_first, many_others);

/* ----------------------------------------------------------------- in place */

/* The first and the last eight bytes of a record are looked at where it lies. */
static int in_place_sink(struct bench_side *side, unsigned long n)
{
	struct ends *ends = side->data;
	int ret = attach(side, IPCBOOK_RING_CONSUMER, IPCBOOK_RING_PRODUCER);
	uint64_t first, last;
	const void *record;

	while (!ret && n--) {
		ret = next_record(side, &ends->ring[0], &record);
		if (ret)
			break;
		memcpy(&first, record, 8);
		memcpy(&last, (const char *)record + side->bytes - 8, 8);
		if (first != ++side->sequence || last != first)
			ret = bench_fail(side, "message out of order", EBADMSG);
		ipcbook_ring_release(&ends->ring[0]);
	}
	return ret;
}

#define in_place_open	ring_open
#define in_place_close	ring_close

BENCH_TWO(in_place, stream, ring_source, in_place_sink, NULL);

/* As many bytes as the ring has, over and over. */
static int copy_open(struct bench_side *side)
{
	side->data = malloc(ring_bytes(side));
	if (!side->data)
		return bench_fail(side, "malloc", ENOMEM);
	memset(side->data, 1, ring_bytes(side));
	return 0;
}

static int copy_run(struct bench_side *side, unsigned long n)
{
	size_t at = 0, end = ring_bytes(side);

	while (n--) {
		bench_stamp(side);
		memcpy((char *)side->data + at, side->out->data, side->bytes);
		/* That it was copied must not be optimised away. */
		__asm__ volatile("" : : "r"(side->data) : "memory");
		at = (at + side->bytes) % end;
	}
	return 0;
}

static void copy_close(struct bench_side *side)
{
	free(side->data);
}

static const struct bench_ops copy = {
	.open	= copy_open,
	.run	= copy_run,
	.close	= copy_close,
};

/* ------------------------------------------------------- the barest there is */

#define SLOTS	8192U
#define EVERY	32U

/* Shared by both processes; 128 bytes for each who writes. */
struct bare {
	uint32_t tail;
	uint32_t pad1[31];
	uint32_t head;
	uint32_t pad2[31];
	uint32_t flag;
	uint32_t pad3;
	uint64_t word[6];
	uint64_t pad4[9];
	uint64_t slots[SLOTS];
};

static int bare_open(struct bench_side *side)
{
	side->data = mmap(NULL, sizeof(struct bare), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (side->data != MAP_FAILED)
		return 0;
	side->data = NULL;
	return bench_fail(side, "mmap", errno);
}

static void bare_close(struct bench_side *side)
{
	if (side->data)
		munmap(side->data, sizeof(struct bare));
}

static int bare_source(struct bench_side *side, unsigned long n)
{
	struct bare *bare = side->data;
	uint32_t tail = bare->tail, head = bare->head;
	int ret = bench_partner_go(side, n);

	while (!ret && n--) {
		while (tail - head == SLOTS)
			head = __atomic_load_n(&bare->head, __ATOMIC_ACQUIRE);
		bare->slots[tail++ % SLOTS] = ++side->sequence;
		if (tail % EVERY == 0 || !n)
			__atomic_store_n(&bare->tail, tail, __ATOMIC_RELEASE);
	}
	return ret ? ret : bench_partner_wait(side);
}

static int bare_sink(struct bench_side *side, unsigned long n)
{
	struct bare *bare = side->data;
	uint32_t head = bare->head, tail = head;

	while (n--) {
		while (tail == head)
			tail = __atomic_load_n(&bare->tail, __ATOMIC_ACQUIRE);
		if (bare->slots[head++ % SLOTS] != ++side->sequence)
			return bench_fail(side, "message out of order",
					  EBADMSG);
		if (head % EVERY == 0 || !n)
			__atomic_store_n(&bare->head, head, __ATOMIC_RELEASE);
	}
	return 0;
}

BENCH_TWO(bare, stream, bare_source, bare_sink, NULL);

/* ----------------------------------------------------------------- spin flag */

bench_inline int flag_pass(struct bench_side *side, int direction,
			   struct bench_message *message)
{
	struct bare *bare = side->data;

	memcpy(bare->word, message->data, side->bytes);
	__atomic_store_n(&bare->flag, direction + 1, __ATOMIC_RELEASE);
	return 0;
}

bench_inline int flag_await(struct bench_side *side, int direction,
			    struct bench_message *message)
{
	struct bare *bare = side->data;

	while (__atomic_load_n(&bare->flag, __ATOMIC_ACQUIRE) !=
	       (uint32_t)direction + 1)
		;
	memcpy(message->data, bare->word, side->bytes);
	return 0;
}

#define flag_open	bare_open
#define flag_close	bare_close
#define flag_send	flag_pass
#define flag_receive	flag_await

BENCH_PINGPONG(flag);

/* --------------------------------------------------------------------- table */

#define ROW(what, against, us, them, aim, at)				\
	.chapter = "ring", .name = what, .peer = against,		\
	.ours = us, .theirs = them, .goal = aim, .place = at

#define STREAM(n, holds)						\
	.size = n, .bytes = n, .capacity = holds,			\
	.unit = 4 * (holds) / (n), .stretch = 8, .cpus = 2

#define PINGPONG(n, on)							\
	.size = n, .bytes = n, .capacity = 65536, .cpus = on

const struct bench_case bench_ring_cases[] = {
	{ ROW("stream", "pipe", &bench_ring_stream, &bench_pipe_stream, 0.004,
	      "native"), STREAM(8, 65536) },
	{ ROW("stream", "bare-spsc", &bench_ring_stream, &bench_bare_stream,
	      2.0, "native"), STREAM(8, 65536) },
	{ ROW("stream", "pipe", &bench_ring_stream, &bench_pipe_stream, 0.06,
	      NULL), STREAM(64, 65536) },
	{ ROW("stream", "sysv-msg", &bench_ring_stream, &bench_sysv_stream,
	      0.05, "vm"), STREAM(64, 65536) },
	{ ROW("stream", "unix-seqpacket", &bench_ring_stream,
	      &bench_unix_records_stream, 0.04, "vm"), STREAM(64, 65536) },
	{ ROW("stream", "pipe", &bench_ring_stream, &bench_pipe_stream, 0.25,
	      "native"), STREAM(1024, 65536) },
	{ ROW("stream", "pipe", &bench_ring_stream, &bench_theirs_stream, 0.25,
	      "vm"), STREAM(65536, 1048576) },
	{ ROW("stream", "unix-seqpacket", &bench_ring_stream,
	      &bench_unix_records_stream, 0.25, "vm"), STREAM(65536, 1048576) },
	{ ROW("stream-of-three", "posix-mq", &bench_ring_many, &bench_mq_many,
	      0.15, NULL), .size = 64, .bytes = 64, .capacity = 65536,
	  .unit = 3 * 4096, .stretch = 8, .cpus = 2 },
	{ ROW("stream-in-place", "memcpy", &bench_in_place_stream, &copy, 1.8,
	      "native"), STREAM(65536, 1048576) },
	{ ROW("pingpong", "spin-flag", &bench_ring_pingpong,
	      &bench_flag_pingpong, 1.05, "native"), PINGPONG(8, 2) },
	{ ROW("pingpong", "spin-flag", &bench_ring_pingpong,
	      &bench_flag_pingpong, 1.05, "native"), PINGPONG(48, 2) },
	{ ROW("pingpong-sleeping", "pipe", &bench_sleepy_pingpong,
	      &bench_pipe_pingpong, 0.90, "vm"), PINGPONG(64, 1) },
	{ }
};
