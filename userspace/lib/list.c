// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The list of objects, over generic netlink.
 *
 * One dump of family "ipcbook": a request with the filters, then a message for
 * each object, which carries a struct ipcbook_stat of the module's size; what
 * we know of it is handed to the caller as it comes. The socket lives for one
 * call.
 *
 * libnl has error numbers of its own. Those that the kernel answered are kept
 * as they came (on_error), the others are translated.
 */
#include <string.h>

#include <netlink/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>

#include "book.h"

/*
 * A walk: what the caller wants done, and how it ended; a positive or negative
 * end stops it.
 */
struct walk {
	ipcbook__list_fn fn;
	void *arg;
	int end;
};

int ipcbook__nl_errno(int error)
{
	switch (-error) {
	case NLE_SUCCESS:
		return 0;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_PERM:
		return -EPERM;
	case NLE_NOACCESS:
		return -EACCES;
	case NLE_OBJ_NOTFOUND:
		return -ENODEV;
	case NLE_DUMP_INTR:
		return -EAGAIN;
	case NLE_AF_NOSUPPORT:
	case NLE_PROTO_MISMATCH:
		return -EPROTONOSUPPORT;
	}
	return -EIO;
}

int ipcbook__ack_errno(int error)
{
	return error == -EPROTONOSUPPORT || error == -ENOENT ? -ENODEV : error;
}

int ipcbook__nl_connect(struct nl_sock *socket)
{
	int saved = errno;
	int error;

	errno = 0;
	error = ipcbook__nl_errno(genl_connect(socket));
	/* For which libnl has no error of its own. */
	if (error && (errno == EMFILE || errno == ENFILE))
		error = -errno;
	errno = saved;
	return error;
}

/* Called by libnl for each object. */
static int on_object(struct nl_msg *message, void *arg)
{
	struct ipcbook_stat stat = { 0 };
	struct walk *walk = arg;
	struct nlattr *attribute;

	attribute = nlmsg_find_attr(nlmsg_hdr(message), GENL_HDRLEN,
				    IPCBOOK_A_STAT);
	if (!attribute)
		return NL_SKIP;
	nla_memcpy(&stat, attribute, sizeof(stat));
	walk->end = walk->fn(&stat, nlmsg_hdr(message), walk->arg);
	return walk->end ? NL_STOP : NL_OK;
}

/* Called by libnl for what the kernel refused. */
static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *arg)
{
	struct walk *walk = arg;

	(void)from;
	walk->end = ipcbook__ack_errno(error->error);
	return NL_STOP;
}

/* Called by libnl at the end, which says how the dump went. */
static int on_end(struct nl_msg *message, void *arg)
{
	struct nlmsghdr *header = nlmsg_hdr(message);
	struct walk *walk = arg;
	int error = 0;

	if (nlmsg_datalen(header) >= (int)sizeof(error))
		memcpy(&error, nlmsg_data(header), sizeof(error));
	if (error < 0)
		walk->end = error;
	return NL_OK;
}

static struct nl_msg *new_request(int family, enum ipcbook_chapter chapter,
				  const char *name)
{
	struct nl_msg *request = nlmsg_alloc();

	if (!request)
		return NULL;
	if (!genlmsg_put(request, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0,
			 NLM_F_DUMP, IPCBOOK_CMD_OBJECT_GET,
			 IPCBOOK_GENL_VERSION))
		goto failed;
	if (chapter && nla_put_u32(request, IPCBOOK_A_CHAPTER, chapter))
		goto failed;
	if (name && nla_put_string(request, IPCBOOK_A_NAME, name))
		goto failed;
	return request;
failed:
	nlmsg_free(request);
	return NULL;
}

/* Send the request and walk through what comes back. */
static int dump(struct nl_sock *socket, struct nl_msg *request,
		struct walk *walk)
{
	int error;

	nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, on_object, walk);
	nl_socket_modify_cb(socket, NL_CB_FINISH, NL_CB_CUSTOM, on_end, walk);
	nl_socket_modify_err_cb(socket, NL_CB_CUSTOM, on_error, walk);
	error = nl_send_auto(socket, request);
	if (error >= 0)
		error = nl_recvmsgs_default(socket);
	if (walk->end)
		return walk->end;
	return error < 0 ? ipcbook__nl_errno(error) : 0;
}

static int list(enum ipcbook_chapter chapter, const char *name,
		struct walk *walk)
{
	struct nl_msg *request = NULL;
	struct nl_sock *socket;
	int answer;

	socket = nl_socket_alloc();
	if (!socket)
		return -ENOMEM;
	answer = ipcbook__nl_connect(socket);
	if (answer)
		goto out;
	answer = genl_ctrl_resolve(socket, IPCBOOK_GENL_NAME);
	if (answer < 0) {
		answer = ipcbook__nl_errno(answer);
		goto out;
	}
	request = new_request(answer, chapter, name);
	answer = request ? dump(socket, request, walk) : -ENOMEM;
out:
	nlmsg_free(request);
	nl_socket_free(socket);
	return answer;
}

int ipcbook__list(enum ipcbook_chapter chapter, const char *name,
		  ipcbook__list_fn fn, void *arg)
{
	struct walk walk = { .fn = fn, .arg = arg };
	int saved = errno;
	int answer;

	if (name && strnlen(name, IPCBOOK_NAME_LEN) == IPCBOOK_NAME_LEN)
		return -ENAMETOOLONG;
	answer = list(chapter, name, &walk);
	errno = saved;
	return answer;
}

/* What the caller of ipcbook_list() wants done. */
struct wanted {
	ipcbook_list_fn fn;
	void *arg;
};

static int on_stat(const struct ipcbook_stat *stat, struct nlmsghdr *message,
		   void *arg)
{
	const struct wanted *wanted = arg;

	(void)message;
	return wanted->fn(stat, wanted->arg);
}

int ipcbook_list(enum ipcbook_chapter chapter, const char *name,
		 ipcbook_list_fn fn, void *arg)
{
	struct wanted wanted = { .fn = fn, .arg = arg };

	return ipcbook__list(chapter, name, on_stat, &wanted);
}
