// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ending a receive that waits, so that no message is lost.
 *
 * A message that was taken must be written out. So a signal must not end the
 * tool between the two, and it should not take one when nobody reads its
 * output any more. Both are watched by a thread: it waits for a signal (a
 * signalfd, the signals being blocked everywhere) and for the output to be
 * closed at its other end (which poll reports unasked). Then it
 *
 *	1. says so, in stop.reason;
 *	2. makes the queue's descriptor non-blocking: a receive that has not
 *	   begun to wait does not wait;
 *	3. interrupts the receiving thread by SIGUSR1, whose handler does
 *	   nothing: a receive that waits ends with EINTR.
 *
 * A receive that has got a message meanwhile succeeds, as ever.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "tool.h"

/**
 * struct stop - who watches what
 * @waiting: descriptor on which the receiver waits
 * @output: descriptor it writes to
 * @signals: signalfd
 * @receiver: the receiving thread
 * @watcher: the watching thread
 * @reason: a signal's number, -EPIPE, or 0 as long as nothing happened
 */
struct stop {
	int waiting;
	int output;
	int signals;
	pthread_t receiver;
	pthread_t watcher;
	atomic_int reason;
};

static void interrupted(int signal)
{
	(void)signal;
}

/* The signals that end the tool; one that is ignored stays ignored. */
static void ending_signals(sigset_t *set)
{
	static const int ending[] = { SIGHUP, SIGINT, SIGTERM };
	struct sigaction action;

	sigemptyset(set);
	for (size_t i = 0; i < sizeof(ending) / sizeof(*ending); i++)
		if (!sigaction(ending[i], NULL, &action) &&
		    action.sa_handler != SIG_IGN)
			sigaddset(set, ending[i]);
}

static int wait_for_reason(const struct stop *stop)
{
	struct pollfd watched[] = {
		{ .fd = stop->signals, .events = POLLIN },
		{ .fd = stop->output },
	};
	struct signalfd_siginfo info;

	for (;;) {
		if (poll(watched, 2, -1) < 0)
			continue;
		if (watched[1].revents)
			return -EPIPE;
		if (read(stop->signals, &info, sizeof(info)) == sizeof(info))
			return info.ssi_signo;
	}
}

static void *watch(void *arg)
{
	struct stop *stop = arg;
	int flags;

	atomic_store(&stop->reason, wait_for_reason(stop));
	flags = fcntl(stop->waiting, F_GETFL);
	fcntl(stop->waiting, F_SETFL, flags | O_NONBLOCK);
	pthread_kill(stop->receiver, SIGUSR1);
	return NULL;
}

/* Watch from now on; NULL if that cannot be done. */
struct stop *stop_watch(int waiting, int output)
{
	struct sigaction action = { .sa_handler = interrupted };
	struct stop *stop = calloc(1, sizeof(*stop));
	sigset_t set;

	if (!stop)
		return NULL;
	ending_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGUSR1, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	stop->waiting = waiting;
	stop->output = output;
	stop->receiver = pthread_self();
	stop->signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (stop->signals < 0 ||
	    pthread_create(&stop->watcher, NULL, watch, stop)) {
		free(stop);
		return NULL;
	}
	return stop;
}

/*
 * Why to end: a signal's number, -EPIPE, or 0 to go on. The output is looked
 * at anew, for the watcher may not have come to it yet.
 */
int stop_asked(const struct stop *stop)
{
	struct pollfd output = { .fd = stop->output };
	int reason = atomic_load(&stop->reason);

	if (!reason && poll(&output, 1, 0) == 1)
		reason = -EPIPE;
	return reason;
}

/* Die as the signal would have had it, now that nothing can be lost. */
void stop_die(int number)
{
	sigset_t set;

	signal(number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, number);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/*
 * End watching. The process is about to exit, so the signals stay blocked: one
 * that comes now changes nothing any more.
 */
void stop_unwatch(struct stop *stop)
{
	pthread_cancel(stop->watcher);
	pthread_join(stop->watcher, NULL);
	close(stop->signals);
	free(stop);
}
