/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The capture interface: what sockets carry, for tcpdump. See tap.c.
 */
#ifndef _IPCBOOK_TAP_H
#define _IPCBOOK_TAP_H

#include <linux/jump_label.h>
#include <linux/types.h>

#include <linux/ipcbook.h>

struct cursor;
struct net;
struct pid;
struct stream;

/**
 * struct tap_event - something that happens to a connection
 * @net: its network namespace
 * @receiver: the process at the other end
 * @name: the name that was connected to
 * @connection: its number
 * @event: one of enum ipcbook_capture_event
 * @flags: IPCBOOK_CAPTURE_*, but FIRST and LAST
 * @detail: what belongs to the event
 * @number: of the call or record, from 0
 * @position: payload bytes before it, in this direction
 */
struct tap_event {
	struct net *net;
	struct pid *receiver;
	const char *name;
	u64 connection;
	u8 event;
	u8 flags;
	u8 detail;
	u64 number;
	u64 position;
};

DECLARE_STATIC_KEY_FALSE(tap_key);

/* Whether any namespace's interface is up: a jump that is patched in and out. */
static __always_inline bool tap_on(void)
{
	return static_branch_unlikely(&tap_key);
}

void tap_tell(const struct tap_event *event, const struct stream *stream,
	      const struct cursor *at, size_t n);
int tap_init(void);
void tap_exit(void);

#endif /* _IPCBOOK_TAP_H */
