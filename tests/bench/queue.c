// SPDX-License-Identifier: GPL-2.0-only
/*
 * The queue chapter's cases.
 *
 * Both sides block where they must, carry messages of the same size, run on
 * the same CPUs and may hold the same number of bytes: limits.bytes here,
 * msg_qbytes, mq_maxmsg * mq_msgsize, F_SETPIPE_SZ there.
 *
 *	pair		pwrite of a type and pread of it, one thread
 *	pair-ioctl	the same through the ioctls, with a deadline an hour
 *			away that was worked out before. The peers have no
 *			deadline at all in these calls
 *	batch32		one call sends 32 messages, one receives them by type;
 *			against 32 calls each; time for one message
 *	pingpong	round trip between two processes on one CPU; here and
 *			with System V one queue and two types, two pipes
 *	stream		one process sends, another receives, a CPU for each;
 *			time for one message. Messages of more than 64 bytes
 *			show how throughput grows with them
 *
 * "behind": other messages wait in the queue all the time, and one that comes
 * after them is sent and received past them. The size column is how many wait
 * (in the row against System V, which has as many, it is 64 as in pair). They
 * have 16 types in turn, 64 bytes each.
 *
 *	typed-behind	pwrite of another type, pread of exactly it
 *	depth		the same at several depths, against System V with as
 *			many
 *	upto-behind	pwrite of a type lower than all that wait, receive of
 *			the lowest up to a bound that lets all of them pass
 *	not-behind	those that wait have one type; pwrite of another,
 *			receive of any but theirs
 *	any-behind	pread of the oldest; what is sent joins at the end, so
 *			that all that wait move on through the memory
 *	typed-behind-distinct	as typed-behind, each that waits having a type
 *			of its own
 *
 * self-empty is the same calls on another queue of the same limits, made by
 * the same process, in which nothing waits.
 *
 *	typed-waiters	size receivers block in the same queue, each a thread,
 *			and as many descriptors of it are in an epoll set that
 *			another thread sleeps on. A third of either wants one
 *			exact type of its own, a third the lowest up to a bound
 *			of its own below the type that is timed, a third any
 *			but the type that is timed. None may wake
 *
 *	open		a name that is there is opened and closed again, by
 *			turns in no order; the size column is how many names
 *			there are, on both sides. What it costs must not grow
 *			with them, against what it costs the peer
 *
 * After a "behind" case exactly those messages must still be there, after
 * typed-waiters all receivers must still wait.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mqueue.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <ipcbook/ipcbook.h>

#include "patterns.h"

#define OTHER_TYPE	100
#define OTHER_TYPES	16
#define BOUND		1000000000
/* Above the types of all waiters that want a lower one. */
#define WAITED_TYPE	(1L << 30)

static uint64_t deadline;

static int open_named(struct bench_side *side, const char *name)
{
	struct ipcbook_queue_limits limits = {
		.messages = side->test->capacity / side->bytes,
		.bytes = side->test->capacity,
		.size = side->bytes,
	};

	side->fd[0] = ipcbook_queue_open(name,
					 O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
					 0600, &limits);
	if (side->fd[0] < 0)
		return bench_fail(side, "opening a queue", -side->fd[0]);
	return 0;
}

static int queue_open(struct bench_side *side)
{
	return open_named(side, NULL);
}

static void queue_close(struct bench_side *side)
{
	if (side->fd[0] >= 0)
		close(side->fd[0]);
}

bench_inline int queue_send(struct bench_side *side, int direction,
			    struct bench_message *message)
{
	return bench_transferred(side, "pwrite",
			   pwrite(side->fd[0], message->data, side->bytes,
				  BENCH_TYPE + direction), side->bytes);
}

bench_inline int queue_receive(struct bench_side *side, int direction,
			       struct bench_message *message)
{
	return bench_transferred(side, "pread",
			   pread(side->fd[0], message->data, side->bytes,
				 BENCH_TYPE + direction), side->bytes);
}

BENCH_PAIR(queue);
BENCH_PINGPONG(queue);
BENCH_STREAM(queue);

static int ioctl_open(struct bench_side *side)
{
	deadline = ipcbook_deadline(3600 * 1000000000LL);
	return queue_open(side);
}

static void ioctl_close(struct bench_side *side)
{
	queue_close(side);
}

bench_inline int ioctl_send(struct bench_side *side, int direction,
			    struct bench_message *message)
{
	int ret = ipcbook_queue_send(side->fd[0], BENCH_TYPE + direction,
				     message->data, side->bytes, 0, deadline);

	return bench_answered(side, "send", ret, 0);
}

bench_inline int ioctl_receive(struct bench_side *side, int direction,
			       struct bench_message *message)
{
	ssize_t ret = ipcbook_queue_recv(side->fd[0], IPCBOOK_EXACT,
					 BENCH_TYPE + direction, message->data,
					 side->bytes, 0, deadline, NULL);

	return bench_answered(side, "receive", ret, side->bytes);
}

BENCH_PAIR(ioctl);

/*
 * Batches. A block has as many entries as a batch, each with a payload of its
 * own.
 */
struct block {
	struct ipcbook_queue_entry *entries;
	unsigned char *payload;
};

static int make_block(struct bench_side *side, struct block *block,
		      unsigned int count)
{
	unsigned int i;

	block->entries = calloc(count, sizeof(*block->entries));
	block->payload = calloc(count, side->bytes);
	if (!block->entries || !block->payload)
		return bench_fail(side, "memory", ENOMEM);
	for (i = 0; i < count; i++) {
		block->entries[i].buf =
			(uintptr_t)(block->payload + i * side->bytes);
		block->entries[i].len = side->bytes;
		block->entries[i].info.type = BENCH_TYPE;
	}
	return 0;
}

static void free_block(struct block *block)
{
	free(block->entries);
	free(block->payload);
}

static unsigned char *payload(struct block *block, unsigned int i)
{
	return (unsigned char *)(uintptr_t)block->entries[i].buf;
}

/* Writes the next message's number into a block's payload. */
static void stamp_entry(struct bench_side *side, struct block *block,
			unsigned int i)
{
	uint64_t number = ++side->sequence;

	memcpy(payload(block, i), &number, sizeof(number));
	memcpy(payload(block, i) + side->bytes - sizeof(number), &number,
	       sizeof(number));
}

static int entry_stamped(struct bench_side *side, struct block *block,
			 unsigned int i, uint64_t number)
{
	uint64_t first, last;

	memcpy(&first, payload(block, i), sizeof(first));
	memcpy(&last, payload(block, i) + side->bytes - sizeof(last),
	       sizeof(last));
	if (first == number && last == number &&
	    block->entries[i].len == side->bytes)
		return 0;
	return bench_fail(side, "message out of order", EBADMSG);
}

/* Two blocks: what is sent and what is received. */
static int batch_open(struct bench_side *side)
{
	struct block *blocks = calloc(2, sizeof(*blocks));
	int ret = queue_open(side);

	side->data = blocks;
	if (!blocks)
		return bench_fail(side, "memory", ENOMEM);
	if (!ret)
		ret = make_block(side, &blocks[0], side->test->unit);
	if (!ret)
		ret = make_block(side, &blocks[1], side->test->unit);
	return ret;
}

static int batch_run(struct bench_side *side, unsigned long n)
{
	struct block *out = side->data, *in = out + 1;
	int unit = side->test->unit, ret = 0, i;
	uint64_t number;

	for (; !ret && n; n -= unit) {
		number = side->sequence;
		for (i = 0; i < unit; i++)
			stamp_entry(side, out, i);
		ret = ipcbook_queue_send_batch(side->fd[0], out->entries, unit,
					       0, 0);
		ret = bench_answered(side, "send batch", ret, unit);
		if (ret)
			break;
		ret = ipcbook_queue_recv_batch(side->fd[0], IPCBOOK_EXACT,
					       BENCH_TYPE, in->entries, unit, 0,
					       0);
		ret = bench_answered(side, "receive batch", ret, unit);
		for (i = 0; !ret && i < unit; i++)
			ret = entry_stamped(side, in, i, ++number);
	}
	return ret;
}

static void batch_close(struct bench_side *side)
{
	struct block *blocks = side->data;

	if (blocks) {
		free_block(&blocks[0]);
		free_block(&blocks[1]);
	}
	free(blocks);
	queue_close(side);
}

static const struct bench_ops queue_batch = {
	.open	= batch_open,
	.run	= batch_run,
	.close	= batch_close,
};

/*
 * Behind others.
 */

/* Puts the messages there that wait; their types take turns. */
static int fill(struct bench_side *side, long types)
{
	struct block block = { };
	long done = 0, type;
	int ret, i, n;

	ret = make_block(side, &block, IPCBOOK_BATCH_MAX);
	while (!ret && done < side->ahead) {
		n = IPCBOOK_BATCH_MAX;
		if (n > side->ahead - done)
			n = side->ahead - done;
		for (i = 0; i < n; i++) {
			type = OTHER_TYPE + (done + i) % types;
			block.entries[i].info.type = type;
			stamp_entry(side, &block, i);
		}
		ret = ipcbook_queue_send_batch(side->fd[0], block.entries, n,
					       IPCBOOK_NOWAIT, 0);
		ret = bench_answered(side, "filling the queue", ret, n);
		done += n;
	}
	free_block(&block);
	return ret;
}

static int spread_open(struct bench_side *side)
{
	int ret = queue_open(side);

	return ret ? ret : fill(side, OTHER_TYPES);
}

static int same_open(struct bench_side *side)
{
	int ret = queue_open(side);

	return ret ? ret : fill(side, 1);
}

static int distinct_open(struct bench_side *side)
{
	int ret = queue_open(side);

	return ret ? ret : fill(side, LONG_MAX);
}

/* Those that wait must be there still, and no other. */
static int behind_check(struct bench_side *side)
{
	struct ipcbook_stat stat = { .size = sizeof(stat) };
	int ret = ipcbook_stat(side->fd[0], &stat);

	if (ret)
		return bench_fail(side, "stat", -ret);
	if (stat.depth != (uint64_t)side->ahead)
		return bench_fail(side, "messages that wait", EBADMSG);
	return 0;
}

bench_inline int selected(struct bench_side *side, enum ipcbook_select select,
			  int64_t type, struct bench_message *message)
{
	ssize_t ret = ipcbook_queue_recv(side->fd[0], select, type,
					 message->data, side->bytes, 0, 0,
					 NULL);

	return bench_answered(side, "receive", ret, side->bytes);
}

bench_inline int upto_receive(struct bench_side *side, int direction,
			      struct bench_message *message)
{
	(void)direction;
	return selected(side, IPCBOOK_UPTO, BOUND, message);
}

bench_inline int not_receive(struct bench_side *side, int direction,
			     struct bench_message *message)
{
	(void)direction;
	return selected(side, IPCBOOK_NOT, OTHER_TYPE, message);
}

static int upto_run(struct bench_side *side, unsigned long n)
{
	return bench_pair(side, n, queue_send, upto_receive);
}

static int not_run(struct bench_side *side, unsigned long n)
{
	return bench_pair(side, n, queue_send, not_receive);
}

/* The oldest goes, one of the same type joins at the end. */
static int any_run(struct bench_side *side, unsigned long n)
{
	ssize_t got;
	int ret = 0;
	off_t type;

	while (!ret && n--) {
		type = OTHER_TYPE + side->sequence % OTHER_TYPES;
		bench_stamp(side);
		got = pwrite(side->fd[0], side->out->data, side->bytes, type);
		ret = bench_transferred(side, "pwrite", got, side->bytes);
		if (ret)
			break;
		got = pread(side->fd[0], side->in->data, side->bytes, 0);
		ret = bench_transferred(side, "pread", got, side->bytes);
		if (!ret)
			ret = bench_stamped(side, side->sequence - side->ahead);
	}
	return ret;
}

#define BEHIND(what, opening, running)					\
static const struct bench_ops what##_behind = {				\
	.open	= opening,						\
	.run	= running,						\
	.check	= behind_check,						\
	.close	= queue_close,						\
}

BEHIND(typed, spread_open, queue_pair);
BEHIND(distinct, distinct_open, queue_pair);
BEHIND(upto, spread_open, upto_run);
BEHIND(not, same_open, not_run);
BEHIND(any, spread_open, any_run);

/*
 * Waiters of other types.
 */
struct waiter {
	pthread_t thread;
	int fd;
	long number;
};

/* receivers[] and polled[] have side->ahead entries, the first ones in use. */
struct waiters {
	char name[IPCBOOK_NAME_LEN];
	struct waiter *receivers;
	long receiving;
	int *polled;
	long polling;
	int epoll;
	pthread_t sleeper;
	bool sleeping;
	int woken;
};

/* The selector of a waiter; none of them wants WAITED_TYPE. */
static enum ipcbook_select choose(long number, int64_t *type)
{
	switch (number % 3) {
	case 0:
		*type = number % 2 ? WAITED_TYPE + 1 + number : 1 + number;
		return IPCBOOK_EXACT;
	case 1:
		*type = 1 + number;
		return IPCBOOK_UPTO;
	default:
		*type = WAITED_TYPE;
		return IPCBOOK_NOT;
	}
}

static void *receive_blocked(void *arg)
{
	const struct waiter *waiter = arg;
	enum ipcbook_select select;
	int64_t type;
	char byte;

	select = choose(waiter->number, &type);
	ipcbook_queue_recv(waiter->fd, select, type, &byte, sizeof(byte), 0, 0,
			   NULL);
	return NULL;
}

static void *sleep_on_epoll(void *arg)
{
	struct waiters *waiters = arg;
	struct epoll_event event;

	epoll_wait(waiters->epoll, &event, 1, -1);
	__atomic_store_n(&waiters->woken, 1, __ATOMIC_RELAXED);
	return NULL;
}

/* Threads that take no signal, so that the watchdog's reaches the main one. */
static int start_thread(struct bench_side *side, pthread_t *thread,
			void *(*run)(void *), void *arg)
{
	sigset_t all, before;
	pthread_attr_t attr;
	int ret;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 32768);
	pthread_attr_setguardsize(&attr, 0);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(thread, &attr, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return ret ? bench_fail(side, "starting a thread", ret) : 0;
}

static int start_receivers(struct bench_side *side, struct waiters *waiters)
{
	struct waiter *waiter;
	int ret = 0;

	while (!ret && waiters->receiving < side->ahead) {
		waiter = &waiters->receivers[waiters->receiving];
		waiter->fd = side->fd[0];
		waiter->number = waiters->receiving;
		ret = start_thread(side, &waiter->thread, receive_blocked,
				   waiter);
		waiters->receiving += !ret;
	}
	return ret;
}

static int add_poller(struct bench_side *side, struct waiters *waiters)
{
	struct epoll_event event = { .events = EPOLLIN };
	enum ipcbook_select select;
	int64_t type;
	int fd, ret;

	fd = ipcbook_queue_open(waiters->name, O_RDONLY | O_CLOEXEC, 0, NULL);
	if (fd < 0)
		return bench_fail(side, "opening for poll", -fd);
	waiters->polled[waiters->polling++] = fd;
	select = choose(waiters->polling, &type);
	ret = ipcbook_queue_select(fd, select, type);
	if (ret)
		return bench_fail(side, "select", -ret);
	if (epoll_ctl(waiters->epoll, EPOLL_CTL_ADD, fd, &event))
		return bench_fail(side, "epoll_ctl", errno);
	return 0;
}

static int start_pollers(struct bench_side *side, struct waiters *waiters)
{
	int ret = 0;

	waiters->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (waiters->epoll < 0)
		return bench_fail(side, "epoll_create1", errno);
	while (!ret && waiters->polling < side->ahead)
		ret = add_poller(side, waiters);
	if (!ret)
		ret = start_thread(side, &waiters->sleeper, sleep_on_epoll,
				   waiters);
	waiters->sleeping = !ret;
	return ret;
}

static int still_waiting(struct bench_side *side)
{
	struct ipcbook_stat stat = { .size = sizeof(stat) };
	struct waiters *waiters = side->data;
	int ret = ipcbook_stat(side->fd[0], &stat);

	if (ret)
		return bench_fail(side, "stat", -ret);
	if (__atomic_load_n(&waiters->woken, __ATOMIC_RELAXED))
		return bench_fail(side, "a poller woke", EBADMSG);
	return stat.receivers_waiting == (uint64_t)side->ahead ? 0 : -EAGAIN;
}

/*
 * Waits, at most half a minute, until all receivers are blocked. The queue's counter
 * of them cannot be waited for; looking now and then leaves them the CPU.
 */
static int await_waiting(struct bench_side *side)
{
	int ret, i;

	for (i = 0; i < 300; i++) {
		ret = still_waiting(side);
		if (ret != -EAGAIN)
			return ret;
		usleep(100000);
	}
	return bench_fail(side, "receivers that block", EBADMSG);
}

static int waiters_open(struct bench_side *side)
{
	struct waiters *waiters = calloc(1, sizeof(*waiters));
	int ret;

	side->data = waiters;
	if (!waiters)
		return bench_fail(side, "memory", ENOMEM);
	waiters->epoll = -1;
	snprintf(waiters->name, sizeof(waiters->name), "bench-%d-%ld",
		 getpid(), side->ahead);
	waiters->receivers = calloc(side->ahead, sizeof(*waiters->receivers));
	waiters->polled = calloc(side->ahead, sizeof(*waiters->polled));
	if (side->ahead && (!waiters->receivers || !waiters->polled))
		return bench_fail(side, "memory", ENOMEM);
	ret = open_named(side, waiters->name);
	if (!ret && side->ahead)
		ret = start_receivers(side, waiters);
	if (!ret && side->ahead)
		ret = start_pollers(side, waiters);
	return ret ? ret : await_waiting(side);
}

bench_inline int waited_send(struct bench_side *side, int direction,
			     struct bench_message *message)
{
	(void)direction;
	return bench_transferred(side, "pwrite",
				 pwrite(side->fd[0], message->data, side->bytes,
					WAITED_TYPE), side->bytes);
}

bench_inline int waited_receive(struct bench_side *side, int direction,
				struct bench_message *message)
{
	(void)direction;
	return bench_transferred(side, "pread",
				 pread(side->fd[0], message->data, side->bytes,
				       WAITED_TYPE), side->bytes);
}

static int waiters_run(struct bench_side *side, unsigned long n)
{
	return bench_pair(side, n, waited_send, waited_receive);
}

static int waiters_check(struct bench_side *side)
{
	if (still_waiting(side))
		return bench_fail(side, "receivers that still wait", EBADMSG);
	return bench_check_contents(side);
}

/* Taking the name away ends the waits. */
static void waiters_close(struct bench_side *side)
{
	struct waiters *waiters = side->data;
	long i;

	if (!waiters)
		return;
	ipcbook_queue_unlink(waiters->name);
	if (waiters->sleeping) {
		pthread_cancel(waiters->sleeper);
		pthread_join(waiters->sleeper, NULL);
	}
	for (i = 0; i < waiters->receiving; i++)
		pthread_join(waiters->receivers[i].thread, NULL);
	for (i = 0; i < waiters->polling; i++)
		close(waiters->polled[i]);
	if (waiters->epoll >= 0)
		close(waiters->epoll);
	free(waiters->receivers);
	free(waiters->polled);
	free(waiters);
	queue_close(side);
}

static const struct bench_ops queue_waiters = {
	.open	= waiters_open,
	.run	= waiters_run,
	.check	= waiters_check,
	.close	= waiters_close,
};

/* --- Names ---------------------------------------------------------------- */

/* The next name: multiples of an odd number are far from each other. */
static void name_of(char name[IPCBOOK_NAME_LEN], unsigned long number)
{
	snprintf(name, IPCBOOK_NAME_LEN, "/bench-%d-%lu", getpid(), number);
}

static unsigned long next_name(struct bench_side *side)
{
	return ++side->sequence * 2654435761UL % side->ahead;
}

static int names_open(struct bench_side *side)
{
	struct ipcbook_queue_limits limits = { 1, 8, 8 };
	char name[IPCBOOK_NAME_LEN];
	int fd;

	for (long i = 0; i < side->ahead; i++) {
		name_of(name, i);
		fd = ipcbook_queue_open(name + 1, O_RDWR | O_CREAT | O_EXCL,
					0600, &limits);
		if (fd < 0)
			return bench_fail(side, "creating a queue", -fd);
		close(fd);
	}
	return 0;
}

static int names_run(struct bench_side *side, unsigned long n)
{
	char name[IPCBOOK_NAME_LEN];
	int fd;

	while (n--) {
		name_of(name, next_name(side));
		fd = ipcbook_queue_open(name + 1, O_RDWR, 0, NULL);
		if (fd < 0)
			return bench_fail(side, "opening a queue", -fd);
		close(fd);
	}
	return 0;
}

static void names_close(struct bench_side *side)
{
	char name[IPCBOOK_NAME_LEN];

	for (long i = 0; i < side->ahead; i++) {
		name_of(name, i);
		ipcbook_queue_unlink(name + 1);
	}
}

static const struct bench_ops queue_names = {
	.open	= names_open,
	.run	= names_run,
	.close	= names_close,
};

static int mq_names_open(struct bench_side *side)
{
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 8 };
	char name[IPCBOOK_NAME_LEN];
	mqd_t fd;

	for (long i = 0; i < side->ahead; i++) {
		name_of(name, i);
		fd = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
		if (fd < 0)
			return bench_fail(side, "mq_open", errno);
		mq_close(fd);
	}
	return 0;
}

static int mq_names_run(struct bench_side *side, unsigned long n)
{
	char name[IPCBOOK_NAME_LEN];
	mqd_t fd;

	while (n--) {
		name_of(name, next_name(side));
		fd = mq_open(name, O_RDWR);
		if (fd < 0)
			return bench_fail(side, "mq_open", errno);
		mq_close(fd);
	}
	return 0;
}

static void mq_names_close(struct bench_side *side)
{
	char name[IPCBOOK_NAME_LEN];

	for (long i = 0; i < side->ahead; i++) {
		name_of(name, i);
		mq_unlink(name);
	}
}

static const struct bench_ops mq_names = {
	.open	= mq_names_open,
	.run	= mq_names_run,
	.close	= mq_names_close,
};

/*
 * The rows. 64 KiB is what a pipe holds; where messages wait, both sides have
 * room for them and some more.
 */
#define ROW(what, against, us, them, aim)				\
	.chapter = "queue", .name = what, .peer = against,		\
	.ours = us, .theirs = them, .goal = aim

#define BYTES(n)							\
	.size = n, .bytes = n, .capacity = 65536

#define PINGPONG	BYTES(64), .unit = 64, .stretch = 4

/* A slice is eight times what the queue holds: it is full now and then. */
#define STREAM		BYTES(64), .unit = 8192, .stretch = 8, .cpus = 2

#define DEPTH(n)							\
	{ ROW("depth", "sysv-msg", &typed_behind, &bench_sysv_pair, 0), \
	  .size = n, .bytes = 64, .ahead = n, .peer_ahead = n,		\
	  .capacity = 1 << 20 }

#define NAMES(n)							\
	{ ROW("open", "posix-mq", &queue_names, &mq_names, 0),		\
	  .size = n, .bytes = 64, .ahead = n, .peer_ahead = n,		\
	  .capacity = 64 }

#define SELF(what, n, us, aim) {					\
	ROW(what, "self-empty", us, us, aim),				\
	.size = n, .bytes = 64, .ahead = n,				\
	.capacity = n > 16000 ? 64 << 20 : 1 << 20			\
}

const struct bench_case bench_queue_cases[] = {
	{ ROW("pair", "sysv-msg", &bench_queue_pair, &bench_sysv_pair, 0.58),
	  BYTES(64) },
	{ ROW("pair", "posix-mq", &bench_queue_pair, &bench_mq_pair, 0.45),
	  BYTES(64) },
	{ ROW("pair", "pipe", &bench_queue_pair, &bench_pipe_pair, 0.72),
	  BYTES(64) },
	{ ROW("pair", "sysv-msg", &bench_queue_pair, &bench_sysv_pair, 0.75),
	  BYTES(8000) },
	{ ROW("pair", "posix-mq", &bench_queue_pair, &bench_mq_pair, 0.70),
	  BYTES(8000) },
	{ ROW("pair", "pipe", &bench_queue_pair, &bench_pipe_pair, 0.80),
	  BYTES(8000) },
	{ ROW("pair-ioctl", "sysv-msg", &bench_ioctl_pair, &bench_sysv_pair,
	      0.75), BYTES(64) },
	{ ROW("pair-ioctl", "pipe", &bench_ioctl_pair, &bench_pipe_pair, 0.95),
	  BYTES(64) },
	{ ROW("batch32", "sysv-msg", &queue_batch, &bench_sysv_batch, 0.25),
	  BYTES(64), .unit = 32 },
	{ ROW("typed-behind", "sysv-msg", &typed_behind, &bench_sysv_pair,
	      0.03), .size = 64, .bytes = 64, .ahead = 10000,
	  .peer_ahead = 10000, .capacity = 1 << 20 },
	DEPTH(1),
	DEPTH(10),
	DEPTH(100),
	DEPTH(1000),
	DEPTH(10000),
	SELF("typed-behind", 10000, &typed_behind, 1.10),
	SELF("typed-behind", 1000000, &typed_behind, 1.10),
	SELF("typed-behind-distinct", 10000, &distinct_behind, 0),
	SELF("upto-behind", 10000, &upto_behind, 1.10),
	SELF("upto-behind", 1000000, &upto_behind, 1.10),
	SELF("not-behind", 10000, &not_behind, 1.10),
	SELF("not-behind", 1000000, &not_behind, 1.10),
	SELF("any-behind", 10000, &any_behind, 1.10),
	SELF("any-behind", 1000000, &any_behind, 1.10),
	SELF("typed-waiters", 10000, &queue_waiters, 1.10),
	NAMES(10),
	NAMES(100000),
	{ ROW("pingpong", "sysv-msg", &bench_queue_pingpong,
	      &bench_sysv_pingpong, 0.90), PINGPONG },
	{ ROW("pingpong", "pipe", &bench_queue_pingpong, &bench_pipe_pingpong,
	      1.00), PINGPONG },
	{ ROW("stream", "sysv-msg", &bench_queue_stream, &bench_sysv_stream,
	      0.70), STREAM },
	{ ROW("stream", "pipe", &bench_queue_stream, &bench_pipe_stream, 0.90),
	  STREAM },
	BENCH_LONGER_STREAMS("queue", "pipe", &bench_queue_stream,
			     &bench_pipe_stream),
	BENCH_STREAM_OF(65536, "queue", "pipe", &bench_queue_stream,
			&bench_pipe_stream),
	{ }
};
