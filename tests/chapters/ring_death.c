// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring: producers that are killed anywhere, peers that write anything.
 */
#include "ring.h"

#include <sys/ptrace.h>

/* --- Death ---------------------------------------------------------------- */

struct step {
	const char *step;
	uint32_t arrived, discarded;
};

/* A producer that gives until it stops at a step, and is killed there. */
static void killed_at(const struct step *step, uint32_t flags, bool deferred,
		      int turn)
{
	struct ipcbook_ring ring, consumer = consume();
	/* Where newest wins; a record takes 32 bytes. */
	uint32_t lost = flags & IPCBOOK_RING_OVERWRITE ?
			turn + 1 - (RING_SIZE - 8) / 32 : 0;
	uint32_t n = 0;
	void *payload;
	pid_t pid;
	int got;

	pid = child();
	if (!pid) {
		ring = produce();
		stop_at(step->step, turn);
		for (;; n++) {
			is(ipcbook_ring_reserve(&ring, 24, &payload), 0);
			fill_record(payload, 24, n);
			if (deferred)
				ipcbook_ring_commit_deferred(&ring);
			else
				ipcbook_ring_commit(&ring);
		}
	}
	kill_stopped(pid);
	is(ring_stat(r).discarded, step->discarded);
	is(ring_stat(r).stalled, 0);
	/* What was published arrives before the next producer does anything. */
	if (lost)
		is(take(&consumer, 0), -EOVERFLOW);
	n = ipcbook_ring_lost(&consumer);
	is(n, lost);
	while ((got = take(&consumer, n)) == 24)
		n++;
	is(got, -EAGAIN);
	is(n, step->arrived);
	ring = produce();
	for (n = 0; n < 600; n++) {
		is(give(&ring, n, n), 0);
		is(take(&consumer, n), n);
	}
	is(ring_stat(r).discarded, step->discarded);
	is(ring.producer->lock, 0);
	ipcbook_ring_detach(&ring);
	ipcbook_ring_detach(&consumer);
	ring_like(RING_SIZE, flags);
}

RING_TEST(a_producer_may_be_killed_at_any_step)
{
	static const struct step steps[] = {
		{ "reserved", 5, 1 },	{ "deferred", 5, 1 },
		{ "written", 5, 1 },	{ "brought in", 5, 1 },
		{ "next is zero", 5, 1 },
		{ "published", 6, 0 },	{ "counted", 6, 0 },
		{ "tail", 6, 0 },	{ "notified", 6, 0 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(steps); i++)
		killed_at(&steps[i], 0, false, 5);
}

RING_TEST(a_producer_killed_with_deferred_records_loses_just_those)
{
	static const struct step steps[] = {
		{ "reserved", 32, 9 },	{ "deferred", 32, 9 },
	}, later[] = {
		{ "written", 32, 32 },	{ "brought in", 32, 32 },
		{ "next is zero", 32, 32 },
		{ "published", 64, 0 },	{ "counted", 64, 0 },
		{ "tail", 64, 0 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(steps); i++)
		killed_at(&steps[i], 0, true, 40);
	for (unsigned int i = 0; i < ARRAY_SIZE(later); i++)
		killed_at(&later[i], 0, true, 1);
}

RING_TEST(what_a_dead_one_had_reserved_before_a_flush_is_counted)
{
	struct ipcbook_ring ring;
	void *payload;
	pid_t pid;

	for (int committed = 0; committed < 2; committed++) {
		ring_like(RING_SIZE, 0);
		pid = child();
		if (!pid) {
			ring = produce();
			is(ipcbook_ring_reserve(&ring, 24, &payload), 0);
			is(ipcbook_ring_commit_deferred(&ring), 0);
			is(ipcbook_ring_reserve(&ring, 24, &payload), 0);
			ipcbook_ring_flush(&ring);
			if (committed)
				is(ipcbook_ring_commit_deferred(&ring), 0);
			raise(SIGKILL);
		}
		is(reap(pid), 128 + SIGKILL);
		is(ring_stat(r).discarded, 1);
		is(ring_stat(r).depth, 1);
	}
}

RING_TEST(one_of_many_may_be_killed_at_any_step)
{
	static const struct step steps[] = {
		{ "locked", 5, 0 },	{ "position", 5, 0 },
		{ "length", 5, 1 },	{ "next is zero", 5, 1 },
		{ "slot", 5, 1 },	{ "busy", 5, 1 },
		{ "tail", 5, 1 },	{ "reserved", 5, 1 },
		{ "written", 5, 1 },	{ "published", 6, 0 },
		{ "finished", 6, 0 },	{ "notified", 6, 0 },
	};

	ring_like(RING_SIZE, IPCBOOK_RING_MANY);
	for (unsigned int i = 0; i < ARRAY_SIZE(steps); i++)
		killed_at(&steps[i], IPCBOOK_RING_MANY, false, 5);
}

/* It had displaced the oldest, the last of them for the record it died with. */
RING_TEST(the_newest_are_whole_though_a_producer_was_killed_at_any_step)
{
	enum { TURN = 400 };
	static const struct step steps[] = {
		{ "reserved", TURN, 1 },
		{ "deferred", TURN, 1 },
		{ "written", TURN, 1 },
		{ "next is zero", TURN, 1 },
		{ "published", TURN + 1, 0 },
		{ "counted", TURN + 1, 0 },
		{ "tail", TURN + 1, 0 },
		{ "notified", TURN + 1, 0 },
	};

	ring_like(RING_SIZE, IPCBOOK_RING_OVERWRITE);
	for (unsigned int i = 0; i < ARRAY_SIZE(steps); i++)
		killed_at(&steps[i], IPCBOOK_RING_OVERWRITE, false, TURN);
}

/* The others go on around a hole, and the consumer, which sleeps, is woken. */
RING_TEST(a_consumer_that_waits_for_a_dead_one_is_woken)
{
	struct ipcbook_ring ring, consumer;
	int status;
	pid_t pid, waiting;

	ring_like(RING_SIZE, IPCBOOK_RING_MANY);
	ring = produce();
	pid = child();
	if (!pid) {
		ring = produce();
		stop_at("reserved", 0);
		give(&ring, 100, 0);
		_exit(0);
	}
	is(waitpid(pid, &status, WUNTRACED), pid);
	is(give(&ring, 100, 7), 0);
	waiting = child();
	if (!waiting) {
		consumer = consume();
		is(take(&consumer, 0), -EAGAIN);
		is(ipcbook_ring_wait(&consumer, 0, 0, 0), 0);
		is(take(&consumer, 7), 100);
		_exit(0);
	}
	await(ring_stat(r).receivers_waiting == 1);
	kill(pid, SIGKILL);
	is(reap(pid), 128 + SIGKILL);
	is(reap(waiting), 0);
	is(ring_stat(r).discarded, 1);
	ipcbook_ring_detach(&ring);
}

/* One that published and died before it woke whom it had to. */
RING_TEST(a_wake_that_a_dead_one_owed_is_made_up_for)
{
	struct ipcbook_ring ring, consumer;
	pid_t pid, waiting = child();

	if (!waiting) {
		consumer = consume();
		is(ipcbook_ring_wait(&consumer, 0, 0, 0), 0);
		is(take(&consumer, 3), 30);
		_exit(0);
	}
	await(ring_stat(r).receivers_waiting == 1);
	pid = child();
	if (!pid) {
		ring = produce();
		stop_at("published", 0);
		give(&ring, 30, 3);
		_exit(0);
	}
	kill_stopped(pid);
	is(reap(waiting), 0);
}

/* The same of a consumer that had given room back. */
RING_TEST(room_that_a_dead_consumer_gave_is_told_of)
{
	struct ipcbook_ring ring;
	const void *record;
	uint32_t length;
	pid_t pid, waiting;

	ring_like(4096, 0);
	waiting = child();
	if (!waiting) {
		ring = produce();
		is(give(&ring, 2040, 0), 0);
		is(give(&ring, 2040, 1), -EAGAIN);
		is(ipcbook_ring_wait(&ring, 2040, 0, 0), 0);
		is(give(&ring, 2040, 1), 0);
		_exit(0);
	}
	await(ring_stat(r).senders_waiting == 1);
	pid = child();
	if (!pid) {
		ring = consume();
		is(ipcbook_ring_peek(&ring, &record, &length), 0);
		__atomic_store_n(&ring.consumer->head,
				 ring.position + ring.current,
				 __ATOMIC_RELEASE);
		raise(SIGKILL);
	}
	is(reap(pid), 128 + SIGKILL);
	is(reap(waiting), 0);
}

/* A child that was made to inherit the mapping, and outlives who mapped. */
RING_TEST(a_forked_child_has_no_part_in_it_even_if_it_has_the_mapping)
{
	int ready = gate(), end = gate();
	struct ipcbook_ring ring;
	pid_t pid = child();
	long made;

	if (!pid) {
		ring = produce();
		made = sys(madvise(ring.consumer,
				   2 * (size_t)sysconf(_SC_PAGESIZE) +
				   2 * RING_SIZE, MADV_DOFORK));
		/* Newer kernels do not make it inherit such a mapping. */
		holds(!made || made == -EINVAL);
		if (!fork()) {
			gate_open(ready);
			gate_pass(end);
			_exit(0);
		}
		pause();
	}
	gate_pass(ready);
	kill(pid, SIGKILL);
	is(reap(pid), 128 + SIGKILL);
	ring = produce();
	is(give(&ring, 100, 0), 0);
	ipcbook_ring_detach(&ring);
	gate_open(end);
}

static int instructions;

/* A child that has given so many records and is about to give one more. */
static pid_t stepped_producer(uint32_t before)
{
	struct ipcbook_ring ring;
	int status;
	pid_t pid = child();

	if (!pid) {
		ring = produce();
		for (uint32_t n = 0; n < before; n++)
			is(give(&ring, 33, n), 0);
		is(sys(ptrace(PTRACE_TRACEME, 0, 0, 0)), 0);
		raise(SIGSTOP);
		is(give(&ring, 45, before), 0);
		raise(SIGUSR1);
		_exit(0);
	}
	is(waitpid(pid, &status, 0), pid);
	holds(WIFSTOPPED(status));
	return pid;
}

/* Steps so far and kills; whether there was so far to go. */
static bool kill_after(pid_t pid, int steps)
{
	bool there = true;
	int status;

	while (there && steps--) {
		is(sys(ptrace(PTRACE_SINGLESTEP, pid, 0, 0)), 0);
		is(waitpid(pid, &status, 0), pid);
		holds(WIFSTOPPED(status));
		there = WSTOPSIG(status) == SIGTRAP;
	}
	kill(pid, SIGKILL);
	is(reap(pid), 128 + SIGKILL);
	return there;
}

/*
 * At each instruction between the beginning and the end of a record. Those before
 * it arrive, but for the oldest, of which it may have displaced one more.
 */
static void killed_at_every_instruction(uint32_t flags, uint32_t before,
					uint32_t lost)
{
	struct ipcbook_ring ring, consumer;
	uint64_t discarded = 0, arrived = 0, displaced = 0;
	int got, coarse = slow_kernel() ? 41 : 11;
	uint32_t n;

	give_seconds(300);
	for (int steps = 0;; steps += coarse) {
		ring_like(RING_SIZE, flags);
		consumer = consume();
		instructions = steps;
		if (!kill_after(stepped_producer(before), steps))
			break;
		if (lost)
			is(take(&consumer, 0), -EOVERFLOW);
		n = ipcbook_ring_lost(&consumer);
		holds(n == lost || (lost && n == lost + 1));
		displaced += n - lost;
		while (n < before)
			is(take(&consumer, n++), 33);
		got = take(&consumer, before);
		holds(got == 45 || got == -EAGAIN);
		arrived += got == 45;
		discarded += ring_stat(r).discarded;
		ring = produce();
		is(give(&ring, 60, 2), 0);
		is(take(&consumer, 2), 60);
		is(take(&consumer, 3), -EAGAIN);
		ipcbook_ring_detach(&ring);
		ipcbook_ring_detach(&consumer);
	}
	ipcbook_ring_detach(&consumer);
	holds(instructions > 50);
	holds(arrived > 0);
	holds(discarded > 0);
	is(displaced > 0, lost > 0);
}

RING_TEST(a_producer_may_be_killed_at_any_instruction)
{
	killed_at_every_instruction(0, 1, 0);
}

RING_TEST(a_producer_may_be_killed_anywhere_while_it_displaces_the_oldest)
{
	/* A record of 33 bytes takes 48. */
	killed_at_every_instruction(IPCBOOK_RING_OVERWRITE, 300,
				    300 - (RING_SIZE - 8) / 48);
}

RING_TEST(one_of_many_may_be_killed_at_any_instruction)
{
	killed_at_every_instruction(IPCBOOK_RING_MANY, 1, 0);
}

/* --- Malice --------------------------------------------------------------- */

/* Scribbles over what a side may write, until it is killed. */
static void scribble(struct ipcbook_ring *ring, uint32_t random)
{
	bool producer = ring->role == IPCBOOK_RING_PRODUCER;
	uint32_t *own = producer ? (uint32_t *)ring->producer :
				   (uint32_t *)ring->consumer;
	struct pollfd fd = { .fd = ring->fd, .events = POLLIN | POLLOUT };
	struct ipcbook_stat stat;

	for (unsigned int turn = 0;; turn++) {
		random ^= random << 13;
		random ^= random >> 17;
		random ^= random << 5;
		__atomic_store_n(own + random % 1024, random * 2654435761U,
				 __ATOMIC_RELAXED);
		/* Also such as might be true. */
		__atomic_store_n(own + random / 1024 % 80,
				 (random >> 3) % (4 * RING_SIZE),
				 __ATOMIC_RELAXED);
		if (producer)
			__atomic_store_n((uint32_t *)ring->data +
					 (random >> 8) % (RING_SIZE / 4),
					 random & 1 ? (random & 7U << 29) |
					 random >> 20 : random,
					 __ATOMIC_RELAXED);
		if (turn % 64)
			continue;
		poll(&fd, 1, 0);
		ipcbook_stat(ring->fd, &stat);
		ioctl(ring->fd, IPCBOOK_IOC_RING_WAKE, 0L);
	}
}

static pid_t scribbler(bool producer)
{
	struct ipcbook_ring ring;
	pid_t pid = child();

	if (!pid) {
		ring = producer ? produce() : consume();
		scribble(&ring, 12345 + producer);
	}
	await(producer ? ring_stat(r).sender : ring_stat(r).receiver);
	return pid;
}

/* Bytes of a record, so that one beyond the ring would be felt. */
static unsigned int sum(const void *payload, uint32_t length)
{
	const unsigned char *bytes = payload;
	unsigned int total = 0;

	for (uint32_t i = 0; i < length; i++)
		total += bytes[i];
	return total;
}

static void consume_garbage(uint32_t flags)
{
	uint64_t until = ipcbook_deadline(SEC);
	struct ipcbook_ring consumer;
	const void *payload;
	unsigned int turns;
	uint32_t length;
	pid_t pid;
	int error;

	ring_like(RING_SIZE, flags);
	pid = scribbler(true);
	is(ipcbook_ring_attach(&consumer, keep(consumer_fd()), 0), 0);
	for (turns = 0; ipcbook_deadline(0) < until; turns++) {
		error = ipcbook_ring_peek(&consumer, &payload, &length);
		if (!error) {
			holds((const unsigned char *)payload + length <=
			      consumer.data + 2 * RING_SIZE);
			sum(payload, length);
			error = ipcbook_ring_release(&consumer);
		} else if (turns % 16 == 0) {
			ipcbook_ring_wait(&consumer, 0, IPCBOOK_RING_HANGUP,
					  ipcbook_deadline(MSEC / 100));
		}
		holds(!error || error == -EAGAIN || error == -EPROTO ||
		      error == -EOVERFLOW);
		holds(ring_stat(r).bytes <= RING_SIZE);
	}
	holds(turns > 10);
	kill(pid, SIGKILL);
	is(reap(pid), 128 + SIGKILL);
	ipcbook_ring_detach(&consumer);
}

RING_TEST(a_hostile_producer_harms_nobody_but_the_records)
{
	consume_garbage(0);
	consume_garbage(IPCBOOK_RING_MANY);
	consume_garbage(IPCBOOK_RING_OVERWRITE);
}

static void produce_for_nobody(uint32_t flags)
{
	uint64_t until = ipcbook_deadline(SEC);
	struct ipcbook_ring ring;
	unsigned int turns;
	pid_t pid;
	int error;

	ring_like(RING_SIZE, flags);
	ring = produce();
	pid = scribbler(false);
	for (turns = 0; ipcbook_deadline(0) < until; turns++) {
		error = give(&ring, turns % ipcbook_ring_max(&ring), turns);
		holds(!error || error == -EAGAIN || error == -EPROTO);
		if (error)
			ipcbook_ring_wait(&ring, 8, 0,
					  ipcbook_deadline(MSEC / 100));
	}
	holds(turns > 10);
	kill(pid, SIGKILL);
	is(reap(pid), 128 + SIGKILL);
	ipcbook_ring_detach(&ring);
}

RING_TEST(a_hostile_consumer_harms_nobody_but_itself)
{
	produce_for_nobody(0);
	produce_for_nobody(IPCBOOK_RING_MANY);
	produce_for_nobody(IPCBOOK_RING_OVERWRITE);
}

/* What a dead one had written is a word of whoever wrote it, and not more. */
RING_TEST(a_producer_that_lied_and_died_is_not_believed)
{
	struct ipcbook_ring ring, consumer;
	struct ipcbook_stat stat;
	void *payload;
	pid_t pid = child();

	if (!pid) {
		ring = produce();
		ring.producer->unpublished = 1000;
		ring.producer->tail = 0x40000000;
		raise(SIGKILL);
	}
	is(reap(pid), 128 + SIGKILL);
	stat = ring_stat(r);
	is(stat.discarded, IPCBOOK_RING_BATCH);
	is(stat.bytes, RING_SIZE);
	/* It takes the record of another one for its own. */
	ring_like(RING_SIZE, IPCBOOK_RING_MANY);
	consumer = consume();
	ring = produce();
	is(ipcbook_ring_reserve(&ring, 100, &payload), 0);
	pid = child();
	if (!pid) {
		struct ipcbook_ring other = produce();

		other.slot->position = ring.position;
		other.slot->length = 108;
		raise(SIGKILL);
	}
	is(reap(pid), 128 + SIGKILL);
	is(ring_stat(r).discarded, 0);
	fill_record(payload, 100, 1);
	is(ipcbook_ring_commit(&ring), 0);
	is(take(&consumer, 1), 100);
	ipcbook_ring_detach(&ring);
	ipcbook_ring_detach(&consumer);
}

RING_TEST(a_hostile_one_of_many_harms_nobody_but_the_records)
{
	uint64_t until = ipcbook_deadline(SEC);
	struct ipcbook_ring ring;
	unsigned int turns;
	pid_t pid;
	int error;

	ring_like(RING_SIZE, IPCBOOK_RING_MANY);
	pid = scribbler(true);
	ring = produce();
	for (turns = 0; ipcbook_deadline(0) < until; turns++) {
		error = give(&ring, 40, turns);
		holds(!error || error == -EAGAIN || error == -EPROTO);
		if (error)
			error = ipcbook_ring_wait(&ring, 8, 0,
						  ipcbook_deadline(MSEC));
		holds(!error || error == -ETIMEDOUT || error == -EPROTO);
	}
	holds(turns > 10);
	kill(pid, SIGKILL);
	is(reap(pid), 128 + SIGKILL);
	ipcbook_ring_detach(&ring);
}
