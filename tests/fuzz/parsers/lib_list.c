// SPDX-License-Identifier: GPL-2.0-only
/*
 * A dump of objects, whatever the messages hold: what libnl calls for an object,
 * at the end, and where the kernel refuses. The input is a byte that chooses,
 * then a message.
 */
#include "../../../userspace/lib/list.c"

static int seen(const struct ipcbook_stat *stat, struct nlmsghdr *header,
		void *arg)
{
	(void)header;
	/* all of it is there */
	*(volatile char *)arg = ((const char *)stat)[sizeof(*stat) - 1];
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char last;
	struct walk walk = { .fn = seen, .arg = &last };
	struct nl_msg *message;
	struct nlmsghdr *header;

	if (size < 1 + NLMSG_HDRLEN || size > 8192)
		return 0;
	header = malloc(size - 1);
	if (!header)
		return 0;
	memcpy(header, data + 1, size - 1);
	/* libnl itself has looked at that */
	header->nlmsg_len = size - 1;
	message = nlmsg_convert(header);
	if (message) {
		if (data[0] & 1 && size - 1 >= NLMSG_HDRLEN + GENL_HDRLEN)
			on_object(message, &walk);
		if (data[0] & 2)
			on_end(message, &walk);
		nlmsg_free(message);
	}
	if (data[0] & 4 && size - 1 >= NLMSG_HDRLEN + sizeof(struct nlmsgerr))
		on_error(NULL, nlmsg_data(header), &walk);
	ipcbook__nl_errno(-data[0]);
	free(header);
	return 0;
}
