// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs a program, and tells where in the module it has been.
 *
 * A worker hands out the lines, one after the other. Who makes the calls are
 * two processes of two threads each, which share with the worker the memory in
 * which lines and results stand: the first (A, B) lasts from program to program
 * as long as none of its calls blocks, the second (C, D) is forked by A in each
 * program that needs it, and killed at its end. A blocked process is killed, and
 * so is everything that the program made.
 *
 * Where the kernel has KCOV, each of the four has a buffer for it, mapped by the
 * worker: what was reached is known also of who was killed. With a module built to
 * tell ipcbook_reached.ko, it is known only whether all of them together have
 * reached something new; but on any kernel.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define KCOV_INIT_TRACE	_IOR('c', 1, unsigned long)
#define KCOV_ENABLE	_IO('c', 100)
#define KCOV_TRACE_PC	0
#define COVER		(1UL << 16)
#define REACHED		"/sys/kernel/debug/ipcbook_reached/"

/* What a strand can be told beside the index of a line. */
enum { DO_FORK = LINES, DO_RESET };

/* What worker and strands share. */
struct shared {
	struct strand strands[STRANDS];
	long results[LINES];
	struct program program;
	_Atomic pid_t other;
};

static struct shared *shared;
static pid_t first;	/* the process of A and B */
static bool with_kcov;
static bool with_count;	/* of places that ipcbook_reached.ko knows */
static unsigned long text_start;
static _Thread_local sigjmp_buf *rescue;

struct coverage *coverage;
struct strand *strands;

static unsigned long section(const char *name)
{
	char path[100];
	unsigned long start = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/module/ipcbook/sections/%s", name);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%lx", &start) != 1)
		start = 0;
	fclose(file);
	return start;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	/* what a kernel does not have is done without */
	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		perror(path);
	close(fd);
}

/*
 * Who makes the calls has a memory cgroup, of its worker, and comes first should
 * memory end all the same: root may ask for more than there is.
 */
static char cgroup[64];

static void make_cgroup(void)
{
	char path[100];

	snprintf(cgroup, sizeof(cgroup), "/sys/fs/cgroup/fuzz-%d", getpid());
	if (mkdir(cgroup, 0755))
		return;
	snprintf(path, sizeof(path), "%s/memory.max", cgroup);
	write_file(path, "600M");
	write_file("/proc/self/oom_score_adj", "-1000");
}

static void enter_cgroup(void)
{
	char path[100], text[16];

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	snprintf(text, sizeof(text), "%d", getpid());
	write_file(path, text);
	write_file("/proc/self/oom_score_adj", "1000");
}

static void set_fault(const char *kind, const char *file, const char *value)
{
	char path[100];

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", kind, file);
	write_file(path, value);
}

static void *share(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED) {
		perror("ipcbook-fuzz: memory");
		exit(2);
	}
	return at;
}

bool execute_prepare(void)
{
	/* Allocations that may wait, and of any order; in silence. */
	set_fault("failslab", "ignore-gfp-wait", "N");
	set_fault("failslab", "verbose", "0");
	set_fault("fail_page_alloc", "ignore-gfp-wait", "N");
	set_fault("fail_page_alloc", "min-order", "0");
	set_fault("fail_page_alloc", "verbose", "0");
	set_fault("fail_usercopy", "verbose", "0");
	coverage = share(sizeof(*coverage));
	text_start = section(".text");
	with_count = !access(REACHED "count", R_OK);
	with_kcov = !with_count && !access("/sys/kernel/debug/kcov", R_OK);
	return with_kcov || with_count;
}

void execute_begin(void)
{
	shared = share(sizeof(*shared));
	strands = shared->strands;
	make_cgroup();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (unsigned int i = 0; with_kcov && i < STRANDS; i++) {
		int fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);

		strands[i].cover_fd = fcntl(fd, F_DUPFD_CLOEXEC, 310);
		close(fd);
		if (ioctl(strands[i].cover_fd, KCOV_INIT_TRACE, COVER)) {
			perror("ipcbook-fuzz: kcov");
			exit(2);
		}
		strands[i].cover = mmap(NULL, COVER * sizeof(long),
					PROT_READ | PROT_WRITE, MAP_SHARED,
					strands[i].cover_fd, 0);
		if (strands[i].cover == MAP_FAILED) {
			perror("ipcbook-fuzz: kcov");
			exit(2);
		}
	}
}

/* ----------------------------------------------------- those who make the calls */

static void futex_wait(_Atomic uint32_t *word, uint32_t value, long nanoseconds)
{
	struct timespec time = { .tv_nsec = nanoseconds };

	syscall(SYS_futex, word, FUTEX_WAIT, value,
		nanoseconds ? &time : NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

pid_t other_process(void)
{
	return shared->other;
}

bool disposable(const struct strand *strand)
{
	return strand - strands >= 2;
}

static void rescued(int number)
{
	if (rescue)
		siglongjmp(*rescue, 1);
	signal(number, SIG_DFL);
	raise(number);
}

static void interrupted(int number)
{
	(void)number;
}

static void make_call(struct strand *strand, unsigned int index)
{
	const struct line *line = &shared->program.lines[index];
	uint64_t args[ARGS];
	sigjmp_buf env;
	char nth[8];
	long result;

	for (unsigned int n = 0; n < ARGS; n++)
		args[n] = line->refers >> n & 1 && line->args[n] < LINES ?
			  (uint64_t)shared->results[line->args[n]] :
			  line->args[n];
	if (strand->cover && strand->mark_count < LINES)
		strand->marks[strand->mark_count++] = strand->cover[0];
	if (line->fault && strand->fault_fd >= 0)
		if (pwrite(strand->fault_fd, nth,
			   sprintf(nth, "%u", line->fault), 0) < 0)
			strand->fault_fd = -1;
	if (!sigsetjmp(env, 0)) {
		rescue = &env;
		result = calls[line->call].run(strand, args);
	} else {
		result = -EFAULT;
	}
	rescue = NULL;
	if (line->fault && strand->fault_fd >= 0)
		for (unsigned int i = 0; i < 20; i++)
			if (pwrite(strand->fault_fd, "0", 1, 0) == 1)
				break;
	shared->results[index] = result;
}

static void *work(void *arg);

static void begin_strand(struct strand *strand)
{
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);

	strand->fault_fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 320);
	if (fd >= 0)
		close(fd);
	/* it may be that who had the buffer before has not quite ended */
	for (unsigned int i = 0; strand->cover && i < 1000; i++) {
		if (!ioctl(strand->cover_fd, KCOV_ENABLE, KCOV_TRACE_PC))
			break;
		usleep(1000);
	}
	strand->tid = syscall(SYS_gettid);
	futex_wake(&strand->done);
}

static void begin_thread(struct strand *strand)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 128 << 10);
	pthread_create(&thread, &attributes, work, strand);
	pthread_attr_destroy(&attributes);
}

/* A forks the process of C and D. */
static void fork_other(void)
{
	pid_t pid;

	strands[2].done = strands[2].turn;
	strands[3].done = strands[3].turn;
	pid = fork();
	if (pid) {
		shared->other = pid > 0 ? pid : 0;
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	begin_thread(&strands[3]);
	work(&strands[2]);
}

static void reset(void)
{
	if (shared->other) {
		kill(shared->other, SIGKILL);
		waitpid(shared->other, NULL, 0);
		shared->other = 0;
		strands[2].tid = 0;
		strands[3].tid = 0;
	}
	calls_reset();
}

static void *work(void *arg)
{
	struct strand *strand = arg;

	begin_strand(strand);
	for (;;) {
		uint32_t turn = strand->turn;

		if (turn == strand->done) {
			futex_wait(&strand->turn, turn, 0);
			continue;
		}
		if (strand->line < LINES)
			make_call(strand, strand->line);
		else if (strand->line == DO_FORK)
			fork_other();
		else
			reset();
		strand->done = turn;
		futex_wake(&strand->done);
	}
	return NULL;
}

static void begin_first(void)
{
	struct sigaction action = { .sa_handler = rescued, .sa_flags = SA_NODEFER };

	for (unsigned int i = 0; i < STRANDS; i++) {
		strands[i].done = strands[i].turn;
		strands[i].tid = 0;
	}
	shared->other = 0;
	first = fork();
	if (first < 0) {
		perror("ipcbook-fuzz: fork");
		exit(2);
	}
	if (first)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	enter_cgroup();
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	action.sa_handler = interrupted;
	sigaction(SIGUSR1, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGIO, SIG_IGN);
	calls_begin();
	begin_thread(&strands[1]);
	work(&strands[0]);
}

/* ------------------------------------------------------------------ the worker */

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static bool idle(const struct strand *strand)
{
	return strand->tid && strand->done == strand->turn;
}

/* Waits so long for a strand. */
static bool wait_idle(struct strand *strand, unsigned int ms)
{
	uint64_t end = now() + ms * 1000000ULL;

	for (unsigned int i = 0; i < 100 && !idle(strand); i++)
		sched_yield();
	while (!idle(strand)) {
		uint32_t done = strand->done;

		if (now() > end)
			return false;
		if (done != strand->turn || !strand->tid)
			futex_wait(&strand->done, done, 1000000);
	}
	return true;
}

/* Whether its thread sleeps, and not in its wait for a line. */
static bool asleep(const struct strand *strand)
{
	char path[40], text[256], *end;
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", strand->tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[length > 0 ? length : 0] = 0;
	end = strrchr(text, ')');
	return !end || end[2] != 'R';
}

/*
 * Waits until a strand has done its line, or sleeps in it and has for so long;
 * true if it has done it. How fast the machine is does not matter so, nor how
 * exact its timers are: what is expected is over soon.
 */
static bool settled(struct strand *strand, unsigned int ms)
{
	uint64_t began = now(), end = began + ms * 1000000ULL;
	unsigned int sleeps = 0;

	while (sleeps < 2) {
		for (unsigned int i = 0; i < 50; i++) {
			if (idle(strand))
				return true;
			sched_yield();
		}
		if (now() > began + 10000000000ULL)
			break;
		if (!asleep(strand))
			sleeps = 0;
		else if (now() >= end)
			sleeps++;
	}
	return idle(strand);
}

static void tell(struct strand *strand, unsigned int line)
{
	strand->line = line;
	strand->turn++;
	futex_wake(&strand->turn);
}

/* Waits for a process that was killed; false if it does not die. */
static bool gone(pid_t pid)
{
	uint64_t end = now() + 90 * 1000000000ULL;
	pid_t ended;

	while (now() < end) {
		ended = waitpid(-1, NULL, WNOHANG);
		if (ended == pid || (ended < 0 && errno == ECHILD))
			return true;
		if (!ended)
			usleep(200);
	}
	return false;
}

static unsigned int fold(struct strand *strand)
{
	unsigned long previous = 0, n = strand->cover[0];
	unsigned int new = 0, mark = 0;

	if (n > COVER - 1)
		n = COVER - 1;
	for (unsigned long i = 0; i < n; i++) {
		unsigned long place = strand->cover[i + 1] - text_start;
		unsigned long edge;

		if (mark < strand->mark_count && i == strand->marks[mark]) {
			previous = 0;
			mark++;
		}
		edge = ((place * 0x9e3779b97f4a7c15ULL >> 20) ^ previous) %
		       EDGES;
		previous = (place * 0x9e3779b97f4a7c15ULL >> 21) % EDGES;
		if (place < PLACES && !coverage->places[place]) {
			coverage->places[place] = 1;
			coverage->place_count++;
		}
		if (!coverage->edges[edge]) {
			coverage->edges[edge] = 1;
			coverage->edge_count++;
			new++;
		}
	}
	return new;
}

/* How many places are new, to ipcbook_reached.ko. */
static unsigned int counted(void)
{
	uint64_t count = 0, before;
	FILE *file = fopen(REACHED "count", "re");

	/* it cannot be read twice */
	if (!file)
		return 0;
	if (fscanf(file, "%" SCNu64, &count) != 1)
		count = 0;
	fclose(file);
	before = atomic_exchange(&coverage->place_count, count);
	return count > before ? count - before : 0;
}

void execute(const struct program *program, struct outcome *outcome)
{
	uint64_t began = now();
	bool blocked = false;

	outcome->new_edges = 0;
	outcome->stuck = false;
	if (!first)
		begin_first();
	for (unsigned int i = 0; i < STRANDS; i++) {
		strands[i].mark_count = 0;
		if (strands[i].cover)
			__atomic_store_n(&strands[i].cover[0], 0,
					 __ATOMIC_RELAXED);
	}
	outcome->times[0] = now() - began;
	shared->program = *program;
	for (unsigned int i = 0; i < LINES; i++)
		shared->results[i] = -EINPROGRESS;
	wait_idle(&strands[0], 20000);
	wait_idle(&strands[1], 20000);

	for (unsigned int i = 0; i < program->count; i++) {
		struct strand *strand = &strands[program->lines[i].strand];

		if (disposable(strand) && !shared->other &&
		    idle(&strands[0])) {
			tell(&strands[0], DO_FORK);
			wait_idle(&strands[0], 2000);
			wait_idle(&strands[2], 2000);
			wait_idle(&strands[3], 2000);
		}
		if (!settled(strand, 0)) {
			shared->results[i] = -EBUSY;
			continue;
		}
		tell(strand, i);
		if (!program->lines[i].ahead)
			settled(strand, 0);
	}
	outcome->times[1] = now() - began;
	/* those who wait for a time that passes, but not who wait for ever */
	for (unsigned int i = 0; i < 2; i++)
		if (!settled(&strands[i], i ? 0 : 6))
			blocked = true;
	if (!blocked) {
		tell(&strands[0], DO_RESET);
		blocked = !wait_idle(&strands[0], 20000);
	}
	memcpy(outcome->results, shared->results, sizeof(outcome->results));
	outcome->blocked = blocked;
	outcome->times[2] = now() - began;
	if (blocked) {
		kill(first, SIGKILL);
		if (shared->other)
			kill(shared->other, SIGKILL);
		outcome->stuck = !gone(first);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		first = 0;
	}
	calls_forget(program);
	for (unsigned int i = 0; i < STRANDS; i++)
		if (strands[i].cover)
			outcome->new_edges += fold(&strands[i]);
	if (with_count)
		outcome->new_edges = counted();
	outcome->times[3] = now() - began;
}

void execute_end(void)
{
	if (first) {
		kill(first, SIGKILL);
		if (shared->other)
			kill(shared->other, SIGKILL);
		gone(first);
	}
	first = 0;
}

/* Where all workers have been: sections and addresses, a line each. */
bool coverage_write(const char *path)
{
	FILE *file = fopen(path, "we"), *places;
	DIR *dir = opendir("/sys/module/ipcbook/sections");
	struct dirent *entry;
	int byte;

	if (!file || !dir)
		return false;
	places = with_count ? fopen(REACHED "places", "re") : NULL;
	while (places && (byte = getc(places)) != EOF)
		putc(byte, file);
	if (places)
		fclose(places);
	while ((entry = readdir(dir)))
		if (strstr(entry->d_name, "text"))
			fprintf(file, "section %s %#lx\n", entry->d_name,
				section(entry->d_name));
	closedir(dir);
	for (unsigned int i = 0; i < PLACES; i++)
		if (coverage->places[i])
			fprintf(file, "at %#lx\n", text_start + i);
	return !fclose(file);
}
