// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queue: limits and waiting. What fits, who waits for whom, who is served
 * first, deadlines, signals, death, and the end of a queue.
 */
#include <linux/userfaultfd.h>
#include <sys/resource.h>

#include "harness.h"

static uint64_t now(void)
{
	return ipcbook_deadline(0);
}

/* --- Limits --------------------------------------------------------------- */

TEST(the_last_message_fits_and_no_more)
{
	limit(3, 0, 0);
	fill(q, 5, 1, 3);
	is(queue_send(q, 5, "x", 1, IPCBOOK_NOWAIT, 0), -EAGAIN);
	is(queue_send(q, 6, "x", 1, IPCBOOK_NOWAIT, 0), -EAGAIN);
	is(queue_stat(q).depth, 3);
	got(q, IPCBOOK_ANY, 0, "x");
	put(q, 6, "y");
	is(queue_send(q, 6, "x", 1, IPCBOOK_NOWAIT, 0), -EAGAIN);
}

TEST(the_last_byte_fits_and_no_more)
{
	limit(0, 100, 60);
	fill(q, 5, 60, 1);
	fill(q, 6, 39, 1);
	is(queue_send(q, 5, "xy", 2, IPCBOOK_NOWAIT, 0), -EAGAIN);
	put(q, 7, "x");
	is(queue_stat(q).bytes, 100);
	is(queue_send(q, 5, "x", 1, IPCBOOK_NOWAIT, 0), -EAGAIN);
	got(q, IPCBOOK_EXACT, 7, "x");
	put(q, 8, "y");
	is(queue_send(q, 5, "x", 1, IPCBOOK_NOWAIT, 0), -EAGAIN);
	is(queue_stat(q).depth, 3);
}

TEST(the_greatest_message_fits_and_none_greater)
{
	char text[101] = "", room[100];

	limit(0, 1000, 100);
	is(queue_send(q, 5, text, 101, 0, 0), -E2BIG);
	is(sys(write(q, text, 101)), -E2BIG);
	is(sys(pwrite(q, text, 101, 5)), -E2BIG);
	is(queue_send(q, 5, text, 100, 0, 0), 0);
	is(sys(pwrite(q, text, 100, 5)), 100);
	is(sys(pread(q, room, 100, 5)), 100);
	is(sys(pread(q, room, 100, 5)), 100);
	is_empty(q);
}

TEST(the_default_limits_are_what_the_contract_says)
{
	static char text[8193];

	is(queue_send(q, 5, text, 8193, IPCBOOK_NOWAIT, 0), -E2BIG);
	fill(q, 5, 8192, 32);
	is(queue_send(q, 5, text, 1, IPCBOOK_NOWAIT, 0), -EAGAIN);
	limit(0, 0, 0);
	fill(q, 5, 256, 1024);
	is(queue_stat(q).bytes, 262144);
	is(queue_send(q, 5, text, 1, IPCBOOK_NOWAIT, 0), -EAGAIN);
	limit(0, 100, 0);
	is(queue_stat(q).max_size, 100);
	is(queue_stat(q).max_depth, 1024);
}

TEST(a_queue_of_one_message_and_one_byte_is_a_queue)
{
	limit(1, 1, 1);
	put(q, 5, "x");
	is(queue_send(q, 5, "x", 1, IPCBOOK_NOWAIT, 0), -EAGAIN);
	is(queue_send(q, 5, "xy", 2, IPCBOOK_NOWAIT, 0), -E2BIG);
	got(q, IPCBOOK_ANY, 0, "x");
	put(q, 6, "y");
	got(q, IPCBOOK_EXACT, 6, "y");
}

/* --- Hand-over ------------------------------------------------------------ */

TEST(a_full_queue_of_one_type_lets_another_type_pass)
{
	struct call *blocked, *server, *client;

	limit(2, 0, 0);
	fill(q, 1, 10, 2);
	blocked = sender(q, 1, 10);
	server = receiver(q, IPCBOOK_EXACT, 2);
	is(queue_send(q, 2, "request", 7, 0, ipcbook_deadline(SEC)), 0);
	is(call_end(server), 7);
	client = receiver(q, IPCBOOK_EXACT, 3);
	is(sys(pwrite(q, "reply", 5, 3)), 5);
	is(call_end(client), 5);
	assert_memory_equal(client->room, "reply", 5);

	is(blocked->done, false);
	is(queue_stat(q).depth, 2);
	is(queue_stat(q).direct, 2);
	is(queue_stat(q).senders_waiting, 1);
}

TEST(a_message_handed_to_a_waiting_receiver_needs_no_room)
{
	struct call *call;

	limit(1, 4, 4);
	put(q, 1, "full");
	call = receiver(q, IPCBOOK_NOT, 1);
	is(queue_send(q, 2, "pass", 4, IPCBOOK_NOWAIT, 0), 0);
	is(call_end(call), 4);
	is(queue_send(q, 2, "pass", 4, IPCBOOK_NOWAIT, 0), -EAGAIN);
}

TEST(a_receiver_takes_the_message_of_the_first_blocked_sender_it_selects)
{
	struct call *one, *two, *three;

	limit(1, 0, 0);
	put(q, 1, "full");
	one = sender(q, 2, 1);
	two = sender(q, 3, 2);
	three = sender(q, 3, 3);
	got(q, IPCBOOK_EXACT, 3, "xx");
	is(call_end(two), 0);
	await_waiting(q, 0, 2);
	is(queue_take(q, IPCBOOK_EXACT, 4), -EAGAIN);
	got(q, IPCBOOK_NOT, 1, "x");
	is(call_end(one), 0);
	got(q, IPCBOOK_EXACT, 1, "full");
	is(call_end(three), 0);
	got(q, IPCBOOK_EXACT, 3, "xxx");
	is_empty(q);
}

TEST(a_batch_takes_from_blocked_senders_too)
{
	struct ipcbook_queue_entry entries[4];
	struct call *blocked[2];
	char room[4][8];

	limit(1, 0, 0);
	put(q, 1, "full");
	blocked[0] = sender(q, 2, 1);
	blocked[1] = sender(q, 2, 2);
	for (unsigned int i = 0; i < 4; i++)
		entries[i] = (struct ipcbook_queue_entry){
			.buf = (uintptr_t)room[i], .len = 8 };
	is(queue_recv_batch(q, IPCBOOK_EXACT, 2, entries, 4,
				    IPCBOOK_NOWAIT, 0), 2);
	is(entries[0].len, 1);
	is(entries[1].len, 2);
	is(call_end(blocked[0]), 0);
	is(call_end(blocked[1]), 0);
	got(q, IPCBOOK_ANY, 0, "full");
}

TEST(what_a_receiver_could_not_take_waits_beyond_the_limit)
{
	struct call *call;

	limit(1, 0, 0);
	put(q, 1, "full");
	call = call_new(q, IPCBOOK_EXACT, 2);
	call->buf = nowhere();
	call_recv(call);
	put(q, 2, "handed");
	is(call_end(call), -EFAULT);
	is(queue_stat(q).depth, 2);
	is(queue_stat(q).returned, 1);
	is(queue_send(q, 3, "x", 1, IPCBOOK_NOWAIT, 0), -EAGAIN);
	got(q, IPCBOOK_ANY, 0, "full");
	is(queue_send(q, 3, "x", 1, IPCBOOK_NOWAIT, 0), -EAGAIN);
	got(q, IPCBOOK_ANY, 0, "handed");
	works(q);
}

TEST(receivers_that_take_nothing_fill_a_queue_to_twice_its_limit_at_most)
{
	struct call *call;

	limit(2, 0, 0);
	fill(q, 1, 1, 2);
	for (unsigned int i = 0; i < 2; i++) {
		call = call_new(q, IPCBOOK_EXACT, 2 + i);
		call->buf = nowhere();
		call_recv(call);
		put(q, 2 + i, "handed");
		is(call_end(call), -EFAULT);
	}
	is(queue_stat(q).depth, 4);
	call = receiver(q, IPCBOOK_EXACT, 4);
	is(queue_send(q, 4, "x", 1, IPCBOOK_NOWAIT, 0), -EAGAIN);
	got(q, IPCBOOK_ANY, 0, "x");
	put(q, 4, "abc");
	is(call_end(call), 3);
	is(queue_stat(q).depth, 3);
}

TEST(hand_over_that_had_stopped_goes_on_by_itself)
{
	struct call *call, *send;

	make_crowded();
	call = receiver(q, IPCBOOK_EXACT, 3);
	send = sender(q, 3, 5);
	got(q, IPCBOOK_EXACT, 2, "handed");
	is(call_end(call), 5);
	is(call_end(send), 0);
	got(q, IPCBOOK_ANY, 0, "x");
	is_empty(q);
}

TEST(hand_over_that_had_stopped_goes_on_for_all_who_wait_for_each_other)
{
	struct call *receivers[3], *senders[3];

	make_crowded();
	for (unsigned int i = 0; i < 3; i++)
		receivers[i] = receiver(q, IPCBOOK_EXACT, 3);
	for (unsigned int i = 0; i < 3; i++)
		senders[i] = sender(q, 3, i + 1);
	got(q, IPCBOOK_EXACT, 2, "handed");
	for (unsigned int i = 0; i < 3; i++) {
		is(call_end(receivers[i]), i + 1);
		is(call_end(senders[i]), 0);
	}
	got(q, IPCBOOK_ANY, 0, "x");
	is_empty(q);
}

TEST(hand_over_that_goes_on_lets_nobody_in_for_whom_there_is_no_room)
{
	struct call *call, *first, *second;

	make_crowded();
	first = sender(q, 9, 4);
	call = call_new(q, IPCBOOK_EXACT, 3);
	call->len = 1;
	call_recv(call);
	second = sender(q, 3, 5);
	got(q, IPCBOOK_EXACT, 2, "handed");
	is(call_end(call), -EMSGSIZE);
	is(queue_stat(q).depth, 1);
	is(queue_stat(q).senders_waiting, 2);
	got(q, IPCBOOK_EXACT, 1, "x");
	is(call_end(first), 0);
	is(queue_stat(q).senders_waiting, 1);
	is(queue_take(q, IPCBOOK_EXACT, 9), 4);
	is(call_end(second), 0);
	is(queue_take(q, IPCBOOK_EXACT, 3), 5);
	is_empty(q);
}

/* --- Who is served first -------------------------------------------------- */

TEST(a_small_message_does_not_overtake_a_big_one_that_waits_for_room)
{
	struct call *big, *small;

	limit(0, 60, 50);
	fill(q, 1, 30, 1);
	fill(q, 2, 20, 1);
	big = sender(q, 3, 50);
	small = sender(q, 4, 10);
	is(queue_take(q, IPCBOOK_EXACT, 2), 20);
	is(queue_stat(q).senders_waiting, 2);
	is(queue_send(q, 5, "x", 1, IPCBOOK_NOWAIT, 0), -EAGAIN);
	is(queue_take(q, IPCBOOK_EXACT, 1), 30);
	is(call_end(big), 0);
	is(call_end(small), 0);
	is(queue_stat(q).bytes, 60);
	is(queue_take(q, IPCBOOK_ANY, 0), 50);
	is(queue_take(q, IPCBOOK_ANY, 0), 10);
}

TEST(blocked_senders_get_room_in_order_of_arrival)
{
	struct call *blocked[4];

	limit(1, 0, 0);
	put(q, 9, "full");
	for (unsigned int i = 0; i < 4; i++)
		blocked[i] = sender(q, 4 - i, i + 1);
	got(q, IPCBOOK_EXACT, 9, "full");
	for (unsigned int i = 0; i < 4; i++) {
		is(call_end(blocked[i]), 0);
		is(queue_stat(q).senders_waiting, 3 - i);
		is(queue_take(q, IPCBOOK_ANY, 0),
		   i + 1);
	}
	is_empty(q);
}

TEST(a_sender_that_gives_up_lets_the_next_in)
{
	struct call *big, *small;

	limit(0, 60, 50);
	fill(q, 1, 40, 1);
	big = call_new(q, IPCBOOK_ANY, 2);
	big->len = 50;
	big->deadline = ipcbook_deadline(3 * SEC);
	call_send(big);
	small = sender(q, 3, 20);
	is(call_end(big), -ETIMEDOUT);
	is(call_end(small), 0);
	is(queue_stat(q).bytes, 60);
	is(queue_stat(q).senders_waiting, 0);
}

TEST(a_sender_that_is_killed_lets_the_next_in)
{
	static char text[50];
	struct call *small;
	pid_t pid;

	limit(0, 60, 50);
	fill(q, 1, 40, 1);
	pid = child();
	if (!pid) {
		queue_send(q, 2, text, sizeof(text), 0, 0);
		_exit(1);
	}
	await_waiting(q, 0, 1);
	small = sender(q, 3, 20);
	is(sys(kill(pid, SIGKILL)), 0);
	is(reap(pid), 128 + SIGKILL);
	is(call_end(small), 0);
	is(queue_stat(q).sent, 2);
}

TEST(one_message_wakes_the_longest_waiting_receiver)
{
	struct call *waiting[4];

	for (unsigned int i = 0; i < 4; i++)
		waiting[i] = receiver(q, IPCBOOK_EXACT, 5);
	for (unsigned int i = 0; i < 4; i++) {
		put(q, 5, "abcd");
		is(call_end(waiting[i]), 4);
		is(queue_stat(q).receivers_waiting, 3 - i);
	}
	is(queue_stat(q).direct, 4);
}

TEST(one_message_wakes_the_longest_waiting_receiver_that_selects_it)
{
	struct call *five = receiver(q, IPCBOOK_EXACT, 5);
	struct call *upto = receiver(q, IPCBOOK_UPTO, 6);
	struct call *six = receiver(q, IPCBOOK_EXACT, 6);
	struct call *not6 = receiver(q, IPCBOOK_NOT, 6);
	struct call *any = receiver(q, IPCBOOK_ANY, 0);

	put(q, 6, "1");
	is(call_end(upto), 1);
	put(q, 6, "12");
	is(call_end(six), 2);
	put(q, 7, "123");
	is(call_end(not6), 3);
	put(q, 8, "1234");
	is(call_end(any), 4);
	is(queue_stat(q).receivers_waiting, 1);
	put(q, 8, "queued");
	is(queue_stat(q).receivers_waiting, 1);
	put(q, 5, "12345");
	is(call_end(five), 5);
	got(q, IPCBOOK_ANY, 0, "queued");
	is_empty(q);
}

/* How often the thread went to sleep while it received. */
static long make_counted_recv(struct call *call)
{
	struct rusage before, after;

	getrusage(RUSAGE_THREAD, &before);
	is(queue_recv(call->fd, call->select, call->type, call->buf, call->len,
		      0, 0, NULL), 5);
	getrusage(RUSAGE_THREAD, &after);
	return after.ru_nvcsw - before.ru_nvcsw;
}

TEST(receivers_of_other_types_are_not_woken)
{
	static const enum ipcbook_select kinds[3] = {
		IPCBOOK_EXACT, IPCBOOK_UPTO, IPCBOOK_NOT,
	};
	struct call *waiting[3];

	for (unsigned int i = 0; i < 3; i++) {
		waiting[i] = call_new(q, kinds[i], kinds[i] == IPCBOOK_NOT ?
					       7 : 5);
		call_other(waiting[i], make_counted_recv, SYS_ioctl);
	}
	for (unsigned int i = 0; i < 50; i++) {
		put(q, 7, "x");
		breathe();
	}
	is(queue_stat(q).receivers_waiting, 3);
	is(queue_stat(q).direct, 0);
	is(queue_stat(q).depth, 50);
	for (unsigned int i = 0; i < 3; i++) {
		put(q, 5, "12345");
		holds(call_end(waiting[i]) <= 3);
	}
}

/* --- Too small a buffer --------------------------------------------------- */

TEST(a_message_is_cut_on_request_and_its_full_length_told)
{
	struct ipcbook_queue_info info;
	char room[8] = "";

	put(q, 5, "123456");
	is(queue_recv(q, IPCBOOK_ANY, 0, room, 5, IPCBOOK_NOWAIT, 0, &info),
	   -EMSGSIZE);
	is(queue_stat(q).depth, 1);
	is(queue_recv(q, IPCBOOK_ANY, 0, room, 5, IPCBOOK_TRUNCATE, 0, &info),
	   5);
	assert_string_equal(room, "12345");
	is(info.length, 6);
	is_empty(q);
	is(queue_stat(q).received_bytes, 6);
}

TEST(a_waiting_receiver_with_too_small_a_buffer_is_told_and_the_message_stays)
{
	struct call *call = call_new(q, IPCBOOK_EXACT, 5);

	call->len = 4;
	call_recv(call);
	put(q, 5, "12345");
	is(call_end(call), -EMSGSIZE);
	got(q, IPCBOOK_EXACT, 5, "12345");
}

TEST(what_does_not_fit_one_waiting_receiver_goes_to_the_next)
{
	struct call *small = call_new(q, IPCBOOK_ANY, 0);
	struct call *cut = call_new(q, IPCBOOK_ANY, 0);

	small->len = 4;
	call_recv(small);
	cut->len = 3;
	cut->flags = IPCBOOK_TRUNCATE;
	call_recv(cut);
	put(q, 5, "12345");
	is(call_end(small), -EMSGSIZE);
	is(call_end(cut), 3);
	is(cut->info.length, 5);
	is_empty(q);
}

TEST(what_one_waiting_receiver_cannot_take_goes_to_the_next)
{
	struct call *faulty = call_new(q, IPCBOOK_EXACT, 5);
	struct call *good;

	faulty->buf = nowhere();
	call_recv(faulty);
	good = receiver(q, IPCBOOK_EXACT, 5);
	put(q, 5, "12345");
	is(call_end(faulty), -EFAULT);
	is(call_end(good), 5);
	assert_memory_equal(good->room, "12345", 5);
	is_empty(q);
}

static long make_send(struct call *call)
{
	return queue_send(call->fd, call->type, call->room, call->len, 0, 0);
}

/* What is refused was never there, for nobody. */
TEST(a_refused_message_ends_no_wait)
{
	struct call *small[2], *exact, *other, *send;
	char text[8] = "12345678";

	limit(1, 0, 0);
	put(q, 1, "full");
	for (int i = 0; i < 2; i++) {
		small[i] = call_new(q, IPCBOOK_EXACT, 7);
		small[i]->len = i + 1;
		call_recv(small[i]);
	}
	other = call_new(q, IPCBOOK_NOT, 1);
	other->len = 3;
	call_recv(other);
	is(queue_send(q, 7, text, 8, IPCBOOK_NOWAIT, 0), -EAGAIN);
	is(queue_stat(q).receivers_waiting, 3);
	is(queue_stat(q).refused, 1);

	/* They are served in the order that they had. */
	put(q, 7, "x");
	is(call_end(small[0]), 1);
	put(q, 7, "xy");
	is(call_end(small[1]), 2);
	put(q, 7, "xyz");
	is(call_end(other), 3);

	/* Who has room gets it, and then those before it are told. */
	other = call_new(q, IPCBOOK_EXACT, 7);
	other->len = 1;
	call_recv(other);
	exact = receiver(q, IPCBOOK_EXACT, 7);
	is(queue_send(q, 7, text, 8, IPCBOOK_NOWAIT, 0), 0);
	is(call_end(other), -EMSGSIZE);
	is(call_end(exact), 8);

	/* What waits for room can be received, and so is there. */
	other = call_new(q, IPCBOOK_EXACT, 7);
	other->len = 1;
	call_recv(other);
	send = call_new(q, IPCBOOK_ANY, 7);
	send->len = 8;
	call_other(send, make_send, SYS_ioctl);
	is(call_end(other), -EMSGSIZE);
	is(queue_stat(q).senders_waiting, 1);
	got(q, IPCBOOK_ANY, 0, "full");
	is(call_end(send), 0);
	is(queue_take(q, IPCBOOK_EXACT, 7), 8);
	is_empty(q);
}

/* --- Deadlines ------------------------------------------------------------ */

TEST(a_receive_past_its_deadline_times_out)
{
	uint64_t start = now(), deadline = start + 50 * MSEC;
	char room[8];

	is(queue_recv(q, IPCBOOK_ANY, 0, room, 8, 0, 1, NULL), -ETIMEDOUT);
	is(queue_recv(q, IPCBOOK_ANY, 0, room, 8, 0, start, NULL), -ETIMEDOUT);
	is(queue_recv(q, IPCBOOK_ANY, 0, room, 8, 0, deadline, NULL),
	   -ETIMEDOUT);
	holds(now() >= deadline);
	holds(now() < deadline + 20 * SEC);
	is(queue_stat(q).receivers_waiting, 0);
	works(q);
}

TEST(a_send_past_its_deadline_times_out_and_sends_nothing)
{
	uint64_t deadline = ipcbook_deadline(50 * MSEC);

	limit(1, 0, 0);
	put(q, 5, "x");
	is(queue_send(q, 5, "y", 1, 0, 1), -ETIMEDOUT);
	is(queue_send(q, 5, "y", 1, 0, deadline), -ETIMEDOUT);
	holds(now() >= deadline);
	is(queue_stat(q).refused, 2);
	is(queue_stat(q).senders_waiting, 0);
	got(q, IPCBOOK_ANY, 0, "x");
	is_empty(q);
}

TEST(a_deadline_matters_only_to_a_call_that_waits)
{
	char room[8];

	is(queue_send(q, 5, "x", 1, 0, 1), 0);
	is(queue_recv(q, IPCBOOK_ANY, 0, room, 8, 0, 1, NULL), 1);
	is(queue_recv(q, IPCBOOK_ANY, 0, room, 8, IPCBOOK_NOWAIT, 1, NULL),
	   -EAGAIN);
}

TEST(the_farthest_deadline_is_as_good_as_none)
{
	struct call *call = call_new(q, IPCBOOK_EXACT, 5);

	call->deadline = UINT64_MAX;
	call_recv(call);
	put(q, 5, "12345");
	is(call_end(call), 5);
	call = call_new(q, IPCBOOK_EXACT, 5);
	call->deadline = INT64_MAX;
	call_recv(call);
	put(q, 5, "12345");
	is(call_end(call), 5);
}

TEST(a_message_before_the_deadline_is_received)
{
	struct call *call = call_new(q, IPCBOOK_EXACT, 5);

	call->deadline = ipcbook_deadline(50 * SEC);
	call_recv(call);
	put(q, 5, "12345");
	is(call_end(call), 5);
}

/* --- O_NONBLOCK ----------------------------------------------------------- */

TEST(a_non_blocking_descriptor_never_waits)
{
	char room[8];
	int fd;

	limit(1, 0, 0);
	fd = queue_open(qname, IPCBOOK_OPEN_READ | IPCBOOK_OPEN_WRITE |
			       IPCBOOK_OPEN_NONBLOCK);
	is(fcntl(fd, F_GETFL) & (O_NONBLOCK | O_ACCMODE), O_NONBLOCK | O_RDWR);
	is(sys(read(fd, room, 8)), -EAGAIN);
	is(sys(pread(fd, room, 8, 5)), -EAGAIN);
	is(queue_recv(fd, IPCBOOK_ANY, 0, room, 8, 0, 0, NULL), -EAGAIN);
	is(queue_recv(fd, IPCBOOK_ANY, 0, room, 8, 0, ipcbook_deadline(SEC),
		      NULL), -EAGAIN);
	is(sys(write(fd, "x", 1)), 1);
	is(sys(write(fd, "x", 1)), -EAGAIN);
	is(sys(pwrite(fd, "x", 1, 5)), -EAGAIN);
	is(queue_send(fd, 5, "x", 1, 0, 0), -EAGAIN);
	is(queue_stat(q).refused, 3);
}

TEST(o_nonblock_can_be_set_and_cleared)
{
	char room[8];

	is(queue_recv(q, IPCBOOK_ANY, 0, room, 8, 0, 1, NULL), -ETIMEDOUT);
	is(sys(fcntl(q, F_SETFL, O_NONBLOCK)), 0);
	is(queue_recv(q, IPCBOOK_ANY, 0, room, 8, 0, 1, NULL), -EAGAIN);
	is(sys(read(q, room, 8)), -EAGAIN);
	is(sys(fcntl(q, F_SETFL, 0)), 0);
	is(queue_recv(q, IPCBOOK_ANY, 0, room, 8, 0, 1, NULL), -ETIMEDOUT);
}

/*
 * Receivers of this queue have had to wait for some microseconds only, as their
 * time was up: the next one looks for a while before it sleeps.
 */
static void wait_shortly(int queue, unsigned int times)
{
	char room[8];

	while (times--)
		is(queue_recv(queue, IPCBOOK_EXACT, 5, room, 8, 0, 1, NULL),
		   -ETIMEDOUT);
}

TEST(after_short_waits_a_longer_one_ends_as_well)
{
	for (int i = 0; i < 20; i++) {
		struct call *call;

		wait_shortly(q, 5);
		call = receiver(q, IPCBOOK_EXACT, 5);
		if (i % 2)
			await_asleep(call->tid, SYS_ioctl);
		put(q, 5, "12345");
		is(call_end(call), 5);
	}
	is(queue_stat(q).direct, 20);
}

/* --- Signals -------------------------------------------------------------- */

static _Atomic int signals_seen;

static void see_signal(__attribute__((unused)) int signal)
{
	signals_seen++;
}

/* SIGUSR1 is seen; system calls that it interrupts go on or do not. */
static void on_signal(int flags)
{
	struct sigaction action = {
		.sa_handler = see_signal,
		.sa_flags = flags,
	};

	signals_seen = 0;
	is(sys(sigaction(SIGUSR1, &action, NULL)), 0);
}

static long make_read(struct call *call)
{
	return sys(pread(call->fd, call->room, sizeof(call->room), call->type));
}

static long make_write(struct call *call)
{
	return sys(pwrite(call->fd, call->room, 1, call->type));
}

TEST(a_signal_interrupts_every_blocked_call)
{
	struct call *calls[4];

	limit(1, 0, 0);
	put(q, 1, "x");
	on_signal(0);
	calls[0] = receiver(q, IPCBOOK_EXACT, 5);
	calls[1] = sender(q, 7, 1);
	calls[2] = call_new(q, IPCBOOK_EXACT, 5);
	call_other(calls[2], make_read, SYS_pread64);
	calls[3] = call_new(q, IPCBOOK_EXACT, 8);
	call_other(calls[3], make_write, SYS_pwrite64);
	await_waiting(q, 2, 2);
	for (unsigned int i = 0; i < 4; i++) {
		is(pthread_kill(calls[i]->thread, SIGUSR1), 0);
		is(call_end(calls[i]), -EINTR);
	}
	is(signals_seen, 4);
	is(queue_stat(q).receivers_waiting, 0);
	is(queue_stat(q).senders_waiting, 0);
	is(queue_stat(q).sent, 1);
	got(q, IPCBOOK_ANY, 0, "x");
	works(q);
}

TEST(with_sa_restart_a_call_goes_on_after_the_signal)
{
	struct call *calls[3];

	limit(1, 0, 0);
	put(q, 1, "x");
	on_signal(SA_RESTART);
	calls[0] = receiver(q, IPCBOOK_EXACT, 5);
	calls[1] = call_new(q, IPCBOOK_EXACT, 6);
	call_other(calls[1], make_read, SYS_pread64);
	calls[2] = sender(q, 7, 1);
	for (int i = 0; i < 3; i++) {
		is(pthread_kill(calls[i]->thread, SIGUSR1), 0);
		await(signals_seen == i + 1);
	}
	await_waiting(q, 2, 1);
	put(q, 5, "12345");
	is(call_end(calls[0]), 5);
	put(q, 6, "123456");
	is(call_end(calls[1]), 6);
	got(q, IPCBOOK_ANY, 0, "x");
	is(call_end(calls[2]), 0);
	is(queue_stat(q).depth, 1);
}

TEST(a_restarted_call_keeps_its_deadline)
{
	struct call *call = call_new(q, IPCBOOK_EXACT, 5);

	on_signal(SA_RESTART);
	call->deadline = ipcbook_deadline(3 * SEC);
	call_recv(call);
	is(pthread_kill(call->thread, SIGUSR1), 0);
	is(call_end(call), -ETIMEDOUT);
	is(signals_seen, 1);
	holds(now() >= call->deadline);
	holds(now() < call->deadline + 20 * SEC);
}

TEST(a_stopped_receiver_is_passed_over_and_then_waits_again)
{
	char room[8];
	int status;
	pid_t pid;

	pid = child();
	if (!pid) {
		is(queue_recv(q, IPCBOOK_EXACT, 5, room, 8, 0, 0, NULL), 6);
		holds(!memcmp(room, "second", 6));
		_exit(0);
	}
	await_waiting(q, 1, 0);
	is(sys(kill(pid, SIGSTOP)), 0);
	is(waitpid(pid, &status, WUNTRACED), pid);
	holds(WIFSTOPPED(status));
	await_waiting(q, 0, 0);
	put(q, 5, "first");
	got(q, IPCBOOK_EXACT, 5, "first");
	is(sys(kill(pid, SIGCONT)), 0);
	await_waiting(q, 1, 0);
	put(q, 5, "second");
	is(reap(pid), 0);
}

/* --- One descriptor, two threads ------------------------------------------ */

static long make_own_read(struct call *call)
{
	return sys(read(call->fd, call->room, sizeof(call->room)));
}

TEST(a_type_set_while_a_read_waits_is_kept)
{
	struct call *call = call_new(q, IPCBOOK_ANY, 0);

	is(sys(lseek(q, 5, SEEK_SET)), 5);
	call_other(call, make_own_read, SYS_read);
	is(sys(lseek(q, 7, SEEK_SET)), 7);
	put(q, 7, "seven");
	put(q, 5, "five");
	is(call_end(call), 4);
	is(sys(lseek(q, 0, SEEK_CUR)), 7);
	is(sys(read(q, call->room, sizeof(call->room))), 5);
}

/* --- Death ---------------------------------------------------------------- */

TEST(killed_receivers_leave_nothing_behind)
{
	static const struct {
		enum ipcbook_select select;
		int64_t type;
	} kinds[4] = {
		{ IPCBOOK_ANY, 0 }, { IPCBOOK_EXACT, 5 }, { IPCBOOK_UPTO, 5 },
		{ IPCBOOK_NOT, 6 },
	};
	pid_t pids[8];
	char room[8];

	for (unsigned int i = 0; i < 8; i++) {
		pids[i] = child();
		if (pids[i])
			continue;
		queue_recv(q, kinds[i % 4].select, kinds[i % 4].type,
			   room, sizeof(room), 0, 0, NULL);
		_exit(1);
	}
	await_waiting(q, 8, 0);
	for (unsigned int i = 0; i < 8; i++) {
		is(sys(kill(pids[i], SIGKILL)), 0);
		is(reap(pids[i]), 128 + SIGKILL);
		is(queue_stat(q).receivers_waiting, 7 - i);
	}
	fill(q, 5, 1, 3);
	is(queue_stat(q).depth, 3);
	is(queue_stat(q).sent, 3);
	is(queue_stat(q).direct, 0);
	is(queue_stat(q).received, 0);
}

TEST(killed_senders_leave_nothing_behind)
{
	static char text[3000];
	pid_t pids[8];

	limit(2, 0, 0);
	fill(q, 1, 3, 2);
	for (unsigned int i = 0; i < 8; i++) {
		pids[i] = child();
		if (pids[i])
			continue;
		queue_send(q, 2 + i % 3, text, i % 2 ? 3000 : 3, 0, 0);
		_exit(1);
	}
	await_waiting(q, 0, 8);
	for (unsigned int i = 0; i < 8; i++) {
		is(sys(kill(pids[i], SIGKILL)), 0);
		is(reap(pids[i]), 128 + SIGKILL);
		is(queue_stat(q).senders_waiting, 7 - i);
	}
	is(queue_stat(q).sent, 2);
	is(queue_stat(q).bytes, 6);
	got(q, IPCBOOK_ANY, 0, "xxx");
	got(q, IPCBOOK_ANY, 0, "xxx");
	is_empty(q);
	works(q);
}

/* Memory that stalls whoever touches it, until its process dies. */
static void *stalling(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.mode = UFFDIO_REGISTER_MODE_MISSING,
		.range.len = sysconf(_SC_PAGESIZE),
	};
	void *memory;
	int fd;

	fd = sys(syscall(SYS_userfaultfd, O_CLOEXEC));
	is(sys(ioctl(fd, UFFDIO_API, &api)), 0);
	memory = mmap(NULL, range.range.len, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	range.range.start = (uintptr_t)memory;
	is(sys(ioctl(fd, UFFDIO_REGISTER, &range)), 0);
	return memory;
}

/* A child that receives and stalls while the message is copied to it. */
static pid_t stalled_receiver(long number)
{
	pid_t pid = child();

	if (!pid) {
		if (number == SYS_ioctl)
			queue_recv(q, IPCBOOK_EXACT, 5, stalling(), 64, 0, 0,
				   NULL);
		else
			sys(pread(q, stalling(), 64, 5));
		_exit(1);
	}
	return pid;
}

static void a_killed_receiver_gives_back(long number)
{
	struct ipcbook_queue_info info;
	char room[16];
	pid_t pid;

	limit(2, 0, 0);
	put(q, 5, "first");
	put(q, 5, "second");
	pid = stalled_receiver(number);
	await(queue_peek(q, IPCBOOK_ANY, 0, room, 16, &info) == 6);
	await_asleep(pid, number);
	is(queue_send(q, 5, "third", 5, IPCBOOK_NOWAIT, 0), -EAGAIN);
	is(queue_stat(q).received, 0);

	is(sys(kill(pid, SIGKILL)), 0);
	is(reap(pid), 128 + SIGKILL);
	is(queue_stat(q).returned, 1);
	is(queue_recv(q, IPCBOOK_EXACT, 5, room, 16, 0, 0, &info), 5);
	is(info.number, 1);
	got(q, IPCBOOK_EXACT, 5, "second");
	is_empty(q);
}

TEST(a_message_counts_until_copied_and_comes_back_from_a_killed_receiver)
{
	a_killed_receiver_gives_back(SYS_ioctl);
}

TEST(a_message_comes_back_from_a_killed_plain_read_too)
{
	a_killed_receiver_gives_back(SYS_pread64);
}

TEST(a_message_handed_to_a_receiver_that_dies_before_it_runs_comes_back)
{
	struct ipcbook_queue_info info;
	char room[8];
	pid_t pid;

	pid = child();
	if (!pid) {
		queue_recv(q, IPCBOOK_EXACT, 5, room, 8, 0, 0, NULL);
		_exit(1);
	}
	await_waiting(q, 1, 0);
	go_behind(pid);
	go_first();
	put(q, 5, "x");
	is(sys(kill(pid, SIGKILL)), 0);
	go_as_usual();
	is(reap(pid), 128 + SIGKILL);
	is(queue_stat(q).direct, 1);
	is(queue_stat(q).returned, 1);
	is(queue_recv(q, IPCBOOK_EXACT, 5, room, 8, IPCBOOK_NOWAIT, 0, &info),
	   1);
	is(info.number, 1);
}

TEST(a_message_from_a_killed_receiver_goes_to_one_that_waits)
{
	struct call *call;
	pid_t pid;

	put(q, 5, "first");
	pid = stalled_receiver(SYS_ioctl);
	await_asleep(pid, SYS_ioctl);
	call = receiver(q, IPCBOOK_EXACT, 5);
	is(sys(kill(pid, SIGKILL)), 0);
	is(reap(pid), 128 + SIGKILL);
	is(call_end(call), 5);
	is_empty(q);
}

TEST(a_receiver_killed_in_a_batch_gives_back_the_run_that_it_was_at)
{
	struct ipcbook_queue_entry entries[20];
	struct ipcbook_queue_info info;
	static char rooms[20][8];
	char room[8];
	pid_t pid;

	fill(q, 5, 1, ARRAY_SIZE(entries));
	pid = child();
	if (!pid) {
		for (unsigned int i = 0; i < ARRAY_SIZE(entries); i++)
			entries[i] = (struct ipcbook_queue_entry){
				.buf = (uintptr_t)rooms[i], .len = 8,
			};
		entries[18].buf = (uintptr_t)stalling();
		queue_recv_batch(q, IPCBOOK_EXACT, 5, entries,
				 ARRAY_SIZE(entries), 0, 0);
		_exit(1);
	}
	await(queue_peek(q, IPCBOOK_ANY, 0, room, 8, NULL) == -ENOMSG);
	await_asleep(pid, SYS_ioctl);
	is(sys(kill(pid, SIGKILL)), 0);
	is(reap(pid), 128 + SIGKILL);
	is(queue_stat(q).received, 16);
	is(queue_stat(q).returned, 4);
	for (unsigned int i = 17; i <= ARRAY_SIZE(entries); i++) {
		is(queue_recv(q, IPCBOOK_ANY, 0, room, 8, IPCBOOK_NOWAIT, 0,
			      &info), 1);
		is(info.number, i);
	}
	is_empty(q);
}

TEST(a_stalled_sender_or_receiver_holds_up_nobody)
{
	pid_t out, in;

	put(q, 5, "first");
	in = stalled_receiver(SYS_ioctl);
	await_asleep(in, SYS_ioctl);
	out = child();
	if (!out) {
		queue_send(q, 5, stalling(), 64, 0, 0);
		_exit(1);
	}
	await_asleep(out, SYS_ioctl);
	for (unsigned int i = 0; i < 10; i++) {
		put(q, 5, "other");
		got(q, IPCBOOK_EXACT, 5, "other");
	}
	kill(out, SIGKILL);
	kill(in, SIGKILL);
	is(reap(out), 128 + SIGKILL);
	is(reap(in), 128 + SIGKILL);
	is(queue_stat(q).sent, 11);
	got(q, IPCBOOK_EXACT, 5, "first");
	is_empty(q);
}

/* --- The end of a queue --------------------------------------------------- */

static long make_poll(struct call *call)
{
	struct pollfd fd = { .fd = call->fd, .events = POLLIN };
	int n = poll(&fd, 1, -1);

	return n == 1 ? fd.revents : -1;
}

/*
 * From so many types on they are found by an index, which grows: the longest
 * waiting of each type is served all the same, and a type of nobody is kept.
 */
TEST(of_many_types_each_receiver_gets_its_own_in_order)
{
	enum { TYPES = 140 };
	struct call *first[TYPES + 1], *second[3];
	char text[16];

	for (int type = 1; type <= TYPES; type++)
		first[type] = receiver(q, IPCBOOK_EXACT, type);
	for (int i = 0; i < 3; i++)
		second[i] = receiver(q, IPCBOOK_EXACT, 7);
	is(queue_stat(q).receivers_waiting, TYPES + 3);
	put(q, TYPES + 1, "nobody's");
	put(q, 7, "7");
	is(call_end(first[7]), 1);
	for (int i = 0; i < 3; i++) {
		is(second[i]->done, false);
		put(q, 7, "again");
		is(call_end(second[i]), 5);
	}
	for (int type = TYPES; type > 0; type--) {
		if (type == 7)
			continue;
		snprintf(text, sizeof(text), "%d", type);
		put(q, type, text);
		is(call_end(first[type]), strlen(text));
		is(memcmp(first[type]->room, text, strlen(text)), 0);
	}
	is(queue_stat(q).receivers_waiting, 0);
	got(q, IPCBOOK_ANY, 0, "nobody's");
	is_empty(q);
}

/*
 * Gives the line of those who refuse a type an index, and leaves it empty; the last
 * to leave refused the highest type.
 */
static void index_of_refusals(void)
{
	enum { TYPES = 33 };
	struct call *calls[TYPES];

	for (int i = 0; i < TYPES; i++)
		calls[i] = receiver(q, IPCBOOK_NOT, i < TYPES - 1 ? i + 1 : 100);
	for (int i = 0; i < TYPES; i++) {
		put(q, 200, "x");
		is(call_end(calls[i]), 1);
	}
	is(queue_stat(q).direct, TYPES);
}

TEST(who_comes_first_after_many_types_is_found_by_its_own)
{
	struct call *call;

	index_of_refusals();
	call = receiver(q, IPCBOOK_NOT, 5);
	put(q, 100, "x");
	is(queue_stat(q).receivers_waiting, 0);
	is(call_end(call), 1);
}

/* What comes back stands behind nothing that a receiver was to be given. */
TEST(what_comes_back_after_many_types_stands_where_it_was)
{
	struct call *call, *other;

	index_of_refusals();
	call = call_new(q, IPCBOOK_NOT, 5);
	call->buf = nowhere();
	call_recv(call);
	put(q, 100, "a");
	other = receiver(q, IPCBOOK_NOT, 100);
	put(q, 100, "b");
	is(call_end(call), -EFAULT);
	put(q, 100, "c");
	got(q, IPCBOOK_EXACT, 100, "a");
	got(q, IPCBOOK_EXACT, 100, "b");
	got(q, IPCBOOK_EXACT, 100, "c");
	put(q, 5, "other");
	is(call_end(other), 5);
	is_empty(q);
}

TEST(unlink_ends_every_wait)
{
	struct call *calls[6];

	limit(1, 0, 0);
	put(q, 1, "x");
	is(queue_select(q, IPCBOOK_EXACT, 9), 0);
	calls[0] = receiver(q, IPCBOOK_EXACT, 5);
	calls[1] = receiver(q, IPCBOOK_NOT, 1);
	calls[2] = call_new(q, IPCBOOK_EXACT, 6);
	call_other(calls[2], make_read, SYS_pread64);
	calls[3] = sender(q, 1, 1);
	calls[4] = call_new(q, IPCBOOK_EXACT, 1);
	call_other(calls[4], make_write, SYS_pwrite64);
	calls[5] = call_new(q, IPCBOOK_ANY, 0);
	call_other(calls[5], make_poll, SYS_poll);

	is(queue_unlink(qname), 0);
	for (unsigned int i = 0; i < 5; i++)
		is(call_end(calls[i]), -EIDRM);
	is(call_end(calls[5]) & (POLLHUP | POLLERR), POLLHUP | POLLERR);
}

TEST(after_unlink_every_call_finds_the_queue_gone)
{
	struct ipcbook_queue_entry entry = {
		.buf = (uintptr_t)qname, .len = 1, .info.type = 1,
	};
	char room[8];

	put(q, 5, "x");
	is(queue_unlink(qname), 0);
	is(queue_send(q, 5, "x", 1, 0, 0), -EIDRM);
	is(queue_recv(q, IPCBOOK_ANY, 0, room, 8, 0, 0, NULL), -EIDRM);
	is(queue_peek(q, IPCBOOK_ANY, 0, room, 8, NULL), -EIDRM);
	is(queue_recv(q, IPCBOOK_EXACT, 4, room, 8, IPCBOOK_NOWAIT, 0, NULL),
	   -EIDRM);
	is(sys(write(q, "x", 1)), -EIDRM);
	is(sys(read(q, room, 8)), -EIDRM);
	is(queue_send_batch(q, &entry, 1, 0, 0), -EIDRM);
	is(queue_recv_batch(q, IPCBOOK_ANY, 0, &entry, 1, 0, 0),
	   -EIDRM);
	is(queue_stat(q).name[0], 0);
}

TEST(a_name_can_be_used_again_at_once)
{
	int fresh;

	put(q, 5, "old");
	is(queue_unlink(qname), 0);
	is(queue_open(qname, IPCBOOK_OPEN_READ), -ENOENT);
	is(queue_unlink(qname), -ENOENT);
	fresh = queue_open(qname, IPCBOOK_OPEN_READ | IPCBOOK_OPEN_WRITE |
				  IPCBOOK_OPEN_CREATE | IPCBOOK_OPEN_EXCL);
	is_empty(fresh);
	put(fresh, 5, "new");
	got(fresh, IPCBOOK_ANY, 0, "new");
	is(queue_send(q, 5, "x", 1, 0, 0), -EIDRM);
}

TEST(close_does_not_wake_a_call_that_waits)
{
	int fd = queue_open(qname, IPCBOOK_OPEN_READ);
	struct call *call = receiver(fd, IPCBOOK_EXACT, 5);

	close(fd);
	fill(q, 6, 1, 10);
	is(queue_stat(q).receivers_waiting, 1);
	is(call->done, false);
	put(q, 5, "later");
	is(call_end(call), 5);
	assert_memory_equal(call->room, "later", 5);
}

TEST(a_queue_and_its_messages_outlive_their_processes)
{
	pid_t pid;
	int fd;

	pid = child();
	if (!pid) {
		close(q);
		put(queue_open(qname, IPCBOOK_OPEN_WRITE), 5, "left");
		_exit(0);
	}
	close(q);
	is(reap(pid), 0);
	fd = queue_open(qname, IPCBOOK_OPEN_READ | IPCBOOK_OPEN_WRITE);
	q = sys(dup(fd));
	is(queue_stat(q).descriptors, 1);
	got(q, IPCBOOK_ANY, 0, "left");
}
