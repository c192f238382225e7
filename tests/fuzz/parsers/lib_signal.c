// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the library does with messages of netlink, whatever is in them: answers,
 * acknowledgments, doorbells and entries of a list. The input is a byte that
 * chooses the call, then messages, each after its length in two bytes.
 */
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

static ssize_t fed_recv(int fd, void *buf, size_t len, int flags);
static ssize_t fed_sendto(int fd, const void *buf, size_t len, int flags,
			  const struct sockaddr *to, socklen_t tolen);

#define recv	fed_recv
#define sendto	fed_sendto
#include "../../../userspace/lib/signal.c"

static const uint8_t *feed;
static size_t feed_left;

static ssize_t fed_recv(int fd, void *buf, size_t len, int flags)
{
	size_t length;

	(void)fd;
	(void)flags;
	if (feed_left < 2) {
		errno = EAGAIN;
		return -1;
	}
	length = feed[0] | feed[1] << 8;
	feed += 2;
	feed_left -= 2;
	if (length > feed_left)
		length = feed_left;
	if (length > len)
		length = len;
	memcpy(buf, feed, length);
	feed += length;
	feed_left -= length;
	return length;
}

static ssize_t fed_sendto(int fd, const void *buf, size_t len, int flags,
			  const struct sockaddr *to, socklen_t tolen)
{
	(void)fd;
	(void)buf;
	(void)flags;
	(void)to;
	(void)tolen;
	return len;
}

static int entry_seen(const struct ipcbook_signal_entry *entry, void *arg)
{
	(void)arg;
	if (entry->group_count > IPCBOOK_SIGNAL_GROUPS)
		__builtin_trap();
	for (unsigned int i = 0; i < entry->group_count; i++)
		if (strnlen(entry->groups[i], IPCBOOK_NAME_LEN) ==
		    IPCBOOK_NAME_LEN)
			__builtin_trap();
	return 0;
}

/* A list's message, as list.c hands it on: whole, as its header says. */
static void try_entry(void)
{
	static union message message;
	struct wanted wanted = { .fn = entry_seen };
	struct ipcbook_stat stat = { 0 };
	ssize_t length = fed_recv(0, &message, sizeof(message), 0);

	if (length < (ssize_t)(NLMSG_HDRLEN + GENL_HDRLEN))
		return;
	message.header.nlmsg_len = length;
	on_registration(&stat, &message.header, &wanted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ipcbook_signal_info infos[8];
	struct ipcbook_signal *signal;
	struct ipcbook_signal_sent sent;
	struct ipcbook_signal_target target = { .name = "a" };
	int number = 40, answer = 0;
	uint64_t set;

	if (size < 1)
		return 0;
	feed = data + 1;
	feed_left = size - 1;
	signal = calloc(1, sizeof(*signal));
	if (!signal)
		return 0;
	signal->family = 0x20;
	/* not NULL, and never looked at: what is read comes from here */
	signal->in = (void *)signal;
	signal->in_fd = -1;
	signal->out_fd = -1;
	for (unsigned int i = 0; i < 3 && answer >= 0; i++) {
		switch (data[0] % 5) {
		case 0:
			answer = ipcbook_signal_fetch(signal, infos, 8);
			break;
		case 1:
			answer = ipcbook_signal_mask(signal,
						     IPCBOOK_SIGNAL_BLOCK, 7,
						     &set);
			break;
		case 2:
			answer = ipcbook_signal_send(signal, &target, 1,
						     &number, 1, 0, &sent);
			break;
		case 3:
			answer = ipcbook_signal_pending(signal, &set);
			break;
		case 4:
			try_entry();
			break;
		}
		if (strnlen(ipcbook_signal_why(signal), sizeof(signal->why)) ==
		    sizeof(signal->why))
			__builtin_trap();
	}
	signal->in = NULL;
	ipcbook_signal_close(signal);
	return 0;
}
