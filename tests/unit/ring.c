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

static int start(void **state)
{
	(void)state;
	fd = ring_file(SIZE);
	assert_int_equal(ipcbook_ring_attach_fd(&producer, fd,
						IPCBOOK_RING_PRODUCER, mode), 0);
	assert_int_equal(ipcbook_ring_attach_fd(&consumer, fd,
						IPCBOOK_RING_CONSUMER, mode), 0);
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
		{ "written", 5, 1 },	{ "next is zero", 5, 1 },
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
		{ "written", 1, 32, 32 },   { "next is zero", 1, 32, 32 },
		{ "published", 1, 64, 0 },  { "counted", 1, 64, 0 },
		{ "tail", 1, 64, 0 },
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
	consumer.spins = 0;
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
	assert_int_equal(pthread_create(&thread, NULL, produce_thread,
					&producer), 0);
	assert_int_equal(consume_all(&consumer), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_null(result);
}

/* Only one of the two mappings is there to be undone. */
static void no_race_is_found_between_threads(void **state)
{
	struct ipcbook_ring kept = consumer;

	both_sides_in_one_mapping(state);
	consumer = kept;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, end)

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
		CASE(no_race_is_found_between_threads),
	};

	alarm(SECONDS);
#ifdef __SANITIZE_THREAD__
	cmocka_set_test_filter("no_race_*");
#endif
	return cmocka_run_group_tests(tests, NULL, NULL);
}
