// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting: a task sleeps until somebody ends its wait.
 *
 * A chapter decides under its lock how a wait ends (waiter.err), collects those
 * it has decided on in a list, and wakes them after it has left the lock.
 *
 * Going to sleep and being woken costs many times a message. Where two sides keep
 * pace on two CPUs, each would do it over and over; so a waiter may look for a
 * while first whether it is done, if nobody else wants its CPU. How long pays is
 * learned: as long as waits are short it grows to WAIT_LOOK_MAX, and one that was
 * longer ends it. (Halt polling in KVM, Documentation/virt/kvm/halt-polling.rst of
 * the kernel, does it like this.) On one CPU the other side is who wants it.
 *
 * Barriers: the release of waiter.stage in wake_list() pairs with the acquire
 * loads in wait_looks(), wait_sleep() and wait_sleep_on(). Up to it the sleeper
 * stays; after it, it may be gone with its stack, and its task as well if nobody
 * referred to it.
 */
#include <linux/freezer.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/sched/clock.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <linux/sched/task.h>

#include "wait.h"

#define WAIT_LOOK_MIN	(10 * NSEC_PER_USEC)
#define WAIT_LOOK_MAX	(100 * NSEC_PER_USEC)

/* Ends the waits in @list, without any lock. */
void wake_list(struct waiter *list)
{
	struct task_struct *task;
	struct waiter *waiter;

	while ((waiter = list)) {
		list = waiter->next;
		/* Pairs with the acquire in wait_looks(). */
		if (cmpxchg_release(&waiter->stage, WAIT_LOOKS, WAIT_DONE) ==
		    WAIT_LOOKS)
			continue;
		task = get_task_struct(waiter->task);
		/* Pairs with the acquire load in wait_sleep(). */
		smp_store_release(&waiter->stage, WAIT_DONE);
		wake_up_process(task);
		put_task_struct(task);
	}
}

/**
 * wait_looking() - whether to look once more before going to sleep
 * @end: until when, of local_clock()
 *
 * Return: no where somebody else wants the CPU, or a signal is there.
 */
bool wait_looking(u64 end)
{
	cpu_relax();
	return single_task_running() && !signal_pending(current) &&
	       local_clock() < end;
}

/* Whether the wait gets done while it may look; if not, it is to be woken. */
static bool wait_looks(struct waiter *waiter, u64 deadline)
{
	u64 end = local_clock() + READ_ONCE(*waiter->look);
	u64 left;

	if (deadline) {
		left = deadline - min(deadline, ktime_get_ns());
		end = min(end, local_clock() + left);
	}
	do {
		/* Pairs with the release in wake_list(). */
		if (smp_load_acquire(&waiter->stage) == WAIT_DONE)
			return true;
	} while (wait_looking(end));
	return cmpxchg_acquire(&waiter->stage, WAIT_LOOKS, WAIT_SLEEPS) ==
	       WAIT_DONE;
}

/**
 * wait_learn() - learns from a wait that has ended asleep
 * @look: how many ns whoever waits next looks: more, if this wait was short
 * @start: when it began, of local_clock()
 */
void wait_learn(u32 *look, u64 start)
{
	u32 ns = 0;

	if (local_clock() - start <= WAIT_LOOK_MAX)
		ns = clamp_t(u32, 2 * READ_ONCE(*look), WAIT_LOOK_MIN,
			     WAIT_LOOK_MAX);
	WRITE_ONCE(*look, ns);
}

static int wait_asleep(struct waiter *waiter, u64 deadline)
{
	ktime_t expires = min_t(u64, deadline, KTIME_MAX);

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE | TASK_FREEZABLE);
		/* Pairs with the release in wake_list(). */
		if (smp_load_acquire(&waiter->stage) == WAIT_DONE)
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

/**
 * wait_sleep() - sleeps until a wait is done, or no longer than it may
 * @waiter: the caller's wait
 * @deadline: CLOCK_MONOTONIC, 0 for ever
 *
 * Return: 0 if it is done; ETIMEDOUT, or ERESTARTSYS for a signal.
 */
int wait_sleep(struct waiter *waiter, u64 deadline)
{
	u64 start;
	int err;

	if (!waiter->look)
		return wait_asleep(waiter, deadline);
	start = local_clock();
	if (READ_ONCE(waiter->stage) != WAIT_SLEEPS && wait_looks(waiter, deadline))
		return 0;
	err = wait_asleep(waiter, deadline);
	wait_learn(waiter->look, start);
	return err;
}

/* Sleeps until @waiter, whose wait somebody has ended, is done. */
void wait_sleep_on(struct waiter *waiter)
{
	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		/* Pairs with the release in wake_list(). */
		if (smp_load_acquire(&waiter->stage) == WAIT_DONE)
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}
