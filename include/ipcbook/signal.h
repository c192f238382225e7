/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signals between processes that registered for them: part of libipcbook.
 *
 * A signal is a number from 1 to 64 and tells that something happened; there is
 * nothing else that it could carry. It goes over generic netlink and needs no
 * device. What is said at the head of ipcbook.h holds, but that a handle keeps
 * state: one thread at a time uses it. Another handle may be used by another
 * thread, also of the same process.
 *
 * What every function can answer that talks to the module:
 *
 *	-ENODEV		the module is not loaded, or was unloaded while the call
 *			waited
 *	-EOPNOTSUPP	the module was built without signals
 *	-ENOMEM		no memory is left
 *	-EMFILE, -ENFILE	no descriptor is left
 *	-ENOBUFS	the socket is full of answers that were not read, which
 *			somebody else must have asked for through its descriptor
 *	-EIO		netlink failed otherwise
 */
#ifndef IPCBOOK_SIGNAL_H
#define IPCBOOK_SIGNAL_H

#include <ipcbook/ipcbook.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A handle; see ipcbook_signal_open(). */
struct ipcbook_signal;

/* The set of one signal; several are joined by |. */
#define IPCBOOK_SIGNAL_SET(number)	(1ULL << ((number) - 1))

/* Flag of ipcbook_signal_send(): do not ask what became of it. */
#define IPCBOOK_SIGNAL_NOACK		(1U << 0)

/**
 * struct ipcbook_signal_target - whom to send to; one of the three
 * @pid: a process, in the caller's pid namespace; else 0
 * @name: the name it registered under; else NULL
 * @group: everybody in this group; else NULL
 */
struct ipcbook_signal_target {
	pid_t pid;
	const char *name;
	const char *group;
};

/**
 * struct ipcbook_signal_sent - what became of signals that were sent
 * @arrived: how many have arrived, counted for each receiver
 * @refused: how many a receiver had no room for
 */
struct ipcbook_signal_sent {
	uint32_t arrived;
	uint32_t refused;
};

/**
 * struct ipcbook_signal_entry - a registration in a list
 * @stat: process (creator), name, owner, limit (max_depth) and counters
 * @mask: signals that it has masked
 * @pending: signals that wait there
 * @groups: its groups
 * @group_count: how many
 */
struct ipcbook_signal_entry {
	struct ipcbook_stat stat;
	uint64_t mask;
	uint64_t pending;
	char groups[IPCBOOK_SIGNAL_GROUPS][IPCBOOK_NAME_LEN];
	unsigned int group_count;
};

/* Handles: userspace/lib/signal.c */

/**
 * ipcbook_signal_open() - a handle to send signals, and to register with
 * @signal: where it goes; undefined after an error
 *
 * After fork() parent and child must not both use it: who forks opens another
 * one in the child, which can close what it inherited.
 *
 * Return: 0, or what every function can answer.
 */
IPCBOOK_API int ipcbook_signal_open(struct ipcbook_signal **signal);

/**
 * ipcbook_signal_close() - ends a handle, and what it is registered for
 * @signal: it, or NULL
 *
 * What is pending is gone. In a child that inherited the handle this takes
 * nothing from the parent.
 */
IPCBOOK_API void ipcbook_signal_close(struct ipcbook_signal *signal);

/**
 * ipcbook_signal_why() - what the module said about the last error
 * @signal: the handle
 *
 * Return: a text that names the attribute of the request that was wrong, as far
 * as the module told; empty if it told nothing. Valid up to the next call.
 */
IPCBOOK_API const char *
ipcbook_signal_why(const struct ipcbook_signal *signal);

/* Receiving */

/**
 * ipcbook_signal_register() - makes the calling process a receiver
 * @signal: a handle that is not registered yet
 * @name: 1 to 63 bytes, unique in the network namespace; or NULL
 * @groups: groups that it joins, with the same rules for their names
 * @group_count: how many, at most IPCBOOK_SIGNAL_GROUPS (16)
 * @limit: how many signals from 32 up may be pending; 0 means 1,024
 *
 * The process is reached by its pid, this name, and each of the groups. It may
 * register several handles: each then gets what is sent to its pid.
 *
 * Return: 0, or
 *
 * * -EEXIST: another process that lives has this name
 * * -EALREADY: the handle is registered
 * * -EINVAL: a name is empty, or has control characters or a '/'; a group is
 *   named twice
 * * -ENAMETOOLONG: a name is longer than 63 bytes
 * * -E2BIG: more than 16 groups; or @limit is above the module's parameter
 *   signal_max_pending, and the caller does not have CAP_SYS_RESOURCE
 * * -EDQUOT, -ENOSPC: the limits of the user, and of all, as for every object
 * * what every function can answer
 */
IPCBOOK_API int ipcbook_signal_register(struct ipcbook_signal *signal,
					const char *name,
					const char *const *groups,
					unsigned int group_count,
					unsigned int limit);

/**
 * ipcbook_signal_fd() - a descriptor to poll
 * @signal: a registered handle
 *
 * It is readable as long as ipcbook_signal_fetch() has something to give. Another
 * call on the handle may have read a signal that had come before; so whoever
 * polls fetches once after each such call. Only the library reads from it.
 *
 * Return: the descriptor, which belongs to the handle; -ENOTCONN if that is not
 * registered.
 */
IPCBOOK_API int ipcbook_signal_fd(const struct ipcbook_signal *signal);

/**
 * ipcbook_signal_fetch() - receives signals, without waiting
 * @signal: a registered handle
 * @infos: where they go
 * @count: room there, at least 1; at most 64 are received
 *
 * Of what is pending and not masked, the lowest number comes first, and within
 * a number the oldest. Of 1 to 31, infos.count tells how many fell together.
 *
 * Return: how many, at least 1; or
 *
 * * -EAGAIN: there are none
 * * -EINVAL: @count is 0
 * * -ENOTCONN: the handle is not registered
 * * what every function can answer
 */
IPCBOOK_API ssize_t ipcbook_signal_fetch(struct ipcbook_signal *signal,
					 struct ipcbook_signal_info *infos,
					 unsigned int count);

/**
 * ipcbook_signal_wait() - the same, and waits for the first one
 * @signal: a registered handle
 * @infos: where they go
 * @count: room there, at least 1
 * @deadline: how long; see ipcbook_deadline()
 *
 * Return: how many, at least 1; or
 *
 * * -ETIMEDOUT: the deadline has passed
 * * -EINTR: a signal handler interrupted the wait
 * * those of ipcbook_signal_fetch(), but for -EAGAIN
 */
IPCBOOK_API ssize_t ipcbook_signal_wait(struct ipcbook_signal *signal,
					struct ipcbook_signal_info *infos,
					unsigned int count, uint64_t deadline);

/**
 * ipcbook_signal_mask() - changes which signals stay pending
 * @signal: a registered handle
 * @how: IPCBOOK_SIGNAL_BLOCK, IPCBOOK_SIGNAL_UNBLOCK or IPCBOOK_SIGNAL_SETMASK,
 *	as of sigprocmask(2)
 * @set: which; 9 and 19 cannot be masked and are left out
 * @old: where the mask goes as it was before, or NULL
 *
 * Return: 0, or
 *
 * * -EINVAL: @how is not one of these
 * * -ENOTCONN: the handle is not registered
 * * what every function can answer
 */
IPCBOOK_API int ipcbook_signal_mask(struct ipcbook_signal *signal,
				    enum ipcbook_signal_how how, uint64_t set,
				    uint64_t *old);

/**
 * ipcbook_signal_pending() - which signals are pending, masked or not
 * @signal: a registered handle
 * @set: where they go
 *
 * Return: 0, -ENOTCONN, or what every function can answer.
 */
IPCBOOK_API int ipcbook_signal_pending(struct ipcbook_signal *signal,
				       uint64_t *set);

/**
 * ipcbook_signal_raise() - have an object raise a signal when it becomes ready
 * @signal: a registered handle
 * @fd: a descriptor of the object
 * @event: IPCBOOK_READY_IN or IPCBOOK_READY_OUT: to receive, or to send; the
 *	descriptor must be open for that
 * @number: the signal; 0 to have it raise none any more
 *
 * It is raised when the object goes from not ready to ready, and at once if it
 * is ready now. A queue or pipe does so each time, until it is told to stop; a
 * semaphore or ring, whose readiness the module does not see each time, does so
 * once for each call. @fd may be closed afterwards. The signal's infos.object is
 * the object's id. A signal that finds no room is counted, and lost; one for which
 * there is no memory arrives when there is some.
 *
 * Return: the number that was to be raised before, or 0; or
 *
 * * -EINVAL: @event or @number is not one of these
 * * -EBADF: @fd is not open
 * * -ENOTTY: @fd is not an object
 * * -EACCES: of the device: the default queue does not allow it; of a pipe: the
 *   descriptor only looks
 * * -EOPNOTSUPP: a segment is never ready, nor is a ring's producer to receive;
 *   or see above
 * * -ENOSPC: 64 objects raise something for this handle already
 * * -ENOTCONN: the handle is not registered
 * * what every function can answer
 */
IPCBOOK_API int ipcbook_signal_raise(struct ipcbook_signal *signal, int fd,
				     unsigned int event, int number);

/**
 * typedef ipcbook_signal_fn - what is called for a signal
 * @info: the signal; valid during the call only
 * @arg: what ipcbook_signal_action() was given
 */
typedef void (*ipcbook_signal_fn)(const struct ipcbook_signal_info *info,
				  void *arg);

/**
 * ipcbook_signal_action() - what is done about a signal, as sigaction(2) does
 * @signal: a handle
 * @number: the signal, 1 to 64
 * @fn: called for it by ipcbook_signal_dispatch(); NULL, as at first, ignores it
 * @arg: handed to it
 *
 * Return: 0; -EINVAL if there is no such signal.
 */
IPCBOOK_API int ipcbook_signal_action(struct ipcbook_signal *signal,
				      int number, ipcbook_signal_fn fn,
				      void *arg);

/**
 * ipcbook_signal_dispatch() - waits for signals and handles them
 * @signal: a registered handle
 * @deadline: how long to wait for the first; see ipcbook_deadline()
 *
 * Handles up to 64 that are there, in order, each by one call of its handler,
 * from here and not in the middle of something else: a handler may do anything
 * but close the handle.
 *
 * Return: how many there were, also those that are ignored; or an error of
 * ipcbook_signal_wait().
 */
IPCBOOK_API int ipcbook_signal_dispatch(struct ipcbook_signal *signal,
					uint64_t deadline);

/* Sending */

/**
 * ipcbook_signal_send() - sends signals
 * @signal: a handle; it need not be registered
 * @targets: whom to; 1 to 64
 * @target_count: how many
 * @numbers: which, each to each target; 1 to 64 of them. 0 sends nothing, and
 *	tells whether it could be.
 * @number_count: how many
 * @flags: IPCBOOK_SIGNAL_NOACK, or 0
 * @sent: where to tell what became of it, or NULL; not with NOACK
 *
 * Who may send to whom is as for kill(2). Of a group, those to whom the caller
 * may not send are passed over, as those who are dead. With NOACK the answer is
 * 0 whatever becomes of it, and a system call is saved.
 *
 * Return: how many arrived, at least 1, which may be fewer than asked for; or
 *
 * * -ESRCH: nobody who lives is registered so
 * * -EPERM: none of them may be sent to by the caller
 * * -EAGAIN: all of them have as many pending as they may
 * * -EINVAL: a number or a flag is not one of these; a target has not just one
 *   of the three; a name is empty, or has control characters or a '/'
 * * -E2BIG: more than 64 targets or numbers
 * * -ENAMETOOLONG: a name is longer than 63 bytes
 * * what every function can answer
 */
IPCBOOK_API int
ipcbook_signal_send(struct ipcbook_signal *signal,
		    const struct ipcbook_signal_target *targets,
		    unsigned int target_count, const int *numbers,
		    unsigned int number_count, unsigned int flags,
		    struct ipcbook_signal_sent *sent);

/**
 * ipcbook_signal_kill() - sends one signal to a process, as kill(2) does
 * @signal: a handle
 * @pid: the process
 * @number: the signal
 *
 * Return: as ipcbook_signal_send().
 */
IPCBOOK_API int ipcbook_signal_kill(struct ipcbook_signal *signal, pid_t pid,
				    int number);

/**
 * ipcbook_signal_kill_name() - sends one signal to a name
 * @signal: a handle
 * @name: the name
 * @number: the signal
 *
 * Return: as ipcbook_signal_send().
 */
IPCBOOK_API int ipcbook_signal_kill_name(struct ipcbook_signal *signal,
					 const char *name, int number);

/**
 * ipcbook_signal_kill_group() - sends one signal to everybody in a group
 * @signal: a handle
 * @group: the group
 * @number: the signal
 *
 * Return: as ipcbook_signal_send().
 */
IPCBOOK_API int ipcbook_signal_kill_group(struct ipcbook_signal *signal,
					  const char *group, int number);

/* Looking */

/**
 * typedef ipcbook_signal_list_fn - what is called for each registration
 * @entry: it; valid during the call only
 * @arg: what ipcbook_signal_list() was given
 *
 * Return: 0 to go on; anything else ends the walk and is its answer.
 */
typedef int (*ipcbook_signal_list_fn)(const struct ipcbook_signal_entry *entry,
				      void *arg);

/**
 * ipcbook_signal_list() - walks through those who are registered
 * @fn: called for each that the caller may see
 * @arg: handed to it
 *
 * Return: as ipcbook_list().
 */
IPCBOOK_API int ipcbook_signal_list(ipcbook_signal_list_fn fn, void *arg);

/**
 * ipcbook_signal_number() - a signal by its name
 * @name: as kill -l gives it: TERM, SIGTERM, RTMIN+1, RTMAX-2; or a number, 0
 *	to 64
 *
 * Return: the number; -EINVAL if there is no such signal.
 */
IPCBOOK_API int ipcbook_signal_number(const char *name);

/**
 * ipcbook_signal_name() - a signal's name
 * @number: the signal, 1 to 64
 *
 * Return: a string that lives for ever, as kill -l gives it, without SIG; for 32
 * and 33, which have none, the number; NULL if there is no such signal.
 */
IPCBOOK_API const char *ipcbook_signal_name(int number);

#ifdef __cplusplus
}
#endif

#endif /* IPCBOOK_SIGNAL_H */
