// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring's data path over a memfd, without the module: what arrives, what a
 * killed producer leaves behind, what a hostile peer can do.
 *
 * Compiled with ThreadSanitizer, only the cases with threads run: both sides
 * then use one mapping, so that it sees that they mean the same bytes.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <ipcbook/ipcbook.h>

/* Where the next producer in this process is to die. */
static const char *fatal_step;
static int fatal_turn;

#define IPCBOOK_RING_STEP(name) do {					\
	if (fatal_step && !strcmp(fatal_step, name) && !fatal_turn--)	\
		raise(SIGKILL);						\
} while (0)

#include <ipcbook/ring.h>

#define SIZE	4096U
#define MSEC	1000000LL

static struct ipcbook_ring producer, consumer;
static uint32_t mode;
static int fd;

static int ring_file(uint32_t size)
{
	int file = memfd_create("ring", MFD_CLOEXEC);

	assert_true(file >= 0);
	assert_int_equal(ftruncate(file, ipcbook_ring_size(size)), 0);
	return file;
}

/* The next record is of so many bytes, which are all the same. */
static void arrives(uint32_t bytes, int byte)
{
	const unsigned char *payload;
	uint32_t length;

	assert_int_equal(ipcbook_ring_peek(&consumer, (const void **)&payload,
					   &length), 0);
	assert_int_equal(length, bytes);
	for (uint32_t i = 0; i < length; i++)
		assert_int_equal(payload[i], byte);
	assert_int_equal(ipcbook_ring_release(&consumer), 0);
}

static void nothing_arrives(void)
{
	const void *payload;
	uint32_t length;

	assert_int_equal(ipcbook_ring_peek(&consumer, &payload, &length),
			 -EAGAIN);
}

static void start_of(uint32_t size)
{
	fd = ring_file(size);
	assert_int_equal(ipcbook_ring_attach_fd(&producer, fd,
						IPCBOOK_RING_PRODUCER, mode), 0);
	assert_int_equal(ipcbook_ring_attach_fd(&consumer, fd,
						IPCBOOK_RING_CONSUMER, mode), 0);
}

static int start(void **state)
{
	(void)state;
	start_of(SIZE);
	return 0;
}

static int end(void **state)
{
	(void)state;
	ipcbook_ring_detach(&producer);
	ipcbook_ring_detach(&consumer);
	close(fd);
	return 0;
}

/* A record's content follows from its number and its length. */
static void fill(void *payload, uint32_t length, uint32_t number)
{
	unsigned char *bytes = payload;

	for (uint32_t i = 0; i < length; i++)
		bytes[i] = number * 31 + i * 7;
}

static bool filled(const void *payload, uint32_t length, uint32_t number)
{
	const unsigned char *bytes = payload;

	for (uint32_t i = 0; i < length; i++)
		if (bytes[i] != (unsigned char)(number * 31 + i * 7))
			return false;
	return true;
}

static int put(struct ipcbook_ring *ring, uint32_t length, uint32_t number)
{
	void *payload;
	int error = ipcbook_ring_reserve(ring, length, &payload);

	if (error)
		return error;
	fill(payload, length, number);
	return ipcbook_ring_commit(ring);
}

/* Takes one record; its length if it is this one, -EBADMSG if not. */
static int take(struct ipcbook_ring *ring, uint32_t number)
{
	const void *payload;
	uint32_t length;
	int error = ipcbook_ring_peek(ring, &payload, &length);

	if (error)
		return error;
	if (!filled(payload, length, number))
		return -EBADMSG;
	error = ipcbook_ring_release(ring);
	return error ? error : (int)length;
}

static void records_of_all_lengths_arrive_in_order(void **state)
{
	const uint32_t most = ipcbook_ring_max(&producer);

	(void)state;
	assert_int_equal(most, SIZE / 2 - 8);
	for (uint32_t length = 0; length <= most; length++) {
		assert_int_equal(put(&producer, length, length), 0);
		assert_int_equal(take(&consumer, length), length);
	}
	assert_int_equal(take(&consumer, 0), -EAGAIN);
}

static void a_full_ring_takes_no_more_until_something_is_released(void **state)
{
	uint32_t n = 0;

	(void)state;
	for (unsigned int round = 0; round < 100; round++) {
		while (!put(&producer, 24, n))
			n++;
		assert_int_equal(put(&producer, 24, n), -EAGAIN);
		/* All of it but the room for the word that is 0. */
		assert_int_equal(n, (SIZE - 8) / 32);
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(take(&consumer, i), 24);
		assert_int_equal(take(&consumer, 0), -EAGAIN);
		n = 0;
	}
}

static void a_record_that_is_too_long_is_refused(void **state)
{
	void *payload;

	(void)state;
	assert_int_equal(put(&producer, SIZE / 2 - 7, 0), -EMSGSIZE);
	assert_int_equal(put(&producer, UINT32_MAX, 0), -EMSGSIZE);
	assert_int_equal(ipcbook_ring_wait(&producer, SIZE, 0, 1), -EMSGSIZE);
	assert_int_equal(ipcbook_ring_reserve(&producer, 1, &payload), 0);
	assert_int_equal(ipcbook_ring_discard(&producer), 0);
}

static void steps_out_of_order_are_refused(void **state)
{
	const void *record;
	uint32_t length;
	void *payload;

	(void)state;
	assert_int_equal(ipcbook_ring_commit(&producer), -EINVAL);
	assert_int_equal(ipcbook_ring_commit_deferred(&producer), -EINVAL);
	assert_int_equal(ipcbook_ring_discard(&producer), -EINVAL);
	assert_int_equal(ipcbook_ring_release(&consumer), -EINVAL);
	assert_int_equal(ipcbook_ring_reserve(&producer, 8, &payload), 0);
	assert_int_equal(ipcbook_ring_reserve(&producer, 8, &payload), -EBUSY);
	assert_int_equal(ipcbook_ring_commit(&producer), 0);
	assert_int_equal(ipcbook_ring_commit(&producer), -EINVAL);
	assert_int_equal(ipcbook_ring_peek(&consumer, &record, &length), 0);
	assert_int_equal(ipcbook_ring_peek(&consumer, &record, &length), 0);
	assert_int_equal(ipcbook_ring_release(&consumer), 0);
	assert_int_equal(ipcbook_ring_release(&consumer), -EINVAL);
}

static void what_is_discarded_was_never_there(void **state)
{
	void *payload = NULL;

	(void)state;
	assert_int_equal(put(&producer, 8, 1), 0);
	assert_int_equal(ipcbook_ring_reserve(&producer, 100, &payload), 0);
	memset(payload, 0xff, 100);
	assert_int_equal(ipcbook_ring_discard(&producer), 0);
	assert_int_equal(take(&consumer, 1), 8);
	assert_int_equal(take(&consumer, 0), -EAGAIN);
	assert_int_equal(put(&producer, 40, 2), 0);
	assert_int_equal(take(&consumer, 2), 40);
}

static int put_deferred(uint32_t number)
{
	void *payload;
	int error = ipcbook_ring_reserve(&producer, 8, &payload);

	if (error)
		return error;
	fill(payload, 8, number);
	return ipcbook_ring_commit_deferred(&producer);
}

static void deferred_records_are_published_together(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < IPCBOOK_RING_BATCH - 1; i++)
		assert_int_equal(put_deferred(i), 0);
	assert_int_equal(take(&consumer, 0), -EAGAIN);
	assert_int_equal(put_deferred(IPCBOOK_RING_BATCH - 1), 0);
	for (uint32_t i = 0; i < IPCBOOK_RING_BATCH; i++)
		assert_int_equal(take(&consumer, i), 8);
	assert_int_equal(put_deferred(7), 0);
	assert_int_equal(take(&consumer, 7), -EAGAIN);
	ipcbook_ring_flush(&producer);
	assert_int_equal(take(&consumer, 7), 8);
	assert_int_equal(put_deferred(8), 0);
	assert_int_equal(put(&producer, 16, 9), 0);
	assert_int_equal(take(&consumer, 8), 8);
	assert_int_equal(take(&consumer, 9), 16);
}

static void a_wait_ends_with_its_deadline(void **state)
{
	uint64_t before = ipcbook_deadline(0);

	(void)state;
	assert_int_equal(ipcbook_ring_wait(&consumer, 0, 0,
					   ipcbook_deadline(20 * MSEC)),
			 -ETIMEDOUT);
	while (!put(&producer, 500, 1))
		;
	assert_int_equal(ipcbook_ring_wait(&producer, 500, 0,
					   ipcbook_deadline(20 * MSEC)),
			 -ETIMEDOUT);
	assert_true(ipcbook_deadline(0) - before >= 40 * MSEC);
	assert_int_equal(ipcbook_ring_wait(&consumer, 0, 0, 1), 0);
}

static void who_is_not_to_look_sleeps_at_once(void **state)
{
	(void)state;
	producer.spins = 0;
	consumer.spins = 0;
	for (uint32_t i = 0; i < 20; i++) {
		assert_int_equal(ipcbook_ring_wait(&consumer, 0, 0, 1),
				 -ETIMEDOUT);
		assert_int_equal(consumer.patience, 0);
		assert_int_equal(ipcbook_ring_wait(&producer, 500, 0, 1), 0);
		assert_int_equal(producer.patience, 0);
		assert_int_equal(put(&producer, 500, i), 0);
		assert_int_equal(ipcbook_ring_wait(&consumer, 0, 0, 1), 0);
		assert_int_equal(consumer.patience, 0);
		assert_int_equal(take(&consumer, i), 500);
	}
}

/*
 * Who gives back a little whenever there is nothing to do does not look each time
 * whether the producer sleeps, but after a quarter of the ring.
 */
static void a_sleeping_producer_is_looked_for_at_every_quarter(void **state)
{
	const uint32_t room = SIZE / 16;
	const void *payload;
	uint32_t length;

	(void)state;
	for (uint32_t i = 1; i <= 40; i++) {
		assert_int_equal(put(&producer, room - 8, i), 0);
		assert_int_equal(ipcbook_ring_peek(&consumer, &payload,
						   &length), 0);
		assert_int_equal(ipcbook_ring_release_deferred(&consumer), 0);
		assert_int_equal(consumer.consumer->head, (i - 1) * room);
		nothing_arrives();
		assert_int_equal(consumer.consumer->head, i * room);
		assert_int_equal(consumer.consumer->wakes, i / 4);
		/* Somebody else wants to sleep. */
		if (i % 4 == 0)
			producer.producer->asleep++;
	}
}

/* Runs in a child; how that ended: its status, or 128 and the signal. */
static int child_end(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   128 + WTERMSIG(status);
}

static pid_t child(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGSEGV, SIG_DFL);
	}
	return pid;
}

static void each_side_can_write_only_what_is_its_own(void **state)
{
	volatile uint32_t *const words[] = {
		(uint32_t *)consumer.data, &consumer.producer->tail,
		&consumer.producer->wakes,
		(uint32_t *)(consumer.data + 2 * SIZE - 4),
		&producer.consumer->head, &producer.consumer->asleep,
	};
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		pid = child();
		if (!pid) {
			*words[i] = 1;
			_exit(0);
		}
		assert_int_equal(child_end(pid), 128 + SIGSEGV);
	}
}

static void the_size_of_the_file_decides(void **state)
{
	static const uint32_t sizes[] = { 0, 1, 4095, 4097, 12288, 3U << 30 };
	struct ipcbook_ring ring;
	long page = sysconf(_SC_PAGESIZE);
	int file = memfd_create("ring", MFD_CLOEXEC);

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		assert_int_equal(ipcbook_ring_size(sizes[i]), 0);
		assert_int_equal(ftruncate(file, 2 * page + sizes[i]), 0);
		assert_int_equal(ipcbook_ring_attach_fd(&ring, file,
							IPCBOOK_RING_CONSUMER, 0),
				 -EINVAL);
	}
	close(file);
	assert_int_equal(ipcbook_ring_attach_fd(&ring, -1,
						IPCBOOK_RING_CONSUMER, 0), -EBADF);
	assert_int_equal(ipcbook_ring_attach_fd(&ring, fd, 3, 0), -EINVAL);
	assert_int_equal(ipcbook_ring_attach_fd(&ring, fd,
						IPCBOOK_RING_CONSUMER, 4),
			 -EINVAL);
	assert_int_equal(ipcbook_ring_attach_fd(&ring, fd,
						IPCBOOK_RING_CONSUMER, 3),
			 -EINVAL);
}

/* --- Death ---------------------------------------------------------------- */

/* Produces until it dies at a step, for the so many-th time; numbers from 0. */
static void produce_until(const char *step, int turn, bool deferred)
{
	uint32_t number = 0;
	void *payload;

	fatal_step = step;
	fatal_turn = turn;
	for (;;) {
		if (ipcbook_ring_reserve(&producer, 24, &payload))
			_exit(1);
		fill(payload, 24, number++);
		if (deferred)
			ipcbook_ring_commit_deferred(&producer);
		else
			ipcbook_ring_commit(&producer);
	}
}

/*
 * What was published arrives, whole and in order; what was not is gone; and the
 * next producer goes on. Returns how many arrived.
 */
static uint32_t after_death(void)
{
	uint32_t n = 0;
	int got;

	ipcbook_ring_detach(&producer);
	assert_int_equal(ipcbook_ring_attach_fd(&producer, fd,
						IPCBOOK_RING_PRODUCER, mode), 0);
	assert_int_equal(put(&producer, 40, 1000), 0);
	while ((got = take(&consumer, n)) == 24)
		n++;
	assert_int_equal(got, -EBADMSG);
	assert_int_equal(take(&consumer, 1000), 40);
	assert_int_equal(take(&consumer, 0), -EAGAIN);
	for (uint32_t i = 0; i < 1000; i++) {
		assert_int_equal(put(&producer, i, i), 0);
		assert_int_equal(take(&consumer, i), i);
	}
	return n;
}

static void a_producer_may_be_killed_at_any_step(void **state)
{
	static const struct {
		const char *step;
		uint32_t arrived, discarded;
	} cases[] = {
		{ "reserved", 5, 1 },	{ "deferred", 5, 1 },
		{ "written", 5, 1 },	{ "brought in", 5, 1 },
		{ "next is zero", 5, 1 },
		{ "published", 6, 0 },	{ "counted", 6, 0 },
		{ "tail", 6, 0 },	{ "notified", 6, 0 },
	};
	pid_t pid;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		pid = child();
		if (!pid)
			produce_until(cases[i].step, 5, false);
		assert_int_equal(child_end(pid), 128 + SIGKILL);
		assert_int_equal(after_death(), cases[i].arrived);
		assert_int_equal(producer.producer->discarded,
				 cases[i].discarded);
		end(state);
		start(state);
	}
}

static void a_producer_killed_with_deferred_records_loses_just_those(void **state)
{
	static const struct {
		const char *step;
		int turn;
		uint32_t arrived, discarded;
	} cases[] = {
		{ "reserved", 40, 32, 9 },  { "deferred", 40, 32, 9 },
		/* Sixteen are an eighth of the ring. */
		{ "written", 1, 16, 16 },   { "brought in", 1, 16, 16 },
		{ "next is zero", 1, 16, 16 },
		{ "published", 1, 32, 0 },  { "counted", 1, 32, 0 },
		{ "tail", 1, 32, 0 },
	};
	pid_t pid;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		pid = child();
		if (!pid)
			produce_until(cases[i].step, cases[i].turn, true);
		assert_int_equal(child_end(pid), 128 + SIGKILL);
		assert_int_equal(after_death(), cases[i].arrived);
		assert_int_equal(producer.producer->discarded,
				 cases[i].discarded);
		end(state);
		start(state);
	}
}

static void a_producer_goes_on_after_the_consumer_read_what_it_did_not_count(void **state)
{
	pid_t pid = child();

	(void)state;
	if (!pid)
		produce_until("published", 2, false);
	assert_int_equal(child_end(pid), 128 + SIGKILL);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(take(&consumer, i), 24);
	assert_int_equal(take(&consumer, 0), -EAGAIN);
	ipcbook_ring_detach(&producer);
	assert_int_equal(ipcbook_ring_attach_fd(&producer, fd,
						IPCBOOK_RING_PRODUCER, mode), 0);
	assert_int_equal(put(&producer, 9, 9), 0);
	assert_int_equal(take(&consumer, 9), 9);
}

static void a_new_consumer_finds_what_was_not_released(void **state)
{
	const void *payload;
	uint32_t length;

	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(put(&producer, 8, i), 0);
	assert_int_equal(take(&consumer, 0), 8);
	assert_int_equal(ipcbook_ring_peek(&consumer, &payload, &length), 0);
	ipcbook_ring_detach(&consumer);
	assert_int_equal(ipcbook_ring_attach_fd(&consumer, fd,
						IPCBOOK_RING_CONSUMER, mode), 0);
	assert_int_equal(take(&consumer, 1), 8);
	assert_int_equal(take(&consumer, 2), 8);
	assert_int_equal(take(&consumer, 3), -EAGAIN);
}

/* --- Malice --------------------------------------------------------------- */

static void a_length_that_cannot_be_is_an_error(void **state)
{
	static const uint32_t words[] = {
		1, 8, IPCBOOK_RING_SKIP, IPCBOOK_RING_READY | (SIZE / 2 - 7),
		IPCBOOK_RING_READY | IPCBOOK_RING_SKIP | (SIZE / 2 - 7),
		IPCBOOK_RING_READY | (IPCBOOK_RING_READY - 1),
	};
	const void *payload;
	uint32_t length;

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		*(uint32_t *)producer.data = words[i];
		assert_int_equal(ipcbook_ring_peek(&consumer, &payload,
						   &length), -EPROTO);
		assert_int_equal(ipcbook_ring_release(&consumer), -EINVAL);
	}
}

static void a_head_that_cannot_be_is_an_error(void **state)
{
	static const uint32_t heads[] = { 8, 0x80000000, -(int)SIZE - 8 };

	(void)state;
	while (!put(&producer, 1000, 1))
		;
	ipcbook_ring_wait(&consumer, 0, 0, 1);
	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		consumer.consumer->head = producer.position + heads[i];
		assert_int_equal(put(&producer, 1000, 1), -EPROTO);
		assert_int_equal(ipcbook_ring_wait(&producer, 1000, 0, 0),
				 -EPROTO);
	}
}

/* Scribbles over what a side may write, until it is killed. */
static void scribble(struct ipcbook_ring *ring, uint32_t seed)
{
	uint32_t *own = ring->role == IPCBOOK_RING_PRODUCER ?
			(uint32_t *)ring->producer :
			(uint32_t *)ring->consumer;
	uint32_t random = seed | 1;

	for (;;) {
		random ^= random << 13;
		random ^= random >> 17;
		random ^= random << 5;
		__atomic_store_n(own + random % 128, random * 2654435761U,
				 __ATOMIC_RELAXED);
		if (ring->role == IPCBOOK_RING_PRODUCER)
			__atomic_store_n((uint32_t *)ring->data +
					 (random >> 8) % (SIZE / 4), random & 1 ?
					 IPCBOOK_RING_READY | (random >> 20) :
					 random, __ATOMIC_RELAXED);
	}
}

/* Bytes of a record, so that one beyond the ring would be felt. */
static unsigned int sum(const void *payload, uint32_t length)
{
	const volatile unsigned char *bytes = payload;
	unsigned int total = 0;

	for (uint32_t i = 0; i < length; i++)
		total += bytes[i];
	return total;
}

static void a_hostile_producer_harms_nobody_but_the_records(void **state)
{
	uint64_t until = ipcbook_deadline(300 * MSEC);
	unsigned long turns = 0;
	const void *payload;
	uint32_t length;
	pid_t pid = child();
	int error;

	(void)state;
	if (!pid)
		scribble(&producer, 12345);
	while (ipcbook_deadline(0) < until) {
		error = ipcbook_ring_peek(&consumer, &payload, &length);
		assert_true(!error || error == -EAGAIN || error == -EPROTO);
		if (!error) {
			assert_true((const unsigned char *)payload + length <=
				    consumer.data + 2 * SIZE);
			sum(payload, length);
			assert_int_equal(ipcbook_ring_release(&consumer), 0);
		} else {
			ipcbook_ring_wait(&consumer, 0, 0,
					  ipcbook_deadline(MSEC / 100));
		}
		turns++;
	}
	kill(pid, SIGKILL);
	child_end(pid);
	assert_true(turns > 10);
}

static void a_hostile_consumer_harms_nobody_but_itself(void **state)
{
	uint64_t until = ipcbook_deadline(300 * MSEC);
	unsigned long turns = 0;
	pid_t pid = child();
	int error;

	(void)state;
	if (!pid)
		scribble(&consumer, 54321);
	while (ipcbook_deadline(0) < until) {
		error = put(&producer, turns % ipcbook_ring_max(&producer),
			    turns);
		assert_true(!error || error == -EAGAIN || error == -EPROTO);
		if (error)
			ipcbook_ring_wait(&producer, 8, 0,
					  ipcbook_deadline(MSEC / 100));
		turns++;
	}
	kill(pid, SIGKILL);
	child_end(pid);
	assert_true(turns > 10);
}

/* --- Both at once --------------------------------------------------------- */

#ifdef __SANITIZE_THREAD__
#define RECORDS 30000U
#else
#define RECORDS 300000U
#endif

/* What one side does; in a thread or a process of its own. */
static int produce_all(struct ipcbook_ring *ring)
{
	uint32_t length;
	void *payload;
	int error;

	for (uint32_t n = 0; n < RECORDS; n++) {
		length = n * 13 % 200;
		while ((error = ipcbook_ring_reserve(ring, length, &payload))) {
			if (error == -EAGAIN)
				error = ipcbook_ring_wait(ring, length, 0, 0);
			if (error)
				return error;
		}
		/* What was deferred before it is there without it. */
		if (n % 37 == 36)
			ipcbook_ring_flush(ring);
		fill(payload, length, n);
		if (n & 64)
			ipcbook_ring_commit_deferred(ring);
		else
			ipcbook_ring_commit(ring);
	}
	ipcbook_ring_flush(ring);
	return 0;
}

static int consume_all(struct ipcbook_ring *ring)
{
	const void *payload;
	uint32_t length;
	int error;

	for (uint32_t n = 0; n < RECORDS; n++) {
		while ((error = ipcbook_ring_peek(ring, &payload, &length))) {
			if (error == -EAGAIN)
				error = ipcbook_ring_wait(ring, 0, 0, 0);
			if (error)
				return error;
		}
		if (length != n * 13 % 200 || !filled(payload, length, n))
			return -EBADMSG;
		if (n & 128)
			ipcbook_ring_release_deferred(ring);
		else
			ipcbook_ring_release(ring);
	}
	ipcbook_ring_flush(ring);
	return 0;
}

static void *produce_thread(void *ring)
{
	return (void *)(intptr_t)produce_all(ring);
}

static void every_record_arrives_once_between_processes(void **state)
{
	pid_t pid = child();

	(void)state;
	if (!pid)
		_exit(-produce_all(&producer));
	assert_int_equal(consume_all(&consumer), 0);
	assert_int_equal(child_end(pid), 0);
	assert_int_equal(take(&consumer, 0), -EAGAIN);
}

/* Nobody spins: each has to sleep as soon as there is nothing to do. */
static void no_wake_is_lost_without_spinning(void **state)
{
	producer.spins = 0;
	producer.patience = 0;
	consumer.spins = 0;
	consumer.patience = 0;
	every_record_arrives_once_between_processes(state);
	assert_true(consumer.consumer->wakes <= RECORDS);
	assert_true(consumer.producer->wakes <= RECORDS);
}

/* The producer's mapping, all of it writable, as the consumer's too. */
static void both_sides_in_one_mapping(void **state)
{
	size_t page = sysconf(_SC_PAGESIZE);
	pthread_t thread;
	void *result;

	(void)state;
	assert_int_equal(mprotect(producer.consumer, page,
				  PROT_READ | PROT_WRITE), 0);
	consumer.consumer = producer.consumer;
	consumer.producer = producer.producer;
	consumer.data = producer.data;
	producer.spins = 0;
	producer.patience = 0;
	assert_int_equal(pthread_create(&thread, NULL, produce_thread,
					&producer), 0);
	assert_int_equal(consume_all(&consumer), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_null(result);
}

/* Small ones are written aside; what is published meanwhile changes nothing. */
static void what_is_reserved_outlives_a_flush(void **state)
{
	void *payload;

	(void)state;
	for (uint32_t before = 0; before < 6; before++) {
		for (uint32_t i = 0; i < before; i++) {
			assert_int_equal(ipcbook_ring_reserve(&producer, 20,
							      &payload), 0);
			memset(payload, (int)i, 20);
			ipcbook_ring_commit_deferred(&producer);
		}
		assert_int_equal(ipcbook_ring_reserve(&producer, 24, &payload),
				 0);
		memset(payload, 77, 12);
		ipcbook_ring_flush(&producer);
		memset((char *)payload + 12, 77, 12);
		for (uint32_t i = 0; i < before; i++)
			arrives(20, (int)i);
		nothing_arrives();
		ipcbook_ring_commit_deferred(&producer);
		assert_int_equal(ipcbook_ring_reserve(&producer, 400, &payload),
				 0);
		memset(payload, 78, 400);
		ipcbook_ring_commit_deferred(&producer);
		assert_int_equal(ipcbook_ring_reserve(&producer, 8, &payload),
				 0);
		memset(payload, 79, 8);
		nothing_arrives();
		ipcbook_ring_commit(&producer);
		arrives(24, 77);
		arrives(400, 78);
		arrives(8, 79);
		nothing_arrives();
	}
}

/* Small and large ones, of which some are discarded, between flushes. */
static void pass_deferred_records(uint32_t turns)
{
	uint32_t length, sent = 0, seed = 1;
	void *payload;

	for (uint32_t turn = 0; turn < turns; turn++) {
		uint32_t count = 0, lengths[64];

		for (; count < 40; count++) {
			seed = seed * 1103515245 + 12345;
			length = seed >> 16 & 15 ? seed >> 20 & 63 :
						   seed >> 20 & 511;
			if (ipcbook_ring_reserve(&producer, length, &payload))
				break;
			memset(payload, (int)(sent + count), length);
			if (!(seed >> 8 & 7)) {
				ipcbook_ring_discard(&producer);
				count--;
				continue;
			}
			lengths[count] = length;
			ipcbook_ring_commit_deferred(&producer);
		}
		ipcbook_ring_flush(&producer);
		for (uint32_t i = 0; i < count; i++)
			arrives(lengths[i], (unsigned char)(sent + i));
		nothing_arrives();
		sent += count;
	}
}

static void deferred_records_of_all_lengths_arrive_in_order(void **state)
{
	pass_deferred_records(20000);
	end(state);
	/* In a larger ring more is deferred than has room aside. */
	start_of(16 * SIZE);
	pass_deferred_records(20000);
}

/* As many of one length as are deferred; they may just fit, or just not. */
static void what_is_written_aside_stays_in_its_room(void **state)
{
	static const unsigned char untouched[64];
	static struct {
		struct ipcbook_ring ring;
		unsigned char guard[64];
	} own;
	void *payload;

	end(state);
	start_of(16 * SIZE);
	own.ring = producer;
	for (uint32_t length = 0; length < 250; length++) {
		for (uint32_t i = 0; i < IPCBOOK_RING_BATCH; i++) {
			assert_int_equal(ipcbook_ring_reserve(&own.ring, length,
							      &payload), 0);
			memset(payload, 200 - (int)i, length);
			ipcbook_ring_commit_deferred(&own.ring);
		}
		assert_memory_equal(own.guard, untouched, sizeof(untouched));
		for (uint32_t i = 0; i < IPCBOOK_RING_BATCH; i++)
			arrives(length, 200 - (int)i);
		nothing_arrives();
	}
	producer = own.ring;
}

/* Only one of the two mappings is there to be undone. */
static void no_race_is_found_between_threads(void **state)
{
	struct ipcbook_ring kept = consumer;

	both_sides_in_one_mapping(state);
	consumer = kept;
}

/* --- Many producers ------------------------------------------------------- */

static int start_many(void **state)
{
	mode = IPCBOOK_RING_MANY;
	return start(state);
}

static int start_overwrite(void **state)
{
	mode = IPCBOOK_RING_OVERWRITE;
	return start(state);
}

static int end_mode(void **state)
{
	mode = 0;
	return end(state);
}

#define PRODUCERS 3U

/* Each record begins with who sent it and its number among his. */
static int produce_as(struct ipcbook_ring *ring, uint32_t who)
{
	uint32_t length, *payload;
	int error;

	for (uint32_t n = 0; n < RECORDS / PRODUCERS; n++) {
		length = 8 + (n * 13 + who) % 150;
		while ((error = ipcbook_ring_reserve(ring, length,
						     (void **)&payload))) {
			if (error == -EAGAIN)
				error = ipcbook_ring_wait(ring, length, 0, 0);
			if (error)
				return error;
		}
		payload[0] = who;
		payload[1] = n;
		fill(payload + 2, length - 8, n);
		ipcbook_ring_commit(ring);
		/* Now and then one is given up. */
		if (n % 7 == 6 &&
		    !ipcbook_ring_reserve(ring, length, (void **)&payload))
			ipcbook_ring_discard(ring);
	}
	return 0;
}

static void *produce_thread_as(void *ring)
{
	return (void *)(intptr_t)produce_as(ring, 1);
}

static void *produce_thread_as_0(void *ring)
{
	return (void *)(intptr_t)produce_as(ring, 0);
}

/* All of all of them arrive, each one's in order. */
static int consume_of(struct ipcbook_ring *ring, uint32_t producers)
{
	uint32_t next[PRODUCERS] = { 0 }, length, who;
	const uint32_t *payload;
	int error;

	for (uint32_t n = 0; n < RECORDS / PRODUCERS * producers; n++) {
		while ((error = ipcbook_ring_peek(ring, (const void **)&payload,
						  &length))) {
			if (error == -EAGAIN)
				error = ipcbook_ring_wait(ring, 0, 0, 0);
			if (error)
				return error;
		}
		who = payload[0];
		if (who >= PRODUCERS || payload[1] != next[who]++ ||
		    !filled(payload + 2, length - 8, payload[1]))
			return -EBADMSG;
		ipcbook_ring_release(ring);
	}
	return 0;
}

static void all_records_of_many_producers_arrive(void **state)
{
	struct ipcbook_ring ring;
	pid_t pids[PRODUCERS];

	(void)state;
	for (uint32_t i = 0; i < PRODUCERS; i++) {
		pids[i] = child();
		if (pids[i])
			continue;
		if (ipcbook_ring_attach_fd(&ring, fd, IPCBOOK_RING_PRODUCER,
					   mode))
			_exit(1);
		_exit(-produce_as(&ring, i));
	}
	assert_int_equal(consume_of(&consumer, PRODUCERS), 0);
	for (uint32_t i = 0; i < PRODUCERS; i++)
		assert_int_equal(child_end(pids[i]), 0);
	assert_int_equal(take(&consumer, 0), -EAGAIN);
}

/* Nobody looks twice before he sleeps. */
static void no_wake_is_lost_among_many(void **state)
{
	struct ipcbook_ring ring;
	pid_t pids[PRODUCERS];

	(void)state;
	consumer.spins = 0;
	consumer.patience = 0;
	for (uint32_t i = 0; i < PRODUCERS; i++) {
		pids[i] = child();
		if (pids[i])
			continue;
		if (ipcbook_ring_attach_fd(&ring, fd, IPCBOOK_RING_PRODUCER,
					   mode))
			_exit(1);
		ring.spins = 0;
		ring.patience = 0;
		_exit(-produce_as(&ring, i));
	}
	assert_int_equal(consume_of(&consumer, PRODUCERS), 0);
	for (uint32_t i = 0; i < PRODUCERS; i++)
		assert_int_equal(child_end(pids[i]), 0);
}

static void one_of_many_may_be_killed_at_any_step(void **state)
{
	static const struct {
		const char *step;
		uint32_t arrived, discarded;
	} cases[] = {
		{ "locked", 5, 0 },	{ "position", 5, 0 },
		{ "length", 5, 1 },	{ "next is zero", 5, 1 },
		{ "slot", 5, 1 },	{ "busy", 5, 1 },
		{ "tail", 5, 1 },	{ "reserved", 5, 1 },
		{ "written", 5, 1 },	{ "published", 6, 0 },
		{ "finished", 6, 0 },	{ "notified", 6, 0 },
	};
	struct ipcbook_ring other;
	uint32_t n;
	pid_t pid;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		pid = child();
		if (!pid) {
			assert_int_equal(ipcbook_ring_attach_fd(&producer, fd,
						IPCBOOK_RING_PRODUCER, mode), 0);
			produce_until(cases[i].step, 5, false);
		}
		assert_int_equal(child_end(pid), 128 + SIGKILL);
		/* Another one takes over what it left. */
		assert_int_equal(ipcbook_ring_attach_fd(&other, fd,
					IPCBOOK_RING_PRODUCER, mode), 0);
		assert_int_equal(put(&other, 40, 1000), 0);
		assert_int_equal(put(&producer, 41, 1001), 0);
		for (n = 0; take(&consumer, n) == 24; n++)
			;
		assert_int_equal(n, cases[i].arrived);
		assert_int_equal(take(&consumer, 1000), 40);
		assert_int_equal(take(&consumer, 1001), 41);
		assert_int_equal(take(&consumer, 0), -EAGAIN);
		assert_int_equal(producer.producer->discarded,
				 cases[i].discarded);
		assert_int_equal(producer.producer->lock, 0);
		for (n = 0; n < 1000; n++) {
			assert_int_equal(put(&other, n, n), 0);
			assert_int_equal(take(&consumer, n), n);
		}
		ipcbook_ring_detach(&other);
		end(state);
		start(state);
	}
}

/* Who waits finds it, once the time is up. */
static void a_lock_that_a_dead_one_held_is_given_up(void **state)
{
	pid_t pid = child();

	(void)state;
	if (!pid) {
		assert_int_equal(ipcbook_ring_attach_fd(&producer, fd,
					IPCBOOK_RING_PRODUCER, mode), 0);
		produce_until("slot", 0, false);
	}
	assert_int_equal(child_end(pid), 128 + SIGKILL);
	assert_int_equal(put(&producer, 8, 1), -EAGAIN);
	assert_int_equal(ipcbook_ring_wait(&producer, 8, 0,
					   ipcbook_deadline(5000 * MSEC)), 0);
	assert_int_equal(put(&producer, 8, 1), 0);
	assert_int_equal(take(&consumer, 1), 8);
}

static void of_many_there_are_so_many_and_no_more(void **state)
{
	struct ipcbook_ring rings[IPCBOOK_RING_SLOTS], one;

	(void)state;
	for (uint32_t i = 1; i < IPCBOOK_RING_SLOTS; i++)
		assert_int_equal(ipcbook_ring_attach_fd(&rings[i], fd,
					IPCBOOK_RING_PRODUCER, mode), 0);
	assert_int_equal(ipcbook_ring_attach_fd(&one, fd,
				IPCBOOK_RING_PRODUCER, mode), -EBUSY);
	ipcbook_ring_detach(&rings[5]);
	assert_int_equal(ipcbook_ring_attach_fd(&rings[5], fd,
				IPCBOOK_RING_PRODUCER, mode), 0);
	for (uint32_t i = 1; i < IPCBOOK_RING_SLOTS; i++)
		ipcbook_ring_detach(&rings[i]);
}

static void one_of_many_wakes_a_sleeper_once(void **state)
{
	uint32_t *wakes = &producer.producer->wakes;
	struct ipcbook_ring other;

	(void)state;
	assert_int_equal(ipcbook_ring_attach_fd(&other, fd,
				IPCBOOK_RING_PRODUCER, mode), 0);
	assert_int_equal(put(&producer, 8, 0), 0);
	assert_int_equal(*wakes, 0);
	for (uint32_t sleeps = 1; sleeps < 10; sleeps++) {
		consumer.consumer->asleep++;
		assert_int_equal(put(sleeps & 1 ? &producer : &other, 8, 1), 0);
		assert_int_equal(*wakes, sleeps);
		assert_int_equal(put(sleeps & 1 ? &other : &producer, 8, 2), 0);
		assert_int_equal(put(sleeps & 1 ? &producer : &other, 8, 3), 0);
		assert_int_equal(*wakes, sleeps);
	}
	ipcbook_ring_detach(&other);
}

static void who_has_reserved_may_wait_and_arm(void **state)
{
	struct ipcbook_ring other;
	void *payload;

	(void)state;
	assert_int_equal(ipcbook_ring_attach_fd(&other, fd,
				IPCBOOK_RING_PRODUCER, mode), 0);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(ipcbook_ring_reserve(&producer, 8, &payload),
				 0);
		fill(payload, 8, i);
		assert_int_equal(put(&other, 16, 9), 0);
		if (i == 1)
			assert_int_equal(ipcbook_ring_wait(&producer, 8, 0, 1),
					 0);
		else if (i == 2)
			ipcbook_ring_arm(&producer);
		assert_int_equal(ipcbook_ring_commit(&producer), 0);
		assert_int_equal(take(&consumer, i), 8);
		assert_int_equal(take(&consumer, 9), 16);
	}
	ipcbook_ring_detach(&other);
}

static void a_tail_that_cannot_be_is_an_error(void **state)
{
	static const uint32_t tails[] = { 1, 4, SIZE + 8, 0x80000000, -8U };

	(void)state;
	for (size_t i = 0; i < sizeof(tails) / sizeof(*tails); i++) {
		producer.producer->tail = tails[i];
		assert_int_equal(put(&producer, 8, 1), -EPROTO);
		assert_int_equal(producer.producer->lock, 0);
		assert_int_equal(producer.slot->length, 0);
	}
	producer.producer->tail = 0;
	assert_int_equal(put(&producer, 8, 1), 0);
	assert_int_equal(take(&consumer, 1), 8);
}

static void what_one_of_many_discards_is_passed_over(void **state)
{
	struct ipcbook_ring other;
	void *payload;

	(void)state;
	assert_int_equal(ipcbook_ring_attach_fd(&other, fd,
				IPCBOOK_RING_PRODUCER, mode), 0);
	for (uint32_t i = 0; i < 500; i++) {
		assert_int_equal(ipcbook_ring_reserve(&producer, 100, &payload),
				 0);
		assert_int_equal(put(&other, 50, i), 0);
		/* What was reserved first comes first. */
		assert_int_equal(take(&consumer, i), -EAGAIN);
		assert_int_equal(ipcbook_ring_discard(&producer), 0);
		assert_int_equal(take(&consumer, i), 50);
	}
	assert_int_equal(producer.slot->records, 0);
	assert_int_equal(producer.slot->bytes, 0);
	assert_int_equal(other.slot->records, 500);
	assert_int_equal(other.slot->bytes, 500 * 50);
	assert_int_equal(consumer.consumer->records, 500);
	ipcbook_ring_detach(&other);
}

static void no_race_is_found_among_many(void **state)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	struct ipcbook_ring kept = consumer, other, kept_other;
	pthread_t threads[2];
	void *result;

	(void)state;
	assert_int_equal(ipcbook_ring_attach_fd(&other, fd,
				IPCBOOK_RING_PRODUCER, mode), 0);
	kept_other = other;
	assert_int_equal(mprotect(producer.consumer, page,
				  PROT_READ | PROT_WRITE), 0);
	consumer.consumer = producer.consumer;
	consumer.producer = producer.producer;
	consumer.data = producer.data;
	other.consumer = producer.consumer;
	other.producer = producer.producer;
	other.slot = &producer.producer->slots[other.number - 1];
	other.data = producer.data;
	assert_int_equal(pthread_create(&threads[0], NULL, produce_thread_as_0,
					&producer), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, produce_thread_as,
					&other), 0);
	assert_int_equal(consume_of(&consumer, 2), 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_null(result);
	}
	consumer = kept;
	ipcbook_ring_detach(&kept_other);
}

/* --- The newest win ------------------------------------------------------- */

static void the_newest_displace_the_oldest(void **state)
{
	uint32_t first;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(put(&producer, 24, i), 0);
	assert_int_equal(take(&consumer, 0), -EOVERFLOW);
	first = ipcbook_ring_lost(&consumer);
	assert_int_equal(first, 1000 - (SIZE - 8) / 32);
	for (uint32_t i = first; i < 1000; i++)
		assert_int_equal(take(&consumer, i), 24);
	assert_int_equal(take(&consumer, 0), -EAGAIN);
	assert_int_equal(ipcbook_ring_lost(&consumer), first);
}

static void a_record_that_is_displaced_while_it_is_read_is_told(void **state)
{
	const void *payload;
	uint32_t length, lost;

	(void)state;
	assert_int_equal(put(&producer, 24, 0), 0);
	assert_int_equal(ipcbook_ring_peek(&consumer, &payload, &length), 0);
	for (uint32_t i = 1; i < 500; i++)
		assert_int_equal(put(&producer, 24, i), 0);
	assert_int_equal(ipcbook_ring_release(&consumer), -EOVERFLOW);
	lost = ipcbook_ring_lost(&consumer);
	assert_int_equal(lost, 500 - (SIZE - 8) / 32);
	assert_int_equal(take(&consumer, lost), 24);
}

static void both_sides_are_taken_over_where_the_newest_win(void **state)
{
	uint32_t lost;

	(void)state;
	for (uint32_t i = 0; i < 300; i++)
		assert_int_equal(put(&producer, 24, i), 0);
	assert_int_equal(take(&consumer, 0), -EOVERFLOW);
	lost = ipcbook_ring_lost(&consumer);
	assert_int_equal(take(&consumer, lost), 24);
	ipcbook_ring_detach(&producer);
	ipcbook_ring_detach(&consumer);
	assert_int_equal(ipcbook_ring_attach_fd(&producer, fd,
						IPCBOOK_RING_PRODUCER, mode), 0);
	assert_int_equal(ipcbook_ring_attach_fd(&consumer, fd,
						IPCBOOK_RING_CONSUMER, mode), 0);
	assert_int_equal(ipcbook_ring_lost(&consumer), lost);
	assert_int_equal(put(&producer, 24, 300), 0);
	for (uint32_t i = lost + 1; i <= 300; i++)
		assert_int_equal(take(&consumer, i), 24);
	assert_int_equal(put(&producer, 24, 301), 0);
	assert_int_equal(take(&consumer, 301), 24);
}

/* One writes as fast as it can; what the other one gets is whole. */
static void what_is_received_of_the_newest_is_whole(void **state)
{
	uint32_t next = 0, got = 0, number, length;
	unsigned char copy[200];
	const void *payload;
	pid_t pid = child();
	int error;

	(void)state;
	if (!pid) {
		for (uint32_t n = 0; n < RECORDS; n++) {
			if (ipcbook_ring_reserve(&producer, 4 + n % 190,
						 (void **)&payload))
				_exit(1);
			memcpy((void *)payload, &n, 4);
			fill((char *)payload + 4, n % 190, n);
			ipcbook_ring_commit_deferred(&producer);
		}
		ipcbook_ring_flush(&producer);
		_exit(0);
	}
	while (next < RECORDS) {
		error = ipcbook_ring_peek(&consumer, &payload, &length);
		if (error == -EAGAIN)
			error = ipcbook_ring_wait(&consumer, 0, 0, 0);
		if (error) {
			assert_int_equal(error, -EOVERFLOW);
			continue;
		}
		if (ipcbook_ring_peek(&consumer, &payload, &length))
			continue;
		if (length <= sizeof(copy))
			memcpy(copy, payload, length);
		if (ipcbook_ring_release(&consumer))
			continue;
		memcpy(&number, copy, 4);
		assert_int_equal(length, 4 + number % 190);
		assert_true(filled(copy + 4, length - 4, number));
		assert_true(number >= next);
		next = number + 1;
		got++;
	}
	assert_int_equal(child_end(pid), 0);
	assert_int_equal(got + ipcbook_ring_lost(&consumer), RECORDS);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, end)
#define CASE_MANY(name) \
	cmocka_unit_test_setup_teardown(name, start_many, end_mode)
#define CASE_NEWEST(name) \
	cmocka_unit_test_setup_teardown(name, start_overwrite, end_mode)

/* A wake that is lost must not hang the run. */
#define SECONDS 100

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(records_of_all_lengths_arrive_in_order),
		CASE(a_full_ring_takes_no_more_until_something_is_released),
		CASE(a_record_that_is_too_long_is_refused),
		CASE(steps_out_of_order_are_refused),
		CASE(what_is_discarded_was_never_there),
		CASE(deferred_records_are_published_together),
		CASE(a_wait_ends_with_its_deadline),
		CASE(who_is_not_to_look_sleeps_at_once),
		CASE(a_sleeping_producer_is_looked_for_at_every_quarter),
		CASE(each_side_can_write_only_what_is_its_own),
		CASE(the_size_of_the_file_decides),
		CASE(a_producer_may_be_killed_at_any_step),
		CASE(a_producer_killed_with_deferred_records_loses_just_those),
		CASE(a_producer_goes_on_after_the_consumer_read_what_it_did_not_count),
		CASE(a_new_consumer_finds_what_was_not_released),
		CASE(a_length_that_cannot_be_is_an_error),
		CASE(a_head_that_cannot_be_is_an_error),
		CASE(a_hostile_producer_harms_nobody_but_the_records),
		CASE(a_hostile_consumer_harms_nobody_but_itself),
		CASE(every_record_arrives_once_between_processes),
		CASE(no_wake_is_lost_without_spinning),
		CASE(what_is_reserved_outlives_a_flush),
		CASE(deferred_records_of_all_lengths_arrive_in_order),
		CASE(what_is_written_aside_stays_in_its_room),
		CASE(no_race_is_found_between_threads),
		CASE_MANY(all_records_of_many_producers_arrive),
		CASE_MANY(no_wake_is_lost_among_many),
		CASE_MANY(one_of_many_may_be_killed_at_any_step),
		CASE_MANY(a_lock_that_a_dead_one_held_is_given_up),
		CASE_MANY(of_many_there_are_so_many_and_no_more),
		CASE_MANY(one_of_many_wakes_a_sleeper_once),
		CASE_MANY(who_has_reserved_may_wait_and_arm),
		CASE_MANY(a_tail_that_cannot_be_is_an_error),
		CASE_MANY(what_one_of_many_discards_is_passed_over),
		CASE_MANY(no_race_is_found_among_many),
		CASE_NEWEST(the_newest_displace_the_oldest),
		CASE_NEWEST(a_record_that_is_displaced_while_it_is_read_is_told),
		CASE_NEWEST(both_sides_are_taken_over_where_the_newest_win),
		CASE_NEWEST(what_is_received_of_the_newest_is_whole),
	};

	alarm(SECONDS);
#ifdef __SANITIZE_THREAD__
	cmocka_set_test_filter("no_race_*");
#endif
	return cmocka_run_group_tests(tests, NULL, NULL);
}
