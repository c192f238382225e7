// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals: who receives, who may send, how a registration begins and ends.
 */
#include <sys/socket.h>

#include "signal.h"

/* In a child: a handle of its own. */
static struct ipcbook_signal *own(void)
{
	struct ipcbook_signal *mine;

	is(ipcbook_signal_open(&mine), 0);
	return mine;
}

/* A child that registers under @name as this user, and stays until killed. */
static pid_t receiver_as(uid_t uid, const char *name, const char *group)
{
	int ready = gate();
	pid_t pid = child();

	if (!pid) {
		struct ipcbook_signal *mine;

		if (uid)
			become(uid);
		mine = own();
		is(ipcbook_signal_register(mine, name, &group, group ? 1 : 0,
					   0), 0);
		gate_open(ready);
		for (;;)
			pause();
	}
	gate_pass(ready);
	return pid;
}

static void end(pid_t pid)
{
	is(sys(kill(pid, SIGKILL)), 0);
	is(reap(pid), 128 + SIGKILL);
}

/* What a send of @number to @name by user @uid answers. */
static int sent_as(uid_t uid, const char *name, int number)
{
	pid_t pid = child();

	if (!pid) {
		become(uid);
		_exit(-ipcbook_signal_kill_name(own(), name, number) & 0xff);
	}
	return reap(pid);
}

#define SENT	(-1 & 0xff)

/* --- Names, pids and groups --------------------------------------------------- */

SIGNAL_TEST(a_process_is_reached_by_pid_and_by_name)
{
	struct ipcbook_signal *unnamed = registered(NULL, NULL, 0);

	is(ipcbook_signal_kill(s, getpid(), 40), 2);
	is(next(r), 40);
	is(next(unnamed), 40);
	is(ipcbook_signal_kill_name(s, rname, 41), 1);
	is(next(r), 41);
	is(next(unnamed), -EAGAIN);
}

SIGNAL_TEST(nobody_is_told_so)
{
	pid_t pid = child();

	if (!pid)
		_exit(0);
	is(reap(pid), 0);
	is(ipcbook_signal_kill(s, pid, 5), -ESRCH);
	is(ipcbook_signal_kill(s, 1, 5), -ESRCH);
	is(ipcbook_signal_kill_name(s, "no such name", 5), -ESRCH);
	is(ipcbook_signal_kill_group(s, "no such group", 5), -ESRCH);
	/* A name is no group, and a group no name. */
	is(ipcbook_signal_kill_group(s, rname, 5), -ESRCH);
}

SIGNAL_TEST(a_group_reaches_all_its_members_in_one_call)
{
	struct ipcbook_signal *members[100];

	for (int i = 0; i < 100; i++)
		members[i] = registered(NULL, "crowd", 0);
	is(ipcbook_signal_kill_group(s, "crowd", 50), 100);
	for (int i = 0; i < 100; i++) {
		is(next(members[i]), 50);
		is(next(members[i]), -EAGAIN);
	}
	is(next(r), -EAGAIN);
	for (int i = 0; i < 99; i++)
		close_handle(members[i]);
	is(ipcbook_signal_kill_group(s, "crowd", 50), 1);
	close_handle(members[99]);
	is(ipcbook_signal_kill_group(s, "crowd", 50), -ESRCH);
}

SIGNAL_TEST(a_registration_can_be_in_16_groups)
{
	const char *groups[17] = {};
	char names[17][8];
	struct ipcbook_signal *member = handle();

	for (int i = 0; i < 17; i++) {
		snprintf(names[i], sizeof(names[i]), "g%d", i);
		groups[i] = names[i];
	}
	is(ipcbook_signal_register(member, NULL, groups, 17, 0), -E2BIG);
	is(ipcbook_signal_register(member, NULL, groups, 16, 0), 0);
	for (int i = 0; i < 16; i++)
		is(ipcbook_signal_kill_group(s, names[i], 34), 1);
	is(ipcbook_signal_kill_group(s, "g16", 34), -ESRCH);
	for (int i = 0; i < 16; i++)
		is(next(member), 34);
}

SIGNAL_TEST(many_targets_and_numbers_go_in_one_call)
{
	const struct ipcbook_signal_target targets[] = {
		{ .pid = getpid() },
		{ .name = rname },
		{ .group = "pair" },
		{ .name = "nobody" },
	};
	static const int numbers[] = { 34, 7, 34 };
	struct ipcbook_signal *a = registered(NULL, "pair", 0);
	struct ipcbook_signal_info infos[64];
	struct ipcbook_signal_sent sent;

	/* By pid both, by name one, by group the other: four times three. */
	is(ipcbook_signal_send(s, targets, 4, numbers, 3, 0, &sent), 12);
	is(sent.arrived, 12);
	is(sent.refused, 0);
	is(ipcbook_signal_fetch(r, infos, 64), 5);
	is(infos[0].number, 7);
	is(infos[0].count, 2);
	is(ipcbook_signal_fetch(a, infos, 64), 5);
	is(infos[4].number, 34);
}

SIGNAL_TEST(a_wrong_name_behind_right_ones_sends_nothing)
{
	static const struct ipcbook_signal_target wrong[] = {
		{ .name = "a/b" }, { .group = "a/b" }, { .name = "" },
	};
	struct ipcbook_signal_target targets[2] = { { .name = rname } };

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		targets[1] = wrong[i];
		is(ipcbook_signal_send(s, targets, 2, (int[]){ 40 }, 1, 0,
				       NULL), -EINVAL);
		is(pending(), 0);
	}
}

SIGNAL_TEST(wrong_calls_of_the_library_are_refused)
{
	static const struct ipcbook_signal_target none[] = {
		{ .pid = 0 }, { .pid = -1 }, { .name = "a", .group = "b" },
		{ .pid = 1, .name = "a" }, { .name = "" }, { .name = "a/b" },
		{ .group = "" }, { .group = "a\nb" },
	};
	const struct ipcbook_signal_target target = { .name = rname };
	struct ipcbook_signal_target many[65];
	struct ipcbook_signal_sent sent;
	struct ipcbook_signal_info info;
	int numbers[65] = { 5 };
	const char *groups[2];
	char longest[IPCBOOK_NAME_LEN + 1];

	memset(longest, 'x', IPCBOOK_NAME_LEN);
	longest[IPCBOOK_NAME_LEN] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		is(ipcbook_signal_send(s, &none[i], 1, numbers, 1, 0, NULL),
		   -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = target;
	is(ipcbook_signal_send(s, many, 65, numbers, 1, 0, NULL), -E2BIG);
	is(ipcbook_signal_send(s, many, 1, numbers, 65, 0, NULL), -E2BIG);
	is(ipcbook_signal_send(s, many, 0, numbers, 1, 0, NULL), -EINVAL);
	is(ipcbook_signal_send(s, many, 1, numbers, 0, 0, NULL), -EINVAL);
	is(ipcbook_signal_send(s, many, 1, numbers, 1, 2, NULL), -EINVAL);
	is(ipcbook_signal_send(s, many, 1, numbers, 1, IPCBOOK_SIGNAL_NOACK,
			       &sent), -EINVAL);
	is(ipcbook_signal_kill_name(s, rname, -1), -EINVAL);
	is(ipcbook_signal_kill_name(s, rname, 65), -EINVAL);
	is(ipcbook_signal_kill_name(s, longest, 5), -ENAMETOOLONG);
	is(ipcbook_signal_kill_group(s, longest, 5), -ENAMETOOLONG);
	is(pending(), 0);

	is(ipcbook_signal_register(s, longest, NULL, 0, 0), -ENAMETOOLONG);
	is(ipcbook_signal_register(s, "", NULL, 0, 0), -EINVAL);
	groups[0] = "twice";
	groups[1] = "twice";
	is(ipcbook_signal_register(s, NULL, groups, 2, 0), -EINVAL);
	is(ipcbook_signal_register(r, "again", NULL, 0, 0), -EALREADY);
	/* s is not registered, still. */
	is(ipcbook_signal_fd(s), -ENOTCONN);
	is(ipcbook_signal_fetch(s, &info, 1), -ENOTCONN);
	is(ipcbook_signal_wait(s, &info, 1, 1), -ENOTCONN);
	is(ipcbook_signal_mask(s, IPCBOOK_SIGNAL_BLOCK, 1, NULL), -ENOTCONN);
	is(ipcbook_signal_pending(s, &(uint64_t){ 0 }), -ENOTCONN);
	is(ipcbook_signal_mask(r, 3, 1, NULL), -EINVAL);
	is(mask(IPCBOOK_SIGNAL_BLOCK, 0), 0);
}

/* What went wrong is told to nobody, and is in nobody's way later. */
SIGNAL_TEST(without_an_acknowledgment_nothing_is_told)
{
	const struct ipcbook_signal_target target = { .name = rname };
	const struct ipcbook_signal_target nobody = { .name = "nobody" };
	static const int numbers[] = { 34, 5 };

	is(ipcbook_signal_send(s, &target, 1, numbers, 2, IPCBOOK_SIGNAL_NOACK,
			       NULL), 0);
	is(next(r), 5);
	is(next(r), 34);
	for (int i = 0; i < 2000; i++)
		is(ipcbook_signal_send(s, &nobody, 1, numbers, 2,
				       IPCBOOK_SIGNAL_NOACK, NULL), 0);
	is(ipcbook_signal_kill_name(s, rname, 6), 1);
	is(next(r), 6);
	is(ipcbook_signal_kill_name(s, "nobody", 6), -ESRCH);
	is(next(r), -EAGAIN);
}

SIGNAL_TEST(of_a_group_the_sender_learns_who_had_no_room)
{
	const struct ipcbook_signal_target target = { .group = "mixed" };
	struct ipcbook_signal *small = registered(NULL, "mixed", 1);
	struct ipcbook_signal *large = registered(NULL, "mixed", 10);
	static const int numbers[] = { 34, 34, 34 };
	struct ipcbook_signal_info infos[64];
	struct ipcbook_signal_sent sent;

	is(ipcbook_signal_send(s, &target, 1, numbers, 3, 0, &sent), 4);
	is(sent.arrived, 4);
	is(sent.refused, 2);
	is(ipcbook_signal_fetch(small, infos, 64), 1);
	is(ipcbook_signal_fetch(large, infos, 64), 3);
}

SIGNAL_TEST(a_name_belongs_to_one_who_lives)
{
	struct ipcbook_signal *other = handle();
	pid_t pid;

	is(ipcbook_signal_register(other, rname, NULL, 0, 0), -EEXIST);
	is(strncmp(ipcbook_signal_why(other), "name", 4), 0);
	close_handle(r);
	is(ipcbook_signal_register(other, rname, NULL, 0, 0), 0);
	is(ipcbook_signal_register(other, "again", NULL, 0, 0), -EALREADY);
	pid = receiver_as(0, "mortal", NULL);
	is(ipcbook_signal_kill_name(s, "mortal", 1), 1);
	end(pid);
	is(ipcbook_signal_kill_name(s, "mortal", 1), -ESRCH);
	registered("mortal", NULL, 0);
	is(ipcbook_signal_kill_name(s, "mortal", 1), 1);
}

/* --- Permission ------------------------------------------------------------------ */

SIGNAL_TEST(the_rule_is_that_of_kill)
{
	pid_t pid = receiver_as(1001, "of1001", NULL);

	is(sent_as(1001, "of1001", 12), SENT);
	is(sent_as(1002, "of1001", 12), EPERM);
	is(sent_as(0, "of1001", 12), SENT);
	is(sent_as(1001, rname, 12), EPERM);
	is(sent_as(1001, rname, 0), EPERM);
	is(sent_as(1001, "nobody", 12), ESRCH);
	is(pending(), 0);
	end(pid);
}

/* As a thread that is another user than the rest. */
static void *send_as_another(void *arg)
{
	struct ipcbook_signal *mine = own();

	is(sys(syscall(SYS_setresuid, 1001, 1001, 1001)), 0);
	is(sys(kill(getpid(), 0)), 0);
	*(long *)arg = ipcbook_signal_kill_name(mine, rname, 12);
	ipcbook_signal_close(mine);
	return NULL;
}

SIGNAL_TEST(a_thread_may_always_send_to_its_own_process)
{
	pthread_t thread;
	long result = 0;

	is(pthread_create(&thread, NULL, send_as_another, &result), 0);
	is(pthread_join(thread, NULL), 0);
	is(result, 1);
	is(next(r), 12);
}

SIGNAL_TEST(sigcont_may_be_sent_within_a_session)
{
	pid_t pid;

	is(sent_as(1001, rname, SIGCONT), SENT);
	is(next(r), SIGCONT);
	pid = child();
	if (!pid) {
		is(sys(setsid()) > 0, 1);
		become(1001);
		_exit(-ipcbook_signal_kill_name(own(), rname, SIGCONT));
	}
	is(reap(pid), EPERM);
}

SIGNAL_TEST(of_a_group_those_are_reached_who_may_be)
{
	pid_t mine = receiver_as(1001, NULL, "both");
	struct ipcbook_signal *roots = registered(NULL, "both", 0);
	pid_t pid = child();

	if (!pid) {
		become(1001);
		is(ipcbook_signal_kill_group(own(), "both", 12), 1);
		_exit(0);
	}
	is(reap(pid), 0);
	is(next(roots), -EAGAIN);
	is(ipcbook_signal_kill_group(s, "both", 12), 2);
	end(mine);
}

/* --- Beginning and ending ------------------------------------------------------------ */

SIGNAL_TEST(closing_the_socket_unregisters)
{
	struct ipcbook_signal_entry entry;

	holds(find_entry(rname, &entry));
	close_handle(r);
	holds(!find_entry(rname, &entry));
	is(ipcbook_signal_kill_name(s, rname, 5), -ESRCH);
	is(ipcbook_signal_kill(s, getpid(), 5), -ESRCH);
}

SIGNAL_TEST(a_killed_receiver_is_gone_at_once)
{
	for (int i = 0; i < 20; i++) {
		pid_t pid = receiver_as(0, "victim", "victims");

		is(ipcbook_signal_kill_name(s, "victim", 34), 1);
		end(pid);
		is(ipcbook_signal_kill_name(s, "victim", 34), -ESRCH);
		is(ipcbook_signal_kill_group(s, "victims", 34), -ESRCH);
		is(ipcbook_signal_kill(s, pid, 34), -ESRCH);
	}
}

/* The child of one who registered holds the socket, and is not the one. */
SIGNAL_TEST(a_dead_registration_is_gone_even_if_a_child_holds_its_socket)
{
	int ready = gate(), go = gate();
	siginfo_t info;
	pid_t pid = child();

	if (!pid) {
		struct ipcbook_signal *mine = own();

		is(ipcbook_signal_register(mine, "parent", NULL, 0, 0), 0);
		if (!fork()) {
			gate_open(ready);
			gate_pass(go);
			/* Not even itself is reached through it. */
			is(ipcbook_signal_kill_name(own(), "parent", 5),
			   -ESRCH);
			gate_open(ready);
			gate_pass(go);
			_exit(0);
		}
		for (;;)
			pause();
	}
	gate_pass(ready);
	is(ipcbook_signal_kill_name(s, "parent", 5), 1);
	is(sys(kill(pid, SIGKILL)), 0);
	is(sys(waitid(P_PID, pid, &info, WEXITED | WNOWAIT)), 0);
	/* Dead, and not yet buried. */
	is(ipcbook_signal_kill_name(s, "parent", 5), -ESRCH);
	is(ipcbook_signal_kill(s, pid, 5), -ESRCH);
	is(reap(pid), 128 + SIGKILL);
	is(ipcbook_signal_kill_name(s, "parent", 5), -ESRCH);
	is(ipcbook_signal_kill(s, pid, 5), -ESRCH);
	gate_open(go);
	gate_pass(ready);
	/* The name can be had by another. */
	registered("parent", NULL, 0);
	is(ipcbook_signal_kill_name(s, "parent", 5), 1);
	gate_open(go);
}

/* A stranger gets the number of one who died, whose socket a child still has. */
SIGNAL_TEST(a_reused_pid_does_not_reach_a_stranger)
{
	int ready = gate(), go = gate();
	char text[16];
	pid_t pid, stranger;

	if (access("/proc/sys/kernel/ns_last_pid", F_OK))
		not_here("the kernel does not let the next pid be chosen");
	pid = child();
	if (!pid) {
		struct ipcbook_signal *mine = own();

		is(ipcbook_signal_register(mine, "reused", NULL, 0, 0), 0);
		if (!fork()) {
			gate_open(ready);
			gate_pass(go);
			_exit(0);
		}
		for (;;)
			pause();
	}
	gate_pass(ready);
	is(ipcbook_signal_kill(s, pid, 5), 1);
	end(pid);
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "%d", pid - 1);
		holds(spit("/proc/sys/kernel/ns_last_pid", text));
		stranger = child();
		if (!stranger) {
			for (;;)
				pause();
		}
		if (stranger == pid)
			break;
		end(stranger);
	}
	is(stranger, pid);
	is(ipcbook_signal_kill(s, pid, 5), -ESRCH);
	is(ipcbook_signal_kill_name(s, "reused", 5), -ESRCH);
	gate_open(go);
}

SIGNAL_TEST(network_namespaces_are_apart)
{
	struct ipcbook_signal *member = registered(NULL, "apart", 0);
	pid_t pid = child();

	if (!pid) {
		struct ipcbook_signal_entry entry;
		struct ipcbook_signal *mine;

		is(sys(unshare(CLONE_NEWNET)), 0);
		mine = own();
		is(ipcbook_signal_kill_name(mine, rname, 5), -ESRCH);
		is(ipcbook_signal_kill(mine, getppid(), 5), -ESRCH);
		is(ipcbook_signal_kill_group(mine, "apart", 5), -ESRCH);
		holds(!find_entry(rname, &entry));
		is(ipcbook_signal_register(mine, rname, NULL, 0, 0), 0);
		is(ipcbook_signal_kill_name(mine, rname, 5), 1);
		is(next(mine), 5);
		_exit(0);
	}
	is(reap(pid), 0);
	is(pending(), 0);
	is(ipcbook_signal_kill_name(s, rname, 6), 1);
	is(next(r), 6);
	is(next(member), -EAGAIN);
}

static void *send_everything(void *arg)
{
	struct ipcbook_signal_target targets[64] = { };
	int numbers[IPCBOOK_SIGNAL_COALESCED];

	(void)arg;
	for (int i = 0; i < 64; i++)
		targets[i].group = "many";
	for (int i = 0; i < IPCBOOK_SIGNAL_COALESCED; i++)
		numbers[i] = i + 1;
	holds(ipcbook_signal_send(s, targets, 64, numbers,
				  ARRAY_SIZE(numbers), 0, NULL) > 0);
	return NULL;
}

SIGNAL_TEST(who_registers_does_not_wait_for_all_that_one_sends)
{
	struct ipcbook_signal *first, *late;
	bool waited = true;
	pthread_t thread;

	first = registered(NULL, "many", 0);
	for (int i = 0; i < 200; i++)
		registered(NULL, "many", 0);
	/* A thread may come too late; not so often. */
	for (int i = 0; i < 10 && waited; i++) {
		while (next(first) >= 0)
			;
		is(pthread_create(&thread, NULL, send_everything, NULL), 0);
		while (!readable(ipcbook_signal_fd(first)))
			;
		/* Of what is sent to the group still, it gets its part. */
		late = registered(NULL, "many", 0);
		pthread_join(thread, NULL);
		waited = next(late) == -EAGAIN;
		close_handle(late);
	}
	holds(!waited);
}

/* --- Limits ------------------------------------------------------------------------------ */

SIGNAL_TEST(a_limit_above_the_modules_needs_a_capability)
{
	pid_t pid;

	set_parameter("signal_max_pending", 2000);
	close_handle(registered(NULL, NULL, 2001));
	is(ipcbook_signal_register(s, NULL, NULL, 0, (1U << 30) + 1), -E2BIG);
	pid = child();
	if (!pid) {
		struct ipcbook_signal *mine;

		become(1001);
		mine = own();
		is(ipcbook_signal_register(mine, NULL, NULL, 0, 2001), -E2BIG);
		is(strncmp(ipcbook_signal_why(mine), "limit", 5), 0);
		is(ipcbook_signal_register(mine, NULL, NULL, 0, 2000), 0);
		_exit(0);
	}
	is(reap(pid), 0);
}

SIGNAL_TEST(registrations_count_in_a_users_limits)
{
	pid_t pid;

	set_parameter("user_objects", 2);
	pid = child();
	if (!pid) {
		struct ipcbook_signal *mine[3];

		become(1003);
		for (int i = 0; i < 3; i++)
			mine[i] = own();
		is(ipcbook_signal_register(mine[0], NULL, NULL, 0, 0), 0);
		is(ipcbook_signal_register(mine[1], NULL, NULL, 0, 0), 0);
		is(ipcbook_signal_register(mine[2], NULL, NULL, 0, 0), -EDQUOT);
		ipcbook_signal_close(mine[0]);
		is(ipcbook_signal_register(mine[2], NULL, NULL, 0, 0), 0);
		_exit(0);
	}
	is(reap(pid), 0);
}

/* For each signal that may wait there could be memory. */
SIGNAL_TEST(a_registration_counts_with_all_that_may_wait)
{
	pid_t pid;

	set_parameter("user_bytes", 1 << 20);
	pid = child();
	if (!pid) {
		struct ipcbook_signal *mine[3];

		become(1004);
		for (int i = 0; i < 3; i++)
			mine[i] = own();
		is(ipcbook_signal_register(mine[0], NULL, NULL, 0, 1 << 15),
		   -EDQUOT);
		is(ipcbook_signal_register(mine[0], NULL, NULL, 0, 12000), 0);
		is(ipcbook_signal_register(mine[1], NULL, NULL, 0, 12000), 0);
		is(ipcbook_signal_register(mine[2], NULL, NULL, 0, 12000),
		   -EDQUOT);
		ipcbook_signal_close(mine[0]);
		is(ipcbook_signal_register(mine[2], NULL, NULL, 0, 12000), 0);
		_exit(0);
	}
	is(reap(pid), 0);
}

SIGNAL_TEST(the_list_tells_what_a_registration_is)
{
	struct ipcbook_signal_entry entry;
	static const char *const groups[] = { "one", "two" };

	close_handle(r);
	r = handle();
	is(ipcbook_signal_register(r, rname, groups, 2, 7), 0);
	mask(IPCBOOK_SIGNAL_BLOCK, SET(3));
	send_times(3, 2);
	send_times(40, 3);
	holds(find_entry(rname, &entry));
	is(entry.stat.chapter, IPCBOOK_SIGNAL);
	is(entry.stat.creator, getpid());
	is(entry.stat.max_depth, 7);
	is(entry.stat.depth, 4);
	is(entry.stat.types, 2);
	is(entry.stat.sent, 5);
	is(entry.stat.received, 0);
	is(entry.stat.sender, getpid());
	is(entry.mask, SET(3));
	is(entry.pending, SET(3) | SET(40));
	is(entry.group_count, 2);
	assert_string_equal(entry.groups[0], "one");
	assert_string_equal(entry.groups[1], "two");
	is(next(r), 40);
	is(next(r), 40);
	is(next(r), 40);
	/* The last one by the doorbell alone, of which nobody has told yet. */
	holds(find_entry(rname, &entry));
	is(entry.stat.received, 3);
	is(entry.stat.depth, 1);
	is(entry.pending, SET(3));
}
