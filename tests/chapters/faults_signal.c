// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every failure once: signals, and the rest of netlink; see faults.h. What
 * fails in a command is told by its acknowledgment: a request that could be
 * sent is not one that was done. Where there was no memory for that either, the
 * socket tells ENOBUFS, and the command was done or not.
 */
#include "netlink.h"
#include "faults.h"
#include "signal.h"

static struct request request;

/* What the last request's acknowledgment said; INT_MAX if it was lost. */
static int said;
static uint64_t cookie;
/* Signals that came in answers to it, or with the doorbell. */
static unsigned int came;

static void look_at(const char *bytes)
{
	const struct nlmsghdr *header = (const void *)bytes;
	const struct nlmsgerr *error = NLMSG_DATA(header);
	const char *at = bytes + NLMSG_HDRLEN + GENL_HDRLEN;
	const char *end = bytes + header->nlmsg_len;
	const struct nlattr *attr;

	if (header->nlmsg_type == NLMSG_ERROR) {
		said = error->error;
		at = (const char *)(error + 1);
	}
	for (; at < end; at += NLA_ALIGN(attr->nla_len)) {
		attr = (const void *)at;
		if (header->nlmsg_type == NLMSG_ERROR &&
		    attr->nla_type == NLMSGERR_ATTR_COOKIE)
			memcpy(&cookie, attr + 1, sizeof(cookie));
		if (header->nlmsg_type == family &&
		    attr->nla_type == IPCBOOK_A_SIGNALS)
			came += (attr->nla_len - NLA_HDRLEN) /
				sizeof(struct ipcbook_signal_info);
	}
}

/* Reads all that is in the socket. */
static void hear(void)
{
	static char bytes[16384];
	ssize_t n;

	said = INT32_MAX;
	cookie = 0;
	came = 0;
	for (;;) {
		n = sys(recv(raw, bytes, sizeof(bytes), MSG_DONTWAIT));
		if (n == -ENOBUFS)
			continue;
		if (n < 0)
			break;
		look_at(bytes);
	}
	is(n, -EAGAIN);
}

static long ask_it(void)
{
	return talk(&request);
}

/*
 * What became of a request: 1 it was done, 0 it was not, -1 nobody knows.
 */
static int became(long answer)
{
	hear();
	if (answer < 0) {
		is(said, INT32_MAX);
		return 0;
	}
	failed_later = said;
	if (said == INT32_MAX)
		return -1;
	if (said)
		is(said, -ENOMEM);
	return !said;
}

/* A signal of each kind arrives at the test's registration. */
static void signals_work(void)
{
	is(ipcbook_signal_kill_name(s, rname, 5), 1);
	is(ipcbook_signal_kill_name(s, rname, 45), 1);
	is(next(r), 5);
	is(next(r), 45);
	is(next(r), -EAGAIN);
}

static int fault_begin(void **state)
{
	signal_begin(state);
	raw = raw_open();
	family = find_family();
	holds(family > 0);
	return 0;
}

#define FAULT_TEST(name) TEST_BETWEEN(name, fault_begin, signal_end)

/* --- Registering ---------------------------------------------------------- */

static void ask_to_register(void)
{
	begin(&request, IPCBOOK_CMD_SIGNAL_REGISTER);
	put_text(&request, IPCBOOK_A_NAME, "faults");
	put_text(&request, IPCBOOK_A_GROUP, "faults-a");
	put_text(&request, IPCBOOK_A_GROUP, "faults-b");
}

/* By its name and its groups it is there, or by none of them. */
static void check_registered(long answer)
{
	int done = became(answer);
	int there = ipcbook_signal_kill_name(s, "faults", 40) == 1;

	if (done >= 0)
		is(there, done);
	is(ipcbook_signal_kill_group(s, "faults-a", 40), there ? 1 : -ESRCH);
	is(ipcbook_signal_kill_group(s, "faults-b", 40), there ? 1 : -ESRCH);
	drop(raw);
	is(ipcbook_signal_kill_name(s, "faults", 40), -ESRCH);
	is(ipcbook_signal_kill_group(s, "faults-a", 40), -ESRCH);
	signals_work();
	raw = raw_open();
}

FAULT_TEST(a_registration_that_fails_is_none)
{
	need_faults();
	allow(ENOBUFS, 0);
	ask_to_register();
	holds(fail_each("signal: REGISTER", ask_it, check_registered) >= 4);
}

/* --- Sending -------------------------------------------------------------- */

/* What arrived, as the sender was told, is what can be fetched. */
static void check_sent(long answer)
{
	int done = became(answer);
	struct ipcbook_signal_info infos[64];
	ssize_t count = ipcbook_signal_fetch(r, infos, 64);

	count = count == -EAGAIN ? 0 : count;
	if (done == 0)
		is(count, 0);
	if (done > 0)
		is(count, (uint32_t)cookie);
	signals_work();
	/* A new one has nothing to spare. */
	relimit(0);
}

/* The doorbell rings for whatever has arrived, be it later. */
static void check_rings(long answer)
{
	int done = became(answer);

	if (done == 0)
		is(next(r), -EAGAIN);
	if (done > 0)
		await(readable(ipcbook_signal_fd(r)));
	while (next(r) > 0)
		;
	signals_work();
	relimit(0);
}

FAULT_TEST(a_signal_whose_sending_fails_has_not_arrived)
{
	need_faults();
	allow(ENOBUFS, 0);
	begin(&request, IPCBOOK_CMD_SIGNAL_SEND);
	for (int i = 0; i < 3; i++)
		put_number(&request, IPCBOOK_A_NUMBER, 40 + i);
	put_text(&request, IPCBOOK_A_NAME, rname);
	holds(fail_each("signal: SEND of three to a name",
			ask_it, check_sent) >= 2);
	fail_each("signal: SEND, and the doorbell", ask_it, check_rings);
	begin(&request, IPCBOOK_CMD_SIGNAL_SEND);
	put_number(&request, IPCBOOK_A_NUMBER, 7);
	put_number(&request, IPCBOOK_A_PID, getpid());
	holds(fail_each("signal: SEND of one that coalesces to a pid",
			ask_it, check_sent) >= 2);
}

static struct ipcbook_signal *members[3];

static void check_group(long answer)
{
	int done = became(answer);
	unsigned int there = 0;

	for (int i = 0; i < 3; i++)
		there += next(members[i]) == 50;
	if (done == 0)
		is(there, 0);
	if (done > 0) {
		is(there, (uint32_t)cookie);
		is((uint32_t)cookie + (cookie >> 32), 3);
	}
	for (int i = 0; i < 3; i++) {
		is(next(members[i]), -EAGAIN);
		close_handle(members[i]);
		members[i] = registered(NULL, "faults", 0);
	}
	signals_work();
}

FAULT_TEST(of_a_group_the_sender_is_told_how_many_it_reached)
{
	need_faults();
	allow(ENOBUFS, 0);
	for (int i = 0; i < 3; i++)
		members[i] = registered(NULL, "faults", 0);
	begin(&request, IPCBOOK_CMD_SIGNAL_SEND);
	put_number(&request, IPCBOOK_A_NUMBER, 50);
	put_text(&request, IPCBOOK_A_GROUP, "faults");
	holds(fail_each("signal: SEND to a group", ask_it, check_group) >= 2);
}

/* --- What is asked of a registration -------------------------------------- */

/* The raw socket's own registration, with this in it. */
static void register_raw(void)
{
	ask_to_register();
	is(talk(&request), request.header.nlmsg_len);
	hear();
	is(said, 0);
}

static void fill_raw(void)
{
	for (int i = 0; i < 5; i++)
		is(ipcbook_signal_kill_name(s, "faults", 40 + i), 1);
}

/* Each signal comes once, now or with the next answer. */
static void check_fetched(long answer)
{
	struct request again;
	unsigned int n;

	became(answer);
	n = came;
	begin(&again, IPCBOOK_CMD_SIGNAL_FETCH);
	is(talk(&again), again.header.nlmsg_len);
	hear();
	is(said, 0);
	is(n + came, 5);
	signals_work();
	fill_raw();
}

static uint64_t raw_pending(void)
{
	struct ipcbook_signal_entry entry;

	holds(find_entry("faults", &entry));
	return entry.pending;
}

static void check_pending(long answer)
{
	became(answer);
	is(raw_pending(), 0x1fULL << 39);
	signals_work();
}

static void check_masked(long answer)
{
	int done = became(answer);
	struct ipcbook_signal_entry entry;
	struct request back;

	holds(find_entry("faults", &entry));
	if (done >= 0)
		is(entry.mask, done ? SET(50) : 0);
	begin(&back, IPCBOOK_CMD_SIGNAL_MASK);
	put_number(&back, IPCBOOK_A_HOW, IPCBOOK_SIGNAL_SETMASK);
	put_attr(&back, IPCBOOK_A_SET, &(uint64_t){ 0 }, sizeof(uint64_t));
	is(talk(&back), back.header.nlmsg_len);
	hear();
	is(said, 0);
	is(raw_pending(), 0x1fULL << 39);
	signals_work();
}

/* Read with the doorbell: the socket has given it away, even if in vain. */
static long read_doorbell(void)
{
	static char bytes[4096];

	return sys(recv(raw, bytes, sizeof(bytes), MSG_DONTWAIT));
}

static void check_rung(__attribute__((unused)) long answer)
{
	hear();
	signals_work();
	is(ipcbook_signal_kill_name(s, "faults", 44), 1);
}

FAULT_TEST(what_is_asked_in_vain_takes_and_changes_nothing)
{
	need_faults();
	allow(ENOBUFS, 0);
	register_raw();
	fill_raw();
	begin(&request, IPCBOOK_CMD_SIGNAL_FETCH);
	holds(fail_each("signal: FETCH", ask_it, check_fetched) >= 2);
	begin(&request, IPCBOOK_CMD_SIGNAL_PENDING);
	holds(fail_each("signal: PENDING", ask_it, check_pending) >= 2);
	begin(&request, IPCBOOK_CMD_SIGNAL_MASK);
	put_number(&request, IPCBOOK_A_HOW, IPCBOOK_SIGNAL_SETMASK);
	put_attr(&request, IPCBOOK_A_SET, &(uint64_t){ SET(50) },
		 sizeof(uint64_t));
	holds(fail_each("signal: MASK", ask_it, check_masked) >= 2);
	begin(&request, IPCBOOK_CMD_SIGNAL_FETCH);
	is(talk(&request), request.header.nlmsg_len);
	hear();
	is(ipcbook_signal_kill_name(s, "faults", 44), 1);
	fail_each("signal: recv of the doorbell", read_doorbell, check_rung);
}

/* --- Raising -------------------------------------------------------------- */

static void ask_to_raise(int number)
{
	begin(&request, IPCBOOK_CMD_SIGNAL_RAISE);
	put_number(&request, IPCBOOK_A_FD, q);
	put_number(&request, IPCBOOK_A_EVENTS, IPCBOOK_READY_IN);
	put_number(&request, IPCBOOK_A_NUMBER, number);
}

/* The queue raises it, or does not. */
static void check_raised(long answer)
{
	int done = became(answer);

	put(q, 5, "ready");
	if (done > 0)
		await(raw_pending() & SET(40));
	if (done == 0)
		is(raw_pending(), 0);
	drain(q);
	ask_to_raise(0);
	is(talk(&request), request.header.nlmsg_len);
	hear();
	is(said, 0);
	begin(&request, IPCBOOK_CMD_SIGNAL_FETCH);
	is(talk(&request), request.header.nlmsg_len);
	hear();
	ask_to_raise(40);
	works(q);
}

static int raise_begin(void **state)
{
	fixture_queue(state);
	fault_begin(state);
	return 0;
}

TEST_BETWEEN(a_raise_that_fails_is_not_raised, raise_begin, signal_end)
{
	need_faults();
	allow(ENOBUFS, 0);
	register_raw();
	ask_to_raise(40);
	holds(fail_each("signal: RAISE", ask_it, check_raised) >= 2);
}

/* --- Listing and watching ------------------------------------------------- */

static void check_listed(__attribute__((unused)) long answer)
{
	struct ipcbook_signal_entry entry;

	/* The dump goes on as it is read. */
	hear();
	holds(find_entry(rname, &entry));
	signals_work();
}

FAULT_TEST(a_dump_that_fails_does_no_harm)
{
	need_faults();
	allow(ENOBUFS, 0);
	begin(&request, IPCBOOK_CMD_OBJECT_GET);
	request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	holds(fail_each("netlink: OBJECT_GET", ask_it, check_listed) >= 1);
}

static int device = -1;

static long create_watched(void)
{
	struct ipcbook_open arg = {
		.size = sizeof(arg),
		.chapter = IPCBOOK_QUEUE,
		.flags = READ | WRITE | CREATE | IPCBOOK_OPEN_CLOEXEC,
		.name = "faults",
		.mode = 0666,
	};

	return ask(device, IPCBOOK_IOC_OPEN, &arg);
}

static int watching = -1;

/* Who watches gets the event, or ENOBUFS, which says that some are missing. */
static void check_watched(long answer)
{
	static char bytes[4096];
	unsigned int events = 0;
	bool told = false;
	ssize_t n;

	for (;;) {
		n = sys(recv(watching, bytes, sizeof(bytes), MSG_DONTWAIT));
		if (n == -EAGAIN)
			break;
		told |= n == -ENOBUFS;
		events += n > 0;
	}
	if (answer >= 0) {
		holds(events == 1 || told);
		close(answer);
		is(queue_unlink("faults"), 0);
	}
	while (recv(watching, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
}

FAULT_TEST(who_watches_is_told_what_there_was_no_memory_for)
{
	const struct sockaddr_nl here = { .nl_family = AF_NETLINK };
	int group;

	need_faults();
	device = keep(sys(open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC)));
	watching = raw_open();
	is(sys(bind(watching, (const struct sockaddr *)&here, sizeof(here))),
	   0);
	group = find_group(IPCBOOK_GENL_GROUP_OBJECTS);
	holds(group > 0);
	is(sys(setsockopt(watching, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP,
			  &group, sizeof(group))), 0);
	holds(fail_each("queue: OPEN, creating, while it is watched",
			create_watched, check_watched) >= 1);
}
