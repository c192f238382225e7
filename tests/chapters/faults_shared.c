// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every failure once: what is mapped: shared memory, semaphores, rings; see faults.h.
 */
#include <ipcbook/ring.h>
#include <ipcbook/sem.h>

#include "faults.h"

/* --- Shared memory -------------------------------------------------------- */

#define SEGMENT	(5 << 16)

static int segment;
static char mapped;		/* how often */
static char *nowhere_near;	/* addresses that are free */

static long map_segment(void)
{
	char *mem = mmap(NULL, SEGMENT, PROT_READ | PROT_WRITE, MAP_SHARED,
			 segment, 0);

	if (mem == MAP_FAILED)
		return -errno;
	mem[0]++;
	mem[SEGMENT - 1]++;
	mapped++;
	return sys(munmap(mem, SEGMENT));
}

/* Each mapping that came about has counted at both ends. */
static void check_mapped(__attribute__((unused)) long answer)
{
	char *mem = mmap(NULL, SEGMENT, PROT_READ, MAP_SHARED, segment, 0);

	holds(mem != MAP_FAILED);
	is(mem[0], mapped);
	is(mem[SEGMENT - 1], mapped);
	munmap(mem, SEGMENT);
}

static long read_segment(void)
{
	char *mem = mmap(NULL, SEGMENT, PROT_READ, MAP_SHARED, segment, 0);
	long sum = 0;

	if (mem == MAP_FAILED)
		return -errno;
	for (size_t i = 0; i < SEGMENT; i += 4096)
		sum += *(volatile char *)(mem + i);
	munmap(mem, SEGMENT);
	return sum == mapped ? 0 : -EBADMSG;
}

/* What is mapped moves, and is cut in two. */
static long move_segment(void)
{
	char *mem = mmap(NULL, SEGMENT, PROT_READ, MAP_SHARED, segment, 0);
	char *moved;

	if (mem == MAP_FAILED)
		return -errno;
	moved = mremap(mem, SEGMENT, SEGMENT, MREMAP_MAYMOVE | MREMAP_FIXED,
		       nowhere_near);
	if (moved == MAP_FAILED || mprotect(moved, 4096, PROT_NONE)) {
		long err = -errno;

		while (munmap(moved == MAP_FAILED ? mem : moved, SEGMENT))
			;
		return err;
	}
	return sys(munmap(moved, SEGMENT));
}

/* Where it can be moved to. */
static void keep_free(void)
{
	nowhere_near = mmap(NULL, SEGMENT, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	holds(nowhere_near != MAP_FAILED);
}

static void check_moved(long answer)
{
	munmap(nowhere_near, SEGMENT);
	keep_free();
	check_mapped(answer);
}

BARE_TEST(a_mapping_that_fails_leaves_the_segment_alone)
{
	need_faults();
	keep_free();
	segment = keep(ipcbook_shm_open(NULL, O_RDWR, 0, SEGMENT));
	holds(fail_each("shm: mmap, both ends touched",
			map_segment, check_mapped) >= 1);
	holds(fail_each("shm: mmap to read, every page touched",
			read_segment, check_mapped) >= 1);
	holds(fail_each("shm: mremap and mprotect",
			move_segment, check_moved) >= 1);
}

/* --- Semaphores ----------------------------------------------------------- */

/* With undo, and without; both have two units, and nobody ever took one. */
static int kept = -1, plain = -1;

static void open_semaphores(void)
{
	struct ipcbook_sem_limits limits = { .value = 2 };

	if (plain >= 0)
		drop(plain);
	if (kept >= 0)
		drop(kept);
	plain = keep(ipcbook_sem_open(NULL, O_RDWR, 0, &limits));
	limits.flags = IPCBOOK_SEM_UNDO;
	kept = keep(ipcbook_sem_open(NULL, O_RDWR, 0, &limits));
}

static long down(void)
{
	return ipcbook_sem_down(kept, 1, IPCBOOK_NOWAIT, 0);
}

static long up(void)
{
	return ipcbook_sem_up(kept, 1);
}

static long down_both(void)
{
	struct ipcbook_sem_want wants[] = { { kept, 1 }, { plain, 2 } };

	return ipcbook_sem_wait(wants, 2, IPCBOOK_SEM_ALL | IPCBOOK_NOWAIT, 0);
}

static long down_plain(void)
{
	return ipcbook_sem_down(plain, 1, IPCBOOK_NOWAIT, 0);
}

static long up_plain(void)
{
	return ipcbook_sem_up(plain, 1);
}

static long value(void)
{
	return ipcbook_sem_value(plain);
}

static long down_any(void)
{
	struct ipcbook_sem_want wants[] = { { plain, 3 }, { kept, 1 } };

	return ipcbook_sem_wait(wants, 2, IPCBOOK_NOWAIT, 0);
}

/* A wait that nobody ends. */
static long wait_in_vain(void)
{
	long answer = ipcbook_sem_down(plain, 3, 0, 1);

	return answer == -ETIMEDOUT ? 0 : answer;
}

/* The word is in a page that is touched. */
static long take_mapped(void)
{
	struct ipcbook_sem sem;
	int err = ipcbook_sem_attach(&sem, plain);

	if (err)
		return err;
	err = ipcbook_sem_take(&sem, 1, IPCBOOK_NOWAIT, 0);
	ipcbook_sem_detach(&sem);
	return err;
}

static long map_word(void)
{
	struct ipcbook_sem sem;
	int err = ipcbook_sem_attach(&sem, plain);

	if (!err)
		ipcbook_sem_detach(&sem);
	return err;
}

static void check_down(long answer)
{
	is(ipcbook_sem_value(kept), answer < 0 ? 2 : 1);
	if (answer >= 0)
		is(ipcbook_sem_up(kept, 1), 0);
	open_semaphores();
}

/* What was not given is still held, and can be given. */
static void check_up(long answer)
{
	is(ipcbook_sem_value(kept), answer < 0 ? 1 : 2);
	if (answer >= 0)
		is(ipcbook_sem_down(kept, 1, IPCBOOK_NOWAIT, 0), 0);
}

static void check_down_both(long answer)
{
	is(ipcbook_sem_value(plain), answer < 0 ? 2 : 0);
	if (answer >= 0)
		is(ipcbook_sem_up(plain, 2), 0);
	check_down(answer);
}

static void check_down_plain(long answer)
{
	is(ipcbook_sem_value(plain), answer < 0 ? 2 : 1);
	if (answer >= 0)
		is(ipcbook_sem_up(plain, 1), 0);
}

static void check_up_plain(long answer)
{
	is(ipcbook_sem_value(plain), answer < 0 ? 1 : 2);
	if (answer >= 0)
		is(ipcbook_sem_down(plain, 1, IPCBOOK_NOWAIT, 0), 0);
}

static void check_plain(__attribute__((unused)) long answer)
{
	is(ipcbook_sem_value(plain), 2);
}

BARE_TEST(a_down_that_fails_takes_nothing)
{
	need_faults();
	open_semaphores();
	holds(fail_each("sem: DOWN with undo", down, check_down) >= 1);
	holds(fail_each("sem: WAIT for all of two",
			down_both, check_down_both) >= 2);
	holds(fail_each("sem: MAP and mmap", map_word, check_plain) >= 1);
	holds(fail_each("sem: WAIT for any of two",
			down_any, check_down) >= 1);
	fail_each("sem: DOWN", down_plain, check_down_plain);
	fail_each("sem: DOWN that times out", wait_in_vain, check_plain);
	holds(fail_each("sem: down in the mapped word",
			take_mapped, check_down_plain) >= 1);
	fail_each("sem: VALUE", value, check_plain);
	is(down_plain(), 0);
	fail_each("sem: UP", up_plain, check_up_plain);
	is(ipcbook_sem_up(plain, 1), 0);
	is(down(), 0);
	fail_each("sem: UP with undo", up, check_up);
}

/* --- Rings ---------------------------------------------------------------- */

/* A producer's and a consumer's descriptor of a ring. */
static int gives = -1, takes = -1;
static uint32_t ring_number;
static bool ring_many;
static struct ipcbook_ring_map ring_map_of_gives;

static void open_ring(uint32_t flags)
{
	const struct ipcbook_ring_limits limits = { 8192, flags, 0 };

	gives = keep(ipcbook_ring_open("faults", O_RDWR | O_CREAT | O_CLOEXEC,
				       0600, &limits));
	takes = keep(ipcbook_ring_open("faults", O_RDONLY | O_CLOEXEC, 0,
				       NULL));
	is(ipcbook_ring_unlink("faults"), 0);
	ring_number = 0;
	ring_many = flags & IPCBOOK_RING_MANY;
}

static struct ipcbook_ring_map ring_map(int fd)
{
	struct ipcbook_ring_map map = { .size = sizeof(map) };

	is(ask(fd, IPCBOOK_IOC_RING_MAP, &map), 0);
	return map;
}

static long ask_map(void)
{
	struct ipcbook_ring_map map = { .size = sizeof(map) };

	return ask(gives, IPCBOOK_IOC_RING_MAP, &map);
}

/* Ends after the call, for munmap() can fail as well. */
static struct ipcbook_ring attached;

static int attach(int fd)
{
	int err = ipcbook_ring_attach(&attached, fd, 0);

	if (err)
		memset(&attached, 0, sizeof(attached));
	return err;
}

/* One record is given, as a whole or not. */
static long give_one(void)
{
	void *payload;
	int err = attach(gives);

	if (err)
		return err;
	err = ipcbook_ring_reserve(&attached, 3000, &payload);
	if (err)
		return err;
	memset(payload, ring_number, 3000);
	return ipcbook_ring_commit(&attached);
}

static long take_one(void)
{
	const void *payload;
	uint32_t length;
	int err = attach(takes);

	if (err)
		return err;
	err = ipcbook_ring_peek(&attached, &payload, &length);
	if (err)
		return err;
	if (length != 3000 || ((const unsigned char *)payload)[2999] !=
			      (unsigned char)ring_number)
		return -EBADMSG;
	return ipcbook_ring_release(&attached);
}

/* The same as a whole, while nothing fails. */
static long whole(long (*call)(void))
{
	long answer = call();

	ipcbook_ring_detach(&attached);
	return answer;
}

/* A mapping that failed is nobody: its place is free, and no record of it is. */
static void check_given(long answer)
{
	ipcbook_ring_detach(&attached);
	is(whole(take_one), answer < 0 ? -EAGAIN : 0);
	ring_number++;
	is(whole(give_one), 0);
	is(whole(take_one), 0);
}

static void check_taken(long answer)
{
	ipcbook_ring_detach(&attached);
	is(whole(take_one), answer < 0 ? 0 : -EAGAIN);
	ring_number++;
	is(whole(give_one), 0);
}

static void check_ring(__attribute__((unused)) long answer)
{
	is(whole(give_one), 0);
	is(whole(take_one), 0);
}

/* Nobody wakes who waits; that takes as long as it may, which is over. */
static long wait_for_record(void)
{
	struct ipcbook_ring_wait arg = {
		.size = sizeof(arg),
		.deadline = 1,
	};
	long answer = ask(takes, IPCBOOK_IOC_RING_WAIT, &arg);

	return answer == -ETIMEDOUT ? 0 : answer;
}

static long wake_producer(void)
{
	return ask(takes, IPCBOOK_IOC_RING_WAKE, NULL);
}

static long poll_ring(void)
{
	struct pollfd polled[] = {
		{ .fd = takes, .events = POLLIN },
		{ .fd = gives, .events = POLLOUT },
	};

	return sys(poll(polled, 2, 0));
}

/* A mapping of one's own, in which every page is touched. */
static char *touched = MAP_FAILED;

static long touch_all(void)
{
	size_t length = ring_map_of_gives.length;
	long slot;

	touched = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, gives,
		       ring_map_of_gives.offset);
	if (touched == MAP_FAILED)
		return -errno;
	slot = ask(gives, IPCBOOK_IOC_RING_SLOT, touched);
	for (size_t i = 0; i < length; i += 4096)
		*(volatile char *)(touched + i);
	for (size_t i = 3 * 4096; i < length; i += 4096)
		*(volatile char *)(touched + i) = 0;
	return slot;
}

static void check_touched(long answer)
{
	if (touched != MAP_FAILED)
		is(sys(munmap(touched, ring_map_of_gives.length)), 0);
	check_ring(answer);
}

/* Who could not end the mapping has it still. */
static long end_mapping(void)
{
	return sys(munmap(touched, ring_map_of_gives.length));
}

static void check_ended(long answer)
{
	if (answer < 0)
		is(whole(give_one), ring_many ? 0 : -EBUSY);
	if (answer < 0 && ring_many)
		is(whole(take_one), 0);
	if (answer < 0)
		is(end_mapping(), 0);
	check_ring(answer);
	touch_all();
}

static void ring_fails(void)
{
	holds(fail_each("ring: MAP", ask_map, check_ring) >= 1);
	ring_map_of_gives = ring_map(gives);
	holds(fail_each("ring: mmap, SLOT, every page touched",
			touch_all, check_touched) >= 1);
	holds(fail_each("ring: attach, reserve, commit",
			give_one, check_given) >= 1);
	is(whole(give_one), 0);
	holds(fail_each("ring: attach, peek, release",
			take_one, check_taken) >= 1);
	is(whole(take_one), 0);
	is(touch_all(), 0);
	fail_each("ring: munmap", end_mapping, check_ended);
	is(end_mapping(), 0);
	fail_each("ring: WAIT that times out", wait_for_record, check_ring);
	fail_each("ring: WAKE", wake_producer, check_ring);
	holds(fail_each("ring: poll", poll_ring, check_ring) >= 1);
}

BARE_TEST(a_ring_that_cannot_be_mapped_or_waited_for_is_as_it_was)
{
	need_faults();
	open_ring(0);
	ring_fails();
}

BARE_TEST(a_ring_of_many_producers_is_as_it_was)
{
	need_faults();
	open_ring(IPCBOOK_RING_MANY);
	ring_fails();
}
