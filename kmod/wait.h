/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Waiting: a task sleeps until somebody ends its wait. See wait.c.
 */
#ifndef _IPCBOOK_WAIT_H
#define _IPCBOOK_WAIT_H

#include <linux/compiler.h>
#include <linux/sched.h>
#include <linux/types.h>

/**
 * struct waiter - a wait, on the stack of who waits
 * @task: who sleeps
 * @next: the next whose wait has ended
 * @err: how the wait ended; WAITING as long as it has not
 * @done: that whoever ended it does not touch this any more
 */
struct waiter {
	struct task_struct *task;
	struct waiter *next;
	int err;
	bool done;
};

#define WAITING		1

static inline void waiter_init(struct waiter *waiter)
{
	waiter->task = current;
	waiter->err = WAITING;
	waiter->done = false;
}

/*
 * Adds @waiter to those that wake_all() will wake, once the lock is free under
 * which it was decided how the wait ends.
 */
static inline void wait_end(struct waiter *waiter, struct waiter **list)
{
	waiter->next = *list;
	*list = waiter;
}

void wake_list(struct waiter *list);

static inline void wake_all(struct waiter *list)
{
	if (unlikely(list))
		wake_list(list);
}

int wait_sleep(struct waiter *waiter, u64 deadline);
void wait_sleep_on(struct waiter *waiter);

#endif /* _IPCBOOK_WAIT_H */
