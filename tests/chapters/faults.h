/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every allocation and every user copy of a call fails once, one after the
 * other, by the kernel's fault injection (fail-nth, see fault-injection.rst of
 * the kernel). Only a kernel built for that can do it (debug in the VM).
 *
 * Each fail_each() prints a line "# fail-nth: CALL: N injected, M failed": how
 * many things of the call failed, one a time, and how often that made the call
 * fail; the others it got over.
 */
#ifndef TEST_FAULTS_H
#define TEST_FAULTS_H

#include <sys/wait.h>

#include "harness.h"

#define READ	IPCBOOK_OPEN_READ
#define WRITE	IPCBOOK_OPEN_WRITE
#define CREATE	IPCBOOK_OPEN_CREATE

/* Other errnos than ENOMEM and EFAULT with which a call may fail; or 0. */
static int also_allowed[2];

static inline void allow(int one, int other)
{
	also_allowed[0] = one;
	also_allowed[1] = other;
}

/* Sets how the kernel's allocations fail. */
static inline void set_faults(const char *file, const char *value)
{
	static const char *const kinds[] = { "failslab", "fail_page_alloc" };
	char path[96];

	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s",
			 kinds[i], file);
		spit(path, value);
	}
}

static inline void need_faults(void)
{
	if (access("/proc/thread-self/fail-nth", W_OK))
		not_here("this kernel injects no faults");
	/* Allocations that may wait, and of any order; in silence. */
	set_faults("ignore-gfp-wait", "N");
	set_faults("ignore-gfp-highmem", "N");
	set_faults("min-order", "0");
	set_faults("verbose", "0");
	spit("/sys/kernel/debug/fail_usercopy/verbose", "0");
	give_seconds(60);
	allow(0, 0);
}

/* Opened once: opening it may fail as well. */
static int nth_fd = -1;

/* Arms the failure of the nth thing that can fail. */
static inline void arm(unsigned int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	is(sys(pwrite(nth_fd, text, strlen(text), 0)), strlen(text));
}

/*
 * Disarms; tells how many more things could have happened before one failed, 0 if
 * one has. The copies of these very calls can fail as well.
 */
static inline unsigned int disarm(void)
{
	char text[16] = "";
	unsigned int spared;

	spared = pread(nth_fd, text, sizeof(text) - 1, 0) < 0 ? 1 : atoi(text);
	while (pwrite(nth_fd, "0", 1, 0) != 1)
		;
	return spared;
}

/* The next descriptor has the number it always had: none is left behind. */
static inline void no_descriptor_left(int *next)
{
	int fd = sys(open("/dev/null", O_RDONLY | O_CLOEXEC));

	holds(fd >= 0);
	close(fd);
	if (*next < 0)
		*next = fd;
	is(fd, *next);
}

/* Set by check() where the call went well and told of a failure afterwards. */
static bool failed_later;

/*
 * Calls until nothing fails any more, from the failure of the thing @first on. What
 * a call that failed may answer is ENOMEM or EFAULT; check() then looks whether all
 * is well, and makes ready for the next. Returns how often it failed.
 */
static inline unsigned int fail_each_from(const char *name, unsigned int first,
					  long (*call)(void),
					  void (*check)(long answer))
{
	unsigned int failed = 0;
	int next = -1;

	nth_fd = keep(sys(open("/proc/thread-self/fail-nth", O_RDWR)));
	for (unsigned int n = first; n < first + 1000; n++) {
		unsigned int spared;
		long answer;

		arm(n);
		answer = call();
		spared = disarm();
		if (answer < 0 && answer != -ENOMEM &&
		    answer != -also_allowed[0] && answer != -also_allowed[1])
			is(answer, -EFAULT);
		failed_later = false;
		check(answer);
		failed += answer < 0 || failed_later;
		no_descriptor_left(&next);
		if (spared) {
			holds(answer >= 0 && !failed_later);
			print_message("# fail-nth: %s: %u injected, %u failed\n",
				      name, n - first, failed);
			drop(nth_fd);
			return failed;
		}
	}
	claim(false, "it ends", __FILE__, __LINE__);
	return 0;
}

#define fail_each(name, call, check)					\
	AT(fail_each_from(name, 1, call, check))

/* The same of the last @count things only, of many that are not the module's. */
static inline unsigned int fail_last_of(const char *name, unsigned int count,
					long (*call)(void),
					void (*check)(long answer))
{
	const unsigned int lots = 1000000;
	unsigned int all;
	long answer;

	nth_fd = keep(sys(open("/proc/thread-self/fail-nth", O_RDWR)));
	arm(lots);
	answer = call();
	all = lots - disarm();
	check(answer);
	drop(nth_fd);
	return fail_each_from(name, all > count ? all - count : 1, call, check);
}

#define fail_last(name, count, call, check)				\
	AT(fail_last_of(name, count, call, check))

/* What /proc tells of a descriptor: how many bytes that is. */
static inline long read_fdinfo(int looked_at)
{
	char path[64], text[4096];
	long n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", looked_at);
	fd = sys(open(path, O_RDONLY | O_CLOEXEC));
	if (fd < 0)
		return fd;
	n = sys(read(fd, text, sizeof(text)));
	close(fd);
	return n;
}

static inline void set_copies(const char *file, const char *value)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/kernel/debug/fail_usercopy/%s",
		 file);
	holds(spit(path, value));
}

/* What the call answers to a process of which no copy can be made any more. */
static inline long answer_without_copies(long (*call)(void))
{
	char path[64];
	pid_t pid;
	int status;

	pid = child();
	if (!pid) {
		kill(getpid(), SIGSTOP);
		_exit(-call());
	}
	is(waitpid(pid, &status, WUNTRACED), pid);
	snprintf(path, sizeof(path), "/proc/%d/make-it-fail", pid);
	holds(spit(path, "1"));
	set_copies("task-filter", "Y");
	set_copies("times", "-1");
	set_copies("probability", "100");
	is(sys(kill(pid, SIGCONT)), 0);
	status = reap(pid);
	set_copies("probability", "0");
	return -status;
}

#endif /* TEST_FAULTS_H */
