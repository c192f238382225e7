// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queue: batches, and memory that cannot be read or written. How many went,
 * what is left behind, and that a fault loses nothing.
 */
#include "harness.h"

#define MOST IPCBOOK_BATCH_MAX

static struct ipcbook_queue_entry entries[MOST + 1];
static char rooms[MOST + 1][16];

/* Entries to send: messages of these types, each its own text. */
static void prepare_send(unsigned int n, int64_t type)
{
	memset(entries, 0, sizeof(entries));
	for (unsigned int i = 0; i < n; i++) {
		entries[i].buf = (uintptr_t)rooms[i];
		entries[i].len = snprintf(rooms[i], sizeof(rooms[i]),
					  "message %u", i);
		entries[i].info.type = type ?: 1 + i % 7;
	}
}

/* Entries to receive into, full of rubbish. */
static void prepare_recv(unsigned int n)
{
	memset(entries, 0xa5, sizeof(entries));
	memset(rooms, 0xa5, sizeof(rooms));
	for (unsigned int i = 0; i < n; i++) {
		entries[i].buf = (uintptr_t)rooms[i];
		entries[i].len = sizeof(rooms[i]);
	}
}

/* Entry i holds what prepare_send() made of message n. */
static void holds_message(unsigned int i, unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "message %u", n);

	is(entries[i].len, len);
	is(entries[i].info.length, len);
	is(entries[i].info.pid, getpid());
	is(entries[i].info.uid, 0);
	is(entries[i].info.gid, 0);
	is(entries[i].info.pad, 0);
	holds(!memcmp(rooms[i], text, len));
}

static int send_batch(unsigned int count, unsigned int flags, uint64_t deadline)
{
	return queue_send_batch(q, entries, count, flags, deadline);
}

static int recv_batch(enum ipcbook_select select, int64_t type,
		      unsigned int count, unsigned int flags, uint64_t deadline)
{
	return queue_recv_batch(q, select, type, entries, count, flags,
					deadline);
}

TEST(a_batch_of_every_size_up_to_the_greatest_goes_in_one_call)
{
	static const unsigned int sizes[] = { 1, 2, 32, 1023, 1024 };

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		prepare_send(sizes[i], 0);
		is(send_batch(sizes[i], IPCBOOK_NOWAIT, 0), sizes[i]);
		prepare_recv(sizes[i]);
		is(recv_batch(IPCBOOK_ANY, 0, sizes[i], IPCBOOK_NOWAIT, 0),
		   sizes[i]);
		for (unsigned int n = 0; n < sizes[i]; n++) {
			holds_message(n, n);
			is(entries[n].info.type, 1 + n % 7);
			is(entries[n].info.number - entries[0].info.number, n);
		}
		is_empty(q);
	}
}

TEST(a_batch_of_nothing_or_of_too_many_is_refused)
{
	prepare_send(MOST + 1, 5);
	is(send_batch(0, 0, 0), -EINVAL);
	is(send_batch(MOST + 1, 0, 0), -EINVAL);
	is(send_batch(UINT32_MAX, 0, 0), -EINVAL);
	put(q, 5, "x");
	prepare_recv(MOST + 1);
	is(recv_batch(IPCBOOK_ANY, 0, 0, 0, 0), -EINVAL);
	is(recv_batch(IPCBOOK_ANY, 0, MOST + 1, 0, 0), -EINVAL);
	is(queue_stat(q).depth, 1);
	is(queue_stat(q).sent, 1);
	works(q);
}

TEST(a_batch_that_does_not_fit_tells_how_many_went)
{
	limit(5, 0, 0);
	prepare_send(8, 5);
	is(send_batch(8, IPCBOOK_NOWAIT, 0), 5);
	is(send_batch(8, IPCBOOK_NOWAIT, 0), -EAGAIN);
	is(queue_stat(q).depth, 5);
	is(send_batch(8, 0, 1), -ETIMEDOUT);
	got(q, IPCBOOK_ANY, 0, "message 0");
	is(send_batch(8, 0, ipcbook_deadline(20 * MSEC)), 1);
	is(queue_stat(q).depth, 5);
	for (unsigned int i = 1; i < 5; i++) {
		prepare_recv(1);
		is(recv_batch(IPCBOOK_EXACT, 5, 1, 0, 0), 1);
		holds_message(0, i);
	}
	got(q, IPCBOOK_ANY, 0, "message 0");
	is_empty(q);
}

TEST(a_received_batch_takes_what_is_there)
{
	prepare_send(3, 5);
	is(send_batch(3, 0, 0), 3);
	put(q, 6, "other");
	prepare_recv(8);
	is(recv_batch(IPCBOOK_EXACT, 5, 8, 0, 0), 3);
	for (unsigned int i = 0; i < 3; i++)
		holds_message(i, i);
	is(entries[3].len, sizeof(rooms[3]));
	is((unsigned char)rooms[3][0], 0xa5);
	is(recv_batch(IPCBOOK_EXACT, 5, 8, IPCBOOK_NOWAIT, 0), -EAGAIN);
	is(recv_batch(IPCBOOK_EXACT, 5, 8, 0, ipcbook_deadline(20 * MSEC)),
	   -ETIMEDOUT);
	got(q, IPCBOOK_ANY, 0, "other");
}

TEST(a_batch_is_received_by_each_selector)
{
	static const struct {
		enum ipcbook_select select;
		int64_t type;
		int order[8];
	} cases[] = {
		{ IPCBOOK_ANY, 0, { 0, 1, 2, 3, 4, -1 } },
		{ IPCBOOK_EXACT, 5, { 0, 3, -1 } },
		{ IPCBOOK_UPTO, 6, { 1, 4, 0, 3, -1 } },
		{ IPCBOOK_NOT, 5, { 1, 2, 4, -1 } },
	};
	static const int64_t types[5] = { 5, 3, 8, 5, 3 };

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		int n = 0;

		prepare_send(5, 5);
		for (unsigned int m = 0; m < 5; m++)
			entries[m].info.type = types[m];
		is(send_batch(5, 0, 0), 5);
		while (cases[i].order[n] >= 0)
			n++;
		prepare_recv(8);
		is(recv_batch(cases[i].select, cases[i].type, 8, 0, 0), n);
		while (n--)
			holds_message(n, cases[i].order[n]);
		drain(q);
	}
}

/* What a batch of 6 answers whose entry n has been spoiled by fn. */
static int spoiled(unsigned int n, void (*fn)(struct ipcbook_queue_entry *e))
{
	prepare_send(6, 5);
	fn(&entries[n]);
	return send_batch(6, IPCBOOK_NOWAIT, 0);
}

static void type_zero(struct ipcbook_queue_entry *e)
{
	e->info.type = 0;
}

static void type_negative(struct ipcbook_queue_entry *e)
{
	e->info.type = -5;
}

static void type_beyond(struct ipcbook_queue_entry *e)
{
	e->info.type = IPCBOOK_TYPE_MAX + 1;
}

static void len_zero(struct ipcbook_queue_entry *e)
{
	e->len = 0;
}

static void len_beyond(struct ipcbook_queue_entry *e)
{
	e->len = 8193;
}

static void len_huge(struct ipcbook_queue_entry *e)
{
	e->len = UINT64_MAX;
}

static void number_set(struct ipcbook_queue_entry *e)
{
	e->info.number = 1;
}

static void pad_set(struct ipcbook_queue_entry *e)
{
	e->info.pad = 1;
}

static void buf_bad(struct ipcbook_queue_entry *e)
{
	e->buf = (uintptr_t)nowhere();
}

static void buf_kernel(struct ipcbook_queue_entry *e)
{
	e->buf = 0xffff888000000000;
}

TEST(a_bad_entry_ends_a_batch_before_it)
{
	static const struct {
		void (*fn)(struct ipcbook_queue_entry *e);
		int error;
	} cases[] = {
		{ type_zero, EINVAL },  { type_negative, EINVAL },
		{ type_beyond, EINVAL }, { len_zero, EINVAL },
		{ len_beyond, E2BIG },  { len_huge, E2BIG },
		{ number_set, EINVAL }, { pad_set, EINVAL },
		{ buf_bad, EFAULT },    { buf_kernel, EFAULT },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		is(spoiled(0, cases[i].fn), -cases[i].error);
		is_empty(q);
		is(spoiled(3, cases[i].fn), 3);
		prepare_recv(8);
		is(recv_batch(IPCBOOK_ANY, 0, 8, 0, 0), 3);
		holds_message(2, 2);
		is(spoiled(5, cases[i].fn), 5);
		is(recv_batch(IPCBOOK_ANY, 0, 8, 0, 0), 5);
		works(q);
	}
}

TEST(a_batch_of_messages_goes_to_waiting_receivers_first)
{
	struct call *waiting[3];

	for (unsigned int i = 0; i < 3; i++)
		waiting[i] = receiver(q, IPCBOOK_EXACT, 5);
	prepare_send(5, 5);
	is(send_batch(5, 0, 0), 5);
	for (unsigned int i = 0; i < 3; i++) {
		is(call_end(waiting[i]), 9);
		is(waiting[i]->room[8], '0' + i);
	}
	is(queue_stat(q).direct, 3);
	is(queue_stat(q).depth, 2);
}

static long make_send_batch(__attribute__((unused)) struct call *call)
{
	return send_batch(8, 0, call->deadline);
}

static long make_recv_batch(struct call *call)
{
	return recv_batch(call->select, call->type, 8, 0, 0);
}

TEST(a_blocked_batch_goes_on_as_room_comes)
{
	struct call *call = call_new(q, IPCBOOK_ANY, 0);

	limit(3, 0, 0);
	prepare_send(8, 5);
	call_other(call, make_send_batch, SYS_ioctl);
	for (unsigned int i = 0; i < 5; i++) {
		char text[16];

		await_waiting(q, 0, 1);
		is(queue_stat(q).depth, 3);
		snprintf(text, sizeof(text), "message %u", i);
		got(q, IPCBOOK_ANY, 0, text);
	}
	is(call_end(call), 8);
	is(queue_stat(q).depth, 3);
}

TEST(a_waiting_batch_takes_the_first_message_and_what_else_is_there)
{
	struct call *call = call_new(q, IPCBOOK_EXACT, 5);

	prepare_recv(8);
	put(q, 6, "other");
	call_other(call, make_recv_batch, SYS_ioctl);
	await_waiting(q, 1, 0);
	put(q, 5, "message 0");
	is(call_end(call), 1);
	holds_message(0, 0);
}

static void nothing(__attribute__((unused)) int signal)
{
}

TEST(an_interrupted_batch_tells_what_it_did)
{
	struct sigaction action = { .sa_handler = nothing };
	struct call *call = call_new(q, IPCBOOK_ANY, 0);

	limit(3, 0, 0);
	is(sys(sigaction(SIGUSR1, &action, NULL)), 0);
	prepare_send(8, 5);
	call_other(call, make_send_batch, SYS_ioctl);
	await_waiting(q, 0, 1);
	is(pthread_kill(call->thread, SIGUSR1), 0);
	is(call_end(call), 3);
	is(queue_stat(q).depth, 3);
	is(queue_stat(q).senders_waiting, 0);

	call = call_new(q, IPCBOOK_ANY, 0);
	call_other(call, make_send_batch, SYS_ioctl);
	await_waiting(q, 0, 1);
	is(pthread_kill(call->thread, SIGUSR1), 0);
	is(call_end(call), -EINTR);
	is(queue_stat(q).sent, 3);
}

TEST(unlink_ends_a_blocked_batch_with_what_it_did)
{
	struct call *send = call_new(q, IPCBOOK_ANY, 0);

	limit(3, 0, 0);
	prepare_send(8, 5);
	call_other(send, make_send_batch, SYS_ioctl);
	await_waiting(q, 0, 1);
	is(queue_unlink(qname), 0);
	is(call_end(send), 3);
	is(recv_batch(IPCBOOK_ANY, 0, 1, 0, 0), -EIDRM);
}

/* --- Receiving what does not fit or cannot be written --------------------- */

TEST(a_message_too_long_for_its_entry_ends_a_batch_before_it)
{
	put(q, 5, "short");
	put(q, 5, "much longer than that");
	put(q, 5, "short");
	prepare_recv(4);
	is(recv_batch(IPCBOOK_ANY, 0, 4, 0, 0), 1);
	prepare_recv(4);
	is(recv_batch(IPCBOOK_ANY, 0, 4, 0, 0), -EMSGSIZE);
	is(queue_stat(q).depth, 2);
	is(recv_batch(IPCBOOK_ANY, 0, 4, IPCBOOK_TRUNCATE, 0), 2);
	is(entries[0].len, 16);
	is(entries[0].info.length, 21);
	is(entries[1].len, 5);
	is(entries[1].info.length, 5);
}

TEST(an_entry_that_cannot_be_written_ends_a_batch_and_loses_nothing)
{
	prepare_send(6, 5);
	is(send_batch(6, 0, 0), 6);
	prepare_recv(6);
	entries[2].buf = (uintptr_t)nowhere();
	is(recv_batch(IPCBOOK_ANY, 0, 6, 0, 0), 2);
	holds_message(0, 0);
	holds_message(1, 1);
	is(queue_stat(q).depth, 4);
	entries[0].buf = (uintptr_t)nowhere();
	is(recv_batch(IPCBOOK_ANY, 0, 6, 0, 0), -EFAULT);
	prepare_recv(6);
	is(recv_batch(IPCBOOK_ANY, 0, 6, 0, 0), 4);
	for (unsigned int i = 0; i < 4; i++) {
		holds_message(i, 2 + i);
		is(entries[i].info.number, 3 + i);
	}
}

TEST(entries_that_end_in_nowhere_are_used_up_to_there)
{
	struct ipcbook_queue_entry *few;

	prepare_send(6, 5);
	few = edge(2 * sizeof(*few));
	memcpy(few, entries, 2 * sizeof(*few));
	is(queue_send_batch(q, few, 6, IPCBOOK_NOWAIT, 0), 2);
	is(queue_send_batch(q, nowhere(), 6, 0, 0), -EFAULT);
	is(queue_stat(q).depth, 2);
	is(send_batch(2, 0, 0), 2);

	prepare_recv(6);
	memcpy(few, entries, 2 * sizeof(*few));
	is(queue_recv_batch(q, IPCBOOK_ANY, 0, few, 6, 0, 0), 2);
	is(queue_recv_batch(q, IPCBOOK_ANY, 0, nowhere(), 6, 0, 0),
	   -EFAULT);
	is(queue_stat(q).depth, 2);
	got(q, IPCBOOK_ANY, 0, "message 0");
	got(q, IPCBOOK_ANY, 0, "message 1");
}

TEST(entries_that_cannot_be_written_back_lose_nothing)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct ipcbook_queue_entry *fixed = edge(page);

	prepare_send(3, 5);
	is(send_batch(3, 0, 0), 3);
	prepare_recv(3);
	memcpy(fixed, entries, 3 * sizeof(*fixed));
	is(sys(mprotect(fixed, page, PROT_READ)), 0);
	is(queue_recv_batch(q, IPCBOOK_ANY, 0, fixed, 3, 0, 0),
	   -EFAULT);
	is(queue_stat(q).depth, 3);
	is(recv_batch(IPCBOOK_ANY, 0, 3, 0, 0), 3);
	for (unsigned int i = 0; i < 3; i++) {
		holds_message(i, i);
		is(entries[i].info.number, 1 + i);
	}
}

/* --- One message and memory that faults ----------------------------------- */

/* A receive that faults, then a good one: the same message, nothing lost. */
static void faults_then_comes(void *buf, size_t len,
			      struct ipcbook_queue_info *bad_info)
{
	struct ipcbook_queue_info info;
	static char text[8192];
	static char room[8192];

	for (unsigned int i = 0; i < len; i++)
		text[i] = i * 13;
	is(queue_send(q, 5, text, len, 0, 0), 0);
	put(q, 5, "behind");
	is(queue_recv(q, IPCBOOK_EXACT, 5, buf, len, 0, 0, bad_info), -EFAULT);
	is(queue_stat(q).returned, 1);
	is(queue_stat(q).depth, 2);
	is(queue_recv(q, IPCBOOK_EXACT, 5, room, len, 0, 0, &info), len);
	is(info.number, 1);
	is(info.length, len);
	holds(!memcmp(room, text, len));
	got(q, IPCBOOK_EXACT, 5, "behind");
	is_empty(q);
}

TEST(a_receive_into_nowhere_is_followed_by_a_good_one)
{
	faults_then_comes(nowhere(), 5, NULL);
}

TEST(a_receive_into_half_a_buffer_is_followed_by_a_good_one)
{
	faults_then_comes(edge(4), 5, NULL);
}

TEST(a_big_receive_into_half_a_buffer_is_followed_by_a_good_one)
{
	faults_then_comes(edge(8191), 8192, NULL);
}

TEST(a_receive_into_read_only_memory_is_followed_by_a_good_one)
{
	size_t page = sysconf(_SC_PAGESIZE);
	void *fixed = edge(page);

	is(sys(mprotect(fixed, page, PROT_READ)), 0);
	faults_then_comes(fixed, 100, NULL);
}

TEST(a_receive_into_the_kernel_is_followed_by_a_good_one)
{
	faults_then_comes((void *)0xffff888000000000, 5, NULL);
}

TEST(a_receive_whose_info_faults_is_followed_by_a_good_one)
{
	char room[8];

	faults_then_comes(room, 5, nowhere());
}

TEST(a_plain_read_that_faults_loses_nothing)
{
	char room[8];

	put(q, 5, "12345");
	is(sys(read(q, nowhere(), 8)), -EFAULT);
	is(sys(pread(q, edge(4), 8, 5)), -EFAULT);
	is(sys(read(q, room, 8)), 5);
	assert_memory_equal(room, "12345", 5);
	is_empty(q);
}

TEST(a_buffer_that_ends_right_after_the_message_is_good)
{
	put(q, 5, "12345");
	is(queue_recv(q, IPCBOOK_ANY, 0, edge(5), 8, 0, 0, NULL), 5);
	put(q, 5, "12345");
	is(sys(read(q, edge(5), 5)), 5);
	is(queue_send(q, 5, memcpy(edge(5), "12345", 5), 5, 0, 0), 0);
	is(sys(write(q, memcpy(edge(5), "12345", 5), 5)), 5);
	got(q, IPCBOOK_EXACT, 5, "12345");
	got(q, IPCBOOK_EXACT, 1, "12345");
}

TEST(a_send_from_memory_that_faults_sends_nothing)
{
	static const size_t lens[] = { 2, 64, 200, 5000, 8192 };

	for (unsigned int i = 0; i < ARRAY_SIZE(lens); i++) {
		is(queue_send(q, 5, nowhere(), lens[i], 0, 0), -EFAULT);
		is(queue_send(q, 5, edge(lens[i] - 1), lens[i], 0, 0),
		   -EFAULT);
		is(sys(pwrite(q, nowhere(), lens[i], 5)), -EFAULT);
		is(sys(pwrite(q, edge(lens[i] - 1), lens[i], 5)), -EFAULT);
	}
	is(queue_stat(q).sent, 0);
	is(queue_stat(q).bytes, 0);
	is_empty(q);
	works(q);
}

TEST(a_peek_that_faults_changes_nothing)
{
	put(q, 5, "12345");
	is(queue_peek(q, IPCBOOK_ANY, 0, nowhere(), 8, NULL), -EFAULT);
	is(queue_stat(q).returned, 0);
	got(q, IPCBOOK_ANY, 0, "12345");
}
