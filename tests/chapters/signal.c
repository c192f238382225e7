// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals: what is sent, what is received, in which order, and what stays.
 */
#include <sched.h>
#include <sys/socket.h>

#include "signal.h"

/* --- One signal ------------------------------------------------------------ */

SIGNAL_TEST(a_signal_tells_its_number_and_its_sender)
{
	struct ipcbook_signal_info info;

	is(next(r), -EAGAIN);
	is(ipcbook_signal_kill(s, getpid(), 15), 1);
	is(ipcbook_signal_fetch(r, &info, 1), 1);
	is(info.number, 15);
	is(info.count, 1);
	is(info.pid, getpid());
	is(info.uid, geteuid());
	is(info.object, 0);
	is(next(r), -EAGAIN);
}

SIGNAL_TEST(every_number_arrives)
{
	for (int number = 1; number <= 64; number++) {
		is(ipcbook_signal_kill_name(s, rname, number), 1);
		is(next(r), number);
	}
	is(next(r), -EAGAIN);
}

SIGNAL_TEST(zero_only_asks)
{
	is(ipcbook_signal_kill_name(s, rname, 0), 1);
	is(ipcbook_signal_kill(s, getpid(), 0), 1);
	is(next(r), -EAGAIN);
	is(pending(), 0);
	is(ipcbook_signal_kill_name(s, "nobody", 0), -ESRCH);
}

SIGNAL_TEST(a_sender_is_seen_as_its_receiver_sees_it)
{
	struct ipcbook_signal_entry entry;
	struct ipcbook_signal_info info;
	pid_t pid;

	send_times(10, 1);
	is(next(r), 10);
	pid = child();
	if (!pid) {
		struct ipcbook_signal *mine;

		/* Who may send to root is root: only the effective user changes. */
		is(sys(setresuid(0, 1001, 0)), 0);
		is(ipcbook_signal_open(&mine), 0);
		is(ipcbook_signal_kill_name(mine, rname, 40), 1);
		_exit(0);
	}
	is(reap(pid), 0);
	holds(find_entry(rname, &entry));
	is(entry.stat.sender, pid);
	is(ipcbook_signal_fetch(r, &info, 1), 1);
	is(info.pid, pid);
	is(info.uid, 1001);
}

SIGNAL_TEST(a_sender_outside_of_the_pid_namespace_is_nobody)
{
	int ready = gate(), go = gate();
	pid_t pid;

	pid = child_in(CLONE_NEWPID);
	if (!pid) {
		struct ipcbook_signal_info info;
		struct ipcbook_signal *mine;

		is(ipcbook_signal_open(&mine), 0);
		is(ipcbook_signal_register(mine, NULL, NULL, 0, 0), 0);
		/* It is 1 there, and reaches itself by that. */
		is(ipcbook_signal_kill(mine, 1, 5), 1);
		is(ipcbook_signal_fetch(mine, &info, 1), 1);
		is(info.pid, 1);
		gate_open(ready);
		gate_pass(go);
		is(ipcbook_signal_wait(mine, &info, 1, 0), 1);
		is(info.number, 7);
		is(info.pid, 0);
		_exit(0);
	}
	gate_pass(ready);
	is(ipcbook_signal_kill(s, pid, 7), 1);
	gate_open(go);
	is(reap(pid), 0);
}

/* Its user is told as the receiver knows it; 65534 is one that it does not. */
SIGNAL_TEST(a_sender_is_told_by_the_receiver_s_user_namespace)
{
	int mapped = gate(), ready = gate(), go = gate();
	char path[64];
	pid_t pid;

	pid = child_in(CLONE_NEWUSER);
	if (!pid) {
		struct ipcbook_signal_info info;
		struct ipcbook_signal *mine;

		gate_pass(mapped);
		is(sys(setresuid(0, 0, 0)), 0);
		is(ipcbook_signal_open(&mine), 0);
		is(ipcbook_signal_register(mine, NULL, NULL, 0, 0), 0);
		gate_open(ready);
		gate_pass(go);
		is(ipcbook_signal_fetch(mine, &info, 1), 1);
		is(info.uid, 65534);
		gate_open(ready);
		gate_pass(go);
		is(ipcbook_signal_fetch(mine, &info, 1), 1);
		is(info.uid, 0);
		_exit(0);
	}
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	holds(spit(path, "0 1000 1"));
	gate_open(mapped);
	gate_pass(ready);
	is(ipcbook_signal_kill(s, pid, 7), 1);
	gate_open(go);
	gate_pass(ready);
	is(sys(setresuid(-1, 1000, -1)), 0);
	is(ipcbook_signal_kill(s, pid, 8), 1);
	is(sys(setresuid(-1, 0, -1)), 0);
	gate_open(go);
	is(reap(pid), 0);
}

/* --- Coalescing and queueing ---------------------------------------------- */

SIGNAL_TEST(up_to_31_coalesce_and_are_counted)
{
	struct ipcbook_signal_info infos[64];

	for (int number = 1; number <= 31; number++)
		send_times(number, number);
	is(ipcbook_signal_fetch(r, infos, 64), 31);
	for (int i = 0; i < 31; i++) {
		is(infos[i].number, i + 1);
		is(infos[i].count, i + 1);
	}
	is(next(r), -EAGAIN);
	send_times(1, 1);
	is(ipcbook_signal_fetch(r, infos, 64), 1);
	is(infos[0].count, 1);
}

SIGNAL_TEST(from_32_up_they_queue)
{
	struct ipcbook_signal_info infos[64];

	for (int number = 32; number <= 64; number++)
		send_times(number, 3);
	for (int number = 32; number <= 64; number++) {
		is(ipcbook_signal_fetch(r, infos, 3), 3);
		for (int i = 0; i < 3; i++) {
			is(infos[i].number, number);
			is(infos[i].count, 1);
		}
	}
	is(next(r), -EAGAIN);
}

SIGNAL_TEST(the_lowest_number_comes_first)
{
	static const int sent[] = { 64, 34, 10, 33, 1, 34, 9, 50 };
	static const int received[] = { 1, 9, 10, 33, 34, 34, 50, 64 };

	for (size_t i = 0; i < ARRAY_SIZE(sent); i++)
		send_times(sent[i], 1);
	for (size_t i = 0; i < ARRAY_SIZE(received); i++)
		is(next(r), received[i]);
	is(next(r), -EAGAIN);
}

/* A lower one that comes later overtakes, also one that was told already. */
SIGNAL_TEST(what_was_not_read_yet_can_be_overtaken)
{
	int fd = ipcbook_signal_fd(r);

	send_times(40, 1);
	holds(readable(fd));
	send_times(5, 1);
	is(next(r), 5);
	holds(readable(fd));
	send_times(3, 1);
	is(next(r), 3);
	is(next(r), 40);
	is(next(r), -EAGAIN);
	holds(!readable(fd));
}

/* Three processes take turns; what each sent keeps its place. */
SIGNAL_TEST(within_a_number_order_of_arrival_holds)
{
	struct ipcbook_signal_info infos[30];
	pid_t pids[30];

	for (int i = 0; i < 30; i++) {
		pids[i] = child();
		if (!pids[i]) {
			struct ipcbook_signal *mine;

			is(ipcbook_signal_open(&mine), 0);
			for (int n = 0; n <= i % 3; n++)
				is(ipcbook_signal_kill_name(mine, rname, 35),
				   1);
			_exit(0);
		}
		is(reap(pids[i]), 0);
	}
	for (int i = 0; i < 30; i++) {
		is(ipcbook_signal_fetch(r, infos, i % 3 + 1), i % 3 + 1);
		for (int n = 0; n <= i % 3; n++)
			is(infos[n].pid, pids[i]);
	}
	is(next(r), -EAGAIN);
}

SIGNAL_TEST(of_those_that_coalesce_the_first_sender_is_told)
{
	struct ipcbook_signal_info info;
	pid_t pid = child();

	if (!pid) {
		struct ipcbook_signal *mine;

		is(ipcbook_signal_open(&mine), 0);
		is(ipcbook_signal_kill_name(mine, rname, 12), 1);
		_exit(0);
	}
	is(reap(pid), 0);
	send_times(12, 2);
	is(ipcbook_signal_fetch(r, &info, 1), 1);
	is(info.count, 3);
	is(info.pid, pid);
}

SIGNAL_TEST(a_fetch_gives_no_more_than_64)
{
	struct ipcbook_signal_info infos[100];

	send_times(34, 100);
	is(ipcbook_signal_fetch(r, infos, 100), 64);
	is(ipcbook_signal_fetch(r, infos, 30), 30);
	is(ipcbook_signal_fetch(r, infos, 100), 6);
	is(ipcbook_signal_fetch(r, infos, 100), -EAGAIN);
	is(ipcbook_signal_fetch(r, infos, 0), -EINVAL);
}

/* --- The limit -------------------------------------------------------------- */

SIGNAL_TEST(past_the_limit_the_sender_is_told)
{
	struct ipcbook_signal_entry entry;

	relimit(3);
	send_times(34, 2);
	send_times(64, 1);
	is(ipcbook_signal_kill_name(s, rname, 34), -EAGAIN);
	is(ipcbook_signal_kill_name(s, rname, 50), -EAGAIN);
	/* Those that coalesce need no room. */
	for (int number = 1; number <= 31; number++)
		is(ipcbook_signal_kill_name(s, rname, number), 1);
	holds(find_entry(rname, &entry));
	is(entry.stat.depth, 34);
	is(entry.stat.max_depth, 3);
	is(entry.stat.refused, 2);
	is(entry.stat.sent, 34);
	for (int number = 1; number <= 31; number++)
		is(next(r), number);
	is(next(r), 34);
	is(ipcbook_signal_kill_name(s, rname, 50), 1);
	is(ipcbook_signal_kill_name(s, rname, 50), -EAGAIN);
	is(next(r), 34);
	is(next(r), 50);
	is(next(r), 64);
	is(next(r), -EAGAIN);
}

SIGNAL_TEST(a_signal_that_was_told_counts_until_it_is_read)
{
	relimit(1);
	send_times(34, 1);
	is(ipcbook_signal_kill_name(s, rname, 34), -EAGAIN);
	is(next(r), 34);
	send_times(34, 1);
	is(next(r), 34);
}

/* Each of 100,000 is accounted for, although nobody reads meanwhile. */
SIGNAL_TEST(a_sleeper_loses_nothing_in_a_flood)
{
	static unsigned int sent[65], received[65];
	struct ipcbook_signal_target target = { .name = rname };
	struct ipcbook_signal_info infos[64];
	unsigned int random = 12345, falls = 0;
	int numbers[50];
	ssize_t count;

	give_seconds(180);
	set_parameter("signal_max_pending", 100000);
	relimit(100000);
	for (int i = 0; i < 100000 / 50; i++) {
		for (int n = 0; n < 50; n++) {
			random = random * 1103515245 + 12345;
			numbers[n] = 1 + (random >> 16) % 64;
			sent[numbers[n]]++;
		}
		is(ipcbook_signal_send(s, &target, 1, numbers, 50, 0, NULL),
		   50);
	}
	while ((count = ipcbook_signal_fetch(r, infos, 64)) > 0) {
		for (ssize_t i = 0; i < count; i++) {
			received[infos[i].number] += infos[i].count;
			falls += infos[i].number < 32;
			if (infos[i].number >= 32)
				is(infos[i].count, 1);
		}
	}
	is(count, -EAGAIN);
	is(falls, 31);
	for (int number = 1; number <= 64; number++)
		is(received[number], sent[number]);
}

static uint64_t memory(void)
{
	struct ipcbook_signal_entry entry;

	holds(find_entry(rname, &entry));
	return entry.stat.memory;
}

/* Each of another sender than the one before takes memory, of which some is kept. */
SIGNAL_TEST(what_was_received_gives_its_memory_back)
{
	enum { TIMES = 200, KEPT = 64 };
	uint64_t first = memory(), each;
	struct ipcbook_signal_info info;

	for (int i = 0; i < TIMES; i++) {
		is(sys(setresuid(-1, i % 2 ? 1001 : 0, -1)), 0);
		send_times(34, 1);
	}
	is(sys(setresuid(-1, 0, -1)), 0);
	each = (memory() - first) / TIMES;
	holds(each > 0);
	is(memory(), first + TIMES * each);
	for (int i = 0; i < TIMES; i++) {
		is(ipcbook_signal_fetch(r, &info, 1), 1);
		is(info.uid, i % 2 ? 1001 : 0);
	}
	is(next(r), -EAGAIN);
	is(memory(), first + KEPT * each);
}

/* --- Mask and pending -------------------------------------------------------- */

SIGNAL_TEST(a_masked_signal_stays_pending)
{
	int fd = ipcbook_signal_fd(r);

	is(mask(IPCBOOK_SIGNAL_BLOCK, SET(10) | SET(34)), 0);
	send_times(10, 2);
	send_times(34, 2);
	holds(!readable(fd));
	is(next(r), -EAGAIN);
	is(pending(), SET(10) | SET(34));
	send_times(12, 1);
	holds(readable(fd));
	is(next(r), 12);
	is(next(r), -EAGAIN);
	is(mask(IPCBOOK_SIGNAL_UNBLOCK, SET(34)), SET(10) | SET(34));
	holds(readable(fd));
	is(next(r), 34);
	is(next(r), 34);
	is(next(r), -EAGAIN);
	is(mask(IPCBOOK_SIGNAL_SETMASK, 0), SET(10));
	is(next(r), 10);
	is(pending(), 0);
}

SIGNAL_TEST(what_was_told_but_not_read_can_still_be_masked)
{
	int fd = ipcbook_signal_fd(r);

	send_times(10, 1);
	holds(readable(fd));
	mask(IPCBOOK_SIGNAL_BLOCK, SET(10));
	holds(!readable(fd));
	is(next(r), -EAGAIN);
	is(pending(), SET(10));
	send_times(10, 1);
	mask(IPCBOOK_SIGNAL_UNBLOCK, SET(10));
	holds(readable(fd));
	is(next(r), 10);
}

SIGNAL_TEST(looking_at_what_is_pending_takes_nothing)
{
	is(pending(), 0);
	send_times(5, 1);
	send_times(64, 1);
	send_times(1, 1);
	for (int i = 0; i < 3; i++)
		is(pending(), SET(1) | SET(5) | SET(64));
	is(next(r), 1);
	is(pending(), SET(5) | SET(64));
	is(next(r), 5);
	is(pending(), SET(64));
	is(next(r), 64);
	is(pending(), 0);
}

SIGNAL_TEST(nine_and_nineteen_cannot_be_masked)
{
	const uint64_t rest = ALL & ~SET(9) & ~SET(19);

	mask(IPCBOOK_SIGNAL_SETMASK, ALL);
	is(mask(IPCBOOK_SIGNAL_BLOCK, ALL), rest);
	is(mask(IPCBOOK_SIGNAL_BLOCK, 0), rest);
	for (int number = 1; number <= 64; number++)
		send_times(number, 1);
	is(next(r), 9);
	is(next(r), 19);
	is(next(r), -EAGAIN);
	is(pending(), rest);
}

SIGNAL_TEST(the_mask_belongs_to_one_registration)
{
	struct ipcbook_signal *other = registered(NULL, NULL, 0);

	mask(IPCBOOK_SIGNAL_BLOCK, SET(3));
	is(ipcbook_signal_kill(s, getpid(), 3), 2);
	is(next(other), 3);
	is(next(r), -EAGAIN);
}

/* --- Waiting ------------------------------------------------------------------ */

static long wait_once(struct call *call)
{
	struct ipcbook_signal_info info;
	ssize_t count = ipcbook_signal_wait(r, &info, 1, call->deadline);

	return count == 1 ? (long)info.number : count;
}

SIGNAL_TEST(a_receiver_sleeps_until_a_signal_comes)
{
	struct call *call = call_new(-1, IPCBOOK_ANY, 0);

	call_other(call, wait_once, SYS_ppoll);
	send_times(21, 1);
	is(call_end(call), 21);
}

SIGNAL_TEST(a_masked_signal_wakes_nobody)
{
	struct call *call = call_new(-1, IPCBOOK_ANY, 0);

	mask(IPCBOOK_SIGNAL_BLOCK, SET(21));
	call_other(call, wait_once, SYS_ppoll);
	send_times(21, 5);
	await_asleep(call->tid, SYS_ppoll);
	send_times(22, 1);
	is(call_end(call), 22);
}

SIGNAL_TEST(a_wait_ends_at_its_deadline)
{
	struct ipcbook_signal_info info;
	uint64_t deadline = ipcbook_deadline(20 * MSEC);

	is(ipcbook_signal_wait(r, &info, 1, deadline), -ETIMEDOUT);
	holds(ipcbook_deadline(0) >= deadline);
	is(ipcbook_signal_wait(r, &info, 1, 1), -ETIMEDOUT);
	send_times(2, 1);
	is(ipcbook_signal_wait(r, &info, 1, 1), 1);
	is(info.number, 2);
}

static void nothing(int number)
{
	(void)number;
}

SIGNAL_TEST(a_signal_of_the_kernel_s_interrupts_a_wait)
{
	struct sigaction action = { .sa_handler = nothing };
	struct call *call = call_new(-1, IPCBOOK_ANY, 0);

	is(sys(sigaction(SIGUSR1, &action, NULL)), 0);
	call_other(call, wait_once, SYS_ppoll);
	pthread_kill(call->thread, SIGUSR1);
	is(call_end(call), -EINTR);
	send_times(SIGUSR1, 1);
	is(next(r), SIGUSR1);
}

/* --- The doorbell, as poll sees it --------------------------------------------- */

SIGNAL_TEST(the_descriptor_is_readable_as_long_as_something_is_there)
{
	struct ipcbook_signal_info infos[64];
	int fd = ipcbook_signal_fd(r);

	holds(!readable(fd));
	send_times(34, 3);
	for (int i = 0; i < 3; i++) {
		holds(readable(fd));
		is(next(r), 34);
	}
	holds(!readable(fd));
	send_times(34, 100);
	is(ipcbook_signal_fetch(r, infos, 64), 64);
	holds(readable(fd));
	is(ipcbook_signal_fetch(r, infos, 64), 36);
	holds(!readable(fd));
}

/* At most one message, however much is sent. */
SIGNAL_TEST(at_most_one_doorbell_is_unread)
{
	int fd = ipcbook_signal_fd(r);
	char buffer[4096];

	send_times(34, 50);
	send_times(5, 50);
	holds(recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0);
	is(sys(recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT)), -EAGAIN);
}

/* And one again as soon as it was read, be it that nobody fetched what it told. */
SIGNAL_TEST(a_doorbell_that_was_read_is_hung_up_again_once)
{
	struct ipcbook_signal_info infos[64];
	int fd = ipcbook_signal_fd(r);
	char buffer[4096];

	for (int i = 0; i < 3; i++) {
		send_times(34, 5);
		holds(recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0);
		is(sys(recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT)),
		   -EAGAIN);
	}
	/* As after every answer. */
	is(pending(), SET(34));
	holds(readable(fd));
	/* Whatever comes hangs it up, if something can be received. */
	mask(IPCBOOK_SIGNAL_BLOCK, SET(10));
	holds(recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0);
	holds(!readable(fd));
	send_times(10, 1);
	holds(readable(fd));
	is(ipcbook_signal_fetch(r, infos, 64), 15);
	is(next(r), -EAGAIN);
}

/* One who only peeks keeps what he saw, and takes nothing. */
SIGNAL_TEST(peeking_at_the_doorbell_takes_nothing)
{
	int fd = ipcbook_signal_fd(r);
	char buffer[4096];

	send_times(34, 1);
	holds(recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_PEEK) > 0);
	is(pending(), SET(34));
	send_times(5, 1);
	is(next(r), 5);
	is(next(r), 34);
}

/* --- Handlers ------------------------------------------------------------------- */

static unsigned int handled[65];

static void note(const struct ipcbook_signal_info *info, void *arg)
{
	is(info->number, (uintptr_t)arg);
	handled[info->number] += info->count;
}

SIGNAL_TEST(a_handler_is_called_for_its_signal)
{
	memset(handled, 0, sizeof(handled));
	is(ipcbook_signal_action(r, 10, note, (void *)10), 0);
	is(ipcbook_signal_action(r, 34, note, (void *)34), 0);
	send_times(34, 3);
	send_times(10, 4);
	send_times(11, 1);
	is(ipcbook_signal_dispatch(r, 0), 5);
	is(handled[10], 4);
	is(handled[34], 3);
	is(handled[11], 0);
	is(ipcbook_signal_dispatch(r, 1), -ETIMEDOUT);
	is(ipcbook_signal_action(r, 10, NULL, NULL), 0);
	send_times(10, 1);
	is(ipcbook_signal_dispatch(r, 0), 1);
	is(handled[10], 4);
	is(ipcbook_signal_action(r, 0, note, NULL), -EINVAL);
	is(ipcbook_signal_action(r, 65, note, NULL), -EINVAL);
}

/* --- The story's page ------------------------------------------------------------ */

/*
 * The thin program waits, the fat one has something for it. The thin one learns
 * that something happened, and who did it. What it was can be put into no call:
 * neither a send nor what is received has room for it.
 */
SIGNAL_TEST(the_story_thin_learns_that_something_happened)
{
	struct ipcbook_signal_info info;
	int ready = gate();
	pid_t fat, thin = child();

	if (!thin) {
		struct ipcbook_signal *mine;

		is(ipcbook_signal_open(&mine), 0);
		is(ipcbook_signal_register(mine, "thin", NULL, 0, 0), 0);
		gate_open(ready);
		is(ipcbook_signal_wait(mine, &info, 1, 0), 1);
		is(info.number, SIGUSR1);
		is(info.count, 1);
		holds(info.pid != 0);
		/* Number, count, sender, and nothing else. */
		is(sizeof(info), 4 * sizeof(__u32) + sizeof(__u64));
		is(info.object, 0);
		_exit(0);
	}
	gate_pass(ready);
	fat = child();
	if (!fat) {
		struct ipcbook_signal *mine;

		is(ipcbook_signal_open(&mine), 0);
		is(ipcbook_signal_kill_name(mine, "thin", SIGUSR1), 1);
		_exit(0);
	}
	is(reap(fat), 0);
	is(reap(thin), 0);
}
