// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the tests of every chapter stand on; see harness.h.
 */
#include <grp.h>
#include <linux/sched.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#define HARNESS_ITSELF
#include "harness.h"

#define TEST_SECONDS 60

extern const struct CMUnitTest __start_tests[], __stop_tests[];

int q = -1;
char qname[IPCBOOK_NAME_LEN];

/* The last helper called by the test, or by a child or thread of its. */
static __thread struct {
	const char *file;
	int line;
} last;

/* What a child or a thread found wrong first; children share it. */
static struct {
	bool set;
	char text[400];
} *elsewhere;

static bool in_child;
static pid_t main_tid;
static unsigned int seconds;
static bool late;

/* What the running test has to give back. */
static int kept_fds[512];
static unsigned int kept_fds_count;
static pid_t children[512];
static unsigned int children_count;
static struct call *calls;
static struct {
	char path[80];
	char text[32];
} files[16];
static unsigned int files_count;
static bool goes_first;
static cpu_set_t cpus_before;

static int open_limited(const char *name, uint64_t messages, uint64_t bytes,
			uint64_t size);

/* --- Claims --------------------------------------------------------------- */

void at(const char *file, int line)
{
	last.file = file;
	last.line = line;
}

static void fail_elsewhere(const char *text, const char *file, int line)
{
	if (!__atomic_exchange_n(&elsewhere->set, true, __ATOMIC_SEQ_CST))
		snprintf(elsewhere->text, sizeof(elsewhere->text),
			 "%s:%d: %s", file, line, text);
	if (in_child)
		_exit(99);
	pthread_exit(NULL);
}

static void fail_here(const char *text, const char *file, int line)
{
	char whole[1024];

	/* The test's own line says more than one of the harness. */
	if (last.file && !strcmp(file, __FILE__)) {
		file = last.file;
		line = last.line;
	}
	if (in_child || gettid() != main_tid)
		fail_elsewhere(text, file, line);
	snprintf(whole, sizeof(whole), "%s%s%s", text,
		 elsewhere->set ? "; in a child or thread: " : "",
		 elsewhere->set ? elsewhere->text : "");
	_assert_true(0, whole, file, line);
}

void claim(bool holds, const char *text, const char *file, int line)
{
	char whole[512];

	if (holds)
		return;
	snprintf(whole, sizeof(whole), "does not hold: %s", text);
	fail_here(whole, file, line);
}

static const char *number(char text[48], long long value)
{
	const char *name = NULL;

	if (value < 0 && value > -200)
		name = strerrorname_np(-value);
	if (name)
		snprintf(text, 48, "-%s", name);
	else
		snprintf(text, 48, "%lld", value);
	return text;
}

void claim_equal(const char *text, long long got, long long want,
		 const char *file, int line)
{
	char whole[512], a[48], b[48];

	if (got == want)
		return;
	snprintf(whole, sizeof(whole), "%s: expected %s, got %s", text,
		 number(a, want), number(b, got));
	fail_here(whole, file, line);
}

void breathe(void)
{
	static const struct timespec pause = { .tv_nsec = 200000 };

	ppoll(NULL, 0, &pause, NULL);
}

/* --- The test's surroundings ---------------------------------------------- */

static void too_long(__attribute__((unused)) int signal)
{
	char text[80];

	/* Should giving back what the test has hang too: nothing can help. */
	if (late) {
		dprintf(STDOUT_FILENO, "Bail out! a test hangs\n");
		_exit(98);
	}
	late = true;
	snprintf(text, sizeof(text), "took longer than %u s", seconds);
	alarm(TEST_SECONDS);
	fail_here(text, __FILE__, __LINE__);
}

/* Asked when a test begins: an ordinary user may not look there. */
bool slow_kernel(void)
{
	static int slow = -1;

	if (slow < 0)
		slow = !access("/sys/kernel/debug/kmemleak", F_OK) ||
		       !access("/sys/kernel/debug/kcsan", F_OK);
	return slow;
}

bool stale_code(void)
{
	const char *text = slurp("/proc/cpuinfo");

	holds(text);
	return strstr(text, "QEMU TCG") &&
	       sysconf(_SC_NPROCESSORS_ONLN) > 1 && !getenv("IPCBOOK_IN_TURNS");
}

void give_seconds(unsigned int more)
{
	seconds = slow_kernel() ? 5 * more : more;
	alarm(seconds);
}

int keep(int fd)
{
	/* A module without a chapter can do without what else needs it. */
	if (fd == -EOPNOTSUPP && getenv("IPCBOOK_WITHOUT") && !in_child &&
	    gettid() == main_tid)
		not_here("needs the chapter that is left out");
	holds(fd >= 0);
	holds(kept_fds_count < ARRAY_SIZE(kept_fds));
	kept_fds[kept_fds_count++] = fd;
	return fd;
}

void drop(int fd)
{
	for (unsigned int i = 0; i < kept_fds_count; i++)
		if (kept_fds[i] == fd)
			kept_fds[i] = kept_fds[--kept_fds_count];
	close(fd);
}

int fixture_bare(__attribute__((unused)) void **state)
{
	static const struct sigaction action = {
		.sa_handler = too_long,
		.sa_flags = SA_NODEFER,
	};

	elsewhere->set = false;
	late = false;
	last.file = NULL;
	sigaction(SIGALRM, &action, NULL);
	give_seconds(TEST_SECONDS);
	return 0;
}

int fixture_queue(void **state)
{
	static unsigned int serial;

	fixture_bare(state);
	snprintf(qname, sizeof(qname), "test-%d-%u", getpid(), ++serial);
	q = open_limited(qname, 0, 0, 0);
	is(q < 0 ? q : 0, 0);
	return 0;
}

void limit(uint64_t messages, uint64_t bytes, uint64_t size)
{
	close(q);
	is(queue_unlink(qname), 0);
	q = open_limited(qname, messages, bytes, size);
	is(q < 0 ? q : 0, 0);
}

/* Unlinking the queue has ended every call that was still blocked in it. */
static bool join_all(void)
{
	struct timespec end;
	struct call *call;
	bool fine = true;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 10;
	while ((call = calls)) {
		calls = call->next;
		if (!call->joined &&
		    pthread_timedjoin_np(call->thread, NULL, &end)) {
			fine = false;
			continue;
		}
		free(call);
	}
	return fine;
}

static void put_files_back(void)
{
	while (files_count) {
		files_count--;
		spit(files[files_count].path, files[files_count].text);
	}
}

int fixture_end(__attribute__((unused)) void **state)
{
	bool fine;

	go_as_usual();
	put_files_back();
	while (children_count) {
		children_count--;
		kill(children[children_count], SIGKILL);
		waitpid(children[children_count], NULL, 0);
	}
	if (q >= 0) {
		queue_unlink(qname);
		close(q);
		q = -1;
	}
	while (kept_fds_count)
		close(kept_fds[--kept_fds_count]);
	fine = join_all();
	alarm(0);
	if (!fine)
		print_error("a thread did not end with its queue\n");
	if (elsewhere->set)
		print_error("in a child or thread: %s\n", elsewhere->text);
	return fine && !elsewhere->set ? 0 : -1;
}

int main(int argc, char **argv)
{
	const char *filter = argc > 1 ? argv[1] : getenv("IPCBOOK_TEST_FILTER");

	if (access(IPCBOOK_DEVICE, F_OK)) {
		printf("Bail out! " IPCBOOK_DEVICE
		       " is not there: is the module loaded?\n");
		return 2;
	}
	main_tid = gettid();
	setvbuf(stdout, NULL, _IOLBF, 0);
	elsewhere = mmap(NULL, sizeof(*elsewhere), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (filter && *filter)
		cmocka_set_test_filter(filter);
	return _cmocka_run_group_tests(program_invocation_short_name,
				       __start_tests,
				       __stop_tests - __start_tests,
				       NULL, NULL);
}

/* --- Processes ------------------------------------------------------------ */

/* cmocka's handlers would let a child go on with the next test. */
static void start_child(pid_t parent)
{
	static const int caught[] = {
		SIGALRM, SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGSYS,
	};

	in_child = true;
	for (unsigned int i = 0; i < ARRAY_SIZE(caught); i++)
		signal(caught[i], SIG_DFL);
	children_count = 0;
	files_count = 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It may have died before; a parent out of sight is 0. */
	if (getppid() && getppid() != parent)
		_exit(128 + SIGKILL);
}

pid_t child_in(int namespaces)
{
	pid_t pid, parent = getpid();

	fflush(NULL);
	holds(children_count < ARRAY_SIZE(children));
	pid = sys(syscall(SYS_clone, namespaces | SIGCHLD, 0, 0, 0, 0));
	if (!pid)
		start_child(parent);
	else if (pid > 0)
		children[children_count++] = pid;
	holds(pid >= 0);
	return pid;
}

pid_t child(void)
{
	return child_in(0);
}

int reap(pid_t pid)
{
	int status;

	is(waitpid(pid, &status, 0), pid);
	for (unsigned int i = 0; i < children_count; i++)
		if (children[i] == pid)
			children[i] = children[--children_count];
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   128 + WTERMSIG(status);
}

void become(uid_t uid)
{
	is(sys(setgroups(0, NULL)), 0);
	is(sys(setresgid(uid, uid, uid)), 0);
	is(sys(setresuid(uid, uid, uid)), 0);
}

int shell(uid_t uid, const char *command, char *output, size_t size)
{
	size_t have = 0;
	int ends[2];
	ssize_t n;
	pid_t pid;

	is(sys(pipe2(ends, O_CLOEXEC)), 0);
	pid = child();
	if (!pid) {
		dup2(ends[1], STDOUT_FILENO);
		become(uid);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	close(ends[1]);
	while (have < size - 1 &&
	       (n = read(ends[0], output + have, size - 1 - have)) > 0)
		have += n;
	output[have] = '\0';
	close(ends[0]);
	return reap(pid);
}

/* /proc/TID/syscall begins with the number of the call it sleeps in. */
void await_asleep(pid_t tid, long number)
{
	char path[64], want[16];
	const char *text;

	snprintf(path, sizeof(path), "/proc/%d/syscall", tid);
	snprintf(want, sizeof(want), "%ld ", number);
	await((text = slurp(path)) && !strncmp(text, want, strlen(want)));
}

void go_behind(pid_t tid)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	is(sys(sched_setaffinity(tid, sizeof(one), &one)), 0);
}

void go_first(void)
{
	const struct sched_param first = { .sched_priority = 1 };

	is(sys(sched_getaffinity(0, sizeof(cpus_before), &cpus_before)), 0);
	goes_first = true;
	go_behind(0);
	is(sys(sched_setscheduler(0, SCHED_FIFO, &first)), 0);
}

void go_as_usual(void)
{
	const struct sched_param usual = { 0 };

	if (!goes_first)
		return;
	goes_first = false;
	is(sys(sched_setscheduler(0, SCHED_OTHER, &usual)), 0);
	is(sys(sched_setaffinity(0, sizeof(cpus_before), &cpus_before)), 0);
}

int gate(void)
{
	return keep(sys(eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC)));
}

void gate_open(int gate)
{
	is(sys(write(gate, &(uint64_t){ 1 }, 8)), 8);
}

void gate_pass(int gate)
{
	uint64_t one;

	is(sys(read(gate, &one, 8)), 8);
}

void pass_fd(int socket, int fd)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {
		.head.cmsg_level = SOL_SOCKET,
		.head.cmsg_type = SCM_RIGHTS,
		.head.cmsg_len = CMSG_LEN(sizeof(int)),
	};
	struct iovec byte = { "", 1 };
	struct msghdr message = {
		.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	is(sys(sendmsg(socket, &message, 0)), 1);
}

int passed_fd(int socket)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec vector = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int fd;

	is(sys(recvmsg(socket, &message, MSG_CMSG_CLOEXEC)), 1);
	is(control.head.cmsg_type, SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(&control.head), sizeof(fd));
	return keep(fd);
}

/* --- The queue's calls ---------------------------------------------------- */

/* ioctl(2) of some C libraries keeps only 32 bits of what the kernel says. */
long ask(int fd, unsigned long request, void *argument)
{
	return sys(syscall(SYS_ioctl, fd, request, argument));
}

long ask_device(unsigned long request, void *argument)
{
	int device = open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC);
	long answer;

	holds(device >= 0);
	answer = ask(device, request, argument);
	close(device);
	return answer;
}

long change_object(int fd, uint32_t mask, uid_t uid, gid_t gid, uint32_t mode)
{
	struct ipcbook_change arg = {
		.size = sizeof(arg),
		.mask = mask,
		.uid = uid,
		.gid = gid,
		.mode = mode,
	};

	return ask(fd, IPCBOOK_IOC_CHANGE, &arg);
}

static int open_limited(const char *name, uint64_t messages, uint64_t bytes,
			uint64_t size)
{
	struct ipcbook_open arg = {
		.size = sizeof(arg),
		.chapter = IPCBOOK_QUEUE,
		.flags = IPCBOOK_OPEN_READ | IPCBOOK_OPEN_WRITE |
			 IPCBOOK_OPEN_CREATE | IPCBOOK_OPEN_EXCL |
			 IPCBOOK_OPEN_CLOEXEC,
		.mode = 0600,
		.queue = { messages, bytes, size },
	};

	snprintf(arg.name, sizeof(arg.name), "%s", name);
	return ask_device(IPCBOOK_IOC_OPEN, &arg);
}

int queue_open(const char *name, unsigned int flags)
{
	struct ipcbook_open arg = {
		.size = sizeof(arg),
		.chapter = IPCBOOK_QUEUE,
		.flags = flags | IPCBOOK_OPEN_CLOEXEC,
		.mode = 0600,
	};
	int fd;

	if (name)
		snprintf(arg.name, sizeof(arg.name), "%s", name);
	else
		arg.flags |= IPCBOOK_OPEN_ANON;
	fd = ask_device(IPCBOOK_IOC_OPEN, &arg);
	return fd < 0 ? fd : keep(fd);
}

long queue_unlink(const char *name)
{
	struct ipcbook_unlink arg = {
		.size = sizeof(arg),
		.chapter = IPCBOOK_QUEUE,
	};

	snprintf(arg.name, sizeof(arg.name), "%s", name);
	return ask_device(IPCBOOK_IOC_UNLINK, &arg);
}

long queue_send(int fd, int64_t type, const void *buf, size_t len,
		unsigned int flags, uint64_t deadline)
{
	struct ipcbook_queue_send arg = {
		.size = sizeof(arg),
		.flags = flags,
		.deadline = deadline,
		.type = type,
		.buf = (uintptr_t)buf,
		.len = len,
	};

	return ask(fd, IPCBOOK_IOC_QUEUE_SEND, &arg);
}

long queue_recv(int fd, enum ipcbook_select select, int64_t type, void *buf,
		size_t len, unsigned int flags, uint64_t deadline,
		struct ipcbook_queue_info *info)
{
	struct ipcbook_queue_recv arg = {
		.size = sizeof(arg),
		.flags = flags,
		.deadline = deadline,
		.type = type,
		.select = select,
		.buf = (uintptr_t)buf,
		.len = len,
		.info = (uintptr_t)info,
	};

	return ask(fd, IPCBOOK_IOC_QUEUE_RECV, &arg);
}

long queue_take(int fd, enum ipcbook_select select, int64_t type)
{
	char room[8192];

	return queue_recv(fd, select, type, room, sizeof(room), IPCBOOK_NOWAIT,
			  0, NULL);
}

long queue_peek(int fd, enum ipcbook_select select, int64_t type, void *buf,
		size_t len, struct ipcbook_queue_info *info)
{
	return queue_recv(fd, select, type, buf, len, IPCBOOK_PEEK, 0, info);
}

long queue_select(int fd, enum ipcbook_select select, int64_t type)
{
	struct ipcbook_queue_select arg = {
		.size = sizeof(arg),
		.select = select,
		.type = type,
	};

	return ask(fd, IPCBOOK_IOC_QUEUE_SELECT, &arg);
}

long queue_send_batch(int fd, struct ipcbook_queue_entry *entries,
		      unsigned int count, unsigned int flags, uint64_t deadline)
{
	struct ipcbook_queue_batch arg = {
		.size = sizeof(arg),
		.flags = flags,
		.deadline = deadline,
		.count = count,
		.entries = (uintptr_t)entries,
	};

	return ask(fd, IPCBOOK_IOC_QUEUE_SEND_BATCH, &arg);
}

long queue_recv_batch(int fd, enum ipcbook_select select, int64_t type,
		      struct ipcbook_queue_entry *entries, unsigned int count,
		      unsigned int flags, uint64_t deadline)
{
	struct ipcbook_queue_batch arg = {
		.size = sizeof(arg),
		.flags = flags,
		.deadline = deadline,
		.type = type,
		.select = select,
		.count = count,
		.entries = (uintptr_t)entries,
	};

	return ask(fd, IPCBOOK_IOC_QUEUE_RECV_BATCH, &arg);
}

struct ipcbook_stat queue_stat(int fd)
{
	struct ipcbook_stat stat = { .size = sizeof(stat) };

	is(ask(fd, IPCBOOK_IOC_STAT, &stat), 0);
	return stat;
}

void claim_got(int fd, enum ipcbook_select select, int64_t type,
	       const char *text, const char *file, int line)
{
	char whole[600], room[256], a[48] = "";
	int n;

	n = queue_recv(fd, select, type, room, sizeof(room), IPCBOOK_NOWAIT,
		       0, NULL);
	if (n == (int)strlen(text) && !memcmp(room, text, n))
		return;
	snprintf(whole, sizeof(whole),
		 "receive: expected \"%s\", got %s\"%.*s\"", text,
		 n < 0 ? number(a, n) : "", n < 0 ? 0 : n, room);
	fail_here(whole, file, line);
}

void claim_works(int fd, const char *file, int line)
{
	static const int64_t type = 424242;
	char room[8];

	claim_equal("a send afterwards",
		    queue_send(fd, type, "works", 5, IPCBOOK_NOWAIT, 0), 0,
		    file, line);
	claim_equal("a receive afterwards",
		    queue_recv(fd, IPCBOOK_EXACT, type, room, sizeof(room),
			       IPCBOOK_NOWAIT, 0, NULL), 5, file, line);
	claim(!memcmp(room, "works", 5), "what was received afterwards",
	      file, line);
}

void drain(int fd)
{
	long n;

	do
		n = queue_take(fd, IPCBOOK_ANY, 0);
	while (n > 0);
	is(n, -EAGAIN);
}

void fill(int fd, int64_t type, size_t len, unsigned int n)
{
	char *text = malloc(len);

	memset(text, 'x', len);
	for (unsigned int i = 0; i < n; i++)
		is(queue_send(fd, type, text, len, IPCBOOK_NOWAIT, 0), 0);
	free(text);
}

void await_waiting(int fd, uint64_t receivers, uint64_t senders)
{
	struct ipcbook_stat stat;

	await((stat = queue_stat(fd), stat.receivers_waiting == receivers &&
	       stat.senders_waiting == senders));
}

/* --- Blocked calls -------------------------------------------------------- */

struct call *call_new(int fd, enum ipcbook_select select, int64_t type)
{
	struct call *call = calloc(1, sizeof(*call));

	holds(call);
	call->fd = fd;
	call->select = select;
	call->type = type;
	call->buf = call->room;
	call->len = sizeof(call->room);
	call->joined = true;
	call->next = calls;
	calls = call;
	return call;
}

static void *call_thread(void *arg)
{
	struct call *call = arg;

	__atomic_store_n(&call->tid, gettid(), __ATOMIC_RELEASE);
	call->result = call->make(call);
	call->done = true;
	return NULL;
}

/* The alarm is for the main thread. */
static void call_start(struct call *call, long (*make)(struct call *call))
{
	sigset_t alarm, before;

	call->make = make;
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm, &before);
	is(pthread_create(&call->thread, NULL, call_thread, call), 0);
	call->joined = false;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	await(__atomic_load_n(&call->tid, __ATOMIC_ACQUIRE));
}

static long make_recv(struct call *call)
{
	return queue_recv(call->fd, call->select, call->type, call->buf,
			  call->len, call->flags, call->deadline, &call->info);
}

static long make_send(struct call *call)
{
	return queue_send(call->fd, call->type, call->buf, call->len,
			  call->flags, call->deadline);
}

void call_recv(struct call *call)
{
	struct ipcbook_stat stat = queue_stat(call->fd);

	call_start(call, make_recv);
	await_waiting(call->fd, stat.receivers_waiting + 1,
		      stat.senders_waiting);
}

void call_send(struct call *call)
{
	struct ipcbook_stat stat = queue_stat(call->fd);

	call_start(call, make_send);
	await_waiting(call->fd, stat.receivers_waiting,
		      stat.senders_waiting + 1);
}

void call_other(struct call *call, long (*make)(struct call *call),
		long number)
{
	call_start(call, make);
	await_asleep(call->tid, number);
}

struct call *receiver(int fd, enum ipcbook_select select, int64_t type)
{
	struct call *call = call_new(fd, select, type);

	call_recv(call);
	return call;
}

struct call *sender(int fd, int64_t type, size_t len)
{
	struct call *call = call_new(fd, IPCBOOK_ANY, type);

	holds(len <= sizeof(call->room));
	memset(call->room, 'x', len);
	call->len = len;
	call_send(call);
	return call;
}

long call_end(struct call *call)
{
	is(pthread_join(call->thread, NULL), 0);
	call->joined = true;
	return call->result;
}

void make_crowded(void)
{
	struct call *call;

	limit(1, 0, 0);
	is(queue_send(q, 1, "x", 1, 0, 0), 0);
	call = call_new(q, IPCBOOK_EXACT, 2);
	call->buf = nowhere();
	call_recv(call);
	is(queue_send(q, 2, "handed", 6, 0, 0), 0);
	is(call_end(call), -EFAULT);
}

/* --- Memory, files, parameters -------------------------------------------- */

void *edge(size_t n)
{
	size_t page = sysconf(_SC_PAGESIZE);
	size_t size = (n + page - 1) / page * page;
	char *memory;

	memory = mmap(NULL, size + page, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	holds(memory != MAP_FAILED);
	is(sys(mprotect(memory + size, page, PROT_NONE)), 0);
	return memory + size - n;
}

void *nowhere(void)
{
	return edge(0);
}

const char *slurp(const char *path)
{
	static __thread char text[16384];
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n < 0)
		return NULL;
	text[n] = '\0';
	return text;
}

bool spit(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text);
}

void set_file(const char *path, const char *text)
{
	const char *before = slurp(path);

	holds(before && strlen(before) < sizeof(files[0].text) &&
	      strlen(path) < sizeof(files[0].path));
	holds(files_count < ARRAY_SIZE(files));
	strcpy(files[files_count].text, before);
	strcpy(files[files_count].path, path);
	files_count++;
	holds(spit(path, text));
}

unsigned long parameter(const char *name)
{
	const char *text;
	char path[80];

	snprintf(path, sizeof(path), "/sys/module/ipcbook/parameters/%s", name);
	text = slurp(path);
	holds(text);
	return strtoul(text, NULL, 10);
}

void set_parameter(const char *name, unsigned long value)
{
	char path[80], text[32];

	snprintf(path, sizeof(path), "/sys/module/ipcbook/parameters/%s", name);
	snprintf(text, sizeof(text), "%lu", value);
	set_file(path, text);
}
