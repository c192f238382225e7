// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting: a task sleeps until somebody ends its wait.
 *
 * A chapter decides under its lock how a wait ends (waiter.err), collects those
 * it has decided on in a list, and wakes them after it has left the lock.
 *
 * Barriers: the release store of waiter.done in wake_list() pairs with the
 * acquire loads in wait_sleep() and wait_sleep_on(). Up to it the sleeper stays;
 * after it, it may be gone with its stack, and its task as well if nobody
 * referred to it.
 */
#include <linux/freezer.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "wait.h"

/* Ends the waits in @list, without any lock. */
void wake_list(struct waiter *list)
{
	struct task_struct *task;
	struct waiter *waiter;

	while ((waiter = list)) {
		list = waiter->next;
		task = get_task_struct(waiter->task);
		/* Pairs with the acquire load in wait_sleep(). */
		smp_store_release(&waiter->done, true);
		wake_up_process(task);
		put_task_struct(task);
	}
}

/**
 * wait_sleep() - sleeps until a wait is done, or no longer than it may
 * @waiter: the caller's wait
 * @deadline: CLOCK_MONOTONIC, 0 for ever
 *
 * Return: 0 if it is done; ETIMEDOUT, or ERESTARTSYS for a signal.
 */
int wait_sleep(struct waiter *waiter, u64 deadline)
{
	ktime_t expires = min_t(u64, deadline, KTIME_MAX);

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE | TASK_FREEZABLE);
		/* Pairs with the release store in wake_list(). */
		if (smp_load_acquire(&waiter->done))
			break;
		if (signal_pending(current)) {
			__set_current_state(TASK_RUNNING);
			return -ERESTARTSYS;
		}
		if (!deadline)
			schedule();
		else if (!schedule_hrtimeout_range_clock(&expires,
							 current->timer_slack_ns,
							 HRTIMER_MODE_ABS,
							 CLOCK_MONOTONIC))
			return -ETIMEDOUT;
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

/* Sleeps until @waiter, whose wait somebody has ended, is done. */
void wait_sleep_on(struct waiter *waiter)
{
	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		/* Pairs with the release store in wake_list(). */
		if (smp_load_acquire(&waiter->done))
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}
