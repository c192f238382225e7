// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Signals, over generic netlink.
 *
 * A handle has two sockets: one for requests to send, whose acknowledgments are
 * all that comes back; and, once it is registered, the one that signals come
 * from. Requests on the latter are answered before any doorbell, but an error is
 * not: a doorbell that is read while an error is waited for is kept for the next
 * receive (stash).
 *
 * libnl makes the sockets and finds the family. Messages are written and read
 * here: they are short, each request uses the memory of the one before, and
 * answers are read into the stack, so that a signal costs little more than its
 * system calls.
 */
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/netlink.h>
#include <netlink/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>

#include <ipcbook/signal.h>

#include "book.h"

#define NSEC_PER_SEC 1000000000ULL

/* Longer than any answer, and than any request: 64 numbers and 64 names. */
#define ANSWER_SIZE 4096
#define REQUEST_SIZE 8192

/* 9 and 19 cannot be masked. */
#define UNMASKABLE (IPCBOOK_SIGNAL_SET(9) | IPCBOOK_SIGNAL_SET(19))

/**
 * struct action - what is done about a signal
 * @fn: called for it, or NULL
 * @arg: handed to it
 */
struct action {
	ipcbook_signal_fn fn;
	void *arg;
};

/**
 * struct ipcbook_signal - a handle
 * @out: socket for requests to send
 * @in: socket that is registered, or NULL
 * @out_fd: descriptor of @out
 * @in_fd: descriptor of @in
 * @family: number of the netlink family
 * @sequence: of the last request
 * @request: the request that is written; it begins with its header
 * @unasked: there may be errors in @out of requests that nobody waited for
 * @more: there is more to receive than the doorbells that were read
 * @mask: the module's mask, as far as it was set through this handle
 * @stash: signals that were read and not yet received
 * @stashed: how many
 * @why: what the module said about the last error
 * @actions: by number
 */
struct ipcbook_signal {
	struct nl_sock *out;
	struct nl_sock *in;
	int out_fd;
	int in_fd;
	int family;
	uint32_t sequence;
	bool unasked;
	bool more;
	uint64_t mask;
	struct ipcbook_signal_info *stash;
	unsigned int stashed;
	char why[160];
	struct action actions[IPCBOOK_SIGNAL_MAX + 1];
	union {
		struct nlmsghdr header;
		char bytes[REQUEST_SIZE];
	} request;
};

/* A message that was read. */
union message {
	struct nlmsghdr header;
	char bytes[ANSWER_SIZE];
};

/* ------------------------------------------------------------------ messages */

/* Begin a request; the one before it is not needed any more. */
static void begin(struct ipcbook_signal *signal, int command, int flags)
{
	struct nlmsghdr *header = &signal->request.header;
	struct genlmsghdr *head = NLMSG_DATA(header);

	header->nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN;
	header->nlmsg_type = signal->family;
	header->nlmsg_flags = NLM_F_REQUEST | flags;
	header->nlmsg_seq = ++signal->sequence;
	header->nlmsg_pid = 0;
	*head = (struct genlmsghdr) {
		.cmd = command,
		.version = IPCBOOK_GENL_VERSION,
	};
	signal->why[0] = '\0';
}

/* Add an attribute; there is room for all that a request may have. */
static void put(struct ipcbook_signal *signal, int type, const void *value,
		size_t length)
{
	struct nlmsghdr *header = &signal->request.header;
	struct nlattr *attribute;

	attribute = (struct nlattr *)(signal->request.bytes +
				      header->nlmsg_len);
	attribute->nla_type = type;
	attribute->nla_len = NLA_HDRLEN + length;
	memcpy((char *)attribute + NLA_HDRLEN, value, length);
	memset((char *)attribute + attribute->nla_len, 0,
	       NLA_ALIGN(length) - length);
	header->nlmsg_len += NLA_HDRLEN + NLA_ALIGN(length);
}

static void put_u32(struct ipcbook_signal *signal, int type, uint32_t value)
{
	put(signal, type, &value, sizeof(value));
}

/* Add a name; what the module takes for one is its own business. */
static int put_name(struct ipcbook_signal *signal, int type, const char *name)
{
	size_t length = strnlen(name, IPCBOOK_NAME_LEN);

	if (length == IPCBOOK_NAME_LEN)
		return -ENAMETOOLONG;
	put(signal, type, name, length + 1);
	return 0;
}

static int send_request(struct ipcbook_signal *signal, int fd)
{
	/* Named each time, so that it is the sender's rights that count. */
	static const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	int saved = errno;

	return ipcbook__answer(sendto(fd, &signal->request,
				      signal->request.header.nlmsg_len, 0,
				      (const struct sockaddr *)&kernel,
				      sizeof(kernel)), saved);
}

/* One message, if there is one: 0, or a negative errno. */
static int receive(int fd, union message *message)
{
	int saved = errno;
	ssize_t length;

	length = ipcbook__answer(recv(fd, message, sizeof(*message),
				      MSG_DONTWAIT), saved);
	if (length < 0)
		return length;
	return length < (ssize_t)NLMSG_HDRLEN ||
	       message->header.nlmsg_len > (size_t)length ? -EIO : 0;
}

/* The value of an attribute that is at least so long, or NULL. */
static const void *find(const struct nlmsghdr *header, int type, size_t least,
			size_t *length)
{
	const char *at = (const char *)header + NLMSG_HDRLEN + GENL_HDRLEN;
	const char *end = (const char *)header + header->nlmsg_len;
	const struct nlattr *attribute;

	for (; at + NLA_HDRLEN <= end; at += NLA_ALIGN(attribute->nla_len)) {
		attribute = (const struct nlattr *)at;
		if (attribute->nla_len < NLA_HDRLEN ||
		    attribute->nla_len > end - at)
			break;
		if (attribute->nla_type != type ||
		    attribute->nla_len < NLA_HDRLEN + least)
			continue;
		if (length)
			*length = attribute->nla_len - NLA_HDRLEN;
		return at + NLA_HDRLEN;
	}
	return NULL;
}

static uint32_t u32_of(const struct nlmsghdr *header, int type)
{
	const uint32_t *value = find(header, type, sizeof(*value), NULL);

	return value ? *value : 0;
}

static uint64_t u64_of(const struct nlmsghdr *header, int type)
{
	uint64_t value = 0;
	const void *at = find(header, type, sizeof(value), NULL);

	if (at)
		memcpy(&value, at, sizeof(value));
	return value;
}

/* The name of an attribute in a request that was wrong, or NULL. */
static const char *attribute_name(int type)
{
	static const char *const names[] = {
		[IPCBOOK_A_CHAPTER] = "chapter",
		[IPCBOOK_A_NAME] = "name",
		[IPCBOOK_A_PID] = "pid",
		[IPCBOOK_A_GROUP] = "group",
		[IPCBOOK_A_NUMBER] = "number",
		[IPCBOOK_A_LIMIT] = "limit",
		[IPCBOOK_A_HOW] = "how",
		[IPCBOOK_A_SET] = "set",
		[IPCBOOK_A_COUNT] = "count",
		[IPCBOOK_A_FD] = "fd",
		[IPCBOOK_A_EVENTS] = "events",
	};

	if (type < 0 || type >= (int)(sizeof(names) / sizeof(*names)))
		return NULL;
	return names[type];
}

/* Keep what an extended ack says: which attribute, and a text. */
static void keep_why(struct ipcbook_signal *signal, struct nlattr **attributes)
{
	const struct nlmsghdr *request = &signal->request.header;
	struct nlattr *text = attributes[NLMSGERR_ATTR_MSG];
	const char *name = NULL;
	struct nlattr wrong;
	uint32_t offset;

	if (attributes[NLMSGERR_ATTR_OFFS]) {
		offset = nla_get_u32(attributes[NLMSGERR_ATTR_OFFS]);
		if (offset >= NLMSG_HDRLEN + GENL_HDRLEN &&
		    offset + sizeof(wrong) <= request->nlmsg_len) {
			memcpy(&wrong, (const char *)request + offset,
			       sizeof(wrong));
			name = attribute_name(wrong.nla_type);
		}
	} else if (attributes[NLMSGERR_ATTR_MISS_TYPE]) {
		name = attribute_name(nla_get_u32(attributes[NLMSGERR_ATTR_MISS_TYPE]));
	}
	snprintf(signal->why, sizeof(signal->why), "%s%s%.*s",
		 name ? name : "", name && text ? ": " : "",
		 text ? nla_len(text) : 0,
		 text ? (const char *)nla_data(text) : "");
}

/* What an acknowledgment says: 0 or a negative errno, and the cookie. */
static int read_ack(struct ipcbook_signal *signal, struct nlmsghdr *header,
		    uint64_t *cookie)
{
	static struct nla_policy policy[NLMSGERR_ATTR_MAX + 1] = {
		[NLMSGERR_ATTR_OFFS] = { .type = NLA_U32 },
		[NLMSGERR_ATTR_MISS_TYPE] = { .type = NLA_U32 },
	};
	struct nlattr *attributes[NLMSGERR_ATTR_MAX + 1];
	struct nlmsgerr *error = nlmsg_data(header);
	struct nlattr *cookie_head;
	int skip = sizeof(*error);
	uint32_t request;

	if (nlmsg_datalen(header) < skip)
		return -EIO;
	if (!(header->nlmsg_flags & NLM_F_ACK_TLVS))
		return ipcbook__ack_errno(error->error);
	if (!(header->nlmsg_flags & NLM_F_CAPPED)) {
		/* What was sent is there once more: never less, nor longer. */
		request = error->msg.nlmsg_len - NLMSG_HDRLEN;
		if (request > REQUEST_SIZE || request % NLMSG_ALIGNTO)
			return -EIO;
		skip += request;
	}
	if (error->error &&
	    !nlmsg_parse(header, skip, attributes, NLMSGERR_ATTR_MAX, policy))
		keep_why(signal, attributes);
	/* The only attribute of one that went well. */
	cookie_head = (struct nlattr *)((char *)error + skip);
	if (!error->error && header->nlmsg_len >= NLMSG_HDRLEN + skip +
	    NLA_HDRLEN + sizeof(*cookie) &&
	    cookie_head->nla_type == NLMSGERR_ATTR_COOKIE)
		memcpy(cookie, cookie_head + 1, sizeof(*cookie));
	return ipcbook__ack_errno(error->error);
}

/* A doorbell carries a signal, or says that there are more. How many it is. */
static int read_bell(struct ipcbook_signal *signal,
		     const union message *message,
		     struct ipcbook_signal_info *info)
{
	const void *value;

	value = find(&message->header, IPCBOOK_A_SIGNALS, sizeof(*info), NULL);
	if (!value) {
		signal->more = true;
		return 0;
	}
	memcpy(info, value, sizeof(*info));
	return 1;
}

static bool is_bell(const struct ipcbook_signal *signal,
		    const union message *message)
{
	const struct nlmsghdr *header = &message->header;
	const struct genlmsghdr *head = NLMSG_DATA(header);

	return header->nlmsg_type == signal->family &&
	       header->nlmsg_len >= NLMSG_HDRLEN + GENL_HDRLEN &&
	       head->cmd == IPCBOOK_CMD_SIGNAL_DOORBELL;
}

static int stash(struct ipcbook_signal *signal, const union message *message)
{
	struct ipcbook_signal_info *larger;

	larger = reallocarray(signal->stash, signal->stashed + 1,
			      sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	signal->stash = larger;
	signal->stashed += read_bell(signal, message,
				     &larger[signal->stashed]);
	return 0;
}

/*
 * Send the request through the socket that is registered, and read its answer.
 * The module answers before it lets the request end.
 */
static int ask(struct ipcbook_signal *signal, union message *answer)
{
	bool others = false;
	uint64_t cookie;
	int error;

	if (!signal->in)
		return -ENOTCONN;
	error = send_request(signal, signal->in_fd);
	while (error >= 0) {
		error = receive(signal->in_fd, answer);
		/* Those that nobody had read were in the way of ours. */
		if (error == -EAGAIN)
			return others ? -ENOBUFS : -EIO;
		if (error)
			return error;
		if (is_bell(signal, answer))
			error = stash(signal, answer);
		else if (answer->header.nlmsg_seq != signal->sequence)
			others = true;
		else if (answer->header.nlmsg_type == NLMSG_ERROR)
			return read_ack(signal, &answer->header, &cookie);
		else
			return 0;
	}
	return error;
}

/* ------------------------------------------------------------------- handles */

/* A socket that can send to the family; its number. */
static int connect_family(struct nl_sock **socket)
{
	int one = 1;
	int answer;

	*socket = nl_socket_alloc();
	if (!*socket)
		return -ENOMEM;
	answer = ipcbook__nl_connect(*socket);
	if (!answer) {
		answer = genl_ctrl_resolve(*socket, IPCBOOK_GENL_NAME);
		if (answer < 0)
			answer = ipcbook__nl_errno(answer);
	}
	if (answer < 0) {
		nl_socket_free(*socket);
		*socket = NULL;
		return answer;
	}
	setsockopt(nl_socket_get_fd(*socket), SOL_NETLINK, NETLINK_CAP_ACK,
		   &one, sizeof(one));
	setsockopt(nl_socket_get_fd(*socket), SOL_NETLINK, NETLINK_EXT_ACK,
		   &one, sizeof(one));
	/* Acknowledgments that nobody reads are no reason to fail later. */
	setsockopt(nl_socket_get_fd(*socket), SOL_NETLINK, NETLINK_NO_ENOBUFS,
		   &one, sizeof(one));
	return answer;
}

int ipcbook_signal_open(struct ipcbook_signal **signal)
{
	struct ipcbook_signal *new;
	int saved = errno;
	int family;

	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;
	family = connect_family(&new->out);
	errno = saved;
	if (family < 0) {
		ipcbook_signal_close(new);
		return family;
	}
	new->family = family;
	new->out_fd = nl_socket_get_fd(new->out);
	*signal = new;
	return 0;
}

void ipcbook_signal_close(struct ipcbook_signal *signal)
{
	int saved = errno;

	if (!signal)
		return;
	if (signal->in)
		nl_socket_free(signal->in);
	if (signal->out)
		nl_socket_free(signal->out);
	free(signal->stash);
	free(signal);
	errno = saved;
}

const char *ipcbook_signal_why(const struct ipcbook_signal *signal)
{
	return signal->why;
}

/* ----------------------------------------------------------------- receiving */

static int put_registration(struct ipcbook_signal *signal, const char *name,
			    const char *const *groups,
			    unsigned int group_count, unsigned int limit)
{
	int error = 0;

	begin(signal, IPCBOOK_CMD_SIGNAL_REGISTER, 0);
	if (name)
		error = put_name(signal, IPCBOOK_A_NAME, name);
	for (unsigned int i = 0; !error && i < group_count; i++)
		error = put_name(signal, IPCBOOK_A_GROUP, groups[i]);
	if (limit)
		put_u32(signal, IPCBOOK_A_LIMIT, limit);
	return error;
}

int ipcbook_signal_register(struct ipcbook_signal *signal, const char *name,
			    const char *const *groups,
			    unsigned int group_count, unsigned int limit)
{
	union message answer;
	int saved = errno;
	int error;

	if (signal->in)
		return -EALREADY;
	if (group_count > IPCBOOK_SIGNAL_GROUPS)
		return -E2BIG;
	error = put_registration(signal, name, groups, group_count, limit);
	if (error)
		return error;
	error = connect_family(&signal->in);
	errno = saved;
	if (error >= 0) {
		signal->in_fd = nl_socket_get_fd(signal->in);
		error = ask(signal, &answer);
	}
	if (!error)
		return 0;
	if (signal->in)
		nl_socket_free(signal->in);
	signal->in = NULL;
	return error;
}

int ipcbook_signal_fd(const struct ipcbook_signal *signal)
{
	return signal->in ? signal->in_fd : -ENOTCONN;
}

/* Receive what was read before and is not masked. */
static unsigned int take_stash(struct ipcbook_signal *signal,
			       struct ipcbook_signal_info *infos,
			       unsigned int count)
{
	unsigned int taken = 0, kept = 0;

	for (unsigned int i = 0; i < signal->stashed; i++) {
		const struct ipcbook_signal_info *info = &signal->stash[i];

		if (taken < count &&
		    !(signal->mask & IPCBOOK_SIGNAL_SET(info->number)))
			infos[taken++] = *info;
		else
			signal->stash[kept++] = *info;
	}
	signal->stashed = kept;
	return taken;
}

/* Read the doorbell, which may carry a signal. */
static ssize_t take_bell(struct ipcbook_signal *signal,
			 struct ipcbook_signal_info *info)
{
	union message message;
	int error;

	do {
		error = receive(signal->in_fd, &message);
		if (error)
			return error;
		/* Anything else was asked for through the descriptor. */
	} while (!is_bell(signal, &message));
	return read_bell(signal, &message, info);
}

/* Fetch what a doorbell does not carry. */
static ssize_t take_more(struct ipcbook_signal *signal,
			 struct ipcbook_signal_info *infos, unsigned int count)
{
	union message answer;
	const void *signals;
	size_t length;
	int error;

	if (count > IPCBOOK_SIGNAL_FETCH)
		count = IPCBOOK_SIGNAL_FETCH;
	begin(signal, IPCBOOK_CMD_SIGNAL_FETCH, 0);
	put_u32(signal, IPCBOOK_A_COUNT, count);
	error = ask(signal, &answer);
	if (error)
		return error;
	signal->more = u32_of(&answer.header, IPCBOOK_A_MORE);
	signals = find(&answer.header, IPCBOOK_A_SIGNALS, sizeof(*infos),
		       &length);
	if (!signals)
		return -EAGAIN;
	if (length > count * sizeof(*infos))
		return -EIO;
	memcpy(infos, signals, length);
	return length / sizeof(*infos);
}

ssize_t ipcbook_signal_fetch(struct ipcbook_signal *signal,
			     struct ipcbook_signal_info *infos,
			     unsigned int count)
{
	ssize_t taken;

	if (!signal->in)
		return -ENOTCONN;
	if (!count)
		return -EINVAL;
	taken = take_stash(signal, infos, count);
	if (taken)
		return taken;
	if (!signal->more) {
		taken = take_bell(signal, infos);
		if (taken)
			return taken;
	}
	return take_more(signal, infos, count);
}

/* Wait until there is something to read; a time that is over is none. */
static int wait_readable(const struct ipcbook_signal *signal, uint64_t deadline)
{
	struct pollfd fd = {
		.fd = signal->in_fd,
		.events = POLLIN,
	};
	uint64_t now = ipcbook_deadline(0);
	uint64_t left = deadline > now ? deadline - now : 0;
	struct timespec timeout = {
		.tv_sec = left / NSEC_PER_SEC,
		.tv_nsec = left % NSEC_PER_SEC,
	};
	int saved = errno;
	int ready;

	ready = ipcbook__answer(ppoll(&fd, 1, deadline ? &timeout : NULL, NULL),
				saved);
	return ready ? ready : -ETIMEDOUT;
}

ssize_t ipcbook_signal_wait(struct ipcbook_signal *signal,
			    struct ipcbook_signal_info *infos,
			    unsigned int count, uint64_t deadline)
{
	ssize_t taken;
	int ready;

	for (;;) {
		taken = ipcbook_signal_fetch(signal, infos, count);
		if (taken != -EAGAIN)
			return taken;
		ready = wait_readable(signal, deadline);
		if (ready < 0)
			return ready;
	}
}

int ipcbook_signal_mask(struct ipcbook_signal *signal,
			enum ipcbook_signal_how how, uint64_t set,
			uint64_t *old)
{
	union message answer;
	uint64_t before;
	int error;

	if (how > IPCBOOK_SIGNAL_SETMASK)
		return -EINVAL;
	begin(signal, IPCBOOK_CMD_SIGNAL_MASK, 0);
	put_u32(signal, IPCBOOK_A_HOW, how);
	put(signal, IPCBOOK_A_SET, &set, sizeof(set));
	error = ask(signal, &answer);
	if (error)
		return error;
	before = u64_of(&answer.header, IPCBOOK_A_MASK);
	signal->mask = how == IPCBOOK_SIGNAL_BLOCK ? before | set :
		       how == IPCBOOK_SIGNAL_UNBLOCK ? before & ~set : set;
	signal->mask &= ~UNMASKABLE;
	if (old)
		*old = before;
	return 0;
}

int ipcbook_signal_pending(struct ipcbook_signal *signal, uint64_t *set)
{
	union message answer;
	int error;

	begin(signal, IPCBOOK_CMD_SIGNAL_PENDING, 0);
	error = ask(signal, &answer);
	if (error)
		return error;
	*set = u64_of(&answer.header, IPCBOOK_A_SET);
	for (unsigned int i = 0; i < signal->stashed; i++)
		*set |= IPCBOOK_SIGNAL_SET(signal->stash[i].number);
	return 0;
}

int ipcbook_signal_raise(struct ipcbook_signal *signal, int fd,
			 unsigned int event, int number)
{
	union message answer;
	int error;

	if (number < 0 || number > IPCBOOK_SIGNAL_MAX ||
	    (event != IPCBOOK_READY_IN && event != IPCBOOK_READY_OUT))
		return -EINVAL;
	begin(signal, IPCBOOK_CMD_SIGNAL_RAISE, 0);
	put_u32(signal, IPCBOOK_A_FD, fd);
	put_u32(signal, IPCBOOK_A_EVENTS, event);
	put_u32(signal, IPCBOOK_A_NUMBER, number);
	error = ask(signal, &answer);
	if (error)
		return error;
	return u32_of(&answer.header, IPCBOOK_A_NUMBER);
}

int ipcbook_signal_action(struct ipcbook_signal *signal, int number,
			  ipcbook_signal_fn fn, void *arg)
{
	if (number < 1 || number > IPCBOOK_SIGNAL_MAX)
		return -EINVAL;
	signal->actions[number] = (struct action){ .fn = fn, .arg = arg };
	return 0;
}

int ipcbook_signal_dispatch(struct ipcbook_signal *signal, uint64_t deadline)
{
	struct ipcbook_signal_info infos[IPCBOOK_SIGNAL_FETCH];
	const struct action *action;
	ssize_t count;

	count = ipcbook_signal_wait(signal, infos, IPCBOOK_SIGNAL_FETCH,
				    deadline);
	for (ssize_t i = 0; i < count; i++) {
		action = &signal->actions[infos[i].number];
		if (action->fn)
			action->fn(&infos[i], action->arg);
	}
	return count;
}

/* ------------------------------------------------------------------- sending */

static int put_target(struct ipcbook_signal *signal,
		      const struct ipcbook_signal_target *target)
{
	if (!!target->pid + !!target->name + !!target->group != 1 ||
	    target->pid < 0)
		return -EINVAL;
	if (target->pid) {
		put_u32(signal, IPCBOOK_A_PID, target->pid);
		return 0;
	}
	if (target->group)
		return put_name(signal, IPCBOOK_A_GROUP, target->group);
	return target->name ?
	       put_name(signal, IPCBOOK_A_NAME, target->name) : -EINVAL;
}

static int put_number(struct ipcbook_signal *signal, int number)
{
	if (number < 0 || number > IPCBOOK_SIGNAL_MAX)
		return -EINVAL;
	put_u32(signal, IPCBOOK_A_NUMBER, number);
	return 0;
}

/*
 * Throws away what the module said to requests without acknowledgment: errors it
 * tells all the same, and when they fill the socket, nothing else is told.
 */
static void forget_unasked(struct ipcbook_signal *signal)
{
	union message answer;
	int error = 0;

	while (signal->unasked && (!error || error == -EIO || error == -ENOBUFS))
		error = receive(signal->out_fd, &answer);
	signal->unasked = false;
}

/* The acknowledgment of the last request; what others left is passed over. */
static int await_ack(struct ipcbook_signal *signal, uint64_t *cookie)
{
	union message answer;
	int error;

	do {
		error = receive(signal->out_fd, &answer);
		if (error)
			return error == -EAGAIN ? -EIO : error;
	} while (answer.header.nlmsg_seq != signal->sequence ||
		 answer.header.nlmsg_type != NLMSG_ERROR);
	return read_ack(signal, &answer.header, cookie);
}

int ipcbook_signal_send(struct ipcbook_signal *signal,
			const struct ipcbook_signal_target *targets,
			unsigned int target_count, const int *numbers,
			unsigned int number_count, unsigned int flags,
			struct ipcbook_signal_sent *sent)
{
	uint64_t cookie = 0;
	int error = 0;

	if (flags & ~IPCBOOK_SIGNAL_NOACK || !target_count || !number_count ||
	    (flags && sent))
		return -EINVAL;
	if (target_count > IPCBOOK_SIGNAL_BATCH ||
	    number_count > IPCBOOK_SIGNAL_BATCH)
		return -E2BIG;
	begin(signal, IPCBOOK_CMD_SIGNAL_SEND,
	      flags & IPCBOOK_SIGNAL_NOACK ? 0 : NLM_F_ACK);
	for (unsigned int i = 0; !error && i < number_count; i++)
		error = put_number(signal, numbers[i]);
	for (unsigned int i = 0; !error && i < target_count; i++)
		error = put_target(signal, &targets[i]);
	if (error)
		return error;
	if (!(flags & IPCBOOK_SIGNAL_NOACK))
		forget_unasked(signal);
	error = send_request(signal, signal->out_fd);
	if (error < 0)
		return error;
	signal->unasked |= flags & IPCBOOK_SIGNAL_NOACK;
	if (flags & IPCBOOK_SIGNAL_NOACK)
		return 0;
	error = await_ack(signal, &cookie);
	if (error)
		return error;
	if (sent)
		*sent = (struct ipcbook_signal_sent) {
			.arrived = cookie & UINT32_MAX,
			.refused = cookie >> 32,
		};
	return (cookie & UINT32_MAX) > INT_MAX ? INT_MAX :
						 (int)(cookie & UINT32_MAX);
}

static int send_one(struct ipcbook_signal *signal,
		    const struct ipcbook_signal_target *target, int number)
{
	return ipcbook_signal_send(signal, target, 1, &number, 1, 0, NULL);
}

int ipcbook_signal_kill(struct ipcbook_signal *signal, pid_t pid, int number)
{
	return send_one(signal, &(struct ipcbook_signal_target){ .pid = pid },
			number);
}

int ipcbook_signal_kill_name(struct ipcbook_signal *signal, const char *name,
			     int number)
{
	return send_one(signal, &(struct ipcbook_signal_target){ .name = name },
			number);
}

int ipcbook_signal_kill_group(struct ipcbook_signal *signal, const char *group,
			      int number)
{
	return send_one(signal,
			&(struct ipcbook_signal_target){ .group = group },
			number);
}

/* ------------------------------------------------------------------- looking */

/* What the caller of ipcbook_signal_list() wants done. */
struct wanted {
	ipcbook_signal_list_fn fn;
	void *arg;
};

static int on_registration(const struct ipcbook_stat *stat,
			   struct nlmsghdr *message, void *arg)
{
	struct ipcbook_signal_entry entry = {
		.stat = *stat,
		.mask = u64_of(message, IPCBOOK_A_MASK),
		.pending = u64_of(message, IPCBOOK_A_SET),
	};
	const struct wanted *wanted = arg;
	struct nlattr *attribute;
	int left;

	nlmsg_for_each_attr(attribute, message, GENL_HDRLEN, left)
		if (nla_type(attribute) == IPCBOOK_A_GROUP &&
		    entry.group_count < IPCBOOK_SIGNAL_GROUPS)
			nla_strlcpy(entry.groups[entry.group_count++],
				    attribute, IPCBOOK_NAME_LEN);
	return wanted->fn(&entry, wanted->arg);
}

int ipcbook_signal_list(ipcbook_signal_list_fn fn, void *arg)
{
	struct wanted wanted = { .fn = fn, .arg = arg };

	return ipcbook__list(IPCBOOK_SIGNAL, NULL, on_registration, &wanted);
}

/* As kill -l has them; those from 34 up are counted from both ends. */
static const char *const names[] = {
	NULL, "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE",
	"KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT",
	"CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
	"VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS", "32", "33", "RTMIN",
	"RTMIN+1", "RTMIN+2", "RTMIN+3", "RTMIN+4", "RTMIN+5", "RTMIN+6",
	"RTMIN+7", "RTMIN+8", "RTMIN+9", "RTMIN+10", "RTMIN+11", "RTMIN+12",
	"RTMIN+13", "RTMIN+14", "RTMIN+15", "RTMAX-14", "RTMAX-13", "RTMAX-12",
	"RTMAX-11", "RTMAX-10", "RTMAX-9", "RTMAX-8", "RTMAX-7", "RTMAX-6",
	"RTMAX-5", "RTMAX-4", "RTMAX-3", "RTMAX-2", "RTMAX-1", "RTMAX",
};

#define RTMIN 34
#define RTMAX 64

/* What stands in @text from @least to @most, all of it a number; else -1. */
static int number_in(const char *text, int least, int most)
{
	int value = 0;

	if (!*text)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || value > most)
			return -1;
		value = 10 * value + *text - '0';
	}
	return value < least || value > most ? -1 : value;
}

int ipcbook_signal_number(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} others[] = { { "IOT", 6 }, { "CLD", 17 }, { "POLL", 29 } };
	int number = number_in(name, 0, IPCBOOK_SIGNAL_MAX);

	if (number >= 0)
		return number;
	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (number = 1; number <= IPCBOOK_SIGNAL_MAX; number++)
		if (*names[number] > '9' && strcasecmp(name, names[number]) == 0)
			return number;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (strcasecmp(name, others[i].name) == 0)
			return others[i].number;
	number = -1;
	if (strncasecmp(name, "RTMIN+", 6) == 0)
		number = number_in(name + 6, 0, RTMAX - RTMIN);
	if (number >= 0)
		return RTMIN + number;
	if (strncasecmp(name, "RTMAX-", 6) == 0)
		number = number_in(name + 6, 0, RTMAX - RTMIN);
	return number >= 0 ? RTMAX - number : -EINVAL;
}

const char *ipcbook_signal_name(int number)
{
	if (number < 1 || number > IPCBOOK_SIGNAL_MAX)
		return NULL;
	return names[number];
}
