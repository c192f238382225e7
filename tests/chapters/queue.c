// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queue: what goes in and what comes out. Plain file calls, the offset as the
 * type, selectors, peeking, who sent it, the counters. Waiting is queue_wait.c,
 * readiness queue_poll.c, batches queue_batch.c, bad arguments queue_input.c.
 */
#include <sys/uio.h>
#include <time.h>

#include "harness.h"

static uint64_t coarse(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return now.tv_sec * SEC + now.tv_nsec;
}

/* Receives without waiting; returns the number of what came. */
static uint64_t take(int fd, enum ipcbook_select select, int64_t type)
{
	struct ipcbook_queue_info info;
	char room[64];
	int n;

	n = queue_recv(fd, select, type, room, sizeof(room), IPCBOOK_NOWAIT, 0,
		       &info);
	if (n < 0)
		return 0;
	is(n, info.length);
	return info.number;
}

/* --- The device itself ---------------------------------------------------- */

static void drain_device(void)
{
	drain(keep(sys(open(IPCBOOK_DEVICE, O_RDONLY))));
}

BARE_TEST(an_ordinary_user_echoes_a_line_and_heads_it)
{
	char output[64];

	drain_device();
	is(shell(1000, "echo hello > /dev/ipcbook; head -n1 /dev/ipcbook",
		 output, sizeof(output)), 0);
	assert_string_equal(output, "hello\n");
}

BARE_TEST(cat_prints_each_message_and_waits_for_more)
{
	char output[64];
	int ends[2], fd;
	pid_t pid;

	drain_device();
	is(sys(pipe2(ends, O_CLOEXEC)), 0);
	keep(ends[0]);
	pid = child();
	if (!pid) {
		dup2(ends[1], STDOUT_FILENO);
		become(1001);
		execlp("cat", "cat", IPCBOOK_DEVICE, NULL);
		_exit(127);
	}
	close(ends[1]);
	fd = keep(sys(open(IPCBOOK_DEVICE, O_RDWR)));
	is(sys(write(fd, "one\n", 4)), 4);
	is(sys(read(ends[0], output, sizeof(output))), 4);
	await_waiting(fd, 1, 0);
	is(sys(write(fd, "two\n", 4)), 4);
	is(sys(read(ends[0], output, sizeof(output))), 4);
	assert_memory_equal(output, "two\n", 4);
	await_waiting(fd, 1, 0);
	is(waitpid(pid, NULL, WNOHANG), 0);
}

BARE_TEST(the_device_and_the_queue_named_default_are_one)
{
	int device, named;

	drain_device();
	device = keep(sys(open(IPCBOOK_DEVICE, O_RDWR)));
	named = queue_open(IPCBOOK_DEFAULT_NAME,
			   IPCBOOK_OPEN_READ | IPCBOOK_OPEN_WRITE);
	is(sys(write(device, "in", 2)), 2);
	got(named, IPCBOOK_EXACT, 1, "in");
	put(named, 7, "out");
	got(device, IPCBOOK_EXACT, 7, "out");
	is(queue_stat(named).mode, 0666);
	is(queue_stat(named).uid, 0);
	is(queue_stat(named).gid, 0);
}

BARE_TEST(the_device_can_be_polled)
{
	struct pollfd device = { .events = POLLIN | POLLOUT };
	char room[8];

	drain_device();
	device.fd = keep(sys(open(IPCBOOK_DEVICE, O_RDWR)));
	is(poll(&device, 1, 0), 1);
	is(device.revents, POLLOUT);
	is(sys(write(device.fd, "x", 1)), 1);
	is(poll(&device, 1, 0), 1);
	is(device.revents, POLLIN | POLLOUT);
	is(sys(read(device.fd, room, sizeof(room))), 1);
	is(poll(&device, 1, 0), 1);
	is(device.revents, POLLOUT);
}

/* --- Plain calls: the offset is the type ---------------------------------- */

TEST(a_write_of_nothing_is_refused)
{
	int device = keep(sys(open(IPCBOOK_DEVICE, O_RDWR)));

	is(sys(write(q, "", 0)), -EINVAL);
	is(sys(pwrite(q, "", 0, 5)), -EINVAL);
	is(sys(write(device, "", 0)), -EINVAL);
	is(queue_stat(q).sent, 0);
	works(q);
}

TEST(a_write_sends_type_1_and_a_read_takes_the_oldest_of_any)
{
	struct ipcbook_queue_info info;
	char room[16];

	is(sys(write(q, "one", 3)), 3);
	is(queue_peek(q, IPCBOOK_ANY, 0, room, sizeof(room), &info), 3);
	is(info.type, 1);
	put(q, 9, "nine");
	is(sys(write(q, "other", 5)), 5);

	is(sys(read(q, room, sizeof(room))), 3);
	assert_memory_equal(room, "one", 3);
	is(sys(read(q, room, sizeof(room))), 4);
	assert_memory_equal(room, "nine", 4);
	is(sys(read(q, room, sizeof(room))), 5);
	assert_memory_equal(room, "other", 5);
	is_empty(q);
}

TEST(the_offset_is_the_type)
{
	const off_t last = IPCBOOK_TYPE_MAX;
	char room[16];

	is(sys(pwrite(q, "five", 4, 5)), 4);
	is(sys(pwrite(q, "last", 4, last)), 4);
	is(sys(pwrite(q, "one", 3, 1)), 3);
	is(sys(pwrite(q, "again", 5, 5)), 5);

	is(sys(pread(q, room, sizeof(room), last)), 4);
	assert_memory_equal(room, "last", 4);
	is(sys(pread(q, room, sizeof(room), 5)), 4);
	assert_memory_equal(room, "five", 4);
	is(sys(pread(q, room, sizeof(room), 5)), 5);
	assert_memory_equal(room, "again", 5);
	got(q, IPCBOOK_EXACT, 1, "one");
	is_empty(q);
}

TEST(offset_0_sends_type_1_and_receives_any)
{
	char room[16];

	put(q, 3, "three");
	is(sys(pwrite(q, "one", 3, 0)), 3);
	is(sys(pread(q, room, sizeof(room), 0)), 5);
	got(q, IPCBOOK_EXACT, 1, "one");
	is_empty(q);
}

TEST(an_offset_that_is_no_type_is_refused)
{
	const off_t beyond = IPCBOOK_TYPE_MAX + 1;
	char room[16];

	is(sys(pwrite(q, "x", 1, -1)), -EINVAL);
	is(sys(pwrite(q, "x", 1, beyond)), -EINVAL);
	is(sys(pwrite(q, "x", 1, INT64_MAX)), -EINVAL);
	is(sys(pread(q, room, sizeof(room), -1)), -EINVAL);
	is(sys(pread(q, room, sizeof(room), beyond)), -EINVAL);
	is(queue_stat(q).sent, 0);
	works(q);
}

TEST(lseek_sets_the_type_of_write_and_read)
{
	struct ipcbook_queue_info info;
	char room[16];

	is(sys(lseek(q, 5, SEEK_SET)), 5);
	is(sys(write(q, "five", 4)), 4);
	is(queue_peek(q, IPCBOOK_ANY, 0, room, sizeof(room), &info), 4);
	is(info.type, 5);
	is(sys(lseek(q, 0, SEEK_SET)), 0);
	is(sys(write(q, "one", 3)), 3);
	is(sys(lseek(q, 1, SEEK_SET)), 1);
	is(sys(read(q, room, sizeof(room))), 3);
	assert_memory_equal(room, "one", 3);
	is(sys(lseek(q, 0, SEEK_SET)), 0);
	is(sys(read(q, room, sizeof(room))), 4);
	is_empty(q);
}

TEST(nothing_but_lseek_moves_the_type)
{
	char room[16];

	is(sys(lseek(q, 5, SEEK_SET)), 5);
	is(sys(write(q, "abc", 3)), 3);
	is(sys(lseek(q, 0, SEEK_CUR)), 5);
	is(sys(pwrite(q, "abc", 3, 8)), 3);
	is(sys(lseek(q, 0, SEEK_CUR)), 5);
	is(sys(read(q, room, sizeof(room))), 3);
	is(sys(lseek(q, 0, SEEK_CUR)), 5);
	is(sys(pread(q, room, sizeof(room), 8)), 3);
	put(q, 6, "abc");
	got(q, IPCBOOK_ANY, 0, "abc");
	is(sys(lseek(q, 0, SEEK_CUR)), 5);
}

TEST(lseek_keeps_within_the_types)
{
	const off_t last = IPCBOOK_TYPE_MAX;

	is(sys(lseek(q, last, SEEK_SET)), last);
	is(sys(lseek(q, 1, SEEK_CUR)), -EINVAL);
	is(sys(lseek(q, last + 1, SEEK_SET)), -EINVAL);
	is(sys(lseek(q, INT64_MAX, SEEK_CUR)), -EINVAL);
	is(sys(lseek(q, 0, SEEK_CUR)), last);
	is(sys(lseek(q, 5, SEEK_SET)), 5);
	is(sys(lseek(q, 2, SEEK_CUR)), 7);
	is(sys(lseek(q, -8, SEEK_CUR)), -EINVAL);
	is(sys(lseek(q, -1, SEEK_SET)), -EINVAL);
	is(sys(lseek(q, 0, SEEK_END)), -EINVAL);
	is(sys(lseek(q, 0, SEEK_DATA)), -EINVAL);
	is(sys(lseek(q, 0, 77)), -EINVAL);
	is(sys(lseek(q, -7, SEEK_CUR)), 0);
}

TEST(a_duplicate_shares_the_type_and_another_descriptor_does_not)
{
	int twin, other;
	char room[8];

	twin = keep(sys(dup(q)));
	other = queue_open(qname, IPCBOOK_OPEN_READ);
	is(sys(lseek(q, 5, SEEK_SET)), 5);
	is(sys(lseek(twin, 0, SEEK_CUR)), 5);
	is(sys(lseek(other, 0, SEEK_CUR)), 0);
	put(q, 4, "four");
	put(q, 5, "five5");
	is(sys(read(twin, room, sizeof(room))), 5);
	is(sys(read(other, room, sizeof(room))), 4);
}

TEST(writev_gathers_one_message_and_readv_scatters_it)
{
	struct iovec parts[3] = { { "ab", 2 }, { "", 0 }, { "cdefg", 5 } };
	char one[3], two[3], three[9];
	struct iovec rooms[3] = { { one, 3 }, { two, 3 }, { three, 9 } };

	is(sys(writev(q, parts, 3)), 7);
	is(queue_stat(q).depth, 1);
	is(sys(readv(q, rooms, 3)), 7);
	assert_memory_equal(one, "abc", 3);
	assert_memory_equal(two, "def", 3);
	assert_memory_equal(three, "g", 1);

	is(sys(pwritev(q, parts, 3, 6)), 7);
	put(q, 5, "five");
	is(sys(preadv(q, rooms, 3, 6)), 7);
	is(sys(preadv(q, rooms, 3, 5)), 4);
	is_empty(q);
}

TEST(a_big_message_gathers_and_scatters_too)
{
	static char from[8192], to[8192];
	struct iovec parts[2] = { { from, 5000 }, { from + 5000, 3192 } };
	struct iovec rooms[3] = { { to, 1 }, { to + 1, 8190 },
				  { to + 8191, 1 } };

	for (unsigned int i = 0; i < sizeof(from); i++)
		from[i] = i * 7 + i / 256;
	is(sys(writev(q, parts, 2)), 8192);
	is(sys(readv(q, rooms, 3)), 8192);
	assert_memory_equal(from, to, sizeof(from));
}

TEST(a_message_of_megabytes_goes_through)
{
	const size_t len = 5000001;
	char *from = edge(len), *to = edge(len);

	limit(0, 2 * len, len);
	for (size_t i = 0; i < len; i++)
		from[i] = i * 7 + i / 4099;
	is(sys(pwrite(q, from, len, 5)), len);
	is(queue_send(q, 6, from, len, 0, 0), 0);
	is(sys(pread(q, to, len, 6)), len);
	holds(!memcmp(from, to, len));
	memset(to, 0, len);
	is(queue_recv(q, IPCBOOK_EXACT, 5, to, len, 0, 0, NULL), len);
	holds(!memcmp(from, to, len));
	is_empty(q);
}

TEST(rwf_nowait_gives_eagain_where_the_call_would_wait)
{
	struct iovec part = { "abc", 3 };
	char room[8];
	struct iovec into = { room, sizeof(room) };

	limit(1, 0, 0);
	is(sys(preadv2(q, &into, 1, 0, RWF_NOWAIT)), -EAGAIN);
	is(sys(pwritev2(q, &part, 1, 5, RWF_NOWAIT)), 3);
	is(sys(pwritev2(q, &part, 1, 5, RWF_NOWAIT)), -EAGAIN);
	is(sys(preadv2(q, &into, 1, 6, RWF_NOWAIT)), -EAGAIN);
	is(sys(preadv2(q, &into, 1, 5, RWF_NOWAIT)), 3);
	is(sys(preadv2(q, &into, 1, 5, RWF_NOWAIT)), -EAGAIN);
	is(sys(pwritev2(q, &part, 1, 5, RWF_NOWAIT)), 3);
	is(sys(preadv2(q, &into, 1, -1, RWF_NOWAIT)), 3);
}

TEST(rwf_nowait_sends_of_as_many_types_as_there_is_room_for)
{
	struct iovec part = { "abc", 3 };

	limit(5000, 0, 0);
	for (int i = 1; i <= 5000; i++)
		is(sys(pwritev2(q, &part, 1, i, RWF_NOWAIT)), 3);
	is(sys(pwritev2(q, &part, 1, 5001, RWF_NOWAIT)), -EAGAIN);
	is(queue_stat(q).types, 5000);
}

TEST(a_read_into_too_small_a_buffer_leaves_the_message)
{
	char room[8];
	struct iovec into = { room, 4 };

	put(q, 5, "12345");
	is(sys(read(q, room, 4)), -EMSGSIZE);
	is(sys(pread(q, room, 4, 5)), -EMSGSIZE);
	is(sys(readv(q, &into, 1)), -EMSGSIZE);
	is(sys(read(q, room, 5)), 5);
	is_empty(q);
}

/* --- Selectors ------------------------------------------------------------ */

/* Types in the order of arrival, numbered from 1. */
static void arrive(const int *types)
{
	char text[2] = "";

	for (unsigned int i = 0; types[i]; i++) {
		text[0] = 'a' + i;
		put(q, types[i], text);
	}
}

TEST(any_takes_in_order_of_arrival)
{
	arrive((int[]){ 5, 3, 5, 1, 9, 0 });
	for (unsigned int i = 1; i <= 5; i++)
		is(take(q, IPCBOOK_ANY, 0), i);
	is_empty(q);
}

TEST(exact_takes_the_oldest_of_its_type)
{
	arrive((int[]){ 5, 3, 5, 1, 5, 0 });
	is(take(q, IPCBOOK_EXACT, 5), 1);
	is(take(q, IPCBOOK_EXACT, 1), 4);
	is(take(q, IPCBOOK_EXACT, 5), 3);
	is(take(q, IPCBOOK_EXACT, 4), 0);
	is(take(q, IPCBOOK_EXACT, 5), 5);
	is(take(q, IPCBOOK_EXACT, 5), 0);
	is(take(q, IPCBOOK_EXACT, 3), 2);
	is_empty(q);
}

TEST(upto_takes_the_lowest_type_and_of_it_the_oldest)
{
	arrive((int[]){ 7, 5, 3, 5, 3, 9, 0 });
	is(take(q, IPCBOOK_UPTO, 2), 0);
	is(take(q, IPCBOOK_UPTO, 3), 3);
	is(take(q, IPCBOOK_UPTO, 8), 5);
	is(take(q, IPCBOOK_UPTO, 8), 2);
	is(take(q, IPCBOOK_UPTO, 5), 4);
	is(take(q, IPCBOOK_UPTO, 6), 0);
	is(take(q, IPCBOOK_UPTO, IPCBOOK_TYPE_MAX), 1);
	is(take(q, IPCBOOK_UPTO, 9), 6);
	is_empty(q);
}

TEST(not_takes_the_oldest_of_all_other_types)
{
	arrive((int[]){ 5, 5, 7, 5, 3, 7, 0 });
	is(take(q, IPCBOOK_NOT, 5), 3);
	is(take(q, IPCBOOK_NOT, 3), 1);
	is(take(q, IPCBOOK_NOT, 5), 5);
	is(take(q, IPCBOOK_NOT, 99), 2);
	is(take(q, IPCBOOK_NOT, 5), 6);
	is(take(q, IPCBOOK_NOT, 5), 0);
	is(take(q, IPCBOOK_NOT, 7), 4);
	is_empty(q);
}

TEST(the_least_and_the_greatest_type_are_types)
{
	put(q, IPCBOOK_TYPE_MAX, "max");
	put(q, IPCBOOK_TYPE_MIN, "min");
	got(q, IPCBOOK_NOT, IPCBOOK_TYPE_MAX, "min");
	got(q, IPCBOOK_UPTO, IPCBOOK_TYPE_MAX, "max");
	put(q, IPCBOOK_TYPE_MAX, "max");
	is(take(q, IPCBOOK_UPTO, IPCBOOK_TYPE_MAX - 1), 0);
	got(q, IPCBOOK_NOT, IPCBOOK_TYPE_MIN, "max");
	is_empty(q);
}

/* --- A model that says what must come ------------------------------------- */

struct model {
	struct {
		int64_t type;
		uint64_t number;
		size_t len;
	} messages[256];
	unsigned int depth;
	uint64_t sent;
	uint32_t random;
};

static unsigned int chance(struct model *m, unsigned int n)
{
	m->random = m->random * 1664525 + 1013904223;
	return (m->random >> 8) % n;
}

/* Where the message is that a receiver selects; depth if there is none. */
static unsigned int choose(const struct model *m, int select, int64_t type)
{
	unsigned int best = m->depth;

	if (select == IPCBOOK_NTH)
		return type < m->depth ? type : m->depth;
	for (unsigned int i = 0; i < m->depth; i++) {
		int64_t t = m->messages[i].type;

		if (select == IPCBOOK_ANY ||
		    (select == IPCBOOK_EXACT && t == type) ||
		    (select == IPCBOOK_NOT && t != type))
			return i;
		if (select == IPCBOOK_UPTO && t <= type &&
		    (best == m->depth || t < m->messages[best].type))
			best = i;
	}
	return best;
}

static void model_send(struct model *m)
{
	unsigned int i = m->depth;
	char text[200];

	m->messages[i].type = 1 + chance(m, 8) * (1 + chance(m, 2) * 1000000);
	m->messages[i].number = ++m->sent;
	m->messages[i].len = 1 + chance(m, sizeof(text));
	memset(text, (char)m->sent, m->messages[i].len);
	is(queue_send(q, m->messages[i].type, text, m->messages[i].len,
		      IPCBOOK_NOWAIT, 0), 0);
	m->depth++;
}

static void model_recv(struct model *m, bool peek)
{
	int select = chance(m, peek ? 5 : 4);
	int64_t type = select == IPCBOOK_ANY ? 0 : 1 + chance(m, 10);
	unsigned int i = choose(m, select, type);
	struct ipcbook_queue_info info;
	char room[200];
	int n;

	n = queue_recv(q, select, type, room, sizeof(room),
		       peek ? IPCBOOK_PEEK : IPCBOOK_NOWAIT, 0, &info);
	if (i == m->depth) {
		is(n, peek ? -ENOMSG : -EAGAIN);
		return;
	}
	is(info.number, m->messages[i].number);
	is(info.type, m->messages[i].type);
	is(n, m->messages[i].len);
	is(info.length, n);
	is(room[0], (char)info.number);
	is(room[n - 1], (char)info.number);
	if (peek)
		return;
	m->depth--;
	memmove(&m->messages[i], &m->messages[i + 1],
		(m->depth - i) * sizeof(m->messages[0]));
}

TEST(thousands_of_random_calls_agree_with_a_simple_model)
{
	static struct model m;

	m = (struct model){ .random = 20261122 };
	for (unsigned int i = 0; i < 20000; i++) {
		unsigned int what = chance(&m, 100);

		/* Tides: it is nearly empty and nearly full at times. */
		if (what < (i / 2000 % 2 ? 30 : 55) &&
		    m.depth < ARRAY_SIZE(m.messages))
			model_send(&m);
		else
			model_recv(&m, what >= 85);
	}
	is(queue_stat(q).depth, m.depth);
	is(queue_stat(q).sent, m.sent);
	is(queue_stat(q).received, m.sent - m.depth);
}

/* --- Peek ----------------------------------------------------------------- */

TEST(peek_shows_what_each_selector_would_take_and_removes_nothing)
{
	static const struct {
		enum ipcbook_select select;
		int64_t type;
		uint64_t number;
	} looks[] = {
		{ IPCBOOK_ANY, 0, 1 },   { IPCBOOK_EXACT, 3, 2 },
		{ IPCBOOK_UPTO, 9, 4 },  { IPCBOOK_UPTO, 4, 4 },
		{ IPCBOOK_NOT, 5, 2 },   { IPCBOOK_NTH, 0, 1 },
		{ IPCBOOK_NTH, 2, 3 },   { IPCBOOK_NTH, 4, 5 },
	};
	struct ipcbook_queue_info info;
	char room[8];

	arrive((int[]){ 5, 3, 5, 1, 9, 0 });
	for (unsigned int i = 0; i < ARRAY_SIZE(looks); i++) {
		is(queue_peek(q, looks[i].select, looks[i].type, room,
			      sizeof(room), &info), 1);
		is(info.number, looks[i].number);
		is(room[0], 'a' + looks[i].number - 1);
	}
	is(queue_stat(q).depth, 5);
	is(queue_stat(q).received, 0);
	for (unsigned int i = 1; i <= 5; i++)
		is(take(q, IPCBOOK_ANY, 0), i);
}

TEST(peek_never_waits)
{
	char room[8];

	is(queue_peek(q, IPCBOOK_ANY, 0, room, 8, NULL), -ENOMSG);
	is(queue_peek(q, IPCBOOK_NTH, 0, room, 8, NULL), -ENOMSG);
	put(q, 5, "five");
	is(queue_peek(q, IPCBOOK_EXACT, 4, room, 8, NULL), -ENOMSG);
	is(queue_peek(q, IPCBOOK_UPTO, 4, room, 8, NULL), -ENOMSG);
	is(queue_peek(q, IPCBOOK_NOT, 5, room, 8, NULL), -ENOMSG);
	is(queue_peek(q, IPCBOOK_NTH, 1, room, 8, NULL), -ENOMSG);
	is(queue_recv(q, IPCBOOK_ANY, 0, room, 8,
		      IPCBOOK_PEEK | IPCBOOK_NOWAIT,
		      ipcbook_deadline(SEC), NULL), 4);
}

TEST(peek_into_too_small_a_buffer_cuts_only_on_request)
{
	struct ipcbook_queue_info info;
	char room[8] = "";

	put(q, 5, "12345");
	is(queue_peek(q, IPCBOOK_ANY, 0, room, 4, &info), -EMSGSIZE);
	is(queue_recv(q, IPCBOOK_ANY, 0, room, 4,
		      IPCBOOK_PEEK | IPCBOOK_TRUNCATE, 0, &info), 4);
	is(info.length, 5);
	assert_string_equal(room, "1234");
	got(q, IPCBOOK_ANY, 0, "12345");
}

TEST(the_nth_message_can_only_be_peeked_and_not_beyond_the_bound)
{
	char room[8];

	put(q, 5, "x");
	is(queue_recv(q, IPCBOOK_NTH, 0, room, 8, IPCBOOK_NOWAIT, 0, NULL),
	   -EINVAL);
	is(queue_peek(q, IPCBOOK_NTH, -1, room, 8, NULL), -EINVAL);
	is(queue_peek(q, IPCBOOK_NTH, IPCBOOK_NTH_MAX, room, 8, NULL), -ENOMSG);
	is(queue_peek(q, IPCBOOK_NTH, IPCBOOK_NTH_MAX + 1, room, 8, NULL),
	   -EINVAL);
	got(q, IPCBOOK_ANY, 0, "x");
}

/* --- Who, when, how much -------------------------------------------------- */

TEST(a_message_tells_where_it_came_from)
{
	struct ipcbook_queue_info info;
	uint64_t before, after;
	char room[8];
	pid_t pid;

	before = coarse();
	pid = child();
	if (!pid) {
		is(sys(setresgid(1001, 1002, 1001)), 0);
		is(sys(setresuid(1000, 1001, 1000)), 0);
		put(q, 77, "hello");
		_exit(0);
	}
	is(reap(pid), 0);
	after = coarse();
	put(q, 78, "own");

	memset(&info, 0xff, sizeof(info));
	is(queue_recv(q, IPCBOOK_ANY, 0, room, 8, 0, 0, &info), 5);
	is(info.type, 77);
	is(info.length, 5);
	is(info.number, 1);
	is(info.pid, pid);
	is(info.uid, 1001);
	is(info.gid, 1002);
	is(info.pad, 0);
	holds(info.sent_ns >= before && info.sent_ns <= after);
	is(queue_recv(q, IPCBOOK_ANY, 0, room, 8, 0, 0, &info), 3);
	is(info.number, 2);
	is(info.pid, getpid());
	is(info.uid, 0);
	is(info.gid, 0);
}

TEST(numbers_are_given_in_order_of_arrival_and_leave_no_gaps)
{
	struct ipcbook_queue_info info;
	struct call *call;
	char room[8];

	limit(2, 0, 0);
	call = receiver(q, IPCBOOK_EXACT, 5);
	put(q, 5, "1");
	is(call_end(call), 1);
	is(call->info.number, 1);
	is(queue_recv(q, IPCBOOK_ANY, 0, room, 8, 0, 1, NULL), -ETIMEDOUT);
	put(q, 6, "2");
	put(q, 6, "3");
	is(queue_send(q, 6, "x", 1, IPCBOOK_NOWAIT, 0), -EAGAIN);
	is(queue_send(q, 6, "x", 1, 0, 1), -ETIMEDOUT);
	is(queue_send(q, 6, nowhere(), 1, 0, 0), -EFAULT);
	call = sender(q, 6, 1);
	for (unsigned int i = 2; i <= 4; i++) {
		is(queue_recv(q, IPCBOOK_ANY, 0, room, 8, 0, 0, &info), 1);
		is(info.number, i);
	}
	is(call_end(call), 0);
}

TEST(a_thread_sends_in_its_process_name)
{
	struct ipcbook_queue_info info;
	struct call *send;
	char room[8];

	limit(1, 0, 0);
	put(q, 1, "x");
	send = sender(q, 2, 1);
	got(q, IPCBOOK_EXACT, 1, "x");
	is(call_end(send), 0);
	is(queue_recv(q, IPCBOOK_ANY, 0, room, 8, 0, 0, &info), 1);
	is(info.pid, getpid());
}

TEST(where_the_sender_has_no_name_the_receiver_is_told_so)
{
	struct ipcbook_queue_info info;
	char room[8];
	pid_t pid;

	put(q, 5, "out");
	pid = child_in(CLONE_NEWUSER | CLONE_NEWPID);
	if (!pid) {
		is(queue_recv(q, IPCBOOK_ANY, 0, room, 8, 0, 0, &info), 3);
		is(info.pid, 0);
		is(info.uid, 65534);
		is(info.gid, 65534);
		put(q, 6, "in");
		is(queue_peek(q, IPCBOOK_EXACT, 6, room, 8, &info), 2);
		is(info.pid, 1);
		is(info.uid, 65534);
		_exit(0);
	}
	is(reap(pid), 0);
	is(queue_recv(q, IPCBOOK_ANY, 0, room, 8, 0, 0, &info), 2);
	is(info.pid, pid);
	is(info.uid, 0);
	is(info.gid, 0);
}

TEST(ids_are_translated_into_the_receiver_s_user_namespace)
{
	struct ipcbook_queue_info info;
	int ready = gate();
	char room[8], path[64];
	pid_t pid;

	pid = child_in(CLONE_NEWUSER);
	if (!pid) {
		gate_pass(ready);
		is(sys(setresgid(7, 7, 7)), 0);
		is(sys(setresuid(7, 7, 7)), 0);
		put(q, 5, "in");
		is(queue_recv(q, IPCBOOK_ANY, 0, room, 8, IPCBOOK_PEEK, 0,
			      &info), 2);
		is(info.uid, 7);
		is(info.gid, 7);
		_exit(0);
	}
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	holds(spit(path, "0 100000 1000"));
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	holds(spit(path, "0 200000 1000"));
	gate_open(ready);
	is(reap(pid), 0);
	is(queue_recv(q, IPCBOOK_ANY, 0, room, 8, 0, 0, &info), 2);
	is(info.uid, 100007);
	is(info.gid, 200007);
	is(info.pid, pid);
}

TEST(the_counters_count)
{
	uint64_t before = coarse();
	struct ipcbook_stat stat;
	struct call *call;
	char room[8];

	limit(3, 100, 50);
	put(q, 5, "12345");
	put(q, 6, "123");
	put(q, 5, "1");
	is(queue_send(q, 7, "x", 1, IPCBOOK_NOWAIT, 0), -EAGAIN);
	call = sender(q, 8, 4);
	got(q, IPCBOOK_EXACT, 6, "123");
	is(call_end(call), 0);
	call = receiver(q, IPCBOOK_EXACT, 9);
	is(queue_send(q, 9, "nine", 4, IPCBOOK_NOWAIT, 0), 0);
	is(call_end(call), 4);
	is(queue_recv(q, IPCBOOK_EXACT, 8, nowhere(), 8, 0, 0, NULL), -EFAULT);
	is(queue_recv(q, IPCBOOK_EXACT, 8, room, 2, IPCBOOK_TRUNCATE, 0, NULL),
	   2);

	stat = queue_stat(q);
	is(stat.size, sizeof(stat));
	is(stat.chapter, IPCBOOK_QUEUE);
	assert_string_equal(stat.name, qname);
	is(stat.mode, 0600);
	is(stat.creator, getpid());
	is(stat.sender, getpid());
	is(stat.receiver, getpid());
	is(stat.descriptors, 1);
	is(stat.depth, 2);
	is(stat.bytes, 6);
	is(stat.types, 1);
	is(stat.max_depth, 3);
	is(stat.max_bytes, 100);
	is(stat.max_size, 50);
	is(stat.sent, 5);
	is(stat.sent_bytes, 17);
	is(stat.received, 3);
	is(stat.received_bytes, 11);
	is(stat.direct, 1);
	is(stat.blocked, 1);
	is(stat.refused, 1);
	is(stat.returned, 1);
	is(stat.senders_waiting, 0);
	is(stat.receivers_waiting, 0);
	holds(stat.created_ns >= before);
	holds(stat.sent_ns >= before && stat.sent_ns <= coarse());
	/* Kept to the tick only. */
	holds(stat.received_ns >= before - 20 * MSEC &&
	      stat.received_ns <= coarse() + 20 * MSEC);
	holds(stat.memory > 0);
}

TEST(a_new_queue_has_counted_nothing)
{
	struct ipcbook_stat stat = queue_stat(q);

	is(stat.sent_ns, 0);
	is(stat.received_ns, 0);
	is(stat.sender, 0);
	is(stat.receiver, 0);
	is(stat.depth + stat.bytes + stat.types + stat.sent + stat.received, 0);
	is(stat.max_depth, 1024);
	is(stat.max_bytes, 262144);
	is(stat.max_size, 8192);
}

TEST(an_older_and_a_newer_caller_get_the_counters_they_know)
{
	struct {
		struct ipcbook_stat stat;
		char unknown[8];
	} newer = { .stat.size = sizeof(newer), .unknown = "unknown" };
	struct ipcbook_stat older = {
		.size = offsetof(struct ipcbook_stat, sent),
		.sent = 4711,
	};

	put(q, 5, "x");
	is(ask(q, IPCBOOK_IOC_STAT, &older), 0);
	is(older.size, sizeof(older));
	is(older.depth, 1);
	is(older.sent, 4711);
	is(ask(q, IPCBOOK_IOC_STAT, &newer), 0);
	is(newer.stat.size, sizeof(older));
	is(newer.stat.sent, 1);
}
