/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registrations for signals. See signal.c.
 */
#ifndef _IPCBOOK_SIGNAL_H
#define _IPCBOOK_SIGNAL_H

#include <linux/list.h>
#include <linux/rwsem.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "book.h"
#include "pending.h"

struct genl_info;
struct member;

/**
 * struct registration - a process that takes signals
 * @object: what all chapters have; its creator is the process
 * @by_port: place in signal_ports
 * @by_pid: place in signal_pids
 * @net: network namespace of the socket, which lives as long
 * @port: port of the socket
 * @members: its places in groups
 * @member_count: how many; protected by pending.lock as well
 * @work: passes on what was raised, and hangs up a doorbell that lacked memory
 * @gone: it has ended
 * @pending: what waits
 * @raises: objects that were asked to raise a signal; protected by pending.lock
 *	as well, as is
 * @raise_count: how many, and
 * @raise_turn: how often one had its turn
 * @sender: process that sent last; protected by pending.lock
 */
struct registration {
	struct book_object object;
	struct hlist_node by_port;
	struct hlist_node by_pid;
	struct net *net;
	u32 port;
	struct member *members;
	unsigned int member_count;
	struct delayed_work work;
	bool gone;
	struct pending pending;
	struct list_head raises;
	unsigned int raise_count;
	u64 raise_turn;
	struct pid *sender;
};

/**
 * struct result - what became of signals that were sent
 * @arrived: how many are pending now, or were received
 * @refused: how many did not find room
 * @err: why, of the last one
 */
struct result {
	u32 arrived;
	u32 refused;
	int err;
};

extern struct rw_semaphore signal_sem;
extern struct workqueue_struct *signal_wq;

/* signal.c */
void signal_deliver(struct registration *reg, const struct origin *origin,
		    const u8 *numbers, unsigned int count, u32 times,
		    struct result *result);
struct registration *signal_own(struct sk_buff *skb, struct genl_info *info);
int signal_check(struct genl_info *info, unsigned long allowed,
		 unsigned long repeated);
struct sk_buff *signal_answer(struct genl_info *info, u8 cmd, size_t size,
			      void **head);
void signal_begin(struct registration *reg);
void signal_reply(struct registration *reg, struct sk_buff *skb, void *head);

/* raise.c */
int raise_pass_on(struct registration *reg);
void raise_end_all(struct registration *reg);
int signal_raise(struct sk_buff *skb, struct genl_info *info);

#endif /* _IPCBOOK_SIGNAL_H */
