// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals: wrong requests, by plain netlink. Each is refused with the errno that
 * is documented and an extended ack that names the attribute; nothing happens.
 * And 100,000 random and mutated ones, after which all works as before.
 */
#include "netlink.h"
#include "signal.h"

#define refused(request, offset, errno_) do {				\
	int wrong_, missing_, offset_ = offset;				\
	is(answer(request, &wrong_, &missing_), -(errno_));		\
	is(wrong_, offset_);						\
} while (0)

#define misses(request, type) do {					\
	int wrong_, missing_;						\
	is(answer(request, &wrong_, &missing_), -EINVAL);		\
	is(missing_, type);						\
} while (0)

#define accepted(request) do {						\
	int wrong_, missing_;						\
	is(answer(request, &wrong_, &missing_), 0);			\
} while (0)

static int raw_begin(void **state)
{
	signal_begin(state);
	raw = raw_open();
	family = find_family();
	holds(family > 0);
	return 0;
}

#define RAW_TEST(name) TEST_BETWEEN(name, raw_begin, signal_end)

/*
 * The number that the module's answer to a request has in its attribute of this
 * type; -1 if it has none.
 */
static int64_t told(const struct request *request, int type)
{
	const struct genlmsghdr *asked = NLMSG_DATA(&request->header);
	const struct genlmsghdr *genl;
	struct request got = {};
	const struct nlattr *attr;
	int64_t number = -1;
	int wrong, missing;

	is(talk(request), request->header.nlmsg_len);
	genl = NLMSG_DATA(&got.header);
	do
		holds(recv(raw, &got, sizeof(got), 0) > 0);
	while (got.header.nlmsg_type != family || genl->cmd != asked->cmd);
	for (size_t at = NLMSG_HDRLEN + GENL_HDRLEN;
	     at < got.header.nlmsg_len; at += NLA_ALIGN(attr->nla_len)) {
		attr = (const struct nlattr *)(got.bytes + at);
		if (attr->nla_type == type)
			number = *(const uint32_t *)(attr + 1);
	}
	is(acknowledged(&wrong, &missing), 0);
	return number;
}

RAW_TEST(a_send_without_number_or_target_says_what_is_missing)
{
	struct request request;

	begin(&request, IPCBOOK_CMD_SIGNAL_SEND);
	misses(&request, IPCBOOK_A_NUMBER);
	put_number(&request, IPCBOOK_A_NUMBER, 5);
	misses(&request, IPCBOOK_A_PID);
	put_number(&request, IPCBOOK_A_PID, getpid());
	accepted(&request);
	is(next(r), 5);
}

RAW_TEST(a_value_out_of_range_is_named)
{
	static const struct {
		int type;
		uint32_t value;
	} cases[] = {
		{ IPCBOOK_A_NUMBER, 65 },   { IPCBOOK_A_NUMBER, UINT32_MAX },
		{ IPCBOOK_A_PID, 0 },       { IPCBOOK_A_HOW, 3 },
		{ IPCBOOK_A_COUNT, 0 },     { IPCBOOK_A_COUNT, 65 },
		{ IPCBOOK_A_LIMIT, 0 },     { IPCBOOK_A_EVENTS, 0 },
		{ IPCBOOK_A_EVENTS, 3 },    { IPCBOOK_A_CHAPTER, 0 },
		{ IPCBOOK_A_CHAPTER, 8 },
	};
	struct request request;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (int cmd = IPCBOOK_CMD_SIGNAL_REGISTER;
		     cmd <= IPCBOOK_CMD_SIGNAL_RAISE; cmd++) {
			begin(&request, cmd);
			refused(&request, put_number(&request, cases[i].type,
						     cases[i].value), ERANGE);
		}
}

RAW_TEST(an_attribute_of_the_wrong_length_is_named)
{
	static const int types[] = {
		IPCBOOK_A_NUMBER, IPCBOOK_A_PID, IPCBOOK_A_HOW, IPCBOOK_A_SET,
		IPCBOOK_A_COUNT, IPCBOOK_A_LIMIT, IPCBOOK_A_FD,
		IPCBOOK_A_EVENTS,
	};
	struct request request;
	int wrong, missing;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		for (size_t length = 0; length < 16; length++) {
			if (length == (types[i] == IPCBOOK_A_SET ? 8 : 4))
				continue;
			begin(&request, IPCBOOK_CMD_SIGNAL_SEND);
			put_attr(&request, types[i],
				 "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0", length);
			holds(answer(&request, &wrong, &missing) < 0);
			is(wrong, NLMSG_HDRLEN + GENL_HDRLEN);
		}
}

RAW_TEST(an_attribute_of_another_command_is_refused)
{
	static const unsigned int takes[] = {
		[IPCBOOK_CMD_SIGNAL_REGISTER] = 1 << IPCBOOK_A_NAME |
			1 << IPCBOOK_A_GROUP | 1 << IPCBOOK_A_LIMIT,
		[IPCBOOK_CMD_SIGNAL_SEND] = 1 << IPCBOOK_A_NAME |
			1 << IPCBOOK_A_GROUP | 1 << IPCBOOK_A_PID |
			1 << IPCBOOK_A_NUMBER,
		[IPCBOOK_CMD_SIGNAL_FETCH] = 1 << IPCBOOK_A_COUNT,
		[IPCBOOK_CMD_SIGNAL_MASK] = 1 << IPCBOOK_A_HOW |
			1 << IPCBOOK_A_SET,
		[IPCBOOK_CMD_SIGNAL_PENDING] = 0,
		[IPCBOOK_CMD_SIGNAL_RAISE] = 1 << IPCBOOK_A_FD |
			1 << IPCBOOK_A_NUMBER | 1 << IPCBOOK_A_EVENTS,
	};
	struct request request;
	int offset, wrong, missing;

	for (int cmd = IPCBOOK_CMD_SIGNAL_REGISTER;
	     cmd <= IPCBOOK_CMD_SIGNAL_RAISE; cmd++)
		for (int type = 1; type <= IPCBOOK_A_MAX + 3; type++) {
			if (type <= IPCBOOK_A_MAX && takes[cmd] >> type & 1)
				continue;
			begin(&request, cmd);
			if (type == IPCBOOK_A_NAME || type == IPCBOOK_A_GROUP)
				offset = put_text(&request, type, "x");
			else if (type == IPCBOOK_A_SET)
				offset = put_attr(&request, type,
						  &(uint64_t){ 1 }, 8);
			else
				offset = put_number(&request, type, 1);
			is(answer(&request, &wrong, &missing), -EINVAL);
			is(wrong, offset);
		}
}

RAW_TEST(a_wrong_name_is_named)
{
	static const char *const names[] = { "", "a/b", "a\nb", "\x7f" };
	static const int types[] = { IPCBOOK_A_NAME, IPCBOOK_A_GROUP };
	struct request request;
	char longest[65];
	int wrong, missing;

	memset(longest, 'x', 64);
	longest[64] = '\0';
	for (size_t t = 0; t < ARRAY_SIZE(types); t++) {
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			begin(&request, IPCBOOK_CMD_SIGNAL_REGISTER);
			refused(&request, put_text(&request, types[t],
						   names[i]), EINVAL);
		}
		begin(&request, IPCBOOK_CMD_SIGNAL_REGISTER);
		put_text(&request, types[t], longest);
		holds(answer(&request, &wrong, &missing) < 0);
		is(wrong, NLMSG_HDRLEN + GENL_HDRLEN);
		/* Without the zero that ends it, and with one in the middle. */
		begin(&request, IPCBOOK_CMD_SIGNAL_REGISTER);
		refused(&request, put_attr(&request, types[t], "abc", 3),
			EINVAL);
		begin(&request, IPCBOOK_CMD_SIGNAL_REGISTER);
		refused(&request, put_attr(&request, types[t], "a\0c", 4),
			EINVAL);
	}
}

RAW_TEST(what_is_given_twice_or_too_often_is_named)
{
	struct request request;
	int last = 0;

	begin(&request, IPCBOOK_CMD_SIGNAL_REGISTER);
	put_number(&request, IPCBOOK_A_LIMIT, 5);
	refused(&request, put_number(&request, IPCBOOK_A_LIMIT, 5), EINVAL);
	begin(&request, IPCBOOK_CMD_SIGNAL_REGISTER);
	put_text(&request, IPCBOOK_A_GROUP, "g");
	refused(&request, put_text(&request, IPCBOOK_A_GROUP, "g"), EINVAL);
	begin(&request, IPCBOOK_CMD_SIGNAL_SEND);
	put_text(&request, IPCBOOK_A_NAME, rname);
	for (int i = 0; i < 65; i++)
		last = put_number(&request, IPCBOOK_A_NUMBER, 34);
	refused(&request, last, E2BIG);
	begin(&request, IPCBOOK_CMD_SIGNAL_SEND);
	put_number(&request, IPCBOOK_A_NUMBER, 34);
	for (int i = 0; i < 65; i++)
		last = put_text(&request, IPCBOOK_A_NAME, rname);
	refused(&request, last, E2BIG);
	is(pending(), 0);
}

RAW_TEST(a_target_that_is_not_there_is_named)
{
	struct request request;
	int nobody;

	begin(&request, IPCBOOK_CMD_SIGNAL_SEND);
	put_number(&request, IPCBOOK_A_NUMBER, 5);
	nobody = put_text(&request, IPCBOOK_A_NAME, "nobody");
	refused(&request, nobody, ESRCH);
	/* Whoever else is there gets it, and all is well. */
	put_text(&request, IPCBOOK_A_NAME, rname);
	accepted(&request);
	is(next(r), 5);
}

RAW_TEST(who_is_not_registered_is_told)
{
	struct request request;

	for (int cmd = IPCBOOK_CMD_SIGNAL_FETCH;
	     cmd <= IPCBOOK_CMD_SIGNAL_PENDING; cmd++) {
		begin(&request, cmd);
		refused(&request, -1, ENOTCONN);
	}
	begin(&request, IPCBOOK_CMD_SIGNAL_DOORBELL);
	refused(&request, -1, EOPNOTSUPP);
	begin(&request, 100);
	refused(&request, -1, EOPNOTSUPP);
}

RAW_TEST(half_a_mask_says_what_is_missing)
{
	struct request request;

	begin(&request, IPCBOOK_CMD_SIGNAL_MASK);
	put_number(&request, IPCBOOK_A_HOW, 0);
	misses(&request, IPCBOOK_A_SET);
	begin(&request, IPCBOOK_CMD_SIGNAL_MASK);
	put_attr(&request, IPCBOOK_A_SET, &(uint64_t){ 1 }, 8);
	misses(&request, IPCBOOK_A_HOW);
	begin(&request, IPCBOOK_CMD_SIGNAL_RAISE);
	misses(&request, IPCBOOK_A_FD);
}

RAW_TEST(an_answer_says_what_there_is)
{
	struct request request;

	begin(&request, IPCBOOK_CMD_SIGNAL_REGISTER);
	put_number(&request, IPCBOOK_A_LIMIT, 5);
	put_text(&request, IPCBOOK_A_GROUP, "answered");
	is(told(&request, IPCBOOK_A_LIMIT), 5);
	for (int i = 0; i < 3; i++)
		is(ipcbook_signal_kill_group(s, "answered", 34), 1);
	is(ipcbook_signal_kill_group(s, "answered", 10), 1);
	begin(&request, IPCBOOK_CMD_SIGNAL_PENDING);
	is(told(&request, IPCBOOK_A_LIMIT), 5);
	is(told(&request, IPCBOOK_A_COUNT), 3);
	begin(&request, IPCBOOK_CMD_SIGNAL_FETCH);
	put_number(&request, IPCBOOK_A_COUNT, 2);
	is(told(&request, IPCBOOK_A_MORE), 1);
	/* A signal begins with its number. */
	is(told(&request, IPCBOOK_A_SIGNALS), 34);
	is(told(&request, IPCBOOK_A_SIGNALS), -1);
	is(told(&request, IPCBOOK_A_MORE), 0);
	begin(&request, IPCBOOK_CMD_SIGNAL_PENDING);
	is(told(&request, IPCBOOK_A_COUNT), 0);
	/* Where nothing else was asked for. */
	drop(raw);
	raw = raw_open();
	begin(&request, IPCBOOK_CMD_SIGNAL_REGISTER);
	is(told(&request, IPCBOOK_A_LIMIT), 1024);
}

/* A child has inherited the socket, and takes it over. */
RAW_TEST(through_the_socket_of_one_who_died_another_may_register)
{
	int ready = gate(), go = gate();
	struct request request;
	pid_t pid = child();

	if (!pid) {
		begin(&request, IPCBOOK_CMD_SIGNAL_REGISTER);
		accepted(&request);
		refused(&request, -1, EALREADY);
		if (!fork()) {
			/* As long as the one lives, it has the socket. */
			refused(&request, -1, EALREADY);
			gate_open(ready);
			gate_pass(go);
			accepted(&request);
			begin(&request, IPCBOOK_CMD_SIGNAL_SEND);
			put_number(&request, IPCBOOK_A_PID, getpid());
			put_number(&request, IPCBOOK_A_NUMBER, 5);
			accepted(&request);
			gate_open(ready);
			_exit(0);
		}
		for (;;)
			pause();
	}
	gate_pass(ready);
	is(sys(kill(pid, SIGKILL)), 0);
	is(reap(pid), 128 + SIGKILL);
	gate_open(go);
	gate_pass(ready);
}

RAW_TEST(one_port_in_two_network_namespaces_is_two_sockets)
{
	struct sockaddr_nl address;
	socklen_t size = sizeof(address);
	struct request request;
	pid_t pid;

	is(sys(getsockname(ipcbook_signal_fd(r), (struct sockaddr *)&address,
			   &size)), 0);
	pid = child_in(CLONE_NEWNET);
	if (!pid) {
		raw = raw_open();
		is(sys(bind(raw, (const struct sockaddr *)&address, size)), 0);
		begin(&request, IPCBOOK_CMD_SIGNAL_FETCH);
		refused(&request, -1, ENOTCONN);
		begin(&request, IPCBOOK_CMD_SIGNAL_REGISTER);
		accepted(&request);
		_exit(0);
	}
	is(reap(pid), 0);
	is(ipcbook_signal_kill_name(s, rname, 6), 1);
	is(next(r), 6);
}

/* Asks more often than there is room for answers, and reads none. */
static void fill_with_answers(void)
{
	struct request request;
	int size = 4096;

	is(sys(setsockopt(raw, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size))), 0);
	for (int i = 0; i < 1000; i++) {
		begin(&request, IPCBOOK_CMD_SIGNAL_PENDING);
		request.header.nlmsg_flags = NLM_F_REQUEST;
		talk(&request);
	}
}

RAW_TEST(who_reads_no_answers_gets_no_more_of_them)
{
	struct request request;
	long answered = 0;

	begin(&request, IPCBOOK_CMD_SIGNAL_REGISTER);
	accepted(&request);
	fill_with_answers();
	/* Of those that found no room, the socket tells first. */
	is(sys(recv(raw, &request, sizeof(request), MSG_DONTWAIT)), -ENOBUFS);
	while (recv(raw, &request, sizeof(request), MSG_DONTWAIT) > 0 ||
	       errno == ENOBUFS)
		answered++;
	holds(answered > 0 && answered < 100);
}

/* Nor is done what it asks for: only an answer would tell that it was. */
RAW_TEST(what_who_reads_no_answers_asks_for_is_not_done)
{
	int object = keep(ipcbook_sem_open(NULL, O_RDWR, 0600, NULL));
	struct request request;

	begin(&request, IPCBOOK_CMD_SIGNAL_REGISTER);
	put_text(&request, IPCBOOK_A_GROUP, "deaf");
	accepted(&request);
	is(ipcbook_signal_kill_group(s, "deaf", 40), 1);
	is(ipcbook_signal_kill_group(s, "deaf", 41), 1);
	fill_with_answers();
	begin(&request, IPCBOOK_CMD_SIGNAL_FETCH);
	talk(&request);
	begin(&request, IPCBOOK_CMD_SIGNAL_MASK);
	put_number(&request, IPCBOOK_A_HOW, IPCBOOK_SIGNAL_BLOCK);
	put_attr(&request, IPCBOOK_A_SET, &(uint64_t){ SET(20) }, 8);
	talk(&request);
	begin(&request, IPCBOOK_CMD_SIGNAL_RAISE);
	put_number(&request, IPCBOOK_A_FD, object);
	put_number(&request, IPCBOOK_A_EVENTS, IPCBOOK_READY_IN);
	put_number(&request, IPCBOOK_A_NUMBER, 42);
	talk(&request);
	while (recv(raw, &request, sizeof(request), MSG_DONTWAIT) > 0 ||
	       errno == ENOBUFS)
		;
	begin(&request, IPCBOOK_CMD_SIGNAL_PENDING);
	is(told(&request, IPCBOOK_A_COUNT), 2);
	is(told(&request, IPCBOOK_A_MASK), 0);
	begin(&request, IPCBOOK_CMD_SIGNAL_RAISE);
	put_number(&request, IPCBOOK_A_FD, object);
	put_number(&request, IPCBOOK_A_EVENTS, IPCBOOK_READY_IN);
	put_number(&request, IPCBOOK_A_NUMBER, 0);
	is(told(&request, IPCBOOK_A_NUMBER), 0);
}

/* What was asked for past the library is in its way, once. */
RAW_TEST(the_library_tells_of_a_socket_that_is_full_and_empties_it)
{
	uint64_t set = 0;

	drop(raw);
	raw = keep(sys(dup(ipcbook_signal_fd(r))));
	fill_with_answers();
	is(ipcbook_signal_pending(r, &set), -ENOBUFS);
	is(ipcbook_signal_pending(r, &set), 0);
	is(ipcbook_signal_kill_name(s, rname, 40), 1);
	is(next(r), 40);
}

/*
 * A socket that a user has opened, and connected, does not get what root may
 * when root only writes to it; when root says itself where to, it does.
 */
RAW_TEST(who_opened_the_socket_counts_where_the_sender_says_not_where_to)
{
	static const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct request request;
	int wrong, missing;
	pid_t pid = child();

	if (!pid) {
		is(sys(setresuid(1001, 1001, 0)), 0);
		raw = raw_open();
		is(sys(connect(raw, (const struct sockaddr *)&kernel,
			       sizeof(kernel))), 0);
		is(sys(setresuid(0, 0, 0)), 0);
		begin(&request, IPCBOOK_CMD_SIGNAL_SEND);
		put_number(&request, IPCBOOK_A_NUMBER, 40);
		put_text(&request, IPCBOOK_A_NAME, rname);
		is(sys(write(raw, &request, request.header.nlmsg_len)),
		   request.header.nlmsg_len);
		is(acknowledged(&wrong, &missing), -EPERM);
		is(answer(&request, &wrong, &missing), 0);
		_exit(0);
	}
	is(reap(pid), 0);
	is(next(r), 40);
	is(next(r), -EAGAIN);
}

/* --- Fuzz -------------------------------------------------------------------------- */

static uint32_t seed;

static uint32_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

/* An attribute of this type, as it is right most of the time. */
static void put_drawn(struct request *request, int type, unsigned int object)
{
	unsigned int pid = getpid();

	switch (type) {
	case IPCBOOK_A_NAME:
	case IPCBOOK_A_GROUP:
		put_text(request, type, draw() % 2 ? rname : "fuzz");
		break;
	case IPCBOOK_A_SET:
		put_attr(request, type, &(uint64_t){ draw() }, 8);
		break;
	case IPCBOOK_A_PID:
		put_number(request, type, draw() % 4 ? pid : draw() % 66);
		break;
	case IPCBOOK_A_FD:
		put_number(request, type, draw() % 4 ? object : draw() % 66);
		break;
	case IPCBOOK_A_EVENTS:
	case IPCBOOK_A_HOW:
		put_number(request, type, draw() % 3);
		break;
	default:
		put_number(request, type, draw() % 64 + 1);
	}
}

/* A request with nothing but what its command takes. */
static void compose_right(struct request *request, unsigned int object)
{
	static const struct {
		int cmd;
		int takes[4];
	} commands[] = {
		{ IPCBOOK_CMD_OBJECT_GET,
		  { IPCBOOK_A_CHAPTER, IPCBOOK_A_NAME } },
		{ IPCBOOK_CMD_SIGNAL_REGISTER,
		  { IPCBOOK_A_NAME, IPCBOOK_A_GROUP, IPCBOOK_A_LIMIT } },
		{ IPCBOOK_CMD_SIGNAL_SEND,
		  { IPCBOOK_A_NUMBER, IPCBOOK_A_PID, IPCBOOK_A_NAME,
		    IPCBOOK_A_GROUP } },
		{ IPCBOOK_CMD_SIGNAL_FETCH, { IPCBOOK_A_COUNT } },
		{ IPCBOOK_CMD_SIGNAL_MASK, { IPCBOOK_A_HOW, IPCBOOK_A_SET } },
		{ IPCBOOK_CMD_SIGNAL_PENDING, { 0 } },
		{ IPCBOOK_CMD_SIGNAL_RAISE,
		  { IPCBOOK_A_FD, IPCBOOK_A_EVENTS, IPCBOOK_A_NUMBER } },
	};
	unsigned int which = draw() % ARRAY_SIZE(commands);

	begin(request, commands[which].cmd);
	for (unsigned int i = 0; i < 4 && commands[which].takes[i]; i++)
		if (draw() % 8)
			put_drawn(request, commands[which].takes[i], object);
}

/* One that could be right, but seldom is. */
static void compose_anything(struct request *request, unsigned int object)
{
	begin(request, draw() % (IPCBOOK_CMD_MAX + 3));
	for (unsigned int n = draw() % 6; n; n--) {
		int type = draw() % (IPCBOOK_A_MAX + 2);

		if (draw() % 3)
			put_drawn(request, type, object);
		else
			put_number(request, type, draw());
	}
}

static void compose(struct request *request, unsigned int object)
{
	if (draw() % 4)
		compose_right(request, object);
	else
		compose_anything(request, object);
	if (draw() % 4 == 0)
		request->header.nlmsg_flags = NLM_F_REQUEST |
					      (draw() & 0xffff);
}

static void mutate(struct request *request)
{
	size_t length = request->header.nlmsg_len;

	for (unsigned int n = draw() % 4; n; n--)
		request->bytes[NLMSG_HDRLEN +
			       draw() % (length - NLMSG_HDRLEN)] ^=
			1 << draw() % 8;
	if (draw() % 8 == 0)
		request->header.nlmsg_len = NLMSG_HDRLEN +
			draw() % (length - NLMSG_HDRLEN + 1);
	if (draw() % 16 == 0)
		for (size_t i = NLMSG_HDRLEN + GENL_HDRLEN; i < length; i++)
			request->bytes[i] = draw();
}

/* A closed descriptor would be somebody else's: they stay away from those. */
RAW_TEST(a_hundred_thousand_mutated_requests_do_no_harm)
{
	static const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	union {
		struct nlmsghdr header;
		char bytes[16384];
	} got;
	const struct nlmsgerr *error = NLMSG_DATA(&got.header);
	unsigned int object = keep(ipcbook_sem_open(NULL, O_RDWR, 0600, NULL));
	unsigned int sent = 0, done = 0, refused = 0;
	struct request request;
	size_t length;

	give_seconds(240);
	seed = 20261122;
	print_message("# seed %u\n", seed);
	for (int i = 0; i < 100000; i++) {
		compose(&request, object);
		length = request.header.nlmsg_len;
		if (i % 2)
			mutate(&request);
		/* Killing is not what is meant: it carries no signal of kill's. */
		is(sys(sendto(raw, &request, length, 0,
			      (const struct sockaddr *)&kernel,
			      sizeof(kernel))), length);
		sent++;
		/* Answers of which some find no room. */
		while (i % 8 == 0 &&
		       recv(raw, &got, sizeof(got), MSG_DONTWAIT) > 0) {
			if (got.header.nlmsg_type != NLMSG_ERROR)
				continue;
			done += !error->error;
			refused += error->error < 0;
		}
		if (i % 1000 == 0) {
			drop(raw);
			raw = keep(sys(socket(AF_NETLINK,
					      SOCK_RAW | SOCK_CLOEXEC,
					      NETLINK_GENERIC)));
		}
	}
	print_message("# fuzz: signal: %u requests, %u told done and %u told not\n",
		      sent, done, refused);
	is(sent, 100000);
	/* They get past the parser as well. */
	holds(done > 10000 && refused > 10000);
	while (next(r) > 0)
		;
	mask(IPCBOOK_SIGNAL_SETMASK, 0);
	send_times(34, 3);
	for (int i = 0; i < 3; i++)
		is(next(r), 34);
	is(next(r), -EAGAIN);
}
