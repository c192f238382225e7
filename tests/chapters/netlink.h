/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests to the netlink family byte by byte, as no library makes them.
 */
#ifndef TEST_NETLINK_H
#define TEST_NETLINK_H

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "harness.h"

struct request {
	union {
		struct nlmsghdr header;
		char bytes[8192];
	};
};

static int family;
static int raw = -1;

/* An attribute at the end of a request; its offset there. */
static inline int put_attr(struct request *request, int type, const void *value,
		    size_t length)
{
	int offset = request->header.nlmsg_len;
	struct nlattr *attr = (struct nlattr *)(request->bytes + offset);

	attr->nla_type = type;
	attr->nla_len = NLA_HDRLEN + length;
	memset(attr + 1, 0, NLA_ALIGN(length));
	memcpy(attr + 1, value, length);
	request->header.nlmsg_len += NLA_HDRLEN + NLA_ALIGN(length);
	return offset;
}

static inline int put_number(struct request *request, int type, uint32_t value)
{
	return put_attr(request, type, &value, sizeof(value));
}

static inline int put_text(struct request *request, int type, const char *text)
{
	return put_attr(request, type, text, strlen(text) + 1);
}

static inline void begin(struct request *request, int command)
{
	static const size_t head = NLMSG_HDRLEN + GENL_HDRLEN;
	struct genlmsghdr *genl = NLMSG_DATA(&request->header);

	memset(request, 0, head);
	request->header.nlmsg_len = head;
	request->header.nlmsg_type = family;
	request->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	genl->cmd = command;
	genl->version = IPCBOOK_GENL_VERSION;
}

static inline long talk(const struct request *request)
{
	static const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	return sys(sendto(raw, request, request->header.nlmsg_len, 0,
			  (const struct sockaddr *)&kernel, sizeof(kernel)));
}

/*
 * The errno that the last request gets, with where the extended ack says that it
 * is wrong, or what it misses; -1 if it does not say.
 */
static inline int acknowledged(int *wrong, int *missing)
{
	union {
		struct nlmsghdr header;
		char bytes[16384];
	} got;
	struct nlmsgerr *error = NLMSG_DATA(&got.header);
	struct nlattr *attr;
	char *at, *end;

	*wrong = -1;
	*missing = -1;
	do
		holds(recv(raw, &got, sizeof(got), 0) > 0);
	while (got.header.nlmsg_type != NLMSG_ERROR);
	end = got.bytes + got.header.nlmsg_len;
	for (at = (char *)(error + 1); at < end;
	     at += NLA_ALIGN(attr->nla_len)) {
		attr = (struct nlattr *)at;
		if (attr->nla_type == NLMSGERR_ATTR_OFFS)
			*wrong = *(uint32_t *)(attr + 1);
		if (attr->nla_type == NLMSGERR_ATTR_MISS_TYPE)
			*missing = *(uint32_t *)(attr + 1);
	}
	return error->error;
}

/* Sends a request, and tells what it gets. */
static inline int answer(const struct request *request, int *wrong, int *missing)
{
	is(talk(request), request->header.nlmsg_len);
	return acknowledged(wrong, missing);
}

/* What the controller says of the family: the attribute of this type. */
static inline const struct nlattr *of_family(int type)
{
	static char got[4096];
	struct nlmsghdr *header = (struct nlmsghdr *)got;
	int before = family;
	struct request request;
	struct nlattr *attr;
	char *at;

	family = GENL_ID_CTRL;
	begin(&request, CTRL_CMD_GETFAMILY);
	family = before;
	request.header.nlmsg_flags = NLM_F_REQUEST;
	put_text(&request, CTRL_ATTR_FAMILY_NAME, IPCBOOK_GENL_NAME);
	talk(&request);
	holds(recv(raw, got, sizeof(got), 0) > 0);
	for (at = got + NLMSG_HDRLEN + GENL_HDRLEN;
	     at < got + header->nlmsg_len; at += NLA_ALIGN(attr->nla_len)) {
		attr = (struct nlattr *)at;
		if ((attr->nla_type & NLA_TYPE_MASK) == type)
			return attr;
	}
	return NULL;
}

/* The family's number. */
static inline int find_family(void)
{
	const struct nlattr *attr = of_family(CTRL_ATTR_FAMILY_ID);

	return attr ? *(const uint16_t *)(attr + 1) : -1;
}

/* The number of one of its multicast groups: a list of lists. */
static inline int find_group(const char *name)
{
	const struct nlattr *groups = of_family(CTRL_ATTR_MCAST_GROUPS);
	const char *at = (const char *)(groups + 1), *in;
	const struct nlattr *group, *attr;
	int number = -1;
	bool found;

	for (; at < (const char *)groups + groups->nla_len;
	     at += NLA_ALIGN(group->nla_len)) {
		group = (const struct nlattr *)at;
		found = false;
		for (in = (const char *)(group + 1); in < at + group->nla_len;
		     in += NLA_ALIGN(attr->nla_len)) {
			attr = (const struct nlattr *)in;
			if (attr->nla_type == CTRL_ATTR_MCAST_GRP_ID)
				number = *(const uint32_t *)(attr + 1);
			if (attr->nla_type == CTRL_ATTR_MCAST_GRP_NAME)
				found = !strcmp((const char *)(attr + 1), name);
		}
		if (found)
			return number;
	}
	return -1;
}

/* A socket for requests; closed when the test ends. */
static inline int raw_open(void)
{
	int one = 1;
	int fd = keep(sys(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
				 NETLINK_GENERIC)));

	is(sys(setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one,
			  sizeof(one))), 0);
	is(sys(setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one,
			  sizeof(one))), 0);
	return fd;
}

#endif /* TEST_NETLINK_H */
