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
 * enum wait_stage - how far a wait is
 * @WAIT_SLEEPS: who waits has to be woken
 * @WAIT_LOOKS: who waits looks whether it is done, and has not
 * @WAIT_DONE: whoever ended the wait does not touch it any more
 */
enum wait_stage {
	WAIT_SLEEPS,
	WAIT_LOOKS,
	WAIT_DONE,
};

/**
 * struct waiter - a wait, on the stack of who waits
 * @task: who sleeps
 * @next: the next whose wait has ended
 * @look: how many ns to look before sleeping, from how long those waited who
 *	waited for the same before; NULL to sleep at once
 * @err: how the wait ended; WAITING as long as it has not
 * @stage: how far it is
 */
struct waiter {
	struct task_struct *task;
	struct waiter *next;
	u32 *look;
	int err;
	enum wait_stage stage;
};

#define WAITING		1

static inline void waiter_init(struct waiter *waiter, u32 *look)
{
	waiter->task = current;
	waiter->look = look;
	waiter->err = WAITING;
	waiter->stage = look && READ_ONCE(*look) ? WAIT_LOOKS : WAIT_SLEEPS;
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

bool wait_looking(u64 end);
void wait_learn(u32 *look, u64 start);
int wait_sleep(struct waiter *waiter, u64 deadline);
void wait_sleep_on(struct waiter *waiter);

#endif /* _IPCBOOK_WAIT_H */
