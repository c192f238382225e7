/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of every chapter stand on.
 *
 * A test program is one file of TEST()s linked with harness.c, which has the
 * main function. Tests run one after the other, as root, with the module
 * loaded; one alone with its name (or a pattern) as first argument or in
 * IPCBOOK_TEST_FILTER. Each starts with a fresh queue q named qname; whatever
 * it started or opened through this harness ends with it, also when it fails.
 *
 * is() and holds() work everywhere: in the test itself, in its child processes
 * and in its threads; a failure there ends that child or thread and fails the
 * test. Tests wait for what they can see (await(), a blocked call's counters)
 * and never for a guessed time; one that hangs is failed by an alarm.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <ipcbook/ipcbook.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define MSEC		1000000LL
#define SEC		1000000000LL

/* --- Tests and what they find ------------------------------------------- */

#define TEST_BETWEEN(name, setup, teardown)				\
	static void name(void **);					\
	static const struct CMUnitTest test_##name			\
	__attribute__((section("tests"), used, no_reorder, aligned(8))) = \
		{ #name, name, setup, teardown, NULL };			\
	static void name(__attribute__((unused)) void **state)
#define TEST_WITH(name, setup)	TEST_BETWEEN(name, setup, fixture_end)

/* A test with a queue of its own, and one without. */
#define TEST(name)	TEST_WITH(name, fixture_queue)
#define BARE_TEST(name)	TEST_WITH(name, fixture_bare)

extern int q;			/* the test's queue, to read and write */
extern char qname[IPCBOOK_NAME_LEN];

int fixture_bare(void **state);
int fixture_queue(void **state);
int fixture_end(void **state);

/* Replace the test's queue by one of these limits (0: the default). */
void limit(uint64_t messages, uint64_t bytes, uint64_t size);

/* A kernel that looks for mistakes: all takes longer, and memory is padded. */
bool slow_kernel(void);

/*
 * Emulated CPUs, of which one may go on executing what another has just patched
 * away: the kernel must not patch what runs.
 */
bool stale_code(void);

/* A test that needs more than the usual minute (on a slow kernel, five). */
void give_seconds(unsigned int seconds);

/* A test that cannot be run here; says why. */
#define not_here(why) do {						\
	print_message("# skipped: %s\n", why);				\
	skip();								\
} while (0)

/* --- Claims --------------------------------------------------------------- */

/* What a system call answers: a negative errno where it failed. */
#define sys(call) ({							\
	long answer_ = (call);						\
	answer_ < 0 ? -(long)errno : answer_;				\
})

#define is(got, want)							\
	claim_equal(#got, (long long)(got), (long long)(want),		\
		    __FILE__, __LINE__)
#define holds(condition)						\
	claim(!!(condition), #condition, __FILE__, __LINE__)

/* Waits until the condition holds; fails if it takes absurdly long. */
#define await(condition) do {						\
	uint64_t end_ = ipcbook_deadline(30 * SEC);			\
	while (!(condition)) {						\
		if (ipcbook_deadline(0) > end_)				\
			claim(false, "await " #condition,		\
			      __FILE__, __LINE__);			\
		breathe();						\
	}								\
} while (0)

/* Where a test calls a helper of the harness that may fail or hang. */
#define AT(call) (at(__FILE__, __LINE__), call)

void at(const char *file, int line);
void claim(bool holds, const char *text, const char *file, int line);
void claim_equal(const char *text, long long got, long long want,
		 const char *file, int line);
void breathe(void);

/* --- Processes ------------------------------------------------------------ */

/* fork(): a child that dies with its test; child_in() in new namespaces. */
pid_t child(void);
pid_t child_in(int namespaces);

/* How a child ended: its exit status, or 128 and the signal. */
int reap(pid_t pid);

/* Give up root for this user and the group of the same number. */
void become(uid_t uid);

/* Run a shell command as a user; its output (cut to size) and exit status. */
int shell(uid_t uid, const char *command, char *output, size_t size);

/* Waits until a thread sleeps in this system call. */
void await_asleep(pid_t tid, long number);

/*
 * From go_first() to go_as_usual(), this thread has the first CPU to itself: who
 * was told to go_behind() does not go on before, although it was woken.
 */
void go_first(void);
void go_behind(pid_t tid);
void go_as_usual(void);

/* A counter that processes can wait for. */
int gate(void);
void gate_open(int gate);
void gate_pass(int gate);

/* Send a descriptor over a UNIX socket, and receive one. */
void pass_fd(int socket, int fd);
int passed_fd(int socket);

/* --- The queue's calls, straight to the module ---------------------------- */

/*
 * Open a queue through the device; closed when the test ends, as what else is
 * kept. A test that is to keep what a chapter would give that was left out of
 * the module (IPCBOOK_WITHOUT) is skipped.
 */
int queue_open(const char *name, unsigned int flags);
int keep(int fd);
void drop(int fd);

/* The whole answer of an ioctl, as the kernel gave it. */
long ask(int fd, unsigned long request, void *argument);
long ask_device(unsigned long request, void *argument);

/* Give an object another owner, group, mode: IPCBOOK_CHANGE_... in mask. */
long change_object(int fd, uint32_t mask, uid_t uid, gid_t gid, uint32_t mode);

long queue_send(int fd, int64_t type, const void *buf, size_t len,
		unsigned int flags, uint64_t deadline);
long queue_recv(int fd, enum ipcbook_select select, int64_t type, void *buf,
		size_t len, unsigned int flags, uint64_t deadline,
		struct ipcbook_queue_info *info);
/* Receive without waiting, and throw it away; returns its length. */
long queue_take(int fd, enum ipcbook_select select, int64_t type);
long queue_peek(int fd, enum ipcbook_select select, int64_t type, void *buf,
		size_t len, struct ipcbook_queue_info *info);
long queue_select(int fd, enum ipcbook_select select, int64_t type);
long queue_send_batch(int fd, struct ipcbook_queue_entry *entries,
		      unsigned int count, unsigned int flags,
		      uint64_t deadline);
long queue_recv_batch(int fd, enum ipcbook_select select, int64_t type,
		      struct ipcbook_queue_entry *entries, unsigned int count,
		      unsigned int flags, uint64_t deadline);
long queue_unlink(const char *name);
struct ipcbook_stat queue_stat(int fd);

/* Send a text; receive, without waiting, and find this text. */
#define put(fd, type, text)						\
	is(queue_send(fd, type, text, strlen(text), IPCBOOK_NOWAIT, 0), 0)
#define got(fd, select, type, text)					\
	claim_got(fd, select, type, text, __FILE__, __LINE__)
#define is_empty(fd)	is(queue_take(fd, IPCBOOK_ANY, 0), -EAGAIN)

/* A queue still does what it is for. */
#define works(fd)	claim_works(fd, __FILE__, __LINE__)

void claim_got(int fd, enum ipcbook_select select, int64_t type,
	       const char *text, const char *file, int line);
void claim_works(int fd, const char *file, int line);

/* Receive and throw away what there is. */
void drain(int fd);

/* Send n messages of len bytes. */
void fill(int fd, int64_t type, size_t len, unsigned int n);

/* Waits until exactly so many receivers and senders are blocked. */
void await_waiting(int fd, uint64_t receivers, uint64_t senders);

/* --- Blocked calls, each in a thread of its own --------------------------- */

/**
 * struct call - a send or a receive that another thread makes
 *
 * Between call_new() and call_recv() or call_send(), the arguments can be
 * changed: @buf points to @room and @len is its size (to send: 1).
 *
 * @result: what it returned, from call_end() on
 */
struct call {
	int fd;
	enum ipcbook_select select;
	int64_t type;
	void *buf;
	size_t len;
	unsigned int flags;
	uint64_t deadline;
	struct ipcbook_queue_info info;
	char room[64];
	long result;
	pid_t tid;
	pthread_t thread;
	long (*make)(struct call *call);
	bool joined;
	_Atomic bool done;
	struct call *next;
};

struct call *call_new(int fd, enum ipcbook_select select, int64_t type);

/* Start it, and wait until it is blocked. */
void call_recv(struct call *call);
void call_send(struct call *call);

/* Start anything, and wait until it sleeps in this system call. */
void call_other(struct call *call, long (*make)(struct call *call),
		long number);

/* The usual ones in one step. */
struct call *receiver(int fd, enum ipcbook_select select, int64_t type);
struct call *sender(int fd, int64_t type, size_t len);

/* Wait for its end and return its result. */
long call_end(struct call *call);

/*
 * Give q a limit of one message, and let two lie in it, "x" of type 1 and "handed"
 * of type 2, which came back from a receiver: then nothing goes from hand to hand.
 */
void make_crowded(void);

/* --- Memory, files, parameters, users ------------------------------------- */

/* n bytes that end where nothing more may be touched; and nothing at all. */
void *edge(size_t n);
void *nowhere(void);

/* A small file's text, up to the next call; NULL if it cannot be read. */
const char *slurp(const char *path);
bool spit(const char *path, const char *text);

/* What is written into a small file of the system's, put back when the test ends. */
void set_file(const char *path, const char *text);

/* A parameter of the module, put back when the test ends. */
unsigned long parameter(const char *name);
void set_parameter(const char *name, unsigned long value);

#ifndef HARNESS_ITSELF
#define await_asleep(tid, number)	AT(await_asleep(tid, number))
#define await_waiting(fd, r, s)		AT(await_waiting(fd, r, s))
#define call_end(call)			AT(call_end(call))
#define call_other(call, make, number)	AT(call_other(call, make, number))
#define call_recv(call)			AT(call_recv(call))
#define call_send(call)			AT(call_send(call))
#define fill(fd, type, len, n)		AT(fill(fd, type, len, n))
#define gate_pass(gate)			AT(gate_pass(gate))
#define go_as_usual()			AT(go_as_usual())
#define go_behind(tid)			AT(go_behind(tid))
#define go_first()			AT(go_first())
#define keep(fd)			AT(keep(fd))
#define limit(messages, bytes, size)	AT(limit(messages, bytes, size))
#define make_crowded()			AT(make_crowded())
#define queue_stat(fd)			AT(queue_stat(fd))
#define reap(pid)			AT(reap(pid))
#define receiver(fd, select, type)	AT(receiver(fd, select, type))
#define sender(fd, type, len)		AT(sender(fd, type, len))
#endif

#endif /* HARNESS_H */
