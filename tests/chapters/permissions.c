// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may do what to whose objects, whole tables: users by modes by operations,
 * of every chapter. Each line "# permissions: WHAT: N" says how many pairs of a
 * question and its answer were compared.
 */
#include <ipcbook/signal.h>

#include "permissions.h"

#define MODES	01000

/* All of them; where that takes too long every seventh, which has each bit both ways. */
#define EACH_MODE(mode)							\
	for (unsigned int mode = 0, step = slow_kernel() ? 7 : 1;	\
	     mode < MODES; mode += step)

static const struct who people[] = {
	{ "the owner", 1000, 1000, 1000, 1000, 0, 0 },
	{ "the owner, in the group", 1000, 1000, 1000, 2000, 0, 0 },
	{ "in the group", 1001, 1001, 1001, 2000, 0, 0 },
	{ "in the group besides", 1002, 1002, 1002, 1002, 2000, 0 },
	{ "another", 1003, 1003, 1003, 1003, 0, 0 },
	{ "another's, run by the owner", 1000, 1003, 1000, 1003, 0, 0 },
	{ "the owner's, run by another", 1003, 1000, 1003, 1003, 0, 0 },
	{ "root", 0, 0, 0, 0, 0, ALL_CAPS },
	{ "root without capabilities", 0, 0, 0, 0, 0, 0 },
	{ "root without CAP_DAC_OVERRIDE", 0, 0, 0, 0, 0,
	  ALL_CAPS & ~CAP(DAC_OVERRIDE) },
	{ "another with CAP_DAC_OVERRIDE", 1003, 1003, 1003, 1003, 0,
	  CAP(DAC_OVERRIDE) },
	{ "another with CAP_FOWNER", 1003, 1003, 1003, 1003, 0, CAP(FOWNER) },
	{ "another with CAP_CHOWN", 1003, 1003, 1003, 1003, 0, CAP(CHOWN) },
};

/* What a mode gives: the rule for files, said once more. */
static unsigned int given(const struct who *who, unsigned int mode)
{
	if (who->caps & CAP(DAC_OVERRIDE))
		return READ | WRITE;
	if (who->euid == OWNER)
		mode >>= 6;
	else if (who->gid == GROUP || who->more == GROUP)
		mode >>= 3;
	return (mode & 4 ? READ : 0) | (mode & 2 ? WRITE : 0);
}

static void name_of(char name[IPCBOOK_NAME_LEN], unsigned int mode)
{
	snprintf(name, IPCBOOK_NAME_LEN, "may-%03o", mode);
}

/* An object of each mode; who has a pipe open lets others open it. */
static int open_of_mode[ARRAY_SIZE(named)][MODES];

static void create_modes(const struct named *of)
{
	int *fds = open_of_mode[of - named];
	char name[IPCBOOK_NAME_LEN];

	EACH_MODE(mode) {
		name_of(name, mode);
		fds[mode] = open_object(of, name, READ | WRITE | CREATE |
						  IPCBOOK_OPEN_EXCL);
		holds(fds[mode] >= 0);
		is(change_object(fds[mode], IPCBOOK_CHANGE_UID |
					    IPCBOOK_CHANGE_GID |
					    IPCBOOK_CHANGE_MODE,
				 OWNER, GROUP, mode), 0);
	}
}

static void remove_modes(const struct named *of)
{
	int *fds = open_of_mode[of - named];
	char name[IPCBOOK_NAME_LEN];

	EACH_MODE(mode) {
		name_of(name, mode);
		close(fds[mode]);
		is(unlink_object(of->chapter, name), 0);
	}
}

static void open_device(void)
{
	struct rlimit {
		unsigned long now, most;
	} limit = { 8192, 8192 };

	is(sys(syscall(SYS_prlimit64, 0, 7, &limit, NULL)), 0);
	device = keep(sys(open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC)));
	give_seconds(60);
}

/* Opens for this, and says whether that was granted. */
static bool let(const struct named *of, const char *name, unsigned int flags)
{
	long fd = open_object(of, name, flags);

	if (fd < 0) {
		is(fd, -EACCES);
		return false;
	}
	close(fd);
	return true;
}

/* How many of the objects a user gets to see. */
static int count(__attribute__((unused)) const struct ipcbook_stat *stat,
		 void *arg)
{
	*(unsigned int *)arg += !strncmp(stat->name, "may-", 4);
	return 0;
}

static unsigned int ask_modes(const struct named *of, const struct who *who)
{
	unsigned int readable = 0, listed = 0, asked = 0;
	char name[IPCBOOK_NAME_LEN];

	EACH_MODE(mode) {
		unsigned int may = given(who, mode);
		bool all = may == (READ | WRITE);

		name_of(name, mode);
		readable += !!(may & READ);
		if (let(of, name, READ) != !!(may & READ) ||
		    let(of, name, READ | WRITE) != all ||
		    let(of, name, READ | WRITE | CREATE) != all ||
		    (!of->both && let(of, name, WRITE) != !!(may & WRITE)))
			print_error("%s, %s, mode %03o\n", who->name,
				    ipcbook_chapter_name(of->chapter), mode);
		is(let(of, name, READ), !!(may & READ));
		is(let(of, name, READ | WRITE), all);
		is(let(of, name, READ | WRITE | CREATE), all);
		if (!of->both)
			is(let(of, name, WRITE), !!(may & WRITE));
		is(open_object(of, name, READ | CREATE | IPCBOOK_OPEN_EXCL),
		   -EEXIST);
		/* One more is whether it is listed. */
		asked += 5 + !of->both;
	}
	is(ipcbook_list(of->chapter, NULL, count, &listed), 0);
	is(listed, readable);
	return asked;
}

/* Runs this as everybody in turn; they tell how much they have asked. */
static unsigned int as_everybody(unsigned int (*run)(const struct who *who))
{
	unsigned int asked = 0, one;
	int ends[2];

	is(sys(pipe2(ends, O_CLOEXEC)), 0);
	for (size_t i = 0; i < ARRAY_SIZE(people); i++) {
		pid_t pid = child();

		if (!pid) {
			become_who(&people[i]);
			one = run(&people[i]);
			is(sys(write(ends[1], &one, sizeof(one))), sizeof(one));
			_exit(0);
		}
		if (reap(pid))
			print_error("as %s:\n", people[i].name);
		else
			is(sys(read(ends[0], &one, sizeof(one))), sizeof(one));
		asked += one;
	}
	close(ends[0]);
	close(ends[1]);
	return asked;
}

static unsigned int ask_all_modes(const struct who *who)
{
	unsigned int asked = 0;

	for (size_t i = 0; i < ARRAY_SIZE(named); i++)
		asked += ask_modes(&named[i], who);
	return asked;
}

BARE_TEST(every_mode_means_to_everybody_what_it_means_for_files)
{
	open_device();
	for (size_t i = 0; i < ARRAY_SIZE(named); i++)
		create_modes(&named[i]);
	print_message("# permissions: opening and listing by name: %u\n",
		      as_everybody(ask_all_modes));
	for (size_t i = 0; i < ARRAY_SIZE(named); i++)
		remove_modes(&named[i]);
}

/* --- Sockets -------------------------------------------------------------- */

static unsigned int ask_connect(const struct who *who)
{
	struct sockaddr_ipcbook address;
	char name[IPCBOOK_NAME_LEN];
	int fd = ipcbook_socket(SOCK_STREAM | SOCK_CLOEXEC);
	unsigned int asked = 0;

	holds(fd >= 0);
	EACH_MODE(mode) {
		bool may = given(who, mode) & WRITE;
		int length;

		name_of(name, mode);
		is(connect_socket(name), may ? -ECONNREFUSED : -EACCES);
		length = ipcbook_socket_address(&address, name);
		is(sys(bind(fd, (struct sockaddr *)&address, length)),
		   -EADDRINUSE);
		asked += 2;
	}
	return asked;
}

BARE_TEST(to_connect_takes_write_permission_and_to_bind_a_free_name)
{
	char name[IPCBOOK_NAME_LEN];
	int fds[MODES];

	open_device();
	EACH_MODE(mode) {
		name_of(name, mode);
		fds[mode] = bound_socket(name, mode);
		is(change_object(fds[mode],
				 IPCBOOK_CHANGE_UID | IPCBOOK_CHANGE_GID, OWNER,
				 GROUP, 0), 0);
	}
	print_message("# permissions: connecting and binding: %u\n",
		      as_everybody(ask_connect));
	EACH_MODE(mode)
		close(fds[mode]);
}

/* --- Changing and unlinking ----------------------------------------------- */

/* The descriptors that all have, of all chapters. */
static int inherited[ARRAY_SIZE(named) + 1];

static unsigned int ask_changes(const struct who *who)
{
	bool owner = who->euid == OWNER;
	bool fowner = owner || who->caps & CAP(FOWNER);
	bool chown = who->caps & CAP(CHOWN);
	unsigned int asked = 0;

	for (size_t i = 0; i < ARRAY_SIZE(inherited); i++) {
		const struct {
			bool may;
			uint32_t mask;
			uid_t uid;
			gid_t gid;
		} cases[] = {
			{ fowner, IPCBOOK_CHANGE_MODE, 0, 0 },
			{ owner || chown, IPCBOOK_CHANGE_UID, OWNER, 0 },
			{ chown, IPCBOOK_CHANGE_UID, 1003, 0 },
			{ chown, IPCBOOK_CHANGE_UID, 0, 0 },
			{ owner || chown, IPCBOOK_CHANGE_GID, 0, GROUP },
			{ (owner && who->gid == 1000) || chown,
			  IPCBOOK_CHANGE_GID, 0, 1000 },
			{ chown, IPCBOOK_CHANGE_GID, 0, 3000 },
			{ fowner && chown,
			  IPCBOOK_CHANGE_MODE | IPCBOOK_CHANGE_UID, 1003, 0 },
		};

		for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
			bool may = cases[n].may;

			is(change_object(inherited[i], cases[n].mask,
					 cases[n].uid, cases[n].gid, 0),
			   may ? 0 : -EPERM);
			/* Whoever could has changed it; as it was again. */
			if (may && chown && fowner)
				is(change_object(inherited[i], 7, OWNER, GROUP,
						 0), 0);
			else if (may && chown)
				is(change_object(inherited[i],
						 IPCBOOK_CHANGE_UID |
						 IPCBOOK_CHANGE_GID, OWNER,
						 GROUP, 0), 0);
			asked++;
		}
	}
	return asked;
}

/* Unlinks it if that may be, and says whether it was. */
static unsigned int ask_unlink(const struct who *who)
{
	bool may = who->euid == OWNER || who->caps & CAP(FOWNER);

	for (size_t i = 0; i < ARRAY_SIZE(named); i++)
		is(unlink_object(named[i].chapter, "changed"),
		   may ? 0 : -EPERM);
	is(unlink_object(IPCBOOK_SOCKET, "changed"), may ? 0 : -EPERM);
	return ARRAY_SIZE(named) + 1;
}

static void create_changed(unsigned int mode)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(named); i++) {
		unlink_object(named[i].chapter, "changed");
		inherited[i] = open_object(&named[i], "changed",
					   READ | WRITE | CREATE);
	}
	inherited[i] = bound_socket("changed", 0600);
	for (i = 0; i < ARRAY_SIZE(inherited); i++)
		is(change_object(inherited[i], 7, OWNER, GROUP, mode), 0);
}

static void close_changed(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(inherited); i++)
		close(inherited[i]);
	for (size_t i = 0; i < ARRAY_SIZE(named); i++)
		unlink_object(named[i].chapter, "changed");
}

BARE_TEST(owner_group_and_mode_are_changed_as_of_files)
{
	unsigned int asked;

	open_device();
	create_changed(0);
	asked = as_everybody(ask_changes);
	close_changed();
	/* The mode has no say in it. */
	create_changed(0777);
	asked += as_everybody(ask_changes);
	close_changed();
	print_message("# permissions: changing: %u\n", asked);
}

static unsigned int unlink_as(const struct who *who, unsigned int mode)
{
	pid_t pid;

	create_changed(mode);
	pid = child();
	if (!pid) {
		become_who(who);
		ask_unlink(who);
		_exit(0);
	}
	is(reap(pid), 0);
	close_changed();
	return ARRAY_SIZE(named) + 1;
}

BARE_TEST(the_owner_unlinks_and_who_has_cap_fowner)
{
	unsigned int asked = 0;

	open_device();
	for (size_t i = 0; i < ARRAY_SIZE(people); i++)
		asked += unlink_as(&people[i], 0) + unlink_as(&people[i], 0777);
	print_message("# permissions: unlinking: %u\n", asked);
}

/* --- Signals -------------------------------------------------------------- */

/* Real and effective user of who sends; real and saved of who is sent to. */
static const uid_t pairs[][2] = {
	{ 1000, 1000 }, { 1000, 1001 }, { 1001, 1000 }, { 1001, 1001 },
	{ 0, 1000 },    { 1000, 0 },    { 0, 1001 },    { 1001, 0 },
	{ 0, 0 },
};

static pid_t registered(const uid_t pair[2], const char *name, int ready)
{
	const struct who who = { "", pair[0], 3000, pair[1], 3000, 0, 0 };
	pid_t pid = child();

	if (!pid) {
		struct ipcbook_signal *mine;

		become_who(&who);
		is(ipcbook_signal_open(&mine), 0);
		is(ipcbook_signal_register(mine, name, NULL, 0, 0), 0);
		gate_open(ready);
		for (;;)
			pause();
	}
	return pid;
}

/* The rule of kill(2). */
static bool may_signal(const uid_t from[2], const uid_t to[2], uint64_t caps)
{
	return caps & CAP(KILL) || from[0] == to[0] || from[0] == to[1] ||
	       from[1] == to[0] || from[1] == to[1];
}

static void send_to_all(const uid_t from[2], uint64_t caps, const pid_t *pids)
{
	struct ipcbook_signal *mine;
	char name[IPCBOOK_NAME_LEN];

	is(ipcbook_signal_open(&mine), 0);
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		bool may = may_signal(from, pairs[i], caps);

		snprintf(name, sizeof(name), "to-%zu", i);
		is(ipcbook_signal_kill_name(mine, name, 34), may ? 1 : -EPERM);
		is(ipcbook_signal_kill(mine, pids[i], 7), may ? 1 : -EPERM);
		is(ipcbook_signal_kill(mine, pids[i], 0), may ? 1 : -EPERM);
		/* The kernel's own agrees. */
		is(sys(kill(pids[i], 0)), may ? 0 : -EPERM);
	}
}

BARE_TEST(who_may_signal_is_who_kill_lets)
{
	static const uint64_t caps[] = { 0, CAP(KILL), ALL_CAPS & ~CAP(KILL) };
	pid_t pids[ARRAY_SIZE(pairs)];
	char name[IPCBOOK_NAME_LEN];
	unsigned int asked = 0;
	int ready = gate();

	give_seconds(60);
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		snprintf(name, sizeof(name), "to-%zu", i);
		pids[i] = registered(pairs[i], name, ready);
		gate_pass(ready);
	}
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		for (size_t c = 0; c < ARRAY_SIZE(caps); c++) {
			const struct who who = {
				"", pairs[i][0], pairs[i][1], 4000, 4000, 0,
				caps[c],
			};
			pid_t pid = child();

			if (!pid) {
				become_who(&who);
				send_to_all(pairs[i], caps[c], pids);
				_exit(0);
			}
			is(reap(pid), 0);
			asked += 3 * ARRAY_SIZE(pairs);
		}
	print_message("# permissions: signals: %u\n", asked);
}
