// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook watch: objects' coming and going, as the module multicasts it.
 *
 * Who has CAP_NET_ADMIN is told of all objects, others of those that everybody
 * may read. Nothing is polled. Netlink itself tells when the module goes.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "tool.h"

/**
 * struct watch - a watch
 * @family: number of the module's family
 * @json: how it is told
 * @counted: only some events are wanted
 * @left: how many of them are left to tell
 * @gone: the module is
 */
struct watch {
	int family;
	bool json;
	bool counted;
	__u64 left;
	bool gone;
};

static const char *event_name(unsigned int event)
{
	switch (event) {
	case IPCBOOK_EVENT_CREATED:
		return "created";
	case IPCBOOK_EVENT_OPENED:
		return "opened";
	case IPCBOOK_EVENT_UNLINKED:
		return "unlinked";
	case IPCBOOK_EVENT_GONE:
		return "gone";
	case IPCBOOK_EVENT_LIMIT:
		return "limit";
	}
	return "unknown";
}

static unsigned int number_of(const struct nlattr *attribute)
{
	return attribute ? nla_get_u32(attribute) : 0;
}

static void tell(const struct watch *watch, struct nlattr **attributes,
		 __u64 now)
{
	const struct nlattr *name = attributes[IPCBOOK_A_NAME];
	unsigned int event = number_of(attributes[IPCBOOK_A_EVENT]);
	unsigned int chapter = number_of(attributes[IPCBOOK_A_CHAPTER]);
	unsigned int error = number_of(attributes[IPCBOOK_A_ERROR]);
	unsigned int id = number_of(attributes[IPCBOOK_A_ID]);
	const char *kind = ipcbook_chapter_name(chapter);
	const char *text = name ? nla_data(name) : NULL;

	if (watch->json) {
		printf("{\"time_ns\":%llu,\"event\":\"%s\",\"chapter\":\"%s\",\"id\":%u,\"name\":",
		       now, event_name(event), kind ? kind : "unknown", id);
		if (text)
			print_json_string(stdout, text, strlen(text));
		else
			fputs("null", stdout);
		if (error)
			printf(",\"error\":\"%s\"", strerrorname_np(error));
		puts("}");
	} else {
		print_time(stdout, now);
		printf(" %s %s ", event_name(event), kind ? kind : "unknown");
		if (text)
			print_escaped(stdout, text, true);
		else
			putchar('-');
		printf(" %u", id);
		if (error)
			printf(" %s", strerrorname_np(error));
		putchar('\n');
	}
	fflush(stdout);
}

/* A family has come or gone: ours? */
static int on_family(struct nl_msg *message, struct watch *watch)
{
	struct nlattr *attributes[CTRL_ATTR_MAX + 1];
	struct nlattr *name;

	if (genlmsg_hdr(nlmsg_hdr(message))->cmd != CTRL_CMD_DELFAMILY ||
	    genlmsg_parse(nlmsg_hdr(message), 0, attributes, CTRL_ATTR_MAX,
			  NULL))
		return NL_SKIP;
	name = attributes[CTRL_ATTR_FAMILY_NAME];
	watch->gone = name && strcmp(nla_data(name), IPCBOOK_GENL_NAME) == 0;
	return watch->gone ? NL_STOP : NL_OK;
}

static int on_event(struct nl_msg *message, void *arg)
{
	struct nlattr *attributes[IPCBOOK_A_MAX + 1];
	struct watch *watch = arg;
	struct timespec now;

	if (nlmsg_hdr(message)->nlmsg_type == GENL_ID_CTRL)
		return on_family(message, watch);
	if (nlmsg_hdr(message)->nlmsg_type != watch->family ||
	    genlmsg_hdr(nlmsg_hdr(message))->cmd != IPCBOOK_CMD_OBJECT_EVENT ||
	    genlmsg_parse(nlmsg_hdr(message), 0, attributes, IPCBOOK_A_MAX,
			  NULL))
		return NL_SKIP;
	clock_gettime(CLOCK_REALTIME, &now);
	tell(watch, attributes, now.tv_sec * 1000000000ULL + now.tv_nsec);
	if (ferror(stdout) || (watch->counted && !--watch->left))
		return NL_STOP;
	return NL_OK;
}

static int pass_over(const struct ipcbook_stat *stat, void *arg)
{
	(void)stat;
	(void)arg;
	return 0;
}

/*
 * From now on it is told when a family goes: that group has the number of the
 * controller's own family. The module may have gone just before.
 */
static int join_controller(struct nl_sock *socket)
{
	if (nl_socket_add_membership(socket, GENL_ID_CTRL))
		return -EIO;
	return ipcbook_list(IPCBOOK_SIGNAL, "-", pass_over, NULL);
}

static int join(struct nl_sock *socket, struct watch *watch)
{
	static const char *const groups[] = {
		IPCBOOK_GENL_GROUP_ALL, IPCBOOK_GENL_GROUP_OBJECTS,
	};
	int error = 0, group;

	watch->family = genl_ctrl_resolve(socket, IPCBOOK_GENL_NAME);
	if (watch->family < 0)
		return -ENODEV;
	for (int i = 0; i < 2; i++) {
		group = genl_ctrl_resolve_grp(socket, IPCBOOK_GENL_NAME,
					      groups[i]);
		if (group < 0)
			return -ENODEV;
		error = nl_socket_add_membership(socket, group);
		if (!error)
			return join_controller(socket);
	}
	return error == -NLE_PERM ? -EPERM : -EIO;
}

/* What the kernel has refused, for which libnl may have no error of its own. */
static int connect_netlink(struct nl_sock *socket)
{
	errno = 0;
	if (!genl_connect(socket))
		return 0;
	return errno ? -errno : -EIO;
}

int watch_objects(const struct options *options)
{
	struct watch watch = {
		.json = options->given[OPTION_JSON],
		.counted = options->given[OPTION_COUNT],
		.left = options->count,
	};
	struct nl_sock *socket = nl_socket_alloc();
	int error;

	if (!socket)
		return failed_listing(-ENOMEM);
	nl_socket_disable_seq_check(socket);
	error = connect_netlink(socket);
	if (!error)
		error = join(socket, &watch);
	if (error) {
		nl_socket_free(socket);
		return failed_listing(error);
	}
	nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, on_event,
			    &watch);
	nl_socket_set_buffer_size(socket, 1 << 20, 0);
	/* What could not be told is told of in main.c. */
	while (!watch.gone && !ferror(stdout) &&
	       (!watch.counted || watch.left)) {
		error = nl_recvmsgs_default(socket);
		if (error == -NLE_NOMEM)
			complain("events were lost: they came faster than they were read");
		else if (error < 0 && error != -NLE_INTR)
			break;
	}
	nl_socket_free(socket);
	if (watch.gone)
		return failed_listing(-ENODEV);
	return error < 0 && error != -NLE_NOMEM ? failed_listing(-EIO) :
						  STATUS_DONE;
}
